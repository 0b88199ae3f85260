/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the block back share. */
#ifndef BLKBACK_IMPL_H
#define BLKBACK_IMPL_H

#include <splitio/blkback.h>

#define NONE UINT32_MAX

/* One page that stays mapped from request to request. */
struct kept_page {
    void *va;
    splitio_gref_t gref;
    splitio_grant_handle_t handle;
    uint32_t next;  /* in its bucket, or in the free list */
    uint32_t newer; /* neighbours in the order of last use, if idle */
    uint32_t older;
    uint16_t users; /* requests in flight that use it */
};

/* The pages kept for a queue, found by reference. */
struct keep {
    struct kept_page *pages;
    uint32_t *buckets;
    uint32_t bucket_mask;
    uint32_t nr_pages;
    uint32_t nr_used; /* entries behind these have never been in use */
    uint32_t free;    /* first free entry before them */
    uint32_t newest;  /* idle pages: the one used last, */
    uint32_t oldest;  /* and the one to go when there is no room */
};

/* What a flush or a barrier with data is made of, in this order. */
#define STEP_FLUSH_BEFORE (1u << 0)
#define STEP_WRITE        (1u << 1)
#define STEP_FLUSH_AFTER  (1u << 2)

/* One request in flight. */
struct blkback_io {
    struct splitio_disk_io disk;
    struct splitio_blkback_queue *q;
    struct blkback_io *next; /* in the free or the waiting list */
    uint64_t id;
    uint8_t op;    /* as on the wire */
    uint8_t steps; /* STEP_* that are to come */
    bool busy;     /* not in the free list */
    bool copied;   /* through `bounce`, not mapped */
    uint16_t nr_segs;
    uint16_t nr_mapped; /* holds[0 ...]: handles to unmap */
    uint16_t nr_kept;   /* holds[... nr_segs_max - 1]: entries of `keep` */
    struct splitio_iovec *iov;
    uint32_t *holds;
    struct splitio_blkif_segment *segs;
    uint8_t *bounce;
};

struct splitio_blkback_queue {
    union {
        struct splitio_ring_back ring;
        struct splitio_blkif_ring_x86_64_back x86_64;
        struct splitio_blkif_ring_x86_32_back x86_32;
    };
    struct splitio_blkback *dev;
    struct blkback_io *free;
    struct blkback_io *waiting;       /* the disk had no room; oldest first */
    struct blkback_io **waiting_last; /* where the next one is linked */
    struct blkback_io *held;          /* a barrier, before its turn */
    struct blkback_io *answered;      /* with a journal: until published */
    uint32_t nr_in_flight;
    uint32_t nr_unmaps;
    bool broken;
    bool fenced;     /* a barrier is not done: nothing is taken */
    bool armed;      /* the front will notify of the next request */
    bool masked;     /* the channel waits for its unmasking */
    uint32_t kicked; /* set by the event handler */
    uint32_t worked; /* requests taken until the last unmasking */
    struct keep keep;
    /* Scratch of one request or one batch. */
    struct splitio_grant_map *maps;
    uint16_t *map_segs; /* which segment maps[i] is for */
    struct splitio_grant_copy *copies;
    struct splitio_grant_unmap *unmaps;
    struct splitio_blk_request req;
    union splitio_blkif_slot slot;
    /* Cold. */
    struct blkback_io *ios;
    uint8_t *parts;   /* what the ios have beside them */
    uint32_t nr_used; /* ios behind these have never been in use */
    splitio_evtchn_t evtchn;
    struct splitio_ring_map ring_map;
};

/* Unmappings collected before they are carried out. */
#define BLKBACK_UNMAP_BATCH 128u

/* blkback_mem.c */
SPLITIO_INTERNAL uint32_t
splitio_blkback_nr_segs_max(const struct splitio_blkback_config *cfg);
SPLITIO_INTERNAL void splitio_blkback_carve(struct splitio_blkback *dev,
                                            void *mem);
SPLITIO_INTERNAL void splitio_blkback_carve_io(struct splitio_blkback_queue *q,
                                               uint32_t i);

/* Requests in flight of each queue. */
SPLITIO_INTERNAL uint32_t
splitio_blkback_nr_ios(const struct splitio_blkback_config *cfg);

/* blkback_keep.c */
SPLITIO_INTERNAL void splitio_blkback_keep_init(struct keep *k, uint32_t nr);
SPLITIO_INTERNAL uint32_t splitio_blkback_keep_find(struct keep *k,
                                                    splitio_gref_t gref);
SPLITIO_INTERNAL uint32_t splitio_blkback_keep_insert(
    struct splitio_blkback_queue *q, const struct splitio_grant_map *map);
