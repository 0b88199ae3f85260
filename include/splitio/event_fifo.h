/* SPDX-License-Identifier: BSD-2-Clause */
/* Event channels, FIFO ABI: 131072 ports, 16 priorities, queues by vcpu. */
#ifndef SPLITIO_EVENT_FIFO_H
#define SPLITIO_EVENT_FIFO_H

/**
 * @file
 * @brief The FIFO event ABI (layer 1): what event.h does, over other words.
 *
 * **What it is.** Instead of bits in the shared info page, each port has a word
 * of 32 bits in an *event array* that the guest lends page by page, and each
 * virtual CPU a *control block* with 16 queues, one a priority. A word has
 * PENDING, MASKED, LINKED (it is in a queue), BUSY, and LINK: the port behind it
 * in the queue. They have the machine's byte order. A domain begins with the 2-level ABI and changes over while it
 * runs; what is pending then is carried along. Source: xen/event_channel.h.
 *
 * **Who calls what.**
 *  - The owner of the events (event.h's `splitio_event_guest`) calls
 *    splitio_event_guest_fifo_start(), adds array pages, and then goes on with
 *    event.h's functions: scan, mask, unmask.
 *  - The embedder gives a domain a `splitio_event_fifo` when it adds it, and
 *    forwards EVTCHNOP_init_control, expand_array, set_priority and reset.
 *
 * **Typical loop.** As in event.h. Changing over:
 *
 *     splitio_event_guest_fifo_start(g, f, ops, ctx, block, gfn, offset)
 *     splitio_event_guest_fifo_expand(g, page, gfn)     once for 1024 ports
 *
 * **Memory order.** The engine changes words, heads and tails of a domain under
 * a lock of that domain, for a bounded number of steps; the guest takes no lock.
 *  - All flags of a port are in one word, so its operations are totally ordered.
 *    The engine sets PENDING and then looks at MASKED; unmask() clears MASKED
 *    only while PENDING is not set, in one step, and otherwise asks the engine:
 *    one of them delivers.
 *  - The engine appends by writing LINK into the tail's word only while that is
 *    LINKED; the guest unlinks by clearing LINKED and LINK in one step. Either
 *    the guest finds the new port in LINK, or the engine finds that the queue
 *    has run empty: then it writes the head, then the ready bit, then
 *    upcall-pending, which the guest takes back in the opposite order.
 *  - A LINKED word is not linked again: who unlinks it looks at PENDING after.
 *
 * **Trust.** A guest can write anything into its words and blocks. The engine
 * follows no link: it keeps its own tails, reads from the guest only the flags of
 * the two words that it changes, tries 4 times at most to append, and waits for
 * no bit. Whatever the guest writes, it loses its own events and nothing else.
 * The guest trusts the hypervisor side; it still takes no port from a link that
 * it has no word for, and counts each step of a walk against the budget.
 *
 * **Errors.** As each function says.
 */

#include <splitio/arch.h>
#include <splitio/port.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- wire format ---- */

/** Bits of an event word, and the field below them. */
enum splitio_event_fifo_bit {
    SPLITIO_EVTCHN_FIFO_PENDING = 31,
    SPLITIO_EVTCHN_FIFO_MASKED = 30,
    SPLITIO_EVTCHN_FIFO_LINKED = 29,
    SPLITIO_EVTCHN_FIFO_BUSY = 28,
    SPLITIO_EVTCHN_FIFO_LINK_BITS = 17,
};

/** The LINK field. */
#define SPLITIO_EVTCHN_FIFO_LINK_MASK                                          \
    ((UINT32_C(1) << SPLITIO_EVTCHN_FIFO_LINK_BITS) - 1)
/** Ports that the ABI can express. */
#define SPLITIO_EVTCHN_FIFO_NR_CHANNELS                                        \
    (UINT32_C(1) << SPLITIO_EVTCHN_FIFO_LINK_BITS)

/** Priorities: 0 is looked at first. */
enum splitio_event_priority {
    SPLITIO_EVTCHN_FIFO_PRIORITY_MAX = 0,
    SPLITIO_EVTCHN_FIFO_PRIORITY_DEFAULT = 7,
    SPLITIO_EVTCHN_FIFO_PRIORITY_MIN = 15,
    SPLITIO_EVTCHN_FIFO_MAX_QUEUES = 16,
};

/** Of one vcpu. Aligned to 8, inside one page. */
struct splitio_event_fifo_block {
    uint32_t ready; /**< hypervisor side sets, guest takes: a bit a queue */
    uint32_t rsvd;  /**< nobody */
    uint32_t head[SPLITIO_EVTCHN_FIFO_MAX_QUEUES]; /**< hypervisor side */
};
SPLITIO_STATIC_ASSERT(sizeof(struct splitio_event_fifo_block) == 72,
                      "wire format");
