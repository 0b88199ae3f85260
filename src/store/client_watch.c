/* SPDX-License-Identifier: BSD-2-Clause */
/* Store client: watches. A watch's token is its id in decimal. */
#include "client_int.h"

static struct splitio_store_watch **bucket(struct splitio_store *store,
                                           uint32_t id)
{
    return &store->watches[id % SPLITIO_STORE_WATCH_BUCKETS];
}

static int submit(struct splitio_store_watch *watch, uint32_t type,
                  struct splitio_store_call *call)
{
    char token[SPLITIO_XS_U32_TEXT_MAX];
    struct splitio_store_part parts[2] = {
        {watch->path, splitio_xs_strlen(watch->path) + 1},
        {token, splitio_xs_format_u32(token, watch->id) + 1},
    };

    return splitio_store_submit(watch->store, call, type, 0, parts, 2);
}

static void registered(struct splitio_store_call *call, int status,
                       const char *body, size_t len_bytes)
{
    struct splitio_store_watch *watch =
        SPLITIO_CONTAINER_OF(call, struct splitio_store_watch, call);

    (void)body;
    (void)len_bytes;
    if (watch->store->broken) { /* ended, not refused: again after reconnect */
        watch->sent = false;
        watch->store->nr_unsent++;
        return;
    }
    watch->status = status;
    if (status < 0)
        watch->fired(watch, NULL);
}

void splitio_xsc_send_watches(struct splitio_store *store)
{
    for (unsigned i = 0;
         store->nr_unsent > 0 && i < SPLITIO_STORE_WATCH_BUCKETS; i++) {
        for (struct splitio_store_watch *w = store->watches[i]; w;
             w = w->next) {
            if (w->sent)
                continue;
            w->call.done = registered;
            if (submit(w, SPLITIO_XS_WATCH, &w->call) < 0)
                return;
            w->sent = true;
            store->nr_unsent--;
        }
    }
}

void splitio_xsc_route_event(struct splitio_store *store, const char *body,
                             size_t len_bytes)
{
    struct splitio_store_watch *watch;
    const char *strings[2];
    uint32_t id;

    if (splitio_xs_strings(body, len_bytes, strings, 2) != 2 ||
        splitio_xs_parse_u32(strings[1], splitio_xs_strlen(strings[1]), &id) <
            0)
        return;
    for (watch = *bucket(store, id); watch; watch = watch->next) {
        if (watch->id == id) {
            watch->fired(watch, strings[0]);
            return;
        }
    }
}

int splitio_store_watch(struct splitio_store *store,
                        struct splitio_store_watch *watch)
{
    if (watch->linked || !watch->fired || !watch->path ||
        splitio_xs_path_check(watch->path, splitio_xs_strlen(watch->path),
                              SPLITIO_XS_PATH_RELATIVE |
                                  SPLITIO_XS_PATH_SPECIAL) < 0)
        return SPLITIO_EINVAL;
    watch->store = store;
    watch->id = store->next_watch_id++;
    watch->status = SPLITIO_EAGAIN;
    watch->call.pending = false;
    watch->sent = false;
    watch->linked = true;
    watch->next = *bucket(store, watch->id);
    *bucket(store, watch->id) = watch;
    store->nr_unsent++;
    return 0;
}

int splitio_store_unwatch(struct splitio_store *store,
                          struct splitio_store_watch *watch)
{
    int err = 0;

    if (!watch->linked || watch->store != store)
        return SPLITIO_EINVAL;
    if (watch->sent && !store->broken)
        err = submit(watch, SPLITIO_XS_UNWATCH, NULL);
    if (err == 0)
        splitio_store_forget(store, watch);
    return err;
}

void splitio_store_forget(struct splitio_store *store,
                          struct splitio_store_watch *watch)
{
    struct splitio_store_watch **link;

    if (!watch->linked || watch->store != store)
        return;
    link = bucket(store, watch->id);
    while (*link != watch)
        link = &(*link)->next;
    *link = watch->next;
    splitio_store_cancel(store, &watch->call);
    if (!watch->sent)
        store->nr_unsent--;
    watch->linked = false;
}
