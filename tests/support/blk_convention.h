/* SPDX-License-Identifier: BSD-2-Clause */
/* What block drivers in the wild count in, as their sources have it and not as
 * the library thinks: for peers made by hand. */
#ifndef SPLITIO_TESTS_BLK_CONVENTION_H
#define SPLITIO_TESTS_BLK_CONVENTION_H

#include <splitio/proto/blkif.h>

#define CONVENTIONS 5u

struct blk_convention {
    const char *name;
    enum splitio_blkif_units units; /* how a device is made to fit them */
    bool key_in_sectors;     /* "sectors" counts sectors, not 512 bytes */
    bool number_in_sectors;  /* sector_number; nr_sectors of a discard */
    bool segment_in_sectors; /* first_sect, last_sect */
};

extern const struct blk_convention blk_conventions[CONVENTIONS];

/* What the driver writes for a length or place in bytes. */
uint64_t convention_key(const struct blk_convention *c, uint32_t sector_size,
                        uint64_t bytes);
uint64_t convention_number(const struct blk_convention *c, uint32_t sector_size,
                           uint64_t bytes);
/* A segment of @len bytes from byte @offset of its page on. */
struct splitio_blkif_segment convention_segment(const struct blk_convention *c,
                                                uint32_t sector_size,
                                                splitio_gref_t gref,
                                                uint32_t offset, uint32_t len);
/* The reverse: byte offset and length of a segment in the machine's order. */
void convention_piece(const struct blk_convention *c, uint32_t sector_size,
                      const struct splitio_blkif_segment *seg, uint32_t *offset,
                      uint32_t *len);

#endif
