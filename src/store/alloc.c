/* SPDX-License-Identifier: BSD-2-Clause */
/* The store server's allocator. Source: Masmano et al., "TLSF", ECRTS 2004. */
#include "alloc.h"

struct store_block {
    struct store_block *prev; /* neighbour below */
    size_t size;              /* payload; lowest bit: free; 0: the end */
    /* The payload starts here. In a free block it holds the links. */
    struct store_block *next_free, *prev_free;
};

#define HEADER offsetof(struct store_block, next_free)
#define FREE   ((size_t)1)

SPLITIO_STATIC_ASSERT(HEADER <= STORE_ALLOC_ALIGN, "headers keep alignment");

/* On 32-bit machines the header is padded to the alignment. */
#define STRIDE ((size_t)STORE_ALLOC_ALIGN)

static size_t size_of(const struct store_block *b)
{
    return b->size & ~FREE;
}

static void *payload(struct store_block *b)
{
    return (uint8_t *)b + STRIDE;
}

static struct store_block *next_of(const struct store_block *b)
{
    return (struct store_block *)((uintptr_t)b + STRIDE + size_of(b));
}

/* The class of a block of this size; size is at least STORE_ALLOC_ALIGN. */
static void class_of(size_t size, unsigned *cl, unsigned *sub)
{
    unsigned top = 63u - (unsigned)__builtin_clzll(size);

    *cl = top;
    *sub = (unsigned)(size >> (top - 3)) & (STORE_ALLOC_SUBCLASSES - 1);
}

static void list_add(struct store_alloc *a, struct store_block *b)
{
    unsigned cl, sub;

    class_of(size_of(b), &cl, &sub);
    b->size |= FREE;
    b->prev_free = NULL;
    b->next_free = a->free[cl][sub];
    if (b->next_free)
        b->next_free->prev_free = b;
    a->free[cl][sub] = b;
    a->subclasses[cl] |= (uint8_t)(1u << sub);
    a->classes |= 1u << cl;
}

static void list_del(struct store_alloc *a, struct store_block *b)
{
    unsigned cl, sub;

    class_of(size_of(b), &cl, &sub);
    b->size &= ~FREE;
    if (b->next_free)
        b->next_free->prev_free = b->prev_free;
    if (b->prev_free) {
        b->prev_free->next_free = b->next_free;
        return;
    }
    a->free[cl][sub] = b->next_free;
    if (b->next_free)
        return;
    a->subclasses[cl] &= (uint8_t) ~(1u << sub);
    if (a->subclasses[cl] == 0)
        a->classes &= ~(1u << cl);
}

void splitio_xsd_alloc_init(struct store_alloc *a, void *mem, size_t len_bytes)
{
    struct store_block *first = mem, *end;
    size_t size = (len_bytes & ~(STRIDE - 1)) - 2 * STRIDE;

    __builtin_memset(a, 0, sizeof(*a));
    if (size > UINT32_MAX - STRIDE)
        size = UINT32_MAX & ~(2 * STRIDE - 1);
    a->first = first;
    first->prev = NULL;
    first->size = size;
    end = next_of(first);
    end->prev = first;
    end->size = 0;
    list_add(a, first);
}

/* A listed block of at least this class; NULL if there is none. */
static struct store_block *find(const struct store_alloc *a, unsigned cl,
                                unsigned sub)
{
    unsigned map = a->subclasses[cl] & (0xffu << sub);

    if (map == 0) {
        unsigned above = cl + 1 < 32 ? a->classes & (~0u << (cl + 1)) : 0;

        if (above == 0)
            return NULL;
        cl = (unsigned)__builtin_ctz(above);
        map = a->subclasses[cl];
    }
    return a->free[cl][__builtin_ctz(map)];
}

/* Gives back what a block has beyond the size that is needed. */
static void split(struct store_alloc *a, struct store_block *b, size_t size)
{
    struct store_block *rest;

    if (size_of(b) < size + STRIDE + STORE_ALLOC_ALIGN)
        return;
    rest = (struct store_block *)(void *)((uint8_t *)b + STRIDE + size);
    rest->prev = b;
    rest->size = size_of(b) - size - STRIDE;
    b->size = size;
    next_of(rest)->prev = rest;
    list_add(a, rest);
}

void *splitio_xsd_alloc_get(struct store_alloc *a, size_t len_bytes)
{
    struct store_block *b;
    unsigned cl, sub;
    size_t size;

    if (len_bytes > UINT32_MAX / 2)
        return NULL;
    size = (len_bytes + STORE_ALLOC_ALIGN - 1) & ~(STRIDE - 1);
    if (size == 0)
        size = STORE_ALLOC_ALIGN;
    /* Round up to a class, so that each block in its list is large enough. */
    class_of(size, &cl, &sub);
    class_of(size + ((size_t)1 << (cl - 3)) - 1, &cl, &sub);
    b = find(a, cl, sub);
    if (!b)
        return NULL;
    list_del(a, b);
    split(a, b, size);
    a->used_bytes += size_of(b) + STRIDE;
    return payload(b);
}

void splitio_xsd_alloc_put(struct store_alloc *a, void *mem)
{
    struct store_block *b, *next;

    if (!mem)
        return;
    b = (struct store_block *)(void *)((uint8_t *)mem - STRIDE);
    a->used_bytes -= size_of(b) + STRIDE;
    next = next_of(b);
    if (next->size & FREE) {
        list_del(a, next);
        b->size += STRIDE + next->size;
    }
    if (b->prev && (b->prev->size & FREE)) {
        struct store_block *prev = b->prev;

        list_del(a, prev);
        prev->size += STRIDE + b->size;
        b = prev;
    }
    next_of(b)->prev = b;
    list_add(a, b);
}

static bool is_listed(const struct store_alloc *a, const struct store_block *b)
{
    const struct store_block *at;
    unsigned cl, sub;

    class_of(size_of(b), &cl, &sub);
    if (!(a->classes & (1u << cl)) || !(a->subclasses[cl] & (1u << sub)))
        return false;
    if (b->prev_free)
        return b->prev_free->next_free == b;
    at = a->free[cl][sub];
    return at == b;
}

bool splitio_xsd_alloc_is_valid(const struct store_alloc *a)
{
    const struct store_block *b, *prev = NULL;
    size_t used = 0;

    for (b = a->first; b->size != 0; prev = b, b = next_of(b)) {
        if (b->prev != prev || size_of(b) % STORE_ALLOC_ALIGN != 0)
            return false;
        if (!(b->size & FREE))
            used += size_of(b) + STRIDE;
        else if (!is_listed(a, b) || (prev && (prev->size & FREE)))
            return false;
    }
    return b->prev == prev && used == a->used_bytes;
}
