/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt vectors: the upcall, on which to sleep, and exceptions. */
#include "cpu.h"

#define GATE_PRESENT_INTERRUPT 0x8Eu
#define CPUID_X2APIC           (1u << 21)

struct gate {
    uint16_t offset_low, selector;
    uint8_t stack, type;
    uint16_t offset_mid;
    uint32_t offset_high, zero;
};
SPLITIO_STATIC_ASSERT(sizeof(struct gate) == 16, "64-bit gate");

static struct gate gates[NR_VECTORS];
static void (*fault_say)(void *arg, const char *text, uint32_t len);
static void *fault_arg;

static void set_gate(unsigned vector, const uint8_t *entry)
{
    uintptr_t at = (uintptr_t)entry;

    gates[vector] = (struct gate){
        .offset_low = (uint16_t)at,
        .selector = CODE,
        .type = GATE_PRESENT_INTERRUPT,
        .offset_mid = (uint16_t)(at >> 16),
        .offset_high = (uint32_t)(at >> 32),
    };
}

void splitio_bm_load_vectors(void)
{
    const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) at = {sizeof(gates) - 1, (uintptr_t)gates};

    for (unsigned v = 0; v < NR_TRAPS; v++)
        set_gate(v, splitio_bm_traps + (size_t)v * TRAP_BYTES);
    for (unsigned v = NR_TRAPS; v < NR_VECTORS; v++)
        set_gate(v, splitio_bm_spurious_entry);
    set_gate(VECTOR_UPCALL, splitio_bm_upcall_entry);
    __asm__ volatile("lidt %0" : : "m"(at));
}

/* The legacy interrupt controller, of which the local one is told, stays mute. */
int splitio_bm_upcalls(void)
{
    uint32_t regs[4];

    cpuid(1, regs);
    if ((regs[2] & CPUID_X2APIC) == 0)
        return SPLITIO_EOPNOTSUPP;
    wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
    wrmsr(MSR_X2APIC_SPURIOUS, APIC_ENABLE | VECTOR_SPURIOUS);
    wrmsr(MSR_X2APIC_LINT0, APIC_MASKED);
    return splitio_bm_upcall_vector(VECTOR_UPCALL);
}

/* An interrupt that is waiting comes after HLT has begun, and ends it. */
void splitio_bm_halt(void)
{
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

void splitio_bm_on_fault(void (*say)(void *arg, const char *text, uint32_t len),
                         void *arg)
{
    fault_say = say;
    fault_arg = arg;
}

static char *put_hex(char *to, uint64_t v, unsigned digits)
{
    while (digits-- > 0)
        *to++ = "0123456789abcdef"[v >> (4 * digits) & 15];
    return to;
}

static char *put_text(char *to, const char *text)
{
    while (*text)
        *to++ = *text++;
    return to;
}

void splitio_bm_fault(const struct splitio_bm_trap *trap)
{
    char line[96], *at = put_text(line, "exception 0x");
    uint64_t cr2;

    __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
    at = put_hex(at, trap->vector, 2);
    at = put_text(at, " code 0x");
    at = put_hex(at, trap->code, 4);
    at = put_text(at, " at 0x");
    at = put_hex(at, trap->rip, 8);
    at = put_text(at, " cr2 0x");
    at = put_hex(at, cr2, 16);
    at = put_text(at, "\n");
    if (fault_say)
        fault_say(fault_arg, line, (uint32_t)(at - line));
    splitio_baremetal_shutdown(SPLITIO_BAREMETAL_CRASH);
}
