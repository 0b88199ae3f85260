/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of netback share. */
#ifndef SPLITIO_NETBACK_IMPL_H
#define SPLITIO_NETBACK_IMPL_H

#include <splitio/netback.h>

/* A batch on tx: as much as is copied by one call of the host port. */
#define TX_BATCH_FRAMES 64u
#define TX_STAGING      (192u * 1024u)
#define BATCH_OPS       192u
/* Backlog: frames, whatever their size. */
#define BACKLOG_FRAMES 1024u
/* A frame this long goes straight from the NIC's memory to the guest's; shorter
 * ones are gathered, so that one call of the host port serves many. */
#define RX_DIRECT_BYTES 1024u
#define RX_DIRECT_IOVS  64u

/* A page of the front that stays mapped. */
struct staged_page {
    splitio_gref_t gref;
    splitio_grant_handle_t handle;
    uint8_t *va;   /* NULL while it is being entered */
    uint16_t next; /* in its bucket, or in the list of free entries */
    bool read_only;
};

#define STAGED_BUCKETS 256u

/* All such pages of a queue, by reference. */
struct staged_table {
    uint16_t buckets[STAGED_BUCKETS];
    uint16_t free; /* the first */
    uint32_t size; /* entries */
    uint32_t nr;   /* of them in use */
    struct staged_page pages[];
};

/* The control ring, and what it has been used for. */
struct splitio_netback_ctrl {
    struct splitio_netif_ctrl_back ring;
    struct splitio_ring_map map;
    splitio_evtchn_t evtchn;
    uint32_t event; /* the handler has run, not yet unmasked */
    bool open;      /* the front has one */
    bool idle;      /* nothing has been asked since the last unmasking */
    struct splitio_netif_hash hash;
    /* a copy of what a message points at */
    _Alignas(8) uint8_t page[SPLITIO_PAGE_SIZE];
};

/* Says what a front is told of where a frame belongs. */
struct rx_hash {
    uint8_t type; /* enum splitio_hash */
    uint32_t value;
};

/* A frame in the staging area. */
struct tx_frame {
    uint32_t offset;
    uint32_t len_bytes;
    uint16_t flags; /* SPLITIO_NETTXF_* */
    uint16_t gso_size;
    uint16_t csum_start;
    uint16_t csum_offset;
    uint16_t first_op;
    uint8_t gso_type; /* SPLITIO_NETIF_GSO_* */
    uint8_t nr_ops;
    uint8_t nr_ids;
    uint8_t nr_extras;
    uint8_t hash_type; /* enum splitio_hash */
    uint32_t hash;
    uint8_t frame_flags; /* SPLITIO_FRAME_* */
    bool ok;
    bool mcast; /* no frame: a change of the list, and it is done if ok */
};

/* A frame of the NIC, without its bytes. */
struct rx_frame {
    uint32_t offset; /* in the backlog */
    uint32_t len_bytes;
    uint16_t flags; /* SPLITIO_NETRXF_* */
    uint16_t gso_size;
    uint8_t gso_type; /* SPLITIO_NETIF_GSO_* */
    struct rx_hash hash;
};

struct splitio_netback_queue {
    struct splitio_netback *dev;
    struct staged_table *staged;

    /* tx */
    struct splitio_netif_tx_back tx;
    unsigned nr_frames;  /* in staging */
    unsigned next_frame; /* of them, the next to send */
    unsigned nic_full;   /* polls that it has been refused for */
    bool tx_notify;

    /* rx */
    struct splitio_netif_rx_back rx;
    unsigned nr_rsps;
    bool rx_notify;
    uint32_t backlog_head; /* free-running index of the first frame */
    uint32_t backlog_tail;
    uint32_t backlog_end; /* offset after the bytes of the last */
    uint32_t backlog_old; /* frames that were there at the last tick */

    unsigned nr_ops;

