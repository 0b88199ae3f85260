/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's side of an ivshmem window: freestanding. */
#ifndef SPLITIO_BINDING_IVSHMEM_GUEST_H
#define SPLITIO_BINDING_IVSHMEM_GUEST_H

/**
 * @file
 * @brief A guest port over an ivshmem window (library `splitio-ivshmem-guest`).
 *
 * **What it is.** For kernels, and for programs without one, that find an ivshmem
 * device whose other end is splitiod. They supply the window and four functions;
 * this is the rest. What is lent lies in the window: everything else of the guest
 * is out of the daemon's reach.
 *
 * **Who calls what.** The driver of the device opens the guest, makes fronts on
 * its port and store, and lets one thread poll. Functions of the port for memory,
 * grants and events may be called by any thread (splitio/guest.h).
 *
 * **Typical loop.**
 *
 *     splitio_ivshmem_guest_open(&g, &cfg, &why)
 *     for (;;) {
 *         n = splitio_ivshmem_guest_poll(&g, 64)
 *         if (n == SPLITIO_ECLOSED)
 *             begin anew, see below
 *         poll the devices
 *         if (!splitio_ivshmem_guest_has_work(&g))
 *             wait for the interrupt, or for wake()
 *     }
 *
 * **When the daemon begins anew.** poll() says SPLITIO_ECLOSED. Then call resume
 * of every front, poll the fronts until they have closed their channels, and call
 * splitio_ivshmem_guest_rejoin() until it succeeds: the fronts connect again and
 * repeat what was not answered.
 *
 * **Memory order.** ivshmem_wire.h's; the rest is grant.h's and event.h's.
 *
 * **Trust.** The guest trusts the daemon.
 *
 * **Errors.** Each function lists its own; open and rejoin give a line of text.
 */

#include <splitio/binding/ivshmem_wire.h>
#include <splitio/guest.h>
#include <splitio/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the driver supplies. */
struct splitio_ivshmem_guest_ops {
    /** Write SPLITIO_IVSHMEM_DOORBELL to the doorbell register, behind all that
     *  was written to memory. Any thread. */
    void (*ring)(void *ctx);
    /** Make the polling thread poll soon. Any thread. */
    void (*wake)(void *ctx);
    /** A call waits for its answer: wait for the interrupt, or for some time.
     *  0, then the doorbell is rung again, so some tenths of a second are
     *  enough; else it is given up: SPLITIO_EAGAIN. The polling thread. */
    int (*wait)(void *ctx);
};

/** What a guest is made of. */
struct splitio_ivshmem_guest_config {
    void *window; /**< BAR 2, mapped cacheable */
    uint64_t window_bytes;
    const struct splitio_ivshmem_guest_ops *ops;
    void *ctx;
    uint32_t nr_grant_frames; /**< 512 references each, 1 to 64 */
    uint32_t nr_ports;        /**< 2 to 4096; 256 is what the daemon allows */
    void *mem; /**< splitio_ivshmem_guest_mem_bytes(), aligned to 8 */
    size_t mem_bytes;
};

/** A guest. Fields are private, not ABI. */
struct splitio_ivshmem_guest {
    struct splitio_ivshmem_guest_config cfg;
    struct splitio_ivshmem_mailbox *mailbox;
    struct splitio_shm_doorbell *doorbell;
    uint8_t *base; /* of the memory behind the mailbox */
    uint32_t nr_pages;
    uint32_t session;
    uint32_t seq;
    bool joined, store_event, store_full;
    splitio_domid_t domid;
    splitio_evtchn_t store_port;
    struct splitio_event_handler *handlers;
    struct splitio_guest guest;
    struct splitio_store_ring ring;
    struct splitio_store store;
    char text[SPLITIO_SHM_WELCOME_TEXT]; /* why it was refused */
};

/** @brief Bytes of memory for a guest of that configuration. */
size_t
splitio_ivshmem_guest_mem_bytes(const struct splitio_ivshmem_guest_config *cfg);

/**
 * @brief Look at the window and join.
 * @param[out] g    the guest.
 * @param[in]  cfg  copied.
 * @param[out] why  a line of text if it fails, good as long as @p g; not NULL.
 * @return 0; SPLITIO_EINVAL: config; SPLITIO_EPROTO: no daemon of this version
 * has made the window; SPLITIO_ENOSPC: the window is too small for the tables;
 * SPLITIO_EACCES: refused; SPLITIO_EAGAIN: no answer.
 *
 * Caller: the polling thread. Order: none. Peer: the daemon is trusted.
 */
int splitio_ivshmem_guest_open(struct splitio_ivshmem_guest *g,
                               const struct splitio_ivshmem_guest_config *cfg,
                               const char **why);

/**
 * @brief After poll() said SPLITIO_ECLOSED: join again.
 * @return as splitio_ivshmem_guest_open(); SPLITIO_EBUSY: a front has not closed
 * its channel yet. May be called again after every failure.
 *
 * Caller: the polling thread. Order: none. Peer: the daemon is trusted.
 */
int splitio_ivshmem_guest_rejoin(struct splitio_ivshmem_guest *g,
                                 const char **why);

/**
 * @brief The session is over, whatever the window says: the machine was
 * suspended, or restored elsewhere. poll() says SPLITIO_ECLOSED from now on.
 *
 * Caller: the polling thread. Order: none. Peer: nothing.
 */
void splitio_ivshmem_guest_forget(struct splitio_ivshmem_guest *g);

/**
 * @brief Leave; the window is not in use any more when it returns, unless the
 * daemon did not answer. Close the fronts first.
 * @return 0; SPLITIO_EAGAIN: no answer.
 *
 * Caller: the polling thread, not from a callback. Order: acquires the daemon's
 * last access. Peer: the daemon is trusted.
 */
int splitio_ivshmem_guest_close(struct splitio_ivshmem_guest *g);

/**
 * @brief Run handlers of pending events, move the store client's bytes.
 * @return things done, 0 if there was nothing; SPLITIO_ECLOSED: the session is
 * over.
 *
 * Caller: one thread. Order: acquires what the daemon wrote before its upcall.
 * Peer: the daemon is trusted; backs decide how many events there are.
 */
int splitio_ivshmem_guest_poll(struct splitio_ivshmem_guest *g,
                               unsigned budget);

/** @brief True if splitio_ivshmem_guest_poll() has work: do not wait. */
bool splitio_ivshmem_guest_has_work(const struct splitio_ivshmem_guest *g);

/** @brief The port to hand to fronts; good as long as the guest is. */
struct splitio_guest_port
splitio_ivshmem_guest_port(struct splitio_ivshmem_guest *g);

/**
 * @brief The guest's store client. poll() polls it; what is submitted outside of
 * callbacks leaves with the next poll.
 */
struct splitio_store *
splitio_ivshmem_guest_store(struct splitio_ivshmem_guest *g);

/**
 * @brief Wait until there is work, and run handlers: the `wait` of
 * splitio_store_wait(), with the guest as its context.
 * @return 0; SPLITIO_ECLOSED; what the ops' wait said.
 */
int splitio_ivshmem_guest_wait(void *guest);

/** @brief The domain id it was given. */
static inline splitio_domid_t
splitio_ivshmem_guest_domid(const struct splitio_ivshmem_guest *g)
{
    return g->domid;
}

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_BINDING_IVSHMEM_GUEST_H */