SPLITIO_INTERNAL void
splitio_blkback_keep_drop_all(struct splitio_blkback_queue *q);

SPLITIO_INTERNAL void splitio_blkback_keep_release(struct keep *k, uint32_t i);

/* blkback_pages.c */
SPLITIO_INTERNAL void
splitio_blkback_unmap_later(struct splitio_blkback_queue *q,
                            splitio_grant_handle_t handle);
SPLITIO_INTERNAL void
splitio_blkback_unmap_now(struct splitio_blkback_queue *q);
SPLITIO_INTERNAL int
splitio_blkback_get_pages(struct blkback_io *io,
                          const struct splitio_blk_request *req,
                          const struct splitio_blkif_segment *segs);
SPLITIO_INTERNAL int
splitio_blkback_read_indirect(struct blkback_io *io,
                              const struct splitio_blk_request *req);
SPLITIO_INTERNAL int splitio_blkback_copy_out(struct blkback_io *io);
SPLITIO_INTERNAL void splitio_blkback_put_pages(struct blkback_io *io);

/* blkback_answer.c */
/* At the end of those that wait for room at the disk. */
SPLITIO_INTERNAL void splitio_blkback_io_wait(struct blkback_io *io);
/* The request is over: give everything back. A barrier begins when it is the last
 * one, and the next requests are taken when it has ended. */
SPLITIO_INTERNAL void splitio_blkback_io_release(struct blkback_io *io);
/* Answer it, and the same. */
SPLITIO_INTERNAL void splitio_blkback_io_finish(struct blkback_io *io,
                                                int status);
/* All answers of the batch at once, and at most one notification. */
SPLITIO_INTERNAL void
splitio_blkback_queue_publish(struct splitio_blkback_queue *q);

/* blkback_io.c */
SPLITIO_INTERNAL void
splitio_blkback_queue_reset(struct splitio_blkback_queue *q);
SPLITIO_INTERNAL unsigned
splitio_blkback_queue_take(struct splitio_blkback_queue *q, unsigned budget);
SPLITIO_INTERNAL void
splitio_blkback_queue_drop_waiting(struct splitio_blkback_queue *q);

/* Everything between a request that is sound and the disk. 0 or a wire status;
 * the segments are in io->segs. */
SPLITIO_INTERNAL int splitio_blkback_prepare(struct blkback_io *io,
                                             struct splitio_blk_request *req);
/* A free io, or NULL. */
SPLITIO_INTERNAL struct blkback_io *
splitio_blkback_io_get(struct splitio_blkback_queue *q);
/* The one of a number, which must be free. */
SPLITIO_INTERNAL struct blkback_io *
splitio_blkback_io_claim(struct splitio_blkback_queue *q, uint32_t i);
/* On to the disk, or back to the front if there is a status. */
SPLITIO_INTERNAL void splitio_blkback_io_start(struct blkback_io *io,
                                               int status);

/* blkback_restore.c: there is something to go on from, a blob or a journal. */
SPLITIO_INTERNAL bool
splitio_blkback_is_saved(const struct splitio_blkback *dev);
/* Nothing of that will be used. */
SPLITIO_INTERNAL void splitio_blkback_drop_saved(struct splitio_blkback *dev);
/* Goes on from it, once the rings are there. */
SPLITIO_INTERNAL int splitio_blkback_load(struct splitio_blkback *dev);
/* The front in the store is the one that was saved. */
SPLITIO_INTERNAL bool
splitio_blkback_is_saved_peer(const struct splitio_blkback *dev);

/* blkback.c */
SPLITIO_INTERNAL int splitio_blkback_attach(struct splitio_blkback *dev);
SPLITIO_INTERNAL int splitio_blkback_detach(struct splitio_blkback *dev);
SPLITIO_INTERNAL int splitio_blkback_work(struct splitio_blkback *dev,
                                          unsigned budget);
SPLITIO_INTERNAL int splitio_blkback_read_info(struct splitio_blkback *dev);
SPLITIO_INTERNAL void splitio_blkback_set_offers(struct splitio_blkback *dev);

/* blkback_read.c */
SPLITIO_INTERNAL bool splitio_blkback_want(void *drv,
                                           enum splitio_xenbus_phase phase,
                                           unsigned i, char *key);
SPLITIO_INTERNAL int splitio_blkback_got(void *drv,
                                         enum splitio_xenbus_phase phase,
                                         unsigned i, const char *value,
                                         size_t len_bytes);

/* blkback_xenbus.c */
SPLITIO_INTERNAL extern const struct splitio_xenbus_driver
    splitio_blkback_xenbus_driver;

#endif /* BLKBACK_IMPL_H */
