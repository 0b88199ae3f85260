/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's side of a grant table: grant, revoke, quarantine. */
#include <splitio/grant.h>

#include "table.h"

static void push(struct splitio_grant_table *t, uint64_t *head, uint32_t *count,
                 splitio_gref_t gref)
{
    splitio_fetch_add_u32(count, 1);
    stack_push(head, gref, &t->next[gref]);
}

static bool are_frames(const void *frames)
{
    return frames && ((uintptr_t)frames & SPLITIO_PAGE_MASK) == 0;
}

/* The hypervisor side may be looking: peers try references of long ago. */
static void clear(void *from, void *to)
{
    for (uint64_t *word = from; word < (uint64_t *)to; word++)
        splitio_write_once_u64(word, 0);
}

/* References from @p from on become free; low ones are handed out first. */
static void free_from(struct splitio_grant_table *t, uint32_t from)
{
    for (uint32_t ref = t->nr_refs; ref-- > from;)
        push(t, &t->free_head, &t->nr_free, ref);
}

static void init_lists(struct splitio_grant_table *t, uint32_t *next_mem)
{
    t->next = next_mem;
    t->free_head = t->held_head = stack_empty();
    t->held_walk = STACK_END;
    t->nr_free = t->nr_held = 0;
    for (uint32_t ref = 0; ref < SPLITIO_GRANT_RESERVED; ref++)
        next_mem[ref] = STACK_END;
    free_from(t, SPLITIO_GRANT_RESERVED);
}

int splitio_grant_table_init(struct splitio_grant_table *t, void *frames,
                             unsigned nr_frames, uint32_t *next_mem)
{
    if (!are_frames(frames) || nr_frames == 0 ||
        nr_frames > SPLITIO_GRANT_FRAMES_MAX || !next_mem)
        return SPLITIO_EINVAL;
    t->entries = frames;
    t->entries_v2 = NULL;
    t->status = NULL;
    t->nr_refs = nr_frames * SPLITIO_GRANTS_PER_FRAME_V1;
    clear(t->entries + SPLITIO_GRANT_RESERVED, t->entries + t->nr_refs);
    init_lists(t, next_mem);
    return 0;
}

int splitio_grant_table_init_v2(struct splitio_grant_table *t, void *frames,
                                const void *status, unsigned nr_frames,
                                uint32_t *next_mem)
{
    if (!are_frames(frames) || !are_frames(status) || nr_frames == 0 ||
        nr_frames > SPLITIO_GRANT_FRAMES_MAX || !next_mem)
        return SPLITIO_EINVAL;
    t->entries = NULL;
    t->entries_v2 = frames;
    t->status = status;
    t->nr_refs = nr_frames * SPLITIO_GRANTS_PER_FRAME_V2;
    clear(t->entries_v2 + SPLITIO_GRANT_RESERVED, t->entries_v2 + t->nr_refs);
    init_lists(t, next_mem);
    return 0;
}

int splitio_grant_table_grow(struct splitio_grant_table *t, unsigned nr_frames)
{
    uint32_t had = t->nr_refs;
    uint32_t nr_refs = nr_frames * (t->status ? SPLITIO_GRANTS_PER_FRAME_V2
                                              : SPLITIO_GRANTS_PER_FRAME_V1);

    if (nr_frames > SPLITIO_GRANT_FRAMES_MAX || nr_refs < had)
        return SPLITIO_EINVAL;
    splitio_write_once_u32(&t->nr_refs, nr_refs);
    free_from(t, had);
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
    return t && (t->status ? (void *)t->entries_v2 : (void *)t->entries) &&
           t->next && list_length(t, (uint32_t)t->free_head) == t->nr_free &&
           list_length(t, (uint32_t)t->held_head) +
                   list_length(t, t->held_walk) ==
               t->nr_held &&
           t->nr_free + t->nr_held <= t->nr_refs - SPLITIO_GRANT_RESERVED;
}

/* ---- grant ---- */

