/* SPDX-License-Identifier: BSD-2-Clause */
/* The CPUID leaves by which a guest finds Xen. */
#include "kvm_int.h"

#define FIRST         0x40000000u
#define LAST          0x4FFFFFFFu
#define NR_LEAVES     6u
#define VERSION       (4u << 16 | 17u)
#define HYPERVISOR    (1u << 31) /* of leaf 1, ECX */
#define VCPU_ID       (1u << 3)  /* of leaf FIRST + 4: EBX has it */
#define DOMID         (1u << 4)  /* ECX has it */
#define UPCALL_VECTOR (1u << 6)  /* each vcpu may have its own */

static unsigned drop_others(struct kvm_cpuid2 *cpuid)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < cpuid->nent; i++) {
        struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

        if (e->function >= FIRST && e->function <= LAST)
            continue;
        if (e->function == 1)
            e->ecx |= HYPERVISOR;
        cpuid->entries[kept++] = *e;
    }
    return kept;
}

int splitio_kvm_guest_cpuid(struct splitio_kvm_guest *g, unsigned vcpu,
                            struct kvm_cpuid2 *cpuid, unsigned room)
{
    const struct kvm_cpuid_entry2 leaves[NR_LEAVES] = {
        {.function = FIRST,
         .eax = FIRST + NR_LEAVES - 1,
         .ebx = 0x566E6558, /* "XenVMMXenVMM" */
         .ecx = 0x65584D4D,
         .edx = 0x4D4D566E},
        {.function = FIRST + 1, .eax = VERSION},
        {.function = FIRST + 2, .eax = 1, .ebx = SPLITIO_KVM_MSR_HYPERCALL},
        {.function = FIRST + 3},
        {.function = FIRST + 4,
         .eax = VCPU_ID | DOMID | UPCALL_VECTOR,
         .ebx = vcpu,
         .ecx = g->domid},
        {.function = FIRST + 5},
    };
    unsigned nr = drop_others(cpuid);

    if (room < NR_LEAVES || nr > room - NR_LEAVES)
        return SPLITIO_ENOSPC;
    memcpy(&cpuid->entries[nr], leaves, sizeof(leaves));
    cpuid->nent = nr + NR_LEAVES;
    return 0;
}
