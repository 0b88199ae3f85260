/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests come and go: who may join, and which devices it gets. */
#include "daemon.h"

#include "../common/log.h"

#include <stdio.h>
#include <string.h>

/* True if a guest of that name is there, or has not wholly gone. */
static bool is_there(struct daemon *d, const char *name, splitio_domid_t but)
{
    splitio_domid_t max = splitio_shm_machine_max_domid(d->machine);
    struct splitio_shm_guest_info info;

    for (splitio_domid_t id = 1; id <= max; id++)
        if (id != but &&
            splitio_shm_machine_guest_info(d->machine, id, &info) == 0 &&
            strcmp(info.name, name) == 0)
            return true;
    return false;
}

/* Virtual machines are let in by their sockets, and nobody else as them. */
static bool is_vm(const struct splitio_shm_guest_info *info)
{
    return info->uid == (uid_t)-1;
}

static bool is_name_of_vm(const struct options *o, const char *name)
{
    for (unsigned i = 0; i < o->nr_slots; i++)
        if (strcmp(o->slots[i].guest, name) == 0)
            return true;
    return false;
}

static int may_join(struct daemon *d, const struct splitio_shm_guest_info *info,
                    char *text, size_t bytes)
{
    const struct options *o = d->options;

    if (is_name_of_vm(o, info->name) && !is_vm(info)) {
        snprintf(text, bytes, "guest %s is a virtual machine", info->name);
        return SPLITIO_EACCES;
    }
    for (unsigned i = 0; i < o->nr_guests; i++) {
        const struct guest_options *g = &o->guests[i];

        if (strcmp(g->name, info->name) == 0 && g->has_uid && !is_vm(info) &&
            g->uid != info->uid) {
            snprintf(text, bytes, "guest %s may only be joined by user %u",
                     info->name, g->uid);
            return SPLITIO_EACCES;
        }
    }
    if (is_there(d, info->name, info->domid)) {
        snprintf(text, bytes,
                 "guest %s is there already; stop that one or use another name",
                 info->name);
        return SPLITIO_EBUSY;
    }
    return 0;
}

static struct venue venue_of(struct daemon *d,
                             const struct splitio_shm_guest_info *info)
{
    return (struct venue){
        .ready = &d->ready,
        .port = splitio_shm_machine_host_port(d->machine),
        .store = splitio_shm_machine_store(d->machine),
        .server = splitio_shm_machine_store_server(d->machine),
        .memory = info->memory,
        .memory_bytes = (size_t)info->nr_pages * SPLITIO_PAGE_SIZE,
    };
}

static int add_disks(struct daemon *d,
                     const struct splitio_shm_guest_info *info, char *text,
                     size_t bytes, unsigned *nr)
{
    struct venue venue = venue_of(d, info);

    for (unsigned i = 0; i < d->media.nr_disks; i++) {
        struct medium *m = &d->media.disks[i];
        struct device *device;

        if (strcmp(m->options->guest, info->name) != 0)
            continue;
        device = disk_device_new(&venue, m, info->domid, text, bytes);
        if (!device)
            return SPLITIO_ENOMEM;
        daemon_add(d, device);
        ++*nr;
    }
    return 0;
}

static int add_nics(struct daemon *d, const struct splitio_shm_guest_info *info,
                    char *text, size_t bytes, unsigned *nr)
{
    struct venue venue = venue_of(d, info);
    unsigned index = 0;

    for (unsigned i = 0; i < d->options->nr_nics; i++) {
        const struct nic_options *o = &d->options->nics[i];
        struct device *device;

        if (strcmp(o->guest, info->name) != 0)
            continue;
        device = nic_device_new(&venue, media_find_lan(&d->media, o->bridge), o,
                                index++, info->domid, text, bytes);
        if (!device)
            return SPLITIO_ENOMEM;
        daemon_add(d, device);
        ++*nr;
    }
    return 0;
}

/* The loop sees to it that they come to an end. */
static void end_devices_of(struct daemon *d, splitio_domid_t domid)
{
    for (struct device *p = d->devices; p; p = p->next)
        if (p->venue.server && p->nodes.front == domid) {
            p->ending = true;
            device_wake(p);
        }
}

static int on_joined(void *arg, const struct splitio_shm_guest_info *info,
                     char *text, size_t bytes)
{
    struct daemon *d = arg;
    unsigned nr = 0;
    int err = may_join(d, info, text, bytes);

    if (!err)
        err = add_disks(d, info, text, bytes, &nr);
    if (!err)
        err = add_nics(d, info, text, bytes, &nr);
    if (!err && nr == 0) {
        snprintf(text, bytes,
                 "guest %s has neither disk nor NIC; see the daemon's options",
                 info->name);
        err = SPLITIO_ENOENT;
    }
    if (err) {
        log_line(LOG_WARNING, "refused: %s", text);
        end_devices_of(d, info->domid);
        return err;
    }
    log_line(LOG_INFO, "guest %s joined as domain %u with %u device%s",
             info->name, info->domid, nr, nr == 1 ? "" : "s");
    return 0;
}

static void on_left(void *arg, const struct splitio_shm_guest_info *info)
{
    log_line(LOG_INFO, "guest %s left", info->name);
    end_devices_of(arg, info->domid);
}

static void on_log(void *arg, const char *line)
{
    (void)arg;
    log_line(LOG_WARNING, "%s", line);
}

static void on_store_ready(void *arg, struct splitio_store_conn *conn)
{
    (void)arg;
    store_socket_pump(conn);
}

const struct splitio_shm_machine_ops daemon_machine_ops = {
    .guest_joined = on_joined,
    .guest_left = on_left,
    .store_ready = on_store_ready,
    .log = on_log,
};
