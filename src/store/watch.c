/* SPDX-License-Identifier: BSD-2-Clause */
/* Store server: watches, and which of them a change fires. */
#include "server_int.h"

static const char *token_of(const struct store_watch *w)
{
    return w->text + w->path_bytes + 1;
}

static size_t watch_bytes(const struct store_watch *w)
{
    return sizeof(*w) + w->path_bytes + w->token_bytes + 2;
}

/* The hash of a path is that of the path above it, carried on. */
static uint64_t hash_start(const struct splitio_store_server *s)
{
    return s->config.hash_seed ^ UINT64_C(0xcbf29ce484222325);
}

static uint64_t hash_more(uint64_t h, const char *bytes, uint32_t len_bytes)
{
    for (uint32_t i = 0; i < len_bytes; i++)
        h = (h ^ (uint8_t)bytes[i]) * UINT64_C(0x100000001b3);
    return h;
}

static uint32_t hash_end(uint64_t h)
{
    return (uint32_t)((h * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

static struct store_watch *find(const struct splitio_store_conn *conn,
                                const char *path, const char *token)
{
    struct splitio_store_link *at;

    for (at = conn->watches.next; at != &conn->watches; at = at->next) {
        struct store_watch *w =
            SPLITIO_CONTAINER_OF(at, struct store_watch, of_conn);

        if (splitio_xs_streq(w->text, path) &&
            splitio_xs_streq(token_of(w), token))
            return w;
    }
    return NULL;
}

static struct store_watch *watch_new(struct splitio_store_conn *conn,
                                     const char *path, const char *token)
{
    uint32_t path_bytes = (uint32_t)splitio_xs_strlen(path);
    uint32_t token_bytes = (uint32_t)splitio_xs_strlen(token);
    struct store_watch *w = splitio_xsd_domain_alloc(
        conn->server, conn->domain, sizeof(*w) + path_bytes + token_bytes + 2);

    if (!w)
        return NULL;
    __builtin_memset(w, 0, sizeof(*w));
    w->conn = conn;
    w->path_bytes = path_bytes;
    w->token_bytes = token_bytes;
    __builtin_memcpy(w->text, path, path_bytes + 1);
    __builtin_memcpy(w->text + path_bytes + 1, token, token_bytes + 1);
    w->own.watch = w;
    w->own.path = w->text;
    w->own.path_bytes = path_bytes;
    list_init(&w->events);
    return w;
}

int splitio_xsd_watch_add(struct splitio_store_conn *conn, const char *path,
                          uint32_t skip_bytes, const char *token, int32_t depth)
{
    struct splitio_store_server *s = conn->server;
    struct splitio_store_domain *d = conn->domain;
    struct store_watch *w;

    if (splitio_xs_strlen(token) > TOKEN_MAX_BYTES)
        return SPLITIO_E2BIG;
    if (find(conn, path, token))
        return SPLITIO_EEXIST;
    if (!is_priv(d) && d->watches >= d->quota.watches)
        return SPLITIO_ENOSPC;
    w = watch_new(conn, path, token);
    if (!w)
        return SPLITIO_ENOMEM;
    w->skip_bytes = skip_bytes;
    w->depth = depth;
    list_append(&conn->watches, &w->of_conn);
    table_add(&s->watches, &w->by_path,
              hash_end(hash_more(hash_start(s), path, w->path_bytes)));
    d->watches++;
    s->nr_watches++;
    splitio_xsd_event_queue(w, w->text, w->path_bytes);
    return 0;
}

static void watch_free(struct store_watch *w)
{
    struct splitio_store_conn *conn = w->conn;
    struct splitio_store_server *s = conn->server;

    while (!list_is_empty(&w->events))
        splitio_xsd_event_drop(
            SPLITIO_CONTAINER_OF(w->events.next, struct store_event, of_watch));
    list_remove(&w->of_conn);
    table_remove(&s->watches, &w->by_path);
    conn->domain->watches--;
    s->nr_watches--;
    splitio_xsd_domain_free(s, conn->domain, w, watch_bytes(w));
}

int splitio_xsd_watch_remove(struct splitio_store_conn *conn, const char *path,
                             const char *token)
{
    struct store_watch *w = find(conn, path, token);

    if (!w)
        return SPLITIO_ENOENT;
    watch_free(w);
    return 0;
}

void splitio_xsd_watch_remove_all(struct splitio_store_conn *conn)
{
    while (!list_is_empty(&conn->watches))
        watch_free(SPLITIO_CONTAINER_OF(conn->watches.next, struct store_watch,
                                        of_conn));
}

/* --- firing ------------------------------------------------------------ */

static bool may_read(const struct store_version *ver,
                     const struct splitio_store_domain *who)
{
    return ver && (splitio_xsd_version_access(ver, who) & SPLITIO_XS_PERM_READ);
}

/*
 * Who could read the node before the change or can read it after it may know
 * of it, and so may who can list it.
 */
static bool may_know(const struct store_change *c,
                     const struct splitio_store_domain *who)
{
    return is_priv(who) || may_read(c->before, who) ||
           may_read(c->after, who) || may_read(c->parent, who);
}

/* Whether the depth of a watch on the first len_bytes of the path lets it. */
static bool is_in_depth(const struct store_watch *w,
                        const struct store_change *c, uint32_t len_bytes)
{
    int32_t levels = len_bytes == 1 && c->path_bytes > 1; /* below "/" */

    if (c->match == MATCH_PLAIN)
        return w->depth < 0;
    if (c->match == MATCH_DEPTH && len_bytes < c->path_bytes)
        return w->depth > 0;
    for (uint32_t i = len_bytes; w->depth >= 0 && i < c->path_bytes; i++)
        levels += c->path[i] == '/';
    return w->depth < 0 || levels <= w->depth;
}

/* Fires the watches that are on the first len_bytes of the path. */
static void fire_at(struct splitio_store_server *s,
                    const struct store_change *c, uint32_t len_bytes,
                    uint32_t hash)
{
    struct store_hlink *at;

    for (at = table_first(&s->watches, hash); at; at = at->next) {
        struct store_watch *w =
            SPLITIO_CONTAINER_OF(at, struct store_watch, by_path);

        if (at->hash == hash && w->path_bytes == len_bytes &&
            __builtin_memcmp(w->text, c->path, len_bytes) == 0 &&
            is_in_depth(w, c, len_bytes) && may_know(c, w->conn->domain))
            splitio_xsd_event_queue(w, c->path, c->path_bytes);
    }
}

void splitio_xsd_watch_fire(struct splitio_store_server *s,
                            const struct store_change *c)
{
    uint64_t h = hash_start(s);

    if (s->nr_watches == 0)
        return;
    if (c->path[0] == '/')
        fire_at(s, c, 1, hash_end(hash_more(h, c->path, 1)));
    for (uint32_t i = 0; i < c->path_bytes; i++) {
        if (i > 0 && c->path[i] == '/')
            fire_at(s, c, i, hash_end(h));
        h = hash_more(h, c->path + i, 1);
    }
    if (c->path_bytes > 1)
        fire_at(s, c, c->path_bytes, hash_end(h));
}

void splitio_xsd_watch_fire_exact(struct splitio_store_server *s,
                                  const struct store_change *c)
{
    if (s->nr_watches > 0)
        fire_at(s, c, c->path_bytes,
                hash_end(hash_more(hash_start(s), c->path, c->path_bytes)));
}

void splitio_xsd_watch_fire_removal(struct splitio_store_server *s,
                                    struct store_node *node, const char *path)
{
    struct store_change change = {
        .path = path,
        .path_bytes = (uint32_t)splitio_xs_strlen(path),
        .before = node->ver,
        .parent = node->parent->ver,
    };
    const struct store_node *at;

    splitio_xsd_watch_fire(s, &change);
    if (s->nr_watches == 0)
        return;
    change.path = s->walk;
    for (at = splitio_xsd_node_next(node, node); at;
         at = splitio_xsd_node_next(node, at)) {
        change.path_bytes = splitio_xsd_node_path(at, s->walk);
        change.before = at->ver;
        change.parent = at->parent->ver;
        splitio_xsd_watch_fire_exact(s, &change);
    }
}
