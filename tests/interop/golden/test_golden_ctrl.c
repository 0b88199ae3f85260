/* SPDX-License-Identifier: BSD-2-Clause */
/* Every message of netif's control ring, and what goes with it in pages and on
 * the data rings, as splitio's halves write and read it, beside the same made
 * from Xen's headers. */
#include "cm.h"

#include "golden.h"
#include "net_rig.h"
#include "peer_ctrl.h"
#include "peer_netfront.h"

#include <string.h>

static struct cpu {
    const char *name, *program;
} cpus[] = {{"x86_64", GOLDEN_X86_64}, {"x86_32", GOLDEN_X86_32}};

static struct golden golden;
static struct net_rig *rig;

static const char key[] = "golden key";
#define KEY_BYTES (sizeof(key) - 1)

/* ---- what the front writes ---- */

static struct splitio_sring *ring;
static uint32_t cons;

static void front_open(const struct cpu *cpu, bool stage)
{
    struct splitio_netif_offer offer = {.features = SPLITIO_NETIF_F_ALL,
                                        .max_queues = 1};

    golden_open(&golden, cpu->name, cpu->program);
    rig = rig_new();
    rig->front_config.nr_tx_pages = 20;
    rig->front_config.nr_rx_pages = 8;
    rig->front_config.ctrl_ring = true;
    rig->front_config.stage_pages = stage;
    rig_init_front(rig);
    assert_int_equal(
        splitio_netfront_connect(&rig->front, 0, &offer, &rig->link), 0);
    ring = pair_granted(rig->pair, rig->link.ctrl.gref);
    cons = 0;
}

static void front_close(void)
{
    rig_init_back(rig);
    rig_delete(rig);
    golden_close(&golden);
}

static struct splitio_netif_ctrl_request *ctrl_slot(uint32_t index)
{
    return (struct splitio_netif_ctrl_request *)(ring + 1) + index % 128;
}

/* The front has written this request; where its pages are is its own affair. */
static const struct splitio_netif_ctrl_request *
front_asks(unsigned type, uint32_t data0, uint32_t data1, uint32_t data2)
{
    const struct splitio_netif_ctrl_request *req;

    while (splitio_netfront_poll(&rig->front, 16) > 0)
        ;
    assert_int_equal(ring->req_prod, cons + 1);
    req = ctrl_slot(cons);
    golden_make(&golden, "net_ctrl_request %u %u %u %u %u", req->id, type,
                data0 == UINT32_MAX ? req->data[0] : data0,
                data1 == UINT32_MAX ? req->data[1] : data1, data2);
    golden_same(&golden, req, sizeof(*req), "control request");
    return req;
}

static void answer_front(unsigned type, unsigned status, unsigned data)
{
    struct splitio_netif_ctrl_request *slot = ctrl_slot(cons++);

    golden_make(&golden, "net_ctrl_response %u %u %u %u", slot->id, type,
                status, data);
    memcpy(slot, golden.bytes, golden.len);
    ring->rsp_prod = cons;
    assert_true(splitio_netfront_poll(&rig->front, 16) >= 0);
}

#define A_PAGE UINT32_MAX /* any reference */

static void front_asks_for_hashing_as_xen_does(void **state)
{
    struct splitio_netif_hash h = {
        .algorithm = 1, .kinds = 5, .key_bytes = KEY_BYTES, .nr_mapping = 3};
    const uint32_t mapping[3] = {0, 0, 0};

    front_open(*state, false);
    memcpy(h.key, key, KEY_BYTES);
    assert_int_equal(splitio_netfront_set_hash(&rig->front, &h), 0);
    front_asks(7, 1, 0, 0);
    answer_front(7, 0, 0);
    front_asks(1, 0, 0, 0);
    answer_front(1, 0, 0xf);
    front_asks(4, 0, 0, 0);
    answer_front(4, 0, 128);
    assert_memory_equal(
        pair_granted(rig->pair, front_asks(3, A_PAGE, KEY_BYTES, 0)->data[0]),
        key, KEY_BYTES);
    answer_front(3, 0, 0);
    front_asks(5, 3, 0, 0);
    answer_front(5, 0, 0);
    assert_memory_equal(
        pair_granted(rig->pair, front_asks(6, A_PAGE, 3, 0)->data[0]), mapping,
        sizeof(mapping));
    answer_front(6, 0, 0);
    front_asks(2, 5, 0, 0);
    answer_front(2, 0, 0);
    assert_int_equal(splitio_netfront_hash_status(&rig->front), 0);
    front_close();
}

