/* SPDX-License-Identifier: BSD-2-Clause */
/* The store client: over a ring to the server, and against a lying server. */
#include "cm.h"

#include <splitio/store.h>
#include <splitio/store_server.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA (1u << 20)

static const uint32_t starts[] = {0, INT32_MAX, UINT32_MAX - 1};

/* A guest, its ring page, and the server behind it. */
struct world {
    struct splitio_xs_page page;
    struct splitio_store_server *s;
    struct splitio_store_conn conn;
    struct splitio_store_ring ring;
    struct splitio_store store;
    unsigned events_to_server;
    char arena[ARENA];
};

static void to_server(void *ctx)
{
    struct world *w = ctx;

    w->events_to_server++;
}

static struct world *world_new(uint32_t start)
{
    struct world *w = calloc(1, sizeof(*w));

    memset(&w->page, 0x5a, 2 * SPLITIO_XS_RING_SIZE);
    w->page.req_cons = w->page.req_prod = splitio_le32(start);
    w->page.rsp_cons = w->page.rsp_prod = splitio_le32(start + 7);
    assert_int_equal(splitio_store_server_init(&w->s, w->arena, ARENA, NULL),
                     0);
    assert_int_equal(splitio_store_conn_init(&w->conn, w->s, 0), 0);
    assert_int_equal(splitio_store_conn_attach_ring(&w->conn, &w->page), 0);
    assert_int_equal(splitio_store_ring_init(&w->ring, &w->page, to_server, w),
                     0);
    assert_int_equal(
        splitio_store_init(&w->store, splitio_store_ring_transport(&w->ring)),
        0);
    return w;
}

static void world_free(struct world *w)
{
    splitio_store_fini(&w->store);
    splitio_store_server_fini(w->s);
    free(w);
}

static int setup(void **state)
{
    *state = world_new(UINT32_MAX - 100);
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    bool valid = splitio_store_is_valid(&w->store) &&
                 splitio_store_server_is_valid(w->s);

    world_free(w);
    return valid ? 0 : -1;
}

/* The server looks only when it was sent an event: a lost one would show. */
static int serve(struct world *w)
{
    int moved = 0;

    while (w->events_to_server > 0) {
        bool notify;

        w->events_to_server = 0;
        moved |= splitio_store_conn_pump_ring(&w->conn, 4, &notify) > 0;
        moved |= notify;
    }
    while (splitio_store_server_next_ready(w->s)) {
        bool notify;

        splitio_store_conn_pump_ring(&w->conn, 4, &notify);
        moved |= notify;
    }
    return moved;
}

static int wait_for_server(void *ctx)
{
    return serve(ctx) ? 0 : SPLITIO_EIO;
}

/* Runs both until neither has anything to do. */
static int settle(struct world *w)
{
    int n;

    do {
        n = splitio_store_poll(&w->store, 3);
        if (n < 0)
            return n;
    } while (serve(w) || n > 0);
    return 0;
}

/* A call that keeps what it got. */
struct kept {
    struct splitio_store_call call;
    unsigned runs;
    int status;
    size_t len_bytes;
    char body[SPLITIO_XS_PAYLOAD_MAX + 1];
};

static void keep(struct splitio_store_call *call, int status, const char *body,
                 size_t len_bytes)
{
    struct kept *k = SPLITIO_CONTAINER_OF(call, struct kept, call);

    k->runs++;
    k->status = status;
    k->len_bytes = len_bytes;
    assert_true((status == 0) == (body != NULL));
    if (body)
        memcpy(k->body, body, len_bytes + 1);
}

#define KEPT                                                                   \
    {                                                                          \
        .call = {.done = keep }                                                \
    }
#define WAIT(w, k)                                                             \
    splitio_store_wait(&(w)->store, &(k)->call, wait_for_server, w)

struct heard {
    struct splitio_store_watch watch;
    unsigned nr, nr_refused;
    char path[64];
};

static void hear(struct splitio_store_watch *watch, const char *path)
{
    struct heard *h = SPLITIO_CONTAINER_OF(watch, struct heard, watch);

    if (!path) {
        h->nr_refused++;
        return;
    }
    h->nr++;
    snprintf(h->path, sizeof(h->path), "%s", path);
}

