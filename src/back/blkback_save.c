/* SPDX-License-Identifier: BSD-2-Clause */
/* The block back, written down. */
#include "blkback_saved.h"

/* ---- writing ---- */

void splitio_blkback_save_connection(const struct splitio_blkback *dev,
                                     struct saved *s)
{
    *s = (struct saved){
        .peer = dev->peer,
        .flags = dev->params.flags,
        .max_indirect = dev->params.max_indirect,
        .sector_size = dev->info.sector_size,
        .units = (uint32_t)dev->cfg.units,
        .nr_sectors = dev->params.nr_sectors,
    };
    for (unsigned i = 0; i < dev->nr_queues; i++) {
        s->req_cons[i] = dev->queues[i].ring.req_cons;
        s->rsp_prod[i] = dev->queues[i].ring.rsp_prod;
    }
}

static void put_connection(struct blob_writer *w, const struct saved *s)
{
    splitio_blob_record(w, REC_CONNECTION);
    blob_u16(w, s->peer.domid);
    blob_u8(w, (uint8_t)s->peer.abi);
    blob_u8(w, s->peer.persistent);
    blob_u32(w, s->peer.nr_queues);
    blob_u32(w, s->peer.ring_order);
    blob_u32(w, s->flags);
    blob_u32(w, s->max_indirect);
    blob_u32(w, s->sector_size);
    blob_u32(w, s->units);
    blob_u64(w, s->nr_sectors);
}

static void put_queue(struct blob_writer *w, const struct saved *s, unsigned i)
{
    splitio_blob_record(w, REC_QUEUE);
    blob_u32(w, s->peer.queues[i].evtchn);
    blob_u32(w, s->req_cons[i]);
    blob_u32(w, s->rsp_prod[i]);
    for (unsigned page = 0; page < 1u << s->peer.ring_order; page++)
        blob_u32(w, s->peer.queues[i].grefs[page]);
}

static void put_request(struct blob_writer *w, unsigned queue,
                        const struct blkback_io *io)
{
    splitio_blob_record(w, REC_REQUEST);
    blob_u32(w, queue);
    blob_u8(w, io->op);
    blob_u8(w, (io->disk.flags & SPLITIO_DISK_IO_SECURE) != 0);
    blob_u16(w, io->nr_segs);
    blob_u64(w, io->id);
    blob_u64(w, io->disk.sector);
    blob_u64(w, io->disk.nr_sectors);
    for (unsigned i = 0; i < io->nr_segs; i++) {
        blob_u32(w, io->segs[i].gref);
        blob_u8(w, io->segs[i].first_sect);
        blob_u8(w, io->segs[i].last_sect);
    }
}

/* A barrier that is held comes after all that it waits for. */
static void put_requests(struct blob_writer *w,
                         const struct splitio_blkback *dev, unsigned queue)
{
    const struct splitio_blkback_queue *q = &dev->queues[queue];

    for (uint32_t i = 0; i < q->nr_used; i++)
        if (q->ios[i].busy && &q->ios[i] != q->held)
            put_request(w, queue, &q->ios[i]);
    if (q->held)
        put_request(w, queue, q->held);
}

int splitio_blkback_save(struct splitio_blkback *dev, void *buf, size_t size,
                         size_t *bytes)
{
    struct blob_writer w;
    struct saved s;

    if (!dev->connected || dev->closing)
        return SPLITIO_EINVAL;
    for (unsigned i = 0; i < dev->nr_queues; i++) {
        splitio_blkback_queue_publish(&dev->queues[i]);
        if (dev->queues[i].broken)
            return SPLITIO_EINVAL;
    }
    splitio_blob_begin(&w, buf, size, SPLITIO_SAVE_BLKBACK);
    splitio_blkback_save_connection(dev, &s);
    put_connection(&w, &s);
    for (unsigned i = 0; i < dev->nr_queues; i++)
        put_queue(&w, &s, i);
    for (unsigned i = 0; i < dev->nr_queues; i++)
        put_requests(&w, dev, i);
    return splitio_blob_end(&w, bytes);
}

/* ---- pausing ---- */

int splitio_blkback_pause(struct splitio_blkback *dev)
{
    dev->paused = true;
    return dev->stats.nr_in_flight ? SPLITIO_EAGAIN : 0;
}

void splitio_blkback_go_on(struct splitio_blkback *dev)
{
    dev->paused = false;
}

int splitio_blkback_abandon(struct splitio_blkback *dev)
{
    for (unsigned i = 0; i < dev->nr_queues; i++)
        dev->queues[i].broken = true;
    return splitio_blkback_fini(dev);
}
