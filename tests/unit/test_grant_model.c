/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The grant engine against a plain model: random operations of three domains
 * with tables of both versions, the same in both, every status and every in-use
 * bit compared. The seed is printed when they differ; give it as argument to see
 * it again.
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
    uint16_t offset, length; /* of a part */
    uint16_t from;           /* of what is passed on: whose, */
    uint32_t from_gref;      /* and granted as what */
    unsigned pins[2];        /* mappings: reading, writing */
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
    unsigned version[RIG_DOMAINS];
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

static bool is_part(const struct m_entry *e)
{
    return (e->flags & 0x103) == 0x101;
}

static bool is_passed_on(const struct m_entry *e)
{
    return (e->flags & 3) == 3;
}

/* What the entry says, not what is pinned. */
static int may_begin(const struct m_entry *e, unsigned version,
                     splitio_domid_t self, bool write, bool copy)
{
    bool special = version == 2 && (is_part(e) || is_passed_on(e));

    if ((!special && (e->flags & 0x103) != 1) || (special && !copy) ||
        e->domid != self)
        return SPLITIO_GNTST_BAD_GNTREF;
    if (write && (e->flags & SPLITIO_GTF_READONLY))
        return SPLITIO_GNTST_PERMISSION_DENIED;
    return SPLITIO_GNTST_OKAY;
}

/* The rules, as few lines as they go. Status of pinning. */
static int may_pin(const struct m_entry *e, unsigned version,
                   splitio_domid_t self, bool write, bool copy)
{
    bool pinned = e->pins[0] || e->pins[1];
    uint32_t frame = pinned ? e->pinned_frame : e->frame;
    bool look = !pinned || (write && !e->pins[1]);
    int status;

    if (pinned && e->pinned_domid != self)
        return SPLITIO_GNTST_BAD_GNTREF;
    if (!look)
        return SPLITIO_GNTST_OKAY;
    /* The order of two refusals is told apart by the later pin's. */
    if (pinned && !has_memory(frame, write))
        return SPLITIO_GNTST_BAD_PAGE;
    status = may_begin(e, version, self, write, copy);
    if (status != SPLITIO_GNTST_OKAY)
        return status;
    /* What is pinned for longer than a copy is a page. */
    if (pinned && (is_part(e) || is_passed_on(e)))
        return SPLITIO_GNTST_BAD_GNTREF;
    if (!pinned && !is_passed_on(e) && !has_memory(frame, write))
        return SPLITIO_GNTST_BAD_PAGE;
    return SPLITIO_GNTST_OKAY;
}

static bool is_there(const struct model *m, splitio_domid_t d)
{
    return d < RIG_DOMAINS && !m->gone[d] && !m->dying[d];
}

static int pin_status(struct model *m, splitio_domid_t self,
                      splitio_domid_t from, uint32_t gref, bool write,
                      bool copy)
{
    const struct m_entry *e;

    if (!is_there(m, self) || !is_there(m, from))
        return SPLITIO_GNTST_BAD_DOMAIN;
    e = from == 0 ? NULL : find(m, from, gref);
    return e ? may_pin(e, m->version[from], self, write, copy)
             : SPLITIO_GNTST_BAD_GNTREF;
}

static bool is_pinned(const struct m_entry *e)
{
    return e->pins[0] || e->pins[1];
}

/* A copy of an entry that may be pinned: where it leads, and its bounds. */
static int copy_status(struct model *m, splitio_domid_t self,
                       splitio_domid_t from, uint32_t gref, uint32_t offset,
                       uint32_t len, bool write)
{
    int status = pin_status(m, self, from, gref, write, true);
    const struct m_entry *e;

    if (status != SPLITIO_GNTST_OKAY)
        return status;
    e = find(m, from, gref);
    if (m->version[from] == 2 && !is_pinned(e) && is_passed_on(e)) {
        splitio_domid_t via = from;

        if (e->from == via || !is_there(m, e->from))
            return SPLITIO_GNTST_GENERAL_ERROR;
        from = e->from;
        gref = e->from_gref;
        status = pin_status(m, via, from, gref, write, true);
        if (status != SPLITIO_GNTST_OKAY)
            return status;
        e = find(m, from, gref);
        if (m->version[from] == 2 && !is_pinned(e) && is_passed_on(e))
            return SPLITIO_GNTST_GENERAL_ERROR;
    }
    if (m->version[from] == 2 && !is_pinned(e) && is_part(e) &&
        (offset < e->offset || offset + len > (uint32_t)e->offset + e->length))
        return SPLITIO_GNTST_GENERAL_ERROR;
    return SPLITIO_GNTST_OKAY;
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
    int want = pin_status(m, self, from, gref, !op.read_only, false);
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
        want = copy_status(m, self, from, gref, offset, len, write);
    SAME("status",
         write ? rig_put(m->r, self, from, gref, offset, bytes, len)
               : rig_fetch(m->r, self, from, gref, offset, bytes, len),
         want);
}

