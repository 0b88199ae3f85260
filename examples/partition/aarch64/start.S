/* SPDX-License-Identifier: BSD-2-Clause */
/* Entry at EL1: a map that makes memory cacheable, a stack, main(). */

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
    /* Index 0: device memory; 1: cacheable. */
2:  ldr x0, =0xFF00
    msr mair_el1, x0
    /* 39 bits of addresses, 4 KiB granules, cacheable walks; no upper half. */
    ldr x0, =(25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 2 << 32)
    msr tcr_el1, x0
    adrp x0, table
    add x0, x0, :lo12:table
    msr ttbr0_el1, x0
    dsb sy
    isb
    mrs x0, sctlr_el1
    ldr x1, =(1 << 0 | 1 << 2 | 1 << 12) /* map, data cache, code cache */
    orr x0, x0, x1
    msr sctlr_el1, x0
    isb
    bl main

    /* Blocks of 1 GiB: the first is devices, the second is memory. */
    .section .rodata
    .p2align 12
table:
    .quad 0x00000000 | 1 << 10 | 0 << 2 | 1 | 3 << 53
    .quad 0x40000000 | 1 << 10 | 3 << 8 | 1 << 2 | 1
    .fill 510, 8, 0
