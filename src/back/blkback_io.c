/* SPDX-License-Identifier: BSD-2-Clause */
/* The path of a request: from the ring to the disk and back. */
#include "blkback_journal.h"

void splitio_blkback_queue_reset(struct splitio_blkback_queue *q)
{
    q->free = NULL;
    q->nr_used = 0;
    q->waiting = NULL;
    q->waiting_last = &q->waiting;
    q->nr_in_flight = q->nr_unmaps = 0;
    q->held = q->answered = NULL;
    q->broken = q->fenced = q->armed = q->masked = false;
    q->kicked = q->worked = 0;
    splitio_blkback_keep_init(
        &q->keep, q->dev->peer.persistent ? q->dev->cfg.max_persistent : 0);
}

/* ---- the disk ---- */

/* False: the disk has no room now. */
static bool submit(struct blkback_io *io)
{
    struct splitio_blkback *dev = io->q->dev;
    int err = dev->cfg.disk.ops->submit(dev->cfg.disk.ctx, &io->disk);

    if (err == SPLITIO_EAGAIN)
        return false;
    if (err) {
        dev->stats.nr_failed++;
        splitio_blkback_io_finish(io, SPLITIO_BLKIF_RSP_ERROR);
    }
    dev->kick = true;
    return true;
}

static struct blkback_io *take_waiting(struct splitio_blkback_queue *q)
{
    struct blkback_io *io = q->waiting;

    q->waiting = io->next;
    if (!q->waiting)
        q->waiting_last = &q->waiting;
    return io;
}

static void submit_waiting(struct splitio_blkback_queue *q)
{
    while (q->waiting) {
        struct blkback_io *io = take_waiting(q);

        if (!submit(io)) {
            io->next = q->waiting;
            if (!io->next)
                q->waiting_last = &io->next;
            q->waiting = io;
            return;
        }
    }
}

void splitio_blkback_queue_drop_waiting(struct splitio_blkback_queue *q)
{
    if (q->held) {
        splitio_blkback_io_wait(q->held);
        q->held = NULL;
    }
    while (q->waiting) {
        q->dev->stats.nr_dropped++;
        splitio_blkback_io_release(take_waiting(q));
    }
}

static void count_sectors(struct splitio_blkback *dev,
                          const struct splitio_disk_io *disk)
{
    if (disk->op == SPLITIO_DISK_READ)
        dev->stats.nr_sectors_read += disk->nr_sectors;
    else if (disk->op == SPLITIO_DISK_WRITE)
        dev->stats.nr_sectors_written += disk->nr_sectors;
}

static int wire_status(int status)
{
    if (status == 0)
        return SPLITIO_BLKIF_RSP_OKAY;
    return status == SPLITIO_EOPNOTSUPP ? SPLITIO_BLKIF_RSP_EOPNOTSUPP
                                        : SPLITIO_BLKIF_RSP_ERROR;
}

/* The next thing to ask the disk for, of a request that is made of several. */
static void next_step(struct blkback_io *io)
{
    unsigned step = io->steps & -(unsigned)io->steps;

    io->steps = (uint8_t)(io->steps & ~step);
    io->disk.op = step == STEP_WRITE ? SPLITIO_DISK_WRITE : SPLITIO_DISK_FLUSH;
}

static void disk_done(struct splitio_disk_io *disk, int error)
{
    struct blkback_io *io = SPLITIO_CONTAINER_OF(disk, struct blkback_io, disk);
    struct splitio_blkback *dev = io->q->dev;
    int status = wire_status(error);

    if (!status && io->copied && disk->op == SPLITIO_DISK_READ)
        status = splitio_blkback_copy_out(io);
    if (!status)
        count_sectors(dev, disk);
    if (!status && io->steps) {
        next_step(io);
        splitio_blkback_io_wait(io);
        return;
    }
    if (status)
        dev->stats.nr_failed++;
    splitio_blkback_io_finish(io, status);
}

/* ---- taking ---- */

static enum splitio_disk_op disk_op(const struct splitio_blk_request *req)
{
    switch (req->op) {
    case SPLITIO_BLKIF_OP_READ:
        return SPLITIO_DISK_READ;
    case SPLITIO_BLKIF_OP_WRITE:
        return SPLITIO_DISK_WRITE;
    case SPLITIO_BLKIF_OP_DISCARD:
        return SPLITIO_DISK_DISCARD;
    default:
        return SPLITIO_DISK_FLUSH;
    }
}

static uint8_t steps_of(const struct splitio_blk_request *req)
{
    if (req->nr_segs == 0)
        return 0;
    if (req->op == SPLITIO_BLKIF_OP_FLUSH_DISKCACHE)
        return STEP_FLUSH_BEFORE | STEP_WRITE;
    if (req->op == SPLITIO_BLKIF_OP_WRITE_BARRIER)
        return STEP_FLUSH_BEFORE | STEP_WRITE | STEP_FLUSH_AFTER;
    return 0;
}

/* The segments of an indirect request are in its pages; those of all others
 * are kept, too, in case that the device is saved. */
static int read_segments(struct blkback_io *io, struct splitio_blk_request *req)
{
    const struct splitio_blkif_params *params = &io->q->dev->params;
    int status;

    if (!req->nr_indirect_pages) {
        for (unsigned i = 0; i < req->nr_segs; i++)
            io->segs[i] = req->segs[i];
        return 0;
    }
    status = splitio_blkback_read_indirect(io, req);
    return status ? status
                  : splitio_blkif_check_segments(params, req, io->segs);
}

