/* SPDX-License-Identifier: BSD-2-Clause */
/* FIFO events, one thread: what each operation does to words and blocks. */
#include "cm.h"

#include "event_rig.h"
#include "watch.h"

#include <string.h>

#define PENDING (UINT32_C(1) << SPLITIO_EVTCHN_FIFO_PENDING)
#define MASKED  (UINT32_C(1) << SPLITIO_EVTCHN_FIFO_MASKED)
#define LINKED  (UINT32_C(1) << SPLITIO_EVTCHN_FIFO_LINKED)
#define BUSY    (UINT32_C(1) << SPLITIO_EVTCHN_FIFO_BUSY)

#define PORTS 3000u

static int setup_2l(void **state)
{
    *state = event_rig_new(&splitio_event_abi_x86_64, PORTS);
    return 0;
}

/* Domain 1 has FIFO events, the others have bits. */
static int setup(void **state)
{
    struct event_rig *r;

    (void)setup_2l(state);
    r = *state;
    event_rig_use_fifo(r, 1);
    return 0;
}

static int setup_32(void **state)
{
    struct event_rig *r = event_rig_new(&splitio_event_abi_x86_32, PORTS);

    event_rig_use_fifo(r, 1);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    event_rig_delete(*state);
    return 0;
}

static uint32_t word(struct event_rig *r, splitio_evtchn_t port)
{
    return splitio_le32(*event_rig_word(r, 1, port));
}

static unsigned scan(struct event_rig *r)
{
    return event_rig_scan(r, 1, 0);
}

static bool unmask(struct event_rig *r, splitio_evtchn_t port)
{
    return splitio_event_guest_unmask(&r->dom[1].g, 0, port);
}

/* ---- words ---- */

static void send_sets_the_words_as_the_abi_says(void **state)
{
    struct event_rig *r = *state;
    struct splitio_event_fifo_block *block = event_rig_block(r, 1, 0);
    splitio_evtchn_t fa, fb, fc;
    splitio_evtchn_t a = event_rig_channel(r, &fa);
    splitio_evtchn_t b = event_rig_channel(r, &fb);
    splitio_evtchn_t c = event_rig_channel(r, &fc);

    assert_int_equal(word(r, a), 0);
    assert_int_equal(word(r, PORTS - 1), MASKED);
    event_rig_send(r, 0, fa);
    assert_int_equal(word(r, a), PENDING | LINKED);
    assert_int_equal(splitio_le32(block->head[7]), a);
    assert_int_equal(splitio_le32(block->ready), 1u << 7);
    assert_int_equal(r->dom[1].memory[r->abi->upcall_pending], 1);
    event_rig_send(r, 0, fb);
    event_rig_send(r, 0, fa);
    event_rig_send(r, 0, fc);
    assert_int_equal(word(r, a), PENDING | LINKED | b);
    assert_int_equal(word(r, b), PENDING | LINKED | c);
    assert_int_equal(word(r, c), PENDING | LINKED);
    assert_int_equal(splitio_le32(block->head[7]), a);
    assert_int_equal(r->dom[1].nr_upcalls[0], 1);
    assert_int_equal(scan(r), 3);
    assert_int_equal(splitio_le32(block->ready), 0);
    assert_int_equal(word(r, a), MASKED);
    assert_int_equal(word(r, b), MASKED);
    assert_int_equal(word(r, c), MASKED);
    assert_int_equal(r->order[0], a);
    assert_int_equal(r->order[1], b);
    assert_int_equal(r->order[2], c);
    assert_false(unmask(r, b));
    assert_int_equal(word(r, b), 0);
    /* The 2-level words are left alone. */
    for (unsigned i = 0; i < splitio_event_abi_nr_ports(r->abi) / 8; i++)
        assert_int_equal(r->dom[1].memory[r->abi->pending + i], 0);
}

static void send_to_a_masked_port_is_kept_until_unmasked(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from, to = event_rig_channel(r, &from);

    splitio_event_guest_mask(&r->dom[1].g, to);
    event_rig_send(r, 0, from);
    assert_int_equal(word(r, to), PENDING | MASKED);
    assert_int_equal(r->dom[1].nr_upcalls[0], 0);
    assert_int_equal(scan(r), 0);
    assert_true(unmask(r, to));
    assert_int_equal(r->dom[1].nr_asked, 1);
    assert_int_equal(r->dom[1].nr_upcalls[0], 1);
    assert_int_equal(word(r, to), PENDING | LINKED);
    assert_int_equal(scan(r), 1);
    assert_int_equal(r->dom[1].calls[to], 1);
    assert_false(unmask(r, to));
    assert_int_equal(r->dom[1].nr_asked, 1); /* nothing was pending */
}

