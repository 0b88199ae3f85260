/* SPDX-License-Identifier: BSD-2-Clause */
/* splitio's ring. */
#ifndef SPLITIO_BENCH_RING_SPLITIO_H
#define SPLITIO_BENCH_RING_SPLITIO_H

#include <splitio/ring.h>

#include "message.h"

SPLITIO_RING_DEFINE(ours, struct message, struct message);

struct splitio_front {
    struct ours_front half;
};

struct splitio_back {
    struct ours_back half;
};

/* 256 slots and the header are five pages. */
static inline void splitio_init(struct splitio_front *f, struct splitio_back *b,
                                void *mem)
{
    ours_front_init(&f->half, mem, 5);
    ours_back_attach(&b->half, mem, 5);
}

static inline bool splitio_send(struct splitio_front *f, unsigned n,
                                uint64_t id)
{
    for (unsigned i = 0; i < n; i++)
        make(ours_front_reserve(&f->half), id + i);
    return splitio_ring_front_publish(&f->half.ring);
}

static inline unsigned splitio_serve(struct splitio_back *b, bool *notify)
{
    struct message m;
    unsigned n = 0;

    for (; ours_back_take(&b->half, &m) == 1; n++)
        ours_back_put(&b->half, &m);
    *notify = splitio_ring_back_publish(&b->half.ring);
    return n;
}

static inline unsigned splitio_collect(struct splitio_front *f)
{
    struct message m;
    unsigned n = 0;

    for (; ours_front_take(&f->half, &m) == 1; n++)
        gbench_use(&m);
    return n;
}

static inline bool splitio_front_rearm(struct splitio_front *f)
{
    return splitio_ring_front_rearm(&f->half.ring, 1) > 0;
}

static inline bool splitio_back_rearm(struct splitio_back *b)
{
    return splitio_ring_back_rearm(&b->half.ring, 1) > 0;
}

#endif
