/* SPDX-License-Identifier: BSD-2-Clause */
/* The block back against fronts that lie: threats T01 to T18. */
#include "cm.h"

#include "peer_blkfront.h"

#include <stdlib.h>
#include <string.h>

static struct peer_front peer;
static const uint32_t starts[] = {0, INT32_MAX, UINT32_MAX - 1};

static void open_connected(enum splitio_blkif_abi abi, uint32_t start)
{
    peer_front_open(&peer, 0, abi, start);
    assert_int_equal(peer_front_connect(&peer), 0);
}

static void open_default(void)
{
    peer_front_defaults(&peer);
    open_connected(SPLITIO_BLKIF_ABI_X86_64, 0);
}

static void expect_error(uint64_t id, int status)
{
    unsigned done = peer.disk.nr_done;
    struct peer_answer a = peer_front_only_answer(&peer);

    assert_int_equal(a.id, id);
    assert_int_equal(a.status, status);
    assert_int_equal(peer.disk.nr_done, done);
    assert_int_equal(peer.back.stats.nr_mapped, 0);
}

static void requests_in_both_layouts_move_the_bytes(void **state)
{
    (void)state;
    for (unsigned abi = 0; abi < 2; abi++) {
        for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(starts); i++) {
            peer_front_defaults(&peer);
            open_connected((enum splitio_blkif_abi)abi, starts[i]);
            for (unsigned n = 1; n <= 11; n++) {
                struct peer_answer a;

                for (unsigned j = 0; j < n; j++)
                    memset(peer.pages[j], (int)(n + j), 4096);
                peer_front_rw(&peer, 1, n, n * 8, 0, n);
                a = peer_front_only_answer(&peer);
                assert_int_equal(a.id, n);
                assert_int_equal(a.status, 0);
                for (unsigned j = 0; j < n; j++)
                    assert_memory_equal(peer.disk.bytes + (n + j) * 4096,
                                        peer.pages[j], 4096);
            }
            peer_front_prove_alive(&peer);
            peer_front_close(&peer);
        }
    }
}

static void indirect_in_both_layouts_spans_descriptor_pages(void **state)
{
    (void)state;
    for (unsigned abi = 0; abi < 2; abi++) {
        struct peer_answer a;

        peer_front_defaults(&peer);
        open_connected((enum splitio_blkif_abi)abi, 0);
        peer_front_indirect(&peer, 0, 99, 8, 8, 500, 0);
        a = peer_front_only_answer(&peer);
        assert_int_equal(a.id, 99);
        assert_int_equal(a.op, SPLITIO_BLKIF_OP_READ);
        assert_int_equal(a.status, 0);
        for (unsigned i = 0; i < 500; i++)
            assert_memory_equal(peer.pages[8 + i],
                                peer.disk.bytes + 4096 + i * 4096, 4096);
        peer_front_indirect(&peer, 1, 100, 0, 8, 1000, 0);
        a = peer_front_only_answer(&peer);
        assert_int_equal(a.op, SPLITIO_BLKIF_OP_WRITE);
        assert_int_equal(a.status, 0);
        assert_memory_equal(peer.pages[8 + 999 % 584],
                            peer.disk.bytes + 999 * 4096, 4096);
        peer_front_close(&peer);
    }
}

static void flush_with_data_flushes_first_then_writes(void **state)
{
    struct peer_answer a;

    (void)state;
    open_default();
    memset(peer.pages[3], 0x77, 4096);
    peer_front_rw(&peer, SPLITIO_BLKIF_OP_FLUSH_DISKCACHE, 1, 8, 3, 1);
    a = peer_front_only_answer(&peer);
    assert_int_equal(a.status, 0);
    assert_int_equal(a.op, SPLITIO_BLKIF_OP_FLUSH_DISKCACHE);
    assert_int_equal(peer.disk.nr_flushes, 1);
    assert_memory_equal(peer.disk.bytes + 4096, peer.pages[3], 4096);
    peer_front_close(&peer);
}

