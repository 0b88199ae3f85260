/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events, many threads, with bits and with FIFO events. Scanners really sleep: a
 * wakeup that is lost hangs, and the watchdog names who waits.
 */
#include "cm.h"

#include "crew.h"

#include <splitio/event.h>
#include <splitio/event_fifo.h>

#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DOMAINS  3u
#define PORTS    128u /* two words of each level */
#define VCPUS    2u
#define CHANNELS 6u
#define WAIT     60 /* seconds until the watchdog */

static bool use_fifo; /* domains begin with bits, and change over at once */

/* Domain 0 handles, the others send. */
struct bed {
    struct splitio_event_engine e;
    struct splitio_hypervisor_port port;
    struct splitio_domain_slot slots[DOMAINS];
    struct splitio_event_domain d[DOMAINS];
    uint64_t mem[DOMAINS][PORTS];
    uint8_t *page[DOMAINS];
    struct splitio_event_fifo fifo[DOMAINS];
    uint16_t fifo_mem[DOMAINS][PORTS];
    struct splitio_event_fifo_block block[DOMAINS][VCPUS];
    uint32_t words[DOMAINS][SPLITIO_EVENT_FIFO_PAGE_WORDS];
    struct splitio_event_guest_fifo guest_fifo;
    struct splitio_event_guest g;
    struct splitio_event_handler handlers[PORTS];
    int fd; /* domain 0's upcall */
    int work_fd;
    uint32_t nr_upcalls;
};

static void ring(int fd)
{
    const uint64_t one = 1;

    CREW_CHECK(write(fd, &one, sizeof(one)) == sizeof(one));
}

/* Sleep; for ever, if nobody rings. */
static void await(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint64_t n;

    CREW_CHECK(poll(&p, 1, -1) == 1);
    CREW_CHECK(read(fd, &n, sizeof(n)) == sizeof(n));
}

static void upcall(void *ctx, splitio_domid_t domid, unsigned vcpu)
{
    struct bed *b = ctx;

    CREW_CHECK(vcpu == 0);
    splitio_fetch_add_u32(&b->nr_upcalls, 1);
    if (domid == 0)
        ring(b->fd);
}

static const struct splitio_hypervisor_ops ops = {.upcall = upcall};

static int init_control(void *ctx, splitio_gfn_t gfn, uint32_t offset,
                        unsigned vcpu)
{
    struct bed *b = ctx;

    (void)gfn;
    (void)offset;
    return splitio_event_engine_set_block(&b->e, 0, vcpu, &b->block[0][vcpu]);
}

static int expand_array(void *ctx, splitio_gfn_t gfn)
{
    struct bed *b = ctx;

    (void)gfn;
    return splitio_event_engine_add_words(&b->e, 0, b->words[0]);
}

static void ask_unmask(void *ctx, splitio_evtchn_t port)
{
    struct bed *b = ctx;

    CREW_CHECK(splitio_event_engine_unmask(&b->e, 0, port) == 0);
}

static const struct splitio_event_fifo_ops fifo_ops = {
    .init_control = init_control,
    .expand_array = expand_array,
    .unmask = ask_unmask,
};

/* The view of domain 0 changes over. */
static void change_over(struct bed *b)
{
    CREW_CHECK(splitio_event_guest_fifo_start(&b->g, &b->guest_fifo, &fifo_ops,
                                              b, &b->block[0][0], 0, 0) == 0);
    for (unsigned v = 1; v < VCPUS; v++)
        CREW_CHECK(splitio_event_guest_fifo_add_vcpu(&b->g, v, &b->block[0][v],
                                                     0, 0) == 0);
    CREW_CHECK(splitio_event_guest_fifo_expand(&b->g, b->words[0], 0) == 0);
}

static int add(struct bed *b, splitio_domid_t id)
{
    int err = splitio_event_engine_add_fifo(
        &b->e, &b->d[id], id, &splitio_event_abi_x86_64, b->page[id], PORTS,
        b->mem[id], &b->fifo[id], b->fifo_mem[id]);

    if (err || !use_fifo || id == 0)
        return err;
    for (unsigned v = 0; v < VCPUS && !err; v++)
        err = splitio_event_engine_set_block(&b->e, id, v, &b->block[id][v]);
    return err ? err : splitio_event_engine_add_words(&b->e, id, b->words[id]);
}

