/* SPDX-License-Identifier: BSD-2-Clause */
/* The block front against backs that lie or keep what is not theirs, and in a
 * guest that has no grants to spare. */
#include "cm.h"

#include "blk_pair.h"
#include "guest_spy.h"
#include "peer_blkback.h"

#include <string.h>

#define NR_IOS 40u

static struct peer_back peer;
static struct splitio_blk_io ios[NR_IOS];
static struct splitio_iovec iovs[NR_IOS];
static uint8_t bufs[NR_IOS][8192];
static int statuses[NR_IOS];
static unsigned dones[NR_IOS];

static void on_done(struct splitio_blk_io *io, int status)
{
    statuses[io - ios] = status;
    dones[io - ios]++;
}

static int submit(unsigned i, enum splitio_blk_op op, void *buf, size_t len)
{
    iovs[i] = (struct splitio_iovec){buf, len};
    ios[i] = (struct splitio_blk_io){
        .op = op, .sector = i * 16, .iov = &iovs[i], .nr_iov = 1};
    ios[i].done = on_done;
    dones[i] = 0;
    return splitio_blkfront_submit(&peer.front, &ios[i]);
}

static void submit_some(unsigned nr)
{
    for (unsigned i = 0; i < nr; i++)
        assert_int_equal(submit(i, SPLITIO_BLK_READ, bufs[i], 4096), 0);
    splitio_blkfront_kick(&peer.front);
}

static void open_default(void)
{
    peer_back_defaults(&peer);
    peer_back_open(&peer);
    peer_back_connect(&peer);
}

/* The front has stopped; a good back later answers all, each once. */
static void expect_broken_then_replayed(unsigned nr)
{
    peer_back_run(&peer);
    assert_int_equal(peer.front.stats.nr_broken, 1);
    assert_false(splitio_blkfront_is_up(&peer.front));
    assert_int_equal(submit(NR_IOS - 1, SPLITIO_BLK_READ, bufs[0], 512),
                     SPLITIO_EAGAIN);
    peer_back_leave(&peer);
    peer_back_connect(&peer);
    assert_true(splitio_blkfront_is_up(&peer.front));
    peer_back_run(&peer);
    while (peer_back_serve(&peer))
        peer_back_run(&peer);
    for (unsigned i = 0; i < nr; i++) {
        assert_int_equal(dones[i], 1);
        assert_int_equal(statuses[i], 0);
    }
    peer_back_leave(&peer);
    peer_back_close(&peer);
}

/* T03 */
static void answers_nobody_waits_for_stop_the_front(void **state)
{
    static const uint32_t lies[] = {4, 5, 32, 33, INT32_MAX, UINT32_MAX};

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(lies); i++) {
        open_default();
        submit_some(3);
        peer.rsp_prod = lies[i];
        peer_back_publish(&peer);
        expect_broken_then_replayed(3);
    }
}

/* T08 */
static void answer_with_wrong_id_stops_the_front(void **state)
{
    struct splitio_blkif_request_x86_64 r;

    (void)state;
    for (unsigned lie = 0; lie < 6; lie++) {
        uint64_t ids[] = {UINT64_MAX, 33, 1 << 20, 0, 0, 0};

        open_default();
        submit_some(3);
        assert_int_equal(peer_back_take(&peer, &r), 1);
        ids[3] = r.id + 10;                  /* not in flight */
        ids[4] = r.id + (UINT64_C(1) << 32); /* of another time */
        ids[5] = r.id ^ (UINT64_C(1) << 63);
        peer_back_put(&peer, ids[lie], 0, 0);
        peer_back_publish(&peer);
        expect_broken_then_replayed(3);
    }
}

static void answer_given_twice_stops_the_front(void **state)
{
    struct splitio_blkif_request_x86_64 r;

    (void)state;
    open_default();
    submit_some(3);
    assert_int_equal(peer_back_take(&peer, &r), 1);
    peer_back_put(&peer, r.id, 0, 0);
    peer_back_put(&peer, r.id, 0, 0);
    peer_back_publish(&peer);
    expect_broken_then_replayed(3);
}

