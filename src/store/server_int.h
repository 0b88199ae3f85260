/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the store server share. */
#ifndef SPLITIO_STORE_SERVER_INT_H
#define SPLITIO_STORE_SERVER_INT_H

#include "alloc.h"
#include "list.h"

#define PATH_MAX_BYTES SPLITIO_XS_ABS_PATH_MAX
#define DOMAIN_BUCKETS 64u
/* What a ring page can offer. */
#define FEATURES                                                               \
    (SPLITIO_XS_FEATURE_RECONNECTION | SPLITIO_XS_FEATURE_ERROR |              \
     SPLITIO_XS_FEATURE_WATCHDEPTH)
/* So that an event with the longest path fits into a message. */
#define TOKEN_MAX_BYTES (SPLITIO_XS_PAYLOAD_MAX - PATH_MAX_BYTES - 2)
/* Conflicts in a row after which domain 0's transaction is urgent. */
#define CONFLICTS_MAX 3u
/* Requests that one connection gets done before others have a turn. */
#define CONN_BUDGET 16u
/* xenstore's EPERM, which enum splitio_error does not have. */
#define STORE_EPERM (-100)

/* One domain's account. Freed when nothing refers to it. */
struct splitio_store_domain {
    struct splitio_store_link link; /* in a bucket of the server */
    struct splitio_store_link conns;
    splitio_domid_t id;
    bool introduced, has_target;
    bool configured; /* by SET_QUOTA or SET_FEATURE: keep the account */
    splitio_domid_t target;
    uint32_t refs; /* connections, versions, events, watches' connections */
    uint32_t nodes, watches, transactions, outstanding, nr_conns;
    uint32_t recount; /* scratch of the validity check */
    size_t memory_bytes;
    struct splitio_store_quota quota;
    uint32_t features; /* enum splitio_xs_feature that it is offered */
};

/* The changeable part of a node: permissions and value. Never shared. */
struct store_version {
    uint64_t gen; /* unique in the server's life; transactions compare it */
    struct splitio_store_domain *owner;
    uint32_t charged_bytes;
    uint32_t len_bytes; /* of the value, which follows the permissions */
    uint32_t nr_perms;
    struct splitio_xs_perm perms[];
};

/* A node of the tree, or of a transaction's overlay. */
struct store_node {
    struct store_hlink by_name; /* found by parent and name */
    struct store_node *parent;
    struct splitio_store_link siblings, children;
    struct store_version *ver; /* in an overlay: NULL if unchanged there */
    uint64_t child_gen;        /* changes with the list of children */
    uint16_t name_bytes;
    char *name; /* no NUL */
};

/* What a transaction did at a node. */
enum store_tx_flag {
    TX_SEEN = 1,    /* base_gen is what the result depends on */
    TX_LISTED = 2,  /* base_child_gen, too */
    TX_CUT = 4,     /* the tree's node and all below it are removed */
    TX_CHANGED = 8, /* fire at commit */
};

/*
 * A node of an overlay. The overlay has a node for each path that the
 * transaction touched, and for those above. Nothing else is copied.
 */
struct store_txnode {
    struct store_node node;
    struct splitio_store_link all; /* parents come before their children */
    struct store_node *spare;      /* for the tree, if commit must add it */
    struct store_node *main;       /* scratch of commit */
    uint64_t base_gen;             /* 0: there was no such node */
    uint64_t base_child_gen;
    uint8_t flags;
    bool hidden; /* scratch of commit */
};

struct store_tx {
    struct splitio_store_link of_conn, all;
    struct splitio_store_conn *conn;
    struct store_txnode *root;
    uint32_t id, nr_nodes;
    uint32_t created, removed; /* own nodes: for the node quota */
    bool doomed;               /* will end in EAGAIN whatever it does */
    bool urgent;               /* guests wait for its end */
};

/* An event that waits at its connection. */
struct store_event {
    struct splitio_store_link of_conn, of_watch;
    struct store_hlink by_path; /* found by watch and path */
    struct store_watch *watch;
    struct splitio_store_domain *cause; /* that it is outstanding for */
    const char *path;                   /* absolute */
    uint32_t path_bytes;
};

struct store_watch {
    struct store_hlink by_path;
    struct splitio_store_link of_conn, events;
    struct splitio_store_conn *conn;
    struct store_event own; /* for its own path; needs no memory */
    bool own_queued;
    uint32_t path_bytes, token_bytes;
    uint32_t skip_bytes; /* of paths, when the watch is relative */
    int32_t depth;       /* levels below the path that matter; -1: all */
    char text[];         /* path, NUL, token, NUL */
};

