/* SPDX-License-Identifier: BSD-2-Clause */
/* Exits that are hypercalls: registers, the guest's memory, who answers. */
#include "kvm_int.h"

/* Numbers of hypercalls (__HYPERVISOR_*). */
enum {
    CALL_MEMORY = 12,
    CALL_SET_TIMER = 15,
    CALL_VERSION = 17,
    CALL_GRANT = 20,
    CALL_VCPU = 24,
    CALL_SCHED = 29,
    CALL_EVENT = 32,
    CALL_HVM = 34,
};

#define EFER_LMA (UINT64_C(1) << 10)

/* One page's part of a copy. NULL: not there. */
static uint8_t *translate(struct call *c, uint64_t gva, size_t bytes,
                          bool write)
{
    struct kvm_translation t = {.linear_address = gva};

    if (ioctl(c->guest->vcpus[c->vcpu].fd, KVM_TRANSLATE, &t) < 0 || !t.valid)
        return NULL;
    return splitio_kvm_guest_ptr(c->guest, t.physical_address, bytes, write);
}

static size_t part_of_page(uint64_t gva, size_t bytes)
{
    size_t room = SPLITIO_PAGE_SIZE - (gva & SPLITIO_PAGE_MASK);

    return bytes < room ? bytes : room;
}

bool call_read(struct call *c, void *to, uint64_t gva, size_t bytes)
{
    uint8_t *at = to;

    while (bytes > 0) {
        size_t part = part_of_page(gva, bytes);
        const uint8_t *from = translate(c, gva, part, false);

        if (!from)
            return false;
        memcpy(at, from, part);
        at += part;
        gva += part;
        bytes -= part;
    }
    return true;
}

bool call_write(struct call *c, uint64_t gva, const void *from, size_t bytes)
{
    const uint8_t *at = from;

    while (bytes > 0) {
        size_t part = part_of_page(gva, bytes);
        uint8_t *to = translate(c, gva, part, true);

        if (!to)
            return false;
        memcpy(to, at, part);
        at += part;
        gva += part;
        bytes -= part;
    }
    return true;
}

int64_t call_error(int err)
{
    static const struct {
        int ours, xens;
    } table[] = {
        {SPLITIO_EINVAL, XEN_EINVAL}, {SPLITIO_ENOENT, XEN_ENOENT},
        {SPLITIO_ENOSPC, XEN_ENOSPC}, {SPLITIO_EEXIST, XEN_EEXIST},
        {SPLITIO_EACCES, XEN_EACCES}, {SPLITIO_EBUSY, XEN_EBUSY},
        {SPLITIO_EAGAIN, XEN_EAGAIN}, {SPLITIO_ENOMEM, XEN_ENOMEM},
        {SPLITIO_E2BIG, XEN_E2BIG},   {SPLITIO_EOPNOTSUPP, XEN_ENOSYS},
    };

    if (err >= 0)
        return err;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(table); i++)
        if (table[i].ours == err)
            return -table[i].xens;
    return -XEN_EINVAL;
}

int64_t call_unknown(struct call *c)
{
    struct splitio_kvm_guest_stats *s = &c->guest->stats;

    __atomic_fetch_add(&s->nr_unknown, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&s->last_unknown, c->arg[0] << 32 | (uint32_t)c->nr,
                     __ATOMIC_RELAXED);
    return -XEN_ENOSYS;
}

static int64_t dispatch(struct call *c)
{
    switch (c->nr) {
    case CALL_MEMORY:
        return call_memory(c);
    case CALL_SET_TIMER:
        return call_set_timer(c);
    case CALL_VERSION:
        return call_version(c);
    case CALL_GRANT:
        return call_grant(c);
    case CALL_VCPU:
        return call_vcpu(c);
    case CALL_SCHED:
        return call_sched(c);
    case CALL_EVENT:
        return call_event(c);
    case CALL_HVM:
        return call_hvm(c);
    default:
        return call_unknown(c);
    }
}

static bool may_call(int fd)
{
    struct kvm_sregs s;

    return ioctl(fd, KVM_GET_SREGS, &s) == 0 && (s.efer & EFER_LMA) != 0 &&
           s.cs.l && s.ss.dpl == 0;
}

/* KVM has the registers ready, and says from where the call comes. */
static bool native_call(struct splitio_kvm_guest *g, unsigned vcpu,
                        struct kvm_run *run)
{
    struct call c = {.guest = g, .vcpu = vcpu, .nr = run->xen.u.hcall.input};
    bool may = run->xen.u.hcall.longmode && run->xen.u.hcall.cpl == 0;

    if (run->xen.type != KVM_EXIT_XEN_HCALL)
        return false;
    __atomic_fetch_add(&g->stats.nr_hypercalls, 1, __ATOMIC_RELAXED);
    memcpy(c.arg, run->xen.u.hcall.params, sizeof(c.arg));
    run->xen.u.hcall.result = (uint64_t)(may ? dispatch(&c) : -XEN_EPERM);
    return true;
}

static void hypercall(struct splitio_kvm_guest *g, unsigned vcpu)
{
    int fd = g->vcpus[vcpu].fd;
    struct call c = {.guest = g, .vcpu = vcpu};
    struct kvm_regs r;

    __atomic_fetch_add(&g->stats.nr_hypercalls, 1, __ATOMIC_RELAXED);
    if (ioctl(fd, KVM_GET_REGS, &r) < 0)
        return;
    c.nr = r.rax;
    c.arg[0] = r.rdi;
    c.arg[1] = r.rsi;
    c.arg[2] = r.rdx;
    c.arg[3] = r.r10;
    c.arg[4] = r.r8;
    r.rax = (uint64_t)(may_call(fd) ? dispatch(&c) : -XEN_EPERM);
    (void)ioctl(fd, KVM_SET_REGS, &r);
}

/* The guest wants a hypercall page at an address. */
static bool write_msr(struct splitio_kvm_guest *g, struct kvm_run *run)
{
    void *page;

    if (run->msr.index != SPLITIO_KVM_MSR_HYPERCALL)
        return false;
    page =
        splitio_kvm_guest_ptr(g, run->msr.data & ~(uint64_t)SPLITIO_PAGE_MASK,
                              SPLITIO_PAGE_SIZE, true);
    if (page)
        splitio_kvm_hypercall_page(page);
    run->msr.error = !page;
    return true;
}

bool splitio_kvm_guest_exit(struct splitio_kvm_guest *g, unsigned vcpu,
                            struct kvm_run *run)
{
    kvm_upcall_owed(g, vcpu);
    if (run->exit_reason == KVM_EXIT_X86_WRMSR)
        return write_msr(g, run);
    if (run->exit_reason == KVM_EXIT_XEN)
        return native_call(g, vcpu, run);
    if (run->exit_reason != KVM_EXIT_IO || run->io.port != SPLITIO_KVM_PORT ||
        run->io.direction != KVM_EXIT_IO_OUT)
        return false;
    hypercall(g, vcpu);
    return true;
}
