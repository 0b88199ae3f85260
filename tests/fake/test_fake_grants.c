/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests with grant tables of both versions, as a binding gives them. */
#include "cm.h"

#include <splitio/binding/fake.h>

#include <stdlib.h>
#include <string.h>

#define OKAY SPLITIO_GNTST_OKAY

/* Guests 1 and 3 have version 2 from the start. */
static struct splitio_fake *machine(void)
{
    const struct splitio_fake_config cfg = {.nr_guests = 3,
                                            .nr_grant_frames = 1,
                                            .max_grant_frames = 3,
                                            .grant_v2_guests = 1u | 1u << 2};
    struct splitio_fake *fake = splitio_fake_new(&cfg);

    assert_non_null(fake);
    while (splitio_fake_step(fake))
        ;
    return fake;
}

static void machine_end(struct splitio_fake *fake)
{
    const struct splitio_fake_usage none = {0};
    struct splitio_fake_usage usage;

    splitio_fake_usage(fake, &usage);
    assert_memory_equal(&usage, &none, sizeof(usage));
    splitio_fake_delete(fake);
}

static void *page_of(struct splitio_guest *g)
{
    void *page = splitio_guest_port(g).ops->pages_alloc(g, 1);

    assert_non_null(page);
    return page;
}

static void free_page(struct splitio_guest *g, void *page)
{
    splitio_guest_port(g).ops->pages_free(g, page, 1);
}

static splitio_gref_t lend(struct splitio_guest *g, splitio_domid_t to,
                           const void *page)
{
    splitio_gref_t gref;

    assert_int_equal(
        splitio_guest_port(g).ops->grant(g, to, page, false, &gref), 0);
    return gref;
}

static void take_back(struct splitio_guest *g, splitio_gref_t gref)
{
    assert_int_equal(splitio_guest_port(g).ops->revoke(g, gref), 0);
}

/* The host's copy. */
static int fetch(struct splitio_fake *fake, splitio_domid_t from,
                 splitio_gref_t gref, uint32_t offset, char *to, uint32_t len)
{
    struct splitio_host_port h = splitio_host_port(splitio_fake_host(fake));
    struct splitio_grant_copy op = {
        .src = {.domid = from, .gref = gref, .offset = offset},
        .dst.local = to,
        .len_bytes = len};

    (void)h.ops->copy(h.ctx, &op, 1);
    return op.status;
}

static void pages_of_both_versions_are_mapped_side_by_side(void **state)
{
    struct splitio_fake *fake = machine();
    struct splitio_host_port h = splitio_host_port(splitio_fake_host(fake));
    struct splitio_grant_map map[3];
    struct splitio_grant_unmap unmap[3];
    void *pages[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct splitio_guest *g =
            splitio_fake_guest(fake, (splitio_domid_t)(i + 1));

        assert_int_equal(splitio_grant_table_version(&g->grants),
                         i == 1 ? 1 : 2);
        pages[i] = page_of(g);
        map[i] = (struct splitio_grant_map){.domid = (splitio_domid_t)(i + 1),
                                            .gref = lend(g, 0, pages[i])};
    }
    assert_int_equal(h.ops->map(h.ctx, map, 3), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_ptr_equal(map[i].va, pages[i]);
        unmap[i].handle = map[i].handle;
    }
    assert_int_equal(h.ops->unmap(h.ctx, unmap, 3), 0);
    for (unsigned i = 0; i < 3; i++) {
        struct splitio_guest *g = splitio_fake_guest(fake, map[i].domid);

        take_back(g, map[i].gref);
        free_page(g, pages[i]);
    }
    machine_end(fake);
}

static void parts_and_what_is_passed_on_reach_the_host(void **state)
{
    struct splitio_fake *fake = machine();
    struct splitio_guest *one = splitio_fake_guest(fake, 1),
                         *two = splitio_fake_guest(fake, 2),
                         *three = splitio_fake_guest(fake, 3);
    char *mine = page_of(one), *theirs = page_of(two), got[8] = "";
    splitio_gref_t part, page, passed;

    (void)state;
    strcpy(mine + 50, "part");
    strcpy(theirs, "page");
    assert_int_equal(
        splitio_guest_grant_part(one, 0, mine + 50, 5, true, &part), 0);
    assert_int_equal(
        splitio_guest_grant_part(one, 0, mine + 4095, 2, true, &page),
        SPLITIO_EINVAL);
    assert_int_equal(splitio_guest_grant_part(one, 0, theirs, 2, true, &page),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_guest_grant_part(two, 0, theirs, 2, true, &page),
                     SPLITIO_EOPNOTSUPP);
    assert_int_equal(splitio_guest_grant_through(two, 0, 1, 8, true, &passed),
                     SPLITIO_EOPNOTSUPP);
    assert_int_equal(fetch(fake, 1, part, 50, got, 5), OKAY);
    assert_string_equal(got, "part");
    assert_int_equal(fetch(fake, 1, part, 49, got, 5),
                     SPLITIO_GNTST_GENERAL_ERROR);
    page = lend(two, 3, theirs);
    assert_int_equal(
        splitio_guest_grant_through(three, 0, 2, page, true, &passed), 0);
    assert_int_equal(fetch(fake, 3, passed, 0, got, 5), OKAY);
    assert_string_equal(got, "page");
    take_back(two, page);
    assert_int_equal(fetch(fake, 3, passed, 0, got, 5),
                     SPLITIO_GNTST_BAD_GNTREF);
    take_back(three, passed);
    take_back(one, part);
    free_page(one, mine);
    free_page(two, theirs);
    machine_end(fake);
}

