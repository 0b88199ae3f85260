/* SPDX-License-Identifier: BSD-2-Clause */
/* The store on a unix socket, for xenstore-ls and its like. */
#ifndef SPLITIOD_STORE_SOCKET_H
#define SPLITIOD_STORE_SOCKET_H

#include "../common/loop.h"

#include <splitio/store_server.h>

struct store_socket;

/* Listen; connections speak for domain 0, so the socket is for its owner only.
 * NULL with a one-line reason. */
struct store_socket *store_socket_open(struct loop *l,
                                       struct splitio_store_server *server,
                                       const char *path, char *reason,
                                       unsigned reason_bytes);

/* A connection of ours has output to send, or room for input. */
void store_socket_pump(struct splitio_store_conn *conn);

/* Every few seconds: whoever does not take what waits for it is let go, or
 * guests whose changes it watches would be held up. */
void store_socket_tick(struct store_socket *ss);

void store_socket_close(struct store_socket *ss);

#endif /* SPLITIOD_STORE_SOCKET_H */
