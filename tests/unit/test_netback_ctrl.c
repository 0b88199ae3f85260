/* SPDX-License-Identifier: BSD-2-Clause */
/* netback's control ring: each message as it should be and as it should not. */
#include "cm.h"
#include "net_rig.h"
#include "peer_ctrl.h"
#include "peer_netfront.h"

#include <string.h>

#define QUEUES 2u
#define STAGED 48u

struct scene {
    struct net_rig *rig;
    struct peer_front fronts[QUEUES]; /* one for each queue */
    struct peer_ctrl ctrl;
    struct splitio_netif_link link;
};

static void open_at(struct scene *s, uint32_t index, uint32_t staged)
{
    struct net_rig *r = rig_new();
    unsigned i;

    memset(s, 0, sizeof(*s));
    s->rig = r;
    r->back_config.max_queues = QUEUES;
    r->back_config.staged_pages = staged;
    rig_init_back(r);
    for (i = 0; i < QUEUES; i++)
        peer_front_open(&s->fronts[i], r->pair, 0);
    peer_ctrl_open(&s->ctrl, r->pair, index);
    s->link = peer_front_link(&s->fronts[0], SPLITIO_NETIF_F_OFFLOADS);
    s->link.nr_queues = QUEUES;
    s->link.queues[1] = peer_front_link(&s->fronts[1], 0).queues[0];
    s->link.ctrl = peer_ctrl_link(&s->ctrl);
    assert_int_equal(splitio_netback_connect(&r->back, PAIR_GUEST, &s->link),
                     0);
}

static void open_scene(struct scene *s)
{
    open_at(s, 0, STAGED);
}

static void close_scene(struct scene *s)
{
    unsigned i;

    splitio_netback_disconnect(&s->rig->back);
    for (i = 0; i < QUEUES; i++)
        peer_front_close(&s->fronts[i]);
    peer_ctrl_close(&s->ctrl);
    /* net_rig has no front of its own here */
    rig_init_front(s->rig);
    rig_delete(s->rig);
}

static int turn(struct scene *s)
{
    int n;

    do {
        pair_step(s->rig->pair);
        n = splitio_netback_poll(&s->rig->back, 16);
        assert_true(splitio_netback_is_valid(&s->rig->back));
    } while (n > 0);
    return n;
}

/* The answer to one message; the status, and what goes with it. */
static uint32_t ask(struct scene *s, uint16_t type, uint32_t data0,
                    uint32_t data1, uint32_t data2, uint32_t *result)
{
    uint16_t id = peer_ctrl_put(&s->ctrl, type, data0, data1, data2);
    struct splitio_netif_ctrl_response rsp;

    peer_ctrl_push(&s->ctrl);
    assert_int_equal(turn(s), 0);
    assert_true(peer_ctrl_rsp(&s->ctrl, &rsp));
    assert_int_equal(rsp.id, id);
    assert_int_equal(rsp.type, type);
    if (result)
        *result = rsp.data;
    else
        assert_int_equal(rsp.data, 0);
    return rsp.status;
}

#define OK       SPLITIO_NETIF_CTRL_SUCCESS
#define UNKNOWN  SPLITIO_NETIF_CTRL_NOT_SUPPORTED
#define INVALID  SPLITIO_NETIF_CTRL_INVALID_PARAMETER
#define OVERFLOW SPLITIO_NETIF_CTRL_BUFFER_OVERFLOW

/* Page n of the first front, which no queue uses. */
static uint8_t *page(struct scene *s, unsigned n)
{
    return s->fronts[0].pages[n];
}

static splitio_gref_t gref(struct scene *s, unsigned n)
{
    return s->fronts[0].grefs[n];
}

static void types_that_nobody_knows_are_not_supported(void **state)
{
    static const uint16_t types[] = {0, 11, 12, 255, 256, 0x8001, 0xffff};
    struct scene s;
    unsigned i;

    (void)state;
    open_scene(&s);
    for (i = 0; i < SPLITIO_ARRAY_LEN(types); i++)
        assert_int_equal(ask(&s, types[i], 1, 2, 3, NULL), UNKNOWN);
    assert_int_equal(s.rig->back.stats.ctrl_messages, i);
    assert_int_equal(s.rig->back.stats.ctrl_refused, i);
    close_scene(&s);
}

