/* SPDX-License-Identifier: BSD-2-Clause */
/* The block front: a disk whose requests are done by a back. */
#ifndef SPLITIO_BLKFRONT_H
#define SPLITIO_BLKFRONT_H

/**
 * @file
 * @brief The block front (layer 3).
 *
 * **What it is.** A disk for a guest. The guest submits requests of any size;
 * the front cuts them into what the back takes, lends the pages, and tells the
 * guest once when all of a request is done. Sources: xen/io/blkif.h; XSA-396
 * and XSA-403 for what a front owes itself.
 *
 * Two ways to lend memory:
 *  - *bounce*: the front owns pages that stay granted, and copies. The guest's
 *    buffers may be any memory. The back may keep the pages mapped (persistent
 *    grants). The back never sees memory that was not meant for it.
 *  - *direct*: buffers are pages of the guest, granted for each request and not
 *    copied. Pieces that are not aligned to sectors, or that the port cannot
 *    grant, are bounced.
 *
 * **Who calls what.** One owner thread calls everything, and is also the owner
 * of the store connection. `done` of a request is called from
 * splitio_blkfront_poll(); it may submit.
 *
 * **Typical loop.**
 *
 *     io.op = SPLITIO_BLK_WRITE; io.sector = 8; io.iov = ...; io.done = ...;
 *     err = splitio_blkfront_submit(&dev, &io);     EAGAIN: after a poll again
 *     splitio_blkfront_kick(&dev);                  once a batch
 *     ...
 *     while (splitio_blkfront_poll(&dev, 64) > 0)
 *         ;
 *     wait for an event (wake), or the store
 *
 * **Memory order.** ring.h's. Data is in its pages before the request is
 * published, and is read after the response was acquired.
 *
 * **Trust.** The back may be hostile. It sees the pages lent to it and nothing
 * else; every byte of a slot is written. Its answers are checked against a
 * private record of each request: one that was not asked for stops the device.
 * A page that it does not give back is never used again.
 *
 * **Restart.** If the back dies or closes, requests that it has not answered
 * stay with the front and are sent again, in order, when a back is there again:
 * the disk may see a request twice, its owner sees one `done`.
 *
 * **Errors.** See splitio_blkfront_submit() and struct splitio_blk_io.
 */

#include <splitio/port.h>
#include <splitio/proto/blkif.h>
#include <splitio/save.h>
#include <splitio/xenbus.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Operations. */
enum splitio_blk_op {
    SPLITIO_BLK_READ,
    SPLITIO_BLK_WRITE,
    /** What was done() before is on stable storage when this is done(). */
    SPLITIO_BLK_FLUSH,
    SPLITIO_BLK_DISCARD,
    /** A write, or nothing (nr_iov is 0), that all earlier requests of its queue
     *  come before and all later ones after, and that is on stable storage with
     *  all earlier writes when it is done(). */
    SPLITIO_BLK_BARRIER,
};

/** A place in the buffers of a request. Fields are private, not ABI. */
struct splitio_blk_cursor {
    uint64_t pos; /* bytes from the beginning */
    size_t offset;
    uint32_t iov;
};

/** A request. The caller owns it, and the front its memory, until done(). */
struct splitio_blk_io {
    enum splitio_blk_op op;
    bool secure;                     /**< discard so that it is gone */
    uint16_t queue;                  /**< which queue, modulo their number */
    uint64_t sector;                 /**< first, in units of 512 bytes */
    uint64_t nr_sectors;             /**< discard: length */
    const struct splitio_iovec *iov; /**< of data: nr_iov pieces */
    uint32_t nr_iov;
    /** Called once. 0; SPLITIO_EIO: the disk failed; SPLITIO_EOPNOTSUPP: flush,
     *  barrier or discard is not possible after all, and no longer offered;
     *  SPLITIO_ECLOSED: the device was closed first; SPLITIO_EBUSY (direct
     *  only): the back keeps a page of the buffers: it must not be used again,
     *  the port has it in quarantine. */
    void (*done)(struct splitio_blk_io *io, int status);
    /* Private, not ABI. */
    uint64_t len_bytes;
    struct splitio_blk_cursor at; /* up to here it has been sent */
    struct splitio_blk_io *next;  /* that has to wait too */
    uint32_t parts;               /* in flight or to be sent again */
    int status;
    bool saved; /* is in the blob that is being written */
};

