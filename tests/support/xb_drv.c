/* SPDX-License-Identifier: BSD-2-Clause */
/* The drivers of the bed, and their links to the store with faults. */
#include "xb_drv.h"

#include "cm.h"

#include <string.h>

/* ---- the driver ---- */

static const char *const front_reads[5][3] = {
    [SPLITIO_XENBUS_OWN] = {"backend-id"},
    [SPLITIO_XENBUS_OFFER] = {"feature-flush-cache", "absent"},
    [SPLITIO_XENBUS_CONNECT] = {"sectors"},
    [SPLITIO_XENBUS_UPDATE] = {"sectors"},
    [SPLITIO_XENBUS_OWN_UPDATE] = {"limit"},
};
static const char *const back_reads[5][3] = {
    [SPLITIO_XENBUS_OWN] = {"mode"},
    [SPLITIO_XENBUS_CONNECT] = {"queue-0/ring-ref", "event-channel"},
    [SPLITIO_XENBUS_UPDATE] = {"level"},
    [SPLITIO_XENBUS_OWN_UPDATE] = {"limit"},
};

static bool want(void *drv, enum splitio_xenbus_phase phase, unsigned i,
                 char *key)
{
    struct bed_driver *d = drv;
    const char *k = d->role == SPLITIO_XENBUS_FRONT ? front_reads[phase][i]
                                                    : back_reads[phase][i];

    if (k)
        splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "%s", k);
    return k != NULL;
}

static int once(int *error)
{
    int e = *error;

    *error = 0;
    return e;
}

/* True if the driver wants to be asked again. */
static bool again(struct bed_driver *d)
{
    if (d->again == 0)
        return false;
    d->again--;
    return true;
}

static int got(void *drv, enum splitio_xenbus_phase phase, unsigned i,
               const char *value, size_t len)
{
    struct bed_driver *d = drv;
    unsigned *to = NULL;

    assert_int_equal(d->in_call, 0);
    if (d->role == SPLITIO_XENBUS_FRONT && phase >= SPLITIO_XENBUS_CONNECT)
        to = &d->sectors;
    if (d->role == SPLITIO_XENBUS_BACK && phase == SPLITIO_XENBUS_UPDATE)
        to = &d->level;
    if (phase == SPLITIO_XENBUS_OWN_UPDATE)
        to = &d->limit;
    if (d->role == SPLITIO_XENBUS_BACK && phase == SPLITIO_XENBUS_CONNECT &&
        i == 0)
        to = &d->ring_ref;
    if (d->role == SPLITIO_XENBUS_FRONT && phase == SPLITIO_XENBUS_OFFER &&
        i == 1)
        assert_null(value);
    if (d->fail_got)
        return once(&d->fail_got);
    if (!value && (to == &d->level || to == &d->limit))
        return 0;
    return to ? splitio_xenbus_parse_u32(value, len, 1, 1u << 30, to) : 0;
}

enum splitio_xenbus_watched bed_watch(void *drv, unsigned i, char *key)
{
    struct bed_driver *d = drv;

    if (i > (d->role == SPLITIO_XENBUS_BACK))
        return SPLITIO_XENBUS_WATCHED_NONE;
    splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "%s",
                         i == 0 ? "limit" : "level");
    return i == 0 ? SPLITIO_XENBUS_WATCHED_OWN : SPLITIO_XENBUS_WATCHED_PEER;
}

