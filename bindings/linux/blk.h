/* SPDX-License-Identifier: BSD-2-Clause */
/* The disk driver: what its files share. */
#ifndef SPLITIO_BINDINGS_LINUX_BLK_H
#define SPLITIO_BINDINGS_LINUX_BLK_H

#include <linux/blk-mq.h>
#include <linux/spinlock.h>

#include <splitio/blkfront.h>

#include "splitio_linux.h"

#define BLK_SEGMENTS 64

/* A disk. Requests wait in a list until whoever has the machine's lock gives them to
 * the front. */
struct blk {
    struct splitio_device *sd;
    struct splitio_blkfront front;
    void *mem;
    struct blk_mq_tag_set tags;
    struct gendisk *disk;
    struct work_struct update; /* the disk appears, or has changed */
    spinlock_t lock;           /* of the list */
    struct list_head requests;
    bool shown;   /* add_disk() has been called */
    bool closing; /* the driver lets go of it */
};

/* Of each request. */
struct blk_request {
    struct splitio_blk_io io;
    struct list_head waiting;
    struct splitio_iovec iov[BLK_SEGMENTS];
};

/* --- blk_queue.c --- */
extern const struct blk_mq_ops blk_queue_ops;
/* Give waiting requests to the front: how many. With the machine's lock. */
int blk_queue_submit(struct blk *b);
/* Requests that were never given to it fail. */
void blk_queue_fail(struct blk *b);

#endif
