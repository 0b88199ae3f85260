/* SPDX-License-Identifier: BSD-2-Clause */
/* The block back is saved under load and restored in another's place: the front
 * sees nothing of it, and every request is done once. */
#include "cm.h"

#include "blk_pair.h"

#include <stdlib.h>
#include <string.h>

static struct blk_pair pair;

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

static void *save(size_t *bytes)
{
    size_t again;
    void *blob;

    assert_int_equal(splitio_blkback_save(&pair.back, NULL, 0, bytes),
                     SPLITIO_ENOMEM);
    blob = malloc(*bytes);
    assert_non_null(blob);
    assert_int_equal(splitio_blkback_save(&pair.back, blob, *bytes - 1, &again),
                     SPLITIO_ENOMEM);
    assert_int_equal(splitio_blkback_save(&pair.back, blob, *bytes, &again), 0);
    assert_int_equal(again, *bytes);
    return blob;
}

/* The old back vanishes, with what its disk had been asked to do. */
static void replace(const void *blob, size_t bytes)
{
    pair_back_crash(&pair);
    pair_back_new(&pair);
    assert_int_equal(splitio_blkback_restore(&pair.back, blob, bytes), 0);
}

static void finish(void)
{
    pair_run(&pair, 20000);
    assert_int_equal(pair_nr_busy(&pair), 0);
    assert_int_equal(pair.nr_bad, 0);
    assert_memory_equal(pair.model, pair.disk.bytes, PAIR_SECTORS * 512u);
    /* The front has never known another back. */
    assert_int_equal(pair.front.stats.nr_replayed, 0);
    assert_int_equal(pair.front.xb.nr_connects, 1);
    assert_int_equal(pair.front.stats.nr_broken, 0);
    pair_close(&pair);
}

/* Saved after any number of steps, paused or in full work. */
static void hand_over(unsigned times, bool pause)
{
    unsigned nr_in_flight = 0;

    pair_connect(&pair);
    pair.disk.shuffled = true;
    for (unsigned i = 0; i < times; i++) {
        size_t bytes;
        void *blob;

        some_traffic(i % 40);
        while (pause && splitio_blkback_pause(&pair.back) == SPLITIO_EAGAIN)
            some_traffic(1);
        nr_in_flight += pair.back.stats.nr_in_flight;
        blob = save(&bytes);
        replace(blob, bytes);
        for (unsigned k = 0; k < 500 && !pair.back.connected; k++)
            some_traffic(1);
        assert_null(pair.back.saved);
        some_traffic(30);
        free(blob);
    }
    assert_true(pause ? nr_in_flight == 0 : nr_in_flight > times);
    finish();
}

static void back_paused_is_replaced_unseen(void **state)
{
    (void)state;
    pair_defaults(&pair);
    hand_over(60, true);
}

static void back_in_work_is_replaced_unseen(void **state)
{
    (void)state;
    pair_defaults(&pair);
    hand_over(80, false);
}

static void back_of_queues_and_pages_is_replaced_unseen(void **state)
{
    (void)state;
    for (unsigned abi = 0; abi < 2; abi++) {
        pair_defaults(&pair);
        pair.front_cfg.abi = (enum splitio_blkif_abi)abi;
        pair.front_cfg.max_queues = pair.back_cfg.max_queues = 4;
        pair.front_cfg.max_ring_order = pair.back_cfg.max_ring_order = 3;
        hand_over(40, false);
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
        hand_over(40, false);
    }
}

static void back_goes_on_after_a_save_that_was_of_no_use(void **state)
{
    size_t bytes;

    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    for (unsigned i = 0; i < 30; i++) {
        some_traffic(i);
        while (splitio_blkback_pause(&pair.back) == SPLITIO_EAGAIN)
            some_traffic(1);
        free(save(&bytes));
        splitio_blkback_go_on(&pair.back);
    }
    finish();
}

/* ---- order ---- */

#define NR_WRITES 9u

static struct splitio_blk_io writes[NR_WRITES];
static struct splitio_iovec iovs[NR_WRITES];
static uint8_t contents[NR_WRITES][4096];
static unsigned nr_written;

static void on_written(struct splitio_blk_io *io, int status)
{
    (void)io;
    assert_int_equal(status, 0);
    nr_written++;
}

static void write_at_0(unsigned i, enum splitio_blk_op op)
{
    memset(contents[i], (int)i + 1, sizeof(contents[i]));
    iovs[i] = (struct splitio_iovec){contents[i], sizeof(contents[i])};
    writes[i] = (struct splitio_blk_io){
        .op = op, .iov = &iovs[i], .nr_iov = 1, .done = on_written};
    assert_int_equal(splitio_blkfront_submit(&pair.front, &writes[i]), 0);
}

/* The same place is written again and again; the last one wins, whichever were
 * in flight when the back was saved. */
static void barriers_keep_their_place_across_a_save(void **state)
{
    (void)state;
    for (unsigned cut = 0; cut < 60; cut++) {
        size_t bytes;
        void *blob;

        pair_defaults(&pair);
        pair_connect(&pair);
        pair.disk.shuffled = true;
        nr_written = 0;
        for (unsigned i = 0; i < NR_WRITES; i++)
            write_at_0(i, i % 2 ? SPLITIO_BLK_BARRIER : SPLITIO_BLK_WRITE);
        splitio_blkfront_kick(&pair.front);
        for (unsigned i = 0; i < cut; i++)
            (void)pair_step(&pair);
        blob = save(&bytes);
        replace(blob, bytes);
        pair_run(&pair, 20000);
        free(blob);
        assert_int_equal(nr_written, NR_WRITES);
        assert_memory_equal(pair.disk.bytes, contents[NR_WRITES - 1], 4096);
        memcpy(pair.model, pair.disk.bytes, 4096);
        finish();
    }
}

