/* SPDX-License-Identifier: BSD-2-Clause */
/* The store client: requests, transactions and watches over a transport. */
#ifndef SPLITIO_STORE_H
#define SPLITIO_STORE_H

/**
 * @file
 * @brief Store client (layer 2). The server is in splitio/store_server.h.
 *
 * **What it is.** One connection to a xenstore: splitio's own server, Xen's
 * xenstored, or any other. The protocol is the same over a shared ring page, a
 * socket or a device file, so the client knows none of them: it moves bytes
 * through a struct splitio_store_transport.
 *
 * **Who calls what.** One owner thread calls everything. A request is a struct
 * splitio_store_call in the caller's memory; its `done` runs inside
 * splitio_store_poll(). A watch is a struct splitio_store_watch in the caller's
 * memory; its `fired` runs inside splitio_store_poll() too. Callbacks may
 * submit, cancel, watch and unwatch, and may free the object they were called
 * for; they must not poll, reconnect or fini.
 *
 * **Typical loop.**
 *
 *     call.done = on_read;
 *     err = splitio_store_read(&store, &call, 0, "backend-id");
 *     while (running) {
 *         n = splitio_store_poll(&store, 32);
 *         if (n == 0)
 *             wait for the transport's event or readiness;
 *     }
 *
 * **Memory order.** The transport's. splitio_store_ring uses splitio/stream.h.
 *
 * **Trust.** The server decides the content of every reply and event. Frames
 * are bounded to 4096 bytes; a reply that belongs to no call, and an event
 * whose token belongs to no watch, are dropped. Body and path are valid only
 * until the callback returns, and are followed by a NUL that is not counted.
 *
 * **Errors.** flow: SPLITIO_EAGAIN, the output buffer is busy, submit again
 * after the next poll. peer: SPLITIO_EPROTO from splitio_store_poll(), the
 * connection is out of step and stays so until splitio_store_reconnect(). The
 * status of a call is the server's errno as splitio_xs_error_value() maps it;
 * SPLITIO_EAGAIN at the end of a transaction means: conflict, start again.
 */

#include <splitio/proto/xs.h>
#include <splitio/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- transports -------------------------------------------------------- */

/** How bytes get to the server. Nothing here may block. */
struct splitio_store_transport_ops {
    /**
     * Take up to @p len_bytes received bytes. Returns their number (at least
     * 1), SPLITIO_EAGAIN if there are none, SPLITIO_ECLOSED if the peer is
     * gone, SPLITIO_EPROTO or SPLITIO_EIO if the transport is broken.
     */
    int (*recv)(void *ctx, void *buf, size_t len_bytes);
    /** Hand over up to @p len_bytes; returns as recv does. */
    int (*send)(void *ctx, const void *buf, size_t len_bytes);
    /** Optional: called once after a poll that moved bytes. */
    void (*flush)(void *ctx);
    /** The heads of messages are little-endian, as in a ring; false: as the
     *  machine has it, as on a socket. */
    bool little_endian;
};

/** A transport: its functions and what they work on. */
struct splitio_store_transport {
    const struct splitio_store_transport_ops *ops;
    void *ctx;
};

/** The guest's side of a xenstore ring page. Fields are private, not ABI. */
struct splitio_store_ring {
    struct splitio_xs_page *page;
    struct splitio_stream out, in;
    void (*notify)(void *ctx);
    void *notify_ctx;
    bool resetting; /* waits for the server to answer a reconnect */
};

/**
 * @brief Use a ring page, as the guest.
 * @param[out] ring   the transport.
 * @param[in]  page   page shared with the server.
 * @param[in]  notify sends the event of the page's channel; runs after each
 *                    poll that moved bytes.
 * @param[in]  ctx    argument of @p notify.
 * @return 0; SPLITIO_EINVAL.
 *
 * Indices go on from where they are: they need not start at 0. If the page says
 * that a reconnect is under way, the transport waits for its end.
 *
 * Caller: owner. Order: none. Peer: every word of the page.
 */
int splitio_store_ring_init(struct splitio_store_ring *ring,
                            struct splitio_xs_page *page,
                            void (*notify)(void *ctx), void *ctx);

/**
 * @brief Ask the server to reset the ring; then call splitio_store_reconnect().
 * @return 0; SPLITIO_EOPNOTSUPP if the server does not offer it.
 *
 * Caller: owner. Order: the request is released before the event. Peer: decides
 * when, if ever, the transport carries bytes again; until then it says EAGAIN.
 */
int splitio_store_ring_reconnect(struct splitio_store_ring *ring);

/** @brief The transport to hand to splitio_store_init(). Caller: owner. */
struct splitio_store_transport
splitio_store_ring_transport(struct splitio_store_ring *ring);

/* --- calls ------------------------------------------------------------- */

/** A piece of a request's payload. */
struct splitio_store_part {
    const void *base;
    size_t len_bytes;
};

/**
 * A request under way. The caller sets `done` (and nothing else) and keeps the
 * structure until `done` has run or splitio_store_cancel() was called. It may
 * be submitted again from then on, from inside `done` too.
 */
