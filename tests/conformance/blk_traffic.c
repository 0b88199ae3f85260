/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of every kind that was agreed on, and of those that were not. */
#include "blk.h"

#include <string.h>

static struct blk_one *new_one(struct rig *r)
{
    struct blk_rig *b = blk_of(r);
    struct blk_one *one = &b->ones[b->nr_ones++ % BLK_ONES];

    memset(one, 0, sizeof(*one));
    one->io.iov = one->iov;
    return one;
}

static void on_done(struct splitio_blk_io *io, int status)
{
    struct blk_one *one = SPLITIO_CONTAINER_OF(io, struct blk_one, io);

    one->status = status;
    one->done = true;
}

/* What became of it; SPLITIO_EBUSY: it was never done. */
static int do_one(struct rig *r, struct blk_one *one)
{
    struct blk_rig *b = blk_of(r);
    int err = SPLITIO_EAGAIN;

    one->io.done = on_done;
    one->done = false;
    for (unsigned i = 0; i < 100 && err == SPLITIO_EAGAIN; i++) {
        err = splitio_blkfront_submit(&b->front, &one->io);
        splitio_blkfront_kick(&b->front);
        if (!rig_run(r, BOTH))
            return SPLITIO_EBUSY;
    }
    if (err)
        return err;
    return one->done ? one->status : SPLITIO_EBUSY;
}

static uint8_t *place(struct rig *r, const struct blk_one *one)
{
    return blk_of(r)->disk.bytes + one->io.sector * 512;
}

static bool write_and_check(struct rig *r, struct blk_one *one, uint8_t *buf,
                            size_t len)
{
    bool read_only = splitio_blkfront_get_info(&blk_of(r)->front)->flags &
                     SPLITIO_BLKFRONT_READ_ONLY;
    int err;

    for (size_t i = 0; i < len; i++)
        buf[i] = (uint8_t)blk_random(&r->random);
    one->io.op = SPLITIO_BLK_WRITE;
    err = do_one(r, one);
    if (read_only)
        return err == SPLITIO_EROFS ||
               rig_fail(r, "writing %zu bytes, read-only: %d", len, err);
    if (err)
        return rig_fail(r, "writing %zu bytes: %d", len, err);
    return memcmp(place(r, one), buf, len) == 0 ||
           rig_fail(r, "%zu bytes on the disk are not those written", len);
}

static bool read_and_check(struct rig *r, struct blk_one *one, uint8_t *buf,
                           size_t len)
{
    int err;

    for (size_t i = 0; i < len; i += 61)
        place(r, one)[i] ^= 0x5a;
    memset(buf, 0xA5, len);
    one->io.op = SPLITIO_BLK_READ;
    err = do_one(r, one);
    if (err)
        return rig_fail(r, "reading %zu bytes: %d", len, err);
    return memcmp(place(r, one), buf, len) == 0 ||
           rig_fail(r, "%zu bytes read are not those on the disk", len);
}

/* Both ways; the buffer begins at this place in a page. */
static bool data(struct rig *r, unsigned nr_units, size_t offset)
{
    uint32_t unit = splitio_blkfront_get_info(&blk_of(r)->front)->sector_size;
    size_t len = (size_t)nr_units * unit;
    uint8_t *buf = r->w->data + offset;
    size_t first = offset == 0 ? len : len / 3;
    struct blk_one *one = new_one(r);

    one->iov[0] = (struct splitio_iovec){buf, first};
    one->iov[1] = (struct splitio_iovec){buf + first, len - first};
    one->io.nr_iov = offset == 0 ? 1 : 2;
    one->io.queue = (uint16_t)(nr_units + (offset != 0));
    one->io.sector = blk_random(&r->random) % (BLK_SECTORS - len / 512 + 1);
    one->io.sector -= one->io.sector % (unit / 512);
    return write_and_check(r, one, buf, len) &&
           read_and_check(r, one, buf, len);
}

