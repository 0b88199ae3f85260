/* SPDX-License-Identifier: BSD-2-Clause */
/* How frames are spread over the queues, and what a front may say about it. */
#include "netback_ctrl.h"

uint32_t splitio_netback_set_algorithm(struct splitio_netback *dev,
                                       const uint32_t data[3], uint32_t *result)
{
    (void)result;
    if (data[0] != SPLITIO_NETIF_HASH_NONE &&
        data[0] != SPLITIO_NETIF_HASH_TOEPLITZ)
        return SPLITIO_NETIF_CTRL_INVALID_PARAMETER;
    dev->ctrl->hash.algorithm = data[0];
    return SPLITIO_NETIF_CTRL_SUCCESS;
}

uint32_t splitio_netback_get_hash_flags(struct splitio_netback *dev,
                                        const uint32_t data[3],
                                        uint32_t *result)
{
    (void)data;
    if (dev->ctrl->hash.algorithm == SPLITIO_NETIF_HASH_NONE)
        return SPLITIO_NETIF_CTRL_NOT_SUPPORTED;
    *result = SPLITIO_NETIF_HASH_ALL;
    return SPLITIO_NETIF_CTRL_SUCCESS;
}

uint32_t splitio_netback_set_hash_flags(struct splitio_netback *dev,
                                        const uint32_t data[3],
                                        uint32_t *result)
{
    (void)result;
    if (dev->ctrl->hash.algorithm == SPLITIO_NETIF_HASH_NONE ||
        (data[0] & ~SPLITIO_NETIF_HASH_ALL))
        return SPLITIO_NETIF_CTRL_INVALID_PARAMETER;
    dev->ctrl->hash.kinds = data[0];
    return SPLITIO_NETIF_CTRL_SUCCESS;
}

uint32_t splitio_netback_set_hash_key(struct splitio_netback *dev,
                                      const uint32_t data[3], uint32_t *result)
{
    struct splitio_netif_hash *h = &dev->ctrl->hash;

    (void)result;
    if (data[1] > sizeof(h->key))
        return SPLITIO_NETIF_CTRL_BUFFER_OVERFLOW;
    if (!splitio_netback_ctrl_read(dev, data[0], dev->ctrl->page, data[1]))
        return SPLITIO_NETIF_CTRL_INVALID_PARAMETER;
    h->key_bytes = data[1];
    __builtin_memcpy(h->key, dev->ctrl->page, data[1]);
    return SPLITIO_NETIF_CTRL_SUCCESS;
}

uint32_t splitio_netback_get_mapping_size(struct splitio_netback *dev,
                                          const uint32_t data[3],
                                          uint32_t *result)
{
    (void)dev;
    (void)data;
    *result = SPLITIO_NETIF_HASH_MAPPING_MAX;
    return SPLITIO_NETIF_CTRL_SUCCESS;
}

uint32_t splitio_netback_set_mapping_size(struct splitio_netback *dev,
                                          const uint32_t data[3],
                                          uint32_t *result)
{
    struct splitio_netif_hash *h = &dev->ctrl->hash;

    (void)result;
    if (data[0] > SPLITIO_NETIF_HASH_MAPPING_MAX)
        return SPLITIO_NETIF_CTRL_INVALID_PARAMETER;
    h->nr_mapping = data[0];
    __builtin_memset(h->mapping, 0, sizeof(h->mapping));
    return SPLITIO_NETIF_CTRL_SUCCESS;
}

/* A part of the table: all of it that is said, or nothing. */
uint32_t splitio_netback_set_mapping(struct splitio_netback *dev,
                                     const uint32_t data[3], uint32_t *result)
{
    struct splitio_netif_hash *h = &dev->ctrl->hash;
    uint32_t table[SPLITIO_NETIF_HASH_MAPPING_MAX];
    uint32_t nr = data[1], first = data[2], i;

    (void)result;
    if (nr > SPLITIO_NETIF_HASH_MAPPING_MAX)
        return SPLITIO_NETIF_CTRL_BUFFER_OVERFLOW;
    if (first > h->nr_mapping || nr > h->nr_mapping - first ||
        !splitio_netback_ctrl_read(dev, data[0], table, nr * 4))
        return SPLITIO_NETIF_CTRL_INVALID_PARAMETER;
    for (i = 0; i < nr; i++)
        if (splitio_le32(table[i]) >= dev->nr_queues)
            return SPLITIO_NETIF_CTRL_INVALID_PARAMETER;
    for (i = 0; i < nr; i++)
        h->mapping[first + i] = (uint8_t)splitio_le32(table[i]);
    return SPLITIO_NETIF_CTRL_SUCCESS;
}

struct splitio_netback_queue *
splitio_netback_pick(struct splitio_netback *dev,
                     const struct splitio_frame *frame, struct rx_hash *hash)
{
    const struct splitio_netif_hash *h = &dev->ctrl->hash;
    bool hashed = splitio_netif_hash_is_on(h);
    uint8_t head[SPLITIO_PACKET_HEAD_BYTES];
    uint32_t n;

    hash->type = SPLITIO_HASH_NONE;
    hash->value = 0;
    if (dev->nr_queues == 1 && !hashed)
        return dev->queues[0];
    n = splitio_packet_gather(frame->iov, frame->nr_iov, 0, head, sizeof(head));
    if (!hashed) /* frames of one flow always go to the same queue */
        return dev->queues[splitio_packet_flow(head, n) % dev->nr_queues];
    hash->type = splitio_netif_hash_frame(h, head, n, &hash->value);
    return dev
        ->queues[splitio_netif_hash_queue(h, hash->value, dev->nr_queues)];
}
