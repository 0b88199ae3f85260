/* SPDX-License-Identifier: BSD-2-Clause */
/* netfront and netback in a machine with a store: handshake and life cycle. */
#include "cm.h"
#include "frames.h"

#include <splitio/binding/fake.h>
#include <splitio/netback.h>
#include <splitio/netfront.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct splitio_toolstack_device vif = {
    .kind = "vif", .devid = 0, .front = 1, .back = 0};

struct world {
    struct splitio_fake *fake;
    struct test_nic nic;
    struct splitio_netback_config back_config;
    struct splitio_netfront_config front_config;
    struct splitio_netback back;
    struct splitio_netfront front;
    void *back_mem, *front_mem;
    bool have_back, have_front;
    struct queue received;
    unsigned connects;
    char front_dir[SPLITIO_TOOLSTACK_PATH_MAX];
    char back_dir[SPLITIO_TOOLSTACK_PATH_MAX];
};

static void on_receive(void *arg, const struct splitio_frame *frame)
{
    struct world *w = arg;

    queue_put(&w->received, frame);
}

/* Nothing here ever fills the ring, so this tells of a connection. */
static void on_room(void *arg)
{
    struct world *w = arg;

    w->connects++;
}

static struct world *world_new(const char *mac)
{
    static const struct splitio_fake_config cfg = {
        .nr_guests = 1, .heap_pages = 4096, .nr_grant_frames = 8};
    const struct splitio_toolstack_key keys[] = {{"mac", mac}, {"mtu", "9000"}};
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->fake = splitio_fake_new(&cfg);
    assert_non_null(w->fake);
    splitio_toolstack_front_path(&vif, w->front_dir);
    splitio_toolstack_back_path(&vif, w->back_dir);
    assert_int_equal(splitio_toolstack_device_add(splitio_fake_server(w->fake),
                                                  &vif, keys, 2, NULL, 0),
                     0);
    w->nic.send_room = UINT_MAX;
    w->nic.flags =
        SPLITIO_NIC_CSUM | SPLITIO_NIC_GSO_TCPV4 | SPLITIO_NIC_GSO_TCPV6;
    w->back_config = (struct splitio_netback_config){
        .port = splitio_host_port(splitio_fake_host(w->fake)),
        .nic = test_nic(&w->nic),
        .store = splitio_fake_host_store(w->fake),
        .dir = w->back_dir,
        .features = SPLITIO_NETIF_F_ALL,
        .max_queues = 4,
    };
    w->front_config = (struct splitio_netfront_config){
        .port = splitio_guest_port(splitio_fake_guest(w->fake, 1)),
        .store = splitio_fake_guest_store(w->fake, 1),
        .dir = w->front_dir,
        .features = SPLITIO_NETIF_F_ALL,
        .receive = on_receive,
        .tx_room = on_room,
        .arg = w,
    };
    return w;
}

static void start_back(struct world *w)
{
    size_t bytes = splitio_netback_mem_bytes(&w->back_config);

    w->back_mem = aligned_alloc(64, bytes);
    assert_non_null(w->back_mem);
    assert_int_equal(
        splitio_netback_init(&w->back, &w->back_config, w->back_mem, bytes), 0);
    w->have_back = true;
}

static void start_front(struct world *w)
{
    size_t bytes = splitio_netfront_mem_bytes(&w->front_config);

    w->front_mem = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    assert_non_null(w->front_mem);
    assert_int_equal(
        splitio_netfront_init(&w->front, &w->front_config, w->front_mem, bytes),
        0);
    w->have_front = true;
}

static void run(struct world *w)
{
    unsigned turns, n = 1;

    for (turns = 0; n != 0 && turns < 20000; turns++) {
        n = splitio_fake_step(w->fake);
        if (w->have_back)
            n += (unsigned)splitio_netback_poll(&w->back, 16);
        if (w->have_front)
            n += (unsigned)splitio_netfront_poll(&w->front, 16);
    }
    assert_int_equal(n, 0);
}

static void end_back(struct world *w)
{
    while (splitio_netback_fini(&w->back) == SPLITIO_EAGAIN)
        splitio_fake_step(w->fake);
    w->have_back = false;
    free(w->back_mem);
}

static void end_front(struct world *w)
{
    while (splitio_netfront_fini(&w->front) == SPLITIO_EAGAIN)
        splitio_fake_step(w->fake);
    w->have_front = false;
    free(w->front_mem);
}

static void world_delete(struct world *w)
{
    const struct splitio_fake_usage none = {0};
    struct splitio_fake_usage usage;
    unsigned i;

    if (w->have_front)
        end_front(w);
    if (w->have_back)
        end_back(w);
    for (i = 0; i < 100; i++)
        splitio_fake_step(w->fake);
    splitio_fake_usage(w->fake, &usage);
    assert_memory_equal(&usage, &none, sizeof(usage));
    queue_clear(&w->received);
    queue_clear(&w->nic.in);
    queue_clear(&w->nic.out);
    splitio_fake_delete(w->fake);
    free(w);
}

