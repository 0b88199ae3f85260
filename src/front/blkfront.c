/* SPDX-License-Identifier: BSD-2-Clause */
/* The block front's life cycle. */
#include "blkfront_impl.h"

/* ---- memory ---- */

/* Hands out pieces of the caller's memory; without a base it only counts. */
struct carver {
    uint8_t *base;
    size_t used;
};

static void *carve(struct carver *c, size_t nr, size_t bytes)
{
    size_t at = (c->used + SPLITIO_CACHE_LINE - 1) / SPLITIO_CACHE_LINE *
                SPLITIO_CACHE_LINE;

    c->used = at + nr * bytes;
    return c->base ? c->base + at : NULL;
}

#define CARVE(c, nr, type) ((type *)carve(c, nr, sizeof(type)))

/* One more than the ring has slots: a request that must be cut in two when it
 * is sent again needs one. */
static uint32_t nr_shadows(const struct splitio_blkfront_config *cfg)
{
    return splitio_ring_nr_slots(1u << cfg->max_ring_order,
                                 splitio_blkif_ring_x86_64_slot_bytes) +
           1;
}

static void carve_queue(struct carver *c,
                        const struct splitio_blkfront_config *cfg,
                        struct splitio_blkfront_queue *q)
{
    uint32_t shadows = nr_shadows(cfg);
    struct splitio_blkfront_queue parts = {
        .shadows = CARVE(c, shadows, struct shadow),
        .nr_shadows = shadows,
        .pool = CARVE(c, cfg->pool_pages, struct pool_page),
        .free_pages = CARVE(c, cfg->pool_pages, uint32_t),
    };

    for (uint32_t i = 0; i < shadows; i++) {
        struct front_seg *segs = CARVE(c, cfg->max_segs, struct front_seg);

        if (c->base)
            parts.shadows[i] = (struct shadow){.segs = segs, .list_page = NONE};
    }
    for (uint32_t i = 0; c->base && i < cfg->pool_pages; i++)
        parts.pool[i] = (struct pool_page){NULL, SPLITIO_GREF_NONE};
    if (c->base)
        *q = parts;
}

static struct splitio_blkfront_queue *
carve_queues(struct carver *c, const struct splitio_blkfront_config *cfg)
{
    struct splitio_blkfront_queue *queues =
        CARVE(c, cfg->max_queues, struct splitio_blkfront_queue);

    for (unsigned i = 0; i < cfg->max_queues; i++)
        carve_queue(c, cfg, c->base ? &queues[i] : NULL);
    return queues;
}

static bool cfg_ok(const struct splitio_blkfront_config *cfg)
{
    return cfg && cfg->port.ops && cfg->max_queues != 0 &&
           cfg->max_queues <= SPLITIO_BLKFRONT_QUEUES_MAX &&
           cfg->max_ring_order <= 4 &&
           cfg->max_segs >= SPLITIO_BLKIF_MAX_SEGMENTS &&
           cfg->max_segs <= SPLITIO_BLKFRONT_SEGS_MAX && cfg->pool_pages >= 2 &&
           (unsigned)cfg->abi <= SPLITIO_BLKIF_ABI_X86_32 &&
           (!cfg->store || cfg->dir);
}

size_t splitio_blkfront_mem_bytes(const struct splitio_blkfront_config *cfg)
{
    struct carver c = {NULL, 0};

    if (!cfg_ok(cfg))
        return 0;
    (void)carve_queues(&c, cfg);
    return c.used;
}

int splitio_blkfront_init(struct splitio_blkfront *dev,
                          const struct splitio_blkfront_config *cfg, void *mem,
                          size_t bytes)
{
    struct carver c = {mem, 0};

    if (!cfg_ok(cfg) || !mem || (uintptr_t)mem % SPLITIO_CACHE_LINE != 0)
        return SPLITIO_EINVAL;
    if (bytes < splitio_blkfront_mem_bytes(cfg))
        return SPLITIO_ENOMEM;
    __builtin_memset(dev, 0, sizeof(*dev));
    dev->cfg = *cfg;
    dev->queues = carve_queues(&c, cfg);
    for (unsigned i = 0; i < cfg->max_queues; i++) {
        dev->queues[i].dev = dev;
        splitio_blkfront_queue_reset(&dev->queues[i]);
    }
    if (!cfg->store)
        return 0;
    return splitio_xenbus_init(&dev->xb, SPLITIO_XENBUS_FRONT, cfg->store,
                               cfg->dir, &splitio_blkfront_xenbus_driver, dev);
}

/* ---- rings ---- */

static void on_event(void *arg)
{
    struct splitio_blkfront_queue *q = arg;

    (void)splitio_xchg_u32(&q->kicked, 1);
    if (q->dev->cfg.wake.fn)
        q->dev->cfg.wake.fn(q->dev->cfg.wake.arg);
}

