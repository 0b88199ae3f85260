/* SPDX-License-Identifier: BSD-2-Clause */
/* netfront and netback joined by hand: rate, MTU, headroom, multicast lists,
 * and what a back that is not trusted gets to see. */
#include "cm.h"
#include "net_rig.h"
#include "peer_netfront.h"

#include <string.h>

#define MS UINT64_C(1000000)

/* ---- rate ---- */

static void send_nr(struct net_rig *r, unsigned nr, uint32_t len_bytes)
{
    struct kept k = make_noise(len_bytes);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);
    unsigned i;

    for (i = 0; i < nr; i++)
        assert_int_equal(splitio_netfront_send(&r->front, &f), 0);
    splitio_netfront_kick(&r->front);
    kept_free(&k);
    rig_run(r);
}

/* Time goes on until all is out; how many waits. */
static unsigned wait_for(struct net_rig *r, uint64_t *now, unsigned nr)
{
    unsigned waits = 0;

    while (queue_len(&r->nic.out) < nr) {
        uint64_t wait = splitio_netback_wait_ns(&r->back);

        assert_true(wait > 0);
        assert_true(++waits < 10000);
        /* A moment before, nothing happens. */
        splitio_netback_set_time(&r->back, *now + wait - 1);
        assert_int_equal(splitio_netback_poll(&r->back, 16), 0);
        *now += wait;
        splitio_netback_set_time(&r->back, *now);
        r->back_wakes = 1;
        rig_run(r);
    }
    return waits;
}

static void frames_beyond_the_rate_wait_in_the_ring(void **state)
{
    struct net_rig *r = rig_new();
    uint64_t now = 5 * MS;

    (void)state;
    rig_join(r);
    splitio_netback_set_rate(&r->back, 10000, MS);
    splitio_netback_set_time(&r->back, now);
    send_nr(r, 100, 1000);
    assert_int_equal(queue_len(&r->nic.out), 10);
    assert_int_equal(splitio_netfront_in_flight(&r->front), 90);
    assert_int_equal(wait_for(r, &now, 100), 9);
    assert_int_equal(now, 14 * MS);
    assert_int_equal(splitio_netback_wait_ns(&r->back), 0);
    assert_int_equal(r->back.stats.tx_dropped, 0);
    assert_true(r->back.stats.tx_waits >= 9);
    rig_delete(r);
}

/* However little the rate, what is too long for it goes, and is paid for. */
static void frame_longer_than_the_rate_goes_in_the_end(void **state)
{
    struct net_rig *r = rig_new();
    uint64_t now = 0;

    (void)state;
    rig_join(r);
    splitio_netback_set_rate(&r->back, 100, MS);
    splitio_netback_set_time(&r->back, now);
    send_nr(r, 3, 60000);
    assert_int_equal(queue_len(&r->nic.out), 1);
    assert_int_equal(wait_for(r, &now, 3), 2);
    assert_int_equal(now, 2 * 600 * MS);
    rig_delete(r);
}

static void credit_is_not_saved_up(void **state)
{
    struct net_rig *r = rig_new();

    (void)state;
    rig_join(r);
    splitio_netback_set_rate(&r->back, 5000, MS);
    splitio_netback_set_time(&r->back, MS);
    splitio_netback_set_time(&r->back, 1000000 * MS);
    splitio_netback_set_time(&r->back, 1000); /* and back: stands still */
    send_nr(r, 50, 1000);
    assert_int_equal(queue_len(&r->nic.out), 5);
    assert_int_equal(splitio_netback_wait_ns(&r->back), MS);
    rig_delete(r);
}

