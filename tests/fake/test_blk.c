/* SPDX-License-Identifier: BSD-2-Clause */
/* Block front and back together: every byte of random traffic is checked. */
#include "cm.h"

#include "blk_pair.h"

#include <string.h>

static struct blk_pair pair;

static uint32_t front_flags(void)
{
    return splitio_blkfront_get_info(&pair.front)->flags;
}

/* Connect as configured, move random data, close, look for what is left. */
static void move_bytes(unsigned nr, size_t max_bytes)
{
    pair_connect(&pair);
    pair_traffic(&pair, nr, max_bytes);
    assert_int_equal(pair.nr_bad, 0);
    assert_int_equal(pair.back.stats.nr_refused, 0);
    assert_true(pair.nr_ok >= nr);
}

static void bounced_and_persistent_moves_the_bytes(void **state)
{
    (void)state;
    pair_defaults(&pair);
    move_bytes(1000, 160 * 1024);
    assert_true(front_flags() & SPLITIO_BLKFRONT_PERSISTENT);
    assert_true(pair.back.stats.nr_kept > 0);
    assert_int_equal(pair.back.stats.nr_mapped, 0);
    pair_close(&pair);
}

static void persistent_cache_of_one_page_falls_back(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.back_cfg.max_persistent = 1;
    move_bytes(300, 64 * 1024);
    assert_true(pair.back.stats.nr_kept <= 1);
    pair_close(&pair);
}

static void small_persistent_cache_evicts_what_is_idle(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.back_cfg.max_persistent = 40;
    move_bytes(600, 64 * 1024);
    assert_true(pair.back.stats.nr_evicted > 0);
    assert_true(pair.back.stats.nr_kept <= 40);
    pair_close(&pair);
}

static void bounced_and_mapped_moves_the_bytes(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.back_cfg.max_persistent = 0;
    move_bytes(600, 160 * 1024);
    assert_false(front_flags() & SPLITIO_BLKFRONT_PERSISTENT);
    assert_int_equal(pair.back.stats.nr_copied, 0);
    pair_close(&pair);
}

static void bounced_and_copied_moves_the_bytes(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.back_cfg.max_persistent = 0;
    pair.back_cfg.copy_pages = 8;
    move_bytes(600, 64 * 1024);
    assert_true(pair.back.stats.nr_copied > 100);
    assert_true(pair.back.stats.nr_copied < pair.back.stats.nr_requests);
    pair_close(&pair);
}

static void direct_moves_the_bytes(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.front_cfg.direct = true;
    move_bytes(1000, 160 * 1024);
    assert_int_equal(pair.back.stats.nr_kept, 0);
    /* What is aligned went without the pool. */
    assert_true(pair.disk.nr_iov_max > 1);
    pair_close(&pair);
}

static void direct_with_a_pool_of_two_pages_gets_on(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.front_cfg.direct = true;
    pair.front_cfg.pool_pages = 2;
    move_bytes(300, 64 * 1024);
    pair_close(&pair);
}

static void bounced_with_a_pool_of_two_pages_gets_on(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.front_cfg.pool_pages = 2;
    move_bytes(200, 64 * 1024);
    assert_true(pair.front.stats.nr_stalls > 0);
    pair_close(&pair);
}

static void direct_for_an_untrusted_back_shows_whole_pages_only(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.front_cfg.direct = true;
    pair_machine(&pair);
    assert_int_equal(pair_store_set(&pair, pair.front_dir, "trusted", "0"), 0);
    pair_back_new(&pair);
    pair_front_new(&pair);
    pair_run(&pair, 1000);
    assert_true(pair.front.untrusted);
    pair_traffic(&pair, 300, 64 * 1024);
    assert_int_equal(pair.nr_bad, 0);
    pair_close(&pair);
}

static void without_indirect_requests_are_cut_smaller(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.back_cfg.max_indirect = 0;
    move_bytes(400, 160 * 1024);
    assert_true(pair.front.stats.nr_requests > pair.front.stats.nr_ios);
    pair_close(&pair);
}

static void request_within_the_limits_is_sent_whole(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.front_cfg.max_segs = 512;
    pair.front_cfg.pool_pages = 2048;
    pair.back_cfg.max_indirect = 4096;
    move_bytes(200, 160 * 1024);
    assert_int_equal(pair.front.stats.nr_requests, pair.front.stats.nr_ios);
    pair_close(&pair);
}

static void large_sectors_move_the_bytes(void **state)
{
    (void)state;
    for (int direct = 0; direct < 2; direct++) {
        pair_defaults(&pair);
        blk_disk_fini(&pair.disk);
        blk_disk_init(&pair.disk, PAIR_SECTORS, 4096);
        pair.front_cfg.direct = direct;
        move_bytes(400, 160 * 1024);
        assert_int_equal(splitio_blkfront_get_info(&pair.front)->sector_size,
                         4096);
        pair_close(&pair);
    }
}

