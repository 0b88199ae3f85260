/* SPDX-License-Identifier: BSD-2-Clause */
/* event_channel_op: the guest's own calls to the event engine. */
#include "kvm_int.h"

/* Operations, and their arguments as in xen/event_channel.h, 64-bit. */
enum {
    OP_BIND_INTERDOMAIN = 0,
    OP_BIND_VIRQ = 1,
    OP_CLOSE = 3,
    OP_SEND = 4,
    OP_STATUS = 5,
    OP_ALLOC_UNBOUND = 6,
    OP_BIND_IPI = 7,
    OP_BIND_VCPU = 8,
    OP_UNMASK = 9,
    OP_RESET = 10,
    OP_INIT_CONTROL = 11,
    OP_EXPAND_ARRAY = 12,
    OP_SET_PRIORITY = 13,
};

union event_arg {
    struct {
        uint16_t remote, pad;
        uint32_t remote_port, port;
    } bind_interdomain;
    struct {
        uint32_t virq, vcpu, port;
    } bind_virq;
    struct {
        uint32_t vcpu, port;
    } bind_ipi;
    struct {
        uint16_t domid, remote;
        uint32_t port;
    } alloc;
    struct {
        uint32_t port, value; /* a vcpu, a priority */
    } one;
    struct {
        uint16_t domid;
        uint32_t port, status, vcpu;
        union {
            struct {
                uint16_t domid;
                uint32_t port;
            } remote;
            uint32_t irq;
        } u;
    } status;
    uint16_t domid;
    struct {
        uint64_t gfn;
        uint32_t offset, vcpu;
        uint8_t link_bits, pad[7];
    } control;
    uint64_t gfn;
};

static const uint8_t arg_bytes[] = {
    [OP_BIND_INTERDOMAIN] = 12,
    [OP_BIND_VIRQ] = 12,
    [OP_CLOSE] = 4,
    [OP_SEND] = 4,
    [OP_STATUS] = 24,
    [OP_ALLOC_UNBOUND] = 8,
    [OP_BIND_IPI] = 8,
    [OP_BIND_VCPU] = 8,
    [OP_UNMASK] = 4,
    [OP_RESET] = 2,
    [OP_INIT_CONTROL] = 24,
    [OP_EXPAND_ARRAY] = 8,
    [OP_SET_PRIORITY] = 8,
};

SPLITIO_STATIC_ASSERT(sizeof(union event_arg) == 24, "wire format");

static bool is_self(const struct splitio_kvm_guest *g, uint16_t domid)
{
    return domid == DOMID_SELF || domid == g->domid;
}

static int status(struct splitio_event_engine *e, splitio_domid_t self,
                  union event_arg *a)
{
    struct splitio_event_status s;
    int err = splitio_event_engine_status(e, self, a->status.port, &s);

    if (err)
        return err;
    a->status.status = s.state;
    a->status.vcpu = s.vcpu;
    a->status.u.remote.domid = s.remote;
    a->status.u.remote.port = s.remote_port;
    if (s.state == SPLITIO_EVTCHN_VIRQ || s.state == SPLITIO_EVTCHN_PIRQ)
        a->status.u.irq = s.irq;
    return 0;
}

/* A domain that names itself means its number. */
static splitio_domid_t remote_of(splitio_domid_t self, uint16_t remote)
{
    return remote == DOMID_SELF ? self : remote;
}

/* Operations that open a port, or ask. */
static int act_open(struct splitio_event_engine *e, struct call *c,
                    union event_arg *a)
{
    splitio_domid_t self = c->guest->domid;

    switch (c->arg[0]) {
    case OP_BIND_INTERDOMAIN:
        return splitio_event_engine_bind_interdomain(
            e, self, remote_of(self, a->bind_interdomain.remote),
            a->bind_interdomain.remote_port, &a->bind_interdomain.port);
    case OP_BIND_VIRQ:
        if (a->bind_virq.vcpu >= c->guest->cfg.nr_vcpus)
            return SPLITIO_ENOENT;
        return splitio_event_engine_bind_virq(
            e, self, a->bind_virq.virq, a->bind_virq.vcpu, &a->bind_virq.port);
    case OP_BIND_IPI:
        if (a->bind_ipi.vcpu >= c->guest->cfg.nr_vcpus)
            return SPLITIO_ENOENT;
        return splitio_event_engine_bind_ipi(e, self, a->bind_ipi.vcpu,
                                             &a->bind_ipi.port);
    case OP_ALLOC_UNBOUND:
        if (!is_self(c->guest, a->alloc.domid))
            return SPLITIO_EACCES;
        return splitio_event_engine_alloc_unbound(
            e, self, remote_of(self, a->alloc.remote), &a->alloc.port);
    default: /* OP_STATUS */
        if (!is_self(c->guest, a->status.domid))
            return SPLITIO_EACCES;
        return status(e, self, a);
    }
}

static int act(struct splitio_event_engine *e, struct call *c,
               union event_arg *a)
{
    splitio_domid_t self = c->guest->domid;

    switch (c->arg[0]) {
    case OP_CLOSE:
        native_port_closed(c->guest, a->one.port);
        return splitio_event_engine_close(e, self, a->one.port);
    case OP_SEND:
        return splitio_event_engine_send(e, self, a->one.port);
    case OP_UNMASK:
        return splitio_event_engine_unmask(e, self, a->one.port);
    case OP_BIND_VCPU:
        if (a->one.value >= c->guest->cfg.nr_vcpus)
            return SPLITIO_ENOENT;
        return splitio_event_engine_bind_vcpu(e, self, a->one.port,
                                              a->one.value);
    case OP_RESET:
        return is_self(c->guest, a->domid) ? splitio_event_engine_reset(e, self)
                                           : SPLITIO_EACCES;
    case OP_INIT_CONTROL:
        a->control.link_bits = SPLITIO_EVTCHN_FIFO_LINK_BITS;
        return splitio_event_engine_init_control(
            e, self, a->control.gfn, a->control.offset, a->control.vcpu);
    case OP_EXPAND_ARRAY:
        return splitio_event_engine_expand_array(e, self, a->gfn);
    case OP_SET_PRIORITY:
        return splitio_event_engine_set_priority(e, self, a->one.port,
                                                 a->one.value);
    default:
        return act_open(e, c, a);
    }
}

int64_t call_event(struct call *c)
{
    union event_arg a = {.gfn = 0};
    uint64_t op = c->arg[0];
    int err;

    if (op >= sizeof(arg_bytes) || arg_bytes[op] == 0)
        return call_unknown(c);
    if (!call_read(c, &a, c->arg[1], arg_bytes[op]))
        return -XEN_EFAULT;
    err = act(&c->guest->machine->hv.events, c, &a);
    if (!err && op == OP_ALLOC_UNBOUND)
        native_port_opened(c->guest, a.alloc.port);
    if (!err && op == OP_RESET)
        native_reset(c->guest);
    /* Who sends wants no answer but the status. */
    if (!err && op != OP_SEND && op != OP_UNMASK && op != OP_CLOSE &&
        !call_write(c, c->arg[1], &a, arg_bytes[op]))
        return -XEN_EFAULT;
    return call_error(err);
}
