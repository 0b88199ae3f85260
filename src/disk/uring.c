/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk in a file, through io_uring: reads and writes. */
#include "uring.h"

#include "queue.h"

#include <stdio.h>
#include <stdlib.h>

#define DEPTH_DEFAULT 256u
#define DEPTH_MAX     4096u
#define REAP_BATCH    32u

/* Longest that an answer of the ring can tell. */
#define BYTES_MAX (1u << 30)

struct splitio_disk_uring {
    struct uring ring;
    struct splitio_disk_file *file;
    struct splitio_disk inner;
    struct splitio_disk_uring_config cfg;
    struct io_queue redo; /* the ring's trouble, not yet the inner engine's */
    unsigned nr_ring;     /* in the ring or in redo */
    unsigned nr_inner;    /* the inner engine's: done() not called yet */
    bool inner_kick;
    bool unsent;         /* the kernel did not take all that was put */
    uint64_t nr_sectors; /* 0: not asked since the last kick */
};

static int uring_info(void *ctx, struct splitio_disk_info *info)
{
    struct splitio_disk_uring *d = ctx;

    return d->inner.ops->info(d->inner.ctx, info);
}

/* A write must not make a file grow again that has shrunk. The size is asked
 * once a batch. */
static bool is_inside(struct splitio_disk_uring *d,
                      const struct splitio_disk_io *io)
{
    struct splitio_disk_info info;

    if (d->nr_sectors == 0 && uring_info(d, &info) == 0)
        d->nr_sectors = info.nr_sectors;
    return io->sector <= d->nr_sectors &&
           io->nr_sectors <= d->nr_sectors - io->sector;
}

static bool is_for_ring(struct splitio_disk_uring *d,
                        const struct splitio_disk_io *io)
{
    if (io->nr_iov == 0 || io->nr_iov > URING_PIECES_MAX ||
        io->nr_sectors > BYTES_MAX >> SPLITIO_DISK_SECTOR_SHIFT)
        return false;
    if (io->op == SPLITIO_DISK_READ)
        return true;
    return io->op == SPLITIO_DISK_WRITE && !d->cfg.read_only &&
           !(io->flags & SPLITIO_DISK_IO_FUA) && is_inside(d, io);
}

static int give_inner(struct splitio_disk_uring *d, struct splitio_disk_io *io)
{
    int err = d->inner.ops->submit(d->inner.ctx, io);

    if (err)
        return err;
    d->nr_inner++;
    d->inner_kick = true;
    return 0;
}

static int uring_submit(void *ctx, struct splitio_disk_io *io)
{
    struct splitio_disk_uring *d = ctx;

    if (d->nr_ring + d->nr_inner >= d->cfg.queue_depth)
        return SPLITIO_EAGAIN;
    if (!is_for_ring(d, io))
        return give_inner(d, io);
    d->nr_ring++;
    uring_put(&d->ring, io);
    return 0;
}

/* To the inner engine what the ring has not carried out. */
static void pass_on(struct splitio_disk_uring *d)
{
    struct splitio_disk_io *io;

    while ((io = io_queue_take(&d->redo)) != NULL) {
        if (give_inner(d, io)) {
            io_queue_put(&d->redo, io); /* any order will do */
            break;
        }
        d->nr_ring--;
    }
    if (d->inner_kick)
        d->inner.ops->kick(d->inner.ctx);
    d->inner_kick = false;
}

static void uring_kick(void *ctx)
{
    struct splitio_disk_uring *d = ctx;

    /* What the kernel has no memory for now is tried again by the next poll. */
    d->unsent = !uring_send(&d->ring);
    if (d->unsent && d->cfg.wake)
        d->cfg.wake(d->cfg.wake_arg);
    d->nr_sectors = 0;
    pass_on(d);
}

static bool is_whole(const struct splitio_disk_io *io, int bytes)
{
    return bytes >= 0 && (uint64_t)bytes == io->nr_sectors
                                                << SPLITIO_DISK_SECTOR_SHIFT;
}

/* One answer. What has failed or was short the inner engine carries out anew,
 * and tells why, if it fails as well. True: done() has been called. */
static bool take(struct splitio_disk_uring *d, struct splitio_disk_io *io,
                 int bytes)
{
    if (!is_whole(io, bytes)) {
        io_queue_put(&d->redo, io);
        return false;
    }
    d->nr_ring--; /* first: done() may submit */
    io->done(io, 0);
    return true;
}

static int reap(struct splitio_disk_uring *d, unsigned budget)
{
    struct io_uring_cqe *cqes[REAP_BATCH];
    int n = 0;

    while ((unsigned)n < budget) {
        unsigned most = budget - (unsigned)n;
        unsigned nr = io_uring_peek_batch_cqe(
            &d->ring.ring, cqes, most < REAP_BATCH ? most : REAP_BATCH);

        if (nr == 0)
            break;
        for (unsigned i = 0; i < nr; i++)
            n += take(d, io_uring_cqe_get_data(cqes[i]), cqes[i]->res);
        io_uring_cq_advance(&d->ring.ring, nr);
    }
    return n;
}