/* T14 to T16: one error, nothing mapped, and the device goes on. */
static void request_without_sense_gets_one_error(void **state)
{
    uint8_t *slot;

    (void)state;
    open_default();
    peer_front_rw(&peer, 0, 1, 0, 0, 0);
    expect_error(1, SPLITIO_BLKIF_RSP_ERROR);
    peer_front_rw(&peer, 0, 2, 0, 0, 1);
    slot = (uint8_t *)(peer.sring + 1) + 112 * 1;
    slot[1] = 12;
    expect_error(2, SPLITIO_BLKIF_RSP_ERROR);
    peer_front_rw(&peer, 1, 3, PEER_SECTORS - 7, 0, 1);
    expect_error(3, SPLITIO_BLKIF_RSP_ERROR);
    peer_front_rw(&peer, 1, 4, UINT64_MAX - 3, 0, 11);
    expect_error(4, SPLITIO_BLKIF_RSP_ERROR);
    peer_front_rw(&peer, 0xFF, 5, 0, 0, 1);
    expect_error(5, SPLITIO_BLKIF_RSP_EOPNOTSUPP);
    peer_front_rw(&peer, SPLITIO_BLKIF_OP_WRITE_BARRIER, 6, 0, 0, 12);
    expect_error(6, SPLITIO_BLKIF_RSP_ERROR);
    peer_front_indirect(&peer, 0, 7, 0, 8, 1201, 0);
    expect_error(7, SPLITIO_BLKIF_RSP_ERROR);
    peer_front_indirect(&peer, SPLITIO_BLKIF_OP_INDIRECT, 8, 0, 8, 4, 0);
    expect_error(8, SPLITIO_BLKIF_RSP_EOPNOTSUPP);
    peer_front_prove_alive(&peer);
    assert_int_equal(peer.back.stats.nr_broken, 0);
    peer_front_close(&peer);
}

/* T15: the end of the disk is where it is now. */
static void request_past_the_new_end_gets_an_error(void **state)
{
    (void)state;
    open_default();
    peer.disk.info.nr_sectors = 64;
    assert_int_equal(splitio_blkback_resized(&peer.back), 0);
    peer_front_rw(&peer, 0, 1, 64, 0, 1);
    expect_error(1, SPLITIO_BLKIF_RSP_ERROR);
    peer_front_rw(&peer, 0, 2, 57, 0, 1);
    expect_error(2, SPLITIO_BLKIF_RSP_ERROR);
    peer_front_prove_alive(&peer);
    peer_front_close(&peer);
}

static void indirect_list_that_cannot_be_read_gets_one_error(void **state)
{
    (void)state;
    open_default();
    peer_front_indirect(&peer, 0, 1, 0, 8, 520, 0);
    memset((uint8_t *)(peer.sring + 1) + 28 + 4, 0xFF, 4); /* second page */
    expect_error(1, SPLITIO_BLKIF_RSP_ERROR);
    peer_front_indirect(&peer, 0, 2, 0, 8, 520, 0);
    peer.pages[1][8 * 3 + 4] = 8; /* a segment that begins past its page */
    expect_error(2, SPLITIO_BLKIF_RSP_ERROR);
    peer_front_prove_alive(&peer);
    peer_front_close(&peer);
}

/* T01, T14: the list changes as soon as it has been looked at. */
static void scramble(void *arg, const struct splitio_grant_copy *op)
{
    struct peer_front *f = arg;

    if (op->src.local == NULL && op->src.gref == f->grefs[0])
        memset(f->pages[0], 0xFF, 4096);
}

static void indirect_list_that_changes_is_used_as_first_read(void **state)
{
    struct peer_answer a;

    (void)state;
    open_default();
    peer.spy.after_copy = scramble;
    peer.spy.arg = &peer;
    peer_front_indirect(&peer, 0, 1, 0, 8, 20, 0);
    a = peer_front_only_answer(&peer);
    assert_int_equal(a.status, 0);
    assert_int_equal(peer.pages[0][0], 0xFF);
    for (unsigned i = 0; i < 20; i++)
        assert_memory_equal(peer.pages[8 + i], peer.disk.bytes + i * 4096,
                            4096);
    peer.spy.after_copy = NULL;
    peer_front_close(&peer);
}

/* T17 */
static void bad_reference_fails_the_request_once(void **state)
{
    static const uint32_t bad[] = {0, 3, UINT32_MAX, 100000, 1999};

    (void)state;
    for (unsigned mode = 0; mode < 3; mode++) {
        peer_front_defaults(&peer);
        peer.peer.persistent = mode == 1;
        peer.cfg.copy_pages = mode == 2 ? 16 : 0;
        open_connected(SPLITIO_BLKIF_ABI_X86_64, 0);
        for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
            uint8_t *slot = (uint8_t *)(peer.sring + 1) +
                            112 * (peer.req_prod % peer.nr_slots);

            peer_front_rw(&peer, 1, 10 + i, 0, 0, 5);
            memcpy(slot + 24 + 8 * 2, &bad[i], 4);
            expect_error(10 + i, SPLITIO_BLKIF_RSP_ERROR);
        }
        peer_front_prove_alive(&peer);
        peer_front_close(&peer);
    }
}

