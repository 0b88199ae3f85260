/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files share that answer control messages. */
#ifndef SPLITIO_NETBACK_CTRL_H
#define SPLITIO_NETBACK_CTRL_H

#include "netback_impl.h"

/* Bytes of a page of the front, to and from. False: it is not lent so. */
SPLITIO_INTERNAL bool splitio_netback_ctrl_read(struct splitio_netback *dev,
                                                splitio_gref_t gref, void *to,
                                                uint32_t len_bytes);
SPLITIO_INTERNAL bool splitio_netback_ctrl_write(struct splitio_netback *dev,
                                                 splitio_gref_t gref,
                                                 void *from,
                                                 uint32_t len_bytes);

/* One function for each message: what is asked for is in data[]; the status, and
 * in *result what goes with it. */
#define SPLITIO_NETBACK_MESSAGE(name)                                          \
    SPLITIO_INTERNAL uint32_t splitio_netback_##name(                          \
        struct splitio_netback *dev, const uint32_t data[3], uint32_t *result)

SPLITIO_NETBACK_MESSAGE(get_hash_flags);
SPLITIO_NETBACK_MESSAGE(set_hash_flags);
SPLITIO_NETBACK_MESSAGE(set_hash_key);
SPLITIO_NETBACK_MESSAGE(get_mapping_size);
SPLITIO_NETBACK_MESSAGE(set_mapping_size);
SPLITIO_NETBACK_MESSAGE(set_mapping);
SPLITIO_NETBACK_MESSAGE(set_algorithm);
SPLITIO_NETBACK_MESSAGE(get_staged_size);
SPLITIO_NETBACK_MESSAGE(add_staged);
SPLITIO_NETBACK_MESSAGE(del_staged);

/* Maps pages that an earlier back had staged; false: not all of them. */
SPLITIO_INTERNAL bool
splitio_netback_staged_again(struct splitio_netback_queue *q,
                             const struct splitio_netif_gref *list,
                             uint32_t nr);
/* Lists what is staged; how many. */
SPLITIO_INTERNAL uint32_t splitio_netback_staged_list(
    const struct splitio_netback_queue *q, struct splitio_netif_gref *list);

#endif /* SPLITIO_NETBACK_CTRL_H */
