/* SPDX-License-Identifier: BSD-2-Clause */
/* A host and a guest in one process, without a store: ports only. */
#ifndef SPLITIO_TESTS_PAIR_H
#define SPLITIO_TESTS_PAIR_H

#include <splitio/guest.h>
#include <splitio/hypervisor.h>

#define PAIR_PORTS      64u
#define PAIR_GRANTS     8u /* frames of the guest's grant table */
#define PAIR_HEAP_PAGES 4096u
#define PAIR_GUEST      1u /* its domain id; the host is 0 */

struct pair {
    struct splitio_hypervisor hv;
    struct splitio_hypervisor_port hv_port;
    struct splitio_domain_slot slots[4];
    struct splitio_domain domains[2];
    struct splitio_host host;
    struct splitio_guest guest;
    struct splitio_event_handler host_handlers[PAIR_PORTS];
    struct splitio_event_handler guest_handlers[PAIR_PORTS];
    uint64_t event_mem[2][PAIR_PORTS];
    uint64_t heap_map[(PAIR_HEAP_PAGES + 63) / 64];
    uint8_t *memory; /* of the guest */
    void *host_info;
    void *grant_mem[2];
    uint32_t *next_mem;

    /* Called on an upcall for a domain, from any thread; may be NULL. */
    void (*on_upcall)(void *arg, splitio_domid_t domid);
    void *on_upcall_arg;

    /* The ports under test: straight through, but they count and fail. */
    struct splitio_host_port host_port;
    struct splitio_guest_port guest_port;
    struct splitio_host_port real_host;
    struct splitio_guest_port real_guest;
    void (*on_copy)(void *arg); /* before each batch of copies */
    void *on_copy_arg;
    uint64_t nr_copies; /* single copies */
    uint64_t fail_copy; /* this one fails, counted from 1; 0: none */
    uint64_t nr_maps;   /* single pages, not rings */
    uint64_t fail_map;
    uint64_t nr_guest_ops; /* page and grant requests of the front */
    uint64_t fail_guest_op;
    uint64_t nr_host_ops; /* map_ring and event_bind of the back */
    uint64_t fail_host_op;
};

/* New machine; never NULL. */
struct pair *pair_new(void);
/* Checks that nothing is held by anybody, then frees. */
void pair_delete(struct pair *p);
/* Runs the handlers of pending events of both; how many. */
unsigned pair_step(struct pair *p);

/* The guest's page behind a reference. */
void *pair_granted(struct pair *p, splitio_gref_t gref);

#endif /* SPLITIO_TESTS_PAIR_H */
