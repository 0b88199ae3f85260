/* SPDX-License-Identifier: BSD-2-Clause */
/* The block back's keys in the store: reading. */
#include "blkback_impl.h"

#define KEY SPLITIO_XENBUS_KEY_MAX

static void put_key(char *key, const char *name)
{
    (void)splitio_xenbus_print(key, KEY, "%s", name);
}

/* ---- reading: the own directory ---- */

enum own_key {
    OWN_MODE, /* the first four are the toolstack's */
    OWN_DISCARD_ENABLE,
    OWN_DEVICE_TYPE,
    OWN_REMOVABLE,
    OWN_FLUSH, /* what an earlier life has offered */
    OWN_BARRIER,
    OWN_DISCARD,
    OWN_DISCARD_SECURE,
    OWN_MAX_INDIRECT,
    OWN_SECTOR_SIZE,
};

static const char *const own_keys[] = {
    [OWN_MODE] = SPLITIO_BLKIF_KEY_MODE,
    [OWN_DISCARD_ENABLE] = SPLITIO_BLKIF_KEY_DISCARD_ENABLE,
    [OWN_DEVICE_TYPE] = SPLITIO_BLKIF_KEY_DEVICE_TYPE,
    [OWN_REMOVABLE] = SPLITIO_BLKIF_KEY_REMOVABLE,
    [OWN_FLUSH] = SPLITIO_BLKIF_KEY_FLUSH,
    [OWN_BARRIER] = SPLITIO_BLKIF_KEY_BARRIER,
    [OWN_DISCARD] = SPLITIO_BLKIF_KEY_DISCARD,
    [OWN_DISCARD_SECURE] = SPLITIO_BLKIF_KEY_DISCARD_SECURE,
    [OWN_MAX_INDIRECT] = SPLITIO_BLKIF_KEY_MAX_INDIRECT,
    [OWN_SECTOR_SIZE] = SPLITIO_BLKIF_KEY_SECTOR_SIZE,
};

/* A new life: ask the disk again, then let the keys restrict. */
static int begin_life(struct splitio_blkback *dev)
{
    __builtin_memset(&dev->peer, 0, sizeof(dev->peer));
    dev->told = dev->mismatch = false;
    return splitio_blkback_read_info(dev);
}

static uint32_t number_or(const char *value, size_t len, uint32_t otherwise)
{
    uint32_t n;

    return splitio_xenbus_parse_u32(value, len, 0, UINT32_MAX, &n) ? otherwise
                                                                   : n;
}

static void compare(struct splitio_blkback *dev, const char *value, size_t len,
                    uint32_t flag)
{
    if (splitio_xenbus_parse_flag(value, len, false) &&
        !(dev->params.flags & flag))
        dev->mismatch = true;
}

static void got_toolstack(struct splitio_blkback *dev, enum own_key i,
                          const char *value, size_t len)
{
    if (i == OWN_MODE)
        dev->key_read_only = splitio_xenbus_is(value, len, "r");
    else if (i == OWN_DISCARD_ENABLE)
        dev->key_no_discard = !splitio_xenbus_parse_flag(value, len, true);
    else if (i == OWN_DEVICE_TYPE && splitio_xenbus_is(value, len, "cdrom"))
        dev->key_disk |= SPLITIO_DISK_CDROM;
    else if (i == OWN_REMOVABLE && splitio_xenbus_parse_flag(value, len, false))
        dev->key_disk |= SPLITIO_DISK_REMOVABLE;
    splitio_blkback_set_offers(dev);
}

static int got_own(struct splitio_blkback *dev, enum own_key i,
                   const char *value, size_t len)
{
    int err = i == OWN_MODE ? begin_life(dev) : 0;

    switch (i) {
    case OWN_MODE:
    case OWN_DISCARD_ENABLE:
    case OWN_DEVICE_TYPE:
    case OWN_REMOVABLE:
        got_toolstack(dev, i, value, len);
        break;
    case OWN_FLUSH:
        compare(dev, value, len, SPLITIO_BLKIF_OFFERS_FLUSH);
        break;
    case OWN_BARRIER:
        compare(dev, value, len, SPLITIO_BLKIF_OFFERS_BARRIER);
        break;
    case OWN_DISCARD:
        compare(dev, value, len, SPLITIO_BLKIF_OFFERS_DISCARD);
        break;
    case OWN_DISCARD_SECURE:
        compare(dev, value, len, SPLITIO_BLKIF_OFFERS_SECURE);
        break;
    case OWN_MAX_INDIRECT:
        if (number_or(value, len, 0) > dev->cfg.max_indirect)
            dev->mismatch = true;
        break;
    default:
        if (number_or(value, len, 0) != dev->info.sector_size)
            dev->mismatch = true;
        break;
    }
    return err;
}

/* ---- reading: the front's directory ---- */

static const char *const front_keys[] = {
    SPLITIO_BLKIF_KEY_PROTOCOL,   SPLITIO_BLKIF_KEY_PERSISTENT,
    SPLITIO_BLKIF_KEY_NUM_QUEUES, SPLITIO_BLKIF_KEY_RING_PAGES,
    SPLITIO_BLKIF_KEY_RING_ORDER,
};
#define NR_FRONT_KEYS SPLITIO_ARRAY_LEN(front_keys)

