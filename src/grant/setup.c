/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain's calls for its own table: version, size, order. */
#include "../base/slots.h"
#include "entry.h"
#include "pin.h"

static struct splitio_grant_domain *enter(struct splitio_grant_engine *e,
                                          splitio_domid_t domid)
{
    return slot_enter(e->slots, e->nr_slots, domid);
}

static void leave(struct splitio_grant_engine *e, splitio_domid_t domid)
{
    slot_leave(e->slots, domid);
}

/* One call at a time changes the shape of a table. */
static bool begin(struct splitio_grant_domain *d)
{
    uint32_t nobody = 0;

    return splitio_cas_u32(&d->setting, &nobody, 1);
}

static void finish(struct splitio_grant_domain *d)
{
    splitio_store_release_u32(&d->setting, 0);
}

/* ---- size ---- */

int splitio_grant_engine_query_size(struct splitio_grant_engine *e,
                                    splitio_domid_t domid, unsigned *nr_frames,
                                    unsigned *max_frames)
{
    struct splitio_grant_domain *d = enter(e, domid);

    if (!d)
        return SPLITIO_ENOENT;
    *nr_frames = splitio_read_once_u32(&d->nr_frames);
    *max_frames = d->max_frames;
    leave(e, domid);
    return 0;
}

static int add_frames(struct splitio_grant_domain *d, void *const *frames,
                      unsigned nr)
{
    unsigned had = d->nr_frames;

    if (nr > d->max_frames - had)
        return SPLITIO_ENOSPC;
    for (unsigned i = 0; i < nr; i++)
        if (!frames[i] || ((uintptr_t)frames[i] & SPLITIO_PAGE_MASK) != 0)
            return SPLITIO_EINVAL;
    for (unsigned i = 0; i < nr; i++)
        d->frames[had + i] = frames[i];
    splitio_write_once_u32(&d->nr_frames, had + nr);
    splitio_store_release_u32(&d->nr_refs,
                              (had + nr) * refs_per_frame(d->version));
    return 0;
}

int splitio_grant_engine_grow(struct splitio_grant_engine *e,
                              splitio_domid_t domid, void *const *frames,
                              unsigned nr)
{
    struct splitio_grant_domain *d = enter(e, domid);
    int err = SPLITIO_EAGAIN;

    if (!d)
        return SPLITIO_ENOENT;
    if (begin(d)) {
        err = add_frames(d, frames, nr);
        finish(d);
    }
    leave(e, domid);
    return err;
}

int splitio_grant_engine_status_frames(struct splitio_grant_engine *e,
                                       splitio_domid_t domid, void **frames,
                                       unsigned nr)
{
    struct splitio_grant_domain *d = enter(e, domid);
    int err = SPLITIO_EAGAIN;

    if (!d)
        return SPLITIO_ENOENT;
    if (begin(d)) {
        err = d->version == 1 || nr > SPLITIO_GRANT_STATUS_FRAMES(d->nr_frames)
                  ? SPLITIO_EINVAL
                  : 0;
        for (unsigned i = 0; i < nr && !err; i++)
            frames[i] = d->status[i];
        finish(d);
    }
    leave(e, domid);
    return err;
}

/* ---- version ---- */

/* Of the reserved entries, what both versions can say. */
struct kept {
    uint16_t flags, domid;
    uint64_t frame;
};

/* How many entries, from the first, are owned; all, if none is in use. */
static int own_all(struct splitio_grant_domain *d, uint32_t *nr)
{
    uint32_t all = d->nr_frames * SPLITIO_GRANTS_PER_FRAME_V1;

    for (*nr = 0; *nr < all;) {
        struct splitio_grant_active *a = &d->active[*nr];

        if (!try_own(a))
            return SPLITIO_EAGAIN;
        ++*nr;
        if (!has_pins(a))
            continue;
        if (*nr > SPLITIO_GRANT_RESERVED)
            return SPLITIO_EBUSY;
        if (a->what != GRANT_PAGE)
            return SPLITIO_EAGAIN;
    }
    return 0;
}

static void keep_v1(struct splitio_grant_domain *d, struct kept *kept)
{
    for (uint32_t ref = 0; ref < SPLITIO_GRANT_RESERVED; ref++) {
        struct splitio_grant_entry_v1 *ent = entry_v1(d, ref);

        kept[ref].flags =
            splitio_read_once_le16(&ent->flags) & (uint16_t)~IN_USE;
        kept[ref].domid = splitio_read_once_le16(&ent->domid);
        kept[ref].frame = splitio_read_once_le32(&ent->frame);
    }
}

/* False if version 1 cannot say it. */
static bool keep_v2(struct splitio_grant_domain *d, struct kept *kept)
{
    for (uint32_t ref = 0; ref < SPLITIO_GRANT_RESERVED; ref++) {
        union splitio_grant_entry_v2 *ent = entry_v2(d, ref);
        struct kept *k = &kept[ref];

        k->flags = splitio_read_once_le16(&ent->hdr.flags);
        k->domid = splitio_read_once_le16(&ent->hdr.domid);
        k->frame = splitio_read_once_le64(&ent->full_page.frame);
        if ((k->flags & SPLITIO_GTF_TYPE_MASK) == 0)
            *k = (struct kept){0, 0, 0};
        else if ((k->flags & (SPLITIO_GTF_TYPE_MASK | SPLITIO_GTF_SUB_PAGE)) !=
                     SPLITIO_GTF_PERMIT_ACCESS ||
                 k->frame > UINT32_MAX)
            return false;
    }
    return true;
}

