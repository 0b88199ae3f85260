/* SPDX-License-Identifier: BSD-2-Clause */
/* A vcpu_info that the guest has put elsewhere. */
#include "engine_int.h"

/* Lock held. Nothing that went to the old place may be lost: the guest is told
 * that any of its ports may be pending. */
static void move(struct splitio_event_domain *d, unsigned vcpu, uint8_t *to)
{
    const struct splitio_event_abi *abi = d->abi;

    __builtin_memcpy(to, d->infos[vcpu], abi->vcpu_stride);
    __atomic_store_n(&d->infos[vcpu], to, __ATOMIC_SEQ_CST);
    for (uint32_t word = 0; word < abi->word_bits; word++)
        (void)bit_set(abi, to + abi->selector, word);
    (void)splitio_xchg_u8(to + abi->upcall_pending, 1);
}

int splitio_event_engine_register_vcpu_info(struct splitio_event_engine *e,
                                            splitio_domid_t self, unsigned vcpu,
                                            splitio_gfn_t gfn, uint32_t offset)
{
    struct splitio_event_domain *d = enter(e, self);
    uint8_t *page = NULL;
    int err = SPLITIO_EINVAL;

    if (!d)
        return SPLITIO_ENOENT;
    if (vcpu >= d->abi->nr_vcpus)
        err = SPLITIO_ENOENT;
    else if (offset % 8 == 0 &&
             offset <= SPLITIO_PAGE_SIZE - d->abi->vcpu_stride)
        page = e->port->ops->frame_ptr(e->port->ctx, self, gfn, true);
    if (page) {
        spin_lock(&e->lock);
        if (d->infos[vcpu] == vcpu_info(d->abi, d->shared_info, vcpu)) {
            move(d, vcpu, page + offset);
            err = 0;
        }
        spin_unlock(&e->lock);
    }
    leave(e, self);
    if (!err)
        e->port->ops->upcall(e->port->ctx, self, vcpu);
    return err;
}

void *splitio_event_engine_vcpu_info(struct splitio_event_engine *e,
                                     splitio_domid_t self, unsigned vcpu)
{
    struct splitio_event_domain *d = enter(e, self);
    void *info = NULL;

    if (!d)
        return NULL;
    if (vcpu < d->abi->nr_vcpus)
        info = info_of(d, vcpu);
    leave(e, self);
    return info;
}
