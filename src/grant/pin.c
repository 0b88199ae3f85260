/* SPDX-License-Identifier: BSD-2-Clause */
/* Pins: marking one granted page as in use, and as free again. */
#include "pin.h"

#include "entry.h"

/* Tries against a guest that keeps changing its entry. */
#define ENTRY_TRIES 8

static uint32_t *entry_word(struct splitio_grant_entry_v1 *e)
{
    return (uint32_t *)(void *)e;
}

/* Set the in-use bits of the shared entry, checking it in the same step. */
static int mark(struct splitio_grant_entry_v1 *e, splitio_domid_t peer,
                bool write)
{
    const uint32_t bits = write ? IN_USE : SPLITIO_GTF_READING;
    uint32_t word = splitio_load_acquire_le32(entry_word(e));

    for (unsigned i = 0; i < ENTRY_TRIES; i++) {
        if ((word & (SPLITIO_GTF_TYPE_MASK | SPLITIO_GTF_SUB_PAGE)) !=
                SPLITIO_GTF_PERMIT_ACCESS ||
            entry_domid(word) != peer)
            return SPLITIO_GNTST_BAD_GNTREF;
        if (write && (word & SPLITIO_GTF_READONLY))
            return SPLITIO_GNTST_PERMISSION_DENIED;
        if ((word & bits) == bits ||
            splitio_cas_le32(entry_word(e), &word, word | bits))
            return SPLITIO_GNTST_OKAY;
    }
    return SPLITIO_GNTST_GENERAL_ERROR;
}

static void unmark(struct splitio_grant_entry_v1 *e, uint16_t bits)
{
    splitio_fetch_and_le16(&e->flags, (uint16_t)~bits);
}

/* First pin: learn the frame from the entry, once, and keep it. */
static int first_pin(struct splitio_grant_engine *e,
                     struct splitio_grant_domain *d,
                     struct splitio_grant_active *a, splitio_domid_t peer,
                     splitio_gref_t gref, bool write,
                     struct splitio_grant_got *got)
{
    struct splitio_grant_entry_v1 *ent = entry_v1(d, gref);
    int status = mark(ent, peer, write);

    if (status != SPLITIO_GNTST_OKAY)
        return status;
    a->domid = peer;
    a->what = GRANT_PAGE;
    /* mapped_gfn() may be looking, for a mapping that has just ended. */
    splitio_write_once_u64(&a->gfn, splitio_read_once_le32(&ent->frame));
    a->u.ptr = e->port->ops->frame_ptr(e->port->ctx, d->domid, a->gfn, write);
    got->what = GRANT_PAGE;
    got->ptr = a->u.ptr;
    if (got->ptr)
        return SPLITIO_GNTST_OKAY;
    unmark(ent, IN_USE);
    return SPLITIO_GNTST_BAD_PAGE;
}

/* Later pin: the frame is known; only a first writer has to ask again. */
static int later_pin(struct splitio_grant_engine *e,
                     struct splitio_grant_domain *d,
                     struct splitio_grant_active *a, splitio_domid_t peer,
                     splitio_gref_t gref, bool write,
                     struct splitio_grant_got *got)
{
    void *ptr;
    int status;

    if (a->domid != peer)
        return SPLITIO_GNTST_BAD_GNTREF;
    got->what = GRANT_PAGE;
    got->ptr = a->u.ptr;
    if (!write || has_writers(a))
        return SPLITIO_GNTST_OKAY;
    ptr = e->port->ops->frame_ptr(e->port->ctx, d->domid, a->gfn, true);
    if (!ptr)
        return SPLITIO_GNTST_BAD_PAGE;
    status = mark(entry_v1(d, gref), peer, true);
    if (status == SPLITIO_GNTST_OKAY)
        got->ptr = a->u.ptr = ptr;
    return status;
}

int splitio_grant_pin_take(struct splitio_grant_engine *e,
                           struct splitio_grant_domain *d, splitio_domid_t peer,
                           splitio_gref_t gref, enum splitio_grant_pin kind,
                           struct splitio_grant_got *got)
{
    struct splitio_grant_active *a;
    int status;

    if (gref >= splitio_load_acquire_u32(&d->nr_refs))
        return SPLITIO_GNTST_BAD_GNTREF;
    a = &d->active[gref];
    if (!try_own(a))
        return SPLITIO_GNTST_EAGAIN;
    if (a->pins[kind] == UINT16_MAX)
        status = SPLITIO_GNTST_NO_SPACE;
    /* Version 1 has more references than 2, so this one is good in both. */
    else if (d->version != 1)
        status = splitio_grant_pin_v2(e, d, peer, gref, kind, got);
    else if (has_pins(a))
        status = later_pin(e, d, a, peer, gref, pin_is_write(kind), got);
    else
        status = first_pin(e, d, a, peer, gref, pin_is_write(kind), got);
    if (status == SPLITIO_GNTST_OKAY) {
        a->pins[kind]++;
        if (!pin_is_copy(kind))
            splitio_fetch_add_u32(&d->nr_pins, 1);
    }
    disown(a);
    return status;
}

void splitio_grant_pin_drop(struct splitio_grant_domain *d, splitio_gref_t gref,
                            enum splitio_grant_pin kind)
{
    struct splitio_grant_active *a = &d->active[gref];
    uint16_t bits;

    own(a);
    a->pins[kind]--;
    bits = (uint16_t)(IN_USE & ~in_use_bits(a));
    if (d->version != 1)
        splitio_grant_status_v2(d, gref);
    else if (bits)
        unmark(entry_v1(d, gref), bits);
    disown(a);
    if (!pin_is_copy(kind))
        splitio_fetch_add_u32(&d->nr_pins, UINT32_MAX);
}

void *splitio_grant_pin_ptr(struct splitio_grant_domain *d, splitio_gref_t gref)
{
    struct splitio_grant_active *a = &d->active[gref];
    void *ptr;

    own(a);
    ptr = a->u.ptr;
    disown(a);
    return ptr;
}