static void revoked_reference_fails_the_request(void **state)
{
    (void)state;
    open_default();
    assert_int_equal(peer.port.ops->revoke(peer.port.ctx, peer.grefs[5]), 0);
    peer_front_rw(&peer, 0, 1, 0, 4, 3);
    expect_error(1, SPLITIO_BLKIF_RSP_ERROR);
    peer_front_prove_alive(&peer);
    peer_front_close(&peer);
}

static void same_page_twice_in_a_request_is_harmless(void **state)
{
    (void)state;
    for (unsigned persistent = 0; persistent < 2; persistent++) {
        uint8_t *slot;
        struct peer_answer a;

        peer_front_defaults(&peer);
        peer.peer.persistent = persistent;
        open_connected(SPLITIO_BLKIF_ABI_X86_64, 0);
        for (unsigned round = 0; round < 3; round++) {
            slot = (uint8_t *)(peer.sring + 1) + 112 * round;
            peer_front_rw(&peer, 0, round, 0, 0, 4);
            for (unsigned i = 1; i < 4; i++)
                memcpy(slot + 24 + 8 * i, slot + 24, 8);
            a = peer_front_only_answer(&peer);
            assert_int_equal(a.status, 0);
        }
        assert_int_equal(peer.back.stats.nr_mapped, 0);
        assert_int_equal(peer.back.stats.nr_kept, persistent);
        peer_front_close(&peer);
    }
}

/* A status above 0 is a failure as well. */
static void positive_map_status_is_a_failure(void **state)
{
    (void)state;
    open_default();
    peer.spy.fail_status = 1;
    peer.spy.fail_at = peer.spy.nr_ops + 2;
    peer_front_rw(&peer, 0, 1, 0, 0, 3);
    expect_error(1, SPLITIO_BLKIF_RSP_ERROR);
    peer_front_prove_alive(&peer);
    peer_front_close(&peer);
}

/* T13: as many different pages as there are, all of them persistent. */
static void distinct_persistent_pages_stay_within_the_cap(void **state)
{
    (void)state;
    peer_front_defaults(&peer);
    peer.peer.persistent = true;
    peer.cfg.max_persistent = 20;
    open_connected(SPLITIO_BLKIF_ABI_X86_64, 0);
    for (unsigned i = 0; i + 11 < PEER_PAGES; i += 7) {
        struct peer_answer a;

        peer_front_rw(&peer, (uint8_t)(i & 1), i, i, i, 11);
        a = peer_front_only_answer(&peer);
        assert_int_equal(a.status, 0);
        assert_true(peer.back.stats.nr_kept <= 20);
        assert_int_equal(peer.spy.nr_live, peer.back.stats.nr_kept);
    }
    assert_true(peer.back.stats.nr_evicted > 100);
    peer_front_close(&peer);
}

static void page_in_use_is_not_evicted(void **state)
{
    struct peer_answer a;

    (void)state;
    peer_front_defaults(&peer);
    peer.peer.persistent = true;
    peer.cfg.max_persistent = 8;
    open_connected(SPLITIO_BLKIF_ABI_X86_64, 0);
    peer.disk.stuck = true;
    for (unsigned i = 0; i < 4; i++)
        peer_front_rw(&peer, 0, i, i * 88, i * 11, 11);
    peer_front_publish(&peer);
    peer_front_run(&peer);
    assert_int_equal(peer.spy.nr_live, 44);
    assert_int_equal(peer.back.stats.nr_kept, 8);
    assert_int_equal(peer.back.stats.nr_mapped, 36);
    peer.disk.stuck = false;
    peer_front_run(&peer);
    while (peer_front_take(&peer, &a))
        assert_int_equal(a.status, 0);
    assert_int_equal(peer.spy.nr_live, 8);
    peer_front_close(&peer);
}

