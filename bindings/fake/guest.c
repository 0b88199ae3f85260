/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake machine's guests: memory, hypercalls, birth and death. */
#include "fake.h"

#include <stdlib.h>
#include <string.h>

static int call_event_alloc(void *ctx, splitio_domid_t remote,
                            splitio_evtchn_t *port)
{
    struct fake_guest *g = ctx;

    return splitio_event_engine_alloc_unbound(&g->fake->hv.events, g->domid,
                                              remote, port);
}

static void call_event_close(void *ctx, splitio_evtchn_t port)
{
    struct fake_guest *g = ctx;

    (void)splitio_event_engine_close(&g->fake->hv.events, g->domid, port);
}

static void call_event_send(void *ctx, splitio_evtchn_t port)
{
    struct fake_guest *g = ctx;

    (void)splitio_event_engine_send(&g->fake->hv.events, g->domid, port);
}

/* The upcall is marked in shared info already, and every step looks at it. */
static void call_wake(void *ctx)
{
    (void)ctx;
}

static int call_init_control(void *ctx, splitio_gfn_t gfn, uint32_t offset,
                             unsigned vcpu)
{
    struct fake_guest *g = ctx;

    return splitio_event_engine_init_control(&g->fake->hv.events, g->domid, gfn,
                                             offset, vcpu);
}

static int call_expand_array(void *ctx, splitio_gfn_t gfn)
{
    struct fake_guest *g = ctx;

    return splitio_event_engine_expand_array(&g->fake->hv.events, g->domid,
                                             gfn);
}

static void call_unmask(void *ctx, splitio_evtchn_t port)
{
    struct fake_guest *g = ctx;

    (void)splitio_event_engine_unmask(&g->fake->hv.events, g->domid, port);
}

static int call_set_priority(void *ctx, splitio_evtchn_t port,
                             unsigned priority)
{
    struct fake_guest *g = ctx;

    return splitio_event_engine_set_priority(&g->fake->hv.events, g->domid,
                                             port, priority);
}

static const struct splitio_event_fifo_ops fifo_ops = {
    .init_control = call_init_control,
    .expand_array = call_expand_array,
    .unmask = call_unmask,
    .set_priority = call_set_priority,
};

static void *frame(struct fake_guest *g, unsigned gfn)
{
    return g->memory + (size_t)gfn * SPLITIO_PAGE_SIZE;
}

static unsigned status_gfn(const struct fake_guest *g)
{
    return FAKE_GFN_GRANTS + g->fake->cfg.max_grant_frames;
}

static unsigned heap_gfn(const struct fake_guest *g)
{
    return status_gfn(g) +
           SPLITIO_GRANT_STATUS_FRAMES(g->fake->cfg.max_grant_frames);
}

static int call_grant_version(void *ctx, unsigned version)
{
    struct fake_guest *g = ctx;

    return splitio_grant_engine_set_version(&g->fake->hv.grants, g->domid,
                                            version);
}

static int call_grant_grow(void *ctx, unsigned nr_frames)
{
    struct fake_guest *g = ctx;
    void *frames[SPLITIO_GRANT_FRAMES_MAX];
    unsigned had, max;
    int err = splitio_grant_engine_query_size(&g->fake->hv.grants, g->domid,
                                              &had, &max);

    if (err)
        return err;
    if (nr_frames > max)
        return SPLITIO_ENOSPC;
    for (unsigned i = had; i < nr_frames; i++)
        frames[i - had] = frame(g, FAKE_GFN_GRANTS + i);
    return splitio_grant_engine_grow(&g->fake->hv.grants, g->domid, frames,
                                     nr_frames > had ? nr_frames - had : 0);
}

static int call_grant_swap(void *ctx, splitio_gref_t a, splitio_gref_t b)
{
    struct fake_guest *g = ctx;

    switch (splitio_grant_engine_swap(&g->fake->hv.grants, g->domid, a, b)) {
    case SPLITIO_GNTST_OKAY:
        return 0;
    case SPLITIO_GNTST_EAGAIN:
        return SPLITIO_EAGAIN;
    default:
        return SPLITIO_EINVAL;
    }
}

