/* SPDX-License-Identifier: BSD-2-Clause */
/* The keeper's process: it holds descriptors, and does nothing with them. */
#include "keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_KEPT 64u

struct kept {
    char name[KEEPER_NAME]; /* empty: free */
    int fds[KEEPER_FDS];
};

struct keeper {
    int listener, daemon; /* -1: there is none */
    struct kept kept[MAX_KEPT];
};

void keeper_close(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

/* --- messages --- */

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(KEEPER_FDS * sizeof(int))];
};

int keeper_send(int socket, enum keeper_op op, const char *name, const int *fds)
{
    struct keeper_message m = {.op = op};
    union control control = {.bytes = {0}};
    struct iovec iov = {.iov_base = &m, .iov_len = sizeof(m)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    strncpy(m.name, name, sizeof(m.name) - 1);
    if (fds) {
        struct cmsghdr *c;

        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control);
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(KEEPER_FDS * sizeof(int));
        memcpy(CMSG_DATA(c), fds, KEEPER_FDS * sizeof(int));
    }
    return sendmsg(socket, &msg, MSG_NOSIGNAL) == (ssize_t)sizeof(m);
}

int keeper_receive(int socket, struct keeper_message *m, int fds[KEEPER_FDS])
{
    union control control;
    struct iovec iov = {.iov_base = m, .iov_len = sizeof(*m)};
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    struct cmsghdr *c;
    ssize_t n;

    for (unsigned i = 0; i < KEEPER_FDS; i++)
        fds[i] = -1;
    do
        n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return n == 0 || errno == ECONNRESET ? 0 : -1;
    c = CMSG_FIRSTHDR(&msg);
    if (c && c->cmsg_type == SCM_RIGHTS)
        memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
    m->name[sizeof(m->name) - 1] = '\0';
    return n == (ssize_t)sizeof(*m) ? 1 : -1;
}

/* --- what is kept --- */

static struct kept *find(struct keeper *k, const char *name)
{
    for (unsigned i = 0; i < MAX_KEPT; i++)
        if (strcmp(k->kept[i].name, name) == 0)
            return &k->kept[i];
    return NULL;
}

static void drop(struct kept *e)
{
    for (unsigned i = 0; i < KEEPER_FDS; i++)
        keeper_close(e->fds[i]);
    e->name[0] = '\0';
}

static void keep(struct keeper *k, const struct keeper_message *m,
                 const int fds[KEEPER_FDS])
{
    struct kept *e = find(k, m->name);

    if (e)
        drop(e);
    else
        e = find(k, "");
    if (!e || m->name[0] == '\0' || fds[KEEPER_FDS - 1] < 0) {
        for (unsigned i = 0; i < KEEPER_FDS; i++)
            keeper_close(fds[i]);
        return;
    }
    memcpy(e->name, m->name, sizeof(e->name));
    memcpy(e->fds, fds, sizeof(e->fds));
}

static bool has_any(const struct keeper *k)
{
    for (unsigned i = 0; i < MAX_KEPT; i++)
        if (k->kept[i].name[0] != '\0')
            return true;
    return false;
}

/* --- the daemon --- */

static void hang_up(struct keeper *k)
{
    keeper_close(k->daemon);
    k->daemon = -1;
}

static void greet(struct keeper *k)
{
    bool good = true;

    k->daemon = accept4(k->listener, NULL, NULL, SOCK_CLOEXEC);
    if (k->daemon < 0)
        return;
    for (unsigned i = 0; i < MAX_KEPT && good; i++)
        if (k->kept[i].name[0] != '\0')
            good = keeper_send(k->daemon, KEEPER_KEEP, k->kept[i].name,
                               k->kept[i].fds);
    if (!good || !keeper_send(k->daemon, KEEPER_END, "", NULL))
        hang_up(k);
}

static void hear(struct keeper *k)
{
    struct keeper_message m;
    int fds[KEEPER_FDS];
    struct kept *e;

    if (keeper_receive(k->daemon, &m, fds) != 1) {
        hang_up(k);
        return;
    }
    if (m.op == KEEPER_KEEP) {
        keep(k, &m, fds);
        return;
    }
    e = m.name[0] != '\0' ? find(k, m.name) : NULL;
    if (m.op == KEEPER_DROP && e)
        drop(e);
}

/* --- the process --- */

/* While a daemon is there it sees to its machines; without one, they may end. */
static void wait_and_act(struct keeper *k)
{
    struct pollfd p[1 + MAX_KEPT];
    unsigned index[1 + MAX_KEPT], nr = 1;

    if (k->daemon >= 0) {
        hear(k);
        return;
    }
    p[0] = (struct pollfd){.fd = k->listener, .events = POLLIN};
    for (unsigned i = 0; i < MAX_KEPT; i++) {
        if (k->kept[i].name[0] == '\0')
            continue;
        index[nr] = i;
        p[nr++] = (struct pollfd){.fd = k->kept[i].fds[0], .events = POLLRDHUP};
    }
    if (poll(p, nr, -1) < 0)
        return;
    for (unsigned i = 1; i < nr; i++)
        if (p[i].revents != 0)
            drop(&k->kept[index[i]]);
    if (p[0].revents != 0)
        greet(k);
}

_Noreturn void keeper_run(int listener, const char *path)
{
    static struct keeper k;
    sigset_t none;

    (void)prctl(PR_SET_NAME, "splitiod-keeper");
    (void)setsid();
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    k = (struct keeper){.listener = listener, .daemon = -1};
    greet(&k); /* whoever started it */
    while (k.daemon >= 0 || has_any(&k))
        wait_and_act(&k);
    (void)unlink(path);
    _exit(0);
}
