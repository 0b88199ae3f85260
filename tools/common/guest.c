/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests of any place. */
#include "guest.h"

#include <stdio.h>

int guest_open(struct guest *g, const struct guest_config *cfg, char *text,
               size_t len_bytes)
{
    g->ops = cfg->xen ? &guest_xen_ops : &guest_shm_ops;
    g->place = NULL;
    return g->ops->open(&g->place, cfg, &g->nr_pages, text, len_bytes);
}

void guest_close(struct guest *g)
{
    if (g->place)
        g->ops->close(g->place);
    g->place = NULL;
}

/* splitio_store_wait() gives the status; the value does not matter. */
static void on_done(struct splitio_store_call *call, int status,
                    const char *body, size_t len_bytes)
{
    (void)call;
    (void)status;
    (void)body;
    (void)len_bytes;
}

int guest_device_dir(struct guest *g, const char *kind, uint32_t devid,
                     char dir[SPLITIO_TOOLSTACK_PATH_MAX])
{
    const struct splitio_toolstack_device device = {kind, devid,
                                                    g->ops->domid(g->place), 0};
    struct splitio_store_call call = {.done = on_done};
    char path[SPLITIO_TOOLSTACK_PATH_MAX + 16];
    int err;

    splitio_toolstack_front_path(&device, dir);
    snprintf(path, sizeof(path), "%s/backend", dir);
    err = splitio_store_read(guest_store(g), &call, 0, path);
    return err ? err
               : splitio_store_wait(guest_store(g), &call, g->ops->wait,
                                    g->place);
}
