/* SPDX-License-Identifier: BSD-2-Clause */
/* netfront and netback in a machine with a store: every key of the protocol,
 * on and off, changed while connected, and without sense. */
#include "cm.h"
#include "net_world.h"

#include <stdlib.h>
#include <string.h>

#define MAC "00:16:3e:00:00:01"

static struct world *both(void)
{
    struct world *w = world_new(MAC);

    world_start_back(w);
    world_start_front(w);
    return w;
}

/* ---- features ---- */

static void features_are_written_as_they_are(void **state)
{
    static const struct {
        const char *key;
        uint32_t feature;
        bool negative;
    } keys[] = {
        {"feature-sg", SPLITIO_NETIF_F_SG, false},
        {"feature-gso-tcpv4", SPLITIO_NETIF_F_GSO_TCPV4, false},
        {"feature-gso-tcpv6", SPLITIO_NETIF_F_GSO_TCPV6, false},
        {"feature-no-csum-offload", SPLITIO_NETIF_F_CSUM_V4, true},
        {"feature-ipv6-csum-offload", SPLITIO_NETIF_F_CSUM_V6, false},
        {"feature-multicast-control", SPLITIO_NETIF_F_MCAST, false},
        {"feature-dynamic-multicast-control", SPLITIO_NETIF_F_MCAST, false},
        {"feature-xdp-headroom", SPLITIO_NETIF_F_HEADROOM, false},
        {"feature-ctrl-ring", SPLITIO_NETIF_F_CTRL, false},
    };
    unsigned i, on;

    (void)state;
    for (on = 0; on < 2; on++) {
        struct world *w = world_new(MAC);

        if (!on)
            w->back_config.features = w->front_config.features = 0;
        world_start_back(w);
        world_start_front(w);
        world_run(w);
        for (i = 0; i < SPLITIO_ARRAY_LEN(keys); i++) {
            const char *is = (on != 0) != keys[i].negative ? "1" : "0";

            assert_true(world_has(w, w->back_dir, keys[i].key, is));
            if (keys[i].feature & SPLITIO_NETIF_F_OFFLOADS)
                assert_true(world_has(w, w->front_dir, keys[i].key, is));
            else
                assert_true(world_has(w, w->front_dir, keys[i].key, NULL));
        }
        assert_true(world_has(w, w->back_dir, "feature-rx-copy", "1"));
        assert_true(world_has(w, w->back_dir, "feature-rx-flip", "0"));
        assert_true(world_has(w, w->front_dir, "request-rx-copy", "1"));
        assert_true(world_has(w, w->front_dir, "feature-rx-notify", "1"));
        world_delete(w);
    }
}

static const char *const old_keys[] = {
    "feature-gso-tcpv4-prefix",
    "feature-gso-tcpv6-prefix",
    "feature-smart-poll",
};

static void old_keys_are_neither_offered_nor_in_the_way(void **state)
{
    struct world *w = world_new(MAC);
    unsigned i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(old_keys); i++) {
        world_put(w, w->front_dir, old_keys[i], "1");
        world_put(w, w->back_dir, old_keys[i], "1");
    }
    world_start_back(w);
    world_start_front(w);
    world_run(w);
    world_check_traffic(w);
    world_delete(w);
    w = both();
    world_run(w);
    for (i = 0; i < SPLITIO_ARRAY_LEN(old_keys); i++) {
        assert_true(world_has(w, w->front_dir, old_keys[i], NULL));
        assert_true(world_has(w, w->back_dir, old_keys[i], NULL));
    }
    world_delete(w);
}

/* What Windows writes for its own use. */
static void keys_of_windows_are_not_in_the_way(void **state)
{
    static const char *const keys[] = {"speed", "mac/unicast/permanent",
                                       "mac/unicast/current", "mac/0"};
    struct world *w = world_new(MAC);
    unsigned i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(keys); i++)
        world_put(w, w->front_dir, keys[i], "25");
    world_start_back(w);
    world_start_front(w);
    world_run(w);
    world_check_traffic(w);
    world_delete(w);
}

static void back_that_can_only_flip_is_refused(void **state)
{
    struct world *w = world_new(MAC);

    (void)state;
    world_put(w, w->back_dir, "feature-rx-flip", "1");
    world_put(w, w->back_dir, "state", "2");
    world_start_front(w);
    world_run(w);
    assert_false(splitio_netfront_is_up(&w->front));
    assert_int_equal(splitio_xenbus_error(&w->front.xb), SPLITIO_EOPNOTSUPP);
    world_delete(w);
}

