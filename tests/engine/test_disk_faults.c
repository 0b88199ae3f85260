/* SPDX-License-Identifier: BSD-2-Clause */
/* The file disk over a kernel that fails: the linker puts the calls below in
 * place of the system's (-Wl,--wrap), by the names that they have when file
 * offsets are 64 bits wide. */
#include "disk_file.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/uio.h>

ssize_t __real_preadv64(int fd, const struct iovec *iov, int nr, off64_t at);
ssize_t __real_pwritev64(int fd, const struct iovec *iov, int nr, off64_t at);
int __real_fallocate64(int fd, int mode, off64_t at, off64_t len);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*start)(void *), void *arg);
ssize_t __wrap_preadv64v2(int fd, const struct iovec *iov, int nr, off64_t at,
                          int flags);
ssize_t __wrap_preadv64(int fd, const struct iovec *iov, int nr, off64_t at);
ssize_t __wrap_pwritev64(int fd, const struct iovec *iov, int nr, off64_t at);
int __wrap_fdatasync(int fd);
int __wrap_fallocate64(int fd, int mode, off64_t at, off64_t len);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*start)(void *), void *arg);

/* What goes wrong; set while the engine's threads have nothing to do. */
static struct {
    bool bits_and_pieces; /* transfers are short or interrupted */
    int write_errno;
    int sync_errno, sync_interrupts;
    int fallocate_errno;
    unsigned nr_threads_max;
    bool gated;
    bool slow_writes; /* the processor is given away during each */
    enum { NOTHING_CACHED, HALF_CACHED, ALL_CACHED } cache;
} fault;

static unsigned nr_calls, nr_syncs, nr_threads, nr_tries;
static unsigned nr_writing, nr_writing_max;
static sem_t sync_began, sync_may_end;

static unsigned next(unsigned *counter)
{
    return __atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
}

/* Some bytes of the first piece that has any; -1: interrupted. */
static ssize_t cut(const struct iovec *iov, int nr, struct iovec *piece)
{
    unsigned call = next(&nr_calls);

    if (call % 5 == 0) {
        errno = EINTR;
        return -1;
    }
    while (nr > 1 && iov->iov_len == 0) {
        iov++;
        nr--;
    }
    *piece = *iov;
    if (piece->iov_len > 3000)
        piece->iov_len -= call * 37 % 2999;
    return 0;
}

ssize_t __wrap_preadv64(int fd, const struct iovec *iov, int nr, off64_t at)
{
    struct iovec piece;

    if (!fault.bits_and_pieces)
        return __real_preadv64(fd, iov, nr, at);
    return cut(iov, nr, &piece) ? -1 : __real_preadv64(fd, &piece, 1, at);
}

/* Only the owner calls this, with RWF_NOWAIT. */
ssize_t __wrap_preadv64v2(int fd, const struct iovec *iov, int nr, off64_t at,
                          int flags)
{
    assert_int_equal(flags, RWF_NOWAIT);
    nr_tries++;
    if (fault.cache == NOTHING_CACHED) {
        errno = EAGAIN;
        return -1;
    }
    if (fault.cache == HALF_CACHED)
        nr = 1;
    return __real_preadv64(fd, iov, nr, at);
}

/* How many threads are writing is of interest. */
static ssize_t write_slowly(int fd, const struct iovec *iov, int nr, off64_t at)
{
    unsigned writing = next(&nr_writing) + 1;
    ssize_t n;

    if (writing > nr_writing_max)
        nr_writing_max = writing;
    sched_yield();
    n = __real_pwritev64(fd, iov, nr, at);
    (void)__atomic_fetch_sub(&nr_writing, 1, __ATOMIC_SEQ_CST);
    return n;
}

ssize_t __wrap_pwritev64(int fd, const struct iovec *iov, int nr, off64_t at)
{
    struct iovec piece;

    if (fault.write_errno) {
        errno = fault.write_errno;
        return -1;
    }
    if (fault.slow_writes)
        return write_slowly(fd, iov, nr, at);
    if (!fault.bits_and_pieces)
        return __real_pwritev64(fd, iov, nr, at);
    return cut(iov, nr, &piece) ? -1 : __real_pwritev64(fd, &piece, 1, at);
}