SPLITIO_STATIC_ASSERT(offsetof(struct splitio_event_fifo_block, head) == 8,
                      "wire format");

/** Words in a page of the event array. */
#define SPLITIO_EVENT_FIFO_PAGE_WORDS (SPLITIO_PAGE_SIZE / 4u)
/** Pages of a full array. */
#define SPLITIO_EVENT_FIFO_PAGES_MAX                                           \
    (SPLITIO_EVTCHN_FIFO_NR_CHANNELS / SPLITIO_EVENT_FIFO_PAGE_WORDS)
/** Virtual CPUs, as in a shared info page. */
#define SPLITIO_EVENT_FIFO_VCPUS_MAX 32u

/* ---- owner of the events ---- */

struct splitio_event_guest;

/** The calls that changing over and going on take. */
struct splitio_event_fifo_ops {
    /** EVTCHNOP_init_control. 0; SPLITIO_EOPNOTSUPP: 2-level only; other. */
    int (*init_control)(void *ctx, splitio_gfn_t gfn, uint32_t offset,
                        unsigned vcpu);
    /** EVTCHNOP_expand_array. 0; SPLITIO_ENOSPC: no more; other. */
    int (*expand_array)(void *ctx, splitio_gfn_t gfn);
    /** EVTCHNOP_unmask: clear MASKED and link if pending. Any thread that
     *  unmasks; it may come later, but must come. */
    void (*unmask)(void *ctx, splitio_evtchn_t port);
    /** EVTCHNOP_set_priority. 0; SPLITIO_EINVAL; other. */
    int (*set_priority)(void *ctx, splitio_evtchn_t port, unsigned priority);
};

/** A domain's view of its FIFO events. Fields are private, not ABI. */
struct splitio_event_guest_fifo {
    const struct splitio_event_fifo_ops *ops;
    void *ctx;
    uint32_t *pages[SPLITIO_EVENT_FIFO_PAGES_MAX];
    uint32_t nr_words;
    struct splitio_event_guest_queues {
        struct splitio_event_fifo_block *block; /* NULL: no such vcpu */
        uint32_t ready; /* taken from the block and not worked off */
        uint32_t head[SPLITIO_EVTCHN_FIFO_MAX_QUEUES]; /* 0: see the block */
    } vcpus[SPLITIO_EVENT_FIFO_VCPUS_MAX];
};

/**
 * @brief Change over, with a control block for vcpu 0. Ports that are bound stay
 * bound, and what is pending comes when their page is added: add at once as many
 * pages as bound ports need.
 * @param[out] f      caller's memory, kept while the ABI is in use.
 * @param[in]  block  zeroed here; kept.
 * @param[in]  gfn    frame of the page it lies in, and its
 * @param[in]  offset there: a multiple of 8.
 * @return 0; SPLITIO_EBUSY: changed over already; else what init_control()
 * returned, and nothing has changed.
 *
 * Caller: owner, the scanning thread, while no other uses @p g. Order: none.
 * Peer: may send meanwhile; no event is lost.
 */
int splitio_event_guest_fifo_start(struct splitio_event_guest *g,
                                   struct splitio_event_guest_fifo *f,
                                   const struct splitio_event_fifo_ops *ops,
                                   void *ctx,
                                   struct splitio_event_fifo_block *block,
                                   splitio_gfn_t gfn, uint32_t offset);

/**
 * @brief Give another vcpu its control block, before any port is bound to it.
 * @return 0; SPLITIO_EINVAL: not changed over, or no such vcpu; SPLITIO_EEXIST;
 * else what init_control() returned.
 *
 * Caller: owner, the thread that will scan for @p vcpu. Order: none. Peer:
 * nothing.
 */
int splitio_event_guest_fifo_add_vcpu(struct splitio_event_guest *g,
                                      unsigned vcpu,
                                      struct splitio_event_fifo_block *block,
                                      splitio_gfn_t gfn, uint32_t offset);

/**
 * @brief Add a page: words for the next 1024 ports, masked but for those that
 * are bound and unmasked since before the change. Call before binding a port at
 * or above splitio_event_guest_fifo_nr_ports().
 * @param[in] page aligned, filled here, kept.
 * @return 0; SPLITIO_EINVAL: not changed over; SPLITIO_ENOSPC: the array is
 * full; else what expand_array() returned, and the page is the caller's again.
 *
 * Caller: owner, one thread. Order: releases the page to other threads' unmask.
 * Peer: nothing.
 */
int splitio_event_guest_fifo_expand(struct splitio_event_guest *g, void *page,
                                    splitio_gfn_t gfn);

/** @brief Ports that have a word; 0 with the 2-level ABI. */
uint32_t splitio_event_guest_fifo_nr_ports(const struct splitio_event_guest *g);

