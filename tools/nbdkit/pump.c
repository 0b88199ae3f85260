/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread that owns a guest and its blkfront. */
#include "pump.h"

#include <splitio/disk.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_SECONDS 10
#define POOL_PAGES      2048u
#define BUDGET          64u

/* A caller's request, on its stack. */
struct request {
    struct splitio_blk_io io;
    struct splitio_iovec iov;
    struct request *next;
    sem_t ended;
    int status;
};

struct pump {
    struct pump_config cfg;
    struct guest guest;
    struct splitio_blkfront dev;
    void *mem;
    int wake_fd;
    pthread_t thread;
    struct request *first; /* the thread's: not submitted yet, in order */
    struct request **last;
    bool was_up;          /* the thread's */
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t changed;
    struct request *posted; /* newest first */
    struct splitio_blkfront_info info;
    bool up, stopping, over;
    char reason[GUEST_TEXT_MAX];
};

static void wake(struct pump *p)
{
    uint64_t one = 1;

    /* Only a full counter can make this fail, and that wakes as well. */
    if (write(p->wake_fd, &one, sizeof(one)) < 0)
        return;
}

static void end(struct request *r, int status)
{
    r->status = status;
    sem_post(&r->ended);
}

static void on_done(struct splitio_blk_io *io, int status)
{
    end(SPLITIO_CONTAINER_OF(io, struct request, io), status);
}

