/* SPDX-License-Identifier: BSD-2-Clause */
/* A daemon with one slot and a disk for its guest, and a virtual machine. */
#ifndef SPLITIO_TESTS_IVSHMEM_BED_H
#define SPLITIO_TESTS_IVSHMEM_BED_H

#include <splitio/binding/ivshmem.h>
#include <splitio/binding/ivshmem_guest.h>
#include <splitio/blkback.h>
#include <splitio/toolstack.h>

#include "blk_disk.h"

#define BED_DEVID      51712u
#define BED_DIR        "device/vbd/51712" /* as the guest says it */
#define BED_SECTORS    16384u
#define BED_WINDOW     (UINT64_C(4) << 20)
#define BED_NR_CHANGES 8u

/* One disk of the one guest. */
struct bed_device {
    bool used, leaving;
    struct splitio_toolstack_device dev;
    char dir[SPLITIO_TOOLSTACK_PATH_MAX];
    struct splitio_blkback back;
    void *mem;
};

struct bed {
    char path[64];
    struct splitio_shm_machine *machine;
    struct splitio_ivshmem *slot;
    struct blk_disk disk; /* outlives daemons */
    struct bed_device device;
    bool refuse; /* whoever wants to join */
    unsigned nr_changes;
    char log[512]; /* the last line */
};

void bed_open(struct bed *b);
/* Everything has been given back. */
void bed_close(struct bed *b);

/* The daemon itself, which may begin anew. */
void bed_daemon_open(struct bed *b);
/* As if it were killed: descriptors are kept, the guest is told nothing and finds
 * its grants in use. */
void bed_daemon_kill(struct bed *b, int fds[SPLITIO_IVSHMEM_FDS]);

/* One turn of the daemon's loop: things done. */
unsigned bed_turn(struct bed *b);
void bed_settle(struct bed *b);

/* What QEMU has, and the guest in it. */
struct vm_side {
    struct bed *bed;
    int socket, window, bell, upcall;
    void *base;
    void *mem;
    struct splitio_ivshmem_guest_config cfg;
    struct splitio_ivshmem_guest guest;
    bool woken;
    bool patient; /* waits as long as the daemon has something to do */
};

/* Connect, and read what the server says: true if it is a whole greeting. */
bool vm_connect(struct vm_side *vm, struct bed *b);
/* 0, or what open said. */
int vm_join(struct vm_side *vm, const char **why);
/* The window, in other words. */
void *vm_map(int window);
void vm_unmap(void *base);
/* QEMU is no more. */
void vm_kill(struct vm_side *vm);
/* The upcall came since the last time. */
bool vm_was_called(const struct vm_side *vm);
/* One turn of both: things done; SPLITIO_ECLOSED as the guest's poll. */
int vm_turn(struct vm_side *vm);

#endif
