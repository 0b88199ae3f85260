/* SPDX-License-Identifier: BSD-2-Clause */
/* The medium under the file engine: one descriptor and what it can do. */
#ifndef SPLITIO_SRC_DISK_FILE_H
#define SPLITIO_SRC_DISK_FILE_H

#include "queue.h"

#include <pthread.h>

/* Flushes of all threads. One that comes while another runs needs one more, but
 * all that wait are served by the same. */
struct file_sync {
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t ended;
    uint64_t nr_asked, nr_covered;
    bool running;
    bool failed; /* once one has failed, all later ones do */
};

struct file_medium {
    int fd;
    bool read_only;
    bool is_device;
    uint32_t sector_size, physical_sector_size;
    uint32_t discard_granularity, discard_alignment; /* 0: no discard */
    struct file_sync sync;
    uint32_t nr_skip, penalty; /* the owner's: see file_medium_read_now() */
};

/* Where to say why something is not possible. */
struct file_reason {
    const char *path;
    char *text;
    size_t bytes;
};

/* Say it; @p err. */
int file_say(const struct file_reason *r, const char *why, int err);

/* 0, or a SPLITIO_E* value and a reason. */
int file_medium_open(struct file_medium *m, bool read_only,
                     const struct file_reason *r);
void file_medium_close(struct file_medium *m);

/* Size in bytes; SPLITIO_EIO if it cannot be had. */
int64_t file_medium_size(const struct file_medium *m);
int file_medium_info(const struct file_medium *m,
                     struct splitio_disk_info *info);

/* Do one request, on any thread: its status. */
int file_medium_carry_out(struct file_medium *m,
                          const struct splitio_disk_io *io);

/* Longest read that is tried at once. */
#define FILE_READ_NOW_BYTES (64u << 10)

/* Do a read on the owner's thread if it needs no waiting: what it asks for is in
 * the page cache. After every time that it is not, more reads are not tried. */
bool file_medium_read_now(struct file_medium *m,
                          const struct splitio_disk_io *io);

#endif /* SPLITIO_SRC_DISK_FILE_H */
