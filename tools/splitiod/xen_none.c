/* SPDX-License-Identifier: BSD-2-Clause */
/* What there is of Xen without Xen's libraries: an answer. */
#include "xen.h"

#include <stddef.h>
#include <stdio.h>

struct xen_side *xen_side_open(struct daemon *d, char *reason, unsigned bytes)
{
    (void)d;
    snprintf(reason, bytes,
             "--xen: built without Xen's libraries; install libxen-dev and "
             "build again");
    return NULL;
}

unsigned xen_side_poll(struct xen_side *x, unsigned budget)
{
    (void)x;
    (void)budget;
    return 0;
}

bool xen_side_has_work(const struct xen_side *x)
{
    (void)x;
    return false;
}

void xen_side_tick(struct xen_side *x)
{
    (void)x;
}

void xen_side_close(struct xen_side *x)
{
    (void)x;
}
