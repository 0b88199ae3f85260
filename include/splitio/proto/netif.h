/* SPDX-License-Identifier: BSD-2-Clause */
/* Xen's network protocol: wire format, keys, and the checks on both. */
#ifndef SPLITIO_PROTO_NETIF_H
#define SPLITIO_PROTO_NETIF_H

/**
 * @file
 * @brief The network protocol (layer 2).
 *
 * **What it is.** A queue is two rings: on *tx* the front lends pages with
 * frames for the back to send, on *rx* it lends empty pages for the back to
 * fill. A frame takes 1 to 18 slots. Sources: xen/io/netif.h; what it leaves
 * open (19 and 20 slots, cut chains) as in Linux's xen-netback.
 *
 * **Who calls what.** netback feeds tx slots to splitio_netif_tx_feed(), and
 * netfront rx slots to splitio_netif_rx_feed(). Both are pure functions over
 * copies of slots: tests, fuzzers and proofs call them alone.
 *
 * **Typical loop, both sides.**
 *
 *     splitio_netif_tx_begin(&p);             splitio_netif_rx_begin(&p);
 *     do {                                    do {
 *         take a slot from the ring               take a slot from the ring
 *         more = splitio_netif_tx_feed(&p, &s)    more = ..._rx_feed(&p, &s, i)
 *     } while (more > 0)                      } while (more > 0)
 *
 * **Memory order.** None: no shared memory is touched here.
 *
 * **Trust.** Every bit fed comes from the peer. A chain that the protocol can
 * still be followed after is *dropped*, with a response for each of its slots;
 * one after which it cannot is fatal, SPLITIO_EPROTO, and breaks the queue.
 *
 * **Errors.** SPLITIO_EPROTO only.
 */

#include <splitio/proto/packet.h>
#include <splitio/ring.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- wire format ---- */

/** Tx request. Size: the whole frame in the first, its own in the others. */
struct splitio_netif_tx_request {
    uint32_t gref;   /* writer: front */
    uint16_t offset; /* writer: front; of the data in the page */
    uint16_t flags;  /* writer: front; SPLITIO_NETTXF_* */
    uint16_t id;     /* writer: front; echoed in the response */
    uint16_t size;   /* writer: front */
};

/** Tx response: one for each slot, extras too. */
struct splitio_netif_tx_response {
    uint16_t id;    /* writer: back */
    int16_t status; /* writer: back; SPLITIO_NETIF_RSP_* */
};

/** Rx request: an empty page. */
struct splitio_netif_rx_request {
    uint16_t id;   /* writer: front; slot position */
    uint16_t pad;  /* writer: front; 0 */
    uint32_t gref; /* writer: front */
};

/** Rx response, in the slot of its request. Each has its own size. */
struct splitio_netif_rx_response {
    uint16_t id;     /* writer: back; of the request */
    uint16_t offset; /* writer: back; of the data in the page */
    uint16_t flags;  /* writer: back; SPLITIO_NETRXF_* */
    int16_t status;  /* writer: back; bytes, or SPLITIO_NETIF_RSP_* */
};

/** Extra info: takes the place of a tx request or of an rx response. */
struct splitio_netif_extra {
    uint8_t type;  /* writer: sender; SPLITIO_NETIF_EXTRA_* */
    uint8_t flags; /* writer: sender; SPLITIO_NETIF_EXTRA_FLAG_MORE */
    union {
        struct {
            uint16_t size;     /* payload bytes a segment */
            uint8_t type;      /* SPLITIO_NETIF_GSO_* */
            uint8_t pad;       /* 0 */
            uint16_t features; /* 0 */
        } gso;
        struct {
            uint8_t addr[6];
        } mcast;
        struct {
            uint8_t type;
            uint8_t algorithm;
            uint8_t value[4]; /* lowest byte first */
        } hash;
        struct {
            uint16_t headroom; /* bytes of each page that are no data */
            uint16_t pad[2];   /* 0 */
        } xdp;
        uint16_t pad[3];
    } u;
};

/** A slot of the tx ring, as request. */
union splitio_netif_tx_slot {
    struct splitio_netif_tx_request req;
    struct splitio_netif_extra extra;
};

/** A slot of the rx ring, as response. */
union splitio_netif_rx_slot {
    struct splitio_netif_rx_response rsp;
    struct splitio_netif_extra extra;
};

SPLITIO_STATIC_ASSERT(sizeof(struct splitio_netif_tx_request) == 12, "wire");
SPLITIO_STATIC_ASSERT(offsetof(struct splitio_netif_tx_request, flags) == 6 &&
                          offsetof(struct splitio_netif_tx_request, size) == 10,
                      "wire");
