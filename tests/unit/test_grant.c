/* SPDX-License-Identifier: BSD-2-Clause */
/* Grants, one thread: the guest's table, mapping, copying, removing. */
#include "cm.h"

#include "grant_rig.h"
#include "watch.h"

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

static void take_back(struct rig *r, splitio_domid_t from, splitio_gref_t gref)
{
    assert_int_equal(splitio_grant_table_revoke(&r->dom[from].table, gref), 0);
}

struct reaped {
    unsigned nr;
    splitio_gfn_t gfn[RIG_REFS];
};

static void on_reaped(void *arg, splitio_gfn_t gfn)
{
    struct reaped *reaped = arg;

    reaped->gfn[reaped->nr++] = gfn;
}

static unsigned reap(struct rig *r, splitio_domid_t domid, unsigned budget,
                     struct reaped *reaped)
{
    return splitio_grant_table_reap(&r->dom[domid].table, budget, on_reaped,
                                    reaped);
}

/* ---- the guest's table ---- */

static void table_odd_memory_is_refused(void **state)
{
    struct rig *r = *state;
    struct splitio_grant_table t;
    void *frames = r->dom[1].entries;
    uint32_t *mem = r->dom[1].next_mem;

    assert_int_equal(splitio_grant_table_init(&t, NULL, 1, mem),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_grant_table_init(&t, frames, 1, NULL),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_grant_table_init(&t, frames, 0, mem),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_grant_table_init(&t, frames, 65, mem),
                     SPLITIO_EINVAL);
    assert_int_equal(
        splitio_grant_table_init(&t, (uint8_t *)frames + 8, 1, mem),
        SPLITIO_EINVAL);
}

static void table_reserved_entries_are_kept(void **state)
{
    struct rig *r = *state;
    struct rig_domain *d = &r->dom[1];

    d->entries[1] = rig_v1(SPLITIO_GTF_PERMIT_ACCESS | BOTH, 0, 7);
    d->entries[8] = rig_v1(1, 0, 7);
    assert_int_equal(splitio_grant_table_init(&d->table, d->entries, RIG_FRAMES,
                                              d->next_mem),
                     0);
    assert_int_equal(splitio_le32(d->entries[1].frame), 7);
    assert_int_equal(splitio_le16(d->entries[8].flags), 0);
    assert_int_equal(splitio_le32(d->entries[8].frame), 0);
    for (splitio_gref_t ref = 0; ref < SPLITIO_GRANT_RESERVED; ref++)
        assert_int_equal(splitio_grant_table_revoke(&d->table, ref),
                         SPLITIO_EINVAL);
    d->entries[1].flags = 0;
}

static void table_entry_has_domain_frame_and_flags(void **state)
{
    struct rig *r = *state;
    splitio_gref_t rw = lend(r, 1, 2, 0xFFFFFFFF, false);
    splitio_gref_t ro = lend(r, 1, 3, 5, true);
    const struct splitio_grant_entry_v1 *e = r->dom[1].entries;

    assert_int_equal(splitio_le16(e[rw].flags), SPLITIO_GTF_PERMIT_ACCESS);
    assert_int_equal(splitio_le16(e[rw].domid), 2);
    assert_int_equal(splitio_le32(e[rw].frame), 0xFFFFFFFF);
    assert_int_equal(splitio_le16(e[ro].flags),
                     SPLITIO_GTF_PERMIT_ACCESS | SPLITIO_GTF_READONLY);
    assert_int_equal(splitio_le16(e[ro].domid), 3);
    assert_int_equal(splitio_grant_table_nr_lent(&r->dom[1].table), 2);
    take_back(r, 1, rw);
    take_back(r, 1, ro);
    assert_int_equal(splitio_le16(e[rw].flags), 0);
}

static void table_frame_over_32_bits_is_refused(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = 1;

    assert_int_equal(splitio_grant_table_grant(&r->dom[1].table, 2,
                                               UINT64_C(1) << 32, false, &gref),
                     SPLITIO_EINVAL);
    assert_int_equal(gref, 1);
}

static void table_all_references_are_handed_out_once(void **state)
{
    struct rig *r = *state;
    struct splitio_grant_table *t = &r->dom[1].table;
    static bool seen[RIG_REFS];
    splitio_gref_t gref;

    memset(seen, 0, sizeof(seen));
    for (unsigned i = 0; i < RIG_FREE; i++) {
        gref = lend(r, 1, 2, i % RIG_PAGES, false);
        assert_false(seen[gref]);
        seen[gref] = true;
    }
    assert_int_equal(splitio_grant_table_grant(t, 2, 0, false, &gref),
                     SPLITIO_ENOSPC);
    assert_true(splitio_grant_table_is_valid(t));
    take_back(r, 1, 500);
    assert_int_equal(lend(r, 1, 2, 0, false), 500);
    for (gref = SPLITIO_GRANT_RESERVED; gref < RIG_REFS; gref++)
        take_back(r, 1, gref);
}

static void revoke_not_lent_is_refused(void **state)
{
    struct rig *r = *state;
    struct splitio_grant_table *t = &r->dom[1].table;
    splitio_gref_t gref = lend(r, 1, 2, 0, false);

    assert_int_equal(splitio_grant_table_revoke(t, 0), SPLITIO_EINVAL);
    assert_int_equal(splitio_grant_table_revoke(t, gref + 1), SPLITIO_EINVAL);
    assert_int_equal(splitio_grant_table_revoke(t, RIG_REFS), SPLITIO_EINVAL);
    assert_int_equal(splitio_grant_table_revoke(t, SPLITIO_GREF_NONE),
                     SPLITIO_EINVAL);
    take_back(r, 1, gref);
    assert_int_equal(splitio_grant_table_revoke(t, gref), SPLITIO_EINVAL);
    assert_true(splitio_grant_table_is_valid(t));
}

