/* SPDX-License-Identifier: BSD-2-Clause */
#include "grant_rig.h"

#include <stdlib.h>
#include <string.h>

static void *frame_ptr(void *ctx, splitio_domid_t domid, splitio_gfn_t gfn,
                       bool write)
{
    struct rig *r = ctx;

    splitio_fetch_add_u32(&r->nr_frame_calls, 1);
    __atomic_store_n(&r->last_gfn, gfn, __ATOMIC_RELAXED);
    __atomic_store_n(&r->last_write, write, __ATOMIC_RELAXED);
    if (r->on_frame)
        r->on_frame(r, domid, gfn, write);
    if (__atomic_load_n(&r->no_memory, __ATOMIC_RELAXED) || gfn >= RIG_PAGES ||
        (write && gfn >= RIG_PAGES / 2))
        return NULL;
    return r->dom[domid].pages[gfn];
}

static int replace(void *ctx, splitio_domid_t self, void *va, void *new_va)
{
    struct rig *r = ctx;

    (void)self;
    return r->replace(r, va, new_va);
}

static int flush(void *ctx, void *va, size_t len, uint32_t op)
{
    struct rig *r = ctx;

    return r->flush(r, va, len, op);
}

static const struct splitio_hypervisor_ops ops = {.frame_ptr = frame_ptr};
static const struct splitio_hypervisor_ops able_ops = {
    .frame_ptr = frame_ptr, .replace = replace, .cache_flush = flush};

void rig_set_abilities(struct rig *r, bool able)
{
    r->port.ops = able ? &able_ops : &ops;
}

static void *pages_of(size_t bytes)
{
    void *p = aligned_alloc(SPLITIO_PAGE_SIZE, bytes);

    if (!p)
        abort();
    memset(p, 0, bytes);
    return p;
}

int rig_add(struct rig *r, splitio_domid_t domid)
{
    struct rig_domain *d = &r->dom[domid];

    return splitio_grant_engine_add(
        &r->e, &d->d,
        &(struct splitio_grant_domain_config){.domid = domid,
                                              .version = d->version,
                                              .frames = d->frames,
                                              .nr_frames = d->nr_frames,
                                              .status = d->status_frames,
                                              .nr_status = d->nr_frames ? 1 : 0,
                                              .nr_track = RIG_TRACK,
                                              .mem = d->mem});
}

void rig_table(struct rig *r, splitio_domid_t domid, unsigned version)
{
    struct rig_domain *d = &r->dom[domid];

    d->version = version;
    if (version == 2
            ? splitio_grant_table_init_v2(&d->table, d->entries, d->status,
                                          RIG_FRAMES, d->next_mem)
            : splitio_grant_table_init(&d->table, d->entries, RIG_FRAMES,
                                       d->next_mem))
        abort();
}

static void make_domain(struct rig *r, splitio_domid_t domid, unsigned version)
{
    struct rig_domain *d = &r->dom[domid];

    d->nr_frames = domid == 0 ? 0 : RIG_FRAMES;
    d->pages = pages_of(RIG_PAGES * SPLITIO_PAGE_SIZE);
    d->entries = pages_of(RIG_FRAMES * SPLITIO_PAGE_SIZE);
    d->v2 = (union splitio_grant_entry_v2 *)(void *)d->entries;
    d->status = pages_of(SPLITIO_PAGE_SIZE);
    d->status_frames[0] = d->status;
    d->next_mem = malloc(SPLITIO_GRANT_TABLE_MEM(RIG_FRAMES));
    d->mem = malloc(SPLITIO_GRANT_DOMAIN_MEM(d->nr_frames, RIG_TRACK));
    for (unsigned i = 0; i < RIG_FRAMES; i++)
        d->frames[i] = d->entries + i * SPLITIO_GRANTS_PER_FRAME_V1;
    if (!d->next_mem || !d->mem)
        abort();
    rig_table(r, domid, version);
    if (rig_add(r, domid))
        abort();
}

struct rig *rig_new_v2(unsigned domains)
{
    struct rig *r = calloc(1, sizeof(*r));

    if (!r)
        abort();
    r->port = (struct splitio_hypervisor_port){&ops, r};
    splitio_grant_engine_init(&r->e, &r->port, r->slots, RIG_SLOTS);
    for (unsigned i = 0; i < RIG_DOMAINS; i++)
        make_domain(r, (splitio_domid_t)i, domains >> i & 1 ? 2 : 1);
    return r;
}

struct rig *rig_new(void)
{
    return rig_new_v2(0);
}

void rig_delete(struct rig *r)
{
    for (unsigned i = 0; i < RIG_DOMAINS; i++) {
        free(r->dom[i].pages);
        free(r->dom[i].entries);
        free(r->dom[i].status);
        free(r->dom[i].next_mem);
        free(r->dom[i].mem);
    }
    free(r);
}

int rig_map(struct rig *r, splitio_domid_t self, splitio_domid_t from,
            splitio_gref_t gref, bool read_only, splitio_grant_handle_t *handle)
{
    struct splitio_grant_map op = {
        .domid = from, .gref = gref, .read_only = read_only, .status = 1};

    if (splitio_grant_engine_map(&r->e, self, &op, 1) != (op.status != 0))
        abort();
    *handle = op.handle;
    return op.status;
}

int rig_unmap(struct rig *r, splitio_domid_t self,
              splitio_grant_handle_t handle)
{
    struct splitio_grant_unmap op = {.handle = handle, .status = 1};

    if (splitio_grant_engine_unmap(&r->e, self, &op, 1) != (op.status != 0))
        abort();
    return op.status;
}

static int copy(struct rig *r, splitio_domid_t self,
                struct splitio_grant_copy *op)
{
    op->status = 1;
    if (splitio_grant_engine_copy(&r->e, self, op, 1) != (op->status != 0))
        abort();
    return op->status;
}

int rig_fetch(struct rig *r, splitio_domid_t self, splitio_domid_t from,
              splitio_gref_t gref, uint32_t offset, void *to, uint32_t len)
{
    struct splitio_grant_copy op = {
        .src = {.domid = from, .gref = gref, .offset = offset},
        .dst = {.local = to},
        .len_bytes = len};

    return copy(r, self, &op);
}

int rig_put(struct rig *r, splitio_domid_t self, splitio_domid_t to,
            splitio_gref_t gref, uint32_t offset, const void *from,
            uint32_t len)
{
    struct splitio_grant_copy op = {
        .src = {.local = (void *)(uintptr_t)from},
        .dst = {.domid = to, .gref = gref, .offset = offset},
        .len_bytes = len};

    return copy(r, self, &op);
}

unsigned rig_in_use(const struct rig *r, splitio_domid_t domid,
                    splitio_gref_t gref)
{
    const struct rig_domain *d = &r->dom[domid];

    return splitio_load_acquire_le16(
               d->version == 2 ? &d->status[gref] : &d->entries[gref].flags) &
           (SPLITIO_GTF_READING | SPLITIO_GTF_WRITING);
}
