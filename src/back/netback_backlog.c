/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames of the NIC that wait for the guest, made such that it can take them. */
#include "netback_impl.h"

void splitio_netback_rx_pop(struct splitio_netback_queue *q)
{
    q->backlog_head++;
    if (q->backlog_old != 0)
        q->backlog_old--;
}

/* Contiguous room behind the last frame, or at the start again; NULL if there
 * is none. */
static uint8_t *room(struct splitio_netback_queue *q, uint32_t len_bytes)
{
    uint32_t first, end;

    if (q->backlog_head == q->backlog_tail)
        return len_bytes <= q->backlog_bytes ? q->backlog : NULL;
    if (q->backlog_tail - q->backlog_head == BACKLOG_FRAMES)
        return NULL;
    first = q->backlog_frames[q->backlog_head % BACKLOG_FRAMES].offset;
    end = q->backlog_end;
    if (end <= first)
        return len_bytes < first - end ? q->backlog + end : NULL;
    if (len_bytes <= q->backlog_bytes - end)
        return q->backlog + end;
    return len_bytes < first ? q->backlog : NULL;
}

static void push(struct splitio_netback_queue *q, struct rx_frame *f,
                 const uint8_t *at)
{
    f->offset = (uint32_t)(at - q->backlog);
    q->backlog_end = f->offset + f->len_bytes;
    q->backlog_frames[q->backlog_tail++ % BACKLOG_FRAMES] = *f;
}

/* Puts the checksum in, for a guest that does not take blank ones. */
static void fill_csum(struct rx_frame *f, uint8_t *bytes, uint32_t start,
                      uint32_t offset)
{
    struct splitio_iovec iov = {bytes, f->len_bytes};
    uint16_t sum = splitio_packet_csum(&iov, 1, start, f->len_bytes - start);

    __builtin_memcpy(bytes + start + offset, &sum, 2);
    f->flags = SPLITIO_NETRXF_DATA_VALIDATED;
}

/* Whether the front takes a blank checksum of this frame. */
static bool takes_blank(const struct splitio_netback_queue *q,
                        const struct splitio_frame *frame)
{
    uint32_t both = SPLITIO_NETIF_F_CSUM_V4 | SPLITIO_NETIF_F_CSUM_V6;
    uint32_t has = q->dev->front_features & both;
    uint8_t head[SPLITIO_PACKET_HEAD_BYTES];
    struct splitio_packet_info info;
    uint32_t n;

    if (has == both || has == 0)
        return has != 0;
    n = splitio_packet_gather(frame->iov, frame->nr_iov, 0, head, sizeof(head));
    if (splitio_packet_parse(head, n, &info))
        return false;
    return has == (info.ip_version == 4 ? SPLITIO_NETIF_F_CSUM_V4
                                        : SPLITIO_NETIF_F_CSUM_V6);
}

static bool takes_gso(const struct splitio_netback_queue *q, uint8_t gso_type)
{
    uint32_t features = q->dev->front_features;

    return gso_type == SPLITIO_GSO_TCPV4
               ? (features & SPLITIO_NETIF_F_GSO_TCPV4) != 0
               : (features & SPLITIO_NETIF_F_GSO_TCPV6) != 0;
}

/* More than one slot only for who has said so, and not more than all take. */
static bool takes_bytes(const struct splitio_netback_queue *q,
                        uint32_t len_bytes)
{
    bool sg = (q->dev->front_features & SPLITIO_NETIF_F_SG) != 0;

    return splitio_netback_data_slots(q->dev, len_bytes) <=
           (sg ? SPLITIO_NETIF_SLOTS_MAX : 1);
}

/* A copy in the backlog, with the checksum filled in if need be. */
static int enqueue(struct splitio_netback_queue *q, struct rx_frame *f,
                   const struct splitio_frame *frame, bool fill)
{
    uint8_t *at = room(q, f->len_bytes);

    if (!at)
        return SPLITIO_EAGAIN;
    splitio_packet_gather(frame->iov, frame->nr_iov, 0, at, f->len_bytes);
    if (fill)
        fill_csum(f, at, frame->csum_start, frame->csum_offset);
    push(q, f, at);
    return 0;
}