static void algorithm_is_none_or_toeplitz(void **state)
{
    const uint16_t set = SPLITIO_NETIF_CTRL_SET_HASH_ALGORITHM;
    struct scene s;

    (void)state;
    open_scene(&s);
    assert_int_equal(ask(&s, set, 1, 0, 0, NULL), OK);
    assert_int_equal(ask(&s, set, 2, 0, 0, NULL), INVALID);
    assert_int_equal(ask(&s, set, UINT32_MAX, 0, 0, NULL), INVALID);
    assert_int_equal(ask(&s, SPLITIO_NETIF_CTRL_SET_HASH_FLAGS, 1, 0, 0, NULL),
                     OK);
    assert_int_equal(ask(&s, set, 0, 0, 0, NULL), OK);
    assert_int_equal(ask(&s, SPLITIO_NETIF_CTRL_SET_HASH_FLAGS, 1, 0, 0, NULL),
                     INVALID);
    close_scene(&s);
}

static void flags_need_an_algorithm_and_are_four(void **state)
{
    const uint16_t get = SPLITIO_NETIF_CTRL_GET_HASH_FLAGS;
    const uint16_t set = SPLITIO_NETIF_CTRL_SET_HASH_FLAGS;
    struct scene s;
    uint32_t flags = 0;

    (void)state;
    open_scene(&s);
    assert_int_equal(ask(&s, get, 0, 0, 0, NULL), UNKNOWN);
    assert_int_equal(ask(&s, set, 1, 0, 0, NULL), INVALID);
    assert_int_equal(
        ask(&s, SPLITIO_NETIF_CTRL_SET_HASH_ALGORITHM, 1, 0, 0, NULL), OK);
    assert_int_equal(ask(&s, get, 0, 0, 0, &flags), OK);
    assert_int_equal(flags, SPLITIO_NETIF_HASH_ALL);
    for (flags = 0; flags < 64; flags++)
        assert_int_equal(ask(&s, set, flags, 0, 0, NULL),
                         flags < 16 ? OK : INVALID);
    assert_int_equal(ask(&s, set, 0x80000001u, 0, 0, NULL), INVALID);
    close_scene(&s);
}

static void keys_of_all_lengths_are_taken_up_to_forty_bytes(void **state)
{
    const uint16_t set = SPLITIO_NETIF_CTRL_SET_HASH_KEY;
    static const uint32_t longer[] = {41, 4096, 4097, 0x80000000u, UINT32_MAX};
    struct scene s;
    uint32_t n, i;

    (void)state;
    open_scene(&s);
    for (i = 0; i < SPLITIO_PAGE_SIZE; i++)
        page(&s, 0)[i] = (uint8_t)(i + 1);
    for (n = 0; n <= SPLITIO_TOEPLITZ_KEY_BYTES; n++)
        assert_int_equal(ask(&s, set, gref(&s, 0), n, 0, NULL), OK);
    for (i = 0; i < SPLITIO_ARRAY_LEN(longer); i++)
        assert_int_equal(ask(&s, set, gref(&s, 0), longer[i], 0, NULL),
                         OVERFLOW);
    /* One that cannot be read; the one before stays. None needs no page. */
    assert_int_equal(ask(&s, set, 7000, 40, 0, NULL), INVALID);
    assert_int_equal(ask(&s, set, UINT32_MAX, 1, 0, NULL), INVALID);
    assert_int_equal(ask(&s, set, UINT32_MAX, 0, 0, NULL), OK);
    close_scene(&s);
}

static void write_table(struct scene *s, unsigned n, const uint32_t *queues,
                        unsigned nr)
{
    uint32_t *table = (void *)page(s, n);
    unsigned i;

    for (i = 0; i < nr; i++)
        table[i] = splitio_le32(queues[i]);
}

