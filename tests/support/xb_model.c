/* SPDX-License-Identifier: BSD-2-Clause */
/* A half under the rules, step by step; see xb_model.h. */
#include "xb_model.h"

#include "cm.h"

#define FRONT SPLITIO_XENBUS_FRONT
#define BACK  SPLITIO_XENBUS_BACK

static enum splitio_xenbus_action decide(struct xb_half *h, unsigned remote)
{
    struct splitio_xenbus_view v = {
        .role = (enum splitio_xenbus_role)h->role,
        .local = h->local,
        .remote = remote,
        .online = true,
        .closing = h->closing,
        .attached = h->attached,
    };

    if (h->local == SPLITIO_XENBUS_CLOSED &&
        remote != SPLITIO_XENBUS_INITIALISED &&
        remote != SPLITIO_XENBUS_CONNECTED)
        h->stale = 0;
    v.stale = h->stale;
    return splitio_xenbus_next(&v);
}

static void start(struct xb_half *h, unsigned remote)
{
    struct splitio_xenbus_begin b =
        splitio_xenbus_start((enum splitio_xenbus_role)h->role, h->wire, remote,
                             h->role == BACK && h->adopt);

    h->local = (uint8_t)b.local;
    h->attached = h->begun = 0;
    h->stale = 1;
    h->phase = b.action == SPLITIO_XENBUS_DO_WAIT
                   ? XB_IDLE
                   : (uint8_t)(XB_ACT + b.action);
}

static bool must_look_again(const struct xb_half *h,
                            enum splitio_xenbus_action a)
{
    return h->careful && h->begun &&
           !(h->role == BACK && h->attached && a == SPLITIO_XENBUS_DO_CLOSED);
}

static void act(struct xb_half *h, unsigned remote)
{
    enum splitio_xenbus_action a =
        (enum splitio_xenbus_action)(h->phase - XB_ACT);
    bool front = h->role == FRONT;

    h->phase = XB_IDLE;
    if (must_look_again(h, a) && decide(h, remote) != a)
        return;
    h->begun = 1;
    h->local = (uint8_t)splitio_xenbus_after((enum splitio_xenbus_role)h->role,
                                             h->local, a);
    if (a == (front ? SPLITIO_XENBUS_DO_OFFER : SPLITIO_XENBUS_DO_CONNECT))
        h->attached = 1;
    if (a == (front ? SPLITIO_XENBUS_DO_RELEASE : SPLITIO_XENBUS_DO_CLOSED))
        h->attached = 0;
    if (a == SPLITIO_XENBUS_DO_CLOSED)
        h->stale = 1;
    h->wire = h->local;
    if (front && h->netlike && h->local == SPLITIO_XENBUS_INITIALISED)
        h->wire = SPLITIO_XENBUS_CONNECTED;
}

void xb_half_step(struct xb_half *h, unsigned remote)
{
    enum splitio_xenbus_action a;

    if (h->phase == XB_START) {
        start(h, remote);
    } else if (h->phase == XB_IDLE) {
        a = decide(h, remote);
        if (a != SPLITIO_XENBUS_DO_WAIT && a != SPLITIO_XENBUS_DO_FINISH)
            h->phase = (uint8_t)(XB_ACT + a);
    } else {
        act(h, remote);
    }
}

bool xb_half_releases(const struct xb_half *h)
{
    return h->phase == XB_ACT + SPLITIO_XENBUS_DO_RELEASE;
}

void xb_half_show(const struct xb_half *h)
{
    print_error("%s %u(%u) %s%u%s%s%s   ", h->role ? "back" : "front", h->local,
                h->wire, h->phase < XB_ACT ? "idle " : "act ", h->phase,
                h->attached ? " attached" : "", h->stale ? " stale" : "",
                h->closing ? " closing" : "");
}
