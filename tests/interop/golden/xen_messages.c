/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages as Xen's own headers lay them out: reads "KIND NUMBER..." lines and
 * answers each with the message's bytes in hexadecimal. It knows nothing of
 * splitio, and is compiled once for each processor whose messages are wanted.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define xen_mb()  __sync_synchronize()
#define xen_rmb() __sync_synchronize()
#define xen_wmb() __sync_synchronize()
#include <xen/xen.h>

#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/io/blkif.h>
#include <xen/io/netif.h>
#include <xen/io/xs_wire.h>

#define MAX_VALUES 4096
#define PAGE       4096

/* A question: its numbers, in order. */
struct question {
    uint64_t values[MAX_VALUES];
    unsigned nr, at;
};

static uint64_t next(struct question *q)
{
    if (q->at == q->nr) {
        fprintf(stderr, "too few numbers\n");
        exit(1);
    }
    return q->values[q->at++];
}

static int more(const struct question *q)
{
    return q->at < q->nr;
}

static void segment(struct question *q, struct blkif_request_segment *s)
{
    s->gref = (grant_ref_t)next(q);
    s->first_sect = (uint8_t)next(q);
    s->last_sect = (uint8_t)next(q);
}

static size_t blk_request(struct question *q, void *out)
{
    blkif_request_t *r = out;

    r->operation = (uint8_t)next(q);
    r->nr_segments = (uint8_t)next(q);
    r->handle = (blkif_vdev_t)next(q);
    r->id = next(q);
    r->sector_number = next(q);
    for (unsigned i = 0; more(q); i++)
        segment(q, &r->seg[i]);
    return sizeof(*r);
}

static size_t blk_discard(struct question *q, void *out)
{
    struct blkif_request_discard *r = out;

    r->operation = BLKIF_OP_DISCARD;
    r->flag = (uint8_t)next(q);
    r->handle = (blkif_vdev_t)next(q);
    r->id = next(q);
    r->sector_number = next(q);
    r->nr_sectors = next(q);
    return sizeof(blkif_request_t);
}

static size_t blk_indirect(struct question *q, void *out)
{
    struct blkif_request_indirect *r = out;

    r->operation = BLKIF_OP_INDIRECT;
    r->indirect_op = (uint8_t)next(q);
    r->nr_segments = (uint16_t)next(q);
    r->handle = (blkif_vdev_t)next(q);
    r->id = next(q);
    r->sector_number = next(q);
    for (unsigned i = 0; more(q); i++)
        r->indirect_grefs[i] = (grant_ref_t)next(q);
    return sizeof(blkif_request_t);
}

static size_t blk_segments(struct question *q, void *out)
{
    struct blkif_request_segment *s = out;
    unsigned i;

    for (i = 0; more(q); i++)
        segment(q, &s[i]);
    return i * sizeof(*s);
}

static size_t blk_response(struct question *q, void *out)
{
    blkif_response_t *r = out;

    r->id = next(q);
    r->operation = (uint8_t)next(q);
    r->status = (int16_t)next(q);
    return sizeof(*r);
}

static size_t net_tx_request(struct question *q, void *out)
{
    netif_tx_request_t *r = out;

    r->gref = (grant_ref_t)next(q);
    r->offset = (uint16_t)next(q);
    r->flags = (uint16_t)next(q);
    r->id = (uint16_t)next(q);
    r->size = (uint16_t)next(q);
    return sizeof(*r);
}

static size_t net_tx_response(struct question *q, void *out)
{
    netif_tx_response_t *r = out;

    r->id = (uint16_t)next(q);
    r->status = (int16_t)next(q);
    return sizeof(*r);
}

static size_t net_rx_request(struct question *q, void *out)
{
    netif_rx_request_t *r = out;

    r->id = (uint16_t)next(q);
    r->gref = (grant_ref_t)next(q);
    return sizeof(*r);
}

static size_t net_rx_response(struct question *q, void *out)
{
    netif_rx_response_t *r = out;

    r->id = (uint16_t)next(q);
    r->offset = (uint16_t)next(q);
    r->flags = (uint16_t)next(q);
    r->status = (int16_t)next(q);
    return sizeof(*r);
}

static size_t net_gso(struct question *q, void *out)
{
    netif_extra_info_t *x = out;

    x->type = XEN_NETIF_EXTRA_TYPE_GSO;
    x->flags = (uint8_t)next(q);
    x->u.gso.size = (uint16_t)next(q);
    x->u.gso.type = (uint8_t)next(q);
    return sizeof(*x);
}