/* Their places are free before done() is called, which may submit. Without a
 * budget too: this may be the only poll() after the inner engine's wake, which
 * then makes another. */
static int poll_inner(struct splitio_disk_uring *d, unsigned budget)
{
    unsigned most = budget < d->nr_inner ? budget : d->nr_inner;
    int n;

    if (d->nr_inner == 0)
        return 0;
    d->nr_inner -= most;
    n = d->inner.ops->poll(d->inner.ctx, most);
    d->nr_inner += most - (unsigned)n;
    return n;
}

static int uring_poll(void *ctx, unsigned budget)
{
    struct splitio_disk_uring *d = ctx;
    int n;

    if (d->unsent)
        uring_kick(d);
    n = reap(d, budget);
    pass_on(d);
    return n + poll_inner(d, budget - (unsigned)n);
}

static const struct splitio_disk_ops uring_ops = {
    .info = uring_info,
    .submit = uring_submit,
    .kick = uring_kick,
    .poll = uring_poll,
};

static int open_inner(struct splitio_disk_uring *d, const char *path,
                      char *reason, size_t reason_bytes)
{
    const struct splitio_disk_file_config cfg = {
        .path = path,
        .read_only = d->cfg.read_only,
        .nr_threads = 2, /* so that a flush does not hold up the rest */
        .queue_depth = 2 * d->cfg.queue_depth, /* so many with poll_inner() */
        .wake = d->cfg.wake,
        .wake_arg = d->cfg.wake_arg,
    };
    int err = splitio_disk_file_open(&d->file, &cfg, reason, reason_bytes);

    if (!err)
        d->inner = splitio_disk_file_disk(d->file);
    return err;
}

int splitio_disk_uring_open(struct splitio_disk_uring **disk,
                            const struct splitio_disk_uring_config *cfg,
                            char *reason, size_t reason_bytes)
{
    struct splitio_disk_uring *d = calloc(1, sizeof(*d));
    int err;

    if (!d) {
        if (reason_bytes)
            snprintf(reason, reason_bytes, "disk image %s: out of memory",
                     cfg->path);
        return SPLITIO_ENOMEM;
    }
    d->cfg = *cfg;
    d->cfg.path = NULL;
    if (d->cfg.queue_depth == 0)
        d->cfg.queue_depth = DEPTH_DEFAULT;
    if (d->cfg.queue_depth > DEPTH_MAX)
        d->cfg.queue_depth = DEPTH_MAX;
    err = open_inner(d, cfg->path, reason, reason_bytes);
    if (err)
        goto out_free;
    err = uring_open(&d->ring, d->cfg.queue_depth,
                     splitio_disk_file_fd(d->file), cfg, reason, reason_bytes);
    if (err)
        goto out_close;
    *disk = d;
    return 0;

out_close:
    splitio_disk_file_close(d->file);
out_free:
    free(d);
    return err;
}

struct splitio_disk splitio_disk_uring_disk(struct splitio_disk_uring *disk)
{
    return (struct splitio_disk){.ops = &uring_ops, .ctx = disk};
}

int splitio_disk_uring_fd(const struct splitio_disk_uring *disk)
{
    return disk->ring.ring.ring_fd;
}

int splitio_disk_uring_memory_add(struct splitio_disk_uring *disk, void *base,
                                  size_t bytes)
{
    return uring_region_add(&disk->ring, base, bytes);
}

void splitio_disk_uring_memory_remove(struct splitio_disk_uring *disk,
                                      void *base)
{
    uring_region_remove(&disk->ring, base);
}

/* Wait for the ring. The inner engine finishes what it has when it is closed. */
static void drain(struct splitio_disk_uring *d)
{
    while (d->nr_ring > d->redo.nr) {
        struct splitio_disk_io *io;
        struct io_uring_cqe *cqe;

        (void)uring_send(&d->ring);
        if (io_uring_wait_cqe(&d->ring.ring, &cqe))
            continue;
        io = io_uring_cqe_get_data(cqe);
        if (is_whole(io, cqe->res))
            d->nr_ring--;
        else
            io_queue_put(&d->redo, io);
        io_uring_cqe_seen(&d->ring.ring, cqe);
    }
    pass_on(d);
}

void splitio_disk_uring_close(struct splitio_disk_uring *disk)
{
    if (!disk)
        return;
    drain(disk);
    uring_close(&disk->ring);
    splitio_disk_file_close(disk->file);
    free(disk);
}