struct splitio_store_server {
    struct store_alloc alloc;
    struct splitio_store_server_config config;
    struct store_table nodes, watches, events;
    struct splitio_store_link domains[DOMAIN_BUCKETS];
    struct splitio_store_link conns, ready, transactions;
    struct splitio_store_domain *dom0;
    struct splitio_store_domain *cause; /* whose request is acted on */
    struct store_node *root;            /* "/" */
    struct store_node *special;         /* parent of the "@..." nodes */
    uint64_t gen;
    uint32_t next_tx_id;
    uint32_t nr_urgent; /* transactions that guests wait for */
    uint32_t nr_events, nr_watches, nr_transactions, nr_nodes, nr_conns;
    char path[PATH_MAX_BYTES + 1]; /* of the request that is acted on */
    char walk[PATH_MAX_BYTES + 1]; /* of the node that a walk is at */
};

#pragma GCC visibility push(hidden)

/* --- domain.c: accounts ------------------------------------------------ */

static inline bool is_priv(const struct splitio_store_domain *d)
{
    return d->id == 0;
}

/* The account, made if need be; NULL when the arena is full. */
struct splitio_store_domain *
splitio_xsd_domain_get(struct splitio_store_server *s, splitio_domid_t id);
/* The account, or NULL. */
struct splitio_store_domain *
splitio_xsd_domain_find(const struct splitio_store_server *s,
                        splitio_domid_t id);
/* Frees the account if nothing needs it. */
void splitio_xsd_domain_tidy(struct splitio_store_server *s,
                             struct splitio_store_domain *d);
static inline void domain_ref(struct splitio_store_domain *d)
{
    d->refs++;
}
static inline void domain_unref(struct splitio_store_server *s,
                                struct splitio_store_domain *d)
{
    d->refs--;
    splitio_xsd_domain_tidy(s, d);
}
/* Memory that is charged to a domain. NULL: quota or arena is full. */
void *splitio_xsd_domain_alloc(struct splitio_store_server *s,
                               struct splitio_store_domain *d,
                               size_t len_bytes);
void splitio_xsd_domain_free(struct splitio_store_server *s,
                             struct splitio_store_domain *d, void *mem,
                             size_t len_bytes);
/* INTRODUCE and RELEASE, with their events. */
int splitio_xsd_domain_introduce(struct splitio_store_server *s,
                                 splitio_domid_t id);
void splitio_xsd_domain_release(struct splitio_store_server *s,
                                splitio_domid_t id);

/* --- version.c --------------------------------------------------------- */

struct store_value {
    const void *bytes;
    size_t len_bytes;
};

/*
 * A version with a copy of perms and value. Fails with ENOSPC above a quota of
 * `who`, who asks for it, and with ENOMEM.
 */
int splitio_xsd_version_new(struct splitio_store_server *s,
                            struct store_version **ver,
                            const struct splitio_store_domain *who,
                            const struct splitio_xs_perm *perms,
                            uint32_t nr_perms, struct store_value value,
                            uint32_t name_bytes);
void splitio_xsd_version_free(struct splitio_store_server *s,
                              struct store_version *ver);
struct store_value splitio_xsd_version_value(const struct store_version *ver);
/* enum splitio_xs_access that `who` has. */
unsigned splitio_xsd_version_access(const struct store_version *ver,
                                    const struct splitio_store_domain *who);
bool splitio_xsd_version_is_owned_by(const struct store_version *ver,
                                     const struct splitio_store_domain *who);

/* --- node.c: the tree -------------------------------------------------- */

/* The next name of an absolute path; false at its end. */
bool splitio_xsd_path_next(const char **path, const char **name,
                           uint32_t *name_bytes);
/* A node that is linked nowhere; more_bytes above sizeof(struct store_node). */
struct store_node *splitio_xsd_node_new(struct splitio_store_server *s,
                                        size_t struct_bytes, const char *name,
                                        uint32_t name_bytes);
struct store_node *splitio_xsd_node_child(const struct splitio_store_server *s,
                                          const struct store_node *parent,
                                          const char *name,
                                          uint32_t name_bytes);
void splitio_xsd_node_link(struct splitio_store_server *s,
                           struct store_node *parent, struct store_node *node);
void splitio_xsd_node_unlink(struct splitio_store_server *s,
                             struct store_node *node);
/* Next in preorder below (and without) `top`; NULL at the end. */
struct store_node *splitio_xsd_node_next(const struct store_node *top,
                                         const struct store_node *at);
/* As splitio_xsd_node_next(), but not below `at`. */
struct store_node *splitio_xsd_node_skip(const struct store_node *top,
                                         const struct store_node *at);
