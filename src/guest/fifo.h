/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's event array. */
#ifndef SPLITIO_SRC_GUEST_FIFO_H
#define SPLITIO_SRC_GUEST_FIFO_H

#include <splitio/guest.h>

/* Have a word for a port, if the events are FIFO. 0; ENOMEM; the ops' error. */
SPLITIO_INTERNAL int splitio_guest_fifo_reach(struct splitio_guest *g,
                                              splitio_evtchn_t port);

#endif /* SPLITIO_SRC_GUEST_FIFO_H */
