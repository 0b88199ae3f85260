/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk in a file: opening, the owner's side of the queues, the threads. */
#include "file.h"

#include <signal.h>
#include <stdlib.h>

#define THREADS_DEFAULT 4u
#define THREADS_MAX     16u
#define DEPTH_DEFAULT   1024u
#define DEPTH_MAX       65536u

#define READ_NOW_BYTES_PER_KICK (1u << 20)

/* What a thread takes at once of the writes. */
#define WRITE_BATCH_BYTES (64u << 10)

struct splitio_disk_file {
    struct file_medium medium;
    struct splitio_disk_file_config cfg;
    struct io_queue submitted;  /* the owner's: not kicked yet */
    struct io_queue delivering; /* the owner's: finished, done() not called */
    unsigned nr_held;     /* the owner's: submitted, done() not called yet */
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t work;
    struct io_queue waiting, writes, finished;
    unsigned nr_idle;    /* threads that wait for work */
    unsigned nr_writers; /* threads that have some of the writes */
    bool stopping;
    pthread_t threads[THREADS_MAX];
    unsigned nr_threads;
};

/* Hand results to the owner. `finished` goes from empty to not empty under the
 * lock, and every such step is followed by a wake; every poll() empties it under
 * the lock. So what is in it has a wake to come, or one that no poll() has
 * followed yet; and what poll() leaves in `delivering`, it wakes for itself. */
static void finish(struct splitio_disk_file *d, struct io_queue *done)
{
    bool first = d->finished.nr == 0;

    io_queue_move(&d->finished, done);
    if (!first || !d->cfg.wake)
        return;
    pthread_mutex_unlock(&d->lock);
    d->cfg.wake(d->cfg.wake_arg);
    pthread_mutex_lock(&d->lock);
}

/* Writes to one file wait for one another in the kernel, so that a second thread
 * at them would only wait: one writes, several at a time. What is flushed as
 * well is not among them, nor what goes to a device. */
static bool is_of_writes(const struct splitio_disk_file *d,
                         const struct splitio_disk_io *io)
{
    return io->op == SPLITIO_DISK_WRITE && !d->medium.is_device &&
           !(io->flags & SPLITIO_DISK_IO_FUA);
}

/* Work for a thread; none: false. */
static bool take_work(struct splitio_disk_file *d, struct io_queue *work)
{
    struct splitio_disk_io *io = io_queue_take(&d->waiting);
    uint64_t bytes = 0;

    if (io) {
        io_queue_put(work, io);
        return true;
    }
    if (d->nr_writers)
        return false;
    while (d->writes.nr && bytes < WRITE_BATCH_BYTES) {
        io = io_queue_take(&d->writes);
        bytes += io->nr_sectors << SPLITIO_DISK_SECTOR_SHIFT;
        io_queue_put(work, io);
    }
    return work->nr != 0;
}

static void carry_out(struct splitio_disk_file *d, struct io_queue *work)
{
    struct io_queue done = {NULL, NULL, 0};
    struct splitio_disk_io *io;

    while ((io = io_queue_take(work)) != NULL) {
        io_set_status(io, file_medium_carry_out(&d->medium, io));
        io_queue_put(&done, io);
    }
    *work = done;
}

