/* SPDX-License-Identifier: BSD-2-Clause */
/* A back is replaced while its front goes on: docs/save-restore.md. */
#include "device.h"

#include "../common/log.h"

#include <stdlib.h>

bool device_renew(struct device *d)
{
    if (d->ending || d->renewal != RENEWAL_NONE ||
        splitio_xenbus_state(d->kind->xenbus(d)) != SPLITIO_XENBUS_CONNECTED)
        return false;
    d->renewal = RENEWAL_PAUSES;
    return true;
}

static int save(struct device *d)
{
    size_t bytes;
    int err = d->kind->save(d, NULL, 0, &bytes);

    if (err != SPLITIO_ENOMEM)
        return err;
    free(d->blob);
    d->blob = malloc(bytes);
    return d->blob ? d->kind->save(d, d->blob, bytes, &d->blob_bytes)
                   : SPLITIO_ENOMEM;
}

/* A front that leaves meanwhile has a back to answer it: the old one. */
static void pause_and_save(struct device *d)
{
    int err = d->kind->pause(d);

    if (err == SPLITIO_EAGAIN &&
        splitio_xenbus_state(d->kind->xenbus(d)) == SPLITIO_XENBUS_CONNECTED)
        return;
    if (!err)
        err = save(d);
    d->renewal = err ? RENEWAL_NONE : RENEWAL_ABANDONS;
    if (!err)
        return;
    d->kind->go_on(d);
    log_line(LOG_WARNING, "%s: cannot be renewed now: %s", d->name,
             splitio_strerror(err));
}

static void replace(struct device *d)
{
    if (d->kind->abandon(d) || d->kind->revive(d, d->blob, d->blob_bytes))
        return;
    d->renewal = RENEWAL_NONE;
    log_line(LOG_INFO, "%s: another back goes on, from %zu bytes", d->name,
             d->blob_bytes);
}

int device_poll(struct device *d, unsigned budget)
{
    if (d->renewal == RENEWAL_PAUSES)
        pause_and_save(d);
    if (d->renewal == RENEWAL_ABANDONS)
        replace(d);
    return d->renewal == RENEWAL_ABANDONS ? 0 : d->kind->poll(d, budget);
}
