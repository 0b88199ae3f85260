/* SPDX-License-Identifier: BSD-2-Clause */
/* The checks on chains of netif slots. */
#include "cm.h"

#include <string.h>

#include <splitio/proto/netif.h>

/* The slots of one chain, built up and fed. */
struct chain {
    union splitio_netif_tx_slot slots[32];
    unsigned nr;
};

static void add(struct chain *c, uint16_t offset, uint16_t size, bool more)
{
    struct splitio_netif_tx_request *r = &c->slots[c->nr].req;

    r->gref = 100 + c->nr;
    r->offset = offset;
    r->size = size;
    r->id = (uint16_t)(200 + c->nr);
    r->flags = more ? SPLITIO_NETTXF_MORE_DATA : 0;
    c->nr++;
}

static void add_extra(struct chain *c, uint8_t type, bool more)
{
    struct splitio_netif_extra *e = &c->slots[c->nr++].extra;

    memset(e, 0, sizeof(*e));
    e->type = type;
    e->flags = more ? SPLITIO_NETIF_EXTRA_FLAG_MORE : 0;
    if (type == SPLITIO_NETIF_EXTRA_GSO) {
        e->u.gso.size = 1448;
        e->u.gso.type = SPLITIO_NETIF_GSO_TCPV4;
    }
}

/* A slot as it is on the wire: what it is, the chain so far says. */
static int tx_feed(struct splitio_netif_tx_packet *p,
                   const union splitio_netif_tx_slot *slot)
{
    union splitio_netif_tx_slot wire = *slot;

    if (!p->in_extras)
        splitio_netif_tx_request_swap(&wire.req);
    else if (wire.extra.type == SPLITIO_NETIF_EXTRA_GSO)
        wire.extra.u.gso.size = splitio_le16(wire.extra.u.gso.size);
    return splitio_netif_tx_feed(p, &wire);
}

static int rx_feed(struct splitio_netif_rx_packet *p,
                   const union splitio_netif_rx_slot *slot, uint32_t index)
{
    union splitio_netif_rx_slot wire = *slot;

    if (!p->in_extras)
        splitio_netif_rx_response_swap(&wire.rsp);
    else if (wire.extra.type == SPLITIO_NETIF_EXTRA_GSO)
        wire.extra.u.gso.size = splitio_le16(wire.extra.u.gso.size);
    else if (wire.extra.type == SPLITIO_NETIF_EXTRA_XDP)
        wire.extra.u.xdp.headroom = splitio_le16(wire.extra.u.xdp.headroom);
    return splitio_netif_rx_feed(p, &wire, index);
}

/* Feeds all; 0 if complete exactly at the last, 1 if it wants more. */
static int feed(const struct chain *c, struct splitio_netif_tx_packet *p)
{
    unsigned i;
    int more = 1;

    splitio_netif_tx_begin(p);
    for (i = 0; i < c->nr && more == 1; i++)
        more = tx_feed(p, &c->slots[i]);
    if (more >= 0)
        assert_int_equal(i, c->nr);
    return more;
}

/* nr slots; the first with a total of what they sum to and 100 of its own. */
static void build(struct chain *c, unsigned nr, uint16_t each)
{
    unsigned i;

    memset(c, 0, sizeof(*c));
    add(c, 0, (uint16_t)(100 + (nr - 1) * each), nr > 1);
    for (i = 1; i < nr; i++)
        add(c, 0, each, i + 1 < nr);
}

static void tx_one_slot_is_a_frame(void **state)
{
    struct splitio_netif_tx_packet p;
    struct chain c;

    (void)state;
    build(&c, 1, 0);
    assert_int_equal(feed(&c, &p), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_ACCEPT);
    assert_int_equal(p.len_bytes, 100);
    assert_int_equal(p.nr_segs, 1);
    assert_int_equal(p.segs[0].gref, 100);
    assert_int_equal(p.segs[0].size, 100);
    assert_int_equal(p.ids[0], 200);
}

