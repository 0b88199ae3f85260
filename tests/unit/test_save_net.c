/* SPDX-License-Identifier: BSD-2-Clause */
/* netback is saved and restored in another's place: the front sees nothing of
 * it, and frames go on in order. */
#include "cm.h"
#include "net_rig.h"

#include <stdlib.h>
#include <string.h>

static void *save(struct net_rig *r, size_t *bytes)
{
    size_t again;
    void *blob;

    assert_int_equal(splitio_netback_save(&r->back, NULL, 0, bytes),
                     SPLITIO_ENOMEM);
    blob = malloc(*bytes);
    assert_int_equal(splitio_netback_save(&r->back, blob, *bytes - 1, &again),
                     SPLITIO_ENOMEM);
    assert_int_equal(splitio_netback_save(&r->back, blob, *bytes, &again), 0);
    assert_int_equal(again, *bytes);
    return blob;
}

/* Another back, in other memory, in the old one's place. */
static int replace(struct net_rig *r, const void *blob, size_t bytes)
{
    splitio_netback_disconnect(&r->back);
    rig_init_back(r);
    r->back_wakes = 0;
    return splitio_netback_restore(&r->back, blob, bytes);
}

static void hand_over(struct net_rig *r)
{
    size_t bytes;
    void *blob = save(r, &bytes);

    assert_int_equal(replace(r, blob, bytes), 0);
    free(blob);
}

static void put_in(struct net_rig *r, const struct kept *k)
{
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(k, &iov, 1);

    queue_put(&r->nic.in, &f);
}

static void check_next(struct queue *q, struct kept *want)
{
    struct kept got = queue_get(q);

    assert_same(want, &got);
    kept_free(&got);
    kept_free(want);
}

/* Frames both ways, the front not run in between: they wait in the rings when
 * the back is replaced. */
static void frames_in_the_rings_survive(unsigned queues)
{
    struct net_rig *r = rig_new();

    rnd_seed(7);
    r->back_config.max_queues = r->front_config.max_queues = queues;
    rig_join(r);
    for (unsigned i = 0; i < 200; i++) {
        struct kept out =
            i % 3 ? make_noise(100 + i * 7) : make_gso(4, 9000, 1400);
        struct kept in = i % 3 ? make_gso(6, 8000, 1200) : make_noise(100 + i);
        struct splitio_iovec iov;
        struct splitio_frame f = kept_frame(&out, &iov, 1);

        assert_int_equal(splitio_netfront_send(&r->front, &f), 0);
        splitio_netfront_kick(&r->front);
        hand_over(r);
        put_in(r, &in);
        rig_run(r);
        check_next(&r->nic.out, &out);
        check_next(&r->received, &in);
        assert_int_equal(queue_len(&r->nic.out), 0);
        assert_int_equal(queue_len(&r->received), 0);
    }
    assert_int_equal(splitio_netfront_in_flight(&r->front), 0);
    rig_delete(r);
}

static void back_of_one_queue_is_replaced_unseen(void **state)
{
    (void)state;
    frames_in_the_rings_survive(1);
}

static void back_of_queues_is_replaced_unseen(void **state)
{
    (void)state;
    frames_in_the_rings_survive(4);
}

static void pause_ends_when_nothing_waits(void **state)
{
    struct net_rig *r = rig_new();
    struct kept k = make_noise(500);

    (void)state;
    r->back_config.nic_full_polls = 100;
    rig_join(r);
    r->nic.send_room = 0;
    rig_send(r, &k);
    assert_int_equal(queue_len(&r->nic.out), 0);
    assert_int_equal(splitio_netback_pause(&r->back), SPLITIO_EAGAIN);
    r->nic.send_room = 10;
    r->back_wakes = 1;
    rig_run(r);
    assert_int_equal(splitio_netback_pause(&r->back), 0);
    check_next(&r->nic.out, &k);
    /* What comes while it is paused stays in the ring. */
    k = make_noise(600);
    rig_send(r, &k);
    assert_int_equal(queue_len(&r->nic.out), 0);
    hand_over(r);
    rig_run(r);
    check_next(&r->nic.out, &k);
    assert_int_equal(splitio_netback_pause(&r->back), 0);
    k = make_noise(700);
    rig_send(r, &k);
    splitio_netback_go_on(&r->back);
    rig_run(r);
    check_next(&r->nic.out, &k);
    rig_delete(r);
}

