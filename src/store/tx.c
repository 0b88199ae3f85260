/* SPDX-License-Identifier: BSD-2-Clause */
/* Store server: transactions, from start to commit. */
#include "server_int.h"

static struct store_txnode *txnode_of(struct splitio_store_link *all)
{
    return SPLITIO_CONTAINER_OF(all, struct store_txnode, all);
}

static struct store_txnode *parent_of(const struct store_txnode *t)
{
    return t->node.parent
               ? SPLITIO_CONTAINER_OF(t->node.parent, struct store_txnode, node)
               : NULL;
}

static size_t txnode_bytes(uint32_t name_bytes)
{
    return sizeof(struct store_txnode) + name_bytes;
}

/* A node of the overlay and, to be on the safe side, of the tree to come. */
static struct store_txnode *txnode_new(struct store_tx *tx, const char *name,
                                       uint32_t name_bytes)
{
    struct splitio_store_server *s = tx->conn->server;
    struct splitio_store_domain *d = tx->conn->domain;
    struct store_node *node;
    struct store_txnode *t;

    if (!is_priv(d) &&
        d->memory_bytes + txnode_bytes(name_bytes) > d->quota.memory_bytes)
        return NULL;
    node =
        splitio_xsd_node_new(s, sizeof(struct store_txnode), name, name_bytes);
    if (!node)
        return NULL;
    d->memory_bytes += txnode_bytes(name_bytes);
    t = SPLITIO_CONTAINER_OF(node, struct store_txnode, node);
    list_append(&tx->all, &t->all);
    tx->nr_nodes++;
    return t;
}

static void txnode_free(struct store_tx *tx, struct store_txnode *t)
{
    struct splitio_store_server *s = tx->conn->server;

    if (t->node.ver)
        splitio_xsd_version_free(s, t->node.ver);
    splitio_xsd_alloc_put(&s->alloc, t->spare);
    if (t->node.parent)
        splitio_xsd_node_unlink(s, &t->node);
    list_remove(&t->all);
    tx->nr_nodes--;
    splitio_xsd_domain_free(s, tx->conn->domain, t,
                            txnode_bytes(t->node.name_bytes));
}

int splitio_xsd_tx_child(struct store_tx *tx, struct store_txnode *parent,
                         const char *name, uint32_t name_bytes,
                         struct store_txnode **child)
{
    struct splitio_store_server *s = tx->conn->server;
    struct store_node *node =
        splitio_xsd_node_child(s, &parent->node, name, name_bytes);

    if (node) {
        *child = SPLITIO_CONTAINER_OF(node, struct store_txnode, node);
        return 0;
    }
    if (!is_priv(tx->conn->domain) &&
        tx->nr_nodes >= tx->conn->domain->quota.tx_nodes)
        return SPLITIO_ENOSPC;
    *child = txnode_new(tx, name, name_bytes);
    if (!*child)
        return SPLITIO_ENOMEM;
    splitio_xsd_node_link(s, &parent->node, &(*child)->node);
    return 0;
}

void splitio_xsd_tx_forget_below(struct store_tx *tx, struct store_txnode *top)
{
    struct splitio_store_server *s = tx->conn->server;
    struct store_node *at;

    for (at = &top->node; at; at = splitio_xsd_node_next(&top->node, at)) {
        struct store_txnode *t =
            SPLITIO_CONTAINER_OF(at, struct store_txnode, node);

        t->flags &= (uint8_t)~TX_CHANGED;
        if (!at->ver)
            continue;
        splitio_xsd_version_free(s, at->ver);
        at->ver = NULL;
        if (!t->spare)
            continue;
        splitio_xsd_alloc_put(&s->alloc, t->spare);
        t->spare = NULL;
        tx->created--;
    }
}

/* Frees all of the overlay but its root. */
static void drop_overlay(struct store_tx *tx)
{
    while (tx->all.prev != &tx->root->all)
        txnode_free(tx, txnode_of(tx->all.prev)); /* children first */
    if (tx->root->node.ver)
        splitio_xsd_version_free(tx->conn->server, tx->root->node.ver);
    tx->root->node.ver = NULL;
    tx->root->flags = 0;
    tx->created = tx->removed = 0;
}

void splitio_xsd_tx_doom(struct store_tx *tx)
{
    drop_overlay(tx);
    tx->doomed = true;
}

int splitio_xsd_tx_start(struct splitio_store_conn *conn, uint32_t *id)
{
    struct splitio_store_server *s = conn->server;
    struct splitio_store_domain *d = conn->domain;
    struct store_tx *tx;

    if (!is_priv(d) && d->transactions >= d->quota.transactions)
        return SPLITIO_ENOSPC;
    tx = splitio_xsd_domain_alloc(s, d, sizeof(*tx));
    if (!tx)
        return SPLITIO_ENOMEM;
    __builtin_memset(tx, 0, sizeof(*tx));
    tx->conn = conn;
    list_init(&tx->all);
    tx->root = txnode_new(tx, "", 0);
    if (!tx->root) {
        splitio_xsd_domain_free(s, d, tx, sizeof(*tx));
        return SPLITIO_ENOMEM;
    }
    do
        tx->id = ++s->next_tx_id;
    while (tx->id == 0 || splitio_xsd_tx_find(conn, tx->id));
    list_append(&conn->transactions, &tx->of_conn);
    tx->urgent = is_priv(d) && conn->conflicts >= CONFLICTS_MAX;
    s->nr_urgent += tx->urgent;
    d->transactions++;
    s->nr_transactions++;
    *id = tx->id;
    return 0;
}

