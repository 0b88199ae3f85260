/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grants of version 2, one thread: entries and status words, parts of pages,
 * what is passed on. Domains 1 and 2 have tables of version 2, domain 3 one of
 * version 1.
 */
#include "cm.h"

#include "grant_rig.h"
#include "watch.h"

#include <string.h>

#define READING SPLITIO_GTF_READING
#define WRITING SPLITIO_GTF_WRITING
#define BOTH    (READING | WRITING)
#define OKAY    SPLITIO_GNTST_OKAY
#define GENERAL SPLITIO_GNTST_GENERAL_ERROR

static int setup(void **state)
{
    *state = rig_new_v2(1u << 1 | 1u << 2);
    return 0;
}

/* At the end of every case: nothing lent, nothing held, all removable. */
static int teardown(void **state)
{
    struct rig *r = *state;

    for (splitio_domid_t i = 0; i < RIG_DOMAINS; i++) {
        struct rig_domain *d = &r->dom[i];

        assert_true(splitio_grant_table_is_valid(&d->table));
        assert_int_equal(splitio_grant_table_nr_lent(&d->table), 0);
        assert_int_equal(splitio_grant_table_nr_held(&d->table), 0);
        assert_int_equal(splitio_grant_engine_nr_mapped(&r->e, i), 0);
        assert_int_equal(splitio_grant_engine_nr_pins(&r->e, i), 0);
        assert_int_equal(r->slots[i].users, 0);
        for (unsigned gref = 0; i > 0 && gref < RIG_REFS; gref++)
            for (unsigned kind = 0; kind < SPLITIO_PIN_KINDS; kind++)
                assert_int_equal(d->d.active[gref].pins[kind], 0);
        for (unsigned gref = 0; i > 0 && gref < RIG_REFS_V2; gref++)
            assert_int_equal(d->status[gref], 0);
        assert_int_equal(splitio_grant_engine_remove(&r->e, i), 0);
    }
    rig_delete(r);
    return 0;
}

static splitio_gref_t lend(struct rig *r, splitio_domid_t from,
                           splitio_domid_t to, splitio_gfn_t gfn, bool ro)
{
    splitio_gref_t gref = SPLITIO_GREF_NONE;

    assert_int_equal(
        splitio_grant_table_grant(&r->dom[from].table, to, gfn, ro, &gref), 0);
    assert_in_range(gref, SPLITIO_GRANT_RESERVED, RIG_REFS - 1);
    return gref;
}

static splitio_gref_t lend_part(struct rig *r, splitio_domid_t from,
                                splitio_domid_t to, splitio_gfn_t gfn,
                                uint32_t offset, uint32_t len, bool ro)
{
    splitio_gref_t gref = SPLITIO_GREF_NONE;

    assert_int_equal(splitio_grant_table_grant_part(
                         &r->dom[from].table, to, gfn, offset, len, ro, &gref),
                     0);
    return gref;
}

/* @p via passes on to @p to what @p from granted to it. */
static splitio_gref_t pass_on(struct rig *r, splitio_domid_t via,
                              splitio_domid_t to, splitio_domid_t from,
                              splitio_gref_t from_gref, bool ro)
{
    splitio_gref_t gref = SPLITIO_GREF_NONE;

    assert_int_equal(splitio_grant_table_grant_through(
                         &r->dom[via].table, to, from, from_gref, ro, &gref),
                     0);
    return gref;
}

static void take_back(struct rig *r, splitio_domid_t from, splitio_gref_t gref)
{
    assert_int_equal(splitio_grant_table_revoke(&r->dom[from].table, gref), 0);
}

static void on_reaped(void *arg, splitio_gfn_t gfn)
{
    splitio_gfn_t *reaped = arg;

    *reaped = gfn;
}

static unsigned reap(struct rig *r, splitio_domid_t domid, splitio_gfn_t *gfn)
{
    return splitio_grant_table_reap(&r->dom[domid].table, 100, on_reaped, gfn);
}

static int fetch(struct rig *r, splitio_domid_t self, splitio_domid_t from,
                 splitio_gref_t gref)
{
    uint8_t byte;

    return rig_fetch(r, self, from, gref, 0, &byte, 1);
}

static int put(struct rig *r, splitio_domid_t self, splitio_domid_t to,
               splitio_gref_t gref)
{
    return rig_put(r, self, to, gref, 0, "x", 1);
}

/* ---- the guest's table ---- */

static void table_odd_memory_is_refused(void **state)
{
    struct rig *r = *state;
    struct rig_domain *d = &r->dom[1];
    struct splitio_grant_table t;

#define INIT(frames, status, nr, mem)                                          \
    assert_int_equal(splitio_grant_table_init_v2(&t, frames, status, nr, mem), \
                     SPLITIO_EINVAL)
    INIT(NULL, d->status, 1, d->next_mem);
    INIT(d->entries, NULL, 1, d->next_mem);
    INIT(d->entries, d->status + 1, 1, d->next_mem);
    INIT(d->entries + 1, d->status, 1, d->next_mem);
    INIT(d->entries, d->status, 0, d->next_mem);
    INIT(d->entries, d->status, 65, d->next_mem);
    INIT(d->entries, d->status, 1, NULL);
#undef INIT
}

