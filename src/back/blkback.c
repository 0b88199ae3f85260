/* SPDX-License-Identifier: BSD-2-Clause */
/* The block back's life cycle. */
#include "blkback_impl.h"

/* ---- memory ---- */

/* Hands out pieces of the caller's memory; without a base it only counts. */
struct carver {
    uint8_t *base;
    size_t used;
};

static void *carve(struct carver *c, size_t nr, size_t bytes, size_t align)
{
    size_t at = (c->used + align - 1) / align * align;

    c->used = at + nr * bytes;
    return c->base ? c->base + at : NULL;
}

#define CARVE(c, nr, type)                                                     \
    ((type *)carve(c, nr, sizeof(type), SPLITIO_CACHE_LINE))

uint32_t splitio_blkback_nr_ios(const struct splitio_blkback_config *cfg)
{
    uint32_t slots = splitio_ring_nr_slots(
        1u << cfg->max_ring_order, splitio_blkif_ring_x86_64_slot_bytes);

    return cfg->max_in_flight && cfg->max_in_flight < slots ? cfg->max_in_flight
                                                            : slots;
}

static uint32_t nr_segs_max(const struct splitio_blkback_config *cfg)
{
    return cfg->max_indirect > SPLITIO_BLKIF_MAX_SEGMENTS
               ? cfg->max_indirect
               : SPLITIO_BLKIF_MAX_SEGMENTS;
}

static uint32_t nr_buckets(const struct splitio_blkback_config *cfg)
{
    return cfg->max_persistent
               ? 2 * splitio_round_down_pow2(cfg->max_persistent)
               : 1;
}

static void carve_io(struct carver *c, const struct splitio_blkback_config *cfg,
                     struct blkback_io *io)
{
    uint32_t segs = nr_segs_max(cfg);
    struct blkback_io parts = {
        .iov = CARVE(c, segs, struct splitio_iovec),
        .holds = CARVE(c, segs, uint32_t),
        .segs = CARVE(c, segs, struct splitio_blkif_segment),
        .bounce = carve(c, cfg->copy_pages, SPLITIO_PAGE_SIZE,
                        cfg->copy_pages ? SPLITIO_PAGE_SIZE : 1),
    };

    if (c->base)
        *io = parts;
}

static void carve_queue(struct carver *c,
                        const struct splitio_blkback_config *cfg,
                        struct splitio_blkback_queue *q)
{
    uint32_t segs = nr_segs_max(cfg), copied = cfg->copy_pages * 8u;
    uint32_t nr_copies = copied < segs ? copied : segs;
    uint32_t nr_ios = splitio_blkback_nr_ios(cfg);
    struct splitio_blkback_queue parts = {
        .ios = CARVE(c, nr_ios, struct blkback_io),
        .maps = CARVE(c, segs, struct splitio_grant_map),
        .map_segs = CARVE(c, segs, uint16_t),
        .copies = CARVE(c,
                        nr_copies > SPLITIO_BLKIF_MAX_INDIRECT_PAGES
                            ? nr_copies
                            : SPLITIO_BLKIF_MAX_INDIRECT_PAGES,
                        struct splitio_grant_copy),
        .unmaps = CARVE(c, BLKBACK_UNMAP_BATCH, struct splitio_grant_unmap),
        .keep = {.pages = CARVE(c, cfg->max_persistent, struct kept_page),
                 .buckets = CARVE(c, nr_buckets(cfg), uint32_t),
                 .bucket_mask = nr_buckets(cfg) - 1},
    };

    for (uint32_t i = 0; i < nr_ios; i++)
        carve_io(c, cfg, c->base ? &parts.ios[i] : NULL);
    if (c->base)
        *q = parts;
}

static struct splitio_blkback_queue *
carve_queues(struct carver *c, const struct splitio_blkback_config *cfg)
{
    struct splitio_blkback_queue *queues =
        CARVE(c, cfg->max_queues, struct splitio_blkback_queue);

    for (unsigned i = 0; i < cfg->max_queues; i++)
        carve_queue(c, cfg, c->base ? &queues[i] : NULL);
    return queues;
}

static bool cfg_ok(const struct splitio_blkback_config *cfg)
{
    return cfg && cfg->port.ops && cfg->disk.ops && cfg->max_queues != 0 &&
           cfg->max_queues <= SPLITIO_BLKBACK_QUEUES_MAX &&
           cfg->max_ring_order <= SPLITIO_BLKBACK_ORDER_MAX &&
           cfg->max_indirect <= SPLITIO_BLKIF_MAX_INDIRECT_SEGMENTS &&
           (!cfg->store || cfg->dir);
}

size_t splitio_blkback_mem_bytes(const struct splitio_blkback_config *cfg)
{
    struct carver c = {NULL, 0};

    if (!cfg_ok(cfg))
        return 0;
    (void)carve_queues(&c, cfg);
    return c.used;
}

/* ---- beginning ---- */

