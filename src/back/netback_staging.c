/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages of the front that stay mapped, so that no copy needs the hypervisor.
 * Frames are copied from and to them at once: none is in use between messages. */
#include "netback_ctrl.h"

/* Mappings that are made or undone by one call of the host port. */
#define BATCH_MAPS 32u
#define NONE       UINT16_MAX

static uint16_t *bucket_of(struct staged_table *t, splitio_gref_t gref)
{
    return &t->buckets[(gref * 2654435769u) >> 24];
}

SPLITIO_STATIC_ASSERT(STAGED_BUCKETS == 256, "the 8 highest bits pick one");

void splitio_netback_staged_init(struct staged_table *t, uint32_t size)
{
    uint32_t i;

    __builtin_memset(t->buckets, 0xff, sizeof(t->buckets));
    for (i = 0; i < size; i++)
        t->pages[i].next = (uint16_t)(i + 1 < size ? i + 1 : NONE);
    t->free = size != 0 ? 0 : NONE;
    t->size = size;
    t->nr = 0;
}

static struct staged_page *find(struct staged_table *t, splitio_gref_t gref)
{
    uint16_t i = *bucket_of(t, gref);

    while (i != NONE && t->pages[i].gref != gref)
        i = t->pages[i].next;
    return i != NONE ? &t->pages[i] : NULL;
}

uint8_t *splitio_netback_staged_find(struct splitio_netback_queue *q,
                                     splitio_gref_t gref, bool write)
{
    struct staged_page *p = find(q->staged, gref);

    return p && !(write && p->read_only) ? p->va : NULL;
}

/* An entry without a page yet; there is one. */
static void insert(struct staged_table *t, splitio_gref_t gref, bool read_only)
{
    uint16_t *bucket = bucket_of(t, gref), i = t->free;
    struct staged_page *p = &t->pages[i];

    t->free = p->next;
    p->gref = gref;
    p->va = NULL;
    p->read_only = read_only;
    p->next = *bucket;
    *bucket = i;
    t->nr++;
}

static void erase(struct staged_table *t, splitio_gref_t gref)
{
    uint16_t *at = bucket_of(t, gref), i;

    while (t->pages[*at].gref != gref)
        at = &t->pages[*at].next;
    i = *at;
    *at = t->pages[i].next;
    t->pages[i].next = t->free;
    t->free = i;
    t->nr--;
}

/* Takes entries out that are there, each once. How many were unmapped; the
 * status of each is written into the list. */
static uint32_t remove_list(struct splitio_netback_queue *q,
                            struct splitio_netif_gref *list, uint32_t nr)
{
    const struct splitio_host_port *host = &q->dev->config.port;
    struct splitio_grant_unmap ops[BATCH_MAPS];
    struct splitio_netif_gref *of[BATCH_MAPS];
    uint32_t i, j, nr_ops = 0, done = 0;

    for (i = 0; i < nr; i++) {
        struct staged_page *p = find(q->staged, list[i].gref);

        list[i].status = SPLITIO_NETIF_CTRL_INVALID_PARAMETER;
        if (p && p->va) {
            of[nr_ops] = &list[i];
            ops[nr_ops].status = SPLITIO_GNTST_GENERAL_ERROR;
            ops[nr_ops++].handle = p->handle;
        }
        if (p)
            erase(q->staged, list[i].gref);
        if (nr_ops < BATCH_MAPS && i + 1 < nr)
            continue;
        if (nr_ops != 0)
            host->ops->unmap(host->ctx, ops, nr_ops);
        for (j = 0; j < nr_ops; j++) {
            if (ops[j].status != SPLITIO_GNTST_OKAY)
                continue;
            of[j]->status = SPLITIO_NETIF_CTRL_SUCCESS;
            done++;
        }
        nr_ops = 0;
    }
    return done;
}

/* Enters a list; how many of it, from its start, are in the table now. */
static uint32_t insert_list(struct staged_table *t,
                            const struct splitio_netif_gref *list, uint32_t nr)
{
    uint32_t i;

    for (i = 0; i < nr; i++) {
        if ((list[i].flags & ~SPLITIO_NETIF_GREF_READONLY) ||
            find(t, list[i].gref))
            break;
        insert(t, list[i].gref,
               (list[i].flags & SPLITIO_NETIF_GREF_READONLY) != 0);
    }
    return i;
}

/* Maps what has been entered, up to the first that cannot be. */
static bool map_list(struct splitio_netback_queue *q,
                     const struct splitio_netif_gref *list, uint32_t nr)
{
    const struct splitio_host_port *host = &q->dev->config.port;
    struct splitio_grant_map ops[BATCH_MAPS];
    uint32_t i, j, n;
    bool ok = true;

    for (i = 0; i < nr && ok; i += n) {
        n = nr - i < BATCH_MAPS ? nr - i : BATCH_MAPS;
        __builtin_memset(ops, 0, sizeof(ops));
        for (j = 0; j < n; j++) {
            ops[j].domid = q->dev->peer;
            ops[j].gref = list[i + j].gref;
            ops[j].read_only =
                (list[i + j].flags & SPLITIO_NETIF_GREF_READONLY) != 0;
            ops[j].status = SPLITIO_GNTST_GENERAL_ERROR;
        }
        host->ops->map(host->ctx, ops, n);
        for (j = 0; j < n; j++) {
            struct staged_page *p = find(q->staged, ops[j].gref);

            if (ops[j].status != SPLITIO_GNTST_OKAY) {
                ok = false;
                continue;
            }
            p->va = ops[j].va;
            p->handle = ops[j].handle;
        }
    }
    return ok;
}

