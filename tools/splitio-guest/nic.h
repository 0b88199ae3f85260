/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest: a netfront joined to a TAP interface. */
#ifndef SPLITIO_GUEST_NIC_H
#define SPLITIO_GUEST_NIC_H

#include "../common/guest.h"
#include "options.h"

#include <splitio/netfront.h>
#include <splitio/nic.h>

struct nic {
    struct guest guest;
    struct splitio_netfront front;
    void *mem;
    struct splitio_tap *tap;
    struct splitio_nic_cable cable;
};

/* Join the machine and begin the handshake. 0; -1: told. */
int nic_open(struct nic *n, const struct options *o);

/* The front is up: make the interface and join the two. 0; -1: told. */
int nic_plug(struct nic *n, const struct options *o);

/* Move what there is. Things done; SPLITIO_ECLOSED: the daemon is gone. */
int nic_turn(struct nic *n);

/* Tell the daemon, give everything back. */
void nic_close(struct nic *n);

#endif /* SPLITIO_GUEST_NIC_H */
