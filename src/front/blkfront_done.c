/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers of the back, and what to do without one. */
#include "blkfront_impl.h"

/* Its operation is optional. */
static bool may_be_refused(const struct splitio_blk_io *io)
{
    return io->op != SPLITIO_BLK_READ && io->op != SPLITIO_BLK_WRITE;
}

/* ---- ending ---- */

static void free_shadow(struct splitio_blkfront_queue *q, struct shadow *s)
{
    s->state = SHADOW_FREE;
    s->io = NULL;
    s->next_free = q->free_shadow;
    q->free_shadow = (uint32_t)(s - q->shadows);
}

/* Let the rest of @io wait for room. */
void splitio_blkfront_queue_wait(struct splitio_blkfront_queue *q,
                                 struct splitio_blk_io *io)
{
    struct splitio_blk_io **at = &q->waiting;

    while (*at)
        at = &(*at)->next;
    io->next = NULL;
    *at = io;
}

static void wait_no_more(struct splitio_blkfront_queue *q,
                         const struct splitio_blk_io *io)
{
    struct splitio_blk_io **at = &q->waiting;

    while (*at && *at != io)
        at = &(*at)->next;
    if (*at)
        *at = io->next;
}

/* One part of @io is over. Its done() may submit. */
static void end_part(struct splitio_blkfront_queue *q,
                     struct splitio_blk_io *io, int status)
{
    io->parts--;
    if (status && !io->status)
        io->status = status;
    if (io->parts || (io->at.pos != io->len_bytes && !io->status))
        return;
    if (io->at.pos != io->len_bytes)
        wait_no_more(q, io);
    io->done(io, io->status);
}

/* What the back offered turned out not to be possible. */
static void downgrade(struct splitio_blkfront *dev,
                      const struct splitio_blk_io *io)
{
    if (io->op == SPLITIO_BLK_FLUSH)
        dev->info.flags &= ~SPLITIO_BLKFRONT_FLUSHES;
    else if (io->op == SPLITIO_BLK_BARRIER)
        dev->info.flags &= ~SPLITIO_BLKFRONT_BARRIERS;
    else if (io->op == SPLITIO_BLK_DISCARD)
        dev->info.flags &=
            io->secure ? ~SPLITIO_BLKFRONT_SECURE
                       : ~(SPLITIO_BLKFRONT_DISCARDS | SPLITIO_BLKFRONT_SECURE);
}

static int status_of(struct splitio_blkfront *dev,
                     const struct splitio_blk_io *io, int wire_status)
{
    if (wire_status == SPLITIO_BLKIF_RSP_OKAY)
        return 0;
    dev->stats.nr_failed++;
    if (wire_status != SPLITIO_BLKIF_RSP_EOPNOTSUPP || !may_be_refused(io))
        return SPLITIO_EIO;
    downgrade(dev, io);
    return SPLITIO_EOPNOTSUPP;
}

static void stop_broken(struct splitio_blkfront *dev)
{
    if (dev->broken)
        return;
    dev->broken = true;
    dev->stats.nr_broken++;
    if (dev->cfg.store)
        splitio_xenbus_fail(&dev->xb, SPLITIO_EPROTO, "impossible answer");
}

/* The request that an answer is for; NULL if nobody asked. */
static struct shadow *find_shadow(struct splitio_blkfront_queue *q,
                                  const struct splitio_blk_response *r)
{
    uint32_t i = (uint32_t)r->id;
    struct shadow *s;

    if (i >= q->nr_shadows)
        return NULL;
    s = &q->shadows[i];
    if (s->state != SHADOW_IN_FLIGHT || s->generation != r->id >> 32)
        return NULL;
    if (r->op != s->wire_op &&
        !(r->op == SPLITIO_BLKIF_OP_INDIRECT && s->list_page != NONE))
        return NULL;
    return s;
}

static void to_replay(struct splitio_blkfront_queue *q, struct shadow *s)
{
    q->nr_in_flight--;
    q->dev->stats.nr_in_flight--;
    s->state = SHADOW_REPLAY;
    q->nr_replays++;
    q->dev->stats.nr_replays++;
}

