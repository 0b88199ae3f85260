/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest: its frames, its store, its one loop. */
#include "machine.h"

#define VIRQ_TIMER 0u

static int show_frames(struct splitio_baremetal *bm)
{
    int err = splitio_bm_show(SPACE_SHARED_INFO, 0, bm->shared_info);

    for (unsigned i = 0; i < SPLITIO_BAREMETAL_GRANT_FRAMES && !err; i++)
        err = splitio_bm_show(SPACE_GRANT_TABLE, i, bm->grants[i]);
    return err;
}

static int make_guest(struct splitio_baremetal *bm, void *heap,
                      uint32_t heap_pages)
{
    const struct splitio_guest_config cfg = {
        .ops = &splitio_bm_ops,
        .heap = heap,
        .heap_gfn = (uintptr_t)heap / SPLITIO_PAGE_SIZE,
        .heap_pages = heap_pages,
        .heap_map = bm->heap_map,
        .grant_frames = bm->grants,
        .nr_grant_frames = SPLITIO_BAREMETAL_GRANT_FRAMES,
        .grant_mem = bm->grant_mem,
        .shared_info = bm->shared_info,
        .abi = splitio_bm_event_abi(),
        .handlers = bm->handlers,
        .nr_handlers = SPLITIO_BAREMETAL_PORTS,
    };

    return splitio_guest_init(&bm->guest, &cfg);
}

static void note(void *arg)
{
    *(bool *)arg = true;
}

static int adopt(struct splitio_baremetal *bm, splitio_evtchn_t port,
                 bool *event)
{
    return splitio_guest_event_adopt(
        &bm->guest, port, (struct splitio_event_handler){note, event});
}

static void notify_store(void *arg)
{
    struct splitio_baremetal *bm = arg;

    splitio_bm_ops.event_send(NULL, bm->store_port);
}

static int open_store(struct splitio_baremetal *bm)
{
    uint64_t pfn, port;
    int err = splitio_bm_param(PARAM_STORE_PFN, &pfn);

    if (!err)
        err = splitio_bm_param(PARAM_STORE_EVTCHN, &port);
    if (err)
        return err;
    bm->store_port = (splitio_evtchn_t)port;
    err = splitio_store_ring_init(&bm->store_ring,
                                  (void *)(uintptr_t)(pfn * SPLITIO_PAGE_SIZE),
                                  notify_store, bm);
    if (!err)
        err = splitio_store_init(&bm->store,
                                 splitio_store_ring_transport(&bm->store_ring));
    return err ? err : adopt(bm, bm->store_port, &bm->store_event);
}

static int open_timer(struct splitio_baremetal *bm)
{
    int err = splitio_bm_bind_virq(VIRQ_TIMER, &bm->timer_port);

    return err ? err : adopt(bm, bm->timer_port, &bm->timer_event);
}

int splitio_baremetal_open(struct splitio_baremetal *bm, void *heap,
                           uint32_t heap_pages)
{
    int err;

    if (heap_pages > SPLITIO_BAREMETAL_HEAP_MAX)
        return SPLITIO_EINVAL;
    err = show_frames(bm);
    if (!err)
        err = make_guest(bm, heap, heap_pages);
    if (!err)
        err = splitio_bm_console_open(bm);
    if (!err)
        err = open_store(bm);
    if (!err)
        err = open_timer(bm);
    return err ? err : splitio_bm_upcalls();
}

struct splitio_guest_port splitio_baremetal_port(struct splitio_baremetal *bm)
{
    return splitio_guest_port(&bm->guest);
}

struct splitio_store *splitio_baremetal_store(struct splitio_baremetal *bm)
{
    return &bm->store;
}

/* Take an event that was noted; its work follows. */
static void take(struct splitio_baremetal *bm, bool *event,
                 splitio_evtchn_t port)
{
    struct splitio_guest_port p = splitio_guest_port(&bm->guest);

    if (*event) {
        *event = false;
        p.ops->event_unmask(p.ctx, port);
    }
}

static int take_events(struct splitio_baremetal *bm, unsigned budget)
{
    unsigned n = splitio_guest_poll(&bm->guest, budget);

    take(bm, &bm->store_event, bm->store_port);
    take(bm, &bm->console_event, bm->console_port);
    take(bm, &bm->timer_event, bm->timer_port);
    return (int)n;
}

int splitio_baremetal_poll(struct splitio_baremetal *bm, unsigned budget)
{
    int events = take_events(bm, budget);
    int messages = splitio_store_poll(&bm->store, budget);

    return messages < 0 ? messages : events + messages;
}

void splitio_baremetal_wait(struct splitio_baremetal *bm, uint64_t deadline_ns)
{
    bool timed = deadline_ns != SPLITIO_BAREMETAL_FOREVER;

    if (timed && splitio_baremetal_now_ns(bm) >= deadline_ns)
        return;
    if (timed)
        splitio_bm_set_timer(deadline_ns);
    while (!splitio_guest_has_upcall(&bm->guest))
        splitio_bm_halt();
    if (timed)
        splitio_bm_set_timer(0);
}

int splitio_baremetal_wait_store(void *bm)
{
    splitio_baremetal_wait(bm, SPLITIO_BAREMETAL_FOREVER);
    (void)take_events(bm, 64);
    return 0;
}
