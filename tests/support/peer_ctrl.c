/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer_ctrl.h"

#include "cm.h"

#include <string.h>

/* A front that is woken does nothing by itself. */
static void on_event(void *arg)
{
    struct peer_ctrl *c = arg;

    c->pair->real_guest.ops->event_unmask(c->pair->real_guest.ctx, c->evtchn);
}

void peer_ctrl_open(struct peer_ctrl *c, struct pair *pair, uint32_t index)
{
    const struct splitio_guest_port *g = &pair->real_guest;
    struct splitio_event_handler handler = {on_event, c};

    memset(c, 0, sizeof(*c));
    c->pair = pair;
    c->ring = g->ops->pages_alloc(g->ctx, 1);
    assert_non_null(c->ring);
    assert_int_equal(g->ops->grant(g->ctx, 0, c->ring, false, &c->gref), 0);
    assert_int_equal(g->ops->event_open(g->ctx, 0, handler, &c->evtchn), 0);
    c->prod = c->cons = index;
    c->ring->req_prod = c->ring->rsp_prod = splitio_le32(index);
    c->ring->req_event = c->ring->rsp_event = splitio_le32(index + 1);
}

void peer_ctrl_close(struct peer_ctrl *c)
{
    const struct splitio_guest_port *g = &c->pair->real_guest;

    g->ops->event_close(g->ctx, c->evtchn);
    assert_int_equal(g->ops->revoke(g->ctx, c->gref), 0);
    g->ops->pages_free(g->ctx, c->ring, 1);
}

struct splitio_netif_ctrl_link peer_ctrl_link(const struct peer_ctrl *c)
{
    struct splitio_netif_ctrl_link link = {c->gref, c->evtchn};

    return link;
}

uint16_t peer_ctrl_put(struct peer_ctrl *c, uint16_t type, uint32_t data0,
                       uint32_t data1, uint32_t data2)
{
    struct splitio_netif_ctrl_request *slots = (void *)(c->ring + 1);
    struct splitio_netif_ctrl_request req = {
        c->id++, type, {data0, data1, data2}};

    splitio_netif_ctrl_request_swap(&req);
    slots[c->prod++ % PEER_CTRL_SLOTS] = req;
    return (uint16_t)(c->id - 1);
}

void peer_ctrl_push(struct peer_ctrl *c)
{
    c->ring->req_prod = splitio_le32(c->prod);
    c->pair->real_guest.ops->event_send(c->pair->real_guest.ctx, c->evtchn);
}

bool peer_ctrl_rsp(struct peer_ctrl *c, struct splitio_netif_ctrl_response *rsp)
{
    const struct splitio_netif_ctrl_request *slots =
        (const void *)(c->ring + 1);

    if (c->cons == splitio_le32(c->ring->rsp_prod))
        return false;
    memcpy(rsp, &slots[c->cons++ % PEER_CTRL_SLOTS], sizeof(*rsp));
    splitio_netif_ctrl_response_swap(rsp);
    return true;
}
