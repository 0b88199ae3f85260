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
 * **Who calls what.** One owner thread calls everything, and also owns the NIC
 * and the store connection. The configured `wake` is called from the host
 * port's event handler, or by a NIC that delivers outside of poll().
 *
 * **Typical loop.**
 *
 *     splitio_netback_init(&dev, &config, mem, splitio_netback_mem_bytes(...))
 *     for (;;) {
 *         store and host port: poll
 *         if (splitio_netback_poll(&dev, 64) < 64)
 *             wait for: an event (wake), the NIC, the store
 *     }
 *     splitio_netback_close(&dev)           go on polling until
 *     splitio_netback_is_closed(&dev)       then
 *     splitio_netback_fini(&dev)            0, or EAGAIN: poll, call again
 *
 * Without a store (config.store is NULL), splitio_netback_connect() and
 * splitio_netback_disconnect() take the place of the handshake.
 *
 * **Memory order.** That of splitio/ring.h; `wake` may come from another thread.
 *
 * **Trust.** Slots are copied once and checked by splitio/proto/netif.h; bytes
 * are copied before they are looked at; offloads are derived from the copy. A
 * bad frame costs that frame, a bad ring the connection. What a guest can make
 * wait is bounded by `backlog_bytes` and by splitio_netback_tick(); what it has
 * kept mapped over the control ring, by `staged_pages`; what it can
 * send, by the key `rate` of the toolstack, for an owner that tells the time
 * (splitio_netback_set_time()).
 *
 * **Keys.** From the toolstack, in the own directory: `mtu` (1500 bytes pass
 * even if it is less: fronts may ignore it), `rate`. To the front: features,
 * `carrier`, and `mtu` if the configuration has one. From the front: features,
 * rings, the control ring, `request-multicast-control`, `xdp-headroom`. Of these
 * `rate` and the last two may change while connected. Not looked at: the old
 * feature-gso-tcpv4-prefix and -tcpv6-prefix, feature-smart-poll, and what
 * Windows fronts keep for themselves (`mac/...`, `speed`, `disconnect`); flipped
 * pages are refused.
 *
 * **Errors.** As each function says.
 */

#include <splitio/nic.h>
#include <splitio/port.h>
#include <splitio/proto/netif_ctrl.h>
#include <splitio/save.h>
#include <splitio/xenbus.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Frames of the NIC that may wait for the guest, in bytes, by default. */
#define SPLITIO_NETBACK_BACKLOG_BYTES (2048u * 1024u)
/** The least that is accepted: any frame must fit. */
#define SPLITIO_NETBACK_BACKLOG_BYTES_MIN (128u * 1024u)

/** How often a front is looked at that lends pages without a word (older than
 *  feature-rx-notify). */
#define SPLITIO_NETBACK_LOOK_NS UINT64_C(30000000)

/** What a device is made of. */
struct splitio_netback_config {
    struct splitio_host_port port;
    struct splitio_nic nic;
    /** Called when there is work for poll(); any thread; fn may be NULL. */
    struct splitio_event_handler wake;
    struct splitio_store *store; /**< NULL: no handshake */
    const char *dir;             /**< own directory in the store, copied */
    uint32_t features;       /**< SPLITIO_NETIF_F_* to offer, if the NIC can */
    uint32_t max_queues;     /**< 1 to SPLITIO_NETIF_QUEUES_MAX; 0: 1 */
    uint32_t mtu;            /**< longer frames are dropped, both ways; 0: none
                                  but what the toolstack says */
    bool no_carrier;         /**< begin with the link down */
    uint32_t backlog_bytes;  /**< per queue; 0: the default */
    uint32_t staged_pages;   /**< per queue, that a front may have kept mapped:
                                  up to SPLITIO_NETIF_GREF_LIST_MAX; 0: none */
    uint32_t nic_full_polls; /**< polls for which a frame that the NIC has no
                                  room for is kept; then it is dropped */
};

/** Counters, from init on. */
struct splitio_netback_stats {
    uint64_t tx_frames; /**< given to the NIC */
    uint64_t tx_bytes;
    uint64_t tx_bad;     /**< malformed: answered with an error */
    uint64_t tx_long;    /**< beyond the MTU */
    uint64_t tx_waits;   /**< turns that ended for want of credit */
    uint64_t tx_faults;  /**< pages that could not be copied from */
    uint64_t tx_dropped; /**< that the NIC refused, or without carrier */
    uint64_t rx_frames;  /**< given to the guest */
    uint64_t rx_bytes;
    uint64_t rx_dropped;    /**< that the guest cannot take, or no carrier */
    uint64_t rx_long;       /**< beyond the MTU */
    uint64_t rx_filtered;   /**< multicast that the guest does not want */
    uint64_t mcast_refused; /**< changes of its list: full, or not offered */
    uint64_t rx_faults;     /**< pages that could not be copied to */
    uint64_t rx_stalled;    /**< that waited too long: splitio_netback_tick() */
    uint64_t events;        /**< received */
    uint64_t notifies;      /**< sent */
    uint64_t copies;        /**< grant copies asked for */
    uint64_t staged_copies; /**< ... that a page kept mapped has saved */
    uint64_t ctrl_messages; /**< on the control ring */
    uint64_t ctrl_refused;  /**< of them, with another status than success */
};

