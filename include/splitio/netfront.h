/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest half of a network interface. */
#ifndef SPLITIO_NETFRONT_H
#define SPLITIO_NETFRONT_H

/**
 * @file
 * @brief netfront: a guest's network device (layer 3).
 *
 * **What it is.** 1 to 8 queues to a back. Frames to send are copied into pages
 * that are lent to the back once and used again and again; frames come in pages
 * that the back fills, and are lent to the receiver for a call. Freestanding;
 * lives in memory that the caller hands over, with pages of the guest port.
 *
 * **Who calls what.** One owner thread, which also owns the store connection:
 * splitio_netfront_send(), splitio_netfront_kick() once after some sends,
 * splitio_netfront_poll() whenever `wake` has been called. `receive` and
 * `tx_room` run inside poll(); they may send.
 *
 * **Typical loop.**
 *
 *     splitio_netfront_init(&dev, &config, mem, splitio_netfront_mem_bytes(...))
 *     for (;;) {
 *         store and guest port: poll
 *         while (there is a frame && splitio_netfront_send(&dev, &frame) == 0)
 *             ;
 *         splitio_netfront_kick(&dev)
 *         if (splitio_netfront_poll(&dev, 64) < 64)
 *             wait for: an event (wake), a frame to send, the store
 *     }
 *     splitio_netfront_close(&dev)          go on polling until
 *     splitio_netfront_is_closed(&dev)      then
 *     splitio_netfront_fini(&dev)           0, or EAGAIN: poll, call again
 *
 * Without a store (config.store is NULL), splitio_netfront_connect() and
 * splitio_netfront_disconnect() take the place of the handshake.
 *
 * **Memory order.** That of splitio/ring.h; `wake` may come from another thread.
 *
 * **Trust.** The back can change lent pages at any time. Ids of responses are
 * checked against what is out, offsets and lengths against the page. The
 * receiver gets the first 256 bytes of each frame as a private copy, in which
 * the headers have been checked; the rest it must read once only. What the back
 * can see of the guest is the frames that were sent to it, and zeroes; if it is
 * not trusted (`trusted` is "0"), nothing but the frame itself and zeroes.
 *
 * **Keys.** From the toolstack, in the own directory: `mac`, `mtu`, `trusted`,
 * `disconnect` ("1": the link is down, as Windows fronts have it). From the back:
 * features, `mtu` if it has one, `carrier`. To the back: features, rings, the
 * control ring, `request-multicast-control`, `xdp-headroom`. `disconnect`, `carrier` and the
 * last two may change while connected; other features only with a connection.
 *
 * **Errors.** As each function says. A back that breaks the protocol loses the
 * connection.
 */

#include <splitio/nic.h>
#include <splitio/port.h>
#include <splitio/proto/netif_ctrl.h>
#include <splitio/save.h>
#include <splitio/xenbus.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A frame has come in; it is lent for the call. */
typedef void (*splitio_netfront_receive_fn)(void *arg,
                                            const struct splitio_frame *frame);

/** What a device is made of. */
struct splitio_netfront_config {
    struct splitio_guest_port port;
    /** Called when there is work for poll(); any thread; fn may be NULL. */
    struct splitio_event_handler wake;
    struct splitio_store *store; /**< NULL: no handshake */
    /** Own directory in the store, absolute or relative to the domain's home;
     *  copied. */
    const char *dir;
    uint32_t features;     /**< SPLITIO_NETIF_F_* that `receive` can take */
    uint32_t max_queues;   /**< 1 to SPLITIO_NETIF_QUEUES_MAX; 0: 1 */
    uint32_t nr_tx_pages;  /**< per queue, 18 to 256; 0: 256 */
    uint32_t nr_rx_pages;  /**< per queue, power of two, 4 to 256; 0: 256 */
    uint32_t ring_index;   /**< where the indices of new rings begin; any */
    bool untrusted;        /**< as if the toolstack had said that the back is */
    bool filter_multicast; /**< splitio_netfront_filter_multicast() */
    uint16_t headroom_bytes; /**< splitio_netfront_set_headroom() */
    bool ctrl_ring;   /**< have a control ring if the back does: for hashing */
    bool stage_pages; /**< splitio_netfront_set_staging() from the start;
                           brings the control ring with it */
    splitio_netfront_receive_fn receive;
    void (*tx_room)(void *arg);      /**< optional: after SPLITIO_EAGAIN, send()
                                     may be called again */
    void (*link_changed)(void *arg); /**< optional: splitio_netfront_is_up()
                                          has another answer */
    void *arg;                       /**< of all three */
};

