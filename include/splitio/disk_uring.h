/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk in a file, through io_uring: library splitio-uring. */
#ifndef SPLITIO_DISK_URING_H
#define SPLITIO_DISK_URING_H

/**
 * @file
 * @brief The io_uring disk engine (layer 3, hosted; library `splitio-uring`).
 *
 * **What it is.** An engine as in splitio/disk.h over a file or block device,
 * for Linux 5.19 or later. Reads and writes go to the kernel through an
 * io_uring, a batch by one system call. What a ring does no better is done by
 * an engine of splitio_disk_file_open() inside: flushes, discards, writes
 * through the cache, requests that the ring has carried out in part or not at
 * all. So errors, locks, sizes and the rule about failed flushes are that
 * engine's.
 *
 * **Who calls what.** As in splitio/disk.h: one thread, the owner. Memory that
 * requests often come from, a guest's, can be registered: the kernel then need
 * not look up and pin its pages for each request.
 *
 * **Typical loop of the owner.** As in splitio/disk.h. Results of the ring make
 * splitio_disk_uring_fd() readable, until poll() has taken them; `wake` tells of
 * the other results.
 *
 * **Memory order.** None: the ring is the kernel's, its barriers are liburing's.
 *
 * **Trust.** As in splitio/disk.h. Pages of a guest that changes them during a
 * write give the disk one or the other content, and nothing else any harm.
 *
 * **Errors.** Where the kernel has no io_uring, or its administrator allows
 * none, opening fails with SPLITIO_EOPNOTSUPP and a reason.
 */

#include <splitio/disk.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Regions of memory that can be registered at a time. */
#define SPLITIO_DISK_URING_REGIONS_MAX 16u

/** How to open one; zeroes mean the defaults given here. */
struct splitio_disk_uring_config {
    const char *path;        /**< a regular file or a block device */
    bool read_only;          /**< open it for reading only */
    bool direct;             /**< past the page cache, where alignment allows */
    unsigned queue_depth;    /**< requests held, 1 to 4096; 256 */
    void (*wake)(void *arg); /**< as in splitio_disk_file_config */
    void *wake_arg;
};

/** A disk in a file, served by an io_uring. Opaque. */
struct splitio_disk_uring;

/**
 * @brief Open a file or block device as a disk.
 *
 * As splitio_disk_file_open(), which it calls, with locks, sizes and reasons.
 * @param[out] disk         the engine.
 * @param[in]  cfg          copied, but for the path.
 * @param[out] reason       on failure, one line that names the file and what to
 *                          do.
 * @param[in]  reason_bytes its size.
 * @return 0; what splitio_disk_file_open() returns; SPLITIO_EOPNOTSUPP: no
 * io_uring here, or the file cannot be read past the page cache;
 * SPLITIO_ENOMEM.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_disk_uring_open(struct splitio_disk_uring **disk,
                            const struct splitio_disk_uring_config *cfg,
                            char *reason, size_t reason_bytes);

/** @brief The table and context to hand to a back. Caller: owner. */
struct splitio_disk splitio_disk_uring_disk(struct splitio_disk_uring *disk);

/**
 * @brief A descriptor that is readable while the ring has results for poll();
 * for poll(2) and its like, not to be read from. Caller: owner.
 */
int splitio_disk_uring_fd(const struct splitio_disk_uring *disk);

/**
 * @brief Register memory that requests will come from.
 *
 * All its pages are pinned until it is removed, which counts against
 * RLIMIT_MEMLOCK.
 * @param[in] base  page-aligned; stays mapped until it is removed.
 * @param[in] bytes at most 1 GiB.
 * @return 0; SPLITIO_ENOSPC: so many regions are registered already;
 * SPLITIO_EEXIST: it overlaps one of them; SPLITIO_ENOMEM: more than may be
 * pinned; SPLITIO_EINVAL. Requests are served from all memory, registered or
 * not.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
int splitio_disk_uring_memory_add(struct splitio_disk_uring *disk, void *base,
                                  size_t bytes);

/**
 * @brief Undo splitio_disk_uring_memory_add(): before the memory is unmapped,
 * and when no request from it is in flight.
 * @param[in] base as it was given; one that is not registered is ignored.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
void splitio_disk_uring_memory_remove(struct splitio_disk_uring *disk,
                                      void *base);

/**
 * @brief Close. Requests that were submitted are finished first, but their
 * done() is not called any more.
 *
 * Caller: owner. Order: none. Peer: nothing.
 */
void splitio_disk_uring_close(struct splitio_disk_uring *disk);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_DISK_URING_H */
