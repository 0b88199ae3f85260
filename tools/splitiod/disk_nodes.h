/* SPDX-License-Identifier: BSD-2-Clause */
/* What the store says about a disk before any half is there. */
#ifndef SPLITIOD_DISK_NODES_H
#define SPLITIOD_DISK_NODES_H

#include "options.h"

#include <splitio/toolstack.h>

/* Write both directories of a disk. 0 or a SPLITIO_E* value. */
int disk_nodes_add(struct splitio_store_server *server,
                   const struct splitio_toolstack_device *nodes,
                   const struct disk_options *o);

#endif /* SPLITIOD_DISK_NODES_H */
