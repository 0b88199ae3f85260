/* SPDX-License-Identifier: BSD-2-Clause */
/* A slot: its socket, its descriptors, its poll. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "slot.h"

#define DEFAULT_WINDOW (UINT64_C(16) << 20)

void splitio_ivshmem_log(struct splitio_ivshmem *s, const char *fmt, ...)
{
    char line[512];
    va_list args;

    if (!s->cfg.log)
        return;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    s->cfg.log(s->cfg.arg, line);
}

void splitio_ivshmem_kick(const struct splitio_ivshmem *s)
{
    static const uint64_t one = 1;

    (void)!write(s->kick, &one, sizeof(one));
}

/* --- opening --- */

__attribute__((format(printf, 4, 5))) static int
explain(char *text, size_t len_bytes, int err, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    if (text && len_bytes > 0)
        (void)vsnprintf(text, len_bytes, fmt, args);
    va_end(args);
    return err;
}

static int error_of_errno(int error)
{
    return error == EACCES || error == EPERM || error == EROFS ? SPLITIO_EACCES
           : error == ENOMEM                                   ? SPLITIO_ENOMEM
           : error == EADDRINUSE                               ? SPLITIO_EBUSY
                                                               : SPLITIO_EIO;
}

static bool take_config(struct splitio_ivshmem *s,
                        const struct splitio_ivshmem_config *config)
{
    uint64_t bytes =
        config->window_bytes ? config->window_bytes : DEFAULT_WINDOW;

    s->cfg = *config;
    s->cfg.window_bytes = bytes;
    if (!config->machine || !config->path || !*config->path ||
        strlen(config->path) >= sizeof(s->path) || !config->name ||
        !*config->name || strlen(config->name) >= sizeof(s->name) ||
        (bytes & (bytes - 1)) != 0 || bytes < SPLITIO_IVSHMEM_WINDOW_MIN ||
        bytes > SPLITIO_IVSHMEM_WINDOW_MAX)
        return false;
    strcpy(s->path, config->path);
    strcpy(s->name, config->name);
    s->cfg.path = s->path;
    s->cfg.name = s->name;
    if (s->cfg.mode == 0)
        s->cfg.mode = 0600;
    return true;
}

static struct sockaddr_un address(const struct splitio_ivshmem *s)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    memcpy(addr.sun_path, s->path, strlen(s->path) + 1);
    return addr;
}

/* A socket that nobody serves refuses connections: it may go. */
static int remove_stale(const struct splitio_ivshmem *s)
{
    struct sockaddr_un addr = address(s);
    struct stat st;
    int probe, err;

    if (lstat(s->path, &st) < 0)
        return errno == ENOENT ? 0 : error_of_errno(errno);
    if (!S_ISSOCK(st.st_mode))
        return SPLITIO_EEXIST;
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    err = connect(probe, (struct sockaddr *)&addr, sizeof(addr)) < 0 &&
                  errno == ECONNREFUSED
              ? 0
              : SPLITIO_EBUSY;
    (void)close(probe);
    if (!err && unlink(s->path) < 0)
        err = error_of_errno(errno);
    return err;
}