/* Take back and free the first @nr pages of a ring. A page that the back keeps
 * is the port's. */
static void free_ring(struct splitio_blkfront_queue *q, unsigned nr_granted)
{
    struct splitio_blkfront *dev = q->dev;
    const struct splitio_guest_port *port = &dev->cfg.port;
    unsigned nr_pages = 1u << dev->ring_order;

    for (unsigned i = 0; i < nr_pages; i++) {
        uint8_t *page = (uint8_t *)q->ring_pages + i * SPLITIO_PAGE_SIZE;

        if (i >= nr_granted ||
            splitio_blkfront_revoke(dev, q->ring_grefs[i]) == 0)
            port->ops->pages_free(port->ctx, page, 1);
    }
    dev->stats.nr_pages -= nr_pages;
    q->ring_pages = NULL;
}

static int make_ring(struct splitio_blkfront_queue *q)
{
    struct splitio_blkfront *dev = q->dev;
    const struct splitio_guest_port *port = &dev->cfg.port;
    unsigned nr_pages = 1u << dev->ring_order;

    q->ring_pages = port->ops->pages_alloc(port->ctx, nr_pages);
    if (!q->ring_pages)
        return SPLITIO_ENOMEM;
    dev->stats.nr_pages += nr_pages;
    if (dev->cfg.abi == SPLITIO_BLKIF_ABI_X86_32)
        (void)splitio_blkif_ring_x86_32_front_init(&q->x86_32, q->ring_pages,
                                                   nr_pages);
    else
        (void)splitio_blkif_ring_x86_64_front_init(&q->x86_64, q->ring_pages,
                                                   nr_pages);
    for (unsigned i = 0; i < nr_pages; i++) {
        const uint8_t *page = (uint8_t *)q->ring_pages + i * SPLITIO_PAGE_SIZE;
        int err = splitio_blkfront_grant(dev, page, false, &q->ring_grefs[i]);

        if (err) {
            free_ring(q, i);
            return err;
        }
    }
    return 0;
}

/* At least one page of the pool must be lent, or nothing may ever move. */
static int reserve_page(struct splitio_blkfront_queue *q)
{
    uint32_t page = splitio_blkfront_pool_get(q);

    if (page == NONE)
        return SPLITIO_ENOSPC;
    splitio_blkfront_pool_put(q, page);
    return 0;
}

static int open_queue(struct splitio_blkfront_queue *q)
{
    struct splitio_blkfront *dev = q->dev;
    const struct splitio_guest_port *port = &dev->cfg.port;
    struct splitio_event_handler handler = {on_event, q};
    int err = splitio_blkfront_pool_fill(q);

    if (!err)
        err = reserve_page(q);
    if (!err)
        err = make_ring(q);
    if (err)
        return err;
    q->armed = q->masked = false;
    q->kicked = 0;
    err =
        port->ops->event_open(port->ctx, dev->back_domid, handler, &q->evtchn);
    if (err) {
        free_ring(q, 1u << dev->ring_order);
        return err;
    }
    dev->stats.nr_rings++;
    return 0;
}

static void close_queue(struct splitio_blkfront_queue *q)
{
    const struct splitio_guest_port *port = &q->dev->cfg.port;

    port->ops->event_close(port->ctx, q->evtchn);
    splitio_blkfront_queue_to_replays(q);
    free_ring(q, 1u << q->dev->ring_order);
    q->dev->stats.nr_rings--;
}

int splitio_blkfront_open_rings(struct splitio_blkfront *dev,
                                splitio_domid_t back, uint32_t nr_queues,
                                uint32_t ring_order)
{
    unsigned i;
    int err = 0;

    if (dev->have_domid && dev->back_domid != back)
        for (i = 0; i < dev->cfg.max_queues; i++)
            splitio_blkfront_pool_revoke(&dev->queues[i], true);
    dev->back_domid = back;
    dev->have_domid = true;
    dev->nr_queues = nr_queues;
    dev->ring_order = ring_order;
    for (i = 0; i < nr_queues && !err; i++)
        err = open_queue(&dev->queues[i]);
    if (err) {
        while (i-- > 1)
            close_queue(&dev->queues[i - 1]);
        return err;
    }
    dev->rings = true;
    dev->broken = false;
    return 0;
}

/* The queue through which what is left on queue @i goes: this connection may
 * have fewer queues than the one before. */
static struct splitio_blkfront_queue *heir(struct splitio_blkfront *dev,
                                           uint32_t i)
{
    return &dev->queues[i % dev->nr_queues];
}

static void pump(struct splitio_blkfront *dev)
{
    for (uint32_t i = 0; i < dev->cfg.max_queues; i++)
        splitio_blkfront_queue_pump(heir(dev, i), &dev->queues[i]);
}

