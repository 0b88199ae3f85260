/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtual CPU: how it begins, its thread, why it stops. */
#include "vm.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_CPUID 256u
#define CR0_PE    1u

/* Leaves that say which vcpu one is. */
static void set_apic_id(struct kvm_cpuid2 *c, unsigned id)
{
    for (unsigned i = 0; i < c->nent; i++) {
        struct kvm_cpuid_entry2 *e = &c->entries[i];

        if (e->function == 1)
            e->ebx = (e->ebx & 0x00FFFFFFu) | id << 24;
        else if (e->function == 0xB || e->function == 0x1F)
            e->edx = id;
        else if (e->function == 0x8000001E)
            e->eax = id;
    }
}

static int set_cpuid(struct cpu *cpu)
{
    union {
        struct kvm_cpuid2 head;
        uint8_t space[sizeof(struct kvm_cpuid2) +
                      MAX_CPUID * sizeof(struct kvm_cpuid_entry2)];
    } c = {.head.nent = MAX_CPUID};

    if (ioctl(cpu->vm->kvm, KVM_GET_SUPPORTED_CPUID, &c) < 0)
        return -1;
    set_apic_id(&c.head, cpu->index);
    if (splitio_kvm_guest_cpuid(cpu->vm->guest, cpu->index, &c.head, MAX_CPUID))
        return -1;
    return ioctl(cpu->fd, KVM_SET_CPUID2, &c);
}

static struct kvm_segment flat(unsigned type)
{
    return (struct kvm_segment){.limit = UINT32_MAX,
                                .selector = 0x10,
                                .type = (uint8_t)type,
                                .present = 1,
                                .db = 1,
                                .s = 1,
                                .g = 1};
}

/* PVH begins in 32-bit protected mode without paging, and with the address of
 * its start info in EBX. The other vcpus wait for the first. */
static int set_registers(struct cpu *cpu)
{
    struct kvm_regs regs = {
        .rflags = 2, .rip = cpu->vm->entry, .rbx = cpu->vm->start_info};
    struct kvm_sregs s;

    if (ioctl(cpu->fd, KVM_GET_SREGS, &s) < 0)
        return -1;
    s.cs = flat(0xB);
    s.ds = s.es = s.fs = s.gs = s.ss = flat(0x3);
    s.tr = (struct kvm_segment){.limit = 0x67, .type = 0xB, .present = 1};
    s.cr0 |= CR0_PE;
    return ioctl(cpu->fd, KVM_SET_SREGS, &s) < 0 ||
                   ioctl(cpu->fd, KVM_SET_REGS, &regs) < 0
               ? -1
               : 0;
}

int cpu_open(struct cpu *cpu)
{
    struct vm *vm = cpu->vm;
    void *run;

    cpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, cpu->index);
    if (cpu->fd < 0)
        return vm_fail(vm, "vcpu %u: %s", cpu->index, strerror(errno));
    run = mmap(NULL, vm->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd,
               0);
    if (run == MAP_FAILED)
        return vm_fail(vm, "vcpu %u: %s", cpu->index, strerror(errno));
    cpu->run = run;
    if (splitio_kvm_guest_add_vcpu(vm->guest, cpu->index, cpu->fd) ||
        set_cpuid(cpu) || (cpu->index == 0 && set_registers(cpu)))
        return vm_fail(vm, "vcpu %u: cannot be set up", cpu->index);
    return 0;
}

static void report(struct cpu *cpu, const char *what)
{
    struct kvm_regs r = {0};

    (void)ioctl(cpu->fd, KVM_GET_REGS, &r);
    fprintf(stderr, "splitio-vmm: %s: vcpu %u: %s, at %#llx\n",
            cpu->vm->options->name, cpu->index, what,
            (unsigned long long)r.rip);
}

/* No memory and no device there: reads find all bits set. */
static void absent(struct kvm_run *run)
{
    if (!run->mmio.is_write)
        memset(run->mmio.data, 0xFF, sizeof(run->mmio.data));
}

static void handle_exit(struct cpu *cpu)
{
    struct kvm_run *run = cpu->run;
    char what[64];

    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        ports_access(cpu);
        return;
    case KVM_EXIT_MMIO:
        absent(run);
        return;
    case KVM_EXIT_INTR:
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_HLT:
        return;
    case KVM_EXIT_X86_RDMSR:
    case KVM_EXIT_X86_WRMSR:
        run->msr.error = 1;
        return;
    case KVM_EXIT_SHUTDOWN:
        report(cpu, "triple fault");
        break;
    default:
        snprintf(what, sizeof(what), "KVM gives up: exit %u, %u",
                 run->exit_reason, run->internal.suberror);
        report(cpu, what);
    }
    vm_end(cpu->vm, VM_CRASH);
}

static void *cpu_thread(void *arg)
{
    struct cpu *cpu = arg;
    struct vm *vm = cpu->vm;

    while (vm_has_ended(vm) == VM_RUNS) {
        if (ioctl(cpu->fd, KVM_RUN, 0) < 0) {
            if (errno == EINTR || errno == EAGAIN)
                continue;
            report(cpu, strerror(errno));
            vm_end(vm, VM_CRASH);
        } else if (!splitio_kvm_guest_exit(vm->guest, cpu->index, cpu->run)) {
            handle_exit(cpu);
        }
    }
    return NULL;
}

/* The signal only has to end KVM_RUN. */
static void on_signal(int number)
{
    (void)number;
}

int cpu_start(struct cpu *cpu)
{
    const struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGUSR1, &action, NULL);
    cpu->has_thread = pthread_create(&cpu->thread, NULL, cpu_thread, cpu) == 0;
    return cpu->has_thread ? 0 : -1;
}

void cpu_stop(struct cpu *cpu)
{
    if (cpu->has_thread) {
        /* Should the signal come before KVM_RUN begins, that ends at once. */
        __atomic_store_n(&cpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        pthread_kill(cpu->thread, SIGUSR1);
        pthread_join(cpu->thread, NULL);
    }
    if (cpu->run)
        (void)munmap(cpu->run, cpu->vm->run_bytes);
    if (cpu->fd >= 0)
        close(cpu->fd);
    cpu->has_thread = false;
    cpu->run = NULL;
    cpu->fd = -1;
}
