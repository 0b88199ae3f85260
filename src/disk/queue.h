/* SPDX-License-Identifier: BSD-2-Clause */
/* A list of requests, first in, first out; linked through their private words. */
#ifndef SPLITIO_SRC_DISK_QUEUE_H
#define SPLITIO_SRC_DISK_QUEUE_H

#include <splitio/disk.h>

struct io_queue {
    struct splitio_disk_io *first, *last;
    unsigned nr;
};

/* Words of engine_private. */
enum {
    IO_NEXT,
    IO_STATUS,
};

static inline void io_queue_put(struct io_queue *q, struct splitio_disk_io *io)
{
    io->engine_private[IO_NEXT] = NULL;
    if (q->last)
        q->last->engine_private[IO_NEXT] = io;
    else
        q->first = io;
    q->last = io;
    q->nr++;
}

static inline struct splitio_disk_io *io_queue_take(struct io_queue *q)
{
    struct splitio_disk_io *io = q->first;

    if (!io)
        return NULL;
    q->first = io->engine_private[IO_NEXT];
    if (!q->first)
        q->last = NULL;
    q->nr--;
    return io;
}

/* All of @p from to the end of @p to. */
static inline void io_queue_move(struct io_queue *to, struct io_queue *from)
{
    if (!from->first)
        return;
    if (to->last)
        to->last->engine_private[IO_NEXT] = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    to->nr += from->nr;
    *from = (struct io_queue){NULL, NULL, 0};
}

static inline void io_set_status(struct splitio_disk_io *io, int status)
{
    io->engine_private[IO_STATUS] = (void *)(intptr_t)status;
}

/* Call done() for up to @p budget requests of @p q, the owner's alone. */
static inline int io_queue_deliver(struct io_queue *q, unsigned budget)
{
    struct splitio_disk_io *io;
    int n = 0;

    while ((unsigned)n < budget && (io = io_queue_take(q)) != NULL) {
        io->done(io, (int)(intptr_t)io->engine_private[IO_STATUS]);
        n++;
    }
    return n;
}

#endif /* SPLITIO_SRC_DISK_QUEUE_H */
