/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI Express without firmware: one device is looked for, and set up. */
#include "board.h"

#include <splitio/binding/ivshmem_wire.h>

#define DEVICES   32u
#define COMMAND   0x04
#define BAR(n)    (0x10u + 4 * (n))
#define CAPS      0x34
#define CAP_MSIX  0x11
#define MSIX_ON   (1u << 31)
#define MEMORY    (1u << 1)
#define MASTER    (1u << 2)
#define BAR_FLAGS 0xFu

typedef volatile uint32_t *config;

static config config_of(unsigned device)
{
    return (config)(board_pci.config + ((uintptr_t)device << 15));
}

static void set_bar(config c, unsigned n, uint64_t address)
{
    c[BAR(n) / 4] = (uint32_t)address;
    if (c[BAR(n) / 4] & 4) /* of 64 bits */
        c[BAR(n + 1) / 4] = (uint32_t)(address >> 32);
}

static uint64_t bar_bytes(config c, unsigned n)
{
    uint32_t low;

    c[BAR(n) / 4] = UINT32_MAX;
    low = c[BAR(n) / 4] & ~BAR_FLAGS;
    return low ? (uint64_t)(~low) + 1 : 0;
}

/* Entry 0 of the table is the guest's vector. */
static int set_interrupt(config c, uintptr_t table_bar)
{
    uint8_t at = (uint8_t)c[CAPS / 4];
    volatile uint32_t *entry;
    uint64_t address;
    uint32_t data;

    while (at != 0 && (uint8_t)c[at / 4] != CAP_MSIX)
        at = (uint8_t)(c[at / 4] >> 8);
    if (at == 0)
        return SPLITIO_EOPNOTSUPP;
    board_msi(&address, &data);
    entry = (volatile uint32_t *)(table_bar + (c[at / 4 + 1] & ~7u));
    entry[0] = (uint32_t)address;
    entry[1] = (uint32_t)(address >> 32);
    entry[2] = data;
    entry[3] = 0; /* not masked */
    c[at / 4] |= MSIX_ON;
    return 0;
}

static int set_up(config c, struct pci_ivshmem *found)
{
    uintptr_t registers = board_pci.registers, table = registers + 0x10000;

    found->window_bytes = bar_bytes(c, SPLITIO_IVSHMEM_BAR_WINDOW);
    if (found->window_bytes == 0 ||
        found->window_bytes > board_pci.cached_bytes)
        return SPLITIO_ENOSPC;
    set_bar(c, SPLITIO_IVSHMEM_BAR_REGISTERS, registers);
    set_bar(c, 1, table);
    set_bar(c, SPLITIO_IVSHMEM_BAR_WINDOW, board_pci.cached);
    c[COMMAND / 4] |= MEMORY | MASTER;
    found->registers = (volatile uint32_t *)registers;
    found->window = (void *)board_pci.cached;
    return set_interrupt(c, table);
}

int pci_find_ivshmem(struct pci_ivshmem *found)
{
    for (unsigned i = 0; i < DEVICES; i++) {
        config c = config_of(i);

        if (c[0] == ((uint32_t)SPLITIO_IVSHMEM_PCI_DEVICE << 16 |
                     SPLITIO_IVSHMEM_PCI_VENDOR))
            return set_up(c, found);
    }
    return SPLITIO_ENOENT;
}