static void answer_to_an_earlier_request_stops_the_front(void **state)
{
    struct splitio_blkif_request_x86_64 r;
    uint64_t earlier;

    (void)state;
    open_default();
    submit_some(1);
    assert_int_equal(peer_back_take(&peer, &r), 1);
    earlier = r.id;
    peer_back_put(&peer, r.id, 0, 0);
    peer_back_publish(&peer);
    peer_back_run(&peer);
    assert_int_equal(dones[0], 1);
    submit_some(2); /* one of them in the same place of the record */
    peer_back_put(&peer, earlier, 0, 0);
    peer_back_publish(&peer);
    expect_broken_then_replayed(2);
}

static void answer_to_another_operation_stops_the_front(void **state)
{
    static const uint8_t ops[] = {1, 2, 3, 5, 6, 255};
    struct splitio_blkif_request_x86_64 r;

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(ops); i++) {
        open_default();
        submit_some(2);
        assert_int_equal(peer_back_take(&peer, &r), 1);
        peer_back_put(&peer, r.id, ops[i], 0);
        peer_back_publish(&peer);
        expect_broken_then_replayed(2);
    }
}

static void any_status_but_okay_is_an_error(void **state)
{
    static const int16_t bad[] = {-1, -2, -3, 1, INT16_MAX, INT16_MIN};
    struct splitio_blkif_request_x86_64 r;

    (void)state;
    open_default();
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
        memset(bufs[i], 0x5A, sizeof(bufs[i]));
        submit_some(1);
        assert_int_equal(peer_back_take(&peer, &r), 1);
        peer_back_put(&peer, r.id, 0, bad[i]);
        peer_back_publish(&peer);
        peer_back_run(&peer);
        assert_int_equal(dones[0], 1);
        assert_int_equal(statuses[0], SPLITIO_EIO);
    }
    assert_int_equal(peer.front.stats.nr_broken, 0);
    peer_back_leave(&peer);
    peer_back_close(&peer);
}

/* T09, T21: what the back can see was written for it. */
static void every_byte_of_slots_and_pages_is_initialised(void **state)
{
    static const uint8_t zeroes[4096];
    struct splitio_blkif_request_x86_64 r;
    struct splitio_grant_copy copy = {.len_bytes = 4096};
    static uint8_t seen[4096];

    (void)state;
    open_default();
    memset(peer.sring + 1, 0xA5, 4096 - 64); /* by the back itself */
    submit_some(2);
    assert_int_equal(submit(2, SPLITIO_BLK_WRITE, bufs[2], 512), 0);
    ios[3] = (struct splitio_blk_io){.op = SPLITIO_BLK_FLUSH, .done = on_done};
    assert_int_equal(splitio_blkfront_submit(&peer.front, &ios[3]), 0);
    splitio_blkfront_kick(&peer.front);
    for (unsigned i = 0; i < 4; i++) {
        unsigned nr = i == 3 ? 0 : 1;

        assert_int_equal(peer_back_take(&peer, &r), 1);
        assert_int_equal(r.pad, 0);
        assert_int_equal(r.handle, 0);
        assert_int_equal(r.nr_segments, nr);
        assert_memory_equal(&r.seg[nr], zeroes, (11 - nr) * 8);
        if (!nr)
            continue;
        assert_int_equal(r.seg[0].pad, 0);
        copy.src =
            (struct splitio_grant_end){.domid = 1, .gref = r.seg[0].gref};
        copy.dst.local = seen;
        assert_int_equal(peer.port.ops->copy(peer.port.ctx, &copy, 1), 0);
        if (i == 2)
            assert_memory_equal(seen, bufs[2], 512);
        assert_memory_equal(seen + 512, zeroes, 4096 - 512);
    }
    for (unsigned i = 16; i < 64; i++)
        assert_int_equal(((uint8_t *)peer.sring)[i], 0);
    peer_back_leave(&peer);
    peer_back_connect(&peer);
    (void)peer_back_serve(&peer);
    peer_back_run(&peer);
    peer_back_leave(&peer);
    peer_back_close(&peer);
}

