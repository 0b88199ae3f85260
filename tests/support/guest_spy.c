/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest_spy.h"

#include <string.h>

static bool fails(struct guest_spy *spy)
{
    spy->nr_ops++;
    return spy->fail_at && spy->nr_ops >= spy->fail_at &&
           spy->nr_ops - spy->fail_at <= spy->fail_for;
}

static void *spy_pages_alloc(void *ctx, unsigned nr_pages)
{
    struct guest_spy *spy = ctx;

    return fails(spy) ? NULL
                      : spy->under.ops->pages_alloc(spy->under.ctx, nr_pages);
}

static void spy_pages_free(void *ctx, void *pages, unsigned nr_pages)
{
    struct guest_spy *spy = ctx;

    spy->under.ops->pages_free(spy->under.ctx, pages, nr_pages);
}

static int spy_grant(void *ctx, splitio_domid_t to, const void *page,
                     bool read_only, splitio_gref_t *gref)
{
    struct guest_spy *spy = ctx;

    return fails(spy) ? SPLITIO_ENOSPC
                      : spy->under.ops->grant(spy->under.ctx, to, page,
                                              read_only, gref);
}

static int spy_revoke(void *ctx, splitio_gref_t gref)
{
    struct guest_spy *spy = ctx;

    return spy->under.ops->revoke(spy->under.ctx, gref);
}

static int spy_event_open(void *ctx, splitio_domid_t remote,
                          struct splitio_event_handler handler,
                          splitio_evtchn_t *evtchn)
{
    struct guest_spy *spy = ctx;

    return fails(spy) ? SPLITIO_ENOSPC
                      : spy->under.ops->event_open(spy->under.ctx, remote,
                                                   handler, evtchn);
}

static void spy_event_close(void *ctx, splitio_evtchn_t evtchn)
{
    struct guest_spy *spy = ctx;

    spy->under.ops->event_close(spy->under.ctx, evtchn);
}

static void spy_event_send(void *ctx, splitio_evtchn_t evtchn)
{
    struct guest_spy *spy = ctx;

    spy->under.ops->event_send(spy->under.ctx, evtchn);
}

static void spy_event_unmask(void *ctx, splitio_evtchn_t evtchn)
{
    struct guest_spy *spy = ctx;

    spy->under.ops->event_unmask(spy->under.ctx, evtchn);
}

static const struct splitio_guest_ops spy_ops = {
    .pages_alloc = spy_pages_alloc,
    .pages_free = spy_pages_free,
    .grant = spy_grant,
    .revoke = spy_revoke,
    .event_open = spy_event_open,
    .event_close = spy_event_close,
    .event_send = spy_event_send,
    .event_unmask = spy_event_unmask,
};

struct splitio_guest_port guest_spy_port(struct guest_spy *spy,
                                         struct splitio_guest_port under)
{
    memset(spy, 0, sizeof(*spy));
    spy->under = under;
    return (struct splitio_guest_port){.ops = &spy_ops, .ctx = spy};
}
