/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests of real Xen: devices that its toolstack has made for splitiod. */
#ifndef SPLITIOD_XEN_H
#define SPLITIOD_XEN_H

#include <stdbool.h>

struct daemon;
struct xen_side;

/* Find and serve the devices whose `script` is block-splitio or vif-splitio.
 * NULL with a one-line reason. */
struct xen_side *xen_side_open(struct daemon *d, char *reason, unsigned bytes);

/* Things done. */
unsigned xen_side_poll(struct xen_side *x, unsigned budget);
bool xen_side_has_work(const struct xen_side *x);
/* Every few seconds. */
void xen_side_tick(struct xen_side *x);
/* The devices have ended. */
void xen_side_close(struct xen_side *x);

#endif /* SPLITIOD_XEN_H */
