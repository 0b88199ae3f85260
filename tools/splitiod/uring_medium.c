/* SPDX-License-Identifier: BSD-2-Clause */
/* A file that is read and written through io_uring. */
#include "uring_medium.h"

#include "../common/log.h"

#include <splitio/disk_uring.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

/* What is registered at a time. */
#define REGION_BYTES ((size_t)1 << 30)

struct uring_medium {
    struct splitio_disk_uring *engine;
    struct loop *loop;
    struct source source; /* of the ring */
    struct uring_medium_calls calls;
    const char *name;
};

static void ring_ready(struct source *s, uint32_t events)
{
    struct uring_medium *u = s->user;

    (void)events;
    u->calls.ready(u->calls.arg);
}

struct uring_medium *uring_medium_open(struct loop *l,
                                       const struct disk_options *o,
                                       const struct uring_medium_calls *calls,
                                       struct splitio_disk *disk, char *reason,
                                       unsigned bytes)
{
    const struct splitio_disk_uring_config cfg = {
        .path = o->file,
        .read_only = o->read_only,
        .direct = o->direct,
        .wake = calls->wake,
        .wake_arg = calls->arg,
    };
    struct uring_medium *u = calloc(1, sizeof(*u));

    snprintf(reason, bytes, "disk %s: out of memory", o->name);
    if (!u || splitio_disk_uring_open(&u->engine, &cfg, reason, bytes))
        goto out_free;
    u->loop = l;
    u->calls = *calls;
    u->name = o->name;
    u->source = (struct source){
        .fd = splitio_disk_uring_fd(u->engine), .ready = ring_ready, .user = u};
    if (loop_add(l, &u->source, EPOLLIN)) {
        snprintf(reason, bytes, "disk %s: cannot watch its ring", o->name);
        goto out_close;
    }
    *disk = splitio_disk_uring_disk(u->engine);
    return u;

out_close:
    splitio_disk_uring_close(u->engine);
out_free:
    free(u);
    return NULL;
}

void uring_medium_close(struct uring_medium *u)
{
    if (!u)
        return;
    loop_remove(u->loop, &u->source);
    splitio_disk_uring_close(u->engine);
    free(u);
}

static size_t region_bytes(size_t left)
{
    return left < REGION_BYTES ? left : REGION_BYTES;
}

void uring_medium_add_memory(struct uring_medium *u, uint8_t *base,
                             size_t bytes)
{
    int err = 0;

    for (size_t at = 0; u && base && at < bytes && !err; at += REGION_BYTES)
        err = splitio_disk_uring_memory_add(u->engine, base + at,
                                            region_bytes(bytes - at));
    if (err)
        log_line(LOG_INFO,
                 "disk %s: the guest's memory is not registered with io_uring "
                 "(%s); raise the limit on locked memory for a little speed",
                 u->name, splitio_strerror(err));
}

void uring_medium_remove_memory(struct uring_medium *u, uint8_t *base,
                                size_t bytes)
{
    for (size_t at = 0; u && base && at < bytes; at += REGION_BYTES)
        splitio_disk_uring_memory_remove(u->engine, base + at);
}
