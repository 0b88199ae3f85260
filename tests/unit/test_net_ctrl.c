/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashing and staged pages between netfront and netback. */
#include "cm.h"
#include "net_rig.h"

#include <splitio/proto/netif_ctrl.h>

#include <string.h>

static struct net_rig *rig_with(uint32_t queues, uint32_t staged)
{
    struct net_rig *r = rig_new();

    r->back_config.max_queues = r->front_config.max_queues = queues;
    r->back_config.staged_pages = staged;
    r->front_config.nr_tx_pages = 64;
    r->front_config.nr_rx_pages = 64;
    r->front_config.ctrl_ring = true;
    return r;
}

static struct splitio_netif_hash a_hash(void)
{
    struct splitio_netif_hash h = {
        .algorithm = SPLITIO_NETIF_HASH_TOEPLITZ,
        .kinds = SPLITIO_NETIF_HASH_ALL,
        .key_bytes = SPLITIO_TOEPLITZ_KEY_BYTES,
    };
    unsigned i;

    for (i = 0; i < sizeof(h.key); i++)
        h.key[i] = (uint8_t)(i * 29 + 5);
    return h;
}

/* Slots that the back has filled on queue i. */
static uint32_t taken_by(const struct net_rig *r, unsigned i)
{
    const struct splitio_sring *ring =
        pair_granted(r->pair, r->link.queues[i].rx_gref);

    return splitio_le32(ring->rsp_prod);
}

static void deliver(struct net_rig *r, const struct kept *k)
{
    struct splitio_iovec iov[6];
    struct splitio_frame f = kept_frame(k, iov, 1 + rnd() % 6);

    queue_put(&r->nic.in, &f);
    rig_run(r);
}

/* Every frame comes on the queue that its hash says, and with that hash. */
static void frames_come_where_their_hash_says(void **state)
{
    struct splitio_netif_hash h = a_hash();
    struct net_rig *r = rig_with(4, 0);
    unsigned i, seen = 0;

    (void)state;
    rnd_seed(5);
    h.nr_mapping = 13;
    for (i = 0; i < 13; i++)
        h.mapping[i] = (uint8_t)(i * 7 % 4);
    rig_join(r);
    assert_int_equal(splitio_netfront_set_hash(&r->front, &h), 0);
    rig_run(r);
    assert_int_equal(splitio_netfront_hash_status(&r->front), 0);
    for (i = 0; i < 300; i++) {
        unsigned version = rnd() % 2 ? 4 : 6;
        struct kept k =
            i % 5 == 0 ? make_noise(60 + rnd() % 3000)
            : i % 5 == 1
                ? make_gso(version, 2000 + rnd() % 30000, 1400)
                : make_ip(version,
                          rnd() % 2 ? SPLITIO_PACKET_TCP : SPLITIO_PACKET_UDP,
                          120 + rnd() % 3000, rnd() % 2);
        uint32_t value, queue, before;
        uint8_t kind =
            splitio_netif_hash_frame(&h, k.bytes, k.len_bytes, &value);
        struct kept got;

        queue = splitio_netif_hash_queue(&h, value, 4);
        before = taken_by(r, queue);
        deliver(r, &k);
        assert_int_not_equal(taken_by(r, queue), before);
        got = queue_get(&r->received);
        assert_same_bytes(&k, &got);
        assert_int_equal(got.hash_type, kind);
        assert_int_equal(got.hash, value);
        seen |= 1u << kind;
        kept_free(&got);
        kept_free(&k);
    }
    assert_int_equal(seen, 0x1f);
    rig_delete(r);
}

/* Long frames that are cut: each piece has the hash of the whole. */
static void pieces_of_a_cut_frame_have_its_hash(void **state)
{
    struct splitio_netif_hash h = a_hash();
    struct net_rig *r = rig_with(2, 0);
    struct kept k = make_gso(4, 9000, 1000);
    uint32_t value;
    unsigned nr = 0;

    (void)state;
    r->front_config.features = SPLITIO_NETIF_F_SG | SPLITIO_NETIF_F_CSUM_V4;
    r->front_config.headroom_bytes = 256;
    rig_join(r);
    assert_int_equal(splitio_netfront_set_hash(&r->front, &h), 0);
    rig_run(r);
    splitio_netif_hash_frame(&h, k.bytes, k.len_bytes, &value);
    deliver(r, &k);
    for (; queue_len(&r->received) != 0; nr++) {
        struct kept got = queue_get(&r->received);

        assert_int_equal(got.hash_type, SPLITIO_HASH_IPV4_TCP);
        assert_int_equal(got.hash, value);
        kept_free(&got);
    }
    assert_int_equal(nr, 9);
    kept_free(&k);
    rig_delete(r);
}

