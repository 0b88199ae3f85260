/* SPDX-License-Identifier: BSD-2-Clause */
/* One virtual machine: what the files of this example share. */
#ifndef VMM_VM_H
#define VMM_VM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <splitio/binding/kvm.h>

#include "serial.h"

#define MAX_CPUS 32u

/* The guest's physical memory: RAM below 3 GiB and from 4 GiB on; in between the
 * interrupt controllers, and the frames that splitio's binding shows. */
#define LOW_MAX     UINT64_C(0xC0000000)
#define HIGH_START  UINT64_C(0x100000000)
#define BIOS_START  UINT64_C(0xA0000)
#define BIOS_END    UINT64_C(0x100000)
#define ACPI_START  UINT64_C(0xE0000)
#define SPECIAL_GPA UINT64_C(0xFEFF8000)
#define TSS_GPA     0xFFFBD000u

/* What a guest is to be; texts are kept. */
struct vm_options {
    const char *name, *kernel, *initrd, *cmdline;
    uint64_t memory;
    unsigned cpus;
};

enum vm_end {
    VM_RUNS,
    VM_POWER_OFF,
    VM_REBOOT,
    VM_CRASH,
};

struct cpu {
    struct vm *vm;
    unsigned index;
    int fd;
    struct kvm_run *run;
    pthread_t thread;
    bool has_thread;
};

struct vm {
    const struct vm_options *options;
    struct splitio_kvm_machine *machine;
    struct splitio_kvm_guest *guest;
    int kvm, fd;
    uint8_t *low, *high; /* RAM, in this process */
    uint64_t low_bytes, high_bytes;
    size_t run_bytes;
    uint64_t entry, start_info; /* where to begin, and with what */
    struct cpu cpus[MAX_CPUS];
    struct serial serial;
    uint32_t acpi_enable;
    uint32_t end; /* enum vm_end */
    char error[256];
};

/* --- vm.c --- */
/* A machine that is ready to run. NULL, with one line of reason. */
struct vm *vm_new(struct splitio_kvm_machine *machine,
                  const struct vm_options *o, char *reason, size_t bytes);
int vm_run(struct vm *vm); /* start its vcpus: 0 or -1 */
/* Any thread: it ends, for the first reason that is given. */
void vm_end(struct vm *vm, enum vm_end why);
enum vm_end vm_has_ended(const struct vm *vm);
void vm_stop(struct vm *vm); /* wait for its vcpus */
/* False: backs still hold its pages, call again. */
bool vm_free(struct vm *vm);
/* Keep a line of reason. -1 always. */
int vm_fail(struct vm *vm, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The guest's memory, or NULL. */
void *vm_ptr(struct vm *vm, uint64_t gpa, uint64_t bytes);

/* --- one file each; 0, or -1 by vm_fail() --- */
int elf_load(struct vm *vm);
int boot_prepare(struct vm *vm);
void acpi_write(struct vm *vm, uint64_t *rsdp);
int cpu_open(struct cpu *cpu);
int cpu_start(struct cpu *cpu);
void cpu_stop(struct cpu *cpu);
/* Port input and output of all devices but splitio's. */
void ports_access(struct cpu *cpu);

#endif /* VMM_VM_H */
