/* SPDX-License-Identifier: BSD-2-Clause */
/* Store server: nodes and the tree of them. All walks are loops. */
#include "server_int.h"

bool splitio_xsd_path_next(const char **path, const char **name,
                           uint32_t *name_bytes)
{
    const char *at = *path;

    if (*at == '/')
        at++;
    if (*at == '\0')
        return false;
    *name = at;
    while (*at != '\0' && *at != '/')
        at++;
    *name_bytes = (uint32_t)(at - *name);
    *path = at;
    return true;
}

struct store_node *splitio_xsd_node_new(struct splitio_store_server *s,
                                        size_t struct_bytes, const char *name,
                                        uint32_t name_bytes)
{
    struct store_node *node =
        splitio_xsd_alloc_get(&s->alloc, struct_bytes + name_bytes);

    if (!node)
        return NULL;
    __builtin_memset(node, 0, struct_bytes);
    node->name = (char *)node + struct_bytes;
    node->name_bytes = (uint16_t)name_bytes;
    __builtin_memcpy(node->name, name, name_bytes);
    list_init(&node->siblings);
    list_init(&node->children);
    return node;
}

static uint32_t hash_name(const struct splitio_store_server *s,
                          const struct store_node *parent, const char *name,
                          uint32_t name_bytes)
{
    uint64_t h = s->config.hash_seed ^ (uint64_t)(uintptr_t)parent;

    for (uint32_t i = 0; i < name_bytes; i++)
        h = (h ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3);
    h *= UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(h >> 32);
}

struct store_node *splitio_xsd_node_child(const struct splitio_store_server *s,
                                          const struct store_node *parent,
                                          const char *name, uint32_t name_bytes)
{
    uint32_t hash = hash_name(s, parent, name, name_bytes);
    struct store_hlink *at;

    for (at = table_first(&s->nodes, hash); at; at = at->next) {
        struct store_node *node =
            SPLITIO_CONTAINER_OF(at, struct store_node, by_name);

        if (at->hash == hash && node->parent == parent &&
            node->name_bytes == name_bytes &&
            __builtin_memcmp(node->name, name, name_bytes) == 0)
            return node;
    }
    return NULL;
}

void splitio_xsd_node_link(struct splitio_store_server *s,
                           struct store_node *parent, struct store_node *node)
{
    node->parent = parent;
    list_append(&parent->children, &node->siblings);
    table_add(&s->nodes, &node->by_name,
              hash_name(s, parent, node->name, node->name_bytes));
}

void splitio_xsd_node_unlink(struct splitio_store_server *s,
                             struct store_node *node)
{
    list_remove(&node->siblings);
    table_remove(&s->nodes, &node->by_name);
    node->parent = NULL;
}

static struct store_node *node_of(struct splitio_store_link *siblings)
{
    return SPLITIO_CONTAINER_OF(siblings, struct store_node, siblings);
}

struct store_node *splitio_xsd_node_skip(const struct store_node *top,
                                         const struct store_node *at)
{
    while (at != top) {
        if (at->siblings.next != &at->parent->children)
            return node_of(at->siblings.next);
        at = at->parent;
    }
    return NULL;
}

struct store_node *splitio_xsd_node_next(const struct store_node *top,
                                         const struct store_node *at)
{
    if (!list_is_empty(&at->children))
        return node_of(at->children.next);
    return splitio_xsd_node_skip(top, at);
}

struct store_node *splitio_xsd_tree_find(const struct splitio_store_server *s,
                                         const char *path)
{
    struct store_node *at = s->root;
    const char *name;
    uint32_t name_bytes;

    if (path[0] == '@')
        return splitio_xsd_node_child(s, s->special, path,
                                      (uint32_t)splitio_xs_strlen(path));
    while (at && splitio_xsd_path_next(&path, &name, &name_bytes))
        at = splitio_xsd_node_child(s, at, name, name_bytes);
    return at;
}

static void count(struct splitio_store_server *s, struct store_version *ver)
{
    ver->owner->nodes++;
    s->nr_nodes++;
}

static void uncount(struct splitio_store_server *s, struct store_version *ver)
{
    ver->owner->nodes--;
    s->nr_nodes--;
}

void splitio_xsd_tree_add(struct splitio_store_server *s,
                          struct store_node *parent, struct store_node *node,
                          struct store_version *ver)
{
    node->ver = ver;
    count(s, ver);
    if (!parent)
        return;
    splitio_xsd_node_link(s, parent, node);
    parent->child_gen = ++s->gen;
}

void splitio_xsd_tree_set(struct splitio_store_server *s,
                          struct store_node *node, struct store_version *ver)
{
    count(s, ver);
    uncount(s, node->ver);
    splitio_xsd_version_free(s, node->ver);
    node->ver = ver;
}

void splitio_xsd_tree_remove(struct splitio_store_server *s,
                             struct store_node *node)
{
    struct store_node *at = node, *parent = node->parent;

    parent->child_gen = ++s->gen;
    while (at != parent) {
        struct store_node *up = at->parent;

        if (!list_is_empty(&at->children)) {
            at = node_of(at->children.next);
            continue;
        }
        splitio_xsd_node_unlink(s, at);
        uncount(s, at->ver);
        splitio_xsd_version_free(s, at->ver);
        splitio_xsd_alloc_put(&s->alloc, at);
        at = at == node ? parent : up;
    }
}

uint32_t splitio_xsd_node_path(const struct store_node *node, char *buf)
{
    const struct store_node *at;
    uint32_t len = 0, end;

    for (at = node; at->parent; at = at->parent)
        len += at->name_bytes + 1u;
    if (len == 0) {
        buf[0] = '/';
        buf[1] = '\0';
        return 1;
    }
    buf[len] = '\0';
    end = len;
    for (at = node; at->parent; at = at->parent) {
        end -= at->name_bytes;
        __builtin_memcpy(buf + end, at->name, at->name_bytes);
        buf[--end] = '/';
    }
    return len;
}
