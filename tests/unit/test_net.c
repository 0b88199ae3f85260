/* SPDX-License-Identifier: BSD-2-Clause */
/* netfront and netback, both honest: frames, offloads, room, life cycle. */
#include "cm.h"
#include "net_rig.h"

#include <limits.h>
#include <string.h>

static const uint32_t ring_starts[] = {0, 0x7fffffffu, 0xfffffffeu};

/* Sends out of the guest and compares with what the NIC got. */
static void check_out(struct net_rig *r, struct kept k)
{
    struct kept got;

    rig_send(r, &k);
    assert_int_equal(queue_len(&r->nic.out), 1);
    got = queue_get(&r->nic.out);
    assert_same(&k, &got);
    kept_free(&got);
    kept_free(&k);
}

static struct splitio_frame whole(const struct kept *k,
                                  struct splitio_iovec *iov)
{
    return kept_frame(k, iov, 1);
}

/* Sends into the guest and compares with what the guest got. */
static void check_in(struct net_rig *r, struct kept k)
{
    struct splitio_iovec iov;
    struct splitio_frame f = whole(&k, &iov);
    struct kept got;

    queue_put(&r->nic.in, &f);
    rig_run(r);
    assert_int_equal(queue_len(&r->received), 1);
    got = queue_get(&r->received);
    assert_same(&k, &got);
    kept_free(&got);
    kept_free(&k);
}

static void put_in(struct net_rig *r, uint32_t len_bytes)
{
    struct kept k = make_noise(len_bytes);
    struct splitio_iovec iov;
    struct splitio_frame f = whole(&k, &iov);

    queue_put(&r->nic.in, &f);
    kept_free(&k);
}

static uint32_t some_length(void)
{
    static const uint32_t edges[] = {14,   15,   60,    255,   256,   257,
                                     1023, 1024, 4095,  4096,  4097,  8192,
                                     8193, 9014, 61440, 61441, 65534, 65535};

    if (rnd() % 3 == 0)
        return edges[rnd() % SPLITIO_ARRAY_LEN(edges)];
    return rnd() % 3 == 0 ? 14 + rnd() % 65521 : 14 + rnd() % 1500;
}

static void frames_of_all_lengths_arrive_unchanged(void **state)
{
    unsigned s, i;

    (void)state;
    for (s = 0; s < SPLITIO_ARRAY_LEN(ring_starts); s++) {
        struct net_rig *r = rig_new();

        rnd_seed(s + 20);
        r->front_config.ring_index = ring_starts[s];
        rig_join(r);
        for (i = 0; i < 400; i++) {
            check_out(r, make_noise(some_length()));
            check_in(r, make_noise(some_length()));
        }
        assert_int_equal(r->back.stats.tx_frames, 400);
        assert_int_equal(r->back.stats.rx_frames, 400);
        assert_int_equal(splitio_netfront_in_flight(&r->front), 0);
        rig_delete(r);
    }
}

static void offloads_arrive_as_they_were_sent(void **state)
{
    struct net_rig *r = rig_new();
    unsigned v, blank, i;

    (void)state;
    rnd_seed(30);
    rig_join(r);
    for (v = 4; v <= 6; v += 2) {
        for (blank = 0; blank < 2; blank++) {
            check_out(r, make_ip(v, SPLITIO_PACKET_TCP, 600, blank));
            check_out(r, make_ip(v, SPLITIO_PACKET_UDP, 5000, blank));
            check_in(r, make_ip(v, SPLITIO_PACKET_TCP, 600, blank));
            check_in(r, make_ip(v, SPLITIO_PACKET_UDP, 5000, blank));
        }
        for (i = 0; i < 20; i++) {
            uint32_t len = 1600 + rnd() % 63000;

            check_out(r, make_gso(v, len, 1448));
            check_in(r, make_gso(v, len, 1448));
        }
    }
    rig_delete(r);
}

