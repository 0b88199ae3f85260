/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The grant engine against a plain model: random operations of three domains,
 * the same in both, every status and every in-use bit compared. The seed is
 * printed when they differ; give it as argument to see it again.
 */
#include "cm.h"

#include "grant_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NR_OPS  120000u
#define GREFS   12u /* looked at: the first that can be lent */
#define HANDLES 40u

/* What the guest wrote, and what the engine should know. */
struct m_entry {
    uint16_t flags; /* without in-use bits */
    uint16_t domid;
    uint32_t frame;
    unsigned pins[2]; /* mappings: reading, writing */
    uint16_t pinned_domid;
    uint32_t pinned_frame;
};

struct m_map {
    bool live;
    splitio_domid_t self, from;
    splitio_gref_t gref;
    bool write;
    splitio_grant_handle_t handle;
};

struct model {
    struct rig *r;
    struct m_entry entry[RIG_DOMAINS][GREFS];
    struct m_map map[HANDLES];
    bool dying[RIG_DOMAINS], gone[RIG_DOMAINS];
    uint64_t seed;
    unsigned op;
};

static uint64_t first_seed = 1;
static const char *doing;
static struct model *now;

static void differ(const char *what, long got, long want)
{
    fail_msg("seed %llu, op %u, %s: %s is %ld, should be %ld",
             (unsigned long long)first_seed, now->op, doing, what, got, want);
}

#define SAME(what, got, want)                                                  \
    do {                                                                       \
        if ((long)(got) != (long)(want))                                       \
            differ(what, (long)(got), (long)(want));                           \
    } while (0)

static uint32_t rnd(struct model *m, uint32_t below)
{
    m->seed = m->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(m->seed >> 33) % below;
}

static struct m_entry *find(struct model *m, splitio_domid_t d, uint32_t gref)
{
    return gref >= 8 && gref < 8 + GREFS ? &m->entry[d][gref - 8] : NULL;
}

static bool has_memory(uint32_t frame, bool write)
{
    return frame < (write ? RIG_PAGES / 2 : RIG_PAGES);
}

/* The rules, as few lines as they go. Status of pinning. */
static int may_pin(const struct m_entry *e, splitio_domid_t self, bool write)
{
    bool pinned = e->pins[0] || e->pins[1];
    uint32_t frame = pinned ? e->pinned_frame : e->frame;
    bool look = !pinned || (write && !e->pins[1]);

    if (pinned && e->pinned_domid != self)
        return SPLITIO_GNTST_BAD_GNTREF;
    /* The order of two refusals is told apart by the later pin's. */
    if (pinned && look && !has_memory(frame, write))
        return SPLITIO_GNTST_BAD_PAGE;
    if (look && ((e->flags & 0x103) != 1 || e->domid != self))
        return SPLITIO_GNTST_BAD_GNTREF;
    if (look && write && (e->flags & SPLITIO_GTF_READONLY))
        return SPLITIO_GNTST_PERMISSION_DENIED;
    if (look && !has_memory(frame, write))
        return SPLITIO_GNTST_BAD_PAGE;
    return SPLITIO_GNTST_OKAY;
}

static bool is_there(const struct model *m, splitio_domid_t d)
{
    return d < RIG_DOMAINS && !m->gone[d] && !m->dying[d];
}

static int pin_status(struct model *m, splitio_domid_t self,
                      splitio_domid_t from, uint32_t gref, bool write)
{
    const struct m_entry *e;

    if (!is_there(m, self) || !is_there(m, from))
        return SPLITIO_GNTST_BAD_DOMAIN;
    e = from == 0 ? NULL : find(m, from, gref);
    return e ? may_pin(e, self, write) : SPLITIO_GNTST_BAD_GNTREF;
}

static struct m_map *free_map(struct model *m)
{
    for (unsigned i = 0; i < HANDLES; i++)
        if (!m->map[i].live)
            return &m->map[i];
    return NULL;
}

static void do_map(struct model *m)
{
    splitio_domid_t self = (splitio_domid_t)rnd(m, RIG_DOMAINS + 1);
    splitio_domid_t from = (splitio_domid_t)rnd(m, RIG_DOMAINS + 1);
    uint32_t gref = 7 + rnd(m, GREFS + 2);
    struct splitio_grant_map op = {
        .domid = from, .gref = gref, .read_only = rnd(m, 2)};
    int want = pin_status(m, self, from, gref, !op.read_only);
    struct m_map *map = free_map(m);
    struct m_entry *e;

    if (!map)
        return;
    doing = "map";
    SAME("failed", splitio_grant_engine_map(&m->r->e, self, &op, 1), want != 0);
    SAME("status", op.status, want);
    if (want != SPLITIO_GNTST_OKAY)
        return;
    e = find(m, from, gref);
    if (!e->pins[0] && !e->pins[1]) {
        e->pinned_domid = self;
        e->pinned_frame = e->frame;
    }
    e->pins[!op.read_only]++;
    SAME("page", ((rig_page *)op.va - m->r->dom[from].pages), e->pinned_frame);
    *map = (struct m_map){true, self, from, gref, !op.read_only, op.handle};
}

static void do_unmap(struct model *m)
{
    struct m_map *map = &m->map[rnd(m, HANDLES)];
    splitio_domid_t self = rnd(m, 8) ? map->self : (splitio_domid_t)rnd(m, 4);
    bool good = map->live && self == map->self;

    doing = "unmap";
    if (m->gone[self]) {
        SAME("status", rig_unmap(m->r, self, map->handle),
             SPLITIO_GNTST_BAD_DOMAIN);
        return;
    }
    /* Another's number may be a live handle of this domain's own. */
    for (unsigned i = 0; !good && i < HANDLES; i++)
        if (m->map[i].live && m->map[i].self == self &&
            m->map[i].handle == map->handle)
            return;
    SAME("status", rig_unmap(m->r, self, map->handle),
         good ? SPLITIO_GNTST_OKAY : SPLITIO_GNTST_BAD_HANDLE);
    if (good) {
        find(m, map->from, map->gref)->pins[map->write]--;
        map->live = false;
    }
}

