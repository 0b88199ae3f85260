/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the Xen binding share. */
#ifndef SPLITIO_XEN_INT_H
#define SPLITIO_XEN_INT_H

#include <splitio/binding/xen.h>

#include <xenevtchn.h>
#include <xengnttab.h>

/* Pages that were mapped together. */
struct xen_mapping {
    void *va; /* NULL: free */
    uint32_t nr_pages;
    uint32_t next_free;
};

struct splitio_xen_host {
    struct splitio_xen_host_config cfg;
    xengnttab_handle *gnttab;
    xenevtchn_handle *evtchn;
    int epoll;
    splitio_domid_t domid;
    struct splitio_xen_host_stats stats;

    struct xen_mapping *maps; /* by handle */
    uint32_t nr_maps, free_map;

    struct splitio_event_handler *handlers; /* by port */
    uint32_t nr_handlers;

    int store_fd; /* -1: xenstored is gone */
    struct splitio_store store;
};

#define XEN_NO_MAP UINT32_MAX

extern const struct splitio_host_ops splitio_xen_host_ops;

/* grants.c */
int splitio_xen_maps_init(struct splitio_xen_host *h);
unsigned splitio_xen_map(void *ctx, struct splitio_grant_map *ops, unsigned nr);
unsigned splitio_xen_unmap(void *ctx, struct splitio_grant_unmap *ops,
                           unsigned nr);
unsigned splitio_xen_copy(void *ctx, struct splitio_grant_copy *ops,
                          unsigned nr);
int splitio_xen_map_ring(void *ctx, splitio_domid_t domid,
                         const splitio_gref_t *grefs, unsigned nr,
                         struct splitio_ring_map *map);
void splitio_xen_unmap_ring(void *ctx, struct splitio_ring_map *map);

/* events.c */
int splitio_xen_event_bind(void *ctx, splitio_domid_t remote,
                           splitio_evtchn_t remote_evtchn,
                           struct splitio_event_handler handler,
                           splitio_evtchn_t *evtchn);
void splitio_xen_event_close(void *ctx, splitio_evtchn_t evtchn);
void splitio_xen_event_send(void *ctx, splitio_evtchn_t evtchn);
void splitio_xen_event_unmask(void *ctx, splitio_evtchn_t evtchn);
/* Handlers called, at most @p budget. */
unsigned splitio_xen_events_poll(struct splitio_xen_host *h, unsigned budget);

/* store.c: connect; 0, -errno. */
int splitio_xen_store_connect(struct splitio_xen_host *h);
void splitio_xen_store_disconnect(struct splitio_xen_host *h);
struct splitio_store_transport
splitio_xen_store_transport(struct splitio_xen_host *h);
/* Watch for writability only while there is something to write. */
void splitio_xen_store_watch(struct splitio_xen_host *h, bool want_write);

#endif /* SPLITIO_XEN_INT_H */
