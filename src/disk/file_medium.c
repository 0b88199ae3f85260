/* SPDX-License-Identifier: BSD-2-Clause */
/* The medium under the file engine: opening it, and what it is. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int file_say(const struct file_reason *r, const char *why, int err)
{
    if (r->bytes)
        snprintf(r->text, r->bytes, "disk image %s: %s", r->path, why);
    return err;
}

static int say_errno(const struct file_reason *r, bool read_only)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return file_say(r, "no such file; create it first", SPLITIO_ENOENT);
    case EACCES:
    case EPERM:
    case EROFS:
        return file_say(r,
                        read_only ? "no permission to read it"
                                  : "no permission to write it; export it "
                                    "with readonly=yes or change its mode",
                        SPLITIO_EACCES);
    case EBUSY:
        return file_say(r,
                        "in use: mounted, part of another device or open in "
                        "another process; end that, or export it read-only",
                        SPLITIO_EBUSY);
    case EISDIR:
        return file_say(r, "is a directory, not a file or block device",
                        SPLITIO_EINVAL);
    default:
        return file_say(r, strerror(errno), SPLITIO_EIO);
    }
}

int64_t file_medium_size(const struct file_medium *m)
{
    struct stat st;
    uint64_t bytes;

    if (m->is_device)
        return ioctl(m->fd, BLKGETSIZE64, &bytes) ? SPLITIO_EIO
                                                  : (int64_t)bytes;
    return fstat(m->fd, &st) ? SPLITIO_EIO : (int64_t)st.st_size;
}

/* A number that the kernel tells about a block device; a partition has it from
 * its disk. 0 if there is none. */
static uint32_t device_number(dev_t device, const char *name)
{
    static const char *const up[] = {"", "../"};
    char path[96], text[24] = "";
    ssize_t n;
    int fd = -1;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(up) && fd < 0; i++) {
        snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s%s", major(device),
                 minor(device), up[i], name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    return n > 0 ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static void learn_device(struct file_medium *m, dev_t device)
{
    int logical;
    unsigned physical;

    if (ioctl(m->fd, BLKSSZGET, &logical) == 0 && logical > 0)
        m->sector_size = (uint32_t)logical;
    if (ioctl(m->fd, BLKPBSZGET, &physical) == 0)
        m->physical_sector_size = physical;
    m->discard_granularity = device_number(device, "queue/discard_granularity");
    m->discard_alignment = device_number(device, "discard_alignment");
}

/* A hole behind the end changes nothing, but tells whether holes can be. */
static void learn_file(struct file_medium *m, const struct stat *st)
{
    if (!m->read_only &&
        fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  st->st_size, SPLITIO_PAGE_SIZE) == 0)
        m->discard_granularity = (uint32_t)st->st_blksize;
}

static int check_size(const struct file_medium *m, const struct file_reason *r)
{
    int64_t size = file_medium_size(m);

    if (m->sector_size != 512 && m->sector_size != 4096)
        return file_say(r, "its sectors are neither 512 nor 4096 bytes",
                        SPLITIO_EINVAL);
    if (size <= 0 || size % m->sector_size)
        return file_say(r,
                        "its size must be a multiple of 512 bytes, and not 0; "
                        "use truncate -s to round it up",
                        SPLITIO_EINVAL);
    return 0;
}

static int check(struct file_medium *m, const struct file_reason *r)
{
    struct stat st;
    int err;

    if (fstat(m->fd, &st))
        return say_errno(r, m->read_only);
    m->is_device = S_ISBLK(st.st_mode);
    if (!m->is_device && !S_ISREG(st.st_mode))
        return file_say(r,
                        S_ISDIR(st.st_mode)
                            ? "is a directory, not a file or block device"
                            : "is neither a file nor a block device",
                        SPLITIO_EINVAL);
    /* A device was opened exclusively; locks on it belong to udev. */
    if (!m->is_device &&
        flock(m->fd, (m->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB))
        return file_say(r,
                        "in use by another process; stop that one, or export "
                        "it read-only from both",
                        SPLITIO_EBUSY);
    m->sector_size = m->physical_sector_size = SPLITIO_DISK_SECTOR_SIZE;
    if (m->is_device)
        learn_device(m, st.st_rdev);
    err = check_size(m, r);
    if (!err && !m->is_device)
        learn_file(m, &st);
    return err;
}

/* Not blocking, so that a FIFO does not hold the caller up. On a block device,
 * O_EXCL without O_CREAT asks for it alone, which mounts and the kernel's own
 * users respect as well. */
static int open_flags(const char *path, bool read_only)
{
    int flags = O_CLOEXEC | O_NONBLOCK | (read_only ? O_RDONLY : O_RDWR);
    struct stat st;

    if (!read_only && stat(path, &st) == 0 && S_ISBLK(st.st_mode))
        flags |= O_EXCL;
    return flags;
}

int file_medium_open(struct file_medium *m, bool read_only,
                     const struct file_reason *r)
{
    int err;

    memset(m, 0, sizeof(*m));
    m->read_only = read_only;
    m->fd = open(r->path, open_flags(r->path, read_only));
    if (m->fd < 0)
        return say_errno(r, read_only);
    err = check(m, r);
    if (err) {
        close(m->fd);
        return err;
    }
    pthread_mutex_init(&m->sync.lock, NULL);
    pthread_cond_init(&m->sync.ended, NULL);
    return 0;
}

void file_medium_close(struct file_medium *m)
{
    pthread_cond_destroy(&m->sync.ended);
    pthread_mutex_destroy(&m->sync.lock);
    close(m->fd);
}

int file_medium_info(const struct file_medium *m,
                     struct splitio_disk_info *info)
{
    int64_t size = file_medium_size(m);

    if (size < 0)
        return SPLITIO_EIO;
    *info = (struct splitio_disk_info){
        .nr_sectors = (uint64_t)size >> SPLITIO_DISK_SECTOR_SHIFT,
        .sector_size = m->sector_size,
        .physical_sector_size = m->physical_sector_size,
        .flags = SPLITIO_DISK_FLUSHES,
    };
    if (m->read_only) {
        info->flags |= SPLITIO_DISK_READ_ONLY;
    } else if (m->discard_granularity) {
        info->flags |= SPLITIO_DISK_DISCARDS;
        info->discard_granularity = m->discard_granularity;
        info->discard_alignment = m->discard_alignment;
    }
    return 0;
}
