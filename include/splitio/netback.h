/* SPDX-License-Identifier: BSD-2-Clause */
/* The host half of a network interface. */
#ifndef SPLITIO_NETBACK_H
#define SPLITIO_NETBACK_H

/**
 * @file
 * @brief netback: serves a guest's netfront from a NIC (layer 3).
 *
 * **What it is.** One network device of one guest: 1 to 8 queues, joined to one
 * NIC (splitio/nic.h). Frames of the guest are copied out of its pages in
 * batches, checked in the private copy, and sent to the NIC; frames of the NIC
 * are copied into the pages that the guest lends. Freestanding; lives in memory
 * that the caller hands over.
 *
 * **Who calls what.** Whoever has read what the front offers (over the store:
 * splitio/netback.h's own glue, or from a fixed table) calls
 * splitio_netback_connect(); the owner thread calls splitio_netback_poll()
 * whenever `wake` has been called or the NIC has frames.
 *
 * **Typical loop.**
 *
 *     splitio_netback_init(&dev, &config, mem, mem_bytes)
 *     splitio_netback_connect(&dev, &link)
 *     for (;;) {
 *         while (splitio_netback_poll(&dev, 64) == 64)
 *             ;
 *         wait for wake() or for the NIC
 *     }
 *     splitio_netback_disconnect(&dev)
 *
 * **Memory order.** That of splitio/ring.h; `wake` may come from another thread.
 *
 * **Trust.** Slots are copied once and checked by splitio/proto/netif.h; bytes
 * are copied before they are looked at; offloads are derived from the copy. A
 * bad frame costs that frame, a bad ring the connection: poll() then returns
 * SPLITIO_EPROTO until the device is disconnected. What a guest can make wait
 * is bounded by `backlog_bytes` and by splitio_netback_tick().
 *
 * **Errors.** As each function says.
 */

#include <splitio/nic.h>
#include <splitio/port.h>
#include <splitio/proto/netif.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Frames of the NIC that may wait for the guest, in bytes, by default. */
#define SPLITIO_NETBACK_BACKLOG_BYTES (512u * 1024u)
/** The least that is accepted: any frame must fit. */
#define SPLITIO_NETBACK_BACKLOG_BYTES_MIN (128u * 1024u)

/** How a device is to be. */
struct splitio_netback_config {
    const struct splitio_host_port *host; /**< kept by pointer */
    struct splitio_nic nic;
    splitio_domid_t front;
    uint32_t features;       /**< SPLITIO_NETIF_F_* to offer, if the NIC can */
    uint32_t max_queues;     /**< 1 to SPLITIO_NETIF_QUEUES_MAX; 0: 1 */
    uint32_t backlog_bytes;  /**< per queue; 0: the default */
    uint32_t nic_full_polls; /**< polls for which a frame that the NIC has no
                                  room for is kept; then it is dropped */
    void (*wake)(void *arg); /**< there is work: call poll(); any thread */
    void *arg;
};

/** Counters, from init on. */
struct splitio_netback_stats {
    uint64_t tx_frames; /**< given to the NIC */
    uint64_t tx_bytes;
    uint64_t tx_bad;     /**< malformed: answered with an error */
    uint64_t tx_faults;  /**< pages that could not be copied from */
    uint64_t tx_dropped; /**< that the NIC refused */
    uint64_t rx_frames;  /**< given to the guest */
    uint64_t rx_bytes;
    uint64_t rx_dropped; /**< that the guest cannot take */
    uint64_t rx_faults;  /**< pages that could not be copied to */
    uint64_t rx_stalled; /**< that waited too long: splitio_netback_tick() */
    uint64_t events;     /**< received */
    uint64_t notifies;   /**< sent */
    uint64_t copies;     /**< grant copies asked for */
};

struct splitio_netback_queue;

