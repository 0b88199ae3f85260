/* SPDX-License-Identifier: BSD-2-Clause */
#include "event_rig.h"

#include "cm.h"

#include <stdlib.h>
#include <string.h>

static void *frame_ptr(void *ctx, splitio_domid_t domid, splitio_gfn_t gfn,
                       bool write)
{
    struct event_rig *r = ctx;

    assert_true(write);
    if (gfn >= r->dom[domid].nr_frames)
        return NULL;
    return r->dom[domid].memory + (size_t)gfn * SPLITIO_PAGE_SIZE;
}

static void upcall(void *ctx, splitio_domid_t domid, unsigned vcpu)
{
    struct event_rig *r = ctx;

    r->dom[domid].nr_upcalls[vcpu]++;
}

static int pirq_bind(void *ctx, splitio_domid_t domid, uint32_t pirq,
                     uint32_t flags, splitio_evtchn_t port)
{
    struct event_rig *r = ctx;

    (void)domid;
    r->pirq = pirq;
    r->pirq_flags = flags;
    r->pirq_port = port;
    return r->pirq_answer;
}

static void pirq_unbind(void *ctx, splitio_domid_t domid, uint32_t pirq)
{
    struct event_rig *r = ctx;

    (void)domid;
    assert_int_equal(pirq, r->pirq);
    r->nr_unbound++;
}

static void pirq_eoi(void *ctx, splitio_domid_t domid, uint32_t pirq)
{
    struct event_rig *r = ctx;

    (void)domid;
    assert_int_equal(pirq, r->pirq);
    r->nr_eoi++;
}

static const struct splitio_hypervisor_ops ops = {
    .frame_ptr = frame_ptr,
    .upcall = upcall,
    .pirq_bind = pirq_bind,
    .pirq_unbind = pirq_unbind,
    .pirq_eoi = pirq_eoi,
};

static void fill(struct event_rig *r, splitio_domid_t id)
{
    struct rig_domain *d = &r->dom[id];

    d->self = (struct rig_hand){.rig = r, .domid = id};
    d->nr_frames = RIG_WORDS + (r->nr_ports + 1023) / 1024;
    /* And one page that the engine cannot reach. */
    d->memory = aligned_alloc(SPLITIO_PAGE_SIZE,
                              (size_t)(d->nr_frames + 1) * SPLITIO_PAGE_SIZE);
    d->mem = malloc(SPLITIO_EVENT_DOMAIN_MEM(r->nr_ports));
    d->fifo_mem = malloc(SPLITIO_EVENT_FIFO_MEM(r->nr_ports));
    d->handlers = calloc(r->nr_ports, sizeof(*d->handlers));
    d->hands = calloc(r->nr_ports, sizeof(*d->hands));
    d->calls = calloc(r->nr_ports, sizeof(*d->calls));
    assert_true(d->memory && d->mem && d->fifo_mem && d->handlers && d->hands &&
                d->calls);
    memset(d->memory, 0, (size_t)d->nr_frames * SPLITIO_PAGE_SIZE);
    splitio_event_guest_init(&d->g, r->abi, d->memory, d->handlers,
                             r->nr_ports);
    assert_int_equal(splitio_event_engine_add_fifo(
                         &r->e, &d->d, id, r->abi, d->memory, r->nr_ports,
                         d->mem, &d->fifo, d->fifo_mem),
                     0);
}

struct event_rig *event_rig_new(const struct splitio_event_abi *abi,
                                uint32_t nr_ports)
{
    struct event_rig *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    r->abi = abi;
    r->nr_ports = nr_ports;
    r->port = (struct splitio_hypervisor_port){&ops, r};
    splitio_event_engine_init(&r->e, &r->port, r->slots, RIG_DOMAINS);
    for (splitio_domid_t i = 0; i < RIG_DOMAINS; i++)
        fill(r, i);
    return r;
}

void event_rig_delete(struct event_rig *r)
{
    for (splitio_domid_t i = 0; i < RIG_DOMAINS; i++) {
        struct rig_domain *d = &r->dom[i];

        assert_int_equal(r->slots[i].users, 0);
        assert_int_equal(splitio_event_engine_remove(&r->e, i), 0);
        assert_int_equal(d->d.nr_open, 0);
        assert_int_equal(d->fifo.lock, 0);
        free(d->memory);
        free(d->mem);
        free(d->fifo_mem);
        free(d->handlers);
        free(d->hands);
        free(d->calls);
    }
    assert_int_equal(r->e.lock, 0);
    free(r);
}

/* ---- FIFO ---- */

static int init_control(void *ctx, splitio_gfn_t gfn, uint32_t offset,
                        unsigned vcpu)
{
    struct rig_hand *h = ctx;

    return splitio_event_engine_init_control(&h->rig->e, h->domid, gfn, offset,
                                             vcpu);
}

