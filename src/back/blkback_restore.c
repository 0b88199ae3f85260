/* SPDX-License-Identifier: BSD-2-Clause */
/* The block back, taken up again. */
#include "../ring/resume.h"
#include "blkback_journal.h"

#define OFFERS                                                                 \
    (SPLITIO_BLKIF_OFFERS_FLUSH | SPLITIO_BLKIF_OFFERS_BARRIER |               \
     SPLITIO_BLKIF_OFFERS_DISCARD | SPLITIO_BLKIF_OFFERS_SECURE)

/* ---- reading ---- */

static void get_connection(struct blob_reader *r, struct saved *s)
{
    s->peer.domid = blob_get_u16(r);
    s->peer.abi =
        blob_get_u8(r) ? SPLITIO_BLKIF_ABI_X86_32 : SPLITIO_BLKIF_ABI_X86_64;
    s->peer.persistent = blob_get_u8(r) != 0;
    s->peer.nr_queues = blob_get_u32(r);
    s->peer.ring_order = blob_get_u32(r);
    s->flags = blob_get_u32(r);
    s->max_indirect = blob_get_u32(r);
    s->sector_size = blob_get_u32(r);
    s->units = blob_get_u32(r);
    s->nr_sectors = blob_get_u64(r);
}

static void get_queue(struct blob_reader *r, struct saved *s, unsigned i)
{
    s->peer.queues[i].evtchn = blob_get_u32(r);
    s->req_cons[i] = blob_get_u32(r);
    s->rsp_prod[i] = blob_get_u32(r);
    for (unsigned page = 0; page < 1u << s->peer.ring_order; page++)
        s->peer.queues[i].grefs[page] = blob_get_u32(r);
}

/* What the front may rely on, this device must have. */
static int check_connection(const struct splitio_blkback *dev,
                            const struct saved *s)
{
    const struct splitio_blkback_config *cfg = &dev->cfg;
    uint32_t now = dev->params.flags;

    if (s->peer.nr_queues == 0 ||
        s->peer.nr_queues > SPLITIO_BLKBACK_QUEUES_MAX ||
        s->peer.ring_order > SPLITIO_BLKBACK_ORDER_MAX)
        return SPLITIO_EPROTO;
    if (s->peer.nr_queues > cfg->max_queues ||
        s->peer.ring_order > cfg->max_ring_order ||
        (s->flags & OFFERS & ~now) != 0 ||
        (now & SPLITIO_BLKIF_READ_ONLY & ~s->flags) != 0 ||
        s->max_indirect > cfg->max_indirect ||
        s->sector_size != dev->info.sector_size ||
        s->units != (uint32_t)cfg->units ||
        (s->peer.persistent && cfg->max_persistent == 0))
        return SPLITIO_EOPNOTSUPP;
    return 0;
}

/* A request counts for its queue; the rest of it is looked at when it is
 * taken up. */
static int count_request(struct blob_reader *r, struct saved *s)
{
    uint32_t queue = blob_get_u32(r);

    if (queue >= s->peer.nr_queues)
        return SPLITIO_EPROTO;
    s->nr_requests[queue]++;
    return 0;
}

/* Exactly what was taken and not answered has a record. */
static int check_counts(const struct splitio_blkback *dev,
                        const struct saved *s)
{
    for (unsigned i = 0; i < s->peer.nr_queues; i++)
        if (s->req_cons[i] - s->rsp_prod[i] != s->nr_requests[i])
            return SPLITIO_EPROTO;
        else if (s->nr_requests[i] > splitio_blkback_nr_ios(&dev->cfg))
            return SPLITIO_EOPNOTSUPP;
    return 0;
}

static int read_blob(const struct splitio_blkback *dev, const void *blob,
                     size_t bytes, struct saved *s)
{
    struct blob_reader r;
    unsigned nr_queues = 0;
    int err = splitio_blob_open(&r, blob, bytes, SPLITIO_SAVE_BLKBACK), n = 0;

    *s = (struct saved){0};
    while (!err && (n = splitio_blob_next(&r, REC_REQUEST)) > 0) {
        if (r.tag == REC_CONNECTION && s->peer.nr_queues == 0) {
            get_connection(&r, s);
            err = r.is_short ? SPLITIO_EPROTO : check_connection(dev, s);
        } else if (r.tag == REC_QUEUE && nr_queues < s->peer.nr_queues) {
            get_queue(&r, s, nr_queues++);
        } else if (r.tag == REC_REQUEST && nr_queues &&
                   nr_queues == s->peer.nr_queues) {
            err = count_request(&r, s);
        } else {
            err = SPLITIO_EPROTO;
        }
    }
    if (!err)
        err = n;
    if (!err && (nr_queues == 0 || nr_queues != s->peer.nr_queues))
        err = SPLITIO_EPROTO;
    return err ? err : check_counts(dev, s);
}