static void validated_frames_stay_validated(void **state)
{
    struct net_rig *r = rig_new();
    struct kept k = make_ip(4, SPLITIO_PACKET_TCP, 600, false);

    (void)state;
    rig_join(r);
    k.flags = SPLITIO_FRAME_CSUM_VALID;
    check_out(r, k);
    k = make_ip(6, SPLITIO_PACKET_TCP, 600, false);
    k.flags = SPLITIO_FRAME_CSUM_VALID;
    check_in(r, k);
    rig_delete(r);
}

/* Segments in `got` must be `sent`, cut, each with the right checksum. */
static void check_segments(struct queue *got, const struct kept *sent,
                           bool filled)
{
    static struct splitio_packet_gso g;
    struct splitio_iovec iov = {sent->bytes, sent->len_bytes};
    int n =
        splitio_packet_gso_init(&g, &iov, 1, sent->len_bytes, sent->gso_size);
    int i;

    assert_int_equal(queue_len(got), n);
    for (i = 0; i < n; i++) {
        struct kept s = queue_get(got), want;

        want.len_bytes = splitio_packet_gso_bytes(&g, (unsigned)i);
        want.bytes = test_malloc(want.len_bytes);
        splitio_packet_gso_make(&g, (unsigned)i, &iov, 1, want.bytes);
        assert_int_equal(s.len_bytes, want.len_bytes);
        assert_int_equal(s.gso_type, 0);
        if (filled) {
            assert_int_equal(s.flags, SPLITIO_FRAME_CSUM_VALID);
            assert_true(csum_is_right(&s));
            memcpy(s.bytes + g.info.l4_offset + 16,
                   want.bytes + g.info.l4_offset + 16, 2);
        } else {
            assert_int_equal(s.flags, SPLITIO_FRAME_CSUM_PARTIAL);
        }
        assert_same_bytes(&s, &want);
        test_free(want.bytes);
        kept_free(&s);
    }
}

static void filled(struct queue *got, const struct kept *sent)
{
    struct kept k = queue_get(got);

    assert_int_equal(k.flags, SPLITIO_FRAME_CSUM_VALID);
    assert_true(csum_is_right(&k));
    assert_int_equal(k.len_bytes, sent->len_bytes);
    kept_free(&k);
}

/* Offered features as bits: whatever is missing is made up for. */
static void missing_offloads_are_made_up_for(void **state)
{
    static const uint32_t features[] = {
        SPLITIO_NETIF_F_SG,
        SPLITIO_NETIF_F_SG | SPLITIO_NETIF_F_CSUM_V4,
        SPLITIO_NETIF_F_SG | SPLITIO_NETIF_F_CSUM_V6,
        SPLITIO_NETIF_F_SG | SPLITIO_NETIF_F_CSUM_V4 | SPLITIO_NETIF_F_CSUM_V6,
        0,
    };
    unsigned i, v;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(features); i++) {
        struct net_rig *r = rig_new();

        rnd_seed(40 + i);
        r->back_config.features = features[i];
        r->front_config.features = features[i];
        rig_join(r);
        for (v = 4; v <= 6; v += 2) {
            bool fill = !(features[i] & (v == 4 ? SPLITIO_NETIF_F_CSUM_V4
                                                : SPLITIO_NETIF_F_CSUM_V6));
            struct kept k = make_ip(v, SPLITIO_PACKET_UDP, 1001, true);
            struct kept g = make_gso(v, 20000, 1448);
            struct splitio_iovec iov;
            struct splitio_frame f;

            if (fill) {
                rig_send(r, &k);
                filled(&r->nic.out, &k);
                f = whole(&k, &iov);
                queue_put(&r->nic.in, &f);
                rig_run(r);
                filled(&r->received, &k);
            }
            rig_send(r, &g);
            check_segments(&r->nic.out, &g, fill);
            f = whole(&g, &iov);
            queue_put(&r->nic.in, &f);
            rig_run(r);
            check_segments(&r->received, &g, fill);
            kept_free(&k);
            kept_free(&g);
        }
        rig_delete(r);
    }
}

