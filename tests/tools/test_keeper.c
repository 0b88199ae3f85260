/* SPDX-License-Identifier: BSD-2-Clause */
/* What is kept between daemons, and when the keeper's process ends. */
#include "cm.h"

#include <splitiod/keeper.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct bed {
    char dir[32], path[64];
    char reason[128];
    struct keeper_link link;
    unsigned nr_kept;
    char name[KEEPER_NAME]; /* of what was kept last */
    int fds[KEEPER_FDS];
};

static void on_kept(void *arg, const char *name, const int *fds)
{
    struct bed *b = arg;

    b->nr_kept++;
    strcpy(b->name, name);
    memcpy(b->fds, fds, sizeof(b->fds));
}

static void link_up(struct bed *b)
{
    b->nr_kept = 0;
    assert_int_equal(keeper_link_open(&b->link, b->dir, on_kept, b, b->reason,
                                      sizeof(b->reason)),
                     0);
}

static void bed_open(struct bed *b)
{
    strcpy(b->dir, "/tmp/splitio-keep-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    snprintf(b->path, sizeof(b->path), "%s/keeper", b->dir);
    link_up(b);
    assert_int_equal(b->nr_kept, 0);
}

/* The keeper was started here: its end is our child's. */
static void bed_close(struct bed *b)
{
    int status;

    assert_true(wait(&status) > 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(access(b->path, F_OK), -1);
    assert_int_equal(rmdir(b->dir), 0);
}

/* A machine: one end of a socket as QEMU's, the other three are pipes' or so. */
static int machine(int fds[KEEPER_FDS])
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    fds[0] = ends[0];
    for (unsigned i = 1; i < KEEPER_FDS; i++)
        fds[i] = dup(ends[0]);
    return ends[1];
}

static void close_all(const int fds[KEEPER_FDS])
{
    for (unsigned i = 0; i < KEEPER_FDS; i++)
        assert_int_equal(close(fds[i]), 0);
}

static void drop_all(struct bed *b, const char *name)
{
    keeper_link_drop(&b->link, name);
    keeper_link_close(&b->link);
}

static void what_is_kept_comes_back_to_the_next_daemon(void **state)
{
    struct bed b;
    int fds[KEEPER_FDS], qemu;
    struct stat st;
    char byte = 0;

    (void)state;
    bed_open(&b);
    assert_int_equal(stat(b.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    qemu = machine(fds);
    keeper_link_keep(&b.link, "web", fds);
    close_all(fds);
    keeper_link_close(&b.link);
    for (unsigned round = 0; round < 3; round++) {
        link_up(&b);
        assert_int_equal(b.nr_kept, 1);
        assert_string_equal(b.name, "web");
        assert_int_equal(write(b.fds[2], "x", 1), 1);
        assert_int_equal(read(qemu, &byte, 1), 1);
        assert_int_equal(byte, 'x');
        close_all(b.fds);
        if (round < 2)
            keeper_link_close(&b.link);
    }
    drop_all(&b, "web");
    close(qemu);
    bed_close(&b);
}

static void machine_that_ends_meanwhile_is_forgotten(void **state)
{
    struct bed b;
    int fds[KEEPER_FDS], qemu;

    (void)state;
    bed_open(&b);
    qemu = machine(fds);
    keeper_link_keep(&b.link, "web", fds);
    close_all(fds);
    keeper_link_close(&b.link);
    close(qemu);
    bed_close(&b); /* it was the last */
}

static void name_kept_twice_is_the_newer_one(void **state)
{
    struct bed b;
    int old[KEEPER_FDS], fds[KEEPER_FDS], old_qemu, qemu;
    struct pollfd gone = {.events = POLLRDHUP};

    (void)state;
    bed_open(&b);
    old_qemu = machine(old);
    keeper_link_keep(&b.link, "web", old);
    close_all(old);
    qemu = machine(fds);
    keeper_link_keep(&b.link, "web", fds);
    close_all(fds);
    gone.fd = old_qemu; /* what it had is closed */
    assert_int_equal(poll(&gone, 1, 60000), 1);
    keeper_link_close(&b.link);
    link_up(&b);
    assert_int_equal(b.nr_kept, 1);
    close_all(b.fds);
    drop_all(&b, "web");
    close(old_qemu);
    close(qemu);
    bed_close(&b);
}

static void nonsense_ends_the_daemons_link_and_nothing_else(void **state)
{
    struct bed b;
    int fds[KEEPER_FDS], qemu;
    struct pollfd gone = {.events = POLLRDHUP};

    (void)state;
    bed_open(&b);
    qemu = machine(fds);
    keeper_link_keep(&b.link, "web", fds);
    close_all(fds);
    keeper_link_keep(&b.link, "", NULL); /* no name, no descriptors */
    keeper_link_drop(&b.link, "");
    keeper_link_drop(&b.link, "other");
    assert_int_equal(send(b.link.fd, "?", 1, 0), 1);
    gone.fd = b.link.fd;
    assert_int_equal(poll(&gone, 1, 60000), 1);
    keeper_link_close(&b.link);
    link_up(&b);
    assert_int_equal(b.nr_kept, 1);
    close_all(b.fds);
    drop_all(&b, "web");
    close(qemu);
    bed_close(&b);
}

static void directory_that_cannot_be_is_named(void **state)
{
    struct bed b = {.link.fd = -1};

    (void)state;
    assert_int_equal(keeper_link_open(&b.link, "/proc/no/such", on_kept, &b,
                                      b.reason, sizeof(b.reason)),
                     -1);
    assert_non_null(strstr(b.reason, "/proc/no/such"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_comes_back_to_the_next_daemon),
        cmocka_unit_test(machine_that_ends_meanwhile_is_forgotten),
        cmocka_unit_test(name_kept_twice_is_the_newer_one),
        cmocka_unit_test(nonsense_ends_the_daemons_link_and_nothing_else),
        cmocka_unit_test(directory_that_cannot_be_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
