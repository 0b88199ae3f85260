/* SPDX-License-Identifier: BSD-2-Clause */
/* One-line reasons of failures. */
#ifndef SPLITIO_BINDINGS_SHM_TEXT_H
#define SPLITIO_BINDINGS_SHM_TEXT_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <splitio/base.h>

/* Write the reason, if it is wanted, and return @p err. */
__attribute__((format(printf, 4, 5))) static inline int
explain(char *text, size_t len_bytes, int err, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    if (text && len_bytes > 0)
        (void)vsnprintf(text, len_bytes, fmt, args);
    va_end(args);
    return err;
}

/* The platform's error in the project's terms. */
static inline int error_of_errno(int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return SPLITIO_EACCES;
    case ENOMEM:
        return SPLITIO_ENOMEM;
    case ENOENT:
    case ECONNREFUSED:
        return SPLITIO_ENOENT;
    default:
        return SPLITIO_EIO;
    }
}

#endif