struct splitio_netback_queue;
struct splitio_netback_ctrl;

/** What a guest may send: bytes a period. Fields are private, not ABI. */
struct splitio_netback_rate {
    uint64_t bytes;     /* 0: no limit */
    uint64_t period_ns; /* not 0 if there is a limit */
    uint64_t start_ns;  /* of the period that runs */
    uint64_t now_ns;    /* as last told */
    int64_t credit;     /* what is left; negative: spent in advance */
    bool told;          /* the time, ever */
    bool waiting;       /* something was left for want of credit */
};

/** A device. Fields are private, not ABI. */
struct splitio_netback {
    struct splitio_xenbus xb;
    struct splitio_netback_config config;
    struct splitio_nic_info nic_info;
    struct splitio_netback_stats stats;
    struct splitio_netback_queue *queues[SPLITIO_NETIF_QUEUES_MAX];
    struct splitio_netback_ctrl *ctrl;
    uint32_t nr_queues;             /* connected */
    uint32_t front_features;        /* what the front can take */
    struct splitio_netif_link link; /* as read from the store */
    splitio_domid_t peer;
    uint32_t woken;        /* wake() has been called, poll() not yet */
    uint32_t mtu;          /* 0: no limit */
    uint32_t first_queue;  /* of the next turn */
    uint32_t old_features; /* that a back before this one has offered */
    bool offered;          /* this one has made its own offer */
    uint16_t headroom;     /* free bytes in each rx page */
    uint8_t nr_mcast;
    uint8_t mcast[SPLITIO_NETIF_MCAST_MAX][6];
    struct splitio_netback_rate rate;
    bool no_rx_notify;     /* the front lends pages without a word */
    bool filter_multicast; /* the front wants it */
    bool mcast_unknown;    /* ... but what is in its list has been lost */
    bool no_carrier;
    bool connected;
    bool broken;
    bool told; /* the runner, that it is broken */
    bool in_poll;
    bool paused;
    const void *saved; /* by an earlier back, not yet gone on with; or NULL */
    size_t saved_bytes;
    bool refused; /* a frame of the NIC, for want of room */
};

/**
 * @brief Bytes of memory that splitio_netback_init() needs.
 * @return 0 if the configuration is out of range.
 *
 * Caller: any. Order: none. Peer: nothing.
 */
size_t splitio_netback_mem_bytes(const struct splitio_netback_config *config);

/**
 * @brief Make a device, and begin the handshake if there is a store.
 * @param[out] dev       caller's memory, kept.
 * @param[in]  config    copied.
 * @param[in]  mem       aligned to 64 bytes; kept; content does not matter.
 * @param[in]  mem_bytes at least splitio_netback_mem_bytes().
 * @return 0; SPLITIO_EINVAL; SPLITIO_ENOMEM: not enough memory; SPLITIO_E2BIG:
 * the directory's name is too long.
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
 * @brief Join a front by hand: map its rings, bind its events, plug the NIC in.
 * Calls `wake`, so that what is in the rings already is seen.
 * @param[in] front its domain.
 * @param[in] link  what it offers; only looked at during the call.
 * @return 0; SPLITIO_EINVAL: more queues than offered, or none, or there is a
 * store; SPLITIO_EEXIST: connected already; SPLITIO_EPROTO: ring indices are
 * impossible; what map_ring() and event_bind() of the host port return. On
 * failure nothing is held.
 *
 * Caller: owner, only without a store. Order: none. Peer: every value of
 * @p link.
 */
int splitio_netback_connect(struct splitio_netback *dev, splitio_domid_t front,
                            const struct splitio_netif_link *link);

/**
 * @brief Leave the front by hand: unplug the NIC, unbind, unmap; frames that
 * wait are dropped. Nothing of the front's is used after this. Does nothing if
 * not connected.
 *
 * Caller: owner, only without a store. Order: none. Peer: cannot delay it.
 */
void splitio_netback_disconnect(struct splitio_netback *dev);

