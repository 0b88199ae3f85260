/* SPDX-License-Identifier: BSD-2-Clause */
/* netback: memory, connection, the poll over all queues. */
#include "netback_impl.h"

#define ALIGN_UP(n)                                                            \
    (((size_t)(n) + SPLITIO_CACHE_LINE - 1) & ~(size_t)(SPLITIO_CACHE_LINE - 1))

static uint32_t queues_of(const struct splitio_netback_config *config)
{
    return config->max_queues ? config->max_queues : 1;
}

static uint32_t backlog_of(const struct splitio_netback_config *config)
{
    return config->backlog_bytes ? config->backlog_bytes
                                 : SPLITIO_NETBACK_BACKLOG_BYTES;
}

static size_t staged_bytes(const struct splitio_netback_config *config)
{
    return sizeof(struct staged_table) +
           config->staged_pages * sizeof(struct staged_page);
}

size_t splitio_netback_mem_bytes(const struct splitio_netback_config *config)
{
    if (queues_of(config) > SPLITIO_NETIF_QUEUES_MAX ||
        backlog_of(config) < SPLITIO_NETBACK_BACKLOG_BYTES_MIN ||
        backlog_of(config) > (1u << 30) ||
        config->staged_pages > SPLITIO_NETIF_GREF_LIST_MAX)
        return 0;
    return ALIGN_UP(sizeof(struct splitio_netback_ctrl)) +
           queues_of(config) *
               (ALIGN_UP(sizeof(struct splitio_netback_queue)) +
                ALIGN_UP(staged_bytes(config)) + ALIGN_UP(TX_STAGING) +
                ALIGN_UP(backlog_of(config)));
}

/* The memory of one queue, from at on; where the next one begins. */
static uint8_t *queue_init(struct splitio_netback *dev, uint32_t i, uint8_t *at)
{
    struct splitio_netback_queue *q = (void *)at;

    __builtin_memset(q, 0, sizeof(*q));
    q->dev = dev;
    at += ALIGN_UP(sizeof(*q));
    q->staged = (void *)at;
    splitio_netback_staged_init(q->staged, dev->config.staged_pages);
    q->staging = at + ALIGN_UP(staged_bytes(&dev->config));
    q->backlog = q->staging + ALIGN_UP(TX_STAGING);
    q->backlog_bytes = dev->config.backlog_bytes;
    dev->queues[i] = q;
    return q->backlog + ALIGN_UP(q->backlog_bytes);
}

/* What the NIC can do with frames bounds what is offered to the front. */
static uint32_t features_of(const struct splitio_netback_config *config,
                            const struct splitio_nic_info *info)
{
    uint32_t features = config->features & SPLITIO_NETIF_F_ALL;

    if (!(info->flags & SPLITIO_NIC_GSO_TCPV4) ||
        !(features & SPLITIO_NETIF_F_SG))
        features &= ~SPLITIO_NETIF_F_GSO_TCPV4;
    if (!(info->flags & SPLITIO_NIC_GSO_TCPV6) ||
        !(features & SPLITIO_NETIF_F_SG))
        features &= ~SPLITIO_NETIF_F_GSO_TCPV6;
    return features;
}

int splitio_netback_init(struct splitio_netback *dev,
                         const struct splitio_netback_config *config, void *mem,
                         size_t mem_bytes)
{
    size_t need = splitio_netback_mem_bytes(config);
    uint8_t *at = mem;
    uint32_t i;

    if (need == 0 || !config->port.ops || !config->nic.ops || !mem ||
        ((uintptr_t)mem & (SPLITIO_CACHE_LINE - 1)) != 0)
        return SPLITIO_EINVAL;
    if (mem_bytes < need)
        return SPLITIO_ENOMEM;
    __builtin_memset(dev, 0, sizeof(*dev));
    dev->config = *config;
    dev->config.max_queues = queues_of(config);
    dev->config.backlog_bytes = backlog_of(config);
    dev->mtu = config->mtu;
    dev->no_carrier = config->no_carrier;
    config->nic.ops->info(config->nic.ctx, &dev->nic_info);
    dev->config.features = features_of(config, &dev->nic_info);
    dev->ctrl = (void *)at;
    __builtin_memset(dev->ctrl, 0, sizeof(*dev->ctrl));
    at += ALIGN_UP(sizeof(*dev->ctrl));
    for (i = 0; i < dev->config.max_queues; i++)
        at = queue_init(dev, i, at);
    if (!config->store)
        return 0;
    return splitio_xenbus_init(&dev->xb, SPLITIO_XENBUS_BACK, config->store,
                               config->dir, &splitio_netback_xenbus_driver,
                               dev);
}

