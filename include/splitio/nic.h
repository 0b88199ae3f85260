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
 * **Offloads.** A frame may ask for all that struct splitio_frame can say, in
 * both directions. Whoever attaches takes it all: where the far end of its own
 * wire does not, it does the work itself, with splitio/proto/packet.h (netback
 * and netfront do). So nothing between two guests looks at a checksum.
 *
 * **Loops.** A receiver does not send into the NIC that calls it; a switch
 * refuses it with SPLITIO_EAGAIN. Rings of cables are thereby cut: a frame never
 * comes to a switch twice in one call.
 *
 * **Trust.** The bytes and the offload fields of a frame come from a guest or
 * from the wire. Whoever makes a frame has checked that csum_start and gso agree
 * with the bytes: netback for a guest's slots, TAP for the kernel's headers.
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

/** struct splitio_frame.hash_type: what a Toeplitz hash was made of. */
enum splitio_hash {
    SPLITIO_HASH_NONE,
    SPLITIO_HASH_IPV4,     /**< addresses */
    SPLITIO_HASH_IPV4_TCP, /**< addresses and ports */
    SPLITIO_HASH_IPV6,
    SPLITIO_HASH_IPV6_TCP,
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
    /** Bytes before the first piece that whoever gets the frame may write to,
     *  to put headers in front of it; 0 if whoever makes it knows of none. */
    uint16_t headroom_bytes;
    uint8_t hash_type; /**< enum splitio_hash */
    uint32_t hash;     /**< a hint, under a key that its receiver knows */
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

/* ---- shipped engines: library splitio-engine, hosted ---- */

/** The network interface of a Linux kernel, as a NIC. Opaque. */
struct splitio_tap;

/** How to make or take a TAP interface; zeroes mean the defaults. */
struct splitio_tap_config {
    const char *name; /**< of the interface, 1 to 15 characters */
    /** Take `fd` over in place of opening: a descriptor of /dev/net/tun that a
     *  helper with more rights has joined to an interface, with IFF_TAP,
     *  IFF_NO_PI and IFF_VNET_HDR. `name` is for the reason alone. */
    bool use_fd;
    int fd;
    bool no_csum; /**< poll() gives frames with checksums, and no long ones */
    bool no_gso;  /**< poll() gives no long frames */
};

/** Counters, from open on. */
struct splitio_tap_stats {
    uint64_t sent_frames, sent_bytes;         /**< to the kernel */
    uint64_t received_frames, received_bytes; /**< that the receiver took */
    uint64_t dropped; /**< that it did not, or with offloads that contradict
                           the bytes */
};

/**
 * @brief Make or take a TAP interface, in the network namespace of the caller.
 *
 * Frames carry a virtio-net header, so that checksums and segmentation are left
 * to whoever does them last. What comes out of poll() may ask for all of them;
 * it has been checked that the bytes agree: CSUM_PARTIAL is set only on TCP and
 * UDP whose checksum splitio/proto/packet.h finds in the same place.
 * @param[out] tap          the engine.
 * @param[in]  cfg          only looked at during the call.
 * @param[out] reason       on failure, one line that names the interface and
 *                          what to do.
 * @param[in]  reason_bytes its size.
 * @return 0; SPLITIO_EINVAL: the name, or an interface of another kind;
 * SPLITIO_EACCES; SPLITIO_EBUSY: in use; SPLITIO_ENOENT: the kernel has no TAP;
 * SPLITIO_ENOMEM; SPLITIO_EIO. On failure `fd` remains the caller's.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_tap_open_config(struct splitio_tap **tap,
                            const struct splitio_tap_config *cfg, char *reason,
                            size_t reason_bytes);

/** @brief The same with a name and the defaults. Caller: owner. */
int splitio_tap_open(struct splitio_tap **tap, const char *name, char *reason,
                     size_t reason_bytes);

/**
 * @brief Close. An interface that open() made is gone, unless it is persistent.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
void splitio_tap_close(struct splitio_tap *tap);

/**
 * @brief Readable when poll() has frames. See splitio_tap_wants_read().
 *
 * Once the interface has been deleted, the descriptor stays and is never
 * readable again: splitio_tap_is_gone().
 */
int splitio_tap_fd(const struct splitio_tap *tap);

/**
 * @brief False while a frame is held that the receiver had no room for: reading
 * the descriptor is of no use until a poll() has got rid of it.
 */
bool splitio_tap_wants_read(const struct splitio_tap *tap);

/** @brief True when send() or poll() found that somebody deleted it. */
bool splitio_tap_is_gone(const struct splitio_tap *tap);

/** @brief Counters. Caller: owner. */
const struct splitio_tap_stats *
splitio_tap_stats(const struct splitio_tap *tap);

/** @brief The NIC. Caller: owner. */
struct splitio_nic splitio_tap_nic(struct splitio_tap *tap);

/** A learning Ethernet switch. Opaque. */
struct splitio_switch;
/** One of its ports. Opaque. */
struct splitio_switch_port;

/** Addresses that a port is remembered for; a new one replaces the one that has
 *  not sent for longest. No port takes the room of another. */
#define SPLITIO_SWITCH_ADDRESSES_MAX 64u
/** The same for an uplink, behind which there may be a network. */
#define SPLITIO_SWITCH_UPLINK_ADDRESSES_MAX 4096u

/** How a port is to be. */
struct splitio_switch_port_config {
    /** Talks to the uplinks and to nobody else, and hears nobody else, not even
     *  broadcasts. */
    bool isolated;
    bool uplink;
    /** The port has the address `mac` and no other: frames that it sends from
     *  another one are dropped, and so are frames that any other port, uplinks
     *  included, sends from this one. */
    bool locked;
    uint8_t mac[6];
};

/** Counters of a port, seen from whoever is plugged in. */
struct splitio_switch_port_stats {
    uint64_t sent_frames, sent_bytes;
    uint64_t received_frames, received_bytes;
    uint64_t refused; /**< sent by the port: too short, a source that is not
                           its own, or an address that bridges never forward */
    uint64_t dropped; /**< for the port: its receiver had no room */
};

/**
 * @brief Make a switch.
 * @param[in] max_ports 1 to 1024.
 * @return the switch; NULL: out of memory or out of range.
 *
 * Caller: owner of all ports. Order: none. Peer: nothing.
 */
struct splitio_switch *splitio_switch_new(unsigned max_ports);

/** @brief Free it with all its ports. Caller: owner. */
void splitio_switch_free(struct splitio_switch *sw);

/**
 * @brief Add a port.
 * @return 0; SPLITIO_ENOSPC: no more ports; SPLITIO_EEXIST: another port is
 * locked to the same address; SPLITIO_EINVAL: locked to what is no station's
 * address; SPLITIO_ENOMEM.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_switch_port_add(struct splitio_switch *sw,
                            const struct splitio_switch_port_config *cfg,
                            struct splitio_switch_port **port);

/** @brief Unplug and forget a port, with its addresses. Caller: owner. */
void splitio_switch_port_remove(struct splitio_switch_port *port);

/**
 * @brief The port as a NIC.
 *
 * send() delivers at once to the ports that the frame is for. A receiver
 * without room loses the frame, as on any switch; send() succeeds all the same.
 * SPLITIO_EAGAIN: called from inside a receiver of the same switch.
 * Caller: owner.
 */
struct splitio_nic splitio_switch_port_nic(struct splitio_switch_port *port);

/** @brief Counters. Caller: owner. */
const struct splitio_switch_port_stats *
splitio_switch_port_stats(const struct splitio_switch_port *port);

/** A NIC that swallows everything and has nothing to say; needs no memory. */
struct splitio_nic splitio_nic_null(void);

/** Two NICs joined: what comes out of one goes into the other. */
struct splitio_nic_cable {
    struct splitio_nic a, b; /* private */
};

/**
 * @brief Join two NICs. Poll both to move frames.
 *
 * A NIC without room makes the other one hold its frame, if it can.
 * Caller: owner of both. Order: none. Peer: nothing.
 */
void splitio_nic_join(struct splitio_nic_cable *cable, struct splitio_nic a,
                      struct splitio_nic b);

/** @brief Unplug both. Caller: owner of both. */
void splitio_nic_part(struct splitio_nic_cable *cable);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_NIC_H */
