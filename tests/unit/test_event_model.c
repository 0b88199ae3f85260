/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event engine and the owner's scan against a plain model: random
 * operations, every result compared, and after each one: whatever can be
 * delivered has an upcall pending, and each upcall that became pending through
 * the engine was raised. With bits alone, and with domains that change over to
 * FIFO events and back. The seed may be given as argument.
 */
#include "cm.h"

#include <splitio/event.h>
#include <splitio/event_fifo.h>

#include <stdlib.h>
#include <string.h>

#define NR_OPS  150000u
#define DOMAINS 3u
#define PORTS   70u /* two words of 64 bits, three of 32 */
#define VCPUS   2u
#define QUEUES  16u

struct m_port {
    enum splitio_event_state state;
    unsigned vcpu;
    splitio_domid_t remote;
    splitio_evtchn_t remote_port;
    bool pending, masked, handled;
    bool linked; /* FIFO: in a queue */
    bool bit;    /* FIFO: pending in the page, from before */
    unsigned priority;
};

struct m_queue {
    splitio_evtchn_t port[PORTS];
    unsigned nr;
};

struct model {
    struct splitio_event_engine e;
    struct splitio_hypervisor_port port;
    struct splitio_domain_slot slots[DOMAINS];
    const struct splitio_event_abi *abi;
    bool fifo_too;
    struct m_domain {
        struct model *m;
        splitio_domid_t id;
        bool fifo;
        struct splitio_event_fifo hv_fifo;
        uint16_t fifo_mem[PORTS];
        struct splitio_event_guest_fifo guest_fifo;
        struct splitio_event_fifo_block blocks[VCPUS];
        uint32_t words[SPLITIO_EVENT_FIFO_PAGE_WORDS];
        struct m_queue queue[VCPUS][QUEUES];
        struct splitio_event_domain d;
        struct splitio_event_guest g;
        struct splitio_event_handler handlers[PORTS];
        uint64_t mem[PORTS];
        uint8_t *page;
        struct m_port p[PORTS];
        bool gone;
        unsigned upcalls[VCPUS];
    } dom[DOMAINS];
    splitio_evtchn_t order[PORTS];
    unsigned nr_order;
    uint64_t seed;
    unsigned op;
};

static uint64_t first_seed = 1;
static const char *doing;
static struct model *now;

static void differ(const char *what, long got, long want)
{
    fail_msg("seed %llu, op %u, %s: %s is %ld, should be %ld",
             (unsigned long long)first_seed, now->op, doing, what, got, want);
}

#define SAME(what, got, want)                                                  \
    do {                                                                       \
        if ((long)(got) != (long)(want))                                       \
            differ(what, (long)(got), (long)(want));                           \
    } while (0)

static uint32_t rnd(struct model *m, uint32_t below)
{
    m->seed = m->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(m->seed >> 33) % below;
}

static void upcall(void *ctx, splitio_domid_t domid, unsigned vcpu)
{
    struct model *m = ctx;

    m->dom[domid].upcalls[vcpu]++;
}

static const struct splitio_hypervisor_ops ops = {.upcall = upcall};

static void on_event(void *arg)
{
    struct splitio_event_handler *h = arg;

    for (unsigned i = 0; i < DOMAINS; i++)
        if (h >= now->dom[i].handlers && h < now->dom[i].handlers + PORTS)
            now->order[now->nr_order++] =
                (splitio_evtchn_t)(h - now->dom[i].handlers);
}

static bool page_bit(const struct model *m, splitio_domid_t d, unsigned at,
                     unsigned bit)
{
    const uint8_t *page = m->dom[d].page + at;
    uint32_t narrow;
    uint64_t wide;

    if (m->abi->word_bits == 64) {
        memcpy(&wide, page + bit / 64 * 8, 8);
        return splitio_le64(wide) >> (bit % 64) & 1;
    }
    memcpy(&narrow, page + bit / 32 * 4, 4);
    return splitio_le32(narrow) >> (bit % 32) & 1;
}

