/* SPDX-License-Identifier: BSD-2-Clause */
/* netfront's control ring: the connection, and one message after the other. */
#include "netfront_ctrl.h"

/* ---- connection ---- */

static void on_event(void *arg)
{
    struct splitio_netfront *dev = arg;

    splitio_store_release_u32(&dev->ctrl->event, 1);
    splitio_netfront_wake(dev);
}

/* What is wanted is said to every new back. */
static void begin_anew(struct splitio_netfront *dev)
{
    struct splitio_netfront_ctrl *c = dev->ctrl;

    c->event = 0;
    c->out = c->hashing = c->undo = false;
    c->job = CTRL_NONE;
    c->hash_todo = c->hash_wanted;
    c->stage_todo = c->stage;
    c->open = true;
    if (c->hash_todo || c->stage_todo)
        splitio_netfront_wake(dev);
}

int splitio_netfront_ctrl_open(struct splitio_netfront *dev,
                               const struct splitio_netif_offer *offer,
                               struct splitio_netif_ctrl_link *link)
{
    const struct splitio_guest_port *guest = &dev->config.port;
    struct splitio_event_handler handler = {on_event, dev};
    struct splitio_netfront_ctrl *c = dev->ctrl;
    int err;

    if (!dev->config.ctrl_ring || !(offer->features & SPLITIO_NETIF_F_CTRL))
        return 0;
    err = splitio_netfront_lend(dev, &c->ring_page, false);
    if (!err)
        err = splitio_netfront_lend(dev, &c->data_page, false);
    if (!err)
        err = splitio_netfront_make_ring(&c->ring.ring, c->ring_page.page,
                                         splitio_netif_ctrl_slot_bytes,
                                         dev->config.ring_index);
    if (!err)
        err =
            guest->ops->event_open(guest->ctx, dev->peer, handler, &c->evtchn);
    if (err) {
        splitio_netfront_take_back(dev, &c->ring_page);
        splitio_netfront_take_back(dev, &c->data_page);
        return err;
    }
    link->gref = c->ring_page.gref;
    link->evtchn = c->evtchn;
    begin_anew(dev);
    return 0;
}

void splitio_netfront_ctrl_close(struct splitio_netfront *dev)
{
    const struct splitio_guest_port *guest = &dev->config.port;
    struct splitio_netfront_ctrl *c = dev->ctrl;
    uint32_t i;

    if (!c->open)
        return;
    c->open = c->hashing = false;
    guest->ops->event_close(guest->ctx, c->evtchn);
    splitio_netfront_take_back(dev, &c->ring_page);
    splitio_netfront_take_back(dev, &c->data_page);
    for (i = 0; i < dev->nr_queues; i++)
        dev->queues[i]->nr_staged = 0;
}

/* ---- messages ---- */

void splitio_netfront_ctrl_send(struct splitio_netfront *dev, uint16_t type,
                                uint32_t data0, uint32_t data1, uint32_t data2)
{
    const struct splitio_guest_port *guest = &dev->config.port;
    struct splitio_netfront_ctrl *c = dev->ctrl;
    struct splitio_netif_ctrl_request *req =
        splitio_netif_ctrl_front_reserve(&c->ring);

    SPLITIO_ASSUME(req != NULL); /* no more than one is out */
    c->type = type;
    c->id++;
    c->out = true;
    req->id = splitio_le16(c->id);
    req->type = splitio_le16(type);
    req->data[0] = splitio_le32(data0);
    req->data[1] = splitio_le32(data1);
    req->data[2] = splitio_le32(data2);
    if (splitio_ring_front_publish(&c->ring.ring)) {
        guest->ops->event_send(guest->ctx, c->evtchn);
        dev->stats.notifies++;
    }
}

int splitio_netfront_ctrl_error(uint32_t status)
{
    switch (status) {
    case SPLITIO_NETIF_CTRL_SUCCESS:
        return 0;
    case SPLITIO_NETIF_CTRL_NOT_SUPPORTED:
        return SPLITIO_EOPNOTSUPP;
    case SPLITIO_NETIF_CTRL_INVALID_PARAMETER:
        return SPLITIO_EINVAL;
    case SPLITIO_NETIF_CTRL_BUFFER_OVERFLOW:
        return SPLITIO_E2BIG;
    default:
        return SPLITIO_EIO;
    }
}

void splitio_netfront_ctrl_start(struct splitio_netfront *dev)
{
    struct splitio_netfront_ctrl *c = dev->ctrl;

    if (!c->open || dev->broken || c->out)
        return;
    c->job = CTRL_NONE;
    if (c->hash_todo) {
        c->job = CTRL_HASH;
        c->hash_todo = false;
        splitio_netfront_hash_begin(dev);
    }
    if (!c->out && c->stage_todo) {
        c->job = CTRL_STAGE;
        c->stage_todo = false;
        splitio_netfront_stage_begin(dev);
    }
}

static int take_answer(struct splitio_netfront *dev,
                       struct splitio_netif_ctrl_response *rsp)
{
    struct splitio_netfront_ctrl *c = dev->ctrl;

    splitio_netif_ctrl_response_swap(rsp);
    if (rsp->id != c->id || rsp->type != c->type)
        return SPLITIO_EPROTO;
    c->out = false;
    if (c->job == CTRL_HASH)
        splitio_netfront_hash_answer(dev, rsp->status, rsp->data);
    else
        splitio_netfront_stage_answer(dev, rsp->status, rsp->data);
    splitio_netfront_ctrl_start(dev);
    return 0;
}

int splitio_netfront_ctrl_poll(struct splitio_netfront *dev)
{
    const struct splitio_guest_port *guest = &dev->config.port;
    struct splitio_netfront_ctrl *c = dev->ctrl;
    struct splitio_netif_ctrl_response rsp;
    int n, done = 0;

    if (!c->open)
        return 0;
    splitio_netfront_ctrl_start(dev);
    do {
        n = splitio_netif_ctrl_front_take(&c->ring, &rsp);
        if (n > 0 && take_answer(dev, &rsp) < 0)
            return SPLITIO_EPROTO;
        if (n > 0)
            done = 1;
        if (n == 0)
            n = splitio_ring_front_rearm(&c->ring.ring, 1);
    } while (n > 0);
    if (n == 0 && splitio_load_acquire_u32(&c->event)) {
        splitio_write_once_u32(&c->event, 0);
        dev->stats.events++;
        guest->ops->event_unmask(guest->ctx, c->evtchn);
    }
    return n < 0 ? n : done;
}