/** Counters, from init on. */
struct splitio_netfront_stats {
    uint64_t tx_frames;
    uint64_t tx_bytes;
    uint64_t tx_errors;     /**< frames that the back answered with an error */
    uint64_t tx_full;       /**< sends refused for want of room */
    uint64_t tx_long;       /**< sends refused because of the MTU */
    uint64_t tx_lost;       /**< not answered when the connection ended */
    uint64_t mcast_refused; /**< addresses that the back has no room for */
    uint64_t rx_frames;
    uint64_t rx_bytes;
    uint64_t
        rx_errors; /**< frames with an error, or whose offloads are wrong */
    uint64_t rx_dropped; /**< that the NIC it is joined to refused, or that
                              came without carrier */
    uint64_t events;     /**< received */
    uint64_t notifies;   /**< sent */
};

struct splitio_netfront_queue;
struct splitio_netfront_ctrl;

/** A multicast address that is wanted. Fields are private, not ABI. */
struct splitio_netfront_mcast {
    uint8_t addr[6];
    uint8_t state; /* 0: free; what the back knows or is to be told */
};

/** A device. Fields are private, not ABI. */
struct splitio_netfront {
    struct splitio_xenbus xb;
    struct splitio_netfront_config config;
    struct splitio_netfront_stats stats;
    struct splitio_netfront_queue *queues[SPLITIO_NETIF_QUEUES_MAX];
    struct splitio_netfront_ctrl *ctrl;
    uint32_t nr_queues;               /* connected */
    uint32_t back_features;           /* what the back can take */
    struct splitio_netif_offer offer; /* as read from the store */
    struct splitio_netif_link link;   /* as written to the store */
    splitio_domid_t peer;
    uint32_t woken; /* wake() has been called, poll() not yet */
    uint8_t mac[6];
    uint32_t mtu;
    uint16_t headroom; /* wanted */
    struct splitio_netfront_mcast mcast[SPLITIO_NETIF_MCAST_MAX];
    bool mcast_todo;       /* the back is to be told of some */
    bool filter_multicast; /* wanted */
    bool has_mtu;          /* somebody has said which */
    bool untrusted;
    bool no_carrier; /* says the back */
    bool unplugged;  /* says the toolstack */
    bool was_up;     /* at the last link_changed() */
    bool connected;
    bool broken;
    bool told;                          /* the runner, that it is broken */
    splitio_nic_receive_fn nic_receive; /* instead of config.receive */
    void *nic_receiver;
};

/**
 * @brief Bytes of memory that splitio_netfront_init() needs.
 * @return 0 if the configuration is out of range.
 *
 * Caller: any. Order: none. Peer: nothing.
 */
size_t splitio_netfront_mem_bytes(const struct splitio_netfront_config *config);

/**
 * @brief Make a device, and begin the handshake if there is a store.
 * @param[out] dev       caller's memory, kept.
 * @param[in]  config    copied.
 * @param[in]  mem       aligned to 64 bytes; kept; content does not matter.
 * @param[in]  mem_bytes at least splitio_netfront_mem_bytes().
 * @return 0; SPLITIO_EINVAL; SPLITIO_ENOMEM: not enough memory; SPLITIO_E2BIG:
 * the directory's name is too long.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_netfront_init(struct splitio_netfront *dev,
                          const struct splitio_netfront_config *config,
                          void *mem, size_t mem_bytes);

/**
 * @brief Make rings, pages, grants and event channels for a back, by hand.
 *
 * Frames may be sent from now on; they wait in the ring until the back comes.
 * @param[in,out] dev   not connected.
 * @param[in]     back  its domain.
 * @param[in]     offer what it offers.
 * @param[out]    link  what to tell it.
 * @return 0; SPLITIO_EINVAL: there is a store; SPLITIO_EEXIST: connected
 * already; SPLITIO_ENOMEM: no pages; what grant() and event_open() of the guest
 * port return. On failure nothing is held.
 *
 * Caller: owner, only without a store. Order: none. Peer: every value of
 * @p offer; more than this side can do is cut down.
 */
int splitio_netfront_connect(struct splitio_netfront *dev, splitio_domid_t back,
                             const struct splitio_netif_offer *offer,
                             struct splitio_netif_link *link);

/**
 * @brief Take back all that is lent, by hand. Frames that the back has not
 * answered may be lost, and are counted so. Pages that the back still holds stay
 * with the port. Does nothing if not connected.
 *
 * Caller: owner, only without a store. Order: none. Peer: can hold pages, not
 * delay the call.
 */
void splitio_netfront_disconnect(struct splitio_netfront *dev);

