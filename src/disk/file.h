/* SPDX-License-Identifier: BSD-2-Clause */
/* The medium under the file engine: one descriptor and what it can do. */
#ifndef SPLITIO_SRC_DISK_FILE_H
#define SPLITIO_SRC_DISK_FILE_H

#include "queue.h"

struct file_medium {
    int fd;
    bool read_only;
    bool is_device;
    uint32_t sector_size, physical_sector_size;
    uint32_t sync_failed; /* once a sync fails, all later ones do */
};

/* 0, or a SPLITIO_E* value and a reason. */
int file_medium_open(struct file_medium *m, const char *path, bool read_only,
                     char *reason, size_t reason_bytes);
void file_medium_close(struct file_medium *m);

int file_medium_info(struct file_medium *m, struct splitio_disk_info *info);

/* Do one request, on any thread: its status. */
int file_medium_carry_out(struct file_medium *m,
                          const struct splitio_disk_io *io);

/* The reason when threads cannot be had. */
void file_medium_no_threads(const char *path, char *reason,
                            size_t reason_bytes);

#endif /* SPLITIO_SRC_DISK_FILE_H */
