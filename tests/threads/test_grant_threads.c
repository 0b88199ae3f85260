/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grants, many threads. Pages and the engine's memory are written with plain
 * stores by whoever owns them at the moment: the thread sanitizer then says
 * whether ownership really passed.
 */
#include "cm.h"

#include "crew.h"
#include "grant_rig.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define OKAY SPLITIO_GNTST_OKAY
#define WAIT 60 /* seconds until the watchdog */

static void assert_at_rest(struct rig *r)
{
    for (splitio_domid_t i = 0; i < RIG_DOMAINS; i++) {
        assert_int_equal(splitio_grant_engine_nr_mapped(&r->e, i), 0);
        assert_int_equal(splitio_grant_engine_nr_pins(&r->e, i), 0);
        assert_int_equal(r->slots[i].users, 0);
        assert_int_equal(splitio_grant_table_nr_lent(&r->dom[i].table), 0);
        assert_true(splitio_grant_table_is_valid(&r->dom[i].table));
    }
}

/* ---- the guest's table ---- */

static uint32_t holder[RIG_REFS];

static void lend_and_revoke(struct crew_member *m)
{
    struct splitio_grant_table *t = m->arg;
    splitio_gref_t mine[40];

    for (unsigned i = 0; i < 1500; i++) {
        unsigned n = 1 + crew_random(m) % 40;

        for (unsigned k = 0; k < n; k++) {
            CREW_CHECK(splitio_grant_table_grant(t, 2, k, false, &mine[k]) ==
                       0);
            CREW_CHECK(splitio_xchg_u32(&holder[mine[k]], 1) == 0);
        }
        crew_dither(m);
        for (unsigned k = 0; k < n; k++) {
            splitio_xchg_u32(&holder[mine[k]], 0);
            CREW_CHECK(splitio_grant_table_revoke(t, mine[k]) == 0);
        }
    }
}

static void table_no_reference_has_two_holders(void **state)
{
    struct rig *r = rig_new();
    struct crew_member crew[4];

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        crew[i] = (struct crew_member){
            .name = "lender", .fn = lend_and_revoke, .arg = &r->dom[1].table};
    crew_run(crew, 4, 4, WAIT);
    assert_at_rest(r);
    rig_delete(r);
}

struct race {
    struct splitio_grant_table *t;
    uint32_t gref; /* to be revoked by all */
    uint32_t won;
    uint32_t arrived;
};

static void meet(struct race *race, uint32_t times)
{
    splitio_fetch_add_u32(&race->arrived, 1);
    while (splitio_load_acquire_u32(&race->arrived) < 3 * times)
        sched_yield();
}

/* All revoke the same reference: one may. */
static void revoke_the_same(struct crew_member *m)
{
    struct race *race = m->arg;

    for (uint32_t round = 0; round < 1500; round++) {
        splitio_gref_t gref;

        if (m->index == 0) {
            CREW_CHECK(splitio_grant_table_grant(race->t, 2, 0, true, &gref) ==
                       0);
            splitio_store_release_u32(&race->won, 0);
            splitio_store_release_u32(&race->gref, gref);
        }
        meet(race, 3 * round + 1);
        gref = splitio_load_acquire_u32(&race->gref);
        if (splitio_grant_table_revoke(race->t, gref) == 0)
            splitio_fetch_add_u32(&race->won, 1);
        meet(race, 3 * round + 2);
        CREW_CHECK(splitio_load_acquire_u32(&race->won) == 1);
        meet(race, 3 * round + 3);
    }
}

