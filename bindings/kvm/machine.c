/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine: hypervisor side, domain 0, store, and what wakes its thread. */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "kvm_int.h"

#define MAX_GUESTS   1024
#define HOST_PORTS   4096u
#define EPOLL_BATCH  32
#define DOMID_SHIFT  16
#define KICK         UINT32_MAX
#define DOORBELL     0x8000u /* not a vcpu's timer */
#define STORE_BUDGET 16u

static bool take_config(struct splitio_kvm_machine *m,
                        const struct splitio_kvm_machine_config *config)
{
    struct splitio_kvm_machine_config *c = &m->cfg;

    *c = *config;
    if (c->max_guests == 0)
        c->max_guests = 8;
    if (c->nr_track == 0)
        c->nr_track = 65536;
    if (c->store_bytes == 0)
        c->store_bytes = (size_t)16 << 20;
    return c->max_guests <= MAX_GUESTS && c->nr_track < SPLITIO_GRANT_TRACK_MAX;
}

static bool allocate(struct splitio_kvm_machine *m)
{
    unsigned nr_domains = m->cfg.max_guests + 1u;

    m->slots = calloc(2 * (size_t)nr_domains, sizeof(*m->slots));
    m->guests = calloc(nr_domains, sizeof(struct splitio_kvm_guest *));
    m->handlers = calloc(HOST_PORTS, sizeof(*m->handlers));
    m->host_shared_info = aligned_alloc(SPLITIO_PAGE_SIZE, SPLITIO_PAGE_SIZE);
    m->host_grant_mem = malloc(SPLITIO_GRANT_DOMAIN_MEM(0, m->cfg.nr_track));
    m->host_event_mem = malloc(SPLITIO_EVENT_DOMAIN_MEM(HOST_PORTS));
    m->store_mem = malloc(m->cfg.store_bytes);
    if (m->host_shared_info)
        memset(m->host_shared_info, 0, SPLITIO_PAGE_SIZE);
    return m->slots && m->guests && m->handlers && m->host_shared_info &&
           m->host_grant_mem && m->host_event_mem && m->store_mem;
}

static int make_hypervisor(struct splitio_kvm_machine *m)
{
    const struct splitio_domain_config cfg = {
        .domid = HOST_DOMID,
        .nr_track = m->cfg.nr_track,
        .grant_mem = m->host_grant_mem,
        .shared_info = m->host_shared_info,
        .abi = &splitio_event_abi_x86_64,
        .nr_ports = HOST_PORTS,
        .event_mem = m->host_event_mem,
    };

    m->hv_port.ops = &kvm_hypervisor_ops;
    m->hv_port.ctx = m;
    splitio_hypervisor_init(&m->hv, &m->hv_port, m->slots,
                            m->cfg.max_guests + 1u);
    splitio_host_init(&m->host, &m->hv, HOST_DOMID, cfg.abi,
                      m->host_shared_info, m->handlers, HOST_PORTS);
    return splitio_domain_add(&m->hv, &m->host_domain, &cfg);
}

/* ---- the store: a server, and a client for the backs in one process ---- */

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

static int make_store(struct splitio_kvm_machine *m)
{
    struct splitio_store_transport t = {&client_ops, &m->host_conn};
    struct splitio_store_server_config cfg = {.hash_seed = 0};
    int err;

    (void)!getrandom(&cfg.hash_seed, sizeof(cfg.hash_seed), 0);
    err = splitio_store_server_init(&m->server, m->store_mem,
                                    m->cfg.store_bytes, &cfg);
    if (err)
        return err;
    err = splitio_store_conn_init(&m->host_conn, m->server, HOST_DOMID);
    if (!err)
        err = splitio_toolstack_domain_add(m->server, HOST_DOMID, "domain-0");
    return err ? err : splitio_store_init(&m->client, t);
}

/* ---- what wakes the I/O thread ---- */

static int watch(struct splitio_kvm_machine *m, int fd, uint32_t tag)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u64 = tag};

    return epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? SPLITIO_EIO : 0;
}

int machine_watch_timer(struct splitio_kvm_machine *m, int fd,
                        splitio_domid_t domid, unsigned vcpu)
{
    return watch(m, fd, (uint32_t)domid << DOMID_SHIFT | vcpu);
}

int machine_watch_doorbell(struct splitio_kvm_machine *m, int fd,
                           splitio_domid_t domid, unsigned i)
{
    return watch(m, fd, (uint32_t)domid << DOMID_SHIFT | DOORBELL | i);
}

static int open_fds(struct splitio_kvm_machine *m)
{
    m->epoll = epoll_create1(EPOLL_CLOEXEC);
    m->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->epoll < 0 || m->kick < 0)
        return SPLITIO_EIO;
    return watch(m, m->kick, KICK);
}