static void extreme_rates_do_not_overflow(void **state)
{
    static const struct {
        uint64_t bytes, period_ns;
        unsigned out;
    } some[] = {
        {UINT64_MAX, 1, 5}, {UINT64_MAX, UINT64_MAX, 5},
        {1, UINT64_MAX, 1}, {1, UINT64_C(1) << 62, 1},
        {0, MS, 5},         {1, 0, 5},
    };
    unsigned i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(some); i++) {
        struct net_rig *r = rig_new();

        rig_join(r);
        splitio_netback_set_rate(&r->back, some[i].bytes, some[i].period_ns);
        splitio_netback_set_time(&r->back, 1);
        splitio_netback_set_time(&r->back, 2);
        send_nr(r, 5, 1000);
        assert_int_equal(queue_len(&r->nic.out), some[i].out);
        assert_int_equal(splitio_netback_wait_ns(&r->back) != 0,
                         some[i].out != 5);
        splitio_netback_set_time(&r->back, UINT64_MAX);
        r->back_wakes = 1;
        rig_run(r);
        rig_delete(r);
    }
}

/* Who never tells the time has no limit. */
static void rate_without_a_clock_is_none(void **state)
{
    struct net_rig *r = rig_new();

    (void)state;
    rig_join(r);
    splitio_netback_set_rate(&r->back, 1, MS);
    send_nr(r, 50, 1000);
    assert_int_equal(queue_len(&r->nic.out), 50);
    assert_int_equal(splitio_netback_wait_ns(&r->back), 0);
    rig_delete(r);
}

/* All queues are full all the time: each gets its turns. */
static void queues_share_the_rate(void **state)
{
    struct net_rig *r = rig_new();
    unsigned got[8] = {0}, i, q;
    uint64_t now = 0;

    (void)state;
    r->back_config.max_queues = r->front_config.max_queues = 4;
    r->front_config.nr_tx_pages = 32;
    rig_join(r);
    splitio_netback_set_rate(&r->back, 1, MS);
    splitio_netback_set_time(&r->back, now);
    for (i = 0; i < 400; i++) {
        struct kept k = make_ip(4, SPLITIO_PACKET_UDP, 200, false);
        struct splitio_iovec iov;
        struct splitio_frame f = kept_frame(&k, &iov, 1);

        (void)splitio_netfront_send(&r->front, &f);
        kept_free(&k);
    }
    splitio_netfront_kick(&r->front);
    rig_run(r);
    for (i = 0; i < 40; i++) {
        struct kept k = queue_get(&r->nic.out);

        got[splitio_packet_flow(k.bytes, k.len_bytes) % 4]++;
        kept_free(&k);
        (void)wait_for(r, &now, 1);
    }
    for (q = 0; q < 4; q++)
        assert_in_range(got[q], 8, 12);
    rig_delete(r);
}

/* ---- MTU ---- */

static bool within(struct kept *k, uint32_t mtu)
{
    struct splitio_iovec iov[3];
    struct splitio_frame f = kept_frame(k, iov, 3);

    return splitio_packet_is_within(f.iov, f.nr_iov, f.len_bytes, f.gso_size,
                                    mtu);
}

static void mtu_counts_what_follows_the_tags(void **state)
{
    struct kept k = make_noise(1522);
    unsigned tags;

    (void)state;
    k.bytes[12] = k.bytes[13] = 0;
    assert_true(within(&k, 0));
    for (tags = 0; tags <= 2; tags++) {
        k.len_bytes = 1514 + 4 * tags;
        assert_true(within(&k, 1500));
        k.len_bytes++;
        assert_false(within(&k, 1500));
        k.bytes[12 + 4 * tags] = tags & 1 ? 0x88 : 0x81;
        k.bytes[13 + 4 * tags] = tags & 1 ? 0xa8 : 0x00;
    }
    k.len_bytes = 16;
    assert_false(within(&k, 1));
    kept_free(&k);
}

/* Of IP and TCP. */
static uint32_t headers_of(const struct kept *k)
{
    struct splitio_packet_info info;

    assert_int_equal(splitio_packet_parse(k->bytes, k->len_bytes, &info), 0);
    return info.payload_offset - info.l3_offset;
}

static void mtu_counts_each_segment(void **state)
{
    unsigned version;

    (void)state;
    for (version = 4; version <= 6; version += 2) {
        struct kept k = make_gso(version, 20000, 1400);
        uint32_t headers = headers_of(&k);

        assert_true(within(&k, 1400 + headers));
        assert_false(within(&k, 1400 + headers - 1));
        kept_free(&k);
    }
}

