/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long does a request of 64 bytes and its response take through the ring,
 * and how does that compare with the macros of Xen's own ring.h?
 *
 * ring_transfer/<ring>/<n>: two threads on two processors, both polling; the
 * front keeps n requests in flight. n = 1 is the round trip.
 * ring_cycle/<ring>/<n>: one thread plays both halves, n requests a batch: the
 * cost of the instructions, with everything in the nearest cache.
 *
 * Time is for one request with its response. Nobody sleeps, so nobody is
 * notified. Both rings run in one process, in random order.
 */
#include "gbench.h"

#include <splitio/ring.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct message {
    uint64_t word[8];
};
SPLITIO_RING_DEFINE(ours, struct message, struct message);

#define NR_PAGES 5u /* 256 slots of 64 bytes */
#define BATCH    32

static _Alignas(4096) uint8_t pages[NR_PAGES * 4096];
static uint32_t stop;

static uint32_t pages_for(int64_t in_flight)
{
    return in_flight > 32 ? NR_PAGES : 1;
}

static void make(struct message *m, uint64_t id)
{
    for (unsigned i = 0; i < 8; i++)
        m->word[i] = id + i;
}

/* ---- splitio ---- */

/* Send up to n requests in one batch. */
static unsigned ours_send(struct ours_front *f, unsigned n, uint64_t id)
{
    for (unsigned i = 0; i < n; i++)
        make(ours_front_reserve(f), id + i);
    splitio_ring_front_publish(&f->ring);
    return n;
}

static unsigned ours_serve(struct ours_back *b)
{
    struct message m[BATCH];
    unsigned all = 0;
    int n;

    do {
        n = ours_back_take_batch(b, m, BATCH);
        if (n <= 0)
            break;
        ours_back_put_batch(b, m, (unsigned)n);
        all += (unsigned)n;
    } while (n == BATCH);
    if (all)
        splitio_ring_back_publish(&b->ring);
    return all;
}

static unsigned ours_collect(struct ours_front *f)
{
    struct message m[BATCH];
    unsigned all = 0;
    int n;

    do {
        n = ours_front_take_batch(f, m, BATCH);
        for (int i = 0; i < n; i++)
            gbench_use(&m[i]);
        all += n > 0 ? (unsigned)n : 0;
    } while (n == BATCH);
    return all;
}

static void *ours_back_thread(void *arg)
{
    struct ours_back b;

    gbench_pin(1);
    ours_back_attach(&b, pages, *(uint32_t *)arg);
    while (!splitio_load_acquire_u32(&stop))
        if (ours_serve(&b) == 0)
            splitio_cpu_relax();
    return NULL;
}

static void ours_transfer(struct gbench *b, int64_t in_flight)
{
    uint32_t nr_pages = pages_for(in_flight);
    struct ours_front f;
    pthread_t back;
    unsigned out = 0;
    uint64_t done = 0, wanted = 0, publishes = 0;

    if (!gbench_pin(1) || !gbench_pin(0)) {
        gbench_cannot(b, "needs two processors");
        return;
    }
    stop = 0;
    ours_front_init(&f, pages, nr_pages);
    pthread_create(&back, NULL, ours_back_thread, &nr_pages);
    while (gbench_more(b, 1024)) {
        for (wanted += 1024; done < wanted;) {
            unsigned n;

            if (out < in_flight) {
                out += ours_send(&f, (unsigned)in_flight - out, done);
                publishes++;
            }
            n = ours_collect(&f);
            if (n == 0)
                splitio_cpu_relax();
            out -= n;
            done += n;
        }
    }
    splitio_store_release_u32(&stop, 1);
    pthread_join(back, NULL);
    gbench_bytes(b, (int64_t)done * 128);
    gbench_counter(b, "batch", (double)done / (double)publishes);
}

static void ours_cycle(struct gbench *b, int64_t batch)
{
    uint32_t nr_pages = pages_for(batch);
    struct ours_front f;
    struct ours_back back;
    uint64_t id = 0;

    ours_front_init(&f, pages, nr_pages);
    ours_back_attach(&back, pages, nr_pages);
    while (gbench_more(b, batch)) {
        id += ours_send(&f, (unsigned)batch, id);
        ours_serve(&back);
        ours_collect(&f);
    }
    gbench_counter(b, "batch", (double)batch);
}

