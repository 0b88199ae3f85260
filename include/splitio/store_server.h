/* SPDX-License-Identifier: BSD-2-Clause */
/* The store server: a xenstore for any number of domains, in one arena. */
#ifndef SPLITIO_STORE_SERVER_H
#define SPLITIO_STORE_SERVER_H

/**
 * @file
 * @brief Store server (layer 2). The client is in splitio/store.h.
 *
 * **What it is.** The tree of nodes that domains configure each other through,
 * with permissions, watches, transactions and quotas, as xenstored keeps it.
 * It speaks the protocol of splitio/proto/xs.h over connections that carry
 * bytes: ring pages of guests, sockets of tools, or anything else. Domain 0 is
 * privileged. All message types are served; of CONTROL's commands, which are each
 * server's own, "help", "check" and "print". Sources: docs/misc/xenstore.txt, xenstore-ring.txt of Xen.
 *
 * **Who calls what.** One owner thread calls everything. The embedder (a VMM, a
 * daemon) gives the arena, makes a connection for each guest and each socket,
 * moves their bytes, and may change the tree itself, as domain 0.
 *
 * **Typical loop.**
 *
 *     on an event from a guest:  splitio_store_conn_pump_ring(its conn, ...)
 *     on a readable socket:      recv at most splitio_store_conn_room() bytes,
 *                                splitio_store_conn_input()
 *     on a writable socket:      splitio_store_conn_output(), send
 *     then, always:              while ((c = splitio_store_server_next_ready()))
 *                                    pump c, or take its output
 *     when a guest has died:     splitio_store_server_domain_gone()
 *
 * **Memory order.** Rings: splitio/stream.h. All else is private to the owner.
 *
 * **Trust.** Every connection may be hostile. A malformed request gets an error
 * reply; a malformed frame or index makes the connection bad: its watches and
 * transactions go, nothing more is read, others go on. A domain's nodes,
 * watches, transactions and memory are bounded by splitio_store_quota. A
 * connection that does not take its replies is not read from. Guests cannot
 * starve domain 0's transactions with conflicts: after three in a row its next
 * one makes them wait until it has ended.
 *
 * **Errors.** Calls of the embedder return SPLITIO_E* values; clients get the
 * errno names that splitio_xs_error_name() gives them.
 */

#include <splitio/proto/xs.h>
#include <splitio/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The server; lives in the arena. */
struct splitio_store_server;

/**
 * Bounds for each domain but domain 0. A zero stands for xenstored's value,
 * which is given here; UINT32_MAX is no bound.
 */
struct splitio_store_quota {
    uint32_t nodes;        /**< owned nodes: 1000 */
    uint32_t watches;      /**< registered watches: 128 */
    uint32_t outstanding;  /**< events it caused that domain 0 has yet to take:
                                20; above, it is not read from */
    uint32_t transactions; /**< open at a time: 10 */
    uint32_t tx_nodes;     /**< nodes that one transaction touches: 1024 */
    uint32_t node_bytes;   /**< name, value and permissions of a node: 2048 */
    uint32_t perms;        /**< permission entries of a node: 5 */
    uint32_t events;       /**< waiting for it, at one connection: 256; above,
                                a watch gets one event for its own path */
    uint32_t memory_bytes; /**< all of the above together: 2.5 MiB */
};

/** What messages of domain 0 ask of the embedder. Each may be NULL. */
struct splitio_store_server_ops {
    /**
     * INTRODUCE: connect the domain's ring page. 0 or SPLITIO_E*. NULL: the
     * domain is introduced, and the embedder finds its page itself.
     */
    int (*introduce)(void *ctx, splitio_domid_t domid, splitio_gfn_t gfn,
                     splitio_evtchn_t port);
    /** RELEASE: the domain's connections have just been closed. */
    void (*release)(void *ctx, splitio_domid_t domid);
    /** CONTROL "print": a line for the log. NULL: it is answered ENOSYS. */
    void (*print)(void *ctx, const char *text);
};

/** How to make a server; zeroes mean defaults. */
struct splitio_store_server_config {
    struct splitio_store_quota quota;
    const struct splitio_store_server_ops *ops;
    void *ctx;
    uint64_t hash_seed; /**< anything that guests cannot guess */
};

/** Counters; for a domain, or of all domains together. */
struct splitio_store_stats {
    uint32_t nodes;        /**< that it owns */
    uint32_t watches;      /**< registered */
    uint32_t transactions; /**< open */
    uint32_t outstanding; /**< events it caused that domain 0 has yet to take */
    uint32_t conns;       /**< connections */
    size_t memory_bytes;  /**< charged; of all: in use in the arena */
};

