/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A domain's calls for its own grant table, one thread: version, size, order;
 * and the operations on a mapping that a port may have.
 */
#include "cm.h"

#include "grant_rig.h"

#include <stdlib.h>
#include <string.h>

#define READING SPLITIO_GTF_READING
#define WRITING SPLITIO_GTF_WRITING
#define BOTH    (READING | WRITING)
#define OKAY    SPLITIO_GNTST_OKAY

static int setup(void **state)
{
    *state = rig_new();
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    for (splitio_domid_t i = 0; i < RIG_DOMAINS; i++) {
        assert_true(splitio_grant_table_is_valid(&r->dom[i].table));
        assert_int_equal(splitio_grant_table_nr_lent(&r->dom[i].table), 0);
        assert_int_equal(r->slots[i].users, 0);
        assert_int_equal(splitio_grant_engine_remove(&r->e, i), 0);
        if (i > 0)
            for (unsigned gref = 0; gref < RIG_REFS; gref++)
                assert_int_equal(r->dom[i].d.active[gref].owner, 0);
    }
    rig_delete(r);
    return 0;
}

static splitio_gref_t lend(struct rig *r, splitio_domid_t from,
                           splitio_domid_t to, splitio_gfn_t gfn)
{
    splitio_gref_t gref = SPLITIO_GREF_NONE;

    assert_int_equal(
        splitio_grant_table_grant(&r->dom[from].table, to, gfn, false, &gref),
        0);
    return gref;
}

static void take_back(struct rig *r, splitio_domid_t from, splitio_gref_t gref)
{
    assert_int_equal(splitio_grant_table_revoke(&r->dom[from].table, gref), 0);
}

/* What a guest does: both sides change. */
static int change_version(struct rig *r, splitio_domid_t domid,
                          unsigned version)
{
    int err = splitio_grant_engine_set_version(&r->e, domid, version);

    if (!err)
        rig_table(r, domid, version);
    return err;
}

/* ---- version ---- */

static void version_is_what_was_set(void **state)
{
    struct rig *r = *state;

    assert_int_equal(splitio_grant_engine_version(&r->e, 1), 1);
    assert_int_equal(splitio_grant_engine_set_version(&r->e, 1, 1), 0);
    assert_int_equal(change_version(r, 1, 2), 0);
    assert_int_equal(splitio_grant_engine_version(&r->e, 1), 2);
    assert_int_equal(splitio_grant_engine_version(&r->e, 2), 1);
    assert_int_equal(change_version(r, 1, 2), 0);
    assert_int_equal(change_version(r, 1, 1), 0);
    assert_int_equal(splitio_grant_engine_version(&r->e, 1), 1);
}

static void version_that_cannot_be_is_refused(void **state)
{
    struct rig *r = *state;
    struct splitio_grant_domain d;
    static uint64_t mem[3 * 1024];
    const struct splitio_grant_domain_config plain = {
        .domid = 5, .frames = r->dom[1].frames, .nr_frames = 1, .mem = mem};

    assert_true(sizeof(mem) >= SPLITIO_GRANT_DOMAIN_MEM(1, 0));
    assert_int_equal(splitio_grant_engine_set_version(&r->e, 1, 0),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_grant_engine_set_version(&r->e, 1, 3),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_grant_engine_set_version(&r->e, 7, 2),
                     SPLITIO_ENOENT);
    assert_int_equal(splitio_grant_engine_version(&r->e, 7), SPLITIO_ENOENT);
    /* No pages for the status words. */
    assert_int_equal(splitio_grant_engine_add(&r->e, &d, &plain), 0);
    assert_int_equal(splitio_grant_engine_set_version(&r->e, 5, 2),
                     SPLITIO_EOPNOTSUPP);
    assert_int_equal(splitio_grant_engine_set_version(&r->e, 5, 1), 0);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 5), 0);
    assert_int_equal(splitio_grant_engine_set_version(&r->e, 0, 2),
                     SPLITIO_EOPNOTSUPP);
}

