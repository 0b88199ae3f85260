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

int devices_add(struct host *h, const struct vm *vm, char *reason,
                unsigned bytes)
{
    const struct venue venue = {
        .port = splitio_kvm_machine_host_port(h->machine),
        .store = splitio_kvm_machine_store(h->machine),
        .server = splitio_kvm_machine_store_server(h->machine),
    };
    const struct options *o = &h->options->devices;
    splitio_domid_t domid = splitio_kvm_guest_domid(vm->guest);
    unsigned index = 0;

    for (unsigned i = 0; i < h->media.nr_disks; i++) {
        const struct medium *m = &h->media.disks[i];
        struct device *d = NULL;

        if (strcmp(m->options->guest, vm->options->name) != 0)
            continue;
        d = disk_device_new(&venue, m, domid, reason, bytes);
        if (!d)
            return -1;
        add(h, d);
    }
    for (unsigned i = 0; i < o->nr_nics; i++) {
        const struct nic_options *n = &o->nics[i];
        struct lan *lan = media_find_lan(&h->media, n->bridge);
        struct device *d = NULL;

        if (strcmp(n->guest, vm->options->name) != 0)
            continue;
        if (lan)
            d = nic_device_new(&venue, lan, n, index++, domid, reason, bytes);
        else
            snprintf(reason, bytes, "nic %s: give it switch=NAME", n->name);
        if (!d)
            return -1;
        add(h, d);
    }
    return 0;
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

        if (d->ending) {
            if (device_end(d)) {
                *p = next;
                n++;
                continue;
            }
        } else {
            done = d->kind->poll(d, BUDGET);
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
