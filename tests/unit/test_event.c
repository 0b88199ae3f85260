/* SPDX-License-Identifier: BSD-2-Clause */
/* Events, one thread: ports, sending, masks, scanning; both layouts, and what
 * does not depend on the words also with FIFO events. */
#include "cm.h"

#include "watch.h"

#include <splitio/event.h>
#include <splitio/event_fifo.h>

#include <stdlib.h>
#include <string.h>

#define DOMAINS   3u
#define SLOTS     5u
#define MAX_PORTS 4096u

struct hand {
    struct bed *bed;
    splitio_domid_t domid;
    splitio_evtchn_t port;
};

struct dom {
    struct splitio_event_domain d;
    struct splitio_event_guest g;
    uint8_t *page;
    uint64_t mem[MAX_PORTS];
    struct splitio_event_handler handlers[MAX_PORTS];
    struct hand hand[MAX_PORTS];
    unsigned calls[MAX_PORTS];
    unsigned nr_upcalls;
    unsigned last_vcpu;
    struct splitio_event_fifo fifo;
    struct splitio_event_guest_fifo guest_fifo;
    uint16_t fifo_mem[MAX_PORTS];
    struct splitio_event_fifo_block block;
    uint32_t words[MAX_PORTS];
};

struct bed {
    struct splitio_event_engine e;
    struct splitio_hypervisor_port port;
    struct splitio_domain_slot slots[SLOTS];
    const struct splitio_event_abi *abi;
    bool fifo;
    uint32_t nr_ports;
    struct dom dom[DOMAINS];
    unsigned nr_order;
    splitio_evtchn_t order[10000];
};

static void upcall(void *ctx, splitio_domid_t domid, unsigned vcpu)
{
    struct bed *b = ctx;

    b->dom[domid].nr_upcalls++;
    b->dom[domid].last_vcpu = vcpu;
}

static const struct splitio_hypervisor_ops ops = {.upcall = upcall};

static void on_event(void *arg)
{
    struct hand *h = arg;

    h->bed->dom[h->domid].calls[h->port]++;
    if (h->bed->nr_order < SPLITIO_ARRAY_LEN(h->bed->order))
        h->bed->order[h->bed->nr_order++] = h->port;
}

/* Frame 0 of a domain is its control block, from 1 on are its words. */
static int init_control(void *ctx, splitio_gfn_t gfn, uint32_t offset,
                        unsigned vcpu)
{
    struct hand *h = ctx;

    assert_int_equal(gfn + offset, 0);
    return splitio_event_engine_set_block(&h->bed->e, h->domid, vcpu,
                                          &h->bed->dom[h->domid].block);
}

static int expand_array(void *ctx, splitio_gfn_t gfn)
{
    struct hand *h = ctx;

    return splitio_event_engine_add_words(
        &h->bed->e, h->domid, &h->bed->dom[h->domid].words[(gfn - 1) * 1024]);
}

static void ask_unmask(void *ctx, splitio_evtchn_t port)
{
    struct hand *h = ctx;

    (void)splitio_event_engine_unmask(&h->bed->e, h->domid, port);
}

static const struct splitio_event_fifo_ops fifo_ops = {
    .init_control = init_control,
    .expand_array = expand_array,
    .unmask = ask_unmask,
};

static void start_fifo(struct bed *b, splitio_domid_t id)
{
    struct dom *d = &b->dom[id];

    d->hand[0] = (struct hand){.bed = b, .domid = id};
    assert_int_equal(splitio_event_guest_fifo_start(&d->g, &d->guest_fifo,
                                                    &fifo_ops, &d->hand[0],
                                                    &d->block, 0, 0),
                     0);
    for (unsigned i = 0; i < MAX_PORTS / 1024; i++)
        assert_int_equal(
            splitio_event_guest_fifo_expand(&d->g, &d->words[i * 1024], 1 + i),
            0);
}

static int add(struct bed *b, splitio_domid_t id)
{
    struct dom *d = &b->dom[id];
    int err;

    if (!b->fifo)
        return splitio_event_engine_add(&b->e, &d->d, id, b->abi, d->page,
                                        b->nr_ports, d->mem);
    err = splitio_event_engine_add_fifo(&b->e, &d->d, id, b->abi, d->page,
                                        b->nr_ports, d->mem, &d->fifo,
                                        d->fifo_mem);
    if (err)
        return err;
    splitio_event_guest_fifo_end(&d->g);
    start_fifo(b, id);
    return 0;
}

static int setup(void **state, const struct splitio_event_abi *abi, bool fifo)
{
    struct bed *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    b->abi = abi;
    b->fifo = fifo;
    b->nr_ports = splitio_event_abi_nr_ports(abi);
    b->port = (struct splitio_hypervisor_port){&ops, b};
    splitio_event_engine_init(&b->e, &b->port, b->slots, SLOTS);
    for (splitio_domid_t i = 0; i < DOMAINS; i++) {
        struct dom *d = &b->dom[i];

        d->page = aligned_alloc(SPLITIO_PAGE_SIZE, SPLITIO_PAGE_SIZE);
        assert_non_null(d->page);
        memset(d->page, 0, SPLITIO_PAGE_SIZE);
        splitio_event_guest_init(&d->g, abi, d->page, d->handlers, b->nr_ports);
        assert_int_equal(add(b, i), 0);
    }
    *state = b;
    return 0;
}

static int setup_64(void **state)
{
    return setup(state, &splitio_event_abi_x86_64, false);
}

static int setup_fifo(void **state)
{
    return setup(state, &splitio_event_abi_x86_64, true);
}

static int setup_32(void **state)
{
    return setup(state, &splitio_event_abi_x86_32, false);
}

