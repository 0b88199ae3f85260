/* SPDX-License-Identifier: BSD-2-Clause */
/* The block back's life cycle. */
#include "blkback_journal.h"

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
    size_t needed = splitio_blkback_mem_bytes(cfg);
    int err;

    if (needed == 0 || !mem || ((uintptr_t)mem & SPLITIO_PAGE_MASK) != 0)
        return SPLITIO_EINVAL;
    if (bytes < needed ||
        (cfg->journal &&
         cfg->journal_bytes < splitio_blkback_journal_bytes(cfg)))
        return SPLITIO_ENOMEM;
    __builtin_memset(dev, 0, sizeof(*dev));
    dev->cfg = *cfg;
    dev->nr_segs_max = splitio_blkback_nr_segs_max(cfg);
    dev->died = splitio_blkback_journal_is_left(dev);
    err = splitio_blkback_read_info(dev);
    if (err)
        return err;
    splitio_blkback_carve(dev, mem);
    for (unsigned i = 0; i < cfg->max_queues; i++) {
        dev->queues[i].dev = dev;
        splitio_blkback_queue_reset(&dev->queues[i]);
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
    if (!dev->died)
        splitio_blkback_journal_begin(dev);
    err = splitio_blkback_load(dev);
    if (!err)
        splitio_blkback_journal_confirm(dev);
    return err;
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
    if (dev->died && !splitio_blkback_is_saved_peer(dev))
        splitio_blkback_drop_saved(dev);
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
    splitio_blkback_journal_end(dev);
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