void splitio_netback_offer(const struct splitio_netback *dev,
                           struct splitio_netif_offer *offer)
{
    offer->features = dev->config.features;
    offer->max_queues = dev->config.max_queues;
    offer->split_evtchn = true;
    offer->dynamic_multicast =
        (dev->config.features & SPLITIO_NETIF_F_MCAST) != 0;
}

void splitio_netback_wake(struct splitio_netback *dev)
{
    if (splitio_xchg_u32(&dev->woken, 1) == 0 && dev->config.wake.fn)
        dev->config.wake.fn(dev->config.wake.arg);
}

static void on_tx_event(void *arg)
{
    struct splitio_netback_queue *q = arg;

    splitio_store_release_u32(&q->tx_event, 1);
    splitio_netback_wake(q->dev);
}

static void on_rx_event(void *arg)
{
    struct splitio_netback_queue *q = arg;

    splitio_store_release_u32(&q->rx_event, 1);
    splitio_netback_wake(q->dev);
}

static int bind_events(struct splitio_netback_queue *q,
                       const struct splitio_netif_queue_link *link)
{
    const struct splitio_host_port *host = &q->dev->config.port;
    splitio_domid_t front = q->dev->peer;
    struct splitio_event_handler tx = {on_tx_event, q};
    struct splitio_event_handler rx = {on_rx_event, q};
    int err;

    err = host->ops->event_bind(host->ctx, front, link->tx_evtchn, tx,
                                &q->tx_evtchn);
    if (err)
        return err;
    q->rx_evtchn = q->tx_evtchn;
    if (link->rx_evtchn == link->tx_evtchn)
        return 0;
    err = host->ops->event_bind(host->ctx, front, link->rx_evtchn, rx,
                                &q->rx_evtchn);
    if (err)
        host->ops->event_close(host->ctx, q->tx_evtchn);
    return err;
}

static void queue_reset(struct splitio_netback_queue *q)
{
    q->nr_frames = q->next_frame = q->nic_full = 0;
    q->nr_ops = q->nr_rsps = 0;
    q->backlog_head = q->backlog_tail = q->backlog_old = 0;
    q->backlog_end = 0;
    q->tx_notify = q->rx_notify = false;
    q->tx_event = q->rx_event = 0;
    q->tx_worked = q->rx_worked = 0;
}

static int queue_connect(struct splitio_netback_queue *q,
                         const struct splitio_netif_queue_link *link)
{
    const struct splitio_host_port *host = &q->dev->config.port;
    splitio_domid_t front = q->dev->peer;
    int err;

    queue_reset(q);
    err = host->ops->map_ring(host->ctx, front, &link->tx_gref, 1, &q->tx_map);
    if (err)
        return err;
    err = host->ops->map_ring(host->ctx, front, &link->rx_gref, 1, &q->rx_map);
    if (err)
        goto out_tx;
    err = splitio_netif_tx_back_attach(&q->tx, q->tx_map.va, 1);
    if (!err)
        err = splitio_netif_rx_back_attach(&q->rx, q->rx_map.va, 1);
    if (!err)
        err = bind_events(q, link);
    if (!err)
        return 0;
    host->ops->unmap_ring(host->ctx, &q->rx_map);
out_tx:
    host->ops->unmap_ring(host->ctx, &q->tx_map);
    return err;
}

static void queue_disconnect(struct splitio_netback_queue *q)
{
    const struct splitio_host_port *host = &q->dev->config.port;

    if (q->rx_evtchn != q->tx_evtchn)
        host->ops->event_close(host->ctx, q->rx_evtchn);
    host->ops->event_close(host->ctx, q->tx_evtchn);
    host->ops->unmap_ring(host->ctx, &q->rx_map);
    host->ops->unmap_ring(host->ctx, &q->tx_map);
    q->dev->stats.rx_dropped += q->backlog_tail - q->backlog_head;
    q->dev->stats.tx_dropped += q->nr_frames - q->next_frame;
    queue_reset(q);
}

static int on_nic_frame(void *receiver, const struct splitio_frame *frame)
{
    struct splitio_netback *dev = receiver;
    struct splitio_netback_queue *q;
    struct rx_hash hash;
    int err;

    if (!dev->connected || dev->broken || dev->no_carrier) {
        dev->stats.rx_dropped += dev->no_carrier;
        return SPLITIO_EINVAL;
    }
    if (dev->paused) {
        dev->refused = true;
        return SPLITIO_EAGAIN;
    }
    if (!splitio_netback_is_short(dev, frame)) {
        dev->stats.rx_long++;
        return SPLITIO_EINVAL;
    }
    if (!splitio_netback_is_wanted(dev, frame)) {
        dev->stats.rx_filtered++;
        return 0;
    }
    q = splitio_netback_pick(dev, frame, &hash);
    err = splitio_netback_rx_accept(q, frame, &hash);
    if (err == SPLITIO_EAGAIN)
        dev->refused = true;
    else if (err != 0 && err != SPLITIO_EINVAL) {
        dev->broken = true;
        err = SPLITIO_EINVAL;
    }
    if (!dev->in_poll)
        splitio_netback_wake(dev);
    return err;
}

