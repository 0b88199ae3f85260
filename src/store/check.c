/* SPDX-License-Identifier: BSD-2-Clause */
/* Store server: the validity check, which counts everything anew. */
#include "server_int.h"

/* Calls fn for every account. */
static bool each_domain(struct splitio_store_server *s,
                        bool (*fn)(struct splitio_store_domain *d))
{
    for (unsigned i = 0; i < DOMAIN_BUCKETS; i++) {
        struct splitio_store_link *at;

        for (at = s->domains[i].next; at != &s->domains[i]; at = at->next) {
            if (!fn(SPLITIO_CONTAINER_OF(at, struct splitio_store_domain,
                                         link)))
                return false;
        }
    }
    return true;
}

static bool clear(struct splitio_store_domain *d)
{
    d->recount = 0;
    return true;
}

static bool nodes_agree(struct splitio_store_domain *d)
{
    return d->recount == d->nodes;
}

static bool watches_agree(struct splitio_store_domain *d)
{
    return d->recount == d->watches;
}

static bool transactions_agree(struct splitio_store_domain *d)
{
    return d->recount == d->transactions;
}

static bool outstanding_agree(struct splitio_store_domain *d)
{
    return d->recount == d->outstanding;
}

static bool check_node(const struct splitio_store_server *s,
                       struct store_node *node)
{
    if (!node->ver || node->ver->owner->id != node->ver->perms[0].domid ||
        node->ver->nr_perms == 0 || node->ver->nr_perms > PERMS_MAX)
        return false;
    node->ver->owner->recount++;
    return !node->parent || splitio_xsd_node_child(s, node->parent, node->name,
                                                   node->name_bytes) == node;
}

static bool check_nodes(struct splitio_store_server *s)
{
    struct store_node *at;
    uint32_t n = 0;

    each_domain(s, clear);
    for (at = s->root; at; at = splitio_xsd_node_next(s->root, at), n++) {
        if (!check_node(s, at))
            return false;
    }
    for (at = splitio_xsd_node_next(s->special, s->special); at;
         at = splitio_xsd_node_next(s->special, at), n++) {
        if (!check_node(s, at))
            return false;
    }
    return n == s->nr_nodes && each_domain(s, nodes_agree);
}

static uint32_t length(const struct splitio_store_link *head)
{
    uint32_t n = 0;

    for (const struct splitio_store_link *at = head->next; at != head;
         at = at->next)
        n++;
    return n;
}

static struct splitio_store_conn *conn_of(struct splitio_store_link *link)
{
    return SPLITIO_CONTAINER_OF(link, struct splitio_store_conn, of_server);
}

/* Counts one of the connections' lists, per domain and in all. */
static bool check_lists(struct splitio_store_server *s, size_t list_offset,
                        uint32_t total,
                        bool (*agree)(struct splitio_store_domain *d))
{
    uint32_t n = 0;

    each_domain(s, clear);
    for (struct splitio_store_link *at = s->conns.next; at != &s->conns;
         at = at->next) {
        struct splitio_store_conn *conn = conn_of(at);
        uint32_t len = length((const struct splitio_store_link *)((
            const void *)((const char *)conn + list_offset)));

        conn->domain->recount += len;
        n += len;
    }
    return n == total && (!agree || each_domain(s, agree));
}

static bool check_causes(struct splitio_store_server *s)
{
    each_domain(s, clear);
    for (struct splitio_store_link *at = s->conns.next; at != &s->conns;
         at = at->next) {
        struct splitio_store_link *head = &conn_of(at)->events;

        for (struct splitio_store_link *e = head->next; e != head;
             e = e->next) {
            struct splitio_store_domain *cause =
                SPLITIO_CONTAINER_OF(e, struct store_event, of_conn)->cause;

            if (cause)
                cause->recount++;
        }
    }
    return each_domain(s, outstanding_agree);
}

bool splitio_store_server_is_valid(struct splitio_store_server *server)
{
    struct splitio_store_server *s = server;

    for (struct splitio_store_link *at = s->conns.next; at != &s->conns;
         at = at->next) {
        if (!splitio_store_conn_is_valid(conn_of(at)))
            return false;
    }
    return splitio_xsd_alloc_is_valid(&s->alloc) && check_nodes(s) &&
           check_lists(s, offsetof(struct splitio_store_conn, watches),
                       s->nr_watches, watches_agree) &&
           check_lists(s, offsetof(struct splitio_store_conn, transactions),
                       s->nr_transactions, transactions_agree) &&
           check_lists(s, offsetof(struct splitio_store_conn, events),
                       s->nr_events, NULL) &&
           check_causes(s);
}