static void table_each_kind_of_entry_says_what_it_should(void **state)
{
    struct rig *r = *state;
    const union splitio_grant_entry_v2 *e = r->dom[1].v2;
    splitio_gref_t page = lend(r, 1, 2, UINT64_C(0x123456789), false);
    splitio_gref_t part = lend_part(r, 1, 3, 7, 100, 4096 - 100, true);
    splitio_gref_t through = pass_on(r, 1, 3, 2, 77, false);

    assert_int_equal(splitio_le16(e[page].hdr.flags),
                     SPLITIO_GTF_PERMIT_ACCESS);
    assert_int_equal(splitio_le16(e[page].hdr.domid), 2);
    assert_int_equal(splitio_le64(e[page].full_page.frame),
                     UINT64_C(0x123456789));
    assert_int_equal(splitio_le16(e[part].hdr.flags),
                     SPLITIO_GTF_PERMIT_ACCESS | SPLITIO_GTF_SUB_PAGE |
                         SPLITIO_GTF_READONLY);
    assert_int_equal(splitio_le16(e[part].hdr.domid), 3);
    assert_int_equal(splitio_le16(e[part].sub_page.page_off), 100);
    assert_int_equal(splitio_le16(e[part].sub_page.length), 4096 - 100);
    assert_int_equal(splitio_le64(e[part].sub_page.frame), 7);
    assert_int_equal(splitio_le16(e[through].hdr.flags),
                     SPLITIO_GTF_TRANSITIVE);
    assert_int_equal(splitio_le16(e[through].hdr.domid), 3);
    assert_int_equal(splitio_le16(e[through].transitive.trans_domid), 2);
    assert_int_equal(splitio_le32(e[through].transitive.gref), 77);
    assert_int_equal(splitio_grant_table_version(&r->dom[1].table), 2);
    assert_int_equal(splitio_grant_table_nr_lent(&r->dom[1].table), 3);
    take_back(r, 1, page);
    take_back(r, 1, part);
    take_back(r, 1, through);
    assert_int_equal(e[page].hdr.flags | e[part].hdr.flags, 0);
    assert_int_equal(splitio_grant_table_revoke(&r->dom[1].table, part),
                     SPLITIO_EINVAL);
}

static void table_part_outside_of_a_page_is_refused(void **state)
{
    static const uint32_t bad[][2] = {{0, 0},    {0, 4097}, {4096, 1},
                                      {4095, 2}, {1, 4096}, {1, UINT32_MAX}};
    struct rig *r = *state;
    splitio_gref_t gref = 1;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++)
        assert_int_equal(splitio_grant_table_grant_part(&r->dom[1].table, 2, 1,
                                                        bad[i][0], bad[i][1],
                                                        false, &gref),
                         SPLITIO_EINVAL);
    assert_int_equal(gref, 1);
}

static void table_of_version_1_has_pages_only(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref;

    assert_int_equal(splitio_grant_table_version(&r->dom[3].table), 1);
    assert_int_equal(splitio_grant_table_grant_part(&r->dom[3].table, 2, 1, 0,
                                                    1, false, &gref),
                     SPLITIO_EOPNOTSUPP);
    assert_int_equal(splitio_grant_table_grant_through(&r->dom[3].table, 2, 1,
                                                       8, false, &gref),
                     SPLITIO_EOPNOTSUPP);
}

static void table_all_references_are_handed_out_once(void **state)
{
    struct rig *r = *state;
    struct splitio_grant_table *t = &r->dom[1].table;
    static bool seen[RIG_REFS_V2];
    splitio_gref_t gref;

    memset(seen, 0, sizeof(seen));
    for (unsigned i = SPLITIO_GRANT_RESERVED; i < RIG_REFS_V2; i++) {
        gref = i % 3 == 0   ? lend(r, 1, 2, i % RIG_PAGES, false)
               : i % 3 == 1 ? lend_part(r, 1, 2, 0, i, 1, false)
                            : pass_on(r, 1, 2, 3, i, false);
        assert_in_range(gref, SPLITIO_GRANT_RESERVED, RIG_REFS_V2 - 1);
        assert_false(seen[gref]);
        seen[gref] = true;
    }
    assert_int_equal(splitio_grant_table_grant(t, 2, 0, false, &gref),
                     SPLITIO_ENOSPC);
    assert_int_equal(
        splitio_grant_table_grant_part(t, 2, 0, 0, 1, false, &gref),
        SPLITIO_ENOSPC);
    assert_int_equal(
        splitio_grant_table_grant_through(t, 2, 3, 8, false, &gref),
        SPLITIO_ENOSPC);
    assert_int_equal(splitio_grant_table_nr_free(t), 0);
    for (gref = SPLITIO_GRANT_RESERVED; gref < RIG_REFS_V2; gref++)
        take_back(r, 1, gref);
}