static void version_change_waits_for_entries_in_use(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3);
    splitio_grant_handle_t h;

    for (unsigned version = 2; version > 0; version--) {
        assert_int_equal(rig_map(r, 2, 1, gref, true, &h), OKAY);
        assert_int_equal(change_version(r, 1, version), SPLITIO_EBUSY);
        /* Nothing has changed; nobody is kept out. */
        assert_int_equal(rig_in_use(r, 1, gref), READING);
        assert_int_equal(rig_unmap(r, 2, h), OKAY);
        assert_int_equal(rig_map(r, 2, 1, gref, false, &h), OKAY);
        assert_int_equal(rig_unmap(r, 2, h), OKAY);
        take_back(r, 1, gref);
        assert_int_equal(change_version(r, 1, version), 0);
        gref = lend(r, 1, 2, 3);
    }
    take_back(r, 1, gref);
}

static void version_change_clears_all_but_the_reserved(void **state)
{
    struct rig *r = *state;
    struct rig_domain *d = &r->dom[1];
    splitio_gref_t gref = lend(r, 1, 2, 3);
    splitio_grant_handle_t h;

    d->entries[1] =
        rig_v1(SPLITIO_GTF_PERMIT_ACCESS | SPLITIO_GTF_READONLY, 2, 7);
    assert_int_equal(splitio_grant_engine_set_version(&r->e, 1, 2), 0);
    d->version = 2;
    for (unsigned i = 0; i < RIG_REFS_V2; i++) {
        assert_int_equal(
            splitio_le16(d->v2[i].hdr.flags),
            i == 1 ? SPLITIO_GTF_PERMIT_ACCESS | SPLITIO_GTF_READONLY : 0);
        assert_int_equal(splitio_le64(d->v2[i].full_page.frame),
                         i == 1 ? 7 : 0);
        assert_int_equal(d->status[i], 0);
    }
    assert_int_equal(splitio_le16(d->v2[1].hdr.domid), 2);
    assert_int_equal(rig_map(r, 2, 1, gref, true, &h),
                     SPLITIO_GNTST_BAD_GNTREF);
    /* References that only version 1 has are gone. */
    assert_int_equal(rig_map(r, 2, 1, RIG_REFS_V2, true, &h),
                     SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(splitio_grant_engine_set_version(&r->e, 1, 1), 0);
    d->version = 1;
    for (unsigned i = 0; i < RIG_REFS; i++)
        assert_int_equal(splitio_le32(d->entries[i].frame), i == 1 ? 7 : 0);
    assert_int_equal(splitio_le16(d->entries[1].flags),
                     SPLITIO_GTF_PERMIT_ACCESS | SPLITIO_GTF_READONLY);
    assert_int_equal(splitio_le16(d->entries[1].domid), 2);
    d->entries[1].flags = 0;
    rig_table(r, 1, 1);
}

/* The store's page stays mapped while the guest changes its mind. */
static void version_change_keeps_reserved_entries_mapped(void **state)
{
    struct rig *r = *state;
    struct rig_domain *d = &r->dom[1];
    splitio_grant_handle_t ro, rw;
    splitio_gfn_t gfn = 0;

    d->entries[1] = rig_v1(SPLITIO_GTF_PERMIT_ACCESS, 2, 7);
    assert_int_equal(rig_map(r, 2, 1, 1, true, &ro), OKAY);
    assert_int_equal(rig_map(r, 2, 1, 1, false, &rw), OKAY);
    assert_int_equal(change_version(r, 1, 2), 0);
    assert_int_equal(rig_in_use(r, 1, 1), BOTH);
    assert_int_equal(splitio_le16(d->v2[1].hdr.flags),
                     SPLITIO_GTF_PERMIT_ACCESS);
    assert_int_equal(rig_unmap(r, 2, rw), OKAY);
    assert_int_equal(rig_in_use(r, 1, 1), READING);
    assert_int_equal(splitio_grant_engine_mapped_gfn(&r->e, 2, ro, &gfn), 0);
    assert_int_equal(gfn, 7);
    assert_int_equal(change_version(r, 1, 1), 0);
    assert_int_equal(rig_in_use(r, 1, 1), READING);
    assert_int_equal(rig_unmap(r, 2, ro), OKAY);
    assert_int_equal(rig_in_use(r, 1, 1), 0);
    d->entries[1].flags = 0;
}

static void version_1_cannot_say_every_reserved_entry(void **state)
{
    static const struct {
        uint16_t flags;
        splitio_gfn_t frame;
        int err;
    } c[] = {
        {SPLITIO_GTF_PERMIT_ACCESS, UINT64_C(1) << 32, SPLITIO_E2BIG},
        {SPLITIO_GTF_TRANSITIVE, 1, SPLITIO_E2BIG},
        {SPLITIO_GTF_ACCEPT_TRANSFER, 1, SPLITIO_E2BIG},
        {SPLITIO_GTF_PERMIT_ACCESS | SPLITIO_GTF_SUB_PAGE, 1, SPLITIO_E2BIG},
        {SPLITIO_GTF_PERMIT_ACCESS, UINT32_MAX, 0},
        {0, UINT64_MAX, 0},
    };
    struct rig *r = *state;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(c); i++) {
        union splitio_grant_entry_v2 *e = &r->dom[1].v2[7];

        assert_int_equal(change_version(r, 1, 2), 0);
        e->full_page.frame = splitio_le64(c[i].frame);
        e->hdr = rig_hdr(c[i].flags, 2);
        assert_int_equal(change_version(r, 1, 1), c[i].err);
        assert_int_equal(splitio_grant_engine_version(&r->e, 1),
                         c[i].err ? 2 : 1);
        if (c[i].err)
            e->hdr.flags = 0;
        else
            r->dom[1].entries[7].flags = 0;
        assert_int_equal(change_version(r, 1, 1), 0);
        assert_int_equal(splitio_le32(r->dom[1].entries[7].frame),
                         c[i].err || !c[i].flags ? 0 : UINT32_MAX);
    }
}

