/* SPDX-License-Identifier: BSD-2-Clause */
/* One thread that owns a guest and its blkfront, for callers of any thread. */
#ifndef SPLITIO_NBDKIT_PUMP_H
#define SPLITIO_NBDKIT_PUMP_H

#include "../common/guest.h"

#include <splitio/blkfront.h>

struct pump;

struct pump_config {
    struct guest_config guest;
    uint32_t vdev;
    const char *vdev_name; /* as the user wrote it, for messages */
};

/* Join the machine, connect the disk, start the thread. 0; -1 with a one-line
 * reason. */
int pump_start(struct pump **pump, const struct pump_config *cfg, char *reason,
               size_t reason_bytes);

/* Close the disk, leave the machine. */
void pump_stop(struct pump *pump);

/* What the disk is. Any thread. */
void pump_info(struct pump *pump, struct splitio_blkfront_info *info);

/* Do one request and wait for it: op, sector, nr_sectors, secure as in struct
 * splitio_blk_io; base and len_bytes for reading and writing. A SPLITIO_E*
 * value. Any thread. */
int pump_do(struct pump *pump, enum splitio_blk_op op, uint64_t sector,
            uint64_t nr_sectors, void *base);

#endif /* SPLITIO_NBDKIT_PUMP_H */
