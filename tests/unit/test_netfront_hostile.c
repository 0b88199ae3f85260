/* SPDX-License-Identifier: BSD-2-Clause */
/* netfront against a back that follows no rules (T01, T03, T08-T10, T20). */
#include "cm.h"
#include "net_rig.h"

#include <string.h>

/* A back that writes to the rings whatever a test wants. */
struct scene {
    struct net_rig *rig;
    struct splitio_sring *tx, *rx;
    uint32_t tx_cons, tx_prod, rx_cons, rx_prod;
};

static void open_at(struct scene *s, uint32_t index, uint32_t features)
{
    struct splitio_netif_offer offer = {
        .features = features, .max_queues = 1, .split_evtchn = false};
    struct net_rig *r = rig_new();

    memset(s, 0, sizeof(*s));
    s->rig = r;
    r->front_config.ring_index = index;
    rig_init_front(r);
    assert_int_equal(splitio_netfront_connect(&r->front, 0, &offer, &r->link),
                     0);
    s->tx = pair_granted(r->pair, r->link.queues[0].tx_gref);
    s->rx = pair_granted(r->pair, r->link.queues[0].rx_gref);
    s->tx_cons = s->tx_prod = s->rx_cons = s->rx_prod = index;
}

static void open_scene(struct scene *s)
{
    open_at(s, 0, SPLITIO_NETIF_F_ALL);
}

static void close_scene(struct scene *s)
{
    rig_delete(s->rig);
}

static union splitio_netif_tx_slot *tx_slot(struct scene *s, uint32_t index)
{
    return (union splitio_netif_tx_slot *)(s->tx + 1) +
           index % SPLITIO_NETIF_RING_SLOTS;
}

static union splitio_netif_rx_slot *rx_slot(struct scene *s, uint32_t index)
{
    return (union splitio_netif_rx_slot *)(s->rx + 1) +
           index % SPLITIO_NETIF_RING_SLOTS;
}

/* The page that the front has lent in an rx slot. */
static uint8_t *rx_page(struct scene *s, uint32_t index)
{
    const struct splitio_netif_rx_request *req =
        (const void *)rx_slot(s, index);

    return pair_granted(s->rig->pair, splitio_le32(req->gref));
}

static void put_rx(struct scene *s, uint16_t id, uint16_t offset, int status,
                   uint16_t flags)
{
    union splitio_netif_rx_slot *slot = rx_slot(s, s->rx_prod++);

    slot->rsp.id = id;
    slot->rsp.offset = offset;
    slot->rsp.status = (int16_t)status;
    slot->rsp.flags = flags;
    splitio_netif_rx_response_swap(&slot->rsp);
}

static void put_tx(struct scene *s, uint16_t id, int status)
{
    struct splitio_netif_tx_response *rsp = (void *)tx_slot(s, s->tx_prod++);

    rsp->id = id;
    rsp->status = (int16_t)status;
    splitio_netif_tx_response_swap(rsp);
}

static int turn(struct scene *s)
{
    int n;

    s->tx->rsp_prod = splitio_le32(s->tx_prod);
    s->rx->rsp_prod = splitio_le32(s->rx_prod);
    do
        n = splitio_netfront_poll(&s->rig->front, 16);
    while (n > 0);
    assert_true(splitio_netfront_is_valid(&s->rig->front));
    return n;
}

static int send_noise(struct scene *s, uint32_t len_bytes)
{
    struct kept k = make_noise(len_bytes);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);
    int err = splitio_netfront_send(&s->rig->front, &f);

    kept_free(&k);
    splitio_netfront_kick(&s->rig->front);
    return err;
}

static void answers_to_nothing_break_the_device(void **state)
{
    static const uint32_t starts[] = {0, 0x7fffffffu, 0xfffffffeu};
    static const uint32_t jumps[] = {257, 1000, 0x80000000u, 0xffffffffu};
    unsigned a, b, ring;

    (void)state;
    for (a = 0; a < SPLITIO_ARRAY_LEN(starts); a++) {
        for (b = 0; b < SPLITIO_ARRAY_LEN(jumps); b++) {
            for (ring = 0; ring < 2; ring++) {
                struct scene s;

                open_at(&s, starts[a], SPLITIO_NETIF_F_ALL);
                if (ring == 0)
                    s.tx_prod += jumps[b];
                else
                    s.rx_prod += jumps[b];
                assert_int_equal(turn(&s), SPLITIO_EPROTO);
                assert_int_equal(send_noise(&s, 100), SPLITIO_EPROTO);
                assert_int_equal(turn(&s), SPLITIO_EPROTO);
                close_scene(&s);
            }
        }
    }
}

