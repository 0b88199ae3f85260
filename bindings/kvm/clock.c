/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's clock, which it reads from its TSC, and its vcpus' timers. */
#include <sys/timerfd.h>
#include <time.h>

#include "kvm_int.h"

#define MSR_TSC        0x10u
#define NS_A_SECOND    UINT64_C(1000000000)
#define VIRQ_TIMER     0
#define INFO_TIME      32u   /* offset in a vcpu_info, x86 */
#define PAGE_WALLCLOCK 3072u /* offset in a shared info page, x86_64 */

/* vcpu_time_info. Odd version: being written. Writer: hypervisor side. */
struct time_info {
    uint32_t version, pad0;
    uint64_t tsc, system_ns;
    uint32_t mul;
    int8_t shift;
    uint8_t flags, pad1[2];
};
SPLITIO_STATIC_ASSERT(sizeof(struct time_info) == 32, "wire format");

#define FLAG_STABLE 1u /* the same on all vcpus */

struct wallclock {
    uint32_t version, sec, nsec, sec_high;
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * NS_A_SECOND + (uint64_t)t.tv_nsec;
}

/* ns = ((ticks << shift) * mul) >> 32, with a mul that uses its bits. */
static void set_scale(struct splitio_kvm_guest *g, uint64_t hz)
{
    uint64_t per_second = NS_A_SECOND;

    g->tsc_shift = 0;
    while (hz > 2 * NS_A_SECOND) {
        hz >>= 1;
        g->tsc_shift--;
    }
    while (hz <= NS_A_SECOND) {
        hz <<= 1;
        g->tsc_shift++;
    }
    g->tsc_mul = (uint32_t)((per_second << 32) / hz);
}

static int read_tsc(int fd, uint64_t *tsc)
{
    union {
        struct kvm_msrs head;
        uint8_t space[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
    } msrs = {.head.nmsrs = 1};

    msrs.head.entries[0].index = MSR_TSC;
    if (ioctl(fd, KVM_GET_MSRS, &msrs) != 1)
        return SPLITIO_EIO;
    *tsc = msrs.head.entries[0].data;
    return 0;
}

void clock_publish(struct splitio_kvm_guest *g, unsigned vcpu)
{
    uint8_t *info =
        splitio_event_engine_vcpu_info(&g->machine->hv.events, g->domid, vcpu);
    struct time_info *t = (void *)(info + INFO_TIME);
    uint32_t version;

    if (!info)
        return;
    version = (splitio_read_once_u32(&t->version) | 1) + 2;
    splitio_store_release_u32(&t->version, version);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    t->tsc = g->base_tsc;
    t->system_ns = 0;
    t->mul = g->tsc_mul;
    t->shift = g->tsc_shift;
    t->flags = FLAG_STABLE;
    splitio_store_release_u32(&t->version, version + 1);
}

static void publish_wallclock(struct splitio_kvm_guest *g)
{
    uint8_t *page = own_page(g, FRAME_SHARED_INFO);
    struct wallclock *w = (void *)(page + PAGE_WALLCLOCK);
    uint64_t boot =
        now_ns(CLOCK_REALTIME) - (now_ns(CLOCK_MONOTONIC) - g->base_ns);

    w->sec = (uint32_t)(boot / NS_A_SECOND);
    w->sec_high = (uint32_t)(boot / NS_A_SECOND >> 32);
    w->nsec = (uint32_t)(boot % NS_A_SECOND);
    splitio_store_release_u32(&w->version, 2);
}

int clock_start(struct splitio_kvm_guest *g)
{
    int khz = ioctl(g->vcpus[0].fd, KVM_GET_TSC_KHZ, 0);

    if (khz <= 0 || read_tsc(g->vcpus[0].fd, &g->base_tsc))
        return SPLITIO_EIO;
    g->base_ns = now_ns(CLOCK_MONOTONIC);
    set_scale(g, (uint64_t)khz * 1000);
    for (unsigned v = 0; v < g->cfg.nr_vcpus; v++)
        clock_publish(g, v);
    publish_wallclock(g);
    return 0;
}

/* Both clocks count from the same moment. A deadline that is past is now. */
void clock_set_timer(struct splitio_kvm_guest *g, unsigned vcpu,
                     uint64_t deadline_ns)
{
    struct itimerspec at = {{0, 0}, {0, 0}};
    uint64_t ns = g->base_ns + deadline_ns;

    if (deadline_ns < UINT64_MAX / 4) {
        at.it_value.tv_sec = (time_t)(ns / NS_A_SECOND);
        at.it_value.tv_nsec = (long)(ns % NS_A_SECOND);
    }
    (void)timerfd_settime(g->vcpus[vcpu].timer, TFD_TIMER_ABSTIME, &at, NULL);
}

void clock_expired(struct splitio_kvm_guest *g, unsigned vcpu)
{
    (void)splitio_event_engine_raise_virq(&g->machine->hv.events, g->domid,
                                          VIRQ_TIMER, vcpu);
}