static void guest_changes_the_version_while_nothing_is_lent(void **state)
{
    struct splitio_fake *fake = machine();
    struct splitio_guest *g = splitio_fake_guest(fake, 2);
    char *page = page_of(g), got[2] = "";
    splitio_gref_t gref = lend(g, 0, page);

    (void)state;
    strcpy(page, "x");
    assert_int_equal(splitio_guest_set_grant_version(g, 1), 0);
    assert_int_equal(splitio_guest_set_grant_version(g, 2), SPLITIO_EBUSY);
    assert_int_equal(splitio_guest_set_grant_version(g, 0), SPLITIO_EINVAL);
    take_back(g, gref);
    for (unsigned version = 2; version > 0; version--) {
        assert_int_equal(splitio_guest_set_grant_version(g, version), 0);
        assert_int_equal(splitio_grant_table_version(&g->grants), version);
        assert_int_equal(splitio_grant_engine_version(
                             &splitio_fake_hypervisor(fake)->grants, 2),
                         (int)version);
        gref = lend(g, 0, page);
        assert_int_equal(fetch(fake, 2, gref, 0, got, 2), OKAY);
        assert_string_equal(got, "x");
        take_back(g, gref);
    }
    free_page(g, page);
    machine_end(fake);
}

/* References run out: the next poll brings a frame, and in the end none. */
static void table_grows_by_polls_until_it_may_not(void **state)
{
    struct splitio_fake *fake = machine();

    (void)state;
    for (splitio_domid_t domid = 1; domid <= 2; domid++) {
        struct splitio_guest *g = splitio_fake_guest(fake, domid);
        unsigned per_frame = domid == 1 ? SPLITIO_GRANTS_PER_FRAME_V2
                                        : SPLITIO_GRANTS_PER_FRAME_V1;
        static splitio_gref_t grefs[3 * SPLITIO_GRANTS_PER_FRAME_V1];
        unsigned nr = 0, frames, max;
        void *page = page_of(g);

        for (unsigned i = 1; i <= 4; i++) {
            while (splitio_guest_port(g).ops->grant(g, 0, page, true,
                                                    &grefs[nr]) == 0)
                nr++;
            assert_int_equal(splitio_guest_nr_lent(g), nr);
            assert_int_equal(nr, (i < 3 ? i : 3) * per_frame -
                                     SPLITIO_GRANT_RESERVED);
            (void)splitio_guest_poll(g, 1);
        }
        assert_int_equal(
            splitio_grant_engine_query_size(
                &splitio_fake_hypervisor(fake)->grants, domid, &frames, &max),
            0);
        assert_int_equal(frames, 3);
        assert_int_equal(max, 3);
        assert_int_equal(splitio_guest_grow_grants(g, 4), SPLITIO_ENOSPC);
        assert_int_equal(splitio_guest_grow_grants(g, 2), SPLITIO_EINVAL);
        assert_int_equal(splitio_guest_grow_grants(g, 3), 0);
        while (nr > 0)
            take_back(g, grefs[--nr]);
        free_page(g, page);
    }
    machine_end(fake);
}

static void swapped_references_show_the_others_page(void **state)
{
    struct splitio_fake *fake = machine();

    (void)state;
    for (splitio_domid_t domid = 1; domid <= 2; domid++) {
        struct splitio_guest *g = splitio_fake_guest(fake, domid);
        struct splitio_host_port h = splitio_host_port(splitio_fake_host(fake));
        char *a = page_of(g), *b = page_of(g), got[2] = "";
        struct splitio_grant_map map = {.domid = domid};
        struct splitio_grant_unmap unmap;
        splitio_gref_t ga = lend(g, 0, a), gb = lend(g, 0, b);

        strcpy(a, "a");
        strcpy(b, "b");
        assert_int_equal(splitio_guest_swap_grants(g, ga, gb), 0);
        assert_int_equal(fetch(fake, domid, ga, 0, got, 2), OKAY);
        assert_string_equal(got, "b");
        assert_int_equal(splitio_guest_swap_grants(g, ga, gb + 1),
                         SPLITIO_EINVAL);
        map.gref = ga;
        assert_int_equal(h.ops->map(h.ctx, &map, 1), 0);
        assert_int_equal(splitio_guest_swap_grants(g, ga, gb), SPLITIO_EAGAIN);
        unmap.handle = map.handle;
        assert_int_equal(h.ops->unmap(h.ctx, &unmap, 1), 0);
        take_back(g, ga);
        take_back(g, gb);
        free_page(g, a);
        free_page(g, b);
    }
    machine_end(fake);
}

