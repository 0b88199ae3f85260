/* SPDX-License-Identifier: BSD-2-Clause */
/* The store server: nodes, permissions, watches, transactions, domains. */
#include "cm.h"
#include "xs_talk.h"

#include <splitio/store_server.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA (8u << 20)

struct world {
    void *arena;
    struct splitio_store_server *s;
    struct xs_peer dom0, a, b; /* domains 0, 1, 2 */
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    w->arena = malloc(ARENA);
    memset(w->arena, 0xa5, ARENA);
    assert_int_equal(splitio_store_server_init(&w->s, w->arena, ARENA, NULL),
                     0);
    assert_int_equal(xs_peer_open(&w->dom0, w->s, 0), 0);
    assert_int_equal(xs_peer_open(&w->a, w->s, 1), 0);
    assert_int_equal(xs_peer_open(&w->b, w->s, 2), 0);
    /* Homes of both guests, as a toolstack makes them. */
    assert_int_equal(xs_write(&w->dom0, 0, "/local/domain/1", ""), 0);
    assert_int_equal(xs_perms(&w->dom0, 0, "/local/domain/1", "n1", NULL), 0);
    assert_int_equal(xs_write(&w->dom0, 0, "/local/domain/2", ""), 0);
    assert_int_equal(xs_perms(&w->dom0, 0, "/local/domain/2", "n2", NULL), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    bool valid = splitio_store_server_is_valid(w->s);

    splitio_store_server_fini(w->s);
    free(w->arena);
    free(w);
    return valid ? 0 : -1;
}

static struct splitio_store_stats stats(struct world *w, splitio_domid_t domid)
{
    struct splitio_store_stats st;

    splitio_store_server_domain_stats(w->s, domid, &st);
    return st;
}

/* --- nodes ------------------------------------------------------------- */

static void write_creates_parents_with_empty_values(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_write(&w->dom0, 0, "/x/y/z", "value"), 0);
    assert_int_equal(xs_expect(&w->dom0, 0, "/x/y/z", "value"), 0);
    assert_int_equal(xs_expect(&w->dom0, 0, "/x/y", ""), 0);
    assert_int_equal(xs_write(&w->dom0, 0, "/x/y/z", ""), 0);
    assert_int_equal(xs_expect(&w->dom0, 0, "/x/y/z", ""), 0);
}

static void read_of_absent_node_is_enoent(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_expect(&w->dom0, 0, "/no", ""), SPLITIO_ENOENT);
    assert_int_equal(xs_expect(&w->dom0, 0, "/local/no", ""), SPLITIO_ENOENT);
    assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_DIRECTORY, 0, "/no"),
                     SPLITIO_ENOENT);
}

static void mkdir_of_existing_node_keeps_its_value(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_write(&w->dom0, 0, "/x", "v"), 0);
    assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_MKDIR, 0, "/x"), 0);
    assert_int_equal(xs_expect(&w->dom0, 0, "/x", "v"), 0);
    assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_MKDIR, 0, "/x/y/z"), 0);
    assert_int_equal(xs_expect(&w->dom0, 0, "/x/y/z", ""), 0);
}

static void rm_takes_the_subtree(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_write(&w->dom0, 0, "/x/y/z", "v"), 0);
    assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_RM, 0, "/x"), 0);
    assert_int_equal(xs_expect(&w->dom0, 0, "/x/y/z", "v"), SPLITIO_ENOENT);
    assert_int_equal(xs_expect(&w->dom0, 0, "/x", ""), SPLITIO_ENOENT);
}

static void rm_of_absent_node_needs_its_parent(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_RM, 0, "/local/no"), 0);
    assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_RM, 0, "/no/no"),
                     SPLITIO_ENOENT);
    assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_RM, 0, "/"), SPLITIO_EINVAL);
}

static void directory_lists_children(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_write(&w->dom0, 0, "/x/a", ""), 0);
    assert_int_equal(xs_write(&w->dom0, 0, "/x/b/c", ""), 0);
    assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_DIRECTORY, 0, "/x"), 0);
    assert_int_equal(w->dom0.reply_bytes, 4);
    assert_memory_equal(w->dom0.reply, "a\0b", 4);
    assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_DIRECTORY, 0, "/x/a"), 0);
    assert_int_equal(w->dom0.reply_bytes, 0);
}

/* Reads all parts; the number of names, or an error. */
static int list_parts(struct xs_peer *p, const char *path)
{
    char offset[16] = "0";
    size_t have = 0;
    int names = 0;

    for (;;) {
        const char *const s[] = {path, offset};
        int err = xs_talk_strings(p, SPLITIO_XS_DIRECTORY_PART, 0, 2, s);
        size_t at = strlen(p->reply) + 1;

        if (err < 0)
            return err;
        while (at < p->reply_bytes) {
            size_t len = strlen(p->reply + at) + 1;

            if (len == 1)
                return names;
            names++;
            have += len;
            at += len;
        }
        snprintf(offset, sizeof(offset), "%zu", have);
    }
}

static void directory_too_long_is_read_in_parts(void **state)
{
    struct world *w = *state;
    const char *const beyond[] = {"/x", "99999999"};
    char path[32];

    for (int i = 0; i < 2000; i++) {
        snprintf(path, sizeof(path), "/x/name-%d", i);
        assert_int_equal(xs_write(&w->dom0, 0, path, ""), 0);
    }
    assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_DIRECTORY, 0, "/x"),
                     SPLITIO_E2BIG);
    assert_int_equal(list_parts(&w->dom0, "/x"), 2000);
    assert_int_equal(list_parts(&w->dom0, "/x/name-7"), 0);
    assert_int_equal(
        xs_talk_strings(&w->dom0, SPLITIO_XS_DIRECTORY_PART, 0, 2, beyond),
        SPLITIO_EINVAL);
}