/**
 * @brief Send one frame: it is copied, and is the caller's again on return.
 *
 * What the frame asks for and the back has not offered is done here: checksums
 * are filled in, long TCP frames are cut.
 * @return 0; SPLITIO_EAGAIN: no room, `tx_room` follows; SPLITIO_EINVAL: shorter
 * than an Ethernet header, longer than 65535 bytes, longer than the MTU if one
 * was given, longer than what the back takes; SPLITIO_ECLOSED: not connected, or
 * no carrier; SPLITIO_EPROTO: the back broke the protocol.
 *
 * Caller: owner. Order: the back sees it after splitio_netfront_kick(). Peer:
 * can leave the ring full.
 */
int splitio_netfront_send(struct splitio_netfront *dev,
                          const struct splitio_frame *frame);

/**
 * @brief Publish what has been sent, and notify the back if it wants to be.
 *
 * Caller: owner, once after some sends; poll() does it too. Order: releases the
 * frames to the back. Peer: whether it is notified.
 */
void splitio_netfront_kick(struct splitio_netfront *dev);

/**
 * @brief Take frames, up to @p budget a queue, reclaim what has been sent, and
 * go on with the handshake.
 * @return 0: nothing to do before the next event or store message; below
 * @p budget: things done, but events are armed, so waiting is right;
 * @p budget: call again before waiting. Without a store also SPLITIO_EPROTO:
 * the back broke the protocol; disconnect. With a store that ends the
 * connection.
 *
 * Caller: owner, not from `receive` or `tx_room`. Order: that of the rings.
 * Peer: both rings; the work of one call is bounded by @p budget and the size
 * of the tx ring.
 */
int splitio_netfront_poll(struct splitio_netfront *dev, unsigned budget);

/**
 * @brief Have the back keep multicast away, but for what was asked for with
 * splitio_netfront_mcast_add(); broadcast always comes. Without the back's help
 * all of it comes, so look at what you get.
 *
 * Takes effect at the next connection if the back cannot do it before. If the
 * back has no room for an address, filtering is given up.
 * Caller: owner. Order: none. Peer: nothing.
 */
void splitio_netfront_filter_multicast(struct splitio_netfront *dev, bool on);

/**
 * @brief Ask for a multicast address. Kept over all connections.
 * @return 0, also if it is there already; SPLITIO_EINVAL: no multicast address;
 * SPLITIO_ENOSPC: SPLITIO_NETIF_MCAST_MAX are there: do without the filter.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_netfront_mcast_add(struct splitio_netfront *dev,
                               const uint8_t addr[6]);

/** @brief Do not ask for it any more. 0; SPLITIO_ENOENT. Caller: owner. */
int splitio_netfront_mcast_remove(struct splitio_netfront *dev,
                                  const uint8_t addr[6]);

/**
 * @brief Ask the back for free bytes in front of each frame (XDP headroom).
 *
 * Frames tell how much they have: `headroom_bytes`.
 * @return 0; SPLITIO_EINVAL: above SPLITIO_NETIF_HEADROOM_MAX.
 *
 * Caller: owner. Order: frames that are on their way have what was asked for
 * before. Peer: gives none, if it has not offered it.
 */
int splitio_netfront_set_headroom(struct splitio_netfront *dev, uint16_t bytes);

/**
 * @brief Have the back spread frames over the queues by a hash, and tell it with
 * each frame: `hash` and `hash_type`. Kept, and said to every new back, until
 * the next call; an algorithm of SPLITIO_NETIF_HASH_NONE ends it.
 * @param[in] hash copied.
 * @return 0: wait for splitio_netfront_hash_status(); SPLITIO_EINVAL: out of
 * range, or a queue that the configuration has not; SPLITIO_EOPNOTSUPP: the
 * configuration has no control ring.
 *
 * Caller: owner. Order: frames on their way come as before. Peer: refuses, or
 * never answers; then frames come as they do without.
 */
int splitio_netfront_set_hash(struct splitio_netfront *dev,
                              const struct splitio_netif_hash *hash);

/**
 * @brief What has become of it; does not wait.
 * @return 0: in force; SPLITIO_EAGAIN: the back has not answered yet, or there is
 * none; SPLITIO_EOPNOTSUPP: it has no control ring, or does not know an algorithm
 * or kind; SPLITIO_EINVAL: it refuses a value, such as a queue that is not
 * connected; SPLITIO_E2BIG: it takes no key or mapping that long; SPLITIO_EIO: it
 * gave a status that nobody knows; SPLITIO_ENOENT: nothing was asked for.
 *
 * Caller: owner. Order: none. Peer: the answer.
 */
int splitio_netfront_hash_status(const struct splitio_netfront *dev);

