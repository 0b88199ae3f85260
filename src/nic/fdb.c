/* SPDX-License-Identifier: BSD-2-Clause */
/* The switch's memory: a hash table with short, bounded probing. */
#include "fdb.h"

#include <splitio/nic.h>

#include <stdlib.h>
#include <string.h>

#define PROBES 8u

static uint32_t hash(const uint8_t mac[6])
{
    uint32_t h = 2166136261u;

    for (unsigned i = 0; i < 6; i++)
        h = (h ^ mac[i]) * 16777619u;
    return h ^ h >> 15;
}

int fdb_init(struct fdb *f, unsigned max_ports)
{
    uint32_t size = 1024;

    while (size < max_ports * SPLITIO_SWITCH_ADDRESSES_MAX)
        size *= 2;
    f->entries = malloc(size * sizeof(*f->entries));
    f->nr_of_port = calloc(max_ports, sizeof(*f->nr_of_port));
    f->mask = size - 1;
    f->now = 0;
    if (!f->entries || !f->nr_of_port) {
        fdb_fini(f);
        return SPLITIO_ENOMEM;
    }
    for (uint32_t i = 0; i < size; i++)
        f->entries[i].port = FDB_NONE;
    return 0;
}

void fdb_fini(struct fdb *f)
{
    free(f->entries);
    free(f->nr_of_port);
    f->entries = NULL;
    f->nr_of_port = NULL;
}

static struct fdb_entry *find(const struct fdb *f, const uint8_t mac[6])
{
    for (uint32_t i = 0; i < PROBES; i++) {
        struct fdb_entry *e = &f->entries[(hash(mac) + i) & f->mask];

        if (e->port != FDB_NONE && memcmp(e->mac, mac, 6) == 0)
            return e;
    }
    return NULL;
}

/* A free place, else the one not learnt for longest. */
static struct fdb_entry *place(const struct fdb *f, const uint8_t mac[6])
{
    struct fdb_entry *oldest = NULL;

    for (uint32_t i = 0; i < PROBES; i++) {
        struct fdb_entry *e = &f->entries[(hash(mac) + i) & f->mask];

        if (e->port == FDB_NONE)
            return e;
        if (!oldest || f->now - e->used > f->now - oldest->used)
            oldest = e;
    }
    return oldest;
}

void fdb_learn(struct fdb *f, const uint8_t mac[6], uint16_t port)
{
    struct fdb_entry *e = find(f, mac);

    f->now++;
    if (!e || e->port != port) {
        if (f->nr_of_port[port] == SPLITIO_SWITCH_ADDRESSES_MAX)
            return;
        if (!e)
            e = place(f, mac);
        if (e->port != FDB_NONE)
            f->nr_of_port[e->port]--;
        f->nr_of_port[port]++;
        memcpy(e->mac, mac, 6);
        e->port = port;
    }
    e->used = f->now;
}

uint16_t fdb_find(const struct fdb *f, const uint8_t mac[6])
{
    const struct fdb_entry *e = find(f, mac);

    return e ? e->port : FDB_NONE;
}

void fdb_forget(struct fdb *f, uint16_t port)
{
    for (uint32_t i = 0; i <= f->mask; i++)
        if (f->entries[i].port == port)
            f->entries[i].port = FDB_NONE;
    f->nr_of_port[port] = 0;
}
