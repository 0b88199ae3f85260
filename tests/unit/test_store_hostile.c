/* SPDX-License-Identifier: BSD-2-Clause */
/* The store server and guests that want its memory, its time or its secrets. */
#include "cm.h"
#include "xs_talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA (16u << 20)

struct world {
    void *arena;
    struct splitio_store_server *s;
    struct xs_peer dom0, a, b; /* domains 0, 1, 2 */
};

static void make_home(struct world *w, unsigned domid)
{
    struct splitio_xs_perm perm = {(uint16_t)domid, 0};
    char home[SPLITIO_XS_DOMAIN_PATH_MAX];

    splitio_xs_domain_path(home, (splitio_domid_t)domid);
    assert_int_equal(splitio_store_server_mkdir(w->s, home), 0);
    assert_int_equal(splitio_store_server_set_perms(w->s, home, &perm, 1), 0);
}

static int setup_with(void **state, size_t arena_bytes)
{
    struct world *w = calloc(1, sizeof(*w));

    w->arena = malloc(arena_bytes);
    memset(w->arena, 0xa5, arena_bytes);
    assert_int_equal(
        splitio_store_server_init(&w->s, w->arena, arena_bytes, NULL), 0);
    assert_int_equal(xs_peer_open(&w->dom0, w->s, 0), 0);
    assert_int_equal(xs_peer_open(&w->a, w->s, 1), 0);
    assert_int_equal(xs_peer_open(&w->b, w->s, 2), 0);
    make_home(w, 1);
    make_home(w, 2);
    *state = w;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, ARENA);
}

static int setup_small(void **state)
{
    return setup_with(state, 256u << 10);
}

static int teardown(void **state)
{
    struct world *w = *state;
    bool valid = splitio_store_server_is_valid(w->s);
    struct splitio_store_stats st;

    splitio_store_server_domain_gone(w->s, 1);
    splitio_store_server_domain_gone(w->s, 2);
    splitio_store_server_domain_stats(w->s, 1, &st);
    valid = valid && st.nodes == 0 && st.memory_bytes == 0;
    valid = valid && splitio_store_server_is_valid(w->s);
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

/* Others are served as ever. */
static void b_is_well(struct world *w)
{
    assert_int_equal(xs_write(&w->b, 0, "well", "yes"), 0);
    assert_int_equal(xs_expect(&w->b, 0, "well", "yes"), 0);
    assert_int_equal(xs_path(&w->b, SPLITIO_XS_RM, 0, "well"), 0);
}

/* --- frames ------------------------------------------------------------ */

static void frame_too_long_makes_the_connection_bad(void **state)
{
    static const uint32_t lens[] = {SPLITIO_XS_PAYLOAD_MAX + 1, INT32_MAX,
                                    UINT32_MAX};
    struct world *w = *state;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(lens); i++) {
        struct splitio_xs_msg head = {SPLITIO_XS_READ, 1, 0, lens[i]};
        struct xs_peer p;

        assert_int_equal(xs_peer_open(&p, w->s, 1), 0);
        assert_int_equal(xs_watch(&p, "k", "t"), 0);
        assert_int_not_equal(xs_begin(&p), 0);
        assert_int_equal(splitio_store_conn_input(&p.conn, &head, sizeof(head)),
                         SPLITIO_EPROTO);
        assert_int_equal(splitio_store_conn_status(&p.conn), SPLITIO_EPROTO);
        assert_int_equal(splitio_store_conn_room(&p.conn), 0);
        assert_int_equal(splitio_store_conn_input(&p.conn, "x", 1),
                         SPLITIO_EPROTO);
        assert_int_equal(splitio_store_conn_output(&p.conn, &head, 1),
                         SPLITIO_EPROTO);
        assert_int_equal(stats(w, 1).watches, 0);
        assert_int_equal(stats(w, 1).transactions, 0);
        assert_int_equal(stats(w, 1).conns, 2);
        xs_peer_close(&p);
        assert_int_equal(stats(w, 1).conns, 1);
        b_is_well(w);
    }
}

