/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two machines under the rules of the handshake, explored to the end: every
 * pair of states to begin with, every interleaving of looking and acting, with
 * crashes of either side in between.
 *
 * A careful half writes its state only if the peer's has not changed since the
 * decision, as the runner's transactions do; but a back that has let go of its
 * rings has no choice. Between two careful halves the graph of situations must
 * have no cycle: no livelock under any schedule. If one is not careful, unlucky
 * timing may repeat a cycle, but every situation must have a way to an end. In
 * all cases a situation that nobody leaves must be a good end.
 */
#include "cm.h"

#include <stdlib.h>
#include <string.h>

#include <splitio/proto/xenbus.h>

#define FRONT SPLITIO_XENBUS_FRONT
#define BACK  SPLITIO_XENBUS_BACK

enum { START, IDLE, ACT }; /* then: ACT + action */

/* One half: what it knows, what it has published, what it is about to do. */
struct half {
    uint8_t wire; /* 9 stands for garbage */
    uint8_t local;
    uint8_t phase;
    uint8_t crashes; /* that may still happen */
    uint8_t closing, attached, stale;
    uint8_t begun; /* the first action of the life is done */
};

struct pair {
    struct half half[2];
    uint8_t adopt;   /* the back takes over rings */
    uint8_t netlike; /* the front writes Connected for Initialised */
    uint8_t careful; /* bit per role: writes only if the peer did not move */
};

/* ---- moves ---- */

static enum splitio_xenbus_action decide(struct pair *p,
                                         enum splitio_xenbus_role role)
{
    struct half *h = &p->half[role];
    unsigned remote = p->half[!role].wire;
    struct splitio_xenbus_view v = {.role = role,
                                    .local = h->local,
                                    .remote = remote,
                                    .online = true,
                                    .closing = h->closing,
                                    .attached = h->attached,
                                    .stale = h->stale};

    if (h->local == SPLITIO_XENBUS_CLOSED && remote != 3 && remote != 4) {
        h->stale = 0;
        v.stale = false;
    }
    return splitio_xenbus_next(&v);
}

static void look(struct pair *p, enum splitio_xenbus_role role)
{
    enum splitio_xenbus_action a = decide(p, role);

    p->half[role].phase = (uint8_t)(ACT + a);
    if (a == SPLITIO_XENBUS_DO_WAIT || a == SPLITIO_XENBUS_DO_FINISH)
        p->half[role].phase = IDLE;
}

static void start(struct pair *p, enum splitio_xenbus_role role)
{
    struct half *h = &p->half[role];
    struct splitio_xenbus_begin b = splitio_xenbus_start(
        role, h->wire, p->half[!role].wire, role == BACK && p->adopt);

    h->local = (uint8_t)b.local;
    h->attached = 0;
    h->stale = 1;
    h->phase =
        b.action == SPLITIO_XENBUS_DO_WAIT ? IDLE : (uint8_t)(ACT + b.action);
}

static void act(struct pair *p, enum splitio_xenbus_role role)
{
    struct half *h = &p->half[role];
    enum splitio_xenbus_action a = (enum splitio_xenbus_action)(h->phase - ACT);
    unsigned local = h->local;

    h->phase = IDLE;
    if ((p->careful >> role & 1) && h->begun &&
        !(role == BACK && h->attached && a == SPLITIO_XENBUS_DO_CLOSED) &&
        decide(p, role) != a)
        return;
    h->begun = 1;
    /* The back has let go before the front takes the rings back. */
    if (a == SPLITIO_XENBUS_DO_RELEASE && p->careful == 3)
        assert_false(p->half[BACK].attached);
    h->local = (uint8_t)splitio_xenbus_after(role, local, a);
    if (a ==
        (role == FRONT ? SPLITIO_XENBUS_DO_OFFER : SPLITIO_XENBUS_DO_CONNECT))
        h->attached = 1;
    if (a ==
        (role == FRONT ? SPLITIO_XENBUS_DO_RELEASE : SPLITIO_XENBUS_DO_CLOSED))
        h->attached = 0;
    if (a == SPLITIO_XENBUS_DO_CLOSED)
        h->stale = 1;
    h->wire = h->local;
    if (role == FRONT && p->netlike && h->local == SPLITIO_XENBUS_INITIALISED)
        h->wire = SPLITIO_XENBUS_CONNECTED;
}

/* Move 0 or 1: that half carries on. 2 or 3: it dies and starts again. */
static bool move(struct pair *p, unsigned nr)
{
    enum splitio_xenbus_role role = (enum splitio_xenbus_role)(nr & 1);
    struct half *h = &p->half[role];
    struct pair before = *p;

    if (nr >= 2) {
        if (h->crashes == 0 || h->phase == START)
            return false;
        h->crashes--;
        h->phase = START;
        h->local = h->attached = h->stale = h->begun = 0;
        return true;
    }
    if (h->phase == START)
        start(p, role);
    else if (h->phase == IDLE)
        look(p, role);
    else
        act(p, role);
    return memcmp(&before, p, sizeof(before)) != 0;
}

/* ---- the set of situations seen ---- */

#define SLOTS (1u << 17)
enum { NEW, OPEN, DONE };

struct node {
    struct pair pair;
    uint8_t mark;
    uint8_t next_move;
    uint8_t stuck;
    uint8_t ends; /* an end can be reached */
};

static struct node *set;
static struct node **stack;
static unsigned nr_seen, nr_ends;

static struct node *find(const struct pair *p)
{
    const uint8_t *bytes = (const uint8_t *)p;
    uint32_t hash = 2166136261u;
    size_t i;