/** The smallest arena. A guest with full quotas may use 2.5 MiB more. */
#define SPLITIO_STORE_SERVER_BYTES_MIN 65536u

/**
 * @brief Make a server with an empty tree.
 * @param[out] server the server; its address is within @p mem.
 * @param[in]  mem    the arena: all the memory that it will ever use.
 * @param[in]  len_bytes size of the arena.
 * @param[in]  config NULL for xenstored's quotas and no ops.
 * @return 0; SPLITIO_ENOMEM: below SPLITIO_STORE_SERVER_BYTES_MIN;
 * SPLITIO_EINVAL: no memory.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_store_server_init(struct splitio_store_server **server, void *mem,
                              size_t len_bytes,
                              const struct splitio_store_server_config *config);

/**
 * @brief Close all connections; the arena is the caller's again.
 *
 * The connections' memory must be valid still; they need no fini afterwards.
 * Caller: owner. Order: none. Peer: nothing.
 */
void splitio_store_server_fini(struct splitio_store_server *server);

/** @brief Check every structure and recount every counter. For tests. */
bool splitio_store_server_is_valid(struct splitio_store_server *server);

/** @brief Counters of all domains. Caller: owner. */
void splitio_store_server_stats(const struct splitio_store_server *server,
                                struct splitio_store_stats *stats);

/** @brief Counters of one domain; zeroes if unknown. Caller: owner. */
void splitio_store_server_domain_stats(
    const struct splitio_store_server *server, splitio_domid_t domid,
    struct splitio_store_stats *stats);

/* --- the embedder's own access, as domain 0 ---------------------------- */

/*
 * Paths are absolute and end in NUL. All fire watches as a client's requests
 * do, and return 0 or SPLITIO_EINVAL (path), SPLITIO_ENOENT, SPLITIO_ENOMEM.
 *
 * Caller: owner. Order: none. Peer: what it wrote into the tree.
 */

/** @brief Set a value, making the node and its parents where missing. */
int splitio_store_server_write(struct splitio_store_server *server,
                               const char *path, const void *value,
                               size_t len_bytes);
/** @brief Set a value that is a text, without its NUL. */
int splitio_store_server_write_text(struct splitio_store_server *server,
                                    const char *path, const char *text);
/**
 * @brief Find a value.
 * @param[out] value     points into the arena until the next call or input.
 * @param[out] len_bytes its length. No NUL follows.
 */
int splitio_store_server_read(struct splitio_store_server *server,
                              const char *path, const void **value,
                              size_t *len_bytes);
/** @brief Make a node and its parents where missing. */
int splitio_store_server_mkdir(struct splitio_store_server *server,
                               const char *path);
/** @brief Remove a node and all below it. */
int splitio_store_server_rm(struct splitio_store_server *server,
                            const char *path);
/** @brief Remove a node unless something is below it: SPLITIO_EBUSY. */
int splitio_store_server_rm_empty(struct splitio_store_server *server,
                                  const char *path);
/** @brief Set permissions; the first entry is the owner. */
int splitio_store_server_set_perms(struct splitio_store_server *server,
                                   const char *path,
                                   const struct splitio_xs_perm *perms,
                                   unsigned nr_perms);

/**
 * @brief Tell that a domain exists: fires "@introduceDomain".
 * @return 0; SPLITIO_EINVAL: not a real guest; SPLITIO_ENOMEM.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_store_server_introduce(struct splitio_store_server *server,
                                   splitio_domid_t domid);

/**
 * @brief Tell that a domain is no more: fires "@releaseDomain".
 *
 * Closes its connections (the embedder calls splitio_store_conn_fini() on
 * them), removes its nodes with all below them, takes it out of all
 * permissions. All its counters are zero afterwards: the id may be used again.
 *
 * Caller: owner. Order: none. Peer: how many nodes there are to walk.
 */
void splitio_store_server_domain_gone(struct splitio_store_server *server,
                                      splitio_domid_t domid);

/* --- connections ------------------------------------------------------- */

/** A link of the server's lists. Private. */
struct splitio_store_link {
    struct splitio_store_link *prev, *next;
};

struct splitio_store_domain;

/**
 * One connection of one domain, in the embedder's memory. Fields are private,
 * not ABI, but for `user`.
 */
