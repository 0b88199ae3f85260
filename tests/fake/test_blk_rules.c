/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of the block protocol that no single request shows: what comes before
 * and after a barrier, which persistent grant goes first, what a half does when
 * an operation turns out not to be there. */
#include "cm.h"

#include "blk_pair.h"
#include "peer_blkback.h"
#include "peer_blkfront.h"

#include <string.h>

/* ---- the back's barrier ---- */

static struct peer_front front;

#define LOG_MAX 64u

static struct {
    enum splitio_disk_op op;
    uint64_t sector;
} entries[LOG_MAX];
static unsigned nr_entries;

static void log_io(void *arg, const struct splitio_disk_io *io)
{
    (void)arg;
    assert_true(nr_entries < LOG_MAX);
    entries[nr_entries].op = io->op;
    entries[nr_entries++].sector = io->sector;
}

static void expect_entry(unsigned i, enum splitio_disk_op op, uint64_t sector)
{
    assert_true(i < nr_entries);
    assert_int_equal(entries[i].op, op);
    if (op != SPLITIO_DISK_FLUSH)
        assert_int_equal(entries[i].sector, sector);
}

static void open_front(uint16_t copy_pages)
{
    peer_front_defaults(&front);
    front.cfg.copy_pages = copy_pages;
    front.disk.on_io = log_io;
    nr_entries = 0;
    peer_front_open(&front, 0, SPLITIO_BLKIF_ABI_X86_64, 0);
    assert_int_equal(peer_front_connect(&front), 0);
}

static void expect_answers(unsigned nr)
{
    struct peer_answer a;

    for (unsigned i = 0; i < nr; i++) {
        assert_int_equal(peer_front_take(&front, &a), 1);
        assert_int_equal(a.status, 0);
    }
    assert_int_equal(peer_front_take(&front, &a), 0);
}

static void barrier_with_data_flushes_then_writes_then_flushes(void **state)
{
    (void)state;
    for (uint16_t copy = 0; copy < 2; copy++) {
        open_front(copy);
        memset(front.pages[3], 0x77, 4096);
        peer_front_rw(&front, SPLITIO_BLKIF_OP_WRITE_BARRIER, 1, 8, 3, 1);
        peer_front_publish(&front);
        peer_front_run(&front);
        expect_answers(1);
        expect_entry(0, SPLITIO_DISK_FLUSH, 0);
        expect_entry(1, SPLITIO_DISK_WRITE, 8);
        expect_entry(2, SPLITIO_DISK_FLUSH, 0);
        assert_int_equal(nr_entries, 3);
        assert_memory_equal(front.disk.bytes + 4096, front.pages[3], 4096);
        peer_front_close(&front);
    }
}

static void empty_barrier_is_a_flush_in_its_place(void **state)
{
    (void)state;
    open_front(0);
    peer_front_rw(&front, SPLITIO_BLKIF_OP_WRITE, 1, 0, 0, 1);
    peer_front_rw(&front, SPLITIO_BLKIF_OP_WRITE_BARRIER, 2, 99999, 0, 0);
    peer_front_rw(&front, SPLITIO_BLKIF_OP_WRITE, 3, 8, 0, 1);
    peer_front_publish(&front);
    peer_front_run(&front);
    expect_answers(3);
    expect_entry(0, SPLITIO_DISK_WRITE, 0);
    expect_entry(1, SPLITIO_DISK_FLUSH, 0);
    expect_entry(2, SPLITIO_DISK_WRITE, 8);
    peer_front_close(&front);
}

/* The disk is given nothing of the barrier, nor of what follows it. */
static void barrier_waits_for_what_is_before_and_holds_up_the_rest(void **state)
{
    (void)state;
    open_front(0);
    front.disk.stuck = true;
    peer_front_rw(&front, SPLITIO_BLKIF_OP_WRITE, 1, 0, 0, 1);
    peer_front_rw(&front, SPLITIO_BLKIF_OP_WRITE, 2, 8, 1, 1);
    peer_front_rw(&front, SPLITIO_BLKIF_OP_WRITE_BARRIER, 3, 16, 2, 1);
    peer_front_rw(&front, SPLITIO_BLKIF_OP_WRITE, 4, 24, 3, 1);
    peer_front_publish(&front);
    peer_front_run(&front);
    assert_int_equal(front.disk.nr_held, 2);
    assert_int_equal(front.back.stats.nr_requests, 3);
    front.disk.stuck = false;
    peer_front_run(&front);
    expect_answers(4);
    assert_int_equal(nr_entries, 6);
    expect_entry(2, SPLITIO_DISK_FLUSH, 0);
    expect_entry(3, SPLITIO_DISK_WRITE, 16);
    expect_entry(4, SPLITIO_DISK_FLUSH, 0);
    expect_entry(5, SPLITIO_DISK_WRITE, 24);
    peer_front_close(&front);
}

