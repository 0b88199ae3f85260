/* SPDX-License-Identifier: BSD-2-Clause */
/* Disks and NICs of guests: splitiod's own, on this machine's ports. */
#include "host.h"

#include <stdio.h>
#include <string.h>

#define BUDGET 64u

static void add(struct host *h, struct device *d)
{
    d->next = h->devices;
    h->devices = d;
}

static bool is_later(const struct host *h, const char *name)
{
    for (unsigned i = 0; i < h->options->nr_later; i++)
        if (strcmp(h->options->later[i], name) == 0)
            return true;
    return false;
}

static struct venue venue_of(struct host *h)
{
    return (struct venue){
        .port = splitio_kvm_machine_host_port(h->machine),
        .store = splitio_kvm_machine_store(h->machine),
        .server = splitio_kvm_machine_store_server(h->machine),
    };
}

/* To the front only: Linux leaves the CDs of an HVM guest to an emulated drive,
 * and there is none. The back tells that it is one. */
static void say_disk(const struct venue *venue, const struct device *d)
{
    char path[SPLITIO_TOOLSTACK_PATH_MAX + sizeof("/device-type")];

    splitio_toolstack_front_path(&d->nodes, path);
    strcat(path, "/" SPLITIO_BLKIF_KEY_DEVICE_TYPE);
    (void)splitio_store_server_write_text(venue->server, path, "disk");
}

static int add_disk(struct host *h, const struct vm *vm, struct medium *m,
                    char *reason, unsigned bytes)
{
    struct venue venue = venue_of(h);
    struct device *d = disk_device_new(
        &venue, m, splitio_kvm_guest_domid(vm->guest), reason, bytes);

    if (!d)
        return -1;
    add(h, d);
    if (m->options->cdrom)
        say_disk(&venue, d);
    return 0;
}

/* Its number in the guest: NICs are counted as they are in the options. */
static unsigned nic_index(const struct options *o, const struct nic_options *n)
{
    unsigned index = 0;

    for (const struct nic_options *p = o->nics; p != n; p++)
        index += strcmp(p->guest, n->guest) == 0;
    return index;
}

static int add_nic(struct host *h, const struct vm *vm,
                   const struct nic_options *n, char *reason, unsigned bytes)
{
    struct lan *lan = media_find_lan(&h->media, n->bridge);
    struct venue venue = venue_of(h);
    struct device *d = NULL;

    if (lan)
        d = nic_device_new(&venue, lan, n, nic_index(&h->options->devices, n),
                           splitio_kvm_guest_domid(vm->guest), reason, bytes);
    else
        snprintf(reason, bytes, "nic %s: give it switch=NAME", n->name);
    if (d)
        add(h, d);
    return d ? 0 : -1;
}

/* All of a guest's that are not for later; or, with a name, that one. */
static int add_some(struct host *h, const struct vm *vm, const char *name,
                    char *reason, unsigned bytes)
{
    const struct options *o = &h->options->devices;
    int err = 0;

    for (unsigned i = 0; i < h->media.nr_disks && !err; i++) {
        const struct disk_options *d = h->media.disks[i].options;

        if (strcmp(d->guest, vm->options->name) == 0 &&
            (name ? strcmp(d->name, name) == 0 : !is_later(h, d->name)))
            err = add_disk(h, vm, &h->media.disks[i], reason, bytes);
    }
    for (unsigned i = 0; i < o->nr_nics && !err; i++) {
        const struct nic_options *n = &o->nics[i];

        if (strcmp(n->guest, vm->options->name) == 0 &&
            (name ? strcmp(n->name, name) == 0 : !is_later(h, n->name)))
            err = add_nic(h, vm, n, reason, bytes);
    }
    return err;
}

int devices_add(struct host *h, const struct vm *vm, char *reason,
                unsigned bytes)
{
    return add_some(h, vm, NULL, reason, bytes);
}

static struct device *find(struct host *h, const char *name)
{
    for (struct device *d = h->devices; d; d = d->next)
        if (!d->ending && strcmp(d->name, name) == 0)
            return d;
    return NULL;
}

int devices_attach(struct host *h, const char *name, char *reason,
                   unsigned bytes)
{
    int err = 0;

    if (find(h, name)) {
        snprintf(reason, bytes, "is there already");
        return -1;
    }
    for (unsigned i = 0; i < h->options->nr_vms && !err; i++)
        if (h->vms[i])
            err = add_some(h, h->vms[i], name, reason, bytes);
    if (!err && !find(h, name)) {
        snprintf(reason, bytes, "no device of that name, or its guest is gone");
        err = -1;
    }
    return err;
}

/* The back asks the front to let go; the device ends when it has. */
int devices_detach(struct host *h, const char *name, char *reason,
                   unsigned bytes)
{
    struct device *d = find(h, name);
    int err = d ? splitio_toolstack_device_unplug(d->venue.server, &d->nodes)
                : SPLITIO_ENOENT;

    if (err)
        snprintf(reason, bytes, "%s", splitio_strerror(err));
    else
        d->nodes_leaving = true;
    return err ? -1 : 0;
}

int devices_renew(struct host *h, const char *name, char *reason,
                  unsigned bytes)
{
    struct device *d = find(h, name);
    bool begins = d && device_renew(d);

    if (!begins)
        snprintf(reason, bytes, d ? "not connected" : "no device of that name");
    return begins ? 0 : -1;
}

static bool has_let_go(struct device *d)
{
    return d->nodes_leaving &&
           splitio_xenbus_state(d->kind->xenbus(d)) == SPLITIO_XENBUS_CLOSED;
}

void devices_end(struct host *h, splitio_domid_t domid)
{
    for (struct device *d = h->devices; d; d = d->next)
        if (d->nodes.front == domid)
            d->ending = true;
}

unsigned devices_poll(struct host *h)
{
    struct device **p = &h->devices;
    unsigned n = 0;

    while (*p) {
        struct device *d = *p, *next = d->next;
        int done;

        d->ending |= has_let_go(d);
        if (d->ending) {
            if (device_end(d)) {
                *p = next;
                n++;
                continue;
            }
        } else {
            done = device_poll(d, BUDGET);
            n += done > 0 ? (unsigned)done : 0;
        }
        p = &d->next;
    }
    return n;
}

void devices_tick(struct host *h)
{
    for (struct device *d = h->devices; d; d = d->next)
        if (!d->ending)
            (void)d->kind->tick(d);
}