static void revoke_in_use_goes_to_quarantine_until_unmapped(void **state)
{
    struct rig *r = *state;
    struct splitio_grant_table *t = &r->dom[1].table;
    splitio_gref_t gref = lend(r, 1, 2, 9, false);
    splitio_grant_handle_t h, more;
    splitio_gfn_t gfn = 0;

    assert_int_equal(rig_map(r, 2, 1, gref, true, &h), OKAY);
    assert_int_equal(splitio_grant_table_revoke(t, gref), SPLITIO_EBUSY);
    assert_int_equal(splitio_le16(r->dom[1].v2[gref].hdr.flags), 0);
    assert_int_equal(splitio_grant_table_revoke(t, gref), SPLITIO_EINVAL);
    /* It cannot become more than it is. */
    assert_int_equal(rig_map(r, 2, 1, gref, false, &more),
                     SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(rig_in_use(r, 1, gref), READING);
    assert_int_equal(reap(r, 1, &gfn), 0);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    assert_int_equal(reap(r, 1, &gfn), 1);
    assert_int_equal(gfn, 9);
    assert_int_equal(rig_map(r, 2, 1, gref, true, &h),
                     SPLITIO_GNTST_BAD_GNTREF);
}

/* From the middle of a copy: the guest takes back what is being copied. */
static int revoked[2], copied_more;

static void revoke_first(struct rig *r, splitio_domid_t domid,
                         splitio_gfn_t gfn, bool write)
{
    (void)gfn;
    (void)write;
    r->on_frame = NULL;
    revoked[0] = splitio_grant_table_revoke(&r->dom[domid].table, 8);
    revoked[1] = splitio_grant_table_revoke(&r->dom[domid].table, 8);
}

static void revoke_during_a_copy_says_again(void **state)
{
    struct rig *r = *state;

    assert_int_equal(lend_part(r, 1, 2, 3, 0, 10, false), 8);
    r->on_frame = revoke_first;
    assert_int_equal(fetch(r, 2, 1, 8), OKAY);
    assert_int_equal(revoked[0], SPLITIO_EAGAIN);
    assert_int_equal(revoked[1], SPLITIO_EAGAIN);
    assert_int_equal(splitio_le16(r->dom[1].v2[8].hdr.flags), 0);
    assert_int_equal(fetch(r, 2, 1, 8), SPLITIO_GNTST_BAD_GNTREF);
    take_back(r, 1, 8);
}

/*
 * The second end of one copy is the same entry, revoked meanwhile: a copy that
 * overlaps must not keep it.
 */
static void revoke_stops_copies_that_overlap(void **state)
{
    struct rig *r = *state;
    struct splitio_grant_copy op = {.src = {.domid = 1, .gref = 8},
                                    .dst = {.domid = 1, .gref = 8},
                                    .len_bytes = 1};

    assert_int_equal(lend_part(r, 1, 2, 3, 0, 10, false), 8);
    r->on_frame = revoke_first;
    assert_int_equal(splitio_grant_engine_copy(&r->e, 2, &op, 1), 1);
    assert_int_equal(op.status, SPLITIO_GNTST_BAD_GNTREF);
    take_back(r, 1, 8);
}

static void protect_changes_what_the_peer_may_do(void **state)
{
    struct rig *r = *state;

    for (splitio_domid_t from = 1; from <= 3; from += 2) {
        struct splitio_grant_table *t = &r->dom[from].table;
        splitio_gref_t gref = lend(r, from, 2, 3, false);
        splitio_grant_handle_t h, more;

        assert_int_equal(splitio_grant_table_protect(t, gref, true), 0);
        assert_int_equal(rig_map(r, 2, from, gref, false, &h),
                         SPLITIO_GNTST_PERMISSION_DENIED);
        assert_int_equal(rig_map(r, 2, from, gref, true, &h), OKAY);
        assert_int_equal(splitio_grant_table_protect(t, gref, true), 0);
        assert_int_equal(rig_in_use(r, from, gref), READING);
        assert_int_equal(splitio_grant_table_protect(t, gref, false), 0);
        assert_int_equal(rig_map(r, 2, from, gref, false, &more), OKAY);
        assert_int_equal(splitio_grant_table_protect(t, gref, true),
                         SPLITIO_EBUSY);
        assert_int_equal(rig_in_use(r, from, gref), BOTH);
        assert_int_equal(rig_unmap(r, 2, more), OKAY);
        /* The refused attempt left no trace. */
        assert_int_equal(put(r, 2, from, gref), OKAY);
        assert_int_equal(splitio_grant_table_protect(t, gref, true), 0);
        assert_int_equal(put(r, 2, from, gref),
                         SPLITIO_GNTST_PERMISSION_DENIED);
        assert_int_equal(rig_unmap(r, 2, h), OKAY);
        take_back(r, from, gref);
        assert_int_equal(splitio_grant_table_protect(t, gref, true),
                         SPLITIO_EINVAL);
        assert_int_equal(splitio_grant_table_protect(t, 0, true),
                         SPLITIO_EINVAL);
        assert_int_equal(splitio_grant_table_protect(t, RIG_REFS, true),
                         SPLITIO_EINVAL);
    }
}

/* ---- mapping ---- */

static void map_marks_the_status_word_and_no_flag(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 0, 3, false);
    struct splitio_grant_map op = {.domid = 1, .gref = gref};
    splitio_grant_handle_t ro;

    assert_int_equal(rig_map(r, 0, 1, gref, true, &ro), OKAY);
    assert_int_equal(rig_in_use(r, 1, gref), READING);
    assert_false(r->last_write);
    assert_int_equal(splitio_grant_engine_map(&r->e, 0, &op, 1), 0);
    assert_ptr_equal(op.va, r->dom[1].pages[3]);
    assert_true(r->last_write);
    assert_int_equal(rig_in_use(r, 1, gref), BOTH);
    assert_int_equal(splitio_le16(r->dom[1].v2[gref].hdr.flags),
                     SPLITIO_GTF_PERMIT_ACCESS);
    assert_int_equal(rig_unmap(r, 0, op.handle), OKAY);
    assert_int_equal(rig_in_use(r, 1, gref), READING);
    assert_int_equal(rig_unmap(r, 0, ro), OKAY);
    take_back(r, 1, gref);
}

static void map_and_copy_share_a_page_of_either_version(void **state)
{
    struct rig *r = *state;

    for (splitio_domid_t from = 1; from <= 3; from += 2) {
        splitio_gref_t gref = lend(r, from, 2, 3, false);
        splitio_grant_handle_t h;

        assert_int_equal(rig_map(r, 2, from, gref, true, &h), OKAY);
        assert_int_equal(put(r, 2, from, gref), OKAY);
        assert_int_equal(fetch(r, 2, from, gref), OKAY);
        assert_int_equal(rig_in_use(r, from, gref), READING);
        assert_int_equal(rig_unmap(r, 2, h), OKAY);
        assert_int_equal(rig_in_use(r, from, gref), 0);
        take_back(r, from, gref);
    }
}

