/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's port over FIFO events: where the pages come from, what may fail. */
#include "cm.h"

#include <splitio/guest.h>

#include <stdlib.h>
#include <string.h>

#define PORTS 5000u
#define HEAP  16u

static struct splitio_guest guest;
static struct splitio_event_handler handlers[PORTS];
static uint64_t heap_map[1];
static uint8_t *memory; /* shared info, grant table, heap */
static uint32_t *grant_mem;
static splitio_evtchn_t next_port;
static int control_err, expand_err;
static unsigned nr_expanded, nr_closed, nr_wakes, nr_asked;

static int event_alloc(void *ctx, splitio_domid_t remote,
                       splitio_evtchn_t *port)
{
    (void)ctx;
    (void)remote;
    *port = next_port++;
    return 0;
}

static void event_close(void *ctx, splitio_evtchn_t port)
{
    (void)ctx;
    (void)port;
    nr_closed++;
}

static void wake(void *ctx)
{
    (void)ctx;
    nr_wakes++;
}

static const struct splitio_hypercall_ops ops = {
    .event_alloc = event_alloc,
    .event_close = event_close,
    .wake = wake,
};

static uint32_t *page_of(splitio_gfn_t gfn)
{
    assert_in_range(gfn, 100, 100 + HEAP - 1);
    return (uint32_t *)(void *)(memory + (2 + gfn - 100) * SPLITIO_PAGE_SIZE);
}

static int init_control(void *ctx, splitio_gfn_t gfn, uint32_t offset,
                        unsigned vcpu)
{
    (void)ctx;
    assert_int_equal(vcpu, 0);
    assert_int_equal(offset, 0);
    assert_int_equal(page_of(gfn)[0], 0);
    return control_err;
}

/* As an engine does that has kept an event for port 1. */
static int expand_array(void *ctx, splitio_gfn_t gfn)
{
    (void)ctx;
    (void)page_of(gfn);
    if (!expand_err && nr_expanded++ == 0)
        memory[splitio_event_abi_x86_64.upcall_pending] = 1;
    return expand_err;
}

static void ask_unmask(void *ctx, splitio_evtchn_t port)
{
    (void)ctx;
    (void)port;
    nr_asked++;
}

static int set_priority(void *ctx, splitio_evtchn_t port, unsigned priority)
{
    (void)ctx;
    return priority < 16 && port ? 0 : SPLITIO_EINVAL;
}

static const struct splitio_event_fifo_ops fifo_ops = {
    .init_control = init_control,
    .expand_array = expand_array,
    .unmask = ask_unmask,
    .set_priority = set_priority,
};

static void make_with(const struct splitio_event_fifo_ops *fifo, uint32_t nr)
{
    const struct splitio_guest_config cfg = {
        .ops = &ops,
        .heap = memory + 2 * SPLITIO_PAGE_SIZE,
        .heap_gfn = 100,
        .heap_pages = HEAP,
        .heap_map = heap_map,
        .grant_frames = memory + SPLITIO_PAGE_SIZE,
        .nr_grant_frames = 1,
        .grant_mem = grant_mem,
        .shared_info = memory,
        .abi = &splitio_event_abi_x86_64,
        .handlers = handlers,
        .nr_handlers = nr,
        .fifo_ops = fifo,
    };

    assert_int_equal(splitio_guest_init(&guest, &cfg), 0);
}

