/* SPDX-License-Identifier: BSD-2-Clause */
/* The ACPI tables: which vcpus there are, how to power off and reset. */
#include "acpi.h"

#include <string.h>

#include "vm.h"

#define FADT_BYTES 276u
#define TABLE_MAX  1024u
#define HEADER     36u
#define LAPIC_GPA  0xFEE00000u
#define IOAPIC_GPA 0xFEC00000u
#define SCI_IRQ    9u
#define BOOT_ARCH  0x25u  /* legacy devices, no VGA, no CMOS clock */
#define FADT_FLAGS 0x435u /* WBINVD, C1, no fixed buttons, reset register */
#define SPACE_IO   1u
#define RSDP_BYTES 36u

struct table {
    uint8_t *at;
    uint64_t gpa;
    uint32_t len;
};

static void put8(struct table *t, uint8_t v)
{
    t->at[t->len++] = v;
}

static void put16(struct table *t, uint16_t v)
{
    put8(t, (uint8_t)v);
    put8(t, (uint8_t)(v >> 8));
}

static void put32(struct table *t, uint32_t v)
{
    put16(t, (uint16_t)v);
    put16(t, (uint16_t)(v >> 16));
}

static void set(struct table *t, uint32_t offset, uint64_t v, unsigned bytes)
{
    memcpy(t->at + offset, &v, bytes); /* little-endian, as this host is */
}

static uint8_t checksum(const uint8_t *at, uint32_t bytes)
{
    uint8_t sum = 0;

    for (uint32_t i = 0; i < bytes; i++)
        sum = (uint8_t)(sum + at[i]);
    return (uint8_t)-sum;
}

static struct table begin(struct vm *vm, unsigned index, const char *signature,
                          uint8_t revision)
{
    struct table t = {.gpa = ACPI_START + (index + 1) * TABLE_MAX};

    t.at = vm_ptr(vm, t.gpa, TABLE_MAX);
    memset(t.at, 0, TABLE_MAX);
    memcpy(t.at, signature, 4);
    t.at[8] = revision;
    memcpy(t.at + 10, "SPLIT SPLITIO SPLT", 18); /* OEM id, table, creator */
    t.len = HEADER;
    return t;
}

static uint64_t end(struct table *t)
{
    set(t, 4, t->len, 4);
    t->at[9] = checksum(t->at, t->len);
    return t->gpa;
}

/* Name (_S5, Package () {5, 5, 0, 0}): what to write to power off. */
static uint64_t write_dsdt(struct vm *vm)
{
    static const uint8_t aml[] = {0x08, '_',  'S',  '5',  '_',  0x12, 0x08,
                                  0x04, 0x0A, 0x05, 0x0A, 0x05, 0x00, 0x00};
    struct table t = begin(vm, 0, "DSDT", 2);

    memcpy(t.at + t.len, aml, sizeof(aml));
    t.len += sizeof(aml);
    return end(&t);
}

static uint64_t write_fadt(struct vm *vm, uint64_t dsdt)
{
    struct table t = begin(vm, 1, "FACP", 6);

    t.len = FADT_BYTES;
    set(&t, 40, dsdt, 4);
    set(&t, 46, SCI_IRQ, 2);
    set(&t, 56, ACPI_EVENT_PORT, 4);
    set(&t, 64, ACPI_CONTROL_PORT, 4);
    set(&t, 88, 4, 1);
    set(&t, 89, 2, 1);
    set(&t, 96, 0xFFF, 2); /* no C2 */
    set(&t, 98, 0xFFF, 2); /* no C3 */
    set(&t, 109, BOOT_ARCH, 2);
    set(&t, 112, FADT_FLAGS, 4);
    set(&t, 116, SPACE_IO | 8u << 8 | 1u << 24, 4);
    set(&t, 120, RESET_PORT, 8);
    set(&t, 128, RESET_VALUE, 1);
    set(&t, 140, dsdt, 8);
    return end(&t);
}

static uint64_t write_madt(struct vm *vm)
{
    struct table t = begin(vm, 2, "APIC", 3);

    put32(&t, LAPIC_GPA);
    put32(&t, 1); /* and two PICs */
    for (unsigned i = 0; i < vm->options->cpus; i++) {
        put16(&t, 0 | 8u << 8);
        put16(&t, (uint16_t)(i | i << 8));
        put32(&t, 1);
    }
    put16(&t, 1 | 12u << 8);
    put16(&t, 0);
    put32(&t, IOAPIC_GPA);
    put32(&t, 0);
    put16(&t, 2 | 10u << 8); /* ACPI's own is level, high */
    put16(&t, SCI_IRQ << 8);
    put32(&t, SCI_IRQ);
    put16(&t, 0x0D);
    return end(&t);
}

static uint64_t write_xsdt(struct vm *vm, uint64_t fadt, uint64_t madt)
{
    struct table t = begin(vm, 3, "XSDT", 1);

    set(&t, t.len, fadt, 8);
    set(&t, t.len + 8, madt, 8);
    t.len += 16;
    return end(&t);
}

void acpi_write(struct vm *vm, uint64_t *rsdp)
{
    uint64_t fadt = write_fadt(vm, write_dsdt(vm));
    uint64_t xsdt = write_xsdt(vm, fadt, write_madt(vm));
    uint8_t *at = vm_ptr(vm, ACPI_START, RSDP_BYTES);

    memset(at, 0, RSDP_BYTES);
    memcpy(at, "RSD PTR ", 8);
    memcpy(at + 9, "SPLIT ", 6);
    at[15] = 2;
    at[20] = RSDP_BYTES;
    memcpy(at + 24, &xsdt, 8);
    at[8] = checksum(at, 20);
    at[32] = checksum(at, RSDP_BYTES);
    *rsdp = ACPI_START;
}
