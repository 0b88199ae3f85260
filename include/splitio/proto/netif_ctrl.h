/* SPDX-License-Identifier: BSD-2-Clause */
/* Xen's network protocol: the control ring, hashing, staged grants. */
#ifndef SPLITIO_PROTO_NETIF_CTRL_H
#define SPLITIO_PROTO_NETIF_CTRL_H

/**
 * @file
 * @brief The control ring of the network protocol (layer 2).
 *
 * **What it is.** A third ring, one for a device, on which the front asks the
 * back for something: to spread frames over its queues by a hash, or to keep
 * some of its pages mapped (*staged*). Sources: xen/io/netif.h; what that leaves
 * open as in Linux's xen-netback.
 *
 * **Who calls what.** netback answers the messages (netback_ctrl.c), netfront
 * sends them, one at a time (netfront_ctrl.c); both use the structures here.
 *
 * **Typical loop.**
 *
 *     front                                back
 *     reserve, fill in, swap, publish      take, swap, do it
 *     wait for the event                   put the answer, swapped, publish
 *     take, swap: id and type must agree
 *
 * **Memory order.** None: no shared memory is touched here.
 *
 * **Trust.** Every bit of a request is the front's, every bit of a response the
 * back's. What a request points at is copied, once, and then checked.
 *
 * **Errors.** On the wire: SPLITIO_NETIF_CTRL_*.
 */

#include <splitio/proto/netif.h>
#include <splitio/proto/toeplitz.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- wire format ---- */

/** Control request. */
struct splitio_netif_ctrl_request {
    uint16_t id;      /* writer: front; echoed in the response */
    uint16_t type;    /* writer: front; SPLITIO_NETIF_CTRL_*, likewise */
    uint32_t data[3]; /* writer: front; as the type says, else 0 */
};

/** Control response. */
struct splitio_netif_ctrl_response {
    uint16_t id;     /* writer: back; of the request */
    uint16_t type;   /* writer: back; of the request */
    uint32_t status; /* writer: back; SPLITIO_NETIF_CTRL_* */
    uint32_t data;   /* writer: back; as the type says, else 0 */
};

/** One page in the list of ADD_GREF_MAPPING or DEL_GREF_MAPPING. */
struct splitio_netif_gref {
    uint32_t gref;   /* writer: front */
    uint16_t flags;  /* writer: front; SPLITIO_NETIF_GREF_* */
    uint16_t status; /* writer: back, for DEL only; SPLITIO_NETIF_CTRL_* */
};

SPLITIO_STATIC_ASSERT(sizeof(struct splitio_netif_ctrl_request) == 16, "wire");
SPLITIO_STATIC_ASSERT(offsetof(struct splitio_netif_ctrl_request, data) == 4,
                      "wire");
SPLITIO_STATIC_ASSERT(sizeof(struct splitio_netif_ctrl_response) == 12, "wire");
SPLITIO_STATIC_ASSERT(offsetof(struct splitio_netif_ctrl_response, status) == 4,
                      "wire");
SPLITIO_STATIC_ASSERT(sizeof(struct splitio_netif_gref) == 8, "wire");
SPLITIO_STATIC_ASSERT(offsetof(struct splitio_netif_gref, status) == 6, "wire");

/** Types of message (XEN_NETIF_CTRL_TYPE_*). In brackets: data[]. */
#define SPLITIO_NETIF_CTRL_GET_HASH_FLAGS 1u /* gives the kinds known */
#define SPLITIO_NETIF_CTRL_SET_HASH_FLAGS 2u /* [kinds] */
#define SPLITIO_NETIF_CTRL_SET_HASH_KEY   3u /* [gref, bytes] */
/* gives entries */
#define SPLITIO_NETIF_CTRL_GET_HASH_MAPPING_SIZE 4u
#define SPLITIO_NETIF_CTRL_SET_HASH_MAPPING_SIZE 5u /* [entries] */
/* [gref, entries, first] */
#define SPLITIO_NETIF_CTRL_SET_HASH_MAPPING   6u
#define SPLITIO_NETIF_CTRL_SET_HASH_ALGORITHM 7u /* [algorithm] */
/* [queue], gives entries */
#define SPLITIO_NETIF_CTRL_GET_GREF_MAPPING_SIZE 8u
/* [queue, gref, entries] */
#define SPLITIO_NETIF_CTRL_ADD_GREF_MAPPING 9u
/* [queue, gref, entries], gives those gone */
#define SPLITIO_NETIF_CTRL_DEL_GREF_MAPPING 10u