static int expand_array(void *ctx, splitio_gfn_t gfn)
{
    struct rig_hand *h = ctx;

    return splitio_event_engine_expand_array(&h->rig->e, h->domid, gfn);
}

static void ask_unmask(void *ctx, splitio_evtchn_t port)
{
    struct rig_hand *h = ctx;

    h->rig->dom[h->domid].nr_asked++;
    assert_int_equal(splitio_event_engine_unmask(&h->rig->e, h->domid, port),
                     0);
}

static int set_priority(void *ctx, splitio_evtchn_t port, unsigned priority)
{
    struct rig_hand *h = ctx;

    return splitio_event_engine_set_priority(&h->rig->e, h->domid, port,
                                             priority);
}

const struct splitio_event_fifo_ops event_rig_ops = {
    .init_control = init_control,
    .expand_array = expand_array,
    .unmask = ask_unmask,
    .set_priority = set_priority,
};

struct splitio_event_fifo_block *
event_rig_block(struct event_rig *r, splitio_domid_t domid, unsigned vcpu)
{
    uint8_t *page =
        r->dom[domid].memory + (size_t)RIG_BLOCKS * SPLITIO_PAGE_SIZE;

    return (void *)(page + vcpu * 72u);
}

uint32_t *event_rig_word(struct event_rig *r, splitio_domid_t domid,
                         splitio_evtchn_t port)
{
    uint8_t *page =
        r->dom[domid].memory + (size_t)RIG_WORDS * SPLITIO_PAGE_SIZE;

    return (uint32_t *)(void *)page + port;
}

int event_rig_start(struct event_rig *r, splitio_domid_t domid)
{
    struct rig_domain *d = &r->dom[domid];

    return splitio_event_guest_fifo_start(
        &d->g, &d->guest_fifo, &event_rig_ops, &d->self,
        event_rig_block(r, domid, 0), RIG_BLOCKS, 0);
}

int event_rig_expand(struct event_rig *r, splitio_domid_t domid)
{
    struct rig_domain *d = &r->dom[domid];
    uint32_t nr = splitio_event_guest_fifo_nr_ports(&d->g);

    return splitio_event_guest_fifo_expand(&d->g, event_rig_word(r, domid, nr),
                                           RIG_WORDS + nr / 1024);
}

void event_rig_use_fifo(struct event_rig *r, splitio_domid_t domid)
{
    assert_int_equal(event_rig_start(r, domid), 0);
    while (splitio_event_guest_fifo_nr_ports(&r->dom[domid].g) < r->nr_ports)
        assert_int_equal(event_rig_expand(r, domid), 0);
}

/* ---- ports ---- */

splitio_evtchn_t event_rig_open(struct event_rig *r, splitio_domid_t self,
                                splitio_domid_t remote)
{
    splitio_evtchn_t port = 0;

    assert_int_equal(
        splitio_event_engine_alloc_unbound(&r->e, self, remote, &port), 0);
    assert_in_range(port, 1, r->nr_ports - 1);
    return port;
}

splitio_evtchn_t event_rig_bind(struct event_rig *r, splitio_domid_t self,
                                splitio_domid_t remote, splitio_evtchn_t port)
{
    splitio_evtchn_t own = 0;

    assert_int_equal(
        splitio_event_engine_bind_interdomain(&r->e, self, remote, port, &own),
        0);
    return own;
}

static void on_event(void *arg)
{
    struct rig_hand *h = arg;
    struct event_rig *r = h->rig;

    r->dom[h->domid].calls[h->port]++;
    if (r->nr_order < SPLITIO_ARRAY_LEN(r->order))
        r->order[r->nr_order++] = h->port;
}

bool event_rig_handle(struct event_rig *r, splitio_domid_t domid,
                      splitio_evtchn_t port)
{
    struct rig_hand *h = &r->dom[domid].hands[port];

    *h = (struct rig_hand){r, domid, port};
    return splitio_event_guest_bind(
        &r->dom[domid].g, port, (struct splitio_event_handler){on_event, h});
}

unsigned event_rig_scan(struct event_rig *r, splitio_domid_t domid,
                        unsigned vcpu)
{
    struct splitio_event_guest *g = &r->dom[domid].g;
    unsigned n = 0;

    while (splitio_event_guest_has_upcall(g, vcpu))
        n += splitio_event_guest_scan(g, vcpu, 1000);
    return n;
}

void event_rig_send(struct event_rig *r, splitio_domid_t self,
                    splitio_evtchn_t port)
{
    assert_int_equal(splitio_event_engine_send(&r->e, self, port), 0);
}

splitio_evtchn_t event_rig_channel(struct event_rig *r, splitio_evtchn_t *from)
{
    splitio_evtchn_t port = event_rig_open(r, 1, 0);

    *from = event_rig_bind(r, 0, 1, port);
    assert_false(event_rig_handle(r, 1, port));
    return port;
}
