/* SPDX-License-Identifier: BSD-2-Clause */
/* The host port over the hypervisor side in the same process. */
#include <splitio/hypervisor.h>

static unsigned host_map(void *ctx, struct splitio_grant_map *ops, unsigned nr)
{
    struct splitio_host *h = ctx;

    return splitio_grant_engine_map(&h->hv->grants, h->domid, ops, nr);
}

static unsigned host_unmap(void *ctx, struct splitio_grant_unmap *ops,
                           unsigned nr)
{
    struct splitio_host *h = ctx;

    return splitio_grant_engine_unmap(&h->hv->grants, h->domid, ops, nr);
}

static unsigned host_copy(void *ctx, struct splitio_grant_copy *ops,
                          unsigned nr)
{
    struct splitio_host *h = ctx;

    return splitio_grant_engine_copy(&h->hv->grants, h->domid, ops, nr);
}

static void unmap_handles(struct splitio_host *h,
                          const splitio_grant_handle_t *handles, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        struct splitio_grant_unmap op = {.handle = handles[i]};

        if (handles[i] != SPLITIO_GRANT_HANDLE_NONE)
            (void)host_unmap(h, &op, 1);
    }
}

static bool are_neighbours(const struct splitio_grant_map *ops, unsigned nr)
{
    for (unsigned i = 1; i < nr; i++)
        if ((uint8_t *)ops[i].va !=
            (uint8_t *)ops[0].va + i * SPLITIO_PAGE_SIZE)
            return false;
    return true;
}

/* Mapped pages that are no neighbours: have them shown in a row. */
static void *open_window(struct splitio_host *h, splitio_domid_t domid,
                         const struct splitio_ring_map *map)
{
    const struct splitio_hypervisor_port *port = h->hv->port;
    splitio_gfn_t gfns[SPLITIO_ARRAY_LEN(map->handles)];

    if (!port->ops->window_open)
        return NULL;
    for (unsigned i = 0; i < map->nr_pages; i++)
        if (splitio_grant_engine_mapped_gfn(&h->hv->grants, h->domid,
                                            map->handles[i], &gfns[i]))
            return NULL;
    return port->ops->window_open(port->ctx, domid, gfns, map->nr_pages);
}

static int host_map_ring(void *ctx, splitio_domid_t domid,
                         const splitio_gref_t *grefs, unsigned nr,
                         struct splitio_ring_map *map)
{
    struct splitio_grant_map ops[SPLITIO_ARRAY_LEN(map->handles)];
    struct splitio_host *h = ctx;
    unsigned failed;

    if (nr == 0 || nr > SPLITIO_ARRAY_LEN(ops))
        return SPLITIO_EINVAL;
    for (unsigned i = 0; i < nr; i++)
        ops[i] = (struct splitio_grant_map){.domid = domid, .gref = grefs[i]};
    failed = host_map(h, ops, nr);
    for (unsigned i = 0; i < nr; i++)
        map->handles[i] = ops[i].handle;
    map->nr_pages = nr;
    map->window = NULL;
    map->va = ops[0].va;
    if (!failed && !are_neighbours(ops, nr))
        map->va = map->window = open_window(h, domid, map);
    if (!failed && map->va)
        return 0;
    unmap_handles(h, map->handles, nr);
    return failed ? SPLITIO_EACCES : SPLITIO_ENOSPC;
}

static void host_unmap_ring(void *ctx, struct splitio_ring_map *map)
{
    struct splitio_host *h = ctx;

    if (map->window)
        h->hv->port->ops->window_close(h->hv->port->ctx, map->window,
                                       map->nr_pages);
    unmap_handles(h, map->handles, map->nr_pages);
    map->va = map->window = NULL;
    map->nr_pages = 0;
}

static void wake(struct splitio_host *h)
{
    h->hv->port->ops->upcall(h->hv->port->ctx, h->domid, 0);
}

