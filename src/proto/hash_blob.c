/* SPDX-License-Identifier: BSD-2-Clause */
/* How frames are hashed, in a blob. */
#include "hash_blob.h"

void splitio_blob_put_hash(struct blob_writer *w,
                           const struct splitio_netif_hash *hash)
{
    blob_u32(w, hash->algorithm);
    blob_u32(w, hash->kinds);
    blob_u32(w, hash->key_bytes);
    blob_u32(w, hash->nr_mapping);
    for (uint32_t i = 0; i < hash->key_bytes; i++)
        blob_u8(w, hash->key[i]);
    for (uint32_t i = 0; i < hash->nr_mapping; i++)
        blob_u8(w, hash->mapping[i]);
}

int splitio_blob_get_hash(struct blob_reader *r,
                          struct splitio_netif_hash *hash, uint32_t nr_queues)
{
    hash->algorithm = blob_get_u32(r);
    hash->kinds = blob_get_u32(r);
    hash->key_bytes = blob_get_u32(r);
    hash->nr_mapping = blob_get_u32(r);
    if (hash->algorithm > SPLITIO_NETIF_HASH_TOEPLITZ ||
        (hash->kinds & ~SPLITIO_NETIF_HASH_ALL) ||
        hash->key_bytes > sizeof(hash->key) ||
        hash->nr_mapping > sizeof(hash->mapping))
        return SPLITIO_EPROTO;
    for (uint32_t i = 0; i < hash->key_bytes; i++)
        hash->key[i] = blob_get_u8(r);
    for (uint32_t i = 0; i < hash->nr_mapping; i++) {
        hash->mapping[i] = blob_get_u8(r);
        if (hash->mapping[i] >= nr_queues)
            return SPLITIO_EPROTO;
    }
    return 0;
}