static int teardown(void **state)
{
    struct bed *b = *state;

    for (splitio_domid_t i = 0; i < DOMAINS; i++) {
        assert_int_equal(b->slots[i].users, 0);
        assert_int_equal(splitio_event_engine_remove(&b->e, i), 0);
        assert_int_equal(b->dom[i].d.nr_open, 0);
        free(b->dom[i].page);
    }
    assert_int_equal(b->e.lock, 0);
    free(b);
    return 0;
}

static splitio_evtchn_t open_port(struct bed *b, splitio_domid_t self,
                                  splitio_domid_t remote)
{
    splitio_evtchn_t port = 0;

    assert_int_equal(
        splitio_event_engine_alloc_unbound(&b->e, self, remote, &port), 0);
    assert_in_range(port, 1, b->nr_ports - 1);
    return port;
}

static splitio_evtchn_t bind_port(struct bed *b, splitio_domid_t self,
                                  splitio_domid_t remote, splitio_evtchn_t rp)
{
    splitio_evtchn_t port = 0;

    assert_int_equal(
        splitio_event_engine_bind_interdomain(&b->e, self, remote, rp, &port),
        0);
    assert_in_range(port, 1, b->nr_ports - 1);
    return port;
}

static bool handle(struct bed *b, splitio_domid_t domid, splitio_evtchn_t port)
{
    struct hand *h = &b->dom[domid].hand[port];

    *h = (struct hand){b, domid, port};
    return splitio_event_guest_bind(
        &b->dom[domid].g, port, (struct splitio_event_handler){on_event, h});
}

/* Scan until there is no upcall; handlers called. */
static unsigned scan(struct bed *b, splitio_domid_t domid)
{
    struct splitio_event_guest *g = &b->dom[domid].g;
    unsigned n = 0;

    while (splitio_event_guest_has_upcall(g, 0))
        n += splitio_event_guest_scan(g, 0, 1000);
    return n;
}

/* A channel from domain 1 to domain 0, both ends handled and quiet. */
struct channel {
    splitio_evtchn_t one, zero;
};

static struct channel channel(struct bed *b)
{
    struct channel c;

    c.one = open_port(b, 1, 0);
    c.zero = bind_port(b, 0, 1, c.one);
    (void)handle(b, 1, c.one);
    (void)handle(b, 0, c.zero);
    scan(b, 0);
    scan(b, 1);
    splitio_event_guest_unmask(&b->dom[0].g, 0, c.zero);
    splitio_event_guest_unmask(&b->dom[1].g, 0, c.one);
    memset(b->dom[0].calls, 0, sizeof(b->dom[0].calls));
    memset(b->dom[1].calls, 0, sizeof(b->dom[1].calls));
    b->dom[0].nr_upcalls = b->dom[1].nr_upcalls = b->nr_order = 0;
    return c;
}

static void send(struct bed *b, splitio_domid_t self, splitio_evtchn_t port)
{
    assert_int_equal(splitio_event_engine_send(&b->e, self, port), 0);
}

static struct splitio_event_status status_of(struct bed *b, splitio_domid_t id,
                                             splitio_evtchn_t port)
{
    struct splitio_event_status s;

    assert_int_equal(splitio_event_engine_status(&b->e, id, port, &s), 0);
    return s;
}

static bool is_pending(const struct bed *b, splitio_domid_t id,
                       splitio_evtchn_t port)
{
    const uint8_t *bits = b->dom[id].page + b->abi->pending;
    uint32_t narrow;
    uint64_t wide;

    if (b->fifo)
        return splitio_le32(b->dom[id].words[port]) >>
                   SPLITIO_EVTCHN_FIFO_PENDING &
               1;
    if (b->abi->word_bits == 64) {
        memcpy(&wide, bits + port / 64 * 8, 8);
        return splitio_le64(wide) >> (port % 64) & 1;
    }
    memcpy(&narrow, bits + port / 32 * 4, 4);
    return splitio_le32(narrow) >> (port % 32) & 1;
}

/* ---- ports ---- */

static void port_life_is_told_by_status(void **state)
{
    struct bed *b = *state;
    splitio_evtchn_t one = open_port(b, 1, 2), two;
    struct splitio_event_status s = status_of(b, 1, one);

    assert_int_equal(s.state, SPLITIO_EVTCHN_UNBOUND);
    assert_int_equal(s.remote, 2);
    assert_int_equal(splitio_event_engine_nr_open(&b->e, 1), 1);
    two = bind_port(b, 2, 1, one);
    s = status_of(b, 1, one);
    assert_int_equal(s.state, SPLITIO_EVTCHN_INTERDOMAIN);
    assert_int_equal(s.remote, 2);
    assert_int_equal(s.remote_port, two);
    s = status_of(b, 2, two);
    assert_int_equal(s.state, SPLITIO_EVTCHN_INTERDOMAIN);
    assert_int_equal(s.remote, 1);
    assert_int_equal(s.remote_port, one);
    assert_int_equal(s.vcpu, 0);
    assert_int_equal(splitio_event_engine_close(&b->e, 2, two), 0);
    assert_int_equal(status_of(b, 2, two).state, SPLITIO_EVTCHN_CLOSED);
    s = status_of(b, 1, one);
    assert_int_equal(s.state, SPLITIO_EVTCHN_UNBOUND);
    assert_int_equal(s.remote, 2);
    assert_int_equal(s.remote_port, 0);
    assert_int_equal(splitio_event_engine_nr_open(&b->e, 2), 0);
    /* And may be bound again. */
    two = bind_port(b, 2, 1, one);
    assert_int_equal(splitio_event_engine_close(&b->e, 1, one), 0);
    assert_int_equal(status_of(b, 2, two).state, SPLITIO_EVTCHN_UNBOUND);
    assert_int_equal(splitio_event_engine_close(&b->e, 2, two), 0);
    assert_int_equal(splitio_event_engine_close(&b->e, 2, two), SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_nr_open(&b->e, 1), 0);
}