static bool selected(const struct model *m, splitio_domid_t d, unsigned vcpu,
                     unsigned port)
{
    return page_bit(m, d, vcpu * m->abi->vcpu_stride + m->abi->selector,
                    port / m->abi->word_bits);
}

static int add(struct model *m, splitio_domid_t d)
{
    if (m->fifo_too)
        return splitio_event_engine_add_fifo(
            &m->e, &m->dom[d].d, d, m->abi, m->dom[d].page, PORTS,
            m->dom[d].mem, &m->dom[d].hv_fifo, m->dom[d].fifo_mem);
    return splitio_event_engine_add(&m->e, &m->dom[d].d, d, m->abi,
                                    m->dom[d].page, PORTS, m->dom[d].mem);
}

static struct m_port *find(struct model *m, splitio_domid_t d,
                           splitio_evtchn_t port)
{
    return port && port < PORTS ? &m->dom[d].p[port] : NULL;
}

static unsigned count_open(const struct model *m, splitio_domid_t d)
{
    unsigned n = 0;

    for (unsigned p = 1; p < PORTS; p++)
        n += m->dom[d].p[p].state != SPLITIO_EVTCHN_CLOSED;
    return m->dom[d].gone ? 0 : n;
}

/* A port that can be opened: what is in a queue still cannot. */
static bool has_free(const struct model *m, splitio_domid_t d)
{
    for (unsigned p = 1; p < PORTS; p++)
        if (m->dom[d].p[p].state == SPLITIO_EVTCHN_CLOSED &&
            !m->dom[d].p[p].linked)
            return true;
    return false;
}

/* FIFO: queue what is due and not queued. */
static void link_port(struct model *m, splitio_domid_t d, splitio_evtchn_t port)
{
    struct m_port *p = &m->dom[d].p[port];
    struct m_queue *q = &m->dom[d].queue[p->vcpu][p->priority];

    if (!m->dom[d].fifo || !p->pending || p->masked || p->linked)
        return;
    p->linked = true;
    q->port[q->nr++] = port;
}

static void set_pending(struct model *m, splitio_domid_t d,
                        splitio_evtchn_t port)
{
    m->dom[d].p[port].pending = true;
    link_port(m, d, port);
}

static void opened(struct model *m, splitio_domid_t d, splitio_evtchn_t port,
                   struct m_port as)
{
    struct m_port *p = find(m, d, port);

    if (!p || p->state != SPLITIO_EVTCHN_CLOSED)
        differ("a port that is not free", port, 0);
    if (p->linked)
        differ("a port that is in a queue", port, 0);
    as.masked = true;
    as.handled = p->handled;
    as.bit = m->dom[d].fifo && p->bit;
    as.priority = SPLITIO_EVTCHN_FIFO_PRIORITY_DEFAULT;
    *p = as;
}

static void do_alloc(struct model *m, splitio_domid_t d, splitio_domid_t r)
{
    splitio_evtchn_t port = 0;
    int want = m->dom[d].gone   ? SPLITIO_ENOENT
               : has_free(m, d) ? 0
                                : SPLITIO_ENOSPC;

    doing = "alloc";
    SAME("result", splitio_event_engine_alloc_unbound(&m->e, d, r, &port),
         want);
    if (!want)
        opened(m, d, port,
               (struct m_port){.state = SPLITIO_EVTCHN_UNBOUND, .remote = r});
}

static void do_bind(struct model *m, splitio_domid_t d, splitio_domid_t r,
                    splitio_evtchn_t rport)
{
    struct m_port *rp = find(m, r, rport);
    splitio_evtchn_t port = 0;
    int want = 0;

    if (m->dom[d].gone || m->dom[r].gone)
        want = SPLITIO_ENOENT;
    else if (!rp || rp->state != SPLITIO_EVTCHN_UNBOUND || rp->remote != d)
        want = SPLITIO_EINVAL;
    else if (!has_free(m, d))
        want = SPLITIO_ENOSPC;
    doing = "bind";
    SAME("result",
         splitio_event_engine_bind_interdomain(&m->e, d, r, rport, &port),
         want);
    if (want)
        return;
    opened(m, d, port,
           (struct m_port){.state = SPLITIO_EVTCHN_INTERDOMAIN,
                           .remote = r,
                           .remote_port = rport});
    set_pending(m, d, port);
    rp->state = SPLITIO_EVTCHN_INTERDOMAIN;
    rp->remote_port = port;
}