static struct bed *bed_new(void)
{
    struct bed *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    b->port = (struct splitio_hypervisor_port){&ops, b};
    b->fd = eventfd(0, 0);
    b->work_fd = eventfd(0, 0);
    assert_true(b->fd >= 0 && b->work_fd >= 0);
    splitio_event_engine_init(&b->e, &b->port, b->slots, DOMAINS);
    for (unsigned i = 0; i < DOMAINS; i++) {
        b->page[i] = aligned_alloc(SPLITIO_PAGE_SIZE, SPLITIO_PAGE_SIZE);
        assert_non_null(b->page[i]);
        memset(b->page[i], 0, SPLITIO_PAGE_SIZE);
    }
    splitio_event_guest_init(&b->g, &splitio_event_abi_x86_64, b->page[0],
                             b->handlers, PORTS);
    for (unsigned i = 0; i < DOMAINS; i++)
        assert_int_equal(add(b, (splitio_domid_t)i), 0);
    if (use_fifo)
        change_over(b);
    return b;
}

static void bed_delete(struct bed *b)
{
    for (unsigned i = 0; i < DOMAINS; i++) {
        assert_int_equal(b->slots[i].users, 0);
        assert_int_equal(splitio_event_engine_remove(&b->e, (splitio_domid_t)i),
                         0);
        assert_int_equal(b->d[i].nr_open, 0);
        free(b->page[i]);
    }
    close(b->fd);
    close(b->work_fd);
    free(b);
}

/* ---- senders, a scanner that sleeps, an owner that unmasks elsewhere ---- */

struct line {
    struct traffic *traffic;
    splitio_evtchn_t from, to;
    uint32_t sent;  /* by the sender, before it notifies */
    uint32_t seen;  /* by the owner, after it was notified */
    uint32_t ready; /* handler to owner */
    uint32_t in_handler;
    uint32_t nr_handled;
};

struct traffic {
    struct bed *b;
    struct line line[CHANNELS];
    unsigned budget;
    bool engine_unmasks;
};

static void on_event(void *arg)
{
    struct line *l = arg;

    CREW_CHECK(splitio_xchg_u32(&l->in_handler, 1) == 0);
    l->nr_handled++;
    splitio_xchg_u32(&l->ready, 1);
    splitio_xchg_u32(&l->in_handler, 0);
    ring(l->traffic->b->work_fd);
}

static void scanner(struct crew_member *m)
{
    struct traffic *t = m->arg;

    for (;;) {
        await(t->b->fd);
        if (crew_is_over(m))
            return;
        while (splitio_event_guest_has_upcall(&t->b->g, 0)) {
            splitio_event_guest_scan(&t->b->g, 0, t->budget);
            crew_dither(m);
        }
    }
}

/* Works off what is there, and says with unmask that it may come again. */
static void serve(struct crew_member *m, struct traffic *t, struct line *l)
{
    if (splitio_xchg_u32(&l->ready, 0) == 0)
        return;
    splitio_store_release_u32(&l->seen, splitio_load_acquire_u32(&l->sent));
    crew_dither(m);
    if (t->engine_unmasks)
        CREW_CHECK(splitio_event_engine_unmask(&t->b->e, 0, l->to) == 0);
    else if (splitio_event_guest_unmask(&t->b->g, 0, l->to))
        ring(t->b->fd);
}

static void owner(struct crew_member *m)
{
    struct traffic *t = m->arg;

    for (;;) {
        await(t->b->work_fd);
        if (crew_is_over(m))
            return;
        for (unsigned i = 0; i < CHANNELS; i++)
            serve(m, t, &t->line[i]);
    }
}

/* Each waits now and then until all it has sent was seen. */
static void sender(struct crew_member *m)
{
    struct traffic *t = m->arg;
    struct line *l = &t->line[m->index];

    for (uint32_t n = 1; n <= 3000; n++) {
        splitio_store_release_u32(&l->sent, n);
        CREW_CHECK(splitio_event_engine_send(&t->b->e, 1, l->from) == 0);
        crew_dither(m);
        if (crew_random(m) % 4 == 0)
            while (splitio_load_acquire_u32(&l->seen) != n)
                sched_yield();
    }
    while (splitio_load_acquire_u32(&l->seen) != 3000)
        sched_yield();
}

