/* SPDX-License-Identifier: BSD-2-Clause */
/* From frames to the pages that the guest lends. */
#include "netback_impl.h"

/* What the front is told about a frame besides its bytes. */
static unsigned extras_of(const struct splitio_netback_queue *q,
                          const struct rx_frame *f)
{
    return (f->gso_type != 0) + (q->dev->headroom != 0) +
           (f->hash.type != SPLITIO_HASH_NONE);
}

static unsigned slots_of(const struct splitio_netback_queue *q,
                         const struct rx_frame *f)
{
    return splitio_netback_data_slots(q->dev, f->len_bytes) + extras_of(q, f);
}

/* Requests waiting, looked for again if too few. */
static int rx_pending(struct splitio_netback_queue *q, unsigned need)
{
    int n = splitio_ring_back_pending(&q->rx.ring);

    if (n < 0 || (unsigned)n >= need)
        return n;
    return splitio_ring_back_look(&q->rx.ring);
}

/* Slots of which a copy has failed say so to the guest. */
static void mark_faults(struct splitio_netback_queue *q)
{
    int16_t error = (int16_t)splitio_le16((uint16_t)SPLITIO_NETIF_RSP_ERROR);
    unsigned i;

    for (i = 0; i < q->nr_ops; i++) {
        struct splitio_netif_rx_response *rsp = &q->rsps[q->op_rsp[i]].rsp;

        if (q->ops[i].status == SPLITIO_GNTST_OKAY || rsp->status == error)
            continue;
        rsp->status = error;
        q->dev->stats.rx_faults++;
    }
}

/* Executes the copies, then answers. */
static void commit(struct splitio_netback_queue *q)
{
    const struct splitio_host_port *host = &q->dev->config.port;
    unsigned i;

    if (q->nr_rsps == 0)
        return;
    if (q->nr_ops != 0 && host->ops->copy(host->ctx, q->ops, q->nr_ops) != 0)
        mark_faults(q);
    q->dev->stats.copies += q->nr_ops;
    /* Back to back: a back that dies in between leaves answers in slots that
     * the next one takes for requests. */
    for (i = 0; i < q->nr_rsps; i++)
        splitio_netif_rx_back_put(&q->rx, &q->rsps[i]);
    if (splitio_ring_back_publish(&q->rx.ring))
        q->rx_notify = true;
    q->nr_ops = q->nr_rsps = 0;
}

/* The next slot of the guest, with the flags and size of what goes there. */
static splitio_gref_t place_slot(struct splitio_netback_queue *q,
                                 uint16_t flags, uint32_t size)
{
    struct splitio_netif_rx_request req = {0, 0, 0};
    union splitio_netif_rx_slot *slot = &q->rsps[q->nr_rsps++];

    splitio_netif_rx_back_take(&q->rx, &req);
    splitio_netif_rx_request_swap(&req);
    slot->rsp.id = req.id;
    slot->rsp.offset = q->dev->headroom;
    slot->rsp.flags = flags;
    slot->rsp.status = (int16_t)size;
    splitio_netif_rx_response_swap(&slot->rsp);
    return req.gref;
}

/* The next extra of those that are left. */
static struct splitio_netif_extra *place_extra(struct splitio_netback_queue *q,
                                               uint8_t type, unsigned *left)
{
    struct splitio_netif_extra *e;

    place_slot(q, 0, 0);
    e = &q->rsps[q->nr_rsps - 1].extra;
    __builtin_memset(e, 0, sizeof(*e));
    e->type = type;
    e->flags = --*left != 0 ? SPLITIO_NETIF_EXTRA_FLAG_MORE : 0;
    return e;
}

static void place_extras(struct splitio_netback_queue *q,
                         const struct rx_frame *f)
{
    unsigned left = extras_of(q, f);
    struct splitio_netif_extra *e;

    if (f->gso_type != 0) {
        e = place_extra(q, SPLITIO_NETIF_EXTRA_GSO, &left);
        e->u.gso.size = splitio_le16(f->gso_size);
        e->u.gso.type = f->gso_type;
    }
    if (q->dev->headroom != 0) {
        e = place_extra(q, SPLITIO_NETIF_EXTRA_XDP, &left);
        e->u.xdp.headroom = splitio_le16(q->dev->headroom);
    }
    if (f->hash.type != SPLITIO_HASH_NONE) {
        uint32_t value = splitio_le32(f->hash.value);

        e = place_extra(q, SPLITIO_NETIF_EXTRA_HASH, &left);
        e->u.hash.type = (uint8_t)(f->hash.type - 1);
        e->u.hash.algorithm = SPLITIO_NETIF_HASH_TOEPLITZ;
        __builtin_memcpy(e->u.hash.value, &value, 4);
    }
}

