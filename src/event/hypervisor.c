/* SPDX-License-Identifier: BSD-2-Clause */
/* The event engine: domains, and making a port pending. */
#include "engine_int.h"

void splitio_event_engine_init(struct splitio_event_engine *e,
                               const struct splitio_hypervisor_port *port,
                               struct splitio_domain_slot *slots,
                               unsigned nr_slots)
{
    e->port = port;
    e->slots = slots;
    e->nr_slots = nr_slots;
    e->lock = 0;
    __builtin_memset(slots, 0, nr_slots * sizeof(*slots));
}

/* ---- domains ---- */

/* Nothing is touched of a domain that is there already. */
static int fill_domain(struct splitio_event_engine *e,
                       struct splitio_event_domain *d, splitio_domid_t domid,
                       const struct splitio_event_abi *abi, void *shared_info,
                       uint32_t nr_ports, uint64_t *mem)
{
    uint32_t nr_bits;

    if (domid >= e->nr_slots || !abi || !shared_info || !mem || nr_ports < 2)
        return SPLITIO_EINVAL;
    if (slot_peek(e->slots, e->nr_slots, domid))
        return SPLITIO_EEXIST;
    nr_bits = splitio_event_abi_nr_ports(abi);
    __builtin_memset(d, 0, sizeof(*d));
    d->domid = domid;
    d->abi = abi;
    d->shared_info = shared_info;
    d->ports = mem;
    d->nr_ports = nr_ports;
    for (unsigned v = 0; v < abi->nr_vcpus; v++)
        d->infos[v] = vcpu_info(abi, d->shared_info, v);
    d->next_free = 1;
    d->limit = nr_ports < nr_bits ? nr_ports : nr_bits;
    __builtin_memset(mem, 0, SPLITIO_EVENT_DOMAIN_MEM(nr_ports));
    return 0;
}

int splitio_event_engine_add(struct splitio_event_engine *e,
                             struct splitio_event_domain *d,
                             splitio_domid_t domid,
                             const struct splitio_event_abi *abi,
                             void *shared_info, uint32_t nr_ports,
                             uint64_t *mem)
{
    int err = abi && nr_ports > splitio_event_abi_nr_ports(abi)
                  ? SPLITIO_EINVAL
                  : fill_domain(e, d, domid, abi, shared_info, nr_ports, mem);

    return err ? err : slot_fill(e->slots, domid, d);
}

int splitio_event_engine_add_fifo(
    struct splitio_event_engine *e, struct splitio_event_domain *d,
    splitio_domid_t domid, const struct splitio_event_abi *abi,
    void *shared_info, uint32_t nr_ports, uint64_t *mem,
    struct splitio_event_fifo *fifo, void *fifo_mem)
{
    int err = nr_ports > SPLITIO_EVTCHN_FIFO_NR_CHANNELS || !fifo || !fifo_mem
                  ? SPLITIO_EINVAL
                  : fill_domain(e, d, domid, abi, shared_info, nr_ports, mem);

    if (err)
        return err;
    __builtin_memset(fifo, 0, sizeof(*fifo));
    __builtin_memset(fifo_mem, 0, SPLITIO_EVENT_FIFO_MEM(nr_ports));
    fifo->last = fifo_mem;
    d->fifo = fifo;
    return slot_fill(e->slots, domid, d);
}

int splitio_event_engine_remove(struct splitio_event_engine *e,
                                splitio_domid_t domid)
{
    struct splitio_event_domain *d = slot_peek(e->slots, e->nr_slots, domid);

    if (!d)
        return SPLITIO_ENOENT;
    slot_set(e->slots, domid, (uintptr_t)d | SLOT_SHUT);
    if (!slot_is_idle(e->slots, domid))
        return SPLITIO_EAGAIN;
    splitio_event_close_all(e, d);
    /* The slot goes under the lock that others peek at it under. */
    spin_lock(&e->lock);
    slot_set(e->slots, domid, 0);
    spin_unlock(&e->lock);
    return 0;
}

/* ---- pending ---- */

/*
 * Whoever changes a domain over to FIFO says so and then looks for pending
 * bits; this sets a pending bit and then looks who it is for. Totally ordered:
 * one of them sees the other.
 */
