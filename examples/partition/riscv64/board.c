/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's `virt` machine for RISC-V: a 16550, and a register that ends it. */
#include "../partition.h"

#define UART        ((volatile uint8_t *)0x10000000)
#define UART_STATUS 5
#define UART_EMPTY  (1u << 5)
#define POWER       ((volatile uint32_t *)0x100000)
#define POWER_OFF   0x5555u

void board_put(char c)
{
    while (!(UART[UART_STATUS] & UART_EMPTY))
        continue;
    UART[0] = (uint8_t)c;
}

_Noreturn void board_off(void)
{
    for (;;)
        *POWER = POWER_OFF;
}
