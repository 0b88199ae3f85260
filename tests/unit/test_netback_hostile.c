/* SPDX-License-Identifier: BSD-2-Clause */
/* netback against a front that follows no rules (T01, T02, T10, T17, T22-T28),
 * and with copies that fail (T18). */
#include "cm.h"
#include "net_rig.h"
#include "peer_netfront.h"

#include <limits.h>
#include <string.h>

struct scene {
    struct net_rig *rig;
    struct peer_front front;
};

static void open_at(struct scene *s, uint32_t index)
{
    struct splitio_netif_link link;

    s->rig = rig_new();
    rig_init_back(s->rig);
    peer_front_open(&s->front, s->rig->pair, index);
    link = peer_front_link(&s->front, SPLITIO_NETIF_F_ALL);
    assert_int_equal(splitio_netback_connect(&s->rig->back, PAIR_GUEST, &link),
                     0);
}

static void open_scene(struct scene *s)
{
    open_at(s, 0);
}

static void close_scene(struct scene *s)
{
    splitio_netback_disconnect(&s->rig->back);
    peer_front_close(&s->front);
    rig_delete(s->rig);
}

/* Publishes, and polls until there is rest; what poll() said last. */
static int turn(struct scene *s)
{
    int n;

    peer_front_push(&s->front);
    pair_step(s->rig->pair);
    do
        n = splitio_netback_poll(&s->rig->back, 16);
    while (n > 0);
    assert_true(splitio_netback_is_valid(&s->rig->back));
    return n;
}

static void expect_rsp(struct scene *s, uint16_t id, int status)
{
    struct splitio_netif_tx_response rsp = {0};

    assert_true(peer_front_tx_rsp(&s->front, &rsp));
    if (status != SPLITIO_NETIF_RSP_NULL)
        assert_int_equal(rsp.id, id);
    assert_int_equal(rsp.status, status);
}

static void expect_no_rsp(struct scene *s)
{
    struct splitio_netif_tx_response rsp;

    assert_false(peer_front_tx_rsp(&s->front, &rsp));
}

/* A frame of nr slots of 100 bytes, with ids from 0. */
static void put_chain(struct scene *s, unsigned nr, bool whole)
{
    unsigned i;

    for (i = 0; i < nr; i++)
        peer_front_data(&s->front, s->front.grefs[i % PEER_PAGES], 0,
                        (uint16_t)(i == 0 ? nr * 100 : 100),
                        i + 1 < nr || !whole ? SPLITIO_NETTXF_MORE_DATA : 0);
}

static void chains_too_long_are_answered_or_fatal(void **state)
{
    unsigned nr, i;

    (void)state;
    for (nr = 1; nr <= 22; nr++) {
        struct scene s;

        open_scene(&s);
        put_chain(&s, nr, true);
        assert_int_equal(turn(&s), nr > 20 ? SPLITIO_EPROTO : 0);
        assert_int_equal(queue_len(&s.rig->nic.out), nr <= 18);
        for (i = 0; nr <= 20 && i < nr; i++)
            expect_rsp(&s, (uint16_t)i,
                       nr <= 18 ? SPLITIO_NETIF_RSP_OKAY
                                : SPLITIO_NETIF_RSP_ERROR);
        expect_no_rsp(&s);
        close_scene(&s);
    }
}

static void chain_that_is_cut_is_fatal(void **state)
{
    unsigned nr;

    (void)state;
    for (nr = 1; nr <= 18; nr++) {
        struct scene s;

        open_scene(&s);
        put_chain(&s, nr, false);
        assert_int_equal(turn(&s), SPLITIO_EPROTO);
        /* ... for good: what comes later changes nothing. */
        put_chain(&s, 1, true);
        assert_int_equal(turn(&s), SPLITIO_EPROTO);
        assert_int_equal(queue_len(&s.rig->nic.out), 0);
        close_scene(&s);
    }
}

static void bad_reference_costs_its_frame_only(void **state)
{
    static const splitio_gref_t bad[] = {0, 7, 5000, UINT32_MAX};
    unsigned b, at, i;

    (void)state;
    for (b = 0; b < SPLITIO_ARRAY_LEN(bad); b++) {
        for (at = 0; at < 5; at++) {
            struct scene s;

            open_scene(&s);
            put_chain(&s, 3, true);
            for (i = 0; i < 5; i++)
                peer_front_data(&s.front, i == at ? bad[b] : s.front.grefs[i],
                                0, i == 0 ? 500 : 100,
                                i < 4 ? SPLITIO_NETTXF_MORE_DATA : 0);
            put_chain(&s, 2, true);
            assert_int_equal(turn(&s), 0);
            for (i = 0; i < 10; i++)
                expect_rsp(&s, (uint16_t)i,
                           i >= 3 && i < 8 ? SPLITIO_NETIF_RSP_ERROR
                                           : SPLITIO_NETIF_RSP_OKAY);
            assert_int_equal(queue_len(&s.rig->nic.out), 2);
            assert_int_equal(s.rig->back.stats.tx_faults, 1);
            close_scene(&s);
        }
    }
}

