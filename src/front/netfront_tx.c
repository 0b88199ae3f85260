/* SPDX-License-Identifier: BSD-2-Clause */
/* Sending: copy into lent pages, fill slots, reclaim what is answered. */
#include "netfront_impl.h"

int splitio_netfront_tx_reap(struct splitio_netfront_queue *q)
{
    struct splitio_netif_tx_response rsp;
    int n;

    while ((n = splitio_netif_tx_front_take(&q->tx, &rsp)) > 0) {
        splitio_netif_tx_response_swap(&rsp);
        if (rsp.status == SPLITIO_NETIF_RSP_NULL)
            continue;
        if (rsp.id >= RING_SLOTS || q->tx_out[rsp.id] == TX_FREE)
            return SPLITIO_EPROTO;
        if (rsp.status != SPLITIO_NETIF_RSP_OKAY) {
            if (q->tx_out[rsp.id] == TX_MCAST)
                splitio_netfront_mcast_failed(q->dev);
            else
                q->dev->stats.tx_errors++;
        }
        q->tx_out[rsp.id] = TX_FREE;
        q->free_ids[q->nr_free++] = rsp.id;
    }
    return n;
}

static bool has_room(const struct splitio_netfront_queue *q, uint32_t pages,
                     uint32_t slots)
{
    return q->nr_free >= pages && splitio_ring_front_room(&q->tx.ring) >= slots;
}

int splitio_netfront_tx_wait(struct splitio_netfront_queue *q)
{
    uint32_t half = q->dev->config.nr_tx_pages / 2;
    uint32_t pages = q->tx_want_pages > half ? q->tx_want_pages : half;
    uint32_t distance;
    int n;

    for (;;) {
        if (has_room(q, pages, q->tx_want_slots))
            return 1;
        distance = q->nr_free < pages ? pages - q->nr_free : 1;
        n = splitio_ring_front_rearm(&q->tx.ring, distance);
        if (n < (int)distance)
            return n < 0 ? n : 0;
        n = splitio_netfront_tx_reap(q);
        if (n < 0)
            return n;
    }
}

/* Room for a frame, with reclaiming if need be. 0, EAGAIN, EPROTO. */
static int want_room(struct splitio_netfront_queue *q, uint32_t pages,
                     uint32_t extras)
{
    int n;

    if (has_room(q, pages, pages + extras))
        return 0;
    n = splitio_netfront_tx_reap(q);
    if (n < 0)
        return n;
    if (has_room(q, pages, pages + extras))
        return 0;
    q->tx_want_pages = pages;
    q->tx_want_slots = pages + extras;
    n = splitio_netfront_tx_wait(q);
    if (n != 0)
        return n < 0 ? n : 0;
    q->tx_blocked = true;
    q->dev->stats.tx_full++;
    return SPLITIO_EAGAIN;
}

static union splitio_netif_tx_slot *next_slot(struct splitio_netfront_queue *q)
{
    union splitio_netif_tx_slot *slot = splitio_netif_tx_front_reserve(&q->tx);

    SPLITIO_ASSUME(slot != NULL); /* want_room() has counted */
    return slot;
}

/* The next slot, all of it. */
static void put_request(struct splitio_netfront_queue *q, uint16_t id,
                        uint16_t flags, uint32_t size)
{
    union splitio_netif_tx_slot *slot = next_slot(q);

    slot->req.gref = splitio_le32(q->tx_pages[id].gref);
    slot->req.offset = 0;
    slot->req.flags = splitio_le16(flags);
    slot->req.id = splitio_le16(id);
    slot->req.size = splitio_le16((uint16_t)size);
}

static bool has_hash(const struct splitio_netfront_queue *q,
                     const struct splitio_frame *frame)
{
    return frame->hash_type != SPLITIO_HASH_NONE && q->dev->ctrl->hashing;
}

/* What the back is told of a frame besides its bytes. */
static uint32_t extras_of(const struct splitio_netfront_queue *q,
                          const struct splitio_frame *frame)
{
    return (frame->gso_type != SPLITIO_GSO_NONE) + has_hash(q, frame);
}

static void put_hash(struct splitio_netfront_queue *q,
                     const struct splitio_frame *frame)
{
    union splitio_netif_tx_slot *slot = next_slot(q);
    uint32_t value = splitio_le32(frame->hash);

    __builtin_memset(slot, 0, sizeof(*slot));
    slot->extra.type = SPLITIO_NETIF_EXTRA_HASH;
    slot->extra.u.hash.type = (uint8_t)(frame->hash_type - 1);
    slot->extra.u.hash.algorithm = SPLITIO_NETIF_HASH_TOEPLITZ;
    __builtin_memcpy(slot->extra.u.hash.value, &value, 4);
}

