/* SPDX-License-Identifier: BSD-2-Clause */
/* What the programs say: one line at a time, to standard error. */
#ifndef SPLITIO_TOOLS_LOG_H
#define SPLITIO_TOOLS_LOG_H

#include <stdbool.h>

enum log_level {
    LOG_ERROR = 3, /* numbers as syslog's, which the journal understands */
    LOG_WARNING = 4,
    LOG_INFO = 6,
    LOG_DEBUG = 7,
};

/* @p name goes in front of every line; it is kept. */
void log_init(const char *name, bool verbose);

/* A line "name: ...". Under systemd it carries its level in front. Floods
 * are cut off: above 20 lines a second of what guests can cause, the rest is
 * counted and told in one line. */
void log_line(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Tell systemd (sd_notify(3)): "READY=1", "STOPPING=1". */
void log_notify(const char *state);

#endif /* SPLITIO_TOOLS_LOG_H */