/* T34. */
static void port_bad_number_is_refused_by_every_call(void **state)
{
    struct bed *b = *state;
    const splitio_evtchn_t bad[] = {0, 5, b->nr_ports, 1u << 16, UINT32_MAX};
    struct splitio_event_status s;
    splitio_evtchn_t port;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
        assert_int_equal(splitio_event_engine_close(&b->e, 1, bad[i]),
                         SPLITIO_EINVAL);
        assert_int_equal(splitio_event_engine_send(&b->e, 1, bad[i]),
                         SPLITIO_EINVAL);
        assert_int_equal(splitio_event_engine_unmask(&b->e, 1, bad[i]),
                         SPLITIO_EINVAL);
        assert_int_equal(splitio_event_engine_bind_vcpu(&b->e, 1, bad[i], 0),
                         SPLITIO_EINVAL);
        assert_int_equal(
            splitio_event_engine_bind_interdomain(&b->e, 0, 1, bad[i], &port),
            SPLITIO_EINVAL);
        if (bad[i] != 5)
            assert_int_equal(splitio_event_engine_status(&b->e, 1, bad[i], &s),
                             SPLITIO_EINVAL);
    }
    assert_int_equal(status_of(b, 1, 5).state, SPLITIO_EVTCHN_CLOSED);
    assert_int_equal(splitio_event_engine_nr_open(&b->e, 0), 0);
}

static void port_bad_domain_is_refused_by_every_call(void **state)
{
    const splitio_domid_t bad[] = {DOMAINS, SLOTS, SPLITIO_DOMID_SELF, 0xFFFF};
    struct bed *b = *state;
    splitio_evtchn_t one = open_port(b, 1, 0), port;
    struct splitio_event_status s;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
        struct splitio_event_engine *e = &b->e;

        assert_int_equal(
            splitio_event_engine_alloc_unbound(e, bad[i], 0, &port),
            SPLITIO_ENOENT);
        assert_int_equal(
            splitio_event_engine_bind_interdomain(e, bad[i], 1, one, &port),
            SPLITIO_ENOENT);
        if (bad[i] != SPLITIO_DOMID_SELF)
            assert_int_equal(
                splitio_event_engine_bind_interdomain(e, 0, bad[i], one, &port),
                SPLITIO_ENOENT);
        assert_int_equal(splitio_event_engine_close(e, bad[i], 1),
                         SPLITIO_ENOENT);
        assert_int_equal(splitio_event_engine_send(e, bad[i], 1),
                         SPLITIO_ENOENT);
        assert_int_equal(splitio_event_engine_unmask(e, bad[i], 1),
                         SPLITIO_ENOENT);
        assert_int_equal(splitio_event_engine_bind_vcpu(e, bad[i], 1, 0),
                         SPLITIO_ENOENT);
        assert_int_equal(splitio_event_engine_status(e, bad[i], 1, &s),
                         SPLITIO_ENOENT);
        assert_int_equal(splitio_event_engine_remove(e, bad[i]),
                         SPLITIO_ENOENT);
        assert_int_equal(splitio_event_engine_nr_open(e, bad[i]), 0);
    }
}

static void bind_by_a_stranger_is_refused(void **state)
{
    struct bed *b = *state;
    splitio_evtchn_t one = open_port(b, 1, 0), port;

    assert_int_equal(
        splitio_event_engine_bind_interdomain(&b->e, 2, 1, one, &port),
        SPLITIO_EINVAL);
    assert_int_equal(
        splitio_event_engine_bind_interdomain(&b->e, 1, 1, one, &port),
        SPLITIO_EINVAL);
    (void)bind_port(b, 0, 1, one);
    /* Taken. */
    assert_int_equal(
        splitio_event_engine_bind_interdomain(&b->e, 0, 1, one, &port),
        SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_nr_open(&b->e, 2), 0);
    assert_int_equal(splitio_event_engine_nr_open(&b->e, 0), 1);
}

static void bind_remote_need_not_exist_when_the_port_is_opened(void **state)
{
    struct bed *b = *state;
    splitio_evtchn_t one;

    assert_int_equal(splitio_event_engine_remove(&b->e, 2), 0);
    one = open_port(b, 1, 2);
    send(b, 1, one);
    assert_int_equal(add(b, 2), 0);
    (void)bind_port(b, 2, 1, one);
}

static void bind_within_one_domain_by_self_works(void **state)
{
    struct bed *b = *state;
    splitio_evtchn_t p = open_port(b, 1, SPLITIO_DOMID_SELF);
    splitio_evtchn_t q = bind_port(b, 1, SPLITIO_DOMID_SELF, p);

    assert_int_not_equal(p, q);
    assert_int_equal(status_of(b, 1, p).remote, 1);
    (void)handle(b, 1, p);
    send(b, 1, q);
    assert_int_equal(scan(b, 1), 1);
    assert_int_equal(b->dom[1].calls[p], 1);
    assert_int_equal(splitio_event_engine_close(&b->e, 1, p), 0);
    assert_int_equal(splitio_event_engine_close(&b->e, 1, q), 0);
}

static void port_table_exhausted_and_freed(void **state)
{
    struct bed *b = *state;
    static bool seen[MAX_PORTS];
    splitio_evtchn_t port = 77, zero = open_port(b, 0, 1);

    memset(seen, 0, sizeof(seen));
    for (unsigned i = 1; i < b->nr_ports; i++) {
        port = open_port(b, 1, 0);
        assert_false(seen[port]);
        seen[port] = true;
    }
    assert_int_equal(splitio_event_engine_alloc_unbound(&b->e, 1, 0, &port),
                     SPLITIO_ENOSPC);
    assert_int_equal(
        splitio_event_engine_bind_interdomain(&b->e, 1, 0, zero, &port),
        SPLITIO_ENOSPC);
    assert_int_equal(status_of(b, 0, zero).state, SPLITIO_EVTCHN_UNBOUND);
    assert_int_equal(splitio_event_engine_nr_open(&b->e, 1), b->nr_ports - 1);
    assert_int_equal(splitio_event_engine_close(&b->e, 1, 9), 0);
    assert_int_equal(open_port(b, 1, 0), 9);
}

