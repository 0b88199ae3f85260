/* SPDX-License-Identifier: BSD-2-Clause */
/* From the guest to the NIC: take a batch, copy it, check the copy, send it. */
#include "netback_impl.h"

/* What has been taken from the ring for one batch. */
struct batch {
    unsigned nr_ids;
    uint32_t staged;
};

static void add_ops(struct splitio_netback_queue *q, struct tx_frame *f,
                    const struct splitio_netif_tx_packet *p)
{
    uint8_t *to = q->staging + f->offset;
    unsigned i;

    f->first_op = (uint16_t)q->nr_ops;
    for (i = 0; i < p->nr_segs; i++, to += p->segs[i - 1].size) {
        const uint8_t *va = splitio_netback_staged(q, p->segs[i].gref, false);
        struct splitio_grant_copy *op;

        if (va) {
            splitio_copy_once(to, va + p->segs[i].offset, p->segs[i].size);
            q->dev->stats.staged_copies++;
            continue;
        }
        op = &q->ops[q->nr_ops++];
        op->src.local = NULL;
        op->src.domid = q->dev->peer;
        op->src.gref = p->segs[i].gref;
        op->src.offset = p->segs[i].offset;
        op->dst.local = to;
        op->len_bytes = p->segs[i].size;
        op->status = SPLITIO_GNTST_GENERAL_ERROR;
    }
    f->nr_ops = (uint8_t)(q->nr_ops - f->first_op);
}

/* One chain of slots off the ring. 1, 0: none there, SPLITIO_EPROTO. */
static int take_chain(struct splitio_netback_queue *q,
                      struct splitio_netif_tx_packet *p)
{
    union splitio_netif_tx_slot slot;
    int n, more;

    n = splitio_netif_tx_back_take(&q->tx, &slot);
    if (n <= 0)
        return n;
    splitio_netif_tx_begin(p);
    while ((more = splitio_netif_tx_feed(p, &slot)) > 0) {
        /* Chains are published whole: one that is cut is a lie. */
        if (splitio_netif_tx_back_take(&q->tx, &slot) != 1)
            return SPLITIO_EPROTO;
    }
    return more < 0 ? more : 1;
}

/* Enters a chain into the batch. */
static void stage(struct splitio_netback_queue *q, struct batch *b,
                  const struct splitio_netif_tx_packet *p)
{
    struct tx_frame *f = &q->frames[q->nr_frames++];
    unsigned i;

    f->ok = p->verdict == SPLITIO_NETIF_ACCEPT;
    f->mcast = p->verdict == SPLITIO_NETIF_MCAST;
    f->offset = b->staged;
    f->len_bytes = p->len_bytes;
    f->flags = p->flags;
    f->gso_size = p->gso_size;
    f->gso_type = p->gso_type;
    f->nr_ids = p->nr_ids;
    f->nr_extras = p->nr_extras;
    f->nr_ops = 0;
    f->hash_type = p->hash_type;
    f->hash = p->hash;
    f->csum_start = f->csum_offset = 0;
    for (i = 0; i < p->nr_ids; i++)
        q->ids[b->nr_ids++] = p->ids[i];
    if (f->mcast)
        f->ok = splitio_netback_mcast_change(q->dev, p);
    if (f->mcast || !f->ok)
        return;
    splitio_netback_spend(q->dev, p->len_bytes);
    add_ops(q, f, p);
    b->staged +=
        (p->len_bytes + SPLITIO_CACHE_LINE - 1) & ~(SPLITIO_CACHE_LINE - 1);
}

/* Takes up to budget chains, as far as staging and ops last. */
static int collect(struct splitio_netback_queue *q, unsigned budget)
{
    struct splitio_netif_tx_packet p;
    struct batch b = {0, 0};
    int n;

    q->nr_frames = q->next_frame = q->nr_ops = 0;
    if (budget > TX_BATCH_FRAMES)
        budget = TX_BATCH_FRAMES;
    while (q->nr_frames < budget && splitio_netback_has_credit(q->dev) &&
           b.staged + SPLITIO_NETIF_TX_BYTES_MAX <= TX_STAGING &&
           q->nr_ops + SPLITIO_NETIF_SLOTS_MAX <= BATCH_OPS) {
        n = take_chain(q, &p);
        if (n < 0) {
            q->nr_frames = q->nr_ops = 0;
            return n;
        }
        if (n == 0)
            break;
        stage(q, &b, &p);
    }
    return (int)q->nr_frames;
}