/* ---- multicast ---- */

/* Sends to the group with this last byte; true if the guest got it. */
static bool comes_through(struct world *w, uint8_t first, uint8_t last)
{
    uint8_t bytes[60] = {first, 0, 0x5e, 0, 0, last};
    struct splitio_iovec iov = {bytes, sizeof(bytes)};
    struct splitio_frame f = {
        .iov = &iov, .nr_iov = 1, .len_bytes = sizeof(bytes)};
    bool got;

    if (first == 0xff)
        memset(bytes, 0xff, 6);
    queue_put(&w->nic.in, &f);
    world_run(w);
    got = queue_len(&w->received) == 1;
    queue_clear(&w->received);
    return got;
}

static const uint8_t group[2][6] = {{1, 0, 0x5e, 0, 0, 7},
                                    {1, 0, 0x5e, 0, 0, 8}};

static void multicast_is_filtered_if_asked_for(void **state)
{
    struct world *w = world_new(MAC);

    (void)state;
    w->front_config.filter_multicast = true;
    world_start_back(w);
    world_start_front(w);
    assert_int_equal(splitio_netfront_mcast_add(&w->front, group[0]), 0);
    world_run(w);
    assert_true(world_has(w, w->front_dir, "request-multicast-control", "1"));
    assert_true(comes_through(w, 1, 7));
    assert_false(comes_through(w, 1, 8));
    assert_int_equal(w->back.stats.rx_filtered, 1);
    assert_true(comes_through(w, 0, 8));    /* to one station */
    assert_true(comes_through(w, 0xff, 0)); /* to all */
    assert_int_equal(splitio_netfront_mcast_add(&w->front, group[1]), 0);
    assert_int_equal(splitio_netfront_mcast_remove(&w->front, group[0]), 0);
    world_run(w);
    assert_false(comes_through(w, 1, 7));
    assert_true(comes_through(w, 1, 8));
    world_delete(w);
}

static void multicast_filter_is_switched_while_connected(void **state)
{
    struct world *w = both();
    unsigned i;

    (void)state;
    assert_int_equal(splitio_netfront_mcast_add(&w->front, group[0]), 0);
    world_run(w);
    for (i = 0; i < 6; i++) {
        assert_true(comes_through(w, 1, 7));
        assert_int_equal(comes_through(w, 1, 8), !(i & 1));
        splitio_netfront_filter_multicast(&w->front, !(i & 1));
        world_run(w);
        assert_true(world_has(w, w->front_dir, "request-multicast-control",
                              i & 1 ? "0" : "1"));
    }
    assert_int_equal(w->connects, 1);
    /* By a front that nobody here wrote. */
    world_put(w, w->front_dir, "request-multicast-control", "1");
    world_run(w);
    assert_false(comes_through(w, 1, 8));
    world_put(w, w->front_dir, "request-multicast-control", "x");
    world_run(w);
    assert_true(comes_through(w, 1, 8));
    world_delete(w);
}

/* The static kind only: what changes later has no effect. */
static void multicast_filter_may_be_for_a_connection(void **state)
{
    struct world *w = world_new(MAC);
    unsigned i;

    (void)state;
    world_put(w, w->back_dir, "feature-multicast-control", "1");
    world_put(w, w->back_dir, "feature-rx-copy", "1");
    world_put(w, w->back_dir, "state", "2");
    w->front_config.filter_multicast = true;
    world_start_front(w);
    world_run(w);
    world_put(w, w->back_dir, "state", "4");
    world_run(w);
    assert_true(splitio_netfront_is_up(&w->front));
    assert_true(world_has(w, w->front_dir, "request-multicast-control", "1"));
    for (i = 0; i < 2; i++) {
        splitio_netfront_filter_multicast(&w->front, i == 1);
        world_run(w);
        assert_true(
            world_has(w, w->front_dir, "request-multicast-control", "1"));
    }
    world_delete(w);
}

