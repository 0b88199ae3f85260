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
static int have_room(struct splitio_xen_host *h, uint32_t port)
{
    struct splitio_event_handler *more;
    uint32_t nr = h->nr_handlers ? h->nr_handlers : 64;

    if (port < h->nr_handlers)
        return 0;
    if (port >= PORTS_MAX)
        return SPLITIO_ENOSPC;
    while (nr <= port)
        nr *= 2;
    more = realloc(h->handlers, nr * sizeof(*more));
    if (!more)
        return SPLITIO_ENOSPC;
    for (uint32_t i = h->nr_handlers; i < nr; i++)
        more[i] = (struct splitio_event_handler){NULL, NULL};
    h->handlers = more;
    h->nr_handlers = nr;
    return 0;
}

int splitio_xen_event_bind(void *ctx, splitio_domid_t remote,
                           splitio_evtchn_t remote_evtchn,
                           struct splitio_event_handler handler,
                           splitio_evtchn_t *evtchn)
{
    struct splitio_xen_host *h = ctx;
    int port;

    if (h->stats.nr_events == h->cfg.max_events)
        return SPLITIO_ENOSPC;
    port = xenevtchn_bind_interdomain(h->evtchn, remote, remote_evtchn);
    if (port < 0)
        return SPLITIO_ENOENT;
    if (have_room(h, (uint32_t)port)) {
        (void)xenevtchn_unbind(h->evtchn, (evtchn_port_t)port);
        return SPLITIO_ENOSPC;
    }
    /* Xen has the new port pending: the handler runs with the next poll. */
    h->handlers[port] = handler;
    h->stats.nr_events++;
    *evtchn = (splitio_evtchn_t)port;
    return 0;
}

void splitio_xen_event_close(void *ctx, splitio_evtchn_t evtchn)
{
    struct splitio_xen_host *h = ctx;

    if (evtchn >= h->nr_handlers || !h->handlers[evtchn].fn)
        return;
    h->handlers[evtchn].fn = NULL;
    h->stats.nr_events--;
    (void)xenevtchn_unbind(h->evtchn, evtchn);
}

void splitio_xen_event_send(void *ctx, splitio_evtchn_t evtchn)
{
    struct splitio_xen_host *h = ctx;

    (void)xenevtchn_notify(h->evtchn, evtchn);
}

void splitio_xen_event_unmask(void *ctx, splitio_evtchn_t evtchn)
{
    struct splitio_xen_host *h = ctx;

    (void)xenevtchn_unmask(h->evtchn, evtchn);
}

unsigned splitio_xen_events_poll(struct splitio_xen_host *h, unsigned budget)
{
    evtchn_port_t ports[READ_BATCH];
    unsigned max = budget < READ_BATCH ? budget : READ_BATCH, n;
    ssize_t len = read(xenevtchn_fd(h->evtchn), ports, max * sizeof(ports[0]));

    if (len <= 0)
        return 0;
    n = (unsigned)((size_t)len / sizeof(ports[0]));
    for (unsigned i = 0; i < n; i++) {
        /* A handler before this one may have closed it. */
        if (ports[i] < h->nr_handlers && h->handlers[ports[i]].fn)
            h->handlers[ports[i]].fn(h->handlers[ports[i]].arg);
    }
    h->stats.nr_delivered += n;
    return n;
}