/* True if @s may be sent again, after what was sent later than it. */
static bool may_be_late(const struct splitio_blkfront_queue *q,
                        const struct shadow *s)
{
    for (uint32_t i = 0; i < q->nr_shadows; i++)
        if (q->shadows[i].state == SHADOW_IN_FLIGHT &&
            q->shadows[i].wire_op == SPLITIO_BLKIF_OP_WRITE_BARRIER &&
            q->shadows[i].seq > s->seq)
            return false;
    return true;
}

/* A back that does not take indirect requests after all gets direct ones. False
 * if the answer means something else. */
static bool send_direct(struct splitio_blkfront_queue *q, struct shadow *s,
                        int wire_status)
{
    if (wire_status != SPLITIO_BLKIF_RSP_EOPNOTSUPP || s->list_page == NONE ||
        !may_be_late(q, s))
        return false;
    q->dev->info.max_indirect = 0;
    to_replay(q, s);
    if (splitio_blkfront_shadow_put_segs(q, s, false, false) && !s->io->status)
        s->io->status = SPLITIO_EBUSY;
    return true;
}

static bool complete(struct splitio_blkfront_queue *q,
                     const struct splitio_blk_response *rsp)
{
    struct shadow *s = find_shadow(q, rsp);
    struct splitio_blk_io *io;
    int status, err;

    if (!s)
        return false;
    if (send_direct(q, s, rsp->status))
        return true;
    io = s->io;
    status = status_of(q->dev, io, rsp->status);
    err = splitio_blkfront_shadow_put_segs(
        q, s, !status && io->op == SPLITIO_BLK_READ, false);
    q->nr_in_flight--;
    q->dev->stats.nr_in_flight--;
    free_shadow(q, s);
    end_part(q, io, err ? err : status);
    /* A back that keeps a page it has answered for cannot be worked with. */
    return err == 0;
}

static bool rearm(struct splitio_blkfront_queue *q)
{
    const struct splitio_guest_port *port = &q->dev->cfg.port;
    int n = splitio_ring_front_rearm(&q->ring, 1);

    if (n < 0)
        stop_broken(q->dev);
    if (n != 0)
        return n > 0;
    q->armed = true;
    if (q->masked) {
        q->masked = false;
        port->ops->event_unmask(port->ctx, q->evtchn);
    }
    return false;
}

static int take_answer(struct splitio_blkfront_queue *q,
                       struct splitio_blk_response *rsp)
{
    enum splitio_blkif_abi abi = q->dev->cfg.abi;
    union splitio_blkif_answer answer;
    int n =
        abi == SPLITIO_BLKIF_ABI_X86_32
            ? splitio_blkif_ring_x86_32_front_take(&q->x86_32, &answer.x86_32)
            : splitio_blkif_ring_x86_64_front_take(&q->x86_64, &answer.x86_64);

    if (n > 0)
        *rsp = splitio_blkif_get_response(abi, &answer);
    return n;
}

/* Take up to @budget answers. Returns how many. */
unsigned splitio_blkfront_queue_take(struct splitio_blkfront_queue *q,
                                     unsigned budget)
{
    struct splitio_blk_response rsp;
    unsigned nr = 0;

    if (splitio_read_once_u32(&q->kicked)) {
        (void)splitio_xchg_u32(&q->kicked, 0);
        q->masked = true;
        q->armed = false;
    }
    while (nr < budget && !q->dev->broken) {
        int n = take_answer(q, &rsp);

        if (n > 0) {
            nr++;
            q->armed = false;
            if (!complete(q, &rsp))
                stop_broken(q->dev);
        } else if (n < 0) {
            stop_broken(q->dev);
        } else if (q->armed || !rearm(q)) {
            break;
        }
    }
    return nr;
}

/* ---- sending again ---- */

/* The back is gone: what it has not answered is to be sent to the next one. */
void splitio_blkfront_queue_to_replays(struct splitio_blkfront_queue *q)
{
    for (uint32_t i = 0; i < q->nr_shadows; i++) {
        struct shadow *s = &q->shadows[i];

        if (s->state != SHADOW_IN_FLIGHT)
            continue;
        to_replay(q, s);
        if (splitio_blkfront_shadow_put_segs(q, s, false, true) &&
            !s->io->status)
            s->io->status = SPLITIO_EBUSY;
    }
}