/* Or a busy wire would never let it end. */
static void paused_back_takes_no_frames_of_the_nic(void **state)
{
    struct net_rig *r = rig_new();
    struct kept k = make_noise(500);

    (void)state;
    rig_join(r);
    assert_true(splitio_netback_wants_frames(&r->back));
    assert_int_equal(splitio_netback_pause(&r->back), 0);
    assert_false(splitio_netback_wants_frames(&r->back));
    put_in(r, &k);
    rig_run(r);
    assert_int_equal(splitio_netback_pause(&r->back), 0);
    assert_int_equal(queue_len(&r->received), 0);
    hand_over(r);
    rig_run(r);
    check_next(&r->received, &k);
    /* And one that goes on by itself. */
    assert_int_equal(splitio_netback_pause(&r->back), 0);
    k = make_noise(600);
    put_in(r, &k);
    rig_run(r);
    assert_int_equal(queue_len(&r->received), 0);
    splitio_netback_go_on(&r->back);
    rig_run(r);
    check_next(&r->received, &k);
    rig_delete(r);
}

static void lists_and_limits_go_with_it(void **state)
{
    static const uint8_t group[6] = {1, 0, 0x5e, 1, 2, 3};
    struct net_rig *r = rig_new();
    struct kept k = make_noise(200);

    (void)state;
    r->front_config.filter_multicast = true;
    r->front_config.headroom_bytes = 256;
    rig_join(r);
    assert_int_equal(splitio_netfront_mcast_add(&r->front, group), 0);
    rig_run(r);
    assert_int_equal(r->back.nr_mcast, 1);
    splitio_netback_set_time(&r->back, 5);
    splitio_netback_set_rate(&r->back, 12345, 1000000);
    r->back.rate.credit = -77;
    hand_over(r);
    assert_int_equal(r->back.nr_mcast, 1);
    assert_true(r->back.filter_multicast);
    assert_int_equal(r->back.headroom, 256);
    assert_int_equal(r->back.rate.bytes, 12345);
    assert_int_equal(r->back.rate.credit, -77);
    memcpy(k.bytes, group, 6);
    put_in(r, &k);
    rig_run(r);
    check_next(&r->received, &k);
    k = make_noise(200);
    memcpy(k.bytes, group, 6);
    k.bytes[5] = 9; /* another group: not wanted */
    put_in(r, &k);
    kept_free(&k);
    rig_run(r);
    assert_int_equal(queue_len(&r->received), 0);
    assert_int_equal(r->back.stats.rx_filtered, 1);
    rig_delete(r);
}

static void damaged_blob_is_refused(void **state)
{
    struct net_rig *r = rig_new();
    size_t bytes;
    uint8_t *blob;

    (void)state;
    rig_join(r);
    blob = save(r, &bytes);
    splitio_netback_disconnect(&r->back);
    rig_init_back(r);
    for (size_t n = 0; n < bytes; n++) {
        uint8_t *cut = malloc(n ? n : 1);

        memcpy(cut, blob, n);
        assert_int_equal(splitio_netback_restore(&r->back, cut, n),
                         SPLITIO_EPROTO);
        free(cut);
    }
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(splitio_netback_restore(&r->back, blob, bytes),
                         SPLITIO_EPROTO);
        blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_false(r->back.connected);
    assert_int_equal(splitio_netback_restore(&r->back, blob, bytes), 0);
    assert_int_equal(splitio_netback_restore(&r->back, blob, bytes),
                     SPLITIO_EEXIST);
    free(blob);
    rig_delete(r);
}

static void lesser_device_refuses_to_go_on(void **state)
{
    (void)state;
    for (unsigned less = 0; less < 3; less++) {
        struct net_rig *r = rig_new();
        size_t bytes;
        void *blob;

        r->back_config.max_queues = r->front_config.max_queues = 2;
        r->front_config.filter_multicast = true;
        r->front_config.headroom_bytes = 64;
        rig_join(r);
        blob = save(r, &bytes);
        r->back_config.max_queues = less == 0 ? 1 : 2;
        if (less == 1)
            r->back_config.features &= ~SPLITIO_NETIF_F_MCAST;
        if (less == 2)
            r->back_config.features &= ~SPLITIO_NETIF_F_HEADROOM;
        assert_int_equal(replace(r, blob, bytes), SPLITIO_EOPNOTSUPP);
        assert_false(r->back.connected);
        free(blob);
        rig_delete(r);
    }
}

/* A frame each way: through pages that were staged, and with its hash. */
static void check_in_order(struct net_rig *r)
{
    uint64_t staged = r->back.stats.staged_copies;
    struct kept out = make_noise(300),
                in = make_ip(4, SPLITIO_PACKET_TCP, 600, false);

    in.bytes[0] &= 0xFE; /* to one station: others are filtered */
    rig_send(r, &out);
    check_next(&r->nic.out, &out);
    put_in(r, &in);
    rig_run(r);
    check_next(&r->received, &in);
    assert_true(r->back.stats.staged_copies > staged);
    assert_int_equal(splitio_netfront_hash_status(&r->front), 0);
}

/* ---- the front ---- */