/* A back that takes long frames, but none of several slots. */
static void segmentation_without_scatter_gather_is_not_used(void **state)
{
    struct net_rig *r = rig_new();
    struct kept g = make_gso(4, 20000, 1448);
    struct splitio_netif_offer offer;

    (void)state;
    r->back_config.features = SPLITIO_NETIF_F_CSUM_V4;
    rig_init_back(r);
    rig_init_front(r);
    splitio_netback_offer(&r->back, &offer);
    offer.features |= SPLITIO_NETIF_F_GSO_TCPV4;
    assert_int_equal(splitio_netfront_connect(&r->front, 0, &offer, &r->link),
                     0);
    assert_int_equal(splitio_netback_connect(&r->back, PAIR_GUEST, &r->link),
                     0);
    rig_send(r, &g);
    check_segments(&r->nic.out, &g, false);
    kept_free(&g);
    rig_delete(r);
}

static void nic_without_checksums_gets_them_filled_in(void **state)
{
    struct net_rig *r = rig_new();
    struct kept k;

    (void)state;
    r->nic.flags = 0;
    rig_join(r);
    assert_int_equal(r->back.config.features & SPLITIO_NETIF_F_OFFLOADS,
                     SPLITIO_NETIF_F_SG | SPLITIO_NETIF_F_CSUM_V4 |
                         SPLITIO_NETIF_F_CSUM_V6);
    k = make_ip(6, SPLITIO_PACKET_TCP, 900, true);
    rig_send(r, &k);
    filled(&r->nic.out, &k);
    kept_free(&k);
    rig_delete(r);
}

static void frame_of_two_slots_needs_sg(void **state)
{
    struct net_rig *r = rig_new();
    struct kept k = make_noise(4097);
    struct splitio_iovec iov;
    struct splitio_frame f = whole(&k, &iov);

    (void)state;
    r->back_config.features = r->front_config.features = 0;
    rig_join(r);
    assert_int_equal(splitio_netfront_send(&r->front, &f), SPLITIO_EINVAL);
    queue_put(&r->nic.in, &f);
    rig_run(r);
    assert_int_equal(queue_len(&r->received), 0);
    assert_int_equal(r->back.stats.rx_dropped, 1);
    kept_free(&k);
    rig_delete(r);
}

static void lengths_out_of_range_are_refused(void **state)
{
    struct net_rig *r = rig_new();
    struct kept k = make_noise(65536);
    struct splitio_iovec iov;
    struct splitio_frame f = whole(&k, &iov);

    (void)state;
    rig_join(r);
    assert_int_equal(splitio_netfront_send(&r->front, &f), SPLITIO_EINVAL);
    iov.len_bytes = f.len_bytes = 13;
    assert_int_equal(splitio_netfront_send(&r->front, &f), SPLITIO_EINVAL);
    kept_free(&k);
    rig_delete(r);
}

/* Nobody polls until the ring is full: EAGAIN, then tx_room, nothing lost. */
static void full_ring_gives_room_again(void **state)
{
    struct net_rig *r = rig_new();
    unsigned sent = 0, got = 0, round;

    (void)state;
    rnd_seed(50);
    rig_join(r);
    rig_run(r);
    for (round = 0; round < 30; round++) {
        for (;;) {
            struct kept k = make_noise(14 + rnd() % 20000);
            struct splitio_iovec iov[3];
            struct splitio_frame f = kept_frame(&k, iov, 3);
            int err = splitio_netfront_send(&r->front, &f);

            kept_free(&k);
            if (err == SPLITIO_EAGAIN)
                break;
            assert_int_equal(err, 0);
            sent++;
        }
        r->room = 0;
        splitio_netfront_kick(&r->front);
        rig_run(r);
        assert_int_equal(r->room, 1);
        got += queue_len(&r->nic.out);
        queue_clear(&r->nic.out);
        assert_int_equal(got, sent);
    }
    assert_true(sent > 30 * 10);
    rig_delete(r);
}