static void mapping_is_set_as_a_whole_and_in_parts(void **state)
{
    const uint16_t size = SPLITIO_NETIF_CTRL_SET_HASH_MAPPING_SIZE;
    const uint16_t set = SPLITIO_NETIF_CTRL_SET_HASH_MAPPING;
    static const uint32_t good[4] = {1, 0, 1, 1}, bad[4] = {0, 0, 2, 0};
    struct scene s;
    uint32_t most = 0;

    (void)state;
    open_scene(&s);
    assert_int_equal(
        ask(&s, SPLITIO_NETIF_CTRL_GET_HASH_MAPPING_SIZE, 0, 0, 0, &most), OK);
    assert_int_equal(most, SPLITIO_NETIF_HASH_MAPPING_MAX);
    write_table(&s, 0, good, 4);
    write_table(&s, 1, bad, 4);
    /* Nothing fits into no table but nothing. */
    assert_int_equal(ask(&s, set, gref(&s, 0), 1, 0, NULL), INVALID);
    assert_int_equal(ask(&s, set, gref(&s, 0), 0, 0, NULL), OK);
    assert_int_equal(ask(&s, size, most + 1, 0, 0, NULL), INVALID);
    assert_int_equal(ask(&s, size, UINT32_MAX, 0, 0, NULL), INVALID);
    assert_int_equal(ask(&s, size, most, 0, 0, NULL), OK);
    assert_int_equal(ask(&s, set, gref(&s, 0), 4, most - 4, NULL), OK);
    assert_int_equal(ask(&s, set, gref(&s, 0), 4, most - 3, NULL), INVALID);
    assert_int_equal(ask(&s, size, 6, 0, 0, NULL), OK);
    assert_int_equal(ask(&s, set, gref(&s, 0), 4, 0, NULL), OK);
    assert_int_equal(ask(&s, set, gref(&s, 0), 2, 4, NULL), OK);
    assert_int_equal(ask(&s, set, gref(&s, 0), 3, 4, NULL), INVALID);
    assert_int_equal(ask(&s, set, gref(&s, 0), 1, 6, NULL), INVALID);
    assert_int_equal(ask(&s, set, gref(&s, 0), 1, UINT32_MAX, NULL), INVALID);
    assert_int_equal(ask(&s, set, gref(&s, 0), UINT32_MAX, 1, NULL), OVERFLOW);
    assert_int_equal(ask(&s, set, gref(&s, 0), most + 1, 0, NULL), OVERFLOW);
    assert_int_equal(ask(&s, set, gref(&s, 1), 4, 0, NULL), INVALID);
    assert_int_equal(ask(&s, set, 7000, 4, 0, NULL), INVALID);
    assert_int_equal(ask(&s, size, 0, 0, 0, NULL), OK);
    close_scene(&s);
}

/* Which queue an incoming frame is put into: that with the answer. */
static unsigned queue_of_frame(struct scene *s, const struct kept *k)
{
    union splitio_netif_rx_slot rsp;
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(k, &iov, 1);
    unsigned i, found = QUEUES;

    for (i = 0; i < QUEUES; i++) {
        peer_front_lend(&s->fronts[i], s->fronts[i].grefs[40]);
        peer_front_lend(&s->fronts[i], s->fronts[i].grefs[41]);
        peer_front_push(&s->fronts[i]);
    }
    queue_put(&s->rig->nic.in, &f);
    assert_int_equal(turn(s), 0);
    for (i = 0; i < QUEUES; i++) {
        if (!peer_front_rx_rsp(&s->fronts[i], &rsp))
            continue;
        assert_int_equal(found, QUEUES);
        found = i;
        while (peer_front_rx_rsp(&s->fronts[i], &rsp))
            ;
    }
    assert_true(found < QUEUES);
    return found;
}

static void set_hash(struct scene *s, uint32_t kinds)
{
    unsigned i;

    for (i = 0; i < SPLITIO_TOEPLITZ_KEY_BYTES; i++)
        page(s, 0)[i] = (uint8_t)(i * 37 + 11);
    assert_int_equal(
        ask(s, SPLITIO_NETIF_CTRL_SET_HASH_ALGORITHM, 1, 0, 0, NULL), OK);
    assert_int_equal(ask(s, SPLITIO_NETIF_CTRL_SET_HASH_KEY, gref(s, 0),
                         SPLITIO_TOEPLITZ_KEY_BYTES, 0, NULL),
                     OK);
    assert_int_equal(
        ask(s, SPLITIO_NETIF_CTRL_SET_HASH_FLAGS, kinds, 0, 0, NULL), OK);
}

