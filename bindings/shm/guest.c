/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that runs: its calls to the daemon, its poll. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "guest_int.h"

/* Handlers run by a wait. */
#define WAIT_BUDGET 64

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- messages --- */

/* 1: readable, or at its end; 0: timeout. */
static int wait_readable(int fd, uint32_t timeout_ms)
{
    int64_t end = now_ms() + timeout_ms;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n;

    do {
        int64_t left = end - now_ms();

        n = poll(&p, 1, left > 0 ? (int)left : 0);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

/* The descriptors of a message; -1 where there are fewer. */
static void take_fds(struct msghdr *msg, int *fds, unsigned nr_fds)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(msg);
    size_t bytes;

    for (unsigned i = 0; i < nr_fds; i++)
        fds[i] = -1;
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
        return;
    bytes = c->cmsg_len - CMSG_LEN(0);
    if (nr_fds != 0 && bytes <= nr_fds * sizeof(int))
        memcpy(fds, CMSG_DATA(c), bytes);
}

int splitio_shm_receive(struct splitio_shm_guest *g, void *message,
                        size_t len_bytes, int *fds, unsigned nr_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = message, .iov_len = len_bytes};
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = nr_fds ? &control : NULL,
        .msg_controllen = nr_fds ? sizeof(control) : 0,
    };
    ssize_t n;

    if (!wait_readable(g->sock, g->timeout_ms))
        return SPLITIO_EIO;
    do
        n = recvmsg(g->sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return SPLITIO_ECLOSED;
    take_fds(&msg, fds, nr_fds);
    return n == (ssize_t)len_bytes ? 0 : SPLITIO_EPROTO;
}

/* --- calls --- */

static int call_daemon(struct splitio_shm_guest *g, uint32_t type,
                       uint32_t value, uint32_t *result)
{
    struct splitio_shm_call c = {.type = type, .seq = ++g->seq, .value = value};
    struct splitio_shm_call reply;

    if (g->gone)
        return SPLITIO_EIO;
    if (send(g->sock, &c, sizeof(c), MSG_NOSIGNAL) != (ssize_t)sizeof(c) ||
        splitio_shm_receive(g, &reply, sizeof(reply), NULL, 0) ||
        reply.type != SPLITIO_SHM_REPLY || reply.seq != c.seq) {
        /* Late or wrong: replies would no longer belong to their calls. */
        g->gone = true;
        (void)shutdown(g->sock, SHUT_RDWR);
        return SPLITIO_EIO;
    }
    *result = reply.value;
    return reply.status;
}

static int event_alloc(void *ctx, splitio_domid_t remote,
                       splitio_evtchn_t *port)
{
    return call_daemon(ctx, SPLITIO_SHM_EVENT_ALLOC, remote, port);
}

static void event_close(void *ctx, splitio_evtchn_t port)
{
    uint32_t unused;

    (void)call_daemon(ctx, SPLITIO_SHM_EVENT_CLOSE, port, &unused);
}

static int grant_version(void *ctx, unsigned version)
{
    uint32_t unused;

    return call_daemon(ctx, SPLITIO_SHM_GRANT_VERSION, version, &unused);
}

static int grant_grow(void *ctx, unsigned nr_frames)
{
    uint32_t unused;

    return call_daemon(ctx, SPLITIO_SHM_GRANT_GROW, nr_frames, &unused);
}

static int grant_swap(void *ctx, splitio_gref_t a, splitio_gref_t b)
{
    uint32_t unused;

    return call_daemon(ctx, SPLITIO_SHM_GRANT_SWAP, a << 16 | b, &unused);
}

static void add_one(int fd)
{
    static const uint64_t one = 1;

    (void)!write(fd, &one, sizeof(one));
}

/* Name a port; whoever finds the selector at zero rings, the others need not. */
static void name_port(struct splitio_shm_guest *g, uint64_t *selector,
                      uint64_t *ports, splitio_evtchn_t port)
{
    unsigned word = port / 64;

    if (port >= g->nr_ports)
        return;
    (void)splitio_fetch_or_u64(&ports[word], UINT64_C(1) << (port % 64));
    if (splitio_fetch_or_u64(selector, UINT64_C(1) << word) == 0)
        add_one(g->bell);
}

static void event_send(void *ctx, splitio_evtchn_t port)
{
    struct splitio_shm_guest *g = ctx;

    name_port(g, &g->doorbell->selector, g->doorbell->ports, port);
}

static void fifo_unmask(void *ctx, splitio_evtchn_t port)
{
    struct splitio_shm_guest *g = ctx;

    name_port(g, &g->doorbell->unmask_selector, g->doorbell->unmask, port);
}

static int fifo_control(void *ctx, splitio_gfn_t gfn, uint32_t offset,
                        unsigned vcpu)
{
    uint32_t unused;

    if (offset != 0 || vcpu != 0)
        return SPLITIO_EINVAL;
    return call_daemon(ctx, SPLITIO_SHM_EVENT_CONTROL, (uint32_t)gfn, &unused);
}

