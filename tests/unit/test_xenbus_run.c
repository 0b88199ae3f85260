/* SPDX-License-Identifier: BSD-2-Clause */
/* The runner: front and back over the real store server. */
#include "cm.h"

#include <string.h>

#include "xb_bed.h"

#define FRONT SPLITIO_XENBUS_FRONT
#define BACK  SPLITIO_XENBUS_BACK

static struct splitio_xenbus *front_of(struct bed *bed)
{
    return &bed->half[FRONT].xb;
}

static struct splitio_xenbus *back_of(struct bed *bed)
{
    return &bed->half[BACK].xb;
}

/* ---- opening ---- */

static void both_start_connect(void **state)
{
    struct bed bed;

    (void)state;
    bed_init(&bed);
    bed_settle(&bed);
    bed_assert_connected(&bed);
    assert_true(bed_is(&bed, BED_FRONT_DIR, "queue-0/ring-ref", "101"));
    assert_true(bed_is(&bed, BED_BACK_DIR, "sectors", "2048"));
    assert_int_equal(splitio_xenbus_peer(front_of(&bed)), 0);
    assert_int_equal(splitio_xenbus_peer(back_of(&bed)), 1);
    assert_int_equal(bed.half[FRONT].nr_connected, 1);
    assert_int_equal(bed.half[BACK].nr_connected, 1);
    bed_fini(&bed);
    assert_int_equal(bed.half[FRONT].nr_disconnected, 1);
    assert_int_equal(bed.half[BACK].nr_disconnected, 1);
}

static void late_half_connects(void **state)
{
    unsigned late;

    (void)state;
    for (late = 0; late < 2; late++) {
        struct bed bed;

        bed_init_empty(&bed);
        bed_make_dirs(&bed);
        bed_start(&bed, (enum splitio_xenbus_role) !late);
        bed_settle(&bed);
        assert_false(bed.half[!late].linked);
        bed_start(&bed, (enum splitio_xenbus_role)late);
        bed_settle(&bed);
        bed_assert_connected(&bed);
        bed_fini(&bed);
    }
}

static void late_directories_are_waited_for(void **state)
{
    struct bed bed;

    (void)state;
    bed_init_empty(&bed);
    bed_start(&bed, FRONT);
    bed_start(&bed, BACK);
    bed_settle(&bed);
    bed_make_dirs(&bed);
    bed_settle(&bed);
    bed_assert_connected(&bed);
    bed_fini(&bed);
}

static void netlike_front_writes_connected_and_connects(void **state)
{
    struct bed bed;

    (void)state;
    bed_init(&bed);
    bed.half[FRONT].table.offer_state = SPLITIO_XENBUS_CONNECTED;
    bed_settle(&bed);
    bed_assert_connected(&bed);
    bed_fini(&bed);
}

static void driver_asking_for_time_gets_it(void **state)
{
    struct bed bed;
    unsigned i;

    (void)state;
    bed_init(&bed);
    bed.half[FRONT].again = bed.half[BACK].again = 20;
    for (i = 0; i < 200; i++)
        bed_round(&bed);
    bed_assert_connected(&bed);
    bed.half[FRONT].again = bed.half[BACK].again = 20;
    splitio_xenbus_close(front_of(&bed));
    for (i = 0; i < 200; i++)
        bed_round(&bed);
    bed_assert_closed(&bed);
    bed_fini(&bed);
}

/* ---- closing ---- */

static void either_side_closes_and_reopens(void **state)
{
    unsigned who;

    (void)state;
    for (who = 0; who < 2; who++) {
        struct bed bed;

        bed_init(&bed);
        bed_settle(&bed);
        splitio_xenbus_close(&bed.half[who].xb);
        bed_settle(&bed);
        /* A front whose back left waits for it to come back. */
        assert_int_equal(splitio_xenbus_state(back_of(&bed)), 6);
        assert_int_equal(splitio_xenbus_state(front_of(&bed)), who ? 1 : 6);
        assert_true(splitio_xenbus_is_closed(&bed.half[who].xb));
        assert_false(bed.half[FRONT].attached || bed.half[BACK].attached);
        assert_int_equal(bed.half[FRONT].nr_quiesced, 1);
        splitio_xenbus_reopen(&bed.half[who].xb);
        bed_settle(&bed);
        bed_assert_connected(&bed);
        assert_int_equal(bed.half[FRONT].nr_connected, 2);
        bed_fini(&bed);
    }
}

static void toolstack_unplug_closes_both(void **state)
{
    struct bed bed;

    (void)state;
    bed_init(&bed);
    bed_settle(&bed);
    bed_put(&bed, BED_BACK_DIR, "online", "0");
    bed_put(&bed, BED_BACK_DIR, "state", "5");
    bed_settle(&bed);
    bed_assert_closed(&bed);
    assert_true(bed_is(&bed, BED_BACK_DIR, "state", "6"));
    assert_true(splitio_xenbus_is_closed(back_of(&bed)));
    assert_true(splitio_xenbus_is_closed(front_of(&bed)));
    /* It changes its mind. */
    bed_put(&bed, BED_BACK_DIR, "online", "1");
    bed_put(&bed, BED_BACK_DIR, "state", "1");
    bed_settle(&bed);
    bed_assert_connected(&bed);
    bed_fini(&bed);
}

