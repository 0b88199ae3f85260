/* SPDX-License-Identifier: BSD-2-Clause */
/* Actions: each is a short program of keys, driver calls and a transaction. */
#include "xenbus_int.h"

enum op {
    END,
    READ_OWN,
    READ_OFFER,
    READ_CONNECT,
    READ_OWN_UPDATE,
    READ_UPDATE,
    NEGOTIATE,
    CONNECTED,
    UPDATED,
    QUIESCE,
    DISCONNECT,
    WRITE, /* the keys of the action, and the state */
};

#define PROGRAM_MAX 6

static const uint8_t front_programs[XB_NR_ACTIONS][PROGRAM_MAX] = {
    [SPLITIO_XENBUS_DO_OFFER] = {READ_OWN, READ_OFFER, NEGOTIATE, WRITE},
    [SPLITIO_XENBUS_DO_CONNECT] = {READ_CONNECT, WRITE, CONNECTED},
    [SPLITIO_XENBUS_DO_CLOSE] = {WRITE},
    [SPLITIO_XENBUS_DO_CLOSED] = {QUIESCE, WRITE},
    [SPLITIO_XENBUS_DO_RELEASE] = {DISCONNECT},
    [SPLITIO_XENBUS_DO_REOPEN] = {WRITE},
    [XB_DO_UPDATE] = {READ_OWN_UPDATE, READ_UPDATE, UPDATED},
    [XB_DO_PUBLISH] = {WRITE},
    [XB_DO_RECONFIGURE] = {WRITE},
    [XB_DO_SETTLE] = {READ_OWN_UPDATE, READ_UPDATE, UPDATED, WRITE},
};

static const uint8_t back_programs[XB_NR_ACTIONS][PROGRAM_MAX] = {
    [SPLITIO_XENBUS_DO_OFFER] = {READ_OWN, WRITE},
    [SPLITIO_XENBUS_DO_CONNECT] = {READ_CONNECT, NEGOTIATE, WRITE, CONNECTED},
    [SPLITIO_XENBUS_DO_CLOSE] = {WRITE},
    [SPLITIO_XENBUS_DO_CLOSED] = {DISCONNECT, WRITE},
    [XB_DO_ADOPT] = {READ_OWN, READ_CONNECT, NEGOTIATE, WRITE, CONNECTED},
    [XB_DO_UPDATE] = {READ_OWN_UPDATE, READ_UPDATE, UPDATED},
    [XB_DO_PUBLISH] = {WRITE},
    [XB_DO_RECONFIGURE] = {READ_OWN_UPDATE, READ_UPDATE, UPDATED, WRITE},
    [XB_DO_SETTLE] = {READ_OWN_UPDATE, READ_UPDATE, UPDATED, WRITE},
};

void splitio_xb_begin(struct splitio_xenbus *xb, unsigned action, bool forced)
{
    xb->action = (uint8_t)action;
    xb->forced = forced;
    xb->pc = 0;
    xb->conflicts = 0;
    xb->in_doubt = false;
    if (action == SPLITIO_XENBUS_DO_WAIT || action == SPLITIO_XENBUS_DO_FINISH)
        splitio_xb_idle(xb, false);
    else
        splitio_xb_advance(xb);
}

static void read_keys(struct splitio_xenbus *xb,
                      enum splitio_xenbus_phase phase)
{
    xb->phase = (uint8_t)phase;
    xb->index = 0;
    xb->step = XB_KEYS;
}

/* The next part of the action. */
void splitio_xb_advance(struct splitio_xenbus *xb)
{
    const uint8_t(*programs)[PROGRAM_MAX] =
        xb->role == SPLITIO_XENBUS_FRONT ? front_programs : back_programs;

    switch ((enum op)programs[xb->action][xb->pc++]) {
    case END:
        splitio_xb_idle(xb, true);
        break;
    case READ_OWN:
        read_keys(xb, SPLITIO_XENBUS_OWN);
        break;
    case READ_OFFER:
        read_keys(xb, SPLITIO_XENBUS_OFFER);
        break;
    case READ_CONNECT:
        read_keys(xb, SPLITIO_XENBUS_CONNECT);
        break;
    case READ_OWN_UPDATE:
        read_keys(xb, SPLITIO_XENBUS_OWN_UPDATE);
        break;
    case READ_UPDATE:
        read_keys(xb, SPLITIO_XENBUS_UPDATE);
        break;
    case NEGOTIATE:
        xb->step = XB_NEGOTIATE;
        break;
    case CONNECTED:
        xb->step = XB_CONNECTED;
        break;
    case UPDATED:
        xb->step = XB_UPDATED;
        break;
    case QUIESCE:
        xb->step = XB_QUIESCE;
        break;
    case DISCONNECT:
        xb->step = XB_DISCONNECT;
        break;
    case WRITE:
        xb->step = XB_TX_START;
        break;
    }
}