/* Called by another thread's call, in the middle of it. */
static int err_inside[3];

static void change_inside(struct rig *r, splitio_domid_t domid,
                          splitio_gfn_t gfn, bool write)
{
    (void)gfn;
    (void)write;
    r->on_frame = NULL;
    err_inside[0] = splitio_grant_engine_set_version(
        &r->e, domid, r->dom[domid].version == 1 ? 2 : 1);
    err_inside[1] = splitio_grant_engine_swap(&r->e, domid, 8, 9);
    err_inside[2] = splitio_grant_engine_swap(&r->e, domid, 10, 8);
}

static void version_change_during_a_map_is_put_off(void **state)
{
    struct rig *r = *state;

    for (unsigned version = 1; version <= 2; version++) {
        splitio_gref_t gref = lend(r, 1, 2, 3);
        splitio_grant_handle_t h;

        assert_int_equal(gref, 8);
        r->on_frame = change_inside;
        assert_int_equal(rig_map(r, 2, 1, gref, true, &h), OKAY);
        assert_int_equal(err_inside[0], SPLITIO_EAGAIN);
        assert_int_equal(err_inside[1], SPLITIO_GNTST_EAGAIN);
        assert_int_equal(err_inside[2], SPLITIO_GNTST_EAGAIN);
        assert_int_equal(rig_unmap(r, 2, h), OKAY);
        take_back(r, 1, gref);
        assert_int_equal(change_version(r, 1, 2), 0);
    }
}

/* A copy that is under way on a reserved entry, in a way of version 2 only. */
static void change_during_copy(struct rig *r, splitio_domid_t domid,
                               splitio_gfn_t gfn, bool write)
{
    (void)domid;
    (void)gfn;
    (void)write;
    r->on_frame = NULL;
    err_inside[0] = splitio_grant_engine_set_version(&r->e, 1, 1);
}

static void version_change_during_a_reserved_copy_is_put_off(void **state)
{
    struct rig *r = *state;
    splitio_gref_t page = lend(r, 3, 1, 4);
    uint8_t byte;

    assert_int_equal(change_version(r, 1, 2), 0);
    r->dom[1].v2[2].transitive.trans_domid = splitio_le16(3);
    r->dom[1].v2[2].transitive.gref = splitio_le32(page);
    r->dom[1].v2[2].hdr = rig_hdr(SPLITIO_GTF_TRANSITIVE, 2);
    r->on_frame = change_during_copy;
    assert_int_equal(rig_fetch(r, 2, 1, 2, 0, &byte, 1), OKAY);
    assert_int_equal(err_inside[0], SPLITIO_EAGAIN);
    r->dom[1].v2[2].hdr.flags = 0;
    take_back(r, 3, page);
}