SPLITIO_STATIC_ASSERT(sizeof(struct splitio_netif_tx_response) == 4, "wire");
SPLITIO_STATIC_ASSERT(sizeof(struct splitio_netif_rx_request) == 8, "wire");
SPLITIO_STATIC_ASSERT(offsetof(struct splitio_netif_rx_request, gref) == 4,
                      "wire");
SPLITIO_STATIC_ASSERT(sizeof(struct splitio_netif_rx_response) == 8, "wire");
SPLITIO_STATIC_ASSERT(offsetof(struct splitio_netif_rx_response, status) == 6,
                      "wire");
SPLITIO_STATIC_ASSERT(sizeof(struct splitio_netif_extra) == 8, "wire");
SPLITIO_STATIC_ASSERT(offsetof(struct splitio_netif_extra, u.gso.features) == 6,
                      "wire");
SPLITIO_STATIC_ASSERT(sizeof(union splitio_netif_tx_slot) == 12, "wire");
SPLITIO_STATIC_ASSERT(sizeof(union splitio_netif_rx_slot) == 8, "wire");

/*
 * From the byte order of the wire, which is little-endian, to the processor's,
 * or back: in place, and the same both ways. An extra's u.gso.size, its features
 * and u.xdp.headroom are to be put through splitio_le16().
 */
static inline void
splitio_netif_tx_request_swap(struct splitio_netif_tx_request *req)
{
    req->gref = splitio_le32(req->gref);
    req->offset = splitio_le16(req->offset);
    req->flags = splitio_le16(req->flags);
    req->id = splitio_le16(req->id);
    req->size = splitio_le16(req->size);
}

static inline void
splitio_netif_tx_response_swap(struct splitio_netif_tx_response *rsp)
{
    rsp->id = splitio_le16(rsp->id);
    rsp->status = (int16_t)splitio_le16((uint16_t)rsp->status);
}

static inline void
splitio_netif_rx_request_swap(struct splitio_netif_rx_request *req)
{
    req->id = splitio_le16(req->id);
    req->gref = splitio_le32(req->gref);
}

static inline void
splitio_netif_rx_response_swap(struct splitio_netif_rx_response *rsp)
{
    rsp->id = splitio_le16(rsp->id);
    rsp->offset = splitio_le16(rsp->offset);
    rsp->flags = splitio_le16(rsp->flags);
    rsp->status = (int16_t)splitio_le16((uint16_t)rsp->status);
}

/** Flags of a tx request (NETTXF_*). */
#define SPLITIO_NETTXF_CSUM_BLANK     0x01u /* checksum: pseudo-header only */
#define SPLITIO_NETTXF_DATA_VALIDATED 0x02u /* checksum known to be right */
#define SPLITIO_NETTXF_MORE_DATA      0x04u /* another slot follows */
#define SPLITIO_NETTXF_EXTRA_INFO     0x08u /* extras come first */

/** Flags of an rx response (NETRXF_*); the first two are not as for tx. */
#define SPLITIO_NETRXF_DATA_VALIDATED 0x01u
#define SPLITIO_NETRXF_CSUM_BLANK     0x02u
#define SPLITIO_NETRXF_MORE_DATA      0x04u
#define SPLITIO_NETRXF_EXTRA_INFO     0x08u
#define SPLITIO_NETRXF_GSO_PREFIX     0x10u /* old, never offered here */

/** Types of extra info (XEN_NETIF_EXTRA_TYPE_*). */
#define SPLITIO_NETIF_EXTRA_GSO       1u
#define SPLITIO_NETIF_EXTRA_MCAST_ADD 2u
#define SPLITIO_NETIF_EXTRA_MCAST_DEL 3u
#define SPLITIO_NETIF_EXTRA_HASH      4u
#define SPLITIO_NETIF_EXTRA_XDP       5u /* Linux's; not in Xen's header */
#define SPLITIO_NETIF_EXTRA_TYPES     6u
/** Algorithms of a hash (XEN_NETIF_CTRL_HASH_ALGORITHM_*). */
#define SPLITIO_NETIF_HASH_NONE     0u
#define SPLITIO_NETIF_HASH_TOEPLITZ 1u
/** Another extra follows. */
#define SPLITIO_NETIF_EXTRA_FLAG_MORE 0x01u

/** Types of segmentation (XEN_NETIF_GSO_TYPE_*). */
#define SPLITIO_NETIF_GSO_TCPV4 1u
#define SPLITIO_NETIF_GSO_TCPV6 2u

