/* SPDX-License-Identifier: BSD-2-Clause */
/* netback's half of the handshake: keys out, keys in, life cycle. */
#include "netback_impl.h"

/* Keys that the front writes once. */
enum {
    KEY_NUM_QUEUES,
    KEY_REQUEST_RX_COPY,
    KEY_SG,
    KEY_NO_CSUM,
    KEY_CSUM_V6,
    KEY_GSO_TCPV4,
    KEY_GSO_TCPV6,
    NR_FRONT_KEYS,
};

static const char *const front_keys[NR_FRONT_KEYS] = {
    SPLITIO_NETIF_KEY_NUM_QUEUES, SPLITIO_NETIF_KEY_REQUEST_RX_COPY,
    SPLITIO_NETIF_KEY_SG,         SPLITIO_NETIF_KEY_NO_CSUM,
    SPLITIO_NETIF_KEY_CSUM_V6,    SPLITIO_NETIF_KEY_GSO_TCPV4,
    SPLITIO_NETIF_KEY_GSO_TCPV6,
};

/* Keys that it writes for each queue. */
enum {
    KEY_TX_RING_REF,
    KEY_RX_RING_REF,
    KEY_EVTCHN,
    KEY_EVTCHN_TX,
    KEY_EVTCHN_RX,
    NR_QUEUE_KEYS,
};

static const char *const queue_keys[NR_QUEUE_KEYS] = {
    SPLITIO_NETIF_KEY_TX_RING_REF, SPLITIO_NETIF_KEY_RX_RING_REF,
    SPLITIO_NETIF_KEY_EVTCHN,      SPLITIO_NETIF_KEY_EVTCHN_TX,
    SPLITIO_NETIF_KEY_EVTCHN_RX,
};

static bool want(void *drv, enum splitio_xenbus_phase phase, unsigned i,
                 char *key)
{
    const struct splitio_netback *dev = drv;
    unsigned q;

    if (phase != SPLITIO_XENBUS_CONNECT)
        return false;
    if (i < NR_FRONT_KEYS) {
        splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "%s", front_keys[i]);
        return true;
    }
    i -= NR_FRONT_KEYS;
    q = i / NR_QUEUE_KEYS;
    if (q >= dev->link.nr_queues)
        return false;
    i %= NR_QUEUE_KEYS;
    if (dev->link.nr_queues == 1)
        splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "%s", queue_keys[i]);
    else
        splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "queue-%u/%s", q,
                             queue_keys[i]);
    return true;
}

static int fail(struct splitio_netback *dev, int error, const char *text)
{
    splitio_xenbus_fail(&dev->xb, error, text);
    return error;
}

static int got_front_key(struct splitio_netback *dev, unsigned i,
                         const char *value, size_t len_bytes)
{
    static const uint32_t features[NR_FRONT_KEYS] = {
        [KEY_SG] = SPLITIO_NETIF_F_SG,
        [KEY_CSUM_V6] = SPLITIO_NETIF_F_CSUM_V6,
        [KEY_GSO_TCPV4] = SPLITIO_NETIF_F_GSO_TCPV4,
        [KEY_GSO_TCPV6] = SPLITIO_NETIF_F_GSO_TCPV6,
    };
    struct splitio_netif_link *link = &dev->link;
    bool yes = splitio_xenbus_parse_flag(value, len_bytes, false);

    switch (i) {
    case KEY_NUM_QUEUES:
        __builtin_memset(link, 0, sizeof(*link));
        link->nr_queues = 1;
        if (value &&
            splitio_xenbus_parse_u32(value, len_bytes, 1,
                                     dev->config.max_queues, &link->nr_queues))
            return fail(dev, SPLITIO_E2BIG, "multi-queue-num-queues is wrong");
        return 0;
    case KEY_REQUEST_RX_COPY:
        if (!yes)
            return fail(dev, SPLITIO_EOPNOTSUPP, "the front has no rx-copy");
        return 0;
    case KEY_NO_CSUM:
        if (!yes)
            link->features |= SPLITIO_NETIF_F_CSUM_V4;
        return 0;
    default:
        if (yes)
            link->features |= features[i];
        return 0;
    }
}

