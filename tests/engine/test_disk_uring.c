/* SPDX-License-Identifier: BSD-2-Clause */
/* The io_uring disk: checked against a copy, over a kernel that does its work,
 * and one that does it in part or not at all (-Wl,--wrap). */
#include "disk_file.h"

#include <splitio/disk_uring.h>

#include <errno.h>
#include <liburing.h>
#include <sys/mman.h>
#include <sys/stat.h>

int __real_io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
                                      struct io_uring_params *p);
int __real_io_uring_submit(struct io_uring *ring);
unsigned __real_io_uring_peek_batch_cqe(struct io_uring *ring,
                                        struct io_uring_cqe **cqes,
                                        unsigned count);
int __wrap_io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
                                      struct io_uring_params *p);
int __wrap_io_uring_submit(struct io_uring *ring);
unsigned __wrap_io_uring_peek_batch_cqe(struct io_uring *ring,
                                        struct io_uring_cqe **cqes,
                                        unsigned count);

/* What goes wrong. */
static struct {
    int init_error;
    unsigned nr_full; /* times that submitting takes nothing */
    unsigned every;   /* so many answers, one is of the next kind */
    int answer;       /* negative: this; otherwise: so many bytes fewer */
} fault;

static unsigned nr_answers, nr_faults, nr_fixed;

int __wrap_io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
                                      struct io_uring_params *p)
{
    if (fault.init_error)
        return fault.init_error;
    return __real_io_uring_queue_init_params(entries, ring, p);
}

/* Looks at what has been put since the last time, too. */
int __wrap_io_uring_submit(struct io_uring *ring)
{
    unsigned mask = ring->sq.ring_entries - 1;

    if (fault.nr_full) {
        fault.nr_full--;
        nr_faults++;
        return -EAGAIN;
    }
    for (unsigned i = ring->sq.sqe_head; i != ring->sq.sqe_tail; i++) {
        uint8_t op = ring->sq.sqes[i & mask].opcode;

        nr_fixed += op == IORING_OP_READ_FIXED || op == IORING_OP_WRITE_FIXED;
    }
    return __real_io_uring_submit(ring);
}

unsigned __wrap_io_uring_peek_batch_cqe(struct io_uring *ring,
                                        struct io_uring_cqe **cqes,
                                        unsigned count)
{
    unsigned n = __real_io_uring_peek_batch_cqe(ring, cqes, count);

    for (unsigned i = 0; i < n; i++) {
        if (!fault.every || nr_answers++ % fault.every != 0)
            continue;
        nr_faults++;
        cqes[i]->res =
            fault.answer < 0 ? fault.answer : cqes[i]->res - fault.answer;
    }
    return n;
}

static int begin(void **state)
{
    memset(&fault, 0, sizeof(fault));
    nr_answers = nr_faults = nr_fixed = 0;
    ring_fd = -1;
    return set_up(state);
}

static struct splitio_disk_uring *
open_with(const struct splitio_disk_uring_config *cfg)
{
    struct splitio_disk_uring *d;
    char reason[256];

    assert_int_equal(splitio_disk_uring_open(&d, cfg, reason, sizeof(reason)),
                     0);
    ring_fd = splitio_disk_uring_fd(d);
    return d;
}

static struct splitio_disk_uring *open_uring(bool read_only)
{
    const struct splitio_disk_uring_config cfg = {
        .path = path, .read_only = read_only, .wake = wake};

    return open_with(&cfg);
}

static void check_against_a_copy(struct splitio_disk_uring *d, unsigned nr)
{
    struct check c = {.disk = splitio_disk_uring_disk(d),
                      .wait = wait_for_wake,
                      .random = nr};

    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(truncate(path, CHECK_SECTORS * 512), 0);
    check_run(&c, nr);
}

static void uring_random_requests_match_a_copy(void **state)
{
    struct splitio_disk_uring *d = open_uring(false);

    (void)state;
    check_against_a_copy(d, 2000);
    splitio_disk_uring_close(d);
}

