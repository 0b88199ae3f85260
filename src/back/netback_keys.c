/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys that netback reads: the toolstack's and the front's. */
#include "netback_impl.h"

/* Keys of the own directory: by the toolstack, and what a back before this one
 * has offered. */
enum {
    KEY_RATE, /* the one that may change comes first */
    KEY_MTU,
    KEY_OLD_NO_CSUM,
    KEY_OLD_SG,
    KEY_OLD_CSUM_V6,
    KEY_OLD_GSO_TCPV4,
    KEY_OLD_GSO_TCPV6,
    KEY_OLD_MCAST,
    KEY_OLD_HEADROOM,
    KEY_OLD_CTRL,
    NR_OWN_KEYS,
};

static const char *const own_keys[NR_OWN_KEYS] = {
    [KEY_RATE] = SPLITIO_NETIF_KEY_RATE,
    [KEY_MTU] = SPLITIO_NETIF_KEY_MTU,
    [KEY_OLD_NO_CSUM] = SPLITIO_NETIF_KEY_NO_CSUM,
    [KEY_OLD_SG] = SPLITIO_NETIF_KEY_SG,
    [KEY_OLD_CSUM_V6] = SPLITIO_NETIF_KEY_CSUM_V6,
    [KEY_OLD_GSO_TCPV4] = SPLITIO_NETIF_KEY_GSO_TCPV4,
    [KEY_OLD_GSO_TCPV6] = SPLITIO_NETIF_KEY_GSO_TCPV6,
    [KEY_OLD_MCAST] = SPLITIO_NETIF_KEY_MCAST,
    [KEY_OLD_HEADROOM] = SPLITIO_NETIF_KEY_HEADROOM,
    [KEY_OLD_CTRL] = SPLITIO_NETIF_KEY_CTRL_RING,
};

/* Keys that the front changes while connected. */
enum {
    KEY_REQUEST_MCAST,
    KEY_SET_HEADROOM,
    NR_UPDATE_KEYS,
};

static const char *const update_keys[NR_UPDATE_KEYS] = {
    SPLITIO_NETIF_KEY_REQUEST_MCAST,
    SPLITIO_NETIF_KEY_SET_HEADROOM,
};

/* Keys that the front writes once. */
enum {
    KEY_NUM_QUEUES,
    KEY_REQUEST_RX_COPY,
    KEY_SG,
    KEY_NO_CSUM,
    KEY_CSUM_V6,
    KEY_GSO_TCPV4,
    KEY_GSO_TCPV6,
    KEY_RX_NOTIFY,
    KEY_CTRL_RING_REF,
    KEY_EVTCHN_CTRL,
    NR_FRONT_KEYS,
};

static const char *const front_keys[NR_FRONT_KEYS] = {
    SPLITIO_NETIF_KEY_NUM_QUEUES,
    SPLITIO_NETIF_KEY_REQUEST_RX_COPY,
    SPLITIO_NETIF_KEY_SG,
    SPLITIO_NETIF_KEY_NO_CSUM,
    SPLITIO_NETIF_KEY_CSUM_V6,
    SPLITIO_NETIF_KEY_GSO_TCPV4,
    SPLITIO_NETIF_KEY_GSO_TCPV6,
    SPLITIO_NETIF_KEY_RX_NOTIFY,
    SPLITIO_NETIF_KEY_CTRL_RING_REF,
    SPLITIO_NETIF_KEY_EVTCHN_CTRL,
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

static bool want_one(char *key, const char *const *keys, unsigned nr,
                     unsigned i)
{
    if (i >= nr)
        return false;
    splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "%s", keys[i]);
    return true;
}

static bool want_queue_key(const struct splitio_netback *dev, unsigned i,
                           char *key)
{
    unsigned q = i / NR_QUEUE_KEYS;

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

bool splitio_netback_want(void *drv, enum splitio_xenbus_phase phase,
                          unsigned i, char *key)
{
    switch (phase) {
    case SPLITIO_XENBUS_OWN:
        return want_one(key, own_keys, NR_OWN_KEYS, i);
    case SPLITIO_XENBUS_OWN_UPDATE:
        return want_one(key, own_keys, KEY_RATE + 1, i);
    case SPLITIO_XENBUS_UPDATE:
        return want_one(key, update_keys, NR_UPDATE_KEYS, i);
    case SPLITIO_XENBUS_CONNECT:
        if (i < NR_FRONT_KEYS)
            return want_one(key, front_keys, NR_FRONT_KEYS, i);
        i -= NR_FRONT_KEYS;
        if (i < NR_UPDATE_KEYS)
            return want_one(key, update_keys, NR_UPDATE_KEYS, i);
        return want_queue_key(drv, i - NR_UPDATE_KEYS, key);
    default:
        return false;
    }
}

enum splitio_xenbus_watched splitio_netback_watch(void *drv, unsigned i,
                                                  char *key)
{
    (void)drv;
    splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "%s",
                         i == 0 ? SPLITIO_NETIF_KEY_REQUEST_MCAST
                                : SPLITIO_NETIF_KEY_RATE);
    return i == 0   ? SPLITIO_XENBUS_WATCHED_PEER
           : i == 1 ? SPLITIO_XENBUS_WATCHED_OWN
                    : SPLITIO_XENBUS_WATCHED_NONE;
}

static int fail(struct splitio_netback *dev, int error, const char *text)
{
    splitio_xenbus_fail(&dev->xb, error, text);
    return error;
}

