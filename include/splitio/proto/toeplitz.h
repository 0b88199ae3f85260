/* SPDX-License-Identifier: BSD-2-Clause */
/* The hash that receive-side scaling spreads frames with. */
#ifndef SPLITIO_PROTO_TOEPLITZ_H
#define SPLITIO_PROTO_TOEPLITZ_H

/**
 * @file
 * @brief The Toeplitz hash (layer 2).
 *
 * **What it is.** One pure function. Sources: Microsoft's RSS hashing functions
 * and the values published to verify them; xen/io/netif.h.
 *
 * **Who calls what.** Whoever picks a queue by hash; netback does so through
 * splitio/proto/netif_ctrl.h.
 *
 * **Typical loop.** None.
 *
 * **Memory order.** None.
 *
 * **Trust.** Key and data may be a peer's, in private copies.
 *
 * **Errors.** None.
 */

#include <splitio/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of a key that is long enough for every kind of frame. */
#define SPLITIO_TOEPLITZ_KEY_BYTES 40u

/**
 * @brief The hash of some bytes under a key.
 * @param[in] key        may be NULL if @p key_bytes is 0.
 * @param[in] key_bytes  what is missing of the key counts as zero.
 * @param[in] data       addresses, then ports, as they are in a frame.
 * @param[in] data_bytes their number.
 * @return the hash; 0 under an empty key.
 *
 * Caller: any. Order: none. Peer: all bytes.
 */
uint32_t splitio_toeplitz(const uint8_t *key, uint32_t key_bytes,
                          const uint8_t *data, uint32_t data_bytes);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_PROTO_TOEPLITZ_H */
