/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders while guests run: lines in a FIFO, "attach NAME", "detach NAME",
 * "renew NAME". */
#include "host.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

static void obey(struct host *h, char *line)
{
    char reason[256] = "no such order";
    char *name = strchr(line, ' ');
    int err = -1;

    if (name)
        *name++ = '\0';
    if (name && strcmp(line, "attach") == 0)
        err = devices_attach(h, name, reason, sizeof(reason));
    else if (name && strcmp(line, "detach") == 0)
        err = devices_detach(h, name, reason, sizeof(reason));
    else if (name && strcmp(line, "renew") == 0)
        err = devices_renew(h, name, reason, sizeof(reason));
    fprintf(stderr, "splitio-vmm: %s %s: %s\n", line, name ? name : "",
            err ? reason : "done");
}

static void control_ready(struct source *s, uint32_t events)
{
    char text[512], *rest = text, *line;
    ssize_t n = read(s->fd, text, sizeof(text) - 1);

    (void)events;
    if (n <= 0)
        return;
    text[n] = '\0';
    while ((line = strsep(&rest, "\n")) != NULL)
        if (*line)
            obey(s->user, line);
}

int control_open(struct host *h, const char *path)
{
    struct source *s = &h->control;
    int fd;

    (void)mkfifo(path, 0600);
    /* For writing too, so that it does not end when a writer has. */
    fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    *s = (struct source){.fd = fd, .ready = control_ready, .user = h};
    return fd < 0 ? -1 : loop_add(&h->loop, s, EPOLLIN);
}
