/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does the store stay as fast when many domains use it, as when one does?
 *
 * store_read/ring/<nodes>, store_write/ring/<nodes>: one request of a guest and
 * its reply, through client, ring page and server, in a tree of that many
 * nodes. store_fire/watches/<n>: a write that fires one of n watches, and the
 * event taken. store_commit/nodes/<n>: a transaction that reads and writes n
 * nodes, from start to end. store_gone/nodes/<n>: a domain that owns n nodes
 * dies, in a tree of 10000 others.
 *
 * Both halves run on one processor. Time is for one of what is named.
 */
#include "gbench.h"

#include <splitio/store.h>
#include <splitio/store_server.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES (64u << 20)

static void *arena;
static struct splitio_store_server *server;
static struct splitio_store_conn conn;
static struct splitio_xs_page page;
static struct splitio_store_ring ring;
static struct splitio_store store;
static struct splitio_store_call call;
static char reply[64];

static void must(int err)
{
    if (err < 0)
        abort();
}

static void kick(void *ctx)
{
    (void)ctx;
}

static void keep(struct splitio_store_call *c, int status, const char *body,
                 size_t len_bytes)
{
    (void)c;
    if (status == 0 && len_bytes < sizeof(reply))
        memcpy(reply, body, len_bytes + 1);
}

static void node_name(char *path, const char *top, unsigned i)
{
    sprintf(path, "%s/%u/%u", top, i / 32, i % 32);
}

static void fill(const char *top, unsigned n)
{
    char path[64];

    for (unsigned i = 0; i < n; i++) {
        node_name(path, top, i);
        must(splitio_store_server_write_text(server, path, "some value"));
    }
}

static void start(splitio_domid_t domid)
{
    struct splitio_store_server_config config;

    memset(&config, 0, sizeof(config));
    memset(&page, 0, sizeof(page));
    config.quota.nodes = config.quota.memory_bytes = UINT32_MAX;
    config.quota.tx_nodes = UINT32_MAX;
    arena = malloc(ARENA_BYTES);
    must(splitio_store_server_init(&server, arena, ARENA_BYTES, &config));
    must(splitio_store_conn_init(&conn, server, domid));
    must(splitio_store_conn_attach_ring(&conn, &page));
    must(splitio_store_ring_init(&ring, &page, kick, NULL));
    must(splitio_store_init(&store, splitio_store_ring_transport(&ring)));
    call.done = keep;
}

static void stop(void)
{
    splitio_store_fini(&store);
    splitio_store_server_fini(server);
    free(arena);
}

static int serve(void *ctx)
{
    bool notify;

    (void)ctx;
    return splitio_store_conn_pump_ring(&conn, 16, &notify) < 0 ? -1 : 0;
}

static int finish(int submitted)
{
    must(submitted);
    return splitio_store_wait(&store, &call, serve, NULL);
}

static void read_one(struct gbench *b, int64_t nodes)
{
    char path[64];
    unsigned i = 0;

    start(0);
    fill("/bench", (unsigned)nodes);
    while (gbench_more(b, 1)) {
        node_name(path, "/bench", i++ % (unsigned)nodes);
        must(finish(splitio_store_read(&store, &call, 0, path)));
    }
    stop();
}

static void write_one(struct gbench *b, int64_t nodes)
{
    char path[64];
    unsigned i = 0;

    start(0);
    fill("/bench", (unsigned)nodes);
    while (gbench_more(b, 1)) {
        node_name(path, "/bench", i++ % (unsigned)nodes);
        must(finish(
            splitio_store_write(&store, &call, 0, path, "another value", 13)));
    }
    stop();
}

static void count(struct splitio_store_watch *watch, const char *path)
{
    (void)watch;
    reply[0] = (char)(path != NULL);
}

static void fire(struct gbench *b, int64_t nr)
{
    struct splitio_store_watch *watches = calloc((size_t)nr, sizeof(*watches));
    char(*paths)[64] = calloc((size_t)nr, sizeof(*paths));
    unsigned k = 0;

    start(0);
    for (unsigned i = 0; i < (unsigned)nr; i++) {
        node_name(paths[i], "/bench", i);
        watches[i].fired = count;
        watches[i].path = paths[i];
        must(splitio_store_watch(&store, &watches[i]));
    }
    for (unsigned i = 0; i < (unsigned)nr; i++) {
        must(splitio_store_poll(&store, 64));
        must(serve(NULL));
    }
    while (gbench_more(b, 1)) {
        must(splitio_store_server_write_text(server, paths[k++ % (unsigned)nr],
                                             "value"));
        reply[0] = 0;
        must(serve(NULL));
        must(splitio_store_poll(&store, 4));
        if (!reply[0])
            abort();
    }
    stop();
    free(watches);
    free(paths);
}

static void commit(struct gbench *b, int64_t nodes)
{
    char path[64];
    uint32_t tx;

    start(0);
    fill("/bench", 1000);
    while (gbench_more(b, 1)) {
        must(finish(splitio_store_tx_start(&store, &call)));
        must(splitio_xs_parse_u32(reply, strlen(reply), &tx));
        for (unsigned i = 0; i < (unsigned)nodes; i++) {
            node_name(path, "/bench", i);
            must(finish(splitio_store_read(&store, &call, tx, path)));
            must(finish(
                splitio_store_write(&store, &call, tx, path, "value", 5)));
        }
        must(finish(splitio_store_tx_end(&store, &call, tx, true)));
    }
    stop();
}

static void gone(struct gbench *b, int64_t nodes)
{
    const struct splitio_xs_perm perm = {7, SPLITIO_XS_PERM_NONE};
    char path[64];

    start(0);
    fill("/others", 10000);
    while (gbench_more(b, 1)) {
        must(splitio_store_server_introduce(server, 7));
        for (unsigned i = 0; i < (unsigned)nodes; i++) {
            sprintf(path, "/local/domain/7/%u", i);
            must(splitio_store_server_mkdir(server, path));
            must(splitio_store_server_set_perms(server, path, &perm, 1));
        }
        splitio_store_server_domain_gone(server, 7);
    }
    stop();
}

static void add(const char *name, gbench_fn fn, const int64_t *args,
                unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        char full[64];

        snprintf(full, sizeof(full), "%s/%d", name, (int)args[i]);
        gbench_register(full, fn, args[i]);
    }
}

void gbench_setup(void)
{
    static const int64_t nodes[] = {10, 1000, 100000};
    static const int64_t few[] = {1, 10, 100};
    static const int64_t watches[] = {1, 100, 10000};

    add("store_read/ring", read_one, nodes, SPLITIO_ARRAY_LEN(nodes));
    add("store_write/ring", write_one, nodes, SPLITIO_ARRAY_LEN(nodes));
    add("store_fire/watches", fire, watches, SPLITIO_ARRAY_LEN(watches));
    add("store_commit/nodes", commit, few, SPLITIO_ARRAY_LEN(few));
    add("store_gone/nodes", gone, few, SPLITIO_ARRAY_LEN(few));
}
