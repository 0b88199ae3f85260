/* SPDX-License-Identifier: BSD-2-Clause */
/* A bounded allocator: two-level segregated fit within one arena. */
#ifndef SPLITIO_STORE_ALLOC_H
#define SPLITIO_STORE_ALLOC_H

#include <splitio/base.h>

#define STORE_ALLOC_ALIGN      16u
#define STORE_ALLOC_CLASSES    32u /* powers of two: blocks below 4 GiB */
#define STORE_ALLOC_SUBCLASSES 8u  /* linear steps within each */

struct store_block;

/*
 * Free blocks are listed by size class, eight classes to a power of two, so an
 * allocation takes two bit searches and wastes at most an eighth. A block that
 * is freed joins its free neighbours at once: fragmentation does not grow with
 * the number of operations.
 */
struct store_alloc {
    uint32_t classes; /* bit: some subclass has blocks */
    uint8_t subclasses[STORE_ALLOC_CLASSES];
    struct store_block *free[STORE_ALLOC_CLASSES][STORE_ALLOC_SUBCLASSES];
    struct store_block *first; /* in address order */
    size_t used_bytes;         /* payloads and headers in use */
};

#pragma GCC visibility push(hidden)

/* mem must be aligned to STORE_ALLOC_ALIGN. */
void splitio_xsd_alloc_init(struct store_alloc *a, void *mem, size_t len_bytes);

/* NULL when no block is large enough. */
void *splitio_xsd_alloc_get(struct store_alloc *a, size_t len_bytes);

/* NULL is accepted. */
void splitio_xsd_alloc_put(struct store_alloc *a, void *mem);

/* Walks all blocks: neighbours agree, no two free ones touch, lists match. */
bool splitio_xsd_alloc_is_valid(const struct store_alloc *a);

#pragma GCC visibility pop

#endif
