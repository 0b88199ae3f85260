/* SPDX-License-Identifier: BSD-2-Clause */
/* The block back: serves one front's requests from a disk engine. */
#ifndef SPLITIO_BLKBACK_H
#define SPLITIO_BLKBACK_H

/**
 * @file
 * @brief The block back (layer 3).
 *
 * **What it is.** One device for one front: 1 to 16 queues, each a ring, a
 * channel and a table of requests in flight. It takes requests, checks them,
 * gets at the front's pages through the host port, has the disk do the work and
 * answers. Pages are mapped once and kept (persistent grants), mapped for the
 * request, or copied, as configured and negotiated. A barrier waits for what
 * its queue has been asked before, and what comes after waits for it. Source:
 * xen/io/blkif.h.
 *
 * **Who calls what.** One owner thread a device calls everything, and also owns
 * the disk and the store connection. The configured `wake` is called from the
 * host port's event handler.
 *
 * **Typical loop.**
 *
 *     splitio_blkback_init(&dev, &cfg, mem, splitio_blkback_mem_bytes(&cfg));
 *     for (;;) {
 *         store and host port: poll
 *         if (splitio_blkback_poll(&dev, 64) == 0)
 *             wait for: an event (wake), the disk's wake, the store
 *     }
 *     splitio_blkback_close(&dev);          go on polling until
 *     splitio_blkback_is_closed(&dev);      then
 *     splitio_blkback_fini(&dev);           0, or EAGAIN: poll, call again
 *
 * Without a store (cfg.store is NULL), splitio_blkback_connect() and
 * splitio_blkback_disconnect() take the place of the handshake.
 *
 * **Memory order.** ring.h's. The event flag is cleared before the ring is
 * scanned; the channel is unmasked after the ring was found empty and rearmed.
 *
 * **Trust.** The front is hostile. A request that makes no sense gets one error
 * response and nothing is mapped; a ring that makes no sense stops its queue
 * until the next connection. Whatever it does, work per poll, mappings and
 * memory stay within the configuration.
 *
 * **Errors.** See each function. Errors of the disk go to the front as a status.
 */

#include <splitio/disk.h>
#include <splitio/port.h>
#include <splitio/proto/blkif.h>
#include <splitio/save.h>
#include <splitio/xenbus.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most queues of a device. */
#define SPLITIO_BLKBACK_QUEUES_MAX 16u
/** Most pages of a ring, as an order. */
#define SPLITIO_BLKBACK_ORDER_MAX 4u

/** What a device is made of. All limits hold for each queue. */
struct splitio_blkback_config {
    struct splitio_host_port port;
    struct splitio_disk disk;
    /** Called when there is work for poll(), but for what the disk's own wake
     *  tells of; from the port's events and from the store's poll. fn may be
     *  NULL. */
    struct splitio_event_handler wake;
    struct splitio_store *store; /**< NULL: no handshake */
    const char *dir;             /**< own directory in the store, copied */
    /** Layout that a front without the key "protocol" uses. */
    enum splitio_blkif_abi native_abi;
    /** What the front counts in, for disks with sectors of more than 512 bytes;
     *  0: what the protocol says. */
    enum splitio_blkif_units units;
    bool read_only;          /**< refuse changes, whatever the disk can do */
    uint8_t max_queues;      /**< 1 to 16 */
    uint8_t max_ring_order;  /**< 0 to 4: rings of up to 1 to 16 pages */
    uint16_t max_in_flight;  /**< requests; 0: as many as the ring has slots */
    uint16_t max_indirect;   /**< segments, to 4096; 0: indirect not offered */
    uint16_t max_persistent; /**< pages kept mapped; 0: not offered */
    /** Requests of up to this many pages are copied and not mapped, unless
     *  persistent grants were agreed on; 0: never. */
    uint16_t copy_pages;
    /** Memory that outlives this program: see splitio_blkback_journal_bytes().
     *  NULL: no journal. */
    void *journal;
    size_t journal_bytes;
};

/** A front's rings, as told by the store or by hand. */
struct splitio_blkback_peer {
    splitio_domid_t domid;
    bool persistent; /**< the front reuses its grants */
    enum splitio_blkif_abi abi;
    uint32_t nr_queues;
    uint32_t ring_order;
    struct {
        splitio_gref_t grefs[SPLITIO_RING_PAGES_MAX];
        splitio_evtchn_t evtchn;
    } queues[SPLITIO_BLKBACK_QUEUES_MAX];
};