/* ---- size ---- */

struct growing {
    struct splitio_grant_domain d;
    struct splitio_grant_table t;
    uint8_t *frames, *status;
    void *frame[SPLITIO_GRANT_FRAMES_MAX];
    void *status_frame[1];
    void *mem;
    uint32_t *next_mem;
};

#define GROWING_MAX 4u
#define GROWING_ID  5

static struct growing *growing_new(struct rig *r, unsigned version)
{
    struct growing *g = calloc(1, sizeof(*g));

    assert_non_null(g);
    g->frames = aligned_alloc(4096, GROWING_MAX * 4096);
    g->status = aligned_alloc(4096, 4096);
    g->mem = malloc(SPLITIO_GRANT_DOMAIN_MEM(GROWING_MAX, 1));
    g->next_mem = malloc(SPLITIO_GRANT_TABLE_MEM(GROWING_MAX));
    assert_true(g->frames && g->status && g->mem && g->next_mem);
    memset(g->frames, 0xEE, GROWING_MAX * 4096);
    memset(g->frames, 0, 4096);
    memset(g->status, 0xEE, 4096);
    for (unsigned i = 0; i < SPLITIO_GRANT_FRAMES_MAX; i++)
        g->frame[i] = g->frames + (i % GROWING_MAX) * (size_t)4096;
    g->status_frame[0] = g->status;
    const struct splitio_grant_domain_config c = {.domid = GROWING_ID,
                                                  .version = version,
                                                  .frames = g->frame,
                                                  .nr_frames = 1,
                                                  .max_frames = GROWING_MAX,
                                                  .status = g->status_frame,
                                                  .nr_status = 1,
                                                  .nr_track = 1,
                                                  .mem = g->mem};
    assert_int_equal(splitio_grant_engine_add(&r->e, &g->d, &c), 0);
    assert_int_equal(
        version == 2
            ? splitio_grant_table_init_v2(&g->t, g->frames, g->status, 1,
                                          g->next_mem)
            : splitio_grant_table_init(&g->t, g->frames, 1, g->next_mem),
        0);
    return g;
}

static void growing_delete(struct rig *r, struct growing *g)
{
    assert_int_equal(splitio_grant_engine_remove(&r->e, GROWING_ID), 0);
    free(g->frames);
    free(g->status);
    free(g->mem);
    free(g->next_mem);
    free(g);
}

static void expect_size(struct rig *r, unsigned nr)
{
    unsigned got, max;

    assert_int_equal(
        splitio_grant_engine_query_size(&r->e, GROWING_ID, &got, &max), 0);
    assert_int_equal(got, nr);
    assert_int_equal(max, GROWING_MAX);
}

/* Lend all there is; the last reference. */
static splitio_gref_t lend_all(struct growing *g, unsigned *nr)
{
    splitio_gref_t gref, last = 0;

    while (splitio_grant_table_grant(&g->t, 2, 3, false, &gref) == 0) {
        last = gref > last ? gref : last;
        ++*nr;
    }
    return last;
}

static void grow_while_lent_adds_references(void **state)
{
    struct rig *r = *state;

    r->dom[4 - 1].pages[3][0] = 3;
    for (unsigned version = 1; version <= 2; version++) {
        struct growing *g = growing_new(r, version);
        unsigned per_frame = version == 1 ? SPLITIO_GRANTS_PER_FRAME_V1
                                          : SPLITIO_GRANTS_PER_FRAME_V2;
        unsigned nr = 0;
        splitio_grant_handle_t h;

        r->no_memory = true; /* domain 5 has none: the pin is what counts */
        for (unsigned frames = 1; frames <= GROWING_MAX; frames++) {
            splitio_gref_t last = lend_all(g, &nr);

            expect_size(r, frames);
            assert_int_equal(nr, frames * per_frame - SPLITIO_GRANT_RESERVED);
            assert_int_equal(last, frames * per_frame - 1);
            assert_int_equal(rig_map(r, 2, GROWING_ID, last, true, &h),
                             SPLITIO_GNTST_BAD_PAGE);
            assert_int_equal(rig_map(r, 2, GROWING_ID, last + 1, true, &h),
                             SPLITIO_GNTST_BAD_GNTREF);
            assert_true(splitio_grant_table_is_valid(&g->t));
            if (frames == GROWING_MAX)
                break;
            memset(g->frame[frames], 0, 4096);
            assert_int_equal(splitio_grant_engine_grow(&r->e, GROWING_ID,
                                                       g->frame + frames, 1),
                             0);
            assert_int_equal(splitio_grant_table_grow(&g->t, frames + 1), 0);
        }
        assert_int_equal(
            splitio_grant_engine_grow(&r->e, GROWING_ID, g->frame, 1),
            SPLITIO_ENOSPC);
        for (splitio_gref_t ref = SPLITIO_GRANT_RESERVED;
             ref < GROWING_MAX * per_frame; ref++)
            assert_int_equal(splitio_grant_table_revoke(&g->t, ref), 0);
        growing_delete(r, g);
    }
    r->no_memory = false;
}

