/* SPDX-License-Identifier: BSD-2-Clause */
/* The macros of Xen's ring.h, used as Linux's drivers use them: a batch is copied
 * up to the producer index as it was seen once, and published once. */
#ifndef SPLITIO_BENCH_RING_XEN_H
#define SPLITIO_BENCH_RING_XEN_H

#include <string.h>

#include "message.h"

#define xen_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#include <xen/xen.h>

#include <xen/io/ring.h>
DEFINE_RING_TYPES(theirs, struct message, struct message);

struct xen_front {
    theirs_front_ring_t half;
};

struct xen_back {
    theirs_back_ring_t half;
};

static inline void xen_init(struct xen_front *f, struct xen_back *b, void *mem)
{
    theirs_sring_t *sring = mem;

    XEN_FRONT_RING_INIT(&f->half, sring, 5 * 4096);
    BACK_RING_INIT(&b->half, sring, 5 * 4096);
}

static inline bool xen_send(struct xen_front *front, unsigned n, uint64_t id)
{
    theirs_front_ring_t *f = &front->half;
    int notify;

    for (unsigned i = 0; i < n && !RING_FULL(f); i++)
        make(RING_GET_REQUEST(f, f->req_prod_pvt++), id + i);
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(f, notify);
    return notify;
}

static inline unsigned xen_serve(struct xen_back *back, bool *notify)
{
    theirs_back_ring_t *b = &back->half;
    RING_IDX prod = *(volatile RING_IDX *)&b->sring->req_prod;
    struct message m;
    unsigned n = 0;
    int wanted = 0;

    xen_rmb();
    *notify = false;
    if (RING_REQUEST_PROD_OVERFLOW(b, prod))
        return 0;
    while (b->req_cons != prod) {
        RING_COPY_REQUEST(b, b->req_cons, &m);
        b->req_cons++;
        *RING_GET_RESPONSE(b, b->rsp_prod_pvt) = m;
        b->rsp_prod_pvt++;
        n++;
    }
    if (n != 0)
        RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(b, wanted);
    *notify = wanted;
    return n;
}

static inline unsigned xen_collect(struct xen_front *front)
{
    theirs_front_ring_t *f = &front->half;
    RING_IDX prod = *(volatile RING_IDX *)&f->sring->rsp_prod;
    struct message m;
    unsigned n = 0;

    xen_rmb();
    if (RING_RESPONSE_PROD_OVERFLOW(f, prod))
        return 0;
    while (f->rsp_cons != prod) {
        RING_COPY_RESPONSE(f, f->rsp_cons, &m);
        f->rsp_cons++;
        gbench_use(&m);
        n++;
    }
    return n;
}

static inline bool xen_front_rearm(struct xen_front *f)
{
    int more;

    RING_FINAL_CHECK_FOR_RESPONSES(&f->half, more);
    return more;
}

static inline bool xen_back_rearm(struct xen_back *b)
{
    int more;

    RING_FINAL_CHECK_FOR_REQUESTS(&b->half, more);
    return more;
}

#endif