/**
 * @brief Back to the 2-level ABI, nothing bound: after EVTCHNOP_reset, which
 * closed all ports and let go of the pages.
 *
 * Caller: owner, while no other thread uses @p g. Order: none. Peer: nothing.
 */
void splitio_event_guest_fifo_end(struct splitio_event_guest *g);

/* ---- hypervisor side ---- */

struct splitio_event_engine;
struct splitio_event_domain;
struct splitio_event_abi;

/** What the engine knows of a domain's queues. Fields are private, not ABI. */
struct splitio_event_fifo {
    uint32_t lock; /* of all below, and of the domain's words and blocks */
    uint32_t nr_words;
    uint32_t *pages[SPLITIO_EVENT_FIFO_PAGES_MAX];
    uint16_t *last; /* one a port: its last queue; is an event kept for it */
    struct splitio_event_queues {
        struct splitio_event_fifo_block *block; /* NULL: none yet */
        uint32_t tail[SPLITIO_EVTCHN_FIFO_MAX_QUEUES];
    } vcpus[SPLITIO_EVENT_FIFO_VCPUS_MAX];
};

/** Bytes of memory for splitio_event_engine_add_fifo(), beside event.h's. */
#define SPLITIO_EVENT_FIFO_MEM(nr_ports) ((size_t)(nr_ports) * sizeof(uint16_t))

/**
 * @brief splitio_event_engine_add() for a domain that may change over.
 * @param[in]  nr_ports 2 to 131072; with the 2-level ABI, those that it can
 *                      express.
 * @param[in]  mem      SPLITIO_EVENT_DOMAIN_MEM(nr_ports) bytes, kept.
 * @param[out] fifo     caller's memory, kept until removed.
 * @param[in]  fifo_mem SPLITIO_EVENT_FIFO_MEM(nr_ports) bytes, aligned to 2,
 *                      kept.
 * @return as splitio_event_engine_add().
 *
 * Caller: hypervisor side. Order: releases @p d. Peer: nothing.
 */
int splitio_event_engine_add_fifo(
    struct splitio_event_engine *e, struct splitio_event_domain *d,
    splitio_domid_t domid, const struct splitio_event_abi *abi,
    void *shared_info, uint32_t nr_ports, uint64_t *mem,
    struct splitio_event_fifo *fifo, void *fifo_mem);

/**
 * @brief EVTCHNOP_init_control: the control block of a vcpu. The first one
 * changes the domain over; its pending events are kept for the array's pages.
 * @param[in] gfn, offset where it lies.
 * @return 0: and the answer to link_bits is SPLITIO_EVTCHN_FIFO_LINK_BITS;
 * SPLITIO_EOPNOTSUPP: added without FIFO; SPLITIO_EINVAL: not aligned, not
 * inside the page, no such frame, or the vcpu has one already; SPLITIO_ENOENT:
 * no such vcpu, no such domain.
 *
 * Caller: hypervisor side, any thread. Order: see the overview; no event that is
 * sent meanwhile is lost. Peer: every argument.
 */
int splitio_event_engine_init_control(struct splitio_event_engine *e,
                                      splitio_domid_t domid, splitio_gfn_t gfn,
                                      uint32_t offset, unsigned vcpu);

/**
 * @brief EVTCHNOP_expand_array: the next page of words. Events that were kept
 * for its ports are delivered.
 * @return 0; SPLITIO_EOPNOTSUPP: not changed over; SPLITIO_ENOSPC: the array is
 * full; SPLITIO_EINVAL: no such frame; SPLITIO_ENOENT.
 *
 * Caller: hypervisor side, any thread. Order: none. Peer: every argument.
 */
int splitio_event_engine_expand_array(struct splitio_event_engine *e,
                                      splitio_domid_t domid, splitio_gfn_t gfn);

/**
 * @brief EVTCHNOP_set_priority: of the events to come; what is queued stays
 * where it is. Xen offers it with the FIFO ABI only.
 * @return 0; SPLITIO_EINVAL: not open, or @p priority above 15;
 * SPLITIO_EOPNOTSUPP: not changed over; SPLITIO_ENOENT.
 *
 * Caller: hypervisor side, any thread. Order: none. Peer: every argument.
 */
int splitio_event_engine_set_priority(struct splitio_event_engine *e,
                                      splitio_domid_t domid,
                                      splitio_evtchn_t port, unsigned priority);

/** @brief init_control for a domain of this process: the block's address. */
int splitio_event_engine_set_block(struct splitio_event_engine *e,
                                   splitio_domid_t domid, unsigned vcpu,
                                   struct splitio_event_fifo_block *block);

/** @brief expand_array for a domain of this process: the page's address. */
int splitio_event_engine_add_words(struct splitio_event_engine *e,
                                   splitio_domid_t domid, uint32_t *page);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_EVENT_FIFO_H */
