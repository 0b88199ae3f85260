/* SPDX-License-Identifier: BSD-2-Clause */
/* Getting hypercalls out of a guest: what stands where it would trap. */
#include "kvm_int.h"

#define PAGE_STUB 32u /* bytes of one in a hypercall page */

void splitio_kvm_hypercall_page(void *page)
{
    static const uint8_t stub[] = {
        0xB8, 0,
        0,    0,
        0,                      /* mov $nr, %eax */
        0xE6, SPLITIO_KVM_PORT, /* out %al, $port */
        0xC3,                   /* ret */
    };
    uint8_t *at = page;

    memset(at, 0xCC, SPLITIO_PAGE_SIZE);
    for (unsigned nr = 0; nr < SPLITIO_PAGE_SIZE / PAGE_STUB; nr++) {
        memcpy(at, stub, sizeof(stub));
        at[1] = (uint8_t)nr;
        at += PAGE_STUB;
    }
}

/* VMMCALL or VMCALL, and a jump with a 32-bit distance. */
static bool is_stub(const uint8_t *at, uint8_t last)
{
    return at[0] == 0x0F && at[1] == 0x01 && at[2] == last && at[3] == 0xE9;
}

static void put_out(uint8_t *at)
{
    at[0] = 0xE6;
    at[1] = SPLITIO_KVM_PORT;
    at[2] = 0x90; /* nop */
}

unsigned splitio_kvm_patch_stubs(void *image, size_t len_bytes)
{
    const size_t step = 16;
    uint8_t *bytes = image, *found = NULL;

    for (size_t at = 0; len_bytes >= 2 * step && at <= len_bytes - 2 * step;
         at += step) {
        bool amd_first =
            is_stub(bytes + at, 0xD9) && is_stub(bytes + at + step, 0xC1);
        bool intel_first =
            is_stub(bytes + at, 0xC1) && is_stub(bytes + at + step, 0xD9);

        if (!amd_first && !intel_first)
            continue;
        if (found)
            return 0;
        found = bytes + at;
    }
    if (!found)
        return 0;
    put_out(found);
    put_out(found + step);
    return 2;
}
