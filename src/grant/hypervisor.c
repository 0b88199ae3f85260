/* SPDX-License-Identifier: BSD-2-Clause */
/* The grant engine: domains and mappings. */
#include <splitio/grant_engine.h>

#include "../base/slots.h"
#include "entry.h"
#include "pin.h"
#include "track.h"

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

static bool are_pages(void *const *pages, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++)
        if (!pages || !pages[i] ||
            ((uintptr_t)pages[i] & SPLITIO_PAGE_MASK) != 0)
            return false;
    return true;
}

static bool config_is_good(const struct splitio_grant_engine *e,
                           const struct splitio_grant_domain_config *c,
                           unsigned version, unsigned max_frames)
{
    return c->domid < e->nr_slots && c->nr_frames <= max_frames &&
           max_frames <= SPLITIO_GRANT_FRAMES_MAX &&
           c->nr_track < SPLITIO_GRANT_TRACK_MAX && c->mem &&
           ((uintptr_t)c->mem & (sizeof(uint64_t) - 1)) == 0 &&
           are_pages(c->frames, c->nr_frames) &&
           (c->nr_status == 0 ||
            c->nr_status == SPLITIO_GRANT_STATUS_FRAMES(max_frames)) &&
           are_pages(c->status, c->nr_status) &&
           (version == 1 || (version == 2 && c->nr_status != 0));
}

static void fill(struct splitio_grant_domain *d,
                 const struct splitio_grant_domain_config *c, unsigned version,
                 unsigned max_frames)
{
    size_t nr_active = (size_t)max_frames * SPLITIO_GRANTS_PER_FRAME_V1;

    __builtin_memset(d, 0, sizeof(*d));
    __builtin_memset(c->mem, 0,
                     SPLITIO_GRANT_DOMAIN_MEM(max_frames, c->nr_track));
    d->domid = c->domid;
    d->version = (uint16_t)version;
    d->nr_frames = c->nr_frames;
    d->max_frames = max_frames;
    d->nr_refs = c->nr_frames * refs_per_frame(version);
    for (unsigned i = 0; i < c->nr_frames; i++)
        d->frames[i] = c->frames[i];
    d->nr_status = c->nr_status;
    for (unsigned i = 0; i < c->nr_status; i++) {
        d->status[i] = c->status[i];
        __builtin_memset(d->status[i], 0, SPLITIO_PAGE_SIZE);
    }
    d->active = c->mem;
    d->track = (struct splitio_grant_track *)(void *)(d->active + nr_active);
    d->nr_track = c->nr_track;
    d->track_head = stack_empty();
    for (uint32_t i = c->nr_track; i-- > 0;)
        track_free(d, i);
}