    for (i = 0; i < sizeof(*p); i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    for (;; hash++) {
        struct node *n = &set[hash % SLOTS];

        if (n->mark == NEW) {
            n->pair = *p;
            assert_true(++nr_seen < SLOTS / 2);
            return n;
        }
        if (memcmp(&n->pair, p, sizeof(*p)) == 0)
            return n;
    }
}

/* A situation that nobody leaves: is it what was wished for? */
static void check_end(const struct pair *p)
{
    const struct half *f = &p->half[FRONT];
    const struct half *b = &p->half[BACK];

    nr_ends++;
    if (!f->closing && !b->closing) {
        assert_int_equal(f->local, SPLITIO_XENBUS_CONNECTED);
        assert_int_equal(b->local, SPLITIO_XENBUS_CONNECTED);
        assert_true(f->attached && b->attached);
        return;
    }
    assert_false(f->attached);
    assert_false(b->attached);
    if (f->closing)
        assert_int_equal(f->local, SPLITIO_XENBUS_CLOSED);
    if (b->closing)
        assert_int_equal(b->local, SPLITIO_XENBUS_CLOSED);
}

static void show(const struct pair *p)
{
    unsigned i;

    for (i = 0; i < 2; i++) {
        const struct half *h = &p->half[i];

        print_error("%s %u(%u) %s%u%s%s%s   ", i ? "back" : "front", h->local,
                    h->wire, h->phase < ACT ? "idle " : "act ", h->phase,
                    h->attached ? " attached" : "", h->stale ? " stale" : "",
                    h->closing ? " closing" : "");
    }
    print_error("\n");
}

/* Tell how a livelock goes: the situations from @p to on. */
static void show_cycle(const struct node *to, unsigned depth)
{
    unsigned i = 0;

    while (stack[i] != to)
        i++;
    for (; i < depth; i++)
        show(&stack[i]->pair);
}

static void explore(const struct pair *from)
{
    unsigned depth = 0;

    stack[depth] = find(from);
    if (stack[depth]->mark == DONE)
        return;
    stack[depth]->mark = OPEN;
    stack[depth]->stuck = 1;
    depth++;
    while (depth > 0) {
        struct node *n = stack[depth - 1];
        struct pair p = n->pair;
        struct node *to;
        unsigned nr = n->next_move++;

        if (nr == 4) {
            n->ends = n->stuck;
            if (n->stuck)
                check_end(&n->pair);
            n->mark = DONE;
            depth--;
            continue;
        }
        if (!move(&p, nr))
            continue;
        if (nr < 2)
            n->stuck = 0;
        to = find(&p);
        if (to->mark == OPEN && p.careful == 3) {
            show_cycle(to, depth);
            fail_msg("livelock");
        }
        if (to->mark != NEW)
            continue;
        to->mark = OPEN;
        to->stuck = 1;
        stack[depth++] = to;
    }
}

/* Spread "can reach an end" backwards until nothing changes. */
static void check_ways(void)
{
    bool changed = true;
    unsigned i, nr;

    while (changed) {
        changed = false;
        for (i = 0; i < SLOTS; i++)
            for (nr = 0; nr < 2 && set[i].mark && !set[i].ends; nr++) {
                struct pair p = set[i].pair;

                if (move(&p, nr) && find(&p)->ends)
                    set[i].ends = changed = true;
            }
    }
    for (i = 0; i < SLOTS; i++)
        if (set[i].mark && !set[i].ends) {
            show(&set[i].pair);
            fail_msg("no way out");
        }
}

static void explore_all(unsigned careful, unsigned closing, unsigned crashes)
{
    unsigned f, b, flags;

    nr_seen = nr_ends = 0;
    memset(set, 0, SLOTS * sizeof(*set));
    for (flags = 0; flags < 4; flags++)
        for (f = 0; f < 10; f++)
            for (b = 0; b < 10; b++) {
                struct pair p;

                memset(&p, 0, sizeof(p));
                p.careful = (uint8_t)careful;
                p.adopt = flags & 1;
                p.netlike = (flags >> 1) & 1;
                p.half[FRONT].wire = (uint8_t)f;
                p.half[BACK].wire = (uint8_t)b;
                p.half[FRONT].crashes = (uint8_t)crashes;
                p.half[BACK].crashes = (uint8_t)crashes;
                p.half[FRONT].closing = closing & 1;
                p.half[BACK].closing = (closing >> 1) & 1;
                explore(&p);
            }
    check_ways();
    print_message("%u situations, %u ends\n", nr_seen, nr_ends);
}

static void pair_any_connects(void **state)
{
    (void)state;
    explore_all(3, 0, 0);
    assert_true(nr_ends > 0);
}

static void pair_crashing_connects(void **state)
{
    (void)state;
    explore_all(3, 0, 2);
    assert_true(nr_ends > 0);
}

static void pair_with_careless_peer_connects(void **state)
{
    (void)state;
    explore_all(0, 0, 1);
    explore_all(1, 0, 1);
    explore_all(2, 0, 1);
}

static void pair_with_careless_peer_closes(void **state)
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
    assert_true(nr_ends > 0);
}

static void pair_both_closing_closes(void **state)
{
    (void)state;
    explore_all(3, 3, 1);
    assert_true(nr_ends > 0);
}

static int setup(void **state)
{
    (void)state;
    set = calloc(SLOTS, sizeof(*set));
    stack = calloc(SLOTS, sizeof(struct node *));
    return set == NULL || stack == NULL;
}

static int teardown(void **state)
{
    (void)state;
    free(set);
    free(stack);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pair_any_connects),
        cmocka_unit_test(pair_crashing_connects),
        cmocka_unit_test(pair_with_careless_peer_connects),
        cmocka_unit_test(pair_with_careless_peer_closes),
        cmocka_unit_test(pair_one_closing_closes),
        cmocka_unit_test(pair_both_closing_closes),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
