/* SPDX-License-Identifier: BSD-2-Clause */
/* NICs: a net front as an interface of Linux. */
#include "net.h"

#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

#define BUDGET   64
#define QUEUE    256 /* frames that may wait for the thread */
#define RX_QUEUE 1024
#define RX_PAGES 256
#define TX_PAGES 256

/* --- sending --- */

static netdev_tx_t net_xmit(struct sk_buff *skb, struct net_device *dev)
{
    struct nic *n = netdev_priv(dev);

    skb_tx_timestamp(skb);
    skb_queue_tail(&n->to_send, skb);
    if (skb_queue_len(&n->to_send) >= QUEUE)
        netif_stop_queue(dev);
    if (!netdev_xmit_more() || netif_queue_stopped(dev))
        splitio_wake(n->sd->machine);
    return NETDEV_TX_OK;
}

static int send_some(struct nic *n)
{
    struct splitio_iovec iov[MAX_SKB_FRAGS + 1];
    struct splitio_frame frame;
    struct sk_buff *skb;
    int done = 0, err;

    while ((skb = skb_dequeue(&n->to_send))) {
        net_frame_of_skb(&frame, iov, skb);
        err = splitio_netfront_send(&n->front, &frame);
        if (err == SPLITIO_EAGAIN) {
            skb_queue_head(&n->to_send, skb);
            break;
        }
        if (err)
            dev_core_stats_tx_dropped_inc(n->dev);
        dev_kfree_skb(skb);
        done++;
    }
    if (done > 0)
        splitio_netfront_kick(&n->front);
    if (netif_queue_stopped(n->dev) && n->shown &&
        skb_queue_len(&n->to_send) < QUEUE / 2)
        netif_wake_queue(n->dev);
    return done;
}

/* --- receiving --- */

/* In the thread: the frame is lent for this call. */
static void on_frame(void *arg, const struct splitio_frame *frame)
{
    struct nic *n = arg;
    struct sk_buff *skb;

    if (!n->shown || skb_queue_len(&n->received) >= RX_QUEUE) {
        dev_core_stats_rx_dropped_inc(n->dev);
        return;
    }
    skb = net_skb_of_frame(n->dev, frame);
    if (skb)
        skb_queue_tail(&n->received, skb);
    else
        dev_core_stats_rx_dropped_inc(n->dev);
}

static void schedule_napi(struct nic *n)
{
    if (skb_queue_empty(&n->received))
        return;
    local_bh_disable();
    napi_schedule(&n->napi);
    local_bh_enable();
}

static int net_napi_poll(struct napi_struct *napi, int budget)
{
    struct nic *n = container_of(napi, struct nic, napi);
    struct sk_buff *skb;
    int done = 0;

    while (done < budget && (skb = skb_dequeue(&n->received))) {
        napi_gro_receive(napi, skb);
        done++;
    }
    /* What came between the last look and the end is looked for again. */
    if (done < budget && napi_complete_done(napi, done) &&
        !skb_queue_empty(&n->received))
        napi_schedule(napi);
    return done;
}

/* --- the front --- */

static void on_wake(void *arg)
{
    struct nic *n = arg;

    splitio_wake(n->sd->machine);
}

static void on_link(void *arg)
{
    struct nic *n = arg;

    (void)queue_work(system_long_wq, &n->update);
}

static int net_poll(struct splitio_device *sd)
{
    struct nic *n = dev_get_drvdata(&sd->dev);
    int done = splitio_netfront_poll(&n->front, BUDGET);

    done = max(done, 0) + send_some(n);
    schedule_napi(n);
    if (n->closing &&
        (splitio_netfront_is_closed(&n->front) ||
         splitio_is_alone(sd->machine)) &&
        splitio_netfront_fini(&n->front) == 0)
        splitio_done(sd);
    return done;
}

static void net_resume(struct splitio_device *sd)
{
    struct nic *n = dev_get_drvdata(&sd->dev);

    splitio_netfront_resume(&n->front);
}

static int front_open(struct nic *n)
{
    struct splitio_machine *m = n->sd->machine;
    struct splitio_netfront_config cfg = {
        .wake = {on_wake, n},
        .dir = n->sd->dir,
        .features = SPLITIO_NETIF_F_ALL,
        .receive = on_frame,
        .link_changed = on_link,
        .arg = n,
    };
    uint32_t pages;
    size_t bytes;
    int err;

    mutex_lock(&m->lock);
    /* A small window is shared by all its devices. */
    pages = rounddown_pow_of_two(
        clamp(m->guest.guest.nr_free_pages / 8, 32u, (uint32_t)TX_PAGES));
    cfg.nr_tx_pages = min(pages, (uint32_t)TX_PAGES);
    cfg.nr_rx_pages = min(pages, (uint32_t)RX_PAGES);
    cfg.port = splitio_ivshmem_guest_port(&m->guest);
    cfg.store = splitio_ivshmem_guest_store(&m->guest);
    bytes = splitio_netfront_mem_bytes(&cfg);
    n->mem = vzalloc(bytes);
    err = n->mem ? splitio_netfront_init(&n->front, &cfg, n->mem, bytes)
                 : SPLITIO_ENOMEM;
    mutex_unlock(&m->lock);
    if (!err)
        return 0;
    dev_err(&n->sd->dev, "%s\n", splitio_strerror(err));
    return -ENOMEM;
}

