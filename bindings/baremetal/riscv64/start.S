/* SPDX-License-Identifier: BSD-2-Clause */
/* Entry in machine mode: exceptions that are told, a stack, the first hart. */

    .section .text.start, "ax"
    .globl _start
_start:
    csrr t0, mhartid
    bnez t0, 3f
    li t0, 1 << 13 /* the compiler may use floating-point registers */
    csrs mstatus, t0
    la t0, 4f
    csrw mtvec, t0
    la sp, stack_top
    la t0, bss_begin
    la t1, bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  tail board_main
3:  wfi
    j 3b
    .p2align 2
4:  csrr a0, mcause
    csrr a1, mepc
    tail board_fault
