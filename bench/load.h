/* SPDX-License-Identifier: BSD-2-Clause */
/* What the programs that put load on splitiod share. Each prints one figure. */
#ifndef SPLITIO_BENCH_LOAD_H
#define SPLITIO_BENCH_LOAD_H

#include <splitio/binding/shm.h>
#include <splitio/toolstack.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Things that one poll does at most. */
#define BUDGET 64u
/* Where a guest has its disk. */
#define VDEV (202u << 8)

static inline void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static inline void must(const char *what, int err)
{
    if (err)
        die(what, splitio_strerror(err));
}

static inline double seconds_of(clockid_t clock)
{
    struct timespec t;

    if (clock_gettime(clock, &t))
        die("clock", "the process is gone");
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline double now(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

/* Memory for a front, in whole pages. */
static inline void *memory(size_t bytes)
{
    void *mem =
        aligned_alloc(SPLITIO_PAGE_SIZE,
                      (bytes + SPLITIO_PAGE_MASK) & ~(size_t)SPLITIO_PAGE_MASK);

    if (!mem)
        die("memory", "there is none");
    return mem;
}

static inline struct splitio_shm_guest *
join(const struct splitio_shm_guest_config *cfg)
{
    char text[SPLITIO_SHM_TEXT_MAX];
    struct splitio_shm_guest *guest;

    if (splitio_shm_guest_connect(&guest, cfg, text, sizeof(text)))
        die(cfg->name, text);
    return guest;
}

/* The guest's own directory of a device, which is there when it has joined. */
static inline void find_dir(struct splitio_shm_guest *guest, const char *kind,
                            uint32_t devid,
                            char dir[SPLITIO_TOOLSTACK_PATH_MAX])
{
    const struct splitio_toolstack_device device = {
        kind, devid, splitio_shm_guest_domid(guest), 0};

    splitio_toolstack_front_path(&device, dir);
}

/* Wait if there is nothing to do, for some time. */
static inline void wait_for(struct splitio_shm_guest *guest)
{
    struct pollfd fd = {splitio_shm_guest_fd(guest), POLLIN, 0};

    if (!splitio_shm_guest_has_work(guest))
        (void)poll(&fd, 1, 100);
}

#endif /* SPLITIO_BENCH_LOAD_H */
