/* SPDX-License-Identifier: BSD-2-Clause */
/* Backs in user space on real Xen: gntdev, evtchn and xenstored of a Linux. */
#ifndef SPLITIO_BINDING_XEN_H
#define SPLITIO_BINDING_XEN_H

/**
 * @file
 * @brief Binding to Xen, for backs (hosted; library `splitio-xen`).
 *
 * **What it is.** A host port over what a Linux in domain 0, or in a driver
 * domain, gives its processes: grants of other domains are mapped and copied by
 * /dev/xen/gntdev, event channels come by /dev/xen/evtchn, and the store is
 * xenstored's socket or /dev/xen/xenbus. Sources: xengnttab.h, xenevtchn.h of
 * Xen's libraries; docs/misc/xenstore.txt.
 *
 * **Who calls what.** A daemon opens a host, finds the devices that it is to
 * serve in the store, makes backs on splitio_xen_host_port(), and lets one thread
 * poll. Everything here belongs to that thread.
 *
 * **Typical loop.**
 *
 *     for (;;) {
 *         splitio_xen_host_poll(host, 64);
 *         poll the devices
 *         if (!splitio_xen_host_has_work(host))
 *             wait for splitio_xen_host_fd(host)
 *     }
 *     now and then: splitio_xen_host_tick(host)
 *
 * **Memory order.** Xen's: an event that is handled acquires what its sender
 * wrote before. The kernel's descriptors add nothing that weakens it.
 *
 * **Trust.** Xen, the kernel and xenstored are trusted. Guests are not: pages
 * that they lend may be anything, and may not be there at all.
 *
 * **Errors.** caller: SPLITIO_EINVAL. A page that cannot be mapped has the status
 * SPLITIO_GNTST_GENERAL_ERROR: the kernel does not tell why. xenstored gone:
 * splitio_xen_host_poll() reports SPLITIO_ECLOSED, tick() tries to connect again,
 * and every watch is registered anew; devices that are connected go on meanwhile.
 */

#include <splitio/port.h>
#include <splitio/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of a text that explains a failure, NUL included. */
#define SPLITIO_XEN_TEXT_MAX 160u

/** A process that runs backs. */
struct splitio_xen_host;

/** How to open it. Zeroes mean the value given. */
struct splitio_xen_host_config {
    /** xenstored's socket or device; NULL: $XENSTORED_PATH,
     *  /run/xenstored/socket, /dev/xen/xenbus, what there is. */
    const char *store_path;
    uint32_t max_pages;  /**< mapped at a time: 65536 */
    uint32_t max_events; /**< channels open at a time: 4096 */
};

/** Counters. Those above the line are zero when no device is connected. */
struct splitio_xen_host_stats {
    uint32_t nr_mapped; /**< pages, those of rings included */
    uint32_t nr_events; /**< channels that are open */
    /* ---- */
    uint64_t nr_delivered;  /**< events handled, ever */
    uint64_t nr_copies;     /**< copies of bytes, ever */
    uint64_t nr_reconnects; /**< to xenstored, ever */
};

/**
 * @brief Open Xen's devices and the store.
 * @param[out] host   the host.
 * @param[in]  config may be NULL.
 * @param[out] text   why it failed and what to do, one line; may be NULL.
 * @param[in]  len_bytes of @p text.
 * @return 0; SPLITIO_ENOENT: this is no Xen, or its devices or xenstored are not
 * there; SPLITIO_EACCES: not allowed to open them; SPLITIO_EPROTO: whoever
 * answers is no xenstored; SPLITIO_ENOMEM; SPLITIO_EIO.
 *
 * Caller: the polling thread. Order: none. Peer: waits for xenstored once, to
 * learn the domain's id.
 */
int splitio_xen_host_open(struct splitio_xen_host **host,
                          const struct splitio_xen_host_config *config,
                          char *text, size_t len_bytes);

/**
 * @brief Close everything; the devices must have been closed before. What they
 * still had mapped is unmapped by the kernel.
 */
void splitio_xen_host_close(struct splitio_xen_host *host);

/** @brief The descriptor to wait for: an epoll descriptor, readable when there
 * is something to poll. */
int splitio_xen_host_fd(const struct splitio_xen_host *host);

/**
 * @brief Run the handlers of pending events, move the store's bytes.
 * @param[in] budget most handlers, and most store messages.
 * @return things done; SPLITIO_ECLOSED: xenstored is gone; tick() tries again.
 *
 * Caller: one thread. Order: acquires what guests wrote before their events.
 * Peer: guests decide how many events there are; each port at most once until it
 * is unmasked.
 */
int splitio_xen_host_poll(struct splitio_xen_host *host, unsigned budget);

/** @brief True if splitio_xen_host_poll() has work: do not wait. */
bool splitio_xen_host_has_work(const struct splitio_xen_host *host);

/**
 * @brief Try to reach xenstored again if it is gone. Call every few seconds.
 * @return 0: connected; SPLITIO_ECLOSED: not yet.
 */
int splitio_xen_host_tick(struct splitio_xen_host *host);

/** @brief The port to hand to backs; good as long as the host is. */
struct splitio_host_port splitio_xen_host_port(struct splitio_xen_host *host);

/** @brief The store client; polled by splitio_xen_host_poll(). */
struct splitio_store *splitio_xen_host_store(struct splitio_xen_host *host);

/** @brief The domain that this process runs in: 0, or a driver domain. */
splitio_domid_t splitio_xen_host_domid(const struct splitio_xen_host *host);

/** @brief The counters. */
struct splitio_xen_host_stats
splitio_xen_host_get_stats(const struct splitio_xen_host *host);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_BINDING_XEN_H */
