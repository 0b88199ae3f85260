/* SPDX-License-Identifier: BSD-2-Clause */
/* The ring under the io_uring engine: one file, registered memory. */
#ifndef SPLITIO_SRC_DISK_URING_H
#define SPLITIO_SRC_DISK_URING_H

#include <splitio/disk_uring.h>

#include <liburing.h>

/* Pieces that the kernel takes with one request. */
#define URING_PIECES_MAX 1024u

struct uring_region {
    uint8_t *base; /* NULL: free */
    size_t bytes;
};

struct uring {
    struct io_uring ring;
    int direct_fd; /* past the page cache; -1: not */
    struct uring_region regions[SPLITIO_DISK_URING_REGIONS_MAX];
    unsigned last; /* the region that was last of use */
};

/* Make a ring of @p depth for the file @p fd. 0, or a SPLITIO_E* value and a
 * reason. */
int uring_open(struct uring *u, unsigned depth, int fd,
               const struct splitio_disk_uring_config *cfg, char *reason,
               size_t reason_bytes);
void uring_close(struct uring *u);

/* Put a read or write; there must be room. */
void uring_put(struct uring *u, struct splitio_disk_io *io);

/* Give the kernel what was put; false: it does not take all of it now. */
bool uring_send(struct uring *u);

/* As the functions of splitio/disk_uring.h. */
int uring_region_add(struct uring *u, void *base, size_t bytes);
void uring_region_remove(struct uring *u, const void *base);

#endif /* SPLITIO_SRC_DISK_URING_H */