struct splitio_store_call {
    /**
     * The end of the call. @p status is 0 or a SPLITIO_E* value; SPLITIO_ECLOSED
     * if the connection was reset first. @p body is the reply's payload when
     * @p status is 0, else NULL.
     */
    void (*done)(struct splitio_store_call *call, int status, const char *body,
                 size_t len_bytes);
    /* Private, not ABI. */
    struct splitio_store_call *next;
    uint32_t type, req_id, tx_id;
    bool pending;
    int status;
};

/**
 * A watch. The caller sets `fired` and `path`, and keeps the structure and the
 * text of the path until splitio_store_unwatch() or splitio_store_forget().
 */
struct splitio_store_watch {
    /**
     * @p path changed, or something below it; or nothing did: events may be
     * spurious, and several changes may make one event. The first event comes
     * at once after registration. @p path is NULL if the server refused to
     * register the watch; splitio_store_watch_status() then tells why.
     */
    void (*fired)(struct splitio_store_watch *watch, const char *path);
    const char *path; /**< absolute, relative or "@..." */
    /* Private, not ABI. */
    struct splitio_store_watch *next;
    struct splitio_store_call call;
    struct splitio_store *store;
    uint32_t id;
    int status; /* EAGAIN: not registered yet */
    bool linked, sent;
};

/** Bytes of requests that may wait for the transport. */
#define SPLITIO_STORE_OUT_BYTES 8192u

/** Watches are found by their token in this many lists. */
#define SPLITIO_STORE_WATCH_BUCKETS 64u

/** A connection. Fields are private, not ABI. */
struct splitio_store {
    struct splitio_store_transport transport;
    struct splitio_store_call *calls; /* sent, not answered; oldest first */
    struct splitio_store_call **calls_end;
    struct splitio_store_watch *watches[SPLITIO_STORE_WATCH_BUCKETS];
    uint32_t next_req_id, next_watch_id;
    uint32_t nr_unsent; /* watches that wait for their registration */
    uint32_t in_bytes, out_start, out_end;
    int broken; /* 0 or the error that ended the connection */
    bool polling, moved;
    struct splitio_xs_msg head; /* of the message being received */
    char in[SPLITIO_XS_PAYLOAD_MAX + 1];
    uint8_t out[SPLITIO_STORE_OUT_BYTES];
};

/**
 * @brief Start a connection over @p transport.
 * @return 0; SPLITIO_EINVAL.
 *
 * Caller: owner. Order: none. Peer: nothing yet.
 */
int splitio_store_init(struct splitio_store *store,
                       struct splitio_store_transport transport);

/** @brief True if the state makes sense. For tests. */
bool splitio_store_is_valid(const struct splitio_store *store);

/**
 * @brief Move bytes, run callbacks.
 * @param[in,out] store the connection.
 * @param[in] budget most messages to handle in this call.
 * @return messages handled, 0 to @p budget: when it is @p budget, call again
 * before waiting; SPLITIO_EPROTO if the server broke the protocol,
 * SPLITIO_ECLOSED or SPLITIO_EIO if the transport ended (all calls got their
 * `done` with that status; watches wait for a reconnect); SPLITIO_EBUSY from
 * inside a callback.
 *
 * Caller: owner. Order: the transport's. Peer: every byte received; at most
 * @p budget messages of at most 4096 bytes.
 */
int splitio_store_poll(struct splitio_store *store, unsigned budget);

/**
 * @brief True if a poll has something to send or to wait for.
 *
 * With @p want_write a socket's owner learns whether to wait for writability.
 * Caller: owner. Order: none. Peer: nothing.
 */
bool splitio_store_has_work(const struct splitio_store *store,
                            bool *want_write);

/**
 * @brief Begin anew after the transport was replaced or reset.
 *
 * Drops buffered bytes, ends every call with SPLITIO_ECLOSED, and registers
 * every watch again at the next polls. Transactions are lost.
 *
 * Caller: owner, not from a callback. Order: none. Peer: nothing.
 */
void splitio_store_reconnect(struct splitio_store *store,
                             struct splitio_store_transport transport);

/**
 * @brief End the connection: every call gets SPLITIO_ECLOSED, watches are
 * forgotten. The server is not told; it notices the transport's end.
 *
 * Caller: owner, not from a callback. Order: none. Peer: nothing.
 */
void splitio_store_fini(struct splitio_store *store);

/**
 * @brief Send a request of any type.
 * @param[in,out] store    the connection.
 * @param[in,out] call     `done` set; not pending.
 * @param[in]     type     enum splitio_xs_type.
 * @param[in]     tx_id    transaction, or 0.
 * @param[in]     parts    the payload, in pieces; copied.
 * @param[in]     nr_parts pieces.
 * @return 0: `done` will run; SPLITIO_EAGAIN: no room, nothing happened;
 * SPLITIO_E2BIG: payload above 4096 bytes; SPLITIO_EINVAL: the call is pending;
 * SPLITIO_EPROTO, SPLITIO_ECLOSED or SPLITIO_EIO: the connection is over.
 *
 * Caller: owner; in callbacks too. Order: none. Peer: nothing.
 */
