/* SPDX-License-Identifier: BSD-2-Clause */
/* netif as we write it beside Xen's own header. */
#include "cm.h"

#include <splitio/proto/netif.h>

#include <string.h>

#define xen_mb()  __sync_synchronize()
#define xen_rmb() __sync_synchronize()
#define xen_wmb() __sync_synchronize()
#include <xen/xen.h>

#include <xen/grant_table.h>
#include <xen/io/netif.h>

#define SAME_SIZE(ours, theirs) assert_int_equal(sizeof(ours), sizeof(theirs))
#define SAME_FIELD(ours, theirs, field)                                        \
    do {                                                                       \
        assert_int_equal(offsetof(ours, field), offsetof(theirs, field));      \
        assert_int_equal(sizeof(((ours *)0)->field),                           \
                         sizeof(((theirs *)0)->field));                        \
    } while (0)

static void netif_layouts_are_those_of_xen(void **state)
{
    (void)state;
    SAME_SIZE(struct splitio_netif_tx_request, netif_tx_request_t);
    SAME_FIELD(struct splitio_netif_tx_request, netif_tx_request_t, gref);
    SAME_FIELD(struct splitio_netif_tx_request, netif_tx_request_t, offset);
    SAME_FIELD(struct splitio_netif_tx_request, netif_tx_request_t, flags);
    SAME_FIELD(struct splitio_netif_tx_request, netif_tx_request_t, id);
    SAME_FIELD(struct splitio_netif_tx_request, netif_tx_request_t, size);
    SAME_SIZE(struct splitio_netif_tx_response, netif_tx_response_t);
    SAME_FIELD(struct splitio_netif_tx_response, netif_tx_response_t, status);
    SAME_SIZE(struct splitio_netif_rx_request, netif_rx_request_t);
    SAME_FIELD(struct splitio_netif_rx_request, netif_rx_request_t, gref);
    SAME_SIZE(struct splitio_netif_rx_response, netif_rx_response_t);
    SAME_FIELD(struct splitio_netif_rx_response, netif_rx_response_t, offset);
    SAME_FIELD(struct splitio_netif_rx_response, netif_rx_response_t, flags);
    SAME_FIELD(struct splitio_netif_rx_response, netif_rx_response_t, status);
    SAME_SIZE(struct splitio_netif_extra, netif_extra_info_t);
    SAME_FIELD(struct splitio_netif_extra, netif_extra_info_t, type);
    SAME_FIELD(struct splitio_netif_extra, netif_extra_info_t, flags);
    SAME_FIELD(struct splitio_netif_extra, netif_extra_info_t, u.gso.size);
    SAME_FIELD(struct splitio_netif_extra, netif_extra_info_t, u.gso.type);
    SAME_FIELD(struct splitio_netif_extra, netif_extra_info_t, u.gso.features);
    SAME_FIELD(struct splitio_netif_extra, netif_extra_info_t, u.mcast.addr);
    SAME_FIELD(struct splitio_netif_extra, netif_extra_info_t, u.hash.value);
    SAME_SIZE(union splitio_netif_tx_slot, union netif_tx_sring_entry);
    SAME_SIZE(union splitio_netif_rx_slot, union netif_rx_sring_entry);
}

static void netif_rings_have_as_many_slots_as_xen_says(void **state)
{
    (void)state;
    assert_int_equal(SPLITIO_NETIF_RING_SLOTS,
                     __CONST_RING_SIZE(netif_tx, 4096));
    assert_int_equal(SPLITIO_NETIF_RING_SLOTS,
                     __CONST_RING_SIZE(netif_rx, 4096));
    assert_int_equal(SPLITIO_NETIF_RING_SLOTS,
                     splitio_ring_nr_slots(1, splitio_netif_tx_slot_bytes));
    assert_int_equal(SPLITIO_NETIF_RING_SLOTS,
                     splitio_ring_nr_slots(1, splitio_netif_rx_slot_bytes));
}

static void netif_numbers_are_those_of_xen(void **state)
{
    static const long pairs[][2] = {
        {SPLITIO_NETTXF_CSUM_BLANK, NETTXF_csum_blank},
        {SPLITIO_NETTXF_DATA_VALIDATED, NETTXF_data_validated},
        {SPLITIO_NETTXF_MORE_DATA, NETTXF_more_data},
        {SPLITIO_NETTXF_EXTRA_INFO, NETTXF_extra_info},
        {SPLITIO_NETRXF_DATA_VALIDATED, NETRXF_data_validated},
        {SPLITIO_NETRXF_CSUM_BLANK, NETRXF_csum_blank},
        {SPLITIO_NETRXF_MORE_DATA, NETRXF_more_data},
        {SPLITIO_NETRXF_EXTRA_INFO, NETRXF_extra_info},
        {SPLITIO_NETRXF_GSO_PREFIX, NETRXF_gso_prefix},
        {SPLITIO_NETIF_EXTRA_GSO, XEN_NETIF_EXTRA_TYPE_GSO},
        {SPLITIO_NETIF_EXTRA_MCAST_ADD, XEN_NETIF_EXTRA_TYPE_MCAST_ADD},
        {SPLITIO_NETIF_EXTRA_MCAST_DEL, XEN_NETIF_EXTRA_TYPE_MCAST_DEL},
        {SPLITIO_NETIF_EXTRA_HASH, XEN_NETIF_EXTRA_TYPE_HASH},
        /* the next one is Linux's */
        {SPLITIO_NETIF_EXTRA_XDP, XEN_NETIF_EXTRA_TYPE_MAX},
        {SPLITIO_NETIF_EXTRA_FLAG_MORE, XEN_NETIF_EXTRA_FLAG_MORE},
        {SPLITIO_NETIF_GSO_TCPV4, XEN_NETIF_GSO_TYPE_TCPV4},
        {SPLITIO_NETIF_GSO_TCPV6, XEN_NETIF_GSO_TYPE_TCPV6},
        {SPLITIO_NETIF_RSP_DROPPED, NETIF_RSP_DROPPED},
        {SPLITIO_NETIF_RSP_ERROR, NETIF_RSP_ERROR},
        {SPLITIO_NETIF_RSP_OKAY, NETIF_RSP_OKAY},
        {SPLITIO_NETIF_RSP_NULL, NETIF_RSP_NULL},
        {SPLITIO_NETIF_SLOTS_MAX, XEN_NETIF_NR_SLOTS_MIN},
        {SPLITIO_NETIF_TX_BYTES_MAX, XEN_NETIF_MAX_TX_SIZE},
    };

    (void)state;
    for (size_t i = 0; i < SPLITIO_ARRAY_LEN(pairs); i++)
        assert_int_equal(pairs[i][0], pairs[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(netif_layouts_are_those_of_xen),
        cmocka_unit_test(netif_rings_have_as_many_slots_as_xen_says),
        cmocka_unit_test(netif_numbers_are_those_of_xen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