static void mask_in_the_queue_holds_back_what_is_in_it(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from, to = event_rig_channel(r, &from);

    event_rig_send(r, 0, from);
    splitio_event_guest_mask(&r->dom[1].g, to);
    assert_int_equal(scan(r), 1); /* unlinked, and not handled */
    assert_int_equal(r->dom[1].calls[to], 0);
    assert_int_equal(word(r, to), PENDING | MASKED);
    assert_true(unmask(r, to));
    assert_int_equal(scan(r), 1);
    assert_int_equal(r->dom[1].calls[to], 1);
}

static void unmask_of_what_is_queued_queues_it_once(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from, to = event_rig_channel(r, &from);

    event_rig_send(r, 0, from);
    splitio_event_guest_mask(&r->dom[1].g, to);
    assert_true(unmask(r, to));
    assert_int_equal(word(r, to), PENDING | LINKED);
    assert_int_equal(r->dom[1].nr_upcalls[0], 1);
    assert_int_equal(scan(r), 1);
    assert_int_equal(r->dom[1].calls[to], 1);
}

static void storm_costs_one_handler_for_each_unmask_fifo(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from, to = event_rig_channel(r, &from);

    for (unsigned round = 1; round <= 20; round++) {
        for (unsigned i = 0; i < 500; i++) {
            event_rig_send(r, 0, from);
            scan(r);
        }
        assert_int_equal(r->dom[1].calls[to], round);
        assert_int_equal(r->dom[1].nr_upcalls[0], round);
        assert_true(unmask(r, to));
    }
    assert_int_equal(scan(r), 1);
}

static void unbind_in_the_queue_forgets_handler_and_event(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from, to = event_rig_channel(r, &from);

    event_rig_send(r, 0, from);
    splitio_event_guest_unbind(&r->dom[1].g, to);
    assert_int_equal(scan(r), 1);
    assert_int_equal(r->nr_order, 0);
    assert_int_equal(word(r, to), MASKED);
    event_rig_send(r, 0, from);
    assert_true(event_rig_handle(r, 1, to));
    assert_int_equal(scan(r), 1);
    assert_int_equal(r->dom[1].calls[to], 1);
}

/* Its event belongs to the last user; the queue may be another's. */
static void port_in_a_queue_is_not_used_again(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from, to = event_rig_channel(r, &from), port;

    event_rig_send(r, 0, from);
    splitio_event_guest_unbind(&r->dom[1].g, to);
    assert_int_equal(splitio_event_engine_close(&r->e, 1, to), 0);
    for (unsigned i = 1; i < PORTS - 1; i++)
        assert_int_not_equal(event_rig_open(r, 1, 0), to);
    assert_int_equal(splitio_event_engine_alloc_unbound(&r->e, 1, 0, &port),
                     SPLITIO_ENOSPC);
    assert_int_equal(scan(r), 1);
    assert_int_equal(event_rig_open(r, 1, 0), to);
    assert_int_equal(word(r, to), MASKED);
}

static void scan_by_priority_and_then_as_they_came(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from[48], to[48];

    for (unsigned i = 0; i < 48; i++) {
        to[i] = event_rig_channel(r, &from[i]);
        assert_int_equal(
            event_rig_ops.set_priority(&r->dom[1].self, to[i], 15 - i % 16), 0);
    }
    for (unsigned i = 0; i < 48; i++)
        event_rig_send(r, 0, from[i]);
    assert_int_equal(splitio_le32(event_rig_block(r, 1, 0)->ready), 0xFFFF);
    assert_int_equal(scan(r), 48);
    for (unsigned i = 0; i < 48; i++)
        assert_int_equal(r->order[i], to[15 - i / 3 + i % 3 * 16]);
}

/* Between two events of a scan a more urgent one comes. */
static struct event_rig *now;
static splitio_evtchn_t urgent_from;

