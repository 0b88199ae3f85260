/* SPDX-License-Identifier: BSD-2-Clause */
/* A look at the store: where the peer is, both states, what to do. */
#include "xenbus_int.h"

/* ---- where the peer is ---- */

int splitio_xb_run_peer(struct splitio_xenbus *xb)
{
    return splitio_xb_read(
        xb, xb->dir, xb->role == SPLITIO_XENBUS_FRONT ? "backend" : "frontend");
}

/* True if the peer may be another one from now on. */
static bool may_move(const struct splitio_xenbus *xb)
{
    return !xb->started ||
           (!xb->attached && (xb->local == SPLITIO_XENBUS_INITIALISING ||
                              xb->local == SPLITIO_XENBUS_CLOSED));
}

void splitio_xb_answer_peer(struct splitio_xenbus *xb, int status,
                            const char *body, size_t len_bytes)
{
    if (xb_is_absent(status) && xb->started) {
        xb->gone = true;
        xb->step = XB_ABANDON;
        return;
    }
    if (status < 0 || len_bytes >= sizeof(xb->new_dir) || len_bytes == 0 ||
        body[0] != '/' || splitio_xs_path_check(body, len_bytes, 0) < 0 ||
        splitio_xenbus_is(body, len_bytes, xb->dir)) {
        splitio_xb_idle(xb, false);
        return;
    }
    if (xb->started &&
        (splitio_xenbus_is(body, len_bytes, xb->peer_dir) || !may_move(xb))) {
        xb->step = XB_REMOTE;
        return;
    }
    __builtin_memcpy(xb->new_dir, body, len_bytes);
    xb->new_dir[len_bytes] = '\0';
    xb->started = false;
    xb->step = XB_PEER_ID;
}

int splitio_xb_run_peer_id(struct splitio_xenbus *xb)
{
    return splitio_xb_read(xb, xb->dir,
                           xb->role == SPLITIO_XENBUS_FRONT ? "backend-id"
                                                            : "frontend-id");
}

/* A directory below a domain's home must be below that domain's. */
static bool is_home_of(const char *dir, splitio_domid_t domid)
{
    static const char homes[] = "/local/domain/";
    char home[SPLITIO_XS_DOMAIN_PATH_MAX];
    size_t len = splitio_xs_domain_path(home, domid);
    size_t i;

    for (i = 0; i < sizeof(homes) - 1; i++)
        if (dir[i] != homes[i])
            return true;
    for (i = 0; i < len; i++)
        if (dir[i] != home[i])
            return false;
    return dir[len] == '/';
}

void splitio_xb_answer_peer_id(struct splitio_xenbus *xb, int status,
                               const char *body, size_t len_bytes)
{
    uint32_t id;

    if (status < 0 ||
        splitio_xenbus_parse_u32(body, len_bytes, 0,
                                 SPLITIO_DOMID_FIRST_RESERVED - 1, &id) < 0 ||
        !is_home_of(xb->new_dir, (splitio_domid_t)id)) {
        splitio_xb_idle(xb, false);
        return;
    }
    xb->peer_domid = (splitio_domid_t)id;
    xb->step = XB_WATCH;
}

/* ---- the states ---- */

int splitio_xb_run_own(struct splitio_xenbus *xb)
{
    return splitio_xb_read(xb, xb->dir, "state");
}

/* The toolstack asks a back to close by writing its state. */
void splitio_xb_note_own(struct splitio_xenbus *xb, unsigned wire)
{
    xb->wire = (uint8_t)wire;
    if (xb->started && xb->role == SPLITIO_XENBUS_BACK &&
        wire == SPLITIO_XENBUS_CLOSING && xb->local != SPLITIO_XENBUS_CLOSED)
        xb->local = SPLITIO_XENBUS_CLOSING;
}

void splitio_xb_answer_own(struct splitio_xenbus *xb, int status,
                           const char *body, size_t len_bytes)
{
    if (xb_is_absent(status) && xb->started) {
        xb->gone = true;
        xb->step = XB_ABANDON;
        return;
    }
    if (status < 0) {
        splitio_xb_idle(xb, false);
        return;
    }
    splitio_xb_note_own(xb, splitio_xenbus_parse_state(body, len_bytes));
    xb->step = XB_REMOTE;
}

int splitio_xb_run_remote(struct splitio_xenbus *xb)
{
    return splitio_xb_read(xb, xb->peer_dir, "state");
}

void splitio_xb_answer_remote(struct splitio_xenbus *xb, int status,
                              const char *body, size_t len_bytes)
{
    if (status < 0 && !xb_is_absent(status)) {
        splitio_xb_idle(xb, false);
        return;
    }
    xb->remote = (uint8_t)splitio_xenbus_parse_state(body, len_bytes);
    xb->step = !xb->started || xb->local == SPLITIO_XENBUS_CLOSED ? XB_ONLINE
                                                                  : XB_DECIDE;
}