/* What the sender knows of a frame arrives with it, alone or with more. */
static void hash_of_a_frame_that_is_sent_arrives(void **state)
{
    struct splitio_netif_hash h = a_hash();
    struct net_rig *r = rig_with(1, 0);
    unsigned i;

    (void)state;
    rig_join(r);
    for (i = 0; i < 20; i++) {
        struct kept k = i % 2 ? make_gso(6, 9000, 1000)
                              : make_ip(4, SPLITIO_PACKET_TCP, 900, true);
        struct kept got;

        if (i == 4)
            assert_int_equal(splitio_netfront_set_hash(&r->front, &h), 0);
        if (i == 16) {
            h.algorithm = SPLITIO_NETIF_HASH_NONE;
            assert_int_equal(splitio_netfront_set_hash(&r->front, &h), 0);
        }
        rig_run(r);
        k.hash_type = (uint8_t)(i % 5);
        k.hash = rnd();
        rig_send(r, &k);
        got = queue_get(&r->nic.out);
        assert_same(&k, &got);
        if (i < 4 || i >= 16 || k.hash_type == 0) {
            assert_int_equal(got.hash_type, SPLITIO_HASH_NONE);
        } else {
            assert_int_equal(got.hash_type, k.hash_type);
            assert_int_equal(got.hash, k.hash);
        }
        kept_free(&got);
        kept_free(&k);
    }
    rig_delete(r);
}

/* A frame of each kind, both ways. */
static void check_traffic(struct net_rig *r)
{
    unsigned i;

    for (i = 0; i < 40; i++) {
        struct kept k = i % 2 ? make_gso(4, 3000 + rnd() % 40000, 1400)
                              : make_ip(6, SPLITIO_PACKET_UDP,
                                        100 + rnd() % 6000, i % 4 == 0);
        struct kept got;

        rig_send(r, &k);
        got = queue_get(&r->nic.out);
        assert_same(&k, &got);
        kept_free(&got);
        deliver(r, &k);
        got = queue_get(&r->received);
        assert_same(&k, &got);
        kept_free(&got);
        kept_free(&k);
    }
}

static void staged_pages_save_all_copies(void **state)
{
    struct net_rig *r = rig_with(2, 128);
    uint64_t before;

    (void)state;
    rnd_seed(7);
    rig_join(r);
    assert_int_equal(splitio_netfront_nr_staged(&r->front), 0);
    check_traffic(r);
    assert_int_equal(r->back.stats.staged_copies, 0);
    before = r->back.stats.copies;
    assert_true(before >= 80);
    assert_int_equal(splitio_netfront_set_staging(&r->front, true), 0);
    rig_run(r);
    assert_int_equal(splitio_netfront_nr_staged(&r->front), 256);
    r->pair->nr_copies = 0;
    check_traffic(r);
    assert_int_equal(r->pair->nr_copies, 0);
    assert_int_equal(r->back.stats.copies, before);
    assert_true(r->back.stats.staged_copies >= 80);
    /* And back to copies. */
    assert_int_equal(splitio_netfront_set_staging(&r->front, false), 0);
    rig_run(r);
    assert_int_equal(splitio_netfront_nr_staged(&r->front), 0);
    before = r->back.stats.staged_copies;
    check_traffic(r);
    assert_int_equal(r->back.stats.staged_copies, before);
    assert_int_equal(splitio_grant_engine_nr_mapped(&r->pair->hv.grants, 0),
                     2 * 2 + 1);
    rig_delete(r);
}

/* Pages that the back takes and pages that it does not, in the same frame. */
static void staging_of_some_pages_changes_nothing_but_speed(void **state)
{
    static const uint32_t some[] = {1, 2, 63, 65, 100, 127};
    unsigned i;

    (void)state;
    rnd_seed(8);
    for (i = 0; i < SPLITIO_ARRAY_LEN(some); i++) {
        struct net_rig *r = rig_with(1, some[i]);

        r->front_config.stage_pages = true;
        r->front_config.untrusted = i & 1;
        r->front_config.headroom_bytes = i & 2 ? 100 : 0;
        rig_join(r);
        rig_run(r);
        assert_int_equal(splitio_netfront_nr_staged(&r->front), some[i]);
        check_traffic(r);
        check_traffic(r);
        assert_true(r->back.stats.staged_copies != 0);
        assert_true(r->back.stats.copies != 0);
        rig_delete(r);
    }
}

