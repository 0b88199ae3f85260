/* SPDX-License-Identifier: BSD-2-Clause */
/* A 16550 serial port, as much of it as a console needs. */
#include "serial.h"

#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    DATA,
    IER,
    IIR,
    LCR,
    MCR,
    LSR,
    MSR,
    SCRATCH,
};

#define IER_INPUT  0x01u
#define IER_SENT   0x02u
#define LCR_DLAB   0x80u
#define MCR_LOOP   0x10u
#define FCR_ENABLE 0x01u

void serial_init(struct serial *s, int vm_fd)
{
    memset(s, 0, sizeof(*s));
    pthread_mutex_init(&s->lock, NULL);
    s->vm_fd = vm_fd;
}

static bool has_interrupt(const struct serial *s)
{
    return ((s->ier & IER_INPUT) && s->in_count > 0) ||
           ((s->ier & IER_SENT) && s->sent);
}

static void update_line(struct serial *s)
{
    bool want = has_interrupt(s);
    struct kvm_irq_level level = {.irq = SERIAL_IRQ, .level = want};

    if (want == s->line)
        return;
    s->line = want;
    (void)ioctl(s->vm_fd, KVM_IRQ_LINE, &level);
}

static uint8_t read_data(struct serial *s)
{
    char c;

    if (s->in_count == 0)
        return 0;
    c = s->input[s->in_start];
    s->in_start = (s->in_start + 1) % sizeof(s->input);
    s->in_count--;
    return (uint8_t)c;
}

static uint8_t read_iir(struct serial *s)
{
    uint8_t fifo = s->fcr & FCR_ENABLE ? 0xC0 : 0;

    if ((s->ier & IER_INPUT) && s->in_count > 0)
        return fifo | 0x04;
    if ((s->ier & IER_SENT) && s->sent) {
        s->sent = false;
        return fifo | 0x02;
    }
    return fifo | 0x01;
}

/* In loop mode the outputs are the inputs, by which drivers find the port. */
static uint8_t read_msr(const struct serial *s)
{
    if ((s->mcr & MCR_LOOP) == 0)
        return 0xB0;
    return (uint8_t)((s->mcr & 0x0C) << 4 | (s->mcr & 0x01) << 5 |
                     (s->mcr & 0x02) << 3);
}

static uint8_t read_reg(struct serial *s, unsigned reg)
{
    switch (reg) {
    case DATA:
        return s->lcr & LCR_DLAB ? s->divisor[0] : read_data(s);
    case IER:
        return s->lcr & LCR_DLAB ? s->divisor[1] : s->ier;
    case IIR:
        return read_iir(s);
    case LCR:
        return s->lcr;
    case MCR:
        return s->mcr;
    case LSR:
        return (uint8_t)(0x60 | (s->in_count > 0));
    case MSR:
        return read_msr(s);
    default:
        return s->scratch;
    }
}

static void put(struct serial *s, uint8_t value)
{
    if ((s->mcr & MCR_LOOP) == 0)
        (void)!write(STDOUT_FILENO, &value, 1);
    s->sent = true;
}

static void write_reg(struct serial *s, unsigned reg, uint8_t value)
{
    if (reg <= IER && (s->lcr & LCR_DLAB)) {
        s->divisor[reg] = value;
        return;
    }
    switch (reg) {
    case DATA:
        put(s, value);
        break;
    case IER:
        s->sent |= (value & IER_SENT) && (s->ier & IER_SENT) == 0;
        s->ier = value & 0x0F;
        break;
    case IIR:
        s->fcr = value;
        break;
    case LCR:
        s->lcr = value;
        break;
    case MCR:
        s->mcr = value & 0x1F;
        break;
    case SCRATCH:
        s->scratch = value;
        break;
    default:
        break;
    }
}

uint8_t serial_read(struct serial *s, unsigned reg)
{
    uint8_t value;

    pthread_mutex_lock(&s->lock);
    value = read_reg(s, reg);
    update_line(s);
    pthread_mutex_unlock(&s->lock);
    return value;
}

void serial_write(struct serial *s, unsigned reg, uint8_t value)
{
    pthread_mutex_lock(&s->lock);
    write_reg(s, reg, value);
    update_line(s);
    pthread_mutex_unlock(&s->lock);
}

void serial_input(struct serial *s, const char *bytes, size_t nr)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < nr && s->in_count < sizeof(s->input); i++)
        s->input[(s->in_start + s->in_count++) % sizeof(s->input)] = bytes[i];
    update_line(s);
    pthread_mutex_unlock(&s->lock);
}
