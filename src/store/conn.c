/* SPDX-License-Identifier: BSD-2-Clause */
/* Store server: connections, from bytes to requests and back. */
#include "server_int.h"

#define HEAD_BYTES ((uint32_t)sizeof(struct splitio_xs_msg))

int splitio_store_conn_init(struct splitio_store_conn *conn,
                            struct splitio_store_server *server,
                            splitio_domid_t domid)
{
    struct splitio_store_domain *d = splitio_xsd_domain_get(server, domid);

    if (!d)
        return SPLITIO_ENOMEM;
    __builtin_memset(conn, 0, sizeof(*conn));
    conn->server = server;
    conn->domain = d;
    domain_ref(d);
    d->nr_conns++;
    server->nr_conns++;
    list_append(&server->conns, &conn->of_server);
    list_append(&d->conns, &conn->of_domain);
    list_init(&conn->ready);
    list_init(&conn->watches);
    list_init(&conn->transactions);
    list_init(&conn->events);
    return 0;
}

/* Frees what the peer made the connection hold. */
static void reset(struct splitio_store_conn *conn)
{
    splitio_xsd_watch_remove_all(conn);
    splitio_xsd_tx_close_all(conn);
    conn->in_bytes = conn->out_bytes = conn->out_start = 0;
    list_remove(&conn->ready);
}

void splitio_xsd_conn_shut(struct splitio_store_conn *conn, int status)
{
    struct splitio_store_server *s = conn->server;
    struct splitio_store_domain *d = conn->domain;

    if (!s)
        return;
    reset(conn);
    conn->status = status;
    if (status != SPLITIO_ECLOSED)
        return; /* bad, but the domain's still */
    list_remove(&conn->of_server);
    list_remove(&conn->of_domain);
    conn->server = NULL;
    conn->domain = NULL;
    d->nr_conns--;
    s->nr_conns--;
    domain_unref(s, d);
}

void splitio_store_conn_fini(struct splitio_store_conn *conn)
{
    splitio_xsd_conn_shut(conn, SPLITIO_ECLOSED);
}

bool splitio_store_conn_is_valid(const struct splitio_store_conn *conn)
{
    const struct splitio_store_link *at;
    uint32_t events = 0;

    if (!conn->server)
        return conn->status == SPLITIO_ECLOSED;
    for (at = conn->events.next; at != &conn->events; at = at->next)
        events++;
    return events == conn->nr_events && conn->domain &&
           conn->in_bytes <= HEAD_BYTES + sizeof(conn->in) &&
           conn->out_bytes <= HEAD_BYTES + sizeof(conn->out) &&
           conn->out_start <= conn->out_bytes;
}

int splitio_store_conn_status(const struct splitio_store_conn *conn)
{
    return conn->status;
}

uint32_t splitio_store_conn_pending(const struct splitio_store_conn *conn)
{
    return conn->nr_events;
}

size_t splitio_store_conn_room(const struct splitio_store_conn *conn)
{
    if (conn->status)
        return 0;
    if (conn->in_bytes < HEAD_BYTES)
        return HEAD_BYTES - conn->in_bytes;
    return HEAD_BYTES + conn->in_head.len - conn->in_bytes;
}

void splitio_xsd_conn_make_ready(struct splitio_store_conn *conn)
{
    if (list_is_empty(&conn->ready))
        list_append(&conn->server->ready, &conn->ready);
}

struct splitio_store_conn *
splitio_store_server_next_ready(struct splitio_store_server *server)
{
    struct splitio_store_link *first = server->ready.next;

    if (list_is_empty(&server->ready))
        return NULL;
    list_remove(first);
    return SPLITIO_CONTAINER_OF(first, struct splitio_store_conn, ready);
}

bool splitio_store_server_has_ready(const struct splitio_store_server *server)
{
    return !list_is_empty(&server->ready);
}

bool splitio_xsd_conn_has_request(const struct splitio_store_conn *conn)
{
    const struct splitio_store_domain *d = conn->domain;

    if (conn->status || conn->in_bytes < HEAD_BYTES ||
        splitio_store_conn_room(conn) > 0)
        return false;
    return is_priv(d) || (d->outstanding < d->quota.outstanding &&
                          conn->server->nr_urgent == 0);
}

