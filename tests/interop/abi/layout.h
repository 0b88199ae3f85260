/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which of our names is which of Xen's. The includer defines SAME_SIZE(ours,
 * theirs), SAME_FIELD(ours, our_field, theirs, their_field) and SAME_VALUE(ours,
 * theirs), expands the lists, and has included Xen's headers.
 *
 * BLK(name) is splitio_blkif_<name> for the CPU ABI in question.
 */
#ifndef SPLITIO_TESTS_LAYOUT_H
#define SPLITIO_TESTS_LAYOUT_H

#define LAYOUT_BLKIF                                                           \
    SAME_SIZE(struct BLK(request), struct blkif_request)                       \
    SAME_FIELD(struct BLK(request), operation, struct blkif_request,           \
               operation)                                                      \
    SAME_FIELD(struct BLK(request), nr_segments, struct blkif_request,         \
               nr_segments)                                                    \
    SAME_FIELD(struct BLK(request), handle, struct blkif_request, handle)      \
    SAME_FIELD(struct BLK(request), id, struct blkif_request, id)              \
    SAME_FIELD(struct BLK(request), sector_number, struct blkif_request,       \
               sector_number)                                                  \
    SAME_FIELD(struct BLK(request), seg, struct blkif_request, seg)            \
    SAME_FIELD(struct BLK(discard), operation, struct blkif_request_discard,   \
               operation)                                                      \
    SAME_FIELD(struct BLK(discard), flag, struct blkif_request_discard, flag)  \
    SAME_FIELD(struct BLK(discard), id, struct blkif_request_discard, id)      \
    SAME_FIELD(struct BLK(discard), sector_number,                             \
               struct blkif_request_discard, sector_number)                    \
    SAME_FIELD(struct BLK(discard), nr_sectors, struct blkif_request_discard,  \
               nr_sectors)                                                     \
    SAME_FIELD(struct BLK(indirect), operation, struct blkif_request_indirect, \
               operation)                                                      \
    SAME_FIELD(struct BLK(indirect), indirect_op,                              \
               struct blkif_request_indirect, indirect_op)                     \
    SAME_FIELD(struct BLK(indirect), nr_segments,                              \
               struct blkif_request_indirect, nr_segments)                     \
    SAME_FIELD(struct BLK(indirect), id, struct blkif_request_indirect, id)    \
    SAME_FIELD(struct BLK(indirect), sector_number,                            \
               struct blkif_request_indirect, sector_number)                   \
    SAME_FIELD(struct BLK(indirect), handle, struct blkif_request_indirect,    \
               handle)                                                         \
    SAME_FIELD(struct BLK(indirect), indirect_grefs,                           \
               struct blkif_request_indirect, indirect_grefs)                  \
    SAME_SIZE(struct BLK(response), struct blkif_response)                     \
    SAME_FIELD(struct BLK(response), id, struct blkif_response, id)            \
    SAME_FIELD(struct BLK(response), operation, struct blkif_response,         \
               operation)                                                      \
    SAME_FIELD(struct BLK(response), status, struct blkif_response, status)    \
    SAME_SIZE(struct splitio_blkif_segment, struct blkif_request_segment)      \
    SAME_FIELD(struct splitio_blkif_segment, gref,                             \
               struct blkif_request_segment, gref)                             \
    SAME_FIELD(struct splitio_blkif_segment, first_sect,                       \
               struct blkif_request_segment, first_sect)                       \
    SAME_FIELD(struct splitio_blkif_segment, last_sect,                        \
               struct blkif_request_segment, last_sect)