static void map_first_segment(struct splitio_grant_map *map)
{
    struct splitio_blkif_request_x86_64 r;

    assert_int_equal(peer_back_take(&peer, &r), 1);
    *map = (struct splitio_grant_map){
        .domid = 1,
        .read_only = r.operation == SPLITIO_BLKIF_OP_WRITE,
        .gref = r.seg[0].gref,
    };
    assert_int_equal(peer.port.ops->map(peer.port.ctx, map, 1), 0);
    peer_back_put(&peer, r.id, r.operation, 0);
    peer_back_publish(&peer);
}

static void unmap(const struct splitio_grant_map *map)
{
    struct splitio_grant_unmap op = {.handle = map->handle};

    assert_int_equal(peer.port.ops->unmap(peer.port.ctx, &op, 1), 0);
}

/* T20: a page of the caller's that the back keeps after its answer. */
static void direct_page_kept_by_the_back_is_in_quarantine(void **state)
{
    struct splitio_grant_map map;
    uint8_t *page;

    (void)state;
    peer_back_defaults(&peer);
    peer.cfg.direct = true;
    peer_back_open(&peer);
    peer_back_connect(&peer);
    page = peer.guest.ops->pages_alloc(peer.guest.ctx, 1);
    assert_int_equal(submit(0, SPLITIO_BLK_READ, page, 4096), 0);
    splitio_blkfront_kick(&peer.front);
    map_first_segment(&map);
    assert_ptr_equal(map.va, page);
    peer_back_run(&peer);
    assert_int_equal(dones[0], 1);
    assert_int_equal(statuses[0], SPLITIO_EBUSY);
    assert_int_equal(peer.front.stats.nr_broken, 1);
    assert_int_equal(peer.front.stats.nr_lost_pages, 1);
    unmap(&map); /* the port frees the page now */
    peer_back_leave(&peer);
    peer_back_close(&peer);
}

/* T20: a page of the pool that the back keeps when it leaves. */
static void pool_page_kept_by_a_back_that_left_is_not_used_again(void **state)
{
    struct splitio_grant_map map;
    struct splitio_blkif_request_x86_64 r;

    (void)state;
    open_default();
    submit_some(1);
    assert_int_equal(peer_back_take(&peer, &r), 1);
    map = (struct splitio_grant_map){.domid = 1, .gref = r.seg[0].gref};
    assert_int_equal(peer.port.ops->map(peer.port.ctx, &map, 1), 0);
    peer_back_leave(&peer);
    assert_int_equal(peer.front.stats.nr_lost_pages, 1);
    peer_back_connect(&peer);
    peer_back_run(&peer);
    assert_int_equal(peer_back_take(&peer, &r), 1);
    assert_true(r.seg[0].gref != map.gref);
    memset(map.va, 0xBD, 4096); /* the dead back's disk writes at last */
    peer_back_put(&peer, r.id, 0, 0);
    peer_back_publish(&peer);
    peer_back_run(&peer);
    assert_int_equal(dones[0], 1);
    assert_true(bufs[0][0] != 0xBD);
    unmap(&map);
    peer_back_leave(&peer);
    peer_back_close(&peer);
}

static void ring_page_kept_by_the_back_is_not_used_again(void **state)
{
    struct splitio_ring_map old;

    (void)state;
    open_default();
    old = peer.map;
    peer.port.ops->event_close(peer.port.ctx, peer.evtchn);
    splitio_blkfront_stop(&peer.front);
    assert_int_equal(peer.front.stats.nr_lost_pages, 1);
    peer_back_connect(&peer);
    assert_true(peer.map.va != old.va);
    submit_some(2);
    memset(old.va, 0xFF, 4096);
    (void)peer_back_serve(&peer);
    peer_back_run(&peer);
    assert_int_equal(dones[1], 1);
    assert_int_equal(statuses[1], 0);
    peer.port.ops->unmap_ring(peer.port.ctx, &old);
    peer_back_leave(&peer);
    peer_back_close(&peer);
}

/* A back in another domain must not see what the last one was lent. */
static void pages_are_wiped_before_another_domain_gets_them(void **state)
{
    static const uint8_t zeroes[4096];
    struct splitio_grant_map map;

    (void)state;
    open_default();
    memset(bufs[0], 0x33, 4096);
    assert_int_equal(submit(0, SPLITIO_BLK_WRITE, bufs[0], 4096), 0);
    splitio_blkfront_kick(&peer.front);
    map_first_segment(&map);
    assert_memory_equal(map.va, bufs[0], 4096);
    unmap(&map);
    peer_back_run(&peer);
    peer_back_leave(&peer);
    assert_memory_equal(map.va, bufs[0], 4096);
    assert_int_equal(splitio_blkfront_offer(&peer.front, 7, 1, 0, &peer.rings),
                     0);
    assert_memory_equal(map.va, zeroes, 4096);
    splitio_blkfront_stop(&peer.front);
    peer_back_close(&peer);
}

