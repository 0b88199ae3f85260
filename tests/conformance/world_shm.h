/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SPLITIO_TESTS_CONFORM_WORLD_SHM_H
#define SPLITIO_TESTS_CONFORM_WORLD_SHM_H

#include "world.h"

/* A daemon's machine and a guest that joined it through the socket. Both are in
 * this process, each with a mapping of its own of the guest's memory; a thread
 * serves the daemon's side while the guest waits for it. */
#define NR_SHMS 2u
/* One with grants of version 1 and events of two levels, one with grants of
 * version 2 and FIFO events. */
extern const struct binding bindings_shm[NR_SHMS];

#endif