void splitio_event_set_pending(struct splitio_event_engine *e,
                               struct splitio_event_domain *d,
                               splitio_evtchn_t port, uint64_t word)
{
    const struct splitio_event_abi *abi = d->abi;
    unsigned vcpu = port_vcpu(word);
    bool was_pending;

    if (is_fifo(d)) {
        splitio_event_fifo_set_pending(e, d, port, word);
        return;
    }
    if (port >= splitio_event_abi_nr_ports(abi))
        return; /* it was open before a reset */
    was_pending = bit_set(abi, d->shared_info + abi->pending, port);
    if (is_fifo(d)) {
        splitio_event_fifo_set_pending(e, d, port, word);
        return;
    }
    if (was_pending || bit_test(abi, d->shared_info + abi->mask, port))
        return;
    if (mark_vcpu(abi, info_of(d, vcpu), port))
        e->port->ops->upcall(e->port->ctx, d->domid, vcpu);
}

bool splitio_event_prepare_port(struct splitio_event_domain *d,
                                splitio_evtchn_t port)
{
    if (is_fifo(d))
        return splitio_event_fifo_prepare_port(d, port);
    bit_set(d->abi, d->shared_info + d->abi->mask, port);
    bit_clear(d->abi, d->shared_info + d->abi->pending, port);
    return true;
}

int splitio_event_engine_send(struct splitio_event_engine *e,
                              splitio_domid_t self, splitio_evtchn_t port)
{
    struct splitio_event_domain *d = enter(e, self);
    struct splitio_event_domain *r;
    uint64_t w, rw;

    if (!d)
        return SPLITIO_ENOENT;
    w = read_port(d, port);
    if (port_state(w) == SPLITIO_EVTCHN_IPI)
        splitio_event_set_pending(e, d, port, w);
    leave(e, self);
    if (port_state(w) == SPLITIO_EVTCHN_UNBOUND ||
        port_state(w) == SPLITIO_EVTCHN_IPI)
        return 0;
    if (port_state(w) != SPLITIO_EVTCHN_INTERDOMAIN)
        return SPLITIO_EINVAL;
    r = enter(e, port_domid(w));
    if (!r)
        return 0;
    rw = read_port(r, port_number(w));
    /* Closed, and perhaps another channel by now: that one is left alone. */
    if (port_state(rw) == SPLITIO_EVTCHN_INTERDOMAIN &&
        port_domid(rw) == self && port_number(rw) == port)
        splitio_event_set_pending(e, r, port_number(w), rw);
    leave(e, port_domid(w));
    return 0;
}

int splitio_event_engine_raise(struct splitio_event_engine *e,
                               splitio_domid_t domid, splitio_evtchn_t port)
{
    struct splitio_event_domain *d = enter(e, domid);
    uint64_t w;
    int err = SPLITIO_EINVAL;

    if (!d)
        return SPLITIO_ENOENT;
    w = read_port(d, port);
    if (port_state(w) >= SPLITIO_EVTCHN_PIRQ) {
        splitio_event_set_pending(e, d, port, w);
        err = 0;
    }
    leave(e, domid);
    return err;
}

static void unmask(struct splitio_event_engine *e,
                   struct splitio_event_domain *d, splitio_evtchn_t port,
                   uint64_t w)
{
    const struct splitio_event_abi *abi = d->abi;

    if (is_fifo(d)) {
        splitio_event_fifo_unmask(e, d, port, w);
        return;
    }
    if (port >= splitio_event_abi_nr_ports(abi))
        return;
    bit_clear(abi, d->shared_info + abi->mask, port);
    if (bit_test(abi, d->shared_info + abi->pending, port) &&
        mark_vcpu(abi, info_of(d, port_vcpu(w)), port))
        e->port->ops->upcall(e->port->ctx, d->domid, port_vcpu(w));
}

int splitio_event_engine_unmask(struct splitio_event_engine *e,
                                splitio_domid_t self, splitio_evtchn_t port)
{
    struct splitio_event_domain *d = enter(e, self);
    int err = SPLITIO_EINVAL;
    uint64_t w;

    if (!d)
        return SPLITIO_ENOENT;
    w = read_port(d, port);
    if (port_state(w) != SPLITIO_EVTCHN_CLOSED) {
        unmask(e, d, port, w);
        err = 0;
    }
    leave(e, self);
    return err;
}

int splitio_event_engine_pirq_eoi(struct splitio_event_engine *e,
                                  splitio_domid_t self, splitio_evtchn_t port)
{
    struct splitio_event_domain *d = enter(e, self);
    int err = SPLITIO_EINVAL;
    uint64_t w;

    if (!d)
        return SPLITIO_ENOENT;
    w = read_port(d, port);
    if (port_state(w) == SPLITIO_EVTCHN_PIRQ) {
        unmask(e, d, port, w);
        if (e->port->ops->pirq_eoi)
            e->port->ops->pirq_eoi(e->port->ctx, self, port_number(w));
        err = 0;
    }
    leave(e, self);
    return err;
}
