/* SPDX-License-Identifier: BSD-2-Clause */
/* The disk: what is on it, and whether it keeps what is written. */
#include "unikernel.h"

#define LINE_BYTES 32u /* of what is written */

static uint8_t memory[32768] __attribute__((aligned(SPLITIO_PAGE_SIZE)));
static uint8_t data[DISK_BYTES], written[DISK_BYTES];

/* POSIX's, so that `cksum` on the host says the same. */
static uint32_t cksum(const uint8_t *bytes, uint32_t nr)
{
    uint32_t sum = 0, rest = nr;

    for (uint32_t i = 0; i < nr || rest > 0; i++) {
        uint8_t byte = i < nr ? bytes[i] : (uint8_t)rest;

        if (i >= nr)
            rest >>= 8;
        sum ^= (uint32_t)byte << 24;
        for (unsigned bit = 0; bit < 8; bit++)
            sum = sum & UINT32_C(0x80000000) ? sum << 1 ^ 0x04C11DB7 : sum << 1;
    }
    return ~sum;
}

static void put_decimal(uint8_t *to, uint32_t n, unsigned digits)
{
    for (; digits > 0; n /= 10)
        to[--digits] = (uint8_t)('0' + n % 10);
}

/* "splitio sector 00000128 line 07\n": whose text says where it lies. */
static void fill(uint8_t *to, uint32_t sector)
{
    for (uint32_t at = 0; at < DISK_BYTES; at += LINE_BYTES) {
        __builtin_memcpy(to + at, "splitio sector ........ line ..\n",
                         LINE_BYTES);
        put_decimal(to + at + 15, sector + at / 512, 8);
        put_decimal(to + at + 29, at % 512 / LINE_BYTES, 2);
    }
}

static void on_done(struct splitio_blk_io *io, int status)
{
    struct disk *d = SPLITIO_CONTAINER_OF(io, struct disk, io);

    d->status = status;
    d->answered = true;
}

static void prepare(struct disk *d, enum splitio_blk_op op, uint8_t *bytes,
                    uint64_t sector)
{
    d->iov = (struct splitio_iovec){bytes, DISK_BYTES};
    d->io = (struct splitio_blk_io){
        .op = op,
        .sector = sector,
        .iov = &d->iov,
        .nr_iov = bytes ? 1 : 0,
        .done = on_done,
    };
    d->submitted = d->answered = false;
}

static void end(struct disk *d, const char *failed_at, int err)
{
    if (err)
        say_error(d->bm, failed_at, err);
    d->failed = err != 0;
    d->step = DISK_IS_DONE;
}

int disk_open(struct disk *d, struct splitio_baremetal *bm)
{
    char dir[SPLITIO_XENBUS_DIR_MAX];
    const struct splitio_blkfront_config cfg = {
        .port = splitio_baremetal_port(bm),
        .store = splitio_baremetal_store(bm),
        .dir = dir,
        .max_queues = 1,
        .max_segs = 11,
        .pool_pages = 32,
    };
    int err = ask_device(bm, "vbd", dir);

    d->bm = bm;
    if (err == SPLITIO_ENOENT) {
        say_text(bm, "disk: there is none");
        d->step = DISK_IS_DONE;
        return 0;
    }
    d->exists = !err;
    return err ? err
               : splitio_blkfront_init(&d->front, &cfg, memory, sizeof(memory));
}

static void connected(struct disk *d)
{
    const struct splitio_blkfront_info *info =
        splitio_blkfront_get_info(&d->front);
    struct line l = {0};

    add_text(&l, "disk: ");
    add_number(&l, info->nr_sectors);
    add_text(&l, " sectors, connected ");
    add_age(&l, d->bm);
    say(d->bm, &l);
    prepare(d, SPLITIO_BLK_READ, data, 0);
    d->step = DISK_SUMS;
}

static void summed(struct disk *d)
{
    uint32_t flags = splitio_blkfront_get_info(&d->front)->flags;
    struct line l = {0};

    add_text(&l, "disk: the first 65536 bytes have the cksum ");
    add_number(&l, cksum(data, DISK_BYTES));
    say(d->bm, &l);
    if (flags & SPLITIO_BLKFRONT_READ_ONLY) {
        say_text(d->bm, "disk: is read-only");
        end(d, NULL, 0);
        return;
    }
    fill(written, DISK_SECTORS);
    prepare(d, SPLITIO_BLK_WRITE, written, DISK_SECTORS);
    d->step = DISK_WRITES;
}

static void wrote(struct disk *d)
{
    uint32_t flags = splitio_blkfront_get_info(&d->front)->flags;

    if (flags & SPLITIO_BLKFRONT_FLUSHES) {
        prepare(d, SPLITIO_BLK_FLUSH, NULL, 0);
        d->step = DISK_FLUSHES;
    } else {
        prepare(d, SPLITIO_BLK_READ, data, DISK_SECTORS);
        d->step = DISK_READS_BACK;
    }
}

static void was_read_back(struct disk *d)
{
    if (__builtin_memcmp(data, written, DISK_BYTES) != 0) {
        end(d, "disk: what was written was not read back", SPLITIO_EIO);
        return;
    }
    say_text(d->bm, "disk: the second 65536 bytes were written, and read back");
    end(d, NULL, 0);
}

static void next_step(struct disk *d)
{
    switch (d->step) {
    case DISK_SUMS:
        summed(d);
        return;
    case DISK_WRITES:
        wrote(d);
        return;
    case DISK_FLUSHES:
        prepare(d, SPLITIO_BLK_READ, data, DISK_SECTORS);
        d->step = DISK_READS_BACK;
        return;
    default:
        was_read_back(d);
    }
}

static void go_on(struct disk *d)
{
    int err;

    if (d->step == DISK_CONNECTS && splitio_blkfront_is_up(&d->front))
        connected(d);
    if (d->step == DISK_CONNECTS || d->step == DISK_IS_DONE)
        return;
    if (!d->submitted) {
        err = splitio_blkfront_submit(&d->front, &d->io);
        d->submitted = !err;
        if (err && err != SPLITIO_EAGAIN)
            end(d, "disk: a request is refused", err);
        splitio_blkfront_kick(&d->front);
    } else if (d->answered && d->status) {
        end(d, "disk: a request failed", d->status);
    } else if (d->answered) {
        next_step(d);
        go_on(d);
    }
}

int disk_poll(struct disk *d)
{
    int n;

    if (!d->exists)
        return 0;
    n = splitio_blkfront_poll(&d->front, 64);
    go_on(d);
    return n;
}