/* --- over the ring ----------------------------------------------------- */

static void every_call_from_any_index(struct world *w)
{
    const struct splitio_xs_perm perms[] = {{3, 0}, {4, 3}};
    struct kept k = KEPT;
    uint32_t tx;

    assert_int_equal(
        splitio_store_write(&w->store, &k.call, 0, "/a/b", "value", 5), 0);
    assert_int_equal(WAIT(w, &k), 0);
    assert_string_equal(k.body, "OK");
    assert_int_equal(splitio_store_read(&w->store, &k.call, 0, "/a/b"), 0);
    assert_int_equal(WAIT(w, &k), 0);
    assert_string_equal(k.body, "value");
    assert_int_equal(splitio_store_mkdir(&w->store, &k.call, 0, "/a/c"), 0);
    assert_int_equal(WAIT(w, &k), 0);
    assert_int_equal(splitio_store_directory(&w->store, &k.call, 0, "/a"), 0);
    assert_int_equal(WAIT(w, &k), 0);
    assert_int_equal(k.len_bytes, 4);
    assert_memory_equal(k.body, "b\0c", 4);
    assert_int_equal(
        splitio_store_set_perms(&w->store, &k.call, 0, "/a/b", perms, 2), 0);
    assert_int_equal(WAIT(w, &k), 0);
    assert_int_equal(splitio_store_get_perms(&w->store, &k.call, 0, "/a/b"), 0);
    assert_int_equal(WAIT(w, &k), 0);
    assert_memory_equal(k.body, "n3\0b4", 6);
    assert_int_equal(splitio_store_tx_start(&w->store, &k.call), 0);
    assert_int_equal(WAIT(w, &k), 0);
    assert_int_equal(splitio_xs_parse_u32(k.body, k.len_bytes - 1, &tx), 0);
    assert_int_equal(splitio_store_rm(&w->store, &k.call, tx, "/a/b"), 0);
    assert_int_equal(WAIT(w, &k), 0);
    assert_int_equal(splitio_store_tx_end(&w->store, &k.call, tx, true), 0);
    assert_int_equal(WAIT(w, &k), 0);
    assert_int_equal(splitio_store_read(&w->store, &k.call, 0, "/a/b"), 0);
    assert_int_equal(WAIT(w, &k), SPLITIO_ENOENT);
    assert_int_equal(k.runs, 10);
}

static void calls_from_any_index_work(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(starts); i++) {
        struct world *w = world_new(starts[i]);

        for (unsigned j = 0; j < 10; j++) {
            struct kept k = KEPT;

            every_call_from_any_index(w);
            assert_int_equal(splitio_store_rm(&w->store, &k.call, 0, "/a"), 0);
            assert_int_equal(WAIT(w, &k), 0);
        }
        world_free(w);
    }
}

static void value_larger_than_the_ring_goes_through(void **state)
{
    struct world *w = *state;
    struct kept k = KEPT;
    char value[SPLITIO_XS_PAYLOAD_MAX];

    for (size_t i = 0; i < sizeof(value); i++)
        value[i] = (char)i;
    assert_int_equal(splitio_store_write(&w->store, &k.call, 0, "/big", value,
                                         sizeof(value) - 5),
                     0);
    assert_int_equal(WAIT(w, &k), 0);
    assert_int_equal(splitio_store_read(&w->store, &k.call, 0, "/big"), 0);
    assert_int_equal(WAIT(w, &k), 0);
    assert_int_equal(k.len_bytes, sizeof(value) - 5);
    assert_memory_equal(k.body, value, sizeof(value) - 5);
    assert_int_equal(splitio_store_write(&w->store, &k.call, 0, "/big", value,
                                         sizeof(value) - 4),
                     SPLITIO_E2BIG);
}

