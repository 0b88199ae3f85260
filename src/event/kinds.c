/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports that have no other end: virtual and physical interrupts, one's own. */
#include "engine_int.h"

/* ---- between the vcpus of a domain ---- */

int splitio_event_engine_bind_ipi(struct splitio_event_engine *e,
                                  splitio_domid_t self, unsigned vcpu,
                                  splitio_evtchn_t *port)
{
    struct splitio_event_domain *d = enter(e, self);
    int err = SPLITIO_ENOENT;

    if (!d)
        return err;
    if (vcpu < d->abi->nr_vcpus)
        err = splitio_event_open_port(
            e, d, port_word(SPLITIO_EVTCHN_IPI, vcpu, 0, 0), NULL, port);
    leave(e, self);
    return err;
}

/* ---- virtual interrupts ---- */

static bool is_global(unsigned virq)
{
    return (SPLITIO_VIRQS_OF_VCPU >> virq & 1) == 0;
}

/* Where the port of a virtual interrupt is kept: a global one with vcpu 0. */
static uint32_t *virq_at(struct splitio_event_domain *d, unsigned virq,
                         unsigned vcpu)
{
    return &d->virqs[is_global(virq) ? 0 : vcpu][virq];
}

void splitio_event_forget_virq(struct splitio_event_domain *d,
                               splitio_evtchn_t port, uint64_t word)
{
    uint32_t *at = virq_at(d, port_number(word), port_vcpu(word));

    if (*at == port)
        splitio_write_once_u32(at, 0);
}

static int bind_virq(struct splitio_event_engine *e,
                     struct splitio_event_domain *d, unsigned virq,
                     unsigned vcpu, splitio_evtchn_t *port)
{
    if (virq >= SPLITIO_NR_VIRQS)
        return SPLITIO_EINVAL;
    if (vcpu >= d->abi->nr_vcpus)
        return SPLITIO_ENOENT;
    if (is_global(virq) && vcpu != 0)
        return SPLITIO_EINVAL;
    return splitio_event_open_port(
        e, d, port_word(SPLITIO_EVTCHN_VIRQ, vcpu, 0, virq),
        virq_at(d, virq, vcpu), port);
}

int splitio_event_engine_bind_virq(struct splitio_event_engine *e,
                                   splitio_domid_t self, unsigned virq,
                                   unsigned vcpu, splitio_evtchn_t *port)
{
    struct splitio_event_domain *d = enter(e, self);
    int err;

    if (!d)
        return SPLITIO_ENOENT;
    err = bind_virq(e, d, virq, vcpu, port);
    leave(e, self);
    return err;
}

int splitio_event_engine_raise_virq(struct splitio_event_engine *e,
                                    splitio_domid_t domid, unsigned virq,
                                    unsigned vcpu)
{
    struct splitio_event_domain *d = enter(e, domid);
    int err = SPLITIO_EINVAL;

    if (!d)
        return SPLITIO_ENOENT;
    if (virq < SPLITIO_NR_VIRQS &&
        (is_global(virq) || vcpu < d->abi->nr_vcpus)) {
        splitio_evtchn_t port =
            splitio_load_acquire_u32(virq_at(d, virq, vcpu));
        uint64_t w = read_port(d, port);

        /* Closed, and perhaps another kind by now: that one is left alone. */
        if (port_state(w) == SPLITIO_EVTCHN_VIRQ && port_number(w) == virq)
            splitio_event_set_pending(e, d, port, w);
        err = 0;
    }
    leave(e, domid);
    return err;
}

/* ---- physical interrupts ---- */

/* Open to nobody, until the embedder has answered. */
#define RESERVED port_word(SPLITIO_EVTCHN_UNBOUND, 0, UINT16_MAX, 0)

static bool has_pirq(const struct splitio_event_domain *d, uint32_t pirq)
{
    for (splitio_evtchn_t p = 1; p < d->nr_ports; p++) {
        uint64_t w = read_port(d, p);

        if (port_state(w) == SPLITIO_EVTCHN_PIRQ && port_number(w) == pirq)
            return true;
    }
    return false;
}

/* The reserved port becomes what it is for. 0; EEXIST; EINVAL: it was closed. */
static int settle_pirq(struct splitio_event_engine *e,
                       struct splitio_event_domain *d, splitio_evtchn_t port,
                       uint32_t pirq)
{
    int err = 0;

    spin_lock(&e->lock);
    if (read_port(d, port) != RESERVED)
        err = SPLITIO_EINVAL;
    else if (has_pirq(d, pirq))
        err = SPLITIO_EEXIST;
    else
        write_port(d, port, port_word(SPLITIO_EVTCHN_PIRQ, 0, 0, pirq));
    spin_unlock(&e->lock);
    return err;
}

static int bind_pirq(struct splitio_event_engine *e,
                     struct splitio_event_domain *d, uint32_t pirq,
                     uint32_t flags, splitio_evtchn_t *port)
{
    const struct splitio_hypervisor_port *hv = e->port;
    int err;

    if (pirq > NUMBER_MASK)
        return SPLITIO_EINVAL;
    if (!hv->ops->pirq_bind)
        return SPLITIO_EACCES;
    if (has_pirq(d, pirq))
        return SPLITIO_EEXIST;
    err = splitio_event_open_port(e, d, RESERVED, NULL, port);
    if (err)
        return err;
    if (hv->ops->pirq_bind(hv->ctx, d->domid, pirq, flags, *port)) {
        (void)splitio_event_close_port(e, d, *port);
        return SPLITIO_EACCES;
    }
    err = settle_pirq(e, d, *port, pirq);
    if (err && hv->ops->pirq_unbind)
        hv->ops->pirq_unbind(hv->ctx, d->domid, pirq);
    if (err == SPLITIO_EEXIST)
        (void)splitio_event_close_port(e, d, *port);
    return err;
}

int splitio_event_engine_bind_pirq(struct splitio_event_engine *e,
                                   splitio_domid_t self, uint32_t pirq,
                                   uint32_t flags, splitio_evtchn_t *port)
{
    struct splitio_event_domain *d = enter(e, self);
    int err;

    if (!d)
        return SPLITIO_ENOENT;
    err = bind_pirq(e, d, pirq, flags, port);
    leave(e, self);
    return err;
}
