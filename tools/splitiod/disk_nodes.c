/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk's nodes, as a toolstack of Xen's writes them. */
#include "disk_nodes.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define KEYS_MAX 8u

/* The keys of one directory, as many as apply. */
struct keys {
    struct splitio_toolstack_key list[KEYS_MAX];
    unsigned nr;
};

static void add(struct keys *k, const char *key, const char *value)
{
    k->list[k->nr++] = (struct splitio_toolstack_key){key, value};
}

/* Where a file lies, and which device it is. */
struct place {
    char path[PATH_MAX];
    char device[32]; /* hexadecimal, as hotplug scripts write it; or empty */
};

static void find_place(struct place *p, const char *file)
{
    struct stat st;

    p->device[0] = '\0';
    if (!realpath(file, p->path))
        p->path[0] = '\0';
    else if (stat(p->path, &st) == 0 && S_ISBLK(st.st_mode))
        snprintf(p->device, sizeof(p->device), "%x:%x", major(st.st_rdev),
                 minor(st.st_rdev));
}

static void add_medium(struct keys *k, const struct disk_options *o,
                       struct place *p)
{
    add(k, "params", o->file ? o->file : "");
    if (!o->file)
        return;
    find_place(p, o->file);
    add(k, "type", p->device[0] ? "phy" : "file");
    if (p->device[0])
        add(k, "physical-device", p->device);
    if (p->path[0])
        add(k, "physical-device-path", p->path);
}

int disk_nodes_add(struct splitio_store_server *server,
                   const struct splitio_toolstack_device *nodes,
                   const struct disk_options *o)
{
    const char *type = o->cdrom ? "cdrom" : "disk";
    struct keys front = {.nr = 0}, back = {.nr = 0};
    struct place place;
    char number[16];

    snprintf(number, sizeof(number), "%u", o->vdev);
    add(&front, "virtual-device", number);
    add(&front, "device-type", type);
    if (o->untrusted)
        add(&front, "trusted", "0");
    add_medium(&back, o, &place);
    add(&back, "mode", o->read_only ? "r" : "w");
    add(&back, "device-type", type);
    if (o->removable)
        add(&back, "removable", "1");
    if (o->no_discard)
        add(&back, "discard-enable", "0");
    return splitio_toolstack_device_add(server, nodes, front.list, front.nr,
                                        back.list, back.nr);
}