/* "bytes,microseconds"; none of either: no limit. */
static bool parse_rate(const char *value, size_t len_bytes, uint64_t *bytes,
                       uint64_t *period_ns)
{
    size_t comma = 0;
    uint64_t usec = 0;

    while (comma < len_bytes && value[comma] != ',')
        comma++;
    if (comma == len_bytes ||
        splitio_xenbus_parse_u64(value, comma, 0, UINT64_MAX, bytes) ||
        splitio_xenbus_parse_u64(value + comma + 1, len_bytes - comma - 1, 0,
                                 UINT32_MAX, &usec))
        return false;
    *period_ns = usec * 1000;
    return true;
}

static int got_rate(struct splitio_netback *dev, const char *value,
                    size_t len_bytes)
{
    uint64_t bytes = 0, period_ns = 0;

    if (value && !parse_rate(value, len_bytes, &bytes, &period_ns)) {
        /* One that was right stays. */
        if (dev->connected)
            return 0;
        return fail(dev, SPLITIO_EINVAL, "rate is not \"bytes,microseconds\"");
    }
    splitio_netback_set_rate(dev, bytes, period_ns);
    return 0;
}

/* The shorter of the toolstack's and the configuration's. The toolstack only
 * tells a front that it may send more than 1500 bytes; many take no notice. */
static int got_mtu(struct splitio_netback *dev, const char *value,
                   size_t len_bytes)
{
    uint32_t mtu;

    dev->mtu = dev->config.mtu;
    if (!value)
        return 0;
    if (splitio_xenbus_parse_u32(value, len_bytes, SPLITIO_NETIF_MTU_MIN,
                                 SPLITIO_NETIF_MTU_MAX, &mtu))
        return fail(dev, SPLITIO_EINVAL, "mtu is out of range");
    if (mtu < SPLITIO_NETIF_MTU_DEFAULT)
        mtu = SPLITIO_NETIF_MTU_DEFAULT;
    if (dev->mtu == 0 || mtu < dev->mtu)
        dev->mtu = mtu;
    return 0;
}

static int got_own_key(struct splitio_netback *dev, unsigned i,
                       const char *value, size_t len_bytes)
{
    static const uint32_t features[NR_OWN_KEYS] = {
        [KEY_OLD_NO_CSUM] = SPLITIO_NETIF_F_CSUM_V4,
        [KEY_OLD_SG] = SPLITIO_NETIF_F_SG,
        [KEY_OLD_CSUM_V6] = SPLITIO_NETIF_F_CSUM_V6,
        [KEY_OLD_GSO_TCPV4] = SPLITIO_NETIF_F_GSO_TCPV4,
        [KEY_OLD_GSO_TCPV6] = SPLITIO_NETIF_F_GSO_TCPV6,
        [KEY_OLD_MCAST] = SPLITIO_NETIF_F_MCAST,
        [KEY_OLD_HEADROOM] = SPLITIO_NETIF_F_HEADROOM,
        [KEY_OLD_CTRL] = SPLITIO_NETIF_F_CTRL,
    };

    if (i == KEY_RATE)
        return got_rate(dev, value, len_bytes);
    if (i == KEY_MTU)
        return got_mtu(dev, value, len_bytes);
    if (i == KEY_OLD_NO_CSUM)
        dev->old_features = 0;
    if (splitio_xenbus_parse_flag(value, len_bytes, false) !=
        (i == KEY_OLD_NO_CSUM))
        dev->old_features |= features[i];
    return 0;
}

static int got_update_key(struct splitio_netback *dev, unsigned i,
                          const char *value, size_t len_bytes)
{
    uint32_t number;

    if (i == KEY_REQUEST_MCAST) {
        dev->link.filter_multicast =
            splitio_xenbus_parse_flag(value, len_bytes, false);
        return 0;
    }
    if (splitio_xenbus_parse_u32(value, len_bytes, 0, UINT16_MAX, &number))
        number = 0;
    dev->link.headroom = (uint16_t)number;
    return 0;
}

/* A ring without a channel is a mistake, a channel without a ring is nothing. */
static int got_ctrl_key(struct splitio_netback *dev, unsigned i,
                        const char *value, size_t len_bytes)
{
    struct splitio_netif_ctrl_link *ctrl = &dev->link.ctrl;
    int err = 0;

    if (i == KEY_CTRL_RING_REF) {
        ctrl->gref = SPLITIO_GREF_NONE;
        if (value)
            err = splitio_xenbus_parse_u32(value, len_bytes, 0,
                                           SPLITIO_GREF_NONE - 1, &ctrl->gref);
    } else if (ctrl->gref != SPLITIO_GREF_NONE) {
        err = splitio_xenbus_parse_u32(value, len_bytes, 1, UINT32_MAX,
                                       &ctrl->evtchn);
    }
    if (err)
        return fail(dev, err, "the control ring is wrong");
    return 0;
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
    case KEY_RX_NOTIFY:
        link->no_rx_notify = !yes;
        return 0;
    case KEY_CTRL_RING_REF:
    case KEY_EVTCHN_CTRL:
        return got_ctrl_key(dev, i, value, len_bytes);
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

int splitio_netback_got(void *drv, enum splitio_xenbus_phase phase, unsigned i,
                        const char *value, size_t len_bytes)
{
    struct splitio_netback *dev = drv;

    if (phase == SPLITIO_XENBUS_OWN || phase == SPLITIO_XENBUS_OWN_UPDATE)
        return got_own_key(dev, i, value, len_bytes);
    if (phase == SPLITIO_XENBUS_UPDATE)
        return got_update_key(dev, i, value, len_bytes);
    if (i < NR_FRONT_KEYS)
        return got_front_key(dev, i, value, len_bytes);
    i -= NR_FRONT_KEYS;
    if (i < NR_UPDATE_KEYS)
        return got_update_key(dev, i, value, len_bytes);
    i -= NR_UPDATE_KEYS;
    return got_queue_key(dev, &dev->link.queues[i / NR_QUEUE_KEYS],
                         i % NR_QUEUE_KEYS, value, len_bytes);
}
