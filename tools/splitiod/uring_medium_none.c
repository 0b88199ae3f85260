/* SPDX-License-Identifier: BSD-2-Clause */
/* What there is of io_uring without liburing: an answer. */
#include "uring_medium.h"

#include <stdio.h>

struct uring_medium *uring_medium_open(struct loop *l,
                                       const struct disk_options *o,
                                       const struct uring_medium_calls *calls,
                                       struct splitio_disk *disk, char *reason,
                                       unsigned bytes)
{
    (void)l;
    (void)calls;
    (void)disk;
    snprintf(reason, bytes,
             "disk %s: engine=uring: built without liburing; install "
             "liburing-dev and build again, or use engine=threads",
             o->name);
    return NULL;
}

void uring_medium_close(struct uring_medium *u)
{
    (void)u;
}

void uring_medium_add_memory(struct uring_medium *u, uint8_t *base,
                             size_t bytes)
{
    (void)u;
    (void)base;
    (void)bytes;
}

void uring_medium_remove_memory(struct uring_medium *u, uint8_t *base,
                                size_t bytes)
{
    (void)u;
    (void)base;
    (void)bytes;
}
