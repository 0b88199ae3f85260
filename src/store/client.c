/* SPDX-License-Identifier: BSD-2-Clause */
/* Store client: moves messages, matches replies to calls. */
#include "client_int.h"

int splitio_store_init(struct splitio_store *store,
                       struct splitio_store_transport transport)
{
    if (!transport.ops || !transport.ops->recv || !transport.ops->send)
        return SPLITIO_EINVAL;
    __builtin_memset(store, 0, sizeof(*store));
    store->transport = transport;
    store->calls_end = &store->calls;
    return 0;
}

bool splitio_store_is_valid(const struct splitio_store *store)
{
    const struct splitio_store_call *call = store->calls;
    struct splitio_store_call *const *end = &store->calls;
    uint32_t unsent = 0;

    for (; call; call = call->next) {
        if (!call->pending)
            return false;
        end = &call->next;
    }
    for (unsigned i = 0; i < SPLITIO_STORE_WATCH_BUCKETS; i++) {
        for (const struct splitio_store_watch *w = store->watches[i]; w;
             w = w->next) {
            unsent += !w->sent;
            if (!w->linked || w->id % SPLITIO_STORE_WATCH_BUCKETS != i)
                return false;
        }
    }
    return end == store->calls_end && unsent == store->nr_unsent &&
           store->out_start <= store->out_end &&
           store->out_end <= sizeof(store->out);
}

/* --- output ------------------------------------------------------------ */

static void put(struct splitio_store *store, const void *data, size_t len_bytes)
{
    __builtin_memcpy(store->out + store->out_end, data, len_bytes);
    store->out_end += (uint32_t)len_bytes;
}

/* Makes room for a whole message; false if what waits is too much. */
static bool make_room(struct splitio_store *store, size_t len_bytes)
{
    uint32_t waiting = store->out_end - store->out_start;

    if (sizeof(store->out) - waiting < len_bytes)
        return false;
    if (sizeof(store->out) - store->out_end < len_bytes) {
        __builtin_memmove(store->out, store->out + store->out_start, waiting);
        store->out_start = 0;
        store->out_end = waiting;
    }
    return true;
}

static int push_out(struct splitio_store *store)
{
    while (store->out_start < store->out_end) {
        size_t len = store->out_end - store->out_start;
        int n = store->transport.ops->send(store->transport.ctx,
                                           store->out + store->out_start, len);

        if (n == SPLITIO_EAGAIN || n == 0)
            return 0;
        if (n < 0)
            return n;
        if ((size_t)n > len)
            return SPLITIO_EPROTO;
        store->out_start += (uint32_t)n;
        store->moved = true;
    }
    store->out_start = store->out_end = 0;
    return 0;
}

/* --- calls ------------------------------------------------------------- */

static int payload_bytes(const struct splitio_store_part *parts,
                         unsigned nr_parts, uint32_t *len_bytes)
{
    size_t len = 0;

    for (unsigned i = 0; i < nr_parts; i++) {
        if (parts[i].len_bytes > SPLITIO_XS_PAYLOAD_MAX - len)
            return SPLITIO_E2BIG;
        len += parts[i].len_bytes;
    }
    *len_bytes = (uint32_t)len;
    return 0;
}

static void link_call(struct splitio_store *store,
                      struct splitio_store_call *call,
                      const struct splitio_xs_msg *msg)
{
    call->type = msg->type;
    call->req_id = msg->req_id;
    call->tx_id = msg->tx_id;
    call->status = SPLITIO_EAGAIN;
    call->pending = true;
    call->next = NULL;
    *store->calls_end = call;
    store->calls_end = &call->next;
}

static void unlink_call(struct splitio_store *store,
                        struct splitio_store_call **link)
{
    struct splitio_store_call *call = *link;

    *link = call->next;
    if (store->calls_end == &call->next)
        store->calls_end = link;
    call->pending = false;
}

int splitio_store_submit(struct splitio_store *store,
                         struct splitio_store_call *call, uint32_t type,
                         uint32_t tx_id, const struct splitio_store_part *parts,
                         unsigned nr_parts)
{
    struct splitio_xs_msg msg = {.type = type, .tx_id = tx_id}, head;
    int err;

    if (store->broken)
        return store->broken;
    if (call && (call->pending || !call->done))
        return SPLITIO_EINVAL;
    err = payload_bytes(parts, nr_parts, &msg.len);
    if (err < 0)
        return err;
    if (!make_room(store, sizeof(msg) + msg.len))
        return SPLITIO_EAGAIN;
    msg.req_id = store->next_req_id++;
    head = store->transport.ops->little_endian ? splitio_xs_msg_le(msg) : msg;
    put(store, &head, sizeof(head));
    for (unsigned i = 0; i < nr_parts; i++)
        put(store, parts[i].base, parts[i].len_bytes);
    if (call)
        link_call(store, call, &msg);
    return 0;
}

void splitio_store_cancel(struct splitio_store *store,
                          struct splitio_store_call *call)
{
    struct splitio_store_call **link = &store->calls;

    if (!call->pending)
        return;
    while (*link && *link != call)
        link = &(*link)->next;
    if (*link)
        unlink_call(store, link);
    call->status = SPLITIO_ECLOSED;
}

static void end_call(struct splitio_store *store,
                     struct splitio_store_call **link, int status,
                     const char *body, size_t len_bytes)
{
    struct splitio_store_call *call = *link;

    unlink_call(store, link);
    call->status = status;
    call->done(call, status, body, len_bytes);
}