static void same_page_in_all_slots_is_a_frame(void **state)
{
    struct scene s;
    struct kept k;
    unsigned i;

    (void)state;
    open_scene(&s);
    memset(s.front.pages[0], 7, 4096);
    for (i = 0; i < 18; i++)
        peer_front_data(&s.front, s.front.grefs[0], 0, i == 0 ? 1800 : 100,
                        i < 17 ? SPLITIO_NETTXF_MORE_DATA : 0);
    assert_int_equal(turn(&s), 0);
    k = queue_get(&s.rig->nic.out);
    assert_int_equal(k.len_bytes, 1800);
    kept_free(&k);
    close_scene(&s);
}

/* Puts a frame in nr slots, cut at random; every byte in its own page. */
static void put_cut(struct scene *s, const struct kept *k, unsigned nr,
                    uint16_t flags)
{
    uint16_t cuts[19];
    unsigned i, j;

    cuts[0] = 0;
    for (i = 1; i < nr; i++)
        cuts[i] = (uint16_t)(rnd() % (k->len_bytes + 1));
    for (i = 1; i < nr; i++)
        for (j = i + 1; j < nr; j++)
            if (cuts[j] < cuts[i]) {
                uint16_t t = cuts[i];

                cuts[i] = cuts[j];
                cuts[j] = t;
            }
    cuts[nr] = (uint16_t)k->len_bytes;
    for (i = 0; i < nr; i++) {
        uint16_t size = (uint16_t)(cuts[i + 1] - cuts[i]);
        uint16_t offset = (uint16_t)(rnd() % (4096 - size + 1));

        memcpy(s->front.pages[i] + offset, k->bytes + cuts[i], size);
        peer_front_data(
            &s->front, s->front.grefs[i], offset,
            (uint16_t)(i == 0 ? k->len_bytes : size),
            (uint16_t)(flags | (i + 1 < nr ? SPLITIO_NETTXF_MORE_DATA : 0)));
        flags = 0;
    }
}

static void headers_in_pieces_are_put_together(void **state)
{
    struct scene s;
    unsigned i, nr;

    (void)state;
    rnd_seed(100);
    open_scene(&s);
    for (i = 0; i < 3000; i++) {
        struct kept k = make_ip(rnd() & 1 ? 4 : 6, SPLITIO_PACKET_TCP,
                                86 + rnd() % 120, true);
        struct splitio_netif_tx_response rsp;
        struct kept got;

        nr = 1 + rnd() % 18;
        put_cut(&s, &k, nr, SPLITIO_NETTXF_CSUM_BLANK);
        assert_int_equal(turn(&s), 0);
        got = queue_get(&s.rig->nic.out);
        assert_same(&k, &got);
        kept_free(&k);
        kept_free(&got);
        for (; nr > 0; nr--) {
            assert_true(peer_front_tx_rsp(&s.front, &rsp));
            assert_int_equal(rsp.status, SPLITIO_NETIF_RSP_OKAY);
        }
        expect_no_rsp(&s);
    }
    close_scene(&s);
}

/* All slots of the ring in chains as long as can be, for one turn. */
static void ring_full_of_longest_chains_is_carried(void **state)
{
    struct scene s;
    unsigned i;

    (void)state;
    open_scene(&s);
    for (i = 0; i < PEER_PAGES; i++)
        memset(s.front.pages[i], (int)i, 4096);
    for (i = 0; i < 14; i++)
        put_chain(&s, 18, true);
    peer_front_push(&s.front);
    assert_int_equal(splitio_netback_poll(&s.rig->back, 64), 14);
    assert_int_equal(queue_len(&s.rig->nic.out), 14);
    for (i = 0; i < 14 * 18; i++)
        expect_rsp(&s, (uint16_t)i, SPLITIO_NETIF_RSP_OKAY);
    for (i = 0; i < 14; i++) {
        struct kept k = queue_get(&s.rig->nic.out);
        unsigned at;

        for (at = 0; at < 1800; at++)
            assert_int_equal(k.bytes[at], at / 100);
        kept_free(&k);
    }
    close_scene(&s);
}