/* The list in the page of this request. */
static void expect_list(const struct splitio_netif_ctrl_request *req)
{
    const struct splitio_netif_gref *list =
        pair_granted(rig->pair, req->data[1]);

    for (uint32_t i = 0; i < req->data[2]; i++) {
        assert_non_null(pair_granted(rig->pair, list[i].gref));
        golden_make(&golden, "net_gref %u %u 0", list[i].gref, list[i].flags);
        golden_same(&golden, &list[i], sizeof(list[i]), "staged page");
    }
}

static void front_stages_as_xen_does(void **state)
{
    front_open(*state, true);
    front_asks(8, 0, 0, 0);
    answer_front(8, 0, 9);
    expect_list(front_asks(9, 0, A_PAGE, 9));
    answer_front(9, 0, 0);
    assert_int_equal(splitio_netfront_nr_staged(&rig->front), 9);
    assert_int_equal(splitio_netfront_set_staging(&rig->front, false), 0);
    expect_list(front_asks(10, 0, A_PAGE, 9));
    answer_front(10, 0, 9);
    assert_int_equal(splitio_netfront_nr_staged(&rig->front), 0);
    front_close();
}

static void front_understands_refusals_as_xen_makes_them(void **state)
{
    static const int errors[] = {0, SPLITIO_EOPNOTSUPP, SPLITIO_EINVAL,
                                 SPLITIO_E2BIG};
    struct splitio_netif_hash h = {.algorithm = 1, .kinds = 1};

    for (unsigned status = 1; status <= 3; status++) {
        front_open(*state, false);
        assert_int_equal(splitio_netfront_set_hash(&rig->front, &h), 0);
        front_asks(7, 1, 0, 0);
        answer_front(7, status, 0);
        assert_int_equal(splitio_netfront_hash_status(&rig->front),
                         errors[status]);
        front_close();
    }
}

/* ---- what the back reads, and writes ---- */

static struct peer_front guest;
static struct peer_ctrl ctrl;

static void back_open(const struct cpu *cpu)
{
    struct splitio_netif_link link;

    golden_open(&golden, cpu->name, cpu->program);
    rig = rig_new();
    rig->back_config.staged_pages = 48;
    rig_init_back(rig);
    peer_front_open(&guest, rig->pair, 0);
    peer_ctrl_open(&ctrl, rig->pair, 0);
    link = peer_front_link(&guest, SPLITIO_NETIF_F_OFFLOADS);
    link.ctrl = peer_ctrl_link(&ctrl);
    assert_int_equal(splitio_netback_connect(&rig->back, PAIR_GUEST, &link), 0);
}

static void back_close(void)
{
    splitio_netback_disconnect(&rig->back);
    peer_front_close(&guest);
    peer_ctrl_close(&ctrl);
    rig_init_front(rig);
    rig_delete(rig);
    golden_close(&golden);
}

static void run_back(void)
{
    pair_step(rig->pair);
    while (splitio_netback_poll(&rig->back, 16) > 0)
        ;
    assert_true(splitio_netback_is_valid(&rig->back));
}

/* Asks; the answer is this one. */
static void back_answers(unsigned type, uint32_t data0, uint32_t data1,
                         uint32_t data2, unsigned status, unsigned result)
{
    void *slot =
        (struct splitio_netif_ctrl_request *)(ctrl.ring + 1) + ctrl.prod % 128;

    golden_make(&golden, "net_ctrl_request %u %u %u %u %u", 700 + type, type,
                data0, data1, data2);
    memcpy(slot, golden.bytes, golden.len);
    ctrl.prod++;
    peer_ctrl_push(&ctrl);
    run_back();
    assert_int_equal(ctrl.ring->rsp_prod, ctrl.prod);
    golden_make(&golden, "net_ctrl_response %u %u %u %u", 700 + type, type,
                status, result);
    golden_same(&golden, slot, golden.len, "control response");
}

