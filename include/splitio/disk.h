/* SPDX-License-Identifier: BSD-2-Clause */
/* What a block back drives: the disk engine table and the shipped engines. */
#ifndef SPLITIO_DISK_H
#define SPLITIO_DISK_H

/**
 * @file
 * @brief Disk engines (layer 3).
 *
 * **What it is.** A disk is a `const` table of functions and a context. The
 * block back submits checked requests whose memory it owns until they are done;
 * the engine completes them in any order.
 *
 * **Who calls what.** All functions of one disk are called by one thread, the
 * owner. An engine may use threads of its own; completions are nevertheless
 * delivered by poll(), on the owner's thread. Between polls the engine calls
 * the `wake` callback given at its creation, from any thread, when poll() has
 * something to deliver.
 *
 * **Typical loop of the owner.**
 *
 *     while requests arrive: disk->ops->submit(disk->ctx, io)   (EAGAIN: stop)
 *     disk->ops->kick(disk->ctx)                                (once a batch)
 *     on wake: disk->ops->poll(disk->ctx, budget)          (calls io->done)
 *
 * **Trust.** The engine trusts its caller: offsets and lengths have been
 * checked against info(). An engine whose medium shrinks under it answers with
 * SPLITIO_EIO, never with a fault.
 *
 * **Order.** A flush covers every write whose done() was called before the
 * flush was submitted. Requests in flight together are not ordered.
 */

#include <splitio/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The unit of all sector numbers and counts, whatever the sector size. */
#define SPLITIO_DISK_SECTOR_SHIFT 9u
#define SPLITIO_DISK_SECTOR_SIZE  512u

/** Operations of struct splitio_disk_io. */
enum splitio_disk_op {
    SPLITIO_DISK_READ,
    SPLITIO_DISK_WRITE,
    SPLITIO_DISK_FLUSH,
    SPLITIO_DISK_DISCARD,
};

/** struct splitio_disk_info.flags */
#define SPLITIO_DISK_READ_ONLY (1u << 0)
#define SPLITIO_DISK_FLUSHES   (1u << 1) /**< has a cache; flush has meaning */
#define SPLITIO_DISK_DISCARDS  (1u << 2)
#define SPLITIO_DISK_CDROM     (1u << 3)
#define SPLITIO_DISK_REMOVABLE (1u << 4)

/** struct splitio_disk_io.flags */
#define SPLITIO_DISK_IO_SECURE (1u << 0) /**< discard so that it is gone */
#define SPLITIO_DISK_IO_FUA    (1u << 1) /**< write through the cache */

/** What a disk is. A disk may grow; the owner asks again when told so. */
struct splitio_disk_info {
    uint64_t nr_sectors;           /**< in units of 512 bytes */
    uint32_t sector_size;          /**< logical, bytes: 512 or 4096 */
    uint32_t physical_sector_size; /**< bytes */
    uint32_t discard_granularity;  /**< bytes, 0 if discard is not offered */
    uint32_t discard_alignment;    /**< bytes */
    uint32_t flags;                /**< SPLITIO_DISK_* */
};

/** One request. The caller owns it and its memory until done() is called. */
struct splitio_disk_io {
    enum splitio_disk_op op;
    uint32_t flags;      /**< SPLITIO_DISK_IO_* */
    uint64_t sector;     /**< first, in units of 512 bytes */
    uint64_t nr_sectors; /**< length; equals the sum of iov for R/W */
    const struct splitio_iovec *iov; /**< read, write: nr_iov pieces */
    uint32_t nr_iov;
    /** Called once from poll(): 0 or a negative SPLITIO_E*. */
    void (*done)(struct splitio_disk_io *io, int status);
    void *engine_private[4]; /**< the engine's while it holds the request */
};

/** The engine table. */
struct splitio_disk_ops {
    /** Fill in @p info. 0, or SPLITIO_EIO if the medium is gone. */
    int (*info)(void *ctx, struct splitio_disk_info *info);
    /** Take a request. 0; SPLITIO_EAGAIN: the queue is full, try again after
     *  the next completion. Never calls done() itself. */
    int (*submit)(void *ctx, struct splitio_disk_io *io);
    /** Start what has been submitted since the last kick. */
    void (*kick)(void *ctx);
    /** Call done() for up to @p budget finished requests; their number. */
    int (*poll)(void *ctx, unsigned budget);
};

/** A disk: the table and the context to call it with. */
struct splitio_disk {
    const struct splitio_disk_ops *ops;
    void *ctx;
};

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_DISK_H */
