/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's grant table: version and size. */
#ifndef SPLITIO_SRC_GUEST_GRANTS_H
#define SPLITIO_SRC_GUEST_GRANTS_H

#include <splitio/guest.h>

/* Make the table that the configuration asks for. 0, SPLITIO_EINVAL. */
SPLITIO_INTERNAL int splitio_guest_grants_init(struct splitio_guest *g);

/* Grow, if references run out and there is room. */
SPLITIO_INTERNAL void splitio_guest_grants_poll(struct splitio_guest *g);

#endif /* SPLITIO_SRC_GUEST_GRANTS_H */
