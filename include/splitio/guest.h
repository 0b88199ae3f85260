/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest port over a region of memory, a grant table and event channels. */
#ifndef SPLITIO_GUEST_H
#define SPLITIO_GUEST_H

/**
 * @file
 * @brief The ready-made guest port (layer 2).
 *
 * **What it is.** Most guests are alike: some contiguous frames to hand out, a
 * grant table and a shared info page in memory, and a way to call the hypervisor
 * side for opening and closing event channels. This is the guest port for them;
 * a binding supplies the calls (struct splitio_hypercall_ops) and the pages.
 *
 * **Who calls what.** The binding makes the guest, calls splitio_guest_poll() on
 * an upcall, and gives fronts splitio_guest_port(). Fronts of several threads
 * may use the port; opening and closing channels, and polling, belong to one
 * thread.
 *
 * **Typical loop.**
 *
 *     do
 *         splitio_guest_poll(g, 64)         handlers say: there is work
 *         poll the devices                  which unmask when they have worked
 *     while (splitio_guest_has_upcall(g))
 *     wait for an upcall
 *
 * **Memory order.** grant.h's and event.h's.
 *
 * **Trust.** The guest trusts the hypervisor side, which it cannot do without. A
 * peer that keeps a page costs the guest that page: it is in quarantine until
 * splitio_guest_poll() finds it free.
 */

#include <splitio/event.h>
#include <splitio/event_fifo.h>
#include <splitio/grant.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a binding supplies: the calls from guest to hypervisor side. */
struct splitio_hypercall_ops {
    /** Open a port for @p remote. 0, SPLITIO_ENOSPC, SPLITIO_EIO. */
    int (*event_alloc)(void *ctx, splitio_domid_t remote,
                       splitio_evtchn_t *port);
    /** Close a port. */
    void (*event_close)(void *ctx, splitio_evtchn_t port);
    /** Send on a port. Any thread. */
    void (*event_send)(void *ctx, splitio_evtchn_t port);
    /** Make the polling thread poll soon, as an upcall would. Any thread. */
    void (*wake)(void *ctx);
    /** Optional: the version of the grant table from now on. 0;
     *  SPLITIO_EBUSY: in use; SPLITIO_EOPNOTSUPP; SPLITIO_EIO. */
    int (*grant_version)(void *ctx, unsigned version);
    /** Optional: the grant table has @p nr_frames frames from now on. 0;
     *  SPLITIO_ENOSPC: not so many; SPLITIO_EIO. */
    int (*grant_grow)(void *ctx, unsigned nr_frames);
    /** Optional: swap two entries. 0; SPLITIO_EAGAIN: in use; SPLITIO_EIO. */
    int (*grant_swap)(void *ctx, splitio_gref_t a, splitio_gref_t b);
};

/** Pages handed out as one piece are at most this many. */
#define SPLITIO_GUEST_RUN_MAX 64u

/** What a guest is made of. */
struct splitio_guest_config {
    const struct splitio_hypercall_ops *ops;
    void *ops_ctx;
    void *heap;             /**< page-aligned memory to hand out */
    splitio_gfn_t heap_gfn; /**< frame number of its first page */
    uint32_t heap_pages;
    uint64_t *heap_map;        /**< SPLITIO_GUEST_MAP_MEM(heap_pages) bytes */
    void *grant_frames;        /**< shared table, contiguous */
    unsigned nr_grant_frames;  /**< 1 to 64: in use when the guest is made */
    unsigned max_grant_frames; /**< there may be so many; 0: as many */
    unsigned grant_version;    /**< 1 or 2; 0: 1 */
    /** SPLITIO_GRANT_STATUS_FRAMES(max_grant_frames) pages, contiguous; NULL:
     *  version 1 only. */
    const void *grant_status;
    uint32_t *grant_mem; /**< SPLITIO_GRANT_TABLE_MEM(max_grant_frames) bytes */
    void *shared_info;
    const struct splitio_event_abi *abi;
    struct splitio_event_handler *handlers; /**< nr_handlers of them */
    uint32_t nr_handlers;
    /** For splitio_guest_use_fifo(), called with ops_ctx; NULL: 2-level only. */
    const struct splitio_event_fifo_ops *fifo_ops;
};

/** Bytes of the page map for a heap. */
#define SPLITIO_GUEST_MAP_MEM(pages) (((size_t)(pages) + 63) / 64 * 8)

/** A guest. Fields are private, not ABI. */
struct splitio_guest {
    struct splitio_guest_config cfg;
    struct splitio_grant_table grants;
    struct splitio_event_guest events;
    struct splitio_event_guest_fifo fifo;
    void *fifo_block;
    uint32_t nr_free_pages;
    uint32_t next_word; /* of the map: where the next search begins */
};

/**
 * @brief Make a guest; clears grant table and shared info. The hypervisor side
 * must use the same version of the grant table.
 * @return 0; SPLITIO_EINVAL.
 *
 * Caller: binding, once, before the hypervisor side delivers anything. Order:
 * none. Peer: nothing.
 */
int splitio_guest_init(struct splitio_guest *g,
                       const struct splitio_guest_config *cfg);

/**
 * @brief Change over to FIFO events (event_fifo.h). Takes a page of the heap for
 * the control block and one for each 1024 ports, the later ones when a port is
 * opened that needs them; they stay taken.
 * @return 0; SPLITIO_EOPNOTSUPP: not in the configuration, or not offered by the
 * hypervisor side; SPLITIO_ENOMEM; SPLITIO_EBUSY: done already; what the ops
 * returned. After a failure the 2-level ABI goes on, but for one of
 * expand_array(): then events wait until a channel is opened that needs a page.
 *
 * Caller: the polling thread, before others use the port. Order: none. Peer: may
 * send meanwhile; no event is lost.
 */
