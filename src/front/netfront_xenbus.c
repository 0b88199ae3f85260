/* SPDX-License-Identifier: BSD-2-Clause */
/* netfront's half of the handshake: keys out, life cycle. */
#include "netfront_impl.h"

#define NR_QUEUE_KEYS 5u
#define NR_CTRL_KEYS  2u

/* The keys of one queue: at the top if it is the only one. */
static enum splitio_xenbus_tell tell_queue(const struct splitio_netfront *dev,
                                           unsigned q, unsigned i, char *key,
                                           char *value)
{
    const struct splitio_netif_queue_link *l = &dev->link.queues[q];
    bool split = l->tx_evtchn != l->rx_evtchn;
    const struct {
        const char *key;
        uint32_t value;
        bool write;
    } keys[NR_QUEUE_KEYS] = {
        {SPLITIO_NETIF_KEY_TX_RING_REF, l->tx_gref, true},
        {SPLITIO_NETIF_KEY_RX_RING_REF, l->rx_gref, true},
        {SPLITIO_NETIF_KEY_EVTCHN, l->tx_evtchn, !split},
        {SPLITIO_NETIF_KEY_EVTCHN_TX, l->tx_evtchn, split},
        {SPLITIO_NETIF_KEY_EVTCHN_RX, l->rx_evtchn, split},
    };

    if (dev->link.nr_queues == 1)
        splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "%s", keys[i].key);
    else
        splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "queue-%u/%s", q,
                             keys[i].key);
    splitio_xenbus_print(value, SPLITIO_XENBUS_VALUE_MAX, "%u", keys[i].value);
    return keys[i].write ? SPLITIO_XENBUS_TELL_WRITE
                         : SPLITIO_XENBUS_TELL_REMOVE;
}

/* The control ring, if there is one; then what may change while connected. */
static enum splitio_xenbus_tell tell_ctrl(const struct splitio_netfront *dev,
                                          unsigned i, char *key, char *value)
{
    const struct splitio_netif_ctrl_link *l = &dev->link.ctrl;

    splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "%s",
                         i == 0 ? SPLITIO_NETIF_KEY_CTRL_RING_REF
                                : SPLITIO_NETIF_KEY_EVTCHN_CTRL);
    splitio_xenbus_print(value, SPLITIO_XENBUS_VALUE_MAX, "%u",
                         i == 0 ? l->gref : l->evtchn);
    return l->evtchn != 0 ? SPLITIO_XENBUS_TELL_WRITE
                          : SPLITIO_XENBUS_TELL_REMOVE;
}

/* Keys that may change while connected; none that the back has not offered. */
static enum splitio_xenbus_tell tell_wish(const struct splitio_netfront *dev,
                                          unsigned i, char *key, char *value)
{
    const struct {
        const char *key;
        uint32_t value, feature;
    } keys[] = {
        {SPLITIO_NETIF_KEY_REQUEST_MCAST, dev->filter_multicast,
         SPLITIO_NETIF_F_MCAST},
        {SPLITIO_NETIF_KEY_SET_HEADROOM, dev->headroom,
         SPLITIO_NETIF_F_HEADROOM},
    };

    if (i >= SPLITIO_ARRAY_LEN(keys))
        return SPLITIO_XENBUS_TELL_END;
    splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "%s", keys[i].key);
    splitio_xenbus_print(value, SPLITIO_XENBUS_VALUE_MAX, "%u", keys[i].value);
    return dev->offer.features & keys[i].feature ? SPLITIO_XENBUS_TELL_WRITE
                                                 : SPLITIO_XENBUS_TELL_REMOVE;
}

