/* SPDX-License-Identifier: BSD-2-Clause */
/* The control ring of a network device in a machine with a store. */
#include "cm.h"
#include "net_world.h"

#include <string.h>

#define MAC "00:16:3e:00:00:01"

static struct world *world_with(bool back, bool front)
{
    struct world *w = world_new(MAC);

    if (!back)
        w->back_config.features &= ~SPLITIO_NETIF_F_CTRL;
    w->back_config.staged_pages = 64;
    w->front_config.ctrl_ring = front;
    w->front_config.nr_tx_pages = w->front_config.nr_rx_pages = 32;
    world_start_back(w);
    world_start_front(w);
    return w;
}

static struct splitio_netif_hash a_hash(void)
{
    struct splitio_netif_hash h = {
        .algorithm = SPLITIO_NETIF_HASH_TOEPLITZ,
        .kinds = SPLITIO_NETIF_HASH_ALL,
        .key_bytes = 4,
        .key = "key!",
        .nr_mapping = 2,
    };

    return h;
}

static void ring_is_there_if_both_want_it(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < 4; i++) {
        struct world *w = world_with(i & 1, i >> 1);
        const char *is = i & 1 ? "1" : "0";

        world_run(w);
        assert_true(splitio_netfront_is_up(&w->front));
        assert_true(world_has(w, w->back_dir, "feature-ctrl-ring", is));
        assert_int_equal(world_has(w, w->front_dir, "ctrl-ring-ref", NULL),
                         i != 3);
        assert_int_equal(world_has(w, w->front_dir, "event-channel-ctrl", NULL),
                         i != 3);
        world_check_traffic(w);
        world_delete(w);
    }
}

static void wishes_are_granted_over_the_store(void **state)
{
    struct splitio_netif_hash h = a_hash();
    struct world *w = world_with(true, true);

    (void)state;
    assert_int_equal(splitio_netfront_set_hash(&w->front, &h), 0);
    assert_int_equal(splitio_netfront_hash_status(&w->front), SPLITIO_EAGAIN);
    assert_int_equal(splitio_netfront_set_staging(&w->front, true), 0);
    world_run(w);
    assert_int_equal(splitio_netfront_hash_status(&w->front), 0);
    assert_int_equal(splitio_netfront_nr_staged(&w->front), 64);
    world_check_traffic(w);
    assert_true(w->back.stats.staged_copies != 0);
    assert_int_equal(w->back.stats.copies, 0);
    world_delete(w);
}

/* Its user waits for an event after a poll that did nothing: none would come. */
static void poll_that_takes_an_answer_tells_of_it(void **state)
{
    struct splitio_netif_hash h = a_hash();
    struct world *w = world_with(true, true);
    unsigned turns = 0;

    (void)state;
    world_run(w);
    assert_int_equal(splitio_netfront_set_hash(&w->front, &h), 0);
    while (splitio_netfront_hash_status(&w->front) != 0) {
        uint64_t before = w->front.stats.events;
        int did;

        (void)splitio_fake_step(w->fake);
        (void)splitio_netback_poll(&w->back, 16);
        did = splitio_netfront_poll(&w->front, 16);
        assert_true(did > 0 || w->front.stats.events == before);
        assert_true(did > 0 || splitio_netfront_hash_status(&w->front) != 0);
        assert_true(turns++ < 1000);
    }
    world_delete(w);
}

/* The wishes are lost with the back: they are said to the next one. */
static void wishes_are_said_to_a_back_that_starts_again(void **state)
{
    struct splitio_netif_hash h = a_hash();
    struct world *w = world_with(true, true);
    unsigned i;

    (void)state;
    assert_int_equal(splitio_netfront_set_hash(&w->front, &h), 0);
    assert_int_equal(splitio_netfront_set_staging(&w->front, true), 0);
    for (i = 0; i < 5; i++) {
        world_run(w);
        assert_true(splitio_netfront_is_up(&w->front));
        assert_int_equal(splitio_netfront_hash_status(&w->front), 0);
        assert_int_equal(splitio_netfront_nr_staged(&w->front), 64);
        assert_true(w->back.stats.ctrl_messages >= 9);
        world_check_traffic(w);
        world_end_back(w);
        world_start_back(w);
    }
    world_delete(w);
}

/* A ring that has not been used is taken over as the others are. */
static void unused_ring_is_taken_over(void **state)
{
    struct world *w = world_with(true, true);

    (void)state;
    world_run(w);
    world_end_back(w);
    world_start_back(w);
    world_run(w);
    assert_true(splitio_netfront_is_up(&w->front));
    assert_int_equal(w->connects, 1);
    world_delete(w);
}

static void keys_without_sense_are_refused(void **state)
{
    static const struct {
        const char *ring, *channel;
        bool good;
    } keys[] = {
        {NULL, "3", true},  {NULL, "x", true},          {"8", NULL, false},
        {"8", "0", false},  {"8", "x", false},          {"", "3", false},
        {"-1", "3", false}, {"4294967295", "3", false}, {"4000000", "3", false},
        {"8", "60", false},
    };
    unsigned i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(keys); i++) {
        struct world *w = world_with(true, false);

        world_run(w);
        world_end_back(w);
        if (keys[i].ring)
            world_put(w, w->front_dir, "ctrl-ring-ref", keys[i].ring);
        if (keys[i].channel)
            world_put(w, w->front_dir, "event-channel-ctrl", keys[i].channel);
        world_start_back(w);
        world_run(w);
        /* Refused, the front connects anew, without what it never wrote. */
        assert_true(splitio_netfront_is_up(&w->front));
        assert_int_equal(w->connects, keys[i].good ? 1 : 2);
        assert_int_equal(world_has(w, w->front_dir, "ctrl-ring-ref", NULL),
                         !keys[i].good || !keys[i].ring);
        world_check_traffic(w);
        world_delete(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ring_is_there_if_both_want_it),
        cmocka_unit_test(wishes_are_granted_over_the_store),
        cmocka_unit_test(poll_that_takes_an_answer_tells_of_it),
        cmocka_unit_test(wishes_are_said_to_a_back_that_starts_again),
        cmocka_unit_test(unused_ring_is_taken_over),
        cmocka_unit_test(keys_without_sense_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