static int copy_bounds(uint32_t offset, uint32_t len)
{
    return (uint64_t)offset + len > 4096 ? SPLITIO_GNTST_BAD_COPY_ARG : 0;
}

static void do_copy(struct model *m)
{
    static uint8_t bytes[8192];
    splitio_domid_t self = (splitio_domid_t)rnd(m, RIG_DOMAINS);
    splitio_domid_t from = (splitio_domid_t)rnd(m, RIG_DOMAINS + 1);
    uint32_t gref = 7 + rnd(m, GREFS + 2), offset = rnd(m, 4200);
    uint32_t len = rnd(m, 4) ? rnd(m, 200) : rnd(m, 4200);
    bool write = rnd(m, 2);
    int want = SPLITIO_GNTST_OKAY;

    doing = write ? "copy to" : "copy from";
    if (!is_there(m, self))
        want = SPLITIO_GNTST_BAD_DOMAIN;
    else if (len && copy_bounds(offset, len))
        want = SPLITIO_GNTST_BAD_COPY_ARG;
    else if (len)
        want = pin_status(m, self, from, gref, write);
    SAME("status",
         write ? rig_put(m->r, self, from, gref, offset, bytes, len)
               : rig_fetch(m->r, self, from, gref, offset, bytes, len),
         want);
}

/* The guest fills or rewrites an entry, in use or not; in-use bits stay. */
static void do_write(struct model *m)
{
    static const uint16_t flags[] = {0, 1, 1, 1, 1, 5, 5, 2, 3, 0x101};
    splitio_domid_t d = (splitio_domid_t)(1 + rnd(m, RIG_DOMAINS - 1));
    unsigned i = rnd(m, GREFS);
    struct m_entry *e = &m->entry[d][i];
    struct splitio_grant_entry_v1 *s = &m->r->dom[d].entries[8 + i];

    e->flags = flags[rnd(m, SPLITIO_ARRAY_LEN(flags))];
    e->domid = (uint16_t)rnd(m, RIG_DOMAINS);
    e->frame = rnd(m, RIG_PAGES + 8);
    s->flags =
        (s->flags & (SPLITIO_GTF_READING | SPLITIO_GTF_WRITING)) | e->flags;
    s->domid = e->domid;
    s->frame = e->frame;
}

static unsigned count_maps(const struct model *m, splitio_domid_t d,
                           bool mapper)
{
    unsigned n = 0;

    for (unsigned i = 0; i < HANDLES; i++)
        n += m->map[i].live && (mapper ? m->map[i].self : m->map[i].from) == d;
    return n;
}

static void do_remove(struct model *m)
{
    splitio_domid_t d = (splitio_domid_t)rnd(m, RIG_DOMAINS);
    int want = m->gone[d] ? SPLITIO_ENOENT
               : count_maps(m, d, true) || count_maps(m, d, false)
                   ? SPLITIO_EBUSY
                   : 0;

    doing = "remove";
    SAME("result", splitio_grant_engine_remove(&m->r->e, d), want);
    m->dying[d] |= want == SPLITIO_EBUSY;
    m->gone[d] |= want == 0;
}

static void do_add(struct model *m)
{
    splitio_domid_t d = (splitio_domid_t)rnd(m, RIG_DOMAINS);

    doing = "add";
    SAME("result", rig_add(m->r, d), m->gone[d] ? 0 : SPLITIO_EEXIST);
    if (m->gone[d])
        m->gone[d] = m->dying[d] = false;
}

static void compare(struct model *m)
{
    for (splitio_domid_t d = 0; d < RIG_DOMAINS; d++) {
        SAME("nr_mapped", splitio_grant_engine_nr_mapped(&m->r->e, d),
             count_maps(m, d, true));
        SAME("nr_pins", splitio_grant_engine_nr_pins(&m->r->e, d),
             count_maps(m, d, false));
        SAME("users", m->r->slots[d].users, 0);
        for (unsigned i = 0; d && i < GREFS; i++) {
            const struct m_entry *e = &m->entry[d][i];
            unsigned bits =
                (e->pins[1] ? SPLITIO_GTF_WRITING : 0) |
                (e->pins[0] || e->pins[1] ? SPLITIO_GTF_READING : 0);

            SAME("flags", m->r->dom[d].entries[8 + i].flags, e->flags | bits);
        }
    }
}

static void step(struct model *m)
{
    uint32_t r = rnd(m, 100);

    if (r < 35)
        do_map(m);
    else if (r < 70)
        do_unmap(m);
    else if (r < 85)
        do_copy(m);
    else if (r < 97)
        do_write(m);
    else if (r < 98)
        do_remove(m);
    else
        do_add(m);
}

static void grant_engine_random_operations_match_the_model(void **state)
{
    struct model *m = calloc(1, sizeof(*m));

    (void)state;
    assert_non_null(m);
    now = m;
    m->r = rig_new();
    m->seed = first_seed;
    for (m->op = 0; m->op < NR_OPS; m->op++) {
        step(m);
        compare(m);
    }
    rig_delete(m->r);
    free(m);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grant_engine_random_operations_match_the_model),
    };

    if (argc > 1)
        first_seed = strtoull(argv[1], NULL, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