static void relative_path_is_below_the_domains_home(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_write(&w->a, 0, "data/k", "v"), 0);
    assert_int_equal(xs_expect(&w->dom0, 0, "/local/domain/1/data/k", "v"), 0);
    assert_int_equal(xs_expect(&w->a, 0, "data/k", "v"), 0);
}

static void bad_path_is_einval(void **state)
{
    static const char *const bad[] = {"", "/a//b", "/a/", "/a b", "@x"};
    struct world *w = *state;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
        assert_int_equal(xs_write(&w->dom0, 0, bad[i], ""), SPLITIO_EINVAL);
        assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_READ, 0, bad[i]),
                         SPLITIO_EINVAL);
        assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_RM, 0, bad[i]),
                         SPLITIO_EINVAL);
    }
    assert_int_equal(xs_talk(&w->dom0, SPLITIO_XS_READ, 0, "/x", 2),
                     SPLITIO_EINVAL);
    assert_int_equal(xs_talk(&w->dom0, SPLITIO_XS_WRITE, 0, "/x", 2),
                     SPLITIO_EINVAL);
    assert_int_equal(xs_talk(&w->dom0, SPLITIO_XS_READ, 0, "/x\0/y", 6),
                     SPLITIO_EINVAL);
    assert_int_equal(xs_talk(&w->dom0, SPLITIO_XS_READ, 0, "", 0),
                     SPLITIO_EINVAL);
}

static void unknown_type_is_enosys(void **state)
{
    static const uint32_t types[] = {15, 16, 20, 27, 65535, UINT32_MAX};
    struct world *w = *state;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(types); i++) {
        assert_int_equal(xs_talk(&w->a, types[i], 0, "", 1),
                         SPLITIO_EOPNOTSUPP);
        assert_string_equal(w->a.reply, "ENOSYS");
    }
}

static void control_is_for_domain_0(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_talk(&w->a, SPLITIO_XS_CONTROL, 0, "help", 5),
                     SPLITIO_EACCES);
    assert_int_equal(xs_talk(&w->dom0, SPLITIO_XS_CONTROL, 0, "help", 5), 0);
    assert_string_equal(w->dom0.reply, "check\nhelp\nprint <text>");
    assert_int_equal(w->dom0.reply_bytes, sizeof("check\nhelp\nprint <text>"));
    assert_int_equal(xs_talk(&w->dom0, SPLITIO_XS_CONTROL, 0, "check", 6), 0);
    assert_string_equal(w->dom0.reply, "OK");
    /* Nobody has a log for it here. */
    assert_int_equal(xs_talk(&w->dom0, SPLITIO_XS_CONTROL, 0, "print\0a", 8),
                     SPLITIO_EOPNOTSUPP);
    assert_int_equal(xs_talk(&w->dom0, SPLITIO_XS_CONTROL, 0, "", 0),
                     SPLITIO_EINVAL);
    assert_int_equal(xs_talk(&w->dom0, SPLITIO_XS_CONTROL, 0, "help", 4),
                     SPLITIO_EINVAL);
    assert_int_equal(xs_talk(&w->dom0, SPLITIO_XS_CONTROL, 0, "check\0a", 8),
                     SPLITIO_EINVAL);
    assert_int_equal(xs_talk(&w->dom0, SPLITIO_XS_CONTROL, 0, "restart", 8),
                     SPLITIO_EINVAL);
}

/* --- permissions ------------------------------------------------------- */

static void guest_cannot_touch_anothers_home(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_write(&w->a, 0, "k", "secret"), 0);
    assert_int_equal(xs_expect(&w->b, 0, "/local/domain/1/k", "secret"),
                     SPLITIO_EACCES);
    assert_int_equal(xs_write(&w->b, 0, "/local/domain/1/k", "x"),
                     SPLITIO_EACCES);
    assert_int_equal(xs_write(&w->b, 0, "/local/domain/1/new", "x"),
                     SPLITIO_EACCES);
    assert_int_equal(xs_path(&w->b, SPLITIO_XS_RM, 0, "/local/domain/1"),
                     SPLITIO_EACCES);
    assert_int_equal(xs_path(&w->b, SPLITIO_XS_DIRECTORY, 0, "/local/domain/1"),
                     SPLITIO_EACCES);
    assert_int_equal(xs_perms(&w->b, 0, "/local/domain/1/k", "b2", NULL),
                     SPLITIO_EACCES);
    assert_int_equal(xs_write(&w->b, 0, "/new", "x"), SPLITIO_EACCES);
    /* Nor may it learn which nodes are there. */
    assert_int_equal(xs_expect(&w->b, 0, "/local/domain/1/none", ""),
                     SPLITIO_EACCES);
}

static void entries_grant_each_kind_of_access(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_write(&w->a, 0, "k", "v"), 0);
    assert_int_equal(xs_perms(&w->a, 0, "k", "n1", "r2"), 0);
    assert_int_equal(xs_expect(&w->b, 0, "/local/domain/1/k", "v"), 0);
    assert_int_equal(xs_write(&w->b, 0, "/local/domain/1/k", "x"),
                     SPLITIO_EACCES);
    assert_int_equal(xs_perms(&w->a, 0, "k", "n1", "w2"), 0);
    assert_int_equal(xs_expect(&w->b, 0, "/local/domain/1/k", "v"),
                     SPLITIO_EACCES);
    assert_int_equal(xs_write(&w->b, 0, "/local/domain/1/k", "x"), 0);
    assert_int_equal(xs_perms(&w->a, 0, "k", "r1", "n2"), 0);
    assert_int_equal(xs_expect(&w->b, 0, "/local/domain/1/k", "x"),
                     SPLITIO_EACCES);
    assert_int_equal(xs_perms(&w->a, 0, "k", "b1", NULL), 0);
    assert_int_equal(xs_write(&w->b, 0, "/local/domain/1/k", "y"), 0);
    assert_int_equal(xs_expect(&w->a, 0, "k", "y"), 0);
}

