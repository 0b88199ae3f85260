/* SPDX-License-Identifier: BSD-2-Clause */
/* The vocabulary of splitiod: objects and their keys. */
#include "options.h"

#include "../common/values.h"

#include <splitio/binding/ivshmem_wire.h>
#include <splitio/proto/netif.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int options_fail(struct options *o, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(o->error, sizeof(o->error), format, ap);
    va_end(ap);
    return -1;
}

static int set_text(struct options *o, char **to, const char *value)
{
    char *copy = strdup(value);

    if (!copy)
        return options_fail(o, "out of memory");
    free(*to);
    *to = copy;
    return 0;
}

static int set_name(char to[NAME_MAX_LEN + 1], const char *value)
{
    size_t len = strlen(value);

    if (len == 0 || len > NAME_MAX_LEN || strpbrk(value, " /,="))
        return -1;
    memcpy(to, value, len + 1);
    return 0;
}

static int set_number(unsigned *to, const char *value, unsigned min,
                      unsigned max)
{
    uint64_t v;

    if (value_number(value, min, max, &v))
        return -1;
    *to = (unsigned)v;
    return 0;
}

/* What a setter answers: 0, -1 (the value is wrong), -2 (error is set),
 * -3 (no such key). */
#define NO_SUCH_KEY (-3)

/* What a unix socket's address has room for, less the ".lock" beside it. */
#define SOCKET_PATH_MAX 102u

static int set_socket(struct options *o, char **to, const char *value)
{
    if (*value == '\0' || strlen(value) > SOCKET_PATH_MAX)
        return options_fail(
                   o, "socket \"%.60s...\": a path has 1 to %u characters",
                   value, SOCKET_PATH_MAX),
               -2;
    return set_text(o, to, value) ? -2 : 0;
}

static int set_daemon(struct options *o, const char *key, const char *value)
{
    if (strcmp(key, "socket") == 0)
        return set_socket(o, &o->socket, value);
    if (strcmp(key, "store-socket") == 0)
        return set_socket(o, &o->store_socket, value);
    if (strcmp(key, "state") == 0)
        return set_text(o, &o->state, value) ? -2 : 0;
    if (strcmp(key, "max-guests") == 0)
        return set_number(&o->max_guests, value, 1, 1024);
    if (strcmp(key, "max-guest-mib") == 0)
        return set_number(&o->max_guest_mib, value, 1, 65536);
    if (strcmp(key, "verbose") == 0)
        return value_bool(value, &o->verbose);
    if (strcmp(key, "xen") == 0)
        return value_bool(value, &o->xen);
    return NO_SUCH_KEY;
}

/* Yes and no the other way round. */
static int set_not(const char *value, bool * not )
{
    bool yes = false;
    int err = value_bool(value, &yes);

    *not = !yes;
    return err;
}

static int set_units(const char *value, enum splitio_blkif_units *units)
{
    static const struct {
        const char *name;
        enum splitio_blkif_units units;
    } known[] = {{"spec", SPLITIO_BLKIF_UNITS_SPEC},
                 {"linux", SPLITIO_BLKIF_UNITS_SPEC},
                 {"freebsd", SPLITIO_BLKIF_UNITS_FREEBSD},
                 {"windows", SPLITIO_BLKIF_UNITS_QEMU},
                 {"minios", SPLITIO_BLKIF_UNITS_MINIOS}};

    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(value, known[i].name) == 0) {
            *units = known[i].units;
            return 0;
        }
    }
    return -1;
}

static int set_engine(const char *value, bool *uring)
{
    if (strcmp(value, "threads") != 0 && strcmp(value, "uring") != 0)
        return -1;
    *uring = value[0] == 'u';
    return 0;
}

/* How a file is read and written. */
static int set_disk_engine(struct disk_options *d, const char *key,
                           const char *value)
{
    if (strcmp(key, "engine") == 0)
        return set_engine(value, &d->uring);
    if (strcmp(key, "direct") == 0)
        return value_bool(value, &d->direct);
    if (strcmp(key, "threads") == 0)
        return set_number(&d->threads, value, 1, 16);
    return NO_SUCH_KEY;
}

