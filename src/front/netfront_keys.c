/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys that netfront reads: the toolstack's and the back's. */
#include "netfront_impl.h"

/* Keys of the own directory, by the toolstack. */
enum {
    KEY_DISCONNECT, /* the one that may change comes first */
    KEY_MAC,
    KEY_MTU,
    KEY_TRUSTED,
    NR_OWN_KEYS,
};

static const char *const own_keys[NR_OWN_KEYS] = {
    SPLITIO_NETIF_KEY_DISCONNECT,
    SPLITIO_NETIF_KEY_MAC,
    SPLITIO_NETIF_KEY_MTU,
    SPLITIO_NETIF_KEY_TRUSTED,
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
    KEY_MCAST,
    KEY_HEADROOM,
    KEY_CTRL_RING,
    KEY_MCAST_DYN,
    KEY_BACK_MTU,
    NR_BACK_KEYS,
};

static const char *const back_keys[NR_BACK_KEYS] = {
    SPLITIO_NETIF_KEY_RX_COPY,    SPLITIO_NETIF_KEY_SPLIT_EVTCHN,
    SPLITIO_NETIF_KEY_MAX_QUEUES, SPLITIO_NETIF_KEY_SG,
    SPLITIO_NETIF_KEY_NO_CSUM,    SPLITIO_NETIF_KEY_CSUM_V6,
    SPLITIO_NETIF_KEY_GSO_TCPV4,  SPLITIO_NETIF_KEY_GSO_TCPV6,
    SPLITIO_NETIF_KEY_MCAST,      SPLITIO_NETIF_KEY_HEADROOM,
    SPLITIO_NETIF_KEY_CTRL_RING,  SPLITIO_NETIF_KEY_MCAST_DYN,
    SPLITIO_NETIF_KEY_MTU,
};

bool splitio_netfront_want(void *drv, enum splitio_xenbus_phase phase,
                           unsigned i, char *key)
{
    const char *name = NULL;

    (void)drv;
    if (phase == SPLITIO_XENBUS_OWN && i < NR_OWN_KEYS)
        name = own_keys[i];
    else if (phase == SPLITIO_XENBUS_OWN_UPDATE && i == KEY_DISCONNECT)
        name = own_keys[i];
    else if (phase == SPLITIO_XENBUS_OFFER && i < NR_BACK_KEYS)
        name = back_keys[i];
    else if ((phase == SPLITIO_XENBUS_CONNECT ||
              phase == SPLITIO_XENBUS_UPDATE) &&
             i == 0)
        name = SPLITIO_NETIF_KEY_CARRIER;
    if (!name)
        return false;
    splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "%s", name);
    return true;
}

enum splitio_xenbus_watched splitio_netfront_watch(void *drv, unsigned i,
                                                   char *key)
{
    (void)drv;
    splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "%s",
                         i == 0 ? SPLITIO_NETIF_KEY_CARRIER
                                : SPLITIO_NETIF_KEY_DISCONNECT);
    return i == 0 ? SPLITIO_XENBUS_WATCHED_PEER : SPLITIO_XENBUS_WATCHED_OWN;
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

static int got_mtu(struct splitio_netfront *dev, const char *value,
                   size_t len_bytes)
{
    dev->has_mtu = value != NULL;
    dev->mtu = SPLITIO_NETIF_MTU_DEFAULT;
    if (value &&
        splitio_xenbus_parse_u32(value, len_bytes, SPLITIO_NETIF_MTU_MIN,
                                 SPLITIO_NETIF_MTU_MAX, &dev->mtu))
        return fail(dev, SPLITIO_EINVAL, "mtu is out of range");
    return 0;
}

/* The back's own limit counts if it is the lower one and makes sense. */
static void got_back_mtu(struct splitio_netfront *dev, const char *value,
                         size_t len_bytes)
{
    uint32_t mtu;

    if (splitio_xenbus_parse_u32(value, len_bytes, SPLITIO_NETIF_MTU_MIN,
                                 SPLITIO_NETIF_MTU_MAX, &mtu) ||
        (dev->has_mtu && mtu >= dev->mtu))
        return;
    dev->has_mtu = true;
    dev->mtu = mtu;
}

static int got_own(struct splitio_netfront *dev, unsigned i, const char *value,
                   size_t len_bytes)
{
    switch (i) {
    case KEY_DISCONNECT:
        dev->unplugged = splitio_xenbus_parse_flag(value, len_bytes, false);
        return 0;
    case KEY_MAC:
        if (value && !parse_mac(dev->mac, value, len_bytes))
            return fail(dev, SPLITIO_EINVAL, "mac is not an address");
        return 0;
    case KEY_MTU:
        return got_mtu(dev, value, len_bytes);
    default:
        dev->untrusted = dev->config.untrusted ||
                         (value && splitio_xenbus_is(value, len_bytes, "0"));
        return 0;
    }
}

static int got_offer(struct splitio_netfront *dev, unsigned i,
                     const char *value, size_t len_bytes)
{
    static const uint32_t features[NR_BACK_KEYS] = {
        [KEY_SG] = SPLITIO_NETIF_F_SG,
        [KEY_CSUM_V6] = SPLITIO_NETIF_F_CSUM_V6,
        [KEY_GSO_TCPV4] = SPLITIO_NETIF_F_GSO_TCPV4,
        [KEY_GSO_TCPV6] = SPLITIO_NETIF_F_GSO_TCPV6,
        [KEY_MCAST] = SPLITIO_NETIF_F_MCAST,
        [KEY_HEADROOM] = SPLITIO_NETIF_F_HEADROOM,
        [KEY_CTRL_RING] = SPLITIO_NETIF_F_CTRL,
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
    case KEY_MCAST_DYN: /* the static kind comes with it */
        offer->dynamic_multicast = yes;
        if (yes)
            offer->features |= SPLITIO_NETIF_F_MCAST;
        return 0;
    case KEY_BACK_MTU:
        got_back_mtu(dev, value, len_bytes);
        return 0;
    default:
        if (yes)
            offer->features |= features[i];
        return 0;
    }
}

int splitio_netfront_got(void *drv, enum splitio_xenbus_phase phase, unsigned i,
                         const char *value, size_t len_bytes)
{
    struct splitio_netfront *dev = drv;

    if (phase == SPLITIO_XENBUS_OWN || phase == SPLITIO_XENBUS_OWN_UPDATE)
        return got_own(drv, i, value, len_bytes);
    if (phase != SPLITIO_XENBUS_OFFER) {
        dev->no_carrier = !splitio_xenbus_parse_flag(value, len_bytes, true);
        return 0;
    }
    return got_offer(drv, i, value, len_bytes);
}
