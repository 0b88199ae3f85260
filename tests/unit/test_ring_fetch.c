/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The peer rewrites the page between any two accesses of ours: each index is
 * read once, each slot is copied once, and nothing is read that is not needed.
 */
#include "cm.h"
#include "watch.h"

#include <splitio/ring.h>

#include <string.h>

#define SLOT 64u

static _Alignas(4096) uint8_t page[4096];

/* What was accessed; and the hostile peer, which flips what it is told to. */
static struct seen {
    unsigned req_prod, req_event, rsp_prod, rsp_event, slots, elsewhere;
    unsigned total;
    uint32_t *flip; /* a word that is good once and bad ever after */
    uint32_t good, bad;
} seen;

static void note(void *arg, size_t offset)
{
    (void)arg;
    seen.total++;
    if (offset >= sizeof(struct splitio_sring))
        seen.slots++;
    else if (offset < 4)
        seen.req_prod++;
    else if (offset < 8)
        seen.req_event++;
    else if (offset < 12)
        seen.rsp_prod++;
    else if (offset < 16)
        seen.rsp_event++;
    else
        seen.elsewhere++;
    if (seen.flip && offset == (size_t)((uint8_t *)seen.flip - page)) {
        *seen.flip = splitio_le32(seen.good);
        seen.good = seen.bad;
    }
}

static void start(void)
{
    if (!watch_possible())
        skip();
    watch_start(page, sizeof(page), note, NULL);
}

static struct splitio_sring *sring(void)
{
    return (struct splitio_sring *)(void *)page;
}

static void setup(struct splitio_ring_front *f, struct splitio_ring_back *b,
                  unsigned nr_requests)
{
    memset(&seen, 0, sizeof(seen));
    assert_int_equal(splitio_ring_front_init(f, page, 1, SLOT), 0);
    assert_int_equal(splitio_ring_back_attach(b, page, 1, SLOT), 0);
    for (unsigned i = 0; i < nr_requests; i++)
        memset(splitio_ring_front_reserve(f), 0x11, SLOT);
    splitio_ring_front_publish(f);
}

static void pending_of_back_reads_req_prod_once(void **state)
{
    struct splitio_ring_front f;
    struct splitio_ring_back b;
    int n;

    (void)state;
    setup(&f, &b, 3);
    seen.flip = &sring()->req_prod;
    seen.good = 3;
    seen.bad = 1000;
    start();
    n = splitio_ring_back_pending(&b);
    n += splitio_ring_back_pending(&b); /* from what it knows already */
    watch_stop();
    assert_int_equal(n, 6);
    assert_int_equal(seen.req_prod, 1);
    assert_int_equal(seen.total, 1);
}

static void pending_of_front_reads_rsp_prod_once(void **state)
{
    struct splitio_ring_front f;
    struct splitio_ring_back b;
    int n;

    (void)state;
    setup(&f, &b, 3);
    seen.flip = &sring()->rsp_prod;
    seen.good = 2;
    seen.bad = 1000;
    start();
    n = splitio_ring_front_pending(&f);
    n += splitio_ring_front_pending(&f);
    watch_stop();
    assert_int_equal(n, 4);
    assert_int_equal(seen.rsp_prod, 1);
    assert_int_equal(seen.total, 1);
}

/* Every access to a slot rewrites all of it: a copy of whole words can mix
 * versions, but whatever is used must come out of the copy. */
static void rewrite_slot(void *arg, size_t offset)
{
    static uint8_t version;

    note(arg, offset);
    if (offset >= sizeof(struct splitio_sring))
        memset(page + sizeof(struct splitio_sring), ++version, SLOT);
}

static void take_of_back_never_looks_at_a_slot_again(void **state)
{
    struct splitio_ring_front f;
    struct splitio_ring_back b;
    uint8_t first[SLOT], later[SLOT];
    unsigned accesses;
    int n;

    (void)state;
    setup(&f, &b, 1);
    if (!watch_possible())
        skip();
    watch_start(page, sizeof(page), rewrite_slot, NULL);
    n = splitio_ring_back_take(&b, first, SLOT);
    accesses = seen.slots;
    memcpy(later, first, SLOT);
    SPLITIO_COMPILER_BARRIER();
    n += memcmp(later, first, SLOT) == 0;
    watch_stop();
    assert_int_equal(n, 2);
    assert_in_range(accesses, 1, SLOT); /* at worst byte by byte */
    assert_int_equal(seen.slots, accesses);
    assert_int_equal(seen.req_prod, 1);
    assert_int_equal(seen.rsp_prod + seen.rsp_event + seen.req_event, 0);
}

static void publish_writes_one_index_and_reads_one_event(void **state)
{
    struct splitio_ring_front f;
    struct splitio_ring_back b;
    uint8_t buf[SLOT];
    bool notify;

    (void)state;
    setup(&f, &b, 1);
    assert_int_equal(splitio_ring_back_take(&b, buf, SLOT), 1);
    assert_int_equal(splitio_ring_back_put(&b, buf, SLOT), 0);
    seen.flip = &sring()->rsp_event;
    seen.good = 1;
    seen.bad = 500;
    start();
    notify = splitio_ring_back_publish(&b);
    watch_stop();
    assert_true(notify);
    assert_int_equal(seen.rsp_prod, 1);
    assert_int_equal(seen.rsp_event, 1);
    assert_int_equal(seen.total, 2);
}

static void reserve_and_idle_publish_touch_nothing(void **state)
{
    struct splitio_ring_front f;
    struct splitio_ring_back b;
    void *slot;

    (void)state;
    setup(&f, &b, 1);
    start();
    slot = splitio_ring_front_reserve(&f);
    splitio_ring_front_unreserve(&f, 1);
    splitio_ring_front_publish(&f);
    splitio_ring_back_publish(&b);
    watch_stop();
    assert_non_null(slot);
    assert_int_equal(seen.total, 0);
}

static void attach_of_back_reads_each_index_once(void **state)
{
    struct splitio_ring_front f;
    struct splitio_ring_back b;
    int err;

    (void)state;
    setup(&f, &b, 2);
    seen.flip = &sring()->req_prod;
    seen.good = 2;
    seen.bad = 5000;
    start();
    err = splitio_ring_back_attach(&b, page, 1, SLOT);
    watch_stop();
    assert_int_equal(err, 0);
    assert_int_equal(seen.req_prod, 1);
    assert_int_equal(seen.rsp_prod, 1);
    assert_int_equal(seen.total, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pending_of_back_reads_req_prod_once),
        cmocka_unit_test(pending_of_front_reads_rsp_prod_once),
        cmocka_unit_test(take_of_back_never_looks_at_a_slot_again),
        cmocka_unit_test(publish_writes_one_index_and_reads_one_event),
        cmocka_unit_test(reserve_and_idle_publish_touch_nothing),
        cmocka_unit_test(attach_of_back_reads_each_index_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
