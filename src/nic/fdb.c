/* SPDX-License-Identifier: BSD-2-Clause */
/* The switch's memory: a hash table; every port has its own share of entries
 * and replaces the one that it has not used for longest. */
#include "fdb.h"

#include <splitio/nic.h>

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BUCKETS_MIN 1024u

int fdb_init(struct fdb *f, unsigned max_ports)
{
    unsigned bits = 0;

    while (1u << bits < BUCKETS_MIN ||
           1u << bits < max_ports * SPLITIO_SWITCH_ADDRESSES_MAX)
        bits++;
    f->buckets = calloc((size_t)1 << bits, sizeof(*f->buckets));
    f->shift = 64 - bits;
    if (getrandom(&f->factor, sizeof(f->factor), GRND_NONBLOCK) < 0)
        f->factor = UINT64_C(0x9e3779b97f4a7c15) ^ (uintptr_t)f->buckets;
    f->factor |= 1;
    return f->buckets ? 0 : SPLITIO_ENOMEM;
}

void fdb_fini(struct fdb *f)
{
    free(f->buckets);
    f->buckets = NULL;
}

/* The high bits of a product with a random odd number: universal hashing. */
static struct fdb_entry **bucket_of(const struct fdb *f, const uint8_t mac[6])
{
    uint64_t v = 0;

    memcpy(&v, mac, 6);
    return &f->buckets[v * f->factor >> f->shift];
}

static struct fdb_entry *find(const struct fdb *f, const uint8_t mac[6])
{
    struct fdb_entry *e = *bucket_of(f, mac);

    while (e && memcmp(e->mac, mac, 6) != 0)
        e = e->next;
    return e;
}

const struct fdb_port *fdb_find(const struct fdb *f, const uint8_t mac[6])
{
    const struct fdb_entry *e = find(f, mac);

    return e ? e->port : NULL;
}

/* Take out of the table; it becomes the first of its port to be used again. */
static void forget(struct fdb *f, struct fdb_entry *e)
{
    struct fdb_entry **at = bucket_of(f, e->mac);

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    e->used = false;
}

/* Out of the ring and in again between the newest and the oldest. */
static void move_to_seam(struct fdb_port *p, struct fdb_entry *e)
{
    e->newer->older = e->older;
    e->older->newer = e->newer;
    e->older = p->newest;
    e->newer = p->newest->newer;
    e->newer->older = e;
    e->older->newer = e;
}

static void make_newest(struct fdb_port *p, struct fdb_entry *e)
{
    if (p->newest == e)
        return;
    move_to_seam(p, e);
    p->newest = e;
}

static void make_oldest(struct fdb_port *p, struct fdb_entry *e)
{
    if (p->newest == e)
        p->newest = e->older;
    else
        move_to_seam(p, e);
}

bool fdb_learn(struct fdb *f, const uint8_t mac[6], struct fdb_port *p)
{
    struct fdb_entry *e = find(f, mac), **bucket;

    if (p->fixed || (e && e->port->fixed))
        return e && e->port == p;
    if (e && e->port == p) {
        make_newest(p, e);
        return true;
    }
    if (e) {
        forget(f, e);
        make_oldest(e->port, e);
    }
    e = p->newest->newer;
    if (e->used)
        forget(f, e);
    memcpy(e->mac, mac, 6);
    e->used = true;
    bucket = bucket_of(f, mac);
    e->next = *bucket;
    *bucket = e;
    p->newest = e;
    return true;
}

int fdb_port_init(struct fdb *f, struct fdb_port *p, uint16_t index,
                  unsigned max, const uint8_t *mac)
{
    struct fdb_entry *e = mac ? find(f, mac) : NULL;

    if (e && e->port->fixed)
        return SPLITIO_EEXIST;
    if (mac)
        max = 1;
    p->entries = calloc(max, sizeof(*p->entries));
    if (!p->entries)
        return SPLITIO_ENOMEM;
    for (unsigned i = 0; i < max; i++) {
        e = &p->entries[i];
        e->port = p;
        e->newer = &p->entries[(i + 1) % max];
        e->older = &p->entries[(i + max - 1) % max];
    }
    p->newest = &p->entries[max - 1];
    p->index = index;
    p->fixed = false;
    if (mac)
        (void)fdb_learn(f, mac, p);
    p->fixed = mac != NULL;
    return 0;
}

void fdb_port_fini(struct fdb *f, struct fdb_port *p)
{
    struct fdb_entry *e = p->newest;

    do {
        if (e->used)
            forget(f, e);
        e = e->older;
    } while (e != p->newest);
    free(p->entries);
    p->entries = NULL;
}