/* ---- a guest whose binding does less ---- */

static struct {
    int answer;
    unsigned calls;
} less;

static int grow(void *ctx, unsigned nr_frames)
{
    (void)ctx;
    (void)nr_frames;
    less.calls++;
    return less.answer;
}

static int change(void *ctx, unsigned version)
{
    (void)ctx;
    (void)version;
    less.calls++;
    return less.answer;
}

static _Alignas(4096) uint8_t memory[8][4096];

static struct splitio_guest_config
small_config(const struct splitio_hypercall_ops *ops)
{
    static uint64_t heap_map[SPLITIO_GUEST_MAP_MEM(1) / 8];
    static uint32_t grant_mem[SPLITIO_GRANT_TABLE_MEM(2) / 4];
    static struct splitio_event_handler handlers[8];

    return (struct splitio_guest_config){.ops = ops,
                                         .heap = memory[0],
                                         .heap_pages = 1,
                                         .heap_map = heap_map,
                                         .grant_frames = memory[1],
                                         .nr_grant_frames = 1,
                                         .max_grant_frames = 2,
                                         .grant_status = memory[3],
                                         .grant_mem = grant_mem,
                                         .shared_info = memory[4],
                                         .abi = &splitio_event_abi_x86_64,
                                         .handlers = handlers,
                                         .nr_handlers = 8};
}

static void binding_without_calls_keeps_what_there_is(void **state)
{
    static const struct splitio_hypercall_ops none = {.event_alloc = NULL};
    struct splitio_guest_config cfg = small_config(&none);
    splitio_gref_t a, b;
    struct splitio_guest g;

    (void)state;
    assert_int_equal(splitio_guest_init(&g, &cfg), 0);
    assert_int_equal(splitio_guest_set_grant_version(&g, 2),
                     SPLITIO_EOPNOTSUPP);
    assert_int_equal(splitio_guest_grow_grants(&g, 2), SPLITIO_EOPNOTSUPP);
    a = lend(&g, 0, memory[0]);
    b = lend(&g, 0, memory[0]);
    assert_int_equal(splitio_guest_swap_grants(&g, a, b), SPLITIO_EOPNOTSUPP);
    take_back(&g, a);
    take_back(&g, b);
}

static void binding_that_refuses_is_not_asked_again(void **state)
{
    static const struct splitio_hypercall_ops ops = {.grant_version = change,
                                                     .grant_grow = grow};
    struct splitio_guest_config cfg = small_config(&ops);
    struct splitio_guest g;
    splitio_gref_t gref;

    (void)state;
    less.answer = SPLITIO_EIO;
    less.calls = 0;
    assert_int_equal(splitio_guest_init(&g, &cfg), 0);
    assert_int_equal(splitio_guest_set_grant_version(&g, 2), SPLITIO_EIO);
    assert_int_equal(splitio_grant_table_version(&g.grants), 1);
    assert_int_equal(less.calls, 1);
    while (splitio_guest_port(&g).ops->grant(&g, 0, memory[0], true, &gref) ==
           0)
        continue;
    for (unsigned i = 0; i < 3; i++)
        (void)splitio_guest_poll(&g, 1);
    assert_int_equal(less.calls, 2);
    assert_int_equal(splitio_grant_table_nr_free(&g.grants), 0);
}

static void odd_tables_are_refused(void **state)
{
    static const struct splitio_hypercall_ops none = {.event_alloc = NULL};
    struct splitio_guest_config cfg = small_config(&none);
    struct splitio_guest g;

    (void)state;
    cfg.grant_version = 3;
    assert_int_equal(splitio_guest_init(&g, &cfg), SPLITIO_EINVAL);
    cfg.grant_version = 2;
    cfg.grant_status = NULL;
    assert_int_equal(splitio_guest_init(&g, &cfg), SPLITIO_EINVAL);
    cfg = small_config(&none);
    cfg.nr_grant_frames = 3;
    assert_int_equal(splitio_guest_init(&g, &cfg), SPLITIO_EINVAL);
    cfg.max_grant_frames = 65;
    assert_int_equal(splitio_guest_init(&g, &cfg), SPLITIO_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_of_both_versions_are_mapped_side_by_side),
        cmocka_unit_test(parts_and_what_is_passed_on_reach_the_host),
        cmocka_unit_test(guest_changes_the_version_while_nothing_is_lent),
        cmocka_unit_test(table_grows_by_polls_until_it_may_not),
        cmocka_unit_test(swapped_references_show_the_others_page),
        cmocka_unit_test(binding_without_calls_keeps_what_there_is),
        cmocka_unit_test(binding_that_refuses_is_not_asked_again),
        cmocka_unit_test(odd_tables_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