static void barrier_that_fails_at_any_step_is_answered_once(void **state)
{
    static const enum splitio_disk_op ops[] = {SPLITIO_DISK_FLUSH,
                                               SPLITIO_DISK_WRITE};

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(ops); i++) {
        struct peer_answer a;

        open_front(0);
        front.disk.fail_ops = 1 << ops[i];
        front.disk.fail_status = i ? SPLITIO_EIO : SPLITIO_EOPNOTSUPP;
        peer_front_rw(&front, SPLITIO_BLKIF_OP_WRITE_BARRIER, 1, 8, 3, 1);
        a = peer_front_only_answer(&front);
        assert_int_equal(a.status, i ? SPLITIO_BLKIF_RSP_ERROR
                                     : SPLITIO_BLKIF_RSP_EOPNOTSUPP);
        front.disk.fail_ops = 0;
        peer_front_prove_alive(&front);
        peer_front_close(&front);
    }
}

static void barrier_that_is_held_is_dropped_by_a_disconnect(void **state)
{
    (void)state;
    open_front(0);
    front.disk.stuck = true;
    peer_front_rw(&front, SPLITIO_BLKIF_OP_WRITE, 1, 0, 0, 1);
    peer_front_rw(&front, SPLITIO_BLKIF_OP_WRITE_BARRIER, 2, 16, 2, 1);
    peer_front_publish(&front);
    peer_front_run(&front);
    assert_int_equal(splitio_blkback_disconnect(&front.back), SPLITIO_EAGAIN);
    assert_int_equal(front.back.stats.nr_dropped, 1);
    front.disk.stuck = false;
    peer_front_close(&front);
    assert_int_equal(nr_entries, 1);
}

static void barrier_without_a_cache_to_flush_is_not_supported(void **state)
{
    struct peer_answer a;

    (void)state;
    peer_front_defaults(&front);
    front.disk.info.flags = 0;
    peer_front_open(&front, 0, SPLITIO_BLKIF_ABI_X86_64, 0);
    assert_int_equal(peer_front_connect(&front), 0);
    peer_front_rw(&front, SPLITIO_BLKIF_OP_WRITE_BARRIER, 1, 0, 0, 1);
    a = peer_front_only_answer(&front);
    assert_int_equal(a.status, SPLITIO_BLKIF_RSP_EOPNOTSUPP);
    peer_front_close(&front);
}

/* Which barrier each write came after, by its sector. */
static struct {
    unsigned epoch[PEER_SECTORS / 8];
    bool barrier[PEER_SECTORS / 8];
    unsigned now;
    bool flushed, must_flush;
} order;

static void check_order(void *arg, const struct splitio_disk_io *io)
{
    unsigned i = (unsigned)(io->sector / 8);

    (void)arg;
    if (io->op == SPLITIO_DISK_FLUSH) {
        order.flushed = true;
        order.must_flush = false;
        return;
    }
    assert_int_equal(order.epoch[i], order.now);
    assert_false(order.must_flush);
    if (order.barrier[i]) {
        assert_true(order.flushed);
        order.must_flush = true;
        order.now++;
    }
    order.flushed = false;
}

static void writes_on_a_slow_disk_never_cross_a_barrier(void **state)
{
    uint32_t random = 7;
    unsigned epoch = 0, sent = 0;
    struct peer_answer a;

    (void)state;
    peer_front_defaults(&front);
    memset(&order, 0, sizeof(order));
    front.disk.on_io = check_order;
    front.disk.depth = 5;
    peer_front_open(&front, 0, SPLITIO_BLKIF_ABI_X86_64, 0);
    assert_int_equal(peer_front_connect(&front), 0);
    while (sent < PEER_SECTORS / 8) {
        unsigned n = 1 + blk_random(&random) % 20;

        while (n-- > 0 && sent < PEER_SECTORS / 8) {
            bool barrier = blk_random(&random) % 5 == 0;

            order.epoch[sent] = epoch;
            order.barrier[sent] = barrier;
            epoch += barrier;
            peer_front_rw(&front, barrier ? 2 : 1, sent, sent * 8, sent % 500,
                          1);
            sent++;
        }
        peer_front_publish(&front);
        peer_front_run(&front);
        while (peer_front_take(&front, &a))
            assert_int_equal(a.status, 0);
    }
    assert_true(epoch > 100);
    assert_int_equal(order.now, epoch);
    peer_front_close(&front);
}

