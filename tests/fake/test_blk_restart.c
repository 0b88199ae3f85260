/* SPDX-License-Identifier: BSD-2-Clause */
/* Either half dies or closes in the middle of I/O: nothing is lost, and every
 * request is done exactly once as its owner sees it. */
#include "cm.h"

#include "blk_pair.h"

#include <stdlib.h>
#include <string.h>

static struct blk_pair pair;

/* Begin requests and let things go on for @steps rounds. */
static void some_traffic(unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        unsigned n = blk_random(&pair.random) % 6;

        while (n-- > 0) {
            int err = pair_begin(&pair, 64 * 1024);

            assert_true(err == 0 || err == SPLITIO_EAGAIN);
        }
        splitio_blkfront_kick(&pair.front);
        (void)pair_step(&pair);
    }
}

static void some_steps(unsigned steps)
{
    while (steps-- > 0)
        (void)pair_step(&pair);
}

static void finish(void)
{
    pair_run(&pair, 20000);
    assert_int_equal(pair_nr_busy(&pair), 0);
    assert_int_equal(pair.nr_bad, 0);
    assert_int_equal(pair.front.stats.nr_in_flight, 0);
    assert_int_equal(pair.front.stats.nr_replays, 0);
    assert_memory_equal(pair.model, pair.disk.bytes, PAIR_SECTORS * 512u);
}

static void kill_the_back_often(unsigned times)
{
    unsigned replayed = 0;

    pair_connect(&pair);
    for (unsigned i = 0; i < times; i++) {
        some_traffic(blk_random(&pair.random) % 30);
        pair_back_crash(&pair);
        some_traffic(blk_random(&pair.random) % 3);
        pair_back_new(&pair);
        some_traffic(blk_random(&pair.random) % 4 ? 150 : 10);
        replayed += pair.front.stats.nr_replayed != 0;
    }
    finish();
    assert_true(replayed > 0);
    assert_int_equal(pair.front.stats.nr_lost_pages, 0);
    assert_int_equal(pair.front.stats.nr_broken, 0);
    pair_close(&pair);
}

static void back_killed_in_the_middle_of_io_is_replaced(void **state)
{
    (void)state;
    pair_defaults(&pair);
    kill_the_back_often(60);
}

static void back_killed_with_direct_pages_is_replaced(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.front_cfg.direct = true;
    kill_the_back_often(30);
}

static void back_killed_with_several_queues_is_replaced(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.front_cfg.max_queues = pair.back_cfg.max_queues = 3;
    pair.front_cfg.max_ring_order = pair.back_cfg.max_ring_order = 1;
    kill_the_back_often(30);
}

static void idle_back_killed_is_replaced_unnoticed(void **state)
{
    uint64_t replayed;

    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    pair_traffic(&pair, 100, 64 * 1024);
    replayed = pair.front.stats.nr_replayed;
    for (unsigned i = 0; i < 20; i++) {
        pair_back_crash(&pair);
        pair_back_new(&pair);
        pair_run(&pair, 1000);
        pair_traffic(&pair, 20, 64 * 1024);
    }
    assert_int_equal(pair.nr_changes, 1);
    assert_int_equal(pair.front.stats.nr_replayed, replayed);
    finish();
    pair_close(&pair);
}

static void idle_back_replaced_by_a_lesser_one_starts_anew(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    pair_traffic(&pair, 50, 64 * 1024);
    pair_back_crash(&pair);
    pair.disk.info.flags = 0; /* no flush any more */
    pair_back_new(&pair);
    pair_run(&pair, 1000);
    assert_int_equal(splitio_blkfront_get_info(&pair.front)->flags &
                         SPLITIO_BLKFRONT_FLUSHES,
                     0);
    pair_traffic(&pair, 50, 64 * 1024);
    finish();
    pair_close(&pair);
}

/* The next back offers less: what was one request may become many. */
static void next_back_may_offer_less(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.front_cfg.max_queues = 4;
    pair.front_cfg.max_ring_order = 1;
    pair_connect(&pair);
    for (unsigned i = 0; i < 30; i++) {
        some_traffic(blk_random(&pair.random) % 20);
        pair_back_crash(&pair);
        pair.back_cfg.max_queues = (uint8_t)(1 + i % 4);
        pair.back_cfg.max_ring_order = (uint8_t)(i / 2 % 2);
        pair.back_cfg.max_indirect = i % 3 ? 0 : 64;
        pair.back_cfg.max_persistent = i % 5 ? 0 : 64;
        pair.back_cfg.copy_pages = i % 7 ? 0 : 4;
        pair_back_new(&pair);
        some_traffic(30);
    }
    finish();
    assert_true(pair.front.stats.nr_replayed > 0);
    pair_close(&pair);
}

