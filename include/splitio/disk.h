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
 * delivered by poll(), on the owner's thread. The engine calls the `wake`
 * callback given at its creation when a further poll() has something to deliver:
 * from any thread, and from within poll() when the budget leaves some. One poll()
 * after a wake is enough; there will be another wake for the rest. What can be
 * done at once has been done when kick() returns, without a wake: so poll() once
 * after kick(), too. An engine without `wake` does all its work so.
 *
 * **Typical loop of the owner.**
 *
 *     while requests arrive: disk->ops->submit(disk->ctx, io)   (EAGAIN: stop)
 *     disk->ops->kick(disk->ctx)                                (once a batch)
 *     disk->ops->poll(disk->ctx, budget)      (then, and on wake: calls io->done)
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
/** A discard with SPLITIO_DISK_IO_SECURE leaves no trace of the data. */
#define SPLITIO_DISK_DISCARDS_SECURELY (1u << 5)

/** struct splitio_disk_io.flags */
#define SPLITIO_DISK_IO_SECURE (1u << 0) /**< discard so that it is gone */
#define SPLITIO_DISK_IO_FUA    (1u << 1) /**< write through the cache */

/** What a disk is. A disk may grow; the owner asks again when told so. */
struct splitio_disk_info {
    uint64_t nr_sectors;           /**< in units of 512 bytes */
    uint32_t sector_size;          /**< logical, bytes: a power of two, 512
                                        to 4096 */
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
    /** Start what has been submitted since the last kick; poll() next. */
    void (*kick)(void *ctx);
    /** Call done() for up to @p budget finished requests; their number. */
    int (*poll)(void *ctx, unsigned budget);
};

/** A disk: the table and the context to call it with. */
struct splitio_disk {
    const struct splitio_disk_ops *ops;
    void *ctx;
};

/* ---- shipped engines: library splitio-engine, hosted ---- */

/** How to open a file engine; zeroes mean the defaults given here. */
struct splitio_disk_file_config {
    const char *path;        /**< a regular file or a block device */
    bool read_only;          /**< open it for reading only */
    unsigned nr_threads;     /**< 1 to 16; 4 */
    unsigned queue_depth;    /**< requests held, 1 to 65536; 1024 */
    void (*wake)(void *arg); /**< poll() has results; called from any thread */
    void *wake_arg;
};

/** A disk in a file, served by a small pool of threads, one of which writes. Reads
 *  of what is cached need none. Opaque. */
struct splitio_disk_file;

/**
 * @brief Open a file or block device as a disk.
 *
 * Takes a lock on a file (flock), exclusive for writing and shared for reading,
 * which other users of this engine respect. A block device is opened exclusively
 * for writing, which the kernel's own users respect as well: mounts, volume
 * managers. A flush that fails is never followed by one that succeeds: what has
 * become of the data is unknown until the file is opened anew. The size is asked anew by info(): a file that
 * has grown is a disk that has grown; requests beyond the end of one that has
 * shrunk fail with SPLITIO_EIO.
 * @param[out] disk         the engine.
 * @param[in]  cfg          copied, but for the path.
 * @param[out] reason       on failure, one line that names the file and what to
 *                          do.
 * @param[in]  reason_bytes its size.
 * @return 0; SPLITIO_ENOENT, SPLITIO_EACCES; SPLITIO_EBUSY: locked by another
 * user; SPLITIO_EINVAL: not a file, or its size is no multiple of its sectors;
 * SPLITIO_ENOMEM; SPLITIO_EIO.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_disk_file_open(struct splitio_disk_file **disk,
                           const struct splitio_disk_file_config *cfg,
                           char *reason, size_t reason_bytes);

/** @brief The table and context to hand to a back. Caller: owner. */
struct splitio_disk splitio_disk_file_disk(struct splitio_disk_file *disk);

/**
 * @brief The descriptor of the file, for engines that are made over this one:
 * good until it is closed. Caller: owner.
 */
int splitio_disk_file_fd(const struct splitio_disk_file *disk);

/**
 * @brief Stop the threads and close. Requests that were submitted are finished
 * first, but their done() is not called any more.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
void splitio_disk_file_close(struct splitio_disk_file *disk);

/** A disk in memory. Opaque. */
struct splitio_disk_memory;

/**
 * @brief Make a disk of zeroes in memory.
 * @param[in] nr_sectors at least 1.
 * @param[in] read_only  refuse changes.
 * @return the disk; NULL: out of memory.
 *
 * Requests are done when they are kicked; poll() delivers them.
 * Caller: owner. Order: none. Peer: nothing.
 */
struct splitio_disk_memory *splitio_disk_memory_new(uint64_t nr_sectors,
                                                    bool read_only);

/**
 * @brief The same over memory of the caller's, with what is in it: an image that
 * has been loaded or mapped.
 * @param[in] bytes nr_sectors * 512 of them, kept and not freed; NULL: as
 *                  splitio_disk_memory_new().
 * @return the disk; NULL: out of memory. Caller: owner.
 */
struct splitio_disk_memory *
splitio_disk_memory_over(void *bytes, uint64_t nr_sectors, bool read_only);

/** @brief Its bytes, nr_sectors * 512 of them. Caller: owner. */
void *splitio_disk_memory_bytes(struct splitio_disk_memory *disk);

/** @brief The table and context to hand to a back. Caller: owner. */
struct splitio_disk splitio_disk_memory_disk(struct splitio_disk_memory *disk);

/** @brief Free it. Caller: owner. */
void splitio_disk_memory_free(struct splitio_disk_memory *disk);

/** A disk that reads as zeroes and forgets what is written. Opaque. */
struct splitio_disk_null;

/**
 * @brief Make a null disk.
 * @return the disk; NULL: out of memory. Caller: owner.
 */
struct splitio_disk_null *splitio_disk_null_new(uint64_t nr_sectors);

/** @brief The table and context to hand to a back. Caller: owner. */
struct splitio_disk splitio_disk_null_disk(struct splitio_disk_null *disk);

/** @brief Free it. Caller: owner. */
void splitio_disk_null_free(struct splitio_disk_null *disk);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_DISK_H */