static void port_new_one_inherits_nothing(void **state)
{
    struct bed *b = *state;
    struct channel c = channel(b);

    send(b, 0, c.zero);
    assert_true(is_pending(b, 1, c.one));
    assert_int_equal(splitio_event_engine_close(&b->e, 1, c.one), 0);
    for (unsigned i = 1; i < b->nr_ports; i++)
        (void)open_port(b, 1, 0); /* all of them, that one too */
    assert_int_equal(status_of(b, 1, c.one).state, SPLITIO_EVTCHN_UNBOUND);
    assert_false(is_pending(b, 1, c.one));
    assert_int_equal(scan(b, 1), 0); /* masked, too */
    assert_false(handle(b, 1, c.one));
    assert_int_equal(scan(b, 1), 0);
    assert_int_equal(b->dom[1].calls[c.one], 0);
}

/* ---- sending ---- */

static void send_arrives_once_at_the_other_end(void **state)
{
    struct bed *b = *state;
    struct channel c = channel(b);

    for (unsigned i = 1; i <= 3; i++) {
        send(b, 1, c.one);
        assert_int_equal(b->dom[0].nr_upcalls, i);
        assert_int_equal(scan(b, 0), 1);
        assert_int_equal(b->dom[0].calls[c.zero], i);
        assert_false(is_pending(b, 0, c.zero));
        assert_false(splitio_event_guest_unmask(&b->dom[0].g, 0, c.zero));
        assert_int_equal(scan(b, 0), 0);
    }
    assert_int_equal(b->dom[1].nr_upcalls, 0);
    send(b, 0, c.zero);
    assert_int_equal(scan(b, 1), 1);
    assert_int_equal(b->dom[1].calls[c.one], 1);
}

static void send_on_unbound_port_is_dropped(void **state)
{
    struct bed *b = *state;
    splitio_evtchn_t one = open_port(b, 1, 0);

    send(b, 1, one);
    assert_int_equal(b->dom[0].nr_upcalls, 0);
    assert_false(is_pending(b, 1, one));
}

static void send_after_the_peer_closed_is_dropped(void **state)
{
    struct bed *b = *state;
    struct channel c = channel(b);

    assert_int_equal(splitio_event_engine_close(&b->e, 0, c.zero), 0);
    send(b, 1, c.one);
    assert_int_equal(b->dom[0].nr_upcalls, 0);
    assert_false(is_pending(b, 0, c.zero));
}

static void send_to_a_removed_domain_is_dropped(void **state)
{
    struct bed *b = *state;
    struct channel c = channel(b);

    assert_int_equal(splitio_event_engine_remove(&b->e, 0), 0);
    send(b, 1, c.one);
    assert_int_equal(status_of(b, 1, c.one).state, SPLITIO_EVTCHN_UNBOUND);
    assert_int_equal(add(b, 0), 0);
    send(b, 1, c.one);
    assert_int_equal(b->dom[0].nr_upcalls, 0);
    assert_int_equal(splitio_event_engine_nr_open(&b->e, 0), 0);
}

/* The other end is closed and is another channel when the send arrives. */
static void send_to_a_port_that_is_another_channel_is_dropped(void **state)
{
    struct bed *b = *state;
    struct channel c = channel(b);
    uint64_t *word = &b->dom[0].mem[c.zero], kept = *word;

    *word = kept ^ 1; /* another port of the same domain */
    send(b, 1, c.one);
    *word = kept ^ UINT64_C(3) << 32; /* the same port of another domain */
    send(b, 1, c.one);
    *word = kept;
    assert_int_equal(b->dom[0].nr_upcalls, 0);
    assert_false(is_pending(b, 0, c.zero));
    send(b, 1, c.one);
    assert_int_equal(b->dom[0].nr_upcalls, 1);
}

/* As Xen: what is pending already is not told again. */
static void send_to_a_pending_port_does_nothing(void **state)
{
    struct bed *b = *state;
    struct channel c = channel(b);

    splitio_event_guest_mask(&b->dom[0].g, c.zero);
    send(b, 1, c.one);
    memset(b->dom[0].page + b->abi->mask, 0, b->nr_ports / 8);
    send(b, 1, c.one);
    assert_int_equal(b->dom[0].nr_upcalls, 0);
    assert_false(splitio_event_guest_has_upcall(&b->dom[0].g, 0));
}

static void bind_gives_one_initial_event(void **state)
{
    struct bed *b = *state;
    splitio_evtchn_t one = open_port(b, 1, 0), zero;

    send(b, 1, one); /* lost, but for the initial event */
    zero = bind_port(b, 0, 1, one);
    assert_true(handle(b, 0, zero));
    assert_int_equal(scan(b, 0), 1);
    splitio_event_guest_unmask(&b->dom[0].g, 0, zero);
    assert_int_equal(scan(b, 0), 0);
    assert_int_equal(b->dom[0].calls[zero], 1);
    assert_false(is_pending(b, 1, one));
}

/* R10: an event that came before the handler. */
static void send_before_the_handler_is_bound_is_not_lost(void **state)
{
    struct bed *b = *state;
    splitio_evtchn_t one = open_port(b, 1, 0);
    splitio_evtchn_t zero = bind_port(b, 0, 1, one);

    for (unsigned i = 0; i < 5; i++)
        send(b, 0, zero);
    assert_int_equal(b->dom[1].nr_upcalls, 0);
    assert_int_equal(scan(b, 1), 0);
    assert_true(handle(b, 1, one));
    assert_int_equal(scan(b, 1), 1);
    assert_int_equal(b->dom[1].calls[one], 1);
}

