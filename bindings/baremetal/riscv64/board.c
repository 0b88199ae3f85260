/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's `virt` machine for RISC-V, with aia=aplic-imsic and no firmware. */
#include "../ivshmem/board.h"

#define UART        ((volatile uint8_t *)0x10000000)
#define UART_STATUS 5
#define UART_EMPTY  (1u << 5)
#define UART_TYPED  (1u << 0)
#define POWER       ((volatile uint32_t *)0x100000)
#define POWER_OFF   0x5555u
#define POWER_FAIL  0x13333u
#define TIME        ((volatile uint64_t *)0x0200BFF8)
#define TIME_COMP   ((volatile uint64_t *)0x02004000)
#define TICK_NS     100u
#define IMSIC       0x24000000u /* of the first hart, machine mode */
#define MESSAGE     1u

/* The hart's file of messages, through a window of two registers. */
#define EIDELIVERY  0x70
#define EITHRESHOLD 0x72
#define EIE0        0xC0
#define MIE_TIMER   (1u << 7)
#define MIE_OUTSIDE (1u << 11)

const struct board_pci board_pci = {
    .config = 0x30000000,
    .registers = 0x40000000,
    .cached = 0x50000000,
    .cached_bytes = 0x10000000,
};

void board_put(char c)
{
    while (!(UART[UART_STATUS] & UART_EMPTY))
        continue;
    UART[0] = (uint8_t)c;
}

bool board_get(char *c)
{
    if (!(UART[UART_STATUS] & UART_TYPED))
        return false;
    *c = (char)UART[0];
    return true;
}

void board_fence(void)
{
    __asm__ volatile("fence iorw, iorw" : : : "memory");
}

uint64_t board_now_ns(void)
{
    return *TIME * TICK_NS;
}

static void set_file(uint64_t which, uint64_t value)
{
    __asm__ volatile("csrw 0x350, %0; csrw 0x351, %1" /* miselect, mireg */
                     :
                     : "r"(which), "r"(value));
}

void board_msi(uint64_t *address, uint32_t *data)
{
    set_file(EIDELIVERY, 1);
    set_file(EITHRESHOLD, 0);
    set_file(EIE0, 1u << MESSAGE);
    *TIME_COMP = UINT64_MAX;
    __asm__ volatile("csrs mie, %0" : : "r"(MIE_OUTSIDE | MIE_TIMER));
    *address = IMSIC;
    *data = MESSAGE;
}

/* Interrupts stay off: one that is pending ends the sleep, and is taken here. */
void board_halt(uint64_t deadline_ns)
{
    uint64_t top;

    *TIME_COMP = deadline_ns == SPLITIO_BAREMETAL_FOREVER
                     ? UINT64_MAX
                     : deadline_ns / TICK_NS;
    board_fence();
    __asm__ volatile("wfi" : : : "memory");
    *TIME_COMP = UINT64_MAX;
    do /* mtopei: read and claim */
        __asm__ volatile("csrrw %0, 0x35C, zero" : "=r"(top) : : "memory");
    while (top != 0);
    board_fence(); /* nothing was read before the message was taken */
}

void board_off(bool crash)
{
    for (;;)
        *POWER = crash ? POWER_FAIL : POWER_OFF;
}