/** Most queues of a device. */
#define SPLITIO_BLKFRONT_QUEUES_MAX 16u
/** Most segments of one request on the ring. */
#define SPLITIO_BLKFRONT_SEGS_MAX 512u

/** What a device is made of. */
struct splitio_blkfront_config {
    struct splitio_guest_port port;
    /** Called when there is work for poll(); fn may be NULL. */
    struct splitio_event_handler wake;
    /** Called from poll(): is_up() or the disk's size has another answer now;
     *  fn may be NULL. */
    struct splitio_event_handler changed;
    struct splitio_store *store; /**< NULL: no handshake */
    /** Own directory in the store, absolute or relative to the domain's home;
     *  copied. */
    const char *dir;
    bool direct; /**< lend the caller's buffers */
    /** Layout of the slots, as the key "protocol" tells the back; 0: the one
     *  that every back takes. */
    enum splitio_blkif_abi abi;
    /** What the back counts in, for disks with sectors of more than 512 bytes;
     *  0: what the protocol says. */
    enum splitio_blkif_units units;
    uint8_t max_queues;     /**< 1 to 16 */
    uint8_t max_ring_order; /**< 0 to 4: rings of up to 1 to 16 pages */
    uint16_t max_segs;      /**< of a request on the ring, 11 to 512 */
    /** Pages that each queue has for bouncing and for lists of segments, at
     *  least 2. Bounce: what can be in flight at once. Direct: one for each
     *  request of more than 11 segments in flight, one at least to get on when
     *  the grant table is full. */
    uint16_t pool_pages;
};

/** Bits of struct splitio_blkfront_info.flags. */
#define SPLITIO_BLKFRONT_READ_ONLY  (1u << 0)
#define SPLITIO_BLKFRONT_FLUSHES    (1u << 1)
#define SPLITIO_BLKFRONT_DISCARDS   (1u << 2)
#define SPLITIO_BLKFRONT_SECURE     (1u << 3) /**< secure discard */
#define SPLITIO_BLKFRONT_CDROM      (1u << 4)
#define SPLITIO_BLKFRONT_REMOVABLE  (1u << 5)
#define SPLITIO_BLKFRONT_PERSISTENT (1u << 6) /**< the back keeps pages */
#define SPLITIO_BLKFRONT_BARRIERS   (1u << 7)

/** What the disk is. */
struct splitio_blkfront_info {
    uint64_t nr_sectors;           /**< in units of 512 bytes */
    uint32_t sector_size;          /**< bytes: 512, 1024, 2048 or 4096 */
    uint32_t physical_sector_size; /**< bytes */
    uint32_t discard_granularity;  /**< bytes */
    uint32_t discard_alignment;    /**< bytes */
    uint32_t flags;                /**< SPLITIO_BLKFRONT_* */
    uint32_t max_indirect;         /**< segments that the back takes; 0: 11 */
};

/** Counters. The first group is what is held now. */
struct splitio_blkfront_stats {
    uint32_t nr_in_flight; /**< on a ring, not answered */
    uint32_t nr_replays;   /**< to be sent again */
    uint32_t nr_grants;    /**< lent, rings included */
    uint32_t nr_pages;     /**< taken from the port */
    uint32_t nr_rings;     /**< rings, and channels open */
    uint64_t nr_requests;  /**< put on a ring */
    uint64_t nr_ios;       /**< submitted */
    uint64_t nr_replayed;  /**< put on a ring again */
    uint64_t nr_failed;    /**< answered with an error */
    uint64_t nr_stalls;    /**< submit had no slot, page or grant */
    uint64_t nr_notifies;
    uint64_t nr_lost_pages; /**< the back did not give them back */
    uint64_t nr_broken;     /**< times that the device was stopped */
};

struct splitio_blkfront_queue;

/** A device. Fields are private, not ABI. */
struct splitio_blkfront {
    struct splitio_xenbus xb;
    struct splitio_blkfront_config cfg;
    struct splitio_blkfront_info info;
    struct splitio_blkfront_queue *queues;
    uint32_t nr_queues, ring_order; /* of this connection */
    uint32_t back_max_queues, back_max_order, back_max_pages;
    splitio_domid_t back_domid; /* to whom pages are granted */
    bool have_domid;
    bool rings;     /* rings and channels exist */
    bool connected; /* and the disk is known */
    bool broken, closing, untrusted;
    struct splitio_blkif_shifts shifts; /* what the back counts in */
    uint64_t key_sectors;               /* as the back wrote it */
    struct splitio_blkfront_stats stats;
};