/** Status of a response (NETIF_RSP_*). */
#define SPLITIO_NETIF_RSP_DROPPED (-2)
#define SPLITIO_NETIF_RSP_ERROR   (-1)
#define SPLITIO_NETIF_RSP_OKAY    0
#define SPLITIO_NETIF_RSP_NULL    1 /* answers an extra; has no id */

/** Slots with data that every back takes for one frame. */
#define SPLITIO_NETIF_SLOTS_MAX 18u
/** More than this many, and the chain is not followed any further. */
#define SPLITIO_NETIF_SLOTS_FATAL 20u
/** Extras of one frame: each type at most once. */
#define SPLITIO_NETIF_EXTRAS_MAX 5u
/** Payload bytes of a frame: what IPv4 needs at least, and what fits. */
#define SPLITIO_NETIF_MTU_MIN 68u
#define SPLITIO_NETIF_MTU_MAX 65521u
/** ... that every front takes for granted. */
#define SPLITIO_NETIF_MTU_DEFAULT 1500u
/** Most bytes that a back here leaves free in front of the data of a page. */
#define SPLITIO_NETIF_HEADROOM_MAX 2048u
/** Multicast addresses that a front may ask for: as many as Linux takes. */
#define SPLITIO_NETIF_MCAST_MAX 64u
/** Longest frame on tx: what the size field holds. */
#define SPLITIO_NETIF_TX_BYTES_MAX 65535u
/** Longest frame on rx: 65535 bytes and an Ethernet header. */
#define SPLITIO_NETIF_RX_BYTES_MAX 65549u
/** Shortest frame: an Ethernet header. */
#define SPLITIO_NETIF_BYTES_MIN 14u

/** Typed rings: see SPLITIO_RING_DEFINE(). */
SPLITIO_RING_DEFINE(splitio_netif_tx, union splitio_netif_tx_slot,
                    struct splitio_netif_tx_response);
SPLITIO_RING_DEFINE(splitio_netif_rx, struct splitio_netif_rx_request,
                    union splitio_netif_rx_slot);

/** Slots of a queue's rings: one page each. */
#define SPLITIO_NETIF_RING_SLOTS 256u

/* ---- features ---- */

/** What one side can take from the other. */
#define SPLITIO_NETIF_F_SG        (1u << 0) /* frames of several slots */
#define SPLITIO_NETIF_F_CSUM_V4   (1u << 1) /* blank TCP/UDP checksums, IPv4 */
#define SPLITIO_NETIF_F_CSUM_V6   (1u << 2) /* the same, IPv6 */
#define SPLITIO_NETIF_F_GSO_TCPV4 (1u << 3)
#define SPLITIO_NETIF_F_GSO_TCPV6 (1u << 4)
/** The above: what fronts say as well as backs. */
#define SPLITIO_NETIF_F_OFFLOADS 0x1fu
/* Of backs only. */
#define SPLITIO_NETIF_F_MCAST    (1u << 5) /* filters multicast if asked to */
#define SPLITIO_NETIF_F_HEADROOM (1u << 6) /* leaves room in rx pages, too */
#define SPLITIO_NETIF_F_CTRL     (1u << 7) /* has a control ring */
#define SPLITIO_NETIF_F_ALL      0xffu