static void send_urgent(void *arg)
{
    now->order[now->nr_order++] = (splitio_evtchn_t)(uintptr_t)arg;
    event_rig_send(now, 0, urgent_from);
}

static void scan_takes_the_urgent_one_that_came_meanwhile(void **state)
{
    struct event_rig *r = now = *state;
    splitio_evtchn_t fa, fb;
    splitio_evtchn_t a = event_rig_channel(r, &fa);
    splitio_evtchn_t b = event_rig_channel(r, &fb);
    splitio_evtchn_t urgent = event_rig_channel(r, &urgent_from);

    assert_int_equal(splitio_event_engine_set_priority(&r->e, 1, urgent, 0), 0);
    r->dom[1].handlers[a] =
        (struct splitio_event_handler){send_urgent, (void *)(uintptr_t)a};
    event_rig_send(r, 0, fa);
    event_rig_send(r, 0, fb);
    assert_int_equal(scan(r), 3);
    assert_int_equal(r->order[0], a);
    assert_int_equal(r->order[1], urgent);
    assert_int_equal(r->order[2], b);
}

static void scan_budget_of_one_goes_on_where_it_was(void **state)
{
    struct event_rig *r = *state;
    struct splitio_event_guest *g = &r->dom[1].g;
    splitio_evtchn_t from[40], to[40];

    for (unsigned i = 0; i < 40; i++)
        to[i] = event_rig_channel(r, &from[i]);
    for (unsigned i = 0; i < 20; i++)
        event_rig_send(r, 0, from[i]);
    assert_int_equal(splitio_event_guest_scan(g, 0, 0), 0);
    for (unsigned i = 0; i < 40; i++) {
        assert_true(splitio_event_guest_has_upcall(g, 0));
        assert_int_equal(splitio_event_guest_scan(g, 0, 1), 1);
        assert_int_equal(r->order[i], to[i]);
        if (i < 20)
            event_rig_send(r, 0, from[20 + i]);
    }
    assert_false(splitio_event_guest_has_upcall(g, 0));
}

/* ---- virtual CPUs and queues ---- */

static void add_vcpu(struct event_rig *r, unsigned vcpu)
{
    assert_int_equal(splitio_event_guest_fifo_add_vcpu(
                         &r->dom[1].g, vcpu, event_rig_block(r, 1, vcpu),
                         RIG_BLOCKS, vcpu * 72),
                     0);
}

static void bind_vcpu_moves_the_events_to_come(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from, to = event_rig_channel(r, &from);

    for (unsigned v = 1; v < 32; v++)
        add_vcpu(r, v);
    for (unsigned v = 0; v < 32; v++) {
        assert_int_equal(splitio_event_engine_bind_vcpu(&r->e, 1, to, v), 0);
        event_rig_send(r, 0, from);
        assert_int_equal(splitio_le32(event_rig_block(r, 1, v)->head[7]), to);
        assert_int_equal(r->dom[1].nr_upcalls[v], 1);
        /* It is in that queue, and stays there. */
        assert_int_equal(
            splitio_event_engine_bind_vcpu(&r->e, 1, to, (v + 1) % 32), 0);
        event_rig_send(r, 0, from);
        assert_int_equal(r->dom[1].nr_upcalls[(v + 1) % 32], v == 31);
        assert_int_equal(event_rig_scan(r, 1, v), 1);
        assert_int_equal(r->dom[1].calls[to], v + 1);
        assert_false(unmask(r, to));
    }
    assert_int_equal(splitio_event_guest_fifo_add_vcpu(&r->dom[1].g, 3,
                                                       event_rig_block(r, 1, 3),
                                                       RIG_BLOCKS, 0),
                     SPLITIO_EEXIST);
    assert_int_equal(splitio_event_guest_fifo_add_vcpu(&r->dom[1].g, 32,
                                                       event_rig_block(r, 1, 3),
                                                       RIG_BLOCKS, 0),
                     SPLITIO_EINVAL);
}

/* The tail of one queue is unlinked and linked in another: what is sent to the
 * first then must not be appended to it there. */
