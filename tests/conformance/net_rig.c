/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a network device, and a look at its rings. */
#include "net.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void on_receive(void *arg, const struct splitio_frame *frame)
{
    struct net_rig *n = arg;

    queue_put(&n->received, frame);
}

void net_configure(struct rig *r)
{
    struct net_rig *n = net_of(r);

    n->nic.send_room = UINT_MAX;
    n->front_cfg = (struct splitio_netfront_config){
        .port = r->w->guest,
        .store = r->w->front_store,
        .dir = r->front_dir,
        .nr_tx_pages = 64,
        .nr_rx_pages = 64,
        .receive = on_receive,
        .arg = n,
    };
    n->back_cfg = (struct splitio_netback_config){
        .port = host_spy_port(&r->spy, r->w->host),
        .store = r->w->back_store,
        .dir = r->back_dir,
        .nic = test_nic(&n->nic),
        .backlog_bytes = SPLITIO_NETBACK_BACKLOG_BYTES_MIN,
    };
    r->front_keys[r->nr_front_keys++] =
        (struct splitio_toolstack_key){"mac", "00:16:3e:00:00:01"};
}

static void *memory(size_t bytes)
{
    return bytes ? aligned_alloc(64, (bytes + 63) & ~(size_t)63) : NULL;
}

/* What is asked of the back over the control ring; none, no wish. */
static bool ask(struct net_rig *n)
{
    struct splitio_netif_hash h = {.algorithm = SPLITIO_NETIF_HASH_TOEPLITZ,
                                   .kinds = SPLITIO_NETIF_HASH_ALL,
                                   .key_bytes = SPLITIO_TOEPLITZ_KEY_BYTES};
    int want = n->front_cfg.ctrl_ring ? 0 : SPLITIO_EOPNOTSUPP;

    for (unsigned i = 0; i < SPLITIO_TOEPLITZ_KEY_BYTES; i++)
        h.key[i] = (uint8_t)(i * 37 + 11);
    if (n->hashes && splitio_netfront_set_hash(&n->front, &h) != want)
        return false;
    return !n->stages || splitio_netfront_set_staging(&n->front, true) == want;
}

bool net_front_new(struct rig *r)
{
    struct net_rig *n = net_of(r);
    size_t bytes = splitio_netfront_mem_bytes(&n->front_cfg);

    n->front_mem = memory(bytes);
    r->front_xb = &n->front.xb;
    return n->front_mem &&
           splitio_netfront_init(&n->front, &n->front_cfg, n->front_mem,
                                 bytes) == 0 &&
           ask(n);
}

bool net_back_new(struct rig *r)
{
    struct net_rig *n = net_of(r);
    size_t bytes = splitio_netback_mem_bytes(&n->back_cfg);

    n->back_mem = memory(bytes);
    r->back_xb = &n->back.xb;
    return n->back_mem && splitio_netback_init(&n->back, &n->back_cfg,
                                               n->back_mem, bytes) == 0;
}

int net_front_poll(struct rig *r)
{
    return splitio_netfront_poll(&net_of(r)->front, 16);
}

int net_back_poll(struct rig *r)
{
    return splitio_netback_poll(&net_of(r)->back, 16);
}

/* With carrier or without. */
bool net_is_up(const struct rig *r)
{
    const struct net_rig *n = (const struct net_rig *)r;

    return r->have_front && r->have_back && n->front.connected &&
           !n->front.broken && splitio_xenbus_is_linked(&n->front.xb) &&
           splitio_xenbus_is_linked(&n->back.xb);
}

void net_front_close(struct rig *r)
{
    splitio_netfront_close(&net_of(r)->front);
}

void net_front_reopen(struct rig *r)
{
    splitio_xenbus_reopen(&net_of(r)->front.xb);
}

bool net_front_is_closed(const struct rig *r)
{
    return splitio_netfront_is_closed(&((const struct net_rig *)r)->front);
}

int net_front_fini(struct rig *r)
{
    return splitio_netfront_fini(&net_of(r)->front);
}

int net_back_fini(struct rig *r)
{
    return splitio_netback_fini(&net_of(r)->back);
}

bool net_is_clean(const struct rig *r)
{
    const struct net_rig *n = (const struct net_rig *)r;

    return !n->front.connected && !n->back.connected;
}

void net_free_memory(struct rig *r)
{
    struct net_rig *n = net_of(r);

    queue_clear(&n->nic.in);
    queue_clear(&n->nic.out);
    queue_clear(&n->received);
    free(n->front_mem);
    free(n->back_mem);
}