int splitio_blkback_prepare(struct blkback_io *io,
                            struct splitio_blk_request *req)
{
    io->id = req->id;
    io->op = req->op;
    io->nr_segs = req->nr_segs;
    io->disk.op = disk_op(req);
    io->disk.flags = req->secure ? SPLITIO_DISK_IO_SECURE : 0;
    io->disk.sector = req->sector;
    io->disk.nr_sectors = req->nr_sectors;
    io->disk.nr_iov = 0;
    io->steps = steps_of(req);
    if (io->steps)
        next_step(io);
    return req->nr_segs ? splitio_blkback_get_pages(io, req, io->segs) : 0;
}

static bool has_free(const struct splitio_blkback_queue *q)
{
    return q->free || q->nr_used < splitio_blkback_nr_ios(&q->dev->cfg);
}

static struct blkback_io *make_io(struct splitio_blkback_queue *q)
{
    struct blkback_io *io = &q->ios[q->nr_used];

    splitio_blkback_carve_io(q, q->nr_used++);
    io->q = q;
    io->next = NULL;
    io->busy = false;
    io->disk.done = disk_done;
    io->disk.iov = io->iov;
    io->nr_mapped = io->nr_kept = 0;
    return io;
}

static void claim(struct blkback_io *io)
{
    io->q->nr_in_flight++;
    io->q->dev->stats.nr_in_flight++;
    io->busy = true;
    io->copied = false;
}

struct blkback_io *splitio_blkback_io_get(struct splitio_blkback_queue *q)
{
    struct blkback_io *io;

    if (!has_free(q))
        return NULL;
    io = q->free ? q->free : make_io(q);
    q->free = io->next;
    claim(io);
    return io;
}

struct blkback_io *splitio_blkback_io_claim(struct splitio_blkback_queue *q,
                                            uint32_t i)
{
    struct blkback_io **at = &q->free, *io = &q->ios[i];

    while (q->nr_used <= i) {
        struct blkback_io *made = make_io(q);

        made->next = q->free;
        q->free = made;
    }
    while (*at != io)
        at = &(*at)->next;
    *at = io->next;
    claim(io);
    return io;
}

void splitio_blkback_io_start(struct blkback_io *io, int status)
{
    struct splitio_blkback_queue *q = io->q;

    if (status) {
        q->dev->stats.nr_refused++;
        splitio_blkback_io_finish(io, status);
        return;
    }
    q->fenced = io->op == SPLITIO_BLKIF_OP_WRITE_BARRIER;
    if (q->fenced && q->nr_in_flight > 1)
        q->held = io;
    else if (q->waiting || !submit(io))
        splitio_blkback_io_wait(io);
}

static void handle_slot(struct splitio_blkback_queue *q)
{
    struct splitio_blkback *dev = q->dev;
    struct splitio_blk_request *req = &q->req;
    int status = splitio_blkif_parse(&dev->params, &q->slot, req);
    struct blkback_io *io = splitio_blkback_io_get(q);

    dev->stats.nr_requests++;
    io->id = req->id;
    io->op = req->op;
    if (!status)
        status = read_segments(io, req);
    splitio_blkback_journal_take(io, q->ring.req_cons - 1, req, status);
    if (!status)
        status = splitio_blkback_prepare(io, req);
    splitio_blkback_io_start(io, status);
}

static int take_slot(struct splitio_blkback_queue *q)
{
    if (q->dev->params.abi == SPLITIO_BLKIF_ABI_X86_32)
        return splitio_blkif_ring_x86_32_back_take(&q->x86_32, &q->slot.x86_32);
    return splitio_blkif_ring_x86_64_back_take(&q->x86_64, &q->slot.x86_64);
}

static void stop_broken(struct splitio_blkback_queue *q)
{
    q->broken = true;
    q->dev->stats.nr_broken++;
    if (q->dev->cfg.store)
        splitio_xenbus_fail(&q->dev->xb, SPLITIO_EPROTO,
                            "impossible ring index");
}

/* The ring is empty: ask for an event. True if it is not empty after all. */
static bool rearm(struct splitio_blkback_queue *q)
{
    const struct splitio_host_port *port = &q->dev->cfg.port;
    int n = splitio_ring_back_rearm(&q->ring, 1);

    if (n < 0)
        stop_broken(q);
    if (n != 0)
        return n > 0;
    q->armed = true;
    if (q->masked) {
        q->masked = false;
        splitio_host_port_unmask(port, q->evtchn,
                                 q->ring.req_cons == q->worked);
        q->worked = q->ring.req_cons;
    }
    return false;
}

/* Take up to @budget requests. Returns how many. */
unsigned splitio_blkback_queue_take(struct splitio_blkback_queue *q,
                                    unsigned budget)
{
    unsigned nr = 0;
    int n;

    if (q->broken || q->dev->closing)
        return 0;
    if (splitio_read_once_u32(&q->kicked)) {
        (void)splitio_xchg_u32(&q->kicked, 0);
        q->masked = true;
        q->armed = false;
    }
    submit_waiting(q);
    while (nr < budget && has_free(q) && !q->waiting && !q->fenced &&
           !q->dev->paused) {
        n = take_slot(q);
        if (n > 0) {
            nr++;
            q->armed = false;
            handle_slot(q);
        } else if (n < 0) {
            stop_broken(q);
            break;
        } else if (q->armed || !rearm(q)) {
            break;
        }
    }
    return nr;
}
