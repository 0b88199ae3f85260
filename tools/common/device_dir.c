/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a guest's device is in the store, if it is there. */
#include "device_dir.h"

#include <stdio.h>

/* splitio_store_wait() gives the status; the value does not matter. */
static void on_done(struct splitio_store_call *call, int status,
                    const char *body, size_t len_bytes)
{
    (void)call;
    (void)status;
    (void)body;
    (void)len_bytes;
}

int device_dir(struct splitio_shm_guest *guest, const char *kind,
               uint32_t devid, char dir[SPLITIO_TOOLSTACK_PATH_MAX])
{
    const struct splitio_toolstack_device device = {
        kind, devid, splitio_shm_guest_domid(guest), 0};
    struct splitio_store *store = splitio_shm_guest_store(guest);
    struct splitio_store_call call = {.done = on_done};
    char path[SPLITIO_TOOLSTACK_PATH_MAX + 16];
    int err;

    splitio_toolstack_front_path(&device, dir);
    snprintf(path, sizeof(path), "%s/backend", dir);
    err = splitio_store_read(store, &call, 0, path);
    return err ? err
               : splitio_store_wait(store, &call, splitio_shm_guest_wait,
                                    guest);
}
