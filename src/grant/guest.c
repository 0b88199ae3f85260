/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's side of a grant table: grant, revoke, quarantine. */
#include <splitio/grant.h>

#include "stack.h"

/* Tries against the hypervisor side's own updates of the in-use bits. */
#define REVOKE_TRIES 16

/*
 * In the link word of a reference that is lent, so that one that is not cannot
 * be revoked: it would come into a list twice.
 */
#define LENT (STACK_END - 1)

static void push(struct splitio_grant_table *t, uint64_t *head, uint32_t *count,
                 splitio_gref_t gref)
{
    splitio_fetch_add_u32(count, 1);
    stack_push(head, gref, &t->next[gref]);
}

int splitio_grant_table_init(struct splitio_grant_table *t, void *frames,
                             unsigned nr_frames, uint32_t *next_mem)
{
    if (!frames || ((uintptr_t)frames & SPLITIO_PAGE_MASK) != 0 ||
        nr_frames == 0 || nr_frames > SPLITIO_GRANT_FRAMES_MAX || !next_mem)
        return SPLITIO_EINVAL;
    t->entries = frames;
    t->next = next_mem;
    t->nr_refs = nr_frames * SPLITIO_GRANTS_PER_FRAME_V1;
    t->free_head = t->held_head = stack_empty();
    t->held_walk = STACK_END;
    t->nr_free = t->nr_held = 0;
    for (uint32_t ref = 0; ref < SPLITIO_GRANT_RESERVED; ref++)
        next_mem[ref] = STACK_END;
    __builtin_memset(t->entries + SPLITIO_GRANT_RESERVED, 0,
                     (t->nr_refs - SPLITIO_GRANT_RESERVED) *
                         sizeof(*t->entries));
    /* Downwards, so that low references are handed out first. */
    for (uint32_t ref = t->nr_refs; ref-- > SPLITIO_GRANT_RESERVED;)
        push(t, &t->free_head, &t->nr_free, ref);
    return 0;
}

static uint32_t list_length(const struct splitio_grant_table *t, uint32_t i)
{
    uint32_t n = 0;

    for (; i < t->nr_refs && n <= t->nr_refs; n++)
        i = t->next[i];
    return i == STACK_END ? n : UINT32_MAX;
}

bool splitio_grant_table_is_valid(const struct splitio_grant_table *t)
{
    return t && t->entries && t->next &&
           list_length(t, (uint32_t)t->free_head) == t->nr_free &&
           list_length(t, (uint32_t)t->held_head) +
                   list_length(t, t->held_walk) ==
               t->nr_held &&
           t->nr_free + t->nr_held <= t->nr_refs - SPLITIO_GRANT_RESERVED;
}

int splitio_grant_table_grant(struct splitio_grant_table *t, splitio_domid_t to,
                              splitio_gfn_t gfn, bool read_only,
                              splitio_gref_t *gref)
{
    struct splitio_grant_entry_v1 *e;
    uint32_t ref;

    if (gfn > UINT32_MAX)
        return SPLITIO_EINVAL;
    ref = stack_pop(&t->free_head, t->next, 1);
    if (ref == STACK_END)
        return SPLITIO_ENOSPC;
    splitio_fetch_add_u32(&t->nr_free, UINT32_MAX);
    splitio_write_once_u32(&t->next[ref], LENT);
    e = &t->entries[ref];
    splitio_write_once_u32(&e->frame, (uint32_t)gfn);
    splitio_write_once_u16(&e->domid, to);
    splitio_store_release_u16(&e->flags,
                              SPLITIO_GTF_PERMIT_ACCESS |
                                  (read_only ? SPLITIO_GTF_READONLY : 0));
    *gref = ref;
    return 0;
}

/* Clear the entry if it is not in use; false if it is. */
static bool end_access(struct splitio_grant_entry_v1 *e)
{
    uint16_t flags = splitio_load_acquire_u16(&e->flags);

    for (unsigned i = 0; i < REVOKE_TRIES; i++) {
        if (flags & (SPLITIO_GTF_READING | SPLITIO_GTF_WRITING))
            return false;
        if (splitio_cas_u16(&e->flags, &flags, 0))
            return true;
    }
    return false;
}

int splitio_grant_table_revoke(struct splitio_grant_table *t,
                               splitio_gref_t gref)
{
    uint32_t lent = LENT;

    if (gref < SPLITIO_GRANT_RESERVED || gref >= t->nr_refs ||
        !splitio_cas_u32(&t->next[gref], &lent, STACK_END))
        return SPLITIO_EINVAL;
    if (end_access(&t->entries[gref])) {
        push(t, &t->free_head, &t->nr_free, gref);
        return 0;
    }
    push(t, &t->held_head, &t->nr_held, gref);
    return SPLITIO_EBUSY;
}

/* The next reference of the quarantine to look at, or STACK_END. */
static uint32_t next_held(struct splitio_grant_table *t)
{
    uint32_t ref;

    if (t->held_walk == STACK_END)
        t->held_walk = stack_take_all(&t->held_head);
    ref = t->held_walk;
    if (ref != STACK_END)
        t->held_walk = splitio_read_once_u32(&t->next[ref]);
    return ref;
}

unsigned splitio_grant_table_reap(struct splitio_grant_table *t,
                                  unsigned budget,
                                  splitio_grant_reaped_fn reaped, void *arg)
{
    uint32_t busy = STACK_END; /* looked at in this call, still in use */
    unsigned freed = 0;
    uint32_t ref;

    for (; budget > 0 && (ref = next_held(t)) != STACK_END; budget--) {
        splitio_gfn_t gfn = splitio_read_once_u32(&t->entries[ref].frame);

        if (!end_access(&t->entries[ref])) {
            splitio_write_once_u32(&t->next[ref], busy);
            busy = ref;
            continue;
        }
        splitio_fetch_add_u32(&t->nr_held, UINT32_MAX);
        push(t, &t->free_head, &t->nr_free, ref);
        reaped(arg, gfn);
        freed++;
    }
    while ((ref = busy) != STACK_END) {
        busy = t->next[ref];
        stack_push(&t->held_head, ref, &t->next[ref]);
    }
    return freed;
}

uint32_t splitio_grant_table_nr_lent(const struct splitio_grant_table *t)
{
    return t->nr_refs - SPLITIO_GRANT_RESERVED -
           splitio_read_once_u32(&t->nr_free);
}
