/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes without sense. Each node that a half or the toolstack writes is kept at
 * a value that it should not have, or away. The device ends up connected, with
 * data that flows, or refused with a state and an error node; and connects when
 * the node is as it should be again.
 */
#include "cm.h"

#include "matrix.h"
#include "world_fake.h"

#include <stdio.h>
#include <string.h>

/* ---- values ---- */

#define NINES "99999999999999999999999999999999"

static const struct {
    const char *name;
    const void *value; /* NULL: no node */
    size_t len_bytes;
    bool number; /* one that the node may well have: it can be a lie */
} values[] = {
    {"missing", NULL, 0, false},
    {"empty", "", 0, false},
    {"a word", "x", 1, false},
    {"negative", "-1", 2, false},
    {"with a sign", "+1", 2, false},
    {"behind a space", " 1", 2, false},
    {"before a space", "1 ", 2, false},
    {"hexadecimal", "0x1", 3, false},
    {"with a NUL behind", "1", 2, false},
    {"a NUL", "", 1, false},
    {"2^64", "18446744073709551616", 20, false},
    {"huge", NINES NINES NINES NINES, 4 * 32, false},
    {"2^32", "4294967296", 10, true},
    {"2^32 - 1", "4294967295", 10, true},
    {"0", "0", 1, true},
    {"1", "1", 1, true},
    {"5", "5", 1, true},
    {"17", "17", 2, true},
    {"4097", "4097", 4, true},
};

/* What makes two directories a device: with these wrong nobody knows whom to
 * tell, and both wait. They are wrong once: to keep them wrong, whatever the
 * state, would keep both halves busy for good. */
static const char *const plumbing[] = {
    "frontend", "backend", "frontend-id", "backend-id", "state", "online",
};

/* Connected, and the other half is told that nothing comes or goes. */
static bool stops_traffic(const char *key)
{
    return strcmp(key, "carrier") == 0 || strcmp(key, "disconnect") == 0;
}

/* Without the node the disk has the least of sectors, may be written to, or has
 * slots of the usual layout. */
static bool says_by_its_absence(const char *key)
{
    return strcmp(key, "sector-size") == 0 || strcmp(key, "info") == 0 ||
           strcmp(key, "protocol") == 0;
}

static bool is_plumbing(const char *key)
{
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(plumbing); i++)
        if (strcmp(key, plumbing[i]) == 0)
            return true;
    return false;
}

/* ---- one node, one value ---- */

struct attempt {
    struct rig *r;
    struct poke poke;
    unsigned value;
    unsigned stage; /* in which the node is first there */
    bool was_there;
    char was[256];
};

static unsigned nr_ends[3]; /* connected, refused, waiting */

static void begin_poke(struct attempt *a)
{
    struct rig *r = a->r;
    const char *dir = rig_dir(r, a->poke.side);

    a->was_there = world_read(r->w, dir, a->poke.key, a->was, sizeof(a->was));
    if (!is_plumbing(a->poke.key))
        r->poke = &a->poke;
    else if (a->poke.value)
        world_write(r->w, dir, a->poke.key, a->poke.value, a->poke.len_bytes);
    else
        world_remove(r->w, dir, a->poke.key);
}

static void end_poke(struct attempt *a)
{
    const char *dir = rig_dir(a->r, a->poke.side);

    a->r->poke = NULL;
    if (a->was_there)
        world_write(a->r->w, dir, a->poke.key, a->was, strlen(a->was));
    else
        world_remove(a->r->w, dir, a->poke.key);
}

/* Of a number that is a lie nothing is asked but that all stays in order. */
static bool judge(struct attempt *a)
{
    struct rig *r = a->r;

    if (r->protocol->is_up(r)) {
        nr_ends[0]++;
        if (r->protocol->traffic(r))
            return true;
        if (!values[a->value].number && !stops_traffic(a->poke.key) &&
            (a->poke.value || !says_by_its_absence(a->poke.key)))
            return false;
        r->why[0] = '\0';
        return true;
    }
    if (is_plumbing(a->poke.key)) {
        nr_ends[2]++;
        return true;
    }
    nr_ends[1]++;
    return rig_is_refused(r);
}

/* The node is right again, and the front begins anew. */
static bool recover(struct attempt *a)
{
    struct rig *r = a->r;
    char text[300];

    end_poke(a);
    r->protocol->front_close(r);
    if (!rig_run(r, BOTH))
        return false;
    r->protocol->front_reopen(r);
    /* Nodes that say who the peer is are looked at anew when it is overdue. */
    for (uint64_t now = 1; now < 4; now++) {
        (void)splitio_xenbus_check(r->back_xb, now * 1000, 1000);
        if (!rig_run(r, BOTH))
            return false;
    }
    if (!r->protocol->is_up(r)) {
        (void)splitio_xenbus_describe(r->front_xb, text, sizeof(text));
        return rig_fail(r, "not connected afterwards: %.200s", text);
    }
    return r->protocol->traffic(r) || rig_fail(r, "no data afterwards");
}

