/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine with a store, one guest, and a network device: netfront and netback
 * as they connect. */
#ifndef SPLITIO_TESTS_NET_WORLD_H
#define SPLITIO_TESTS_NET_WORLD_H

#include <splitio/binding/fake.h>
#include <splitio/netback.h>
#include <splitio/netfront.h>

#include "frames.h"

struct world {
    struct splitio_fake *fake;
    struct test_nic nic;
    struct splitio_netback_config back_config;
    struct splitio_netfront_config front_config;
    struct splitio_netback back;
    struct splitio_netfront front;
    void *back_mem, *front_mem;
    bool have_back, have_front;
    struct queue received; /* by the front */
    unsigned connects;
    unsigned links; /* calls of link_changed */
    char front_dir[SPLITIO_TOOLSTACK_PATH_MAX];
    char back_dir[SPLITIO_TOOLSTACK_PATH_MAX];
};

extern const struct splitio_toolstack_device world_vif;

/* All features, nothing started; change the configs, then start. */
struct world *world_new(const char *mac);
/* Ends what runs, and checks that nothing is left. */
void world_delete(struct world *w);

void world_start_back(struct world *w);
void world_start_front(struct world *w);
/* Without a word to the other half. */
void world_end_back(struct world *w);
void world_end_front(struct world *w);
/* Until nothing happens any more; fails if that does not come. */
void world_run(struct world *w);

/* A long frame each way, unchanged. */
void world_check_traffic(struct world *w);

/* As the toolstack, or as a half that nobody here wrote. */
void world_put(struct world *w, const char *dir, const char *key,
               const char *value);
/* True if the key has this value; NULL: if it is not there. */
bool world_has(struct world *w, const char *dir, const char *key,
               const char *value);

#endif /* SPLITIO_TESTS_NET_WORLD_H */