int splitio_guest_use_fifo(struct splitio_guest *g);

/**
 * @brief Which FIFO queue an open channel's events go to: 0 to 15, 0 is looked
 * at first; 7 if never called.
 * @return 0; SPLITIO_EOPNOTSUPP: the 2-level ABI has none; what set_priority()
 * returned.
 *
 * Caller: the polling thread. Order: none. Peer: nothing.
 */
int splitio_guest_event_priority(struct splitio_guest *g,
                                 splitio_evtchn_t evtchn, unsigned priority);

/**
 * @brief Give a handler to a port that the hypervisor side has opened for the
 * guest: of its store and its console, and of virtual interrupts. The port's
 * event_unmask() and event_send() work on it as on others.
 * @return 0; SPLITIO_EINVAL: no such port; SPLITIO_ENOMEM, or what expand_array()
 * returned: no page for it (FIFO).
 *
 * Caller: the polling thread, once a port. Order: none. Peer: may have sent
 * before; that event is not lost.
 */
int splitio_guest_event_adopt(struct splitio_guest *g, splitio_evtchn_t evtchn,
                              struct splitio_event_handler handler);

/** @brief Pages of the heap that FIFO events have taken. */
static inline uint32_t
splitio_guest_nr_fifo_pages(const struct splitio_guest *g)
{
    return g->fifo_block ? 1 + splitio_event_guest_fifo_nr_ports(&g->events) /
                                   SPLITIO_EVENT_FIFO_PAGE_WORDS
                         : 0;
}

/** @brief The port to hand to fronts; good as long as the guest is. */
struct splitio_guest_port splitio_guest_port(struct splitio_guest *g);

/**
 * @brief Run the handlers of pending events, and look into the quarantine.
 * @return handlers called, 0 to @p budget.
 *
 * Caller: the polling thread. Order: splitio_event_guest_scan()'s. Peer: which
 * of its ports are pending.
 */
unsigned splitio_guest_poll(struct splitio_guest *g, unsigned budget);

/**
 * @brief Change the version of the grant table, in the hypervisor side too.
 * @return 0, also if it is that version already; SPLITIO_EINVAL: no such
 * version; SPLITIO_EBUSY: something is lent; SPLITIO_EOPNOTSUPP: the binding or
 * the hypervisor side has version 1 only; what the binding says.
 *
 * Caller: the polling thread, while no other thread grants. Order: none. Peer:
 * nothing.
 */
int splitio_guest_set_grant_version(struct splitio_guest *g, unsigned version);

/**
 * @brief Have more grant frames, up to max_grant_frames.
 * splitio_guest_poll() does so by itself when references run out.
 * @return 0; SPLITIO_ENOSPC: not so many; SPLITIO_EINVAL: fewer than before;
 * SPLITIO_EOPNOTSUPP: the binding has no such call; what the binding says.
 *
 * Caller: the polling thread. Order: none. Peer: nothing.
 */
int splitio_guest_grow_grants(struct splitio_guest *g, unsigned nr_frames);

/**
 * @brief What was lent as @p a is lent as @p b, and the other way.
 * @return 0; SPLITIO_EINVAL: not both are lent; SPLITIO_EAGAIN: one of them is
 * in use; SPLITIO_EOPNOTSUPP; what the binding says.
 *
 * Caller: the polling thread, which lent both. Order: none. Peer: whether they
 * are in use.
 */
int splitio_guest_swap_grants(struct splitio_guest *g, splitio_gref_t a,
                              splitio_gref_t b);

/**
 * @brief Lend a part of a page, for copies only; needs version 2. The port's
 * revoke() says SPLITIO_EAGAIN while a copy is under way: the page is never
 * quarantined for it.
 * @param[in] bytes,len_bytes the part; within one page of the heap.
 * @return 0; SPLITIO_ENOSPC; SPLITIO_EINVAL; SPLITIO_EOPNOTSUPP: version 1.
 *
 * Caller: any thread. Order and Peer as splitio_grant_table_grant().
 */
int splitio_guest_grant_part(struct splitio_guest *g, splitio_domid_t to,
                             const void *bytes, uint32_t len_bytes,
                             bool read_only, splitio_gref_t *gref);

/**
 * @brief Pass on what @p from granted to this guest as @p from_gref: see
 * splitio_grant_table_grant_through(), and splitio_guest_grant_part() for
 * revoking.
 * @return 0; SPLITIO_ENOSPC; SPLITIO_EOPNOTSUPP: version 1.
 */
int splitio_guest_grant_through(struct splitio_guest *g, splitio_domid_t to,
                                splitio_domid_t from, splitio_gref_t from_gref,
                                bool read_only, splitio_gref_t *gref);

/** @brief True if splitio_guest_poll() has work: do not sleep. */
static inline bool splitio_guest_has_upcall(const struct splitio_guest *g)
{
    return splitio_event_guest_has_upcall(&g->events, 0);
}

/** @brief Pages that can still be handed out. */
static inline uint32_t
splitio_guest_nr_free_pages(const struct splitio_guest *g)
{
    return splitio_read_once_u32(&g->nr_free_pages);
}

/** @brief References lent, quarantine included. */
static inline uint32_t splitio_guest_nr_lent(const struct splitio_guest *g)
{
    return splitio_grant_table_nr_lent(&g->grants);
}

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_GUEST_H */
