/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests with grant tables of version 2: what they lend, and what they ask. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#define PAGES 256u

/* --- roles --- */

static struct splitio_shm_guest *connect_v2(const char *path, const char *name)
{
    return must_connect_with(
        &(struct splitio_shm_guest_config){.path = path,
                                           .name = name,
                                           .nr_pages = PAGES,
                                           .nr_frames = 1,
                                           .max_frames = 2,
                                           .grant_version = 2,
                                           .timeout_ms = WATCHDOG_MS});
}

static void tell_gref(struct splitio_shm_guest *g, const char *path,
                      splitio_gref_t gref)
{
    char value[16];

    snprintf(value, sizeof(value), "%u", gref);
    must_write(g, path, value);
}

static uint32_t must_read_number(struct splitio_shm_guest *g, const char *path)
{
    char value[16];

    must_read(g, path, value, sizeof(value));
    return (uint32_t)strtoul(value, NULL, 0);
}

static void must_revoke(struct splitio_shm_guest *g, splitio_gref_t gref)
{
    struct splitio_guest_port port = splitio_shm_guest_port(g);

    CHECK(port.ops->revoke(port.ctx, gref) == 0);
}

/* Lend references until there are none; how many. */
static unsigned lend_all(struct splitio_shm_guest *g, const void *page,
                         splitio_gref_t *grefs)
{
    struct splitio_guest_port port = splitio_shm_guest_port(g);
    unsigned n = 0;

    while (port.ops->grant(port.ctx, 0, page, true, &grefs[n]) == 0)
        n++;
    return n;
}

/* The table grows by a poll, in either version. */
static void check_growing(struct splitio_shm_guest *g, const void *page,
                          unsigned nr_refs)
{
    static splitio_gref_t grefs[1024];
    struct splitio_guest *guest = splitio_shm_guest_of(g);
    unsigned n = lend_all(g, page, grefs);

    CHECK(n == nr_refs - SPLITIO_GRANT_RESERVED);
    CHECK(splitio_shm_guest_poll(g, 64) >= 0);
    n += lend_all(g, page, grefs + n);
    CHECK(n == 2 * nr_refs - SPLITIO_GRANT_RESERVED);
    CHECK(splitio_shm_guest_poll(g, 64) >= 0);
    CHECK(splitio_guest_grow_grants(guest, 3) == SPLITIO_ENOSPC);
    CHECK(splitio_guest_grow_grants(guest, 1) == SPLITIO_EINVAL);
    while (n > 0)
        must_revoke(g, grefs[--n]);
}

static void check_versions(struct splitio_shm_guest *g, const void *page)
{
    struct splitio_guest_port port = splitio_shm_guest_port(g);
    struct splitio_guest *guest = splitio_shm_guest_of(g);
    splitio_gref_t gref;

    CHECK(port.ops->grant(port.ctx, 0, page, true, &gref) == 0);
    CHECK(splitio_guest_set_grant_version(guest, 1) == SPLITIO_EBUSY);
    must_revoke(g, gref);
    CHECK(splitio_guest_set_grant_version(guest, 1) == 0);
    CHECK(splitio_guest_grant_part(guest, 0, page, 1, true, &gref) ==
          SPLITIO_EOPNOTSUPP);
    check_growing(g, page, SPLITIO_GRANTS_PER_FRAME_V1);
    CHECK(splitio_guest_set_grant_version(guest, 2) == 0);
    CHECK(splitio_guest_set_grant_version(guest, 3) == SPLITIO_EINVAL);
}

