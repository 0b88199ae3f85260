/* SPDX-License-Identifier: BSD-2-Clause */
/* Events as the owner of a shared info page sees them. */
#include "guest_int.h"

typedef void (*handler_fn)(void *arg);

static handler_fn handler_load(struct splitio_event_guest *g, uint32_t port)
{
    return __atomic_load_n(&g->handlers[port].fn, __ATOMIC_SEQ_CST);
}

static void handler_store(struct splitio_event_guest *g, uint32_t port,
                          handler_fn fn)
{
    __atomic_store_n(&g->handlers[port].fn, fn, __ATOMIC_SEQ_CST);
}

void splitio_event_quiet(struct splitio_event_guest *g)
{
    for (uint32_t p = 0; p < splitio_event_abi_nr_ports(g->abi); p++)
        bit_set(g->abi, mask_bits(g), p);
    for (unsigned vcpu = 0; vcpu < g->abi->nr_vcpus; vcpu++) {
        uint8_t *v = vcpu_info(g->abi, g->shared_info, vcpu);

        splitio_write_once_u8(v + g->abi->upcall_mask, 0);
        splitio_xchg_u8(v + g->abi->upcall_pending, 0);
        (void)word_take(g->abi, v + g->abi->selector);
    }
}

void splitio_event_guest_init(struct splitio_event_guest *g,
                              const struct splitio_event_abi *abi,
                              void *shared_info,
                              struct splitio_event_handler *handlers,
                              uint32_t nr_handlers)
{
    __builtin_memset(g, 0, sizeof(*g));
    g->abi = abi;
    g->shared_info = shared_info;
    g->handlers = handlers;
    g->nr_handlers = nr_handlers;
    __builtin_memset(handlers, 0, nr_handlers * sizeof(*handlers));
    splitio_event_quiet(g);
}

bool splitio_event_guest_bind(struct splitio_event_guest *g,
                              splitio_evtchn_t port,
                              struct splitio_event_handler handler)
{
    g->handlers[port].arg = handler.arg;
    handler_store(g, port, handler.fn);
    return splitio_event_guest_unmask(g, 0, port);
}

void splitio_event_guest_unbind(struct splitio_event_guest *g,
                                splitio_evtchn_t port)
{
    if (g->fifo) {
        splitio_event_fifo_forget(g, port);
    } else {
        bit_set(g->abi, mask_bits(g), port);
        bit_clear(g->abi, pending_bits(g), port);
    }
    handler_store(g, port, NULL);
    splitio_fence();
    for (unsigned vcpu = 0; vcpu < g->abi->nr_vcpus; vcpu++)
        while (port && splitio_load_acquire_u32(&g->running[vcpu]) == port)
            splitio_cpu_relax();
}

void splitio_event_guest_mask(struct splitio_event_guest *g,
                              splitio_evtchn_t port)
{
    if (g->fifo)
        splitio_event_fifo_mask(g, port);
    else
        bit_set(g->abi, mask_bits(g), port);
}

bool splitio_event_guest_unmask(struct splitio_event_guest *g, unsigned vcpu,
                                splitio_evtchn_t port)
{
    if (g->fifo)
        return splitio_event_fifo_unmask_own(g, port);
    bit_clear(g->abi, mask_bits(g), port);
    if (!bit_test(g->abi, pending_bits(g), port))
        return false;
    (void)mark_vcpu(g->abi, vcpu_info(g->abi, g->shared_info, vcpu), port);
    return true;
}

bool splitio_event_guest_has_upcall(const struct splitio_event_guest *g,
                                    unsigned vcpu)
{
    return splitio_load_acquire_u8(vcpu_info(g->abi, g->shared_info, vcpu) +
                                   g->abi->upcall_pending) != 0;
}

/*
 * Take a pending port for this scan: masked and no longer pending. False if
 * another vcpu has, or its owner has masked it.
 */