/* Ends the others' sleep when the senders are at their end. */
static void curfew(struct crew_member *m)
{
    struct traffic *t = m->arg;

    while (!crew_is_over(m))
        sched_yield();
    ring(t->b->fd);
    ring(t->b->work_fd);
}

static void connect(struct traffic *t, struct line *l)
{
    struct splitio_event_engine *e = &t->b->e;

    l->traffic = t;
    assert_int_equal(splitio_event_engine_alloc_unbound(e, 1, 0, &l->from), 0);
    assert_int_equal(
        splitio_event_engine_bind_interdomain(e, 0, 1, l->from, &l->to), 0);
    if (splitio_event_guest_bind(&t->b->g, l->to,
                                 (struct splitio_event_handler){on_event, l}))
        ring(t->b->fd);
}

static void no_wakeup_is_lost(unsigned budget, bool engine_unmasks)
{
    struct traffic t = {
        .b = bed_new(), .budget = budget, .engine_unmasks = engine_unmasks};
    struct crew_member crew[CHANNELS + 3];

    for (unsigned i = 0; i < CHANNELS; i++) {
        t.b->d[0].next_free = 1 + i * 25; /* in both words */
        connect(&t, &t.line[i]);
        crew[i] =
            (struct crew_member){.name = "sender", .fn = sender, .arg = &t};
    }
    crew[CHANNELS] =
        (struct crew_member){.name = "scanner", .fn = scanner, .arg = &t};
    crew[CHANNELS + 1] =
        (struct crew_member){.name = "owner", .fn = owner, .arg = &t};
    crew[CHANNELS + 2] =
        (struct crew_member){.name = "curfew", .fn = curfew, .arg = &t};
    crew_run(crew, CHANNELS + 3, CHANNELS, WAIT);
    for (unsigned i = 0; i < CHANNELS; i++)
        assert_in_range(t.line[i].nr_handled, 1, 3001);
    bed_delete(t.b);
}

static void send_to_a_sleeper_is_never_lost(void **state)
{
    (void)state;
    no_wakeup_is_lost(1, false);
    no_wakeup_is_lost(64, false);
    no_wakeup_is_lost(2, true);
}

/* ---- opening and closing under fire ---- */

static void fiddle(struct crew_member *m)
{
    struct bed *b = m->arg;

    for (unsigned i = 0; i < 6000; i++) {
        splitio_domid_t self = crew_random(m) % 2, other = 1 - self;
        splitio_evtchn_t port = crew_random(m) % 24, fresh;
        struct splitio_event_status s;
        int err = 0;

        switch (crew_random(m) % 8) {
        case 0:
            err =
                splitio_event_engine_alloc_unbound(&b->e, self, other, &fresh);
            break;
        case 1:
            err = splitio_event_engine_bind_interdomain(&b->e, self, other,
                                                        port, &fresh);
            break;
        case 2:
            err = splitio_event_engine_close(&b->e, self, port);
            break;
        case 3:
            err = splitio_event_engine_status(&b->e, self, port, &s);
            if (!err && s.state == SPLITIO_EVTCHN_INTERDOMAIN)
                CREW_CHECK(s.remote != self && s.remote_port < PORTS);
            break;
        case 4:
            err = splitio_event_engine_unmask(&b->e, self, port);
            break;
        default:
            err = splitio_event_engine_send(&b->e, self, port);
        }
        CREW_CHECK(err == 0 || err == SPLITIO_EINVAL || err == SPLITIO_ENOSPC);
        CREW_CHECK(splitio_event_engine_nr_open(&b->e, self) < PORTS);
        splitio_write_once_u32(&m->steps, i);
    }
}