/* A new part of the table leaves the rest; a new size leaves nothing. */
static void parts_of_the_mapping_take_effect(void **state)
{
    static const uint32_t ones[8] = {1, 1, 1, 1, 1, 1, 1, 1}, zero = 0;
    struct kept k = make_ip(4, SPLITIO_PACKET_TCP, 200, false);
    struct splitio_netif_hash h = {.kinds = SPLITIO_NETIF_HASH_ALL};
    struct scene s;
    uint32_t value, i;

    (void)state;
    open_scene(&s);
    set_hash(&s, SPLITIO_NETIF_HASH_ALL);
    h.key_bytes = SPLITIO_TOEPLITZ_KEY_BYTES;
    memcpy(h.key, page(&s, 0), h.key_bytes);
    assert_int_equal(splitio_netif_hash_frame(&h, k.bytes, k.len_bytes, &value),
                     SPLITIO_HASH_IPV4_TCP);
    assert_int_equal(queue_of_frame(&s, &k), value % QUEUES);
    assert_int_equal(
        ask(&s, SPLITIO_NETIF_CTRL_SET_HASH_MAPPING_SIZE, 8, 0, 0, NULL), OK);
    assert_int_equal(queue_of_frame(&s, &k), 0);
    write_table(&s, 1, ones, 8);
    write_table(&s, 2, &zero, 1);
    assert_int_equal(
        ask(&s, SPLITIO_NETIF_CTRL_SET_HASH_MAPPING, gref(&s, 1), 8, 0, NULL),
        OK);
    assert_int_equal(queue_of_frame(&s, &k), 1);
    for (i = 0; i < 8; i++) {
        assert_int_equal(ask(&s, SPLITIO_NETIF_CTRL_SET_HASH_MAPPING,
                             gref(&s, 2), 1, i, NULL),
                         OK);
        assert_int_equal(queue_of_frame(&s, &k), i < value % 8);
    }
    kept_free(&k);
    close_scene(&s);
}

static void hostile_rings_end_the_connection(void **state)
{
    static const uint32_t starts[] = {0, 0x7fffffffu, 0xfffffffeu};
    static const uint32_t jumps[] = {PEER_CTRL_SLOTS + 1, 1000, 0x80000000u,
                                     UINT32_MAX};
    unsigned a, b;

    (void)state;
    for (a = 0; a < SPLITIO_ARRAY_LEN(starts); a++) {
        for (b = 0; b < SPLITIO_ARRAY_LEN(jumps); b++) {
            struct scene s;

            open_at(&s, starts[a], 0);
            assert_int_equal(
                ask(&s, SPLITIO_NETIF_CTRL_SET_HASH_ALGORITHM, 1, 0, 0, NULL),
                OK);
            s.ctrl.prod += jumps[b];
            peer_ctrl_push(&s.ctrl);
            assert_int_equal(turn(&s), SPLITIO_EPROTO);
            assert_int_equal(turn(&s), SPLITIO_EPROTO);
            close_scene(&s);
        }
    }
}

/* A full ring of messages is answered, in order, some of them each turn. */
static void full_ring_is_answered_in_order(void **state)
{
    struct splitio_netif_ctrl_response rsp;
    struct scene s;
    unsigned i, turns = 0;

    (void)state;
    open_at(&s, 0xffffffc0u, 0);
    for (i = 0; i < PEER_CTRL_SLOTS; i++)
        peer_ctrl_put(&s.ctrl, (uint16_t)(rnd() % 12), rnd(), rnd(), rnd());
    peer_ctrl_push(&s.ctrl);
    pair_step(s.rig->pair);
    while (splitio_netback_poll(&s.rig->back, 16) != 0)
        turns++;
    assert_true(turns >= 8);
    for (i = 0; i < PEER_CTRL_SLOTS; i++) {
        assert_true(peer_ctrl_rsp(&s.ctrl, &rsp));
        assert_int_equal(rsp.id, i);
        assert_true(rsp.status <= OVERFLOW);
    }
    assert_false(peer_ctrl_rsp(&s.ctrl, &rsp));
    close_scene(&s);
}

