/* SPDX-License-Identifier: BSD-2-Clause */
/* Disk engines and switches. */
#include "device.h"

#include "../common/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Frames taken from an uplink in one turn of the loop. */
#define UPLINK_BUDGET 64u
/* The uplink and all NICs of a switch. */
#define LAN_PORTS (MAX_NICS + 1)

/* Results of this one are polled for by the device over it. */
static void medium_ready(void *arg)
{
    struct medium *d = arg;

    if (d->user)
        device_wake(d->user);
}

/* From a thread of an engine. A medium that is in the list has been written for;
 * wake_ready() takes it out before its device is polled. */
static void engine_wake(void *arg)
{
    struct medium *d = arg;
    struct media *m = d->media;
    uint64_t one = 1;

    if (atomic_exchange(&d->is_woken, true))
        return;
    d->next_woken = atomic_load(&m->woken);
    while (!atomic_compare_exchange_weak(&m->woken, &d->next_woken, d))
        ;
    if (write(m->wake.fd, &one, sizeof(one)) < 0)
        return; /* a full counter wakes as well */
}

static void wake_ready(struct source *s, uint32_t events)
{
    struct media *m = s->user;
    struct medium *d;
    uint64_t count;

    (void)events;
    (void)!read(s->fd, &count, sizeof(count));
    d = atomic_exchange(&m->woken, NULL);
    while (d) {
        struct medium *next = d->next_woken;

        atomic_store(&d->is_woken, false);
        medium_ready(d);
        d = next;
    }
}

static int open_file(struct medium *d, char *reason, unsigned bytes)
{
    const struct splitio_disk_file_config cfg = {
        .path = d->options->file,
        .read_only = d->options->read_only,
        .nr_threads = d->options->threads,
        .wake = engine_wake,
        .wake_arg = d,
    };

    if (splitio_disk_file_open(&d->file, &cfg, reason, bytes))
        return -1;
    d->disk = splitio_disk_file_disk(d->file);
    return 0;
}

static int open_uring(struct medium *d, char *reason, unsigned bytes)
{
    const struct uring_medium_calls calls = {medium_ready, engine_wake, d};

    d->uring = uring_medium_open(d->media->loop, d->options, &calls, &d->disk,
                                 reason, bytes);
    return d->uring ? 0 : -1;
}

int medium_open(struct media *m, struct medium *d, const struct disk_options *o,
                char *reason, unsigned bytes)
{
    uint64_t sectors = o->size_bytes / SPLITIO_DISK_SECTOR_SIZE;

    d->options = o;
    d->media = m;
    if (o->kind == DISK_FILE) {
        if (o->uring ? open_uring(d, reason, bytes)
                     : open_file(d, reason, bytes))
            return -1;
    } else if (o->kind == DISK_MEMORY) {
        d->memory = splitio_disk_memory_new(sectors, o->read_only);
        d->disk = splitio_disk_memory_disk(d->memory);
    } else {
        d->null = splitio_disk_null_new(sectors);
        d->disk = splitio_disk_null_disk(d->null);
    }
    if (!d->disk.ctx) {
        snprintf(reason, bytes,
                 "disk %s: out of memory; give it a smaller size", o->name);
        return -1;
    }
    return 0;
}

/* Its engine is closed, so nobody puts it into the list again. */
static void forget_woken(struct medium *d)
{
    if (d->media && atomic_load(&d->is_woken))
        wake_ready(&d->media->wake, 0);
}

void medium_close(struct medium *d)
{
    splitio_disk_file_close(d->file);
    uring_medium_close(d->uring);
    splitio_disk_memory_free(d->memory);
    splitio_disk_null_free(d->null);
    forget_woken(d);
    *d = (struct medium){.options = NULL};
}

/* Frames have come in on an uplink; level-triggered, so what the budget leaves
 * is told again. */