static void revoke_in_use_goes_to_quarantine_until_unmapped(void **state)
{
    struct rig *r = *state;
    struct splitio_grant_table *t = &r->dom[1].table;
    splitio_gref_t gref = lend(r, 1, 2, 9, false);
    struct reaped reaped = {0};
    splitio_grant_handle_t h;

    assert_int_equal(rig_map(r, 2, 1, gref, true, &h), OKAY);
    assert_int_equal(splitio_grant_table_revoke(t, gref), SPLITIO_EBUSY);
    assert_int_equal(splitio_grant_table_nr_held(t), 1);
    assert_int_equal(splitio_grant_table_nr_lent(t), 1);
    assert_int_equal(splitio_grant_table_revoke(t, gref), SPLITIO_EINVAL);
    assert_true(splitio_grant_table_is_valid(t));
    assert_int_equal(reap(r, 1, 100, &reaped), 0);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    assert_int_equal(reap(r, 1, 100, &reaped), 1);
    assert_int_equal(reaped.gfn[0], 9);
    assert_int_equal(splitio_grant_table_revoke(t, gref), SPLITIO_EINVAL);
    assert_int_equal(reap(r, 1, 100, &reaped), 0);
}

/* Whichever of them is let go of is found within one round of the others. */
static void reap_small_budget_looks_at_all_in_turn(void **state)
{
    enum { NR = 7 };
    struct rig *r = *state;

    for (unsigned budget = 1; budget <= NR + 1; budget++) {
        for (unsigned free = 0; free < NR; free++) {
            splitio_grant_handle_t h[NR];
            struct reaped reaped = {0};
            unsigned calls = 0;

            for (unsigned i = 0; i < NR; i++) {
                splitio_gref_t gref = lend(r, 1, 2, i, false);

                assert_int_equal(rig_map(r, 2, 1, gref, false, &h[i]), OKAY);
                assert_int_equal(
                    splitio_grant_table_revoke(&r->dom[1].table, gref),
                    SPLITIO_EBUSY);
            }
            assert_int_equal(reap(r, 1, budget, &reaped), 0);
            assert_true(splitio_grant_table_is_valid(&r->dom[1].table));
            assert_int_equal(rig_unmap(r, 2, h[free]), OKAY);
            while (reap(r, 1, budget, &reaped) == 0)
                assert_in_range(++calls, 0, 2 * NR / budget + 1);
            assert_int_equal(reaped.gfn[0], free);
            for (unsigned i = 0; i < NR; i++)
                if (i != free)
                    assert_int_equal(rig_unmap(r, 2, h[i]), OKAY);
            assert_int_equal(reap(r, 1, 0, &reaped), 0);
            assert_int_equal(reap(r, 1, 100, &reaped), NR - 1);
        }
    }
}

/* ---- mapping ---- */

static void map_sees_the_page_and_marks_the_entry(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 0, 3, false);
    struct splitio_grant_map op = {.domid = 1, .gref = gref};

    assert_int_equal(splitio_grant_engine_map(&r->e, 0, &op, 1), 0);
    assert_int_equal(op.status, OKAY);
    assert_ptr_equal(op.va, r->dom[1].pages[3]);
    assert_int_not_equal(op.handle, SPLITIO_GRANT_HANDLE_NONE);
    assert_int_equal(rig_in_use(r, 1, gref), BOTH);
    assert_true(r->last_write);
    assert_int_equal(splitio_grant_engine_nr_mapped(&r->e, 0), 1);
    assert_int_equal(splitio_grant_engine_nr_pins(&r->e, 1), 1);
    assert_int_equal(rig_unmap(r, 0, op.handle), OKAY);
    assert_int_equal(rig_in_use(r, 1, gref), 0);
    take_back(r, 1, gref);
}

static void map_read_only_marks_reading_only(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, RIG_PAGES - 1, true);
    splitio_grant_handle_t h;

    assert_int_equal(rig_map(r, 2, 1, gref, true, &h), OKAY);
    assert_int_equal(rig_in_use(r, 1, gref), READING);
    assert_false(r->last_write);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    take_back(r, 1, gref);
}

static void map_write_of_read_only_grant_is_denied(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, true);
    splitio_grant_handle_t h, ro;

    assert_int_equal(rig_map(r, 2, 1, gref, false, &h),
                     SPLITIO_GNTST_PERMISSION_DENIED);
    assert_int_equal(h, SPLITIO_GRANT_HANDLE_NONE);
    assert_int_equal(rig_in_use(r, 1, gref), 0);
    /* Nor does a reader open the door. */
    assert_int_equal(rig_map(r, 2, 1, gref, true, &ro), OKAY);
    assert_int_equal(rig_map(r, 2, 1, gref, false, &h),
                     SPLITIO_GNTST_PERMISSION_DENIED);
    assert_int_equal(rig_put(r, 2, 1, gref, 0, "x", 1),
                     SPLITIO_GNTST_PERMISSION_DENIED);
    assert_int_equal(rig_in_use(r, 1, gref), READING);
    assert_int_equal(rig_unmap(r, 2, ro), OKAY);
    take_back(r, 1, gref);
}

static void map_bad_references_are_refused(void **state)
{
    static const splitio_gref_t bad[] = {0,        7,          500,
                                         RIG_REFS, UINT32_MAX, 1u << 31};
    struct rig *r = *state;
    splitio_grant_handle_t h;
    uint8_t byte;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
        assert_int_equal(rig_map(r, 2, 1, bad[i], true, &h),
                         SPLITIO_GNTST_BAD_GNTREF);
        assert_int_equal(rig_fetch(r, 2, 1, bad[i], 0, &byte, 1),
                         SPLITIO_GNTST_BAD_GNTREF);
        /* Domain 0 has no table at all; nor does it come by another's end. */
        for (splitio_domid_t self = 0; self < RIG_DOMAINS; self++) {
            assert_int_equal(rig_map(r, self, 0, bad[i], true, &h),
                             SPLITIO_GNTST_BAD_GNTREF);
            assert_int_equal(rig_map(r, self, 1, bad[i], true, &h),
                             SPLITIO_GNTST_BAD_GNTREF);
        }
    }
}