void splitio_xsd_conn_wake_all(struct splitio_store_server *s)
{
    struct splitio_store_link *at;

    for (at = s->conns.next; at != &s->conns; at = at->next) {
        struct splitio_store_conn *conn =
            SPLITIO_CONTAINER_OF(at, struct splitio_store_conn, of_server);

        if (splitio_xsd_conn_has_request(conn))
            splitio_xsd_conn_make_ready(conn);
    }
}

/* Events go first: they tell of what happened before the request. */
bool splitio_xsd_conn_advance(struct splitio_store_conn *conn)
{
    if (conn->status || conn->out_bytes > 0 || splitio_xsd_event_send(conn) ||
        !splitio_xsd_conn_has_request(conn))
        return false;
    splitio_xsd_request_run(conn);
    return true;
}

/* Where the next received bytes go; *len_bytes is the room for them. */
static void *in_place(struct splitio_store_conn *conn, size_t *len_bytes)
{
    *len_bytes = splitio_store_conn_room(conn);
    if (conn->in_bytes < HEAD_BYTES)
        return (uint8_t *)&conn->in_head + conn->in_bytes;
    return conn->in + (conn->in_bytes - HEAD_BYTES);
}

/* Counts bytes that arrived in place. */
static int in_done(struct splitio_store_conn *conn, size_t len_bytes)
{
    bool was_head = conn->in_bytes < HEAD_BYTES;

    conn->in_bytes += (uint32_t)len_bytes;
    if (!was_head || conn->in_bytes != HEAD_BYTES)
        return 0;
    if (conn->page)
        conn->in_head = splitio_xs_msg_le(conn->in_head);
    if (splitio_xs_msg_check(&conn->in_head) < 0) {
        splitio_xsd_conn_shut(conn, SPLITIO_EPROTO);
        return SPLITIO_EPROTO;
    }
    return 0;
}

/* The next bytes to send. */
static const void *out_place(const struct splitio_store_conn *conn,
                             size_t *len_bytes)
{
    if (conn->out_start < HEAD_BYTES) {
        *len_bytes = conn->out_bytes == 0 ? 0 : HEAD_BYTES - conn->out_start;
        return (const uint8_t *)&conn->out_head + conn->out_start;
    }
    *len_bytes = conn->out_bytes - conn->out_start;
    return conn->out + (conn->out_start - HEAD_BYTES);
}

static void out_done(struct splitio_store_conn *conn, size_t len_bytes)
{
    conn->out_start += (uint32_t)len_bytes;
    if (conn->out_start == conn->out_bytes)
        conn->out_start = conn->out_bytes = 0;
}

int splitio_store_conn_input(struct splitio_store_conn *conn, const void *buf,
                             size_t len_bytes)
{
    size_t taken = 0;

    if (conn->status)
        return conn->status;
    while (taken < len_bytes) {
        size_t room;
        void *place = in_place(conn, &room);

        if (room == 0)
            break;
        if (room > len_bytes - taken)
            room = len_bytes - taken;
        __builtin_memcpy(place, (const uint8_t *)buf + taken, room);
        taken += room;
        if (in_done(conn, room) < 0)
            return conn->status;
        splitio_xsd_conn_advance(conn);
    }
    if (conn->out_bytes > 0)
        splitio_xsd_conn_make_ready(conn);
    return (int)taken;
}

int splitio_store_conn_output(struct splitio_store_conn *conn, void *buf,
                              size_t len_bytes)
{
    unsigned requests = 0;
    size_t given = 0;

    if (conn->status)
        return conn->status;
    for (;;) {
        const void *place;
        size_t len;

        if (conn->out_bytes == 0 && requests < CONN_BUDGET)
            requests += splitio_xsd_conn_advance(conn);
        place = out_place(conn, &len);
        if (len > len_bytes - given)
            len = len_bytes - given;
        if (len == 0)
            break;
        __builtin_memcpy((uint8_t *)buf + given, place, len);
        given += len;
        out_done(conn, len);
    }
    if (requests == CONN_BUDGET)
        splitio_xsd_conn_make_ready(conn);
    return (int)given;
}

