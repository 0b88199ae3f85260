/* SPDX-License-Identifier: BSD-2-Clause */
/* The runner: connects one device to its peer through the store. */
#ifndef SPLITIO_XENBUS_H
#define SPLITIO_XENBUS_H

/**
 * @file
 * @brief The handshake of a device, carried out (layer 2).
 *
 * **What it is.** A `struct splitio_xenbus` is embedded in a driver and does
 * all its dealings with the store: finds the peer, watches its state, reads and
 * writes the keys that the driver names, keeps the order of
 * splitio/proto/xenbus.h. It never blocks: at most one request is under way.
 *
 * **Who calls what.** The driver's owner thread calls everything, and is also
 * the owner of the store connection. The runner calls the driver through a
 * const table, from splitio_xenbus_poll() only; got() alone is called from
 * splitio_store_poll().
 *
 * **Typical loop.**
 *
 *     splitio_xenbus_init(&xb, role, &store, "/local/domain/1/device/vbd/768",
 *                         &table, driver);
 *     while (running) {
 *         splitio_store_poll(&store, 32);
 *         splitio_xenbus_poll(&xb);       the driver's poll does this
 *         splitio_xenbus_check(&xb, ...)  every second or so
 *         wait for the store's or the device's event
 *     }
 *     splitio_xenbus_close(&xb);          poll until splitio_xenbus_is_closed()
 *     splitio_xenbus_fini(&xb);           poll the store until it returns 0
 *
 * Order in which the table is called, in one life of a connection:
 *
 *     front                               back
 *     want/got OWN      own directory     want/got OWN      own directory
 *     want/got OFFER    back's directory
 *     negotiate()       make rings
 *     tell     OFFER    rings, state 3    tell     OFFER    features, state 2
 *     want/got CONNECT  back's directory  want/got CONNECT  front's directory
 *                                         negotiate()       map rings
 *     tell     CONNECT  state 4           tell     CONNECT  sectors, state 4
 *     connected()       start             connected()       start
 *     want/got UPDATE   back's directory  tell     UPDATE   splitio_xenbus_
 *     updated()                                             publish()
 *     tell     UPDATE   publish()         want/got UPDATE   front's directory
 *                                         updated()
 *     tell     UPDATE   state 7           want/got UPDATE   front's directory
 *                                         updated(), state 8
 *     state 4           reconfigure()     updated(), state 4
 *     quiesce()         stop submitting
 *     state 6, back's state 6             disconnect()      unmap
 *     disconnect()      free rings        state 6
 *
 * The configuration is read once a life: what the peer changes later has no
 * effect before the next one, UPDATE keys apart. Those are read again when the
 * peer writes its state, and when a key changes that the driver has named in
 * watch(); each time OWN_UPDATE comes first.
 *
 * **Memory order.** None: one thread.
 *
 * **Trust.** The peer decides every value that got() sees, and when its state
 * changes. States are read again after each watch event, never counted; any
 * number of events makes one look. The peer's directory and domain come from
 * the own directory, which the toolstack writes.
 *
 * **Errors.** A negative value from got(), negotiate() or connected() ends the
 * life: the text is written to the error node, disconnect() is called, the
 * state goes to Closed. A back takes the next front that starts a new cycle; a
 * front tries again when the back starts a new life, or after
 * splitio_xenbus_reopen(). What the store refuses is tried again after the next
 * event, and when splitio_xenbus_check() finds it overdue.
 */

#include <splitio/port.h>
#include <splitio/proto/xenbus.h>
#include <splitio/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Longest directory of a device, with its NUL. */
#define SPLITIO_XENBUS_DIR_MAX 128u
/** Longest key below it ("queue-15/event-channel-tx"), with its NUL. */
#define SPLITIO_XENBUS_KEY_MAX 64u
/** Longest value that tell() writes, with its NUL. */
#define SPLITIO_XENBUS_VALUE_MAX 256u
/** Longest diagnostic text, with its NUL. */
#define SPLITIO_XENBUS_TEXT_MAX 160u
/** Most keys of one phase: protects against a want() or tell() without end. */
#define SPLITIO_XENBUS_KEYS_MAX 4096u
/** Most keys that are watched, states apart. */
#define SPLITIO_XENBUS_WATCHES_MAX 2u