static int setup(void **state)
{
    (void)state;
    memory = aligned_alloc(SPLITIO_PAGE_SIZE, (2 + HEAP) * SPLITIO_PAGE_SIZE);
    grant_mem = malloc(SPLITIO_GRANT_TABLE_MEM(1));
    assert_true(memory && grant_mem);
    memset(memory, 0, (2 + HEAP) * SPLITIO_PAGE_SIZE);
    next_port = 1;
    control_err = expand_err = 0;
    nr_expanded = nr_closed = nr_wakes = nr_asked = 0;
    make_with(&fifo_ops, PORTS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(memory);
    free(grant_mem);
    return 0;
}

static void on_event(void *arg)
{
    ++*(unsigned *)arg;
}

static int open_port(splitio_evtchn_t port)
{
    static unsigned nr_events;
    struct splitio_guest_port p = splitio_guest_port(&guest);
    splitio_evtchn_t got;

    next_port = port;
    return p.ops->event_open(
        p.ctx, 0, (struct splitio_event_handler){on_event, &nr_events}, &got);
}

static void array_grows_with_the_ports_that_are_opened(void **state)
{
    (void)state;
    assert_int_equal(open_port(3), 0);
    assert_int_equal(splitio_guest_use_fifo(&guest), 0);
    assert_int_equal(nr_wakes, 1); /* what was kept is due */
    assert_int_equal(splitio_guest_use_fifo(&guest), SPLITIO_EBUSY);
    assert_int_equal(splitio_guest_nr_fifo_pages(&guest), 2);
    assert_int_equal(open_port(1023), 0);
    assert_int_equal(splitio_guest_nr_fifo_pages(&guest), 2);
    assert_int_equal(open_port(3000), 0);
    assert_int_equal(splitio_guest_nr_fifo_pages(&guest), 4);
    assert_int_equal(open_port(4999), 0); /* more than there are bits */
    assert_int_equal(splitio_guest_nr_fifo_pages(&guest), 6);
    assert_int_equal(splitio_guest_nr_free_pages(&guest), HEAP - 6);
    assert_int_equal(open_port(5000), SPLITIO_ENOSPC);
    assert_int_equal(nr_closed, 1);
    assert_int_equal(splitio_guest_event_priority(&guest, 3, 0), 0);
    assert_int_equal(splitio_guest_event_priority(&guest, 3, 16),
                     SPLITIO_EINVAL);
}

static void array_covers_what_was_bound_before(void **state)
{
    (void)state;
    assert_int_equal(open_port(4000), 0);
    assert_int_equal(splitio_guest_use_fifo(&guest), 0);
    assert_int_equal(splitio_guest_nr_fifo_pages(&guest), 5);
}

static void fifo_without_ops_or_offer_is_refused(void **state)
{
    (void)state;
    control_err = SPLITIO_EOPNOTSUPP;
    assert_int_equal(splitio_guest_use_fifo(&guest), SPLITIO_EOPNOTSUPP);
    assert_int_equal(splitio_guest_nr_free_pages(&guest), HEAP);
    assert_int_equal(splitio_guest_nr_fifo_pages(&guest), 0);
    make_with(NULL, 4096);
    assert_int_equal(splitio_guest_use_fifo(&guest), SPLITIO_EOPNOTSUPP);
    assert_int_equal(splitio_guest_event_priority(&guest, 3, 0),
                     SPLITIO_EOPNOTSUPP);
    assert_int_equal(open_port(4095), 0);
}

static void heap_without_pages_is_told(void **state)
{
    struct splitio_guest_port p = splitio_guest_port(&guest);

    (void)state;
    assert_non_null(p.ops->pages_alloc(p.ctx, HEAP - 1));
    assert_int_equal(splitio_guest_use_fifo(&guest), SPLITIO_ENOMEM);
    p.ops->pages_free(p.ctx, memory + 2 * SPLITIO_PAGE_SIZE, 1);
    assert_int_equal(splitio_guest_nr_free_pages(&guest), 2);
    assert_int_equal(splitio_guest_use_fifo(&guest), 0);
    assert_int_equal(splitio_guest_nr_free_pages(&guest), 0);
    assert_int_equal(open_port(1024), SPLITIO_ENOSPC);
    assert_int_equal(nr_closed, 1);
    assert_int_equal(open_port(1000), 0);
}

static void array_that_cannot_grow_leaves_the_page(void **state)
{
    (void)state;
    expand_err = SPLITIO_EINVAL;
    assert_int_equal(splitio_guest_use_fifo(&guest), SPLITIO_EINVAL);
    assert_int_equal(splitio_guest_nr_fifo_pages(&guest), 1);
    assert_int_equal(open_port(1), SPLITIO_ENOSPC);
    expand_err = 0;
    assert_int_equal(open_port(1), 0);
    assert_int_equal(splitio_guest_nr_fifo_pages(&guest), 2);
    assert_int_equal(splitio_guest_nr_free_pages(&guest), HEAP - 2);
}

/* What came before there was a handler comes then. */
static void adopted_port_is_delivered_like_others(void **state)
{
    struct splitio_guest_port p = splitio_guest_port(&guest);
    unsigned nr_events = 0;
    const struct splitio_event_handler handler = {on_event, &nr_events};

    (void)state;
    memory[splitio_event_abi_x86_64.pending] = 1u << 3;
    assert_int_equal(splitio_guest_event_adopt(&guest, 3, handler), 0);
    assert_int_equal(nr_wakes, 1);
    assert_int_equal(splitio_guest_poll(&guest, 8), 1);
    assert_int_equal(nr_events, 1);
    memory[splitio_event_abi_x86_64.pending] = 1u << 3;
    p.ops->event_unmask(p.ctx, 3);
    assert_int_equal(splitio_guest_poll(&guest, 8), 1);
    assert_int_equal(nr_events, 2);
}

static void port_that_cannot_be_adopted_is_refused(void **state)
{
    const struct splitio_event_handler handler = {on_event, NULL};

    (void)state;
    assert_int_equal(splitio_guest_event_adopt(&guest, 0, handler),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_guest_event_adopt(&guest, PORTS, handler),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_guest_use_fifo(&guest), 0);
    expand_err = SPLITIO_EIO;
    assert_int_equal(splitio_guest_event_adopt(&guest, 3000, handler),
                     SPLITIO_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        CASE(array_grows_with_the_ports_that_are_opened),
        CASE(array_covers_what_was_bound_before),
        CASE(fifo_without_ops_or_offer_is_refused),
        CASE(heap_without_pages_is_told),
        CASE(array_that_cannot_grow_leaves_the_page),
        CASE(adopted_port_is_delivered_like_others),
        CASE(port_that_cannot_be_adopted_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
