/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening and polling a host. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "xen_int.h"

/* How long xenstored may take to answer the first question. */
#define FIRST_ANSWER_MS 10000

const struct splitio_host_ops splitio_xen_host_ops = {
    .map = splitio_xen_map,
    .unmap = splitio_xen_unmap,
    .copy = splitio_xen_copy,
    .map_ring = splitio_xen_map_ring,
    .unmap_ring = splitio_xen_unmap_ring,
    .event_bind = splitio_xen_event_bind,
    .event_close = splitio_xen_event_close,
    .event_send = splitio_xen_event_send,
    .event_unmask = splitio_xen_event_unmask,
};

static int to_error(int err)
{
    switch (err) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case ECONNREFUSED:
        return SPLITIO_ENOENT;
    case EACCES:
    case EPERM:
        return SPLITIO_EACCES;
    case ENOMEM:
        return SPLITIO_ENOMEM;
    default:
        return SPLITIO_EIO;
    }
}

/* A line that says what is missing and where it comes from. */
static int missing(char *text, size_t bytes, const char *what, int err)
{
    const char *advice = "";

    if (err == ENOENT || err == ENODEV || err == ENXIO)
        advice = "; is this a Xen domain, with xen-gntdev, xen-evtchn and "
                 "xenfs loaded?";
    else if (err == EACCES || err == EPERM)
        advice = "; run as root";
    else if (err == ECONNREFUSED)
        advice = "; start xenstored";
    if (text)
        snprintf(text, bytes, "%s: %s%s", what, strerror(err), advice);
    return to_error(err);
}

static int open_devices(struct splitio_xen_host *h, char *text, size_t bytes)
{
    struct epoll_event ev = {.events = EPOLLIN};
    int err;

    /* Asked first: Xen's libraries would complain to standard error. */
    if (access("/dev/xen/gntdev", R_OK | W_OK))
        return missing(text, bytes, "/dev/xen/gntdev", errno);
    if (access("/dev/xen/evtchn", R_OK | W_OK))
        return missing(text, bytes, "/dev/xen/evtchn", errno);
    h->gnttab = xengnttab_open(NULL, 0);
    if (!h->gnttab)
        return missing(text, bytes, "/dev/xen/gntdev", errno);
    h->evtchn = xenevtchn_open(NULL, 0);
    if (!h->evtchn || fcntl(xenevtchn_fd(h->evtchn), F_SETFL, O_NONBLOCK) ||
        epoll_ctl(h->epoll, EPOLL_CTL_ADD, xenevtchn_fd(h->evtchn), &ev))
        return missing(text, bytes, "/dev/xen/evtchn", errno);
    err = splitio_xen_store_connect(h);
    if (err)
        return missing(text, bytes, "xenstored", -err);
    return splitio_store_init(&h->store, splitio_xen_store_transport(h));
}

/* ---- the domain's own id ---- */

static int wait_for_store(void *ctx)
{
    struct splitio_xen_host *h = ctx;
    struct pollfd fd = {.fd = h->store_fd, .events = POLLIN};

    return poll(&fd, 1, FIRST_ANSWER_MS) == 1 ? 0 : SPLITIO_EIO;
}

struct question {
    struct splitio_store_call call;
    int status;
    uint32_t domid;
};

static void on_domid(struct splitio_store_call *call, int status,
                     const char *body, size_t len_bytes)
{
    struct question *q = SPLITIO_CONTAINER_OF(call, struct question, call);

    q->status = status;
    if (!status)
        q->status = splitio_xs_parse_u32(body, len_bytes, &q->domid);
}