int splitio_grant_engine_add(struct splitio_grant_engine *e,
                             struct splitio_grant_domain *d,
                             const struct splitio_grant_domain_config *cfg)
{
    unsigned version = cfg->version ? cfg->version : 1;
    unsigned max_frames = cfg->max_frames ? cfg->max_frames : cfg->nr_frames;

    if (!config_is_good(e, cfg, version, max_frames))
        return SPLITIO_EINVAL;
    if (slot_peek(e->slots, e->nr_slots, cfg->domid))
        return SPLITIO_EEXIST;
    fill(d, cfg, version, max_frames);
    return slot_fill(e->slots, cfg->domid, d);
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
    struct splitio_grant_got got;
    int status = SPLITIO_GNTST_BAD_DOMAIN;

    if (index == STACK_END)
        return SPLITIO_GNTST_NO_DEVICE_SPACE;
    d = slot_enter(e->slots, e->nr_slots, op->domid);
    if (d) {
        status =
            splitio_grant_pin_take(e, d, self->domid, op->gref, kind, &got);
        slot_leave(e->slots, op->domid);
    }
    if (status != SPLITIO_GNTST_OKAY) {
        track_free(self, index);
        return status;
    }
    op->va = got.ptr;
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

/* A mapping that nobody else can end. */
struct claim {
    uint32_t index;
    uint64_t word;
    struct splitio_grant_domain *domain; /* whose page */
};

static inline bool claim(struct splitio_grant_engine *e,
                         struct splitio_grant_domain *self,
                         splitio_grant_handle_t handle, struct claim *c)
{
    uint64_t word = track_live_word(self, handle);

    if (!word)
        return false;
    /* While the mapping is live its pin keeps the domain registered. */
    c->domain = slot_enter_dying(e->slots, e->nr_slots, track_domid(word));
    if (!c->domain)
        return false;
    c->index = track_index(handle);
    c->word = word;
    if (splitio_cas_u64(&self->track[c->index].word, &word,
                        track_gen(word) + (UINT64_C(1) << TRACK_GEN_SHIFT)))
        return true;
    slot_leave(e->slots, track_domid(c->word));
    return false;
}

static inline void end_claimed(struct splitio_grant_engine *e,
                               struct splitio_grant_domain *self,
                               const struct claim *c)
{
    splitio_grant_pin_drop(c->domain, track_gref(c->word), track_kind(c->word));
    slot_leave(e->slots, track_domid(c->word));
    track_free(self, c->index);
    splitio_fetch_add_u32(&self->nr_mapped, UINT32_MAX);
}

static int unmap_one(struct splitio_grant_engine *e,
                     struct splitio_grant_domain *self,
                     splitio_grant_handle_t handle)
{
    struct claim c;

    if (!claim(e, self, handle, &c))
        return SPLITIO_GNTST_BAD_HANDLE;
    end_claimed(e, self, &c);
    return SPLITIO_GNTST_OKAY;
}

static int replace_one(struct splitio_grant_engine *e,
                       struct splitio_grant_domain *self,
                       const struct splitio_grant_replace *op)
{
    const struct splitio_hypervisor_ops *ops = e->port->ops;
    struct claim c;
    void *va;

    if (!op->new_va)
        return SPLITIO_GNTST_BAD_VIRT_ADDR;
    if (!claim(e, self, op->handle, &c))
        return SPLITIO_GNTST_BAD_HANDLE;
    va = splitio_grant_pin_ptr(c.domain, track_gref(c.word));
    if (!ops->replace ||
        ops->replace(e->port->ctx, self->domid, va, op->new_va) != 0) {
        /* As if it had not been claimed. */
        splitio_store_release_u64(&self->track[c.index].word, c.word);
        slot_leave(e->slots, track_domid(c.word));
        return SPLITIO_GNTST_GENERAL_ERROR;
    }
    end_claimed(e, self, &c);
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

unsigned splitio_grant_engine_unmap_and_replace(
    struct splitio_grant_engine *e, splitio_domid_t self,
    struct splitio_grant_replace *ops, unsigned nr)
{
    struct splitio_grant_domain *d =
        slot_enter_dying(e->slots, e->nr_slots, self);
    unsigned failed = 0;

    for (unsigned i = 0; i < nr; i++) {
        ops[i].status =
            d ? replace_one(e, d, &ops[i]) : SPLITIO_GNTST_BAD_DOMAIN;
        failed += ops[i].status != SPLITIO_GNTST_OKAY;
    }
    if (d)
        slot_leave(e->slots, self);
    return failed;
}

unsigned splitio_grant_engine_transfer(struct splitio_grant_engine *e,
                                       splitio_domid_t self,
                                       struct splitio_grant_transfer *ops,
                                       unsigned nr)
{
    (void)e;
    (void)self;
    for (unsigned i = 0; i < nr; i++)
        ops[i].status = SPLITIO_GNTST_BAD_PAGE;
    return nr;
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
    word = track_live_word(s, handle);
    if (word)
        d = slot_enter_dying(e->slots, e->nr_slots, track_domid(word));
    if (d) {
        *gfn = splitio_load_acquire_u64(&d->active[track_gref(word)].gfn);
        slot_leave(e->slots, track_domid(word));
    }
    /* Unmapped meanwhile: the frame may be the next pin's. */
    if (d && track_live_word(s, handle) != word)
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