/** A device. Fields are private, not ABI. */
struct splitio_netback {
    struct splitio_netback_config config;
    struct splitio_nic_info nic_info;
    struct splitio_netback_stats stats;
    struct splitio_netback_queue *queues[SPLITIO_NETIF_QUEUES_MAX];
    uint32_t nr_queues;      /* connected */
    uint32_t front_features; /* what the front can take */
    uint32_t woken;          /* wake() has been called, poll() not yet */
    bool connected;
    bool broken;
    bool in_poll;
};

/**
 * @brief Bytes of memory that splitio_netback_init() needs.
 * @return 0 if the configuration is out of range.
 *
 * Caller: any. Order: none. Peer: nothing.
 */
size_t splitio_netback_mem_bytes(const struct splitio_netback_config *config);

/**
 * @brief Make a device, not connected.
 * @param[out] dev       the device.
 * @param[in]  config    copied.
 * @param[in]  mem       aligned to 64 bytes; kept until no longer used.
 * @param[in]  mem_bytes at least splitio_netback_mem_bytes().
 * @return 0; SPLITIO_EINVAL; SPLITIO_ENOMEM: not enough memory.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_netback_init(struct splitio_netback *dev,
                         const struct splitio_netback_config *config, void *mem,
                         size_t mem_bytes);

/** @brief What to offer to the front. Caller: owner. Order: none. Peer: none. */
void splitio_netback_offer(const struct splitio_netback *dev,
                           struct splitio_netif_offer *offer);

/**
 * @brief Join a front: map its rings, bind its events, plug the NIC in. Calls
 * `wake`, so that what is in the rings already is seen.
 * @param[in] link what the front offers; only looked at during the call.
 * @return 0; SPLITIO_EINVAL: more queues than offered, or none, or connected
 * already; SPLITIO_EPROTO: ring indices are impossible; what map_ring() and
 * event_bind() of the host port return. On failure nothing is held.
 *
 * Caller: owner. Order: none. Peer: every value of @p link.
 */
int splitio_netback_connect(struct splitio_netback *dev,
                            const struct splitio_netif_link *link);

/**
 * @brief Leave the front: unplug the NIC, unbind, unmap; frames that wait are
 * dropped. Nothing of the front's is used after this. Does nothing if not
 * connected.
 *
 * Caller: owner. Order: none. Peer: cannot delay it.
 */
void splitio_netback_disconnect(struct splitio_netback *dev);

/**
 * @brief Move frames, up to @p budget each way and queue.
 * @return frames moved, at most @p budget (the most of any queue and way):
 * @p budget, there may be more, call again; below, events are armed, wait for
 * `wake`. SPLITIO_EPROTO: the front broke the protocol; disconnect. 0 if not
 * connected.
 *
 * Caller: owner. Order: that of the rings. Peer: both rings; the work of one
 * call is bounded by @p budget.
 */
int splitio_netback_poll(struct splitio_netback *dev, unsigned budget);

/**
 * @brief A frame of the guest waits for room in the NIC: call poll() also when
 * the NIC may have some. Caller: owner. Order: none. Peer: nothing.
 */
bool splitio_netback_waits_for_nic(const struct splitio_netback *dev);

/**
 * @brief The backlog has room, frames of the NIC are welcome. While this is
 * false, waiting for the NIC to have frames is of no use.
 * Caller: owner. Order: none. Peer: by not lending pages.
 */
bool splitio_netback_wants_frames(const struct splitio_netback *dev);

/**
 * @brief Drop frames that have waited for the guest since the last call. Call
 * it every few seconds, so that a guest that lends no pages holds no memory
 * and nothing old comes out when it wakes.
 * @return frames dropped.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
unsigned splitio_netback_tick(struct splitio_netback *dev);

/** @brief Counters. Caller: owner. Order: none. Peer: nothing. */
static inline const struct splitio_netback_stats *
splitio_netback_stats(const struct splitio_netback *dev)
{
    return &dev->stats;
}

/** @brief True if the private state agrees with itself. For tests. */
bool splitio_netback_is_valid(const struct splitio_netback *dev);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_NETBACK_H */