static void noise_never_hurts(void **state)
{
    struct splitio_netif_ctrl_response rsp;
    struct scene s;
    unsigned i, j;

    (void)state;
    rnd_seed(11);
    open_scene(&s);
    for (i = 0; i < SPLITIO_PAGE_SIZE; i++)
        page(&s, 0)[i] = (uint8_t)rnd();
    for (i = 0; i < 2000; i++) {
        for (j = 0; j < SPLITIO_PAGE_SIZE / 8 && i % 4 == 0; j++) {
            struct splitio_netif_gref *list = (void *)page(&s, 1);

            list[j].gref = splitio_le32(gref(&s, rnd() % 64));
            list[j].flags = splitio_le16(rnd() % 8 == 0);
        }
        peer_ctrl_put(&s.ctrl, (uint16_t)(1 + rnd() % 10),
                      rnd() % 2 ? gref(&s, rnd() % 2) : rnd() % 5,
                      rnd() % 2 ? gref(&s, rnd() % 2) : rnd() % 200,
                      rnd() % 2 ? rnd() % 9 : rnd() % 600);
        peer_ctrl_push(&s.ctrl);
        assert_int_equal(turn(&s), 0);
        assert_true(peer_ctrl_rsp(&s.ctrl, &rsp));
        assert_true(
            splitio_grant_engine_nr_mapped(&s.rig->pair->hv.grants, 0) <=
            2 * QUEUES + 1 + QUEUES * STAGED);
    }
    close_scene(&s);
}

/* ---- staging ---- */

static void write_list(struct scene *s, unsigned n, const splitio_gref_t *grefs,
                       unsigned nr, uint16_t flags)
{
    struct splitio_netif_gref *list = (void *)page(s, n);
    unsigned i;

    for (i = 0; i < nr; i++) {
        list[i].gref = splitio_le32(grefs[i]);
        list[i].flags = splitio_le16(flags);
        list[i].status = 0xffff;
    }
}

static uint16_t status_at(struct scene *s, unsigned n, unsigned i)
{
    const struct splitio_netif_gref *list = (const void *)page(s, n);

    return splitio_le16(list[i].status);
}

/* Pages mapped besides the rings. */
static unsigned nr_mapped(struct scene *s)
{
    return (unsigned)splitio_grant_engine_nr_mapped(&s->rig->pair->hv.grants,
                                                    0) -
           2 * QUEUES - 1;
}

static uint32_t add(struct scene *s, uint32_t queue, unsigned n, uint32_t nr)
{
    return ask(s, SPLITIO_NETIF_CTRL_ADD_GREF_MAPPING, queue, gref(s, n), nr,
               NULL);
}

static uint32_t del(struct scene *s, uint32_t queue, unsigned n, uint32_t nr,
                    uint32_t *gone)
{
    return ask(s, SPLITIO_NETIF_CTRL_DEL_GREF_MAPPING, queue, gref(s, n), nr,
               gone);
}

static void staging_is_not_supported_unless_configured(void **state)
{
    struct scene s;
    uint32_t n = 1;

    (void)state;
    open_at(&s, 0, 0);
    assert_int_equal(
        ask(&s, SPLITIO_NETIF_CTRL_GET_GREF_MAPPING_SIZE, 0, 0, 0, &n), OK);
    assert_int_equal(n, 0);
    write_list(&s, 0, &s.fronts[0].grefs[8], 1, 0);
    assert_int_equal(add(&s, 0, 0, 1), UNKNOWN);
    assert_int_equal(del(&s, 0, 0, 1, NULL), UNKNOWN);
    close_scene(&s);
}

