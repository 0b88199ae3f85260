/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The transaction that ends an action: own state and peer's state are read in
 * it, so that it is carried out only if both are still what was decided upon;
 * the keys of the phase and the new state are written; all or nothing.
 */
#include "xenbus_int.h"

/* The state that the action writes. */
static unsigned target(const struct splitio_xenbus *xb)
{
    unsigned action = xb->action;

    if (xb_stays_connected(action))
        return xb->local;
    if (action == XB_DO_ADOPT)
        action = SPLITIO_XENBUS_DO_CONNECT;
    return splitio_xenbus_after(xb->role, xb->local,
                                (enum splitio_xenbus_action)action);
}

/* ... as the node has it. */
static unsigned target_wire(const struct splitio_xenbus *xb)
{
    if (xb->role == SPLITIO_XENBUS_FRONT &&
        xb->action == SPLITIO_XENBUS_DO_OFFER && xb->driver->offer_state)
        return xb->driver->offer_state;
    if (xb->action == XB_DO_RECONFIGURE)
        return xb->role == SPLITIO_XENBUS_FRONT ? SPLITIO_XENBUS_RECONFIGURING
                                                : SPLITIO_XENBUS_RECONFIGURED;
    /* The peer may be waiting to see what is there. */
    if (xb->action == XB_DO_PUBLISH && xb->wire >= SPLITIO_XENBUS_RECONFIGURING)
        return xb->wire;
    return target(xb);
}

static void committed(struct splitio_xenbus *xb)
{
    xb->wire = (uint8_t)target_wire(xb);
    xb->local = (uint8_t)target(xb);
    if (xb->action == SPLITIO_XENBUS_DO_CLOSED)
        xb->stale = true;
    if (xb->role == SPLITIO_XENBUS_FRONT &&
        xb->action == SPLITIO_XENBUS_DO_OFFER)
        xb->lives--;
    /* A new life: the peer may be another one. */
    if (xb->action == SPLITIO_XENBUS_DO_REOPEN)
        xb->own_event = true;
    splitio_xb_advance(xb);
}

/* Give up the action: things have changed. */
static void give_up(struct splitio_xenbus *xb)
{
    splitio_xb_drop_tx(xb);
    xb->dirty = true;
    xb->step = XB_UNDO;
}

/* The store refuses: all again after the next event. */
static void park(struct splitio_xenbus *xb)
{
    splitio_xb_drop_tx(xb);
    xb->parked = true;
    xb->step = XB_TX_START;
}

/* True if the action writes the UPDATE keys. */
static bool tells_update(const struct splitio_xenbus *xb)
{
    return xb->action == XB_DO_PUBLISH || (xb->action == XB_DO_RECONFIGURE &&
                                           xb->role == SPLITIO_XENBUS_FRONT);
}

int splitio_xb_run_tx_start(struct splitio_xenbus *xb)
{
    if (tells_update(xb))
        xb->publishing = false;
    return splitio_xb_submitted(xb,
                                splitio_store_tx_start(xb->store, &xb->call));
}

void splitio_xb_answer_tx_start(struct splitio_xenbus *xb, int status,
                                const char *body, size_t len_bytes)
{
    uint32_t id;

    if (status == 0 && len_bytes > 0 && body[len_bytes - 1] == '\0')
        len_bytes--; /* xenstored counts it */
    /* A domain may have ten open. Other devices of ours have them and will be
     * done; but if nobody is, asking for ever helps nobody. */
    if (status == SPLITIO_ENOSPC && ++xb->refusals < XB_REFUSALS)
        return;
    xb->refusals = 0;
    if (status < 0 ||
        splitio_xenbus_parse_u32(body, len_bytes, 1, UINT32_MAX, &id) < 0) {
        park(xb);
        return;
    }
    xb->tx_id = id;
    xb->index = 0;
    xb->step = XB_TX_OWN;
}

/* ---- is it still right? ---- */

int splitio_xb_run_tx_own(struct splitio_xenbus *xb)
{
    return splitio_xb_read(xb, xb->dir, "state");
}

void splitio_xb_answer_tx_own(struct splitio_xenbus *xb, int status,
                              const char *body, size_t len_bytes)
{
    unsigned before = xb->local, wire;

    if (xb_is_absent(status)) { /* never make it anew */
        splitio_xb_drop_tx(xb);
        xb->gone = true;
        xb->step = XB_ABANDON;
        return;
    }
    if (status < 0) {
        park(xb);
        return;
    }
    wire = splitio_xenbus_parse_state(body, len_bytes);
    if (xb->in_doubt && wire == target_wire(xb)) {
        splitio_xb_drop_tx(xb);
        committed(xb);
        return;
    }
    if (!xb->forced)
        splitio_xb_note_own(xb, wire);
    if (xb->local != before)
        give_up(xb);
    else
        xb->step = xb->forced || xb->conflicts >= XB_CONFLICTS ? XB_TX_TELL
                                                               : XB_TX_REMOTE;
}