/* Both ends of each channel know each other; as many are open as counted. */
static void assert_consistent(struct bed *b)
{
    for (splitio_domid_t id = 0; id < 2; id++) {
        unsigned nr_open = 0;

        for (splitio_evtchn_t p = 1; p < PORTS; p++) {
            struct splitio_event_status s, r;

            assert_int_equal(splitio_event_engine_status(&b->e, id, p, &s), 0);
            nr_open += s.state != SPLITIO_EVTCHN_CLOSED;
            if (s.state != SPLITIO_EVTCHN_INTERDOMAIN)
                continue;
            assert_int_equal(
                splitio_event_engine_status(&b->e, s.remote, s.remote_port, &r),
                0);
            assert_int_equal(r.state, SPLITIO_EVTCHN_INTERDOMAIN);
            assert_int_equal(r.remote, id);
            assert_int_equal(r.remote_port, p);
        }
        assert_int_equal(splitio_event_engine_nr_open(&b->e, id), nr_open);
    }
}

static void ports_opened_and_closed_by_all_stay_consistent(void **state)
{
    struct bed *b = bed_new();
    struct crew_member crew[4];

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        crew[i] =
            (struct crew_member){.name = "fiddler", .fn = fiddle, .arg = b};
    crew_run(crew, 4, 4, WAIT);
    assert_consistent(b);
    bed_delete(b);
}

/* ---- a domain that goes ---- */

static void remove_and_add(struct crew_member *m)
{
    struct bed *b = m->arg;

    for (unsigned i = 0; i < 3000; i++) {
        int err;

        while ((err = splitio_event_engine_remove(&b->e, 2)) != 0) {
            CREW_CHECK(err == SPLITIO_EAGAIN);
            crew_dither(m);
        }
        /* All of it is ours again; plain stores, for the sanitizer. */
        memset(&b->d[2], 0xEE, sizeof(b->d[2]));
        memset(b->mem[2], 0xEE, sizeof(b->mem[2]));
        memset(b->page[2], 0, SPLITIO_PAGE_SIZE);
        memset(&b->fifo[2], 0xEE, sizeof(b->fifo[2]));
        memset(b->fifo_mem[2], 0xEE, sizeof(b->fifo_mem[2]));
        memset(b->block[2], 0, sizeof(b->block[2]));
        memset(b->words[2], 0, sizeof(b->words[2]));
        CREW_CHECK(add(b, 2) == 0);
        for (unsigned k = 0; k < 8; k++)
            crew_dither(m);
    }
}

static void bind_and_send(struct crew_member *m)
{
    struct bed *b = m->arg;
    splitio_evtchn_t mine, theirs;

    /* Fiddlers may have all ports for a while. */
    while (splitio_event_engine_alloc_unbound(&b->e, 1, 2, &mine) != 0)
        if (crew_is_over(m))
            return;
    while (!crew_is_over(m)) {
        int err =
            splitio_event_engine_bind_interdomain(&b->e, 2, 1, mine, &theirs);

        CREW_CHECK(err == 0 || err == SPLITIO_ENOENT || err == SPLITIO_EINVAL);
        for (unsigned i = 0; i < 5; i++) {
            err = splitio_event_engine_send(&b->e, 1, mine);
            CREW_CHECK(err == 0 || err == SPLITIO_EINVAL); /* fiddled with */
            (void)splitio_event_engine_send(&b->e, 2, 1 + i);
        }
        crew_dither(m);
    }
}

static void remove_under_sends_ends_and_touches_nothing_after(void **state)
{
    struct bed *b = bed_new();
    struct crew_member crew[4] = {
        {.name = "remover", .fn = remove_and_add, .arg = b},
        {.name = "sender", .fn = bind_and_send, .arg = b},
        {.name = "sender", .fn = bind_and_send, .arg = b},
        {.name = "sender", .fn = bind_and_send, .arg = b},
    };

    (void)state;
    crew_run(crew, 4, 1, WAIT);
    bed_delete(b);
}

/* ---- unbinding while the handler runs (T33) ---- */

struct shop {
    struct bed *b;
    splitio_evtchn_t from, to;
    uint32_t *object; /* of the handler; freed after unbind */
    uint32_t nr_handled;
};

static void use_object(void *arg)
{
    uint32_t **object = arg;

    for (unsigned i = 0; i < 200; i++)
        ++**object; /* plain */
}

