/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests that are processes: shared memory, a socket, and two wake-up fds. */
#ifndef SPLITIO_BINDING_SHM_H
#define SPLITIO_BINDING_SHM_H

/**
 * @file
 * @brief Binding to Linux processes (hosted; library `splitio-shm`).
 *
 * **What it is.** A *machine* is one daemon process: hypervisor side, host
 * domain 0 for the backs, store server. A *guest* is any other process: it puts
 * its frames into a memfd, connects to the daemon's socket and hands the memfd
 * over. From then on both share that memory and nothing else. What goes over
 * the wire is in splitio/binding/shm_wire.h.
 *
 * **Who calls what.** The daemon opens a machine, makes backs on
 * splitio_shm_machine_host_port() and lets one thread poll it. The guest
 * process connects, makes fronts on splitio_shm_guest_port() and lets one
 * thread poll it. Any number of machines and guests in a process.
 *
 * **Typical loop.**
 *
 *     for (;;) {                             the same in both processes:
 *         splitio_shm_X_poll(x, 64);         X is machine or guest
 *         poll the devices
 *         if (!splitio_shm_X_has_work(x))
 *             wait for splitio_shm_X_fd(x)
 *     }
 *
 * has_work() only saves a wait; a descriptor stays readable while there is
 * work, so that a loop without it is correct too. One exception: what was given
 * to a store client (or server) outside of a callback.
 *
 * **Threads.** Memory, grants, events and copies of both ports may be used by
 * any thread: pages_alloc, pages_free, grant, revoke, event_send, event_unmask
 * of a guest; map, unmap, copy, map_ring, unmap_ring, event_send, event_unmask
 * of the host. Everything else, event_open, event_bind, event_close, the store
 * and all functions below, belongs to the thread that polls. So fronts of many
 * threads need one that polls, and hand their opening and closing to it.
 * event_open and event_close of a guest wait for the daemon's answer.
 *
 * **Wake-ups.** Events are not plain eventfds in both directions, because
 * O_NONBLOCK belongs to the open file and not to the descriptor: whoever shares
 * an eventfd can clear the flag, fill or empty the counter, and so make the
 * other side's next read or write wait for ever. Therefore:
 *  - Guest to daemon: an eventfd that the daemon watches edge-triggered and
 *    never reads. Which ports were meant is in the doorbell page.
 *  - Daemon to guest: a pipe, whose two ends are two open files. The daemon's
 *    is its own, non-blocking; when it is full, a wake-up is under way anyway.
 *
 * **Memory order.** A guest sets a port's bit in the doorbell page, then its
 * word's bit in the selector, both totally ordered; the daemon takes them by
 * exchange in the opposite order. The rest is grant.h's and event.h's.
 *
 * **Trust.** The guest trusts the daemon. The daemon trusts no guest: it never
 * waits for one, reads shared words once, bounds every count, and takes only
 * memory that cannot fail under it: a memfd (no file whose pages another
 * process provides), not of huge pages (which may run out), sealed against
 * shrinking, with every page in place. The daemon seals it against new writable
 * mappings and so against holes, too: it is the guest's memory that is used up,
 * never the daemon's. Descriptors that a guest sends and should not have sent
 * are closed by a thread that exists as long as there are any, since closing a
 * file may wait for its owner. (The kernel itself closes those for which the
 * daemon has no room: RLIMIT_NOFILE should be 1024 above what it uses.)
 * A guest that breaks the protocol gets one line in the log and is
 * disconnected; its devices are closed as if it had died.
 *
 * **Errors.** caller: SPLITIO_EINVAL and, with a line of text, what the
 * functions list. peer: SPLITIO_ECLOSED on the guest's side when the daemon is
 * gone.
 */

#include <sys/types.h>

#include <splitio/guest.h>
#include <splitio/hypervisor.h>
#include <splitio/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of a text that explains a failure, NUL included. */
#define SPLITIO_SHM_TEXT_MAX 160u
/** Bytes of a guest's name, NUL included. */
#define SPLITIO_SHM_NAME_MAX 64u

