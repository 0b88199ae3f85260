/* SPDX-License-Identifier: BSD-2-Clause */
/* netback, written down and taken up again. */
#include "../proto/hash_blob.h"
#include "netback_ctrl.h"

/* Records, in this order; a queue's pages come after it. */
enum {
    REC_CONNECTION = 1,
    REC_QUEUE = 2,
    REC_STAGED = 3,
    REC_HASH = 4,
};

#define FLAG_NO_RX_NOTIFY  (1u << 0)
#define FLAG_FILTER        (1u << 1)
#define FLAG_MCAST_UNKNOWN (1u << 2)
#define FLAG_NO_CARRIER    (1u << 3)

/* ---- writing ---- */

static uint16_t flags_of(const struct splitio_netback *dev)
{
    unsigned flags = 0;

    flags |= dev->no_rx_notify ? FLAG_NO_RX_NOTIFY : 0;
    flags |= dev->filter_multicast ? FLAG_FILTER : 0;
    flags |= dev->mcast_unknown ? FLAG_MCAST_UNKNOWN : 0;
    flags |= dev->no_carrier ? FLAG_NO_CARRIER : 0;
    return (uint16_t)flags;
}

static void put_connection(struct blob_writer *w,
                           const struct splitio_netback *dev)
{
    const struct splitio_netback_rate *rate = &dev->rate;

    splitio_blob_record(w, REC_CONNECTION);
    blob_u16(w, dev->peer);
    blob_u16(w, flags_of(dev));
    blob_u32(w, dev->front_features);
    blob_u32(w, dev->headroom);
    blob_u32(w, dev->mtu);
    blob_u32(w, dev->ctrl->open ? dev->link.ctrl.gref : 0);
    blob_u32(w, dev->ctrl->open ? dev->link.ctrl.evtchn : 0);
    blob_u64(w, rate->bytes);
    blob_u64(w, rate->period_ns);
    blob_u64(w, (uint64_t)rate->credit);
    blob_u32(w, dev->nr_queues);
    blob_u32(w, dev->nr_mcast);
    for (unsigned i = 0; i < dev->nr_mcast; i++)
        for (unsigned j = 0; j < 6; j++)
            blob_u8(w, dev->mcast[i][j]);
}

static void put_queue(struct blob_writer *w, struct splitio_netback *dev,
                      unsigned i)
{
    const struct splitio_netif_queue_link *link = &dev->link.queues[i];
    struct splitio_netif_gref *list = (void *)dev->ctrl->page;
    uint32_t nr = splitio_netback_staged_list(dev->queues[i], list);

    splitio_blob_record(w, REC_QUEUE);
    blob_u32(w, link->tx_gref);
    blob_u32(w, link->rx_gref);
    blob_u32(w, link->tx_evtchn);
    blob_u32(w, link->rx_evtchn);
    blob_u32(w, dev->queues[i]->tx.ring.rsp_prod);
    blob_u32(w, dev->queues[i]->rx.ring.rsp_prod);
    if (nr == 0)
        return;
    splitio_blob_record(w, REC_STAGED);
    blob_u32(w, i);
    blob_u32(w, nr);
    for (uint32_t k = 0; k < nr; k++) {
        blob_u32(w, list[k].gref);
        blob_u8(w, (uint8_t)list[k].flags);
    }
}

int splitio_netback_save(struct splitio_netback *dev, void *buf, size_t size,
                         size_t *bytes)
{
    struct blob_writer w;

    if (!dev->connected || dev->broken || dev->in_poll)
        return SPLITIO_EINVAL;
    splitio_blob_begin(&w, buf, size, SPLITIO_SAVE_NETBACK);
    put_connection(&w, dev);
    for (uint32_t i = 0; i < dev->nr_queues; i++)
        put_queue(&w, dev, i);
    if (dev->ctrl->open) {
        splitio_blob_record(&w, REC_HASH);
        splitio_blob_put_hash(&w, &dev->ctrl->hash);
    }
    return splitio_blob_end(&w, bytes);
}

/* ---- reading ---- */

/* What a blob says, staged pages apart. */
struct saved {
    splitio_domid_t domid;
    uint16_t flags;
    uint32_t headroom, nr_mcast;
    struct splitio_netback_rate rate;
    struct splitio_netif_link link;
    struct splitio_netif_hash hash;
    uint8_t mcast[SPLITIO_NETIF_MCAST_MAX][6];
    uint32_t tx_index[SPLITIO_NETIF_QUEUES_MAX];
    uint32_t rx_index[SPLITIO_NETIF_QUEUES_MAX];
};

