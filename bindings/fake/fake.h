/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake machine from inside. */
#ifndef SPLITIO_BINDINGS_FAKE_H
#define SPLITIO_BINDINGS_FAKE_H

#include <splitio/binding/fake.h>

#define FAKE_PORTS 1024u

/* Frames of a guest, by number. Grant table, its status frames and the heap
 * follow one another. */
enum {
    FAKE_GFN_SHARED_INFO,
    FAKE_GFN_STORE,
    FAKE_GFN_GRANTS,
};

struct fake_guest {
    struct splitio_fake *fake;
    splitio_domid_t domid;
    bool alive, known; /* known: to the hypervisor side */
    uint8_t *memory;
    unsigned nr_pages;
    struct splitio_guest guest;
    struct splitio_domain domain;
    void *grant_mem;
    uint32_t *next_mem;
    uint64_t *heap_map, event_mem[FAKE_PORTS];
    struct splitio_event_fifo fifo;
    uint16_t fifo_mem[FAKE_PORTS];
    struct splitio_event_handler handlers[FAKE_PORTS];
    struct splitio_store store;
    struct splitio_store_ring ring;
    struct splitio_store_conn conn;
    splitio_evtchn_t store_port, store_host_port;
};

struct splitio_fake {
    struct splitio_fake_config cfg;
    struct splitio_hypervisor hv;
    struct splitio_hypervisor_port port;
    struct splitio_domain_slot *slots;
    struct splitio_domain dom0;
    struct splitio_host host;
    void *dom0_grant_mem;
    uint64_t dom0_event_mem[FAKE_PORTS];
    struct splitio_event_handler dom0_handlers[FAKE_PORTS];
    uint8_t *dom0_shared_info;
    struct splitio_store_server *server;
    void *arena;
    struct splitio_store store;
    struct splitio_store_conn conn;
    struct fake_guest *guests;
};

/* guest.c */
int fake_guest_start(struct fake_guest *g);
void fake_guest_stop(struct fake_guest *g); /* the store forgets it */
int fake_guest_bury(struct fake_guest *g);

#endif /* SPLITIO_BINDINGS_FAKE_H */