/* T02, T05 */
static void impossible_producer_index_stops_the_queue(void **state)
{
    static const uint32_t jumps[] = {33, 34, 1000, INT32_MAX, UINT32_MAX};

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(starts); i++) {
        for (unsigned j = 0; j < SPLITIO_ARRAY_LEN(jumps); j++) {
            struct peer_answer a;

            peer_front_defaults(&peer);
            open_connected(SPLITIO_BLKIF_ABI_X86_64, starts[i]);
            peer_front_prove_alive(&peer);
            peer.req_prod += jumps[j];
            peer_front_publish(&peer);
            peer_front_run(&peer);
            assert_int_equal(peer_front_take(&peer, &a), 0);
            assert_int_equal(peer.back.stats.nr_broken, 1);
            assert_int_equal(peer.back.stats.nr_requests, 1);
            /* Going back to good manners does not help. */
            peer.req_prod = starts[i] + 2;
            peer_front_publish(&peer);
            peer_front_run(&peer);
            assert_int_equal(peer_front_take(&peer, &a), 0);
            peer_front_close(&peer);
        }
    }
}

/* T04, T05: a full ring is not an empty one; answers nobody takes stay. */
static void full_ring_is_answered_whole(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(starts); i++) {
        peer_front_defaults(&peer);
        open_connected(SPLITIO_BLKIF_ABI_X86_64, starts[i]);
        for (unsigned round = 0; round < 5; round++) {
            struct peer_answer a;
            uint64_t seen = 0;

            for (unsigned n = 0; n < 32; n++)
                peer_front_rw(&peer, 0, n, n * 8, n, 1);
            peer_front_publish(&peer);
            peer_front_run(&peer);
            assert_int_equal(splitio_le32(peer.sring->rsp_prod), peer.req_prod);
            while (peer_front_take(&peer, &a)) {
                assert_int_equal(a.status, 0);
                assert_true(a.id < 32);
                assert_false(seen >> a.id & 1);
                seen |= UINT64_C(1) << a.id;
            }
            assert_int_equal(seen, UINT32_MAX);
        }
        peer_front_close(&peer);
    }
}

/* R03 */
static void requests_posted_before_the_back_connects_are_answered(void **state)
{
    struct peer_answer a;

    (void)state;
    peer_front_defaults(&peer);
    peer_front_open(&peer, 0, SPLITIO_BLKIF_ABI_X86_64, 5);
    for (unsigned n = 0; n < 20; n++)
        peer_front_rw(&peer, 0, n, n * 8, n, 1);
    peer.sring->req_prod = splitio_le32(peer.req_prod); /* and no event */
    assert_int_equal(peer_front_connect(&peer), 0);
    peer_front_run(&peer);
    for (unsigned n = 0; n < 20; n++)
        assert_int_equal(peer_front_take(&peer, &a), 1);
    assert_int_equal(peer_front_take(&peer, &a), 0);
    peer_front_close(&peer);
}

static void connect_with_nonsense_is_refused_and_holds_nothing(void **state)
{
    (void)state;
    peer_front_defaults(&peer);
    peer_front_open(&peer, 0, SPLITIO_BLKIF_ABI_X86_64, 0);
    peer.peer.nr_queues = 2;
    assert_int_equal(peer_front_connect(&peer), SPLITIO_EINVAL);
    peer.peer.nr_queues = 0;
    assert_int_equal(peer_front_connect(&peer), SPLITIO_EINVAL);
    peer.peer.nr_queues = 1;
    peer.peer.ring_order = 99;
    assert_int_equal(peer_front_connect(&peer), SPLITIO_EINVAL);
    peer.peer.ring_order = 1; /* whose second page nobody lent */
    peer.peer.queues[0].grefs[1] = 1999;
    assert_int_equal(peer_front_connect(&peer), SPLITIO_EACCES);
    peer.peer.ring_order = 0;
    peer.peer.queues[0].evtchn += 7;
    assert_int_equal(peer_front_connect(&peer), SPLITIO_ENOENT);
    peer.peer.queues[0].evtchn -= 7;
    peer.sring->rsp_prod = splitio_le32(40); /* beyond what was asked */
    assert_int_equal(peer_front_connect(&peer), SPLITIO_EPROTO);
    assert_int_equal(peer.spy.nr_live + peer.spy.nr_rings, 0);
    peer.sring->rsp_prod = splitio_le32(0);
    assert_int_equal(peer_front_connect(&peer), 0);
    peer_front_prove_alive(&peer);
    peer_front_close(&peer);
}