static void tail_that_moved_to_another_queue_is_no_tail_any_more(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t fa, fb;
    splitio_evtchn_t a = event_rig_channel(r, &fa);
    splitio_evtchn_t b = event_rig_channel(r, &fb);

    add_vcpu(r, 1);
    event_rig_send(r, 0, fa);
    assert_int_equal(scan(r), 1);
    (void)unmask(r, a);
    assert_int_equal(splitio_event_engine_bind_vcpu(&r->e, 1, a, 1), 0);
    assert_int_equal(splitio_event_engine_set_priority(&r->e, 1, a, 3), 0);
    event_rig_send(r, 0, fa);
    event_rig_send(r, 0, fb);
    assert_int_equal(word(r, a), PENDING | LINKED);
    assert_int_equal(splitio_le32(event_rig_block(r, 1, 0)->head[7]), b);
    assert_int_equal(splitio_le32(event_rig_block(r, 1, 1)->head[3]), a);
    r->nr_order = 0;
    assert_int_equal(scan(r), 1);
    assert_int_equal(r->order[0], b);
    assert_int_equal(event_rig_scan(r, 1, 1), 1);
    assert_int_equal(r->order[1], a);
}

static void send_to_a_vcpu_without_a_block_waits_for_the_unmask(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from, to = event_rig_channel(r, &from);

    assert_int_equal(splitio_event_engine_bind_vcpu(&r->e, 1, to, 5), 0);
    event_rig_send(r, 0, from);
    assert_int_equal(word(r, to), PENDING);
    assert_int_equal(r->dom[1].nr_upcalls[5], 0);
    r->dom[1].memory[5 * 64 + r->abi->upcall_pending] = 1;
    assert_int_equal(splitio_event_guest_scan(&r->dom[1].g, 5, 10), 0);
    add_vcpu(r, 5);
    assert_true(unmask(r, to));
    assert_int_equal(event_rig_scan(r, 1, 5), 1);
    assert_int_equal(r->dom[1].calls[to], 1);
}

/* ---- changing over ---- */

static void start_carries_along_what_is_bound_and_pending(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from[6], to[6];

    for (unsigned i = 0; i < 6; i++) {
        r->dom[1].d.next_free = 1 + i * 500; /* on three pages */
        to[i] = event_rig_channel(r, &from[i]);
    }
    splitio_event_guest_mask(&r->dom[1].g, to[1]);
    splitio_event_guest_mask(&r->dom[1].g, to[4]);
    event_rig_send(r, 0, from[0]);
    event_rig_send(r, 0, from[1]);
    event_rig_send(r, 0, from[5]);
    assert_int_equal(event_rig_start(r, 1), 0);
    assert_int_equal(event_rig_start(r, 1), SPLITIO_EBUSY);
    /* Before the array has grown to it. */
    event_rig_send(r, 0, from[3]);
    event_rig_send(r, 0, from[4]);
    assert_int_equal(word(r, to[0]), 0);
    (void)scan(r);
    assert_int_equal(r->nr_order, 0);
    /* Masks of ports without a word are kept for it. */
    assert_false(unmask(r, to[1]));
    splitio_event_guest_mask(&r->dom[1].g, to[0]);
    splitio_event_guest_mask(&r->dom[1].g, to[1]);
    assert_false(unmask(r, to[0]));
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(event_rig_expand(r, 1), 0);
        assert_int_equal(splitio_event_guest_fifo_nr_ports(&r->dom[1].g),
                         i * 1024);
    }
    assert_int_equal(event_rig_expand(r, 1), SPLITIO_EINVAL); /* no frame */
    assert_int_equal(splitio_event_guest_fifo_nr_ports(&r->dom[1].g), 3072);
    (void)scan(r);
    assert_int_equal(r->nr_order, 3);
    assert_int_equal(r->order[0], to[0]);
    assert_int_equal(r->order[1], to[3]);
    assert_int_equal(r->order[2], to[5]);
    assert_true(unmask(r, to[1]));
    assert_true(unmask(r, to[4]));
    assert_int_equal(scan(r), 2);
    /* And it goes on. */
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(r->dom[1].calls[to[i]], i != 2);
        (void)unmask(r, to[i]);
        event_rig_send(r, 0, from[i]);
    }
    assert_int_equal(scan(r), 6);
}

