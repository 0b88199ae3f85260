/* SPDX-License-Identifier: BSD-2-Clause */
/* A whole machine in one process, run step by step: for tests. */
#ifndef SPLITIO_BINDING_FAKE_H
#define SPLITIO_BINDING_FAKE_H

/**
 * @file
 * @brief The fake binding (library splitio-fake; hosted).
 *
 * **What it is.** Domain 0 with a host port, some guests with guest ports, the
 * hypervisor side and a store server, in ordinary memory and one thread.
 * Nothing happens by itself: splitio_fake_step() moves what is due, in a fixed
 * order, so a run is the same each time. It is also the shortest complete
 * example of what a binding owes.
 *
 * **Who calls what.** A test makes the machine, adds devices with toolstack.h,
 * makes fronts on guest ports and backs on the host port, and then alternates
 * between their poll functions and splitio_fake_step().
 *
 * **Typical loop.**
 *
 *     do {
 *         n = splitio_fake_step(fake);
 *         n += splitio_blkback_poll(...);
 *         n += splitio_blkfront_poll(...);
 *     } while (n);
 *
 * **Trust.** None is needed: it is all one process. Pages are nevertheless
 * reached only as on a real machine: through frame numbers that are checked.
 *
 * **Errors.** As each function says.
 */

#include <splitio/guest.h>
#include <splitio/hypervisor.h>
#include <splitio/store.h>
#include <splitio/store_server.h>
#include <splitio/toolstack.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The machine; opaque. */
struct splitio_fake;

/** What it is made of; zeroes mean the defaults given here. */
struct splitio_fake_config {
    unsigned nr_guests;        /**< 1; their domain ids are 1, 2, ... */
    unsigned heap_pages;       /**< of each guest: 1024 */
    unsigned nr_grant_frames;  /**< of each guest: 4 */
    unsigned max_grant_frames; /**< it may grow to so many: as many */
    /** Bit n: guest n + 1 has a grant table of version 2 from the start; none.
     *  All can change theirs with splitio_guest_set_grant_version(). */
    uint64_t grant_v2_guests;
    uint32_t nr_track;    /**< mappings of domain 0: 16384 */
    size_t store_bytes;   /**< arena of the store server: 4 MiB */
    uint64_t fifo_guests; /**< bit n: guest n + 1 uses FIFO events; none */
};

/**
 * @brief Build a machine; every guest is introduced to the store.
 * @return the machine; NULL: out of memory, or a configuration that cannot be.
 */
struct splitio_fake *splitio_fake_new(const struct splitio_fake_config *cfg);

/** @brief Take it down. Devices must have been closed. */
void splitio_fake_delete(struct splitio_fake *fake);

/**
 * @brief Move what is due: store connections, upcalls of all domains.
 * @return what was done or is due, in messages and handler calls; 0: nothing
 * happens any more until somebody does something.
 */
unsigned splitio_fake_step(struct splitio_fake *fake);

/** @brief A guest by its domain id; NULL if there is none. */
struct splitio_guest *splitio_fake_guest(struct splitio_fake *fake,
                                         splitio_domid_t domid);

/** @brief The store as a guest sees it, over its ring page; NULL if none. */
struct splitio_store *splitio_fake_guest_store(struct splitio_fake *fake,
                                               splitio_domid_t domid);

/** @brief Domain 0, where the backs are. */
struct splitio_host *splitio_fake_host(struct splitio_fake *fake);

/** @brief The store as domain 0 sees it. */
struct splitio_store *splitio_fake_host_store(struct splitio_fake *fake);

/** @brief The store server itself, for toolstack.h. */
struct splitio_store_server *splitio_fake_server(struct splitio_fake *fake);

/** @brief The hypervisor side, for looking into. */
struct splitio_hypervisor *splitio_fake_hypervisor(struct splitio_fake *fake);

/**
 * @brief A guest dies at this instant: its store connection goes, its device
 * nodes go, its memory stays until the backs have let go of it.
 */
void splitio_fake_guest_kill(struct splitio_fake *fake, splitio_domid_t domid);

/**
 * @brief Forget a killed guest.
 * @return 0; SPLITIO_EBUSY: a back still holds its pages; SPLITIO_ENOENT.
 */
int splitio_fake_guest_bury(struct splitio_fake *fake, splitio_domid_t domid);

/**
 * @brief Start a guest under an id that was buried.
 * @return 0; SPLITIO_EEXIST; SPLITIO_ENOMEM.
 */
int splitio_fake_guest_start(struct splitio_fake *fake, splitio_domid_t domid);

/** What is in use; all zero once every device is closed. */
struct splitio_fake_usage {
    uint32_t mapped; /**< mappings held by domain 0 */
    uint32_t pins;   /**< pins on guests' pages */
    uint32_t lent;   /**< references lent by guests */
    uint32_t pages;  /**< heap pages taken by guests, but for FIFO events */
    uint32_t guest_ports; /**< open in guests, the store's not counted */
    uint32_t host_ports;  /**< open in domain 0, the stores' not counted */
};

/** @brief Count it, over all guests that live. */
void splitio_fake_usage(struct splitio_fake *fake,
                        struct splitio_fake_usage *usage);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_BINDING_FAKE_H */
