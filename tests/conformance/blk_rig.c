/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a block device, and a look at its rings. */
#include "blk.h"

#include <stdlib.h>
#include <string.h>

void blk_configure(struct rig *r)
{
    struct blk_rig *b = blk_of(r);

    b->front_cfg = (struct splitio_blkfront_config){
        .port = r->w->guest,
        .store = r->w->front_store,
        .dir = r->front_dir,
        .max_queues = 1,
        .max_segs = 11,
        .pool_pages = 72,
    };
    b->back_cfg = (struct splitio_blkback_config){
        .port = host_spy_port(&r->spy, r->w->host),
        .store = r->w->back_store,
        .dir = r->back_dir,
        .max_queues = 1,
    };
    blk_disk_init(&b->disk, BLK_SECTORS, 512);
    b->disk.info.flags = 0;
    for (size_t i = 0; i < BLK_SECTORS * 512u; i++)
        b->disk.bytes[i] = (uint8_t)(i * 7 + (i >> 9));
}

static void *memory(size_t bytes)
{
    return bytes ? aligned_alloc(4096, (bytes + 4095) / 4096 * 4096) : NULL;
}

bool blk_front_new(struct rig *r)
{
    struct blk_rig *b = blk_of(r);
    size_t bytes = splitio_blkfront_mem_bytes(&b->front_cfg);

    b->front_mem = memory(bytes);
    r->front_xb = &b->front.xb;
    return b->front_mem && splitio_blkfront_init(&b->front, &b->front_cfg,
                                                 b->front_mem, bytes) == 0;
}

bool blk_back_new(struct rig *r)
{
    struct blk_rig *b = blk_of(r);
    size_t bytes;

    b->back_cfg.disk = blk_disk_disk(&b->disk);
    bytes = splitio_blkback_mem_bytes(&b->back_cfg);
    b->back_mem = memory(bytes);
    r->back_xb = &b->back.xb;
    return b->back_mem && splitio_blkback_init(&b->back, &b->back_cfg,
                                               b->back_mem, bytes) == 0;
}

int blk_front_poll(struct rig *r)
{
    return splitio_blkfront_poll(&blk_of(r)->front, 16);
}

int blk_back_poll(struct rig *r)
{
    return splitio_blkback_poll(&blk_of(r)->back, 16);
}

bool blk_is_up(const struct rig *r)
{
    const struct blk_rig *b = (const struct blk_rig *)r;

    return r->have_front && r->have_back && splitio_blkfront_is_up(&b->front) &&
           splitio_xenbus_is_linked(&b->back.xb);
}

void blk_front_close(struct rig *r)
{
    splitio_blkfront_close(&blk_of(r)->front);
}

void blk_front_reopen(struct rig *r)
{
    splitio_blkfront_reopen(&blk_of(r)->front);
}

bool blk_front_is_closed(const struct rig *r)
{
    return splitio_blkfront_is_closed(&((const struct blk_rig *)r)->front);
}

int blk_front_fini(struct rig *r)
{
    return splitio_blkfront_fini(&blk_of(r)->front);
}

int blk_back_fini(struct rig *r)
{
    return splitio_blkback_fini(&blk_of(r)->back);
}

bool blk_is_clean(const struct rig *r)
{
    const struct blk_rig *b = (const struct blk_rig *)r;
    const struct splitio_blkfront_stats *f = &b->front.stats;
    const struct splitio_blkback_stats *k = &b->back.stats;

    return f->nr_in_flight + f->nr_replays + f->nr_grants + f->nr_pages +
                   f->nr_rings ==
               0 &&
           k->nr_in_flight + k->nr_mapped + k->nr_kept + k->nr_rings == 0 &&
           k->nr_unmap_errors == 0 && f->nr_lost_pages == 0;
}

void blk_free_memory(struct rig *r)
{
    struct blk_rig *b = blk_of(r);

    blk_disk_fini(&b->disk);
    free(b->front_mem);
    free(b->back_mem);
}

/* ---- the rings ---- */

static void see_request(struct blk_seen *seen, const uint8_t *slot)
{
    struct splitio_blkif_discard_x86_64 req;

    memcpy(&req, slot, sizeof(req));
    seen->ops[req.operation]++;
    if (req.operation == SPLITIO_BLKIF_OP_DISCARD &&
        (req.flag & SPLITIO_BLKIF_DISCARD_SECURE))
        seen->nr_secure++;
}

static void see_ring(struct blk_seen *seen, unsigned i, uint64_t number,
                     const struct splitio_ring_map *map, size_t slot_bytes)
{
    const struct splitio_sring *sring = map->va;
    uint32_t nr_slots = splitio_ring_nr_slots(map->nr_pages, slot_bytes);
    uint32_t prod = splitio_read_once_le32(&sring->req_prod);

    if (seen->rings[i].number != number) {
        seen->rings[i].number = number;
        seen->rings[i].req_prod = 0;
        seen->rings[i].used = false;
    }
    if (map->nr_pages > seen->ring_pages)
        seen->ring_pages = map->nr_pages;
    if (prod != 0 && !seen->rings[i].used) {
        seen->rings[i].used = true;
        seen->nr_used_rings++;
    }
    for (; seen->rings[i].req_prod != prod; seen->rings[i].req_prod++)
        see_request(seen, (const uint8_t *)(sring + 1) +
                              (seen->rings[i].req_prod & (nr_slots - 1)) *
                                  slot_bytes);
}

void blk_look(struct rig *r)
{
    struct blk_rig *b = blk_of(r);
    size_t slot_bytes = b->back.peer.abi == SPLITIO_BLKIF_ABI_X86_32
                            ? splitio_blkif_ring_x86_32_slot_bytes
                            : splitio_blkif_ring_x86_64_slot_bytes;

    for (unsigned i = 0; i < r->spy.nr_rings; i++)
        see_ring(&b->seen, i, r->spy.ring_numbers[i], r->spy.rings[i],
                 slot_bytes);
}