static void end_all_calls(struct splitio_store *store, int status)
{
    while (store->calls)
        end_call(store, &store->calls, status, NULL, 0);
}

/* --- input ------------------------------------------------------------- */

static void route_reply(struct splitio_store *store)
{
    const struct splitio_xs_msg *head = &store->head;
    struct splitio_store_call **link = &store->calls;

    while (*link && (*link)->req_id != head->req_id)
        link = &(*link)->next;
    if (!*link)
        return; /* cancelled, or an invention of the server */
    if (head->type == SPLITIO_XS_ERROR)
        end_call(store, link, splitio_xs_error_value(store->in, head->len),
                 NULL, 0);
    else if (head->type != (*link)->type || head->tx_id != (*link)->tx_id)
        end_call(store, link, SPLITIO_EPROTO, NULL, 0);
    else
        end_call(store, link, 0, store->in, head->len);
}

/* Bytes into [dst + have, dst + want): 1 when complete, 0 if not yet. */
static int fill(struct splitio_store *store, void *dst, uint32_t have,
                uint32_t want)
{
    while (have < want) {
        int n = store->transport.ops->recv(store->transport.ctx,
                                           (uint8_t *)dst + have, want - have);

        if (n == SPLITIO_EAGAIN || n == 0)
            return 0;
        if (n < 0)
            return n;
        if ((uint32_t)n > want - have)
            return SPLITIO_EPROTO;
        have += (uint32_t)n;
        store->in_bytes += (uint32_t)n;
        store->moved = true;
    }
    return 1;
}

/* 1 when head and body of a message are complete. */
static int receive(struct splitio_store *store)
{
    const uint32_t head_bytes = sizeof(store->head);
    int got;

    if (store->in_bytes < head_bytes) {
        got = fill(store, &store->head, store->in_bytes, head_bytes);
        if (got <= 0)
            return got;
        if (store->transport.ops->little_endian)
            store->head = splitio_xs_msg_le(store->head);
    }
    if (splitio_xs_msg_check(&store->head) < 0)
        return SPLITIO_EPROTO;
    got = fill(store, store->in, store->in_bytes - head_bytes, store->head.len);
    if (got > 0) {
        store->in[store->head.len] = '\0';
        store->in_bytes = 0;
    }
    return got;
}

static int receive_some(struct splitio_store *store, unsigned budget)
{
    unsigned n = 0;

    while (n < budget) {
        int got = receive(store);

        if (got < 0)
            return got;
        if (got == 0)
            break;
        if (store->head.type == SPLITIO_XS_WATCH_EVENT)
            splitio_xsc_route_event(store, store->in, store->head.len);
        else
            route_reply(store);
        n++;
    }
    return (int)n;
}

static int move(struct splitio_store *store, unsigned budget)
{
    int err, n;

    splitio_xsc_send_watches(store);
    err = push_out(store);
    if (err < 0)
        return err;
    n = receive_some(store, budget);
    if (n < 0)
        return n;
    splitio_xsc_send_watches(store);
    err = push_out(store);
    return err < 0 ? err : n;
}

/* Runs all `done` with the connection closed to new calls. */
static void shut(struct splitio_store *store, int status)
{
    store->broken = status;
    store->polling = true;
    end_all_calls(store, status);
    store->polling = false;
    store->in_bytes = store->out_start = store->out_end = 0;
}

int splitio_store_poll(struct splitio_store *store, unsigned budget)
{
    int n;

    if (store->polling)
        return SPLITIO_EBUSY;
    if (store->broken)
        return store->broken;
    store->polling = true;
    store->moved = false;
    n = move(store, budget < INT32_MAX ? budget : INT32_MAX);
    if (store->moved && store->transport.ops->flush)
        store->transport.ops->flush(store->transport.ctx);
    store->polling = false;
    if (n < 0)
        shut(store, n);
    return n;
}

bool splitio_store_has_work(const struct splitio_store *store, bool *want_write)
{
    bool out = store->out_start < store->out_end || store->nr_unsent > 0;

    if (want_write)
        *want_write = out && !store->broken;
    return !store->broken && (out || store->calls);
}

void splitio_store_reconnect(struct splitio_store *store,
                             struct splitio_store_transport transport)
{
    shut(store, SPLITIO_ECLOSED);
    store->transport = transport;
    store->nr_unsent = 0;
    for (unsigned i = 0; i < SPLITIO_STORE_WATCH_BUCKETS; i++) {
        for (struct splitio_store_watch *w = store->watches[i]; w;
             w = w->next) {
            w->sent = false;
            w->status = SPLITIO_EAGAIN;
            store->nr_unsent++;
        }
    }
    store->broken = 0;
}

void splitio_store_fini(struct splitio_store *store)
{
    shut(store, SPLITIO_ECLOSED);
    for (unsigned i = 0; i < SPLITIO_STORE_WATCH_BUCKETS; i++) {
        while (store->watches[i])
            splitio_store_forget(store, store->watches[i]);
    }
}

int splitio_store_wait(struct splitio_store *store,
                       struct splitio_store_call *call, int (*wait)(void *ctx),
                       void *ctx)
{
    while (call->pending) {
        int n = splitio_store_poll(store, 32);

        if (n == 0 && call->pending)
            n = wait(ctx);
        if (n < 0 && call->pending) {
            splitio_store_cancel(store, call);
            return n;
        }
    }
    return call->status;
}