static void scan_always(struct crew_member *m)
{
    struct shop *s = m->arg;

    while (!crew_is_over(m)) {
        splitio_write_once_u32(&s->nr_handled,
                               s->nr_handled +
                                   splitio_event_guest_scan(&s->b->g, 0, 4));
        crew_dither(m);
    }
}

static void send_always(struct crew_member *m)
{
    struct shop *s = m->arg;

    while (!crew_is_over(m)) {
        (void)splitio_event_engine_send(&s->b->e, 1, s->from);
        crew_dither(m);
    }
}

static void bind_and_unbind(struct crew_member *m)
{
    struct shop *s = m->arg;

    /* At least until something was tried. */
    for (unsigned i = 0; i < 4000 || splitio_read_once_u32(&s->nr_handled) == 0;
         i++) {
        uint32_t *object = malloc(sizeof(*object));
        struct splitio_event_handler handler = {use_object, &s->object};

        CREW_CHECK(object != NULL);
        *object = 0;
        s->object = object;
        (void)splitio_event_guest_bind(&s->b->g, s->to, handler);
        for (unsigned k = crew_random(m) % 8; k > 0; k--) {
            crew_dither(m);
            (void)splitio_event_guest_unmask(&s->b->g, 0, s->to);
        }
        splitio_event_guest_unbind(&s->b->g, s->to);
        CREW_CHECK(*object % 200 == 0);
        free(object);
    }
}

static void unbind_waits_for_the_handler(void **state)
{
    struct shop s = {.b = bed_new()};
    struct crew_member crew[] = {
        {.name = "binder", .fn = bind_and_unbind, .arg = &s},
        {.name = "scanner", .fn = scan_always, .arg = &s},
        {.name = "sender", .fn = send_always, .arg = &s},
    };
    struct splitio_event_engine *e = &s.b->e;

    (void)state;
    assert_int_equal(splitio_event_engine_alloc_unbound(e, 1, 0, &s.from), 0);
    assert_int_equal(
        splitio_event_engine_bind_interdomain(e, 0, 1, s.from, &s.to), 0);
    crew_run(crew, 3, 1, WAIT);
    bed_delete(s.b);
}

/* ---- two vcpus ---- */

struct pair {
    struct bed *b;
    struct line line;
};

static void count_one(void *arg)
{
    struct line *l = arg;

    CREW_CHECK(splitio_xchg_u32(&l->in_handler, 1) == 0);
    l->nr_handled++; /* plain: only one handler runs */
    splitio_store_release_u32(&l->seen, splitio_load_acquire_u32(&l->sent));
    splitio_xchg_u32(&l->in_handler, 0);
    splitio_store_release_u32(&l->ready, 1);
}

static void scan_vcpu(struct crew_member *m)
{
    struct pair *p = m->arg;
    unsigned vcpu = m->index - 1;

    while (!crew_is_over(m)) {
        splitio_event_guest_scan(&p->b->g, vcpu, 4);
        if (splitio_xchg_u32(&p->line.ready, 0))
            (void)splitio_event_guest_unmask(&p->b->g, vcpu, p->line.to);
        crew_dither(m);
    }
}

/* The port moves from vcpu to vcpu, so that both have it in their selector. */
static void send_round(struct crew_member *m)
{
    struct pair *p = m->arg;
    struct line *l = &p->line;

    for (uint32_t n = 1; n <= 8000; n++) {
        CREW_CHECK(splitio_event_engine_bind_vcpu(&p->b->e, 0, l->to,
                                                  crew_random(m) & 1) == 0);
        splitio_store_release_u32(&l->sent, n);
        CREW_CHECK(splitio_event_engine_send(&p->b->e, 1, l->from) == 0);
        crew_dither(m);
        if (crew_random(m) % 3 == 0)
            while (splitio_load_acquire_u32(&l->seen) != n)
                sched_yield();
    }
}

static void ignore_upcall(void *ctx, splitio_domid_t domid, unsigned vcpu)
{
    (void)ctx;
    (void)domid;
    (void)vcpu;
}

