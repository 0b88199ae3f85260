/* SPDX-License-Identifier: BSD-2-Clause */
/* Other domains' pages: mapped and copied by gntdev. */
#include <stdlib.h>
#include <sys/mman.h>

#include <splitio/ring.h>

#include "xen_int.h"

/* Copies handed to the kernel at once. */
#define COPY_BATCH 64u

int splitio_xen_maps_init(struct splitio_xen_host *h, uint32_t nr)
{
    h->nr_maps = nr;
    h->maps = calloc(h->nr_maps, sizeof(*h->maps));
    if (!h->maps)
        return SPLITIO_ENOMEM;
    for (uint32_t i = 0; i < h->nr_maps; i++)
        h->maps[i].next_free = i + 1 < h->nr_maps ? i + 1 : XEN_NO_MAP;
    h->free_map = 0;
    return 0;
}

/* Handle of a free place, which is taken; XEN_NO_MAP. */
static uint32_t take_map(struct splitio_xen_host *h, void *va, unsigned nr)
{
    uint32_t handle = h->free_map;

    h->free_map = h->maps[handle].next_free;
    h->maps[handle].va = va;
    h->maps[handle].nr_pages = nr;
    h->stats.nr_mapped += nr;
    return handle;
}

/* Pages of one domain at consecutive addresses; GNTST status. */
static int map_some(struct splitio_xen_host *h, splitio_domid_t domid,
                    const splitio_gref_t *grefs, unsigned nr, bool read_only,
                    uint32_t *handle)
{
    uint32_t refs[SPLITIO_RING_PAGES_MAX];
    void *va;

    if (h->free_map == XEN_NO_MAP)
        return SPLITIO_GNTST_NO_SPACE;
    for (unsigned i = 0; i < nr; i++)
        refs[i] = grefs[i];
    va = xengnttab_map_domain_grant_refs(h->gnttab, nr, domid, refs,
                                         read_only ? PROT_READ
                                                   : PROT_READ | PROT_WRITE);
    if (!va)
        return SPLITIO_GNTST_GENERAL_ERROR;
    *handle = take_map(h, va, nr);
    return SPLITIO_GNTST_OKAY;
}

unsigned splitio_xen_map(void *ctx, struct splitio_grant_map *ops, unsigned nr)
{
    struct splitio_xen_host *h = ctx;
    unsigned failed = 0;

    for (unsigned i = 0; i < nr; i++) {
        struct splitio_grant_map *op = &ops[i];

        op->handle = SPLITIO_GRANT_HANDLE_NONE;
        op->status =
            map_some(h, op->domid, &op->gref, 1, op->read_only, &op->handle);
        op->va = op->status ? NULL : h->maps[op->handle].va;
        failed += op->status != SPLITIO_GNTST_OKAY;
    }
    return failed;
}

static int unmap_one(struct splitio_xen_host *h, splitio_grant_handle_t handle)
{
    struct xen_mapping *m;

    if (handle >= h->nr_maps || !h->maps[handle].va)
        return SPLITIO_GNTST_BAD_HANDLE;
    m = &h->maps[handle];
    if (xengnttab_unmap(h->gnttab, m->va, m->nr_pages))
        return SPLITIO_GNTST_GENERAL_ERROR;
    h->stats.nr_mapped -= m->nr_pages;
    m->va = NULL;
    m->next_free = h->free_map;
    h->free_map = handle;
    return SPLITIO_GNTST_OKAY;
}

unsigned splitio_xen_unmap(void *ctx, struct splitio_grant_unmap *ops,
                           unsigned nr)
{
    unsigned failed = 0;

    for (unsigned i = 0; i < nr; i++) {
        ops[i].status = unmap_one(ctx, ops[i].handle);
        failed += ops[i].status != SPLITIO_GNTST_OKAY;
    }
    return failed;
}

/* One end of a copy as the kernel wants it; true if it is a foreign page. */
static bool end_of(const struct splitio_grant_end *end,
                   union xengnttab_copy_ptr *to)
{
    if (end->local) {
        to->virt = end->local;
        return false;
    }
    to->foreign.ref = end->gref;
    to->foreign.offset = (uint16_t)end->offset;
    to->foreign.domid = end->domid;
    return true;
}

static bool is_sound(const struct splitio_grant_copy *op)
{
    return op->len_bytes <= SPLITIO_PAGE_SIZE &&
           (op->src.local ||
            op->src.offset <= SPLITIO_PAGE_SIZE - op->len_bytes) &&
           (op->dst.local ||
            op->dst.offset <= SPLITIO_PAGE_SIZE - op->len_bytes);
}

/* At most COPY_BATCH of them; those that make no sense are left out. */
static unsigned copy_some(struct splitio_xen_host *h,
                          struct splitio_grant_copy *ops, unsigned nr)
{
    xengnttab_grant_copy_segment_t segs[COPY_BATCH];
    unsigned used = 0, failed = 0;
    int err = 0;

    for (unsigned i = 0; i < nr; i++) {
        xengnttab_grant_copy_segment_t *s = &segs[used];

        if (!is_sound(&ops[i]))
            continue;
        s->flags = 0;
        s->len = (uint16_t)ops[i].len_bytes;
        s->status = 0;
        if (end_of(&ops[i].src, &s->source))
            s->flags |= GNTCOPY_source_gref;
        if (end_of(&ops[i].dst, &s->dest))
            s->flags |= GNTCOPY_dest_gref;
        used++;
    }
    if (used)
        err = xengnttab_grant_copy(h->gnttab, used, segs);
    used = 0;
    for (unsigned i = 0; i < nr; i++) {
        if (!is_sound(&ops[i]))
            ops[i].status = SPLITIO_GNTST_BAD_COPY_ARG;
        else
            ops[i].status =
                err ? SPLITIO_GNTST_GENERAL_ERROR : segs[used++].status;
        failed += ops[i].status != SPLITIO_GNTST_OKAY;
    }
    h->stats.nr_copies += nr;
    return failed;
}

unsigned splitio_xen_copy(void *ctx, struct splitio_grant_copy *ops,
                          unsigned nr)
{
    unsigned failed = 0;

    for (unsigned at = 0; at < nr; at += COPY_BATCH)
        failed += copy_some(ctx, ops + at,
                            nr - at < COPY_BATCH ? nr - at : COPY_BATCH);
    return failed;
}

int splitio_xen_map_ring(void *ctx, splitio_domid_t domid,
                         const splitio_gref_t *grefs, unsigned nr,
                         struct splitio_ring_map *map)
{
    struct splitio_xen_host *h = ctx;
    int status;

    if (nr == 0 || nr > SPLITIO_RING_PAGES_MAX)
        return SPLITIO_EINVAL;
    status = map_some(h, domid, grefs, nr, false, &map->handles[0]);
    if (status)
        return status == SPLITIO_GNTST_NO_SPACE ? SPLITIO_ENOSPC
                                                : SPLITIO_EACCES;
    map->va = h->maps[map->handles[0]].va;
    map->nr_pages = nr;
    map->window = NULL;
    return 0;
}

void splitio_xen_unmap_ring(void *ctx, struct splitio_ring_map *map)
{
    if (map->nr_pages)
        (void)unmap_one(ctx, map->handles[0]);
    map->va = NULL;
    map->nr_pages = 0;
}
