/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's side of a window: what its files share. */
#ifndef SPLITIO_BINDINGS_IVSHMEM_GUEST_INT_H
#define SPLITIO_BINDINGS_IVSHMEM_GUEST_INT_H

#include <splitio/binding/ivshmem_guest.h>

/* --- guest_call.c --- */
extern SPLITIO_INTERNAL const struct splitio_hypercall_ops
    splitio_ivshmem_hypercalls;
/* Send the message, wait for what answers it: a copy. 0; SPLITIO_ECLOSED: the
 * session is over; what the wait said. */
SPLITIO_INTERNAL int splitio_ivshmem_exchange(struct splitio_ivshmem_guest *g,
                                              const void *message,
                                              size_t message_bytes,
                                              void *answer,
                                              size_t answer_bytes);
/* True if the daemon has begun anew since the welcome. */
SPLITIO_INTERNAL bool
splitio_ivshmem_is_over(const struct splitio_ivshmem_guest *g);

#endif
