/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of fronts. gntalloc lends only pages that it makes itself: one takes
 * the place of a page of the heap while that is lent. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "guest_int.h"

/* References that a domain can have, however large its grant table is. */
#define GREFS_MAX 1048576u
#define NO_PAGE   UINT32_MAX

/* Memory of this process alone, zeroed; at @p at, whatever is there. */
static void *map_private(void *at, size_t bytes)
{
    void *va = mmap(at, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);

    return va == MAP_FAILED ? NULL : va;
}

int splitio_xen_pages_init(struct splitio_xen_guest *g, uint32_t nr_pages)
{
    g->pages = calloc(nr_pages, sizeof(*g->pages));
    g->heap = map_private(NULL, (size_t)nr_pages << SPLITIO_PAGE_SHIFT);
    g->nr_pages = nr_pages;
    if (!g->pages || !g->heap)
        return SPLITIO_ENOMEM;
    for (uint32_t i = 0; i < nr_pages; i++)
        g->pages[i].gref = SPLITIO_GREF_NONE;
    return 0;
}

void splitio_xen_pages_fini(struct splitio_xen_guest *g)
{
    /* What is still lent is revoked by this. */
    if (g->heap)
        (void)munmap(g->heap, (size_t)g->nr_pages << SPLITIO_PAGE_SHIFT);
    free(g->pages);
    free(g->page_of);
}

static uint8_t *address_of(const struct splitio_xen_guest *g, uint32_t page)
{
    return g->heap + ((size_t)page << SPLITIO_PAGE_SHIFT);
}

/* Free pages from @p first on; at most @p nr. */
static uint32_t nr_free_at(const struct splitio_xen_guest *g, uint32_t first,
                           uint32_t nr)
{
    uint32_t i = 0;

    while (i < nr && first + i < g->nr_pages && !g->pages[first + i].taken)
        i++;
    return i;
}

/* A run of free pages within [first, end); NO_PAGE. */
static uint32_t find(const struct splitio_xen_guest *g, uint32_t first,
                     uint32_t end, uint32_t nr)
{
    while (first < end) {
        uint32_t found = nr_free_at(g, first, nr);

        if (found == nr)
            return first;
        first += found + 1;
    }
    return NO_PAGE;
}

void *splitio_xen_pages_alloc(void *ctx, unsigned nr_pages)
{
    struct splitio_xen_guest *g = ctx;
    uint32_t first;

    if (nr_pages == 0 || nr_pages > g->nr_pages)
        return NULL;
    first = find(g, g->next, g->nr_pages, nr_pages);
    if (first == NO_PAGE)
        first = find(g, 0, g->next, nr_pages);
    if (first == NO_PAGE)
        return NULL;
    for (uint32_t i = 0; i < nr_pages; i++)
        g->pages[first + i].taken = true;
    g->next = first + nr_pages;
    g->stats.nr_pages += nr_pages;
    memset(address_of(g, first), 0, (size_t)nr_pages << SPLITIO_PAGE_SHIFT);
    return address_of(g, first);
}

/* Which page of the heap it is, one that is handed out; NO_PAGE. */
static uint32_t page_at(const struct splitio_xen_guest *g, const void *va)
{
    uintptr_t offset = (uintptr_t)va - (uintptr_t)g->heap;

    if ((offset & SPLITIO_PAGE_MASK) ||
        offset >> SPLITIO_PAGE_SHIFT >= g->nr_pages ||
        !g->pages[offset >> SPLITIO_PAGE_SHIFT].taken)
        return NO_PAGE;
    return (uint32_t)(offset >> SPLITIO_PAGE_SHIFT);
}

void splitio_xen_pages_free(void *ctx, void *pages, unsigned nr_pages)
{
    struct splitio_xen_guest *g = ctx;
    uint32_t first = page_at(g, pages);

    for (uint32_t i = 0; first != NO_PAGE && i < nr_pages; i++)
        g->pages[first + i].taken = false;
    g->stats.nr_pages -= first == NO_PAGE ? 0 : nr_pages;
}

/* Room for a reference in the table. */
static int have_room(struct splitio_xen_guest *g, splitio_gref_t gref)
{
    uint32_t nr = g->nr_page_of ? g->nr_page_of : 512;
    uint32_t *more;

    if (gref < g->nr_page_of)
        return 0;
    if (gref >= GREFS_MAX)
        return SPLITIO_ENOSPC;
    while (nr <= gref)
        nr *= 2;
    more = realloc(g->page_of, nr * sizeof(*more));
    if (!more)
        return SPLITIO_ENOSPC;
    for (uint32_t i = g->nr_page_of; i < nr; i++)
        more[i] = NO_PAGE;
    g->page_of = more;
    g->nr_page_of = nr;
    return 0;
}

int splitio_xen_grant(void *ctx, splitio_domid_t to, const void *page,
                      bool read_only, splitio_gref_t *gref)
{
    struct splitio_xen_guest *g = ctx;
    uint32_t i = page_at(g, page);
    uint32_t ref;
    void *shared;

    if (i == NO_PAGE || g->pages[i].gref != SPLITIO_GREF_NONE)
        return SPLITIO_EINVAL;
    shared = xengntshr_share_pages(g->gntshr, to, 1, &ref, !read_only);
    if (!shared)
        return SPLITIO_ENOSPC;
    memcpy(shared, page, SPLITIO_PAGE_SIZE);
    if (have_room(g, ref) ||
        mremap(shared, SPLITIO_PAGE_SIZE, SPLITIO_PAGE_SIZE,
               MREMAP_MAYMOVE | MREMAP_FIXED, address_of(g, i)) == MAP_FAILED) {
        (void)xengntshr_unshare(g->gntshr, shared, 1);
        return SPLITIO_ENOSPC;
    }
    g->pages[i].gref = ref;
    g->page_of[ref] = i;
    g->stats.nr_lent++;
    g->stats.nr_grants++;
    *gref = ref;
    return 0;
}

/* With its last mapping the kernel takes the page back, at once or when the peer
 * has let go of it: nothing of that concerns the page that takes its place. */
int splitio_xen_revoke(void *ctx, splitio_gref_t gref)
{
    struct splitio_xen_guest *g = ctx;
    uint8_t content[SPLITIO_PAGE_SIZE];
    uint32_t i = gref < g->nr_page_of ? g->page_of[gref] : NO_PAGE;

    if (i == NO_PAGE)
        return SPLITIO_EINVAL;
    memcpy(content, address_of(g, i), sizeof(content));
    if (!map_private(address_of(g, i), SPLITIO_PAGE_SIZE))
        return SPLITIO_EBUSY;
    memcpy(address_of(g, i), content, sizeof(content));
    g->pages[i].gref = SPLITIO_GREF_NONE;
    g->page_of[gref] = NO_PAGE;
    g->stats.nr_lent--;
    return 0;
}
