/* SPDX-License-Identifier: BSD-2-Clause */
/* Headers and checksums of TCP and UDP frames. Pure. */
#include <splitio/proto/packet.h>

#define ETHERTYPE_IPV4  0x0800u
#define ETHERTYPE_IPV6  0x86ddu
#define ETHERTYPE_VLAN  0x8100u
#define ETHERTYPE_QINQ  0x88a8u
#define NEXT_HOP_BY_HOP 0u
#define NEXT_ROUTING    43u
#define NEXT_DEST_OPTS  60u

static uint32_t be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

/* Steps over the Ethernet header and VLAN tags; the type, or 0. */
static uint32_t parse_l2(const uint8_t *head, uint32_t head_bytes,
                         uint32_t *offset)
{
    uint32_t at = 12, type;
    unsigned tags;

    for (tags = 0; tags <= 2; tags++, at += 4) {
        if (at + 2 > head_bytes)
            return 0;
        type = be16(head + at);
        if (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ)
            continue;
        *offset = at + 2;
        return type;
    }
    return 0;
}

static int parse_ipv4(const uint8_t *head, uint32_t head_bytes,
                      struct splitio_packet_info *info)
{
    uint32_t at = info->l3_offset, ihl;

    if (at + 20 > head_bytes || head[at] >> 4 != 4)
        return SPLITIO_EOPNOTSUPP;
    ihl = (head[at] & 15u) * 4;
    if (ihl < 20)
        return SPLITIO_EOPNOTSUPP;
    info->ip_version = 4;
    if (at + ihl > head_bytes ||
        (be16(head + at + 6) & 0x3fffu)) /* more fragments, or an offset */
        return 0;
    info->protocol = head[at + 9];
    info->l4_offset = (uint16_t)(at + ihl);
    return 0;
}

static int parse_ipv6(const uint8_t *head, uint32_t head_bytes,
                      struct splitio_packet_info *info)
{
    uint32_t at = info->l3_offset;
    unsigned n;
    uint8_t next;

    if (at + 40 > head_bytes || head[at] >> 4 != 6)
        return SPLITIO_EOPNOTSUPP;
    info->ip_version = 6;
    next = head[at + 6];
    at += 40;
    for (n = 0; next == NEXT_HOP_BY_HOP || next == NEXT_ROUTING ||
                next == NEXT_DEST_OPTS;
         n++) {
        if (n == 8 || at + 8 > head_bytes)
            return 0;
        next = head[at];
        at += (head[at + 1] + 1u) * 8;
    }
    if (at > head_bytes)
        return 0;
    info->protocol = next;
    info->l4_offset = (uint16_t)at;
    return 0;
}

static int parse_l4(const uint8_t *head, uint32_t head_bytes,
                    struct splitio_packet_info *info)
{
    uint32_t at = info->l4_offset, bytes;

    if (info->protocol == SPLITIO_PACKET_TCP) {
        if (at + 20 > head_bytes)
            return SPLITIO_EOPNOTSUPP;
        bytes = (head[at + 12] >> 4) * 4u;
        if (bytes < 20 || at + bytes > head_bytes)
            return SPLITIO_EOPNOTSUPP;
        info->csum_offset = 16;
    } else if (info->protocol == SPLITIO_PACKET_UDP) {
        bytes = 8;
        if (at + bytes > head_bytes)
            return SPLITIO_EOPNOTSUPP;
        info->csum_offset = 6;
    } else {
        return SPLITIO_EOPNOTSUPP;
    }
    info->payload_offset = (uint16_t)(at + bytes);
    return 0;
}

int splitio_packet_find_ip(const uint8_t *head, uint32_t head_bytes,
                           struct splitio_packet_info *info)
{
    struct splitio_packet_info found = {0};
    uint32_t offset = 0, type;
    int err = SPLITIO_EOPNOTSUPP;

    if (head_bytes > SPLITIO_PACKET_HEAD_BYTES)
        head_bytes = SPLITIO_PACKET_HEAD_BYTES;
    type = parse_l2(head, head_bytes, &offset);
    found.l3_offset = (uint16_t)offset;
    if (type == ETHERTYPE_IPV4)
        err = parse_ipv4(head, head_bytes, &found);
    else if (type == ETHERTYPE_IPV6)
        err = parse_ipv6(head, head_bytes, &found);
    if (!err)
        *info = found;
    return err;
}

int splitio_packet_parse(const uint8_t *head, uint32_t head_bytes,
                         struct splitio_packet_info *info)
{
    struct splitio_packet_info found;
    int err;

