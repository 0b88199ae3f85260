/* SPDX-License-Identifier: BSD-2-Clause */
/* What a front asks its back for: multicast control, headroom; and the link. */
#include "netfront_impl.h"

/* ---- multicast ---- */

enum mcast_state {
    FREE,
    TO_ADD, /* wanted, and the back does not know */
    KNOWN,
    TO_REMOVE, /* not wanted, and the back knows */
};

static struct splitio_netfront_mcast *find(struct splitio_netfront *dev,
                                           const uint8_t *addr)
{
    unsigned i;

    for (i = 0; i < SPLITIO_NETIF_MCAST_MAX; i++)
        if (dev->mcast[i].state != FREE &&
            __builtin_memcmp(dev->mcast[i].addr, addr, 6) == 0)
            return &dev->mcast[i];
    return NULL;
}

const uint8_t *splitio_netfront_mcast_wanted(const struct splitio_netfront *dev,
                                             unsigned i)
{
    unsigned k;

    for (k = 0; k < SPLITIO_NETIF_MCAST_MAX; k++)
        if ((dev->mcast[k].state == TO_ADD || dev->mcast[k].state == KNOWN) &&
            i-- == 0)
            return dev->mcast[k].addr;
    return NULL;
}

void splitio_netfront_mcast_forget(struct splitio_netfront *dev)
{
    unsigned i;

    for (i = 0; i < SPLITIO_NETIF_MCAST_MAX; i++) {
        struct splitio_netfront_mcast *m = &dev->mcast[i];

        if (m->state == KNOWN)
            m->state = TO_ADD;
        else if (m->state == TO_REMOVE)
            m->state = FREE;
        dev->mcast_todo |= m->state == TO_ADD;
    }
}

/* 0: the back is told, or cannot be; EAGAIN, EPROTO. */
static int tell(struct splitio_netfront *dev, struct splitio_netfront_mcast *m)
{
    bool add = m->state == TO_ADD;
    int err;

    err = splitio_netfront_tx_mcast(dev->queues[0],
                                    add ? SPLITIO_NETIF_EXTRA_MCAST_ADD
                                        : SPLITIO_NETIF_EXTRA_MCAST_DEL,
                                    m->addr);
    if (!err)
        m->state = add ? KNOWN : FREE;
    return err;
}

int splitio_netfront_mcast_sync(struct splitio_netfront *dev)
{
    unsigned i;
    int err = 0;

    dev->mcast_todo = false;
    if (!dev->connected || !(dev->back_features & SPLITIO_NETIF_F_MCAST))
        return 0;
    for (i = 0; !err && i < SPLITIO_NETIF_MCAST_MAX; i++)
        if (dev->mcast[i].state == TO_ADD || dev->mcast[i].state == TO_REMOVE)
            err = tell(dev, &dev->mcast[i]);
    dev->mcast_todo = err == SPLITIO_EAGAIN;
    return err == SPLITIO_EAGAIN ? 0 : err;
}

/* Now, if that is possible; else poll() does. */
static void sync_now(struct splitio_netfront *dev)
{
    dev->mcast_todo = true;
    if (!dev->connected || dev->broken)
        return;
    if (splitio_netfront_mcast_sync(dev) < 0)
        dev->broken = true;
    splitio_netfront_kick(dev);
}

int splitio_netfront_mcast_add(struct splitio_netfront *dev,
                               const uint8_t addr[6])
{
    struct splitio_netfront_mcast *m = find(dev, addr);
    unsigned i;

    if (!(addr[0] & 1))
        return SPLITIO_EINVAL;
    for (i = 0; !m && i < SPLITIO_NETIF_MCAST_MAX; i++)
        if (dev->mcast[i].state == FREE)
            m = &dev->mcast[i];
    if (!m)
        return SPLITIO_ENOSPC;
    if (m->state == TO_ADD || m->state == KNOWN)
        return 0;
    __builtin_memcpy(m->addr, addr, 6);
    m->state = m->state == TO_REMOVE ? KNOWN : TO_ADD;
    sync_now(dev);
    return 0;
}

int splitio_netfront_mcast_remove(struct splitio_netfront *dev,
                                  const uint8_t addr[6])
{
    struct splitio_netfront_mcast *m = find(dev, addr);

    if (!m || m->state == TO_REMOVE)
        return SPLITIO_ENOENT;
    m->state = m->state == KNOWN && dev->connected ? TO_REMOVE : FREE;
    sync_now(dev);
    return 0;
}

void splitio_netfront_filter_multicast(struct splitio_netfront *dev, bool on)
{
    if (dev->filter_multicast == on)
        return;
    dev->filter_multicast = on;
    if (dev->connected && dev->config.store && dev->offer.dynamic_multicast)
        splitio_xenbus_publish(&dev->xb);
}

/* Too much is better than too little. */
void splitio_netfront_mcast_failed(struct splitio_netfront *dev)
{
    dev->stats.mcast_refused++;
    splitio_netfront_filter_multicast(dev, false);
}

/* ---- headroom ---- */

int splitio_netfront_set_headroom(struct splitio_netfront *dev, uint16_t bytes)
{
    if (bytes > SPLITIO_NETIF_HEADROOM_MAX)
        return SPLITIO_EINVAL;
    if (dev->headroom == bytes)
        return 0;
    dev->headroom = bytes;
    if (dev->connected && dev->config.store &&
        (dev->back_features & SPLITIO_NETIF_F_HEADROOM))
        splitio_xenbus_reconfigure(&dev->xb);
    return 0;
}

/* ---- link ---- */

void splitio_netfront_link_look(struct splitio_netfront *dev)
{
    bool up = splitio_netfront_is_up(dev);

    if (up == dev->was_up)
        return;
    dev->was_up = up;
    if (dev->config.link_changed)
        dev->config.link_changed(dev->config.arg);
}

void splitio_netfront_resume(struct splitio_netfront *dev)
{
    if (dev->config.store)
        splitio_xenbus_resume(&dev->xb);
}
