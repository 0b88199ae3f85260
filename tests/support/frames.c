/* SPDX-License-Identifier: BSD-2-Clause */
#include "frames.h"

#include "cm.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

void kept_free(struct kept *k)
{
    free(k->bytes);
    k->bytes = NULL;
}

void queue_put(struct queue *q, const struct splitio_frame *frame)
{
    struct kept *k = &q->frames[q->tail++ % KEPT_MAX];
    uint32_t at = 0, i;

    assert_true(queue_len(q) <= KEPT_MAX);
    memset(k, 0, sizeof(*k));
    k->bytes = malloc(frame->len_bytes);
    assert_non_null(k->bytes);
    for (i = 0; i < frame->nr_iov; i++) {
        assert_true(at + frame->iov[i].len_bytes <= frame->len_bytes);
        memcpy(k->bytes + at, frame->iov[i].base, frame->iov[i].len_bytes);
        at += (uint32_t)frame->iov[i].len_bytes;
    }
    assert_int_equal(at, frame->len_bytes);
    k->len_bytes = at;
    k->flags = frame->flags;
    k->csum_start = frame->csum_start;
    k->csum_offset = frame->csum_offset;
    k->gso_size = frame->gso_size;
    k->gso_type = frame->gso_type;
    k->headroom_bytes = frame->headroom_bytes;
    k->hash_type = frame->hash_type;
    k->hash = frame->hash;
}

struct kept queue_get(struct queue *q)
{
    assert_true(queue_len(q) != 0);
    return q->frames[q->head++ % KEPT_MAX];
}

void queue_clear(struct queue *q)
{
    while (queue_len(q) != 0)
        kept_free(&q->frames[q->head++ % KEPT_MAX]);
}

struct splitio_frame kept_frame(const struct kept *k, struct splitio_iovec *iov,
                                unsigned nr)
{
    struct splitio_frame f = {
        .iov = iov,
        .len_bytes = k->len_bytes,
        .flags = k->flags,
        .csum_start = k->csum_start,
        .csum_offset = k->csum_offset,
        .gso_size = k->gso_size,
        .gso_type = k->gso_type,
        .hash_type = k->hash_type,
        .hash = k->hash,
    };
    uint32_t at = 0;

    while (f.nr_iov + 1 < nr) {
        uint32_t size = rnd() % (k->len_bytes - at + 1);

        iov[f.nr_iov].base = k->bytes + at;
        iov[f.nr_iov++].len_bytes = size;
        at += size;
    }
    iov[f.nr_iov].base = k->bytes + at;
    iov[f.nr_iov++].len_bytes = k->len_bytes - at;
    return f;
}

/* ---- the NIC ---- */

static void nic_info(void *ctx, struct splitio_nic_info *info)
{
    struct test_nic *t = ctx;

    info->mtu = 1500;
    info->flags = t->flags;
}

static int nic_send(void *ctx, const struct splitio_frame *frame)
{
    struct test_nic *t = ctx;

    if (t->send_error)
        return t->send_error;
    if (t->send_room == 0)
        return SPLITIO_EAGAIN;
    if (t->send_room != UINT_MAX)
        t->send_room--;
    queue_put(&t->out, frame);
    return 0;
}

static void nic_attach(void *ctx, splitio_nic_receive_fn receive,
                       void *receiver)
{
    struct test_nic *t = ctx;

    t->receive = receive;
    t->receiver = receiver;
}

static int nic_poll(void *ctx, unsigned budget)
{
    struct test_nic *t = ctx;
    unsigned done = 0;

    while (done < budget && queue_len(&t->in) != 0 && t->receive) {
        struct kept *k = &t->in.frames[t->in.head % KEPT_MAX];
        struct splitio_iovec iov[5];
        struct splitio_frame f = kept_frame(k, iov, 1 + rnd() % 5);

        if (t->receive(t->receiver, &f) == SPLITIO_EAGAIN) {
            if (t->on_refused)
                t->on_refused(t->on_refused_arg);
            break;
        }
        kept_free(k);
        t->in.head++;
        done++;
    }
    return (int)done;
}

static const struct splitio_nic_ops nic_ops = {
    .info = nic_info,
    .send = nic_send,
    .attach = nic_attach,
    .poll = nic_poll,
};

struct splitio_nic test_nic(struct test_nic *t)
{
    return (struct splitio_nic){&nic_ops, t};
}

/* ---- making frames ---- */

static uint32_t rnd_state = 1;

void rnd_seed(uint32_t seed)
{
    rnd_state = seed * 2654435761u + 1;
}

uint32_t rnd(void)
{
    rnd_state = rnd_state * 1664525u + 1013904223u;
    return rnd_state >> 8;
}

