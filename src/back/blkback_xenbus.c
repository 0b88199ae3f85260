/* SPDX-License-Identifier: BSD-2-Clause */
/* The block back's keys in the store. */
#include "blkback_impl.h"

#define KEY SPLITIO_XENBUS_KEY_MAX

static void put_key(char *key, const char *name)
{
    (void)splitio_xenbus_print(key, KEY, "%s", name);
}

/* ---- reading: the own directory ---- */

enum own_key {
    OWN_MODE, /* the first two are the toolstack's */
    OWN_DISCARD_ENABLE,
    OWN_FLUSH, /* what an earlier life has offered */
    OWN_DISCARD,
    OWN_DISCARD_SECURE,
    OWN_MAX_INDIRECT,
    OWN_SECTOR_SIZE,
};

static const char *const own_keys[] = {
    [OWN_MODE] = SPLITIO_BLKIF_KEY_MODE,
    [OWN_DISCARD_ENABLE] = SPLITIO_BLKIF_KEY_DISCARD_ENABLE,
    [OWN_FLUSH] = SPLITIO_BLKIF_KEY_FLUSH,
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

static int got_own(struct splitio_blkback *dev, enum own_key i,
                   const char *value, size_t len)
{
    int err = i == OWN_MODE ? begin_life(dev) : 0;

    switch (i) {
    case OWN_MODE:
        if (splitio_xenbus_is(value, len, "r"))
            dev->params.flags |= SPLITIO_BLKIF_READ_ONLY;
        break;
    case OWN_DISCARD_ENABLE:
        if (!splitio_xenbus_parse_flag(value, len, true) ||
            (dev->params.flags & SPLITIO_BLKIF_READ_ONLY))
            dev->params.flags &=
                ~(SPLITIO_BLKIF_OFFERS_DISCARD | SPLITIO_BLKIF_OFFERS_SECURE);
        break;
    case OWN_FLUSH:
        compare(dev, value, len, SPLITIO_BLKIF_OFFERS_FLUSH);
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

static bool want(void *drv, enum splitio_xenbus_phase phase, unsigned i,
                 char *key)
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

static int got(void *drv, enum splitio_xenbus_phase phase, unsigned i,
               const char *value, size_t len_bytes)
{
    struct splitio_blkback *dev = drv;

    if (phase == SPLITIO_XENBUS_OWN)
        return got_own(dev, (enum own_key)i, value, len_bytes);
    if (i < NR_FRONT_KEYS)
        return got_front(dev, i, value, len_bytes);
    return got_queue(&dev->peer, i - (unsigned)NR_FRONT_KEYS, value, len_bytes);
}

/* ---- writing ---- */

/* A key with a number. Features that are not offered are removed, for an
 * earlier life may have offered them. */
static enum splitio_xenbus_tell number(char *key, char *value, const char *name,
                                       uint64_t n, bool offered)
{
    put_key(key, name);
    if (!offered)
        return SPLITIO_XENBUS_TELL_REMOVE;
    (void)splitio_xenbus_print(value, SPLITIO_XENBUS_VALUE_MAX, "%llu",
                               (unsigned long long)n);
    return SPLITIO_XENBUS_TELL_WRITE;
}

static enum splitio_xenbus_tell tell_offer(const struct splitio_blkback *dev,
                                           unsigned i, char *key, char *value)
{
    const struct splitio_blkback_config *cfg = &dev->cfg;
    uint32_t flags = dev->params.flags;
    bool discard = flags & SPLITIO_BLKIF_OFFERS_DISCARD;
    bool secure = flags & SPLITIO_BLKIF_OFFERS_SECURE;

    switch (i) {
    case 0:
        return number(key, value, SPLITIO_BLKIF_KEY_FLUSH, 1,
                      flags & SPLITIO_BLKIF_OFFERS_FLUSH);
    case 1:
        return number(key, value, SPLITIO_BLKIF_KEY_BARRIER, 0, true);
    case 2:
        return number(key, value, SPLITIO_BLKIF_KEY_DISCARD, 1, discard);
    case 3:
        return number(key, value, SPLITIO_BLKIF_KEY_DISCARD_GRAN,
                      dev->info.discard_granularity, discard);
    case 4:
        return number(key, value, SPLITIO_BLKIF_KEY_DISCARD_ALIGN,
                      dev->info.discard_alignment, discard);
    case 5:
        return number(key, value, SPLITIO_BLKIF_KEY_DISCARD_SECURE, 1,
                      discard && secure);
    case 6:
        return number(key, value, SPLITIO_BLKIF_KEY_PERSISTENT,
                      cfg->max_persistent != 0, true);
    case 7:
        return number(key, value, SPLITIO_BLKIF_KEY_MAX_INDIRECT,
                      cfg->max_indirect, cfg->max_indirect != 0);
    case 8:
        return number(key, value, SPLITIO_BLKIF_KEY_MAX_RING_ORDER,
                      cfg->max_ring_order, true);
    case 9:
        return number(key, value, SPLITIO_BLKIF_KEY_MAX_RING_PAGES,
                      UINT64_C(1) << cfg->max_ring_order, true);
    case 10:
        return number(key, value, SPLITIO_BLKIF_KEY_MAX_QUEUES, cfg->max_queues,
                      true);
    default:
        return SPLITIO_XENBUS_TELL_END;
    }
}

static uint32_t vdisk_info(const struct splitio_blkback *dev)
{
    uint32_t info = 0;

    if (dev->info.flags & SPLITIO_DISK_CDROM)
        info |= SPLITIO_BLKIF_VDISK_CDROM;
    if (dev->info.flags & SPLITIO_DISK_REMOVABLE)
        info |= SPLITIO_BLKIF_VDISK_REMOVABLE;
    if (dev->params.flags & SPLITIO_BLKIF_READ_ONLY)
        info |= SPLITIO_BLKIF_VDISK_READONLY;
    return info;
}

static enum splitio_xenbus_tell tell_disk(const struct splitio_blkback *dev,
                                          unsigned i, char *key, char *value)
{
    uint32_t physical = dev->info.physical_sector_size;

    switch (i) {
    case 0:
        return number(key, value, SPLITIO_BLKIF_KEY_SECTORS,
                      dev->params.nr_sectors, true);
    case 1:
        return number(key, value, SPLITIO_BLKIF_KEY_SECTOR_SIZE,
                      dev->info.sector_size, true);
    case 2:
        return number(key, value, SPLITIO_BLKIF_KEY_PHYS_SECTOR, physical,
                      physical != 0);
    case 3:
        return number(key, value, SPLITIO_BLKIF_KEY_INFO, vdisk_info(dev),
                      true);
    default:
        return SPLITIO_XENBUS_TELL_END;
    }
}

static enum splitio_xenbus_tell tell(void *drv, enum splitio_xenbus_phase phase,
                                     unsigned i, char *key, char *value)
{
    struct splitio_blkback *dev = drv;

    if (phase == SPLITIO_XENBUS_OFFER) {
        dev->told = true;
        return tell_offer(dev, i, key, value);
    }
    if (phase == SPLITIO_XENBUS_CONNECT || phase == SPLITIO_XENBUS_UPDATE)
        return tell_disk(dev, i, key, value);
    return SPLITIO_XENBUS_TELL_END;
}

/* ---- the connection ---- */

/* Answers that came out of order lie over requests that have none: only the
 * front knows those. A ring with nothing unanswered can be taken over. */
static bool has_unanswered(const struct splitio_blkback_queue *q)
{
    return splitio_read_once_u32(&q->ring.sring->req_prod) != q->ring.rsp_prod;
}

static int negotiate(void *drv)
{
    struct splitio_blkback *dev = drv;
    bool adopting = !dev->told;
    int err;

    if (adopting && dev->mismatch)
        return SPLITIO_ECLOSED;
    err = splitio_blkback_attach(dev);
    if (err)
        return err;
    for (unsigned i = 0; adopting && i < dev->nr_queues; i++)
        if (has_unanswered(&dev->queues[i]))
            err = SPLITIO_ECLOSED;
    if (err)
        (void)splitio_blkback_detach(dev);
    return err;
}

static int connected(void *drv)
{
    struct splitio_blkback *dev = drv;

    if (!dev->told)
        splitio_xenbus_publish(&dev->xb); /* the size may be another */
    return 0;
}

static int disconnect(void *drv)
{
    return splitio_blkback_detach(drv);
}

const struct splitio_xenbus_driver splitio_blkback_xenbus_driver = {
    .adopt = true,
    .want = want,
    .got = got,
    .tell = tell,
    .negotiate = negotiate,
    .connected = connected,
    .disconnect = disconnect,
};
