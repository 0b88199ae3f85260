/* SPDX-License-Identifier: BSD-2-Clause */
/* netfront and netback joined by hand over a pair. */
#ifndef SPLITIO_TESTS_NET_RIG_H
#define SPLITIO_TESTS_NET_RIG_H

#include <splitio/netback.h>
#include <splitio/netfront.h>

#include "frames.h"
#include "pair.h"

struct net_rig {
    struct pair *pair;
    struct test_nic nic;
    struct splitio_netback_config back_config;
    struct splitio_netfront_config front_config;
    struct splitio_netback back;
    struct splitio_netfront front;
    void *back_mem, *front_mem;
    struct splitio_netif_link link;
    struct queue received; /* by the front */
    unsigned room;         /* calls of tx_room */
    unsigned back_wakes, front_wakes;
};

/* All features, one queue, not connected; change the configs, then join. */
struct net_rig *rig_new(void);
void rig_init_back(struct net_rig *r);
void rig_init_front(struct net_rig *r);
/* init of both, then connect; fails the test on error */
void rig_join(struct net_rig *r);
/* Disconnects both and checks that nothing is left. */
void rig_delete(struct net_rig *r);
/* Runs everything that has been woken until nothing is. Fails after 10000
 * turns. Both ends must stay in order. */
void rig_run(struct net_rig *r);
/* Kicks, and runs. */
void rig_send(struct net_rig *r, const struct kept *k);

#endif /* SPLITIO_TESTS_NET_RIG_H */