static void map_last_reference_of_the_table_works(void **state)
{
    struct rig *r = *state;
    struct splitio_grant_entry_v1 *e = &r->dom[1].entries[RIG_REFS - 1];
    splitio_grant_handle_t h;

    *e = rig_v1(SPLITIO_GTF_PERMIT_ACCESS, 2, 1);
    assert_int_equal(rig_map(r, 2, 1, RIG_REFS - 1, false, &h), OKAY);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    e->flags = 0;
}

static void map_bad_domains_are_refused(void **state)
{
    static const splitio_domid_t bad[] = {RIG_DOMAINS, RIG_SLOTS - 1, RIG_SLOTS,
                                          SPLITIO_DOMID_SELF, 0xFFFF};
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 0, false);
    splitio_grant_handle_t h;
    uint8_t byte;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
        assert_int_equal(rig_map(r, 2, bad[i], gref, true, &h),
                         SPLITIO_GNTST_BAD_DOMAIN);
        assert_int_equal(rig_map(r, bad[i], 1, gref, true, &h),
                         SPLITIO_GNTST_BAD_DOMAIN);
        assert_int_equal(rig_unmap(r, bad[i], 0), SPLITIO_GNTST_BAD_DOMAIN);
        assert_int_equal(rig_fetch(r, 2, bad[i], gref, 0, &byte, 1),
                         SPLITIO_GNTST_BAD_DOMAIN);
        assert_int_equal(rig_fetch(r, bad[i], 1, gref, 0, &byte, 1),
                         SPLITIO_GNTST_BAD_DOMAIN);
        assert_int_equal(splitio_grant_engine_nr_pins(&r->e, bad[i]), 0);
        assert_int_equal(splitio_grant_engine_remove(&r->e, bad[i]),
                         SPLITIO_ENOENT);
    }
    take_back(r, 1, gref);
}

static void map_grant_to_another_domain_is_refused(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 0, false);
    splitio_grant_handle_t h, mine;
    uint8_t byte;

    assert_int_equal(rig_map(r, 3, 1, gref, true, &h),
                     SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(rig_map(r, 1, 1, gref, true, &h),
                     SPLITIO_GNTST_BAD_GNTREF);
    /* Also while the right one has it. */
    assert_int_equal(rig_map(r, 2, 1, gref, false, &mine), OKAY);
    assert_int_equal(rig_map(r, 3, 1, gref, true, &h),
                     SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(rig_fetch(r, 3, 1, gref, 0, &byte, 1),
                     SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(rig_unmap(r, 2, mine), OKAY);
    take_back(r, 1, gref);
}

static void map_other_entry_types_are_refused(void **state)
{
    static const uint16_t flags[] = {0, 2, 3, 1 | SPLITIO_GTF_SUB_PAGE};
    struct rig *r = *state;
    splitio_grant_handle_t h;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(flags); i++) {
        r->dom[1].entries[20] = rig_v1(flags[i], 2, 1);
        assert_int_equal(rig_map(r, 2, 1, 20, true, &h),
                         SPLITIO_GNTST_BAD_GNTREF);
        assert_int_equal(splitio_le16(r->dom[1].entries[20].flags), flags[i]);
    }
    r->dom[1].entries[20].flags = 0;
}

static void map_no_such_memory_is_a_bad_page(void **state)
{
    struct rig *r = *state;
    splitio_gref_t none = lend(r, 1, 2, RIG_PAGES, false);
    splitio_gref_t rom = lend(r, 1, 2, RIG_PAGES - 1, false);
    splitio_grant_handle_t h, ro;

    assert_int_equal(rig_map(r, 2, 1, none, true, &h), SPLITIO_GNTST_BAD_PAGE);
    assert_int_equal(rig_in_use(r, 1, none), 0);
    assert_int_equal(rig_map(r, 2, 1, rom, false, &h), SPLITIO_GNTST_BAD_PAGE);
    assert_int_equal(rig_in_use(r, 1, rom), 0);
    assert_int_equal(rig_map(r, 2, 1, rom, true, &ro), OKAY);
    assert_int_equal(rig_map(r, 2, 1, rom, false, &h), SPLITIO_GNTST_BAD_PAGE);
    assert_int_equal(rig_in_use(r, 1, rom), READING);
    assert_int_equal(rig_unmap(r, 2, ro), OKAY);
    r->no_memory = true;
    assert_int_equal(rig_map(r, 2, 1, rom, true, &h), SPLITIO_GNTST_BAD_PAGE);
    take_back(r, 1, none);
    take_back(r, 1, rom);
}

/* T38. */
static void map_two_kinds_each_unmap_ends_its_own(void **state)
{
    struct rig *r = *state;

    for (unsigned first = 0; first < 2; first++) {
        splitio_gref_t gref = lend(r, 1, 2, 3, false);
        splitio_grant_handle_t ro, rw;

        assert_int_equal(rig_map(r, 2, 1, gref, true, &ro), OKAY);
        assert_int_equal(rig_in_use(r, 1, gref), READING);
        assert_int_equal(rig_map(r, 2, 1, gref, false, &rw), OKAY);
        assert_int_not_equal(ro, rw);
        assert_int_equal(rig_in_use(r, 1, gref), BOTH);
        assert_int_equal(splitio_grant_engine_nr_pins(&r->e, 1), 2);
        assert_int_equal(rig_unmap(r, 2, first ? rw : ro), OKAY);
        assert_int_equal(rig_in_use(r, 1, gref), first ? READING : BOTH);
        assert_int_equal(rig_unmap(r, 2, first ? rw : ro),
                         SPLITIO_GNTST_BAD_HANDLE);
        assert_int_equal(rig_in_use(r, 1, gref), first ? READING : BOTH);
        assert_int_equal(rig_unmap(r, 2, first ? ro : rw), OKAY);
        assert_int_equal(rig_in_use(r, 1, gref), 0);
        take_back(r, 1, gref);
    }
}

static void map_copies_beside_mapping_leave_its_bits(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    splitio_grant_handle_t h;
    uint8_t byte = 1;

    assert_int_equal(rig_map(r, 2, 1, gref, true, &h), OKAY);
    assert_int_equal(rig_put(r, 2, 1, gref, 0, &byte, 1), OKAY);
    assert_int_equal(rig_in_use(r, 1, gref), READING);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    assert_int_equal(rig_map(r, 2, 1, gref, false, &h), OKAY);
    assert_int_equal(rig_put(r, 2, 1, gref, 0, &byte, 1), OKAY);
    assert_int_equal(rig_fetch(r, 2, 1, gref, 0, &byte, 1), OKAY);
    assert_int_equal(rig_in_use(r, 1, gref), BOTH);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    take_back(r, 1, gref);
}

static void map_own_grant_works_and_holds_the_domain(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 1, 3, false);
    splitio_grant_handle_t h;

    assert_int_equal(rig_map(r, 1, 1, gref, false, &h), OKAY);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 1), SPLITIO_EBUSY);
    assert_int_equal(rig_unmap(r, 1, h), OKAY);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 1), 0);
    assert_int_equal(rig_add(r, 1), 0);
    take_back(r, 1, gref);
}