static void add_op(struct splitio_netback_queue *q, uint8_t *from,
                   splitio_gref_t gref, uint32_t offset, uint32_t len_bytes,
                   unsigned rsp)
{
    struct splitio_grant_copy *op = &q->ops[q->nr_ops];

    op->src.local = from;
    op->dst.local = NULL;
    op->dst.domid = q->dev->peer;
    op->dst.gref = gref;
    op->dst.offset = offset;
    op->len_bytes = len_bytes;
    op->status = SPLITIO_GNTST_GENERAL_ERROR;
    q->op_rsp[q->nr_ops++] = (uint16_t)rsp;
}

/* Where in a frame's pieces we are. */
struct cursor {
    const struct splitio_iovec *iov;
    size_t at;
};

/* Copies that fill one page from the pieces. */
static void place_bytes(struct splitio_netback_queue *q, struct cursor *c,
                        splitio_gref_t gref, uint32_t size, unsigned rsp)
{
    uint8_t *va = splitio_netback_staged(q, gref, true);
    uint32_t done = 0;

    q->dev->stats.staged_copies += va != NULL;
    while (done < size) {
        size_t piece = c->iov->len_bytes - c->at;

        if (piece > size - done)
            piece = size - done;
        if (va)
            __builtin_memcpy(va + q->dev->headroom + done,
                             (uint8_t *)c->iov->base + c->at, piece);
        else if (piece != 0)
            add_op(q, (uint8_t *)c->iov->base + c->at, gref,
                   q->dev->headroom + done, (uint32_t)piece, rsp);
        done += (uint32_t)piece;
        c->at += piece;
        if (c->at == c->iov->len_bytes) {
            c->iov++;
            c->at = 0;
        }
    }
}

/* Slots and copies of one frame; the caller has seen to it that they last. */
static void place(struct splitio_netback_queue *q, const struct rx_frame *f,
                  const struct splitio_iovec *iov)
{
    uint32_t each = splitio_netback_slot_bytes(q->dev);
    struct cursor c = {iov, 0};
    uint32_t done = 0, size;
    uint16_t flags = f->flags;

    if (extras_of(q, f) != 0)
        flags |= SPLITIO_NETRXF_EXTRA_INFO;
    while (done < f->len_bytes) {
        splitio_gref_t gref;
        unsigned rsp = q->nr_rsps;

        size = f->len_bytes - done;
        if (size > each) {
            size = each;
            flags |= SPLITIO_NETRXF_MORE_DATA;
        }
        gref = place_slot(q, flags, size);
        if (done == 0)
            place_extras(q, f);
        place_bytes(q, &c, gref, size, rsp);
        done += size;
        flags = 0;
    }
    q->dev->stats.rx_frames++;
    q->dev->stats.rx_bytes += f->len_bytes;
}

int splitio_netback_rx_direct(struct splitio_netback_queue *q,
                              const struct rx_frame *f,
                              const struct splitio_iovec *iov)
{
    unsigned need = slots_of(q, f);
    int n = rx_pending(q, need);

    if (n < 0)
        return n;
    if ((unsigned)n < need)
        return SPLITIO_EAGAIN;
    place(q, f, iov);
    commit(q);
    /* A long frame is worth waking a guest that sleeps, now. */
    if (q->rx_notify)
        splitio_netback_notify(q);
    return 0;
}

static struct rx_frame *backlog_first(struct splitio_netback_queue *q)
{
    return &q->backlog_frames[q->backlog_head % BACKLOG_FRAMES];
}

int splitio_netback_rx_flush(struct splitio_netback_queue *q, unsigned budget)
{
    unsigned done = 0;
    int n = 0;

    while (done < budget && q->backlog_head != q->backlog_tail) {
        struct rx_frame *f = backlog_first(q);
        struct splitio_iovec iov = {q->backlog + f->offset, f->len_bytes};
        unsigned need = slots_of(q, f);

        if (splitio_netback_data_slots(q->dev, f->len_bytes) >
            SPLITIO_NETIF_SLOTS_MAX) { /* since the front wants headroom */
            q->dev->stats.rx_dropped++;
            splitio_netback_rx_pop(q);
            continue;
        }
        n = rx_pending(q, need);
        if (n < 0 || (unsigned)n < need)
            break;
        if (q->nr_rsps + need > BATCH_OPS || q->nr_ops + need > BATCH_OPS)
            commit(q);
        place(q, f, &iov);
        splitio_netback_rx_pop(q);
        done++;
    }
    commit(q);
    return n < 0 ? n : (int)done;
}

int splitio_netback_rx_rearm(struct splitio_netback_queue *q)
{
    const struct rx_frame *f;
    unsigned need;
    int n;

    if (q->backlog_head == q->backlog_tail)
        return 0;
    f = backlog_first(q);
    need = slots_of(q, f);
    n = splitio_ring_back_rearm(&q->rx.ring, need);
    if (n < 0)
        return n;
    return (unsigned)n >= need;
}