/* T21: a page that holds other things too is not lent to such a back. */
static void part_of_a_page_is_bounced_for_an_untrusted_back(void **state)
{
    (void)state;
    for (unsigned untrusted = 0; untrusted < 2; untrusted++) {
        struct splitio_grant_map map;
        uint8_t *page;

        peer_back_defaults(&peer);
        peer.cfg.direct = true;
        peer_back_open(&peer);
        peer_back_connect(&peer);
        peer.front.untrusted = untrusted;
        page = peer.guest.ops->pages_alloc(peer.guest.ctx, 1);
        assert_int_equal(submit(0, SPLITIO_BLK_WRITE, page + 512, 1024), 0);
        splitio_blkfront_kick(&peer.front);
        map_first_segment(&map);
        assert_int_equal(map.va == page, !untrusted);
        unmap(&map);
        peer_back_run(&peer);
        assert_int_equal(statuses[0], 0);
        peer.guest.ops->pages_free(peer.guest.ctx, page, 1);
        peer_back_leave(&peer);
        peer_back_close(&peer);
    }
}

static void small_request_does_not_overtake_one_that_waits(void **state)
{
    static uint8_t big[16 * 4096];
    struct splitio_blkif_request_x86_64 r;
    uint64_t last = 0;

    (void)state;
    peer_back_defaults(&peer);
    peer.cfg.pool_pages = 3;
    peer_back_open(&peer);
    peer_back_connect(&peer);
    assert_int_equal(submit(0, SPLITIO_BLK_READ, big, sizeof(big)), 0);
    for (unsigned i = 0; i < 100 && dones[0] == 0; i++) {
        /* It must wait; if it were taken, the big one would starve. */
        if (ios[0].at.pos != ios[0].len_bytes)
            assert_int_equal(submit(1, SPLITIO_BLK_READ, bufs[1], 512),
                             SPLITIO_EAGAIN);
        splitio_blkfront_kick(&peer.front);
        assert_int_equal(peer_back_take(&peer, &r), 1);
        assert_true(i == 0 || r.sector_number > last);
        last = r.sector_number;
        peer_back_put(&peer, r.id, r.operation, 0);
        peer_back_publish(&peer);
        peer_back_run(&peer);
    }
    assert_int_equal(dones[0], 1);
    peer_back_leave(&peer);
    peer_back_close(&peer);
}

static int overtaking;

static void try_to_overtake(struct splitio_blk_io *io, int status)
{
    on_done(io, status);
    overtaking = submit(2, SPLITIO_BLK_READ, bufs[2], 512);
}

static void request_from_done_does_not_overtake_either(void **state)
{
    static uint8_t big[4 * 4096];
    struct splitio_blkif_request_x86_64 r;

    (void)state;
    peer_back_defaults(&peer);
    peer.cfg.pool_pages = 3;
    peer_back_open(&peer);
    peer_back_connect(&peer);
    assert_int_equal(submit(0, SPLITIO_BLK_READ, bufs[0], 512), 0);
    ios[0].done = try_to_overtake;
    assert_int_equal(submit(1, SPLITIO_BLK_READ, big, sizeof(big)), 0);
    splitio_blkfront_kick(&peer.front);
    assert_int_equal(peer_back_take(&peer, &r), 1);
    peer_back_put(&peer, r.id, r.operation, 0);
    peer_back_publish(&peer);
    overtaking = 0;
    peer_back_run(&peer);
    assert_int_equal(dones[0], 1);
    assert_int_equal(overtaking, SPLITIO_EAGAIN);
    while (peer_back_serve(&peer))
        peer_back_run(&peer);
    assert_int_equal(dones[1], 1);
    peer_back_leave(&peer);
    peer_back_close(&peer);
}

/* ---- events ---- */

