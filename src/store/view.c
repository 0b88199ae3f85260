/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Store server: the tree as a transaction sees it, and as it is.
 *
 * A transaction's overlay hides the tree's nodes that it removed (TX_CUT) and
 * covers those that it wrote (node.ver). Everything else shows through. What a
 * result depended on is noted at the overlay's nodes (TX_SEEN, TX_LISTED), and
 * commit compares it with the tree.
 */
#include "server_int.h"

static struct store_version *spot_version(const struct store_spot *spot)
{
    if (spot->tx && spot->tx->node.ver)
        return spot->tx->node.ver;
    return spot->main ? spot->main->ver : NULL;
}

static struct store_txnode *tx_parent(const struct store_txnode *t)
{
    return t->node.parent
               ? SPLITIO_CONTAINER_OF(t->node.parent, struct store_txnode, node)
               : NULL;
}

static bool is_below_cut(const struct store_txnode *t)
{
    for (t = tx_parent(t); t; t = tx_parent(t)) {
        if (t->flags & TX_CUT)
            return true;
    }
    return false;
}

/*
 * Below a cut nothing depends on the tree but the cut itself, seen before. What
 * looks different the second time may look as at first again at commit: a node
 * that was not there, was, and is not. So the transaction is lost at once.
 */
static void note_seen(const struct store_view *v, const struct store_spot *spot)
{
    struct store_txnode *t = spot->tx;
    uint64_t gen = spot->main ? spot->main->ver->gen : 0;

    if (!t || (t->flags & TX_CUT) || is_below_cut(t))
        return;
    if (!(t->flags & TX_SEEN))
        t->base_gen = gen;
    t->flags |= TX_SEEN;
    if (t->base_gen != gen)
        v->tx->doomed = true;
}

/* From a spot to its child, which may be absent. */
static int step(const struct store_view *v, struct store_spot *spot,
                const char *name, uint32_t name_bytes)
{
    if (spot->main)
        spot->main = splitio_xsd_node_child(v->s, spot->main, name, name_bytes);
    if (v->tx) {
        int err =
            splitio_xsd_tx_child(v->tx, spot->tx, name, name_bytes, &spot->tx);

        if (err < 0)
            return err;
        if (spot->tx->flags & TX_CUT)
            spot->main = NULL;
    }
    return 0;
}

static int look_special(const struct store_view *v, const char *path,
                        struct store_look *look)
{
    if (v->tx)
        return SPLITIO_EINVAL;
    look->spot.main = splitio_xsd_tree_find(v->s, path);
    if (!look->spot.main)
        return SPLITIO_ENOENT;
    look->ver = look->spot.main->ver;
    look->found = true;
    look->name_bytes = look->spot.main->name_bytes;
    return 0;
}

int splitio_xsd_view_look(const struct store_view *v, const char *path,
                          struct store_look *look)
{
    struct store_spot at = {v->s->root, v->tx ? v->tx->root : NULL};
    struct store_spot missing = {NULL, NULL};
    const char *name;
    int err;

    __builtin_memset(look, 0, sizeof(*look));
    if (path[0] == '@')
        return look_special(v, path, look);
    look->spot = at;
    look->ver = spot_version(&at);
    look->found = true;
    while (splitio_xsd_path_next(&path, &name, &look->name_bytes)) {
        err = step(v, &at, name, look->name_bytes);
        if (err < 0)
            return err;
        if (look->found && spot_version(&at)) {
            look->spot = at;
            look->ver = spot_version(&at);
            continue;
        }
        if (look->found) {
            look->missing = name;
            missing = at;
        }
        look->found = false;
        look->nr_missing++;
    }
    /* Of a path that leads nowhere, the place where it ends is the result. */
    note_seen(v, &look->spot);
    note_seen(v, &missing);
    return 0;
}

void splitio_xsd_view_set(const struct store_view *v,
                          const struct store_look *look,
                          struct store_version *ver, const char *path)
{
    struct store_node *node = look->spot.main;
    struct store_txnode *t = look->spot.tx;
    struct store_change change = {.path = path, .after = ver};

    if (t) {
        if (t->node.ver)
            splitio_xsd_version_free(v->s, t->node.ver);
        t->node.ver = ver;
        t->flags |= TX_CHANGED;
        return;
    }
    change.path_bytes = (uint32_t)splitio_xs_strlen(path);
    change.before = node->ver;
    change.parent = node->parent ? node->parent->ver : NULL;
    splitio_xsd_watch_fire(v->s, &change);
    splitio_xsd_tree_set(v->s, node, ver);
}

/* Adds a child to a spot and moves on to it; takes the version over. */
static int create_one(const struct store_view *v, struct store_spot *spot,
                      const char *name, uint32_t name_bytes,
                      struct store_version *ver)
{
    struct store_node *parent = spot->main, *node;
    struct store_spot child = *spot;
    int err = step(v, &child, name, name_bytes);

    node = err < 0 ? NULL
                   : splitio_xsd_node_new(v->s, sizeof(struct store_node), name,
                                          name_bytes);
    if (!node) {
        splitio_xsd_version_free(v->s, ver);
        return err < 0 ? err : SPLITIO_ENOMEM;
    }
    if (!v->tx) {
        splitio_xsd_tree_add(v->s, parent, node, ver);
        child.main = node;
    } else {
        note_seen(v, &child);
        splitio_xsd_tx_forget_below(v->tx, child.tx);
        child.tx->node.ver = ver;
        child.tx->spare = node;
        v->tx->created++;
        spot->tx->node.child_gen++;
    }
    *spot = child;
    return 0;
}

