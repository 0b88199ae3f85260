/* SPDX-License-Identifier: BSD-2-Clause */
/* Block requests: from the copy of a slot to a checked request. */
#include <splitio/proto/blkif.h>

#define SECTOR_SHIFT 9u

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
    return splitio_le64(v);
}

static void head_x86_64(const union splitio_blkif_slot *slot, struct head *h,
                        struct splitio_blk_request *req)
{
    req->op = slot->x86_64.operation;
    req->id = splitio_le64(slot->x86_64.id);
    req->sector = splitio_le64(slot->x86_64.sector_number);
    h->byte1 = slot->x86_64.nr_segments;
    h->nr_indirect = splitio_le16(slot->indirect_x86_64.nr_segments);
    h->indirect_grefs = slot->indirect_x86_64.indirect_grefs;
    h->segs = slot->x86_64.seg;
    h->discard_sectors = splitio_le64(slot->discard_x86_64.nr_sectors);
}

static void head_x86_32(const union splitio_blkif_slot *slot, struct head *h,
                        struct splitio_blk_request *req)
{
    req->op = slot->x86_32.operation;
    req->id = from_words(slot->x86_32.id);
    req->sector = from_words(slot->x86_32.sector_number);
    h->byte1 = slot->x86_32.nr_segments;
    h->nr_indirect = splitio_le16(slot->indirect_x86_32.nr_segments);
    h->indirect_grefs = slot->indirect_x86_32.indirect_grefs;
    h->segs = slot->x86_32.seg;
    h->discard_sectors = from_words(slot->discard_x86_32.nr_sectors);
}

struct splitio_blkif_shifts
splitio_blkif_shifts_of(enum splitio_blkif_units units, uint32_t sector_size)
{
    uint8_t shift =
        splitio_blkif_sector_size_ok(sector_size)
            ? (uint8_t)(splitio_lowest_bit_u64(sector_size) - SECTOR_SHIFT)
            : 0;

    switch (units) {
    case SPLITIO_BLKIF_UNITS_FREEBSD:
        return (struct splitio_blkif_shifts){shift, shift, 0};
    case SPLITIO_BLKIF_UNITS_QEMU:
        return (struct splitio_blkif_shifts){shift, shift, shift};
    case SPLITIO_BLKIF_UNITS_MINIOS:
        return (struct splitio_blkif_shifts){shift, 0, 0};
    default:
        return (struct splitio_blkif_shifts){0, 0, 0};
    }
}

/* From the front's unit to 512 bytes. What does not fit becomes a number that
 * no disk has. */
static uint64_t scale(uint64_t nr, unsigned shift)
{
    return nr <= UINT64_MAX >> shift ? nr << shift : UINT64_MAX;
}

static bool in_range(const struct splitio_blkif_params *p, uint64_t sector,
                     uint64_t nr_sectors)
{
    return sector <= p->nr_sectors && nr_sectors <= p->nr_sectors - sector &&
           ((sector | nr_sectors) & p->sector_mask) == 0;
}

/* Only what lies within a page keeps its value. */
static void to_native(const struct splitio_blkif_params *p,
                      struct splitio_blkif_segment *segs, unsigned nr)
{
    unsigned shift = p->shifts.segment;

    for (unsigned i = 0; i < nr; i++) {
        uint32_t first = (uint32_t)segs[i].first_sect << shift;
        uint32_t last = ((segs[i].last_sect + 1u) << shift) - 1;

        segs[i].gref = splitio_le32(segs[i].gref);
        segs[i].first_sect = first < UINT8_MAX ? (uint8_t)first : UINT8_MAX;
        segs[i].last_sect = last < UINT8_MAX ? (uint8_t)last : UINT8_MAX;
    }
}

int splitio_blkif_check_segments(const struct splitio_blkif_params *p,
                                 struct splitio_blk_request *req,
                                 struct splitio_blkif_segment *segs)
{
    uint32_t total = 0, bad = 0;

    if (SPLITIO_BIG_ENDIAN || p->shifts.segment)
        to_native(p, segs, req->nr_segs);
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
    uint64_t nr_sectors = scale(h->discard_sectors, p->shifts.request);

    if (!(p->flags & SPLITIO_BLKIF_OFFERS_DISCARD))
        return SPLITIO_BLKIF_RSP_EOPNOTSUPP;
    if ((p->flags & SPLITIO_BLKIF_READ_ONLY) || nr_sectors == 0 ||
        !in_range(p, req->sector, nr_sectors))
        return SPLITIO_BLKIF_RSP_ERROR;
    req->nr_sectors = nr_sectors;
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
    for (unsigned i = 0; i < nr_pages; i++)
        req->indirect_grefs[i] = splitio_le32(h->indirect_grefs[i]);
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
    req->sector = scale(req->sector, p->shifts.request);
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
