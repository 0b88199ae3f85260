/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's heap of pages. A run lies within one 64-bit word of the map. */
#include "pages.h"

static uint64_t run_mask(unsigned nr)
{
    return nr == 64 ? UINT64_MAX : (UINT64_C(1) << nr) - 1;
}

void splitio_guest_pages_init(struct splitio_guest *g)
{
    uint32_t pages = g->cfg.heap_pages;

    for (uint32_t w = 0; w * 64 < pages; w++)
        g->cfg.heap_map[w] =
            pages - w * 64 >= 64 ? UINT64_MAX : run_mask(pages - w * 64);
    g->nr_free_pages = pages;
    g->next_word = 0;
}

/* First bit of a run of @p nr set bits; 64 if there is none. */
static unsigned find_run(uint64_t free, unsigned nr)
{
    /* Bit i stays set where a run of the length so far begins. */
    for (unsigned have = 1; have < nr && free; have++)
        free &= free >> 1;
    return free ? splitio_lowest_bit_u64(free) : 64;
}

static unsigned take_run(uint64_t *word, unsigned nr)
{
    uint64_t free = splitio_load_acquire_u64(word);

    for (;;) {
        unsigned bit = find_run(free, nr);

        if (bit == 64)
            return 64;
        if (splitio_cas_u64(word, &free, free & ~(run_mask(nr) << bit)))
            return bit;
    }
}

void *splitio_guest_pages_alloc(void *guest, unsigned nr)
{
    struct splitio_guest *g = guest;
    uint32_t words = (g->cfg.heap_pages + 63) / 64;
    uint32_t at = splitio_read_once_u32(&g->next_word);

    if (nr == 0 || nr > SPLITIO_GUEST_RUN_MAX)
        return NULL;
    for (uint32_t i = 0; i < words; i++) {
        uint32_t w = (at + i) % words;
        unsigned bit = take_run(&g->cfg.heap_map[w], nr);
        uint8_t *page;

        if (bit == 64)
            continue;
        splitio_write_once_u32(&g->next_word, w);
        splitio_fetch_add_u32(&g->nr_free_pages, 0u - nr);
        page =
            (uint8_t *)g->cfg.heap + ((size_t)w * 64 + bit) * SPLITIO_PAGE_SIZE;
        __builtin_memset(page, 0, (size_t)nr * SPLITIO_PAGE_SIZE);
        return page;
    }
    return NULL;
}

void splitio_guest_pages_free(void *guest, void *pages, unsigned nr)
{
    struct splitio_guest *g = guest;
    size_t index =
        ((uintptr_t)pages - (uintptr_t)g->cfg.heap) / SPLITIO_PAGE_SIZE;

    splitio_fetch_or_u64(&g->cfg.heap_map[index / 64], run_mask(nr)
                                                           << (index % 64));
    splitio_fetch_add_u32(&g->nr_free_pages, nr);
}