/* Every way to cut a short frame in two and in three. */
static void all_cuts_of_a_short_frame_are_put_together(void **state)
{
    struct kept k = make_ip(4, SPLITIO_PACKET_TCP, 70, true), got;
    struct splitio_netif_tx_response rsp;
    unsigned a, b, i;
    struct scene s;

    (void)state;
    open_scene(&s);
    for (a = 0; a <= 70; a++) {
        for (b = a; b <= 70; b++) {
            memcpy(s.front.pages[0], k.bytes, a);
            memcpy(s.front.pages[1], k.bytes + a, b - a);
            memcpy(s.front.pages[2], k.bytes + b, 70 - b);
            peer_front_data(&s.front, s.front.grefs[0], 0, 70,
                            SPLITIO_NETTXF_MORE_DATA |
                                SPLITIO_NETTXF_CSUM_BLANK);
            peer_front_data(&s.front, s.front.grefs[1], 0, (uint16_t)(b - a),
                            SPLITIO_NETTXF_MORE_DATA);
            peer_front_data(&s.front, s.front.grefs[2], 0, (uint16_t)(70 - b),
                            0);
            assert_int_equal(turn(&s), 0);
            got = queue_get(&s.rig->nic.out);
            assert_same(&k, &got);
            kept_free(&got);
            for (i = 0; i < 3; i++)
                assert_true(peer_front_tx_rsp(&s.front, &rsp));
        }
    }
    kept_free(&k);
    close_scene(&s);
}

static void put_gso(struct scene *s, uint8_t type, uint16_t size)
{
    union splitio_netif_tx_slot *slot = peer_front_tx(&s->front);

    memset(slot, 0, sizeof(*slot));
    slot->extra.type = SPLITIO_NETIF_EXTRA_GSO;
    slot->extra.u.gso.type = type;
    slot->extra.u.gso.size = splitio_le16(size);
}

/* Offloads asked for that the bytes do not bear out. */
static void offloads_against_the_bytes_are_dropped(void **state)
{
    static const struct {
        unsigned version, protocol;
        uint8_t gso;
        bool ok;
    } cases[] = {
        {4, SPLITIO_PACKET_TCP, SPLITIO_NETIF_GSO_TCPV4, true},
        {6, SPLITIO_PACKET_TCP, SPLITIO_NETIF_GSO_TCPV6, true},
        {4, SPLITIO_PACKET_TCP, SPLITIO_NETIF_GSO_TCPV6, false},
        {6, SPLITIO_PACKET_TCP, SPLITIO_NETIF_GSO_TCPV4, false},
        {4, SPLITIO_PACKET_UDP, SPLITIO_NETIF_GSO_TCPV4, false},
        {0, 0, SPLITIO_NETIF_GSO_TCPV4, false},
        {0, 0, 0, false},
    };
    unsigned i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(cases); i++) {
        struct kept k =
            cases[i].version
                ? make_ip(cases[i].version, cases[i].protocol, 3000, true)
                : make_noise(3000);
        int status =
            cases[i].ok ? SPLITIO_NETIF_RSP_OKAY : SPLITIO_NETIF_RSP_ERROR;
        struct scene s;

        open_scene(&s);
        memcpy(s.front.pages[0], k.bytes, 3000);
        peer_front_data(&s.front, s.front.grefs[0], 0, 3000,
                        SPLITIO_NETTXF_CSUM_BLANK |
                            (cases[i].gso ? SPLITIO_NETTXF_EXTRA_INFO : 0));
        if (cases[i].gso)
            put_gso(&s, cases[i].gso, 1000);
        assert_int_equal(turn(&s), 0);
        expect_rsp(&s, 0, status);
        if (cases[i].gso)
            expect_rsp(&s, 0, SPLITIO_NETIF_RSP_NULL);
        assert_int_equal(queue_len(&s.rig->nic.out), cases[i].ok);
        kept_free(&k);
        close_scene(&s);
    }
}

static void segmentation_not_offered_is_dropped(void **state)
{
    struct kept k = make_gso(4, 3000, 1000);
    struct scene s;

    (void)state;
    open_scene(&s);
    s.rig->back.config.features &= ~SPLITIO_NETIF_F_GSO_TCPV4;
    memcpy(s.front.pages[0], k.bytes, 3000);
    peer_front_data(&s.front, s.front.grefs[0], 0, 3000,
                    SPLITIO_NETTXF_CSUM_BLANK | SPLITIO_NETTXF_EXTRA_INFO);
    put_gso(&s, SPLITIO_NETIF_GSO_TCPV4, 1000);
    assert_int_equal(turn(&s), 0);
    expect_rsp(&s, 0, SPLITIO_NETIF_RSP_ERROR);
    kept_free(&k);
    close_scene(&s);
}