static void frame_of_full_length_in_single_bytes_is_served(void **state)
{
    struct world *w = *state;
    struct splitio_xs_msg head = {SPLITIO_XS_WRITE, 1, 0,
                                  SPLITIO_XS_PAYLOAD_MAX};
    char body[SPLITIO_XS_PAYLOAD_MAX] = "/big";

    for (unsigned i = 0; i < sizeof(head); i++)
        assert_int_equal(
            splitio_store_conn_input(&w->dom0.conn, (char *)&head + i, 1), 1);
    for (unsigned i = 0; i < sizeof(body); i++)
        assert_int_equal(splitio_store_conn_input(&w->dom0.conn, body + i, 1),
                         1);
    xs_peer_drain(&w->dom0);
    assert_int_equal(w->dom0.reply_type, SPLITIO_XS_WRITE);
    assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_READ, 0, "/big"), 0);
    assert_int_equal(w->dom0.reply_bytes, SPLITIO_XS_PAYLOAD_MAX - 5);
}

static void random_bytes_hurt_only_their_sender(void **state)
{
    struct world *w = *state;
    unsigned bad = 0;

    srand(7);
    for (unsigned i = 0; i < 3000; i++) {
        struct splitio_xs_msg head = {
            (uint32_t)rand() % 30, (uint32_t)rand(), (uint32_t)rand() % 4,
            (uint32_t)rand() % (rand() % 50 ? 300 : 5000)};
        char body[5000];
        int err;

        for (unsigned k = 0; k < sizeof(body); k++)
            body[k] = rand() % 3 ? "/a01b@-\0\xff"[rand() % 9] : 0;
        if (rand() % 2)
            memcpy(body, "device/a", 9);
        if (splitio_store_conn_status(&w->a.conn)) {
            bad++;
            xs_peer_close(&w->a);
            assert_int_equal(xs_peer_open(&w->a, w->s, 1), 0);
        }
        err = xs_talk(&w->a, head.type, head.tx_id, body, head.len);
        assert_true(err <= 0 && err != XS_TALK_NO_REPLY);
        if (i % 100 == 0) {
            assert_true(splitio_store_server_is_valid(w->s));
            b_is_well(w);
        }
    }
    assert_true(bad > 5);
}

static void unread_replies_stop_the_input(void **state)
{
    struct world *w = *state;
    struct splitio_xs_msg head = {SPLITIO_XS_READ, 1, 0, 2};
    char request[sizeof(head) + 2];
    size_t before, sent = 0;

    memcpy(request, &head, sizeof(head));
    memcpy(request + sizeof(head), "k", 2);
    before = stats(w, 1).memory_bytes;
    for (unsigned i = 0; i < 1000; i++) {
        int n = splitio_store_conn_input(&w->a.conn, request, sizeof(request));

        assert_true(n >= 0);
        sent += (size_t)n;
    }
    assert_true(sent <= 2 * sizeof(request)); /* one done, one waiting */
    assert_int_equal(splitio_store_conn_room(&w->a.conn), 0);
    assert_int_equal(stats(w, 1).memory_bytes, before);
    b_is_well(w);
}

/* --- paths and tokens -------------------------------------------------- */

static void deepest_path_is_walked_without_recursion(void **state)
{
    struct world *w = *state;
    char path[SPLITIO_XS_ABS_PATH_MAX + 1];
    uint32_t tx;

    for (unsigned i = 0; i < SPLITIO_XS_ABS_PATH_MAX; i++)
        path[i] = i % 2 ? 'a' : '/';
    path[SPLITIO_XS_ABS_PATH_MAX] = '\0';
    assert_int_equal(xs_write(&w->dom0, 0, path, "deep"), 0);
    assert_int_equal(xs_expect(&w->dom0, 0, path, "deep"), 0);
    assert_int_equal(xs_watch(&w->dom0, path, "t"), 0);
    tx = xs_begin(&w->dom0);
    assert_int_equal(xs_write(&w->dom0, tx, path, "deeper"), 0);
    assert_int_equal(xs_end(&w->dom0, tx, true), 0);
    assert_true(splitio_store_server_is_valid(w->s));
    xs_peer_forget(&w->dom0);
    assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_RM, 0, "/a"), 0);
    assert_int_equal(w->dom0.nr_events, 1);
    assert_int_equal(xs_write(&w->a, 0, path, ""), SPLITIO_EACCES);
}