/* In a table of version 1 there are no other fields. */
static void write_entry(struct model *m, splitio_domid_t d, unsigned i)
{
    const struct m_entry *e = &m->entry[d][i];
    struct splitio_grant_entry_v1 *v1 = &m->r->dom[d].entries[8 + i];
    union splitio_grant_entry_v2 *v2 = &m->r->dom[d].v2[8 + i];

    if (m->version[d] == 1) {
        *v1 = rig_v1((splitio_le16(v1->flags) &
                      (SPLITIO_GTF_READING | SPLITIO_GTF_WRITING)) |
                         e->flags,
                     e->domid, e->frame);
        return;
    }
    v2->hdr = rig_hdr(e->flags, e->domid);
    if (is_passed_on(e)) {
        v2->transitive.trans_domid = splitio_le16(e->from);
        v2->transitive.gref = splitio_le32(e->from_gref);
    } else {
        v2->sub_page.page_off = splitio_le16(e->offset);
        v2->sub_page.length = splitio_le16(e->length);
        v2->sub_page.frame = splitio_le64(e->frame);
    }
}

/* The guest fills or rewrites an entry, in use or not; in-use bits stay. */
static void do_write(struct model *m)
{
    static const uint16_t flags[] = {0, 1, 1, 1,     1,     5,     5,    2,
                                     3, 3, 7, 0x101, 0x101, 0x105, 0x103};
    splitio_domid_t d = (splitio_domid_t)(1 + rnd(m, RIG_DOMAINS - 1));
    unsigned i = rnd(m, GREFS);
    struct m_entry *e = &m->entry[d][i];

    e->flags = flags[rnd(m, SPLITIO_ARRAY_LEN(flags))];
    e->domid = (uint16_t)rnd(m, RIG_DOMAINS);
    e->frame = rnd(m, RIG_PAGES + 8);
    e->offset = (uint16_t)(rnd(m, 4) ? 0 : rnd(m, 5000));
    e->length = (uint16_t)(rnd(m, 4) ? 4096 - rnd(m, 100) : rnd(m, 65536));
    e->from = (uint16_t)rnd(m, RIG_DOMAINS + 1);
    e->from_gref = 7 + rnd(m, GREFS + 2);
    write_entry(m, d, i);
}

static void do_version(struct model *m)
{
    splitio_domid_t d = (splitio_domid_t)(1 + rnd(m, RIG_DOMAINS - 1));
    unsigned version = 1 + rnd(m, 2);
    int want = 0;

    doing = "version";
    if (!is_there(m, d))
        want = SPLITIO_ENOENT;
    else if (version != m->version[d])
        for (unsigned i = 0; i < GREFS; i++)
            if (is_pinned(&m->entry[d][i]))
                want = SPLITIO_EBUSY;
    SAME("result", splitio_grant_engine_set_version(&m->r->e, d, version),
         want);
    if (want == 0 && version != m->version[d]) {
        m->r->dom[d].version = m->version[d] = version;
        memset(m->entry[d], 0, sizeof(m->entry[d]));
    }
}

static void do_swap(struct model *m)
{
    splitio_domid_t d = (splitio_domid_t)(1 + rnd(m, RIG_DOMAINS - 1));
    unsigned a = rnd(m, GREFS), b = rnd(m, GREFS);
    struct m_entry *ea = &m->entry[d][a], *eb = &m->entry[d][b], was = *ea;
    int want = !is_there(m, d) ? SPLITIO_GNTST_BAD_DOMAIN
               : a != b && (is_pinned(ea) || is_pinned(eb))
                   ? SPLITIO_GNTST_EAGAIN
                   : SPLITIO_GNTST_OKAY;

    doing = "swap";
    SAME("status", splitio_grant_engine_swap(&m->r->e, d, 8 + a, 8 + b), want);
    if (want == SPLITIO_GNTST_OKAY && a != b) {
        *ea = *eb;
        *eb = was;
    }
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

            if (m->version[d] == 1) {
                SAME("flags", splitio_le16(m->r->dom[d].entries[8 + i].flags),
                     e->flags | bits);
            } else {
                SAME("flags", splitio_le16(m->r->dom[d].v2[8 + i].hdr.flags),
                     e->flags);
                SAME("status", splitio_le16(m->r->dom[d].status[8 + i]), bits);
            }
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
    else if (r < 94)
        do_write(m);
    else if (r < 96)
        do_version(m);
    else if (r < 97)
        do_swap(m);
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
    m->r = rig_new_v2(1u << 2);
    for (unsigned d = 0; d < RIG_DOMAINS; d++)
        m->version[d] = m->r->dom[d].version;
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