static void write_kept(struct splitio_grant_domain *d, const struct kept *kept)
{
    for (uint32_t ref = 0; ref < SPLITIO_GRANT_RESERVED; ref++) {
        uint16_t in_use = in_use_bits(&d->active[ref]);
        const struct kept *k = &kept[ref];

        if (d->version == 1) {
            struct splitio_grant_entry_v1 *ent = entry_v1(d, ref);

            splitio_write_once_le32(&ent->frame, (uint32_t)k->frame);
            splitio_write_once_le16(&ent->domid, k->domid);
            splitio_store_release_le16(&ent->flags, k->flags | in_use);
        } else {
            union splitio_grant_entry_v2 *ent = entry_v2(d, ref);

            splitio_write_once_le64(&ent->full_page.frame, k->frame);
            splitio_write_once_le16(entry_status(d, ref), in_use);
            splitio_write_once_le16(&ent->hdr.domid, k->domid);
            splitio_store_release_le16(&ent->hdr.flags, k->flags);
        }
    }
}

/* With every entry owned. */
static int change(struct splitio_grant_domain *d, unsigned version)
{
    struct kept kept[SPLITIO_GRANT_RESERVED];

    if (d->nr_frames == 0)
        ;
    else if (version == 2)
        keep_v1(d, kept);
    else if (!keep_v2(d, kept))
        return SPLITIO_E2BIG;
    for (unsigned i = 0; i < d->nr_frames; i++)
        __builtin_memset(d->frames[i], 0, SPLITIO_PAGE_SIZE);
    for (unsigned i = 0; i < d->nr_status; i++)
        __builtin_memset(d->status[i], 0, SPLITIO_PAGE_SIZE);
    splitio_write_once_u16(&d->version, (uint16_t)version);
    if (d->nr_frames != 0)
        write_kept(d, kept);
    splitio_store_release_u32(&d->nr_refs,
                              d->nr_frames * refs_per_frame(version));
    return 0;
}

static int set_version(struct splitio_grant_domain *d, unsigned version)
{
    uint32_t nr;
    int err;

    if (d->version == version)
        return 0;
    if (version == 2 && d->nr_status == 0)
        return SPLITIO_EOPNOTSUPP;
    err = own_all(d, &nr);
    if (!err)
        err = change(d, version);
    while (nr-- > 0)
        disown(&d->active[nr]);
    return err;
}

int splitio_grant_engine_set_version(struct splitio_grant_engine *e,
                                     splitio_domid_t domid, unsigned version)
{
    struct splitio_grant_domain *d;
    int err = SPLITIO_EAGAIN;

    if (version != 1 && version != 2)
        return SPLITIO_EINVAL;
    d = enter(e, domid);
    if (!d)
        return SPLITIO_ENOENT;
    if (begin(d)) {
        err = set_version(d, version);
        finish(d);
    }
    leave(e, domid);
    return err;
}

int splitio_grant_engine_version(struct splitio_grant_engine *e,
                                 splitio_domid_t domid)
{
    struct splitio_grant_domain *d = enter(e, domid);
    int version;

    if (!d)
        return SPLITIO_ENOENT;
    version = splitio_read_once_u16(&d->version);
    leave(e, domid);
    return version;
}

/* ---- order ---- */

static void swap_words(void *a, void *b, unsigned nr)
{
    splitio_atomic_u64 *pa = a, *pb = b;

    for (unsigned i = 0; i < nr; i++) {
        uint64_t was = splitio_read_once_u64(&pa[i]);

        splitio_write_once_u64(&pa[i], splitio_read_once_u64(&pb[i]));
        splitio_write_once_u64(&pb[i], was);
    }
}

/* With both entries owned: their references are good in this version? */
static int swap_owned(struct splitio_grant_domain *d, splitio_gref_t a,
                      splitio_gref_t b)
{
    uint32_t nr_refs = splitio_load_acquire_u32(&d->nr_refs);

    if (a >= nr_refs || b >= nr_refs)
        return SPLITIO_GNTST_BAD_GNTREF;
    if (has_pins(&d->active[a]) || has_pins(&d->active[b]))
        return SPLITIO_GNTST_EAGAIN;
    if (d->version == 1) {
        swap_words(entry_v1(d, a), entry_v1(d, b), 1);
    } else {
        /* Neither is in use: both status words are zero. */
        swap_words(entry_v2(d, a), entry_v2(d, b), 2);
    }
    return SPLITIO_GNTST_OKAY;
}

static int swap(struct splitio_grant_domain *d, splitio_gref_t a,
                splitio_gref_t b)
{
    uint32_t nr_refs = splitio_load_acquire_u32(&d->nr_refs);
    struct splitio_grant_active *first, *second;
    int status = SPLITIO_GNTST_EAGAIN;

    if (a >= nr_refs || b >= nr_refs)
        return SPLITIO_GNTST_BAD_GNTREF;
    if (a == b)
        return SPLITIO_GNTST_OKAY;
    first = &d->active[a < b ? a : b];
    second = &d->active[a < b ? b : a];
    if (!try_own(first))
        return SPLITIO_GNTST_EAGAIN;
    if (try_own(second)) {
        status = swap_owned(d, a, b);
        disown(second);
    }
    disown(first);
    return status;
}

int splitio_grant_engine_swap(struct splitio_grant_engine *e,
                              splitio_domid_t domid, splitio_gref_t a,
                              splitio_gref_t b)
{
    struct splitio_grant_domain *d = enter(e, domid);
    int status;

    if (!d)
        return SPLITIO_GNTST_BAD_DOMAIN;
    status = swap(d, a, b);
    leave(e, domid);
    return status;
}
