/* SPDX-License-Identifier: BSD-2-Clause */
/* hvm_op: parameters, and the vector of upcalls. */
#include "kvm_int.h"

enum {
    OP_SET_PARAM = 0,
    OP_GET_PARAM = 1,
    OP_SET_UPCALL_VECTOR = 23,
};

enum {
    PARAM_CALLBACK_IRQ = 0,
    PARAM_STORE_PFN = 1,
    PARAM_STORE_EVTCHN = 2,
    PARAM_CONSOLE_PFN = 17,
    PARAM_CONSOLE_EVTCHN = 18,
};

#define VECTOR_MIN 16u

#define CALLBACK_TYPE_SHIFT  56
#define CALLBACK_TYPE_VECTOR 2u

struct param_arg {
    uint16_t domid, pad;
    uint32_t index;
    uint64_t value;
};

struct vector_arg {
    uint32_t vcpu;
    uint8_t vector, pad[3];
};

static int64_t get_param(struct splitio_kvm_guest *g, struct param_arg *a)
{
    switch (a->index) {
    case PARAM_STORE_PFN:
        a->value = g->cfg.special_gfn;
        return 0;
    case PARAM_STORE_EVTCHN:
        a->value = g->store_port;
        return 0;
    case PARAM_CONSOLE_PFN:
        a->value = g->cfg.special_gfn + 1;
        return 0;
    case PARAM_CONSOLE_EVTCHN:
        a->value = g->console_port;
        return 0;
    default:
        if (a->index >= SPLITIO_ARRAY_LEN(g->params))
            return -XEN_EINVAL;
        a->value = g->params[a->index];
        return 0;
    }
}

/*
 * One vector for all vcpus comes without end of interrupt, which a message
 * would need: guests that cannot do otherwise are not served. Those that have a
 * vector for each vcpu name an interrupt line too, which is not used.
 */
static int64_t set_param(struct splitio_kvm_guest *g, const struct param_arg *a)
{
    switch (a->index) {
    case PARAM_CALLBACK_IRQ:
        return a->value >> CALLBACK_TYPE_SHIFT == CALLBACK_TYPE_VECTOR
                   ? -XEN_EINVAL
                   : 0;
    case PARAM_STORE_PFN:
    case PARAM_STORE_EVTCHN:
    case PARAM_CONSOLE_PFN:
    case PARAM_CONSOLE_EVTCHN:
        return -XEN_EPERM;
    default:
        if (a->index >= SPLITIO_ARRAY_LEN(g->params))
            return -XEN_EINVAL;
        g->params[a->index] = a->value;
        return 0;
    }
}

static int64_t param(struct call *c)
{
    struct splitio_kvm_guest *g = c->guest;
    struct param_arg a;
    int64_t err;

    if (!call_read(c, &a, c->arg[1], sizeof(a)))
        return -XEN_EFAULT;
    if (a.domid != DOMID_SELF && a.domid != g->domid)
        return -XEN_EPERM;
    if (c->arg[0] == OP_SET_PARAM)
        return set_param(g, &a);
    err = get_param(g, &a);
    if (err == 0 && !call_write(c, c->arg[1], &a, sizeof(a)))
        err = -XEN_EFAULT;
    return err;
}

/* What became pending before there was a vector comes now. */
static int64_t set_vector(struct call *c)
{
    struct splitio_kvm_guest *g = c->guest;
    struct vector_arg a;

    if (!call_read(c, &a, c->arg[1], sizeof(a)))
        return -XEN_EFAULT;
    if (a.vcpu >= g->cfg.nr_vcpus)
        return -XEN_ENOENT;
    if (a.vector < VECTOR_MIN)
        return -XEN_EINVAL;
    splitio_store_release_u32(&g->vcpus[a.vcpu].vector, a.vector);
    kvm_upcall(g, a.vcpu);
    return 0;
}

int64_t call_hvm(struct call *c)
{
    switch (c->arg[0]) {
    case OP_SET_PARAM:
    case OP_GET_PARAM:
        return param(c);
    case OP_SET_UPCALL_VECTOR:
        return set_vector(c);
    default:
        return call_unknown(c);
    }
}
