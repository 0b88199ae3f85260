/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames of every kind, both ways: each must come, whole or made up for. */
#include "net.h"

#include <stdlib.h>
#include <string.h>

/* Kinds of frames; those of the first kind have no flow, the others many. */
static const struct {
    const char *name;
    unsigned version, protocol;
    uint32_t len_bytes;
    bool blank;
    uint16_t gso_size;
} kinds[] = {
    {"60 bytes", 0, 0, 60, false, 0},
    {"1514 bytes", 0, 0, 1514, false, 0},
    {"9014 bytes", 0, 0, 9014, false, 0},
    {"TCP over IPv4", 4, SPLITIO_PACKET_TCP, 600, false, 0},
    {"TCP over IPv4, blank", 4, SPLITIO_PACKET_TCP, 601, true, 0},
    {"UDP over IPv4, blank", 4, SPLITIO_PACKET_UDP, 1400, true, 0},
    {"UDP over IPv6", 6, SPLITIO_PACKET_UDP, 600, false, 0},
    {"TCP over IPv6, blank", 6, SPLITIO_PACKET_TCP, 1399, true, 0},
    {"UDP over IPv6, blank", 6, SPLITIO_PACKET_UDP, 601, true, 0},
    {"long TCP over IPv4", 4, SPLITIO_PACKET_TCP, 20000, true, 1448},
    {"long TCP over IPv6", 6, SPLITIO_PACKET_TCP, 30001, true, 1428},
};

static struct kept make_kind(unsigned kind)
{
    if (kinds[kind].version == 0)
        return make_noise(kinds[kind].len_bytes);
    if (kinds[kind].gso_size)
        return make_gso(kinds[kind].version, kinds[kind].len_bytes,
                        kinds[kind].gso_size);
    return make_ip(kinds[kind].version, kinds[kind].protocol,
                   kinds[kind].len_bytes, kinds[kind].blank);
}

/* For one station: what multicast is kept away is looked at elsewhere. */
static struct kept make(unsigned kind)
{
    struct kept k = make_kind(kind);

    k.bytes[0] &= 0xfe;
    return k;
}

/* ---- comparing ---- */

/* The same bytes; a checksum that was blank may have been filled in. */
static bool same(struct rig *r, const char *name, const struct kept *want,
                 const struct kept *got)
{
    struct splitio_packet_info info;
    struct kept k = *got;
    uint8_t sum[2];
    bool good;

    if (got->len_bytes != want->len_bytes)
        return rig_fail(r, "%s: %u bytes of %u came", name, got->len_bytes,
                        want->len_bytes);
    if (memcmp(got->bytes, want->bytes, want->len_bytes) == 0)
        return true;
    if (!(want->flags & SPLITIO_FRAME_CSUM_PARTIAL) ||
        (got->flags & SPLITIO_FRAME_CSUM_PARTIAL) || !csum_is_right(got) ||
        splitio_packet_parse(got->bytes, got->len_bytes, &info))
        return rig_fail(r, "%s: other bytes came", name);
    memcpy(sum, got->bytes + info.l4_offset + info.csum_offset, 2);
    memcpy(k.bytes + info.l4_offset + info.csum_offset,
           want->bytes + info.l4_offset + info.csum_offset, 2);
    good = memcmp(k.bytes, want->bytes, want->len_bytes) == 0;
    memcpy(k.bytes + info.l4_offset + info.csum_offset, sum, 2);
    return good || rig_fail(r, "%s: other bytes came", name);
}

/* As long as it was, or as the segments that it is made of. */
static bool segments(struct rig *r, const char *name, const struct kept *want,
                     struct queue *got)
{
    static struct splitio_packet_gso g;
    struct splitio_iovec iov = {want->bytes, want->len_bytes};
    int n =
        splitio_packet_gso_init(&g, &iov, 1, want->len_bytes, want->gso_size);

    if (n != (int)queue_len(got))
        return rig_fail(r, "%s: %u frames came, not %d", name, queue_len(got),
                        n);
    for (int i = 0; i < n; i++) {
        struct kept s = queue_get(got), w = {.flags = want->flags};
        bool good;

        w.len_bytes = splitio_packet_gso_bytes(&g, (unsigned)i);
        w.bytes = malloc(w.len_bytes);
        splitio_packet_gso_make(&g, (unsigned)i, &iov, 1, w.bytes);
        good = same(r, name, &w, &s);
        free(w.bytes);
        kept_free(&s);
        if (!good)
            return false;
    }
    return true;
}