/* Segmentation of a frame whose checksum is filled in: made blank again. */
static void segmentation_without_blank_checksum_is_put_right(void **state)
{
    struct kept want = make_gso(4, 3000, 1000), got;
    struct scene s;

    (void)state;
    open_scene(&s);
    memcpy(s.front.pages[0], want.bytes, 3000);
    s.front.pages[0][34 + 16] ^= 0x55;
    peer_front_data(&s.front, s.front.grefs[0], 0, 3000,
                    SPLITIO_NETTXF_EXTRA_INFO);
    put_gso(&s, SPLITIO_NETIF_GSO_TCPV4, 1000);
    assert_int_equal(turn(&s), 0);
    got = queue_get(&s.rig->nic.out);
    assert_same(&want, &got);
    kept_free(&got);
    kept_free(&want);
    close_scene(&s);
}

static void put_mcast(struct scene *s, uint8_t type, const uint8_t *addr,
                      bool more)
{
    union splitio_netif_tx_slot *slot;

    peer_front_data(&s->front, 0, 0, 0, SPLITIO_NETTXF_EXTRA_INFO);
    slot = peer_front_tx(&s->front);
    memset(slot, 0, sizeof(*slot));
    slot->extra.type = type;
    slot->extra.flags = more ? SPLITIO_NETIF_EXTRA_FLAG_MORE : 0;
    memcpy(slot->extra.u.mcast.addr, addr, 6);
}

static void multicast_change_is_answered(void **state)
{
    static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1};
    static const uint8_t station[6] = {0, 0x16, 0x3e, 0, 0, 1};
    struct scene s;

    (void)state;
    open_scene(&s);
    put_mcast(&s, SPLITIO_NETIF_EXTRA_MCAST_ADD, group, false);
    put_mcast(&s, SPLITIO_NETIF_EXTRA_MCAST_ADD, group, false);
    put_mcast(&s, SPLITIO_NETIF_EXTRA_MCAST_ADD, station, false);
    put_chain(&s, 1, true);
    put_mcast(&s, SPLITIO_NETIF_EXTRA_MCAST_DEL, group, false);
    put_mcast(&s, SPLITIO_NETIF_EXTRA_MCAST_DEL, group, false);
    assert_int_equal(turn(&s), 0);
    expect_rsp(&s, 0, SPLITIO_NETIF_RSP_OKAY);
    expect_rsp(&s, 0, SPLITIO_NETIF_RSP_NULL);
    expect_rsp(&s, 1, SPLITIO_NETIF_RSP_OKAY);
    expect_rsp(&s, 0, SPLITIO_NETIF_RSP_NULL);
    expect_rsp(&s, 2, SPLITIO_NETIF_RSP_ERROR);
    expect_rsp(&s, 0, SPLITIO_NETIF_RSP_NULL);
    expect_rsp(&s, 3, SPLITIO_NETIF_RSP_OKAY);
    expect_rsp(&s, 4, SPLITIO_NETIF_RSP_OKAY);
    expect_rsp(&s, 0, SPLITIO_NETIF_RSP_NULL);
    expect_rsp(&s, 5, SPLITIO_NETIF_RSP_OKAY);
    expect_rsp(&s, 0, SPLITIO_NETIF_RSP_NULL);
    assert_int_equal(s.rig->back.nr_mcast, 0);
    assert_int_equal(queue_len(&s.rig->nic.out), 1);
    close_scene(&s);
}

static void multicast_change_not_offered_is_an_error(void **state)
{
    static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1};
    struct scene s;

    (void)state;
    open_scene(&s);
    s.rig->back.config.features &= ~SPLITIO_NETIF_F_MCAST;
    put_mcast(&s, SPLITIO_NETIF_EXTRA_MCAST_ADD, group, false);
    put_chain(&s, 1, true);
    assert_int_equal(turn(&s), 0);
    expect_rsp(&s, 0, SPLITIO_NETIF_RSP_ERROR);
    expect_rsp(&s, 0, SPLITIO_NETIF_RSP_NULL);
    expect_rsp(&s, 1, SPLITIO_NETIF_RSP_OKAY);
    close_scene(&s);
}

