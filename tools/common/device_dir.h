/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a guest's device is in the store, if it is there. */
#ifndef SPLITIO_TOOLS_DEVICE_DIR_H
#define SPLITIO_TOOLS_DEVICE_DIR_H

#include <splitio/binding/shm.h>
#include <splitio/toolstack.h>

/*
 * Write the path of the guest's own directory of a device, and look whether it
 * is there. Devices are in the store when a guest has joined, so one that is not
 * will not come. 0; SPLITIO_ENOENT; what splitio_store_wait() returns. Called by
 * the thread that polls the guest.
 */
int device_dir(struct splitio_shm_guest *guest, const char *kind,
               uint32_t devid, char dir[SPLITIO_TOOLSTACK_PATH_MAX]);

#endif /* SPLITIO_TOOLS_DEVICE_DIR_H */