static struct kept make(uint32_t len_bytes)
{
    struct kept k = {.bytes = malloc(len_bytes), .len_bytes = len_bytes};
    uint32_t i;

    assert_non_null(k.bytes);
    for (i = 0; i < len_bytes; i++)
        k.bytes[i] = (uint8_t)rnd();
    return k;
}

struct kept make_noise(uint32_t len_bytes)
{
    struct kept k = make(len_bytes);

    k.bytes[12] = 0x88;
    k.bytes[13] = 0xb5; /* for local experiments */
    return k;
}

static void be16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static uint32_t make_l3(struct kept *k, unsigned version, unsigned protocol)
{
    uint8_t *ip = k->bytes + 14;

    if (version == 6) {
        be16(k->bytes + 12, 0x86dd);
        be16(ip, 0x6000);
        be16(ip + 4,
             k->len_bytes - 14 - 40 > 0xffff ? 0 : k->len_bytes - 14 - 40);
        ip[6] = (uint8_t)protocol;
        return 14 + 40;
    }
    be16(k->bytes + 12, 0x0800);
    ip[0] = 0x45;
    be16(ip + 2, k->len_bytes - 14);
    be16(ip + 6, 0x4000);
    ip[9] = (uint8_t)protocol;
    be16(ip + 10, 0);
    {
        struct splitio_iovec iov = {ip, 20};
        uint16_t sum = splitio_packet_csum(&iov, 1, 0, 20);

        memcpy(ip + 10, &sum, 2);
    }
    return 14 + 20;
}

struct kept make_ip(unsigned version, unsigned protocol, uint32_t len_bytes,
                    bool blank)
{
    struct kept k = make(len_bytes);
    uint32_t l4 = make_l3(&k, version, protocol);
    struct splitio_iovec iov = {k.bytes, len_bytes};
    struct splitio_packet_info info;
    uint16_t sum;

    if (protocol == SPLITIO_PACKET_TCP) {
        k.bytes[l4 + 12] = 0x80; /* 32 bytes of header */
        k.bytes[l4 + 13] = 0x19; /* FIN, PSH, ACK */
    } else {
        be16(k.bytes + l4 + 4, len_bytes - l4);
    }
    assert_int_equal(splitio_packet_parse(k.bytes, len_bytes, &info), 0);
    assert_int_equal(info.l4_offset, l4);
    sum = splitio_packet_pseudo_sum(k.bytes, &info, len_bytes - l4);
    memcpy(k.bytes + l4 + info.csum_offset, &sum, 2);
    if (blank) {
        k.flags = SPLITIO_FRAME_CSUM_PARTIAL;
        k.csum_start = info.l4_offset;
        k.csum_offset = info.csum_offset;
    } else {
        sum = splitio_packet_csum(&iov, 1, l4, len_bytes - l4);
        memcpy(k.bytes + l4 + info.csum_offset, &sum, 2);
    }
    return k;
}

struct kept make_gso(unsigned version, uint32_t len_bytes, uint16_t gso_size)
{
    struct kept k = make_ip(version, SPLITIO_PACKET_TCP, len_bytes, true);

    k.gso_size = gso_size;
    k.gso_type = version == 4 ? SPLITIO_GSO_TCPV4 : SPLITIO_GSO_TCPV6;
    return k;
}

bool csum_is_right(const struct kept *k)
{
    struct splitio_packet_info info;
    uint32_t sum = 0, i, words;
    uint16_t pseudo;

    if (splitio_packet_parse(k->bytes, k->len_bytes, &info))
        return false;
    pseudo = splitio_packet_pseudo_sum(k->bytes, &info,
                                       k->len_bytes - info.l4_offset);
    sum = (uint32_t)((const uint8_t *)&pseudo)[0] << 8 |
          ((const uint8_t *)&pseudo)[1];
    words = k->len_bytes - info.l4_offset;
    for (i = 0; i < words; i++)
        sum += i & 1 ? k->bytes[info.l4_offset + i]
                     : (uint32_t)k->bytes[info.l4_offset + i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff;
}

void assert_same_bytes(const struct kept *a, const struct kept *b)
{
    assert_int_equal(a->len_bytes, b->len_bytes);
    assert_memory_equal(a->bytes, b->bytes, a->len_bytes);
}

void assert_same(const struct kept *a, const struct kept *b)
{
    assert_same_bytes(a, b);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->gso_type, b->gso_type);
    if (a->gso_type)
        assert_int_equal(a->gso_size, b->gso_size);
    if (a->flags & SPLITIO_FRAME_CSUM_PARTIAL) {
        assert_int_equal(a->csum_start, b->csum_start);
        assert_int_equal(a->csum_offset, b->csum_offset);
    }
}