static void map_tracks_used_up_gives_no_device_space(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    splitio_grant_handle_t h[RIG_TRACK], more;

    for (unsigned i = 0; i < RIG_TRACK; i++)
        assert_int_equal(rig_map(r, 2, 1, gref, i & 1, &h[i]), OKAY);
    assert_int_equal(rig_map(r, 2, 1, gref, true, &more),
                     SPLITIO_GNTST_NO_DEVICE_SPACE);
    assert_int_equal(splitio_grant_engine_nr_pins(&r->e, 1), RIG_TRACK);
    assert_int_equal(rig_unmap(r, 2, h[5]), OKAY);
    assert_int_equal(rig_map(r, 2, 1, gref, true, &h[5]), OKAY);
    /* Failures give their track back. */
    for (unsigned i = 0; i < RIG_TRACK; i++)
        assert_int_equal(rig_unmap(r, 2, h[i]), OKAY);
    for (unsigned i = 0; i < 2 * RIG_TRACK; i++)
        assert_int_equal(rig_map(r, 2, 1, 0, true, &more),
                         SPLITIO_GNTST_BAD_GNTREF);
    for (unsigned i = 0; i < RIG_TRACK; i++)
        assert_int_equal(rig_map(r, 2, 1, gref, true, &h[i]), OKAY);
    for (unsigned i = 0; i < RIG_TRACK; i++)
        assert_int_equal(rig_unmap(r, 2, h[i]), OKAY);
    take_back(r, 1, gref);
}

static void map_giant_batch_fails_only_where_it_must(void **state)
{
    enum { NR = 5000 };
    struct rig *r = *state;
    struct splitio_grant_map *ops = calloc(NR, sizeof(*ops));
    struct splitio_grant_unmap *undo = calloc(NR, sizeof(*undo));
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    unsigned good = 0;

    assert_non_null(ops);
    assert_non_null(undo);
    for (unsigned i = 0; i < NR; i++)
        ops[i] = (struct splitio_grant_map){
            .domid = 1, .gref = i % 3 ? UINT32_MAX - i : gref};
    assert_int_equal(splitio_grant_engine_map(&r->e, 2, ops, NR),
                     NR - RIG_TRACK);
    for (unsigned i = 0; i < NR; i++) {
        undo[i].handle = ops[i].handle;
        good += ops[i].status == OKAY;
        assert_true((ops[i].status == OKAY) == (ops[i].va != NULL));
        if (i % 3 != 0)
            assert_int_not_equal(ops[i].status, OKAY);
    }
    assert_int_equal(good, RIG_TRACK);
    assert_int_equal(splitio_grant_engine_unmap(&r->e, 2, undo, NR),
                     NR - RIG_TRACK);
    take_back(r, 1, gref);
    free(ops);
    free(undo);
}

/* ---- handles ---- */

static void handle_works_once_and_only_for_its_domain(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    splitio_grant_handle_t h, h2;

    assert_int_equal(rig_map(r, 2, 1, gref, false, &h), OKAY);
    assert_int_equal(rig_unmap(r, 3, h), SPLITIO_GNTST_BAD_HANDLE);
    assert_int_equal(rig_unmap(r, 1, h), SPLITIO_GNTST_BAD_HANDLE);
    assert_int_equal(rig_in_use(r, 1, gref), BOTH);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    assert_int_equal(rig_unmap(r, 2, h), SPLITIO_GNTST_BAD_HANDLE);
    /* The same track again: the old handle does not open it. */
    assert_int_equal(rig_map(r, 2, 1, gref, false, &h2), OKAY);
    assert_int_not_equal(h, h2);
    assert_int_equal(rig_unmap(r, 2, h), SPLITIO_GNTST_BAD_HANDLE);
    assert_int_equal(rig_in_use(r, 1, gref), BOTH);
    assert_int_equal(rig_unmap(r, 2, h2), OKAY);
    take_back(r, 1, gref);
}

static void handle_made_up_is_refused(void **state)
{
    static const splitio_grant_handle_t bad[] = {
        0,       1,        RIG_TRACK - 1, RIG_TRACK,
        0xFFFFF, 1u << 20, 1u << 31,      SPLITIO_GRANT_HANDLE_NONE};
    struct rig *r = *state;
    splitio_gfn_t gfn;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
        assert_int_equal(rig_unmap(r, 2, bad[i]), SPLITIO_GNTST_BAD_HANDLE);
        assert_int_equal(
            splitio_grant_engine_mapped_gfn(&r->e, 2, bad[i], &gfn),
            SPLITIO_ENOENT);
    }
    assert_int_equal(splitio_grant_engine_mapped_gfn(&r->e, 7, 0, &gfn),
                     SPLITIO_ENOENT);
}