static int get_connection(struct blob_reader *r, struct saved *s)
{
    s->domid = blob_get_u16(r);
    s->flags = blob_get_u16(r);
    s->link.features = blob_get_u32(r);
    s->headroom = blob_get_u32(r);
    (void)blob_get_u32(r); /* the MTU: this device has its own */
    s->link.ctrl.gref = blob_get_u32(r);
    s->link.ctrl.evtchn = blob_get_u32(r);
    s->rate.bytes = blob_get_u64(r);
    s->rate.period_ns = blob_get_u64(r);
    s->rate.credit = (int64_t)blob_get_u64(r);
    s->link.nr_queues = blob_get_u32(r);
    s->nr_mcast = blob_get_u32(r);
    if (s->link.nr_queues == 0 ||
        s->link.nr_queues > SPLITIO_NETIF_QUEUES_MAX ||
        s->nr_mcast > SPLITIO_NETIF_MCAST_MAX ||
        s->headroom > SPLITIO_NETIF_HEADROOM_MAX)
        return SPLITIO_EPROTO;
    for (unsigned i = 0; i < s->nr_mcast; i++)
        for (unsigned j = 0; j < 6; j++)
            s->mcast[i][j] = blob_get_u8(r);
    s->link.headroom = (uint16_t)s->headroom;
    s->link.no_rx_notify = (s->flags & FLAG_NO_RX_NOTIFY) != 0;
    s->link.filter_multicast = (s->flags & FLAG_FILTER) != 0;
    return 0;
}

/* What the front may rely on, this device must have. */
static int check_connection(const struct splitio_netback *dev,
                            const struct saved *s)
{
    uint32_t features = dev->config.features;

    if (s->link.nr_queues > dev->config.max_queues ||
        (s->link.filter_multicast && !(features & SPLITIO_NETIF_F_MCAST)) ||
        (s->link.headroom && !(features & SPLITIO_NETIF_F_HEADROOM)) ||
        (s->link.ctrl.evtchn && !(features & SPLITIO_NETIF_F_CTRL)))
        return SPLITIO_EOPNOTSUPP;
    return 0;
}

static void get_queue(struct blob_reader *r, struct saved *s, unsigned i)
{
    s->link.queues[i].tx_gref = blob_get_u32(r);
    s->link.queues[i].rx_gref = blob_get_u32(r);
    s->link.queues[i].tx_evtchn = blob_get_u32(r);
    s->link.queues[i].rx_evtchn = blob_get_u32(r);
    s->tx_index[i] = blob_get_u32(r);
    s->rx_index[i] = blob_get_u32(r);
}

/* Of the queue just read; which pages, is looked at when they are mapped. */
static int check_staged(const struct splitio_netback *dev,
                        struct blob_reader *r, unsigned nr_queues)
{
    uint32_t queue = blob_get_u32(r), nr = blob_get_u32(r);

    if (nr_queues == 0 || queue != nr_queues - 1 || nr == 0)
        return SPLITIO_EPROTO;
    return nr > dev->config.staged_pages ? SPLITIO_EOPNOTSUPP : 0;
}

static int read_record(const struct splitio_netback *dev, struct blob_reader *r,
                       struct saved *s, unsigned *nr_queues)
{
    int err = SPLITIO_EPROTO;

    if (r->tag == REC_CONNECTION && s->link.nr_queues == 0) {
        err = get_connection(r, s);
        return err ? err : check_connection(dev, s);
    }
    if (r->tag == REC_QUEUE && *nr_queues < s->link.nr_queues) {
        get_queue(r, s, (*nr_queues)++);
        return 0;
    }
    if (r->tag == REC_STAGED && s->link.ctrl.evtchn)
        return check_staged(dev, r, *nr_queues);
    if (r->tag == REC_HASH && s->link.ctrl.evtchn)
        return splitio_blob_get_hash(r, &s->hash, s->link.nr_queues);
    return err;
}

static int read_blob(const struct splitio_netback *dev, const void *blob,
                     size_t bytes, struct saved *s)
{
    struct blob_reader r;
    unsigned nr_queues = 0;
    int err = splitio_blob_open(&r, blob, bytes, SPLITIO_SAVE_NETBACK), n = 0;

    __builtin_memset(s, 0, sizeof(*s));
    while (!err && (n = splitio_blob_next(&r, REC_HASH)) > 0)
        err = read_record(dev, &r, s, &nr_queues);
    if (!err)
        err = n;
    if (!err && (nr_queues == 0 || nr_queues != s->link.nr_queues))
        err = SPLITIO_EPROTO;
    return err;
}