static void multicast_without_the_backs_help_all_comes(void **state)
{
    struct world *w = world_new(MAC);

    (void)state;
    w->back_config.features &= ~SPLITIO_NETIF_F_MCAST;
    w->front_config.filter_multicast = true;
    world_start_back(w);
    world_start_front(w);
    assert_int_equal(splitio_netfront_mcast_add(&w->front, group[0]), 0);
    world_run(w);
    assert_true(world_has(w, w->front_dir, "request-multicast-control", NULL));
    assert_true(comes_through(w, 1, 7));
    assert_true(comes_through(w, 1, 8));
    assert_int_equal(w->back.stats.mcast_refused, 0);
    /* Not even if the front insists. */
    world_put(w, w->front_dir, "request-multicast-control", "1");
    world_run(w);
    assert_true(comes_through(w, 1, 8));
    world_delete(w);
}

/* The list is the front's: a new back hears it again. */
static void multicast_list_outlives_the_connection(void **state)
{
    struct world *w = world_new(MAC);
    unsigned i;

    (void)state;
    w->front_config.filter_multicast = true;
    w->front_config.nr_tx_pages = 18;
    world_start_back(w);
    world_start_front(w);
    for (i = 0; i < SPLITIO_NETIF_MCAST_MAX; i++) {
        uint8_t addr[6] = {1, 0, 0x5e, 0, 0, (uint8_t)(i + 1)};

        assert_int_equal(splitio_netfront_mcast_add(&w->front, addr), 0);
        assert_int_equal(splitio_netfront_mcast_add(&w->front, addr), 0);
    }
    assert_int_equal(
        splitio_netfront_mcast_add(&w->front, (const uint8_t *)"\1\2\3\4\5\6"),
        SPLITIO_ENOSPC);
    for (i = 0; i < 3; i++) {
        world_run(w);
        assert_int_equal(w->back.nr_mcast, SPLITIO_NETIF_MCAST_MAX);
        assert_true(comes_through(w, 1, 1));
        assert_true(comes_through(w, 1, SPLITIO_NETIF_MCAST_MAX));
        assert_false(comes_through(w, 1, SPLITIO_NETIF_MCAST_MAX + 1));
        splitio_netfront_resume(&w->front);
    }
    assert_int_equal(w->back.stats.mcast_refused, 0);
    world_run(w);
    world_delete(w);
}

/* What was being removed is not added again. */
static void multicast_address_removed_late_stays_removed(void **state)
{
    struct world *w = world_new(MAC);
    struct kept k = make_noise(100);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);

    (void)state;
    w->front_config.nr_tx_pages = 18;
    world_start_back(w);
    world_start_front(w);
    assert_int_equal(splitio_netfront_mcast_add(&w->front, group[0]), 0);
    world_run(w);
    assert_int_equal(w->back.nr_mcast, 1);
    /* No room to tell the back now. */
    while (splitio_netfront_send(&w->front, &f) == 0)
        ;
    assert_int_equal(splitio_netfront_mcast_remove(&w->front, group[0]), 0);
    assert_int_equal(splitio_netfront_mcast_remove(&w->front, group[0]),
                     SPLITIO_ENOENT);
    splitio_netfront_resume(&w->front);
    world_run(w);
    assert_int_equal(w->connects, 2);
    assert_int_equal(w->back.nr_mcast, 0);
    kept_free(&k);
    world_delete(w);
}

/* A back that takes the rings over does not know the list. */
static void multicast_list_that_was_lost_filters_nothing(void **state)
{
    struct world *w = world_new(MAC);

    (void)state;
    w->front_config.filter_multicast = true;
    world_start_back(w);
    world_start_front(w);
    assert_int_equal(splitio_netfront_mcast_add(&w->front, group[0]), 0);
    world_run(w);
    assert_false(comes_through(w, 1, 8));
    world_end_back(w);
    world_start_back(w);
    world_run(w);
    assert_int_equal(w->connects, 1);
    assert_true(comes_through(w, 1, 7));
    assert_true(comes_through(w, 1, 8));
    world_delete(w);
}

/* ---- headroom ---- */

/* A frame for the guest; how much headroom it came with. */
static unsigned headroom_seen(struct world *w)
{
    struct kept k = make_gso(4, 60000, 1448), got;
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);
    unsigned headroom;

    queue_put(&w->nic.in, &f);
    world_run(w);
    got = queue_get(&w->received);
    assert_same(&k, &got);
    headroom = got.headroom_bytes;
    kept_free(&got);
    kept_free(&k);
    return headroom;
}

