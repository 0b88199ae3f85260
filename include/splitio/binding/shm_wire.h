/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest process and the daemon say to one another. */
#ifndef SPLITIO_BINDING_SHM_WIRE_H
#define SPLITIO_BINDING_SHM_WIRE_H

/**
 * @file
 * @brief Socket messages and shared pages of the shm binding.
 *
 * **What it is.** The socket is AF_UNIX, SOCK_SEQPACKET. The guest sends one
 * hello with its memfd as SCM_RIGHTS; the daemon answers with one welcome and
 * two descriptors (doorbell eventfd, read end of the upcall pipe), or with one
 * refusal and closes. Then the guest makes calls, one at a time, each answered
 * by a reply. No other message and no other descriptor is ever sent. Either
 * side leaves by closing the socket. Byte order is the machine's.
 *
 * **The memfd.** `nr_pages` * 4096 bytes, not of huge pages, sealed with
 * F_SEAL_SHRINK and F_SEAL_GROW and not with F_SEAL_SEAL, without holes: every
 * page has been written to, or mapped with MAP_POPULATE. The guest maps it
 * before the hello: the daemon adds F_SEAL_FUTURE_WRITE and F_SEAL_SEAL.
 * Frames: 0 shared info (x86_64 layout), 1 the store's ring page, 2 doorbell
 * page, from 3 the grant table with all frames that it may ever have, for
 * version 2 its status frames (SPLITIO_GRANT_STATUS_FRAMES() of that number),
 * then memory to use freely. All are zero or hold what the guest wants when it
 * says hello; the daemon clears status frames only, and the grant table when its
 * version changes.
 *
 * **Who calls what.** Both halves of the binding; and whoever writes a guest
 * without it.
 *
 * **Memory order.** See splitio/binding/shm.h.
 *
 * **Trust.** The daemon checks every field of a hello and of a call.
 */

#include <splitio/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** "SPLITIO" and a zero, read as a little-endian number. */
#define SPLITIO_SHM_MAGIC UINT64_C(0x004F4954494C5053)
/** Of this file. A daemon refuses others. */
#define SPLITIO_SHM_VERSION 2u
/** Shared info as on x86_64: 64-bit words. */
#define SPLITIO_SHM_ABI_64 1u

/** Frames of a guest's memory with a fixed use. */
enum splitio_shm_frame {
    SPLITIO_SHM_FRAME_SHARED_INFO = 0,
    SPLITIO_SHM_FRAME_STORE = 1,
    SPLITIO_SHM_FRAME_DOORBELL = 2,
    SPLITIO_SHM_FRAME_GRANTS = 3,
};

/** Types of message. */
enum splitio_shm_type {
    SPLITIO_SHM_HELLO = 1,       /**< guest */
    SPLITIO_SHM_WELCOME = 2,     /**< daemon, answer to hello */
    SPLITIO_SHM_REFUSED = 3,     /**< daemon, answer to hello */
    SPLITIO_SHM_EVENT_ALLOC = 4, /**< guest; arg: remote domain */
    SPLITIO_SHM_EVENT_CLOSE = 5, /**< guest; arg: port */
    SPLITIO_SHM_REPLY = 6,       /**< daemon, answer to a call */
    /** guest; arg: version of the grant table from now on; 2 only if the hello
     *  said 2 */
    SPLITIO_SHM_GRANT_VERSION = 7,
    /** guest; arg: how many frames the grant table has from now on */
    SPLITIO_SHM_GRANT_GROW = 8,
    /** guest; arg: two references below 65536, one of them in the upper half */
    SPLITIO_SHM_GRANT_SWAP = 9,
    /** guest; arg: frame of vcpu 0's control block, at its begin. The guest
     *  changes over to FIFO events (splitio/event_fifo.h). */
    SPLITIO_SHM_EVENT_CONTROL = 10,
    SPLITIO_SHM_EVENT_EXPAND = 11, /**< guest; arg: frame of event words */
    /** guest; arg: port, and its priority in the uppermost 8 bits */
    SPLITIO_SHM_EVENT_PRIORITY = 12,
};

/** First message. Writer: guest. */
struct splitio_shm_hello {
    uint64_t magic;
    uint32_t version;
    uint32_t type;
    uint32_t abi;
    uint32_t nr_pages;
    uint32_t nr_grant_frames;
    uint32_t nr_ports;         /**< 2 to 4096 */
    uint32_t max_grant_frames; /**< it may grow to so many; 0: as many */
    uint32_t grant_version;    /**< 1 or 2, at the start; 0: 1 */
    char name[64];             /**< ends in NUL; the rest is zero */
};
SPLITIO_STATIC_ASSERT(sizeof(struct splitio_shm_hello) == 104, "wire format");

/** Bytes of the text of a welcome. */
#define SPLITIO_SHM_WELCOME_TEXT 160u

/** Answer to the hello. Writer: daemon. */
struct splitio_shm_welcome {
    uint64_t magic;
    uint32_t version;
    uint32_t type;       /**< welcome or refused */
    uint32_t domid;      /**< welcome */
    uint32_t store_port; /**< welcome: event port of the store's ring page */
    int32_t status;      /**< refused: SPLITIO_E* */
    uint32_t pad;        /**< zero */
    char text[SPLITIO_SHM_WELCOME_TEXT]; /**< refused: one line, ends in NUL */
};
SPLITIO_STATIC_ASSERT(sizeof(struct splitio_shm_welcome) == 192, "wire format");

/** A call of the guest, and its reply. */
struct splitio_shm_call {
    uint32_t type;
    uint32_t seq;   /**< chosen by the guest; the reply repeats it */
    uint32_t value; /**< call: its argument; reply: port */
    int32_t status; /**< call: zero; reply: 0 or SPLITIO_E* */
};
SPLITIO_STATIC_ASSERT(sizeof(struct splitio_shm_call) == 16, "wire format");

/**
 * The doorbell page. To send on a port, the guest sets bit `port % 64` of
 * `ports[port / 64]`, then bit `port / 64` of `selector`, and if `selector` was
 * zero before, adds 1 to the eventfd. The daemon exchanges `selector` and the
 * words that it names with zero. With FIFO events, `unmask_selector` and `unmask`
 * ask in the same way that ports be unmasked and what is pending be queued.
 */
struct splitio_shm_doorbell {
    uint64_t selector;
    uint64_t pad[7]; /**< keeps the words off the selector's cache line */
    uint64_t ports[64];
    uint64_t unmask_selector;
    uint64_t unmask_pad[7];
    uint64_t unmask[64];
};
SPLITIO_STATIC_ASSERT(offsetof(struct splitio_shm_doorbell, ports) == 64,
                      "wire format");
SPLITIO_STATIC_ASSERT(offsetof(struct splitio_shm_doorbell, unmask) == 640,
                      "wire format");

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_BINDING_SHM_WIRE_H */
