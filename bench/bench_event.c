/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long from sending an event to its handler, and what does the event
 * channel add to the eventfd that wakes the sleeper?
 *
 * event_handle/<splitio|eventfd>/<n>: one thread; n sends, then one look at
 * what came: scan, handler, unmask; or one read(). Time is for one send.
 * event_wake/<splitio|eventfd>/1: two threads that sleep in read(); there and
 * back again. splitio's upcall writes the same kind of eventfd.
 */
#include "gbench.h"

#include <splitio/event.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define NR_PORTS 64u

/* One domain: its page, its handlers, and what wakes its thread. */
struct domain {
    _Alignas(4096) uint8_t shared_info[4096];
    struct splitio_event_domain hv;
    struct splitio_event_guest guest;
    struct splitio_event_handler handlers[NR_PORTS];
    uint64_t ports[NR_PORTS];
    splitio_evtchn_t port;
    uint64_t handled;
    int fd;
};

static struct domain domains[2];
static struct splitio_event_engine engine;
static bool wake; /* the upcall writes the eventfd */
static uint32_t stop;

static void upcall(void *ctx, splitio_domid_t domid, unsigned vcpu)
{
    uint64_t one = 1;

    (void)ctx;
    (void)vcpu;
    if (wake && write(domains[domid].fd, &one, sizeof(one)) < 0)
        abort();
}

static const struct splitio_hypervisor_ops ops = {.upcall = upcall};
static const struct splitio_hypervisor_port port = {.ops = &ops};

static void handler(void *arg)
{
    ((struct domain *)arg)->handled++;
}

static void look(struct domain *d)
{
    splitio_event_guest_scan(&d->guest, 0, NR_PORTS);
    splitio_event_guest_unmask(&d->guest, 0, d->port);
}

/* Two domains and one channel between them. */
static void machine(void)
{
    static struct splitio_domain_slot slots[2];
    struct splitio_event_handler h = {.fn = handler};

    splitio_event_engine_init(&engine, &port, slots, 2);
    for (unsigned i = 0; i < 2; i++) {
        struct domain *d = &domains[i];

        d->fd = eventfd(0, EFD_CLOEXEC);
        splitio_event_guest_init(&d->guest, &splitio_event_abi_x86_64,
                                 d->shared_info, d->handlers, NR_PORTS);
        if (d->fd < 0 ||
            splitio_event_engine_add(&engine, &d->hv, (splitio_domid_t)i,
                                     &splitio_event_abi_x86_64, d->shared_info,
                                     NR_PORTS, d->ports))
            abort();
    }
    if (splitio_event_engine_alloc_unbound(&engine, 1, 0, &domains[1].port) ||
        splitio_event_engine_bind_interdomain(&engine, 0, 1, domains[1].port,
                                              &domains[0].port))
        abort();
    for (unsigned i = 0; i < 2; i++) {
        h.arg = &domains[i];
        splitio_event_guest_bind(&domains[i].guest, domains[i].port, h);
        look(&domains[i]);
    }
}

static void handle_splitio(struct gbench *b, int64_t batch)
{
    uint64_t before = domains[1].handled, looks = 0;

    while (gbench_more(b, batch)) {
        for (unsigned i = 0; i < batch; i++)
            splitio_event_engine_send(&engine, 0, domains[0].port);
        look(&domains[1]);
        looks++;
    }
    if (domains[1].handled - before != looks)
        gbench_cannot(b, "events were lost");
}

static void handle_eventfd(struct gbench *b, int64_t batch)
{
    uint64_t one = 1, n;
    int fd = eventfd(0, EFD_CLOEXEC);

    while (gbench_more(b, batch)) {
        for (unsigned i = 0; i < batch; i++)
            if (write(fd, &one, sizeof(one)) < 0)
                abort();
        if (read(fd, &n, sizeof(n)) < 0)
            abort();
    }
    close(fd);
}

/* Sleep until a handler has run; 0 if it is time to end. */
static bool sleep_splitio(struct domain *d, uint64_t handled)
{
    uint64_t n;

    while (d->handled == handled) {
        if (read(d->fd, &n, sizeof(n)) < 0 || splitio_load_acquire_u32(&stop))
            return false;
        look(d);
    }
    return true;
}

static void *echo_splitio(void *arg)
{
    struct domain *d = arg;
    uint64_t handled = d->handled;

    gbench_pin(1);
    while (sleep_splitio(d, handled++))
        splitio_event_engine_send(&engine, 1, d->port);
    return NULL;
}

static void wake_splitio(struct gbench *b, int64_t arg)
{
    struct domain *d = &domains[0];
    uint64_t one = 1;
    pthread_t echo;

    (void)arg;
    if (!gbench_pin(1) || !gbench_pin(0)) {
        gbench_cannot(b, "needs two processors");
        return;
    }
    stop = 0;
    wake = true;
    pthread_create(&echo, NULL, echo_splitio, &domains[1]);
    while (gbench_more(b, 1)) {
        uint64_t handled = d->handled;

        splitio_event_engine_send(&engine, 0, d->port);
        sleep_splitio(d, handled);
    }
    splitio_store_release_u32(&stop, 1);
    if (write(domains[1].fd, &one, sizeof(one)) < 0)
        abort();
    pthread_join(echo, NULL);
    wake = false;
}

static void *echo_eventfd(void *arg)
{
    int *fds = arg;
    uint64_t one = 1, n;

    gbench_pin(1);
    while (read(fds[1], &n, sizeof(n)) > 0 && !splitio_load_acquire_u32(&stop))
        if (write(fds[0], &one, sizeof(one)) < 0)
            abort();
    return NULL;
}

static void wake_eventfd(struct gbench *b, int64_t arg)
{
    int fds[] = {eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC)};
    uint64_t one = 1, n;
    pthread_t echo;

    (void)arg;
    if (!gbench_pin(1) || !gbench_pin(0)) {
        gbench_cannot(b, "needs two processors");
        return;
    }
    stop = 0;
    pthread_create(&echo, NULL, echo_eventfd, fds);
    while (gbench_more(b, 1)) {
        if (write(fds[1], &one, sizeof(one)) < 0 ||
            read(fds[0], &n, sizeof(n)) < 0)
            abort();
    }
    splitio_store_release_u32(&stop, 1);
    if (write(fds[1], &one, sizeof(one)) < 0)
        abort();
    pthread_join(echo, NULL);
    close(fds[0]);
    close(fds[1]);
}

void gbench_setup(void)
{
    machine();
    gbench_register("event_handle/splitio/1", handle_splitio, 1);
    gbench_register("event_handle/eventfd/1", handle_eventfd, 1);
    gbench_register("event_handle/splitio/32", handle_splitio, 32);
    gbench_register("event_handle/eventfd/32", handle_eventfd, 32);
    gbench_register("event_wake/splitio/1", wake_splitio, 1);
    gbench_register("event_wake/eventfd/1", wake_eventfd, 1);
}
