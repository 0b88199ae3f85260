/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections that have not said hello: few, and not for long. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "machine_int.h"

/* Connections accepted in one poll. */
#define ACCEPT_BUDGET 8

void splitio_shm_set_timer(struct splitio_shm_machine *m)
{
    uint64_t now = splitio_shm_now_ms(), first = UINT64_MAX, wait;
    struct itimerspec when = {.it_value = {0}};

    if (m->eoi_ns != UINT64_MAX)
        first = m->eoi_ns / 1000000 + 1;

    for (unsigned i = 0; i < MAX_PENDING; i++)
        if (m->pending[i].fd >= 0 && m->pending[i].deadline_ms < first)
            first = m->pending[i].deadline_ms;
    if (!m->accepting && first > now + ACCEPT_RETRY_MS)
        first = now + ACCEPT_RETRY_MS;
    if (first != UINT64_MAX) {
        wait = first > now ? first - now : 1;
        when.it_value.tv_sec = (time_t)(wait / 1000);
        when.it_value.tv_nsec = (long)(wait % 1000) * 1000000;
    }
    (void)timerfd_settime(m->timer, 0, &when, NULL);
}

/* The connection leaves the table, and is the caller's. */
static int take(struct splitio_shm_machine *m, unsigned index)
{
    int fd = m->pending[index].fd;

    m->pending[index].fd = -1;
    m->stats.nr_pending--;
    return fd;
}

static void stop_accepting(struct splitio_shm_machine *m)
{
    if (!m->accepting)
        return;
    m->accepting = false;
    (void)epoll_ctl(m->epoll, EPOLL_CTL_DEL, m->listener, NULL);
    splitio_shm_set_timer(m);
}

/* A free place, or that of the connection that is silent for the longest. */
static unsigned find_place(struct splitio_shm_machine *m)
{
    unsigned oldest = 0;

    for (unsigned i = 0; i < MAX_PENDING; i++) {
        if (m->pending[i].fd < 0)
            return i;
        if (m->pending[i].deadline_ms < m->pending[oldest].deadline_ms)
            oldest = i;
    }
    splitio_shm_log(m, "too many silent connections: dropped the oldest");
    splitio_shm_socket_drop(m, take(m, oldest));
    return oldest;
}

static void add(struct splitio_shm_machine *m, int fd)
{
    unsigned index;
    int one = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) < 0) {
        splitio_shm_socket_drop(m, fd);
        return;
    }
    index = find_place(m);
    if (watch_fd(m, fd, EPOLLIN, SOURCE_PENDING, index) < 0) {
        splitio_shm_socket_drop(m, fd);
        return;
    }
    m->pending[index].fd = fd;
    m->pending[index].deadline_ms = splitio_shm_now_ms() + m->cfg.hello_ms;
    m->stats.nr_pending++;
    /* Most have said it already, and then take no place. */
    splitio_shm_pending_receive(m, index);
}

void splitio_shm_pending_accept(struct splitio_shm_machine *m)
{
    for (unsigned i = 0; i < ACCEPT_BUDGET && m->accepting; i++) {
        int fd;

        if (splitio_shm_closer_nr(m->closer) > MAX_FOREIGN) {
            stop_accepting(m);
            break;
        }
        fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            add(m, fd);
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            splitio_shm_log(m, "cannot accept a connection: %s",
                            strerror(errno));
            stop_accepting(m);
        }
    }
    splitio_shm_set_timer(m);
}

static void refuse(struct splitio_shm_machine *m, int fd,
                   const struct refusal *why)
{
    struct splitio_shm_welcome w = {
        .magic = SPLITIO_SHM_MAGIC,
        .version = SPLITIO_SHM_VERSION,
        .type = SPLITIO_SHM_REFUSED,
        .status = why->status,
    };

    memcpy(w.text, why->text, sizeof(w.text));
    splitio_shm_log(m, "refused a guest: %s", why->text);
    m->stats.nr_refused++;
    (void)splitio_shm_socket_send(fd, &w, sizeof(w), NULL, 0);
    splitio_shm_socket_drop(m, fd);
}

void splitio_shm_pending_receive(struct splitio_shm_machine *m, unsigned index)
{
    struct splitio_shm_hello hello;
    struct refusal why;
    struct incoming in;
    uint8_t *base = NULL;
    int fd;

    if (m->pending[index].fd < 0)
        return;
    if (splitio_shm_closer_nr(m->closer) > MAX_FOREIGN) {
        splitio_shm_socket_drop(m, take(m, index));
        return;
    }
    splitio_shm_socket_receive_fds(m->pending[index].fd, &in);
    if (in.len < 0)
        return;
    fd = take(m, index);
    if (in.len == 0 && !in.bad) {
        splitio_shm_socket_drop(m, fd);
        return;
    }
    if (splitio_shm_hello_check(m, &in, &hello, &why))
        base = splitio_shm_hello_map(in.fds[0], hello.nr_pages, &why);
    /* What could be mapped is a memfd, and closing it waits for nobody. */
    if (base)
        (void)close(in.fds[0]);
    else
        splitio_shm_closer_put(m->closer, in.fds, in.nr_fds);
    (void)epoll_ctl(m->epoll, EPOLL_CTL_DEL, fd, NULL);
    if (base)
        splitio_shm_member_join(m, fd, &hello, base);
    else
        refuse(m, fd, &why);
}

void splitio_shm_pending_timer(struct splitio_shm_machine *m)
{
    uint64_t now = splitio_shm_now_ms(), expired;

    (void)!read(m->timer, &expired, sizeof(expired));
    for (unsigned i = 0; i < MAX_PENDING; i++) {
        if (m->pending[i].fd < 0 || m->pending[i].deadline_ms > now)
            continue;
        splitio_shm_log(m, "dropped a connection that did not say hello");
        m->stats.nr_refused++;
        splitio_shm_socket_drop(m, take(m, i));
    }
    if (!m->accepting && splitio_shm_closer_nr(m->closer) <= MAX_FOREIGN &&
        watch_fd(m, m->listener, EPOLLIN, SOURCE_LISTEN, 0) == 0)
        m->accepting = true;
    splitio_shm_set_timer(m);
}

void splitio_shm_pending_close_all(struct splitio_shm_machine *m)
{
    for (unsigned i = 0; i < MAX_PENDING; i++)
        if (m->pending[i].fd >= 0)
            splitio_shm_socket_drop(m, take(m, i));
}
