/* SPDX-License-Identifier: BSD-2-Clause */
/* Pins: marking one granted page as in use, and as free again. */
#include "pin.h"

/* Tries against a guest that keeps changing its entry. */
#define ENTRY_TRIES 8
/* Turns to wait for another call on the same entry. */
#define OWNER_TURNS 4096

/* What one 32-bit read of an entry gives. */
struct head {
    uint16_t flags;
    uint16_t domid;
};

static struct splitio_grant_entry_v1 *entry(struct splitio_grant_domain *d,
                                            splitio_gref_t gref)
{
    return (struct splitio_grant_entry_v1 *)
               d->frames[gref / SPLITIO_GRANTS_PER_FRAME_V1] +
           gref % SPLITIO_GRANTS_PER_FRAME_V1;
}

static uint32_t *entry_word(struct splitio_grant_entry_v1 *e)
{
    return (uint32_t *)(void *)e;
}

static bool is_write(enum splitio_grant_pin kind)
{
    return kind == SPLITIO_PIN_MAP_WRITE || kind == SPLITIO_PIN_COPY_WRITE;
}

static bool has_pins(const struct splitio_grant_active *a)
{
    return (a->pins[0] | a->pins[1] | a->pins[2] | a->pins[3]) != 0;
}

static bool has_writers(const struct splitio_grant_active *a)
{
    return (a->pins[SPLITIO_PIN_MAP_WRITE] | a->pins[SPLITIO_PIN_COPY_WRITE]) !=
           0;
}

static bool try_own(struct splitio_grant_active *a)
{
    for (unsigned i = 0; i < OWNER_TURNS; i++) {
        uint32_t nobody = 0;

        if (splitio_cas_u32(&a->owner, &nobody, 1))
            return true;
        splitio_cpu_relax();
    }
    return false;
}

static void disown(struct splitio_grant_active *a)
{
    splitio_store_release_u32(&a->owner, 0);
}

/* Set the in-use bits of the shared entry, checking it in the same step. */
static int mark(struct splitio_grant_entry_v1 *e, splitio_domid_t peer,
                bool write)
{
    uint32_t word = splitio_load_acquire_u32(entry_word(e));

    for (unsigned i = 0; i < ENTRY_TRIES; i++) {
        struct head h;
        uint32_t marked;

        __builtin_memcpy(&h, &word, sizeof(h));
        if ((h.flags & (SPLITIO_GTF_TYPE_MASK | SPLITIO_GTF_SUB_PAGE)) !=
                SPLITIO_GTF_PERMIT_ACCESS ||
            h.domid != peer)
            return SPLITIO_GNTST_BAD_GNTREF;
        if (write && (h.flags & SPLITIO_GTF_READONLY))
            return SPLITIO_GNTST_PERMISSION_DENIED;
        h.flags |= SPLITIO_GTF_READING | (write ? SPLITIO_GTF_WRITING : 0);
        __builtin_memcpy(&marked, &h, sizeof(marked));
        if (marked == word || splitio_cas_u32(entry_word(e), &word, marked))
            return SPLITIO_GNTST_OKAY;
    }
    return SPLITIO_GNTST_GENERAL_ERROR;
}

static void unmark(struct splitio_grant_entry_v1 *e, uint16_t bits)
{
    splitio_fetch_and_u16(&e->flags, (uint16_t)~bits);
}

/* First pin: learn the frame from the entry, once, and keep it. */
static int first_pin(struct splitio_grant_engine *e,
                     struct splitio_grant_domain *d,
                     struct splitio_grant_active *a, splitio_domid_t peer,
                     splitio_gref_t gref, bool write)
{
    struct splitio_grant_entry_v1 *ent = entry(d, gref);
    int status = mark(ent, peer, write);

    if (status != SPLITIO_GNTST_OKAY)
        return status;
    a->domid = peer;
    /* mapped_gfn() may be looking, for a mapping that has just ended. */
    splitio_write_once_u64(&a->gfn, splitio_read_once_u32(&ent->frame));
    a->ptr = e->port->ops->frame_ptr(e->port->ctx, d->domid, a->gfn, write);
    if (a->ptr)
        return SPLITIO_GNTST_OKAY;
    unmark(ent, SPLITIO_GTF_READING | SPLITIO_GTF_WRITING);
    return SPLITIO_GNTST_BAD_PAGE;
}

/* Later pin: the frame is known; only a first writer has to ask again. */
static int later_pin(struct splitio_grant_engine *e,
                     struct splitio_grant_domain *d,
                     struct splitio_grant_active *a, splitio_domid_t peer,
                     splitio_gref_t gref, bool write)
{
    void *ptr;
    int status;

    if (a->domid != peer)
        return SPLITIO_GNTST_BAD_GNTREF;
    if (!write || has_writers(a))
        return SPLITIO_GNTST_OKAY;
    ptr = e->port->ops->frame_ptr(e->port->ctx, d->domid, a->gfn, true);
    if (!ptr)
        return SPLITIO_GNTST_BAD_PAGE;
    status = mark(entry(d, gref), peer, true);
    if (status == SPLITIO_GNTST_OKAY)
        a->ptr = ptr;
    return status;
}

int splitio_grant_pin_take(struct splitio_grant_engine *e,
                           struct splitio_grant_domain *d, splitio_domid_t peer,
                           splitio_gref_t gref, enum splitio_grant_pin kind,
                           void **ptr)
{
    struct splitio_grant_active *a;
    int status;

    if (gref >= d->nr_frames * SPLITIO_GRANTS_PER_FRAME_V1)
        return SPLITIO_GNTST_BAD_GNTREF;
    a = &d->active[gref];
    if (!try_own(a))
        return SPLITIO_GNTST_EAGAIN;
    if (a->pins[kind] == UINT16_MAX)
        status = SPLITIO_GNTST_NO_SPACE;
    else if (has_pins(a))
        status = later_pin(e, d, a, peer, gref, is_write(kind));
    else
        status = first_pin(e, d, a, peer, gref, is_write(kind));
    if (status == SPLITIO_GNTST_OKAY) {
        a->pins[kind]++;
        *ptr = a->ptr;
        splitio_fetch_add_u32(&d->nr_pins, 1);
    }
    disown(a);
    return status;
}

void splitio_grant_pin_drop(struct splitio_grant_domain *d, splitio_gref_t gref,
                            enum splitio_grant_pin kind)
{
    struct splitio_grant_active *a = &d->active[gref];
    uint16_t bits = 0;

    /* Waits only for calls of this process, each some instructions long. */
    while (!try_own(a))
        ;
    a->pins[kind]--;
    if (!has_writers(a))
        bits |= SPLITIO_GTF_WRITING;
    if (!has_pins(a))
        bits |= SPLITIO_GTF_READING;
    if (bits)
        unmark(entry(d, gref), bits);
    disown(a);
    splitio_fetch_add_u32(&d->nr_pins, UINT32_MAX);
}
