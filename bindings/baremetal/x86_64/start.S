/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From PVH's entry to C: 32-bit protected mode without paging, EBX the address of
 * the start info, becomes 64-bit mode. And what interrupts and exceptions enter.
 */
#include "cpu.h"

/* Where the loader finds the entry: xen/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY. */
    .section .note.Xen, "a", @note
    .p2align 2
    .long 4, 4, 18
    .asciz "Xen"
    .long splitio_bm_entry

    .section .text.entry, "ax", @progbits
    .code32
    .globl splitio_bm_entry
    .type splitio_bm_entry, @function
splitio_bm_entry:
    cld
    rdtsc
    movl %eax, splitio_bm_entry_tsc
    movl %edx, splitio_bm_entry_tsc + 4
    movl %cr4, %eax
    orl $(CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT), %eax
    movl %eax, %cr4
    movl $level4, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME, %eax
    wrmsr
    movl %cr0, %eax
    andl $~(CR0_EM | CR0_TS), %eax
    orl $(CR0_PG | CR0_WP | CR0_NE | CR0_MP), %eax
    movl %eax, %cr0
    lgdt descriptors_at
    ljmp $CODE, $1f
    .code64
1:  movl $DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    movl $stack_end, %esp
    xorl %ebp, %ebp
    movl %ebx, %edi
    call splitio_bm_start
    ud2
    .size splitio_bm_entry, . - splitio_bm_entry

    .text
/* Exceptions, TRAP_BYTES each: vector and error code for splitio_bm_fault(). */
    .p2align 4
    .globl splitio_bm_traps
splitio_bm_traps:
    .set vector, 0
    .rept NR_TRAPS
    .p2align 4
    .if !(TRAPS_WITH_CODE >> vector & 1)
    pushq $0
    .endif
    pushq $vector
    jmp fault
    .set vector, vector + 1
    .endr

fault:
    movq %rsp, %rdi
    andq $-16, %rsp
    call splitio_bm_fault
    ud2

/* The upcall: its work is done where it was waited for. */
    .p2align 4
    .globl splitio_bm_upcall_entry
splitio_bm_upcall_entry:
    pushq %rax
    pushq %rcx
    pushq %rdx
    movl $MSR_X2APIC_EOI, %ecx
    xorl %eax, %eax
    xorl %edx, %edx
    wrmsr
    popq %rdx
    popq %rcx
    popq %rax
/* What the APIC makes of an interrupt that went away. */
    .globl splitio_bm_spurious_entry
splitio_bm_spurious_entry:
    iretq

    .section .rodata, "a", @progbits
    .p2align 3
descriptors:
    .quad 0
    .quad 0x00af9b000000ffff /* CODE: 64 bits */
    .quad 0x00cf93000000ffff /* DATA */
descriptors_at:
    .word . - descriptors - 1
    .long descriptors

/* 4 GiB at their own addresses. Accessed and dirty from the start, so that the
 * processor does not write to these tables. */
    .data
    .p2align 12
level4:
    .quad level3 + TABLE_ENTRY
    .fill 511, 8, 0
level3:
    .quad level2 + TABLE_ENTRY
    .quad level2 + 0x1000 + TABLE_ENTRY
    .quad level2 + 0x2000 + TABLE_ENTRY
    .quad level2 + 0x3000 + TABLE_ENTRY
    .fill 508, 8, 0
level2:
    .set frame, 0
    .rept 2048
    .quad frame + LARGE_ENTRY
    .set frame, frame + 0x200000
    .endr

    .globl splitio_bm_entry_tsc
splitio_bm_entry_tsc:
    .quad 0

    .bss
    .p2align 4
    .fill SPLITIO_BM_STACK_BYTES
stack_end:

    .section .note.GNU-stack, "", @progbits