struct splitio_store_server;
struct splitio_store_conn;

/* ---- daemon ---- */

/** A machine: hypervisor side, host domain, store, and its guests. */
struct splitio_shm_machine;

/** What is known of a guest. */
struct splitio_shm_guest_info {
    splitio_domid_t domid;
    bool leaving; /**< gone; its memory is still held by backs */
    char name[SPLITIO_SHM_NAME_MAX]; /**< letters, digits, "._-" */
    uid_t uid;                       /**< of the process when it connected */
    pid_t pid;                       /**< as above; may be reused by now */
    uint32_t nr_pages;
    uint8_t *memory; /**< its pages as they are mapped here, until it is gone;
                          the guest may write there at any time */
    unsigned nr_grant_frames;
    unsigned grant_version;
    uint32_t nr_ports;     /**< size of its event table */
    uint32_t nr_open;      /**< its open ports; the store's is one of them */
    uint32_t nr_pins;      /**< pins of backs on its pages */
    uint64_t nr_doorbells; /**< wake-ups it has caused */
};

/** What a machine tells its embedder; all from splitio_shm_machine_poll(). */
struct splitio_shm_machine_ops {
    /**
     * A guest is there. Its domain and its home in the store exist (see
     * splitio_toolstack_domain_add()), and it runs when this returns. 0, or a
     * SPLITIO_E* value to refuse it, with a line of @p text for its user.
     * After a refusal guest_left() is not called.
     */
    int (*guest_joined)(void *arg, const struct splitio_shm_guest_info *info,
                        char *text, size_t len_bytes);
    /**
     * A guest is gone. Close its devices; it may take several polls. Its memory
     * stays mapped and its domain id taken until the last page is unmapped.
     * Its home in the store has been removed already.
     */
    void (*guest_left)(void *arg, const struct splitio_shm_guest_info *info);
    /**
     * A connection that the embedder itself made on the store server has output to be sent, or room for more input. Not called
     * for those of guests.
     */
    void (*store_ready)(void *arg, struct splitio_store_conn *conn);
    /** A line for the log, without line feed. At most some lines a second. */
    void (*log)(void *arg, const char *line);
};

/** How to open a machine. Zeroes mean the value given. */
struct splitio_shm_machine_config {
    /** Of the socket, at most 107 bytes; NULL: there is none, and the embedder
     *  brings all guests by splitio_shm_machine_attach(). */
    const char *path;
    mode_t mode;         /**< of the socket: 0600 */
    uint16_t max_guests; /**< 64; at most 4096 */
    /** Of a guest: 65536 (256 MiB). Freeing them takes the daemon some 20 ms
     *  at once. */
    uint32_t max_pages;
    uint16_t max_frames; /**< grant frames of a guest: 32; at most 64 */
    uint16_t max_ports;  /**< event ports of a guest: 256; at most 4096 */
    uint16_t nr_ports;   /**< event ports of the host: 4096 */
    uint32_t nr_track;   /**< pages the host can have mapped: 65536 */
    uint32_t hello_ms;   /**< until a connection must say hello: 2000 */
    size_t store_bytes;  /**< arena of the store server: 4 MiB */
    const struct splitio_shm_machine_ops *ops; /**< each op may be NULL */
    void *arg;                                 /**< of the ops */
};

/** Counters. Those above the line are zero when no guest is there. */
struct splitio_shm_machine_stats {
    uint32_t nr_guests;  /**< joined and not gone */
    uint32_t nr_leaving; /**< gone, and still held by backs */
    uint32_t nr_pending; /**< connections that have not said hello */
    uint32_t nr_mapped;  /**< guests' pages that backs have mapped */
    uint32_t nr_windows; /**< rings of several pages that are mapped */
    uint32_t nr_ports;   /**< open event ports of the host */
    uint32_t nr_fds;     /**< descriptors held for guests and connections */
    uint32_t nr_foreign; /**< stray descriptors that wait to be closed */
    uint64_t nr_bytes;   /**< of guests' memory that is mapped */
    /* ---- */
    uint64_t nr_joined;   /**< ever */
    uint64_t nr_left;     /**< ever */
    uint64_t nr_refused;  /**< hellos, ever */
    uint64_t nr_nonsense; /**< disconnected for breaking the protocol, ever */
    uint64_t nr_unlogged; /**< log lines left out, ever */
    uint64_t
        nr_delayed; /**< ends of interrupt put off for want of work, ever */
};

