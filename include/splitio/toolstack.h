/* SPDX-License-Identifier: BSD-2-Clause */
/* Making and removing devices in the store, as Xen's toolstack does. */
#ifndef SPLITIO_TOOLSTACK_H
#define SPLITIO_TOOLSTACK_H

/**
 * @file
 * @brief Device nodes in the store (layer 2).
 *
 * **What it is.** A device begins as two directories of the store that name each
 * other: one that the front may write and the back read, and one the other way
 * round. On Xen the toolstack (xl) makes them; where splitio has the store, the
 * embedder does, with these functions. Source: docs/misc/xenstore-paths.txt and
 * libxl's layout.
 *
 * **Who calls what.** The owner of a splitio_store_server.
 *
 * **Typical life.** domain_add, device_add..., run; device_unplug and, when the
 * back's state is Closed, device_remove; splitio_store_server_domain_gone().
 *
 * **Errors.** Those of the server's own calls; a device that could not be added
 * wholly is removed again.
 */

#include <splitio/store_server.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A key and its value in one of the directories. */
struct splitio_toolstack_key {
    const char *key;
    const char *value;
};

/** A device. */
struct splitio_toolstack_device {
    const char *kind; /**< "vbd", "vif" */
    uint32_t devid;   /**< vbd: the virtual-device number; vif: its index */
    splitio_domid_t front;
    splitio_domid_t back;
};

/** Room for a device's path and its NUL. */
#define SPLITIO_TOOLSTACK_PATH_MAX 96u

/**
 * @brief "/local/domain/<front>/device/<kind>/<devid>" and a NUL.
 * @param[out] path SPLITIO_TOOLSTACK_PATH_MAX bytes.
 *
 * Caller: any. Order: none. Peer: nothing.
 */
void splitio_toolstack_front_path(const struct splitio_toolstack_device *dev,
                                  char *path);

/** @brief "/local/domain/<back>/backend/<kind>/<front>/<devid>" and a NUL. */
void splitio_toolstack_back_path(const struct splitio_toolstack_device *dev,
                                 char *path);

/**
 * @brief Make a domain's home: name, domid, and what the domain owns: device,
 * data, error, attr, drivers, feature.
 * @return 0; SPLITIO_EINVAL, SPLITIO_ENOMEM.
 *
 * Caller: owner of the server. Order: none. Peer: nothing.
 */
int splitio_toolstack_domain_add(struct splitio_store_server *server,
                                 splitio_domid_t domid, const char *name);

/**
 * @brief Make a device's two directories, both in state Initialising, each
 * owned by its half and readable by the other.
 * @param[in] front_keys more keys for the front's directory.
 * @param[in] back_keys  more keys for the back's directory.
 * @return 0; SPLITIO_EINVAL, SPLITIO_ENOMEM, SPLITIO_EEXIST.
 *
 * Caller: owner of the server. Order: none. Peer: nothing.
 */
int splitio_toolstack_device_add(struct splitio_store_server *server,
                                 const struct splitio_toolstack_device *dev,
                                 const struct splitio_toolstack_key *front_keys,
                                 unsigned nr_front,
                                 const struct splitio_toolstack_key *back_keys,
                                 unsigned nr_back);

/**
 * @brief Ask the back to close the device: online 0, state Closing.
 * @return 0; SPLITIO_ENOENT.
 *
 * Caller: owner of the server. Order: none. Peer: may take its time; remove
 * anyway when patience ends.
 */
int splitio_toolstack_device_unplug(struct splitio_store_server *server,
                                    const struct splitio_toolstack_device *dev);

/**
 * @brief Remove both directories; harmless if they are gone.
 *
 * Caller: owner of the server. Order: none. Peer: nothing.
 */
void splitio_toolstack_device_remove(
    struct splitio_store_server *server,
    const struct splitio_toolstack_device *dev);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_TOOLSTACK_H */
