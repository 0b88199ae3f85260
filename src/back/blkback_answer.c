/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a request's path: its answer, and all that it held. */
#include "blkback_journal.h"

static void put_response(struct splitio_blkback_queue *q, uint64_t id,
                         uint8_t op, int status)
{
    const struct splitio_blk_response rsp = {id, op, (int16_t)status};
    enum splitio_blkif_abi abi = q->dev->params.abi;
    union splitio_blkif_answer answer;

    splitio_blkif_put_response(abi, &rsp, &answer);
    if (abi == SPLITIO_BLKIF_ABI_X86_32)
        (void)splitio_blkif_ring_x86_32_back_put(&q->x86_32, &answer.x86_32);
    else
        (void)splitio_blkif_ring_x86_64_back_put(&q->x86_64, &answer.x86_64);
}

void splitio_blkback_io_wait(struct blkback_io *io)
{
    struct splitio_blkback_queue *q = io->q;

    io->next = NULL;
    *q->waiting_last = io;
    q->waiting_last = &io->next;
}

/* Its entry in the journal counts until the answer is published. */
static void add_free(struct blkback_io *io)
{
    struct splitio_blkback_queue *q = io->q;
    struct blkback_io **list = q->dev->cfg.journal ? &q->answered : &q->free;

    io->next = *list;
    *list = io;
}

static void free_answered(struct splitio_blkback_queue *q)
{
    while (q->answered) {
        struct blkback_io *io = q->answered;

        splitio_blkback_journal_forget(io);
        q->answered = io->next;
        io->next = q->free;
        q->free = io;
    }
}

void splitio_blkback_io_release(struct blkback_io *io)
{
    struct splitio_blkback_queue *q = io->q;

    splitio_blkback_put_pages(io);
    io->busy = false;
    add_free(io);
    q->nr_in_flight--;
    q->dev->stats.nr_in_flight--;
    if (q->nr_in_flight == 0)
        q->fenced = false;
    if (q->nr_in_flight != 1 || !q->held)
        return;
    splitio_blkback_io_wait(q->held);
    q->held = NULL;
}

void splitio_blkback_io_finish(struct blkback_io *io, int status)
{
    splitio_blkback_journal_answer(io);
    put_response(io->q, io->id, io->op, status);
    splitio_blkback_io_release(io);
}

void splitio_blkback_queue_publish(struct splitio_blkback_queue *q)
{
    const struct splitio_host_port *port = &q->dev->cfg.port;

    splitio_blkback_unmap_now(q);
    if (q->broken)
        return;
    splitio_blkback_journal_publish(q);
    if (splitio_ring_back_publish(&q->ring)) {
        port->ops->event_send(port->ctx, q->evtchn);
        q->dev->stats.nr_notifies++;
    }
    free_answered(q);
}
