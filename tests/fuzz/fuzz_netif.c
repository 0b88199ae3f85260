/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chains of netif slots and the bytes of frames, as a peer may write them. The
 * first byte says which: tx slots, rx slots, or a frame. What is accepted has
 * the properties that the drivers rely on.
 */
#include <splitio/proto/netif.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

static void check_tx(const struct splitio_netif_tx_packet *p)
{
    uint32_t sum = 0;

    require(p->nr_ids >= 1 && p->nr_ids <= SPLITIO_NETIF_SLOTS_FATAL);
    require(p->nr_extras <= SPLITIO_NETIF_EXTRAS_MAX);
    if (p->verdict != SPLITIO_NETIF_ACCEPT)
        return;
    require(p->nr_segs >= 1 && p->nr_segs <= SPLITIO_NETIF_SLOTS_MAX);
    for (unsigned i = 0; i < p->nr_segs; i++) {
        require(p->segs[i].size != 0);
        require(p->segs[i].offset + p->segs[i].size <= 4096);
        sum += p->segs[i].size;
    }
    require(sum == p->len_bytes && sum >= SPLITIO_NETIF_BYTES_MIN &&
            sum <= SPLITIO_NETIF_TX_BYTES_MAX);
    require(p->gso_type == 0 || p->gso_size >= SPLITIO_PACKET_GSO_SIZE_MIN);
}

static void fuzz_tx(const uint8_t *data, size_t size)
{
    struct splitio_netif_tx_packet p;
    union splitio_netif_tx_slot slot;
    unsigned fed = 0;
    int more = 1;

    splitio_netif_tx_begin(&p);
    for (; size >= sizeof(slot); data += sizeof(slot), size -= sizeof(slot)) {
        memcpy(&slot, data, sizeof(slot));
        more = splitio_netif_tx_feed(&p, &slot);
        require(++fed <= 25);
        if (more < 0)
            return;
        if (more == 0) {
            require(fed == (unsigned)p.nr_ids + p.nr_extras);
            check_tx(&p);
            splitio_netif_tx_begin(&p);
            fed = 0;
        }
    }
}

static void check_rx(const struct splitio_netif_rx_packet *p)
{
    uint32_t sum = 0;

    if (p->verdict != SPLITIO_NETIF_ACCEPT)
        return;
    require(p->nr_segs >= 1 && p->nr_segs <= SPLITIO_NETIF_SLOTS_MAX);
    for (unsigned i = 0; i < p->nr_segs; i++) {
        require(p->segs[i].size != 0);
        require(p->segs[i].offset + p->segs[i].size <= 4096);
        sum += p->segs[i].size;
    }
    require(sum == p->len_bytes && sum >= SPLITIO_NETIF_BYTES_MIN &&
            sum <= SPLITIO_NETIF_RX_BYTES_MAX);
}

static void fuzz_rx(const uint8_t *data, size_t size)
{
    struct splitio_netif_rx_packet p;
    union splitio_netif_rx_slot slot;
    unsigned fed = 0;
    uint32_t index;

    splitio_netif_rx_begin(&p);
    for (index = 0xfffffff0u; size >= sizeof(slot);
         index++, data += sizeof(slot), size -= sizeof(slot)) {
        int more;

        memcpy(&slot, data, sizeof(slot));
        more = splitio_netif_rx_feed(&p, &slot, index);
        require(++fed <= 25);
        if (more < 0)
            return;
        if (more == 0) {
            check_rx(&p);
            splitio_netif_rx_begin(&p);
            fed = 0;
        }
    }
}

/* Cuts the frame; the payload of all segments is that of the frame. */
static void fuzz_gso(const struct splitio_iovec *iov, uint32_t len_bytes,
                     uint16_t gso_size)
{
    static struct splitio_packet_gso g;
    uint32_t sum = 0;
    int n = splitio_packet_gso_init(&g, iov, 1, len_bytes, gso_size), i;

    if (n < 0)
        return;
    require(n >= 1 && (uint32_t)n <= len_bytes / gso_size + 1);
    for (i = 0; i < n; i++) {
        uint32_t bytes = splitio_packet_gso_bytes(&g, (unsigned)i);
        uint8_t *exact = malloc(bytes);

        require(exact != NULL);
        splitio_packet_gso_make(&g, (unsigned)i, iov, 1, exact);
        sum += bytes - g.info.payload_offset;
        free(exact);
    }
    require(sum == len_bytes - g.info.payload_offset);
}

static void fuzz_frame(uint8_t *data, size_t size)
{
    struct splitio_iovec iov = {data, size};
    struct splitio_packet_info info;
    uint32_t len = (uint32_t)size;

    (void)splitio_packet_flow(data, len);
    if (splitio_packet_parse(data, len, &info))
        return;
    require(info.l3_offset < info.l4_offset);
    require(info.l4_offset + info.csum_offset + 2u <= info.payload_offset);
    require(info.payload_offset <= len);
    require(info.payload_offset <= SPLITIO_PACKET_HEAD_BYTES);
    (void)splitio_packet_pseudo_sum(data, &info, len - info.l4_offset);
    (void)splitio_packet_csum(&iov, 1, info.l4_offset, len - info.l4_offset);
    fuzz_gso(&iov, len, (uint16_t)(data[0] << 8 | data[1]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy;

    if (size == 0)
        return 0;
    copy = malloc(size);
    require(copy != NULL);
    memcpy(copy, data, size);
    switch (*copy % 3) {
    case 0:
        fuzz_tx(copy + 1, size - 1);
        break;
    case 1:
        fuzz_rx(copy + 1, size - 1);
        break;
    default:
        if (size >= 3)
            fuzz_frame(copy + 1, size - 1);
        break;
    }
    free(copy);
    return 0;
}