static int check_create(const struct store_view *v,
                        const struct store_look *look)
{
    uint64_t nodes = (uint64_t)v->who->nodes + look->nr_missing;

    if (!(splitio_xsd_version_access(look->ver, v->who) &
          SPLITIO_XS_PERM_WRITE))
        return SPLITIO_EACCES;
    if (v->tx)
        nodes += v->tx->created;
    if (v->tx)
        nodes -= v->tx->removed < nodes ? v->tx->removed : nodes;
    if (!is_priv(v->who) && nodes > v->who->quota.nodes)
        return SPLITIO_ENOSPC;
    return 0;
}

/* Takes the nodes from `first` down back after a failure. */
static void undo_create(const struct store_view *v,
                        const struct store_spot *first)
{
    if (first->tx)
        splitio_xsd_tx_forget_below(v->tx, first->tx);
    else if (first->main)
        splitio_xsd_tree_remove(v->s, first->main);
}

static void fire_created(const struct store_view *v,
                         const struct store_spot *spot, const char *path)
{
    struct store_change change = {.path = path};

    if (spot->tx) {
        spot->tx->flags |= TX_CHANGED;
        return;
    }
    change.path_bytes = (uint32_t)splitio_xs_strlen(path);
    change.after = spot->main->ver;
    change.parent = spot->main->parent->ver;
    splitio_xsd_watch_fire(v->s, &change);
}

/* Children get their parent's permissions, and their maker as the owner. */
int splitio_xsd_view_create(const struct store_view *v,
                            const struct store_look *look,
                            struct store_value value, const char *path)
{
    struct store_spot at = look->spot, first = {NULL, NULL};
    struct splitio_xs_perm perms[PERMS_MAX];
    const char *rest = look->missing, *name;
    uint32_t name_bytes, nr_perms = look->ver->nr_perms;
    int err = check_create(v, look);

    if (err < 0)
        return err;
    __builtin_memcpy(perms, look->ver->perms, nr_perms * sizeof(perms[0]));
    if (!is_priv(v->who))
        perms[0].domid = v->who->id;
    while (splitio_xsd_path_next(&rest, &name, &name_bytes)) {
        struct store_value none = {NULL, 0};
        struct store_version *ver;

        err = splitio_xsd_version_new(v->s, &ver, v->who, perms, nr_perms,
                                      *rest == '\0' ? value : none, name_bytes);
        if (err == 0)
            err = create_one(v, &at, name, name_bytes, ver);
        if (err < 0) {
            undo_create(v, &first);
            return err;
        }
        if (!first.main && !first.tx)
            first = at;
    }
    fire_created(v, &at, path);
    return 0;
}

static uint32_t count_own(const struct store_view *v,
                          const struct store_node *top)
{
    uint32_t n = 0;

    for (const struct store_node *at = top; at;
         at = splitio_xsd_node_next(top, at))
        n += at->ver->owner == v->who;
    return n;
}

void splitio_xsd_view_remove(const struct store_view *v,
                             const struct store_look *look, const char *path)
{
    struct store_txnode *t = look->spot.tx;

    if (!t) {
        splitio_xsd_watch_fire_removal(v->s, look->spot.main, path);
        splitio_xsd_tree_remove(v->s, look->spot.main);
        return;
    }
    if (look->spot.main && !is_priv(v->who))
        v->tx->removed += count_own(v, look->spot.main);
    splitio_xsd_tx_forget_below(v->tx, t);
    if (look->spot.main)
        t->flags |= TX_CUT;
    t->node.parent->child_gen++;
}

int splitio_xsd_view_list(
    const struct store_view *v, const struct store_look *look,
    int (*fn)(void *ctx, const char *name, uint32_t name_bytes), void *ctx)
{
    const struct store_spot *spot = &look->spot;
    struct splitio_store_link *at;
    int err = 0;

    if (spot->tx && spot->main && !(spot->tx->flags & TX_LISTED)) {
        spot->tx->base_child_gen = spot->main->child_gen;
        spot->tx->flags |= TX_LISTED;
    }
    for (at = spot->main ? spot->main->children.next : NULL;
         at && at != &spot->main->children && err == 0; at = at->next) {
        struct store_node *n =
            SPLITIO_CONTAINER_OF(at, struct store_node, siblings);
        struct store_node *t =
            spot->tx ? splitio_xsd_node_child(v->s, &spot->tx->node, n->name,
                                              n->name_bytes)
                     : NULL;

        if (!t || t->ver ||
            !(SPLITIO_CONTAINER_OF(t, struct store_txnode, node)->flags &
              TX_CUT))
            err = fn(ctx, n->name, n->name_bytes);
    }
    for (at = spot->tx ? spot->tx->node.children.next : NULL;
         at && at != &spot->tx->node.children && err == 0; at = at->next) {
        struct store_node *t =
            SPLITIO_CONTAINER_OF(at, struct store_node, siblings);

        if (t->ver &&
            !(spot->main &&
              splitio_xsd_node_child(v->s, spot->main, t->name, t->name_bytes)))
            err = fn(ctx, t->name, t->name_bytes);
    }
    return err;
}

uint64_t splitio_xsd_view_child_gen(const struct store_spot *spot)
{
    return (spot->main ? spot->main->child_gen : 0) +
           (spot->tx ? spot->tx->node.child_gen : 0);
}
