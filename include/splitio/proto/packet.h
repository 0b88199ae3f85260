/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP and UDP over IP, as far as offloads need: headers, checksums, segments. */
#ifndef SPLITIO_PROTO_PACKET_H
#define SPLITIO_PROTO_PACKET_H

/**
 * @file
 * @brief Looking into frames (layer 2).
 *
 * **What it is.** netif tells that a checksum is blank, but not where it is; the
 * bytes of the frame say that. And a peer that has not offered an offload must
 * get frames on which the work has been done. Sources: RFC 791, 793, 768, 8200,
 * 1071.
 *
 * **Who calls what.** netback and netfront, and whoever needs the same.
 *
 * **Typical loop.**
 *
 *     splitio_packet_gather(iov, nr_iov, 0, head, sizeof(head))
 *     splitio_packet_parse(head, n, &info)
 *     splitio_packet_csum(iov, nr_iov, info.l4_offset, len - info.l4_offset)
 *
 * **Memory order.** None.
 *
 * **Trust.** The bytes come from a peer. They must not be able to change while
 * a function here runs: hand in private copies of headers. Every offset that
 * comes out lies inside the bytes that went in, whatever they say.
 *
 * **Errors.** SPLITIO_EOPNOTSUPP: a frame that has no such offload.
 */

#include <splitio/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Headers are looked for in the first so many bytes of a frame. */
#define SPLITIO_PACKET_HEAD_BYTES 256u

/** Smallest segment that a frame is cut into: guards against floods. */
#define SPLITIO_PACKET_GSO_SIZE_MIN 8u

/** IP protocol numbers. */
#define SPLITIO_PACKET_TCP 6u
#define SPLITIO_PACKET_UDP 17u

/** Where things are in a frame. */
struct splitio_packet_info {
    uint16_t l3_offset;      /**< IP header */
    uint16_t l4_offset;      /**< TCP or UDP header: sums start here */
    uint16_t csum_offset;    /**< checksum, from l4_offset */
    uint16_t payload_offset; /**< after all headers */
    uint8_t ip_version;      /**< 4 or 6 */
    uint8_t protocol;        /**< SPLITIO_PACKET_TCP or _UDP */
};

/**
 * @brief Find the headers of an IP frame, whatever it carries, fragments too.
 *
 * Steps over what splitio_packet_parse() does.
 * @param[in]  head       as for that.
 * @param[in]  head_bytes as for that.
 * @param[out] info       l3_offset and ip_version; protocol and l4_offset, or
 *                        0 where a fragment or the end of @p head hides them.
 * @return 0; SPLITIO_EOPNOTSUPP: not IP, or its header does not fit.
 *
 * Caller: any. Order: none. Peer: every byte; at most 8 headers are followed.
 */
int splitio_packet_find_ip(const uint8_t *head, uint32_t head_bytes,
                           struct splitio_packet_info *info);

/**
 * @brief Find the headers of a TCP or UDP frame.
 *
 * Up to two VLAN tags and eight IPv6 extension headers are stepped over.
 * Fragments are refused: their checksum covers what is not there.
 * @param[in]  head       the first bytes of the frame, private.
 * @param[in]  head_bytes how many: the whole frame, or at least
 *                        SPLITIO_PACKET_HEAD_BYTES of it.
 * @param[out] info       filled in on success only.
 * @return 0; SPLITIO_EOPNOTSUPP: not TCP or UDP over IPv4 or IPv6, a fragment,
 * or headers that do not fit into @p head.
 *
 * Caller: any. Order: none. Peer: every byte; at most 8 headers are followed.
 */
int splitio_packet_parse(const uint8_t *head, uint32_t head_bytes,
                         struct splitio_packet_info *info);

/**
 * @brief Copy a range out of pieces.
 * @return bytes copied: less than @p len_bytes if the pieces end before.
 *
 * Caller: any. Order: none. Peer: the bytes.
 */
