/* SPDX-License-Identifier: BSD-2-Clause */
/* One request to the store at a time: the fronts, the devices of each, and of
 * each device that is new the keys. */
#include "xen_scan.h"

#include "../common/values.h"

#include <stdio.h>
#include <string.h>

static const char *const keys[SCAN_KEYS] = {
    [SCAN_ONLINE] = "online", [SCAN_SCRIPT] = "script",
    [SCAN_PARAMS] = "params", [SCAN_MODE] = "mode",
    [SCAN_BRIDGE] = "bridge",
};

static void on_answer(struct splitio_store_call *call, int status,
                      const char *body, size_t len_bytes)
{
    struct scan *s = SPLITIO_CONTAINER_OF(call, struct scan, call);

    s->answered = true;
    s->status = status;
    s->answer_len = status ? 0 : len_bytes;
    if (s->answer_len)
        memcpy(s->answer, body, s->answer_len);
}

/* What devices write into their directories makes events too. Only names of
 * directories are of interest: they come and go with the first two levels. */
static void on_event(struct splitio_store_watch *watch, const char *path)
{
    struct scan *s = SPLITIO_CONTAINER_OF(watch, struct scan, watch);
    size_t len = strlen(s->root);
    unsigned depth = 0;

    if (path && strncmp(path, s->root, len) == 0)
        for (const char *p = path + len; *p; p++)
            depth += *p == '/';
    if (depth <= 2 || strcmp(strrchr(path, '/'), "/online") == 0)
        s->dirty = true;
}

int scan_start(struct scan *s, struct splitio_store *store, const char *root,
               const char *kind, const struct scan_ops *ops, void *arg)
{
    memset(s, 0, sizeof(*s));
    s->ops = ops;
    s->arg = arg;
    s->store = store;
    s->device.kind = kind;
    s->call.done = on_answer;
    snprintf(s->root, sizeof(s->root), "%s/%s", root, kind);
    s->watch.path = s->root;
    s->watch.fired = on_event;
    return splitio_store_watch(store, &s->watch);
}

void scan_again(struct scan *s)
{
    s->dirty = true;
}

/* Asks for what the step is about. False: not now, there is no room. */
static bool ask(struct scan *s)
{
    int err;

    s->answered = false;
    if (s->step == SCAN_ROOT)
        err = splitio_store_directory(s->store, &s->call, 0, s->root);
    else if (s->step == SCAN_FRONT)
        err = splitio_store_directory(s->store, &s->call, 0, s->path);
    else
        err = splitio_store_read(s->store, &s->call, 0, s->path);
    if (err)
        s->step = SCAN_IDLE;
    s->dirty |= err == SPLITIO_EAGAIN;
    return err == 0;
}

/* The next number of a list of names; names that are none are passed over. */
static bool next_number(const char *list, size_t len, size_t *at, uint32_t max,
                        uint32_t *number)
{
    uint64_t n;

    while (*at < len) {
        const char *name = list + *at;

        *at += strlen(name) + 1;
        if (value_number(name, 0, max, &n) == 0) {
            *number = (uint32_t)n;
            return true;
        }
    }
    return false;
}

static void ask_key(struct scan *s)
{
    snprintf(s->path, sizeof(s->path), "%s/%u/%u/%s", s->root, s->device.front,
             s->device.devid, keys[s->key]);
    s->step = SCAN_KEY;
    (void)ask(s);
}

/* On to the next device of this front, or to the next front, or to the end. */
static void advance(struct scan *s)
{
    uint32_t number;

    while (next_number(s->devices, s->devices_len, &s->devices_at, UINT32_MAX,
                       &s->device.devid)) {
        if (s->ops->wanted(s->arg, &s->device)) {
            s->key = 0;
            ask_key(s);
            return;
        }
    }
    s->devices_len = s->devices_at = 0;
    if (next_number(s->fronts, s->fronts_len, &s->fronts_at,
                    SPLITIO_DOMID_FIRST_RESERVED - 1, &number)) {
        s->device.front = (splitio_domid_t)number;
        snprintf(s->path, sizeof(s->path), "%s/%u", s->root, number);
        s->step = SCAN_FRONT;
        (void)ask(s);
        return;
    }
    s->step = SCAN_IDLE;
    s->ops->done(s->arg, s->device.kind);
}

static void take_names(const struct scan *s, char *list, size_t *len,
                       size_t *at)
{
    memcpy(list, s->answer, s->answer_len);
    list[s->answer_len] = '\0';
    *len = s->answer_len;
    *at = 0;
}

static void take_key(struct scan *s)
{
    char *value = s->device.values[s->key];
    size_t len = s->answer_len < SCAN_VALUE_MAX ? s->answer_len : 0;

    memcpy(value, s->answer, len);
    value[len] = '\0';
    if (++s->key < SCAN_KEYS) {
        ask_key(s);
        return;
    }
    s->ops->found(s->arg, &s->device);
    advance(s);
}

unsigned scan_poll(struct scan *s)
{
    if (s->step == SCAN_IDLE) {
        if (!s->dirty)
            return 0;
        s->dirty = false;
        s->step = SCAN_ROOT;
        s->fronts_len = s->devices_len = 0;
        return ask(s);
    }
    if (!s->answered)
        return 0;
    if (s->status == SPLITIO_ECLOSED) {
        s->step = SCAN_IDLE; /* the watch fires when the store is back */
        return 1;
    }
    if (s->step == SCAN_KEY) {
        take_key(s);
        return 1;
    }
    if (s->step == SCAN_ROOT)
        take_names(s, s->fronts, &s->fronts_len, &s->fronts_at);
    else
        take_names(s, s->devices, &s->devices_len, &s->devices_at);
    advance(s);
    return 1;
}