static void headroom_is_given_if_asked_for(void **state)
{
    static const uint16_t some[] = {0, 256, 1};
    unsigned i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(some); i++) {
        struct world *w = world_new(MAC);

        w->front_config.headroom_bytes = some[i];
        world_start_back(w);
        world_start_front(w);
        world_run(w);
        assert_int_equal(headroom_seen(w), some[i]);
        world_check_traffic(w);
        world_delete(w);
    }
}

static void headroom_changes_while_connected(void **state)
{
    static const uint16_t some[] = {256, 0, 64, 400, 0};
    struct world *w = both();
    unsigned i;

    (void)state;
    world_run(w);
    for (i = 0; i < SPLITIO_ARRAY_LEN(some); i++) {
        assert_int_equal(splitio_netfront_set_headroom(&w->front, some[i]), 0);
        world_run(w);
        assert_int_equal(headroom_seen(w), some[i]);
        assert_true(world_has(w, w->front_dir, "state", "4"));
        assert_true(world_has(w, w->back_dir, "state", "4"));
        world_check_traffic(w);
    }
    assert_int_equal(splitio_netfront_set_headroom(
                         &w->front, SPLITIO_NETIF_HEADROOM_MAX + 1),
                     SPLITIO_EINVAL);
    assert_int_equal(w->connects, 1);
    world_delete(w);
}

static void headroom_not_offered_is_not_given(void **state)
{
    struct world *w = world_new(MAC);

    (void)state;
    w->back_config.features &= ~SPLITIO_NETIF_F_HEADROOM;
    w->front_config.headroom_bytes = 256;
    world_start_back(w);
    world_start_front(w);
    world_run(w);
    assert_true(world_has(w, w->front_dir, "xdp-headroom", NULL));
    assert_int_equal(headroom_seen(w), 0);
    assert_int_equal(splitio_netfront_set_headroom(&w->front, 100), 0);
    world_run(w);
    assert_true(world_has(w, w->front_dir, "state", "4"));
    assert_int_equal(headroom_seen(w), 0);
    assert_int_equal(splitio_netfront_set_headroom(&w->front, 100), 0);
    world_delete(w);
}

/* What a front may write to the key; the back gives what it can. */
static void headroom_without_sense_is_bounded(void **state)
{
    static const struct {
        const char *value;
        unsigned is;
    } some[] = {
        {"", 0},           {"x", 0},        {"-1", 0},      {"65536", 0},
        {"4294967297", 0}, {"65535", 2048}, {"4096", 2048}, {"2047", 2047},
    };
    unsigned i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(some); i++) {
        struct world *w = both();

        world_run(w);
        world_put(w, w->front_dir, "xdp-headroom", some[i].value);
        world_put(w, w->front_dir, "state", "7");
        world_run(w);
        assert_true(world_has(w, w->back_dir, "state", "8"));
        assert_int_equal(w->back.headroom, some[i].is);
        world_put(w, w->front_dir, "state", "4");
        world_run(w);
        assert_true(world_has(w, w->back_dir, "state", "4"));
        world_check_traffic(w);
        world_delete(w);
    }
}

/* ---- MTU ---- */

static int send_bytes(struct world *w, uint32_t len_bytes)
{
    struct kept k = make_noise(len_bytes);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);
    int err;

    k.bytes[12] = 0;
    err = splitio_netfront_send(&w->front, &f);
    kept_free(&k);
    world_run(w);
    return err;
}

static void mtu_is_kept_to_by_both(void **state)
{
    static const struct {
        uint32_t back;
        const char *own; /* of the back, by the toolstack */
        uint32_t is;
        const char *told;
    } some[] = {
        {0, NULL, 9000, NULL},      {1500, NULL, 1500, "1500"},
        {0, "2000", 2000, "2000"},  {1500, "2000", 1500, "1500"},
        {9999, NULL, 9000, "9999"}, {3000, "2000", 2000, "2000"},
        {0, "1400", 1400, "1400"},  {1300, "1400", 1300, "1300"},
    };
    unsigned i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(some); i++) {
        struct world *w = world_new(MAC);

        if (some[i].own)
            world_put(w, w->back_dir, "mtu", some[i].own);
        w->back_config.mtu = some[i].back;
        world_start_back(w);
        world_start_front(w);
        world_run(w);
        assert_int_equal(splitio_netfront_mtu(&w->front), some[i].is);
        assert_true(world_has(w, w->back_dir, "mtu", some[i].told));
        assert_int_equal(send_bytes(w, some[i].is + 14), 0);
        assert_int_equal(send_bytes(w, some[i].is + 15), SPLITIO_EINVAL);
        assert_int_equal(w->front.stats.tx_long, 1);
        assert_int_equal(queue_len(&w->nic.out), 1);
        world_delete(w);
    }
}

