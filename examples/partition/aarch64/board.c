/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's `virt` machine for Arm: a PL011, and PSCI. */
#include "../partition.h"

#define UART       ((volatile uint32_t *)0x09000000)
#define UART_FLAGS (0x18 / 4)
#define UART_FULL  (1u << 5)
#define SYSTEM_OFF 0x84000008u

void board_put(char c)
{
    while (UART[UART_FLAGS] & UART_FULL)
        continue;
    UART[0] = (uint8_t)c;
}

_Noreturn void board_off(void)
{
    register uint64_t call __asm__("x0") = SYSTEM_OFF;

    for (;;)
        __asm__ volatile("hvc #0" : "+r"(call) : : "memory");
}
