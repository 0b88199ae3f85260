/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk that reads as zeroes and forgets what is written. */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

struct splitio_disk_null {
    uint64_t nr_sectors;
    struct io_queue finished;
};

static int null_info(void *ctx, struct splitio_disk_info *info)
{
    const struct splitio_disk_null *d = ctx;

    *info = (struct splitio_disk_info){
        .nr_sectors = d->nr_sectors,
        .sector_size = SPLITIO_DISK_SECTOR_SIZE,
        .physical_sector_size = SPLITIO_DISK_SECTOR_SIZE,
        .discard_granularity = SPLITIO_DISK_SECTOR_SIZE,
        .flags = SPLITIO_DISK_FLUSHES | SPLITIO_DISK_DISCARDS,
    };
    return 0;
}

static int null_submit(void *ctx, struct splitio_disk_io *io)
{
    struct splitio_disk_null *d = ctx;

    if (io->op == SPLITIO_DISK_READ)
        for (uint32_t i = 0; i < io->nr_iov; i++)
            memset(io->iov[i].base, 0, io->iov[i].len_bytes);
    io_set_status(io, 0);
    io_queue_put(&d->finished, io);
    return 0;
}

static void null_kick(void *ctx)
{
    (void)ctx;
}

static int null_poll(void *ctx, unsigned budget)
{
    struct splitio_disk_null *d = ctx;

    return io_queue_deliver(&d->finished, budget);
}

static const struct splitio_disk_ops null_ops = {
    .info = null_info,
    .submit = null_submit,
    .kick = null_kick,
    .poll = null_poll,
};

struct splitio_disk_null *splitio_disk_null_new(uint64_t nr_sectors)
{
    struct splitio_disk_null *d = calloc(1, sizeof(*d));

    if (d)
        d->nr_sectors = nr_sectors;
    return d;
}

struct splitio_disk splitio_disk_null_disk(struct splitio_disk_null *disk)
{
    return (struct splitio_disk){.ops = &null_ops, .ctx = disk};
}

void splitio_disk_null_free(struct splitio_disk_null *disk)
{
    free(disk);
}