static void do_ipi(struct model *m, splitio_domid_t d)
{
    unsigned vcpu = rnd(m, VCPUS);
    splitio_evtchn_t port = 0;
    int want = m->dom[d].gone   ? SPLITIO_ENOENT
               : has_free(m, d) ? 0
                                : SPLITIO_ENOSPC;

    doing = "ipi";
    SAME("result", splitio_event_engine_bind_ipi(&m->e, d, vcpu, &port), want);
    if (!want)
        opened(m, d, port,
               (struct m_port){.state = SPLITIO_EVTCHN_IPI, .vcpu = vcpu});
}

static void closed(struct model *m, struct m_port *p)
{
    if (p->state == SPLITIO_EVTCHN_INTERDOMAIN) {
        struct m_port *rp = find(m, p->remote, p->remote_port);

        rp->state = SPLITIO_EVTCHN_UNBOUND;
        rp->remote_port = 0;
    }
    p->state = SPLITIO_EVTCHN_CLOSED;
    p->remote = 0;
    p->remote_port = p->vcpu = 0;
    p->priority = SPLITIO_EVTCHN_FIFO_PRIORITY_DEFAULT;
}

static bool is_open(struct model *m, splitio_domid_t d, splitio_evtchn_t port)
{
    struct m_port *p = find(m, d, port);

    return p && p->state != SPLITIO_EVTCHN_CLOSED;
}

/* Result of a call that wants an open port. */
static int on_open(struct model *m, splitio_domid_t d, splitio_evtchn_t port)
{
    if (m->dom[d].gone)
        return SPLITIO_ENOENT;
    return is_open(m, d, port) ? 0 : SPLITIO_EINVAL;
}

static void do_close(struct model *m, splitio_domid_t d, splitio_evtchn_t port)
{
    int want = on_open(m, d, port);

    doing = "close";
    SAME("result", splitio_event_engine_close(&m->e, d, port), want);
    if (!want)
        closed(m, find(m, d, port));
}

static void do_send(struct model *m, splitio_domid_t d, splitio_evtchn_t port)
{
    int want = on_open(m, d, port);
    struct m_port *p = find(m, d, port);

    doing = "send";
    SAME("result", splitio_event_engine_send(&m->e, d, port), want);
    if (!want && p->state == SPLITIO_EVTCHN_INTERDOMAIN)
        set_pending(m, p->remote, p->remote_port);
    if (!want && p->state == SPLITIO_EVTCHN_IPI)
        set_pending(m, d, port);
}

static void do_engine_unmask(struct model *m, splitio_domid_t d,
                             splitio_evtchn_t port)
{
    int want = on_open(m, d, port);

    doing = "engine unmask";
    SAME("result", splitio_event_engine_unmask(&m->e, d, port), want);
    if (!want) {
        find(m, d, port)->masked = false;
        link_port(m, d, port);
    }
}

static void do_vcpu(struct model *m, splitio_domid_t d, splitio_evtchn_t port)
{
    unsigned vcpu = rnd(m, VCPUS);
    int want = on_open(m, d, port);

    if (!want && find(m, d, port)->state == SPLITIO_EVTCHN_IPI)
        want = SPLITIO_EINVAL;
    doing = "bind vcpu";
    SAME("result", splitio_event_engine_bind_vcpu(&m->e, d, port, vcpu), want);
    if (!want)
        find(m, d, port)->vcpu = vcpu;
}

