/* SPDX-License-Identifier: BSD-2-Clause */
/* The runner's loop, its watches, and what all its steps share. */
#include "xenbus_int.h"

/* Steps in one poll; a life takes fewer between two answers of the store. */
#define MOST_STEPS 64

static const struct {
    xb_run *run;
    xb_answer *answer; /* NULL: asks nothing */
} steps[XB_NR_STEPS] = {
    [XB_PEER] = {splitio_xb_run_peer, splitio_xb_answer_peer},
    [XB_PEER_ID] = {splitio_xb_run_peer_id, splitio_xb_answer_peer_id},
    [XB_WATCH] = {splitio_xb_run_watch, NULL},
    [XB_OWN] = {splitio_xb_run_own, splitio_xb_answer_own},
    [XB_REMOTE] = {splitio_xb_run_remote, splitio_xb_answer_remote},
    [XB_ONLINE] = {splitio_xb_run_online, splitio_xb_answer_online},
    [XB_DECIDE] = {splitio_xb_run_decide, NULL},
    [XB_KEYS] = {splitio_xb_run_keys, splitio_xb_answer_keys},
    [XB_NEGOTIATE] = {splitio_xb_run_negotiate, NULL},
    [XB_CONNECTED] = {splitio_xb_run_connected, NULL},
    [XB_UPDATED] = {splitio_xb_run_updated, NULL},
    [XB_QUIESCE] = {splitio_xb_run_quiesce, NULL},
    [XB_DISCONNECT] = {splitio_xb_run_disconnect, NULL},
    [XB_TX_START] = {splitio_xb_run_tx_start, splitio_xb_answer_tx_start},
    [XB_TX_OWN] = {splitio_xb_run_tx_own, splitio_xb_answer_tx_own},
    [XB_TX_REMOTE] = {splitio_xb_run_tx_remote, splitio_xb_answer_tx_remote},
    [XB_TX_TELL] = {splitio_xb_run_tx_tell, splitio_xb_answer_tx_tell},
    [XB_TX_STATE] = {splitio_xb_run_tx_state, splitio_xb_answer_tx_state},
    [XB_TX_END] = {splitio_xb_run_tx_end, splitio_xb_answer_tx_end},
    [XB_FAILED] = {splitio_xb_run_failed, NULL},
    [XB_UNDO] = {splitio_xb_run_undo, NULL},
    [XB_ERROR] = {splitio_xb_run_error, splitio_xb_answer_error},
    [XB_ABANDON] = {splitio_xb_run_abandon, NULL},
};

/* ---- shared by the steps ---- */

static void call_done(struct splitio_store_call *call, int status,
                      const char *body, size_t len_bytes)
{
    struct splitio_xenbus *xb =
        SPLITIO_CONTAINER_OF(call, struct splitio_xenbus, call);

    steps[xb->step].answer(xb, status, body, len_bytes);
}

/* After a submit: wait for room, for the answer, or take the error as one. */
int splitio_xb_submitted(struct splitio_xenbus *xb, int err)
{
    if (err == SPLITIO_EAGAIN)
        return 0;
    if (err < 0)
        steps[xb->step].answer(xb, err, NULL, 0);
    return 1;
}

int splitio_xb_read(struct splitio_xenbus *xb, const char *dir, const char *key)
{
    char path[XB_PATH_MAX];

    if (splitio_xenbus_print(path, sizeof(path), "%s/%s", dir, key) < 0)
        return splitio_xb_submitted(xb, SPLITIO_E2BIG);
    return splitio_xb_submitted(
        xb, splitio_store_read(xb->store, &xb->call, xb->tx_id, path));
}

/* 0: the driver holds nothing any more. */
int splitio_xb_disconnect(struct splitio_xenbus *xb)
{
    if (!xb->attached)
        return 0;
    xb->linked = xb->publishing = xb->reconfiguring = false;
    if (xb->driver->disconnect(xb->drv) == SPLITIO_EAGAIN)
        return SPLITIO_EAGAIN;
    xb->attached = false;
    return 0;
}

/* Give a transaction up. Without room to say so now, a later poll does. */
void splitio_xb_drop_tx(struct splitio_xenbus *xb)
{
    if (xb->tx_id != 0)
        xb->stray_tx = xb->tx_id;
    xb->tx_id = 0;
    splitio_xb_end_stray(xb);
}

