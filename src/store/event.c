/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Store server: events that wait for their connection to take them.
 *
 * An event that waits already is not queued again. When a domain's queue or
 * memory is full, the watch's own event stands for what cannot be queued: it
 * says that something changed at or below the watched path, and needs no
 * memory. So no change goes unnoticed, and no queue grows without bound.
 */
#include "server_int.h"

static uint32_t hash_of(const struct store_watch *w, const char *path,
                        uint32_t path_bytes)
{
    uint64_t h = w->conn->server->config.hash_seed ^ (uint64_t)(uintptr_t)w;

    for (uint32_t i = 0; i < path_bytes; i++)
        h = (h ^ (uint8_t)path[i]) * UINT64_C(0x100000001b3);
    return (uint32_t)((h * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

static bool is_queued(const struct store_watch *w, const char *path,
                      uint32_t path_bytes, uint32_t hash)
{
    struct store_hlink *at;

    for (at = table_first(&w->conn->server->events, hash); at; at = at->next) {
        const struct store_event *e =
            SPLITIO_CONTAINER_OF(at, struct store_event, by_path);

        if (at->hash == hash && e->watch == w && e->path_bytes == path_bytes &&
            __builtin_memcmp(e->path, path, path_bytes) == 0)
            return true;
    }
    return false;
}

static struct store_event *event_new(struct store_watch *w, const char *path,
                                     uint32_t path_bytes)
{
    struct splitio_store_conn *conn = w->conn;
    struct store_event *e;
    char *text;

    if (!is_priv(conn->domain) && conn->nr_events >= conn->domain->quota.events)
        return NULL;
    e = splitio_xsd_domain_alloc(conn->server, conn->domain,
                                 sizeof(*e) + path_bytes);
    if (!e)
        return NULL;
    __builtin_memset(e, 0, sizeof(*e));
    text = (char *)(e + 1);
    __builtin_memcpy(text, path, path_bytes);
    e->watch = w;
    e->path = text;
    e->path_bytes = path_bytes;
    return e;
}

/* Domain 0 has no bound of its own; who fills its queue has one. */
static void note_cause(struct store_event *e)
{
    const struct splitio_store_conn *conn = e->watch->conn;
    struct splitio_store_domain *cause = conn->server->cause;

    if (!cause || is_priv(cause) || !is_priv(conn->domain))
        return;
    e->cause = cause;
    cause->outstanding++;
    domain_ref(cause);
}

static void link_event(struct store_event *e, uint32_t hash)
{
    struct splitio_store_conn *conn = e->watch->conn;

    list_append(&conn->events, &e->of_conn);
    list_append(&e->watch->events, &e->of_watch);
    table_add(&conn->server->events, &e->by_path, hash);
    conn->nr_events++;
    conn->server->nr_events++;
    note_cause(e);
    splitio_xsd_conn_make_ready(conn);
}

void splitio_xsd_event_queue(struct store_watch *w, const char *path,
                             uint32_t path_bytes)
{
    uint32_t hash = hash_of(w, path, path_bytes);
    struct store_event *e = NULL;

    if (is_queued(w, path, path_bytes, hash))
        return;
    if (path_bytes != w->path_bytes)
        e = event_new(w, path, path_bytes);
    if (!e) {
        if (w->own_queued)
            return;
        w->own_queued = true;
        e = &w->own;
        hash = hash_of(w, e->path, e->path_bytes);
    }
    link_event(e, hash);
}

/* The domain may go on if this brought it below its bound. */
static void wake_cause(struct splitio_store_domain *d)
{
    struct splitio_store_link *at;

    if (d->outstanding + 1 != d->quota.outstanding)
        return;
    for (at = d->conns.next; at != &d->conns; at = at->next) {
        struct splitio_store_conn *conn =
            SPLITIO_CONTAINER_OF(at, struct splitio_store_conn, of_domain);

        if (splitio_xsd_conn_has_request(conn))
            splitio_xsd_conn_make_ready(conn);
    }
}

void splitio_xsd_event_clear_cause(struct splitio_store_server *s,
                                   struct store_event *e,
                                   const struct splitio_store_domain *d)
{
    struct splitio_store_domain *cause = e->cause;

    if (!cause || cause != d)
        return;
    e->cause = NULL;
    cause->outstanding--;
    wake_cause(cause);
    domain_unref(s, cause);
}

void splitio_xsd_event_drop(struct store_event *e)
{
    struct store_watch *w = e->watch;
    struct splitio_store_conn *conn = w->conn;
    struct splitio_store_server *s = conn->server;

    list_remove(&e->of_conn);
    list_remove(&e->of_watch);
    table_remove(&s->events, &e->by_path);
    conn->nr_events--;
    s->nr_events--;
    splitio_xsd_event_clear_cause(s, e, e->cause);
    if (e == &w->own)
        w->own_queued = false;
    else
        splitio_xsd_domain_free(s, conn->domain, e, sizeof(*e) + e->path_bytes);
}

bool splitio_xsd_event_send(struct splitio_store_conn *conn)
{
    const struct store_watch *w;
    struct store_event *e;
    char *at = conn->out;
    uint32_t len;

    if (list_is_empty(&conn->events))
        return false;
    e = SPLITIO_CONTAINER_OF(conn->events.next, struct store_event, of_conn);
    w = e->watch;
    len = e->path_bytes - w->skip_bytes;
    __builtin_memcpy(at, e->path + w->skip_bytes, len);
    at[len] = '\0';
    __builtin_memcpy(at + len + 1, w->text + w->path_bytes + 1,
                     w->token_bytes + 1);
    __builtin_memset(&conn->out_head, 0, sizeof(conn->out_head));
    conn->out_head.type = SPLITIO_XS_WATCH_EVENT;
    conn->out_head.len = len + 1 + w->token_bytes + 1;
    conn->out_bytes = (uint32_t)sizeof(conn->out_head) + conn->out_head.len;
    conn->out_start = 0;
    if (conn->page)
        conn->out_head = splitio_xs_msg_le(conn->out_head);
    splitio_xsd_event_drop(e);
    return true;
}