int splitio_xb_run_tx_remote(struct splitio_xenbus *xb)
{
    return splitio_xb_read(xb, xb->peer_dir, "state");
}

void splitio_xb_answer_tx_remote(struct splitio_xenbus *xb, int status,
                                 const char *body, size_t len_bytes)
{
    bool attached = xb->attached;
    unsigned next;

    if (status < 0 && !xb_is_absent(status)) {
        park(xb);
        return;
    }
    xb->remote = (uint8_t)splitio_xenbus_parse_state(body, len_bytes);
    /* The rules do not know of rings that nobody has heard of. */
    if (xb->action == SPLITIO_XENBUS_DO_OFFER)
        xb->attached = false;
    next = splitio_xb_next(xb);
    xb->attached = attached;
    if (xb_stays_connected(xb->action) && next == SPLITIO_XENBUS_DO_WAIT)
        next = xb->action;
    if (next == xb->action)
        xb->step = XB_TX_TELL;
    else
        give_up(xb);
}

/* ---- keys and state ---- */

static enum splitio_xenbus_tell tell(struct splitio_xenbus *xb, char *key,
                                     char *value)
{
    enum splitio_xenbus_phase phase;

    switch (xb->action) {
    case SPLITIO_XENBUS_DO_OFFER:
        phase = SPLITIO_XENBUS_OFFER;
        break;
    case SPLITIO_XENBUS_DO_CONNECT:
    case XB_DO_ADOPT:
        phase = SPLITIO_XENBUS_CONNECT;
        break;
    default:
        if (!tells_update(xb))
            return SPLITIO_XENBUS_TELL_END;
        phase = SPLITIO_XENBUS_UPDATE;
    }
    if (!xb->driver->tell || xb->index >= SPLITIO_XENBUS_KEYS_MAX)
        return SPLITIO_XENBUS_TELL_END;
    return xb->driver->tell(xb->drv, phase, xb->index, key, value);
}

int splitio_xb_run_tx_tell(struct splitio_xenbus *xb)
{
    char key[SPLITIO_XENBUS_KEY_MAX] = "";
    char value[SPLITIO_XENBUS_VALUE_MAX] = "";
    char path[XB_PATH_MAX];
    enum splitio_xenbus_tell what = tell(xb, key, value);

    if (what == SPLITIO_XENBUS_TELL_END) {
        xb->step = XB_TX_STATE;
        return 1;
    }
    key[sizeof(key) - 1] = value[sizeof(value) - 1] = '\0';
    if (splitio_xenbus_print(path, sizeof(path), "%s/%s", xb->dir, key) < 0)
        return splitio_xb_submitted(xb, SPLITIO_E2BIG);
    if (what == SPLITIO_XENBUS_TELL_REMOVE)
        return splitio_xb_submitted(
            xb, splitio_store_rm(xb->store, &xb->call, xb->tx_id, path));
    return splitio_xb_submitted(
        xb, splitio_store_write(xb->store, &xb->call, xb->tx_id, path, value,
                                splitio_xs_strlen(value)));
}

void splitio_xb_answer_tx_tell(struct splitio_xenbus *xb, int status,
                               const char *body, size_t len_bytes)
{
    (void)body;
    (void)len_bytes;
    if (status == 0 || status == SPLITIO_ENOENT)
        xb->index++;
    else
        park(xb);
}

int splitio_xb_run_tx_state(struct splitio_xenbus *xb)
{
    char path[XB_PATH_MAX];
    char digit = (char)('0' + target_wire(xb));

    splitio_xenbus_print(path, sizeof(path), "%s/state", xb->dir);
    return splitio_xb_submitted(
        xb,
        splitio_store_write(xb->store, &xb->call, xb->tx_id, path, &digit, 1));
}

void splitio_xb_answer_tx_state(struct splitio_xenbus *xb, int status,
                                const char *body, size_t len_bytes)
{
    (void)body;
    (void)len_bytes;
    if (status == 0)
        xb->step = XB_TX_END;
    else
        park(xb);
}

int splitio_xb_run_tx_end(struct splitio_xenbus *xb)
{
    return splitio_xb_submitted(
        xb, splitio_store_tx_end(xb->store, &xb->call, xb->tx_id, true));
}

void splitio_xb_answer_tx_end(struct splitio_xenbus *xb, int status,
                              const char *body, size_t len_bytes)
{
    (void)body;
    (void)len_bytes;
    if (status == 0) {
        xb->tx_id = 0;
        committed(xb);
    } else if (status == SPLITIO_EAGAIN) {
        xb->tx_id = 0;
        xb->nr_conflicts++;
        xb->conflicts++;
        xb->step = XB_TX_START;
    } else {
        xb->in_doubt = xb_is_lost(status);
        park(xb);
    }
}