static void send_before_the_guest_begins_is_not_lost(void **state)
{
    struct bed *b = *state;
    splitio_evtchn_t one = open_port(b, 1, 0);
    splitio_evtchn_t zero = bind_port(b, 0, 1, one);
    struct dom *d = &b->dom[1];

    memset(d->page + b->abi->mask, 0, b->nr_ports / 8); /* before any guest */
    send(b, 0, zero);
    assert_int_equal(d->nr_upcalls, 1);
    splitio_event_guest_init(&d->g, b->abi, d->page, d->handlers, b->nr_ports);
    assert_int_equal(scan(b, 1), 0);
    assert_true(handle(b, 1, one));
    assert_int_equal(scan(b, 1), 1);
}

static void init_touches_event_words_only(void **state)
{
    struct bed *b = *state;
    const struct splitio_event_abi *abi = b->abi;
    struct splitio_event_guest g;
    static struct splitio_event_handler handlers[64];
    static _Alignas(8) uint8_t page[4096];
    unsigned word = abi->word_bits / 8u, changed = 0;

    memset(page, 0xA5, sizeof(page));
    splitio_event_guest_init(&g, abi, page, handlers, 64);
    for (unsigned i = 0; i < sizeof(page); i++)
        changed += page[i] != 0xA5;
    assert_int_equal(changed, b->nr_ports / 8 + abi->nr_vcpus * (2 + word));
    for (unsigned i = 0; i < b->nr_ports / 8; i++)
        assert_int_equal(page[abi->mask + i], 0xFF);
    assert_int_equal(page[abi->pending], 0xA5);
}

/* ---- masks ---- */

static void mask_holds_back_and_unmask_delivers(void **state)
{
    struct bed *b = *state;
    struct channel c = channel(b);
    struct splitio_event_guest *g = &b->dom[0].g;

    splitio_event_guest_mask(g, c.zero);
    for (unsigned i = 0; i < 10; i++)
        send(b, 1, c.one);
    assert_int_equal(b->dom[0].nr_upcalls, 0);
    assert_int_equal(scan(b, 0), 0);
    assert_true(splitio_event_guest_unmask(g, 0, c.zero));
    assert_true(splitio_event_guest_has_upcall(g, 0));
    assert_int_equal(scan(b, 0), 1);
    assert_false(splitio_event_guest_unmask(g, 0, c.zero));
}

static void unmask_by_the_engine_delivers_too(void **state)
{
    struct bed *b = *state;
    struct channel c = channel(b);

    splitio_event_guest_mask(&b->dom[0].g, c.zero);
    send(b, 1, c.one);
    assert_int_equal(b->dom[0].nr_upcalls, 0);
    assert_int_equal(splitio_event_engine_unmask(&b->e, 0, c.zero), 0);
    assert_int_equal(b->dom[0].nr_upcalls, 1);
    assert_int_equal(splitio_event_engine_unmask(&b->e, 0, c.zero), 0);
    assert_int_equal(b->dom[0].nr_upcalls, 1);
    assert_int_equal(scan(b, 0), 1);
    assert_int_equal(splitio_event_engine_unmask(&b->e, 0, c.zero), 0);
    assert_int_equal(b->dom[0].nr_upcalls, 1);
}

/* T32, late end of interrupt. */
static void storm_costs_one_handler_for_each_unmask(void **state)
{
    struct bed *b = *state;
    struct channel c = channel(b);

    for (unsigned round = 1; round <= 20; round++) {
        for (unsigned i = 0; i < 500; i++) {
            send(b, 1, c.one);
            scan(b, 0);
        }
        assert_int_equal(b->dom[0].calls[c.zero], round);
        assert_int_equal(b->dom[0].nr_upcalls, 1);
        assert_true(splitio_event_guest_unmask(&b->dom[0].g, 0, c.zero));
    }
    assert_int_equal(scan(b, 0), 1);
}

static void unbind_forgets_handler_and_event(void **state)
{
    struct bed *b = *state;
    struct channel c = channel(b);

    send(b, 1, c.one);
    splitio_event_guest_unbind(&b->dom[0].g, c.zero);
    assert_int_equal(scan(b, 0), 0);
    send(b, 1, c.one);
    assert_int_equal(scan(b, 0), 0);
    assert_int_equal(b->dom[0].calls[c.zero], 0);
    assert_true(handle(b, 0, c.zero)); /* what came since counts again */
    assert_int_equal(scan(b, 0), 1);
}

/* ---- scanning ---- */

/* All that a guest can write into its own page only hurts itself. */
static void hostile_page_of_ones_is_survived(void **state)
{
    struct bed *b = *state;
    struct splitio_event_guest *g = &b->dom[0].g;
    struct channel c = channel(b);
    unsigned n;

    memset(b->dom[0].page, 0xFF, SPLITIO_PAGE_SIZE);
    send(b, 1, c.one);
    assert_int_equal(splitio_event_guest_scan(g, 0, 10), 0);
    memset(b->dom[0].page + b->abi->mask, 0, b->nr_ports / 8);
    b->dom[0].page[b->abi->upcall_pending] = 1;
    memset(b->dom[0].page + b->abi->selector, 0xFF, b->abi->word_bits / 8);
    n = splitio_event_guest_scan(g, 0, UINT32_MAX);
    assert_int_equal(n, b->nr_ports); /* each once, and no handler but one */
    assert_int_equal(b->nr_order, 1);
    assert_int_equal(splitio_event_guest_scan(g, 0, UINT32_MAX), 0);
}

static void scan_without_upcall_does_nothing(void **state)
{
    struct bed *b = *state;

    memset(b->dom[0].page + b->abi->pending, 0xFF, 8);
    assert_int_equal(splitio_event_guest_scan(&b->dom[0].g, 0, 10), 0);
    assert_int_equal(splitio_event_guest_scan(&b->dom[0].g, 0, 0), 0);
}