static void *serve(void *arg)
{
    struct splitio_disk_file *d = arg;

    pthread_mutex_lock(&d->lock);
    for (;;) {
        struct io_queue work = {NULL, NULL, 0};

        if (take_work(d, &work)) {
            bool writes = is_of_writes(d, work.first);

            d->nr_writers += writes;
            pthread_mutex_unlock(&d->lock);
            carry_out(d, &work);
            pthread_mutex_lock(&d->lock);
            d->nr_writers -= writes;
            finish(d, &work);
        } else if (d->stopping) {
            break;
        } else {
            d->nr_idle++;
            pthread_cond_wait(&d->work, &d->lock);
            d->nr_idle--;
        }
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

static int file_info(void *ctx, struct splitio_disk_info *info)
{
    struct splitio_disk_file *d = ctx;

    return file_medium_info(&d->medium, info);
}

static int file_submit(void *ctx, struct splitio_disk_io *io)
{
    struct splitio_disk_file *d = ctx;

    if (d->nr_held == d->cfg.queue_depth)
        return SPLITIO_EAGAIN;
    d->nr_held++;
    io_queue_put(&d->submitted, io);
    return 0;
}

/* Reads that need no waiting are not worth a thread's while. The bytes are
 * bounded, so that one disk does not keep the owner from others. */
static void read_now(struct splitio_disk_file *d)
{
    struct io_queue rest = {NULL, NULL, 0};
    uint64_t left = READ_NOW_BYTES_PER_KICK;
    struct splitio_disk_io *io;

    while ((io = io_queue_take(&d->submitted)) != NULL) {
        if (left < FILE_READ_NOW_BYTES ||
            !file_medium_read_now(&d->medium, io)) {
            io_queue_put(&rest, io);
            continue;
        }
        left -= io->nr_sectors << SPLITIO_DISK_SECTOR_SHIFT;
        io_set_status(io, 0);
        io_queue_put(&d->delivering, io);
    }
    d->submitted = rest;
}

/* Hand over what was submitted. The number of threads it takes. */
static unsigned hand_over(struct splitio_disk_file *d)
{
    struct splitio_disk_io *io;
    unsigned nr;

    while ((io = io_queue_take(&d->submitted)) != NULL)
        io_queue_put(is_of_writes(d, io) ? &d->writes : &d->waiting, io);
    nr = d->waiting.nr + (d->writes.nr && !d->nr_writers);
    /* Those that are not idle look again before they wait. */
    return nr < d->nr_idle ? nr : d->nr_idle;
}

static void file_kick(void *ctx)
{
    struct splitio_disk_file *d = ctx;
    unsigned nr;

    read_now(d);
    if (d->submitted.nr == 0)
        return;
    pthread_mutex_lock(&d->lock);
    nr = hand_over(d);
    pthread_mutex_unlock(&d->lock);
    while (nr--)
        pthread_cond_signal(&d->work);
}

static int file_poll(void *ctx, unsigned budget)
{
    struct splitio_disk_file *d = ctx;
    int n;

    /* All, even if the budget leaves some: the wake for those in `finished` may
     * be the one that has led here. */
    pthread_mutex_lock(&d->lock);
    io_queue_move(&d->delivering, &d->finished);
    pthread_mutex_unlock(&d->lock);
    /* done() may submit, so the places are free before it is called. */
    d->nr_held -= budget < d->delivering.nr ? budget : d->delivering.nr;
    n = io_queue_deliver(&d->delivering, budget);
    if (d->delivering.nr && d->cfg.wake)
        d->cfg.wake(d->cfg.wake_arg); /* the budget left some */
    return n;
}

static const struct splitio_disk_ops file_ops = {
    .info = file_info,
    .submit = file_submit,
    .kick = file_kick,
    .poll = file_poll,
};

static unsigned bounded(unsigned value, unsigned otherwise, unsigned max)
{
    if (value == 0)
        value = otherwise;
    return value < max ? value : max;
}

static void stop(struct splitio_disk_file *d)
{
    pthread_mutex_lock(&d->lock);
    d->stopping = true;
    pthread_mutex_unlock(&d->lock);
    pthread_cond_broadcast(&d->work);
    while (d->nr_threads)
        pthread_join(d->threads[--d->nr_threads], NULL);
}

/* Signals are the owner's business: the threads block them all. */
static int start(struct splitio_disk_file *d, unsigned nr)
{
    sigset_t all, before;
    int err = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (d->nr_threads < nr && !err) {
        err = pthread_create(&d->threads[d->nr_threads], NULL, serve, d);
        if (!err)
            (void)pthread_setname_np(d->threads[d->nr_threads++],
                                     "splitio-disk");
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err)
        stop(d);
    return err ? SPLITIO_ENOMEM : 0;
}

int splitio_disk_file_open(struct splitio_disk_file **disk,
                           const struct splitio_disk_file_config *cfg,
                           char *reason, size_t reason_bytes)
{
    const struct file_reason r = {cfg->path, reason, reason_bytes};
    struct splitio_disk_file *d = calloc(1, sizeof(*d));
    int err;

    if (!d)
        return file_say(&r, "out of memory", SPLITIO_ENOMEM);
    d->cfg = *cfg;
    d->cfg.path = NULL;
    d->cfg.queue_depth = bounded(cfg->queue_depth, DEPTH_DEFAULT, DEPTH_MAX);
    err = file_medium_open(&d->medium, cfg->read_only, &r);
    if (err)
        goto out_free;
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->work, NULL);
    err = start(d, bounded(cfg->nr_threads, THREADS_DEFAULT, THREADS_MAX));
    if (err)
        goto out_close;
    *disk = d;
    return 0;

out_close:
    (void)file_say(&r, "cannot start threads; raise the limit on processes",
                   err);
    pthread_cond_destroy(&d->work);
    pthread_mutex_destroy(&d->lock);
    file_medium_close(&d->medium);
out_free:
    free(d);
    return err;
}

struct splitio_disk splitio_disk_file_disk(struct splitio_disk_file *disk)
{
    return (struct splitio_disk){.ops = &file_ops, .ctx = disk};
}

int splitio_disk_file_fd(const struct splitio_disk_file *disk)
{
    return disk->medium.fd;
}

void splitio_disk_file_close(struct splitio_disk_file *disk)
{
    if (!disk)
        return;
    file_kick(disk);
    stop(disk);
    pthread_cond_destroy(&disk->work);
    pthread_mutex_destroy(&disk->lock);
    file_medium_close(&disk->medium);
    free(disk);
}