/**
 * @brief Move frames, up to @p budget each way and queue, and go on with the
 * handshake.
 * @return 0: nothing to do before the next event, frame of the NIC or store
 * message; below @p budget: things done, but events are armed, so waiting is
 * right; @p budget: call again before waiting. Without a store also
 * SPLITIO_EPROTO: the front broke the protocol; disconnect. With a store that
 * ends the connection.
 *
 * Caller: owner. Order: that of the rings. Peer: both rings; the work of one
 * call is bounded by @p budget.
 */
int splitio_netback_poll(struct splitio_netback *dev, unsigned budget);

/** @brief Begin an orderly close; keep polling. Caller: owner. */
void splitio_netback_close(struct splitio_netback *dev);

/** @brief True if closed on both sides: fini() will do. Caller: owner. */
bool splitio_netback_is_closed(const struct splitio_netback *dev);

/**
 * @brief End, from any state; the front is not told.
 * @return 0: all memory is the caller's; SPLITIO_EAGAIN: poll the store, and
 * call again.
 *
 * Caller: owner. Order: none. Peer: cannot delay it.
 */
int splitio_netback_fini(struct splitio_netback *dev);

/**
 * @brief Take no more frames of the guest, nor of the NIC, which holds them if
 * it can; keep polling, so that what is under way gets there.
 * @return 0: nothing waits on either side, save() loses nothing; SPLITIO_EAGAIN:
 * frames wait for the NIC, or for the guest to lend pages.
 *
 * Caller: owner. Order: none. Peer: by not lending pages.
 */
int splitio_netback_pause(struct splitio_netback *dev);

/** @brief Take frames again; poll next. Caller: owner. */
void splitio_netback_go_on(struct splitio_netback *dev);

/**
 * @brief Write down the connection, as splitio/save.h has it: rings, the list of
 * multicast addresses, hashing, staged pages, credit. Frames that wait in either
 * direction are not in it, and are lost if nobody has paused.
 * @param[out] buf   may be NULL, to learn how much is needed.
 * @param[in]  size  of @p buf.
 * @param[out] bytes needed, or used.
 * @return 0; SPLITIO_ENOMEM: @p size is too small; SPLITIO_EINVAL: not
 * connected, or broken.
 *
 * Afterwards the device must vanish without a word to the front: do not poll it,
 * and end it with splitio_netback_fini() or with the process.
 *
 * Caller: owner, not from a callback. Order: none. Peer: nothing.
 */
int splitio_netback_save(struct splitio_netback *dev, void *buf, size_t size,
                         size_t *bytes);

/**
 * @brief Go on where a saved device was. Call after init, before anything else.
 * @param[in] blob  with a store: kept until the connection is there.
 * @param[in] bytes of @p blob.
 * @return 0; SPLITIO_EPROTO, SPLITIO_EOPNOTSUPP: see splitio/save.h: also if
 * the device offers less than the saved one had agreed on; without a store also
 * what splitio_netback_connect() returns. On failure nothing is held.
 *
 * With a store the device takes over a connection that both directories still
 * call Connected, if it is the saved one; any other it makes anew.
 *
 * Caller: owner. Order: none. Peer: the rings, checked.
 */
int splitio_netback_restore(struct splitio_netback *dev, const void *blob,
                            size_t bytes);

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

/**
 * @brief Set the link up or down. The front is told if there is a store; while
 * it is down, frames are dropped both ways, and counted.
 * Caller: owner. Order: none. Peer: nothing.
 */
void splitio_netback_set_carrier(struct splitio_netback *dev, bool up);

/**
 * @brief Limit what the guest may send, by hand; with a store, `rate` does it.
 * @param[in] bytes   in each period, of whole frames; 0: no limit. A frame goes
 *                    as long as anything is left, and what it takes too much
 *                    is owed: any frame goes at some time.
 * @param[in] period_ns 0: no limit.
 *
 * All queues share it, in turn. Nothing is dropped: frames stay in the ring.
 * Caller: owner. Order: none. Peer: nothing.
 */
void splitio_netback_set_rate(struct splitio_netback *dev, uint64_t bytes,
                              uint64_t period_ns);

/**
 * @brief Tell the time, before poll(). A limit is kept only if this is called.
 * @param[in] now_ns a monotonic clock; going back is taken for standing still.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
void splitio_netback_set_time(struct splitio_netback *dev, uint64_t now_ns);

/**
 * @brief After poll(): how long until there is something to do that nobody will
 * wake for: frames of the guest that wait for credit, or frames for a front that
 * lends pages without a word. Call poll() then.
 * @return nanoseconds from the time told last; 0: nothing of that kind.
 *
 * Caller: owner. Order: none. Peer: by sending more than it may, or by lending
 * too few pages; at most once in SPLITIO_NETBACK_LOOK_NS for that.
 */
uint64_t splitio_netback_wait_ns(const struct splitio_netback *dev);

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