/* What the disk can do, and the toolstack's keys do not take away. */
void splitio_blkback_set_offers(struct splitio_blkback *dev)
{
    uint32_t disk = dev->info.flags, flags = 0;

    if (dev->cfg.read_only || dev->key_read_only ||
        (disk & SPLITIO_DISK_READ_ONLY))
        flags |= SPLITIO_BLKIF_READ_ONLY;
    if (disk & SPLITIO_DISK_FLUSHES)
        flags |= SPLITIO_BLKIF_OFFERS_FLUSH | SPLITIO_BLKIF_OFFERS_BARRIER;
    if ((disk & SPLITIO_DISK_DISCARDS) && !dev->key_no_discard &&
        !(flags & SPLITIO_BLKIF_READ_ONLY)) {
        flags |= SPLITIO_BLKIF_OFFERS_DISCARD;
        if (disk & SPLITIO_DISK_DISCARDS_SECURELY)
            flags |= SPLITIO_BLKIF_OFFERS_SECURE;
    }
    dev->params.flags = flags;
}

static void set_size(struct splitio_blkback *dev)
{
    dev->params.nr_sectors =
        dev->info.nr_sectors & ~(uint64_t)dev->params.sector_mask;
}

int splitio_blkback_read_info(struct splitio_blkback *dev)
{
    struct splitio_disk_info *info = &dev->info;

    if (dev->cfg.disk.ops->info(dev->cfg.disk.ctx, info))
        return SPLITIO_EIO;
    if (!splitio_blkif_sector_size_ok(info->sector_size))
        return SPLITIO_EINVAL;
    dev->params.sector_mask = info->sector_size / 512 - 1;
    dev->params.shifts =
        splitio_blkif_shifts_of(dev->cfg.units, info->sector_size);
    dev->params.max_indirect = dev->cfg.max_indirect;
    dev->key_read_only = dev->key_no_discard = false;
    dev->key_disk = 0;
    splitio_blkback_set_offers(dev);
    set_size(dev);
    return 0;
}

int splitio_blkback_init(struct splitio_blkback *dev,
                         const struct splitio_blkback_config *cfg, void *mem,
                         size_t bytes)
{
    struct carver c = {mem, 0};
    int err;

    if (!cfg_ok(cfg) || !mem || ((uintptr_t)mem & SPLITIO_PAGE_MASK) != 0)
        return SPLITIO_EINVAL;
    if (bytes < splitio_blkback_mem_bytes(cfg))
        return SPLITIO_ENOMEM;
    __builtin_memset(dev, 0, sizeof(*dev));
    dev->cfg = *cfg;
    dev->nr_segs_max = nr_segs_max(cfg);
    err = splitio_blkback_read_info(dev);
    if (err)
        return err;
    dev->queues = carve_queues(&c, cfg);
    for (unsigned i = 0; i < cfg->max_queues; i++) {
        struct splitio_blkback_queue *q = &dev->queues[i];

        q->dev = dev;
        for (uint32_t j = 0; j < splitio_blkback_nr_ios(cfg); j++)
            splitio_blkback_io_init(&q->ios[j], q);
        splitio_blkback_queue_reset(q);
    }
    if (!cfg->store)
        return 0;
    err = splitio_xenbus_init(&dev->xb, SPLITIO_XENBUS_BACK, cfg->store,
                              cfg->dir, &splitio_blkback_xenbus_driver, dev);
    if (!err)
        splitio_xenbus_set_wake(&dev->xb, cfg->wake);
    return err;
}

/* ---- connecting ---- */

/* The host port's event handler: notes it and wakes the owner. */
static void on_event(void *arg)
{
    struct splitio_blkback_queue *q = arg;

    (void)splitio_xchg_u32(&q->kicked, 1);
    if (q->dev->cfg.wake.fn)
        q->dev->cfg.wake.fn(q->dev->cfg.wake.arg);
}

static int attach_ring(struct splitio_blkback_queue *q)
{
    uint32_t nr_pages = 1u << q->dev->peer.ring_order;

    if (q->dev->params.abi == SPLITIO_BLKIF_ABI_X86_32)
        return splitio_blkif_ring_x86_32_back_attach(&q->x86_32, q->ring_map.va,
                                                     nr_pages);
    return splitio_blkif_ring_x86_64_back_attach(&q->x86_64, q->ring_map.va,
                                                 nr_pages);
}

static int open_queue(struct splitio_blkback *dev, unsigned i)
{
    const struct splitio_host_port *port = &dev->cfg.port;
    const struct splitio_blkback_peer *peer = &dev->peer;
    struct splitio_blkback_queue *q = &dev->queues[i];
    struct splitio_event_handler handler = {on_event, q};
    int err;

    splitio_blkback_queue_reset(q);
    err = port->ops->map_ring(port->ctx, peer->domid, peer->queues[i].grefs,
                              1u << peer->ring_order, &q->ring_map);
    if (err)
        return err;
    err = attach_ring(q);
    if (!err)
        err =
            port->ops->event_bind(port->ctx, peer->domid,
                                  peer->queues[i].evtchn, handler, &q->evtchn);
    if (err) {
        port->ops->unmap_ring(port->ctx, &q->ring_map);
        return err;
    }
    dev->stats.nr_rings++;
    return 0;
}

