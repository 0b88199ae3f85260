/* SPDX-License-Identifier: BSD-2-Clause */
/* Circular lists and hash chains of the store server. */
#ifndef SPLITIO_STORE_LIST_H
#define SPLITIO_STORE_LIST_H

#include <splitio/store_server.h>

static inline void list_init(struct splitio_store_link *head)
{
    head->prev = head->next = head;
}

static inline bool list_is_empty(const struct splitio_store_link *head)
{
    return head->next == head;
}

static inline void list_append(struct splitio_store_link *head,
                               struct splitio_store_link *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

/* The link is an empty list afterwards, so it may be removed again. */
static inline void list_remove(struct splitio_store_link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* A link of a hash chain. */
struct store_hlink {
    struct store_hlink *next;
    uint32_t hash;
};

struct store_table {
    struct store_hlink **heads;
    uint32_t mask;
};

static inline struct store_hlink *table_first(const struct store_table *t,
                                              uint32_t hash)
{
    return t->heads[hash & t->mask];
}

static inline void table_add(struct store_table *t, struct store_hlink *link,
                             uint32_t hash)
{
    link->hash = hash;
    link->next = t->heads[hash & t->mask];
    t->heads[hash & t->mask] = link;
}

static inline void table_remove(struct store_table *t, struct store_hlink *link)
{
    struct store_hlink **at = &t->heads[link->hash & t->mask];

    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
}

#endif
