/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An event engine with some domains, each with memory of its own that the engine
 * reaches by frame number, able to change over to FIFO events.
 */
#ifndef SPLITIO_TESTS_EVENT_RIG_H
#define SPLITIO_TESTS_EVENT_RIG_H

#include <splitio/event.h>
#include <splitio/event_fifo.h>

#define RIG_DOMAINS 3u
#define RIG_VCPUS   32u

struct event_rig;

struct rig_hand {
    struct event_rig *rig;
    splitio_domid_t domid;
    splitio_evtchn_t port;
};

/* Frame 0 is shared info, 1 has the control blocks, from 2 on are the words. */
#define RIG_BLOCKS 1u
#define RIG_WORDS  2u

struct rig_domain {
    struct splitio_event_domain d;
    struct splitio_event_fifo fifo;
    struct splitio_event_guest g;
    struct splitio_event_guest_fifo guest_fifo;
    struct rig_hand self;
    uint8_t *memory;
    uint32_t nr_frames;
    uint64_t *mem;
    uint16_t *fifo_mem;
    struct splitio_event_handler *handlers;
    struct rig_hand *hands;
    unsigned *calls; /* by port */
    unsigned nr_upcalls[RIG_VCPUS];
    unsigned nr_asked; /* unmasks that the engine was asked for */
};

struct event_rig {
    struct splitio_event_engine e;
    struct splitio_hypervisor_port port;
    struct splitio_domain_slot slots[RIG_DOMAINS];
    const struct splitio_event_abi *abi;
    uint32_t nr_ports;
    struct rig_domain dom[RIG_DOMAINS];
    splitio_evtchn_t order[4096]; /* ports handled */
    unsigned nr_order;
    int pirq_answer;
    uint32_t pirq, pirq_flags, nr_unbound, nr_eoi;
    splitio_evtchn_t pirq_port;
};

struct event_rig *event_rig_new(const struct splitio_event_abi *abi,
                                uint32_t nr_ports);
void event_rig_delete(struct event_rig *r);

/* What the domains' hypercalls do; handed to splitio_event_guest_fifo_start(). */
extern const struct splitio_event_fifo_ops event_rig_ops;
/* Change a domain over, with all the pages that its ports need. */
void event_rig_use_fifo(struct event_rig *r, splitio_domid_t domid);
int event_rig_start(struct event_rig *r, splitio_domid_t domid);
int event_rig_expand(struct event_rig *r, splitio_domid_t domid);
struct splitio_event_fifo_block *
event_rig_block(struct event_rig *r, splitio_domid_t domid, unsigned vcpu);
uint32_t *event_rig_word(struct event_rig *r, splitio_domid_t domid,
                         splitio_evtchn_t port);

splitio_evtchn_t event_rig_open(struct event_rig *r, splitio_domid_t self,
                                splitio_domid_t remote);
splitio_evtchn_t event_rig_bind(struct event_rig *r, splitio_domid_t self,
                                splitio_domid_t remote, splitio_evtchn_t port);
/* Give a port a handler that counts. True: an event is pending. */
bool event_rig_handle(struct event_rig *r, splitio_domid_t domid,
                      splitio_evtchn_t port);
/* Scan a vcpu until it has no upcall; the steps it took. */
unsigned event_rig_scan(struct event_rig *r, splitio_domid_t domid,
                        unsigned vcpu);
void event_rig_send(struct event_rig *r, splitio_domid_t self,
                    splitio_evtchn_t port);
/* A channel from domain 1, which handles it, to domain 0; quiet. The port of
 * domain 0 is *from. */
splitio_evtchn_t event_rig_channel(struct event_rig *r, splitio_evtchn_t *from);

#endif
