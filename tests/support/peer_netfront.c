/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer_netfront.h"

#include "cm.h"

#include <string.h>

static void *new_page(struct pair *p, splitio_gref_t *gref)
{
    const struct splitio_guest_port *g = &p->real_guest;
    void *page = g->ops->pages_alloc(g->ctx, 1);

    assert_non_null(page);
    assert_int_equal(g->ops->grant(g->ctx, 0, page, false, gref), 0);
    return page;
}

static void drop_page(struct pair *p, void *page, splitio_gref_t gref)
{
    const struct splitio_guest_port *g = &p->real_guest;

    assert_int_equal(g->ops->revoke(g->ctx, gref), 0);
    g->ops->pages_free(g->ctx, page, 1);
}

/* A front that is woken does nothing by itself. */
static void on_event(void *arg)
{
    struct peer_front *f = arg;

    f->pair->real_guest.ops->event_unmask(f->pair->real_guest.ctx, f->evtchn);
}

void peer_front_open(struct peer_front *f, struct pair *pair, uint32_t index)
{
    const struct splitio_guest_port *g = &pair->real_guest;
    struct splitio_event_handler handler = {on_event, f};
    unsigned i;

    memset(f, 0, sizeof(*f));
    f->pair = pair;
    f->tx = new_page(pair, &f->tx_gref);
    f->rx = new_page(pair, &f->rx_gref);
    for (i = 0; i < PEER_PAGES; i++)
        f->pages[i] = new_page(pair, &f->grefs[i]);
    assert_int_equal(g->ops->event_open(g->ctx, 0, handler, &f->evtchn), 0);
    f->tx_prod = f->tx_cons = f->rx_prod = f->rx_cons = index;
    f->tx->req_prod = f->tx->rsp_prod = splitio_le32(index);
    f->rx->req_prod = f->rx->rsp_prod = splitio_le32(index);
    f->tx->req_event = f->tx->rsp_event = splitio_le32(index + 1);
    f->rx->req_event = f->rx->rsp_event = splitio_le32(index + 1);
}

void peer_front_close(struct peer_front *f)
{
    const struct splitio_guest_port *g = &f->pair->real_guest;
    unsigned i;

    g->ops->event_close(g->ctx, f->evtchn);
    for (i = 0; i < PEER_PAGES; i++)
        drop_page(f->pair, f->pages[i], f->grefs[i]);
    drop_page(f->pair, f->tx, f->tx_gref);
    drop_page(f->pair, f->rx, f->rx_gref);
}

struct splitio_netif_link peer_front_link(const struct peer_front *f,
                                          uint32_t features)
{
    struct splitio_netif_link link = {.features = features, .nr_queues = 1};

    link.queues[0].tx_gref = f->tx_gref;
    link.queues[0].rx_gref = f->rx_gref;
    link.queues[0].tx_evtchn = link.queues[0].rx_evtchn = f->evtchn;
    return link;
}

union splitio_netif_tx_slot *peer_front_tx(struct peer_front *f)
{
    union splitio_netif_tx_slot *slots = (void *)(f->tx + 1);

    return &slots[f->tx_prod++ % SPLITIO_NETIF_RING_SLOTS];
}

void peer_front_data(struct peer_front *f, splitio_gref_t gref, uint16_t offset,
                     uint16_t size, uint16_t flags)
{
    union splitio_netif_tx_slot *slot = peer_front_tx(f);

    slot->req.gref = gref;
    slot->req.offset = offset;
    slot->req.flags = flags;
    slot->req.id = f->id++;
    slot->req.size = size;
    splitio_netif_tx_request_swap(&slot->req);
}

void peer_front_lend(struct peer_front *f, splitio_gref_t gref)
{
    struct splitio_netif_rx_request *slots = (void *)(f->rx + 1);
    uint32_t at = f->rx_prod++ % SPLITIO_NETIF_RING_SLOTS;

    slots[at].id = (uint16_t)at;
    slots[at].pad = 0;
    slots[at].gref = gref;
    splitio_netif_rx_request_swap(&slots[at]);
}

void peer_front_push(struct peer_front *f)
{
    f->tx->req_prod = splitio_le32(f->tx_prod);
    f->rx->req_prod = splitio_le32(f->rx_prod);
    f->pair->real_guest.ops->event_send(f->pair->real_guest.ctx, f->evtchn);
}

bool peer_front_tx_rsp(struct peer_front *f,
                       struct splitio_netif_tx_response *rsp)
{
    const union splitio_netif_tx_slot *slots = (const void *)(f->tx + 1);

    if (f->tx_cons == splitio_le32(f->tx->rsp_prod))
        return false;
    memcpy(rsp, &slots[f->tx_cons++ % SPLITIO_NETIF_RING_SLOTS], sizeof(*rsp));
    splitio_netif_tx_response_swap(rsp);
    return true;
}

bool peer_front_rx_rsp(struct peer_front *f, union splitio_netif_rx_slot *rsp)
{
    const union splitio_netif_rx_slot *slots = (const void *)(f->rx + 1);

    if (f->rx_cons == splitio_le32(f->rx->rsp_prod))
        return false;
    *rsp = slots[f->rx_cons++ % SPLITIO_NETIF_RING_SLOTS];
    splitio_netif_rx_response_swap(&rsp->rsp);
    return true;
}

bool peer_front_rx_extra(struct peer_front *f, struct splitio_netif_extra *e)
{
    union splitio_netif_rx_slot slot;

    if (!peer_front_rx_rsp(f, &slot))
        return false;
    splitio_netif_rx_response_swap(&slot.rsp);
    *e = slot.extra;
    return true;
}
