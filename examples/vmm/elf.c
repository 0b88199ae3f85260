/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading a kernel that is an ELF file with a PVH entry. */
#include "vm.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_PHYS32_ENTRY 18u /* of the owner "Xen" */

struct image {
    const uint8_t *bytes;
    size_t len;
};

/* A part of the file, or NULL: it is not that long. */
static const void *part(const struct image *f, uint64_t at, uint64_t len)
{
    return at <= f->len && len <= f->len - at ? f->bytes + at : NULL;
}

static uint64_t pad4(uint64_t n)
{
    return (n + 3) & ~UINT64_C(3);
}

/* Look for the entry among the notes of a segment. */
static void find_entry(struct vm *vm, const struct image *f,
                       const Elf64_Phdr *p)
{
    uint64_t at = p->p_offset, end = p->p_offset + p->p_filesz;

    while (at < end) {
        const Elf64_Nhdr *n = part(f, at, sizeof(*n));
        const char *name;
        const uint32_t *value;

        if (!n)
            return;
        at += sizeof(*n);
        name = part(f, at, n->n_namesz);
        at += pad4(n->n_namesz);
        value = part(f, at, n->n_descsz);
        at += pad4(n->n_descsz);
        if (name && value && n->n_type == NOTE_PHYS32_ENTRY &&
            n->n_namesz == 4 && memcmp(name, "Xen", 4) == 0 &&
            n->n_descsz >= sizeof(*value))
            vm->entry = *value;
    }
}

static int load_segment(struct vm *vm, const struct image *f,
                        const Elf64_Phdr *p)
{
    const void *from = part(f, p->p_offset, p->p_filesz);
    uint8_t *to = vm_ptr(vm, p->p_paddr, p->p_memsz);

    if (!from || p->p_filesz > p->p_memsz)
        return vm_fail(vm, "kernel %s: is cut short", vm->options->kernel);
    if (!to)
        return vm_fail(vm,
                       "kernel %s: wants memory up to %llu MiB; give it more "
                       "with --memory",
                       vm->options->kernel,
                       (unsigned long long)((p->p_paddr + p->p_memsz) >> 20));
    memcpy(to, from, p->p_filesz);
    if (!splitio_kvm_guest_has_calls(vm->guest))
        (void)splitio_kvm_patch_stubs(to, p->p_filesz);
    return 0;
}

static int load(struct vm *vm, const struct image *f)
{
    const Elf64_Ehdr *e = part(f, 0, sizeof(*e));
    const Elf64_Phdr *p;

    if (!e || memcmp(e->e_ident, ELFMAG, SELFMAG) != 0 ||
        e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_machine != EM_X86_64)
        return vm_fail(vm, "kernel %s: is no ELF file for x86-64",
                       vm->options->kernel);
    p = part(f, e->e_phoff, (uint64_t)e->e_phnum * sizeof(*p));
    if (!p)
        return vm_fail(vm, "kernel %s: is cut short", vm->options->kernel);
    for (unsigned i = 0; i < e->e_phnum; i++) {
        if (p[i].p_type == PT_NOTE)
            find_entry(vm, f, &p[i]);
        if (p[i].p_type == PT_LOAD && p[i].p_memsz > 0 &&
            load_segment(vm, f, &p[i]))
            return -1;
    }
    if (vm->entry == 0)
        return vm_fail(vm,
                       "kernel %s: has no PVH entry; Linux has one with "
                       "CONFIG_PVH",
                       vm->options->kernel);
    return 0;
}

int elf_load(struct vm *vm)
{
    int fd = open(vm->options->kernel, O_RDONLY | O_CLOEXEC), err = -1;
    struct image f;
    struct stat st;
    void *map;

    if (fd < 0 || fstat(fd, &st) < 0) {
        if (fd >= 0)
            close(fd);
        return vm_fail(vm, "kernel %s: %s", vm->options->kernel,
                       strerror(errno));
    }
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return vm_fail(vm, "kernel %s: %s", vm->options->kernel,
                       strerror(errno));
    f = (struct image){map, (size_t)st.st_size};
    err = load(vm, &f);
    (void)munmap(map, f.len);
    return err;
}
