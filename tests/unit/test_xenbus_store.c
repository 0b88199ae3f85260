/* SPDX-License-Identifier: BSD-2-Clause */
/* The runner over a store that refuses, breaks, or is used against it. */
#include "cm.h"

#include <string.h>

#include "xb_bed.h"

#define FRONT SPLITIO_XENBUS_FRONT
#define BACK  SPLITIO_XENBUS_BACK

/* ---- the store ---- */

static void state_rewritten_all_the_time_does_not_starve(void **state)
{
    struct bed bed;
    unsigned i;

    (void)state;
    bed_init_empty(&bed);
    bed_make_dirs(&bed);
    bed_start(&bed, BACK);
    bed_put(&bed, BED_FRONT_DIR, "queue-0/ring-ref", "55");
    for (i = 0; i < 400; i++) {
        /* Every transaction of the back finds this node touched. */
        bed_put(&bed, BED_FRONT_DIR, "state", "4");
        bed_round(&bed);
    }
    assert_true(bed.half[BACK].linked);
    assert_true(bed.half[BACK].xb.nr_conflicts > 0);
    assert_int_equal(bed.half[BACK].nr_negotiated, 1);
    for (i = 0; i < 1000; i++) {
        bed_put(&bed, BED_FRONT_DIR, "state", "6");
        bed_round(&bed);
    }
    assert_false(bed.half[BACK].attached);
    assert_true(bed_is(&bed, BED_BACK_DIR, "state", "6"));
    bed_fini(&bed);
}

static void request_refused_anywhere_connects_in_the_end(void **state)
{
    static const char *const names[] = {"EIO",    "EACCES", "ENOENT", "ENOMEM",
                                        "EAGAIN", "EQUOTA", "ENOSPC", "EINVAL"};
    unsigned role, at, n;

    (void)state;
    for (n = 0; n < SPLITIO_ARRAY_LEN(names); n++)
        for (role = 0; role < 2; role++)
            for (at = 1; at < 45; at++) {
                struct bed bed;

                bed_init(&bed);
                bed.half[role].link.fail_at = at;
                bed.half[role].link.fail_as = names[n];
                bed_settle_slowly(&bed);
                if (!bed.half[FRONT].linked || !bed.half[BACK].linked) {
                    /* A driver that got no value refused. */
                    assert_true(bed.half[0].xb.nr_errors +
                                    bed.half[1].xb.nr_errors >
                                0);
                    splitio_xenbus_reopen(&bed.half[FRONT].xb);
                    splitio_xenbus_reopen(&bed.half[BACK].xb);
                    bed_settle_slowly(&bed);
                }
                bed_assert_connected(&bed);
                bed_fini(&bed);
            }
}

static void store_lost_anywhere_connects_in_the_end(void **state)
{
    unsigned role, at;

    (void)state;
    for (role = 0; role < 2; role++)
        for (at = 1; at < 60; at++) {
            struct bed bed;

            bed_init(&bed);
            bed.half[role].link.cut_at = at;
            bed_settle_slowly(&bed);
            bed_assert_connected(&bed);
            /* The loss itself costs no rings. */
            assert_int_equal(bed.half[FRONT].nr_negotiated, 1);
            bed_fini(&bed);
        }
}

static void silent_peer_is_reported_once(void **state)
{
    struct splitio_xenbus *xb;
    struct bed bed;
    char text[256];

    (void)state;
    bed_init_empty(&bed);
    bed_make_dirs(&bed);
    bed_put(&bed, BED_BACK_DIR, "state", "2");
    bed_start(&bed, FRONT);
    bed_settle(&bed);
    xb = &bed.half[FRONT].xb;
    assert_int_equal(splitio_xenbus_check(xb, 100, 50), 0);
    assert_int_equal(splitio_xenbus_check(xb, 149, 50), 0);
    assert_int_equal(splitio_xenbus_check(xb, 150, 50), SPLITIO_EAGAIN);
    bed_settle(&bed);
    assert_int_equal(splitio_xenbus_check(xb, 250, 50), 0);
    assert_true(splitio_xenbus_describe(xb, text, sizeof(text)) > 0);
    assert_string_equal(text, "front " BED_FRONT_DIR
                              ": state 3 (Initialised), peer " BED_BACK_DIR
                              ": state 2 (InitWait)");
    assert_int_equal(splitio_xenbus_describe(xb, text, 8), SPLITIO_E2BIG);
    bed_fini(&bed);
}

/* ---- everything at once ---- */

static uint32_t rnd(uint32_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 17;
    *s ^= *s << 5;
    return *s;
}

static void disturb(struct bed *bed, uint32_t *s)
{
    static const char *const texts[] = {"0", "1", "3",  "4", "5",
                                        "6", "",  "99", "2", "4x"};
    enum splitio_xenbus_role r = (enum splitio_xenbus_role)(rnd(s) & 1);
    struct bed_driver *d = &bed->half[r];

    switch (rnd(s) % 9) {
    case 0:
        splitio_xenbus_close(&d->xb);
        break;
    case 1:
        splitio_xenbus_reopen(&d->xb);
        break;
    case 2:
        splitio_xenbus_publish(&d->xb);
        break;
    case 3:
        splitio_xenbus_fail(&d->xb, SPLITIO_EPROTO, NULL);
        break;
    case 4:
        d->again = rnd(s) % 4;
        break;
    case 5:
        d->fail_negotiate = SPLITIO_EPROTO;
        break;
    case 6:
        bed_kill(bed, r);
        bed_start(bed, r);
        break;
    case 7:
        splitio_xenbus_resume(&d->xb);
        break;
    default:
        bed_put(bed, r ? BED_BACK_DIR : BED_FRONT_DIR, "state",
                texts[rnd(s) % SPLITIO_ARRAY_LEN(texts)]);
    }
}

/* Nobody disturbs any more: a new life on both sides connects. */
static void calm_down(struct bed *bed)
{
    unsigned i, role;

    for (role = 0; role < 2; role++)
        bed->half[role].again = bed->half[role].fail_negotiate = 0;
    bed_settle_slowly(bed);
    for (i = 0; i < 2; i++) {
        for (role = 0; role < 2; role++) {
            bed_kill(bed, (enum splitio_xenbus_role)role);
            bed_start(bed, (enum splitio_xenbus_role)role);
        }
        bed_settle_slowly(bed);
    }
    bed_assert_connected(bed);
}

static void random_disturbance_always_ends_well(void **state)
{
    uint32_t seed;

    (void)state;
    for (seed = 1; seed <= 150; seed++) {
        uint32_t s = seed * 2654435761u;
        struct bed bed;
        unsigned i, j;

        bed_init(&bed);
        bed.seed = s | 1;
        bed.half[BACK].table.adopt = seed & 1;
        for (i = 0; i < 60; i++) {
            for (j = rnd(&s) % 60; j > 0; j--)
                bed_round(&bed);
            disturb(&bed, &s);
        }
        calm_down(&bed);
        bed_fini(&bed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_rewritten_all_the_time_does_not_starve),
        cmocka_unit_test(request_refused_anywhere_connects_in_the_end),
        cmocka_unit_test(store_lost_anywhere_connects_in_the_end),
        cmocka_unit_test(silent_peer_is_reported_once),
        cmocka_unit_test(random_disturbance_always_ends_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
