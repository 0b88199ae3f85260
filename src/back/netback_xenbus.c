/* SPDX-License-Identifier: BSD-2-Clause */
/* netback's half of the handshake: keys out, life cycle. */
#include "netback_impl.h"

static enum splitio_xenbus_tell tell(void *drv, enum splitio_xenbus_phase phase,
                                     unsigned i, char *key, char *value)
{
    struct splitio_netback *dev = drv;
    uint32_t f = dev->config.features;
    const struct {
        const char *key;
        uint32_t value;
    } offer[] = {
        {SPLITIO_NETIF_KEY_CARRIER,
         !dev->no_carrier}, /* the first may change */
        {SPLITIO_NETIF_KEY_RX_COPY, 1},
        {SPLITIO_NETIF_KEY_RX_FLIP, 0},
        {SPLITIO_NETIF_KEY_SPLIT_EVTCHN, 1},
        {SPLITIO_NETIF_KEY_MAX_QUEUES, dev->config.max_queues},
        {SPLITIO_NETIF_KEY_SG, (f & SPLITIO_NETIF_F_SG) != 0},
        {SPLITIO_NETIF_KEY_NO_CSUM, (f & SPLITIO_NETIF_F_CSUM_V4) == 0},
        {SPLITIO_NETIF_KEY_CSUM_V6, (f & SPLITIO_NETIF_F_CSUM_V6) != 0},
        {SPLITIO_NETIF_KEY_GSO_TCPV4, (f & SPLITIO_NETIF_F_GSO_TCPV4) != 0},
        {SPLITIO_NETIF_KEY_GSO_TCPV6, (f & SPLITIO_NETIF_F_GSO_TCPV6) != 0},
        {SPLITIO_NETIF_KEY_MCAST, (f & SPLITIO_NETIF_F_MCAST) != 0},
        {SPLITIO_NETIF_KEY_MCAST_DYN, (f & SPLITIO_NETIF_F_MCAST) != 0},
        {SPLITIO_NETIF_KEY_HEADROOM, (f & SPLITIO_NETIF_F_HEADROOM) != 0},
        {SPLITIO_NETIF_KEY_CTRL_RING, (f & SPLITIO_NETIF_F_CTRL) != 0},
        {SPLITIO_NETIF_KEY_MTU, dev->mtu},
    };
    unsigned nr = SPLITIO_ARRAY_LEN(offer) - (dev->config.mtu == 0);

    if (phase != SPLITIO_XENBUS_OFFER)
        nr = 1; /* while connected, and after another back */
    else
        dev->offered = true;
    if (i >= nr)
        return SPLITIO_XENBUS_TELL_END;
    splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "%s", offer[i].key);
    splitio_xenbus_print(value, SPLITIO_XENBUS_VALUE_MAX, "%u", offer[i].value);
    return SPLITIO_XENBUS_TELL_WRITE;
}

static int negotiate(void *drv)
{
    struct splitio_netback *dev = drv;

    /* A front that was told of features just now begins anew. */
    if (dev->saved && (dev->offered || !splitio_netback_is_saved_peer(dev)))
        dev->saved = NULL;

    /* The front goes by what another back has offered: more than this one can
     * do, and it has to ask again. */
    if (!dev->offered && (dev->old_features & ~dev->config.features))
        return SPLITIO_ECLOSED;
    return splitio_netback_link_up(dev, splitio_xenbus_peer(&dev->xb),
                                   &dev->link);
}

static int connected(void *drv)
{
    (void)drv;
    return 0;
}

static int updated(void *drv)
{
    struct splitio_netback *dev = drv;

    splitio_netback_set_requests(dev, &dev->link);
    return 0;
}

static int disconnect(void *drv)
{
    splitio_netback_link_down(drv);
    return 0;
}

const struct splitio_xenbus_driver splitio_netback_xenbus_driver = {
    .adopt = true,
    .want = splitio_netback_want,
    .got = splitio_netback_got,
    .tell = tell,
    .negotiate = negotiate,
    .connected = connected,
    .watch = splitio_netback_watch,
    .updated = updated,
    .disconnect = disconnect,
};

void splitio_netback_close(struct splitio_netback *dev)
{
    splitio_xenbus_close(&dev->xb);
}

bool splitio_netback_is_closed(const struct splitio_netback *dev)
{
    return splitio_xenbus_is_closed(&dev->xb);
}

int splitio_netback_fini(struct splitio_netback *dev)
{
    if (dev->config.store)
        return splitio_xenbus_fini(&dev->xb);
    splitio_netback_link_down(dev);
    return 0;
}