static void do_priority(struct model *m, splitio_domid_t d,
                        splitio_evtchn_t port)
{
    unsigned priority = rnd(m, QUEUES + 1);
    int want = on_open(m, d, port);

    if (want != SPLITIO_ENOENT && !m->dom[d].fifo)
        want = SPLITIO_EOPNOTSUPP;
    else if (!want && priority == QUEUES)
        want = SPLITIO_EINVAL;
    doing = "set priority";
    SAME("result", splitio_event_engine_set_priority(&m->e, d, port, priority),
         want);
    if (!want)
        find(m, d, port)->priority = priority;
}

static void do_owner(struct model *m, splitio_domid_t d, splitio_evtchn_t port)
{
    struct splitio_event_guest *g = &m->dom[d].g;
    struct m_port *p = find(m, d, port);
    bool was_pending;

    /* A guest unmasks what it has open. */
    if (!p || (m->dom[d].fifo && !is_open(m, d, port)))
        return;
    was_pending = p->pending;
    switch (rnd(m, 6)) {
    case 0:
        splitio_event_guest_mask(g, port);
        p->masked = true;
        break;
    case 1:
        splitio_event_guest_unbind(g, port);
        p->masked = true;
        p->pending = p->handled = false;
        break;
    case 2:
        if (p->handled)
            break;
        doing = "guest bind";
        SAME("result",
             splitio_event_guest_bind(
                 g, port,
                 (struct splitio_event_handler){on_event, &g->handlers[port]}),
             was_pending);
        p->masked = false;
        p->handled = true;
        link_port(m, d, port);
        break;
    default:
        doing = "guest unmask";
        SAME("result", splitio_event_guest_unmask(g, rnd(m, VCPUS), port),
             was_pending);
        p->masked = false;
        link_port(m, d, port);
    }
}

/* What a scan handles, in order; *steps is what it returns. */
static unsigned expect_bits(struct model *m, splitio_domid_t d, unsigned vcpu,
                            unsigned budget, splitio_evtchn_t *want,
                            unsigned *steps)
{
    unsigned from = m->dom[d].g.next[vcpu], nr = 0;
    unsigned all = splitio_event_abi_nr_ports(m->abi);

    for (unsigned i = 0; i < all && *steps < budget; i++) {
        unsigned port = (from + i) % all;
        struct m_port *p = find(m, d, port);

        if (!p || !p->pending || p->masked || !selected(m, d, vcpu, port))
            continue;
        p->pending = false;
        p->masked = true;
        ++*steps;
        if (p->handled)
            want[nr++] = port;
    }
    return nr;
}

static unsigned expect_fifo(struct model *m, splitio_domid_t d, unsigned vcpu,
                            unsigned budget, splitio_evtchn_t *want,
                            unsigned *steps)
{
    unsigned nr = 0;

    for (unsigned i = 0; i < QUEUES; i++) {
        struct m_queue *q = &m->dom[d].queue[vcpu][i];

        for (; q->nr > 0 && *steps < budget; ++*steps) {
            splitio_evtchn_t port = q->port[0];
            struct m_port *p = find(m, d, port);

            memmove(q->port, q->port + 1, --q->nr * sizeof(q->port[0]));
            p->linked = false;
            if (!p->pending || p->masked)
                continue;
            p->pending = false;
            p->masked = true;
            if (p->handled)
                want[nr++] = port;
        }
    }
    return nr;
}

static void do_scan(struct model *m, splitio_domid_t d)
{
    struct splitio_event_guest *g = &m->dom[d].g;
    unsigned vcpu = rnd(m, VCPUS), budget = rnd(m, 4) ? rnd(m, 5) : 100;
    unsigned nr = 0, n_want = 0, n;
    splitio_evtchn_t want[PORTS];

    if (splitio_event_guest_has_upcall(g, vcpu) && m->dom[d].fifo)
        nr = expect_fifo(m, d, vcpu, budget, want, &n_want);
    else if (splitio_event_guest_has_upcall(g, vcpu))
        nr = expect_bits(m, d, vcpu, budget, want, &n_want);
    doing = "scan";
    m->nr_order = 0;
    n = splitio_event_guest_scan(g, vcpu, budget);
    SAME("result", n, n_want);
    SAME("handlers", m->nr_order, nr);
    for (unsigned i = 0; i < nr; i++)
        SAME("order", m->order[i], want[i]);
}