static void uplink_ready(struct source *s, uint32_t events)
{
    struct lan *lan = s->user;
    struct splitio_nic nic = splitio_tap_nic(lan->uplink);

    (void)events;
    (void)nic.ops->poll(nic.ctx, UPLINK_BUDGET);
    if (!splitio_tap_is_gone(lan->uplink))
        return;
    log_line(LOG_ERROR,
             "switch %s: its uplink %s has been deleted; guests talk to one "
             "another only, until splitiod is started again",
             lan->options->name, lan->options->uplink);
    /* Its descriptor would call for attention for ever. */
    loop_remove(lan->loop, s);
    lan->is_watched = false;
}

static int open_uplink(struct media *m, struct lan *lan, char *reason,
                       unsigned bytes)
{
    const struct splitio_switch_port_config cfg = {.uplink = true};

    if (splitio_tap_open(&lan->uplink, lan->options->uplink, reason, bytes))
        return -1;
    lan->source = (struct source){
        .fd = splitio_tap_fd(lan->uplink), .ready = uplink_ready, .user = lan};
    if (splitio_switch_port_add(lan->sw, &cfg, &lan->uplink_port) ||
        loop_add(m->loop, &lan->source, EPOLLIN)) {
        snprintf(reason, bytes, "switch %s: cannot join its uplink",
                 lan->options->name);
        return -1;
    }
    lan->loop = m->loop;
    lan->is_watched = true;
    splitio_nic_join(&lan->cable, splitio_tap_nic(lan->uplink),
                     splitio_switch_port_nic(lan->uplink_port));
    return 0;
}

static int open_lan(struct media *m, const struct switch_options *o,
                    char *reason, unsigned bytes)
{
    struct lan *lan = &m->lans[m->nr_lans++];

    lan->options = o;
    lan->sw = splitio_switch_new(LAN_PORTS);
    if (!lan->sw) {
        snprintf(reason, bytes, "switch %s: out of memory", o->name);
        return -1;
    }
    return o->uplink[0] ? open_uplink(m, lan, reason, bytes) : 0;
}

int media_open(struct media *m, struct loop *l, const struct options *o,
               char *reason, unsigned reason_bytes)
{
    int err = 0;

    memset(m, 0, sizeof(*m));
    m->loop = l;
    m->wake = (struct source){.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
                              .ready = wake_ready,
                              .user = m};
    if (m->wake.fd < 0 || loop_add(l, &m->wake, EPOLLIN)) {
        snprintf(reason, reason_bytes, "cannot make an eventfd: %s",
                 strerror(errno));
        err = -1;
    }
    for (unsigned i = 0; i < o->nr_disks && !err; i++) {
        err = medium_open(m, &m->disks[i], &o->disks[i], reason, reason_bytes);
        m->nr_disks += !err;
    }
    for (unsigned i = 0; i < o->nr_switches && !err; i++)
        err = open_lan(m, &o->switches[i], reason, reason_bytes);
    if (err)
        media_close(m);
    return err;
}

static void close_lan(struct media *m, struct lan *lan)
{
    if (lan->uplink_port) {
        splitio_nic_part(&lan->cable);
        if (lan->is_watched)
            loop_remove(m->loop, &lan->source);
    }
    splitio_switch_free(lan->sw);
    splitio_tap_close(lan->uplink);
}

void media_close(struct media *m)
{
    for (unsigned i = 0; i < m->nr_disks; i++)
        medium_close(&m->disks[i]);
    for (unsigned i = 0; i < m->nr_lans; i++)
        close_lan(m, &m->lans[i]);
    m->nr_disks = m->nr_lans = 0;
    if (m->wake.fd >= 0) {
        loop_remove(m->loop, &m->wake);
        close(m->wake.fd);
    }
    m->wake.fd = -1;
}

struct lan *media_find_lan(struct media *m, const char *name)
{
    for (unsigned i = 0; i < m->nr_lans; i++)
        if (strcmp(m->lans[i].options->name, name) == 0)
            return &m->lans[i];
    return NULL;
}
