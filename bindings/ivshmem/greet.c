/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's ivshmem protocol: what the server says to a client, and that is all. */
#include <string.h>
#include <sys/socket.h>

#include "slot.h"

#define PROTOCOL_VERSION 0
#define TURNED_AWAY      (-1) /* in place of the version */
#define PEER_DAEMON      0
#define PEER_VM          1
#define THE_MEMORY       (-1)

/* A number of 64 bits, little-endian, and a descriptor unless it is -1. */
static bool tell(int socket, int64_t number, int fd)
{
    uint64_t bytes = splitio_le64((uint64_t)number);
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec iov = {.iov_base = &bytes, .iov_len = sizeof(bytes)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    if (fd >= 0) {
        struct cmsghdr *c;

        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control);
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(int));
    }
    return sendmsg(socket, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) ==
           (ssize_t)sizeof(bytes);
}

/* QEMU 7.2 reads for ever when its server closes without a word; a version that
 * it does not know makes it give up. */
void splitio_ivshmem_turn_away(int qemu)
{
    (void)tell(qemu, TURNED_AWAY, -1);
}

bool splitio_ivshmem_greet(const struct vm *vm)
{
    int qemu = vm->fds[SPLITIO_IVSHMEM_FD_SOCKET];

    /* The other peers' vectors come before its own: that is its last message. */
    return tell(qemu, PROTOCOL_VERSION, -1) && tell(qemu, PEER_VM, -1) &&
           tell(qemu, THE_MEMORY, vm->fds[SPLITIO_IVSHMEM_FD_WINDOW]) &&
           tell(qemu, PEER_DAEMON, vm->fds[SPLITIO_IVSHMEM_FD_BELL]) &&
           tell(qemu, PEER_VM, vm->fds[SPLITIO_IVSHMEM_FD_UPCALL]);
}
