/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event engine and the owner's scan against a plain model: random
 * operations, every result compared, and after each one: whatever can be
 * delivered has an upcall pending, and each upcall that became pending through
 * the engine was raised. The seed may be given as argument.
 */
#include "cm.h"

#include <splitio/event.h>

#include <stdlib.h>
#include <string.h>

#define NR_OPS  150000u
#define DOMAINS 3u
#define PORTS   70u /* two words of 64 bits, three of 32 */
#define VCPUS   2u

struct m_port {
    enum splitio_event_state state;
    unsigned vcpu;
    splitio_domid_t remote;
    splitio_evtchn_t remote_port;
    bool pending, masked, handled;
};

struct model {
    struct splitio_event_engine e;
    struct splitio_hypervisor_port port;
    struct splitio_domain_slot slots[DOMAINS];
    const struct splitio_event_abi *abi;
    struct {
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
        return wide >> (bit % 64) & 1;
    }
    memcpy(&narrow, page + bit / 32 * 4, 4);
    return narrow >> (bit % 32) & 1;
}

static bool selected(const struct model *m, splitio_domid_t d, unsigned vcpu,
                     unsigned port)
{
    return page_bit(m, d, vcpu * m->abi->vcpu_stride + m->abi->selector,
                    port / m->abi->word_bits);
}

static int add(struct model *m, splitio_domid_t d)
{
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

static void opened(struct model *m, splitio_domid_t d, splitio_evtchn_t port,
                   struct m_port as)
{
    struct m_port *p = find(m, d, port);

    if (!p || p->state != SPLITIO_EVTCHN_CLOSED)
        differ("a port that is not free", port, 0);
    as.masked = true;
    as.handled = p->handled;
    *p = as;
}

static void do_alloc(struct model *m, splitio_domid_t d, splitio_domid_t r)
{
    splitio_evtchn_t port = 0;
    int want = m->dom[d].gone                  ? SPLITIO_ENOENT
               : count_open(m, d) == PORTS - 1 ? SPLITIO_ENOSPC
                                               : 0;

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
    else if (count_open(m, d) == PORTS - 1)
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
                           .remote_port = rport,
                           .pending = true});
    rp->state = SPLITIO_EVTCHN_INTERDOMAIN;
    rp->remote_port = port;
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
        find(m, p->remote, p->remote_port)->pending = true;
}

static void do_engine_unmask(struct model *m, splitio_domid_t d,
                             splitio_evtchn_t port)
{
    int want = on_open(m, d, port);

    doing = "engine unmask";
    SAME("result", splitio_event_engine_unmask(&m->e, d, port), want);
    if (!want)
        find(m, d, port)->masked = false;
}

static void do_vcpu(struct model *m, splitio_domid_t d, splitio_evtchn_t port)
{
    unsigned vcpu = rnd(m, VCPUS);
    int want = on_open(m, d, port);

    doing = "bind vcpu";
    SAME("result", splitio_event_engine_bind_vcpu(&m->e, d, port, vcpu), want);
    if (!want)
        find(m, d, port)->vcpu = vcpu;
}

static void do_owner(struct model *m, splitio_domid_t d, splitio_evtchn_t port)
{
    struct splitio_event_guest *g = &m->dom[d].g;
    struct m_port *p = find(m, d, port);

    if (!p)
        return;
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
             p->pending);
        p->masked = false;
        p->handled = true;
        break;
    default:
        doing = "guest unmask";
        SAME("result", splitio_event_guest_unmask(g, rnd(m, VCPUS), port),
             p->pending);
        p->masked = false;
    }
}