static void token_too_long_for_an_event_is_refused(void **state)
{
    struct world *w = *state;
    char token[1100], path[SPLITIO_XS_ABS_PATH_MAX + 1];
    unsigned max = SPLITIO_XS_PAYLOAD_MAX - SPLITIO_XS_ABS_PATH_MAX - 2;

    memset(token, 't', sizeof(token));
    token[max + 1] = '\0';
    assert_int_equal(xs_watch(&w->dom0, "/", token), SPLITIO_E2BIG);
    token[max] = '\0';
    assert_int_equal(xs_watch(&w->dom0, "/", token), 0);
    memset(path, 'p', sizeof(path));
    path[0] = '/';
    path[SPLITIO_XS_ABS_PATH_MAX] = '\0';
    xs_peer_forget(&w->dom0);
    assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_MKDIR, 0, path), 0);
    assert_int_equal(w->dom0.nr_events, 1);
    assert_int_equal(xs_watch(&w->dom0, "/", ""), 0);
    assert_int_equal(xs_unwatch(&w->dom0, "/", ""), 0);
}

static void relative_path_may_not_grow_too_long(void **state)
{
    struct world *w = *state;
    char path[SPLITIO_XS_REL_PATH_MAX + 2];

    memset(path, 'p', sizeof(path));
    path[SPLITIO_XS_REL_PATH_MAX + 1] = '\0';
    assert_int_equal(xs_write(&w->dom0, 0, path, ""), SPLITIO_EINVAL);
    path[SPLITIO_XS_REL_PATH_MAX] = '\0';
    assert_int_equal(xs_write(&w->dom0, 0, path, ""), 0);
    assert_int_equal(xs_expect(&w->dom0, 0, path, ""), 0);
}

/* --- quotas ------------------------------------------------------------ */

static int write_n(struct xs_peer *p, uint32_t tx, const char *dir, unsigned i)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/n%u", dir, i);
    return xs_write(p, tx, path, "v");
}

static void node_quota_is_exact(void **state)
{
    struct world *w = *state;
    unsigned i = 0;

    while (write_n(&w->a, 0, "d", i) == 0)
        i++;
    assert_int_equal(stats(w, 1).nodes, 1000);
    assert_int_equal(i, 998); /* the home and the directory count */
    assert_int_equal(write_n(&w->a, 0, "d", i), SPLITIO_ENOSPC);
    assert_int_equal(write_n(&w->a, 0, "d", 0), 0);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_MKDIR, 0, "x"), SPLITIO_ENOSPC);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_RM, 0, "d/n0"), 0);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_MKDIR, 0, "x/y"),
                     SPLITIO_ENOSPC);
    assert_int_equal(xs_expect(&w->a, 0, "x", ""), SPLITIO_ENOENT);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_MKDIR, 0, "x"), 0);
    assert_int_equal(
        splitio_store_server_write_text(w->s, "/local/domain/1/from0", "v"), 0);
    b_is_well(w);
}