/* ---- the back's persistent grants ---- */

/* One page after the other, in any order, beside a list of those used last. */
static void persistent_page_used_least_recently_goes_first(void **state)
{
    enum { CAP = 5, PAGES = 12 };
    unsigned recent[CAP], nr_recent = 0;
    uint32_t random = 3;
    uint64_t evicted = 0;

    (void)state;
    peer_front_defaults(&front);
    front.peer.persistent = true;
    front.cfg.max_persistent = CAP;
    peer_front_open(&front, 0, SPLITIO_BLKIF_ABI_X86_64, 0);
    assert_int_equal(peer_front_connect(&front), 0);
    for (unsigned n = 0; n < 2000; n++) {
        unsigned page = blk_random(&random) % PAGES, at = 0;
        uint64_t maps = front.spy.nr_maps;

        peer_front_rw(&front, SPLITIO_BLKIF_OP_READ, n, 0, page, 1);
        assert_int_equal(peer_front_only_answer(&front).status, 0);
        while (at < nr_recent && recent[at] != page)
            at++;
        assert_int_equal(front.spy.nr_maps - maps, at == nr_recent);
        evicted += at == nr_recent && nr_recent == CAP;
        if (at == nr_recent && nr_recent < CAP)
            nr_recent++;
        else if (at == nr_recent)
            at--;
        memmove(&recent[1], &recent[0], at * sizeof(recent[0]));
        recent[0] = page;
        assert_int_equal(front.back.stats.nr_kept, nr_recent);
        assert_int_equal(front.back.stats.nr_evicted, evicted);
    }
    assert_true(evicted > 500);
    peer_front_close(&front);
}

/* ---- the front ---- */

static struct peer_back back;
static struct splitio_blk_io ios[8];
static struct splitio_iovec iovs[8];
static uint8_t buf[64 * 4096];
static int statuses[8];
static unsigned dones[8];

static void on_done(struct splitio_blk_io *io, int status)
{
    statuses[io - ios] = status;
    dones[io - ios]++;
}

static int submit(unsigned i, enum splitio_blk_op op, size_t len)
{
    int err;

    iovs[i] = (struct splitio_iovec){buf, len};
    ios[i] = (struct splitio_blk_io){.op = op,
                                     .sector = i * 512,
                                     .iov = &iovs[i],
                                     .nr_iov = len ? 1 : 0,
                                     .done = on_done};
    dones[i] = 0;
    err = splitio_blkfront_submit(&back.front, &ios[i]);
    splitio_blkfront_kick(&back.front);
    return err;
}

static void open_back(uint32_t flags)
{
    peer_back_defaults(&back);
    back.info.flags = flags;
    peer_back_open(&back);
    peer_back_connect(&back);
}

static void close_back(void)
{
    peer_back_leave(&back);
    peer_back_close(&back);
}

static void refuse_first(void)
{
    struct splitio_blkif_request_x86_64 r;

    assert_int_equal(peer_back_take(&back, &r), 1);
    peer_back_put(&back, r.id,
                  r.operation == SPLITIO_BLKIF_OP_INDIRECT ? r.nr_segments
                                                           : r.operation,
                  SPLITIO_BLKIF_RSP_EOPNOTSUPP);
    peer_back_publish(&back);
    peer_back_run(&back);
}

