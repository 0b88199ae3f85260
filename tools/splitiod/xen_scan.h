/* SPDX-License-Identifier: BSD-2-Clause */
/* Looks through a back's directories in the store for devices to serve. */
#ifndef SPLITIOD_XEN_SCAN_H
#define SPLITIOD_XEN_SCAN_H

#include <splitio/store.h>

#define SCAN_PATH_MAX  96u
#define SCAN_KEYS      5u
#define SCAN_VALUE_MAX 512u

/* The keys that are read of each device. */
enum scan_key {
    SCAN_ONLINE,
    SCAN_SCRIPT,
    SCAN_PARAMS, /* vbd: the image */
    SCAN_MODE,   /* vbd */
    SCAN_BRIDGE, /* vif: the switch */
};

/* A device as the toolstack has written it; a key that is not there is "". */
struct scan_device {
    const char *kind; /* "vbd", "vif" */
    splitio_domid_t front;
    uint32_t devid;
    char values[SCAN_KEYS][SCAN_VALUE_MAX];
};

struct scan_ops {
    /* False: not of interest, its keys are not read. */
    bool (*wanted)(void *arg, const struct scan_device *device);
    void (*found)(void *arg, const struct scan_device *device);
    /* All of a kind have been seen. */
    void (*done)(void *arg, const char *kind);
};

/* One kind's directory, "/local/domain/0/backend/vbd". */
struct scan {
    const struct scan_ops *ops;
    void *arg;
    struct splitio_store *store;
    struct splitio_store_watch watch;
    struct splitio_store_call call;
    struct scan_device device; /* being read */
    char root[SCAN_PATH_MAX], path[SCAN_PATH_MAX + 64];
    /* Names in a directory, each with its NUL: fronts, and devices of one. */
    char fronts[SPLITIO_XS_PAYLOAD_MAX + 1],
        devices[SPLITIO_XS_PAYLOAD_MAX + 1];
    size_t fronts_len, fronts_at, devices_len, devices_at;
    unsigned key;
    int status; /* of the call that has ended */
    char answer[SPLITIO_XS_PAYLOAD_MAX];
    size_t answer_len;
    enum { SCAN_IDLE, SCAN_ROOT, SCAN_FRONT, SCAN_KEY } step;
    bool dirty, answered;
};

/* Begins with a watch, whose first event makes the first scan. 0 or SPLITIO_E*. */
int scan_start(struct scan *s, struct splitio_store *store, const char *root,
               const char *kind, const struct scan_ops *ops, void *arg);

/* Goes on; things done. */
unsigned scan_poll(struct scan *s);

/* Look through all of it again. */
void scan_again(struct scan *s);

#endif /* SPLITIOD_XEN_SCAN_H */
