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

static void memory_of_the_caller_is_used_as_it_is(void **state)
{
    uint8_t image[2048], sectors[1024];
    struct splitio_disk_memory *d = splitio_disk_memory_over(image, 4, false);
    struct splitio_disk disk = splitio_disk_memory_disk(d);

    (void)state;
    memset(image, 3, sizeof(image));
    assert_ptr_equal(splitio_disk_memory_bytes(d), image);
    assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 2, 2, sectors), 0);
    assert_memory_equal(sectors, image, sizeof(sectors));
    assert_int_equal(do_one(disk, SPLITIO_DISK_DISCARD, 3, 1, NULL), 0);
    assert_int_equal(image[1535], 3);
    assert_int_equal(image[1536], 0);
    splitio_disk_memory_free(d);
    assert_int_equal(image[0], 3);
}

/* The engine trusts its caller, but not with its memory. */
static void memory_pieces_of_another_length_are_refused(void **state)
{
    struct splitio_disk_memory *d = splitio_disk_memory_new(8, false);
    struct splitio_disk disk = splitio_disk_memory_disk(d);
    uint8_t bytes[1024];
    struct splitio_iovec iov[] = {{bytes, 512}, {bytes, 512}};
    struct splitio_disk_io io = {.op = SPLITIO_DISK_WRITE,
                                 .sector = 7,
                                 .nr_sectors = 1,
                                 .iov = iov,
                                 .done = note};

    (void)state;
    for (io.nr_iov = 0; io.nr_iov < 3; io.nr_iov++) {
        assert_int_equal(disk.ops->submit(disk.ctx, &io), 0);
        disk.ops->kick(disk.ctx);
        assert_int_equal(disk.ops->poll(disk.ctx, 8), 1);
        assert_int_equal(result, io.nr_iov == 1 ? 0 : SPLITIO_EINVAL);
    }
    splitio_disk_memory_free(d);
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
        cmocka_unit_test(memory_of_the_caller_is_used_as_it_is),
        cmocka_unit_test(memory_pieces_of_another_length_are_refused),
        cmocka_unit_test(memory_impossible_size_is_refused),
        cmocka_unit_test(null_reads_zeroes_and_forgets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
