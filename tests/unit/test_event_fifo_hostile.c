/* SPDX-License-Identifier: BSD-2-Clause */
/* T36: a guest that writes what it likes into its words and blocks. */
#include "cm.h"

#include "event_rig.h"
#include "watch.h"

#include <stdlib.h>
#include <string.h>

#define PENDING (UINT32_C(1) << SPLITIO_EVTCHN_FIFO_PENDING)
#define MASKED  (UINT32_C(1) << SPLITIO_EVTCHN_FIFO_MASKED)
#define LINKED  (UINT32_C(1) << SPLITIO_EVTCHN_FIFO_LINKED)
#define BUSY    (UINT32_C(1) << SPLITIO_EVTCHN_FIFO_BUSY)
#define LINK    SPLITIO_EVTCHN_FIFO_LINK_MASK

#define PORTS 1024u

static int setup(void **state)
{
    struct event_rig *r = event_rig_new(&splitio_event_abi_x86_64, PORTS);

    event_rig_use_fifo(r, 1);
    for (unsigned v = 1; v < 4; v++)
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

/* ---- the engine ---- */

/* Whatever the tail's word says: the next send ends, and leaves no BUSY. */
static void tail_word_of_any_value_is_survived(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t fa, fb, fc;
    splitio_evtchn_t a = event_rig_channel(r, &fa);
    splitio_evtchn_t b = event_rig_channel(r, &fb);
    splitio_evtchn_t c = event_rig_channel(r, &fc);
    const uint32_t links[] = {0, a, b, c, PORTS, LINK};

    for (unsigned flags = 0; flags < 16; flags++)
        for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(links); i++) {
            uint32_t w = (uint32_t)flags << 28 | links[i] | 0x0FFE0000u;

            *event_rig_word(r, 1, a) = *event_rig_word(r, 1, b) = 0;
            *event_rig_word(r, 1, c) = 0;
            event_rig_send(r, 0, fa);
            *event_rig_word(r, 1, a) = splitio_le32(w); /* the tail now */
            event_rig_send(r, 0, fb);
            event_rig_send(r, 0, fc);
            event_rig_send(r, 0, fa);
            assert_int_equal(splitio_le32(*event_rig_word(r, 1, b)) & BUSY, 0);
            if (w & LINKED) {
                assert_int_equal(splitio_le32(*event_rig_word(r, 1, a)) & LINK,
                                 b);
                assert_int_equal(splitio_le32(*event_rig_word(r, 1, a)) & BUSY,
                                 0);
            }
            (void)event_rig_scan(r, 1, 0);
        }
}

struct restless {
    uint32_t *word;
    unsigned nr;
    bool unlink;
};

/* Without optimisation, what is one instruction is a loop that never ends. */
static bool watch_single_steps(void)
{
#ifdef __OPTIMIZE__
    return watch_possible();
#else
    print_message("compiled without optimisation: too many accesses\n");
    return false;
#endif
}

/* Before each access of the engine to the page: another word. */
static void never_hold_still(void *arg, size_t offset)
{
    struct restless *l = arg;

    (void)offset;
    l->nr++;
    *l->word = l->unlink
                   ? 0
                   : (*l->word ^ splitio_le32(MASKED)) | splitio_le32(LINKED);
}

static void word_that_never_holds_still_costs_a_few_looks(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t fa, fb;
    splitio_evtchn_t a = event_rig_channel(r, &fa), b;
    struct restless l = {.word = event_rig_word(r, 1, a)};

    if (!watch_single_steps())
        skip();
    b = event_rig_channel(r, &fb);
    for (unsigned i = 0; i < 2; i++) {
        l.nr = 0;
        event_rig_send(r, 0, fa);
        watch_start(event_rig_word(r, 1, 0), SPLITIO_PAGE_SIZE,
                    never_hold_still, &l);
        event_rig_send(r, 0, fb);
        watch_stop();
        assert_in_range(l.nr, 3, 16);
        assert_int_equal(splitio_le32(*event_rig_word(r, 1, a)) & BUSY, 0);
        /* Its own queue is in disorder; the engine has begun a new one. */
        assert_int_equal(splitio_le32(event_rig_block(r, 1, 0)->head[7]), b);
        *event_rig_word(r, 1, a) = 0;
        (void)event_rig_scan(r, 1, 0);
        (void)splitio_event_guest_unmask(&r->dom[1].g, 0, b);
        l.unlink = true;
    }
}

struct step {
    uint32_t *word;
    unsigned nr, at;
    bool unlink;
};

/* What a guest may do to the tail's word, once. */
static void act_at_step(void *arg, size_t offset)
{
    struct step *s = arg;

    (void)offset;
    if (s->nr++ != s->at)
        return;
    if (s->unlink)
        *s->word &= ~(PENDING | LINKED | LINK); /* as a scan */
    else
        *s->word |= MASKED;
}

