/* SPDX-License-Identifier: BSD-2-Clause */
/* The bed: server, clock and rounds; see xb_bed.h. */
#include "xb_bed.h"

#include "cm.h"

#include <stdlib.h>
#include <string.h>

#include "xb_drv.h"

#define ARENA_BYTES (1u << 19)
#define MOST_ROUNDS 20000u

static void put_path(const char *dir, const char *key, char *path, size_t bytes)
{
    assert_true(splitio_xenbus_print(path, bytes, "%s/%s", dir, key) > 0);
}

void bed_put(struct bed *bed, const char *dir, const char *key,
             const char *value)
{
    char path[256];

    put_path(dir, key, path, sizeof(path));
    if (value)
        assert_int_equal(
            splitio_store_server_write_text(bed->server, path, value), 0);
    else
        splitio_store_server_rm(bed->server, path);
}

bool bed_is(struct bed *bed, const char *dir, const char *key,
            const char *value)
{
    const void *text;
    char path[256];
    size_t len;

    put_path(dir, key, path, sizeof(path));
    if (splitio_store_server_read(bed->server, path, &text, &len) < 0)
        return value == NULL;
    return value && len == strlen(value) && memcmp(text, value, len) == 0;
}

static void put_owned(struct bed *bed, const char *dir, const char *key,
                      const char *value, const struct splitio_xs_perm *perms)
{
    char path[256];

    bed_put(bed, dir, key, value);
    put_path(dir, key, path, sizeof(path));
    splitio_store_server_set_perms(bed->server, path, perms, 2);
}

void bed_make_dirs_at(struct bed *bed, const char *front_dir,
                      const char *back_dir)
{
    const struct splitio_xs_perm front[2] = {{1, SPLITIO_XS_PERM_NONE},
                                             {0, SPLITIO_XS_PERM_BOTH}};
    const struct splitio_xs_perm back[2] = {{0, SPLITIO_XS_PERM_NONE},
                                            {1, SPLITIO_XS_PERM_READ}};
    struct splitio_store_server *s = bed->server;

    splitio_store_server_mkdir(s, "/local/domain/1/error");
    splitio_store_server_set_perms(s, "/local/domain/1/error", front, 1);
    splitio_store_server_mkdir(s, front_dir);
    splitio_store_server_set_perms(s, front_dir, front, 2);
    splitio_store_server_mkdir(s, back_dir);
    splitio_store_server_set_perms(s, back_dir, back, 2);
    put_owned(bed, front_dir, "backend-id", "0", front);
    put_owned(bed, front_dir, "backend", back_dir, front);
    put_owned(bed, front_dir, "state", "1", front);
    put_owned(bed, back_dir, "frontend-id", "1", back);
    put_owned(bed, back_dir, "frontend", front_dir, back);
    put_owned(bed, back_dir, "online", "1", back);
    put_owned(bed, back_dir, "mode", "w", back);
    put_owned(bed, back_dir, "state", "1", back);
}

void bed_make_dirs(struct bed *bed)
{
    bed_make_dirs_at(bed, BED_FRONT_DIR, BED_BACK_DIR);
}

void bed_init_empty(struct bed *bed)
{
    memset(bed, 0, sizeof(*bed));
    bed->arena = malloc(ARENA_BYTES);
    assert_non_null(bed->arena);
    assert_int_equal(
        splitio_store_server_init(&bed->server, bed->arena, ARENA_BYTES, NULL),
        0);
    bed_drv_init(&bed->half[SPLITIO_XENBUS_FRONT], SPLITIO_XENBUS_FRONT);
    bed_drv_init(&bed->half[SPLITIO_XENBUS_BACK], SPLITIO_XENBUS_BACK);
}

void bed_init(struct bed *bed)
{
    bed_init_empty(bed);
    bed_make_dirs(bed);
    bed_start(bed, SPLITIO_XENBUS_FRONT);
    bed_start(bed, SPLITIO_XENBUS_BACK);
}

void bed_start(struct bed *bed, enum splitio_xenbus_role role)
{
    struct bed_driver *d = &bed->half[role];

    assert_false(d->alive);
    d->alive = true;
    d->attached = d->linked = false;
    bed_link_open(&d->link, bed->server, role == SPLITIO_XENBUS_FRONT ? 1 : 0);
    assert_int_equal(splitio_xenbus_init(&d->xb, role, &d->link.store,
                                         role == SPLITIO_XENBUS_FRONT
                                             ? BED_FRONT_DIR
                                             : BED_BACK_DIR,
                                         &d->table, d),
                     0);
}

void bed_kill(struct bed *bed, enum splitio_xenbus_role role)
{
    struct bed_driver *d = &bed->half[role];

    assert_true(d->alive);
    d->alive = d->attached = d->linked = false;
    splitio_store_conn_fini(&d->link.conn);
    memset(&d->xb, 0xa5, sizeof(d->xb));
}