static void nic_that_is_full_gets_frames_later(void **state)
{
    struct net_rig *r = rig_new();
    unsigned i;

    (void)state;
    r->back_config.nic_full_polls = 3;
    rig_join(r);
    rig_run(r);
    r->nic.send_room = 4;
    for (i = 0; i < 10; i++) {
        struct kept k = make_noise(100);
        struct splitio_iovec iov;
        struct splitio_frame f = whole(&k, &iov);

        assert_int_equal(splitio_netfront_send(&r->front, &f), 0);
        kept_free(&k);
    }
    splitio_netfront_kick(&r->front);
    rig_run(r);
    assert_int_equal(queue_len(&r->nic.out), 4);
    assert_true(splitio_netback_waits_for_nic(&r->back));
    r->nic.send_room = UINT_MAX;
    splitio_netback_poll(&r->back, 16);
    assert_int_equal(queue_len(&r->nic.out), 10);
    assert_false(splitio_netback_waits_for_nic(&r->back));

    r->nic.send_room = 0;
    {
        struct kept k = make_noise(100);

        rig_send(r, &k);
        kept_free(&k);
    }
    for (i = 0; i < 5; i++)
        splitio_netback_poll(&r->back, 16);
    assert_false(splitio_netback_waits_for_nic(&r->back));
    assert_int_equal(r->back.stats.tx_dropped, 1);
    rig_delete(r);
}

/* Frames that wait for the NIC are copies: neither the guest's next frames in
 * the same pages nor frames the other way touch them. */
static void frame_that_waits_for_the_nic_stays_as_it_was(void **state)
{
    struct kept a = make_noise(5000), b = make_noise(5000), got;
    struct net_rig *r = rig_new();
    unsigned i;

    (void)state;
    r->back_config.nic_full_polls = UINT_MAX;
    rig_join(r);
    rig_run(r);
    r->nic.send_room = 0;
    rig_send(r, &a);
    for (i = 0; i < 20; i++) {
        splitio_netfront_poll(&r->front, 16); /* gets the pages back */
        rig_send(r, &b);
        put_in(r, i & 1 ? 100 : 3000);
        rig_run(r);
    }
    r->nic.send_room = UINT_MAX;
    while (splitio_netback_poll(&r->back, 16) == 16)
        ;
    assert_int_equal(queue_len(&r->nic.out), 21);
    got = queue_get(&r->nic.out);
    assert_same(&a, &got);
    kept_free(&got);
    kept_free(&a);
    kept_free(&b);
    rig_delete(r);
}

/* A front with four pages, as network boot code has. */
static void front_with_four_pages_gets_frames(void **state)
{
    struct net_rig *r = rig_new();
    unsigned i;

    (void)state;
    rnd_seed(60);
    r->front_config.nr_rx_pages = 4;
    r->front_config.nr_tx_pages = 18;
    rig_join(r);
    for (i = 0; i < 500; i++) {
        check_in(r, make_noise(14 + rnd() % (4 * 4096 - 14)));
        check_out(r, make_noise(some_length()));
    }
    rig_delete(r);
}

/* A frame that needs more slots than the guest has lent waits; what is behind
 * it waits too; the tick ends that. */
static void frame_too_long_for_the_pages_lent_is_given_up(void **state)
{
    struct net_rig *r = rig_new();

    (void)state;
    r->front_config.nr_rx_pages = 4;
    rig_join(r);
    rig_run(r);
    put_in(r, 4 * 4096 + 1);
    put_in(r, 100);
    rig_run(r);
    assert_int_equal(queue_len(&r->received), 0);
    assert_int_equal(splitio_netback_tick(&r->back), 0);
    put_in(r, 101);
    rig_run(r);
    assert_int_equal(splitio_netback_tick(&r->back), 2);
    rig_run(r);
    assert_int_equal(queue_len(&r->received), 1);
    assert_int_equal(r->back.stats.rx_stalled, 2);
    rig_delete(r);
}