static bool flush(struct rig *r)
{
    struct blk_rig *b = blk_of(r);
    bool offered =
        splitio_blkfront_get_info(&b->front)->flags & SPLITIO_BLKFRONT_FLUSHES;
    struct blk_one *one = new_one(r);
    unsigned before = b->disk.nr_flushes;
    int err;

    if (!b->flushes)
        return true;
    one->io.op = SPLITIO_BLK_FLUSH;
    err = do_one(r, one);
    if (!offered)
        return err == SPLITIO_EOPNOTSUPP ||
               rig_fail(r, "a flush that was not offered: %d", err);
    return (err == 0 && b->disk.nr_flushes == before + 1) ||
           rig_fail(r, "a flush: %d", err);
}

/* With data, and without. */
static bool barrier(struct rig *r)
{
    struct blk_rig *b = blk_of(r);
    uint32_t flags = splitio_blkfront_get_info(&b->front)->flags;
    uint32_t unit = splitio_blkfront_get_info(&b->front)->sector_size;
    struct blk_one *one = new_one(r);
    int err;

    if (!b->barriers)
        return true;
    memset(r->w->data, 0x3c, unit);
    one->io.op = SPLITIO_BLK_BARRIER;
    one->iov[0] = (struct splitio_iovec){r->w->data, unit};
    one->io.nr_iov = 1;
    one->io.sector = 8;
    err = do_one(r, one);
    if (flags & SPLITIO_BLKFRONT_READ_ONLY)
        return err == SPLITIO_EROFS || err == SPLITIO_EOPNOTSUPP ||
               rig_fail(r, "a barrier, read-only: %d", err);
    if (!(flags & SPLITIO_BLKFRONT_BARRIERS))
        return err == SPLITIO_EOPNOTSUPP ||
               rig_fail(r, "a barrier that was not offered: %d", err);
    if (err || memcmp(place(r, one), r->w->data, unit) != 0)
        return rig_fail(r, "a barrier with data: %d", err);
    one->io.nr_iov = 0;
    err = do_one(r, one);
    return err == 0 || rig_fail(r, "a barrier without data: %d", err);
}

static bool discard(struct rig *r, bool secure)
{
    struct blk_rig *b = blk_of(r);
    uint32_t flags = splitio_blkfront_get_info(&b->front)->flags;
    uint32_t need =
        SPLITIO_BLKFRONT_DISCARDS | (secure ? SPLITIO_BLKFRONT_SECURE : 0);
    struct blk_one *one = new_one(r);
    int err;

    if (!b->discards || (secure && !b->secure))
        return true;
    one->io.op = SPLITIO_BLK_DISCARD;
    one->io.secure = secure;
    one->io.sector = 8;
    one->io.nr_sectors = 80;
    err = do_one(r, one);
    if ((flags & need) != need)
        return err == SPLITIO_EOPNOTSUPP || err == SPLITIO_EROFS ||
               rig_fail(r, "a discard that was not offered: %d", err);
    if (err)
        return rig_fail(r, "a discard: %d", err);
    for (size_t i = 0; i < 80 * 512; i++)
        if (place(r, one)[i] != 0)
            return rig_fail(r, "what was discarded is still there");
    return true;
}

static uint64_t nr_failed(const struct blk_rig *b)
{
    return b->back.stats.nr_refused + b->back.stats.nr_failed +
           b->front.stats.nr_failed;
}

bool blk_traffic(struct rig *r)
{
    /* Sectors: the slot's own segments are 11, an indirect request has more. */
    static const unsigned nr_units[] = {1, 3, 8};
    struct blk_rig *b = blk_of(r);
    uint64_t failed = nr_failed(b);
    uint32_t unit = splitio_blkfront_get_info(&b->front)->sector_size;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(nr_units); i++)
        if (!data(r, nr_units[i], 0) || !data(r, nr_units[i], 100))
            return false;
    if (!data(r, 12 * 4096 / unit - (unit < 4096), 0) ||
        !data(r, 60 * 4096 / unit, 512 + 4))
        return false;
    if (nr_failed(b) != failed)
        return rig_fail(r, "requests failed");
    return flush(r) && barrier(r) && discard(r, false) && discard(r, true);
}
