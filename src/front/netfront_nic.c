/* SPDX-License-Identifier: BSD-2-Clause */
/* netfront as a NIC, and the accessors. */
#include "netfront_impl.h"

static void nic_info(void *ctx, struct splitio_nic_info *info)
{
    const struct splitio_netfront *dev = ctx;

    /* What the back has not offered, send() does. */
    info->mtu = dev->mtu;
    info->flags =
        SPLITIO_NIC_CSUM | SPLITIO_NIC_GSO_TCPV4 | SPLITIO_NIC_GSO_TCPV6;
}

static int nic_send(void *ctx, const struct splitio_frame *frame)
{
    int err = splitio_netfront_send(ctx, frame);

    return err == SPLITIO_ECLOSED || err == SPLITIO_EPROTO ? SPLITIO_EIO : err;
}

static void nic_attach(void *ctx, splitio_nic_receive_fn receive,
                       void *receiver)
{
    struct splitio_netfront *dev = ctx;

    dev->nic_receive = receive;
    dev->nic_receiver = receiver;
}

static int nic_poll(void *ctx, unsigned budget)
{
    int n = splitio_netfront_poll(ctx, budget);

    return n < 0 ? 0 : n;
}

static const struct splitio_nic_ops nic_ops = {
    .info = nic_info,
    .send = nic_send,
    .attach = nic_attach,
    .poll = nic_poll,
};

struct splitio_nic splitio_netfront_nic(struct splitio_netfront *dev)
{
    struct splitio_nic nic = {&nic_ops, dev};

    return nic;
}

void splitio_netfront_set_link(struct splitio_netfront *dev,
                               const uint8_t mac[6], uint32_t mtu)
{
    __builtin_memcpy(dev->mac, mac, 6);
    dev->mtu = mtu;
    dev->has_mtu = true;
}

uint32_t splitio_netfront_in_flight(const struct splitio_netfront *dev)
{
    uint32_t nr = 0, i;

    for (i = 0; i < dev->nr_queues; i++)
        nr += dev->config.nr_tx_pages - dev->queues[i]->nr_free;
    return nr;
}

bool splitio_netfront_is_valid(const struct splitio_netfront *dev)
{
    uint32_t i, id, out;

    for (i = 0; i < dev->nr_queues; i++) {
        const struct splitio_netfront_queue *q = dev->queues[i];

        if (!splitio_ring_front_is_valid(&q->tx.ring) ||
            !splitio_ring_front_is_valid(&q->rx.ring))
            return false;
        for (id = out = 0; id < RING_SLOTS; id++)
            out += q->tx_out[id] != TX_FREE;
        if (out + q->nr_free != dev->config.nr_tx_pages)
            return false;
    }
    if (dev->ctrl->open && !splitio_ring_front_is_valid(&dev->ctrl->ring.ring))
        return false;
    return dev->connected == (dev->nr_queues != 0);
}
