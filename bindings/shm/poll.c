/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's poll: who has something to say, and in which turn. */
#include "machine_int.h"

/* Entries taken from the kernel at once. */
#define EPOLL_BATCH 64

static void dispatch_one(struct splitio_shm_machine *m, uint64_t tag)
{
    enum source source = (enum source)(tag >> SOURCE_SHIFT);
    uint32_t index = (uint32_t)tag;
    struct member *g = NULL;

    /* The entry may be older than the guest that has the id now: harmless. */
    if (source == SOURCE_CALL || source == SOURCE_DOORBELL)
        g = m->members[index];
    switch (source) {
    case SOURCE_LISTEN:
        splitio_shm_pending_accept(m);
        break;
    case SOURCE_TIMER:
        splitio_shm_pending_timer(m);
        break;
    case SOURCE_PENDING:
        splitio_shm_pending_receive(m, index);
        break;
    case SOURCE_CALL:
        if (g && !g->info.leaving)
            splitio_shm_member_receive(g);
        break;
    case SOURCE_DOORBELL:
        if (g && !g->info.leaving)
            splitio_shm_member_doorbell(g);
        break;
    default:
        break;
    }
}

static unsigned dispatch(struct splitio_shm_machine *m, unsigned budget)
{
    struct epoll_event events[EPOLL_BATCH];
    unsigned max = budget < EPOLL_BATCH ? budget : EPOLL_BATCH;
    int n = max ? epoll_wait(m->epoll, events, (int)max, 0) : 0;

    for (int i = 0; i < n; i++)
        dispatch_one(m, events[i].data.u64);
    return n > 0 ? (unsigned)n : 0;
}

/* Guests whose store ring has news, or that are to go. */
static unsigned serve_ready(struct splitio_shm_machine *m, unsigned budget)
{
    unsigned n = 0;

    while (m->ready && n < budget) {
        struct member *g = m->ready;

        splitio_shm_member_clear_ready(g);
        n++;
        if (g->ejected)
            splitio_shm_member_leave(g);
        else
            splitio_shm_member_store_poll(g);
    }
    return n;
}

/* Guests that are gone, and whose pages no back holds any more. */
static unsigned release_leaving(struct splitio_shm_machine *m)
{
    unsigned n = 0;

    for (unsigned id = 1; m->stats.nr_leaving && id <= m->cfg.max_guests; id++)
        if (m->members[id] && m->members[id]->info.leaving)
            n += splitio_shm_member_release(m->members[id]);
    return n;
}

static bool can_release(struct splitio_shm_machine *m)
{
    for (unsigned id = 1; m->stats.nr_leaving && id <= m->cfg.max_guests; id++)
        if (m->members[id] && m->members[id]->info.leaving &&
            splitio_grant_engine_nr_pins(&m->hv.grants, (splitio_domid_t)id) ==
                0)
            return true;
    return false;
}

bool splitio_shm_machine_has_work(struct splitio_shm_machine *m)
{
    bool want_write = false;

    if (m->ready || splitio_host_has_upcall(&m->host) || can_release(m))
        return true;
    (void)splitio_store_has_work(&m->client, &want_write);
    if (want_write)
        return true;
    return splitio_store_server_has_ready(m->server);
}

/* Let events through that have waited, and have the timer say when the next is
 * due: one may have begun to wait since the last time. */
static void tick(struct splitio_shm_machine *m)
{
    uint64_t next = splitio_host_tick(&m->host, splitio_shm_now_ns());

    if (next == m->eoi_ns)
        return;
    m->eoi_ns = next;
    splitio_shm_set_timer(m);
}

unsigned splitio_shm_machine_poll(struct splitio_shm_machine *m,
                                  unsigned budget)
{
    unsigned n;

    splitio_xchg_u32(&m->awake, 1);
    tick(m);
    n = dispatch(m, budget);
    n += splitio_host_poll(&m->host, budget);
    n += serve_ready(m, budget);
    n += splitio_shm_store_poll(m, budget);
    n += release_leaving(m);
    splitio_xchg_u32(&m->awake, 0);
    if (splitio_shm_machine_has_work(m))
        splitio_shm_machine_kick(m);
    return n;
}
