/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's `virt` machine for Arm, with gic-version=2 and highmem=off. */
#include "../ivshmem/board.h"

#define UART        ((volatile uint32_t *)0x09000000)
#define UART_FLAGS  (0x18 / 4)
#define UART_FULL   (1u << 5)
#define UART_EMPTY  (1u << 4)
#define GICD        ((volatile uint32_t *)0x08000000) /* distributor */
#define GICD_CTLR   0
#define GICD_ENABLE (0x100 / 4)
#define GICD_TARGET (0x800 / 4)
#define GICD_CONFIG (0xC00 / 4)
#define GICC        ((volatile uint32_t *)0x08010000) /* of the processor */
#define GICC_CTLR   0
#define GICC_MASK   1
#define GICC_ACK    3
#define GICC_END    4
#define GICC_NONE   1020u
#define V2M         0x08020000u /* turns messages into interrupts */
#define V2M_TYPE    ((volatile uint32_t *)(uintptr_t)(V2M + 8))
#define V2M_SET     (V2M + 0x40)
#define TIMER_PPI   27u
#define SYSTEM_OFF  0x84000008u

const struct board_pci board_pci = {
    .config = 0x3F000000,
    .registers = 0x3E000000,
    .cached = 0x10000000,
    .cached_bytes = 0x20000000,
};

void board_put(char c)
{
    while (UART[UART_FLAGS] & UART_FULL)
        continue;
    UART[0] = (uint8_t)c;
}

bool board_get(char *c)
{
    if (UART[UART_FLAGS] & UART_EMPTY)
        return false;
    *c = (char)UART[0];
    return true;
}

void board_fence(void)
{
    __asm__ volatile("dsb sy" : : : "memory");
}

static uint64_t ticks(void)
{
    uint64_t n;

    __asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(n));
    return n;
}

static uint64_t hertz(void)
{
    uint64_t n;

    __asm__("mrs %0, cntfrq_el0" : "=r"(n));
    return n;
}

uint64_t board_now_ns(void)
{
    uint64_t t = ticks(), hz = hertz();

    return t / hz * 1000000000u + t % hz * 1000000000u / hz;
}

static void enable(unsigned irq)
{
    GICD[GICD_ENABLE + irq / 32] = 1u << irq % 32;
}

void board_msi(uint64_t *address, uint32_t *data)
{
    unsigned irq = *V2M_TYPE >> 16 & 0x3FF; /* the first of those it has */
    volatile uint8_t *target = (volatile uint8_t *)&GICD[GICD_TARGET] + irq;

    GICD[GICD_CTLR] = 1;
    *target = 1;
    GICD[GICD_CONFIG + irq / 16] |= 2u << irq % 16 * 2; /* an edge */
    enable(irq);
    enable(TIMER_PPI);
    GICC[GICC_MASK] = 0xFF;
    GICC[GICC_CTLR] = 1;
    *address = V2M_SET;
    *data = irq;
}

static void set_timer(uint64_t deadline_ns)
{
    uint64_t hz = hertz(), on = deadline_ns != SPLITIO_BAREMETAL_FOREVER;
    uint64_t at = deadline_ns / 1000000000u * hz +
                  deadline_ns % 1000000000u * hz / 1000000000u;

    __asm__ volatile("msr cntv_cval_el0, %0; msr cntv_ctl_el0, %1; isb"
                     :
                     : "r"(at), "r"(on));
}

/* Interrupts stay off: one that is pending ends the sleep, and is taken here. */
void board_halt(uint64_t deadline_ns)
{
    uint32_t irq;

    set_timer(deadline_ns);
    board_fence();
    __asm__ volatile("wfi" : : : "memory");
    set_timer(SPLITIO_BAREMETAL_FOREVER);
    while (((irq = GICC[GICC_ACK]) & 0x3FF) < GICC_NONE)
        GICC[GICC_END] = irq;
    board_fence(); /* nothing was read before the interrupt was taken */
}

void board_off(bool crash)
{
    register uint64_t call __asm__("x0") = SYSTEM_OFF;

    (void)crash;
    for (;;)
        __asm__ volatile("hvc #0" : "+r"(call) : : "memory");
}
