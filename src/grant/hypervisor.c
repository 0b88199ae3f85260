/* SPDX-License-Identifier: BSD-2-Clause */
/* The grant engine: domains and mappings. */
#include <splitio/grant.h>

#include "../base/slots.h"
#include "pin.h"
#include "stack.h"

/*
 * A track word, from the top: generation 12 bits, live 1, writable 1,
 * 2 unused, domain 16, reference 32. Unmapping is one compare-and-swap from
 * live to free, so a handle works once whoever calls how often.
 */
#define TRACK_LIVE      (UINT64_C(1) << 51)
#define TRACK_WRITE     (UINT64_C(1) << 50)
#define TRACK_GEN_SHIFT 52
#define HANDLE_GEN      20
#define LINK_STRIDE     (sizeof(struct splitio_grant_track) / sizeof(uint32_t))

static splitio_domid_t track_domid(uint64_t word)
{
    return (splitio_domid_t)(word >> 32);
}

static splitio_gref_t track_gref(uint64_t word)
{
    return (splitio_gref_t)word;
}

static enum splitio_grant_pin track_kind(uint64_t word)
{
    return word & TRACK_WRITE ? SPLITIO_PIN_MAP_WRITE : SPLITIO_PIN_MAP_READ;
}

/* The generation alone, in place. */
static uint64_t track_gen(uint64_t word)
{
    return word >> TRACK_GEN_SHIFT << TRACK_GEN_SHIFT;
}

static void track_free(struct splitio_grant_domain *d, uint32_t index)
{
    stack_push(&d->track_head, index, &d->track[index].next);
}

void splitio_grant_engine_init(struct splitio_grant_engine *e,
                               const struct splitio_hypervisor_port *port,
                               struct splitio_domain_slot *slots,
                               unsigned nr_slots)
{
    e->port = port;
    e->slots = slots;
    e->nr_slots = nr_slots;
    __builtin_memset(slots, 0, nr_slots * sizeof(*slots));
}

int splitio_grant_engine_add(struct splitio_grant_engine *e,
                             struct splitio_grant_domain *d,
                             splitio_domid_t domid, void *const *frames,
                             unsigned nr_frames, uint32_t nr_track, void *mem)
{
    size_t nr_refs = (size_t)nr_frames * SPLITIO_GRANTS_PER_FRAME_V1;

    if (domid >= e->nr_slots || nr_frames > SPLITIO_GRANT_FRAMES_MAX ||
        nr_track >= SPLITIO_GRANT_TRACK_MAX || !mem ||
        ((uintptr_t)mem & (sizeof(uint64_t) - 1)) != 0 ||
        (nr_frames != 0 && !frames))
        return SPLITIO_EINVAL;
    for (unsigned i = 0; i < nr_frames; i++)
        if (!frames[i] || ((uintptr_t)frames[i] & SPLITIO_PAGE_MASK) != 0)
            return SPLITIO_EINVAL;
    if (slot_peek(e->slots, e->nr_slots, domid))
        return SPLITIO_EEXIST;
    __builtin_memset(d, 0, sizeof(*d));
    __builtin_memset(mem, 0, SPLITIO_GRANT_DOMAIN_MEM(nr_frames, nr_track));
    d->domid = domid;
    d->nr_frames = nr_frames;
    for (unsigned i = 0; i < nr_frames; i++)
        d->frames[i] = frames[i];
    d->active = mem;
    d->track = (struct splitio_grant_track *)(void *)(d->active + nr_refs);
    d->nr_track = nr_track;
    d->track_head = stack_empty();
    while (nr_track-- > 0)
        track_free(d, nr_track);
    return slot_fill(e->slots, domid, d);
}

static bool is_used(const struct splitio_grant_domain *d)
{
    return splitio_load_acquire_u32(&d->nr_pins) != 0 ||
           splitio_load_acquire_u32(&d->nr_mapped) != 0;
}

int splitio_grant_engine_remove(struct splitio_grant_engine *e,
                                splitio_domid_t domid)
{
    struct splitio_grant_domain *d = slot_peek(e->slots, e->nr_slots, domid);

    if (!d)
        return SPLITIO_ENOENT;
    /* Nothing begins any more; unmapping what there is must still get in. */
    slot_set(e->slots, domid, (uintptr_t)d | SLOT_DYING);
    if (is_used(d))
        return SPLITIO_EBUSY;
    if (!slot_is_idle(e->slots, domid))
        return SPLITIO_EAGAIN;
    /* Whoever came before the mark has left: use can only go down from here. */
    if (is_used(d))
        return SPLITIO_EBUSY;
    slot_set(e->slots, domid, (uintptr_t)d | SLOT_SHUT);
    if (!slot_is_idle(e->slots, domid))
        return SPLITIO_EAGAIN;
    slot_set(e->slots, domid, 0);
    return 0;
}

static int map_one(struct splitio_grant_engine *e,
                   struct splitio_grant_domain *self,
                   struct splitio_grant_map *op)
{
    enum splitio_grant_pin kind =
        op->read_only ? SPLITIO_PIN_MAP_READ : SPLITIO_PIN_MAP_WRITE;
    uint32_t index =
        stack_pop(&self->track_head, &self->track->next, LINK_STRIDE);
    struct splitio_grant_domain *d;
    struct splitio_grant_track *t;
    int status = SPLITIO_GNTST_BAD_DOMAIN;

