/* SPDX-License-Identifier: BSD-2-Clause */
#include "pair.h"

#include "cm.h"

#include <stdlib.h>
#include <string.h>

#define TRACK     1024u
#define HEAP_GFN  (1u + PAIR_GRANTS)
#define NR_FRAMES (HEAP_GFN + PAIR_HEAP_PAGES)

static void *frame_ptr(void *ctx, splitio_domid_t domid, splitio_gfn_t gfn,
                       bool write)
{
    struct pair *p = ctx;

    (void)write;
    if (domid != PAIR_GUEST || gfn >= NR_FRAMES)
        return NULL;
    return p->memory + gfn * SPLITIO_PAGE_SIZE;
}

static void upcall(void *ctx, splitio_domid_t domid, unsigned vcpu)
{
    struct pair *p = ctx;

    (void)vcpu;
    if (p->on_upcall)
        p->on_upcall(p->on_upcall_arg, domid);
}

static const struct splitio_hypervisor_ops hypervisor_ops = {
    .frame_ptr = frame_ptr,
    .upcall = upcall,
};

static int call_alloc(void *ctx, splitio_domid_t remote, splitio_evtchn_t *port)
{
    struct pair *p = ctx;

    return splitio_event_engine_alloc_unbound(&p->hv.events, PAIR_GUEST, remote,
                                              port);
}

static void call_close(void *ctx, splitio_evtchn_t port)
{
    struct pair *p = ctx;

    (void)splitio_event_engine_close(&p->hv.events, PAIR_GUEST, port);
}

static void call_send(void *ctx, splitio_evtchn_t port)
{
    struct pair *p = ctx;

    (void)splitio_event_engine_send(&p->hv.events, PAIR_GUEST, port);
}

static void call_wake(void *ctx)
{
    upcall(ctx, PAIR_GUEST, 0);
}

static const struct splitio_hypercall_ops hypercalls = {
    .event_alloc = call_alloc,
    .event_close = call_close,
    .event_send = call_send,
    .wake = call_wake,
};

static void make_host(struct pair *p)
{
    struct splitio_domain_config c = {
        .domid = 0,
        .nr_track = TRACK,
        .shared_info = p->host_info,
        .abi = &splitio_event_abi_x86_64,
        .nr_ports = PAIR_PORTS,
        .event_mem = p->event_mem[0],
    };

    p->grant_mem[0] = malloc(SPLITIO_GRANT_DOMAIN_MEM(0, TRACK));
    c.grant_mem = p->grant_mem[0];
    assert_int_equal(splitio_domain_add(&p->hv, &p->domains[0], &c), 0);
    splitio_host_init(&p->host, &p->hv, 0, c.abi, p->host_info,
                      p->host_handlers, PAIR_PORTS);
}

static void make_guest(struct pair *p)
{
    void *frames[PAIR_GRANTS];
    struct splitio_guest_config g = {
        .ops = &hypercalls,
        .ops_ctx = p,
        .heap = p->memory + HEAP_GFN * SPLITIO_PAGE_SIZE,
        .heap_gfn = HEAP_GFN,
        .heap_pages = PAIR_HEAP_PAGES,
        .heap_map = p->heap_map,
        .grant_frames = p->memory + SPLITIO_PAGE_SIZE,
        .nr_grant_frames = PAIR_GRANTS,
        .grant_mem = p->next_mem,
        .shared_info = p->memory,
        .abi = &splitio_event_abi_x86_64,
        .handlers = p->guest_handlers,
        .nr_handlers = PAIR_PORTS,
    };
    struct splitio_domain_config c = {
        .domid = PAIR_GUEST,
        .grant_frames = frames,
        .nr_grant_frames = PAIR_GRANTS,
        .grant_mem = p->grant_mem[1],
        .shared_info = p->memory,
        .abi = &splitio_event_abi_x86_64,
        .nr_ports = PAIR_PORTS,
        .event_mem = p->event_mem[1],
    };
    unsigned i;

    for (i = 0; i < PAIR_GRANTS; i++)
        frames[i] = p->memory + (1 + i) * (size_t)SPLITIO_PAGE_SIZE;
    assert_int_equal(splitio_guest_init(&p->guest, &g), 0);
    assert_int_equal(splitio_domain_add(&p->hv, &p->domains[1], &c), 0);
}

/* ---- ports that count and fail ---- */