/* --- the interface --- */

static int net_open(struct net_device *dev)
{
    struct nic *n = netdev_priv(dev);

    napi_enable(&n->napi);
    netif_start_queue(dev);
    splitio_wake(n->sd->machine);
    return 0;
}

static int net_stop(struct net_device *dev)
{
    struct nic *n = netdev_priv(dev);

    netif_stop_queue(dev);
    napi_disable(&n->napi);
    return 0;
}

/* What the thread has counted; a value of it is read at once. */
static void net_get_stats(struct net_device *dev, struct rtnl_link_stats64 *to)
{
    const struct nic *n = netdev_priv(dev);
    const struct splitio_netfront_stats *stats = &n->front.stats;

    to->tx_packets = READ_ONCE(stats->tx_frames);
    to->tx_bytes = READ_ONCE(stats->tx_bytes);
    to->tx_errors = READ_ONCE(stats->tx_errors);
    to->rx_packets = READ_ONCE(stats->rx_frames);
    to->rx_bytes = READ_ONCE(stats->rx_bytes);
    to->rx_errors = READ_ONCE(stats->rx_errors);
}

static const struct net_device_ops netdev_ops = {
    .ndo_open = net_open,
    .ndo_stop = net_stop,
    .ndo_start_xmit = net_xmit,
    .ndo_get_stats64 = net_get_stats,
    .ndo_validate_addr = eth_validate_addr,
};

static void show(struct nic *n, const uint8_t mac[6], uint32_t mtu)
{
    static const uint8_t none[6];

    if (memcmp(mac, none, sizeof(none)) != 0)
        eth_hw_addr_set(n->dev, mac);
    else
        eth_hw_addr_random(n->dev);
    n->dev->mtu = mtu;
    n->dev->max_mtu = mtu;
    n->shown = true;
    if (register_netdev(n->dev)) {
        dev_err(&n->sd->dev, "no interface can be made of it\n");
        n->shown = false;
    }
}

/* Without the machine's lock. */
static void update(struct work_struct *work)
{
    struct nic *n = container_of(work, struct nic, update);
    struct splitio_machine *m = n->sd->machine;
    uint8_t mac[6];
    uint32_t mtu;
    bool up;

    mutex_lock(&m->lock);
    memcpy(mac, splitio_netfront_mac(&n->front), sizeof(mac));
    mtu = splitio_netfront_mtu(&n->front);
    up = splitio_netfront_is_up(&n->front) && !n->closing;
    mutex_unlock(&m->lock);
    if (!n->shown && up)
        show(n, mac, mtu);
    if (!n->shown)
        return;
    if (up)
        netif_carrier_on(n->dev);
    else
        netif_carrier_off(n->dev);
}

static struct nic *net_alloc(struct splitio_device *sd)
{
    struct net_device *dev = alloc_etherdev(sizeof(struct nic));
    struct nic *n;

    if (!dev)
        return NULL;
    n = netdev_priv(dev);
    n->dev = dev;
    n->sd = sd;
    skb_queue_head_init(&n->to_send);
    skb_queue_head_init(&n->received);
    INIT_WORK(&n->update, update);
    SET_NETDEV_DEV(dev, &sd->dev);
    dev->netdev_ops = &netdev_ops;
    dev->ethtool_ops = &net_ethtool_ops;
    /* The front does what the back does not offer. */
    dev->hw_features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_TSO |
                       NETIF_F_TSO6 | NETIF_F_RXCSUM;
    dev->features = dev->hw_features;
    netif_carrier_off(dev);
    netif_napi_add(dev, &n->napi, net_napi_poll);
    return n;
}

/* --- the driver --- */

static int net_probe(struct splitio_device *sd)
{
    struct nic *n = net_alloc(sd);
    int err;

    if (!n)
        return -ENOMEM;
    dev_set_drvdata(&sd->dev, n);
    err = front_open(n);
    if (err) {
        vfree(n->mem);
        free_netdev(n->dev);
    }
    return err;
}

static void net_remove(struct splitio_device *sd)
{
    struct nic *n = dev_get_drvdata(&sd->dev);
    struct splitio_machine *m = sd->machine;

    mutex_lock(&m->lock);
    n->closing = true;
    splitio_netfront_close(&n->front);
    mutex_unlock(&m->lock);
    cancel_work_sync(&n->update);
    splitio_wake(m);
    wait_for_completion(&sd->done);
    cancel_work_sync(&n->update);
    if (n->shown)
        unregister_netdev(n->dev);
    skb_queue_purge(&n->to_send);
    skb_queue_purge(&n->received);
    vfree(n->mem);
    free_netdev(n->dev);
}

static struct splitio_driver net_driver = {
    .driver.name = "splitio-net",
    .kind = "vif",
    .probe = net_probe,
    .remove = net_remove,
    .poll = net_poll,
    .resume = net_resume,
};

static int __init net_init(void)
{
    return splitio_driver_register(&net_driver, THIS_MODULE);
}

static void __exit net_exit(void)
{
    splitio_driver_unregister(&net_driver);
}

module_init(net_init);
module_exit(net_exit);
MODULE_DESCRIPTION("splitio: NICs");
MODULE_LICENSE("Dual BSD/GPL");
MODULE_ALIAS("splitio:vif");
