/* SPDX-License-Identifier: BSD-2-Clause */
/* How frames are hashed, in a blob: both halves of the network have it. */
#ifndef SPLITIO_SRC_HASH_BLOB_H
#define SPLITIO_SRC_HASH_BLOB_H

#include <splitio/proto/netif_ctrl.h>

#include "../base/blob.h"

SPLITIO_INTERNAL void
splitio_blob_put_hash(struct blob_writer *w,
                      const struct splitio_netif_hash *hash);
/* 0; SPLITIO_EPROTO: out of range, or a queue from @p nr_queues on. */
SPLITIO_INTERNAL int splitio_blob_get_hash(struct blob_reader *r,
                                           struct splitio_netif_hash *hash,
                                           uint32_t nr_queues);

#endif /* SPLITIO_SRC_HASH_BLOB_H */