static void node_quota_holds_at_commit(void **state)
{
    struct world *w = *state;
    uint32_t tx[2];

    for (unsigned i = 0; i < 997; i++)
        assert_int_equal(write_n(&w->a, 0, "d", i), 0);
    assert_int_equal(stats(w, 1).nodes, 999);
    tx[0] = xs_begin(&w->a);
    tx[1] = xs_begin(&w->a);
    assert_int_equal(xs_write(&w->a, tx[0], "x", ""), 0);
    assert_int_equal(xs_write(&w->a, tx[0], "y", ""), SPLITIO_ENOSPC);
    assert_int_equal(xs_write(&w->a, tx[1], "z", ""), 0);
    assert_int_equal(xs_end(&w->a, tx[0], true), 0);
    assert_int_equal(xs_end(&w->a, tx[1], true), SPLITIO_ENOSPC);
    assert_int_equal(stats(w, 1).nodes, 1000);
    /* What it removes itself makes room. */
    tx[0] = xs_begin(&w->a);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_RM, tx[0], "d"), 0);
    assert_int_equal(xs_write(&w->a, tx[0], "new/y", ""), 0);
    assert_int_equal(xs_end(&w->a, tx[0], true), 0);
    assert_int_equal(stats(w, 1).nodes, 4);
}

static void tx_quotas_hold(void **state)
{
    struct world *w = *state;
    uint32_t tx[10];
    unsigned n = 0;

    for (unsigned i = 0; i < 10; i++) {
        tx[i] = xs_begin(&w->a);
        assert_int_not_equal(tx[i], 0);
    }
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_TRANSACTION_START, 0, ""),
                     SPLITIO_ENOSPC);
    b_is_well(w);
    while (n < 2000) {
        char path[32];
        int err;

        snprintf(path, sizeof(path), "absent%u", n);
        err = xs_path(&w->a, SPLITIO_XS_READ, tx[0], path);
        if (err == SPLITIO_ENOSPC)
            break;
        assert_int_equal(err, SPLITIO_ENOENT);
        n++;
    }
    assert_int_equal(n, 1024 - 4); /* /, local, domain, 1 */
    assert_int_equal(xs_end(&w->a, tx[0], true), 0);
    assert_int_not_equal(xs_begin(&w->a), 0);
}

static void watch_quota_holds(void **state)
{
    struct world *w = *state;
    char token[8];

    for (unsigned i = 0; i < 128; i++) {
        snprintf(token, sizeof(token), "%u", i);
        assert_int_equal(xs_watch(&w->a, "k", token), 0);
    }
    assert_int_equal(xs_watch(&w->a, "k", "x"), SPLITIO_ENOSPC);
    assert_int_equal(xs_unwatch(&w->a, "k", "5"), 0);
    assert_int_equal(xs_watch(&w->a, "k", "x"), 0);
    assert_int_equal(xs_watch(&w->b, "k", "x"), 0);
}

static void node_size_and_permission_quotas_hold(void **state)
{
    const char *const six[] = {"k", "n1", "r2", "r3", "r4", "r5", "r6"};
    struct world *w = *state;
    char value[2100];

    memset(value, 'v', sizeof(value));
    value[2048] = '\0';
    assert_int_equal(xs_write(&w->a, 0, "k", value), SPLITIO_ENOSPC);
    assert_int_equal(xs_expect(&w->a, 0, "k", ""), SPLITIO_ENOENT);
    value[2043] = '\0'; /* and one for the name, four for the owner */
    assert_int_equal(xs_write(&w->a, 0, "k", value), 0);
    assert_int_equal(xs_perms(&w->a, 0, "k", "n1", "r2"), SPLITIO_ENOSPC);
    assert_int_equal(xs_write(&w->a, 0, "k", ""), 0);
    assert_int_equal(xs_talk_strings(&w->a, SPLITIO_XS_SET_PERMS, 0, 7, six),
                     SPLITIO_ENOSPC);
    assert_int_equal(xs_talk_strings(&w->a, SPLITIO_XS_SET_PERMS, 0, 6, six),
                     0);
}