/* Ids out of range, never sent, or answered twice. */
static void tx_ids_that_are_not_out_break_the_device(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < 4; i++) {
        struct scene s;
        uint16_t id;

        open_scene(&s);
        assert_int_equal(send_noise(&s, 100), 0);
        assert_int_equal(send_noise(&s, 100), 0);
        id = splitio_le16(tx_slot(&s, 0)->req.id);
        switch (i) {
        case 0:
            put_tx(&s, 256, 0);
            break;
        case 1:
            put_tx(&s, 65535, 0);
            break;
        case 2:
            put_tx(&s, (uint16_t)(id ^ 128), 0);
            break;
        default:
            put_tx(&s, id, 0);
            put_tx(&s, id, 0);
            break;
        }
        assert_int_equal(turn(&s), SPLITIO_EPROTO);
        close_scene(&s);
    }
}

/* Errors and answers for extras, in any order: taken. Ids that a back keeps for
 * ever only narrow the room. */
static void tx_answers_of_all_kinds_are_taken(void **state)
{
    struct scene s;
    unsigned i;

    (void)state;
    open_scene(&s);
    for (i = 0; i < 8; i++)
        assert_int_equal(send_noise(&s, 100), 0);
    put_tx(&s, 60000, SPLITIO_NETIF_RSP_NULL);
    for (i = 7; i > 0; i--)
        put_tx(&s, splitio_le16(tx_slot(&s, i)->req.id),
               i & 1 ? SPLITIO_NETIF_RSP_ERROR : SPLITIO_NETIF_RSP_DROPPED);
    assert_int_equal(turn(&s), 0);
    assert_int_equal(splitio_netfront_in_flight(&s.rig->front), 1);
    assert_true(s.rig->front.stats.tx_errors > 0);
    close_scene(&s);
}

static void rx_lies_break_the_device(void **state)
{
    unsigned i, n;

    (void)state;
    for (i = 0; i < 6; i++) {
        struct scene s;

        open_scene(&s);
        switch (i) {
        case 0:
            put_rx(&s, 1, 0, 100, 0);
            break;
        case 1:
            put_rx(&s, 0, 3997, 100, 0);
            break;
        case 2:
            put_rx(&s, 0, 0, 4097, 0);
            break;
        case 3:
            put_rx(&s, 0, 65535, 0, 0);
            break;
        case 4:
            put_rx(&s, 0, 0, 100, SPLITIO_NETRXF_MORE_DATA);
            break;
        default:
            for (n = 0; n < 21; n++)
                put_rx(&s, (uint16_t)n, 0, 100, SPLITIO_NETRXF_MORE_DATA);
            put_rx(&s, 21, 0, 100, 0);
            break;
        }
        assert_int_equal(turn(&s), SPLITIO_EPROTO);
        assert_int_equal(queue_len(&s.rig->received), 0);
        close_scene(&s);
    }
}

static void rx_frames_with_errors_are_dropped(void **state)
{
    struct scene s;
    unsigned i;

    (void)state;
    open_scene(&s);
    put_rx(&s, 0, 0, SPLITIO_NETIF_RSP_ERROR, 0);
    put_rx(&s, 1, 0, 100, SPLITIO_NETRXF_MORE_DATA);
    put_rx(&s, 2, 0, SPLITIO_NETIF_RSP_DROPPED, 0);
    put_rx(&s, 3, 0, 13, 0);
    put_rx(&s, 4, 0, 0, 0);
    for (i = 5; i < 24; i++) /* 19 slots */
        put_rx(&s, (uint16_t)i, 0, 4096, i < 23 ? SPLITIO_NETRXF_MORE_DATA : 0);
    /* a blank checksum in no TCP frame */
    put_rx(&s, 24, 0, 100, SPLITIO_NETRXF_CSUM_BLANK);
    assert_int_equal(turn(&s), 0);
    assert_int_equal(queue_len(&s.rig->received), 0);
    assert_int_equal(s.rig->front.stats.rx_errors, 6);
    /* ... and the slots are lent again. */
    assert_int_equal(splitio_le32(s.rx->req_prod), 256 + 25);
    close_scene(&s);
}

static void rx_gso(struct scene *s, uint8_t type, uint16_t size)
{
    union splitio_netif_rx_slot *slot = rx_slot(s, s->rx_prod++);

    memset(slot, 0, sizeof(*slot));
    slot->extra.type = SPLITIO_NETIF_EXTRA_GSO;
    slot->extra.u.gso.type = type;
    slot->extra.u.gso.size = splitio_le16(size);
}

