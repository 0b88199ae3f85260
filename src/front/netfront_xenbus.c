/* SPDX-License-Identifier: BSD-2-Clause */
/* netfront's half of the handshake: keys in, keys out, life cycle. */
#include "netfront_impl.h"

/* Keys of the own directory, by the toolstack. */
enum {
    KEY_MAC,
    KEY_MTU,
    NR_OWN_KEYS,
};

static const char *const own_keys[NR_OWN_KEYS] = {
    SPLITIO_NETIF_KEY_MAC,
    SPLITIO_NETIF_KEY_MTU,
};

/* Keys that the back offers. */
enum {
    KEY_RX_COPY,
    KEY_SPLIT_EVTCHN,
    KEY_MAX_QUEUES,
    KEY_SG,
    KEY_NO_CSUM,
    KEY_CSUM_V6,
    KEY_GSO_TCPV4,
    KEY_GSO_TCPV6,
    NR_BACK_KEYS,
};

static const char *const back_keys[NR_BACK_KEYS] = {
    SPLITIO_NETIF_KEY_RX_COPY,    SPLITIO_NETIF_KEY_SPLIT_EVTCHN,
    SPLITIO_NETIF_KEY_MAX_QUEUES, SPLITIO_NETIF_KEY_SG,
    SPLITIO_NETIF_KEY_NO_CSUM,    SPLITIO_NETIF_KEY_CSUM_V6,
    SPLITIO_NETIF_KEY_GSO_TCPV4,  SPLITIO_NETIF_KEY_GSO_TCPV6,
};

static bool want(void *drv, enum splitio_xenbus_phase phase, unsigned i,
                 char *key)
{
    const char *name = NULL;

    (void)drv;
    if (phase == SPLITIO_XENBUS_OWN && i < NR_OWN_KEYS)
        name = own_keys[i];
    else if (phase == SPLITIO_XENBUS_OFFER && i < NR_BACK_KEYS)
        name = back_keys[i];
    if (!name)
        return false;
    splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "%s", name);
    return true;
}

static int fail(struct splitio_netfront *dev, int error, const char *text)
{
    splitio_xenbus_fail(&dev->xb, error, text);
    return error;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* "00:16:3e:00:00:01" */
static bool parse_mac(uint8_t mac[6], const char *text, size_t len_bytes)
{
    unsigned i;

    if (len_bytes != 17)
        return false;
    for (i = 0; i < 6; i++) {
        int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);

        if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':'))
            return false;
        mac[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

static int got_own(struct splitio_netfront *dev, unsigned i, const char *value,
                   size_t len_bytes)
{
    if (!value)
        return 0;
    if (i == KEY_MAC) {
        if (!parse_mac(dev->mac, value, len_bytes))
            return fail(dev, SPLITIO_EINVAL, "mac is not an address");
        return 0;
    }
    if (splitio_xenbus_parse_u32(value, len_bytes, 68, 65521, &dev->mtu))
        return fail(dev, SPLITIO_EINVAL, "mtu is out of range");
    return 0;
}

static int got_offer(struct splitio_netfront *dev, unsigned i,
                     const char *value, size_t len_bytes)
{
    static const uint32_t features[NR_BACK_KEYS] = {
        [KEY_SG] = SPLITIO_NETIF_F_SG,
        [KEY_CSUM_V6] = SPLITIO_NETIF_F_CSUM_V6,
        [KEY_GSO_TCPV4] = SPLITIO_NETIF_F_GSO_TCPV4,
        [KEY_GSO_TCPV6] = SPLITIO_NETIF_F_GSO_TCPV6,
    };
    struct splitio_netif_offer *offer = &dev->offer;
    bool yes = splitio_xenbus_parse_flag(value, len_bytes, false);

    switch (i) {
    case KEY_RX_COPY:
        __builtin_memset(offer, 0, sizeof(*offer));
        if (!yes)
            return fail(dev, SPLITIO_EOPNOTSUPP, "the back has no rx-copy");
        return 0;
    case KEY_SPLIT_EVTCHN:
        offer->split_evtchn = yes;
        return 0;
    case KEY_MAX_QUEUES:
        if (splitio_xenbus_parse_u32(value, len_bytes, 1, UINT32_MAX,
                                     &offer->max_queues))
            offer->max_queues = 1;
        return 0;
    case KEY_NO_CSUM:
        if (!yes)
            offer->features |= SPLITIO_NETIF_F_CSUM_V4;
        return 0;
    default:
        if (yes)
            offer->features |= features[i];
        return 0;
    }
}

static int got(void *drv, enum splitio_xenbus_phase phase, unsigned i,
               const char *value, size_t len_bytes)
{
    if (phase == SPLITIO_XENBUS_OWN)
        return got_own(drv, i, value, len_bytes);
    return got_offer(drv, i, value, len_bytes);
}

#define NR_QUEUE_KEYS 5u

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

    if (phase != SPLITIO_XENBUS_OFFER || i >= nr_keys + nr * NR_QUEUE_KEYS)
        return SPLITIO_XENBUS_TELL_END;
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

static int disconnect(void *drv)
{
    splitio_netfront_link_down(drv);
    return 0;
}

const struct splitio_xenbus_driver splitio_netfront_xenbus_driver = {
    .offer_state = SPLITIO_XENBUS_CONNECTED,
    .want = want,
    .got = got,
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
