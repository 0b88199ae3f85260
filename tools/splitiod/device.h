/* SPDX-License-Identifier: BSD-2-Clause */
/* One disk or NIC of one guest that is there: its nodes and its back. */
#ifndef SPLITIOD_DEVICE_H
#define SPLITIOD_DEVICE_H

#include "media.h"

#include <splitio/binding/shm.h>
#include <splitio/toolstack.h>
#include <splitio/xenbus.h>

struct device;

/* What the two kinds do differently. */
struct device_kind {
    int (*poll)(struct device *d, unsigned budget); /* as the back's */
    bool (*tick)(struct device *d); /* every few seconds; true: poll it */
    int (*end)(struct device *d);   /* 0: all given back; EAGAIN: again */
    struct splitio_xenbus *(*xenbus)(struct device *d);
};

struct device {
    struct device *next;
    const struct device_kind *kind;
    const char *name;
    struct splitio_toolstack_device nodes;
    struct splitio_store_server *server;
    bool ending;
};

/* Both write the nodes and make the back; NULL with a one-line reason. */
struct device *disk_device_new(struct splitio_shm_machine *machine,
                               const struct medium *medium,
                               splitio_domid_t front, char *reason,
                               size_t reason_bytes);
struct device *nic_device_new(struct splitio_shm_machine *machine,
                              struct lan *lan, const struct nic_options *o,
                              unsigned index, splitio_domid_t front,
                              char *reason, size_t reason_bytes);

/* One step towards the end. True: the device is freed. */
bool device_end(struct device *d);

#endif /* SPLITIOD_DEVICE_H */
