/* SPDX-License-Identifier: BSD-2-Clause */
/* Event channels: the owner's pending bits, and the engine that sets them. */
#ifndef SPLITIO_EVENT_H
#define SPLITIO_EVENT_H

/**
 * @file
 * @brief Event channels; 2-level ABI (layer 1).
 *
 * **What it is.** A one-bit mailbox between two domains. A channel has a port at
 * each end; sending on one sets the other's pending bit and interrupts a
 * virtual CPU, unless the port is masked. A second send before the first was
 * handled is not counted. Bits, masks and a two-level selector lie in the
 * domain's shared info page; event_fifo.h has the other ABI, which a domain may
 * change over to. Beside channels between domains there are ports for virtual
 * interrupts, for one's own vcpus, and for interrupts that the embedder has.
 * Sources: xen/event_channel.h, xen/xen.h (shared_info, vcpu_info).
 *
 * **Who calls what.**
 *  - Whoever owns a shared info page (a guest, or a host domain whose backs bind
 *    to guests) has a `splitio_event_guest`: bind handlers, scan on an upcall,
 *    unmask when the work is done.
 *  - The hypervisor side has one `splitio_event_engine` a machine with a
 *    `splitio_event_domain` for each domain.
 *
 * **Typical loop.**
 *
 *     owner of the page                        the other end
 *     on upcall:                               splitio_event_engine_send(...)
 *         splitio_event_guest_scan(...)
 *             -> handler: "there is work"
 *     later: work until the ring is empty
 *         splitio_event_guest_unmask(...)
 *
 * scan() masks a port before it calls the handler, and only unmask() lets it
 * through again (late end of interrupt): a peer that sends without end costs
 * its victim one handler call for each piece of work done, and nobody else
 * anything.
 *
 * **Memory order.** send() sets pending, then looks at the mask; unmask() clears
 * the mask, then looks at pending; all are totally ordered, so one of them sees
 * the other. send() then sets the selector, then upcall-pending, which are taken
 * back by exchange in the opposite order.
 *
 * **Trust.** A guest can write anything into its own shared info; the engine
 * only sets bits in it and reads one mask bit, so a guest can lose its own events
 * and nothing else. Port numbers from guests are bounded by the domain's table.
 */

#include <splitio/arch.h>
#include <splitio/port.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- wire format ---- */

/** Where the event words lie in a shared info page: differs by CPU ABI. */
struct splitio_event_abi {
    uint16_t word_bits;      /**< 32 or 64: bits of the guest's long */
    uint16_t nr_vcpus;       /**< vcpu_info entries in the page */
    uint16_t vcpu_stride;    /**< bytes from one vcpu_info to the next */
    uint16_t upcall_pending; /**< in vcpu_info: one byte */
    uint16_t upcall_mask;    /**< in vcpu_info: one byte */
    uint16_t selector;       /**< in vcpu_info: one word */
    uint16_t pending;        /**< in the page: word_bits words */
    uint16_t mask;           /**< in the page: word_bits words */
};

/** 4096 channels; x86_64. */
extern const struct splitio_event_abi splitio_event_abi_x86_64;
/** 1024 channels; x86_32. */
extern const struct splitio_event_abi splitio_event_abi_x86_32;

/** Ports that an ABI can express: word_bits squared. */
static inline uint32_t
splitio_event_abi_nr_ports(const struct splitio_event_abi *abi)
{
    return (uint32_t)abi->word_bits * abi->word_bits;
}

/* ---- owner of a shared info page ---- */

struct splitio_event_guest_fifo;

/** A domain's view of its events. Fields are private, not ABI. */
struct splitio_event_guest {
    struct splitio_event_guest_fifo *fifo; /* NULL: 2-level */
    const struct splitio_event_abi *abi;
    uint8_t *shared_info;
    struct splitio_event_handler *handlers; /* one a port */
    uint32_t nr_handlers;
    uint32_t next[32];    /* per vcpu: port where the next scan begins */
    uint32_t running[32]; /* per vcpu: port whose handler runs now */
};

