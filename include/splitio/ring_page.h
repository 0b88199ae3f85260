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

static inline uint8_t *splitio_ring_slot(struct splitio_sring *sring,
                                         uint32_t nr_slots, uint32_t slot_bytes,
                                         uint32_t index)
{
    return (uint8_t *)(sring + 1) +
           (size_t)(index & (nr_slots - 1)) * slot_bytes;
}

/* Copies of the n slots from index on, each byte read once. In runs up to the end
 * of the ring; several slots a turn, for a turn costs as much as half a slot. */
static inline void splitio_ring_read(struct splitio_sring *sring,
                                     uint32_t nr_slots, uint32_t slot_bytes,
                                     uint32_t index, void *copies, size_t bytes,
                                     uint32_t n)
{
    uint8_t *to = (uint8_t *)copies;

    if (n == 1) {
        splitio_copy_once(
            to, splitio_ring_slot(sring, nr_slots, slot_bytes, index), bytes);
        return;
    }
    while (n > 0) {
        const uint8_t *from =
            splitio_ring_slot(sring, nr_slots, slot_bytes, index);
        uint32_t run = nr_slots - (index & (nr_slots - 1));
        const uint8_t *end;

        if (run > n)
            run = n;
        end = to + run * bytes;
        SPLITIO_UNROLL(4)
        for (; to != end; to += bytes, from += slot_bytes)
            splitio_copy_once(to, from, bytes);
        index += run;
        n -= run;
    }
}

/* The other way: n slots from index on are written. */
static inline void splitio_ring_write(struct splitio_sring *sring,
                                      uint32_t nr_slots, uint32_t slot_bytes,
                                      uint32_t index, const void *originals,
                                      size_t bytes, uint32_t n)
{
    const uint8_t *from = (const uint8_t *)originals;

    if (n == 1) {
        __builtin_memcpy(splitio_ring_slot(sring, nr_slots, slot_bytes, index),
                         from, bytes);
        return;
    }
    while (n > 0) {
        uint8_t *to = splitio_ring_slot(sring, nr_slots, slot_bytes, index);
        uint32_t run = nr_slots - (index & (nr_slots - 1));
        const uint8_t *end;

        if (run > n)
            run = n;
        end = from + run * bytes;
        SPLITIO_UNROLL(4)
        for (; from != end; from += bytes, to += slot_bytes)
            __builtin_memcpy(to, from, bytes);
        index += run;
        n -= run;
    }
}

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_RING_PAGE_H */
