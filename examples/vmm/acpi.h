/* SPDX-License-Identifier: BSD-2-Clause */
/* The ports that the ACPI tables name. */
#ifndef VMM_ACPI_H
#define VMM_ACPI_H

#define ACPI_EVENT_PORT   0x600u /* status, always 0 */
#define ACPI_ENABLE_PORT  0x602u
#define ACPI_CONTROL_PORT 0x604u
#define ACPI_SLEEP        (1u << 13)
#define RESET_PORT        0x64u /* where a keyboard controller would be */
#define RESET_VALUE       0xFEu

#endif /* VMM_ACPI_H */