static void count_wake(void *arg)
{
    ++*(unsigned *)arg;
}

/* Whatever made the front look: before it sleeps it has asked for the event of
 * the next answer, and its channel is open. */
static void front_that_sleeps_will_be_woken(void **state)
{
    unsigned wakes = 0, before;

    (void)state;
    peer_back_defaults(&peer);
    peer.cfg.wake = (struct splitio_event_handler){count_wake, &wakes};
    peer_back_open(&peer);
    peer_back_connect(&peer);
    for (unsigned i = 0; i < 30; i++) {
        /* Events without work. */
        before = wakes;
        peer.port.ops->event_send(peer.port.ctx, peer.evtchn);
        peer_back_run(&peer);
        peer.port.ops->event_send(peer.port.ctx, peer.evtchn);
        peer_back_run(&peer);
        assert_int_equal(wakes, before + 2);
        assert_int_equal(splitio_le32(peer.sring->rsp_event),
                         peer.rsp_prod + 1);
        /* Work without an event: the front happens to look. */
        submit_some(1 + i % 3);
        while (peer.req_cons != splitio_le32(peer.sring->req_prod)) {
            struct splitio_blkif_request_x86_64 r;

            (void)peer_back_take(&peer, &r);
            peer_back_put(&peer, r.id, r.operation, 0);
        }
        splitio_store_release_le32(&peer.sring->rsp_prod, peer.rsp_prod);
        peer_back_run(&peer);
        assert_int_equal(dones[i % 3], 1);
        assert_int_equal(splitio_le32(peer.sring->rsp_event),
                         peer.rsp_prod + 1);
    }
    peer_back_leave(&peer);
    peer_back_close(&peer);
}

/* ---- sending again ---- */

static void expect_sectors(unsigned nr)
{
    struct splitio_blkif_request_x86_64 r;

    for (unsigned i = 0; i < nr; i++) {
        assert_int_equal(peer_back_take(&peer, &r), 1);
        assert_int_equal(r.sector_number, i * 16);
    }
    assert_int_equal(peer_back_take(&peer, &r), 0);
}

static void replays_keep_their_order_through_two_backs(void **state)
{
    struct guest_spy spy;

    (void)state;
    open_default();
    submit_some(5);
    expect_sectors(5);
    peer.front.cfg.port = guest_spy_port(&spy, peer.guest);
    peer_back_leave(&peer);
    spy.fail_at = spy.nr_ops + 5; /* the next back is shown two of them */
    spy.fail_for = 1000;
    peer_back_connect(&peer);
    assert_in_range(peer.front.stats.nr_in_flight, 1, 4);
    peer_back_leave(&peer);
    spy.fail_at = 0;
    peer_back_connect(&peer);
    expect_sectors(5);
    peer.req_cons = 0;
    (void)peer_back_serve(&peer);
    peer_back_run(&peer);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(dones[i], 1);
    peer_back_leave(&peer);
    peer_back_close(&peer);
}

static void replay_that_the_next_disk_cannot_do_is_an_error(void **state)
{
    (void)state;
    open_default();
    assert_int_equal(submit(0, SPLITIO_BLK_READ, bufs[0], 512), 0);
    ios[1] = (struct splitio_blk_io){.op = SPLITIO_BLK_FLUSH, .done = on_done};
    dones[1] = 0;
    assert_int_equal(splitio_blkfront_submit(&peer.front, &ios[1]), 0);
    assert_int_equal(submit(2, SPLITIO_BLK_READ, bufs[2], 4096), 0);
    splitio_blkfront_kick(&peer.front);
    peer_back_leave(&peer);
    peer.info.sector_size = 4096;
    peer.info.flags = 0;
    peer_back_connect(&peer);
    peer_back_run(&peer);
    assert_int_equal(dones[0], 1);
    assert_int_equal(statuses[0], SPLITIO_EIO);
    assert_int_equal(dones[1], 1);
    assert_int_equal(statuses[1], SPLITIO_EOPNOTSUPP);
    assert_int_equal(peer_back_serve(&peer), 1);
    peer_back_run(&peer);
    assert_int_equal(dones[2], 1);
    assert_int_equal(statuses[2], 0);
    peer_back_leave(&peer);
    peer_back_close(&peer);
}

