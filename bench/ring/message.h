/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the rings carry that are compared: 64 bytes there and 64 bytes back. Each
 * ring NAME is a header ring_NAME.h with the functions
 *
 *     NAME_init(mem)               both halves, empty
 *     NAME_send(front, n, id)      publish n requests; true: notify
 *     NAME_serve(back, &notify)    answer all that there are; how many
 *     NAME_collect(front)          take all responses that there are; how many
 *
 * and, where the ring has a way to ask for a notification, NAME_front_rearm() and
 * NAME_back_rearm(), which are true if there is something to do already. There is
 * room for RING_SLOTS; who sends keeps to that.
 */
#ifndef SPLITIO_BENCH_RING_MESSAGE_H
#define SPLITIO_BENCH_RING_MESSAGE_H

#include <splitio/arch.h>

#include "gbench.h"

#define RING_SLOTS 256u
/* Memory for any of the rings, in pages. */
#define RING_PAGES 32u

struct message {
    uint64_t word[8];
};

static inline void make(struct message *m, uint64_t id)
{
    for (unsigned i = 0; i < 8; i++)
        m->word[i] = id + i;
}

#endif
