/* SPDX-License-Identifier: BSD-2-Clause */
/* Making and removing a guest. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "kvm_int.h"

static bool take_config(struct splitio_kvm_guest *g,
                        const struct splitio_kvm_guest_config *config)
{
    struct splitio_kvm_guest_config *c = &g->cfg;

    *c = *config;
    if (c->max_grant_frames == 0)
        c->max_grant_frames = SPLITIO_GRANT_FRAMES_MAX;
    if (c->nr_ports == 0)
        c->nr_ports = 4096;
    return c->nr_vcpus >= 1 && c->nr_vcpus <= MAX_VCPUS &&
           c->max_grant_frames <= SPLITIO_GRANT_FRAMES_MAX &&
           c->nr_ports >= 2 && c->nr_ports <= SPLITIO_EVTCHN_FIFO_NR_CHANNELS;
}

static splitio_domid_t free_domid(const struct splitio_kvm_machine *m)
{
    for (splitio_domid_t id = 1; id <= m->cfg.max_guests; id++)
        if (!m->guests[id])
            return id;
    return 0;
}

static bool allocate(struct splitio_kvm_guest *g)
{
    const size_t bytes = (size_t)NR_OWN_FRAMES * SPLITIO_PAGE_SIZE;

    g->memfd = memfd_create("splitio-guest", MFD_CLOEXEC);
    if (g->memfd < 0 || ftruncate(g->memfd, (off_t)bytes) < 0)
        return false;
    g->own = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, g->memfd, 0);
    if (g->own == MAP_FAILED) {
        g->own = NULL;
        return false;
    }
    g->grant_mem = malloc(SPLITIO_GRANT_DOMAIN_MEM(g->cfg.max_grant_frames, 1));
    g->event_mem = malloc(SPLITIO_EVENT_DOMAIN_MEM(g->cfg.nr_ports));
    g->fifo_mem = malloc(SPLITIO_EVENT_FIFO_MEM(g->cfg.nr_ports));
    return g->grant_mem && g->event_mem && g->fifo_mem;
}

static int register_domain(struct splitio_kvm_guest *g)
{
    void *frames[SPLITIO_GRANT_FRAMES_MAX], *status[MAX_STATUS];
    const struct splitio_domain_config cfg = {
        .domid = g->domid,
        .grant_frames = frames,
        .nr_grant_frames = g->cfg.max_grant_frames,
        .grant_status = status,
        .nr_grant_status = SPLITIO_GRANT_STATUS_FRAMES(g->cfg.max_grant_frames),
        .nr_track = 1,
        .grant_mem = g->grant_mem,
        .shared_info = own_page(g, FRAME_SHARED_INFO),
        .abi = &splitio_event_abi_x86_64,
        .nr_ports = g->cfg.nr_ports,
        .event_mem = g->event_mem,
        .fifo = &g->fifo,
        .fifo_mem = g->fifo_mem,
    };

    for (unsigned i = 0; i < g->cfg.max_grant_frames; i++)
        frames[i] = own_page(g, FRAME_GRANTS + i);
    for (unsigned i = 0; i < MAX_STATUS; i++)
        status[i] = own_page(g, FRAME_STATUS + i);
    return splitio_domain_add(&g->machine->hv, &g->domain, &cfg);
}

static int open_timers(struct splitio_kvm_guest *g)
{
    int err = 0;

    for (unsigned v = 0; v < g->cfg.nr_vcpus && !err; v++) {
        int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

        g->vcpus[v].timer = fd;
        err = fd < 0 ? SPLITIO_EIO
                     : machine_watch_timer(g->machine, fd, g->domid, v);
    }
    return err;
}

static int show_rings(struct splitio_kvm_guest *g)
{
    int err = memory_show(g, g->cfg.special_gfn, FRAME_STORE);

    return err ? err : memory_show(g, g->cfg.special_gfn + 1, FRAME_CONSOLE);
}

static void guest_free(struct splitio_kvm_guest *g)
{
    g->machine->guests[g->domid] = NULL;
    for (unsigned v = 0; v < g->cfg.nr_vcpus; v++)
        if (g->vcpus[v].timer >= 0)
            close(g->vcpus[v].timer);
    native_close(g);
    if (g->own)
        (void)munmap(g->own, (size_t)NR_OWN_FRAMES * SPLITIO_PAGE_SIZE);
    if (g->memfd >= 0)
        close(g->memfd);
    free(g->grant_mem);
    free(g->event_mem);
    free(g->fifo_mem);
    free(g);
}

static struct splitio_kvm_guest *guest_new(struct splitio_kvm_machine *m)
{
    struct splitio_kvm_guest *g = calloc(1, sizeof(*g));

    if (!g)
        return NULL;
    g->machine = m;
    g->memfd = -1;
    for (unsigned v = 0; v < MAX_VCPUS; v++)
        g->vcpus[v].fd = g->vcpus[v].timer = -1;
    for (unsigned i = 0; i < NR_DOORBELLS; i++)
        g->doorbells[i].fd = -1;
    return g;
}

int splitio_kvm_guest_add(struct splitio_kvm_machine *m,
                          struct splitio_kvm_guest **guest,
                          const struct splitio_kvm_guest_config *config)
{
    splitio_domid_t domid = free_domid(m);
    struct splitio_kvm_guest *g = domid ? guest_new(m) : NULL;
    int err;

    if (!g)
        return domid ? SPLITIO_ENOMEM : SPLITIO_ENOSPC;
    if (!take_config(g, config)) {
        free(g);
        return SPLITIO_EINVAL;
    }
    g->domid = domid;
    m->guests[domid] = g;
    native_open(g);
    err = allocate(g) ? register_domain(g) : SPLITIO_ENOMEM;
    if (err) {
        guest_free(g);
        return err;
    }
    err = open_timers(g);
    if (!err)
        err = show_rings(g);
    if (!err)
        err = guest_store_open(g);
    if (err)
        (void)splitio_kvm_guest_remove(g);
    else
        *guest = g;
    return err;
}

int splitio_kvm_guest_add_vcpu(struct splitio_kvm_guest *g, unsigned vcpu,
                               int vcpu_fd)
{
    if (vcpu >= g->cfg.nr_vcpus || vcpu_fd < 0 || g->vcpus[vcpu].fd >= 0)
        return SPLITIO_EINVAL;
    g->vcpus[vcpu].fd = vcpu_fd;
    return 0;
}

int splitio_kvm_guest_start(struct splitio_kvm_guest *g)
{
    return clock_start(g);
}

splitio_domid_t splitio_kvm_guest_domid(const struct splitio_kvm_guest *g)
{
    return g->domid;
}

void splitio_kvm_guest_get_stats(const struct splitio_kvm_guest *g,
                                 struct splitio_kvm_guest_stats *stats)
{
    const struct splitio_kvm_guest_stats *s = &g->stats;

    stats->nr_hypercalls = __atomic_load_n(&s->nr_hypercalls, __ATOMIC_RELAXED);
    stats->nr_unknown = __atomic_load_n(&s->nr_unknown, __ATOMIC_RELAXED);
    stats->last_unknown = __atomic_load_n(&s->last_unknown, __ATOMIC_RELAXED);
    stats->nr_doorbells = __atomic_load_n(&s->nr_doorbells, __ATOMIC_RELAXED);
    stats->nr_upcalls = __atomic_load_n(&s->nr_upcalls, __ATOMIC_RELAXED);
}

int splitio_kvm_guest_remove(struct splitio_kvm_guest *g)
{
    int err;

    if (g->store_open)
        guest_store_close(g);
    do
        err = splitio_domain_remove(&g->machine->hv, g->domid);
    while (err == SPLITIO_EAGAIN);
    if (err == SPLITIO_EBUSY)
        return err;
    guest_free(g);
    return 0;
}
