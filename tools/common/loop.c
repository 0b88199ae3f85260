/* SPDX-License-Identifier: BSD-2-Clause */
/* The event loop, over epoll. */
#include "loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

int loop_init(struct loop *l)
{
    l->fd = epoll_create1(EPOLL_CLOEXEC);
    return l->fd < 0 ? -errno : 0;
}

void loop_fini(struct loop *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

static int control(struct loop *l, int op, struct source *s, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = s};

    return epoll_ctl(l->fd, op, s->fd, &e) < 0 ? -errno : 0;
}

int loop_add(struct loop *l, struct source *s, uint32_t events)
{
    return control(l, EPOLL_CTL_ADD, s, events);
}

int loop_change(struct loop *l, struct source *s, uint32_t events)
{
    return control(l, EPOLL_CTL_MOD, s, events);
}

void loop_remove(struct loop *l, struct source *s)
{
    (void)control(l, EPOLL_CTL_DEL, s, 0);
}

int loop_run_once(struct loop *l, bool busy)
{
    /* One at a time: a source may free itself, and what it frees cannot be
     * among events that were fetched before. */
    struct epoll_event e;
    int n = epoll_wait(l->fd, &e, 1, busy ? 0 : -1);

    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    if (n == 1) {
        struct source *s = e.data.ptr;

        s->ready(s, e.events);
    }
    return 0;
}