/* PATH: lend a page to domain 2 and parts of another to domain 0. */
static int role_lender(int argc, char **argv)
{
    struct splitio_shm_guest *g = connect_v2(argv[0], "lender");
    struct splitio_guest_port port = splitio_shm_guest_port(g);
    struct splitio_guest *guest = splitio_shm_guest_of(g);
    char *pages = port.ops->pages_alloc(port.ctx, 2);
    splitio_gref_t page, part[2];

    (void)argc;
    CHECK(pages);
    strcpy(pages, "a page");
    strcpy(pages + 4096 + 100, "part 0");
    strcpy(pages + 4096 + 200, "part 1");
    CHECK(port.ops->grant(port.ctx, 2, pages, false, &page) == 0);
    for (unsigned i = 0; i < 2; i++)
        CHECK(splitio_guest_grant_part(guest, 0, pages + 4096 + 100 * (i + 1),
                                       7, i == 1, &part[i]) == 0);
    CHECK(splitio_guest_grant_part(guest, 0, pages + 4090, 7, true, &page) ==
          SPLITIO_EINVAL);
    CHECK(splitio_guest_grant_part(guest, 0, argv, 7, true, &page) ==
          SPLITIO_EINVAL);
    CHECK(splitio_guest_swap_grants(guest, part[0], part[1]) == 0);
    CHECK(splitio_guest_swap_grants(guest, 0, part[1]) == SPLITIO_EINVAL);
    tell_gref(g, "data/part0", part[0]);
    tell_gref(g, "data/part1", part[1]);
    tell_gref(g, "data/page", page);
    (void)must_read_number(g, "data/end");
    CHECK(strcmp(pages, "was here") == 0);
    must_revoke(g, part[0]);
    must_revoke(g, part[1]);
    must_revoke(g, page);
    check_versions(g, pages);
    CHECK(splitio_guest_nr_lent(guest) == 0);
    port.ops->pages_free(port.ctx, pages, 2);
    splitio_shm_guest_close(g);
    return 0;
}

/* PATH: pass on to domain 0 what domain 1 lends. */
static int role_passer(int argc, char **argv)
{
    struct splitio_shm_guest *g = connect_v2(argv[0], "passer");
    struct splitio_guest *guest = splitio_shm_guest_of(g);
    splitio_gref_t gref;

    (void)argc;
    must_write(g, "data/up", "1");
    CHECK(splitio_guest_grant_through(guest, 0, 1,
                                      must_read_number(g, "data/page"), false,
                                      &gref) == 0);
    tell_gref(g, "data/through", gref);
    (void)must_read_number(g, "data/end");
    must_revoke(g, gref);
    splitio_shm_guest_close(g);
    return 0;
}

/* PATH: version 1 from the start, and no status frames. */
static int role_plain(int argc, char **argv)
{
    struct splitio_shm_guest *g = must_connect_with(
        &(struct splitio_shm_guest_config){.path = argv[0],
                                           .name = "plain",
                                           .nr_pages = PAGES,
                                           .nr_frames = 1,
                                           .max_frames = 2,
                                           .timeout_ms = WATCHDOG_MS});
    struct splitio_guest_port port = splitio_shm_guest_port(g);
    void *page = port.ops->pages_alloc(port.ctx, 1);

    (void)argc;
    CHECK(splitio_guest_set_grant_version(splitio_shm_guest_of(g), 2) ==
          SPLITIO_EOPNOTSUPP);
    check_growing(g, page, SPLITIO_GRANTS_PER_FRAME_V1);
    splitio_shm_guest_close(g);
    return 0;
}

const struct role roles[] = {{"lender", role_lender},
                             {"passer", role_passer},
                             {"plain", role_plain},
                             {0}};

/* --- cases --- */

static void tell(struct harness *h, splitio_domid_t domid, const char *name,
                 const char *value)
{
    char path[48];

    snprintf(path, sizeof(path), "/local/domain/%u/data/%s", domid, name);
    assert_int_equal(splitio_store_server_write_text(
                         splitio_shm_machine_store_server(h->m), path, value),
                     0);
}

static splitio_gref_t gref_of(struct harness *h, splitio_domid_t domid,
                              const char *name)
{
    return (splitio_gref_t)strtoul(serve_node(h, domid, name), NULL, 0);
}

