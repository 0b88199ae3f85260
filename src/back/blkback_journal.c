/* SPDX-License-Identifier: BSD-2-Clause */
/* The journal's memory. Each step is one store, which comes after all that it
 * speaks of: whatever the last one was, the journal is whole. */
#include "blkback_journal.h"

#define MAGIC   0x4A4C5053u /* "SPLJ" */
#define VERSION 1u

enum entry_state {
    ENTRY_FREE,
    ENTRY_TAKEN,
    ENTRY_ANSWERED,
};

/* Of the io with the same number. */
struct entry {
    uint32_t state;
    uint32_t seq;    /* the request's index in the ring */
    uint32_t answer; /* its answer's, once there is one */
    int16_t status;  /* found wrong when it was taken */
    uint16_t nr_segs;
    uint8_t op, secure;
    uint64_t id, sector, nr_sectors;
    struct splitio_blkif_segment segs[];
};

struct journal {
    uint32_t magic, version;
    uint32_t nr_queues, nr_ios, nr_segs; /* its shape */
    uint32_t in_use;
    /* Entries behind these have never been in use. */
    uint32_t nr_used[SPLITIO_BLKBACK_QUEUES_MAX];
    struct saved saved; /* requests counted when it is read */
};

#define HEAD_BYTES                                                             \
    ((sizeof(struct journal) + SPLITIO_CACHE_LINE - 1) &                       \
     ~(size_t)(SPLITIO_CACHE_LINE - 1))

static size_t entry_bytes(uint32_t nr_segs)
{
    size_t bytes =
        sizeof(struct entry) + nr_segs * sizeof(struct splitio_blkif_segment);

    return (bytes + SPLITIO_CACHE_LINE - 1) & ~(size_t)(SPLITIO_CACHE_LINE - 1);
}

size_t splitio_blkback_journal_bytes(const struct splitio_blkback_config *cfg)
{
    if (splitio_blkback_mem_bytes(cfg) == 0)
        return 0;
    return HEAD_BYTES + (size_t)cfg->max_queues * splitio_blkback_nr_ios(cfg) *
                            entry_bytes(splitio_blkback_nr_segs_max(cfg));
}

static struct journal *journal_of(const struct splitio_blkback *dev)
{
    return dev->cfg.journal;
}

static struct entry *entry_at(const struct splitio_blkback_queue *q, uint32_t i)
{
    const struct splitio_blkback *dev = q->dev;
    size_t nr = (size_t)(q - dev->queues) * splitio_blkback_nr_ios(&dev->cfg);

    return (void *)((uint8_t *)dev->cfg.journal + HEAD_BYTES +
                    (nr + i) * entry_bytes(dev->nr_segs_max));
}

static struct entry *entry_of(const struct blkback_io *io)
{
    return entry_at(io->q, (uint32_t)(io - io->q->ios));
}

/* Whatever the journal says, no more than there are. */
static uint32_t nr_used(const struct splitio_blkback_queue *q)
{
    uint32_t nr = splitio_blkback_nr_ios(&q->dev->cfg);
    uint32_t used = journal_of(q->dev)->nr_used[q - q->dev->queues];

    return used < nr ? used : nr;
}

/* ---- writing ---- */

void splitio_blkback_journal_begin(struct splitio_blkback *dev)
{
    struct journal *j = journal_of(dev);

    if (!j)
        return;
    splitio_store_release_u32(&j->in_use, 0);
    splitio_fence();
    j->magic = MAGIC;
    j->version = VERSION;
    j->nr_queues = dev->cfg.max_queues;
    j->nr_ios = splitio_blkback_nr_ios(&dev->cfg);
    j->nr_segs = dev->nr_segs_max;
    splitio_blkback_save_connection(dev, &j->saved);
    for (unsigned i = 0; i < dev->nr_queues; i++)
        for (uint32_t k = 0; k < nr_used(&dev->queues[i]); k++)
            entry_at(&dev->queues[i], k)->state = ENTRY_FREE;
}

void splitio_blkback_journal_confirm(struct splitio_blkback *dev)
{
    struct journal *j = journal_of(dev);

    if (!j || j->in_use)
        return;
    for (unsigned i = 0; i < dev->nr_queues; i++) {
        j->saved.req_cons[i] = dev->queues[i].ring.req_cons;
        j->saved.rsp_prod[i] = dev->queues[i].ring.rsp_published;
    }
    splitio_store_release_u32(&j->in_use, 1);
}

void splitio_blkback_journal_end(struct splitio_blkback *dev)
{
    if (dev->cfg.journal)
        splitio_store_release_u32(&journal_of(dev)->in_use, 0);
}

