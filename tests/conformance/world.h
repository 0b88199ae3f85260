/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine with one guest, over any binding: ports, stores, and a step. */
#ifndef SPLITIO_TESTS_CONFORM_WORLD_H
#define SPLITIO_TESTS_CONFORM_WORLD_H

#include <splitio/port.h>
#include <splitio/store.h>
#include <splitio/store_server.h>

#define WORLD_GUEST       1u /* domain id of the guest; the back is in 0 */
#define WORLD_DATA_PAGES  64u
#define WORLD_GUEST_PAGES 4096u

struct world;

/* A way to run the machine. */
struct binding {
    const char *name;
    bool (*open)(struct world *w);
    void (*close)(struct world *w);
    /* Move what is due; 0: nothing happens by itself any more. */
    unsigned (*step)(struct world *w);
    /* Around what the guest does: its calls may need the host to run. */
    void (*guest_begin)(struct world *w);
    void (*guest_end)(struct world *w);
    /* What is in use: pages lent and mapped, ports, nodes. */
    uint64_t (*usage)(struct world *w);
};

struct world {
    const struct binding *binding;
    struct splitio_guest_port guest;
    struct splitio_host_port host;
    struct splitio_store *front_store, *back_store;
    struct splitio_store_server *server;
    uint8_t *data; /* pages of the guest that may be lent */
    uint64_t idle_usage;
    unsigned nr_devices; /* made so far: each has a number of its own */
    void *impl;
};

bool world_open(struct world *w, const struct binding *b);
void world_close(struct world *w);
/* True if all is as it was when the world was new. */
bool world_is_idle(struct world *w);

/* ---- nodes, as domain 0 ---- */

bool world_read(struct world *w, const char *dir, const char *key, char *value,
                size_t len_bytes);
/* The value lies in the store; good until something is written. */
bool world_read_raw(struct world *w, const char *dir, const char *key,
                    const void **value, size_t *len_bytes);
void world_write(struct world *w, const char *dir, const char *key,
                 const void *value, size_t len_bytes);
void world_remove(struct world *w, const char *dir, const char *key);

#define WORLD_KEYS_MAX 96u
#define WORLD_KEY_MAX  48u

/* Keys below a directory, with those of queues. */
struct world_keys {
    unsigned nr;
    char names[WORLD_KEYS_MAX][WORLD_KEY_MAX];
};

bool world_list(struct world *w, const char *dir, struct world_keys *keys);
bool world_has(const struct world_keys *keys, const char *name);

#endif
