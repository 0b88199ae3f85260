/* SPDX-License-Identifier: BSD-2-Clause */
/* xenbus as pure functions: states, what to do next, values as text. */
#ifndef SPLITIO_PROTO_XENBUS_H
#define SPLITIO_PROTO_XENBUS_H

/**
 * @file
 * @brief The handshake of a device, without the store (layer 2).
 *
 * **What it is.** Front and back each own a directory in the store with a node
 * `state`. Each watches the other's and answers. splitio_xenbus_next() is the
 * whole of the rules: given both states it names the one action to take. It is
 * total: every value that a peer can write has an answer. The runner in
 * splitio/xenbus.h carries the actions out. Sources: xen/io/xenbus.h, the
 * start-up diagrams of xen/io/blkif.h and netif.h, and what existing drivers
 * are known to do.
 *
 * **Who calls what.** The runner calls splitio_xenbus_start() once a life and
 * splitio_xenbus_next() after every look at the store. Drivers call the number
 * and text functions inside their callbacks.
 *
 * **Typical loop, front and back.**
 *
 *     front                            back
 *     1 Initialising                   1 Initialising
 *                                      OFFER:   features, 2 InitWait
 *     OFFER:   rings, 3 Initialised
 *                                      CONNECT: sectors, 4 Connected
 *     CONNECT: 4 Connected
 *     ... work ...
 *     CLOSE:   5 Closing               CLOSE:   5 Closing (still serving)
 *     CLOSED:  6 Closed                CLOSED:  lets go of the rings, 6 Closed
 *     RELEASE: takes the rings back
 *     REOPEN:  1 Initialising          OFFER:   2 InitWait
 *
 * **Memory order.** None.
 *
 * **Trust.** The remote state is any number. A state out of order closes the
 * connection in an orderly way, and a full Closing, Closed, Initialising cycle
 * opens the next one. Two ends that follow these rules reach Connected from
 * every pair of states, under every interleaving.
 *
 * **Errors.** Text functions return SPLITIO_EINVAL for what is not a number,
 * SPLITIO_E2BIG for what is out of bounds.
 */

#include <splitio/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The node `state`, in decimal (XenbusState). */
enum splitio_xenbus_state {
    SPLITIO_XENBUS_UNKNOWN = 0, /**< absent, or not one of these */
    SPLITIO_XENBUS_INITIALISING = 1,
    SPLITIO_XENBUS_INIT_WAIT = 2,
    SPLITIO_XENBUS_INITIALISED = 3,
    SPLITIO_XENBUS_CONNECTED = 4,
    SPLITIO_XENBUS_CLOSING = 5,
    SPLITIO_XENBUS_CLOSED = 6,
    SPLITIO_XENBUS_RECONFIGURING = 7,
    SPLITIO_XENBUS_RECONFIGURED = 8,
};

/** Which half. */
enum splitio_xenbus_role {
    SPLITIO_XENBUS_FRONT,
    SPLITIO_XENBUS_BACK,
};

/** What to do. */
enum splitio_xenbus_action {
    /** Nothing, until a node changes. */
    SPLITIO_XENBUS_DO_WAIT,
    /** front: read features, make rings, write them, Initialised.
     *  back: write features, InitWait. */
    SPLITIO_XENBUS_DO_OFFER,
    /** front: read what the back wrote, Connected.
     *  back: read the rings, map them, write, Connected. */
    SPLITIO_XENBUS_DO_CONNECT,
    /** Write Closing. The rings stay as they are. */
    SPLITIO_XENBUS_DO_CLOSE,
    /** front: stop submitting, write Closed; the rings stay.
     *  back: let go of the rings, write Closed. */
    SPLITIO_XENBUS_DO_CLOSED,
    /** front: the back has let go: take the rings back. */
    SPLITIO_XENBUS_DO_RELEASE,
    /** front: write Initialising. */
    SPLITIO_XENBUS_DO_REOPEN,
    /** Closed for good: nothing, until the owner wants otherwise. */
    SPLITIO_XENBUS_DO_FINISH,
};

/** What splitio_xenbus_next() decides on. */
struct splitio_xenbus_view {
    enum splitio_xenbus_role role;
    /**
     * Own state, as the rules mean it. A front whose rings are offered is
     * Initialised even if its protocol makes it write Connected (netfront).
     */
    unsigned local;
    unsigned remote; /**< the peer's state as read; any number */
    bool online;     /**< the back's node `online` is not "0" */
    bool closing;    /**< the owner wants the device closed */
    bool attached; /**< rings exist: negotiate() worked, no disconnect() yet */
    bool stale;    /**< closed, and the peer was not seen to leave since */
};

