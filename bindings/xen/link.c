/* SPDX-License-Identifier: BSD-2-Clause */
/* Events and the store: opening and polling them. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "xen_int.h"

/* How long xenstored may take to answer when somebody waits. */
#define ANSWER_MS 10000

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

int splitio_xen_missing(const struct xen_reason *r, const char *what, int err)
{
    const char *advice = "";

    if (err == ENOENT || err == ENODEV || err == ENXIO)
        advice = "; is this a Xen domain, with xen-gntdev (of guests: "
                 "xen-gntalloc), xen-evtchn and xenfs loaded?";
    else if (err == EACCES || err == EPERM)
        advice = "; run as root";
    else if (err == ECONNREFUSED)
        advice = "; start xenstored";
    if (r->text)
        snprintf(r->text, r->bytes, "%s: %s%s", what, strerror(err), advice);
    return to_error(err);
}

static int open_devices(struct xen_link *l, const struct xen_reason *r)
{
    struct epoll_event ev = {.events = EPOLLIN};
    int err;

    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0)
        return splitio_xen_missing(r, "epoll", errno);
    /* Asked first: Xen's libraries would complain to standard error. */
    if (access("/dev/xen/evtchn", R_OK | W_OK))
        return splitio_xen_missing(r, "/dev/xen/evtchn", errno);
    l->evtchn = xenevtchn_open(NULL, 0);
    if (!l->evtchn || fcntl(xenevtchn_fd(l->evtchn), F_SETFL, O_NONBLOCK) ||
        epoll_ctl(l->epoll, EPOLL_CTL_ADD, xenevtchn_fd(l->evtchn), &ev))
        return splitio_xen_missing(r, "/dev/xen/evtchn", errno);
    err = splitio_xen_store_connect(l);
    if (err)
        return splitio_xen_missing(r, "xenstored", -err);
    return splitio_store_init(&l->store, splitio_xen_store_transport(l));
}

/* ---- the domain's own id ---- */

int splitio_xen_link_wait(struct xen_link *l)
{
    struct pollfd fd = {.fd = l->store_fd, .events = POLLIN};

    if (l->store_fd < 0)
        return SPLITIO_ECLOSED;
    return poll(&fd, 1, ANSWER_MS) == 1 ? 0 : SPLITIO_EAGAIN;
}

static int wait_for_store(void *ctx)
{
    return splitio_xen_link_wait(ctx);
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

static int ask_domid(struct xen_link *l, const struct xen_reason *r)
{
    struct question q = {.call.done = on_domid, .status = SPLITIO_EAGAIN};
    int err = splitio_store_read(&l->store, &q.call, 0, "domid");

    if (!err)
        err = splitio_store_wait(&l->store, &q.call, wait_for_store, l);
    if (!err && q.status == 0 && q.domid < SPLITIO_DOMID_FIRST_RESERVED) {
        l->domid = (splitio_domid_t)q.domid;
        return 0;
    }
    splitio_store_cancel(&l->store, &q.call);
    /* Domain 0 has no such node until its tools have made it. */
    if (!err && q.status == SPLITIO_ENOENT)
        return 0;
    if (r->text)
        snprintf(r->text, r->bytes,
                 "xenstored does not tell this domain's id: %s",
                 splitio_strerror(err ? err : q.status));
    return SPLITIO_EPROTO;
}

int splitio_xen_link_open(struct xen_link *l, const struct xen_reason *r)
{
    int err = open_devices(l, r);

    return err ? err : ask_domid(l, r);
}

void splitio_xen_link_close(struct xen_link *l)
{
    if (l->store.transport.ops)
        splitio_store_fini(&l->store);
    splitio_xen_store_disconnect(l);
    if (l->evtchn)
        xenevtchn_close(l->evtchn);
    if (l->epoll >= 0)
        close(l->epoll);
    free(l->handlers);
}

int splitio_xen_link_poll(struct xen_link *l, unsigned budget)
{
    unsigned n = splitio_xen_events_poll(l, budget);
    int err = l->store_fd < 0 ? SPLITIO_ECLOSED
                              : splitio_store_poll(&l->store, budget);
    bool want_write = false;

    if (err < 0 && l->store_fd >= 0)
        splitio_xen_store_disconnect(l);
    (void)splitio_store_has_work(&l->store, &want_write);
    splitio_xen_store_watch(l, want_write);
    return n == 0 && err < 0 ? SPLITIO_ECLOSED : (int)n + (err > 0 ? err : 0);
}

bool splitio_xen_link_has_work(const struct xen_link *l)
{
    bool want_write = false;

    (void)splitio_store_has_work(&l->store, &want_write);
    return want_write && l->store_fd >= 0 && !l->is_answer_due;
}

int splitio_xen_link_tick(struct xen_link *l)
{
    if (l->store_fd >= 0)
        return 0;
    if (splitio_xen_store_connect(l))
        return SPLITIO_ECLOSED;
    l->nr_reconnects++;
    splitio_store_reconnect(&l->store, splitio_xen_store_transport(l));
    return 0;
}
