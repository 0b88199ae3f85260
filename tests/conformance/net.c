/* SPDX-License-Identifier: BSD-2-Clause */
/* Net: the table of features. */
#include "net.h"

/* ---- switches ---- */

static void add(struct rig *r, uint32_t *features, uint32_t f, bool on)
{
    (void)r;
    if (on)
        *features |= f;
}

#define BOTH_SWITCHES(name, bit)                                               \
    static void name##_front(struct rig *r, bool on)                           \
    {                                                                          \
        add(r, &net_of(r)->front_cfg.features, bit, on);                       \
    }                                                                          \
    static void name##_back(struct rig *r, bool on)                            \
    {                                                                          \
        add(r, &net_of(r)->back_cfg.features, bit, on);                        \
    }

BOTH_SWITCHES(sg, SPLITIO_NETIF_F_SG)
BOTH_SWITCHES(csum4, SPLITIO_NETIF_F_CSUM_V4)
BOTH_SWITCHES(csum6, SPLITIO_NETIF_F_CSUM_V6)
BOTH_SWITCHES(gso4, SPLITIO_NETIF_F_GSO_TCPV4)
BOTH_SWITCHES(gso6, SPLITIO_NETIF_F_GSO_TCPV6)

static void nic_csum_back(struct rig *r, bool on)
{
    add(r, &net_of(r)->nic.flags, SPLITIO_NIC_CSUM, on);
}

static void nic_gso_back(struct rig *r, bool on)
{
    add(r, &net_of(r)->nic.flags, SPLITIO_NIC_GSO_TCPV4 | SPLITIO_NIC_GSO_TCPV6,
        on);
}

static void queues_front(struct rig *r, bool on)
{
    net_of(r)->front_cfg.max_queues = on ? 3 : 1;
}

static void queues_back(struct rig *r, bool on)
{
    net_of(r)->back_cfg.max_queues = on ? 2 : 1;
}

static void mcast_front(struct rig *r, bool on)
{
    net_of(r)->front_cfg.filter_multicast = on;
}

static void mcast_back(struct rig *r, bool on)
{
    add(r, &net_of(r)->back_cfg.features, SPLITIO_NETIF_F_MCAST, on);
}

static void headroom_front(struct rig *r, bool on)
{
    net_of(r)->front_cfg.headroom_bytes = on ? 256 : 0;
}

static void headroom_back(struct rig *r, bool on)
{
    add(r, &net_of(r)->back_cfg.features, SPLITIO_NETIF_F_HEADROOM, on);
}

static void ctrl_front(struct rig *r, bool on)
{
    net_of(r)->front_cfg.ctrl_ring = on;
}

static void ctrl_back(struct rig *r, bool on)
{
    add(r, &net_of(r)->back_cfg.features, SPLITIO_NETIF_F_CTRL, on);
}

static void hash_front(struct rig *r, bool on)
{
    net_of(r)->hashes = on;
}

static void staging_front(struct rig *r, bool on)
{
    net_of(r)->stages = on;
}

static void staging_back(struct rig *r, bool on)
{
    net_of(r)->back_cfg.staged_pages = on ? 64 : 0;
}

static void trusted_front(struct rig *r, bool on)
{
    r->front_keys[r->nr_front_keys++] =
        (struct splitio_toolstack_key){"trusted", on ? "1" : "0"};
}

/* ---- uses; of most, one to the back and one to the front ---- */

#define BOTH_USES(name, expression)                                            \
    static uint64_t name##_tx(const struct rig *r)                             \
    {                                                                          \
        return net_seen(r, 0)->expression;                                     \
    }                                                                          \
    static uint64_t name##_rx(const struct rig *r)                             \
    {                                                                          \
        return net_seen(r, 1)->expression;                                     \
    }

BOTH_USES(sg, nr_more)
BOTH_USES(csum4, nr_blank[0])
BOTH_USES(csum6, nr_blank[1])
BOTH_USES(gso4, nr_gso[SPLITIO_NETIF_GSO_TCPV4])
BOTH_USES(gso6, nr_gso[SPLITIO_NETIF_GSO_TCPV6])

static uint64_t mcast_used(const struct rig *r)
{
    return net_seen(r, 0)->nr_extras[SPLITIO_NETIF_EXTRA_MCAST_ADD];
}

static uint64_t filter_used(const struct rig *r)
{
    return ((const struct net_rig *)r)->back.filter_multicast;
}

static uint64_t headroom_used(const struct rig *r)
{
    return net_seen(r, 1)->nr_offset;
}

static uint64_t ctrl_used(const struct rig *r)
{
    return ((const struct net_rig *)r)->has_ctrl_ring;
}

static uint64_t hash_used(const struct rig *r)
{
    return net_seen(r, 1)->nr_extras[SPLITIO_NETIF_EXTRA_HASH];
}

static uint64_t staging_used(const struct rig *r)
{
    return ((const struct net_rig *)r)->back.stats.staged_copies;
}

static uint64_t trusted_used(const struct rig *r)
{
    return !((const struct net_rig *)r)->front.untrusted;
}

static uint64_t split_used(const struct rig *r)
{
    const struct net_rig *n = (const struct net_rig *)r;

    return n->nr_channels > n->back.nr_queues + n->has_ctrl_ring;
}

static uint64_t queues_used(const struct rig *r)
{
    return net_seen(r, 0)->nr_used_rings > 1 &&
           net_seen(r, 1)->nr_used_rings > 1;
}

/* ---- the table ---- */

enum {
    RX_COPY,
    NIC_CSUM,
    NIC_GSO,
    SG,
    CSUM_V4,
    CSUM_V6,
    GSO_V4,
    GSO_V6,
    SPLIT,
    QUEUES,
    MCAST,
    HEADROOM,
    TRUSTED,
    CTRL,
    HASH,
    STAGING,
};

