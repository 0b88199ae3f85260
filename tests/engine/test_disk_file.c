/* SPDX-License-Identifier: BSD-2-Clause */
/* The file disk: checked against a copy, with several threads, and with files
 * that are not as they should be. */
#include "disk_file.h"

#include <signal.h>
#include <sys/stat.h>

static void file_random_requests_match_a_copy_at_any_thread_count(void **state)
{
    static const unsigned threads[] = {1, 2, 4, 16};

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(threads); i++) {
        struct splitio_disk_file *d = open_disk(threads[i], false);
        struct check c = {.disk = splitio_disk_file_disk(d),
                          .wait = wait_for_wake,
                          .random = i + 1};

        assert_int_equal(truncate(path, 0), 0);
        assert_int_equal(truncate(path, CHECK_SECTORS * 512), 0);
        check_run(&c, 2000);
        splitio_disk_file_close(d);
    }
}

static void file_what_was_written_is_there_after_reopening(void **state)
{
    struct splitio_disk_file *d = open_disk(0, false);
    uint8_t out[1024], in[1024] = {0};

    (void)state;
    memset(out, 0x5a, sizeof(out));
    assert_int_equal(do_one(splitio_disk_file_disk(d), SPLITIO_DISK_WRITE,
                            CHECK_SECTORS - 2, 2, out),
                     0);
    assert_int_equal(
        do_one(splitio_disk_file_disk(d), SPLITIO_DISK_FLUSH, 0, 0, NULL), 0);
    splitio_disk_file_close(d);
    d = open_disk(0, true);
    assert_int_equal(do_one(splitio_disk_file_disk(d), SPLITIO_DISK_READ,
                            CHECK_SECTORS - 2, 2, in),
                     0);
    assert_memory_equal(in, out, sizeof(in));
    assert_int_equal(
        do_one(splitio_disk_file_disk(d), SPLITIO_DISK_WRITE, 0, 2, out),
        SPLITIO_EROFS);
    splitio_disk_file_close(d);
}

static void file_discard_gives_the_space_back(void **state)
{
    struct splitio_disk_file *d = open_disk(0, false);
    struct splitio_disk disk = splitio_disk_file_disk(d);
    uint8_t *bytes = malloc(1 << 20);
    struct stat before, after;

    (void)state;
    memset(bytes, 1, 1 << 20);
    assert_int_equal(do_one(disk, SPLITIO_DISK_WRITE, 0, 2048, bytes), 0);
    assert_int_equal(do_one(disk, SPLITIO_DISK_FLUSH, 0, 0, NULL), 0);
    assert_int_equal(stat(path, &before), 0);
    if (do_one(disk, SPLITIO_DISK_DISCARD, 0, 2048, NULL) == 0) {
        assert_int_equal(stat(path, &after), 0);
        assert_true(after.st_blocks < before.st_blocks);
        assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 100, 1, bytes), 0);
        assert_int_equal(bytes[0], 0);
    } else {
        assert_int_equal(result, SPLITIO_EOPNOTSUPP);
    }
    free(bytes);
    splitio_disk_file_close(d);
}

static void file_that_shrinks_gives_errors_and_does_not_grow_again(void **state)
{
    struct splitio_disk_file *d = open_disk(0, false);
    struct splitio_disk disk = splitio_disk_file_disk(d);
    struct splitio_disk_info info;
    uint8_t bytes[4096] = {0};
    struct stat st;

    (void)state;
    assert_int_equal(truncate(path, 4096 + 512), 0);
    assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 8, 8, bytes), SPLITIO_EIO);
    assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 64, 8, bytes),
                     SPLITIO_EIO);
    assert_int_equal(do_one(disk, SPLITIO_DISK_WRITE, 8, 8, bytes),
                     SPLITIO_EIO);
    assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 0, 8, bytes), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 4096 + 512);
    assert_int_equal(disk.ops->info(disk.ctx, &info), 0);
    assert_int_equal(info.nr_sectors, 9);
    assert_int_equal(truncate(path, 1 << 20), 0);
    assert_int_equal(disk.ops->info(disk.ctx, &info), 0);
    assert_int_equal(info.nr_sectors, 2048);
    splitio_disk_file_close(d);
}