static int fifo_expand(void *ctx, splitio_gfn_t gfn)
{
    uint32_t unused;

    return call_daemon(ctx, SPLITIO_SHM_EVENT_EXPAND, (uint32_t)gfn, &unused);
}

static int fifo_priority(void *ctx, splitio_evtchn_t port, unsigned priority)
{
    uint32_t unused;

    if (priority > SPLITIO_EVTCHN_FIFO_PRIORITY_MIN)
        return SPLITIO_EINVAL;
    return call_daemon(ctx, SPLITIO_SHM_EVENT_PRIORITY, port | priority << 24,
                       &unused);
}

const struct splitio_event_fifo_ops splitio_shm_fifo_calls = {
    .init_control = fifo_control,
    .expand_array = fifo_expand,
    .unmask = fifo_unmask,
    .set_priority = fifo_priority,
};

static void wake(void *ctx)
{
    struct splitio_shm_guest *g = ctx;

    add_one(g->wake);
}

const struct splitio_hypercall_ops splitio_shm_hypercalls = {
    .event_alloc = event_alloc,
    .event_close = event_close,
    .event_send = event_send,
    .wake = wake,
    .grant_version = grant_version,
    .grant_grow = grant_grow,
    .grant_swap = grant_swap,
};

/* --- polling --- */

void splitio_shm_on_store_event(void *guest)
{
    struct splitio_shm_guest *g = guest;

    g->store_event = true;
}

/* Take wake-ups; afterwards the epoll descriptor is readable for new ones. */
static void take_wakeups(struct splitio_shm_guest *g)
{
    struct epoll_event events[3];
    char bytes[64];
    int n = epoll_wait(g->epoll, events, 3, 0);

    for (int i = 0; i < n; i++) {
        if (events[i].data.fd == g->pipe)
            while (read(g->pipe, bytes, sizeof(bytes)) == sizeof(bytes))
                continue;
        /* Between calls the daemon says nothing: this is its end. */
        if (events[i].data.fd == g->sock)
            g->gone = true;
    }
}

static void unmask_store(struct splitio_shm_guest *g)
{
    struct splitio_guest_port port = splitio_guest_port(&g->guest);

    port.ops->event_unmask(port.ctx, g->store_port);
}

static bool store_has_output(const struct splitio_shm_guest *g)
{
    bool want_write = false;

    (void)splitio_store_has_work(&g->store, &want_write);
    return want_write;
}

static int poll_store(struct splitio_shm_guest *g, unsigned budget)
{
    bool event = g->store_event;
    int n;

    if (!event && (g->store_full || !store_has_output(g)))
        return 0;
    g->store_event = false;
    n = splitio_store_poll(&g->store, budget);
    /* What did not fit waits for the server's event. */
    g->store_full = store_has_output(g);
    if (n > 0 && (unsigned)n == budget)
        g->store_event = event;
    if (event && !g->store_event)
        unmask_store(g);
    return n > 0 ? n : 0;
}

int splitio_shm_guest_poll(struct splitio_shm_guest *g, unsigned budget)
{
    int n;

    take_wakeups(g);
    if (g->gone)
        return SPLITIO_ECLOSED;
    n = (int)splitio_guest_poll(&g->guest, budget);
    n += poll_store(g, budget);
    if (splitio_shm_guest_has_work(g))
        wake(g);
    return n;
}

bool splitio_shm_guest_has_work(const struct splitio_shm_guest *g)
{
    return g->gone || g->store_event || splitio_guest_has_upcall(&g->guest) ||
           (!g->store_full && store_has_output(g));
}

int splitio_shm_guest_wait(void *guest)
{
    struct splitio_shm_guest *g = guest;

    if (!splitio_shm_guest_has_work(g) &&
        !wait_readable(g->epoll, g->timeout_ms))
        return SPLITIO_EAGAIN;
    take_wakeups(g);
    if (g->gone)
        return SPLITIO_ECLOSED;
    (void)splitio_guest_poll(&g->guest, WAIT_BUDGET);
    if (g->store_event) {
        /* The caller is about to look at the store. */
        g->store_event = g->store_full = false;
        unmask_store(g);
    }
    if (splitio_shm_guest_has_work(g))
        wake(g);
    return 0;
}

/* --- access --- */

int splitio_shm_guest_fd(const struct splitio_shm_guest *g)
{
    return g->epoll;
}

struct splitio_guest_port splitio_shm_guest_port(struct splitio_shm_guest *g)
{
    return splitio_guest_port(&g->guest);
}

struct splitio_guest *splitio_shm_guest_of(struct splitio_shm_guest *g)
{
    return &g->guest;
}

struct splitio_store *splitio_shm_guest_store(struct splitio_shm_guest *g)
{
    return &g->store;
}

splitio_domid_t splitio_shm_guest_domid(const struct splitio_shm_guest *g)
{
    return g->domid;
}
