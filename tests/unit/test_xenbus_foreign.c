/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules against drivers that nobody here wrote: what those are known to do
 * with the nodes `state`, as tables, explored under every interleaving. Each
 * looks at the peer's node, decides, and writes later; none is careful.
 */
#include "cm.h"

#include <string.h>

#include "explore.h"
#include "xb_model.h"

#define FRONT SPLITIO_XENBUS_FRONT
#define BACK  SPLITIO_XENBUS_BACK

#define ON(state) (1u << (state))
#define ANY       0x3ffu

/*
 * At `at`, when the peer's state is in `seen`: write `state` (NONE: nothing) and
 * go to `to`. The first rule that fits counts; if none does, it waits.
 */
struct rule {
    uint8_t at;
    uint16_t seen;
    uint8_t state;
    uint8_t to;
};

#define NONE 15u
#define END  31u /* connected, and it will stay so */

/* Linux blkfront, once connected, closed by its back and opened again. */
static const struct rule linux_blkfront[] = {
    {0, ON(2), 3, 1}, {1, ON(4), 4, END}, {1, ON(5) | ON(6), 5, 2},
    {2, ANY, 6, 3},   {3, ON(6), 1, 0},
};

/* Linux netfront says Connected with its rings. */
static const struct rule linux_netfront[] = {
    {0, ON(2), 4, 1},
    {1, ON(4), NONE, END},
    {1, ON(5) | ON(6), 6, 2},
    {2, ON(6), 1, 0},
};

/* A kernel that was started by another: it resets what it finds first. */
static const struct rule linux_after_kexec[] = {
    {0, ANY, 5, 1},   {1, ON(5) | ON(6), 6, 2}, {2, ON(6), 1, 3},
    {3, ON(2), 3, 4}, {4, ON(4), 4, END},
};

/* Windows: a close cycle before anything else, and it insists on Closed. */
static const struct rule windows[] = {
    {0, ON(5), 6, 0},
    {0, ON(6), NONE, 1},
    {0, ON(1) | ON(2) | ON(3) | ON(4), 5, 0},
    {1, ON(6), 1, 1},
    {1, ON(2), 3, 2},
    {2, ON(4), 4, END},
};

/* mini-os: says Connected at once; later closes and comes back. */
static const struct rule mini_os[] = {
    {0, ANY, 4, 1},   {1, ON(4), 5, 2}, {2, ON(5) | ON(6), 6, 3},
    {3, ON(6), 1, 4}, {4, ON(2), 4, 5}, {5, ON(4), NONE, END},
};

/* A boot loader: connects, reads, leaves; then the kernel comes. */
static const struct rule grub_then_linux[] = {
    {0, ON(2), 3, 1}, {1, ON(4), 4, 2}, {2, ANY, 6, 3},
    {3, ON(6), 1, 4}, {4, ON(2), 3, 5}, {5, ON(4), 4, END},
};

/* Linux blkback, while its device stays online. */
static const struct rule linux_blkback[] = {
    {0, ANY, 2, 1},        {1, ON(3) | ON(4), 4, 2}, {1, ON(5), 5, 3},
    {1, ON(6), 6, 4},      {2, ON(5), 5, 3},         {2, ON(6), 6, 4},
    {2, ON(4), NONE, END}, {3, ON(6), 6, 4},         {4, ON(1), 2, 1},
    {END, ON(5), 5, 3},    {END, ON(6), 6, 4},
};

struct foreign {
    const char *name;
    const struct rule *rules;
    size_t nr;
    uint16_t theirs; /* states that it may find its own node in */
    uint16_t ours;   /* ... and the back's */
};