static size_t net_mcast(struct question *q, void *out)
{
    netif_extra_info_t *x = out;

    x->type = next(q) ? XEN_NETIF_EXTRA_TYPE_MCAST_ADD
                      : XEN_NETIF_EXTRA_TYPE_MCAST_DEL;
    x->flags = (uint8_t)next(q);
    for (unsigned i = 0; i < 6; i++)
        x->u.mcast.addr[i] = (uint8_t)next(q);
    return sizeof(*x);
}

static size_t net_hash(struct question *q, void *out)
{
    netif_extra_info_t *x = out;
    uint32_t value;

    x->type = XEN_NETIF_EXTRA_TYPE_HASH;
    x->flags = (uint8_t)next(q);
    x->u.hash.type = (uint8_t)next(q);
    x->u.hash.algorithm = (uint8_t)next(q);
    value = (uint32_t)next(q);
    memcpy(x->u.hash.value, &value, sizeof(value));
    return sizeof(*x);
}

static size_t net_ctrl_request(struct question *q, void *out)
{
    struct xen_netif_ctrl_request *r = out;

    r->id = (uint16_t)next(q);
    r->type = (uint16_t)next(q);
    for (unsigned i = 0; i < 3; i++)
        r->data[i] = (uint32_t)next(q);
    return sizeof(*r);
}

static size_t net_ctrl_response(struct question *q, void *out)
{
    struct xen_netif_ctrl_response *r = out;

    r->id = (uint16_t)next(q);
    r->type = (uint16_t)next(q);
    r->status = (uint32_t)next(q);
    r->data = (uint32_t)next(q);
    return sizeof(*r);
}

static size_t net_gref(struct question *q, void *out)
{
    struct xen_netif_gref *r = out;

    r->ref = (grant_ref_t)next(q);
    r->flags = (uint16_t)next(q);
    r->status = (uint16_t)next(q);
    return sizeof(*r);
}

DEFINE_RING_TYPES(golden, uint32_t, uint32_t);

static size_t sring(struct question *q, void *out)
{
    struct golden_sring *s = out;

    s->req_prod = (RING_IDX)next(q);
    s->req_event = (RING_IDX)next(q);
    s->rsp_prod = (RING_IDX)next(q);
    s->rsp_event = (RING_IDX)next(q);
    return offsetof(struct golden_sring, ring);
}

static size_t grant_v1(struct question *q, void *out)
{
    grant_entry_v1_t *e = out;

    e->flags = (uint16_t)next(q);
    e->domid = (domid_t)next(q);
    e->frame = (uint32_t)next(q);
    return sizeof(*e);
}

static size_t grant_full(struct question *q, void *out)
{
    grant_entry_v2_t *e = out;

    e->hdr.flags = (uint16_t)next(q);
    e->hdr.domid = (domid_t)next(q);
    e->full_page.frame = next(q);
    return sizeof(*e);
}

static size_t grant_sub(struct question *q, void *out)
{
    grant_entry_v2_t *e = out;

    e->hdr.flags = (uint16_t)next(q);
    e->hdr.domid = (domid_t)next(q);
    e->sub_page.page_off = (uint16_t)next(q);
    e->sub_page.length = (uint16_t)next(q);
    e->sub_page.frame = next(q);
    return sizeof(*e);
}

static size_t grant_transitive(struct question *q, void *out)
{
    grant_entry_v2_t *e = out;

    e->hdr.flags = (uint16_t)next(q);
    e->hdr.domid = (domid_t)next(q);
    e->transitive.trans_domid = (domid_t)next(q);
    e->transitive.gref = (grant_ref_t)next(q);
    return sizeof(*e);
}

static void set_bit_of(xen_ulong_t *bits, uint64_t nr)
{
    unsigned width = 8 * sizeof(*bits);

    bits[nr / width] |= (xen_ulong_t)1 << (nr % width);
}

