/* SPDX-License-Identifier: BSD-2-Clause */
/* Store server: the accounts of domains, their birth and death. */
#include "server_int.h"

static struct splitio_store_link *bucket(const struct splitio_store_server *s,
                                         splitio_domid_t id)
{
    /* Lists are heads within the server; looking them up changes nothing. */
    return (struct splitio_store_link *)(uintptr_t)&s
        ->domains[id % DOMAIN_BUCKETS];
}

struct splitio_store_domain *
splitio_xsd_domain_find(const struct splitio_store_server *s,
                        splitio_domid_t id)
{
    struct splitio_store_link *head = bucket(s, id), *at;

    for (at = head->next; at != head; at = at->next) {
        struct splitio_store_domain *d =
            SPLITIO_CONTAINER_OF(at, struct splitio_store_domain, link);

        if (d->id == id)
            return d;
    }
    return NULL;
}

struct splitio_store_domain *
splitio_xsd_domain_get(struct splitio_store_server *s, splitio_domid_t id)
{
    struct splitio_store_domain *d = splitio_xsd_domain_find(s, id);

    if (d)
        return d;
    d = splitio_xsd_alloc_get(&s->alloc, sizeof(*d));
    if (!d)
        return NULL;
    __builtin_memset(d, 0, sizeof(*d));
    d->id = id;
    d->quota = s->config.quota;
    d->features = FEATURES;
    list_init(&d->conns);
    list_append(bucket(s, id), &d->link);
    return d;
}

void splitio_xsd_domain_tidy(struct splitio_store_server *s,
                             struct splitio_store_domain *d)
{
    if (d->refs > 0 || d->introduced || d->has_target || d->configured ||
        d->memory_bytes > 0)
        return;
    list_remove(&d->link);
    splitio_xsd_alloc_put(&s->alloc, d);
}

void *splitio_xsd_domain_alloc(struct splitio_store_server *s,
                               struct splitio_store_domain *d, size_t len_bytes)
{
    void *mem;

    if (!is_priv(d) && d->memory_bytes + len_bytes > d->quota.memory_bytes)
        return NULL;
    mem = splitio_xsd_alloc_get(&s->alloc, len_bytes);
    if (mem)
        d->memory_bytes += len_bytes;
    return mem;
}

void splitio_xsd_domain_free(struct splitio_store_server *s,
                             struct splitio_store_domain *d, void *mem,
                             size_t len_bytes)
{
    splitio_xsd_alloc_put(&s->alloc, mem);
    d->memory_bytes -= len_bytes;
}

/* Who watches with a depth is told the domain: "@releaseDomain/5". */
static void fire_special(struct splitio_store_server *s, const char *path,
                         splitio_domid_t id)
{
    const struct store_node *node = splitio_xsd_tree_find(s, path);
    uint32_t len = (uint32_t)splitio_xs_strlen(path);
    char with_id[sizeof(SPLITIO_XS_INTRODUCE_DOMAIN) + SPLITIO_XS_U32_TEXT_MAX];
    struct store_change change = {
        .path = path,
        .path_bytes = len,
        .match = MATCH_PLAIN,
        .after = node->ver,
    };

    splitio_xsd_watch_fire_exact(s, &change);
    __builtin_memcpy(with_id, path, len);
    with_id[len++] = '/';
    len += (uint32_t)splitio_xs_format_u32(with_id + len, id);
    change.path = with_id;
    change.path_bytes = len;
    change.match = MATCH_DEPTH;
    splitio_xsd_watch_fire(s, &change);
}

int splitio_xsd_domain_introduce(struct splitio_store_server *s,
                                 splitio_domid_t id)
{
    struct splitio_store_domain *d = splitio_xsd_domain_get(s, id);

    if (!d)
        return SPLITIO_ENOMEM;
    d->introduced = true;
    fire_special(s, SPLITIO_XS_INTRODUCE_DOMAIN, id);
    return 0;
}

/* Takes a domain out of a version's entries; the owner's entry stays. */
static void drop_entries(struct splitio_store_server *s,
                         struct store_version *ver, splitio_domid_t id)
{
    /* The value follows the entries, so their number in memory is kept. */
    for (uint32_t i = 1; i < ver->nr_perms; i++) {
        if (ver->perms[i].domid != id)
            continue;
        ver->perms[i].domid = 0;
        ver->perms[i].access = SPLITIO_XS_PERM_NONE;
        ver->gen = ++s->gen;
    }
}

