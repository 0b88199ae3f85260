/* SPDX-License-Identifier: BSD-2-Clause */
/* Joining, leaving, and what is left behind: nothing. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

/* --- roles --- */

/* Connect and leave again, so many times. */
static int role_visitor(int argc, char **argv)
{
    int times = atoi(argv[1]);

    CHECK(argc == 2);
    for (int i = 0; i < times; i++) {
        struct splitio_shm_guest *g = must_connect(argv[0], "visitor", 64);

        CHECK(splitio_shm_guest_domid(g) >= 1);
        if (i % 4 == 0)
            must_write(g, "data/here", "yes");
        splitio_shm_guest_close(g);
    }
    return 0;
}

/* Be there until killed. */
static _Noreturn int role_resident(int argc, char **argv)
{
    struct splitio_shm_guest *g = must_connect(argv[0], "resident", 64);

    (void)argc;
    must_write(g, "data/here", "yes");
    for (;;)
        must_wait(g);
}

/* Be a daemon until killed; a byte on standard output says: ready. */
static _Noreturn int role_daemon(int argc, char **argv)
{
    const struct splitio_shm_machine_config cfg = {.path = argv[0]};
    struct splitio_shm_machine *m;
    char text[SPLITIO_SHM_TEXT_MAX];
    struct pollfd p = {.events = POLLIN};

    CHECK(argc == 2);
    CHECK(splitio_shm_machine_open(&m, &cfg, text, sizeof(text)) == 0);
    CHECK(write(atoi(argv[1]), "", 1) == 1);
    p.fd = splitio_shm_machine_fd(m);
    for (;;) {
        splitio_shm_machine_poll(m, 64);
        if (!splitio_shm_machine_has_work(m))
            (void)poll(&p, 1, -1);
    }
}

const struct role roles[] = {{"visitor", role_visitor},
                             {"resident", role_resident},
                             {"daemon", role_daemon},
                             {0}};

/* --- cases --- */

static void guests_joining_a_thousand_times_leave_nothing(void **state)
{
    struct harness h = {0};
    struct child cs[4];

    (void)state;
    harness_open(&h);
    for (unsigned i = 0; i < 4; i++)
        cs[i] = spawn(&h, "visitor", "250", (char *)NULL);
    serve_all(&h, cs, 4);
    harness_check_idle(&h);
    assert_int_equal(h.nr_joined, 1000);
    assert_int_equal(h.nr_left, 1000);
    assert_int_equal(h.nr_logs, 0);
    harness_close(&h);
}

static bool all_joined(struct harness *h)
{
    return stats_of(h).nr_guests == 4;
}

static bool all_left(struct harness *h)
{
    return stats_of(h).nr_guests == 0;
}

static void guests_killed_leave_nothing(void **state)
{
    struct harness h = {0};
    struct child cs[4];

    (void)state;
    harness_open(&h);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 4; i++)
            cs[i] = spawn(&h, "resident", (char *)NULL);
        serve_until(&h, cs, 4, all_joined);
        for (unsigned i = 0; i < 4; i++)
            child_kill(&cs[i]);
        serve_until(&h, NULL, 0, all_left);
        harness_check_idle(&h);
    }
    harness_close(&h);
}

static void guest_info_while_it_runs_is_told(void **state)
{
    struct harness h = {0};
    struct splitio_shm_guest_info info;
    struct child c;

    (void)state;
    harness_open(&h);
    c = spawn(&h, "resident", (char *)NULL);
    assert_string_equal(serve_node(&h, 1, "here"), "yes");
    assert_int_equal(splitio_shm_machine_guest_info(h.m, 1, &info), 0);
    assert_string_equal(info.name, "resident");
    assert_int_equal(info.pid, c.pid);
    assert_int_equal(info.uid, getuid());
    assert_int_equal(info.nr_pages, 64);
    assert_int_equal(info.nr_open, 1);
    assert_false(info.leaving);
    assert_int_equal(stats_of(&h).nr_fds, 4);
    assert_int_equal(stats_of(&h).nr_bytes, 64 * 4096);
    assert_int_equal(splitio_shm_machine_guest_info(h.m, 2, &info),
                     SPLITIO_ENOENT);
    assert_int_equal(splitio_shm_machine_eject(h.m, 2, "none"), SPLITIO_ENOENT);
    assert_int_equal(splitio_shm_machine_eject(h.m, 1, "enough"), 0);
    serve_until(&h, NULL, 0, all_left);
    assert_non_null(strstr(h.last_log, "enough"));
    child_kill(&c);
    harness_close(&h);
}

static void guest_that_the_embedder_refuses_is_told_why(void **state)
{
    struct harness h = {.refuse = SPLITIO_EACCES};
    struct splitio_shm_hello hello = raw_hello(16);
    int memfd = raw_memory(16, F_SEAL_SHRINK | F_SEAL_GROW);
    struct splitio_shm_welcome w;
    int fds[2], fd;

    (void)state;
    harness_open(&h);
    fd = raw_connect(h.path);
    assert_true(raw_send(fd, &hello, sizeof(hello), &memfd, 1));
    raw_answer(&h, fd, &w, fds);
    assert_int_equal(w.type, SPLITIO_SHM_REFUSED);
    assert_int_equal(w.status, SPLITIO_EACCES);
    assert_string_equal(w.text, "not today, raw");
    assert_true(raw_is_gone(fd));
    assert_int_equal(h.nr_left, 0);
    close(fd);
    harness_close(&h);
    close(memfd);
}

