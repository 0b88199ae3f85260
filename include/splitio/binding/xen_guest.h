/* SPDX-License-Identifier: BSD-2-Clause */
/* Fronts in user space of a Xen domain: gntalloc, evtchn and the store. */
#ifndef SPLITIO_BINDING_XEN_GUEST_H
#define SPLITIO_BINDING_XEN_GUEST_H

/**
 * @file
 * @brief Binding to Xen, for fronts (hosted; library `splitio-xen`).
 *
 * **What it is.** A guest port over what a Linux in a domain gives its processes:
 * pages that can be lent come from /dev/xen/gntalloc, event channels from
 * /dev/xen/evtchn, and the store is /dev/xen/xenbus. So a process has a disk or a
 * NIC whose back may be anyone's: of the kernel in domain 0, of splitiod, of
 * another domain. The domain's own kernel must not have taken the device. Sources:
 * xengnttab.h (xengntshr), xenevtchn.h of Xen's libraries.
 *
 * **Who calls what.** A program opens a guest, finds the directory of its device
 * in the store, makes a front on splitio_xen_guest_port(), and lets one thread
 * poll. Everything here, the port too, belongs to that thread.
 *
 * **Typical loop.**
 *
 *     for (;;) {
 *         splitio_xen_guest_poll(guest, 64);
 *         poll the fronts
 *         if (!splitio_xen_guest_has_work(guest))
 *             wait for splitio_xen_guest_fd(guest)
 *     }
 *
 * **Pages.** The kernel makes the page that is lent, one for each reference: when
 * a page of the port is granted, its content moves to such a page, which takes its
 * place; when the grant is revoked, the content moves back. So a grant costs some
 * calls of the kernel, and fronts should keep pages granted: blkfront with bounce
 * buffers and netfront do. A page has one reference at a time.
 *
 * **Memory order.** Xen's: an event that is handled acquires what its sender
 * wrote before. The kernel's descriptors add nothing that weakens it.
 *
 * **Trust.** Xen and the kernel are trusted. Backs are not: a page that one keeps
 * is not the port's any more once it has been revoked; it is the kernel's until
 * the back lets go, and counts against its limit (see Errors) so long.
 *
 * **Errors.** caller: SPLITIO_EINVAL. grant() reports SPLITIO_ENOSPC if the kernel
 * lends no more: the parameter `limit` of xen-gntalloc, 1024 pages for all
 * processes, or Xen's own. xenstored gone: SPLITIO_ECLOSED.
 */

#include <splitio/port.h>
#include <splitio/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A process that runs fronts. */
struct splitio_xen_guest;

/** How to open it. Zeroes mean the value given. */
struct splitio_xen_guest_config {
    /** xenstored's socket or device; NULL: $XENSTORED_PATH,
     *  /run/xenstored/socket, /dev/xen/xenbus, what there is. */
    const char *store_path;
    uint32_t nr_pages;   /**< of memory for fronts: 1024 */
    uint32_t max_events; /**< channels open at a time: 64 */
};

/** Counters. Those above the line are zero when all fronts have ended. */
struct splitio_xen_guest_stats {
    uint32_t nr_pages;  /**< handed out */
    uint32_t nr_lent;   /**< of them */
    uint32_t nr_events; /**< channels that are open */
    /* ---- */
    uint64_t nr_grants;    /**< ever */
    uint64_t nr_delivered; /**< events handled, ever */
};

/**
 * @brief Open Xen's devices and the store.
 * @param[out] guest  the guest.
 * @param[in]  config may be NULL.
 * @param[out] text   why it failed and what to do, one line; may be NULL.
 * @param[in]  len_bytes of @p text; SPLITIO_XEN_TEXT_MAX (xen.h) will do.
 * @return 0; SPLITIO_ENOENT: this is no Xen, or its devices or xenstored are not
 * there; SPLITIO_EACCES: not allowed to open them; SPLITIO_EPROTO: whoever
 * answers is no xenstored; SPLITIO_ENOMEM; SPLITIO_EIO.
 *
 * Caller: the polling thread. Order: none. Peer: waits for xenstored once, to
 * learn the domain's id.
 */
int splitio_xen_guest_open(struct splitio_xen_guest **guest,
                           const struct splitio_xen_guest_config *config,
                           char *text, size_t len_bytes);

/**
 * @brief Close everything; the fronts must have been ended before. What they
 * still had lent is revoked.
 *
 * Caller: the polling thread. Order: none. Peer: nothing.
 */
void splitio_xen_guest_close(struct splitio_xen_guest *guest);

/** @brief The descriptor to wait for: an epoll descriptor, readable when there
 * is something to poll. */
int splitio_xen_guest_fd(const struct splitio_xen_guest *guest);

/**
 * @brief Run the handlers of pending events, move the store's bytes.
 * @param[in] budget most handlers, and most store messages.
 * @return things done, 0 if there was nothing; SPLITIO_ECLOSED: xenstored is
 * gone.
 *
 * Caller: one thread. Order: acquires what backs wrote before their events.
 * Peer: backs decide how many events there are; each port at most once until it
 * is unmasked.
 */
int splitio_xen_guest_poll(struct splitio_xen_guest *guest, unsigned budget);

/** @brief True if splitio_xen_guest_poll() has work: do not wait. */
bool splitio_xen_guest_has_work(const struct splitio_xen_guest *guest);

/** @brief The port to hand to fronts; good as long as the guest is. */
struct splitio_guest_port
splitio_xen_guest_port(struct splitio_xen_guest *guest);

/** @brief The store client; polled by splitio_xen_guest_poll(). */
struct splitio_store *splitio_xen_guest_store(struct splitio_xen_guest *guest);

/** @brief The domain that this process runs in. */
splitio_domid_t splitio_xen_guest_domid(const struct splitio_xen_guest *guest);

/** @brief The counters. */
struct splitio_xen_guest_stats
splitio_xen_guest_get_stats(const struct splitio_xen_guest *guest);

/**
 * @brief Wait until there is something of the store to read, at most ten seconds:
 * the `wait` of splitio_store_wait(), with the guest as its context.
 * @return 0; SPLITIO_EAGAIN: timeout; SPLITIO_ECLOSED.
 *
 * Caller: the polling thread, not from a callback. Order: none. Peer: xenstored,
 * which is trusted.
 */
int splitio_xen_guest_wait(void *guest);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_BINDING_XEN_GUEST_H */
