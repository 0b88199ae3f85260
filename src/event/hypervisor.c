/* SPDX-License-Identifier: BSD-2-Clause */
/* The event engine: ports, and sending. */
#include <splitio/event.h>

#include "../base/slots.h"
#include "abi.h"

/*
 * A port is one word, so that send() reads it without a lock: state 4 bits from
 * bit 60, vcpu 12 from 48, remote domain 16 from 32, remote port 32. Words are
 * changed under the engine's lock only.
 */
#define STATE_SHIFT 60
#define VCPU_SHIFT  48
#define DOMID_SHIFT 32
#define VCPU_MASK   0xFFFu

static uint64_t port_word(enum splitio_event_state state, unsigned vcpu,
                          splitio_domid_t remote, splitio_evtchn_t port)
{
    return (uint64_t)state << STATE_SHIFT | (uint64_t)vcpu << VCPU_SHIFT |
           (uint64_t)remote << DOMID_SHIFT | port;
}

static enum splitio_event_state port_state(uint64_t w)
{
    return (enum splitio_event_state)(w >> STATE_SHIFT);
}

static unsigned port_vcpu(uint64_t w)
{
    return (unsigned)(w >> VCPU_SHIFT) & VCPU_MASK;
}

static splitio_domid_t port_domid(uint64_t w)
{
    return (splitio_domid_t)(w >> DOMID_SHIFT);
}

static void lock(struct splitio_event_engine *e)
{
    uint32_t nobody = 0;

    while (!splitio_cas_u32(&e->lock, &nobody, 1)) {
        nobody = 0;
        splitio_cpu_relax();
    }
}

static void unlock(struct splitio_event_engine *e)
{
    splitio_store_release_u32(&e->lock, 0);
}

static struct splitio_event_domain *enter(struct splitio_event_engine *e,
                                          splitio_domid_t domid)
{
    return slot_enter(e->slots, e->nr_slots, domid);
}

static void leave(struct splitio_event_engine *e, splitio_domid_t domid)
{
    slot_leave(e->slots, domid);
}

/* The word of a port, 0 (closed) if it is out of range. */
static uint64_t read_port(const struct splitio_event_domain *d,
                          splitio_evtchn_t port)
{
    return port < d->nr_ports ? splitio_load_acquire_u64(&d->ports[port]) : 0;
}

static void write_port(struct splitio_event_domain *d, splitio_evtchn_t port,
                       uint64_t word)
{
    splitio_store_release_u64(&d->ports[port], word);
}

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

int splitio_event_engine_add(struct splitio_event_engine *e,
                             struct splitio_event_domain *d,
                             splitio_domid_t domid,
                             const struct splitio_event_abi *abi,
                             void *shared_info, uint32_t nr_ports,
                             uint64_t *mem)
{
    if (domid >= e->nr_slots || !abi || !shared_info || !mem || nr_ports < 2 ||
        nr_ports > splitio_event_abi_nr_ports(abi))
        return SPLITIO_EINVAL;
    if (slot_peek(e->slots, e->nr_slots, domid))
        return SPLITIO_EEXIST;
    __builtin_memset(d, 0, sizeof(*d));
    __builtin_memset(mem, 0, SPLITIO_EVENT_DOMAIN_MEM(nr_ports));
    d->domid = domid;
    d->abi = abi;
    d->shared_info = shared_info;
    d->ports = mem;
    d->nr_ports = nr_ports;
    d->next_free = 1;
    return slot_fill(e->slots, domid, d);
}

/* Make a port pending for its owner; interrupt it if that is due. */
static void set_pending(struct splitio_event_engine *e,
                        struct splitio_event_domain *d, splitio_evtchn_t port,
                        unsigned vcpu)
{
    const struct splitio_event_abi *abi = d->abi;

    if (bit_set(abi, d->shared_info + abi->pending, port))
        return;
    if (bit_test(abi, d->shared_info + abi->mask, port))
        return;
    if (mark_vcpu(abi, d->shared_info, vcpu, port))
        e->port->ops->upcall(e->port->ctx, d->domid, vcpu);
}

/* Lock held. Changed here only, and read without the lock. */
static void count_open(struct splitio_event_domain *d, uint32_t change)
{
    splitio_write_once_u32(&d->nr_open, d->nr_open + change);
}