static bool fails(uint64_t *nr, uint64_t at)
{
    return ++*nr == at;
}

static unsigned host_copy(void *ctx, struct splitio_grant_copy *ops,
                          unsigned nr)
{
    struct pair *p = ctx;
    unsigned i, bad = 0;

    if (p->on_copy)
        p->on_copy(p->on_copy_arg);
    for (i = 0; i < nr; i++) {
        if (fails(&p->nr_copies, p->fail_copy)) {
            ops[i].status = SPLITIO_GNTST_BAD_PAGE;
            bad++;
        } else {
            bad += p->real_host.ops->copy(p->real_host.ctx, &ops[i], 1);
        }
    }
    return bad;
}

static unsigned host_map(void *ctx, struct splitio_grant_map *ops, unsigned nr)
{
    struct pair *p = ctx;
    unsigned i, bad = 0;

    for (i = 0; i < nr; i++) {
        if (fails(&p->nr_maps, p->fail_map)) {
            ops[i].status = SPLITIO_GNTST_NO_SPACE;
            bad++;
        } else {
            bad += p->real_host.ops->map(p->real_host.ctx, &ops[i], 1);
        }
    }
    return bad;
}

static unsigned host_unmap(void *ctx, struct splitio_grant_unmap *ops,
                           unsigned nr)
{
    struct pair *p = ctx;

    return p->real_host.ops->unmap(p->real_host.ctx, ops, nr);
}

static int host_map_ring(void *ctx, splitio_domid_t domid,
                         const splitio_gref_t *grefs, unsigned nr,
                         struct splitio_ring_map *map)
{
    struct pair *p = ctx;

    if (fails(&p->nr_host_ops, p->fail_host_op))
        return SPLITIO_ENOSPC;
    return p->real_host.ops->map_ring(p->real_host.ctx, domid, grefs, nr, map);
}

static void host_unmap_ring(void *ctx, struct splitio_ring_map *map)
{
    struct pair *p = ctx;

    p->real_host.ops->unmap_ring(p->real_host.ctx, map);
}

static int host_event_bind(void *ctx, splitio_domid_t remote,
                           splitio_evtchn_t remote_evtchn,
                           struct splitio_event_handler handler,
                           splitio_evtchn_t *evtchn)
{
    struct pair *p = ctx;

    if (fails(&p->nr_host_ops, p->fail_host_op))
        return SPLITIO_ENOSPC;
    return p->real_host.ops->event_bind(p->real_host.ctx, remote, remote_evtchn,
                                        handler, evtchn);
}

static void host_event_close(void *ctx, splitio_evtchn_t evtchn)
{
    struct pair *p = ctx;

    p->real_host.ops->event_close(p->real_host.ctx, evtchn);
}

static void host_event_send(void *ctx, splitio_evtchn_t evtchn)
{
    struct pair *p = ctx;

    p->real_host.ops->event_send(p->real_host.ctx, evtchn);
}

static void host_event_unmask(void *ctx, splitio_evtchn_t evtchn)
{
    struct pair *p = ctx;

    p->real_host.ops->event_unmask(p->real_host.ctx, evtchn);
}