int splitio_netback_link_up(struct splitio_netback *dev, splitio_domid_t front,
                            const struct splitio_netif_link *link)
{
    const struct splitio_nic *nic = &dev->config.nic;
    uint32_t i;
    int err = 0;

    if (dev->connected)
        return SPLITIO_EEXIST;
    if (link->nr_queues == 0 || link->nr_queues > dev->config.max_queues)
        return SPLITIO_EINVAL;
    dev->peer = front;
    for (i = 0; i < link->nr_queues; i++) {
        err = queue_connect(dev->queues[i], &link->queues[i]);
        if (err)
            goto out_queues;
    }
    err = splitio_netback_ctrl_open(dev, &link->ctrl);
    if (err)
        goto out_queues;
    if (link != &dev->link)
        dev->link = *link;
    dev->nr_queues = link->nr_queues;
    dev->front_features = link->features;
    dev->no_rx_notify = link->no_rx_notify;
    dev->nr_mcast = 0;
    /* A back that was there before this one had a list. */
    dev->mcast_unknown = dev->config.store && !dev->offered;
    splitio_netback_set_requests(dev, link);
    dev->broken = dev->told = dev->refused = false;
    err = splitio_netback_load(dev);
    dev->connected = true;
    nic->ops->attach(nic->ctx, on_nic_frame, dev);
    splitio_netback_wake(dev);
    if (err)
        splitio_netback_link_down(dev);
    return err;
out_queues:
    while (i-- > 0)
        queue_disconnect(dev->queues[i]);
    return err;
}

void splitio_netback_link_down(struct splitio_netback *dev)
{
    const struct splitio_nic *nic = &dev->config.nic;
    uint32_t i;

    if (!dev->connected)
        return;
    nic->ops->attach(nic->ctx, NULL, NULL);
    dev->connected = false;
    splitio_netback_ctrl_close(dev);
    for (i = 0; i < dev->nr_queues; i++)
        queue_disconnect(dev->queues[i]);
    dev->nr_queues = 0;
}

int splitio_netback_connect(struct splitio_netback *dev, splitio_domid_t front,
                            const struct splitio_netif_link *link)
{
    if (dev->config.store)
        return SPLITIO_EINVAL;
    return splitio_netback_link_up(dev, front, link);
}

void splitio_netback_disconnect(struct splitio_netback *dev)
{
    if (!dev->config.store)
        splitio_netback_link_down(dev);
}

bool splitio_netback_waits_for_nic(const struct splitio_netback *dev)
{
    uint32_t i;

    for (i = 0; i < dev->nr_queues; i++)
        if (dev->queues[i]->nr_frames != 0)
            return true;
    return false;
}

bool splitio_netback_wants_frames(const struct splitio_netback *dev)
{
    uint32_t i;

    if (!dev->connected || dev->broken || dev->paused)
        return false;
    for (i = 0; i < dev->nr_queues; i++)
        if (!splitio_netback_rx_has_room(dev->queues[i]))
            return false;
    return true;
}

unsigned splitio_netback_tick(struct splitio_netback *dev)
{
    unsigned dropped = 0;
    uint32_t i;

    for (i = 0; i < dev->nr_queues; i++) {
        struct splitio_netback_queue *q = dev->queues[i];

        for (; q->backlog_old != 0; dropped++)
            splitio_netback_rx_pop(q);
        q->backlog_old = q->backlog_tail - q->backlog_head;
    }
    dev->stats.rx_stalled += dropped;
    if (dropped != 0)
        splitio_netback_wake(dev);
    return dropped;
}

bool splitio_netback_is_valid(const struct splitio_netback *dev)
{
    uint32_t i;

    for (i = 0; i < dev->nr_queues; i++) {
        const struct splitio_netback_queue *q = dev->queues[i];

        if (!splitio_ring_back_is_valid(&q->tx.ring) ||
            !splitio_ring_back_is_valid(&q->rx.ring) ||
            q->backlog_tail - q->backlog_head > BACKLOG_FRAMES ||
            q->backlog_old > q->backlog_tail - q->backlog_head ||
            q->backlog_end > q->backlog_bytes || q->next_frame > q->nr_frames ||
            q->nr_frames > TX_BATCH_FRAMES || q->nr_ops != 0 || q->nr_rsps != 0)
            return false;
    }
    if (dev->ctrl->open && !splitio_ring_back_is_valid(&dev->ctrl->ring.ring))
        return false;
    return dev->connected == (dev->nr_queues != 0);
}
