/* SPDX-License-Identifier: BSD-2-Clause */
/* vcpu_op, set_timer_op, sched_op. */
#include <sched.h>

#include "kvm_int.h"

enum {
    VCPU_IS_UP = 3,
    VCPU_REGISTER_RUNSTATE = 5,
    VCPU_STOP_PERIODIC = 7,
    VCPU_SET_SINGLESHOT = 8,
    VCPU_STOP_SINGLESHOT = 9,
    VCPU_REGISTER_INFO = 10,
};

enum {
    SCHED_YIELD = 0,
    SCHED_BLOCK = 1,
    SCHED_SHUTDOWN = 2,
    SCHED_POLL = 3,
};

struct info_arg {
    uint64_t gfn;
    uint32_t offset, pad;
};

struct timer_arg {
    uint64_t deadline_ns;
    uint32_t flags, pad;
};

/* Time runs, and nobody steals any that is known of: all zero is RUNNING. */
struct runstate {
    uint32_t state, pad;
    uint64_t entry_ns, time_ns[4];
};

static int64_t register_info(struct call *c, unsigned vcpu)
{
    struct info_arg a;
    int err;

    if (!call_read(c, &a, c->arg[2], sizeof(a)))
        return -XEN_EFAULT;
    err = splitio_event_engine_register_vcpu_info(
        &c->guest->machine->hv.events, c->guest->domid, vcpu, a.gfn, a.offset);
    if (!err)
        clock_publish(c->guest, vcpu);
    return call_error(err);
}

static int64_t register_runstate(struct call *c)
{
    const struct runstate zero = {0};
    uint64_t gva;

    if (!call_read(c, &gva, c->arg[2], sizeof(gva)) ||
        !call_write(c, gva, &zero, sizeof(zero)))
        return -XEN_EFAULT;
    return 0;
}

static int64_t set_singleshot(struct call *c, unsigned vcpu)
{
    struct timer_arg a;

    if (!call_read(c, &a, c->arg[2], sizeof(a)))
        return -XEN_EFAULT;
    clock_set_timer(c->guest, vcpu, a.deadline_ns);
    return 0;
}

int64_t call_vcpu(struct call *c)
{
    unsigned vcpu = (unsigned)c->arg[1];

    if (c->arg[1] >= c->guest->cfg.nr_vcpus)
        return -XEN_ENOENT;
    switch (c->arg[0]) {
    case VCPU_IS_UP:
        return 1;
    case VCPU_REGISTER_RUNSTATE:
        return register_runstate(c);
    case VCPU_STOP_PERIODIC:
        return 0;
    case VCPU_SET_SINGLESHOT:
        return set_singleshot(c, vcpu);
    case VCPU_STOP_SINGLESHOT:
        clock_set_timer(c->guest, vcpu, NO_DEADLINE);
        return 0;
    case VCPU_REGISTER_INFO:
        return register_info(c, vcpu);
    default:
        return call_unknown(c);
    }
}

int64_t call_set_timer(struct call *c)
{
    clock_set_timer(c->guest, c->vcpu, c->arg[0] ? c->arg[0] : NO_DEADLINE);
    return 0;
}

int64_t call_sched(struct call *c)
{
    const struct splitio_kvm_guest_config *cfg = &c->guest->cfg;
    uint32_t reason;

    switch (c->arg[0]) {
    case SCHED_YIELD:
    case SCHED_BLOCK:
    case SCHED_POLL: /* may always end early */
        (void)sched_yield();
        return 0;
    case SCHED_SHUTDOWN:
        if (!call_read(c, &reason, c->arg[1], sizeof(reason)))
            return -XEN_EFAULT;
        if (cfg->ops && cfg->ops->shutdown)
            cfg->ops->shutdown(cfg->arg, reason);
        return 0;
    default:
        return call_unknown(c);
    }
}
