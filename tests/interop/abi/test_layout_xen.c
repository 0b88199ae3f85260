/* SPDX-License-Identifier: BSD-2-Clause */
/* Every wire structure and constant against Xen's own headers, 64-bit. */
#include "cm.h"

#include <splitio/event.h>
#include <splitio/event_fifo.h>
#include <splitio/grant.h>
#include <splitio/grant_engine.h>
#include <splitio/proto/blkif.h>
#include <splitio/proto/netif.h>
#include <splitio/proto/xenbus.h>
#include <splitio/ring.h>

#include <xen/xen.h>

#include <xen/event_channel.h>
#include <xen/foreign/x86_32.h>
#include <xen/grant_table.h>
#include <xen/io/blkif.h>
#include <xen/io/netif.h>
#include <xen/io/protocols.h>
#include <xen/io/xenbus.h>

#include "layout.h"

DEFINE_RING_TYPES(layout, uint32_t, uint32_t);

#define BLK(name) splitio_blkif_##name##_x86_64

static void same(size_t ours, size_t theirs, const char *what)
{
    if (ours != theirs)
        fail_msg("%s: %zu here, %zu in Xen's header", what, ours, theirs);
}

#define SAME_SIZE(ours, theirs)                                                \
    same(sizeof(ours), sizeof(theirs), "size of " #ours);
#define SAME_FIELD(ours, our_field, theirs, their_field)                       \
    same(offsetof(ours, our_field), offsetof(theirs, their_field),             \
         "offset of " #ours "." #our_field);                                   \
    same(sizeof(((ours *)0)->our_field), sizeof(((theirs *)0)->their_field),   \
         "size of " #ours "." #our_field);
#define SAME_VALUE(ours, theirs) same((size_t)(ours), (size_t)(theirs), #ours);

static void sring_layout_is_xens(void **state)
{
    (void)state;
    LAYOUT_SRING
}

static void blkif_layout_is_xens(void **state)
{
    (void)state;
    LAYOUT_BLKIF
}

static void blkif_constants_are_xens(void **state)
{
    (void)state;
    SAME_VALUE(SPLITIO_BLKIF_OP_READ, BLKIF_OP_READ)
    SAME_VALUE(SPLITIO_BLKIF_OP_WRITE, BLKIF_OP_WRITE)
    SAME_VALUE(SPLITIO_BLKIF_OP_WRITE_BARRIER, BLKIF_OP_WRITE_BARRIER)
    SAME_VALUE(SPLITIO_BLKIF_OP_FLUSH_DISKCACHE, BLKIF_OP_FLUSH_DISKCACHE)
    SAME_VALUE(SPLITIO_BLKIF_OP_RESERVED_1, BLKIF_OP_RESERVED_1)
    SAME_VALUE(SPLITIO_BLKIF_OP_DISCARD, BLKIF_OP_DISCARD)
    SAME_VALUE(SPLITIO_BLKIF_OP_INDIRECT, BLKIF_OP_INDIRECT)
    SAME_VALUE(SPLITIO_BLKIF_RSP_OKAY, BLKIF_RSP_OKAY)
    SAME_VALUE(SPLITIO_BLKIF_RSP_ERROR, BLKIF_RSP_ERROR)
    SAME_VALUE(SPLITIO_BLKIF_RSP_EOPNOTSUPP, BLKIF_RSP_EOPNOTSUPP)
    SAME_VALUE(SPLITIO_BLKIF_MAX_SEGMENTS, BLKIF_MAX_SEGMENTS_PER_REQUEST)
    SAME_VALUE(SPLITIO_BLKIF_MAX_INDIRECT_PAGES,
               BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST)
    SAME_VALUE(SPLITIO_BLKIF_DISCARD_SECURE, BLKIF_DISCARD_SECURE)
    SAME_VALUE(SPLITIO_BLKIF_VDISK_CDROM, VDISK_CDROM)
    SAME_VALUE(SPLITIO_BLKIF_VDISK_REMOVABLE, VDISK_REMOVABLE)
    SAME_VALUE(SPLITIO_BLKIF_VDISK_READONLY, VDISK_READONLY)
    assert_string_equal(SPLITIO_BLKIF_PROTOCOL_X86_64, XEN_IO_PROTO_ABI_X86_64);
    assert_string_equal(SPLITIO_BLKIF_PROTOCOL_X86_32, XEN_IO_PROTO_ABI_X86_32);
    assert_string_equal(SPLITIO_BLKIF_PROTOCOL_ARM, XEN_IO_PROTO_ABI_ARM);
}

static void netif_layout_is_xens(void **state)
{
    (void)state;
    LAYOUT_NETIF
}

static void netif_constants_are_xens(void **state)
{
    (void)state;
    SAME_VALUE(SPLITIO_NETTXF_CSUM_BLANK, NETTXF_csum_blank)
    SAME_VALUE(SPLITIO_NETTXF_DATA_VALIDATED, NETTXF_data_validated)
    SAME_VALUE(SPLITIO_NETTXF_MORE_DATA, NETTXF_more_data)
    SAME_VALUE(SPLITIO_NETTXF_EXTRA_INFO, NETTXF_extra_info)
    SAME_VALUE(SPLITIO_NETRXF_DATA_VALIDATED, NETRXF_data_validated)
    SAME_VALUE(SPLITIO_NETRXF_CSUM_BLANK, NETRXF_csum_blank)
    SAME_VALUE(SPLITIO_NETRXF_MORE_DATA, NETRXF_more_data)
    SAME_VALUE(SPLITIO_NETRXF_EXTRA_INFO, NETRXF_extra_info)
    SAME_VALUE(SPLITIO_NETRXF_GSO_PREFIX, NETRXF_gso_prefix)
    SAME_VALUE(SPLITIO_NETIF_EXTRA_GSO, XEN_NETIF_EXTRA_TYPE_GSO)
    SAME_VALUE(SPLITIO_NETIF_EXTRA_MCAST_ADD, XEN_NETIF_EXTRA_TYPE_MCAST_ADD)
    SAME_VALUE(SPLITIO_NETIF_EXTRA_MCAST_DEL, XEN_NETIF_EXTRA_TYPE_MCAST_DEL)
    SAME_VALUE(SPLITIO_NETIF_EXTRA_HASH, XEN_NETIF_EXTRA_TYPE_HASH)
    SAME_VALUE(SPLITIO_NETIF_EXTRA_XDP, XEN_NETIF_EXTRA_TYPE_MAX)
    SAME_VALUE(SPLITIO_NETIF_EXTRA_FLAG_MORE, XEN_NETIF_EXTRA_FLAG_MORE)
    SAME_VALUE(SPLITIO_NETIF_GSO_TCPV4, XEN_NETIF_GSO_TYPE_TCPV4)
    SAME_VALUE(SPLITIO_NETIF_GSO_TCPV6, XEN_NETIF_GSO_TYPE_TCPV6)
    SAME_VALUE(SPLITIO_NETIF_RSP_DROPPED, NETIF_RSP_DROPPED)
    SAME_VALUE(SPLITIO_NETIF_RSP_ERROR, NETIF_RSP_ERROR)
    SAME_VALUE(SPLITIO_NETIF_RSP_OKAY, NETIF_RSP_OKAY)
    SAME_VALUE(SPLITIO_NETIF_RSP_NULL, NETIF_RSP_NULL)
    SAME_VALUE(SPLITIO_NETIF_SLOTS_MAX, XEN_NETIF_NR_SLOTS_MIN)
}

static void grant_layout_is_xens(void **state)
{
    (void)state;
    LAYOUT_GRANT
    SAME_VALUE(SPLITIO_GRANTS_PER_FRAME_V1,
               4096 / sizeof(struct grant_entry_v1))
    SAME_VALUE(SPLITIO_GRANTS_PER_FRAME_V2, 4096 / sizeof(union grant_entry_v2))
    SAME_VALUE(sizeof(splitio_grant_status_t), sizeof(grant_status_t))
    SAME_VALUE(SPLITIO_GRANT_STATUS_PER_FRAME, 4096 / sizeof(grant_status_t))
    SAME_VALUE(SPLITIO_GRANT_RESERVED, GNTTAB_NR_RESERVED_ENTRIES)
}

static void grant_flags_are_xens(void **state)
{
    (void)state;
    SAME_VALUE(SPLITIO_GTF_PERMIT_ACCESS, GTF_permit_access)
    SAME_VALUE(SPLITIO_GTF_TYPE_MASK, GTF_type_mask)
    SAME_VALUE(SPLITIO_GTF_READONLY, GTF_readonly)
    SAME_VALUE(SPLITIO_GTF_READING, GTF_reading)
    SAME_VALUE(SPLITIO_GTF_WRITING, GTF_writing)
    SAME_VALUE(SPLITIO_GTF_ACCEPT_TRANSFER, GTF_accept_transfer)
    SAME_VALUE(SPLITIO_GTF_TRANSITIVE, GTF_transitive)
    SAME_VALUE(SPLITIO_GTF_SUB_PAGE, GTF_sub_page)
    SAME_VALUE(SPLITIO_CACHE_CLEAN, GNTTAB_CACHE_CLEAN)
    SAME_VALUE(SPLITIO_CACHE_INVAL, GNTTAB_CACHE_INVAL)
}

static void grant_statuses_are_xens(void **state)
{
    (void)state;
    SAME_VALUE(SPLITIO_GNTST_OKAY, GNTST_okay)
    SAME_VALUE(SPLITIO_GNTST_GENERAL_ERROR, GNTST_general_error)
    SAME_VALUE(SPLITIO_GNTST_BAD_DOMAIN, GNTST_bad_domain)
    SAME_VALUE(SPLITIO_GNTST_BAD_GNTREF, GNTST_bad_gntref)
    SAME_VALUE(SPLITIO_GNTST_BAD_HANDLE, GNTST_bad_handle)
    SAME_VALUE(SPLITIO_GNTST_BAD_VIRT_ADDR, GNTST_bad_virt_addr)
    SAME_VALUE(SPLITIO_GNTST_BAD_DEV_ADDR, GNTST_bad_dev_addr)
    SAME_VALUE(SPLITIO_GNTST_NO_DEVICE_SPACE, GNTST_no_device_space)
    SAME_VALUE(SPLITIO_GNTST_PERMISSION_DENIED, GNTST_permission_denied)
    SAME_VALUE(SPLITIO_GNTST_BAD_PAGE, GNTST_bad_page)
    SAME_VALUE(SPLITIO_GNTST_BAD_COPY_ARG, GNTST_bad_copy_arg)
    SAME_VALUE(SPLITIO_GNTST_ADDRESS_TOO_BIG, GNTST_address_too_big)
    SAME_VALUE(SPLITIO_GNTST_EAGAIN, GNTST_eagain)
    SAME_VALUE(SPLITIO_GNTST_NO_SPACE, GNTST_no_space)
}

static void domain_ids_are_xens(void **state)
{
    (void)state;
    SAME_VALUE(SPLITIO_DOMID_SELF, DOMID_SELF)
    SAME_VALUE(SPLITIO_DOMID_FIRST_RESERVED, DOMID_FIRST_RESERVED)
    SAME_VALUE(sizeof(splitio_domid_t), sizeof(domid_t))
    SAME_VALUE(sizeof(splitio_gref_t), sizeof(grant_ref_t))
    SAME_VALUE(sizeof(splitio_evtchn_t), sizeof(evtchn_port_t))
    SAME_VALUE(sizeof(splitio_grant_handle_t), sizeof(grant_handle_t))
}

/* The event words of a shared info page, from the page's own declaration. */
#define SAME_EVENT_ABI(abi, shared, vcpu, word)                                \
    SAME_VALUE((abi)->word_bits, 8 * sizeof(word))                             \
    SAME_VALUE((abi)->nr_vcpus,                                                \
               sizeof(((struct shared *)0)->vcpu_info) / sizeof(struct vcpu))  \
    SAME_VALUE((abi)->vcpu_stride, sizeof(struct vcpu))                        \
    SAME_VALUE((abi)->upcall_pending,                                          \
               offsetof(struct vcpu, evtchn_upcall_pending))                   \
    SAME_VALUE((abi)->upcall_mask, offsetof(struct vcpu, evtchn_upcall_mask))  \
    SAME_VALUE((abi)->selector, offsetof(struct vcpu, evtchn_pending_sel))     \
    SAME_VALUE((abi)->pending, offsetof(struct shared, evtchn_pending))        \
    SAME_VALUE((abi)->mask, offsetof(struct shared, evtchn_mask))              \
    SAME_VALUE((abi)->word_bits * sizeof(word),                                \
               sizeof(((struct shared *)0)->evtchn_pending))

static void shared_info_geometry_is_xens_for_both_abis(void **state)
{
    const struct splitio_event_abi *abi64 = &splitio_event_abi_x86_64;
    const struct splitio_event_abi *abi32 = &splitio_event_abi_x86_32;

    (void)state;
    SAME_EVENT_ABI(abi64, shared_info, vcpu_info, xen_ulong_t)
    SAME_EVENT_ABI(abi32, shared_info_x86_32, vcpu_info_x86_32, uint32_t)
    SAME_VALUE(splitio_event_abi_nr_ports(abi64), EVTCHN_2L_NR_CHANNELS)
}

static void event_port_states_and_interrupts_are_xens(void **state)
{
    (void)state;
    SAME_VALUE(SPLITIO_EVTCHN_CLOSED, EVTCHNSTAT_closed)
    SAME_VALUE(SPLITIO_EVTCHN_UNBOUND, EVTCHNSTAT_unbound)
    SAME_VALUE(SPLITIO_EVTCHN_INTERDOMAIN, EVTCHNSTAT_interdomain)
    SAME_VALUE(SPLITIO_EVTCHN_PIRQ, EVTCHNSTAT_pirq)
    SAME_VALUE(SPLITIO_EVTCHN_VIRQ, EVTCHNSTAT_virq)
    SAME_VALUE(SPLITIO_EVTCHN_IPI, EVTCHNSTAT_ipi)
    SAME_VALUE(SPLITIO_NR_VIRQS, NR_VIRQS)
    SAME_VALUE(SPLITIO_VIRQS_OF_VCPU, 1u << VIRQ_TIMER | 1u << VIRQ_DEBUG |
                                          1u << VIRQ_XENOPROF |
                                          1u << VIRQ_XENPMU)
    SAME_VALUE(SPLITIO_EVENT_VCPUS_MAX, XEN_LEGACY_MAX_VCPUS)
}

static void event_fifo_layout_is_xens(void **state)
{
    (void)state;
    SAME_VALUE(SPLITIO_EVTCHN_FIFO_PENDING, EVTCHN_FIFO_PENDING)
    SAME_VALUE(SPLITIO_EVTCHN_FIFO_MASKED, EVTCHN_FIFO_MASKED)
    SAME_VALUE(SPLITIO_EVTCHN_FIFO_LINKED, EVTCHN_FIFO_LINKED)
    SAME_VALUE(SPLITIO_EVTCHN_FIFO_BUSY, EVTCHN_FIFO_BUSY)
    SAME_VALUE(SPLITIO_EVTCHN_FIFO_LINK_BITS, EVTCHN_FIFO_LINK_BITS)
    SAME_VALUE(SPLITIO_EVTCHN_FIFO_LINK_MASK, EVTCHN_FIFO_LINK_MASK)
    SAME_VALUE(SPLITIO_EVTCHN_FIFO_NR_CHANNELS, EVTCHN_FIFO_NR_CHANNELS)
    SAME_VALUE(SPLITIO_EVTCHN_FIFO_PRIORITY_MAX, EVTCHN_FIFO_PRIORITY_MAX)
    SAME_VALUE(SPLITIO_EVTCHN_FIFO_PRIORITY_DEFAULT,
               EVTCHN_FIFO_PRIORITY_DEFAULT)
    SAME_VALUE(SPLITIO_EVTCHN_FIFO_PRIORITY_MIN, EVTCHN_FIFO_PRIORITY_MIN)
    SAME_VALUE(SPLITIO_EVTCHN_FIFO_MAX_QUEUES, EVTCHN_FIFO_MAX_QUEUES)
    SAME_VALUE(SPLITIO_EVENT_FIFO_PAGE_WORDS * sizeof(event_word_t),
               SPLITIO_PAGE_SIZE)
    SAME_VALUE(sizeof(struct splitio_event_fifo_block),
               sizeof(struct evtchn_fifo_control_block))
    SAME_VALUE(offsetof(struct splitio_event_fifo_block, ready),
               offsetof(struct evtchn_fifo_control_block, ready))
    SAME_VALUE(offsetof(struct splitio_event_fifo_block, rsvd),
               offsetof(struct evtchn_fifo_control_block, _rsvd))
    SAME_VALUE(offsetof(struct splitio_event_fifo_block, head),
               offsetof(struct evtchn_fifo_control_block, head))
}

static void xenbus_states_are_xens(void **state)
{
    (void)state;
    SAME_VALUE(SPLITIO_XENBUS_UNKNOWN, XenbusStateUnknown)
    SAME_VALUE(SPLITIO_XENBUS_INITIALISING, XenbusStateInitialising)
    SAME_VALUE(SPLITIO_XENBUS_INIT_WAIT, XenbusStateInitWait)
    SAME_VALUE(SPLITIO_XENBUS_INITIALISED, XenbusStateInitialised)
    SAME_VALUE(SPLITIO_XENBUS_CONNECTED, XenbusStateConnected)
    SAME_VALUE(SPLITIO_XENBUS_CLOSING, XenbusStateClosing)
    SAME_VALUE(SPLITIO_XENBUS_CLOSED, XenbusStateClosed)
    SAME_VALUE(SPLITIO_XENBUS_RECONFIGURING, XenbusStateReconfiguring)
    SAME_VALUE(SPLITIO_XENBUS_RECONFIGURED, XenbusStateReconfigured)
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sring_layout_is_xens),
        cmocka_unit_test(blkif_layout_is_xens),
        cmocka_unit_test(blkif_constants_are_xens),
        cmocka_unit_test(netif_layout_is_xens),
        cmocka_unit_test(netif_constants_are_xens),
        cmocka_unit_test(grant_layout_is_xens),
        cmocka_unit_test(grant_flags_are_xens),
        cmocka_unit_test(grant_statuses_are_xens),
        cmocka_unit_test(domain_ids_are_xens),
        cmocka_unit_test(shared_info_geometry_is_xens_for_both_abis),
        cmocka_unit_test(event_port_states_and_interrupts_are_xens),
        cmocka_unit_test(event_fifo_layout_is_xens),
        cmocka_unit_test(xenbus_states_are_xens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
