/* SPDX-License-Identifier: BSD-2-Clause */
/* What disks and NICs of guests have in common. */
#include "device.h"

#include <stdlib.h>

bool device_end(struct device *d)
{
    d->ending = true;
    if (d->kind->end(d) != 0)
        return false;
    if (d->venue.server)
        splitio_toolstack_device_remove(d->venue.server, &d->nodes);
    if (d->on_end)
        d->on_end(d->on_end_arg);
    free(d->blob);
    free(d);
    return true;
}