/* More addresses than there is room for, again and again (T27). */
static void multicast_list_is_bounded(void **state)
{
    uint8_t group[6] = {1, 0, 0x5e, 0, 0, 0};
    unsigned i, round;
    struct scene s;

    (void)state;
    open_scene(&s);
    for (round = 0; round < 3; round++) {
        for (i = 0; i < 200; i++) {
            group[5] = (uint8_t)i;
            put_mcast(&s, SPLITIO_NETIF_EXTRA_MCAST_ADD, group, false);
            assert_int_equal(turn(&s), 0);
            expect_rsp(&s, (uint16_t)(round * 200 + i),
                       i < SPLITIO_NETIF_MCAST_MAX ? SPLITIO_NETIF_RSP_OKAY
                                                   : SPLITIO_NETIF_RSP_ERROR);
            expect_rsp(&s, 0, SPLITIO_NETIF_RSP_NULL);
        }
        assert_int_equal(s.rig->back.nr_mcast, SPLITIO_NETIF_MCAST_MAX);
    }
    assert_int_equal(s.rig->back.stats.mcast_refused,
                     3 * (200 - SPLITIO_NETIF_MCAST_MAX));
    close_scene(&s);
}

/* Extras of no type, of one that nobody knows, and without a last one. */
static void extras_without_sense_break_the_device(void **state)
{
    static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1};
    static const uint8_t types[] = {0, SPLITIO_NETIF_EXTRA_TYPES, 255};
    unsigned i;

    (void)state;
    for (i = 0; i <= SPLITIO_ARRAY_LEN(types); i++) {
        struct scene s;

        open_scene(&s);
        if (i < SPLITIO_ARRAY_LEN(types))
            put_mcast(&s, types[i], group, false);
        else
            put_mcast(&s, SPLITIO_NETIF_EXTRA_MCAST_ADD, group, true);
        assert_int_equal(turn(&s), SPLITIO_EPROTO);
        close_scene(&s);
    }
}

static void impossible_indices_break_the_device(void **state)
{
    static const uint32_t starts[] = {0, 0x7fffffffu, 0xfffffffeu};
    static const uint32_t jumps[] = {257, 1000, 0x80000000u, 0xffffffffu};
    unsigned a, b, ring;

    (void)state;
    for (a = 0; a < SPLITIO_ARRAY_LEN(starts); a++) {
        for (b = 0; b < SPLITIO_ARRAY_LEN(jumps); b++) {
            for (ring = 0; ring < 2; ring++) {
                struct scene s;
                struct kept k = make_noise(100);
                struct splitio_iovec iov;
                struct splitio_frame f = kept_frame(&k, &iov, 1);

                open_at(&s, starts[a]);
                queue_put(&s.rig->nic.in, &f);
                kept_free(&k);
                if (ring == 0)
                    s.front.tx_prod += jumps[b];
                else
                    s.front.rx_prod += jumps[b];
                assert_int_equal(turn(&s), SPLITIO_EPROTO);
                assert_int_equal(queue_len(&s.rig->nic.out), 0);
                close_scene(&s);
            }
        }
    }
}

static void rings_with_impossible_indices_do_not_connect(void **state)
{
    struct splitio_netif_link link;
    struct net_rig *r = rig_new();
    struct peer_front f;

    (void)state;
    rig_init_back(r);
    peer_front_open(&f, r->pair, 0);
    f.rx->req_prod = splitio_le32(257);
    link = peer_front_link(&f, SPLITIO_NETIF_F_ALL);
    assert_int_equal(splitio_netback_connect(&r->back, PAIR_GUEST, &link),
                     SPLITIO_EPROTO);
    f.rx->req_prod = splitio_le32(0);
    link.queues[0].tx_gref = 4000;
    assert_true(splitio_netback_connect(&r->back, PAIR_GUEST, &link) < 0);
    link = peer_front_link(&f, SPLITIO_NETIF_F_ALL);
    link.queues[0].tx_evtchn = link.queues[0].rx_evtchn = 60;
    assert_true(splitio_netback_connect(&r->back, PAIR_GUEST, &link) < 0);
    link = peer_front_link(&f, SPLITIO_NETIF_F_ALL);
    link.nr_queues = 2;
    assert_int_equal(splitio_netback_connect(&r->back, PAIR_GUEST, &link),
                     SPLITIO_EINVAL);
    link.nr_queues = 0;
    assert_int_equal(splitio_netback_connect(&r->back, PAIR_GUEST, &link),
                     SPLITIO_EINVAL);
    link.nr_queues = 1;
    assert_int_equal(splitio_netback_connect(&r->back, PAIR_GUEST, &link), 0);
    assert_int_equal(splitio_netback_connect(&r->back, PAIR_GUEST, &link),
                     SPLITIO_EEXIST);
    splitio_netback_disconnect(&r->back);
    peer_front_close(&f);
    rig_delete(r);
}