static void tail_that_changes_at_any_step_loses_no_other_event(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t fa, fb;
    splitio_evtchn_t a = event_rig_channel(r, &fa);
    splitio_evtchn_t b = event_rig_channel(r, &fb);

    if (!watch_possible())
        skip();
    for (unsigned i = 0; i < 60; i++) {
        struct step s = {event_rig_word(r, 1, a), 0, i / 2, i % 2};
        unsigned before = r->dom[1].calls[b];

        event_rig_send(r, 0, fa);
        watch_start(event_rig_word(r, 1, 0), SPLITIO_PAGE_SIZE, act_at_step,
                    &s);
        event_rig_send(r, 0, fb);
        watch_stop();
        assert_int_equal(*event_rig_word(r, 1, a) & BUSY, 0);
        (void)event_rig_scan(r, 1, 0);
        /* The scan that the step stands for has found the queue empty. */
        r->dom[1].guest_fifo.vcpus[0].head[7] = 0;
        assert_int_equal(r->dom[1].calls[b], before + 1);
        (void)splitio_event_guest_unmask(&r->dom[1].g, 0, a);
        (void)splitio_event_guest_unmask(&r->dom[1].g, 0, b);
        (void)event_rig_scan(r, 1, 0);
        (void)splitio_event_guest_unmask(&r->dom[1].g, 0, a);
    }
}

/* One page for everything, shared info too. */
static void pages_that_overlap_are_survived(void **state)
{
    struct event_rig *r = *state;
    struct splitio_event_engine *e = &r->e;
    splitio_evtchn_t from;

    assert_int_equal(splitio_event_engine_reset(e, 1), 0);
    splitio_event_guest_fifo_end(&r->dom[1].g);
    for (unsigned v = 0; v < 32; v++)
        assert_int_equal(splitio_event_engine_init_control(e, 1, 0, 8, v), 0);
    assert_int_equal(splitio_event_engine_expand_array(e, 1, 0), 0);
    for (unsigned i = 0; i < 300; i++) {
        splitio_evtchn_t port = event_rig_open(r, 1, 0);

        from = event_rig_bind(r, 0, 1, port);
        assert_int_equal(splitio_event_engine_bind_vcpu(e, 1, port, i % 32), 0);
        assert_int_equal(splitio_event_engine_set_priority(e, 1, port, i % 16),
                         0);
        event_rig_send(r, 0, from);
        assert_int_equal(splitio_event_engine_unmask(e, 1, port), 0);
    }
}

static uint32_t seed = 1;

static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static void scribble(struct event_rig *r)
{
    uint32_t value = rnd(1 << 24) << 8 | rnd(256);

    if (rnd(3) == 0)
        value = rnd(16) << 28 | rnd(40);
    if (rnd(3) == 0)
        event_rig_block(r, 1, rnd(4))->head[rnd(16)] = splitio_le32(value);
    else if (rnd(3) == 0)
        event_rig_block(r, 1, rnd(4))->ready = splitio_le32(value);
    else
        *event_rig_word(r, 1, rnd(40)) = splitio_le32(value);
}

static void act(struct event_rig *r)
{
    struct splitio_event_engine *e = &r->e;
    splitio_evtchn_t port = rnd(40), fresh;

    switch (rnd(9)) {
    case 0:
        (void)splitio_event_engine_bind_ipi(e, 1, rnd(4), &fresh);
        break;
    case 1:
        (void)splitio_event_engine_close(e, 1, port);
        break;
    case 2:
        (void)splitio_event_engine_unmask(e, 1, port);
        break;
    case 3:
        (void)splitio_event_engine_bind_vcpu(e, 1, port, rnd(4));
        break;
    case 4:
        (void)splitio_event_engine_set_priority(e, 1, port, rnd(16));
        break;
    case 5:
        assert_in_range(splitio_event_guest_scan(&r->dom[1].g, rnd(4), 9), 0,
                        9);
        break;
    default:
        (void)splitio_event_engine_send(e, 1, port);
    }
}

/* Whatever it writes: nobody else misses an event, and each call ends. */
static void random_writes_harm_nobody_else(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t to = event_rig_open(r, 2, 0);
    splitio_evtchn_t from = event_rig_bind(r, 0, 2, to);
    size_t spare = (size_t)r->dom[1].nr_frames * SPLITIO_PAGE_SIZE;

    memset(r->dom[1].memory + spare, 0xC3, SPLITIO_PAGE_SIZE);
    (void)event_rig_handle(r, 2, to);
    for (unsigned i = 0; i < 100000; i++) {
        scribble(r);
        act(r);
        if (i % 50 != 0)
            continue;
        event_rig_send(r, 0, from);
        assert_int_equal(event_rig_scan(r, 2, 0), 1);
        (void)splitio_event_guest_unmask(&r->dom[2].g, 0, to);
    }
    for (unsigned i = 0; i < SPLITIO_PAGE_SIZE; i++)
        assert_int_equal(r->dom[1].memory[spare + i], 0xC3);
    /* It can begin again. */
    assert_int_equal(splitio_event_engine_reset(&r->e, 1), 0);
    splitio_event_guest_fifo_end(&r->dom[1].g);
    event_rig_use_fifo(r, 1);
    to = event_rig_channel(r, &from);
    event_rig_send(r, 0, from);
    assert_int_equal(event_rig_scan(r, 1, 0), 1);
    assert_int_equal(r->dom[1].calls[to], 1);
}

