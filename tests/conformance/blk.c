/* SPDX-License-Identifier: BSD-2-Clause */
/* Block: the table of features. */
#include "blk.h"

/* ---- switches ---- */

static void flush_front(struct rig *r, bool on)
{
    blk_of(r)->flushes = on;
}

static void barrier_front(struct rig *r, bool on)
{
    blk_of(r)->barriers = on;
}

static void layout_front(struct rig *r, bool on)
{
    blk_of(r)->front_cfg.abi =
        on ? SPLITIO_BLKIF_ABI_X86_32 : SPLITIO_BLKIF_ABI_X86_64;
}

static void cache_back(struct rig *r, bool on)
{
    if (on)
        blk_of(r)->disk.info.flags |= SPLITIO_DISK_FLUSHES;
}

static void discard_front(struct rig *r, bool on)
{
    blk_of(r)->discards = on;
}

static void discard_back(struct rig *r, bool on)
{
    if (on)
        blk_of(r)->disk.info.flags |= SPLITIO_DISK_DISCARDS;
}

static void secure_front(struct rig *r, bool on)
{
    blk_of(r)->secure = on;
}

static void secure_back(struct rig *r, bool on)
{
    if (on)
        blk_of(r)->disk.info.flags |= SPLITIO_DISK_DISCARDS_SECURELY;
}

static void discard_enable_back(struct rig *r, bool on)
{
    if (!on)
        r->back_keys[r->nr_back_keys++] =
            (struct splitio_toolstack_key){"discard-enable", "0"};
}

static void read_only_back(struct rig *r, bool on)
{
    r->back_keys[r->nr_back_keys++] =
        (struct splitio_toolstack_key){"mode", on ? "r" : "w"};
}

static void cdrom_back(struct rig *r, bool on)
{
    if (on)
        blk_of(r)->disk.info.flags |= SPLITIO_DISK_CDROM;
}

static void removable_back(struct rig *r, bool on)
{
    if (on)
        blk_of(r)->disk.info.flags |= SPLITIO_DISK_REMOVABLE;
}

static void sectors_back(struct rig *r, bool on)
{
    if (on)
        blk_of(r)->disk.info.sector_size = 4096;
}

static void persistent_front(struct rig *r, bool on)
{
    blk_of(r)->front_cfg.direct = !on;
}

static void persistent_back(struct rig *r, bool on)
{
    blk_of(r)->back_cfg.max_persistent = on ? 256 : 0;
}

static void indirect_front(struct rig *r, bool on)
{
    blk_of(r)->front_cfg.max_segs = on ? 64 : 11;
}

static void indirect_back(struct rig *r, bool on)
{
    blk_of(r)->back_cfg.max_indirect = on ? 64 : 0;
}

static void ring_front(struct rig *r, bool on)
{
    blk_of(r)->front_cfg.max_ring_order = on ? 1 : 0;
}

static void ring_back(struct rig *r, bool on)
{
    blk_of(r)->back_cfg.max_ring_order = on ? 2 : 0;
}

static void queues_front(struct rig *r, bool on)
{
    blk_of(r)->front_cfg.max_queues = on ? 3 : 1;
}

static void queues_back(struct rig *r, bool on)
{
    blk_of(r)->back_cfg.max_queues = on ? 2 : 1;
}

static void copies_back(struct rig *r, bool on)
{
    blk_of(r)->back_cfg.copy_pages = on ? 4 : 0;
}

static void trusted_front(struct rig *r, bool on)
{
    r->front_keys[r->nr_front_keys++] =
        (struct splitio_toolstack_key){"trusted", on ? "1" : "0"};
}

/* ---- uses ---- */

static uint64_t nr_ops(const struct rig *r, uint8_t op)
{
    return blk_seen(r)->ops[op];
}

static uint64_t flush_used(const struct rig *r)
{
    return nr_ops(r, SPLITIO_BLKIF_OP_FLUSH_DISKCACHE);
}

static uint64_t barrier_used(const struct rig *r)
{
    return nr_ops(r, SPLITIO_BLKIF_OP_WRITE_BARRIER);
}

static uint64_t layout_used(const struct rig *r)
{
    const struct blk_rig *b = (const struct blk_rig *)r;

    return b->back.peer.abi == SPLITIO_BLKIF_ABI_X86_32;
}

static uint64_t discard_used(const struct rig *r)
{
    return nr_ops(r, SPLITIO_BLKIF_OP_DISCARD);
}

static uint64_t secure_used(const struct rig *r)
{
    return blk_seen(r)->nr_secure;
}

static uint64_t indirect_used(const struct rig *r)
{
    return nr_ops(r, SPLITIO_BLKIF_OP_INDIRECT);
}

static uint64_t info_has(const struct rig *r, uint32_t flag)
{
    const struct blk_rig *b = (const struct blk_rig *)r;

    return splitio_blkfront_get_info(&b->front)->flags & flag;
}

static uint64_t read_only_used(const struct rig *r)
{
    return info_has(r, SPLITIO_BLKFRONT_READ_ONLY);
}

static uint64_t cdrom_used(const struct rig *r)
{
    return info_has(r, SPLITIO_BLKFRONT_CDROM);
}

static uint64_t removable_used(const struct rig *r)
{
    return info_has(r, SPLITIO_BLKFRONT_REMOVABLE);
}

static uint64_t sectors_used(const struct rig *r)
{
    const struct blk_rig *b = (const struct blk_rig *)r;

    return splitio_blkfront_get_info(&b->front)->sector_size == 4096;
}

static uint64_t persistent_used(const struct rig *r)
{
    const struct blk_rig *b = (const struct blk_rig *)r;

    return b->back.stats.nr_kept;
}

static uint64_t ring_used(const struct rig *r)
{
    return blk_seen(r)->ring_pages > 1;
}