/* A front that never stops producing gets no more than the budget. */
static void endless_production_is_bounded_by_the_budget(void **state)
{
    struct scene s;
    unsigned i, j;

    (void)state;
    open_scene(&s);
    for (i = 0; i < 100; i++) {
        struct splitio_netif_tx_response rsp;

        while (s.front.tx_prod - s.front.tx_cons < 256)
            put_chain(&s, 1, true);
        peer_front_push(&s.front);
        assert_int_equal(splitio_netback_poll(&s.rig->back, 10), 10);
        for (j = 0; j < 10; j++)
            assert_true(peer_front_tx_rsp(&s.front, &rsp));
        expect_no_rsp(&s);
        queue_clear(&s.rig->nic.out);
    }
    close_scene(&s);
}

/* While bytes are copied the front rewrites everything it can reach: answers
 * and frames must be those of the first reading (T01). */
static void scribble(void *arg)
{
    struct scene *s = arg;
    uint8_t *slots = (uint8_t *)(s->front.tx + 1);
    unsigned i;

    for (i = 0;
         i < SPLITIO_NETIF_RING_SLOTS * sizeof(struct splitio_netif_tx_request);
         i++)
        slots[i] = (uint8_t)rnd();
}

static void slots_rewritten_after_reading_change_nothing(void **state)
{
    struct scene s;
    unsigned i;

    (void)state;
    rnd_seed(110);
    open_scene(&s);
    s.rig->pair->on_copy = scribble;
    s.rig->pair->on_copy_arg = &s;
    for (i = 0; i < 200; i++) {
        struct kept k = make_noise(1000), got;
        unsigned nr = 1 + rnd() % 18, j;
        uint16_t id = s.front.id;

        put_cut(&s, &k, nr, 0);
        assert_int_equal(turn(&s), 0);
        got = queue_get(&s.rig->nic.out);
        assert_same_bytes(&k, &got);
        kept_free(&k);
        kept_free(&got);
        for (j = 0; j < nr; j++)
            expect_rsp(&s, (uint16_t)(id + j), SPLITIO_NETIF_RSP_OKAY);
    }
    close_scene(&s);
}

/* Whatever is on the ring: each slot taken is answered once, or the device is
 * broken; and a new connection works. */
static void garbage_is_answered_or_breaks(void **state)
{
    unsigned round, i, broken = 0, sent = 0;

    (void)state;
    rnd_seed(120);
    for (round = 0; round < 150; round++) {
        struct splitio_netif_tx_response rsp;
        struct scene s;
        int n = 0;

        open_at(&s, rnd() << 8);
        s.rig->nic.send_room = UINT_MAX;
        for (i = 0; i < 40 && n == 0; i++) {
            unsigned slots = rnd() % 30;

            while (slots-- > 0 && s.front.tx_prod - s.front.tx_cons < 256) {
                union splitio_netif_tx_slot *slot = peer_front_tx(&s.front);

                slot->req.gref = s.front.grefs[rnd() % PEER_PAGES];
                slot->req.offset = (uint16_t)(rnd() % 3000);
                slot->req.id = (uint16_t)rnd();
                slot->req.size = (uint16_t)(rnd() % 1200);
                slot->req.flags = (uint16_t)(rnd() % 64 ? rnd() % 4 : rnd());
                if (rnd() % 8 == 0)
                    slot->req.flags |= SPLITIO_NETTXF_MORE_DATA;
                splitio_netif_tx_request_swap(&slot->req);
            }
            s.front.tx->rsp_event = splitio_le32(rnd());
            n = turn(&s);
            while (peer_front_tx_rsp(&s.front, &rsp))
                ;
            if (n == 0)
                assert_int_equal(s.front.tx_cons, s.front.tx_prod);
        }
        broken += n < 0;
        sent += queue_len(&s.rig->nic.out);
        close_scene(&s);
    }
    assert_true(broken > 10);
    assert_true(sent > 100);
}

static void put_in(struct scene *s, uint32_t len_bytes)
{
    struct kept k = make_noise(len_bytes);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);

    queue_put(&s->rig->nic.in, &f);
    kept_free(&k);
}

/* One slot where two are needed: an event that does not help, then one that
 * does (T28). */
static void slots_one_by_one_are_waited_for(void **state)
{
    union splitio_netif_rx_slot rsp;
    struct scene s;
    unsigned i;

    (void)state;
    open_scene(&s);
    put_in(&s, 4 * 4096);
    for (i = 0; i < 4; i++) {
        assert_int_equal(turn(&s), 0);
        assert_false(peer_front_rx_rsp(&s.front, &rsp));
        peer_front_lend(&s.front, s.front.grefs[i]);
    }
    assert_int_equal(turn(&s), 0);
    for (i = 0; i < 4; i++) {
        assert_true(peer_front_rx_rsp(&s.front, &rsp));
        assert_int_equal(rsp.rsp.id, i);
        assert_int_equal(rsp.rsp.status, 4096);
        assert_int_equal(rsp.rsp.flags, i < 3 ? SPLITIO_NETRXF_MORE_DATA : 0);
    }
    close_scene(&s);
}