static void get_perms_returns_what_was_set(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_write(&w->a, 0, "k", "v"), 0);
    assert_int_equal(xs_perms(&w->a, 0, "k", "n1", "b2"), 0);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_GET_PERMS, 0, "k"), 0);
    assert_int_equal(w->a.reply_bytes, 6);
    assert_memory_equal(w->a.reply, "n1\0b2", 6);
    assert_int_equal(xs_expect(&w->a, 0, "k", "v"), 0);
}

static void child_inherits_permissions_but_not_the_owner(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_path(&w->a, SPLITIO_XS_MKDIR, 0, "dir"), 0);
    assert_int_equal(xs_perms(&w->a, 0, "dir", "n1", "b2"), 0);
    assert_int_equal(xs_write(&w->b, 0, "/local/domain/1/dir/sub/x", "v"), 0);
    assert_int_equal(
        xs_path(&w->b, SPLITIO_XS_GET_PERMS, 0, "/local/domain/1/dir/sub"), 0);
    assert_memory_equal(w->b.reply, "n2\0b2", 6);
    assert_int_equal(stats(w, 2).nodes, 3);
}

static void owner_is_changed_by_domain_0_only(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_write(&w->a, 0, "k", "v"), 0);
    assert_int_equal(xs_perms(&w->a, 0, "k", "n2", NULL), SPLITIO_EACCES);
    assert_string_equal(w->a.reply, "EPERM");
    assert_int_equal(stats(w, 1).nodes, 2);
    assert_int_equal(xs_perms(&w->dom0, 0, "/local/domain/1/k", "n2", NULL), 0);
    assert_int_equal(stats(w, 1).nodes, 1);
    assert_int_equal(stats(w, 2).nodes, 2);
    assert_int_equal(xs_expect(&w->b, 0, "/local/domain/1/k", "v"), 0);
}

static void set_perms_needs_ownership_not_just_write(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_write(&w->a, 0, "k", "v"), 0);
    assert_int_equal(xs_perms(&w->a, 0, "k", "n1", "b2"), 0);
    assert_int_equal(xs_perms(&w->b, 0, "/local/domain/1/k", "b1", NULL),
                     SPLITIO_EACCES);
}

static void target_grants_the_targets_access(void **state)
{
    const char *const s[] = {"2", "1"};
    const char *const intro_a[] = {"1", "1", "1"};
    const char *const intro_b[] = {"2", "1", "1"};
    struct world *w = *state;

    assert_int_equal(xs_write(&w->a, 0, "k", "v"), 0);
    assert_int_equal(xs_talk_strings(&w->dom0, SPLITIO_XS_SET_TARGET, 0, 2, s),
                     SPLITIO_ENOENT);
    assert_int_equal(
        xs_talk_strings(&w->dom0, SPLITIO_XS_INTRODUCE, 0, 3, intro_a), 0);
    assert_int_equal(
        xs_talk_strings(&w->dom0, SPLITIO_XS_INTRODUCE, 0, 3, intro_b), 0);
    assert_int_equal(xs_talk_strings(&w->b, SPLITIO_XS_SET_TARGET, 0, 2, s),
                     SPLITIO_EACCES);
    assert_int_equal(xs_talk_strings(&w->dom0, SPLITIO_XS_SET_TARGET, 0, 2, s),
                     0);
    assert_int_equal(xs_expect(&w->b, 0, "/local/domain/1/k", "v"), 0);
    assert_int_equal(xs_write(&w->b, 0, "/local/domain/1/k", "x"), 0);
    splitio_store_server_domain_gone(w->s, 1);
    assert_int_equal(xs_write(&w->dom0, 0, "/local/domain/1/k", ""), 0);
    assert_int_equal(xs_expect(&w->b, 0, "/local/domain/1/k", ""),
                     SPLITIO_EACCES);
}

/* --- watches ----------------------------------------------------------- */

static void watch_fires_at_once_and_on_every_kind_of_change(void **state)
{
    struct world *w = *state;
    struct xs_peer *p = &w->dom0;

    assert_int_equal(xs_watch(p, "/x", "t"), 0);
    assert_int_equal(xs_peer_count(p, "/x", "t"), 1);
    assert_int_equal(p->nr_events, 1);
    assert_int_equal(xs_write(p, 0, "/x/y/z", "v"), 0);
    assert_int_equal(xs_peer_count(p, "/x/y/z", "t"), 1);
    assert_int_equal(p->nr_events, 2);
    assert_int_equal(xs_write(p, 0, "/x/y/z", "w"), 0);
    assert_int_equal(xs_peer_count(p, "/x/y/z", "t"), 2);
    assert_int_equal(xs_perms(p, 0, "/x/y", "n0", NULL), 0);
    assert_int_equal(xs_peer_count(p, "/x/y", "t"), 1);
    assert_int_equal(xs_path(p, SPLITIO_XS_MKDIR, 0, "/x/d"), 0);
    assert_int_equal(xs_peer_count(p, "/x/d", "t"), 1);
    assert_int_equal(xs_path(p, SPLITIO_XS_RM, 0, "/x/y"), 0);
    assert_int_equal(xs_peer_count(p, "/x/y", "t"), 2);
    xs_peer_forget(p);
    assert_int_equal(xs_write(p, 0, "/xy", "v"), 0);
    assert_int_equal(xs_write(p, 0, "/local/x", "v"), 0);
    assert_int_equal(p->nr_events, 0);
    assert_int_equal(xs_unwatch(p, "/x", "t"), 0);
    assert_int_equal(xs_write(p, 0, "/x", "v"), 0);
    assert_int_equal(p->nr_events, 0);
    assert_int_equal(xs_unwatch(p, "/x", "t"), SPLITIO_ENOENT);
}