static void calls_in_flight_end_in_order(void **state)
{
    struct world *w = *state;
    static struct kept k[400];
    unsigned sent = 0;
    int err = 0;

    while (sent < 400) {
        char path[16];

        snprintf(path, sizeof(path), "/n/%u", sent);
        k[sent] = (struct kept)KEPT;
        err = splitio_store_write(&w->store, &k[sent].call, 0, path, "x", 1);
        if (err < 0)
            break;
        sent++;
    }
    assert_int_equal(err, SPLITIO_EAGAIN);
    assert_in_range(sent, 200, 399);
    assert_false(splitio_store_call_is_pending(&k[sent].call));
    assert_int_equal(settle(w), 0);
    for (unsigned i = 0; i < sent; i++)
        assert_true(k[i].runs == 1 && k[i].status == 0);
    assert_int_equal(
        splitio_store_write(&w->store, &k[sent].call, 0, "/n", "", 0), 0);
    assert_int_equal(WAIT(w, &k[sent]), 0);
}

static void tx_conflict_is_eagain(void **state)
{
    struct world *w = *state;
    struct kept k = KEPT;
    uint32_t tx;

    assert_int_equal(splitio_store_tx_start(&w->store, &k.call), 0);
    assert_int_equal(WAIT(w, &k), 0);
    assert_int_equal(splitio_xs_parse_u32(k.body, k.len_bytes - 1, &tx), 0);
    assert_int_equal(splitio_store_write(&w->store, &k.call, tx, "/k", "1", 1),
                     0);
    assert_int_equal(WAIT(w, &k), 0);
    assert_int_equal(splitio_store_server_write_text(w->s, "/k", "2"), 0);
    assert_int_equal(splitio_store_tx_end(&w->store, &k.call, tx, true), 0);
    assert_int_equal(WAIT(w, &k), SPLITIO_EAGAIN);
}

static void cancelled_call_never_ends(void **state)
{
    struct world *w = *state;
    struct kept a = KEPT, b = KEPT, c = KEPT;

    assert_int_equal(splitio_store_server_write_text(w->s, "/k", "v"), 0);
    assert_int_equal(splitio_store_read(&w->store, &a.call, 0, "/k"), 0);
    assert_int_equal(splitio_store_read(&w->store, &b.call, 0, "/k"), 0);
    assert_int_equal(splitio_store_read(&w->store, &c.call, 0, "/none"), 0);
    assert_int_equal(splitio_store_read(&w->store, &a.call, 0, "/k"),
                     SPLITIO_EINVAL);
    splitio_store_cancel(&w->store, &b.call);
    splitio_store_cancel(&w->store, &b.call);
    memset(&b, 0xff, sizeof(b));
    assert_int_equal(settle(w), 0);
    assert_true(a.runs == 1 && a.status == 0);
    assert_true(c.runs == 1 && c.status == SPLITIO_ENOENT);
}

static void bad_arguments_are_refused(void **state)
{
    struct world *w = *state;
    struct kept k = KEPT;
    struct splitio_store_call mute = {.done = NULL};
    static struct heard h = {.watch = {.fired = hear, .path = "/a//b"}};

    assert_int_equal(splitio_store_read(&w->store, &k.call, 0, "/a b"),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_store_read(&w->store, &k.call, 0, "@special"),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_store_read(&w->store, &mute, 0, "/a"),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_store_watch(&w->store, &h.watch), SPLITIO_EINVAL);
    assert_int_equal(splitio_store_unwatch(&w->store, &h.watch),
                     SPLITIO_EINVAL);
    splitio_store_forget(&w->store, &h.watch);
    assert_int_equal(
        splitio_store_set_perms(&w->store, &k.call, 0, "/a", NULL, 0),
        SPLITIO_EINVAL);
}

/* A call whose `done` submits itself again a few times, and tries to poll. */
static void chain(struct splitio_store_call *call, int status, const char *body,
                  size_t len_bytes)
{
    struct kept *k = SPLITIO_CONTAINER_OF(call, struct kept, call);
    struct splitio_store *store = *(struct splitio_store **)k->body;

    (void)body;
    (void)len_bytes;
    k->status = status;
    assert_int_equal(splitio_store_poll(store, 1), SPLITIO_EBUSY);
    if (++k->runs < 5)
        assert_int_equal(splitio_store_read(store, call, 0, "/k"), 0);
}