static void map_of_what_can_only_be_copied_is_refused(void **state)
{
    struct rig *r = *state;
    splitio_gref_t page = lend(r, 3, 1, 4, false);
    splitio_gref_t whole = lend_part(r, 1, 2, 3, 0, 4096, false);
    splitio_gref_t through = pass_on(r, 1, 2, 3, page, false);
    splitio_grant_handle_t h;

    for (unsigned ro = 0; ro < 2; ro++) {
        assert_int_equal(rig_map(r, 2, 1, whole, ro, &h),
                         SPLITIO_GNTST_BAD_GNTREF);
        assert_int_equal(rig_map(r, 2, 1, through, ro, &h),
                         SPLITIO_GNTST_BAD_GNTREF);
    }
    assert_int_equal(rig_in_use(r, 1, whole) | rig_in_use(r, 1, through), 0);
    take_back(r, 1, whole);
    take_back(r, 1, through);
    take_back(r, 3, page);
}

/* The hook runs while the entry is pinned by a copy. */
static void map_it_too(struct rig *r, splitio_domid_t domid, splitio_gfn_t gfn,
                       bool write)
{
    (void)domid;
    (void)gfn;
    (void)write;
    r->on_frame = NULL;
    copied_more = fetch(r, 2, 1, 9);
}

static void map_bad_references_are_refused(void **state)
{
    static const splitio_gref_t bad[] = {
        0, 7, 300, RIG_REFS_V2, RIG_REFS - 1, RIG_REFS, UINT32_MAX};
    struct rig *r = *state;
    splitio_grant_handle_t h;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
        assert_int_equal(rig_map(r, 2, 1, bad[i], true, &h),
                         SPLITIO_GNTST_BAD_GNTREF);
        assert_int_equal(fetch(r, 2, 1, bad[i]), SPLITIO_GNTST_BAD_GNTREF);
    }
    r->dom[1].v2[RIG_REFS_V2 - 1].full_page.frame = splitio_le64(3);
    r->dom[1].v2[RIG_REFS_V2 - 1].hdr = rig_hdr(SPLITIO_GTF_PERMIT_ACCESS, 2);
    assert_int_equal(rig_map(r, 2, 1, RIG_REFS_V2 - 1, true, &h), OKAY);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
}

static void map_other_entry_types_are_refused(void **state)
{
    static const uint16_t flags[] = {0, 2, SPLITIO_GTF_SUB_PAGE,
                                     2 | SPLITIO_GTF_SUB_PAGE};
    struct rig *r = *state;
    splitio_grant_handle_t h;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(flags); i++) {
        r->dom[1].v2[20].hdr = rig_hdr(flags[i], 2);
        assert_int_equal(rig_map(r, 2, 1, 20, true, &h),
                         SPLITIO_GNTST_BAD_GNTREF);
        assert_int_equal(fetch(r, 2, 1, 20), SPLITIO_GNTST_BAD_GNTREF);
    }
}

static void map_grant_to_another_domain_is_refused(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 0, false);
    splitio_grant_handle_t h, mine;

    assert_int_equal(rig_map(r, 3, 1, gref, true, &h),
                     SPLITIO_GNTST_BAD_GNTREF);
    /* Also while the right one has it. */
    assert_int_equal(rig_map(r, 2, 1, gref, false, &mine), OKAY);
    assert_int_equal(rig_map(r, 3, 1, gref, true, &h),
                     SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(fetch(r, 3, 1, gref), SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(rig_unmap(r, 2, mine), OKAY);
    take_back(r, 1, gref);
}

static void map_frames_without_memory_are_bad_pages(void **state)
{
    static const splitio_gfn_t bad[] = {RIG_PAGES, UINT64_C(1) << 32,
                                        UINT64_C(1) << 52,
                                        (UINT64_C(1) << 52) + 3, UINT64_MAX};
    struct rig *r = *state;
    splitio_grant_handle_t h, ro;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
        splitio_gref_t gref = lend(r, 1, 2, bad[i], false);

        r->nr_frame_calls = 0;
        assert_int_equal(rig_map(r, 2, 1, gref, true, &h),
                         SPLITIO_GNTST_BAD_PAGE);
        assert_int_equal(rig_in_use(r, 1, gref), 0);
        /* A number that has no address is not the port's business. */
        assert_int_equal(r->nr_frame_calls, bad[i] >> 52 ? 0 : 1);
        take_back(r, 1, gref);
    }
    /* Readable, not writable. */
    splitio_gref_t rom = lend(r, 1, 2, RIG_PAGES - 1, false);

    assert_int_equal(rig_map(r, 2, 1, rom, true, &ro), OKAY);
    assert_int_equal(rig_map(r, 2, 1, rom, false, &h), SPLITIO_GNTST_BAD_PAGE);
    assert_int_equal(rig_in_use(r, 1, rom), READING);
    assert_int_equal(rig_unmap(r, 2, ro), OKAY);
    take_back(r, 1, rom);
}

/* ---- parts ---- */