/**
 * @brief Begin with every port masked and nothing bound. What is pending stays
 * pending, and comes when its port is bound.
 * @param[out] g           the view.
 * @param[in]  abi         layout of the page.
 * @param[in]  shared_info the page, 0 when it was made; nothing but its event
 *                         words is touched.
 * @param[in]  handlers    one for each port that may be bound, kept.
 * @param[in]  nr_handlers ports at or above are never delivered.
 *
 * Caller: owner, before any port is opened. Order: none. Peer: nothing.
 */
void splitio_event_guest_init(struct splitio_event_guest *g,
                              const struct splitio_event_abi *abi,
                              void *shared_info,
                              struct splitio_event_handler *handlers,
                              uint32_t nr_handlers);

/**
 * @brief Give a port its handler and unmask it.
 * @return true if an event is pending already: scan soon.
 * Call only with a port below nr_handlers and not bound.
 *
 * Caller: owner, scanning thread. Order: as splitio_event_guest_unmask().
 * Peer: may have sent before; that event is not lost.
 */
bool splitio_event_guest_bind(struct splitio_event_guest *g,
                              splitio_evtchn_t port,
                              struct splitio_event_handler handler);

/**
 * @brief Mask a port and forget its handler and any pending event. The handler
 * does not run once this has returned: it waits for one that runs in another
 * thread's scan.
 *
 * Caller: owner, any thread; not from this port's own handler, which would wait
 * for itself. Order: acquires what the handler did. Peer: nothing.
 */
void splitio_event_guest_unbind(struct splitio_event_guest *g,
                                splitio_evtchn_t port);

/** @brief Hold back a port's events; they are kept as pending. */
void splitio_event_guest_mask(struct splitio_event_guest *g,
                              splitio_evtchn_t port);

/**
 * @brief Let a port's events through: end of interrupt.
 * @return true if an event came while it was masked. The upcall has been marked
 * pending on @p vcpu then: scan soon. With FIFO the engine was asked to do so,
 * on the vcpu that it knows.
 *
 * Caller: owner, any thread. Order: see the overview; pairs with
 * splitio_event_engine_send(). Peer: whether it has sent.
 */
bool splitio_event_guest_unmask(struct splitio_event_guest *g, unsigned vcpu,
                                splitio_evtchn_t port);

/**
 * @brief Handle an upcall: for each pending port, mask it, clear it, call its
 * handler. Goes around from the port after the last one that was handled, so
 * that no port is handled twice before each that is due has been once. With FIFO
 * by priority, in each as they came; what is found stale counts as handled.
 * @param[in] vcpu   whose selector.
 * @param[in] budget most handlers to call.
 * @return handlers called. If it equals @p budget there may be more, and the
 * upcall is marked pending again.
 *
 * Caller: owner, one thread a vcpu. Order: acquires the sender's writes before
 * splitio_event_engine_send(). Peer: which of its own ports are pending.
 */
unsigned splitio_event_guest_scan(struct splitio_event_guest *g, unsigned vcpu,
                                  unsigned budget);

/** @brief True if an upcall is marked pending: scan() has work. */
bool splitio_event_guest_has_upcall(const struct splitio_event_guest *g,
                                    unsigned vcpu);

/* ---- hypervisor side ---- */

/** States of a port (EVTCHNSTAT_*). */
enum splitio_event_state {
    SPLITIO_EVTCHN_CLOSED = 0,
    SPLITIO_EVTCHN_UNBOUND = 1,
    SPLITIO_EVTCHN_INTERDOMAIN = 2,
    SPLITIO_EVTCHN_PIRQ = 3,
    SPLITIO_EVTCHN_VIRQ = 4,
    SPLITIO_EVTCHN_IPI = 5,
};

/** Answer of splitio_event_engine_status(). */
struct splitio_event_status {
    enum splitio_event_state state;
    unsigned vcpu;
    splitio_domid_t remote;       /**< unbound, interdomain; else 0 */
    splitio_evtchn_t remote_port; /**< interdomain; else 0 */
    uint32_t irq;                 /**< number of virq or pirq; else 0 */
    unsigned priority;            /**< of FIFO events */
};

/** Virtual interrupts (VIRQ_*): numbers below this. */
#define SPLITIO_NR_VIRQS 24u

/** Which of them each vcpu has of its own: timer, debug, xenoprof, xenpmu. The
 *  others are global: bound on vcpu 0, and moved by bind_vcpu(). */
