/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks on chains of netif slots. Pure: copies in, verdict out. */
#include <splitio/nic.h>
#include <splitio/proto/netif.h>

/* What is common to the extras of both directions. 1: another extra follows. */
static int feed_extra(const struct splitio_netif_extra *e, uint8_t *types,
                      uint8_t *nr)
{
    unsigned bit;

    if (e->type == 0 || e->type >= SPLITIO_NETIF_EXTRA_TYPES)
        return SPLITIO_EPROTO;
    bit = 1u << e->type;
    if (*types & bit)
        return SPLITIO_EPROTO;
    *types = (uint8_t)(*types | bit);
    (*nr)++;
    return (e->flags & SPLITIO_NETIF_EXTRA_FLAG_MORE) != 0;
}

static bool gso_makes_sense(const struct splitio_netif_extra *e)
{
    return splitio_le16(e->u.gso.size) >= SPLITIO_PACKET_GSO_SIZE_MIN &&
           (e->u.gso.type == SPLITIO_NETIF_GSO_TCPV4 ||
            e->u.gso.type == SPLITIO_NETIF_GSO_TCPV6);
}

/* A kind of hash that nobody knows is as good as none. */
static uint8_t hash_of(const struct splitio_netif_extra *e, uint32_t *hash)
{
    const uint8_t *v = e->u.hash.value;

    if (e->u.hash.algorithm != SPLITIO_NETIF_HASH_TOEPLITZ ||
        e->u.hash.type >= SPLITIO_HASH_IPV6_TCP)
        return SPLITIO_HASH_NONE;
    *hash = v[0] | (uint32_t)v[1] << 8 | (uint32_t)v[2] << 16 |
            (uint32_t)v[3] << 24;
    return (uint8_t)(e->u.hash.type + 1);
}

#define MCAST_TYPES                                                            \
    (1u << SPLITIO_NETIF_EXTRA_MCAST_ADD | 1u << SPLITIO_NETIF_EXTRA_MCAST_DEL)

static void tx_mcast(struct splitio_netif_tx_packet *p,
                     const struct splitio_netif_extra *e)
{
    __builtin_memcpy(p->mcast, e->u.mcast.addr, 6);
    if ((p->extra_types & MCAST_TYPES) == MCAST_TYPES || !(p->mcast[0] & 1))
        p->verdict = SPLITIO_NETIF_DROP;
    else if (p->verdict == SPLITIO_NETIF_ACCEPT)
        p->verdict = SPLITIO_NETIF_MCAST;
}

static int tx_extra(struct splitio_netif_tx_packet *p,
                    const struct splitio_netif_extra *e)
{
    int more = feed_extra(e, &p->extra_types, &p->nr_extras);

    if (more < 0)
        return more;
    p->in_extras = more != 0;
    switch (e->type) {
    case SPLITIO_NETIF_EXTRA_GSO:
        p->gso_size = splitio_le16(e->u.gso.size);
        p->gso_type = e->u.gso.type;
        if (!gso_makes_sense(e))
            p->verdict = SPLITIO_NETIF_DROP;
        break;
    case SPLITIO_NETIF_EXTRA_MCAST_ADD:
    case SPLITIO_NETIF_EXTRA_MCAST_DEL:
        tx_mcast(p, e);
        break;
    case SPLITIO_NETIF_EXTRA_HASH:
        p->hash_type = hash_of(e, &p->hash);
        break;
    default: /* headroom: of no use here */
        break;
    }
    return 0;
}

static int tx_first(struct splitio_netif_tx_packet *p,
                    const struct splitio_netif_tx_request *req)
{
    p->flags = req->flags;
    p->len_bytes = req->size;
    p->first.gref = req->gref;
    p->first.offset = req->offset;
    p->ids[0] = req->id;
    p->nr_ids = 1;
    p->in_extras = (req->flags & SPLITIO_NETTXF_EXTRA_INFO) != 0;
    /* Room for the first segment, whose size is known last. */
    p->nr_segs = 1;
    return 0;
}

static int tx_next(struct splitio_netif_tx_packet *p,
                   const struct splitio_netif_tx_request *req)
{
    if (p->nr_ids == SPLITIO_NETIF_SLOTS_FATAL ||
        (uint32_t)req->offset + req->size > SPLITIO_PAGE_SIZE)
        return SPLITIO_EPROTO;
    p->ids[p->nr_ids++] = req->id;
    p->rest_bytes += req->size;
    if (p->nr_ids > SPLITIO_NETIF_SLOTS_MAX) {
        p->verdict = SPLITIO_NETIF_DROP;
        return 0;
    }
    if (req->size == 0)
        return 0;
    p->segs[p->nr_segs].gref = req->gref;
    p->segs[p->nr_segs].offset = req->offset;
    p->segs[p->nr_segs].size = req->size;
    p->nr_segs++;
    return 0;
}