#define USES(name)                                                             \
    {                                                                          \
        {BACK, name##_tx},                                                     \
        {                                                                      \
            FRONT, name##_rx                                                   \
        }                                                                      \
    }

static const struct feature features[] = {
    [RX_COPY] = {.name = "rx-copy",
                 .sides = BOTH,
                 .required = true,
                 .veil = BOTH,
                 .front_key = {"request-rx-copy", "1", "0", FRONT},
                 .back_key = {"feature-rx-copy", "1", "0", BACK}},
    [NIC_CSUM] = {.name = "NIC with checksums",
                  .sides = BACK,
                  .back = nic_csum_back},
    [NIC_GSO] = {.name = "NIC with segmentation",
                 .sides = BACK,
                 .back = nic_gso_back},
    [SG] = {.name = "scatter-gather",
            .sides = BOTH,
            .front = sg_front,
            .back = sg_back,
            .front_key = {"feature-sg", "1", "0", FRONT},
            .back_key = {"feature-sg", "1", "0", BACK},
            .uses = USES(sg)},
    [CSUM_V4] = {.name = "checksums IPv4",
                 .sides = BOTH,
                 .front = csum4_front,
                 .back = csum4_back,
                 .front_key = {"feature-no-csum-offload", "0", "1", FRONT},
                 .back_key = {"feature-no-csum-offload", "0", "1", BACK},
                 .uses = USES(csum4)},
    [CSUM_V6] = {.name = "checksums IPv6",
                 .sides = BOTH,
                 .front = csum6_front,
                 .back = csum6_back,
                 .front_key = {"feature-ipv6-csum-offload", "1", "0", FRONT},
                 .back_key = {"feature-ipv6-csum-offload", "1", "0", BACK},
                 .uses = USES(csum6)},
    [GSO_V4] = {.name = "segmentation IPv4",
                .sides = BOTH,
                .needs = BIT(SG) | BIT(NIC_GSO),
                .front = gso4_front,
                .back = gso4_back,
                .front_key = {"feature-gso-tcpv4", "1", "0", FRONT},
                .back_key = {"feature-gso-tcpv4", "1", "0", BACK},
                .uses = USES(gso4)},
    [GSO_V6] = {.name = "segmentation IPv6",
                .sides = BOTH,
                .needs = BIT(SG) | BIT(NIC_GSO),
                .front = gso6_front,
                .back = gso6_back,
                .front_key = {"feature-gso-tcpv6", "1", "0", FRONT},
                .back_key = {"feature-gso-tcpv6", "1", "0", BACK},
                .uses = USES(gso6)},
    [SPLIT] = {.name = "split channels",
               .sides = BACK,
               .veil = BACK,
               .back_key = {"feature-split-event-channels", "1", "0", BACK},
               .uses = {{BACK, split_used}}},
    [QUEUES] = {.name = "2 queues",
                .sides = BOTH,
                .front = queues_front,
                .back = queues_back,
                .front_key = {"multi-queue-num-queues", "2", NULL, BOTH},
                .back_key = {"multi-queue-max-queues", "2", "1", BACK},
                .uses = {{BOTH, queues_used}}},
    [MCAST] = {.name = "multicast control",
               .sides = BOTH,
               .front = mcast_front,
               .back = mcast_back,
               .front_key = {"request-multicast-control", "1", "?", BOTH},
               .back_key = {"feature-multicast-control", "1", "0", BACK},
               .uses = {{BACK, mcast_used}, {BOTH, filter_used}}},
    [HEADROOM] = {.name = "headroom",
                  .sides = BOTH,
                  .front = headroom_front,
                  .back = headroom_back,
                  .front_key = {"xdp-headroom", "256", "?", BOTH},
                  .back_key = {"feature-xdp-headroom", "1", "0", BACK},
                  .uses = {{BOTH, headroom_used}}},
    [TRUSTED] = {.name = "trusted back",
                 .sides = FRONT,
                 .front = trusted_front,
                 .uses = {{FRONT, trusted_used}}},
    [CTRL] = {.name = "control ring",
              .sides = BOTH,
              .front = ctrl_front,
              .back = ctrl_back,
              .front_key = {"event-channel-ctrl", "?", NULL, BOTH},
              .back_key = {"feature-ctrl-ring", "1", "0", BACK},
              .uses = {{BOTH, ctrl_used}}},
    [HASH] = {.name = "hashing",
              .sides = FRONT,
              .needs = BIT(CTRL),
              .front = hash_front,
              .uses = {{BOTH, hash_used}}},
    [STAGING] = {.name = "staged pages",
                 .sides = BOTH,
                 .needs = BIT(CTRL),
                 .front = staging_front,
                 .back = staging_back,
                 .uses = {{BOTH, staging_used}}},
};

const struct protocol net_protocol = {
    .name = "net",
    .kind = "vif",
    .features = features,
    .nr_features = SPLITIO_ARRAY_LEN(features),
    .rig_bytes = sizeof(struct net_rig),
    .configure = net_configure,
    .front_new = net_front_new,
    .back_new = net_back_new,
    .front_poll = net_front_poll,
    .back_poll = net_back_poll,
    .look = net_look,
    .is_up = net_is_up,
    .traffic = net_traffic,
    .front_close = net_front_close,
    .front_reopen = net_front_reopen,
    .front_is_closed = net_front_is_closed,
    .front_fini = net_front_fini,
    .back_fini = net_back_fini,
    .is_clean = net_is_clean,
    .free_memory = net_free_memory,
};
