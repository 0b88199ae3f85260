/* SPDX-License-Identifier: BSD-2-Clause */
/* Options as a whole: where they begin and end, and what must be there. */
#include "options.h"

#include <stdlib.h>
#include <string.h>

static int check_disk(struct options *o, struct disk_options *d)
{
    if (d->kind == DISK_NONE)
        return options_fail(
            o,
            "disk %s: has no medium; give file=PATH, memory=SIZE or "
            "null=SIZE",
            d->name);
    if (d->kind != DISK_FILE && (d->uring || d->direct))
        return options_fail(o, "disk %s: engine and direct are for file=PATH",
                            d->name);
    if (d->direct && !d->uring)
        return options_fail(o, "disk %s: direct=yes needs engine=uring",
                            d->name);
    d->read_only |= d->cdrom;
    d->removable |= d->cdrom;
    if (d->guest[0] == '\0')
        return options_fail(o, "disk %s: belongs to no guest; give guest=NAME",
                            d->name);
    for (struct disk_options *e = o->disks; e != d; e++)
        if (strcmp(e->guest, d->guest) == 0 && e->vdev == d->vdev)
            return options_fail(
                o,
                "disk %s: guest %s has disk %s at the same vdev; "
                "give vdev=xvdb or another",
                d->name, d->guest, e->name);
    return 0;
}

static int check_nic(struct options *o, const struct nic_options *n)
{
    if (n->guest[0] == '\0')
        return options_fail(o, "nic %s: belongs to no guest; give guest=NAME",
                            n->name);
    if (n->bridge[0] == '\0')
        return options_fail(
            o, "nic %s: is plugged in nowhere; give switch=NAME", n->name);
    for (unsigned i = 0; i < o->nr_switches; i++)
        if (strcmp(o->switches[i].name, n->bridge) == 0)
            return 0;
    return options_fail(
        o, "nic %s: there is no switch \"%s\"; add --switch name=%s", n->name,
        n->bridge, n->bridge);
}

int options_check_devices(struct options *o)
{
    for (unsigned i = 0; i < o->nr_disks; i++)
        if (check_disk(o, &o->disks[i]))
            return -1;
    for (unsigned i = 0; i < o->nr_nics; i++)
        if (check_nic(o, &o->nics[i]))
            return -1;
    return 0;
}

static bool has_device(const struct options *o, const char *guest)
{
    for (unsigned i = 0; i < o->nr_disks; i++)
        if (strcmp(o->disks[i].guest, guest) == 0)
            return true;
    for (unsigned i = 0; i < o->nr_nics; i++)
        if (strcmp(o->nics[i].guest, guest) == 0)
            return true;
    return false;
}

static int check_slot(struct options *o, const struct slot_options *s)
{
    if (!s->socket)
        return options_fail(o, "ivshmem %s: give socket=PATH", s->name);
    if (s->guest[0] == '\0')
        return options_fail(
            o, "ivshmem %s: no guest is said to connect there; give guest=NAME",
            s->socket);
    if (!has_device(o, s->guest))
        return options_fail(o,
                            "ivshmem %s: guest %s has neither --disk nor --nic",
                            s->socket, s->guest);
    for (const struct slot_options *e = o->slots; e != s; e++) {
        if (strcmp(e->guest, s->guest) == 0)
            return options_fail(o,
                                "ivshmem %s: guest %s connects at %s already",
                                s->socket, s->guest, e->socket);
        if (strcmp(e->socket, s->socket) == 0)
            return options_fail(o, "ivshmem %s: given twice", s->socket);
    }
    return 0;
}

int options_check(struct options *o)
{
    bool joins = o->socket || o->nr_slots > 0;

    if (options_check_devices(o))
        return -1;
    for (unsigned i = 0; i < o->nr_slots; i++)
        if (check_slot(o, &o->slots[i]))
            return -1;
    if (!joins && !o->xen)
        return options_fail(o, "no socket to listen on; give --socket PATH, "
                               "--ivshmem PATH, or --xen");
    if (!joins && (o->store_socket || o->nr_disks + o->nr_nics))
        return options_fail(o,
                            "disks, NICs and the store's socket are for guests "
                            "that join; give --socket PATH too");
    if (joins && o->nr_disks + o->nr_nics == 0)
        return options_fail(
            o, "nothing to export; give --disk or --nic, see --help");
    return 0;
}

void options_init(struct options *o)
{
    memset(o, 0, sizeof(*o));
    o->ready_fd = -1;
    o->max_guests = 16;
    o->max_guest_mib = 256;
    for (unsigned i = 0; i < MAX_DISKS; i++) {
        o->disks[i].threads = 4;
        o->disks[i].vdev = 202u << 8;
    }
}

void options_fini(struct options *o)
{
    for (unsigned i = 0; i < MAX_DISKS; i++)
        free(o->disks[i].file);
    for (unsigned i = 0; i < MAX_SLOTS; i++)
        free(o->slots[i].socket);
    free(o->socket);
    free(o->store_socket);
    free(o->state);
}