/* A back that has no room for the mappings goes on with copies. */
static void mappings_that_fail_are_done_without(void **state)
{
    struct net_rig *r = rig_with(1, 128);

    (void)state;
    rnd_seed(9);
    r->front_config.stage_pages = true;
    r->pair->fail_map = 77;
    rig_join(r);
    rig_run(r);
    assert_int_equal(splitio_netfront_nr_staged(&r->front), SPLITIO_EINVAL);
    check_traffic(r);
    assert_int_equal(r->back.stats.staged_copies, 0);
    assert_int_equal(splitio_netfront_set_staging(&r->front, true), 0);
    rig_run(r);
    assert_int_equal(splitio_netfront_nr_staged(&r->front), 128);
    check_traffic(r);
    rig_delete(r);
}

/* What is wanted is said to every new back, and nothing of the old is left. */
static void wishes_outlive_the_connection(void **state)
{
    struct splitio_netif_hash h = a_hash();
    struct net_rig *r = rig_with(2, 128);
    unsigned i;

    (void)state;
    rnd_seed(10);
    r->front_config.stage_pages = true;
    rig_join(r);
    assert_int_equal(splitio_netfront_set_hash(&r->front, &h), 0);
    for (i = 0; i < 10; i++) {
        struct splitio_netif_offer offer;

        rig_run(r);
        assert_int_equal(splitio_netfront_hash_status(&r->front), 0);
        assert_int_equal(splitio_netfront_nr_staged(&r->front), 256);
        check_traffic(r);
        /* Whoever leaves first, and in the middle of it all. */
        if (i & 1)
            splitio_netfront_disconnect(&r->front);
        splitio_netback_disconnect(&r->back);
        splitio_netfront_disconnect(&r->front);
        assert_int_equal(splitio_grant_engine_nr_mapped(&r->pair->hv.grants, 0),
                         0);
        assert_int_equal(splitio_netfront_hash_status(&r->front),
                         SPLITIO_EAGAIN);
        while (splitio_guest_poll(&r->pair->guest, 64) != 0)
            ;
        splitio_netback_offer(&r->back, &offer);
        assert_int_equal(
            splitio_netfront_connect(&r->front, 0, &offer, &r->link), 0);
        assert_int_equal(
            splitio_netback_connect(&r->back, PAIR_GUEST, &r->link), 0);
    }
    rig_delete(r);
}

/* Whatever the front cannot get when it connects, nothing is held. */
static void connections_that_fail_leave_nothing(void **state)
{
    struct splitio_netif_offer offer;
    struct net_rig *r = rig_with(1, 128);
    unsigned i;
    int err = -1;

    (void)state;
    rig_init_back(r);
    r->front_config.nr_tx_pages = 18;
    r->front_config.nr_rx_pages = 4;
    rig_init_front(r);
    splitio_netback_offer(&r->back, &offer);
    for (i = 1; err != 0; i++) {
        r->pair->nr_guest_ops = 0;
        r->pair->fail_guest_op = i;
        err = splitio_netfront_connect(&r->front, 0, &offer, &r->link);
        if (err != 0)
            assert_int_equal(splitio_guest_nr_lent(&r->pair->guest), 0);
    }
    assert_true(i > 2 * (18 + 4 + 4) + 3);
    r->pair->fail_guest_op = 0;
    for (i = 1, err = -1; err != 0; i++) {
        r->pair->nr_host_ops = 0;
        r->pair->fail_host_op = i;
        err = splitio_netback_connect(&r->back, PAIR_GUEST, &r->link);
        if (err != 0)
            assert_int_equal(
                splitio_grant_engine_nr_mapped(&r->pair->hv.grants, 0), 0);
    }
    assert_true(i > 6);
    rig_delete(r);
}

static void configurations_out_of_range_are_refused(void **state)
{
    struct net_rig *r = rig_with(1, SPLITIO_NETIF_GREF_LIST_MAX);

    (void)state;
    assert_true(splitio_netback_mem_bytes(&r->back_config) != 0);
    r->back_config.staged_pages++;
    assert_int_equal(splitio_netback_mem_bytes(&r->back_config), 0);
    r->back_config.staged_pages--;
    rig_join(r);
    rig_delete(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_where_their_hash_says),
        cmocka_unit_test(pieces_of_a_cut_frame_have_its_hash),
        cmocka_unit_test(hash_of_a_frame_that_is_sent_arrives),
        cmocka_unit_test(staged_pages_save_all_copies),
        cmocka_unit_test(staging_of_some_pages_changes_nothing_but_speed),
        cmocka_unit_test(mappings_that_fail_are_done_without),
        cmocka_unit_test(wishes_outlive_the_connection),
        cmocka_unit_test(connections_that_fail_leave_nothing),
        cmocka_unit_test(configurations_out_of_range_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
