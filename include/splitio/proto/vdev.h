/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers of virtual disks: which disk of the guest's a device is. */
#ifndef SPLITIO_PROTO_VDEV_H
#define SPLITIO_PROTO_VDEV_H

/**
 * @file
 * @brief The numbers of virtual disks (layer 2).
 *
 * **What it is.** A block device is known by a number: it names its directories
 * in the store and is the value of "virtual-device". The number says as what the
 * guest is to show the disk. Source: Xen's xen-vbd-interface(7).
 *
 * | name | disks | partitions | number |
 * |---|---|---|---|
 * | xvd | 0 to 15 | 0 to 15 | 202 << 8, disk << 4, partition |
 * | xvd | up to 2^20 - 1 | up to 255 | 1 << 28, disk << 8, partition |
 * | sd | 0 to 15 | 0 to 15 | 8 << 8, disk << 4, partition |
 * | hd | 0, 1 | 0 to 63 | 3 << 8, disk << 6, partition |
 * | hd | 2, 3 | 0 to 63 | 22 << 8, (disk - 2) << 6, partition |
 *
 * Partition 0 is the whole disk.
 *
 * **Who calls what.** Toolstacks, to make a number of a name; fronts, to make a
 * name of their number. All functions are pure.
 *
 * **Typical loop.** None.
 *
 * **Memory order.** None.
 *
 * **Trust.** Any text and any number may come in.
 *
 * **Errors.** See each function.
 */

#include <splitio/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Room for the longest name, with its NUL. */
#define SPLITIO_VDEV_NAME_MAX 16u

/** As what the guest is to show the disk. */
enum splitio_vdev_kind {
    SPLITIO_VDEV_XVD,
    SPLITIO_VDEV_SD,
    SPLITIO_VDEV_HD,
};

/** A number, taken apart. */
struct splitio_vdev {
    enum splitio_vdev_kind kind;
    uint32_t disk;      /**< from 0 */
    uint32_t partition; /**< 0: the whole disk */
};

/**
 * @brief The number of a disk.
 * @param[in]  vdev   the disk.
 * @param[out] number its number, in the short form if it has one.
 * @return 0; SPLITIO_EINVAL: no number stands for it.
 *
 * Caller: any. Order: none. Peer: nothing.
 */
int splitio_vdev_encode(const struct splitio_vdev *vdev, uint32_t *number);

/**
 * @brief What a number stands for.
 * @return 0; SPLITIO_EINVAL: nothing that is known.
 *
 * Caller: any. Order: none. Peer: may have chosen the number.
 */
int splitio_vdev_decode(uint32_t number, struct splitio_vdev *vdev);

/**
 * @brief The number of a name.
 * @param[in]  name   "xvda", "xvdb3", "sda", "hdc1", "d5p2" (disk 5, partition
 *                    2, as xvd), or a number in decimal, whatever it stands for.
 * @param[out] number its number.
 * @return 0; SPLITIO_EINVAL: not a name, or no number stands for it.
 *
 * Caller: any. Order: none. Peer: nothing.
 */
int splitio_vdev_parse(const char *name, uint32_t *number);

/**
 * @brief The name of a number.
 * @param[in]  number any.
 * @param[out] name   SPLITIO_VDEV_NAME_MAX bytes; ends in NUL.
 * @return its length; SPLITIO_EINVAL as splitio_vdev_decode().
 *
 * Caller: any. Order: none. Peer: may have chosen the number.
 */
int splitio_vdev_name(uint32_t number, char *name);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_PROTO_VDEV_H */