static void every_ring_order_moves_the_bytes(void **state)
{
    (void)state;
    for (uint8_t order = 0; order <= 4; order++) {
        pair_defaults(&pair);
        pair.front_cfg.max_ring_order = order;
        pair.back_cfg.max_ring_order = 4;
        move_bytes(200, 64 * 1024);
        assert_int_equal(pair.front.ring_order, order);
        assert_int_equal(pair.back.peer.ring_order, order);
        pair_close(&pair);
    }
}

static void several_queues_move_the_bytes(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.front_cfg.max_queues = 4;
    pair.back_cfg.max_queues = 3;
    pair.front_cfg.max_ring_order = pair.back_cfg.max_ring_order = 1;
    move_bytes(600, 64 * 1024);
    assert_int_equal(pair.front.nr_queues, 3);
    assert_int_equal(pair.back.nr_queues, 3);
    pair_close(&pair);
}

static void few_requests_in_flight_at_the_back_suffice(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.back_cfg.max_in_flight = 1;
    move_bytes(300, 64 * 1024);
    pair_close(&pair);
}

static void disk_that_is_often_full_loses_nothing(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.disk.depth = 2;
    move_bytes(500, 64 * 1024);
    assert_true(pair.disk.nr_eagain > 0);
    pair_close(&pair);
}

static void disk_without_cache_or_discard_offers_neither(void **state)
{
    struct splitio_blk_io io = {.op = SPLITIO_BLK_FLUSH};

    (void)state;
    pair_defaults(&pair);
    pair.disk.info.flags = 0;
    move_bytes(200, 64 * 1024);
    assert_int_equal(front_flags() &
                         (SPLITIO_BLKFRONT_FLUSHES | SPLITIO_BLKFRONT_DISCARDS),
                     0);
    assert_int_equal(splitio_blkfront_submit(&pair.front, &io),
                     SPLITIO_EOPNOTSUPP);
    io = (struct splitio_blk_io){.op = SPLITIO_BLK_DISCARD, .nr_sectors = 8};
    assert_int_equal(splitio_blkfront_submit(&pair.front, &io),
                     SPLITIO_EOPNOTSUPP);
    pair_close(&pair);
}

static void read_only_disk_is_read_and_never_written(void **state)
{
    static uint8_t buf[512];
    struct splitio_iovec iov = {buf, sizeof(buf)};
    struct splitio_blk_io io = {
        .op = SPLITIO_BLK_WRITE, .iov = &iov, .nr_iov = 1};

    (void)state;
    pair_defaults(&pair);
    pair.disk.info.flags |= SPLITIO_DISK_READ_ONLY | SPLITIO_DISK_CDROM;
    move_bytes(300, 64 * 1024);
    assert_true(front_flags() & SPLITIO_BLKFRONT_READ_ONLY);
    assert_true(front_flags() & SPLITIO_BLKFRONT_CDROM);
    assert_false(front_flags() & SPLITIO_BLKFRONT_DISCARDS);
    assert_int_equal(splitio_blkfront_submit(&pair.front, &io), SPLITIO_EROFS);
    assert_true(pair.disk.nr_flushes > 0); /* a flush is no change */
    pair_close(&pair);
}

static void mode_key_makes_the_disk_read_only(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair_machine(&pair);
    assert_int_equal(pair_store_set(&pair, pair.back_dir, "mode", "r"), 0);
    assert_int_equal(
        pair_store_set(&pair, pair.back_dir, "discard-enable", "0"), 0);
    pair_back_new(&pair);
    pair_front_new(&pair);
    pair_run(&pair, 1000);
    assert_true(front_flags() & SPLITIO_BLKFRONT_READ_ONLY);
    pair_traffic(&pair, 100, 16 * 1024);
    pair_close(&pair);
}

static void discard_enable_key_takes_discard_away(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair_machine(&pair);
    assert_int_equal(
        pair_store_set(&pair, pair.back_dir, "discard-enable", "0"), 0);
    pair_back_new(&pair);
    pair_front_new(&pair);
    pair_run(&pair, 1000);
    assert_int_equal(front_flags() &
                         (SPLITIO_BLKFRONT_DISCARDS | SPLITIO_BLKFRONT_SECURE),
                     0);
    pair_close(&pair);
}