/* ---- blobs that are no good ---- */

static void expect_refused(const void *blob, size_t bytes)
{
    int err = splitio_blkback_restore(&pair.back, blob, bytes);

    assert_true(err == SPLITIO_EPROTO || err == SPLITIO_EOPNOTSUPP);
    assert_null(pair.back.saved);
    assert_int_equal(pair.back.stats.nr_rings, 0);
    assert_int_equal(pair.back.stats.nr_in_flight, 0);
}

static void damaged_blob_is_refused(void **state)
{
    size_t bytes;
    uint8_t *blob;

    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    pair.disk.stuck = true;
    some_traffic(5);
    pair.disk.stuck = false;
    blob = save(&bytes);
    pair_back_crash(&pair);
    pair_back_new(&pair);
    for (size_t n = 0; n < bytes; n++) {
        uint8_t *cut = malloc(n ? n : 1); /* sanitizers see its end */

        memcpy(cut, blob, n);
        expect_refused(cut, n);
        free(cut);
    }
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_refused(blob, bytes);
        blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(splitio_blkback_restore(&pair.back, blob, bytes), 0);
    some_traffic(30);
    free(blob);
    finish();
}

static void lesser_device_refuses_to_go_on(void **state)
{
    size_t bytes;
    void *blob;

    (void)state;
    for (unsigned less = 0; less < 6; less++) {
        pair_defaults(&pair);
        pair.front_cfg.max_queues = pair.back_cfg.max_queues = 2;
        pair.front_cfg.max_ring_order = pair.back_cfg.max_ring_order = 1;
        pair_connect(&pair);
        blob = save(&bytes);
        pair_back_crash(&pair);
        pair.back_cfg.max_queues = less == 0 ? 1 : 2;
        pair.back_cfg.max_ring_order = less == 1 ? 0 : 1;
        pair.back_cfg.max_indirect = less == 2 ? 32 : 64;
        pair.back_cfg.max_persistent = less == 3 ? 0 : 256;
        pair.back_cfg.read_only = less == 4;
        if (less == 5)
            pair.disk.info.flags &= ~SPLITIO_DISK_DISCARDS;
        pair_back_new(&pair);
        assert_int_equal(splitio_blkback_restore(&pair.back, blob, bytes),
                         SPLITIO_EOPNOTSUPP);
        free(blob);
        pair_drop(&pair);
    }
}

/* A front that has moved on is not what was saved: it is connected anew. */
static void blob_of_an_earlier_connection_is_passed_over(void **state)
{
    size_t bytes;
    void *blob;

    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    blob = save(&bytes);
    pair_back_crash(&pair);
    pair_back_new(&pair);
    some_traffic(100);
    pair_run(&pair, 20000);
    splitio_blkfront_close(&pair.front);
    pair_run(&pair, 2000);
    splitio_blkfront_reopen(&pair.front);
    pair_run(&pair, 2000);
    pair_back_crash(&pair);
    pair_back_new(&pair);
    assert_int_equal(splitio_blkback_restore(&pair.back, blob, bytes), 0);
    some_traffic(200);
    pair_run(&pair, 20000);
    assert_true(splitio_xenbus_is_linked(&pair.back.xb));
    assert_int_equal(pair.nr_bad, 0);
    assert_memory_equal(pair.model, pair.disk.bytes, PAIR_SECTORS * 512u);
    free(blob);
    pair_close(&pair);
}

/* A front that breaks its ring while there is no back gains nothing. */
static void ring_that_was_broken_meanwhile_is_made_anew(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 2; way++) {
        struct splitio_sring *sring;
        size_t bytes;
        void *blob;

        pair_defaults(&pair);
        pair_connect(&pair);
        pair.disk.stuck = true;
        some_traffic(10);
        pair.disk.stuck = false;
        assert_true(pair.back.stats.nr_in_flight != 0);
        blob = save(&bytes);
        sring = pair.spy.rings[0]->va;
        replace(blob, bytes);
        if (way == 0)
            sring->req_prod = splitio_le32(splitio_le32(sring->req_prod) + 99);
        else /* less than had been taken */
            sring->req_prod = sring->rsp_prod;
        pair_run(&pair, 20000);
        free(blob);
        assert_true(splitio_blkfront_is_up(&pair.front));
        assert_int_equal(pair_nr_busy(&pair), 0);
        assert_int_equal(pair.nr_bad, 0);
        assert_true(pair.front.xb.nr_connects > 1);
        pair_close(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(back_paused_is_replaced_unseen),
        cmocka_unit_test(back_in_work_is_replaced_unseen),
        cmocka_unit_test(back_of_queues_and_pages_is_replaced_unseen),
        cmocka_unit_test(back_without_persistent_grants_is_replaced_unseen),
        cmocka_unit_test(back_goes_on_after_a_save_that_was_of_no_use),
        cmocka_unit_test(barriers_keep_their_place_across_a_save),
        cmocka_unit_test(damaged_blob_is_refused),
        cmocka_unit_test(lesser_device_refuses_to_go_on),
        cmocka_unit_test(blob_of_an_earlier_connection_is_passed_over),
        cmocka_unit_test(ring_that_was_broken_meanwhile_is_made_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
