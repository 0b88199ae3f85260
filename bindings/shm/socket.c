/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's socket: its place in the file system, and messages. */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "machine_int.h"
#include "text.h"

#define LISTEN_BACKLOG 64
/* Of the control message that comes with each message. */
#define CREDENTIALS_BYTES CMSG_SPACE(sizeof(struct ucred))

/*
 * Take the lock file. Whoever holds the lock may remove the file, so after
 * locking, look whether the path still leads to what was locked.
 */
static int take_lock(struct splitio_shm_machine *m)
{
    for (int tries = 0; tries < 16; tries++) {
        int fd =
            open(m->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        struct stat locked, named;

        if (fd < 0)
            return -1;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
            (void)close(fd);
            return -1;
        }
        if (fstat(fd, &locked) == 0 && stat(m->lock_path, &named) == 0 &&
            locked.st_ino == named.st_ino && locked.st_dev == named.st_dev) {
            m->lock = fd;
            return 0;
        }
        (void)close(fd);
    }
    errno = EAGAIN;
    return -1;
}

/* The lock is held: a socket that is there is a dead daemon's. */
static int remove_stale(const struct splitio_shm_machine *m)
{
    struct stat st;

    if (lstat(m->path, &st) < 0)
        return errno == ENOENT ? 0 : error_of_errno(errno);
    if (!S_ISSOCK(st.st_mode))
        return SPLITIO_EEXIST;
    return unlink(m->path) < 0 ? error_of_errno(errno) : 0;
}

static int bind_socket(struct splitio_shm_machine *m)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    memcpy(addr.sun_path, m->path, strlen(m->path) + 1);
    m->listener =
        socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (m->listener < 0)
        return -1;
    /* The mode of the file that bind() makes. */
    if (fchmod(m->listener, m->cfg.mode) < 0 ||
        bind(m->listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        listen(m->listener, LISTEN_BACKLOG) < 0 ||
        watch_fd(m, m->listener, EPOLLIN, SOURCE_LISTEN, 0) < 0)
        return -1;
    m->accepting = true;
    return 0;
}

int splitio_shm_socket_open(struct splitio_shm_machine *m, char *text,
                            size_t len_bytes)
{
    int err;

    if (take_lock(m) < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK
                   ? explain(text, len_bytes, SPLITIO_EBUSY,
                             "%s: in use by another daemon", m->path)
                   : explain(text, len_bytes, error_of_errno(errno), "%s: %s",
                             m->lock_path, strerror(errno));
    err = remove_stale(m);
    if (err)
        return explain(text, len_bytes, err, "%s: %s", m->path,
                       err == SPLITIO_EEXIST ? "is there and is no socket"
                                             : splitio_strerror(err));
    if (bind_socket(m) < 0)
        return explain(text, len_bytes, error_of_errno(errno), "%s: %s",
                       m->path, strerror(errno));
    return 0;
}

void splitio_shm_socket_close(struct splitio_shm_machine *m)
{
    if (m->listener >= 0) {
        (void)close(m->listener);
        (void)unlink(m->path);
    }
    if (m->lock >= 0) {
        (void)unlink(m->lock_path);
        (void)close(m->lock);
    }
    m->listener = m->lock = -1;
}

/* Take descriptors out of control messages; true if there was any message. */
static bool take_control(struct msghdr *msg, struct incoming *in)
{
    bool any = false;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t bytes = c->cmsg_len - CMSG_LEN(0);

        any = true;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        memcpy(in->fds, CMSG_DATA(c), bytes);
        in->nr_fds = (unsigned)(bytes / sizeof(int));
    }
    return any;
}

/*
 * Every message has the sender's credentials with it, which tells an empty one
 * from the end. @p nr_fds: how many descriptors there is room for.
 */
static void receive(int fd, struct incoming *in, unsigned nr_fds, int flags)
{
    union {
        struct cmsghdr align;
        char bytes[CREDENTIALS_BYTES + CMSG_SPACE(sizeof(in->fds))];
    } control;
    struct iovec iov = {.iov_base = in->bytes, .iov_len = sizeof(in->bytes)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    bool any;

    in->nr_fds = 0;
    do {
        msg.msg_control = &control;
        msg.msg_controllen =
            CREDENTIALS_BYTES + (nr_fds ? CMSG_SPACE(nr_fds * sizeof(int)) : 0);
        in->len = recvmsg(fd, &msg, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (in->len < 0 && errno == EINTR);
    if (in->len < 0) {
        in->bad = in->lost = false;
        in->len = errno == EAGAIN ? -1 : 0;
        return;
    }
    any = take_control(&msg, in);
    in->lost = (msg.msg_flags & MSG_CTRUNC) != 0;
    in->bad =
        in->lost || (msg.msg_flags & MSG_TRUNC) != 0 || (in->len == 0 && any);
}

/*
 * There is room for all that a message can carry: what did not fit would be
 * closed by the kernel in this thread.
 */
void splitio_shm_socket_receive_fds(int fd, struct incoming *in)
{
    receive(fd, in, SPLITIO_ARRAY_LEN(in->fds), 0);
}

/* Looks first, and leaves a message with descriptors where it is. */
void splitio_shm_socket_receive(int fd, struct incoming *in)
{
    receive(fd, in, 0, MSG_PEEK);
    if (!in->bad && in->len > 0)
        receive(fd, in, 0, 0);
}

bool splitio_shm_socket_send(int fd, const void *bytes, size_t len_bytes,
                             const int *fds, unsigned nr_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(4 * sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes,
                        .iov_len = len_bytes};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    struct cmsghdr *c;

    if (nr_fds > 0) {
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, nr_fds * sizeof(int));
    }
    return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len_bytes;
}

void splitio_shm_socket_drop(struct splitio_shm_machine *m, int fd)
{
    struct incoming in;

    (void)epoll_ctl(m->epoll, EPOLL_CTL_DEL, fd, NULL);
    /* From here on nothing can get into its queue. */
    (void)shutdown(fd, SHUT_RDWR);
    receive(fd, &in, 0, MSG_PEEK);
    if (in.len <= 0 && !in.bad)
        (void)close(fd);
    else
        splitio_shm_closer_put(m->closer, &fd, 1);
}
