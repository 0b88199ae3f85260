/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the block front share. */
#ifndef BLKFRONT_IMPL_H
#define BLKFRONT_IMPL_H

#include <splitio/blkfront.h>

#define NONE UINT32_MAX

/* A page of the pool. */
struct pool_page {
    void *page;          /* NULL: given up, or not there yet */
    splitio_gref_t gref; /* SPLITIO_GREF_NONE: not lent */
};

/* One segment of a request in flight. */
struct front_seg {
    splitio_gref_t gref;
    uint32_t page; /* of the pool; NONE: the caller's, lent for this request */
    uint8_t first_sect, last_sect;
};

enum shadow_state {
    SHADOW_FREE,
    SHADOW_IN_FLIGHT,
    SHADOW_REPLAY, /* unanswered when the back went; to be sent again */
};

/* The front's own record of a request on the ring. */
struct shadow {
    struct splitio_blk_io *io;
    struct splitio_blk_cursor at; /* the part of io that this is */
    uint64_t len_bytes;
    uint64_t seq;        /* order of submission */
    uint32_t generation; /* upper half of the id: no answer counts twice */
    uint32_t next_free;
    uint32_t list_page; /* of the pool, holds the segments; or NONE */
    uint16_t nr_segs;
    uint8_t wire_op; /* what a response must name */
    uint8_t state;   /* enum shadow_state */
    struct front_seg *segs;
};

struct splitio_blkfront_queue {
    union {
        struct splitio_ring_front ring;
        struct splitio_blkif_ring_x86_64_front x86_64;
        struct splitio_blkif_ring_x86_32_front x86_32;
    };
    struct splitio_blkfront *dev;
    struct shadow *shadows;
    uint32_t nr_shadows;
    uint32_t free_shadow;
    uint32_t nr_in_flight;
    uint32_t nr_replays;
    struct pool_page *pool;
    uint32_t *free_pages; /* a stack: the page used last is used next */
    uint32_t nr_free_pages;
    struct splitio_blk_io *waiting; /* sent in part; mostly one at most */
    uint64_t next_seq;
    bool armed;      /* the back will notify of the next answer */
    bool masked;     /* the channel waits for its unmasking */
    uint32_t kicked; /* set by the event handler */
    /* Cold. */
    void *ring_pages;
    splitio_gref_t ring_grefs[SPLITIO_RING_PAGES_MAX];
    splitio_evtchn_t evtchn;
};

static inline bool is_write(const struct splitio_blk_io *io)
{
    return io->op == SPLITIO_BLK_WRITE || io->op == SPLITIO_BLK_BARRIER;
}

/* blkfront_pages.c */
SPLITIO_INTERNAL int
splitio_blkfront_pool_fill(struct splitio_blkfront_queue *q);
SPLITIO_INTERNAL void
splitio_blkfront_pool_empty(struct splitio_blkfront_queue *q);
SPLITIO_INTERNAL void
splitio_blkfront_pool_revoke(struct splitio_blkfront_queue *q, bool wipe);
SPLITIO_INTERNAL uint32_t
splitio_blkfront_pool_get(struct splitio_blkfront_queue *q);
SPLITIO_INTERNAL void
splitio_blkfront_pool_put(struct splitio_blkfront_queue *q, uint32_t page);
SPLITIO_INTERNAL int splitio_blkfront_grant(struct splitio_blkfront *dev,
                                            const void *page, bool read_only,
                                            splitio_gref_t *gref);
SPLITIO_INTERNAL int splitio_blkfront_revoke(struct splitio_blkfront *dev,
                                             splitio_gref_t gref);
SPLITIO_INTERNAL void
splitio_blkfront_shadow_build(struct splitio_blkfront_queue *q,
                              struct shadow *s,
                              struct splitio_blk_cursor *cursor, uint64_t left);
SPLITIO_INTERNAL int
splitio_blkfront_shadow_put_segs(struct splitio_blkfront_queue *q,
                                 struct shadow *s, bool copy_in,
                                 bool abandoned);

/* blkfront_io.c */
SPLITIO_INTERNAL int
splitio_blkfront_check_io(const struct splitio_blkfront *dev,
                          struct splitio_blk_io *io);
SPLITIO_INTERNAL void
splitio_blkfront_queue_reset(struct splitio_blkfront_queue *q);
SPLITIO_INTERNAL struct shadow *
splitio_blkfront_send_part(struct splitio_blkfront_queue *q,
                           struct splitio_blk_io *io,
                           struct splitio_blk_cursor *cursor, uint64_t left);
SPLITIO_INTERNAL bool
splitio_blkfront_send_rest(struct splitio_blkfront_queue *q,
                           struct splitio_blk_io *io);
SPLITIO_INTERNAL void
splitio_blkfront_queue_publish(struct splitio_blkfront_queue *q);

/* blkfront_done.c */
SPLITIO_INTERNAL unsigned
splitio_blkfront_queue_take(struct splitio_blkfront_queue *q, unsigned budget);
SPLITIO_INTERNAL void
splitio_blkfront_queue_pump(struct splitio_blkfront_queue *q,
                            struct splitio_blkfront_queue *from);
SPLITIO_INTERNAL void
splitio_blkfront_queue_wait(struct splitio_blkfront_queue *q,
                            struct splitio_blk_io *io);
SPLITIO_INTERNAL void
splitio_blkfront_queue_to_replays(struct splitio_blkfront_queue *q);
SPLITIO_INTERNAL void
splitio_blkfront_queue_end_all(struct splitio_blkfront_queue *q, int status);

/* blkfront.c */
SPLITIO_INTERNAL int splitio_blkfront_open_rings(struct splitio_blkfront *dev,
                                                 splitio_domid_t back,
                                                 uint32_t nr_queues,
                                                 uint32_t ring_order);
SPLITIO_INTERNAL int splitio_blkfront_go(struct splitio_blkfront *dev);
SPLITIO_INTERNAL void
splitio_blkfront_close_rings(struct splitio_blkfront *dev);

/* blkfront_xenbus.c */
SPLITIO_INTERNAL extern const struct splitio_xenbus_driver
    splitio_blkfront_xenbus_driver;

#endif /* BLKFRONT_IMPL_H */