uint32_t splitio_packet_gather(const struct splitio_iovec *iov, uint32_t nr_iov,
                               uint32_t offset, void *dst, uint32_t len_bytes);

/**
 * @brief Internet checksum of a range of pieces, complemented: with the sum of
 * the pseudo-header in the checksum field, this is what belongs there.
 * @return the 16 bits in memory order; never 0, for which UDP has another use.
 *
 * Caller: any. Order: none. Peer: the bytes.
 */
uint16_t splitio_packet_csum(const struct splitio_iovec *iov, uint32_t nr_iov,
                             uint32_t offset, uint32_t len_bytes);

/**
 * @brief Sum of the pseudo-header, not complemented: the content of a checksum
 * field that is blank.
 * @param[in] head     as for splitio_packet_parse().
 * @param[in] info     what that found.
 * @param[in] l4_bytes from the L4 header to the end of the frame.
 * @return the 16 bits in memory order.
 *
 * Caller: any. Order: none. Peer: the bytes.
 */
uint16_t splitio_packet_pseudo_sum(const uint8_t *head,
                                   const struct splitio_packet_info *info,
                                   uint32_t l4_bytes);

/**
 * @brief A number that is the same for all frames of a flow, to pick a queue by.
 *
 * Caller: any. Order: none. Peer: the bytes.
 */
uint32_t splitio_packet_flow(const uint8_t *head, uint32_t head_bytes);

/**
 * @brief True if a frame, or each segment that it is to be cut into, carries no
 * more than @p mtu bytes after its Ethernet header and up to two VLAN tags.
 * @param[in] iov       the frame, in pieces.
 * @param[in] nr_iov    their number.
 * @param[in] len_bytes their sum.
 * @param[in] gso_size  payload of each segment; 0: it is not to be cut.
 * @param[in] mtu       0: no limit.
 *
 * Caller: any. Order: none. Peer: the bytes.
 */
bool splitio_packet_is_within(const struct splitio_iovec *iov, uint32_t nr_iov,
                              uint32_t len_bytes, uint16_t gso_size,
                              uint32_t mtu);

/** A long TCP frame that is to be cut. Fields are private, not ABI. */
struct splitio_packet_gso {
    struct splitio_packet_info info;
    uint32_t len_bytes;
    uint16_t gso_size;
    uint16_t nr_segs;
    uint8_t head[SPLITIO_PACKET_HEAD_BYTES];
};

/**
 * @brief Prepare for cutting a frame.
 * @param[out] g         the state.
 * @param[in]  iov       the frame, in pieces.
 * @param[in]  nr_iov    their number.
 * @param[in]  len_bytes their sum.
 * @param[in]  gso_size  payload of each segment.
 * @return number of segments, at least 1; SPLITIO_EOPNOTSUPP: not TCP, or
 * gso_size below SPLITIO_PACKET_GSO_SIZE_MIN.
 *
 * Caller: any. Order: none. Peer: the bytes; the number is bounded by
 * len_bytes / gso_size.
 */
int splitio_packet_gso_init(struct splitio_packet_gso *g,
                            const struct splitio_iovec *iov, uint32_t nr_iov,
                            uint32_t len_bytes, uint16_t gso_size);

/** @brief Length of segment @p i, with its headers. */
uint32_t splitio_packet_gso_bytes(const struct splitio_packet_gso *g,
                                  unsigned i);

/**
 * @brief Write segment @p i, with the TCP checksum blank.
 * @param[in]  g      from splitio_packet_gso_init().
 * @param[in]  i      below the number of segments.
 * @param[in]  iov    the frame, as before.
 * @param[in]  nr_iov as before.
 * @param[out] dst    splitio_packet_gso_bytes() bytes.
 *
 * Caller: any. Order: none. Peer: the payload.
 */
void splitio_packet_gso_make(const struct splitio_packet_gso *g, unsigned i,
                             const struct splitio_iovec *iov, uint32_t nr_iov,
                             uint8_t *dst);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_PROTO_PACKET_H */
