/* SPDX-License-Identifier: BSD-2-Clause */
#include "blk_disk.h"

#include "cm.h"

#include <stdlib.h>
#include <string.h>

uint32_t blk_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static int disk_info(void *ctx, struct splitio_disk_info *info)
{
    const struct blk_disk *d = ctx;

    *info = d->info;
    return d->info_error;
}

static void moment(const struct blk_disk *d)
{
    if (d->moment)
        d->moment();
}

static int disk_submit(void *ctx, struct splitio_disk_io *io)
{
    struct blk_disk *d = ctx;

    moment(d);
    if (d->refusal)
        return d->refusal;
    if (d->nr_held == d->depth) {
        d->nr_eagain++;
        return SPLITIO_EAGAIN;
    }
    d->held[d->nr_held++] = io;
    return 0;
}

static void disk_kick(void *ctx)
{
    struct blk_disk *d = ctx;

    d->nr_kicks++;
}

static void transfer(struct blk_disk *d, const struct splitio_disk_io *io)
{
    uint8_t *at = d->bytes + io->sector * 512;
    uint64_t len = 0;

    for (uint32_t i = 0; i < io->nr_iov; i++) {
        if (io->op == SPLITIO_DISK_READ)
            memcpy(io->iov[i].base, at, io->iov[i].len_bytes);
        else
            memcpy(at, io->iov[i].base, io->iov[i].len_bytes);
        at += io->iov[i].len_bytes;
        len += io->iov[i].len_bytes;
    }
    assert_true(len == io->nr_sectors * 512);
    if (io->nr_iov > d->nr_iov_max)
        d->nr_iov_max = io->nr_iov;
}

static int carry_out(struct blk_disk *d, const struct splitio_disk_io *io)
{
    if (d->on_io)
        d->on_io(d->arg, io);
    if (d->fail_ops & (1 << io->op))
        return d->fail_status;
    if (io->op == SPLITIO_DISK_FLUSH) {
        d->nr_flushes++;
        return 0;
    }
    /* The back must have checked. */
    assert_true(io->sector + io->nr_sectors <= d->info.nr_sectors);
    assert_true((io->sector | io->nr_sectors) % (d->info.sector_size / 512) ==
                0);
    if (io->op == SPLITIO_DISK_DISCARD) {
        d->nr_discards++;
        d->nr_secure += (io->flags & SPLITIO_DISK_IO_SECURE) != 0;
        memset(d->bytes + io->sector * 512, 0, io->nr_sectors * 512);
        return 0;
    }
    assert_false(io->op == SPLITIO_DISK_WRITE &&
                 (d->info.flags & SPLITIO_DISK_READ_ONLY));
    transfer(d, io);
    return 0;
}

static int disk_poll(void *ctx, unsigned budget)
{
    struct blk_disk *d = ctx;
    unsigned n = 0;

    while (n < budget && d->nr_held && !d->stuck) {
        unsigned i = d->shuffled ? blk_random(&d->random) % d->nr_held : 0;
        struct splitio_disk_io *io = d->held[i];
        int status;

        memmove(&d->held[i], &d->held[i + 1],
                (d->nr_held - i - 1) * sizeof(d->held[0]));
        d->nr_held--;
        status = carry_out(d, io);
        moment(d);
        io->done(io, status);
        moment(d);
        d->nr_done++;
        n++;
        if (d->shuffled && blk_random(&d->random) % 3 == 0)
            break;
    }
    return (int)n;
}

static const struct splitio_disk_ops disk_ops = {
    .info = disk_info,
    .submit = disk_submit,
    .kick = disk_kick,
    .poll = disk_poll,
};

void blk_disk_init(struct blk_disk *d, uint64_t nr_sectors,
                   uint32_t sector_size)
{
    memset(d, 0, sizeof(*d));
    d->info = (struct splitio_disk_info){
        .nr_sectors = nr_sectors,
        .sector_size = sector_size,
        .physical_sector_size = 4096,
        .discard_granularity = sector_size,
        .flags = SPLITIO_DISK_FLUSHES | SPLITIO_DISK_DISCARDS |
                 SPLITIO_DISK_DISCARDS_SECURELY,
    };
    d->bytes = calloc(nr_sectors, 512);
    assert_non_null(d->bytes);
    d->depth = BLK_DISK_DEPTH_MAX;
    d->fail_status = SPLITIO_EIO;
    d->shuffled = true;
    d->random = 1;
}

void blk_disk_fini(struct blk_disk *d)
{
    assert_int_equal(d->nr_held, 0);
    free(d->bytes);
}

struct splitio_disk blk_disk_disk(struct blk_disk *d)
{
    return (struct splitio_disk){.ops = &disk_ops, .ctx = d};
}

void blk_disk_forget(struct blk_disk *d)
{
    d->nr_held = 0;
}
