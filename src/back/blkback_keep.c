/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages of the front that stay mapped (persistent grants). */
#include "blkback_impl.h"

/* Entries that the hand may pass in one search for a victim. */
#define VICTIM_TRIES 64u

static uint32_t *bucket_of(struct keep *k, splitio_gref_t gref)
{
    /* References of one front are mostly neighbours: they spread well. */
    return &k->buckets[gref & k->bucket_mask];
}

void splitio_blkback_keep_init(struct keep *k, uint32_t nr)
{
    k->nr_pages = nr;
    k->hand = 0;
    k->free = nr ? 0 : NONE;
    for (uint32_t i = 0; i < nr; i++) {
        k->pages[i] = (struct kept_page){.gref = SPLITIO_GREF_NONE};
        k->pages[i].next = i + 1 < nr ? i + 1 : NONE;
    }
    for (uint32_t i = 0; nr && i <= k->bucket_mask; i++)
        k->buckets[i] = NONE;
}

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
    k->pages[i].users++;
    k->pages[i].recent = true;
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

    unlink_page(k, i);
    splitio_blkback_unmap_later(q, k->pages[i].handle);
    k->pages[i].gref = SPLITIO_GREF_NONE;
    k->pages[i].next = k->free;
    k->free = i;
    q->dev->stats.nr_kept--;
}

/* Second chance: the hand spares once what was used since it came by. */
static void evict(struct splitio_blkback_queue *q)
{
    struct keep *k = &q->keep;

    for (unsigned n = 0; n < VICTIM_TRIES; n++) {
        uint32_t i = k->hand;

        k->hand = i + 1 < k->nr_pages ? i + 1 : 0;
        if (k->pages[i].users != 0)
            continue;
        if (!k->pages[i].recent) {
            drop(q, i);
            q->dev->stats.nr_evicted++;
            return;
        }
        k->pages[i].recent = false;
    }
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
    if (k->free == NONE)
        evict(q);
    i = k->free;
    if (i == NONE)
        return NONE;
    k->free = k->pages[i].next;
    k->pages[i] = (struct kept_page){
        .va = map->va,
        .gref = map->gref,
        .handle = map->handle,
        .next = *bucket,
        .users = 1,
        .recent = true,
    };
    *bucket = i;
    q->dev->stats.nr_kept++;
    return i;
}

/* Unmap all; none has a user any more. */
void splitio_blkback_keep_drop_all(struct splitio_blkback_queue *q)
{
    struct keep *k = &q->keep;

    for (uint32_t i = 0; i < k->nr_pages; i++)
        if (k->pages[i].gref != SPLITIO_GREF_NONE)
            drop(q, i);
}
