/* SPDX-License-Identifier: BSD-2-Clause */
/* Saving a device and restoring it elsewhere: what goes between. */
#ifndef SPLITIO_SAVE_H
#define SPLITIO_SAVE_H

/**
 * @file
 * @brief The form in which devices are saved (layer 2).
 *
 * **What it is.** A *blob*: the state of one half of a device, in bytes that any
 * build on any machine can read. Each driver has splitio_X_save() and
 * splitio_X_restore() in its own header; here is what their blobs have in
 * common, and a way to look at one without a device.
 *
 * A back's blob is for its peer not to notice: another process, or the same
 * program in a newer version, maps the same rings, binds the same channels and
 * goes on at the same indices, with the requests that were taken and not
 * answered. A front's blob is for its user not to notice: what it was asked to
 * do and has not done is done over the next connection.
 *
 * **Form.** All numbers are little-endian, nothing is padded.
 *
 *     head, 24 bytes                          record
 *     u32  "SPLS"                             u16  tag, unique in its kind
 *     u16  major: other: not understood       u16  1: may be passed over
 *     u16  minor: more records may follow     u32  bytes of the rest
 *     u32  kind                               ...  fields; later versions may
 *     u32  bytes, the head's included              have more of them at the end
 *     u32  CRC-32 of all, this one being 0
 *     u32  0
 *
 * **Who calls what.** Whoever hands a device over: pause, save, send the blob;
 * and who takes it: init, restore, poll. A restored half looks at every queue as
 * if an event had come, for events may have been lost meanwhile.
 *
 * **Trust.** A blob comes from outside. Its form, its sums and every number are
 * checked before anything is acquired; what it says of a peer's requests is
 * checked as if the peer had said it. The CRC finds damage, not malice: who may
 * write a blob may ask for any page of the domain that it names.
 *
 * **Errors.** SPLITIO_EPROTO: damaged, cut off, or no blob at all;
 * SPLITIO_EOPNOTSUPP: another kind, version, or more than this device can do.
 */

#include <splitio/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of the head. */
#define SPLITIO_SAVE_HEAD_BYTES 24u
/** The version that is written; any minor one of the same major is read. */
#define SPLITIO_SAVE_MAJOR 1u
#define SPLITIO_SAVE_MINOR 0u

/** Whose state it is. */
enum splitio_save_kind {
    SPLITIO_SAVE_BLKBACK = 1,
    SPLITIO_SAVE_BLKFRONT = 2,
    SPLITIO_SAVE_NETBACK = 3,
    SPLITIO_SAVE_NETFRONT = 4,
};

/** What the head says. */
struct splitio_save_info {
    uint32_t kind;  /**< enum splitio_save_kind, or one of later versions */
    uint32_t bytes; /**< of the blob, head included */
    uint16_t major, minor;
};

/**
 * @brief Look at a blob: its head, its sum, and that its records are whole.
 * @param[in]  blob  any alignment.
 * @param[in]  bytes there are; more than the blob has is no error.
 * @param[out] info  what the head says; good if the result is not EPROTO.
 * @return 0; SPLITIO_EPROTO; SPLITIO_EOPNOTSUPP: another major version.
 *
 * Caller: any. Order: none. Peer: whoever wrote the blob.
 */
int splitio_save_inspect(const void *blob, size_t bytes,
                         struct splitio_save_info *info);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_SAVE_H */
