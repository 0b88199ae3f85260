/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From sending an event to its handler, with one port of very many active: what
 * does the table's size cost, and what does epoll take?
 *
 * port_one/<splitio|fifo|epoll>/<n>: one thread, n ports that are all open and
 * let events through; splitio is the 2-level ABI. Each time it is another port's
 * turn: send, scan, handler, unmask; or write(), epoll_wait(), read().
 */
#include "gbench.h"

#include <splitio/event.h>
#include <splitio/event_fifo.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* From one port to the next: a prime, so that each has its turn. */
#define STRIDE 2531u
/* Of a scan: more than comes. */
#define BUDGET 64u
/* Files that are open for other reasons. */
#define OTHER_FILES 64u
/* Sets are at most so many times as large as what this process may open. */
#define SHARES_MAX 16u

/* Places 0 to nr - 1, far from each other. */
static uint32_t next_place(uint32_t *at, uint32_t nr)
{
    *at += STRIDE;
    if (*at >= nr)
        *at %= nr;
    return *at;
}

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* ---- splitio ---- */

/* A domain with all of its memory. */
struct domain {
    _Alignas(4096) uint8_t shared_info[4096];
    struct splitio_event_fifo_block block;
    struct splitio_event_engine *engine;
    splitio_domid_t id;
    struct splitio_event_domain hv;
    struct splitio_event_fifo hv_fifo;
    struct splitio_event_guest guest;
    struct splitio_event_guest_fifo guest_fifo;
};

/* Domain 0 sends, domain 1 handles. */
struct machine {
    struct domain domains[2];
    struct splitio_event_engine engine;
    struct splitio_domain_slot slots[2];
    splitio_evtchn_t *from; /* domain 0's port, by domain 1's */
};

static struct {
    uint64_t count;
    const void *arg;
} handled;

static uint64_t nr_upcalls;

static void upcall(void *ctx, splitio_domid_t domid, unsigned vcpu)
{
    (void)ctx;
    (void)domid;
    (void)vcpu;
    nr_upcalls++;
}

static const struct splitio_hypervisor_ops ops = {.upcall = upcall};
static const struct splitio_hypervisor_port hypervisor = {.ops = &ops};

static void handler(void *arg)
{
    handled.count++;
    handled.arg = arg;
}

/* Calls of a domain of this process: the engine gets addresses. */
static int init_control(void *ctx, splitio_gfn_t gfn, uint32_t offset,
                        unsigned vcpu)
{
    struct domain *d = ctx;

    (void)gfn;
    (void)offset;
    return splitio_event_engine_set_block(d->engine, d->id, vcpu, &d->block);
}

static int expand_array(void *ctx, splitio_gfn_t gfn)
{
    struct domain *d = ctx;

    return splitio_event_engine_add_words(d->engine, d->id,
                                          d->guest_fifo.pages[gfn]);
}

static void ask_unmask(void *ctx, splitio_evtchn_t port)
{
    struct domain *d = ctx;

    splitio_event_engine_unmask(d->engine, d->id, port);
}

static const struct splitio_event_fifo_ops fifo_ops = {
    .init_control = init_control,
    .expand_array = expand_array,
    .unmask = ask_unmask,
};

static void *memory(size_t len_bytes)
{
    void *p = aligned_alloc(4096, (len_bytes + 4095) / 4096 * 4096);

    must(p != NULL);
    return p;
}

static void use_fifo(struct domain *d, uint32_t nr)
{
    must(splitio_event_guest_fifo_start(&d->guest, &d->guest_fifo, &fifo_ops, d,
                                        &d->block, 0, 0) == 0);
    for (uint32_t page = 0; page < nr / SPLITIO_EVENT_FIFO_PAGE_WORDS; page++)
        must(splitio_event_guest_fifo_expand(&d->guest, memory(4096), page) ==
             0);
}

static void add_domain(struct machine *m, splitio_domid_t id, uint32_t nr,
                       bool fifo)
{
    const struct splitio_event_abi *abi = &splitio_event_abi_x86_64;
    struct domain *d = &m->domains[id];

    d->engine = &m->engine;
    d->id = id;
    __builtin_memset(d->shared_info, 0, sizeof(d->shared_info));
    splitio_event_guest_init(&d->guest, abi, d->shared_info,
                             memory(nr * sizeof(struct splitio_event_handler)),
                             nr);
    must(splitio_event_engine_add_fifo(
             &m->engine, &d->hv, id, abi, d->shared_info, nr,
             memory(SPLITIO_EVENT_DOMAIN_MEM(nr)), &d->hv_fifo,
             memory(SPLITIO_EVENT_FIFO_MEM(nr))) == 0);
    if (fifo)
        use_fifo(d, nr);
}

/* All ports of a machine are open; port 0 is none. */
static struct machine *machine(uint32_t nr, bool fifo)
{
    struct machine *m = memory(sizeof(*m));
    struct splitio_event_handler h = {.fn = handler};