static int read_number(const char *value, size_t len, uint32_t min,
                       uint32_t max, uint32_t *out)
{
    int err = splitio_xenbus_parse_u32(value, len, min, max, out);

    return err == SPLITIO_ENOENT ? 0 : err;
}

static int got_ring_pages(struct splitio_blkback *dev, const char *value,
                          size_t len)
{
    uint32_t pages = 1;
    int err = read_number(value, len, 1, 1u << dev->cfg.max_ring_order, &pages);

    if (err)
        return err;
    if ((pages & (pages - 1)) != 0)
        return SPLITIO_EINVAL;
    dev->peer.ring_order = splitio_lowest_bit_u64(pages);
    return 0;
}

static int got_front(struct splitio_blkback *dev, unsigned i, const char *value,
                     size_t len)
{
    struct splitio_blkback_peer *peer = &dev->peer;

    switch (i) {
    case 0:
        peer->domid = splitio_xenbus_peer(&dev->xb);
        peer->nr_queues = 1;
        return splitio_blkif_abi_of(value, dev->cfg.native_abi, &peer->abi);
    case 1:
        peer->persistent = dev->cfg.max_persistent != 0 &&
                           splitio_xenbus_parse_flag(value, len, false);
        return 0;
    case 2:
        return read_number(value, len, 1, dev->cfg.max_queues,
                           &peer->nr_queues);
    case 3:
        return got_ring_pages(dev, value, len);
    default:
        return read_number(value, len, 0, dev->cfg.max_ring_order,
                           &peer->ring_order);
    }
}

/* The keys of one queue: its channel, then its references. A ring of one page
 * is "ring-ref"; the pages of a longer one are "ring-ref0" and on. Some fronts
 * write "ring-ref0" for the one, or "ring-ref" for the first of many. */
static unsigned keys_per_queue(const struct splitio_blkback_peer *peer)
{
    return 2 + (1u << peer->ring_order);
}

static bool want_queue(const struct splitio_blkback_peer *peer, unsigned i,
                       char *key)
{
    unsigned queue = i / keys_per_queue(peer), k = i % keys_per_queue(peer);
    int at = 0;

    if (queue >= peer->nr_queues)
        return false;
    if (peer->nr_queues > 1)
        at = splitio_xenbus_print(key, KEY, "queue-%u/", queue);
    if (k == 0)
        put_key(key + at, SPLITIO_BLKIF_KEY_EVENT_CHANNEL);
    else if (k == 1)
        put_key(key + at, SPLITIO_BLKIF_KEY_RING_REF);
    else
        (void)splitio_xenbus_print(key + at, KEY - (size_t)at,
                                   SPLITIO_BLKIF_KEY_RING_REF "%u", k - 2);
    return true;
}

static int got_queue(struct splitio_blkback_peer *peer, unsigned i,
                     const char *value, size_t len)
{
    unsigned queue = i / keys_per_queue(peer), k = i % keys_per_queue(peer);
    splitio_gref_t *grefs = peer->queues[queue].grefs;

    if (k == 0)
        return splitio_xenbus_parse_u32(value, len, 1, UINT32_MAX,
                                        &peer->queues[queue].evtchn);
    if (k == 1) {
        grefs[0] = SPLITIO_GREF_NONE;
        return read_number(value, len, 0, UINT32_MAX - 1, &grefs[0]);
    }
    /* Of two names for the first page, the other may be of an earlier life. */
    if (k == 2 && grefs[0] != SPLITIO_GREF_NONE &&
        (peer->ring_order == 0 || !value))
        return 0;
    return splitio_xenbus_parse_u32(value, len, 0, UINT32_MAX - 1,
                                    &grefs[k - 2]);
}

bool splitio_blkback_want(void *drv, enum splitio_xenbus_phase phase,
                          unsigned i, char *key)
{
    struct splitio_blkback *dev = drv;

    if (phase == SPLITIO_XENBUS_OWN && i < SPLITIO_ARRAY_LEN(own_keys)) {
        put_key(key, own_keys[i]);
        return true;
    }
    if (phase != SPLITIO_XENBUS_CONNECT)
        return false;
    if (i < NR_FRONT_KEYS) {
        put_key(key, front_keys[i]);
        return true;
    }
    return want_queue(&dev->peer, i - (unsigned)NR_FRONT_KEYS, key);
}

int splitio_blkback_got(void *drv, enum splitio_xenbus_phase phase, unsigned i,
                        const char *value, size_t len_bytes)
{
    struct splitio_blkback *dev = drv;

    if (phase == SPLITIO_XENBUS_OWN)
        return got_own(dev, (enum own_key)i, value, len_bytes);
    if (i < NR_FRONT_KEYS)
        return got_front(dev, i, value, len_bytes);
    return got_queue(&dev->peer, i - (unsigned)NR_FRONT_KEYS, value, len_bytes);
}