/* Fronts name the pages of a ring in several ways. */
static void ring_is_found_under_either_name_of_its_first_page(void **state)
{
    static const char *const fronts[] = {
        /* what is there beside the right one is of an earlier life */
        "ring-ref", "ring-ref0"};

    (void)state;
    for (uint8_t order = 0; order < 2; order++) {
        for (unsigned i = 0; i < 2; i++) {
            pair_defaults(&pair);
            pair.front_cfg.max_ring_order = order;
            pair.back_cfg.max_ring_order = order;
            pair_connect(&pair);
            pair_back_crash(&pair);
            /* The ring that is connected now, told under the other name. */
            pair_store_rename(&pair, pair.front_dir,
                              order ? "ring-ref0" : "ring-ref", fronts[i]);
            pair_back_new(&pair);
            pair_traffic(&pair, 50, 64 * 1024);
            assert_int_equal(pair.back.peer.ring_order, order);
            pair_close(&pair);
        }
    }
}

/* ---- single requests ---- */

static int last_status;
static unsigned nr_done;

static void note(struct splitio_blk_io *io, int status)
{
    (void)io;
    last_status = status;
    nr_done++;
}

static int do_one(struct splitio_blk_io *io)
{
    unsigned before = nr_done;
    int err;

    io->done = note;
    err = splitio_blkfront_submit(&pair.front, io);
    if (err)
        return err;
    splitio_blkfront_kick(&pair.front);
    pair_run(&pair, 100);
    assert_int_equal(nr_done, before + 1);
    return last_status;
}

static void flush_and_secure_discard_reach_the_disk(void **state)
{
    struct splitio_blk_io flush = {.op = SPLITIO_BLK_FLUSH};
    struct splitio_blk_io discard = {.op = SPLITIO_BLK_DISCARD,
                                     .secure = true,
                                     .sector = 7,
                                     .nr_sectors = PAIR_SECTORS - 7};

    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    assert_int_equal(do_one(&flush), 0);
    assert_int_equal(pair.disk.nr_flushes, 1);
    assert_int_equal(do_one(&discard), 0);
    assert_int_equal(pair.disk.nr_secure, 1);
    pair_close(&pair);
}

static void disk_error_reaches_the_caller_once(void **state)
{
    static uint8_t buf[32 * 4096];
    struct splitio_iovec iov = {buf, sizeof(buf)};
    struct splitio_blk_io io = {
        .op = SPLITIO_BLK_READ, .iov = &iov, .nr_iov = 1};

    (void)state;
    pair_defaults(&pair);
    pair.back_cfg.max_indirect = 0; /* in several parts */
    pair_connect(&pair);
    pair.disk.fail_ops = 1 << SPLITIO_DISK_READ;
    assert_int_equal(do_one(&io), SPLITIO_EIO);
    pair.disk.fail_ops = 0;
    assert_int_equal(do_one(&io), 0);
    pair_close(&pair);
}

static void flush_that_turns_out_impossible_is_no_longer_offered(void **state)
{
    struct splitio_blk_io flush = {.op = SPLITIO_BLK_FLUSH};
    struct splitio_blk_io discard = {.op = SPLITIO_BLK_DISCARD,
                                     .nr_sectors = 8};

    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    pair.disk.fail_ops = 1 << SPLITIO_DISK_FLUSH | 1 << SPLITIO_DISK_DISCARD;
    pair.disk.fail_status = SPLITIO_EOPNOTSUPP;
    assert_int_equal(do_one(&flush), SPLITIO_EOPNOTSUPP);
    assert_int_equal(do_one(&discard), SPLITIO_EOPNOTSUPP);
    pair.disk.fail_ops = 0;
    assert_int_equal(do_one(&flush), SPLITIO_EOPNOTSUPP);
    assert_int_equal(do_one(&discard), SPLITIO_EOPNOTSUPP);
    assert_int_equal(pair.disk.nr_flushes, 0);
    assert_int_equal(pair.disk.nr_discards, 0);
    pair_close(&pair);
}

static void request_that_makes_no_sense_is_refused_by_submit(void **state)
{
    static uint8_t buf[1024];
    struct splitio_iovec iov = {buf, 512};
    struct splitio_blk_io io = {
        .op = SPLITIO_BLK_READ, .iov = &iov, .nr_iov = 1};

    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    io.sector = PAIR_SECTORS;
    assert_int_equal(do_one(&io), SPLITIO_EINVAL);
    io.sector = UINT64_MAX;
    assert_int_equal(do_one(&io), SPLITIO_EINVAL);
    io.sector = 0;
    iov.len_bytes = 513;
    assert_int_equal(do_one(&io), SPLITIO_EINVAL);
    iov.len_bytes = 0;
    assert_int_equal(do_one(&io), SPLITIO_EINVAL);
    iov.len_bytes = SIZE_MAX;
    assert_int_equal(do_one(&io), SPLITIO_EINVAL);
    io.op = (enum splitio_blk_op)9;
    assert_int_equal(do_one(&io), SPLITIO_EINVAL);
    pair_close(&pair);
}

