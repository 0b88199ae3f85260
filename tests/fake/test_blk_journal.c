/* SPDX-License-Identifier: BSD-2-Clause */
/* The block back dies in the middle of whatever it does, again and again; the
 * next one goes on from its journal. The front sees nothing of it. */
#include "cm.h"

#include "blk_pair.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

static struct blk_pair pair;
static unsigned nr_deaths;

/* ---- moments ---- */

static jmp_buf death;
static unsigned moments_left; /* 0: it lives */
static bool unpublish;
/* What the rings said when the back began to work. */
static uint32_t published[SPY_RINGS];
static unsigned nr_published;

static uint32_t *rsp_prod(unsigned ring)
{
    return (uint32_t *)pair.spy.rings[ring]->va + 2;
}

/* Right before its last store, if that was to publish answers. */
static void take_back(void)
{
    for (unsigned i = 0; i < nr_published && unpublish; i++)
        *rsp_prod(i) = published[i];
}

static void moment(void)
{
    if (moments_left && --moments_left == 0) {
        take_back();
        longjmp(death, 1);
    }
}

/* ---- steps ---- */

static unsigned wakes_seen;

/* The front sleeps until it is woken: a lost event would be felt. */
static unsigned step(bool busy)
{
    unsigned n;

    pair.front_up = busy || pair.nr_wakes != wakes_seen;
    wakes_seen = pair.nr_wakes;
    nr_published = pair.spy.nr_rings;
    for (unsigned i = 0; i < nr_published; i++)
        published[i] = *rsp_prod(i);
    n = pair_step(&pair);
    pair.front_up = true;
    return n;
}

static void submit_some(void)
{
    for (unsigned n = blk_random(&pair.random) % 6; n > 0; n--) {
        int err = pair_begin(&pair, 64 * 1024);

        assert_true(err == 0 || err == SPLITIO_EAGAIN);
    }
    splitio_blkfront_kick(&pair.front);
}

static void live_and_die(void)
{
    moments_left = 1 + blk_random(&pair.random) % 80;
    unpublish = blk_random(&pair.random) % 2;
    if (setjmp(death) == 0)
        for (;;) {
            submit_some();
            (void)step(true);
        }
    pair.front_up = true;
    pair_back_crash(&pair);
    nr_deaths++;
}

static void finish(void)
{
    unsigned idle = 0, n = 1;

    for (unsigned i = 0; i < 20000 && idle < 20; i++) {
        n = step(n > 0);
        idle = n ? 0 : idle + 1;
    }
    assert_int_equal(pair_nr_busy(&pair), 0);
    assert_int_equal(pair.nr_bad, 0);
    assert_memory_equal(pair.model, pair.disk.bytes, PAIR_SECTORS * 512u);
    /* The front has never known another back, and had one answer to each. */
    assert_int_equal(pair.front.stats.nr_replayed, 0);
    assert_int_equal(pair.front.xb.nr_connects, 1);
    assert_int_equal(pair.front.stats.nr_broken, 0);
}

static size_t journal_bytes(void)
{
    static const struct splitio_host_ops none;
    struct splitio_blkback_config cfg = pair.back_cfg;

    cfg.port.ops = &none;
    cfg.disk = blk_disk_disk(&pair.disk);
    return splitio_blkback_journal_bytes(&cfg);
}

static void begin(void)
{
    size_t bytes = journal_bytes();

    assert_true(bytes != 0);
    pair.back_cfg.journal_bytes = bytes;
    pair.back_cfg.journal = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(pair.back_cfg.journal);
    memset(pair.back_cfg.journal, 0, bytes);
    pair_connect(&pair);
    pair.disk.shuffled = true;
    pair.disk.moment = moment;
    pair.spy.moment = moment;
    wakes_seen = pair.nr_wakes;
}

static void end(void)
{
    pair_close(&pair);
    free(pair.back_cfg.journal);
}

static void die_again_and_again(unsigned times)
{
    begin();
    for (unsigned i = 0; i < times; i++) {
        live_and_die();
        pair_back_new(&pair);
        pair.spy.moment = moment;
    }
    finish();
    end();
}