/* What the guest is told about the disk. */
static int set_disk_kind(struct disk_options *d, const char *key,
                         const char *value)
{
    if (strcmp(key, "readonly") == 0)
        return value_bool(value, &d->read_only);
    if (strcmp(key, "cdrom") == 0)
        return value_bool(value, &d->cdrom);
    if (strcmp(key, "removable") == 0)
        return value_bool(value, &d->removable);
    if (strcmp(key, "discard") == 0)
        return set_not(value, &d->no_discard);
    if (strcmp(key, "trusted") == 0)
        return set_not(value, &d->untrusted);
    if (strcmp(key, "units") == 0)
        return set_units(value, &d->units);
    if (strcmp(key, "vdev") == 0)
        return value_vdev(value, &d->vdev);
    return set_disk_engine(d, key, value);
}

static int set_disk(struct options *o, struct disk_options *d, const char *key,
                    const char *value)
{
    enum disk_kind kind = DISK_NONE;

    if (strcmp(key, "guest") == 0)
        return set_name(d->guest, value);
    if (strcmp(key, "file") == 0)
        kind = DISK_FILE;
    else if (strcmp(key, "memory") == 0)
        kind = DISK_MEMORY;
    else if (strcmp(key, "null") == 0)
        kind = DISK_NULL;
    else
        return set_disk_kind(d, key, value);
    if (d->kind != DISK_NONE)
        return options_fail(o,
                            "disk %s: has more than one of file, memory, null",
                            d->name),
               -2;
    d->kind = kind;
    if (kind == DISK_FILE)
        return set_text(o, &d->file, value) ? -2 : 0;
    return value_size(value, &d->size_bytes);
}

static int set_nic(struct nic_options *n, const char *key, const char *value)
{
    if (strcmp(key, "guest") == 0)
        return set_name(n->guest, value);
    if (strcmp(key, "switch") == 0)
        return set_name(n->bridge, value);
    if (strcmp(key, "isolated") == 0)
        return value_bool(value, &n->isolated);
    if (strcmp(key, "mac") == 0) {
        n->has_mac = true;
        return value_mac(value, n->mac);
    }
    if (strcmp(key, "mtu") == 0)
        return set_number(&n->mtu, value, SPLITIO_NETIF_MTU_MIN,
                          SPLITIO_NETIF_MTU_MAX);
    if (strcmp(key, "queues") == 0)
        return set_number(&n->queues, value, 1, SPLITIO_NETIF_QUEUES_MAX);
    if (strcmp(key, "rate") == 0)
        return value_size(value, &n->rate_bytes);
    if (strcmp(key, "trusted") == 0) {
        int err = value_bool(value, &n->untrusted);

        n->untrusted = !n->untrusted;
        return err;
    }
    return NO_SUCH_KEY;
}

static int set_switch(struct switch_options *s, const char *key,
                      const char *value)
{
    if (strcmp(key, "uplink") != 0)
        return NO_SUCH_KEY;
    if (strcmp(value, "none") == 0)
        value = "";
    else if (*value == '\0' || strlen(value) >= sizeof(s->uplink))
        return -1;
    strcpy(s->uplink, value);
    return 0;
}

static int set_guest(struct guest_options *g, const char *key,
                     const char *value)
{
    if (strcmp(key, "uid") != 0)
        return NO_SUCH_KEY;
    g->has_uid = true;
    return set_number(&g->uid, value, 0, UINT32_MAX - 1);
}

