/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest of the machine, however it is reached: entering, doorbell, leaving. */
#include <stdlib.h>
#include <string.h>

#include "machine_int.h"
#include "text.h"

static size_t mem_bytes(const struct member *g)
{
    return (size_t)g->info.nr_pages * SPLITIO_PAGE_SIZE;
}

void splitio_shm_member_set_ready(struct member *g)
{
    if (g->ready)
        return;
    g->ready = true;
    g->next_ready = NULL;
    *g->machine->ready_end = g;
    g->machine->ready_end = &g->next_ready;
}

void splitio_shm_member_clear_ready(struct member *g)
{
    for (struct member **p = &g->machine->ready; *p; p = &(*p)->next_ready) {
        if (*p == g) {
            *p = g->next_ready;
            if (g->machine->ready_end == &g->next_ready)
                g->machine->ready_end = p;
            g->ready = false;
            return;
        }
    }
}

/* --- making one --- */

static splitio_domid_t find_domid(struct splitio_shm_machine *m)
{
    for (unsigned i = 0; i < m->cfg.max_guests; i++) {
        splitio_domid_t id = m->next_domid;

        m->next_domid = id == m->cfg.max_guests ? 1 : (splitio_domid_t)(id + 1);
        if (!m->members[id])
            return id;
    }
    return 0;
}

struct member *splitio_shm_member_new(struct splitio_shm_machine *m,
                                      const struct splitio_shm_hello *hello,
                                      uint8_t *base,
                                      const struct link_ops *link)
{
    struct member *g = calloc(1, sizeof(*g));

    if (!g)
        return NULL;
    g->machine = m;
    g->link = link;
    g->sock = g->bell = g->pipe_write = g->pipe_read = -1;
    g->base = base;
    g->info = (struct splitio_shm_guest_info){
        .domid = find_domid(m),
        .nr_pages = hello->nr_pages,
        .memory = base,
        .nr_grant_frames = hello->nr_grant_frames,
        .grant_version = hello->grant_version,
        .nr_ports = hello->nr_ports,
    };
    memcpy(g->info.name, hello->name, sizeof(g->info.name));
    g->max_grant_frames = hello->max_grant_frames;
    g->grant_mem = malloc(SPLITIO_GRANT_DOMAIN_MEM(hello->max_grant_frames, 1));
    g->event_mem = malloc(SPLITIO_EVENT_DOMAIN_MEM(hello->nr_ports));
    g->fifo_mem = malloc(SPLITIO_EVENT_FIFO_MEM(hello->nr_ports));
    return g;
}

void splitio_shm_member_free(struct member *g)
{
    g->link->release(g);
    free(g->grant_mem);
    free(g->event_mem);
    free(g->fifo_mem);
    free(g);
}

static int add_domain(struct member *g)
{
    void *frames[SPLITIO_GRANT_FRAMES_MAX];
    void *status[SPLITIO_GRANT_STATUS_FRAMES(SPLITIO_GRANT_FRAMES_MAX)];
    struct splitio_domain_config cfg = {
        .domid = g->info.domid,
        .grant_frames = frames,
        .nr_grant_frames = g->info.nr_grant_frames,
        .max_grant_frames = g->max_grant_frames,
        .grant_version = g->info.grant_version,
        .grant_status = status,
        .nr_grant_status =
            g->info.grant_version == 2
                ? SPLITIO_GRANT_STATUS_FRAMES(g->max_grant_frames)
                : 0,
        .nr_track = 1,
        .grant_mem = g->grant_mem,
        .shared_info = member_frame(g, SPLITIO_SHM_FRAME_SHARED_INFO),
        .abi = &splitio_event_abi_x86_64,
        .nr_ports = g->info.nr_ports,
        .event_mem = g->event_mem,
        .fifo = &g->fifo,
        .fifo_mem = g->fifo_mem,
    };

    for (unsigned i = 0; i < g->info.nr_grant_frames; i++)
        frames[i] = member_frame(g, SPLITIO_SHM_FRAME_GRANTS + i);
    for (unsigned i = 0; i < cfg.nr_grant_status; i++)
        status[i] =
            member_frame(g, SPLITIO_SHM_FRAME_GRANTS + g->max_grant_frames + i);
    return splitio_domain_add(&g->machine->hv, &g->domain, &cfg);
}

