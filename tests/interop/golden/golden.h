/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages made by a program that knows Xen's headers and nothing of splitio. */
#ifndef SPLITIO_TESTS_GOLDEN_H
#define SPLITIO_TESTS_GOLDEN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The longest: a shared info page. */
#define GOLDEN_MAX 8192u

struct golden {
    FILE *ask, *answer;
    int pid;
    const char *cpu;
    uint8_t bytes[GOLDEN_MAX];
    size_t len;
};

/* Starts the program; with none (it could not be built) the test is skipped. */
void golden_open(struct golden *g, const char *cpu, const char *program);
void golden_close(struct golden *g);

/* Has a message made: its kind and its numbers, see xen_messages.c. */
__attribute__((format(printf, 2, 3))) void golden_make(struct golden *g,
                                                       const char *format, ...);

/* The message made last, beside what splitio has written. */
void golden_same(const struct golden *g, const void *ours, size_t len,
                 const char *what);

#endif