#define LAYOUT_NETIF                                                           \
    SAME_SIZE(struct splitio_netif_tx_request, struct netif_tx_request)        \
    SAME_FIELD(struct splitio_netif_tx_request, gref, struct netif_tx_request, \
               gref)                                                           \
    SAME_FIELD(struct splitio_netif_tx_request, offset,                        \
               struct netif_tx_request, offset)                                \
    SAME_FIELD(struct splitio_netif_tx_request, flags,                         \
               struct netif_tx_request, flags)                                 \
    SAME_FIELD(struct splitio_netif_tx_request, id, struct netif_tx_request,   \
               id)                                                             \
    SAME_FIELD(struct splitio_netif_tx_request, size, struct netif_tx_request, \
               size)                                                           \
    SAME_SIZE(struct splitio_netif_tx_response, struct netif_tx_response)      \
    SAME_FIELD(struct splitio_netif_tx_response, id, struct netif_tx_response, \
               id)                                                             \
    SAME_FIELD(struct splitio_netif_tx_response, status,                       \
               struct netif_tx_response, status)                               \
    SAME_SIZE(struct splitio_netif_rx_request, struct netif_rx_request)        \
    SAME_FIELD(struct splitio_netif_rx_request, id, struct netif_rx_request,   \
               id)                                                             \
    SAME_FIELD(struct splitio_netif_rx_request, gref, struct netif_rx_request, \
               gref)                                                           \
    SAME_SIZE(struct splitio_netif_rx_response, struct netif_rx_response)      \
    SAME_FIELD(struct splitio_netif_rx_response, id, struct netif_rx_response, \
               id)                                                             \
    SAME_FIELD(struct splitio_netif_rx_response, offset,                       \
               struct netif_rx_response, offset)                               \
    SAME_FIELD(struct splitio_netif_rx_response, flags,                        \
               struct netif_rx_response, flags)                                \
    SAME_FIELD(struct splitio_netif_rx_response, status,                       \
               struct netif_rx_response, status)                               \
    SAME_SIZE(struct splitio_netif_extra, struct netif_extra_info)             \
    SAME_FIELD(struct splitio_netif_extra, type, struct netif_extra_info,      \
               type)                                                           \
    SAME_FIELD(struct splitio_netif_extra, flags, struct netif_extra_info,     \
               flags)                                                          \
    SAME_FIELD(struct splitio_netif_extra, u.gso.size,                         \
               struct netif_extra_info, u.gso.size)                            \
    SAME_FIELD(struct splitio_netif_extra, u.gso.type,                         \
               struct netif_extra_info, u.gso.type)                            \
    SAME_FIELD(struct splitio_netif_extra, u.gso.features,                     \
               struct netif_extra_info, u.gso.features)                        \
    SAME_FIELD(struct splitio_netif_extra, u.mcast.addr,                       \
               struct netif_extra_info, u.mcast.addr)                          \
    SAME_FIELD(struct splitio_netif_extra, u.hash.type,                        \
               struct netif_extra_info, u.hash.type)                           \
    SAME_FIELD(struct splitio_netif_extra, u.hash.algorithm,                   \
               struct netif_extra_info, u.hash.algorithm)                      \
    SAME_FIELD(struct splitio_netif_extra, u.hash.value,                       \
               struct netif_extra_info, u.hash.value)

#define LAYOUT_GRANT                                                           \
    SAME_SIZE(struct splitio_grant_entry_v1, struct grant_entry_v1)            \
    SAME_FIELD(struct splitio_grant_entry_v1, flags, struct grant_entry_v1,    \
               flags)                                                          \
    SAME_FIELD(struct splitio_grant_entry_v1, domid, struct grant_entry_v1,    \
               domid)                                                          \
    SAME_FIELD(struct splitio_grant_entry_v1, frame, struct grant_entry_v1,    \
               frame)                                                          \
    SAME_SIZE(union splitio_grant_entry_v2, union grant_entry_v2)              \
    SAME_FIELD(union splitio_grant_entry_v2, hdr.flags, union grant_entry_v2,  \
               hdr.flags)                                                      \
    SAME_FIELD(union splitio_grant_entry_v2, hdr.domid, union grant_entry_v2,  \
               hdr.domid)                                                      \
    SAME_FIELD(union splitio_grant_entry_v2, full_page.hdr.flags,              \
               union grant_entry_v2, full_page.hdr.flags)                      \
    SAME_FIELD(union splitio_grant_entry_v2, full_page.pad0,                   \
               union grant_entry_v2, full_page.pad0)                           \
    SAME_FIELD(union splitio_grant_entry_v2, full_page.frame,                  \
               union grant_entry_v2, full_page.frame)                          \
    SAME_FIELD(union splitio_grant_entry_v2, sub_page.page_off,                \
               union grant_entry_v2, sub_page.page_off)                        \
    SAME_FIELD(union splitio_grant_entry_v2, sub_page.length,                  \
               union grant_entry_v2, sub_page.length)                          \
    SAME_FIELD(union splitio_grant_entry_v2, sub_page.frame,                   \
               union grant_entry_v2, sub_page.frame)                           \
    SAME_FIELD(union splitio_grant_entry_v2, transitive.trans_domid,           \
               union grant_entry_v2, transitive.trans_domid)                   \
    SAME_FIELD(union splitio_grant_entry_v2, transitive.pad0,                  \
               union grant_entry_v2, transitive.pad0)                          \
    SAME_FIELD(union splitio_grant_entry_v2, transitive.gref,                  \
               union grant_entry_v2, transitive.gref)                          \
    SAME_FIELD(union splitio_grant_entry_v2, spacer, union grant_entry_v2,     \
               __spacer)

#define LAYOUT_SRING                                                           \
    SAME_FIELD(struct splitio_sring, req_prod, struct layout_sring, req_prod)  \
    SAME_FIELD(struct splitio_sring, req_event, struct layout_sring,           \
               req_event)                                                      \
    SAME_FIELD(struct splitio_sring, rsp_prod, struct layout_sring, rsp_prod)  \
    SAME_FIELD(struct splitio_sring, rsp_event, struct layout_sring,           \
               rsp_event)                                                      \
    SAME_FIELD(struct splitio_sring, pvt, struct layout_sring, pvt)            \
    SAME_FIELD(struct splitio_sring, pad, struct layout_sring, __pad)          \
    SAME_VALUE(sizeof(struct splitio_sring),                                   \
               offsetof(struct layout_sring, ring))

#endif