static void pages_that_cannot_be_written_get_an_error(void **state)
{
    static const uint32_t lengths[] = {100, 3000};
    union splitio_netif_rx_slot rsp;
    unsigned i;

    (void)state;
    for (i = 0; i < 2; i++) {
        struct scene s;

        open_scene(&s);
        peer_front_lend(&s.front, 4000);
        peer_front_lend(&s.front, s.front.grefs[0]);
        put_in(&s, lengths[i]);
        put_in(&s, lengths[i]);
        assert_int_equal(turn(&s), 0);
        assert_true(peer_front_rx_rsp(&s.front, &rsp));
        assert_int_equal(rsp.rsp.status, SPLITIO_NETIF_RSP_ERROR);
        assert_true(peer_front_rx_rsp(&s.front, &rsp));
        assert_int_equal(rsp.rsp.status, lengths[i]);
        assert_int_equal(s.rig->back.stats.rx_faults, 1);
        close_scene(&s);
    }
}

/* Extras carry no byte of the host, and nothing else does. */
static void responses_have_no_stray_bytes(void **state)
{
    struct splitio_netif_extra extra, gso = {
                                          .type = SPLITIO_NETIF_EXTRA_GSO,
                                          .u.gso = {.size = 1000, .type = 1},
                                      };
    union splitio_netif_rx_slot rsp;
    struct kept k = make_gso(4, 5000, 1000);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);
    struct scene s;
    unsigned i;

    (void)state;
    open_scene(&s);
    for (i = 0; i < 3; i++)
        peer_front_lend(&s.front, s.front.grefs[i]);
    queue_put(&s.rig->nic.in, &f);
    assert_int_equal(turn(&s), 0);
    assert_true(peer_front_rx_rsp(&s.front, &rsp));
    assert_int_equal(rsp.rsp.flags, 0xf);
    assert_int_equal(rsp.rsp.offset, 0);
    assert_true(peer_front_rx_extra(&s.front, &extra));
    gso.u.gso.size = splitio_le16(gso.u.gso.size);
    assert_memory_equal(&extra, &gso, 8);
    assert_true(peer_front_rx_rsp(&s.front, &rsp));
    assert_int_equal(rsp.rsp.id, 2);
    assert_int_equal(rsp.rsp.status, 904);
    assert_int_equal(rsp.rsp.flags, 0);
    kept_free(&k);
    close_scene(&s);
}

/* Each single copy of a run fails once: one frame is lost, nothing else. */
/* Headroom in every page, told of once, after what is told about segments. */
static void headroom_is_in_every_slot(void **state)
{
    struct splitio_netif_extra extra;
    union splitio_netif_rx_slot rsp;
    struct kept k = make_gso(4, 5000, 1000);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);
    struct scene s;
    unsigned i;

    (void)state;
    open_scene(&s);
    s.rig->back.headroom = 1000;
    memset(s.front.pages[0], 0xa5, 4096);
    for (i = 0; i < 4; i++)
        peer_front_lend(&s.front, s.front.grefs[i]);
    queue_put(&s.rig->nic.in, &f);
    assert_int_equal(turn(&s), 0);
    assert_true(peer_front_rx_rsp(&s.front, &rsp));
    assert_int_equal(rsp.rsp.flags, 0xf);
    assert_int_equal(rsp.rsp.offset, 1000);
    assert_int_equal(rsp.rsp.status, 3096);
    assert_true(peer_front_rx_extra(&s.front, &extra));
    assert_int_equal(extra.type, SPLITIO_NETIF_EXTRA_GSO);
    assert_int_equal(extra.flags, SPLITIO_NETIF_EXTRA_FLAG_MORE);
    assert_true(peer_front_rx_extra(&s.front, &extra));
    assert_int_equal(extra.type, SPLITIO_NETIF_EXTRA_XDP);
    assert_int_equal(extra.flags, 0);
    assert_int_equal(splitio_le16(extra.u.xdp.headroom), 1000);
    assert_int_equal(extra.u.xdp.pad[0] | extra.u.xdp.pad[1], 0);
    assert_true(peer_front_rx_rsp(&s.front, &rsp));
    assert_int_equal(rsp.rsp.offset, 1000);
    assert_int_equal(rsp.rsp.status, 1904);
    assert_int_equal(rsp.rsp.flags, 0);
    for (i = 0; i < 1000; i++)
        assert_int_equal(((uint8_t *)s.front.pages[0])[i], 0xa5);
    assert_memory_equal((uint8_t *)s.front.pages[0] + 1000, k.bytes, 3096);
    kept_free(&k);
    close_scene(&s);
}