/* Take what callers have posted, oldest first, behind what is there. */
static void collect(struct pump *p)
{
    struct request *posted, *in_order = NULL;
    uint64_t count;

    if (read(p->wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
        return;
    pthread_mutex_lock(&p->lock);
    posted = p->posted;
    p->posted = NULL;
    pthread_mutex_unlock(&p->lock);
    while (posted) {
        struct request *next = posted->next;

        posted->next = in_order;
        in_order = posted;
        posted = next;
    }
    *p->last = in_order;
    while (*p->last)
        p->last = &(*p->last)->next;
}

static void submit(struct pump *p)
{
    while (p->first) {
        struct request *r = p->first;
        struct request *next = r->next;
        int err = splitio_blkfront_submit(&p->dev, &r->io);

        if (err == SPLITIO_EAGAIN)
            break;
        if (err)
            end(r, err); /* gone from here on */
        p->first = next;
        if (!next)
            p->last = &p->first;
    }
    splitio_blkfront_kick(&p->dev);
}

static void fail_all(struct pump *p, int status)
{
    collect(p);
    while (p->first) {
        struct request *r = p->first;

        p->first = r->next;
        end(r, status);
    }
    p->last = &p->first;
}

/* Tell callers what the disk is and whether it is there. */
static void tell(struct pump *p)
{
    bool up = splitio_blkfront_is_up(&p->dev);
    const struct splitio_blkfront_info *info =
        splitio_blkfront_get_info(&p->dev);

    if (up == p->was_up && info->nr_sectors == p->info.nr_sectors)
        return;
    p->was_up = up;
    pthread_mutex_lock(&p->lock);
    p->info = *info;
    p->up = up;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static void wait_for_work(struct pump *p)
{
    struct pollfd fds[] = {
        {.fd = guest_fd(&p->guest), .events = POLLIN},
        {.fd = p->wake_fd, .events = POLLIN},
    };

    if (!guest_has_work(&p->guest))
        (void)poll(fds, 2, -1);
}

static bool is_stopping(struct pump *p)
{
    bool stopping;

    pthread_mutex_lock(&p->lock);
    stopping = p->stopping;
    pthread_mutex_unlock(&p->lock);
    return stopping;
}

static void *run(void *arg)
{
    struct pump *p = arg;
    bool closing = false;

    for (;;) {
        int n = guest_poll(&p->guest, BUDGET);

        if (n == SPLITIO_ECLOSED)
            break;
        collect(p);
        submit(p);
        n += splitio_blkfront_poll(&p->dev, BUDGET);
        tell(p);
        if (!closing && is_stopping(p)) {
            closing = true;
            splitio_blkfront_close(&p->dev);
            n = 1;
        }
        if (closing && splitio_blkfront_is_closed(&p->dev))
            break;
        if (n == 0)
            wait_for_work(p);
    }
    pthread_mutex_lock(&p->lock);
    p->over = true;
    p->up = false;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    while (splitio_blkfront_fini(&p->dev) == SPLITIO_EAGAIN &&
           guest_poll(&p->guest, BUDGET) >= 0)
        ;
    fail_all(p, SPLITIO_ECLOSED);
    return NULL;
}

/* ---- starting ---- */

static int find_dir(struct pump *p, char dir[SPLITIO_TOOLSTACK_PATH_MAX])
{
    int err = guest_device_dir(&p->guest, "vbd", p->cfg.vdev, dir);

    if (err == SPLITIO_ENOENT && p->cfg.guest.xen)
        snprintf(
            p->reason, sizeof(p->reason),
            "this domain has no disk %s; see xl's disk=", p->cfg.vdev_name);
    else if (err == SPLITIO_ENOENT)
        snprintf(p->reason, sizeof(p->reason),
                 "guest %s has no disk %s; see the daemon's --disk options",
                 p->cfg.guest.name, p->cfg.vdev_name);
    else if (err)
        snprintf(p->reason, sizeof(p->reason), "asking the store: %s",
                 splitio_strerror(err));
    return err;
}

static int make_front(struct pump *p)
{
    struct splitio_blkfront_config cfg = {
        .port = guest_port(&p->guest),
        .store = guest_store(&p->guest),
        .max_queues = 1,
        .max_ring_order = 2,
        .max_segs = 64,
    };
    uint32_t pages = p->guest.nr_pages;
    char dir[SPLITIO_TOOLSTACK_PATH_MAX];
    size_t bytes;
    int err;

    err = find_dir(p, dir);
    if (err)
        return err;
    cfg.dir = dir;
    cfg.pool_pages =
        (uint16_t)(pages / 2 < POOL_PAGES ? pages / 2 : POOL_PAGES);
    bytes = splitio_blkfront_mem_bytes(&cfg);
    p->mem = aligned_alloc(SPLITIO_PAGE_SIZE, (bytes + SPLITIO_PAGE_MASK) &
                                                  ~(size_t)SPLITIO_PAGE_MASK);
    err = p->mem ? splitio_blkfront_init(&p->dev, &cfg, p->mem, bytes)
                 : SPLITIO_ENOMEM;
    if (err)
        snprintf(p->reason, sizeof(p->reason), "making the block front: %s",
                 splitio_strerror(err));
    return err;
}

/* Wait until the disk is connected, within reason. */
static int wait_up(struct pump *p)
{
    struct timespec deadline;
    int err = 0;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += CONNECT_SECONDS;
    pthread_mutex_lock(&p->lock);
    while (!p->up && !p->over && !err)
        err = pthread_cond_timedwait(&p->changed, &p->lock, &deadline);
    if (!p->up)
        snprintf(p->reason, sizeof(p->reason), "disk %s: %s", p->cfg.vdev_name,
                 p->over ? "the daemon ended while connecting"
                         : "the daemon does not connect it; see its log");
    err = p->up ? 0 : -1;
    pthread_mutex_unlock(&p->lock);
    return err;
}

static void release(struct pump *p)
{
    guest_close(&p->guest);
    if (p->wake_fd >= 0)
        close(p->wake_fd);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p->mem);
    free(p);
}

int pump_start(struct pump **pump, const struct pump_config *cfg, char *reason,
               size_t reason_bytes)
{
    struct pump *p = calloc(1, sizeof(*p));

    if (!p) {
        snprintf(reason, reason_bytes, "out of memory");
        return -1;
    }
    p->cfg = *cfg;
    p->last = &p->first;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (p->wake_fd < 0 ||
        guest_open(&p->guest, &cfg->guest, p->reason, sizeof(p->reason)) ||
        make_front(p) || pthread_create(&p->thread, NULL, run, p)) {
        snprintf(reason, reason_bytes, "%s",
                 p->reason[0] ? p->reason : strerror(errno));
        release(p);
        return -1;
    }
    if (wait_up(p)) {
        snprintf(reason, reason_bytes, "%s", p->reason);
        pump_stop(p);
        return -1;
    }
    *pump = p;
    return 0;
}

void pump_stop(struct pump *pump)
{
    pthread_mutex_lock(&pump->lock);
    pump->stopping = true;
    pthread_mutex_unlock(&pump->lock);
    wake(pump);
    pthread_join(pump->thread, NULL);
    release(pump);
}

void pump_info(struct pump *pump, struct splitio_blkfront_info *info)
{
    pthread_mutex_lock(&pump->lock);
    *info = pump->info;
    pthread_mutex_unlock(&pump->lock);
}

int pump_do(struct pump *pump, enum splitio_blk_op op, uint64_t sector,
            uint64_t nr_sectors, void *base)
{
    struct request r = {
        .io = {.op = op,
               .sector = sector,
               .nr_sectors = nr_sectors,
               .done = on_done},
        .iov = {base, (size_t)nr_sectors << SPLITIO_DISK_SECTOR_SHIFT},
    };
    bool over;

    if (base) {
        r.io.iov = &r.iov;
        r.io.nr_iov = 1;
    }
    sem_init(&r.ended, 0, 0);
    pthread_mutex_lock(&pump->lock);
    over = pump->over;
    r.next = pump->posted;
    if (!over)
        pump->posted = &r;
    pthread_mutex_unlock(&pump->lock);
    if (over)
        return SPLITIO_ECLOSED;
    wake(pump);
    while (sem_wait(&r.ended) < 0)
        ;
    sem_destroy(&r.ended);
    return r.status;
}
