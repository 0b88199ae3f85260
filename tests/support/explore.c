/* SPDX-License-Identifier: BSD-2-Clause */
/* Depth first over a hash set; see explore.h. */
#include "explore.h"

#include "cm.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS (1u << 17)

enum { NEW, OPEN, DONE };

struct explore_node {
    uint8_t situation[EXPLORE_BYTES_MAX];
    uint8_t mark;
    uint8_t next_move;
    bool stuck; /* no sure move */
    bool ends;  /* an end can be reached */
};

void explore_init(struct explore *e)
{
    assert_true(e->bytes <= EXPLORE_BYTES_MAX);
    e->set = calloc(SLOTS, sizeof(*e->set));
    e->stack = calloc(SLOTS, sizeof(struct explore_node *));
    assert_true(e->set && e->stack);
    e->nr_seen = e->nr_ends = 0;
}

void explore_fini(struct explore *e)
{
    print_message("%u situations, %u ends\n", e->nr_seen, e->nr_ends);
    free(e->set);
    free(e->stack);
}

static struct explore_node *find(struct explore *e, const uint8_t *situation)
{
    uint32_t hash = 2166136261u;
    size_t i;

    for (i = 0; i < e->bytes; i++)
        hash = (hash ^ situation[i]) * 16777619u;
    for (;; hash++) {
        struct explore_node *n = &e->set[hash % SLOTS];

        if (n->mark == NEW) {
            memcpy(n->situation, situation, e->bytes);
            assert_true(++e->nr_seen < SLOTS / 2);
            return n;
        }
        if (memcmp(n->situation, situation, e->bytes) == 0)
            return n;
    }
}

static void fail_circle(struct explore *e, const struct explore_node *to,
                        unsigned depth)
{
    unsigned i = 0;

    while (e->stack[i] != to)
        i++;
    for (; i < depth; i++)
        e->show(e->stack[i]->situation);
    fail_msg("they can go on like this for ever");
}

static void open_node(struct explore *e, struct explore_node *n,
                      unsigned *depth)
{
    n->mark = OPEN;
    n->stuck = true;
    e->stack[(*depth)++] = n;
}

static void close_node(struct explore *e, struct explore_node *n)
{
    n->mark = DONE;
    n->ends = n->stuck;
    if (!n->stuck)
        return;
    e->nr_ends++;
    e->check_end(n->situation);
}

void explore_from(struct explore *e, const void *situation)
{
    unsigned depth = 0;

    if (find(e, situation)->mark == DONE)
        return;
    open_node(e, find(e, situation), &depth);
    while (depth > 0) {
        struct explore_node *n = e->stack[depth - 1], *to;
        uint8_t s[EXPLORE_BYTES_MAX];
        unsigned nr = n->next_move++;

        if (nr == e->nr_moves) {
            close_node(e, n);
            depth--;
            continue;
        }
        memcpy(s, n->situation, sizeof(s));
        if (!e->move(s, nr))
            continue;
        if (nr < e->nr_sure)
            n->stuck = false;
        to = find(e, s);
        if (to->mark == OPEN && e->no_circles(s))
            fail_circle(e, to, depth);
        if (to->mark == NEW)
            open_node(e, to, &depth);
    }
}

/* One of the sure moves leads to where an end can be reached. */
static bool leads_to_end(struct explore *e, const struct explore_node *n)
{
    uint8_t s[EXPLORE_BYTES_MAX];
    unsigned nr;

    for (nr = 0; nr < e->nr_sure; nr++) {
        memcpy(s, n->situation, sizeof(s));
        if (e->move(s, nr) && find(e, s)->ends)
            return true;
    }
    return false;
}

void explore_check_ways(struct explore *e)
{
    bool changed = true;
    unsigned i;

    while (changed) {
        changed = false;
        for (i = 0; i < SLOTS; i++)
            if (e->set[i].mark != NEW && !e->set[i].ends &&
                leads_to_end(e, &e->set[i]))
                e->set[i].ends = changed = true;
    }
    for (i = 0; i < SLOTS; i++)
        if (e->set[i].mark != NEW && !e->set[i].ends) {
            e->show(e->set[i].situation);
            fail_msg("there is no way out of this");
        }
}
