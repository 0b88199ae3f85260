/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits that are numbers: each value of one half against each of the other,
 * those out of range must be refused.
 */
#include "cm.h"

#include "blk.h"
#include "net.h"
#include "world_fake.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NR_VALUES 8

/* Values of a side; good ones are from min to max. */
struct values {
    unsigned nr;
    uint32_t values[NR_VALUES];
    uint32_t min, max;
    uint32_t bad[4]; /* between them, and yet refused; 0: no more */
};

struct number {
    const char *name;
    const struct protocol *protocol;
    const char *features; /* of both sides */
    bool by_store;        /* refused in the handshake, not by init() */
    struct values front, back;
    void (*set_front)(struct rig *r, uint32_t value);
    void (*set_back)(struct rig *r, uint32_t value);
    /* After the traffic: what was agreed on. */
    bool (*check)(struct rig *r, uint32_t front, uint32_t back);
};

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static bool is(struct rig *r, const char *what, uint64_t is, uint64_t want)
{
    return is == want ||
           rig_fail(r, "%s is %" PRIu64 ", not %" PRIu64, what, is, want);
}

/* ---- block ---- */

#define SET(name, type, field)                                                 \
    static void name(struct rig *r, uint32_t value)                            \
    {                                                                          \
        type->field = (__typeof__(type->field))value;                          \
    }

SET(set_front_order, blk_of(r), front_cfg.max_ring_order)
SET(set_back_order, blk_of(r), back_cfg.max_ring_order)
SET(set_front_queues, blk_of(r), front_cfg.max_queues)
SET(set_back_queues, blk_of(r), back_cfg.max_queues)
SET(set_front_segs, blk_of(r), front_cfg.max_segs)
SET(set_back_segs, blk_of(r), back_cfg.max_indirect)
SET(set_kept, blk_of(r), back_cfg.max_persistent)
SET(set_pool, blk_of(r), front_cfg.pool_pages)
SET(set_in_flight, blk_of(r), back_cfg.max_in_flight)
SET(set_copied, blk_of(r), back_cfg.copy_pages)
SET(set_sector, blk_of(r), disk.info.sector_size)

static bool check_order(struct rig *r, uint32_t front, uint32_t back)
{
    uint32_t want = min_u32(front, back);

    return is(r, "the front's order", blk_of(r)->front.ring_order, want) &&
           is(r, "the back's order", blk_of(r)->back.peer.ring_order, want) &&
           is(r, "pages of a ring", blk_seen(r)->ring_pages, 1u << want);
}

static bool check_queues(struct rig *r, uint32_t front, uint32_t back)
{
    uint32_t want = min_u32(front, back);

    return is(r, "the front's queues", blk_of(r)->front.nr_queues, want) &&
           is(r, "the back's queues", blk_of(r)->back.nr_queues, want);
}

static bool check_segs(struct rig *r, uint32_t front, uint32_t back)
{
    const struct blk_seen *seen = blk_seen(r);

    return is(r, "what the front knows",
              splitio_blkfront_get_info(&blk_of(r)->front)->max_indirect,
              back) &&
           is(r, "use of indirect requests",
              seen->ops[SPLITIO_BLKIF_OP_INDIRECT] != 0,
              front > 11 && back > 11);
}

static bool check_kept(struct rig *r, uint32_t front, uint32_t back)
{
    (void)front;
    return blk_of(r)->back.stats.nr_kept <= back ||
           rig_fail(r, "more pages are kept");
}

static bool check_sector(struct rig *r, uint32_t front, uint32_t back)
{
    (void)front;
    return is(r, "the size of sectors",
              splitio_blkfront_get_info(&blk_of(r)->front)->sector_size, back);
}

/* ---- net ---- */

SET(set_front_vqueues, net_of(r), front_cfg.max_queues)
SET(set_back_vqueues, net_of(r), back_cfg.max_queues)
SET(set_rx_pages, net_of(r), front_cfg.nr_rx_pages)
SET(set_index, net_of(r), front_cfg.ring_index)
SET(set_backlog, net_of(r), back_cfg.backlog_bytes)
SET(set_headroom, net_of(r), front_cfg.headroom_bytes)

/* Without long frames: to cut one takes a page for each of its segments. */
static void set_tx_pages(struct rig *r, uint32_t value)
{
    net_of(r)->front_cfg.nr_tx_pages = value;
    net_of(r)->nr_kinds = 9;
}

