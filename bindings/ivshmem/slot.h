/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's side of a window: what its files share. */
#ifndef SPLITIO_BINDINGS_IVSHMEM_SLOT_H
#define SPLITIO_BINDINGS_IVSHMEM_SLOT_H

#include <errno.h>
#include <linux/aio_abi.h>
#include <sys/epoll.h>

#include <splitio/binding/ivshmem.h>
#include <splitio/binding/ivshmem_wire.h>

/* What an epoll entry stands for. */
enum source {
    SOURCE_LISTEN,
    SOURCE_KICK, /* a guest has wholly gone */
    SOURCE_QEMU,
    SOURCE_BELL,
};

/* Whether the virtual machine is a guest of the machine. */
enum vm_state {
    VM_IDLE,
    VM_JOINED,
    VM_LEAVING, /* its pages may be in use still */
};

struct vm {
    struct splitio_ivshmem *slot;
    int fds[SPLITIO_IVSHMEM_FDS];
    uint8_t *window;
    struct splitio_ivshmem_mailbox *mailbox;
    enum vm_state state;
    bool hung_up; /* QEMU is no more */
    splitio_domid_t domid;
    uint32_t answered; /* number of the request that was */
};

/* Raises eventfds without ever waiting. */
struct alarm {
    aio_context_t aio;
    int ready; /* is always readable */
};

struct splitio_ivshmem {
    struct splitio_ivshmem_config cfg;
    char path[108], name[SPLITIO_SHM_NAME_MAX];
    int epoll, listener, kick;
    struct alarm alarm;
    struct vm *vm; /* NULL: the slot is free */
    uint64_t nr_upcalls;
    struct splitio_ivshmem_stats stats;
};

/* --- alarm.c --- */
SPLITIO_INTERNAL bool splitio_ivshmem_alarm_open(struct alarm *a);
SPLITIO_INTERNAL void splitio_ivshmem_alarm_close(struct alarm *a);
/* Any thread. */
SPLITIO_INTERNAL void splitio_ivshmem_alarm_raise(struct alarm *a, int eventfd);

/* --- greet.c --- */
/* Tell QEMU what its machine consists of. */
SPLITIO_INTERNAL bool splitio_ivshmem_greet(const struct vm *vm);
/* Or that there is none for it. */
SPLITIO_INTERNAL void splitio_ivshmem_turn_away(int qemu);

/* --- vm.c --- */
SPLITIO_INTERNAL int splitio_ivshmem_vm_new(struct splitio_ivshmem *s,
                                            int socket);
SPLITIO_INTERNAL int
splitio_ivshmem_vm_adopt(struct splitio_ivshmem *s,
                         const int fds[SPLITIO_IVSHMEM_FDS]);
SPLITIO_INTERNAL void splitio_ivshmem_vm_hang_up(struct vm *vm);
/* Free it if it has hung up and no page of it is in use. */
SPLITIO_INTERNAL void splitio_ivshmem_vm_release(struct vm *vm);
SPLITIO_INTERNAL void splitio_ivshmem_vm_upcall(struct vm *vm);

/* --- mailbox.c --- */
/* Begin: the daemon's fields. */
SPLITIO_INTERNAL void splitio_ivshmem_mailbox_begin(struct vm *vm);
/* What was agreed with the guest is void. */
SPLITIO_INTERNAL void splitio_ivshmem_mailbox_new_session(struct vm *vm);
/* True if there was a message. */
SPLITIO_INTERNAL bool splitio_ivshmem_mailbox_poll(struct vm *vm);

/* --- slot.c --- */
/* Make poll() look at the virtual machine again. */
SPLITIO_INTERNAL void splitio_ivshmem_kick(const struct splitio_ivshmem *s);
SPLITIO_INTERNAL void splitio_ivshmem_log(struct splitio_ivshmem *s,
                                          const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static inline int watch_fd(const struct splitio_ivshmem *s, int fd,
                           uint32_t events, enum source source)
{
    struct epoll_event e = {.events = events, .data.u32 = source};

    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e);
}

#endif