/** Counters. The first group is what is held now: all 0 when not connected. */
struct splitio_blkback_stats {
    uint32_t nr_in_flight; /**< requests taken and not answered */
    uint32_t nr_mapped;    /**< pages mapped for requests */
    uint32_t nr_kept;      /**< pages kept mapped */
    uint32_t nr_rings;     /**< rings mapped, channels bound */
    uint64_t nr_requests;  /**< taken */
    uint64_t nr_refused;   /**< answered without asking the disk */
    uint64_t nr_failed;    /**< answered with an error of disk or copy */
    uint64_t nr_dropped;   /**< let go unanswered by a disconnect */
    uint64_t nr_sectors_read, nr_sectors_written;
    uint64_t
        nr_map_errors; /**< requests refused because a page would not map */
    uint64_t nr_unmap_errors;
    uint64_t nr_evicted; /**< pages no longer kept, to make room */
    uint64_t nr_copied;  /**< requests copied */
    uint64_t nr_notifies;
    uint64_t nr_broken; /**< rings that were stopped */
};

struct splitio_blkback_queue;

/** A device. Fields are private, not ABI. */
struct splitio_blkback {
    struct splitio_xenbus xb;
    struct splitio_blkback_config cfg;
    struct splitio_blkif_params params;
    struct splitio_disk_info info;
    struct splitio_blkback_queue *queues;
    uint32_t nr_queues; /* connected ones */
    uint32_t nr_segs_max;
    bool connected, closing, kick, paused;
    bool told;                          /* this life has written its features */
    bool key_read_only, key_no_discard; /* the toolstack's keys restrict */
    uint32_t key_disk;                  /* SPLITIO_DISK_*, of its keys */
    bool mismatch; /* an earlier life offered more than this one would */
    struct splitio_blkback_peer peer;
    const void *saved; /* by an earlier back, not yet gone on with; or NULL */
    size_t saved_bytes;
    bool died; /* an earlier back did, and its journal is there */
    struct splitio_blkback_stats stats;
};

/**
 * @brief Memory that a device needs.
 * @return bytes; 0 if the configuration is out of bounds.
 *
 * Caller: any. Order: none. Peer: nothing.
 */
size_t splitio_blkback_mem_bytes(const struct splitio_blkback_config *cfg);

/**
 * @brief Memory of a journal, by which a device survives that its program is
 * killed, at any instruction.
 *
 * The device writes down there which requests it has taken and which answers it
 * has published. A device that is made with the journal of one that died, and of
 * the same configuration, takes over the connection that both directories still
 * call Connected, does again what was not answered, and answers everything once.
 * The dead one's disk must have come to rest: a mapped file of a program that has
 * ended will do; one on tmpfs costs no writes to a disk. Zeroed memory is a
 * journal that says nothing; so is that of a device that was closed.
 * @return bytes, to be aligned as a cache line; 0 if the configuration is out of
 * bounds.
 *
 * Caller: any. Order: none. Peer: nothing of it is in the peer's reach. Its
 * content is checked all the same, as a blob is.
 */
size_t splitio_blkback_journal_bytes(const struct splitio_blkback_config *cfg);

/**
 * @brief Make a device, and begin the handshake if there is a store.
 * @param[out] dev   caller's memory, kept.
 * @param[in]  cfg   copied.
 * @param[in]  mem   page-aligned, kept; content does not matter.
 * @param[in]  bytes its size, at least splitio_blkback_mem_bytes().
 * @return 0; SPLITIO_EINVAL; SPLITIO_ENOMEM: too few bytes, of this or of the
 * journal; SPLITIO_EIO: the
 * disk cannot be asked; SPLITIO_E2BIG: the directory's name is too long.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_blkback_init(struct splitio_blkback *dev,
                         const struct splitio_blkback_config *cfg, void *mem,
                         size_t bytes);

/** @brief True if lists and counters agree. For tests. */
bool splitio_blkback_is_valid(const struct splitio_blkback *dev);

/**
 * @brief Map the rings and bind the channels, by hand.
 *
 * Never writes to a ring that is in use: begins at the last response. Poll
 * afterwards, as if an event had come.
 * @return 0; SPLITIO_EINVAL: @p peer is out of bounds; SPLITIO_EEXIST:
 * connected already; SPLITIO_EPROTO: impossible indices; SPLITIO_EACCES,
 * SPLITIO_ENOENT, SPLITIO_ENOSPC from the host port. On failure nothing is held.
 *
 * Caller: owner, only without a store. Order: none. Peer: every value but
 * domid.
 */