/* A guest that does not keep to it. */
static void guests_frames_beyond_the_mtu_are_dropped(void **state)
{
    struct net_rig *r = rig_new();
    struct kept gso = make_gso(4, 20000, 1400), k = make_noise(2000);

    (void)state;
    r->back_config.mtu = 1400 + headers_of(&gso);
    rig_join(r);
    send_nr(r, 2, 1400);
    k.bytes[12] = 0;
    rig_send(r, &k);
    rig_send(r, &gso);
    assert_int_equal(queue_len(&r->nic.out), 3);
    assert_int_equal(r->back.stats.tx_long, 1);
    assert_int_equal(r->back.stats.tx_dropped, 0);
    assert_int_equal(r->front.stats.tx_errors, 0);
    gso.gso_size = 1401;
    rig_send(r, &gso);
    assert_int_equal(r->back.stats.tx_long, 2);
    kept_free(&gso);
    kept_free(&k);
    rig_delete(r);
}

static void nics_frames_beyond_the_mtu_are_dropped(void **state)
{
    struct net_rig *r = rig_new();
    struct kept k = make_noise(1515);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);

    (void)state;
    r->back_config.mtu = 1500;
    rig_join(r);
    k.bytes[12] = 0;
    queue_put(&r->nic.in, &f);
    rig_run(r);
    assert_int_equal(queue_len(&r->received), 0);
    assert_int_equal(r->back.stats.rx_long, 1);
    iov.len_bytes = f.len_bytes = 1514;
    queue_put(&r->nic.in, &f);
    rig_run(r);
    assert_int_equal(queue_len(&r->received), 1);
    kept_free(&k);
    rig_delete(r);
}

static void front_keeps_to_the_mtu_that_it_was_given(void **state)
{
    static const uint8_t mac[6] = {0, 0x16, 0x3e, 0, 0, 1};
    struct net_rig *r = rig_new();
    struct kept k = make_noise(1515);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);

    (void)state;
    k.bytes[12] = 0;
    rig_join(r);
    assert_int_equal(splitio_netfront_mtu(&r->front), 1500);
    assert_int_equal(splitio_netfront_send(&r->front, &f), 0);
    splitio_netfront_set_link(&r->front, mac, 1500);
    assert_int_equal(splitio_netfront_send(&r->front, &f), SPLITIO_EINVAL);
    assert_int_equal(r->front.stats.tx_long, 1);
    kept_free(&k);
    rig_delete(r);
}

/* ---- headroom ---- */

static void frames_of_all_lengths_arrive_with_headroom(void **state)
{
    static const uint16_t rooms[] = {1, 256, 454, 2048};
    static const uint32_t lengths[] = {14,   60,   3840, 3841,
                                       4096, 4097, 9000, 30000};
    unsigned i, j;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(rooms); i++) {
        struct net_rig *r = rig_new();

        r->front_config.headroom_bytes = rooms[i];
        rig_join(r);
        for (j = 0; j < SPLITIO_ARRAY_LEN(lengths); j++) {
            struct kept k = make_noise(lengths[j]), got;
            struct splitio_iovec iov[4];
            struct splitio_frame f = kept_frame(&k, iov, 4);

            queue_put(&r->nic.in, &f);
            rig_run(r);
            got = queue_get(&r->received);
            assert_same(&k, &got);
            assert_int_equal(got.headroom_bytes, rooms[i]);
            kept_free(&got);
            kept_free(&k);
        }
        rig_delete(r);
    }
}

/* Where headroom leaves no room for the whole, it is cut or dropped. */
static void long_frames_with_much_headroom_are_cut(void **state)
{
    struct net_rig *r = rig_new();
    struct kept gso = make_gso(6, 60000, 1400), noise = make_noise(60000);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&gso, &iov, 1);
    struct kept got;
    unsigned n;

    (void)state;
    r->front_config.headroom_bytes = 2048;
    rig_join(r);
    queue_put(&r->nic.in, &f);
    rig_run(r);
    for (n = 0; queue_len(&r->received) != 0; n++) {
        got = queue_get(&r->received);
        assert_int_equal(got.gso_type, SPLITIO_GSO_NONE);
        assert_true(got.len_bytes < 1500);
        kept_free(&got);
    }
    assert_int_equal(n, (60000 - 74 + 1399) / 1400);
    f = kept_frame(&noise, &iov, 1);
    queue_put(&r->nic.in, &f);
    rig_run(r);
    assert_int_equal(queue_len(&r->received), 0);
    assert_int_equal(r->back.stats.rx_dropped, 1);
    kept_free(&gso);
    kept_free(&noise);
    rig_delete(r);
}