/* The buffers of most requests are not aligned for that. */
static void uring_random_requests_past_the_cache_match_a_copy(void **state)
{
    const struct splitio_disk_uring_config cfg = {
        .path = path, .direct = true, .wake = wake};
    struct splitio_disk_uring *d;
    char reason[256];

    (void)state;
    if (splitio_disk_uring_open(&d, &cfg, reason, sizeof(reason))) {
        assert_non_null(strstr(reason, "direct=yes")); /* such as a tmpfs */
        skip();
    }
    ring_fd = splitio_disk_uring_fd(d);
    check_against_a_copy(d, 500);
    splitio_disk_uring_close(d);
}

static void uring_requests_that_it_does_not_finish_are_done_anyway(void **state)
{
    static const int answers[] = {-EAGAIN, -EINVAL, -EIO, 512};
    struct splitio_disk_uring *d = open_uring(false);

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(answers); i++) {
        fault.answer = answers[i];
        fault.every = i + 1;
        nr_faults = 0;
        check_against_a_copy(d, 400);
        assert_true(nr_faults > 20);
    }
    splitio_disk_uring_close(d);
}

static void uring_that_takes_nothing_for_a_while_loses_nothing(void **state)
{
    struct splitio_disk_uring *d = open_uring(false);
    struct splitio_disk disk = splitio_disk_uring_disk(d);
    uint8_t out[512], in[512] = {0};

    (void)state;
    memset(out, 0x5a, sizeof(out));
    fault.nr_full = 5;
    assert_int_equal(do_one(disk, SPLITIO_DISK_WRITE, 7, 1, out), 0);
    assert_int_equal(nr_faults, 5);
    assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 7, 1, in), 0);
    assert_memory_equal(in, out, sizeof(in));
    splitio_disk_uring_close(d);
}

static void uring_registered_memory_is_used_until_it_is_removed(void **state)
{
    struct splitio_disk_uring *d = open_uring(false);
    struct splitio_disk disk = splitio_disk_uring_disk(d);
    size_t bytes = 16 * 4096;
    uint8_t *a = mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t in[4096];

    (void)state;
    assert_int_equal(splitio_disk_uring_memory_add(d, a, bytes), 0);
    assert_int_equal(splitio_disk_uring_memory_add(d, a + 4096, bytes),
                     SPLITIO_EEXIST);
    memset(a, 0x11, bytes);
    assert_int_equal(do_one(disk, SPLITIO_DISK_WRITE, 0, 8, a + 512), 0);
    assert_int_equal(nr_fixed, 1);
    assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 0, 8, in), 0);
    assert_memory_equal(in, a, sizeof(in));
    /* One that is not in it wholly, and one after it is gone. */
    assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 0, 8, a + bytes - 512), 0);
    splitio_disk_uring_memory_remove(d, a);
    splitio_disk_uring_memory_remove(d, a);
    assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 0, 8, a), 0);
    assert_int_equal(nr_fixed, 1);
    assert_int_equal(munmap(a, 2 * bytes), 0);
    splitio_disk_uring_close(d);
}

static void uring_regions_are_bounded_and_checked(void **state)
{
    const unsigned nr = SPLITIO_DISK_URING_REGIONS_MAX;
    struct splitio_disk_uring *d = open_uring(false);
    uint8_t *a = mmap(NULL, (nr + 1) * 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_int_equal(splitio_disk_uring_memory_add(d, NULL, 4096),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_disk_uring_memory_add(d, a + 1, 4096),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_disk_uring_memory_add(d, a, 0), SPLITIO_EINVAL);
    assert_int_equal(
        splitio_disk_uring_memory_add(d, a, (size_t)(1u << 30) + 4096),
        SPLITIO_EINVAL);
    for (unsigned i = 0; i < nr; i++)
        assert_int_equal(splitio_disk_uring_memory_add(d, a + i * 4096, 4096),
                         0);
    assert_int_equal(splitio_disk_uring_memory_add(d, a + nr * 4096, 4096),
                     SPLITIO_ENOSPC);
    splitio_disk_uring_memory_remove(d, a + 4096);
    assert_int_equal(splitio_disk_uring_memory_add(d, a + nr * 4096, 4096), 0);
    splitio_disk_uring_close(d);
    assert_int_equal(munmap(a, (nr + 1) * 4096), 0);
}

static void uring_file_that_shrinks_gives_errors_and_stays_short(void **state)
{
    struct splitio_disk_uring *d = open_uring(false);
    struct splitio_disk disk = splitio_disk_uring_disk(d);
    struct splitio_disk_info info;
    uint8_t bytes[4096] = {0};
    struct stat st;

    (void)state;
    assert_int_equal(truncate(path, 4096 + 512), 0);
    assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 8, 8, bytes), SPLITIO_EIO);
    assert_int_equal(do_one(disk, SPLITIO_DISK_WRITE, 8, 8, bytes),
                     SPLITIO_EIO);
    assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 0, 8, bytes), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 4096 + 512);
    assert_int_equal(disk.ops->info(disk.ctx, &info), 0);
    assert_int_equal(info.nr_sectors, 9);
    splitio_disk_uring_close(d);
}