static void expand_delivers_to_each_vcpu_what_was_kept(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from[4], to[4];

    for (unsigned i = 0; i < 4; i++)
        to[i] = event_rig_channel(r, &from[i]);
    assert_int_equal(event_rig_start(r, 1), 0);
    add_vcpu(r, 2);
    assert_int_equal(splitio_event_engine_bind_vcpu(&r->e, 1, to[1], 2), 0);
    assert_int_equal(splitio_event_engine_bind_vcpu(&r->e, 1, to[3], 2), 0);
    for (unsigned i = 0; i < 4; i++)
        event_rig_send(r, 0, from[i]);
    assert_int_equal(splitio_event_engine_close(&r->e, 1, to[3]), 0);
    assert_int_equal(r->dom[1].nr_upcalls[0] + r->dom[1].nr_upcalls[2], 0);
    assert_int_equal(event_rig_expand(r, 1), 0);
    assert_int_equal(r->dom[1].nr_upcalls[0], 1);
    assert_int_equal(r->dom[1].nr_upcalls[2], 1);
    assert_int_equal(event_rig_scan(r, 1, 0), 2);
    assert_int_equal(event_rig_scan(r, 1, 2), 1);
    /* The next user of the closed port gets nothing of it. */
    r->dom[1].d.next_free = to[3];
    assert_int_equal(event_rig_open(r, 1, 0), to[3]);
    assert_false(event_rig_handle(r, 1, to[3]));
}

static void port_opened_again_inherits_no_kept_event(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from, to = event_rig_channel(r, &from);

    assert_int_equal(event_rig_start(r, 1), 0);
    event_rig_send(r, 0, from); /* kept: there is no word */
    assert_int_equal(splitio_event_engine_close(&r->e, 1, to), 0);
    r->dom[1].d.next_free = to;
    assert_int_equal(event_rig_open(r, 1, 0), to);
    assert_int_equal(event_rig_expand(r, 1), 0);
    assert_int_equal(word(r, to) & PENDING, 0);
    assert_int_equal(scan(r), 0);
}

/* The domain changes over between a sender's look at the ABI in use and its
 * setting of the bit, or after. */
static void change_over_now(void *arg, size_t offset)
{
    struct event_rig *r = arg;
    unsigned first = r->abi->pending;

    if (r->dom[1].d.is_fifo || offset < first || offset >= first + 512)
        return;
    assert_int_equal(
        splitio_event_engine_set_block(&r->e, 1, 0, event_rig_block(r, 1, 0)),
        0);
}

static void send_that_meets_the_change_is_not_lost(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from, to = event_rig_channel(r, &from);

    if (!watch_possible())
        skip();
    watch_start(r->dom[1].memory, SPLITIO_PAGE_SIZE, change_over_now, r);
    event_rig_send(r, 0, from);
    watch_stop();
    assert_true(r->dom[1].d.is_fifo);
    assert_int_equal(
        splitio_event_engine_add_words(&r->e, 1, event_rig_word(r, 1, 0)), 0);
    assert_int_equal(word(r, to), PENDING | LINKED);
    assert_int_equal(r->dom[1].nr_upcalls[0], 1);
}

static int refuse_control(void *ctx, splitio_gfn_t gfn, uint32_t offset,
                          unsigned vcpu)
{
    (void)ctx;
    (void)gfn;
    (void)offset;
    (void)vcpu;
    return SPLITIO_EOPNOTSUPP;
}

static void start_refused_leaves_the_bits_in_use(void **state)
{
    static const struct splitio_event_fifo_ops refusing = {.init_control =
                                                               refuse_control};
    struct event_rig *r = *state;
    struct rig_domain *d = &r->dom[1];
    splitio_evtchn_t from, to = event_rig_channel(r, &from);

    assert_int_equal(
        splitio_event_guest_fifo_start(&d->g, &d->guest_fifo, &refusing, NULL,
                                       event_rig_block(r, 1, 0), RIG_BLOCKS, 0),
        SPLITIO_EOPNOTSUPP);
    assert_int_equal(splitio_event_guest_fifo_nr_ports(&d->g), 0);
    assert_int_equal(event_rig_expand(r, 1), SPLITIO_EINVAL);
    assert_int_equal(splitio_event_guest_fifo_add_vcpu(
                         &d->g, 1, event_rig_block(r, 1, 1), RIG_BLOCKS, 72),
                     SPLITIO_EINVAL);
    event_rig_send(r, 0, from);
    assert_int_equal(scan(r), 1);
    assert_int_equal(d->calls[to], 1);
}