static void scan_by_two_vcpus_runs_one_handler_at_a_time(void **state)
{
    static const struct splitio_hypervisor_ops quiet = {.upcall =
                                                            ignore_upcall};
    struct pair p = {.b = bed_new()};
    struct crew_member crew[] = {
        {.name = "sender", .fn = send_round, .arg = &p},
        {.name = "vcpu", .fn = scan_vcpu, .arg = &p},
        {.name = "vcpu", .fn = scan_vcpu, .arg = &p},
    };
    struct splitio_event_engine *e = &p.b->e;

    (void)state;
    p.b->port.ops = &quiet;
    assert_int_equal(splitio_event_engine_alloc_unbound(e, 1, 0, &p.line.from),
                     0);
    assert_int_equal(
        splitio_event_engine_bind_interdomain(e, 0, 1, p.line.from, &p.line.to),
        0);
    (void)splitio_event_guest_bind(
        &p.b->g, p.line.to, (struct splitio_event_handler){count_one, &p.line});
    crew_run(crew, 3, 1, WAIT);
    bed_delete(p.b);
}

/* ---- changing over while everybody sends ---- */

struct change {
    struct bed *b;
    struct line line[CHANNELS];
    unsigned after; /* handlers until the change */
};

static void count_ready(void *arg)
{
    struct line *l = arg;

    l->nr_handled++;
    l->ready = 1;
}

/* Scans, works, unmasks; and somewhere on the way changes over. */
static void scan_and_change(struct crew_member *m)
{
    struct change *c = m->arg;
    struct bed *b = c->b;
    unsigned n = 0;
    bool changed = false;

    for (;;) {
        await(b->fd);
        if (crew_is_over(m))
            return;
        do {
            if (!changed && n >= c->after) {
                change_over(b);
                changed = true;
            }
            n += splitio_event_guest_scan(&b->g, 0, 2);
            for (unsigned i = 0; i < CHANNELS; i++) {
                struct line *l = &c->line[i];

                if (!l->ready)
                    continue;
                l->ready = 0;
                splitio_store_release_u32(&l->seen,
                                          splitio_load_acquire_u32(&l->sent));
                (void)splitio_event_guest_unmask(&b->g, 0, l->to);
            }
        } while (splitio_event_guest_has_upcall(&b->g, 0));
    }
}

static void send_some(struct crew_member *m)
{
    struct change *c = m->arg;
    struct line *l = &c->line[m->index];

    for (uint32_t n = 1; n <= 60; n++) {
        splitio_store_release_u32(&l->sent, n);
        CREW_CHECK(splitio_event_engine_send(&c->b->e, 1, l->from) == 0);
        crew_dither(m);
        if (crew_random(m) % 4 == 0 || n == 60)
            while (splitio_load_acquire_u32(&l->seen) != n)
                sched_yield();
    }
}

static void wake_at_the_end(struct crew_member *m)
{
    struct change *c = m->arg;

    while (!crew_is_over(m))
        sched_yield();
    ring(c->b->fd);
}

static void change_over_once(unsigned after)
{
    struct change c = {.b = bed_new(), .after = after};
    struct crew_member crew[CHANNELS + 2];
    struct splitio_event_engine *e = &c.b->e;

    for (unsigned i = 0; i < CHANNELS; i++) {
        struct line *l = &c.line[i];

        c.b->d[0].next_free = 1 + i * 21;
        assert_int_equal(splitio_event_engine_alloc_unbound(e, 1, 0, &l->from),
                         0);
        assert_int_equal(
            splitio_event_engine_bind_interdomain(e, 0, 1, l->from, &l->to), 0);
        if (splitio_event_guest_bind(
                &c.b->g, l->to, (struct splitio_event_handler){count_ready, l}))
            ring(c.b->fd);
        crew[i] =
            (struct crew_member){.name = "sender", .fn = send_some, .arg = &c};
    }
    crew[CHANNELS] = (struct crew_member){
        .name = "scanner", .fn = scan_and_change, .arg = &c};
    crew[CHANNELS + 1] = (struct crew_member){
        .name = "curfew", .fn = wake_at_the_end, .arg = &c};
    crew_run(crew, CHANNELS + 2, CHANNELS, WAIT);
    bed_delete(c.b);
}

static void change_over_while_all_send_loses_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 60; i++)
        change_over_once(i * 3);
}

/* ---- closing, resetting and changing over under fire ---- */

