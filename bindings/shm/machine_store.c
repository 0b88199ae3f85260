/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's store: a server, a connection a guest, a client for backs. */
#include <stdlib.h>
#include <sys/random.h>

#include <splitio/toolstack.h>

#include "machine_int.h"

/* --- client and server of domain 0, in one process --- */

static int client_recv(void *ctx, void *buf, size_t len_bytes)
{
    int n = splitio_store_conn_output(ctx, buf, len_bytes);

    return n == 0 ? SPLITIO_EAGAIN : n;
}

static int client_send(void *ctx, const void *buf, size_t len_bytes)
{
    int n = splitio_store_conn_input(ctx, buf, len_bytes);

    return n == 0 ? SPLITIO_EAGAIN : n;
}

static const struct splitio_store_transport_ops client_ops = {
    .recv = client_recv,
    .send = client_send,
};

/* A line that a tool has printed to the log. */
static void print(void *ctx, const char *text)
{
    splitio_shm_log(ctx, "store: %s", text);
}

static const struct splitio_store_server_ops server_ops = {.print = print};

int splitio_shm_store_open(struct splitio_shm_machine *m)
{
    struct splitio_store_server_config cfg = {.ops = &server_ops, .ctx = m};
    struct splitio_store_transport t = {&client_ops, &m->host_conn};
    int err;

    (void)!getrandom(&cfg.hash_seed, sizeof(cfg.hash_seed), 0);
    m->store_mem = malloc(m->cfg.store_bytes);
    m->conns = calloc(m->cfg.max_guests + 1u, sizeof(*m->conns));
    if (!m->store_mem || !m->conns)
        return SPLITIO_ENOMEM;
    err = splitio_store_server_init(&m->server, m->store_mem,
                                    m->cfg.store_bytes, &cfg);
    if (err)
        return err;
    err = splitio_store_conn_init(&m->host_conn, m->server, HOST_DOMID);
    if (!err)
        err = splitio_toolstack_domain_add(m->server, HOST_DOMID, "domain-0");
    return err ? err : splitio_store_init(&m->client, t);
}

void splitio_shm_store_close(struct splitio_shm_machine *m)
{
    if (m->client.transport.ops)
        splitio_store_fini(&m->client);
    if (m->server)
        splitio_store_server_fini(m->server);
    free(m->store_mem);
    free(m->conns);
    m->server = NULL;
    m->store_mem = NULL;
}

/* A connection that needs looking after: a guest's, or the embedder's own. The
 * host's is looked after by its client's poll. */
static void serve_conn(struct splitio_shm_machine *m,
                       struct splitio_store_conn *conn)
{
    size_t index = ((uintptr_t)conn - (uintptr_t)m->conns) / sizeof(*conn);

    if (index <= m->cfg.max_guests)
        splitio_shm_member_store_poll(m->members[index]);
    else if (conn != &m->host_conn && m->cfg.ops && m->cfg.ops->store_ready)
        m->cfg.ops->store_ready(m->cfg.arg, conn);
}

unsigned splitio_shm_store_poll(struct splitio_shm_machine *m, unsigned budget)
{
    struct splitio_store_conn *conn;
    unsigned n = 0;
    int got;

    while (n < budget && (conn = splitio_store_server_next_ready(m->server))) {
        n++;
        serve_conn(m, conn);
    }
    got = splitio_store_poll(&m->client, budget);
    return n + (got > 0 ? (unsigned)got : 0);
}

/* --- guests --- */

static void on_store_event(void *arg)
{
    struct member *g = arg;

    g->store_event = true;
    splitio_shm_member_set_ready(g);
}

void splitio_shm_member_store_poll(struct member *g)
{
    struct splitio_host_port port = splitio_host_port(&g->machine->host);
    bool event = g->store_event, notify = false;
    int n;

    if (!g->store_open)
        return;
    g->store_event = false;
    n = splitio_store_conn_pump_ring(g->store, STORE_BUDGET, &notify);
    if (n < 0 && event)
        splitio_shm_log(g->machine, "guest %u (%s): its store connection: %s",
                        g->info.domid, g->info.name, splitio_strerror(n));
    if (notify)
        port.ops->event_send(port.ctx, g->host_store_port);
    if (event)
        port.ops->event_unmask(port.ctx, g->host_store_port);
}

static int open_port(struct member *g)
{
    struct splitio_host_port port = splitio_host_port(&g->machine->host);
    struct splitio_event_handler handler = {on_store_event, g};
    int err = splitio_event_engine_alloc_unbound(
        &g->machine->hv.events, g->info.domid, HOST_DOMID, &g->store_port);

    if (err)
        return err;
    return port.ops->event_bind(port.ctx, g->info.domid, g->store_port, handler,
                                &g->host_store_port);
}

int splitio_shm_member_store_open(struct member *g)
{
    struct splitio_store_server *s = g->machine->server;
    void *page = g->base + SPLITIO_SHM_FRAME_STORE * SPLITIO_PAGE_SIZE;
    int err = splitio_store_server_introduce(s, g->info.domid);

    g->store = &g->machine->conns[g->info.domid];

    if (!err)
        err = splitio_toolstack_domain_add(s, g->info.domid, g->info.name);
    if (!err)
        err = splitio_store_conn_init(g->store, s, g->info.domid);
    if (err)
        return err;
    g->store_open = true;
    err = splitio_store_conn_attach_ring(g->store, page);
    return err ? err : open_port(g);
}

void splitio_shm_member_store_close(struct member *g)
{
    struct splitio_shm_machine *m = g->machine;
    struct splitio_host_port port = splitio_host_port(&m->host);
    char home[SPLITIO_XS_DOMAIN_PATH_MAX];

    if (g->host_store_port)
        port.ops->event_close(port.ctx, g->host_store_port);
    splitio_store_server_domain_gone(m->server, g->info.domid);
    /* Its home belongs to domain 0. */
    (void)splitio_xs_domain_path(home, g->info.domid);
    (void)splitio_store_server_rm(m->server, home);
    if (g->store_open)
        splitio_store_conn_fini(g->store);
    g->host_store_port = 0;
    g->store_open = false;
}