    if (index == STACK_END)
        return SPLITIO_GNTST_NO_DEVICE_SPACE;
    d = slot_enter(e->slots, e->nr_slots, op->domid);
    if (d) {
        status =
            splitio_grant_pin_take(e, d, self->domid, op->gref, kind, &op->va);
        slot_leave(e->slots, op->domid);
    }
    if (status != SPLITIO_GNTST_OKAY) {
        track_free(self, index);
        return status;
    }
    t = &self->track[index];
    splitio_fetch_add_u32(&self->nr_mapped, 1);
    op->handle = (uint32_t)(t->word >> TRACK_GEN_SHIFT) << HANDLE_GEN | index;
    splitio_store_release_u64(&t->word, track_gen(t->word) | TRACK_LIVE |
                                            (op->read_only ? 0 : TRACK_WRITE) |
                                            (uint64_t)op->domid << 32 |
                                            op->gref);
    return SPLITIO_GNTST_OKAY;
}

unsigned splitio_grant_engine_map(struct splitio_grant_engine *e,
                                  splitio_domid_t self,
                                  struct splitio_grant_map *ops, unsigned nr)
{
    struct splitio_grant_domain *d = slot_enter(e->slots, e->nr_slots, self);
    unsigned failed = 0;

    for (unsigned i = 0; i < nr; i++) {
        ops[i].handle = SPLITIO_GRANT_HANDLE_NONE;
        ops[i].va = NULL;
        ops[i].status = d ? map_one(e, d, &ops[i]) : SPLITIO_GNTST_BAD_DOMAIN;
        failed += ops[i].status != SPLITIO_GNTST_OKAY;
    }
    if (d)
        slot_leave(e->slots, self);
    return failed;
}

/* The live word of a handle, 0 if it is not one. */
static uint64_t live_word(struct splitio_grant_domain *d,
                          splitio_grant_handle_t handle)
{
    uint32_t index = handle & (SPLITIO_GRANT_TRACK_MAX - 1);
    uint64_t word;

    if (index >= d->nr_track)
        return 0;
    word = splitio_load_acquire_u64(&d->track[index].word);
    if (!(word & TRACK_LIVE) || word >> TRACK_GEN_SHIFT != handle >> HANDLE_GEN)
        return 0;
    return word;
}

static int unmap_one(struct splitio_grant_engine *e,
                     struct splitio_grant_domain *self,
                     splitio_grant_handle_t handle)
{
    uint32_t index = handle & (SPLITIO_GRANT_TRACK_MAX - 1);
    uint64_t word = live_word(self, handle);
    splitio_domid_t domid = track_domid(word);
    struct splitio_grant_domain *d;

    if (!word)
        return SPLITIO_GNTST_BAD_HANDLE;
    /* While the mapping is live its pin keeps the domain registered. */
    d = slot_enter_dying(e->slots, e->nr_slots, domid);
    if (!d)
        return SPLITIO_GNTST_BAD_HANDLE;
    if (!splitio_cas_u64(&self->track[index].word, &word,
                         track_gen(word) + (UINT64_C(1) << TRACK_GEN_SHIFT))) {
        slot_leave(e->slots, domid);
        return SPLITIO_GNTST_BAD_HANDLE;
    }
    splitio_grant_pin_drop(d, track_gref(word), track_kind(word));
    slot_leave(e->slots, domid);
    track_free(self, index);
    splitio_fetch_add_u32(&self->nr_mapped, UINT32_MAX);
    return SPLITIO_GNTST_OKAY;
}

unsigned splitio_grant_engine_unmap(struct splitio_grant_engine *e,
                                    splitio_domid_t self,
                                    struct splitio_grant_unmap *ops,
                                    unsigned nr)
{
    struct splitio_grant_domain *d =
        slot_enter_dying(e->slots, e->nr_slots, self);
    unsigned failed = 0;

    for (unsigned i = 0; i < nr; i++) {
        ops[i].status =
            d ? unmap_one(e, d, ops[i].handle) : SPLITIO_GNTST_BAD_DOMAIN;
        failed += ops[i].status != SPLITIO_GNTST_OKAY;
    }
    if (d)
        slot_leave(e->slots, self);
    return failed;
}

int splitio_grant_engine_mapped_gfn(struct splitio_grant_engine *e,
                                    splitio_domid_t self,
                                    splitio_grant_handle_t handle,
                                    splitio_gfn_t *gfn)
{
    struct splitio_grant_domain *s =
        slot_enter_dying(e->slots, e->nr_slots, self);
    struct splitio_grant_domain *d = NULL;
    uint64_t word;

    if (!s)
        return SPLITIO_ENOENT;
    word = live_word(s, handle);
    if (word)
        d = slot_enter_dying(e->slots, e->nr_slots, track_domid(word));
    if (d) {
        *gfn = splitio_load_acquire_u64(&d->active[track_gref(word)].gfn);
        slot_leave(e->slots, track_domid(word));
    }
    /* Unmapped meanwhile: the frame may be the next pin's. */
    if (d && live_word(s, handle) != word)
        d = NULL;
    slot_leave(e->slots, self);
    return d ? 0 : SPLITIO_ENOENT;
}

/* nr_mapped or nr_pins of a domain that may not be there. */
static uint32_t counter(struct splitio_grant_engine *e, splitio_domid_t domid,
                        size_t offset)
{
    char *d = slot_enter_dying(e->slots, e->nr_slots, domid);
    uint32_t n;

    if (!d)
        return 0;
    n = splitio_read_once_u32((uint32_t *)(void *)(d + offset));
    slot_leave(e->slots, domid);
    return n;
}

uint32_t splitio_grant_engine_nr_mapped(struct splitio_grant_engine *e,
                                        splitio_domid_t domid)
{
    return counter(e, domid, offsetof(struct splitio_grant_domain, nr_mapped));
}

uint32_t splitio_grant_engine_nr_pins(struct splitio_grant_engine *e,
                                      splitio_domid_t domid)
{
    return counter(e, domid, offsetof(struct splitio_grant_domain, nr_pins));
}