/**
 * @brief Open a machine and its socket.
 * @param[out] machine the machine.
 * @param[in]  config  copied, but for ops and arg.
 * @param[out] text    why it failed, one line; may be NULL.
 * @param[in]  len_bytes of @p text.
 * @return 0; SPLITIO_EINVAL: config; SPLITIO_EBUSY: another daemon serves that
 * path; SPLITIO_EEXIST: something that is no socket is in the way;
 * SPLITIO_ENOMEM; SPLITIO_EACCES; SPLITIO_EIO.
 *
 * A lock on "<path>.lock" tells a living daemon from one that has died, whose
 * socket is replaced.
 *
 * Caller: any thread. Order: none. Peer: nothing.
 */
int splitio_shm_machine_open(struct splitio_shm_machine **machine,
                             const struct splitio_shm_machine_config *config,
                             char *text, size_t len_bytes);

/**
 * @brief Disconnect all guests, without callbacks, and free everything.
 * @return 0; SPLITIO_EBUSY: backs still hold pages or rings of guests. The
 * socket is gone and the guests are disconnected all the same: close all
 * devices and call again.
 *
 * Caller: the polling thread. Order: none. Peer: cannot delay it.
 */
int splitio_shm_machine_close(struct splitio_shm_machine *machine);

/**
 * @brief The descriptor to wait for: readable when there is something to poll.
 * It is an epoll descriptor: put it into poll(), epoll or an event loop.
 */
int splitio_shm_machine_fd(const struct splitio_shm_machine *machine);

/**
 * @brief Do what there is to do: connections, calls and doorbells of guests,
 * handlers of the host's events, the store's server and client.
 * @param[in] budget most things of each kind to do.
 * @return things done; 0: there was nothing. If there is more,
 * splitio_shm_machine_fd() stays readable.
 *
 * Caller: one thread. Order: acquires what guests wrote before they rang. Peer:
 * messages, doorbell pages, store rings, event ports; each guest at most a
 * message, its doorbell page and 16 store requests a call.
 */
unsigned splitio_shm_machine_poll(struct splitio_shm_machine *machine,
                                  unsigned budget);

/** @brief True if splitio_shm_machine_poll() has work: do not wait. */
bool splitio_shm_machine_has_work(struct splitio_shm_machine *machine);

/** @brief The port to hand to backs; good as long as the machine is. */
struct splitio_host_port
splitio_shm_machine_host_port(struct splitio_shm_machine *machine);

/**
 * @brief The store client of domain 0, for the backs.
 *
 * splitio_shm_machine_poll() polls it; do not poll or reconnect it. What is
 * submitted outside of callbacks leaves with the next poll: call
 * splitio_shm_machine_has_work() before waiting, or
 * splitio_shm_machine_kick() behind it.
 */
struct splitio_store *
splitio_shm_machine_store(struct splitio_shm_machine *machine);

/**
 * @brief The store server, to write the directories of devices into. As with
 * the client, has_work() or kick() sends what that causes on its way.
 */
struct splitio_store_server *
splitio_shm_machine_store_server(struct splitio_shm_machine *machine);

/** @brief The hypervisor side; the host is domain 0. */
struct splitio_hypervisor *
splitio_shm_machine_hypervisor(struct splitio_shm_machine *machine);

/** @brief Make splitio_shm_machine_fd() readable. Any thread, signal-safe. */
void splitio_shm_machine_kick(struct splitio_shm_machine *machine);

/** @brief Counters. Caller: the polling thread. */
void splitio_shm_machine_get_stats(const struct splitio_shm_machine *machine,
                                   struct splitio_shm_machine_stats *stats);

