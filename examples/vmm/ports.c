/* SPDX-License-Identifier: BSD-2-Clause */
/* Port input and output: serial port, power, reset. All else is absent. */
#include "acpi.h"
#include "vm.h"

#include <string.h>
#include <unistd.h>

#define DEBUG_PORT 0xE9u /* where kernels print before they have a console */

static void out(struct vm *vm, uint16_t port, uint32_t value)
{
    const uint8_t byte = (uint8_t)value;

    if (port >= SERIAL_PORT && port < SERIAL_PORT + 8)
        serial_write(&vm->serial, port - SERIAL_PORT, byte);
    else if (port == DEBUG_PORT)
        (void)!write(STDOUT_FILENO, &byte, 1);
    else if (port == ACPI_CONTROL_PORT && (value & ACPI_SLEEP))
        vm_end(vm, VM_POWER_OFF);
    else if (port == ACPI_ENABLE_PORT)
        vm->acpi_enable = value;
    else if (port == RESET_PORT && byte == RESET_VALUE)
        vm_end(vm, VM_REBOOT);
}

static uint32_t in(struct vm *vm, uint16_t port)
{
    if (port >= SERIAL_PORT && port < SERIAL_PORT + 8)
        return serial_read(&vm->serial, port - SERIAL_PORT);
    if (port == ACPI_ENABLE_PORT)
        return vm->acpi_enable;
    if (port == RESET_PORT ||
        (port >= ACPI_EVENT_PORT && port < ACPI_CONTROL_PORT + 2))
        return 0;
    return UINT32_MAX;
}

void ports_access(struct cpu *cpu)
{
    struct kvm_run *run = cpu->run;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;

    for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
        uint32_t value = 0;

        if (run->io.direction == KVM_EXIT_IO_OUT) {
            memcpy(&value, data, run->io.size);
            out(cpu->vm, run->io.port, value);
        } else {
            value = in(cpu->vm, run->io.port);
            memcpy(data, &value, run->io.size);
        }
    }
}
