/* SPDX-License-Identifier: BSD-2-Clause */
/* A host port between a back and the real one: knows what the back holds, lets
 * the n-th operation fail, and cleans up after a back that died. */
#ifndef SPLITIO_TESTS_HOST_SPY_H
#define SPLITIO_TESTS_HOST_SPY_H

#include <splitio/port.h>

#define SPY_MAPS     16384u
#define SPY_RINGS    40u
#define SPY_CHANNELS 40u

struct host_spy {
    struct splitio_host_port under;
    uint64_t nr_ops;  /* maps, copies, rings and channels asked for */
    uint64_t fail_at; /* this one fails, counted from 1; 0: none */
    unsigned nr_failed;
    int fail_status; /* of a map or copy; 0: GENERAL_ERROR */
    /* Called after each copy that worked: a page may change right then. */
    void (*after_copy)(void *arg, const struct splitio_grant_copy *op);
    void *arg;
    /* Called before and after each operation: the back may die right there. */
    void (*moment)(void);
    uint64_t nr_maps, nr_unmaps, nr_copies, nr_map_calls, nr_unmap_calls;
    unsigned nr_live;
    splitio_grant_handle_t live[SPY_MAPS];
    unsigned nr_rings;
    struct splitio_ring_map *rings[SPY_RINGS];
    splitio_gref_t ring_grefs[SPY_RINGS]; /* the first of each */
    uint64_t ring_numbers[SPY_RINGS];     /* of all that were ever mapped */
    uint64_t nr_ring_maps;
    unsigned nr_channels;
    splitio_evtchn_t channels[SPY_CHANNELS];
};

struct splitio_host_port host_spy_port(struct host_spy *spy,
                                       struct splitio_host_port under);

/* What the system does when a process ends: all it held is let go. */
void host_spy_release_all(struct host_spy *spy);

#endif