/**
 * @brief What is known of a guest. To list all, ask for domain ids 1 to
 * splitio_shm_machine_max_domid().
 * @return 0; SPLITIO_ENOENT.
 *
 * Caller: the polling thread. Order: none. Peer: nothing.
 */
int splitio_shm_machine_guest_info(const struct splitio_shm_machine *machine,
                                   splitio_domid_t domid,
                                   struct splitio_shm_guest_info *info);

/** @brief The highest domain id that a guest can have. */
splitio_domid_t
splitio_shm_machine_max_domid(const struct splitio_shm_machine *machine);

/**
 * @brief Disconnect a guest; guest_left() follows from the next poll.
 * @return 0; SPLITIO_ENOENT.
 *
 * Caller: the polling thread, in callbacks too. Order: none. Peer: nothing.
 */
int splitio_shm_machine_eject(struct splitio_shm_machine *machine,
                              splitio_domid_t domid, const char *reason);

/* ---- guests that the embedder brings ---- */

struct splitio_shm_call;

/** What the machine tells of such a guest. */
struct splitio_shm_window_ops {
    /** It has events pending. Any thread. */
    void (*upcall)(void *arg);
    /** Nobody has its memory mapped any more, and its domain is no more. Once,
     *  by the polling thread, also when it could not be attached. */
    void (*gone)(void *arg);
};

/** A guest's memory, with the frames of shm_wire.h, and how it is reached. */
struct splitio_shm_window {
    const char *name; /**< of the guest */
    uid_t uid;        /**< whose it is */
    pid_t pid;
    void *base; /**< shared mapping of a memfd without holes, sealed against
                     shrinking; tables are zero */
    uint32_t nr_pages, nr_grant_frames, nr_ports;
    const struct splitio_shm_window_ops *ops;
    void *arg;
};

/**
 * @brief Make a guest of memory that the embedder has: guest_joined() is asked
 * as for those that join by the socket.
 * @param[in]  window     copied, but for ops and arg.
 * @param[out] domid      its domain.
 * @param[out] store_port event port of the store's ring page.
 * @param[out] text       why not, one line; may be NULL.
 * @return 0; else gone() is or will be called: SPLITIO_EINVAL; SPLITIO_E2BIG;
 * SPLITIO_ENOSPC: no domain is free; SPLITIO_ENOMEM; what guest_joined() said.
 *
 * Caller: the polling thread. Order: none. Peer: nothing.
 */
int splitio_shm_machine_attach(struct splitio_shm_machine *machine,
                               const struct splitio_shm_window *window,
                               splitio_domid_t *domid,
                               splitio_evtchn_t *store_port, char *text,
                               size_t len_bytes);

/**
 * @brief It has rung: look at its doorbell page.
 *
 * Caller: the polling thread. Order: acquires what it wrote before it rang.
 * Peer: which ports; each once.
 */
void splitio_shm_machine_ring(struct splitio_shm_machine *machine,
                              splitio_domid_t domid);

/**
 * @brief Carry out a call of it, which is a copy; of shm_wire.h.
 * @return true and the reply; false: it is no call, or no such guest.
 *
 * Caller: the polling thread. Order: none. Peer: all of @p call.
 */
bool splitio_shm_machine_call(struct splitio_shm_machine *machine,
                              splitio_domid_t domid,
                              const struct splitio_shm_call *call,
                              struct splitio_shm_call *reply);

/**
 * @brief It is to leave: guest_left() is called now, gone() now or in a later
 * poll. Harmless if it is leaving.
 *
 * Caller: the polling thread, not in callbacks. Order: none. Peer: nothing.
 */
void splitio_shm_machine_detach(struct splitio_shm_machine *machine,
                                splitio_domid_t domid);

/* ---- guest ---- */

/** A guest: this process, or a part of it, as a domain of a machine. */
struct splitio_shm_guest;

