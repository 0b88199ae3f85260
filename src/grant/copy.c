/* SPDX-License-Identifier: BSD-2-Clause */
/* The grant engine's copies: pin both ends, copy, let go. */
#include <splitio/grant.h>

#include "../base/slots.h"
#include "pin.h"

/* One end of a copy while it is pinned. */
struct held {
    struct splitio_grant_domain *domain; /* NULL for the caller's memory */
    uint8_t *ptr;
};

static int hold(struct splitio_grant_engine *e, splitio_domid_t self,
                const struct splitio_grant_end *end, uint32_t len,
                enum splitio_grant_pin kind, struct held *held)
{
    void *page;
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
    held->domain = slot_enter(e->slots, e->nr_slots, end->domid);
    if (!held->domain)
        return SPLITIO_GNTST_BAD_DOMAIN;
    status =
        splitio_grant_pin_take(e, held->domain, self, end->gref, kind, &page);
    if (status != SPLITIO_GNTST_OKAY) {
        slot_leave(e->slots, end->domid);
        return status;
    }
    held->ptr = (uint8_t *)page + end->offset;
    return SPLITIO_GNTST_OKAY;
}

static void let_go(struct splitio_grant_engine *e,
                   const struct splitio_grant_end *end,
                   enum splitio_grant_pin kind, const struct held *held)
{
    if (!held->domain)
        return;
    splitio_grant_pin_drop(held->domain, end->gref, kind);
    slot_leave(e->slots, end->domid);
}

static int copy_one(struct splitio_grant_engine *e, splitio_domid_t self,
                    const struct splitio_grant_copy *op)
{
    struct held src, dst;
    int status;

    if (op->len_bytes == 0)
        return SPLITIO_GNTST_OKAY;
    status =
        hold(e, self, &op->src, op->len_bytes, SPLITIO_PIN_COPY_READ, &src);
    if (status != SPLITIO_GNTST_OKAY)
        return status;
    status =
        hold(e, self, &op->dst, op->len_bytes, SPLITIO_PIN_COPY_WRITE, &dst);
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
    unsigned failed = 0;

    for (unsigned i = 0; i < nr; i++) {
        ops[i].status =
            alive ? copy_one(e, self, &ops[i]) : SPLITIO_GNTST_BAD_DOMAIN;
        failed += ops[i].status != SPLITIO_GNTST_OKAY;
    }
    if (alive)
        slot_leave(e->slots, self);
    return failed;
}