/* Random slots: half of them bytes, half of them requests with a flaw. */
static void random_slot(uint32_t *random, uint64_t id)
{
    uint8_t *slot;

    if (blk_random(random) % 4 == 0)
        peer_front_indirect(&peer, (uint8_t)(blk_random(random) % 2), id,
                            blk_random(random) % PEER_SECTORS, 8,
                            1 + blk_random(random) % 1300, 0);
    else
        peer_front_rw(&peer, (uint8_t)(blk_random(random) % 8), id,
                      blk_random(random) % PEER_SECTORS, 8,
                      blk_random(random) % 12);
    slot = (uint8_t *)(peer.sring + 1) +
           (size_t)((peer.req_prod - 1) % peer.nr_slots) * peer.slot_bytes;
    for (unsigned n = blk_random(random) % 4; n-- > 0;)
        slot[blk_random(random) % peer.slot_bytes] =
            (uint8_t)blk_random(random);
    if (blk_random(random) % 8 == 0)
        peer.pages[0][blk_random(random) % 4096] = (uint8_t)blk_random(random);
    id = splitio_le64(id);
    memcpy(slot + (peer.peer.abi == SPLITIO_BLKIF_ABI_X86_32 ? 4 : 8), &id, 8);
}

static void every_random_slot_gets_exactly_one_answer(void **state)
{
    uint32_t random = 99;

    (void)state;
    for (unsigned mode = 0; mode < 12; mode++) {
        peer_front_defaults(&peer);
        peer.peer.persistent = mode % 3 == 1;
        peer.cfg.copy_pages = mode % 3 == 2 ? 4 : 0;
        open_connected((enum splitio_blkif_abi)(mode % 2), starts[mode % 3]);
        for (unsigned round = 0; round < 60; round++) {
            unsigned n = 1 + blk_random(&random) % 32;
            struct peer_answer a;
            uint64_t seen = 0;

            for (unsigned i = 0; i < n; i++)
                random_slot(&random, i);
            peer_front_publish(&peer);
            peer_front_run(&peer);
            for (unsigned i = 0; i < n; i++) {
                assert_int_equal(peer_front_take(&peer, &a), 1);
                assert_true(a.id < n);
                assert_false(seen >> a.id & 1);
                assert_in_range(a.status + 2, 0, 2);
                seen |= UINT64_C(1) << a.id;
            }
            assert_int_equal(peer_front_take(&peer, &a), 0);
            assert_int_equal(peer.back.stats.nr_in_flight, 0);
            assert_int_equal(peer.back.stats.nr_mapped, 0);
        }
        assert_int_equal(peer.back.stats.nr_broken, 0);
        assert_true(peer.back.stats.nr_refused > 100);
        assert_true(peer.back.stats.nr_refused <
                    peer.back.stats.nr_requests - 20);
        peer_front_prove_alive(&peer);
        peer_front_close(&peer);
    }
}

static void count_wake(void *arg)
{
    ++*(unsigned *)arg;
}

/* Whatever made the back look: before it sleeps it has asked for the event of
 * the next request, and its channel is open. */
static void back_that_sleeps_will_be_woken(void **state)
{
    unsigned wakes = 0, before;

    (void)state;
    peer_front_defaults(&peer);
    peer.cfg.wake = (struct splitio_event_handler){count_wake, &wakes};
    open_connected(SPLITIO_BLKIF_ABI_X86_64, 0);
    peer_front_run(&peer);
    for (unsigned i = 0; i < 30; i++) {
        struct peer_answer a;

        /* Events without work. */
        before = wakes;
        peer.port.ops->event_send(peer.port.ctx, peer.peer.queues[0].evtchn);
        peer_front_run(&peer);
        peer.port.ops->event_send(peer.port.ctx, peer.peer.queues[0].evtchn);
        peer_front_run(&peer);
        assert_int_equal(wakes, before + 2);
        assert_int_equal(splitio_le32(peer.sring->req_event),
                         peer.req_prod + 1);
        /* Work without an event: the back happens to look. */
        for (unsigned n = 0; n <= i % 3; n++)
            peer_front_rw(&peer, 0, n, n * 8, n, 1);
        splitio_store_release_le32(&peer.sring->req_prod, peer.req_prod);
        peer_front_run(&peer);
        for (unsigned n = 0; n <= i % 3; n++)
            assert_int_equal(peer_front_take(&peer, &a), 1);
        assert_int_equal(splitio_le32(peer.sring->req_event),
                         peer.req_prod + 1);
    }
    peer_front_close(&peer);
}

