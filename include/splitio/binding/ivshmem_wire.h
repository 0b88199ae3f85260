/* SPDX-License-Identifier: BSD-2-Clause */
/* What a virtual machine and the daemon find in the window they share. */
#ifndef SPLITIO_BINDING_IVSHMEM_WIRE_H
#define SPLITIO_BINDING_IVSHMEM_WIRE_H

/**
 * @file
 * @brief Layout of an ivshmem window, and the calls that go through it.
 *
 * **What it is.** The window is BAR 2 of the ivshmem device. Its first page is
 * the mailbox; the pages behind it are the guest's memory as
 * splitio/binding/shm_wire.h lays it out: frame n is page n + 1 of the window.
 * The mailbox takes the place of that header's socket: the same hello, welcome,
 * calls and replies, one at a time.
 *
 * **The device.** PCI 1af4:1110, revision 1. BAR 0 has registers of 32 bits, of
 * which two are used: at 8 the guest's own peer number, at 12 the doorbell. The
 * daemon is peer 0 and has one vector, 0: writing 0 to the doorbell rings it.
 * The guest has one MSI-X vector, 0: its upcall.
 *
 * **Who calls what.** bindings/ivshmem; and whoever writes a guest without it.
 *
 * **A call.** The guest writes the message to `out`, then the next number to
 * `request`, and rings. The daemon answers in `in`, writes the number to `answer`
 * and raises the upcall. A hello ends what was there before, and is answered
 * when no page of it is in use any more. A leave is answered likewise.
 *
 * **Sessions.** A hello that was welcomed begins one. When the daemon changes
 * `session`, it is over: the daemon has begun anew, or has thrown the guest out.
 * No page is in use then, and every grant, channel and answer of before is void.
 * The guest may say hello again.
 *
 * **Memory order.** `request` and `answer` are written with release and read with
 * acquire. Byte order is little-endian.
 *
 * **Trust.** The guest trusts the daemon. The daemon reads a message once into a
 * copy, believes none of its own fields in the window, and checks everything.
 *
 * Source: QEMU, docs/specs/ivshmem-spec.
 */

#include <splitio/binding/shm_wire.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Of this file; a guest leaves others alone. */
#define SPLITIO_IVSHMEM_VERSION 1u

/** The device. */
enum splitio_ivshmem_pci {
    SPLITIO_IVSHMEM_PCI_VENDOR = 0x1AF4,
    SPLITIO_IVSHMEM_PCI_DEVICE = 0x1110,
    SPLITIO_IVSHMEM_BAR_REGISTERS = 0,
    SPLITIO_IVSHMEM_BAR_WINDOW = 2,
    SPLITIO_IVSHMEM_REG_POSITION = 8,
    SPLITIO_IVSHMEM_REG_DOORBELL = 12,
};

/** Written to the doorbell register, rings the daemon: peer 0, vector 0. */
#define SPLITIO_IVSHMEM_DOORBELL 0u

/** One more call: the guest ends its session. No argument. */
#define SPLITIO_IVSHMEM_LEAVE 64u

/** Least and most bytes of a window, which is a power of two. */
#define SPLITIO_IVSHMEM_WINDOW_MIN (UINT64_C(1) << 20)
#define SPLITIO_IVSHMEM_WINDOW_MAX (UINT64_C(1) << 30)

/** First page of the window. */
struct splitio_ivshmem_mailbox {
    /* Written by the daemon. */
    uint64_t magic;    /**< SPLITIO_SHM_MAGIC */
    uint32_t version;  /**< SPLITIO_IVSHMEM_VERSION */
    uint32_t nr_pages; /**< of the guest's memory, behind this page */
    uint32_t session;  /**< changes when what was agreed is void */
    uint32_t
        nr_grants; /**< grant frames of the session, for the daemon itself */
    uint32_t pad0[10];
    /* Written by the guest. */
    uint32_t request; /**< number of the message in `out` */
    uint32_t pad1;
    uint8_t out[184]; /**< hello or call */
    /* Written by the daemon. */
    uint32_t answer; /**< number of the request that `in` answers */
    uint32_t pad2;
    uint8_t in[248]; /**< welcome or reply */
};
SPLITIO_STATIC_ASSERT(offsetof(struct splitio_ivshmem_mailbox, request) == 64,
                      "wire format");
SPLITIO_STATIC_ASSERT(offsetof(struct splitio_ivshmem_mailbox, answer) == 256,
                      "wire format");
SPLITIO_STATIC_ASSERT(sizeof(struct splitio_ivshmem_mailbox) == 512,
                      "wire format");
SPLITIO_STATIC_ASSERT(sizeof(struct splitio_shm_hello) <= 184, "fits in out");
SPLITIO_STATIC_ASSERT(sizeof(struct splitio_shm_welcome) <= 248, "fits in in");

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_BINDING_IVSHMEM_WIRE_H */
