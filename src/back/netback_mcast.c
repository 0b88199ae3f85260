/* SPDX-License-Identifier: BSD-2-Clause */
/* What the front asks for beyond rings: multicast control, headroom. */
#include "netback_impl.h"

static bool same(const uint8_t *a, const uint8_t *b)
{
    return __builtin_memcmp(a, b, 6) == 0;
}

static unsigned find(const struct splitio_netback *dev, const uint8_t *mac)
{
    unsigned i = 0;

    while (i < dev->nr_mcast && !same(dev->mcast[i], mac))
        i++;
    return i;
}

static bool is_broadcast(const uint8_t *mac)
{
    static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    return same(mac, all);
}

bool splitio_netback_is_wanted(const struct splitio_netback *dev,
                               const struct splitio_frame *frame)
{
    uint8_t to[6] = {0};

    if (!dev->filter_multicast || dev->mcast_unknown)
        return true;
    splitio_packet_gather(frame->iov, frame->nr_iov, 0, to, sizeof(to));
    return !(to[0] & 1) || is_broadcast(to) || find(dev, to) < dev->nr_mcast;
}

bool splitio_netback_mcast_change(struct splitio_netback *dev,
                                  const struct splitio_netif_tx_packet *p)
{
    unsigned at = find(dev, p->mcast);
    bool known = at < dev->nr_mcast;

    if (!(dev->config.features & SPLITIO_NETIF_F_MCAST))
        goto out_refused;
    if (!(p->extra_types & 1u << SPLITIO_NETIF_EXTRA_MCAST_ADD)) {
        if (known)
            __builtin_memcpy(dev->mcast[at], dev->mcast[--dev->nr_mcast], 6);
        return true;
    }
    if (known)
        return true;
    if (dev->nr_mcast == SPLITIO_NETIF_MCAST_MAX)
        goto out_refused;
    __builtin_memcpy(dev->mcast[dev->nr_mcast++], p->mcast, 6);
    return true;
out_refused:
    dev->stats.mcast_refused++;
    return false;
}

void splitio_netback_set_requests(struct splitio_netback *dev,
                                  const struct splitio_netif_link *link)
{
    uint32_t features = dev->config.features;
    uint16_t headroom = link->headroom;

    if (headroom > SPLITIO_NETIF_HEADROOM_MAX)
        headroom = SPLITIO_NETIF_HEADROOM_MAX;
    dev->headroom = features & SPLITIO_NETIF_F_HEADROOM ? headroom : 0;
    dev->filter_multicast =
        link->filter_multicast && (features & SPLITIO_NETIF_F_MCAST) != 0;
}