/* A back's word is not taken for more than it is. */
static void mtu_of_the_back_without_sense_is_ignored(void **state)
{
    static const char *const bad[] = {"", "x", "67", "65522", "99999999999"};
    unsigned i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
        struct world *w = world_new(MAC);

        world_put(w, w->back_dir, "mtu", bad[i]);
        world_put(w, w->back_dir, "feature-rx-copy", "1");
        world_put(w, w->back_dir, "state", "2");
        world_start_front(w);
        world_run(w);
        world_put(w, w->back_dir, "state", "4");
        world_run(w);
        assert_true(splitio_netfront_is_up(&w->front));
        assert_int_equal(splitio_netfront_mtu(&w->front), 9000);
        world_delete(w);
    }
}

/* The toolstack's: an error, told in the error node of whoever reads it. */
static void keys_of_the_toolstack_without_sense_are_refused(void **state)
{
    static const struct {
        const char *key, *value;
        bool back;
    } bad[] = {
        {"mtu", "", false},
        {"mtu", "67", false},
        {"mtu", "65522", false},
        {"mtu", "0x5dc", false},
        {"mtu", "1 500", true},
        {"mtu", "99999999999", true},
        {"rate", "x,y", true},
        {"rate", "", true},
        {"rate", ",", true},
        {"rate", "1000", true},
        {"rate", "1000,", true},
        {"rate", ",1000", true},
        {"rate", "-1,1000", true},
        {"rate", "1000,-1", true},
        {"rate", "1000,50,1", true},
        {"rate", "1000,99999999999", true},
        {"rate", "99999999999999999999999,1", true},
    };
    unsigned i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
        struct world *w = world_new(MAC);

        world_put(w, bad[i].back ? w->back_dir : w->front_dir, bad[i].key,
                  bad[i].value);
        world_start_back(w);
        world_start_front(w);
        world_run(w);
        assert_false(splitio_netfront_is_up(&w->front));
        assert_int_equal(
            splitio_xenbus_error(bad[i].back ? &w->back.xb : &w->front.xb),
            SPLITIO_EINVAL);
        world_delete(w);
    }
}

/* ---- carrier ---- */

static void carrier_goes_and_comes(void **state)
{
    struct world *w = both();
    unsigned i;

    (void)state;
    world_run(w);
    assert_true(world_has(w, w->back_dir, "carrier", "1"));
    assert_int_equal(w->links, 1);
    for (i = 0; i < 3; i++) {
        splitio_netback_set_carrier(&w->back, false);
        world_run(w);
        assert_true(world_has(w, w->back_dir, "carrier", "0"));
        assert_false(splitio_netfront_is_up(&w->front));
        assert_int_equal(w->links, 2 * i + 2);
        assert_int_equal(send_bytes(w, 100), SPLITIO_ECLOSED);
        assert_false(comes_through(w, 0, 0));
        assert_int_equal(w->back.stats.rx_dropped, i + 1);
        splitio_netback_set_carrier(&w->back, true);
        splitio_netback_set_carrier(&w->back, true);
        world_run(w);
        assert_true(splitio_netfront_is_up(&w->front));
        assert_int_equal(w->links, 2 * i + 3);
        /* Whoever was refused is told to try again. */
        assert_int_equal(w->connects, i + 2);
        world_check_traffic(w);
    }
    world_delete(w);
}

static void carrier_may_be_down_from_the_beginning(void **state)
{
    struct world *w = world_new(MAC);

    (void)state;
    w->back_config.no_carrier = true;
    world_start_back(w);
    world_start_front(w);
    world_run(w);
    assert_true(world_has(w, w->back_dir, "carrier", "0"));
    assert_false(splitio_netfront_is_up(&w->front));
    assert_int_equal(splitio_xenbus_state(&w->front.xb),
                     SPLITIO_XENBUS_CONNECTED);
    splitio_netback_set_carrier(&w->back, true);
    world_run(w);
    world_check_traffic(w);
    world_delete(w);
}