/* ---- changing over, and back ---- */

static int init_control(void *ctx, splitio_gfn_t gfn, uint32_t offset,
                        unsigned vcpu)
{
    struct m_domain *d = ctx;

    (void)gfn;
    (void)offset;
    return splitio_event_engine_set_block(&d->m->e, d->id, vcpu,
                                          &d->blocks[vcpu]);
}

static int expand_array(void *ctx, splitio_gfn_t gfn)
{
    struct m_domain *d = ctx;

    (void)gfn;
    return splitio_event_engine_add_words(&d->m->e, d->id, d->words);
}

static void ask_unmask(void *ctx, splitio_evtchn_t port)
{
    struct m_domain *d = ctx;

    (void)splitio_event_engine_unmask(&d->m->e, d->id, port);
}

static const struct splitio_event_fifo_ops fifo_ops = {
    .init_control = init_control,
    .expand_array = expand_array,
    .unmask = ask_unmask,
};

/* What is pending and open is carried along, in the order of ports. */
static void carry_along(struct model *m, splitio_domid_t d)
{
    m->dom[d].fifo = true;
    memset(m->dom[d].queue, 0, sizeof(m->dom[d].queue));
    for (unsigned port = 1; port < PORTS; port++) {
        struct m_port *p = &m->dom[d].p[port];

        p->bit = p->pending;
        p->pending = p->pending && p->state != SPLITIO_EVTCHN_CLOSED;
        link_port(m, d, port);
    }
}

static void do_change_over(struct model *m, splitio_domid_t d)
{
    struct m_domain *dom = &m->dom[d];

    if (dom->gone || dom->fifo)
        return;
    doing = "guest change over";
    SAME("start",
         splitio_event_guest_fifo_start(&dom->g, &dom->guest_fifo, &fifo_ops,
                                        dom, &dom->blocks[0], 0, 0),
         0);
    for (unsigned v = 1; v < VCPUS; v++)
        SAME("add vcpu",
             splitio_event_guest_fifo_add_vcpu(&dom->g, v, &dom->blocks[v], 0,
                                               0),
             0);
    SAME("expand", splitio_event_guest_fifo_expand(&dom->g, dom->words, 0), 0);
    carry_along(m, d);
}

/* All closed, the words are the guest's own: it goes back to bits. */
static void bits_again(struct model *m, splitio_domid_t d)
{
    for (unsigned p = 1; p < PORTS; p++)
        if (m->dom[d].p[p].state != SPLITIO_EVTCHN_CLOSED)
            closed(m, &m->dom[d].p[p]);
    if (!m->dom[d].fifo)
        return;
    m->dom[d].fifo = false;
    splitio_event_guest_fifo_end(&m->dom[d].g);
    for (unsigned p = 1; p < PORTS; p++) {
        m->dom[d].p[p].pending = m->dom[d].p[p].bit;
        m->dom[d].p[p].bit = m->dom[d].p[p].linked = false;
        m->dom[d].p[p].handled = false;
        m->dom[d].p[p].masked = true;
    }
}

static void do_reset(struct model *m, splitio_domid_t d)
{
    doing = "guest reset";
    SAME("result", splitio_event_engine_reset(&m->e, d),
         m->dom[d].gone ? SPLITIO_ENOENT : 0);
    if (!m->dom[d].gone)
        bits_again(m, d);
}

