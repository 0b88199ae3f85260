/* SPDX-License-Identifier: BSD-2-Clause */
/* Every message of netif's two data rings as splitio's halves write and read
 * it, beside the same message made from Xen's headers. */
#include "cm.h"

#include "golden.h"
#include "net_rig.h"
#include "peer_netfront.h"

#include <string.h>

static struct cpu {
    const char *name, *program;
} cpus[] = {{"x86_64", GOLDEN_X86_64}, {"x86_32", GOLDEN_X86_32}};

#define CSUM  (SPLITIO_NETTXF_CSUM_BLANK | SPLITIO_NETTXF_DATA_VALIDATED)
#define MORE  SPLITIO_NETTXF_MORE_DATA
#define EXTRA SPLITIO_NETTXF_EXTRA_INFO

static struct golden golden;
static struct net_rig *rig;

/* ---- what the front writes ---- */

static struct splitio_sring *tx, *rx;

static void front_open(const struct cpu *cpu)
{
    struct splitio_netif_offer offer = {.features = SPLITIO_NETIF_F_ALL,
                                        .max_queues = 1};

    golden_open(&golden, cpu->name, cpu->program);
    rig = rig_new();
    rig_init_front(rig);
    assert_int_equal(
        splitio_netfront_connect(&rig->front, 0, &offer, &rig->link), 0);
    tx = pair_granted(rig->pair, rig->link.queues[0].tx_gref);
    rx = pair_granted(rig->pair, rig->link.queues[0].rx_gref);
}

static void front_close(void)
{
    rig_delete(rig);
    golden_close(&golden);
}

static const struct splitio_netif_tx_request *tx_slot(uint32_t index)
{
    return &((const union splitio_netif_tx_slot *)(tx + 1) +
             index % SPLITIO_NETIF_RING_SLOTS)
                ->req;
}

/* Sends; the index of the first slot of the frame. */
static uint32_t sends(struct kept k)
{
    uint32_t first = tx->req_prod;
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);

    assert_int_equal(splitio_netfront_send(&rig->front, &f), 0);
    splitio_netfront_kick(&rig->front);
    kept_free(&k);
    return first;
}

/* The slot is this one; where in the guest's memory is the front's affair. */
static void expect_tx(uint32_t index, unsigned flags, unsigned size)
{
    const struct splitio_netif_tx_request *r = tx_slot(index);

    golden_make(&golden, "net_tx_request %u %u %u %u %u", r->gref, r->offset,
                flags, r->id, size);
    golden_same(&golden, r, sizeof(*r), "tx request");
}

static void front_sends_as_xen_does(void **state)
{
    uint32_t at, left = 10000;

    front_open(*state);
    expect_tx(sends(make_noise(1000)), 0, 1000);
    expect_tx(sends(make_ip(4, SPLITIO_PACKET_TCP, 700, true)), CSUM, 700);
    expect_tx(sends(make_ip(6, SPLITIO_PACKET_UDP, 701, true)), CSUM, 701);
    at = sends(make_noise(10000));
    expect_tx(at, MORE, 10000);
    /* The first slot has the total; its own part is what the others leave. */
    while (tx_slot(at)->flags & MORE) {
        at++;
        left -= tx_slot(at)->size;
        expect_tx(at, tx_slot(at)->flags & MORE, tx_slot(at)->size);
    }
    assert_int_equal(at + 1, tx->req_prod);
    assert_in_range(left, 1, 4096);
    front_close();
}

static void front_sends_gso_as_xen_does(void **state)
{
    static const unsigned versions[] = {4, 6}, types[] = {1, 2};

    front_open(*state);
    for (unsigned i = 0; i < 2; i++) {
        uint32_t at = sends(make_gso(versions[i], 3000, 1000));

        expect_tx(at, CSUM | EXTRA | (tx_slot(at)->flags & MORE), 3000);
        golden_make(&golden, "net_gso 0 1000 %u", types[i]);
        golden_same(&golden, tx_slot(at + 1), golden.len, "gso extra");
    }
    front_close();
}

static const uint8_t group[6] = {1, 0, 0x5e, 0x11, 0x22, 0x33};
#define GROUP "1 0 0x5e 0x11 0x22 0x33"

static void front_asks_for_groups_as_xen_does(void **state)
{
    front_open(*state);
    for (unsigned add = 1; add + 1 > 0; add--) {
        uint32_t at = tx->req_prod;

        assert_int_equal(
            add ? splitio_netfront_mcast_add(&rig->front, group)
                : splitio_netfront_mcast_remove(&rig->front, group),
            0);
        while (splitio_netfront_poll(&rig->front, 16) > 0)
            ;
        splitio_netfront_kick(&rig->front);
        assert_int_equal(tx->req_prod, at + 2);
        expect_tx(at, EXTRA, tx_slot(at)->size);
        golden_make(&golden, "net_mcast %u 0 " GROUP, add);
        golden_same(&golden, tx_slot(at + 1), golden.len, "group");
    }
    front_close();
}

static void front_lends_as_xen_does(void **state)
{
    front_open(*state);
    assert_in_range(rx->req_prod, 1, SPLITIO_NETIF_RING_SLOTS);
    for (uint32_t i = 0; i < rx->req_prod; i++) {
        const struct splitio_netif_rx_request *r =
            (const void *)((const union splitio_netif_rx_slot *)(rx + 1) + i);

        golden_make(&golden, "net_rx_request %u %u", i, r->gref);
        golden_same(&golden, r, sizeof(*r), "rx request");
    }
    front_close();
}

