/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtual machine: its window and descriptors, from beginning to end. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <splitio/grant.h>

#include "slot.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

void splitio_ivshmem_vm_upcall(struct vm *vm)
{
    (void)splitio_fetch_add_u64(&vm->slot->nr_upcalls, 1);
    splitio_ivshmem_alarm_raise(&vm->slot->alarm,
                                vm->fds[SPLITIO_IVSHMEM_FD_UPCALL]);
}

/* --- its end --- */

static void vm_free(struct vm *vm)
{
    if (vm->window)
        (void)munmap(vm->window, vm->slot->cfg.window_bytes);
    for (unsigned i = 0; i < SPLITIO_IVSHMEM_FDS; i++)
        if (vm->fds[i] >= 0)
            (void)close(vm->fds[i]);
    free(vm);
}

void splitio_ivshmem_vm_release(struct vm *vm)
{
    struct splitio_ivshmem *s = vm->slot;

    if (!vm->hung_up || vm->state != VM_IDLE)
        return;
    vm_free(vm);
    s->vm = NULL;
    if (s->listener >= 0)
        (void)watch_fd(s, s->listener, EPOLLIN, SOURCE_LISTEN);
}

void splitio_ivshmem_vm_hang_up(struct vm *vm)
{
    struct splitio_ivshmem *s = vm->slot;

    if (!vm->hung_up) {
        vm->hung_up = true;
        /* Who comes next waits until this one has wholly gone. */
        if (s->listener >= 0)
            (void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->listener, NULL);
        for (unsigned i = 0; i < SPLITIO_IVSHMEM_FDS; i++)
            if (i != SPLITIO_IVSHMEM_FD_WINDOW)
                (void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, vm->fds[i], NULL);
        if (s->cfg.changed)
            s->cfg.changed(s->cfg.arg, s);
        if (vm->state == VM_JOINED) {
            vm->state = VM_LEAVING;
            splitio_shm_machine_detach(s->cfg.machine, vm->domid);
        }
    }
    splitio_ivshmem_vm_release(vm);
}

/* --- its beginning --- */

static bool make_window(struct vm *vm)
{
    int fd = memfd_create(vm->slot->name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    vm->fds[SPLITIO_IVSHMEM_FD_WINDOW] = fd;
    return fd >= 0 && ftruncate(fd, (off_t)vm->slot->cfg.window_bytes) == 0 &&
           fcntl(fd, F_ADD_SEALS, SEALS) == 0;
}

/* It is mapped with every page in place: there is nothing to wait for later. */
static bool map_window(struct vm *vm)
{
    void *window =
        mmap(NULL, vm->slot->cfg.window_bytes, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_POPULATE, vm->fds[SPLITIO_IVSHMEM_FD_WINDOW], 0);

    if (window == MAP_FAILED)
        return false;
    (void)madvise(window, vm->slot->cfg.window_bytes, MADV_DONTDUMP);
    vm->window = window;
    vm->mailbox = window;
    return true;
}

static bool is_window(const struct vm *vm)
{
    int fd = vm->fds[SPLITIO_IVSHMEM_FD_WINDOW];
    struct stat st;

    return fcntl(fd, F_GET_SEALS) == SEALS && fstat(fd, &st) == 0 &&
           st.st_size == (off_t)vm->slot->cfg.window_bytes;
}

static struct vm *vm_new(struct splitio_ivshmem *s)
{
    struct vm *vm = calloc(1, sizeof(*vm));

    if (!vm)
        return NULL;
    vm->slot = s;
    for (unsigned i = 0; i < SPLITIO_IVSHMEM_FDS; i++)
        vm->fds[i] = -1;
    return vm;
}

/* The bell is never read: whoever has it may fill it, and a new ring shows as an
 * edge all the same. */
static bool watch_vm(const struct vm *vm)
{
    const struct splitio_ivshmem *s = vm->slot;

    return watch_fd(s, vm->fds[SPLITIO_IVSHMEM_FD_SOCKET], EPOLLIN,
                    SOURCE_QEMU) == 0 &&
           watch_fd(s, vm->fds[SPLITIO_IVSHMEM_FD_BELL], EPOLLIN | EPOLLET,
                    SOURCE_BELL) == 0;
}

static void enter(struct splitio_ivshmem *s, struct vm *vm)
{
    s->vm = vm;
    s->stats.nr_vms++;
    if (s->cfg.changed)
        s->cfg.changed(s->cfg.arg, s);
}

int splitio_ivshmem_vm_new(struct splitio_ivshmem *s, int socket)
{
    struct vm *vm = vm_new(s);

    if (!vm) {
        (void)close(socket);
        return SPLITIO_ENOMEM;
    }
    vm->fds[SPLITIO_IVSHMEM_FD_SOCKET] = socket;
    vm->fds[SPLITIO_IVSHMEM_FD_BELL] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    vm->fds[SPLITIO_IVSHMEM_FD_UPCALL] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (vm->fds[SPLITIO_IVSHMEM_FD_BELL] < 0 ||
        vm->fds[SPLITIO_IVSHMEM_FD_UPCALL] < 0 || !make_window(vm) ||
        !map_window(vm) || !watch_vm(vm)) {
        vm_free(vm);
        return SPLITIO_ENOMEM;
    }
    splitio_ivshmem_mailbox_begin(vm);
    if (!splitio_ivshmem_greet(vm)) {
        vm_free(vm);
        return SPLITIO_EIO;
    }
    enter(s, vm);
    return 0;
}

/* --- one that there was --- */

/* The daemon that had pages in use is no more. */
static void forget_uses(struct vm *vm)
{
    struct splitio_grant_entry_v1 *entries =
        (void *)(vm->window +
                 (SPLITIO_SHM_FRAME_GRANTS + 1) * (size_t)SPLITIO_PAGE_SIZE);
    uint32_t nr = splitio_read_once_u32(&vm->mailbox->nr_grants);
    const uint16_t used = SPLITIO_GTF_READING | SPLITIO_GTF_WRITING;

    if (nr > SPLITIO_GRANT_FRAMES_MAX ||
        nr > vm->slot->cfg.window_bytes / SPLITIO_PAGE_SIZE - 4)
        return;
    for (uint32_t i = 0; i < nr * SPLITIO_GRANTS_PER_FRAME_V1; i++)
        (void)splitio_fetch_and_le16(&entries[i].flags, (uint16_t)~used);
}

int splitio_ivshmem_vm_adopt(struct splitio_ivshmem *s,
                             const int fds[SPLITIO_IVSHMEM_FDS])
{
    struct vm *vm = vm_new(s);

    if (!vm)
        return SPLITIO_ENOMEM;
    memcpy(vm->fds, fds, sizeof(vm->fds));
    if (!is_window(vm)) {
        vm_free(vm);
        return SPLITIO_EINVAL;
    }
    if (!map_window(vm) || !watch_vm(vm)) {
        vm_free(vm);
        return SPLITIO_ENOMEM;
    }
    splitio_ivshmem_mailbox_begin(vm);
    forget_uses(vm);
    splitio_ivshmem_mailbox_new_session(vm);
    enter(s, vm);
    splitio_ivshmem_kick(s);
    return 0;
}