int splitio_blkback_connect(struct splitio_blkback *dev,
                            const struct splitio_blkback_peer *peer);

/**
 * @brief Work: take requests, collect the disk's results, answer.
 * @param[in] budget most requests to take from each queue, and most results to
 *                   collect.
 * @return 0: nothing to do before the next event, wake or store message; above:
 * things done, call again before waiting.
 *
 * Caller: owner. Order: see the head of this file. Peer: every request.
 */
int splitio_blkback_poll(struct splitio_blkback *dev, unsigned budget);

/**
 * @brief Stop, wait for the disk, unmap and unbind everything, by hand.
 *
 * Requests that the disk has not been asked to do are let go unanswered.
 * @return 0: nothing is held, counters are 0; SPLITIO_EAGAIN: the disk still
 * works on requests: call again after its wake.
 *
 * Caller: owner, only without a store. Order: none. Peer: cannot delay it.
 */
int splitio_blkback_disconnect(struct splitio_blkback *dev);

/**
 * @brief The disk has another size: ask it, and tell the front, with the size
 * and the state in one transaction. All else stays as it was told.
 * @return 0; SPLITIO_EIO: the disk cannot be asked.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_blkback_resized(struct splitio_blkback *dev);

/**
 * @brief Take no more requests; keep polling, so that those taken are finished.
 * @return 0: nothing is in flight, save() will do; SPLITIO_EAGAIN: the disk
 * still works.
 *
 * Caller: owner. Order: none. Peer: goes on asking, and waits.
 */
int splitio_blkback_pause(struct splitio_blkback *dev);

/** @brief Take requests again; poll next. Caller: owner. */
void splitio_blkback_go_on(struct splitio_blkback *dev);

/**
 * @brief Write down the connection, as splitio/save.h has it.
 * @param[out] buf   may be NULL, to learn how much is needed.
 * @param[in]  size  of @p buf.
 * @param[out] bytes needed, or used.
 * @return 0; SPLITIO_ENOMEM: @p size is too small; SPLITIO_EINVAL: not
 * connected, or broken.
 *
 * All answers are published first. Requests in flight go into the blob, and are
 * done again by whoever is restored from it: without a pause, see to it that what
 * this device's disk still does for them cannot come after what another device
 * will. Afterwards the device must vanish without a word to the front: do not
 * poll it, leave mappings and channels to the end of the process or to
 * splitio_blkback_abandon().
 *
 * Caller: owner. Order: releases the answers. Peer: nothing.
 */
int splitio_blkback_save(struct splitio_blkback *dev, void *buf, size_t size,
                         size_t *bytes);

/**
 * @brief Unmap and unbind everything after save(), without answering anything.
 * @return as splitio_blkback_fini().
 *
 * Caller: owner. Order: none. Peer: cannot delay it.
 */
int splitio_blkback_abandon(struct splitio_blkback *dev);

/**
 * @brief Go on where a saved device was. Call after init, before anything else.
 * @param[in] blob  with a store: kept until the connection is there.
 * @param[in] bytes of @p blob.
 * @return 0; SPLITIO_EPROTO, SPLITIO_EOPNOTSUPP: see splitio/save.h: also if
 * the device offers less than the saved one had agreed on; without a store also
 * what splitio_blkback_connect() returns. On failure nothing is held.
 *
 * With a store the device takes over a connection that both directories still
 * call Connected, if it is the saved one; any other it makes anew. Requests in
 * the blob that make no sense are answered with an error.
 *
 * Caller: owner. Order: none. Peer: the rings, checked.
 */
int splitio_blkback_restore(struct splitio_blkback *dev, const void *blob,
                            size_t bytes);

/** @brief Begin an orderly close; keep polling. Caller: owner. */
void splitio_blkback_close(struct splitio_blkback *dev);

/** @brief True if closed on both sides: fini() will do. Caller: owner. */
bool splitio_blkback_is_closed(const struct splitio_blkback *dev);

/**
 * @brief End, from any state; the front is not told.
 * @return 0: all memory is the caller's; SPLITIO_EAGAIN: poll disk and store,
 * and call again.
 *
 * Caller: owner. Order: none. Peer: cannot delay it.
 */
int splitio_blkback_fini(struct splitio_blkback *dev);

/** @brief The counters. Caller: owner. */
static inline const struct splitio_blkback_stats *
splitio_blkback_get_stats(const struct splitio_blkback *dev)
{
    return &dev->stats;
}

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_BLKBACK_H */