int splitio_xb_run_online(struct splitio_xenbus *xb)
{
    return splitio_xb_read(
        xb, xb->role == SPLITIO_XENBUS_FRONT ? xb->peer_dir : xb->dir,
        "online");
}

void splitio_xb_answer_online(struct splitio_xenbus *xb, int status,
                              const char *body, size_t len_bytes)
{
    if (status < 0 && !xb_is_absent(status)) {
        splitio_xb_idle(xb, false);
        return;
    }
    xb->online = !splitio_xenbus_is(body, len_bytes, "0");
    xb->step = XB_DECIDE;
}

/* ---- what to do ---- */

enum splitio_xenbus_action splitio_xb_next(const struct splitio_xenbus *xb)
{
    struct splitio_xenbus_view view = {
        .role = xb->role,
        .local = xb->local,
        .remote = xb->remote,
        .online = xb->online,
        .closing = xb->closing || xb->held,
        .attached = xb->attached,
        .stale = xb->stale,
    };

    return splitio_xenbus_next(&view);
}

static int begin_life(struct splitio_xenbus *xb)
{
    struct splitio_xenbus_begin b =
        splitio_xenbus_start(xb->role, xb->wire, xb->remote, xb->driver->adopt);
    unsigned action = b.action;

    xb->started = true;
    xb->gone = false;
    xb->stale = true;
    xb->local = (uint8_t)b.local;
    if (action == SPLITIO_XENBUS_DO_CONNECT)
        action = XB_DO_ADOPT;
    splitio_xb_begin(xb, action, true);
    if (action == SPLITIO_XENBUS_DO_WAIT)
        xb->dirty = true;
    return 1;
}

/* What failed is tried again when the peer begins a new life. */
static void look_at_hold(struct splitio_xenbus *xb)
{
    if (!xb->held || xb->local != SPLITIO_XENBUS_CLOSED)
        return;
    if (xb->role == SPLITIO_XENBUS_BACK) {
        xb->held = xb->remote == xb->held_remote;
        return;
    }
    switch (xb->remote) {
    case SPLITIO_XENBUS_INITIALISING:
    case SPLITIO_XENBUS_INIT_WAIT:
    case SPLITIO_XENBUS_INITIALISED:
        if (xb->held_seen) {
            xb->held = false;
            xb->lives = XB_LIVES;
        }
        break;
    case SPLITIO_XENBUS_CONNECTED:
        break;
    default:
        xb->held_seen = true;
    }
}

/* Connected, and the peer is there: has anything changed? */
static unsigned front_linked(const struct splitio_xenbus *xb)
{
    if (xb->wire == SPLITIO_XENBUS_RECONFIGURING &&
        xb->remote == SPLITIO_XENBUS_RECONFIGURED)
        return XB_DO_SETTLE;
    if (xb->driver->updated && (xb->update || xb->reread) &&
        (xb->remote == SPLITIO_XENBUS_CONNECTED ||
         xb->remote == SPLITIO_XENBUS_RECONFIGURED))
        return XB_DO_UPDATE;
    return SPLITIO_XENBUS_DO_WAIT;
}

static unsigned back_linked(const struct splitio_xenbus *xb)
{
    bool answered = xb->wire == SPLITIO_XENBUS_RECONFIGURED;

    if (!xb->driver->updated)
        return SPLITIO_XENBUS_DO_WAIT;
    /* A front may ask again before it has seen the first answer. */
    if (xb->remote == SPLITIO_XENBUS_RECONFIGURING && (!answered || xb->update))
        return XB_DO_RECONFIGURE;
    if (xb->remote == SPLITIO_XENBUS_CONNECTED && answered)
        return XB_DO_SETTLE;
    return xb->reread ? XB_DO_UPDATE : SPLITIO_XENBUS_DO_WAIT;
}

int splitio_xb_run_decide(struct splitio_xenbus *xb)
{
    unsigned action;

    if (!xb->started)
        return begin_life(xb);
    if (xb->local == SPLITIO_XENBUS_CLOSED &&
        xb->remote != SPLITIO_XENBUS_INITIALISED &&
        xb->remote != SPLITIO_XENBUS_CONNECTED)
        xb->stale = false;
    look_at_hold(xb);
    action = splitio_xb_next(xb);
    if (action == SPLITIO_XENBUS_DO_OFFER && xb->lives == 0) {
        xb->held = true;
        xb->held_seen = false;
        action = splitio_xb_next(xb);
    }
    if (action == SPLITIO_XENBUS_DO_WAIT && xb->linked &&
        xb->local == SPLITIO_XENBUS_CONNECTED)
        action = xb->role == SPLITIO_XENBUS_FRONT ? front_linked(xb)
                                                  : back_linked(xb);
    xb->finished =
        action == SPLITIO_XENBUS_DO_FINISH && (xb->closing || !xb->online);
    splitio_xb_begin(xb, action, false);
    return 1;
}
