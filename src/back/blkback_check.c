/* SPDX-License-Identifier: BSD-2-Clause */
/* The block back's self-check. */
#include "blkback_impl.h"

static bool keep_ok(const struct keep *k, uint32_t *nr_kept)
{
    uint32_t kept = 0, nr_free = 0, nr_idle = 0, unused = 0;

    for (uint32_t i = 0; i < k->nr_used; i++)
        kept += k->pages[i].gref != SPLITIO_GREF_NONE;
    for (uint32_t i = k->free; i != NONE && nr_free <= k->nr_pages; nr_free++)
        i = k->pages[i].next;
    for (uint32_t i = k->newest; i != NONE && nr_idle <= k->nr_pages; nr_idle++)
        i = k->pages[i].older;
    for (uint32_t i = 0; i < k->nr_used; i++)
        unused += k->pages[i].gref != SPLITIO_GREF_NONE && !k->pages[i].users;
    *nr_kept += kept;
    return kept + nr_free == k->nr_used && k->nr_used <= k->nr_pages &&
           nr_idle == unused;
}

static bool queue_ok(const struct splitio_blkback_queue *q, uint32_t *nr_kept)
{
    uint32_t nr_ios = q->nr_used;
    uint32_t nr_free = 0, nr_waiting = 0;

    for (struct blkback_io *io = q->free; io && nr_free <= nr_ios; nr_free++)
        io = io->next;
    for (struct blkback_io *io = q->answered; io && nr_free <= nr_ios;
         nr_free++)
        io = io->next;
    for (struct blkback_io *io = q->waiting; io && nr_waiting <= nr_ios;
         nr_waiting++)
        io = io->next;
    return nr_free + q->nr_in_flight == nr_ios &&
           nr_waiting <= q->nr_in_flight && (q->fenced || !q->held) &&
           q->nr_unmaps == 0 && splitio_ring_back_is_valid(&q->ring) &&
           keep_ok(&q->keep, nr_kept);
}

bool splitio_blkback_is_valid(const struct splitio_blkback *dev)
{
    uint32_t in_flight = 0, kept = 0;

    if (!dev || !dev->queues || dev->nr_queues > dev->cfg.max_queues)
        return false;
    for (unsigned i = 0; i < dev->nr_queues; i++) {
        if (!queue_ok(&dev->queues[i], &kept))
            return false;
        in_flight += dev->queues[i].nr_in_flight;
    }
    return in_flight == dev->stats.nr_in_flight && kept == dev->stats.nr_kept &&
           dev->stats.nr_rings == dev->nr_queues;
}
