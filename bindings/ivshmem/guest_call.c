/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest asks of the daemon, through the mailbox and the doorbell. */
#include "guest_int.h"

bool splitio_ivshmem_is_over(const struct splitio_ivshmem_guest *g)
{
    return !g->joined ||
           splitio_load_acquire_u32(&g->mailbox->session) != g->session;
}

/* --- the mailbox --- */

int splitio_ivshmem_exchange(struct splitio_ivshmem_guest *g,
                             const void *message, size_t message_bytes,
                             void *answer, size_t answer_bytes)
{
    struct splitio_ivshmem_mailbox *box = g->mailbox;
    uint32_t number = splitio_read_once_u32(&box->request) + 1;
    bool joined = g->joined;
    int err = 0;

    __builtin_memcpy(box->out, message, message_bytes);
    splitio_store_release_u32(&box->request, number);
    g->cfg.ops->ring(g->cfg.ctx);
    while (splitio_load_acquire_u32(&box->answer) != number) {
        if (joined && splitio_ivshmem_is_over(g))
            return SPLITIO_ECLOSED;
        if (err)
            return err;
        /* The answer may have come while it gave up: one more look. And QEMU
         * drops a ring that comes before it has heard of the daemon. */
        err = g->cfg.ops->wait(g->cfg.ctx);
        g->cfg.ops->ring(g->cfg.ctx);
    }
    __builtin_memcpy(answer, box->in, answer_bytes);
    return 0;
}

static int call_daemon(struct splitio_ivshmem_guest *g, uint32_t type,
                       uint32_t value, uint32_t *result)
{
    struct splitio_shm_call c = {.type = type, .seq = ++g->seq, .value = value};
    struct splitio_shm_call reply;

    if (splitio_ivshmem_is_over(g))
        return SPLITIO_EIO;
    if (splitio_ivshmem_exchange(g, &c, sizeof(c), &reply, sizeof(reply)) ||
        reply.type != SPLITIO_SHM_REPLY || reply.seq != c.seq) {
        /* Answers would no longer belong to their calls: begin anew. */
        g->joined = false;
        return SPLITIO_EIO;
    }
    *result = reply.value;
    return reply.status;
}

/* --- calls --- */

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

static int grant_swap(void *ctx, splitio_gref_t a, splitio_gref_t b)
{
    uint32_t unused;

    return call_daemon(ctx, SPLITIO_SHM_GRANT_SWAP, a << 16 | b, &unused);
}

/* Name the port; whoever finds the selector at zero rings, the others need not. */
static void event_send(void *ctx, splitio_evtchn_t port)
{
    struct splitio_ivshmem_guest *g = ctx;
    unsigned word = port / 64;

    if (port >= g->cfg.nr_ports)
        return;
    (void)splitio_fetch_or_u64(&g->doorbell->ports[word], UINT64_C(1)
                                                              << (port % 64));
    if (splitio_fetch_or_u64(&g->doorbell->selector, UINT64_C(1) << word) == 0)
        g->cfg.ops->ring(g->cfg.ctx);
}

static void wake(void *ctx)
{
    struct splitio_ivshmem_guest *g = ctx;

    g->cfg.ops->wake(g->cfg.ctx);
}

const struct splitio_hypercall_ops splitio_ivshmem_hypercalls = {
    .event_alloc = event_alloc,
    .event_close = event_close,
    .event_send = event_send,
    .wake = wake,
    .grant_swap = grant_swap,
};