static void do_scan(struct model *m, splitio_domid_t d)
{
    struct splitio_event_guest *g = &m->dom[d].g;
    unsigned vcpu = rnd(m, VCPUS), budget = rnd(m, 4) ? rnd(m, 5) : 100;
    unsigned from = g->next[vcpu], nr = 0, n_want = 0, n;
    unsigned all = splitio_event_abi_nr_ports(m->abi);
    splitio_evtchn_t want[PORTS];

    if (splitio_event_guest_has_upcall(g, vcpu))
        for (unsigned i = 0; i < all && n_want < budget; i++) {
            unsigned port = (from + i) % all;
            struct m_port *p = find(m, d, port);

            if (!p || !p->pending || p->masked || !selected(m, d, vcpu, port))
                continue;
            p->pending = false;
            p->masked = true;
            n_want++;
            if (p->handled)
                want[nr++] = port;
        }
    doing = "scan";
    m->nr_order = 0;
    n = splitio_event_guest_scan(g, vcpu, budget);
    SAME("result", n, n_want);
    SAME("handlers", m->nr_order, nr);
    for (unsigned i = 0; i < nr; i++)
        SAME("order", m->order[i], want[i]);
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
    for (unsigned p = 1; p < PORTS; p++)
        if (m->dom[d].p[p].state != SPLITIO_EVTCHN_CLOSED)
            closed(m, &m->dom[d].p[p]);
    m->dom[d].gone = true;
}

static void compare_port(struct model *m, splitio_domid_t d, unsigned port)
{
    const struct m_port *p = &m->dom[d].p[port];
    struct splitio_event_status s;
    bool told = false;

    SAME("pending", page_bit(m, d, m->abi->pending, port), p->pending);
    SAME("mask", page_bit(m, d, m->abi->mask, port), p->masked);
    for (unsigned v = 0; v < VCPUS; v++)
        told |= selected(m, d, v, port) &&
                splitio_event_guest_has_upcall(&m->dom[d].g, v);
    if (p->pending && !p->masked && !told)
        differ("an event that nobody is told of", port, 0);
    if (m->dom[d].gone)
        return;
    SAME("status", splitio_event_engine_status(&m->e, d, port, &s), 0);
    SAME("state", s.state, p->state);
    SAME("remote", s.remote, p->remote);
    SAME("remote port", s.remote_port, p->remote_port);
    SAME("vcpu", s.vcpu, p->vcpu);
}

static void compare(struct model *m)
{
    for (splitio_domid_t d = 0; d < DOMAINS; d++) {
        SAME("nr_open", splitio_event_engine_nr_open(&m->e, d),
             count_open(m, d));
        SAME("users", m->slots[d].users, 0);
        for (unsigned port = 1; port < PORTS; port++)
            compare_port(m, d, port);
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
    else if (what < 370)
        do_close(m, d, port);
    else if (what < 700)
        do_send(m, d, port);
    else if (what < 730)
        do_engine_unmask(m, d, port);
    else if (what < 760)
        do_vcpu(m, d, port);
    else if (what < 900)
        do_owner(m, d, port);
    else if (what < 998)
        do_scan(m, d);
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

static void run(const struct splitio_event_abi *abi)
{
    struct model *m = calloc(1, sizeof(*m));

    assert_non_null(m);
    now = m;
    m->abi = abi;
    m->seed = first_seed;
    m->port = (struct splitio_hypervisor_port){&ops, m};
    splitio_event_engine_init(&m->e, &m->port, m->slots, DOMAINS);
    for (splitio_domid_t d = 0; d < DOMAINS; d++) {
        m->dom[d].page = aligned_alloc(SPLITIO_PAGE_SIZE, SPLITIO_PAGE_SIZE);
        assert_non_null(m->dom[d].page);
        memset(m->dom[d].page, 0, SPLITIO_PAGE_SIZE);
        splitio_event_guest_init(&m->dom[d].g, abi, m->dom[d].page,
                                 m->dom[d].handlers, PORTS);
        for (unsigned p = 0; p < PORTS; p++)
            m->dom[d].p[p].masked = true;
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
    run(&splitio_event_abi_x86_64);
}

static void event_engine_random_operations_match_the_model_32(void **state)
{
    (void)state;
    run(&splitio_event_abi_x86_32);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_engine_random_operations_match_the_model_64),
        cmocka_unit_test(event_engine_random_operations_match_the_model_32),
    };

    if (argc > 1)
        first_seed = strtoull(argv[1], NULL, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