static void disconnect_drops_what_the_disk_never_saw(void **state)
{
    struct peer_answer a;
    unsigned n = 0;

    (void)state;
    peer_front_defaults(&peer);
    peer.disk.depth = 3;
    peer.disk.stuck = true;
    open_connected(SPLITIO_BLKIF_ABI_X86_64, 0);
    for (unsigned i = 0; i < 10; i++)
        peer_front_rw(&peer, 0, i, i * 8, i * 2, 2);
    peer_front_publish(&peer);
    peer_front_run(&peer);
    assert_int_equal(peer.disk.nr_held, 3);
    assert_int_equal(splitio_blkback_disconnect(&peer.back), SPLITIO_EAGAIN);
    assert_int_equal(splitio_blkback_disconnect(&peer.back), SPLITIO_EAGAIN);
    peer.disk.stuck = false;
    while (splitio_blkback_disconnect(&peer.back))
        ;
    while (peer_front_take(&peer, &a))
        n++;
    assert_int_equal(n, 3);
    assert_int_equal(peer.back.stats.nr_dropped, 1);
    assert_int_equal(peer.back.stats.nr_requests, 4);
    /* The rest is where it was, for the next back. */
    peer.rsp_cons = peer.req_prod;
    peer.sring->rsp_prod = splitio_le32(peer.req_prod);
    assert_int_equal(peer_front_connect(&peer), 0);
    peer_front_prove_alive(&peer);
    peer_front_close(&peer);
}

static void disk_that_refuses_is_an_error_for_the_front(void **state)
{
    struct peer_answer a;

    (void)state;
    open_default();
    peer.disk.refusal = SPLITIO_EIO;
    peer_front_rw(&peer, 0, 1, 0, 0, 2);
    a = peer_front_only_answer(&peer);
    assert_int_equal(a.status, SPLITIO_BLKIF_RSP_ERROR);
    peer.disk.refusal = 0;
    peer.disk.info_error = SPLITIO_EIO;
    assert_int_equal(splitio_blkback_resized(&peer.back), SPLITIO_EIO);
    peer.disk.info_error = 0;
    peer_front_prove_alive(&peer);
    peer_front_close(&peer);
}

static void second_queue_that_fails_takes_the_first_along(void **state)
{
    (void)state;
    peer_front_defaults(&peer);
    peer.cfg.max_queues = 3;
    peer_front_open(&peer, 0, SPLITIO_BLKIF_ABI_X86_64, 0);
    peer.peer.nr_queues = 3;
    peer.peer.queues[1].grefs[0] = peer.grefs[0];
    peer.peer.queues[1].evtchn = peer.peer.queues[0].evtchn; /* taken */
    assert_int_equal(peer_front_connect(&peer), SPLITIO_ENOENT);
    assert_int_equal(peer.spy.nr_rings + peer.spy.nr_channels, 0);
    assert_int_equal(peer.back.stats.nr_rings, 0);
    peer.peer.nr_queues = 1;
    assert_int_equal(peer_front_connect(&peer), 0);
    peer_front_prove_alive(&peer);
    peer_front_close(&peer);
}

static void misuse_is_refused(void **state)
{
    struct splitio_blkback_config bad;
    size_t bytes;

    (void)state;
    open_default();
    assert_int_equal(peer_front_connect(&peer), SPLITIO_EEXIST);
    assert_false(splitio_blkback_is_closed(&peer.back));
    peer_front_close(&peer);
    assert_true(splitio_blkback_is_closed(&peer.back));
    bad = peer.cfg;
    bytes = splitio_blkback_mem_bytes(&bad);
    peer.back_mem = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    assert_int_equal(
        splitio_blkback_init(&peer.back, &bad, peer.back_mem, bytes - 1),
        SPLITIO_ENOMEM);
    assert_int_equal(splitio_blkback_init(&peer.back, &bad,
                                          (uint8_t *)peer.back_mem + 64, bytes),
                     SPLITIO_EINVAL);
    bad.max_queues = 17;
    assert_int_equal(splitio_blkback_mem_bytes(&bad), 0);
    assert_int_equal(
        splitio_blkback_init(&peer.back, &bad, peer.back_mem, bytes),
        SPLITIO_EINVAL);
    bad = peer.cfg;
    blk_disk_init(&peer.disk, 64, 8192); /* more than a page */
    assert_int_equal(
        splitio_blkback_init(&peer.back, &bad, peer.back_mem, bytes),
        SPLITIO_EINVAL);
    blk_disk_fini(&peer.disk);
    free(peer.back_mem);
}

