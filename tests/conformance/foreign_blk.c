/* SPDX-License-Identifier: BSD-2-Clause */
#include "blk.h"
#include "foreign.h"

#include <stdio.h>
#include <string.h>

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void cut(struct rig *r, enum side side)
{
    if (side == FRONT)
        blk_of(r)->front_cfg.store = NULL;
    else
        blk_of(r)->back_cfg.store = NULL;
}

static bool front_is_up(const struct rig *r)
{
    return splitio_blkfront_is_up(&((const struct blk_rig *)r)->front);
}

/* ---- front ---- */

static void write_queue(struct rig *r, const char *prefix, uint32_t order,
                        const splitio_gref_t *grefs, uint32_t evtchn)
{
    char key[24];

    foreign_write(r, FRONT, prefix, "event-channel", evtchn);
    if (order == 0)
        foreign_write(r, FRONT, prefix, "ring-ref", grefs[0]);
    for (unsigned i = 0; order != 0 && i < 1u << order; i++) {
        snprintf(key, sizeof(key), "ring-ref%u", i);
        foreign_write(r, FRONT, prefix, key, grefs[i]);
    }
}

static bool front_offer(struct rig *r, const struct foreign *f)
{
    struct blk_rig *b = blk_of(r);
    static struct splitio_blkfront_rings rings;
    uint32_t nr =
        min_u32(b->front_cfg.max_queues,
                foreign_number(r, BACK, "", "multi-queue-max-queues", 1));
    uint32_t order =
        min_u32(b->front_cfg.max_ring_order,
                foreign_number(r, BACK, "", "max-ring-page-order", 0));
    int err = splitio_blkfront_offer(&b->front, 0, nr, order, &rings);

    if (err)
        return rig_fail(r, "the foreign front cannot offer: %d", err);
    if (nr > 1 || (f->ways & SAYS_ONE))
        foreign_write(r, FRONT, "", "multi-queue-num-queues", nr);
    if (order != 0)
        foreign_write(r, FRONT, "", "ring-page-order", order);
    if (order != 0 && (f->ways & SAYS_PAGES))
        foreign_write(r, FRONT, "", "num-ring-pages", 1u << order);
    for (unsigned i = 0; i < nr; i++)
        write_queue(r, foreign_prefix(i, nr), order, rings.queues[i].grefs,
                    rings.queues[i].evtchn);
    return true;
}

/* What all of them must find: sectors, info, sector-size. */
static bool front_start(struct rig *r, const struct foreign *f)
{
    struct blk_rig *b = blk_of(r);
    struct splitio_blkfront_info info = {
        .nr_sectors = foreign_number(r, BACK, "", "sectors", 0),
        .sector_size = foreign_number(r, BACK, "", "sector-size", 0),
        .max_indirect =
            foreign_number(r, BACK, "", "feature-max-indirect-segments", 0),
    };
    uint32_t vdisk = foreign_number(r, BACK, "", "info", UINT32_MAX);
    int err;

    (void)f;
    if (info.nr_sectors != BLK_SECTORS || vdisk == UINT32_MAX)
        return rig_fail(r, "sectors or info is not there");
    if (foreign_number(r, BACK, "", "feature-flush-cache", 0))
        info.flags |= SPLITIO_BLKFRONT_FLUSHES;
    if (foreign_number(r, BACK, "", "feature-discard", 0))
        info.flags |= SPLITIO_BLKFRONT_DISCARDS;
    if (foreign_number(r, BACK, "", "discard-secure", 0))
        info.flags |= SPLITIO_BLKFRONT_SECURE;
    if (foreign_number(r, BACK, "", "feature-persistent", 0) &&
        !b->front_cfg.direct)
        info.flags |= SPLITIO_BLKFRONT_PERSISTENT;
    if (vdisk & SPLITIO_BLKIF_VDISK_READONLY)
        info.flags |= SPLITIO_BLKFRONT_READ_ONLY;
    err = splitio_blkfront_start(&b->front, &info);
    return err == 0 || rig_fail(r, "the foreign front cannot start: %d", err);
}

static void front_stop(struct rig *r)
{
    splitio_blkfront_stop(&blk_of(r)->front);
}

/* ---- back ---- */

static bool read_queue(struct rig *r, struct splitio_blkback_peer *peer,
                       unsigned queue)
{
    const char *prefix = foreign_prefix(queue, peer->nr_queues);
    splitio_gref_t *grefs = peer->queues[queue].grefs;
    char key[24];

    peer->queues[queue].evtchn =
        foreign_number(r, FRONT, prefix, "event-channel", 0);
    if (peer->ring_order == 0)
        grefs[0] =
            foreign_number(r, FRONT, prefix, "ring-ref", SPLITIO_GREF_NONE);
    for (unsigned i = 0; peer->ring_order && i < 1u << peer->ring_order; i++) {
        snprintf(key, sizeof(key), "ring-ref%u", i);
        grefs[i] = foreign_number(r, FRONT, prefix, key, SPLITIO_GREF_NONE);
        if (grefs[i] == SPLITIO_GREF_NONE)
            return rig_fail(r, "the front's %s%s is not there", prefix, key);
    }
    if (peer->queues[queue].evtchn == 0 || grefs[0] == SPLITIO_GREF_NONE)
        return rig_fail(r, "the front's ring or channel is not there");
    return true;
}

static bool back_attach(struct rig *r, const struct foreign *f)
{
    struct blk_rig *b = blk_of(r);
    struct splitio_blkback_peer peer = {.domid = WORLD_GUEST};
    uint32_t pages = foreign_number(r, FRONT, "", "num-ring-pages", 1);
    char protocol[16];
    int err;

    if (world_read(r->w, r->front_dir, "protocol", protocol,
                   sizeof(protocol)) &&
        strcmp(protocol, SPLITIO_BLKIF_PROTOCOL_X86_32) == 0)
        peer.abi = SPLITIO_BLKIF_ABI_X86_32;
    peer.nr_queues = foreign_number(r, FRONT, "", "multi-queue-num-queues", 1);
    peer.ring_order = foreign_number(r, FRONT, "", "ring-page-order", 0);
    if (f->ways & READS_PAGES)
        peer.ring_order = (uint32_t)__builtin_ctz(pages);
    peer.persistent = foreign_number(r, FRONT, "", "feature-persistent", 0) &&
                      b->back_cfg.max_persistent != 0;
    for (unsigned i = 0; i < peer.nr_queues; i++)
        if (!read_queue(r, &peer, i))
            return false;
    err = splitio_blkback_connect(&b->back, &peer);
    return err == 0 || rig_fail(r, "the foreign back cannot connect: %d", err);
}

static bool back_detach(struct rig *r)
{
    struct blk_rig *b = blk_of(r);

    for (unsigned i = 0; i < 1000; i++)
        if (splitio_blkback_disconnect(&b->back) != SPLITIO_EAGAIN)
            return true;
    return rig_fail(r, "the foreign back cannot disconnect");
}

const struct foreign_ops blk_foreign = {
    .front_offer = front_offer,
    .front_start = front_start,
    .front_stop = front_stop,
    .back_attach = back_attach,
    .back_detach = back_detach,
    .cut = cut,
    .front_is_up = front_is_up,
};
