/* SPDX-License-Identifier: BSD-2-Clause */
/* Block requests: from the copy of a slot to a checked request. */
#include <splitio/proto/blkif.h>

/* What all requests have at the same place within their layout. */
struct head {
    uint8_t byte1; /* nr_segments, flag or indirect_op */
    uint16_t nr_indirect;
    const uint32_t *indirect_grefs;
    const struct splitio_blkif_segment *segs;
    uint64_t discard_sectors;
};

static uint64_t from_words(const uint32_t words[2])
{
    uint64_t v;

    __builtin_memcpy(&v, words, sizeof(v));
    return v;
}

static void head_x86_64(const union splitio_blkif_slot *slot, struct head *h,
                        struct splitio_blk_request *req)
{
    req->op = slot->x86_64.operation;
    req->id = slot->x86_64.id;
    req->sector = slot->x86_64.sector_number;
    h->byte1 = slot->x86_64.nr_segments;
    h->nr_indirect = slot->indirect_x86_64.nr_segments;
    h->indirect_grefs = slot->indirect_x86_64.indirect_grefs;
    h->segs = slot->x86_64.seg;
    h->discard_sectors = slot->discard_x86_64.nr_sectors;
}

static void head_x86_32(const union splitio_blkif_slot *slot, struct head *h,
                        struct splitio_blk_request *req)
{
    req->op = slot->x86_32.operation;
    req->id = from_words(slot->x86_32.id);
    req->sector = from_words(slot->x86_32.sector_number);
    h->byte1 = slot->x86_32.nr_segments;
    h->nr_indirect = slot->indirect_x86_32.nr_segments;
    h->indirect_grefs = slot->indirect_x86_32.indirect_grefs;
    h->segs = slot->x86_32.seg;
    h->discard_sectors = from_words(slot->discard_x86_32.nr_sectors);
}

static bool in_range(const struct splitio_blkif_params *p, uint64_t sector,
                     uint64_t nr_sectors)
{
    return sector <= p->nr_sectors && nr_sectors <= p->nr_sectors - sector &&
           ((sector | nr_sectors) & p->sector_mask) == 0;
}

int splitio_blkif_check_segments(const struct splitio_blkif_params *p,
                                 struct splitio_blk_request *req,
                                 const struct splitio_blkif_segment *segs)
{
    uint32_t total = 0, bad = 0;

    for (unsigned i = 0; i < req->nr_segs; i++) {
        uint32_t first = segs[i].first_sect, end = segs[i].last_sect + 1u;

        bad |= (uint32_t)(first >= end) | (uint32_t)(end > 8);
        bad |= (first | end) & p->sector_mask;
        total += end - first;
    }
    if (bad || !in_range(p, req->sector, total))
        return SPLITIO_BLKIF_RSP_ERROR;
    req->nr_sectors = total;
    return 0;
}

static int parse_direct(const struct splitio_blkif_params *p,
                        const struct head *h, struct splitio_blk_request *req)
{
    if (h->byte1 == 0 || h->byte1 > SPLITIO_BLKIF_MAX_SEGMENTS)
        return SPLITIO_BLKIF_RSP_ERROR;
    req->nr_segs = h->byte1;
    __builtin_memcpy(req->segs, h->segs, sizeof(req->segs));
    return splitio_blkif_check_segments(p, req, req->segs);
}

static int parse_write(const struct splitio_blkif_params *p,
                       const struct head *h, struct splitio_blk_request *req)
{
    if (p->flags & SPLITIO_BLKIF_READ_ONLY)
        return SPLITIO_BLKIF_RSP_ERROR;
    return parse_direct(p, h, req);
}

/* A flush, or a barrier, without data. It is allowed on a read-only disk. */
static int parse_flush(const struct splitio_blkif_params *p, uint32_t offered,
                       const struct head *h, struct splitio_blk_request *req)
{
    if (!(p->flags & offered))
        return SPLITIO_BLKIF_RSP_EOPNOTSUPP;
    if (h->byte1 != 0)
        return parse_write(p, h, req);
    req->sector = 0;
    return 0;
}

