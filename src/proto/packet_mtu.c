/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether frames are as short as a link wants them. */
#include <splitio/proto/packet.h>

#define ETHERNET_BYTES 14u
#define VLAN_BYTES     4u
#define VLANS_MAX      2u

/* Ethernet header and tags. */
static uint32_t l2_bytes(const uint8_t *head)
{
    uint32_t l2 = ETHERNET_BYTES;
    unsigned i;

    for (i = 0; i < VLANS_MAX; i++) {
        unsigned type = (unsigned)head[l2 - 2] << 8 | head[l2 - 1];

        if (type != 0x8100 && type != 0x88a8)
            break;
        l2 += VLAN_BYTES;
    }
    return l2;
}

bool splitio_packet_is_within(const struct splitio_iovec *iov, uint32_t nr_iov,
                              uint32_t len_bytes, uint16_t gso_size,
                              uint32_t mtu)
{
    uint8_t head[SPLITIO_PACKET_HEAD_BYTES];
    struct splitio_packet_info info;
    uint32_t n;

    if (mtu == 0 || len_bytes <= mtu + ETHERNET_BYTES)
        return true;
    n = splitio_packet_gather(iov, nr_iov, 0, head, sizeof(head));
    if (n < ETHERNET_BYTES + VLANS_MAX * VLAN_BYTES)
        return false;
    if (gso_size == 0)
        return len_bytes <= l2_bytes(head) + mtu;
    return splitio_packet_parse(head, n, &info) == 0 &&
           (uint32_t)info.payload_offset + gso_size <= l2_bytes(head) + mtu;
}
