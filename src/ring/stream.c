/* SPDX-License-Identifier: BSD-2-Clause */
/* Byte rings: see splitio/stream.h for the protocol. */
#include <splitio/stream.h>

static int init(struct splitio_stream *s, uint8_t *bytes, uint32_t size_bytes,
                uint32_t *own, uint32_t *peer)
{
    if (!bytes || !own || !peer || size_bytes == 0 ||
        (size_bytes & (size_bytes - 1)) != 0 || size_bytes > INT32_MAX)
        return SPLITIO_EINVAL;
    s->bytes = bytes;
    s->size_bytes = size_bytes;
    s->own_shared = own;
    s->peer_shared = peer;
    s->own = splitio_read_once_le32(own);
    s->broken = false;
    return 0;
}

int splitio_stream_init_producer(struct splitio_stream *s, uint8_t *bytes,
                                 uint32_t size_bytes, uint32_t *prod,
                                 uint32_t *cons)
{
    return init(s, bytes, size_bytes, prod, cons);
}

int splitio_stream_init_consumer(struct splitio_stream *s, uint8_t *bytes,
                                 uint32_t size_bytes, uint32_t *prod,
                                 uint32_t *cons)
{
    return init(s, bytes, size_bytes, cons, prod);
}

bool splitio_stream_is_valid(const struct splitio_stream *s)
{
    return s && s->bytes && s->own_shared && s->peer_shared &&
           s->own_shared != s->peer_shared && s->size_bytes != 0 &&
           (s->size_bytes & (s->size_bytes - 1)) == 0;
}

/* Both distances are unsigned, so an index that ran backwards is a huge one. */

int splitio_stream_room(struct splitio_stream *s)
{
    uint32_t used;

    if (s->broken)
        return SPLITIO_EPROTO;
    used = s->own - splitio_load_acquire_le32(s->peer_shared);
    if (used > s->size_bytes) {
        s->broken = true;
        return SPLITIO_EPROTO;
    }
    return (int)(s->size_bytes - used);
}

int splitio_stream_pending(struct splitio_stream *s)
{
    uint32_t used;

    if (s->broken)
        return SPLITIO_EPROTO;
    used = splitio_load_acquire_le32(s->peer_shared) - s->own;
    if (used > s->size_bytes) {
        s->broken = true;
        return SPLITIO_EPROTO;
    }
    return (int)used;
}

/* The part of [own, own + len) that lies before the end of the array. */
static uint32_t first_part(const struct splitio_stream *s, uint32_t len)
{
    uint32_t to_end = s->size_bytes - (s->own & (s->size_bytes - 1));

    return len < to_end ? len : to_end;
}

int splitio_stream_write(struct splitio_stream *s, const void *data,
                         uint32_t len_bytes)
{
    uint8_t *at = s->bytes + (s->own & (s->size_bytes - 1));
    int room = splitio_stream_room(s);
    uint32_t len, first;

    if (room <= 0)
        return room;
    len = len_bytes < (uint32_t)room ? len_bytes : (uint32_t)room;
    first = first_part(s, len);
    __builtin_memcpy(at, data, first);
    __builtin_memcpy(s->bytes, (const uint8_t *)data + first, len - first);
    s->own += len;
    splitio_store_release_le32(s->own_shared, s->own);
    return (int)len;
}

int splitio_stream_read(struct splitio_stream *s, void *data,
                        uint32_t len_bytes)
{
    const uint8_t *at = s->bytes + (s->own & (s->size_bytes - 1));
    int pending = splitio_stream_pending(s);
    uint32_t len, first;

    if (pending <= 0)
        return pending;
    len = len_bytes < (uint32_t)pending ? len_bytes : (uint32_t)pending;
    first = first_part(s, len);
    splitio_copy_once(data, at, first);
    splitio_copy_once((uint8_t *)data + first, s->bytes, len - first);
    s->own += len;
    splitio_store_release_le32(s->own_shared, s->own);
    return (int)len;
}