int splitio_netback_restore(struct splitio_netback *dev, const void *blob,
                            size_t bytes)
{
    struct saved s;
    int err = dev->connected ? SPLITIO_EEXIST : read_blob(dev, blob, bytes, &s);

    if (err)
        return err;
    dev->saved = blob;
    dev->saved_bytes = bytes;
    if (dev->config.store)
        return 0;
    err = splitio_netback_link_up(dev, s.domid, &s.link);
    dev->saved = NULL;
    return err;
}

bool splitio_netback_is_saved_peer(const struct splitio_netback *dev)
{
    const struct splitio_netif_link *now = &dev->link;
    struct saved s;

    if (read_blob(dev, dev->saved, dev->saved_bytes, &s) ||
        s.domid != splitio_xenbus_peer(&dev->xb) ||
        s.link.nr_queues != now->nr_queues ||
        s.link.ctrl.evtchn != now->ctrl.evtchn)
        return false;
    for (uint32_t i = 0; i < now->nr_queues; i++)
        if (s.link.queues[i].tx_gref != now->queues[i].tx_gref ||
            s.link.queues[i].rx_gref != now->queues[i].rx_gref ||
            s.link.queues[i].tx_evtchn != now->queues[i].tx_evtchn ||
            s.link.queues[i].rx_evtchn != now->queues[i].rx_evtchn)
            return false;
    return true;
}

/* ---- going on ---- */

/* A page that cannot be mapped again only costs its copies. */
static void stage_again(struct splitio_netback *dev, struct blob_reader *r)
{
    struct splitio_netif_gref *list = (void *)dev->ctrl->page;
    struct splitio_netback_queue *q = dev->queues[blob_get_u32(r)];
    uint32_t nr = blob_get_u32(r), most = SPLITIO_NETIF_GREF_LIST_MAX;

    while (nr != 0) {
        uint32_t n = nr < most ? nr : most;

        for (uint32_t i = 0; i < n; i++) {
            list[i].gref = blob_get_u32(r);
            list[i].flags = blob_get_u8(r);
        }
        if (r->is_short || !splitio_netback_staged_again(q, list, n))
            return;
        nr -= n;
    }
}

static void take_up(struct splitio_netback *dev, const struct saved *s)
{
    dev->mcast_unknown = (s->flags & FLAG_MCAST_UNKNOWN) != 0;
    dev->nr_mcast = (uint8_t)s->nr_mcast;
    __builtin_memcpy(dev->mcast, s->mcast, sizeof(dev->mcast));
    /* With a store, its keys are newer. */
    if (!dev->config.store) {
        dev->no_carrier = (s->flags & FLAG_NO_CARRIER) != 0;
        splitio_netback_set_rate(dev, s->rate.bytes, s->rate.period_ns);
    }
    if (s->rate.credit < dev->rate.credit)
        dev->rate.credit = s->rate.credit;
    if (dev->ctrl->open)
        dev->ctrl->hash = s->hash;
}

int splitio_netback_load(struct splitio_netback *dev)
{
    struct blob_reader r;
    struct saved s;
    int err;

    if (!dev->saved)
        return 0;
    err = read_blob(dev, dev->saved, dev->saved_bytes, &s);
    for (uint32_t i = 0; i < dev->nr_queues && !err; i++)
        if (dev->queues[i]->tx.ring.rsp_prod != s.tx_index[i] ||
            dev->queues[i]->rx.ring.rsp_prod != s.rx_index[i])
            err = SPLITIO_EPROTO;
    if (!err) {
        take_up(dev, &s);
        err = splitio_blob_open(&r, dev->saved, dev->saved_bytes,
                                SPLITIO_SAVE_NETBACK);
    }
    while (!err && dev->ctrl->open && splitio_blob_next(&r, REC_HASH) > 0)
        if (r.tag == REC_STAGED)
            stage_again(dev, &r);
    dev->saved = NULL;
    return err;
}

/* ---- pausing ---- */

int splitio_netback_pause(struct splitio_netback *dev)
{
    dev->paused = true;
    for (uint32_t i = 0; i < dev->nr_queues; i++)
        if (dev->queues[i]->next_frame != dev->queues[i]->nr_frames ||
            dev->queues[i]->backlog_head != dev->queues[i]->backlog_tail)
            return SPLITIO_EAGAIN;
    return 0;
}

void splitio_netback_go_on(struct splitio_netback *dev)
{
    dev->paused = false;
    splitio_netback_wake(dev);
}