static bool claim(struct splitio_event_guest *g, uint32_t port)
{
    for (;;) {
        if (bit_set(g->abi, mask_bits(g), port))
            return false;
        if (bit_clear(g->abi, pending_bits(g), port))
            return true;
        /* Handled and unmasked elsewhere since it was seen: hands off again. */
        bit_clear(g->abi, mask_bits(g), port);
        if (!bit_test(g->abi, pending_bits(g), port))
            return false;
    }
}

/*
 * unbind() forgets the handler and then looks who runs; this says who runs and
 * then looks for the handler. Totally ordered: one of them sees the other.
 */
void splitio_event_deliver(struct splitio_event_guest *g, unsigned vcpu,
                           uint32_t port)
{
    handler_fn fn = NULL;

    splitio_xchg_u32(&g->running[vcpu], port);
    if (port < g->nr_handlers)
        fn = handler_load(g, port);
    if (fn)
        fn(g->handlers[port].arg);
    splitio_store_release_u32(&g->running[vcpu], 0);
}

/* Deliver from one word those of @p bits that are due; how many. */
static unsigned scan_word(struct splitio_event_guest *g, unsigned vcpu,
                          unsigned word, uint64_t bits, unsigned budget)
{
    unsigned n = 0;

    bits &= word_read(g->abi, pending_bits(g), word) &
            ~word_read(g->abi, mask_bits(g), word);
    for (; bits && n < budget; bits &= bits - 1) {
        uint32_t port = word * g->abi->word_bits + splitio_lowest_bit_u64(bits);

        if (!claim(g, port))
            continue;
        g->next[vcpu] = (port + 1) % splitio_event_abi_nr_ports(g->abi);
        splitio_event_deliver(g, vcpu, port);
        n++;
    }
    return n;
}

/* Lowest bit of @p bits at or after @p from, wrapping; bits is not 0. */
static unsigned next_bit(uint64_t bits, unsigned from)
{
    uint64_t after = bits >> from << from;

    return splitio_lowest_bit_u64(after ? after : bits);
}

/* Put back selector bits that were taken and not worked off. */
static void put_back(struct splitio_event_guest *g, uint8_t *v, uint64_t words)
{
    if (g->abi->word_bits == 64)
        splitio_fetch_or_le64((uint64_t *)(void *)(v + g->abi->selector),
                              words);
    else
        splitio_fetch_or_le32((uint32_t *)(void *)(v + g->abi->selector),
                              (uint32_t)words);
    splitio_xchg_u8(v + g->abi->upcall_pending, 1);
}

unsigned splitio_event_guest_scan(struct splitio_event_guest *g, unsigned vcpu,
                                  unsigned budget)
{
    uint8_t *v = vcpu_info(g->abi, g->shared_info, vcpu);
    unsigned bits = g->abi->word_bits;
    unsigned first = g->next[vcpu] / bits;
    uint64_t after = UINT64_MAX << (g->next[vcpu] % bits);
    uint64_t words, rest;
    unsigned n = 0;

    if (splitio_xchg_u8(v + g->abi->upcall_pending, 0) == 0)
        return 0;
    if (g->fifo)
        return splitio_event_fifo_scan(g, vcpu, budget);
    words = word_take(g->abi, v + g->abi->selector);
    /* From next on and around: the first word in two parts. */
    if (words >> first & 1)
        n = scan_word(g, vcpu, first, after, budget);
    rest = words & ~(UINT64_C(1) << first);
    while (rest && n < budget) {
        unsigned word = next_bit(rest, first);

        n += scan_word(g, vcpu, word, UINT64_MAX, budget - n);
        if (n < budget)
            rest &= ~(UINT64_C(1) << word);
    }
    if (n < budget && words >> first & 1)
        n += scan_word(g, vcpu, first, ~after, budget - n);
    if (n == budget && words)
        put_back(g, v, rest | (words & UINT64_C(1) << first));
    return n;
}
