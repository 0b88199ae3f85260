/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

#include <stdio.h>
#include <string.h>

static void settle(struct world *w)
{
    unsigned idle = 0;

    while (idle < 2)
        idle = w->binding->step(w) ? 0 : idle + 1;
}

bool world_open(struct world *w, const struct binding *b)
{
    memset(w, 0, sizeof(*w));
    w->binding = b;
    if (!b->open(w))
        return false;
    w->data = w->guest.ops->pages_alloc(w->guest.ctx, WORLD_DATA_PAGES);
    settle(w);
    w->idle_usage = b->usage(w);
    return w->data != NULL;
}

void world_close(struct world *w)
{
    w->guest.ops->pages_free(w->guest.ctx, w->data, WORLD_DATA_PAGES);
    w->binding->close(w);
}

bool world_is_idle(struct world *w)
{
    settle(w);
    return w->binding->usage(w) == w->idle_usage;
}

static const char *path_of(const char *dir, const char *key)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", dir, key);
    return path;
}

bool world_read(struct world *w, const char *dir, const char *key, char *value,
                size_t len_bytes)
{
    const void *found;
    size_t len;

    if (splitio_store_server_read(w->server, path_of(dir, key), &found, &len) ||
        len >= len_bytes)
        return false;
    memcpy(value, found, len);
    value[len] = '\0';
    return true;
}

void world_write(struct world *w, const char *dir, const char *key,
                 const void *value, size_t len_bytes)
{
    (void)splitio_store_server_write(w->server, path_of(dir, key), value,
                                     len_bytes);
}

void world_remove(struct world *w, const char *dir, const char *key)
{
    (void)splitio_store_server_rm(w->server, path_of(dir, key));
}