static void tx_slot_counts_are_accepted_dropped_or_fatal(void **state)
{
    struct splitio_netif_tx_packet p;
    struct chain c;
    unsigned nr, i, sum;

    (void)state;
    for (nr = 1; nr <= 22; nr++) {
        build(&c, nr, 1000);
        if (nr > 20) {
            assert_int_equal(feed(&c, &p), SPLITIO_EPROTO);
            continue;
        }
        assert_int_equal(feed(&c, &p), 0);
        assert_int_equal(p.nr_ids, nr);
        assert_int_equal(p.verdict,
                         nr <= 18 ? SPLITIO_NETIF_ACCEPT : SPLITIO_NETIF_DROP);
        for (i = sum = 0; i < p.nr_segs; i++)
            sum += p.segs[i].size;
        if (nr <= 18)
            assert_int_equal(sum, p.len_bytes);
    }
}

static void tx_total_below_the_sum_is_dropped(void **state)
{
    struct splitio_netif_tx_packet p;
    struct chain c;

    (void)state;
    build(&c, 3, 1000);
    c.slots[0].req.size = 1999;
    assert_int_equal(feed(&c, &p), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_DROP);
    assert_int_equal(p.nr_ids, 3);
}

static void tx_empty_slots_leave_no_segment(void **state)
{
    struct splitio_netif_tx_packet p;
    struct chain c;

    (void)state;
    build(&c, 3, 1000);
    c.slots[0].req.size = 1000;
    c.slots[1].req.size = 0;
    assert_int_equal(feed(&c, &p), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_ACCEPT);
    assert_int_equal(p.nr_segs, 1);
    assert_int_equal(p.segs[0].gref, 102);
    assert_int_equal(p.nr_ids, 3);
}

static void tx_all_slots_empty_is_dropped(void **state)
{
    struct splitio_netif_tx_packet p;
    struct chain c;

    (void)state;
    build(&c, 18, 0);
    c.slots[0].req.size = 0;
    assert_int_equal(feed(&c, &p), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_DROP);
}

static void tx_thirteen_bytes_are_dropped(void **state)
{
    struct splitio_netif_tx_packet p;
    struct chain c;

    (void)state;
    build(&c, 1, 0);
    c.slots[0].req.size = 13;
    assert_int_equal(feed(&c, &p), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_DROP);
    c.slots[0].req.size = 14;
    assert_int_equal(feed(&c, &p), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_ACCEPT);
}

static void tx_crossing_the_page_is_fatal(void **state)
{
    struct splitio_netif_tx_packet p;
    struct chain c;

    (void)state;
    build(&c, 1, 0);
    c.slots[0].req.offset = 4096 - 100;
    assert_int_equal(feed(&c, &p), 0);
    c.slots[0].req.offset = 4096 - 99;
    assert_int_equal(feed(&c, &p), SPLITIO_EPROTO);
    build(&c, 3, 1000);
    c.slots[2].req.offset = 3097;
    assert_int_equal(feed(&c, &p), SPLITIO_EPROTO);
    c.slots[2].req.offset = 65535;
    assert_int_equal(feed(&c, &p), SPLITIO_EPROTO);
}

static void tx_extras_are_bounded(void **state)
{
    struct splitio_netif_tx_packet p;
    struct chain c;
    uint8_t type;

    (void)state;
    memset(&c, 0, sizeof(c));
    add(&c, 0, 3000, true);
    c.slots[0].req.flags |= SPLITIO_NETTXF_EXTRA_INFO;
    add_extra(&c, SPLITIO_NETIF_EXTRA_GSO, true);
    add_extra(&c, SPLITIO_NETIF_EXTRA_HASH, false);
    add(&c, 0, 1000, false);
    assert_int_equal(feed(&c, &p), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_ACCEPT);
    assert_int_equal(p.nr_extras, 2);
    assert_int_equal(p.nr_ids, 2);
    assert_int_equal(p.gso_size, 1448);

    c.slots[2].extra.type = SPLITIO_NETIF_EXTRA_GSO;
    assert_int_equal(feed(&c, &p), SPLITIO_EPROTO);
    for (type = 6; type != 1; type++) {
        c.slots[2].extra.type = type;
        assert_int_equal(feed(&c, &p), SPLITIO_EPROTO);
    }
    c.slots[2].extra.type = SPLITIO_NETIF_EXTRA_XDP;
    assert_int_equal(feed(&c, &p), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_ACCEPT);
}

