/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercalls by name. Numbers and arguments as in Xen's public headers. */
#include "machine.h"

enum {
    CALL_MEMORY = 12,
    CALL_SET_TIMER = 15,
    CALL_SCHED = 29,
    CALL_EVENT = 32,
    CALL_HVM = 34,
};

enum {
    MEMORY_ADD_TO_PHYSMAP = 7,
    SCHED_SHUTDOWN = 2,
    EVENT_BIND_VIRQ = 1,
    EVENT_CLOSE = 3,
    EVENT_SEND = 4,
    EVENT_ALLOC_UNBOUND = 6,
    HVM_GET_PARAM = 1,
    HVM_SET_UPCALL_VECTOR = 23,
};

enum {
    XEN_ENOENT = 2,
    XEN_ENOMEM = 12,
    XEN_EACCES = 13,
    XEN_EINVAL = 22,
    XEN_ENOSPC = 28,
    XEN_ENOSYS = 38,
};

static int64_t call(unsigned nr, unsigned op, const void *arg)
{
    return splitio_bm_call(nr, op, (uintptr_t)arg, 0);
}

int splitio_bm_error(int64_t xens)
{
    if (xens >= 0)
        return 0;
    switch (-xens) {
    case XEN_ENOENT:
        return SPLITIO_ENOENT;
    case XEN_ENOMEM:
        return SPLITIO_ENOMEM;
    case XEN_EACCES:
        return SPLITIO_EACCES;
    case XEN_EINVAL:
        return SPLITIO_EINVAL;
    case XEN_ENOSPC:
        return SPLITIO_ENOSPC;
    case XEN_ENOSYS:
        return SPLITIO_EOPNOTSUPP;
    default:
        return SPLITIO_EIO;
    }
}

int splitio_bm_show(unsigned space, uint64_t index, void *page)
{
    const struct {
        uint16_t domid, size;
        uint32_t space;
        uint64_t index, gfn;
    } arg = {SPLITIO_DOMID_SELF, 0, space, index,
             (uintptr_t)page / SPLITIO_PAGE_SIZE};

    return splitio_bm_error(call(CALL_MEMORY, MEMORY_ADD_TO_PHYSMAP, &arg));
}

int splitio_bm_param(uint32_t index, uint64_t *value)
{
    struct {
        uint16_t domid, pad;
        uint32_t index;
        uint64_t value;
    } arg = {SPLITIO_DOMID_SELF, 0, index, 0};
    int err = splitio_bm_error(call(CALL_HVM, HVM_GET_PARAM, &arg));

    *value = arg.value;
    return err;
}

int splitio_bm_upcall_vector(uint8_t vector)
{
    const struct {
        uint32_t vcpu;
        uint8_t vector, pad[3];
    } arg = {0, vector, {0}};

    return splitio_bm_error(call(CALL_HVM, HVM_SET_UPCALL_VECTOR, &arg));
}

int splitio_bm_bind_virq(uint32_t virq, splitio_evtchn_t *port)
{
    struct {
        uint32_t virq, vcpu, port;
    } arg = {virq, 0, 0};
    int err = splitio_bm_error(call(CALL_EVENT, EVENT_BIND_VIRQ, &arg));

    *port = arg.port;
    return err;
}

void splitio_bm_set_timer(uint64_t deadline_ns)
{
    (void)splitio_bm_call(CALL_SET_TIMER, deadline_ns, 0, 0);
}

void splitio_baremetal_shutdown(enum splitio_baremetal_end why)
{
    const uint32_t reason = why;

    for (;;)
        (void)call(CALL_SCHED, SCHED_SHUTDOWN, &reason);
}

/* ---- of the guest port ---- */

static int event_alloc(void *ctx, splitio_domid_t remote,
                       splitio_evtchn_t *port)
{
    struct {
        uint16_t domid, remote;
        uint32_t port;
    } arg = {SPLITIO_DOMID_SELF, remote, 0};
    int err = splitio_bm_error(call(CALL_EVENT, EVENT_ALLOC_UNBOUND, &arg));

    (void)ctx;
    *port = arg.port;
    return err;
}

static void event_close(void *ctx, splitio_evtchn_t port)
{
    (void)ctx;
    (void)call(CALL_EVENT, EVENT_CLOSE, &port);
}

static void event_send(void *ctx, splitio_evtchn_t port)
{
    (void)ctx;
    (void)call(CALL_EVENT, EVENT_SEND, &port);
}

/* There is one thread, and it looks at the upcall's mark before it sleeps. */
static void wake(void *ctx)
{
    (void)ctx;
}

const struct splitio_hypercall_ops splitio_bm_ops = {
    .event_alloc = event_alloc,
    .event_close = event_close,
    .event_send = event_send,
    .wake = wake,
};
