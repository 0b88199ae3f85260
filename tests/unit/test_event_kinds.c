/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports without another end, with bits and with FIFO events. */
#include "cm.h"

#include "event_rig.h"

#include <string.h>

#define PORTS 200u
#define TIMER 0u
#define CONS  2u
#define ARGO  11u

static int setup_2l(void **state)
{
    *state = event_rig_new(&splitio_event_abi_x86_64, PORTS);
    return 0;
}

static int setup_fifo(void **state)
{
    struct event_rig *r = event_rig_new(&splitio_event_abi_x86_64, PORTS);

    event_rig_use_fifo(r, 1);
    for (unsigned v = 1; v < RIG_VCPUS; v++)
        assert_int_equal(
            splitio_event_guest_fifo_add_vcpu(
                &r->dom[1].g, v, event_rig_block(r, 1, v), RIG_BLOCKS, v * 72),
            0);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    event_rig_delete(*state);
    return 0;
}

static splitio_evtchn_t bind_virq(struct event_rig *r, unsigned virq,
                                  unsigned vcpu)
{
    splitio_evtchn_t port = 0;

    assert_int_equal(
        splitio_event_engine_bind_virq(&r->e, 1, virq, vcpu, &port), 0);
    (void)event_rig_handle(r, 1, port);
    return port;
}

static void raise_virq(struct event_rig *r, unsigned virq, unsigned vcpu)
{
    assert_int_equal(splitio_event_engine_raise_virq(&r->e, 1, virq, vcpu), 0);
}

static struct splitio_event_status status_of(struct event_rig *r,
                                             splitio_evtchn_t port)
{
    struct splitio_event_status s;

    memset(&s, 0xFF, sizeof(s));
    assert_int_equal(splitio_event_engine_status(&r->e, 1, port, &s), 0);
    return s;
}

static void virq_of_each_vcpu_comes_where_it_was_bound(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t port[RIG_VCPUS];

    for (unsigned v = 0; v < RIG_VCPUS; v++) {
        struct splitio_event_status s;

        port[v] = bind_virq(r, TIMER, v);
        s = status_of(r, port[v]);
        assert_int_equal(s.state, SPLITIO_EVTCHN_VIRQ);
        assert_int_equal(s.vcpu, v);
        assert_int_equal(s.irq, TIMER);
        assert_int_equal(s.remote, 0);
        assert_int_equal(s.remote_port, 0);
        assert_int_equal(s.priority, 7);
    }
    for (unsigned v = 0; v < RIG_VCPUS; v++) {
        raise_virq(r, TIMER, v);
        assert_int_equal(r->dom[1].nr_upcalls[v], 1);
        assert_int_equal(event_rig_scan(r, 1, v), 1);
        assert_int_equal(r->dom[1].calls[port[v]], 1);
        /* It stays on its vcpu. */
        assert_int_equal(splitio_event_engine_bind_vcpu(&r->e, 1, port[v], 1),
                         SPLITIO_EINVAL);
    }
    assert_int_equal(r->nr_order, RIG_VCPUS);
}

static void virq_global_is_bound_once_and_moves(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t port = bind_virq(r, CONS, 0), other;

    assert_int_equal(splitio_event_engine_bind_virq(&r->e, 1, CONS, 0, &other),
                     SPLITIO_EEXIST);
    assert_int_equal(splitio_event_engine_bind_virq(&r->e, 1, ARGO, 1, &other),
                     SPLITIO_EINVAL);
    raise_virq(r, CONS, 77);
    assert_int_equal(event_rig_scan(r, 1, 0), 1);
    assert_int_equal(splitio_event_engine_bind_vcpu(&r->e, 1, port, 3), 0);
    (void)splitio_event_guest_unmask(&r->dom[1].g, 0, port);
    raise_virq(r, CONS, 0);
    assert_int_equal(event_rig_scan(r, 1, 3), 1);
    assert_int_equal(r->dom[1].calls[port], 2);
    assert_int_equal(splitio_event_engine_close(&r->e, 1, port), 0);
    assert_int_equal(bind_virq(r, CONS, 0) != 0, 1);
}

static void virq_nobody_bound_is_dropped(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t port = bind_virq(r, TIMER, 1);

    raise_virq(r, TIMER, 0);
    raise_virq(r, ARGO, 0);
    assert_int_equal(splitio_event_engine_close(&r->e, 1, port), 0);
    raise_virq(r, TIMER, 1);
    /* The table is stale for a moment while another closes; so made here. */
    r->dom[1].d.virqs[1][TIMER] = port;
    raise_virq(r, TIMER, 1);
    r->dom[1].d.next_free = port;
    assert_int_equal(splitio_event_engine_bind_ipi(&r->e, 1, 1, &port), 0);
    raise_virq(r, TIMER, 1);
    r->dom[1].d.virqs[1][TIMER] = 0;
    for (unsigned v = 0; v < RIG_VCPUS; v++)
        assert_int_equal(r->dom[1].nr_upcalls[v], 0);
}

