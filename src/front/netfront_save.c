/* SPDX-License-Identifier: BSD-2-Clause */
/* What netfront wants of its back, written down and asked for again. */
#include "../base/blob.h"
#include "netfront_impl.h"

enum {
    REC_WISHES = 1,
};

#define FLAG_FILTER (1u << 0)

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
    blob_u32(&w, dev->filter_multicast ? FLAG_FILTER : 0);
    blob_u32(&w, dev->headroom);
    blob_u32(&w, nr);
    for (unsigned i = 0; i < nr; i++) {
        addr = splitio_netfront_mcast_wanted(dev, i);
        for (unsigned j = 0; j < 6; j++)
            blob_u8(&w, addr[j]);
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

static int each_record(struct splitio_netfront *dev, const void *blob,
                       size_t bytes)
{
    struct blob_reader r;
    int err = splitio_blob_open(&r, blob, bytes, SPLITIO_SAVE_NETFRONT), n = 0;

    while (!err && (n = splitio_blob_next(&r, REC_WISHES)) > 0)
        err = wishes(dev, &r);
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
