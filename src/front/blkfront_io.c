/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests on their way to the back. */
#include "blkfront_impl.h"

#define SECTOR_SHIFT 9u

void splitio_blkfront_queue_reset(struct splitio_blkfront_queue *q)
{
    q->free_shadow = NONE;
    for (uint32_t i = q->nr_shadows; i-- > 0;) {
        q->shadows[i].state = SHADOW_FREE;
        q->shadows[i].next_free = q->free_shadow;
        q->free_shadow = i;
    }
    q->nr_in_flight = q->nr_replays = 0;
    q->waiting = NULL;
    q->next_seq = 0;
    q->armed = q->masked = false;
    q->kicked = 0;
}

/* ---- sending ---- */

static uint8_t wire_op(const struct splitio_blk_io *io)
{
    switch (io->op) {
    case SPLITIO_BLK_READ:
        return SPLITIO_BLKIF_OP_READ;
    case SPLITIO_BLK_WRITE:
        return SPLITIO_BLKIF_OP_WRITE;
    case SPLITIO_BLK_FLUSH:
        return SPLITIO_BLKIF_OP_FLUSH_DISKCACHE;
    case SPLITIO_BLK_BARRIER:
        return SPLITIO_BLKIF_OP_WRITE_BARRIER;
    default:
        return SPLITIO_BLKIF_OP_DISCARD;
    }
}

static void fill_segs(const struct shadow *s, unsigned from, unsigned nr,
                      struct splitio_blkif_segment *segs)
{
    for (unsigned i = 0; i < nr; i++)
        segs[i] = (struct splitio_blkif_segment){
            .gref = s->segs[from + i].gref,
            .first_sect = s->segs[from + i].first_sect,
            .last_sect = s->segs[from + i].last_sect,
        };
}

/* The list of an indirect request, by way of private memory: what the back may
 * change is written and not read. */
static void fill_list(struct splitio_blkfront_queue *q, const struct shadow *s)
{
    struct splitio_blkif_segment some[SPLITIO_BLKIF_MAX_SEGMENTS];
    struct splitio_blkif_segment *list = q->pool[s->list_page].page;
    unsigned n;

    for (unsigned i = 0; i < s->nr_segs; i += n) {
        n = s->nr_segs - i;
        if (n > SPLITIO_ARRAY_LEN(some))
            n = SPLITIO_ARRAY_LEN(some);
        fill_segs(s, i, n, some);
        splitio_blkif_put_segments(q->dev->shifts, some, n, &list[i]);
    }
}

/* Write the slot, every byte of it. */
static void fill_slot(struct splitio_blkfront_queue *q, const struct shadow *s,
                      uint64_t id)
{
    struct splitio_blkif_segment segs[SPLITIO_BLKIF_MAX_SEGMENTS];
    enum splitio_blkif_abi abi = q->dev->cfg.abi;
    const struct splitio_blk_io *io = s->io;
    struct splitio_blkif_message msg = {
        .id = id,
        .sector = io->sector + (s->at.pos >> SECTOR_SHIFT),
        .nr_sectors = io->nr_sectors,
        .op = s->wire_op,
        .flag = io->secure ? SPLITIO_BLKIF_DISCARD_SECURE : 0,
        .nr_segs = s->nr_segs,
        .segs = segs,
    };
    union splitio_blkif_slot slot;

    if (s->list_page != NONE) {
        msg.nr_indirect = 1;
        msg.indirect_grefs = &q->pool[s->list_page].gref;
        fill_list(q, s);
    } else {
        fill_segs(s, 0, s->nr_segs, segs);
    }
    if (s->nr_segs == 0 && io->op != SPLITIO_BLK_DISCARD)
        msg.sector = 0;
    splitio_blkif_put_request(abi, q->dev->shifts, &msg, &slot);
    if (abi == SPLITIO_BLKIF_ABI_X86_32)
        *splitio_blkif_ring_x86_32_front_reserve(&q->x86_32) = slot.x86_32;
    else
        *splitio_blkif_ring_x86_64_front_reserve(&q->x86_64) = slot.x86_64;
}

/* Put the part of @io that begins at *@cursor, at most @left bytes, on the
 * ring. Returns the shadow; NULL if there is no slot, page or grant. */
