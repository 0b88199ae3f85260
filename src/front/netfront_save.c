/* SPDX-License-Identifier: BSD-2-Clause */
/* What netfront wants of its back, written down and asked for again. */
#include "../proto/hash_blob.h"
#include "netfront_impl.h"

enum {
    REC_WISHES = 1,
    REC_HASH = 2,
};

#define FLAG_FILTER (1u << 0)
#define FLAG_STAGE  (1u << 1)

static uint32_t flags_of(const struct splitio_netfront *dev)
{
    return (dev->filter_multicast ? FLAG_FILTER : 0) |
           (dev->ctrl->stage ? FLAG_STAGE : 0);
}

int splitio_netfront_save(const struct splitio_netfront *dev, void *buf,
                          size_t size, size_t *bytes)
{
    struct blob_writer w;
    const uint8_t *addr;
    unsigned nr = 0;

    while (splitio_netfront_mcast_wanted(dev, nr))
        nr++;
    splitio_blob_begin(&w, buf, size, SPLITIO_SAVE_NETFRONT);
    splitio_blob_record(&w, REC_WISHES);
    blob_u32(&w, flags_of(dev));
    blob_u32(&w, dev->headroom);
    blob_u32(&w, nr);
    for (unsigned i = 0; i < nr; i++) {
        addr = splitio_netfront_mcast_wanted(dev, i);
        for (unsigned j = 0; j < 6; j++)
            blob_u8(&w, addr[j]);
    }
    if (dev->ctrl->hash_wanted) {
        splitio_blob_record(&w, REC_HASH);
        splitio_blob_put_hash(&w, &dev->ctrl->hash);
    }
    return splitio_blob_end(&w, bytes);
}

/* One record of wishes; with a device, they are taken up. */
static int wishes(struct splitio_netfront *dev, struct blob_reader *r)
{
    uint32_t flags = blob_get_u32(r), headroom = blob_get_u32(r);
    uint32_t nr = blob_get_u32(r);
    uint8_t addr[6];

    if (r->is_short || headroom > SPLITIO_NETIF_HEADROOM_MAX ||
        nr > SPLITIO_NETIF_MCAST_MAX)
        return SPLITIO_EPROTO;
    if (dev) {
        splitio_netfront_filter_multicast(dev, (flags & FLAG_FILTER) != 0);
        (void)splitio_netfront_set_headroom(dev, (uint16_t)headroom);
        if (flags & FLAG_STAGE)
            (void)splitio_netfront_set_staging(dev, true);
    }
    for (uint32_t i = 0; i < nr; i++) {
        for (unsigned j = 0; j < 6; j++)
            addr[j] = blob_get_u8(r);
        if (r->is_short || !(addr[0] & 1))
            return SPLITIO_EPROTO;
        if (dev)
            (void)splitio_netfront_mcast_add(dev, addr);
    }
    return 0;
}

/* The hash: what this device's configuration cannot do is left out. */
static int hashing(struct splitio_netfront *dev, struct blob_reader *r)
{
    struct splitio_netif_hash hash = {0};
    int err = splitio_blob_get_hash(r, &hash, SPLITIO_NETIF_QUEUES_MAX);

    if (!err && !r->is_short && dev)
        (void)splitio_netfront_set_hash(dev, &hash);
    return err;
}

static int each_record(struct splitio_netfront *dev, const void *blob,
                       size_t bytes)
{
    struct blob_reader r;
    int err = splitio_blob_open(&r, blob, bytes, SPLITIO_SAVE_NETFRONT), n = 0;

    while (!err && (n = splitio_blob_next(&r, REC_HASH)) > 0)
        err = r.tag == REC_HASH ? hashing(dev, &r) : wishes(dev, &r);
    return err ? err : n;
}

int splitio_netfront_restore(struct splitio_netfront *dev, const void *blob,
                             size_t bytes)
{
    int err;

    if (dev->connected)
        return SPLITIO_EINVAL;
    err = each_record(NULL, blob, bytes);
    return err ? err : each_record(dev, blob, bytes);
}
