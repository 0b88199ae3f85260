/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two halves under the rules of the handshake, explored to the end: every pair
 * of states to begin with, every interleaving of looking and acting, with
 * crashes of either side in between.
 *
 * Between two careful halves (see xb_model.h) there must be no circle: no
 * livelock under any schedule. If one is not careful, unlucky timing may repeat
 * a cycle, but from everywhere there must be a way to an end. In all cases a
 * situation that nobody leaves must be a good end.
 */
#include "cm.h"

#include <string.h>

#include "explore.h"
#include "xb_model.h"

#define FRONT SPLITIO_XENBUS_FRONT
#define BACK  SPLITIO_XENBUS_BACK

struct pair {
    struct xb_half half[2];
    uint8_t crashes[2]; /* that may still happen */
};

/* Move 0 or 1: that half carries on. 2 or 3: it dies and starts again. */
static bool move(void *situation, unsigned nr)
{
    struct pair *p = situation;
    struct pair before = *p;
    struct xb_half *h = &p->half[nr & 1], *other = &p->half[!(nr & 1)];

    if (nr >= 2) {
        if (p->crashes[nr & 1] == 0 || h->phase == XB_START)
            return false;
        p->crashes[nr & 1]--;
        h->phase = XB_START;
        h->local = h->attached = h->stale = h->begun = 0;
        return true;
    }
    /* The back has let go before the front takes the rings back. */
    if (xb_half_releases(h) && h->careful && other->careful)
        assert_false(other->attached);
    xb_half_step(h, other->wire);
    return memcmp(&before, p, sizeof(before)) != 0;
}

/* A situation that nobody leaves: is it what was wished for? */
static void check_end(const void *situation)
{
    const struct pair *p = situation;
    const struct xb_half *f = &p->half[FRONT], *b = &p->half[BACK];

    if (!f->closing && !b->closing) {
        assert_int_equal(f->local, SPLITIO_XENBUS_CONNECTED);
        assert_int_equal(b->local, SPLITIO_XENBUS_CONNECTED);
        assert_true(f->attached && b->attached);
        return;
    }
    assert_false(f->attached || b->attached);
    if (f->closing)
        assert_int_equal(f->local, SPLITIO_XENBUS_CLOSED);
    if (b->closing)
        assert_int_equal(b->local, SPLITIO_XENBUS_CLOSED);
}

static void show(const void *situation)
{
    const struct pair *p = situation;

    xb_half_show(&p->half[FRONT]);
    xb_half_show(&p->half[BACK]);
    print_error("\n");
}

static bool no_circles(const void *situation)
{
    const struct pair *p = situation;

    return p->half[FRONT].careful && p->half[BACK].careful;
}

/* Bits of careful and closing: 1 front, 2 back. */
static void explore_all(unsigned careful, unsigned closing, unsigned crashes)
{
    struct explore e = {.bytes = sizeof(struct pair),
                        .nr_moves = 4,
                        .nr_sure = 2,
                        .move = move,
                        .check_end = check_end,
                        .show = show,
                        .no_circles = no_circles};
    unsigned i, flags, wires;

    explore_init(&e);
    for (flags = 0; flags < 4; flags++)
        for (wires = 0; wires < 100; wires++) {
            struct pair p;

            memset(&p, 0, sizeof(p));
            for (i = 0; i < 2; i++) {
                p.half[i].role = (uint8_t)i;
                p.half[i].careful = careful >> i & 1;
                p.half[i].closing = closing >> i & 1;
                p.crashes[i] = (uint8_t)crashes;
            }
            p.half[BACK].adopt = flags & 1;
            p.half[FRONT].netlike = flags >> 1;
            p.half[FRONT].wire = (uint8_t)(wires / 10);
            p.half[BACK].wire = (uint8_t)(wires % 10);
            explore_from(&e, &p);
        }
    assert_true(e.nr_ends > 0);
    explore_check_ways(&e);
    explore_fini(&e);
}

static void pair_any_connects(void **state)
{
    (void)state;
    explore_all(3, 0, 0);
}

static void pair_crashing_connects(void **state)
{
    (void)state;
    explore_all(3, 0, 2);
}

static void pair_with_careless_half_connects(void **state)
{
    (void)state;
    explore_all(0, 0, 1);
    explore_all(1, 0, 1);
    explore_all(2, 0, 1);
}

static void pair_with_careless_half_closes(void **state)
{
    unsigned careful;

    (void)state;
    for (careful = 0; careful < 3; careful++) {
        explore_all(careful, 1, 1);
        explore_all(careful, 2, 1);
    }
}

static void pair_one_closing_closes(void **state)
{
    (void)state;
    explore_all(3, 1, 1);
    explore_all(3, 2, 1);
}

static void pair_both_closing_closes(void **state)
{
    (void)state;
    explore_all(3, 3, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pair_any_connects),
        cmocka_unit_test(pair_crashing_connects),
        cmocka_unit_test(pair_with_careless_half_connects),
        cmocka_unit_test(pair_with_careless_half_closes),
        cmocka_unit_test(pair_one_closing_closes),
        cmocka_unit_test(pair_both_closing_closes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
