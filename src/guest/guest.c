/* SPDX-License-Identifier: BSD-2-Clause */
/* The ready-made guest port: see splitio/guest.h. */
#include <splitio/guest.h>

#include "fifo.h"
#include "grants.h"
#include "pages.h"

/* References of the quarantine looked at in one poll. */
#define REAP_BUDGET 16

static int port_grant(void *ctx, splitio_domid_t to, const void *page,
                      bool read_only, splitio_gref_t *gref)
{
    struct splitio_guest *g = ctx;
    uintptr_t offset = (uintptr_t)page - (uintptr_t)g->cfg.heap;

    if ((offset & SPLITIO_PAGE_MASK) != 0 ||
        offset / SPLITIO_PAGE_SIZE >= g->cfg.heap_pages)
        return SPLITIO_EINVAL;
    return splitio_grant_table_grant(
        &g->grants, to, g->cfg.heap_gfn + offset / SPLITIO_PAGE_SIZE, read_only,
        gref);
}

static int port_revoke(void *ctx, splitio_gref_t gref)
{
    struct splitio_guest *g = ctx;

    return splitio_grant_table_revoke(&g->grants, gref);
}

int splitio_guest_event_adopt(struct splitio_guest *g, splitio_evtchn_t evtchn,
                              struct splitio_event_handler handler)
{
    int err;

    if (evtchn == 0 || evtchn >= g->cfg.nr_handlers)
        return SPLITIO_EINVAL;
    err = splitio_guest_fifo_reach(g, evtchn);
    if (!err && splitio_event_guest_bind(&g->events, evtchn, handler))
        g->cfg.ops->wake(g->cfg.ops_ctx);
    return err;
}

static int port_event_open(void *ctx, splitio_domid_t remote,
                           struct splitio_event_handler handler,
                           splitio_evtchn_t *evtchn)
{
    struct splitio_guest *g = ctx;
    splitio_evtchn_t port;
    int err = g->cfg.ops->event_alloc(g->cfg.ops_ctx, remote, &port);

    if (err)
        return err;
    if (splitio_guest_event_adopt(g, port, handler)) {
        g->cfg.ops->event_close(g->cfg.ops_ctx, port);
        return SPLITIO_ENOSPC;
    }
    *evtchn = port;
    return 0;
}

static void port_event_close(void *ctx, splitio_evtchn_t evtchn)
{
    struct splitio_guest *g = ctx;

    splitio_event_guest_unbind(&g->events, evtchn);
    g->cfg.ops->event_close(g->cfg.ops_ctx, evtchn);
}

static void port_event_send(void *ctx, splitio_evtchn_t evtchn)
{
    struct splitio_guest *g = ctx;

    g->cfg.ops->event_send(g->cfg.ops_ctx, evtchn);
}

static void port_event_unmask(void *ctx, splitio_evtchn_t evtchn)
{
    struct splitio_guest *g = ctx;

    if (splitio_event_guest_unmask(&g->events, 0, evtchn))
        g->cfg.ops->wake(g->cfg.ops_ctx);
}

static const struct splitio_guest_ops guest_ops = {
    .pages_alloc = splitio_guest_pages_alloc,
    .pages_free = splitio_guest_pages_free,
    .grant = port_grant,
    .revoke = port_revoke,
    .event_open = port_event_open,
    .event_close = port_event_close,
    .event_send = port_event_send,
    .event_unmask = port_event_unmask,
};

int splitio_guest_init(struct splitio_guest *g,
                       const struct splitio_guest_config *cfg)
{
    int err;

    if (!cfg->ops || !cfg->heap || !cfg->heap_map || cfg->heap_pages == 0 ||
        ((uintptr_t)cfg->heap & SPLITIO_PAGE_MASK) != 0 || !cfg->shared_info ||
        !cfg->abi || !cfg->handlers || cfg->nr_handlers < 2 ||
        cfg->nr_handlers > (cfg->fifo_ops
                                ? SPLITIO_EVTCHN_FIFO_NR_CHANNELS
                                : splitio_event_abi_nr_ports(cfg->abi)))
        return SPLITIO_EINVAL;
    g->cfg = *cfg;
    g->fifo_block = NULL;
    err = splitio_guest_grants_init(g);
    if (err)
        return err;
    splitio_event_guest_init(&g->events, cfg->abi, cfg->shared_info,
                             cfg->handlers, cfg->nr_handlers);
    splitio_guest_pages_init(g);
    return 0;
}

struct splitio_guest_port splitio_guest_port(struct splitio_guest *g)
{
    return (struct splitio_guest_port){.ops = &guest_ops, .ctx = g};
}

/* A page came out of quarantine. */
static void reaped(void *arg, splitio_gfn_t gfn)
{
    struct splitio_guest *g = arg;

    splitio_guest_pages_free(g,
                             (uint8_t *)g->cfg.heap +
                                 (size_t)(gfn - g->cfg.heap_gfn) *
                                     SPLITIO_PAGE_SIZE,
                             1);
}

unsigned splitio_guest_poll(struct splitio_guest *g, unsigned budget)
{
    if (splitio_grant_table_nr_held(&g->grants))
        (void)splitio_grant_table_reap(&g->grants, REAP_BUDGET, reaped, g);
    splitio_guest_grants_poll(g);
    return splitio_event_guest_scan(&g->events, 0, budget);
}
