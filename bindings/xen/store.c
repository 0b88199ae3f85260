/* SPDX-License-Identifier: BSD-2-Clause */
/* The way to xenstored: its socket, or the kernel's device. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "xen_int.h"

static int to_status(ssize_t n)
{
    if (n > 0)
        return (int)n;
    if (n == 0)
        return SPLITIO_ECLOSED;
    return errno == EAGAIN || errno == EINTR ? SPLITIO_EAGAIN : SPLITIO_ECLOSED;
}

/* ---- the device ----
 *
 * The kernel acts on a message when it is complete, and drops what was written
 * behind it. And it does not return from the writing of a watch before that is
 * answered, but answers in order: a request of the same descriptor that waits for
 * its own answer then stops the kernel's whole way to xenstored. So there is one
 * request at a time. */

/* Bytes up to the end of the head, or of the body. */
static size_t flow_left(const struct xen_flow *f)
{
    return f->head_bytes < sizeof(f->head) ? sizeof(f->head) - f->head_bytes
                                           : f->body_left;
}

/* At most flow_left() bytes have passed; true: with them, a whole message. */
static bool flow_pass(struct xen_flow *f, const void *buf, size_t len_bytes)
{
    if (f->head_bytes < sizeof(f->head)) {
        memcpy((uint8_t *)&f->head + f->head_bytes, buf, len_bytes);
        f->head_bytes += (uint32_t)len_bytes;
        if (f->head_bytes < sizeof(f->head))
            return false;
        f->body_left = f->head.len;
    } else {
        f->body_left -= (uint32_t)len_bytes;
    }
    if (f->body_left)
        return false;
    f->head_bytes = 0;
    return true;
}

static size_t at_most(size_t len_bytes, size_t most)
{
    return len_bytes < most ? len_bytes : most;
}

static int device_recv(struct xen_link *l, void *buf, size_t len_bytes)
{
    ssize_t n = read(l->store_fd, buf, at_most(len_bytes, flow_left(&l->in)));

    if (n > 0 && flow_pass(&l->in, buf, (size_t)n) &&
        l->in.head.type != SPLITIO_XS_WATCH_EVENT)
        l->is_answer_due = false;
    return to_status(n);
}

static int device_send(struct xen_link *l, const void *buf, size_t len_bytes)
{
    ssize_t n;

    if (l->is_answer_due)
        return SPLITIO_EAGAIN;
    n = write(l->store_fd, buf, at_most(len_bytes, flow_left(&l->out)));
    if (n > 0)
        l->is_answer_due = flow_pass(&l->out, buf, (size_t)n);
    return to_status(n);
}

/* ---- both ---- */

/* Reads and writes, for the device is no socket; SIGPIPE is the process's
 * affair and must be ignored. */
static int store_recv(void *ctx, void *buf, size_t len_bytes)
{
    struct xen_link *l = ctx;

    if (l->store_fd < 0)
        return SPLITIO_ECLOSED;
    if (l->store_is_device)
        return device_recv(l, buf, len_bytes);
    return to_status(read(l->store_fd, buf, len_bytes));
}

static int store_send(void *ctx, const void *buf, size_t len_bytes)
{
    struct xen_link *l = ctx;

    if (l->store_fd < 0)
        return SPLITIO_ECLOSED;
    if (l->store_is_device)
        return device_send(l, buf, len_bytes);
    return to_status(write(l->store_fd, buf, len_bytes));
}

static const struct splitio_store_transport_ops transport_ops = {
    .recv = store_recv, .send = store_send};

struct splitio_store_transport splitio_xen_store_transport(struct xen_link *l)
{
    return (struct splitio_store_transport){&transport_ops, l};
}

static int open_socket(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd, err;

    if (strlen(path) >= sizeof(addr.sun_path))
        return -ENAMETOOLONG;
    memcpy(addr.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
        fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
        return fd;
    err = -errno;
    close(fd);
    return err;
}

static int open_path(struct xen_link *l, const char *path)
{
    struct stat st;
    int fd;

    if (stat(path, &st))
        return -errno;
    l->store_is_device = !S_ISSOCK(st.st_mode);
    if (!l->store_is_device)
        return open_socket(path);
    fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int open_any(struct xen_link *l)
{
    const char *paths[] = {getenv("XENSTORED_PATH"), "/run/xenstored/socket",
                           "/dev/xen/xenbus"};
    int err = -ENOENT;

    if (l->store_path)
        return open_path(l, l->store_path);
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(paths) && err == -ENOENT; i++)
        if (paths[i])
            err = open_path(l, paths[i]);
    return err;
}

int splitio_xen_store_connect(struct xen_link *l)
{
    struct epoll_event ev = {.events = EPOLLIN};
    int fd = open_any(l), err;

    if (fd < 0)
        return fd;
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev)) {
        err = -errno;
        close(fd);
        return err;
    }
    l->store_fd = fd;
    l->store_writes = false;
    l->out = l->in = (struct xen_flow){.head_bytes = 0};
    l->is_answer_due = false;
    return 0;
}

void splitio_xen_store_disconnect(struct xen_link *l)
{
    if (l->store_fd >= 0)
        close(l->store_fd);
    l->store_fd = -1;
}

void splitio_xen_store_watch(struct xen_link *l, bool want_write)
{
    struct epoll_event ev = {.events = EPOLLIN};

    if (l->store_fd < 0 || want_write == l->store_writes)
        return;
    if (want_write)
        ev.events |= EPOLLOUT;
    (void)epoll_ctl(l->epoll, EPOLL_CTL_MOD, l->store_fd, &ev);
    l->store_writes = want_write;
}