static void watch_below_a_removed_node_fires_with_its_own_path(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_write(&w->dom0, 0, "/x/y/z", "v"), 0);
    assert_int_equal(xs_watch(&w->dom0, "/x/y/z", "t"), 0);
    assert_int_equal(xs_watch(&w->dom0, "/", "root"), 0);
    xs_peer_forget(&w->dom0);
    assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_RM, 0, "/x"), 0);
    assert_int_equal(xs_peer_count(&w->dom0, "/x/y/z", "t"), 1);
    assert_int_equal(xs_peer_count(&w->dom0, "/x", "root"), 1);
    assert_int_equal(w->dom0.nr_events, 2);
}

static void watch_on_relative_path_gets_relative_events(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_watch(&w->a, "device", "t"), 0);
    assert_int_equal(xs_peer_count(&w->a, "device", "t"), 1);
    assert_int_equal(xs_write(&w->dom0, 0, "/local/domain/1/device/vbd/0", ""),
                     0);
    xs_peer_drain(&w->a);
    /* It cannot read what domain 0 made, but its home is above it. */
    assert_int_equal(xs_write(&w->a, 0, "device/x", ""), 0);
    assert_int_equal(xs_peer_count(&w->a, "device/x", "t"), 1);
    assert_int_equal(xs_unwatch(&w->a, "device", "t"), 0);
}

static void watch_twice_is_eexist(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_watch(&w->a, "device", "t"), 0);
    assert_int_equal(xs_watch(&w->a, "device", "t"), SPLITIO_EEXIST);
    assert_int_equal(xs_watch(&w->a, "device", "u"), 0);
    assert_int_equal(xs_watch(&w->b, "device", "t"), 0);
    assert_int_equal(stats(w, 1).watches, 2);
}

static void watch_fires_only_for_who_may_read(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_write(&w->a, 0, "k", "v"), 0);
    assert_int_equal(xs_watch(&w->b, "/local/domain/1", "t"), 0);
    assert_int_equal(xs_watch(&w->b, "/", "t"), 0);
    xs_peer_forget(&w->b);
    assert_int_equal(xs_write(&w->a, 0, "k", "x"), 0);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_RM, 0, "k"), 0);
    xs_peer_drain(&w->b);
    assert_int_equal(w->b.nr_events, 0);
    assert_int_equal(xs_write(&w->a, 0, "k", "v"), 0);
    assert_int_equal(xs_perms(&w->a, 0, "k", "n1", "r2"), 0);
    xs_peer_drain(&w->b);
    assert_int_equal(xs_peer_count(&w->b, "/local/domain/1/k", "t"), 2);
    xs_peer_forget(&w->b);
    /* Losing the right, or the node, is the last that it learns. */
    assert_int_equal(xs_perms(&w->a, 0, "k", "n1", "n2"), 0);
    xs_peer_drain(&w->b);
    assert_int_equal(xs_peer_count(&w->b, "/local/domain/1/k", "t"), 2);
    assert_int_equal(xs_write(&w->a, 0, "k", "w"), 0);
    xs_peer_drain(&w->b);
    assert_int_equal(w->b.nr_events, 2);
    assert_int_equal(xs_perms(&w->a, 0, "k", "n1", "r2"), 0);
    xs_peer_forget(&w->b);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_RM, 0, "k"), 0);
    xs_peer_drain(&w->b);
    assert_int_equal(xs_peer_count(&w->b, "/local/domain/1/k", "t"), 2);
}

static void special_watch_fires_on_introduce_and_release(void **state)
{
    const char *const intro[] = {"5", "17", "3"};
    struct world *w = *state;
    struct xs_peer *p = &w->dom0;

    assert_int_equal(xs_watch(p, "@introduceDomain", "i"), 0);
    assert_int_equal(xs_watch(p, "@releaseDomain", "r"), 0);
    assert_int_equal(xs_watch(&w->a, "@releaseDomain", "r"), 0);
    xs_peer_forget(p);
    xs_peer_forget(&w->a);
    assert_int_equal(xs_talk_strings(p, SPLITIO_XS_INTRODUCE, 0, 3, intro), 0);
    assert_int_equal(xs_peer_count(p, "@introduceDomain", "i"), 1);
    assert_int_equal(p->nr_events, 1);
    assert_int_equal(xs_path(p, SPLITIO_XS_IS_DOMAIN_INTRODUCED, 0, "5"), 0);
    assert_string_equal(p->reply, "T");
    assert_int_equal(xs_path(p, SPLITIO_XS_RELEASE, 0, "5"), 0);
    assert_int_equal(xs_peer_count(p, "@releaseDomain", "r"), 1);
    xs_peer_drain(&w->a);
    assert_int_equal(w->a.nr_events, 0);
    assert_int_equal(xs_path(p, SPLITIO_XS_IS_DOMAIN_INTRODUCED, 0, "5"), 0);
    assert_string_equal(p->reply, "F");
    assert_int_equal(xs_path(p, SPLITIO_XS_RELEASE, 0, "5"), SPLITIO_ENOENT);
    /* With the permission, a guest learns of it too. */
    assert_int_equal(xs_perms(p, 0, "@releaseDomain", "n0", "r1"), 0);
    splitio_store_server_domain_gone(w->s, 7);
    xs_peer_drain(&w->a);
    assert_true(xs_peer_count(&w->a, "@releaseDomain", "r") > 0);
}

static void events_alike_are_queued_once(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_watch(&w->b, "/local/domain/2", "t"), 0);
    xs_peer_forget(&w->b);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(
            splitio_store_server_write_text(w->s, "/local/domain/2/k", "v"), 0);
    assert_int_equal(splitio_store_conn_pending(&w->b.conn), 1);
    xs_peer_drain(&w->b);
    assert_int_equal(w->b.nr_events, 1);
}

