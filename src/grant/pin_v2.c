/* SPDX-License-Identifier: BSD-2-Clause */
/* Pins on entries of version 2: two words, one of each side. */
#include "pin.h"

#include "entry.h"

/* Frames from here on have no address. */
#define GFN_BITS (64 - SPLITIO_PAGE_SHIFT)

/* What one read of flags and domain allows @p peer to do. */
static int judge(uint32_t word, splitio_domid_t peer,
                 enum splitio_grant_pin kind, uint16_t *what)
{
    switch (word & SPLITIO_GTF_TYPE_MASK) {
    case SPLITIO_GTF_PERMIT_ACCESS:
        *what = word & SPLITIO_GTF_SUB_PAGE ? GRANT_PART : GRANT_PAGE;
        break;
    case SPLITIO_GTF_TRANSITIVE:
        *what = GRANT_THROUGH;
        break;
    default:
        return SPLITIO_GNTST_BAD_GNTREF;
    }
    if (entry_domid(word) != peer ||
        (*what != GRANT_PAGE && !pin_is_copy(kind)))
        return SPLITIO_GNTST_BAD_GNTREF;
    if (pin_is_write(kind) && (word & SPLITIO_GTF_READONLY))
        return SPLITIO_GNTST_PERMISSION_DENIED;
    return SPLITIO_GNTST_OKAY;
}

void splitio_grant_status_v2(struct splitio_grant_domain *d,
                             splitio_gref_t gref)
{
    splitio_store_release_le16(entry_status(d, gref),
                               in_use_bits(&d->active[gref]));
}

/*
 * Say that the entry is in use, and look whether it still is what it was. The
 * guest clears the flags and then looks at the status: one of us sees the other.
 */
static int mark(struct splitio_grant_domain *d, splitio_domid_t peer,
                splitio_gref_t gref, enum splitio_grant_pin kind,
                uint16_t *what)
{
    const struct splitio_grant_active *a = &d->active[gref];
    const uint32_t *word = &entry_v2(d, gref)->spacer[0];
    bool write = pin_is_write(kind) || has_writers(a);
    int status = judge(splitio_read_once_le32(word), peer, kind, what);

    if (status != SPLITIO_GNTST_OKAY)
        return status;
    splitio_write_once_le16(entry_status(d, gref),
                            write ? IN_USE : SPLITIO_GTF_READING);
    splitio_fence();
    status = judge(splitio_load_acquire_le32(word), peer, kind, what);
    if (status != SPLITIO_GNTST_OKAY)
        splitio_grant_status_v2(d, gref);
    return status;
}

static void *page_of(struct splitio_grant_engine *e,
                     const struct splitio_grant_domain *d, splitio_gfn_t gfn,
                     enum splitio_grant_pin kind)
{
    if (gfn >> GFN_BITS != 0)
        return NULL;
    return e->port->ops->frame_ptr(e->port->ctx, d->domid, gfn,
                                   pin_is_write(kind));
}

/* Learn what the entry says, once, and keep it. */
static void learn(struct splitio_grant_active *a,
                  const union splitio_grant_entry_v2 *ent)
{
    uint32_t second = splitio_read_once_le32(&ent->spacer[1]);
    splitio_gfn_t gfn;

    if (a->what == GRANT_THROUGH)
        gfn = (uint64_t)(second & 0xFFFF) << 32 |
              splitio_read_once_le32(&ent->transitive.gref);
    else
        gfn = splitio_read_once_le64(&ent->full_page.frame);
    if (a->what == GRANT_PART) {
        a->u.part.offset = (uint16_t)second;
        a->u.part.length = (uint16_t)(second >> 16);
    }
    /* mapped_gfn() may be looking, for a mapping that has just ended. */
    splitio_write_once_u64(&a->gfn, gfn);
}

/* Tell the caller what is pinned; false if there is no such page. */
static bool tell(struct splitio_grant_engine *e, struct splitio_grant_domain *d,
                 const struct splitio_grant_active *a,
                 enum splitio_grant_pin kind, struct splitio_grant_got *got)
{
    got->what = a->what;
    if (a->what == GRANT_THROUGH) {
        got->domid = (splitio_domid_t)(a->gfn >> 32);
        got->gref = (splitio_gref_t)a->gfn;
        got->ptr = NULL;
        return true;
    }
    if (a->what == GRANT_PART) {
        got->offset = a->u.part.offset;
        got->length = a->u.part.length;
    }
    got->ptr = page_of(e, d, a->gfn, kind);
    return got->ptr != NULL;
}

/* Nobody has a page at this address so far, or nobody for writing. */
static void keep_ptr(struct splitio_grant_active *a,
                     const struct splitio_grant_got *got)
{
    if (a->what == GRANT_PAGE)
        a->u.ptr = got->ptr;
}

static int first_pin(struct splitio_grant_engine *e,
                     struct splitio_grant_domain *d, splitio_domid_t peer,
                     splitio_gref_t gref, enum splitio_grant_pin kind,
                     struct splitio_grant_got *got)
{
    struct splitio_grant_active *a = &d->active[gref];
    int status = mark(d, peer, gref, kind, &a->what);

    if (status != SPLITIO_GNTST_OKAY)
        return status;
    a->domid = peer;
    learn(a, entry_v2(d, gref));
    if (tell(e, d, a, kind, got)) {
        keep_ptr(a, got);
        return SPLITIO_GNTST_OKAY;
    }
    splitio_grant_status_v2(d, gref);
    return SPLITIO_GNTST_BAD_PAGE;
}

/*
 * A page that has readers, or writers, may have more of them without another
 * look at the entry. What can only be copied is looked at each time, so that
 * copies that overlap do not keep it after it was revoked.
 */
static int later_pin(struct splitio_grant_engine *e,
                     struct splitio_grant_domain *d, splitio_domid_t peer,
                     splitio_gref_t gref, enum splitio_grant_pin kind,
                     struct splitio_grant_got *got)
{
    struct splitio_grant_active *a = &d->active[gref];
    uint16_t what;
    int status;

    if (a->domid != peer || (a->what != GRANT_PAGE && !pin_is_copy(kind)))
        return SPLITIO_GNTST_BAD_GNTREF;
    if (a->what == GRANT_PAGE && (!pin_is_write(kind) || has_writers(a))) {
        got->what = GRANT_PAGE;
        got->ptr = a->u.ptr;
        return SPLITIO_GNTST_OKAY;
    }
    if (!tell(e, d, a, kind, got))
        return SPLITIO_GNTST_BAD_PAGE;
    status = mark(d, peer, gref, kind, &what);
    if (status != SPLITIO_GNTST_OKAY)
        return status;
    if (what == a->what) {
        keep_ptr(a, got);
        return SPLITIO_GNTST_OKAY;
    }
    splitio_grant_status_v2(d, gref);
    return SPLITIO_GNTST_BAD_GNTREF;
}

int splitio_grant_pin_v2(struct splitio_grant_engine *e,
                         struct splitio_grant_domain *d, splitio_domid_t peer,
                         splitio_gref_t gref, enum splitio_grant_pin kind,
                         struct splitio_grant_got *got)
{
    /* It may have been a reference of version 1 when the caller looked. */
    if (gref >= splitio_load_acquire_u32(&d->nr_refs))
        return SPLITIO_GNTST_BAD_GNTREF;
    return has_pins(&d->active[gref]) ? later_pin(e, d, peer, gref, kind, got)
                                      : first_pin(e, d, peer, gref, kind, got);
}