/* The tree's node at an absolute path, or a special one; NULL if none. */
struct store_node *splitio_xsd_tree_find(const struct splitio_store_server *s,
                                         const char *path);
/* Puts a node with a version into the tree; counts it. */
void splitio_xsd_tree_add(struct splitio_store_server *s,
                          struct store_node *parent, struct store_node *node,
                          struct store_version *ver);
void splitio_xsd_tree_set(struct splitio_store_server *s,
                          struct store_node *node, struct store_version *ver);
/* Removes a node with all below it; no events. */
void splitio_xsd_tree_remove(struct splitio_store_server *s,
                             struct store_node *node);
/* Writes a node's path and a NUL to buf[PATH_MAX_BYTES + 1]. */
uint32_t splitio_xsd_node_path(const struct store_node *node, char *buf);

/* --- view.c: the tree as a transaction, or nobody's, sees it ----------- */

struct store_view {
    struct splitio_store_server *s;
    struct store_tx *tx; /* NULL: the tree itself */
    struct splitio_store_domain *who;
};

/* A place in a view. */
struct store_spot {
    struct store_node *main; /* NULL: none, or hidden by the transaction */
    struct store_txnode *tx; /* NULL: no transaction */
};

/* Permission entries that a node may have at most, domain 0's too. */
#define PERMS_MAX 64u

/* Where a path led. */
struct store_look {
    struct store_spot spot;    /* the node, or the nearest one above that is */
    struct store_version *ver; /* of that one */
    bool found;
    const char *missing; /* path from the first missing name on */
    uint32_t nr_missing; /* names */
    uint32_t name_bytes; /* of the last name */
};

/* Looks a path up, and notes in the transaction that it was looked at. */
int splitio_xsd_view_look(const struct store_view *v, const char *path,
                          struct store_look *look);
/* Gives a node that was found a version, which it takes over; fires. */
void splitio_xsd_view_set(const struct store_view *v,
                          const struct store_look *look,
                          struct store_version *ver, const char *path);
/* Adds the nodes that are missing, all but the last empty; fires. */
int splitio_xsd_view_create(const struct store_view *v,
                            const struct store_look *look,
                            struct store_value value, const char *path);
/* Removes a node that was found, with all below it; fires. */
void splitio_xsd_view_remove(const struct store_view *v,
                             const struct store_look *look, const char *path);
/* Calls fn for each child until it returns non-zero; notes the listing. */
int splitio_xsd_view_list(
    const struct store_view *v, const struct store_look *look,
    int (*fn)(void *ctx, const char *name, uint32_t name_bytes), void *ctx);
/* Changes when the list of children changes. */
uint64_t splitio_xsd_view_child_gen(const struct store_spot *spot);
/* --- tx.c -------------------------------------------------------------- */

int splitio_xsd_tx_start(struct splitio_store_conn *conn, uint32_t *id);
struct store_tx *splitio_xsd_tx_find(const struct splitio_store_conn *conn,
                                     uint32_t id);
int splitio_xsd_tx_end(struct store_tx *tx, bool commit);
/* The overlay's child of that name, made if need be. */
int splitio_xsd_tx_child(struct store_tx *tx, struct store_txnode *parent,
                         const char *name, uint32_t name_bytes,
                         struct store_txnode **child);
/* Takes back what the transaction did at a node and below it. */
void splitio_xsd_tx_forget_below(struct store_tx *tx, struct store_txnode *top);
/* Takes back everything and lets the end be EAGAIN. */
void splitio_xsd_tx_doom(struct store_tx *tx);
void splitio_xsd_tx_close_all(struct splitio_store_conn *conn);
int splitio_xsd_tx_commit(struct store_tx *tx);

/* --- watch.c, event.c -------------------------------------------------- */

int splitio_xsd_watch_add(struct splitio_store_conn *conn, const char *path,
                          uint32_t skip_bytes, const char *token,
                          int32_t depth);
int splitio_xsd_watch_remove(struct splitio_store_conn *conn, const char *path,
                             const char *token);
void splitio_xsd_watch_remove_all(struct splitio_store_conn *conn);

/* Which watches a change fires: xenstore treats "@..." paths differently. */
enum store_match {
    MATCH_TREE,  /* within their depth */
    MATCH_PLAIN, /* without a depth */
    MATCH_DEPTH, /* on the path, or above it with a depth */
};

/* What was at a path before and after a change, for the permission check. */
struct store_change {
    const char *path;
    uint32_t path_bytes;
    enum store_match match;
    const struct store_version *before, *after, *parent;
};

/* Fires the watches on the path and on those above it. */
void splitio_xsd_watch_fire(struct splitio_store_server *s,
                            const struct store_change *c);