static void copy_part_bounds_are_checked_to_the_byte(void **state)
{
    static const struct {
        uint32_t offset, len;
        int status;
    } c[] = {
        {1000, 100, OKAY},
        {1099, 1, OKAY},
        {1000, 1, OKAY},
        {999, 1, GENERAL},
        {999, 2, GENERAL},
        {1099, 2, GENERAL},
        {1100, 1, GENERAL},
        {1000, 101, GENERAL},
        {0, 4096, GENERAL},
        {0, 4097, SPLITIO_GNTST_BAD_COPY_ARG},
        {4096, 1, SPLITIO_GNTST_BAD_COPY_ARG},
        {UINT32_MAX, 1, SPLITIO_GNTST_BAD_COPY_ARG},
    };
    struct rig *r = *state;
    splitio_gref_t gref = lend_part(r, 1, 2, 3, 1000, 100, false);
    static uint8_t mine[4096], back[4096];

    memset(mine, 0x77, sizeof(mine));
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(c); i++) {
        memset(r->dom[1].pages[3], 0, SPLITIO_PAGE_SIZE);
        memset(back, 0, sizeof(back));
        assert_int_equal(rig_put(r, 2, 1, gref, c[i].offset, mine, c[i].len),
                         c[i].status);
        assert_int_equal(rig_fetch(r, 2, 1, gref, c[i].offset, back, c[i].len),
                         c[i].status);
        for (unsigned j = 0; j < SPLITIO_PAGE_SIZE; j++)
            assert_int_equal(r->dom[1].pages[3][j],
                             c[i].status == OKAY && j >= c[i].offset &&
                                     j < c[i].offset + c[i].len
                                 ? 0x77
                                 : 0);
        assert_int_equal(back[0], c[i].status == OKAY ? 0x77 : 0);
        assert_int_equal(rig_in_use(r, 1, gref), 0);
    }
    take_back(r, 1, gref);
}

static void copy_part_read_only_is_not_written(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend_part(r, 1, 2, 3, 0, 4096, true);
    splitio_gref_t rom = lend_part(r, 1, 2, RIG_PAGES - 1, 0, 8, false);

    assert_int_equal(put(r, 2, 1, gref), SPLITIO_GNTST_PERMISSION_DENIED);
    assert_int_equal(fetch(r, 2, 1, gref), OKAY);
    assert_int_equal(put(r, 2, 1, rom), SPLITIO_GNTST_BAD_PAGE);
    assert_int_equal(fetch(r, 2, 1, rom), OKAY);
    assert_int_equal(fetch(r, 3, 1, gref), SPLITIO_GNTST_BAD_GNTREF);
    take_back(r, 1, gref);
    take_back(r, 1, rom);
}

/* A part that a table_grant_part() would never have written. */
static void copy_part_of_impossible_shape_stays_in_the_page(void **state)
{
    static const uint16_t shape[][2] = {
        {0xFFFF, 0xFFFF}, {4000, 0xFFFF}, {4096, 1}, {0, 0}, {0, 0xFFFF}};
    struct rig *r = *state;
    union splitio_grant_entry_v2 *e = &r->dom[1].v2[20];
    static uint8_t bytes[4096];

    memset(r->dom[1].pages[4], 0x44, SPLITIO_PAGE_SIZE);
    e->sub_page.frame = splitio_le64(3);
    e->hdr = rig_hdr(SPLITIO_GTF_PERMIT_ACCESS | SPLITIO_GTF_SUB_PAGE, 2);
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(shape); i++) {
        e->sub_page.page_off = splitio_le16(shape[i][0]);
        e->sub_page.length = splitio_le16(shape[i][1]);
        assert_int_equal(rig_put(r, 2, 1, 20, 0, bytes, 4096),
                         i == 4 ? OKAY : GENERAL);
        assert_int_equal(rig_put(r, 2, 1, 20, 4000, bytes, 97),
                         SPLITIO_GNTST_BAD_COPY_ARG);
        assert_int_equal(rig_put(r, 2, 1, 20, 4000, bytes, 96),
                         i == 1 || i == 4 ? OKAY : GENERAL);
        assert_int_equal(r->dom[1].pages[4][0], 0x44);
    }
    e->hdr.flags = 0;
}

/* ---- what is passed on ---- */

static void copy_through_reaches_the_page_behind(void **state)
{
    struct rig *r = *state;

    /* The page behind is of version 1 or 2. */
    for (splitio_domid_t from = 2; from <= 3; from++) {
        splitio_domid_t to = from == 2 ? 3 : 2;
        splitio_gref_t page = lend(r, from, 1, 5, false);
        splitio_gref_t gref = pass_on(r, 1, to, from, page, false);
        uint8_t back[3] = {0};

        memset(r->dom[from].pages[5], 0, SPLITIO_PAGE_SIZE);
        assert_int_equal(rig_put(r, to, 1, gref, 4093, "abc", 3), OKAY);
        assert_memory_equal(r->dom[from].pages[5] + 4093, "abc", 3);
        assert_int_equal(rig_fetch(r, to, 1, gref, 4093, back, 3), OKAY);
        assert_memory_equal(back, "abc", 3);
        assert_int_equal(rig_in_use(r, from, page), 0);
        assert_int_equal(rig_in_use(r, 1, gref), 0);
        /* It is the passing domain that has the page, not who asks. */
        assert_int_equal(fetch(r, to, from, page), SPLITIO_GNTST_BAD_GNTREF);
        assert_int_equal(fetch(r, from, 1, gref), SPLITIO_GNTST_BAD_GNTREF);
        take_back(r, 1, gref);
        take_back(r, from, page);
    }
}

/* Xen allows it: what one got from a domain may be given back to it. */
static void copy_through_may_lead_to_the_asker(void **state)
{
    struct rig *r = *state;
    splitio_gref_t page = lend(r, 2, 1, 5, false);
    splitio_gref_t gref = pass_on(r, 1, 2, 2, page, false);

    assert_int_equal(put(r, 2, 1, gref), OKAY);
    assert_int_equal(r->dom[2].pages[5][0], 'x');
    take_back(r, 1, gref);
    take_back(r, 2, page);
}

static void copy_through_keeps_to_the_part_behind(void **state)
{
    struct rig *r = *state;
    splitio_gref_t part = lend_part(r, 2, 1, 5, 10, 20, false);
    splitio_gref_t gref = pass_on(r, 1, 3, 2, part, false);
    uint8_t bytes[21];

    assert_int_equal(rig_fetch(r, 3, 1, gref, 10, bytes, 20), OKAY);
    assert_int_equal(rig_fetch(r, 3, 1, gref, 10, bytes, 21), GENERAL);
    assert_int_equal(rig_fetch(r, 3, 1, gref, 9, bytes, 1), GENERAL);
    assert_int_equal(rig_in_use(r, 2, part) | rig_in_use(r, 1, gref), 0);
    take_back(r, 1, gref);
    take_back(r, 2, part);
}

