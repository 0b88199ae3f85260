/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the store client share. */
#ifndef SPLITIO_STORE_CLIENT_INT_H
#define SPLITIO_STORE_CLIENT_INT_H

#include <splitio/store.h>

#pragma GCC visibility push(hidden)

/* Puts the requests of unsent watches into the output buffer. */
void splitio_xsc_send_watches(struct splitio_store *store);

/* Runs `fired` of the watch that an event's payload names, if it exists. */
void splitio_xsc_route_event(struct splitio_store *store, const char *body,
                             size_t len_bytes);

#pragma GCC visibility pop

#endif
