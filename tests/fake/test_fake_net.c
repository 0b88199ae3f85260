/* SPDX-License-Identifier: BSD-2-Clause */
/* netfront and netback in a machine with a store: handshake and life cycle. */
#include "cm.h"
#include "net_world.h"

#include <stdlib.h>

static void halves_connect_in_either_order(void **state)
{
    unsigned order;

    (void)state;
    for (order = 0; order < 4; order++) {
        struct world *w = world_new("00:16:3E:0a:00:01");

        if (order & 1)
            world_start_front(w);
        else
            world_start_back(w);
        if (order & 2)
            world_run(w);
        if (order & 1)
            world_start_back(w);
        else
            world_start_front(w);
        world_run(w);
        assert_true(splitio_netfront_is_up(&w->front));
        assert_memory_equal(splitio_netfront_mac(&w->front),
                            "\x00\x16\x3e\x0a\x00\x01", 6);
        assert_int_equal(splitio_netfront_mtu(&w->front), 9000);
        world_check_traffic(w);
        world_delete(w);
    }
}

static void queues_are_agreed_on(void **state)
{
    static const unsigned fronts[] = {1, 2, 4, 7};
    unsigned i;

    (void)state;
    for (i = 0; i < 4; i++) {
        struct world *w = world_new("00:16:3e:00:00:01");

        w->front_config.max_queues = fronts[i];
        w->front_config.nr_tx_pages = w->front_config.nr_rx_pages = 32;
        world_start_back(w);
        world_start_front(w);
        world_run(w);
        assert_int_equal(w->back.nr_queues, fronts[i] < 4 ? fronts[i] : 4);
        assert_int_equal(w->back.nr_queues, w->front.nr_queues);
        world_check_traffic(w);
        world_delete(w);
    }
}

static void features_are_agreed_on(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < 32; i++) {
        struct world *w = world_new("00:16:3e:00:00:01");
        uint32_t gso = SPLITIO_NETIF_F_GSO_TCPV4 | SPLITIO_NETIF_F_GSO_TCPV6;
        uint32_t back = i & SPLITIO_NETIF_F_SG ? i : i & ~gso;
        uint32_t front =
            (31 - i) & SPLITIO_NETIF_F_SG ? 31 - i : (31 - i) & ~gso;

        w->back_config.features = i;
        w->front_config.features = 31 - i;
        world_start_back(w);
        world_start_front(w);
        world_run(w);
        assert_true(splitio_netfront_is_up(&w->front));
        assert_int_equal(w->front.back_features, back);
        assert_int_equal(w->back.front_features, front);
        world_delete(w);
    }
}

static void orderly_close_leaves_nothing(void **state)
{
    unsigned who;

    (void)state;
    for (who = 0; who < 2; who++) {
        struct world *w = world_new("00:16:3e:00:00:01");

        world_start_back(w);
        world_start_front(w);
        world_run(w);
        world_check_traffic(w);
        if (who == 0) {
            splitio_netfront_close(&w->front);
        } else {
            splitio_toolstack_device_unplug(splitio_fake_server(w->fake),
                                            &world_vif);
        }
        world_run(w);
        assert_false(splitio_netfront_is_up(&w->front));
        assert_false(w->back.connected);
        if (who == 0)
            assert_true(splitio_netfront_is_closed(&w->front));
        else
            assert_true(splitio_netback_is_closed(&w->back));
        world_delete(w);
    }
}

static void front_that_starts_again_is_served(void **state)
{
    struct world *w = world_new("00:16:3e:00:00:01");
    unsigned i;

    (void)state;
    world_start_back(w);
    for (i = 0; i < 20; i++) {
        world_start_front(w);
        world_run(w);
        assert_true(splitio_netfront_is_up(&w->front));
        world_check_traffic(w);
        if (i & 1) {
            splitio_netfront_close(&w->front);
            world_run(w);
        }
        world_end_front(w);
    }
    world_delete(w);
}

/* The back dies without a word; the next one takes the rings over as they are:
 * the front does not notice. */
