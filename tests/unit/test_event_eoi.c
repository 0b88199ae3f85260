/* SPDX-License-Identifier: BSD-2-Clause */
/* T32: events without work wait longer and longer, and nothing else does. */
#include "cm.h"

#include <splitio/event_eoi.h>

#include <stdlib.h>

#define PORTS 3000u
#define MS    UINT64_C(1000000)
#define NEVER UINT64_MAX

static struct splitio_event_eoi eoi;
static struct splitio_event_eoi_port ports[PORTS];
static unsigned unmasked[PORTS];
static unsigned nr_unmasked;

static void unmask(void *arg, splitio_evtchn_t port)
{
    assert_ptr_equal(arg, &eoi);
    assert_in_range(port, 1, PORTS - 1);
    unmasked[port]++;
    nr_unmasked++;
}

static uint64_t tick(uint64_t now_ns)
{
    return splitio_event_eoi_tick(&eoi, now_ns, unmask, &eoi);
}

static int setup(void **state)
{
    (void)state;
    splitio_event_eoi_init(&eoi, ports, PORTS);
    for (unsigned i = 0; i < PORTS; i++)
        unmasked[i] = 0;
    nr_unmasked = 0;
    return 0;
}

static void idle_without_a_clock_is_unmasked_at_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        assert_true(splitio_event_eoi_end(&eoi, 1, true));
    assert_int_equal(tick(5), NEVER);
    assert_true(splitio_event_eoi_end(&eoi, 1, true)); /* nothing counted */
}

static void idle_without_memory_is_unmasked_at_once(void **state)
{
    (void)state;
    splitio_event_eoi_init(&eoi, NULL, PORTS);
    assert_int_equal(tick(5), NEVER);
    for (unsigned i = 0; i < 100; i++)
        assert_true(splitio_event_eoi_end(&eoi, 1, true));
    splitio_event_eoi_forget(&eoi, 1);
    assert_int_equal(tick(NEVER - 1), NEVER);
}

static void idle_in_a_row_waits_twice_as_long_up_to_a_second(void **state)
{
    uint64_t now = 7 * MS, delay = MS;

    (void)state;
    assert_int_equal(tick(now), NEVER);
    assert_true(splitio_event_eoi_end(&eoi, 9, true));
    for (unsigned i = 1; i < 40; i++) {
        assert_false(splitio_event_eoi_end(&eoi, 9, true));
        assert_int_equal(tick(now), now + delay);
        assert_int_equal(tick(now + delay - 1), now + delay);
        assert_int_equal(unmasked[9], i - 1);
        now += delay;
        assert_int_equal(tick(now), NEVER);
        assert_int_equal(unmasked[9], i);
        delay = delay * 2 < 1000 * MS ? delay * 2 : 1000 * MS;
    }
    assert_int_equal(delay, 1000 * MS);
    assert_int_equal(splitio_event_eoi_nr_delayed(&eoi), 39);
    /* Work: all is forgotten. */
    assert_true(splitio_event_eoi_end(&eoi, 9, false));
    assert_true(splitio_event_eoi_end(&eoi, 9, true));
    assert_false(splitio_event_eoi_end(&eoi, 9, true));
    assert_int_equal(tick(now), now + MS);
}

static void work_between_idle_events_never_waits(void **state)
{
    (void)state;
    (void)tick(MS);
    for (unsigned i = 0; i < 100; i++) {
        assert_true(splitio_event_eoi_end(&eoi, 3, true));
        assert_true(splitio_event_eoi_end(&eoi, 3, false));
    }
    assert_int_equal(splitio_event_eoi_nr_delayed(&eoi), 0);
}

static void wait(splitio_evtchn_t port, unsigned times)
{
    splitio_event_eoi_forget(&eoi, port);
    for (unsigned i = 0; i <= times; i++)
        (void)splitio_event_eoi_end(&eoi, port, true);
}

