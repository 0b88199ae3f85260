/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory and null disks. */
#include "disk_check.h"

static int result;

static void note(struct splitio_disk_io *io, int status)
{
    (void)io;
    result = status;
}

/* Do one request on a disk that finishes with its kick. */
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

    result = 1;
    assert_int_equal(disk.ops->submit(disk.ctx, &io), 0);
    assert_int_equal(result, 1); /* submit() never calls done() */
    disk.ops->kick(disk.ctx);
    assert_int_equal(disk.ops->poll(disk.ctx, 8), 1);
    return result;
}

static void memory_random_requests_match_a_copy(void **state)
{
    struct splitio_disk_memory *d =
        splitio_disk_memory_new(CHECK_SECTORS, false);
    struct check c = {.disk = splitio_disk_memory_disk(d), .random = 1};

    (void)state;
    check_run(&c, 20000);
    splitio_disk_memory_free(d);
}

static void memory_read_only_refuses_changes(void **state)
{
    struct splitio_disk_memory *d = splitio_disk_memory_new(8, true);
    struct splitio_disk disk = splitio_disk_memory_disk(d);
    struct splitio_disk_info info;
    uint8_t sector[512] = {1};

    (void)state;
    assert_int_equal(disk.ops->info(disk.ctx, &info), 0);
    assert_true(info.flags & SPLITIO_DISK_READ_ONLY);
    assert_int_equal(info.nr_sectors, 8);
    assert_int_equal(do_one(disk, SPLITIO_DISK_WRITE, 0, 1, sector),
                     SPLITIO_EROFS);
    assert_int_equal(do_one(disk, SPLITIO_DISK_DISCARD, 0, 1, NULL),
                     SPLITIO_EROFS);
    assert_int_equal(do_one(disk, SPLITIO_DISK_FLUSH, 0, 0, NULL), 0);
    assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 0, 1, sector), 0);
    assert_int_equal(sector[0], 0);
    splitio_disk_memory_free(d);
}

static void memory_beyond_the_end_is_an_error(void **state)
{
    struct splitio_disk_memory *d = splitio_disk_memory_new(8, false);
    struct splitio_disk disk = splitio_disk_memory_disk(d);
    uint8_t sectors[1024];

    (void)state;
    assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 7, 2, sectors),
                     SPLITIO_EIO);
    assert_int_equal(do_one(disk, SPLITIO_DISK_WRITE, UINT64_MAX, 2, sectors),
                     SPLITIO_EIO);
    assert_int_equal(do_one(disk, SPLITIO_DISK_DISCARD, 8, 1, NULL),
                     SPLITIO_EIO);
    splitio_disk_memory_free(d);
}

static void null_reads_zeroes_and_forgets(void **state)
{
    struct splitio_disk_null *d = splitio_disk_null_new(8);
    struct splitio_disk disk = splitio_disk_null_disk(d);
    uint8_t sector[512], zero[512] = {0};

    (void)state;
    memset(sector, 7, sizeof(sector));
    assert_int_equal(do_one(disk, SPLITIO_DISK_WRITE, 0, 1, sector), 0);
    assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 0, 1, sector), 0);
    assert_memory_equal(sector, zero, sizeof(sector));
    splitio_disk_null_free(d);
}

static void memory_impossible_size_is_refused(void **state)
{
    (void)state;
    assert_null(splitio_disk_memory_new(0, false));
    assert_null(splitio_disk_memory_new(UINT64_MAX, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_random_requests_match_a_copy),
        cmocka_unit_test(memory_read_only_refuses_changes),
        cmocka_unit_test(memory_beyond_the_end_is_an_error),
        cmocka_unit_test(memory_impossible_size_is_refused),
        cmocka_unit_test(null_reads_zeroes_and_forgets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