struct store_tx *splitio_xsd_tx_find(const struct splitio_store_conn *conn,
                                     uint32_t id)
{
    struct splitio_store_link *at;

    for (at = conn->transactions.next; at != &conn->transactions;
         at = at->next) {
        struct store_tx *tx =
            SPLITIO_CONTAINER_OF(at, struct store_tx, of_conn);

        if (tx->id == id)
            return tx;
    }
    return NULL;
}

static void tx_free(struct store_tx *tx)
{
    struct splitio_store_conn *conn = tx->conn;
    struct splitio_store_server *s = conn->server;
    bool was_urgent = tx->urgent;

    drop_overlay(tx);
    txnode_free(tx, tx->root);
    list_remove(&tx->of_conn);
    conn->domain->transactions--;
    s->nr_urgent -= was_urgent;
    s->nr_transactions--;
    splitio_xsd_domain_free(s, conn->domain, tx, sizeof(*tx));
    if (was_urgent && s->nr_urgent == 0)
        splitio_xsd_conn_wake_all(s);
}

int splitio_xsd_tx_end(struct store_tx *tx, bool commit)
{
    struct splitio_store_conn *conn = tx->conn;
    int err = 0;

    if (commit)
        err = tx->doomed ? SPLITIO_EAGAIN : splitio_xsd_tx_commit(tx);
    conn->conflicts = err == SPLITIO_EAGAIN ? conn->conflicts + 1 : 0;
    tx_free(tx);
    return err;
}

void splitio_xsd_tx_close_all(struct splitio_store_conn *conn)
{
    while (!list_is_empty(&conn->transactions))
        tx_free(SPLITIO_CONTAINER_OF(conn->transactions.next, struct store_tx,
                                     of_conn));
}

/* --- commit ------------------------------------------------------------ */

/* Finds the tree's node for t; parents were found before. */
static void find_main(const struct splitio_store_server *s,
                      struct store_txnode *t)
{
    const struct store_txnode *parent = parent_of(t);

    if (!parent)
        t->main = s->root;
    else if (parent->main)
        t->main = splitio_xsd_node_child(s, parent->main, t->node.name,
                                         t->node.name_bytes);
    else
        t->main = NULL;
}

/* What the transaction depended on must be as it was. */
static bool is_as_seen(const struct store_txnode *t)
{
    uint64_t gen = t->main ? t->main->ver->gen : 0;

    if ((t->flags & TX_SEEN) && gen != t->base_gen)
        return false;
    return !(t->flags & TX_LISTED) ||
           (t->main && t->main->child_gen == t->base_child_gen);
}

/* Nodes of the committer that a cut will remove. */
static uint32_t count_cut(const struct store_tx *tx,
                          const struct store_txnode *t)
{
    uint32_t n = 0;

    if (!(t->flags & TX_CUT) || t->hidden || !t->main ||
        is_priv(tx->conn->domain))
        return 0;
    for (const struct store_node *at = t->main; at;
         at = splitio_xsd_node_next(t->main, at))
        n += at->ver->owner == tx->conn->domain;
    return n;
}

static int validate(struct store_tx *tx)
{
    const struct splitio_store_server *s = tx->conn->server;
    const struct splitio_store_domain *d = tx->conn->domain;
    uint32_t cut = 0;

    for (struct splitio_store_link *at = tx->all.next; at != &tx->all;
         at = at->next) {
        struct store_txnode *t = txnode_of(at);
        const struct store_txnode *parent = parent_of(t);

        find_main(s, t);
        t->hidden = parent && (parent->hidden || (parent->flags & TX_CUT));
        if (!is_as_seen(t))
            return SPLITIO_EAGAIN;
        cut += count_cut(tx, t);
    }
    if (!is_priv(d) && tx->created > 0 &&
        (uint64_t)d->nodes - cut + tx->created > d->quota.nodes)
        return SPLITIO_ENOSPC;
    return 0;
}

static void apply_cut(struct splitio_store_server *s, struct store_txnode *t)
{
    splitio_xsd_node_path(t->main, s->path);
    splitio_xsd_watch_fire_removal(s, t->main, s->path);
    splitio_xsd_tree_remove(s, t->main);
    t->main = NULL;
}

static void apply_version(struct splitio_store_server *s,
                          struct store_txnode *t)
{
    struct store_change change = {.path = s->path, .after = t->node.ver};
    struct store_version *ver = t->node.ver;

    t->node.ver = NULL;
    if (!t->main) { /* seen as absent, so it was made here */
        t->main = t->spare;
        t->spare = NULL;
        splitio_xsd_tree_add(s, parent_of(t)->main, t->main, ver);
    } else {
        change.before = t->main->ver;
    }
    change.parent = t->main->parent ? t->main->parent->ver : NULL;
    if (t->flags & TX_CHANGED) {
        change.path_bytes = splitio_xsd_node_path(t->main, s->path);
        splitio_xsd_watch_fire(s, &change);
    }
    if (change.before)
        splitio_xsd_tree_set(s, t->main, ver);
}

/* Nothing here can fail: all memory was allocated with the requests. */
static void apply(struct store_tx *tx)
{
    struct splitio_store_server *s = tx->conn->server;

    for (struct splitio_store_link *at = tx->all.next; at != &tx->all;
         at = at->next) {
        struct store_txnode *t = txnode_of(at);

        find_main(s, t);
        if ((t->flags & TX_CUT) && !t->hidden && t->main)
            apply_cut(s, t);
        if (t->node.ver)
            apply_version(s, t);
    }
}

int splitio_xsd_tx_commit(struct store_tx *tx)
{
    int err = validate(tx);

    if (err == 0)
        apply(tx);
    return err;
}
