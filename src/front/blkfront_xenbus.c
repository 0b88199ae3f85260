/* SPDX-License-Identifier: BSD-2-Clause */
/* The block front's keys in the store. */
#include "blkfront_impl.h"

#define KEY SPLITIO_XENBUS_KEY_MAX

/* ---- reading ---- */

static const char *const offer_keys[] = {
    SPLITIO_BLKIF_KEY_MAX_QUEUES,
    SPLITIO_BLKIF_KEY_MAX_RING_ORDER,
    SPLITIO_BLKIF_KEY_MAX_RING_PAGES,
};

enum connect_key {
    KEY_SECTORS, /* the keys that may change come first */
    KEY_SECTOR_SIZE,
    KEY_PHYS_SECTOR,
    KEY_INFO,
    KEY_FLUSH,
    KEY_BARRIER,
    KEY_DISCARD,
    KEY_DISCARD_GRAN,
    KEY_DISCARD_ALIGN,
    KEY_DISCARD_SECURE,
    KEY_PERSISTENT,
    KEY_MAX_INDIRECT,
};

static const char *const connect_keys[] = {
    [KEY_SECTORS] = SPLITIO_BLKIF_KEY_SECTORS,
    [KEY_SECTOR_SIZE] = SPLITIO_BLKIF_KEY_SECTOR_SIZE,
    [KEY_PHYS_SECTOR] = SPLITIO_BLKIF_KEY_PHYS_SECTOR,
    [KEY_INFO] = SPLITIO_BLKIF_KEY_INFO,
    [KEY_FLUSH] = SPLITIO_BLKIF_KEY_FLUSH,
    [KEY_BARRIER] = SPLITIO_BLKIF_KEY_BARRIER,
    [KEY_DISCARD] = SPLITIO_BLKIF_KEY_DISCARD,
    [KEY_DISCARD_GRAN] = SPLITIO_BLKIF_KEY_DISCARD_GRAN,
    [KEY_DISCARD_ALIGN] = SPLITIO_BLKIF_KEY_DISCARD_ALIGN,
    [KEY_DISCARD_SECURE] = SPLITIO_BLKIF_KEY_DISCARD_SECURE,
    [KEY_PERSISTENT] = SPLITIO_BLKIF_KEY_PERSISTENT,
    [KEY_MAX_INDIRECT] = SPLITIO_BLKIF_KEY_MAX_INDIRECT,
};

static bool want(void *drv, enum splitio_xenbus_phase phase, unsigned i,
                 char *key)
{
    const char *name = NULL;

    (void)drv;
    if (phase == SPLITIO_XENBUS_OWN && i == 0)
        name = SPLITIO_BLKIF_KEY_TRUSTED;
    else if (phase == SPLITIO_XENBUS_OFFER && i < SPLITIO_ARRAY_LEN(offer_keys))
        name = offer_keys[i];
    else if (phase == SPLITIO_XENBUS_CONNECT &&
             i < SPLITIO_ARRAY_LEN(connect_keys))
        name = connect_keys[i];
    else if (phase == SPLITIO_XENBUS_UPDATE && i == KEY_SECTORS)
        name = connect_keys[i];
    if (!name)
        return false;
    (void)splitio_xenbus_print(key, KEY, "%s", name);
    return true;
}

/* An absent key has its default; so has one that is no number. */
static uint32_t number_or(const char *value, size_t len, uint32_t absent)
{
    uint32_t n;

    if (splitio_xenbus_parse_u32(value, len, 0, UINT32_MAX, &n))
        return absent;
    return n;
}

/* An absent key has its default; one that is no number says nothing. */
static int number_of(const char *value, size_t len, uint32_t absent,
                     uint32_t *out)
{
    *out = absent;
    return value ? splitio_xenbus_parse_u32(value, len, 0, UINT32_MAX, out) : 0;
}

static int got_offer(struct splitio_blkfront *dev, unsigned i,
                     const char *value, size_t len)
{
    if (i == 0)
        dev->back_max_queues = number_or(value, len, 1);
    else if (i == 1)
        dev->back_max_order = number_or(value, len, 0);
    else
        dev->back_max_pages = number_or(value, len, 1);
    return 0;
}

static void flag(struct splitio_blkfront *dev, const char *value, size_t len,
                 uint32_t bit)
{
    if (splitio_xenbus_parse_flag(value, len, false))
        dev->info.flags |= bit;
}

static int got_vdisk(struct splitio_blkfront *dev, const char *value,
                     size_t len)
{
    uint32_t bits;
    int err = number_of(value, len, 0, &bits);

    if (bits & SPLITIO_BLKIF_VDISK_CDROM)
        dev->info.flags |= SPLITIO_BLKFRONT_CDROM;
    if (bits & SPLITIO_BLKIF_VDISK_REMOVABLE)
        dev->info.flags |= SPLITIO_BLKFRONT_REMOVABLE;
    if (bits & SPLITIO_BLKIF_VDISK_READONLY)
        dev->info.flags |= SPLITIO_BLKFRONT_READ_ONLY;
    return err;
}