/* The guest does not run: what waits is bounded, and then arrives in order. */
static void backlog_is_bounded_and_in_order(void **state)
{
    struct net_rig *r = rig_new();
    unsigned i, sent = 0, round;

    (void)state;
    rnd_seed(70);
    r->back_config.backlog_bytes = SPLITIO_NETBACK_BACKLOG_BYTES_MIN;
    rig_join(r);
    rig_run(r);
    for (round = 0; round < 20; round++) {
        for (i = 0; i < 600; i++)
            put_in(r, 14 + rnd() % (round & 1 ? 6000 : 900));
        for (i = 0; i < 100; i++)
            splitio_netback_poll(&r->back, 16);
        assert_true(queue_len(&r->nic.in) > 0 || !(round & 1));
        sent += 600;
        rig_run(r);
        assert_int_equal(queue_len(&r->nic.in), 0);
        assert_int_equal(queue_len(&r->received), 600);
        queue_clear(&r->received);
    }
    assert_int_equal(r->front.stats.rx_frames, sent);
    assert_int_equal(r->back.stats.rx_dropped, 0);
    rig_delete(r);
}

static void front_takes_all(void *arg)
{
    struct net_rig *r = arg;

    while (splitio_netfront_poll(&r->front, 16) == 16)
        ;
}

/* The guest lends pages just after the backlog was found full: the backlog
 * empties, no event is left to wait for, and the NIC holds a frame. poll() must
 * not say that waiting is right. */
static void nic_that_was_refused_is_asked_again(void **state)
{
    struct net_rig *r = rig_new();
    unsigned i;

    (void)state;
    rnd_seed(76);
    r->back_config.backlog_bytes = SPLITIO_NETBACK_BACKLOG_BYTES_MIN;
    rig_join(r);
    rig_run(r);
    for (i = 0; i < 1000; i++)
        put_in(r, 2000 + rnd() % 3000);
    r->nic.on_refused = front_takes_all;
    r->nic.on_refused_arg = r;
    while (splitio_netback_poll(&r->back, 512) == 512)
        ;
    assert_int_equal(queue_len(&r->nic.in), 0);
    rig_run(r);
    assert_int_equal(queue_len(&r->received), 1000);
    rig_delete(r);
}

/* The guest takes frames in dribs and drabs, so that the backlog wraps around
 * at all places; also with more frames than it keeps count of. */
static void backlog_that_wraps_keeps_every_byte(void **state)
{
    static struct queue want;
    unsigned round, i;

    (void)state;
    rnd_seed(72);
    for (round = 0; round < 4; round++) {
        struct net_rig *r = rig_new();

        r->back_config.backlog_bytes = SPLITIO_NETBACK_BACKLOG_BYTES_MIN;
        r->front_config.nr_rx_pages = 32;
        rig_join(r);
        rig_run(r);
        for (i = 0; i < 1500; i++) {
            struct kept k = make_noise(round == 0       ? 14
                                       : rnd() % 4 == 0 ? 14 + rnd() % 65000
                                                        : 14 + rnd() % 3000);
            struct splitio_iovec iov;
            struct splitio_frame f = whole(&k, &iov);

            queue_put(&r->nic.in, &f);
            queue_put(&want, &f);
            kept_free(&k);
            splitio_netback_poll(&r->back, 16);
            assert_true(splitio_netback_is_valid(&r->back));
            if (rnd() % 4 == 0 && (round != 0 || i > 1200))
                splitio_netfront_poll(&r->front, 1 + rnd() % 8);
        }
        rig_run(r);
        assert_int_equal(queue_len(&r->received), 1500);
        while (queue_len(&want) != 0) {
            struct kept a = queue_get(&want), b = queue_get(&r->received);

            assert_same(&a, &b);
            kept_free(&a);
            kept_free(&b);
        }
        rig_delete(r);
    }
}

