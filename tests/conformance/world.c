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

bool world_read_raw(struct world *w, const char *dir, const char *key,
                    const void **value, size_t *len_bytes)
{
    return splitio_store_server_read(w->server, path_of(dir, key), value,
                                     len_bytes) == 0;
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

/* ---- lists ---- */

struct listing {
    struct splitio_store_call call;
    bool done;
    size_t len;
    char body[4096];
};

static void on_listing(struct splitio_store_call *call, int status,
                       const char *body, size_t len_bytes)
{
    struct listing *l = SPLITIO_CONTAINER_OF(call, struct listing, call);

    l->done = true;
    l->len = status == 0 ? len_bytes : 0;
    memcpy(l->body, body, l->len);
}

/* Names that end in NUL, one after the other. */
static bool list(struct world *w, const char *dir, struct listing *l)
{
    memset(l, 0, sizeof(*l));
    l->call.done = on_listing;
    if (splitio_store_directory(w->back_store, &l->call, 0, dir))
        return false;
    for (unsigned i = 0; i < 1000 && !l->done; i++)
        (void)w->binding->step(w);
    return l->done;
}

static void add_key(struct world_keys *keys, const char *prefix,
                    const char *name)
{
    if (keys->nr < WORLD_KEYS_MAX)
        snprintf(keys->names[keys->nr++], WORLD_KEY_MAX, "%s%s", prefix, name);
}

static bool list_queue(struct world *w, const char *dir, const char *queue,
                       struct world_keys *keys)
{
    struct listing l;
    char path[200], prefix[32];

    snprintf(path, sizeof(path), "%s/%s", dir, queue);
    snprintf(prefix, sizeof(prefix), "%s/", queue);
    if (!list(w, path, &l))
        return false;
    for (size_t i = 0; i < l.len; i += strlen(l.body + i) + 1)
        add_key(keys, prefix, l.body + i);
    return true;
}

bool world_list(struct world *w, const char *dir, struct world_keys *keys)
{
    struct listing l;
    bool good = list(w, dir, &l);

    keys->nr = 0;
    for (size_t i = 0; good && i < l.len; i += strlen(l.body + i) + 1) {
        if (strncmp(l.body + i, "queue-", 6) == 0)
            good = list_queue(w, dir, l.body + i, keys);
        else
            add_key(keys, "", l.body + i);
    }
    return good;
}

bool world_has(const struct world_keys *keys, const char *name)
{
    for (unsigned i = 0; i < keys->nr; i++)
        if (strcmp(keys->names[i], name) == 0)
            return true;
    return false;
}
