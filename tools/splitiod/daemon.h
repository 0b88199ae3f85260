/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon: a machine, what it exports, and the loop that moves it. */
#ifndef SPLITIOD_DAEMON_H
#define SPLITIOD_DAEMON_H

#include "device.h"
#include "options.h"
#include "slots.h"
#include "store_socket.h"
#include "xen.h"

#include <splitio/binding/shm.h>

struct daemon {
    const struct options *options;
    struct loop loop;
    struct media media;
    struct splitio_shm_machine *machine; /* NULL: no guests on a socket */
    struct xen_side *xen;                /* NULL: no guests of Xen */
    struct slots *slots;                 /* NULL: no virtual machines */
    struct store_socket *store;
    struct source machine_source, signals, timer;
    struct source alarm; /* of devices that wait for time to go by */
    struct device *devices;
    struct ready_list ready;
    bool only_tick; /* what woke the loop gave nothing to do */
    bool stopping;
};

/* 0; -1 with a one-line reason, and nothing is open. */
int daemon_open(struct daemon *d, const struct options *o, char *reason,
                unsigned reason_bytes);

/* Serve until SIGTERM or SIGINT. 0; -1 with a reason. */
int daemon_run(struct daemon *d, char *reason, unsigned reason_bytes);

/* Let go of all guests, finish what the disks are doing, close. */
void daemon_close(struct daemon *d);

/* Serve one more. */
void daemon_add(struct daemon *d, struct device *device);

/* Called for guests; arg is the daemon. In guests.c. */
extern const struct splitio_shm_machine_ops daemon_machine_ops;

#endif /* SPLITIOD_DAEMON_H */