static void guest_above_the_limit_is_refused(void **state)
{
    struct harness h = {.cfg.max_guests = 2};
    struct splitio_shm_hello hello = raw_hello(16);
    struct splitio_shm_welcome w;
    int fds[3][2], fd[3], memfd[3];

    (void)state;
    harness_open(&h);
    for (unsigned i = 0; i < 3; i++) {
        memfd[i] = raw_memory(16, F_SEAL_SHRINK | F_SEAL_GROW);
        fd[i] = raw_connect(h.path);
        assert_true(raw_send(fd[i], &hello, sizeof(hello), &memfd[i], 1));
        raw_answer(&h, fd[i], &w, fds[i]);
        assert_int_equal(w.type,
                         i < 2 ? SPLITIO_SHM_WELCOME : SPLITIO_SHM_REFUSED);
    }
    assert_non_null(strstr(w.text, "2 guests"));
    for (unsigned i = 0; i < 3; i++) {
        close(fd[i]);
        close(memfd[i]);
        if (i < 2) {
            close(fds[i][0]);
            close(fds[i][1]);
        }
    }
    serve_until(&h, NULL, 0, all_left);
    harness_close(&h);
}

static void daemon_on_a_path_in_use_is_refused(void **state)
{
    struct harness h = {0};
    const struct splitio_shm_machine_config cfg = {.path = h.path};
    struct splitio_shm_machine *second;
    char text[SPLITIO_SHM_TEXT_MAX];

    (void)state;
    harness_open(&h);
    assert_int_equal(
        splitio_shm_machine_open(&second, &cfg, text, sizeof(text)),
        SPLITIO_EBUSY);
    assert_non_null(strstr(text, "in use by another daemon"));
    /* The first one is as it was. */
    assert_int_equal(access(h.path, F_OK), 0);
    harness_close(&h);
}

static void daemon_over_a_file_is_refused(void **state)
{
    char path[] = "/tmp/splitio-shm-file-XXXXXX", text[SPLITIO_SHM_TEXT_MAX];
    const struct splitio_shm_machine_config cfg = {.path = path};
    struct splitio_shm_machine *m;
    int fd = mkstemp(path);

    (void)state;
    assert_int_equal(splitio_shm_machine_open(&m, &cfg, text, sizeof(text)),
                     SPLITIO_EEXIST);
    assert_non_null(strstr(text, "no socket"));
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
    close(fd);
}

/* The daemon in a process of its own; the test is the guest. */
static struct child start_daemon(struct harness *h)
{
    char fd[12], byte;
    struct child c;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    snprintf(fd, sizeof(fd), "%d", ends[1]);
    c = spawn(h, "daemon", fd, (char *)NULL);
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    return c;
}

static void daemon_killed_is_replaced_and_its_guest_told(void **state)
{
    struct harness h = {.path = "/tmp/splitio-shm-killed"};
    struct splitio_shm_guest_config cfg = {.path = h.path, .name = "orphan"};
    struct splitio_shm_guest *g;
    struct splitio_guest_port port;
    struct pollfd p = {.events = POLLIN};
    char text[SPLITIO_SHM_TEXT_MAX];
    splitio_evtchn_t evtchn;
    struct child c;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        c = start_daemon(&h);
        assert_int_equal(
            splitio_shm_guest_connect(&g, &cfg, text, sizeof(text)), 0);
        while (splitio_shm_guest_poll(g, 64) > 0)
            continue;
        child_kill(&c);
        p.fd = splitio_shm_guest_fd(g);
        assert_int_equal(poll(&p, 1, WATCHDOG_MS), 1);
        assert_int_equal(splitio_shm_guest_poll(g, 64), SPLITIO_ECLOSED);
        port = splitio_shm_guest_port(g);
        assert_int_equal(port.ops->event_open(port.ctx, 0,
                                              (struct splitio_event_handler){0},
                                              &evtchn),
                         SPLITIO_EIO);
        port.ops->event_send(port.ctx, 1);
        assert_int_equal(poll(&p, 1, 0), 1);
        splitio_shm_guest_close(g);
        assert_int_equal(
            splitio_shm_guest_connect(&g, &cfg, text, sizeof(text)),
            SPLITIO_ENOENT);
        assert_non_null(strstr(text, "no daemon at /tmp/splitio-shm-killed"));
    }
    /* Each daemon but the first found what the one before had left. */
    unlink("/tmp/splitio-shm-killed");
    unlink("/tmp/splitio-shm-killed.lock");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guests_joining_a_thousand_times_leave_nothing),
        cmocka_unit_test(guests_killed_leave_nothing),
        cmocka_unit_test(guest_info_while_it_runs_is_told),
        cmocka_unit_test(guest_that_the_embedder_refuses_is_told_why),
        cmocka_unit_test(guest_above_the_limit_is_refused),
        cmocka_unit_test(daemon_on_a_path_in_use_is_refused),
        cmocka_unit_test(daemon_over_a_file_is_refused),
        cmocka_unit_test(daemon_killed_is_replaced_and_its_guest_told),
    };
    int status;

    if (run_role(argc, argv, &status))
        return status;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