/* ---- Xen's macros, used the same way ---- */

#ifdef HAVE_XEN_HEADERS
#define xen_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#include <xen/xen.h>

#include <xen/io/ring.h>
DEFINE_RING_TYPES(theirs, struct message, struct message);

static unsigned theirs_send(theirs_front_ring_t *f, unsigned n, uint64_t id)
{
    int notify;

    for (unsigned i = 0; i < n && !RING_FULL(f); i++)
        make(RING_GET_REQUEST(f, f->req_prod_pvt++), id + i);
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(f, notify);
    (void)notify;
    return n;
}

static unsigned theirs_serve(theirs_back_ring_t *b)
{
    struct message m;
    unsigned n = 0;
    RING_IDX prod = *(volatile RING_IDX *)&b->sring->req_prod;
    int notify;

    xen_rmb();
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
        RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(b, notify);
    (void)notify;
    return n;
}

static unsigned theirs_collect(theirs_front_ring_t *f)
{
    struct message m;
    unsigned n = 0;
    RING_IDX prod = *(volatile RING_IDX *)&f->sring->rsp_prod;

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

static void *theirs_back_thread(void *arg)
{
    theirs_back_ring_t b;

    gbench_pin(1);
    BACK_RING_INIT(&b, (theirs_sring_t *)(void *)pages,
                   *(uint32_t *)arg * 4096);
    while (!splitio_load_acquire_u32(&stop))
        if (theirs_serve(&b) == 0)
            splitio_cpu_relax();
    return NULL;
}

static void theirs_transfer(struct gbench *b, int64_t in_flight)
{
    theirs_sring_t *s = (theirs_sring_t *)(void *)pages;
    uint32_t nr_pages = pages_for(in_flight);
    theirs_front_ring_t f;
    pthread_t back;
    unsigned out = 0;
    uint64_t done = 0, wanted = 0, publishes = 0;

    if (!gbench_pin(1) || !gbench_pin(0)) {
        gbench_cannot(b, "needs two processors");
        return;
    }
    stop = 0;
    XEN_FRONT_RING_INIT(&f, s, nr_pages * 4096);
    pthread_create(&back, NULL, theirs_back_thread, &nr_pages);
    while (gbench_more(b, 1024)) {
        for (wanted += 1024; done < wanted;) {
            unsigned n;

            if (out < in_flight) {
                out += theirs_send(&f, (unsigned)in_flight - out, done);
                publishes++;
            }
            n = theirs_collect(&f);
            if (n == 0)
                splitio_cpu_relax();
            out -= n;
            done += n;
        }
    }
    splitio_store_release_u32(&stop, 1);
    pthread_join(back, NULL);
    gbench_bytes(b, (int64_t)done * 128);
    gbench_counter(b, "batch", (double)done / (double)publishes);
}

static void theirs_cycle(struct gbench *b, int64_t batch)
{
    theirs_sring_t *s = (theirs_sring_t *)(void *)pages;
    uint32_t nr_pages = pages_for(batch);
    theirs_front_ring_t f;
    theirs_back_ring_t back;
    uint64_t id = 0;

    XEN_FRONT_RING_INIT(&f, s, nr_pages * 4096);
    BACK_RING_INIT(&back, s, nr_pages * 4096);
    while (gbench_more(b, batch)) {
        id += theirs_send(&f, (unsigned)batch, id);
        theirs_serve(&back);
        theirs_collect(&f);
    }
    gbench_counter(b, "batch", (double)batch);
}
#endif /* HAVE_XEN_HEADERS */

void gbench_setup(void)
{
    static const int64_t in_flight[] = {1, 32, 256};
    char name[64];

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(in_flight); i++) {
        int n = (int)in_flight[i];

        snprintf(name, sizeof(name), "ring_transfer/splitio/%d", n);
        gbench_register(name, ours_transfer, n);
        snprintf(name, sizeof(name), "ring_cycle/splitio/%d", n);
        gbench_register(name, ours_cycle, n);
#ifdef HAVE_XEN_HEADERS
        snprintf(name, sizeof(name), "ring_transfer/xen/%d", n);
        gbench_register(name, theirs_transfer, n);
        snprintf(name, sizeof(name), "ring_cycle/xen/%d", n);
        gbench_register(name, theirs_cycle, n);
#endif
    }
}