int __wrap_fdatasync(int fd)
{
    int error = fault.sync_errno;

    (void)fd;
    (void)next(&nr_syncs);
    if (fault.gated) {
        assert_int_equal(sem_post(&sync_began), 0);
        assert_int_equal(sem_wait(&sync_may_end), 0);
    }
    if (fault.sync_interrupts) {
        fault.sync_interrupts--;
        error = EINTR;
    }
    errno = error;
    return error ? -1 : 0;
}

int __wrap_fallocate64(int fd, int mode, off64_t at, off64_t len)
{
    if (!fault.fallocate_errno)
        return __real_fallocate64(fd, mode, at, len);
    errno = fault.fallocate_errno;
    return -1;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                          void *(*start)(void *), void *arg)
{
    if (next(&nr_threads) == fault.nr_threads_max)
        return EAGAIN;
    return __real_pthread_create(thread, attr, start, arg);
}

static int begin(void **state)
{
    memset(&fault, 0, sizeof(fault));
    fault.nr_threads_max = UINT32_MAX;
    nr_calls = nr_syncs = nr_threads = nr_tries = 0;
    nr_writing = nr_writing_max = 0;
    if (sem_init(&sync_began, 0, 0) || sem_init(&sync_may_end, 0, 0))
        return -1;
    return set_up(state);
}

static int flush(struct splitio_disk disk)
{
    return do_one(disk, SPLITIO_DISK_FLUSH, 0, 0, NULL);
}

static void file_short_and_interrupted_transfers_go_on(void **state)
{
    struct splitio_disk_file *d = open_disk(4, false);
    struct check c = {
        .disk = splitio_disk_file_disk(d), .wait = wait_for_wake, .random = 7};

    (void)state;
    fault.bits_and_pieces = true;
    check_run(&c, 1000);
    assert_true(nr_calls > 2000); /* more than one a request */
    splitio_disk_file_close(d);
}

static void file_is_written_by_one_thread_at_a_time(void **state)
{
    struct splitio_disk_file *d = open_disk(16, false);
    struct check c = {
        .disk = splitio_disk_file_disk(d), .wait = wait_for_wake, .random = 9};

    (void)state;
    fault.slow_writes = true;
    check_run(&c, 2000);
    assert_int_equal(nr_writing_max, 1);
    splitio_disk_file_close(d);
}

static void file_failed_write_is_told_apart_and_others_go_on(void **state)
{
    static const struct {
        int from, to;
    } map[] = {
        {ENOSPC, SPLITIO_ENOSPC}, {EDQUOT, SPLITIO_ENOSPC},
        {EFBIG, SPLITIO_ENOSPC},  {EIO, SPLITIO_EIO},
        {ENXIO, SPLITIO_EIO},     {EROFS, SPLITIO_EROFS},
    };
    struct splitio_disk_file *d = open_disk(2, false);
    struct splitio_disk disk = splitio_disk_file_disk(d);
    uint8_t bytes[512] = {1};

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(map); i++) {
        fault.write_errno = map[i].from;
        assert_int_equal(do_one(disk, SPLITIO_DISK_WRITE, 0, 1, bytes),
                         map[i].to);
        assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 0, 1, bytes), 0);
        assert_int_equal(bytes[0], 0);
    }
    fault.write_errno = 0;
    assert_int_equal(do_one(disk, SPLITIO_DISK_WRITE, 0, 1, bytes), 0);
    splitio_disk_file_close(d);
}

static void file_failed_flush_is_never_followed_by_a_good_one(void **state)
{
    struct splitio_disk_file *d = open_disk(2, false);
    struct splitio_disk disk = splitio_disk_file_disk(d);
    struct splitio_disk_io fua = {
        .op = SPLITIO_DISK_WRITE, .flags = SPLITIO_DISK_IO_FUA, .done = note};
    uint8_t bytes[512] = {1};

    (void)state;
    assert_int_equal(flush(disk), 0);
    fault.sync_errno = EIO;
    assert_int_equal(flush(disk), SPLITIO_EIO);
    fault.sync_errno = 0;
    assert_int_equal(flush(disk), SPLITIO_EIO);
    assert_int_equal(nr_syncs, 2);
    assert_int_equal(do_one(disk, SPLITIO_DISK_WRITE, 0, 1, bytes), 0);
    assert_int_equal(disk.ops->submit(disk.ctx, &fua), 0);
    disk.ops->kick(disk.ctx);
    while (disk.ops->poll(disk.ctx, 1) == 0)
        wait_for_wake(NULL);
    assert_int_equal(result, SPLITIO_EIO);
    splitio_disk_file_close(d);
}