static void copy_through_writes_only_if_both_allow(void **state)
{
    struct rig *r = *state;

    for (unsigned ro = 1; ro < 4; ro++) {
        splitio_gref_t page = lend(r, 2, 1, 5, ro & 1);
        splitio_gref_t gref = pass_on(r, 1, 3, 2, page, ro & 2);

        assert_int_equal(put(r, 3, 1, gref), SPLITIO_GNTST_PERMISSION_DENIED);
        assert_int_equal(fetch(r, 3, 1, gref), OKAY);
        take_back(r, 1, gref);
        take_back(r, 2, page);
    }
}

static void copy_through_nowhere_is_refused(void **state)
{
    struct rig *r = *state;
    splitio_gref_t page = lend(r, 2, 1, RIG_PAGES, false); /* no memory */
    splitio_gref_t other = lend(r, 2, 3, 5, false);
    const struct {
        splitio_domid_t domid;
        splitio_gref_t gref;
        int status;
    } c[] = {
        {1, 8, GENERAL}, /* itself */
        {RIG_DOMAINS, 8, GENERAL},
        {RIG_SLOTS, 8, GENERAL},
        {SPLITIO_DOMID_SELF, 8, GENERAL},
        {0xFFFF, 8, GENERAL},
        {0, 8, SPLITIO_GNTST_BAD_GNTREF}, /* has no table */
        {2, 0, SPLITIO_GNTST_BAD_GNTREF},
        {2, UINT32_MAX, SPLITIO_GNTST_BAD_GNTREF},
        {2, page, SPLITIO_GNTST_BAD_PAGE},
        {2, other, SPLITIO_GNTST_BAD_GNTREF}, /* not for domain 1 */
    };

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(c); i++) {
        splitio_gref_t gref = pass_on(r, 1, 3, c[i].domid, c[i].gref, false);

        assert_int_equal(fetch(r, 3, 1, gref), c[i].status);
        assert_int_equal(put(r, 3, 1, gref), c[i].status);
        for (unsigned d = 0; d < RIG_DOMAINS; d++)
            assert_int_equal(r->slots[d].users, 0);
        assert_int_equal(rig_in_use(r, 1, gref), 0);
        take_back(r, 1, gref);
    }
    take_back(r, 2, page);
    take_back(r, 2, other);
}

static void copy_through_twice_is_refused(void **state)
{
    struct rig *r = *state;
    splitio_gref_t page = lend(r, 3, 2, 5, false);
    splitio_gref_t inner = pass_on(r, 2, 1, 3, page, false);
    splitio_gref_t outer = pass_on(r, 1, 3, 2, inner, false);
    /* Two that lead to one another, for ever. */
    splitio_gref_t a = pass_on(r, 1, 2, 2, 9, false);
    splitio_gref_t b = pass_on(r, 2, 1, 1, a, false);

    assert_int_equal(b, 9);
    assert_int_equal(fetch(r, 3, 1, outer), GENERAL);
    assert_int_equal(fetch(r, 2, 1, a), GENERAL);
    assert_int_equal(put(r, 1, 2, b), GENERAL);
    assert_int_equal(rig_in_use(r, 1, outer) | rig_in_use(r, 2, inner), 0);
    assert_int_equal(fetch(r, 1, 2, inner), OKAY);
    take_back(r, 1, outer);
    take_back(r, 2, inner);
    take_back(r, 1, a);
    take_back(r, 2, b);
    take_back(r, 3, page);
}

static void copy_through_both_ends_and_one_fails(void **state)
{
    struct rig *r = *state;
    splitio_gref_t page = lend(r, 2, 1, 5, false);
    splitio_gref_t ro = lend(r, 3, 1, 6, true);
    splitio_gref_t good = pass_on(r, 1, 0, 2, page, false);
    splitio_gref_t bad = pass_on(r, 1, 0, 3, ro, false);
    struct splitio_grant_copy op = {
        .src = {.domid = 1, .gref = bad, .offset = 1},
        .dst = {.domid = 1, .gref = good, .offset = 2},
        .len_bytes = 5};

    memcpy(r->dom[3].pages[6], "-hello-", 7);
    assert_int_equal(splitio_grant_engine_copy(&r->e, 0, &op, 1), 0);
    assert_memory_equal(r->dom[2].pages[5] + 2, "hello", 5);
    op.src.gref = good;
    op.dst.gref = bad;
    assert_int_equal(splitio_grant_engine_copy(&r->e, 0, &op, 1), 1);
    assert_int_equal(op.status, SPLITIO_GNTST_PERMISSION_DENIED);
    take_back(r, 1, good);
    take_back(r, 1, bad);
    take_back(r, 2, page);
    take_back(r, 3, ro);
}

/* The page behind belongs to a domain that is going. */
static void remove_both(struct rig *r, splitio_domid_t domid, splitio_gfn_t gfn,
                        bool write)
{
    (void)gfn;
    (void)write;
    assert_int_equal(domid, 2);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 2), SPLITIO_EAGAIN);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 1), SPLITIO_EAGAIN);
}

