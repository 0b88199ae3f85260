/* SPDX-License-Identifier: BSD-2-Clause */
/* Control blocks and event words of FIFO events as splitio writes them, beside
 * the same made from Xen's headers. */
#include "cm.h"

#include "event_rig.h"
#include "golden.h"

#define PORTS 1500u

static struct cpu {
    const char *name, *program;
    const struct splitio_event_abi *events;
} cpus[] = {
    {"x86_64", GOLDEN_X86_64, &splitio_event_abi_x86_64},
    {"x86_32", GOLDEN_X86_32, &splitio_event_abi_x86_32},
};

static struct golden golden;
static struct event_rig *rig;

/* Two channels to domain 1, the second in another page of words. */
static splitio_evtchn_t near, far, from[2];

static void open_rig(const struct cpu *cpu)
{
    golden_open(&golden, cpu->name, cpu->program);
    rig = event_rig_new(cpu->events, PORTS);
    for (splitio_domid_t i = 0; i < 2; i++)
        event_rig_use_fifo(rig, i);
    near = event_rig_channel(rig, &from[0]);
    do
        far = event_rig_channel(rig, &from[1]);
    while (far < SPLITIO_EVENT_FIFO_PAGE_WORDS);
}

static void close_rig(void)
{
    event_rig_delete(rig);
    golden_close(&golden);
}

/* The bits of a port, and the next one in its queue. */
static void expect_word(splitio_evtchn_t port, unsigned pending,
                        unsigned masked, unsigned linked, unsigned link)
{
    golden_make(&golden, "event_fifo_word %u %u %u 0 %u", pending, masked,
                linked, link);
    golden_same(&golden, event_rig_word(rig, 1, port), 4, "event word");
}

/* One queue with something in it, or none: then its head is not of interest. */
static void expect_block(unsigned ready, unsigned priority,
                         splitio_evtchn_t head)
{
    golden_make(&golden, "event_fifo_control %u %u %u", ready, priority, head);
    golden_same(&golden, event_rig_block(rig, 1, 0), golden.len,
                "control block");
}

static void words_are_as_xens(void **state)
{
    open_rig(*state);
    expect_word(near, 0, 0, 0, 0);
    event_rig_send(rig, 0, from[0]);
    expect_word(near, 1, 0, 1, 0);
    event_rig_send(rig, 0, from[1]);
    expect_word(near, 1, 0, 1, far);
    expect_word(far, 1, 0, 1, 0);
    splitio_event_guest_mask(&rig->dom[1].g, far);
    expect_word(far, 1, 1, 1, 0);
    assert_int_equal(event_rig_scan(rig, 1, 0), 2);
    /* Handled: masked until its handler's owner has looked. The other one was
     * masked, and is still pending. */
    expect_word(near, 0, 1, 0, 0);
    expect_word(far, 1, 1, 0, 0);
    (void)splitio_event_guest_unmask(&rig->dom[1].g, 0, near);
    expect_word(near, 0, 0, 0, 0);
    close_rig();
}

static void blocks_are_as_xens(void **state)
{
    static const unsigned priorities[] = {7, 0, 15};

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(priorities); i++) {
        unsigned priority = priorities[i];

        open_rig(*state);
        assert_int_equal(
            splitio_event_engine_set_priority(&rig->e, 1, far, priority), 0);
        assert_int_equal(
            splitio_event_engine_set_priority(&rig->e, 1, near, priority), 0);
        event_rig_send(rig, 0, from[1]);
        expect_block(1u << priority, priority, far);
        event_rig_send(rig, 0, from[0]);
        expect_block(1u << priority, priority, far);
        assert_int_equal(event_rig_scan(rig, 1, 0), 2);
        assert_int_equal(event_rig_block(rig, 1, 0)->ready, 0);
        close_rig();
    }
}

/* A case for each processor. */
#define CASES(name)                                                            \
    {#name "_x86_64", name, NULL, NULL, &cpus[0]},                             \
    {                                                                          \
#name "_x86_32", name, NULL, NULL, &cpus[1]                            \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASES(words_are_as_xens),
        CASES(blocks_are_as_xens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
