/* SPDX-License-Identifier: BSD-2-Clause */
/* The owner's half of the FIFO ABI: see splitio/event_fifo.h. */
#include "guest_int.h"

#define PENDING (UINT32_C(1) << SPLITIO_EVTCHN_FIFO_PENDING)
#define MASKED  (UINT32_C(1) << SPLITIO_EVTCHN_FIFO_MASKED)
#define LINKED  (UINT32_C(1) << SPLITIO_EVTCHN_FIFO_LINKED)
#define BUSY    (UINT32_C(1) << SPLITIO_EVTCHN_FIFO_BUSY)
#define LINK    SPLITIO_EVTCHN_FIFO_LINK_MASK

/* Looks at a BUSY word until the engine is asked, who knows when it is not. */
#define BUSY_TRIES 64

/* NULL: the port has no word; its mask bit in the page stands for it. */
static uint32_t *word_of(const struct splitio_event_guest *g, uint32_t port)
{
    const struct splitio_event_guest_fifo *f = g->fifo;

    if (port >= splitio_load_acquire_u32(&f->nr_words))
        return NULL;
    return &f->pages[port / SPLITIO_EVENT_FIFO_PAGE_WORDS]
                    [port % SPLITIO_EVENT_FIFO_PAGE_WORDS];
}

void splitio_event_fifo_mask(struct splitio_event_guest *g,
                             splitio_evtchn_t port)
{
    uint32_t *word = word_of(g, port);

    if (word)
        splitio_fetch_or_le32(word, MASKED);
    else
        bit_set(g->abi, mask_bits(g), port);
}

void splitio_event_fifo_forget(struct splitio_event_guest *g,
                               splitio_evtchn_t port)
{
    uint32_t *word = word_of(g, port);

    splitio_event_fifo_mask(g, port);
    if (word)
        splitio_fetch_and_le32(word, ~PENDING);
}

/*
 * Clear MASKED while nothing is pending, in one step. Otherwise the port must be
 * queued, which only the engine can do; so too if it keeps the word BUSY.
 */
static bool clear_masked(uint32_t *word)
{
    uint32_t w = splitio_read_once_le32(word);

    for (unsigned i = 0; i < BUSY_TRIES; i++) {
        if (w & PENDING)
            return false;
        if (w & BUSY) {
            splitio_cpu_relax();
            w = splitio_read_once_le32(word);
        } else if (splitio_cas_le32(word, &w, w & ~MASKED)) {
            return true;
        }
    }
    return false;
}

bool splitio_event_fifo_unmask_own(struct splitio_event_guest *g,
                                   splitio_evtchn_t port)
{
    uint32_t *word = word_of(g, port);

    if (!word) {
        bit_clear(g->abi, mask_bits(g), port);
        return false;
    }
    if (clear_masked(word))
        return false;
    g->fifo->ops->unmask(g->fifo->ctx, port);
    return true;
}

/* Take a pending port for this scan: masked and no longer pending. False if it
 * is not pending, or its owner has masked it. A failure means that the engine,
 * or another vcpu, has changed a bit, which each can do a few times only. */
static bool claim(uint32_t *word)
{
    uint32_t w = splitio_load_acquire_le32(word);

    while ((w & (PENDING | MASKED)) == PENDING)
        if (splitio_cas_le32(word, &w, (w & ~PENDING) | MASKED))
            return true;
    return false;
}

/* The first of a queue, unlinked. 0: its link leads nowhere. */
static uint32_t unlink_first(struct splitio_event_guest *g,
                             struct splitio_event_guest_queues *q,
                             unsigned priority)
{
    uint32_t port = q->head[priority];
    uint32_t *word;

    if (port == 0)
        port = splitio_load_acquire_le32(&q->block->head[priority]);
    word = word_of(g, port);
    q->head[priority] =
        word ? splitio_fetch_and_le32(word, ~(LINKED | LINK)) & LINK : 0;
    return word ? port : 0;
}

