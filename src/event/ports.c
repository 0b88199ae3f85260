/* SPDX-License-Identifier: BSD-2-Clause */
/* The event engine's table of ports: opening, closing, asking. */
#include "engine_int.h"

/* Ports looked at in one hold of the engine's lock. */
#define SEARCH_STEP 4096u

/* Lock held. Changed here only, and read without the lock. */
static void count_open(struct splitio_event_domain *d, uint32_t change)
{
    splitio_write_once_u32(&d->nr_open, d->nr_open + change);
}

static splitio_domid_t resolve(splitio_domid_t self, splitio_domid_t remote)
{
    return remote == SPLITIO_DOMID_SELF ? self : remote;
}

/*
 * Lock held. A free port, which begins masked and not pending; 0 if there is
 * none among those looked at. `left` are those that are still to be looked at.
 */
static splitio_evtchn_t find_free(struct splitio_event_domain *d,
                                  uint32_t *left)
{
    uint32_t step = *left < SEARCH_STEP ? *left : SEARCH_STEP;

    *left -= step;
    for (; step > 0; step--) {
        splitio_evtchn_t port = d->next_free;

        if (port >= d->limit)
            port = 1;
        d->next_free = port + 1;
        if (d->ports[port] == 0 && splitio_event_prepare_port(d, port))
            return port;
    }
    return 0;
}

int splitio_event_open_port(struct splitio_event_engine *e,
                            struct splitio_event_domain *d, uint64_t word,
                            uint32_t *only, splitio_evtchn_t *port)
{
    uint32_t left = d->nr_ports;
    int err = 0;

    *port = 0;
    do {
        spin_lock(&e->lock);
        if (only && *only)
            err = SPLITIO_EEXIST;
        else
            *port = find_free(d, &left);
        if (*port) {
            count_open(d, 1);
            write_port(d, *port, word);
            if (only)
                splitio_store_release_u32(only, *port);
        }
        spin_unlock(&e->lock);
    } while (!err && !*port && left);
    return err || *port ? err : SPLITIO_ENOSPC;
}

int splitio_event_engine_alloc_unbound(struct splitio_event_engine *e,
                                       splitio_domid_t self,
                                       splitio_domid_t remote,
                                       splitio_evtchn_t *port)
{
    struct splitio_event_domain *d = enter(e, self);
    int err;

    if (!d)
        return SPLITIO_ENOENT;
    err = splitio_event_open_port(
        e, d, port_word(SPLITIO_EVTCHN_UNBOUND, 0, resolve(self, remote), 0),
        NULL, port);
    leave(e, self);
    return err;
}

/* Lock held. 0: connected, or `left` ports are to be looked at still. */
static int connect_ports(struct splitio_event_domain *d,
                         struct splitio_event_domain *r,
                         splitio_evtchn_t remote_port, splitio_evtchn_t *port,
                         uint32_t *left)
{
    uint64_t w = read_port(r, remote_port);

    if (port_state(w) != SPLITIO_EVTCHN_UNBOUND || port_domid(w) != d->domid)
        return SPLITIO_EINVAL;
    *port = find_free(d, left);
    if (*port == 0)
        return *left ? 0 : SPLITIO_ENOSPC;
    count_open(d, 1);
    write_port(d, *port,
               port_word(SPLITIO_EVTCHN_INTERDOMAIN, 0, r->domid, remote_port));
    write_port(r, remote_port,
               with_priority(port_word(SPLITIO_EVTCHN_INTERDOMAIN, port_vcpu(w),
                                       d->domid, *port),
                             port_priority(w)));
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
        uint32_t left = d->nr_ports;

        *port = 0;
        do {
            spin_lock(&e->lock);
            err = connect_ports(d, r, remote_port, port, &left);
            spin_unlock(&e->lock);
        } while (!err && *port == 0);
        if (!err)
            splitio_event_set_pending(e, d, *port, read_port(d, *port));
    }
    if (r)
        leave(e, remote);
    if (d)
        leave(e, self);
    return err;
}

/* ---- closing ---- */

/* Lock held. The other end of an interdomain port goes back to unbound. */
static void unbind_peer(struct splitio_event_engine *e,
                        const struct splitio_event_domain *d,
                        splitio_evtchn_t port, uint64_t w)
{
    struct splitio_event_domain *r =
        slot_peek(e->slots, e->nr_slots, port_domid(w));
    splitio_evtchn_t rport = port_number(w);
    uint64_t rw;

    if (!r)
        return;
    rw = read_port(r, rport);
    if (port_state(rw) == SPLITIO_EVTCHN_INTERDOMAIN &&
        port_domid(rw) == d->domid && port_number(rw) == port)
        write_port(r, rport,
                   with_priority(port_word(SPLITIO_EVTCHN_UNBOUND,
                                           port_vcpu(rw), d->domid, 0),
                                 port_priority(rw)));
}

