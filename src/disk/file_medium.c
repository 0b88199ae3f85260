/* SPDX-License-Identifier: BSD-2-Clause */
/* The medium under the file engine: opening it, and doing one request. */
#include "file.h"

#include <splitio/arch.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define IOV_BATCH 64u

static int say(char *reason, size_t bytes, const char *path, const char *why,
               int err)
{
    snprintf(reason, bytes, "disk image %s: %s", path, why);
    return err;
}

void file_medium_no_threads(const char *path, char *reason, size_t reason_bytes)
{
    (void)say(reason, reason_bytes, path,
              "cannot start threads; raise the limit on processes",
              SPLITIO_ENOMEM);
}

static int say_errno(char *reason, size_t bytes, const char *path,
                     bool read_only)
{
    switch (errno) {
    case ENOENT:
        return say(reason, bytes, path, "no such file; create it first",
                   SPLITIO_ENOENT);
    case EACCES:
    case EPERM:
    case EROFS:
        return say(reason, bytes, path,
                   read_only ? "no permission to read it"
                             : "no permission to write it; export it with "
                               "readonly=yes or change its mode",
                   SPLITIO_EACCES);
    case EISDIR:
        return say(reason, bytes, path,
                   "is a directory, not a file or block device",
                   SPLITIO_EINVAL);
    default:
        return say(reason, bytes, path, strerror(errno), SPLITIO_EIO);
    }
}

/* Size in bytes; SPLITIO_E* if it cannot be had. */
static int64_t size_of(const struct file_medium *m)
{
    struct stat st;
    uint64_t bytes;

    if (m->is_device)
        return ioctl(m->fd, BLKGETSIZE64, &bytes) ? SPLITIO_EIO
                                                  : (int64_t)bytes;
    return fstat(m->fd, &st) ? SPLITIO_EIO : (int64_t)st.st_size;
}

static void learn_sectors(struct file_medium *m)
{
    int logical;
    unsigned physical;

    m->sector_size = m->physical_sector_size = SPLITIO_DISK_SECTOR_SIZE;
    if (!m->is_device)
        return;
    if (ioctl(m->fd, BLKSSZGET, &logical) == 0 && logical > 0)
        m->sector_size = (uint32_t)logical;
    if (ioctl(m->fd, BLKPBSZGET, &physical) == 0)
        m->physical_sector_size = physical;
}

static int check(struct file_medium *m, const char *path, char *reason,
                 size_t bytes)
{
    struct stat st;
    int64_t size;

    if (fstat(m->fd, &st))
        return say_errno(reason, bytes, path, m->read_only);
    m->is_device = S_ISBLK(st.st_mode);
    if (!m->is_device && !S_ISREG(st.st_mode))
        return say(reason, bytes, path,
                   S_ISDIR(st.st_mode)
                       ? "is a directory, not a file or block device"
                       : "is neither a file nor a block device",
                   SPLITIO_EINVAL);
    size = size_of(m);
    if (size <= 0 || size % SPLITIO_DISK_SECTOR_SIZE)
        return say(reason, bytes, path,
                   "its size must be a multiple of 512 bytes, and not 0; "
                   "use truncate -s to round it up",
                   SPLITIO_EINVAL);
    if (flock(m->fd, (m->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB))
        return say(reason, bytes, path,
                   "in use by another process; stop that one, or export it "
                   "read-only from both",
                   SPLITIO_EBUSY);
    learn_sectors(m);
    return 0;
}

int file_medium_open(struct file_medium *m, const char *path, bool read_only,
                     char *reason, size_t reason_bytes)
{
    int err;

    memset(m, 0, sizeof(*m));
    m->read_only = read_only;
    /* Not blocking: a FIFO must not hold the caller up. */
    m->fd =
        open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
    if (m->fd < 0)
        return say_errno(reason, reason_bytes, path, read_only);
    err = check(m, path, reason, reason_bytes);
    if (err)
        close(m->fd);
    return err;
}

void file_medium_close(struct file_medium *m)
{
    close(m->fd);
}

int file_medium_info(struct file_medium *m, struct splitio_disk_info *info)
{
    int64_t size = size_of(m);

    if (size < 0)
        return SPLITIO_EIO;
    *info = (struct splitio_disk_info){
        .nr_sectors = (uint64_t)size >> SPLITIO_DISK_SECTOR_SHIFT,
        .sector_size = m->sector_size,
        .physical_sector_size = m->physical_sector_size,
        .discard_granularity = m->read_only ? 0 : 4096,
        .flags = SPLITIO_DISK_FLUSHES | (m->read_only ? SPLITIO_DISK_READ_ONLY
                                                      : SPLITIO_DISK_DISCARDS),
    };
    return 0;
}

static int map_errno(void)
{
    switch (errno) {
    case ENOSPC:
    case EDQUOT:
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

/* A failed sync may have dropped the pages, and a later one would succeed
 * without them: so none ever succeeds again. */
static int flush(struct file_medium *m)
{
    if (splitio_load_acquire_u32(&m->sync_failed))
        return SPLITIO_EIO;
    if (fdatasync(m->fd) == 0)
        return splitio_load_acquire_u32(&m->sync_failed) ? SPLITIO_EIO : 0;
    if (errno == EROFS || errno == EINVAL)
        return 0; /* nothing to sync on such a medium */
    splitio_store_release_u32(&m->sync_failed, 1);
    return SPLITIO_EIO;
}

static int discard(struct file_medium *m, const struct splitio_disk_io *io)
{
    uint64_t range[2] = {io->sector << SPLITIO_DISK_SECTOR_SHIFT,
                         io->nr_sectors << SPLITIO_DISK_SECTOR_SHIFT};
    int err;

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
 * and a write must not make the file grow again. */
static bool is_inside(const struct file_medium *m,
                      const struct splitio_disk_io *io)
{
    int64_t size = size_of(m);
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
