/* SPDX-License-Identifier: BSD-2-Clause */
/* The limit: slots with a flag in them, nothing else. Who reads looks for the turn
 * in the slot itself, so that a message costs the one cache line that it is in, and
 * nobody checks anything. */
#ifndef SPLITIO_BENCH_RING_SLOTS_H
#define SPLITIO_BENCH_RING_SLOTS_H

#include <string.h>

#include "message.h"

/* 64 bytes and their flag. */
struct slots_slot {
    struct message m;
    uint32_t turn;
};

struct slots_front {
    struct slots_slot *requests, *responses;
    uint32_t prod, cons;
};

struct slots_back {
    struct slots_slot *requests, *responses;
    uint32_t at;
};

SPLITIO_STATIC_ASSERT(2 * RING_SLOTS * sizeof(struct slots_slot) <=
                          RING_PAGES * 4096,
                      "fits");

static inline void slots_init(struct slots_front *f, struct slots_back *b,
                              void *mem)
{
    f->requests = b->requests = mem;
    f->responses = b->responses = f->requests + RING_SLOTS;
    f->prod = f->cons = b->at = 0;
    memset(mem, 0, 2 * RING_SLOTS * sizeof(struct slots_slot));
}

/* The turns of a slot are 1, 2, ...: 0 is what nobody has written. */
static inline uint32_t slots_turn(uint32_t index)
{
    return index / RING_SLOTS + 1;
}

static inline bool slots_send(struct slots_front *f, unsigned n, uint64_t id)
{
    for (unsigned i = 0; i < n; i++, f->prod++) {
        struct slots_slot *s = &f->requests[f->prod % RING_SLOTS];

        make(&s->m, id + i);
        splitio_store_release_u32(&s->turn, slots_turn(f->prod));
    }
    return false;
}

static inline unsigned slots_serve(struct slots_back *b, bool *notify)
{
    unsigned n = 0;

    *notify = false;
    for (; n < RING_SLOTS; n++, b->at++) {
        struct slots_slot *from = &b->requests[b->at % RING_SLOTS];
        struct slots_slot *to = &b->responses[b->at % RING_SLOTS];
        struct message m;

        if (splitio_load_acquire_u32(&from->turn) != slots_turn(b->at))
            break;
        splitio_copy_once(&m, &from->m, sizeof(m));
        to->m = m;
        splitio_store_release_u32(&to->turn, slots_turn(b->at));
    }
    return n;
}

static inline unsigned slots_collect(struct slots_front *f)
{
    unsigned n = 0;

    for (; n < RING_SLOTS; n++, f->cons++) {
        struct slots_slot *from = &f->responses[f->cons % RING_SLOTS];
        struct message m;

        if (splitio_load_acquire_u32(&from->turn) != slots_turn(f->cons))
            break;
        splitio_copy_once(&m, &from->m, sizeof(m));
        gbench_use(&m);
    }
    return n;
}

#endif
