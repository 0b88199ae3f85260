/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests that are processes: they join, call and leave by a socket. */
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "machine_int.h"
#include "text.h"

#define NO_RESOURCES "the daemon has no resources left"

/* --- the link --- */

static void upcall(const struct member *g)
{
    /* Full means that there is something to read, which is all it takes. */
    (void)!write(g->pipe_write, "", 1);
}

static void part(struct member *g)
{
    splitio_shm_socket_drop(g->machine, g->sock);
    (void)epoll_ctl(g->machine->epoll, EPOLL_CTL_DEL, g->bell, NULL);
    g->sock = -1;
    g->nr_fds--;
}

static void release(struct member *g)
{
    if (g->pipe_read >= 0)
        (void)close(g->pipe_read);
    if (g->pipe_write >= 0)
        (void)close(g->pipe_write);
    if (g->bell >= 0)
        (void)close(g->bell);
    (void)munmap(g->base, (size_t)g->info.nr_pages * SPLITIO_PAGE_SIZE);
}

static const struct link_ops socket_link = {
    .upcall = upcall,
    .part = part,
    .release = release,
};

/* --- joining --- */

static void learn_who(struct member *g, int sock)
{
    struct ucred who = {.uid = (uid_t)-1};
    socklen_t len = sizeof(who);

    (void)getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &who, &len);
    g->info.uid = who.uid;
    g->info.pid = who.pid;
}

static bool open_wakeups(struct member *g)
{
    int ends[2];

    g->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (g->bell < 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return false;
    /* The read end stays here too: a pipe without one means SIGPIPE. */
    g->pipe_read = ends[0];
    g->pipe_write = ends[1];
    g->nr_fds = 3;
    return true;
}

static void answer(struct member *g, int sock, const struct refusal *why)
{
    struct splitio_shm_welcome w = {
        .magic = SPLITIO_SHM_MAGIC,
        .version = SPLITIO_SHM_VERSION,
        .type = why->status ? SPLITIO_SHM_REFUSED : SPLITIO_SHM_WELCOME,
        .status = why->status,
    };
    int fds[2];

    if (why->status) {
        memcpy(w.text, why->text, sizeof(w.text));
        splitio_shm_log(g->machine, "refused a guest: %s", why->text);
        g->machine->stats.nr_refused++;
        (void)splitio_shm_socket_send(sock, &w, sizeof(w), NULL, 0);
        return;
    }
    w.domid = g->info.domid;
    w.store_port = g->store_port;
    fds[0] = g->bell;
    fds[1] = g->pipe_read;
    if (!splitio_shm_socket_send(sock, &w, sizeof(w), fds, 2))
        g->ejected = true;
}

static bool watch_member(struct member *g)
{
    struct splitio_shm_machine *m = g->machine;

    return watch_fd(m, g->sock, EPOLLIN, SOURCE_CALL, g->info.domid) == 0 &&
           watch_fd(m, g->bell, EPOLLIN | EPOLLET, SOURCE_DOORBELL,
                    g->info.domid) == 0;
}

/* It has a domain: it is asked for, answered, and on its way. */
static void welcome(struct member *g, struct refusal *why)
{
    if (!why->status && !watch_member(g))
        why->status =
            explain(why->text, sizeof(why->text), SPLITIO_ENOMEM, NO_RESOURCES);
    if (!why->status)
        (void)splitio_shm_member_ask(g, why);
    answer(g, g->sock, why);
    if (why->status || g->ejected)
        splitio_shm_member_leave(g);
}

void splitio_shm_member_join(struct splitio_shm_machine *m, int sock,
                             const struct splitio_shm_hello *hello,
                             uint8_t *base)
{
    struct member *g = splitio_shm_member_new(m, hello, base, &socket_link);
    struct refusal why = {0};

    if (!g) {
        (void)munmap(base, (size_t)hello->nr_pages * SPLITIO_PAGE_SIZE);
        splitio_shm_socket_drop(m, sock);
        return;
    }
    learn_who(g, sock);
    if (!open_wakeups(g))
        why.status =
            explain(why.text, sizeof(why.text), SPLITIO_ENOMEM, NO_RESOURCES);
    else if (splitio_shm_member_enter(g, &why) == 0) {
        g->sock = sock;
        g->nr_fds++;
        welcome(g, &why);
        return;
    }
    answer(g, sock, &why);
    splitio_shm_socket_drop(m, sock);
    splitio_shm_member_free(g);
}

/* --- serving --- */

static void nonsense(struct member *g, const char *what)
{
    splitio_shm_log(g->machine, "guest %u (%s): %s: disconnected",
                    g->info.domid, g->info.name, what);
    g->machine->stats.nr_nonsense++;
    splitio_shm_member_leave(g);
}

void splitio_shm_member_receive(struct member *g)
{
    struct splitio_shm_call c, reply;
    struct incoming in;

    splitio_shm_socket_receive(g->sock, &in);
    if (in.len < 0)
        return;
    if (in.len == 0 && !in.bad) {
        splitio_shm_member_leave(g);
        return;
    }
    if (in.bad || in.len != sizeof(c)) {
        nonsense(g, "sent a message that is no call");
        return;
    }
    memcpy(&c, in.bytes, sizeof(c));
    if (!splitio_shm_call_act(g, &c, &reply))
        nonsense(g, "sent an unknown call");
    else if (!splitio_shm_socket_send(g->sock, &reply, sizeof(reply), NULL, 0))
        nonsense(g, "does not take its replies");
}
