/* SPDX-License-Identifier: BSD-2-Clause */
/* One turn over all queues of a netback. */
#include "netback_impl.h"

void splitio_netback_notify(struct splitio_netback_queue *q)
{
    const struct splitio_host_port *host = &q->dev->config.port;

    if (q->rx_evtchn != q->tx_evtchn && q->rx_notify) {
        host->ops->event_send(host->ctx, q->rx_evtchn);
        q->dev->stats.notifies++;
        q->rx_notify = false;
    }
    if (q->tx_notify || q->rx_notify) {
        host->ops->event_send(host->ctx, q->tx_evtchn);
        q->dev->stats.notifies++;
    }
    q->tx_notify = q->rx_notify = false;
}

/* True if the guest has sent something since the last time. */
static bool tx_worked(struct splitio_netback_queue *q)
{
    uint32_t before = q->tx_worked;

    q->tx_worked = q->tx.ring.req_cons;
    return q->tx_worked != before;
}

/* True if it has lent pages since. That it lies is found where they are used. */
static bool rx_worked(struct splitio_netback_queue *q)
{
    uint32_t before = q->rx_worked;

    (void)splitio_ring_back_look(&q->rx.ring);
    q->rx_worked = q->rx.ring.req_seen;
    return q->rx_worked != before;
}

/* End of interrupt, once what it announced has been worked on. */
static void unmask(struct splitio_netback_queue *q)
{
    const struct splitio_host_port *host = &q->dev->config.port;
    bool both = q->tx_evtchn == q->rx_evtchn, idle;

    if (splitio_load_acquire_u32(&q->tx_event)) {
        splitio_write_once_u32(&q->tx_event, 0);
        q->dev->stats.events++;
        idle = !tx_worked(q);
        if (both && rx_worked(q))
            idle = false;
        splitio_host_port_unmask(host, q->tx_evtchn, idle);
    }
    if (splitio_load_acquire_u32(&q->rx_event)) {
        splitio_write_once_u32(&q->rx_event, 0);
        q->dev->stats.events++;
        idle = !rx_worked(q);
        splitio_host_port_unmask(host, q->rx_evtchn, idle);
    }
}

/* The backlog, and an event for what of it has to stay. Frames; EPROTO. */
static int deliver(struct splitio_netback_queue *q, unsigned budget)
{
    unsigned done = 0;
    int n;

    do {
        n = splitio_netback_rx_flush(q, budget - done);
        if (n < 0)
            return n;
        done += (unsigned)n;
        if (done >= budget)
            return (int)done;
        n = splitio_netback_rx_rearm(q);
    } while (n > 0);
    return n < 0 ? n : (int)done;
}

/* From the guest, first: what comes in may be an answer to what goes out. */
static int poll_tx(struct splitio_netback *dev, unsigned budget)
{
    uint32_t first = dev->first_queue, i;
    int most = 0, n;

    dev->rate.waiting = false;
    for (i = 0; i < dev->nr_queues; i++) {
        struct splitio_netback_queue *q =
            dev->queues[(first + i) % dev->nr_queues];

        n = splitio_netback_tx_poll(q, budget);
        if (n < 0)
            return n;
        if (n > most)
            most = n;
        /* What there is to spend, the others get next. */
        if (n > 0)
            dev->first_queue = (first + i + 1) % dev->nr_queues;
        splitio_netback_notify(q);
    }
    return most;
}

/* The backlog of each queue. The most frames of any; EPROTO. */
static int deliver_all(struct splitio_netback *dev, unsigned budget)
{
    int most = 0, n;
    uint32_t i;

    for (i = 0; i < dev->nr_queues; i++) {
        n = deliver(dev->queues[i], budget);
        if (n < 0)
            return n;
        if (n > most)
            most = n;
        splitio_netback_notify(dev->queues[i]);
    }
    return most;
}

static int poll_rx(struct splitio_netback *dev, unsigned budget)
{
    const struct splitio_nic *nic = &dev->config.nic;
    int taken = 0, most;

    if (splitio_netback_wants_frames(dev))
        taken = nic->ops->poll(nic->ctx, budget);
    else
        dev->refused = true;
    most = deliver_all(dev, budget);
    if (most < 0)
        return most;
    /* A NIC that holds a frame does not call for attention by itself. */
    if (dev->refused && splitio_netback_wants_frames(dev)) {
        dev->refused = false;
        return (int)budget;
    }
    return taken > most ? taken : most;
}

/* Frames moved, up to budget; EPROTO. */
static int poll_link(struct splitio_netback *dev, unsigned budget)
{
    int tx, rx = 0, more;
    uint32_t i;

    dev->in_poll = true;
    more = dev->broken ? SPLITIO_EPROTO : splitio_netback_ctrl_poll(dev);
    tx = more < 0 ? more : poll_tx(dev, budget);
    if (tx >= 0)
        rx = poll_rx(dev, budget);
    dev->in_poll = false;
    if (tx < 0 || rx < 0 || dev->broken) {
        dev->broken = true;
        return SPLITIO_EPROTO;
    }
    if (tx < (int)budget && rx < (int)budget)
        for (i = 0; i < dev->nr_queues; i++)
            unmask(dev->queues[i]);
    if (more > 0)
        return (int)budget;
    return tx > rx ? tx : rx;
}

int splitio_netback_poll(struct splitio_netback *dev, unsigned budget)
{
    int did = 0, n = 0;

    splitio_xchg_u32(&dev->woken, 0);
    if (dev->config.store)
        did = splitio_xenbus_poll(&dev->xb);
    if (dev->connected)
        n = poll_link(dev, budget);
    if (n < 0 && dev->config.store) {
        if (!dev->told)
            splitio_xenbus_fail(&dev->xb, n, "the front broke the protocol");
        dev->told = true;
        n = splitio_xenbus_poll(&dev->xb);
    }
    return n != 0 ? n : did;
}
