/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages of the front that stay mapped (persistent grants). The one to go when
 * there is no room is the one used least recently: the front uses the pages
 * first that it used last, so what is old here is what it needs least. */
#include "blkback_impl.h"

static uint32_t *bucket_of(struct keep *k, splitio_gref_t gref)
{
    /* References of one front are mostly neighbours: they spread well. */
    return &k->buckets[gref & k->bucket_mask];
}

void splitio_blkback_keep_init(struct keep *k, uint32_t nr)
{
    k->nr_pages = nr;
    k->newest = k->oldest = NONE;
    k->free = NONE;
    k->nr_used = 0;
    for (uint32_t i = 0; nr && i <= k->bucket_mask; i++)
        k->buckets[i] = NONE;
}

/* ---- idle pages, in the order of last use ---- */

static void take_from_idle(struct keep *k, uint32_t i)
{
    uint32_t newer = k->pages[i].newer, older = k->pages[i].older;

    if (newer != NONE)
        k->pages[newer].older = older;
    else
        k->newest = older;
    if (older != NONE)
        k->pages[older].newer = newer;
    else
        k->oldest = newer;
}

/* One user less. What nobody uses any more is the newest of the idle. */
void splitio_blkback_keep_release(struct keep *k, uint32_t i)
{
    if (--k->pages[i].users != 0)
        return;
    k->pages[i].newer = NONE;
    k->pages[i].older = k->newest;
    if (k->newest != NONE)
        k->pages[k->newest].newer = i;
    else
        k->oldest = i;
    k->newest = i;
}

/* ---- all pages, by reference ---- */

/* The entry of a page that is kept, for one more user; NONE if there is none
 * or it cannot have more. */
uint32_t splitio_blkback_keep_find(struct keep *k, splitio_gref_t gref)
{
    uint32_t i;

    for (i = *bucket_of(k, gref); i != NONE; i = k->pages[i].next)
        if (k->pages[i].gref == gref)
            break;
    if (i == NONE || k->pages[i].users == UINT16_MAX)
        return NONE;
    if (k->pages[i].users++ == 0)
        take_from_idle(k, i);
    return i;
}

static void unlink_page(struct keep *k, uint32_t i)
{
    uint32_t *at = bucket_of(k, k->pages[i].gref);

    while (*at != i)
        at = &k->pages[*at].next;
    *at = k->pages[i].next;
}

static void drop(struct splitio_blkback_queue *q, uint32_t i)
{
    struct keep *k = &q->keep;

    take_from_idle(k, i);
    unlink_page(k, i);
    splitio_blkback_unmap_later(q, k->pages[i].handle);
    k->pages[i].gref = SPLITIO_GREF_NONE;
    k->pages[i].next = k->free;
    k->free = i;
    q->dev->stats.nr_kept--;
}

/* NONE: there is none. */
static uint32_t take_free(struct keep *k)
{
    uint32_t i = k->free;

    if (i != NONE)
        k->free = k->pages[i].next;
    else if (k->nr_used < k->nr_pages)
        i = k->nr_used++;
    return i;
}

/* Keep a page that has just been mapped, for one user. NONE: no room. */
uint32_t splitio_blkback_keep_insert(struct splitio_blkback_queue *q,
                                     const struct splitio_grant_map *map)
{
    struct keep *k = &q->keep;
    uint32_t *bucket = bucket_of(k, map->gref);
    uint32_t i;

    if (map->gref == SPLITIO_GREF_NONE)
        return NONE;
    /* A request may name a page twice: the second mapping is not kept. */
    for (i = *bucket; i != NONE; i = k->pages[i].next)
        if (k->pages[i].gref == map->gref)
            return NONE;
    if (k->free == NONE && k->nr_used == k->nr_pages && k->oldest != NONE) {
        drop(q, k->oldest);
        q->dev->stats.nr_evicted++;
    }
    i = take_free(k);
    if (i == NONE)
        return NONE;
    k->pages[i] = (struct kept_page){
        .va = map->va,
        .gref = map->gref,
        .handle = map->handle,
        .next = *bucket,
        .users = 1,
    };
    *bucket = i;
    q->dev->stats.nr_kept++;
    return i;
}

/* Unmap all; none has a user any more. */
void splitio_blkback_keep_drop_all(struct splitio_blkback_queue *q)
{
    struct keep *k = &q->keep;

    for (uint32_t i = 0; i < k->nr_used; i++)
        if (k->pages[i].gref != SPLITIO_GREF_NONE)
            drop(q, i);
}