/* The toolstack's; only short frames go. */
static void set_mtu(struct rig *r, uint32_t value)
{
    char text[16];

    snprintf(text, sizeof(text), "%" PRIu32, value);
    world_write(r->w, r->front_dir, "mtu", text, strlen(text));
    net_of(r)->nr_kinds = 1;
}

static bool check_vqueues(struct rig *r, uint32_t front, uint32_t back)
{
    uint32_t want = min_u32(front ? front : 1, back ? back : 1);

    return is(r, "the front's queues", net_of(r)->front.nr_queues, want) &&
           is(r, "the back's queues", net_of(r)->back.nr_queues, want);
}

static bool check_mtu(struct rig *r, uint32_t front, uint32_t back)
{
    (void)back;
    return is(r, "the MTU", splitio_netfront_mtu(&net_of(r)->front), front);
}

static bool check_headroom(struct rig *r, uint32_t front, uint32_t back)
{
    (void)back;
    return is(r, "the back's headroom", net_of(r)->back.headroom, front) &&
           is(r, "use of it", net_seen(r, 1)->nr_offset != 0, front != 0);
}

/* ---- the table ---- */

static const struct number numbers[] = {
    {.name = "pages of a ring, as an order",
     .protocol = &blk_protocol,
     .features = "persistent grants",
     .front = {5, {0, 1, 4, 5, 255}, 0, 4, {0}},
     .back = {5, {0, 1, 4, 5, 255}, 0, 4, {0}},
     .set_front = set_front_order,
     .set_back = set_back_order,
     .check = check_order},
    {.name = "queues",
     .protocol = &blk_protocol,
     .features = "indirect segments",
     .front = {5, {0, 1, 2, 16, 17}, 1, 16, {0}},
     .back = {5, {0, 1, 2, 16, 17}, 1, 16, {0}},
     .set_front = set_front_queues,
     .set_back = set_back_queues,
     .check = check_queues},
    {.name = "segments of a request",
     .protocol = &blk_protocol,
     .features = "ring of 2 pages",
     .front = {6, {0, 10, 11, 12, 512, 513}, 11, 512, {0}},
     .back = {6, {0, 1, 11, 12, 4096, 4097}, 0, 4096, {0}},
     .set_front = set_front_segs,
     .set_back = set_back_segs,
     .check = check_segs},
    {.name = "pages kept",
     .protocol = &blk_protocol,
     .features = "persistent grants",
     .back = {5, {0, 1, 2, 32, 65535}, 0, 65535, {0}},
     .set_back = set_kept,
     .check = check_kept},
    {.name = "pages of the pool",
     .protocol = &blk_protocol,
     .features = "persistent grants, indirect segments",
     .front = {6, {0, 1, 2, 3, 64, 1024}, 2, 1024, {0}},
     .set_front = set_pool},
    {.name = "requests in flight",
     .protocol = &blk_protocol,
     .features = "indirect segments",
     .back = {5, {0, 1, 2, 32, 65535}, 0, 65535, {0}},
     .set_back = set_in_flight},
    {.name = "pages copied",
     .protocol = &blk_protocol,
     .features = "indirect segments",
     .back = {4, {0, 1, 11, 60}, 0, 60, {0}},
     .set_back = set_copied},
    {.name = "bytes of a sector",
     .protocol = &blk_protocol,
     .features = "cache, flush",
     .back = {8, {0, 1, 511, 512, 1000, 2048, 4096, 8192}, 512, 4096, {1000}},
     .set_back = set_sector,
     .check = check_sector},
    {.name = "queues",
     .protocol = &net_protocol,
     .features = "rx-copy, checksums IPv4",
     .front = {5, {0, 1, 2, 8, 9}, 0, 8, {0}},
     .back = {5, {0, 1, 2, 8, 9}, 0, 8, {0}},
     .set_front = set_front_vqueues,
     .set_back = set_back_vqueues,
     .check = check_vqueues},
    {.name = "pages to send from",
     .protocol = &net_protocol,
     .features = "rx-copy, scatter-gather",
     .front = {6, {0, 1, 17, 18, 256, 257}, 0, 256, {1, 17}},
     .set_front = set_tx_pages},
    {.name = "pages to receive into",
     .protocol = &net_protocol,
     .features = "rx-copy, checksums IPv6",
     .front = {8, {0, 1, 2, 3, 4, 5, 256, 512}, 0, 256, {1, 2, 3, 5}},
     .set_front = set_rx_pages},
    {.name = "indices that rings begin with",
     .protocol = &net_protocol,
     .features = "rx-copy, scatter-gather, 2 queues",
     .front =
         {5, {0, 1, 0x7fffffff, 0x80000000, 0xfffffffe}, 0, UINT32_MAX, {0}},
     .set_front = set_index},
    {.name = "bytes that may wait",
     .protocol = &net_protocol,
     .features = "rx-copy, scatter-gather",
     .back = {4,
              {0, SPLITIO_NETBACK_BACKLOG_BYTES_MIN - 1,
               SPLITIO_NETBACK_BACKLOG_BYTES_MIN, (1u << 30) + 1},
              0,
              1u << 30,
              {SPLITIO_NETBACK_BACKLOG_BYTES_MIN - 1}},
     .set_back = set_backlog},
    {.name = "headroom",
     .protocol = &net_protocol,
     .features = "rx-copy, headroom",
     .front = {5, {0, 1, 256, 2048, 2049}, 0, 2048, {0}},
     .set_front = set_headroom,
     .check = check_headroom},
    {.name = "MTU",
     .protocol = &net_protocol,
     .features = "rx-copy",
     .by_store = true,
     .front =
         {8, {0, 1, 67, 68, 1500, 65521, 65522, UINT32_MAX}, 68, 65521, {0}},
     .set_front = set_mtu,
     .check = check_mtu},
};