/* ---- what the back reads, and writes ---- */

static struct peer_front guest;

static void back_open(const struct cpu *cpu)
{
    struct splitio_netif_link link;

    golden_open(&golden, cpu->name, cpu->program);
    rig = rig_new();
    rig_init_back(rig);
    peer_front_open(&guest, rig->pair, 0);
    link = peer_front_link(&guest, SPLITIO_NETIF_F_ALL);
    assert_int_equal(splitio_netback_connect(&rig->back, PAIR_GUEST, &link), 0);
}

static void back_close(void)
{
    splitio_netback_disconnect(&rig->back);
    peer_front_close(&guest);
    rig_delete(rig);
    golden_close(&golden);
}

/* Puts the message made last into the tx ring. */
static void put_tx(void)
{
    union splitio_netif_tx_slot *slot = peer_front_tx(&guest);

    assert_in_range(golden.len, 1, sizeof(*slot));
    memcpy(slot, golden.bytes, golden.len);
}

static void run_back(void)
{
    peer_front_push(&guest);
    pair_step(rig->pair);
    while (splitio_netback_poll(&rig->back, 16) > 0)
        ;
    assert_true(splitio_netback_is_valid(&rig->back));
}

static void expect_tx_response(unsigned index, unsigned id, int status)
{
    golden_make(&golden, "net_tx_response %u %d", id, status);
    golden_same(&golden, (union splitio_netif_tx_slot *)(guest.tx + 1) + index,
                golden.len, "tx response");
}

static void back_takes_frames_as_xen_does(void **state)
{
    struct kept k = make_gso(4, 3000, 1000), got;

    back_open(*state);
    memcpy(guest.pages[0] + 96, k.bytes, 3000);
    golden_make(&golden, "net_tx_request %u 96 %u 7 3000", guest.grefs[0],
                CSUM | EXTRA);
    put_tx();
    golden_make(&golden, "net_gso 0 1000 1");
    put_tx();
    golden_make(&golden, "net_tx_request %u 4090 0 8 7", guest.grefs[1]);
    put_tx();
    run_back();
    got = queue_get(&rig->nic.out);
    assert_same(&k, &got);
    expect_tx_response(0, 7, 0);
    /* An extra's answer is in its own slot; its id says nothing. */
    expect_tx_response(1, 0, 1);
    expect_tx_response(2, 8, -1);
    kept_free(&got);
    kept_free(&k);
    back_close();
}

static void back_takes_groups_as_xen_does(void **state)
{
    back_open(*state);
    for (unsigned add = 1; add + 1 > 0; add--) {
        golden_make(&golden, "net_tx_request %u 0 %u %u 60", guest.grefs[0],
                    EXTRA, 7 + add);
        put_tx();
        golden_make(&golden, "net_mcast %u 0 " GROUP, add);
        put_tx();
        run_back();
        assert_int_equal(rig->back.nr_mcast, add);
        if (add)
            assert_memory_equal(rig->back.mcast[0], group, 6);
        expect_tx_response(add ? 0 : 2, 7 + add, 0);
        expect_tx_response(add ? 1 : 3, 0, 1);
    }
    assert_int_equal(queue_len(&rig->nic.out), 0);
    back_close();
}

/* Lends, sends one frame to the guest, and looks at the first response. */
static void expect_rx(struct kept k, unsigned flags)
{
    unsigned first = guest.rx_prod;
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);

    for (unsigned i = 0; i < 4; i++)
        peer_front_lend(&guest, guest.grefs[first + i]);
    for (unsigned i = 0; i < 4; i++) {
        union splitio_netif_rx_slot *slot =
            (union splitio_netif_rx_slot *)(guest.rx + 1) + first + i;

        golden_make(&golden, "net_rx_request %u %u", first + i,
                    guest.grefs[first + i]);
        memcpy(slot, golden.bytes, golden.len);
    }
    queue_put(&rig->nic.in, &f);
    run_back();
    assert_in_range(guest.rx->rsp_prod, first + 1, first + 4);
    golden_make(&golden, "net_rx_response %u 0 %u %u", first, flags,
                k.len_bytes);
    golden_same(&golden, (union splitio_netif_rx_slot *)(guest.rx + 1) + first,
                golden.len, "rx response");
    assert_memory_equal(guest.pages[first], k.bytes, k.len_bytes);
    kept_free(&k);
}

static void back_delivers_as_xen_does(void **state)
{
    back_open(*state);
    expect_rx(make_noise(900), 0);
    back_close();
    back_open(*state);
    expect_rx(make_ip(4, SPLITIO_PACKET_TCP, 800, true), 3);
    back_close();
    back_open(*state);
    expect_rx(make_gso(6, 2000, 900), 3 | 8);
    golden_make(&golden, "net_gso 0 900 2");
    golden_same(&golden, (union splitio_netif_rx_slot *)(guest.rx + 1) + 1,
                golden.len, "gso extra");
    back_close();
}

/* A case for each processor. */
#define CASES(name)                                                            \
    {#name "_x86_64", name, NULL, NULL, &cpus[0]},                             \
    {                                                                          \
#name "_x86_32", name, NULL, NULL, &cpus[1]                            \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASES(front_sends_as_xen_does),
        CASES(front_sends_gso_as_xen_does),
        CASES(front_lends_as_xen_does),
        CASES(back_takes_frames_as_xen_does),
        CASES(back_delivers_as_xen_does),
        CASES(front_asks_for_groups_as_xen_does),
        CASES(back_takes_groups_as_xen_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