static void done_may_submit_but_not_poll(void **state)
{
    struct world *w = *state;
    struct kept k = {.call = {.done = chain}};
    struct splitio_store *store = &w->store;

    memcpy(k.body, &store, sizeof(store));
    assert_int_equal(splitio_store_server_write_text(w->s, "/k", "v"), 0);
    assert_int_equal(splitio_store_read(store, &k.call, 0, "/k"), 0);
    assert_int_equal(settle(w), 0);
    assert_int_equal(k.runs, 5);
    assert_int_equal(k.status, 0);
}

/* --- watches ----------------------------------------------------------- */

static void watch_fires_until_unwatched(void **state)
{
    struct world *w = *state;
    static struct heard h = {.watch = {.fired = hear, .path = "/x"}};
    static struct heard other = {.watch = {.fired = hear, .path = "/y"}};

    assert_int_equal(splitio_store_watch(&w->store, &h.watch), 0);
    assert_int_equal(splitio_store_watch(&w->store, &other.watch), 0);
    assert_int_equal(splitio_store_watch(&w->store, &h.watch), SPLITIO_EINVAL);
    assert_int_equal(splitio_store_watch_status(&h.watch), SPLITIO_EAGAIN);
    assert_int_equal(settle(w), 0);
    assert_int_equal(splitio_store_watch_status(&h.watch), 0);
    assert_int_equal(h.nr, 1);
    assert_string_equal(h.path, "/x");
    assert_int_equal(splitio_store_server_write_text(w->s, "/x/k", "v"), 0);
    assert_int_equal(settle(w), 0);
    assert_int_equal(h.nr, 2);
    assert_string_equal(h.path, "/x/k");
    assert_int_equal(other.nr, 1);
    /* An event on its way is dropped once the watch is gone. */
    assert_int_equal(splitio_store_server_write_text(w->s, "/x/k", "w"), 0);
    serve(w);
    assert_int_equal(splitio_store_unwatch(&w->store, &h.watch), 0);
    memset(&h, 0xff, sizeof(h));
    assert_int_equal(settle(w), 0);
    assert_int_equal(other.nr, 1);
}

static void watch_refused_by_the_server_says_so(void **state)
{
    struct world *w = *state;
    static struct heard h[130];
    static char paths[130][16];
    struct splitio_store_conn guest;
    struct splitio_store store;
    struct splitio_store_ring ring;
    struct splitio_xs_page page;
    bool notify;

    memset(&page, 0, sizeof(page));
    assert_int_equal(splitio_store_conn_init(&guest, w->s, 9), 0);
    assert_int_equal(splitio_store_conn_attach_ring(&guest, &page), 0);
    assert_int_equal(splitio_store_ring_init(&ring, &page, to_server, w), 0);
    assert_int_equal(
        splitio_store_init(&store, splitio_store_ring_transport(&ring)), 0);
    for (unsigned i = 0; i < 130; i++) {
        snprintf(paths[i], sizeof(paths[i]), "/w/%u", i);
        h[i].watch.fired = hear;
        h[i].watch.path = paths[i];
        assert_int_equal(splitio_store_watch(&store, &h[i].watch), 0);
    }
    for (unsigned i = 0; i < 500; i++) {
        assert_in_range(splitio_store_poll(&store, 32), 0, 32);
        assert_in_range(splitio_store_conn_pump_ring(&guest, 32, &notify), 0,
                        32);
    }
    {
        unsigned refused = 0, fired = 0;

        for (unsigned i = 0; i < 130; i++) {
            refused += h[i].nr_refused;
            fired += h[i].nr;
            if (h[i].nr_refused)
                assert_int_equal(splitio_store_watch_status(&h[i].watch),
                                 SPLITIO_ENOSPC);
        }
        assert_int_equal(refused, 2);
        assert_int_equal(fired, 128);
    }
    splitio_store_fini(&store);
    splitio_store_conn_fini(&guest);
}