static int got_sectors(struct splitio_blkfront *dev, const char *value,
                       size_t len)
{
    return splitio_xenbus_parse_u64(value, len, 0, UINT64_MAX / 512,
                                    &dev->key_sectors);
}

/* "sectors" to units of 512 bytes, once the sector size is known. */
static int set_size(struct splitio_blkfront *dev)
{
    struct splitio_blkif_shifts shifts =
        splitio_blkif_shifts_of(dev->cfg.units, dev->info.sector_size);

    if (dev->key_sectors > UINT64_MAX / 512 >> shifts.key)
        return SPLITIO_EINVAL;
    dev->info.nr_sectors = dev->key_sectors << shifts.key;
    return 0;
}

static int got_disk(struct splitio_blkfront *dev, unsigned i, const char *value,
                    size_t len)
{
    struct splitio_blkfront_info *info = &dev->info;

    switch (i) {
    case KEY_SECTORS:
        info->flags = 0;
        return got_sectors(dev, value, len);
    case KEY_SECTOR_SIZE:
        return number_of(value, len, 512, &info->sector_size);
    case KEY_PHYS_SECTOR:
        info->physical_sector_size = number_or(value, len, info->sector_size);
        break;
    case KEY_INFO:
        return got_vdisk(dev, value, len);
    case KEY_FLUSH:
        flag(dev, value, len, SPLITIO_BLKFRONT_FLUSHES);
        break;
    case KEY_BARRIER:
        flag(dev, value, len, SPLITIO_BLKFRONT_BARRIERS);
        break;
    case KEY_DISCARD:
        flag(dev, value, len, SPLITIO_BLKFRONT_DISCARDS);
        break;
    case KEY_DISCARD_GRAN:
        info->discard_granularity = number_or(value, len, info->sector_size);
        break;
    case KEY_DISCARD_ALIGN:
        info->discard_alignment = number_or(value, len, 0);
        break;
    case KEY_DISCARD_SECURE:
        flag(dev, value, len, SPLITIO_BLKFRONT_SECURE);
        break;
    case KEY_PERSISTENT:
        if (!dev->cfg.direct)
            flag(dev, value, len, SPLITIO_BLKFRONT_PERSISTENT);
        break;
    default:
        info->max_indirect = number_or(value, len, 0);
        break;
    }
    return 0;
}

static int got(void *drv, enum splitio_xenbus_phase phase, unsigned i,
               const char *value, size_t len_bytes)
{
    struct splitio_blkfront *dev = drv;

    switch (phase) {
    case SPLITIO_XENBUS_OWN:
        dev->untrusted = !splitio_xenbus_parse_flag(value, len_bytes, true);
        return 0;
    case SPLITIO_XENBUS_OFFER:
        return got_offer(dev, i, value, len_bytes);
    case SPLITIO_XENBUS_CONNECT:
        return got_disk(dev, i, value, len_bytes);
    default:
        return got_sectors(dev, value, len_bytes);
    }
}

/* ---- writing ---- */

/* The keys of one queue: its channel, then its references. */
static enum splitio_xenbus_tell tell_queue(const struct splitio_blkfront *dev,
                                           unsigned i, char *key, char *value)
{
    unsigned per_queue = 1 + (1u << dev->ring_order);
    unsigned queue = i / per_queue, k = i % per_queue;
    const struct splitio_blkfront_queue *q;
    uint32_t n;
    int at = 0;

    if (queue >= dev->nr_queues)
        return SPLITIO_XENBUS_TELL_END;
    q = &dev->queues[queue];
    if (dev->nr_queues > 1)
        at = splitio_xenbus_print(key, KEY, "queue-%u/", queue);
    n = k == 0 ? q->evtchn : q->ring_grefs[k - 1];
    key += at;
    if (k == 0)
        (void)splitio_xenbus_print(key, KEY - (size_t)at, "%s",
                                   SPLITIO_BLKIF_KEY_EVENT_CHANNEL);
    else if (dev->ring_order == 0)
        (void)splitio_xenbus_print(key, KEY - (size_t)at, "%s",
                                   SPLITIO_BLKIF_KEY_RING_REF);
    else
        (void)splitio_xenbus_print(key, KEY - (size_t)at,
                                   SPLITIO_BLKIF_KEY_RING_REF "%u", k - 1);
    (void)splitio_xenbus_print(value, SPLITIO_XENBUS_VALUE_MAX, "%u", n);
    return SPLITIO_XENBUS_TELL_WRITE;
}

static enum splitio_xenbus_tell number(char *key, char *value, const char *name,
                                       uint32_t n, bool present)
{
    (void)splitio_xenbus_print(key, KEY, "%s", name);
    if (!present)
        return SPLITIO_XENBUS_TELL_REMOVE;
    (void)splitio_xenbus_print(value, SPLITIO_XENBUS_VALUE_MAX, "%u", n);
    return SPLITIO_XENBUS_TELL_WRITE;
}