#define SPLITIO_VIRQS_OF_VCPU (1u << 0 | 1u << 1 | 1u << 7 | 1u << 13)

/** Virtual CPUs of a domain at most. */
#define SPLITIO_EVENT_VCPUS_MAX 32u

struct splitio_event_fifo;

/** A domain as the engine sees it. Fields are private, not ABI. */
struct splitio_event_domain {
    splitio_domid_t domid;
    const struct splitio_event_abi *abi;
    uint8_t *shared_info;
    uint8_t *infos[SPLITIO_EVENT_VCPUS_MAX]; /* where each vcpu_info is */
    uint64_t *ports; /* one word a port: state, vcpu, remote domain and port */
    uint32_t nr_ports;
    uint32_t nr_open;
    uint32_t next_free; /* where the next search for a free port begins */
    uint32_t limit;     /* ports that the ABI in use can express */
    uint32_t is_fifo;   /* which that is */
    struct splitio_event_fifo *fifo; /* NULL: always 2-level */
    uint32_t virqs[SPLITIO_EVENT_VCPUS_MAX][SPLITIO_NR_VIRQS]; /* ports */
};

/** The engine. Fields are private, not ABI. */
struct splitio_event_engine {
    const struct splitio_hypervisor_port *port;
    struct splitio_domain_slot *slots;
    unsigned nr_slots;
    uint32_t lock; /* of opening and closing; send() does not take it */
};

/** Bytes of memory for splitio_event_engine_add(). */
#define SPLITIO_EVENT_DOMAIN_MEM(nr_ports)                                     \
    ((size_t)(nr_ports) * sizeof(uint64_t))

/**
 * @brief Make an engine for domain ids 0 to @p nr_slots - 1.
 * Caller: hypervisor side, once. Order: none. Peer: nothing.
 */
void splitio_event_engine_init(struct splitio_event_engine *e,
                               const struct splitio_hypervisor_port *port,
                               struct splitio_domain_slot *slots,
                               unsigned nr_slots);

/**
 * @brief Register a domain.
 * @param[out] d           caller's memory, kept until removed.
 * @param[in]  shared_info host address of its page.
 * @param[in]  nr_ports    2 to what the ABI can express; port 0 is never used.
 * @param[in]  mem         SPLITIO_EVENT_DOMAIN_MEM(nr_ports) bytes, aligned to
 *                         8, kept.
 * @return 0; SPLITIO_EINVAL; SPLITIO_EEXIST.
 *
 * Caller: hypervisor side. Order: releases @p d. Peer: nothing.
 */
int splitio_event_engine_add(struct splitio_event_engine *e,
                             struct splitio_event_domain *d,
                             splitio_domid_t domid,
                             const struct splitio_event_abi *abi,
                             void *shared_info, uint32_t nr_ports,
                             uint64_t *mem);

/**
 * @brief Close all ports of a domain and forget it.
 * @return 0: the memory is the caller's; SPLITIO_EAGAIN: a call of another
 * thread is about to leave, call again; SPLITIO_ENOENT.
 *
 * Caller: hypervisor side, one thread a domain. Order: acquires all sends that
 * went before. Peer: cannot delay it.
 */
int splitio_event_engine_remove(struct splitio_event_engine *e,
                                splitio_domid_t domid);

/**
 * @brief Open a port of @p self that @p remote may bind to.
 * @return 0; SPLITIO_ENOSPC: no port is free; SPLITIO_ENOENT: no such domain
 * @p self (the remote need not exist yet).
 *
 * Caller: hypervisor side, any thread. Order: none. Peer: nothing.
 */
int splitio_event_engine_alloc_unbound(struct splitio_event_engine *e,
                                       splitio_domid_t self,
                                       splitio_domid_t remote,
                                       splitio_evtchn_t *port);

/**
 * @brief Connect a new port of @p self to an unbound port of @p remote. The new
 * port gets one event at once: something may have been sent before.
 * @return 0; SPLITIO_ENOENT: no such domain; SPLITIO_EINVAL: that port is not
 * there, not unbound, or not open to @p self; SPLITIO_ENOSPC.
 *
 * Caller: hypervisor side, any thread. Order: none. Peer: the port number.
 */
