/* SPDX-License-Identifier: BSD-2-Clause */
/* A network device as a rig. */
#ifndef SPLITIO_TESTS_CONFORM_NET_H
#define SPLITIO_TESTS_CONFORM_NET_H

#include "frames.h"
#include "rig.h"

#include <splitio/netback.h>
#include <splitio/netfront.h>

/* What has been seen on the rings, in one direction. */
struct net_seen {
    uint64_t nr_frames;
    uint64_t nr_more;                              /* frames of several slots */
    uint64_t nr_blank[2];                          /* IPv4, IPv6 */
    uint64_t nr_gso[4];                            /* by type */
    uint64_t nr_extras[SPLITIO_NETIF_EXTRA_TYPES]; /* by type */
    uint64_t nr_offset;  /* slots whose data do not begin with the page */
    uint64_t nr_unknown; /* extras */
    unsigned nr_used_rings;
};

/* How far a ring has been looked at. */
struct net_look {
    uint64_t number; /* of the ring, as the spy counts */
    const struct splitio_ring_map *map;
    uint32_t begin, at;
    bool used, in_chain, in_extras;
};

struct net_rig {
    struct rig rig;
    struct splitio_netfront_config front_cfg;
    struct splitio_netback_config back_cfg;
    struct splitio_netfront front;
    struct splitio_netback back;
    void *front_mem, *back_mem;
    struct test_nic nic;
    struct queue received;
    unsigned nr_kinds; /* of frames that are sent; 0: all */
    unsigned sending;  /* IP version of the frame under way */
    unsigned nr_channels;
    bool hashes, stages; /* the guest asks for it */
    bool has_ctrl_ring;
    struct net_seen seen[2]; /* to the back, to the front */
    struct net_look looks[SPY_RINGS];
};

static inline struct net_rig *net_of(struct rig *r)
{
    return (struct net_rig *)r;
}

static inline const struct net_seen *net_seen(const struct rig *r, unsigned way)
{
    return &((const struct net_rig *)r)->seen[way];
}

void net_configure(struct rig *r);
bool net_front_new(struct rig *r);
bool net_back_new(struct rig *r);
int net_front_poll(struct rig *r);
int net_back_poll(struct rig *r);
void net_look(struct rig *r);
bool net_is_up(const struct rig *r);
bool net_traffic(struct rig *r);
void net_front_close(struct rig *r);
void net_front_reopen(struct rig *r);
bool net_front_is_closed(const struct rig *r);
int net_front_fini(struct rig *r);
int net_back_fini(struct rig *r);
bool net_is_clean(const struct rig *r);
void net_free_memory(struct rig *r);

#endif