static void staged_pages_come_and_go(void **state)
{
    struct scene s;
    uint32_t n = 0, i;

    (void)state;
    open_scene(&s);
    for (i = 0; i < 4; i++)
        assert_int_equal(
            ask(&s, SPLITIO_NETIF_CTRL_GET_GREF_MAPPING_SIZE, i, 0, 0, &n),
            i < QUEUES ? OK : INVALID);
    write_list(&s, 0, &s.fronts[0].grefs[4], 40, 0);
    assert_int_equal(add(&s, 1, 0, 40), OK);
    assert_int_equal(nr_mapped(&s), 40);
    assert_int_equal(status_at(&s, 0, 0), 0xffff);
    /* Each queue has a table of its own. */
    assert_int_equal(del(&s, 0, 0, 40, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(status_at(&s, 0, 39), INVALID);
    assert_int_equal(del(&s, 1, 0, 7, &n), OK);
    assert_int_equal(n, 7);
    for (i = 0; i < 40; i++)
        assert_int_equal(status_at(&s, 0, i), i < 7 ? OK : INVALID);
    /* Those that are gone, and those that are not. */
    assert_int_equal(del(&s, 1, 0, 10, &n), OK);
    assert_int_equal(n, 3);
    for (i = 0; i < 10; i++)
        assert_int_equal(status_at(&s, 0, i), i < 7 ? INVALID : OK);
    assert_int_equal(nr_mapped(&s), 30);
    assert_int_equal(add(&s, 1, 0, 10), OK);
    assert_int_equal(nr_mapped(&s), 40);
    close_scene(&s);
}

static void staging_is_done_for_all_of_a_list_or_for_none(void **state)
{
    splitio_gref_t twice[3], strange[3];
    struct scene s;
    unsigned i;

    (void)state;
    open_scene(&s);
    write_list(&s, 0, &s.fronts[0].grefs[4], 40, 0);
    for (i = 0; i < 3; i++)
        twice[i] = strange[i] = gref(&s, 50 + i);
    twice[2] = twice[0];
    strange[2] = 7000;
    write_list(&s, 1, twice, 3, 0);
    assert_int_equal(add(&s, 0, 1, 3), INVALID);
    write_list(&s, 1, strange, 3, 0);
    assert_int_equal(add(&s, 0, 1, 3), INVALID);
    write_list(&s, 1, &s.fronts[0].grefs[50], 3, 2);
    assert_int_equal(add(&s, 0, 1, 3), INVALID);
    assert_int_equal(add(&s, QUEUES, 0, 3), INVALID);
    assert_int_equal(add(&s, 0, 0, 0), INVALID);
    assert_int_equal(add(&s, 0, 0, 513), INVALID);
    assert_int_equal(add(&s, 0, 0, UINT32_MAX), INVALID);
    assert_int_equal(
        ask(&s, SPLITIO_NETIF_CTRL_ADD_GREF_MAPPING, 0, 7000, 1, NULL),
        INVALID);
    assert_int_equal(nr_mapped(&s), 0);
    /* The table is full: no more than it was said to hold. */
    assert_int_equal(add(&s, 0, 0, 40), OK);
    write_list(&s, 1, &s.fronts[1].grefs[0], 9, 0);
    assert_int_equal(add(&s, 0, 1, 9), INVALID);
    assert_int_equal(add(&s, 0, 1, 8), OK);
    assert_int_equal(nr_mapped(&s), STAGED);
    write_list(&s, 1, &s.fronts[1].grefs[20], 1, 0);
    assert_int_equal(add(&s, 0, 1, 1), INVALID);
    assert_int_equal(nr_mapped(&s), STAGED);
    close_scene(&s);
}

/* Wherever mapping fails, nothing of the list stays mapped. */
static void mappings_that_fail_leave_nothing(void **state)
{
    struct scene s;
    unsigned i;

    (void)state;
    open_scene(&s);
    write_list(&s, 0, &s.fronts[0].grefs[4], 40, 0);
    for (i = 1; i <= 40; i++) {
        s.rig->pair->nr_maps = 0;
        s.rig->pair->fail_map = i;
        assert_int_equal(add(&s, 0, 0, 40), INVALID);
        assert_int_equal(nr_mapped(&s), 0);
    }
    s.rig->pair->fail_map = 0;
    assert_int_equal(add(&s, 0, 0, 40), OK);
    close_scene(&s);
}

/* Where no status can be written, nothing is undone. */
static void removal_needs_a_list_that_can_be_written(void **state)
{
    const struct splitio_guest_port *g;
    splitio_gref_t read_only;
    struct scene s;
    uint32_t n = 0;

    (void)state;
    open_scene(&s);
    g = &s.rig->pair->real_guest;
    write_list(&s, 0, &s.fronts[0].grefs[4], 4, 0);
    assert_int_equal(g->ops->grant(g->ctx, 0, page(&s, 0), true, &read_only),
                     0);
    assert_int_equal(
        ask(&s, SPLITIO_NETIF_CTRL_ADD_GREF_MAPPING, 0, read_only, 4, NULL),
        OK);
    assert_int_equal(
        ask(&s, SPLITIO_NETIF_CTRL_DEL_GREF_MAPPING, 0, read_only, 4, NULL),
        INVALID);
    assert_int_equal(nr_mapped(&s), 4);
    s.rig->pair->fail_copy = s.rig->pair->nr_copies + 3;
    assert_int_equal(del(&s, 0, 0, 2, &n), INVALID);
    assert_int_equal(nr_mapped(&s), 2);
    s.rig->pair->fail_copy = 0;
    assert_int_equal(del(&s, 0, 0, 0, NULL), INVALID);
    assert_int_equal(g->ops->revoke(g->ctx, read_only), 0);
    close_scene(&s);
}

/* Data go through the mapping, in both directions; what is lent for reading
 * alone is never written to. */
static void slots_that_name_staged_pages_need_no_copy(void **state)
{
    struct kept k = make_noise(3000), got;
    union splitio_netif_rx_slot rsp;
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);
    struct peer_front *p;
    struct scene s;

    (void)state;
    open_scene(&s);
    p = &s.fronts[0];
    set_hash(&s, SPLITIO_NETIF_HASH_ALL); /* what is no IP comes on queue 0 */
    write_list(&s, 0, &p->grefs[4], 1, 0);
    assert_int_equal(add(&s, 0, 0, 1), OK);
    write_list(&s, 0, &p->grefs[5], 1, SPLITIO_NETIF_GREF_READONLY);
    assert_int_equal(add(&s, 0, 0, 1), OK);
    s.rig->pair->nr_copies = 0;
    memcpy(page(&s, 4), k.bytes, 2000);
    memcpy(page(&s, 5) + 96, k.bytes + 2000, 1000);
    peer_front_data(p, p->grefs[4], 0, 3000, SPLITIO_NETTXF_MORE_DATA);
    peer_front_data(p, p->grefs[5], 96, 1000, 0);
    peer_front_push(p);
    assert_int_equal(turn(&s), 0);
    got = queue_get(&s.rig->nic.out);
    assert_same_bytes(&k, &got);
    kept_free(&got);
    assert_int_equal(s.rig->pair->nr_copies, 0);
    assert_int_equal(s.rig->back.stats.staged_copies, 2);
    assert_int_equal(s.rig->back.stats.copies, 0);
    memset(page(&s, 4), 0, SPLITIO_PAGE_SIZE);
    peer_front_lend(p, p->grefs[4]);
    peer_front_push(p);
    queue_put(&s.rig->nic.in, &f);
    assert_int_equal(turn(&s), 0);
    assert_true(peer_front_rx_rsp(p, &rsp));
    assert_memory_equal(page(&s, 4), k.bytes, k.len_bytes);
    assert_int_equal(s.rig->back.stats.staged_copies, 3);
    kept_free(&k);
    close_scene(&s);
}

static void pages_staged_for_reading_are_not_written_to(void **state)
{
    struct kept k = make_noise(300);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);
    union splitio_netif_rx_slot rsp;
    const struct splitio_guest_port *g;
    splitio_gref_t read_only;
    struct scene s;
    unsigned i;

    (void)state;
    open_scene(&s);
    g = &s.rig->pair->real_guest;
    assert_int_equal(g->ops->grant(g->ctx, 0, page(&s, 9), true, &read_only),
                     0);
    write_list(&s, 0, &read_only, 1, 0);
    assert_int_equal(add(&s, 0, 0, 1), INVALID);
    write_list(&s, 0, &read_only, 1, SPLITIO_NETIF_GREF_READONLY);
    for (i = 0; i < QUEUES; i++) {
        assert_int_equal(add(&s, i, 0, 1), OK);
        peer_front_lend(&s.fronts[i], read_only);
        peer_front_push(&s.fronts[i]);
    }
    memset(page(&s, 9), 0, SPLITIO_PAGE_SIZE);
    queue_put(&s.rig->nic.in, &f);
    assert_int_equal(turn(&s), 0);
    assert_true(peer_front_rx_rsp(&s.fronts[0], &rsp) ||
                peer_front_rx_rsp(&s.fronts[1], &rsp));
    splitio_netif_rx_response_swap(&rsp.rsp);
    assert_int_equal(rsp.rsp.status, SPLITIO_NETIF_RSP_ERROR);
    for (i = 0; i < 300; i++)
        assert_int_equal(page(&s, 9)[i], 0);
    splitio_netback_disconnect(&s.rig->back);
    assert_int_equal(g->ops->revoke(g->ctx, read_only), 0);
    kept_free(&k);
    close_scene(&s);
}