static void uring_read_only_cannot_be_changed(void **state)
{
    struct splitio_disk_uring *d = open_uring(true);
    struct splitio_disk disk = splitio_disk_uring_disk(d);
    uint8_t bytes[512] = {0};

    (void)state;
    assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 0, 1, bytes), 0);
    assert_int_equal(do_one(disk, SPLITIO_DISK_FLUSH, 0, 0, NULL), 0);
    assert_int_equal(do_one(disk, SPLITIO_DISK_WRITE, 0, 1, bytes),
                     SPLITIO_EROFS);
    splitio_disk_uring_close(d);
}

static void uring_write_through_reaches_the_file(void **state)
{
    struct splitio_disk_uring *d = open_uring(false);
    struct splitio_disk disk = splitio_disk_uring_disk(d);
    static uint8_t bytes[512] = {0x77}, in[512];
    struct splitio_iovec iov = {bytes, sizeof(bytes)};
    struct splitio_disk_io fua = {.op = SPLITIO_DISK_WRITE,
                                  .flags = SPLITIO_DISK_IO_FUA,
                                  .sector = 3,
                                  .nr_sectors = 1,
                                  .iov = &iov,
                                  .nr_iov = 1,
                                  .done = note};

    (void)state;
    result = 1;
    assert_int_equal(disk.ops->submit(disk.ctx, &fua), 0);
    disk.ops->kick(disk.ctx);
    while (disk.ops->poll(disk.ctx, 1) == 0)
        wait_for_wake(NULL);
    assert_int_equal(result, 0);
    assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 3, 1, in), 0);
    assert_memory_equal(in, bytes, sizeof(in));
    splitio_disk_uring_close(d);
}

static int nr_left;

static void count_down(struct splitio_disk_io *io, int status)
{
    (void)io;
    assert_int_equal(status, 0);
    nr_left--;
}

/* An owner that polls once when there is something, and not to the end. */
static void uring_owner_that_polls_once_a_wake_gets_everything(void **state)
{
    struct splitio_disk_uring *d = open_uring(false);
    struct splitio_disk disk = splitio_disk_uring_disk(d);
    static uint8_t bytes[512];
    struct splitio_iovec iov = {bytes, sizeof(bytes)};
    struct splitio_disk_io io[32];

    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        nr_left = SPLITIO_ARRAY_LEN(io);
        for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(io); i++) {
            io[i] = (struct splitio_disk_io){.op = i % 2 ? SPLITIO_DISK_FLUSH
                                                         : SPLITIO_DISK_WRITE,
                                             .sector = i,
                                             .nr_sectors = 1,
                                             .iov = &iov,
                                             .nr_iov = 1,
                                             .done = count_down};
            assert_int_equal(disk.ops->submit(disk.ctx, &io[i]), 0);
        }
        disk.ops->kick(disk.ctx);
        (void)disk.ops->poll(disk.ctx, 1);
        while (nr_left) {
            wait_for_wake(NULL);
            (void)disk.ops->poll(disk.ctx, 1);
        }
    }
    splitio_disk_uring_close(d);
}

static void uring_queue_is_bounded(void **state)
{
    const struct splitio_disk_uring_config cfg = {
        .path = path, .queue_depth = 2, .wake = wake};
    static uint8_t bytes[512];
    struct splitio_iovec iov = {bytes, sizeof(bytes)};
    struct splitio_disk_io io[3];
    struct splitio_disk_uring *d = open_with(&cfg);
    struct splitio_disk disk = splitio_disk_uring_disk(d);
    unsigned done = 0;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        io[i] = (struct splitio_disk_io){.op = SPLITIO_DISK_WRITE,
                                         .nr_sectors = 1,
                                         .iov = &iov,
                                         .nr_iov = 1,
                                         .done = note};
    io[1].op = SPLITIO_DISK_FLUSH;
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
    splitio_disk_uring_close(d); /* finishes what was submitted */
}

