/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtual machine: memory, interrupt controllers, and splitio's guest. */
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SHUTDOWN_POWER_OFF = 0,
    SHUTDOWN_REBOOT = 1,
};

int vm_fail(struct vm *vm, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(vm->error, sizeof(vm->error), format, ap);
    va_end(ap);
    return -1;
}

void *vm_ptr(struct vm *vm, uint64_t gpa, uint64_t bytes)
{
    return splitio_kvm_guest_ptr(vm->guest, gpa, bytes, true);
}

/* ---- what the guest says ---- */

void vm_end(struct vm *vm, enum vm_end why)
{
    uint32_t runs = VM_RUNS;

    (void)__atomic_compare_exchange_n(&vm->end, &runs, why, false,
                                      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    splitio_kvm_machine_kick(vm->machine);
}

enum vm_end vm_has_ended(const struct vm *vm)
{
    return (enum vm_end)__atomic_load_n(&vm->end, __ATOMIC_SEQ_CST);
}

static void on_shutdown(void *arg, unsigned reason)
{
    vm_end(arg, reason == SHUTDOWN_POWER_OFF ? VM_POWER_OFF
                : reason == SHUTDOWN_REBOOT  ? VM_REBOOT
                                             : VM_CRASH);
}

static void on_console(void *arg, const char *bytes, size_t len_bytes)
{
    (void)arg;
    (void)!write(STDOUT_FILENO, bytes, len_bytes);
}

static const struct splitio_kvm_guest_ops guest_ops = {
    .shutdown = on_shutdown,
    .console = on_console,
};

/* ---- making it ---- */

static int open_kvm(struct vm *vm)
{
    struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
    struct kvm_enable_cap msrs = {
        .cap = KVM_CAP_X86_USER_SPACE_MSR,
        .args = {KVM_MSR_EXIT_REASON_UNKNOWN},
    };

    vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (vm->kvm < 0)
        return vm_fail(vm, "/dev/kvm: %s", strerror(errno));
    vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);
    vm->run_bytes = (size_t)ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (vm->fd < 0 || ioctl(vm->fd, KVM_SET_TSS_ADDR, TSS_GPA) < 0 ||
        ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) < 0 ||
        ioctl(vm->fd, KVM_CREATE_PIT2, &pit) < 0)
        return vm_fail(vm, "KVM: %s", strerror(errno));
    (void)ioctl(vm->fd, KVM_ENABLE_CAP, &msrs); /* for older guests only */
    return 0;
}

static int make_guest(struct vm *vm)
{
    const struct splitio_kvm_guest_config cfg = {
        .vm_fd = vm->fd,
        .name = vm->options->name,
        .nr_vcpus = vm->options->cpus,
        .special_gfn = SPECIAL_GPA / SPLITIO_PAGE_SIZE,
        .ops = &guest_ops,
        .arg = vm,
    };
    int err = splitio_kvm_guest_add(vm->machine, &vm->guest, &cfg);

    return err ? vm_fail(vm, "guest: %s", splitio_strerror(err)) : 0;
}

/* Shared, so that splitio can show a ring of several pages in one piece. */
static uint8_t *add_ram(struct vm *vm, uint64_t gpa, uint64_t bytes)
{
    uint8_t *ram = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (ram == MAP_FAILED)
        return NULL;
    if (splitio_kvm_guest_add_memory(vm->guest, gpa, ram, bytes, false)) {
        (void)munmap(ram, bytes);
        return NULL;
    }
    return ram;
}

static int make_memory(struct vm *vm)
{
    uint64_t bytes = vm->options->memory & ~UINT64_C(0xFFFFF);

    vm->low_bytes = bytes < LOW_MAX ? bytes : LOW_MAX;
    vm->high_bytes = bytes - vm->low_bytes;
    if (vm->low_bytes < 2 * BIOS_END)
        return vm_fail(vm, "too little memory");
    vm->low = add_ram(vm, 0, vm->low_bytes);
    if (vm->high_bytes > 0)
        vm->high = add_ram(vm, HIGH_START, vm->high_bytes);
    if (!vm->low || (vm->high_bytes > 0 && !vm->high))
        return vm_fail(vm, "out of memory");
    return 0;
}

static int make(struct vm *vm)
{
    int err = open_kvm(vm) || make_guest(vm) || make_memory(vm) ||
              elf_load(vm) || boot_prepare(vm);

    serial_init(&vm->serial, vm->fd);
    for (unsigned i = 0; i < vm->options->cpus && !err; i++)
        err = cpu_open(&vm->cpus[i]);
    if (!err && splitio_kvm_guest_start(vm->guest))
        err = vm_fail(vm, "the host's TSC is no clock");
    return err ? -1 : 0;
}

struct vm *vm_new(struct splitio_kvm_machine *machine,
                  const struct vm_options *o, char *reason, size_t bytes)
{
    struct vm *vm = calloc(1, sizeof(*vm));

    if (!vm) {
        snprintf(reason, bytes, "out of memory");
        return NULL;
    }
    vm->machine = machine;
    vm->options = o;
    vm->kvm = vm->fd = -1;
    for (unsigned i = 0; i < MAX_CPUS; i++)
        vm->cpus[i] = (struct cpu){.vm = vm, .index = i, .fd = -1};
    if (make(vm) == 0)
        return vm;
    snprintf(reason, bytes, "%s: %s", o->name, vm->error);
    (void)vm_free(vm);
    return NULL;
}

int vm_run(struct vm *vm)
{
    for (unsigned i = 0; i < vm->options->cpus; i++)
        if (cpu_start(&vm->cpus[i]))
            return -1;
    return 0;
}

void vm_stop(struct vm *vm)
{
    for (unsigned i = 0; i < vm->options->cpus; i++)
        cpu_stop(&vm->cpus[i]);
}

bool vm_free(struct vm *vm)
{
    vm_stop(vm);
    if (vm->guest && splitio_kvm_guest_remove(vm->guest) == SPLITIO_EBUSY)
        return false;
    if (vm->low)
        (void)munmap(vm->low, vm->low_bytes);
    if (vm->high)
        (void)munmap(vm->high, vm->high_bytes);
    if (vm->fd >= 0)
        close(vm->fd);
    if (vm->kvm >= 0)
        close(vm->kvm);
    free(vm);
    return true;
}