/* Headroom is asked for while a frame waits for pages. */
static void frame_that_headroom_makes_too_long_is_dropped(void **state)
{
    struct net_rig *r = rig_new();
    struct splitio_netif_link link;
    struct peer_front front;
    struct kept k = make_noise(60000);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);
    unsigned i;

    (void)state;
    rig_init_back(r);
    peer_front_open(&front, r->pair, 0);
    link = peer_front_link(&front, SPLITIO_NETIF_F_ALL);
    assert_int_equal(splitio_netback_connect(&r->back, PAIR_GUEST, &link), 0);
    queue_put(&r->nic.in, &f);
    (void)splitio_netback_poll(&r->back, 16);
    r->back.headroom = 2048;
    for (i = 0; i < 64; i++)
        peer_front_lend(&front, front.grefs[i % PEER_PAGES]);
    peer_front_push(&front);
    for (i = 0; i < 10; i++)
        (void)splitio_netback_poll(&r->back, 16);
    assert_int_equal(r->back.stats.rx_dropped, 1);
    assert_int_equal(r->back.stats.rx_frames, 0);
    assert_true(splitio_netback_is_valid(&r->back));
    kept_free(&k);
    splitio_netback_disconnect(&r->back);
    peer_front_close(&front);
    rig_delete(r);
}

static void headroom_beyond_the_limit_is_refused(void **state)
{
    struct splitio_netfront_config c = {.headroom_bytes =
                                            SPLITIO_NETIF_HEADROOM_MAX};

    (void)state;
    assert_int_not_equal(splitio_netfront_mem_bytes(&c), 0);
    c.headroom_bytes++;
    assert_int_equal(splitio_netfront_mem_bytes(&c), 0);
}

/* ---- fronts without feature-rx-notify ---- */

static void front_that_lends_silently_is_looked_at(void **state)
{
    struct kept k = make_noise(100);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);
    unsigned silent;

    (void)state;
    for (silent = 0; silent < 2; silent++) {
        struct net_rig *r = rig_new();
        struct splitio_netif_link link;
        struct peer_front front;

        rig_init_back(r);
        peer_front_open(&front, r->pair, 0);
        link = peer_front_link(&front, SPLITIO_NETIF_F_ALL);
        link.no_rx_notify = silent;
        assert_int_equal(splitio_netback_connect(&r->back, PAIR_GUEST, &link),
                         0);
        assert_int_equal(splitio_netback_wait_ns(&r->back), 0);
        queue_put(&r->nic.in, &f);
        (void)splitio_netback_poll(&r->back, 16);
        assert_int_equal(splitio_netback_wait_ns(&r->back),
                         silent ? SPLITIO_NETBACK_LOOK_NS : 0);
        peer_front_lend(&front, front.grefs[0]);
        front.rx->req_prod = splitio_le32(front.rx_prod);
        (void)splitio_netback_poll(&r->back, 16);
        assert_int_equal(r->back.stats.rx_frames, 1);
        assert_int_equal(splitio_netback_wait_ns(&r->back), 0);
        splitio_netback_disconnect(&r->back);
        peer_front_close(&front);
        rig_delete(r);
    }
    kept_free(&k);
}

/* ---- multicast ---- */

static void multicast_list_is_asked_for_by_addresses_only(void **state)
{
    static const uint8_t one[6] = {1, 2, 3, 4, 5, 6};
    static const uint8_t station[6] = {2, 2, 3, 4, 5, 6};
    struct net_rig *r = rig_new();

    (void)state;
    rig_init_front(r);
    assert_int_equal(splitio_netfront_mcast_add(&r->front, station),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_netfront_mcast_remove(&r->front, one),
                     SPLITIO_ENOENT);
    assert_int_equal(splitio_netfront_mcast_add(&r->front, one), 0);
    assert_int_equal(splitio_netfront_mcast_remove(&r->front, one), 0);
    assert_int_equal(splitio_netfront_mcast_remove(&r->front, one),
                     SPLITIO_ENOENT);
    assert_int_equal(splitio_netfront_mcast_add(&r->front, one), 0);
    r->front_config.filter_multicast = true;
    rig_delete(r);
}