static void check_traffic(struct world *w)
{
    struct kept k = make_gso(4, 20000, 1448), got;
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);

    assert_int_equal(splitio_netfront_send(&w->front, &f), 0);
    queue_put(&w->nic.in, &f);
    run(w);
    assert_int_equal(queue_len(&w->nic.out), 1);
    assert_int_equal(queue_len(&w->received), 1);
    got = queue_get(&w->nic.out);
    assert_same(&k, &got);
    kept_free(&got);
    got = queue_get(&w->received);
    assert_same(&k, &got);
    kept_free(&got);
    kept_free(&k);
}

static void halves_connect_in_either_order(void **state)
{
    unsigned order;

    (void)state;
    for (order = 0; order < 4; order++) {
        struct world *w = world_new("00:16:3E:0a:00:01");

        if (order & 1)
            start_front(w);
        else
            start_back(w);
        if (order & 2)
            run(w);
        if (order & 1)
            start_back(w);
        else
            start_front(w);
        run(w);
        assert_true(splitio_netfront_is_up(&w->front));
        assert_memory_equal(splitio_netfront_mac(&w->front),
                            "\x00\x16\x3e\x0a\x00\x01", 6);
        assert_int_equal(splitio_netfront_mtu(&w->front), 9000);
        check_traffic(w);
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
        start_back(w);
        start_front(w);
        run(w);
        assert_int_equal(w->back.nr_queues, fronts[i] < 4 ? fronts[i] : 4);
        assert_int_equal(w->back.nr_queues, w->front.nr_queues);
        check_traffic(w);
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
        start_back(w);
        start_front(w);
        run(w);
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

        start_back(w);
        start_front(w);
        run(w);
        check_traffic(w);
        if (who == 0) {
            splitio_netfront_close(&w->front);
        } else {
            splitio_toolstack_device_unplug(splitio_fake_server(w->fake), &vif);
        }
        run(w);
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
    start_back(w);
    for (i = 0; i < 20; i++) {
        start_front(w);
        run(w);
        assert_true(splitio_netfront_is_up(&w->front));
        check_traffic(w);
        if (i & 1) {
            splitio_netfront_close(&w->front);
            run(w);
        }
        end_front(w);
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
    start_back(w);
    start_front(w);
    run(w);
    for (i = 0; i < 20; i++) {
        check_traffic(w);
        for (j = 0; j < 30; j++) {
            struct kept k = make_noise(14 + rnd() % 9000);
            struct splitio_iovec iov;
            struct splitio_frame f = kept_frame(&k, &iov, 1);

            (void)splitio_netfront_send(&w->front, &f);
            kept_free(&k);
        }
        splitio_netfront_kick(&w->front);
        (void)splitio_netback_poll(&w->back, 1 + rnd() % 20);
        end_back(w);
        start_back(w);
        run(w);
        assert_true(splitio_netfront_is_up(&w->front));
        assert_int_equal(splitio_netfront_in_flight(&w->front), 0);
        assert_int_equal(w->front.stats.tx_errors, 0);
        queue_clear(&w->nic.out);
    }
    assert_int_equal(w->connects, 1);
    world_delete(w);
}

static void write_front_key(struct world *w, const char *key, const char *value)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/%s", w->front_dir, key);
    assert_int_equal(splitio_store_server_write(splitio_fake_server(w->fake),
                                                path, value, strlen(value)),
                     0);
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

        start_back(w);
        run(w);
        write_front_key(w, "request-rx-copy", "1");
        write_front_key(w, "tx-ring-ref", "8");
        write_front_key(w, "rx-ring-ref", "9");
        write_front_key(w, "event-channel", "3");
        write_front_key(w, bad[i].key, bad[i].value);
        write_front_key(w, "state", "4");
        run(w);
        assert_false(w->back.connected);
        assert_true(splitio_xenbus_error(&w->back.xb) < 0);
        start_front(w);
        run(w);
        assert_true(splitio_netfront_is_up(&w->front));
        check_traffic(w);
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

        start_back(w);
        start_front(w);
        run(w);
        assert_false(splitio_netfront_is_up(&w->front));
        world_delete(w);
    }
}

static void killed_guest_leaves_nothing(void **state)
{
    struct world *w = world_new("00:16:3e:00:00:01");

    (void)state;
    start_back(w);
    start_front(w);
    run(w);
    check_traffic(w);
    splitio_fake_guest_kill(w->fake, 1);
    w->have_front = false;
    free(w->front_mem);
    run(w);
    end_back(w);
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