static int open_socket(struct splitio_ivshmem *s, char *text, size_t len_bytes)
{
    struct sockaddr_un addr = address(s);
    int err = remove_stale(s);

    if (err)
        return explain(text, len_bytes, err, "%s: %s", s->path,
                       err == SPLITIO_EEXIST  ? "is there and is no socket"
                       : err == SPLITIO_EBUSY ? "in use by another daemon"
                                              : splitio_strerror(err));
    s->listener =
        socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* The mode of the file that bind() makes. */
    if (s->listener < 0 || fchmod(s->listener, s->cfg.mode) < 0 ||
        bind(s->listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        listen(s->listener, 4) < 0 ||
        watch_fd(s, s->listener, EPOLLIN, SOURCE_LISTEN) < 0)
        return explain(text, len_bytes, error_of_errno(errno), "%s: %s",
                       s->path, strerror(errno));
    return 0;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

static void close_socket(struct splitio_ivshmem *s)
{
    if (s->listener < 0)
        return;
    (void)close(s->listener);
    (void)unlink(s->path);
    s->listener = -1;
}

static void slot_free(struct splitio_ivshmem *s)
{
    close_socket(s);
    splitio_ivshmem_alarm_close(&s->alarm);
    close_fd(s->kick);
    close_fd(s->epoll);
    free(s);
}

static int fill(struct splitio_ivshmem *s,
                const struct splitio_ivshmem_config *config, char *text,
                size_t len_bytes)
{
    if (!take_config(s, config))
        return explain(text, len_bytes, SPLITIO_EINVAL,
                       "bad configuration: a window has 1 MiB to 1 GiB, a "
                       "power of two");
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->epoll < 0 || s->kick < 0 ||
        watch_fd(s, s->kick, EPOLLIN, SOURCE_KICK) < 0)
        return explain(text, len_bytes, SPLITIO_ENOMEM, "%s", strerror(errno));
    if (!splitio_ivshmem_alarm_open(&s->alarm))
        return explain(text, len_bytes, SPLITIO_EOPNOTSUPP,
                       "the kernel's asynchronous I/O: %s", strerror(errno));
    return open_socket(s, text, len_bytes);
}

int splitio_ivshmem_open(struct splitio_ivshmem **slot,
                         const struct splitio_ivshmem_config *config,
                         char *text, size_t len_bytes)
{
    struct splitio_ivshmem *s = calloc(1, sizeof(*s));
    int err;

    if (!s)
        return explain(text, len_bytes, SPLITIO_ENOMEM, "out of memory");
    s->epoll = s->kick = s->listener = s->alarm.ready = -1;
    err = fill(s, config, text, len_bytes);
    if (err)
        slot_free(s);
    else
        *slot = s;
    return err;
}

int splitio_ivshmem_close(struct splitio_ivshmem *s)
{
    s->cfg.changed = NULL;
    close_socket(s);
    if (s->vm)
        splitio_ivshmem_vm_hang_up(s->vm);
    if (s->vm)
        return SPLITIO_EBUSY;
    slot_free(s);
    return 0;
}

int splitio_ivshmem_adopt(struct splitio_ivshmem *s,
                          const int fds[SPLITIO_IVSHMEM_FDS], char *text,
                          size_t len_bytes)
{
    int err;

    if (s->vm) {
        for (unsigned i = 0; i < SPLITIO_IVSHMEM_FDS; i++)
            (void)close(fds[i]);
        return explain(text, len_bytes, SPLITIO_EBUSY, "the slot is taken");
    }
    err = splitio_ivshmem_vm_adopt(s, fds);
    return err ? explain(text, len_bytes, err, "%s: cannot be taken up: %s",
                         s->name,
                         err == SPLITIO_EINVAL ? "its window is another now"
                                               : splitio_strerror(err))
               : 0;
}

/* --- polling --- */

/* QEMU never says anything: what comes is its end. */
static void hear_qemu(struct splitio_ivshmem *s)
{
    char byte;
    ssize_t n =
        recv(s->vm->fds[SPLITIO_IVSHMEM_FD_SOCKET], &byte, 1, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        s->stats.nr_nonsense++;
        splitio_ivshmem_log(s, "%s: sent what is no ivshmem: disconnected",
                            s->path);
    }
    splitio_ivshmem_vm_hang_up(s->vm);
}

static void accept_vm(struct splitio_ivshmem *s)
{
    int fd, err;

    /* That one may have ended a moment ago. Then the next waits at the door. */
    if (s->vm)
        hear_qemu(s);
    if (s->vm && s->vm->hung_up)
        return;
    fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (s->vm) {
        s->stats.nr_turned_away++;
        splitio_ivshmem_log(s,
                            "%s: a second virtual machine is turned away: one "
                            "is there; stop that one or use another socket",
                            s->path);
        splitio_ivshmem_turn_away(fd);
        (void)close(fd);
        return;
    }
    err = splitio_ivshmem_vm_new(s, fd);
    if (err)
        splitio_ivshmem_log(s, "%s: a virtual machine cannot be served: %s",
                            s->path, splitio_strerror(err));
}

/* The mailbox comes last: it may end what the doorbell is for. */
static void look_at_vm(struct splitio_ivshmem *s)
{
    if (s->vm->state == VM_JOINED)
        splitio_shm_machine_ring(s->cfg.machine, s->vm->domid);
    (void)splitio_ivshmem_mailbox_poll(s->vm);
}

static void take_kick(struct splitio_ivshmem *s)
{
    uint64_t count;

    (void)!read(s->kick, &count, sizeof(count));
    if (!s->vm)
        return;
    splitio_ivshmem_vm_release(s->vm);
    if (s->vm)
        look_at_vm(s);
}

unsigned splitio_ivshmem_poll(struct splitio_ivshmem *s)
{
    struct epoll_event events[4];
    int n = epoll_wait(s->epoll, events, 4, 0);

    for (int i = 0; i < n; i++) {
        enum source source = events[i].data.u32;

        if (source == SOURCE_LISTEN)
            accept_vm(s);
        else if (source == SOURCE_KICK)
            take_kick(s);
        else if (!s->vm || s->vm->hung_up)
            continue;
        else if (source == SOURCE_QEMU)
            hear_qemu(s);
        else
            look_at_vm(s);
    }
    return n > 0 ? (unsigned)n : 0;
}

/* --- what it tells --- */

int splitio_ivshmem_fd(const struct splitio_ivshmem *s)
{
    return s->epoll;
}

bool splitio_ivshmem_get_fds(const struct splitio_ivshmem *s,
                             int fds[SPLITIO_IVSHMEM_FDS])
{
    if (!s->vm || s->vm->hung_up)
        return false;
    memcpy(fds, s->vm->fds, sizeof(s->vm->fds));
    return true;
}

void splitio_ivshmem_get_stats(const struct splitio_ivshmem *s,
                               struct splitio_ivshmem_stats *stats)
{
    *stats = s->stats;
    stats->has_vm = s->vm != NULL;
    stats->is_joined = s->vm && s->vm->state == VM_JOINED;
    stats->domid = stats->is_joined ? s->vm->domid : 0;
    stats->nr_upcalls = splitio_read_once_u64(&s->nr_upcalls);
}