static const struct splitio_hypercall_ops hypercalls = {
    .event_alloc = call_event_alloc,
    .event_close = call_event_close,
    .event_send = call_event_send,
    .wake = call_wake,
    .grant_version = call_grant_version,
    .grant_grow = call_grant_grow,
    .grant_swap = call_grant_swap,
};

static unsigned grant_version(const struct fake_guest *g)
{
    return g->domid <= 64 && g->fake->cfg.grant_v2_guests >> (g->domid - 1) & 1
               ? 2
               : 1;
}

static void notify_server(void *ctx)
{
    struct fake_guest *g = ctx;

    call_event_send(g, g->store_port);
}

static bool get_memory(struct fake_guest *g)
{
    const struct splitio_fake_config *cfg = &g->fake->cfg;

    g->nr_pages = heap_gfn(g) + cfg->heap_pages;
    g->memory = aligned_alloc(SPLITIO_PAGE_SIZE,
                              (size_t)g->nr_pages * SPLITIO_PAGE_SIZE);
    g->grant_mem = malloc(SPLITIO_GRANT_DOMAIN_MEM(cfg->max_grant_frames, 0));
    g->next_mem = malloc(SPLITIO_GRANT_TABLE_MEM(cfg->max_grant_frames));
    g->heap_map = malloc(SPLITIO_GUEST_MAP_MEM(cfg->heap_pages));
    if (!g->memory || !g->grant_mem || !g->next_mem || !g->heap_map)
        return false;
    memset(g->memory, 0, (size_t)g->nr_pages * SPLITIO_PAGE_SIZE);
    return true;
}

static void free_memory(struct fake_guest *g)
{
    free(g->memory);
    free(g->grant_mem);
    free(g->next_mem);
    free(g->heap_map);
    g->memory = NULL;
    g->grant_mem = NULL;
    g->next_mem = NULL;
    g->heap_map = NULL;
}

static int make_guest(struct fake_guest *g)
{
    const struct splitio_fake_config *cfg = &g->fake->cfg;
    const struct splitio_guest_config config = {
        .ops = &hypercalls,
        .ops_ctx = g,
        .heap = frame(g, heap_gfn(g)),
        .heap_gfn = heap_gfn(g),
        .heap_pages = cfg->heap_pages,
        .heap_map = g->heap_map,
        .grant_frames = frame(g, FAKE_GFN_GRANTS),
        .nr_grant_frames = cfg->nr_grant_frames,
        .max_grant_frames = cfg->max_grant_frames,
        .grant_version = grant_version(g),
        .grant_status = frame(g, status_gfn(g)),
        .grant_mem = g->next_mem,
        .shared_info = frame(g, FAKE_GFN_SHARED_INFO),
        .abi = &splitio_event_abi_x86_64,
        .handlers = g->handlers,
        .nr_handlers = FAKE_PORTS,
        .fifo_ops = &fifo_ops,
    };

    return splitio_guest_init(&g->guest, &config);
}

static int make_domain(struct fake_guest *g)
{
    void *frames[SPLITIO_GRANT_FRAMES_MAX];
    void *status[SPLITIO_GRANT_STATUS_FRAMES(SPLITIO_GRANT_FRAMES_MAX)];
    struct splitio_domain_config config = {
        .domid = g->domid,
        .grant_frames = frames,
        .nr_grant_frames = g->fake->cfg.nr_grant_frames,
        .max_grant_frames = g->fake->cfg.max_grant_frames,
        .grant_version = grant_version(g),
        .grant_status = status,
        .nr_grant_status = heap_gfn(g) - status_gfn(g),
        .grant_mem = g->grant_mem,
        .shared_info = frame(g, FAKE_GFN_SHARED_INFO),
        .abi = &splitio_event_abi_x86_64,
        .nr_ports = FAKE_PORTS,
        .event_mem = g->event_mem,
        .fifo = &g->fifo,
        .fifo_mem = g->fifo_mem,
    };

    for (unsigned i = 0; i < config.nr_grant_frames; i++)
        frames[i] = frame(g, FAKE_GFN_GRANTS + i);
    for (unsigned i = 0; i < config.nr_grant_status; i++)
        status[i] = frame(g, status_gfn(g) + i);
    return splitio_domain_add(&g->fake->hv, &g->domain, &config);
}