int splitio_kvm_machine_open(struct splitio_kvm_machine **machine,
                             const struct splitio_kvm_machine_config *config)
{
    struct splitio_kvm_machine *m = calloc(1, sizeof(*m));
    int err;

    if (!m)
        return SPLITIO_ENOMEM;
    m->epoll = m->kick = -1;
    err = take_config(m, config) ? open_fds(m) : SPLITIO_EINVAL;
    if (!err && !allocate(m))
        err = SPLITIO_ENOMEM;
    if (!err)
        err = make_hypervisor(m);
    if (!err)
        err = make_store(m);
    if (err)
        splitio_kvm_machine_close(m);
    else
        *machine = m;
    return err;
}

void splitio_kvm_machine_close(struct splitio_kvm_machine *m)
{
    if (m->client.transport.ops)
        splitio_store_fini(&m->client);
    if (m->server)
        splitio_store_server_fini(m->server);
    if (m->epoll >= 0)
        close(m->epoll);
    if (m->kick >= 0)
        close(m->kick);
    free(m->store_mem);
    free(m->slots);
    free(m->guests);
    free(m->handlers);
    free(m->host_shared_info);
    free(m->host_grant_mem);
    free(m->host_event_mem);
    free(m);
}

int splitio_kvm_machine_fd(const struct splitio_kvm_machine *m)
{
    return m->epoll;
}

void splitio_kvm_machine_kick(struct splitio_kvm_machine *m)
{
    static const uint64_t one = 1;

    (void)!write(m->kick, &one, sizeof(one));
}

struct splitio_host_port
splitio_kvm_machine_host_port(struct splitio_kvm_machine *m)
{
    return splitio_host_port(&m->host);
}

struct splitio_store *splitio_kvm_machine_store(struct splitio_kvm_machine *m)
{
    return &m->client;
}

struct splitio_store_server *
splitio_kvm_machine_store_server(struct splitio_kvm_machine *m)
{
    return m->server;
}

struct splitio_hypervisor *
splitio_kvm_machine_hypervisor(struct splitio_kvm_machine *m)
{
    return &m->hv;
}

/* ---- polling ---- */

/* Edge-triggered: a timer that fires again, a kick or a doorbell that comes again,
 * is told again without being read. */
static unsigned dispatch(struct splitio_kvm_machine *m)
{
    struct epoll_event events[EPOLL_BATCH];
    int n = epoll_wait(m->epoll, events, EPOLL_BATCH, 0);

    for (int i = 0; i < n; i++) {
        uint32_t tag = (uint32_t)events[i].data.u64;
        struct splitio_kvm_guest *g =
            tag == KICK ? NULL : m->guests[tag >> DOMID_SHIFT];

        if (g && (tag & DOORBELL))
            native_rung(g, tag & (DOORBELL - 1));
        else if (g)
            clock_expired(g, tag & 0xFFFF);
    }
    return n > 0 ? (unsigned)n : 0;
}

static unsigned poll_guests(struct splitio_kvm_machine *m)
{
    unsigned n = 0;

    for (unsigned id = 1; id <= m->cfg.max_guests; id++) {
        struct splitio_kvm_guest *g = m->guests[id];

        if (g && g->store_event)
            n += guest_store_poll(g, STORE_BUDGET);
        if (g)
            n += console_poll(g);
    }
    return n;
}

static unsigned poll_store(struct splitio_kvm_machine *m, unsigned budget)
{
    struct splitio_store_conn *conn;
    unsigned n = 0;
    int got;

    while (n < budget && (conn = splitio_store_server_next_ready(m->server))) {
        n++;
        if (conn->user)
            (void)guest_store_poll(conn->user, STORE_BUDGET);
    }
    got = splitio_store_poll(&m->client, budget);
    return n + (got > 0 ? (unsigned)got : 0);
}

bool splitio_kvm_machine_has_work(struct splitio_kvm_machine *m)
{
    bool want_write = false;

    if (splitio_host_has_upcall(&m->host))
        return true;
    (void)splitio_store_has_work(&m->client, &want_write);
    return want_write || splitio_store_server_has_ready(m->server);
}

unsigned splitio_kvm_machine_poll(struct splitio_kvm_machine *m,
                                  unsigned budget)
{
    unsigned n;

    splitio_xchg_u32(&m->awake, 1);
    n = dispatch(m);
    n += splitio_host_poll(&m->host, budget);
    n += poll_guests(m);
    n += poll_store(m, budget);
    splitio_xchg_u32(&m->awake, 0);
    if (splitio_kvm_machine_has_work(m))
        splitio_kvm_machine_kick(m);
    return n;
}