static void close_queue(struct splitio_blkback *dev, unsigned i)
{
    const struct splitio_host_port *port = &dev->cfg.port;
    struct splitio_blkback_queue *q = &dev->queues[i];

    port->ops->event_close(port->ctx, q->evtchn);
    splitio_blkback_keep_drop_all(q);
    splitio_blkback_unmap_now(q);
    port->ops->unmap_ring(port->ctx, &q->ring_map);
    dev->stats.nr_rings--;
}

/* Open all queues of dev->peer, or none. */
int splitio_blkback_attach(struct splitio_blkback *dev)
{
    const struct splitio_blkback_peer *peer = &dev->peer;
    unsigned i;
    int err = 0;

    if (peer->nr_queues == 0 || peer->nr_queues > dev->cfg.max_queues ||
        peer->ring_order > dev->cfg.max_ring_order ||
        (unsigned)peer->abi > SPLITIO_BLKIF_ABI_X86_32)
        return SPLITIO_EINVAL;
    dev->params.abi = peer->abi;
    for (i = 0; i < peer->nr_queues && !err; i++)
        err = open_queue(dev, i);
    if (err) {
        while (i-- > 1)
            close_queue(dev, i - 1);
        return err;
    }
    dev->nr_queues = peer->nr_queues;
    dev->connected = true;
    dev->closing = false;
    return splitio_blkback_load(dev);
}

static int attach_or_nothing(struct splitio_blkback *dev)
{
    int err = splitio_blkback_attach(dev);

    if (err)
        (void)splitio_blkback_detach(dev);
    return err;
}

int splitio_blkback_connect(struct splitio_blkback *dev,
                            const struct splitio_blkback_peer *peer)
{
    if (dev->connected)
        return SPLITIO_EEXIST;
    if (dev->cfg.store)
        return SPLITIO_EINVAL;
    dev->peer = *peer;
    if (dev->cfg.max_persistent == 0)
        dev->peer.persistent = false;
    return attach_or_nothing(dev);
}

/* ---- working ---- */

int splitio_blkback_work(struct splitio_blkback *dev, unsigned budget)
{
    const struct splitio_disk *disk = &dev->cfg.disk;
    unsigned nr = 0;
    int done;

    if (!dev->connected)
        return 0;
    for (unsigned i = 0; i < dev->nr_queues; i++)
        nr += splitio_blkback_queue_take(&dev->queues[i], budget);
    if (dev->kick) {
        dev->kick = false;
        disk->ops->kick(disk->ctx);
    }
    done = dev->stats.nr_in_flight ? disk->ops->poll(disk->ctx, budget) : 0;
    for (unsigned i = 0; i < dev->nr_queues; i++)
        splitio_blkback_queue_publish(&dev->queues[i]);
    return (int)nr + (done > 0 ? done : 0);
}

int splitio_blkback_poll(struct splitio_blkback *dev, unsigned budget)
{
    int nr = splitio_blkback_work(dev, budget);

    if (dev->cfg.store)
        nr += splitio_xenbus_poll(&dev->xb);
    return nr;
}

/* ---- ending ---- */

/* Stop; 0 when nothing is held any more. */
int splitio_blkback_detach(struct splitio_blkback *dev)
{
    if (!dev->connected)
        return 0;
    dev->closing = true;
    for (unsigned i = 0; i < dev->nr_queues; i++)
        splitio_blkback_queue_drop_waiting(&dev->queues[i]);
    (void)splitio_blkback_work(dev, dev->nr_queues *
                                        splitio_blkback_nr_ios(&dev->cfg));
    for (unsigned i = 0; i < dev->nr_queues; i++)
        splitio_blkback_queue_drop_waiting(&dev->queues[i]);
    if (dev->stats.nr_in_flight)
        return SPLITIO_EAGAIN;
    for (unsigned i = 0; i < dev->nr_queues; i++)
        close_queue(dev, i);
    dev->nr_queues = 0;
    dev->connected = dev->closing = false;
    return 0;
}

int splitio_blkback_disconnect(struct splitio_blkback *dev)
{
    return dev->cfg.store ? SPLITIO_EINVAL : splitio_blkback_detach(dev);
}

int splitio_blkback_resized(struct splitio_blkback *dev)
{
    struct splitio_disk_info now;

    if (dev->cfg.disk.ops->info(dev->cfg.disk.ctx, &now))
        return SPLITIO_EIO;
    dev->info.nr_sectors = now.nr_sectors;
    set_size(dev);
    if (dev->cfg.store)
        splitio_xenbus_publish(&dev->xb);
    return 0;
}

void splitio_blkback_close(struct splitio_blkback *dev)
{
    if (dev->cfg.store)
        splitio_xenbus_close(&dev->xb);
}

bool splitio_blkback_is_closed(const struct splitio_blkback *dev)
{
    return dev->cfg.store ? splitio_xenbus_is_closed(&dev->xb)
                          : !dev->connected;
}

int splitio_blkback_fini(struct splitio_blkback *dev)
{
    return dev->cfg.store ? splitio_xenbus_fini(&dev->xb)
                          : splitio_blkback_detach(dev);
}