static void reconnect_ends_calls_and_registers_watches_again(void **state)
{
    struct world *w = *state;
    static struct heard h = {.watch = {.fired = hear, .path = "/x"}};
    struct kept k = KEPT;

    assert_int_equal(splitio_store_watch(&w->store, &h.watch), 0);
    assert_int_equal(settle(w), 0);
    assert_int_equal(splitio_store_read(&w->store, &k.call, 0, "/x"), 0);
    assert_int_equal(splitio_store_poll(&w->store, 1), 0); /* half way */
    assert_int_equal(splitio_store_ring_reconnect(&w->ring), 0);
    splitio_store_reconnect(&w->store, splitio_store_ring_transport(&w->ring));
    assert_true(k.runs == 1 && k.status == SPLITIO_ECLOSED);
    assert_int_equal(splitio_store_watch_status(&h.watch), SPLITIO_EAGAIN);
    assert_int_equal(splitio_store_poll(&w->store, 1), 0);
    assert_int_equal(splitio_le32(w->page.connection), SPLITIO_XS_RECONNECT);
    assert_int_equal(settle(w), 0);
    assert_int_equal(splitio_le32(w->page.connection), SPLITIO_XS_CONNECTED);
    assert_int_equal(h.nr, 2);
    assert_int_equal(splitio_store_watch_status(&h.watch), 0);
    assert_int_equal(splitio_store_server_write_text(w->s, "/x", "v"), 0);
    assert_int_equal(settle(w), 0);
    assert_int_equal(h.nr, 3);
    assert_int_equal(splitio_store_read(&w->store, &k.call, 0, "/x"), 0);
    assert_int_equal(WAIT(w, &k), 0);
}

static void reconnect_revives_a_bad_connection(void **state)
{
    struct world *w = *state;
    static struct heard h = {.watch = {.fired = hear, .path = "/x"}};
    struct kept k = KEPT;
    bool notify;

    assert_int_equal(splitio_store_watch(&w->store, &h.watch), 0);
    assert_int_equal(settle(w), 0);
    w->page.req_prod =
        splitio_le32(splitio_le32(w->page.req_prod) + SPLITIO_XS_RING_SIZE + 1);
    assert_int_equal(splitio_store_conn_pump_ring(&w->conn, 4, &notify),
                     SPLITIO_EPROTO);
    assert_true(notify);
    assert_int_equal(splitio_le32(w->page.error), SPLITIO_XS_ERROR_RINGIDX);
    assert_int_equal(splitio_store_read(&w->store, &k.call, 0, "/x"), 0);
    assert_int_equal(splitio_store_poll(&w->store, 1), SPLITIO_EPROTO);
    assert_true(k.runs == 1 && k.status == SPLITIO_EPROTO);
    assert_int_equal(splitio_store_read(&w->store, &k.call, 0, "/x"),
                     SPLITIO_EPROTO);
    assert_int_equal(splitio_store_ring_reconnect(&w->ring), 0);
    splitio_store_reconnect(&w->store, splitio_store_ring_transport(&w->ring));
    assert_int_equal(settle(w), 0);
    assert_int_equal(splitio_le32(w->page.error), SPLITIO_XS_ERROR_NONE);
    assert_int_equal(h.nr, 2);
}

static void ring_without_the_feature_cannot_reconnect(void **state)
{
    struct splitio_xs_page page;
    struct splitio_store_ring ring;

    (void)state;
    memset(&page, 0, sizeof(page));
    assert_int_equal(splitio_store_ring_init(&ring, &page, to_server, NULL), 0);
    assert_int_equal(splitio_store_ring_reconnect(&ring), SPLITIO_EOPNOTSUPP);
    assert_int_equal(splitio_le32(page.connection), SPLITIO_XS_CONNECTED);
}

static void ring_found_reconnecting_is_waited_for(void **state)
{
    struct world *w = *state;
    struct kept k = KEPT;

    w->page.connection = splitio_le32(SPLITIO_XS_RECONNECT);
    assert_int_equal(splitio_store_ring_init(&w->ring, &w->page, to_server, w),
                     0);
    assert_int_equal(splitio_store_write(&w->store, &k.call, 0, "/k", "v", 1),
                     0);
    assert_int_equal(splitio_store_poll(&w->store, 4), 0);
    to_server(w);
    assert_int_equal(WAIT(w, &k), 0);
}