static enum splitio_xenbus_tell tell(void *drv, enum splitio_xenbus_phase phase,
                                     unsigned i, char *key, char *value)
{
    struct bed_driver *d = drv;
    bool front = d->role == SPLITIO_XENBUS_FRONT;

    if (front && phase == SPLITIO_XENBUS_OFFER && i == 0) {
        splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "queue-%u/ring-ref",
                             0u);
        splitio_xenbus_print(value, SPLITIO_XENBUS_VALUE_MAX, "%u",
                             d->ring_ref);
        return SPLITIO_XENBUS_TELL_WRITE;
    }
    if (front && phase == SPLITIO_XENBUS_OFFER && i == 1) {
        splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "num-queues");
        return SPLITIO_XENBUS_TELL_REMOVE;
    }
    if (front && phase == SPLITIO_XENBUS_UPDATE && i == 0) {
        splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "level");
        splitio_xenbus_print(value, SPLITIO_XENBUS_VALUE_MAX, "%u", d->level);
        return SPLITIO_XENBUS_TELL_WRITE;
    }
    if (!front && phase == SPLITIO_XENBUS_OFFER && i == 0) {
        splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX,
                             "feature-flush-cache");
        splitio_xenbus_print(value, SPLITIO_XENBUS_VALUE_MAX, "1");
        return SPLITIO_XENBUS_TELL_WRITE;
    }
    if (!front && phase != SPLITIO_XENBUS_OFFER && i == 0) {
        splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "sectors");
        splitio_xenbus_print(value, SPLITIO_XENBUS_VALUE_MAX, "%u", d->sectors);
        return SPLITIO_XENBUS_TELL_WRITE;
    }
    return SPLITIO_XENBUS_TELL_END;
}

static int negotiate(void *drv)
{
    struct bed_driver *d = drv;

    assert_false(d->attached || d->linked);
    if (again(d))
        return SPLITIO_EAGAIN;
    if (d->fail_negotiate) {
        if (d->fail_text)
            splitio_xenbus_fail(&d->xb, d->fail_negotiate, d->fail_text);
        return once(&d->fail_negotiate);
    }
    d->attached = true;
    d->nr_negotiated++;
    if (d->role == SPLITIO_XENBUS_FRONT)
        d->ring_ref = 100 + d->nr_negotiated % 800; /* of one length */
    return 0;
}

static int connected(void *drv)
{
    struct bed_driver *d = drv;

    assert_true(d->attached);
    assert_false(d->linked);
    if (again(d))
        return SPLITIO_EAGAIN;
    if (d->fail_connected)
        return once(&d->fail_connected);
    d->linked = true;
    d->nr_connected++;
    return 0;
}

static int updated(void *drv)
{
    struct bed_driver *d = drv;

    assert_true(d->linked);
    d->nr_updated++;
    return 0;
}

static int quiesce(void *drv)
{
    struct bed_driver *d = drv;

    assert_true(d->linked);
    d->nr_quiesced++;
    return again(d) ? SPLITIO_EAGAIN : 0;
}

static int disconnect(void *drv)
{
    struct bed_driver *d = drv;

    assert_true(d->attached);
    d->linked = false;
    if (again(d))
        return SPLITIO_EAGAIN;
    d->attached = false;
    d->nr_disconnected++;
    return 0;
}

void bed_drv_init(struct bed_driver *d, enum splitio_xenbus_role role)
{
    d->role = role;
    d->sectors = 2048;
    d->table = (struct splitio_xenbus_driver){
        .want = want,
        .got = got,
        .tell = tell,
        .negotiate = negotiate,
        .connected = connected,
        .updated = updated,
        .quiesce = quiesce,
        .disconnect = disconnect,
    };
}

/* ---- the link ---- */

/* A whole request is there: refuse it, break the link, or hand it on. */
static int pass_on(struct bed_link *l)
{
    struct splitio_xs_msg m;
    uint32_t at = 0, type;

    memcpy(&m, l->request, sizeof(m));
    type = m.type;
    l->nr_requests++;
    if (l->nr_requests == l->cut_at) {
        l->cut = true;
        return SPLITIO_ECLOSED;
    }
    if (l->nr_requests == l->fail_at && l->refusal_bytes == 0) {
        m.type = SPLITIO_XS_ERROR;
        m.len = (uint32_t)strlen(l->fail_as) + 1;
        memcpy(l->refusal, &m, sizeof(m));
        memcpy(l->refusal + sizeof(m), l->fail_as, m.len);
        l->refusal_bytes = (uint32_t)sizeof(m) + m.len;
        if (type == SPLITIO_XS_TRANSACTION_END) {
            /* A server that cannot commit ends the transaction all the same. */
            l->request[sizeof(m)] = 'F';
            l->swallow_id = m.req_id;
        } else {
            at = l->request_bytes;
        }
    }
    while (at < l->request_bytes) {
        int n = splitio_store_conn_input(&l->conn, l->request + at,
                                         l->request_bytes - at);

        assert_true(n > 0);
        at += (uint32_t)n;
    }
    l->request_bytes = 0;
    return 0;
}

