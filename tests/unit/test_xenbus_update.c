/* SPDX-License-Identifier: BSD-2-Clause */
/* The runner while connected: keys that change, and Reconfiguring. */
#include "cm.h"

#include <string.h>

#include "xb_bed.h"

#define FRONT SPLITIO_XENBUS_FRONT
#define BACK  SPLITIO_XENBUS_BACK

static struct splitio_xenbus *front_of(struct bed *bed)
{
    return &bed->half[FRONT].xb;
}

/* Both halves connected, watching keys. */
static void begin(struct bed *bed)
{
    bed_init_empty(bed);
    bed_make_dirs(bed);
    bed_start(bed, FRONT);
    bed_start(bed, BACK);
    bed->half[FRONT].table.watch = bed->half[BACK].table.watch = bed_watch;
    bed_settle(bed);
    bed_assert_connected(bed);
}

static void changed_key_of_the_front_is_noticed(void **state)
{
    struct bed bed;
    unsigned before;

    (void)state;
    begin(&bed);
    before = bed.half[BACK].nr_updated;
    bed_put(&bed, BED_FRONT_DIR, "level", "7");
    bed_settle(&bed);
    assert_int_equal(bed.half[BACK].level, 7);
    assert_true(bed.half[BACK].nr_updated > before);
    assert_int_equal(bed.half[BACK].nr_connected, 1);
    bed_assert_connected(&bed);
    bed_fini(&bed);
}

static void changed_key_of_ones_own_is_noticed(void **state)
{
    struct bed bed;

    (void)state;
    begin(&bed);
    bed_put(&bed, BED_FRONT_DIR, "limit", "8");
    bed_put(&bed, BED_BACK_DIR, "limit", "9");
    bed_settle(&bed);
    assert_int_equal(bed.half[FRONT].limit, 8);
    assert_int_equal(bed.half[BACK].limit, 9);
    bed_assert_connected(&bed);
    bed_fini(&bed);
}

static void key_that_nobody_watches_is_left_alone(void **state)
{
    struct bed bed;

    (void)state;
    bed_init(&bed);
    bed_settle(&bed);
    bed_put(&bed, BED_FRONT_DIR, "level", "7");
    bed_settle(&bed);
    assert_int_equal(bed.half[BACK].level, 0);
    assert_int_equal(bed.half[BACK].nr_updated, 0);
    bed_fini(&bed);
}

static void watched_key_that_is_refused_ends_the_life(void **state)
{
    struct bed bed;

    (void)state;
    begin(&bed);
    bed_put(&bed, BED_FRONT_DIR, "level", "x");
    bed_settle(&bed);
    assert_int_equal(bed.half[BACK].nr_disconnected, 1);
    assert_int_equal(bed.half[BACK].xb.nr_errors, 1);
    /* A new life does not read it, until it changes again. */
    bed_assert_connected(&bed);
    bed_fini(&bed);
}

static void front_publishes_what_it_changes(void **state)
{
    struct bed bed;

    (void)state;
    begin(&bed);
    bed.half[FRONT].level = 11;
    splitio_xenbus_publish(front_of(&bed));
    bed_settle(&bed);
    assert_true(bed_is(&bed, BED_FRONT_DIR, "level", "11"));
    assert_int_equal(bed.half[BACK].level, 11);
    bed_assert_connected(&bed);
    bed_fini(&bed);
}

static void reconfiguring_is_answered_and_ends(void **state)
{
    struct bed bed;
    unsigned i;

    (void)state;
    bed_init(&bed);
    bed_settle(&bed);
    for (i = 1; i <= 10; i++) {
        bed.half[FRONT].level = i;
        splitio_xenbus_reconfigure(front_of(&bed));
        bed_settle(&bed);
        assert_int_equal(bed.half[BACK].level, i);
        assert_true(bed.half[BACK].nr_updated >= i);
        assert_true(bed.half[FRONT].nr_updated >= i);
        bed_assert_connected(&bed);
    }
    assert_int_equal(bed.half[FRONT].nr_connected, 1);
    assert_int_equal(bed.half[BACK].nr_connected, 1);
    bed_fini(&bed);
}