static splitio_domid_t resolve(splitio_domid_t self, splitio_domid_t remote)
{
    return remote == SPLITIO_DOMID_SELF ? self : remote;
}

/* Lock held. A free port, 0 if there is none; it begins unpending. */
static splitio_evtchn_t find_free(struct splitio_event_domain *d)
{
    splitio_evtchn_t port = d->next_free;

    for (uint32_t i = 1; i < d->nr_ports; i++) {
        if (port >= d->nr_ports)
            port = 1;
        if (d->ports[port] == 0) {
            d->next_free = port + 1;
            bit_set(d->abi, d->shared_info + d->abi->mask, port);
            bit_clear(d->abi, d->shared_info + d->abi->pending, port);
            return port;
        }
        port++;
    }
    return 0;
}

int splitio_event_engine_alloc_unbound(struct splitio_event_engine *e,
                                       splitio_domid_t self,
                                       splitio_domid_t remote,
                                       splitio_evtchn_t *port)
{
    struct splitio_event_domain *d = enter(e, self);

    if (!d)
        return SPLITIO_ENOENT;
    lock(e);
    *port = find_free(d);
    if (*port) {
        count_open(d, 1);
        write_port(
            d, *port,
            port_word(SPLITIO_EVTCHN_UNBOUND, 0, resolve(self, remote), 0));
    }
    unlock(e);
    leave(e, self);
    return *port ? 0 : SPLITIO_ENOSPC;
}

/* Lock held. */
static int connect_ports(struct splitio_event_domain *d,
                         struct splitio_event_domain *r,
                         splitio_evtchn_t remote_port, splitio_evtchn_t *port)
{
    uint64_t w = read_port(r, remote_port);

    if (port_state(w) != SPLITIO_EVTCHN_UNBOUND || port_domid(w) != d->domid)
        return SPLITIO_EINVAL;
    *port = find_free(d);
    if (*port == 0)
        return SPLITIO_ENOSPC;
    count_open(d, 1);
    write_port(d, *port,
               port_word(SPLITIO_EVTCHN_INTERDOMAIN, 0, r->domid, remote_port));
    write_port(
        r, remote_port,
        port_word(SPLITIO_EVTCHN_INTERDOMAIN, port_vcpu(w), d->domid, *port));
    return 0;
}

int splitio_event_engine_bind_interdomain(struct splitio_event_engine *e,
                                          splitio_domid_t self,
                                          splitio_domid_t remote,
                                          splitio_evtchn_t remote_port,
                                          splitio_evtchn_t *port)
{
    struct splitio_event_domain *d = enter(e, self);
    struct splitio_event_domain *r;
    int err = SPLITIO_ENOENT;

    remote = resolve(self, remote);
    r = enter(e, remote);
    if (d && r) {
        lock(e);
        err = connect_ports(d, r, remote_port, port);
        unlock(e);
        if (!err)
            set_pending(e, d, *port, 0);
    }
    if (r)
        leave(e, remote);
    if (d)
        leave(e, self);
    return err;
}

/* Lock held. The other end of an interdomain port goes back to unbound. */
static void unbind_peer(struct splitio_event_engine *e,
                        const struct splitio_event_domain *d,
                        splitio_evtchn_t port, uint64_t w)
{
    struct splitio_event_domain *r =
        slot_peek(e->slots, e->nr_slots, port_domid(w));
    splitio_evtchn_t rport = (splitio_evtchn_t)w;
    uint64_t rw;

    if (!r)
        return;
    rw = read_port(r, rport);
    if (port_state(rw) == SPLITIO_EVTCHN_INTERDOMAIN &&
        port_domid(rw) == d->domid && (splitio_evtchn_t)rw == port)
        write_port(
            r, rport,
            port_word(SPLITIO_EVTCHN_UNBOUND, port_vcpu(rw), d->domid, 0));
}

/* Lock held. */
static int close_port(struct splitio_event_engine *e,
                      struct splitio_event_domain *d, splitio_evtchn_t port)
{
    uint64_t w = read_port(d, port);