static void handle_generation_wraps_without_harm(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    splitio_grant_handle_t first, h, last = 0;

    assert_int_equal(rig_map(r, 2, 1, gref, false, &first), OKAY);
    assert_int_equal(rig_unmap(r, 2, first), OKAY);
    for (unsigned i = 1; i < 4096; i++) {
        assert_int_equal(rig_map(r, 2, 1, gref, i & 1, &h), OKAY);
        assert_int_not_equal(h, first);
        assert_int_not_equal(h, last);
        assert_int_not_equal(h, SPLITIO_GRANT_HANDLE_NONE);
        assert_int_equal(rig_unmap(r, 2, first), SPLITIO_GNTST_BAD_HANDLE);
        assert_int_equal(rig_unmap(r, 2, h), OKAY);
        last = h;
    }
    /* All 4096 generations of the track have been. */
    assert_int_equal(rig_map(r, 2, 1, gref, false, &h), OKAY);
    assert_int_equal(h, first);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    assert_int_equal(rig_unmap(r, 2, h), SPLITIO_GNTST_BAD_HANDLE);
    take_back(r, 1, gref);
}

static void handle_tells_the_frame_of_the_first_pin(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 11, false);
    splitio_grant_handle_t h;
    splitio_gfn_t gfn = 0;

    assert_int_equal(rig_map(r, 2, 1, gref, true, &h), OKAY);
    r->dom[1].entries[gref].frame = splitio_le32(12);
    assert_int_equal(splitio_grant_engine_mapped_gfn(&r->e, 2, h, &gfn), 0);
    assert_int_equal(gfn, 11);
    assert_int_equal(splitio_grant_engine_mapped_gfn(&r->e, 3, h, &gfn),
                     SPLITIO_ENOENT);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    take_back(r, 1, gref);
}

/* ---- a guest that rewrites its entry (T40) ---- */

static void hostile_frame_change_after_pin_changes_nothing(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    struct splitio_grant_map op = {.domid = 1, .gref = gref, .read_only = true};
    splitio_grant_handle_t h;
    uint8_t got = 0;

    r->dom[1].pages[3][0] = 33;
    r->dom[1].pages[4][0] = 44;
    assert_int_equal(rig_map(r, 2, 1, gref, true, &h), OKAY);
    r->dom[1].entries[gref].frame = splitio_le32(4);
    assert_int_equal(splitio_grant_engine_map(&r->e, 2, &op, 1), 0);
    assert_ptr_equal(op.va, r->dom[1].pages[3]);
    assert_int_equal(rig_unmap(r, 2, op.handle), OKAY);
    assert_int_equal(rig_fetch(r, 2, 1, gref, 0, &got, 1), OKAY);
    assert_int_equal(got, 33);
    op.read_only = false; /* the first writer asks anew, for the same frame */
    assert_int_equal(splitio_grant_engine_map(&r->e, 2, &op, 1), 0);
    assert_ptr_equal(op.va, r->dom[1].pages[3]);
    assert_int_equal(r->last_gfn, 3);
    assert_int_equal(rig_unmap(r, 2, op.handle), OKAY);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    /* Nobody has it: now the new frame counts. */
    assert_int_equal(rig_fetch(r, 2, 1, gref, 0, &got, 1), OKAY);
    assert_int_equal(got, 44);
    take_back(r, 1, gref);
}

