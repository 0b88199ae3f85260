/* SPDX-License-Identifier: BSD-2-Clause */
/* A block device as a rig. */
#ifndef SPLITIO_TESTS_CONFORM_BLK_H
#define SPLITIO_TESTS_CONFORM_BLK_H

#include "blk_disk.h"
#include "rig.h"

#include <splitio/blkback.h>
#include <splitio/blkfront.h>

#define BLK_SECTORS 2048u

/* What has been seen on the rings. */
struct blk_seen {
    uint64_t ops[256]; /* requests by operation */
    uint64_t nr_secure;
    unsigned ring_pages; /* of the longest ring */
    unsigned nr_used_rings;
    struct {
        uint64_t number; /* as the spy counts */
        uint32_t req_prod;
        bool used;
    } rings[SPY_RINGS];
};

/* A request. It may outlive the attempt to have it done. */
struct blk_one {
    struct splitio_blk_io io;
    struct splitio_iovec iov[2];
    int status;
    bool done;
};

#define BLK_ONES 256u

struct blk_rig {
    struct rig rig;
    struct blk_one ones[BLK_ONES];
    unsigned nr_ones;
    struct splitio_blkfront_config front_cfg;
    struct splitio_blkback_config back_cfg;
    struct splitio_blkfront front;
    struct splitio_blkback back;
    void *front_mem, *back_mem;
    struct blk_disk disk;
    bool flushes, barriers, discards, secure; /* the guest uses them */
    struct blk_seen seen;
};

static inline struct blk_rig *blk_of(struct rig *r)
{
    return (struct blk_rig *)r;
}

static inline const struct blk_seen *blk_seen(const struct rig *r)
{
    return &((const struct blk_rig *)r)->seen;
}

void blk_configure(struct rig *r);
bool blk_front_new(struct rig *r);
bool blk_back_new(struct rig *r);
int blk_front_poll(struct rig *r);
int blk_back_poll(struct rig *r);
void blk_look(struct rig *r);
bool blk_is_up(const struct rig *r);
bool blk_traffic(struct rig *r);
void blk_front_close(struct rig *r);
void blk_front_reopen(struct rig *r);
bool blk_front_is_closed(const struct rig *r);
int blk_front_fini(struct rig *r);
int blk_back_fini(struct rig *r);
bool blk_is_clean(const struct rig *r);
void blk_free_memory(struct rig *r);

#endif
