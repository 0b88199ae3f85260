/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine: opening, closing, and what it tells. */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "machine_int.h"
#include "text.h"

#define MAX_GUESTS  4096
#define MAX_PORTS   4096
#define MAX_HELLO   60000
#define MODE_BITS   0777
#define HOST_FRAMES 0

/* Zero stands for a default. */
#define DEFAULT(field, value)                                                  \
    do {                                                                       \
        if ((field) == 0)                                                      \
            (field) = (value);                                                 \
    } while (0)

static bool take_config(struct splitio_shm_machine *m,
                        const struct splitio_shm_machine_config *config)
{
    struct splitio_shm_machine_config *c = &m->cfg;

    *c = *config;
    DEFAULT(c->mode, 0600);
    DEFAULT(c->max_guests, 64);
    DEFAULT(c->max_pages, 65536);
    DEFAULT(c->max_frames, 32);
    DEFAULT(c->max_ports, 256);
    DEFAULT(c->nr_ports, MAX_PORTS);
    DEFAULT(c->nr_track, 65536);
    DEFAULT(c->hello_ms, 2000);
    DEFAULT(c->store_bytes, (size_t)4 << 20);
    if (c->path && (!*c->path || strlen(c->path) >= sizeof(m->path)))
        return false;
    if (c->path) {
        strcpy(m->path, c->path);
        (void)snprintf(m->lock_path, sizeof(m->lock_path), "%s.lock", m->path);
        c->path = m->path;
    }
    return (c->mode & ~(mode_t)MODE_BITS) == 0 && c->max_guests <= MAX_GUESTS &&
           c->max_frames <= SPLITIO_GRANT_FRAMES_MAX && c->max_ports >= 2 &&
           c->max_ports <= MAX_PORTS && c->nr_ports >= 2 &&
           c->nr_ports <= MAX_PORTS && c->nr_track < SPLITIO_GRANT_TRACK_MAX &&
           c->hello_ms <= MAX_HELLO;
}

static bool allocate(struct splitio_shm_machine *m)
{
    unsigned nr_domains = m->cfg.max_guests + 1u;

    m->slots = calloc(2 * (size_t)nr_domains, sizeof(*m->slots));
    m->members = calloc(nr_domains, sizeof(*m->members));
    m->handlers = calloc(m->cfg.nr_ports, sizeof(*m->handlers));
    m->eoi = calloc(m->cfg.nr_ports, sizeof(*m->eoi));
    m->host_shared_info = aligned_alloc(SPLITIO_PAGE_SIZE, SPLITIO_PAGE_SIZE);
    m->host_grant_mem =
        malloc(SPLITIO_GRANT_DOMAIN_MEM(HOST_FRAMES, m->cfg.nr_track));
    m->host_event_mem = malloc(SPLITIO_EVENT_DOMAIN_MEM(m->cfg.nr_ports));
    m->closer = splitio_shm_closer_new();
    return m->slots && m->members && m->handlers && m->eoi &&
           m->host_shared_info && m->host_grant_mem && m->host_event_mem &&
           m->closer;
}

static int make_hypervisor(struct splitio_shm_machine *m)
{
    struct splitio_domain_config cfg = {
        .domid = HOST_DOMID,
        .nr_grant_frames = HOST_FRAMES,
        .nr_track = m->cfg.nr_track,
        .grant_mem = m->host_grant_mem,
        .shared_info = m->host_shared_info,
        .abi = &splitio_event_abi_x86_64,
        .nr_ports = m->cfg.nr_ports,
        .event_mem = m->host_event_mem,
    };

    m->hv_port.ops = &splitio_shm_hypervisor_ops;
    m->hv_port.ctx = m;
    splitio_hypervisor_init(&m->hv, &m->hv_port, m->slots,
                            m->cfg.max_guests + 1u);
    splitio_host_init(&m->host, &m->hv, HOST_DOMID, cfg.abi,
                      m->host_shared_info, m->handlers, m->cfg.nr_ports);
    splitio_host_use_backoff(&m->host, m->eoi, m->cfg.nr_ports);
    m->eoi_ns = UINT64_MAX;
    return splitio_domain_add(&m->hv, &m->host_domain, &cfg);
}

