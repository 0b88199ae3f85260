/* SPDX-License-Identifier: BSD-2-Clause */
/* Cache maintenance over a page that is mapped. */
#include <splitio/grant_engine.h>

#include "../base/slots.h"
#include "pin.h"
#include "track.h"

static int flush(struct splitio_grant_engine *e,
                 struct splitio_grant_domain *self,
                 splitio_grant_handle_t handle, uint32_t offset,
                 uint32_t len_bytes, uint32_t op)
{
    const struct splitio_hypervisor_port *port = e->port;
    uint64_t word = track_live_word(self, handle);
    splitio_domid_t domid = track_domid(word);
    struct splitio_grant_domain *d;
    int err = SPLITIO_EINVAL;
    uint8_t *ptr;

    if (!word)
        return SPLITIO_EINVAL;
    d = slot_enter_dying(e->slots, e->nr_slots, domid);
    if (!d)
        return SPLITIO_EINVAL;
    ptr = splitio_grant_pin_ptr(d, track_gref(word));
    /* The address outlives the mapping: we are inside its domain. */
    if (track_live_word(self, handle) == word)
        err =
            port->ops->cache_flush
                ? port->ops->cache_flush(port->ctx, ptr + offset, len_bytes, op)
                : SPLITIO_EOPNOTSUPP;
    slot_leave(e->slots, domid);
    return err;
}

int splitio_grant_engine_cache_flush(struct splitio_grant_engine *e,
                                     splitio_domid_t self,
                                     splitio_grant_handle_t handle,
                                     uint32_t offset, uint32_t len_bytes,
                                     uint32_t op)
{
    struct splitio_grant_domain *d;
    int err;

    if (offset >= SPLITIO_PAGE_SIZE || len_bytes > SPLITIO_PAGE_SIZE - offset ||
        (op & ~(SPLITIO_CACHE_CLEAN | SPLITIO_CACHE_INVAL)) != 0)
        return SPLITIO_EINVAL;
    if (len_bytes == 0 || op == 0)
        return 0;
    d = slot_enter_dying(e->slots, e->nr_slots, self);
    if (!d)
        return SPLITIO_EINVAL;
    err = flush(e, d, handle, offset, len_bytes, op);
    slot_leave(e->slots, self);
    return err;
}