static void scan_ports_over_the_handlers_are_not_delivered(void **state)
{
    struct bed *b = *state;
    struct splitio_event_guest *g = &b->dom[0].g;
    struct channel c = channel(b);

    g->nr_handlers = c.zero;
    send(b, 1, c.one);
    assert_int_equal(scan(b, 0), 1);
    assert_int_equal(b->nr_order, 0);
}

/* All ports of a domain connected, handled, quiet. */
static unsigned connect_all(struct bed *b)
{
    for (unsigned i = 1; i < b->nr_ports; i++) {
        splitio_evtchn_t one = open_port(b, 1, 0);

        (void)handle(b, 0, bind_port(b, 0, 1, one));
    }
    scan(b, 0);
    for (unsigned p = 1; p < b->nr_ports; p++)
        splitio_event_guest_unmask(&b->dom[0].g, 0, p);
    memset(b->dom[0].calls, 0, sizeof(b->dom[0].calls));
    b->nr_order = 0;
    return b->nr_ports - 1;
}

static void send_all(struct bed *b)
{
    for (unsigned p = 1; p < b->nr_ports; p++)
        send(b, 1, status_of(b, 0, p).remote_port);
}

/* From every place to begin at, and with every budget: all once, in order. */
static void scan_goes_round_all_ports_from_any_start(void **state)
{
    static const unsigned budgets[] = {1, 2, 7, 63, 64, 65, 5000};
    struct bed *b = *state;
    unsigned nr = connect_all(b);
    struct splitio_event_guest *g = &b->dom[0].g;

    for (unsigned start = 0; start < b->nr_ports; start += 37) {
        unsigned budget = budgets[start % SPLITIO_ARRAY_LEN(budgets)];

        g->next[0] = start;
        send_all(b);
        b->nr_order = 0;
        while (splitio_event_guest_has_upcall(g, 0))
            assert_in_range(splitio_event_guest_scan(g, 0, budget), 0, budget);
        assert_int_equal(b->nr_order, nr);
        for (unsigned i = 0, p = start; i < nr; i++, p++) {
            if (p % b->nr_ports == 0)
                p++;
            assert_int_equal(b->order[i], p % b->nr_ports);
        }
        for (unsigned p = 1; p < b->nr_ports; p++)
            assert_false(splitio_event_guest_unmask(g, 0, p));
    }
}

/* Some busy ports are sent to again at once; the others still have a turn. */
static void scan_busy_ports_starve_nobody(void **state)
{
    static const splitio_evtchn_t busy[] = {5, 6, 31, 33, 700};
    struct bed *b = *state;
    struct splitio_event_guest *g = &b->dom[0].g;
    unsigned nr = SPLITIO_ARRAY_LEN(busy);

    connect_all(b);
    for (unsigned budget = 1; budget <= 3; budget++) {
        memset(b->dom[0].calls, 0, sizeof(b->dom[0].calls));
        for (unsigned i = 0; i < 100; i++) {
            for (unsigned k = 0; k < nr; k++) {
                splitio_event_guest_unmask(g, 0, busy[k]);
                send(b, 1, status_of(b, 0, busy[k]).remote_port);
            }
            splitio_event_guest_scan(g, 0, budget);
        }
        for (unsigned k = 0; k < nr; k++)
            assert_in_range(b->dom[0].calls[busy[k]], 100 * budget / nr - 1,
                            100 * budget / nr + 1);
        while (splitio_event_guest_has_upcall(g, 0))
            splitio_event_guest_scan(g, 0, 100);
    }
}

static void scan_budget_puts_back_and_asks_again(void **state)
{
    struct bed *b = *state;
    struct splitio_event_guest *g = &b->dom[0].g;
    unsigned n = 0, calls = 0;

    connect_all(b);
    send_all(b);
    assert_int_equal(splitio_event_guest_scan(g, 0, 0), 0);
    assert_true(splitio_event_guest_has_upcall(g, 0));
    while (splitio_event_guest_has_upcall(g, 0)) {
        unsigned got = splitio_event_guest_scan(g, 0, 10);

        n += got;
        calls++;
        if (got < 10)
            assert_false(splitio_event_guest_has_upcall(g, 0));
    }
    assert_int_equal(n, b->nr_ports - 1);
    assert_in_range(calls, n / 10, n / 10 + 2);
}

static void scan_other_vcpu_has_its_own_selector(void **state)
{
    struct bed *b = *state;
    struct splitio_event_guest *g = &b->dom[0].g;
    struct channel c = channel(b);

    assert_int_equal(splitio_event_engine_bind_vcpu(&b->e, 0, c.zero, 31), 0);
    assert_int_equal(splitio_event_engine_bind_vcpu(&b->e, 0, c.zero, 32),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_bind_vcpu(&b->e, 0, c.zero, 4096),
                     SPLITIO_EINVAL);
    assert_int_equal(status_of(b, 0, c.zero).vcpu, 31);
    assert_int_equal(status_of(b, 0, c.zero).remote_port, c.one);
    send(b, 1, c.one);
    assert_int_equal(b->dom[0].last_vcpu, 31);
    assert_false(splitio_event_guest_has_upcall(g, 0));
    assert_int_equal(splitio_event_guest_scan(g, 0, 10), 0);
    assert_true(splitio_event_guest_has_upcall(g, 31));
    assert_int_equal(splitio_event_guest_scan(g, 31, 10), 1);
    assert_int_equal(b->dom[0].calls[c.zero], 1);
    /* It stays there when the other end closes and binds again. */
    assert_int_equal(splitio_event_engine_close(&b->e, 1, c.one), 0);
    assert_int_equal(status_of(b, 0, c.zero).vcpu, 31);
}