static void remove_waits_for_a_copy_through(void **state)
{
    struct rig *r = *state;
    splitio_gref_t page = lend(r, 2, 1, 5, false);
    splitio_gref_t gref = pass_on(r, 1, 3, 2, page, false);

    r->on_frame = remove_both;
    assert_int_equal(fetch(r, 3, 1, gref), OKAY);
    r->on_frame = NULL;
    assert_int_equal(fetch(r, 3, 1, gref), SPLITIO_GNTST_BAD_DOMAIN);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 1), 0);
    assert_int_equal(rig_add(r, 1), 0);
    assert_int_equal(fetch(r, 3, 1, gref), GENERAL);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 2), 0);
    assert_int_equal(rig_add(r, 2), 0);
    assert_int_equal(fetch(r, 3, 1, gref), OKAY);
    take_back(r, 1, gref);
    take_back(r, 2, page);
}

/* ---- a guest that rewrites its entries and status words ---- */

static void hostile_status_words_are_never_believed(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    splitio_grant_status_t *status = &r->dom[1].status[gref];
    splitio_grant_handle_t h, h2;

    *status = 0xFFFF;
    assert_int_equal(rig_map(r, 2, 1, gref, true, &h), OKAY);
    assert_int_equal(splitio_le16(*status), READING);
    *status = 0; /* the guest pretends that it is free */
    assert_int_equal(rig_map(r, 2, 1, gref, true, &h2), OKAY);
    assert_int_equal(rig_unmap(r, 2, h2), OKAY);
    assert_int_equal(splitio_le16(*status), READING);
    *status = splitio_le16(BOTH);
    assert_int_equal(splitio_grant_engine_nr_pins(&r->e, 1), 1);
    assert_int_equal(splitio_grant_engine_set_version(&r->e, 1, 1),
                     SPLITIO_EBUSY);
    *status = 0;
    assert_int_equal(splitio_grant_engine_set_version(&r->e, 1, 1),
                     SPLITIO_EBUSY);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 1), SPLITIO_EBUSY);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    assert_int_equal(*status, 0);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 1), 0);
    assert_int_equal(rig_add(r, 1), 0);
    take_back(r, 1, gref);
}