/* Wishes in the middle of one that is under way: the last value counts. */
static void wishes_at_any_point_are_granted(void **state)
{
    unsigned steps, i;

    (void)state;
    for (steps = 0; steps < 60; steps++) {
        struct bed bed;

        begin(&bed);
        bed.half[FRONT].level = 1;
        splitio_xenbus_reconfigure(front_of(&bed));
        for (i = 0; i < steps; i++)
            bed_round(&bed);
        bed.half[FRONT].level = 2;
        if (steps & 1)
            splitio_xenbus_reconfigure(front_of(&bed));
        else
            splitio_xenbus_publish(front_of(&bed));
        bed.half[BACK].sectors = 4096;
        splitio_xenbus_publish(&bed.half[BACK].xb);
        bed_settle(&bed);
        assert_int_equal(bed.half[BACK].level, 2);
        assert_int_equal(bed.half[FRONT].sectors, 4096);
        bed_assert_connected(&bed);
        bed_fini(&bed);
    }
}

/* A front that writes Reconfiguring, waits for the answer, and goes on. */
static void foreign_front_is_answered_each_time(void **state)
{
    struct bed bed;
    unsigned i;

    (void)state;
    bed_init(&bed);
    bed_settle(&bed);
    bed_kill(&bed, FRONT);
    for (i = 0; i < 3; i++) {
        bed_put(&bed, BED_FRONT_DIR, "state", "7");
        bed_put(&bed, BED_FRONT_DIR, "level", i & 1 ? "5" : "6");
        bed_settle(&bed);
        assert_true(bed_is(&bed, BED_BACK_DIR, "state", "8"));
        assert_int_equal(bed.half[BACK].level, i & 1 ? 5 : 6);
        /* What the back publishes meanwhile does not hide the answer. */
        splitio_xenbus_publish(&bed.half[BACK].xb);
        bed_settle(&bed);
        assert_true(bed_is(&bed, BED_BACK_DIR, "state", "8"));
        bed_put(&bed, BED_FRONT_DIR, "state", "4");
        bed_settle(&bed);
        assert_true(bed_is(&bed, BED_BACK_DIR, "state", "4"));
        assert_true(bed.half[BACK].linked);
    }
    bed_fini(&bed);
}

/* A back that says Reconfigured once and for all. */
static void foreign_back_may_stay_reconfigured(void **state)
{
    struct bed bed;
    unsigned i;

    (void)state;
    bed_init(&bed);
    bed_settle(&bed);
    bed_kill(&bed, BACK);
    for (i = 0; i < 3; i++) {
        splitio_xenbus_reconfigure(front_of(&bed));
        bed_settle(&bed);
        if (i == 0) {
            assert_true(bed_is(&bed, BED_FRONT_DIR, "state", "7"));
            bed_put(&bed, BED_BACK_DIR, "state", "8");
            bed_settle(&bed);
        }
        assert_true(bed_is(&bed, BED_FRONT_DIR, "state", "4"));
        assert_true(bed.half[FRONT].linked);
    }
    bed_put(&bed, BED_BACK_DIR, "sectors", "99");
    bed_put(&bed, BED_BACK_DIR, "state", "8");
    bed_settle(&bed);
    assert_int_equal(bed.half[FRONT].sectors, 99);
    bed_fini(&bed);
}

static void back_that_ends_while_reconfiguring_is_left(void **state)
{
    struct bed bed;

    (void)state;
    bed_init(&bed);
    bed_settle(&bed);
    bed_kill(&bed, BACK);
    splitio_xenbus_reconfigure(front_of(&bed));
    bed_settle(&bed);
    bed_start(&bed, BACK);
    bed_settle(&bed);
    bed_assert_connected(&bed);
    assert_int_equal(bed.half[FRONT].nr_connected, 2);
    bed_fini(&bed);
}

static void fini_at_any_point_leaves_nothing(void **state)
{
    unsigned steps, i;

    (void)state;
    for (steps = 0; steps < 60; steps++) {
        struct bed bed;

        begin(&bed);
        splitio_xenbus_reconfigure(front_of(&bed));
        bed_put(&bed, BED_BACK_DIR, "limit", "3");
        for (i = 0; i < steps; i++)
            bed_round(&bed);
        bed_fini(&bed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_key_of_the_front_is_noticed),
        cmocka_unit_test(changed_key_of_ones_own_is_noticed),
        cmocka_unit_test(key_that_nobody_watches_is_left_alone),
        cmocka_unit_test(watched_key_that_is_refused_ends_the_life),
        cmocka_unit_test(front_publishes_what_it_changes),
        cmocka_unit_test(reconfiguring_is_answered_and_ends),
        cmocka_unit_test(wishes_at_any_point_are_granted),
        cmocka_unit_test(foreign_front_is_answered_each_time),
        cmocka_unit_test(foreign_back_may_stay_reconfigured),
        cmocka_unit_test(back_that_ends_while_reconfiguring_is_left),
        cmocka_unit_test(fini_at_any_point_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
