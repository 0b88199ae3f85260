/* SPDX-License-Identifier: BSD-2-Clause */
/* Two threads on a processor each, and how they wake one another. */
#ifndef SPLITIO_BENCH_PAIR_H
#define SPLITIO_BENCH_PAIR_H

#include <splitio/arch.h>

#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "load.h"

/* Functions of the ring that this program is built for. */
#define PAIR_PASTE2(a, b) a##b
#define PAIR_PASTE(a, b)  PAIR_PASTE2(a, b)
#define RING(f)           PAIR_PASTE(RING_NAME, f)

static _Alignas(64) uint32_t pair_stop;

static inline void stop(void)
{
    splitio_store_release_u32(&pair_stop, 1);
}

static inline bool stopped(void)
{
    return splitio_load_acquire_u32(&pair_stop);
}

static inline void pin(int processor)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    if (sched_setaffinity(0, sizeof(set), &set))
        die("processors", "needs 0 and 1");
}

/* An eventfd that one thread rings and the other one waits for. */
struct bell {
    int fd;
    uint64_t rung;
};

static inline void make_bell(struct bell *b)
{
    b->fd = eventfd(0, 0);
    if (b->fd < 0)
        die("eventfd", "there is none");
}

static inline void ring_bell(struct bell *b)
{
    const uint64_t one = 1;

    b->rung++;
    if (write(b->fd, &one, sizeof(one)) != sizeof(one))
        die("eventfd", "cannot be written");
}

static inline void await_bell(const struct bell *b)
{
    uint64_t n;

    if (read(b->fd, &n, sizeof(n)) != sizeof(n))
        die("eventfd", "cannot be read");
}

#endif