static void hostile_entry_change_does_not_move_the_pin(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    union splitio_grant_entry_v2 *e = &r->dom[1].v2[gref];
    struct splitio_grant_map op = {.domid = 1, .gref = gref, .read_only = true};
    splitio_grant_handle_t h, h2;
    splitio_gfn_t gfn;

    assert_int_equal(rig_map(r, 2, 1, gref, true, &h), OKAY);
    e->full_page.frame = splitio_le64(4);
    assert_int_equal(splitio_grant_engine_map(&r->e, 2, &op, 1), 0);
    assert_ptr_equal(op.va, r->dom[1].pages[3]);
    assert_int_equal(splitio_grant_engine_mapped_gfn(&r->e, 2, op.handle, &gfn),
                     0);
    assert_int_equal(gfn, 3);
    assert_int_equal(rig_unmap(r, 2, op.handle), OKAY);
    /* Another kind: readers stay, and no writer comes. */
    e->hdr.flags =
        splitio_le16(SPLITIO_GTF_PERMIT_ACCESS | SPLITIO_GTF_SUB_PAGE);
    assert_int_equal(rig_map(r, 2, 1, gref, true, &h2), OKAY);
    assert_int_equal(rig_unmap(r, 2, h2), OKAY);
    assert_int_equal(rig_map(r, 2, 1, gref, false, &h2),
                     SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(put(r, 2, 1, gref), SPLITIO_GNTST_BAD_GNTREF);
    e->hdr.flags = splitio_le16(SPLITIO_GTF_TRANSITIVE);
    assert_int_equal(put(r, 2, 1, gref), SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(fetch(r, 2, 1, gref), OKAY);
    assert_int_equal(rig_in_use(r, 1, gref), READING);
    e->hdr.domid = splitio_le16(3);
    assert_int_equal(rig_map(r, 3, 1, gref, true, &h2),
                     SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    take_back(r, 1, gref);
}

/* The guest acts between the look at the entry and that at its frame. */
static void make_it_transitive(struct rig *r, splitio_domid_t domid,
                               splitio_gfn_t gfn, bool write)
{
    union splitio_grant_entry_v2 *e = &r->dom[domid].v2[30];

    (void)gfn;
    (void)write;
    e->transitive.trans_domid = splitio_le16(3);
    e->transitive.gref = splitio_le32(UINT32_MAX);
    e->hdr = rig_hdr(SPLITIO_GTF_TRANSITIVE, 2);
}

static void hostile_change_during_the_pin_is_not_seen(void **state)
{
    struct rig *r = *state;
    union splitio_grant_entry_v2 *e = &r->dom[1].v2[30];
    uint8_t byte = 0;

    r->dom[1].pages[5][7] = 55;
    e->sub_page.page_off = splitio_le16(7);
    e->sub_page.length = splitio_le16(1);
    e->sub_page.frame = splitio_le64(5);
    e->hdr = rig_hdr(SPLITIO_GTF_PERMIT_ACCESS | SPLITIO_GTF_SUB_PAGE, 2);
    r->on_frame = make_it_transitive;
    assert_int_equal(rig_fetch(r, 2, 1, 30, 7, &byte, 1), OKAY);
    r->on_frame = NULL;
    assert_int_equal(byte, 55);
    assert_int_equal(rig_fetch(r, 2, 1, 30, 7, &byte, 1),
                     SPLITIO_GNTST_BAD_GNTREF);
    e->hdr.flags = 0;
}

struct flipper {
    struct rig *rig;
    splitio_gref_t gref;
    uint16_t flip;
    unsigned nr_accesses;
};

static void on_access(void *arg, size_t offset)
{
    struct flipper *f = arg;

    (void)offset;
    f->rig->dom[1].v2[f->gref].hdr.flags ^= splitio_le16(f->flip);
    f->nr_accesses++;
}

/* Looks at the entry that one pin takes, with a guest that flips these bits. */
static int pin_flipping(struct rig *r, splitio_gref_t gref, uint16_t flip,
                        unsigned *looks)
{
    struct flipper f = {.rig = r, .gref = gref, .flip = flip};
    splitio_grant_handle_t h;
    int status;

    watch_start(r->dom[1].v2, RIG_FRAMES * SPLITIO_PAGE_SIZE, on_access, &f);
    status = rig_map(r, 2, 1, gref, true, &h);
    watch_stop();
    *looks = f.nr_accesses;
    if (status == OKAY)
        assert_int_equal(rig_unmap(r, 2, h), OKAY);
    return status;
}

static void hostile_entry_is_looked_at_a_fixed_number_of_times(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    union splitio_grant_entry_v2 *e = &r->dom[1].v2[gref];
    unsigned looks;

    if (!watch_possible())
        take_back(r, 1, gref), skip();
    /* Flags twice, what the frame is in part, and the frame. */
    assert_int_equal(pin_flipping(r, gref, 0, &looks), OKAY);
    assert_int_equal(looks, 4);
    /* Revoked between the two looks: flipped before each. */
    e->hdr.flags = 0;
    assert_int_equal(pin_flipping(r, gref, 1, &looks),
                     SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(looks, 2);
    assert_int_equal(rig_in_use(r, 1, gref), 0);
    e->hdr.flags =
        splitio_le16(SPLITIO_GTF_PERMIT_ACCESS | SPLITIO_GTF_SUB_PAGE);
    assert_int_equal(pin_flipping(r, gref, SPLITIO_GTF_SUB_PAGE, &looks),
                     SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(looks, 2);
    assert_int_equal(rig_in_use(r, 1, gref), 0);
    e->hdr.flags = splitio_le16(SPLITIO_GTF_PERMIT_ACCESS);
    take_back(r, 1, gref);
}

static void pins_never_overflow(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend_part(r, 1, 2, 3, 0, 1, false);
    struct splitio_grant_active *a = &r->dom[1].d.active[gref];

    a->pins[SPLITIO_PIN_COPY_READ] = UINT16_MAX;
    assert_int_equal(fetch(r, 2, 1, gref), SPLITIO_GNTST_NO_SPACE);
    a->pins[SPLITIO_PIN_COPY_READ] = 0;
    take_back(r, 1, gref);
}

/* Copies that overlap on one part, and on one grant that was passed on. */
static void copies_that_overlap_share_their_entry(void **state)
{
    struct rig *r = *state;
    splitio_gref_t page = lend(r, 3, 1, 5, false);

    assert_int_equal(pass_on(r, 1, 2, 3, page, false), 8);
    assert_int_equal(lend_part(r, 1, 2, 4, 0, 1, true), 9);
    for (splitio_gref_t gref = 8; gref <= 9; gref++) {
        copied_more = 1;
        r->on_frame = map_it_too;
        assert_int_equal(fetch(r, 2, 1, gref), OKAY);
        /* The entry of a part is owned while its frame is looked up. */
        assert_int_equal(copied_more, gref == 8 ? OKAY : SPLITIO_GNTST_EAGAIN);
    }
    struct splitio_grant_copy op = {.src = {.domid = 1, .gref = 8},
                                    .dst = {.domid = 1, .gref = 8, .offset = 9},
                                    .len_bytes = 4};

    memcpy(r->dom[3].pages[5], "same", 4);
    assert_int_equal(splitio_grant_engine_copy(&r->e, 2, &op, 1), 0);
    assert_memory_equal(r->dom[3].pages[5] + 9, "same", 4);
    op.src.gref = op.dst.gref = 9;
    op.dst.offset = 0;
    op.len_bytes = 1;
    assert_int_equal(splitio_grant_engine_copy(&r->e, 2, &op, 1), 1);
    assert_int_equal(op.status, SPLITIO_GNTST_PERMISSION_DENIED);
    take_back(r, 1, 8);
    take_back(r, 1, 9);
    take_back(r, 3, page);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(table_odd_memory_is_refused),
        CASE(table_each_kind_of_entry_says_what_it_should),
        CASE(table_part_outside_of_a_page_is_refused),
        CASE(table_of_version_1_has_pages_only),
        CASE(table_all_references_are_handed_out_once),
        CASE(revoke_in_use_goes_to_quarantine_until_unmapped),
        CASE(revoke_during_a_copy_says_again),
        CASE(revoke_stops_copies_that_overlap),
        CASE(protect_changes_what_the_peer_may_do),
        CASE(map_marks_the_status_word_and_no_flag),
        CASE(map_and_copy_share_a_page_of_either_version),
        CASE(map_of_what_can_only_be_copied_is_refused),
        CASE(map_bad_references_are_refused),
        CASE(map_other_entry_types_are_refused),
        CASE(map_grant_to_another_domain_is_refused),
        CASE(map_frames_without_memory_are_bad_pages),
        CASE(copy_part_bounds_are_checked_to_the_byte),
        CASE(copy_part_read_only_is_not_written),
        CASE(copy_part_of_impossible_shape_stays_in_the_page),
        CASE(copy_through_reaches_the_page_behind),
        CASE(copy_through_may_lead_to_the_asker),
        CASE(copy_through_keeps_to_the_part_behind),
        CASE(copy_through_writes_only_if_both_allow),
        CASE(copy_through_nowhere_is_refused),
        CASE(copy_through_twice_is_refused),
        CASE(copy_through_both_ends_and_one_fails),
        CASE(remove_waits_for_a_copy_through),
        CASE(hostile_status_words_are_never_believed),
        CASE(hostile_entry_change_does_not_move_the_pin),
        CASE(hostile_change_during_the_pin_is_not_seen),
        CASE(hostile_entry_is_looked_at_a_fixed_number_of_times),
        CASE(pins_never_overflow),
        CASE(copies_that_overlap_share_their_entry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
