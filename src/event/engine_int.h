/* SPDX-License-Identifier: BSD-2-Clause */
/* The event engine: what its files share. */
#ifndef SPLITIO_SRC_EVENT_ENGINE_INT_H
#define SPLITIO_SRC_EVENT_ENGINE_INT_H

#include <splitio/event.h>
#include <splitio/event_fifo.h>

#include "../base/slots.h"
#include "abi.h"
#include "lock.h"

/*
 * A port is one word, so that send() reads it without a lock: state 4 bits from
 * bit 60, vcpu 12 from 48, remote domain 16 from 32, priority 4 from 28 (kept so
 * that the default is 0), and 28 bits for the remote port or the number of an
 * interrupt. Words are changed under the engine's lock only.
 */
#define STATE_SHIFT    60
#define VCPU_SHIFT     48
#define DOMID_SHIFT    32
#define PRIORITY_SHIFT 28
#define VCPU_MASK      0xFFFu
#define NUMBER_MASK    0xFFFFFFFu

static inline uint64_t port_word(enum splitio_event_state state, unsigned vcpu,
                                 splitio_domid_t remote, uint32_t number)
{
    return (uint64_t)state << STATE_SHIFT | (uint64_t)vcpu << VCPU_SHIFT |
           (uint64_t)remote << DOMID_SHIFT | number;
}

static inline enum splitio_event_state port_state(uint64_t w)
{
    return (enum splitio_event_state)(w >> STATE_SHIFT);
}

static inline unsigned port_vcpu(uint64_t w)
{
    return (unsigned)(w >> VCPU_SHIFT) & VCPU_MASK;
}

static inline splitio_domid_t port_domid(uint64_t w)
{
    return (splitio_domid_t)(w >> DOMID_SHIFT);
}

static inline uint32_t port_number(uint64_t w)
{
    return (uint32_t)w & NUMBER_MASK;
}

static inline unsigned port_priority(uint64_t w)
{
    return ((unsigned)(w >> PRIORITY_SHIFT) & 15u) ^
           SPLITIO_EVTCHN_FIFO_PRIORITY_DEFAULT;
}

static inline uint64_t with_vcpu(uint64_t w, unsigned vcpu)
{
    return (w & ~((uint64_t)VCPU_MASK << VCPU_SHIFT)) | (uint64_t)vcpu
                                                            << VCPU_SHIFT;
}

static inline uint64_t with_priority(uint64_t w, unsigned priority)
{
    priority ^= SPLITIO_EVTCHN_FIFO_PRIORITY_DEFAULT;
    return (w & ~(UINT64_C(15) << PRIORITY_SHIFT)) | (uint64_t)priority
                                                         << PRIORITY_SHIFT;
}

static inline struct splitio_event_domain *enter(struct splitio_event_engine *e,
                                                 splitio_domid_t domid)
{
    return slot_enter(e->slots, e->nr_slots, domid);
}

static inline void leave(struct splitio_event_engine *e, splitio_domid_t domid)
{
    slot_leave(e->slots, domid);
}

/* The word of a port, 0 (closed) if it is out of range. */
static inline uint64_t read_port(const struct splitio_event_domain *d,
                                 splitio_evtchn_t port)
{
    return port < d->nr_ports ? splitio_load_acquire_u64(&d->ports[port]) : 0;
}

static inline void write_port(struct splitio_event_domain *d,
                              splitio_evtchn_t port, uint64_t word)
{
    splitio_store_release_u64(&d->ports[port], word);
}

/* Ordered after every totally ordered operation before it. */
static inline bool is_fifo(const struct splitio_event_domain *d)
{
    return __atomic_load_n(&d->is_fifo, __ATOMIC_SEQ_CST) != 0;
}

/* Where a vcpu's info is. Ordered as above: who puts it elsewhere then tells the
 * guest to look at everything, for what was sent to the old place. */
static inline uint8_t *info_of(struct splitio_event_domain *d, unsigned vcpu)
{
    return __atomic_load_n(&d->infos[vcpu], __ATOMIC_SEQ_CST);
}

/* --- hypervisor.c: the one place where the ABIs part --- */
SPLITIO_INTERNAL void splitio_event_set_pending(struct splitio_event_engine *e,
                                                struct splitio_event_domain *d,
                                                splitio_evtchn_t port,
                                                uint64_t word);
/* Engine's lock held. False: the guest has the port in a queue still. */
SPLITIO_INTERNAL bool splitio_event_prepare_port(struct splitio_event_domain *d,
                                                 splitio_evtchn_t port);

/* --- ports.c --- */
/* A free port is opened as `word`, and put into `only`, if that is not NULL.
 * 0; ENOSPC; EEXIST: a port is there. Takes the engine's lock. */
SPLITIO_INTERNAL int splitio_event_open_port(struct splitio_event_engine *e,
                                             struct splitio_event_domain *d,
                                             uint64_t word, uint32_t *only,
                                             splitio_evtchn_t *port);
/* 0; EINVAL: not open. Takes the engine's lock. */
SPLITIO_INTERNAL int splitio_event_close_port(struct splitio_event_engine *e,
                                              struct splitio_event_domain *d,
                                              splitio_evtchn_t port);
SPLITIO_INTERNAL void splitio_event_close_all(struct splitio_event_engine *e,
                                              struct splitio_event_domain *d);

/* --- kinds.c --- */
/* The port of a virtual interrupt is closed. Lock held. */
SPLITIO_INTERNAL void splitio_event_forget_virq(struct splitio_event_domain *d,
                                                splitio_evtchn_t port,
                                                uint64_t word);

/* --- fifo_hypervisor.c --- */
SPLITIO_INTERNAL void
splitio_event_fifo_set_pending(struct splitio_event_engine *e,
                               struct splitio_event_domain *d,
                               splitio_evtchn_t port, uint64_t word);
SPLITIO_INTERNAL void splitio_event_fifo_unmask(struct splitio_event_engine *e,
                                                struct splitio_event_domain *d,
                                                splitio_evtchn_t port,
                                                uint64_t word);
SPLITIO_INTERNAL bool
splitio_event_fifo_prepare_port(struct splitio_event_domain *d,
                                splitio_evtchn_t port);
/* Engine's lock held. Back to 2-level. */
SPLITIO_INTERNAL void splitio_event_fifo_stop(struct splitio_event_domain *d);

#endif /* SPLITIO_SRC_EVENT_ENGINE_INT_H */