static void rx_segmentation_against_the_bytes_is_dropped(void **state)
{
    static const struct {
        uint8_t type;
        uint16_t size;
        bool ok;
    } cases[] = {
        {SPLITIO_NETIF_GSO_TCPV4, 1000, true},
        {SPLITIO_NETIF_GSO_TCPV6, 1000, false},
        {SPLITIO_NETIF_GSO_TCPV4, 0, false},
        {SPLITIO_NETIF_GSO_TCPV4, 7, false},
        {3, 1000, false},
    };
    unsigned i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(cases); i++) {
        struct kept k = make_gso(4, 3000, 1000), got;
        struct scene s;

        open_scene(&s);
        memcpy(rx_page(&s, 0), k.bytes, 3000);
        put_rx(&s, 0, 0, 3000,
               SPLITIO_NETRXF_CSUM_BLANK | SPLITIO_NETRXF_EXTRA_INFO);
        rx_gso(&s, cases[i].type, cases[i].size);
        assert_int_equal(turn(&s), 0);
        assert_int_equal(queue_len(&s.rig->received), cases[i].ok);
        if (cases[i].ok) {
            got = queue_get(&s.rig->received);
            assert_same(&k, &got);
            kept_free(&got);
        }
        kept_free(&k);
        close_scene(&s);
    }
}

static void rx_segmentation_without_blank_checksum_is_put_right(void **state)
{
    struct kept k = make_gso(6, 3000, 1000), got;
    struct scene s;

    (void)state;
    open_scene(&s);
    memcpy(rx_page(&s, 0), k.bytes, 3000);
    rx_page(&s, 0)[54 + 16] ^= 0x55;
    put_rx(&s, 0, 0, 3000, SPLITIO_NETRXF_EXTRA_INFO);
    rx_gso(&s, SPLITIO_NETIF_GSO_TCPV6, 1000);
    assert_int_equal(turn(&s), 0);
    got = queue_get(&s.rig->received);
    assert_same(&k, &got);
    kept_free(&got);
    kept_free(&k);
    close_scene(&s);
}

/* A back that sends blank checksums to a front that has not offered that. */
static void rx_checksum_not_offered_is_filled_in(void **state)
{
    struct splitio_netif_offer offer = {.features = SPLITIO_NETIF_F_ALL};
    struct kept k = make_ip(4, SPLITIO_PACKET_TCP, 1200, true), got;
    struct net_rig *r = rig_new();
    struct scene s = {.rig = r};

    (void)state;
    r->front_config.features = SPLITIO_NETIF_F_SG;
    rig_init_front(r);
    assert_int_equal(splitio_netfront_connect(&r->front, 0, &offer, &r->link),
                     0);
    s.tx = pair_granted(r->pair, r->link.queues[0].tx_gref);
    s.rx = pair_granted(r->pair, r->link.queues[0].rx_gref);
    memcpy(rx_page(&s, 0), k.bytes, 1200);
    put_rx(&s, 0, 0, 1200, SPLITIO_NETRXF_CSUM_BLANK);
    assert_int_equal(turn(&s), 0);
    got = queue_get(&r->received);
    assert_int_equal(got.flags, SPLITIO_FRAME_CSUM_VALID);
    assert_true(csum_is_right(&got));
    kept_free(&got);
    kept_free(&k);
    close_scene(&s);
}

/* The headers that the receiver sees are those that were checked, whatever the
 * back does to its pages meanwhile. */
static struct scene *flipping;
static uint8_t *flipped_page;
static uint8_t want_head[SPLITIO_PACKET_HEAD_BYTES];

static void flip_and_look(void *arg, const struct splitio_frame *f)
{
    (void)arg;
    memset(flipped_page, 0xff, 4096);
    assert_int_equal(f->flags, SPLITIO_FRAME_CSUM_PARTIAL);
    assert_int_equal(f->csum_start, 34);
    assert_int_equal(f->iov[0].len_bytes, sizeof(want_head));
    assert_memory_equal(f->iov[0].base, want_head, sizeof(want_head));
    flipping->rig->room++;
}

static void rx_headers_cannot_be_changed_after_the_check(void **state)
{
    struct kept k = make_ip(4, SPLITIO_PACKET_TCP, 1200, true);
    struct scene s;

    (void)state;
    open_scene(&s);
    flipping = &s;
    flipped_page = rx_page(&s, 0);
    s.rig->front.config.receive = flip_and_look;
    memcpy(want_head, k.bytes, sizeof(want_head));
    memcpy(rx_page(&s, 0), k.bytes, 1200);
    put_rx(&s, 0, 0, 1200, SPLITIO_NETRXF_CSUM_BLANK);
    assert_int_equal(turn(&s), 0);
    assert_int_equal(s.rig->room, 1);
    kept_free(&k);
    close_scene(&s);
}