static void disk_that_grows_or_shrinks_is_noticed(void **state)
{
    static uint8_t buf[512];
    struct splitio_iovec iov = {buf, 512};
    struct splitio_blk_io io = {
        .op = SPLITIO_BLK_READ, .iov = &iov, .nr_iov = 1};

    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    assert_int_equal(pair.nr_changes, 1);
    io.sector = PAIR_SECTORS - 1;
    assert_int_equal(do_one(&io), 0);
    pair.disk.info.nr_sectors = PAIR_SECTORS / 2;
    assert_int_equal(splitio_blkback_resized(&pair.back), 0);
    /* The front does not know yet, the back does. */
    assert_int_equal(splitio_blkfront_get_info(&pair.front)->nr_sectors,
                     PAIR_SECTORS);
    pair_run(&pair, 100);
    assert_int_equal(splitio_blkfront_get_info(&pair.front)->nr_sectors,
                     PAIR_SECTORS / 2);
    assert_int_equal(pair.nr_changes, 2);
    assert_int_equal(do_one(&io), SPLITIO_EINVAL);
    pair.disk.info.nr_sectors = PAIR_SECTORS;
    assert_int_equal(splitio_blkback_resized(&pair.back), 0);
    pair_run(&pair, 100);
    assert_int_equal(do_one(&io), 0);
    pair_close(&pair);
}

static void batch_costs_one_notification_each_way(void **state)
{
    static uint8_t buf[16][512];
    static struct splitio_blk_io ios[16];
    struct splitio_iovec iov[16];

    (void)state;
    pair_defaults(&pair);
    pair.disk.shuffled = false;
    pair_connect(&pair);
    for (unsigned round = 0; round < 3; round++) {
        uint64_t front = pair.front.stats.nr_notifies;
        uint64_t back = pair.back.stats.nr_notifies;

        for (unsigned i = 0; i < 16; i++) {
            iov[i] = (struct splitio_iovec){buf[i], 512};
            ios[i] = (struct splitio_blk_io){.op = SPLITIO_BLK_READ,
                                             .sector = i,
                                             .iov = &iov[i],
                                             .nr_iov = 1,
                                             .done = note};
            assert_int_equal(splitio_blkfront_submit(&pair.front, &ios[i]), 0);
        }
        splitio_blkfront_kick(&pair.front);
        assert_true(splitio_fake_step(pair.fake) > 0);
        while (splitio_blkback_poll(&pair.back, 64))
            ;
        pair_run(&pair, 100);
        assert_int_equal(pair.front.stats.nr_notifies - front, 1);
        assert_int_equal(pair.back.stats.nr_notifies - back, 1);
    }
    pair_close(&pair);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounced_and_persistent_moves_the_bytes),
        cmocka_unit_test(persistent_cache_of_one_page_falls_back),
        cmocka_unit_test(small_persistent_cache_evicts_what_is_idle),
        cmocka_unit_test(bounced_and_mapped_moves_the_bytes),
        cmocka_unit_test(bounced_and_copied_moves_the_bytes),
        cmocka_unit_test(direct_moves_the_bytes),
        cmocka_unit_test(direct_with_a_pool_of_two_pages_gets_on),
        cmocka_unit_test(bounced_with_a_pool_of_two_pages_gets_on),
        cmocka_unit_test(direct_for_an_untrusted_back_shows_whole_pages_only),
        cmocka_unit_test(without_indirect_requests_are_cut_smaller),
        cmocka_unit_test(request_within_the_limits_is_sent_whole),
        cmocka_unit_test(large_sectors_move_the_bytes),
        cmocka_unit_test(every_ring_order_moves_the_bytes),
        cmocka_unit_test(several_queues_move_the_bytes),
        cmocka_unit_test(few_requests_in_flight_at_the_back_suffice),
        cmocka_unit_test(disk_that_is_often_full_loses_nothing),
        cmocka_unit_test(disk_without_cache_or_discard_offers_neither),
        cmocka_unit_test(read_only_disk_is_read_and_never_written),
        cmocka_unit_test(mode_key_makes_the_disk_read_only),
        cmocka_unit_test(discard_enable_key_takes_discard_away),
        cmocka_unit_test(ring_is_found_under_either_name_of_its_first_page),
        cmocka_unit_test(flush_and_secure_discard_reach_the_disk),
        cmocka_unit_test(disk_error_reaches_the_caller_once),
        cmocka_unit_test(flush_that_turns_out_impossible_is_no_longer_offered),
        cmocka_unit_test(request_that_makes_no_sense_is_refused_by_submit),
        cmocka_unit_test(disk_that_grows_or_shrinks_is_noticed),
        cmocka_unit_test(batch_costs_one_notification_each_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