static void failed_creation_leaves_no_parents(void **state)
{
    struct world *w = *state;
    char value[2100];
    uint32_t tx = xs_begin(&w->a);

    memset(value, 'v', sizeof(value));
    value[2099] = '\0';
    assert_int_equal(xs_write(&w->a, 0, "p/q/r", value), SPLITIO_ENOSPC);
    assert_int_equal(xs_expect(&w->a, 0, "p", ""), SPLITIO_ENOENT);
    assert_int_equal(xs_write(&w->a, tx, "p/q/r", value), SPLITIO_ENOSPC);
    assert_int_equal(xs_expect(&w->a, tx, "p", ""), SPLITIO_ENOENT);
    assert_int_equal(xs_end(&w->a, tx, true), 0);
    assert_int_equal(xs_expect(&w->a, 0, "p", ""), SPLITIO_ENOENT);
    assert_int_equal(stats(w, 1).nodes, 1);
}

static void memory_quota_stops_what_the_others_allow(void **state)
{
    struct world *w = *state;
    char value[2000];
    unsigned refused = 0;

    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    for (unsigned t = 0; t < 4; t++) {
        uint32_t tx = xs_begin(&w->a);

        for (unsigned i = 0; i < 900; i++) {
            char path[32];
            int err;

            snprintf(path, sizeof(path), "n%u", i);
            err = xs_write(&w->a, tx, path, value);
            assert_true(err == 0 || err == SPLITIO_ENOMEM);
            refused += err != 0;
        }
    }
    assert_true(refused > 1000);
    assert_true(stats(w, 1).memory_bytes <= 2621440);
    b_is_well(w);
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_RESET_WATCHES, 0, ""), 0);
    assert_int_equal(xs_write(&w->a, 0, "k", value), 0);
}

static void full_arena_refuses_and_recovers(void **state)
{
    struct world *w = *state;
    struct splitio_store_stats before, after;
    unsigned n = 0;
    int err;

    splitio_store_server_stats(w->s, &before);
    while ((err = write_n(&w->dom0, 0, "/fill", n)) == 0)
        n++;
    assert_int_equal(err, SPLITIO_ENOMEM);
    assert_true(n > 500);
    /* Each kind of request, with nothing left. */
    xs_watch(&w->a, "k", "t");
    xs_begin(&w->a);
    xs_write(&w->a, 0, "k/l/m/n", "v");
    xs_perms(&w->a, 0, "", "n1", "r2");
    assert_int_equal(splitio_store_server_write_text(w->s, "/o/p/q", "v"),
                     SPLITIO_ENOMEM);
    assert_true(splitio_store_server_is_valid(w->s));
    assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_RM, 0, "/fill"), 0);
    xs_path(&w->a, SPLITIO_XS_RM, 0, "k");
    assert_int_equal(xs_path(&w->a, SPLITIO_XS_RESET_WATCHES, 0, ""), 0);
    splitio_store_server_stats(w->s, &after);
    assert_int_equal(after.memory_bytes, before.memory_bytes);
    b_is_well(w);
}

/* Requests of every kind that needs memory, whatever they return. */
static void work(struct world *w, struct xs_peer *extra)
{
    uint32_t tx;

    if (xs_peer_open(extra, w->s, 3) == 0)
        xs_write(extra, 0, "/local/domain/1/open/x", "v");
    xs_write(&w->a, 0, "d/e/f", "value");
    xs_perms(&w->a, 0, "d", "b1", "r2");
    xs_watch(&w->a, "d", "t");
    xs_watch(&w->dom0, "/local", "t");
    xs_write(&w->a, 0, "d/e/g", "value");
    tx = xs_begin(&w->a);
    xs_write(&w->a, tx, "d/e/f", "other");
    xs_write(&w->a, tx, "x/y/z", "new");
    xs_path(&w->a, SPLITIO_XS_RM, tx, "d/e/g");
    xs_end(&w->a, tx, true);
    tx = xs_begin(&w->dom0);
    xs_write(&w->dom0, tx, "/local/domain/1/d/h", "v");
    xs_perms(&w->dom0, tx, "/local/domain/1/d/h", "n3", NULL);
    xs_end(&w->dom0, tx, true);
    splitio_store_server_introduce(w->s, 4);
}