static int parse_discard(const struct splitio_blkif_params *p,
                         const struct head *h, struct splitio_blk_request *req)
{
    if (!(p->flags & SPLITIO_BLKIF_OFFERS_DISCARD))
        return SPLITIO_BLKIF_RSP_EOPNOTSUPP;
    if ((p->flags & SPLITIO_BLKIF_READ_ONLY) || h->discard_sectors == 0 ||
        !in_range(p, req->sector, h->discard_sectors))
        return SPLITIO_BLKIF_RSP_ERROR;
    req->nr_sectors = h->discard_sectors;
    /* The flag has no meaning if secure discard was not offered. */
    req->secure = (p->flags & SPLITIO_BLKIF_OFFERS_SECURE) &&
                  (h->byte1 & SPLITIO_BLKIF_DISCARD_SECURE);
    return 0;
}

static int parse_indirect(const struct splitio_blkif_params *p,
                          const struct head *h, struct splitio_blk_request *req)
{
    unsigned nr_pages;

    if (p->max_indirect == 0)
        return SPLITIO_BLKIF_RSP_EOPNOTSUPP;
    req->op = h->byte1;
    if (req->op != SPLITIO_BLKIF_OP_READ && req->op != SPLITIO_BLKIF_OP_WRITE)
        return SPLITIO_BLKIF_RSP_EOPNOTSUPP;
    if (h->nr_indirect == 0 || h->nr_indirect > p->max_indirect ||
        h->nr_indirect > SPLITIO_BLKIF_MAX_INDIRECT_SEGMENTS)
        return SPLITIO_BLKIF_RSP_ERROR;
    if (req->op == SPLITIO_BLKIF_OP_WRITE &&
        (p->flags & SPLITIO_BLKIF_READ_ONLY))
        return SPLITIO_BLKIF_RSP_ERROR;
    nr_pages = (h->nr_indirect + SPLITIO_BLKIF_SEGS_PER_PAGE - 1) /
               SPLITIO_BLKIF_SEGS_PER_PAGE;
    req->nr_segs = h->nr_indirect;
    req->nr_indirect_pages = (uint16_t)nr_pages;
    __builtin_memcpy(req->indirect_grefs, h->indirect_grefs,
                     nr_pages * sizeof(req->indirect_grefs[0]));
    return 0;
}

int splitio_blkif_parse(const struct splitio_blkif_params *p,
                        const union splitio_blkif_slot *slot,
                        struct splitio_blk_request *req)
{
    struct head h;

    if (p->abi == SPLITIO_BLKIF_ABI_X86_32)
        head_x86_32(slot, &h, req);
    else
        head_x86_64(slot, &h, req);
    req->nr_sectors = 0;
    req->secure = false;
    req->nr_segs = 0;
    req->nr_indirect_pages = 0;
    switch (req->op) {
    case SPLITIO_BLKIF_OP_READ:
        return parse_direct(p, &h, req);
    case SPLITIO_BLKIF_OP_WRITE:
        return parse_write(p, &h, req);
    case SPLITIO_BLKIF_OP_WRITE_BARRIER:
        return parse_flush(p, SPLITIO_BLKIF_OFFERS_BARRIER, &h, req);
    case SPLITIO_BLKIF_OP_FLUSH_DISKCACHE:
        return parse_flush(p, SPLITIO_BLKIF_OFFERS_FLUSH, &h, req);
    case SPLITIO_BLKIF_OP_DISCARD:
        return parse_discard(p, &h, req);
    case SPLITIO_BLKIF_OP_INDIRECT:
        return parse_indirect(p, &h, req);
    default:
        return SPLITIO_BLKIF_RSP_EOPNOTSUPP;
    }
}

static bool same_text(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

int splitio_blkif_abi_of(const char *protocol, enum splitio_blkif_abi native,
                         enum splitio_blkif_abi *abi)
{
    if (!protocol)
        *abi = native;
    else if (same_text(protocol, SPLITIO_BLKIF_PROTOCOL_X86_64) ||
             same_text(protocol, SPLITIO_BLKIF_PROTOCOL_ARM))
        *abi = SPLITIO_BLKIF_ABI_X86_64;
    else if (same_text(protocol, SPLITIO_BLKIF_PROTOCOL_X86_32))
        *abi = SPLITIO_BLKIF_ABI_X86_32;
    else
        return SPLITIO_EOPNOTSUPP;
    return 0;
}