/* ---- keys ---- */

int splitio_xb_run_keys(struct splitio_xenbus *xb)
{
    char key[SPLITIO_XENBUS_KEY_MAX] = "";

    if (!xb->driver->want ||
        !xb->driver->want(xb->drv, (enum splitio_xenbus_phase)xb->phase,
                          xb->index, key)) {
        splitio_xb_advance(xb);
        return 1;
    }
    if (xb->index >= SPLITIO_XENBUS_KEYS_MAX) {
        splitio_xb_fail(xb, SPLITIO_E2BIG);
        return 1;
    }
    key[sizeof(key) - 1] = '\0';
    return splitio_xb_read(xb,
                           xb->phase == SPLITIO_XENBUS_OWN ||
                                   xb->phase == SPLITIO_XENBUS_OWN_UPDATE
                               ? xb->dir
                               : xb->peer_dir,
                           key);
}

void splitio_xb_answer_keys(struct splitio_xenbus *xb, int status,
                            const char *body, size_t len_bytes)
{
    int err = status;

    if (status == 0 || xb_is_absent(status)) {
        err = xb->driver->got(xb->drv, (enum splitio_xenbus_phase)xb->phase,
                              xb->index, status == 0 ? body : NULL,
                              status == 0 ? len_bytes : 0);
        if (err >= 0) {
            xb->index++;
            return;
        }
    } else if (status != SPLITIO_EINVAL && status != SPLITIO_E2BIG) {
        xb->parked = true;
        return;
    }
    /* Dealt with by the next poll: no other callback runs in here. */
    if (!xb->failing || xb->error != err) {
        xb->error = err;
        xb->text[0] = '\0';
    }
    xb->step = XB_FAILED;
}

/* ---- the driver's part ---- */

/* What a callback returned: 0 goes on. */
static int returned(struct splitio_xenbus *xb, int err)
{
    if (err == SPLITIO_EAGAIN)
        return 0;
    if (err < 0)
        splitio_xb_fail(xb, err);
    else
        splitio_xb_advance(xb);
    return 1;
}

int splitio_xb_run_negotiate(struct splitio_xenbus *xb)
{
    int err = xb->driver->negotiate(xb->drv);

    if (err >= 0)
        xb->attached = true;
    return returned(xb, err);
}

int splitio_xb_run_connected(struct splitio_xenbus *xb)
{
    int err = xb->driver->connected(xb->drv);

    if (err >= 0) {
        xb->linked = true;
        xb->lives = XB_LIVES;
        xb->nr_connects++;
        if (!xb->failing) {
            xb->error = 0;
            xb->text[0] = '\0';
        }
    }
    return returned(xb, err);
}

int splitio_xb_run_updated(struct splitio_xenbus *xb)
{
    return returned(xb, xb->driver->updated ? xb->driver->updated(xb->drv) : 0);
}

int splitio_xb_run_quiesce(struct splitio_xenbus *xb)
{
    bool serving = xb->remote >= SPLITIO_XENBUS_INITIALISED &&
                   xb->remote != SPLITIO_XENBUS_CLOSED;

    if (xb->driver->quiesce && xb->linked && serving &&
        xb->driver->quiesce(xb->drv) == SPLITIO_EAGAIN) {
        /* If the back goes meanwhile, there is nothing left to wait for. */
        if (!xb->dirty)
            return 0;
        splitio_xb_idle(xb, true);
        return 1;
    }
    splitio_xb_advance(xb);
    return 1;
}

int splitio_xb_run_disconnect(struct splitio_xenbus *xb)
{
    bool attached = xb->attached;

    if (splitio_xb_disconnect(xb) == SPLITIO_EAGAIN)
        return 0;
    /* There is no way back from here, whatever the peer has done since. */
    if (attached)
        xb->forced = true;
    splitio_xb_advance(xb);
    return 1;
}
