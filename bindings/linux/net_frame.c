/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames: the kernel's and the front's. */
#include "net.h"

#include <linux/etherdevice.h>

void net_frame_of_skb(struct splitio_frame *frame, struct splitio_iovec *iov,
                      const struct sk_buff *skb)
{
    const struct skb_shared_info *info = skb_shinfo(skb);
    uint32_t nr = 0;

    if (skb_headlen(skb) > 0) {
        iov[nr].base = skb->data;
        iov[nr++].len_bytes = skb_headlen(skb);
    }
    for (unsigned int i = 0; i < info->nr_frags; i++) {
        iov[nr].base = skb_frag_address(&info->frags[i]);
        iov[nr++].len_bytes = skb_frag_size(&info->frags[i]);
    }
    *frame =
        (struct splitio_frame){.iov = iov, .nr_iov = nr, .len_bytes = skb->len};
    if (skb->ip_summed == CHECKSUM_PARTIAL) {
        frame->flags = SPLITIO_FRAME_CSUM_PARTIAL;
        frame->csum_start = (uint16_t)skb_checksum_start_offset(skb);
        frame->csum_offset = skb->csum_offset;
    }
    if (!skb_is_gso(skb))
        return;
    frame->gso_size = info->gso_size;
    frame->gso_type =
        info->gso_type & SKB_GSO_TCPV4 ? SPLITIO_GSO_TCPV4 : SPLITIO_GSO_TCPV6;
}

/* What the sender has left to do; the front has checked that it fits the bytes. */
static bool take_offloads(struct sk_buff *skb,
                          const struct splitio_frame *frame)
{
    if (frame->flags & SPLITIO_FRAME_CSUM_PARTIAL) {
        if (!skb_partial_csum_set(skb, frame->csum_start, frame->csum_offset))
            return false;
    } else if (frame->flags & SPLITIO_FRAME_CSUM_VALID) {
        skb->ip_summed = CHECKSUM_UNNECESSARY;
    }
    if (frame->gso_type == SPLITIO_GSO_NONE)
        return true;
    skb_shinfo(skb)->gso_size = frame->gso_size;
    /* Whoever passes it on looks at the headers and counts segments. */
    skb_shinfo(skb)->gso_type =
        SKB_GSO_DODGY |
        (frame->gso_type == SPLITIO_GSO_TCPV4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6);
    skb_shinfo(skb)->gso_segs = 0;
    return true;
}

struct sk_buff *net_skb_of_frame(struct net_device *dev,
                                 const struct splitio_frame *frame)
{
    struct sk_buff *skb;
    size_t head = min_t(size_t, frame->len_bytes, 256), at = 0;
    int err, lost = 0;

    /* Long ones in pages: one piece of memory of that size may not be had. */
    skb = alloc_skb_with_frags(NET_IP_ALIGN + head, frame->len_bytes - head,
                               PAGE_ALLOC_COSTLY_ORDER, &err, GFP_KERNEL);
    if (!skb)
        return NULL;
    skb_reserve(skb, NET_IP_ALIGN);
    skb_put(skb, head);
    skb->data_len = frame->len_bytes - head;
    skb->len += skb->data_len;
    skb->dev = dev;
    for (uint32_t i = 0; i < frame->nr_iov; i++) {
        lost |= skb_store_bits(skb, (int)at, frame->iov[i].base,
                               (int)frame->iov[i].len_bytes);
        at += frame->iov[i].len_bytes;
    }
    if (lost || !take_offloads(skb, frame)) {
        kfree_skb(skb);
        return NULL;
    }
    skb->protocol = eth_type_trans(skb, dev);
    return skb;
}