static enum splitio_xenbus_tell
tell_protocol(const struct splitio_blkfront *dev, char *key, char *value)
{
    const char *protocol = dev->cfg.abi == SPLITIO_BLKIF_ABI_X86_32
                               ? SPLITIO_BLKIF_PROTOCOL_X86_32
                               : SPLITIO_ARCH_PROTOCOL_64;

    (void)splitio_xenbus_print(key, KEY, "%s", SPLITIO_BLKIF_KEY_PROTOCOL);
    if (!protocol)
        return SPLITIO_XENBUS_TELL_REMOVE;
    (void)splitio_xenbus_print(value, SPLITIO_XENBUS_VALUE_MAX, "%s", protocol);
    return SPLITIO_XENBUS_TELL_WRITE;
}

static enum splitio_xenbus_tell tell(void *drv, enum splitio_xenbus_phase phase,
                                     unsigned i, char *key, char *value)
{
    const struct splitio_blkfront *dev = drv;

    if (phase != SPLITIO_XENBUS_OFFER)
        return SPLITIO_XENBUS_TELL_END;
    switch (i) {
    case 0:
        return tell_protocol(dev, key, value);
    case 1:
        return number(key, value, SPLITIO_BLKIF_KEY_PERSISTENT,
                      !dev->cfg.direct, true);
    case 2:
        return number(key, value, SPLITIO_BLKIF_KEY_NUM_QUEUES, dev->nr_queues,
                      dev->back_max_queues > 1);
    case 3:
        return number(key, value, SPLITIO_BLKIF_KEY_RING_ORDER, dev->ring_order,
                      dev->ring_order != 0);
    case 4:
        return number(key, value, SPLITIO_BLKIF_KEY_RING_PAGES,
                      1u << dev->ring_order, dev->ring_order != 0);
    case 5:
        return number(key, value, SPLITIO_BLKIF_KEY_RESIZE, 1, true);
    default:
        return tell_queue(dev, i - 6, key, value);
    }
}

/* ---- the connection ---- */

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static int negotiate(void *drv)
{
    struct splitio_blkfront *dev = drv;
    uint32_t queues = min_u32(dev->cfg.max_queues, dev->back_max_queues);
    uint32_t order = dev->back_max_order;

    if (order == 0 && dev->back_max_pages > 1)
        order = splitio_lowest_bit_u64(
            splitio_round_down_pow2(dev->back_max_pages));
    return splitio_blkfront_open_rings(dev, splitio_xenbus_peer(&dev->xb),
                                       queues ? queues : 1,
                                       min_u32(order, dev->cfg.max_ring_order));
}

static void changed(const struct splitio_blkfront *dev)
{
    if (dev->cfg.changed.fn)
        dev->cfg.changed.fn(dev->cfg.changed.arg);
}

static int connected(void *drv)
{
    int err = set_size(drv);

    if (!err)
        err = splitio_blkfront_go(drv);
    if (!err)
        changed(drv);
    return err;
}

static int updated(void *drv)
{
    struct splitio_blkfront *dev = drv;
    uint64_t before = dev->info.nr_sectors;
    int err = set_size(dev);

    if (!err && dev->info.nr_sectors != before)
        changed(dev);
    return err;
}

static int disconnect(void *drv)
{
    splitio_blkfront_close_rings(drv);
    changed(drv);
    return 0;
}

/* What is answered already counts; what is not is sent again. */
static int quiesce(void *drv)
{
    struct splitio_blkfront *dev = drv;

    for (unsigned i = 0; dev->connected && i < dev->nr_queues; i++)
        (void)splitio_blkfront_queue_take(&dev->queues[i],
                                          dev->queues[i].nr_shadows);
    dev->connected = false;
    return 0;
}

const struct splitio_xenbus_driver splitio_blkfront_xenbus_driver = {
    .offer_state = SPLITIO_XENBUS_INITIALISED,
    .want = want,
    .got = got,
    .tell = tell,
    .negotiate = negotiate,
    .connected = connected,
    .updated = updated,
    .quiesce = quiesce,
    .disconnect = disconnect,
};

/* ---- what the owner wants ---- */

void splitio_blkfront_close(struct splitio_blkfront *dev)
{
    dev->closing = true;
    if (dev->cfg.store)
        splitio_xenbus_close(&dev->xb);
}

void splitio_blkfront_reopen(struct splitio_blkfront *dev)
{
    dev->closing = false;
    if (dev->cfg.store)
        splitio_xenbus_reopen(&dev->xb);
}

void splitio_blkfront_resume(struct splitio_blkfront *dev)
{
    (void)quiesce(dev);
    if (dev->cfg.store)
        splitio_xenbus_resume(&dev->xb);
    else
        splitio_blkfront_stop(dev);
}

bool splitio_blkfront_is_closed(const struct splitio_blkfront *dev)
{
    return dev->cfg.store ? splitio_xenbus_is_closed(&dev->xb) : !dev->rings;
}
