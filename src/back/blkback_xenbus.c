/* SPDX-License-Identifier: BSD-2-Clause */
/* The block back's keys in the store: writing; and the connection. */
#include "blkback_impl.h"

#define KEY SPLITIO_XENBUS_KEY_MAX

static void put_key(char *key, const char *name)
{
    (void)splitio_xenbus_print(key, KEY, "%s", name);
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
        return number(key, value, SPLITIO_BLKIF_KEY_BARRIER,
                      (flags & SPLITIO_BLKIF_OFFERS_BARRIER) != 0, true);
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
    uint32_t info = 0, disk = dev->info.flags | dev->key_disk;

    if (disk & SPLITIO_DISK_CDROM)
        info |= SPLITIO_BLKIF_VDISK_CDROM;
    if (disk & SPLITIO_DISK_REMOVABLE)
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
                      dev->params.nr_sectors >> dev->params.shifts.key, true);
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
    return splitio_read_once_le32(&q->ring.sring->req_prod) != q->ring.rsp_prod;
}

static int negotiate(void *drv)
{
    struct splitio_blkback *dev = drv;
    /* To a front that was told of features just now, this is the first back,
     * though it may use the same numbers as before. */
    bool restored = !dev->told && splitio_blkback_is_saved(dev) &&
                    splitio_blkback_is_saved_peer(dev);
    bool adopting = !dev->told && !restored;
    int err;

    if (adopting && dev->mismatch)
        return SPLITIO_ECLOSED;
    if (!restored)
        splitio_blkback_drop_saved(dev);
    err = splitio_blkback_attach(dev);
    for (unsigned i = 0; adopting && !err && i < dev->nr_queues; i++)
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
    .want = splitio_blkback_want,
    .got = splitio_blkback_got,
    .tell = tell,
    .negotiate = negotiate,
    .connected = connected,
    .disconnect = disconnect,
};