/* A barrier keeps its place among what is sent again, also if the next back
 * goes too; one that has none fails the barrier alone. */
static void replayed_barrier_stays_between_its_neighbours(void **state)
{
    static const uint8_t order[] = {1, 1, 2, 1, 1};
    struct splitio_blkif_request_x86_64 r;

    (void)state;
    peer_back_defaults(&peer);
    peer.info.flags = SPLITIO_BLKFRONT_BARRIERS;
    peer_back_open(&peer);
    peer_back_connect(&peer);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(
            submit(i, order[i] == 2 ? SPLITIO_BLK_BARRIER : SPLITIO_BLK_WRITE,
                   bufs[i], 4096),
            0);
    splitio_blkfront_kick(&peer.front);
    for (unsigned life = 0; life < 3; life++) {
        peer_back_leave(&peer);
        peer_back_connect(&peer);
        for (unsigned i = 0; i < 5; i++) {
            assert_int_equal(peer_back_take(&peer, &r), 1);
            assert_int_equal(r.operation, order[i]);
            assert_int_equal(r.sector_number, i * 16);
        }
    }
    peer_back_leave(&peer);
    peer.info.flags = 0;
    peer_back_connect(&peer);
    assert_int_equal(peer_back_serve(&peer), 4);
    peer_back_run(&peer);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(dones[i], 1);
        assert_int_equal(statuses[i], order[i] == 2 ? SPLITIO_EOPNOTSUPP : 0);
    }
    peer_back_leave(&peer);
    peer_back_close(&peer);
}

/* What the next back cannot do securely is not done otherwise. */
static void replayed_secure_discard_is_secure_or_fails(void **state)
{
    (void)state;
    for (unsigned secure = 0; secure < 2; secure++) {
        peer_back_defaults(&peer);
        peer.info.flags = SPLITIO_BLKFRONT_DISCARDS | SPLITIO_BLKFRONT_SECURE;
        peer_back_open(&peer);
        peer_back_connect(&peer);
        ios[0] = (struct splitio_blk_io){.op = SPLITIO_BLK_DISCARD,
                                         .secure = true,
                                         .nr_sectors = 8,
                                         .done = on_done};
        dones[0] = 0;
        assert_int_equal(splitio_blkfront_submit(&peer.front, &ios[0]), 0);
        splitio_blkfront_kick(&peer.front);
        peer_back_leave(&peer);
        if (!secure)
            peer.info.flags = SPLITIO_BLKFRONT_DISCARDS;
        peer_back_connect(&peer);
        assert_int_equal(peer_back_serve(&peer), secure);
        peer_back_run(&peer);
        assert_int_equal(dones[0], 1);
        assert_int_equal(statuses[0], secure ? 0 : SPLITIO_EOPNOTSUPP);
        peer_back_leave(&peer);
        peer_back_close(&peer);
    }
}

/* The rest of a request that waits on a queue that the next back has not. */
static void request_that_waits_moves_to_a_queue_that_is_left(void **state)
{
    static uint8_t big[2][16 * 4096];
    struct splitio_blkfront_rings rings;

    (void)state;
    peer_back_defaults(&peer);
    peer.cfg.pool_pages = 3;
    peer.cfg.max_queues = 3;
    peer_back_open(&peer);
    assert_int_equal(splitio_blkfront_offer(&peer.front, 0, 3, 0, &rings), 0);
    assert_int_equal(splitio_blkfront_start(&peer.front, &peer.info), 0);
    for (unsigned i = 0; i < 2; i++) {
        iovs[i] = (struct splitio_iovec){big[i], sizeof(big[i])};
        ios[i] = (struct splitio_blk_io){.op = SPLITIO_BLK_READ,
                                         .queue = (uint16_t)(i + 1),
                                         .iov = &iovs[i],
                                         .nr_iov = 1,
                                         .done = on_done};
        dones[i] = 0;
        assert_int_equal(splitio_blkfront_submit(&peer.front, &ios[i]), 0);
    }
    splitio_blkfront_stop(&peer.front);
    peer_back_connect(&peer); /* with one queue */
    peer_back_run(&peer);
    while (peer_back_serve(&peer))
        peer_back_run(&peer);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(dones[i], 1);
        assert_int_equal(statuses[i], 0);
    }
    /* And again, to an end by force. */
    assert_int_equal(splitio_blkfront_submit(&peer.front, &ios[0]), 0);
    dones[0] = 0;
    peer_back_leave(&peer);
    assert_int_equal(splitio_blkfront_fini(&peer.front), 0);
    assert_int_equal(dones[0], 1);
    assert_int_equal(statuses[0], SPLITIO_ECLOSED);
    peer_back_close(&peer);
}

