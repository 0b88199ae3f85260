/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages that the back is asked to keep mapped, queue by queue. */
#include "netfront_ctrl.h"

/* Pages for sending first: the same few of them are used most. */
static uint32_t pages_of(const struct splitio_netfront *dev)
{
    return dev->config.nr_tx_pages + dev->config.nr_rx_pages;
}

static void send_list(struct splitio_netfront *dev, uint16_t type, uint32_t nr)
{
    struct splitio_netfront_ctrl *c = dev->ctrl;
    const struct splitio_netfront_queue *q = dev->queues[c->queue];
    struct splitio_netif_gref *list = (void *)c->data_page.page;
    uint32_t nr_tx = dev->config.nr_tx_pages, i;

    for (i = 0; i < nr; i++) {
        bool tx = i < nr_tx;

        list[i].gref = splitio_le32(tx ? q->tx_pages[i].gref
                                       : q->rx_pages[i - nr_tx].gref);
        list[i].flags = splitio_le16(tx ? SPLITIO_NETIF_GREF_READONLY : 0);
        list[i].status = 0;
    }
    c->nr_listed = nr;
    splitio_netfront_ctrl_send(dev, type, c->queue, c->data_page.gref, nr);
}

/* The next queue for which there is something to do. */
static void next_queue(struct splitio_netfront *dev)
{
    struct splitio_netfront_ctrl *c = dev->ctrl;

    for (; c->queue < dev->nr_queues; c->queue++) {
        uint32_t nr_staged = dev->queues[c->queue]->nr_staged;

        if (c->stage && nr_staged == 0) {
            splitio_netfront_ctrl_send(
                dev, SPLITIO_NETIF_CTRL_GET_GREF_MAPPING_SIZE, c->queue, 0, 0);
            return;
        }
        if (!c->stage && nr_staged != 0) {
            send_list(dev, SPLITIO_NETIF_CTRL_DEL_GREF_MAPPING, nr_staged);
            return;
        }
    }
}

void splitio_netfront_stage_begin(struct splitio_netfront *dev)
{
    dev->ctrl->queue = 0;
    dev->ctrl->stage_result = 0;
    next_queue(dev);
}

/* The back has told how many it takes. True: a list has been sent. */
static bool got_size(struct splitio_netfront *dev, uint32_t nr)
{
    if (nr > pages_of(dev))
        nr = pages_of(dev);
    if (nr == 0)
        dev->ctrl->stage_result = SPLITIO_EOPNOTSUPP;
    else
        send_list(dev, SPLITIO_NETIF_CTRL_ADD_GREF_MAPPING, nr);
    return nr != 0;
}

void splitio_netfront_stage_answer(struct splitio_netfront *dev,
                                   uint32_t status, uint32_t data)
{
    struct splitio_netfront_ctrl *c = dev->ctrl;
    struct splitio_netfront_queue *q = dev->queues[c->queue];
    int err = splitio_netfront_ctrl_error(status);

    if (err)
        c->stage_result = err;
    else if (c->type == SPLITIO_NETIF_CTRL_ADD_GREF_MAPPING)
        q->nr_staged = c->nr_listed;
    else if (c->type == SPLITIO_NETIF_CTRL_DEL_GREF_MAPPING)
        q->nr_staged = 0;
    else if (!c->stage_todo && got_size(dev, data))
        return;
    if (c->type == SPLITIO_NETIF_CTRL_DEL_GREF_MAPPING && !err &&
        data != c->nr_listed)
        c->stage_result = SPLITIO_EBUSY; /* it keeps some: its loss */
    if (c->stage_todo)                   /* begins again */
        return;
    c->queue++;
    next_queue(dev);
}

int splitio_netfront_set_staging(struct splitio_netfront *dev, bool on)
{
    struct splitio_netfront_ctrl *c = dev->ctrl;

    if (!dev->config.ctrl_ring)
        return SPLITIO_EOPNOTSUPP;
    c->stage = on;
    c->stage_todo = true;
    splitio_netfront_ctrl_start(dev);
    return 0;
}

int splitio_netfront_nr_staged(const struct splitio_netfront *dev)
{
    const struct splitio_netfront_ctrl *c = dev->ctrl;
    int nr = 0;
    uint32_t i;

    if (!dev->connected)
        return SPLITIO_EAGAIN;
    if (!c->open)
        return c->stage ? SPLITIO_EOPNOTSUPP : 0;
    if (c->stage_todo || (c->out && c->job == CTRL_STAGE))
        return SPLITIO_EAGAIN;
    for (i = 0; i < dev->nr_queues; i++)
        nr += (int)dev->queues[i]->nr_staged;
    return c->stage_result != 0 ? c->stage_result : nr;
}
