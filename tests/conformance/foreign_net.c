/* SPDX-License-Identifier: BSD-2-Clause */
#include "foreign.h"
#include "net.h"

static void cut(struct rig *r, enum side side)
{
    if (side == FRONT)
        net_of(r)->front_cfg.store = NULL;
    else
        net_of(r)->back_cfg.store = NULL;
}

static bool front_is_up(const struct rig *r)
{
    return splitio_netfront_is_up(&((const struct net_rig *)r)->front);
}

/* What a half says that it takes. */
static uint32_t features_of(struct rig *r, enum side side)
{
    uint32_t f = 0;

    if (foreign_number(r, side, "", "feature-sg", 0))
        f |= SPLITIO_NETIF_F_SG;
    if (!foreign_number(r, side, "", "feature-no-csum-offload", 0))
        f |= SPLITIO_NETIF_F_CSUM_V4;
    if (foreign_number(r, side, "", "feature-ipv6-csum-offload", 0))
        f |= SPLITIO_NETIF_F_CSUM_V6;
    if (foreign_number(r, side, "", "feature-gso-tcpv4", 0))
        f |= SPLITIO_NETIF_F_GSO_TCPV4;
    if (foreign_number(r, side, "", "feature-gso-tcpv6", 0))
        f |= SPLITIO_NETIF_F_GSO_TCPV6;
    return f;
}

/* ---- front ---- */

static void write_queue(struct rig *r, const char *prefix,
                        const struct splitio_netif_queue_link *q)
{
    foreign_write(r, FRONT, prefix, "tx-ring-ref", q->tx_gref);
    foreign_write(r, FRONT, prefix, "rx-ring-ref", q->rx_gref);
    if (q->tx_evtchn == q->rx_evtchn) {
        foreign_write(r, FRONT, prefix, "event-channel", q->tx_evtchn);
        return;
    }
    foreign_write(r, FRONT, prefix, "event-channel-tx", q->tx_evtchn);
    foreign_write(r, FRONT, prefix, "event-channel-rx", q->rx_evtchn);
}

static bool front_offer(struct rig *r, const struct foreign *f)
{
    struct net_rig *n = net_of(r);
    struct splitio_netif_offer offer = {
        .features = features_of(r, BACK),
        .max_queues = foreign_number(r, BACK, "", "multi-queue-max-queues", 1),
        .split_evtchn =
            foreign_number(r, BACK, "", "feature-split-event-channels", 0) &&
            (r->front_mask & r->back_mask & BIT(0)) && !(f->ways & SAYS_ONE),
    };
    struct splitio_netif_link link;
    int err = splitio_netfront_connect(&n->front, 0, &offer, &link);

    if (err)
        return rig_fail(r, "the foreign front cannot offer: %d", err);
    if (link.nr_queues > 1 || (f->ways & SAYS_ONE))
        foreign_write(r, FRONT, "", "multi-queue-num-queues", link.nr_queues);
    for (unsigned i = 0; i < link.nr_queues; i++)
        write_queue(r, foreign_prefix(i, link.nr_queues), &link.queues[i]);
    return true;
}

static bool front_start(struct rig *r, const struct foreign *f)
{
    (void)r;
    (void)f;
    return true;
}

static void front_stop(struct rig *r)
{
    splitio_netfront_disconnect(&net_of(r)->front);
}

/* ---- back ---- */

static bool read_queue(struct rig *r, const char *prefix,
                       struct splitio_netif_queue_link *q)
{
    uint32_t one = foreign_number(r, FRONT, prefix, "event-channel", 0);

    q->tx_gref =
        foreign_number(r, FRONT, prefix, "tx-ring-ref", SPLITIO_GREF_NONE);
    q->rx_gref =
        foreign_number(r, FRONT, prefix, "rx-ring-ref", SPLITIO_GREF_NONE);
    q->tx_evtchn = foreign_number(r, FRONT, prefix, "event-channel-tx", one);
    q->rx_evtchn = foreign_number(r, FRONT, prefix, "event-channel-rx", one);
    return (q->tx_gref != SPLITIO_GREF_NONE && q->tx_evtchn != 0 &&
            q->rx_gref != SPLITIO_GREF_NONE && q->rx_evtchn != 0) ||
           rig_fail(r, "the front's rings or channels are not there");
}

static bool back_attach(struct rig *r, const struct foreign *f)
{
    struct net_rig *n = net_of(r);
    struct splitio_netif_link *link = &n->back.link;
    int err;

    (void)f;
    if (!foreign_number(r, FRONT, "", "request-rx-copy", 0))
        return rig_fail(r, "the front does not ask for copies");
    *link = (struct splitio_netif_link){.features = features_of(r, FRONT)};
    link->nr_queues = foreign_number(r, FRONT, "", "multi-queue-num-queues", 1);
    link->filter_multicast =
        foreign_number(r, FRONT, "", "request-multicast-control", 0) != 0;
    link->headroom = (uint16_t)foreign_number(r, FRONT, "", "xdp-headroom", 0);
    for (unsigned i = 0; i < link->nr_queues; i++)
        if (!read_queue(r, foreign_prefix(i, link->nr_queues),
                        &link->queues[i]))
            return false;
    err = splitio_netback_connect(&n->back, WORLD_GUEST, link);
    return err == 0 || rig_fail(r, "the foreign back cannot connect: %d", err);
}

static bool back_detach(struct rig *r)
{
    splitio_netback_disconnect(&net_of(r)->back);
    return true;
}

const struct foreign_ops net_foreign = {
    .front_offer = front_offer,
    .front_start = front_start,
    .front_stop = front_stop,
    .back_attach = back_attach,
    .back_detach = back_detach,
    .cut = cut,
    .front_is_up = front_is_up,
};
