/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's grant table: version, size, and what version 2 adds. */
#include "grants.h"

/* With fewer free references than these a poll makes the table grow. */
#define GROW_BELOW 64

static int make_table(struct splitio_guest *g, unsigned version)
{
    const struct splitio_guest_config *c = &g->cfg;

    return version == 2
               ? splitio_grant_table_init_v2(&g->grants, c->grant_frames,
                                             c->grant_status,
                                             c->nr_grant_frames, c->grant_mem)
               : splitio_grant_table_init(&g->grants, c->grant_frames,
                                          c->nr_grant_frames, c->grant_mem);
}

int splitio_guest_grants_init(struct splitio_guest *g)
{
    struct splitio_guest_config *c = &g->cfg;

    if (c->max_grant_frames == 0)
        c->max_grant_frames = c->nr_grant_frames;
    if (c->max_grant_frames < c->nr_grant_frames ||
        c->max_grant_frames > SPLITIO_GRANT_FRAMES_MAX || c->grant_version > 2)
        return SPLITIO_EINVAL;
    return make_table(g, c->grant_version);
}

int splitio_guest_set_grant_version(struct splitio_guest *g, unsigned version)
{
    int err;

    if (version != 1 && version != 2)
        return SPLITIO_EINVAL;
    if (version == splitio_grant_table_version(&g->grants))
        return 0;
    if (!g->cfg.ops->grant_version || !g->cfg.grant_status)
        return SPLITIO_EOPNOTSUPP;
    if (splitio_grant_table_nr_lent(&g->grants) != 0)
        return SPLITIO_EBUSY;
    err = g->cfg.ops->grant_version(g->cfg.ops_ctx, version);
    return err ? err : make_table(g, version);
}

int splitio_guest_grow_grants(struct splitio_guest *g, unsigned nr_frames)
{
    int err;

    if (nr_frames < g->cfg.nr_grant_frames)
        return SPLITIO_EINVAL;
    if (nr_frames > g->cfg.max_grant_frames)
        return SPLITIO_ENOSPC;
    if (nr_frames == g->cfg.nr_grant_frames)
        return 0;
    if (!g->cfg.ops->grant_grow)
        return SPLITIO_EOPNOTSUPP;
    /* Whatever is there would be grants as soon as it is part of the table. */
    __builtin_memset(
        (uint8_t *)g->cfg.grant_frames +
            (size_t)g->cfg.nr_grant_frames * SPLITIO_PAGE_SIZE,
        0, (size_t)(nr_frames - g->cfg.nr_grant_frames) * SPLITIO_PAGE_SIZE);
    err = g->cfg.ops->grant_grow(g->cfg.ops_ctx, nr_frames);
    if (err)
        return err;
    g->cfg.nr_grant_frames = nr_frames;
    return splitio_grant_table_grow(&g->grants, nr_frames);
}

void splitio_guest_grants_poll(struct splitio_guest *g)
{
    if (g->cfg.nr_grant_frames == g->cfg.max_grant_frames ||
        splitio_grant_table_nr_free(&g->grants) >= GROW_BELOW)
        return;
    /* Who refuses once is not asked again. */
    if (splitio_guest_grow_grants(g, g->cfg.nr_grant_frames + 1))
        g->cfg.max_grant_frames = g->cfg.nr_grant_frames;
}

int splitio_guest_swap_grants(struct splitio_guest *g, splitio_gref_t a,
                              splitio_gref_t b)
{
    int err = splitio_grant_table_swapped(&g->grants, a, b);

    if (err)
        return err;
    err = g->cfg.ops->grant_swap ? g->cfg.ops->grant_swap(g->cfg.ops_ctx, a, b)
                                 : SPLITIO_EOPNOTSUPP;
    if (err)
        (void)splitio_grant_table_swapped(&g->grants, a, b);
    return err;
}

int splitio_guest_grant_part(struct splitio_guest *g, splitio_domid_t to,
                             const void *bytes, uint32_t len_bytes,
                             bool read_only, splitio_gref_t *gref)
{
    uintptr_t offset = (uintptr_t)bytes - (uintptr_t)g->cfg.heap;

    if (offset / SPLITIO_PAGE_SIZE >= g->cfg.heap_pages)
        return SPLITIO_EINVAL;
    return splitio_grant_table_grant_part(
        &g->grants, to, g->cfg.heap_gfn + offset / SPLITIO_PAGE_SIZE,
        offset & SPLITIO_PAGE_MASK, len_bytes, read_only, gref);
}

int splitio_guest_grant_through(struct splitio_guest *g, splitio_domid_t to,
                                splitio_domid_t from, splitio_gref_t from_gref,
                                bool read_only, splitio_gref_t *gref)
{
    return splitio_grant_table_grant_through(&g->grants, to, from, from_gref,
                                             read_only, gref);
}