int splitio_event_engine_bind_interdomain(struct splitio_event_engine *e,
                                          splitio_domid_t self,
                                          splitio_domid_t remote,
                                          splitio_evtchn_t remote_port,
                                          splitio_evtchn_t *port);

/**
 * @brief Open a port for a virtual interrupt.
 * @param[in] virq below SPLITIO_NR_VIRQS.
 * @param[in] vcpu who gets it; 0 if @p virq is global.
 * @return 0; SPLITIO_EINVAL: no such @p virq, or global and not on vcpu 0;
 * SPLITIO_EEXIST: bound already; SPLITIO_ENOSPC; SPLITIO_ENOENT: no such vcpu,
 * no such domain.
 *
 * Caller: hypervisor side, any thread. Order: none. Peer: every argument.
 */
int splitio_event_engine_bind_virq(struct splitio_event_engine *e,
                                   splitio_domid_t self, unsigned virq,
                                   unsigned vcpu, splitio_evtchn_t *port);

/**
 * @brief Open a port by which a domain interrupts one of its own vcpus: sending
 * on it makes itself pending.
 * @return 0; SPLITIO_ENOSPC; SPLITIO_ENOENT: no such vcpu, no such domain.
 *
 * Caller: hypervisor side, any thread. Order: none. Peer: every argument.
 */
int splitio_event_engine_bind_ipi(struct splitio_event_engine *e,
                                  splitio_domid_t self, unsigned vcpu,
                                  splitio_evtchn_t *port);

/**
 * @brief Open a port for an interrupt that the embedder has. splitio itself
 * never hands an interrupt of the host to a guest: the hypervisor port's
 * pirq_bind() allows it, and splitio_event_engine_raise() makes it pending.
 * @param[in] flags BIND_PIRQ__WILL_SHARE is 1; handed to pirq_bind().
 * @return 0; SPLITIO_EACCES: no pirq_bind(), or it refused; SPLITIO_EEXIST: the
 * domain has it bound; SPLITIO_ENOSPC; SPLITIO_EINVAL: @p pirq is 2^28 or more,
 * or the domain has closed the port meanwhile; SPLITIO_ENOENT.
 *
 * Caller: hypervisor side, any thread. Order: none. Peer: every argument.
 */
int splitio_event_engine_bind_pirq(struct splitio_event_engine *e,
                                   splitio_domid_t self, uint32_t pirq,
                                   uint32_t flags, splitio_evtchn_t *port);

/**
 * @brief Raise a virtual interrupt of a domain.
 * @param[in] vcpu for those that each vcpu has; not looked at if @p virq is
 * global.
 * @return 0 (also if nobody has bound it); SPLITIO_EINVAL: no such @p virq or
 * vcpu; SPLITIO_ENOENT.
 *
 * Caller: hypervisor side, any thread, lock-free. Order: as
 * splitio_event_engine_send(). Peer: nothing.
 */
int splitio_event_engine_raise_virq(struct splitio_event_engine *e,
                                    splitio_domid_t domid, unsigned virq,
                                    unsigned vcpu);

/**
 * @brief Make a port of kind pirq, virq or ipi pending.
 * @return 0; SPLITIO_EINVAL: no such port; SPLITIO_ENOENT.
 *
 * Caller: hypervisor side, any thread, lock-free. Order: as
 * splitio_event_engine_send(). Peer: nothing.
 */
int splitio_event_engine_raise(struct splitio_event_engine *e,
                               splitio_domid_t domid, splitio_evtchn_t port);

/**
 * @brief End of a physical interrupt (PHYSDEVOP_eoi): unmask its port and call
 * the hypervisor port's pirq_eoi().
 * @return 0; SPLITIO_EINVAL: not a port of that kind; SPLITIO_ENOENT.
 *
 * Caller: hypervisor side, any thread. Order: as splitio_event_guest_unmask().
 * Peer: the port number.
 */
int splitio_event_engine_pirq_eoi(struct splitio_event_engine *e,
                                  splitio_domid_t self, splitio_evtchn_t port);

