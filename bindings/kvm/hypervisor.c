/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor port: frames of guests, windows of them, interrupts. */
#include <sys/mman.h>

#include "kvm_int.h"

/* Where an APIC takes messages: its id is in bits 12 to 19. */
#define MSI_ADDRESS  0xFEE00000u
#define MSI_ID_SHIFT 12

static struct splitio_kvm_guest *guest_of(struct splitio_kvm_machine *m,
                                          splitio_domid_t domid)
{
    return domid <= m->cfg.max_guests ? m->guests[domid] : NULL;
}

static void *frame_ptr(void *ctx, splitio_domid_t domid, splitio_gfn_t gfn,
                       bool write)
{
    struct splitio_kvm_guest *g = guest_of(ctx, domid);

    if (!g || gfn > UINT64_MAX / SPLITIO_PAGE_SIZE - 1)
        return NULL;
    return splitio_kvm_guest_ptr(g, gfn * SPLITIO_PAGE_SIZE, SPLITIO_PAGE_SIZE,
                                 write);
}

/* A second mapping of shared pages: mremap() from an old size of zero. The VMM's
 * memory must be mapped shared for that; else rings have one page. */
static void *window_open(void *ctx, splitio_domid_t domid,
                         const splitio_gfn_t *gfns, unsigned nr)
{
    size_t bytes = (size_t)nr * SPLITIO_PAGE_SIZE;
    uint8_t *window = mmap(NULL, bytes, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (window == MAP_FAILED)
        return NULL;
    for (unsigned i = 0; i < nr; i++) {
        void *page = frame_ptr(ctx, domid, gfns[i], true);

        if (!page ||
            mremap(page, 0, SPLITIO_PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
                   window + (size_t)i * SPLITIO_PAGE_SIZE) == MAP_FAILED) {
            (void)munmap(window, bytes);
            return NULL;
        }
    }
    return window;
}

static void window_close(void *ctx, void *window, unsigned nr)
{
    (void)ctx;
    (void)munmap(window, (size_t)nr * SPLITIO_PAGE_SIZE);
}

void kvm_upcall(struct splitio_kvm_guest *g, unsigned vcpu)
{
    uint32_t vector = splitio_load_acquire_u32(&g->vcpus[vcpu].vector);
    struct kvm_msi msi = {
        .address_lo = MSI_ADDRESS | vcpu << MSI_ID_SHIFT,
        .data = vector,
    };

    /* None yet: whoever sets it looks for what is pending. */
    if (vector == 0)
        return;
    /* An APIC that the guest has not enabled yet drops it. */
    if (ioctl(g->cfg.vm_fd, KVM_SIGNAL_MSI, &msi) <= 0)
        splitio_store_release_u32(&g->vcpus[vcpu].owed, 1);
    else
        __atomic_fetch_add(&g->stats.nr_upcalls, 1, __ATOMIC_RELAXED);
}

void kvm_upcall_owed(struct splitio_kvm_guest *g, unsigned vcpu)
{
    if (splitio_load_acquire_u32(&g->vcpus[vcpu].owed) != 0 &&
        splitio_xchg_u32(&g->vcpus[vcpu].owed, 0) != 0)
        kvm_upcall(g, vcpu);
}

static void upcall(void *ctx, splitio_domid_t domid, unsigned vcpu)
{
    struct splitio_kvm_machine *m = ctx;
    struct splitio_kvm_guest *g = guest_of(m, domid);

    if (domid == HOST_DOMID) {
        /* Pending was set before; the poll clears `awake` before it looks. */
        if (splitio_fetch_or_u32(&m->awake, 0) == 0)
            splitio_kvm_machine_kick(m);
    } else if (g && vcpu < g->cfg.nr_vcpus) {
        kvm_upcall(g, vcpu);
    }
}

const struct splitio_hypervisor_ops kvm_hypervisor_ops = {
    .frame_ptr = frame_ptr,
    .window_open = window_open,
    .window_close = window_close,
    .upcall = upcall,
};