static void hostile_entry_change_does_not_move_the_pin(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    struct splitio_grant_entry_v1 *e = &r->dom[1].entries[gref];
    splitio_grant_handle_t h, h2;

    assert_int_equal(rig_map(r, 2, 1, gref, true, &h), OKAY);
    e->domid = splitio_le16(3); /* domain 2 has it, 3 may not have it beside */
    assert_int_equal(rig_map(r, 3, 1, gref, true, &h2),
                     SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(rig_map(r, 2, 1, gref, true, &h2), OKAY);
    assert_int_equal(rig_unmap(r, 2, h2), OKAY);
    /* A writer has to find the entry as it should be. */
    assert_int_equal(rig_map(r, 2, 1, gref, false, &h2),
                     SPLITIO_GNTST_BAD_GNTREF);
    e->domid = splitio_le16(2);
    e->flags = 0;
    assert_int_equal(rig_map(r, 2, 1, gref, false, &h2),
                     SPLITIO_GNTST_BAD_GNTREF);
    e->flags = splitio_le16(SPLITIO_GTF_PERMIT_ACCESS | SPLITIO_GTF_READONLY);
    assert_int_equal(rig_map(r, 2, 1, gref, false, &h2),
                     SPLITIO_GNTST_PERMISSION_DENIED);
    /* What the guest set itself is cleared by the last unmap only. */
    e->flags = splitio_le16(0xFFFF);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    assert_int_equal(splitio_le16(e->flags), 0xFFFF & ~BOTH);
    assert_int_equal(splitio_grant_engine_nr_pins(&r->e, 1), 0);
    e->flags = 0;
    take_back(r, 1, gref);
}

/* The guest acts between the reading of the entry and that of its frame. */
static void swap_entry(struct rig *r, splitio_domid_t domid, splitio_gfn_t gfn,
                       bool write)
{
    (void)gfn;
    (void)write;
    r->dom[domid].entries[30] = rig_v1(SPLITIO_GTF_READONLY, 3, 40);
}

static void hostile_change_during_the_pin_is_not_seen(void **state)
{
    struct rig *r = *state;
    struct splitio_grant_map op = {.domid = 1, .gref = 30};
    splitio_gfn_t gfn;

    r->dom[1].entries[30] = rig_v1(SPLITIO_GTF_PERMIT_ACCESS, 2, 5);
    r->on_frame = swap_entry;
    assert_int_equal(splitio_grant_engine_map(&r->e, 2, &op, 1), 0);
    assert_ptr_equal(op.va, r->dom[1].pages[5]);
    assert_int_equal(splitio_grant_engine_mapped_gfn(&r->e, 2, op.handle, &gfn),
                     0);
    assert_int_equal(gfn, 5);
    r->on_frame = NULL;
    assert_int_equal(rig_unmap(r, 2, op.handle), OKAY);
    r->dom[1].entries[30].flags = 0;
}

static void hostile_stale_in_use_bits_do_not_stop_a_map(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    splitio_grant_handle_t h;

    r->dom[1].entries[gref].flags |= splitio_le16(BOTH);
    assert_int_equal(rig_map(r, 2, 1, gref, true, &h), OKAY);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    assert_int_equal(rig_in_use(r, 1, gref), 0);
    take_back(r, 1, gref);
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
    f->rig->dom[1].entries[f->gref].flags ^= splitio_le16(f->flip);
    f->nr_accesses++;
}

/* T11: the entry is another one at every look. */
static void hostile_unstable_entry_costs_a_bounded_number_of_looks(void **state)
{
    struct rig *r = *state;
    struct flipper f = {.rig = r, .gref = lend(r, 1, 2, 3, false), .flip = 32};
    splitio_grant_handle_t h;
    int status;

    if (!watch_possible())
        take_back(r, 1, f.gref), skip();
    watch_start(r->dom[1].entries, RIG_FRAMES * SPLITIO_PAGE_SIZE, on_access,
                &f);
    status = rig_map(r, 2, 1, f.gref, true, &h);
    watch_stop();
    assert_int_equal(status, SPLITIO_GNTST_GENERAL_ERROR);
    assert_in_range(f.nr_accesses, 5, 20);
    assert_int_equal(rig_in_use(r, 1, f.gref), 0);
    r->dom[1].entries[f.gref].flags = splitio_le16(SPLITIO_GTF_PERMIT_ACCESS);
    take_back(r, 1, f.gref);
}

/* T40: flags and domain in one read, confirmed by the swap; the frame once. */
static void hostile_entry_is_read_once(void **state)
{
    struct rig *r = *state;
    struct flipper f = {.rig = r, .gref = lend(r, 1, 2, 3, false)};
    splitio_grant_handle_t h, h2;
    unsigned first, later;

    if (!watch_possible())
        take_back(r, 1, f.gref), skip();
    watch_start(r->dom[1].entries, RIG_FRAMES * SPLITIO_PAGE_SIZE, on_access,
                &f);
    rig_map(r, 2, 1, f.gref, true, &h);
    first = f.nr_accesses;
    rig_map(r, 2, 1, f.gref, true, &h2);
    later = f.nr_accesses - first;
    watch_stop();
    assert_int_equal(first, 3);
    assert_int_equal(later, 0);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    assert_int_equal(rig_unmap(r, 2, h2), OKAY);
    take_back(r, 1, f.gref);
}

static void map_pins_never_overflow(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    uint16_t *pins = r->dom[1].d.active[gref].pins;
    splitio_grant_handle_t h, more;

    assert_int_equal(rig_map(r, 2, 1, gref, true, &h), OKAY);
    pins[SPLITIO_PIN_MAP_READ] = UINT16_MAX;
    assert_int_equal(rig_map(r, 2, 1, gref, true, &more),
                     SPLITIO_GNTST_NO_SPACE);
    pins[SPLITIO_PIN_MAP_READ] = 1;
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    take_back(r, 1, gref);
}

/* ---- copying ---- */

static void copy_bounds_are_checked_to_the_byte(void **state)
{
    static const struct {
        uint32_t offset, len;
        int status;
    } c[] = {
        {0, 4096, OKAY},
        {4095, 1, OKAY},
        {1, 4095, OKAY},
        {0, 4097, SPLITIO_GNTST_BAD_COPY_ARG},
        {4095, 2, SPLITIO_GNTST_BAD_COPY_ARG},
        {4096, 1, SPLITIO_GNTST_BAD_COPY_ARG},
        {1, 4096, SPLITIO_GNTST_BAD_COPY_ARG},
        {UINT32_MAX, 1, SPLITIO_GNTST_BAD_COPY_ARG},
        {UINT32_MAX, 2, SPLITIO_GNTST_BAD_COPY_ARG},
        {1, UINT32_MAX, SPLITIO_GNTST_BAD_COPY_ARG},
        {4096, UINT32_MAX - 4095, SPLITIO_GNTST_BAD_COPY_ARG},
    };
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    static uint8_t mine[4096], back[4096];

    for (unsigned i = 0; i < sizeof(mine); i++)
        mine[i] = (uint8_t)(i * 7 + 1);
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(c); i++) {
        memset(r->dom[1].pages, 0, 5 * SPLITIO_PAGE_SIZE);
        memset(back, 0, sizeof(back));
        assert_int_equal(rig_put(r, 2, 1, gref, c[i].offset, mine, c[i].len),
                         c[i].status);
        assert_int_equal(rig_fetch(r, 2, 1, gref, c[i].offset, back, c[i].len),
                         c[i].status);
        assert_int_equal(rig_in_use(r, 1, gref), 0);
        if (c[i].status == OKAY)
            assert_memory_equal(back, mine, c[i].len);
        else
            assert_int_equal(back[0], 0);
        /* Nothing beside the page. */
        for (unsigned j = 0; j < SPLITIO_PAGE_SIZE; j++)
            assert_int_equal(r->dom[1].pages[2][j] | r->dom[1].pages[4][j], 0);
    }
    take_back(r, 1, gref);
}

static void copy_length_0_looks_at_nothing(void **state)
{
    struct rig *r = *state;

    assert_int_equal(rig_fetch(r, 2, 1, UINT32_MAX, UINT32_MAX, NULL, 0), OKAY);
    assert_int_equal(rig_put(r, 2, 99, 0, 0, NULL, 0), OKAY);
    assert_int_equal(r->nr_frame_calls, 0);
}

