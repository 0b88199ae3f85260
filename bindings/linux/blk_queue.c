/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests: from the block layer to the front, and back. */
#include "blk.h"

#include <linux/bio.h>

static blk_status_t status_of(int err)
{
    switch (err) {
    case 0:
        return BLK_STS_OK;
    case SPLITIO_EOPNOTSUPP:
        return BLK_STS_NOTSUPP;
    default:
        return BLK_STS_IOERR;
    }
}

static void on_done(struct splitio_blk_io *io, int status)
{
    struct blk_request *r = container_of(io, struct blk_request, io);

    blk_mq_end_request(blk_mq_rq_from_pdu(r), status_of(status));
}

/* The kernel's bytes, which the front copies. */
static uint32_t pieces_of(struct request *rq, struct splitio_iovec *iov)
{
    struct req_iterator at;
    struct bio_vec piece;
    uint32_t nr = 0;

    rq_for_each_segment(piece, rq, at)
    {
        iov[nr].base = bvec_virt(&piece);
        iov[nr++].len_bytes = piece.bv_len;
    }
    return nr;
}

static blk_status_t prepare(struct request *rq, struct blk_request *r)
{
    memset(&r->io, 0, sizeof(r->io));
    r->io.done = on_done;
    r->io.sector = blk_rq_pos(rq);
    switch (req_op(rq)) {
    case REQ_OP_READ:
        r->io.op = SPLITIO_BLK_READ;
        break;
    case REQ_OP_WRITE:
        r->io.op = SPLITIO_BLK_WRITE;
        break;
    case REQ_OP_FLUSH:
        r->io.op = SPLITIO_BLK_FLUSH;
        return BLK_STS_OK;
    case REQ_OP_SECURE_ERASE:
    case REQ_OP_DISCARD:
        r->io.op = SPLITIO_BLK_DISCARD;
        r->io.nr_sectors = blk_rq_sectors(rq);
        r->io.secure = req_op(rq) == REQ_OP_SECURE_ERASE;
        return BLK_STS_OK;
    default:
        return BLK_STS_NOTSUPP;
    }
    r->io.iov = r->iov;
    r->io.nr_iov = pieces_of(rq, r->iov);
    return BLK_STS_OK;
}

static struct blk_request *next(struct blk *b)
{
    struct blk_request *r;
    unsigned long flags;

    spin_lock_irqsave(&b->lock, flags);
    r = list_first_entry_or_null(&b->requests, struct blk_request, waiting);
    if (r)
        list_del(&r->waiting);
    spin_unlock_irqrestore(&b->lock, flags);
    return r;
}

static void put_back(struct blk *b, struct blk_request *r)
{
    unsigned long flags;

    spin_lock_irqsave(&b->lock, flags);
    list_add(&r->waiting, &b->requests);
    spin_unlock_irqrestore(&b->lock, flags);
}

int blk_queue_submit(struct blk *b)
{
    struct blk_request *r;
    int n = 0;

    while ((r = next(b))) {
        int err = splitio_blkfront_submit(&b->front, &r->io);

        if (err == SPLITIO_EAGAIN) {
            put_back(b, r); /* there is room after a poll */
            break;
        }
        if (err)
            blk_mq_end_request(blk_mq_rq_from_pdu(r), status_of(err));
        n++;
    }
    if (n > 0)
        splitio_blkfront_kick(&b->front);
    return n;
}

/* A batch is complete. If the thread has something to do just now, it does this as
 * well; else there is no need to wake it. */
static void hand_over(struct blk *b)
{
    struct splitio_machine *m = b->sd->machine;

    if (!mutex_trylock(&m->lock)) {
        splitio_wake(m);
        return;
    }
    (void)blk_queue_submit(b);
    mutex_unlock(&m->lock);
}

static blk_status_t queue_rq(struct blk_mq_hw_ctx *ctx,
                             const struct blk_mq_queue_data *data)
{
    struct blk *b = ctx->queue->queuedata;
    struct blk_request *r = blk_mq_rq_to_pdu(data->rq);
    blk_status_t status = prepare(data->rq, r);
    unsigned long flags;

    if (status != BLK_STS_OK)
        return status;
    r->io.queue = (uint16_t)ctx->queue_num;
    blk_mq_start_request(data->rq);
    spin_lock_irqsave(&b->lock, flags);
    list_add_tail(&r->waiting, &b->requests);
    spin_unlock_irqrestore(&b->lock, flags);
    if (data->last)
        hand_over(b);
    return BLK_STS_OK;
}

static void commit_rqs(struct blk_mq_hw_ctx *ctx)
{
    hand_over(ctx->queue->queuedata);
}

const struct blk_mq_ops blk_queue_ops = {
    .queue_rq = queue_rq,
    .commit_rqs = commit_rqs,
};

void blk_queue_fail(struct blk *b)
{
    struct blk_request *r;

    while ((r = next(b)))
        blk_mq_end_request(blk_mq_rq_from_pdu(r), BLK_STS_IOERR);
}