static void each_copy_failing_costs_one_frame(void **state)
{
    uint64_t at;
    unsigned i;

    (void)state;
    for (at = 1; at < 60; at++) {
        struct net_rig *r = rig_new();
        unsigned got;

        rnd_seed(130);
        rig_join(r);
        rig_run(r);
        r->pair->fail_copy = at;
        for (i = 0; i < 6; i++) {
            struct kept k = make_noise(14 + rnd() % 20000);
            struct splitio_iovec iov;
            struct splitio_frame f = kept_frame(&k, &iov, 1);

            queue_put(&r->nic.in, &f);
            assert_int_equal(splitio_netfront_send(&r->front, &f), 0);
            kept_free(&k);
        }
        splitio_netfront_kick(&r->front);
        rig_run(r);
        got = queue_len(&r->received) + queue_len(&r->nic.out);
        assert_int_equal(got, r->pair->nr_copies < at ? 12 : 11);
        assert_int_equal(splitio_netfront_in_flight(&r->front), 0);
        if (r->pair->nr_copies < at) {
            rig_delete(r);
            return;
        }
        rig_delete(r);
    }
    fail_msg("more copies than expected");
}

/* Each resource failing while connecting: nothing is held, and it can be tried
 * again. */
static void each_failure_to_connect_leaves_nothing(void **state)
{
    uint64_t at;
    bool done = false;

    (void)state;
    for (at = 1; !done; at++) {
        struct splitio_netif_offer offer;
        struct net_rig *r = rig_new();

        r->back_config.max_queues = r->front_config.max_queues = 2;
        r->front_config.nr_tx_pages = 18;
        r->front_config.nr_rx_pages = 4;
        rig_init_back(r);
        rig_init_front(r);
        splitio_netback_offer(&r->back, &offer);
        r->pair->fail_guest_op = at;
        done = splitio_netfront_connect(&r->front, 0, &offer, &r->link) == 0;
        if (!done)
            assert_int_equal(
                splitio_netfront_connect(&r->front, 0, &offer, &r->link), 0);
        r->pair->fail_host_op = at;
        if (splitio_netback_connect(&r->back, PAIR_GUEST, &r->link) != 0) {
            assert_true(at <= 8);
            assert_int_equal(
                splitio_netback_connect(&r->back, PAIR_GUEST, &r->link), 0);
        }
        rig_run(r);
        rig_delete(r);
    }
    assert_int_equal(at - 2, 2 * (2 * (2 + 18 + 4) + 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_too_long_are_answered_or_fatal),
        cmocka_unit_test(chain_that_is_cut_is_fatal),
        cmocka_unit_test(bad_reference_costs_its_frame_only),
        cmocka_unit_test(same_page_in_all_slots_is_a_frame),
        cmocka_unit_test(headers_in_pieces_are_put_together),
        cmocka_unit_test(ring_full_of_longest_chains_is_carried),
        cmocka_unit_test(all_cuts_of_a_short_frame_are_put_together),
        cmocka_unit_test(offloads_against_the_bytes_are_dropped),
        cmocka_unit_test(segmentation_not_offered_is_dropped),
        cmocka_unit_test(segmentation_without_blank_checksum_is_put_right),
        cmocka_unit_test(multicast_change_is_answered),
        cmocka_unit_test(multicast_change_not_offered_is_an_error),
        cmocka_unit_test(multicast_list_is_bounded),
        cmocka_unit_test(extras_without_sense_break_the_device),
        cmocka_unit_test(impossible_indices_break_the_device),
        cmocka_unit_test(rings_with_impossible_indices_do_not_connect),
        cmocka_unit_test(endless_production_is_bounded_by_the_budget),
        cmocka_unit_test(slots_rewritten_after_reading_change_nothing),
        cmocka_unit_test(garbage_is_answered_or_breaks),
        cmocka_unit_test(slots_one_by_one_are_waited_for),
        cmocka_unit_test(pages_that_cannot_be_written_get_an_error),
        cmocka_unit_test(responses_have_no_stray_bytes),
        cmocka_unit_test(headroom_is_in_every_slot),
        cmocka_unit_test(each_copy_failing_costs_one_frame),
        cmocka_unit_test(each_failure_to_connect_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