int splitio_event_close_port(struct splitio_event_engine *e,
                             struct splitio_event_domain *d,
                             splitio_evtchn_t port)
{
    const struct splitio_hypervisor_port *hv = e->port;
    enum splitio_event_state state;
    uint64_t w;

    spin_lock(&e->lock);
    w = read_port(d, port);
    state = port_state(w);
    if (state == SPLITIO_EVTCHN_INTERDOMAIN)
        unbind_peer(e, d, port, w);
    if (state == SPLITIO_EVTCHN_VIRQ)
        splitio_event_forget_virq(d, port, w);
    if (state != SPLITIO_EVTCHN_CLOSED) {
        write_port(d, port, 0);
        count_open(d, UINT32_MAX);
    }
    spin_unlock(&e->lock);
    if (state == SPLITIO_EVTCHN_PIRQ && hv->ops->pirq_unbind)
        hv->ops->pirq_unbind(hv->ctx, d->domid, port_number(w));
    return state == SPLITIO_EVTCHN_CLOSED ? SPLITIO_EINVAL : 0;
}

int splitio_event_engine_close(struct splitio_event_engine *e,
                               splitio_domid_t self, splitio_evtchn_t port)
{
    struct splitio_event_domain *d = enter(e, self);
    int err;

    if (!d)
        return SPLITIO_ENOENT;
    err = splitio_event_close_port(e, d, port);
    leave(e, self);
    return err;
}

/* Takes the lock for each port: others' opening and closing goes on. */
void splitio_event_close_all(struct splitio_event_engine *e,
                             struct splitio_event_domain *d)
{
    for (splitio_evtchn_t p = 1;
         p < d->nr_ports && splitio_read_once_u32(&d->nr_open); p++)
        if (read_port(d, p) != 0)
            (void)splitio_event_close_port(e, d, p);
}

int splitio_event_engine_reset(struct splitio_event_engine *e,
                               splitio_domid_t self)
{
    struct splitio_event_domain *d = enter(e, self);
    int err = SPLITIO_EAGAIN;

    if (!d)
        return SPLITIO_ENOENT;
    splitio_event_close_all(e, d);
    spin_lock(&e->lock);
    if (d->nr_open == 0) {
        if (is_fifo(d))
            splitio_event_fifo_stop(d);
        d->next_free = 1;
        err = 0;
    }
    spin_unlock(&e->lock);
    leave(e, self);
    return err;
}

/* ---- asking and moving ---- */

static bool may_move(uint64_t w)
{
    enum splitio_event_state state = port_state(w);

    if (state == SPLITIO_EVTCHN_VIRQ)
        return (SPLITIO_VIRQS_OF_VCPU >> port_number(w) & 1) == 0;
    return state != SPLITIO_EVTCHN_CLOSED && state != SPLITIO_EVTCHN_IPI;
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
    spin_lock(&e->lock);
    w = read_port(d, port);
    if (may_move(w) && vcpu < d->abi->nr_vcpus) {
        write_port(d, port, with_vcpu(w, vcpu));
        err = 0;
    }
    spin_unlock(&e->lock);
    leave(e, self);
    return err;
}

int splitio_event_engine_set_priority(struct splitio_event_engine *e,
                                      splitio_domid_t domid,
                                      splitio_evtchn_t port, unsigned priority)
{
    struct splitio_event_domain *d = enter(e, domid);
    int err = SPLITIO_EINVAL;
    uint64_t w;

    if (!d)
        return SPLITIO_ENOENT;
    spin_lock(&e->lock);
    w = read_port(d, port);
    if (!is_fifo(d)) {
        err = SPLITIO_EOPNOTSUPP;
    } else if (port_state(w) != SPLITIO_EVTCHN_CLOSED &&
               priority <= SPLITIO_EVTCHN_FIFO_PRIORITY_MIN) {
        write_port(d, port, with_priority(w, priority));
        err = 0;
    }
    spin_unlock(&e->lock);
    leave(e, domid);
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
    __builtin_memset(status, 0, sizeof(*status));
    status->state = port_state(w);
    status->vcpu = port_vcpu(w);
    status->remote = port_domid(w);
    status->priority = port_priority(w);
    if (status->state == SPLITIO_EVTCHN_INTERDOMAIN)
        status->remote_port = port_number(w);
    else
        status->irq = port_number(w);
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
