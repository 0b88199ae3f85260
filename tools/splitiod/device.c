/* SPDX-License-Identifier: BSD-2-Clause */
/* What disks and NICs of guests have in common. */
#include "device.h"

#include <stdlib.h>

void device_wake(void *device)
{
    struct device *d = device;
    struct ready_list *list = d->venue.ready;

    if (!list || d->is_ready)
        return;
    d->is_ready = true;
    d->next_ready = NULL;
    if (list->last)
        list->last->next_ready = d;
    else
        list->first = d;
    list->last = d;
}

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