static void hash_everything(void)
{
    static const uint32_t mapping[4] = {0};

    memcpy(guest.pages[60], key, KEY_BYTES);
    memcpy(guest.pages[61], mapping, sizeof(mapping));
    back_answers(7, 1, 0, 0, 0, 0);
    back_answers(1, 0, 0, 0, 0, 0xf);
    back_answers(3, guest.grefs[60], KEY_BYTES, 0, 0, 0);
    back_answers(4, 0, 0, 0, 0, SPLITIO_NETIF_HASH_MAPPING_MAX);
    back_answers(5, 4, 0, 0, 0, 0);
    back_answers(6, guest.grefs[61], 4, 0, 0, 0);
    back_answers(2, 0xf, 0, 0, 0, 0);
}

static void back_hashes_as_xen_does(void **state)
{
    struct kept k = make_ip(4, SPLITIO_PACKET_TCP, 800, false);
    const union splitio_netif_rx_slot *slots;
    struct splitio_netif_hash h = {.kinds = 0xf, .key_bytes = KEY_BYTES};
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);
    uint32_t value;
    uint8_t type;

    back_open(*state);
    hash_everything();
    h.algorithm = 1;
    memcpy(h.key, key, KEY_BYTES);
    type = splitio_netif_hash_frame(&h, k.bytes, k.len_bytes, &value);
    assert_int_equal(type, 2); /* addresses and ports, IPv4 */
    for (unsigned i = 0; i < 4; i++)
        peer_front_lend(&guest, guest.grefs[i]);
    peer_front_push(&guest);
    queue_put(&rig->nic.in, &f);
    run_back();
    slots = (const union splitio_netif_rx_slot *)(guest.rx + 1);
    golden_make(&golden, "net_rx_response 0 0 8 800");
    golden_same(&golden, &slots[0], golden.len, "frame with an extra");
    golden_make(&golden, "net_hash 0 1 1 %u", value);
    golden_same(&golden, &slots[1], golden.len, "hash");
    kept_free(&k);
    back_close();
}

/* Two pages of the guest's, the second for reading only, in a list. */
static void write_list(uint8_t *at)
{
    for (unsigned i = 0; i < 2; i++) {
        golden_make(&golden, "net_gref %u %u 0", guest.grefs[10 + i], i);
        memcpy(at + i * golden.len, golden.bytes, golden.len);
    }
}

static void back_stages_as_xen_does(void **state)
{
    back_open(*state);
    back_answers(8, 0, 0, 0, 0, 48);
    write_list(guest.pages[20]);
    back_answers(9, 0, guest.grefs[20], 2, 0, 0);
    back_answers(10, 0, guest.grefs[20], 2, 0, 2);
    for (unsigned i = 0; i < 2; i++) {
        golden_make(&golden, "net_gref %u %u 0", guest.grefs[10 + i], i);
        golden_same(&golden, guest.pages[20] + i * golden.len, golden.len,
                    "page that is no longer staged");
    }
    /* Once more: each has a status of its own. */
    back_answers(10, 0, guest.grefs[20], 2, 0, 0);
    for (unsigned i = 0; i < 2; i++) {
        golden_make(&golden, "net_gref %u %u 2", guest.grefs[10 + i], i);
        golden_same(&golden, guest.pages[20] + i * golden.len, golden.len,
                    "page that was not staged");
    }
    back_close();
}

static void back_refuses_as_xen_does(void **state)
{
    back_open(*state);
    back_answers(11, 1, 2, 3, 1, 0);
    back_answers(2, 16, 0, 0, 2, 0);
    back_answers(3, guest.grefs[60], 4097, 0, 3, 0);
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
        CASES(front_asks_for_hashing_as_xen_does),
        CASES(front_stages_as_xen_does),
        CASES(front_understands_refusals_as_xen_makes_them),
        CASES(back_hashes_as_xen_does),
        CASES(back_stages_as_xen_does),
        CASES(back_refuses_as_xen_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
