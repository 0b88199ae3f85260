/* SPDX-License-Identifier: BSD-2-Clause */
/* The ring under the io_uring engine. */
#include "uring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define REGION_BYTES_MAX (1u << 30)

/* The kernel reads the caller's pieces as its own kind. */
_Static_assert(sizeof(struct splitio_iovec) == sizeof(struct iovec) &&
                   offsetof(struct splitio_iovec, base) ==
                       offsetof(struct iovec, iov_base) &&
                   offsetof(struct splitio_iovec, len_bytes) ==
                       offsetof(struct iovec, iov_len),
               "pieces are as the kernel has them");

static int fill(struct uring *u, int fd, bool read_only, bool direct,
                const char **why)
{
    char path[32];
    int err;

    if (direct) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        fd = u->direct_fd =
            open(path, O_CLOEXEC | O_DIRECT | (read_only ? O_RDONLY : O_RDWR));
        *why = "cannot be opened past the page cache; leave direct=yes out";
        if (fd < 0)
            return -EOPNOTSUPP;
    }
    *why = "io_uring does not take the file; use engine=threads";
    err = io_uring_register_files(&u->ring, &fd, 1);
    if (err)
        return err;
    return io_uring_register_buffers_sparse(&u->ring,
                                            SPLITIO_DISK_URING_REGIONS_MAX);
}

int uring_open(struct uring *u, unsigned depth, int fd,
               const struct splitio_disk_uring_config *cfg, char *reason,
               size_t reason_bytes)
{
    const char *why = "this kernel has no io_uring, or allows none "
                      "(kernel.io_uring_disabled); use engine=threads";
    /* The kernel interrupts nobody for an answer: it is made when the owner
     * makes a system call, and wakes one that waits in it. (A ring whose answers
     * are made only when they are asked for does not wake poll().) */
    struct io_uring_params p = {.flags = IORING_SETUP_SUBMIT_ALL |
                                         IORING_SETUP_COOP_TASKRUN |
                                         IORING_SETUP_TASKRUN_FLAG};
    int err = io_uring_queue_init_params(depth, &u->ring, &p);

    u->direct_fd = -1;
    if (!err) {
        err = fill(u, fd, cfg->read_only, cfg->direct, &why);
        if (!err)
            return 0;
        uring_close(u);
    }
    if (reason_bytes)
        snprintf(reason, reason_bytes, "disk image %s: %s: %s", cfg->path, why,
                 strerror(-err));
    return err == -ENOMEM ? SPLITIO_ENOMEM : SPLITIO_EOPNOTSUPP;
}

void uring_close(struct uring *u)
{
    /* Otherwise the kernel lets go of the file, and its lock, some time later. */
    (void)io_uring_unregister_files(&u->ring);
    io_uring_queue_exit(&u->ring);
    if (u->direct_fd >= 0)
        close(u->direct_fd);
}

/* The number of the region that all of a piece is in; -1: none. */
static int find_region(struct uring *u, const struct splitio_iovec *piece)
{
    uintptr_t at = (uintptr_t)piece->base;

    for (unsigned i = 0; i < SPLITIO_DISK_URING_REGIONS_MAX; i++) {
        unsigned k = (u->last + i) % SPLITIO_DISK_URING_REGIONS_MAX;
        uintptr_t base = (uintptr_t)u->regions[k].base;

        if (base && at >= base && at - base <= u->regions[k].bytes &&
            piece->len_bytes <= u->regions[k].bytes - (at - base)) {
            u->last = k;
            return (int)k;
        }
    }
    return -1;
}

void uring_put(struct uring *u, struct splitio_disk_io *io)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
    uint64_t at = io->sector << SPLITIO_DISK_SECTOR_SHIFT;
    bool is_read = io->op == SPLITIO_DISK_READ;
    int region = io->nr_iov == 1 ? find_region(u, io->iov) : -1;

    if (region >= 0)
        io_uring_prep_rw(is_read ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED,
                         sqe, 0, io->iov->base, (unsigned)io->iov->len_bytes,
                         at);
    else
        io_uring_prep_rw(is_read ? IORING_OP_READV : IORING_OP_WRITEV, sqe, 0,
                         io->iov, io->nr_iov, at);
    if (region >= 0)
        sqe->buf_index = (uint16_t)region;
    io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
    io_uring_sqe_set_data(sqe, io);
}

bool uring_send(struct uring *u)
{
    if (io_uring_sq_ready(&u->ring))
        (void)io_uring_submit(&u->ring);
    return io_uring_sq_ready(&u->ring) == 0;
}

/* Put memory at a number; with no bytes, none. */
static int update(struct uring *u, unsigned k, void *base, size_t bytes)
{
    const struct iovec iov = {base, bytes};
    const __u64 tag = 0;
    int n = io_uring_register_buffers_update_tag(&u->ring, k, &iov, &tag, 1);

    return n < 0 ? n : 0;
}

int uring_region_add(struct uring *u, void *base, size_t bytes)
{
    unsigned at = SPLITIO_DISK_URING_REGIONS_MAX;
    int err;

    if (!base || (uintptr_t)base & SPLITIO_PAGE_MASK || bytes == 0 ||
        bytes > REGION_BYTES_MAX)
        return SPLITIO_EINVAL;
    for (unsigned k = SPLITIO_DISK_URING_REGIONS_MAX; k-- > 0;) {
        uintptr_t old = (uintptr_t)u->regions[k].base;

        if (!old)
            at = k;
        else if ((uintptr_t)base < old + u->regions[k].bytes &&
                 old < (uintptr_t)base + bytes)
            return SPLITIO_EEXIST;
    }
    if (at == SPLITIO_DISK_URING_REGIONS_MAX)
        return SPLITIO_ENOSPC;
    err = update(u, at, base, bytes);
    if (err)
        return err == -ENOMEM ? SPLITIO_ENOMEM : SPLITIO_EINVAL;
    u->regions[at] = (struct uring_region){base, bytes};
    return 0;
}

void uring_region_remove(struct uring *u, const void *base)
{
    for (unsigned k = 0; k < SPLITIO_DISK_URING_REGIONS_MAX && base; k++) {
        if (u->regions[k].base != base)
            continue;
        (void)update(u, k, NULL, 0);
        u->regions[k].base = NULL;
    }
}
