/* SPDX-License-Identifier: BSD-2-Clause */
/* Xen's own command line tools against the store server, over a socket. */
#include "cm.h"
#include "xs_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARENA  (4u << 20)
#define OUTPUT 65536

static char dir[64], path[96];
static void *arena;
static struct splitio_store_server *server;
static struct xs_socket sock;

static char output[OUTPUT];
static size_t output_len;

/* Starts a shell command with its output in a pipe. */
static pid_t start(const char *command, int *out)
{
    int fds[2];
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(fds[1], STDOUT_FILENO);
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        close(fds[1]);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    *out = fds[0];
    output_len = 0;
    output[0] = '\0';
    return pid;
}

/* Serves once; false when the command has closed its output. */
static bool serve(int out)
{
    ssize_t n;

    assert_int_equal(xs_socket_poll(&sock, 5), 0);
    n = read(out, output + output_len, sizeof(output) - 1 - output_len);
    if (n > 0)
        output_len += (size_t)n;
    output[output_len] = '\0';
    return n > 0 || (n < 0 && errno == EAGAIN);
}

/* The exit status of a command that is served until it ends. */
static int run(const char *command)
{
    int out, status;
    pid_t pid = start(command, &out);

    while (serve(out)) {
    }
    close(out);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char printed[64];

static void on_print(void *ctx, const char *text)
{
    (void)ctx;
    snprintf(printed, sizeof(printed), "%s", text);
}

static int setup(void **state)
{
    static const struct splitio_store_server_ops ops = {.print = on_print};
    const struct splitio_store_server_config config = {.ops = &ops};

    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/splitio-store-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/socket", dir);
    setenv("XENSTORED_PATH", path, 1);
    setenv("XENSTORED_RUNDIR", dir, 1);
    arena = malloc(ARENA);
    assert_int_equal(splitio_store_server_init(&server, arena, ARENA, &config),
                     0);
    assert_int_equal(xs_socket_open(&sock, server, path), 0);
    return 0;
}

static int teardown(void **state)
{
    bool valid = splitio_store_server_is_valid(server);

    (void)state;
    xs_socket_close(&sock);
    splitio_store_server_fini(server);
    free(arena);
    unlink(path);
    rmdir(dir);
    return valid ? 0 : -1;
}

static void write_and_read_go_both_ways(void **state)
{
    const void *value;
    size_t len;

    (void)state;
    assert_int_equal(run("xenstore-write /tool/a 'some value' /tool/b 2"), 0);
    assert_int_equal(splitio_store_server_read(server, "/tool/a", &value, &len),
                     0);
    assert_int_equal(len, 10);
    assert_memory_equal(value, "some value", 10);
    assert_int_equal(run("xenstore-read /tool/a /tool/b"), 0);
    assert_string_equal(output, "some value\n2\n");
    assert_int_not_equal(run("xenstore-read /tool/none"), 0);
}

static void list_exists_and_rm_agree(void **state)
{
    (void)state;
    assert_int_equal(run("xenstore-write /d/x 1 /d/y 2 /d/x/z 3"), 0);
    assert_int_equal(run("xenstore-list /d"), 0);
    assert_string_equal(output, "x\ny\n");
    assert_int_equal(run("xenstore-exists /d/x/z"), 0);
    assert_int_equal(run("xenstore-rm /d/x"), 0);
    assert_int_not_equal(run("xenstore-exists /d/x/z"), 0);
    assert_int_equal(run("xenstore-list /d"), 0);
    assert_string_equal(output, "y\n");
}

static void rm_tidy_takes_empty_parents(void **state)
{
    (void)state;
    assert_int_equal(run("xenstore-write /t/u/v 1"), 0);
    assert_int_equal(run("xenstore-rm -t /t/u/v"), 0);
    assert_int_not_equal(run("xenstore-exists /t"), 0);
}

static void chmod_shows_in_ls(void **state)
{
    (void)state;
    assert_int_equal(run("xenstore-write /p/q value"), 0);
    assert_int_equal(run("xenstore-chmod /p/q n5 r6 b7"), 0);
    assert_int_equal(run("xenstore-ls -f -p /p"), 0);
    assert_non_null(strstr(output, "/p/q = \"value\""));
    assert_non_null(strstr(output, "(n5,r6,b7)"));
    assert_int_equal(run("xenstore-chmod -r /p n3"), 0);
    assert_int_equal(run("xenstore-ls -f -p /p"), 0);
    assert_non_null(strstr(output, "(n3)"));
    assert_null(strstr(output, "(n5,r6,b7)"));
}

static void ls_lists_more_than_a_message_holds(void **state)
{
    unsigned lines = 0;

    (void)state;
    for (unsigned i = 0; i < 1500; i++) {
        char node[48];

        snprintf(node, sizeof(node), "/many/a-name-of-some-length-%u", i);
        assert_int_equal(splitio_store_server_write_text(server, node, "v"), 0);
    }
    assert_int_equal(run("xenstore-ls /many | wc -l"), 0);
    sscanf(output, "%u", &lines);
    assert_int_equal(lines, 1500);
}

static void watch_prints_changes(void **state)
{
    int out, status;
    pid_t pid = start("exec xenstore-watch -n 3 /w", &out);

    (void)state;
    while (!strstr(output, "/w\n"))
        assert_true(serve(out));
    assert_int_equal(splitio_store_server_write_text(server, "/w/x", "1"), 0);
    while (!strstr(output, "/w/x\n"))
        assert_true(serve(out));
    assert_int_equal(splitio_store_server_rm(server, "/w"), 0);
    while (serve(out)) {
    }
    close(out);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_string_equal(output, "/w\n/w/x\n/w\n");
}

static void control_checks_and_helps(void **state)
{
    (void)state;
    assert_int_equal(run(XS_CONTROL " check"), 0);
    assert_string_equal(output, "OK\n");
    assert_int_equal(run(XS_CONTROL " help"), 0);
    assert_non_null(strstr(output, "print <text>"));
    assert_int_equal(run(XS_CONTROL " print something"), 0);
    assert_string_equal(printed, "something");
    assert_int_not_equal(run(XS_CONTROL " live-update -s"), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(write_and_read_go_both_ways),
        CASE(list_exists_and_rm_agree),
        CASE(rm_tidy_takes_empty_parents),
        CASE(chmod_shows_in_ls),
        CASE(ls_lists_more_than_a_message_holds),
        CASE(watch_prints_changes),
        CASE(control_checks_and_helps),
    };

    if (access("/usr/bin/xenstore-ls", X_OK) != 0) {
        puts("skipped: xenstore-utils is not installed");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