static void reset_watches_drops_watches_and_transactions(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_watch(&w->a, "k", "t"), 0);
    assert_int_not_equal(xs_begin(&w->a), 0);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_RESET_WATCHES, 0, ""), 0);
    assert_int_equal(stats(w, 1).watches, 0);
    assert_int_equal(stats(w, 1).transactions, 0);
}

/* --- transactions ------------------------------------------------------ */

static void tx_changes_show_inside_only_until_commit(void **state)
{
    struct world *w = *state;
    uint32_t tx;

    assert_int_equal(xs_write(&w->a, 0, "old", "1"), 0);
    tx = xs_begin(&w->a);
    assert_int_not_equal(tx, 0);
    assert_int_equal(xs_write(&w->a, tx, "d/new", "2"), 0);
    assert_int_equal(xs_write(&w->a, tx, "old", "3"), 0);
    assert_int_equal(xs_expect(&w->a, tx, "d/new", "2"), 0);
    assert_int_equal(xs_expect(&w->a, tx, "old", "3"), 0);
    assert_int_equal(xs_expect(&w->a, 0, "d/new", "2"), SPLITIO_ENOENT);
    assert_int_equal(xs_expect(&w->a, 0, "old", "1"), 0);
    assert_int_equal(stats(w, 1).nodes, 2);
    assert_int_equal(xs_end(&w->a, tx, true), 0);
    assert_int_equal(xs_expect(&w->a, 0, "d/new", "2"), 0);
    assert_int_equal(xs_expect(&w->a, 0, "old", "3"), 0);
    assert_int_equal(stats(w, 1).nodes, 4);
    assert_int_equal(stats(w, 1).transactions, 0);
    assert_int_equal(xs_end(&w->a, tx, true), SPLITIO_ENOENT);
}

static void tx_abort_changes_nothing(void **state)
{
    struct world *w = *state;
    uint32_t tx;

    assert_int_equal(xs_watch(&w->a, "k", "t"), 0);
    xs_peer_forget(&w->a);
    tx = xs_begin(&w->a);
    assert_int_equal(xs_write(&w->a, tx, "k", "v"), 0);
    assert_int_equal(xs_end(&w->a, tx, false), 0);
    assert_int_equal(xs_expect(&w->a, 0, "k", "v"), SPLITIO_ENOENT);
    assert_int_equal(w->a.nr_events, 0);
}

static void tx_fires_watches_at_commit(void **state)
{
    struct world *w = *state;
    uint32_t tx;

    assert_int_equal(xs_write(&w->a, 0, "gone/x", "v"), 0);
    assert_int_equal(xs_watch(&w->a, "k", "t"), 0);
    assert_int_equal(xs_watch(&w->a, "gone/x", "u"), 0);
    xs_peer_forget(&w->a);
    tx = xs_begin(&w->a);
    assert_int_equal(xs_write(&w->a, tx, "k/l", "v"), 0);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_RM, tx, "gone"), 0);
    assert_int_equal(xs_expect(&w->a, tx, "gone/x", "v"), SPLITIO_ENOENT);
    assert_int_equal(w->a.nr_events, 0);
    assert_int_equal(xs_end(&w->a, tx, true), 0);
    assert_int_equal(xs_peer_count(&w->a, "k/l", "t"), 1);
    assert_int_equal(xs_peer_count(&w->a, "gone/x", "u"), 1);
    assert_int_equal(w->a.nr_events, 2);
}

static void tx_whose_reads_changed_is_eagain(void **state)
{
    struct world *w = *state;
    uint32_t tx;

    assert_int_equal(xs_write(&w->a, 0, "k", "1"), 0);
    tx = xs_begin(&w->a);
    assert_int_equal(xs_expect(&w->a, tx, "k", "1"), 0);
    assert_int_equal(xs_write(&w->a, tx, "sum", "1"), 0);
    assert_int_equal(xs_write(&w->a, 0, "k", "2"), 0);
    assert_int_equal(xs_end(&w->a, tx, true), SPLITIO_EAGAIN);
    assert_int_equal(xs_expect(&w->a, 0, "sum", "1"), SPLITIO_ENOENT);
}

static void tx_that_saw_no_node_conflicts_with_its_creation(void **state)
{
    struct world *w = *state;
    uint32_t tx = xs_begin(&w->a), tx2 = xs_begin(&w->a);

    assert_int_equal(xs_expect(&w->a, tx, "k", ""), SPLITIO_ENOENT);
    assert_int_equal(xs_write(&w->a, tx, "other", "1"), 0);
    assert_int_equal(xs_write(&w->a, tx2, "k", "1"), 0);
    assert_int_equal(xs_end(&w->a, tx2, true), 0);
    assert_int_equal(xs_end(&w->a, tx, true), SPLITIO_EAGAIN);
}

static void tx_that_saw_a_node_come_and_go_is_eagain(void **state)
{
    struct world *w = *state;
    uint32_t tx = xs_begin(&w->a);

    assert_int_equal(xs_expect(&w->a, tx, "k", ""), SPLITIO_ENOENT);
    assert_int_equal(xs_write(&w->a, 0, "k", "1"), 0);
    assert_int_equal(xs_write(&w->a, tx, "k", "2"), 0);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_RM, 0, "k"), 0);
    assert_int_equal(xs_end(&w->a, tx, true), SPLITIO_EAGAIN);
    assert_int_equal(xs_expect(&w->a, 0, "k", ""), SPLITIO_ENOENT);
}