static enum splitio_xenbus_tell tell(void *drv, enum splitio_xenbus_phase phase,
                                     unsigned i, char *key, char *value)
{
    const struct splitio_netfront *dev = drv;
    uint32_t f = dev->config.features, nr = dev->link.nr_queues;
    const struct {
        const char *key;
        uint32_t value;
    } keys[] = {
        {SPLITIO_NETIF_KEY_REQUEST_RX_COPY, 1},
        {SPLITIO_NETIF_KEY_RX_NOTIFY, 1},
        {SPLITIO_NETIF_KEY_SG, (f & SPLITIO_NETIF_F_SG) != 0},
        {SPLITIO_NETIF_KEY_NO_CSUM, (f & SPLITIO_NETIF_F_CSUM_V4) == 0},
        {SPLITIO_NETIF_KEY_CSUM_V6, (f & SPLITIO_NETIF_F_CSUM_V6) != 0},
        {SPLITIO_NETIF_KEY_GSO_TCPV4, (f & SPLITIO_NETIF_F_GSO_TCPV4) != 0},
        {SPLITIO_NETIF_KEY_GSO_TCPV6, (f & SPLITIO_NETIF_F_GSO_TCPV6) != 0},
        {SPLITIO_NETIF_KEY_NUM_QUEUES, nr},
    };
    unsigned nr_keys = SPLITIO_ARRAY_LEN(keys);

    if (phase == SPLITIO_XENBUS_UPDATE)
        return tell_wish(dev, i, key, value);
    if (phase != SPLITIO_XENBUS_OFFER)
        return SPLITIO_XENBUS_TELL_END;
    if (i >= nr_keys + nr * NR_QUEUE_KEYS + NR_CTRL_KEYS)
        return tell_wish(dev, i - nr_keys - nr * NR_QUEUE_KEYS - NR_CTRL_KEYS,
                         key, value);
    if (i >= nr_keys + nr * NR_QUEUE_KEYS)
        return tell_ctrl(dev, i - nr_keys - nr * NR_QUEUE_KEYS, key, value);
    if (i >= nr_keys)
        return tell_queue(dev, (i - nr_keys) / NR_QUEUE_KEYS,
                          (i - nr_keys) % NR_QUEUE_KEYS, key, value);
    splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "%s", keys[i].key);
    splitio_xenbus_print(value, SPLITIO_XENBUS_VALUE_MAX, "%u", keys[i].value);
    /* A back that knows only one queue never offered more. */
    if (keys[i].value == nr && i + 1 == nr_keys && nr == 1)
        return SPLITIO_XENBUS_TELL_REMOVE;
    return SPLITIO_XENBUS_TELL_WRITE;
}

static int negotiate(void *drv)
{
    struct splitio_netfront *dev = drv;

    return splitio_netfront_link_up(dev, splitio_xenbus_peer(&dev->xb),
                                    &dev->offer, &dev->link);
}

/* Whoever has been told that there is no connection may send now. */
static int connected(void *drv)
{
    struct splitio_netfront *dev = drv;

    if (dev->config.tx_room)
        dev->config.tx_room(dev->config.arg);
    return 0;
}

/* Who was refused for want of carrier may try again. */
static int updated(void *drv)
{
    struct splitio_netfront *dev = drv;

    if (splitio_netfront_is_up(dev) && !dev->was_up && dev->config.tx_room)
        dev->config.tx_room(dev->config.arg);
    return 0;
}

static int disconnect(void *drv)
{
    splitio_netfront_link_down(drv);
    return 0;
}

const struct splitio_xenbus_driver splitio_netfront_xenbus_driver = {
    .offer_state = SPLITIO_XENBUS_CONNECTED,
    .want = splitio_netfront_want,
    .got = splitio_netfront_got,
    .watch = splitio_netfront_watch,
    .updated = updated,
    .tell = tell,
    .negotiate = negotiate,
    .connected = connected,
    .disconnect = disconnect,
};

void splitio_netfront_close(struct splitio_netfront *dev)
{
    splitio_xenbus_close(&dev->xb);
}

bool splitio_netfront_is_closed(const struct splitio_netfront *dev)
{
    return splitio_xenbus_is_closed(&dev->xb);
}

int splitio_netfront_fini(struct splitio_netfront *dev)
{
    if (dev->config.store)
        return splitio_xenbus_fini(&dev->xb);
    splitio_netfront_link_down(dev);
    return 0;
}
