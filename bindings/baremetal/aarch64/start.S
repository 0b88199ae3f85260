/* SPDX-License-Identifier: BSD-2-Clause */
/* Entry at EL1 of a `virt` machine: a map, exceptions that are told, a stack. */

    .section .text.start, "ax"
    .globl _start
_start:
    adrp x0, stack_top
    add x0, x0, :lo12:stack_top
    mov sp, x0
    adrp x0, bss_begin
    add x0, x0, :lo12:bss_begin
    adrp x1, bss_end
    add x1, x1, :lo12:bss_end
1:  cmp x0, x1
    b.hs 2f
    stp xzr, xzr, [x0], #16
    b 1b
2:  adrp x0, vectors
    add x0, x0, :lo12:vectors
    msr vbar_el1, x0
    /* The first GiB in blocks of 2 MiB: devices, but for 512 MiB of windows. */
    adrp x0, devices
    add x0, x0, :lo12:devices
    mov x1, #0
    ldr x2, =(1 << 10 | 1 | 3 << 53)          /* device, not executable */
    ldr x3, =(1 << 10 | 3 << 8 | 1 << 2 | 1 | 3 << 53) /* memory, neither */
3:  lsl x4, x1, #21
    cmp x1, #128
    b.lo 4f
    cmp x1, #384
    b.hs 4f
    orr x4, x4, x3
    b 5f
4:  orr x4, x4, x2
5:  str x4, [x0, x1, lsl #3]
    add x1, x1, #1
    cmp x1, #512
    b.lo 3b
    adrp x1, table
    add x1, x1, :lo12:table
    orr x0, x0, #3
    str x0, [x1]
    ldr x0, =(0x40000000 | 1 << 10 | 3 << 8 | 1 << 2 | 1) /* RAM: 1 GiB */
    str x0, [x1, #8]
    ldr x0, =0xFF00 /* index 0: devices; 1: cacheable */
    msr mair_el1, x0
    /* 39 bits of addresses, granules of 4 KiB, cacheable walks; no upper half. */
    ldr x0, =(25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 2 << 32)
    msr tcr_el1, x0
    msr ttbr0_el1, x1
    dsb sy
    isb
    mrs x0, sctlr_el1
    ldr x1, =(1 << 0 | 1 << 2 | 1 << 12) /* map, data cache, code cache */
    orr x0, x0, x1
    msr sctlr_el1, x0
    isb
    b board_main

    .p2align 11
vectors:
    .rept 16
    mrs x0, esr_el1
    mrs x1, elr_el1
    b board_fault
    .p2align 7
    .endr

    .bss
    .p2align 12
table:
    .skip 4096
devices:
    .skip 4096
