/* SPDX-License-Identifier: BSD-2-Clause */
/* netfront: memory, connection, the poll over all queues. */
#include "netfront_impl.h"

#define ALIGN_UP(n)                                                            \
    (((size_t)(n) + SPLITIO_CACHE_LINE - 1) & ~(size_t)(SPLITIO_CACHE_LINE - 1))

static void set_defaults(struct splitio_netfront_config *config)
{
    if (config->max_queues == 0)
        config->max_queues = 1;
    if (config->stage_pages)
        config->ctrl_ring = true;
    if (config->nr_tx_pages == 0)
        config->nr_tx_pages = RING_SLOTS;
    if (config->nr_rx_pages == 0)
        config->nr_rx_pages = RING_SLOTS;
    config->features &= SPLITIO_NETIF_F_OFFLOADS;
    if (!(config->features & SPLITIO_NETIF_F_SG))
        config->features &=
            ~(SPLITIO_NETIF_F_GSO_TCPV4 | SPLITIO_NETIF_F_GSO_TCPV6);
}

size_t splitio_netfront_mem_bytes(const struct splitio_netfront_config *config)
{
    struct splitio_netfront_config c = *config;

    set_defaults(&c);
    if (c.max_queues > SPLITIO_NETIF_QUEUES_MAX ||
        c.nr_tx_pages < SPLITIO_NETIF_SLOTS_MAX || c.nr_tx_pages > RING_SLOTS ||
        c.nr_rx_pages < 4 || c.nr_rx_pages > RING_SLOTS ||
        (c.nr_rx_pages & (c.nr_rx_pages - 1)) != 0 ||
        c.headroom_bytes > SPLITIO_NETIF_HEADROOM_MAX)
        return 0;
    return ALIGN_UP(sizeof(struct splitio_netfront_ctrl)) +
           c.max_queues * ALIGN_UP(sizeof(struct splitio_netfront_queue));
}

int splitio_netfront_init(struct splitio_netfront *dev,
                          const struct splitio_netfront_config *config,
                          void *mem, size_t mem_bytes)
{
    size_t need = splitio_netfront_mem_bytes(config);
    uint8_t *at = mem;
    uint32_t i;

    if (need == 0 || !config->port.ops || !mem ||
        ((uintptr_t)mem & (SPLITIO_CACHE_LINE - 1)) != 0)
        return SPLITIO_EINVAL;
    if (mem_bytes < need)
        return SPLITIO_ENOMEM;
    __builtin_memset(dev, 0, sizeof(*dev));
    __builtin_memset(mem, 0, need);
    dev->config = *config;
    dev->mtu = SPLITIO_NETIF_MTU_DEFAULT;
    dev->untrusted = config->untrusted;
    dev->headroom = config->headroom_bytes;
    dev->filter_multicast = config->filter_multicast;
    set_defaults(&dev->config);
    dev->ctrl = (void *)at;
    dev->ctrl->stage = config->stage_pages;
    at += ALIGN_UP(sizeof(struct splitio_netfront_ctrl));
    for (i = 0; i < dev->config.max_queues; i++) {
        dev->queues[i] = (void *)at;
        dev->queues[i]->dev = dev;
        at += ALIGN_UP(sizeof(struct splitio_netfront_queue));
    }
    if (!config->store)
        return 0;
    return splitio_xenbus_init(&dev->xb, SPLITIO_XENBUS_FRONT, config->store,
                               config->dir, &splitio_netfront_xenbus_driver,
                               dev);
}

int splitio_netfront_link_up(struct splitio_netfront *dev, splitio_domid_t back,
                             const struct splitio_netif_offer *offer,
                             struct splitio_netif_link *link)
{
    uint32_t nr = dev->config.max_queues, i;
    int err;

    if (dev->connected)
        return SPLITIO_EEXIST;
    dev->peer = back;
    if (nr > offer->max_queues)
        nr = offer->max_queues ? offer->max_queues : 1;
    __builtin_memset(link, 0, sizeof(*link));
    for (i = 0; i < nr; i++) {
        err = splitio_netfront_queue_open(dev->queues[i], offer->split_evtchn,
                                          &link->queues[i]);
        if (err)
            goto out_queues;
    }
    err = splitio_netfront_ctrl_open(dev, offer, &link->ctrl);
    if (err)
        goto out_queues;
    link->features = dev->config.features;
    link->filter_multicast =
        dev->filter_multicast && (offer->features & SPLITIO_NETIF_F_MCAST);
    if (offer->features & SPLITIO_NETIF_F_HEADROOM)
        link->headroom = dev->headroom;
    link->nr_queues = nr;
    dev->nr_queues = nr;
    dev->back_features = offer->features;
    if (!(offer->features & SPLITIO_NETIF_F_SG)) /* long frames need it */
        dev->back_features &=
            ~(SPLITIO_NETIF_F_GSO_TCPV4 | SPLITIO_NETIF_F_GSO_TCPV6);
    dev->broken = dev->told = false;
    dev->connected = true;
    splitio_netfront_mcast_forget(dev);
    return 0;
out_queues:
    while (i-- > 0)
        splitio_netfront_queue_close(dev->queues[i]);
    return err;
}

void splitio_netfront_link_down(struct splitio_netfront *dev)
{
    uint32_t i;

    if (!dev->connected)
        return;
    dev->connected = false;
    splitio_netfront_ctrl_close(dev);
    for (i = 0; i < dev->nr_queues; i++)
        splitio_netfront_queue_close(dev->queues[i]);
    dev->nr_queues = 0;
}