    if (head_bytes > SPLITIO_PACKET_HEAD_BYTES)
        head_bytes = SPLITIO_PACKET_HEAD_BYTES;
    err = splitio_packet_find_ip(head, head_bytes, &found);
    if (!err)
        err = parse_l4(head, head_bytes, &found);
    if (!err)
        *info = found;
    return err;
}

uint32_t splitio_packet_gather(const struct splitio_iovec *iov, uint32_t nr_iov,
                               uint32_t offset, void *dst, uint32_t len_bytes)
{
    uint8_t *out = dst;
    uint32_t done = 0, i;

    for (i = 0; i < nr_iov && done < len_bytes; i++) {
        uint32_t piece = (uint32_t)iov[i].len_bytes;

        if (offset >= piece) {
            offset -= piece;
            continue;
        }
        piece -= offset;
        if (piece > len_bytes - done)
            piece = len_bytes - done;
        __builtin_memcpy(out + done, (const uint8_t *)iov[i].base + offset,
                         piece);
        done += piece;
        offset = 0;
    }
    return done;
}

/* Folds to 16 bits, with end-around carry. */
static uint32_t fold(uint64_t sum)
{
    sum = (sum & 0xffffffffu) + (sum >> 32);
    sum = (sum & 0xffffffffu) + (sum >> 32);
    sum = (sum & 0xffffu) + (sum >> 16);
    sum = (sum & 0xffffu) + (sum >> 16);
    return (uint32_t)sum;
}

/* One's complement sum of 16-bit words in memory order. */
static uint32_t sum_bytes(const uint8_t *p, uint32_t len_bytes)
{
    uint64_t sum = 0;
    uint32_t word = 0;

    for (; len_bytes >= 4; p += 4, len_bytes -= 4) {
        __builtin_memcpy(&word, p, 4);
        sum += word;
    }
    word = 0;
    __builtin_memcpy(&word, p, len_bytes);
    return fold(sum + word);
}

static uint32_t swap16(uint32_t v)
{
    return (v >> 8 | v << 8) & 0xffffu;
}

uint16_t splitio_packet_csum(const struct splitio_iovec *iov, uint32_t nr_iov,
                             uint32_t offset, uint32_t len_bytes)
{
    uint32_t done = 0, i, part;
    uint64_t sum = 0;

    for (i = 0; i < nr_iov && done < len_bytes; i++) {
        uint32_t piece = (uint32_t)iov[i].len_bytes;

        if (offset >= piece) {
            offset -= piece;
            continue;
        }
        piece -= offset;
        if (piece > len_bytes - done)
            piece = len_bytes - done;
        part = sum_bytes((const uint8_t *)iov[i].base + offset, piece);
        sum += done & 1 ? swap16(part) : part;
        done += piece;
        offset = 0;
    }
    part = ~fold(sum) & 0xffffu;
    return (uint16_t)(part ? part : 0xffffu);
}

uint16_t splitio_packet_pseudo_sum(const uint8_t *head,
                                   const struct splitio_packet_info *info,
                                   uint32_t l4_bytes)
{
    const uint8_t *ip = head + info->l3_offset;
    uint8_t tail[8] = {(uint8_t)(l4_bytes >> 24),
                       (uint8_t)(l4_bytes >> 16),
                       (uint8_t)(l4_bytes >> 8),
                       (uint8_t)l4_bytes,
                       0,
                       0,
                       0,
                       info->protocol};
    uint64_t sum = sum_bytes(tail, sizeof(tail));

    sum +=
        info->ip_version == 4 ? sum_bytes(ip + 12, 8) : sum_bytes(ip + 8, 32);
    return (uint16_t)fold(sum);
}

static uint32_t mix(uint32_t hash, const uint8_t *p, unsigned len_bytes)
{
    while (len_bytes--)
        hash = (hash ^ *p++) * 16777619u;
    return hash;
}

uint32_t splitio_packet_flow(const uint8_t *head, uint32_t head_bytes)
{
    struct splitio_packet_info info;
    uint32_t hash = 2166136261u;

    if (splitio_packet_parse(head, head_bytes, &info)) {
        hash = mix(hash, head, head_bytes < 12 ? head_bytes : 12);
    } else {
        hash = info.ip_version == 4 ? mix(hash, head + info.l3_offset + 12, 8)
                                    : mix(hash, head + info.l3_offset + 8, 32);
        hash = mix(hash, head + info.l4_offset, 4);
    }
    return hash ^ hash >> 16;
}