static void grow_by_nonsense_is_refused(void **state)
{
    struct rig *r = *state;
    struct growing *g = growing_new(r, 1);
    void *odd[2] = {g->frames + 4096, g->frames + 4097}, *none[1] = {NULL};
    unsigned nr, max;

    assert_int_equal(splitio_grant_engine_grow(&r->e, GROWING_ID, odd, 2),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_grant_engine_grow(&r->e, GROWING_ID, none, 1),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_grant_engine_grow(&r->e, GROWING_ID, g->frame, 4),
                     SPLITIO_ENOSPC);
    assert_int_equal(
        splitio_grant_engine_grow(&r->e, GROWING_ID, g->frame, UINT32_MAX),
        SPLITIO_ENOSPC);
    assert_int_equal(splitio_grant_engine_grow(&r->e, 7, g->frame, 1),
                     SPLITIO_ENOENT);
    assert_int_equal(splitio_grant_engine_query_size(&r->e, 7, &nr, &max),
                     SPLITIO_ENOENT);
    assert_int_equal(splitio_grant_engine_grow(&r->e, GROWING_ID, NULL, 0), 0);
    expect_size(r, 1);
    assert_int_equal(splitio_grant_table_grow(&g->t, 0), SPLITIO_EINVAL);
    assert_int_equal(splitio_grant_table_grow(&g->t, 65), SPLITIO_EINVAL);
    assert_int_equal(splitio_grant_table_grow(&g->t, 1), 0);
    growing_delete(r, g);
}

static void status_frames_are_those_of_version_2(void **state)
{
    struct rig *r = *state;
    void *frames[2] = {NULL};

    assert_int_equal(splitio_grant_engine_status_frames(&r->e, 1, frames, 1),
                     SPLITIO_EINVAL);
    assert_int_equal(change_version(r, 1, 2), 0);
    assert_int_equal(splitio_grant_engine_status_frames(&r->e, 1, frames, 1),
                     0);
    assert_ptr_equal(frames[0], r->dom[1].status);
    assert_int_equal(splitio_grant_engine_status_frames(&r->e, 1, frames, 2),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_grant_engine_status_frames(&r->e, 7, frames, 0),
                     SPLITIO_ENOENT);
}

/* A table that has room for frames, and none yet. */
static void version_of_a_table_without_frames_changes(void **state)
{
    struct rig *r = *state;
    struct splitio_grant_domain d;
    static uint64_t mem[3 * 1024];
    const struct splitio_grant_domain_config c = {.domid = 5,
                                                  .max_frames = 1,
                                                  .status =
                                                      r->dom[1].status_frames,
                                                  .nr_status = 1,
                                                  .mem = mem};
    splitio_grant_handle_t h;

    assert_int_equal(splitio_grant_engine_add(&r->e, &d, &c), 0);
    assert_int_equal(splitio_grant_engine_set_version(&r->e, 5, 2), 0);
    assert_int_equal(rig_map(r, 2, 5, 0, true, &h), SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(splitio_grant_engine_set_version(&r->e, 5, 1), 0);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 5), 0);
}

/* Two calls that change the same table. */
static void calls_that_change_a_table_take_turns(void **state)
{
    struct rig *r = *state;
    void *frames[1];

    r->dom[1].d.setting = 1; /* another thread is in the middle of one */
    assert_int_equal(splitio_grant_engine_set_version(&r->e, 1, 2),
                     SPLITIO_EAGAIN);
    assert_int_equal(splitio_grant_engine_grow(&r->e, 1, NULL, 0),
                     SPLITIO_EAGAIN);
    assert_int_equal(splitio_grant_engine_status_frames(&r->e, 1, frames, 1),
                     SPLITIO_EAGAIN);
    r->dom[1].d.setting = 0;
}

