/* SPDX-License-Identifier: BSD-2-Clause */
/* Byte rings in shared memory, as xenstore, the console and vchan use them. */
#ifndef SPLITIO_STREAM_H
#define SPLITIO_STREAM_H

/**
 * @file
 * @brief A one-way byte ring (layer 1). Two of them make a connection.
 *
 * **What it is.** Xen's byte rings are an array of bytes, a free-running
 * producer index written by one side and a free-running consumer index written
 * by the other. The array and the indices live wherever the protocol puts them,
 * so a stream is three pointers and a size. Sizes are powers of two.
 * Sources: xen/io/xs_wire.h (xenstore_domain_interface), xen/io/console.h,
 * xen/io/libxenvchan.h, xen/io/ring.h (DEFINE_XEN_FLEX_RING).
 *
 * **Who calls what.** The producer calls splitio_stream_write(), the consumer
 * splitio_stream_read(); one thread each. Both may ask for room or data.
 *
 * **Typical loop.**
 *
 *     producer                            consumer
 *     n = splitio_stream_write(...)       n = splitio_stream_read(...)
 *     if (n > 0) notify                   if (n > 0) notify
 *     if (n < len) wait for an event      if (n == 0) wait for an event
 *
 * Notification is unconditional in these protocols: an event follows every
 * advance of an index, so there is no index to arm and no wakeup to lose.
 *
 * **Memory order.** write() releases `prod` after the bytes, read() acquires
 * it; read() releases `cons` after its copy, write() acquires it.
 *
 * **Trust.** Each side keeps its own index privately and never reads it back.
 * The peer's index is read once a call; a distance above the size means that
 * the peer lies: SPLITIO_EPROTO, and the stream stays broken.
 */

#include <splitio/arch.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One direction of a byte ring. Fields are private, not ABI. */
struct splitio_stream {
    uint8_t *bytes;        /* shared array */
    uint32_t size_bytes;   /* power of two */
    uint32_t *own_shared;  /* the index that this side writes */
    uint32_t *peer_shared; /* the index that the peer writes */
    uint32_t own;          /* this side's index; the shared one is a copy */
    bool broken;           /* the peer's index left the ring */
};

/**
 * @brief Become the producer of a ring, starting at the shared indices.
 * @param[out] s           the stream.
 * @param[in]  bytes       shared array of @p size_bytes.
 * @param[in]  size_bytes  power of two.
 * @param[in]  prod        shared producer index; this side owns it from now on.
 * @param[in]  cons        shared consumer index.
 * @return 0; SPLITIO_EINVAL if the size is not a power of two.
 *
 * Caller: the producer, before its first write. The indices need not be 0: a
 * ring that is taken over goes on where it was. Order: none. Peer: may have set
 * any index; the first write or read finds out.
 */
int splitio_stream_init_producer(struct splitio_stream *s, uint8_t *bytes,
                                 uint32_t size_bytes, uint32_t *prod,
                                 uint32_t *cons);

/** @brief Become the consumer; as splitio_stream_init_producer(). */
int splitio_stream_init_consumer(struct splitio_stream *s, uint8_t *bytes,
                                 uint32_t size_bytes, uint32_t *prod,
                                 uint32_t *cons);

/** @brief True if pointers, size and state make sense. For tests. */
bool splitio_stream_is_valid(const struct splitio_stream *s);

/**
 * @brief Copy bytes into the ring, as many as fit.
 * @return the number of bytes taken, 0 to @p len_bytes; SPLITIO_EPROTO if the
 * consumer index is impossible (the stream is broken from then on).
 *
 * Caller: the producer. Order: releases `prod` to splitio_stream_read().
 * Peer: the consumer index, bounded to the ring's size.
 */
int splitio_stream_write(struct splitio_stream *s, const void *data,
                         uint32_t len_bytes);

/**
 * @brief Copy bytes out of the ring, as many as there are, and free them.
 * @return the number of bytes given, 0 to @p len_bytes; SPLITIO_EPROTO if the
 * producer index is impossible (the stream is broken from then on).
 *
 * Caller: the consumer. Order: acquires `prod`, releases `cons`. Peer: the
 * producer index, bounded to the ring's size, and every byte of the content.
 */
int splitio_stream_read(struct splitio_stream *s, void *data,
                        uint32_t len_bytes);

/** @brief Bytes that splitio_stream_write() would take now; or EPROTO. */
int splitio_stream_room(struct splitio_stream *s);

/** @brief Bytes that splitio_stream_read() would give now; or EPROTO. */
int splitio_stream_pending(struct splitio_stream *s);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_STREAM_H */