static void calls_odd_arguments_are_refused(void **state)
{
    struct event_rig *r = *state;
    struct splitio_event_engine *e = &r->e;
    static const uint32_t offsets[] = {1,    4,    4025,      4028,
                                       4032, 4096, UINT32_MAX};
    uint32_t *page = event_rig_word(r, 1, 0);
    splitio_evtchn_t from, to = event_rig_channel(r, &from);

    /* Not changed over yet. */
    assert_int_equal(splitio_event_engine_expand_array(e, 1, RIG_WORDS),
                     SPLITIO_EOPNOTSUPP);
    assert_int_equal(splitio_event_engine_set_priority(e, 1, to, 1),
                     SPLITIO_EOPNOTSUPP);
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(offsets); i++)
        assert_int_equal(
            splitio_event_engine_init_control(e, 1, RIG_BLOCKS, offsets[i], 0),
            SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_init_control(e, 1, 77777, 0, 0),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_init_control(e, 1, RIG_BLOCKS, 0, 32),
                     SPLITIO_ENOENT);
    assert_int_equal(splitio_event_engine_init_control(e, 9, RIG_BLOCKS, 0, 0),
                     SPLITIO_ENOENT);
    assert_int_equal(splitio_event_engine_set_block(e, 9, 0, NULL),
                     SPLITIO_ENOENT);
    /* None of these has changed it over. */
    assert_int_equal(splitio_event_engine_expand_array(e, 1, RIG_WORDS),
                     SPLITIO_EOPNOTSUPP);
    assert_int_equal(
        splitio_event_engine_init_control(e, 1, RIG_BLOCKS, 4024, 7), 0);
    assert_int_equal(splitio_event_engine_init_control(e, 1, RIG_BLOCKS, 0, 7),
                     SPLITIO_EINVAL);
    assert_int_equal(
        splitio_event_engine_set_block(e, 1, 31, event_rig_block(r, 1, 31)), 0);
    assert_int_equal(splitio_event_engine_expand_array(e, 1, 77777),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_expand_array(e, 9, RIG_WORDS),
                     SPLITIO_ENOENT);
    assert_int_equal(splitio_event_engine_add_words(e, 9, page),
                     SPLITIO_ENOENT);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(splitio_event_engine_add_words(e, 1, page + i * 1024),
                         0);
    assert_int_equal(splitio_event_engine_add_words(e, 1, page),
                     SPLITIO_ENOSPC);
    assert_int_equal(splitio_event_engine_set_priority(e, 1, to, 16),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_set_priority(e, 1, 0, 1),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_set_priority(e, 9, to, 1),
                     SPLITIO_ENOENT);
}

static void domain_added_without_fifo_is_not_offered_any(void **state)
{
    struct event_rig *r = *state;
    struct rig_domain *d = &r->dom[2];
    struct splitio_event_engine *e = &r->e;

    assert_int_equal(splitio_event_engine_remove(e, 2), 0);
    assert_int_equal(
        splitio_event_engine_add(e, &d->d, 2, r->abi, d->memory, 64, d->mem),
        0);
    assert_int_equal(event_rig_start(r, 2), SPLITIO_EOPNOTSUPP);
    assert_int_equal(splitio_event_engine_expand_array(e, 2, RIG_WORDS),
                     SPLITIO_EOPNOTSUPP);
    assert_int_equal(
        splitio_event_engine_add_words(e, 2, event_rig_word(r, 2, 0)),
        SPLITIO_EOPNOTSUPP);
    assert_int_equal(
        splitio_event_engine_set_block(e, 2, 0, event_rig_block(r, 2, 0)),
        SPLITIO_EOPNOTSUPP);
}