/* ---- the guest's own half ---- */

static void scan_of_links_that_lead_nowhere_ends(void **state)
{
    struct event_rig *r = *state;
    struct splitio_event_guest *g = &r->dom[1].g;
    struct splitio_event_fifo_block *block = event_rig_block(r, 1, 0);
    uint8_t *upcall = &r->dom[1].memory[r->abi->upcall_pending];

    for (unsigned i = 0; i < 2; i++) {
        block->ready = splitio_le32(0xFFFFFFFF);
        for (unsigned q = 0; q < 16; q++)
            block->head[q] = splitio_le32(i ? 0 : PORTS + q);
        *upcall = 1;
        assert_int_equal(splitio_event_guest_scan(g, 0, 1000), 16);
        assert_false(splitio_event_guest_has_upcall(g, 0));
    }
    /* A link out of range in the middle of a queue. */
    *event_rig_word(r, 1, 5) = splitio_le32(LINKED | LINK);
    block->head[7] = splitio_le32(5);
    block->ready = splitio_le32(1u << 7);
    *upcall = 1;
    assert_int_equal(splitio_event_guest_scan(g, 0, 1000), 2);
    assert_false(splitio_event_guest_has_upcall(g, 0));
    /* Nothing but queues that there are not. */
    block->ready = splitio_le32(0xFFFF0000);
    *upcall = 1;
    assert_int_equal(splitio_event_guest_scan(g, 0, 1000), 0);
    assert_false(splitio_event_guest_has_upcall(g, 0));
}

/* As it unlinks one, it is linked again. */
static void relink(void *arg, size_t offset)
{
    uint32_t *words = arg;

    (void)offset;
    words[5] = splitio_le32(LINKED | 6);
    words[6] = splitio_le32(LINKED | 5);
}

static void scan_of_a_circle_is_bounded_by_the_budget(void **state)
{
    struct event_rig *r = *state;
    struct splitio_event_guest *g = &r->dom[1].g;
    struct splitio_event_fifo_block *block = event_rig_block(r, 1, 0);
    uint32_t *words = event_rig_word(r, 1, 0);
    uint8_t *upcall = &r->dom[1].memory[r->abi->upcall_pending];

    relink(words, 0);
    block->head[7] = splitio_le32(5);
    block->ready = splitio_le32(1u << 7);
    *upcall = 1;
    assert_int_equal(splitio_event_guest_scan(g, 0, 1000), 3);
    if (!watch_possible())
        skip();
    relink(words, 0);
    block->ready = splitio_le32(1u << 7);
    *upcall = 1;
    watch_start(words, SPLITIO_PAGE_SIZE, relink, words);
    assert_int_equal(splitio_event_guest_scan(g, 0, 100), 100);
    watch_stop();
    assert_true(splitio_event_guest_has_upcall(g, 0));
}

static void unmask_of_a_word_that_stays_busy_asks_the_engine(void **state)
{
    struct event_rig *r = *state;
    splitio_evtchn_t from, to = event_rig_channel(r, &from);
    uint32_t *word = event_rig_word(r, 1, to);

    *word = splitio_le32(MASKED | BUSY);
    assert_true(splitio_event_guest_unmask(&r->dom[1].g, 0, to));
    assert_int_equal(r->dom[1].nr_asked, 1);
    assert_int_equal(*word & splitio_le32(MASKED), 0);
    event_rig_send(r, 0, from);
    assert_int_equal(event_rig_scan(r, 1, 0), 1);
    assert_int_equal(r->dom[1].calls[to], 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define CASE(f) {#f, f, setup, teardown, NULL}
        CASE(tail_word_of_any_value_is_survived),
        CASE(word_that_never_holds_still_costs_a_few_looks),
        CASE(tail_that_changes_at_any_step_loses_no_other_event),
        CASE(pages_that_overlap_are_survived),
        CASE(random_writes_harm_nobody_else),
        CASE(scan_of_links_that_lead_nowhere_ends),
        CASE(scan_of_a_circle_is_bounded_by_the_budget),
        CASE(unmask_of_a_word_that_stays_busy_asks_the_engine),
    };

    if (argc > 1)
        seed = (uint32_t)strtoul(argv[1], NULL, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
