/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's memory: slots, translation, frames that are shown in it. */
#include <sched.h>
#include <sys/mman.h>

#include "kvm_int.h"

static void lock(struct splitio_kvm_guest *g)
{
    while (splitio_xchg_u32(&g->slots_lock, 1) != 0)
        (void)sched_yield();
}

static void unlock(struct splitio_kvm_guest *g)
{
    splitio_store_release_u32(&g->slots_lock, 0);
}

/* Slots are only ever appended: no lock. */
static struct slot *find(struct splitio_kvm_guest *g, uint64_t gpa,
                         uint64_t len_bytes)
{
    uint32_t nr = splitio_load_acquire_u32(&g->nr_slots);

    for (uint32_t i = 0; i < nr; i++) {
        struct slot *s = &g->slots[i];

        if (gpa >= s->gpa && gpa - s->gpa < s->len_bytes)
            return len_bytes <= s->len_bytes - (gpa - s->gpa) ? s : NULL;
    }
    return NULL;
}

void *splitio_kvm_guest_ptr(struct splitio_kvm_guest *g, uint64_t gpa,
                            uint64_t len_bytes, bool write)
{
    const struct slot *s = find(g, gpa, len_bytes);

    if (!s || (write && s->read_only))
        return NULL;
    return s->hva + (gpa - s->gpa);
}

static bool overlaps(const struct splitio_kvm_guest *g, uint64_t gpa,
                     uint64_t len_bytes)
{
    for (uint32_t i = 0; i < g->nr_slots; i++)
        if (gpa < g->slots[i].gpa + g->slots[i].len_bytes &&
            g->slots[i].gpa < gpa + len_bytes)
            return true;
    return false;
}

/* Lock held. */
static int append(struct splitio_kvm_guest *g, const struct slot *s)
{
    struct kvm_userspace_memory_region region = {
        .slot = g->cfg.first_slot + g->nr_slots,
        .flags = s->read_only ? KVM_MEM_READONLY : 0,
        .guest_phys_addr = s->gpa,
        .memory_size = s->len_bytes,
        .userspace_addr = (uintptr_t)s->hva,
    };

    if (overlaps(g, s->gpa, s->len_bytes))
        return SPLITIO_EINVAL;
    if (g->nr_slots == MAX_SLOTS)
        return SPLITIO_ENOSPC;
    if (ioctl(g->cfg.vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
        return SPLITIO_EIO;
    g->slots[g->nr_slots] = *s;
    splitio_store_release_u32(&g->nr_slots, g->nr_slots + 1);
    return 0;
}

int splitio_kvm_guest_add_memory(struct splitio_kvm_guest *g, uint64_t gpa,
                                 void *hva, uint64_t len_bytes, bool read_only)
{
    const struct slot s = {gpa, len_bytes, hva, read_only};
    int err;

    if (len_bytes == 0 || gpa + len_bytes < gpa ||
        ((gpa | len_bytes | (uintptr_t)hva) & SPLITIO_PAGE_MASK) != 0)
        return SPLITIO_EINVAL;
    lock(g);
    err = append(g, &s);
    unlock(g);
    return err;
}

/*
 * Where the guest has memory, the frame is mapped over it, in this process and
 * so in the guest; the memory that was there is given back. Where it has none,
 * the frame becomes a slot.
 */
int memory_show(struct splitio_kvm_guest *g, splitio_gfn_t gfn, unsigned frame)
{
    const struct slot own = {gfn * SPLITIO_PAGE_SIZE, SPLITIO_PAGE_SIZE,
                             own_page(g, frame), false};
    struct slot *s;
    int err = 0;

    if (gfn > UINT64_MAX / SPLITIO_PAGE_SIZE - 1)
        return SPLITIO_EINVAL;
    lock(g);
    s = find(g, own.gpa, SPLITIO_PAGE_SIZE);
    if (!s)
        err = append(g, &own);
    else if (s->read_only ||
             mmap(s->hva + (own.gpa - s->gpa), SPLITIO_PAGE_SIZE,
                  PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, g->memfd,
                  (off_t)frame * SPLITIO_PAGE_SIZE) == MAP_FAILED)
        err = SPLITIO_EINVAL;
    unlock(g);
    return err;
}

/* An empty page takes its place. */
int memory_hide(struct splitio_kvm_guest *g, splitio_gfn_t gfn)
{
    uint8_t *page = gfn > UINT64_MAX / SPLITIO_PAGE_SIZE - 1
                        ? NULL
                        : splitio_kvm_guest_ptr(g, gfn * SPLITIO_PAGE_SIZE,
                                                SPLITIO_PAGE_SIZE, true);

    if (!page || (page >= g->own &&
                  page < g->own + (size_t)NR_OWN_FRAMES * SPLITIO_PAGE_SIZE))
        return SPLITIO_EINVAL;
    if (mmap(page, SPLITIO_PAGE_SIZE, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        return SPLITIO_ENOMEM;
    return 0;
}