static void table_revoke_by_all_succeeds_for_one(void **state)
{
    struct rig *r = rig_new();
    struct race race = {.t = &r->dom[1].table};
    struct crew_member crew[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        crew[i] = (struct crew_member){
            .name = "revoker", .fn = revoke_the_same, .arg = &race};
    crew_run(crew, 3, 3, WAIT);
    assert_at_rest(r);
    rig_delete(r);
}

/* ---- mappers against a guest that takes its pages back ---- */

#define SHOWN 4

struct market {
    struct rig *r;
    uint32_t shown[SHOWN]; /* references told to the mappers */
    uint32_t nr_held, nr_mapped, nr_copied;
    uint64_t nr_private; /* the guest's pages that it may write now */
    bool changes;        /* the version of its table, now and then */
    uint32_t nr_changes;
    bool is_private[RIG_PAGES / 2];
};

static uint64_t *word(struct rig *r, splitio_gfn_t gfn)
{
    return (uint64_t *)(void *)r->dom[1].pages[gfn];
}

/* Even while it is the guest's own, odd while it is lent. */
static void make_private(void *arg, splitio_gfn_t gfn)
{
    struct market *k = arg;

    CREW_CHECK(*word(k->r, gfn) % 2 == 1 && !k->is_private[gfn]);
    *word(k->r, gfn) += 1;
    memset(k->r->dom[1].pages[gfn] + 8, 0, 64);
    k->is_private[gfn] = true;
    k->nr_private++;
}

static splitio_gfn_t find_private(struct market *k, uint32_t from)
{
    for (unsigned i = 0; i < RIG_PAGES / 2; i++)
        if (k->is_private[(from + i) % (RIG_PAGES / 2)])
            return (from + i) % (RIG_PAGES / 2);
    return RIG_PAGES;
}

static void reap_now(struct market *k, unsigned budget)
{
    (void)splitio_grant_table_reap(&k->r->dom[1].table, budget, make_private,
                                   k);
}

static bool all_tried(struct market *k)
{
    return k->nr_held && splitio_read_once_u32(&k->nr_mapped) &&
           splitio_read_once_u32(&k->nr_copied) &&
           (!k->changes || k->nr_changes > 50);
}

/* Only references that are lent are in use, so only they can be in the way. */
static void change_version(struct market *k)
{
    struct rig_domain *d = &k->r->dom[1];
    unsigned version = d->version == 1 ? 2 : 1;
    int err;

    if (!k->changes || splitio_grant_table_nr_lent(&d->table) != 0)
        return;
    err = splitio_grant_engine_set_version(&k->r->e, 1, version);
    CREW_CHECK(err == 0 || err == SPLITIO_EAGAIN);
    if (err)
        return;
    rig_table(k->r, 1, version);
    k->nr_changes++;
}

static void guest_lends(struct crew_member *m)
{
    struct market *k = m->arg;
    struct splitio_grant_table *t = &k->r->dom[1].table;

    for (unsigned i = 0; i < 30000 || !all_tried(k); i++) {
        splitio_gfn_t gfn = find_private(k, crew_random(m));
        splitio_gref_t gref;
        int err;

        if (gfn == RIG_PAGES) { /* all held by mappers */
            reap_now(k, 100);
            sched_yield();
            continue;
        }
        k->is_private[gfn] = false;
        k->nr_private--;
        memset(k->r->dom[1].pages[gfn] + 8, 0x55, 64);
        *word(k->r, gfn) += 1;
        CREW_CHECK(splitio_grant_table_grant(t, 2, gfn, false, &gref) == 0);
        splitio_store_release_u32(&k->shown[i % SHOWN], gref);
        crew_dither(m);
        err = splitio_grant_table_revoke(t, gref);
        if (err == 0)
            make_private(k, gfn);
        else
            CREW_CHECK(err == SPLITIO_EBUSY);
        k->nr_held += err != 0;
        reap_now(k, crew_random(m) % 4);
        change_version(k);
    }
}

static void check_lent(const void *page)
{
    const uint8_t *p = page;
    uint64_t w;

    memcpy(&w, page, sizeof(w));
    CREW_CHECK(w % 2 == 1);
    for (unsigned i = 8; i < 72; i++)
        CREW_CHECK(p[i] == 0x55);
}

static void map_what_is_shown(struct crew_member *m)
{
    struct market *k = m->arg;

    while (!crew_is_over(m)) {
        struct splitio_grant_map op = {
            .domid = 1,
            .gref = splitio_load_acquire_u32(&k->shown[crew_random(m) % SHOWN]),
            .read_only = crew_random(m) & 1,
        };

        crew_dither(m);
        if (splitio_grant_engine_map(&k->r->e, 2, &op, 1) == 0) {
            check_lent(op.va);
            crew_dither(m);
            check_lent(op.va);
            CREW_CHECK(rig_unmap(k->r, 2, op.handle) == OKAY);
            splitio_fetch_add_u32(&k->nr_mapped, 1);
        } else {
            CREW_CHECK(op.status == SPLITIO_GNTST_BAD_GNTREF ||
                       op.status == SPLITIO_GNTST_EAGAIN);
        }
    }
}

static void copy_what_is_shown(struct crew_member *m)
{
    struct market *k = m->arg;

    while (!crew_is_over(m)) {
        uint8_t mine[72];
        uint32_t gref =
            splitio_load_acquire_u32(&k->shown[crew_random(m) % SHOWN]);

        crew_dither(m);
        if (rig_fetch(k->r, 2, 1, gref, 0, mine, sizeof(mine)) == OKAY) {
            check_lent(mine);
            splitio_fetch_add_u32(&k->nr_copied, 1);
        }
    }
}

static void run_market(struct rig *r, bool changes)
{
    struct market k = {.r = r, .changes = changes};
    struct crew_member crew[] = {
        {.name = "guest", .fn = guest_lends, .arg = &k},
        {.name = "mapper", .fn = map_what_is_shown, .arg = &k},
        {.name = "mapper", .fn = map_what_is_shown, .arg = &k},
        {.name = "copier", .fn = copy_what_is_shown, .arg = &k},
    };

    for (unsigned i = 0; i < RIG_PAGES / 2; i++)
        k.is_private[i] = true;
    crew_run(crew, 4, 1, WAIT);
    reap_now(&k, RIG_REFS);
    assert_at_rest(k.r);
    rig_delete(k.r);
}

static void map_never_sees_a_page_that_was_taken_back(void **state)
{
    (void)state;
    run_market(rig_new(), false);
}

static void map_v2_never_sees_a_page_that_was_taken_back(void **state)
{
    (void)state;
    run_market(rig_new_v2(1u << 1), false);
}

static void map_never_sees_a_table_between_two_versions(void **state)
{
    (void)state;
    run_market(rig_new(), true);
}

/* ---- a map and a revoke at the same instant ---- */

#define DUEL_ROUNDS 60000u

struct duel {
    struct rig *r;
    splitio_gref_t gref;
    splitio_grant_handle_t handle;
    int revoked, mapped;
    uint32_t arrived;
};

/* Both go on within some cycles of one another, if there are two processors. */
static void line_up(struct duel *d, uint32_t times)
{
    splitio_fetch_add_u32(&d->arrived, 1);
    for (unsigned i = 0; splitio_load_acquire_u32(&d->arrived) < 2 * times; i++)
        if (i % 1000 == 999)
            sched_yield();
}

/* A map is longer on its way than a revoke; by how much varies. */
static void tarry(struct crew_member *m)
{
    for (volatile unsigned n = crew_random(m) % 256; n > 0; n--)
        continue;
}

static void revoke_now(struct crew_member *m)
{
    struct duel *d = m->arg;
    struct splitio_grant_table *t = &d->r->dom[1].table;
    struct market nobody = {.r = d->r};

    for (uint32_t i = 0; i < DUEL_ROUNDS; i++) {
        CREW_CHECK(splitio_grant_table_grant(t, 2, 0, false, &d->gref) == 0);
        *word(d->r, 0) |= 1;
        line_up(d, 3 * i + 1);
        tarry(m);
        d->revoked = splitio_grant_table_revoke(t, d->gref);
        line_up(d, 3 * i + 2);
        /* In version 2 both may see the other, and neither has the page. */
        CREW_CHECK(d->revoked != 0 || d->mapped != OKAY);
        if (d->mapped == OKAY)
            CREW_CHECK(rig_unmap(d->r, 2, d->handle) == OKAY);
        (void)splitio_grant_table_reap(t, 1, make_private, &nobody);
        nobody.is_private[0] = false;
        line_up(d, 3 * i + 3);
    }
}

static void map_now(struct crew_member *m)
{
    struct duel *d = m->arg;

    for (uint32_t i = 0; i < DUEL_ROUNDS; i++) {
        line_up(d, 3 * i + 1);
        d->mapped = rig_map(d->r, 2, 1, d->gref, i & 1, &d->handle);
        line_up(d, 3 * i + 2);
        line_up(d, 3 * i + 3);
    }
}

static void run_duel(struct rig *r)
{
    struct duel d = {.r = r};
    struct crew_member crew[] = {
        {.name = "revoker", .fn = revoke_now, .arg = &d},
        {.name = "mapper", .fn = map_now, .arg = &d},
    };

    crew_run(crew, 2, 2, WAIT);
    assert_at_rest(r);
    rig_delete(r);
}

static void revoke_and_map_at_once_never_both_succeed(void **state)
{
    (void)state;
    run_duel(rig_new());
}

static void revoke_and_map_v2_at_once_never_both_succeed(void **state)
{
    (void)state;
    run_duel(rig_new_v2(1u << 1));
}

/* ---- parts of a page, and what is passed on ---- */

#define PARTS 4u

/*
 * Domain 1 owns the parts of one page, each of 64 bytes: plain stores while a
 * part is its own, 0x55 while it is lent. Every other one is lent to domain 3,
 * which passes it on.
 */
struct pieces {
    struct rig *r;
    uint32_t shown[PARTS]; /* references for domain 2: of 1, or of 3 */
    uint32_t nr_again, nr_copied[2];
};

static void must_revoke(struct pieces *k, splitio_domid_t domid,
                        splitio_gref_t gref)
{
    int err;

    while ((err = splitio_grant_table_revoke(&k->r->dom[domid].table, gref))) {
        CREW_CHECK(err == SPLITIO_EAGAIN);
        k->nr_again++;
        sched_yield();
    }
}

static bool all_pieces_tried(struct pieces *k)
{
    return splitio_read_once_u32(&k->nr_copied[0]) &&
           splitio_read_once_u32(&k->nr_copied[1]);
}

static void lend_pieces(struct crew_member *m)
{
    struct pieces *k = m->arg;

    for (unsigned i = 0; i < 20000 || !all_pieces_tried(k); i++) {
        unsigned part = crew_random(m) % PARTS;
        uint8_t *bytes = k->r->dom[1].pages[0] + part * 64;
        splitio_gref_t gref, passed = 0;
        bool pass = part & 1;

        memset(bytes, 0x55, 64);
        CREW_CHECK(splitio_grant_table_grant_part(&k->r->dom[1].table,
                                                  pass ? 3 : 2, 0, part * 64,
                                                  64, false, &gref) == 0);
        if (pass)
            CREW_CHECK(splitio_grant_table_grant_through(&k->r->dom[3].table, 2,
                                                         1, gref, true,
                                                         &passed) == 0);
        splitio_store_release_u32(&k->shown[part], pass ? passed : gref);
        crew_dither(m);
        /* Either may go first. */
        if (pass && (i & 2))
            must_revoke(k, 3, passed);
        must_revoke(k, 1, gref);
        memset(bytes, (int)i, 64);
        if (pass && !(i & 2))
            must_revoke(k, 3, passed);
    }
}

static void copy_pieces(struct crew_member *m)
{
    struct pieces *k = m->arg;

    while (!crew_is_over(m)) {
        unsigned part = crew_random(m) % PARTS;
        uint32_t gref = splitio_load_acquire_u32(&k->shown[part]);
        uint8_t mine[64];

        crew_dither(m);
        if (rig_fetch(k->r, 2, part & 1 ? 3 : 1, gref, part * 64, mine,
                      sizeof(mine)) == OKAY) {
            for (unsigned i = 0; i < sizeof(mine); i++)
                CREW_CHECK(mine[i] == 0x55);
            splitio_fetch_add_u32(&k->nr_copied[part & 1], 1);
        }
    }
}

static void copy_never_sees_a_part_that_was_taken_back(void **state)
{
    struct pieces k = {.r = rig_new_v2(1u << 1 | 1u << 3)};
    struct crew_member crew[] = {
        {.name = "lender", .fn = lend_pieces, .arg = &k},
        {.name = "copier", .fn = copy_pieces, .arg = &k},
        {.name = "copier", .fn = copy_pieces, .arg = &k},
    };

    (void)state;
    crew_run(crew, 3, 1, WAIT);
    assert_at_rest(k.r);
    rig_delete(k.r);
}

/* ---- domains that go while they are used ---- */

struct going {
    struct rig *r;
    splitio_gref_t gref[8];
    uint32_t nr_removed, nr_mapped;
};

static void remove_and_add(struct crew_member *m)
{
    struct going *g = m->arg;
    splitio_domid_t domid = m->index == 0 ? 1 : 2;
    struct rig_domain *d = &g->r->dom[domid];

    for (unsigned i = 0; i < 1500 || splitio_read_once_u32(&g->nr_mapped) == 0;
         i++) {
        int err;

        while ((err = splitio_grant_engine_remove(&g->r->e, domid)) != 0) {
            CREW_CHECK(err == SPLITIO_EBUSY || err == SPLITIO_EAGAIN);
            crew_dither(m);
        }
        /* All of it is ours again. */
        memset(&d->d, 0xEE, sizeof(d->d));
        memset(d->mem, 0xEE, SPLITIO_GRANT_DOMAIN_MEM(d->nr_frames, RIG_TRACK));
        memset(d->pages, 0xEE, 2 * SPLITIO_PAGE_SIZE);
        crew_dither(m);
        CREW_CHECK(rig_add(g->r, domid) == 0);
        splitio_fetch_add_u32(&g->nr_removed, 1);
        for (unsigned k = 0; k < 20; k++)
            crew_dither(m);
    }
}

/* Whatever could be mapped can be unmapped, whoever is going meanwhile. */
static void use_who_is_there(struct crew_member *m)
{
    struct going *g = m->arg;
    uint8_t bytes[64];

    while (!crew_is_over(m)) {
        splitio_gref_t gref = g->gref[crew_random(m) % 8];
        splitio_grant_handle_t h, h2;
        int status = rig_map(g->r, 2, 1, gref, crew_random(m) & 1, &h);

        if (status == OKAY) {
            if (crew_random(m) & 1 &&
                rig_map(g->r, 2, 1, gref, true, &h2) == OKAY)
                CREW_CHECK(rig_unmap(g->r, 2, h2) == OKAY);
            crew_dither(m);
            CREW_CHECK(rig_unmap(g->r, 2, h) == OKAY);
            splitio_fetch_add_u32(&g->nr_mapped, 1);
        } else {
            CREW_CHECK(status == SPLITIO_GNTST_BAD_DOMAIN ||
                       status == SPLITIO_GNTST_EAGAIN);
        }
        (void)rig_fetch(g->r, 2, 1, gref, 0, bytes, sizeof(bytes));
        (void)splitio_grant_engine_nr_pins(&g->r->e, 1);
        crew_dither(m);
    }
}

/* Only looks, and may do so until the very end. */
static void look(struct crew_member *m)
{
    struct going *g = m->arg;
    splitio_gfn_t gfn;

    for (uint32_t h = 0; !crew_is_over(m); h++) {
        (void)splitio_grant_engine_nr_pins(&g->r->e, 1);
        (void)splitio_grant_engine_nr_mapped(&g->r->e, 2);
        (void)splitio_grant_engine_mapped_gfn(&g->r->e, 2, h % 64, &gfn);
    }
}

static void remove_while_used_strands_nothing(void **state)
{
    struct going g = {.r = rig_new()};
    struct crew_member crew[] = {
        {.name = "remover of the granter", .fn = remove_and_add, .arg = &g},
        {.name = "remover of the mapper", .fn = remove_and_add, .arg = &g},
        {.name = "user", .fn = use_who_is_there, .arg = &g},
        {.name = "user", .fn = use_who_is_there, .arg = &g},
        {.name = "looker", .fn = look, .arg = &g},
    };

    (void)state;
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(splitio_grant_table_grant(&g.r->dom[1].table, 2, i % 2,
                                                   false, &g.gref[i]),
                         0);
    crew_run(crew, 5, 2, WAIT);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(
            splitio_grant_table_revoke(&g.r->dom[1].table, g.gref[i]), 0);
    assert_at_rest(g.r);
    rig_delete(g.r);
}

/* ---- a guest that never holds still (T11, T40) ---- */

struct storm {
    struct rig *r;
    uint32_t nr_ok, nr_refused;
};

#define FLIPPED 2

static void flip_v1(struct storm *s, uint32_t r)
{
    struct splitio_grant_entry_v1 *e = &s->r->dom[1].entries[8 + r % FLIPPED];

    if (r & 0x100)
        splitio_write_once_le32(&e->frame, r >> 9 & 0x7F);
    else if (r & 0x200)
        splitio_write_once_le16(&e->domid, r >> 10 & 7 ? 2 : 3);
    else
        splitio_write_once_le16(&e->flags, (r >> 10 & 0xFC) | 1);
}

/* Another kind of entry each time, in-use bits of its own making, and what is
 * passed on leads to itself, to the other entry, or to another domain. */
static void flip_v2(struct storm *s, uint32_t r)
{
    static const uint16_t flags[] = {1, 1, 1, 5, 0x101, 0x101, 3, 0};
    union splitio_grant_entry_v2 *e = &s->r->dom[1].v2[8 + r % FLIPPED];
    splitio_grant_status_t *status = &s->r->dom[1].status[8 + r % FLIPPED];

    switch (r >> 8 & 7) {
    case 0:
        splitio_write_once_le64(&e->full_page.frame, r >> 11 & 0x7F);
        break;
    case 1:
        splitio_write_once_le32(&e->spacer[1], r >> 11 | 0x1000u << 16);
        break;
    case 2:
        splitio_write_once_le16(&e->transitive.trans_domid, r >> 11 & 3);
        splitio_write_once_le32(&e->transitive.gref, 8 + (r >> 13 & 1));
        break;
    case 3:
        splitio_write_once_le16(&e->hdr.domid, r >> 11 & 7 ? 2 : 3);
        break;
    case 4:
        splitio_write_once_le16(status, (uint16_t)(r >> 11));
        break;
    default:
        splitio_write_once_le16(&e->hdr.flags, flags[r >> 11 & 7]);
    }
}

static void flip(struct crew_member *m)
{
    struct storm *s = m->arg;

    while (!crew_is_over(m)) {
        uint32_t r = crew_random(m);

        if (s->r->dom[1].version == 1)
            flip_v1(s, r);
        else
            flip_v2(s, r);
        if (r >> 20 == 0)
            sched_yield();
    }
}

static void use_flipped(struct crew_member *m)
{
    struct storm *s = m->arg;
    uint8_t *lo = s->r->dom[1].pages[0], byte = 0;

    for (unsigned i = 0; i < 30000 || splitio_read_once_u32(&s->nr_ok) == 0 ||
                         splitio_read_once_u32(&s->nr_refused) == 0;
         i++) {
        struct splitio_grant_map op = {.domid = 1,
                                       .gref = 8 + crew_random(m) % FLIPPED,
                                       .read_only = crew_random(m) & 1};
        splitio_gfn_t gfn;

        if (splitio_grant_engine_map(&s->r->e, 2, &op, 1) == 0) {
            CREW_CHECK((uint8_t *)op.va >= lo &&
                       (uint8_t *)op.va < lo + sizeof(rig_page) * RIG_PAGES);
            CREW_CHECK(splitio_grant_engine_mapped_gfn(&s->r->e, 2, op.handle,
                                                       &gfn) == 0);
            CREW_CHECK((uint8_t *)op.va == lo + gfn * sizeof(rig_page));
            CREW_CHECK(rig_unmap(s->r, 2, op.handle) == OKAY);
            splitio_fetch_add_u32(&s->nr_ok, 1);
        } else {
            splitio_fetch_add_u32(&s->nr_refused, 1);
        }
        (void)rig_fetch(s->r, 2, 1, op.gref, 0, &byte, 1);
        splitio_write_once_u32(&m->steps, i);
    }
}

static void run_storm(struct rig *r)
{
    struct storm s = {.r = r};
    struct crew_member crew[] = {
        {.name = "user", .fn = use_flipped, .arg = &s},
        {.name = "user", .fn = use_flipped, .arg = &s},
        {.name = "flipper", .fn = flip, .arg = &s},
    };

    crew_run(crew, 3, 2, WAIT);
    assert_at_rest(s.r);
    for (unsigned gref = 0; gref < 8 + FLIPPED; gref++)
        for (unsigned kind = 0; kind < SPLITIO_PIN_KINDS; kind++)
            assert_int_equal(s.r->dom[1].d.active[gref].pins[kind], 0);
    rig_delete(s.r);
}

static void hostile_entries_that_never_hold_still_harm_nobody(void **state)
{
    (void)state;
    run_storm(rig_new());
}

static void hostile_v2_entries_that_never_hold_still_harm_nobody(void **state)
{
    (void)state;
    run_storm(rig_new_v2(1u << 1 | 1u << 3));
}

/* ---- a table that grows while it is used ---- */

struct growing {
    struct rig *r;
    uint32_t done;
};

/* Two frames of domain 1's table come while references are tried. */
static void grow_and_shrink(struct crew_member *m)
{
    struct growing *g = m->arg;
    struct rig_domain *d = &g->r->dom[1];

    for (unsigned i = 0; i < 300; i++) {
        struct splitio_grant_domain_config c = {.domid = 1,
                                                .version = d->version,
                                                .frames = d->frames,
                                                .nr_frames = 1,
                                                .max_frames = RIG_FRAMES,
                                                .status = d->status_frames,
                                                .nr_status = 1,
                                                .mem = d->mem};

        while (splitio_grant_engine_remove(&g->r->e, 1) != 0)
            crew_dither(m);
        CREW_CHECK(splitio_grant_engine_add(&g->r->e, &d->d, &c) == 0);
        crew_dither(m);
        CREW_CHECK(splitio_grant_engine_grow(&g->r->e, 1, d->frames + 1, 1) ==
                   0);
        crew_dither(m);
    }
}

static void use_the_last_reference(struct crew_member *m)
{
    struct growing *g = m->arg;

    while (!crew_is_over(m)) {
        splitio_grant_handle_t h;
        int status = rig_map(g->r, 2, 1, RIG_REFS_V2 - 1, true, &h);

        if (status == OKAY) {
            CREW_CHECK(rig_unmap(g->r, 2, h) == OKAY);
            splitio_fetch_add_u32(&g->done, 1);
        } else {
            CREW_CHECK(status == SPLITIO_GNTST_BAD_GNTREF ||
                       status == SPLITIO_GNTST_BAD_DOMAIN ||
                       status == SPLITIO_GNTST_EAGAIN);
        }
        crew_dither(m);
    }
}

static void grow_while_used_shows_whole_frames(void **state)
{
    struct growing g = {.r = rig_new_v2(1u << 1)};
    struct crew_member crew[] = {
        {.name = "grower", .fn = grow_and_shrink, .arg = &g},
        {.name = "user", .fn = use_the_last_reference, .arg = &g},
        {.name = "user", .fn = use_the_last_reference, .arg = &g},
    };

    (void)state;
    g.r->dom[1].v2[RIG_REFS_V2 - 1].hdr = rig_hdr(SPLITIO_GTF_PERMIT_ACCESS, 2);
    crew_run(crew, 3, 1, WAIT);
    assert_true(g.done > 0);
    assert_at_rest(g.r);
    rig_delete(g.r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_no_reference_has_two_holders),
        cmocka_unit_test(table_revoke_by_all_succeeds_for_one),
        cmocka_unit_test(map_never_sees_a_page_that_was_taken_back),
        cmocka_unit_test(map_v2_never_sees_a_page_that_was_taken_back),
        cmocka_unit_test(map_never_sees_a_table_between_two_versions),
        cmocka_unit_test(revoke_and_map_at_once_never_both_succeed),
        cmocka_unit_test(revoke_and_map_v2_at_once_never_both_succeed),
        cmocka_unit_test(copy_never_sees_a_part_that_was_taken_back),
        cmocka_unit_test(remove_while_used_strands_nothing),
        cmocka_unit_test(hostile_entries_that_never_hold_still_harm_nobody),
        cmocka_unit_test(hostile_v2_entries_that_never_hold_still_harm_nobody),
        cmocka_unit_test(grow_while_used_shows_whole_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
