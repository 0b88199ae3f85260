/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's disk: blkback over the medium's engine. */
#include "device.h"
#include "disk_nodes.h"
#include "journal.h"

#include "../common/log.h"

#include <splitio/blkback.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct disk_device {
    struct device device; /* first: freed as one */
    struct splitio_blkback back;
    struct medium *medium;
    uint64_t nr_sectors;
    void *mem;
    struct journal journal;
};

static struct disk_device *of(struct device *d)
{
    return SPLITIO_CONTAINER_OF(d, struct disk_device, device);
}

static int disk_poll(struct device *d, unsigned budget)
{
    return splitio_blkback_poll(&of(d)->back, budget);
}

static bool disk_is_settled(struct device *d)
{
    return splitio_xenbus_is_settled(&of(d)->back.xb);
}

/* An image that has grown is told to the front. */
static bool disk_tick(struct device *d)
{
    struct disk_device *disk = of(d);
    struct splitio_disk_info info;

    if (disk->medium->disk.ops->info(disk->medium->disk.ctx, &info) ||
        info.nr_sectors == disk->nr_sectors ||
        splitio_blkback_resized(&disk->back) != 0)
        return false;
    disk->nr_sectors = info.nr_sectors;
    return true;
}

static int disk_end(struct device *d)
{
    int err = splitio_blkback_fini(&of(d)->back);

    if (err)
        return err;
    if (of(d)->medium->user == d)
        of(d)->medium->user = NULL;
    uring_medium_remove_memory(of(d)->medium->uring, d->venue.memory,
                               d->venue.memory_bytes);
    free(of(d)->mem);
    journal_close(&of(d)->journal, false);
    return 0;
}

static struct splitio_xenbus *disk_xenbus(struct device *d)
{
    return &of(d)->back.xb;
}

/* Without a journal a disk works all the same, until the daemon is killed. */
static void add_journal(struct disk_device *d,
                        struct splitio_blkback_config *cfg)
{
    if (!d->device.venue.state)
        return;
    if (!d->journal.path &&
        journal_open(&d->journal, d->device.venue.state, d->device.name,
                     splitio_blkback_journal_bytes(cfg))) {
        log_line(LOG_WARNING, "disk %s: no journal in %s: %s", d->device.name,
                 d->device.venue.state, strerror(errno));
        return;
    }
    cfg->journal = d->journal.bytes;
    cfg->journal_bytes = d->journal.len_bytes;
}

static int make_back(struct disk_device *d, const struct venue *venue)
{
    char dir[SPLITIO_TOOLSTACK_PATH_MAX];
    struct splitio_blkback_config cfg = {
        .port = venue->port,
        .disk = d->medium->disk,
        .wake = {device_wake, &d->device},
        .store = venue->store,
        .dir = dir,
        .native_abi = SPLITIO_BLKIF_ABI_X86_64,
        .units = d->medium->options->units,
        .read_only = d->medium->options->read_only,
        .max_queues = 4,
        .max_ring_order = 4,
        .max_in_flight = 256,
        .max_indirect = 256,
        .max_persistent = 4096,
    };
    size_t bytes = splitio_blkback_mem_bytes(&cfg);

    add_journal(d, &cfg);
    splitio_toolstack_back_path(&d->device.nodes, dir);
    bytes = (bytes + SPLITIO_PAGE_MASK) & ~(size_t)SPLITIO_PAGE_MASK;
    d->mem = aligned_alloc(SPLITIO_PAGE_SIZE, bytes);
    if (!d->mem)
        return SPLITIO_ENOMEM;
    return splitio_blkback_init(&d->back, &cfg, d->mem, bytes);
}

/* ---- another back in its place ---- */

static int disk_pause(struct device *d)
{
    return splitio_blkback_pause(&of(d)->back);
}

static void disk_go_on(struct device *d)
{
    splitio_blkback_go_on(&of(d)->back);
}

static int disk_save(struct device *d, void *blob, size_t size, size_t *bytes)
{
    return splitio_blkback_save(&of(d)->back, blob, size, bytes);
}

static int disk_abandon(struct device *d)
{
    return splitio_blkback_abandon(&of(d)->back);
}

static int disk_revive(struct device *d, const void *blob, size_t bytes)
{
    int err;

    free(of(d)->mem);
    of(d)->mem = NULL;
    err = make_back(of(d), &d->venue);
    /* A back that cannot do what the last one did connects anew. */
    if (!err)
        (void)splitio_blkback_restore(&of(d)->back, blob, bytes);
    return err;
}

static const struct device_kind disk_kind = {
    .poll = disk_poll,
    .is_settled = disk_is_settled,
    .tick = disk_tick,
    .end = disk_end,
    .xenbus = disk_xenbus,
    .pause = disk_pause,
    .save = disk_save,
    .abandon = disk_abandon,
    .go_on = disk_go_on,
    .revive = disk_revive,
};

struct device *disk_device_new(const struct venue *venue, struct medium *medium,
                               splitio_domid_t front, char *reason,
                               size_t reason_bytes)
{
    struct disk_device *d = calloc(1, sizeof(*d));
    struct splitio_disk_info info = {0};
    int err = SPLITIO_ENOMEM;

    if (d) {
        d->medium = medium;
        d->device = (struct device){
            .kind = &disk_kind,
            .name = medium->options->name,
            .nodes = {"vbd", medium->options->vdev, front, 0},
            .venue = *venue,
        };
        (void)medium->disk.ops->info(medium->disk.ctx, &info);
        d->nr_sectors = info.nr_sectors;
        err = 0;
        if (venue->server)
            err = disk_nodes_add(venue->server, &d->device.nodes,
                                 medium->options);
    }
    if (!err) {
        err = make_back(d, venue);
        if (err && venue->server)
            splitio_toolstack_device_remove(venue->server, &d->device.nodes);
    }
    if (!err) {
        medium->user = &d->device;
        uring_medium_add_memory(medium->uring, venue->memory,
                                venue->memory_bytes);
        return &d->device;
    }
    snprintf(reason, reason_bytes, "disk %s: %s", medium->options->name,
             splitio_strerror(err));
    if (d) {
        free(d->mem);
        journal_close(&d->journal, true);
    }
    free(d);
    return NULL;
}