static void front_misuse_is_refused(void **state)
{
    static struct splitio_blkfront other;
    struct splitio_blkfront_info info;
    struct splitio_blkfront_config bad;
    size_t bytes;

    (void)state;
    peer_back_defaults(&peer);
    peer_back_open(&peer);
    info = peer.info;
    assert_int_equal(splitio_blkfront_start(&peer.front, &info),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_blkfront_offer(&peer.front, 0, 2, 0, &peer.rings),
                     SPLITIO_EINVAL);
    peer_back_connect(&peer);
    assert_int_equal(splitio_blkfront_offer(&peer.front, 0, 1, 0, &peer.rings),
                     SPLITIO_EEXIST);
    peer_back_leave(&peer);
    assert_int_equal(splitio_blkfront_offer(&peer.front, 0, 1, 0, &peer.rings),
                     0);
    info.sector_size = 1000;
    assert_int_equal(splitio_blkfront_start(&peer.front, &info),
                     SPLITIO_EINVAL);
    info.sector_size = 512;
    info.nr_sectors = UINT64_MAX;
    assert_int_equal(splitio_blkfront_start(&peer.front, &info),
                     SPLITIO_EINVAL);
    splitio_blkfront_stop(&peer.front);
    splitio_blkfront_close(&peer.front);
    assert_int_equal(submit(0, SPLITIO_BLK_READ, bufs[0], 512),
                     SPLITIO_ECLOSED);
    assert_true(splitio_blkfront_is_closed(&peer.front));
    bad = peer.cfg;
    bytes = splitio_blkfront_mem_bytes(&bad);
    assert_int_equal(
        splitio_blkfront_init(&other, &bad, peer.front_mem, bytes - 1),
        SPLITIO_ENOMEM);
    bad.pool_pages = 1;
    assert_int_equal(splitio_blkfront_mem_bytes(&bad), 0);
    assert_int_equal(splitio_blkfront_init(&other, &bad, peer.front_mem, bytes),
                     SPLITIO_EINVAL);
    peer_back_close(&peer);
}

/* T10 */
static void event_index_of_the_back_decides_about_events_only(void **state)
{
    (void)state;
    open_default();
    for (unsigned i = 0; i < 200; i++) {
        peer.sring->req_event = splitio_le32(i * 0x89ABCDEFu);
        submit_some(2);
        (void)peer_back_serve(&peer);
        peer_back_run(&peer);
        assert_int_equal(dones[0] + dones[1], 2);
    }
    peer_back_leave(&peer);
    peer_back_close(&peer);
}

/* ---- R19: no grants to spare ---- */

static struct blk_pair pair;

static unsigned hoard_grants(splitio_gref_t *grefs, void *page)
{
    struct splitio_guest_port port = pair.front_cfg.port;
    unsigned n = 0;

    while (port.ops->grant(port.ctx, 0, page, true, &grefs[n]) == 0)
        n++;
    return n;
}

static void full_grant_table_slows_down_and_loses_nothing(void **state)
{
    static splitio_gref_t grefs[16384];

    (void)state;
    for (unsigned direct = 0; direct < 2; direct++) {
        struct splitio_guest_port port;
        unsigned n;

        pair_defaults(&pair);
        pair.front_cfg.direct = direct;
        pair_connect(&pair);
        port = pair.front_cfg.port;
        n = hoard_grants(grefs, pair.ios[0].buf);
        assert_true(n > 100);
        pair_traffic(&pair, 100, 64 * 1024);
        assert_int_equal(pair.nr_bad, 0);
        assert_true(pair.front.stats.nr_stalls > 0);
        while (n-- > 0)
            assert_int_equal(port.ops->revoke(port.ctx, grefs[n]), 0);
        pair_traffic(&pair, 100, 64 * 1024);
        pair_close(&pair);
    }
}