static void page_given_back_last_is_used_first(void **state)
{
    struct splitio_blkif_request_x86_64 r[3], next;
    static const unsigned answered[] = {1, 2, 0};

    (void)state;
    open_back(0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(submit(i, SPLITIO_BLK_READ, 4096), 0);
        assert_int_equal(peer_back_take(&back, &r[i]), 1);
    }
    for (unsigned i = 0; i < 3; i++)
        peer_back_put(&back, r[answered[i]].id, 0, 0);
    peer_back_publish(&back);
    peer_back_run(&back);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(submit(i, SPLITIO_BLK_READ, 4096), 0);
        assert_int_equal(peer_back_take(&back, &next), 1);
        assert_int_equal(next.seg[0].gref, r[answered[2 - i]].seg[0].gref);
        peer_back_put(&back, next.id, 0, 0);
    }
    peer_back_publish(&back);
    peer_back_run(&back);
    close_back();
}

static void barrier_is_never_indirect(void **state)
{
    struct splitio_blkif_request_x86_64 r;
    unsigned pages = 0;

    (void)state;
    open_back(SPLITIO_BLKFRONT_BARRIERS);
    assert_int_equal(submit(0, SPLITIO_BLK_BARRIER, 25 * 4096), 0);
    while (peer_back_take(&back, &r)) {
        assert_int_equal(r.operation, SPLITIO_BLKIF_OP_WRITE_BARRIER);
        assert_in_range(r.nr_segments, 1, 11);
        assert_int_equal(r.sector_number, pages * 8);
        pages += r.nr_segments;
        peer_back_put(&back, r.id, r.operation, 0);
    }
    assert_int_equal(pages, 25);
    peer_back_publish(&back);
    peer_back_run(&back);
    assert_int_equal(dones[0], 1);
    assert_int_equal(statuses[0], 0);
    assert_int_equal(submit(1, SPLITIO_BLK_BARRIER, 0), 0);
    assert_int_equal(peer_back_take(&back, &r), 1);
    assert_int_equal(r.nr_segments, 0);
    assert_int_equal(r.sector_number, 0);
    peer_back_put(&back, r.id, r.operation, 0);
    peer_back_publish(&back);
    peer_back_run(&back);
    assert_int_equal(statuses[1], 0);
    close_back();
}

static void barrier_not_offered_is_refused_by_submit(void **state)
{
    (void)state;
    open_back(SPLITIO_BLKFRONT_FLUSHES);
    assert_int_equal(submit(0, SPLITIO_BLK_BARRIER, 4096), SPLITIO_EOPNOTSUPP);
    close_back();
    open_back(SPLITIO_BLKFRONT_BARRIERS | SPLITIO_BLKFRONT_READ_ONLY);
    assert_int_equal(submit(0, SPLITIO_BLK_BARRIER, 4096), SPLITIO_EROFS);
    close_back();
}

static void operation_refused_at_run_time_is_no_longer_offered(void **state)
{
    static const struct {
        enum splitio_blk_op op;
        uint32_t flag;
        size_t len;
    } cases[] = {
        {SPLITIO_BLK_FLUSH, SPLITIO_BLKFRONT_FLUSHES, 0},
        {SPLITIO_BLK_BARRIER, SPLITIO_BLKFRONT_BARRIERS, 4096},
        {SPLITIO_BLK_BARRIER, SPLITIO_BLKFRONT_BARRIERS, 0},
    };

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(cases); i++) {
        open_back(SPLITIO_BLKFRONT_FLUSHES | SPLITIO_BLKFRONT_BARRIERS);
        assert_int_equal(submit(0, cases[i].op, cases[i].len), 0);
        refuse_first();
        assert_int_equal(dones[0], 1);
        assert_int_equal(statuses[0], SPLITIO_EOPNOTSUPP);
        assert_false(back.front.info.flags & cases[i].flag);
        assert_int_equal(submit(0, cases[i].op, cases[i].len),
                         SPLITIO_EOPNOTSUPP);
        close_back();
    }
}

static void discard_refused_at_run_time_is_no_longer_offered(void **state)
{
    uint32_t all = SPLITIO_BLKFRONT_DISCARDS | SPLITIO_BLKFRONT_SECURE;

    (void)state;
    for (unsigned secure = 0; secure < 2; secure++) {
        open_back(all);
        ios[0] = (struct splitio_blk_io){.op = SPLITIO_BLK_DISCARD,
                                         .secure = secure,
                                         .nr_sectors = 8,
                                         .done = on_done};
        dones[0] = 0;
        assert_int_equal(splitio_blkfront_submit(&back.front, &ios[0]), 0);
        splitio_blkfront_kick(&back.front);
        refuse_first();
        assert_int_equal(statuses[0], SPLITIO_EOPNOTSUPP);
        /* Without the trace it may still be possible. */
        assert_int_equal(back.front.info.flags & all,
                         secure ? SPLITIO_BLKFRONT_DISCARDS : 0);
        close_back();
    }
}