static int host_copy(struct harness *h, bool to_guest, splitio_domid_t domid,
                     splitio_gref_t gref, uint32_t offset, void *bytes,
                     uint32_t len)
{
    struct splitio_host_port port = splitio_shm_machine_host_port(h->m);
    struct splitio_grant_end there = {
        .domid = domid, .gref = gref, .offset = offset};
    struct splitio_grant_end here = {.local = bytes};
    struct splitio_grant_copy op = {.src = to_guest ? here : there,
                                    .dst = to_guest ? there : here,
                                    .len_bytes = len};

    (void)port.ops->copy(port.ctx, &op, 1);
    return op.status;
}

static void check_parts(struct harness *h)
{
    /* They were swapped. */
    splitio_gref_t p0 = gref_of(h, 1, "part1"), p1 = gref_of(h, 1, "part0");
    struct splitio_host_port port = splitio_shm_machine_host_port(h->m);
    struct splitio_grant_map map = {.domid = 1, .gref = p0};
    char text[8];

    assert_int_equal(host_copy(h, false, 1, p0, 100, text, 7), 0);
    assert_string_equal(text, "part 0");
    assert_int_equal(host_copy(h, false, 1, p1, 200, text, 7), 0);
    assert_string_equal(text, "part 1");
    assert_int_equal(host_copy(h, false, 1, p0, 100, text, 8),
                     SPLITIO_GNTST_GENERAL_ERROR);
    assert_int_equal(host_copy(h, false, 1, p0, 99, text, 7),
                     SPLITIO_GNTST_GENERAL_ERROR);
    assert_int_equal(host_copy(h, true, 1, p0, 100, text, 7), 0);
    assert_int_equal(host_copy(h, true, 1, p1, 200, text, 7),
                     SPLITIO_GNTST_PERMISSION_DENIED);
    assert_int_equal(port.ops->map(port.ctx, &map, 1), 1);
    assert_int_equal(map.status, SPLITIO_GNTST_BAD_GNTREF);
}

static void check_passed_on(struct harness *h)
{
    splitio_gref_t page = gref_of(h, 1, "page"), through;
    char text[10], number[16];

    (void)serve_node(h, 2, "up");
    snprintf(number, sizeof(number), "%u", page);
    tell(h, 2, "page", number);
    through = gref_of(h, 2, "through");
    assert_int_equal(host_copy(h, false, 2, through, 0, text, 7), 0);
    assert_string_equal(text, "a page");
    assert_int_equal(host_copy(h, false, 1, page, 0, text, 7),
                     SPLITIO_GNTST_BAD_GNTREF);
    strcpy(text, "was here");
    assert_int_equal(host_copy(h, true, 2, through, 0, text, 9), 0);
}

static void two_guests_lend_parts_and_pass_on(void **state)
{
    struct splitio_shm_guest_info info;
    struct harness h = {0};
    struct child cs[3];

    (void)state;
    harness_open(&h);
    cs[0] = spawn(&h, "lender", (char *)NULL);
    (void)serve_node(&h, 1, "page");
    cs[1] = spawn(&h, "passer", (char *)NULL);
    check_parts(&h);
    check_passed_on(&h);
    assert_int_equal(splitio_shm_machine_guest_info(h.m, 1, &info), 0);
    assert_int_equal(info.grant_version, 2);
    tell(&h, 2, "end", "1");
    serve_all(&h, &cs[1], 1);
    tell(&h, 1, "end", "1");
    serve_all(&h, cs, 2);
    harness_check_idle(&h);
    harness_close(&h);
}

static void guest_of_version_1_grows_and_stays_what_it_is(void **state)
{
    struct harness h = {0};
    struct child c;

    (void)state;
    harness_open(&h);
    c = spawn(&h, "plain", (char *)NULL);
    serve_all(&h, &c, 1);
    harness_check_idle(&h);
    harness_close(&h);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_guests_lend_parts_and_pass_on),
        cmocka_unit_test(guest_of_version_1_grows_and_stays_what_it_is),
    };
    int status;

    if (run_role(argc, argv, &status))
        return status;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