/* All slots are in: what is left for the first one, and is it a frame? */
static int tx_complete(struct splitio_netif_tx_packet *p)
{
    uint32_t first = p->len_bytes - p->rest_bytes;
    unsigned i;

    if (p->extra_types & MCAST_TYPES)
        return 0;
    if (p->len_bytes < SPLITIO_NETIF_BYTES_MIN ||
        p->rest_bytes > p->len_bytes) {
        p->verdict = SPLITIO_NETIF_DROP;
        return 0;
    }
    if (p->first.offset + first > SPLITIO_PAGE_SIZE)
        return SPLITIO_EPROTO;
    if (first != 0) {
        p->segs[0] = p->first;
        p->segs[0].size = (uint16_t)first;
        return 0;
    }
    p->nr_segs--;
    for (i = 0; i < p->nr_segs; i++)
        p->segs[i] = p->segs[i + 1];
    return 0;
}

int splitio_netif_tx_feed(struct splitio_netif_tx_packet *p,
                          const union splitio_netif_tx_slot *slot)
{
    struct splitio_netif_tx_request req;
    int err;

    if (p->in_extras) {
        err = tx_extra(p, &slot->extra);
        if (err)
            return err;
        if (p->in_extras || (p->flags & SPLITIO_NETTXF_MORE_DATA))
            return 1;
        return tx_complete(p);
    }
    req = slot->req;
    splitio_netif_tx_request_swap(&req);
    err = p->nr_ids == 0 ? tx_first(p, &req) : tx_next(p, &req);
    if (err)
        return err;
    if (p->in_extras || (req.flags & SPLITIO_NETTXF_MORE_DATA))
        return 1;
    return tx_complete(p);
}

/* Takes away what of a piece is headroom. */
static void skip_headroom(const struct splitio_netif_rx_packet *p,
                          uint32_t *offset, uint32_t *size)
{
    uint32_t skip = p->headroom > *offset ? p->headroom - *offset : 0;

    if (skip > *size)
        skip = *size;
    *offset += skip;
    *size -= skip;
}

static void rx_headroom(struct splitio_netif_rx_packet *p,
                        const struct splitio_netif_extra *e)
{
    uint32_t offset, size;

    p->headroom = splitio_le16(e->u.xdp.headroom);
    if (p->nr_segs == 0)
        return;
    offset = p->segs[0].offset;
    size = p->segs[0].size;
    p->len_bytes -= size;
    skip_headroom(p, &offset, &size);
    p->len_bytes += size;
    p->segs[0].offset = (uint16_t)offset;
    p->segs[0].size = (uint16_t)size;
    p->nr_segs = size != 0;
}

static int rx_extra(struct splitio_netif_rx_packet *p,
                    const struct splitio_netif_extra *e)
{
    int more = feed_extra(e, &p->extra_types, &p->nr_extras);

    if (more < 0)
        return more;
    p->in_extras = more != 0;
    if (e->type == SPLITIO_NETIF_EXTRA_GSO) {
        p->gso_size = splitio_le16(e->u.gso.size);
        p->gso_type = e->u.gso.type;
        if (!gso_makes_sense(e))
            p->verdict = SPLITIO_NETIF_DROP;
    } else if (e->type == SPLITIO_NETIF_EXTRA_XDP) {
        rx_headroom(p, e);
    } else if (e->type == SPLITIO_NETIF_EXTRA_HASH) {
        p->hash_type = hash_of(e, &p->hash);
    }
    return 0;
}

static int rx_data(struct splitio_netif_rx_packet *p,
                   const struct splitio_netif_rx_response *rsp, uint32_t index)
{
    uint32_t size = rsp->status > 0 ? (uint32_t)rsp->status : 0;
    uint32_t offset = rsp->offset;

    if (rsp->id != (index & (SPLITIO_NETIF_RING_SLOTS - 1)) ||
        offset + size > SPLITIO_PAGE_SIZE ||
        p->nr_slots == SPLITIO_NETIF_SLOTS_FATAL)
        return SPLITIO_EPROTO;
    if (p->nr_slots == 0) {
        p->flags = rsp->flags;
        p->in_extras = (rsp->flags & SPLITIO_NETRXF_EXTRA_INFO) != 0;
    }
    p->nr_slots++;
    p->more_data = (rsp->flags & SPLITIO_NETRXF_MORE_DATA) != 0;
    if (rsp->status < 0 || p->nr_slots > SPLITIO_NETIF_SLOTS_MAX) {
        p->verdict = SPLITIO_NETIF_DROP;
        return 0;
    }
    skip_headroom(p, &offset, &size);
    if (size == 0)
        return 0;
    p->len_bytes += size;
    p->segs[p->nr_segs].index = index;
    p->segs[p->nr_segs].offset = (uint16_t)offset;
    p->segs[p->nr_segs].size = (uint16_t)size;
    p->nr_segs++;
    return 0;
}

int splitio_netif_rx_feed(struct splitio_netif_rx_packet *p,
                          const union splitio_netif_rx_slot *slot,
                          uint32_t index)
{
    struct splitio_netif_rx_response rsp;
    int err;

    if (p->in_extras) {
        err = rx_extra(p, &slot->extra);
    } else {
        rsp = slot->rsp;
        splitio_netif_rx_response_swap(&rsp);
        err = rx_data(p, &rsp, index);
    }
    if (err)
        return err;
    if (p->in_extras || p->more_data)
        return 1;
    if (p->len_bytes < SPLITIO_NETIF_BYTES_MIN ||
        p->len_bytes > SPLITIO_NETIF_RX_BYTES_MAX)
        p->verdict = SPLITIO_NETIF_DROP;
    return 0;
}
