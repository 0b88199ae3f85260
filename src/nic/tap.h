/* SPDX-License-Identifier: BSD-2-Clause */
/* The TAP engine's own. */
#ifndef SPLITIO_SRC_NIC_TAP_H
#define SPLITIO_SRC_NIC_TAP_H

#include <splitio/nic.h>

#include <fcntl.h>
#include <linux/virtio_net.h>

/* Room for a frame that is too long to be told from one that just fits. */
#define TAP_BYTES (SPLITIO_FRAME_BYTES_MAX + 1u)

struct splitio_tap {
    int fd;
    uint32_t mtu;
    bool gone; /* the interface has been deleted */
    splitio_nic_receive_fn receive;
    void *receiver;
    struct splitio_tap_stats stats;
    struct splitio_frame held; /* none if its length is 0 */
    struct splitio_iovec held_iov;
    struct virtio_net_hdr header;
    uint8_t bytes[TAP_BYTES];
};

void tap_header_from_frame(struct virtio_net_hdr *h,
                           const struct splitio_frame *f);

/* Fill in what @p h leaves to others, where @p f has length and pieces already;
 * @p bytes are those of the frame. False: not a frame that can be passed on. */
bool tap_frame_from_header(struct splitio_frame *f,
                           const struct virtio_net_hdr *h, uint8_t *bytes);

#endif /* SPLITIO_SRC_NIC_TAP_H */