static void scan_of_two_vcpus_calls_one_handler(void **state)
{
    struct bed *b = *state;
    struct splitio_event_guest *g = &b->dom[0].g;
    struct channel c = channel(b);

    send(b, 1, c.one);
    assert_int_equal(splitio_event_engine_bind_vcpu(&b->e, 0, c.zero, 1), 0);
    (void)splitio_event_guest_unmask(g, 1, c.zero);
    assert_true(splitio_event_guest_has_upcall(g, 0));
    assert_true(splitio_event_guest_has_upcall(g, 1));
    assert_int_equal(splitio_event_guest_scan(g, 0, 10) +
                         splitio_event_guest_scan(g, 1, 10),
                     1);
    assert_int_equal(b->dom[0].calls[c.zero], 1);
}

/* Runs in vcpu 1's scan: vcpu 0 handles the other port, whose owner is fast. */
static void scan_on_vcpu_0(void *arg)
{
    struct hand *h = arg;
    struct splitio_event_guest *g = &h->bed->dom[0].g;

    on_event(arg);
    assert_int_equal(splitio_event_guest_scan(g, 0, 10), 1);
    assert_false(splitio_event_guest_unmask(g, 0, h->port + 1));
}

static void scan_leaves_what_another_vcpu_has_done(void **state)
{
    struct bed *b = *state;
    struct splitio_event_guest *g = &b->dom[0].g;
    struct channel p = channel(b), q = channel(b);

    assert_int_equal(q.zero, p.zero + 1);
    b->dom[0].handlers[p.zero].fn = scan_on_vcpu_0;
    assert_int_equal(splitio_event_engine_bind_vcpu(&b->e, 0, p.zero, 1), 0);
    send(b, 1, p.one);
    send(b, 1, q.one);
    assert_int_equal(splitio_event_guest_scan(g, 1, 10), 1);
    assert_int_equal(b->dom[0].calls[p.zero], 1);
    assert_int_equal(b->dom[0].calls[q.zero], 1);
    send(b, 1, q.one); /* not left masked */
    assert_int_equal(scan(b, 0), 1);
    assert_int_equal(b->dom[0].calls[q.zero], 2);
}

struct late {
    struct bed *bed;
    splitio_evtchn_t from;
    unsigned nr_accesses, at;
};

static void send_late(void *arg, size_t offset)
{
    struct late *l = arg;

    (void)offset;
    if (l->nr_accesses++ == l->at)
        (void)splitio_event_engine_send(&l->bed->e, 1, l->from);
}

static struct late late;

static void scan_on_vcpu_0_and_watch(void *arg)
{
    scan_on_vcpu_0(arg);
    watch_start(late.bed->dom[0].page, SPLITIO_PAGE_SIZE, send_late, &late);
}

/* The event comes at each step of a claim that fails. */
static void scan_event_during_a_failed_claim_is_not_lost(void **state)
{
    struct bed *b = *state;
    struct splitio_event_guest *g = &b->dom[0].g;
    struct channel p = channel(b), q = channel(b);

    if (!watch_possible())
        skip();
    b->dom[0].handlers[p.zero].fn = scan_on_vcpu_0_and_watch;
    assert_int_equal(splitio_event_engine_bind_vcpu(&b->e, 0, p.zero, 1), 0);
    for (unsigned at = 0; at < 8; at++) {
        late = (struct late){.bed = b, .from = q.one, .at = at};
        g->next[0] = g->next[1] = 0;
        memset(b->dom[0].calls, 0, sizeof(b->dom[0].calls));
        send(b, 1, p.one);
        send(b, 1, q.one);
        (void)splitio_event_guest_scan(g, 1, 10);
        watch_stop();
        assert_in_range(late.nr_accesses, 4, 20);
        scan(b, 0);
        assert_int_equal(b->dom[0].calls[p.zero], 1);
        assert_int_equal(b->dom[0].calls[q.zero],
                         late.nr_accesses > at ? 2 : 1);
        (void)splitio_event_guest_unmask(g, 1, p.zero);
        (void)splitio_event_guest_unmask(g, 0, q.zero);
    }
}

/* ---- domains ---- */

static void add_odd_arguments_are_refused(void **state)
{
    struct bed *b = *state;
    struct splitio_event_domain d;
    static uint64_t mem[MAX_PORTS + 1];
    static uint8_t page[4096];
    struct splitio_event_engine *e = &b->e;

    assert_int_equal(
        splitio_event_engine_add(e, &d, SLOTS, b->abi, page, 8, mem),
        SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_add(e, &d, 4, NULL, page, 8, mem),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_add(e, &d, 4, b->abi, NULL, 8, mem),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_add(e, &d, 4, b->abi, page, 8, NULL),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_event_engine_add(e, &d, 4, b->abi, page, 1, mem),
                     SPLITIO_EINVAL);
    assert_int_equal(
        splitio_event_engine_add(e, &d, 4, b->abi, page, b->nr_ports + 1, mem),
        SPLITIO_EINVAL);
    (void)open_port(b, 1, 0);
    assert_int_equal(add(b, 1), SPLITIO_EEXIST);
    assert_int_equal(splitio_event_engine_nr_open(e, 1), 1);
}

static void add_small_table_bounds_the_ports(void **state)
{
    struct bed *b = *state;
    struct splitio_event_domain d;
    /* Behind the table: what would be an unbound port. */
    const uint64_t beyond = UINT64_C(1) << 60;
    uint64_t mem[3] = {0, 0, beyond};
    static _Alignas(8) uint8_t page[4096];
    splitio_evtchn_t port;

    assert_int_equal(
        splitio_event_engine_add(&b->e, &d, 4, b->abi, page, 2, mem), 0);
    assert_int_equal(open_port(b, 4, 0), 1);
    assert_int_equal(splitio_event_engine_alloc_unbound(&b->e, 4, 0, &port),
                     SPLITIO_ENOSPC);
    assert_int_equal(splitio_event_engine_send(&b->e, 4, 2), SPLITIO_EINVAL);
    assert_int_equal(mem[2], beyond);
    assert_int_equal(splitio_event_engine_remove(&b->e, 4), 0);
}