/* One of each type is the longest chain of extras. */
static void tx_extras_without_end_are_fatal(void **state)
{
    struct splitio_netif_tx_packet p;
    struct chain c;
    uint8_t type;

    (void)state;
    memset(&c, 0, sizeof(c));
    add(&c, 0, 3000, false);
    c.slots[0].req.flags |= SPLITIO_NETTXF_EXTRA_INFO;
    for (type = 1; type < SPLITIO_NETIF_EXTRA_TYPES; type++)
        add_extra(&c, type, true);
    add_extra(&c, SPLITIO_NETIF_EXTRA_HASH, true);
    assert_int_equal(feed(&c, &p), SPLITIO_EPROTO);
    c.slots[SPLITIO_NETIF_EXTRAS_MAX].extra.flags = 0;
    c.nr--;
    assert_int_equal(feed(&c, &p), 0);
    assert_int_equal(p.nr_extras, SPLITIO_NETIF_EXTRAS_MAX);
    assert_int_equal(p.verdict, SPLITIO_NETIF_DROP);
}

static void tx_gso_without_sense_is_dropped(void **state)
{
    struct splitio_netif_tx_packet p;
    struct chain c;

    (void)state;
    memset(&c, 0, sizeof(c));
    add(&c, 0, 3000, false);
    c.slots[0].req.flags |= SPLITIO_NETTXF_EXTRA_INFO;
    add_extra(&c, SPLITIO_NETIF_EXTRA_GSO, false);
    assert_int_equal(feed(&c, &p), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_ACCEPT);
    c.slots[1].extra.u.gso.size = 0;
    assert_int_equal(feed(&c, &p), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_DROP);
    c.slots[1].extra.u.gso.size = 1448;
    c.slots[1].extra.u.gso.type = 3;
    assert_int_equal(feed(&c, &p), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_DROP);
}

static void tx_multicast_change_is_no_frame(void **state)
{
    struct splitio_netif_tx_packet p;
    struct chain c;

    (void)state;
    memset(&c, 0, sizeof(c));
    add(&c, 0, 0, false);
    c.slots[0].req.flags |= SPLITIO_NETTXF_EXTRA_INFO;
    add_extra(&c, SPLITIO_NETIF_EXTRA_MCAST_ADD, false);
    memcpy(c.slots[1].extra.u.mcast.addr, "\1\0\x5e\0\0\1", 6);
    assert_int_equal(feed(&c, &p), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_MCAST);
    assert_memory_equal(p.mcast, "\1\0\x5e\0\0\1", 6);
    assert_int_equal(p.extra_types, 1u << SPLITIO_NETIF_EXTRA_MCAST_ADD);
}

/* Whatever the rest of the slot says: it is no frame. */
static void tx_multicast_change_without_sense_is_dropped(void **state)
{
    struct splitio_netif_tx_packet p;
    struct chain c;

    (void)state;
    memset(&c, 0, sizeof(c));
    add(&c, 4000, 2000, false);
    c.slots[0].req.flags |= SPLITIO_NETTXF_EXTRA_INFO;
    add_extra(&c, SPLITIO_NETIF_EXTRA_MCAST_DEL, true);
    memcpy(c.slots[1].extra.u.mcast.addr, "\0\0\x5e\0\0\1", 6);
    c.slots[1].extra.flags = 0;
    assert_int_equal(feed(&c, &p), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_DROP);
    c.slots[1].extra.u.mcast.addr[0] = 1;
    assert_int_equal(feed(&c, &p), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_MCAST);
    c.slots[1].extra.flags = SPLITIO_NETIF_EXTRA_FLAG_MORE;
    add_extra(&c, SPLITIO_NETIF_EXTRA_MCAST_ADD, false);
    memcpy(c.slots[2].extra.u.mcast.addr, "\1\0\x5e\0\0\1", 6);
    assert_int_equal(feed(&c, &p), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_DROP);
}

