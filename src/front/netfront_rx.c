/* SPDX-License-Identifier: BSD-2-Clause */
/* Receiving: take chains of responses, check, hand out, lend again. */
#include "netfront_impl.h"

static struct lent_page *page_of(struct splitio_netfront_queue *q,
                                 uint32_t index)
{
    return &q->rx_pages[index & (q->dev->config.nr_rx_pages - 1)];
}

static uint32_t free_slots(const struct splitio_netfront_queue *q)
{
    return q->dev->config.nr_rx_pages -
           (q->rx.ring.req_prod - q->rx.ring.rsp_cons);
}

void splitio_netfront_rx_post(struct splitio_netfront_queue *q)
{
    uint32_t nr = free_slots(q);

    if (nr == 0)
        return;
    while (nr-- != 0) {
        uint32_t index = q->rx.ring.req_prod;
        struct splitio_netif_rx_request *req =
            splitio_netif_rx_front_reserve(&q->rx);

        SPLITIO_ASSUME(req != NULL); /* no more pages than slots */
        req->id = splitio_le16((uint16_t)(index & RING_MASK));
        req->pad = 0;
        req->gref = splitio_le32(page_of(q, index)->gref);
    }
    if (splitio_ring_front_publish(&q->rx.ring))
        q->rx_notify = true;
}

/* One chain of responses off the ring. 1, 0: none there, EPROTO. */
static int take_chain(struct splitio_netfront_queue *q,
                      struct splitio_netif_rx_packet *p)
{
    union splitio_netif_rx_slot slot;
    uint32_t index = q->rx.ring.rsp_cons;
    int n, more;

    n = splitio_netif_rx_front_take(&q->rx, &slot);
    if (n <= 0)
        return n;
    splitio_netif_rx_begin(p);
    while ((more = splitio_netif_rx_feed(p, &slot, index)) > 0) {
        index = q->rx.ring.rsp_cons;
        if (splitio_netif_rx_front_take(&q->rx, &slot) != 1)
            return SPLITIO_EPROTO;
    }
    return more < 0 ? more : 1;
}

/* The pieces of a frame, the first bytes of which are a private copy. */
static uint32_t pieces(struct splitio_netfront_queue *q,
                       const struct splitio_netif_rx_packet *p,
                       struct splitio_iovec *iov)
{
    uint8_t *to = splitio_netfront_head(q);
    uint32_t head = 0, nr = 1, i;

    for (i = 0; i < p->nr_segs; i++) {
        const struct splitio_netif_rx_seg *s = &p->segs[i];
        uint8_t *at = page_of(q, s->index)->page + s->offset;
        uint32_t size = s->size, part = SPLITIO_PACKET_HEAD_BYTES - head;

        if (part > size)
            part = size;
        splitio_copy_once(to + head, at, part);
        head += part;
        if (part == size)
            continue;
        iov[nr].base = at + part;
        iov[nr++].len_bytes = size - part;
    }
    iov[0].base = to;
    iov[0].len_bytes = head;
    return nr;
}

/* Puts a sum of 16 bits into the private head. */
static void set_csum(struct splitio_netfront_queue *q,
                     const struct splitio_packet_info *info, uint16_t sum)
{
    __builtin_memcpy(splitio_netfront_head(q) + info->l4_offset +
                         info->csum_offset,
                     &sum, 2);
}

static bool gso_agrees(const struct splitio_netif_rx_packet *p,
                       const struct splitio_packet_info *info)
{
    return info->protocol == SPLITIO_PACKET_TCP &&
           info->ip_version == (p->gso_type == SPLITIO_NETIF_GSO_TCPV4 ? 4 : 6);
}

/* What the back has left undone, checked against the bytes. */
static bool set_offloads(struct splitio_netfront_queue *q,
                         const struct splitio_netif_rx_packet *p,
                         struct splitio_frame *f)
{
    uint32_t features = q->dev->config.features, feature;
    const uint8_t *head = splitio_netfront_head(q);
    struct splitio_packet_info info;

    if (!(p->flags & SPLITIO_NETRXF_CSUM_BLANK) && p->gso_type == 0) {
        if (p->flags & SPLITIO_NETRXF_DATA_VALIDATED)
            f->flags = SPLITIO_FRAME_CSUM_VALID;
        return true;
    }
    if (splitio_packet_parse(head, (uint32_t)f->iov[0].len_bytes, &info))
        return false;
    if (p->gso_type != 0) {
        if (!gso_agrees(p, &info))
            return false;
        if (!(p->flags & SPLITIO_NETRXF_CSUM_BLANK))
            set_csum(q, &info,
                     splitio_packet_pseudo_sum(head, &info,
                                               f->len_bytes - info.l4_offset));
        f->gso_size = p->gso_size;
        f->gso_type =
            info.ip_version == 4 ? SPLITIO_GSO_TCPV4 : SPLITIO_GSO_TCPV6;
    }
    f->flags = SPLITIO_FRAME_CSUM_PARTIAL;
    f->csum_start = info.l4_offset;
    f->csum_offset = info.csum_offset;
    feature = info.ip_version == 4 ? SPLITIO_NETIF_F_CSUM_V4
                                   : SPLITIO_NETIF_F_CSUM_V6;
    if (p->gso_type == 0 && !(features & feature)) {
        set_csum(q, &info,
                 splitio_packet_csum(f->iov, f->nr_iov, info.l4_offset,
                                     f->len_bytes - info.l4_offset));
        f->flags = SPLITIO_FRAME_CSUM_VALID;
    }
    return true;
}

static void deliver(struct splitio_netfront_queue *q,
                    const struct splitio_netif_rx_packet *p)
{
    struct splitio_netfront *dev = q->dev;
    struct splitio_iovec iov[SPLITIO_NETIF_SLOTS_MAX + 1];
    struct splitio_frame f = {0};

    f.nr_iov = pieces(q, p, iov);
    f.iov = iov;
    f.len_bytes = p->len_bytes;
    f.hash_type = p->hash_type;
    f.hash = p->hash;
    f.headroom_bytes = p->headroom < SPLITIO_NETIF_HEADROOM_MAX
                           ? p->headroom
                           : SPLITIO_NETIF_HEADROOM_MAX;
    if (!splitio_netfront_is_up(dev)) {
        dev->stats.rx_dropped++;
        return;
    }
    if (!set_offloads(q, p, &f)) {
        dev->stats.rx_errors++;
        return;
    }
    dev->stats.rx_frames++;
    dev->stats.rx_bytes += f.len_bytes;
    if (dev->nic_receive)
        dev->stats.rx_dropped += dev->nic_receive(dev->nic_receiver, &f) != 0;
    else if (dev->config.receive)
        dev->config.receive(dev->config.arg, &f);
}

int splitio_netfront_rx_poll(struct splitio_netfront_queue *q, unsigned budget)
{
    struct splitio_netif_rx_packet p;
    unsigned done = 0;
    int n;

    while (done < budget) {
        n = take_chain(q, &p);
        if (n < 0)
            return n;
        if (n == 0) {
            splitio_netfront_rx_post(q);
            n = splitio_ring_front_rearm(&q->rx.ring, 1);
            if (n < 0)
                return n;
            if (n == 0)
                break;
            continue;
        }
        done++;
        if (p.verdict == SPLITIO_NETIF_DROP)
            q->dev->stats.rx_errors++;
        else
            deliver(q, &p);
        if (free_slots(q) >= RX_POST_SLOTS)
            splitio_netfront_rx_post(q);
    }
    splitio_netfront_rx_post(q);
    return (int)done;
}