/** Status of a response, or of an entry (XEN_NETIF_CTRL_STATUS_*). */
#define SPLITIO_NETIF_CTRL_SUCCESS           0u
#define SPLITIO_NETIF_CTRL_NOT_SUPPORTED     1u
#define SPLITIO_NETIF_CTRL_INVALID_PARAMETER 2u
#define SPLITIO_NETIF_CTRL_BUFFER_OVERFLOW   3u

/** Flag of a staged page: it is lent read-only (XEN_NETIF_CTRLF_GREF_*). */
#define SPLITIO_NETIF_GREF_READONLY 1u

/** Kinds of hash (XEN_NETIF_CTRL_HASH_TYPE_*), of which a frame gets the one
 *  that takes most of it: addresses and ports for TCP, else addresses. */
#define SPLITIO_NETIF_HASH_IPV4     (1u << 0)
#define SPLITIO_NETIF_HASH_IPV4_TCP (1u << 1)
#define SPLITIO_NETIF_HASH_IPV6     (1u << 2)
#define SPLITIO_NETIF_HASH_IPV6_TCP (1u << 3)
#define SPLITIO_NETIF_HASH_ALL      0xfu

/** Typed ring: see SPLITIO_RING_DEFINE(). */
SPLITIO_RING_DEFINE(splitio_netif_ctrl, struct splitio_netif_ctrl_request,
                    struct splitio_netif_ctrl_response);

/** Entries of a mapping table that a back here takes: as many as Linux. */
#define SPLITIO_NETIF_HASH_MAPPING_MAX 128u
/** Entries of a list of pages: what fits into one page. */
#define SPLITIO_NETIF_GREF_LIST_MAX 512u

/*
 * From the byte order of the wire, which is little-endian, to the processor's,
 * or back: in place, and the same both ways.
 */
static inline void
splitio_netif_ctrl_request_swap(struct splitio_netif_ctrl_request *req)
{
    unsigned i;

    req->id = splitio_le16(req->id);
    req->type = splitio_le16(req->type);
    for (i = 0; i < 3; i++)
        req->data[i] = splitio_le32(req->data[i]);
}

static inline void
splitio_netif_ctrl_response_swap(struct splitio_netif_ctrl_response *rsp)
{
    rsp->id = splitio_le16(rsp->id);
    rsp->type = splitio_le16(rsp->type);
    rsp->status = splitio_le32(rsp->status);
    rsp->data = splitio_le32(rsp->data);
}

static inline void splitio_netif_gref_swap(struct splitio_netif_gref *entry)
{
    entry->gref = splitio_le32(entry->gref);
    entry->flags = splitio_le16(entry->flags);
    entry->status = splitio_le16(entry->status);
}

/* ---- hashing ---- */

/** How a back is to spread frames over the queues of a front. */
struct splitio_netif_hash {
    uint32_t algorithm; /**< SPLITIO_NETIF_HASH_NONE: as it likes */
    uint32_t kinds;     /**< SPLITIO_NETIF_HASH_*; 0: as it likes */
    uint32_t key_bytes; /**< 0 to SPLITIO_TOEPLITZ_KEY_BYTES */
    uint8_t key[SPLITIO_TOEPLITZ_KEY_BYTES];
    uint32_t nr_mapping; /**< 0: hash modulo the number of queues */
    uint8_t mapping[SPLITIO_NETIF_HASH_MAPPING_MAX]; /**< queues, by hash modulo
                                                        nr_mapping */
};

/** @brief True if frames are to be hashed. Caller: any. */
static inline bool splitio_netif_hash_is_on(const struct splitio_netif_hash *h)
{
    return h->algorithm != SPLITIO_NETIF_HASH_NONE && h->kinds != 0;
}

/**
 * @brief The hash of a frame.
 * @param[in]  h          how; splitio_netif_hash_is_on().
 * @param[in]  head       the first bytes of the frame, private.
 * @param[in]  head_bytes how many: all, or SPLITIO_PACKET_HEAD_BYTES.
 * @param[out] value      the hash; 0 if there is none.
 * @return enum splitio_hash; SPLITIO_HASH_NONE: a frame that none of the kinds
 * asked for is meant for.
 *
 * Caller: any. Order: none. Peer: all bytes.
 */
uint8_t splitio_netif_hash_frame(const struct splitio_netif_hash *h,
                                 const uint8_t *head, uint32_t head_bytes,
                                 uint32_t *value);

/** @brief The queue for a hash, below @p nr_queues if the mapping is.
 *  Caller: any. */
static inline uint32_t
splitio_netif_hash_queue(const struct splitio_netif_hash *h, uint32_t value,
                         uint32_t nr_queues)
{
    return h->nr_mapping != 0 ? h->mapping[value % h->nr_mapping]
                              : value % nr_queues;
}

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_PROTO_NETIF_CTRL_H */
