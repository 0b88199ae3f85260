/* SPDX-License-Identifier: BSD-2-Clause */
/* The runner's watches: own directory, the peer's state, keys of the driver. */
#include "xenbus_int.h"

/* There is something to look at. */
static void look(struct splitio_xenbus *xb)
{
    xb->dirty = true;
    xb->parked = false;
    if (xb->wake.fn)
        xb->wake.fn(xb->wake.arg);
}

static void own_fired(struct splitio_store_watch *watch, const char *path)
{
    struct splitio_xenbus *xb =
        SPLITIO_CONTAINER_OF(watch, struct splitio_xenbus, own_watch);

    if (path == NULL)
        return;
    xb->own_event = true;
    look(xb);
}

static void peer_fired(struct splitio_store_watch *watch, const char *path)
{
    struct splitio_xenbus *xb =
        SPLITIO_CONTAINER_OF(watch, struct splitio_xenbus, peer_watch);

    if (path == NULL)
        return;
    xb->peer_event = true;
    look(xb);
}

static void online_fired(struct splitio_store_watch *watch, const char *path)
{
    struct splitio_xenbus *xb =
        SPLITIO_CONTAINER_OF(watch, struct splitio_xenbus, online_watch);

    if (path == NULL)
        return;
    look(xb);
}

static void key_fired(struct splitio_store_watch *watch, const char *path)
{
    struct splitio_xenbus *xb =
        SPLITIO_CONTAINER_OF(watch, struct splitio_xenbus_key_watch, watch)->xb;

    if (path == NULL)
        return;
    xb->key_event = true;
    look(xb);
}

void splitio_xb_set_watches(struct splitio_xenbus *xb)
{
    bool front = xb->role == SPLITIO_XENBUS_FRONT;
    unsigned i;

    splitio_xenbus_print(xb->own_path, sizeof(xb->own_path), "%s/%s", xb->dir,
                         front ? "backend" : "state");
    splitio_xenbus_print(xb->online_path, sizeof(xb->online_path), "%s/online",
                         xb->dir);
    xb->own_watch.path = xb->own_path;
    xb->own_watch.fired = own_fired;
    xb->online_watch.path = xb->online_path;
    xb->online_watch.fired = online_fired;
    xb->peer_watch.path = xb->peer_path;
    xb->peer_watch.fired = peer_fired;
    for (i = 0; i < SPLITIO_XENBUS_WATCHES_MAX; i++) {
        xb->key_watches[i].xb = xb;
        xb->key_watches[i].watch.path = xb->key_watches[i].path;
        xb->key_watches[i].watch.fired = key_fired;
    }
}

/* ---- removal ---- */

/* At the server too if it can be reached. */
static int remove_watch(struct splitio_store *store,
                        struct splitio_store_watch *watch)
{
    if (watch->linked && splitio_store_unwatch(store, watch) == SPLITIO_EAGAIN)
        return SPLITIO_EAGAIN;
    if (watch->linked)
        splitio_store_forget(store, watch);
    return 0;
}

/* Those that depend on where the peer is; its state comes last. */
static int remove_peer_watches(struct splitio_xenbus *xb)
{
    unsigned i;

    for (i = 0; i < SPLITIO_XENBUS_WATCHES_MAX; i++)
        if (remove_watch(xb->store, &xb->key_watches[i].watch) < 0)
            return SPLITIO_EAGAIN;
    return remove_watch(xb->store, &xb->peer_watch);
}

int splitio_xb_remove_watches(struct splitio_xenbus *xb)
{
    if (remove_watch(xb->store, &xb->own_watch) < 0 ||
        remove_watch(xb->store, &xb->online_watch) < 0)
        return SPLITIO_EAGAIN;
    return remove_peer_watches(xb);
}

/* ---- the peer's ---- */

static void watch_keys(struct splitio_xenbus *xb)
{
    char key[SPLITIO_XENBUS_KEY_MAX] = "";
    enum splitio_xenbus_watched whose;
    unsigned i;

    if (!xb->driver->watch || !xb->driver->updated)
        return;
    for (i = 0; i < SPLITIO_XENBUS_WATCHES_MAX; i++) {
        struct splitio_xenbus_key_watch *k = &xb->key_watches[i];

        whose = xb->driver->watch(xb->drv, i, key);
        if (whose == SPLITIO_XENBUS_WATCHED_NONE)
            return;
        key[sizeof(key) - 1] = '\0';
        splitio_xenbus_print(
            k->path, sizeof(k->path), "%s/%s",
            whose == SPLITIO_XENBUS_WATCHED_OWN ? xb->dir : xb->peer_dir, key);
        splitio_store_watch(xb->store, &k->watch);
    }
}

int splitio_xb_run_watch(struct splitio_xenbus *xb)
{
    if (!xb->peer_watch.linked ||
        !splitio_xs_streq(xb->new_dir, xb->peer_dir)) {
        if (remove_peer_watches(xb) < 0)
            return 0;
        __builtin_memcpy(xb->peer_dir, xb->new_dir, sizeof(xb->peer_dir));
        splitio_xenbus_print(xb->peer_path, sizeof(xb->peer_path), "%s/state",
                             xb->peer_dir);
        splitio_store_watch(xb->store, &xb->peer_watch);
        watch_keys(xb);
    }
    xb->step = XB_OWN;
    return 1;
}

/* ---- refused ones ---- */

/* A watch that the server refused is registered anew. */
static void watch_again(struct splitio_xenbus *xb,
                        struct splitio_store_watch *watch)
{
    int status = splitio_store_watch_status(watch);

    if (!watch->linked || status == 0 || status == SPLITIO_EAGAIN)
        return;
    splitio_store_forget(xb->store, watch);
    splitio_store_watch(xb->store, watch);
}

void splitio_xb_watch_again(struct splitio_xenbus *xb)
{
    unsigned i;

    watch_again(xb, &xb->own_watch);
    watch_again(xb, &xb->peer_watch);
    watch_again(xb, &xb->online_watch);
    for (i = 0; i < SPLITIO_XENBUS_WATCHES_MAX; i++)
        watch_again(xb, &xb->key_watches[i].watch);
}
