/* SPDX-License-Identifier: BSD-2-Clause */
/* The runner when things go wrong: refusals, crashes, lies. */
#include "cm.h"

#include <string.h>

#include "xb_bed.h"

#define FRONT SPLITIO_XENBUS_FRONT
#define BACK  SPLITIO_XENBUS_BACK

#define FRONT_ERROR "/local/domain/1/error/device/vbd/768"
#define BACK_ERROR  "/local/domain/0/error/backend/vbd/1/768"

/* ---- the driver refuses ---- */

static void back_refusing_leaves_error_and_recovers(void **state)
{
    struct bed bed;

    (void)state;
    bed_init(&bed);
    bed.half[BACK].fail_negotiate = SPLITIO_EINVAL;
    bed.half[BACK].fail_text = "ring-ref of no use";
    bed_settle(&bed);
    assert_true(bed_is(&bed, BACK_ERROR, "error", "22 ring-ref of no use"));
    /* The front came back by itself, with new rings. */
    bed_assert_connected(&bed);
    assert_int_equal(bed.half[FRONT].nr_negotiated, 2);
    assert_int_equal(splitio_xenbus_error(&bed.half[BACK].xb), 0);
    bed_fini(&bed);
}

static void back_refusing_each_time_ends_in_bounded_tries(void **state)
{
    struct bed bed;
    unsigned i;

    (void)state;
    bed_init(&bed);
    bed_put(&bed, BED_BACK_DIR, "sectors", "1");
    bed.half[BACK].fail_text = "never";
    for (i = 0; i < 4000; i++) {
        bed.half[BACK].fail_negotiate = SPLITIO_EPROTO;
        bed_round(&bed);
    }
    bed.half[BACK].fail_negotiate = SPLITIO_EPROTO;
    bed_settle(&bed);
    assert_int_equal(bed.half[FRONT].nr_negotiated, 8);
    assert_false(bed.half[FRONT].attached || bed.half[BACK].attached);
    /* It is asked again, and agrees. */
    bed.half[BACK].fail_negotiate = 0;
    splitio_xenbus_reopen(&bed.half[FRONT].xb);
    bed_settle(&bed);
    bed_assert_connected(&bed);
    bed_fini(&bed);
}

static void front_refusing_waits_for_a_new_back(void **state)
{
    struct bed bed;

    (void)state;
    bed_init(&bed);
    bed.half[FRONT].fail_got = SPLITIO_EPROTO;
    bed_settle(&bed);
    assert_true(
        bed_is(&bed, FRONT_ERROR, "error", "71 the peer broke the protocol"));
    assert_int_equal(splitio_xenbus_state(&bed.half[FRONT].xb), 6);
    assert_int_equal(splitio_xenbus_error(&bed.half[FRONT].xb), SPLITIO_EPROTO);
    bed_put(&bed, BED_BACK_DIR, "state", "1");
    bed_settle(&bed);
    bed_assert_connected(&bed);
    bed_fini(&bed);
}

static void refusal_anywhere_recovers(void **state)
{
    static const int errors[] = {SPLITIO_EPROTO, SPLITIO_ECLOSED};
    unsigned role, where, e;

    (void)state;
    for (role = 0; role < 2; role++)
        for (where = 0; where < 3; where++)
            for (e = 0; e < 2; e++) {
                struct bed bed;
                struct bed_driver *d = &bed.half[role];
                unsigned tries;

                bed_init(&bed);
                if (where == 0)
                    d->fail_got = errors[e];
                else if (where == 1)
                    d->fail_negotiate = errors[e];
                else
                    d->fail_connected = errors[e];
                bed_settle(&bed);
                for (tries = 0; tries < 2; tries++) {
                    splitio_xenbus_reopen(&bed.half[FRONT].xb);
                    splitio_xenbus_reopen(&bed.half[BACK].xb);
                    bed_settle(&bed);
                }
                bed_assert_connected(&bed);
                bed_fini(&bed);
            }
}

static void running_device_failing_cycles(void **state)
{
    unsigned role;

    (void)state;
    for (role = 0; role < 2; role++) {
        struct bed bed;

        bed_init(&bed);
        bed_settle(&bed);
        splitio_xenbus_fail(&bed.half[role].xb, SPLITIO_EPROTO, "bad ring");
        bed_settle(&bed);
        assert_true(bed_is(&bed, role ? BACK_ERROR : FRONT_ERROR, "error",
                           "71 bad ring"));
        splitio_xenbus_reopen(&bed.half[role].xb);
        bed_settle(&bed);
        bed_assert_connected(&bed);
        bed_fini(&bed);
    }
}

/* ---- crashes ---- */

static void half_killed_anywhere_reconnects(void **state)
{
    unsigned role, steps, flags;

    (void)state;
    for (flags = 0; flags < 4; flags++)
        for (role = 0; role < 2; role++)
            for (steps = 0; steps < 90; steps++) {
                enum splitio_xenbus_role r = (enum splitio_xenbus_role)role;
                struct bed bed;
                unsigned i;

                bed_init(&bed);
                bed.half[BACK].table.adopt = flags & 1;
                if (flags & 2)
                    bed.half[FRONT].table.offer_state = 4;
                for (i = 0; i < steps; i++)
                    bed_round(&bed);
                bed_kill(&bed, r);
                if (steps % 3 == 0)
                    bed_settle(&bed);
                bed_start(&bed, r);
                bed_settle(&bed);
                bed_assert_connected(&bed);
                bed_fini(&bed);
            }
}