static int set_slot(struct options *o, struct slot_options *s, const char *key,
                    const char *value)
{
    if (strcmp(key, "guest") == 0)
        return set_name(s->guest, value);
    if (strcmp(key, "socket") == 0)
        return set_socket(o, &s->socket, value);
    if (strcmp(key, "memory") != 0)
        return NO_SUCH_KEY;
    if (value_size(value, &s->memory_bytes))
        return -1;
    if ((s->memory_bytes & (s->memory_bytes - 1)) != 0 ||
        s->memory_bytes < SPLITIO_IVSHMEM_WINDOW_MIN ||
        s->memory_bytes > SPLITIO_IVSHMEM_WINDOW_MAX)
        return options_fail(
                   o, "ivshmem %s: memory has 1M to 1G, and is a power of two",
                   s->name),
               -2;
    return 0;
}

/* The object called @p name in an array of objects that begin with their name;
 * a new one if there is none yet. NULL: no room, or not a name. */
static void *find_or_add(void *array, size_t size, unsigned *nr, unsigned max,
                         const char *name)
{
    char *objects = array;

    for (unsigned i = 0; i < *nr; i++)
        if (strcmp(objects + i * size, name) == 0)
            return objects + i * size;
    if (*nr == max || set_name(objects + *nr * size, name))
        return NULL;
    return objects + (*nr)++ * size;
}

struct kind {
    const char *name;
    const char *keys;
};

static const struct kind kinds[] = {
    {"daemon",
     "socket store-socket state max-guests max-guest-mib verbose xen"},
    {"disk", "guest file memory null readonly cdrom removable discard trusted "
             "units engine direct threads vdev"},
    {"nic", "guest switch mac isolated mtu queues rate trusted"},
    {"switch", "uplink"},
    {"guest", "uid"},
    {"ivshmem", "socket guest memory"},
};

static const struct kind *find_kind(const char *name)
{
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

static void *find_object(struct options *o, const char *kind, const char *name)
{
    if (strcmp(kind, "disk") == 0)
        return find_or_add(o->disks, sizeof(o->disks[0]), &o->nr_disks,
                           MAX_DISKS, name);
    if (strcmp(kind, "nic") == 0)
        return find_or_add(o->nics, sizeof(o->nics[0]), &o->nr_nics, MAX_NICS,
                           name);
    if (strcmp(kind, "switch") == 0)
        return find_or_add(o->switches, sizeof(o->switches[0]), &o->nr_switches,
                           MAX_SWITCHES, name);
    if (strcmp(kind, "guest") == 0)
        return find_or_add(o->guests, sizeof(o->guests[0]), &o->nr_guests,
                           MAX_GUESTS, name);
    if (strcmp(kind, "ivshmem") == 0)
        return find_or_add(o->slots, sizeof(o->slots[0]), &o->nr_slots,
                           MAX_SLOTS, name);
    return o; /* daemon */
}

static int set_key(struct options *o, const char *kind, void *object,
                   const char *key, const char *value)
{
    switch (kind[0]) {
    case 'd':
        return kind[1] == 'i' ? set_disk(o, object, key, value)
                              : set_daemon(o, key, value);
    case 'n':
        return set_nic(object, key, value);
    case 's':
        return set_switch(object, key, value);
    case 'i':
        return set_slot(o, object, key, value);
    default:
        return set_guest(object, key, value);
    }
}

int options_set(struct options *o, const char *kind, const char *name,
                const char *key, const char *value)
{
    const struct kind *k = find_kind(kind);
    void *object;

    if (!k)
        return options_fail(o,
                            "unknown section \"%s\"; known: daemon, disk NAME, "
                            "nic NAME, switch NAME, guest NAME, ivshmem NAME",
                            kind);
    object = find_object(o, kind, name);
    if (!object)
        return options_fail(o,
                            "%s \"%s\": no valid name (1 to %u characters, no "
                            "space, comma, slash or =), or too many of them",
                            kind, name, NAME_MAX_LEN);
    if (!key)
        return 0;
    switch (set_key(o, kind, object, key, value)) {
    case 0:
        return 0;
    case NO_SUCH_KEY:
        return options_fail(o, "%s %s: unknown key \"%s\"; known: %s", kind,
                            name, key, k->keys);
    case -2:
        return -1;
    default:
        return options_fail(o, "%s %s: \"%s\" is no valid value for %s", kind,
                            name, value, key);
    }
}