static void tx_that_listed_conflicts_with_a_new_child(void **state)
{
    struct world *w = *state;
    uint32_t tx;

    assert_int_equal(xs_write(&w->a, 0, "d/x", ""), 0);
    tx = xs_begin(&w->a);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_DIRECTORY, tx, "d"), 0);
    assert_int_equal(xs_write(&w->a, tx, "other", "1"), 0);
    assert_int_equal(xs_write(&w->a, 0, "d/y", ""), 0);
    assert_int_equal(xs_end(&w->a, tx, true), SPLITIO_EAGAIN);
}

static void tx_beside_unrelated_changes_commits(void **state)
{
    struct world *w = *state;
    uint32_t tx, tx2;

    assert_int_equal(xs_write(&w->a, 0, "d/x", ""), 0);
    tx = xs_begin(&w->a);
    tx2 = xs_begin(&w->a);
    assert_int_equal(xs_write(&w->a, tx, "d/y", "1"), 0);
    assert_int_equal(xs_write(&w->a, tx2, "d/z", "2"), 0);
    assert_int_equal(xs_write(&w->b, 0, "k", "v"), 0);
    assert_int_equal(xs_end(&w->a, tx, true), 0);
    assert_int_equal(xs_end(&w->a, tx2, true), 0);
    assert_int_equal(xs_expect(&w->a, 0, "d/y", "1"), 0);
    assert_int_equal(xs_expect(&w->a, 0, "d/z", "2"), 0);
}

static void tx_removes_and_makes_anew(void **state)
{
    struct world *w = *state;
    uint32_t tx;

    assert_int_equal(xs_write(&w->a, 0, "d/x/deep", "1"), 0);
    assert_int_equal(xs_write(&w->a, 0, "d/y", "1"), 0);
    tx = xs_begin(&w->a);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_RM, tx, "d"), 0);
    assert_int_equal(xs_write(&w->a, tx, "d/x", "2"), 0);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_DIRECTORY, tx, "d"), 0);
    assert_int_equal(w->a.reply_bytes, 2);
    assert_int_equal(xs_expect(&w->a, tx, "d/x/deep", ""), SPLITIO_ENOENT);
    assert_int_equal(xs_expect(&w->a, tx, "d/y", ""), SPLITIO_ENOENT);
    assert_int_equal(xs_end(&w->a, tx, true), 0);
    assert_int_equal(xs_expect(&w->a, 0, "d/x", "2"), 0);
    assert_int_equal(xs_expect(&w->a, 0, "d/x/deep", ""), SPLITIO_ENOENT);
    assert_int_equal(xs_expect(&w->a, 0, "d/y", ""), SPLITIO_ENOENT);
    assert_int_equal(stats(w, 1).nodes, 3);
}

static void tx_id_must_be_the_connections_own(void **state)
{
    struct world *w = *state;
    uint32_t tx = xs_begin(&w->a);

    assert_int_equal(xs_expect(&w->b, tx, "k", ""), SPLITIO_ENOENT);
    assert_int_equal(xs_end(&w->b, tx, true), SPLITIO_ENOENT);
    assert_int_equal(xs_end(&w->a, 0, true), SPLITIO_ENOENT);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_TRANSACTION_START, tx, ""),
                     SPLITIO_EBUSY);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_TRANSACTION_END, tx, "X"),
                     SPLITIO_EINVAL);
    assert_int_equal(xs_end(&w->a, tx, true), 0);
}

static void tx_of_a_closed_connection_is_gone(void **state)
{
    struct world *w = *state;
    uint32_t tx = xs_begin(&w->a);

    assert_int_equal(xs_write(&w->a, tx, "k", "v"), 0);
    xs_peer_close(&w->a);
    assert_int_equal(stats(w, 1).transactions, 0);
    assert_int_equal(stats(w, 1).nodes, 1);
    assert_true(splitio_store_server_is_valid(w->s));
}

/* --- domains ----------------------------------------------------------- */

static void domain_gone_leaves_nothing_behind(void **state)
{
    struct world *w = *state;
    uint32_t tx, tx0;

    assert_int_equal(splitio_store_server_introduce(w->s, 1), 0);
    assert_int_equal(xs_write(&w->a, 0, "device/vbd/0/state", "4"), 0);
    assert_int_equal(xs_watch(&w->a, "device", "t"), 0);
    assert_int_equal(xs_watch(&w->dom0, "/local/domain/1", "t"), 0);
    assert_int_equal(xs_write(&w->b, 0, "shared", "v"), 0);
    assert_int_equal(xs_perms(&w->b, 0, "shared", "n2", "b1"), 0);
    tx = xs_begin(&w->a);
    assert_int_equal(xs_write(&w->a, tx, "x", "v"), 0);
    tx0 = xs_begin(&w->dom0);
    assert_int_equal(xs_perms(&w->dom0, tx0, "/local", "n1", NULL), 0);
    splitio_store_server_domain_gone(w->s, 1);
    assert_int_equal(splitio_store_conn_status(&w->a.conn), SPLITIO_ECLOSED);
    assert_int_equal(stats(w, 1).nodes, 0);
    assert_int_equal(stats(w, 1).watches, 0);
    assert_int_equal(stats(w, 1).transactions, 0);
    assert_int_equal(stats(w, 1).outstanding, 0);
    assert_int_equal(stats(w, 1).memory_bytes, 0);
    assert_int_equal(stats(w, 1).conns, 0);
    assert_true(splitio_store_server_is_valid(w->s));
    assert_int_equal(xs_end(&w->dom0, tx0, true), SPLITIO_EAGAIN);
    assert_int_equal(xs_expect(&w->dom0, 0, "/local/domain/1", ""),
                     SPLITIO_ENOENT);
    /* Who gets the id next inherits no access. */
    xs_peer_close(&w->a);
    assert_int_equal(xs_peer_open(&w->a, w->s, 1), 0);
    assert_int_equal(xs_expect(&w->a, 0, "/local/domain/2/shared", "v"),
                     SPLITIO_EACCES);
}

