/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the store client share. */
#ifndef SPLITIO_STORE_CLIENT_INT_H
#define SPLITIO_STORE_CLIENT_INT_H

#include <splitio/store.h>

/* Puts the requests of unsent watches into the output buffer. */
void store_client_send_watches(struct splitio_store *store);

/* Runs `fired` of the watch that an event's payload names, if it exists. */
void store_client_route_event(struct splitio_store *store, const char *body,
                              size_t len_bytes);

#endif
