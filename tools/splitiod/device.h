/* SPDX-License-Identifier: BSD-2-Clause */
/* One disk or NIC of one guest that is there: its nodes and its back. */
#ifndef SPLITIOD_DEVICE_H
#define SPLITIOD_DEVICE_H

#include "media.h"

#include <splitio/port.h>
#include <splitio/toolstack.h>
#include <splitio/xenbus.h>

struct device;

/* Devices that the next turn of the loop polls, first come, first served. */
struct ready_list {
    struct device *first, *last;
};

/* Where guests are, and how their devices are reached. */
struct venue {
    struct ready_list *ready; /* NULL: all devices are polled all the time */
    struct splitio_host_port port;
    struct splitio_store *store;
    /* NULL: somebody else, a toolstack, writes and removes the nodes. */
    struct splitio_store_server *server;
    /* Where disks have journals: for guests that outlive this program. NULL:
     * they have none. */
    const char *state;
    /* The guest's memory, if all of it is mapped here; or NULL. */
    uint8_t *memory;
    size_t memory_bytes;
};

/* What the two kinds do differently. */
struct device_kind {
    int (*poll)(struct device *d, unsigned budget); /* as the back's */
    /* Optional. After a poll() that did nothing: true if device_wake() comes
     * before the next one has something to do. */
    bool (*is_settled)(struct device *d);
    /* Optional. After poll(): how long until it has something to do by itself;
     * 0: nothing. */
    uint64_t (*wait_ns)(struct device *d);
    bool (*tick)(struct device *d); /* every few seconds; true: poll it */
    int (*end)(struct device *d);   /* 0: all given back; EAGAIN: again */
    struct splitio_xenbus *(*xenbus)(struct device *d);
    /* Another back for the same front, see device_renew(). The first four are
     * the back's own; revive makes one again, from the blob: no memory, no
     * change. */
    int (*pause)(struct device *d);
    int (*save)(struct device *d, void *blob, size_t size, size_t *bytes);
    int (*abandon)(struct device *d);
    void (*go_on)(struct device *d);
    int (*revive)(struct device *d, const void *blob, size_t bytes);
};

enum renewal {
    RENEWAL_NONE,
    RENEWAL_PAUSES,   /* what is under way ends */
    RENEWAL_ABANDONS, /* the old back lets go, another is made */
};

struct device {
    struct device *next;
    struct device *next_ready;
    bool is_ready; /* in the list */
    const struct device_kind *kind;
    const char *name;
    struct splitio_toolstack_device nodes;
    struct venue venue;
    bool ending;
    bool nodes_leaving; /* the front was asked to let go */
    enum renewal renewal;
    void *blob; /* of the last renewal: the back may not have read it yet */
    size_t blob_bytes;
    /* What to let go of when it is freed; may be NULL. */
    void (*on_end)(void *arg);
    void *on_end_arg;
};

/* Both make the back, and its nodes unless a toolstack does; NULL with a
 * one-line reason. The medium or the lan must outlive the device, and the name
 * in the options. */
struct device *disk_device_new(const struct venue *venue, struct medium *medium,
                               splitio_domid_t front, char *reason,
                               size_t reason_bytes);
struct device *nic_device_new(const struct venue *venue, struct lan *lan,
                              const struct nic_options *o, unsigned index,
                              splitio_domid_t front, char *reason,
                              size_t reason_bytes);

/* One turn: what poll of its kind says. */
int device_poll(struct device *d, unsigned budget);

/* Put another back in the place of this one, as a newer program would: pause,
 * save, end, make, restore, in the polls that follow. The front sees nothing.
 * False: it is not connected, or at it already. */
bool device_renew(struct device *d);

/* Have it polled by the next turn; as a struct splitio_event_handler, too. */
void device_wake(void *device);

/* One step towards the end. True: the device is freed. */
bool device_end(struct device *d);

#endif /* SPLITIOD_DEVICE_H */