static void put_gso(struct splitio_netfront_queue *q,
                    const struct splitio_frame *frame)
{
    union splitio_netif_tx_slot *slot = next_slot(q);

    __builtin_memset(slot, 0, sizeof(*slot));
    slot->extra.type = SPLITIO_NETIF_EXTRA_GSO;
    if (has_hash(q, frame))
        slot->extra.flags = SPLITIO_NETIF_EXTRA_FLAG_MORE;
    slot->extra.u.gso.size = splitio_le16(frame->gso_size);
    slot->extra.u.gso.type = frame->gso_type == SPLITIO_GSO_TCPV4
                                 ? SPLITIO_NETIF_GSO_TCPV4
                                 : SPLITIO_NETIF_GSO_TCPV6;
}

/* Where in a frame's pieces we are. */
struct cursor {
    const struct splitio_iovec *iov;
    size_t at;
};

static void copy_bytes(struct cursor *c, uint8_t *dst, uint32_t len_bytes)
{
    while (len_bytes != 0) {
        size_t piece = c->iov->len_bytes - c->at;

        if (piece > len_bytes)
            piece = len_bytes;
        __builtin_memcpy(dst, (const uint8_t *)c->iov->base + c->at, piece);
        dst += piece;
        len_bytes -= (uint32_t)piece;
        c->at += piece;
        if (c->at == c->iov->len_bytes) {
            c->iov++;
            c->at = 0;
        }
    }
}

static uint16_t claim_id(struct splitio_netfront_queue *q, enum tx_kind kind)
{
    uint16_t id = q->free_ids[--q->nr_free];

    q->tx_out[id] = (uint8_t)kind;
    return id;
}

/* Nothing of earlier frames is left behind this one. */
static void scrub(struct splitio_netfront_queue *q, uint16_t id, uint32_t size)
{
    if (!q->dev->untrusted)
        return;
    if (size < q->tx_used[id])
        __builtin_memset(q->tx_pages[id].page + size, 0, q->tx_used[id] - size);
    q->tx_used[id] = (uint16_t)size;
}

int splitio_netfront_tx_mcast(struct splitio_netfront_queue *q, uint8_t type,
                              const uint8_t *addr)
{
    union splitio_netif_tx_slot *slot;
    int err = want_room(q, 1, 1);
    uint16_t id;

    if (err)
        return err;
    id = claim_id(q, TX_MCAST);
    scrub(q, id, 0);
    put_request(q, id, SPLITIO_NETTXF_EXTRA_INFO, 0);
    slot = next_slot(q);
    __builtin_memset(slot, 0, sizeof(*slot));
    slot->extra.type = type;
    __builtin_memcpy(slot->extra.u.mcast.addr, addr, 6);
    return 0;
}

/* All slots of one frame; there is room. The page of the first byte. */
static uint8_t *put_frame(struct splitio_netfront_queue *q,
                          const struct splitio_frame *frame, uint16_t flags)
{
    uint32_t rest = frame->len_bytes, size;
    struct cursor c = {frame->iov, 0};
    uint8_t *first = NULL;

    if (extras_of(q, frame) != 0)
        flags |= SPLITIO_NETTXF_EXTRA_INFO;
    while (rest != 0) {
        uint16_t id = claim_id(q, first ? TX_MORE : TX_FRAME);
        uint8_t *page = q->tx_pages[id].page;

        size = rest < SPLITIO_PAGE_SIZE ? rest : SPLITIO_PAGE_SIZE;
        copy_bytes(&c, page, size);
        scrub(q, id, size);
        if (rest > size)
            flags |= SPLITIO_NETTXF_MORE_DATA;
        put_request(q, id, flags, first ? size : frame->len_bytes);
        if (!first) {
            first = page;
            if (frame->gso_type != SPLITIO_GSO_NONE)
                put_gso(q, frame);
            if (has_hash(q, frame))
                put_hash(q, frame);
        }
        rest -= size;
        flags = 0;
    }
    q->dev->stats.tx_frames++;
    q->dev->stats.tx_bytes += frame->len_bytes;
    return first;
}

/* Whether the back takes a blank checksum of this frame. */
static bool takes_blank(const struct splitio_netfront_queue *q,
                        const struct splitio_frame *frame,
                        struct splitio_packet_info *info, bool *known)
{
    uint32_t both = SPLITIO_NETIF_F_CSUM_V4 | SPLITIO_NETIF_F_CSUM_V6;
    uint32_t has = q->dev->back_features & both;
    uint8_t head[SPLITIO_PACKET_HEAD_BYTES];
    uint32_t n;

    *known = false;
    if (has == both)
        return true;
    n = splitio_packet_gather(frame->iov, frame->nr_iov, 0, head, sizeof(head));
    if (splitio_packet_parse(head, n, info))
        return false;
    *known = true;
    return (has & (info->ip_version == 4 ? SPLITIO_NETIF_F_CSUM_V4
                                         : SPLITIO_NETIF_F_CSUM_V6)) != 0;
}

