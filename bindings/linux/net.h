/* SPDX-License-Identifier: BSD-2-Clause */
/* The NIC driver: what its files share. */
#ifndef SPLITIO_BINDINGS_LINUX_NET_H
#define SPLITIO_BINDINGS_LINUX_NET_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>

#include <splitio/netfront.h>

#include "splitio_linux.h"

/* A NIC. Frames to send wait in a queue for the machine's thread; frames that it
 * has received wait in another for NAPI. */
struct nic {
    struct splitio_device *sd;
    struct splitio_netfront front;
    void *mem;
    struct net_device *dev;
    struct napi_struct napi;
    struct sk_buff_head to_send, received;
    struct work_struct update; /* the interface appears, or its link changes */
    bool shown;                /* register_netdev() has been called */
    bool closing;              /* the driver lets go of it */
};

/* --- net_frame.c --- */
/* The kernel's frame as the front's, whose pieces are in @iov. */
void net_frame_of_skb(struct splitio_frame *frame, struct splitio_iovec *iov,
                      const struct sk_buff *skb);
/* A copy of the front's as the kernel's; NULL: no memory, or nonsense. */
struct sk_buff *net_skb_of_frame(struct net_device *dev,
                                 const struct splitio_frame *frame);

/* --- net_ethtool.c --- */
extern const struct ethtool_ops net_ethtool_ops;

#endif