/* ---- order ---- */

static void swap_exchanges_what_two_references_are(void **state)
{
    struct rig *r = *state;

    r->dom[1].pages[3][0] = 33;
    r->dom[1].pages[4][0] = 44;
    for (unsigned version = 1; version <= 2; version++) {
        splitio_gref_t a, b;
        uint8_t byte;

        assert_int_equal(change_version(r, 1, version), 0);
        a = lend(r, 1, 2, 3);
        b = lend(r, 1, 3, 4);
        assert_int_equal(splitio_grant_engine_swap(&r->e, 1, a, b), OKAY);
        assert_int_equal(splitio_grant_table_swapped(&r->dom[1].table, a, b),
                         0);
        assert_int_equal(rig_fetch(r, 2, 1, b, 0, &byte, 1), OKAY);
        assert_int_equal(byte, 33);
        assert_int_equal(rig_fetch(r, 3, 1, a, 0, &byte, 1), OKAY);
        assert_int_equal(byte, 44);
        assert_int_equal(rig_fetch(r, 2, 1, a, 0, &byte, 1),
                         SPLITIO_GNTST_BAD_GNTREF);
        assert_int_equal(splitio_grant_engine_swap(&r->e, 1, b, a), OKAY);
        assert_int_equal(rig_fetch(r, 2, 1, a, 0, &byte, 1), OKAY);
        assert_int_equal(splitio_grant_engine_swap(&r->e, 1, a, a), OKAY);
        take_back(r, 1, a);
        take_back(r, 1, b);
    }
}

/* A page and a part: each is revoked as what it has become. */
static void swap_of_different_kinds_is_revoked_right(void **state)
{
    struct rig *r = *state;
    struct splitio_grant_table *t = &r->dom[1].table;
    splitio_gref_t page, part;
    splitio_grant_handle_t h;

    assert_int_equal(change_version(r, 1, 2), 0);
    page = lend(r, 1, 2, 3);
    assert_int_equal(
        splitio_grant_table_grant_part(t, 2, 4, 0, 8, false, &part), 0);
    assert_int_equal(splitio_grant_engine_swap(&r->e, 1, page, part), OKAY);
    assert_int_equal(splitio_grant_table_swapped(t, page, part), 0);
    assert_int_equal(rig_map(r, 2, 1, part, true, &h), OKAY);
    take_back(r, 1, page);
    assert_int_equal(splitio_grant_table_swapped(t, page, part),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_grant_table_swapped(t, part, page),
                     SPLITIO_EINVAL);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    take_back(r, 1, part);
}

