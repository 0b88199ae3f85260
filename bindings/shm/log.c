/* SPDX-License-Identifier: BSD-2-Clause */
/* The log, of which no guest can make a flood. */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "machine_int.h"

/* Log lines at once, and milliseconds until there may be one more. */
#define LOG_BURST   16u
#define LOG_LINE_MS 250u

uint64_t splitio_shm_now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t splitio_shm_now_ms(void)
{
    return splitio_shm_now_ns() / 1000000;
}

static bool may_log(struct splitio_shm_machine *m)
{
    uint64_t now = splitio_shm_now_ms();
    uint64_t more = (now - m->log_ms) / LOG_LINE_MS;

    if (more > 0) {
        m->log_left =
            more > LOG_BURST - m->log_left ? LOG_BURST : m->log_left + more;
        m->log_ms = now;
    }
    if (m->log_left == 0) {
        m->stats.nr_unlogged++;
        return false;
    }
    m->log_left--;
    return true;
}

void splitio_shm_log(struct splitio_shm_machine *m, const char *fmt, ...)
{
    char line[256];
    va_list args;

    if (!m->cfg.ops || !m->cfg.ops->log || !may_log(m))
        return;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    m->cfg.ops->log(m->cfg.arg, line);
}