static void indirect_refused_at_run_time_is_sent_in_direct_parts(void **state)
{
    struct splitio_blkif_request_x86_64 r;
    unsigned pages = 0;

    (void)state;
    open_back(0);
    assert_int_equal(submit(0, SPLITIO_BLK_WRITE, 30 * 4096), 0);
    refuse_first();
    assert_int_equal(dones[0], 0);
    assert_int_equal(back.front.info.max_indirect, 0);
    while (peer_back_take(&back, &r)) {
        assert_int_equal(r.operation, SPLITIO_BLKIF_OP_WRITE);
        assert_int_equal(r.sector_number, pages * 8);
        pages += r.nr_segments;
        peer_back_put(&back, r.id, r.operation, 0);
    }
    assert_int_equal(pages, 30);
    peer_back_publish(&back);
    peer_back_run(&back);
    assert_int_equal(dones[0], 1);
    assert_int_equal(statuses[0], 0);
    close_back();
}

/* To send it again would let the barrier overtake it. */
static void indirect_refused_before_a_barrier_is_an_error(void **state)
{
    (void)state;
    open_back(SPLITIO_BLKFRONT_BARRIERS);
    assert_int_equal(submit(0, SPLITIO_BLK_WRITE, 30 * 4096), 0);
    assert_int_equal(submit(1, SPLITIO_BLK_BARRIER, 4096), 0);
    refuse_first();
    assert_int_equal(dones[0], 1);
    assert_int_equal(statuses[0], SPLITIO_EIO);
    assert_int_equal(peer_back_serve(&back), 1);
    peer_back_run(&back);
    assert_int_equal(statuses[1], 0);
    close_back();
}

/* ---- both ---- */

static void barriers_go_from_end_to_end(void **state)
{
    static struct blk_pair pair;
    struct splitio_iovec iov = {buf, 20 * 4096};

    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    assert_true(pair.front.info.flags & SPLITIO_BLKFRONT_BARRIERS);
    memset(buf, 0x42, sizeof(buf));
    ios[0] = (struct splitio_blk_io){.op = SPLITIO_BLK_BARRIER,
                                     .sector = 8,
                                     .iov = &iov,
                                     .nr_iov = 1,
                                     .done = on_done};
    dones[0] = 0;
    assert_int_equal(splitio_blkfront_submit(&pair.front, &ios[0]), 0);
    splitio_blkfront_kick(&pair.front);
    pair_run(&pair, 100);
    assert_int_equal(dones[0], 1);
    assert_int_equal(statuses[0], 0);
    assert_int_equal(pair.disk.nr_flushes, 4);
    assert_memory_equal(pair.disk.bytes + 4096, buf, 20 * 4096);
    memset(pair.model + 4096, 0x42, 20 * 4096);
    pair_traffic(&pair, 100, 64 * 1024);
    pair_close(&pair);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(barrier_with_data_flushes_then_writes_then_flushes),
        cmocka_unit_test(empty_barrier_is_a_flush_in_its_place),
        cmocka_unit_test(
            barrier_waits_for_what_is_before_and_holds_up_the_rest),
        cmocka_unit_test(barrier_that_fails_at_any_step_is_answered_once),
        cmocka_unit_test(barrier_that_is_held_is_dropped_by_a_disconnect),
        cmocka_unit_test(barrier_without_a_cache_to_flush_is_not_supported),
        cmocka_unit_test(writes_on_a_slow_disk_never_cross_a_barrier),
        cmocka_unit_test(persistent_page_used_least_recently_goes_first),
        cmocka_unit_test(page_given_back_last_is_used_first),
        cmocka_unit_test(barrier_is_never_indirect),
        cmocka_unit_test(barrier_not_offered_is_refused_by_submit),
        cmocka_unit_test(operation_refused_at_run_time_is_no_longer_offered),
        cmocka_unit_test(discard_refused_at_run_time_is_no_longer_offered),
        cmocka_unit_test(indirect_refused_at_run_time_is_sent_in_direct_parts),
        cmocka_unit_test(indirect_refused_before_a_barrier_is_an_error),
        cmocka_unit_test(barriers_go_from_end_to_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