static int host_event_bind(void *ctx, splitio_domid_t remote,
                           splitio_evtchn_t remote_evtchn,
                           struct splitio_event_handler handler,
                           splitio_evtchn_t *evtchn)
{
    struct splitio_host *h = ctx;
    splitio_evtchn_t port;
    int err = splitio_event_engine_bind_interdomain(
        &h->hv->events, h->domid, remote, remote_evtchn, &port);

    if (err)
        return err == SPLITIO_ENOSPC ? err : SPLITIO_ENOENT;
    if (port >= h->events.nr_handlers) {
        (void)splitio_event_engine_close(&h->hv->events, h->domid, port);
        return SPLITIO_ENOSPC;
    }
    splitio_event_eoi_forget(&h->eoi, port);
    if (splitio_event_guest_bind(&h->events, port, handler))
        wake(h);
    *evtchn = port;
    return 0;
}

static void host_event_close(void *ctx, splitio_evtchn_t evtchn)
{
    struct splitio_host *h = ctx;

    splitio_event_guest_unbind(&h->events, evtchn);
    splitio_event_eoi_forget(&h->eoi, evtchn);
    (void)splitio_event_engine_close(&h->hv->events, h->domid, evtchn);
}

static void host_event_send(void *ctx, splitio_evtchn_t evtchn)
{
    struct splitio_host *h = ctx;

    (void)splitio_event_engine_send(&h->hv->events, h->domid, evtchn);
}

static void unmask_now(void *arg, splitio_evtchn_t evtchn)
{
    struct splitio_host *h = arg;

    if (splitio_event_guest_unmask(&h->events, 0, evtchn))
        wake(h);
}

static void host_event_unmask(void *ctx, splitio_evtchn_t evtchn)
{
    struct splitio_host *h = ctx;

    (void)splitio_event_eoi_end(&h->eoi, evtchn, false);
    unmask_now(h, evtchn);
}

static void host_event_unmask_idle(void *ctx, splitio_evtchn_t evtchn)
{
    struct splitio_host *h = ctx;

    if (splitio_event_eoi_end(&h->eoi, evtchn, true))
        unmask_now(h, evtchn);
    else
        wake(h); /* the polling thread ticks before it sleeps */
}

static const struct splitio_host_ops host_ops = {
    .map = host_map,
    .unmap = host_unmap,
    .copy = host_copy,
    .map_ring = host_map_ring,
    .unmap_ring = host_unmap_ring,
    .event_bind = host_event_bind,
    .event_close = host_event_close,
    .event_send = host_event_send,
    .event_unmask = host_event_unmask,
    .event_unmask_idle = host_event_unmask_idle,
};

void splitio_host_init(struct splitio_host *host, struct splitio_hypervisor *hv,
                       splitio_domid_t domid,
                       const struct splitio_event_abi *abi, void *shared_info,
                       struct splitio_event_handler *handlers,
                       uint32_t nr_handlers)
{
    host->hv = hv;
    host->domid = domid;
    splitio_event_guest_init(&host->events, abi, shared_info, handlers,
                             nr_handlers);
    splitio_event_eoi_init(&host->eoi, NULL, 0);
}

void splitio_host_use_backoff(struct splitio_host *host,
                              struct splitio_event_eoi_port *ports,
                              uint32_t nr_ports)
{
    splitio_event_eoi_init(&host->eoi, ports, nr_ports);
}

uint64_t splitio_host_tick(struct splitio_host *host, uint64_t now_ns)
{
    return splitio_event_eoi_tick(&host->eoi, now_ns, unmask_now, host);
}

struct splitio_host_port splitio_host_port(struct splitio_host *host)
{
    return (struct splitio_host_port){.ops = &host_ops, .ctx = host};
}

unsigned splitio_host_poll(struct splitio_host *host, unsigned budget)
{
    return splitio_event_guest_scan(&host->events, 0, budget);
}