static int send_whole(struct splitio_netfront_queue *q,
                      const struct splitio_frame *frame)
{
    uint32_t pages =
        (frame->len_bytes + SPLITIO_PAGE_SIZE - 1) / SPLITIO_PAGE_SIZE;
    struct splitio_packet_info info;
    bool fill = false, known;
    uint16_t flags = 0, sum;
    uint8_t *first;
    int err;

    if (pages > 1 && !(q->dev->back_features & SPLITIO_NETIF_F_SG))
        return SPLITIO_EINVAL;
    if (frame->flags & SPLITIO_FRAME_CSUM_PARTIAL) {
        fill = !takes_blank(q, frame, &info, &known);
        if (fill && !known)
            return SPLITIO_EINVAL;
        flags = SPLITIO_NETTXF_DATA_VALIDATED;
        if (!fill)
            flags |= SPLITIO_NETTXF_CSUM_BLANK;
    } else if (frame->flags & SPLITIO_FRAME_CSUM_VALID) {
        flags = SPLITIO_NETTXF_DATA_VALIDATED;
    }
    err = want_room(q, pages, extras_of(q, frame));
    if (err)
        return err;
    first = put_frame(q, frame, flags);
    if (fill) {
        sum = splitio_packet_csum(frame->iov, frame->nr_iov, info.l4_offset,
                                  frame->len_bytes - info.l4_offset);
        __builtin_memcpy(first + info.l4_offset + info.csum_offset, &sum, 2);
    }
    return 0;
}

/* A segment in a page of its own, with a checksum if the back wants one. */
static void send_segment(struct splitio_netfront_queue *q, unsigned i,
                         const struct splitio_frame *frame)
{
    const struct splitio_packet_info *info = &q->gso.info;
    uint32_t size = splitio_packet_gso_bytes(&q->gso, i);
    uint32_t feature = info->ip_version == 4 ? SPLITIO_NETIF_F_CSUM_V4
                                             : SPLITIO_NETIF_F_CSUM_V6;
    uint16_t flags = SPLITIO_NETTXF_DATA_VALIDATED, sum;
    uint16_t id = claim_id(q, TX_FRAME);
    struct splitio_iovec iov = {q->tx_pages[id].page, size};

    splitio_packet_gso_make(&q->gso, i, frame->iov, frame->nr_iov, iov.base);
    scrub(q, id, size);
    if (q->dev->back_features & feature) {
        flags |= SPLITIO_NETTXF_CSUM_BLANK;
    } else {
        sum = splitio_packet_csum(&iov, 1, info->l4_offset,
                                  size - info->l4_offset);
        __builtin_memcpy(
            (uint8_t *)iov.base + info->l4_offset + info->csum_offset, &sum, 2);
    }
    put_request(q, id, flags, size);
    q->dev->stats.tx_frames++;
    q->dev->stats.tx_bytes += size;
}

/* Cuts a long frame for a back that does not: all segments or none. */
static int send_cut(struct splitio_netfront_queue *q,
                    const struct splitio_frame *frame)
{
    int n = splitio_packet_gso_init(&q->gso, frame->iov, frame->nr_iov,
                                    frame->len_bytes, frame->gso_size);
    int i, err;

    if (n < 0 || (uint32_t)n > q->dev->config.nr_tx_pages ||
        splitio_packet_gso_bytes(&q->gso, 0) > SPLITIO_PAGE_SIZE)
        return SPLITIO_EINVAL;
    err = want_room(q, (uint32_t)n, 0);
    if (err)
        return err;
    for (i = 0; i < n; i++)
        send_segment(q, (unsigned)i, frame);
    return 0;
}

int splitio_netfront_tx_send(struct splitio_netfront_queue *q,
                             const struct splitio_frame *frame)
{
    uint32_t feature = frame->gso_type == SPLITIO_GSO_TCPV4
                           ? SPLITIO_NETIF_F_GSO_TCPV4
                           : SPLITIO_NETIF_F_GSO_TCPV6;

    if (frame->len_bytes < SPLITIO_FRAME_BYTES_MIN)
        return SPLITIO_EINVAL;
    if (q->dev->has_mtu &&
        !splitio_packet_is_within(
            frame->iov, frame->nr_iov, frame->len_bytes,
            frame->gso_type == SPLITIO_GSO_NONE ? 0 : frame->gso_size,
            q->dev->mtu)) {
        q->dev->stats.tx_long++;
        return SPLITIO_EINVAL;
    }
    if (frame->gso_type != SPLITIO_GSO_NONE &&
        (!(q->dev->back_features & feature) ||
         frame->len_bytes > SPLITIO_NETIF_TX_BYTES_MAX))
        return send_cut(q, frame);
    if (frame->len_bytes > SPLITIO_NETIF_TX_BYTES_MAX)
        return SPLITIO_EINVAL;
    return send_whole(q, frame);
}
