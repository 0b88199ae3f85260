/* SPDX-License-Identifier: BSD-2-Clause */
/* Event channels by /dev/xen/evtchn, which masks a port when it is read, and
 * unmasks it when it is written back: late end of interrupt. */
#include <stdlib.h>
#include <unistd.h>

#include "xen_int.h"

/* Ports taken from the kernel at once. */
#define READ_BATCH 64u
/* Ports that Xen can have, with FIFO queues. */
#define PORTS_MAX 131072u

/* Room for a port in the table. */
static int have_room(struct xen_link *l, uint32_t port)
{
    struct splitio_event_handler *more;
    uint32_t nr = l->nr_handlers ? l->nr_handlers : 64;

    if (port < l->nr_handlers)
        return 0;
    if (port >= PORTS_MAX)
        return SPLITIO_ENOSPC;
    while (nr <= port)
        nr *= 2;
    more = realloc(l->handlers, nr * sizeof(*more));
    if (!more)
        return SPLITIO_ENOSPC;
    for (uint32_t i = l->nr_handlers; i < nr; i++)
        more[i] = (struct splitio_event_handler){NULL, NULL};
    l->handlers = more;
    l->nr_handlers = nr;
    return 0;
}

/* A port that the kernel has given is the handler's from now on. */
static int take_port(struct xen_link *l, int port,
                     struct splitio_event_handler handler,
                     splitio_evtchn_t *evtchn)
{
    if (have_room(l, (uint32_t)port)) {
        (void)xenevtchn_unbind(l->evtchn, (evtchn_port_t)port);
        return SPLITIO_ENOSPC;
    }
    l->handlers[port] = handler;
    l->nr_events++;
    *evtchn = (splitio_evtchn_t)port;
    return 0;
}

int splitio_xen_event_bind(void *ctx, splitio_domid_t remote,
                           splitio_evtchn_t remote_evtchn,
                           struct splitio_event_handler handler,
                           splitio_evtchn_t *evtchn)
{
    struct xen_link *l = ctx;
    int port;

    if (l->nr_events == l->max_events)
        return SPLITIO_ENOSPC;
    port = xenevtchn_bind_interdomain(l->evtchn, remote, remote_evtchn);
    if (port < 0)
        return SPLITIO_ENOENT;
    /* Xen has the new port pending: the handler runs with the next poll. */
    return take_port(l, port, handler, evtchn);
}

int splitio_xen_event_open(void *ctx, splitio_domid_t remote,
                           struct splitio_event_handler handler,
                           splitio_evtchn_t *evtchn)
{
    struct xen_link *l = ctx;
    int port;

    if (l->nr_events == l->max_events)
        return SPLITIO_ENOSPC;
    port = xenevtchn_bind_unbound_port(l->evtchn, remote);
    if (port < 0)
        return SPLITIO_ENOSPC;
    return take_port(l, port, handler, evtchn);
}

void splitio_xen_event_close(void *ctx, splitio_evtchn_t evtchn)
{
    struct xen_link *l = ctx;

    if (evtchn >= l->nr_handlers || !l->handlers[evtchn].fn)
        return;
    l->handlers[evtchn].fn = NULL;
    l->nr_events--;
    (void)xenevtchn_unbind(l->evtchn, evtchn);
}

void splitio_xen_event_send(void *ctx, splitio_evtchn_t evtchn)
{
    struct xen_link *l = ctx;

    (void)xenevtchn_notify(l->evtchn, evtchn);
}

void splitio_xen_event_unmask(void *ctx, splitio_evtchn_t evtchn)
{
    struct xen_link *l = ctx;

    (void)xenevtchn_unmask(l->evtchn, evtchn);
}

unsigned splitio_xen_events_poll(struct xen_link *l, unsigned budget)
{
    evtchn_port_t ports[READ_BATCH];
    unsigned max = budget < READ_BATCH ? budget : READ_BATCH, n;
    ssize_t len = read(xenevtchn_fd(l->evtchn), ports, max * sizeof(ports[0]));

    if (len <= 0)
        return 0;
    n = (unsigned)((size_t)len / sizeof(ports[0]));
    for (unsigned i = 0; i < n; i++) {
        /* A handler before this one may have closed it. */
        if (ports[i] < l->nr_handlers && l->handlers[ports[i]].fn)
            l->handlers[ports[i]].fn(l->handlers[ports[i]].arg);
    }
    l->nr_delivered += n;
    return n;
}
