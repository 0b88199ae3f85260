/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SPLITIO_TESTS_CONFORM_WORLD_FAKE_H
#define SPLITIO_TESTS_CONFORM_WORLD_FAKE_H

#include "world.h"

/* Everything in one thread; each run is the same. One for each combination of
 * grant tables and events; the first has version 1 and two levels. */
#define NR_FAKES 4u
extern const struct binding bindings_fake[NR_FAKES];

#endif