/** How to connect. Zeroes mean the value given. */
struct splitio_shm_guest_config {
    const char *path;    /**< of the machine's socket */
    const char *name;    /**< 1 to 63 of letters, digits, "._-" */
    uint32_t nr_pages;   /**< all memory, tables included: 4096 (16 MiB) */
    uint16_t nr_frames;  /**< grant frames, 512 references each: 8 */
    uint16_t max_frames; /**< the table may grow to so many: as many */
    /** Of the grant table, at the start: 1. With 2 a frame has 256 references,
     *  and the guest may change between both. */
    uint16_t grant_version;
    uint16_t nr_ports;   /**< event ports: 64 */
    bool fifo_events;    /**< priorities, and ports handled as events come */
    uint32_t timeout_ms; /**< for each answer of the daemon: 10000 */
};

/**
 * @brief Connect to a machine as a new domain; waits for its answer.
 * @param[out] guest  the guest.
 * @param[in]  config copied.
 * @param[out] text   why it failed, one line; may be NULL.
 * @param[in]  len_bytes of @p text.
 * @return 0; SPLITIO_EINVAL: config; SPLITIO_ENOENT: no daemon there;
 * SPLITIO_EACCES: refused, @p text has the daemon's reason; SPLITIO_ENOMEM;
 * SPLITIO_EPROTO: whoever answers is no daemon of this version; SPLITIO_EIO.
 *
 * Caller: any thread. Order: none. Peer: the daemon is trusted.
 */
int splitio_shm_guest_connect(struct splitio_shm_guest **guest,
                              const struct splitio_shm_guest_config *config,
                              char *text, size_t len_bytes);

/**
 * @brief Disconnect and free everything, memory included. Close the fronts
 * first. The daemon may hold the memory for a while longer; it harms no one.
 *
 * Caller: the polling thread. Order: none. Peer: nothing.
 */
void splitio_shm_guest_close(struct splitio_shm_guest *guest);

/** @brief The descriptor to wait for; an epoll descriptor, as the machine's. */
int splitio_shm_guest_fd(const struct splitio_shm_guest *guest);

/**
 * @brief Run the handlers of pending events, move the store client's bytes.
 * @param[in] budget most handlers, and most store messages.
 * @return things done, 0 if there was nothing; SPLITIO_ECLOSED: the daemon is
 * gone, now and ever.
 *
 * Caller: one thread. Order: acquires what the host wrote before its events.
 * Peer: the daemon is trusted; backs decide how many events there are.
 */
int splitio_shm_guest_poll(struct splitio_shm_guest *guest, unsigned budget);

/** @brief True if splitio_shm_guest_poll() has work: do not wait. */
bool splitio_shm_guest_has_work(const struct splitio_shm_guest *guest);

/** @brief The port to hand to fronts; good as long as the guest is. */
struct splitio_guest_port
splitio_shm_guest_port(struct splitio_shm_guest *guest);

/** @brief The guest behind the port: free pages, references lent; and its grant
 * table's version and size, which the polling thread may change. */
struct splitio_guest *splitio_shm_guest_of(struct splitio_shm_guest *guest);

/**
 * @brief The guest's store client, over its ring page.
 *
 * splitio_shm_guest_poll() polls it; outside of callbacks splitio_store_poll()
 * and splitio_store_wait() (with splitio_shm_guest_wait()) may be called too.
 * What is submitted elsewhere leaves with the next poll, which
 * splitio_shm_guest_has_work() asks for: call it before waiting.
 */
struct splitio_store *splitio_shm_guest_store(struct splitio_shm_guest *guest);

/** @brief The domain id the machine gave. */
splitio_domid_t splitio_shm_guest_domid(const struct splitio_shm_guest *guest);

/**
 * @brief Wait until there is work, at most the configured timeout, and poll
 * events: the `wait` of splitio_store_wait(), with the guest as its context.
 * @return 0; SPLITIO_EAGAIN: timeout; SPLITIO_ECLOSED.
 *
 * Caller: the polling thread, not from a callback. Order: none. Peer: none.
 */
int splitio_shm_guest_wait(void *guest);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_BINDING_SHM_H */