unsigned splitio_event_fifo_scan(struct splitio_event_guest *g, unsigned vcpu,
                                 unsigned budget)
{
    struct splitio_event_guest_queues *q = &g->fifo->vcpus[vcpu];
    uint8_t *v = vcpu_info(g->abi, g->shared_info, vcpu);
    unsigned n = 0;

    if (!q->block)
        return 0;
    q->ready |= splitio_xchg_le32(&q->block->ready, 0);
    for (; q->ready && n < budget; n++) {
        unsigned priority = splitio_lowest_bit_u64(q->ready);
        uint32_t port;

        if (priority >= SPLITIO_EVTCHN_FIFO_MAX_QUEUES)
            break;
        port = unlink_first(g, q, priority);
        if (q->head[priority] == 0)
            q->ready &= ~(1u << priority);
        if (port && claim(word_of(g, port)))
            splitio_event_deliver(g, vcpu, port);
        /* What is more urgent and has come meanwhile goes first. */
        if (splitio_read_once_le32(&q->block->ready))
            q->ready |= splitio_xchg_le32(&q->block->ready, 0);
    }
    q->ready &= (1u << SPLITIO_EVTCHN_FIFO_MAX_QUEUES) - 1;
    if (q->ready)
        splitio_xchg_u8(v + g->abi->upcall_pending, 1);
    return n;
}

/* ---- changing over ---- */

static int add_block(struct splitio_event_guest_fifo *f, unsigned vcpu,
                     struct splitio_event_fifo_block *block, splitio_gfn_t gfn,
                     uint32_t offset)
{
    struct splitio_event_guest_queues *q = &f->vcpus[vcpu];
    int err;

    __builtin_memset(block, 0, sizeof(*block));
    __builtin_memset(q, 0, sizeof(*q));
    q->block = block;
    err = f->ops->init_control(f->ctx, gfn, offset, vcpu);
    if (err)
        q->block = NULL;
    return err;
}

int splitio_event_guest_fifo_start(struct splitio_event_guest *g,
                                   struct splitio_event_guest_fifo *f,
                                   const struct splitio_event_fifo_ops *ops,
                                   void *ctx,
                                   struct splitio_event_fifo_block *block,
                                   splitio_gfn_t gfn, uint32_t offset)
{
    int err;

    if (g->fifo)
        return SPLITIO_EBUSY;
    __builtin_memset(f, 0, sizeof(*f));
    f->ops = ops;
    f->ctx = ctx;
    g->fifo = f;
    err = add_block(f, 0, block, gfn, offset);
    if (err)
        g->fifo = NULL;
    return err;
}

int splitio_event_guest_fifo_add_vcpu(struct splitio_event_guest *g,
                                      unsigned vcpu,
                                      struct splitio_event_fifo_block *block,
                                      splitio_gfn_t gfn, uint32_t offset)
{
    if (!g->fifo || vcpu >= g->abi->nr_vcpus)
        return SPLITIO_EINVAL;
    if (g->fifo->vcpus[vcpu].block)
        return SPLITIO_EEXIST;
    return add_block(g->fifo, vcpu, block, gfn, offset);
}

int splitio_event_guest_fifo_expand(struct splitio_event_guest *g, void *page,
                                    splitio_gfn_t gfn)
{
    struct splitio_event_guest_fifo *f = g->fifo;
    uint32_t *words = page, nr;
    int err;

    if (!f)
        return SPLITIO_EINVAL;
    nr = f->nr_words;
    if (nr >= SPLITIO_EVTCHN_FIFO_NR_CHANNELS)
        return SPLITIO_ENOSPC;
    for (unsigned i = 0; i < SPLITIO_EVENT_FIFO_PAGE_WORDS; i++) {
        uint32_t port = nr + i;
        bool masked = port >= splitio_event_abi_nr_ports(g->abi) ||
                      bit_test(g->abi, mask_bits(g), port);

        splitio_write_once_le32(&words[i], masked ? MASKED : 0);
    }
    /* First: the engine may queue kept events before its call returns. */
    f->pages[nr / SPLITIO_EVENT_FIFO_PAGE_WORDS] = words;
    splitio_store_release_u32(&f->nr_words, nr + SPLITIO_EVENT_FIFO_PAGE_WORDS);
    err = f->ops->expand_array(f->ctx, gfn);
    if (err)
        splitio_store_release_u32(&f->nr_words, nr);
    return err;
}

uint32_t splitio_event_guest_fifo_nr_ports(const struct splitio_event_guest *g)
{
    return g->fifo ? splitio_load_acquire_u32(&g->fifo->nr_words) : 0;
}

void splitio_event_guest_fifo_end(struct splitio_event_guest *g)
{
    g->fifo = NULL;
    __builtin_memset(g->next, 0, sizeof(g->next));
    for (uint32_t p = 0; p < g->nr_handlers; p++)
        g->handlers[p].fn = NULL;
    splitio_event_quiet(g);
}
