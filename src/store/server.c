/* SPDX-License-Identifier: BSD-2-Clause */
/* Store server: its life, and the embedder's access as domain 0. */
#include "server_int.h"

static void set_quota(uint32_t *value, uint32_t fallback)
{
    if (*value == 0)
        *value = fallback;
}

static void set_defaults(struct splitio_store_quota *q)
{
    set_quota(&q->nodes, 1000);
    set_quota(&q->watches, 128);
    set_quota(&q->outstanding, 20);
    set_quota(&q->transactions, 10);
    set_quota(&q->tx_nodes, 1024);
    set_quota(&q->node_bytes, 2048);
    set_quota(&q->perms, 5);
    set_quota(&q->events, 256);
    set_quota(&q->memory_bytes, 2621440);
}

static int make_table(struct splitio_store_server *s, struct store_table *t,
                      size_t buckets)
{
    uint32_t n = splitio_round_down_pow2((uint32_t)buckets);

    t->heads = splitio_xsd_alloc_get(&s->alloc, n * sizeof(*t->heads));
    if (!t->heads)
        return SPLITIO_ENOMEM;
    __builtin_memset(t->heads, 0, n * sizeof(*t->heads));
    t->mask = n - 1;
    return 0;
}

/* About a bucket for each node of common size that the arena can hold. */
static int make_tables(struct splitio_store_server *s, size_t len_bytes)
{
    size_t n = len_bytes / 512;

    if (n > 1u << 20)
        n = 1u << 20;
    if (make_table(s, &s->nodes, n) < 0 || make_table(s, &s->watches, n / 8) ||
        make_table(s, &s->events, n / 8))
        return SPLITIO_ENOMEM;
    return 0;
}

static struct store_node *make_node(struct splitio_store_server *s,
                                    struct store_node *parent, const char *name)
{
    const struct splitio_xs_perm perm = {0, SPLITIO_XS_PERM_NONE};
    uint32_t name_bytes = (uint32_t)splitio_xs_strlen(name);
    struct store_value none = {NULL, 0};
    struct store_version *ver;
    struct store_node *node =
        splitio_xsd_node_new(s, sizeof(struct store_node), name, name_bytes);

    if (!node || splitio_xsd_version_new(s, &ver, s->dom0, &perm, 1, none,
                                         name_bytes) < 0)
        return NULL;
    splitio_xsd_tree_add(s, parent, node, ver);
    return node;
}

static int make_roots(struct splitio_store_server *s)
{
    s->dom0 = splitio_xsd_domain_get(s, 0);
    if (!s->dom0)
        return SPLITIO_ENOMEM;
    domain_ref(s->dom0);
    s->root = make_node(s, NULL, "");
    s->special = splitio_xsd_node_new(s, sizeof(struct store_node), "", 0);
    if (!s->root || !s->special ||
        !make_node(s, s->special, SPLITIO_XS_INTRODUCE_DOMAIN) ||
        !make_node(s, s->special, SPLITIO_XS_RELEASE_DOMAIN))
        return SPLITIO_ENOMEM;
    return 0;
}

int splitio_store_server_init(struct splitio_store_server **server, void *mem,
                              size_t len_bytes,
                              const struct splitio_store_server_config *config)
{
    uintptr_t at = ((uintptr_t)mem + STORE_ALLOC_ALIGN - 1) &
                   ~(uintptr_t)(STORE_ALLOC_ALIGN - 1);
    struct splitio_store_server *s = (struct splitio_store_server *)at;
    size_t own =
        (sizeof(*s) + STORE_ALLOC_ALIGN - 1) & ~(size_t)(STORE_ALLOC_ALIGN - 1);

    if (!mem)
        return SPLITIO_EINVAL;
    if (len_bytes < SPLITIO_STORE_SERVER_BYTES_MIN)
        return SPLITIO_ENOMEM;
    len_bytes -= at - (uintptr_t)mem;
    __builtin_memset(s, 0, sizeof(*s));
    if (config)
        s->config = *config;
    set_defaults(&s->config.quota);
    splitio_xsd_alloc_init(&s->alloc, (uint8_t *)s + own, len_bytes - own);
    for (unsigned i = 0; i < DOMAIN_BUCKETS; i++)
        list_init(&s->domains[i]);
    list_init(&s->conns);
    list_init(&s->ready);
    if (make_tables(s, len_bytes) < 0 || make_roots(s) < 0)
        return SPLITIO_ENOMEM;
    *server = s;
    return 0;
}

void splitio_store_server_fini(struct splitio_store_server *server)
{
    while (!list_is_empty(&server->conns))
        splitio_xsd_conn_shut(SPLITIO_CONTAINER_OF(server->conns.next,
                                                   struct splitio_store_conn,
                                                   of_server),
                              SPLITIO_ECLOSED);
}

