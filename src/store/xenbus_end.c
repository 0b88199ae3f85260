/* SPDX-License-Identifier: BSD-2-Clause */
/* How a connection ends: errors, close, resume, fini; and diagnostics. */
#include "xenbus_int.h"

/* ---- errors ---- */

/* The errno number that tools expect in front of an error's text. */
static unsigned errno_of(int error)
{
    static const uint8_t numbers[] = {
        [-SPLITIO_EAGAIN] = 11,     [-SPLITIO_EPROTO] = 71,
        [-SPLITIO_EINVAL] = 22,     [-SPLITIO_ENOMEM] = 12,
        [-SPLITIO_ENOSPC] = 28,     [-SPLITIO_ENOENT] = 2,
        [-SPLITIO_EEXIST] = 17,     [-SPLITIO_EACCES] = 13,
        [-SPLITIO_EBUSY] = 16,      [-SPLITIO_EIO] = 5,
        [-SPLITIO_EOPNOTSUPP] = 95, [-SPLITIO_EROFS] = 30,
        [-SPLITIO_ECLOSED] = 107,   [-SPLITIO_E2BIG] = 7,
    };

    if (error >= 0 || (size_t)-error >= sizeof(numbers))
        return 5;
    return numbers[-error];
}

/* Begin to end this life. */
void splitio_xb_fail(struct splitio_xenbus *xb, int error)
{
    if (!xb->failing || xb->error != error)
        xb->text[0] = '\0';
    if (xb->text[0] == '\0')
        splitio_xenbus_print(xb->text, sizeof(xb->text), "%s",
                             splitio_strerror(error));
    xb->error = error;
    xb->failing = false;
    xb->ending = true;
    xb->nr_errors++;
    xb->step = XB_UNDO;
}

int splitio_xb_run_failed(struct splitio_xenbus *xb)
{
    splitio_xb_fail(xb, xb->error);
    return 1;
}

/* True if the peer knows of the rings. A back's own hold is its own affair. */
static bool is_known(const struct splitio_xenbus *xb)
{
    return xb->role == SPLITIO_XENBUS_FRONT &&
           xb->local != SPLITIO_XENBUS_INITIALISING;
}

/* Is this the action that attached, and did it not come to its end? */
static bool is_half_done(const struct splitio_xenbus *xb)
{
    if (xb->role == SPLITIO_XENBUS_FRONT)
        return xb->action == SPLITIO_XENBUS_DO_OFFER;
    return xb->action == SPLITIO_XENBUS_DO_CONNECT || xb->action == XB_DO_ADOPT;
}

int splitio_xb_run_undo(struct splitio_xenbus *xb)
{
    if (!is_known(xb) && (xb->ending || is_half_done(xb)) &&
        splitio_xb_disconnect(xb) == SPLITIO_EAGAIN)
        return 0;
    if (!xb->ending)
        splitio_xb_idle(xb, true);
    else
        xb->step = XB_ERROR;
    return 1;
}

/* "/local/domain/5/device/vbd/768": where the part after the domain begins. */
static size_t home_len(const char *dir)
{
    static const char homes[] = "/local/domain/";
    size_t i;

    for (i = 0; i < sizeof(homes) - 1; i++)
        if (dir[i] != homes[i])
            return 0;
    while (dir[i] >= '0' && dir[i] <= '9')
        i++;
    return dir[i] == '/' ? i : 0;
}

int splitio_xb_run_error(struct splitio_xenbus *xb)
{
    char path[XB_PATH_MAX], value[SPLITIO_XENBUS_TEXT_MAX + 8];
    size_t len = home_len(xb->dir);
    int n;

    if (xb->error == SPLITIO_ECLOSED) {
        splitio_xb_answer_error(xb, 0, NULL, 0);
        return 1;
    }
    __builtin_memcpy(path, xb->dir, len);
    path[len] = '\0';
    if (len > 0)
        path[len++] = '/';
    n = splitio_xenbus_print(path + len, sizeof(path) - len, "error%s%s/error",
                             xb->dir[0] == '/' ? "" : "/",
                             xb->dir + (len > 0 ? len - 1 : 0));
    if (n < 0)
        return splitio_xb_submitted(xb, n);
    n = splitio_xenbus_print(value, sizeof(value), "%u %s", errno_of(xb->error),
                             xb->text);
    return splitio_xb_submitted(
        xb,
        splitio_store_write(xb->store, &xb->call, 0, path, value, (size_t)n));
}

void splitio_xb_answer_error(struct splitio_xenbus *xb, int status,
                             const char *body, size_t len_bytes)
{
    bool front = xb->role == SPLITIO_XENBUS_FRONT;

    (void)status; /* nobody is left to tell */
    (void)body;
    (void)len_bytes;
    xb->ending = false;
    xb->held = true;
    xb->held_seen = false;
    xb->held_remote = xb->remote;
    if (xb->local == SPLITIO_XENBUS_CLOSED ||
        (front && xb->local == SPLITIO_XENBUS_CLOSING))
        splitio_xb_idle(xb, true);
    else if (is_known(xb))
        splitio_xb_begin(xb, SPLITIO_XENBUS_DO_CLOSE, true);
    else
        splitio_xb_begin(xb, SPLITIO_XENBUS_DO_CLOSED, true);
}

