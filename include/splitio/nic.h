/* SPDX-License-Identifier: BSD-2-Clause */
/* What a net back drives: the NIC engine table and the shipped engines. */
#ifndef SPLITIO_NIC_H
#define SPLITIO_NIC_H

/**
 * @file
 * @brief NIC engines (layer 3).
 *
 * **What it is.** A NIC is a `const` table of functions and a context, and is
 * one end of a cable: whoever attaches to it (a net back, a switch's uplink, a
 * test) sends frames with send() and gets frames through the receiver it
 * attached. Both directions carry the same type, struct splitio_frame, so that
 * two NICs can be joined and a switch is just many NICs.
 *
 * **Who calls what.** One thread owns a NIC and all it is joined to. poll()
 * moves up to `budget` frames from outside to the receiver.
 *
 * **Memory.** A frame is lent for the duration of the call: who wants to keep
 * it copies it.
 *
 * **Trust.** The bytes and the offload fields of a frame come from a guest or
 * from the wire. Whoever makes a frame from a guest's slots has checked that
 * csum_start and gso agree with the bytes (netback does).
 */

#include <splitio/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Longest frame, with all headers, that any NIC carries. */
#define SPLITIO_FRAME_BYTES_MAX 65549u /* 65535 + Ethernet header */
/** Shortest: an Ethernet header. */
#define SPLITIO_FRAME_BYTES_MIN 14u

/** struct splitio_frame.flags */
#define SPLITIO_FRAME_CSUM_PARTIAL (1u << 0) /**< checksum still to be filled */
#define SPLITIO_FRAME_CSUM_VALID   (1u << 1) /**< checksum need not be checked */

/** struct splitio_frame.gso_type */
enum splitio_gso {
    SPLITIO_GSO_NONE,
    SPLITIO_GSO_TCPV4,
    SPLITIO_GSO_TCPV6,
};

/** An Ethernet frame and what has been left to the receiver to do. */
struct splitio_frame {
    const struct splitio_iovec *iov;
    uint32_t nr_iov;
    uint32_t len_bytes;   /**< sum of the pieces */
    uint32_t flags;       /**< SPLITIO_FRAME_* */
    uint16_t csum_start;  /**< CSUM_PARTIAL: where summing starts */
    uint16_t csum_offset; /**< ... and where the sum goes, from csum_start */
    uint16_t gso_size;    /**< bytes of payload a segment; 0: no GSO */
    uint8_t gso_type;     /**< enum splitio_gso */
};

/**
 * @brief Where a NIC delivers what comes in.
 * @return 0 taken; SPLITIO_EAGAIN: no room now, the NIC may drop it or offer it
 * again at its next poll; SPLITIO_EINVAL: never acceptable, drop it.
 */
typedef int (*splitio_nic_receive_fn)(void *receiver,
                                      const struct splitio_frame *frame);

/** struct splitio_nic_info.flags: what frames given to send() may ask for. */
#define SPLITIO_NIC_CSUM      (1u << 0) /**< CSUM_PARTIAL over IPv4 and IPv6 */
#define SPLITIO_NIC_GSO_TCPV4 (1u << 1)
#define SPLITIO_NIC_GSO_TCPV6 (1u << 2)

/** What a NIC is. */
struct splitio_nic_info {
    uint32_t mtu;   /**< payload bytes of one Ethernet frame */
    uint32_t flags; /**< SPLITIO_NIC_* */
};

/** The engine table. */
struct splitio_nic_ops {
    /** Fill in @p info. */
    void (*info)(void *ctx, struct splitio_nic_info *info);
    /** Send one frame. 0; SPLITIO_EAGAIN: the device is full, keep it and try
     *  again later; SPLITIO_EINVAL: not a frame; SPLITIO_EIO: device gone. */
    int (*send)(void *ctx, const struct splitio_frame *frame);
    /** Plug in: frames go to @p receive from now on; NULL unplugs. */
    void (*attach)(void *ctx, splitio_nic_receive_fn receive, void *receiver);
    /** Deliver up to @p budget waiting frames; their number, 0 if none. */
    int (*poll)(void *ctx, unsigned budget);
};

/** A NIC: the table and the context to call it with. */
struct splitio_nic {
    const struct splitio_nic_ops *ops;
    void *ctx;
};

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_NIC_H */
