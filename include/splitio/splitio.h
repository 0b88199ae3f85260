/* SPDX-License-Identifier: BSD-2-Clause */
/* All of splitio but the bindings. */
#ifndef SPLITIO_SPLITIO_H
#define SPLITIO_SPLITIO_H

/**
 * @file
 * @brief Includes every public header of the library (not `binding/`).
 */

#include <splitio/arch.h>
#include <splitio/base.h>
#include <splitio/blkback.h>
#include <splitio/blkfront.h>
#include <splitio/disk.h>
#include <splitio/disk_uring.h>
#include <splitio/event.h>
#include <splitio/event_eoi.h>
#include <splitio/event_fifo.h>
#include <splitio/event_page.h>
#include <splitio/grant.h>
#include <splitio/grant_engine.h>
#include <splitio/guest.h>
#include <splitio/hypervisor.h>
#include <splitio/netback.h>
#include <splitio/netfront.h>
#include <splitio/nic.h>
#include <splitio/port.h>
#include <splitio/proto/blkif.h>
#include <splitio/proto/netif.h>
#include <splitio/proto/netif_ctrl.h>
#include <splitio/proto/packet.h>
#include <splitio/proto/toeplitz.h>
#include <splitio/proto/vdev.h>
#include <splitio/proto/xenbus.h>
#include <splitio/proto/xs.h>
#include <splitio/ring.h>
#include <splitio/ring_page.h>
#include <splitio/save.h>
#include <splitio/store.h>
#include <splitio/store_server.h>
#include <splitio/stream.h>
#include <splitio/toolstack.h>
#include <splitio/xenbus.h>

#endif /* SPLITIO_SPLITIO_H */