static struct shadow *oldest_replay(struct splitio_blkfront_queue *q)
{
    struct shadow *oldest = NULL;

    for (uint32_t i = 0; i < q->nr_shadows; i++) {
        struct shadow *s = &q->shadows[i];

        if (s->state == SHADOW_REPLAY && (!oldest || s->seq < oldest->seq))
            oldest = s;
    }
    return oldest;
}

static void end_replay(struct splitio_blkfront_queue *q,
                       struct splitio_blkfront_queue *from, struct shadow *s,
                       int status)
{
    struct splitio_blk_io *io = s->io;

    from->nr_replays--;
    from->dev->stats.nr_replays--;
    free_shadow(from, s);
    end_part(q, io, status);
}

/* Why a part cannot be sent to the back that is there now; 0 if it can. */
static int replay_error(const struct splitio_blkfront *dev,
                        const struct shadow *s)
{
    uint32_t flags = dev->info.flags, unit = dev->info.sector_size;
    uint64_t first = s->io->sector * 512 + s->at.pos;

    if (s->io->status)
        return s->io->status;
    if (s->io->op == SPLITIO_BLK_FLUSH)
        return flags & SPLITIO_BLKFRONT_FLUSHES ? 0 : SPLITIO_EOPNOTSUPP;
    if (s->io->op == SPLITIO_BLK_DISCARD &&
        (!(flags & SPLITIO_BLKFRONT_DISCARDS) ||
         (s->io->secure && !(flags & SPLITIO_BLKFRONT_SECURE))))
        return SPLITIO_EOPNOTSUPP;
    if (s->io->op == SPLITIO_BLK_DISCARD)
        return 0;
    if (s->io->op == SPLITIO_BLK_BARRIER &&
        !(flags & SPLITIO_BLKFRONT_BARRIERS))
        return SPLITIO_EOPNOTSUPP;
    return (first | s->len_bytes) % unit ? SPLITIO_EIO : 0;
}

/* Send a part again, or what fits of it. False: no room. */
static bool replay(struct splitio_blkfront_queue *q,
                   struct splitio_blkfront_queue *from, struct shadow *old)
{
    struct shadow *s;
    uint64_t seq = old->seq;
    int err = replay_error(q->dev, old);

    if (err) {
        end_replay(q, from, old, err);
        return true;
    }
    s = splitio_blkfront_send_part(q, old->io, &old->at, old->len_bytes);
    if (!s)
        return false;
    if (q == from)
        s->seq = seq;
    q->dev->stats.nr_replayed++;
    old->len_bytes -= s->len_bytes;
    if (old->len_bytes == 0)
        end_replay(q, from, old, 0);
    return true;
}

/* A request from a blob has never been looked at, and the disk may be another.
 * True: it is over. */
static bool ends_unsent(struct splitio_blkfront_queue *q)
{
    struct splitio_blk_io *io = q->waiting;
    int err;

    if (io->parts || io->at.pos)
        return false;
    err = splitio_blkfront_check_io(q->dev, io);
    if (!err)
        return false;
    q->waiting = io->next;
    io->done(io, err);
    return true;
}

/* Send through @q what had to wait: first what a back left unanswered on queue
 * @from, then the rest of a request that did not fit. */
void splitio_blkfront_queue_pump(struct splitio_blkfront_queue *q,
                                 struct splitio_blkfront_queue *from)
{
    while (from->nr_replays)
        if (!replay(q, from, oldest_replay(from)))
            return;
    while (q->waiting && !q->waiting->status) {
        if (ends_unsent(q))
            continue;
        if (!splitio_blkfront_send_rest(q, q->waiting))
            return;
        q->waiting = q->waiting->next;
    }
}

/* End everything that is not done; the back is gone. */
void splitio_blkfront_queue_end_all(struct splitio_blkfront_queue *q,
                                    int status)
{
    struct splitio_blk_io *io;

    while ((io = q->waiting) != NULL) {
        q->waiting = io->next;
        /* What has not been sent will not be; end_part() must not wait. */
        if (!io->status)
            io->status = status;
        if (io->parts == 0)
            io->done(io, io->status);
    }
    while (q->nr_replays)
        end_replay(q, q, oldest_replay(q), status);
}
