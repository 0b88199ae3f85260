/* SPDX-License-Identifier: BSD-2-Clause */
/* The owner's side of events: what its files share. */
#ifndef SPLITIO_SRC_EVENT_GUEST_INT_H
#define SPLITIO_SRC_EVENT_GUEST_INT_H

#include <splitio/event.h>
#include <splitio/event_fifo.h>

#include "abi.h"

/* --- guest.c --- */
/* Run a port's handler, if it has one. */
SPLITIO_INTERNAL void splitio_event_deliver(struct splitio_event_guest *g,
                                            unsigned vcpu, uint32_t port);
/* All ports masked, no upcall; what is pending stays so. */
SPLITIO_INTERNAL void splitio_event_quiet(struct splitio_event_guest *g);

static inline uint8_t *pending_bits(const struct splitio_event_guest *g)
{
    return g->shared_info + g->abi->pending;
}

static inline uint8_t *mask_bits(const struct splitio_event_guest *g)
{
    return g->shared_info + g->abi->mask;
}

/* --- fifo_guest.c: each as the function in event.h --- */
SPLITIO_INTERNAL void splitio_event_fifo_mask(struct splitio_event_guest *g,
                                              splitio_evtchn_t port);
SPLITIO_INTERNAL bool
splitio_event_fifo_unmask_own(struct splitio_event_guest *g,
                              splitio_evtchn_t port);
/* Mask it and forget what is pending. */
SPLITIO_INTERNAL void splitio_event_fifo_forget(struct splitio_event_guest *g,
                                                splitio_evtchn_t port);
SPLITIO_INTERNAL unsigned splitio_event_fifo_scan(struct splitio_event_guest *g,
                                                  unsigned vcpu,
                                                  unsigned budget);

#endif /* SPLITIO_SRC_EVENT_GUEST_INT_H */