/* More than one call of the host port can carry, in bytes and in pieces. */
static void long_frames_in_one_turn_keep_every_byte(void **state)
{
    static struct queue want;
    struct net_rig *r = rig_new();
    unsigned round;

    (void)state;
    rnd_seed(74);
    rig_join(r);
    rig_run(r);
    for (round = 0; round < 10; round++) {
        for (;;) {
            struct kept k = make_noise(round & 1 ? 60000 + rnd() % 5535
                                                 : 4000 + rnd() % 9000);
            struct splitio_iovec iov;
            struct splitio_frame f = whole(&k, &iov);
            int err = splitio_netfront_send(&r->front, &f);

            if (err == 0)
                queue_put(&want, &f);
            kept_free(&k);
            if (err != 0)
                break;
        }
        splitio_netfront_kick(&r->front);
        while (splitio_netback_poll(&r->back, 64) == 64)
            ;
        rig_run(r);
        while (queue_len(&want) != 0) {
            struct kept a = queue_get(&want), b = queue_get(&r->nic.out);

            assert_same(&a, &b);
            kept_free(&a);
            kept_free(&b);
        }
    }
    rig_delete(r);
}

/* As many short frames as the guest has pages, in one turn. */
static void short_frames_in_one_turn_all_arrive(void **state)
{
    struct net_rig *r = rig_new();
    unsigned i;

    (void)state;
    rig_join(r);
    rig_run(r);
    for (i = 0; i < 256; i++)
        put_in(r, 60 + i);
    assert_int_equal(splitio_netback_poll(&r->back, 256), 256);
    assert_int_equal(splitio_netfront_poll(&r->front, 256), 256);
    for (i = 0; i < 256; i++) {
        struct kept k = queue_get(&r->received);

        assert_int_equal(k.len_bytes, 60 + i);
        kept_free(&k);
    }
    rig_delete(r);
}

static void order_is_kept_between_short_and_long(void **state)
{
    struct net_rig *r = rig_new();
    static struct queue want;
    unsigned i;

    (void)state;
    rnd_seed(75);
    rig_join(r);
    rig_run(r);
    for (i = 0; i < 500; i++) {
        struct kept k =
            make_noise(rnd() & 1 ? 14 + rnd() % 500 : some_length());
        struct splitio_iovec iov;
        struct splitio_frame f = whole(&k, &iov);

        queue_put(&r->nic.in, &f);
        queue_put(&want, &f);
        kept_free(&k);
    }
    rig_run(r);
    assert_int_equal(queue_len(&r->received), 500);
    for (i = 0; i < 500; i++) {
        struct kept a = queue_get(&want), b = queue_get(&r->received);

        assert_same(&a, &b);
        kept_free(&a);
        kept_free(&b);
    }
    rig_delete(r);
}

/* The same stream over several queues: each frame once, each flow in order. */
static void queues_carry_each_flow_in_order(void **state)
{
    struct net_rig *r = rig_new();
    unsigned i, flows = 0;

    (void)state;
    rnd_seed(80);
    r->back_config.max_queues = 4;
    r->front_config.max_queues = 3;
    rig_join(r);
    assert_int_equal(r->link.nr_queues, 3);
    for (i = 0; i < 300; i++) {
        check_out(r, make_ip(4, SPLITIO_PACKET_TCP, 200, true));
        check_in(r, make_ip(6, SPLITIO_PACKET_TCP, 200, true));
    }
    for (i = 0; i < 3; i++)
        flows += ((struct splitio_sring *)pair_granted(
                      r->pair, r->link.queues[i].tx_gref))
                     ->req_prod != 0;
    assert_int_equal(flows, 3);
    rig_delete(r);
}

static void one_event_channel_is_enough(void **state)
{
    struct net_rig *r = rig_new();
    struct splitio_netif_offer offer;
    unsigned i;

    (void)state;
    rig_init_back(r);
    rig_init_front(r);
    splitio_netback_offer(&r->back, &offer);
    offer.split_evtchn = false;
    assert_int_equal(splitio_netfront_connect(&r->front, 0, &offer, &r->link),
                     0);
    assert_int_equal(r->link.queues[0].tx_evtchn, r->link.queues[0].rx_evtchn);
    assert_int_equal(splitio_netback_connect(&r->back, PAIR_GUEST, &r->link),
                     0);
    for (i = 0; i < 200; i++) {
        check_out(r, make_noise(some_length()));
        check_in(r, make_noise(some_length()));
    }
    rig_delete(r);
}

