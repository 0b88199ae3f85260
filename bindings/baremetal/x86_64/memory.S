/* SPDX-License-Identifier: BSD-2-Clause */
/* The four functions that the core and compilers call. */

    .text
    .macro function name
    .p2align 4
    .globl \name
    .type \name, @function
\name:
    .endm

function memmove
    movq %rdi, %rax
    subq %rsi, %rax
    cmpq %rdx, %rax /* does the end of the source lie in the target? */
    jb 1f
function memcpy
    movq %rdi, %rax
    movq %rdx, %rcx
    rep movsb
    ret
1:  movq %rdi, %rax
    movq %rdx, %rcx
    leaq -1(%rdi, %rdx), %rdi
    leaq -1(%rsi, %rdx), %rsi
    std
    rep movsb
    cld
    ret

function memset
    movq %rdi, %r8
    movl %esi, %eax
    movq %rdx, %rcx
    rep stosb
    movq %r8, %rax
    ret

function memcmp
    movq %rdx, %rcx
    xorl %eax, %eax
    repe cmpsb /* with a count of 0 the flags are those of XOR: equal */
    je 1f
    movzbl -1(%rdi), %eax
    movzbl -1(%rsi), %ecx
    subl %ecx, %eax
1:  ret

    .section .note.GNU-stack, "", @progbits
