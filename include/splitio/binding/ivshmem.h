/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests that are virtual machines of an unchanged QEMU, through ivshmem. */
#ifndef SPLITIO_BINDING_IVSHMEM_H
#define SPLITIO_BINDING_IVSHMEM_H

/**
 * @file
 * @brief Binding to virtual machines with an ivshmem device (hosted, Linux;
 * library `splitio-ivshmem`).
 *
 * **What it is.** A *slot* is a socket that speaks the protocol of QEMU's ivshmem
 * server, and room for one virtual machine:
 *
 *     qemu-system-x86_64 ... -chardev socket,path=PATH,id=web \
 *         -device ivshmem-doorbell,chardev=web
 *
 * It hands the machine a window of memory, which is all that both share, and two
 * eventfds. What is in the window is described in
 * splitio/binding/ivshmem_wire.h. The virtual machine becomes a guest of a
 * splitio_shm_machine, under the slot's name, when a driver in it says hello, and
 * ceases to be one when that leaves, or when QEMU ends. Any hypervisor that
 * speaks the protocol will do.
 *
 * **Who calls what.** The thread that polls the machine calls everything.
 *
 * **Typical loop.**
 *
 *     splitio_ivshmem_open(&slot, &cfg, text, sizeof(text))
 *     for (;;) {
 *         wait for splitio_ivshmem_fd(slot), splitio_shm_machine_fd(machine)
 *         splitio_ivshmem_poll(slot)
 *         splitio_shm_machine_poll(machine, 64)
 *         poll the devices
 *     }
 *
 * **When the daemon ends.** Virtual machines outlive it. Whoever keeps the
 * descriptors of splitio_ivshmem_get_fds(), in another process or with systemd,
 * gives them to the next daemon, which calls splitio_ivshmem_adopt(): the guest
 * sees that its session is over and joins again.
 *
 * **Memory order.** ivshmem_wire.h's.
 *
 * **Trust.** The virtual machine and its QEMU are one party, and not trusted.
 * Window and eventfds are made here. The window cannot shrink, and from the first
 * hello on nobody can take pages out of it. The daemon never reads the eventfds,
 * and raises the guest's with the kernel's own eventfd_signal(), which never
 * waits, whatever QEMU makes of the descriptor. A second virtual machine on a
 * taken slot is turned away.
 *
 * **Errors.** Each function lists its own, with a line of text.
 *
 * Source: QEMU, docs/specs/ivshmem-spec, "Interrupts" and "Client-server
 * protocol".
 */

#include <sys/types.h>

#include <splitio/binding/shm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A slot for a virtual machine. */
struct splitio_ivshmem;

/** How to open one. Zeroes mean the value given. */
struct splitio_ivshmem_config {
    struct splitio_shm_machine *machine;
    const char *path; /**< of the socket; at most 107 bytes */
    mode_t mode;      /**< of the socket: 0600 */
    const char *name; /**< of the guest: 1 to 63 of letters, digits, "._-" */
    /** Of the window: 16 MiB. A power of two, 1 MiB to 1 GiB. */
    uint64_t window_bytes;
    /** A virtual machine has come or gone: splitio_ivshmem_get_fds() has another
     *  answer. From poll(); may be NULL. */
    void (*changed)(void *arg, struct splitio_ivshmem *slot);
    /** A line for the log; may be NULL. */
    void (*log)(void *arg, const char *line);
    void *arg;
};

/** What a virtual machine consists of, in the order of the array. */
enum splitio_ivshmem_fd {
    SPLITIO_IVSHMEM_FD_SOCKET, /**< to its QEMU */
    SPLITIO_IVSHMEM_FD_WINDOW, /**< memfd */
    SPLITIO_IVSHMEM_FD_BELL,   /**< eventfd, guest to daemon */
    SPLITIO_IVSHMEM_FD_UPCALL, /**< eventfd, daemon to guest */
    SPLITIO_IVSHMEM_FDS,
};

/** Counters. */
struct splitio_ivshmem_stats {
    bool has_vm;    /**< a virtual machine is there, or not wholly gone */
    bool is_joined; /**< and is a guest: domid says which */
    splitio_domid_t domid;
    uint64_t nr_vms;         /**< ever */
    uint64_t nr_turned_away; /**< because the slot was taken */
    uint64_t nr_hellos;      /**< ever */
    uint64_t nr_refused;     /**< of them */
    uint64_t nr_nonsense;    /**< messages that were none */
    uint64_t nr_upcalls;     /**< raised */
};

/**
 * @brief Open a slot and its socket. A socket that is in the way and that nobody
 * serves is replaced.
 * @param[out] slot   the slot.
 * @param[in]  config copied, texts too.
 * @param[out] text   why it failed, one line; may be NULL.
 * @param[in]  len_bytes of @p text.
 * @return 0; SPLITIO_EINVAL: config; SPLITIO_EBUSY: somebody serves that path;
 * SPLITIO_EEXIST: something that is no socket is in the way; SPLITIO_ENOMEM;
 * SPLITIO_EACCES; SPLITIO_EOPNOTSUPP: the kernel has no AIO; SPLITIO_EIO.
 *
 * Caller: the polling thread. Order: none. Peer: nothing.
 */
int splitio_ivshmem_open(struct splitio_ivshmem **slot,
                         const struct splitio_ivshmem_config *config,
                         char *text, size_t len_bytes);

/**
 * @brief Let go of the virtual machine and free everything. The machine must be
 * open still.
 * @return 0; SPLITIO_EBUSY: backs hold pages of it: close its devices, poll the
 * machine and call again. The socket is gone already.
 *
 * Caller: the polling thread. Order: none. Peer: cannot delay it.
 */
int splitio_ivshmem_close(struct splitio_ivshmem *slot);

/** @brief Readable when there is something to poll; an epoll descriptor. */
int splitio_ivshmem_fd(const struct splitio_ivshmem *slot);

/**
 * @brief Do what there is to do: QEMU's coming and going, doorbell and mailbox.
 * @return things done; 0: there was nothing.
 *
 * Caller: the thread that polls the machine. Order: acquires what the guest wrote
 * before it rang. Peer: QEMU's connection; the mailbox, one message a call; its
 * doorbell page.
 */
unsigned splitio_ivshmem_poll(struct splitio_ivshmem *slot);

/**
 * @brief The descriptors of the virtual machine, which stay the slot's.
 * @return true; false: there is none.
 */
bool splitio_ivshmem_get_fds(const struct splitio_ivshmem *slot,
                             int fds[SPLITIO_IVSHMEM_FDS]);

/**
 * @brief Take up a virtual machine that an earlier daemon has served, and that
 * nobody serves now; before the first poll. Its guest's session is over.
 * @param[in] fds taken over, and closed if it fails.
 * @return 0; SPLITIO_EINVAL: they are not what get_fds() gave, or not of this
 * slot's size; SPLITIO_EBUSY: there is one; SPLITIO_ENOMEM; SPLITIO_EIO.
 *
 * Caller: the polling thread. Order: none. Peer: all of the window.
 */
int splitio_ivshmem_adopt(struct splitio_ivshmem *slot,
                          const int fds[SPLITIO_IVSHMEM_FDS], char *text,
                          size_t len_bytes);

/** @brief Counters. Caller: the polling thread. */
void splitio_ivshmem_get_stats(const struct splitio_ivshmem *slot,
                               struct splitio_ivshmem_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_BINDING_IVSHMEM_H */
