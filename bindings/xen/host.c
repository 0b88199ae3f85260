/* SPDX-License-Identifier: BSD-2-Clause */
/* A host: opening and polling it. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "xen_int.h"

static const struct splitio_host_ops host_ops = {
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

static int open_grants(struct splitio_xen_host *h, const struct xen_reason *r)
{
    /* Asked first: Xen's libraries would complain to standard error. */
    if (access("/dev/xen/gntdev", R_OK | W_OK))
        return splitio_xen_missing(r, "/dev/xen/gntdev", errno);
    h->gnttab = xengnttab_open(NULL, 0);
    return h->gnttab ? 0 : splitio_xen_missing(r, "/dev/xen/gntdev", errno);
}

int splitio_xen_host_open(struct splitio_xen_host **host,
                          const struct splitio_xen_host_config *config,
                          char *text, size_t len_bytes)
{
    const struct splitio_xen_host_config none = {0};
    const struct splitio_xen_host_config *cfg = config ? config : &none;
    const struct xen_reason r = {text, len_bytes};
    struct splitio_xen_host *h = calloc(1, sizeof(*h));
    int err;

    *host = NULL;
    if (!h)
        return SPLITIO_ENOMEM;
    h->link = (struct xen_link){
        .epoll = -1,
        .store_fd = -1,
        .store_path = cfg->store_path,
        .max_events = cfg->max_events ? cfg->max_events : 4096,
    };
    err = splitio_xen_maps_init(h, cfg->max_pages ? cfg->max_pages : 65536);
    if (!err)
        err = open_grants(h, &r);
    if (!err)
        err = splitio_xen_link_open(&h->link, &r);
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
    splitio_xen_link_close(&h->link);
    if (h->gnttab)
        xengnttab_close(h->gnttab);
    free(h->maps);
    free(h);
}

int splitio_xen_host_fd(const struct splitio_xen_host *h)
{
    return h->link.epoll;
}

int splitio_xen_host_poll(struct splitio_xen_host *h, unsigned budget)
{
    return splitio_xen_link_poll(&h->link, budget);
}

bool splitio_xen_host_has_work(const struct splitio_xen_host *h)
{
    return splitio_xen_link_has_work(&h->link);
}

int splitio_xen_host_tick(struct splitio_xen_host *h)
{
    return splitio_xen_link_tick(&h->link);
}

struct splitio_host_port splitio_xen_host_port(struct splitio_xen_host *h)
{
    return (struct splitio_host_port){.ops = &host_ops, .ctx = h};
}

struct splitio_store *splitio_xen_host_store(struct splitio_xen_host *h)
{
    return &h->link.store;
}

splitio_domid_t splitio_xen_host_domid(const struct splitio_xen_host *h)
{
    return h->link.domid;
}

struct splitio_xen_host_stats
splitio_xen_host_get_stats(const struct splitio_xen_host *h)
{
    struct splitio_xen_host_stats stats = h->stats;

    stats.nr_events = h->link.nr_events;
    stats.nr_delivered = h->link.nr_delivered;
    stats.nr_reconnects = h->link.nr_reconnects;
    return stats;
}