/* Added, removed and added again before the back has looked once. */
static void multicast_changes_in_a_row_end_well(void **state)
{
    static const uint8_t one[6] = {1, 2, 3, 4, 5, 6};
    struct net_rig *r = rig_new();
    unsigned i;

    (void)state;
    r->front_config.nr_tx_pages = 18;
    rig_join(r);
    for (i = 0; i < 101; i++) {
        if (i & 1)
            assert_int_equal(splitio_netfront_mcast_remove(&r->front, one), 0);
        else
            assert_int_equal(splitio_netfront_mcast_add(&r->front, one), 0);
        if (i % 7 == 0)
            rig_run(r);
    }
    rig_run(r);
    assert_int_equal(r->back.nr_mcast, 1);
    assert_int_equal(r->front.stats.tx_errors, 0);
    assert_int_equal(splitio_netfront_mcast_remove(&r->front, one), 0);
    rig_run(r);
    assert_int_equal(r->back.nr_mcast, 0);
    rig_delete(r);
}

/* A back whose list is shorter than ours. */
static void multicast_refused_ends_the_filter(void **state)
{
    static const uint8_t one[6] = {1, 2, 3, 4, 5, 6};
    struct net_rig *r = rig_new();
    unsigned i;

    (void)state;
    r->front_config.filter_multicast = true;
    rig_join(r);
    assert_true(r->back.filter_multicast);
    for (i = 0; i < SPLITIO_NETIF_MCAST_MAX; i++)
        r->back.mcast[r->back.nr_mcast++][0] = (uint8_t)(2 * i + 1);
    assert_int_equal(splitio_netfront_mcast_add(&r->front, one), 0);
    rig_run(r);
    assert_int_equal(r->back.stats.mcast_refused, 1);
    splitio_netfront_poll(&r->front, 16);
    assert_int_equal(r->front.stats.mcast_refused, 1);
    assert_int_equal(r->front.stats.tx_errors, 0);
    assert_false(r->front.filter_multicast);
    rig_delete(r);
}

/* ---- a back that is not trusted ---- */

static void untrusted_back_sees_the_frame_and_zeroes(void **state)
{
    static const uint8_t zero[4096];
    struct net_rig *r = rig_new();
    unsigned i, seen = 0;

    (void)state;
    r->front_config.untrusted = true;
    r->front_config.nr_tx_pages = 18;
    rig_join(r);
    for (i = 0; i < 200; i++) {
        struct kept k = i % 3 == 0 ? make_gso(4, 3000 + rnd() % 30000, 700)
                                   : make_noise(14 + rnd() % 12000);
        struct splitio_sring *s =
            pair_granted(r->pair, r->link.queues[0].tx_gref);
        const union splitio_netif_tx_slot *slots = (const void *)(s + 1);
        uint32_t from = splitio_le32(s->req_prod), to, at = 0;
        struct splitio_iovec iov;
        struct splitio_frame f = kept_frame(&k, &iov, 1);
        bool extra = false;

        assert_int_equal(splitio_netfront_send(&r->front, &f), 0);
        splitio_netfront_kick(&r->front);
        to = splitio_le32(s->req_prod);
        for (; from != to; from++) {
            const union splitio_netif_tx_slot *slot = &slots[from % 256];
            uint32_t size = k.len_bytes - at;
            const uint8_t *page;

            if (extra) {
                extra = false;
                continue;
            }
            size = size < 4096 ? size : 4096;
            page = pair_granted(r->pair, splitio_le32(slot->req.gref));
            assert_memory_equal(page, k.bytes + at, size);
            assert_memory_equal(page + size, zero, 4096 - size);
            extra = splitio_le16(slot->req.flags) & SPLITIO_NETTXF_EXTRA_INFO;
            at += size;
            seen++;
        }
        assert_int_equal(at, k.len_bytes);
        rig_run(r);
        kept_free(&k);
    }
    assert_true(seen > 200);
    rig_delete(r);
}

