/* SPDX-License-Identifier: BSD-2-Clause */
/* What is left to others: as frames say it, and as virtio-net headers do. */
#include "tap.h"

#include <splitio/proto/packet.h>

#include <string.h>

/* Where the payload of a GSO frame begins, for the kernel to copy: it may be
 * any bound below the frame's length; the headers end soon after the TCP
 * checksum. */
static uint16_t header_length(const struct splitio_frame *f)
{
    uint32_t end = (uint32_t)f->csum_start + 20;

    return (uint16_t)(end < f->len_bytes ? end : f->len_bytes);
}

void tap_header_from_frame(struct virtio_net_hdr *h,
                           const struct splitio_frame *f)
{
    memset(h, 0, sizeof(*h));
    if (f->flags & SPLITIO_FRAME_CSUM_PARTIAL) {
        h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        h->csum_start = f->csum_start;
        h->csum_offset = f->csum_offset;
    } else if (f->flags & SPLITIO_FRAME_CSUM_VALID) {
        h->flags = VIRTIO_NET_HDR_F_DATA_VALID;
    }
    if (f->gso_type == SPLITIO_GSO_NONE)
        return;
    h->gso_type = f->gso_type == SPLITIO_GSO_TCPV4 ? VIRTIO_NET_HDR_GSO_TCPV4
                                                   : VIRTIO_NET_HDR_GSO_TCPV6;
    h->gso_size = f->gso_size;
    h->hdr_len = header_length(f);
}

/* The sum is filled in here when the bytes do not show where it belongs: whoever
 * gets the frame may have only the bytes to find the place by. */
static void fill_csum(struct splitio_frame *f, uint8_t *bytes)
{
    uint16_t sum = splitio_packet_csum(f->iov, f->nr_iov, f->csum_start,
                                       f->len_bytes - f->csum_start);

    memcpy(bytes + f->csum_start + f->csum_offset, &sum, sizeof(sum));
    f->flags = SPLITIO_FRAME_CSUM_VALID;
    f->csum_start = f->csum_offset = 0;
}

static bool take_csum(struct splitio_frame *f, const struct virtio_net_hdr *h,
                      const struct splitio_packet_info *info, uint8_t *bytes)
{
    if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) {
        if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID)
            f->flags |= SPLITIO_FRAME_CSUM_VALID;
        return true;
    }
    if ((uint32_t)h->csum_start + h->csum_offset + 2 > f->len_bytes)
        return false;
    f->flags |= SPLITIO_FRAME_CSUM_PARTIAL;
    f->csum_start = h->csum_start;
    f->csum_offset = h->csum_offset;
    if (!info || info->l4_offset != h->csum_start ||
        info->csum_offset != h->csum_offset)
        fill_csum(f, bytes);
    return true;
}

static bool take_gso(struct splitio_frame *f, const struct virtio_net_hdr *h,
                     const struct splitio_packet_info *info)
{
    uint8_t type = h->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;

    if (type == VIRTIO_NET_HDR_GSO_NONE)
        return true;
    if (!info || info->protocol != SPLITIO_PACKET_TCP ||
        !(f->flags & SPLITIO_FRAME_CSUM_PARTIAL) ||
        h->gso_size < SPLITIO_PACKET_GSO_SIZE_MIN)
        return false;
    if (type != (info->ip_version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4
                                       : VIRTIO_NET_HDR_GSO_TCPV6))
        return false;
    if (f->len_bytes - info->payload_offset <= h->gso_size)
        return true; /* one segment already */
    f->gso_type = info->ip_version == 4 ? SPLITIO_GSO_TCPV4 : SPLITIO_GSO_TCPV6;
    f->gso_size = h->gso_size;
    return true;
}

bool tap_frame_from_header(struct splitio_frame *f,
                           const struct virtio_net_hdr *h, uint8_t *bytes)
{
    struct splitio_packet_info found, *info = NULL;

    if (f->len_bytes < SPLITIO_FRAME_BYTES_MIN ||
        f->len_bytes > SPLITIO_FRAME_BYTES_MAX)
        return false;
    if ((h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM || h->gso_type) &&
        splitio_packet_parse(bytes, f->len_bytes, &found) == 0)
        info = &found;
    return take_csum(f, h, info, bytes) && take_gso(f, h, info);
}