/* ---- cases ---- */

static void back_that_dies_anywhere_is_replaced_unseen(void **state)
{
    (void)state;
    nr_deaths = 0;
    pair_defaults(&pair);
    die_again_and_again(700);
    assert_int_equal(nr_deaths, 700);
}

static void back_of_queues_and_pages_is_replaced_unseen(void **state)
{
    (void)state;
    for (unsigned abi = 0; abi < 2; abi++) {
        pair_defaults(&pair);
        pair.front_cfg.abi = (enum splitio_blkif_abi)abi;
        pair.front_cfg.max_queues = pair.back_cfg.max_queues = 4;
        pair.front_cfg.max_ring_order = pair.back_cfg.max_ring_order = 3;
        die_again_and_again(150);
    }
}

static void back_without_persistent_grants_is_replaced_unseen(void **state)
{
    (void)state;
    for (unsigned copy_pages = 0; copy_pages < 5; copy_pages += 4) {
        pair_defaults(&pair);
        pair.front_cfg.direct = true;
        pair.back_cfg.max_persistent = 0;
        pair.back_cfg.copy_pages = (uint16_t)copy_pages;
        die_again_and_again(150);
    }
}

/* Fewer requests than the ring has slots: entries are used over and over. */
static void small_journal_is_enough(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.back_cfg.max_in_flight = 3;
    die_again_and_again(200);
}

/* Nothing comes after it that would wake the front. */
static void one_request_survives_each_moment(void **state)
{
    static unsigned died;

    (void)state;
    pair_defaults(&pair);
    begin();
    died = 0;
    for (unsigned at = 1; at < 100; at++) {
        moments_left = 0;
        finish();
        assert_int_equal(pair_begin(&pair, 4096), 0);
        splitio_blkfront_kick(&pair.front);
        moments_left = 1 + at % 20;
        if (setjmp(death) == 0) {
            finish();
            continue;
        }
        pair.front_up = true;
        pair_back_crash(&pair);
        pair_back_new(&pair);
        pair.spy.moment = moment;
        died++;
    }
    moments_left = 0;
    finish();
    assert_true(died > 20);
    end();
}

static void idle_back_is_replaced_unseen(void **state)
{
    (void)state;
    pair_defaults(&pair);
    begin();
    for (unsigned i = 0; i < 5; i++) {
        finish();
        pair_back_crash(&pair);
        pair_back_new(&pair);
    }
    pair_traffic(&pair, 50, 64 * 1024);
    finish();
    end();
}

/* A blob comes before what the journal says, and the journal goes on from it. */
static void back_saved_has_a_journal_too(void **state)
{
    (void)state;
    pair_defaults(&pair);
    begin();
    for (unsigned i = 0; i < 50; i++) {
        size_t bytes;
        void *blob;

        for (unsigned k = 0; k < 20 || !pair.back.connected; k++) {
            assert_true(k < 1000);
            submit_some();
            (void)step(true);
        }
        (void)splitio_blkback_save(&pair.back, NULL, 0, &bytes);
        blob = malloc(bytes);
        assert_int_equal(splitio_blkback_save(&pair.back, blob, bytes, &bytes),
                         0);
        pair_back_crash(&pair);
        pair_back_new(&pair);
        assert_int_equal(splitio_blkback_restore(&pair.back, blob, bytes), 0);
        for (unsigned k = 0; k < 500 && !pair.back.connected; k++)
            (void)step(true);
        free(blob);
        pair.spy.moment = moment;
        live_and_die();
        pair_back_new(&pair);
    }
    finish();
    end();
}

