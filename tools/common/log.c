/* SPDX-License-Identifier: BSD-2-Clause */
/* Log lines and readiness. */
#include "log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LINES_A_SECOND 20u

static struct {
    const char *name;
    bool verbose;
    bool journal;
    time_t second;
    unsigned lines, dropped;
} state;

void log_init(const char *name, bool verbose)
{
    state.name = name;
    state.verbose = verbose;
    state.journal = getenv("JOURNAL_STREAM") != NULL;
}

static void put(enum log_level level, const char *text)
{
    char line[640];
    int len;

    len = snprintf(line, sizeof(line), state.journal ? "<%d>%s\n" : "%.0d%s\n",
                   state.journal ? (int)level : 0, text);
    if (len < 0)
        return;
    if ((size_t)len >= sizeof(line)) {
        len = sizeof(line) - 1;
        line[len - 1] = '\n';
    }
    /* One write, so that lines of several processes do not mix. */
    if (write(STDERR_FILENO, line, (size_t)len) < 0)
        return;
}

/* False if this second has had its share. */
static bool may_speak(void)
{
    struct timespec now;
    char text[64];

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec != state.second) {
        if (state.dropped) {
            snprintf(text, sizeof(text), "%s: %u more lines not shown",
                     state.name, state.dropped);
            put(LOG_WARNING, text);
        }
        state.second = now.tv_sec;
        state.lines = state.dropped = 0;
    }
    if (state.lines < LINES_A_SECOND) {
        state.lines++;
        return true;
    }
    state.dropped++;
    return false;
}

void log_line(enum log_level level, const char *format, ...)
{
    char text[600];
    size_t len;
    va_list ap;

    if (level == LOG_DEBUG && !state.verbose)
        return;
    if (!may_speak())
        return;
    len = (size_t)snprintf(text, sizeof(text), "%.32s: ", state.name);
    va_start(ap, format);
    vsnprintf(text + len, sizeof(text) - len, format, ap);
    va_end(ap);
    put(level, text);
}

void log_notify(const char *what)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    int fd;

    if (len == 0 || len >= sizeof(to.sun_path))
        return;
    memcpy(to.sun_path, path, len);
    if (to.sun_path[0] == '@')
        to.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (sendto(fd, what, strlen(what), MSG_NOSIGNAL, (struct sockaddr *)&to,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
        log_line(LOG_WARNING, "cannot tell the service manager \"%s\"", what);
    close(fd);
}