    /* connection */
    struct splitio_ring_map tx_map;
    struct splitio_ring_map rx_map;
    splitio_evtchn_t tx_evtchn;
    splitio_evtchn_t rx_evtchn; /* the same as tx if not split */
    uint32_t tx_event;          /* the handler has run, not yet unmasked */
    uint32_t rx_event;
    uint32_t tx_worked; /* frames' slots taken until the last unmasking */
    uint32_t rx_worked; /* pages that were lent until then */

    uint8_t *staging;
    uint8_t *backlog;
    uint32_t backlog_bytes;
    uint16_t ids[SPLITIO_NETIF_RING_SLOTS];
    struct tx_frame frames[TX_BATCH_FRAMES];
    struct splitio_grant_copy ops[BATCH_OPS];
    uint16_t op_rsp[BATCH_OPS]; /* rx: the response that an op belongs to */
    union splitio_netif_rx_slot rsps[BATCH_OPS];
    struct rx_frame backlog_frames[BACKLOG_FRAMES];
    struct splitio_packet_gso gso; /* a frame that the guest wants cut */
};

/* Takes frames from the guest and gives them to the NIC. Frames, up to budget;
 * SPLITIO_EPROTO. */
SPLITIO_INTERNAL int splitio_netback_tx_poll(struct splitio_netback_queue *q,
                                             unsigned budget);

/* A frame for the guest: into its pages or into the backlog. 0, EAGAIN,
 * EINVAL. */
SPLITIO_INTERNAL int
splitio_netback_rx_accept(struct splitio_netback_queue *q,
                          const struct splitio_frame *frame,
                          const struct rx_hash *hash);

/* The same, straight from where it is. 0; EAGAIN: too few pages; EPROTO. */
SPLITIO_INTERNAL int splitio_netback_rx_direct(struct splitio_netback_queue *q,
                                               const struct rx_frame *f,
                                               const struct splitio_iovec *iov);

/* Moves the backlog into the guest's pages as far as it lends any, up to budget
 * frames. Frames; SPLITIO_EPROTO. */
SPLITIO_INTERNAL int splitio_netback_rx_flush(struct splitio_netback_queue *q,
                                              unsigned budget);

/* Asks for an event when the next frame of the backlog can go. 1: it can go
 * now; 0; SPLITIO_EPROTO. */
SPLITIO_INTERNAL int splitio_netback_rx_rearm(struct splitio_netback_queue *q);

/* At most one notification an event channel for all that has been published. */
SPLITIO_INTERNAL void splitio_netback_notify(struct splitio_netback_queue *q);

/* poll() has something to do. Any thread. */
SPLITIO_INTERNAL void splitio_netback_wake(struct splitio_netback *dev);

/* The control ring, if the front has one; queues are connected. */
SPLITIO_INTERNAL int
splitio_netback_ctrl_open(struct splitio_netback *dev,
                          const struct splitio_netif_ctrl_link *link);
SPLITIO_INTERNAL void splitio_netback_ctrl_close(struct splitio_netback *dev);
/* Answers messages. 1: there may be more; 0; EPROTO. */
SPLITIO_INTERNAL int splitio_netback_ctrl_poll(struct splitio_netback *dev);

/* The queue for a frame, and its hash if the front wants to know. */
SPLITIO_INTERNAL struct splitio_netback_queue *
splitio_netback_pick(struct splitio_netback *dev,
                     const struct splitio_frame *frame, struct rx_hash *hash);

/* Where a page is mapped; NULL: it is not, or not so. */
SPLITIO_INTERNAL uint8_t *
splitio_netback_staged_find(struct splitio_netback_queue *q,
                            splitio_gref_t gref, bool write);
SPLITIO_INTERNAL void splitio_netback_staged_init(struct staged_table *t,
                                                  uint32_t size);
SPLITIO_INTERNAL void
splitio_netback_staged_drop(struct splitio_netback_queue *q);

static inline uint8_t *splitio_netback_staged(struct splitio_netback_queue *q,
                                              splitio_gref_t gref, bool write)
{
    return q->staged->nr != 0 ? splitio_netback_staged_find(q, gref, write)
                              : NULL;
}