/* Ports pending, told to virtual CPU 0; then ports masked. */
static size_t event_2l(struct question *q, void *out)
{
    struct shared_info *s = out;
    uint64_t nr_pending = next(q);

    for (uint64_t i = 0; i < nr_pending; i++) {
        uint64_t port = next(q);

        set_bit_of(s->evtchn_pending, port);
        set_bit_of(&s->vcpu_info[0].evtchn_pending_sel,
                   port / (8 * sizeof(xen_ulong_t)));
        s->vcpu_info[0].evtchn_upcall_pending = 1;
    }
    while (more(q))
        set_bit_of(s->evtchn_mask, next(q));
    return sizeof(*s);
}

static size_t event_fifo_control(struct question *q, void *out)
{
    evtchn_fifo_control_block_t *c = out;

    c->ready = (uint32_t)next(q);
    while (more(q)) {
        uint64_t priority = next(q);

        c->head[priority] = (event_word_t)next(q);
    }
    return sizeof(*c);
}

static size_t event_fifo_word(struct question *q, void *out)
{
    event_word_t *w = out;

    *w = (event_word_t)next(q) << EVTCHN_FIFO_PENDING;
    *w |= (event_word_t)next(q) << EVTCHN_FIFO_MASKED;
    *w |= (event_word_t)next(q) << EVTCHN_FIFO_LINKED;
    *w |= (event_word_t)next(q) << EVTCHN_FIFO_BUSY;
    *w |= (event_word_t)next(q) & EVTCHN_FIFO_LINK_MASK;
    return sizeof(*w);
}

/* A store message: type, request, transaction, then the body's bytes. */
static size_t xs_message(struct question *q, void *out)
{
    struct xsd_sockmsg *m = out;
    uint8_t *body = (uint8_t *)(m + 1);
    unsigned n = 0;

    m->type = (uint32_t)next(q);
    m->req_id = (uint32_t)next(q);
    m->tx_id = (uint32_t)next(q);
    while (more(q))
        body[n++] = (uint8_t)next(q);
    m->len = n;
    return sizeof(*m) + n;
}

/* The indices and flags behind the store's two rings. */
static size_t xs_interface(struct question *q, void *out)
{
    struct xenstore_domain_interface *x = out;

    x->req_cons = (XENSTORE_RING_IDX)next(q);
    x->req_prod = (XENSTORE_RING_IDX)next(q);
    x->rsp_cons = (XENSTORE_RING_IDX)next(q);
    x->rsp_prod = (XENSTORE_RING_IDX)next(q);
    x->server_features = (uint32_t)next(q);
    x->connection = (uint32_t)next(q);
    x->error = (uint32_t)next(q);
    return sizeof(*x);
}

static const struct {
    const char *name;
    size_t (*make)(struct question *q, void *out);
} kinds[] = {
    {"blk_request", blk_request},
    {"blk_discard", blk_discard},
    {"blk_indirect", blk_indirect},
    {"blk_segments", blk_segments},
    {"blk_response", blk_response},
    {"net_tx_request", net_tx_request},
    {"net_tx_response", net_tx_response},
    {"net_rx_request", net_rx_request},
    {"net_rx_response", net_rx_response},
    {"net_gso", net_gso},
    {"net_mcast", net_mcast},
    {"net_hash", net_hash},
    {"net_ctrl_request", net_ctrl_request},
    {"net_ctrl_response", net_ctrl_response},
    {"net_gref", net_gref},
    {"sring", sring},
    {"grant_v1", grant_v1},
    {"grant_full", grant_full},
    {"grant_sub", grant_sub},
    {"grant_transitive", grant_transitive},
    {"event_2l", event_2l},
    {"event_fifo_control", event_fifo_control},
    {"event_fifo_word", event_fifo_word},
    {"xs_message", xs_message},
    {"xs_interface", xs_interface},
};

static void answer(const char *name, struct question *q)
{
    static _Alignas(PAGE) uint8_t out[4 * PAGE];
    size_t len = 0;

    memset(out, 0, sizeof(out));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].name, name) == 0)
            len = kinds[i].make(q, out);
    for (size_t i = 0; i < len; i++)
        printf("%02x", out[i]);
    putchar('\n');
    fflush(stdout);
}

int main(void)
{
    static char line[32 * MAX_VALUES];
    static struct question q;

    while (fgets(line, sizeof(line), stdin)) {
        char *name = strtok(line, " \n"), *word;

        q.nr = q.at = 0;
        while ((word = strtok(NULL, " \n")) != NULL && q.nr < MAX_VALUES)
            q.values[q.nr++] = strtoull(word, NULL, 0);
        answer(name ? name : "", &q);
    }
    return 0;
}
