/* SPDX-License-Identifier: BSD-2-Clause */
/* The grant engine's copies: pin both ends, copy, let go. */
#include <splitio/grant_engine.h>

#include "../base/slots.h"
#include "pin.h"

/* The domain at one end of the copies of a batch, entered as long as it stays. */
struct visit {
    struct splitio_grant_domain *domain;
    splitio_domid_t domid;
};

/* One end of a copy while it is pinned. */
struct held {
    struct splitio_grant_domain *domain; /* NULL for the caller's memory */
    uint8_t *ptr;
    struct splitio_grant_got got;
    /* Of a grant that was passed on. */
    struct splitio_grant_domain *behind;
};

static void end_visit(struct splitio_grant_engine *e, struct visit *v)
{
    if (v->domain)
        slot_leave(e->slots, v->domid);
    v->domain = NULL;
}

static inline struct splitio_grant_domain *
visit(struct splitio_grant_engine *e, struct visit *v, splitio_domid_t domid)
{
    if (v->domain && v->domid == domid)
        return v->domain;
    end_visit(e, v);
    v->domain =
        (struct splitio_grant_domain *)slot_enter(e->slots, e->nr_slots, domid);
    v->domid = domid;
    return v->domain;
}

static void let_go_behind(struct splitio_grant_engine *e,
                          enum splitio_grant_pin kind, const struct held *held)
{
    splitio_grant_pin_drop(held->behind, held->got.gref, kind);
    slot_leave(e->slots, held->got.domid);
}

static inline void let_go(struct splitio_grant_engine *e,
                          const struct splitio_grant_end *end,
                          enum splitio_grant_pin kind, const struct held *held)
{
    if (!held->domain)
        return;
    if (held->got.what == GRANT_THROUGH && held->behind)
        let_go_behind(e, kind, held);
    splitio_grant_pin_drop(held->domain, end->gref, kind);
}

/* From a grant that domain @p via passed on to what it was given: one step. */
static int follow(struct splitio_grant_engine *e, splitio_domid_t via,
                  enum splitio_grant_pin kind, struct held *held,
                  struct splitio_grant_got *inner)
{
    splitio_domid_t domid = held->got.domid;
    int status;

    if (domid == via)
        return SPLITIO_GNTST_GENERAL_ERROR;
    held->behind = slot_enter(e->slots, e->nr_slots, domid);
    if (!held->behind)
        return SPLITIO_GNTST_GENERAL_ERROR;
    status = splitio_grant_pin_take(e, held->behind, via, held->got.gref, kind,
                                    inner);
    if (status != SPLITIO_GNTST_OKAY) {
        slot_leave(e->slots, domid);
        held->behind = NULL;
        return status;
    }
    return inner->what == GRANT_THROUGH ? SPLITIO_GNTST_GENERAL_ERROR
                                        : SPLITIO_GNTST_OKAY;
}

/* Find where the bytes are, and whether they may be copied; or let go. */
static int hold_special(struct splitio_grant_engine *e,
                        const struct splitio_grant_end *end, uint32_t len,
                        enum splitio_grant_pin kind, struct held *held)
{
    struct splitio_grant_got got = held->got;
    int status = SPLITIO_GNTST_OKAY;

    held->behind = NULL;
    if (got.what == GRANT_THROUGH)
        status = follow(e, end->domid, kind, held, &got);
    if (status == SPLITIO_GNTST_OKAY && got.what == GRANT_PART &&
        (end->offset < got.offset ||
         end->offset + len > got.offset + got.length))
        status = SPLITIO_GNTST_GENERAL_ERROR;
    if (status != SPLITIO_GNTST_OKAY)
        let_go(e, end, kind, held);
    else
        held->ptr = (uint8_t *)got.ptr + end->offset;
    return status;
}

/*
 * SPLITIO_GNTST_OKAY: it is a page, and held. Another status. Or GRANT_PART,
 * GRANT_THROUGH: held so far.
 */
static inline int hold(struct splitio_grant_engine *e, splitio_domid_t self,
                       struct visit *at, const struct splitio_grant_end *end,
                       uint32_t len, enum splitio_grant_pin kind,
                       struct held *held)
{
    int status;

    held->domain = NULL;
    held->ptr = end->local;
    if (len > SPLITIO_PAGE_SIZE)
        return SPLITIO_GNTST_BAD_COPY_ARG;
    if (end->local)
        return SPLITIO_GNTST_OKAY;
    if (end->offset > SPLITIO_PAGE_SIZE ||
        len > SPLITIO_PAGE_SIZE - end->offset)
        return SPLITIO_GNTST_BAD_COPY_ARG;
    held->domain = visit(e, at, end->domid);
    if (!held->domain)
        return SPLITIO_GNTST_BAD_DOMAIN;
    status = splitio_grant_pin_take(e, held->domain, self, end->gref, kind,
                                    &held->got);
    if (status != SPLITIO_GNTST_OKAY)
        return status;
    /* In numbers: there is no page yet behind what was passed on. */
    held->ptr = (uint8_t *)((uintptr_t)held->got.ptr + end->offset);
    return (int)held->got.what;
}

static int copy_one(struct splitio_grant_engine *e, splitio_domid_t self,
                    struct visit *from, struct visit *to,
                    const struct splitio_grant_copy *op)
{
    struct held src, dst;
    int status;

    if (op->len_bytes == 0)
        return SPLITIO_GNTST_OKAY;
    status = hold(e, self, from, &op->src, op->len_bytes, SPLITIO_PIN_COPY_READ,
                  &src);
    if (status > 0)
        status = hold_special(e, &op->src, op->len_bytes, SPLITIO_PIN_COPY_READ,
                              &src);
    if (status != SPLITIO_GNTST_OKAY)
        return status;
    status = hold(e, self, to, &op->dst, op->len_bytes, SPLITIO_PIN_COPY_WRITE,
                  &dst);
    if (status > 0)
        status = hold_special(e, &op->dst, op->len_bytes,
                              SPLITIO_PIN_COPY_WRITE, &dst);
    if (status == SPLITIO_GNTST_OKAY) {
        /* Both ends may lie in the same page of one guest. */
        __builtin_memmove(dst.ptr, src.ptr, op->len_bytes);
        let_go(e, &op->dst, SPLITIO_PIN_COPY_WRITE, &dst);
    }
    let_go(e, &op->src, SPLITIO_PIN_COPY_READ, &src);
    return status;
}

unsigned splitio_grant_engine_copy(struct splitio_grant_engine *e,
                                   splitio_domid_t self,
                                   struct splitio_grant_copy *ops, unsigned nr)
{
    bool alive = slot_enter(e->slots, e->nr_slots, self) != NULL;
    struct visit from = {NULL, 0}, to = {NULL, 0};
    unsigned failed = 0;

    for (unsigned i = 0; i < nr; i++) {
        ops[i].status = alive ? copy_one(e, self, &from, &to, &ops[i])
                              : SPLITIO_GNTST_BAD_DOMAIN;
        failed += ops[i].status != SPLITIO_GNTST_OKAY;
    }
    end_visit(e, &from);
    end_visit(e, &to);
    if (alive)
        slot_leave(e->slots, self);
    return failed;
}