static uint64_t queues_used(const struct rig *r)
{
    return blk_seen(r)->nr_used_rings > 1;
}

static uint64_t copies_used(const struct rig *r)
{
    const struct blk_rig *b = (const struct blk_rig *)r;

    return b->back.stats.nr_copied;
}

static uint64_t trusted_used(const struct rig *r)
{
    const struct blk_rig *b = (const struct blk_rig *)r;

    return !b->front.untrusted;
}

/* ---- the table ---- */

enum {
    READ_ONLY,
    DISCARD_ENABLE,
    CACHE,
    FLUSH,
    BARRIER,
    DISCARD,
    SECURE,
    PERSISTENT,
    INDIRECT,
    RING_PAGES,
    QUEUES,
    SECTORS,
    COPIES,
    CDROM,
    REMOVABLE,
    TRUSTED,
    LAYOUT,
};

static const struct feature features[] = {
    [READ_ONLY] = {.name = "read-only",
                   .sides = BACK,
                   .back = read_only_back,
                   .uses = {{BACK, read_only_used}}},
    [DISCARD_ENABLE] = {.name = "discard-enable",
                        .sides = BACK,
                        .back = discard_enable_back},
    [CACHE] = {.name = "cache",
               .sides = BACK,
               .back = cache_back,
               .back_key = {"feature-flush-cache", "1", NULL, BACK}},
    [FLUSH] = {.name = "flush",
               .sides = FRONT,
               .needs = BIT(CACHE),
               .front = flush_front,
               .uses = {{BOTH, flush_used}}},
    [BARRIER] = {.name = "barrier",
                 .sides = FRONT,
                 .needs = BIT(CACHE),
                 .excludes = BIT(READ_ONLY),
                 .front = barrier_front,
                 .uses = {{BOTH, barrier_used}}},
    [DISCARD] = {.name = "discard",
                 .sides = BOTH,
                 .needs = BIT(DISCARD_ENABLE),
                 .excludes = BIT(READ_ONLY),
                 .front = discard_front,
                 .back = discard_back,
                 .back_key = {"feature-discard", "1", NULL, BACK},
                 .uses = {{BOTH, discard_used}}},
    [SECURE] = {.name = "secure discard",
                .sides = BOTH,
                .needs = BIT(DISCARD),
                .front = secure_front,
                .back = secure_back,
                .back_key = {"discard-secure", "1", NULL, BACK},
                .uses = {{BOTH, secure_used}}},
    [PERSISTENT] = {.name = "persistent grants",
                    .sides = BOTH,
                    .front = persistent_front,
                    .back = persistent_back,
                    .front_key = {"feature-persistent", "1", "0", FRONT},
                    .back_key = {"feature-persistent", "1", "0", BACK},
                    .uses = {{BOTH, persistent_used}}},
    [INDIRECT] = {.name = "indirect segments",
                  .sides = BOTH,
                  .front = indirect_front,
                  .back = indirect_back,
                  .back_key = {"feature-max-indirect-segments", "64", NULL,
                               BACK},
                  .uses = {{BOTH, indirect_used}}},
    [RING_PAGES] = {.name = "ring of 2 pages",
                    .sides = BOTH,
                    .front = ring_front,
                    .back = ring_back,
                    .front_key = {"ring-page-order", "1", NULL, BOTH},
                    .back_key = {"max-ring-page-order", "2", "0", BACK},
                    .uses = {{BOTH, ring_used}}},
    [QUEUES] = {.name = "2 queues",
                .sides = BOTH,
                .front = queues_front,
                .back = queues_back,
                .front_key = {"multi-queue-num-queues", "2", "?", BOTH},
                .back_key = {"multi-queue-max-queues", "2", "1", BACK},
                .uses = {{BOTH, queues_used}}},
    [SECTORS] = {.name = "sectors of 4096",
                 .sides = BACK,
                 .back = sectors_back,
                 .back_key = {"sector-size", "4096", "512", BACK},
                 .uses = {{BACK, sectors_used}}},
    [COPIES] = {.name = "copying",
                .sides = BACK,
                .excludes = BIT(PERSISTENT),
                .back = copies_back,
                .uses = {{BOTH, copies_used}}},
    [CDROM] = {.name = "CD-ROM",
               .sides = BACK,
               .back = cdrom_back,
               .uses = {{BACK, cdrom_used}}},
    [REMOVABLE] = {.name = "removable",
                   .sides = BACK,
                   .back = removable_back,
                   .uses = {{BACK, removable_used}}},
    [TRUSTED] = {.name = "trusted back",
                 .sides = FRONT,
                 .front = trusted_front,
                 .uses = {{FRONT, trusted_used}}},
    [LAYOUT] = {.name = "32-bit layout",
                .sides = FRONT,
                .front = layout_front,
                .front_key = {"protocol", "x86_32-abi", "?", FRONT},
                .uses = {{FRONT, layout_used}}},
};

const struct protocol blk_protocol = {
    .name = "block",
    .kind = "vbd",
    .features = features,
    .nr_features = SPLITIO_ARRAY_LEN(features),
    .rig_bytes = sizeof(struct blk_rig),
    .configure = blk_configure,
    .front_new = blk_front_new,
    .back_new = blk_back_new,
    .front_poll = blk_front_poll,
    .back_poll = blk_back_poll,
    .look = blk_look,
    .is_up = blk_is_up,
    .traffic = blk_traffic,
    .front_close = blk_front_close,
    .front_reopen = blk_front_reopen,
    .front_is_closed = blk_front_is_closed,
    .front_fini = blk_front_fini,
    .back_fini = blk_back_fini,
    .is_clean = blk_is_clean,
    .free_memory = blk_free_memory,
};