/* The device's half of splitio/xenbus.h. */
extern SPLITIO_INTERNAL const struct splitio_xenbus_driver
    splitio_netback_xenbus_driver;

/* Its part that reads, in netback_keys.c. */
SPLITIO_INTERNAL bool splitio_netback_want(void *drv,
                                           enum splitio_xenbus_phase phase,
                                           unsigned i, char *key);
SPLITIO_INTERNAL int splitio_netback_got(void *drv,
                                         enum splitio_xenbus_phase phase,
                                         unsigned i, const char *value,
                                         size_t len_bytes);
SPLITIO_INTERNAL enum splitio_xenbus_watched
splitio_netback_watch(void *drv, unsigned i, char *key);

/* splitio_netback_connect() and _disconnect(), whoever asks. */
SPLITIO_INTERNAL int
splitio_netback_link_up(struct splitio_netback *dev, splitio_domid_t front,
                        const struct splitio_netif_link *link);
SPLITIO_INTERNAL void splitio_netback_link_down(struct splitio_netback *dev);

/* Frames of the NIC that the front does not want to see: multicast. */
SPLITIO_INTERNAL bool
splitio_netback_is_wanted(const struct splitio_netback *dev,
                          const struct splitio_frame *frame);

/* The front adds an address or removes one. True: done. */
SPLITIO_INTERNAL bool
splitio_netback_mcast_change(struct splitio_netback *dev,
                             const struct splitio_netif_tx_packet *p);

/* What a link or a change of keys asks for, as far as it has been offered. */
SPLITIO_INTERNAL void
splitio_netback_set_requests(struct splitio_netback *dev,
                             const struct splitio_netif_link *link);

static inline bool splitio_netback_is_short(const struct splitio_netback *dev,
                                            const struct splitio_frame *f)
{
    return splitio_packet_is_within(
        f->iov, f->nr_iov, f->len_bytes,
        f->gso_type == SPLITIO_GSO_NONE ? 0 : f->gso_size, dev->mtu);
}

/* Goes on where dev->saved was, once the rings are there. 0; EPROTO. */
SPLITIO_INTERNAL int splitio_netback_load(struct splitio_netback *dev);
/* The front in the store is the one that was saved. */
SPLITIO_INTERNAL bool
splitio_netback_is_saved_peer(const struct splitio_netback *dev);

/* Credit on tx. */
SPLITIO_INTERNAL bool
splitio_netback_has_credit(const struct splitio_netback *dev);
/* There is something to send. True: not now, for want of credit. */
SPLITIO_INTERNAL bool splitio_netback_waits(struct splitio_netback *dev);
SPLITIO_INTERNAL void splitio_netback_spend(struct splitio_netback *dev,
                                            uint32_t len_bytes);

/* Bytes of a frame in each rx slot, and slots with data that a frame takes. */
static inline uint32_t
splitio_netback_slot_bytes(const struct splitio_netback *dev)
{
    return SPLITIO_PAGE_SIZE - dev->headroom;
}

static inline uint32_t
splitio_netback_data_slots(const struct splitio_netback *dev,
                           uint32_t len_bytes)
{
    uint32_t each = splitio_netback_slot_bytes(dev);

    return (len_bytes + each - 1) / each;
}

/* The first frame of the backlog is gone. */
SPLITIO_INTERNAL void splitio_netback_rx_pop(struct splitio_netback_queue *q);

static inline bool
splitio_netback_rx_has_room(const struct splitio_netback_queue *q)
{
    uint32_t head, used;

    if (q->backlog_head == q->backlog_tail)
        return true;
    if (q->backlog_tail - q->backlog_head == BACKLOG_FRAMES)
        return false;
    head = q->backlog_frames[q->backlog_head % BACKLOG_FRAMES].offset;
    used = q->backlog_end > head ? q->backlog_end - head
                                 : q->backlog_bytes - head + q->backlog_end;
    return used <= q->backlog_bytes / 2;
}

#endif /* SPLITIO_NETBACK_IMPL_H */