static void rx_slot(union splitio_netif_rx_slot *s, uint16_t id, int16_t status,
                    uint16_t flags)
{
    s->rsp.id = id;
    s->rsp.offset = 0;
    s->rsp.status = status;
    s->rsp.flags = flags;
}

static void rx_chain_sums_its_slots(void **state)
{
    struct splitio_netif_rx_packet p;
    union splitio_netif_rx_slot s;
    uint32_t index = UINT32_MAX;

    (void)state;
    splitio_netif_rx_begin(&p);
    rx_slot(&s, 255, 4096,
            SPLITIO_NETRXF_MORE_DATA | SPLITIO_NETRXF_EXTRA_INFO);
    assert_int_equal(rx_feed(&p, &s, index), 1);
    memset(&s, 0, sizeof(s));
    s.extra.type = SPLITIO_NETIF_EXTRA_GSO;
    s.extra.u.gso.size = 1448;
    s.extra.u.gso.type = SPLITIO_NETIF_GSO_TCPV6;
    assert_int_equal(rx_feed(&p, &s, index + 1), 1);
    rx_slot(&s, 1, 904, 0);
    assert_int_equal(rx_feed(&p, &s, index + 2), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_ACCEPT);
    assert_int_equal(p.len_bytes, 5000);
    assert_int_equal(p.nr_segs, 2);
    assert_int_equal(p.segs[1].index, 1);
    assert_int_equal(p.gso_type, SPLITIO_NETIF_GSO_TCPV6);
}

/* Two slots with headroom told: as splitio's back has them (the data begins
 * after it), as Linux's (it counts as data), and as nobody's. */
static void rx_headroom_is_no_data(void **state)
{
    static const struct {
        uint16_t offset, told;
        int16_t size;
        uint16_t data_at;
        uint32_t data;
    } cases[] = {
        {256, 256, 100, 256, 100}, {0, 256, 356, 256, 100},
        {100, 256, 256, 256, 100}, {300, 256, 100, 300, 100},
        {256, 0, 100, 256, 100},   {0, 256, 256, 0, 0},
        {0, 65535, 4096, 0, 0},    {256, 2048, 3840, 2048, 2048},
    };
    unsigned i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(cases); i++) {
        struct splitio_netif_rx_packet p;
        union splitio_netif_rx_slot s;

        splitio_netif_rx_begin(&p);
        rx_slot(&s, 0, cases[i].size,
                SPLITIO_NETRXF_MORE_DATA | SPLITIO_NETRXF_EXTRA_INFO);
        s.rsp.offset = cases[i].offset;
        assert_int_equal(rx_feed(&p, &s, 0), 1);
        memset(&s, 0, sizeof(s));
        s.extra.type = SPLITIO_NETIF_EXTRA_XDP;
        s.extra.u.xdp.headroom = cases[i].told;
        assert_int_equal(rx_feed(&p, &s, 1), 1);
        rx_slot(&s, 2, cases[i].size, 0);
        s.rsp.offset = cases[i].offset;
        assert_int_equal(rx_feed(&p, &s, 2), 0);
        assert_int_equal(p.len_bytes, 2 * cases[i].data);
        assert_int_equal(p.nr_segs, cases[i].data ? 2 : 0);
        assert_int_equal(p.verdict, cases[i].data ? SPLITIO_NETIF_ACCEPT
                                                  : SPLITIO_NETIF_DROP);
        if (cases[i].data == 0)
            continue;
        assert_int_equal(p.segs[0].offset, cases[i].data_at);
        assert_int_equal(p.segs[1].offset, cases[i].data_at);
        assert_int_equal(p.segs[0].size, cases[i].data);
        assert_int_equal(p.segs[1].size, cases[i].data);
    }
}