/* What is shared at first is zero; slots are written whole. */
static void nothing_of_the_guest_is_shared_but_frames(void **state)
{
    static const uint8_t zero[4096];
    struct splitio_netif_extra gso = {
        .type = SPLITIO_NETIF_EXTRA_GSO,
        .u.gso = {.size = splitio_le16(1000), .type = 1},
    };
    uint8_t slot[12] = {0};
    struct kept k = make_gso(4, 5000, 1000);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);
    const uint8_t *page;
    struct scene s;
    unsigned i;

    (void)state;
    open_scene(&s);
    for (i = 0; i < 256; i++) {
        const struct splitio_netif_rx_request *req =
            (const void *)rx_slot(&s, i);

        assert_int_equal(splitio_le16(req->id), i);
        assert_int_equal(req->pad, 0);
        assert_memory_equal(rx_page(&s, i), zero, 4096);
    }
    memset(s.tx + 1, 0xa5, 4096 - sizeof(*s.tx));
    assert_int_equal(splitio_netfront_send(&s.rig->front, &f), 0);
    splitio_netfront_kick(&s.rig->front);
    assert_int_equal(splitio_le32(s.tx->req_prod), 3);
    memcpy(slot, &gso, sizeof(gso));
    assert_memory_equal(tx_slot(&s, 1), slot, 12);
    assert_int_equal(splitio_le16(tx_slot(&s, 0)->req.size), 5000);
    assert_int_equal(splitio_le16(tx_slot(&s, 0)->req.flags), 0xf);
    assert_int_equal(splitio_le16(tx_slot(&s, 2)->req.size), 904);
    assert_int_equal(splitio_le16(tx_slot(&s, 2)->req.flags), 0);
    page = pair_granted(s.rig->pair, splitio_le32(tx_slot(&s, 2)->req.gref));
    assert_memory_equal(page, k.bytes + 4096, 904);
    assert_memory_equal(page + 904, zero, 4096 - 904);
    kept_free(&k);
    close_scene(&s);
}

/* A ring that lies is found out by whoever looks at it first. */
static void multicast_change_meets_a_broken_ring(void **state)
{
    uint8_t group[6] = {1, 0, 0x5e, 0, 0, 0};
    struct scene s;
    unsigned i;

    (void)state;
    open_scene(&s);
    while (send_noise(&s, 100) == 0)
        ;
    s.tx->rsp_prod = splitio_le32(s.tx_prod + 1000);
    for (i = 0; i < 3; i++) {
        group[5] = (uint8_t)i;
        assert_int_equal(splitio_netfront_mcast_add(&s.rig->front, group), 0);
        assert_false(splitio_netfront_is_up(&s.rig->front));
    }
    assert_int_equal(send_noise(&s, 100), SPLITIO_EPROTO);
    close_scene(&s);
}

/* Answers to a multicast change that are none, and then one. */
static void multicast_change_has_one_answer(void **state)
{
    static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1};
    struct scene s;
    uint16_t id;

    (void)state;
    open_scene(&s);
    assert_int_equal(splitio_netfront_mcast_add(&s.rig->front, group), 0);
    assert_int_equal(splitio_le16(tx_slot(&s, 0)->req.flags),
                     SPLITIO_NETTXF_EXTRA_INFO);
    assert_int_equal(tx_slot(&s, 0)->req.size, 0);
    assert_int_equal(tx_slot(&s, 1)->extra.type, SPLITIO_NETIF_EXTRA_MCAST_ADD);
    assert_memory_equal(tx_slot(&s, 1)->extra.u.mcast.addr, group, 6);
    id = splitio_le16(tx_slot(&s, 0)->req.id);
    put_tx(&s, id, SPLITIO_NETIF_RSP_ERROR);
    put_tx(&s, 0, SPLITIO_NETIF_RSP_NULL);
    assert_int_equal(turn(&s), 0);
    assert_int_equal(s.rig->front.stats.mcast_refused, 1);
    assert_int_equal(splitio_netfront_in_flight(&s.rig->front), 0);
    close_scene(&s);
}