/* The back dies with frames in all places; a new one goes on with new rings. */
static void back_that_restarts_loses_only_frames(void **state)
{
    struct net_rig *r = rig_new();
    unsigned round, i;

    (void)state;
    rnd_seed(90);
    r->back_config.nic_full_polls = UINT_MAX;
    rig_join(r);
    for (round = 0; round < 50; round++) {
        struct splitio_netif_offer offer;

        for (i = 0; i < 40; i++) {
            struct kept k = make_noise(some_length());
            struct splitio_iovec iov;
            struct splitio_frame f = whole(&k, &iov);

            queue_put(&r->nic.in, &f);
            (void)splitio_netfront_send(&r->front, &f);
            kept_free(&k);
        }
        splitio_netfront_kick(&r->front);
        r->nic.send_room = rnd() % 20;
        for (i = rnd() % 4; i > 0; i--)
            splitio_netback_poll(&r->back, 1 + rnd() % 16);
        splitio_netback_disconnect(&r->back);
        splitio_netfront_disconnect(&r->front);
        assert_int_equal(splitio_netfront_in_flight(&r->front), 0);
        queue_clear(&r->nic.in);
        queue_clear(&r->nic.out);
        queue_clear(&r->received);
        r->nic.send_room = UINT_MAX;
        splitio_netback_offer(&r->back, &offer);
        assert_int_equal(
            splitio_netfront_connect(&r->front, 0, &offer, &r->link), 0);
        assert_int_equal(
            splitio_netback_connect(&r->back, PAIR_GUEST, &r->link), 0);
        check_out(r, make_noise(some_length()));
        check_in(r, make_noise(some_length()));
    }
    rig_delete(r);
}

/* Frames sent before the back is there wait in the ring. */
static void frames_sent_early_arrive(void **state)
{
    struct net_rig *r = rig_new();
    struct splitio_netif_offer offer;
    struct kept k = make_noise(5000), got;
    struct splitio_iovec iov;
    struct splitio_frame f = whole(&k, &iov);

    (void)state;
    rig_init_back(r);
    rig_init_front(r);
    splitio_netback_offer(&r->back, &offer);
    assert_int_equal(splitio_netfront_connect(&r->front, 0, &offer, &r->link),
                     0);
    assert_int_equal(splitio_netfront_send(&r->front, &f), 0);
    splitio_netfront_kick(&r->front);
    assert_int_equal(splitio_netback_connect(&r->back, PAIR_GUEST, &r->link),
                     0);
    rig_run(r);
    got = queue_get(&r->nic.out);
    assert_same(&k, &got);
    kept_free(&k);
    kept_free(&got);
    rig_delete(r);
}

/* A burst costs few notifications and few calls of the host port. */
static void burst_is_batched(void **state)
{
    struct net_rig *r = rig_new();
    uint64_t before;
    unsigned i;

    (void)state;
    rig_join(r);
    rig_run(r);
    before = r->front.stats.notifies;
    for (i = 0; i < 200; i++) {
        struct kept k = make_noise(100);
        struct splitio_iovec iov;
        struct splitio_frame f = whole(&k, &iov);

        assert_int_equal(splitio_netfront_send(&r->front, &f), 0);
        kept_free(&k);
    }
    splitio_netfront_kick(&r->front);
    rig_run(r);
    assert_int_equal(queue_len(&r->nic.out), 200);
    assert_int_equal(r->front.stats.notifies - before, 1);
    /* Each frame is copied once: no copy is left over for another batch. */
    assert_int_equal(r->pair->nr_copies, 200);
    /* Nobody waits for room: told of the first response, as of a new ring. */
    assert_int_equal(r->back.stats.notifies, 1);
    rig_delete(r);
}

