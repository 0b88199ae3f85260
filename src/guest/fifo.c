/* SPDX-License-Identifier: BSD-2-Clause */
/* FIFO events of a guest: their pages come from its heap. */
#include "fifo.h"

#include "pages.h"

static splitio_gfn_t gfn_of(const struct splitio_guest *g, const void *page)
{
    return g->cfg.heap_gfn +
           ((uintptr_t)page - (uintptr_t)g->cfg.heap) / SPLITIO_PAGE_SIZE;
}

static int add_page(struct splitio_guest *g)
{
    void *page = splitio_guest_pages_alloc(g, 1);
    int err;

    if (!page)
        return SPLITIO_ENOMEM;
    err = splitio_event_guest_fifo_expand(&g->events, page, gfn_of(g, page));
    if (err)
        splitio_guest_pages_free(g, page, 1);
    return err;
}

int splitio_guest_fifo_reach(struct splitio_guest *g, splitio_evtchn_t port)
{
    int err = 0;

    if (!g->fifo_block)
        return 0;
    while (!err && port >= splitio_event_guest_fifo_nr_ports(&g->events))
        err = add_page(g);
    return err;
}

/* The first port above all that are bound; 1 at least. */
static uint32_t bound_end(const struct splitio_guest *g)
{
    uint32_t end = g->cfg.nr_handlers;

    while (end > 1 && !g->cfg.handlers[end - 1].fn)
        end--;
    return end;
}

int splitio_guest_use_fifo(struct splitio_guest *g)
{
    uint32_t last = bound_end(g) - 1;
    void *block = NULL;
    int err;

    if (!g->cfg.fifo_ops)
        return SPLITIO_EOPNOTSUPP;
    if (g->fifo_block)
        return SPLITIO_EBUSY;
    /* There is no way back: have the pages that the bound ports need. */
    if (splitio_guest_nr_free_pages(g) >=
        2 + last / SPLITIO_EVENT_FIFO_PAGE_WORDS)
        block = splitio_guest_pages_alloc(g, 1);
    if (!block)
        return SPLITIO_ENOMEM;
    err = splitio_event_guest_fifo_start(&g->events, &g->fifo, g->cfg.fifo_ops,
                                         g->cfg.ops_ctx, block,
                                         gfn_of(g, block), 0);
    if (err) {
        splitio_guest_pages_free(g, block, 1);
        return err;
    }
    g->fifo_block = block;
    err = splitio_guest_fifo_reach(g, last);
    if (splitio_event_guest_has_upcall(&g->events, 0))
        g->cfg.ops->wake(g->cfg.ops_ctx);
    return err;
}

int splitio_guest_event_priority(struct splitio_guest *g,
                                 splitio_evtchn_t evtchn, unsigned priority)
{
    if (!g->fifo_block)
        return SPLITIO_EOPNOTSUPP;
    return g->cfg.fifo_ops->set_priority(g->cfg.ops_ctx, evtchn, priority);
}