/* The queue that a message names, if it can stage pages. */
static struct splitio_netback_queue *queue_of(struct splitio_netback *dev,
                                              uint32_t i, uint32_t *status)
{
    *status = SPLITIO_NETIF_CTRL_INVALID_PARAMETER;
    if (i >= dev->nr_queues)
        return NULL;
    *status = SPLITIO_NETIF_CTRL_NOT_SUPPORTED;
    return dev->config.staged_pages != 0 ? dev->queues[i] : NULL;
}

/* A private copy of the list that a message points at; NULL: it has none. */
static struct splitio_netif_gref *read_list(struct splitio_netback *dev,
                                            const uint32_t data[3])
{
    struct splitio_netif_gref *list = (void *)dev->ctrl->page;
    uint32_t i;

    if (data[2] == 0 || data[2] > SPLITIO_NETIF_GREF_LIST_MAX ||
        !splitio_netback_ctrl_read(dev, data[1], list,
                                   data[2] * (uint32_t)sizeof(*list)))
        return NULL;
    for (i = 0; i < data[2]; i++)
        splitio_netif_gref_swap(&list[i]);
    return list;
}

static bool write_list(struct splitio_netback *dev, const uint32_t data[3])
{
    struct splitio_netif_gref *list = (void *)dev->ctrl->page;
    uint32_t i;
    bool ok;

    for (i = 0; i < data[2]; i++)
        splitio_netif_gref_swap(&list[i]);
    ok = splitio_netback_ctrl_write(dev, data[1], list,
                                    data[2] * (uint32_t)sizeof(*list));
    for (i = 0; i < data[2]; i++)
        splitio_netif_gref_swap(&list[i]);
    return ok;
}

uint32_t splitio_netback_get_staged_size(struct splitio_netback *dev,
                                         const uint32_t data[3],
                                         uint32_t *result)
{
    if (data[0] >= dev->nr_queues)
        return SPLITIO_NETIF_CTRL_INVALID_PARAMETER;
    *result = dev->config.staged_pages;
    return SPLITIO_NETIF_CTRL_SUCCESS;
}

uint32_t splitio_netback_add_staged(struct splitio_netback *dev,
                                    const uint32_t data[3], uint32_t *result)
{
    struct splitio_netif_gref *list;
    struct splitio_netback_queue *q;
    uint32_t status, nr;

    (void)result;
    q = queue_of(dev, data[0], &status);
    if (!q)
        return status;
    list = read_list(dev, data);
    if (!list || data[2] > q->staged->size - q->staged->nr)
        return SPLITIO_NETIF_CTRL_INVALID_PARAMETER;
    nr = insert_list(q->staged, list, data[2]);
    if (nr == data[2] && map_list(q, list, nr))
        return SPLITIO_NETIF_CTRL_SUCCESS;
    remove_list(q, list, nr);
    return SPLITIO_NETIF_CTRL_INVALID_PARAMETER;
}

uint32_t splitio_netback_del_staged(struct splitio_netback *dev,
                                    const uint32_t data[3], uint32_t *result)
{
    struct splitio_netif_gref *list;
    struct splitio_netback_queue *q;
    uint32_t status;

    q = queue_of(dev, data[0], &status);
    if (!q)
        return status;
    list = read_list(dev, data);
    /* Where nothing can be said about it, nothing is done. */
    if (!list || !write_list(dev, data))
        return SPLITIO_NETIF_CTRL_INVALID_PARAMETER;
    *result = remove_list(q, list, data[2]);
    return write_list(dev, data) ? SPLITIO_NETIF_CTRL_SUCCESS
                                 : SPLITIO_NETIF_CTRL_INVALID_PARAMETER;
}

uint32_t splitio_netback_staged_list(const struct splitio_netback_queue *q,
                                     struct splitio_netif_gref *list)
{
    const struct staged_table *t = q->staged;
    uint32_t i, nr = 0;

    for (i = 0; i < STAGED_BUCKETS; i++) {
        uint16_t at = t->buckets[i];

        for (; at != NONE; at = t->pages[at].next, nr++) {
            list[nr].gref = t->pages[at].gref;
            list[nr].flags =
                t->pages[at].read_only ? SPLITIO_NETIF_GREF_READONLY : 0;
        }
    }
    return nr;
}

bool splitio_netback_staged_again(struct splitio_netback_queue *q,
                                  const struct splitio_netif_gref *list,
                                  uint32_t nr)
{
    return nr <= q->staged->size - q->staged->nr &&
           insert_list(q->staged, list, nr) == nr && map_list(q, list, nr);
}

void splitio_netback_staged_drop(struct splitio_netback_queue *q)
{
    struct splitio_netif_gref *list = (void *)q->dev->ctrl->page;

    remove_list(q, list, splitio_netback_staged_list(q, list));
}