static void virq_bad_arguments_are_refused(void **state)
{
    struct event_rig *r = *state;
    struct splitio_event_engine *e = &r->e;
    splitio_evtchn_t port;

    assert_int_equal(splitio_event_engine_bind_virq(e, 1, 24, 0, &port),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_bind_virq(e, 1, TIMER, 32, &port),
                     SPLITIO_ENOENT);
    assert_int_equal(splitio_event_engine_bind_virq(e, 9, TIMER, 0, &port),
                     SPLITIO_ENOENT);
    assert_int_equal(splitio_event_engine_raise_virq(e, 1, 24, 0),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_raise_virq(e, 1, TIMER, 32),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_raise_virq(e, 9, TIMER, 0),
                     SPLITIO_ENOENT);
    assert_int_equal(splitio_event_engine_bind_ipi(e, 1, 32, &port),
                     SPLITIO_ENOENT);
    assert_int_equal(splitio_event_engine_bind_ipi(e, 9, 0, &port),
                     SPLITIO_ENOENT);
    assert_int_equal(splitio_event_engine_nr_open(e, 1), 0);
}

static void ipi_reaches_its_own_vcpu(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t port, other;

    assert_int_equal(splitio_event_engine_bind_ipi(&r->e, 1, 4, &port), 0);
    assert_int_equal(splitio_event_engine_bind_ipi(&r->e, 1, 4, &other), 0);
    (void)event_rig_handle(r, 1, port);
    assert_int_equal(status_of(r, port).state, SPLITIO_EVTCHN_IPI);
    assert_int_equal(status_of(r, port).vcpu, 4);
    event_rig_send(r, 1, port);
    assert_int_equal(r->dom[1].nr_upcalls[4], 1);
    assert_int_equal(event_rig_scan(r, 1, 4), 1);
    assert_int_equal(r->dom[1].calls[port], 1);
    assert_int_equal(splitio_event_engine_bind_vcpu(&r->e, 1, port, 0),
                     SPLITIO_EINVAL);
}

static void send_on_an_interrupt_is_refused(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t virq = bind_virq(r, TIMER, 0), pirq;

    assert_int_equal(splitio_event_engine_bind_pirq(&r->e, 1, 5, 0, &pirq), 0);
    assert_int_equal(splitio_event_engine_send(&r->e, 1, virq), SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_send(&r->e, 1, pirq), SPLITIO_EINVAL);
}

static void raise_makes_interrupts_pending_and_nothing_else(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t virq = bind_virq(r, TIMER, 0);
    splitio_evtchn_t from, channel = event_rig_channel(r, &from);

    assert_int_equal(splitio_event_engine_raise(&r->e, 1, virq), 0);
    assert_int_equal(event_rig_scan(r, 1, 0), 1);
    assert_int_equal(r->dom[1].calls[virq], 1);
    assert_int_equal(splitio_event_engine_raise(&r->e, 1, channel),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_raise(&r->e, 1, 0), SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_raise(&r->e, 1, PORTS),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_raise(&r->e, 9, virq),
                     SPLITIO_ENOENT);
}

static void pirq_allowed_by_the_embedder_is_raised_by_it(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t port, other;

    assert_int_equal(splitio_event_engine_bind_pirq(&r->e, 1, 17, 1, &port), 0);
    assert_int_equal(r->pirq, 17);
    assert_int_equal(r->pirq_flags, 1);
    assert_int_equal(r->pirq_port, port);
    assert_int_equal(status_of(r, port).state, SPLITIO_EVTCHN_PIRQ);
    assert_int_equal(status_of(r, port).irq, 17);
    assert_int_equal(splitio_event_engine_bind_pirq(&r->e, 1, 17, 1, &other),
                     SPLITIO_EEXIST);
    (void)event_rig_handle(r, 1, port);
    assert_int_equal(splitio_event_engine_raise(&r->e, 1, port), 0);
    assert_int_equal(event_rig_scan(r, 1, 0), 1);
    assert_int_equal(splitio_event_engine_raise(&r->e, 1, port), 0);
    assert_int_equal(event_rig_scan(r, 1, 0), 0); /* masked until its end */
    assert_int_equal(splitio_event_engine_pirq_eoi(&r->e, 1, port), 0);
    assert_int_equal(r->nr_eoi, 1);
    assert_int_equal(event_rig_scan(r, 1, 0), 1);
    assert_int_equal(splitio_event_engine_bind_vcpu(&r->e, 1, port, 2), 0);
    assert_int_equal(splitio_event_engine_pirq_eoi(&r->e, 1, port), 0);
    assert_int_equal(splitio_event_engine_raise(&r->e, 1, port), 0);
    assert_int_equal(event_rig_scan(r, 1, 2), 1);
    assert_int_equal(r->nr_unbound, 0);
    assert_int_equal(splitio_event_engine_close(&r->e, 1, port), 0);
    assert_int_equal(r->nr_unbound, 1);
    assert_int_equal(splitio_event_engine_bind_pirq(&r->e, 1, 17, 1, &port), 0);
    assert_int_equal(splitio_event_engine_reset(&r->e, 1), 0);
    assert_int_equal(r->nr_unbound, 2);
}