static void host_event_unmask_idle(void *ctx, splitio_evtchn_t evtchn)
{
    struct pair *p = ctx;

    splitio_host_port_unmask(&p->real_host, evtchn, true);
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

static void *guest_pages_alloc(void *ctx, unsigned nr_pages)
{
    struct pair *p = ctx;

    if (fails(&p->nr_guest_ops, p->fail_guest_op))
        return NULL;
    return p->real_guest.ops->pages_alloc(p->real_guest.ctx, nr_pages);
}

static void guest_pages_free(void *ctx, void *pages, unsigned nr_pages)
{
    struct pair *p = ctx;

    p->real_guest.ops->pages_free(p->real_guest.ctx, pages, nr_pages);
}

static int guest_grant(void *ctx, splitio_domid_t to, const void *page,
                       bool read_only, splitio_gref_t *gref)
{
    struct pair *p = ctx;

    if (fails(&p->nr_guest_ops, p->fail_guest_op))
        return SPLITIO_ENOSPC;
    return p->real_guest.ops->grant(p->real_guest.ctx, to, page, read_only,
                                    gref);
}

static int guest_revoke(void *ctx, splitio_gref_t gref)
{
    struct pair *p = ctx;

    return p->real_guest.ops->revoke(p->real_guest.ctx, gref);
}

static int guest_event_open(void *ctx, splitio_domid_t remote,
                            struct splitio_event_handler handler,
                            splitio_evtchn_t *evtchn)
{
    struct pair *p = ctx;

    if (fails(&p->nr_guest_ops, p->fail_guest_op))
        return SPLITIO_ENOSPC;
    return p->real_guest.ops->event_open(p->real_guest.ctx, remote, handler,
                                         evtchn);
}

static void guest_event_close(void *ctx, splitio_evtchn_t evtchn)
{
    struct pair *p = ctx;

    p->real_guest.ops->event_close(p->real_guest.ctx, evtchn);
}

static void guest_event_send(void *ctx, splitio_evtchn_t evtchn)
{
    struct pair *p = ctx;

    p->real_guest.ops->event_send(p->real_guest.ctx, evtchn);
}

static void guest_event_unmask(void *ctx, splitio_evtchn_t evtchn)
{
    struct pair *p = ctx;

    p->real_guest.ops->event_unmask(p->real_guest.ctx, evtchn);
}

static const struct splitio_guest_ops guest_ops = {
    .pages_alloc = guest_pages_alloc,
    .pages_free = guest_pages_free,
    .grant = guest_grant,
    .revoke = guest_revoke,
    .event_open = guest_event_open,
    .event_close = guest_event_close,
    .event_send = guest_event_send,
    .event_unmask = guest_event_unmask,
};

struct pair *pair_new(void)
{
    struct pair *p = calloc(1, sizeof(*p));

    assert_non_null(p);
    p->memory =
        aligned_alloc(SPLITIO_PAGE_SIZE, (size_t)NR_FRAMES * SPLITIO_PAGE_SIZE);
    p->host_info = aligned_alloc(SPLITIO_PAGE_SIZE, SPLITIO_PAGE_SIZE);
    p->next_mem = malloc(SPLITIO_GRANT_TABLE_MEM(PAIR_GRANTS));
    p->grant_mem[1] = malloc(SPLITIO_GRANT_DOMAIN_MEM(PAIR_GRANTS, 0));
    assert_true(p->memory && p->host_info && p->next_mem && p->grant_mem[1]);
    memset(p->memory, 0, (size_t)NR_FRAMES * SPLITIO_PAGE_SIZE);
    p->hv_port.ops = &hypervisor_ops;
    p->hv_port.ctx = p;
    splitio_hypervisor_init(&p->hv, &p->hv_port, p->slots, 2);
    make_host(p);
    make_guest(p);
    p->real_host = splitio_host_port(&p->host);
    p->real_guest = splitio_guest_port(&p->guest);
    p->host_port = (struct splitio_host_port){&host_ops, p};
    p->guest_port = (struct splitio_guest_port){&guest_ops, p};
    return p;
}

void pair_delete(struct pair *p)
{
    unsigned i;

    assert_int_equal(splitio_grant_engine_nr_mapped(&p->hv.grants, 0), 0);
    assert_int_equal(splitio_grant_engine_nr_pins(&p->hv.grants, 1), 0);
    assert_int_equal(splitio_event_engine_nr_open(&p->hv.events, 0), 0);
    assert_int_equal(splitio_event_engine_nr_open(&p->hv.events, 1), 0);
    for (i = 0; i < 64; i++)
        splitio_guest_poll(&p->guest, 64);
    assert_int_equal(splitio_guest_nr_lent(&p->guest), 0);
    assert_int_equal(splitio_guest_nr_free_pages(&p->guest), PAIR_HEAP_PAGES);
    assert_int_equal(splitio_domain_remove(&p->hv, PAIR_GUEST), 0);
    assert_int_equal(splitio_domain_remove(&p->hv, 0), 0);
    free(p->memory);
    free(p->host_info);
    free(p->next_mem);
    free(p->grant_mem[0]);
    free(p->grant_mem[1]);
    free(p);
}

unsigned pair_step(struct pair *p)
{
    return splitio_host_poll(&p->host, 64) + splitio_guest_poll(&p->guest, 64);
}

void *pair_granted(struct pair *p, splitio_gref_t gref)
{
    struct splitio_grant_entry_v1 *entries =
        (void *)(p->memory + SPLITIO_PAGE_SIZE);

    return p->memory +
           (size_t)splitio_le32(entries[gref].frame) * SPLITIO_PAGE_SIZE;
}