/* Puts the checksum of a frame in, for a NIC that does not. */
static void fill_csum(struct tx_frame *f, uint8_t *bytes)
{
    struct splitio_iovec iov = {bytes, f->len_bytes};
    uint16_t sum = splitio_packet_csum(&iov, 1, f->csum_start,
                                       f->len_bytes - f->csum_start);

    __builtin_memcpy(bytes + f->csum_start + f->csum_offset, &sum, 2);
    f->frame_flags = SPLITIO_FRAME_CSUM_VALID;
}

/* Segmentation as asked for: is it so in the bytes? */
static bool check_gso(const struct splitio_netback_queue *q, struct tx_frame *f,
                      uint8_t *bytes, const struct splitio_packet_info *info)
{
    unsigned version = f->gso_type == SPLITIO_NETIF_GSO_TCPV4 ? 4 : 6;
    uint32_t feature =
        version == 4 ? SPLITIO_NETIF_F_GSO_TCPV4 : SPLITIO_NETIF_F_GSO_TCPV6;
    uint16_t sum;

    if (!(q->dev->config.features & feature) ||
        info->protocol != SPLITIO_PACKET_TCP || info->ip_version != version)
        return false;
    if (!(f->flags & SPLITIO_NETTXF_CSUM_BLANK)) {
        sum = splitio_packet_pseudo_sum(bytes, info,
                                        f->len_bytes - info->l4_offset);
        __builtin_memcpy(bytes + info->l4_offset + info->csum_offset, &sum, 2);
    }
    if (f->len_bytes - info->payload_offset <= f->gso_size)
        f->gso_type = 0;
    return true;
}

/* Derives from the copied bytes what the guest has left to others. */
static bool check_offloads(const struct splitio_netback_queue *q,
                           struct tx_frame *f)
{
    uint8_t *bytes = q->staging + f->offset;
    struct splitio_packet_info info;

    f->frame_flags = 0;
    if (!(f->flags & SPLITIO_NETTXF_CSUM_BLANK) && f->gso_type == 0) {
        if (f->flags & SPLITIO_NETTXF_DATA_VALIDATED)
            f->frame_flags = SPLITIO_FRAME_CSUM_VALID;
        return true;
    }
    if (splitio_packet_parse(bytes, f->len_bytes, &info))
        return false;
    if (f->gso_type != 0 && !check_gso(q, f, bytes, &info))
        return false;
    f->csum_start = info.l4_offset;
    f->csum_offset = info.csum_offset;
    f->frame_flags = SPLITIO_FRAME_CSUM_PARTIAL;
    if (f->gso_type == 0 && !(q->dev->nic_info.flags & SPLITIO_NIC_CSUM))
        fill_csum(f, bytes);
    return true;
}

static void check_frame(struct splitio_netback_queue *q, struct tx_frame *f)
{
    struct splitio_netback_stats *stats = &q->dev->stats;
    unsigned i;

    if (f->mcast)
        return;
    if (!f->ok) {
        stats->tx_bad++;
        return;
    }
    for (i = 0; i < f->nr_ops; i++) {
        if (q->ops[f->first_op + i].status != SPLITIO_GNTST_OKAY) {
            f->ok = false;
            stats->tx_faults++;
            return;
        }
    }
    f->ok = check_offloads(q, f);
    if (!f->ok)
        stats->tx_bad++;
}

static void put_response(struct splitio_netback_queue *q, uint16_t id,
                         int16_t status)
{
    struct splitio_netif_tx_response rsp = {id, status};

    splitio_netif_tx_response_swap(&rsp);
    splitio_netif_tx_back_put(&q->tx, &rsp);
}