#define CHAIN_REQUESTS 4000u

/* Requests that, once done, are submitted again. */
struct chain {
    struct splitio_disk disk;
    struct splitio_disk_io io[16];
    unsigned nr_done;
};

static struct chain chain;

static void chain_done(struct splitio_disk_io *io, int status)
{
    assert_int_equal(status, 0);
    if (++chain.nr_done <= CHAIN_REQUESTS - SPLITIO_ARRAY_LEN(chain.io))
        assert_int_equal(chain.disk.ops->submit(chain.disk.ctx, io), 0);
}

static void chain_run(struct splitio_disk disk)
{
    static uint8_t bytes[512];
    static const struct splitio_iovec iov = {bytes, sizeof(bytes)};

    chain.disk = disk;
    chain.nr_done = 0;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(chain.io); i++) {
        chain.io[i] = (struct splitio_disk_io){.op = SPLITIO_DISK_WRITE,
                                               .sector = i,
                                               .nr_sectors = 1,
                                               .iov = &iov,
                                               .nr_iov = 1,
                                               .done = chain_done};
        assert_int_equal(disk.ops->submit(disk.ctx, &chain.io[i]), 0);
    }
    disk.ops->kick(disk.ctx);
    while (chain.nr_done < CHAIN_REQUESTS) {
        wait_for_wake(NULL);
        (void)disk.ops->poll(disk.ctx, 3);
        disk.ops->kick(disk.ctx);
    }
}

/* An owner that trusts its wakes: it polls once for each, and not to the end. */
static void file_owner_that_polls_once_a_wake_gets_everything(void **state)
{
    static const unsigned threads[] = {1, 16};

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(threads); i++) {
        struct splitio_disk_file *d = open_disk(threads[i], false);

        chain_run(splitio_disk_file_disk(d));
        splitio_disk_file_close(d);
    }
}

static void file_threads_leave_signals_to_the_owner(void **state)
{
    struct splitio_disk_file *d = open_disk(0, false);
    sigset_t usr1, pending;
    int number;

    (void)state;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    assert_int_equal(sigprocmask(SIG_BLOCK, &usr1, NULL), 0);
    assert_int_equal(kill(getpid(), SIGUSR1), 0); /* would end the process */
    assert_int_equal(sigpending(&pending), 0);
    assert_int_equal(sigismember(&pending, SIGUSR1), 1);
    assert_int_equal(sigwait(&usr1, &number), 0);
    assert_int_equal(sigprocmask(SIG_UNBLOCK, &usr1, NULL), 0);
    splitio_disk_file_close(d);
}

static void file_read_only_can_be_flushed_and_not_changed(void **state)
{
    struct splitio_disk_file *d = open_disk(0, true);
    struct splitio_disk disk = splitio_disk_file_disk(d);
    struct splitio_disk_info info;
    uint8_t bytes[512] = {0};

    (void)state;
    assert_int_equal(disk.ops->info(disk.ctx, &info), 0);
    assert_true(info.flags & SPLITIO_DISK_READ_ONLY);
    assert_false(info.flags & SPLITIO_DISK_DISCARDS);
    assert_int_equal(info.discard_granularity, 0);
    assert_int_equal(do_one(disk, SPLITIO_DISK_FLUSH, 0, 0, NULL), 0);
    assert_int_equal(do_one(disk, SPLITIO_DISK_WRITE, 0, 1, bytes),
                     SPLITIO_EROFS);
    assert_int_equal(do_one(disk, SPLITIO_DISK_DISCARD, 0, 1, NULL),
                     SPLITIO_EROFS);
    splitio_disk_file_close(d);
}

