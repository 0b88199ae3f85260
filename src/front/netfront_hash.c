/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashing as the caller wants it, said to the back step by step. */
#include "netfront_ctrl.h"

/* The kinds come last: nothing is hashed before the rest is right. */
static const uint16_t steps[] = {
    SPLITIO_NETIF_CTRL_SET_HASH_ALGORITHM,
    SPLITIO_NETIF_CTRL_GET_HASH_FLAGS,
    SPLITIO_NETIF_CTRL_GET_HASH_MAPPING_SIZE,
    SPLITIO_NETIF_CTRL_SET_HASH_KEY,
    SPLITIO_NETIF_CTRL_SET_HASH_MAPPING_SIZE,
    SPLITIO_NETIF_CTRL_SET_HASH_MAPPING,
    SPLITIO_NETIF_CTRL_SET_HASH_FLAGS,
};

static void send_mapping(struct splitio_netfront *dev)
{
    struct splitio_netfront_ctrl *c = dev->ctrl;
    uint32_t *table = (void *)c->data_page.page, i;

    for (i = 0; i < c->hash.nr_mapping; i++)
        table[i] = splitio_le32(c->hash.mapping[i]);
    splitio_netfront_ctrl_send(dev, SPLITIO_NETIF_CTRL_SET_HASH_MAPPING,
                               c->data_page.gref, c->hash.nr_mapping, 0);
}

static void send_key(struct splitio_netfront *dev)
{
    struct splitio_netfront_ctrl *c = dev->ctrl;

    __builtin_memcpy(c->data_page.page, c->hash.key, c->hash.key_bytes);
    splitio_netfront_ctrl_send(dev, SPLITIO_NETIF_CTRL_SET_HASH_KEY,
                               c->data_page.gref, c->hash.key_bytes, 0);
}

static void send_step(struct splitio_netfront *dev)
{
    const struct splitio_netif_hash *h = &dev->ctrl->hash;
    uint16_t type = steps[dev->ctrl->step];

    switch (type) {
    case SPLITIO_NETIF_CTRL_SET_HASH_ALGORITHM:
        splitio_netfront_ctrl_send(dev, type, h->algorithm, 0, 0);
        break;
    case SPLITIO_NETIF_CTRL_SET_HASH_KEY:
        send_key(dev);
        break;
    case SPLITIO_NETIF_CTRL_SET_HASH_MAPPING_SIZE:
        splitio_netfront_ctrl_send(dev, type, h->nr_mapping, 0, 0);
        break;
    case SPLITIO_NETIF_CTRL_SET_HASH_MAPPING:
        send_mapping(dev);
        break;
    case SPLITIO_NETIF_CTRL_SET_HASH_FLAGS:
        splitio_netfront_ctrl_send(dev, type, h->kinds, 0, 0);
        break;
    default:
        splitio_netfront_ctrl_send(dev, type, 0, 0, 0);
        break;
    }
}

void splitio_netfront_hash_begin(struct splitio_netfront *dev)
{
    dev->ctrl->step = 0;
    dev->ctrl->hash_result = 0;
    send_step(dev);
}

/* The error in an answer. */
static int check(const struct splitio_netfront_ctrl *c, uint32_t status,
                 uint32_t data)
{
    int err = splitio_netfront_ctrl_error(status);

    if (err)
        return err;
    if (c->type == SPLITIO_NETIF_CTRL_GET_HASH_FLAGS && (c->hash.kinds & ~data))
        return SPLITIO_EOPNOTSUPP;
    if (c->type == SPLITIO_NETIF_CTRL_GET_HASH_MAPPING_SIZE &&
        c->hash.nr_mapping > data)
        return SPLITIO_E2BIG;
    return 0;
}

/* What has failed is left such that the back does as it likes. */
static void give_up(struct splitio_netfront *dev, int err)
{
    struct splitio_netfront_ctrl *c = dev->ctrl;

    c->hash_result = err;
    c->hashing = false;
    if (c->type == SPLITIO_NETIF_CTRL_SET_HASH_ALGORITHM)
        return;
    c->undo = true;
    splitio_netfront_ctrl_send(dev, SPLITIO_NETIF_CTRL_SET_HASH_ALGORITHM,
                               SPLITIO_NETIF_HASH_NONE, 0, 0);
}

void splitio_netfront_hash_answer(struct splitio_netfront *dev, uint32_t status,
                                  uint32_t data)
{
    struct splitio_netfront_ctrl *c = dev->ctrl;
    int err;

    if (c->undo || c->hash_todo) { /* all is done, or to be done again */
        c->undo = false;
        return;
    }
    err = check(c, status, data);
    if (err) {
        give_up(dev, err);
        return;
    }
    if (c->type == SPLITIO_NETIF_CTRL_SET_HASH_ALGORITHM) {
        c->hashing = c->hash.algorithm != SPLITIO_NETIF_HASH_NONE;
        if (!c->hashing)
            return;
    }
    c->step++;
    if (c->hash.nr_mapping == 0 && c->step < SPLITIO_ARRAY_LEN(steps) &&
        steps[c->step] == SPLITIO_NETIF_CTRL_SET_HASH_MAPPING)
        c->step++;
    if (c->step < SPLITIO_ARRAY_LEN(steps))
        send_step(dev);
}

static bool makes_sense(const struct splitio_netfront *dev,
                        const struct splitio_netif_hash *hash)
{
    uint32_t i;

    if (hash->algorithm > SPLITIO_NETIF_HASH_TOEPLITZ ||
        (hash->kinds & ~SPLITIO_NETIF_HASH_ALL) ||
        hash->key_bytes > sizeof(hash->key) ||
        hash->nr_mapping > SPLITIO_NETIF_HASH_MAPPING_MAX)
        return false;
    for (i = 0; i < hash->nr_mapping; i++)
        if (hash->mapping[i] >= dev->config.max_queues)
            return false;
    return true;
}

int splitio_netfront_set_hash(struct splitio_netfront *dev,
                              const struct splitio_netif_hash *hash)
{
    struct splitio_netfront_ctrl *c = dev->ctrl;

    if (!makes_sense(dev, hash))
        return SPLITIO_EINVAL;
    if (!dev->config.ctrl_ring)
        return SPLITIO_EOPNOTSUPP;
    c->hash = *hash;
    c->hash_wanted = c->hash_todo = true;
    splitio_netfront_ctrl_start(dev);
    return 0;
}

int splitio_netfront_hash_status(const struct splitio_netfront *dev)
{
    const struct splitio_netfront_ctrl *c = dev->ctrl;

    if (!c->hash_wanted)
        return SPLITIO_ENOENT;
    if (!dev->connected)
        return SPLITIO_EAGAIN;
    if (!c->open)
        return SPLITIO_EOPNOTSUPP;
    if (c->hash_todo || (c->out && c->job == CTRL_HASH))
        return SPLITIO_EAGAIN;
    return c->hash_result;
}
