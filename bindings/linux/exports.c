/* SPDX-License-Identifier: BSD-2-Clause */
/* What of the core the drivers of devices call. */
#include <linux/export.h>

#include <splitio/binding/ivshmem_guest.h>
#include <splitio/blkfront.h>
#include <splitio/netfront.h>
#include <splitio/proto/vdev.h>

EXPORT_SYMBOL_GPL(splitio_ivshmem_guest_port);
EXPORT_SYMBOL_GPL(splitio_ivshmem_guest_store);
EXPORT_SYMBOL_GPL(splitio_blkfront_close);
EXPORT_SYMBOL_GPL(splitio_blkfront_fini);
EXPORT_SYMBOL_GPL(splitio_blkfront_init);
EXPORT_SYMBOL_GPL(splitio_blkfront_is_closed);
EXPORT_SYMBOL_GPL(splitio_blkfront_kick);
EXPORT_SYMBOL_GPL(splitio_blkfront_mem_bytes);
EXPORT_SYMBOL_GPL(splitio_blkfront_poll);
EXPORT_SYMBOL_GPL(splitio_blkfront_resume);
EXPORT_SYMBOL_GPL(splitio_blkfront_submit);
EXPORT_SYMBOL_GPL(splitio_netfront_close);
EXPORT_SYMBOL_GPL(splitio_netfront_fini);
EXPORT_SYMBOL_GPL(splitio_netfront_init);
EXPORT_SYMBOL_GPL(splitio_netfront_is_closed);
EXPORT_SYMBOL_GPL(splitio_netfront_kick);
EXPORT_SYMBOL_GPL(splitio_netfront_mem_bytes);
EXPORT_SYMBOL_GPL(splitio_netfront_poll);
EXPORT_SYMBOL_GPL(splitio_netfront_resume);
EXPORT_SYMBOL_GPL(splitio_netfront_send);
EXPORT_SYMBOL_GPL(splitio_strerror);
EXPORT_SYMBOL_GPL(splitio_vdev_decode);