static void every_allocation_may_fail(void **state)
{
    struct world *w = *state;
    struct splitio_store_stats before, after;
    struct xs_peer extra;

    splitio_store_server_stats(w->s, &before);
    /* With room for sixty more, nothing fails any more. */
    for (unsigned free_nodes = 0; free_nodes < 60; free_nodes++) {
        unsigned n = 0;

        while (write_n(&w->dom0, 0, "/fill", n) == 0)
            n++;
        for (unsigned i = 0; i < free_nodes; i++) {
            char path[32];

            /* Every third: what is free is in pieces. */
            snprintf(path, sizeof(path), "/fill/n%u", i * 3 % n);
            assert_int_equal(splitio_store_server_rm(w->s, path), 0);
        }
        work(w, &extra);
        assert_true(splitio_store_server_is_valid(w->s));
        xs_peer_close(&extra);
        splitio_store_server_domain_gone(w->s, 3);
        splitio_store_server_domain_gone(w->s, 4);
        assert_int_equal(splitio_store_server_rm(w->s, "/fill"), 0);
        splitio_store_server_rm(w->s, "/local/domain/1/d");
        splitio_store_server_rm(w->s, "/local/domain/1/x");
        splitio_store_server_rm(w->s, "/local/domain/1/open");
        assert_int_equal(xs_path(&w->a, SPLITIO_XS_RESET_WATCHES, 0, ""), 0);
        assert_int_equal(xs_path(&w->dom0, SPLITIO_XS_RESET_WATCHES, 0, ""), 0);
        splitio_store_server_stats(w->s, &after);
        assert_int_equal(after.memory_bytes, before.memory_bytes);
        assert_int_equal(after.nodes, before.nodes);
    }
}

/* --- events ------------------------------------------------------------ */

static void events_for_who_does_not_read_are_bounded(void **state)
{
    struct world *w = *state;
    char path[64];

    assert_int_equal(xs_watch(&w->a, "dir", "t"), 0);
    xs_peer_forget(&w->a);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(path, sizeof(path), "/local/domain/1/dir/k%u", i);
        assert_int_equal(splitio_store_server_write_text(w->s, path, "v"), 0);
    }
    assert_int_equal(splitio_store_conn_pending(&w->a.conn), 257);
    assert_true(stats(w, 1).memory_bytes < 2621440);
    xs_peer_drain(&w->a);
    assert_int_equal(w->a.nr_events, 257);
    /* The last says: look at all of it. */
    assert_string_equal(w->a.events[256], "dir t");
}

static void who_floods_domain_0_waits_for_it(void **state)
{
    struct world *w = *state;
    unsigned done = 0;

    assert_int_equal(xs_watch(&w->dom0, "/local/domain", "t"), 0);
    xs_peer_forget(&w->dom0);
    while (done < 100 && write_n(&w->a, 0, "d", done) == 0)
        done++;
    assert_int_equal(done, 20);
    assert_int_equal(stats(w, 1).outstanding, 20);
    assert_int_equal(splitio_store_conn_pending(&w->dom0.conn), 20);
    assert_int_equal(splitio_store_conn_room(&w->a.conn), 0);
    assert_int_equal(xs_write(&w->b, 0, "k", "v"), 0); /* others do not */
    xs_peer_drain(&w->dom0);
    assert_int_equal(w->dom0.nr_events, 21);
    assert_int_equal(stats(w, 1).outstanding, 0);
    while (splitio_store_server_next_ready(w->s)) {
    }
    xs_peer_drain(&w->a); /* the request that waited is done now */
    assert_int_equal(xs_expect(&w->a, 0, "d/n20", "v"), 0);
}