/* T10: events without work, and an event index that makes no sense. */
static void storm_of_events_without_work_costs_nothing(void **state)
{
    (void)state;
    open_default();
    for (unsigned i = 0; i < 1000; i++) {
        peer.sring->rsp_event = splitio_le32(i * 0x01234567u);
        peer.port.ops->event_send(peer.port.ctx, peer.peer.queues[0].evtchn);
        peer_front_run(&peer);
    }
    assert_int_equal(peer.back.stats.nr_requests, 0);
    peer_front_prove_alive(&peer);
    peer_front_close(&peer);
}

/* T18: whatever fails, each request is answered once and nothing is left. */
static void sweep_round(unsigned mode, uint64_t fail_at, uint64_t *nr_ops)
{
    struct peer_answer a;
    unsigned n = 0;

    peer_front_defaults(&peer);
    peer.peer.persistent = mode == 1;
    peer.cfg.max_persistent = 16;
    peer.cfg.copy_pages = mode == 2 ? 8 : 0;
    peer_front_open(&peer, 0, SPLITIO_BLKIF_ABI_X86_64, 0);
    peer.spy.fail_at = fail_at;
    if (peer_front_connect(&peer) == 0) {
        peer_front_rw(&peer, 1, 1, 0, 8, 11);
        peer_front_rw(&peer, 0, 2, 100, 30, 5);
        peer_front_indirect(&peer, 0, 3, 200, 50, 25, 0);
        peer_front_rw(&peer, SPLITIO_BLKIF_OP_FLUSH_DISKCACHE, 4, 8, 3, 2);
        peer_front_publish(&peer);
        peer_front_run(&peer);
        while (peer_front_take(&peer, &a))
            n++;
        assert_int_equal(n, 4);
    }
    *nr_ops = peer.spy.nr_ops;
    peer_front_close(&peer);
}

static void failure_at_any_step_leaves_nothing_behind(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < 3; mode++) {
        uint64_t nr_ops, ignored;

        sweep_round(mode, 0, &nr_ops);
        assert_true(nr_ops > 20);
        for (uint64_t i = 1; i <= nr_ops; i++)
            sweep_round(mode, i, &ignored);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_in_both_layouts_move_the_bytes),
        cmocka_unit_test(indirect_in_both_layouts_spans_descriptor_pages),
        cmocka_unit_test(flush_with_data_flushes_first_then_writes),
        cmocka_unit_test(request_without_sense_gets_one_error),
        cmocka_unit_test(request_past_the_new_end_gets_an_error),
        cmocka_unit_test(indirect_list_that_cannot_be_read_gets_one_error),
        cmocka_unit_test(indirect_list_that_changes_is_used_as_first_read),
        cmocka_unit_test(bad_reference_fails_the_request_once),
        cmocka_unit_test(revoked_reference_fails_the_request),
        cmocka_unit_test(same_page_twice_in_a_request_is_harmless),
        cmocka_unit_test(positive_map_status_is_a_failure),
        cmocka_unit_test(distinct_persistent_pages_stay_within_the_cap),
        cmocka_unit_test(page_in_use_is_not_evicted),
        cmocka_unit_test(impossible_producer_index_stops_the_queue),
        cmocka_unit_test(full_ring_is_answered_whole),
        cmocka_unit_test(requests_posted_before_the_back_connects_are_answered),
        cmocka_unit_test(connect_with_nonsense_is_refused_and_holds_nothing),
        cmocka_unit_test(every_random_slot_gets_exactly_one_answer),
        cmocka_unit_test(back_that_sleeps_will_be_woken),
        cmocka_unit_test(disconnect_drops_what_the_disk_never_saw),
        cmocka_unit_test(disk_that_refuses_is_an_error_for_the_front),
        cmocka_unit_test(second_queue_that_fails_takes_the_first_along),
        cmocka_unit_test(misuse_is_refused),
        cmocka_unit_test(storm_of_events_without_work_costs_nothing),
        cmocka_unit_test(failure_at_any_step_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
