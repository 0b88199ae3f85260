/* SPDX-License-Identifier: BSD-2-Clause */
/* The store on a unix socket. */
#include "store_socket.h"

#include "../common/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 32u
#define CHUNK       4096u
/* As xenstored, about 20 seconds. */
#define STUCK_TICKS 10u

struct client {
    struct source source;
    struct splitio_store_conn conn;
    struct store_socket *of;
    struct client *next;
    char out[CHUNK]; /* taken from the connection, not yet from us */
    size_t out_at, out_len;
    unsigned stuck; /* ticks in which it took nothing of what waits */
};

struct store_socket {
    struct loop *loop;
    struct splitio_store_server *server;
    struct source listener;
    struct client *clients;
    unsigned nr_clients;
    char path[108];
};

static void drop(struct client *c)
{
    struct client **p = &c->of->clients;

    while (*p != c)
        p = &(*p)->next;
    *p = c->next;
    c->of->nr_clients--;
    loop_remove(c->of->loop, &c->source);
    close(c->source.fd);
    splitio_store_conn_fini(&c->conn);
    free(c);
}

/* Send what there is. False: the connection is over. */
static bool send_out(struct client *c)
{
    for (;;) {
        ssize_t n;
        int len;

        if (c->out_at == c->out_len) {
            len = splitio_store_conn_output(&c->conn, c->out, sizeof(c->out));
            if (len < 0)
                return false;
            if (len == 0)
                return true;
            c->out_at = 0;
            c->out_len = (size_t)len;
        }
        n = send(c->source.fd, c->out + c->out_at, c->out_len - c->out_at,
                 MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        c->out_at += (size_t)n;
        c->stuck = 0;
    }
}

/* Take one request's worth of bytes. False: the connection is over. */
static bool take_in(struct client *c)
{
    char buf[CHUNK];
    size_t room = splitio_store_conn_room(&c->conn);
    ssize_t n;

    if (room == 0)
        return true;
    n = recv(c->source.fd, buf, room < sizeof(buf) ? room : sizeof(buf),
             MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    return n > 0 && splitio_store_conn_input(&c->conn, buf, (size_t)n) >= 0;
}

static void wait_for(struct client *c)
{
    uint32_t events = 0;

    if (splitio_store_conn_room(&c->conn))
        events |= EPOLLIN;
    if (c->out_at < c->out_len)
        events |= EPOLLOUT;
    (void)loop_change(c->of->loop, &c->source, events);
}

static void client_ready(struct source *s, uint32_t events)
{
    struct client *c = s->user;

    if ((events & EPOLLIN && !take_in(c)) || !send_out(c) ||
        (events & (EPOLLHUP | EPOLLERR) && !(events & EPOLLIN)))
        drop(c);
    else
        wait_for(c);
}

void store_socket_pump(struct splitio_store_conn *conn)
{
    struct client *c = SPLITIO_CONTAINER_OF(conn, struct client, conn);

    if (!send_out(c))
        drop(c);
    else
        wait_for(c);
}

static void add_client(struct store_socket *ss, int fd)
{
    struct client *c = NULL;

    if (ss->nr_clients < CLIENTS_MAX)
        c = calloc(1, sizeof(*c));
    if (!c || splitio_store_conn_init(&c->conn, ss->server, 0)) {
        log_line(LOG_WARNING, "store: too many connections, one refused");
        free(c);
        close(fd);
        return;
    }
    c->of = ss;
    c->source = (struct source){.fd = fd, .ready = client_ready, .user = c};
    c->next = ss->clients;
    ss->clients = c;
    ss->nr_clients++;
    if (loop_add(ss->loop, &c->source, EPOLLIN))
        drop(c);
}

static void listener_ready(struct source *s, uint32_t events)
{
    int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd >= 0)
        add_client(s->user, fd);
}

/* True if somebody answers on the socket's path. */
static bool is_served(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool served =
        fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0;

    if (fd >= 0)
        close(fd);
    return served;
}

/* A listening socket only its owner can use, or -1. */
static int listen_at(const char *path, char *reason, unsigned bytes)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    mode_t mask;
    int fd, err;

    if (strlen(path) >= sizeof(at.sun_path)) {
        snprintf(reason, bytes, "store socket %s: path is too long", path);
        return -1;
    }
    strcpy(at.sun_path, path);
    if (is_served(&at)) {
        snprintf(reason, bytes,
                 "store socket %s: in use by another process; stop that one or "
                 "give another --store-socket",
                 path);
        return -1;
    }
    (void)unlink(path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mask = umask(0177);
    err = fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
          listen(fd, 16);
    umask(mask);
    if (!err)
        return fd;
    snprintf(reason, bytes, "store socket %s: %s; check the directory", path,
             strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

struct store_socket *store_socket_open(struct loop *l,
                                       struct splitio_store_server *server,
                                       const char *path, char *reason,
                                       unsigned reason_bytes)
{
    struct store_socket *ss = calloc(1, sizeof(*ss));
    int fd;

    if (!ss) {
        snprintf(reason, reason_bytes, "out of memory");
        return NULL;
    }
    fd = listen_at(path, reason, reason_bytes);
    ss->loop = l;
    ss->server = server;
    ss->listener =
        (struct source){.fd = fd, .ready = listener_ready, .user = ss};
    if (fd < 0 || loop_add(l, &ss->listener, EPOLLIN)) {
        free(ss);
        return NULL;
    }
    strcpy(ss->path, path);
    return ss;
}

void store_socket_tick(struct store_socket *ss)
{
    struct client *next;

    if (!ss)
        return;
    for (struct client *c = ss->clients; c; c = next) {
        next = c->next;
        if (c->out_at == c->out_len)
            c->stuck = 0;
        else if (c->stuck++ == STUCK_TICKS) {
            log_line(LOG_WARNING, "store: a client takes no replies, let go");
            drop(c);
        }
    }
}

void store_socket_close(struct store_socket *ss)
{
    if (!ss)
        return;
    while (ss->clients)
        drop(ss->clients);
    loop_remove(ss->loop, &ss->listener);
    close(ss->listener.fd);
    (void)unlink(ss->path);
    free(ss);
}