/* A ring that is full of requests when the back goes, and a next back that
 * takes fewer segments: each must be cut in two without a slot to spare. */
static void full_ring_is_replayed_in_smaller_parts(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.front_cfg.pool_pages = 1024;
    pair_connect(&pair);
    pair.disk.stuck = true;
    for (unsigned i = 0; i < 1000; i++)
        (void)pair_begin(&pair, 128 * 1024);
    splitio_blkfront_kick(&pair.front);
    pair_run(&pair, 20);
    assert_int_equal(pair.front.stats.nr_in_flight, 32);
    pair_back_crash(&pair);
    pair.disk.stuck = false;
    pair.back_cfg.max_indirect = 0;
    pair_back_new(&pair);
    finish();
    pair_close(&pair);
}

static void back_that_closes_in_order_is_replaced(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    for (unsigned i = 0; i < 25; i++) {
        some_traffic(10);
        splitio_blkback_close(&pair.back);
        some_traffic(10);
        splitio_xenbus_reopen(&pair.back.xb);
        some_traffic(10);
    }
    finish();
    pair_close(&pair);
}

/* What either half finds impossible closes the connection in order; the next
 * one has all that was not done. */
static void ring_with_impossible_requests_is_made_anew(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    for (unsigned i = 0; i < 10; i++) {
        struct splitio_sring *sring;

        some_traffic(10);
        sring = pair.spy.rings[0]->va;
        sring->req_prod = splitio_le32(splitio_le32(sring->req_prod) + 1000);
        (void)pair_step(&pair);
        assert_int_equal(pair.back.stats.nr_broken, i + 1);
        some_traffic(20);
        pair_run(&pair, 2000);
        assert_true(splitio_blkfront_is_up(&pair.front));
    }
    finish();
    pair_close(&pair);
}

static void ring_with_impossible_answers_is_made_anew_on_request(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    for (unsigned i = 0; i < 10; i++) {
        struct splitio_sring *sring;

        some_traffic(10);
        sring = pair.spy.rings[0]->va;
        sring->rsp_prod = splitio_le32(splitio_le32(sring->rsp_prod) + 1000);
        pair.disk.stuck = true;
        for (unsigned n = 0; n < 100 && pair.front.stats.nr_broken == i; n++)
            (void)pair_step(&pair);
        pair.disk.stuck = false;
        assert_int_equal(pair.front.stats.nr_broken, i + 1);
        pair_run(&pair, 2000);
        assert_false(splitio_blkfront_is_up(&pair.front));
        splitio_blkfront_reopen(&pair.front);
        pair_run(&pair, 2000);
        assert_true(splitio_blkfront_is_up(&pair.front));
    }
    finish();
    pair_close(&pair);
}

/* T19, R28: comes, works, goes; with and without saying so. */
static void front_that_comes_and_goes_leaves_nothing_behind(void **state)
{
    struct splitio_fake_usage first, now;

    (void)state;
    pair_defaults(&pair);
    /* A write that was cut off may or may not have reached the disk. */
    pair.disk.info.flags |= SPLITIO_DISK_READ_ONLY;
    pair_connect(&pair);
    for (unsigned i = 0; i < 60; i++) {
        some_traffic(blk_random(&pair.random) % 6);
        if (blk_random(&pair.random) % 2)
            splitio_blkfront_close(&pair.front);
        some_steps(blk_random(&pair.random) % 60);
        while (splitio_blkfront_fini(&pair.front) == SPLITIO_EAGAIN)
            (void)splitio_fake_step(pair.fake);
        assert_int_equal(pair_nr_busy(&pair), 0);
        free(pair.front_mem);
        pair_front_new(&pair);
        some_steps(blk_random(&pair.random) % 120);
        if (i % 20 == 0) {
            pair_run(&pair, 2000);
            assert_true(splitio_blkfront_is_up(&pair.front));
            splitio_fake_usage(pair.fake, &now);
            if (i == 0)
                first = now;
            assert_int_equal(now.lent, first.lent);
            assert_int_equal(now.guest_ports, first.guest_ports);
            assert_int_equal(now.host_ports, first.host_ports);
            assert_int_equal(now.pages, first.pages);
        }
    }
    pair_run(&pair, 2000);
    assert_true(splitio_blkfront_is_up(&pair.front));
    pair.nr_bad = 0;
    pair_traffic(&pair, 100, 64 * 1024);
    finish();
    pair_close(&pair);
}