static int got_queue_key(struct splitio_netback *dev,
                         struct splitio_netif_queue_link *link, unsigned i,
                         const char *value, size_t len_bytes)
{
    uint32_t number = 0;
    int err = splitio_xenbus_parse_u32(value, len_bytes, i >= KEY_EVTCHN,
                                       UINT32_MAX, &number);

    /* One channel, or two: which, is seen when all are read. */
    if (err == SPLITIO_ENOENT && i >= KEY_EVTCHN)
        err = 0;
    if (err)
        return fail(dev, err, "a ring reference or event channel is wrong");
    switch (i) {
    case KEY_TX_RING_REF:
        link->tx_gref = number;
        return 0;
    case KEY_RX_RING_REF:
        link->rx_gref = number;
        return 0;
    case KEY_EVTCHN:
        link->tx_evtchn = link->rx_evtchn = number;
        return 0;
    case KEY_EVTCHN_TX:
        if (number != 0)
            link->tx_evtchn = number;
        return 0;
    default:
        if (number != 0)
            link->rx_evtchn = number;
        if (link->tx_evtchn == 0 || link->rx_evtchn == 0)
            return fail(dev, SPLITIO_ENOENT, "an event channel is missing");
        return 0;
    }
}

static int got(void *drv, enum splitio_xenbus_phase phase, unsigned i,
               const char *value, size_t len_bytes)
{
    struct splitio_netback *dev = drv;

    (void)phase;
    if (i < NR_FRONT_KEYS)
        return got_front_key(dev, i, value, len_bytes);
    i -= NR_FRONT_KEYS;
    return got_queue_key(dev, &dev->link.queues[i / NR_QUEUE_KEYS],
                         i % NR_QUEUE_KEYS, value, len_bytes);
}

static enum splitio_xenbus_tell tell(void *drv, enum splitio_xenbus_phase phase,
                                     unsigned i, char *key, char *value)
{
    const struct splitio_netback *dev = drv;
    uint32_t f = dev->config.features;
    const struct {
        const char *key;
        uint32_t value;
    } offer[] = {
        {SPLITIO_NETIF_KEY_RX_COPY, 1},
        {SPLITIO_NETIF_KEY_RX_FLIP, 0},
        {SPLITIO_NETIF_KEY_SPLIT_EVTCHN, 1},
        {SPLITIO_NETIF_KEY_MAX_QUEUES, dev->config.max_queues},
        {SPLITIO_NETIF_KEY_SG, (f & SPLITIO_NETIF_F_SG) != 0},
        {SPLITIO_NETIF_KEY_NO_CSUM, (f & SPLITIO_NETIF_F_CSUM_V4) == 0},
        {SPLITIO_NETIF_KEY_CSUM_V6, (f & SPLITIO_NETIF_F_CSUM_V6) != 0},
        {SPLITIO_NETIF_KEY_GSO_TCPV4, (f & SPLITIO_NETIF_F_GSO_TCPV4) != 0},
        {SPLITIO_NETIF_KEY_GSO_TCPV6, (f & SPLITIO_NETIF_F_GSO_TCPV6) != 0},
    };

    if (phase != SPLITIO_XENBUS_OFFER || i >= SPLITIO_ARRAY_LEN(offer))
        return SPLITIO_XENBUS_TELL_END;
    splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "%s", offer[i].key);
    splitio_xenbus_print(value, SPLITIO_XENBUS_VALUE_MAX, "%u", offer[i].value);
    return SPLITIO_XENBUS_TELL_WRITE;
}

static int negotiate(void *drv)
{
    struct splitio_netback *dev = drv;

    return splitio_netback_link_up(dev, splitio_xenbus_peer(&dev->xb),
                                   &dev->link);
}

static int connected(void *drv)
{
    (void)drv;
    return 0;
}

static int disconnect(void *drv)
{
    splitio_netback_link_down(drv);
    return 0;
}

const struct splitio_xenbus_driver splitio_netback_xenbus_driver = {
    .adopt = true,
    .want = want,
    .got = got,
    .tell = tell,
    .negotiate = negotiate,
    .connected = connected,
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