/* Nothing of one connection is there in the next. */
static void next_connection_begins_with_nothing(void **state)
{
    struct scene s;
    uint32_t n = 0;

    (void)state;
    open_scene(&s);
    set_hash(&s, SPLITIO_NETIF_HASH_ALL);
    write_list(&s, 0, &s.fronts[0].grefs[4], 40, 0);
    assert_int_equal(add(&s, 0, 0, 40), OK);
    splitio_netback_disconnect(&s.rig->back);
    assert_int_equal(splitio_grant_engine_nr_mapped(&s.rig->pair->hv.grants, 0),
                     0);
    assert_int_equal(splitio_netback_connect(&s.rig->back, PAIR_GUEST, &s.link),
                     0);
    assert_int_equal(ask(&s, SPLITIO_NETIF_CTRL_GET_HASH_FLAGS, 0, 0, 0, NULL),
                     UNKNOWN);
    assert_int_equal(del(&s, 0, 0, 40, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(add(&s, 0, 0, 40), OK);
    close_scene(&s);
}

static void rings_that_are_none_are_refused(void **state)
{
    struct splitio_netif_link link;
    struct scene s;
    unsigned i;

    (void)state;
    open_scene(&s);
    splitio_netback_disconnect(&s.rig->back);
    for (i = 0; i < 3; i++) {
        link = s.link;
        if (i == 0)
            link.ctrl.gref = 7000;
        else if (i == 1)
            link.ctrl.evtchn = 60;
        else
            s.ctrl.ring->rsp_prod = splitio_le32(5);
        assert_true(splitio_netback_connect(&s.rig->back, PAIR_GUEST, &link) <
                    0);
        assert_int_equal(
            splitio_grant_engine_nr_mapped(&s.rig->pair->hv.grants, 0), 0);
    }
    s.ctrl.ring->rsp_prod = 0;
    assert_int_equal(splitio_netback_connect(&s.rig->back, PAIR_GUEST, &s.link),
                     0);
    close_scene(&s);
}

/* A back that has not offered the ring does not look at one. */
static void ring_that_was_not_offered_is_left_alone(void **state)
{
    struct splitio_netif_ctrl_response rsp;
    struct scene s;

    (void)state;
    open_scene(&s);
    splitio_netback_disconnect(&s.rig->back);
    s.rig->back_config.features &= ~SPLITIO_NETIF_F_CTRL;
    rig_init_back(s.rig);
    s.link.ctrl.gref = 7000;
    assert_int_equal(splitio_netback_connect(&s.rig->back, PAIR_GUEST, &s.link),
                     0);
    peer_ctrl_put(&s.ctrl, 1, 0, 0, 0);
    peer_ctrl_push(&s.ctrl);
    assert_int_equal(turn(&s), 0);
    assert_false(peer_ctrl_rsp(&s.ctrl, &rsp));
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_that_nobody_knows_are_not_supported),
        cmocka_unit_test(algorithm_is_none_or_toeplitz),
        cmocka_unit_test(flags_need_an_algorithm_and_are_four),
        cmocka_unit_test(keys_of_all_lengths_are_taken_up_to_forty_bytes),
        cmocka_unit_test(mapping_is_set_as_a_whole_and_in_parts),
        cmocka_unit_test(parts_of_the_mapping_take_effect),
        cmocka_unit_test(hostile_rings_end_the_connection),
        cmocka_unit_test(full_ring_is_answered_in_order),
        cmocka_unit_test(noise_never_hurts),
        cmocka_unit_test(staging_is_not_supported_unless_configured),
        cmocka_unit_test(staged_pages_come_and_go),
        cmocka_unit_test(staging_is_done_for_all_of_a_list_or_for_none),
        cmocka_unit_test(mappings_that_fail_leave_nothing),
        cmocka_unit_test(removal_needs_a_list_that_can_be_written),
        cmocka_unit_test(slots_that_name_staged_pages_need_no_copy),
        cmocka_unit_test(pages_staged_for_reading_are_not_written_to),
        cmocka_unit_test(next_connection_begins_with_nothing),
        cmocka_unit_test(rings_that_are_none_are_refused),
        cmocka_unit_test(ring_that_was_not_offered_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
