/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk in memory. */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

struct splitio_disk_memory {
    uint8_t *bytes;
    void *own; /* the bytes, unless they are the caller's */
    uint64_t nr_sectors;
    bool read_only;
    struct io_queue submitted, finished;
};

static int memory_info(void *ctx, struct splitio_disk_info *info)
{
    const struct splitio_disk_memory *d = ctx;

    *info = (struct splitio_disk_info){
        .nr_sectors = d->nr_sectors,
        .sector_size = SPLITIO_DISK_SECTOR_SIZE,
        .physical_sector_size = SPLITIO_DISK_SECTOR_SIZE,
        .discard_granularity = SPLITIO_DISK_SECTOR_SIZE,
        .flags = SPLITIO_DISK_FLUSHES | SPLITIO_DISK_DISCARDS |
                 (d->read_only ? SPLITIO_DISK_READ_ONLY : 0),
    };
    return 0;
}

/* Pieces that are longer than the request told are a bug of the caller's, which
 * must not become one of memory. */
static int transfer(uint8_t *at, const struct splitio_disk_io *io)
{
    uint64_t left = io->nr_sectors << SPLITIO_DISK_SECTOR_SHIFT;

    for (uint32_t i = 0; i < io->nr_iov; i++) {
        const struct splitio_iovec *piece = &io->iov[i];

        if (piece->len_bytes > left)
            return SPLITIO_EINVAL;
        if (io->op == SPLITIO_DISK_READ)
            memcpy(piece->base, at, piece->len_bytes);
        else
            memcpy(at, piece->base, piece->len_bytes);
        at += piece->len_bytes;
        left -= piece->len_bytes;
    }
    return left ? SPLITIO_EINVAL : 0;
}

static int carry_out(struct splitio_disk_memory *d,
                     const struct splitio_disk_io *io)
{
    uint8_t *at;

    if (io->op == SPLITIO_DISK_FLUSH)
        return 0;
    if (io->sector > d->nr_sectors ||
        io->nr_sectors > d->nr_sectors - io->sector)
        return SPLITIO_EIO;
    if (io->op != SPLITIO_DISK_READ && d->read_only)
        return SPLITIO_EROFS;
    at = d->bytes + (io->sector << SPLITIO_DISK_SECTOR_SHIFT);
    if (io->op != SPLITIO_DISK_DISCARD)
        return transfer(at, io);
    memset(at, 0, (size_t)(io->nr_sectors << SPLITIO_DISK_SECTOR_SHIFT));
    return 0;
}

static int memory_submit(void *ctx, struct splitio_disk_io *io)
{
    struct splitio_disk_memory *d = ctx;

    io_queue_put(&d->submitted, io);
    return 0;
}

static void memory_kick(void *ctx)
{
    struct splitio_disk_memory *d = ctx;
    struct splitio_disk_io *io;

    while ((io = io_queue_take(&d->submitted)) != NULL) {
        io_set_status(io, carry_out(d, io));
        io_queue_put(&d->finished, io);
    }
}

static int memory_poll(void *ctx, unsigned budget)
{
    struct splitio_disk_memory *d = ctx;

    return io_queue_deliver(&d->finished, budget);
}

static const struct splitio_disk_ops memory_ops = {
    .info = memory_info,
    .submit = memory_submit,
    .kick = memory_kick,
    .poll = memory_poll,
};

struct splitio_disk_memory *
splitio_disk_memory_over(void *bytes, uint64_t nr_sectors, bool read_only)
{
    struct splitio_disk_memory *d;

    if (nr_sectors == 0 || nr_sectors > SIZE_MAX >> SPLITIO_DISK_SECTOR_SHIFT)
        return NULL;
    d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    if (!bytes)
        bytes = d->own = calloc((size_t)nr_sectors, SPLITIO_DISK_SECTOR_SIZE);
    d->bytes = bytes;
    d->nr_sectors = nr_sectors;
    d->read_only = read_only;
    if (d->bytes)
        return d;
    free(d);
    return NULL;
}

struct splitio_disk_memory *splitio_disk_memory_new(uint64_t nr_sectors,
                                                    bool read_only)
{
    return splitio_disk_memory_over(NULL, nr_sectors, read_only);
}

void *splitio_disk_memory_bytes(struct splitio_disk_memory *disk)
{
    return disk->bytes;
}

struct splitio_disk splitio_disk_memory_disk(struct splitio_disk_memory *disk)
{
    return (struct splitio_disk){.ops = &memory_ops, .ctx = disk};
}

void splitio_disk_memory_free(struct splitio_disk_memory *disk)
{
    if (!disk)
        return;
    free(disk->own);
    free(disk);
}