static void reset_and_change(struct crew_member *m)
{
    struct bed *b = m->arg;

    for (unsigned i = 0; i < 1500; i++) {
        int err;

        while ((err = splitio_event_engine_reset(&b->e, 2)) != 0)
            CREW_CHECK(err == SPLITIO_EAGAIN);
        /* The words are the guest's own: nobody touches them. Plain stores. */
        memset(b->block[2], 0, sizeof(b->block[2]));
        memset(b->words[2], 0, sizeof(b->words[2]));
        crew_dither(m);
        for (unsigned v = 0; v < VCPUS; v++)
            CREW_CHECK(splitio_event_engine_set_block(&b->e, 2, v,
                                                      &b->block[2][v]) == 0);
        CREW_CHECK(splitio_event_engine_add_words(&b->e, 2, b->words[2]) == 0);
        for (unsigned k = 0; k < 4; k++)
            crew_dither(m);
    }
}

static void reset_under_sends_leaves_the_pages_alone(void **state)
{
    struct bed *b = bed_new();
    struct crew_member crew[4] = {
        {.name = "resetter", .fn = reset_and_change, .arg = b},
        {.name = "sender", .fn = bind_and_send, .arg = b},
        {.name = "sender", .fn = bind_and_send, .arg = b},
        {.name = "sender", .fn = bind_and_send, .arg = b},
    };

    (void)state;
    crew_run(crew, 4, 1, WAIT);
    bed_delete(b);
}

/* ---- a guest that writes into its page at random ---- */

static void scribble(struct crew_member *m)
{
    struct bed *b = m->arg;

    while (!crew_is_over(m)) {
        uint32_t r = crew_random(m);
        uint64_t *word = (uint64_t *)(void *)(b->page[2] + (r & 0xFF8));

        if (use_fifo) {
            uint32_t *words = r & 64 ? b->words[2] : b->block[2][0].head;

            /* Values that look like words, half of them. */
            splitio_write_once_u32(&words[r % 16],
                                   r & 32 ? crew_random(m) << 28 | (r % 16)
                                          : crew_random(m));
            continue;
        }
        splitio_write_once_u64(word, (uint64_t)r << 32 | crew_random(m));
        if (r >> 22 == 0)
            sched_yield();
    }
}

static void hostile_page_that_changes_all_the_time_harms_nobody(void **state)
{
    struct bed *b = bed_new();
    struct crew_member crew[] = {
        {.name = "fiddler", .fn = fiddle, .arg = b},
        {.name = "fiddler", .fn = fiddle, .arg = b},
        {.name = "sender", .fn = bind_and_send, .arg = b},
        {.name = "scribbler", .fn = scribble, .arg = b},
    };

    (void)state;
    crew_run(crew, 4, 2, WAIT);
    assert_consistent(b);
    bed_delete(b);
}

static int with_bits(void **state)
{
    (void)state;
    use_fifo = false;
    return 0;
}

static int with_fifo(void **state)
{
    (void)state;
    use_fifo = true;
    return 0;
}

#define BITS(f)                                                                \
    {                                                                          \
#f, f, with_bits, NULL, NULL                                           \
    }
#define FIFO(f)                                                                \
    {                                                                          \
#f ".fifo", f, with_fifo, NULL, NULL                                   \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BITS(send_to_a_sleeper_is_never_lost),
        FIFO(send_to_a_sleeper_is_never_lost),
        BITS(ports_opened_and_closed_by_all_stay_consistent),
        FIFO(ports_opened_and_closed_by_all_stay_consistent),
        BITS(remove_under_sends_ends_and_touches_nothing_after),
        FIFO(remove_under_sends_ends_and_touches_nothing_after),
        BITS(unbind_waits_for_the_handler),
        FIFO(unbind_waits_for_the_handler),
        BITS(scan_by_two_vcpus_runs_one_handler_at_a_time),
        FIFO(scan_by_two_vcpus_runs_one_handler_at_a_time),
        BITS(hostile_page_that_changes_all_the_time_harms_nobody),
        FIFO(hostile_page_that_changes_all_the_time_harms_nobody),
        BITS(change_over_while_all_send_loses_nothing),
        FIFO(reset_under_sends_leaves_the_pages_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
