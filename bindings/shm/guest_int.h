/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's side of the binding: what its files share. */
#ifndef SPLITIO_BINDINGS_SHM_GUEST_INT_H
#define SPLITIO_BINDINGS_SHM_GUEST_INT_H

#include <splitio/binding/shm.h>
#include <splitio/binding/shm_wire.h>

struct splitio_shm_guest {
    uint32_t nr_pages, nr_frames, max_frames, grant_version, nr_ports;
    uint32_t timeout_ms;
    int memfd, sock, bell, pipe, wake, epoll;
    uint8_t *base;
    struct splitio_shm_doorbell *doorbell;
    uint64_t *heap_map;
    uint32_t *grant_mem;
    struct splitio_event_handler *handlers;
    struct splitio_guest guest;
    splitio_domid_t domid;
    splitio_evtchn_t store_port;
    struct splitio_store_ring ring;
    struct splitio_store store;
    uint32_t seq;     /* of the call made last */
    bool gone;        /* the daemon is, or is out of step */
    bool store_full;  /* output waits for room in the ring */
    bool store_event; /* the store's event is masked until it was looked at */
};

/* --- guest.c --- */
extern SPLITIO_INTERNAL const struct splitio_hypercall_ops
    splitio_shm_hypercalls;
extern SPLITIO_INTERNAL const struct splitio_event_fifo_ops
    splitio_shm_fifo_calls;
SPLITIO_INTERNAL void splitio_shm_on_store_event(void *guest);
/* Wait for the socket, and receive one message of exactly @p len_bytes. */
SPLITIO_INTERNAL int splitio_shm_receive(struct splitio_shm_guest *g,
                                         void *message, size_t len_bytes,
                                         int *fds, unsigned nr_fds);

#endif