int splitio_xb_end_stray(struct splitio_xenbus *xb)
{
    /* Not registered: this is another connection, which knows nothing of it. */
    if (splitio_store_watch_status(&xb->own_watch) == SPLITIO_EAGAIN)
        xb->stray_tx = 0;
    if (xb->stray_tx == 0)
        return 0;
    if (splitio_store_tx_end(xb->store, NULL, xb->stray_tx, false) ==
        SPLITIO_EAGAIN)
        return SPLITIO_EAGAIN;
    xb->stray_tx = 0;
    return 0;
}

void splitio_xb_idle(struct splitio_xenbus *xb, bool look_again)
{
    xb->step = XB_IDLE;
    if (look_again)
        xb->dirty = true;
}

/* ---- the loop ---- */

/* What the driver has asked for while connected. */
static bool wishes(struct splitio_xenbus *xb)
{
    if (xb->reconfiguring && xb->wire == SPLITIO_XENBUS_CONNECTED) {
        xb->reconfiguring = false;
        splitio_xb_begin(xb, XB_DO_RECONFIGURE, false);
        return true;
    }
    if (xb->publishing)
        splitio_xb_begin(xb, XB_DO_PUBLISH, false);
    return xb->publishing;
}

static int run_idle(struct splitio_xenbus *xb)
{
    if (xb->failing) {
        splitio_xb_fail(xb, xb->error);
        return 1;
    }
    if (xb->linked && xb->local == SPLITIO_XENBUS_CONNECTED && wishes(xb))
        return 1;
    if (!xb->dirty)
        return 0;
    xb->dirty = false;
    xb->update = xb->peer_event;
    xb->reread = xb->key_event;
    if (!xb->started || (xb->own_event && xb->role == SPLITIO_XENBUS_FRONT))
        xb->step = XB_PEER;
    else
        xb->step = xb->own_event ? XB_OWN : XB_REMOTE;
    xb->own_event = xb->peer_event = xb->key_event = false;
    return 1;
}

int splitio_xenbus_poll(struct splitio_xenbus *xb)
{
    unsigned i;

    splitio_xb_resume_now(xb);
    for (i = 0; i < MOST_STEPS; i++) {
        if (xb->call.pending || xb->parked || splitio_xb_end_stray(xb) < 0)
            break;
        if (!(xb->step == XB_IDLE ? run_idle(xb) : steps[xb->step].run(xb)))
            break;
    }
    return i > 0;
}

/* ---- begin ---- */

int splitio_xenbus_init(struct splitio_xenbus *xb,
                        enum splitio_xenbus_role role,
                        struct splitio_store *store, const char *dir,
                        const struct splitio_xenbus_driver *driver, void *drv)
{
    size_t len;
    int err;

    if (!store || !dir || !driver || !driver->got || !driver->negotiate ||
        !driver->connected || !driver->disconnect)
        return SPLITIO_EINVAL;
    len = splitio_xs_strlen(dir);
    if (len >= sizeof(xb->dir))
        return SPLITIO_E2BIG;
    if (splitio_xs_path_check(
            dir, len,
            role == SPLITIO_XENBUS_FRONT ? SPLITIO_XS_PATH_RELATIVE : 0) < 0)
        return SPLITIO_EINVAL;
    __builtin_memset(xb, 0, sizeof(*xb));
    __builtin_memcpy(xb->dir, dir, len + 1);
    xb->role = role;
    xb->store = store;
    xb->driver = driver;
    xb->drv = drv;
    xb->call.done = call_done;
    xb->lives = XB_LIVES;
    xb->online = xb->dirty = true;
    splitio_xb_set_watches(xb);
    err = splitio_store_watch(store, &xb->own_watch);
    if (err == 0 && role == SPLITIO_XENBUS_BACK)
        err = splitio_store_watch(store, &xb->online_watch);
    return err;
}

bool splitio_xenbus_is_settled(const struct splitio_xenbus *xb)
{
    bool asked = xb->dirty || xb->failing || xb->publishing ||
                 xb->reconfiguring || xb->resuming || xb->closing;

    return xb->linked && xb->step == XB_IDLE && !xb->call.pending &&
           !xb->parked && xb->stray_tx == 0 && !asked;
}

bool splitio_xenbus_is_valid(const struct splitio_xenbus *xb)
{
    return xb->step < XB_NR_STEPS && xb->action < XB_NR_ACTIONS &&
           xb->local <= SPLITIO_XENBUS_CLOSED &&
           xb->remote <= SPLITIO_XENBUS_RECONFIGURED &&
           (!xb->linked || xb->attached) &&
           (!xb->call.pending || steps[xb->step].answer != NULL) &&
           (xb->tx_id == 0 ||
            (xb->step > XB_TX_START && xb->step <= XB_TX_END)) &&
           (!xb->store || xb->own_watch.linked);
}