/* --- a server that lies ------------------------------------------------ */

/* What the server says, a few bytes at a time; what it is told is lost. */
struct liar {
    char bytes[3 * SPLITIO_XS_PAYLOAD_MAX];
    size_t len, at, step;
    int end; /* after the bytes */
    struct splitio_xs_msg heard;
};

static int liar_recv(void *ctx, void *buf, size_t len_bytes)
{
    struct liar *l = ctx;
    size_t n = l->len - l->at;

    if (n == 0)
        return l->end;
    n = n < l->step ? n : l->step;
    n = n < len_bytes ? n : len_bytes;
    memcpy(buf, l->bytes + l->at, n);
    l->at += n;
    return (int)n;
}

static int liar_send(void *ctx, const void *buf, size_t len_bytes)
{
    struct liar *l = ctx;

    if (len_bytes >= sizeof(l->heard))
        memcpy(&l->heard, buf, sizeof(l->heard));
    return (int)len_bytes;
}

static const struct splitio_store_transport_ops liar_ops = {
    .recv = liar_recv,
    .send = liar_send,
};

static void say(struct liar *l, uint32_t type, uint32_t req_id, uint32_t tx_id,
                const char *body, uint32_t len)
{
    struct splitio_xs_msg head = {type, req_id, tx_id, len};

    memcpy(l->bytes + l->len, &head, sizeof(head));
    memcpy(l->bytes + l->len + sizeof(head), body, len);
    l->len += sizeof(head) + len;
}

static void liar_start(struct liar *l, struct splitio_store *store)
{
    memset(l, 0, sizeof(*l));
    l->step = 5;
    l->end = SPLITIO_EAGAIN;
    assert_int_equal(splitio_store_init(
                         store, (struct splitio_store_transport){&liar_ops, l}),
                     0);
}

static void replies_to_nobody_are_dropped(void **state)
{
    static struct splitio_store store;
    static struct liar l;
    struct kept k = KEPT;

    (void)state;
    liar_start(&l, &store);
    assert_int_equal(splitio_store_read(&store, &k.call, 0, "/k"), 0);
    assert_int_equal(splitio_store_poll(&store, 1), 0);
    say(&l, SPLITIO_XS_READ, l.heard.req_id + 1, 0, "x", 1);
    say(&l, SPLITIO_XS_ERROR, 12345, 0, "EINVAL", 7);
    say(&l, 99, 12345, 0, "", 0);
    say(&l, SPLITIO_XS_READ, l.heard.req_id, 0, "value", 5);
    say(&l, SPLITIO_XS_READ, l.heard.req_id, 0, "again", 5);
    assert_int_equal(splitio_store_poll(&store, 100), 5);
    assert_true(k.runs == 1 && k.status == 0);
    assert_string_equal(k.body, "value");
    splitio_store_fini(&store);
}

static void reply_of_another_kind_fails_the_call(void **state)
{
    static struct splitio_store store;
    static struct liar l;
    struct kept k = KEPT;

    (void)state;
    liar_start(&l, &store);
    assert_int_equal(splitio_store_read(&store, &k.call, 7, "/k"), 0);
    assert_int_equal(splitio_store_poll(&store, 1), 0);
    say(&l, SPLITIO_XS_WRITE, l.heard.req_id, 7, "OK", 3);
    assert_int_equal(splitio_store_poll(&store, 9), 1);
    assert_int_equal(k.status, SPLITIO_EPROTO);
    assert_int_equal(splitio_store_read(&store, &k.call, 7, "/k"), 0);
    assert_int_equal(splitio_store_poll(&store, 1), 0);
    say(&l, SPLITIO_XS_READ, l.heard.req_id, 8, "OK", 3);
    assert_int_equal(splitio_store_poll(&store, 9), 1);
    assert_int_equal(k.status, SPLITIO_EPROTO);
    assert_int_equal(k.runs, 2);
    splitio_store_fini(&store);
}