int splitio_blkback_restore(struct splitio_blkback *dev, const void *blob,
                            size_t bytes)
{
    struct saved s;
    int err = dev->connected ? SPLITIO_EEXIST : read_blob(dev, blob, bytes, &s);

    if (err)
        return err;
    dev->saved = blob;
    dev->saved_bytes = bytes;
    dev->died = false; /* it knows better */
    if (dev->cfg.store)
        return 0;
    err = splitio_blkback_connect(dev, &s.peer);
    dev->saved = NULL;
    return err;
}

bool splitio_blkback_is_saved(const struct splitio_blkback *dev)
{
    return dev->saved || dev->died;
}

void splitio_blkback_drop_saved(struct splitio_blkback *dev)
{
    dev->saved = NULL;
    dev->died = false;
}

static int read_journal(const struct splitio_blkback *dev, struct saved *s)
{
    int err = splitio_blkback_journal_read(dev, s);

    if (!err)
        err = check_connection(dev, s);
    return err ? err : check_counts(dev, s);
}

static int read_saved(const struct splitio_blkback *dev, struct saved *s)
{
    return dev->saved ? read_blob(dev, dev->saved, dev->saved_bytes, s)
                      : read_journal(dev, s);
}

bool splitio_blkback_is_saved_peer(const struct splitio_blkback *dev)
{
    const struct splitio_blkback_peer *now = &dev->peer;
    struct saved s;

    if (read_saved(dev, &s) || s.peer.domid != now->domid ||
        s.peer.abi != now->abi || s.peer.persistent != now->persistent ||
        s.peer.nr_queues != now->nr_queues ||
        s.peer.ring_order != now->ring_order)
        return false;
    for (unsigned i = 0; i < now->nr_queues; i++) {
        if (s.peer.queues[i].evtchn != now->queues[i].evtchn)
            return false;
        for (unsigned page = 0; page < 1u << now->ring_order; page++)
            if (s.peer.queues[i].grefs[page] != now->queues[i].grefs[page])
                return false;
    }
    return true;
}

/* ---- going on ---- */

static bool in_range(const struct splitio_blkback *dev, uint64_t sector,
                     uint64_t nr)
{
    return sector <= dev->params.nr_sectors &&
           nr <= dev->params.nr_sectors - sector;
}

/* As the parser does with what comes from the front. */
static int check_data(const struct splitio_blkback *dev,
                      const struct splitio_blk_request *req,
                      const struct splitio_blkif_segment *segs)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < req->nr_segs; i++) {
        uint32_t first = segs[i].first_sect, end = segs[i].last_sect + 1u;

        if (first >= end || end > 8 ||
            ((first | end) & dev->params.sector_mask) != 0)
            return SPLITIO_BLKIF_RSP_ERROR;
        total += end - first;
    }
    return total == req->nr_sectors && in_range(dev, req->sector, total)
               ? 0
               : SPLITIO_BLKIF_RSP_ERROR;
}

static int check_request(const struct splitio_blkback *dev,
                         const struct splitio_blk_request *req,
                         const struct splitio_blkif_segment *segs)
{
    uint32_t flags = dev->params.flags, needs = 0;
    bool reads = req->op == SPLITIO_BLKIF_OP_READ;
    bool plain = reads || req->op == SPLITIO_BLKIF_OP_WRITE;

    if (req->op == SPLITIO_BLKIF_OP_FLUSH_DISKCACHE)
        needs = SPLITIO_BLKIF_OFFERS_FLUSH;
    else if (req->op == SPLITIO_BLKIF_OP_WRITE_BARRIER)
        needs = SPLITIO_BLKIF_OFFERS_BARRIER;
    else if (req->op == SPLITIO_BLKIF_OP_DISCARD)
        needs = SPLITIO_BLKIF_OFFERS_DISCARD;
    else if (!plain)
        return SPLITIO_BLKIF_RSP_EOPNOTSUPP;
    if (needs & ~flags)
        return SPLITIO_BLKIF_RSP_EOPNOTSUPP;
    if (req->op == SPLITIO_BLKIF_OP_DISCARD)
        return req->nr_segs == 0 && in_range(dev, req->sector, req->nr_sectors)
                   ? 0
                   : SPLITIO_BLKIF_RSP_ERROR;
    if (req->nr_segs == 0)
        return plain ? SPLITIO_BLKIF_RSP_ERROR : 0;
    if (!reads && (flags & SPLITIO_BLKIF_READ_ONLY))
        return SPLITIO_BLKIF_RSP_ERROR;
    return check_data(dev, req, segs);
}