static void back_adopting_does_not_disturb_the_front(void **state)
{
    struct bed bed;

    (void)state;
    bed_init(&bed);
    bed.half[BACK].table.adopt = true;
    bed_settle(&bed);
    bed_kill(&bed, BACK);
    bed_settle(&bed);
    bed_start(&bed, BACK);
    bed_settle(&bed);
    bed_assert_connected(&bed);
    assert_int_equal(bed.half[FRONT].nr_disconnected, 0);
    assert_int_equal(bed.half[BACK].nr_negotiated, 2);
    /* Another time it finds that it cannot. */
    bed_kill(&bed, BACK);
    bed_start(&bed, BACK);
    bed.half[BACK].fail_negotiate = SPLITIO_ECLOSED;
    bed_settle(&bed);
    bed_assert_connected(&bed);
    assert_int_equal(bed.half[FRONT].nr_disconnected, 1);
    assert_true(bed_is(&bed, BACK_ERROR, "error", NULL));
    bed_fini(&bed);
}

/* ---- the peer lies ---- */

/* What a front written by hand does to a back. */
static void back_survives_any_front_state(void **state)
{
    static const char *const texts[] = {
        "4", "6", "4",  "99", "",  "1", "6",  "4", "-1",  "5",  "4", "7",
        "3", "2", "4x", "5",  "6", "1", "10", "8", "3",   "4",  "1", "\x01",
        "6", "6", "4",  "",   "4", "0", "5",  "5", "256", NULL, "1"};
    struct bed bed;
    unsigned i;

    (void)state;
    bed_init_empty(&bed);
    bed_make_dirs(&bed);
    bed_start(&bed, BACK);
    bed_put(&bed, BED_FRONT_DIR, "queue-0/ring-ref", "55");
    bed_settle(&bed);
    for (i = 0; i < SPLITIO_ARRAY_LEN(texts); i++) {
        bed_put(&bed, BED_FRONT_DIR, "state", texts[i]);
        bed_settle(&bed);
        assert_int_equal(bed.half[BACK].nr_negotiated -
                             bed.half[BACK].nr_disconnected,
                         bed.half[BACK].attached);
    }
    assert_true(bed.half[BACK].nr_connected >= 4);
    bed_put(&bed, BED_FRONT_DIR, "state", "6");
    bed_settle(&bed);
    bed_put(&bed, BED_FRONT_DIR, "state", "1");
    bed_settle(&bed);
    bed_start(&bed, FRONT);
    bed_settle(&bed);
    bed_assert_connected(&bed);
    bed_fini(&bed);
}

static void front_survives_any_back_state(void **state)
{
    static const char *const texts[] = {"4", "6", "2", "99", "",  "1", "2",
                                        "4", "1", "3", "4",  "5", "6", "2",
                                        "4", "8", "7", "6",  NULL};
    struct bed bed;
    unsigned i, round;

    (void)state;
    bed_init_empty(&bed);
    bed_make_dirs(&bed);
    bed_start(&bed, FRONT);
    bed_put(&bed, BED_BACK_DIR, "sectors", "9");
    for (round = 0; round < 3; round++)
        for (i = 0; i < SPLITIO_ARRAY_LEN(texts); i++) {
            bed_put(&bed, BED_BACK_DIR, "state", texts[i]);
            bed_settle(&bed);
            assert_int_equal(bed.half[FRONT].nr_negotiated -
                                 bed.half[FRONT].nr_disconnected,
                             bed.half[FRONT].attached);
        }
    assert_true(bed.half[FRONT].nr_connected >= 2);
    bed_put(&bed, BED_BACK_DIR, "state", "1");
    splitio_xenbus_reopen(&bed.half[FRONT].xb);
    bed_start(&bed, BACK);
    bed_settle(&bed);
    bed_assert_connected(&bed);
    bed_fini(&bed);
}

static void backend_path_elsewhere_is_not_followed(void **state)
{
    static const char *const paths[] = {"",
                                        "backend/vbd/1/768",
                                        "/local/domain/2/backend/vbd/1/768",
                                        "/local/domain/00/backend/vbd/1/768",
                                        "/local/domain/0",
                                        "/local//domain/0/x",
                                        BED_FRONT_DIR};
    char giant[400];
    struct bed bed;
    unsigned i;

    (void)state;
    memset(giant, 'x', sizeof(giant));
    giant[0] = '/';
    giant[sizeof(giant) - 1] = '\0';
    bed_init_empty(&bed);
    bed_make_dirs(&bed);
    bed_start(&bed, FRONT);
    bed_start(&bed, BACK);
    for (i = 0; i <= SPLITIO_ARRAY_LEN(paths); i++) {
        bed_put(&bed, BED_FRONT_DIR, "backend",
                i < SPLITIO_ARRAY_LEN(paths) ? paths[i] : giant);
        bed_settle(&bed);
        assert_int_equal(bed.half[FRONT].nr_negotiated, 0);
    }
    bed_put(&bed, BED_FRONT_DIR, "backend", BED_BACK_DIR);
    bed_settle(&bed);
    bed_assert_connected(&bed);
    bed_fini(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(back_refusing_leaves_error_and_recovers),
        cmocka_unit_test(back_refusing_each_time_ends_in_bounded_tries),
        cmocka_unit_test(front_refusing_waits_for_a_new_back),
        cmocka_unit_test(refusal_anywhere_recovers),
        cmocka_unit_test(running_device_failing_cycles),
        cmocka_unit_test(half_killed_anywhere_reconnects),
        cmocka_unit_test(back_adopting_does_not_disturb_the_front),
        cmocka_unit_test(back_survives_any_front_state),
        cmocka_unit_test(front_survives_any_back_state),
        cmocka_unit_test(backend_path_elsewhere_is_not_followed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
