/* SPDX-License-Identifier: BSD-2-Clause */
/* A file disk of a test's own, and an owner that sleeps until it is woken. */
#ifndef SPLITIO_TESTS_DISK_FILE_H
#define SPLITIO_TESTS_DISK_FILE_H

#include "disk_check.h"

#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

static char path[64];
static int wake_fd;
static int ring_fd = -1; /* of an engine that has one to wait for, too */

/* The engine's wake: from any thread. */
static inline void wake(void *arg)
{
    uint64_t one = 1;

    (void)arg;
    assert_int_equal(write(wake_fd, &one, sizeof(one)), sizeof(one));
}

/* Waits for ever if a wake is lost; CTest's time limit names the test. */
static inline void wait_for_wake(void *arg)
{
    struct pollfd fds[] = {{wake_fd, POLLIN, 0}, {ring_fd, POLLIN, 0}};
    uint64_t count;

    (void)arg;
    assert_true(poll(fds, SPLITIO_ARRAY_LEN(fds), -1) > 0);
    if (fds[0].revents)
        assert_int_equal(read(wake_fd, &count, sizeof(count)), sizeof(count));
}

static inline int set_up(void **state)
{
    int fd;

    (void)state;
    snprintf(path, sizeof(path), "/tmp/splitio-disk-XXXXXX");
    fd = mkstemp(path);
    wake_fd = eventfd(0, EFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, CHECK_SECTORS * 512) || wake_fd < 0)
        return -1;
    close(fd);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    unlink(path);
    close(wake_fd);
    return 0;
}

static inline struct splitio_disk_file *open_disk(unsigned nr_threads,
                                                  bool read_only)
{
    const struct splitio_disk_file_config cfg = {.path = path,
                                                 .nr_threads = nr_threads,
                                                 .read_only = read_only,
                                                 .wake = wake};
    struct splitio_disk_file *d;
    char reason[256];

    assert_int_equal(splitio_disk_file_open(&d, &cfg, reason, sizeof(reason)),
                     0);
    return d;
}

static inline int open_error(const char *name, bool read_only,
                             const char *expect)
{
    const struct splitio_disk_file_config cfg = {.path = name,
                                                 .read_only = read_only};
    struct splitio_disk_file *d = NULL;
    char reason[256] = "";
    int err = splitio_disk_file_open(&d, &cfg, reason, sizeof(reason));

    assert_null(d);
    assert_non_null(strstr(reason, expect));
    assert_non_null(strstr(reason, name));
    return err;
}

static int result;

static inline void note(struct splitio_disk_io *io, int status)
{
    (void)io;
    result = status;
}

static inline int do_one(struct splitio_disk disk, enum splitio_disk_op op,
                         uint64_t sector, uint64_t nr, void *base)
{
    struct splitio_iovec iov = {base, (size_t)nr * 512};
    struct splitio_disk_io io = {.op = op,
                                 .sector = sector,
                                 .nr_sectors = nr,
                                 .iov = &iov,
                                 .nr_iov = base ? 1 : 0,
                                 .done = note};

    assert_int_equal(disk.ops->submit(disk.ctx, &io), 0);
    disk.ops->kick(disk.ctx);
    while (disk.ops->poll(disk.ctx, 1) == 0)
        wait_for_wake(NULL);
    return result;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif /* SPLITIO_TESTS_DISK_FILE_H */