static void waiting_guest_becomes_ready_when_domain_0_reads(void **state)
{
    struct world *w = *state;
    struct splitio_store_conn *c;
    bool found = false;

    assert_int_equal(xs_watch(&w->dom0, "/local/domain", "t"), 0);
    for (unsigned i = 0; i < 21; i++)
        write_n(&w->a, 0, "d", i);
    while (splitio_store_server_next_ready(w->s)) {
    }
    xs_peer_drain(&w->dom0);
    while ((c = splitio_store_server_next_ready(w->s)))
        found = found || c == &w->a.conn;
    assert_true(found);
}

static void dead_domain_is_not_owed_for_its_events(void **state)
{
    struct world *w = *state;

    assert_int_equal(xs_watch(&w->dom0, "/local/domain", "t"), 0);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(write_n(&w->a, 0, "d", i), 0);
    splitio_store_server_domain_gone(w->s, 1);
    assert_int_equal(stats(w, 1).outstanding, 0);
    assert_int_equal(stats(w, 1).memory_bytes, 0);
    assert_true(splitio_store_server_is_valid(w->s));
    xs_peer_drain(&w->dom0);
    assert_true(splitio_store_server_is_valid(w->s));
}

/* --- time -------------------------------------------------------------- */

static void conflicts_do_not_starve_domain_0(void **state)
{
    struct world *w = *state;
    struct splitio_store_conn *c;
    bool woken = false;
    unsigned tries = 0;
    int err;

    assert_int_equal(xs_write(&w->a, 0, "k", "0"), 0);
    do {
        uint32_t tx = xs_begin(&w->dom0);

        assert_int_equal(xs_write(&w->dom0, tx, "/local/domain/1/k", "1"), 0);
        xs_write(&w->a, 0, "k", "2"); /* the guest never rests */
        while (splitio_store_server_next_ready(w->s)) {
        }
        err = xs_end(&w->dom0, tx, true);
        tries++;
    } while (err == SPLITIO_EAGAIN && tries < 100);
    assert_int_equal(err, 0);
    assert_int_equal(tries, 4);
    while ((c = splitio_store_server_next_ready(w->s)))
        woken = woken || c == &w->a.conn;
    assert_true(woken);
    xs_peer_drain(&w->a);
    assert_int_equal(xs_expect(&w->a, 0, "k", "2"), 0);
}

static void pump_stops_at_its_budget(void **state)
{
    struct world *w = *state;
    struct splitio_xs_msg head =
        splitio_xs_msg_le((struct splitio_xs_msg){SPLITIO_XS_READ, 1, 0, 2});
    struct splitio_xs_page page;
    struct splitio_store_conn *c;
    bool notify, ready = false;

    memset(&page, 0, sizeof(page));
    assert_int_equal(splitio_store_conn_attach_ring(&w->a.conn, &page), 0);
    for (unsigned i = 0; i < 50; i++) {
        memcpy(page.req + splitio_le32(page.req_prod), &head, sizeof(head));
        memcpy(page.req + splitio_le32(page.req_prod) + sizeof(head), "k", 2);
        page.req_prod =
            splitio_le32(splitio_le32(page.req_prod) + sizeof(head) + 2);
    }
    assert_int_equal(splitio_store_conn_pump_ring(&w->a.conn, 7, &notify), 7);
    assert_true(notify);
    while ((c = splitio_store_server_next_ready(w->s)))
        ready = ready || c == &w->a.conn;
    assert_true(ready);
    assert_int_equal(splitio_store_conn_pump_ring(&w->a.conn, 100, &notify),
                     45 - 7); /* 44.5 replies fill the ring */
}