/* --- rings ------------------------------------------------------------- */

static void take_indices(struct splitio_store_conn *conn)
{
    struct splitio_xs_page *page = conn->page;

    (void)splitio_stream_init_consumer(&conn->ring_in, page->req,
                                       SPLITIO_XS_RING_SIZE, &page->req_prod,
                                       &page->req_cons);
    (void)splitio_stream_init_producer(&conn->ring_out, page->rsp,
                                       SPLITIO_XS_RING_SIZE, &page->rsp_prod,
                                       &page->rsp_cons);
}

int splitio_store_conn_attach_ring(struct splitio_store_conn *conn,
                                   struct splitio_xs_page *page)
{
    if (!page)
        return SPLITIO_EINVAL;
    conn->page = page;
    take_indices(conn);
    splitio_write_once_le32(&page->error, SPLITIO_XS_ERROR_NONE);
    splitio_store_release_le32(&page->server_features, conn->domain->features);
    return 0;
}

/* The guest looks at nothing but `connection` until that is cleared. */
static void reconnect(struct splitio_store_conn *conn)
{
    struct splitio_xs_page *page = conn->page;

    reset(conn);
    conn->status = 0;
    splitio_write_once_le32(&page->req_cons, 0);
    splitio_write_once_le32(&page->req_prod, 0);
    splitio_write_once_le32(&page->rsp_cons, 0);
    splitio_write_once_le32(&page->rsp_prod, 0);
    take_indices(conn);
    splitio_write_once_le32(&page->error, SPLITIO_XS_ERROR_NONE);
    splitio_store_release_le32(&page->connection, SPLITIO_XS_CONNECTED);
}

/* Moves what it can one way: the number of bytes, or EPROTO. */
static int ring_send(struct splitio_store_conn *conn)
{
    size_t len;
    const void *place = out_place(conn, &len);
    int n = splitio_stream_write(&conn->ring_out, place, (uint32_t)len);

    if (n > 0)
        out_done(conn, (size_t)n);
    return n;
}

static int ring_recv(struct splitio_store_conn *conn)
{
    size_t len;
    void *place = in_place(conn, &len);
    int n = splitio_stream_read(&conn->ring_in, place, (uint32_t)len);

    if (n > 0 && in_done(conn, (size_t)n) < 0)
        return SPLITIO_EPROTO;
    return n;
}

static int ring_pump(struct splitio_store_conn *conn, unsigned budget,
                     bool *notify)
{
    unsigned requests = 0;
    int n = 1;

    while (n > 0) {
        if (requests < budget)
            requests += splitio_xsd_conn_advance(conn);
        if (conn->out_bytes > 0)
            n = ring_send(conn);
        else if (splitio_store_conn_room(conn) > 0 && requests < budget)
            n = ring_recv(conn);
        else
            break;
        *notify |= n > 0;
    }
    if (n >= 0 && requests == budget)
        splitio_xsd_conn_make_ready(conn);
    return n < 0 ? n : (int)requests;
}

int splitio_store_conn_pump_ring(struct splitio_store_conn *conn,
                                 unsigned budget, bool *notify)
{
    struct splitio_xs_page *page = conn->page;
    int n;

    *notify = false;
    if (conn->status == SPLITIO_ECLOSED)
        return conn->status;
    if (!page)
        return SPLITIO_EINVAL;
    if (splitio_load_acquire_le32(&page->connection) == SPLITIO_XS_RECONNECT) {
        reconnect(conn);
        *notify = true;
    }
    if (conn->status)
        return conn->status;
    n = ring_pump(conn, budget < INT32_MAX ? budget : INT32_MAX, notify);
    if (n >= 0)
        return n;
    splitio_write_once_le32(&page->error, conn->status
                                              ? SPLITIO_XS_ERROR_PROTO
                                              : SPLITIO_XS_ERROR_RINGIDX);
    splitio_xsd_conn_shut(conn, SPLITIO_EPROTO);
    *notify = true;
    return SPLITIO_EPROTO;
}
