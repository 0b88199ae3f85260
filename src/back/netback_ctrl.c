/* SPDX-License-Identifier: BSD-2-Clause */
/* netback's control ring: the connection, the messages, their answers. */
#include "netback_ctrl.h"

/* Messages that are answered in one turn: some take hundreds of mappings. */
#define BATCH_MESSAGES 4u

/* ---- connection ---- */

static void on_event(void *arg)
{
    struct splitio_netback *dev = arg;

    splitio_store_release_u32(&dev->ctrl->event, 1);
    splitio_netback_wake(dev);
}

int splitio_netback_ctrl_open(struct splitio_netback *dev,
                              const struct splitio_netif_ctrl_link *link)
{
    const struct splitio_host_port *host = &dev->config.port;
    struct splitio_event_handler handler = {on_event, dev};
    struct splitio_netback_ctrl *c = dev->ctrl;
    int err;

    __builtin_memset(c, 0, sizeof(*c));
    if (link->evtchn == 0 || !(dev->config.features & SPLITIO_NETIF_F_CTRL))
        return 0;
    err = host->ops->map_ring(host->ctx, dev->peer, &link->gref, 1, &c->map);
    if (err)
        return err;
    err = splitio_netif_ctrl_back_attach(&c->ring, c->map.va, 1);
    /* What a back before this one was asked for is lost, unless it was saved:
     * it is to be asked again, over a new connection. */
    if (!err && dev->config.store && !dev->offered && !dev->saved &&
        c->ring.ring.req_cons != 0)
        err = SPLITIO_ECLOSED;
    if (!err)
        err = host->ops->event_bind(host->ctx, dev->peer, link->evtchn, handler,
                                    &c->evtchn);
    if (err)
        host->ops->unmap_ring(host->ctx, &c->map);
    c->open = err == 0;
    return err;
}

void splitio_netback_ctrl_close(struct splitio_netback *dev)
{
    const struct splitio_host_port *host = &dev->config.port;
    struct splitio_netback_ctrl *c = dev->ctrl;
    uint32_t i;

    if (!c->open)
        return;
    host->ops->event_close(host->ctx, c->evtchn);
    host->ops->unmap_ring(host->ctx, &c->map);
    for (i = 0; i < dev->nr_queues; i++)
        splitio_netback_staged_drop(dev->queues[i]);
    __builtin_memset(c, 0, sizeof(*c));
}

/* ---- what messages point at ---- */

static bool copy_page(struct splitio_netback *dev, splitio_gref_t gref,
                      void *local, uint32_t len_bytes, bool write)
{
    const struct splitio_host_port *host = &dev->config.port;
    struct splitio_grant_copy op = {.len_bytes = len_bytes,
                                    .status = SPLITIO_GNTST_GENERAL_ERROR};
    struct splitio_grant_end *mine = write ? &op.src : &op.dst;
    struct splitio_grant_end *its = write ? &op.dst : &op.src;

    if (len_bytes == 0)
        return true;
    mine->local = local;
    its->domid = dev->peer;
    its->gref = gref;
    host->ops->copy(host->ctx, &op, 1);
    return op.status == SPLITIO_GNTST_OKAY;
}

bool splitio_netback_ctrl_read(struct splitio_netback *dev, splitio_gref_t gref,
                               void *to, uint32_t len_bytes)
{
    return copy_page(dev, gref, to, len_bytes, false);
}

bool splitio_netback_ctrl_write(struct splitio_netback *dev,
                                splitio_gref_t gref, void *from,
                                uint32_t len_bytes)
{
    return copy_page(dev, gref, from, len_bytes, true);
}

/* ---- messages ---- */

typedef uint32_t (*message_fn)(struct splitio_netback *dev,
                               const uint32_t data[3], uint32_t *result);

static const message_fn messages[] = {
    [SPLITIO_NETIF_CTRL_GET_HASH_FLAGS] = splitio_netback_get_hash_flags,
    [SPLITIO_NETIF_CTRL_SET_HASH_FLAGS] = splitio_netback_set_hash_flags,
    [SPLITIO_NETIF_CTRL_SET_HASH_KEY] = splitio_netback_set_hash_key,
    [SPLITIO_NETIF_CTRL_GET_HASH_MAPPING_SIZE] =
        splitio_netback_get_mapping_size,
    [SPLITIO_NETIF_CTRL_SET_HASH_MAPPING_SIZE] =
        splitio_netback_set_mapping_size,
    [SPLITIO_NETIF_CTRL_SET_HASH_MAPPING] = splitio_netback_set_mapping,
    [SPLITIO_NETIF_CTRL_SET_HASH_ALGORITHM] = splitio_netback_set_algorithm,
    [SPLITIO_NETIF_CTRL_GET_GREF_MAPPING_SIZE] =
        splitio_netback_get_staged_size,
    [SPLITIO_NETIF_CTRL_ADD_GREF_MAPPING] = splitio_netback_add_staged,
    [SPLITIO_NETIF_CTRL_DEL_GREF_MAPPING] = splitio_netback_del_staged,
};

/* Says what became of it, in memory of its own: the slot is the front's. */
static void answer(struct splitio_netback *dev,
                   struct splitio_netif_ctrl_request *req)
{
    struct splitio_netif_ctrl_response rsp = {0, 0, 0, 0};

    splitio_netif_ctrl_request_swap(req);
    rsp.id = req->id;
    rsp.type = req->type;
    if (req->type < SPLITIO_ARRAY_LEN(messages) && messages[req->type])
        rsp.status = messages[req->type](dev, req->data, &rsp.data);
    else
        rsp.status = SPLITIO_NETIF_CTRL_NOT_SUPPORTED;
    dev->stats.ctrl_messages++;
    dev->stats.ctrl_refused += rsp.status != SPLITIO_NETIF_CTRL_SUCCESS;
    splitio_netif_ctrl_response_swap(&rsp);
    splitio_netif_ctrl_back_put(&dev->ctrl->ring, &rsp);
}

/* Answers one after the other; an answer is published with its message done. 1:
 * there may be more; 0; EPROTO. */
static int answer_some(struct splitio_netback *dev, bool *notify)
{
    struct splitio_netback_ctrl *c = dev->ctrl;
    struct splitio_netif_ctrl_request req;
    unsigned done;
    int n;

    for (done = 0; done < BATCH_MESSAGES;) {
        n = splitio_netif_ctrl_back_take(&c->ring, &req);
        if (n == 0)
            n = splitio_ring_back_rearm(&c->ring.ring, 1);
        else if (n > 0) {
            answer(dev, &req);
            if (splitio_ring_back_publish(&c->ring.ring))
                *notify = true;
            done++;
            c->idle = false;
        }
        if (n < 0)
            return n;
        if (n == 0)
            break;
    }
    return done == BATCH_MESSAGES;
}

int splitio_netback_ctrl_poll(struct splitio_netback *dev)
{
    const struct splitio_host_port *host = &dev->config.port;
    struct splitio_netback_ctrl *c = dev->ctrl;
    bool notify = false;
    int more;

    if (!c->open)
        return 0;
    more = answer_some(dev, &notify);
    if (notify) {
        host->ops->event_send(host->ctx, c->evtchn);
        dev->stats.notifies++;
    }
    if (more == 0 && splitio_load_acquire_u32(&c->event)) {
        splitio_write_once_u32(&c->event, 0);
        dev->stats.events++;
        splitio_host_port_unmask(host, c->evtchn, c->idle);
        c->idle = true;
    }
    return more;
}