static void removed_directories_are_not_made_anew(void **state)
{
    struct bed bed;

    (void)state;
    bed_init(&bed);
    bed_settle(&bed);
    splitio_store_server_rm(bed.server, BED_FRONT_DIR);
    splitio_store_server_rm(bed.server, BED_BACK_DIR);
    bed_settle(&bed);
    assert_false(bed.half[FRONT].attached || bed.half[BACK].attached);
    assert_true(splitio_xenbus_is_closed(front_of(&bed)));
    assert_true(splitio_xenbus_is_closed(back_of(&bed)));
    assert_true(bed_is(&bed, BED_FRONT_DIR, "state", NULL));
    assert_true(bed_is(&bed, BED_BACK_DIR, "state", NULL));
    bed_make_dirs(&bed);
    bed_settle(&bed);
    bed_assert_connected(&bed);
    bed_fini(&bed);
}

static void fini_at_any_point_leaves_nothing(void **state)
{
    unsigned steps;

    (void)state;
    for (steps = 0; steps < 120; steps++) {
        struct bed bed;
        unsigned i;

        bed_init(&bed);
        for (i = 0; i < steps; i++) {
            struct bed_driver *d = &bed.half[i / 2 % 2];

            /* Polls by halves: replies are left lying about. */
            if (i & 1)
                splitio_xenbus_poll(&d->xb);
            else
                splitio_store_poll(&d->link.store, 1);
        }
        bed_fini(&bed);
    }
}

static void reconnect_1000_times_stays_flat(void **state)
{
    struct splitio_store_stats before, after;
    struct bed bed;
    unsigned i;

    (void)state;
    bed_init(&bed);
    bed_settle(&bed);
    splitio_store_server_stats(bed.server, &before);
    for (i = 0; i < 1000; i++) {
        struct splitio_xenbus *xb = &bed.half[i & 1].xb;

        splitio_xenbus_close(xb);
        bed_settle(&bed);
        assert_false(bed.half[FRONT].attached || bed.half[BACK].attached);
        splitio_xenbus_reopen(xb);
        bed_settle(&bed);
        bed_assert_connected(&bed);
    }
    splitio_store_server_stats(bed.server, &after);
    assert_int_equal(before.nodes, after.nodes);
    assert_int_equal(before.watches, after.watches);
    assert_int_equal(before.transactions, after.transactions);
    /* Blocks may be a little larger than what is in them. */
    assert_in_range(after.memory_bytes, before.memory_bytes - 256,
                    before.memory_bytes + 256);
    assert_int_equal(bed.half[FRONT].nr_negotiated, 1001);
    bed_fini(&bed);
    assert_int_equal(bed.half[FRONT].nr_disconnected, 1001);
    assert_int_equal(bed.half[BACK].nr_disconnected, 1001);
}

/* ---- while connected ---- */

static void published_change_reaches_the_front(void **state)
{
    struct bed bed;

    (void)state;
    bed_init(&bed);
    bed_settle(&bed);
    bed.half[BACK].sectors = 4096;
    splitio_xenbus_publish(back_of(&bed));
    bed_settle(&bed);
    bed_assert_connected(&bed);
    assert_int_equal(bed.half[FRONT].sectors, 4096);
    assert_true(bed.half[FRONT].nr_updated >= 1);
    assert_int_equal(bed.half[FRONT].nr_connected, 1);
    bed_fini(&bed);
}

static void keys_changed_after_connecting_have_no_effect(void **state)
{
    struct bed bed;

    (void)state;
    bed_init(&bed);
    bed_settle(&bed);
    bed_put(&bed, BED_FRONT_DIR, "queue-0/ring-ref", "7777");
    bed_put(&bed, BED_FRONT_DIR, "state", "4");
    bed_put(&bed, BED_FRONT_DIR, "state", "3");
    bed_settle(&bed);
    assert_int_equal(bed.half[BACK].ring_ref, 101);
    assert_int_equal(bed.half[BACK].nr_negotiated, 1);
    assert_true(bed.half[BACK].linked);
    bed_fini(&bed);
}

static void resume_connects_anew(void **state)
{
    struct bed bed;

    (void)state;
    bed_init(&bed);
    bed_settle(&bed);
    splitio_xenbus_resume(front_of(&bed));
    bed_settle(&bed);
    bed_assert_connected(&bed);
    assert_int_equal(bed.half[FRONT].nr_negotiated, 2);
    bed_fini(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_start_connect),
        cmocka_unit_test(late_half_connects),
        cmocka_unit_test(late_directories_are_waited_for),
        cmocka_unit_test(netlike_front_writes_connected_and_connects),
        cmocka_unit_test(driver_asking_for_time_gets_it),
        cmocka_unit_test(either_side_closes_and_reopens),
        cmocka_unit_test(toolstack_unplug_closes_both),
        cmocka_unit_test(removed_directories_are_not_made_anew),
        cmocka_unit_test(fini_at_any_point_leaves_nothing),
        cmocka_unit_test(reconnect_1000_times_stays_flat),
        cmocka_unit_test(published_change_reaches_the_front),
        cmocka_unit_test(keys_changed_after_connecting_have_no_effect),
        cmocka_unit_test(resume_connects_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
