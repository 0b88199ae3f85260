/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's clock, as the shared info page lets one read it. */
#include "cpu.h"

#define INFO_TIME 32u /* offset in the first vcpu_info */

/* vcpu_time_info. Odd version: being written. Writer: hypervisor side. */
struct time_info {
    uint32_t version, pad0;
    uint64_t tsc, system_ns;
    uint32_t mul;
    int8_t shift;
    uint8_t flags, pad1[2];
};
SPLITIO_STATIC_ASSERT(sizeof(struct time_info) == 32, "wire format");

const struct splitio_event_abi *splitio_bm_event_abi(void)
{
    return &splitio_event_abi_x86_64;
}

static uint64_t rdtsc(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static uint64_t scale(const struct time_info *t, uint64_t ticks)
{
    ticks = t->shift < 0 ? ticks >> -t->shift : ticks << t->shift;
    return (uint64_t)((unsigned __int128)ticks * t->mul >> 32);
}

/* A tick from before the hypervisor's last look is as good as one from after. */
static uint64_t ns_of(const struct splitio_baremetal *bm, uint64_t tsc)
{
    const struct time_info *shared =
        (const void *)(bm->shared_info + INFO_TIME);
    struct time_info t;
    uint32_t version;

    do {
        version = splitio_load_acquire_u32(&shared->version);
        splitio_copy_once(&t, shared, sizeof(t));
        splitio_fence();
    } while ((version & 1) != 0 ||
             version != splitio_read_once_u32(&shared->version));
    return tsc >= t.tsc ? t.system_ns + scale(&t, tsc - t.tsc)
                        : t.system_ns - scale(&t, t.tsc - tsc);
}

uint64_t splitio_baremetal_now_ns(const struct splitio_baremetal *bm)
{
    return ns_of(bm, rdtsc());
}

uint64_t splitio_baremetal_entry_ns(const struct splitio_baremetal *bm)
{
    return ns_of(bm, splitio_bm_entry_tsc);
}
