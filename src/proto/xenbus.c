/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of the handshake: two tables, one row for each own state. */
#include <splitio/proto/xenbus.h>

#define WAIT    SPLITIO_XENBUS_DO_WAIT
#define OFFER   SPLITIO_XENBUS_DO_OFFER
#define CONNECT SPLITIO_XENBUS_DO_CONNECT
#define CLOSE   SPLITIO_XENBUS_DO_CLOSE
#define CLOSED  SPLITIO_XENBUS_DO_CLOSED
#define RELEASE SPLITIO_XENBUS_DO_RELEASE
#define REOPEN  SPLITIO_XENBUS_DO_REOPEN
#define FINISH  SPLITIO_XENBUS_DO_FINISH

/* The states that a driver of ours can be in; the others are folded in. */
enum {
    STARTING,
    OFFERED,
    CONNECTED,
    CLOSING,
    NR_ROWS,
};

/* Columns: what the peer's state is, 0 (unknown) to 8. */
#define NR_STATES 9u

/*
 * Front. Starting: an answer can only be expected from a back that waits (2,
 * 3); one that is Connected or Closing is in an earlier life and has to see the
 * front close. Offered and Connected: a back that is gone, closing, or starts
 * again ends the connection. Closing: a back that may be about to map the rings
 * must have noticed, or be new, before the front may say Closed: else that would
 * race with their end. A Connected one has mapped them, and lets go of them at
 * Closed; some backs only then, and have no answer to Closing.
 */
static const uint8_t front_rows[NR_ROWS][NR_STATES] = {
    /*  unknown 1      2      3      4        5       6       7     8 */
    {WAIT, WAIT, OFFER, OFFER, CLOSE, CLOSE, WAIT, CLOSE, CLOSE},
    {CLOSE, CLOSE, WAIT, WAIT, CONNECT, CLOSE, CLOSE, WAIT, WAIT},
    {CLOSE, CLOSE, CLOSE, CLOSE, WAIT, CLOSE, CLOSE, WAIT, WAIT},
    {CLOSED, CLOSED, WAIT, WAIT, CLOSED, CLOSED, CLOSED, WAIT, WAIT},
};

/*
 * Back. Starting: it can say what it offers at any time. Offered: a front that
 * begins with a close cycle wants to see Closed. Connected: a front that is
 * gone or starts again has nothing to wait for; one that is Closing may have
 * requests under way, so the back serves until it is Closed. Closing: the same,
 * on the back's side of the wish.
 */
static const uint8_t back_rows[NR_ROWS][NR_STATES] = {
    /*  unknown 1      2      3        4        5       6       7     8 */
    {OFFER, OFFER, OFFER, OFFER, OFFER, OFFER, OFFER, OFFER, OFFER},
    {WAIT, WAIT, WAIT, CONNECT, CONNECT, CLOSED, CLOSED, WAIT, WAIT},
    {CLOSED, CLOSED, CLOSED, WAIT, WAIT, CLOSE, CLOSED, WAIT, WAIT},
    {CLOSED, CLOSED, CLOSED, WAIT, WAIT, WAIT, CLOSED, WAIT, WAIT},
};

/* Row of an own state; Closed has no row. */
static unsigned row_of(enum splitio_xenbus_role role, unsigned local)
{
    switch (local) {
    case SPLITIO_XENBUS_INIT_WAIT:
        return role == SPLITIO_XENBUS_BACK ? OFFERED : STARTING;
    case SPLITIO_XENBUS_INITIALISED:
        return OFFERED;
    case SPLITIO_XENBUS_CONNECTED:
    case SPLITIO_XENBUS_RECONFIGURING:
    case SPLITIO_XENBUS_RECONFIGURED:
        return CONNECTED;
    case SPLITIO_XENBUS_CLOSING:
        return CLOSING;
    default:
        return STARTING;
    }
}

/* True if the peer may still use the rings, or waits to be served. */
static bool is_alive(unsigned remote)
{
    return remote == SPLITIO_XENBUS_INITIALISED ||
           remote == SPLITIO_XENBUS_CONNECTED ||
           remote == SPLITIO_XENBUS_CLOSING ||
           remote == SPLITIO_XENBUS_RECONFIGURING ||
           remote == SPLITIO_XENBUS_RECONFIGURED;
}

/* True if the front has said where its rings are. */
static bool is_offered(unsigned remote)
{
    return remote == SPLITIO_XENBUS_INITIALISED ||
           remote == SPLITIO_XENBUS_CONNECTED;
}