/**
 * @brief Have the back keep the pages mapped that frames go through, or end that.
 * It then needs no grant operation for them. What the back can see does not
 * change. Kept over all connections.
 * @return 0: wait for splitio_netfront_nr_staged(); SPLITIO_EOPNOTSUPP: the
 * configuration has no control ring.
 *
 * Caller: owner. Order: none; frames may go meanwhile. Peer: refuses, or never
 * answers; then all goes on as without.
 */
int splitio_netfront_set_staging(struct splitio_netfront *dev, bool on);

/**
 * @brief Pages that the back keeps mapped, of all queues; as many as it takes.
 * @return their number; SPLITIO_EAGAIN: the back has not answered yet, or there
 * is none; SPLITIO_EOPNOTSUPP: it has no control ring, or keeps no pages;
 * SPLITIO_EINVAL: it refuses; SPLITIO_EBUSY: it has not let go of all;
 * SPLITIO_EIO: a status that nobody knows.
 *
 * Caller: owner. Order: none. Peer: the answer.
 */
int splitio_netfront_nr_staged(const struct splitio_netfront *dev);

/**
 * @brief The machine was restored or moved (splitio_xenbus_resume()): connect
 * anew, with new rings and pages. Frames that were not answered are lost, and
 * counted; nothing is sent twice.
 *
 * Caller: owner, only with a store, not from a callback. Order: none. Peer:
 * nothing.
 */
void splitio_netfront_resume(struct splitio_netfront *dev);

/**
 * @brief Write down what was asked for and would have to be asked for again, as
 * splitio/save.h has it: multicast addresses, headroom, hashing. Frames are not in it:
 * those that are not answered are lost, as with splitio_netfront_resume().
 * @param[out] buf   may be NULL, to learn how much is needed.
 * @param[in]  size  of @p buf.
 * @param[out] bytes needed, or used.
 * @return 0; SPLITIO_ENOMEM: @p size is too small.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_netfront_save(const struct splitio_netfront *dev, void *buf,
                          size_t size, size_t *bytes);

/**
 * @brief Ask for what a saved device had asked for. Call after init, before
 * anything else; it is told to the back with the connection.
 * @return 0; SPLITIO_EPROTO, SPLITIO_EOPNOTSUPP: see splitio/save.h; nothing has
 * been asked for then; SPLITIO_EINVAL: there is a connection.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_netfront_restore(struct splitio_netfront *dev, const void *blob,
                             size_t bytes);

/** @brief Begin an orderly close; keep polling. Caller: owner. */
void splitio_netfront_close(struct splitio_netfront *dev);

/** @brief True if closed on both sides: fini() will do. Caller: owner. */
bool splitio_netfront_is_closed(const struct splitio_netfront *dev);

/**
 * @brief End, from any state; the back is not told.
 * @return 0: all memory is the caller's; SPLITIO_EAGAIN: poll the store, and
 * call again.
 *
 * Caller: owner. Order: none. Peer: can hold pages, not delay it.
 */
int splitio_netfront_fini(struct splitio_netfront *dev);

/** @brief True while frames can be sent. Caller: owner. */
static inline bool splitio_netfront_is_up(const struct splitio_netfront *dev)
{
    return dev->connected && !dev->broken && !dev->no_carrier &&
           !dev->unplugged;
}

/** @brief The address that the toolstack gave; zeroes before splitio_netfront_
 *  is_up(), or if it gave none. Caller: owner. */
static inline const uint8_t *
splitio_netfront_mac(const struct splitio_netfront *dev)
{
    return dev->mac;
}

/** @brief Payload bytes of a frame; 1500 if nobody said. As for the address. */
static inline uint32_t splitio_netfront_mtu(const struct splitio_netfront *dev)
{
    return dev->mtu;
}

/** @brief Set what the toolstack gave; the store's glue does so itself. */
void splitio_netfront_set_link(struct splitio_netfront *dev,
                               const uint8_t mac[6], uint32_t mtu);

/**
 * @brief The device as a NIC, to be joined to another (splitio/nic.h). send()
 * publishes at the next poll(); attach() takes the place of `receive`.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
struct splitio_nic splitio_netfront_nic(struct splitio_netfront *dev);

/** @brief Frames sent and not answered yet, in slots; 0 if not connected. */
uint32_t splitio_netfront_in_flight(const struct splitio_netfront *dev);

/** @brief Counters. Caller: owner. Order: none. Peer: nothing. */
static inline const struct splitio_netfront_stats *
splitio_netfront_stats(const struct splitio_netfront *dev)
{
    return &dev->stats;
}

/** @brief True if the private state agrees with itself. For tests. */
bool splitio_netfront_is_valid(const struct splitio_netfront *dev);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_NETFRONT_H */