void splitio_store_server_stats(const struct splitio_store_server *server,
                                struct splitio_store_stats *stats)
{
    __builtin_memset(stats, 0, sizeof(*stats));
    stats->nodes = server->nr_nodes;
    stats->watches = server->nr_watches;
    stats->transactions = server->nr_transactions;
    stats->outstanding = server->nr_events;
    stats->conns = server->nr_conns;
    stats->memory_bytes = server->alloc.used_bytes;
}

void splitio_store_server_domain_stats(
    const struct splitio_store_server *server, splitio_domid_t domid,
    struct splitio_store_stats *stats)
{
    const struct splitio_store_domain *d =
        splitio_xsd_domain_find(server, domid);

    __builtin_memset(stats, 0, sizeof(*stats));
    if (!d)
        return;
    stats->nodes = d->nodes;
    stats->watches = d->watches;
    stats->transactions = d->transactions;
    stats->outstanding = d->outstanding;
    stats->conns = d->nr_conns;
    stats->memory_bytes = d->memory_bytes;
}

/* --- as domain 0 ------------------------------------------------------- */

static int begin(struct splitio_store_server *server, const char *path,
                 unsigned flags, struct store_view *v)
{
    v->s = server;
    v->tx = NULL;
    v->who = server->dom0;
    return splitio_xs_path_check(path, splitio_xs_strlen(path), flags);
}

int splitio_store_server_write(struct splitio_store_server *server,
                               const char *path, const void *value,
                               size_t len_bytes)
{
    struct store_value v = {value, len_bytes};
    struct store_view view;
    int err = begin(server, path, 0, &view);

    if (len_bytes > SPLITIO_XS_PAYLOAD_MAX)
        return SPLITIO_E2BIG;
    return err < 0 ? err : splitio_xsd_node_op_write(&view, path, v);
}

int splitio_store_server_write_text(struct splitio_store_server *server,
                                    const char *path, const char *text)
{
    return splitio_store_server_write(server, path, text,
                                      splitio_xs_strlen(text));
}

int splitio_store_server_read(struct splitio_store_server *server,
                              const char *path, const void **value,
                              size_t *len_bytes)
{
    struct store_value v;
    struct store_look look;
    struct store_view view;
    int err = begin(server, path, 0, &view);

    if (err == 0)
        err = splitio_xsd_node_op_get(&view, path, SPLITIO_XS_PERM_READ, &look);
    if (err < 0)
        return err;
    v = splitio_xsd_version_value(look.ver);
    *value = v.bytes;
    *len_bytes = v.len_bytes;
    return 0;
}

int splitio_store_server_mkdir(struct splitio_store_server *server,
                               const char *path)
{
    struct store_view view;
    int err = begin(server, path, 0, &view);

    return err < 0 ? err : splitio_xsd_node_op_mkdir(&view, path);
}

int splitio_store_server_rm(struct splitio_store_server *server,
                            const char *path)
{
    struct store_view view;
    int err = begin(server, path, 0, &view);

    return err < 0 ? err : splitio_xsd_node_op_rm(&view, path);
}

static int is_child(void *ctx, const char *name, uint32_t name_bytes)
{
    (void)ctx;
    (void)name;
    (void)name_bytes;
    return SPLITIO_EBUSY;
}

int splitio_store_server_rm_empty(struct splitio_store_server *server,
                                  const char *path)
{
    struct store_view view;
    struct store_look look;
    int err = begin(server, path, 0, &view);

    if (err == 0)
        err =
            splitio_xsd_node_op_get(&view, path, SPLITIO_XS_PERM_WRITE, &look);
    if (err == 0)
        err = splitio_xsd_view_list(&view, &look, is_child, NULL);
    if (err == 0)
        splitio_xsd_view_remove(&view, &look, path);
    return err;
}

int splitio_store_server_set_perms(struct splitio_store_server *server,
                                   const char *path,
                                   const struct splitio_xs_perm *perms,
                                   unsigned nr_perms)
{
    struct store_view view;
    int err = begin(server, path, SPLITIO_XS_PATH_SPECIAL, &view);

    if (nr_perms == 0)
        return SPLITIO_EINVAL;
    if (nr_perms > PERMS_MAX)
        return SPLITIO_E2BIG;
    return err < 0
               ? err
               : splitio_xsd_node_op_set_perms(&view, path, perms, nr_perms);
}

int splitio_store_server_introduce(struct splitio_store_server *server,
                                   splitio_domid_t domid)
{
    if (domid == 0 || domid >= SPLITIO_DOMID_FIRST_RESERVED)
        return SPLITIO_EINVAL;
    return splitio_xsd_domain_introduce(server, domid);
}

void splitio_store_server_domain_gone(struct splitio_store_server *server,
                                      splitio_domid_t domid)
{
    if (domid != 0 && domid < SPLITIO_DOMID_FIRST_RESERVED)
        splitio_xsd_domain_release(server, domid);
}