static void events_that_make_no_sense_are_dropped(void **state)
{
    static struct splitio_store store;
    static struct liar l;
    static struct heard h = {.watch = {.fired = hear, .path = "/x"}};

    (void)state;
    liar_start(&l, &store);
    assert_int_equal(splitio_store_watch(&store, &h.watch), 0);
    assert_int_equal(splitio_store_poll(&store, 1), 0);
    say(&l, SPLITIO_XS_WATCH_EVENT, 0, 0, "/x\0001", 5);
    say(&l, SPLITIO_XS_WATCH_EVENT, 0, 0, "/x\000999999999999", 16);
    say(&l, SPLITIO_XS_WATCH_EVENT, 0, 0, "/x\0000", 4);
    say(&l, SPLITIO_XS_WATCH_EVENT, 0, 0, "/x", 3);
    say(&l, SPLITIO_XS_WATCH_EVENT, 0, 0, "", 0);
    say(&l, SPLITIO_XS_WATCH_EVENT, 0, 0, "/x\0\000", 4);
    say(&l, SPLITIO_XS_WATCH_EVENT, 0, 0, "/x\000-1\0", 6);
    assert_int_equal(splitio_store_poll(&store, 100), 7);
    assert_int_equal(h.nr, 0);
    say(&l, SPLITIO_XS_WATCH_EVENT, 0, 0, "/x\0000\0", 5);
    assert_int_equal(splitio_store_poll(&store, 100), 1);
    assert_int_equal(h.nr, 1);
    splitio_store_fini(&store);
}

static void frame_too_long_ends_the_connection(void **state)
{
    static const uint32_t lens[] = {SPLITIO_XS_PAYLOAD_MAX + 1, INT32_MAX,
                                    UINT32_MAX};
    static struct splitio_store store;
    static struct liar l;

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(lens); i++) {
        struct kept k = KEPT;
        struct heard h = {.watch = {.fired = hear, .path = "/x"}};

        liar_start(&l, &store);
        assert_int_equal(splitio_store_read(&store, &k.call, 0, "/k"), 0);
        assert_int_equal(splitio_store_watch(&store, &h.watch), 0);
        assert_int_equal(splitio_store_poll(&store, 1), 0);
        say(&l, SPLITIO_XS_READ, l.heard.req_id, 0, "", 0);
        memcpy(l.bytes + 12, &lens[i], 4);
        assert_int_equal(splitio_store_poll(&store, 9), SPLITIO_EPROTO);
        assert_int_equal(k.status, SPLITIO_EPROTO);
        assert_int_equal(h.nr_refused, 0);
        assert_int_equal(splitio_store_poll(&store, 9), SPLITIO_EPROTO);
        assert_true(splitio_store_is_valid(&store));
        splitio_store_fini(&store);
    }
}

static void longest_frame_is_taken(void **state)
{
    static struct splitio_store store;
    static struct liar l;
    static char body[SPLITIO_XS_PAYLOAD_MAX];
    struct kept k = KEPT;

    (void)state;
    memset(body, 'v', sizeof(body));
    liar_start(&l, &store);
    assert_int_equal(splitio_store_read(&store, &k.call, 0, "/k"), 0);
    assert_int_equal(splitio_store_poll(&store, 1), 0);
    say(&l, SPLITIO_XS_READ, l.heard.req_id, 0, body, sizeof(body));
    assert_int_equal(splitio_store_poll(&store, 9), 1);
    assert_int_equal(k.len_bytes, sizeof(body));
    splitio_store_fini(&store);
}

static void transport_that_ends_ends_the_calls(void **state)
{
    static struct splitio_store store;
    static struct liar l;
    struct kept k = KEPT, k2 = KEPT;

    (void)state;
    liar_start(&l, &store);
    assert_int_equal(splitio_store_read(&store, &k.call, 0, "/k"), 0);
    assert_int_equal(splitio_store_read(&store, &k2.call, 0, "/k"), 0);
    l.end = SPLITIO_ECLOSED;
    assert_int_equal(splitio_store_poll(&store, 1), SPLITIO_ECLOSED);
    assert_true(k.runs == 1 && k.status == SPLITIO_ECLOSED);
    assert_true(k2.runs == 1 && k2.status == SPLITIO_ECLOSED);
    assert_false(splitio_store_has_work(&store, NULL));
    splitio_store_fini(&store);
}