void bed_stop(struct bed *bed, enum splitio_xenbus_role role)
{
    struct bed_driver *d = &bed->half[role];
    struct splitio_store_stats stats;
    unsigned i;

    d->link.fail_at = d->link.cut_at = 0;
    for (i = 0; splitio_xenbus_fini(&d->xb) == SPLITIO_EAGAIN; i++) {
        assert_true(i < 100);
        bed_link_poll(&d->link);
    }
    assert_false(d->attached);
    assert_int_equal(splitio_xenbus_fini(&d->xb), 0);
    while (bed_link_poll(&d->link))
        ;
    splitio_store_server_domain_stats(
        bed->server, role == SPLITIO_XENBUS_FRONT ? 1 : 0, &stats);
    if (!d->link.cut) {
        assert_int_equal(stats.watches, 0);
        assert_int_equal(stats.transactions, 0);
    }
    bed_kill(bed, role);
}

void bed_fini(struct bed *bed)
{
    struct splitio_store_stats stats;

    if (bed->half[0].alive)
        bed_stop(bed, SPLITIO_XENBUS_FRONT);
    if (bed->half[1].alive)
        bed_stop(bed, SPLITIO_XENBUS_BACK);
    splitio_store_server_stats(bed->server, &stats);
    assert_int_equal(stats.watches, 0);
    assert_int_equal(stats.transactions, 0);
    assert_int_equal(stats.conns, 0);
    assert_true(splitio_store_server_is_valid(bed->server));
    splitio_store_server_fini(bed->server);
    free(bed->arena);
}

/* ---- rounds ---- */

static uint32_t any(struct bed *bed)
{
    bed->seed ^= bed->seed << 13;
    bed->seed ^= bed->seed >> 17;
    bed->seed ^= bed->seed << 5;
    return bed->seed;
}

/* One half polls its store and itself; in either order, or only one. */
static bool poll_half(struct bed *bed, struct bed_driver *d)
{
    unsigned what = bed->seed ? any(bed) % 4 : 3;
    bool did = false;

    if (!d->alive)
        return false;
    if (what & 1)
        did |= bed_link_poll(&d->link);
    if (what & 2)
        did |= splitio_xenbus_poll(&d->xb);
    assert_true(splitio_xenbus_is_valid(&d->xb));
    /* What was left out may have something to do. */
    return did || what != 3;
}

bool bed_round(struct bed *bed)
{
    unsigned first = bed->seed ? any(bed) & 1 : 0;
    bool did = poll_half(bed, &bed->half[first]);

    did |= poll_half(bed, &bed->half[!first]);
    while (splitio_store_server_next_ready(bed->server) != NULL)
        ;
    return did;
}

/* Rounds with gaps, then without: only the latter can tell the end. */
void bed_settle(struct bed *bed)
{
    unsigned quiet = 0, i, gaps;

    for (i = 0; quiet < 2; i++) {
        uint32_t seed;

        assert_true(i < MOST_ROUNDS);
        for (gaps = 0; bed->seed && gaps < 8; gaps++)
            bed_round(bed);
        seed = bed->seed;
        bed->seed = 0;
        quiet = bed_round(bed) ? 0 : quiet + 1;
        bed->seed = seed;
    }
}

void bed_settle_slowly(struct bed *bed)
{
    unsigned i, role;

    for (i = 0; i < 12; i++) {
        bed_settle(bed);
        bed->now_ns += 1000000000;
        for (role = 0; role < 2; role++) {
            struct bed_driver *d = &bed->half[role];

            if (!d->alive)
                continue;
            if (d->link.cut)
                bed_link_mend(&d->link, bed->server, role == 0 ? 1 : 0);
            splitio_xenbus_check(&d->xb, bed->now_ns, 1000000000);
        }
    }
    bed_settle(bed);
}

/* ---- outcomes ---- */

void bed_assert_connected(struct bed *bed)
{
    unsigned i;

    for (i = 0; i < 2; i++) {
        struct bed_driver *d = &bed->half[i];

        assert_int_equal(splitio_xenbus_state(&d->xb), 4);
        assert_true(d->attached && d->linked);
        assert_true(splitio_xenbus_is_linked(&d->xb));
        assert_false(splitio_xenbus_is_closed(&d->xb));
    }
    assert_true(bed_is(bed, BED_FRONT_DIR, "state", "4"));
    assert_true(bed_is(bed, BED_BACK_DIR, "state", "4"));
    assert_int_equal(bed->half[0].sectors, bed->half[1].sectors);
    assert_int_equal(bed->half[0].ring_ref, bed->half[1].ring_ref);
}

void bed_assert_closed(struct bed *bed)
{
    unsigned i;

    for (i = 0; i < 2; i++) {
        struct bed_driver *d = &bed->half[i];

        assert_int_equal(splitio_xenbus_state(&d->xb), 6);
        assert_false(d->attached || d->linked);
        assert_false(splitio_xenbus_is_linked(&d->xb));
    }
}
