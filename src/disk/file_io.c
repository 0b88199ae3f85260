/* SPDX-License-Identifier: BSD-2-Clause */
/* The medium under the file engine: doing one request. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#define IOV_BATCH   64u
#define PENALTY_MAX 256u

static int map_errno(void)
{
    switch (errno) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: /* of a limit on file sizes */
        return SPLITIO_ENOSPC;
    case EOPNOTSUPP:
    case ENOTTY:
        return SPLITIO_EOPNOTSUPP;
    case EROFS:
    case EBADF:
        return SPLITIO_EROFS;
    default:
        return SPLITIO_EIO;
    }
}

/* Transfer one batch wholly. Short transfers go on where they stopped. */
static int transfer_batch(struct file_medium *m, bool is_read,
                          struct iovec *iov, int nr, off_t *at)
{
    while (nr > 0) {
        ssize_t n = is_read ? preadv(m->fd, iov, nr, *at)
                            : pwritev(m->fd, iov, nr, *at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return map_errno();
        if (n == 0)
            return SPLITIO_EIO; /* the image ends here: it has shrunk */
        *at += n;
        while (nr > 0 && (size_t)n >= iov->iov_len) {
            n -= (ssize_t)iov->iov_len;
            iov++;
            nr--;
        }
        if (nr > 0) {
            iov->iov_base = (char *)iov->iov_base + n;
            iov->iov_len -= (size_t)n;
        }
    }
    return 0;
}

static int transfer(struct file_medium *m, const struct splitio_disk_io *io)
{
    off_t at = (off_t)(io->sector << SPLITIO_DISK_SECTOR_SHIFT);
    struct iovec iov[IOV_BATCH];
    int err = 0;

    for (uint32_t done = 0; done < io->nr_iov && !err;) {
        uint32_t nr = io->nr_iov - done;

        if (nr > IOV_BATCH)
            nr = IOV_BATCH;
        for (uint32_t i = 0; i < nr; i++) {
            iov[i].iov_base = io->iov[done + i].base;
            iov[i].iov_len = io->iov[done + i].len_bytes;
        }
        err = transfer_batch(m, io->op == SPLITIO_DISK_READ, iov, (int)nr, &at);
        done += nr;
    }
    return err;
}

bool file_medium_read_now(struct file_medium *m,
                          const struct splitio_disk_io *io)
{
    uint64_t bytes = io->nr_sectors << SPLITIO_DISK_SECTOR_SHIFT;
    struct iovec iov[IOV_BATCH];

    if (io->op != SPLITIO_DISK_READ || bytes > FILE_READ_NOW_BYTES ||
        io->nr_iov > IOV_BATCH)
        return false;
    if (m->nr_skip) {
        m->nr_skip--;
        return false;
    }
    for (uint32_t i = 0; i < io->nr_iov; i++) {
        iov[i].iov_base = io->iov[i].base;
        iov[i].iov_len = io->iov[i].len_bytes;
    }
    if (preadv2(m->fd, iov, (int)io->nr_iov,
                (off_t)(io->sector << SPLITIO_DISK_SECTOR_SHIFT),
                RWF_NOWAIT) == (ssize_t)bytes) {
        m->penalty = 0;
        return true;
    }
    m->penalty = m->penalty < PENALTY_MAX ? 2 * m->penalty + 1 : PENALTY_MAX;
    m->nr_skip = m->penalty;
    return false;
}

/* Run one sync for all who have asked so far. */
static void sync_once(struct file_medium *m)
{
    struct file_sync *s = &m->sync;
    uint64_t asked = s->nr_asked;
    int err;

    s->running = true;
    pthread_mutex_unlock(&s->lock);
    do
        err = fdatasync(m->fd);
    while (err && errno == EINTR);
    if (err && errno == EINVAL)
        err = 0; /* a file system without sync; one that died says EROFS */
    pthread_mutex_lock(&s->lock);
    s->running = false;
    s->nr_covered = asked;
    if (err)
        s->failed = true;
    pthread_cond_broadcast(&s->ended);
}

/* A failed sync may have dropped the pages, and a later one would succeed
 * without them: so none ever succeeds again. The kernel tells the error to one
 * caller alone, hence only one at a time. */
static int flush(struct file_medium *m)
{
    struct file_sync *s = &m->sync;
    uint64_t mine;
    int status;

    if (m->read_only)
        return 0;
    pthread_mutex_lock(&s->lock);
    mine = ++s->nr_asked;
    while (s->nr_covered < mine && !s->failed) {
        if (s->running)
            pthread_cond_wait(&s->ended, &s->lock);
        else
            sync_once(m);
    }
    status = s->failed ? SPLITIO_EIO : 0;
    pthread_mutex_unlock(&s->lock);
    return status;
}

static int discard(struct file_medium *m, const struct splitio_disk_io *io)
{
    uint64_t range[2] = {io->sector << SPLITIO_DISK_SECTOR_SHIFT,
                         io->nr_sectors << SPLITIO_DISK_SECTOR_SHIFT};
    int err;

    if (io->nr_sectors == 0)
        return 0;
    if (m->is_device)
        err = ioctl(m->fd,
                    io->flags & SPLITIO_DISK_IO_SECURE ? BLKSECDISCARD
                                                       : BLKDISCARD,
                    range);
    else if (io->flags & SPLITIO_DISK_IO_SECURE)
        return SPLITIO_EOPNOTSUPP;
    else
        do
            err = fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                            (off_t)range[0], (off_t)range[1]);
        while (err && errno == EINTR);
    return err ? map_errno() : 0;
}

/* Requests were checked against the size they were told; it may be less now,
 * and a write must not make the file grow again. Of a device, the kernel sees to
 * that. */
static bool is_inside(const struct file_medium *m,
                      const struct splitio_disk_io *io)
{
    int64_t size = m->is_device ? INT64_MAX : file_medium_size(m);
    uint64_t sectors =
        size < 0 ? 0 : (uint64_t)size >> SPLITIO_DISK_SECTOR_SHIFT;

    return io->sector <= sectors && io->nr_sectors <= sectors - io->sector;
}

int file_medium_carry_out(struct file_medium *m,
                          const struct splitio_disk_io *io)
{
    int err;

    if (io->op == SPLITIO_DISK_FLUSH)
        return flush(m);
    if (io->op != SPLITIO_DISK_READ) {
        if (m->read_only)
            return SPLITIO_EROFS;
        if (!is_inside(m, io))
            return SPLITIO_EIO;
    }
    if (io->op == SPLITIO_DISK_DISCARD)
        return discard(m, io);
    err = transfer(m, io);
    if (!err && io->op == SPLITIO_DISK_WRITE && io->flags & SPLITIO_DISK_IO_FUA)
        err = flush(m);
    return err;
}