static bool arrived(struct rig *r, const char *name, const struct kept *want,
                    struct queue *queue)
{
    struct kept got;
    bool good;

    if (want->gso_size && queue_len(queue) != 1)
        return segments(r, name, want, queue);
    if (queue_len(queue) != 1)
        return rig_fail(r, "%s: %u frames came", name, queue_len(queue));
    got = queue_get(queue);
    good = same(r, name, want, &got);
    if (good && (got.gso_type != want->gso_type ||
                 (want->gso_type && got.gso_size != want->gso_size)))
        good = rig_fail(r, "%s: its segmentation is another", name);
    kept_free(&got);
    return good;
}

/* ---- sending ---- */

static bool fits(const struct rig *r, unsigned kind, uint32_t features)
{
    (void)r;
    return kinds[kind].gso_size || kinds[kind].len_bytes <= SPLITIO_PAGE_SIZE ||
           (features & SPLITIO_NETIF_F_SG);
}

static bool to_the_back(struct rig *r, unsigned kind)
{
    struct net_rig *n = net_of(r);
    struct kept k = make(kind);
    struct splitio_iovec iov[4];
    struct splitio_frame f = kept_frame(&k, iov, 4);
    bool takes = fits(r, kind, n->front.back_features), good;
    int err = splitio_netfront_send(&n->front, &f);

    splitio_netfront_kick(&n->front);
    good = rig_run(r, BOTH);
    if (good && err != (takes ? 0 : SPLITIO_EINVAL))
        good = rig_fail(r, "%s: send says %d", kinds[kind].name, err);
    if (good && takes)
        good = arrived(r, kinds[kind].name, &k, &n->nic.out);
    if (good && queue_len(&n->nic.out) != 0)
        good = rig_fail(r, "%s: more frames came", kinds[kind].name);
    kept_free(&k);
    return good;
}

static bool to_the_front(struct rig *r, unsigned kind)
{
    struct net_rig *n = net_of(r);
    struct kept k = make(kind);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);
    bool takes = fits(r, kind, n->back.front_features), good;

    queue_put(&n->nic.in, &f);
    good = rig_run(r, BOTH);
    if (good && takes)
        good = arrived(r, kinds[kind].name, &k, &n->received);
    if (good && queue_len(&n->received) != 0)
        good = rig_fail(r, "%s: more frames came", kinds[kind].name);
    kept_free(&k);
    return good;
}

static const uint8_t wanted[6] = {1, 0, 0x5e, 0, 0, 1};

/* A frame to a multicast address. */
static bool multicast(struct rig *r, const uint8_t to[6], bool comes)
{
    struct net_rig *n = net_of(r);
    struct kept k = make_noise(100);
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);
    bool good;

    memcpy(k.bytes, to, 6);
    queue_put(&n->nic.in, &f);
    good = rig_run(r, BOTH);
    if (good && comes)
        good = arrived(r, "multicast", &k, &n->received);
    if (good && queue_len(&n->received) != 0)
        good = rig_fail(r, "multicast that nobody wants came");
    kept_free(&k);
    return good;
}

static bool multicasts(struct rig *r)
{
    static const uint8_t other[6] = {1, 0, 0x5e, 0, 0, 2};
    static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
    struct net_rig *n = net_of(r);
    int err = splitio_netfront_mcast_add(&n->front, wanted);

    if (err)
        return rig_fail(r, "asking for an address: %d", err);
    return rig_run(r, BOTH) && multicast(r, wanted, true) &&
           multicast(r, other, !n->back.filter_multicast) &&
           multicast(r, all, true);
}

static uint64_t nr_bad(const struct net_rig *n)
{
    return n->front.stats.tx_errors + n->front.stats.rx_errors +
           n->back.stats.tx_bad;
}

bool net_traffic(struct rig *r)
{
    struct net_rig *n = net_of(r);

    uint64_t bad = nr_bad(n);
    unsigned nr = n->nr_kinds ? n->nr_kinds : SPLITIO_ARRAY_LEN(kinds);

    rnd_seed(7);
    for (unsigned i = 0; i < nr; i++) {
        n->sending = kinds[i].version;
        if (!to_the_back(r, i) || !to_the_front(r, i))
            return false;
    }
    n->sending = 0;
    if (!multicasts(r))
        return false;
    for (unsigned way = 0; way < 2; way++)
        if (n->seen[way].nr_unknown != 0)
            return rig_fail(r, "an extra of an unknown kind was on the ring");
    return nr_bad(n) == bad || rig_fail(r, "frames with errors");
}