/* One response for each slot, extras included. */
static void answer(struct splitio_netback_queue *q, const struct tx_frame *f,
                   const uint16_t *ids)
{
    int16_t status = f->ok ? SPLITIO_NETIF_RSP_OKAY : SPLITIO_NETIF_RSP_ERROR;
    unsigned i;

    put_response(q, ids[0], status);
    for (i = 0; i < f->nr_extras; i++)
        put_response(q, 0, SPLITIO_NETIF_RSP_NULL);
    for (i = 1; i < f->nr_ids; i++)
        put_response(q, ids[i], status);
}

/* Copies and checks what has been collected; the guest gets its pages back
 * before anything is sent. */
static void copy_and_answer(struct splitio_netback_queue *q)
{
    const struct splitio_host_port *host = &q->dev->config.port;
    const uint16_t *ids = q->ids;
    unsigned i;

    if (q->nr_ops != 0)
        host->ops->copy(host->ctx, q->ops, q->nr_ops);
    q->dev->stats.copies += q->nr_ops;
    for (i = 0; i < q->nr_frames; i++) {
        check_frame(q, &q->frames[i]);
        answer(q, &q->frames[i], ids);
        ids += q->frames[i].nr_ids;
    }
    q->nr_ops = 0;
    if (splitio_ring_back_publish(&q->tx.ring))
        q->tx_notify = true;
}

static int send_one(struct splitio_netback_queue *q, const struct tx_frame *f)
{
    struct splitio_netback *dev = q->dev;
    const struct splitio_nic *nic = &dev->config.nic;
    struct splitio_iovec iov = {q->staging + f->offset, f->len_bytes};
    struct splitio_frame frame = {
        .iov = &iov,
        .nr_iov = 1,
        .len_bytes = f->len_bytes,
        .flags = f->frame_flags,
        .csum_start = f->csum_start,
        .csum_offset = f->csum_offset,
        .hash_type = f->hash_type,
        .hash = f->hash,
    };

    if (f->gso_type != 0) {
        frame.gso_size = f->gso_size;
        frame.gso_type = f->gso_type == SPLITIO_NETIF_GSO_TCPV4
                             ? SPLITIO_GSO_TCPV4
                             : SPLITIO_GSO_TCPV6;
    }
    if (!splitio_netback_is_short(dev, &frame)) {
        dev->stats.tx_long++;
        return SPLITIO_E2BIG;
    }
    return dev->no_carrier ? SPLITIO_EIO : nic->ops->send(nic->ctx, &frame);
}

/* Sends what is staged. False: the NIC is full, the rest stays staged. */
static bool send_staged(struct splitio_netback_queue *q)
{
    struct splitio_netback *dev = q->dev;

    for (; q->next_frame < q->nr_frames; q->next_frame++) {
        const struct tx_frame *f = &q->frames[q->next_frame];
        int err;

        if (!f->ok || f->mcast)
            continue;
        err = send_one(q, f);
        if (err == SPLITIO_EAGAIN && q->nic_full++ < dev->config.nic_full_polls)
            return false;
        q->nic_full = 0;
        if (err) {
            dev->stats.tx_dropped += err != SPLITIO_E2BIG;
            continue;
        }
        dev->stats.tx_frames++;
        dev->stats.tx_bytes += f->len_bytes;
    }
    q->nr_frames = q->next_frame = 0;
    return true;
}

int splitio_netback_tx_poll(struct splitio_netback_queue *q, unsigned budget)
{
    unsigned done = 0;
    int n;

    if (!send_staged(q) || q->dev->paused)
        return 0;
    while (done < budget) {
        n = collect(q, budget - done);
        if (n < 0)
            return n;
        if (n == 0) {
            n = splitio_ring_back_rearm(&q->tx.ring, 1);
            if (n < 0)
                return n;
            if (n == 0 || splitio_netback_waits(q->dev))
                break;
            continue;
        }
        done += (unsigned)n;
        copy_and_answer(q);
        if (!send_staged(q))
            break;
    }
    return (int)done;
}