static int ask_domid(struct splitio_xen_host *h, char *text, size_t bytes)
{
    struct question q = {.call.done = on_domid, .status = SPLITIO_EAGAIN};
    int err = splitio_store_read(&h->store, &q.call, 0, "domid");

    if (!err)
        err = splitio_store_wait(&h->store, &q.call, wait_for_store, h);
    if (!err && q.status == 0 && q.domid < SPLITIO_DOMID_FIRST_RESERVED) {
        h->domid = (splitio_domid_t)q.domid;
        return 0;
    }
    splitio_store_cancel(&h->store, &q.call);
    /* Domain 0 has no such node until its tools have made it. */
    if (!err && q.status == SPLITIO_ENOENT)
        return 0;
    if (text)
        snprintf(text, bytes, "xenstored does not tell this domain's id: %s",
                 splitio_strerror(err ? err : q.status));
    return SPLITIO_EPROTO;
}

int splitio_xen_host_open(struct splitio_xen_host **host,
                          const struct splitio_xen_host_config *config,
                          char *text, size_t len_bytes)
{
    struct splitio_xen_host *h = calloc(1, sizeof(*h));
    int err;

    *host = NULL;
    if (!h)
        return SPLITIO_ENOMEM;
    if (config)
        h->cfg = *config;
    if (!h->cfg.max_pages)
        h->cfg.max_pages = 65536;
    if (!h->cfg.max_events)
        h->cfg.max_events = 4096;
    h->store_fd = -1;
    h->epoll = epoll_create1(EPOLL_CLOEXEC);
    err = h->epoll < 0 ? missing(text, len_bytes, "epoll", errno)
                       : splitio_xen_maps_init(h);
    if (!err)
        err = open_devices(h, text, len_bytes);
    if (!err)
        err = ask_domid(h, text, len_bytes);
    if (err) {
        splitio_xen_host_close(h);
        return err;
    }
    *host = h;
    return 0;
}

void splitio_xen_host_close(struct splitio_xen_host *h)
{
    if (!h)
        return;
    if (h->store.transport.ops)
        splitio_store_fini(&h->store);
    splitio_xen_store_disconnect(h);
    if (h->evtchn)
        xenevtchn_close(h->evtchn);
    if (h->gnttab)
        xengnttab_close(h->gnttab);
    if (h->epoll >= 0)
        close(h->epoll);
    free(h->handlers);
    free(h->maps);
    free(h);
}

int splitio_xen_host_fd(const struct splitio_xen_host *h)
{
    return h->epoll;
}

int splitio_xen_host_poll(struct splitio_xen_host *h, unsigned budget)
{
    unsigned n = splitio_xen_events_poll(h, budget);
    int err = h->store_fd < 0 ? SPLITIO_ECLOSED
                              : splitio_store_poll(&h->store, budget);
    bool want_write = false;

    if (err < 0 && h->store_fd >= 0)
        splitio_xen_store_disconnect(h);
    (void)splitio_store_has_work(&h->store, &want_write);
    splitio_xen_store_watch(h, want_write);
    return n == 0 && err < 0 ? SPLITIO_ECLOSED : (int)n + (err > 0 ? err : 0);
}

bool splitio_xen_host_has_work(const struct splitio_xen_host *h)
{
    bool want_write = false;

    (void)splitio_store_has_work(&h->store, &want_write);
    return want_write && h->store_fd >= 0;
}

int splitio_xen_host_tick(struct splitio_xen_host *h)
{
    if (h->store_fd >= 0)
        return 0;
    if (splitio_xen_store_connect(h))
        return SPLITIO_ECLOSED;
    h->stats.nr_reconnects++;
    splitio_store_reconnect(&h->store, splitio_xen_store_transport(h));
    return 0;
}

struct splitio_host_port splitio_xen_host_port(struct splitio_xen_host *h)
{
    return (struct splitio_host_port){.ops = &splitio_xen_host_ops, .ctx = h};
}

struct splitio_store *splitio_xen_host_store(struct splitio_xen_host *h)
{
    return &h->store;
}

splitio_domid_t splitio_xen_host_domid(const struct splitio_xen_host *h)
{
    return h->domid;
}

const struct splitio_xen_host_stats *
splitio_xen_host_get_stats(const struct splitio_xen_host *h)
{
    return &h->stats;
}