int splitio_store_submit(struct splitio_store *store,
                         struct splitio_store_call *call, uint32_t type,
                         uint32_t tx_id, const struct splitio_store_part *parts,
                         unsigned nr_parts);

/**
 * @brief Abandon a call: `done` will not run, the memory is the caller's again.
 *
 * The request may still be carried out; its reply will be dropped. Harmless if
 * the call is not pending.
 *
 * Caller: owner; in callbacks too. Order: none. Peer: nothing.
 */
void splitio_store_cancel(struct splitio_store *store,
                          struct splitio_store_call *call);

/** @brief Tell whether a call is under way. Caller: owner. */
static inline bool
splitio_store_call_is_pending(const struct splitio_store_call *call)
{
    return call->pending;
}

/*
 * The requests by name. All return what splitio_store_submit() returns, or
 * SPLITIO_EINVAL for a path that breaks the rules. Paths end in NUL. What
 * `done` gets as body is said behind each.
 */

/** @brief READ: the value. */
int splitio_store_read(struct splitio_store *store,
                       struct splitio_store_call *call, uint32_t tx_id,
                       const char *path);
/** @brief WRITE; makes missing parents: "OK". */
int splitio_store_write(struct splitio_store *store,
                        struct splitio_store_call *call, uint32_t tx_id,
                        const char *path, const void *value, size_t len_bytes);
/** @brief MKDIR; no error if it exists: "OK". */
int splitio_store_mkdir(struct splitio_store *store,
                        struct splitio_store_call *call, uint32_t tx_id,
                        const char *path);
/** @brief RM, with everything below: "OK". */
int splitio_store_rm(struct splitio_store *store,
                     struct splitio_store_call *call, uint32_t tx_id,
                     const char *path);
/** @brief DIRECTORY: names, each with its NUL. */
int splitio_store_directory(struct splitio_store *store,
                            struct splitio_store_call *call, uint32_t tx_id,
                            const char *path);
/** @brief SET_PERMS; the first entry is the owner: "OK". */
int splitio_store_set_perms(struct splitio_store *store,
                            struct splitio_store_call *call, uint32_t tx_id,
                            const char *path,
                            const struct splitio_xs_perm *perms,
                            unsigned nr_perms);
/** @brief GET_PERMS: texts for splitio_xs_parse_perm(), each with its NUL. */
int splitio_store_get_perms(struct splitio_store *store,
                            struct splitio_store_call *call, uint32_t tx_id,
                            const char *path);
/** @brief TRANSACTION_START: the id, for splitio_xs_parse_u32(). */
int splitio_store_tx_start(struct splitio_store *store,
                           struct splitio_store_call *call);
/**
 * @brief TRANSACTION_END: "OK". Status SPLITIO_EAGAIN after @p commit: another
 * change came between, nothing was changed, do the whole transaction again.
 */
int splitio_store_tx_end(struct splitio_store *store,
                         struct splitio_store_call *call, uint32_t tx_id,
                         bool commit);

/**
 * @brief Register a watch; the request goes out with the next polls.
 * @return 0; SPLITIO_EINVAL: bad path, no `fired`, or registered already.
 *
 * Never needs a retry, and survives splitio_store_reconnect().
 *
 * Caller: owner; in callbacks too. Order: none. Peer: when and how often it
 * fires; each event costs one message of the poll budget.
 */
int splitio_store_watch(struct splitio_store *store,
                        struct splitio_store_watch *watch);

/**
 * @brief Remove a watch here and at the server.
 * @return 0: `fired` will not run again, the memory is the caller's;
 * SPLITIO_EAGAIN: no room for the request, the watch stays; SPLITIO_EINVAL: not
 * registered.
 *
 * Caller: owner; in callbacks too. Order: none. Peer: nothing.
 */
int splitio_store_unwatch(struct splitio_store *store,
                          struct splitio_store_watch *watch);

/**
 * @brief Remove a watch here only, at once. The server keeps its registration
 * until the connection ends; prefer splitio_store_unwatch().
 *
 * Caller: owner; in callbacks too. Order: none. Peer: nothing.
 */
void splitio_store_forget(struct splitio_store *store,
                          struct splitio_store_watch *watch);

/**
 * @brief State of a watch: 0 registered, SPLITIO_EAGAIN on its way, else why
 * the server refused it. Caller: owner.
 */
static inline int
splitio_store_watch_status(const struct splitio_store_watch *watch)
{
    return watch->status;
}

/**
 * @brief For hosted callers: poll until @p call has ended.
 * @param[in,out] store the connection.
 * @param[in,out] call  submitted; its `done` runs as ever.
 * @param[in]     wait  waits until the transport may have moved; returns 0, or
 *                      a negative value that ends the wait.
 * @param[in]     ctx   argument of @p wait.
 * @return the call's status; what @p wait returned; an error of
 * splitio_store_poll(). The call is no longer pending in any case.
 *
 * Caller: owner, not from a callback. Order: none. Peer: may never answer;
 * @p wait decides how long that is borne.
 */
int splitio_store_wait(struct splitio_store *store,
                       struct splitio_store_call *call, int (*wait)(void *ctx),
                       void *ctx);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_STORE_H */