/* Fires the watches on the path alone. */
void splitio_xsd_watch_fire_exact(struct splitio_store_server *s,
                                  const struct store_change *c);
/* Fires for the removal of a node at path and of all below it. */
void splitio_xsd_watch_fire_removal(struct splitio_store_server *s,
                                    struct store_node *node, const char *path);

void splitio_xsd_event_queue(struct store_watch *w, const char *path,
                             uint32_t path_bytes);
void splitio_xsd_event_drop(struct store_event *e);
/* If d caused the event, it is no longer outstanding for it. */
void splitio_xsd_event_clear_cause(struct splitio_store_server *s,
                                   struct store_event *e,
                                   const struct splitio_store_domain *d);
/* Makes the next event the connection's output; false if there is none. */
bool splitio_xsd_event_send(struct splitio_store_conn *conn);

/* --- conn.c, requests -------------------------------------------------- */

void splitio_xsd_conn_make_ready(struct splitio_store_conn *conn);
/* Makes every connection ready that waits with a request. */
void splitio_xsd_conn_wake_all(struct splitio_store_server *s);
/* Frees what the connection holds; its state is `status` from then on. */
void splitio_xsd_conn_shut(struct splitio_store_conn *conn, int status);
/* True if conn has a whole request and may have it done. */
bool splitio_xsd_conn_has_request(const struct splitio_store_conn *conn);
/* Lets one request or event become output; true if a request was acted on. */
bool splitio_xsd_conn_advance(struct splitio_store_conn *conn);

/* A request being acted on. */
struct store_request {
    struct splitio_store_conn *conn;
    struct store_view view;
    const char *body;
    uint32_t len_bytes;
    char *reply; /* SPLITIO_XS_PAYLOAD_MAX bytes */
    uint32_t reply_bytes;
};

/* Acts on conn's request and makes the reply its output. */
void splitio_xsd_request_run(struct splitio_store_conn *conn);

/*
 * Brings a path of a request into absolute form, in s->path. flags as in
 * splitio_xs_path_check(). Returns the bytes put before a relative one.
 */
int splitio_xsd_request_path(struct store_request *r, const char *text,
                             size_t len_bytes, unsigned flags);
/* The payload must be this many strings, or EINVAL. */
int splitio_xsd_request_strings(const struct store_request *r,
                                const char **strings, unsigned nr);
/* A domain id of a real guest. */
int splitio_xsd_request_domid(const char *text, splitio_domid_t *domid);

/* What requests and the embedder do alike. The path is absolute. */
int splitio_xsd_node_op_write(const struct store_view *v, const char *path,
                              struct store_value value);
int splitio_xsd_node_op_mkdir(const struct store_view *v, const char *path);
int splitio_xsd_node_op_rm(const struct store_view *v, const char *path);
int splitio_xsd_node_op_set_perms(const struct store_view *v, const char *path,
                                  const struct splitio_xs_perm *perms,
                                  uint32_t nr_perms);
/* Looks a node up that must be there and grant `access`. */
int splitio_xsd_node_op_get(const struct store_view *v, const char *path,
                            unsigned access, struct store_look *look);

/* Handlers of one message type each. */
int splitio_xsd_do_read(struct store_request *r);
int splitio_xsd_do_write(struct store_request *r);
int splitio_xsd_do_mkdir(struct store_request *r);
int splitio_xsd_do_rm(struct store_request *r);
int splitio_xsd_do_directory(struct store_request *r);
int splitio_xsd_do_directory_part(struct store_request *r);
int splitio_xsd_do_get_perms(struct store_request *r);
int splitio_xsd_do_set_perms(struct store_request *r);
int splitio_xsd_do_watch(struct store_request *r);
int splitio_xsd_do_unwatch(struct store_request *r);
int splitio_xsd_do_reset_watches(struct store_request *r);
int splitio_xsd_do_transaction_start(struct store_request *r);
int splitio_xsd_do_transaction_end(struct store_request *r);
int splitio_xsd_do_introduce(struct store_request *r);
int splitio_xsd_do_release(struct store_request *r);
int splitio_xsd_do_resume(struct store_request *r);
int splitio_xsd_do_set_target(struct store_request *r);
int splitio_xsd_do_is_domain_introduced(struct store_request *r);
int splitio_xsd_do_get_domain_path(struct store_request *r);
int splitio_xsd_do_get_feature(struct store_request *r);
int splitio_xsd_do_set_feature(struct store_request *r);
int splitio_xsd_do_get_quota(struct store_request *r);
int splitio_xsd_do_control(struct store_request *r);
int splitio_xsd_do_set_quota(struct store_request *r);

#pragma GCC visibility pop

#endif
