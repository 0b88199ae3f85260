/* SPDX-License-Identifier: BSD-2-Clause */
/* What `ethtool -S` and `ethtool -i` say. */
#include "net.h"

#include <linux/ethtool.h>

static const struct {
    char name[ETH_GSTRING_LEN];
    size_t offset;
} counters[] = {
#define COUNTER(field)                                                         \
    {                                                                          \
#field, offsetof(struct splitio_netfront_stats, field)                 \
    }
    COUNTER(tx_frames),  COUNTER(tx_bytes), COUNTER(tx_errors),
    COUNTER(tx_full),    COUNTER(tx_long),  COUNTER(tx_lost),
    COUNTER(rx_frames),  COUNTER(rx_bytes), COUNTER(rx_errors),
    COUNTER(rx_dropped), COUNTER(events),   COUNTER(notifies),
#undef COUNTER
};

static int get_count(struct net_device *dev, int set)
{
    return set == ETH_SS_STATS ? (int)ARRAY_SIZE(counters) : -EOPNOTSUPP;
}

static void get_strings(struct net_device *dev, u32 set, u8 *to)
{
    if (set != ETH_SS_STATS)
        return;
    for (unsigned int i = 0; i < ARRAY_SIZE(counters); i++)
        ethtool_sprintf(&to, "%s", counters[i].name);
}

static void get_stats(struct net_device *dev, struct ethtool_stats *stats,
                      u64 *to)
{
    struct nic *n = netdev_priv(dev);
    struct splitio_machine *m = n->sd->machine;

    mutex_lock(&m->lock);
    for (unsigned int i = 0; i < ARRAY_SIZE(counters); i++)
        memcpy(&to[i], (const char *)&n->front.stats + counters[i].offset,
               sizeof(u64));
    mutex_unlock(&m->lock);
}

static void get_info(struct net_device *dev, struct ethtool_drvinfo *info)
{
    struct nic *n = netdev_priv(dev);

    strscpy(info->driver, "splitio-net", sizeof(info->driver));
    strscpy(info->bus_info, dev_name(&n->sd->dev), sizeof(info->bus_info));
}

const struct ethtool_ops net_ethtool_ops = {
    .get_drvinfo = get_info,
    .get_link = ethtool_op_get_link,
    .get_sset_count = get_count,
    .get_strings = get_strings,
    .get_ethtool_stats = get_stats,
};