static void copy_between_local_pieces_is_bounded_too(void **state)
{
    struct rig *r = *state;
    static uint8_t a[4097], b[4097];
    struct splitio_grant_copy op = {
        .src.local = a, .dst.local = b, .len_bytes = 4096};

    memset(a, 1, sizeof(a));
    assert_int_equal(splitio_grant_engine_copy(&r->e, 2, &op, 1), 0);
    assert_int_equal(b[4095], 1);
    b[0] = 0;
    op.len_bytes = 4097;
    assert_int_equal(splitio_grant_engine_copy(&r->e, 2, &op, 1), 1);
    assert_int_equal(op.status, SPLITIO_GNTST_BAD_COPY_ARG);
    assert_int_equal(b[0] | b[4096], 0);
}

static void copy_third_party_moves_between_two_guests(void **state)
{
    struct rig *r = *state;
    splitio_gref_t src = lend(r, 1, 0, 3, true);
    splitio_gref_t dst = lend(r, 2, 0, 4, false);
    struct splitio_grant_copy op = {
        .src = {.domid = 1, .gref = src, .offset = 100},
        .dst = {.domid = 2, .gref = dst, .offset = 200},
        .len_bytes = 50};

    memset(r->dom[1].pages[3], 0x5A, SPLITIO_PAGE_SIZE);
    assert_int_equal(splitio_grant_engine_copy(&r->e, 0, &op, 1), 0);
    assert_int_equal(r->dom[2].pages[4][199], 0);
    assert_int_equal(r->dom[2].pages[4][200], 0x5A);
    assert_int_equal(r->dom[2].pages[4][249], 0x5A);
    assert_int_equal(r->dom[2].pages[4][250], 0);
    /* Each end fails alone, and the other is let go. */
    op.dst.gref = 0;
    assert_int_equal(splitio_grant_engine_copy(&r->e, 0, &op, 1), 1);
    assert_int_equal(op.status, SPLITIO_GNTST_BAD_GNTREF);
    assert_int_equal(rig_in_use(r, 1, src), 0);
    op.dst = op.src; /* read-only */
    assert_int_equal(splitio_grant_engine_copy(&r->e, 0, &op, 1), 1);
    assert_int_equal(op.status, SPLITIO_GNTST_PERMISSION_DENIED);
    assert_int_equal(rig_in_use(r, 1, src), 0);
    take_back(r, 1, src);
    take_back(r, 2, dst);
}

static void copy_within_one_page_may_overlap(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    struct splitio_grant_copy op = {
        .src = {.domid = 1, .gref = gref, .offset = 0},
        .dst = {.domid = 1, .gref = gref, .offset = 1},
        .len_bytes = 4095};
    uint8_t *page = r->dom[1].pages[3];

    for (unsigned i = 0; i < SPLITIO_PAGE_SIZE; i++)
        page[i] = (uint8_t)(i % 251);
    assert_int_equal(splitio_grant_engine_copy(&r->e, 2, &op, 1), 0);
    for (unsigned i = 1; i < SPLITIO_PAGE_SIZE; i++)
        assert_int_equal(page[i], (i - 1) % 251);
    assert_int_equal(rig_in_use(r, 1, gref), 0);
    take_back(r, 1, gref);
}

static void copy_batch_goes_on_after_a_failure(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    struct splitio_grant_copy op[100];
    uint8_t bytes[100] = {0};

    for (unsigned i = 0; i < 100; i++) {
        r->dom[1].pages[3][i] = (uint8_t)(i + 1);
        op[i] = (struct splitio_grant_copy){
            .src = {.domid = 1,
                    .gref = i % 10 == 9 ? gref + 1 : gref,
                    .offset = i},
            .dst.local = &bytes[i],
            .len_bytes = 1};
    }
    assert_int_equal(splitio_grant_engine_copy(&r->e, 2, op, 100), 10);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(bytes[i], i % 10 == 9 ? 0 : i + 1);
    take_back(r, 1, gref);
}

/* ---- domains ---- */

static void add_odd_arguments_are_refused(void **state)
{
    struct rig *r = *state;
    struct splitio_grant_domain d;
    struct rig_domain *one = &r->dom[1];
    void *odd[1] = {(uint8_t *)one->entries + 8}, *none[1] = {NULL};
    static uint64_t mem[64 * 1024];

    const struct splitio_grant_domain_config good = {.domid = 5,
                                                     .frames = one->frames,
                                                     .nr_frames = 1,
                                                     .nr_track = 1,
                                                     .mem = mem};
    struct splitio_grant_domain_config c;

#define REFUSED(change)                                                        \
    (c = good, (void)(change),                                                 \
     assert_int_equal(splitio_grant_engine_add(&r->e, &d, &c),                 \
                      SPLITIO_EINVAL))
    REFUSED(c.domid = RIG_SLOTS);
    REFUSED(c.nr_frames = 65);
    REFUSED(c.max_frames = 65);
    REFUSED((c.nr_frames = 2, c.max_frames = 1));
    REFUSED(c.nr_track = SPLITIO_GRANT_TRACK_MAX);
    REFUSED(c.mem = NULL);
    REFUSED(c.mem = (uint8_t *)mem + 4);
    REFUSED(c.frames = NULL);
    REFUSED(c.frames = odd);
    REFUSED(c.frames = none);
    REFUSED(c.version = 2);
    REFUSED(c.version = 3);
    REFUSED(c.nr_status = 1);
    REFUSED((c.status = odd, c.nr_status = 1));
    REFUSED((c.status = one->frames, c.nr_status = 2));
#undef REFUSED
    assert_int_equal(splitio_grant_engine_remove(&r->e, 5), SPLITIO_ENOENT);
}

static void add_taken_id_leaves_the_owner_alone(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    splitio_grant_handle_t h;

    assert_int_equal(rig_map(r, 2, 1, gref, false, &h), OKAY);
    assert_int_equal(rig_add(r, 1), SPLITIO_EEXIST);
    assert_int_equal(rig_add(r, 2), SPLITIO_EEXIST);
    assert_int_equal(splitio_grant_engine_nr_pins(&r->e, 1), 1);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    take_back(r, 1, gref);
}