/* Root may open everything, so somebody else tries. */
static void file_without_permission_is_refused_with_a_reason(void **state)
{
    (void)state;
    assert_int_equal(chmod(path, 0444), 0);
    if (geteuid() == 0)
        assert_int_equal(seteuid(65534), 0);
    assert_int_equal(open_error(path, false, "readonly=yes"), SPLITIO_EACCES);
    splitio_disk_file_close(open_disk(0, true));
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(path, 0), 0);
    if (geteuid() == 0)
        assert_int_equal(seteuid(65534), 0);
    assert_int_equal(open_error(path, true, "no permission to read"),
                     SPLITIO_EACCES);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
}

static void file_queue_is_bounded(void **state)
{
    const struct splitio_disk_file_config cfg = {
        .path = path, .queue_depth = 2, .wake = wake};
    struct splitio_disk_io io[3] = {
        {.op = SPLITIO_DISK_FLUSH, .done = note},
        {.op = SPLITIO_DISK_FLUSH, .done = note},
        {.op = SPLITIO_DISK_FLUSH, .done = note},
    };
    struct splitio_disk_file *d;
    struct splitio_disk disk;
    unsigned done = 0;
    char reason[256];

    (void)state;
    assert_int_equal(splitio_disk_file_open(&d, &cfg, reason, sizeof(reason)),
                     0);
    disk = splitio_disk_file_disk(d);
    assert_int_equal(disk.ops->submit(disk.ctx, &io[0]), 0);
    assert_int_equal(disk.ops->submit(disk.ctx, &io[1]), 0);
    assert_int_equal(disk.ops->submit(disk.ctx, &io[2]), SPLITIO_EAGAIN);
    disk.ops->kick(disk.ctx);
    while (done < 2) {
        int n = disk.ops->poll(disk.ctx, 8);

        done += (unsigned)n;
        if (n == 0)
            wait_for_wake(NULL);
    }
    assert_int_equal(disk.ops->submit(disk.ctx, &io[2]), 0);
    splitio_disk_file_close(d); /* finishes what was submitted */
}

static void file_is_locked_against_a_second_writer(void **state)
{
    struct splitio_disk_file *writer = open_disk(0, false), *a, *b;

    (void)state;
    assert_int_equal(open_error(path, false, "in use"), SPLITIO_EBUSY);
    assert_int_equal(open_error(path, true, "in use"), SPLITIO_EBUSY);
    splitio_disk_file_close(writer);
    a = open_disk(0, true);
    b = open_disk(0, true);
    assert_int_equal(open_error(path, false, "in use"), SPLITIO_EBUSY);
    splitio_disk_file_close(a);
    splitio_disk_file_close(b);
    splitio_disk_file_close(open_disk(0, false));
}

static void file_that_cannot_be_a_disk_is_refused_with_a_reason(void **state)
{
    (void)state;
    assert_int_equal(open_error("/nowhere/disk.img", false, "no such file"),
                     SPLITIO_ENOENT);
    assert_int_equal(open_error("/tmp", false, "is a directory"),
                     SPLITIO_EINVAL);
    assert_int_equal(open_error("/tmp", true, "is a directory"),
                     SPLITIO_EINVAL);
    assert_int_equal(open_error("/dev/null", true, "neither a file"),
                     SPLITIO_EINVAL);
    assert_int_equal(open_error("/dev/null/disk.img", true, "no such file"),
                     SPLITIO_ENOENT);
    assert_int_equal(truncate(path, 1000), 0);
    assert_int_equal(open_error(path, true, "multiple of 512"), SPLITIO_EINVAL);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(open_error(path, true, "multiple of 512"), SPLITIO_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(file_random_requests_match_a_copy_at_any_thread_count),
        TEST(file_what_was_written_is_there_after_reopening),
        TEST(file_discard_gives_the_space_back),
        TEST(file_that_shrinks_gives_errors_and_does_not_grow_again),
        TEST(file_owner_that_polls_once_a_wake_gets_everything),
        TEST(file_threads_leave_signals_to_the_owner),
        TEST(file_read_only_can_be_flushed_and_not_changed),
        TEST(file_without_permission_is_refused_with_a_reason),
        TEST(file_queue_is_bounded),
        TEST(file_is_locked_against_a_second_writer),
        TEST(file_that_cannot_be_a_disk_is_refused_with_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