struct shadow *splitio_blkfront_send_part(struct splitio_blkfront_queue *q,
                                          struct splitio_blk_io *io,
                                          struct splitio_blk_cursor *cursor,
                                          uint64_t left)
{
    uint32_t i = q->free_shadow;
    struct shadow *s;

    if (i == NONE || splitio_ring_front_room(&q->ring) == 0)
        return NULL;
    s = &q->shadows[i];
    s->io = io;
    s->at = *cursor;
    s->wire_op = wire_op(io);
    splitio_blkfront_shadow_build(q, s, cursor, left);
    if (left && !s->len_bytes)
        return NULL;
    q->free_shadow = s->next_free;
    s->state = SHADOW_IN_FLIGHT;
    s->seq = q->next_seq++;
    s->generation++;
    fill_slot(q, s, (uint64_t)s->generation << 32 | i);
    io->parts++;
    q->nr_in_flight++;
    q->dev->stats.nr_in_flight++;
    q->dev->stats.nr_requests++;
    return s;
}

/* Send what is left of @io. False if something is left still. */
bool splitio_blkfront_send_rest(struct splitio_blkfront_queue *q,
                                struct splitio_blk_io *io)
{
    do {
        if (!splitio_blkfront_send_part(q, io, &io->at,
                                        io->len_bytes - io->at.pos))
            return false;
    } while (io->at.pos != io->len_bytes);
    return true;
}

void splitio_blkfront_queue_publish(struct splitio_blkfront_queue *q)
{
    const struct splitio_guest_port *port = &q->dev->cfg.port;

    if (!splitio_ring_front_publish(&q->ring))
        return;
    port->ops->event_send(port->ctx, q->evtchn);
    q->dev->stats.nr_notifies++;
}

/* ---- the interface ---- */

static int check_range(const struct splitio_blkfront_info *info,
                       uint64_t sector, uint64_t nr_sectors)
{
    uint32_t mask = info->sector_size / 512 - 1;

    if (nr_sectors == 0 || sector > info->nr_sectors ||
        nr_sectors > info->nr_sectors - sector ||
        ((sector | nr_sectors) & mask) != 0)
        return SPLITIO_EINVAL;
    return 0;
}

static int check_data(const struct splitio_blkfront *dev,
                      struct splitio_blk_io *io)
{
    uint64_t len = 0;

    for (uint32_t i = 0; i < io->nr_iov; i++) {
        if (io->iov[i].len_bytes > UINT64_MAX / 2 - len)
            return SPLITIO_EINVAL;
        len += io->iov[i].len_bytes;
    }
    if (len % 512)
        return SPLITIO_EINVAL;
    io->len_bytes = len;
    if (is_write(io) && (dev->info.flags & SPLITIO_BLKFRONT_READ_ONLY))
        return SPLITIO_EROFS;
    return check_range(&dev->info, io->sector, len / 512);
}

int splitio_blkfront_check_io(const struct splitio_blkfront *dev,
                              struct splitio_blk_io *io)
{
    uint32_t need = SPLITIO_BLKFRONT_DISCARDS;

    io->len_bytes = 0;
    switch (io->op) {
    case SPLITIO_BLK_READ:
    case SPLITIO_BLK_WRITE:
        return check_data(dev, io);
    case SPLITIO_BLK_BARRIER:
        if (!(dev->info.flags & SPLITIO_BLKFRONT_BARRIERS))
            return SPLITIO_EOPNOTSUPP;
        return io->nr_iov ? check_data(dev, io) : 0;
    case SPLITIO_BLK_FLUSH:
        return dev->info.flags & SPLITIO_BLKFRONT_FLUSHES ? 0
                                                          : SPLITIO_EOPNOTSUPP;
    case SPLITIO_BLK_DISCARD:
        if (dev->info.flags & SPLITIO_BLKFRONT_READ_ONLY)
            return SPLITIO_EROFS;
        if (io->secure)
            need |= SPLITIO_BLKFRONT_SECURE;
        if ((dev->info.flags & need) != need)
            return SPLITIO_EOPNOTSUPP;
        return check_range(&dev->info, io->sector, io->nr_sectors);
    default:
        return SPLITIO_EINVAL;
    }
}

int splitio_blkfront_submit(struct splitio_blkfront *dev,
                            struct splitio_blk_io *io)
{
    struct splitio_blkfront_queue *q;
    int err;

    if (dev->closing)
        return SPLITIO_ECLOSED;
    if (!dev->connected || dev->broken)
        return SPLITIO_EAGAIN;
    err = splitio_blkfront_check_io(dev, io);
    if (err)
        return err;
    q = &dev->queues[io->queue % dev->nr_queues];
    io->at = (struct splitio_blk_cursor){0};
    io->parts = 0;
    io->status = 0;
    if (q->waiting || q->nr_replays)
        err = SPLITIO_EAGAIN;
    else if (!splitio_blkfront_send_rest(q, io) && io->parts == 0)
        err = SPLITIO_EAGAIN;
    if (err) {
        dev->stats.nr_stalls++;
        return err;
    }
    if (io->at.pos != io->len_bytes)
        splitio_blkfront_queue_wait(q, io);
    dev->stats.nr_ios++;
    return 0;
}
