/* SPDX-License-Identifier: BSD-2-Clause */
/* What the block front has been asked to do and has not done, written down and
 * taken up again. */
#include "../base/blob.h"
#include "blkfront_impl.h"

enum {
    REC_IO = 1,
};

/* ---- writing ---- */

static void unmark(struct splitio_blkfront_queue *q)
{
    for (uint32_t i = 0; i < q->nr_shadows; i++)
        if (q->shadows[i].state != SHADOW_FREE)
            q->shadows[i].io->saved = false;
    for (struct splitio_blk_io *io = q->waiting; io; io = io->next)
        io->saved = false;
}

static void put_io(struct blob_writer *w, struct splitio_blk_io *io,
                   uint64_t token)
{
    if (io->saved)
        return;
    io->saved = true;
    splitio_blob_record(w, REC_IO);
    blob_u64(w, token);
    blob_u8(w, (uint8_t)io->op);
    blob_u8(w, io->secure);
    blob_u16(w, io->queue);
    blob_u64(w, io->sector);
    blob_u64(w, io->nr_sectors);
    blob_u64(w, io->len_bytes);
}

/* The next one in the order of submission, from @from on; NULL: no more. */
static struct shadow *next_shadow(struct splitio_blkfront_queue *q,
                                  uint64_t from)
{
    struct shadow *next = NULL;

    for (uint32_t i = 0; i < q->nr_shadows; i++) {
        struct shadow *s = &q->shadows[i];

        if (s->state != SHADOW_FREE && s->seq >= from &&
            (!next || s->seq < next->seq))
            next = s;
    }
    return next;
}

int splitio_blkfront_save(struct splitio_blkfront *dev,
                          splitio_blkfront_token_fn token, void *arg, void *buf,
                          size_t size, size_t *bytes)
{
    struct blob_writer w;

    splitio_blob_begin(&w, buf, size, SPLITIO_SAVE_BLKFRONT);
    for (unsigned i = 0; i < dev->cfg.max_queues; i++)
        unmark(&dev->queues[i]);
    for (unsigned i = 0; i < dev->cfg.max_queues; i++) {
        struct splitio_blkfront_queue *q = &dev->queues[i];
        struct splitio_blk_io *io;
        struct shadow *s;

        for (s = next_shadow(q, 0); s; s = next_shadow(q, s->seq + 1))
            put_io(&w, s->io, token(arg, s->io));
        for (io = q->waiting; io; io = io->next)
            put_io(&w, io, token(arg, io));
    }
    return splitio_blob_end(&w, bytes);
}

/* ---- reading ---- */

static uint64_t data_bytes(const struct splitio_blk_io *io)
{
    uint64_t bytes = 0;

    if (io->op != SPLITIO_BLK_FLUSH && io->op != SPLITIO_BLK_DISCARD)
        for (uint32_t i = 0; i < io->nr_iov; i++)
            bytes += io->iov[i].len_bytes;
    return bytes;
}

/* The request of the record that is open, if it is the one that was saved; NULL
 * in *@p io if it has been given up. */
static int find_io(struct blob_reader *r, splitio_blkfront_io_fn find,
                   void *arg, struct splitio_blk_io **io)
{
    uint64_t token = blob_get_u64(r);
    uint8_t op = blob_get_u8(r), secure = blob_get_u8(r);
    uint16_t queue = blob_get_u16(r);
    uint64_t sector = blob_get_u64(r), nr_sectors = blob_get_u64(r);
    uint64_t len_bytes = blob_get_u64(r);

    *io = NULL;
    if (r->is_short)
        return SPLITIO_EPROTO;
    *io = find(arg, token);
    if (!*io)
        return 0;
    return (*io)->op == op && (*io)->secure == secure &&
                   (*io)->queue == queue && (*io)->sector == sector &&
                   (*io)->nr_sectors == nr_sectors &&
                   data_bytes(*io) == len_bytes
               ? 0
               : SPLITIO_EPROTO;
}

static void take_up(struct splitio_blkfront *dev, struct splitio_blk_io *io)
{
    io->at = (struct splitio_blk_cursor){0};
    io->len_bytes = data_bytes(io);
    io->parts = 0;
    io->status = 0;
    splitio_blkfront_queue_wait(&dev->queues[io->queue % dev->cfg.max_queues],
                                io);
    dev->stats.nr_ios++;
}

/* All records; with a device, what they name is taken up. */
static int each_io(struct splitio_blkfront *dev, splitio_blkfront_io_fn find,
                   void *arg, const void *blob, size_t bytes)
{
    struct blob_reader r;
    int err = splitio_blob_open(&r, blob, bytes, SPLITIO_SAVE_BLKFRONT), n = 0;

    while (!err && (n = splitio_blob_next(&r, REC_IO)) > 0) {
        struct splitio_blk_io *io;

        err = find_io(&r, find, arg, &io);
        if (!err && io && dev)
            take_up(dev, io);
    }
    return err ? err : n;
}

int splitio_blkfront_restore(struct splitio_blkfront *dev,
                             splitio_blkfront_io_fn find, void *arg,
                             const void *blob, size_t bytes)
{
    int err;

    if (dev->rings)
        return SPLITIO_EINVAL;
    err = each_io(NULL, find, arg, blob, bytes);
    return err ? err : each_io(dev, find, arg, blob, bytes);
}