/* Whatever the port refuses while rings are made, nothing is left behind and
 * the next try works. */
static void refusal_at_any_step_of_an_offer_is_survived(void **state)
{
    struct splitio_blkfront_rings rings;
    struct guest_spy spy;
    bool failed = true;

    (void)state;
    for (uint64_t at = 1; failed; at++) {
        peer_back_defaults(&peer);
        peer.cfg.pool_pages = 4;
        peer.cfg.max_queues = 2;
        peer.cfg.max_ring_order = 1;
        peer_back_open(&peer);
        peer.front.cfg.port = guest_spy_port(&spy, peer.guest);
        spy.fail_at = at;
        spy.fail_for = 2; /* one page less would do */
        failed = splitio_blkfront_offer(&peer.front, 0, 2, 1, &rings) != 0;
        assert_true(splitio_blkfront_is_valid(&peer.front));
        assert_int_equal(peer.front.stats.nr_rings, failed ? 0 : 2);
        if (!failed)
            splitio_blkfront_stop(&peer.front);
        spy.fail_at = 0;
        peer_back_connect(&peer);
        submit_some(1);
        (void)peer_back_serve(&peer);
        peer_back_run(&peer);
        assert_int_equal(statuses[0], 0);
        assert_int_equal(dones[0], 1);
        peer_back_leave(&peer);
        peer_back_close(&peer);
        failed = failed || at < 20;
    }
}

/* Grants that fail now and then, in the middle of the traffic. */
static void refused_grants_slow_down_and_lose_nothing(void **state)
{
    (void)state;
    for (unsigned direct = 0; direct < 2; direct++) {
        struct guest_spy spy;

        pair_defaults(&pair);
        pair.front_cfg.direct = direct;
        pair_connect(&pair);
        pair.front.cfg.port = guest_spy_port(&spy, pair.front_cfg.port);
        for (unsigned i = 0; i < 20; i++) {
            spy.fail_at = spy.nr_ops + 1 + i % 5;
            spy.fail_for = i * i;
            pair_traffic(&pair, 30, 64 * 1024);
        }
        assert_int_equal(pair.nr_bad, 0);
        spy.fail_at = 0;
        pair_close(&pair);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_nobody_waits_for_stop_the_front),
        cmocka_unit_test(answer_with_wrong_id_stops_the_front),
        cmocka_unit_test(answer_given_twice_stops_the_front),
        cmocka_unit_test(answer_to_an_earlier_request_stops_the_front),
        cmocka_unit_test(answer_to_another_operation_stops_the_front),
        cmocka_unit_test(any_status_but_okay_is_an_error),
        cmocka_unit_test(every_byte_of_slots_and_pages_is_initialised),
        cmocka_unit_test(direct_page_kept_by_the_back_is_in_quarantine),
        cmocka_unit_test(pool_page_kept_by_a_back_that_left_is_not_used_again),
        cmocka_unit_test(ring_page_kept_by_the_back_is_not_used_again),
        cmocka_unit_test(pages_are_wiped_before_another_domain_gets_them),
        cmocka_unit_test(part_of_a_page_is_bounced_for_an_untrusted_back),
        cmocka_unit_test(small_request_does_not_overtake_one_that_waits),
        cmocka_unit_test(request_from_done_does_not_overtake_either),
        cmocka_unit_test(front_that_sleeps_will_be_woken),
        cmocka_unit_test(replays_keep_their_order_through_two_backs),
        cmocka_unit_test(replay_that_the_next_disk_cannot_do_is_an_error),
        cmocka_unit_test(replayed_barrier_stays_between_its_neighbours),
        cmocka_unit_test(replayed_secure_discard_is_secure_or_fails),
        cmocka_unit_test(request_that_waits_moves_to_a_queue_that_is_left),
        cmocka_unit_test(front_misuse_is_refused),
        cmocka_unit_test(event_index_of_the_back_decides_about_events_only),
        cmocka_unit_test(full_grant_table_slows_down_and_loses_nothing),
        cmocka_unit_test(refusal_at_any_step_of_an_offer_is_survived),
        cmocka_unit_test(refused_grants_slow_down_and_lose_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