static bool attempt(struct world *w, const struct protocol *p, uint64_t mask,
                    struct attempt *a, char *why, size_t len_bytes)
{
    struct rig *r = rig_new(w, p, mask, mask);
    bool good = true;

    a->r = r;
    for (unsigned i = 0; i < RIG_STAGES && good; i++) {
        good = rig_stage(r, i);
        if (i == a->stage)
            begin_poke(a);
    }
    if (good && rig_connect(r) && judge(a))
        (void)recover(a);
    r->poke = NULL;
    return rig_delete(r, why, len_bytes);
}

/* ---- all nodes ---- */

/* The nodes of both halves, and when each is first there. */
struct nodes {
    unsigned nr;
    struct node {
        enum side side;
        unsigned stage;
        char key[WORLD_KEY_MAX];
    } nodes[2 * WORLD_KEYS_MAX];
};

static void note(struct nodes *n, enum side side, unsigned stage,
                 const struct world_keys *now, const struct world_keys *before)
{
    for (unsigned i = 0; i < now->nr; i++) {
        struct node *node = &n->nodes[n->nr];

        if (world_has(before, now->names[i]))
            continue;
        *node = (struct node){.side = side, .stage = stage};
        snprintf(node->key, sizeof(node->key), "%s", now->names[i]);
        n->nr++;
    }
}

static void find_nodes(struct world *w, const struct protocol *p, uint64_t mask,
                       struct nodes *n)
{
    static struct world_keys seen[2], now;
    struct rig *r = rig_new(w, p, mask, mask);
    char why[240] = "";

    memset(seen, 0, sizeof(seen));
    n->nr = 0;
    for (unsigned i = 0; i < RIG_STAGES; i++) {
        assert_true(rig_stage(r, i));
        for (unsigned j = 0; j < 2; j++) {
            enum side side = j ? BACK : FRONT;

            assert_true(world_list(w, rig_dir(r, side), &now));
            note(n, side, i, &now, &seen[j]);
            seen[j] = now;
        }
    }
    assert_true(rig_delete(r, why, sizeof(why)));
}

static unsigned run_mask(struct world *w, const struct protocol *p,
                         uint64_t mask)
{
    static struct nodes nodes;
    unsigned nr_failed = 0;

    find_nodes(w, p, mask, &nodes);
    for (unsigned i = 0; i < nodes.nr; i++) {
        for (unsigned v = 0; v < SPLITIO_ARRAY_LEN(values); v++) {
            const struct node *node = &nodes.nodes[i];
            struct attempt a = {.poke = {node->side, node->key, values[v].value,
                                         values[v].len_bytes},
                                .value = v,
                                .stage = node->stage};
            char why[240] = "";

            if (attempt(w, p, mask, &a, why, sizeof(why)))
                continue;
            nr_failed++;
            printf("# FAILED %s: the %s's %s %s: %s\n", p->name,
                   node->side == FRONT ? "front" : "back", node->key,
                   values[v].name, why);
            world_close(w);
            assert_true(world_open(w, &bindings_fake[0]));
        }
    }
    printf("# %s with %s: %u nodes, %u values each: %u connected, %u refused, "
           "%u waiting, %u failed\n",
           p->name, mask_words(p, mask, BOTH), nodes.nr,
           (unsigned)SPLITIO_ARRAY_LEN(values), nr_ends[0], nr_ends[1],
           nr_ends[2], nr_failed);
    memset(nr_ends, 0, sizeof(nr_ends));
    return nr_failed;
}

static void run(const struct protocol *p)
{
    struct world w;
    unsigned nr_failed = 0;

    assert_true(world_open(&w, &bindings_fake[0]));
    nr_failed += run_mask(&w, p, all_features(p));
    if (!matrix_is_short()) /* all of these nodes are among those */
        nr_failed += run_mask(&w, p, required_features(p));
    world_close(&w);
    assert_int_equal(nr_failed, 0);
}

static void block_nodes_without_sense_do_no_harm(void **state)
{
    (void)state;
    run(&blk_protocol);
}

static void net_nodes_without_sense_do_no_harm(void **state)
{
    (void)state;
    run(&net_protocol);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(block_nodes_without_sense_do_no_harm),
        cmocka_unit_test(net_nodes_without_sense_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
