/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake machine: domain 0, the store server, and the step. */
#include "fake.h"

#include <stdlib.h>
#include <string.h>

/* Handlers and messages moved for one domain in one step. */
#define STEP_BUDGET 64

static struct fake_guest *find(struct splitio_fake *fake, splitio_domid_t domid)
{
    if (domid == 0 || domid > fake->cfg.nr_guests)
        return NULL;
    return &fake->guests[domid - 1];
}

/* ---- hypervisor port ---- */

static void *frame_ptr(void *ctx, splitio_domid_t domid, splitio_gfn_t gfn,
                       bool write)
{
    struct fake_guest *g = find(ctx, domid);

    (void)write;
    if (!g || !g->known || gfn >= g->nr_pages)
        return NULL;
    return g->memory + (size_t)gfn * SPLITIO_PAGE_SIZE;
}

/* The upcall is marked in shared info already, and every step looks at it. */
static void upcall(void *ctx, splitio_domid_t domid, unsigned vcpu)
{
    (void)ctx;
    (void)domid;
    (void)vcpu;
}

static const struct splitio_hypervisor_ops hypervisor_ops = {
    .frame_ptr = frame_ptr,
    .upcall = upcall,
};

/* ---- domain 0's store connection: bytes handed across, no ring ---- */

static int local_recv(void *ctx, void *buf, size_t len)
{
    struct splitio_fake *fake = ctx;
    int n = splitio_store_conn_output(&fake->conn, buf, len);

    return n == 0 ? SPLITIO_EAGAIN : n;
}

static int local_send(void *ctx, const void *buf, size_t len)
{
    struct splitio_fake *fake = ctx;
    int n = splitio_store_conn_input(&fake->conn, buf, len);

    return n == 0 ? SPLITIO_EAGAIN : n;
}

static const struct splitio_store_transport_ops local_ops = {
    .recv = local_recv,
    .send = local_send,
};

/* ---- life ---- */

static int make_dom0(struct splitio_fake *fake)
{
    const struct splitio_domain_config config = {
        .domid = 0,
        .nr_track = fake->cfg.nr_track,
        .grant_mem = fake->dom0_grant_mem,
        .shared_info = fake->dom0_shared_info,
        .abi = &splitio_event_abi_x86_64,
        .nr_ports = FAKE_PORTS,
        .event_mem = fake->dom0_event_mem,
    };
    int err = splitio_domain_add(&fake->hv, &fake->dom0, &config);

    if (err)
        return err;
    splitio_host_init(&fake->host, &fake->hv, 0, &splitio_event_abi_x86_64,
                      fake->dom0_shared_info, fake->dom0_handlers, FAKE_PORTS);
    return 0;
}

static int make_store(struct splitio_fake *fake)
{
    int err = splitio_store_server_init(&fake->server, fake->arena,
                                        fake->cfg.store_bytes, NULL);

    if (!err)
        err = splitio_store_conn_init(&fake->conn, fake->server, 0);
    if (!err)
        err = splitio_store_init(
            &fake->store,
            (struct splitio_store_transport){.ops = &local_ops, .ctx = fake});
    if (!err)
        err = splitio_toolstack_domain_add(fake->server, 0, "domain-0");
    return err;
}

static int start_all(struct splitio_fake *fake)
{
    unsigned nr = fake->cfg.nr_guests;
    int err = 0;

    fake->port =
        (struct splitio_hypervisor_port){.ops = &hypervisor_ops, .ctx = fake};
    splitio_hypervisor_init(&fake->hv, &fake->port, fake->slots, nr + 1);
    err = make_dom0(fake);
    if (!err)
        err = make_store(fake);
    for (unsigned i = 0; i < nr && !err; i++)
        err = fake_guest_start(&fake->guests[i]);
    return err;
}

static unsigned or_default(unsigned value, unsigned otherwise)
{
    return value ? value : otherwise;
}

struct splitio_fake *splitio_fake_new(const struct splitio_fake_config *cfg)
{
    struct splitio_fake *fake = calloc(1, sizeof(*fake));
    struct splitio_fake_config *c;

    if (!fake)
        return NULL;
    c = &fake->cfg;
    *c = *cfg;
    c->nr_guests = or_default(c->nr_guests, 1);
    c->heap_pages = or_default(c->heap_pages, 1024);
    c->nr_grant_frames = or_default(c->nr_grant_frames, 4);
    c->max_grant_frames = or_default(c->max_grant_frames, c->nr_grant_frames);
    c->nr_track = or_default(c->nr_track, 16384);
    c->store_bytes = c->store_bytes ? c->store_bytes : (size_t)4 << 20;
    fake->slots = calloc(2 * ((size_t)c->nr_guests + 1), sizeof(*fake->slots));
    fake->guests = calloc(c->nr_guests, sizeof(*fake->guests));
    fake->arena = malloc(c->store_bytes);
    fake->dom0_grant_mem = malloc(SPLITIO_GRANT_DOMAIN_MEM(0, c->nr_track));
    fake->dom0_shared_info =
        aligned_alloc(SPLITIO_PAGE_SIZE, SPLITIO_PAGE_SIZE);
    for (unsigned i = 0; fake->guests && i < c->nr_guests; i++) {
        fake->guests[i].fake = fake;
        fake->guests[i].domid = (splitio_domid_t)(i + 1);
    }
    if (!fake->slots || !fake->guests || !fake->arena ||
        !fake->dom0_grant_mem || !fake->dom0_shared_info || start_all(fake)) {
        splitio_fake_delete(fake);
        return NULL;
    }
    return fake;
}