static int watch_depth(struct xs_peer *p, const char *path, const char *token,
                       const char *depth)
{
    const char *const s[] = {path, token, depth};

    return xs_talk_strings(p, SPLITIO_XS_WATCH, 0, 3, s);
}

static void watch_with_depth_fires_no_deeper(void **state)
{
    struct world *w = *state;
    struct xs_peer *p = &w->dom0;

    assert_int_equal(watch_depth(p, "/x", "0", "0"), 0);
    assert_int_equal(watch_depth(p, "/x", "1", "1"), 0);
    assert_int_equal(watch_depth(p, "/", "r", "1"), 0);
    assert_int_equal(watch_depth(p, "/x", "bad", "-1"), SPLITIO_EINVAL);
    assert_int_equal(watch_depth(p, "/x", "bad", ""), SPLITIO_EINVAL);
    xs_peer_forget(p);
    assert_int_equal(xs_write(p, 0, "/x", ""), 0);
    assert_int_equal(p->nr_events, 3);
    xs_peer_forget(p);
    assert_int_equal(xs_write(p, 0, "/x/y", ""), 0);
    assert_int_equal(p->nr_events, 1);
    assert_int_equal(xs_peer_count(p, "/x/y", "1"), 1);
    assert_int_equal(xs_write(p, 0, "/x/y/z", ""), 0);
    assert_int_equal(p->nr_events, 1);
    assert_int_equal(xs_path(p, SPLITIO_XS_RM, 0, "/x"), 0);
    assert_int_equal(xs_peer_count(p, "/x", "0"), 1);
    assert_int_equal(xs_peer_count(p, "/x", "r"), 1);
}

static void special_watch_with_depth_names_the_domain(void **state)
{
    struct world *w = *state;
    struct xs_peer *p = &w->dom0;

    assert_int_equal(watch_depth(p, "@releaseDomain", "d", "1"), 0);
    assert_int_equal(xs_watch(p, "@releaseDomain", "n"), 0);
    assert_int_equal(xs_watch(p, "@releaseDomain/5", "five"), 0);
    assert_int_equal(xs_watch(p, "@releaseDomain/6", "six"), 0);
    assert_int_equal(splitio_store_server_introduce(w->s, 5), 0);
    xs_peer_forget(p);
    splitio_store_server_domain_gone(w->s, 5);
    xs_peer_drain(p);
    assert_int_equal(xs_peer_count(p, "@releaseDomain/5", "d"), 1);
    assert_int_equal(xs_peer_count(p, "@releaseDomain", "n"), 1);
    assert_int_equal(xs_peer_count(p, "@releaseDomain/5", "five"), 1);
    assert_int_equal(p->nr_events, 3);
}

static void features_are_set_before_introduction(void **state)
{
    const char *const set[] = {"5", "1"};
    const char *const bad[] = {"5", "8"};
    struct world *w = *state;
    struct xs_peer *p = &w->dom0;
    struct splitio_xs_page page;
    struct xs_peer five;

    memset(&page, 0, sizeof(page));
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_GET_FEATURE, 0, ""), 0);
    assert_string_equal(w->a.reply, "7");
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_GET_FEATURE, 0, "5"),
                     SPLITIO_EACCES);
    assert_int_equal(xs_talk_strings(p, SPLITIO_XS_SET_FEATURE, 0, 2, bad),
                     SPLITIO_EINVAL);
    assert_int_equal(xs_talk_strings(p, SPLITIO_XS_SET_FEATURE, 0, 2, set), 0);
    assert_int_equal(xs_path(p, SPLITIO_XS_GET_FEATURE, 0, "5"), 0);
    assert_string_equal(p->reply, "1");
    assert_int_equal(xs_peer_open(&five, w->s, 5), 0);
    assert_int_equal(watch_depth(&five, "k", "t", "1"), SPLITIO_EINVAL);
    assert_int_equal(splitio_store_conn_attach_ring(&five.conn, &page), 0);
    assert_int_equal(splitio_le32(page.server_features), 1);
    assert_int_equal(splitio_store_server_introduce(w->s, 5), 0);
    assert_int_equal(xs_talk_strings(p, SPLITIO_XS_SET_FEATURE, 0, 2, set),
                     SPLITIO_EBUSY);
    splitio_store_server_domain_gone(w->s, 5);
    assert_int_equal(xs_path(p, SPLITIO_XS_GET_FEATURE, 0, "5"), 0);
    assert_string_equal(p->reply, "7");
}

static void quotas_are_domain_0s_to_set(void **state)
{
    const char *const get[] = {"1", "nodes"};
    const char *const set[] = {"1", "nodes", "2"};
    const char *const all[] = {"1", "nodes", "0"};
    const char *const bad[] = {"1", "none", "2"};
    struct world *w = *state;
    struct xs_peer *p = &w->dom0;

    assert_int_equal(xs_path(p, SPLITIO_XS_GET_QUOTA, 0, ""), 0);
    assert_non_null(strstr(p->reply, "nodes watches "));
    assert_int_equal(xs_path(p, SPLITIO_XS_GET_QUOTA, 0, "memory"), 0);
    assert_string_equal(p->reply, "2621440");
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_GET_QUOTA, 0, "memory"),
                     SPLITIO_EACCES);
    assert_int_equal(xs_talk_strings(&w->a, SPLITIO_XS_SET_QUOTA, 0, 3, all),
                     SPLITIO_EACCES);
    assert_int_equal(xs_talk_strings(p, SPLITIO_XS_SET_QUOTA, 0, 3, bad),
                     SPLITIO_EINVAL);
    assert_int_equal(xs_talk_strings(p, SPLITIO_XS_SET_QUOTA, 0, 3, set), 0);
    assert_int_equal(xs_talk_strings(p, SPLITIO_XS_GET_QUOTA, 0, 2, get), 0);
    assert_string_equal(p->reply, "2");
    assert_int_equal(xs_write(&w->a, 0, "x", ""), 0);
    assert_int_equal(xs_write(&w->a, 0, "y", ""), SPLITIO_ENOSPC);
    assert_int_equal(xs_write(&w->b, 0, "x/y", ""), 0);
    assert_int_equal(xs_talk_strings(p, SPLITIO_XS_SET_QUOTA, 0, 3, all), 0);
    assert_int_equal(xs_write(&w->a, 0, "y", ""), 0);
    splitio_store_server_domain_gone(w->s, 1);
    assert_int_equal(xs_talk_strings(p, SPLITIO_XS_GET_QUOTA, 0, 2, get), 0);
    assert_string_equal(p->reply, "1000");
}