static void uring_close_finishes_what_was_submitted(void **state)
{
    struct splitio_disk_uring *d = open_uring(false);
    struct splitio_disk disk = splitio_disk_uring_disk(d);
    static uint8_t bytes[512], in[512];
    struct splitio_iovec iov = {bytes, sizeof(bytes)};
    struct splitio_disk_io io[8];

    (void)state;
    memset(bytes, 0x42, sizeof(bytes));
    for (unsigned i = 0; i < 8; i++) {
        io[i] = (struct splitio_disk_io){.op = SPLITIO_DISK_WRITE,
                                         .sector = i,
                                         .nr_sectors = 1,
                                         .iov = &iov,
                                         .nr_iov = 1,
                                         .done = note};
        assert_int_equal(disk.ops->submit(disk.ctx, &io[i]), 0);
    }
    result = 1;
    splitio_disk_uring_close(d);
    assert_int_equal(result, 1); /* nobody was told */
    d = open_uring(true);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(
            do_one(splitio_disk_uring_disk(d), SPLITIO_DISK_READ, i, 1, in), 0);
        assert_memory_equal(in, bytes, sizeof(in));
    }
    splitio_disk_uring_close(d);
}

static void uring_that_is_refused_is_said_with_a_way_out(void **state)
{
    static const struct {
        int from, to;
    } map[] = {{-EPERM, SPLITIO_EOPNOTSUPP},
               {-ENOSYS, SPLITIO_EOPNOTSUPP},
               {-ENOMEM, SPLITIO_ENOMEM}};
    const struct splitio_disk_uring_config cfg = {.path = path};
    struct splitio_disk_uring *d = NULL;

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(map); i++) {
        char reason[256] = "";

        fault.init_error = map[i].from;
        assert_int_equal(
            splitio_disk_uring_open(&d, &cfg, reason, sizeof(reason)),
            map[i].to);
        assert_non_null(strstr(reason, path));
        assert_non_null(strstr(reason, "engine=threads"));
    }
    assert_null(d);
    fault.init_error = 0;
    splitio_disk_uring_close(open_uring(false)); /* nothing was left open */
}

static void uring_file_that_is_in_use_is_refused(void **state)
{
    const struct splitio_disk_uring_config cfg = {.path = path};
    struct splitio_disk_uring *writer = open_uring(false), *d = NULL;
    char reason[256];

    (void)state;
    assert_int_equal(splitio_disk_uring_open(&d, &cfg, reason, sizeof(reason)),
                     SPLITIO_EBUSY);
    assert_non_null(strstr(reason, "in use"));
    splitio_disk_uring_close(writer);
    splitio_disk_uring_close(NULL);
}

/* The kernel may have none, or its administrator allow none. */
static bool have_io_uring(void)
{
    struct io_uring ring;
    int err = io_uring_queue_init(2, &ring, 0);

    if (err == 0)
        io_uring_queue_exit(&ring);
    else
        printf("skipped: no io_uring: %s\n", strerror(-err));
    return err == 0;
}

#define RING_TEST(f) cmocka_unit_test_setup_teardown(f, begin, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RING_TEST(uring_random_requests_match_a_copy),
        RING_TEST(uring_random_requests_past_the_cache_match_a_copy),
        RING_TEST(uring_requests_that_it_does_not_finish_are_done_anyway),
        RING_TEST(uring_that_takes_nothing_for_a_while_loses_nothing),
        RING_TEST(uring_registered_memory_is_used_until_it_is_removed),
        RING_TEST(uring_regions_are_bounded_and_checked),
        RING_TEST(uring_file_that_shrinks_gives_errors_and_stays_short),
        RING_TEST(uring_read_only_cannot_be_changed),
        RING_TEST(uring_write_through_reaches_the_file),
        RING_TEST(uring_owner_that_polls_once_a_wake_gets_everything),
        RING_TEST(uring_queue_is_bounded),
        RING_TEST(uring_close_finishes_what_was_submitted),
        RING_TEST(uring_that_is_refused_is_said_with_a_way_out),
        RING_TEST(uring_file_that_is_in_use_is_refused),
    };

    if (!have_io_uring())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