/* The machine knows it now: only splitio_shm_member_leave() undoes this. */
static void enter(struct member *g)
{
    struct splitio_shm_machine *m = g->machine;

    m->stats.nr_guests++;
    m->stats.nr_joined++;
    m->stats.nr_bytes += mem_bytes(g);
}

int splitio_shm_member_ask(struct member *g, struct refusal *why)
{
    struct splitio_shm_machine *m = g->machine;

    if (m->cfg.ops && m->cfg.ops->guest_joined)
        why->status = m->cfg.ops->guest_joined(m->cfg.arg, &g->info, why->text,
                                               sizeof(why->text));
    if (why->status)
        return why->status;
    g->joined = true;
    return 0;
}

int splitio_shm_member_enter(struct member *g, struct refusal *why)
{
    char *text = why->text;
    size_t size = sizeof(why->text);

    memset(why, 0, sizeof(*why));
    if (!g->info.domid)
        return why->status = explain(text, size, SPLITIO_ENOSPC,
                                     "the machine has %u guests already",
                                     g->machine->cfg.max_guests);
    if (!g->grant_mem || !g->event_mem || !g->fifo_mem)
        return why->status = explain(text, size, SPLITIO_ENOMEM,
                                     "the daemon has no memory left");
    /* Before anything can call frame_ptr() or upcall() for it. */
    g->machine->members[g->info.domid] = g;
    why->status = add_domain(g);
    if (why->status) {
        g->machine->members[g->info.domid] = NULL;
        return why->status;
    }
    enter(g);
    why->status = splitio_shm_member_store_open(g);
    if (why->status)
        (void)explain(text, size, why->status, "the daemon's store is full");
    return 0;
}

/* --- leaving --- */

bool splitio_shm_member_release(struct member *g)
{
    struct splitio_shm_machine *m = g->machine;
    int err = splitio_domain_remove(&m->hv, g->info.domid);

    if (err != 0 && err != SPLITIO_ENOENT)
        return false;
    m->members[g->info.domid] = NULL;
    m->stats.nr_leaving--;
    m->stats.nr_bytes -= mem_bytes(g);
    m->stats.nr_left++;
    splitio_shm_member_free(g);
    return true;
}

void splitio_shm_member_leave(struct member *g)
{
    struct splitio_shm_machine *m = g->machine;
    struct splitio_shm_guest_info info;

    if (g->info.leaving)
        return;
    g->info.leaving = true;
    splitio_shm_member_clear_ready(g);
    g->link->part(g);
    splitio_shm_member_store_close(g);
    m->stats.nr_guests--;
    m->stats.nr_leaving++;
    (void)splitio_shm_machine_guest_info(m, g->info.domid, &info);
    if (g->joined && m->cfg.ops && m->cfg.ops->guest_left)
        m->cfg.ops->guest_left(m->cfg.arg, &info);
    (void)splitio_shm_member_release(g);
}

/* --- serving --- */

typedef int (*port_action)(struct splitio_event_engine *e, splitio_domid_t self,
                           splitio_evtchn_t port);

/* Do what is asked for the ports that are named; each is asked for once. */
static void act_on_ports(struct member *g, uint64_t *selector, uint64_t *ports,
                         port_action action)
{
    uint64_t words = splitio_xchg_u64(selector, 0);

    while (words) {
        unsigned word = splitio_lowest_bit_u64(words);
        uint64_t bits = splitio_xchg_u64(&ports[word], 0);

        words &= words - 1;
        for (; bits; bits &= bits - 1) {
            splitio_evtchn_t port = word * 64 + splitio_lowest_bit_u64(bits);

            if (port >= g->info.nr_ports)
                return;
            (void)action(&g->machine->hv.events, g->info.domid, port);
        }
    }
}

void splitio_shm_member_doorbell(struct member *g)
{
    struct splitio_shm_doorbell *page =
        member_frame(g, SPLITIO_SHM_FRAME_DOORBELL);

    g->info.nr_doorbells++;
    act_on_ports(g, &page->selector, page->ports, splitio_event_engine_send);
    if (splitio_read_once_u64(&page->unmask_selector))
        act_on_ports(g, &page->unmask_selector, page->unmask,
                     splitio_event_engine_unmask);
}
