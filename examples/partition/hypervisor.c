/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor side: memory regions, grant engine, event engine. */
#include "partition.h"

/* Frames of each partition with a fixed use. */
enum { GFN_SHARED_INFO, GFN_GRANTS, GFN_HEAP };

static uint8_t regions[2][REGION_PAGES * SPLITIO_PAGE_SIZE]
    __attribute__((aligned(SPLITIO_PAGE_SIZE)));
static struct splitio_hypervisor hv;
static struct splitio_hypervisor_port port;
static struct splitio_domain_slot slots[2 * 3];
static struct splitio_domain domains[2];
static uint64_t event_mem[2][SPLITIO_EVENT_DOMAIN_MEM(NR_PORTS) / 8];
static uint64_t grant_mem[2][SPLITIO_GRANT_DOMAIN_MEM(1, 256) / 8 + 1];
static struct splitio_host host;
static struct splitio_event_handler host_handlers[NR_PORTS];
static uint32_t nr_refused;
struct static_store static_store;

/* The one check that keeps partitions apart: every frame number that a guest
 * names comes by here. */
void *hypervisor_page(splitio_domid_t domid, splitio_gfn_t gfn)
{
    if (domid < DRIVER || domid > USER || gfn >= REGION_PAGES)
        return NULL;
    return regions[domid - 1] + (size_t)gfn * SPLITIO_PAGE_SIZE;
}

static void *frame_ptr(void *ctx, splitio_domid_t domid, splitio_gfn_t gfn,
                       bool write)
{
    void *page = hypervisor_page(domid, gfn);

    (void)ctx;
    (void)write;
    nr_refused += !page;
    return page;
}

/* Here partitions are polled by turns. A real hypervisor raises an interrupt. */
static void upcall(void *ctx, splitio_domid_t domid, unsigned vcpu)
{
    (void)ctx;
    (void)domid;
    (void)vcpu;
}

static const struct splitio_hypervisor_ops ops = {
    .frame_ptr = frame_ptr,
    .upcall = upcall,
};

static int add(splitio_domid_t domid)
{
    void *grants[1] = {hypervisor_page(domid, GFN_GRANTS)};
    const struct splitio_domain_config cfg = {
        .domid = domid,
        .grant_frames = grants,
        .nr_grant_frames = 1,
        .nr_track = 256,
        .grant_mem = grant_mem[domid - 1],
        .shared_info = hypervisor_page(domid, GFN_SHARED_INFO),
        .abi = &splitio_event_abi_x86_64,
        .nr_ports = NR_PORTS,
        .event_mem = event_mem[domid - 1],
    };

    return splitio_domain_add(&hv, &domains[domid - 1], &cfg);
}

int hypervisor_start(void)
{
    int err;

    port.ops = &ops;
    splitio_hypervisor_init(&hv, &port, slots, 3);
    err = add(DRIVER);
    if (!err)
        err = add(USER);
    if (!err)
        splitio_host_init(&host, &hv, DRIVER, &splitio_event_abi_x86_64,
                          hypervisor_page(DRIVER, GFN_SHARED_INFO),
                          host_handlers, NR_PORTS);
    return err;
}

struct splitio_host *hypervisor_host(void)
{
    return &host;
}

uint32_t hypervisor_nr_refused(void)
{
    return nr_refused;
}

uint32_t hypervisor_nr_held(void)
{
    return splitio_grant_engine_nr_mapped(&hv.grants, DRIVER) +
           splitio_grant_engine_nr_pins(&hv.grants, USER);
}

/* --- calls --- */

static splitio_domid_t caller(const void *ctx)
{
    return *(const splitio_domid_t *)ctx;
}

static int event_alloc(void *ctx, splitio_domid_t remote,
                       splitio_evtchn_t *evtchn)
{
    return splitio_event_engine_alloc_unbound(&hv.events, caller(ctx), remote,
                                              evtchn);
}

static void event_close(void *ctx, splitio_evtchn_t evtchn)
{
    (void)splitio_event_engine_close(&hv.events, caller(ctx), evtchn);
}

static void event_send(void *ctx, splitio_evtchn_t evtchn)
{
    (void)splitio_event_engine_send(&hv.events, caller(ctx), evtchn);
}

static void wake(void *ctx)
{
    (void)ctx;
}

const struct splitio_hypercall_ops hypercalls = {
    .event_alloc = event_alloc,
    .event_close = event_close,
    .event_send = event_send,
    .wake = wake,
};
