/* SPDX-License-Identifier: BSD-2-Clause */
/* The file disk: checked against a copy, with several threads, and with files
 * that are not as they should be. */
#include "disk_check.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];
static int wake_fd;

/* The engine's wake: from any thread. */
static void wake(void *arg)
{
    uint64_t one = 1;

    (void)arg;
    assert_int_equal(write(wake_fd, &one, sizeof(one)), sizeof(one));
}

/* Waits for ever if a wake is lost; CTest's time limit names the test. */
static void wait_for_wake(void *arg)
{
    uint64_t count;

    (void)arg;
    assert_int_equal(read(wake_fd, &count, sizeof(count)), sizeof(count));
}

static int set_up(void **state)
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

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    close(wake_fd);
    return 0;
}

static struct splitio_disk_file *open_disk(unsigned nr_threads, bool read_only)
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

static int open_error(const char *name, bool read_only, const char *expect)
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

static void note(struct splitio_disk_io *io, int status)
{
    (void)io;
    result = status;
}

static int do_one(struct splitio_disk disk, enum splitio_disk_op op,
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
    assert_int_equal(truncate(path, 1000), 0);
    assert_int_equal(open_error(path, true, "multiple of 512"), SPLITIO_EINVAL);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(open_error(path, true, "multiple of 512"), SPLITIO_EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(file_random_requests_match_a_copy_at_any_thread_count),
        TEST(file_what_was_written_is_there_after_reopening),
        TEST(file_discard_gives_the_space_back),
        TEST(file_that_shrinks_gives_errors_and_does_not_grow_again),
        TEST(file_queue_is_bounded),
        TEST(file_is_locked_against_a_second_writer),
        TEST(file_that_cannot_be_a_disk_is_refused_with_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