/* A front that pays no attention: what it sends goes nowhere. */
static void frames_without_carrier_are_dropped(void **state)
{
    struct world *w = both();
    struct kept k = make_noise(100);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);

    (void)state;
    world_run(w);
    assert_int_equal(splitio_netfront_send(&w->front, &f), 0);
    splitio_netback_set_carrier(&w->back, false);
    world_run(w);
    assert_int_equal(queue_len(&w->nic.out), 0);
    assert_int_equal(w->back.stats.tx_dropped, 1);
    assert_int_equal(w->front.stats.tx_errors, 0);
    assert_int_equal(splitio_netfront_in_flight(&w->front), 0);
    kept_free(&k);
    world_delete(w);
}

/* The toolstack pulls the cable out at the guest's side. */
static void disconnect_key_takes_the_link_down(void **state)
{
    struct world *w = both();

    (void)state;
    world_run(w);
    world_put(w, w->front_dir, "disconnect", "1");
    world_run(w);
    assert_false(splitio_netfront_is_up(&w->front));
    assert_false(comes_through(w, 0, 0));
    assert_int_equal(w->front.stats.rx_dropped, 1);
    world_put(w, w->front_dir, "disconnect", "0");
    world_run(w);
    assert_true(splitio_netfront_is_up(&w->front));
    world_check_traffic(w);
    world_delete(w);
    w = world_new(MAC);
    world_put(w, w->front_dir, "disconnect", "1");
    world_start_back(w);
    world_start_front(w);
    world_run(w);
    assert_false(splitio_netfront_is_up(&w->front));
    world_delete(w);
}

/* ---- rate ---- */

static void send_some(struct world *w, unsigned nr)
{
    struct kept k = make_noise(1000);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);
    unsigned i;

    for (i = 0; i < nr; i++)
        assert_int_equal(splitio_netfront_send(&w->front, &f), 0);
    kept_free(&k);
    world_run(w);
}

static void rate_key_limits_what_the_guest_sends(void **state)
{
    struct world *w = world_new(MAC);
    uint64_t now = 1000000000;

    (void)state;
    world_put(w, w->back_dir, "rate", "3000,1000");
    world_start_back(w);
    world_start_front(w);
    world_run(w);
    splitio_netback_set_time(&w->back, now);
    send_some(w, 10);
    assert_int_equal(queue_len(&w->nic.out), 3);
    assert_int_equal(splitio_netback_wait_ns(&w->back), 1000000);
    now += 400000;
    splitio_netback_set_time(&w->back, now);
    world_run(w);
    assert_int_equal(queue_len(&w->nic.out), 3);
    assert_int_equal(splitio_netback_wait_ns(&w->back), 600000);
    now += 600000;
    splitio_netback_set_time(&w->back, now);
    world_run(w);
    assert_int_equal(queue_len(&w->nic.out), 6);
    /* A new rate at once; one without sense changes nothing. */
    world_put(w, w->back_dir, "rate", "x,y");
    world_run(w);
    assert_int_equal(w->back.rate.bytes, 3000);
    world_put(w, w->back_dir, "rate", "1000,1000");
    world_run(w);
    assert_int_equal(queue_len(&w->nic.out), 7);
    world_put(w, w->back_dir, "rate", "0,0");
    world_run(w);
    assert_int_equal(queue_len(&w->nic.out), 10);
    assert_int_equal(splitio_netback_wait_ns(&w->back), 0);
    assert_int_equal(w->back.stats.tx_dropped, 0);
    world_delete(w);
}

/* ---- a back that is not trusted ---- */

static void trusted_key_is_read(void **state)
{
    static const struct {
        const char *value;
        bool untrusted;
    } some[] = {{"0", true}, {"1", false}, {"x", false}, {NULL, false}};
    unsigned i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(some); i++) {
        struct world *w = world_new(MAC);

        if (some[i].value)
            world_put(w, w->front_dir, "trusted", some[i].value);
        world_start_back(w);
        world_start_front(w);
        world_run(w);
        assert_int_equal(w->front.untrusted, some[i].untrusted);
        world_check_traffic(w);
        world_delete(w);
    }
}

/* ---- a back that takes the rings over ---- */

