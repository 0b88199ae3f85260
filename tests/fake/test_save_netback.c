/* SPDX-License-Identifier: BSD-2-Clause */
/* netback is saved and restored in a machine with a store: the front sees
 * nothing of it, unless it is another one, or has moved on. */
#include "cm.h"
#include "net_world.h"

#include <stdlib.h>
#include <string.h>

#define MAC "00:16:3e:00:00:01"

static const uint8_t group[6] = {1, 0, 0x5e, 1, 2, 3};

static struct world *world_with(unsigned queues)
{
    struct world *w = world_new(MAC);

    w->back_config.staged_pages = 64;
    w->back_config.max_queues = w->front_config.max_queues = queues;
    w->front_config.ctrl_ring = true;
    w->front_config.nr_tx_pages = w->front_config.nr_rx_pages = 32;
    world_start_back(w);
    world_start_front(w);
    world_run(w);
    assert_true(splitio_netfront_is_up(&w->front));
    return w;
}

/* All that a back is asked to remember. */
static void make_wishes(struct world *w)
{
    struct splitio_netif_hash h = {.algorithm = SPLITIO_NETIF_HASH_TOEPLITZ,
                                   .kinds = SPLITIO_NETIF_HASH_ALL,
                                   .key_bytes = 4,
                                   .key = "key!"};

    h.nr_mapping = w->front.nr_queues;
    for (unsigned i = 0; i < h.nr_mapping; i++)
        h.mapping[i] = i;
    assert_int_equal(splitio_netfront_set_hash(&w->front, &h), 0);
    assert_int_equal(splitio_netfront_set_staging(&w->front, true), 0);
    assert_int_equal(splitio_netfront_mcast_add(&w->front, group), 0);
    world_run(w);
    assert_int_equal(splitio_netfront_hash_status(&w->front), 0);
}

static void *save(struct world *w, size_t *bytes)
{
    size_t again;
    void *blob;

    assert_int_equal(splitio_netback_save(&w->back, NULL, 0, bytes),
                     SPLITIO_ENOMEM);
    blob = malloc(*bytes);
    assert_non_null(blob);
    assert_int_equal(splitio_netback_save(&w->back, blob, *bytes, &again), 0);
    assert_int_equal(again, *bytes);
    return blob;
}

/* Another back in its place, which knows the blob. */
static void replace(struct world *w, const void *blob, size_t bytes)
{
    world_end_back(w);
    world_start_back(w);
    assert_int_equal(splitio_netback_restore(&w->back, blob, bytes), 0);
    world_run(w);
    assert_true(splitio_netfront_is_up(&w->front));
    assert_null(w->back.saved);
}

/* Frames that wait in the ring while there is no back. */
static void send_some(struct world *w, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        struct kept k = make_noise(14 + rnd() % 3000);
        struct splitio_iovec iov;
        struct splitio_frame f = kept_frame(&k, &iov, 1);

        (void)splitio_netfront_send(&w->front, &f);
        kept_free(&k);
    }
    splitio_netfront_kick(&w->front);
}

static void hand_over(unsigned queues)
{
    struct world *w = world_with(queues);

    make_wishes(w);
    for (unsigned i = 0; i < 20; i++) {
        size_t bytes;
        void *blob;

        world_check_traffic(w);
        send_some(w, rnd() % 20);
        assert_int_equal(splitio_netback_pause(&w->back), 0);
        blob = save(w, &bytes);
        replace(w, blob, bytes);
        free(blob);
        assert_int_equal(splitio_netfront_in_flight(&w->front), 0);
        queue_clear(&w->nic.out);
        world_check_traffic(w);
        /* It knows what the last one was told, and was not told again. */
        assert_int_equal(w->back.stats.ctrl_messages, 0);
        assert_int_equal(w->back.nr_mcast, 1);
        assert_true(w->back.stats.staged_copies != 0);
        assert_int_equal(splitio_netfront_hash_status(&w->front), 0);
    }
    assert_int_equal(w->connects, 1);
    assert_int_equal(w->front.stats.tx_errors, 0);
    world_delete(w);
}

static void back_of_one_queue_is_replaced_unseen(void **state)
{
    (void)state;
    hand_over(1);
}

static void back_of_queues_is_replaced_unseen(void **state)
{
    (void)state;
    hand_over(4);
}

/* Nothing of another connection is taken over. */
static void blob_of_an_earlier_connection_is_passed_over(void **state)
{
    struct world *w = world_with(2);
    size_t bytes;
    void *blob;

    (void)state;
    make_wishes(w);
    blob = save(w, &bytes);
    for (unsigned queues = 1; queues <= 2; queues++) {
        world_end_front(w);
        w->front_config.max_queues = queues;
        w->front_config.ctrl_ring = queues == 1;
        world_start_front(w);
        world_run(w);
        replace(w, blob, bytes);
        assert_int_equal(w->back.nr_queues, queues);
        assert_int_equal(w->back.nr_mcast, 0);
        world_check_traffic(w);
    }
    free(blob);
    world_delete(w);
}

/* The rings have gone on without the blob: it is of no use, and the connection
 * is made anew. */
static void blob_that_the_rings_have_left_behind_is_not_believed(void **state)
{
    struct world *w = world_with(1);
    size_t bytes;
    void *blob;

    (void)state;
    blob = save(w, &bytes);
    world_check_traffic(w);
    replace(w, blob, bytes);
    assert_int_equal(w->connects, 2);
    world_check_traffic(w);
    free(blob);
    world_delete(w);
}

static void nothing_is_saved_of_what_is_not_connected(void **state)
{
    struct world *w = world_with(1);
    size_t bytes;

    (void)state;
    splitio_netback_close(&w->back);
    world_run(w);
    assert_true(splitio_netback_is_closed(&w->back));
    assert_int_equal(splitio_netback_save(&w->back, NULL, 0, &bytes),
                     SPLITIO_EINVAL);
    world_delete(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(back_of_one_queue_is_replaced_unseen),
        cmocka_unit_test(back_of_queues_is_replaced_unseen),
        cmocka_unit_test(blob_of_an_earlier_connection_is_passed_over),
        cmocka_unit_test(blob_that_the_rings_have_left_behind_is_not_believed),
        cmocka_unit_test(nothing_is_saved_of_what_is_not_connected),
    };

    rnd_seed(11);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