/* Not even nearly what the front has: it is connected anew. */
static void journal_of_another_connection_is_not_used(void **state)
{
    size_t bytes;
    void *old;

    (void)state;
    pair_defaults(&pair);
    begin();
    bytes = pair.back_cfg.journal_bytes;
    old = malloc(bytes);
    pair_traffic(&pair, 10, 64 * 1024);
    memcpy(old, pair.back_cfg.journal, bytes);
    splitio_blkfront_resume(&pair.front);
    pair_run(&pair, 1000);
    assert_int_equal(pair.front.xb.nr_connects, 2);
    pair_back_crash(&pair);
    memcpy(pair.back_cfg.journal, old, bytes);
    pair_back_new(&pair);
    pair_run(&pair, 1000);
    pair_traffic(&pair, 10, 64 * 1024);
    assert_int_equal(pair.nr_bad, 0);
    free(old);
    end();
}

/* Some of its numbers are the same as before. */
static void front_that_begins_anew_is_another_connection(void **state)
{
    (void)state;
    pair_defaults(&pair);
    begin();
    pair_traffic(&pair, 10, 64 * 1024);
    moments_left = 0;
    pair_back_crash(&pair);
    splitio_blkfront_resume(&pair.front);
    pair_run(&pair, 1000);
    pair_back_new(&pair);
    assert_true(pair.back.died);
    pair_run(&pair, 1000);
    assert_true(splitio_blkfront_is_up(&pair.front));
    pair_traffic(&pair, 10, 64 * 1024);
    assert_int_equal(pair.nr_bad, 0);
    end();
}

static void journal_of_a_closed_device_says_nothing(void **state)
{
    (void)state;
    pair_defaults(&pair);
    begin();
    pair_traffic(&pair, 10, 64 * 1024);
    assert_false(pair.back.died);
    pair_back_crash(&pair);
    pair_back_new(&pair);
    assert_true(pair.back.died);
    pair_run(&pair, 1000);
    assert_false(pair.back.died);
    splitio_blkfront_resume(&pair.front); /* closes it, and comes again */
    pair_run(&pair, 1000);
    pair_traffic(&pair, 10, 64 * 1024);
    end();
}

/* Whatever the journal says: requests may be lost with it, nothing else. */
static void damaged_journal_harms_nobody_else(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        uint8_t *bytes;

        pair_defaults(&pair);
        pair.random = round + 1;
        begin();
        live_and_die();
        bytes = pair.back_cfg.journal;
        for (unsigned i = 0; i < 1 + round % 20; i++) {
            uint32_t at =
                blk_random(&pair.random) %
                (round % 2 ? (uint32_t)pair.back_cfg.journal_bytes : 4096u);

            bytes[at] = (uint8_t)blk_random(&pair.random);
        }
        moments_left = 0;
        pair_back_new(&pair);
        for (unsigned i = 0; i < 300; i++)
            (void)step(true);
        assert_true(splitio_blkback_is_valid(&pair.back));
        pair_drop(&pair);
        free(pair.back_cfg.journal);
    }
}

static void journal_too_small_is_refused(void **state)
{
    struct splitio_blkback dev;
    size_t bytes;
    void *mem;

    (void)state;
    pair_defaults(&pair);
    begin();
    pair.back_cfg.journal_bytes--;
    bytes = splitio_blkback_mem_bytes(&pair.back_cfg);
    mem = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    assert_int_equal(splitio_blkback_init(&dev, &pair.back_cfg, mem, bytes),
                     SPLITIO_ENOMEM);
    free(mem);
    pair.back_cfg.max_queues = 0;
    assert_int_equal(journal_bytes(), 0);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(back_that_dies_anywhere_is_replaced_unseen),
        cmocka_unit_test(back_of_queues_and_pages_is_replaced_unseen),
        cmocka_unit_test(back_without_persistent_grants_is_replaced_unseen),
        cmocka_unit_test(small_journal_is_enough),
        cmocka_unit_test(one_request_survives_each_moment),
        cmocka_unit_test(idle_back_is_replaced_unseen),
        cmocka_unit_test(back_saved_has_a_journal_too),
        cmocka_unit_test(journal_of_another_connection_is_not_used),
        cmocka_unit_test(front_that_begins_anew_is_another_connection),
        cmocka_unit_test(journal_of_a_closed_device_says_nothing),
        cmocka_unit_test(damaged_journal_harms_nobody_else),
        cmocka_unit_test(journal_too_small_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
