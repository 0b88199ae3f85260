/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest: opening and polling it. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "guest_int.h"

static const struct splitio_guest_ops guest_ops = {
    .pages_alloc = splitio_xen_pages_alloc,
    .pages_free = splitio_xen_pages_free,
    .grant = splitio_xen_grant,
    .revoke = splitio_xen_revoke,
    .event_open = splitio_xen_event_open,
    .event_close = splitio_xen_event_close,
    .event_send = splitio_xen_event_send,
    .event_unmask = splitio_xen_event_unmask,
};

static int open_grants(struct splitio_xen_guest *g, const struct xen_reason *r)
{
    /* Asked first: Xen's libraries would complain to standard error. */
    if (access("/dev/xen/gntalloc", R_OK | W_OK))
        return splitio_xen_missing(r, "/dev/xen/gntalloc", errno);
    g->gntshr = xengntshr_open(NULL, 0);
    return g->gntshr ? 0 : splitio_xen_missing(r, "/dev/xen/gntalloc", errno);
}

int splitio_xen_guest_open(struct splitio_xen_guest **guest,
                           const struct splitio_xen_guest_config *config,
                           char *text, size_t len_bytes)
{
    const struct splitio_xen_guest_config none = {0};
    const struct splitio_xen_guest_config *cfg = config ? config : &none;
    const struct xen_reason r = {text, len_bytes};
    struct splitio_xen_guest *g = calloc(1, sizeof(*g));
    int err;

    *guest = NULL;
    if (!g)
        return SPLITIO_ENOMEM;
    g->link = (struct xen_link){
        .epoll = -1,
        .store_fd = -1,
        .store_path = cfg->store_path,
        .max_events = cfg->max_events ? cfg->max_events : 64,
    };
    err = open_grants(g, &r);
    if (!err)
        err = splitio_xen_pages_init(g, cfg->nr_pages ? cfg->nr_pages : 1024);
    if (!err)
        err = splitio_xen_link_open(&g->link, &r);
    if (err) {
        splitio_xen_guest_close(g);
        return err;
    }
    *guest = g;
    return 0;
}

void splitio_xen_guest_close(struct splitio_xen_guest *g)
{
    if (!g)
        return;
    splitio_xen_link_close(&g->link);
    splitio_xen_pages_fini(g);
    if (g->gntshr)
        xengntshr_close(g->gntshr);
    free(g);
}

int splitio_xen_guest_fd(const struct splitio_xen_guest *g)
{
    return g->link.epoll;
}

int splitio_xen_guest_poll(struct splitio_xen_guest *g, unsigned budget)
{
    return splitio_xen_link_poll(&g->link, budget);
}

bool splitio_xen_guest_has_work(const struct splitio_xen_guest *g)
{
    return splitio_xen_link_has_work(&g->link);
}

struct splitio_guest_port splitio_xen_guest_port(struct splitio_xen_guest *g)
{
    return (struct splitio_guest_port){.ops = &guest_ops, .ctx = g};
}

struct splitio_store *splitio_xen_guest_store(struct splitio_xen_guest *g)
{
    return &g->link.store;
}

splitio_domid_t splitio_xen_guest_domid(const struct splitio_xen_guest *g)
{
    return g->link.domid;
}

struct splitio_xen_guest_stats
splitio_xen_guest_get_stats(const struct splitio_xen_guest *g)
{
    struct splitio_xen_guest_stats stats = g->stats;

    stats.nr_events = g->link.nr_events;
    stats.nr_delivered = g->link.nr_delivered;
    return stats;
}

int splitio_xen_guest_wait(void *guest)
{
    struct splitio_xen_guest *g = guest;

    return splitio_xen_link_wait(&g->link);
}
