/* SPDX-License-Identifier: BSD-2-Clause */
/* The Toeplitz hash. Pure. */
#include <splitio/proto/toeplitz.h>

static uint32_t byte_at(const uint8_t *key, uint32_t key_bytes, uint32_t i)
{
    return i < key_bytes ? key[i] : 0;
}

uint32_t splitio_toeplitz(const uint8_t *key, uint32_t key_bytes,
                          const uint8_t *data, uint32_t data_bytes)
{
    uint32_t window = 0, hash = 0, i;

    for (i = 0; i < 4; i++)
        window = window << 8 | byte_at(key, key_bytes, i);
    for (i = 0; i < data_bytes; i++) {
        uint32_t next = byte_at(key, key_bytes, i + 4), bit;

        for (bit = 8; bit-- > 0;) {
            if (data[i] >> bit & 1u)
                hash ^= window;
            window = window << 1 | (next >> bit & 1u);
        }
    }
    return hash;
}
