/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any slot, any list of segments: what the block parser lets through lies in
 * the disk, is aligned, and was offered.
 *
 * input: 4 bytes of parameters, a slot, segments.
 */
#include <splitio/proto/blkif.h>

#include <stdlib.h>
#include <string.h>

#define SECTORS  4096u
#define INDIRECT 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Take the next @len bytes of the input, zeroes beyond its end. */
static void take(const uint8_t **data, size_t *size, void *out, size_t len)
{
    size_t have = *size < len ? *size : len;

    memset(out, 0, len);
    memcpy(out, *data, have);
    *data += have;
    *size -= have;
}

static void check(const struct splitio_blkif_params *p,
                  const struct splitio_blk_request *r,
                  const struct splitio_blkif_segment *segs)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < r->nr_segs; i++) {
        require(segs[i].first_sect <= segs[i].last_sect);
        require(segs[i].last_sect <= 7);
        sum += segs[i].last_sect - segs[i].first_sect + 1u;
    }
    require(r->nr_segs == 0 || sum == r->nr_sectors);
    require(r->nr_sectors <= p->nr_sectors);
    require(r->sector <= p->nr_sectors - r->nr_sectors);
    require(((r->sector | r->nr_sectors) & p->sector_mask) == 0);
    switch (r->op) {
    case SPLITIO_BLKIF_OP_READ:
        require(r->nr_segs != 0);
        break;
    case SPLITIO_BLKIF_OP_WRITE:
        require(r->nr_segs != 0 && !(p->flags & SPLITIO_BLKIF_READ_ONLY));
        break;
    case SPLITIO_BLKIF_OP_DISCARD:
        require(r->nr_segs == 0 && r->nr_sectors != 0);
        require((p->flags & SPLITIO_BLKIF_OFFERS_DISCARD) &&
                !(p->flags & SPLITIO_BLKIF_READ_ONLY));
        require(!r->secure || (p->flags & SPLITIO_BLKIF_OFFERS_SECURE));
        break;
    case SPLITIO_BLKIF_OP_FLUSH_DISKCACHE:
        require(p->flags & SPLITIO_BLKIF_OFFERS_FLUSH);
        break;
    case SPLITIO_BLKIF_OP_WRITE_BARRIER:
        require(p->flags & SPLITIO_BLKIF_OFFERS_BARRIER);
        break;
    default:
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct splitio_blkif_params p = {.nr_sectors = SECTORS};
    struct splitio_blkif_segment segs[INDIRECT];
    struct splitio_blk_request r;
    union splitio_blkif_slot slot;
    uint8_t head[4];
    int status;

    take(&data, &size, head, sizeof(head));
    p.flags = head[0] & 31;
    p.sector_mask = head[1] & 1 ? 7 : 0;
    p.abi = (enum splitio_blkif_abi)(head[1] >> 1 & 1);
    p.shifts = splitio_blkif_shifts_of((enum splitio_blkif_units)(head[3] & 3),
                                       512 * (p.sector_mask + 1));
    p.max_indirect = head[2] % (INDIRECT + 1);
    take(&data, &size, &slot, sizeof(slot));
    status = splitio_blkif_parse(&p, &slot, &r);
    require(status == 0 || status == SPLITIO_BLKIF_RSP_ERROR ||
            status == SPLITIO_BLKIF_RSP_EOPNOTSUPP);
    if (status)
        return 0;
    if (r.nr_indirect_pages == 0) {
        require(r.nr_segs <= SPLITIO_BLKIF_MAX_SEGMENTS);
        check(&p, &r, r.segs);
        return 0;
    }
    require(r.nr_segs != 0 && r.nr_segs <= p.max_indirect);
    require(r.nr_indirect_pages == 1);
    take(&data, &size, segs, sizeof(segs));
    if (splitio_blkif_check_segments(&p, &r, segs) == 0)
        check(&p, &r, segs);
    return 0;
}
