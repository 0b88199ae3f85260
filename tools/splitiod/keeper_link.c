/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's side of the keeper: finding it, starting it, telling it. */
#include "keeper.h"

#include "../common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* It answers at once, unless another daemon has it. */
#define ANSWER_MS 5000

static int dial(const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof(*addr))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int listen_at(const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    (void)unlink(addr->sun_path); /* nobody answers there */
    if (fd >= 0 && (fchmod(fd, 0600) ||
                    bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) ||
                    listen(fd, 4))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* The child has its listener, and nothing else: no terminal, no pipe that
 * somebody reads to its end. */
static int start_keeper(const struct sockaddr_un *addr)
{
    int listener = listen_at(addr);
    pid_t pid;

    if (listener < 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);

        if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
            dup2(null, 2) < 0 || dup2(listener, 3) < 0 ||
            close_range(4, ~0u, 0))
            _exit(1);
        keeper_run(3, addr->sun_path);
    }
    close(listener);
    return pid < 0 ? -1 : dial(addr);
}

static int take_greeting(struct keeper_link *l, keeper_kept_fn kept, void *arg)
{
    struct pollfd p = {.fd = l->fd, .events = POLLIN};
    struct keeper_message m;
    int fds[KEEPER_FDS];

    while (poll(&p, 1, ANSWER_MS) > 0 && keeper_receive(l->fd, &m, fds) == 1) {
        if (m.op == KEEPER_END)
            return 0;
        kept(arg, m.name, fds);
    }
    return -1;
}

int keeper_link_open(struct keeper_link *l, const char *dir,
                     keeper_kept_fn kept, void *arg, char *reason,
                     unsigned bytes)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    if ((size_t)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/keeper",
                         dir) >= sizeof(addr.sun_path)) {
        snprintf(reason, bytes, "--state %.60s...: the path is too long", dir);
        return -1;
    }
    if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
        snprintf(reason, bytes, "--state %s: %s", dir, strerror(errno));
        return -1;
    }
    l->fd = dial(&addr);
    if (l->fd < 0)
        l->fd = start_keeper(&addr);
    if (l->fd < 0) {
        snprintf(reason, bytes, "%s: %s", addr.sun_path, strerror(errno));
        return -1;
    }
    if (take_greeting(l, kept, arg) == 0)
        return 0;
    snprintf(reason, bytes,
             "%s: no answer; does another splitiod use that directory?",
             addr.sun_path);
    keeper_link_close(l);
    return -1;
}

static void tell(struct keeper_link *l, enum keeper_op op, const char *name,
                 const int *fds)
{
    if (l->fd < 0 || keeper_send(l->fd, op, name, fds))
        return;
    log_line(LOG_ERROR,
             "the keeper is gone: virtual machines will not outlive this "
             "daemon");
    keeper_link_close(l);
}

void keeper_link_keep(struct keeper_link *l, const char *name, const int *fds)
{
    tell(l, KEEPER_KEEP, name, fds);
}

void keeper_link_drop(struct keeper_link *l, const char *name)
{
    tell(l, KEEPER_DROP, name, NULL);
}

void keeper_link_close(struct keeper_link *l)
{
    keeper_close(l->fd);
    l->fd = -1;
}
