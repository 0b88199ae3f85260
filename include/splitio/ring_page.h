/* SPDX-License-Identifier: BSD-2-Clause */
/* The shared pages of Xen's request/response ring. */
#ifndef SPLITIO_RING_PAGE_H
#define SPLITIO_RING_PAGE_H

/**
 * @file
 * @brief Layout of a ring's pages, and how slots are copied (layer 0).
 *
 * **What it is.** A header, and a power of two of slots. splitio/ring.h has the
 * two halves that work on it. Source: xen/io/ring.h.
 *
 * **Who calls what.** The halves call the functions; users of rings need none.
 *
 * **Typical loop.** None.
 *
 * **Memory order.** None: the halves' indices order what is copied.
 *
 * **Trust.** The peer may write to every byte at any time: slots are read once,
 * and indices are private to the halves.
 *
 * **Errors.** None.
 */

#include <splitio/arch.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Header of the shared pages. 64 bytes, little-endian; the slots follow. */
struct splitio_sring {
    uint32_t req_prod;  /* writer: front */
    uint32_t req_event; /* writer: back; front notifies on reaching it */
    uint32_t rsp_prod;  /* writer: back */
    uint32_t rsp_event; /* writer: front; back notifies on reaching it */
    uint8_t pvt[4];     /* writer: front, at init; 0 */
    uint8_t pad[44];    /* writer: front, at init; 0 */
};

SPLITIO_STATIC_ASSERT(sizeof(struct splitio_sring) == 64, "wire format");
SPLITIO_STATIC_ASSERT(offsetof(struct splitio_sring, rsp_event) == 12,
                      "wire format");

/** Most pages that one ring spans. */
#define SPLITIO_RING_PAGES_MAX 16u

/**
 * @brief How many slots a ring has.
 * @param[in] nr_pages   1 to 16.
 * @param[in] slot_bytes size of the larger of request and response.
 * @return a power of two; 0 if out of range or not even one slot fits.
 *
 * Caller: any. Order: none. Peer: nothing.
 */
uint32_t splitio_ring_nr_slots(uint32_t nr_pages, uint32_t slot_bytes);

static inline uint8_t *splitio_ring_slot(uint8_t *slots, uint32_t mask,
                                         uint32_t slot_bytes, uint32_t index)
{
    return slots + (size_t)(index & mask) * slot_bytes;
}

/* Slots that are fetched ahead: one that the peer has written lies in its
 * processor's cache, and will be written here, too. */
#define SPLITIO_RING_AHEAD 8u

/* A copy of a slot, each byte read once. */
static inline void splitio_ring_read(void *copy, size_t bytes, uint8_t *slots,
                                     uint32_t mask, uint32_t slot_bytes,
                                     uint32_t index)
{
    const uint8_t *slot = splitio_ring_slot(slots, mask, slot_bytes, index);

    splitio_prefetch_write(slot + SPLITIO_RING_AHEAD * (size_t)slot_bytes);
    splitio_copy_once(copy, slot, bytes);
}

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_RING_PAGE_H */