/** Keys that both sides write. The negative one counts as on if missing. */
#define SPLITIO_NETIF_KEY_SG        "feature-sg"
#define SPLITIO_NETIF_KEY_NO_CSUM   "feature-no-csum-offload"
#define SPLITIO_NETIF_KEY_CSUM_V6   "feature-ipv6-csum-offload"
#define SPLITIO_NETIF_KEY_GSO_TCPV4 "feature-gso-tcpv4"
#define SPLITIO_NETIF_KEY_GSO_TCPV6 "feature-gso-tcpv6"
/** Keys of the back. */
#define SPLITIO_NETIF_KEY_RX_COPY      "feature-rx-copy"
#define SPLITIO_NETIF_KEY_RX_FLIP      "feature-rx-flip"
#define SPLITIO_NETIF_KEY_SPLIT_EVTCHN "feature-split-event-channels"
#define SPLITIO_NETIF_KEY_MAX_QUEUES   "multi-queue-max-queues"
#define SPLITIO_NETIF_KEY_CARRIER      "carrier"
#define SPLITIO_NETIF_KEY_MCAST        "feature-multicast-control"
#define SPLITIO_NETIF_KEY_MCAST_DYN    "feature-dynamic-multicast-control"
#define SPLITIO_NETIF_KEY_HEADROOM     "feature-xdp-headroom"
#define SPLITIO_NETIF_KEY_CTRL_RING    "feature-ctrl-ring"
/** Keys of the front; the next six also under "queue-N/". */
#define SPLITIO_NETIF_KEY_TX_RING_REF     "tx-ring-ref"
#define SPLITIO_NETIF_KEY_RX_RING_REF     "rx-ring-ref"
#define SPLITIO_NETIF_KEY_EVTCHN          "event-channel"
#define SPLITIO_NETIF_KEY_EVTCHN_TX       "event-channel-tx"
#define SPLITIO_NETIF_KEY_EVTCHN_RX       "event-channel-rx"
#define SPLITIO_NETIF_KEY_NUM_QUEUES      "multi-queue-num-queues"
#define SPLITIO_NETIF_KEY_REQUEST_RX_COPY "request-rx-copy"
#define SPLITIO_NETIF_KEY_RX_NOTIFY       "feature-rx-notify"
#define SPLITIO_NETIF_KEY_REQUEST_MCAST   "request-multicast-control"
#define SPLITIO_NETIF_KEY_SET_HEADROOM    "xdp-headroom"
#define SPLITIO_NETIF_KEY_CTRL_RING_REF   "ctrl-ring-ref"
#define SPLITIO_NETIF_KEY_EVTCHN_CTRL     "event-channel-ctrl"
/** Keys of the toolstack, in either directory. */
#define SPLITIO_NETIF_KEY_MAC "mac"
#define SPLITIO_NETIF_KEY_MTU "mtu"
/** ... in the front's: "0": show the back no more than must be; "1": no link. */
#define SPLITIO_NETIF_KEY_TRUSTED    "trusted"
#define SPLITIO_NETIF_KEY_DISCONNECT "disconnect"
/** ... in the back's: bytes a time in microseconds, "125000,1000". */
#define SPLITIO_NETIF_KEY_RATE "rate"

/** Most queues of a device here. */
#define SPLITIO_NETIF_QUEUES_MAX 8u

/** What a back offers to a front, before the front makes its queues. */
struct splitio_netif_offer {
    uint32_t features;      /**< SPLITIO_NETIF_F_*: what the back can take */
    uint32_t max_queues;    /**< 1 if the back knows nothing of queues */
    bool split_evtchn;      /**< takes one event channel for each ring */
    bool dynamic_multicast; /**< control of it may change while connected */
};

/** One queue as the front offers it. */
struct splitio_netif_queue_link {
    splitio_gref_t tx_gref;
    splitio_gref_t rx_gref;
    splitio_evtchn_t tx_evtchn;
    splitio_evtchn_t rx_evtchn; /**< the same as tx if not split */
};

/** The control ring (splitio/proto/netif_ctrl.h) as the front offers it. */
struct splitio_netif_ctrl_link {
    splitio_gref_t gref;
    splitio_evtchn_t evtchn; /**< 0: there is none */
};

/** All that a back must know of a front to join it. */
struct splitio_netif_link {
    uint32_t features;     /**< SPLITIO_NETIF_F_*: what the front can take */
    bool filter_multicast; /**< it wants none but what it asks for */
    bool no_rx_notify;     /**< it sends no event when it lends rx pages */
    uint16_t headroom;     /**< bytes that it wants free in rx pages */
    uint32_t nr_queues;
    struct splitio_netif_queue_link queues[SPLITIO_NETIF_QUEUES_MAX];
    struct splitio_netif_ctrl_link ctrl;
};

/* ---- a frame on tx ---- */

/** A piece of a frame, inside one page. */
struct splitio_netif_seg {
    splitio_gref_t gref;
    uint16_t offset;
    uint16_t size; /**< never 0; offset + size <= 4096 */
};

/** What becomes of a chain of slots once it is complete. */
enum splitio_netif_verdict {
    SPLITIO_NETIF_ACCEPT, /**< a frame */
    SPLITIO_NETIF_DROP,   /**< answer all slots with an error */
    SPLITIO_NETIF_MCAST,  /**< no frame: a change of the multicast list */
};

/** A chain of tx slots, as far as it has been fed. */
struct splitio_netif_tx_packet {
    enum splitio_netif_verdict verdict;
    uint32_t len_bytes;  /**< the whole frame: the sum of the segments */
    uint16_t flags;      /**< SPLITIO_NETTXF_* of the first slot */
    uint16_t gso_size;   /**< 0: none */
    uint8_t gso_type;    /**< SPLITIO_NETIF_GSO_*; 0: none */
    uint8_t extra_types; /**< bit n: an extra of type n was there */
    uint8_t nr_extras;
    uint8_t nr_ids;  /**< slots with data */
    uint8_t nr_segs; /**< segments that are not empty */
    uint8_t mcast[6];
    uint8_t hash_type; /**< enum splitio_hash */
    uint32_t hash;
    uint16_t ids[SPLITIO_NETIF_SLOTS_FATAL];
    struct splitio_netif_seg segs[SPLITIO_NETIF_SLOTS_MAX];
    /* private */
    uint32_t rest_bytes; /* sum of all slots but the first */
    struct splitio_netif_seg first;
    bool in_extras;
};