struct splitio_store_conn {
    void *user; /**< the embedder's, to set after init */
    struct splitio_store_server *server;
    struct splitio_store_domain *domain;
    struct splitio_store_link of_server, of_domain, ready;
    struct splitio_store_link watches, transactions, events;
    uint32_t nr_events;
    uint32_t conflicts; /* transactions in a row that ended in EAGAIN */
    int status;         /* 0, or why it is over */
    uint32_t in_bytes;  /* of the request being received */
    uint32_t out_bytes; /* of the message being sent */
    uint32_t out_start; /* of which these went out */
    struct splitio_xs_page *page;
    struct splitio_stream ring_in, ring_out;
    struct splitio_xs_msg in_head;
    char in[SPLITIO_XS_PAYLOAD_MAX];
    struct splitio_xs_msg out_head;
    char out[SPLITIO_XS_PAYLOAD_MAX];
};

/**
 * @brief Open a connection that speaks for @p domid.
 * @return 0; SPLITIO_ENOMEM: the arena is full.
 *
 * Caller: owner. Order: none. Peer: nothing yet.
 */
int splitio_store_conn_init(struct splitio_store_conn *conn,
                            struct splitio_store_server *server,
                            splitio_domid_t domid);

/**
 * @brief Close a connection: its watches, events and transactions go.
 *
 * Harmless on one that is closed. Caller: owner. Order: none. Peer: nothing.
 */
void splitio_store_conn_fini(struct splitio_store_conn *conn);

/** @brief True if the state makes sense. For tests. */
bool splitio_store_conn_is_valid(const struct splitio_store_conn *conn);

/**
 * @brief State: 0 good; SPLITIO_EPROTO: the peer broke the protocol;
 * SPLITIO_ECLOSED: its domain is gone. Not 0 calls for fini. Caller: owner.
 */
int splitio_store_conn_status(const struct splitio_store_conn *conn);

/** @brief Bytes that splitio_store_conn_input() would take now.
 * Caller: owner. */
size_t splitio_store_conn_room(const struct splitio_store_conn *conn);

/** @brief Events that wait for the peer to take them. Caller: owner. */
uint32_t splitio_store_conn_pending(const struct splitio_store_conn *conn);

/**
 * @brief Hand over received bytes; acts on a request that becomes complete.
 * @return bytes taken, 0 to @p len_bytes: fewer when a reply must leave first;
 * SPLITIO_EPROTO or SPLITIO_ECLOSED: see splitio_store_conn_status().
 *
 * Caller: owner. Order: none. Peer: every byte; at most one request is acted on
 * for each reply that has left.
 */
int splitio_store_conn_input(struct splitio_store_conn *conn, const void *buf,
                             size_t len_bytes);

/**
 * @brief Take bytes to send: replies and events, in order.
 * @return bytes given, 0 to @p len_bytes; SPLITIO_EPROTO or SPLITIO_ECLOSED.
 *
 * They count as sent: keep what a socket does not take. Input that was waiting
 * for room is acted on, so look at splitio_store_conn_room() again.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_store_conn_output(struct splitio_store_conn *conn, void *buf,
                              size_t len_bytes);

/**
 * @brief Serve the connection through a ring page, as the server's side.
 * @return 0; SPLITIO_EINVAL: no page.
 *
 * Sets the feature bits. The indices need not be 0.
 *
 * Caller: owner. Order: none. Peer: every word of the page.
 */
int splitio_store_conn_attach_ring(struct splitio_store_conn *conn,
                                   struct splitio_xs_page *page);

/**
 * @brief Move bytes between the ring and the connection, both ways.
 * @param[in,out] conn a connection with a ring.
 * @param[in]  budget most requests to act on.
 * @param[out] notify true if the guest must be sent the event.
 * @return requests acted on, 0 to @p budget: when it is @p budget the
 * connection is among splitio_store_server_next_ready(); SPLITIO_EPROTO or
 * SPLITIO_ECLOSED: see splitio_store_conn_status(). After SPLITIO_EPROTO the
 * page names the error, and a guest that asks for a reconnect is served again.
 *
 * Caller: owner, on every event of the guest, and when ready. Order: that of
 * splitio/stream.h; `connection` is released after the reset. Peer: every word
 * and byte of the page.
 */
int splitio_store_conn_pump_ring(struct splitio_store_conn *conn,
                                 unsigned budget, bool *notify);

/**
 * @brief The next connection that has output or input to be looked after
 * without an event of its own peer.
 * @return a connection, each at most once until it becomes ready again; NULL
 * when there is none.
 *
 * Caller: owner, after anything that may change the tree. Order: none. Peer:
 * nothing; connections take turns.
 */
struct splitio_store_conn *
splitio_store_server_next_ready(struct splitio_store_server *server);

/** @brief True if splitio_store_server_next_ready() has a connection.
 * Caller: owner. */
bool splitio_store_server_has_ready(const struct splitio_store_server *server);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_STORE_SERVER_H */