static void netfront_as_nic_joins_another(void **state)
{
    struct net_rig *r = rig_new();
    struct splitio_nic_info info;
    struct splitio_nic nic;
    struct test_nic sink = {.send_room = UINT_MAX};
    struct kept k = make_gso(4, 30000, 1448), got;
    struct splitio_iovec iov;
    struct splitio_frame f = whole(&k, &iov);
    struct splitio_nic far = test_nic(&sink);

    (void)state;
    rig_join(r);
    nic = splitio_netfront_nic(&r->front);
    nic.ops->info(nic.ctx, &info);
    assert_int_equal(info.mtu, 1500);
    nic.ops->attach(nic.ctx, far.ops->send, far.ctx);
    assert_int_equal(nic.ops->send(nic.ctx, &f), 0);
    queue_put(&r->nic.in, &f);
    nic.ops->poll(nic.ctx, 16);
    rig_run(r);
    nic.ops->poll(nic.ctx, 16);
    got = queue_get(&sink.out);
    assert_same(&k, &got);
    kept_free(&got);
    got = queue_get(&r->nic.out);
    assert_same(&k, &got);
    kept_free(&got);
    kept_free(&k);
    rig_delete(r);
}

static void configurations_out_of_range_are_refused(void **state)
{
    struct net_rig *r = rig_new();

    (void)state;
    r->back_config.max_queues = 9;
    assert_int_equal(splitio_netback_mem_bytes(&r->back_config), 0);
    r->back_config.max_queues = 8;
    r->back_config.backlog_bytes = 1;
    assert_int_equal(splitio_netback_mem_bytes(&r->back_config), 0);
    r->front_config.nr_rx_pages = 5;
    assert_int_equal(splitio_netfront_mem_bytes(&r->front_config), 0);
    r->front_config.nr_rx_pages = 512;
    assert_int_equal(splitio_netfront_mem_bytes(&r->front_config), 0);
    r->front_config.nr_rx_pages = 0;
    r->front_config.nr_tx_pages = 17;
    assert_int_equal(splitio_netfront_mem_bytes(&r->front_config), 0);
    rig_delete(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_all_lengths_arrive_unchanged),
        cmocka_unit_test(offloads_arrive_as_they_were_sent),
        cmocka_unit_test(validated_frames_stay_validated),
        cmocka_unit_test(missing_offloads_are_made_up_for),
        cmocka_unit_test(segmentation_without_scatter_gather_is_not_used),
        cmocka_unit_test(nic_without_checksums_gets_them_filled_in),
        cmocka_unit_test(frame_of_two_slots_needs_sg),
        cmocka_unit_test(lengths_out_of_range_are_refused),
        cmocka_unit_test(full_ring_gives_room_again),
        cmocka_unit_test(nic_that_is_full_gets_frames_later),
        cmocka_unit_test(frame_that_waits_for_the_nic_stays_as_it_was),
        cmocka_unit_test(front_with_four_pages_gets_frames),
        cmocka_unit_test(frame_too_long_for_the_pages_lent_is_given_up),
        cmocka_unit_test(backlog_is_bounded_and_in_order),
        cmocka_unit_test(nic_that_was_refused_is_asked_again),
        cmocka_unit_test(backlog_that_wraps_keeps_every_byte),
        cmocka_unit_test(long_frames_in_one_turn_keep_every_byte),
        cmocka_unit_test(short_frames_in_one_turn_all_arrive),
        cmocka_unit_test(order_is_kept_between_short_and_long),
        cmocka_unit_test(queues_carry_each_flow_in_order),
        cmocka_unit_test(one_event_channel_is_enough),
        cmocka_unit_test(back_that_restarts_loses_only_frames),
        cmocka_unit_test(frames_sent_early_arrive),
        cmocka_unit_test(burst_is_batched),
        cmocka_unit_test(netfront_as_nic_joins_another),
        cmocka_unit_test(configurations_out_of_range_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
