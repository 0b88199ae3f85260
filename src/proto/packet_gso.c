/* SPDX-License-Identifier: BSD-2-Clause */
/* Cutting a long TCP frame into segments. Pure. */
#include <splitio/proto/packet.h>

#define TCP_FIN 0x01u
#define TCP_PSH 0x08u
#define TCP_CWR 0x80u

static uint32_t be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static void put_be16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

int splitio_packet_gso_init(struct splitio_packet_gso *g,
                            const struct splitio_iovec *iov, uint32_t nr_iov,
                            uint32_t len_bytes, uint16_t gso_size)
{
    uint32_t n =
        splitio_packet_gather(iov, nr_iov, 0, g->head, sizeof(g->head));
    uint32_t payload;

    if (gso_size < SPLITIO_PACKET_GSO_SIZE_MIN ||
        splitio_packet_parse(g->head, n, &g->info) ||
        g->info.protocol != SPLITIO_PACKET_TCP ||
        len_bytes < g->info.payload_offset)
        return SPLITIO_EOPNOTSUPP;
    payload = len_bytes - g->info.payload_offset;
    g->len_bytes = len_bytes;
    g->gso_size = gso_size;
    g->nr_segs = (uint16_t)((payload + gso_size - 1) / gso_size);
    if (g->nr_segs == 0)
        g->nr_segs = 1;
    return g->nr_segs;
}

/* Where the payload of segment i begins, from the start of all payload. */
static uint32_t payload_at(const struct splitio_packet_gso *g, unsigned i)
{
    return (uint32_t)i * g->gso_size;
}

uint32_t splitio_packet_gso_bytes(const struct splitio_packet_gso *g,
                                  unsigned i)
{
    uint32_t rest = g->len_bytes - g->info.payload_offset - payload_at(g, i);

    return g->info.payload_offset + (rest < g->gso_size ? rest : g->gso_size);
}

static void fix_ip(const struct splitio_packet_gso *g, unsigned i, uint8_t *dst,
                   uint32_t bytes)
{
    uint8_t *ip = dst + g->info.l3_offset;
    struct splitio_iovec header;
    uint16_t sum;

    if (g->info.ip_version == 6) {
        put_be16(ip + 4, bytes - g->info.l3_offset - 40);
        return;
    }
    put_be16(ip + 2, bytes - g->info.l3_offset);
    put_be16(ip + 4, be16(ip + 4) + i);
    put_be16(ip + 10, 0);
    header.base = ip;
    header.len_bytes = (ip[0] & 15u) * 4u;
    sum = splitio_packet_csum(&header, 1, 0, (uint32_t)header.len_bytes);
    __builtin_memcpy(ip + 10, &sum, 2);
}

static void fix_tcp(const struct splitio_packet_gso *g, unsigned i,
                    uint8_t *dst, uint32_t bytes)
{
    uint8_t *tcp = dst + g->info.l4_offset;
    uint32_t seq = be16(tcp + 4) << 16 | be16(tcp + 6);
    uint16_t sum;

    seq += payload_at(g, i);
    put_be16(tcp + 4, seq >> 16);
    put_be16(tcp + 6, seq);
    if (i != 0)
        tcp[13] = (uint8_t)(tcp[13] & ~TCP_CWR);
    if (i + 1u < g->nr_segs)
        tcp[13] = (uint8_t)(tcp[13] & ~(TCP_FIN | TCP_PSH));
    sum = splitio_packet_pseudo_sum(dst, &g->info, bytes - g->info.l4_offset);
    __builtin_memcpy(tcp + 16, &sum, 2);
}

void splitio_packet_gso_make(const struct splitio_packet_gso *g, unsigned i,
                             const struct splitio_iovec *iov, uint32_t nr_iov,
                             uint8_t *dst)
{
    uint32_t bytes = splitio_packet_gso_bytes(g, i);
    uint32_t head = g->info.payload_offset;

    __builtin_memcpy(dst, g->head, head);
    splitio_packet_gather(iov, nr_iov, head + payload_at(g, i), dst + head,
                          bytes - head);
    fix_ip(g, i, dst, bytes);
    fix_tcp(g, i, dst, bytes);
}