static void swap_of_what_is_in_use_or_not_there_is_refused(void **state)
{
    struct rig *r = *state;
    splitio_gref_t a = lend(r, 1, 2, 3), b = lend(r, 1, 2, 4);
    splitio_grant_handle_t h;

    assert_int_equal(rig_map(r, 2, 1, a, true, &h), OKAY);
    assert_int_equal(splitio_grant_engine_swap(&r->e, 1, a, b),
                     SPLITIO_GNTST_EAGAIN);
    assert_int_equal(splitio_grant_engine_swap(&r->e, 1, b, a),
                     SPLITIO_GNTST_EAGAIN);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    assert_int_equal(splitio_grant_engine_swap(&r->e, 1, a, RIG_REFS),
                     SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(splitio_grant_engine_swap(&r->e, 1, UINT32_MAX, b),
                     SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(splitio_grant_engine_swap(&r->e, 0, 0, 1),
                     SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(splitio_grant_engine_swap(&r->e, 7, 0, 1),
                     SPLITIO_GNTST_BAD_DOMAIN);
    take_back(r, 1, a);
    take_back(r, 1, b);
}

/* ---- what a port may be able to do with a mapping ---- */

static struct {
    void *va, *new_va;
    size_t len;
    uint32_t op;
    int answer;
    unsigned calls, pins;
} port;

static int on_replace(struct rig *r, void *va, void *new_va)
{
    port.va = va;
    port.new_va = new_va;
    port.calls++;
    /* The page is still held: nobody may have it while it is being moved. */
    port.pins = splitio_grant_engine_nr_pins(&r->e, 1);
    return port.answer;
}

static int on_flush(struct rig *r, void *va, size_t len, uint32_t op)
{
    (void)r;
    port.va = va;
    port.len = len;
    port.op = op;
    port.calls++;
    return port.answer;
}

static void make_able(struct rig *r)
{
    memset(&port, 0, sizeof(port));
    r->replace = on_replace;
    r->flush = on_flush;
    rig_set_abilities(r, true);
}

static int replace(struct rig *r, splitio_domid_t self,
                   splitio_grant_handle_t h, void *new_va)
{
    struct splitio_grant_replace op = {
        .handle = h, .new_va = new_va, .status = 1};

    unsigned failed =
        splitio_grant_engine_unmap_and_replace(&r->e, self, &op, 1);

    assert_int_equal(failed, op.status != OKAY);
    return op.status;
}

static void replace_shows_the_new_page_and_unmaps(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3);
    splitio_grant_handle_t h;

    make_able(r);
    assert_int_equal(rig_map(r, 2, 1, gref, false, &h), OKAY);
    assert_int_equal(replace(r, 2, h, r->dom[2].pages[1]), OKAY);
    assert_ptr_equal(port.va, r->dom[1].pages[3]);
    assert_ptr_equal(port.new_va, r->dom[2].pages[1]);
    assert_int_equal(port.pins, 1);
    assert_int_equal(rig_in_use(r, 1, gref), 0);
    assert_int_equal(replace(r, 2, h, r->dom[2].pages[1]),
                     SPLITIO_GNTST_BAD_HANDLE);
    assert_int_equal(rig_unmap(r, 2, h), SPLITIO_GNTST_BAD_HANDLE);
    assert_int_equal(port.calls, 1);
    take_back(r, 1, gref);
}

static void replace_that_fails_keeps_the_mapping(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3);
    splitio_grant_handle_t h;
    void *mine = r->dom[2].pages[1];

    assert_int_equal(rig_map(r, 2, 1, gref, false, &h), OKAY);
    /* The port cannot at all. */
    assert_int_equal(replace(r, 2, h, mine), SPLITIO_GNTST_GENERAL_ERROR);
    make_able(r);
    port.answer = SPLITIO_ENOMEM;
    assert_int_equal(replace(r, 2, h, mine), SPLITIO_GNTST_GENERAL_ERROR);
    assert_int_equal(replace(r, 2, h, NULL), SPLITIO_GNTST_BAD_VIRT_ADDR);
    assert_int_equal(replace(r, 3, h, mine), SPLITIO_GNTST_BAD_HANDLE);
    assert_int_equal(replace(r, 7, h, mine), SPLITIO_GNTST_BAD_DOMAIN);
    assert_int_equal(rig_in_use(r, 1, gref), BOTH);
    assert_int_equal(splitio_grant_engine_nr_mapped(&r->e, 2), 1);
    port.answer = 0;
    assert_int_equal(replace(r, 2, h, mine), OKAY);
    assert_int_equal(splitio_grant_engine_nr_mapped(&r->e, 2), 0);
    take_back(r, 1, gref);
}

static int flush(struct rig *r, splitio_domid_t self, splitio_grant_handle_t h,
                 uint32_t offset, uint32_t len, uint32_t op)
{
    return splitio_grant_engine_cache_flush(&r->e, self, h, offset, len, op);
}

static void flush_reaches_the_port_with_the_range(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3);
    splitio_grant_handle_t h;

    make_able(r);
    assert_int_equal(rig_map(r, 2, 1, gref, true, &h), OKAY);
    assert_int_equal(flush(r, 2, h, 4000, 96, SPLITIO_CACHE_CLEAN), 0);
    assert_ptr_equal(port.va, r->dom[1].pages[3] + 4000);
    assert_int_equal(port.len, 96);
    assert_int_equal(port.op, SPLITIO_CACHE_CLEAN);
    port.answer = SPLITIO_EIO;
    assert_int_equal(
        flush(r, 2, h, 0, 4096, SPLITIO_CACHE_CLEAN | SPLITIO_CACHE_INVAL),
        SPLITIO_EIO);
    assert_int_equal(port.op, SPLITIO_CACHE_CLEAN | SPLITIO_CACHE_INVAL);
    assert_int_equal(port.calls, 2);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    assert_int_equal(flush(r, 2, h, 0, 1, SPLITIO_CACHE_CLEAN), SPLITIO_EINVAL);
    take_back(r, 1, gref);
}

