/* SPDX-License-Identifier: BSD-2-Clause */
/* What the exports stand on: disk engines and switches, open for good. */
#ifndef SPLITIOD_MEDIA_H
#define SPLITIOD_MEDIA_H

#include "../common/loop.h"
#include "options.h"
#include "uring_medium.h"

#include <splitio/disk.h>
#include <splitio/nic.h>

#include <stdatomic.h>

struct device;

/* The engine of one --disk. */
struct medium {
    const struct disk_options *options;
    struct splitio_disk disk;
    struct splitio_disk_file *file;
    struct uring_medium *uring;
    struct splitio_disk_memory *memory;
    struct splitio_disk_null *null;
    struct device *user; /* woken when there are results; or NULL */
    struct media *media;
    atomic_bool is_woken; /* in the list */
    struct medium *next_woken;
};

/* One --switch. */
struct lan {
    const struct switch_options *options;
    struct splitio_switch *sw;
    struct splitio_tap *uplink;
    struct splitio_switch_port *uplink_port;
    struct splitio_nic_cable cable;
    struct loop *loop;
    struct source source; /* of the uplink */
    bool is_watched;
};

struct media {
    struct loop *loop;
    struct source wake;             /* an engine has results */
    _Atomic(struct medium *) woken; /* which ones */
    struct medium disks[MAX_DISKS];
    struct lan lans[MAX_SWITCHES];
    unsigned nr_disks, nr_lans;
};

/* Open everything. 0; -1 with a one-line reason, and nothing is open. */
int media_open(struct media *m, struct loop *l, const struct options *o,
               char *reason, unsigned reason_bytes);
void media_close(struct media *m);

/* One more disk, for as long as a guest is there. 0; -1 with a reason. */
int medium_open(struct media *m, struct medium *d, const struct disk_options *o,
                char *reason, unsigned bytes);
/* Harmless on one that is all 0. */
void medium_close(struct medium *d);

struct lan *media_find_lan(struct media *m, const char *name);

#endif /* SPLITIOD_MEDIA_H */
