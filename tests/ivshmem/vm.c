/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's side of the bed: what the protocol gives it, and a guest on that. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bed.h"

#include "cm.h"

#define NOTHING (-2)

/* --- the protocol --- */

/* A number and its descriptor, -1 if it has none; NOTHING if none comes. */
static int64_t hear(const struct vm_side *vm, int *fd)
{
    uint64_t bytes = 0;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = &bytes, .iov_len = sizeof(bytes)};
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    struct cmsghdr *c;

    *fd = -1;
    if (recvmsg(vm->socket, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) !=
        sizeof(bytes))
        return NOTHING;
    c = CMSG_FIRSTHDR(&msg);
    if (c)
        memcpy(fd, CMSG_DATA(c), sizeof(int));
    return (int64_t)splitio_le64(bytes);
}

static bool hear_number(const struct vm_side *vm, int64_t want)
{
    int fd;

    return hear(vm, &fd) == want && fd < 0;
}

static bool hear_fd(const struct vm_side *vm, int64_t want, int *fd)
{
    return hear(vm, fd) == want && *fd >= 0;
}

bool vm_connect(struct vm_side *vm, struct bed *b)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    memset(vm, 0, sizeof(*vm));
    vm->bed = b;
    vm->window = vm->bell = vm->upcall = -1;
    vm->patient = true;
    strcpy(addr.sun_path, b->path);
    vm->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(vm->socket >= 0);
    assert_int_equal(
        connect(vm->socket, (struct sockaddr *)&addr, sizeof(addr)), 0);
    bed_settle(b);
    if (!hear_number(vm, 0) || !hear_number(vm, 1) ||
        !hear_fd(vm, -1, &vm->window) || !hear_fd(vm, 0, &vm->bell) ||
        !hear_fd(vm, 1, &vm->upcall))
        return false;
    vm->base = vm_map(vm->window);
    return true;
}

void *vm_map(int window)
{
    void *base =
        mmap(NULL, BED_WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, window, 0);

    assert_true(base != MAP_FAILED);
    return base;
}

void vm_unmap(void *base)
{
    assert_int_equal(munmap(base, BED_WINDOW), 0);
}

void vm_kill(struct vm_side *vm)
{
    free(vm->mem);
    if (vm->base)
        vm_unmap(vm->base);
    (void)close(vm->socket);
    if (vm->window >= 0)
        (void)close(vm->window);
    if (vm->bell >= 0)
        (void)close(vm->bell);
    if (vm->upcall >= 0)
        (void)close(vm->upcall);
}

bool vm_was_called(const struct vm_side *vm)
{
    uint64_t count;

    return read(vm->upcall, &count, sizeof(count)) == sizeof(count);
}

/* --- the guest --- */

static void ring(void *ctx)
{
    struct vm_side *vm = ctx;
    static const uint64_t one = 1;

    assert_int_equal(write(vm->bell, &one, sizeof(one)), sizeof(one));
}

static void wake(void *ctx)
{
    struct vm_side *vm = ctx;

    vm->woken = true;
}

/* The daemon runs while the guest waits. */
static int wait(void *ctx)
{
    struct vm_side *vm = ctx;

    return vm->patient && bed_turn(vm->bed) > 0 ? 0 : SPLITIO_EAGAIN;
}

static const struct splitio_ivshmem_guest_ops guest_ops = {
    .ring = ring,
    .wake = wake,
    .wait = wait,
};

int vm_join(struct vm_side *vm, const char **why)
{
    vm->cfg.window = vm->base;
    vm->cfg.window_bytes = BED_WINDOW;
    vm->cfg.ops = &guest_ops;
    vm->cfg.ctx = vm;
    if (vm->cfg.nr_grant_frames == 0)
        vm->cfg.nr_grant_frames = 2;
    if (vm->cfg.nr_ports == 0)
        vm->cfg.nr_ports = 16;
    free(vm->mem);
    vm->cfg.mem_bytes = splitio_ivshmem_guest_mem_bytes(&vm->cfg);
    vm->cfg.mem = vm->mem = malloc(vm->cfg.mem_bytes);
    assert_non_null(vm->mem);
    return splitio_ivshmem_guest_open(&vm->guest, &vm->cfg, why);
}

int vm_turn(struct vm_side *vm)
{
    int n = splitio_ivshmem_guest_poll(&vm->guest, 64);

    return n < 0 ? n : n + (int)bed_turn(vm->bed);
}