static void back_that_can_do_less_has_the_front_ask_again(void **state)
{
    unsigned f;

    (void)state;
    for (f = 0; f < 8; f++) {
        struct world *w = both();

        world_run(w);
        world_end_back(w);
        w->back_config.features = SPLITIO_NETIF_F_ALL & ~(1u << f);
        world_start_back(w);
        world_run(w);
        assert_int_equal(w->connects, 2);
        assert_int_equal(w->front.back_features & w->back.config.features,
                         w->front.back_features);
        assert_int_equal(send_bytes(w, 1000), 0);
        assert_int_equal(queue_len(&w->nic.out), 1);
        /* One that can do as much does not disturb it, nor one that can do
         * more. */
        world_end_back(w);
        w->back_config.features = SPLITIO_NETIF_F_ALL;
        world_start_back(w);
        world_run(w);
        assert_int_equal(w->connects, 2);
        world_delete(w);
    }
}

static void back_that_takes_over_says_how_the_link_is(void **state)
{
    struct world *w = both();
    unsigned i;

    (void)state;
    world_run(w);
    for (i = 0; i < 4; i++) {
        world_end_back(w);
        w->back_config.no_carrier = !(i & 1);
        world_start_back(w);
        world_run(w);
        assert_true(world_has(w, w->back_dir, "carrier", i & 1 ? "1" : "0"));
        assert_int_equal(splitio_netfront_is_up(&w->front), i & 1);
    }
    assert_int_equal(w->front.xb.nr_connects, 1);
    world_delete(w);
}

/* ---- suspend ---- */

static void resume_connects_anew_and_loses_frames_once(void **state)
{
    struct world *w = both();
    unsigned i, sent = 0, out;

    (void)state;
    world_run(w);
    for (i = 1; i <= 5; i++) {
        struct kept k = make_noise(5000);
        struct splitio_iovec iov;
        struct splitio_frame f = kept_frame(&k, &iov, 1);
        unsigned j;

        for (j = 0; j < 10; j++)
            assert_int_equal(splitio_netfront_send(&w->front, &f), 0);
        sent += 10;
        if (i & 1)
            splitio_netfront_kick(&w->front);
        if (i == 3)
            (void)splitio_netback_poll(&w->back, 4);
        splitio_netfront_resume(&w->front);
        world_run(w);
        assert_true(splitio_netfront_is_up(&w->front));
        assert_int_equal(w->connects, i + 1);
        assert_int_equal(splitio_netfront_in_flight(&w->front), 0);
        /* Those that the back took it has sent; it may have lost the others,
         * or has answered them to rings that are gone. */
        out = queue_len(&w->nic.out);
        assert_true(out <= sent && w->front.stats.tx_lost <= sent);
        assert_true(out + w->front.stats.tx_lost >= sent);
        kept_free(&k);
    }
    queue_clear(&w->nic.out);
    world_check_traffic(w);
    world_delete(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_written_as_they_are),
        cmocka_unit_test(old_keys_are_neither_offered_nor_in_the_way),
        cmocka_unit_test(keys_of_windows_are_not_in_the_way),
        cmocka_unit_test(back_that_can_only_flip_is_refused),
        cmocka_unit_test(multicast_is_filtered_if_asked_for),
        cmocka_unit_test(multicast_filter_is_switched_while_connected),
        cmocka_unit_test(multicast_filter_may_be_for_a_connection),
        cmocka_unit_test(multicast_without_the_backs_help_all_comes),
        cmocka_unit_test(multicast_list_outlives_the_connection),
        cmocka_unit_test(multicast_address_removed_late_stays_removed),
        cmocka_unit_test(multicast_list_that_was_lost_filters_nothing),
        cmocka_unit_test(headroom_is_given_if_asked_for),
        cmocka_unit_test(headroom_changes_while_connected),
        cmocka_unit_test(headroom_not_offered_is_not_given),
        cmocka_unit_test(headroom_without_sense_is_bounded),
        cmocka_unit_test(mtu_is_kept_to_by_both),
        cmocka_unit_test(mtu_of_the_back_without_sense_is_ignored),
        cmocka_unit_test(keys_of_the_toolstack_without_sense_are_refused),
        cmocka_unit_test(carrier_goes_and_comes),
        cmocka_unit_test(carrier_may_be_down_from_the_beginning),
        cmocka_unit_test(frames_without_carrier_are_dropped),
        cmocka_unit_test(disconnect_key_takes_the_link_down),
        cmocka_unit_test(rate_key_limits_what_the_guest_sends),
        cmocka_unit_test(trusted_key_is_read),
        cmocka_unit_test(back_that_can_do_less_has_the_front_ask_again),
        cmocka_unit_test(back_that_takes_over_says_how_the_link_is),
        cmocka_unit_test(resume_connects_anew_and_loses_frames_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