/* Takes bytes only while the server has room for a whole request. */
static int link_send(void *ctx, const void *buf, size_t len)
{
    struct bed_link *l = ctx;
    const uint8_t *from = buf;
    size_t i;

    if (l->cut)
        return SPLITIO_ECLOSED;
    for (i = 0; i < len; i++) {
        struct splitio_xs_msg m;
        int err;

        if (l->request_bytes == 0 &&
            (splitio_store_conn_room(&l->conn) < 16 || l->refusal_bytes))
            break;
        l->request[l->request_bytes++] = from[i];
        if (l->request_bytes < sizeof(m))
            continue;
        memcpy(&m, l->request, sizeof(m));
        err = l->request_bytes == sizeof(m) + m.len ? pass_on(l) : 0;
        if (err < 0)
            return err;
    }
    return i > 0 ? (int)i : SPLITIO_EAGAIN;
}

static int take(struct bed_link *l, void *buf, size_t len)
{
    int n = splitio_store_conn_output(&l->conn, buf, len);

    if (n > 0)
        l->reply_left -= (uint32_t)n;
    return n > 0 ? n : SPLITIO_EAGAIN;
}

/* One message of the server at a time, so that a refusal fits in between. */
static int link_recv(void *ctx, void *buf, size_t len)
{
    struct bed_link *l = ctx;
    struct splitio_xs_msg m;
    uint32_t n = l->refusal_bytes;
    int got_bytes;

    if (l->cut)
        return SPLITIO_ECLOSED;
    if (l->reply_left > 0)
        return take(l, buf, len < l->reply_left ? len : l->reply_left);
    if (n > 0 && l->swallow_id == 0) {
        n = n < len ? n : (uint32_t)len;
        memcpy(buf, l->refusal, n);
        memmove(l->refusal, l->refusal + n, sizeof(l->refusal) - n);
        l->refusal_bytes -= n;
        return (int)n;
    }
    if (len < sizeof(m))
        return SPLITIO_EAGAIN;
    got_bytes = splitio_store_conn_output(&l->conn, buf, sizeof(m));
    if (got_bytes <= 0)
        return SPLITIO_EAGAIN;
    assert_int_equal(got_bytes, sizeof(m));
    memcpy(&m, buf, sizeof(m));
    if (l->swallow_id != 0 && m.req_id == l->swallow_id) {
        char scrap[16];

        assert_int_equal(splitio_store_conn_output(&l->conn, scrap, m.len),
                         m.len);
        l->swallow_id = 0;
        return link_recv(ctx, buf, len);
    }
    l->reply_left = m.len;
    return got_bytes;
}

static const struct splitio_store_transport_ops link_ops = {.recv = link_recv,
                                                            .send = link_send};

void bed_link_open(struct bed_link *l, struct splitio_store_server *s,
                   splitio_domid_t domid)
{
    const struct splitio_store_transport t = {&link_ops, l};

    l->cut = false;
    l->request_bytes = l->reply_left = l->refusal_bytes = 0;
    l->nr_requests = 0;
    assert_int_equal(splitio_store_conn_init(&l->conn, s, domid), 0);
    assert_int_equal(splitio_store_init(&l->store, t), 0);
}

void bed_link_mend(struct bed_link *l, struct splitio_store_server *s,
                   splitio_domid_t domid)
{
    const struct splitio_store_transport t = {&link_ops, l};

    l->cut = false;
    l->cut_at = 0;
    l->request_bytes = l->reply_left = l->refusal_bytes = 0;
    splitio_store_conn_fini(&l->conn);
    assert_int_equal(splitio_store_conn_init(&l->conn, s, domid), 0);
    splitio_store_reconnect(&l->store, t);
}

bool bed_link_poll(struct bed_link *l)
{
    return splitio_store_poll(&l->store, 8) > 0;
}