/** Which keys are read or written. */
enum splitio_xenbus_phase {
    /** Read: the own directory, at the start of each life (mac, mode). */
    SPLITIO_XENBUS_OWN,
    /** Front reads features and writes rings; back writes features. */
    SPLITIO_XENBUS_OFFER,
    /** Back reads rings and writes the device; front reads the device. */
    SPLITIO_XENBUS_CONNECT,
    /** While Connected: each side writes what may change (sectors), and reads
     *  what the other side has changed. */
    SPLITIO_XENBUS_UPDATE,
    /** Read: the own directory, while Connected, before UPDATE. */
    SPLITIO_XENBUS_OWN_UPDATE,
};

/** Whose key it is that watch() has named. */
enum splitio_xenbus_watched {
    SPLITIO_XENBUS_WATCHED_NONE, /**< no key with this index, nor after it */
    SPLITIO_XENBUS_WATCHED_OWN,  /**< in the own directory */
    SPLITIO_XENBUS_WATCHED_PEER, /**< in the peer's */
};

/** What tell() answers. */
enum splitio_xenbus_tell {
    SPLITIO_XENBUS_TELL_END,    /**< no key with this index, nor after it */
    SPLITIO_XENBUS_TELL_WRITE,  /**< write `value` to `key` */
    SPLITIO_XENBUS_TELL_REMOVE, /**< remove `key`; no error if absent */
};

/**
 * What a driver does. Optional entries may be NULL. All are called by the owner
 * thread, one at a time, and never inside one another.
 */
struct splitio_xenbus_driver {
    /**
     * Back: rings that an earlier life of the back left Connected may be taken
     * over as they are. negotiate() then sees rings with a history, and may
     * refuse with SPLITIO_ECLOSED: the front is made to go through a full cycle.
     */
    bool adopt;
    /**
     * Front: the state written at the end of OFFER: SPLITIO_XENBUS_INITIALISED,
     * or SPLITIO_XENBUS_CONNECTED where the protocol has it so (net). 0 stands
     * for Initialised.
     */
    unsigned offer_state;
    /**
     * Optional. Name the @p i -th key to read in @p phase: write it to @p key
     * (SPLITIO_XENBUS_KEY_MAX bytes, relative, "queue-0/ring-ref0"). False: no
     * more. Asked one by one: key i + 1 after got() of key i, so values already
     * seen may decide how many there are.
     */
    bool (*want)(void *drv, enum splitio_xenbus_phase phase, unsigned i,
                 char *key);
    /**
     * The value of the @p i -th key; NULL if there is none or it may not be
     * read. Followed by a NUL that is not counted, but may hold NULs too. Peer:
     * every byte. 0, or a negative value: the life ends with an error.
     */
    int (*got)(void *drv, enum splitio_xenbus_phase phase, unsigned i,
               const char *value, size_t len_bytes);
    /**
     * Optional. The @p i -th key to write to the own directory: @p key
     * (SPLITIO_XENBUS_KEY_MAX bytes) and @p value (SPLITIO_XENBUS_VALUE_MAX
     * bytes). All keys of a phase and the new state are one transaction; it is
     * asked for again from i = 0 on when there was a conflict, so it changes
     * nothing in the driver.
     */
    enum splitio_xenbus_tell (*tell)(void *drv, enum splitio_xenbus_phase phase,
                                     unsigned i, char *key, char *value);
    /**
     * Front: all OFFER keys are read: make rings and channels. Back: all CONNECT
     * keys are read: map and bind them. 0; SPLITIO_EAGAIN: call again at the
     * next poll; SPLITIO_ECLOSED: close without an error node; other negative
     * values: error. Unless 0 was returned, nothing is left to undo: no
     * disconnect() follows.
     */
    int (*negotiate)(void *drv);
    /**
     * The state is Connected: start. Returns as negotiate() does, but
     * disconnect() follows on error.
     */
    int (*connected)(void *drv);
    /**
     * Optional. Name the @p i -th key, @p i below SPLITIO_XENBUS_WATCHES_MAX,
     * whose changes are to be noticed while Connected. Needs updated().
     */
    enum splitio_xenbus_watched (*watch)(void *drv, unsigned i, char *key);
    /**
     * Optional. UPDATE keys were read again, because the peer wrote its state
     * or a watched key changed while connected. Changes nothing if they are the
     * same. 0, or a negative value: the life ends with an error.
     */
    int (*updated)(void *drv);
    /**
     * Optional. Front: stop submitting, and let what is under way finish: the
     * back still serves. Called before Closed is written while the back is
     * alive. 0; SPLITIO_EAGAIN: call again at the next poll. Bound the waiting:
     * a hostile back never answers. A front that replays its requests in the
     * next life returns 0 at once.
     */
    int (*quiesce)(void *drv);
    /**
     * Undo negotiate() and connected(). Front: the back has let go of the rings,
     * or is gone; requests that were not answered stay with the driver. Back:
     * stop, wait for the device, unmap. 0; SPLITIO_EAGAIN: not yet, call again
     * at the next poll.
     */
    int (*disconnect)(void *drv);
};

