/* SPDX-License-Identifier: BSD-2-Clause */
/* The hash of a frame. Pure. */
#include <splitio/nic.h>
#include <splitio/proto/netif_ctrl.h>

/* Which hash there is to be; bytes is set to what it takes. */
static uint8_t kind_of(uint32_t kinds, const struct splitio_packet_info *info,
                       bool has_ports, uint32_t *bytes)
{
    bool v4 = info->ip_version == 4;
    uint32_t tcp =
        v4 ? SPLITIO_NETIF_HASH_IPV4_TCP : SPLITIO_NETIF_HASH_IPV6_TCP;
    uint32_t ip = v4 ? SPLITIO_NETIF_HASH_IPV4 : SPLITIO_NETIF_HASH_IPV6;

    *bytes = v4 ? 8 : 32;
    if ((kinds & tcp) && has_ports) {
        *bytes += 4;
        return v4 ? SPLITIO_HASH_IPV4_TCP : SPLITIO_HASH_IPV6_TCP;
    }
    if (kinds & ip)
        return v4 ? SPLITIO_HASH_IPV4 : SPLITIO_HASH_IPV6;
    return SPLITIO_HASH_NONE;
}

uint8_t splitio_netif_hash_frame(const struct splitio_netif_hash *h,
                                 const uint8_t *head, uint32_t head_bytes,
                                 uint32_t *value)
{
    struct splitio_packet_info info;
    uint32_t addresses, bytes;
    uint8_t data[36], kind;
    bool has_ports;

    *value = 0;
    if (splitio_packet_find_ip(head, head_bytes, &info))
        return SPLITIO_HASH_NONE;
    has_ports = info.protocol == SPLITIO_PACKET_TCP &&
                info.l4_offset + 4u <= head_bytes;
    kind = kind_of(h->kinds, &info, has_ports, &bytes);
    if (kind == SPLITIO_HASH_NONE)
        return kind;
    addresses = bytes & ~7u;
    __builtin_memcpy(data,
                     head + info.l3_offset + (info.ip_version == 4 ? 12 : 8),
                     addresses);
    __builtin_memcpy(data + addresses, head + info.l4_offset,
                     bytes - addresses);
    *value = splitio_toeplitz(h->key, h->key_bytes, data, bytes);
    return kind;
}
