/* SPDX-License-Identifier: BSD-2-Clause */
/* A pair of DPDK's rings, of elements, one producer and one consumer, in bursts. */
#ifndef SPLITIO_BENCH_RING_RTE_H
#define SPLITIO_BENCH_RING_RTE_H

#include <rte_ring.h>

#include "message.h"

enum { rte_batch = 32 };

struct rte_front {
    struct rte_ring *requests, *responses;
};

struct rte_back {
    struct rte_ring *requests, *responses;
};

static inline struct rte_ring *rte_pipe(void *mem, const char *name)
{
    struct rte_ring *r = mem;

    rte_ring_init(r, name, 2 * RING_SLOTS, RING_F_SP_ENQ | RING_F_SC_DEQ);
    return r;
}

static inline void rte_init(struct rte_front *f, struct rte_back *b, void *mem)
{
    f->requests = b->requests = rte_pipe(mem, "requests");
    f->responses = b->responses =
        rte_pipe((char *)mem + RING_PAGES / 2 * 4096, "responses");
}

static inline bool rte_send(struct rte_front *f, unsigned n, uint64_t id)
{
    struct message m[rte_batch];
    unsigned done = 0;

    while (done < n) {
        unsigned now = n - done < rte_batch ? n - done : rte_batch;

        for (unsigned i = 0; i < now; i++)
            make(&m[i], id + done + i);
        done += rte_ring_sp_enqueue_burst_elem(f->requests, m, sizeof(*m), now,
                                               NULL);
    }
    return false;
}

static inline unsigned rte_serve(struct rte_back *b, bool *notify)
{
    struct message m[rte_batch];
    unsigned all = 0, n;

    *notify = false;
    do {
        n = rte_ring_sc_dequeue_burst_elem(b->requests, m, sizeof(*m),
                                           rte_batch, NULL);
        rte_ring_sp_enqueue_bulk_elem(b->responses, m, sizeof(*m), n, NULL);
        all += n;
    } while (n == rte_batch);
    return all;
}

static inline unsigned rte_collect(struct rte_front *f)
{
    struct message m[rte_batch];
    unsigned all = 0, n;

    do {
        n = rte_ring_sc_dequeue_burst_elem(f->responses, m, sizeof(*m),
                                           rte_batch, NULL);
        for (unsigned i = 0; i < n; i++)
            gbench_use(&m[i]);
        all += n;
    } while (n == rte_batch);
    return all;
}

#endif