/* Cuts a long frame for a guest that wants it so: all segments or none. */
static int enqueue_segments(struct splitio_netback_queue *q,
                            const struct splitio_frame *frame,
                            const struct rx_hash *hash)
{
    struct splitio_packet_gso *g = &q->gso;
    uint32_t end = q->backlog_end, tail = q->backlog_tail;
    bool fill = !takes_blank(q, frame);
    int n, i;

    n = splitio_packet_gso_init(g, frame->iov, frame->nr_iov, frame->len_bytes,
                                frame->gso_size);
    if (n < 0 || (uint32_t)n > BACKLOG_FRAMES ||
        !takes_bytes(q, splitio_packet_gso_bytes(g, 0)))
        return SPLITIO_EINVAL;
    for (i = 0; i < n; i++) {
        struct rx_frame f = {.hash = *hash};
        uint8_t *at;

        f.len_bytes = splitio_packet_gso_bytes(g, (unsigned)i);
        at = room(q, f.len_bytes);
        if (!at)
            break;
        splitio_packet_gso_make(g, (unsigned)i, frame->iov, frame->nr_iov, at);
        f.flags = SPLITIO_NETRXF_CSUM_BLANK | SPLITIO_NETRXF_DATA_VALIDATED;
        if (fill)
            fill_csum(&f, at, g->info.l4_offset, g->info.csum_offset);
        push(q, &f, at);
    }
    if (i == n)
        return 0;
    q->backlog_tail = tail;
    q->backlog_end = end;
    return q->backlog_head == tail ? SPLITIO_EINVAL : SPLITIO_EAGAIN;
}

static bool fields_agree(const struct splitio_frame *frame)
{
    if (frame->len_bytes < SPLITIO_FRAME_BYTES_MIN ||
        frame->len_bytes > SPLITIO_FRAME_BYTES_MAX)
        return false;
    return !(frame->flags & SPLITIO_FRAME_CSUM_PARTIAL) ||
           (uint32_t)frame->csum_start + frame->csum_offset + 2 <=
               frame->len_bytes;
}

static void translate(struct rx_frame *f, const struct splitio_frame *frame)
{
    f->offset = 0;
    f->len_bytes = frame->len_bytes;
    f->gso_size = frame->gso_size;
    f->gso_type = 0;
    if (frame->gso_type != SPLITIO_GSO_NONE)
        f->gso_type = frame->gso_type == SPLITIO_GSO_TCPV4
                          ? SPLITIO_NETIF_GSO_TCPV4
                          : SPLITIO_NETIF_GSO_TCPV6;
    f->flags = 0;
    if (frame->flags & SPLITIO_FRAME_CSUM_PARTIAL)
        f->flags = SPLITIO_NETRXF_CSUM_BLANK | SPLITIO_NETRXF_DATA_VALIDATED;
    else if (frame->flags & SPLITIO_FRAME_CSUM_VALID)
        f->flags = SPLITIO_NETRXF_DATA_VALIDATED;
}

/* Straight into the guest's pages, behind all that waits. */
static int accept_direct(struct splitio_netback_queue *q,
                         const struct rx_frame *f,
                         const struct splitio_frame *frame)
{
    int err = 0;

    if (q->backlog_head != q->backlog_tail)
        err = splitio_netback_rx_flush(q, BACKLOG_FRAMES);
    if (err < 0)
        return err;
    if (q->backlog_head != q->backlog_tail)
        return SPLITIO_EAGAIN;
    return splitio_netback_rx_direct(q, f, frame->iov);
}

static int accept_frame(struct splitio_netback_queue *q,
                        const struct splitio_frame *frame,
                        const struct rx_hash *hash)
{
    struct rx_frame f;
    bool fill = false;
    int err;

    if (!fields_agree(frame))
        return SPLITIO_EINVAL;
    if (frame->gso_type != SPLITIO_GSO_NONE &&
        (!takes_gso(q, frame->gso_type) || !takes_bytes(q, frame->len_bytes)))
        return enqueue_segments(q, frame, hash);
    if (!takes_bytes(q, frame->len_bytes))
        return SPLITIO_EINVAL;
    translate(&f, frame);
    f.hash = *hash;
    if (frame->flags & SPLITIO_FRAME_CSUM_PARTIAL)
        fill = !takes_blank(q, frame);
    if (!fill && frame->len_bytes >= RX_DIRECT_BYTES &&
        frame->nr_iov <= RX_DIRECT_IOVS) {
        err = accept_direct(q, &f, frame);
        if (err != SPLITIO_EAGAIN)
            return err;
    }
    return enqueue(q, &f, frame, fill);
}

int splitio_netback_rx_accept(struct splitio_netback_queue *q,
                              const struct splitio_frame *frame,
                              const struct rx_hash *hash)
{
    int err = accept_frame(q, frame, hash);

    if (err == SPLITIO_EINVAL)
        q->dev->stats.rx_dropped++;
    return err;
}