static void *save_front(struct net_rig *r, size_t *bytes)
{
    size_t again;
    void *blob;

    assert_int_equal(splitio_netfront_save(&r->front, NULL, 0, bytes),
                     SPLITIO_ENOMEM);
    blob = malloc(*bytes);
    assert_int_equal(splitio_netfront_save(&r->front, blob, *bytes, &again), 0);
    assert_int_equal(again, *bytes);
    return blob;
}

static void connect_anew(struct net_rig *r)
{
    struct splitio_netif_offer offer;

    splitio_netback_offer(&r->back, &offer);
    assert_int_equal(splitio_netfront_connect(&r->front, 0, &offer, &r->link),
                     0);
    assert_int_equal(splitio_netback_connect(&r->back, PAIR_GUEST, &r->link),
                     0);
    r->front_wakes = r->back_wakes = 1;
    rig_run(r);
}

/* These bytes are read by other versions: they do not change. */
static void bytes_of_a_blob_are_those_of_its_version(void **state)
{
    static const uint8_t golden[] = {
        0x53, 0x50, 0x4c, 0x53, 0x01, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00,
        0x00, 0x2c, 0x00, 0x00, 0x00, 0xd2, 0xfc, 0xda, 0x47, 0x00, 0x00,
        0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x0c, 0x00, 0x00, 0x00, 0x01,
        0x00, 0x00, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
    struct net_rig *r = rig_new();
    size_t bytes;
    void *blob;

    (void)state;
    r->front_config.filter_multicast = true;
    r->front_config.headroom_bytes = 128;
    rig_join(r);
    blob = save_front(r, &bytes);
    assert_int_equal(bytes, sizeof(golden));
    assert_memory_equal(blob, golden, bytes);
    free(blob);
    rig_delete(r);
}

static void front_asks_again_for_what_it_wanted(void **state)
{
    static const uint8_t groups[3][6] = {
        {1, 0, 0x5e, 1, 2, 3}, {1, 0, 0x5e, 1, 2, 4}, {0x33, 0x33, 0, 0, 0, 1}};
    struct splitio_netif_hash hash = {.algorithm = SPLITIO_NETIF_HASH_TOEPLITZ,
                                      .kinds = SPLITIO_NETIF_HASH_ALL,
                                      .key_bytes = 40,
                                      .key = {1, 2, 3},
                                      .nr_mapping = 4};
    struct net_rig *r = rig_new();
    size_t bytes;
    uint8_t *blob;

    (void)state;
    r->front_config.ctrl_ring = true;
    r->back_config.staged_pages = 64;
    rig_join(r);
    assert_int_equal(splitio_netfront_set_hash(&r->front, &hash), 0);
    assert_int_equal(splitio_netfront_set_staging(&r->front, true), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(splitio_netfront_mcast_add(&r->front, groups[i]), 0);
    rig_run(r);
    assert_int_equal(splitio_netfront_mcast_remove(&r->front, groups[1]), 0);
    splitio_netfront_filter_multicast(&r->front, true);
    assert_int_equal(splitio_netfront_set_headroom(&r->front, 128), 0);
    blob = save_front(r, &bytes);
    assert_int_equal(splitio_netfront_restore(&r->front, blob, bytes),
                     SPLITIO_EINVAL);
    splitio_netback_disconnect(&r->back);
    splitio_netfront_disconnect(&r->front);
    rig_init_front(r);
    for (size_t n = 0; n < bytes; n++)
        assert_int_equal(splitio_netfront_restore(&r->front, blob, n),
                         SPLITIO_EPROTO);
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(splitio_netfront_restore(&r->front, blob, bytes),
                         SPLITIO_EPROTO);
        blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(splitio_netfront_restore(&r->front, blob, bytes), 0);
    free(blob);
    connect_anew(r);
    assert_int_equal(r->back.nr_mcast, 2);
    assert_true(r->back.filter_multicast);
    assert_int_equal(r->back.headroom, 128);
    assert_int_equal(splitio_netfront_hash_status(&r->front), 0);
    assert_in_range(splitio_netfront_nr_staged(&r->front), 1, 64);
    /* The next back has all of it without having been told. */
    hand_over(r);
    rig_run(r);
    check_in_order(r);
    rig_delete(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(back_of_one_queue_is_replaced_unseen),
        cmocka_unit_test(back_of_queues_is_replaced_unseen),
        cmocka_unit_test(pause_ends_when_nothing_waits),
        cmocka_unit_test(paused_back_takes_no_frames_of_the_nic),
        cmocka_unit_test(lists_and_limits_go_with_it),
        cmocka_unit_test(damaged_blob_is_refused),
        cmocka_unit_test(lesser_device_refuses_to_go_on),
        cmocka_unit_test(bytes_of_a_blob_are_those_of_its_version),
        cmocka_unit_test(front_asks_again_for_what_it_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