/** How a life begins. */
struct splitio_xenbus_begin {
    unsigned local;                    /**< the own state to continue from */
    enum splitio_xenbus_action action; /**< first action */
};

/**
 * @brief The next action.
 * @param[in] view the situation.
 * @return an action.
 *
 * Caller: any thread; pure. Order: none. Peer: `remote`, any value: what is
 * not a state counts as SPLITIO_XENBUS_UNKNOWN.
 */
enum splitio_xenbus_action
splitio_xenbus_next(const struct splitio_xenbus_view *view);

/**
 * @brief The first action of a driver that has just started.
 * @param[in] role   which half.
 * @param[in] own    own state as found in the store.
 * @param[in] remote the peer's state.
 * @param[in] adopt  back only: take over the rings that a back which died left
 *                   connected, without the front's help.
 * @return what to begin with. A front that finds traces of an earlier life
 * closes first; so does a back, unless it adopts.
 *
 * Caller: any thread; pure. Order: none. Peer: `remote`, any value.
 */
struct splitio_xenbus_begin splitio_xenbus_start(enum splitio_xenbus_role role,
                                                 unsigned own, unsigned remote,
                                                 bool adopt);

/**
 * @brief The state after an action is done.
 * @return a state; @p local for actions that change none.
 *
 * Caller: any thread; pure. Order: none. Peer: nothing.
 */
unsigned splitio_xenbus_after(enum splitio_xenbus_role role, unsigned local,
                              enum splitio_xenbus_action action);

/**
 * @brief Parse the node `state`.
 * @param[in] text      the value; NULL if the node is absent.
 * @param[in] len_bytes its length.
 * @return 1 to 8; 0 for everything else.
 *
 * Caller: any thread; pure. Order: none. Peer: every byte.
 */
unsigned splitio_xenbus_parse_state(const char *text, size_t len_bytes);

/**
 * @brief The name of a state, for diagnostics.
 * @return a constant string; "Unknown" for other values.
 *
 * Caller: any thread. Order: none. Peer: nothing.
 */
const char *splitio_xenbus_state_name(unsigned state);

/* ---- values as text ---- */

/**
 * @brief Parse a number between bounds.
 * @param[in]  text      decimal digits and nothing else; NULL: absent.
 * @param[in]  len_bytes its length.
 * @param[in]  min,max   bounds, inclusive.
 * @param[out] value     set on success only.
 * @return 0; SPLITIO_ENOENT: @p text is NULL; SPLITIO_EINVAL: empty, or has
 * anything but digits; SPLITIO_E2BIG: below @p min or above @p max.
 *
 * Caller: any thread; pure. Order: none. Peer: every byte.
 */
int splitio_xenbus_parse_u32(const char *text, size_t len_bytes, uint32_t min,
                             uint32_t max, uint32_t *value);

/** @brief As splitio_xenbus_parse_u32(), for 64 bits. */
int splitio_xenbus_parse_u64(const char *text, size_t len_bytes, uint64_t min,
                             uint64_t max, uint64_t *value);

/**
 * @brief Parse a yes or no: "1" or "0".
 * @return @p absent if @p text is NULL; true for a number other than 0; false
 * for everything else.
 *
 * Caller: any thread; pure. Order: none. Peer: every byte.
 */
bool splitio_xenbus_parse_flag(const char *text, size_t len_bytes, bool absent);

/**
 * @brief Compare a value with a constant.
 * @return true if @p text is not NULL and equal to @p literal.
 *
 * Caller: any thread; pure. Order: none. Peer: every byte.
 */
bool splitio_xenbus_is(const char *text, size_t len_bytes, const char *literal);

/**
 * @brief Write text: a small printf for keys and values.
 * @param[out] out    always ends in NUL if @p bytes is not 0.
 * @param[in]  bytes  room in @p out.
 * @param[in]  format knows %%s, %%u, %%lu, %%llu, %%zu and %%%%.
 * @return the length without the NUL; SPLITIO_E2BIG: did not fit, @p out is
 * empty; SPLITIO_EINVAL: unknown conversion, @p out is empty.
 *
 * Caller: any thread. Order: none. Peer: nothing.
 */
int splitio_xenbus_print(char *out, size_t bytes, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_PROTO_XENBUS_H */
