/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor side of one machine, and host ports on it. */
#ifndef SPLITIO_HYPERVISOR_H
#define SPLITIO_HYPERVISOR_H

/**
 * @file
 * @brief Hypervisor side and the ready-made host port (layer 2).
 *
 * **What it is.** Where there is no Xen, splitio arbitrates: a grant engine, an
 * event engine and the domains they know. A `splitio_host` is a domain of the
 * machine that lives in the arbiter's own process and runs backs; it implements
 * the host port by calling the engines directly.
 *
 * **Who calls what.** The embedder makes the hypervisor over its hypervisor port,
 * adds a domain for each guest and one host for the backs, forwards guests'
 * event calls to `hv->events`, and polls the host when the port's upcall() names
 * the host's domain.
 *
 * **Typical loop of a host.**
 *
 *     do
 *         next = splitio_host_tick(host, now_ns)      if back-off is wanted
 *         splitio_host_poll(host, 64)       handlers say: there is work
 *         poll the devices
 *     while (splitio_host_has_upcall(host))
 *     wait for upcall(), until next at most
 *
 * **Memory order.** grant.h's and event.h's.
 *
 * **Trust.** Guests are hostile. What they can reach is what the engines let
 * them: their own table, their own shared info, and pages granted to them.
 */

#include <splitio/event.h>
#include <splitio/event_eoi.h>
#include <splitio/event_fifo.h>
#include <splitio/grant_engine.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The arbiter. Its members may be called directly. */
struct splitio_hypervisor {
    struct splitio_grant_engine grants;
    struct splitio_event_engine events;
    const struct splitio_hypervisor_port *port;
};

/**
 * @brief Make the hypervisor side for domain ids 0 to @p nr_domains - 1.
 * @param[in] port  kept by pointer.
 * @param[in] slots 2 * @p nr_domains of them, kept.
 *
 * Caller: embedder, once. Order: none. Peer: nothing.
 */
void splitio_hypervisor_init(struct splitio_hypervisor *hv,
                             const struct splitio_hypervisor_port *port,
                             struct splitio_domain_slot *slots,
                             unsigned nr_domains);

/** A domain: what the two engines know of it. */
struct splitio_domain {
    struct splitio_grant_domain grants;
    struct splitio_event_domain events;
};

/** What a domain is made of, in host addresses. */
struct splitio_domain_config {
    splitio_domid_t domid;
    void *const *grant_frames; /**< pages of its grant table */
    unsigned nr_grant_frames;
    unsigned max_grant_frames; /**< it may grow to so many; 0: as many */
    unsigned grant_version;    /**< 1 or 2; 0: 1 */
    void *const *grant_status; /**< pages of status words; may be NULL */
    unsigned nr_grant_status;  /**< 0: version 1 only */
    uint32_t nr_track;         /**< most mappings that it may hold */
    void *grant_mem;           /**< SPLITIO_GRANT_DOMAIN_MEM() bytes */
    void *shared_info;
    const struct splitio_event_abi *abi;
    uint32_t nr_ports;
    uint64_t *event_mem; /**< SPLITIO_EVENT_DOMAIN_MEM(nr_ports) bytes */
    /** NULL: the domain cannot change over to FIFO events. */
    struct splitio_event_fifo *fifo;
    void *fifo_mem; /**< with it: SPLITIO_EVENT_FIFO_MEM(nr_ports) bytes */
};

/**
 * @brief Register a domain with both engines.
 * @return 0; SPLITIO_EINVAL, SPLITIO_EEXIST; on failure with neither.
 *
 * Caller: embedder. Order: releases @p d. Peer: nothing.
 */
int splitio_domain_add(struct splitio_hypervisor *hv, struct splitio_domain *d,
                       const struct splitio_domain_config *cfg);

/**
 * @brief Take a domain out of both engines.
 * @return 0: all its memory is the caller's; SPLITIO_EBUSY: backs still hold
 * its pages: close them and call again; SPLITIO_EAGAIN: call again;
 * SPLITIO_ENOENT: it was not, or is no longer, registered.
 *
 * Caller: embedder, one thread a domain. Order: acquires all calls that went
 * before. Peer: cannot delay it.
 */
int splitio_domain_remove(struct splitio_hypervisor *hv, splitio_domid_t domid);

/** A domain that runs backs in this process. Fields are private, not ABI. */
struct splitio_host {
    struct splitio_hypervisor *hv;
    splitio_domid_t domid;
    struct splitio_event_guest events;
    struct splitio_event_eoi eoi;
};

/**
 * @brief Make a host of a domain that was added; owns its shared info.
 * @param[in] handlers    one for each port, kept.
 * @param[in] shared_info the page that the domain was added with.
 *
 * Caller: embedder, once, before any guest can send to it. Order: none.
 * Peer: nothing.
 */
void splitio_host_init(struct splitio_host *host, struct splitio_hypervisor *hv,
                       splitio_domid_t domid,
                       const struct splitio_event_abi *abi, void *shared_info,
                       struct splitio_event_handler *handlers,
                       uint32_t nr_handlers);

/**
 * @brief Let events without work wait (event_eoi.h). Without this, or as long as
 * splitio_host_tick() is not called, each end of interrupt is at once.
 * @param[in] ports one for each of the host's ports, kept.
 *
 * Caller: embedder, before backs use the port. Order: none. Peer: nothing.
 */
void splitio_host_use_backoff(struct splitio_host *host,
                              struct splitio_event_eoi_port *ports,
                              uint32_t nr_ports);

/**
 * @brief Tell the time, before splitio_host_poll(): events that have waited long
 * enough are let through. The upcall() of the host's domain is called, too, when
 * one begins to wait: call this again before sleeping.
 * @param[in] now_ns any clock that does not go back.
 * @return when the next is due on that clock; UINT64_MAX: none waits.
 *
 * Caller: the host's polling thread. Order: none. Peer: which of its events
 * have to wait.
 */
uint64_t splitio_host_tick(struct splitio_host *host, uint64_t now_ns);

/** @brief The port to hand to backs; good as long as the host is. */
struct splitio_host_port splitio_host_port(struct splitio_host *host);

/**
 * @brief Run the handlers of pending events.
 * @return handlers called, 0 to @p budget.
 *
 * Caller: the host's polling thread. Order: splitio_event_guest_scan()'s.
 * Peer: which of its ports are pending.
 */
unsigned splitio_host_poll(struct splitio_host *host, unsigned budget);

/** @brief True if splitio_host_poll() has work: do not sleep. */
static inline bool splitio_host_has_upcall(const struct splitio_host *host)
{
    return splitio_event_guest_has_upcall(&host->events, 0);
}

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_HYPERVISOR_H */