/* ---- the rings ---- */

static void see_extra(struct net_seen *seen, struct net_look *look,
                      const struct splitio_netif_extra *e)
{
    if (e->type < SPLITIO_NETIF_EXTRA_TYPES)
        seen->nr_extras[e->type]++;
    else
        seen->nr_unknown++;
    if (e->type == SPLITIO_NETIF_EXTRA_GSO)
        seen->nr_gso[e->u.gso.type % 4]++;
    look->in_extras = e->flags & SPLITIO_NETIF_EXTRA_FLAG_MORE;
}

/* The flags of a slot that is no extra. */
static void see_slot(struct net_seen *seen, struct net_look *look,
                     unsigned version, bool blank, bool more, bool extras)
{
    if (!look->in_chain) {
        seen->nr_frames++;
        seen->nr_more += more;
        if (blank)
            seen->nr_blank[version == 6]++;
    }
    look->in_chain = more;
    look->in_extras = extras;
}

static void see_tx(struct net_rig *n, struct net_look *look)
{
    const struct splitio_sring *sring = look->map->va;
    const union splitio_netif_tx_slot *slots = (const void *)(sring + 1);
    uint32_t prod = splitio_read_once_le32(&sring->req_prod);
    union splitio_netif_tx_slot s;

    for (; look->at != prod; look->at++) {
        memcpy(&s, &slots[look->at % SPLITIO_NETIF_RING_SLOTS], sizeof(s));
        if (look->in_extras) {
            see_extra(&n->seen[0], look, &s.extra);
            continue;
        }
        s.req.flags = splitio_le16(s.req.flags);
        see_slot(&n->seen[0], look, n->sending,
                 s.req.flags & SPLITIO_NETTXF_CSUM_BLANK,
                 s.req.flags & SPLITIO_NETTXF_MORE_DATA,
                 s.req.flags & SPLITIO_NETTXF_EXTRA_INFO);
    }
}

static void see_rx(struct net_rig *n, struct net_look *look)
{
    const struct splitio_sring *sring = look->map->va;
    const union splitio_netif_rx_slot *slots = (const void *)(sring + 1);
    uint32_t prod = splitio_read_once_le32(&sring->rsp_prod);
    union splitio_netif_rx_slot s;

    for (; look->at != prod; look->at++) {
        memcpy(&s, &slots[look->at % SPLITIO_NETIF_RING_SLOTS], sizeof(s));
        if (look->in_extras) {
            see_extra(&n->seen[1], look, &s.extra);
            continue;
        }
        s.rsp.flags = splitio_le16(s.rsp.flags);
        n->seen[1].nr_offset += s.rsp.offset != 0;
        see_slot(&n->seen[1], look, n->sending,
                 s.rsp.flags & SPLITIO_NETRXF_CSUM_BLANK,
                 s.rsp.flags & SPLITIO_NETRXF_MORE_DATA,
                 s.rsp.flags & SPLITIO_NETRXF_EXTRA_INFO);
    }
}

/* To the back, to the front, or another ring. */
static unsigned way_of(const struct net_rig *n, splitio_gref_t gref)
{
    const struct splitio_netif_link *link = &n->back.link;

    for (unsigned i = 0; i < link->nr_queues; i++) {
        if (gref == link->queues[i].tx_gref)
            return 0;
        if (gref == link->queues[i].rx_gref)
            return 1;
    }
    return 2;
}

/* A ring that has just been mapped has no responses yet. */
static void begin_look(struct net_look *look, uint64_t number,
                       const struct splitio_ring_map *map)
{
    const struct splitio_sring *sring = map->va;

    if (look->number == number)
        return;
    *look = (struct net_look){.number = number, .map = map};
    look->begin = look->at = splitio_read_once_le32(&sring->rsp_prod);
}

void net_look(struct rig *r)
{
    struct net_rig *n = net_of(r);

    if (r->spy.nr_channels > n->nr_channels)
        n->nr_channels = r->spy.nr_channels;
    for (unsigned i = 0; i < r->spy.nr_rings; i++) {
        struct net_look *look = &n->looks[i];
        unsigned way = way_of(n, r->spy.ring_grefs[i]);

        begin_look(look, r->spy.ring_numbers[i], r->spy.rings[i]);
        if (way == 0)
            see_tx(n, look);
        else if (way == 1)
            see_rx(n, look);
        else
            n->has_ctrl_ring = true;
        if (way == 2)
            continue;
        if (look->at != look->begin && !look->used) {
            look->used = true;
            n->seen[way].nr_used_rings++;
        }
    }
}
