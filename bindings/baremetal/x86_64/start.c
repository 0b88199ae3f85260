/* SPDX-License-Identifier: BSD-2-Clause */
/* The first C: finding the hypervisor, and how to call it. */
#include "cpu.h"

#define LEAF_FIRST 0x40000000u
#define LEAF_LAST  0x40010000u
#define LEAF_STEP  0x100u
#define MAGIC      0x336EC578u

/* xen/arch-x86/hvm/start_info.h; what is read here. */
struct start_info {
    uint32_t magic, version, flags, nr_modules;
    uint64_t modules, cmdline;
};

/* The hypervisor fills it: one stub of 32 bytes for each call. */
static uint8_t hypercalls[SPLITIO_PAGE_SIZE]
    __attribute__((aligned(SPLITIO_PAGE_SIZE)));
static const struct start_info *start_info;

int64_t splitio_bm_call(unsigned nr, uint64_t a, uint64_t b, uint64_t c)
{
    int64_t result;

    __asm__ volatile("call *%%rax"
                     : "=a"(result), "+D"(a), "+S"(b), "+d"(c)
                     : "a"(hypercalls + (size_t)nr * 32)
                     : "rcx", "r8", "r9", "r10", "r11", "memory");
    return result;
}

/* The first leaf of Xen's, or 0. */
static uint32_t find_xen(void)
{
    uint32_t regs[4];

    for (uint32_t leaf = LEAF_FIRST; leaf < LEAF_LAST; leaf += LEAF_STEP) {
        cpuid(leaf, regs);
        if (regs[1] == 0x566E6558 && regs[2] == 0x65584D4D &&
            regs[3] == 0x4D4D566E && regs[0] >= leaf + 2)
            return leaf;
    }
    return 0;
}

static bool make_hypercalls(void)
{
    uint32_t leaf = find_xen(), regs[4];

    if (leaf == 0)
        return false;
    cpuid(leaf + 2, regs);
    wrmsr(regs[1], (uintptr_t)hypercalls);
    return true;
}

/* Nobody is there to be told. */
__attribute__((noreturn)) static void give_up(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

void splitio_bm_start(uint32_t at)
{
    static char none[1];
    char *cmdline;
    int status;

    start_info = (const struct start_info *)(uintptr_t)at;
    splitio_bm_load_vectors();
    if (!make_hypercalls() || start_info->magic != MAGIC)
        give_up();
    cmdline =
        start_info->cmdline ? (char *)(uintptr_t)start_info->cmdline : none;
    status = splitio_baremetal_main(cmdline);
    splitio_baremetal_shutdown(status == 0 ? SPLITIO_BAREMETAL_POWER_OFF
                                           : SPLITIO_BAREMETAL_CRASH);
}

const void *splitio_baremetal_start_info(void)
{
    return start_info;
}