static void domain_requests_are_for_domain_0(void **state)
{
    const char *const intro[] = {"3", "1", "1"};
    const char *const zero[] = {"0", "1", "1"};
    const char *const special[] = {"32752", "1", "1"};
    const char *const bad[] = {"x", "1", "1"};
    struct world *w = *state;

    assert_int_equal(xs_talk_strings(&w->a, SPLITIO_XS_INTRODUCE, 0, 3, intro),
                     SPLITIO_EACCES);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_RELEASE, 0, "2"),
                     SPLITIO_EACCES);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_RESUME, 0, "2"), SPLITIO_EACCES);
    assert_int_equal(
        xs_talk_strings(&w->dom0, SPLITIO_XS_INTRODUCE, 0, 3, zero),
        SPLITIO_EINVAL);
    assert_int_equal(
        xs_talk_strings(&w->dom0, SPLITIO_XS_INTRODUCE, 0, 3, special),
        SPLITIO_EINVAL);
    assert_int_equal(xs_talk_strings(&w->dom0, SPLITIO_XS_INTRODUCE, 0, 3, bad),
                     SPLITIO_EINVAL);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_GET_DOMAIN_PATH, 0, "007"), 0);
    assert_string_equal(w->a.reply, "/local/domain/7");
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_GET_DOMAIN_PATH, 0, "65536"),
                     SPLITIO_EINVAL);
}

static void embedder_changes_the_tree_as_domain_0(void **state)
{
    const struct splitio_xs_perm perms[] = {{0, 0}, {1, 3}};
    struct world *w = *state;
    const void *value;
    size_t len;

    assert_int_equal(splitio_store_server_write_text(w->s, "/e/k", "v"), 0);
    assert_int_equal(splitio_store_server_read(w->s, "/e/k", &value, &len), 0);
    assert_int_equal(len, 1);
    assert_memory_equal(value, "v", 1);
    assert_int_equal(splitio_store_server_set_perms(w->s, "/e/k", perms, 2), 0);
    assert_int_equal(xs_write(&w->a, 0, "/e/k", "w"), 0);
    assert_int_equal(splitio_store_server_mkdir(w->s, "/e/d"), 0);
    assert_int_equal(splitio_store_server_rm(w->s, "/e"), 0);
    assert_int_equal(splitio_store_server_read(w->s, "/e/k", &value, &len),
                     SPLITIO_ENOENT);
    assert_int_equal(splitio_store_server_write_text(w->s, "e", "v"),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_store_server_write_text(w->s, "/e//", "v"),
                     SPLITIO_EINVAL);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(write_creates_parents_with_empty_values),
        CASE(read_of_absent_node_is_enoent),
        CASE(mkdir_of_existing_node_keeps_its_value),
        CASE(rm_takes_the_subtree),
        CASE(rm_of_absent_node_needs_its_parent),
        CASE(directory_lists_children),
        CASE(directory_too_long_is_read_in_parts),
        CASE(relative_path_is_below_the_domains_home),
        CASE(bad_path_is_einval),
        CASE(unknown_type_is_enosys),
        CASE(control_is_for_domain_0),
        CASE(guest_cannot_touch_anothers_home),
        CASE(entries_grant_each_kind_of_access),
        CASE(get_perms_returns_what_was_set),
        CASE(child_inherits_permissions_but_not_the_owner),
        CASE(owner_is_changed_by_domain_0_only),
        CASE(set_perms_needs_ownership_not_just_write),
        CASE(target_grants_the_targets_access),
        CASE(watch_fires_at_once_and_on_every_kind_of_change),
        CASE(watch_below_a_removed_node_fires_with_its_own_path),
        CASE(watch_on_relative_path_gets_relative_events),
        CASE(watch_twice_is_eexist),
        CASE(watch_fires_only_for_who_may_read),
        CASE(special_watch_fires_on_introduce_and_release),
        CASE(events_alike_are_queued_once),
        CASE(reset_watches_drops_watches_and_transactions),
        CASE(tx_changes_show_inside_only_until_commit),
        CASE(tx_abort_changes_nothing),
        CASE(tx_fires_watches_at_commit),
        CASE(tx_whose_reads_changed_is_eagain),
        CASE(tx_that_saw_no_node_conflicts_with_its_creation),
        CASE(tx_that_saw_a_node_come_and_go_is_eagain),
        CASE(tx_that_listed_conflicts_with_a_new_child),
        CASE(tx_beside_unrelated_changes_commits),
        CASE(tx_removes_and_makes_anew),
        CASE(tx_id_must_be_the_connections_own),
        CASE(tx_of_a_closed_connection_is_gone),
        CASE(domain_gone_leaves_nothing_behind),
        CASE(watch_with_depth_fires_no_deeper),
        CASE(special_watch_with_depth_names_the_domain),
        CASE(features_are_set_before_introduction),
        CASE(quotas_are_domain_0s_to_set),
        CASE(domain_requests_are_for_domain_0),
        CASE(embedder_changes_the_tree_as_domain_0),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
