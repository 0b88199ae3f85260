/* SPDX-License-Identifier: BSD-2-Clause */
/* What a PVH kernel finds when it begins: modules, memory map, command line. */
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where these lie: low RAM that nobody uses yet. */
#define INFO_GPA     0x6000u
#define MODULE_GPA   0x6100u
#define MAP_GPA      0x6200u
#define CMDLINE_GPA  0x7000u
#define CMDLINE_MAX  4096u
#define MAP_MAX      8u
#define INFO_MAGIC   0x336EC578u
#define PAGE         UINT64_C(4096)
#define KERNEL_START UINT64_C(0x1000000)

enum {
    MAP_RAM = 1,
    MAP_RESERVED = 2,
    MAP_ACPI = 3,
};

/* xen/arch-x86/hvm/start_info.h, version 1. */
struct start_info {
    uint32_t magic, version, flags, nr_modules;
    uint64_t modules, cmdline, rsdp, map;
    uint32_t nr_map, reserved;
};

struct module {
    uint64_t gpa, bytes, cmdline, reserved;
};

struct map_entry {
    uint64_t gpa, bytes;
    uint32_t type, reserved;
};

/* At the end of low memory, where the kernel does not reach. */
static int load_initrd(struct vm *vm, struct module *m)
{
    const char *path = vm->options->initrd;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    uint8_t *to = NULL;
    ssize_t got = -1;

    if (fd < 0 || fstat(fd, &st) < 0) {
        if (fd >= 0)
            close(fd);
        return vm_fail(vm, "initrd %s: %s", path, strerror(errno));
    }
    m->bytes = (uint64_t)st.st_size;
    if (m->bytes < vm->low_bytes - KERNEL_START) {
        m->gpa = (vm->low_bytes - m->bytes) & ~(PAGE - 1);
        to = vm_ptr(vm, m->gpa, m->bytes);
    }
    if (to)
        got = read(fd, to, (size_t)m->bytes);
    close(fd);
    if (!to)
        return vm_fail(vm, "initrd %s: does not fit in; give more --memory",
                       path);
    return got == (ssize_t)m->bytes
               ? 0
               : vm_fail(vm, "initrd %s: cannot be read", path);
}

static unsigned make_map(const struct vm *vm, struct map_entry *map)
{
    unsigned n = 0;

    map[n++] = (struct map_entry){0, BIOS_START, MAP_RAM, 0};
    map[n++] = (struct map_entry){BIOS_START, ACPI_START - BIOS_START,
                                  MAP_RESERVED, 0};
    map[n++] =
        (struct map_entry){ACPI_START, BIOS_END - ACPI_START, MAP_ACPI, 0};
    map[n++] =
        (struct map_entry){BIOS_END, vm->low_bytes - BIOS_END, MAP_RAM, 0};
    map[n++] = (struct map_entry){
        SPECIAL_GPA, SPLITIO_KVM_SPECIAL_FRAMES * PAGE, MAP_RESERVED, 0};
    map[n++] =
        (struct map_entry){TSS_GPA, HIGH_START - TSS_GPA, MAP_RESERVED, 0};
    if (vm->high_bytes > 0)
        map[n++] = (struct map_entry){HIGH_START, vm->high_bytes, MAP_RAM, 0};
    return n;
}

int boot_prepare(struct vm *vm)
{
    struct start_info *info = vm_ptr(vm, INFO_GPA, sizeof(*info));
    struct module *module = vm_ptr(vm, MODULE_GPA, sizeof(*module));
    struct map_entry *map = vm_ptr(vm, MAP_GPA, MAP_MAX * sizeof(*map));
    char *cmdline = vm_ptr(vm, CMDLINE_GPA, CMDLINE_MAX);

    if (strlen(vm->options->cmdline) >= CMDLINE_MAX)
        return vm_fail(vm, "the command line is too long");
    *info = (struct start_info){
        .magic = INFO_MAGIC,
        .version = 1,
        .cmdline = CMDLINE_GPA,
        .map = MAP_GPA,
        .nr_map = make_map(vm, map),
    };
    strcpy(cmdline, vm->options->cmdline);
    acpi_write(vm, &info->rsdp);
    if (vm->options->initrd) {
        info->nr_modules = 1;
        info->modules = MODULE_GPA;
        if (load_initrd(vm, module))
            return -1;
    }
    vm->start_info = INFO_GPA;
    return 0;
}