static void remove_of_granter_waits_for_its_mappers(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    splitio_grant_handle_t h, h2;
    splitio_gfn_t gfn;
    uint8_t byte;

    assert_int_equal(rig_map(r, 2, 1, gref, false, &h), OKAY);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 1), SPLITIO_EBUSY);
    /* Nothing begins any more; what is there can be looked at and ended. */
    assert_int_equal(rig_map(r, 2, 1, gref, true, &h2),
                     SPLITIO_GNTST_BAD_DOMAIN);
    assert_int_equal(rig_fetch(r, 2, 1, gref, 0, &byte, 1),
                     SPLITIO_GNTST_BAD_DOMAIN);
    assert_int_equal(splitio_grant_engine_mapped_gfn(&r->e, 2, h, &gfn), 0);
    assert_int_equal(splitio_grant_engine_nr_pins(&r->e, 1), 1);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 1), SPLITIO_EBUSY);
    assert_int_equal(rig_add(r, 1), SPLITIO_EEXIST);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 1), 0);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 1), SPLITIO_ENOENT);
    assert_int_equal(rig_unmap(r, 2, h), SPLITIO_GNTST_BAD_HANDLE);
    assert_int_equal(rig_add(r, 1), 0);
    take_back(r, 1, gref);
}

static void remove_of_mapper_waits_for_its_mappings(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    splitio_grant_handle_t h, h2;

    assert_int_equal(rig_map(r, 2, 1, gref, false, &h), OKAY);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 2), SPLITIO_EBUSY);
    assert_int_equal(rig_map(r, 2, 1, gref, false, &h2),
                     SPLITIO_GNTST_BAD_DOMAIN);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 2), 0);
    assert_int_equal(rig_add(r, 2), 0);
    take_back(r, 1, gref);
}

/* A call of another thread, seen from the middle of it. */
static void remove_both(struct rig *r, splitio_domid_t domid, splitio_gfn_t gfn,
                        bool write)
{
    (void)gfn;
    (void)write;
    assert_int_equal(splitio_grant_engine_remove(&r->e, domid), SPLITIO_EAGAIN);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 2), SPLITIO_EAGAIN);
}

static void remove_during_a_map_leaves_it_unmappable(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    splitio_grant_handle_t h;

    r->on_frame = remove_both;
    assert_int_equal(rig_map(r, 2, 1, gref, false, &h), OKAY);
    r->on_frame = NULL;
    /* Whether or not anybody calls remove() again. */
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 1), 0);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 2), 0);
    assert_int_equal(rig_add(r, 1), 0);
    assert_int_equal(rig_add(r, 2), 0);
    take_back(r, 1, gref);
}

static void remove_then_add_starts_clean(void **state)
{
    struct rig *r = *state;
    splitio_gref_t gref = lend(r, 1, 2, 3, false);
    splitio_grant_handle_t h, again;

    assert_int_equal(rig_map(r, 2, 1, gref, false, &h), OKAY);
    assert_int_equal(rig_unmap(r, 2, h), OKAY);
    assert_int_equal(splitio_grant_engine_remove(&r->e, 1), 0);
    assert_int_equal(rig_map(r, 2, 1, gref, false, &again),
                     SPLITIO_GNTST_BAD_DOMAIN);
    assert_int_equal(rig_add(r, 1), 0);
    assert_int_equal(rig_map(r, 2, 1, gref, false, &again), OKAY);
    assert_int_equal(rig_unmap(r, 2, again), OKAY);
    take_back(r, 1, gref);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(table_odd_memory_is_refused),
        CASE(table_reserved_entries_are_kept),
        CASE(table_entry_has_domain_frame_and_flags),
        CASE(table_frame_over_32_bits_is_refused),
        CASE(table_all_references_are_handed_out_once),
        CASE(revoke_not_lent_is_refused),
        CASE(revoke_in_use_goes_to_quarantine_until_unmapped),
        CASE(reap_small_budget_looks_at_all_in_turn),
        CASE(map_sees_the_page_and_marks_the_entry),
        CASE(map_read_only_marks_reading_only),
        CASE(map_write_of_read_only_grant_is_denied),
        CASE(map_bad_references_are_refused),
        CASE(map_last_reference_of_the_table_works),
        CASE(map_bad_domains_are_refused),
        CASE(map_grant_to_another_domain_is_refused),
        CASE(map_other_entry_types_are_refused),
        CASE(map_no_such_memory_is_a_bad_page),
        CASE(map_two_kinds_each_unmap_ends_its_own),
        CASE(map_copies_beside_mapping_leave_its_bits),
        CASE(map_own_grant_works_and_holds_the_domain),
        CASE(map_tracks_used_up_gives_no_device_space),
        CASE(map_giant_batch_fails_only_where_it_must),
        CASE(handle_works_once_and_only_for_its_domain),
        CASE(handle_made_up_is_refused),
        CASE(handle_generation_wraps_without_harm),
        CASE(handle_tells_the_frame_of_the_first_pin),
        CASE(hostile_frame_change_after_pin_changes_nothing),
        CASE(hostile_entry_change_does_not_move_the_pin),
        CASE(hostile_change_during_the_pin_is_not_seen),
        CASE(hostile_stale_in_use_bits_do_not_stop_a_map),
        CASE(hostile_unstable_entry_costs_a_bounded_number_of_looks),
        CASE(hostile_entry_is_read_once),
        CASE(map_pins_never_overflow),
        CASE(copy_bounds_are_checked_to_the_byte),
        CASE(copy_length_0_looks_at_nothing),
        CASE(copy_between_local_pieces_is_bounded_too),
        CASE(copy_third_party_moves_between_two_guests),
        CASE(copy_within_one_page_may_overlap),
        CASE(copy_batch_goes_on_after_a_failure),
        CASE(add_odd_arguments_are_refused),
        CASE(add_taken_id_leaves_the_owner_alone),
        CASE(remove_of_granter_waits_for_its_mappers),
        CASE(remove_of_mapper_waits_for_its_mappings),
        CASE(remove_during_a_map_leaves_it_unmappable),
        CASE(remove_then_add_starts_clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
