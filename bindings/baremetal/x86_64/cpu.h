/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers of the processor's, for C and assembly. */
#ifndef BAREMETAL_CPU_H
#define BAREMETAL_CPU_H

#define CR0_MP         0x2
#define CR0_EM         0x4
#define CR0_TS         0x8
#define CR0_NE         0x20
#define CR0_WP         0x10000
#define CR0_PG         0x80000000
#define CR4_PAE        0x20
#define CR4_OSFXSR     0x200
#define CR4_OSXMMEXCPT 0x400

#define MSR_APIC_BASE       0x1B
#define MSR_X2APIC_EOI      0x80B
#define MSR_X2APIC_SPURIOUS 0x80F
#define MSR_X2APIC_LINT0    0x835
#define MSR_EFER            0xC0000080
#define EFER_LME            0x100
#define APIC_BASE_X2APIC    0x400
#define APIC_ENABLE         0x100
#define APIC_MASKED         0x10000

/* Selectors. */
#define CODE 0x08
#define DATA 0x10

/* Present, writable, accessed; of 2 MiB also dirty, and large. */
#define TABLE_ENTRY 0x23
#define LARGE_ENTRY 0xE3

/* Vectors. */
#define NR_TRAPS        32
#define TRAP_BYTES      16
#define TRAPS_WITH_CODE 0x60227D00 /* those that push an error code */
#define VECTOR_UPCALL   0x20
#define VECTOR_SPURIOUS 0x2F
#define NR_VECTORS      0x30

#define SPLITIO_BM_STACK_BYTES 32768

#ifndef __ASSEMBLER__

#include "../machine.h"

SPLITIO_STATIC_ASSERT(SPLITIO_BM_STACK_BYTES == SPLITIO_BAREMETAL_STACK_BYTES,
                      "one stack");

/** When the loader entered. Writer: start.S. */
SPLITIO_INTERNAL extern uint64_t splitio_bm_entry_tsc;

/** What an exception leaves on the stack. */
struct splitio_bm_trap {
    uint64_t vector, code, rip, cs, flags, rsp, ss;
};

/* start.S's, entered by the processor. */
SPLITIO_INTERNAL extern const uint8_t splitio_bm_traps[];
SPLITIO_INTERNAL extern const uint8_t splitio_bm_upcall_entry[];
SPLITIO_INTERNAL extern const uint8_t splitio_bm_spurious_entry[];

/* ---- called by start.S ---- */

__attribute__((noreturn)) SPLITIO_INTERNAL void
splitio_bm_start(uint32_t start_info);
__attribute__((noreturn)) SPLITIO_INTERNAL void
splitio_bm_fault(const struct splitio_bm_trap *trap);

/** Load the interrupt descriptor table. (trap.c) */
SPLITIO_INTERNAL void splitio_bm_load_vectors(void);

static inline void cpuid(uint32_t leaf, uint32_t out[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                     : "a"(leaf), "c"(0));
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value),
                       "d"((uint32_t)(value >> 32))
                     : "memory");
}

#endif /* __ASSEMBLER__ */

#endif /* BAREMETAL_CPU_H */
