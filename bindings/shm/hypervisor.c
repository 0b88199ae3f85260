/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor port: frames of guests, windows of them, interrupts. */
#include <sys/mman.h>
#include <unistd.h>

#include "machine_int.h"

/* The engines call only for domains that are registered: it stays there. */
static const struct member *member_of(const struct splitio_shm_machine *m,
                                      splitio_domid_t domid)
{
    return domid <= m->cfg.max_guests ? m->members[domid] : NULL;
}

static void *frame_ptr(void *ctx, splitio_domid_t domid, splitio_gfn_t gfn,
                       bool write)
{
    const struct member *g = member_of(ctx, domid);

    (void)write;
    if (!g || gfn >= g->info.nr_pages)
        return NULL;
    return g->base + (size_t)gfn * SPLITIO_PAGE_SIZE;
}

/*
 * The memfd is sealed against new writable mappings; mremap() from an old size
 * of zero makes a second mapping of pages that are mapped already.
 */
static void *window_open(void *ctx, splitio_domid_t domid,
                         const splitio_gfn_t *gfns, unsigned nr)
{
    struct splitio_shm_machine *m = ctx;
    size_t bytes = (size_t)nr * SPLITIO_PAGE_SIZE;
    uint8_t *window;

    if (sysconf(_SC_PAGESIZE) != (long)SPLITIO_PAGE_SIZE)
        return NULL;
    window = mmap(NULL, bytes, PROT_NONE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (window == MAP_FAILED)
        return NULL;
    for (unsigned i = 0; i < nr; i++) {
        void *page = frame_ptr(m, domid, gfns[i], true);

        if (!page ||
            mremap(page, 0, SPLITIO_PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
                   window + (size_t)i * SPLITIO_PAGE_SIZE) == MAP_FAILED) {
            (void)munmap(window, bytes);
            return NULL;
        }
    }
    splitio_fetch_add_u32(&m->nr_windows, 1);
    return window;
}

static void window_close(void *ctx, void *window, unsigned nr)
{
    struct splitio_shm_machine *m = ctx;

    (void)munmap(window, (size_t)nr * SPLITIO_PAGE_SIZE);
    splitio_fetch_add_u32(&m->nr_windows, UINT32_MAX);
}

static void upcall(void *ctx, splitio_domid_t domid, unsigned vcpu)
{
    struct splitio_shm_machine *m = ctx;
    const struct member *g = member_of(m, domid);

    (void)vcpu;
    if (domid == HOST_DOMID) {
        /* Pending was set before; the poll clears `awake` before it looks. */
        if (splitio_fetch_or_u32(&m->awake, 0) == 0)
            splitio_shm_machine_kick(m);
    } else if (g) {
        g->link->upcall(g);
    }
}

const struct splitio_hypervisor_ops splitio_shm_hypervisor_ops = {
    .frame_ptr = frame_ptr,
    .window_open = window_open,
    .window_close = window_close,
    .upcall = upcall,
};
