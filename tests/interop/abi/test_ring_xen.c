/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our ring beside Xen's own macros: random operations on two pages, ours on one
 * and Xen's on the other. After each the pages are equal byte for byte and the
 * two agree on whether to notify.
 */
#include "cm.h"

#include <splitio/ring.h>

#include <stdlib.h>
#include <string.h>

#define xen_mb()  __sync_synchronize()
#define xen_rmb() __sync_synchronize()
#define xen_wmb() __sync_synchronize()
#include <xen/xen.h>

#include <xen/io/ring.h>

struct request {
    uint8_t bytes[112];
};
struct response {
    uint8_t bytes[16];
};
DEFINE_RING_TYPES(oracle, struct request, struct response);
SPLITIO_RING_DEFINE(ours, struct request, struct response);

#define MAX_PAGES 16
static _Alignas(4096) uint8_t our_pages[MAX_PAGES * 4096];
static _Alignas(4096) uint8_t xen_pages[MAX_PAGES * 4096];

struct both {
    struct ours_front f;
    struct ours_back b;
    oracle_front_ring_t xf;
    oracle_back_ring_t xb;
    uint32_t nr_pages;
    unsigned notified, quiet;
};

static void both_init(struct both *t, uint32_t nr_pages, uint32_t start)
{
    oracle_sring_t *xs = (oracle_sring_t *)(void *)xen_pages;
    struct splitio_sring *s = (struct splitio_sring *)(void *)our_pages;

    memset(t, 0, sizeof(*t));
    memset(our_pages, 0, sizeof(our_pages));
    memset(xen_pages, 0, sizeof(xen_pages));
    t->nr_pages = nr_pages;
    assert_int_equal(ours_front_init(&t->f, our_pages, nr_pages), 0);
    XEN_FRONT_RING_INIT(&t->xf, xs, nr_pages * 4096);
    assert_memory_equal(our_pages, xen_pages, sizeof(our_pages));
    xs->req_prod = xs->rsp_prod = s->req_prod = s->rsp_prod = start;
    xs->req_event = xs->rsp_event = s->req_event = s->rsp_event = start + 1;
    ours_front_attach(&t->f, our_pages, nr_pages, start);
    FRONT_RING_ATTACH(&t->xf, xs, start, nr_pages * 4096);
    assert_int_equal(ours_back_attach(&t->b, our_pages, nr_pages), 0);
    BACK_RING_ATTACH(&t->xb, xs, start, nr_pages * 4096);
    assert_int_equal(t->f.ring.nr_slots, RING_SIZE(&t->xf));
}

static void fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)rand();
}

static void do_requests(struct both *t, unsigned n)
{
    struct request *slot, req;

    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(splitio_ring_front_room(&t->f.ring),
                         RING_FREE_REQUESTS(&t->xf));
        slot = ours_front_reserve(&t->f);
        assert_int_equal(slot == NULL, RING_FULL(&t->xf));
        if (!slot)
            break;
        fill(req.bytes, sizeof(req.bytes));
        *slot = req;
        *RING_GET_REQUEST(&t->xf, t->xf.req_prod_pvt) = req;
        t->xf.req_prod_pvt++;
    }
}

static void do_push_requests(struct both *t)
{
    int theirs;
    bool mine = splitio_ring_front_publish(&t->f.ring);

    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&t->xf, theirs);
    assert_int_equal(mine, theirs);
    t->notified += mine;
    t->quiet += !mine;
}

static void do_back(struct both *t, unsigned n)
{
    struct request mine, theirs;
    struct response rsp;

    for (unsigned i = 0; i < n; i++) {
        int got = ours_back_take(&t->b, &mine);

        assert_int_equal(got != 0, RING_HAS_UNCONSUMED_REQUESTS(&t->xb) != 0);
        if (!got)
            break;
        RING_COPY_REQUEST(&t->xb, t->xb.req_cons, &theirs);
        t->xb.req_cons++;
        assert_memory_equal(&mine, &theirs, sizeof(mine));
    }
    while (splitio_ring_back_in_flight(&t->b.ring) != 0 && rand() % 8) {
        fill(rsp.bytes, sizeof(rsp.bytes));
        assert_int_equal(ours_back_put(&t->b, &rsp), 0);
        *RING_GET_RESPONSE(&t->xb, t->xb.rsp_prod_pvt) = rsp;
        t->xb.rsp_prod_pvt++;
    }
}

static void do_push_responses(struct both *t)
{
    int theirs;
    bool mine = splitio_ring_back_publish(&t->b.ring);

    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&t->xb, theirs);
    assert_int_equal(mine, theirs);
    t->notified += mine;
    t->quiet += !mine;
}