static void add_odd_arguments_are_refused_fifo(void **state)
{
    struct event_rig *r = *state;
    struct rig_domain *d = &r->dom[2];
    const struct splitio_event_abi *abi = r->abi;
    struct splitio_event_engine *e = &r->e;

#define ADD(id, abi, page, nr, mem, fifo, fifo_mem)                            \
    splitio_event_engine_add_fifo(e, &d->d, id, abi, page, nr, mem, fifo,      \
                                  fifo_mem)
    assert_int_equal(ADD(2, abi, d->memory, 64, d->mem, &d->fifo, d->fifo_mem),
                     SPLITIO_EEXIST);
    assert_int_equal(splitio_event_engine_remove(e, 2), 0);
    assert_int_equal(ADD(9, abi, d->memory, 64, d->mem, &d->fifo, d->fifo_mem),
                     SPLITIO_EINVAL);
    assert_int_equal(ADD(2, NULL, d->memory, 64, d->mem, &d->fifo, d->fifo_mem),
                     SPLITIO_EINVAL);
    assert_int_equal(ADD(2, abi, NULL, 64, d->mem, &d->fifo, d->fifo_mem),
                     SPLITIO_EINVAL);
    assert_int_equal(ADD(2, abi, d->memory, 1, d->mem, &d->fifo, d->fifo_mem),
                     SPLITIO_EINVAL);
    assert_int_equal(
        ADD(2, abi, d->memory, 131073, d->mem, &d->fifo, d->fifo_mem),
        SPLITIO_EINVAL);
    assert_int_equal(ADD(2, abi, d->memory, 64, NULL, &d->fifo, d->fifo_mem),
                     SPLITIO_EINVAL);
    assert_int_equal(ADD(2, abi, d->memory, 64, d->mem, NULL, d->fifo_mem),
                     SPLITIO_EINVAL);
    assert_int_equal(ADD(2, abi, d->memory, 64, d->mem, &d->fifo, NULL),
                     SPLITIO_EINVAL);
    assert_int_equal(ADD(2, abi, d->memory, 64, d->mem, &d->fifo, d->fifo_mem),
                     0);
}

/* ---- reset ---- */

static void reset_closes_all_and_goes_back_to_bits(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from, to = event_rig_channel(r, &from), port;
    uint32_t *last;

    for (unsigned i = 0; i < 40; i++)
        (void)event_rig_open(r, 1, 2);
    event_rig_send(r, 0, from);
    assert_int_equal(splitio_event_engine_reset(&r->e, 9), SPLITIO_ENOENT);
    assert_int_equal(splitio_event_engine_reset(&r->e, 1), 0);
    assert_int_equal(splitio_event_engine_nr_open(&r->e, 1), 0);
    splitio_event_guest_fifo_end(&r->dom[1].g);
    /* The pages are the guest's own. */
    memset(r->dom[1].memory + SPLITIO_PAGE_SIZE, 0x5A, 4 * SPLITIO_PAGE_SIZE);
    event_rig_send(r, 0, from);
    to = event_rig_channel(r, &from);
    event_rig_send(r, 0, from);
    assert_int_equal(scan(r), 1);
    assert_int_equal(r->dom[1].calls[to], 1);
    last = event_rig_word(r, 1, 2047);
    for (uint32_t *w = (void *)event_rig_block(r, 1, 0); w <= last; w++)
        assert_int_equal(*w, 0x5A5A5A5A);
    /* And again over to FIFO. */
    event_rig_use_fifo(r, 1);
    assert_false(unmask(r, to));
    event_rig_send(r, 0, from);
    assert_int_equal(scan(r), 1);
    assert_int_equal(word(r, to), MASKED);
    assert_int_equal(splitio_event_engine_alloc_unbound(&r->e, 1, 0, &port), 0);
}

static void reset_of_a_domain_with_bits_closes_all(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from, to = event_rig_channel(r, &from);
    struct splitio_event_status s;

    assert_int_equal(splitio_event_engine_reset(&r->e, 0), 0);
    assert_int_equal(splitio_event_engine_nr_open(&r->e, 0), 0);
    assert_int_equal(splitio_event_engine_status(&r->e, 1, to, &s), 0);
    assert_int_equal(s.state, SPLITIO_EVTCHN_UNBOUND);
    assert_int_equal(event_rig_bind(r, 0, 1, to), 1);
}

/* A sender that saw the port before the reset comes late. */
static void send_under_way_during_a_reset_touches_nothing(void **state)
{
    struct event_rig *r = *state;
    uint64_t forged = UINT64_C(2) << 60 | 1; /* interdomain, with domain 0 */
    struct rig_domain *d = &r->dom[1];

    assert_int_equal(splitio_event_engine_reset(&r->e, 1), 0);
    memset(d->memory, 0, (size_t)d->nr_frames * SPLITIO_PAGE_SIZE);
    d->mem[2500] = forged;
    r->dom[0].mem[1] = UINT64_C(2) << 60 | UINT64_C(1) << 32 | 2500;
    if (r->abi->word_bits == 32)
        event_rig_send(r, 0, 1); /* more than there are bits */
    if (r->abi->word_bits == 32)
        assert_int_equal(splitio_event_engine_unmask(&r->e, 1, 2500), 0);
    d->mem[2500] = r->dom[0].mem[1] = 0;
    for (size_t i = 0; i < (size_t)d->nr_frames * SPLITIO_PAGE_SIZE; i++)
        assert_int_equal(d->memory[i], 0);
}