void splitio_fake_delete(struct splitio_fake *fake)
{
    for (unsigned i = 0; fake->guests && i < fake->cfg.nr_guests; i++) {
        fake_guest_stop(&fake->guests[i]);
        (void)fake_guest_bury(&fake->guests[i]);
    }
    if (fake->server) {
        splitio_store_fini(&fake->store);
        splitio_store_server_fini(fake->server);
    }
    free(fake->slots);
    free(fake->guests);
    free(fake->arena);
    free(fake->dom0_grant_mem);
    free(fake->dom0_shared_info);
    free(fake);
}

/* ---- running ---- */

static unsigned count(int n)
{
    return n > 0 ? (unsigned)n : 0;
}

/* Connections that became ready by what others did to the tree. */
static unsigned pump_ready(struct splitio_fake *fake)
{
    struct splitio_store_conn *conn;
    unsigned n = 0;

    while ((conn = splitio_store_server_next_ready(fake->server)) != NULL) {
        struct fake_guest *g = conn->user;
        bool notify = false;

        n++;
        if (!g || !g->alive)
            continue; /* domain 0's own: its client is polled by every step */
        (void)splitio_store_conn_pump_ring(conn, STEP_BUDGET, &notify);
        if (notify)
            (void)splitio_event_engine_send(&fake->hv.events, 0,
                                            g->store_host_port);
    }
    return n;
}

unsigned splitio_fake_step(struct splitio_fake *fake)
{
    unsigned n = 0;

    n += splitio_host_poll(&fake->host, STEP_BUDGET);
    n += count(splitio_store_poll(&fake->store, STEP_BUDGET));
    n += pump_ready(fake);
    for (unsigned i = 0; i < fake->cfg.nr_guests; i++) {
        struct fake_guest *g = &fake->guests[i];

        if (!g->alive)
            continue;
        n += splitio_guest_poll(&g->guest, STEP_BUDGET);
        n += count(splitio_store_poll(&g->store, STEP_BUDGET));
        n += splitio_guest_has_upcall(&g->guest);
    }
    /* What was sent to domain 0 just now is due at the next step. */
    return n + splitio_host_has_upcall(&fake->host);
}

/* ---- access ---- */

static struct fake_guest *find_alive(struct splitio_fake *fake,
                                     splitio_domid_t domid)
{
    struct fake_guest *g = find(fake, domid);

    return g && g->alive ? g : NULL;
}

struct splitio_guest *splitio_fake_guest(struct splitio_fake *fake,
                                         splitio_domid_t domid)
{
    struct fake_guest *g = find_alive(fake, domid);

    return g ? &g->guest : NULL;
}

struct splitio_store *splitio_fake_guest_store(struct splitio_fake *fake,
                                               splitio_domid_t domid)
{
    struct fake_guest *g = find_alive(fake, domid);

    return g ? &g->store : NULL;
}

struct splitio_host *splitio_fake_host(struct splitio_fake *fake)
{
    return &fake->host;
}

struct splitio_store *splitio_fake_host_store(struct splitio_fake *fake)
{
    return &fake->store;
}

struct splitio_store_server *splitio_fake_server(struct splitio_fake *fake)
{
    return fake->server;
}

struct splitio_hypervisor *splitio_fake_hypervisor(struct splitio_fake *fake)
{
    return &fake->hv;
}

void splitio_fake_guest_kill(struct splitio_fake *fake, splitio_domid_t domid)
{
    struct fake_guest *g = find_alive(fake, domid);

    if (g)
        fake_guest_stop(g);
}

int splitio_fake_guest_bury(struct splitio_fake *fake, splitio_domid_t domid)
{
    struct fake_guest *g = find(fake, domid);

    return g ? fake_guest_bury(g) : SPLITIO_ENOENT;
}

int splitio_fake_guest_start(struct splitio_fake *fake, splitio_domid_t domid)
{
    struct fake_guest *g = find(fake, domid);

    if (!g || g->known)
        return SPLITIO_EEXIST;
    return fake_guest_start(g);
}

void splitio_fake_usage(struct splitio_fake *fake,
                        struct splitio_fake_usage *usage)
{
    struct splitio_hypervisor *hv = &fake->hv;

    memset(usage, 0, sizeof(*usage));
    usage->mapped = splitio_grant_engine_nr_mapped(&hv->grants, 0);
    usage->host_ports = splitio_event_engine_nr_open(&hv->events, 0);
    for (unsigned i = 0; i < fake->cfg.nr_guests; i++) {
        struct fake_guest *g = &fake->guests[i];

        if (!g->known)
            continue;
        usage->pins += splitio_grant_engine_nr_pins(&hv->grants, g->domid);
        if (!g->alive)
            continue;
        usage->host_ports--;
        usage->lent += splitio_guest_nr_lent(&g->guest);
        usage->pages +=
            fake->cfg.heap_pages - splitio_guest_nr_free_pages(&g->guest);
        usage->pages -= splitio_guest_nr_fifo_pages(&g->guest);
        usage->guest_ports +=
            splitio_event_engine_nr_open(&hv->events, g->domid) - 1;
    }
}