void splitio_xenbus_fail(struct splitio_xenbus *xb, int error, const char *text)
{
    size_t i = 0;

    if (error >= 0)
        return;
    if (!text)
        text = splitio_strerror(error);
    for (; text[i] != '\0' && i < sizeof(xb->text) - 1; i++)
        xb->text[i] = text[i];
    xb->text[i] = '\0';
    xb->error = error;
    xb->failing = true;
    xb->parked = false;
}

/* ---- the owner's wishes ---- */

void splitio_xenbus_close(struct splitio_xenbus *xb)
{
    xb->closing = xb->dirty = true;
    xb->parked = false;
}

void splitio_xenbus_reopen(struct splitio_xenbus *xb)
{
    xb->closing = xb->held = false;
    xb->lives = XB_LIVES;
    xb->dirty = true;
    xb->parked = false;
}

void splitio_xenbus_publish(struct splitio_xenbus *xb)
{
    xb->publishing = xb->linked;
}

void splitio_xenbus_reconfigure(struct splitio_xenbus *xb)
{
    xb->reconfiguring = xb->linked && xb->role == SPLITIO_XENBUS_FRONT;
}

bool splitio_xenbus_is_closed(const struct splitio_xenbus *xb)
{
    if (xb->attached || xb->step != XB_IDLE || xb->dirty || xb->failing ||
        xb->resuming)
        return false;
    if (!xb->started)
        return xb->gone || xb->closing;
    return xb->local == SPLITIO_XENBUS_CLOSED && xb->finished;
}

/* ---- a new life, or none ---- */

int splitio_xb_run_abandon(struct splitio_xenbus *xb)
{
    if (splitio_xb_disconnect(xb) == SPLITIO_EAGAIN)
        return 0;
    xb->started = xb->ending = xb->held = false;
    xb->local = xb->remote = SPLITIO_XENBUS_UNKNOWN;
    xb->lives = XB_LIVES;
    splitio_xb_idle(xb, !xb->gone);
    return 1;
}

void splitio_xenbus_resume(struct splitio_xenbus *xb)
{
    xb->resuming = true;
    xb->parked = false;
}

/* A transaction whose id is on its way has to be ended: it is waited for. */
void splitio_xb_resume_now(struct splitio_xenbus *xb)
{
    if (!xb->resuming || (xb->call.pending && xb->step == XB_TX_START))
        return;
    splitio_store_cancel(xb->store, &xb->call);
    splitio_xb_drop_tx(xb);
    xb->resuming = xb->gone = false;
    xb->step = XB_ABANDON;
}

int splitio_xenbus_fini(struct splitio_xenbus *xb)
{
    if (!xb->store)
        return 0;
    if (splitio_xb_disconnect(xb) == SPLITIO_EAGAIN)
        return SPLITIO_EAGAIN;
    /* The id of the transaction is on its way: it has to be ended. */
    if (xb->call.pending && xb->step == XB_TX_START)
        return SPLITIO_EAGAIN;
    splitio_store_cancel(xb->store, &xb->call);
    splitio_xb_drop_tx(xb);
    xb->step = XB_IDLE;
    if (splitio_xb_end_stray(xb) < 0)
        return SPLITIO_EAGAIN;
    if (splitio_xb_remove_watches(xb) < 0)
        return SPLITIO_EAGAIN;
    xb->store = NULL;
    return 0;
}

/* ---- diagnostics ---- */

int splitio_xenbus_check(struct splitio_xenbus *xb, uint64_t now_ns,
                         uint64_t timeout_ns)
{
    uint32_t mark = (uint32_t)xb->local << 8 | xb->remote | 0x10000;
    bool closed = splitio_xenbus_is_closed(xb);

    if (xb->linked && xb->local == SPLITIO_XENBUS_CONNECTED && !xb->parked)
        mark = 1;
    if (closed && !xb->gone)
        mark = 2;
    if (mark != xb->wait_mark) {
        xb->wait_mark = mark;
        xb->wait_since_ns = now_ns;
        xb->told = false;
    }
    if (mark <= 2 || now_ns - xb->wait_since_ns < timeout_ns)
        return 0;
    xb->wait_since_ns = now_ns;
    xb->parked = false;
    xb->dirty = xb->own_event = true;
    splitio_xb_watch_again(xb);
    if (xb->told || closed)
        return 0;
    xb->told = true;
    return SPLITIO_EAGAIN;
}

int splitio_xenbus_describe(const struct splitio_xenbus *xb, char *out,
                            size_t bytes)
{
    return splitio_xenbus_print(
        out, bytes, "%s %s: state %u (%s), peer %s: state %u (%s)%s%s",
        xb->role == SPLITIO_XENBUS_FRONT ? "front" : "back", xb->dir,
        (unsigned)xb->local, splitio_xenbus_state_name(xb->local),
        xb->peer_dir[0] ? xb->peer_dir : "unknown", (unsigned)xb->remote,
        splitio_xenbus_state_name(xb->remote), xb->error ? ", error: " : "",
        xb->error ? xb->text : "");
}
