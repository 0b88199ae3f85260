/* SPDX-License-Identifier: BSD-2-Clause */
#include "crew.h"

#include <splitio/arch.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct crew {
    struct crew_member *members;
    unsigned nr, nr_main;
    uint32_t waiting;
    uint32_t ended; /* of the main ones */
};

_Noreturn void crew_fail(const char *file, int line, const char *cond)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, cond);
    abort();
}

static void *run(void *arg)
{
    struct crew_member *m = arg;
    struct crew *c = m->crew;

    splitio_fetch_add_u32(&c->waiting, 1);
    while (splitio_load_acquire_u32(&c->waiting) < c->nr)
        sched_yield();
    m->fn(m);
    if (m->index < c->nr_main)
        splitio_fetch_add_u32(&c->ended, 1);
    splitio_store_release_u32(&m->over, 1);
    return NULL;
}

static bool all_over(const struct crew *c)
{
    for (unsigned i = 0; i < c->nr; i++)
        if (!splitio_load_acquire_u32(&c->members[i].over))
            return false;
    return true;
}

static void watch(const struct crew *c, unsigned seconds)
{
    const struct timespec tick = {.tv_nsec = 2000000};

    for (unsigned i = 0; i < seconds * 500 && !all_over(c); i++)
        nanosleep(&tick, NULL);
    if (all_over(c))
        return;
    for (unsigned i = 0; i < c->nr; i++)
        if (!splitio_load_acquire_u32(&c->members[i].over))
            fprintf(stderr, "watchdog: %s %u hangs after %u steps\n",
                    c->members[i].name, i,
                    splitio_read_once_u32(&c->members[i].steps));
    abort();
}

void crew_run(struct crew_member *members, unsigned nr, unsigned nr_main,
              unsigned seconds)
{
    struct crew c = {.members = members, .nr = nr, .nr_main = nr_main};
    pthread_t threads[32];

    if (nr > 32)
        abort();
    for (unsigned i = 0; i < nr; i++) {
        members[i].crew = &c;
        members[i].index = i;
        members[i].seed = i * UINT64_C(0x9E3779B97F4A7C15) + 1;
        members[i].steps = members[i].over = 0;
    }
    for (unsigned i = 0; i < nr; i++)
        if (pthread_create(&threads[i], NULL, run, &members[i]))
            abort();
    watch(&c, seconds);
    for (unsigned i = 0; i < nr; i++)
        pthread_join(threads[i], NULL);
}

bool crew_is_over(struct crew_member *m)
{
    return splitio_load_acquire_u32(&m->crew->ended) == m->crew->nr_main;
}

uint32_t crew_random(struct crew_member *m)
{
    m->seed = m->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(m->seed >> 33);
}

void crew_dither(struct crew_member *m)
{
    uint32_t r = crew_random(m);

    splitio_write_once_u32(&m->steps, m->steps + 1);
    for (uint32_t n = r % 64; n > 32; n--)
        splitio_cpu_relax();
    if ((r >> 8) % 16 == 0)
        sched_yield();
}
