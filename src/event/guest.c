/* SPDX-License-Identifier: BSD-2-Clause */
/* Events as the owner of a shared info page sees them. */
#include <splitio/event.h>

#include "abi.h"

static uint8_t *pending(const struct splitio_event_guest *g)
{
    return g->shared_info + g->abi->pending;
}

static uint8_t *masks(const struct splitio_event_guest *g)
{
    return g->shared_info + g->abi->mask;
}

void splitio_event_guest_init(struct splitio_event_guest *g,
                              const struct splitio_event_abi *abi,
                              void *shared_info,
                              struct splitio_event_handler *handlers,
                              uint32_t nr_handlers)
{
    size_t bytes = splitio_event_abi_nr_ports(abi) / 8u;

    __builtin_memset(g, 0, sizeof(*g));
    g->abi = abi;
    g->shared_info = shared_info;
    g->handlers = handlers;
    g->nr_handlers = nr_handlers;
    __builtin_memset(handlers, 0, nr_handlers * sizeof(*handlers));
    __builtin_memset(shared_info, 0, SPLITIO_PAGE_SIZE);
    __builtin_memset(masks(g), 0xFF, bytes);
}

bool splitio_event_guest_bind(struct splitio_event_guest *g,
                              splitio_evtchn_t port,
                              struct splitio_event_handler handler)
{
    g->handlers[port] = handler;
    return splitio_event_guest_unmask(g, 0, port);
}

void splitio_event_guest_unbind(struct splitio_event_guest *g,
                                splitio_evtchn_t port)
{
    bit_set(g->abi, masks(g), port);
    bit_clear(g->abi, pending(g), port);
    g->handlers[port].fn = NULL;
}

void splitio_event_guest_mask(struct splitio_event_guest *g,
                              splitio_evtchn_t port)
{
    bit_set(g->abi, masks(g), port);
}

bool splitio_event_guest_unmask(struct splitio_event_guest *g, unsigned vcpu,
                                splitio_evtchn_t port)
{
    bit_clear(g->abi, masks(g), port);
    if (!bit_test(g->abi, pending(g), port))
        return false;
    (void)mark_vcpu(g->abi, g->shared_info, vcpu, port);
    return true;
}

bool splitio_event_guest_has_upcall(const struct splitio_event_guest *g,
                                    unsigned vcpu)
{
    return splitio_load_acquire_u8(vcpu_info(g->abi, g->shared_info, vcpu) +
                                   g->abi->upcall_pending) != 0;
}

static void deliver(struct splitio_event_guest *g, uint32_t port)
{
    bit_set(g->abi, masks(g), port);
    bit_clear(g->abi, pending(g), port);
    if (port < g->nr_handlers && g->handlers[port].fn)
        g->handlers[port].fn(g->handlers[port].arg);
}

/* Lowest bit of @p bits at or after @p from, wrapping; bits is not 0. */
static unsigned next_bit(uint64_t bits, unsigned from)
{
    uint64_t after = bits >> from << from;

    return splitio_lowest_bit_u64(after ? after : bits);
}

/* Deliver from one word, beginning at bit *from; how many. */
static unsigned scan_word(struct splitio_event_guest *g, unsigned vcpu,
                          unsigned word, unsigned from, unsigned budget)
{
    unsigned bits = g->abi->word_bits;
    unsigned n = 0;
    uint64_t todo;

    todo = word_read(g->abi, pending(g), word) &
           ~word_read(g->abi, masks(g), word);
    while (todo && n < budget) {
        unsigned bit = next_bit(todo, from);
        uint32_t port = word * bits + bit;

        todo &= ~(UINT64_C(1) << bit);
        from = (bit + 1) % bits;
        g->next[vcpu] = (port + 1) % splitio_event_abi_nr_ports(g->abi);
        deliver(g, port);
        n++;
    }
    return n;
}

/* Put back selector bits that were taken and not worked off. */
static void put_back(struct splitio_event_guest *g, uint8_t *v, uint64_t words)
{
    if (!words)
        return;
    if (g->abi->word_bits == 64)
        splitio_fetch_or_u64((uint64_t *)(void *)(v + g->abi->selector), words);
    else
        splitio_fetch_or_u32((uint32_t *)(void *)(v + g->abi->selector),
                             (uint32_t)words);
    splitio_xchg_u8(v + g->abi->upcall_pending, 1);
}

unsigned splitio_event_guest_scan(struct splitio_event_guest *g, unsigned vcpu,
                                  unsigned budget)
{
    uint8_t *v = vcpu_info(g->abi, g->shared_info, vcpu);
    uint64_t words, unfinished = 0;
    unsigned n = 0;

    if (splitio_xchg_u8(v + g->abi->upcall_pending, 0) == 0)
        return 0;
    words = word_take(g->abi, v + g->abi->selector);
    while (words && n < budget) {
        unsigned start = g->next[vcpu];
        unsigned word = next_bit(words, start / g->abi->word_bits);
        unsigned from =
            word == start / g->abi->word_bits ? start % g->abi->word_bits : 0;

        words &= ~(UINT64_C(1) << word);
        n += scan_word(g, vcpu, word, from, budget - n);
        if (n == budget)
            unfinished = UINT64_C(1) << word;
        else if (g->next[vcpu] / g->abi->word_bits == word)
            g->next[vcpu] = (word + 1) % g->abi->word_bits * g->abi->word_bits;
    }
    put_back(g, v, words | unfinished);
    return n;
}