/* The guest has sent on its store channel. */
static void on_server_event(void *arg)
{
    struct fake_guest *g = arg;
    bool notify = false;

    (void)splitio_store_conn_pump_ring(&g->conn, UINT32_MAX, &notify);
    if (notify)
        (void)splitio_event_engine_send(&g->fake->hv.events, 0,
                                        g->store_host_port);
    splitio_host_port(&g->fake->host)
        .ops->event_unmask(&g->fake->host, g->store_host_port);
}

/* The server has sent; the client is polled by every step anyway. */
static void on_client_event(void *arg)
{
    struct fake_guest *g = arg;

    splitio_guest_port(&g->guest).ops->event_unmask(&g->guest, g->store_port);
}

static int connect_store(struct fake_guest *g)
{
    struct splitio_host_port host = splitio_host_port(&g->fake->host);
    struct splitio_guest_port port = splitio_guest_port(&g->guest);
    struct splitio_xs_page *page = frame(g, FAKE_GFN_STORE);
    int err;

    err = port.ops->event_open(
        port.ctx, 0, (struct splitio_event_handler){on_client_event, g},
        &g->store_port);
    if (!err)
        err = splitio_store_conn_init(&g->conn, g->fake->server, g->domid);
    if (!err)
        err = splitio_store_conn_attach_ring(&g->conn, page);
    g->conn.user = g;
    if (!err)
        err = host.ops->event_bind(
            host.ctx, g->domid, g->store_port,
            (struct splitio_event_handler){on_server_event, g},
            &g->store_host_port);
    if (!err)
        err = splitio_store_ring_init(&g->ring, page, notify_server, g);
    if (!err)
        err = splitio_store_init(&g->store,
                                 splitio_store_ring_transport(&g->ring));
    return err;
}

static int introduce(struct fake_guest *g)
{
    char name[6 + SPLITIO_XS_U32_TEXT_MAX] = "guest-";
    int err;

    splitio_xs_format_u32(name + strlen(name), g->domid);
    err = splitio_toolstack_domain_add(g->fake->server, g->domid, name);
    return err ? err
               : splitio_store_server_introduce(g->fake->server, g->domid);
}

int fake_guest_start(struct fake_guest *g)
{
    int err = SPLITIO_ENOMEM;

    if (get_memory(g))
        err = make_guest(g);
    if (!err)
        err = make_domain(g);
    if (err) {
        free_memory(g);
        return err;
    }
    g->known = g->alive = true;
    err = introduce(g);
    if (!err)
        err = connect_store(g);
    if (!err && g->domid <= 64 &&
        (g->fake->cfg.fifo_guests >> (g->domid - 1) & 1) != 0)
        err = splitio_guest_use_fifo(&g->guest);
    return err;
}

void fake_guest_stop(struct fake_guest *g)
{
    struct splitio_host_port host = splitio_host_port(&g->fake->host);

    if (!g->alive)
        return;
    g->alive = false;
    splitio_store_fini(&g->store);
    host.ops->event_close(host.ctx, g->store_host_port);
    splitio_store_server_domain_gone(g->fake->server, g->domid);
    splitio_store_conn_fini(&g->conn);
}

int fake_guest_bury(struct fake_guest *g)
{
    int err;

    if (!g->known || g->alive)
        return SPLITIO_ENOENT;
    err = splitio_domain_remove(&g->fake->hv, g->domid);
    if (err)
        return err;
    g->known = false;
    free_memory(g);
    return 0;
}