static void file_write_through_is_flushed_before_it_is_done(void **state)
{
    struct splitio_disk_file *d = open_disk(2, false);
    struct splitio_disk disk = splitio_disk_file_disk(d);
    struct splitio_disk_io fua = {
        .op = SPLITIO_DISK_WRITE, .flags = SPLITIO_DISK_IO_FUA, .done = note};

    (void)state;
    assert_int_equal(disk.ops->submit(disk.ctx, &fua), 0);
    disk.ops->kick(disk.ctx);
    while (disk.ops->poll(disk.ctx, 1) == 0)
        wait_for_wake(NULL);
    assert_int_equal(result, 0);
    assert_int_equal(nr_syncs, 1);
    splitio_disk_file_close(d);
}

static void file_sync_that_is_interrupted_is_begun_again(void **state)
{
    struct splitio_disk_file *d = open_disk(1, false);

    (void)state;
    fault.sync_interrupts = 3;
    assert_int_equal(flush(splitio_disk_file_disk(d)), 0);
    assert_int_equal(nr_syncs, 4);
    splitio_disk_file_close(d);
}

static void file_system_that_died_is_not_one_without_sync(void **state)
{
    struct splitio_disk_file *d = open_disk(1, false);
    struct splitio_disk disk = splitio_disk_file_disk(d);

    (void)state;
    fault.sync_errno = EINVAL; /* has no sync */
    assert_int_equal(flush(disk), 0);
    fault.sync_errno = EROFS; /* ext4, after an error */
    assert_int_equal(flush(disk), SPLITIO_EIO);
    splitio_disk_file_close(d);
}

static int results[2];
static unsigned nr_results;

static void note_result(struct splitio_disk_io *io, int status)
{
    (void)io;
    results[nr_results++] = status;
}

/* A flush, and another one that comes while the first is in the kernel. */
static void two_flushes(struct splitio_disk disk)
{
    struct splitio_disk_io io[] = {
        {.op = SPLITIO_DISK_FLUSH, .done = note_result},
        {.op = SPLITIO_DISK_FLUSH, .done = note_result},
    };

    nr_results = 0;
    fault.gated = true;
    assert_int_equal(disk.ops->submit(disk.ctx, &io[0]), 0);
    disk.ops->kick(disk.ctx);
    assert_int_equal(sem_wait(&sync_began), 0);
    assert_int_equal(disk.ops->submit(disk.ctx, &io[1]), 0);
    disk.ops->kick(disk.ctx);
    assert_int_equal(sem_post(&sync_may_end), 0);
    assert_int_equal(sem_post(&sync_may_end), 0);
    while (nr_results < 2)
        if (disk.ops->poll(disk.ctx, 2) == 0)
            wait_for_wake(NULL);
}

static void file_flush_during_another_is_not_served_by_that(void **state)
{
    struct splitio_disk_file *d = open_disk(2, false);

    (void)state;
    two_flushes(splitio_disk_file_disk(d));
    assert_int_equal(results[0], 0);
    assert_int_equal(results[1], 0);
    assert_int_equal(nr_syncs, 2);
    splitio_disk_file_close(d);
}

static void file_flush_during_one_that_fails_fails_too(void **state)
{
    struct splitio_disk_file *d = open_disk(2, false);

    (void)state;
    fault.sync_errno = EIO;
    two_flushes(splitio_disk_file_disk(d));
    assert_int_equal(results[0], SPLITIO_EIO);
    assert_int_equal(results[1], SPLITIO_EIO);
    assert_int_equal(nr_syncs, 1);
    splitio_disk_file_close(d);
}