static void do_domain(struct model *m, splitio_domid_t d)
{
    if (rnd(m, 2)) {
        doing = "add";
        SAME("result", add(m, d), m->dom[d].gone ? 0 : SPLITIO_EEXIST);
        m->dom[d].gone = false;
        return;
    }
    doing = "remove";
    SAME("result", splitio_event_engine_remove(&m->e, d),
         m->dom[d].gone ? SPLITIO_ENOENT : 0);
    if (!m->dom[d].gone)
        bits_again(m, d);
    m->dom[d].gone = true;
}

static void compare_word(struct model *m, splitio_domid_t d, unsigned port)
{
    const struct m_port *p = &m->dom[d].p[port];
    uint32_t w = splitio_le32(m->dom[d].words[port]);

    SAME("pending", w >> SPLITIO_EVTCHN_FIFO_PENDING & 1, p->pending);
    SAME("mask", w >> SPLITIO_EVTCHN_FIFO_MASKED & 1, p->masked);
    SAME("linked", w >> SPLITIO_EVTCHN_FIFO_LINKED & 1, p->linked);
    SAME("busy", w >> SPLITIO_EVTCHN_FIFO_BUSY & 1, 0);
    SAME("bit", page_bit(m, d, m->abi->pending, port), p->bit);
}

static void compare_queues(struct model *m, splitio_domid_t d)
{
    for (unsigned v = 0; v < VCPUS; v++)
        for (unsigned i = 0; i < QUEUES; i++) {
            const struct m_queue *q = &m->dom[d].queue[v][i];

            for (unsigned n = 1; n < q->nr; n++)
                SAME("link",
                     splitio_le32(m->dom[d].words[q->port[n - 1]]) & 0x1FFFF,
                     q->port[n]);
            if (q->nr && !splitio_event_guest_has_upcall(&m->dom[d].g, v))
                differ("a queue that nobody is told of", v, i);
        }
}

static void compare_bits(struct model *m, splitio_domid_t d, unsigned port)
{
    const struct m_port *p = &m->dom[d].p[port];
    bool told = false;

    SAME("pending", page_bit(m, d, m->abi->pending, port), p->pending);
    SAME("mask", page_bit(m, d, m->abi->mask, port), p->masked);
    for (unsigned v = 0; v < VCPUS; v++)
        told |= selected(m, d, v, port) &&
                splitio_event_guest_has_upcall(&m->dom[d].g, v);
    if (p->pending && !p->masked && !told)
        differ("an event that nobody is told of", port, 0);
}

static void compare_port(struct model *m, splitio_domid_t d, unsigned port)
{
    const struct m_port *p = &m->dom[d].p[port];
    struct splitio_event_status s;

    if (m->dom[d].fifo)
        compare_word(m, d, port);
    else
        compare_bits(m, d, port);
    if (m->dom[d].gone)
        return;
    SAME("status", splitio_event_engine_status(&m->e, d, port, &s), 0);
    SAME("state", s.state, p->state);
    SAME("remote", s.remote, p->remote);
    SAME("remote port", s.remote_port, p->remote_port);
    SAME("vcpu", s.vcpu, p->vcpu);
    SAME("priority", s.priority, p->priority);
}

static void compare(struct model *m)
{
    for (splitio_domid_t d = 0; d < DOMAINS; d++) {
        SAME("nr_open", splitio_event_engine_nr_open(&m->e, d),
             count_open(m, d));
        SAME("users", m->slots[d].users, 0);
        for (unsigned port = 1; port < PORTS; port++)
            compare_port(m, d, port);
        if (m->dom[d].fifo)
            compare_queues(m, d);
    }
}

static void step(struct model *m)
{
    splitio_domid_t d = (splitio_domid_t)rnd(m, DOMAINS);
    splitio_domid_t r = (splitio_domid_t)rnd(m, DOMAINS);
    splitio_evtchn_t port = rnd(m, PORTS + 2);
    uint32_t what = rnd(m, 1000);

    if (what < 80)
        do_alloc(m, d, r);
    else if (what < 300)
        do_bind(m, d, r, port);
    else if (what < 345)
        do_close(m, d, port);
    else if (what < 355)
        do_ipi(m, d);
    else if (what < 370)
        do_priority(m, d, port);
    else if (what < 700)
        do_send(m, d, port);
    else if (what < 730)
        do_engine_unmask(m, d, port);
    else if (what < 760)
        do_vcpu(m, d, port);
    else if (what < 900)
        do_owner(m, d, port);
    else if (what < 990)
        do_scan(m, d);
    else if (what < 996 && m->fifo_too)
        do_change_over(m, d);
    else if (what < 998)
        do_reset(m, d);
    else
        do_domain(m, d);
}

