/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest can lend beside whole pages, and change while it is lent. */
#include "table.h"

int splitio_grant_table_grant_part(struct splitio_grant_table *t,
                                   splitio_domid_t to, splitio_gfn_t gfn,
                                   uint32_t offset, uint32_t len_bytes,
                                   bool read_only, splitio_gref_t *gref)
{
    union splitio_grant_entry_v2 *e;
    uint32_t ref;

    if (!t->status)
        return SPLITIO_EOPNOTSUPP;
    if (offset >= SPLITIO_PAGE_SIZE || len_bytes == 0 ||
        len_bytes > SPLITIO_PAGE_SIZE - offset)
        return SPLITIO_EINVAL;
    ref = take_free(t, LENT_COPY);
    if (ref == STACK_END)
        return SPLITIO_ENOSPC;
    e = &t->entries_v2[ref];
    splitio_write_once_le16(&e->sub_page.page_off, (uint16_t)offset);
    splitio_write_once_le16(&e->sub_page.length, (uint16_t)len_bytes);
    splitio_write_once_le64(&e->sub_page.frame, gfn);
    publish(
        &e->hdr, to,
        flags_of(SPLITIO_GTF_PERMIT_ACCESS | SPLITIO_GTF_SUB_PAGE, read_only));
    *gref = ref;
    return 0;
}

int splitio_grant_table_grant_through(struct splitio_grant_table *t,
                                      splitio_domid_t to, splitio_domid_t from,
                                      splitio_gref_t from_gref, bool read_only,
                                      splitio_gref_t *gref)
{
    union splitio_grant_entry_v2 *e;
    uint32_t ref;

    if (!t->status)
        return SPLITIO_EOPNOTSUPP;
    ref = take_free(t, LENT_COPY);
    if (ref == STACK_END)
        return SPLITIO_ENOSPC;
    e = &t->entries_v2[ref];
    splitio_write_once_le16(&e->transitive.trans_domid, from);
    splitio_write_once_le32(&e->transitive.gref, from_gref);
    publish(&e->hdr, to, flags_of(SPLITIO_GTF_TRANSITIVE, read_only));
    *gref = ref;
    return 0;
}

static int protect_v1(struct splitio_grant_entry_v1 *e, bool read_only)
{
    uint16_t flags = splitio_load_acquire_le16(&e->flags);

    for (unsigned i = 0; i < TRIES; i++) {
        uint16_t wanted = flags_of(flags & NOT_READONLY, read_only);

        if (read_only && (flags & SPLITIO_GTF_WRITING))
            return SPLITIO_EBUSY;
        if (splitio_cas_le16(&e->flags, &flags, wanted))
            return 0;
    }
    return SPLITIO_EBUSY;
}

static int protect_v2(struct splitio_grant_table *t, splitio_gref_t gref,
                      bool read_only)
{
    uint16_t *flags = &t->entries_v2[gref].hdr.flags;
    uint16_t was = splitio_read_once_le16(flags);

    if (set_flags_v2(t, gref, flags_of(was & NOT_READONLY, read_only),
                     read_only ? SPLITIO_GTF_WRITING : 0))
        return 0;
    splitio_write_once_le16(flags, was);
    return SPLITIO_EBUSY;
}

int splitio_grant_table_protect(struct splitio_grant_table *t,
                                splitio_gref_t gref, bool read_only)
{
    uint32_t how;

    if (!is_lent(t, gref, &how))
        return SPLITIO_EINVAL;
    return t->status ? protect_v2(t, gref, read_only)
                     : protect_v1(&t->entries[gref], read_only);
}

int splitio_grant_table_swapped(struct splitio_grant_table *t, splitio_gref_t a,
                                splitio_gref_t b)
{
    uint32_t how_a, how_b;

    if (!is_lent(t, a, &how_a) || !is_lent(t, b, &how_b))
        return SPLITIO_EINVAL;
    splitio_write_once_u32(&t->next[a], how_b);
    splitio_write_once_u32(&t->next[b], how_a);
    return 0;
}