/** What to tell the back about a queue, where there is no store. */
struct splitio_blkfront_rings {
    uint32_t nr_queues;
    uint32_t ring_order;
    bool persistent;
    struct {
        splitio_gref_t grefs[SPLITIO_RING_PAGES_MAX];
        splitio_evtchn_t evtchn;
    } queues[SPLITIO_BLKFRONT_QUEUES_MAX];
};

/**
 * @brief Memory that a device needs, pages apart, which come from the port.
 * @return bytes; 0 if the configuration is out of bounds.
 *
 * Caller: any. Order: none. Peer: nothing.
 */
size_t splitio_blkfront_mem_bytes(const struct splitio_blkfront_config *cfg);

/**
 * @brief Make a device, and begin the handshake if there is a store.
 * @param[out] dev   caller's memory, kept.
 * @param[in]  cfg   copied.
 * @param[in]  mem   aligned to a cache line, kept.
 * @param[in]  bytes its size, at least splitio_blkfront_mem_bytes().
 * @return 0; SPLITIO_EINVAL; SPLITIO_ENOMEM: too few bytes, or the port has no
 * pages; SPLITIO_E2BIG: the directory's name is too long.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_blkfront_init(struct splitio_blkfront *dev,
                          const struct splitio_blkfront_config *cfg, void *mem,
                          size_t bytes);

/** @brief True if lists and counters agree. For tests. */
bool splitio_blkfront_is_valid(const struct splitio_blkfront *dev);

/**
 * @brief Make and lend the rings, by hand.
 * @param[in]  back       the domain to connect to.
 * @param[in]  nr_queues  1 to cfg.max_queues.
 * @param[in]  ring_order 0 to cfg.max_ring_order.
 * @param[out] rings      what to tell the back.
 * @return 0; SPLITIO_EINVAL; SPLITIO_EEXIST: rings exist; SPLITIO_ENOMEM,
 * SPLITIO_ENOSPC from the port. On failure nothing is held but pool pages.
 *
 * Caller: owner, only without a store. Order: none. Peer: nothing.
 */
int splitio_blkfront_offer(struct splitio_blkfront *dev, splitio_domid_t back,
                           uint32_t nr_queues, uint32_t ring_order,
                           struct splitio_blkfront_rings *rings);

/**
 * @brief The back is connected and the disk is like this: start, by hand.
 * Requests that an earlier back did not answer are sent again.
 * @return 0; SPLITIO_EINVAL: no rings, or @p info makes no sense.
 *
 * Caller: owner, only without a store. Order: none. Peer: all of @p info.
 */
int splitio_blkfront_start(struct splitio_blkfront *dev,
                           const struct splitio_blkfront_info *info);

/**
 * @brief The back has let go: take rings and pages back, by hand. Requests in
 * flight stay, to be sent again.
 *
 * Caller: owner, only without a store. Order: acquires the back's last access.
 * Peer: may keep pages; they are given up.
 */
void splitio_blkfront_stop(struct splitio_blkfront *dev);

/**
 * @brief Submit a request. Call splitio_blkfront_kick() after the last one.
 * @return 0: done() will be called; SPLITIO_EAGAIN: no slot, page or grant, or
 * no back at this moment: again after a poll; SPLITIO_EINVAL: empty, not
 * aligned to sectors, or beyond the end; SPLITIO_EROFS; SPLITIO_EOPNOTSUPP: not
 * offered; SPLITIO_ECLOSED: the device is closing.
 *
 * Caller: owner; in done() too. Order: none until the kick. Peer: nothing.
 */
int splitio_blkfront_submit(struct splitio_blkfront *dev,
                            struct splitio_blk_io *io);

/**
 * @brief Publish what was submitted; at most one notification for each queue.
 *
 * Caller: owner. Order: releases the requests to the back. Peer: whether to
 * notify it.
 */
void splitio_blkfront_kick(struct splitio_blkfront *dev);

/**
 * @brief Collect answers, send what had to wait, and go on with the handshake.
 * @param[in] budget most answers to take from each queue.
 * @return 0: nothing to do before the next event or store message; above: call
 * again before waiting.
 *
 * Caller: owner. Order: see the head of this file. Peer: every answer.
 */