struct splitio_xenbus;

/** A key that watch() has named. Fields are private, not ABI. */
struct splitio_xenbus_key_watch {
    struct splitio_store_watch watch;
    struct splitio_xenbus *xb;
    char path[SPLITIO_XENBUS_DIR_MAX + SPLITIO_XENBUS_KEY_MAX];
};

/** A device's connection. Fields are private, not ABI. */
struct splitio_xenbus {
    const struct splitio_xenbus_driver *driver;
    void *drv;
    struct splitio_event_handler wake; /* splitio_xenbus_set_wake() */
    struct splitio_store *store;
    struct splitio_store_call call;          /* the one under way */
    struct splitio_store_watch own_watch;    /* front: backend; back: state */
    struct splitio_store_watch peer_watch;   /* the peer's state */
    struct splitio_store_watch online_watch; /* back */
    struct splitio_xenbus_key_watch key_watches[SPLITIO_XENBUS_WATCHES_MAX];
    enum splitio_xenbus_role role;
    uint8_t step;          /* enum xb_step: what the next poll does */
    uint8_t action, pc;    /* the action under way, and where in it */
    uint8_t phase;         /* enum splitio_xenbus_phase being read */
    uint8_t local, remote; /* states as the rules mean them */
    uint8_t wire;          /* own node when last read */
    uint8_t lives;         /* front: offers left without a connection */
    bool dirty, own_event, peer_event; /* watches that fired since the look */
    bool key_event;
    bool update;  /* this look came from the peer */
    bool reread;  /* ... from a key that watch() named */
    bool started; /* the first action is decided */
    bool online, closing, attached, linked, stale, finished, gone;
    bool forced;         /* the action does not depend on the peer's state */
    bool held;           /* failed; waits for the peer to begin a new life */
    bool held_seen;      /* front: the back's last one has been seen to end */
    uint8_t held_remote; /* back: the front's state then */
    bool failing;        /* `error` and `text` are set and not dealt with */
    bool ending;         /* dealing with `error` */
    bool publishing;     /* the driver wants an UPDATE */
    bool reconfiguring;  /* ... with an answer of the back */
    bool resuming;       /* splitio_xenbus_resume() was called */
    bool parked;         /* the store refused; go on after the next event */
    bool in_doubt;       /* a commit was under way when the store was lost */
    bool told;           /* splitio_xenbus_check() has said so */
    int error;           /* that ended the last life; 0 once connected again */
    uint32_t tx_id, stray_tx;     /* open; given up but not ended yet */
    uint32_t index;               /* of the key under way */
    uint32_t conflicts, refusals; /* in a row */
    uint32_t wait_mark;
    uint64_t wait_since_ns;
    uint64_t nr_connects, nr_errors, nr_conflicts;
    splitio_domid_t peer_domid;
    char dir[SPLITIO_XENBUS_DIR_MAX];
    char peer_dir[SPLITIO_XENBUS_DIR_MAX];
    char new_dir[SPLITIO_XENBUS_DIR_MAX]; /* of the peer, as read */
    char own_path[SPLITIO_XENBUS_DIR_MAX + 16];
    char peer_path[SPLITIO_XENBUS_DIR_MAX + 16];
    char online_path[SPLITIO_XENBUS_DIR_MAX + 16];
    char text[SPLITIO_XENBUS_TEXT_MAX]; /* of `error` */
};

