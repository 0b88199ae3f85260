/* SPDX-License-Identifier: BSD-2-Clause */
/* Store client: the guest's side of a ring page as a transport. */
#include <splitio/store.h>

static void take_indices(struct splitio_store_ring *ring)
{
    struct splitio_xs_page *page = ring->page;

    (void)splitio_stream_init_producer(&ring->out, page->req,
                                       SPLITIO_XS_RING_SIZE, &page->req_prod,
                                       &page->req_cons);
    (void)splitio_stream_init_consumer(&ring->in, page->rsp,
                                       SPLITIO_XS_RING_SIZE, &page->rsp_prod,
                                       &page->rsp_cons);
}

/* 0 when bytes may be moved. */
static int usable(struct splitio_store_ring *ring)
{
    struct splitio_xs_page *page = ring->page;

    if (ring->resetting) {
        if (splitio_load_acquire_le32(&page->connection) !=
            SPLITIO_XS_CONNECTED)
            return SPLITIO_EAGAIN;
        take_indices(ring);
        ring->resetting = false;
    }
    if ((splitio_read_once_le32(&page->server_features) &
         SPLITIO_XS_FEATURE_ERROR) &&
        splitio_read_once_le32(&page->error) != SPLITIO_XS_ERROR_NONE)
        return SPLITIO_EPROTO;
    return 0;
}

static uint32_t clamp(size_t len_bytes)
{
    return len_bytes < SPLITIO_XS_RING_SIZE ? (uint32_t)len_bytes
                                            : SPLITIO_XS_RING_SIZE;
}

static int ring_recv(void *ctx, void *buf, size_t len_bytes)
{
    struct splitio_store_ring *ring = ctx;
    int n = usable(ring);

    if (n == 0)
        n = splitio_stream_read(&ring->in, buf, clamp(len_bytes));
    return n == 0 ? SPLITIO_EAGAIN : n;
}

static int ring_send(void *ctx, const void *buf, size_t len_bytes)
{
    struct splitio_store_ring *ring = ctx;
    int n = usable(ring);

    if (n == 0)
        n = splitio_stream_write(&ring->out, buf, clamp(len_bytes));
    return n == 0 ? SPLITIO_EAGAIN : n;
}

static void ring_flush(void *ctx)
{
    struct splitio_store_ring *ring = ctx;

    ring->notify(ring->notify_ctx);
}

static const struct splitio_store_transport_ops ring_ops = {
    .recv = ring_recv,
    .send = ring_send,
    .flush = ring_flush,
    .little_endian = true,
};

int splitio_store_ring_init(struct splitio_store_ring *ring,
                            struct splitio_xs_page *page,
                            void (*notify)(void *ctx), void *ctx)
{
    if (!page || !notify)
        return SPLITIO_EINVAL;
    ring->page = page;
    ring->notify = notify;
    ring->notify_ctx = ctx;
    take_indices(ring);
    ring->resetting =
        splitio_load_acquire_le32(&page->connection) != SPLITIO_XS_CONNECTED;
    return 0;
}

int splitio_store_ring_reconnect(struct splitio_store_ring *ring)
{
    struct splitio_xs_page *page = ring->page;

    if (!(splitio_read_once_le32(&page->server_features) &
          SPLITIO_XS_FEATURE_RECONNECTION))
        return SPLITIO_EOPNOTSUPP;
    ring->resetting = true;
    splitio_store_release_le32(&page->connection, SPLITIO_XS_RECONNECT);
    ring->notify(ring->notify_ctx);
    return 0;
}

struct splitio_store_transport
splitio_store_ring_transport(struct splitio_store_ring *ring)
{
    struct splitio_store_transport t = {&ring_ops, ring};

    return t;
}
