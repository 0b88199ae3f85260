/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the Xen binding share. */
#ifndef SPLITIO_XEN_INT_H
#define SPLITIO_XEN_INT_H

#include <splitio/binding/xen.h>

#include <xenevtchn.h>
#include <xengnttab.h>

/* How far a flow of messages is within one. */
struct xen_flow {
    struct splitio_xs_msg head;
    uint32_t head_bytes; /* that have passed; all: it is the body's turn */
    uint32_t body_left;
};

/* What hosts and guests have in common: events and the store. It is the first
 * member of both, and so the context of event operations. */
struct xen_link {
    int epoll;
    splitio_domid_t domid;

    xenevtchn_handle *evtchn;
    struct splitio_event_handler *handlers; /* by port */
    uint32_t nr_handlers;
    uint32_t max_events;
    uint32_t nr_events;
    uint64_t nr_delivered;

    const char *store_path; /* NULL: what there is */
    int store_fd;           /* -1: xenstored is gone */
    bool store_writes;      /* writability is watched */
    bool store_is_device;   /* and not a socket; with it: */
    struct xen_flow out, in;
    bool is_answer_due; /* nothing may be sent before it is there */
    struct splitio_store store;
    uint64_t nr_reconnects;
};

/* Pages that were mapped together. */
struct xen_mapping {
    void *va; /* NULL: free */
    uint32_t nr_pages;
    uint32_t next_free;
};

struct splitio_xen_host {
    struct xen_link link; /* first */
    struct splitio_xen_host_stats stats;
    xengnttab_handle *gnttab;
    struct xen_mapping *maps; /* by handle */
    uint32_t nr_maps, free_map;
};

#define XEN_NO_MAP UINT32_MAX

/* Where to say why something is not possible. */
struct xen_reason {
    char *text; /* NULL: nowhere */
    size_t bytes;
};

/* link.c */
/* A line that says what is missing and where it comes from; the error. */
int splitio_xen_missing(const struct xen_reason *r, const char *what, int err);
int splitio_xen_link_open(struct xen_link *l, const struct xen_reason *r);
/* Of one that was opened, or zeroed with descriptors of -1. */
void splitio_xen_link_close(struct xen_link *l);
int splitio_xen_link_poll(struct xen_link *l, unsigned budget);
bool splitio_xen_link_has_work(const struct xen_link *l);
int splitio_xen_link_tick(struct xen_link *l);
/* Until xenstored says something. 0; SPLITIO_EAGAIN; SPLITIO_ECLOSED. */
int splitio_xen_link_wait(struct xen_link *l);

/* grants.c */
int splitio_xen_maps_init(struct splitio_xen_host *h, uint32_t nr);
unsigned splitio_xen_map(void *ctx, struct splitio_grant_map *ops, unsigned nr);
unsigned splitio_xen_unmap(void *ctx, struct splitio_grant_unmap *ops,
                           unsigned nr);
unsigned splitio_xen_copy(void *ctx, struct splitio_grant_copy *ops,
                          unsigned nr);
int splitio_xen_map_ring(void *ctx, splitio_domid_t domid,
                         const splitio_gref_t *grefs, unsigned nr,
                         struct splitio_ring_map *map);
void splitio_xen_unmap_ring(void *ctx, struct splitio_ring_map *map);

/* events.c; the contexts are of struct xen_link */
int splitio_xen_event_bind(void *ctx, splitio_domid_t remote,
                           splitio_evtchn_t remote_evtchn,
                           struct splitio_event_handler handler,
                           splitio_evtchn_t *evtchn);
int splitio_xen_event_open(void *ctx, splitio_domid_t remote,
                           struct splitio_event_handler handler,
                           splitio_evtchn_t *evtchn);
void splitio_xen_event_close(void *ctx, splitio_evtchn_t evtchn);
void splitio_xen_event_send(void *ctx, splitio_evtchn_t evtchn);
void splitio_xen_event_unmask(void *ctx, splitio_evtchn_t evtchn);
/* Handlers called, at most @p budget. */
unsigned splitio_xen_events_poll(struct xen_link *l, unsigned budget);

/* store.c: connect; 0, -errno. */
int splitio_xen_store_connect(struct xen_link *l);
void splitio_xen_store_disconnect(struct xen_link *l);
struct splitio_store_transport splitio_xen_store_transport(struct xen_link *l);
/* Watch for writability only while there is something to write. */
void splitio_xen_store_watch(struct xen_link *l, bool want_write);

#endif /* SPLITIO_XEN_INT_H */
