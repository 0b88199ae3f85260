/* SPDX-License-Identifier: BSD-2-Clause */
/* What splitiod says: one line at a time, to standard error. */
#ifndef SPLITIOD_LOG_H
#define SPLITIOD_LOG_H

#include <stdbool.h>

enum log_level {
    LOG_ERROR = 3, /* numbers as syslog's, which the journal understands */
    LOG_WARNING = 4,
    LOG_INFO = 6,
    LOG_DEBUG = 7,
};

void log_init(bool verbose);

/* A line "splitiod: ...". Under systemd it carries its level in front. Floods
 * are cut off: above 20 lines a second of what guests can cause, the rest is
 * counted and told in one line. */
void log_line(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Tell systemd (sd_notify(3)): "READY=1", "STOPPING=1". */
void log_notify(const char *state);

#endif /* SPLITIOD_LOG_H */
