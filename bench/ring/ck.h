/* SPDX-License-Identifier: BSD-2-Clause */
/* A pair of Concurrency Kit's rings, of values, one producer and one consumer.
 * They know no batches. */
#ifndef SPLITIO_BENCH_RING_CK_H
#define SPLITIO_BENCH_RING_CK_H

#include <ck_ring.h>

#include "message.h"

CK_RING_PROTOTYPE(message, message)

/* One of them: a slot stays free. */
struct ck_pipe {
    struct ck_ring ring;
    _Alignas(64) struct message slot[2 * RING_SLOTS];
};

struct ck_front {
    struct ck_pipe *requests, *responses;
};

struct ck_back {
    struct ck_pipe *requests, *responses;
};

SPLITIO_STATIC_ASSERT(2 * sizeof(struct ck_pipe) <= RING_PAGES * 4096, "fits");

static inline void ck_init(struct ck_front *f, struct ck_back *b, void *mem)
{
    f->requests = b->requests = mem;
    f->responses = b->responses = f->requests + 1;
    ck_ring_init(&f->requests->ring, 2 * RING_SLOTS);
    ck_ring_init(&f->responses->ring, 2 * RING_SLOTS);
}

static inline bool ck_send(struct ck_front *f, unsigned n, uint64_t id)
{
    struct ck_pipe *p = f->requests;

    for (unsigned i = 0; i < n; i++) {
        make(ck_ring_enqueue_reserve_spsc_message(&p->ring, p->slot), id + i);
        ck_ring_enqueue_commit_spsc(&p->ring);
    }
    return false;
}

static inline unsigned ck_serve(struct ck_back *b, bool *notify)
{
    struct ck_pipe *from = b->requests, *to = b->responses;
    struct message m;
    unsigned n = 0;

    *notify = false;
    while (n < RING_SLOTS &&
           ck_ring_dequeue_spsc_message(&from->ring, from->slot, &m)) {
        ck_ring_enqueue_spsc_message(&to->ring, to->slot, &m);
        n++;
    }
    return n;
}

static inline unsigned ck_collect(struct ck_front *f)
{
    struct ck_pipe *p = f->responses;
    struct message m;
    unsigned n = 0;

    while (n < RING_SLOTS &&
           ck_ring_dequeue_spsc_message(&p->ring, p->slot, &m)) {
        gbench_use(&m);
        n++;
    }
    return n;
}

#endif