/* ---- all ports ---- */

static void all_ports_open_and_deliver(void **state)
{
    struct event_rig *r = event_rig_new(&splitio_event_abi_x86_32,
                                        SPLITIO_EVTCHN_FIFO_NR_CHANNELS);
    splitio_evtchn_t port;
    unsigned n = 0;

    (void)state;
    /* As many as there are bits, before. */
    for (unsigned i = 1; i < 1024; i++)
        assert_int_equal(event_rig_open(r, 1, 1), i);
    assert_int_equal(splitio_event_engine_alloc_unbound(&r->e, 1, 1, &port),
                     SPLITIO_ENOSPC);
    event_rig_use_fifo(r, 1);
    assert_int_equal(event_rig_expand(r, 1), SPLITIO_ENOSPC);
    for (unsigned i = 1; i < 1024; i++)
        assert_int_equal(splitio_event_engine_close(&r->e, 1, i), 0);
    for (unsigned i = 1; i < r->nr_ports; i++) {
        assert_int_equal(splitio_event_engine_bind_ipi(&r->e, 1, 0, &port), 0);
        (void)event_rig_handle(r, 1, port);
        event_rig_send(r, 1, port);
    }
    assert_int_equal(splitio_event_engine_bind_ipi(&r->e, 1, 0, &port),
                     SPLITIO_ENOSPC);
    assert_int_equal(splitio_event_engine_nr_open(&r->e, 1), r->nr_ports - 1);
    n = event_rig_scan(r, 1, 0);
    assert_int_equal(n, r->nr_ports - 1);
    for (unsigned i = 1; i < r->nr_ports; i++)
        assert_int_equal(r->dom[1].calls[i], 1);
    assert_int_equal(splitio_event_engine_reset(&r->e, 1), 0);
    assert_int_equal(event_rig_open(r, 1, 1), 1);
    event_rig_delete(r);
}

#define CASE(f)                                                                \
    {#f, f, setup, teardown, NULL},                                            \
    {                                                                          \
#f ".x86_32", f, setup_32, teardown, NULL                              \
    }
#define CASE_2L(f)                                                             \
    {                                                                          \
#f, f, setup_2l, teardown, NULL                                        \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(send_sets_the_words_as_the_abi_says),
        CASE(send_to_a_masked_port_is_kept_until_unmasked),
        CASE(mask_in_the_queue_holds_back_what_is_in_it),
        CASE(unmask_of_what_is_queued_queues_it_once),
        CASE(storm_costs_one_handler_for_each_unmask_fifo),
        CASE(unbind_in_the_queue_forgets_handler_and_event),
        CASE(port_in_a_queue_is_not_used_again),
        CASE(scan_by_priority_and_then_as_they_came),
        CASE(scan_takes_the_urgent_one_that_came_meanwhile),
        CASE(scan_budget_of_one_goes_on_where_it_was),
        CASE(bind_vcpu_moves_the_events_to_come),
        CASE(tail_that_moved_to_another_queue_is_no_tail_any_more),
        CASE(send_to_a_vcpu_without_a_block_waits_for_the_unmask),
        CASE(reset_closes_all_and_goes_back_to_bits),
        CASE(send_under_way_during_a_reset_touches_nothing),
        CASE_2L(start_carries_along_what_is_bound_and_pending),
        CASE_2L(expand_delivers_to_each_vcpu_what_was_kept),
        CASE_2L(port_opened_again_inherits_no_kept_event),
        CASE_2L(send_that_meets_the_change_is_not_lost),
        CASE_2L(start_refused_leaves_the_bits_in_use),
        CASE_2L(calls_odd_arguments_are_refused),
        CASE_2L(domain_added_without_fifo_is_not_offered_any),
        CASE_2L(add_odd_arguments_are_refused_fifo),
        CASE_2L(reset_of_a_domain_with_bits_closes_all),
        cmocka_unit_test(all_ports_open_and_deliver),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