static enum splitio_xenbus_action
front_closed(const struct splitio_xenbus_view *v, unsigned remote)
{
    if (v->attached)
        return is_alive(remote) ? WAIT : RELEASE;
    if (v->closing)
        return FINISH;
    switch (remote) {
    case SPLITIO_XENBUS_INITIALISING:
    case SPLITIO_XENBUS_INIT_WAIT:
    case SPLITIO_XENBUS_INITIALISED:
        return REOPEN;
    case SPLITIO_XENBUS_CLOSED:
        return v->online ? REOPEN : FINISH;
    default:
        return WAIT;
    }
}

static enum splitio_xenbus_action
back_closed(const struct splitio_xenbus_view *v, unsigned remote)
{
    if (v->attached)
        return CLOSED;
    if (v->closing || !v->online)
        return FINISH;
    if (remote == SPLITIO_XENBUS_INITIALISING ||
        remote == SPLITIO_XENBUS_INIT_WAIT)
        return OFFER;
    if (is_offered(remote))
        return v->stale ? WAIT : OFFER;
    return WAIT;
}

/* The owner wants the device closed. */
static enum splitio_xenbus_action
next_closing(const struct splitio_xenbus_view *v, unsigned row, unsigned remote)
{
    if (row == CLOSING)
        return v->role == SPLITIO_XENBUS_FRONT ? front_rows[row][remote]
                                               : back_rows[row][remote];
    if (v->role == SPLITIO_XENBUS_FRONT)
        return row == STARTING && !v->attached ? CLOSED : CLOSE;
    /* Nobody is being served: there is nothing to wait for. */
    return row == CONNECTED && is_alive(remote) ? CLOSE : CLOSED;
}

enum splitio_xenbus_action
splitio_xenbus_next(const struct splitio_xenbus_view *view)
{
    unsigned remote = view->remote < NR_STATES ? view->remote : 0;
    unsigned row = row_of(view->role, view->local);
    bool front = view->role == SPLITIO_XENBUS_FRONT;

    if (view->local == SPLITIO_XENBUS_CLOSED)
        return front ? front_closed(view, remote) : back_closed(view, remote);
    if (view->closing)
        return next_closing(view, row, remote);
    return front ? front_rows[row][remote] : back_rows[row][remote];
}

struct splitio_xenbus_begin splitio_xenbus_start(enum splitio_xenbus_role role,
                                                 unsigned own, unsigned remote,
                                                 bool adopt)
{
    struct splitio_xenbus_begin b = {SPLITIO_XENBUS_INITIALISING, WAIT};

    if (own >= NR_STATES)
        own = SPLITIO_XENBUS_UNKNOWN;
    if (own == SPLITIO_XENBUS_CLOSED) {
        b.local = own;
        return b;
    }
    if (role == SPLITIO_XENBUS_FRONT) {
        /* Written even if it is there already: the back shall look again. */
        b.action = own < SPLITIO_XENBUS_INITIALISED ? REOPEN : CLOSE;
        return b;
    }
    if (own < SPLITIO_XENBUS_CONNECTED) {
        b.action = OFFER;
    } else if (adopt && own == SPLITIO_XENBUS_CONNECTED &&
               remote == SPLITIO_XENBUS_CONNECTED) {
        b.local = SPLITIO_XENBUS_INIT_WAIT;
        b.action = CONNECT;
    } else {
        /* Not Closing: it would promise to serve what is under way. */
        b.action = CLOSED;
    }
    return b;
}

unsigned splitio_xenbus_after(enum splitio_xenbus_role role, unsigned local,
                              enum splitio_xenbus_action action)
{
    switch (action) {
    case SPLITIO_XENBUS_DO_OFFER:
        return role == SPLITIO_XENBUS_FRONT ? SPLITIO_XENBUS_INITIALISED
                                            : SPLITIO_XENBUS_INIT_WAIT;
    case SPLITIO_XENBUS_DO_CONNECT:
        return SPLITIO_XENBUS_CONNECTED;
    case SPLITIO_XENBUS_DO_CLOSE:
        return SPLITIO_XENBUS_CLOSING;
    case SPLITIO_XENBUS_DO_CLOSED:
        return SPLITIO_XENBUS_CLOSED;
    case SPLITIO_XENBUS_DO_REOPEN:
        return SPLITIO_XENBUS_INITIALISING;
    default:
        return local;
    }
}

unsigned splitio_xenbus_parse_state(const char *text, size_t len_bytes)
{
    uint32_t state;

    if (splitio_xenbus_parse_u32(text, len_bytes, 1, NR_STATES - 1, &state))
        return SPLITIO_XENBUS_UNKNOWN;
    return state;
}

const char *splitio_xenbus_state_name(unsigned state)
{
    static const char *const names[NR_STATES] = {
        "Unknown", "Initialising", "InitWait",      "Initialised",  "Connected",
        "Closing", "Closed",       "Reconfiguring", "Reconfigured",
    };

    return names[state < NR_STATES ? state : 0];
}
