/* SPDX-License-Identifier: BSD-2-Clause */
/* What a board supplies to a program behind an ivshmem device. */
#ifndef SPLITIO_BAREMETAL_BOARD_H
#define SPLITIO_BAREMETAL_BOARD_H

#include <splitio/binding/baremetal.h>

/** Where PCI Express is: configuration space of bus 0, and addresses for BARs,
 *  of which those from `cached` on are mapped as memory. */
struct board_pci {
    uintptr_t config, registers, cached;
    uint64_t cached_bytes;
};
extern SPLITIO_INTERNAL const struct board_pci board_pci;

SPLITIO_INTERNAL void board_put(char c);
/** A byte that was typed; false: there is none. */
SPLITIO_INTERNAL bool board_get(char *c);
/** What comes before in the program, to memory and to devices, happens before
 *  what comes behind. C's fences order memory alone. */
SPLITIO_INTERNAL void board_fence(void);
/** Nanoseconds since power-on. */
SPLITIO_INTERNAL uint64_t board_now_ns(void);
/** Get ready for the one message-signalled interrupt: what a device is to write,
 *  and where. */
SPLITIO_INTERNAL void board_msi(uint64_t *address, uint32_t *data);
/** Sleep until it has come since the last sleep, or the time has. Memory is read
 *  behind the sleep as the writer of the message left it. */
SPLITIO_INTERNAL void board_halt(uint64_t deadline_ns);
__attribute__((noreturn)) SPLITIO_INTERNAL void board_off(bool crash);
/** From start.S, on the stack. */
__attribute__((noreturn)) SPLITIO_INTERNAL void board_main(void);
/** From start.S: an exception, with its cause and address. */
__attribute__((noreturn)) SPLITIO_INTERNAL void board_fault(uint64_t cause,
                                                            uint64_t address);

/** --- pci.c --- */
struct pci_ivshmem {
    volatile uint32_t *registers;
    void *window;
    uint64_t window_bytes;
};
/** Find the device, give it addresses and its interrupt. 0; SPLITIO_ENOENT: there
 *  is none; SPLITIO_EOPNOTSUPP: it has no MSI-X; SPLITIO_ENOSPC: its window is
 *  larger than the board has room for. */
SPLITIO_INTERNAL int pci_find_ivshmem(struct pci_ivshmem *found);

#endif
