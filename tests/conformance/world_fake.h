/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SPLITIO_TESTS_CONFORM_WORLD_FAKE_H
#define SPLITIO_TESTS_CONFORM_WORLD_FAKE_H

#include "world.h"

/* Everything in one thread; each run is the same. */
extern const struct binding binding_fake;

#endif