/* ---- slots ---- */

/* However many pieces a frame has, it takes as few slots as can be, and never
 * more than every back accepts. */
static void front_puts_pieces_together(void **state)
{
    static const uint32_t lengths[] = {14, 4096, 4097, 40000, 65535};
    struct net_rig *r = rig_new();
    unsigned i;

    (void)state;
    rig_join(r);
    for (i = 0; i < SPLITIO_ARRAY_LEN(lengths); i++) {
        struct kept k = make_noise(lengths[i]), got;
        static struct splitio_iovec iov[4096];
        struct splitio_frame f = {.iov = iov, .len_bytes = lengths[i]};
        uint32_t at = 0, before;
        struct splitio_sring *s =
            pair_granted(r->pair, r->link.queues[0].tx_gref);

        /* Single bytes first, as many as there are pieces for. */
        for (; at < lengths[i] && f.nr_iov < 4095; at++)
            iov[f.nr_iov++] = (struct splitio_iovec){k.bytes + at, 1};
        if (at < lengths[i])
            iov[f.nr_iov++] =
                (struct splitio_iovec){k.bytes + at, lengths[i] - at};
        before = splitio_le32(s->req_prod);
        assert_int_equal(splitio_netfront_send(&r->front, &f), 0);
        splitio_netfront_kick(&r->front);
        assert_int_equal(splitio_le32(s->req_prod) - before,
                         (lengths[i] + 4095) / 4096);
        assert_true((lengths[i] + 4095) / 4096 <= SPLITIO_NETIF_SLOTS_MAX);
        rig_run(r);
        got = queue_get(&r->nic.out);
        assert_same_bytes(&k, &got);
        kept_free(&got);
        kept_free(&k);
    }
    rig_delete(r);
}

static void frames_not_answered_are_counted_as_lost(void **state)
{
    struct net_rig *r = rig_new();
    struct kept k = make_noise(9000);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);
    unsigned i;

    (void)state;
    rig_join(r);
    for (i = 0; i < 7; i++)
        assert_int_equal(splitio_netfront_send(&r->front, &f), 0);
    splitio_netfront_disconnect(&r->front);
    assert_int_equal(r->front.stats.tx_lost, 7);
    kept_free(&k);
    rig_delete(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_beyond_the_rate_wait_in_the_ring),
        cmocka_unit_test(frame_longer_than_the_rate_goes_in_the_end),
        cmocka_unit_test(credit_is_not_saved_up),
        cmocka_unit_test(extreme_rates_do_not_overflow),
        cmocka_unit_test(rate_without_a_clock_is_none),
        cmocka_unit_test(queues_share_the_rate),
        cmocka_unit_test(mtu_counts_what_follows_the_tags),
        cmocka_unit_test(mtu_counts_each_segment),
        cmocka_unit_test(guests_frames_beyond_the_mtu_are_dropped),
        cmocka_unit_test(nics_frames_beyond_the_mtu_are_dropped),
        cmocka_unit_test(front_keeps_to_the_mtu_that_it_was_given),
        cmocka_unit_test(frames_of_all_lengths_arrive_with_headroom),
        cmocka_unit_test(long_frames_with_much_headroom_are_cut),
        cmocka_unit_test(frame_that_headroom_makes_too_long_is_dropped),
        cmocka_unit_test(headroom_beyond_the_limit_is_refused),
        cmocka_unit_test(front_that_lends_silently_is_looked_at),
        cmocka_unit_test(multicast_list_is_asked_for_by_addresses_only),
        cmocka_unit_test(multicast_changes_in_a_row_end_well),
        cmocka_unit_test(multicast_refused_ends_the_filter),
        cmocka_unit_test(untrusted_back_sees_the_frame_and_zeroes),
        cmocka_unit_test(front_puts_pieces_together),
        cmocka_unit_test(frames_not_answered_are_counted_as_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