static void reconnect_drops_half_a_message_each_way(void **state)
{
    static struct splitio_store store;
    static struct liar old, new;
    struct kept k = KEPT;

    (void)state;
    liar_start(&new, &store);
    liar_start(&old, &store);
    say(&old, SPLITIO_XS_READ, 77, 0, "half of it", 10);
    old.len -= 5;
    assert_int_equal(splitio_store_poll(&store, 9), 0);
    assert_int_equal(splitio_store_read(&store, &k.call, 0, "/old"), 0);
    splitio_store_reconnect(&store,
                            (struct splitio_store_transport){&liar_ops, &new});
    assert_int_equal(k.status, SPLITIO_ECLOSED);
    assert_int_equal(splitio_store_poll(&store, 9), 0);
    assert_int_equal(new.heard.len, 0); /* nothing of the old request */
    assert_int_equal(splitio_store_read(&store, &k.call, 0, "/new"), 0);
    assert_int_equal(splitio_store_poll(&store, 9), 0);
    say(&new, SPLITIO_XS_READ, new.heard.req_id, 0, "value", 5);
    assert_int_equal(splitio_store_poll(&store, 9), 1);
    assert_true(k.status == 0 && k.len_bytes == 5);
    splitio_store_fini(&store);
}

static void watch_forgotten_before_it_is_sent_is_not_sent(void **state)
{
    static struct splitio_store store;
    static struct liar l;
    struct heard h = {.watch = {.fired = hear, .path = "/x"}};

    (void)state;
    liar_start(&l, &store);
    assert_int_equal(splitio_store_watch(&store, &h.watch), 0);
    assert_int_equal(splitio_store_unwatch(&store, &h.watch), 0);
    assert_true(splitio_store_is_valid(&store));
    assert_int_equal(splitio_store_poll(&store, 9), 0);
    assert_int_equal(l.heard.len, 0);
    assert_false(splitio_store_has_work(&store, NULL));
    splitio_store_fini(&store);
}

static void lying_ring_index_ends_the_connection(void **state)
{
    struct world *w = *state;
    struct kept k = KEPT;

    assert_int_equal(splitio_store_read(&w->store, &k.call, 0, "/k"), 0);
    w->page.rsp_prod =
        splitio_le32(splitio_le32(w->page.rsp_prod) + SPLITIO_XS_RING_SIZE + 1);
    assert_int_equal(splitio_store_poll(&w->store, 1), SPLITIO_EPROTO);
    assert_int_equal(k.status, SPLITIO_EPROTO);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_from_any_index_work),
        CASE(value_larger_than_the_ring_goes_through),
        CASE(calls_in_flight_end_in_order),
        CASE(tx_conflict_is_eagain),
        CASE(cancelled_call_never_ends),
        CASE(bad_arguments_are_refused),
        CASE(done_may_submit_but_not_poll),
        CASE(watch_fires_until_unwatched),
        CASE(watch_refused_by_the_server_says_so),
        CASE(reconnect_ends_calls_and_registers_watches_again),
        CASE(reconnect_revives_a_bad_connection),
        cmocka_unit_test(ring_without_the_feature_cannot_reconnect),
        CASE(ring_found_reconnecting_is_waited_for),
        cmocka_unit_test(replies_to_nobody_are_dropped),
        cmocka_unit_test(reply_of_another_kind_fails_the_call),
        cmocka_unit_test(events_that_make_no_sense_are_dropped),
        cmocka_unit_test(frame_too_long_ends_the_connection),
        cmocka_unit_test(longest_frame_is_taken),
        cmocka_unit_test(transport_that_ends_ends_the_calls),
        cmocka_unit_test(reconnect_drops_half_a_message_each_way),
        cmocka_unit_test(watch_forgotten_before_it_is_sent_is_not_sent),
        CASE(lying_ring_index_ends_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
