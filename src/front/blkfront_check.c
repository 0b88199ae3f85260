/* SPDX-License-Identifier: BSD-2-Clause */
/* The block front's self-check. */
#include "blkfront_impl.h"

static bool shadows_ok(const struct splitio_blkfront_queue *q)
{
    uint32_t nr[3] = {0}, nr_listed = 0;

    for (uint32_t i = 0; i < q->nr_shadows; i++) {
        if (q->shadows[i].state > SHADOW_REPLAY)
            return false;
        nr[q->shadows[i].state]++;
    }
    for (uint32_t i = q->free_shadow; i != NONE && nr_listed <= q->nr_shadows;
         nr_listed++)
        i = q->shadows[i].next_free;
    return nr_listed == nr[SHADOW_FREE] &&
           nr[SHADOW_IN_FLIGHT] == q->nr_in_flight &&
           nr[SHADOW_REPLAY] == q->nr_replays;
}

/* Pages that are neither free nor given up are held by requests. */
static bool pool_ok(const struct splitio_blkfront_queue *q)
{
    uint32_t have = 0, held = 0;

    for (uint32_t i = 0; i < q->dev->cfg.pool_pages; i++)
        have += q->pool[i].page != NULL;
    for (uint32_t i = 0; i < q->nr_shadows; i++) {
        const struct shadow *s = &q->shadows[i];

        if (s->state != SHADOW_IN_FLIGHT)
            continue;
        held += s->list_page != NONE;
        for (unsigned j = 0; j < s->nr_segs; j++)
            held += s->segs[j].page != NONE;
    }
    return have == held + q->nr_free_pages;
}

bool splitio_blkfront_is_valid(const struct splitio_blkfront *dev)
{
    uint32_t in_flight = 0, replays = 0;

    if (!dev || !dev->queues || dev->nr_queues > dev->cfg.max_queues)
        return false;
    for (unsigned i = 0; i < dev->cfg.max_queues; i++) {
        const struct splitio_blkfront_queue *q = &dev->queues[i];

        if (!shadows_ok(q) || !pool_ok(q) ||
            (dev->rings && i < dev->nr_queues &&
             !splitio_ring_front_is_valid(&q->ring)))
            return false;
        in_flight += q->nr_in_flight;
        replays += q->nr_replays;
    }
    return in_flight == dev->stats.nr_in_flight &&
           replays == dev->stats.nr_replays;
}