static bool open_fds(struct splitio_shm_machine *m)
{
    m->epoll = epoll_create1(EPOLL_CLOEXEC);
    m->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    m->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return m->epoll >= 0 && m->kick >= 0 && m->timer >= 0 &&
           watch_fd(m, m->kick, EPOLLIN | EPOLLET, SOURCE_KICK, 0) == 0 &&
           watch_fd(m, m->timer, EPOLLIN, SOURCE_TIMER, 0) == 0;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

static void machine_free(struct splitio_shm_machine *m)
{
    splitio_shm_store_close(m);
    close_fd(m->epoll);
    close_fd(m->kick);
    close_fd(m->timer);
    free(m->slots);
    free(m->members);
    free(m->handlers);
    free(m->eoi);
    free(m->host_shared_info);
    free(m->host_grant_mem);
    free(m->host_event_mem);
    if (m->closer)
        splitio_shm_closer_free(m->closer);
    free(m);
}

static int fill(struct splitio_shm_machine *m, char *text, size_t len_bytes)
{
    int err;

    if (!open_fds(m))
        return explain(text, len_bytes, SPLITIO_EIO, "%s", strerror(errno));
    if (!allocate(m))
        return explain(text, len_bytes, SPLITIO_ENOMEM, "out of memory");
    err = make_hypervisor(m);
    if (!err)
        err = splitio_shm_store_open(m);
    if (err)
        return explain(text, len_bytes, err, "hypervisor side and store: %s",
                       splitio_strerror(err));
    return m->cfg.path ? splitio_shm_socket_open(m, text, len_bytes) : 0;
}

int splitio_shm_machine_open(struct splitio_shm_machine **machine,
                             const struct splitio_shm_machine_config *config,
                             char *text, size_t len_bytes)
{
    struct splitio_shm_machine *m = calloc(1, sizeof(*m));
    int err;

    if (!m)
        return explain(text, len_bytes, SPLITIO_ENOMEM, "out of memory");
    m->epoll = m->kick = m->timer = m->listener = m->lock = -1;
    m->next_domid = 1;
    m->ready_end = &m->ready;
    for (unsigned i = 0; i < MAX_PENDING; i++)
        m->pending[i].fd = -1;
    if (!take_config(m, config)) {
        free(m);
        return explain(text, len_bytes, SPLITIO_EINVAL, "bad configuration");
    }
    err = fill(m, text, len_bytes);
    if (err) {
        splitio_shm_socket_close(m);
        machine_free(m);
        return err;
    }
    *machine = m;
    return 0;
}

int splitio_shm_machine_close(struct splitio_shm_machine *m)
{
    m->cfg.ops = NULL;
    splitio_shm_socket_close(m);
    m->accepting = false;
    splitio_shm_pending_close_all(m);
    for (unsigned id = 1; id <= m->cfg.max_guests; id++) {
        if (m->members[id] && m->members[id]->info.leaving)
            (void)splitio_shm_member_release(m->members[id]);
        else if (m->members[id])
            splitio_shm_member_leave(m->members[id]);
    }
    if (m->stats.nr_leaving > 0)
        return SPLITIO_EBUSY;
    machine_free(m);
    return 0;
}

/* --- what it tells --- */

int splitio_shm_machine_fd(const struct splitio_shm_machine *m)
{
    return m->epoll;
}

struct splitio_host_port
splitio_shm_machine_host_port(struct splitio_shm_machine *m)
{
    return splitio_host_port(&m->host);
}

struct splitio_store *splitio_shm_machine_store(struct splitio_shm_machine *m)
{
    return &m->client;
}

struct splitio_store_server *
splitio_shm_machine_store_server(struct splitio_shm_machine *m)
{
    return m->server;
}

struct splitio_hypervisor *
splitio_shm_machine_hypervisor(struct splitio_shm_machine *m)
{
    return &m->hv;
}

void splitio_shm_machine_kick(struct splitio_shm_machine *m)
{
    static const uint64_t one = 1;
    int saved = errno;

    (void)!write(m->kick, &one, sizeof(one));
    errno = saved;
}

void splitio_shm_machine_get_stats(const struct splitio_shm_machine *m,
                                   struct splitio_shm_machine_stats *stats)
{
    struct splitio_shm_machine *mm = (struct splitio_shm_machine *)(uintptr_t)m;

    *stats = m->stats;
    stats->nr_mapped =
        splitio_grant_engine_nr_mapped(&mm->hv.grants, HOST_DOMID);
    stats->nr_ports = splitio_event_engine_nr_open(&mm->hv.events, HOST_DOMID);
    stats->nr_delayed = splitio_event_eoi_nr_delayed(&m->host.eoi);
    stats->nr_windows = splitio_read_once_u32(&m->nr_windows);
    stats->nr_foreign = splitio_shm_closer_nr(m->closer);
    stats->nr_fds = m->stats.nr_pending;
    for (unsigned id = 1; id <= m->cfg.max_guests; id++)
        if (m->members[id])
            stats->nr_fds += m->members[id]->nr_fds;
}

int splitio_shm_machine_guest_info(const struct splitio_shm_machine *m,
                                   splitio_domid_t domid,
                                   struct splitio_shm_guest_info *info)
{
    struct splitio_shm_machine *mm = (struct splitio_shm_machine *)(uintptr_t)m;
    int version;

    if (domid > m->cfg.max_guests || !m->members[domid])
        return SPLITIO_ENOENT;
    *info = m->members[domid]->info;
    info->nr_open = splitio_event_engine_nr_open(&mm->hv.events, domid);
    info->nr_pins = splitio_grant_engine_nr_pins(&mm->hv.grants, domid);
    version = splitio_grant_engine_version(&mm->hv.grants, domid);
    if (version > 0)
        info->grant_version = (unsigned)version;
    return 0;
}

splitio_domid_t
splitio_shm_machine_max_domid(const struct splitio_shm_machine *m)
{
    return m->cfg.max_guests;
}

int splitio_shm_machine_eject(struct splitio_shm_machine *m,
                              splitio_domid_t domid, const char *reason)
{
    struct member *g = domid <= m->cfg.max_guests ? m->members[domid] : NULL;

    if (!g || g->info.leaving)
        return SPLITIO_ENOENT;
    splitio_shm_log(m, "guest %u (%s): %s: disconnected", domid, g->info.name,
                    reason);
    g->ejected = true;
    splitio_shm_member_set_ready(g);
    splitio_shm_machine_kick(m);
    return 0;
}
