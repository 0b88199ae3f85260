/* SPDX-License-Identifier: BSD-2-Clause */
/* What a block back remembers of a connection, in a blob or a
 * journal. */
#ifndef BLKBACK_SAVED_H
#define BLKBACK_SAVED_H

#include "../base/blob.h"
#include "blkback_impl.h"

/* Records, in this order; a request's queue comes before it. */
enum {
    REC_CONNECTION = 1,
    REC_QUEUE = 2,
    REC_REQUEST = 3,
};

/* What a blob or a journal says, requests apart. */
struct saved {
    struct splitio_blkback_peer peer;
    uint32_t flags, max_indirect, sector_size, units;
    uint64_t nr_sectors;
    uint32_t req_cons[SPLITIO_BLKBACK_QUEUES_MAX];
    uint32_t rsp_prod[SPLITIO_BLKBACK_QUEUES_MAX];
    uint32_t nr_requests[SPLITIO_BLKBACK_QUEUES_MAX];
};

/* blkback_save.c: as it is now, requests not counted. */
SPLITIO_INTERNAL void
splitio_blkback_save_connection(const struct splitio_blkback *dev,
                                struct saved *s);

#endif /* BLKBACK_SAVED_H */
