/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a request of 64 bytes and its response cost in instructions, by splitio's
 * ring and by the macros of Xen's own ring.h.
 *
 * ring_cycle/<ring>/<n>: one thread plays both halves, n requests a batch, with
 * everything in the nearest cache.
 */
#include <stdio.h>

#include "ring/splitio.h"
#ifdef HAVE_XEN_HEADERS
#include "ring/xen.h"
#endif

static _Alignas(4096) uint8_t mem[RING_PAGES * 4096];

/* A driver's halves lie in memory of which the compiler knows nothing: so they
 * are here behind pointers that it must load. */
#define DEFINE_CYCLE(ring)                                                     \
    static void ring##_cycle(struct gbench *b, int64_t batch)                  \
    {                                                                          \
        static struct ring##_front front_half;                                 \
        static struct ring##_back back_half;                                   \
        struct ring##_front *volatile front_at = &front_half;                  \
        struct ring##_back *volatile back_at = &back_half;                     \
        struct ring##_front *front = front_at;                                 \
        struct ring##_back *back = back_at;                                    \
        uint64_t id = 0;                                                       \
        bool notify;                                                           \
                                                                               \
        ring##_init(front, back, mem);                                         \
        for (; gbench_more(b, batch); id += (uint64_t)batch) {                 \
            notify = ring##_send(front, (unsigned)batch, id);                  \
            gbench_use(&notify);                                               \
            (void)ring##_serve(back, &notify);                                 \
            gbench_use(&notify);                                               \
            (void)ring##_collect(front);                                       \
        }                                                                      \
        gbench_counter(b, "batch", (double)batch);                             \
    }

DEFINE_CYCLE(splitio)
#ifdef HAVE_XEN_HEADERS
DEFINE_CYCLE(xen)
#endif

void gbench_setup(void)
{
    static const int64_t batches[] = {1, 32, 256};
    char name[64];

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(batches); i++) {
        int n = (int)batches[i];

        snprintf(name, sizeof(name), "ring_cycle/splitio/%d", n);
        gbench_register(name, splitio_cycle, n);
#ifdef HAVE_XEN_HEADERS
        snprintf(name, sizeof(name), "ring_cycle/xen/%d", n);
        gbench_register(name, xen_cycle, n);
#endif
    }
}