static int grant_v2(struct splitio_grant_table *t, splitio_domid_t to,
                    splitio_gfn_t gfn, uint16_t flags, splitio_gref_t *gref)
{
    uint32_t ref = take_free(t, LENT);
    union splitio_grant_entry_v2 *e;

    if (ref == STACK_END)
        return SPLITIO_ENOSPC;
    e = &t->entries_v2[ref];
    splitio_write_once_le64(&e->full_page.frame, gfn);
    publish(&e->hdr, to, flags);
    *gref = ref;
    return 0;
}

int splitio_grant_table_grant(struct splitio_grant_table *t, splitio_domid_t to,
                              splitio_gfn_t gfn, bool read_only,
                              splitio_gref_t *gref)
{
    uint16_t flags = flags_of(SPLITIO_GTF_PERMIT_ACCESS, read_only);
    struct splitio_grant_entry_v1 *e;
    uint32_t ref;

    if (t->status)
        return grant_v2(t, to, gfn, flags, gref);
    if (gfn > UINT32_MAX)
        return SPLITIO_EINVAL;
    ref = take_free(t, LENT);
    if (ref == STACK_END)
        return SPLITIO_ENOSPC;
    e = &t->entries[ref];
    splitio_write_once_le32(&e->frame, (uint32_t)gfn);
    splitio_write_once_le16(&e->domid, to);
    splitio_store_release_le16(&e->flags, flags);
    *gref = ref;
    return 0;
}

/* ---- revoke ---- */

static inline bool end_access_v1(struct splitio_grant_entry_v1 *e)
{
    uint16_t flags = splitio_load_acquire_le16(&e->flags);

    for (unsigned i = 0; i < TRIES; i++) {
        if (flags & IN_USE)
            return false;
        if (splitio_cas_le16(&e->flags, &flags, 0))
            return true;
    }
    return false;
}

/* Clear the entry if it is not in use; false if it is. */
static inline bool end_access(struct splitio_grant_table *t,
                              splitio_gref_t gref)
{
    return t->status ? set_flags_v2(t, gref, 0, IN_USE)
                     : end_access_v1(&t->entries[gref]);
}

/* What can only be copied comes free soon: there is no quarantine for it. */
static int revoke_copy(struct splitio_grant_table *t, splitio_gref_t gref)
{
    uint32_t lent = LENT_COPY;

    if (!splitio_cas_u32(&t->next[gref], &lent, STACK_END))
        return SPLITIO_EINVAL;
    if (!end_access(t, gref)) {
        splitio_store_release_u32(&t->next[gref], LENT_COPY);
        return SPLITIO_EAGAIN;
    }
    push(t, &t->free_head, &t->nr_free, gref);
    return 0;
}

int splitio_grant_table_revoke(struct splitio_grant_table *t,
                               splitio_gref_t gref)
{
    uint32_t lent = LENT;

    if (gref < SPLITIO_GRANT_RESERVED ||
        gref >= splitio_read_once_u32(&t->nr_refs))
        return SPLITIO_EINVAL;
    if (!splitio_cas_u32(&t->next[gref], &lent, STACK_END))
        return revoke_copy(t, gref);
    if (end_access(t, gref)) {
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

static splitio_gfn_t frame_of(const struct splitio_grant_table *t,
                              splitio_gref_t gref)
{
    return t->status
               ? splitio_read_once_le64(&t->entries_v2[gref].full_page.frame)
               : splitio_read_once_le32(&t->entries[gref].frame);
}

unsigned splitio_grant_table_reap(struct splitio_grant_table *t,
                                  unsigned budget,
                                  splitio_grant_reaped_fn reaped, void *arg)
{
    uint32_t busy = STACK_END; /* looked at in this call, still in use */
    unsigned freed = 0;
    uint32_t ref;

    for (; budget > 0 && (ref = next_held(t)) != STACK_END; budget--) {
        splitio_gfn_t gfn = frame_of(t, ref);

        if (!end_access(t, ref)) {
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
    return splitio_read_once_u32(&t->nr_refs) - SPLITIO_GRANT_RESERVED -
           splitio_read_once_u32(&t->nr_free);
}
