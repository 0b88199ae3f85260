/* SPDX-License-Identifier: BSD-2-Clause */
/* A vcpu_info that the guest has put elsewhere. */
#include "cm.h"

#include "event_rig.h"

#include <string.h>

#define PORTS 200u
/* Behind the control blocks. */
#define PLACE  2560u
#define STRIDE 64u

static int setup(void **state)
{
    *state = event_rig_new(&splitio_event_abi_x86_64, PORTS);
    return 0;
}

static int teardown(void **state)
{
    event_rig_delete(*state);
    return 0;
}

static uint8_t *place(struct event_rig *r)
{
    return r->dom[1].memory + RIG_BLOCKS * SPLITIO_PAGE_SIZE + PLACE;
}

static int move(struct event_rig *r, unsigned vcpu, uint32_t offset)
{
    return splitio_event_engine_register_vcpu_info(&r->e, 1, vcpu, RIG_BLOCKS,
                                                   offset);
}

static void vcpu_info_moved_takes_its_content(void **state)
{
    struct event_rig *r = *state;
    uint64_t selector;

    /* Time, which the engine knows nothing of, lies at its end. */
    r->dom[1].memory[2 * STRIDE + STRIDE - 1] = 42;
    assert_ptr_equal(splitio_event_engine_vcpu_info(&r->e, 1, 2),
                     r->dom[1].memory + 2 * STRIDE);
    assert_int_equal(move(r, 2, PLACE), 0);
    assert_ptr_equal(splitio_event_engine_vcpu_info(&r->e, 1, 2), place(r));
    assert_int_equal(place(r)[STRIDE - 1], 42);
    /* Told to look at everything. */
    memcpy(&selector, place(r) + 8, sizeof(selector));
    assert_true(selector == UINT64_MAX);
    assert_int_equal(place(r)[0], 1);
    assert_int_equal(r->dom[1].nr_upcalls[2], 1);
}

static void vcpu_info_moved_gets_what_is_sent_later(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from;

    (void)event_rig_channel(r, &from);
    assert_int_equal(move(r, 0, PLACE), 0);
    memset(place(r), 0, STRIDE);
    memset(r->dom[1].memory, 0, STRIDE);
    event_rig_send(r, 0, from);
    assert_int_equal(place(r)[0], 1);
    assert_int_equal(r->dom[1].memory[0], 0);
    assert_int_equal(r->dom[1].nr_upcalls[0], 2);
}

static void vcpu_info_moved_gets_fifo_upcalls(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from;

    event_rig_use_fifo(r, 1);
    (void)event_rig_channel(r, &from);
    assert_int_equal(move(r, 0, PLACE), 0);
    memset(place(r), 0, STRIDE);
    memset(r->dom[1].memory, 0, STRIDE);
    event_rig_send(r, 0, from);
    assert_int_equal(place(r)[0], 1);
    assert_int_equal(r->dom[1].memory[0], 0);
}

static void vcpu_info_in_no_place_is_refused(void **state)
{
    struct event_rig *r = *state;

    assert_int_equal(move(r, 0, PLACE + 4), SPLITIO_EINVAL);
    assert_int_equal(move(r, 0, SPLITIO_PAGE_SIZE - STRIDE + 8),
                     SPLITIO_EINVAL);
    assert_int_equal(move(r, 32, PLACE), SPLITIO_ENOENT);
    assert_int_equal(splitio_event_engine_register_vcpu_info(
                         &r->e, 1, 0, UINT64_MAX / 2, PLACE),
                     SPLITIO_EINVAL);
    assert_int_equal(
        splitio_event_engine_register_vcpu_info(&r->e, 77, 0, 1, PLACE),
        SPLITIO_ENOENT);
    assert_null(splitio_event_engine_vcpu_info(&r->e, 77, 0));
    assert_null(splitio_event_engine_vcpu_info(&r->e, 1, 32));
    assert_int_equal(r->dom[1].nr_upcalls[0], 0);
}

static void vcpu_info_moved_twice_is_refused(void **state)
{
    struct event_rig *r = *state;

    assert_int_equal(move(r, 0, PLACE), 0);
    assert_int_equal(move(r, 0, PLACE + STRIDE), SPLITIO_EINVAL);
    assert_ptr_equal(splitio_event_engine_vcpu_info(&r->e, 1, 0), place(r));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(vcpu_info_moved_takes_its_content),
        TEST(vcpu_info_moved_gets_what_is_sent_later),
        TEST(vcpu_info_moved_gets_fifo_upcalls),
        TEST(vcpu_info_in_no_place_is_refused),
        TEST(vcpu_info_moved_twice_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