static void start_again(struct blkback_io *io, struct splitio_blk_request *req,
                        int status)
{
    if (!status)
        status = check_request(io->q->dev, req, io->segs);
    if (!status)
        status = splitio_blkback_prepare(io, req);
    splitio_blkback_io_start(io, status);
}

/* One request: its fields and segments. What makes no sense is answered so. It is
 * one of those that the blob has of its queue, which are counted down. */
static void take_up(struct splitio_blkback *dev, struct blob_reader *r,
                    struct saved *s)
{
    uint32_t queue = blob_get_u32(r);
    struct splitio_blkback_queue *q = &dev->queues[queue];
    struct splitio_blk_request *req = &q->req;
    struct blkback_io *io = splitio_blkback_io_get(q);
    int status = 0;

    *req = (struct splitio_blk_request){0};
    req->op = blob_get_u8(r);
    req->secure = blob_get_u8(r) != 0;
    req->nr_segs = blob_get_u16(r);
    req->id = blob_get_u64(r);
    req->sector = blob_get_u64(r);
    req->nr_sectors = blob_get_u64(r);
    io->id = req->id;
    io->op = req->op;
    if (req->nr_segs > dev->nr_segs_max) {
        status = SPLITIO_BLKIF_RSP_ERROR;
        req->nr_segs = 0;
    }
    for (unsigned i = 0; i < req->nr_segs; i++) {
        io->segs[i].gref = blob_get_u32(r);
        io->segs[i].first_sect = blob_get_u8(r);
        io->segs[i].last_sect = blob_get_u8(r);
    }
    if (r->is_short)
        status = SPLITIO_BLKIF_RSP_ERROR;
    r->is_short = false;
    splitio_blkback_journal_take(
        io, s->req_cons[queue] - s->nr_requests[queue]--, req, status);
    start_again(io, req, status);
}

static int load_blob(struct splitio_blkback *dev, struct saved *s)
{
    struct blob_reader r;
    int err = splitio_blob_open(&r, dev->saved, dev->saved_bytes,
                                SPLITIO_SAVE_BLKBACK);

    while (!err && splitio_blob_next(&r, REC_REQUEST) > 0)
        if (r.tag == REC_REQUEST)
            take_up(dev, &r, s);
    return err;
}

/* Each into the io that had it: the journal is right as it is. The last thing
 * that the dead back did may have been to publish: the front is told of it. */
static void load_journal(struct splitio_blkback_queue *q, const struct saved *s)
{
    const struct splitio_host_port *port = &q->dev->cfg.port;
    uint32_t seq = s->req_cons[q - q->dev->queues] - INT32_MAX, i;

    splitio_blkback_journal_clean(q);
    for (; (i = splitio_blkback_journal_next(q, &seq)) != NONE; seq++) {
        struct blkback_io *io = splitio_blkback_io_claim(q, i);
        int status = splitio_blkback_journal_request(io, &q->req);

        io->id = q->req.id;
        io->op = q->req.op;
        start_again(io, &q->req, status);
    }
    port->ops->event_send(port->ctx, q->evtchn);
}

int splitio_blkback_load(struct splitio_blkback *dev)
{
    bool blob = dev->saved != NULL;
    struct saved s;
    int err;

    if (!splitio_blkback_is_saved(dev))
        return 0;
    err = read_saved(dev, &s);
    for (unsigned i = 0; i < dev->nr_queues && !err; i++) {
        struct splitio_ring_back *ring = &dev->queues[i].ring;

        err =
            blob && ring->rsp_prod != s.rsp_prod[i]
                ? SPLITIO_EPROTO
                : splitio_ring_back_resume(ring, s.rsp_prod[i], s.req_cons[i]);
    }
    if (!err && blob)
        err = load_blob(dev, &s);
    for (unsigned i = 0; i < dev->nr_queues && !err && !blob; i++)
        load_journal(&dev->queues[i], &s);
    splitio_blkback_drop_saved(dev);
    return err;
}