/* A read of two pieces. 1: it was done when it had been kicked. */
static int read_two(struct splitio_disk disk, uint8_t *bytes, uint64_t nr)
{
    struct splitio_iovec iov[] = {{bytes, 512},
                                  {bytes + 512, (size_t)(nr - 1) * 512}};
    struct splitio_disk_io io = {.op = SPLITIO_DISK_READ,
                                 .sector = 5,
                                 .nr_sectors = nr,
                                 .iov = iov,
                                 .nr_iov = 2,
                                 .done = note};
    int at_once;

    memset(bytes, 0, nr * 512);
    result = 1;
    assert_int_equal(disk.ops->submit(disk.ctx, &io), 0);
    disk.ops->kick(disk.ctx);
    assert_int_equal(result, 1); /* only poll() calls done() */
    at_once = disk.ops->poll(disk.ctx, 1) == 1;
    while (result == 1)
        if (disk.ops->poll(disk.ctx, 1) == 0)
            wait_for_wake(NULL);
    assert_int_equal(result, 0);
    for (unsigned i = 0; i < nr; i++)
        assert_int_equal(bytes[i * 512], 5 + i);
    return at_once;
}

static void file_read_of_what_is_cached_is_done_when_it_is_kicked(void **state)
{
    struct splitio_disk_file *d = open_disk(2, false);
    struct splitio_disk disk = splitio_disk_file_disk(d);
    static uint8_t bytes[136 * 512];

    (void)state;
    for (unsigned i = 0; i < 136; i++)
        memset(bytes + (size_t)i * 512, (int)i, 512);
    assert_int_equal(do_one(disk, SPLITIO_DISK_WRITE, 0, 136, bytes), 0);
    fault.cache = ALL_CACHED;
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(read_two(disk, bytes, 8), 1);
    assert_int_equal(nr_tries, 100);
    fault.cache = HALF_CACHED;
    (void)read_two(disk, bytes, 8); /* a thread reads all of it */
    fault.cache = ALL_CACHED;
    (void)read_two(disk, bytes, 129); /* too long to be tried */
    assert_int_equal(nr_tries, 101);
    splitio_disk_file_close(d);
}

static void file_read_of_what_is_not_cached_is_seldom_tried(void **state)
{
    struct splitio_disk_file *d = open_disk(2, false);
    struct splitio_disk disk = splitio_disk_file_disk(d);
    uint8_t bytes[512];

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(do_one(disk, SPLITIO_DISK_READ, i, 1, bytes), 0);
    assert_in_range(nr_tries, 1, 12);
    fault.cache = ALL_CACHED;
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(do_one(disk, SPLITIO_DISK_READ, i, 1, bytes), 0);
    assert_true(nr_tries > 700);
    splitio_disk_file_close(d);
}

static void file_without_holes_offers_no_discard(void **state)
{
    struct splitio_disk_file *d;
    struct splitio_disk disk;
    struct splitio_disk_info info;

    (void)state;
    fault.fallocate_errno = EOPNOTSUPP;
    d = open_disk(1, false);
    disk = splitio_disk_file_disk(d);
    assert_int_equal(disk.ops->info(disk.ctx, &info), 0);
    assert_false(info.flags & SPLITIO_DISK_DISCARDS);
    assert_int_equal(info.discard_granularity, 0);
    assert_int_equal(do_one(disk, SPLITIO_DISK_DISCARD, 0, 8, NULL),
                     SPLITIO_EOPNOTSUPP);
    splitio_disk_file_close(d);
}

static void file_that_gets_too_few_threads_is_closed_again(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        nr_threads = 0;
        fault.nr_threads_max = i;
        assert_int_equal(open_error(path, false, "cannot start threads"),
                         SPLITIO_ENOMEM);
    }
    fault.nr_threads_max = UINT32_MAX;
    splitio_disk_file_close(open_disk(0, false)); /* not locked any more */
}

#define FAULT(f) cmocka_unit_test_setup_teardown(f, begin, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAULT(file_short_and_interrupted_transfers_go_on),
        FAULT(file_is_written_by_one_thread_at_a_time),
        FAULT(file_failed_write_is_told_apart_and_others_go_on),
        FAULT(file_failed_flush_is_never_followed_by_a_good_one),
        FAULT(file_write_through_is_flushed_before_it_is_done),
        FAULT(file_sync_that_is_interrupted_is_begun_again),
        FAULT(file_system_that_died_is_not_one_without_sync),
        FAULT(file_flush_during_another_is_not_served_by_that),
        FAULT(file_flush_during_one_that_fails_fails_too),
        FAULT(file_read_of_what_is_cached_is_done_when_it_is_kicked),
        FAULT(file_read_of_what_is_not_cached_is_seldom_tried),
        FAULT(file_without_holes_offers_no_discard),
        FAULT(file_that_gets_too_few_threads_is_closed_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