    if (port_state(w) == SPLITIO_EVTCHN_CLOSED)
        return SPLITIO_EINVAL;
    if (port_state(w) == SPLITIO_EVTCHN_INTERDOMAIN)
        unbind_peer(e, d, port, w);
    write_port(d, port, 0);
    count_open(d, UINT32_MAX);
    return 0;
}

int splitio_event_engine_close(struct splitio_event_engine *e,
                               splitio_domid_t self, splitio_evtchn_t port)
{
    struct splitio_event_domain *d = enter(e, self);
    int err;

    if (!d)
        return SPLITIO_ENOENT;
    lock(e);
    err = close_port(e, d, port);
    unlock(e);
    leave(e, self);
    return err;
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
    /* The slot goes under the lock that unbind_peer() peeks under. */
    lock(e);
    for (splitio_evtchn_t p = 1; p < d->nr_ports && d->nr_open; p++)
        (void)close_port(e, d, p);
    slot_set(e->slots, domid, 0);
    unlock(e);
    return 0;
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
    leave(e, self);
    if (port_state(w) == SPLITIO_EVTCHN_UNBOUND)
        return 0;
    if (port_state(w) != SPLITIO_EVTCHN_INTERDOMAIN)
        return SPLITIO_EINVAL;
    r = enter(e, port_domid(w));
    if (!r)
        return 0;
    rw = read_port(r, (splitio_evtchn_t)w);
    /* Closed, and perhaps another channel by now: that one is left alone. */
    if (port_state(rw) == SPLITIO_EVTCHN_INTERDOMAIN &&
        port_domid(rw) == self && (splitio_evtchn_t)rw == port)
        set_pending(e, r, (splitio_evtchn_t)w, port_vcpu(rw));
    leave(e, port_domid(w));
    return 0;
}

int splitio_event_engine_unmask(struct splitio_event_engine *e,
                                splitio_domid_t self, splitio_evtchn_t port)
{
    struct splitio_event_domain *d = enter(e, self);
    int err = SPLITIO_EINVAL;
    unsigned vcpu;
    uint64_t w;

    if (!d)
        return SPLITIO_ENOENT;
    w = read_port(d, port);
    if (port_state(w) != SPLITIO_EVTCHN_CLOSED) {
        vcpu = port_vcpu(w);
        bit_clear(d->abi, d->shared_info + d->abi->mask, port);
        if (bit_test(d->abi, d->shared_info + d->abi->pending, port) &&
            mark_vcpu(d->abi, d->shared_info, vcpu, port))
            e->port->ops->upcall(e->port->ctx, self, vcpu);
        err = 0;
    }
    leave(e, self);
    return err;
}

int splitio_event_engine_bind_vcpu(struct splitio_event_engine *e,
                                   splitio_domid_t self, splitio_evtchn_t port,
                                   unsigned vcpu)
{
    struct splitio_event_domain *d = enter(e, self);
    int err = SPLITIO_EINVAL;
    uint64_t w;

    if (!d)
        return SPLITIO_ENOENT;
    lock(e);
    w = read_port(d, port);
    if (port_state(w) != SPLITIO_EVTCHN_CLOSED && vcpu < d->abi->nr_vcpus) {
        write_port(
            d, port,
            port_word(port_state(w), vcpu, port_domid(w), (splitio_evtchn_t)w));
        err = 0;
    }
    unlock(e);
    leave(e, self);
    return err;
}

int splitio_event_engine_status(struct splitio_event_engine *e,
                                splitio_domid_t self, splitio_evtchn_t port,
                                struct splitio_event_status *status)
{
    struct splitio_event_domain *d = enter(e, self);
    uint64_t w;

    if (!d)
        return SPLITIO_ENOENT;
    w = read_port(d, port);
    status->state = port_state(w);
    status->vcpu = port_vcpu(w);
    status->remote = port_domid(w);
    status->remote_port = (splitio_evtchn_t)w;
    leave(e, self);
    return port != 0 && port < d->nr_ports ? 0 : SPLITIO_EINVAL;
}

uint32_t splitio_event_engine_nr_open(struct splitio_event_engine *e,
                                      splitio_domid_t domid)
{
    struct splitio_event_domain *d = enter(e, domid);
    uint32_t n;

    if (!d)
        return 0;
    n = splitio_read_once_u32(&d->nr_open);
    leave(e, domid);
    return n;
}