int splitio_netfront_connect(struct splitio_netfront *dev, splitio_domid_t back,
                             const struct splitio_netif_offer *offer,
                             struct splitio_netif_link *link)
{
    if (dev->config.store)
        return SPLITIO_EINVAL;
    return splitio_netfront_link_up(dev, back, offer, link);
}

void splitio_netfront_disconnect(struct splitio_netfront *dev)
{
    if (!dev->config.store)
        splitio_netfront_link_down(dev);
}

/* Frames of one flow always go to the same queue. */
static struct splitio_netfront_queue *
queue_of(struct splitio_netfront *dev, const struct splitio_frame *frame)
{
    uint8_t head[SPLITIO_PACKET_HEAD_BYTES];
    uint32_t n;

    if (dev->nr_queues == 1)
        return dev->queues[0];
    n = splitio_packet_gather(frame->iov, frame->nr_iov, 0, head, sizeof(head));
    return dev->queues[splitio_packet_flow(head, n) % dev->nr_queues];
}

int splitio_netfront_send(struct splitio_netfront *dev,
                          const struct splitio_frame *frame)
{
    int err;

    if (!dev->connected)
        return SPLITIO_ECLOSED;
    if (dev->broken)
        return SPLITIO_EPROTO;
    if (!splitio_netfront_is_up(dev))
        return SPLITIO_ECLOSED;
    err = splitio_netfront_tx_send(queue_of(dev, frame), frame);
    if (err == SPLITIO_EPROTO)
        dev->broken = true;
    return err;
}

void splitio_netfront_notify(struct splitio_netfront_queue *q)
{
    const struct splitio_guest_port *guest = &q->dev->config.port;

    if (q->rx_evtchn != q->tx_evtchn && q->rx_notify) {
        guest->ops->event_send(guest->ctx, q->rx_evtchn);
        q->dev->stats.notifies++;
        q->rx_notify = false;
    }
    if (q->tx_notify || q->rx_notify) {
        guest->ops->event_send(guest->ctx, q->tx_evtchn);
        q->dev->stats.notifies++;
    }
    q->tx_notify = q->rx_notify = false;
}

void splitio_netfront_kick(struct splitio_netfront *dev)
{
    uint32_t i;

    if (dev->broken)
        return;
    for (i = 0; i < dev->nr_queues; i++) {
        struct splitio_netfront_queue *q = dev->queues[i];

        if (splitio_ring_front_publish(&q->tx.ring))
            q->tx_notify = true;
        splitio_netfront_notify(q);
    }
}

/* End of interrupt, once what it announced has been worked on. */
static void unmask(struct splitio_netfront_queue *q)
{
    const struct splitio_guest_port *guest = &q->dev->config.port;

    if (splitio_load_acquire_u32(&q->tx_event)) {
        splitio_write_once_u32(&q->tx_event, 0);
        q->dev->stats.events++;
        guest->ops->event_unmask(guest->ctx, q->tx_evtchn);
    }
    if (splitio_load_acquire_u32(&q->rx_event)) {
        splitio_write_once_u32(&q->rx_event, 0);
        q->dev->stats.events++;
        guest->ops->event_unmask(guest->ctx, q->rx_evtchn);
    }
}

/* Reclaims pages. 1: who waits for room may send again. */
static int poll_tx(struct splitio_netfront_queue *q)
{
    int n = splitio_netfront_tx_reap(q);

    if (n < 0 || !q->tx_blocked)
        return n;
    n = splitio_netfront_tx_wait(q);
    if (n > 0)
        q->tx_blocked = false;
    return n;
}

static int poll_queue(struct splitio_netfront_queue *q, unsigned budget)
{
    struct splitio_netfront *dev = q->dev;
    int room, n;

    room = poll_tx(q);
    if (room < 0)
        return room;
    n = splitio_netfront_rx_poll(q, budget);
    if (n < 0)
        return n;
    if (room > 0 && dev->config.tx_room)
        dev->config.tx_room(dev->config.arg);
    return n > 0 || room <= 0 ? n : 1;
}

/* Frames taken, up to budget, or 1 for whatever else was done; EPROTO. */
static int poll_link(struct splitio_netfront *dev, unsigned budget)
{
    uint32_t i;
    int most = 0, n;

    if (dev->mcast_todo && splitio_netfront_mcast_sync(dev) < 0)
        dev->broken = true;
    if (!dev->broken)
        most = splitio_netfront_ctrl_poll(dev);
    if (most < 0)
        dev->broken = true;
    for (i = 0; i < dev->nr_queues && !dev->broken; i++) {
        n = poll_queue(dev->queues[i], budget);
        if (n < 0)
            dev->broken = true;
        else if (n > most)
            most = n;
    }
    if (dev->broken)
        return SPLITIO_EPROTO;
    splitio_netfront_kick(dev);
    for (i = 0; i < dev->nr_queues && most < (int)budget; i++)
        unmask(dev->queues[i]);
    return most;
}

int splitio_netfront_poll(struct splitio_netfront *dev, unsigned budget)
{
    int did = 0, n = 0;

    splitio_xchg_u32(&dev->woken, 0);
    if (dev->config.store)
        did = splitio_xenbus_poll(&dev->xb);
    if (dev->connected)
        n = poll_link(dev, budget);
    if (n < 0 && dev->config.store) {
        if (!dev->told)
            splitio_xenbus_fail(&dev->xb, n, "the back broke the protocol");
        dev->told = true;
        n = splitio_xenbus_poll(&dev->xb);
    }
    splitio_netfront_link_look(dev);
    return n != 0 ? n : did;
}