static void work_found_while_waiting_ends_the_wait(void **state)
{
    (void)state;
    (void)tick(0);
    wait(1, 1);
    wait(2, 3);
    wait(3, 2);
    assert_int_equal(tick(0), MS);
    assert_true(splitio_event_eoi_end(&eoi, 3, false));
    assert_true(splitio_event_eoi_end(&eoi, 1, false));
    splitio_event_eoi_forget(&eoi, 1); /* not in the list */
    assert_int_equal(tick(MS), 4 * MS);
    assert_int_equal(tick(4 * MS), NEVER);
    assert_int_equal(nr_unmasked, 1);
    assert_int_equal(unmasked[2], 1);
}

static void forgotten_port_waits_no_longer(void **state)
{
    (void)state;
    (void)tick(0);
    wait(1, 1);
    splitio_event_eoi_forget(&eoi, 1);
    assert_int_equal(tick(0), NEVER);
    assert_int_equal(tick(1000 * MS), NEVER);
    assert_int_equal(nr_unmasked, 0);
    assert_true(splitio_event_eoi_end(&eoi, 1, true)); /* nor is it held */
    splitio_event_eoi_forget(&eoi, PORTS);
    assert_true(splitio_event_eoi_end(&eoi, PORTS, true));
}

static void all_ports_due_at_once_are_unmasked_once(void **state)
{
    (void)state;
    (void)tick(0);
    for (unsigned p = 1; p < PORTS; p++)
        wait(p, 1 + p % 4);
    assert_int_equal(tick(0), MS);
    assert_int_equal(tick(MS), 2 * MS);
    assert_int_equal(nr_unmasked, PORTS / 4 - 1);
    assert_int_equal(tick(100 * MS), NEVER);
    assert_int_equal(nr_unmasked, PORTS - 1);
    for (unsigned p = 1; p < PORTS; p++)
        assert_int_equal(unmasked[p], 1);
}

/* Against a plain table: who is due, and when the next is. */
static void random_ends_and_ticks_match_a_table(void **state)
{
    static struct {
        unsigned nr;
        uint64_t due;
    } want[20];
    uint64_t now = 0;

    (void)state;
    srand(1);
    (void)tick(now);
    for (unsigned i = 0; i < 20; i++)
        want[i].due = NEVER;
    for (unsigned i = 0; i < 200000; i++) {
        unsigned port = 1 + (unsigned)rand() % 19, what = (unsigned)rand() % 8;
        uint64_t first = NEVER;

        if (what < 4 && want[port].due == NEVER) {
            bool at_once = ++want[port].nr < 2;

            if (!at_once) {
                unsigned shift = want[port].nr > 12 ? 10 : want[port].nr - 2;

                want[port].due = now + (shift == 10 ? 1000 * MS : MS << shift);
            }
            assert_int_equal(splitio_event_eoi_end(&eoi, port, true), at_once);
        } else if (what == 4) {
            want[port].nr = 0;
            want[port].due = NEVER;
            if (rand() % 2)
                splitio_event_eoi_forget(&eoi, port);
            else
                assert_true(splitio_event_eoi_end(&eoi, port, false));
        } else if (what > 5) {
            unsigned nr = nr_unmasked, nr_due = 0;

            now += (uint64_t)rand() % (100 * MS);
            for (unsigned p = 1; p < 20; p++) {
                nr_due += want[p].due <= now;
                if (want[p].due <= now)
                    want[p].due = NEVER;
                if (want[p].due < first)
                    first = want[p].due;
            }
            /* It may be early, where a port was forgotten; never late. */
            assert_true(tick(now) <= first);
            assert_int_equal(nr_unmasked - nr, nr_due);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup(f, setup)
        CASE(idle_without_a_clock_is_unmasked_at_once),
        CASE(idle_without_memory_is_unmasked_at_once),
        CASE(idle_in_a_row_waits_twice_as_long_up_to_a_second),
        CASE(work_between_idle_events_never_waits),
        CASE(work_found_while_waiting_ends_the_wait),
        CASE(forgotten_port_waits_no_longer),
        CASE(all_ports_due_at_once_are_unmasked_once),
        CASE(random_ends_and_ticks_match_a_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