static void remove_closes_all_and_frees_the_peers(void **state)
{
    struct bed *b = *state;
    unsigned nr = connect_all(b);

    assert_int_equal(splitio_event_engine_remove(&b->e, 0), 0);
    assert_int_equal(splitio_event_engine_remove(&b->e, 0), SPLITIO_ENOENT);
    assert_int_equal(splitio_event_engine_nr_open(&b->e, 1), nr);
    for (unsigned p = 1; p < b->nr_ports; p++) {
        assert_int_equal(status_of(b, 1, p).state, SPLITIO_EVTCHN_UNBOUND);
        assert_int_equal(status_of(b, 1, p).remote, 0);
    }
    assert_int_equal(add(b, 0), 0);
    (void)bind_port(b, 0, 1, 17);
}

/* The domain is removed while a send is inside it. */
static void upcall_removes(void *ctx, splitio_domid_t domid, unsigned vcpu)
{
    struct bed *b = ctx;

    upcall(ctx, domid, vcpu);
    assert_int_equal(splitio_event_engine_remove(&b->e, domid), SPLITIO_EAGAIN);
    assert_int_equal(splitio_event_engine_nr_open(&b->e, domid), 0);
}

static void remove_during_a_send_comes_later(void **state)
{
    static const struct splitio_hypervisor_ops removing = {.upcall =
                                                               upcall_removes};
    struct bed *b = *state;
    struct channel c = channel(b);

    b->port.ops = &removing;
    send(b, 1, c.one);
    assert_int_equal(b->dom[0].nr_upcalls, 1);
    send(b, 1, c.one); /* dropped */
    assert_int_equal(b->dom[0].nr_upcalls, 1);
    assert_int_equal(splitio_event_engine_remove(&b->e, 0), 0);
    b->port.ops = &ops;
    assert_int_equal(add(b, 0), 0);
}

/* For both layouts of the bits. */
#define CASE(f)                                                                \
    {#f ".x86_64", f, setup_64, teardown, NULL},                               \
    {                                                                          \
#f ".x86_32", f, setup_32, teardown, NULL                              \
    }

#define FIFO(f)                                                                \
    {                                                                          \
#f ".fifo", f, setup_fifo, teardown, NULL                              \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(port_life_is_told_by_status),
        FIFO(port_life_is_told_by_status),
        CASE(port_bad_number_is_refused_by_every_call),
        FIFO(port_bad_number_is_refused_by_every_call),
        CASE(port_bad_domain_is_refused_by_every_call),
        FIFO(port_bad_domain_is_refused_by_every_call),
        CASE(bind_by_a_stranger_is_refused),
        FIFO(bind_by_a_stranger_is_refused),
        CASE(bind_remote_need_not_exist_when_the_port_is_opened),
        FIFO(bind_remote_need_not_exist_when_the_port_is_opened),
        CASE(bind_within_one_domain_by_self_works),
        FIFO(bind_within_one_domain_by_self_works),
        CASE(port_table_exhausted_and_freed),
        FIFO(port_table_exhausted_and_freed),
        CASE(port_new_one_inherits_nothing),
        CASE(send_arrives_once_at_the_other_end),
        FIFO(send_arrives_once_at_the_other_end),
        CASE(send_on_unbound_port_is_dropped),
        FIFO(send_on_unbound_port_is_dropped),
        CASE(send_after_the_peer_closed_is_dropped),
        FIFO(send_after_the_peer_closed_is_dropped),
        CASE(send_to_a_removed_domain_is_dropped),
        FIFO(send_to_a_removed_domain_is_dropped),
        CASE(send_to_a_port_that_is_another_channel_is_dropped),
        FIFO(send_to_a_port_that_is_another_channel_is_dropped),
        CASE(send_to_a_pending_port_does_nothing),
        CASE(bind_gives_one_initial_event),
        FIFO(bind_gives_one_initial_event),
        CASE(send_before_the_handler_is_bound_is_not_lost),
        FIFO(send_before_the_handler_is_bound_is_not_lost),
        CASE(send_before_the_guest_begins_is_not_lost),
        CASE(init_touches_event_words_only),
        CASE(mask_holds_back_and_unmask_delivers),
        FIFO(mask_holds_back_and_unmask_delivers),
        CASE(unmask_by_the_engine_delivers_too),
        FIFO(unmask_by_the_engine_delivers_too),
        CASE(storm_costs_one_handler_for_each_unmask),
        CASE(unbind_forgets_handler_and_event),
        CASE(hostile_page_of_ones_is_survived),
        CASE(scan_without_upcall_does_nothing),
        FIFO(scan_without_upcall_does_nothing),
        CASE(scan_ports_over_the_handlers_are_not_delivered),
        FIFO(scan_ports_over_the_handlers_are_not_delivered),
        CASE(scan_goes_round_all_ports_from_any_start),
        CASE(scan_busy_ports_starve_nobody),
        CASE(scan_budget_puts_back_and_asks_again),
        FIFO(scan_budget_puts_back_and_asks_again),
        CASE(scan_other_vcpu_has_its_own_selector),
        CASE(scan_of_two_vcpus_calls_one_handler),
        CASE(scan_leaves_what_another_vcpu_has_done),
        CASE(scan_event_during_a_failed_claim_is_not_lost),
        CASE(add_odd_arguments_are_refused),
        CASE(add_small_table_bounds_the_ports),
        CASE(remove_closes_all_and_frees_the_peers),
        FIFO(remove_closes_all_and_frees_the_peers),
        CASE(remove_during_a_send_comes_later),
        FIFO(remove_during_a_send_comes_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