    splitio_event_engine_init(&m->engine, &hypervisor, m->slots, 2);
    for (splitio_domid_t id = 0; id < 2; id++)
        add_domain(m, id, nr, fifo);
    m->from = memory(nr * sizeof(*m->from));
    for (uint32_t i = 1; i < nr; i++) {
        splitio_evtchn_t port, from;

        must(!splitio_event_engine_alloc_unbound(&m->engine, 1, 0, &port));
        must(!splitio_event_engine_bind_interdomain(&m->engine, 0, 1, port,
                                                    &from));
        m->from[port] = from;
        h.arg = &m->from[port];
        must(!splitio_event_guest_bind(&m->domains[1].guest, port, h));
    }
    return m;
}

/* What there is to measure. Machines are made once: a benchmark is called again
 * and again, with more to do each time. */
static struct plan {
    const char *name;
    uint32_t nr;
    bool fifo;
    struct machine *machine;
} plans[] = {
    {"port_one/splitio/4096", 4096, false, NULL},
    {"port_one/fifo/4096", 4096, true, NULL},
    {"port_one/fifo/131072", 131072, true, NULL},
};

static void one_splitio(struct gbench *b, int64_t which)
{
    struct plan *p = &plans[which];
    uint64_t sent = 0, count = handled.count, upcalls = nr_upcalls;
    struct splitio_event_guest *g;
    uint32_t at = 0, wrong = 0;

    if (!p->machine)
        p->machine = machine(p->nr, p->fifo);
    g = &p->machine->domains[1].guest;
    while (gbench_more(b, 1)) {
        splitio_evtchn_t port = next_place(&at, p->nr - 1) + 1;

        splitio_event_engine_send(&p->machine->engine, 0,
                                  p->machine->from[port]);
        splitio_event_guest_scan(g, 0, BUDGET);
        wrong += handled.arg != &p->machine->from[port];
        splitio_event_guest_unmask(g, 0, port);
        sent++;
    }
    if (wrong || handled.count - count != sent || nr_upcalls - upcalls != sent)
        gbench_cannot(b, "events were lost");
}

/* ---- epoll ---- */

/*
 * All files are in the epoll set. If this process may not open so many, it has
 * each keep-th, and children have the others; those are never written to, which
 * makes it easier for epoll.
 */
struct event_set {
    int epoll;
    uint32_t keep;
    int *own;
    int *batch; /* for the next child */
    uint32_t nr_own, nr_batch;
    bool is_full;
};

static int alive[2]; /* a pipe that ends with this process */

/* With their files, which takes a while: before the next one measures. */
static void end_children(void)
{
    close(alive[1]);
    while (wait(NULL) > 0)
        continue;
}

/* A child takes what is open now; what is in the batch is closed here. */
static bool lend_batch(struct event_set *s)
{
    pid_t pid = s->nr_batch ? fork() : -1;
    char c;

    if (pid == 0) {
        close(alive[1]);
        _exit(read(alive[0], &c, 1) != 0);
    }
    while (pid > 0 && s->nr_batch > 0)
        close(s->batch[--s->nr_batch]);
    return pid > 0;
}

static bool add_file(struct event_set *s, uint32_t index)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLET};
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0 && errno == EMFILE && lend_batch(s))
        fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return false;
    e.data.fd = fd;
    if (index % s->keep == 0)
        s->own[s->nr_own++] = fd;
    else
        s->batch[s->nr_batch++] = fd;
    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

/* Allowed as many files as possible; how many that is. */
static uint32_t raise_limit(void)
{
    struct rlimit files;

    must(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    must(setrlimit(RLIMIT_NOFILE, &files) == 0);
    return files.rlim_max < UINT32_MAX ? (uint32_t)files.rlim_max : UINT32_MAX;
}

static bool fill_set(struct event_set *s, uint32_t nr)
{
    uint32_t room = raise_limit();

    if (nr / SHARES_MAX > room)
        return false;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->keep = nr + OTHER_FILES > room ? nr / (room / 2) + 1 : 1;
    s->own = memory(nr * sizeof(*s->own));
    s->batch = memory(nr * sizeof(*s->batch));
    if (alive[1] == 0)
        must(pipe(alive) == 0 && atexit(end_children) == 0);
    for (uint32_t i = 0; i < nr; i++)
        if (!add_file(s, i))
            return false;
    return s->nr_batch == 0 || lend_batch(s);
}

static void one_epoll(struct gbench *b, int64_t nr)
{
    static struct event_set small, large;
    struct event_set *s = nr == 4096 ? &small : &large;
    uint64_t one = 1, n, wrong = 0;
    struct epoll_event e;
    uint32_t at = 0;

    if (!s->is_full)
        s->is_full = fill_set(s, (uint32_t)nr);
    if (!s->is_full) {
        gbench_cannot(b, "cannot open so many files");
        return;
    }
    while (gbench_more(b, 1)) {
        int fd = s->own[next_place(&at, s->nr_own)];

        wrong += write(fd, &one, sizeof(one)) < 0;
        wrong += epoll_wait(s->epoll, &e, 1, 0) != 1 || e.data.fd != fd;
        wrong += read(fd, &n, sizeof(n)) < 0 || n != 1;
    }
    if (wrong)
        gbench_cannot(b, "events were lost");
}

void gbench_setup(void)
{
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(plans); i++)
        gbench_register(plans[i].name, one_splitio, i);
    gbench_register("port_one/epoll/4096", one_epoll, 4096);
    gbench_register("port_one/epoll/131072", one_epoll, 131072);
}