/* The back keeps pages mapped: they go to quarantine, and come back later. */
static void pages_that_the_back_keeps_are_not_used_again(void **state)
{
    struct scene s;
    struct pair *p;
    struct splitio_grant_map maps[3];
    struct splitio_grant_unmap unmaps[3];
    unsigned i, n;

    (void)state;
    open_scene(&s);
    p = s.rig->pair;
    assert_int_equal(send_noise(&s, 100), 0);
    memset(maps, 0, sizeof(maps));
    for (i = 0; i < 3; i++)
        maps[i].domid = PAIR_GUEST;
    maps[0].gref = s.rig->link.queues[0].tx_gref;
    maps[1].gref = splitio_le32(tx_slot(&s, 0)->req.gref);
    maps[1].read_only = true;
    maps[2].gref = splitio_le32(
        ((const struct splitio_netif_rx_request *)(const void *)rx_slot(&s, 9))
            ->gref);
    assert_int_equal(p->real_host.ops->map(p->real_host.ctx, maps, 3), 0);
    splitio_netfront_disconnect(&s.rig->front);
    assert_int_equal(splitio_guest_nr_lent(&p->guest), 3);
    for (n = 0; n < 3; n++) {
        struct splitio_netif_offer offer = {.features = SPLITIO_NETIF_F_ALL};

        assert_int_equal(
            splitio_netfront_connect(&s.rig->front, 0, &offer, &s.rig->link),
            0);
        splitio_netfront_disconnect(&s.rig->front);
    }
    assert_int_equal(splitio_guest_nr_lent(&p->guest), 3);
    for (i = 0; i < 3; i++)
        unmaps[i].handle = maps[i].handle;
    assert_int_equal(p->real_host.ops->unmap(p->real_host.ctx, unmaps, 3), 0);
    close_scene(&s);
}

/* A tx page is lent for reading only. */
static void tx_pages_cannot_be_written_by_the_back(void **state)
{
    struct splitio_grant_map map = {.domid = PAIR_GUEST};
    struct scene s;
    struct pair *p;

    (void)state;
    open_scene(&s);
    p = s.rig->pair;
    assert_int_equal(send_noise(&s, 100), 0);
    map.gref = splitio_le32(tx_slot(&s, 0)->req.gref);
    assert_int_equal(p->real_host.ops->map(p->real_host.ctx, &map, 1), 1);
    close_scene(&s);
}

static void garbage_is_survived(void **state)
{
    unsigned round, i, broken = 0, received = 0;

    (void)state;
    rnd_seed(140);
    for (round = 0; round < 300; round++) {
        struct scene s;
        int n = 0;

        open_at(&s, rnd() << 8, SPLITIO_NETIF_F_ALL);
        for (i = 0; i < 20 && n == 0; i++) {
            unsigned slots = rnd() % 12;

            (void)send_noise(&s, 14 + rnd() % 9000);
            while (slots-- > 0) {
                uint32_t id = s.rx_prod & 255;

                put_rx(&s, (uint16_t)(rnd() % 64 ? id : rnd()),
                       (uint16_t)(rnd() % 100), (int)(rnd() % 2000) - 10,
                       (uint16_t)(rnd() % 32 ? rnd() % 4 : rnd() % 32));
            }
            if (rnd() % 2)
                put_tx(&s, splitio_le16(tx_slot(&s, s.tx_prod)->req.id), 0);
            s.tx->req_event = splitio_le32(rnd());
            s.rx->req_event = splitio_le32(rnd());
            n = turn(&s);
        }
        broken += n < 0;
        received += queue_len(&s.rig->received);
        close_scene(&s);
    }
    assert_true(broken > 10);
    assert_true(received > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_to_nothing_break_the_device),
        cmocka_unit_test(tx_ids_that_are_not_out_break_the_device),
        cmocka_unit_test(tx_answers_of_all_kinds_are_taken),
        cmocka_unit_test(rx_lies_break_the_device),
        cmocka_unit_test(rx_frames_with_errors_are_dropped),
        cmocka_unit_test(rx_segmentation_against_the_bytes_is_dropped),
        cmocka_unit_test(rx_segmentation_without_blank_checksum_is_put_right),
        cmocka_unit_test(rx_checksum_not_offered_is_filled_in),
        cmocka_unit_test(rx_headers_cannot_be_changed_after_the_check),
        cmocka_unit_test(nothing_of_the_guest_is_shared_but_frames),
        cmocka_unit_test(multicast_change_meets_a_broken_ring),
        cmocka_unit_test(multicast_change_has_one_answer),
        cmocka_unit_test(pages_that_the_back_keeps_are_not_used_again),
        cmocka_unit_test(tx_pages_cannot_be_written_by_the_back),
        cmocka_unit_test(garbage_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