void splitio_blkback_journal_take(struct blkback_io *io, uint32_t seq,
                                  const struct splitio_blk_request *req,
                                  int status)
{
    struct journal *j = journal_of(io->q->dev);
    size_t queue = (size_t)(io->q - io->q->dev->queues);
    uint32_t i = (uint32_t)(io - io->q->ios);
    struct entry *e;

    if (!j)
        return;
    e = entry_of(io);
    e->seq = seq;
    e->status = (int16_t)status;
    e->nr_segs = status ? 0 : req->nr_segs;
    e->op = req->op;
    e->secure = req->secure;
    e->id = req->id;
    e->sector = req->sector;
    e->nr_sectors = req->nr_sectors;
    for (unsigned k = 0; k < e->nr_segs; k++)
        e->segs[k] = io->segs[k];
    splitio_store_release_u32(&e->state, ENTRY_TAKEN);
    if (i >= nr_used(io->q))
        splitio_store_release_u32(&j->nr_used[queue], i + 1);
    /* It counts from here on: before, it was still in the ring. */
    splitio_store_release_u32(&j->saved.req_cons[queue], io->q->ring.req_cons);
}

/* Until its answer is published, it has not been answered. */
void splitio_blkback_journal_answer(struct blkback_io *io)
{
    struct entry *e;

    if (!io->q->dev->cfg.journal)
        return;
    e = entry_of(io);
    e->answer = io->q->ring.rsp_prod;
    splitio_store_release_u32(&e->state, ENTRY_ANSWERED);
    splitio_fence(); /* before the answer, which may lie over a request */
}

void splitio_blkback_journal_publish(struct splitio_blkback_queue *q)
{
    struct journal *j = journal_of(q->dev);

    if (!j)
        return;
    splitio_store_release_u32(&j->saved.rsp_prod[q - q->dev->queues],
                              q->ring.rsp_prod);
}

void splitio_blkback_journal_forget(struct blkback_io *io)
{
    splitio_store_release_u32(&entry_of(io)->state, ENTRY_FREE);
}

/* ---- reading ---- */

bool splitio_blkback_journal_is_left(const struct splitio_blkback *dev)
{
    const struct journal *j = journal_of(dev);

    return j && j->magic == MAGIC && j->version == VERSION &&
           j->nr_queues == dev->cfg.max_queues &&
           j->nr_ios == splitio_blkback_nr_ios(&dev->cfg) &&
           j->nr_segs == dev->nr_segs_max && j->in_use == 1;
}

/* Taken, and the front has no answer that it could know of. */
static bool is_open(const struct entry *e, uint32_t req_cons, uint32_t rsp_prod)
{
    bool taken = (int32_t)(req_cons - e->seq) > 0;

    if (e->state == ENTRY_ANSWERED)
        return taken && (int32_t)(e->answer - rsp_prod) >= 0;
    return taken && e->state == ENTRY_TAKEN;
}

int splitio_blkback_journal_read(const struct splitio_blkback *dev,
                                 struct saved *s)
{
    *s = journal_of(dev)->saved;
    if (s->peer.nr_queues > dev->cfg.max_queues)
        return SPLITIO_EPROTO;
    for (unsigned i = 0; i < s->peer.nr_queues; i++) {
        s->nr_requests[i] = 0;
        for (uint32_t k = 0; k < nr_used(&dev->queues[i]); k++)
            s->nr_requests[i] += is_open(entry_at(&dev->queues[i], k),
                                         s->req_cons[i], s->rsp_prod[i]);
    }
    return 0;
}

void splitio_blkback_journal_clean(struct splitio_blkback_queue *q)
{
    const struct saved *s = &journal_of(q->dev)->saved;
    size_t queue = (size_t)(q - q->dev->queues);

    for (uint32_t i = 0; i < nr_used(q); i++) {
        struct entry *e = entry_at(q, i);

        bool open = is_open(e, s->req_cons[queue], s->rsp_prod[queue]);

        splitio_store_release_u32(&e->state, open ? ENTRY_TAKEN : ENTRY_FREE);
    }
}

int splitio_blkback_journal_request(struct blkback_io *io,
                                    struct splitio_blk_request *req)
{
    const struct entry *e = entry_of(io);
    uint32_t nr_segs = e->nr_segs;

    *req = (struct splitio_blk_request){
        .op = e->op,
        .secure = e->secure != 0,
        .id = e->id,
        .sector = e->sector,
        .nr_sectors = e->nr_sectors,
    };
    if (nr_segs > io->q->dev->nr_segs_max)
        return SPLITIO_BLKIF_RSP_ERROR;
    req->nr_segs = (uint16_t)nr_segs;
    for (unsigned i = 0; i < nr_segs; i++)
        io->segs[i] = e->segs[i];
    return e->status;
}

uint32_t splitio_blkback_journal_next(const struct splitio_blkback_queue *q,
                                      uint32_t *seq)
{
    uint32_t end = q->ring.req_cons, oldest = 0, found = NONE;

    for (uint32_t i = 0; i < nr_used(q); i++) {
        const struct entry *e = entry_at(q, i);
        uint32_t age = end - e->seq;

        if (e->state == ENTRY_FREE || age <= oldest || age > end - *seq)
            continue;
        oldest = age;
        found = i;
    }
    *seq = end - oldest;
    return found;
}