static void adopt_waiting(struct splitio_blkfront *dev)
{
    for (uint32_t i = dev->nr_queues; i < dev->cfg.max_queues; i++)
        while (dev->queues[i].waiting) {
            struct splitio_blk_io *io = dev->queues[i].waiting;

            dev->queues[i].waiting = io->next;
            splitio_blkfront_queue_wait(heir(dev, i), io);
        }
}

int splitio_blkfront_go(struct splitio_blkfront *dev)
{
    const struct splitio_blkfront_info *info = &dev->info;

    if (!splitio_blkif_sector_size_ok(info->sector_size))
        return SPLITIO_EINVAL;
    dev->shifts = splitio_blkif_shifts_of(dev->cfg.units, info->sector_size);
    if (info->nr_sectors > UINT64_MAX / 512)
        return SPLITIO_EINVAL;
    dev->connected = true;
    adopt_waiting(dev);
    pump(dev);
    splitio_blkfront_kick(dev);
    return 0;
}

void splitio_blkfront_close_rings(struct splitio_blkfront *dev)
{
    if (!dev->rings)
        return;
    dev->connected = dev->rings = false;
    for (unsigned i = 0; i < dev->nr_queues; i++)
        close_queue(&dev->queues[i]);
}

int splitio_blkfront_offer(struct splitio_blkfront *dev, splitio_domid_t back,
                           uint32_t nr_queues, uint32_t ring_order,
                           struct splitio_blkfront_rings *rings)
{
    int err;

    if (dev->rings)
        return SPLITIO_EEXIST;
    if (dev->cfg.store || nr_queues == 0 || nr_queues > dev->cfg.max_queues ||
        ring_order > dev->cfg.max_ring_order)
        return SPLITIO_EINVAL;
    err = splitio_blkfront_open_rings(dev, back, nr_queues, ring_order);
    if (err)
        return err;
    __builtin_memset(rings, 0, sizeof(*rings));
    rings->nr_queues = nr_queues;
    rings->ring_order = ring_order;
    rings->persistent = !dev->cfg.direct;
    for (unsigned i = 0; i < nr_queues; i++) {
        __builtin_memcpy(rings->queues[i].grefs, dev->queues[i].ring_grefs,
                         sizeof(rings->queues[i].grefs));
        rings->queues[i].evtchn = dev->queues[i].evtchn;
    }
    return 0;
}

int splitio_blkfront_start(struct splitio_blkfront *dev,
                           const struct splitio_blkfront_info *info)
{
    if (dev->cfg.store || !dev->rings || dev->connected)
        return SPLITIO_EINVAL;
    dev->info = *info;
    return splitio_blkfront_go(dev);
}

void splitio_blkfront_stop(struct splitio_blkfront *dev)
{
    if (!dev->cfg.store)
        splitio_blkfront_close_rings(dev);
}

/* ---- working ---- */

void splitio_blkfront_kick(struct splitio_blkfront *dev)
{
    for (unsigned i = 0; dev->connected && i < dev->nr_queues; i++)
        splitio_blkfront_queue_publish(&dev->queues[i]);
}

static int work(struct splitio_blkfront *dev, unsigned budget)
{
    unsigned nr = 0;

    for (unsigned i = 0; i < dev->nr_queues; i++)
        nr += splitio_blkfront_queue_take(&dev->queues[i], budget);
    if (!dev->broken) {
        pump(dev);
        splitio_blkfront_kick(dev);
    }
    return (int)nr;
}

static void end_all(struct splitio_blkfront *dev, int status)
{
    for (unsigned i = 0; i < dev->cfg.max_queues; i++)
        splitio_blkfront_queue_end_all(&dev->queues[i], status);
}

int splitio_blkfront_poll(struct splitio_blkfront *dev, unsigned budget)
{
    int nr = dev->connected ? work(dev, budget) : 0;

    if (!dev->cfg.store)
        return nr;
    nr += splitio_xenbus_poll(&dev->xb);
    if (splitio_xenbus_is_closed(&dev->xb))
        end_all(dev, SPLITIO_ECLOSED);
    return nr;
}

/* ---- ending ---- */

int splitio_blkfront_fini(struct splitio_blkfront *dev)
{
    int err;

    dev->closing = true;
    if (dev->cfg.store) {
        err = splitio_xenbus_fini(&dev->xb);
        if (err)
            return err;
    }
    splitio_blkfront_close_rings(dev);
    end_all(dev, SPLITIO_ECLOSED);
    for (unsigned i = 0; i < dev->cfg.max_queues; i++)
        splitio_blkfront_pool_empty(&dev->queues[i]);
    return 0;
}