static void front_that_dies_leaves_nothing_behind(void **state)
{
    struct splitio_fake_usage usage;

    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    some_traffic(20);
    splitio_fake_guest_kill(pair.fake, 1);
    pair.front_up = false;
    free(pair.front_mem);
    pair.front_mem = NULL;
    pair_run(&pair, 1000);
    splitio_fake_usage(pair.fake, &usage);
    assert_int_equal(usage.mapped, 0);
    assert_int_equal(usage.pins, 0);
    assert_int_equal(pair.back.stats.nr_in_flight, 0);
    assert_int_equal(splitio_fake_guest_bury(pair.fake, 1), 0);
    pair_drop(&pair);
}

static void front_closed_with_requests_in_flight_ends_them(void **state)
{
    unsigned busy;

    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    pair.disk.stuck = true;
    some_traffic(10);
    busy = pair_nr_busy(&pair);
    assert_true(busy > 0);
    splitio_blkfront_close(&pair.front);
    pair_run(&pair, 100);
    pair.disk.stuck = false; /* the back waits for its disk */
    pair_run(&pair, 1000);
    assert_int_equal(pair_nr_busy(&pair), 0);
    pair_close(&pair);
}

static void front_ended_by_force_ends_its_requests(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    pair.disk.stuck = true;
    some_traffic(10);
    assert_true(pair_nr_busy(&pair) > 0);
    while (splitio_blkfront_fini(&pair.front) == SPLITIO_EAGAIN)
        (void)splitio_fake_step(pair.fake);
    assert_int_equal(pair_nr_busy(&pair), 0);
    assert_int_equal(pair.front.stats.nr_rings, 0);
    pair.front_up = false;
    pair.disk.stuck = false;
    pair_run(&pair, 1000);
    pair_drop(&pair);
}

/* As a daemon with many guests does: a back that is settled is not polled until
 * its wake is called, by an event or by the store. */
static void back_polled_only_when_woken_misses_nothing(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.lazy = true;
    pair_connect(&pair);
    pair_run(&pair, 100);
    assert_true(splitio_xenbus_is_settled(&pair.back.xb));
    assert_false(pair.back_due);
    pair_traffic(&pair, 300, 64 * 1024);
    pair.disk.info.nr_sectors = PAIR_SECTORS / 2;
    assert_int_equal(splitio_blkback_resized(&pair.back), 0);
    assert_false(splitio_xenbus_is_settled(&pair.back.xb));
    pair_run(&pair, 100);
    assert_int_equal(pair.front.info.nr_sectors, PAIR_SECTORS / 2);
    pair.disk.info.nr_sectors = PAIR_SECTORS;
    assert_int_equal(splitio_blkback_resized(&pair.back), 0);
    pair_run(&pair, 100);
    for (unsigned i = 0; i < 3; i++) {
        splitio_blkfront_close(&pair.front);
        pair_run(&pair, 1000);
        assert_true(splitio_blkfront_is_closed(&pair.front));
        assert_int_equal(pair.back.stats.nr_rings, 0);
        assert_int_equal(splitio_blkfront_fini(&pair.front), 0);
        free(pair.front_mem);
        pair_front_new(&pair);
        pair_run(&pair, 1000);
        assert_true(splitio_blkfront_is_up(&pair.front));
        pair_traffic(&pair, 100, 64 * 1024);
    }
    assert_int_equal(pair.nr_bad, 0);
    pair_close(&pair);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(back_killed_in_the_middle_of_io_is_replaced),
        cmocka_unit_test(back_killed_with_direct_pages_is_replaced),
        cmocka_unit_test(back_killed_with_several_queues_is_replaced),
        cmocka_unit_test(idle_back_killed_is_replaced_unnoticed),
        cmocka_unit_test(idle_back_replaced_by_a_lesser_one_starts_anew),
        cmocka_unit_test(next_back_may_offer_less),
        cmocka_unit_test(full_ring_is_replayed_in_smaller_parts),
        cmocka_unit_test(back_that_closes_in_order_is_replaced),
        cmocka_unit_test(ring_with_impossible_requests_is_made_anew),
        cmocka_unit_test(ring_with_impossible_answers_is_made_anew_on_request),
        cmocka_unit_test(front_that_comes_and_goes_leaves_nothing_behind),
        cmocka_unit_test(back_polled_only_when_woken_misses_nothing),
        cmocka_unit_test(front_that_dies_leaves_nothing_behind),
        cmocka_unit_test(front_closed_with_requests_in_flight_ends_them),
        cmocka_unit_test(front_ended_by_force_ends_its_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