/* An old flag that nobody here asks for says nothing. */
static void rx_prefix_flag_is_ignored(void **state)
{
    struct splitio_netif_rx_packet p;
    union splitio_netif_rx_slot s;

    (void)state;
    splitio_netif_rx_begin(&p);
    rx_slot(&s, 0, 60, SPLITIO_NETRXF_GSO_PREFIX);
    assert_int_equal(rx_feed(&p, &s, 0), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_ACCEPT);
    assert_int_equal(p.len_bytes, 60);
    assert_int_equal(p.gso_type, 0);
}

static void rx_lies_are_fatal(void **state)
{
    struct splitio_netif_rx_packet p;
    union splitio_netif_rx_slot s;
    unsigned i;
    int more = 1;

    (void)state;
    splitio_netif_rx_begin(&p);
    rx_slot(&s, 1, 60, 0);
    assert_int_equal(rx_feed(&p, &s, 0), SPLITIO_EPROTO);
    rx_slot(&s, 0, 60, 0);
    s.rsp.offset = 4037;
    assert_int_equal(rx_feed(&p, &s, 0), SPLITIO_EPROTO);
    rx_slot(&s, 0, INT16_MAX, 0);
    assert_int_equal(rx_feed(&p, &s, 0), SPLITIO_EPROTO);
    splitio_netif_rx_begin(&p);
    for (i = 0; more == 1 && i < 100; i++) {
        rx_slot(&s, (uint16_t)i, 60, SPLITIO_NETRXF_MORE_DATA);
        more = rx_feed(&p, &s, i);
    }
    assert_int_equal(more, SPLITIO_EPROTO);
    assert_int_equal(i, 21);
}

static void rx_error_status_drops_the_frame(void **state)
{
    struct splitio_netif_rx_packet p;
    union splitio_netif_rx_slot s;

    (void)state;
    splitio_netif_rx_begin(&p);
    rx_slot(&s, 0, 60, SPLITIO_NETRXF_MORE_DATA);
    assert_int_equal(rx_feed(&p, &s, 0), 1);
    rx_slot(&s, 1, SPLITIO_NETIF_RSP_ERROR, 0);
    assert_int_equal(rx_feed(&p, &s, 1), 0);
    assert_int_equal(p.verdict, SPLITIO_NETIF_DROP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tx_one_slot_is_a_frame),
        cmocka_unit_test(tx_slot_counts_are_accepted_dropped_or_fatal),
        cmocka_unit_test(tx_total_below_the_sum_is_dropped),
        cmocka_unit_test(tx_empty_slots_leave_no_segment),
        cmocka_unit_test(tx_all_slots_empty_is_dropped),
        cmocka_unit_test(tx_thirteen_bytes_are_dropped),
        cmocka_unit_test(tx_crossing_the_page_is_fatal),
        cmocka_unit_test(tx_extras_are_bounded),
        cmocka_unit_test(tx_gso_without_sense_is_dropped),
        cmocka_unit_test(tx_extras_without_end_are_fatal),
        cmocka_unit_test(tx_multicast_change_is_no_frame),
        cmocka_unit_test(tx_multicast_change_without_sense_is_dropped),
        cmocka_unit_test(rx_chain_sums_its_slots),
        cmocka_unit_test(rx_headroom_is_no_data),
        cmocka_unit_test(rx_prefix_flag_is_ignored),
        cmocka_unit_test(rx_lies_are_fatal),
        cmocka_unit_test(rx_error_status_drops_the_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