static void ring_indices_that_lie_are_answered_in_the_page(void **state)
{
    struct world *w = *state;
    struct splitio_xs_page page;
    bool notify;

    for (unsigned i = 0; i < 2; i++) {
        memset(&page, 0, sizeof(page));
        xs_peer_close(&w->a);
        assert_int_equal(xs_peer_open(&w->a, w->s, 1), 0);
        assert_int_equal(splitio_store_conn_attach_ring(&w->a.conn, &page), 0);
        assert_int_equal(splitio_le32(page.server_features),
                         SPLITIO_XS_FEATURE_RECONNECTION |
                             SPLITIO_XS_FEATURE_ERROR |
                             SPLITIO_XS_FEATURE_WATCHDEPTH);
        if (i == 0)
            page.req_prod = splitio_le32(SPLITIO_XS_RING_SIZE + 1);
        else
            page.req_prod = splitio_le32(UINT32_MAX);
        assert_int_equal(splitio_store_conn_pump_ring(&w->a.conn, 9, &notify),
                         SPLITIO_EPROTO);
        assert_true(notify);
        assert_int_equal(splitio_le32(page.error), SPLITIO_XS_ERROR_RINGIDX);
        assert_int_equal(splitio_store_conn_pump_ring(&w->a.conn, 9, &notify),
                         SPLITIO_EPROTO);
        assert_false(notify);
        b_is_well(w);
    }
}

static void ring_frame_too_long_is_answered_in_the_page(void **state)
{
    struct world *w = *state;
    struct splitio_xs_msg head =
        splitio_xs_msg_le((struct splitio_xs_msg){SPLITIO_XS_READ, 1, 0, 5000});
    struct splitio_xs_page page;
    bool notify;

    memset(&page, 0, sizeof(page));
    assert_int_equal(splitio_store_conn_attach_ring(&w->a.conn, &page), 0);
    memcpy(page.req, &head, sizeof(head));
    page.req_prod = splitio_le32(sizeof(head));
    assert_int_equal(splitio_store_conn_pump_ring(&w->a.conn, 9, &notify),
                     SPLITIO_EPROTO);
    assert_int_equal(splitio_le32(page.error), SPLITIO_XS_ERROR_PROTO);
    /* A reconnect, over and over, leaves a connection as new. */
    for (unsigned i = 0; i < 100; i++) {
        page.connection = splitio_le32(SPLITIO_XS_RECONNECT);
        page.req_prod = page.rsp_cons = splitio_le32((uint32_t)rand());
        assert_int_equal(splitio_store_conn_pump_ring(&w->a.conn, 9, &notify),
                         0);
        assert_true(notify);
        assert_int_equal(splitio_le32(page.connection), SPLITIO_XS_CONNECTED);
        assert_int_equal(splitio_le32(page.error), SPLITIO_XS_ERROR_NONE);
    }
    assert_int_equal(page.req_prod, page.req_cons);
    assert_int_equal(page.rsp_prod, page.rsp_cons);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(frame_too_long_makes_the_connection_bad),
        CASE(frame_of_full_length_in_single_bytes_is_served),
        CASE(random_bytes_hurt_only_their_sender),
        CASE(unread_replies_stop_the_input),
        CASE(deepest_path_is_walked_without_recursion),
        CASE(token_too_long_for_an_event_is_refused),
        CASE(relative_path_may_not_grow_too_long),
        CASE(node_quota_is_exact),
        CASE(node_quota_holds_at_commit),
        CASE(tx_quotas_hold),
        CASE(watch_quota_holds),
        CASE(node_size_and_permission_quotas_hold),
        CASE(failed_creation_leaves_no_parents),
        CASE(memory_quota_stops_what_the_others_allow),
        cmocka_unit_test_setup_teardown(full_arena_refuses_and_recovers,
                                        setup_small, teardown),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, setup_small,
                                        teardown),
        CASE(events_for_who_does_not_read_are_bounded),
        CASE(who_floods_domain_0_waits_for_it),
        CASE(waiting_guest_becomes_ready_when_domain_0_reads),
        CASE(dead_domain_is_not_owed_for_its_events),
        CASE(conflicts_do_not_starve_domain_0),
        CASE(pump_stops_at_its_budget),
        CASE(ring_indices_that_lie_are_answered_in_the_page),
        CASE(ring_frame_too_long_is_answered_in_the_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
