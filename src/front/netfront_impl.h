/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of netfront share. */
#ifndef SPLITIO_NETFRONT_IMPL_H
#define SPLITIO_NETFRONT_IMPL_H

#include <splitio/netfront.h>

#define RING_SLOTS SPLITIO_NETIF_RING_SLOTS
#define RING_MASK  (RING_SLOTS - 1)
/* So many slots free again are handed to the back without waiting for the end
 * of a turn. */
#define RX_POST_SLOTS 32u

/* A page and its reference, lent while connected. */
struct lent_page {
    uint8_t *page;
    splitio_gref_t gref;
};

/* What of ours the back has. */
enum tx_kind {
    TX_FREE,
    TX_FRAME, /* its first slot */
    TX_MORE,  /* another of its slots */
    TX_MCAST, /* no frame: a change of the list */
};

/* Whose message is out on the control ring. */
enum ctrl_job {
    CTRL_NONE,
    CTRL_HASH,
    CTRL_STAGE,
};

/* The control ring, and what the back is asked for there. */
struct splitio_netfront_ctrl {
    struct splitio_netif_ctrl_front ring;
    struct lent_page ring_page;
    struct lent_page data_page; /* what messages point at */
    splitio_evtchn_t evtchn;
    uint32_t event; /* the handler has run, not yet unmasked */
    bool open;      /* the back has one */

    /* the one message that is out */
    bool out;
    uint16_t id;
    uint16_t type;
    enum ctrl_job job;

    struct splitio_netif_hash hash; /* wanted ... */
    bool hash_wanted;               /* ... ever */
    bool hash_todo;                 /* ... and the back is to be told */
    bool hashing;                   /* it has an algorithm */
    bool undo;                      /* the message takes that away again */
    unsigned step;
    int hash_result;

    bool stage; /* wanted */
    bool stage_todo;
    uint32_t queue; /* whose turn it is */
    uint32_t nr_listed;
    int stage_result;
};

struct splitio_netfront_queue {
    struct splitio_netfront *dev;
    uint32_t nr_staged; /* pages that the back keeps mapped, tx first */

    /* tx: a page is named by the id of its request */
    struct splitio_netif_tx_front tx;
    uint32_t nr_free;
    uint16_t free_ids[RING_SLOTS]; /* last in, first out */
    uint8_t tx_out[RING_SLOTS];    /* enum tx_kind */
    uint16_t tx_used[RING_SLOTS];  /* bytes of the page that are not zero */
    bool tx_blocked;               /* send() has been refused ... */
    uint32_t tx_want_pages;        /* ... for want of these */
    uint32_t tx_want_slots;

    /* rx: a slot always has the same page */
    struct splitio_netif_rx_front rx;

    /* connection */
    struct lent_page tx_ring;
    struct lent_page rx_ring;
    splitio_evtchn_t tx_evtchn;
    splitio_evtchn_t rx_evtchn; /* the same as tx if not split */
    uint32_t tx_event;          /* the handler has run, not yet unmasked */
    uint32_t rx_event;
    bool tx_notify;
    bool rx_notify;

    struct lent_page tx_pages[RING_SLOTS];
    struct lent_page rx_pages[RING_SLOTS];
    /* headroom and head of the frame coming in */
    uint8_t room[SPLITIO_NETIF_HEADROOM_MAX + SPLITIO_PACKET_HEAD_BYTES];
    struct splitio_packet_gso gso; /* of a frame being cut */
};

static inline uint8_t *splitio_netfront_head(struct splitio_netfront_queue *q)
{
    return q->room + SPLITIO_NETIF_HEADROOM_MAX;
}

/* poll() has something to do. Any thread. */
SPLITIO_INTERNAL void splitio_netfront_wake(struct splitio_netfront *dev);

/* A new page, lent; and the end of it, which does nothing if there is none. */
SPLITIO_INTERNAL int splitio_netfront_lend(struct splitio_netfront *dev,
                                           struct lent_page *l, bool read_only);
SPLITIO_INTERNAL void splitio_netfront_take_back(struct splitio_netfront *dev,
                                                 struct lent_page *l);
/* A new ring whose indices begin at index. */
SPLITIO_INTERNAL int splitio_netfront_make_ring(struct splitio_ring_front *r,
                                                void *page, uint32_t slot_bytes,
                                                uint32_t index);

