/* SPDX-License-Identifier: BSD-2-Clause */
/* The block back's memory. What is not used is not touched: a device that is
 * idle, or whose front has few queues, takes few pages of what it could. */
#include "blkback_impl.h"

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

uint32_t splitio_blkback_nr_segs_max(const struct splitio_blkback_config *cfg)
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

static size_t io_align(const struct splitio_blkback_config *cfg)
{
    return cfg->copy_pages ? SPLITIO_PAGE_SIZE : SPLITIO_CACHE_LINE;
}

/* What one io has beside it. */
static void carve_io(struct carver *c, const struct splitio_blkback_config *cfg,
                     struct blkback_io *io)
{
    uint32_t segs = splitio_blkback_nr_segs_max(cfg);

    io->bounce = carve(c, cfg->copy_pages, SPLITIO_PAGE_SIZE, 1);
    io->iov = CARVE(c, segs, struct splitio_iovec);
    io->holds = CARVE(c, segs, uint32_t);
    io->segs = CARVE(c, segs, struct splitio_blkif_segment);
}

static size_t io_bytes(const struct splitio_blkback_config *cfg)
{
    struct carver c = {NULL, 0};
    struct blkback_io io;

    carve_io(&c, cfg, &io);
    return (c.used + io_align(cfg) - 1) / io_align(cfg) * io_align(cfg);
}

void splitio_blkback_carve_io(struct splitio_blkback_queue *q, uint32_t i)
{
    const struct splitio_blkback_config *cfg = &q->dev->cfg;
    struct carver c = {q->parts + i * io_bytes(cfg), 0};

    carve_io(&c, cfg, &q->ios[i]);
}

static void carve_queue(struct carver *c,
                        const struct splitio_blkback_config *cfg,
                        struct splitio_blkback_queue *q)
{
    uint32_t segs = splitio_blkback_nr_segs_max(cfg),
             copied = cfg->copy_pages * 8u;
    uint32_t nr_copies = copied < segs ? copied : segs;
    uint32_t nr_ios = splitio_blkback_nr_ios(cfg);
    struct splitio_blkback_queue parts = {
        .ios = CARVE(c, nr_ios, struct blkback_io),
        .parts = carve(c, nr_ios, io_bytes(cfg), io_align(cfg)),
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

void splitio_blkback_carve(struct splitio_blkback *dev, void *mem)
{
    struct carver c = {mem, 0};

    dev->queues = carve_queues(&c, &dev->cfg);
}
