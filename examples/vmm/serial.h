/* SPDX-License-Identifier: BSD-2-Clause */
/* A 16550 serial port, as much of it as a console needs. */
#ifndef VMM_SERIAL_H
#define VMM_SERIAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIAL_PORT 0x3F8u
#define SERIAL_IRQ  4u

struct serial {
    pthread_mutex_t lock;
    int vm_fd; /* whose interrupt line */
    uint8_t ier, lcr, mcr, fcr, scratch, divisor[2];
    bool sent; /* the guest has not been told that all is sent */
    bool line; /* of the interrupt */
    char input[256];
    unsigned in_start, in_count;
};

void serial_init(struct serial *s, int vm_fd);
uint8_t serial_read(struct serial *s, unsigned reg);
void serial_write(struct serial *s, unsigned reg, uint8_t value);
/* Bytes that somebody typed; what does not fit is lost. */
void serial_input(struct serial *s, const char *bytes, size_t nr);

#endif /* VMM_SERIAL_H */
