/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages, grants and event channels of a queue. */
#include "netfront_impl.h"

int splitio_netfront_lend(struct splitio_netfront *dev, struct lent_page *l,
                          bool read_only)
{
    const struct splitio_guest_port *guest = &dev->config.port;
    int err;

    l->page = guest->ops->pages_alloc(guest->ctx, 1);
    if (!l->page)
        return SPLITIO_ENOMEM;
    err =
        guest->ops->grant(guest->ctx, dev->peer, l->page, read_only, &l->gref);
    if (err) {
        guest->ops->pages_free(guest->ctx, l->page, 1);
        l->page = NULL;
    }
    return err;
}

void splitio_netfront_take_back(struct splitio_netfront *dev,
                                struct lent_page *l)
{
    const struct splitio_guest_port *guest = &dev->config.port;

    if (!l->page)
        return;
    /* A page that the back still holds is the port's from now on. */
    if (guest->ops->revoke(guest->ctx, l->gref) == 0)
        guest->ops->pages_free(guest->ctx, l->page, 1);
    l->page = NULL;
}

static void take_all_back(struct splitio_netfront_queue *q)
{
    uint32_t i;

    for (i = 0; i < RING_SLOTS; i++) {
        splitio_netfront_take_back(q->dev, &q->tx_pages[i]);
        splitio_netfront_take_back(q->dev, &q->rx_pages[i]);
    }
    splitio_netfront_take_back(q->dev, &q->tx_ring);
    splitio_netfront_take_back(q->dev, &q->rx_ring);
}

static int lend_all(struct splitio_netfront_queue *q)
{
    const struct splitio_netfront_config *config = &q->dev->config;
    int err = splitio_netfront_lend(q->dev, &q->tx_ring, false);
    uint32_t i;

    if (!err)
        err = splitio_netfront_lend(q->dev, &q->rx_ring, false);
    for (i = 0; !err && i < config->nr_tx_pages; i++)
        err = splitio_netfront_lend(q->dev, &q->tx_pages[i], true);
    for (i = 0; !err && i < config->nr_rx_pages; i++)
        err = splitio_netfront_lend(q->dev, &q->rx_pages[i], false);
    return err;
}

/* A new ring whose indices begin where the configuration says. */
int splitio_netfront_make_ring(struct splitio_ring_front *r, void *page,
                               uint32_t slot_bytes, uint32_t index)
{
    int err = splitio_ring_front_init(r, page, 1, slot_bytes);
    struct splitio_sring *s = page;

    if (err || index == 0)
        return err;
    s->req_prod = s->rsp_prod = splitio_le32(index);
    s->req_event = s->rsp_event = splitio_le32(index + 1);
    return splitio_ring_front_attach(r, page, 1, slot_bytes, index);
}

void splitio_netfront_wake(struct splitio_netfront *dev)
{
    if (splitio_xchg_u32(&dev->woken, 1) == 0 && dev->config.wake.fn)
        dev->config.wake.fn(dev->config.wake.arg);
}

static void on_tx_event(void *arg)
{
    struct splitio_netfront_queue *q = arg;

    splitio_store_release_u32(&q->tx_event, 1);
    splitio_netfront_wake(q->dev);
}

static void on_rx_event(void *arg)
{
    struct splitio_netfront_queue *q = arg;

    splitio_store_release_u32(&q->rx_event, 1);
    splitio_netfront_wake(q->dev);
}

static int open_events(struct splitio_netfront_queue *q, bool split)
{
    const struct splitio_guest_port *guest = &q->dev->config.port;
    splitio_domid_t back = q->dev->peer;
    struct splitio_event_handler tx = {on_tx_event, q};
    struct splitio_event_handler rx = {on_rx_event, q};
    int err;

    err = guest->ops->event_open(guest->ctx, back, tx, &q->tx_evtchn);
    if (err)
        return err;
    q->rx_evtchn = q->tx_evtchn;
    if (!split)
        return 0;
    err = guest->ops->event_open(guest->ctx, back, rx, &q->rx_evtchn);
    if (err)
        guest->ops->event_close(guest->ctx, q->tx_evtchn);
    return err;
}

static void reset(struct splitio_netfront_queue *q)
{
    uint32_t i;

    q->nr_free = 0;
    for (i = q->dev->config.nr_tx_pages; i-- > 0;)
        q->free_ids[q->nr_free++] = (uint16_t)i;
    __builtin_memset(q->tx_out, TX_FREE, sizeof(q->tx_out));
    __builtin_memset(q->tx_used, 0, sizeof(q->tx_used));
    q->tx_blocked = q->tx_notify = q->rx_notify = false;
    q->tx_event = q->rx_event = 0;
}

int splitio_netfront_queue_open(struct splitio_netfront_queue *q, bool split,
                                struct splitio_netif_queue_link *link)
{
    uint32_t index = q->dev->config.ring_index;
    int err;

    reset(q);
    err = lend_all(q);
    if (!err)
        err = splitio_netfront_make_ring(&q->tx.ring, q->tx_ring.page,
                                         splitio_netif_tx_slot_bytes, index);
    if (!err)
        err = splitio_netfront_make_ring(&q->rx.ring, q->rx_ring.page,
                                         splitio_netif_rx_slot_bytes, index);
    if (!err)
        err = open_events(q, split);
    if (err) {
        take_all_back(q);
        return err;
    }
    splitio_netfront_rx_post(q);
    q->rx_notify = false; /* a back looks at its rings when it connects */
    link->tx_gref = q->tx_ring.gref;
    link->rx_gref = q->rx_ring.gref;
    link->tx_evtchn = q->tx_evtchn;
    link->rx_evtchn = q->rx_evtchn;
    return 0;
}

void splitio_netfront_queue_close(struct splitio_netfront_queue *q)
{
    const struct splitio_guest_port *guest = &q->dev->config.port;
    uint32_t id;

    for (id = 0; id < RING_SLOTS; id++)
        q->dev->stats.tx_lost += q->tx_out[id] == TX_FRAME;
    if (q->rx_evtchn != q->tx_evtchn)
        guest->ops->event_close(guest->ctx, q->rx_evtchn);
    guest->ops->event_close(guest->ctx, q->tx_evtchn);
    take_all_back(q);
}