static bool is_good(const struct values *v, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        if (v->bad[i] && v->bad[i] == value)
            return false;
    return v->nr == 0 || (value >= v->min && value <= v->max);
}

/* init() says no, and holds nothing. */
static bool is_refused_by(struct rig *r, bool (*make)(struct rig *r))
{
    return !make(r) || rig_fail(r, "a value out of range was taken");
}

static bool connect(struct rig *r)
{
    for (unsigned i = 0; i < RIG_STAGES; i++)
        if (!rig_stage(r, i))
            return false;
    return rig_connect(r);
}

static bool try_values(struct rig *r, const struct number *n, uint32_t front,
                       uint32_t back)
{
    bool good_front = is_good(&n->front, front);
    bool good_back = is_good(&n->back, back);

    if (n->by_store && !(good_front && good_back))
        return connect(r) && rig_is_refused(r);
    if (!good_front && !is_refused_by(r, r->protocol->front_new))
        return false;
    if (!good_back && !is_refused_by(r, r->protocol->back_new))
        return false;
    if (!good_front || !good_back)
        return true;
    if (!connect(r))
        return false;
    if (!r->protocol->is_up(r))
        return rig_fail(r, "not connected");
    return r->protocol->traffic(r) && (!n->check || n->check(r, front, back));
}

static unsigned nr_pairs;

static bool one(struct world *w, const struct number *n, unsigned i, unsigned j)
{
    uint64_t mask = named_features(n->protocol, n->features);
    uint32_t front = n->front.values[i], back = n->back.values[j];
    struct rig *r = rig_new(w, n->protocol, mask, mask);
    char why[240] = "";

    nr_pairs++;
    if (n->set_front)
        n->set_front(r, front);
    if (n->set_back)
        n->set_back(r, back);
    (void)try_values(r, n, front, back);
    if (rig_delete(r, why, sizeof(why)))
        return true;
    printf("# FAILED %s, %s: front %" PRIu32 ", back %" PRIu32 ": %s\n",
           n->protocol->name, n->name, front, back, why);
    return false;
}

static unsigned run_number(struct world *w, const struct number *n)
{
    unsigned nr_failed = 0, nr_front = n->front.nr ? n->front.nr : 1;
    unsigned nr_back = n->back.nr ? n->back.nr : 1;

    for (unsigned i = 0; i < nr_front; i++)
        for (unsigned j = 0; j < nr_back; j++)
            if (!one(w, n, i, j)) {
                nr_failed++;
                world_close(w);
                assert_true(world_open(w, &bindings_fake[0]));
            }
    printf("# %s, %s: %u values, %u failed\n", n->protocol->name, n->name,
           nr_front * nr_back, nr_failed);
    return nr_failed;
}

static void run(const struct protocol *p)
{
    unsigned nr_failed = 0;
    struct world w;

    assert_true(world_open(&w, &bindings_fake[0]));
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(numbers); i++)
        if (numbers[i].protocol == p)
            nr_failed += run_number(&w, &numbers[i]);
    world_close(&w);
    assert_int_equal(nr_failed, 0);
}

static void block_limits_are_agreed_on_or_refused(void **state)
{
    (void)state;
    run(&blk_protocol);
}

static void net_limits_are_agreed_on_or_refused(void **state)
{
    (void)state;
    run(&net_protocol);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(block_limits_are_agreed_on_or_refused),
        cmocka_unit_test(net_limits_are_agreed_on_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
