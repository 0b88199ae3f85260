/* SPDX-License-Identifier: BSD-2-Clause */
/* Serves a store server over a unix socket: see xs_socket.h. */
#include "xs_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct xs_client {
    struct splitio_store_conn conn;
    int fd;
    size_t out_start, out_end; /* taken from the server, not sent yet */
    char out[8192];
};

int xs_socket_open(struct xs_socket *x, struct splitio_store_server *server,
                   const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    memset(x, 0, sizeof(*x));
    x->server = server;
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    x->listener =
        socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (x->listener < 0 ||
        bind(x->listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        listen(x->listener, XS_SOCKET_CLIENTS) < 0)
        return -1;
    return 0;
}

static void drop(struct xs_socket *x, unsigned i)
{
    struct xs_client *c = x->clients[i];

    splitio_store_conn_fini(&c->conn);
    close(c->fd);
    free(c);
    x->clients[i] = NULL;
}

void xs_socket_close(struct xs_socket *x)
{
    for (unsigned i = 0; i < XS_SOCKET_CLIENTS; i++) {
        if (x->clients[i])
            drop(x, i);
    }
    close(x->listener);
}

static void greet(struct xs_socket *x)
{
    int fd = accept4(x->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    for (unsigned i = 0; fd >= 0 && i < XS_SOCKET_CLIENTS; i++) {
        if (x->clients[i])
            continue;
        x->clients[i] = calloc(1, sizeof(struct xs_client));
        x->clients[i]->fd = fd;
        if (splitio_store_conn_init(&x->clients[i]->conn, x->server, 0) < 0)
            drop(x, i);
        return;
    }
    if (fd >= 0)
        close(fd);
}

/* Sends what the server has; false when the client is gone. */
static bool push(struct xs_client *c)
{
    for (;;) {
        ssize_t sent;

        if (c->out_start == c->out_end) {
            int n = splitio_store_conn_output(&c->conn, c->out, sizeof(c->out));

            if (n <= 0)
                return n == 0;
            c->out_start = 0;
            c->out_end = (size_t)n;
        }
        sent = send(c->fd, c->out + c->out_start, c->out_end - c->out_start,
                    MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN;
        c->out_start += (size_t)sent;
    }
}

/* Receives as long as the server takes it; false when the client is gone. */
static bool pull(struct xs_client *c)
{
    char buf[SPLITIO_XS_PAYLOAD_MAX];

    for (;;) {
        size_t room = splitio_store_conn_room(&c->conn);
        ssize_t n;

        if (room == 0)
            return splitio_store_conn_status(&c->conn) == 0;
        n = recv(c->fd, buf, room < sizeof(buf) ? room : sizeof(buf), 0);
        if (n < 0)
            return errno == EAGAIN;
        if (n == 0 || splitio_store_conn_input(&c->conn, buf, (size_t)n) < 0 ||
            !push(c))
            return false;
    }
}

static void serve_ready(struct xs_socket *x)
{
    struct splitio_store_conn *conn;

    while ((conn = splitio_store_server_next_ready(x->server))) {
        for (unsigned i = 0; i < XS_SOCKET_CLIENTS; i++) {
            struct xs_client *c = x->clients[i];

            if (c && &c->conn == conn && (!push(c) || !pull(c)))
                drop(x, i);
        }
    }
}

int xs_socket_poll(struct xs_socket *x, int timeout_ms)
{
    struct pollfd fds[XS_SOCKET_CLIENTS + 1];

    for (unsigned i = 0; i < XS_SOCKET_CLIENTS; i++) {
        struct xs_client *c = x->clients[i];
        bool blocked = c && c->out_start < c->out_end;

        fds[i].fd = c ? c->fd : -1;
        fds[i].events = (short)(POLLIN | (blocked ? POLLOUT : 0));
        fds[i].revents = 0;
    }
    fds[XS_SOCKET_CLIENTS].fd = x->listener;
    fds[XS_SOCKET_CLIENTS].events = POLLIN;
    fds[XS_SOCKET_CLIENTS].revents = 0;
    if (poll(fds, XS_SOCKET_CLIENTS + 1, timeout_ms) < 0)
        return -1;
    for (unsigned i = 0; i < XS_SOCKET_CLIENTS; i++) {
        if (fds[i].revents && (!push(x->clients[i]) || !pull(x->clients[i])))
            drop(x, i);
    }
    if (fds[XS_SOCKET_CLIENTS].revents)
        greet(x);
    serve_ready(x);
    return 0;
}