static void flush_of_what_is_not_ones_own_is_refused(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3);
    splitio_grant_handle_t h;

    assert_int_equal(rig_map(r, 2, 1, gref, true, &h), OKAY);
    /* What there is nothing to do for succeeds, what cannot be does not. */
    assert_int_equal(flush(r, 2, h, 0, 4096, SPLITIO_CACHE_INVAL),
                     SPLITIO_EOPNOTSUPP);
    assert_int_equal(flush(r, 2, h, 0, 0, SPLITIO_CACHE_INVAL), 0);
    assert_int_equal(flush(r, 2, h, 0, 4096, 0), 0);
    make_able(r);
    assert_int_equal(flush(r, 2, h, 4096, 0, 1), SPLITIO_EINVAL);
    assert_int_equal(flush(r, 2, h, 1, 4096, 1), SPLITIO_EINVAL);
    assert_int_equal(flush(r, 2, h, 4095, 2, 1), SPLITIO_EINVAL);
    assert_int_equal(flush(r, 2, h, 4095, UINT32_MAX, 1), SPLITIO_EINVAL);
    assert_int_equal(flush(r, 2, h, 0, 1, 4), SPLITIO_EINVAL);
    assert_int_equal(flush(r, 2, h, 0, 1, 1u << 31 | 1), SPLITIO_EINVAL);
    assert_int_equal(flush(r, 3, h, 0, 1, 1), SPLITIO_EINVAL);
    assert_int_equal(flush(r, 7, h, 0, 1, 1), SPLITIO_EINVAL);
    assert_int_equal(flush(r, 2, h + 1, 0, 1, 1), SPLITIO_EINVAL);
    assert_int_equal(port.calls, 0);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    take_back(r, 1, gref);
}

static void transfer_is_refused_and_the_page_stays(void **state)
{
    struct rig *r = *state;
    struct splitio_grant_transfer op[2] = {{.gfn = 3, .domid = 2, .gref = 8},
                                           {.gfn = 4, .domid = 2, .gref = 9}};

    r->dom[2].entries[8] = rig_v1(SPLITIO_GTF_ACCEPT_TRANSFER, 1, 0);
    assert_int_equal(splitio_grant_engine_transfer(&r->e, 1, op, 2), 2);
    assert_int_equal(op[0].status, SPLITIO_GNTST_BAD_PAGE);
    assert_int_equal(op[1].status, SPLITIO_GNTST_BAD_PAGE);
    assert_int_equal(splitio_le16(r->dom[2].entries[8].flags),
                     SPLITIO_GTF_ACCEPT_TRANSFER);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(version_is_what_was_set),
        CASE(version_that_cannot_be_is_refused),
        CASE(version_change_waits_for_entries_in_use),
        CASE(version_change_clears_all_but_the_reserved),
        CASE(version_change_keeps_reserved_entries_mapped),
        CASE(version_1_cannot_say_every_reserved_entry),
        CASE(version_change_during_a_map_is_put_off),
        CASE(version_change_during_a_reserved_copy_is_put_off),
        CASE(grow_while_lent_adds_references),
        CASE(grow_by_nonsense_is_refused),
        CASE(status_frames_are_those_of_version_2),
        CASE(version_of_a_table_without_frames_changes),
        CASE(calls_that_change_a_table_take_turns),
        CASE(swap_exchanges_what_two_references_are),
        CASE(swap_of_different_kinds_is_revoked_right),
        CASE(swap_of_what_is_in_use_or_not_there_is_refused),
        CASE(replace_shows_the_new_page_and_unmaps),
        CASE(replace_that_fails_keeps_the_mapping),
        CASE(flush_reaches_the_port_with_the_range),
        CASE(flush_of_what_is_not_ones_own_is_refused),
        CASE(transfer_is_refused_and_the_page_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