/**
 * @brief Begin: the first polls find the peer.
 * @param[out] xb     caller's memory, kept until splitio_xenbus_fini() is 0.
 * @param[in]  role   which half.
 * @param[in]  store  connection of the same owner thread, kept.
 * @param[in]  dir    own directory, copied. A front's may be relative to its domain's
 *                    home, and holds then after the domain got another number.
 * @param[in]  driver kept.
 * @param[in]  drv    handed to each call of @p driver.
 * @return 0; SPLITIO_EINVAL: NULL or not a path; SPLITIO_E2BIG: @p dir is too
 * long.
 *
 * The directory may still be empty: the runner waits for its nodes.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_xenbus_init(struct splitio_xenbus *xb,
                        enum splitio_xenbus_role role,
                        struct splitio_store *store, const char *dir,
                        const struct splitio_xenbus_driver *driver, void *drv);

/**
 * @brief Have @p wake called, from the store's poll, when the store has news for
 * a connection that is settled. Caller: owner.
 */
static inline void splitio_xenbus_set_wake(struct splitio_xenbus *xb,
                                           struct splitio_event_handler wake)
{
    xb->wake = wake;
}

/**
 * @brief True if the two halves are connected and splitio_xenbus_poll() has
 * nothing to do before the next wake. Until then it is to be called as its
 * description says.
 *
 * Caller: owner, after splitio_xenbus_poll(). Order: none. Peer: nothing.
 */
bool splitio_xenbus_is_settled(const struct splitio_xenbus *xb);

/** @brief True if the fields make sense. For tests. */
bool splitio_xenbus_is_valid(const struct splitio_xenbus *xb);

/**
 * @brief Carry on as far as possible without waiting.
 * @return 1: something was done; 0: waits for the store, the peer or the
 * driver.
 *
 * Call it after every splitio_store_poll() that handled something, and when the
 * driver may have an answer other than SPLITIO_EAGAIN. Bounded work.
 *
 * Caller: owner, not from a callback. Order: none. Peer: when there is work.
 */
int splitio_xenbus_poll(struct splitio_xenbus *xb);

/**
 * @brief Ask for an orderly close. Takes effect over the next polls.
 *
 * A back goes on serving until the front has closed. To get rid of a peer that
 * does not react, call splitio_xenbus_fini().
 *
 * Caller: owner; driver callbacks too. Order: none. Peer: decides how long it
 * takes.
 */
void splitio_xenbus_close(struct splitio_xenbus *xb);

/**
 * @brief Take back splitio_xenbus_close(), or try again after an error.
 * Caller: owner; driver callbacks too. Order: none. Peer: nothing.
 */
void splitio_xenbus_reopen(struct splitio_xenbus *xb);

/**
 * @brief End this life with an error, as if a callback had returned @p error.
 * @param[in] error negative SPLITIO_E* value.
 * @param[in] text  what happened, in English; NULL: splitio_strerror().
 *
 * To give a text to an error that a callback is about to return, call it inside
 * that callback first. The text goes to `error/<device>/error` of the own
 * domain as Linux has it; if that may not be written, nothing else happens.
 *
 * Caller: owner; driver callbacks too. Order: none. Peer: nothing.
 */
void splitio_xenbus_fail(struct splitio_xenbus *xb, int error,
                         const char *text);