/* The root and special nodes cannot be removed: they change hands. */
static void disown(struct splitio_store_server *s, struct store_node *node,
                   splitio_domid_t id)
{
    struct store_version *ver = node->ver;

    drop_entries(s, ver, id);
    if (ver->owner->id != id)
        return;
    ver->owner->nodes--;
    ver->owner->memory_bytes -= ver->charged_bytes;
    ver->owner->refs--;
    ver->owner = s->dom0;
    ver->perms[0].domid = 0;
    ver->owner->nodes++;
    ver->owner->memory_bytes += ver->charged_bytes;
    ver->owner->refs++;
    ver->gen = ++s->gen;
}

static void remove_nodes(struct splitio_store_server *s, splitio_domid_t id)
{
    struct store_node *at = splitio_xsd_node_next(s->root, s->root), *next;

    disown(s, s->root, id);
    for (; at; at = next) {
        if (at->ver->owner->id != id) {
            drop_entries(s, at->ver, id);
            next = splitio_xsd_node_next(s->root, at);
            continue;
        }
        next = splitio_xsd_node_skip(s->root, at);
        splitio_xsd_node_path(at, s->path);
        splitio_xsd_watch_fire_removal(s, at, s->path);
        splitio_xsd_tree_remove(s, at);
    }
    for (at = splitio_xsd_node_next(s->special, s->special); at;
         at = splitio_xsd_node_next(s->special, at))
        disown(s, at, id);
}

/* Whether a transaction would bring the domain back into permissions. */
static bool names_domain(const struct store_tx *tx, splitio_domid_t id)
{
    struct splitio_store_link *at;

    for (at = tx->all.next; at != &tx->all; at = at->next) {
        const struct store_version *ver =
            SPLITIO_CONTAINER_OF(at, struct store_txnode, all)->node.ver;

        for (uint32_t i = 0; ver && i < ver->nr_perms; i++) {
            if (ver->perms[i].domid == id)
                return true;
        }
    }
    return false;
}

static void doom_transactions(struct splitio_store_server *s,
                              splitio_domid_t id)
{
    struct splitio_store_link *conn, *at;

    for (conn = s->conns.next; conn != &s->conns; conn = conn->next) {
        struct splitio_store_conn *c =
            SPLITIO_CONTAINER_OF(conn, struct splitio_store_conn, of_server);

        for (at = c->transactions.next; at != &c->transactions; at = at->next) {
            struct store_tx *tx =
                SPLITIO_CONTAINER_OF(at, struct store_tx, of_conn);

            if (names_domain(tx, id))
                splitio_xsd_tx_doom(tx);
        }
    }
}

static void drop_targets(struct splitio_store_server *s, splitio_domid_t id)
{
    for (unsigned i = 0; i < DOMAIN_BUCKETS; i++) {
        struct splitio_store_link *at = s->domains[i].next, *next;

        for (; at != &s->domains[i]; at = next) {
            struct splitio_store_domain *d =
                SPLITIO_CONTAINER_OF(at, struct splitio_store_domain, link);

            next = at->next;
            if (!d->has_target || (d->id != id && d->target != id))
                continue;
            d->has_target = false;
            splitio_xsd_domain_tidy(s, d);
        }
    }
}

static void close_conns(struct splitio_store_domain *d)
{
    while (!list_is_empty(&d->conns))
        splitio_xsd_conn_shut(SPLITIO_CONTAINER_OF(d->conns.next,
                                                   struct splitio_store_conn,
                                                   of_domain),
                              SPLITIO_ECLOSED);
}

/* Events that the domain caused go on, but count for nobody. */
static void drop_cause(struct splitio_store_server *s,
                       struct splitio_store_domain *d)
{
    struct splitio_store_link *conn, *at;

    for (conn = s->conns.next; conn != &s->conns; conn = conn->next) {
        struct splitio_store_conn *c =
            SPLITIO_CONTAINER_OF(conn, struct splitio_store_conn, of_server);

        for (at = c->events.next; at != &c->events; at = at->next)
            splitio_xsd_event_clear_cause(
                s, SPLITIO_CONTAINER_OF(at, struct store_event, of_conn), d);
    }
}

void splitio_xsd_domain_release(struct splitio_store_server *s,
                                splitio_domid_t id)
{
    struct splitio_store_domain *d = splitio_xsd_domain_find(s, id);

    if (d) {
        domain_ref(d);
        close_conns(d);
        drop_cause(s, d);
    }
    doom_transactions(s, id);
    remove_nodes(s, id);
    drop_targets(s, id);
    if (d) {
        d->introduced = false;
        d->configured = false;
        domain_unref(s, d);
    }
    fire_special(s, SPLITIO_XS_RELEASE_DOMAIN, id);
}