static const struct foreign fronts[] = {
    {"Linux blkfront", linux_blkfront, SPLITIO_ARRAY_LEN(linux_blkfront), ON(1),
     ANY},
    {"Linux netfront", linux_netfront, SPLITIO_ARRAY_LEN(linux_netfront), ON(1),
     ANY},
    {"Linux after kexec", linux_after_kexec,
     SPLITIO_ARRAY_LEN(linux_after_kexec),
     ON(1) | ON(3) | ON(4) | ON(5) | ON(6), ANY},
    {"Windows", windows, SPLITIO_ARRAY_LEN(windows),
     ON(1) | ON(3) | ON(4) | ON(5) | ON(6), ANY},
    {"mini-os", mini_os, SPLITIO_ARRAY_LEN(mini_os), ON(1), ON(1) | ON(2)},
    {"GRUB, then Linux", grub_then_linux, SPLITIO_ARRAY_LEN(grub_then_linux),
     ON(1), ON(1) | ON(2)},
};

static const struct foreign linux_back = {"Linux blkback", linux_blkback,
                                          SPLITIO_ARRAY_LEN(linux_blkback),
                                          ON(1), ANY};

/* The rules in use; not part of the situation. */
static const struct foreign *foreign;

struct meeting {
    struct xb_half ours;
    uint8_t at, wire;
    uint8_t pending; /* rule that it is about to carry out, plus 1 */
};

static bool move_theirs(struct meeting *m)
{
    const struct rule *r;
    size_t i;

    if (m->pending) {
        r = &foreign->rules[m->pending - 1];
        m->pending = 0;
        m->at = r->to;
        if (r->state != NONE)
            m->wire = r->state;
        return true;
    }
    for (i = 0; i < foreign->nr; i++) {
        r = &foreign->rules[i];
        if (r->at == m->at && (r->seen >> m->ours.wire & 1)) {
            m->pending = (uint8_t)(i + 1);
            return true;
        }
    }
    return false;
}

static bool move(void *situation, unsigned nr)
{
    struct meeting *m = situation, before = *m;

    if (nr == 1)
        return move_theirs(m);
    xb_half_step(&m->ours, m->wire);
    return memcmp(&before, m, sizeof(before)) != 0;
}

static void check_end(const void *situation)
{
    const struct meeting *m = situation;

    assert_int_equal(m->ours.local, SPLITIO_XENBUS_CONNECTED);
    assert_true(m->ours.attached);
    assert_int_equal(m->wire, SPLITIO_XENBUS_CONNECTED);
    assert_int_equal(m->at, END);
}

static void show(const void *situation)
{
    const struct meeting *m = situation;

    xb_half_show(&m->ours);
    print_error("%s at %u(%u)%s\n", foreign->name, m->at, m->wire,
                m->pending ? " about to act" : "");
}

static bool no_circles(const void *situation)
{
    (void)situation;
    return false;
}

/* Both nodes as a toolstack makes them, or as another life left them. */
static void meet(enum splitio_xenbus_role role, const struct foreign *f)
{
    struct explore e = {.bytes = sizeof(struct meeting),
                        .nr_moves = 2,
                        .nr_sure = 2,
                        .move = move,
                        .check_end = check_end,
                        .show = show,
                        .no_circles = no_circles};
    unsigned wires;

    foreign = f;
    print_message("%s: ", f->name);
    explore_init(&e);
    for (wires = 0; wires < 100; wires++) {
        struct meeting m;

        memset(&m, 0, sizeof(m));
        m.ours.role = role;
        m.ours.careful = 1;
        m.ours.wire = (uint8_t)(wires / 10);
        m.wire = (uint8_t)(wires % 10);
        if ((f->ours >> m.ours.wire & 1) && (f->theirs >> m.wire & 1))
            explore_from(&e, &m);
    }
    assert_true(e.nr_ends > 0);
    explore_check_ways(&e);
    explore_fini(&e);
}

static void foreign_front_connects_to_our_back(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(fronts); i++)
        meet(BACK, &fronts[i]);
}

static void our_front_connects_to_foreign_back(void **state)
{
    (void)state;
    meet(FRONT, &linux_back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(foreign_front_connects_to_our_back),
        cmocka_unit_test(our_front_connects_to_foreign_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
