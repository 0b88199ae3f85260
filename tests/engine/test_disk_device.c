/* SPDX-License-Identifier: BSD-2-Clause */
/* The file disk over a block device: a loop device on a file of the test's own,
 * which the kernel takes away when the last descriptor is closed. */
#include "disk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static int loop_fd = -1, image_fd = -1;
static char device[32];

static int loop_set_up(unsigned sector_size)
{
    struct loop_config config = {.block_size = sector_size,
                                 .info.lo_flags = LO_FLAGS_AUTOCLEAR};
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), number;

    image_fd = open(path, O_RDWR | O_CLOEXEC);
    config.fd = (uint32_t)image_fd;
    if (control < 0 || image_fd < 0)
        return -1;
    do {
        number = ioctl(control, LOOP_CTL_GET_FREE);
        snprintf(device, sizeof(device), "/dev/loop%d", number);
        if (loop_fd >= 0)
            close(loop_fd);
        loop_fd = number < 0 ? -1 : open(device, O_RDWR | O_CLOEXEC);
    } while (loop_fd >= 0 && ioctl(loop_fd, LOOP_CONFIGURE, &config) &&
             errno == EBUSY); /* somebody else was faster */
    close(control);
    return loop_fd < 0 || ioctl(loop_fd, LOOP_GET_STATUS64, &config.info) ? -1
                                                                          : 0;
}

static void loop_tear_down(void)
{
    if (loop_fd >= 0)
        close(loop_fd);
    if (image_fd >= 0)
        close(image_fd);
    loop_fd = image_fd = -1;
}

static int begin(void **state)
{
    return set_up(state) || loop_set_up(512) ? -1 : 0;
}

static int end(void **state)
{
    loop_tear_down();
    return tear_down(state);
}

static struct splitio_disk_file *open_device(bool read_only)
{
    const struct splitio_disk_file_config cfg = {
        .path = device, .read_only = read_only, .wake = wake};
    struct splitio_disk_file *d = NULL;
    char reason[256];

    assert_int_equal(splitio_disk_file_open(&d, &cfg, reason, sizeof(reason)),
                     0);
    return d;
}

static void device_random_requests_match_a_copy(void **state)
{
    struct splitio_disk_file *d = open_device(false);
    struct check c = {
        .disk = splitio_disk_file_disk(d), .wait = wait_for_wake, .random = 3};

    (void)state;
    check_run(&c, 500);
    splitio_disk_file_close(d);
}

static void device_tells_its_size_and_what_it_can_discard(void **state)
{
    struct splitio_disk_file *d = open_device(false);
    struct splitio_disk disk = splitio_disk_file_disk(d);
    struct splitio_disk_info info;

    (void)state;
    assert_int_equal(disk.ops->info(disk.ctx, &info), 0);
    assert_int_equal(info.nr_sectors, CHECK_SECTORS);
    assert_int_equal(info.sector_size, 512);
    assert_true(info.flags & SPLITIO_DISK_FLUSHES);
    if (info.flags & SPLITIO_DISK_DISCARDS)
        assert_true(info.discard_granularity >= 512);
    assert_int_equal(do_one(disk, SPLITIO_DISK_DISCARD, 0, 8, NULL),
                     info.flags & SPLITIO_DISK_DISCARDS ? 0
                                                        : SPLITIO_EOPNOTSUPP);
    assert_int_equal(truncate(path, CHECK_SECTORS * 1024), 0);
    assert_int_equal(ioctl(loop_fd, LOOP_SET_CAPACITY), 0);
    assert_int_equal(disk.ops->info(disk.ctx, &info), 0);
    assert_int_equal(info.nr_sectors, CHECK_SECTORS * 2);
    splitio_disk_file_close(d);
}

static void device_has_one_writer(void **state)
{
    struct splitio_disk_file *d = open_device(false);
    int fd;

    (void)state;
    assert_int_equal(open_error(device, false, "in use"), SPLITIO_EBUSY);
    fd = open(device, O_RDONLY | O_EXCL | O_CLOEXEC); /* as a mount does */
    assert_int_equal(fd, -1);
    splitio_disk_file_close(d);
    fd = open(device, O_RDONLY | O_EXCL | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(open_error(device, false, "mounted"), SPLITIO_EBUSY);
    close(fd);
    splitio_disk_file_close(open_device(false));
}

static void device_has_many_readers(void **state)
{
    struct splitio_disk_file *a = open_device(true), *b = open_device(true);
    struct splitio_disk disk = splitio_disk_file_disk(b);
    uint8_t bytes[512] = {1};

    (void)state;
    assert_int_equal(do_one(disk, SPLITIO_DISK_READ, 0, 1, bytes), 0);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(do_one(disk, SPLITIO_DISK_WRITE, 0, 1, bytes),
                     SPLITIO_EROFS);
    splitio_disk_file_close(a);
    splitio_disk_file_close(b);
}

static void device_with_large_sectors_says_so(void **state)
{
    struct splitio_disk_file *d;
    struct splitio_disk disk;
    struct splitio_disk_info info;

    (void)state;
    loop_tear_down();
    assert_int_equal(loop_set_up(4096), 0);
    d = open_device(false);
    disk = splitio_disk_file_disk(d);
    assert_int_equal(disk.ops->info(disk.ctx, &info), 0);
    assert_int_equal(info.sector_size, 4096);
    assert_int_equal(info.nr_sectors, CHECK_SECTORS);
    splitio_disk_file_close(d);
}

#define DEVICE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEVICE(device_random_requests_match_a_copy),
        DEVICE(device_tells_its_size_and_what_it_can_discard),
        DEVICE(device_has_one_writer),
        DEVICE(device_has_many_readers),
        DEVICE(device_with_large_sectors_says_so),
    };
    bool can = begin(NULL) == 0;
    int error = errno;

    (void)end(NULL);
    if (!can) {
        printf("skip: no loop device to be had: %s\n", strerror(error));
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