static void do_front(struct both *t, unsigned n)
{
    struct response mine, theirs;

    for (unsigned i = 0; i < n; i++) {
        int got = ours_front_take(&t->f, &mine);

        assert_int_equal(got != 0, RING_HAS_UNCONSUMED_RESPONSES(&t->xf) != 0);
        if (!got)
            break;
        RING_COPY_RESPONSE(&t->xf, t->xf.rsp_cons, &theirs);
        t->xf.rsp_cons++;
        assert_memory_equal(&mine, &theirs, sizeof(mine));
    }
}

/* Xen's final check leaves the event alone where there is work already. */
static void do_rearm(struct both *t)
{
    int theirs;

    if (splitio_ring_back_pending(&t->b.ring) == 0) {
        int mine = splitio_ring_back_rearm(&t->b.ring, 1);

        RING_FINAL_CHECK_FOR_REQUESTS(&t->xb, theirs);
        assert_int_equal(mine, theirs);
    }
    if (splitio_ring_front_pending(&t->f.ring) == 0) {
        int mine = splitio_ring_front_rearm(&t->f.ring, 1);

        RING_FINAL_CHECK_FOR_RESPONSES(&t->xf, theirs);
        assert_int_equal(mine, theirs);
    }
}

static void random_operations(struct both *t, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        switch (rand() % 6) {
        case 0:
            do_requests(t, (unsigned)rand() % 9);
            break;
        case 1:
            do_push_requests(t);
            break;
        case 2:
            do_back(t, (unsigned)rand() % 9);
            break;
        case 3:
            do_push_responses(t);
            break;
        case 4:
            do_front(t, (unsigned)rand() % 9);
            break;
        default:
            do_rearm(t);
        }
        assert_memory_equal(our_pages, xen_pages, t->nr_pages * 4096);
    }
}

static void ring_and_xen_agree_on_pages_and_notifications(void **state)
{
    static const uint32_t starts[] = {0, INT32_MAX - 50, UINT32_MAX - 50};
    static const uint32_t nr_pages[] = {1, 2, 16};

    (void)state;
    srand(20221);
    for (unsigned k = 0; k < SPLITIO_ARRAY_LEN(starts); k++) {
        for (unsigned n = 0; n < SPLITIO_ARRAY_LEN(nr_pages); n++) {
            struct both t;

            both_init(&t, nr_pages[n], starts[k]);
            random_operations(&t, nr_pages[n] == 16 ? 4000 : 20000);
            assert_in_range(t.notified, 10, 20000); /* both outcomes occur */
            assert_in_range(t.quiet, 10, 20000);
        }
    }
}

static void ring_and_xen_agree_on_any_event_index(void **state)
{
    struct both t;

    (void)state;
    srand(20222);
    both_init(&t, 1, UINT32_MAX - 20);
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t near = t.f.ring.req_prod + (uint32_t)(rand() % 80) - 40;
        uint32_t event = rand() % 4 ? near : (uint32_t)rand() * 3u;

        ((struct splitio_sring *)(void *)our_pages)->req_event = event;
        ((oracle_sring_t *)(void *)xen_pages)->req_event = event;
        do_requests(&t, (unsigned)rand() % 5);
        do_push_requests(&t);
        do_back(&t, 9);
        do_push_responses(&t);
        do_front(&t, 9);
    }
    assert_in_range(t.notified, 100, 50000);
    assert_in_range(t.quiet, 100, 50000);
}

static void ring_and_xen_agree_on_impossible_producers(void **state)
{
    struct both t;

    (void)state;
    for (uint32_t d = 0; d < 200; d++) {
        uint32_t prod = UINT32_MAX - 20 + d - 100;
        bool mine;

        both_init(&t, 1, UINT32_MAX - 20);
        do_requests(&t, 7);
        do_push_requests(&t);
        ((struct splitio_sring *)(void *)our_pages)->req_prod = prod;
        mine = splitio_ring_back_pending(&t.b.ring) < 0;
        assert_int_equal(mine, RING_REQUEST_PROD_OVERFLOW(&t.xb, prod));
        /* For responses we are stricter: not more than was asked for. */
        ((struct splitio_sring *)(void *)our_pages)->rsp_prod = prod;
        mine = splitio_ring_front_pending(&t.f.ring) < 0;
        assert_int_equal(mine, prod - t.xf.rsp_cons > 7);
        if (RING_RESPONSE_PROD_OVERFLOW(&t.xf, prod))
            assert_true(mine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ring_and_xen_agree_on_pages_and_notifications),
        cmocka_unit_test(ring_and_xen_agree_on_any_event_index),
        cmocka_unit_test(ring_and_xen_agree_on_impossible_producers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