static void pirq_refused_leaves_no_port(void **state)
{
    struct event_rig *r = *state;
    struct splitio_event_engine *e = &r->e;
    splitio_evtchn_t port;

    r->pirq_answer = SPLITIO_EACCES;
    assert_int_equal(splitio_event_engine_bind_pirq(e, 1, 3, 0, &port),
                     SPLITIO_EACCES);
    assert_int_equal(splitio_event_engine_bind_pirq(e, 1, 1u << 28, 0, &port),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_bind_pirq(e, 9, 3, 0, &port),
                     SPLITIO_ENOENT);
    assert_int_equal(splitio_event_engine_nr_open(e, 1), 0);
    assert_int_equal(r->nr_unbound, 0);
    for (unsigned i = 1; i < PORTS; i++)
        (void)event_rig_open(r, 1, 0);
    r->pirq_answer = 0;
    assert_int_equal(splitio_event_engine_bind_pirq(e, 1, 3, 0, &port),
                     SPLITIO_ENOSPC);
    assert_int_equal(splitio_event_engine_pirq_eoi(e, 1, 1), SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_pirq_eoi(e, 9, 1), SPLITIO_ENOENT);
}

/* The guest's other threads act while the embedder is asked. */
static int bind_another(void *ctx, splitio_domid_t domid, uint32_t pirq,
                        uint32_t flags, splitio_evtchn_t port)
{
    static bool inside;
    struct event_rig *r = ctx;
    splitio_evtchn_t other;

    r->pirq = pirq;
    if (pirq == 99)
        return splitio_event_engine_close(&r->e, domid, port);
    if (!inside) {
        inside = true;
        assert_int_equal(
            splitio_event_engine_bind_pirq(&r->e, domid, pirq, flags, &other),
            0);
        inside = false;
    }
    return 0;
}

static void count_unbound(void *ctx, splitio_domid_t domid, uint32_t pirq)
{
    struct event_rig *r = ctx;

    (void)domid;
    (void)pirq;
    r->nr_unbound++;
}

static void pirq_bound_or_closed_meanwhile_is_undone(void **state)
{
    struct event_rig *r = *state;
    struct splitio_hypervisor_ops ops = *r->port.ops;
    splitio_evtchn_t port;

    ops.pirq_bind = bind_another;
    ops.pirq_unbind = count_unbound;
    r->port.ops = &ops;
    assert_int_equal(splitio_event_engine_bind_pirq(&r->e, 1, 8, 0, &port),
                     SPLITIO_EEXIST);
    assert_int_equal(r->nr_unbound, 1);
    assert_int_equal(splitio_event_engine_nr_open(&r->e, 1), 1);
    assert_int_equal(splitio_event_engine_bind_pirq(&r->e, 1, 99, 0, &port),
                     SPLITIO_EINVAL);
    assert_int_equal(r->nr_unbound, 2);
    assert_int_equal(splitio_event_engine_nr_open(&r->e, 1), 1);
    /* An embedder may leave out all but the first, and that too. */
    ops.pirq_unbind = NULL;
    ops.pirq_eoi = NULL;
    assert_int_equal(splitio_event_engine_bind_pirq(&r->e, 1, 99, 0, &port),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_reset(&r->e, 1), 0);
    ops.pirq_bind = NULL;
    assert_int_equal(splitio_event_engine_bind_pirq(&r->e, 1, 8, 0, &port),
                     SPLITIO_EACCES);
}

#define CASE(f)                                                                \
    {#f ".2l", f, setup_2l, teardown, NULL},                                   \
    {                                                                          \
#f ".fifo", f, setup_fifo, teardown, NULL                              \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(virq_of_each_vcpu_comes_where_it_was_bound),
        CASE(virq_global_is_bound_once_and_moves),
        CASE(virq_nobody_bound_is_dropped),
        CASE(virq_bad_arguments_are_refused),
        CASE(ipi_reaches_its_own_vcpu),
        CASE(send_on_an_interrupt_is_refused),
        CASE(raise_makes_interrupts_pending_and_nothing_else),
        CASE(pirq_allowed_by_the_embedder_is_raised_by_it),
        CASE(pirq_refused_leaves_no_port),
        CASE(pirq_bound_or_closed_meanwhile_is_undone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