static void back_that_starts_again_takes_the_rings_over(void **state)
{
    struct world *w = world_new("00:16:3e:00:00:01");
    unsigned i, j;

    (void)state;
    rnd_seed(3);
    world_start_back(w);
    world_start_front(w);
    world_run(w);
    for (i = 0; i < 20; i++) {
        world_check_traffic(w);
        for (j = 0; j < 30; j++) {
            struct kept k = make_noise(14 + rnd() % 9000);
            struct splitio_iovec iov;
            struct splitio_frame f = kept_frame(&k, &iov, 1);

            (void)splitio_netfront_send(&w->front, &f);
            kept_free(&k);
        }
        splitio_netfront_kick(&w->front);
        (void)splitio_netback_poll(&w->back, 1 + rnd() % 20);
        world_end_back(w);
        world_start_back(w);
        world_run(w);
        assert_true(splitio_netfront_is_up(&w->front));
        assert_int_equal(splitio_netfront_in_flight(&w->front), 0);
        assert_int_equal(w->front.stats.tx_errors, 0);
        queue_clear(&w->nic.out);
    }
    assert_int_equal(w->connects, 1);
    world_delete(w);
}

/* What a hostile front may write, and the back must refuse and survive. */
static void keys_without_sense_are_refused(void **state)
{
    static const struct {
        const char *key, *value;
    } bad[] = {
        {"multi-queue-num-queues", "0"},
        {"multi-queue-num-queues", "5"},
        {"multi-queue-num-queues", "4294967297"},
        {"multi-queue-num-queues", "-1"},
        {"multi-queue-num-queues", "2x"},
        {"multi-queue-num-queues", ""},
        {"request-rx-copy", "0"},
        {"tx-ring-ref", "99999999999"},
        {"tx-ring-ref", ""},
        {"rx-ring-ref", "4000000000"},
        {"rx-ring-ref", "9"},
        {"event-channel", "0"},
        {"event-channel", "70000"},
        {"event-channel", "x"},
    };
    unsigned i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
        struct world *w = world_new("00:16:3e:00:00:01");

        world_start_back(w);
        world_run(w);
        world_put(w, w->front_dir, "request-rx-copy", "1");
        world_put(w, w->front_dir, "tx-ring-ref", "8");
        world_put(w, w->front_dir, "rx-ring-ref", "9");
        world_put(w, w->front_dir, "event-channel", "3");
        world_put(w, w->front_dir, bad[i].key, bad[i].value);
        world_put(w, w->front_dir, "state", "4");
        world_run(w);
        assert_false(w->back.connected);
        assert_true(splitio_xenbus_error(&w->back.xb) < 0);
        world_start_front(w);
        world_run(w);
        assert_true(splitio_netfront_is_up(&w->front));
        world_check_traffic(w);
        world_delete(w);
    }
}

static void mac_without_sense_is_refused(void **state)
{
    static const char *const bad[] = {"", "00:16:3e:00:00", "x0:16:3e:00:00:01",
                                      "00-16-3e-00-00-01",
                                      "00:16:3e:00:00:011"};
    unsigned i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
        struct world *w = world_new(bad[i]);

        world_start_back(w);
        world_start_front(w);
        world_run(w);
        assert_false(splitio_netfront_is_up(&w->front));
        world_delete(w);
    }
}

static void killed_guest_leaves_nothing(void **state)
{
    struct world *w = world_new("00:16:3e:00:00:01");

    (void)state;
    world_start_back(w);
    world_start_front(w);
    world_run(w);
    world_check_traffic(w);
    splitio_fake_guest_kill(w->fake, 1);
    w->have_front = false;
    free(w->front_mem);
    world_run(w);
    world_end_back(w);
    assert_int_equal(splitio_fake_guest_bury(w->fake, 1), 0);
    world_delete(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_connect_in_either_order),
        cmocka_unit_test(queues_are_agreed_on),
        cmocka_unit_test(features_are_agreed_on),
        cmocka_unit_test(orderly_close_leaves_nothing),
        cmocka_unit_test(front_that_starts_again_is_served),
        cmocka_unit_test(back_that_starts_again_takes_the_rings_over),
        cmocka_unit_test(keys_without_sense_are_refused),
        cmocka_unit_test(mac_without_sense_is_refused),
        cmocka_unit_test(killed_guest_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
