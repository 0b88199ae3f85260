/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A page whose every access is seen, and may be answered with other content:
 * the way to show that a function reads shared memory once.
 *
 * The page is made inaccessible; an access faults, is reported, and its one
 * instruction is stepped over. x86-64 Linux only; not under thread sanitizer.
 */
#ifndef SPLITIO_TESTS_WATCH_H
#define SPLITIO_TESTS_WATCH_H

#include <stdbool.h>
#include <stddef.h>

/* Called before each access, with the page accessible: it may change it. */
typedef void (*watch_fn)(void *arg, size_t offset);

/* True if this build can watch. */
bool watch_possible(void);

/* Watch `len_bytes` from `page` on; both multiples of 4096. One at a time. */
void watch_start(void *page, size_t len_bytes, watch_fn fn, void *arg);
void watch_stop(void);

#endif
