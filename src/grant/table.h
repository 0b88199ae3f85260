/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's side of a grant table: what its files share. */
#ifndef SPLITIO_SRC_GRANT_TABLE_H
#define SPLITIO_SRC_GRANT_TABLE_H

#include <splitio/grant.h>

#include "stack.h"

/* Tries against the hypervisor side's own updates of the in-use bits. */
#define TRIES 16

#define IN_USE       (SPLITIO_GTF_READING | SPLITIO_GTF_WRITING)
#define NOT_READONLY ((uint16_t)~SPLITIO_GTF_READONLY)

/*
 * In the link word of a reference that is lent, so that one that is not cannot
 * be revoked: it would come into a list twice. For a page, and for what can
 * only be copied.
 */
#define LENT      (STACK_END - 1)
#define LENT_COPY (STACK_END - 2)

/* A free reference, or STACK_END. */
static inline uint32_t take_free(struct splitio_grant_table *t, uint32_t lent)
{
    uint32_t ref = stack_pop(&t->free_head, t->next, 1);

    if (ref == STACK_END)
        return STACK_END;
    splitio_fetch_add_u32(&t->nr_free, UINT32_MAX);
    splitio_write_once_u32(&t->next[ref], lent);
    return ref;
}

static inline uint16_t flags_of(uint16_t type, bool read_only)
{
    return type | (read_only ? SPLITIO_GTF_READONLY : 0);
}

/* All else has been written. */
static inline void publish(struct splitio_grant_header *hdr, splitio_domid_t to,
                           uint16_t flags)
{
    splitio_write_once_le16(&hdr->domid, to);
    splitio_store_release_le16(&hdr->flags, flags);
}

static inline bool is_lent(const struct splitio_grant_table *t,
                           splitio_gref_t gref, uint32_t *how)
{
    if (gref < SPLITIO_GRANT_RESERVED ||
        gref >= splitio_read_once_u32(&t->nr_refs))
        return false;
    *how = splitio_read_once_u32(&t->next[gref]);
    return *how == LENT || *how == LENT_COPY;
}

/*
 * The flags first, then a look at the in-use bits: the hypervisor side sets a
 * bit and then looks at the flags, so that one of us sees the other.
 */
static inline bool set_flags_v2(struct splitio_grant_table *t,
                                splitio_gref_t gref, uint16_t flags,
                                uint16_t unless)
{
    splitio_write_once_le16(&t->entries_v2[gref].hdr.flags, flags);
    splitio_fence();
    return (splitio_load_acquire_le16(&t->status[gref]) & unless) == 0;
}

#endif /* SPLITIO_SRC_GRANT_TABLE_H */
