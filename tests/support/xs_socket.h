/* SPDX-License-Identifier: BSD-2-Clause */
/* Serves a store server over a unix socket: a small poll loop. */
#ifndef SPLITIO_TESTS_XS_SOCKET_H
#define SPLITIO_TESTS_XS_SOCKET_H

#include <splitio/store_server.h>

#define XS_SOCKET_CLIENTS 16

struct xs_client;

struct xs_socket {
    struct splitio_store_server *server;
    int listener;
    struct xs_client *clients[XS_SOCKET_CLIENTS]; /* all speak as domain 0 */
};

/* 0, or -1 with errno. */
int xs_socket_open(struct xs_socket *x, struct splitio_store_server *server,
                   const char *path);
/* Waits for an event at most that long, then handles all there are. */
int xs_socket_poll(struct xs_socket *x, int timeout_ms);
void xs_socket_close(struct xs_socket *x);

#endif
