/* SPDX-License-Identifier: BSD-2-Clause */
/* A file that is read and written through io_uring. */
#ifndef SPLITIOD_URING_MEDIUM_H
#define SPLITIOD_URING_MEDIUM_H

#include "../common/loop.h"
#include "options.h"

#include <splitio/disk.h>

struct uring_medium;

/* Called when it has results. */
struct uring_medium_calls {
    void (*ready)(void *arg); /* by the loop */
    void (*wake)(void *arg);  /* by any thread */
    void *arg;
};

/* Open it. NULL with a one-line reason. */
struct uring_medium *uring_medium_open(struct loop *l,
                                       const struct disk_options *o,
                                       const struct uring_medium_calls *calls,
                                       struct splitio_disk *disk, char *reason,
                                       unsigned bytes);
/* NULL does nothing. */
void uring_medium_close(struct uring_medium *u);

/* Memory that the requests of a guest come from, for as long as it has the disk.
 * NULL for either does nothing. */
void uring_medium_add_memory(struct uring_medium *u, uint8_t *base,
                             size_t bytes);
void uring_medium_remove_memory(struct uring_medium *u, uint8_t *base,
                                size_t bytes);

#endif /* SPLITIOD_URING_MEDIUM_H */
