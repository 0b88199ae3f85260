/* SPDX-License-Identifier: BSD-2-Clause */
#include "blk_convention.h"

const struct blk_convention blk_conventions[CONVENTIONS] = {
    {"Linux", SPLITIO_BLKIF_UNITS_SPEC, false, false, false},
    {"FreeBSD", SPLITIO_BLKIF_UNITS_FREEBSD, true, true, false},
    {"QEMU", SPLITIO_BLKIF_UNITS_QEMU, true, true, true},
    {"Windows", SPLITIO_BLKIF_UNITS_QEMU, true, true, true},
    {"MiniOS", SPLITIO_BLKIF_UNITS_MINIOS, true, false, false},
};

uint64_t convention_key(const struct blk_convention *c, uint32_t sector_size,
                        uint64_t bytes)
{
    return bytes / (c->key_in_sectors ? sector_size : 512);
}

uint64_t convention_number(const struct blk_convention *c, uint32_t sector_size,
                           uint64_t bytes)
{
    return bytes / (c->number_in_sectors ? sector_size : 512);
}

struct splitio_blkif_segment convention_segment(const struct blk_convention *c,
                                                uint32_t sector_size,
                                                splitio_gref_t gref,
                                                uint32_t offset, uint32_t len)
{
    uint32_t unit = c->segment_in_sectors ? sector_size : 512;

    return (struct splitio_blkif_segment){
        .gref = splitio_le32(gref),
        .first_sect = (uint8_t)(offset / unit),
        .last_sect = (uint8_t)((offset + len) / unit - 1),
    };
}

void convention_piece(const struct blk_convention *c, uint32_t sector_size,
                      const struct splitio_blkif_segment *seg, uint32_t *offset,
                      uint32_t *len)
{
    uint32_t unit = c->segment_in_sectors ? sector_size : 512;

    *offset = seg->first_sect * unit;
    *len = (seg->last_sect + 1u) * unit - *offset;
}