/**
 * @brief Close all ports of a domain, and go back to the 2-level ABI
 * (EVTCHNOP_reset). Pages of the FIFO ABI are the guest's own again.
 * @return 0; SPLITIO_EAGAIN: other threads opened ports meanwhile, call again;
 * SPLITIO_ENOENT.
 *
 * Caller: hypervisor side, any thread. Order: what was sent before may be lost;
 * after it nothing of the old pages is touched. Peer: nothing.
 */
int splitio_event_engine_reset(struct splitio_event_engine *e,
                               splitio_domid_t self);

/**
 * @brief Close a port. The other end, if any, goes back to unbound.
 * @return 0; SPLITIO_EINVAL: not open; SPLITIO_ENOENT.
 *
 * Caller: hypervisor side, any thread. Order: none; a send under way may still
 * set the pending bit of a port just closed. Peer: nothing.
 */
int splitio_event_engine_close(struct splitio_event_engine *e,
                               splitio_domid_t self, splitio_evtchn_t port);

/**
 * @brief Send on a port: mark the other end pending, interrupt if need be. The
 * other end of a port of kind ipi is itself.
 * @return 0 (also on an unbound port: nobody listens); SPLITIO_EINVAL: not a
 * port one can send on; SPLITIO_ENOENT.
 *
 * Caller: hypervisor side, any thread; lock-free with the 2-level ABI. Order:
 * releases what the sender wrote before to splitio_event_guest_scan(). Peer: the
 * port number; the mask bit of its own page.
 */
int splitio_event_engine_send(struct splitio_event_engine *e,
                              splitio_domid_t self, splitio_evtchn_t port);

/**
 * @brief Unmask on behalf of @p self, and deliver what was held back.
 * For guests that ask the hypervisor side instead of doing it themselves.
 * @return 0; SPLITIO_EINVAL; SPLITIO_ENOENT.
 *
 * Caller: hypervisor side, any thread. Order: as splitio_event_guest_unmask().
 */
int splitio_event_engine_unmask(struct splitio_event_engine *e,
                                splitio_domid_t self, splitio_evtchn_t port);

/**
 * @brief Deliver a port's events to another virtual CPU from now on. What is in
 * a FIFO queue already is delivered from there.
 * @return 0; SPLITIO_EINVAL: not open, of a kind that belongs to its vcpu (ipi,
 * virq that is not global), or no such vcpu in the ABI's page; SPLITIO_ENOENT.
 */
int splitio_event_engine_bind_vcpu(struct splitio_event_engine *e,
                                   splitio_domid_t self, splitio_evtchn_t port,
                                   unsigned vcpu);

/**
 * @brief Have a virtual CPU's vcpu_info at a place of the guest's choice instead
 * of in the shared info page (VCPUOP_register_vcpu_info). What is there now is
 * copied, and the vcpu is told to look at all its ports. Xen allows it once.
 * @param[in] gfn, offset where: a multiple of 8, and inside the page.
 * @return 0; SPLITIO_EINVAL: no such place, or done before; SPLITIO_ENOENT: no
 * such vcpu, no such domain.
 *
 * Caller: hypervisor side, any thread. Order: no event that is sent meanwhile is
 * lost. Peer: every argument.
 */
int splitio_event_engine_register_vcpu_info(struct splitio_event_engine *e,
                                            splitio_domid_t self, unsigned vcpu,
                                            splitio_gfn_t gfn, uint32_t offset);

/**
 * @brief Where a virtual CPU's vcpu_info is now; NULL: no such vcpu or domain.
 *
 * Caller: hypervisor side, any thread; the address is good while the domain is
 * registered. Order: none. Peer: nothing.
 */
void *splitio_event_engine_vcpu_info(struct splitio_event_engine *e,
                                     splitio_domid_t self, unsigned vcpu);

/**
 * @brief What a port is.
 * @return 0; SPLITIO_EINVAL: out of range; SPLITIO_ENOENT.
 */
int splitio_event_engine_status(struct splitio_event_engine *e,
                                splitio_domid_t self, splitio_evtchn_t port,
                                struct splitio_event_status *status);

/** @brief Ports that are open; 0 if the domain is not registered. */
uint32_t splitio_event_engine_nr_open(struct splitio_event_engine *e,
                                      splitio_domid_t domid);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_EVENT_H */
