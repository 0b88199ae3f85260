/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that begin together, and a watchdog that names who hangs. */
#ifndef SPLITIO_TESTS_CREW_H
#define SPLITIO_TESTS_CREW_H

#include <stdbool.h>
#include <stdint.h>

struct crew;

struct crew_member {
    struct crew *crew;
    const char *name;
    void (*fn)(struct crew_member *m);
    void *arg;
    unsigned index;
    uint64_t seed;
    uint32_t steps; /* says that it moves */
    uint32_t over;
};

/* Run them all to their end. A member that has no end of its own asks
 * crew_is_over(), which becomes true when the first `nr_main` have ended. Aborts
 * with the names of those who are not at their end after `seconds`. */
void crew_run(struct crew_member *members, unsigned nr, unsigned nr_main,
              unsigned seconds);
bool crew_is_over(struct crew_member *m);

/* A random number, and a random number of pauses, now and then a yield. */
uint32_t crew_random(struct crew_member *m);
void crew_dither(struct crew_member *m);

/* Print and abort unless the condition holds: cmocka's own assertions may not
 * be used in threads. */
#define CREW_CHECK(cond)                                                       \
    do {                                                                       \
        if (!(cond))                                                           \
            crew_fail(__FILE__, __LINE__, #cond);                              \
    } while (0)
_Noreturn void crew_fail(const char *file, int line, const char *cond);

#endif