int splitio_blkfront_poll(struct splitio_blkfront *dev, unsigned budget);

/**
 * @brief Begin an orderly close; keep polling. Requests that are not done when
 * the back has closed end with SPLITIO_ECLOSED.
 *
 * Caller: owner; in done() too. Order: none. Peer: decides how long it takes.
 */
void splitio_blkfront_close(struct splitio_blkfront *dev);

/**
 * @brief Take back splitio_blkfront_close(), or try again after the back lied
 * and the device stopped (stats.nr_broken). Requests that were kept go on.
 *
 * Caller: owner; in done() too. Order: none. Peer: nothing.
 */
void splitio_blkfront_reopen(struct splitio_blkfront *dev);

/**
 * @brief The machine was restored or moved: grants and channels are dead, and
 * the back may be another, elsewhere in the store. What the old one has answered
 * is done; what it has not, the next one is asked for, in the order of
 * submission. If the store's connection is dead as well, reconnect it first.
 *
 * Caller: owner, not from done(). Order: acquires what the old back published.
 * Peer: as splitio_blkfront_poll().
 */
void splitio_blkfront_resume(struct splitio_blkfront *dev);

/** @brief True if closed on both sides: fini() will do. Caller: owner. */
bool splitio_blkfront_is_closed(const struct splitio_blkfront *dev);

/**
 * @brief End, from any state; requests not done end with SPLITIO_ECLOSED.
 * @return 0: all memory is the caller's; SPLITIO_EAGAIN: poll the store, call
 * again.
 *
 * Caller: owner. Order: acquires the back's last access to pages given back.
 * Peer: may keep pages; they are given up.
 */
int splitio_blkfront_fini(struct splitio_blkfront *dev);

/** What a request is called in a blob: the caller's to choose. */
typedef uint64_t (*splitio_blkfront_token_fn)(void *arg,
                                              const struct splitio_blk_io *io);
/** The request of that name, filled in by the caller with its buffers; NULL: it
 *  has been given up. May be asked twice. */
typedef struct splitio_blk_io *(*splitio_blkfront_io_fn)(void *arg,
                                                         uint64_t token);

/**
 * @brief Write down what is not done, as splitio/save.h has it: the requests in
 * the order in which they were submitted. Their data stays with the caller.
 * @param[in]  token names them.
 * @param[out] buf   may be NULL, to learn how much is needed.
 * @param[in]  size  of @p buf.
 * @param[out] bytes needed, or used.
 * @return 0; SPLITIO_ENOMEM: @p size is too small.
 *
 * Afterwards the device must not be polled. Its domain ends, or it does by
 * splitio_blkfront_fini(), whose SPLITIO_ECLOSED is not for the restored ones.
 *
 * Caller: owner, not from a callback. Order: none. Peer: nothing.
 */
int splitio_blkfront_save(struct splitio_blkfront *dev,
                          splitio_blkfront_token_fn token, void *arg, void *buf,
                          size_t size, size_t *bytes);

/**
 * @brief Take up what a saved device had not done; it is sent when there is a
 * connection, before anything new. What the disk cannot do any more ends with an
 * error then. Call after init, before anything else.
 * @param[in] find gives each request; its operation, place and length must be
 *                 as they were.
 * @return 0; SPLITIO_EPROTO, SPLITIO_EOPNOTSUPP: see splitio/save.h, also for a
 * request that is another now: nothing has been taken up; SPLITIO_EINVAL: there
 * is a connection.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_blkfront_restore(struct splitio_blkfront *dev,
                             splitio_blkfront_io_fn find, void *arg,
                             const void *blob, size_t bytes);

/** @brief The disk; nr_sectors is 0 before the first connection. */
static inline const struct splitio_blkfront_info *
splitio_blkfront_get_info(const struct splitio_blkfront *dev)
{
    return &dev->info;
}

/** @brief True while requests can be submitted. Caller: owner. */
static inline bool splitio_blkfront_is_up(const struct splitio_blkfront *dev)
{
    return dev->connected && !dev->broken && !dev->closing;
}

/** @brief The counters. Caller: owner. */
static inline const struct splitio_blkfront_stats *
splitio_blkfront_get_stats(const struct splitio_blkfront *dev)
{
    return &dev->stats;
}

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_BLKFRONT_H */