/* An engine's call raises an upcall exactly when it makes one pending. */
static void step_and_watch_upcalls(struct model *m)
{
    bool before[DOMAINS][VCPUS];

    for (unsigned d = 0; d < DOMAINS; d++)
        for (unsigned v = 0; v < VCPUS; v++) {
            before[d][v] = splitio_event_guest_has_upcall(&m->dom[d].g, v);
            m->dom[d].upcalls[v] = 0;
        }
    doing = NULL;
    step(m);
    if (!doing || strncmp(doing, "guest", 5) == 0 || strcmp(doing, "scan") == 0)
        return;
    for (unsigned d = 0; d < DOMAINS; d++)
        for (unsigned v = 0; v < VCPUS; v++)
            SAME("upcalls", m->dom[d].upcalls[v],
                 !before[d][v] &&
                     splitio_event_guest_has_upcall(&m->dom[d].g, v));
}

static void run(const struct splitio_event_abi *abi, bool fifo_too)
{
    struct model *m = calloc(1, sizeof(*m));

    assert_non_null(m);
    now = m;
    m->abi = abi;
    m->fifo_too = fifo_too;
    m->seed = first_seed;
    m->port = (struct splitio_hypervisor_port){&ops, m};
    splitio_event_engine_init(&m->e, &m->port, m->slots, DOMAINS);
    for (splitio_domid_t d = 0; d < DOMAINS; d++) {
        m->dom[d].page = aligned_alloc(SPLITIO_PAGE_SIZE, SPLITIO_PAGE_SIZE);
        assert_non_null(m->dom[d].page);
        memset(m->dom[d].page, 0, SPLITIO_PAGE_SIZE);
        splitio_event_guest_init(&m->dom[d].g, abi, m->dom[d].page,
                                 m->dom[d].handlers, PORTS);
        m->dom[d].m = m;
        m->dom[d].id = d;
        for (unsigned p = 0; p < PORTS; p++) {
            m->dom[d].p[p].masked = true;
            m->dom[d].p[p].priority = SPLITIO_EVTCHN_FIFO_PRIORITY_DEFAULT;
        }
        assert_int_equal(add(m, d), 0);
    }
    for (m->op = 0; m->op < NR_OPS; m->op++) {
        step_and_watch_upcalls(m);
        if (m->op % 4 == 0)
            compare(m);
    }
    for (unsigned d = 0; d < DOMAINS; d++)
        free(m->dom[d].page);
    free(m);
}

static void event_engine_random_operations_match_the_model_64(void **state)
{
    (void)state;
    run(&splitio_event_abi_x86_64, false);
}

static void event_engine_random_operations_match_the_model_32(void **state)
{
    (void)state;
    run(&splitio_event_abi_x86_32, false);
}

static void event_engine_random_operations_match_the_model_fifo(void **state)
{
    (void)state;
    run(&splitio_event_abi_x86_64, true);
}

static void event_engine_random_operations_match_the_model_fifo_32(void **state)
{
    (void)state;
    run(&splitio_event_abi_x86_32, true);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_engine_random_operations_match_the_model_64),
        cmocka_unit_test(event_engine_random_operations_match_the_model_32),
        cmocka_unit_test(event_engine_random_operations_match_the_model_fifo),
        cmocka_unit_test(
            event_engine_random_operations_match_the_model_fifo_32),
    };

    if (argc > 1)
        first_seed = strtoull(argv[1], NULL, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
