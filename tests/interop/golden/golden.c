/* SPDX-License-Identifier: BSD-2-Clause */
#include "golden.h"

#include "cm.h"

#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void golden_open(struct golden *g, const char *cpu, const char *program)
{
    int to[2], from[2];

    g->cpu = cpu;
    if (!*program)
        skip();
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    g->pid = fork();
    assert_true(g->pid >= 0);
    if (g->pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        close(to[1]);
        close(from[0]);
        execl(program, program, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    g->ask = fdopen(to[1], "w");
    g->answer = fdopen(from[0], "r");
    assert_true(g->ask != NULL && g->answer != NULL);
}

void golden_close(struct golden *g)
{
    int status;

    fclose(g->ask);
    fclose(g->answer);
    assert_int_equal(waitpid(g->pid, &status, 0), g->pid);
    assert_int_equal(status, 0);
}

static unsigned nibble(char c)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, c);

    assert_true(c != '\0' && at != NULL);
    return (unsigned)(at - digits);
}

void golden_make(struct golden *g, const char *format, ...)
{
    static char line[2 * GOLDEN_MAX + 2];
    va_list ap;
    size_t len;

    va_start(ap, format);
    vfprintf(g->ask, format, ap);
    va_end(ap);
    fputc('\n', g->ask);
    fflush(g->ask);
    if (!fgets(line, sizeof(line), g->answer))
        fail_msg("%s: no answer to: %s", g->cpu, format);
    len = strcspn(line, "\n");
    g->len = len / 2;
    if (len == 0 || len % 2)
        fail_msg("%s: no such message: %s", g->cpu, format);
    for (size_t i = 0; i < g->len; i++)
        g->bytes[i] =
            (uint8_t)(nibble(line[2 * i]) << 4 | nibble(line[2 * i + 1]));
}

void golden_same(const struct golden *g, const void *ours, size_t len,
                 const char *what)
{
    const uint8_t *bytes = ours;

    if (len != g->len)
        fail_msg("%s, %s: %zu bytes here, %zu by Xen's headers", g->cpu, what,
                 len, g->len);
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != g->bytes[i])
            fail_msg("%s, %s: byte %zu is %02x here, %02x by Xen's headers",
                     g->cpu, what, i, bytes[i], g->bytes[i]);
}