/**
 * @brief Write the UPDATE keys and the state again, so that the peer looks at
 * them. Nothing happens unless connected: a later connection tells the new
 * values anyway. Several calls may make one write.
 * Caller: owner; driver callbacks too. Order: none. Peer: nothing.
 */
void splitio_xenbus_publish(struct splitio_xenbus *xb);

/**
 * @brief Front: as splitio_xenbus_publish(), and know when the back has seen it.
 *
 * The state goes to Reconfiguring, and back to Connected when the back is
 * Reconfigured: then updated() is called. The connection works all the time.
 * Only for a back that has offered something which is changed so.
 * Caller: owner; driver callbacks too. Order: none. Peer: a back that never
 * answers leaves the state as it is, which disturbs nothing.
 */
void splitio_xenbus_reconfigure(struct splitio_xenbus *xb);

/**
 * @brief The machine was restored or moved: grants and channels are dead.
 *
 * disconnect() is called until it returns 0, `backend` is read again, and a new
 * life begins. If the store's connection is dead as well, call
 * splitio_store_reconnect() before it.
 *
 * Caller: owner, not from a callback. Order: none. Peer: nothing.
 */
void splitio_xenbus_resume(struct splitio_xenbus *xb);

/**
 * @brief End all dealings with the store, from any state.
 * @return 0: the memory is the caller's; SPLITIO_EAGAIN: the driver's
 * disconnect() said so, or the store has no room for a request: poll the store
 * and call again.
 *
 * Does not tell the peer: splitio_xenbus_close() is the orderly way.
 *
 * Caller: owner, not from a callback. Order: none. Peer: nothing.
 */
int splitio_xenbus_fini(struct splitio_xenbus *xb);

/**
 * @brief Look for a handshake that does not get on.
 * @param[in] now_ns     a monotonic clock.
 * @param[in] timeout_ns how long the same situation is borne.
 * @return 0: connected, closed, or not yet overdue; SPLITIO_EAGAIN: overdue;
 * said once for each situation. splitio_xenbus_describe() has the diagnostic.
 *
 * Every @p timeout_ns in one situation it also makes the next poll look at the
 * store anew, and registers watches again that were refused.
 *
 * Caller: owner. Order: none. Peer: may cause one message for each of its
 * state changes.
 */
int splitio_xenbus_check(struct splitio_xenbus *xb, uint64_t now_ns,
                         uint64_t timeout_ns);

/**
 * @brief One line: both directories, both states, the last error.
 * @return its length; SPLITIO_E2BIG.
 *
 * Caller: owner. Order: none. Peer: nothing but its state and directory.
 */
int splitio_xenbus_describe(const struct splitio_xenbus *xb, char *out,
                            size_t bytes);

/** @brief Own state, as the rules mean it. Caller: owner. */
static inline unsigned splitio_xenbus_state(const struct splitio_xenbus *xb)
{
    return xb->local;
}

/** @brief The peer's state when last read; 0: unknown. Caller: owner. */
static inline unsigned splitio_xenbus_remote(const struct splitio_xenbus *xb)
{
    return xb->remote;
}

/** @brief True from connected() to disconnect(). Caller: owner. */
static inline bool splitio_xenbus_is_linked(const struct splitio_xenbus *xb)
{
    return xb->linked;
}

/**
 * @brief True when nothing is left to do before splitio_xenbus_fini(): closed on
 * the owner's wish, taken offline, or the directory is gone. Caller: owner.
 */
bool splitio_xenbus_is_closed(const struct splitio_xenbus *xb);

/** @brief The peer's domain. Good once a callback ran. Caller: owner. */
static inline splitio_domid_t
splitio_xenbus_peer(const struct splitio_xenbus *xb)
{
    return xb->peer_domid;
}

/** @brief The error that ended the last life, or 0. Caller: owner. */
static inline int splitio_xenbus_error(const struct splitio_xenbus *xb)
{
    return xb->error;
}

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_XENBUS_H */