/* The control ring, if the back has one and the configuration wants one. */
SPLITIO_INTERNAL int
splitio_netfront_ctrl_open(struct splitio_netfront *dev,
                           const struct splitio_netif_offer *offer,
                           struct splitio_netif_ctrl_link *link);
SPLITIO_INTERNAL void splitio_netfront_ctrl_close(struct splitio_netfront *dev);
/* Takes answers, sends what comes next. 1: there were some; 0; EPROTO. */
SPLITIO_INTERNAL int splitio_netfront_ctrl_poll(struct splitio_netfront *dev);

/* Makes and lends all pages and channels of a queue; all or nothing. */
SPLITIO_INTERNAL int
splitio_netfront_queue_open(struct splitio_netfront_queue *q, bool split,
                            struct splitio_netif_queue_link *link);
SPLITIO_INTERNAL void
splitio_netfront_queue_close(struct splitio_netfront_queue *q);

/* One frame into the tx ring, not published. */
SPLITIO_INTERNAL int
splitio_netfront_tx_send(struct splitio_netfront_queue *q,
                         const struct splitio_frame *frame);

/* One change of the back's multicast list, not published. 0; EAGAIN; EPROTO. */
SPLITIO_INTERNAL int splitio_netfront_tx_mcast(struct splitio_netfront_queue *q,
                                               uint8_t type,
                                               const uint8_t *addr);

/* Address @p i of those that are wanted; NULL: no more. */
SPLITIO_INTERNAL const uint8_t *
splitio_netfront_mcast_wanted(const struct splitio_netfront *dev, unsigned i);

/* Tells the back what it does not know, as far as there is room. 0; EPROTO. */
SPLITIO_INTERNAL int splitio_netfront_mcast_sync(struct splitio_netfront *dev);
/* There is a new back, or none. */
SPLITIO_INTERNAL void
splitio_netfront_mcast_forget(struct splitio_netfront *dev);
/* The back has no room for an address. */
SPLITIO_INTERNAL void
splitio_netfront_mcast_failed(struct splitio_netfront *dev);

/* Calls link_changed() if need be. */
SPLITIO_INTERNAL void splitio_netfront_link_look(struct splitio_netfront *dev);

/* Takes responses off the tx ring. 0; EPROTO. */
SPLITIO_INTERNAL int splitio_netfront_tx_reap(struct splitio_netfront_queue *q);

/* 1: there is room for what was refused and for some more; 0: not yet, an event
 * has been asked for; EPROTO. */
SPLITIO_INTERNAL int splitio_netfront_tx_wait(struct splitio_netfront_queue *q);

/* Takes frames off the rx ring. Frames, up to budget; EPROTO. */
SPLITIO_INTERNAL int splitio_netfront_rx_poll(struct splitio_netfront_queue *q,
                                              unsigned budget);

/* Lends all free rx slots to the back; published. */
SPLITIO_INTERNAL void
splitio_netfront_rx_post(struct splitio_netfront_queue *q);

/* At most one notification an event channel for all that has been published. */
SPLITIO_INTERNAL void splitio_netfront_notify(struct splitio_netfront_queue *q);

/* The device's half of splitio/xenbus.h. */
extern SPLITIO_INTERNAL const struct splitio_xenbus_driver
    splitio_netfront_xenbus_driver;

/* Its part that reads, in netfront_keys.c. */
SPLITIO_INTERNAL bool splitio_netfront_want(void *drv,
                                            enum splitio_xenbus_phase phase,
                                            unsigned i, char *key);
SPLITIO_INTERNAL int splitio_netfront_got(void *drv,
                                          enum splitio_xenbus_phase phase,
                                          unsigned i, const char *value,
                                          size_t len_bytes);
SPLITIO_INTERNAL enum splitio_xenbus_watched
splitio_netfront_watch(void *drv, unsigned i, char *key);

/* splitio_netfront_connect() and _disconnect(), whoever asks. */
SPLITIO_INTERNAL int
splitio_netfront_link_up(struct splitio_netfront *dev, splitio_domid_t back,
                         const struct splitio_netif_offer *offer,
                         struct splitio_netif_link *link);
SPLITIO_INTERNAL void splitio_netfront_link_down(struct splitio_netfront *dev);

#endif /* SPLITIO_NETFRONT_IMPL_H */
