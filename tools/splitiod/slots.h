/* SPDX-License-Identifier: BSD-2-Clause */
/* Where virtual machines connect. */
#ifndef SPLITIOD_SLOTS_H
#define SPLITIOD_SLOTS_H

#include "../common/loop.h"
#include "options.h"

#include <splitio/binding/shm.h>

struct slots;

/* NULL and a one-line reason. With o->state, takes up the virtual machines of
 * the daemon before, and leaves them to the one after. */
struct slots *slots_open(struct loop *loop, struct splitio_shm_machine *machine,
                         const struct options *o, char *reason, unsigned bytes);

/* Devices of their guests have ended. May be NULL. */
void slots_close(struct slots *s);

#endif /* SPLITIOD_SLOTS_H */
