/* SPDX-License-Identifier: BSD-2-Clause */
/* The I/O thread: backs, store, consoles; and guests' lives. */
#ifndef VMM_HOST_H
#define VMM_HOST_H

#include "../../tools/splitiod/device.h"
#include "options.h"

struct host {
    const struct vmm_options *options;
    struct loop loop;
    struct media media;
    struct splitio_kvm_machine *machine;
    struct source machine_source, input, timer, control;
    struct device *devices;
    struct vm *vms[MAX_VMS];
    unsigned nr_running;
    bool failed; /* a guest has crashed */
};

/* 0; -1 with one line of reason. */
int host_open(struct host *h, const struct vmm_options *o, char *reason,
              unsigned bytes);
/* Until the last guest has ended. 0; 1: one has crashed. */
int host_run(struct host *h);
void host_close(struct host *h);

/* --- devices.c --- */
/* The disks and NICs of a guest. 0; -1 with one line of reason. */
int devices_add(struct host *h, const struct vm *vm, char *reason,
                unsigned bytes);
/* One that was to come later, or has been detached. As above. */
int devices_attach(struct host *h, const char *name, char *reason,
                   unsigned bytes);
/* Ask its guest to let go of it. As above. */
int devices_detach(struct host *h, const char *name, char *reason,
                   unsigned bytes);
/* Put another back in the place of this one. As above. */
int devices_renew(struct host *h, const char *name, char *reason,
                  unsigned bytes);
/* Those of a domain come to an end, in the polls that follow. */
void devices_end(struct host *h, splitio_domid_t domid);
unsigned devices_poll(struct host *h);
void devices_tick(struct host *h);

/* --- control.c --- */
/* Take orders from a FIFO; made if it is not there. 0 or -1. */
int control_open(struct host *h, const char *path);

#endif /* VMM_HOST_H */