/** @brief Begin a chain. Caller: any. Order: none. Peer: nothing. */
static inline void splitio_netif_tx_begin(struct splitio_netif_tx_packet *p)
{
    p->verdict = SPLITIO_NETIF_ACCEPT;
    p->len_bytes = p->rest_bytes = 0;
    p->gso_size = p->flags = 0;
    p->gso_type = p->extra_types = p->nr_extras = p->nr_ids = p->nr_segs = 0;
    p->hash_type = 0;
    p->hash = 0;
    p->in_extras = false;
}

/**
 * @brief Add one slot to a chain.
 *
 * Accepted are chains of 1 to 18 data slots whose first carries a total of at
 * least 14 bytes and of at least what the others hold. 19 and 20 slots, a total
 * that is too small, and segmentation that makes no sense are dropped. A slot
 * that leaves its page, a 21st slot, and extras of unknown type, twice of one
 * type or without end are fatal. A multicast address that is both added and
 * removed, or is none, is dropped.
 * @param[in,out] p    begun with splitio_netif_tx_begin().
 * @param[in]     slot a private copy, as it was on the wire.
 * @return 1: the chain goes on, feed the next slot; 0: it is complete, see
 * `verdict`; SPLITIO_EPROTO: fatal.
 *
 * Caller: any. Order: none. Peer: every bit of @p slot; at most 25 slots make
 * a chain.
 */
int splitio_netif_tx_feed(struct splitio_netif_tx_packet *p,
                          const union splitio_netif_tx_slot *slot);

/* ---- a frame on rx ---- */

/** A piece of a frame, in the page of one rx slot. */
struct splitio_netif_rx_seg {
    uint32_t index; /**< ring index of the slot, free-running */
    uint16_t offset;
    uint16_t size; /**< never 0; offset + size <= 4096 */
};

/** A chain of rx slots, as far as it has been fed. */
struct splitio_netif_rx_packet {
    enum splitio_netif_verdict verdict;
    uint32_t len_bytes;
    uint16_t flags;    /**< SPLITIO_NETRXF_* of the first slot */
    uint16_t gso_size; /**< 0: none */
    uint16_t headroom; /**< bytes free in front of the data of each page */
    uint8_t gso_type;
    uint8_t extra_types;
    uint8_t nr_extras;
    uint8_t nr_slots;  /**< slots with data */
    uint8_t hash_type; /**< enum splitio_hash */
    uint32_t hash;
    uint8_t nr_segs;
    struct splitio_netif_rx_seg segs[SPLITIO_NETIF_SLOTS_MAX];
    /* private */
    uint8_t more_data;
    bool in_extras;
};

/** @brief Begin a chain. Caller: any. Order: none. Peer: nothing. */
static inline void splitio_netif_rx_begin(struct splitio_netif_rx_packet *p)
{
    p->verdict = SPLITIO_NETIF_ACCEPT;
    p->len_bytes = 0;
    p->gso_size = p->headroom = p->flags = 0;
    p->gso_type = p->extra_types = p->nr_extras = p->nr_slots = p->nr_segs = 0;
    p->hash_type = 0;
    p->hash = 0;
    p->more_data = 0;
    p->in_extras = false;
}

/**
 * @brief Add one slot to a chain of rx responses.
 *
 * Fatal are: data that leaves its page, an id that is not the slot's position,
 * more than 20 data slots, and extras as for splitio_netif_tx_feed(). A slot
 * with an error status makes the frame dropped, as do a length below 14 or
 * above SPLITIO_NETIF_RX_BYTES_MAX and segmentation that makes no sense. Where
 * headroom is told, slots that count it as data (Linux's xen-netback has offset
 * 0 then) lose it.
 * @param[in,out] p     begun with splitio_netif_rx_begin().
 * @param[in]     slot  a private copy, as it was on the wire.
 * @param[in]     index where in the ring it was, free-running.
 * @return 1: the chain goes on; 0: complete; SPLITIO_EPROTO: fatal.
 *
 * Caller: any. Order: none. Peer: every bit of @p slot; at most 25 slots make
 * a chain.
 */
int splitio_netif_rx_feed(struct splitio_netif_rx_packet *p,
                          const union splitio_netif_rx_slot *slot,
                          uint32_t index);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_PROTO_NETIF_H */
