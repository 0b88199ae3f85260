/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of journals. */
#include "cm.h"

#include <splitiod/journal.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/splitio-journal-XXXXXX";
static char path[80];

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/vbd-1-51712.journal", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(dir);
}

static void what_was_written_is_there_again(void **state)
{
    struct journal j;

    (void)state;
    assert_int_equal(journal_open(&j, dir, "vbd-1-51712", 10000), 0);
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(((uint8_t *)j.bytes)[i], 0);
    memset(j.bytes, 0x5A, 10000);
    journal_close(&j, true);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(journal_open(&j, dir, "vbd-1-51712", 10000), 0);
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(((uint8_t *)j.bytes)[i], 0x5A);
    journal_close(&j, false);
    assert_int_equal(access(path, F_OK), -1);
    journal_close(&j, false); /* harmless */
}

static void file_of_another_size_is_emptied(void **state)
{
    struct journal j;

    (void)state;
    assert_int_equal(journal_open(&j, dir, "vbd-1-51712", 10000), 0);
    memset(j.bytes, 0x5A, 10000);
    journal_close(&j, true);
    assert_int_equal(journal_open(&j, dir, "vbd-1-51712", 12000), 0);
    for (unsigned i = 0; i < 12000; i++)
        assert_int_equal(((uint8_t *)j.bytes)[i], 0);
    journal_close(&j, false);
}

static void place_that_is_none_is_refused(void **state)
{
    struct journal j;

    (void)state;
    assert_int_equal(journal_open(&j, "/proc/nowhere/x", "a", 4096), -1);
    assert_int_equal(errno, ENOENT);
    /* Not followed: who may write there could have another file emptied. */
    assert_int_equal(symlink("/etc/hostname", path), 0);
    assert_int_equal(journal_open(&j, dir, "vbd-1-51712", 4096), -1);
    assert_int_equal(errno, ELOOP);
    assert_int_equal(unlink(path), 0);
}

static bool is_second(void *arg, const char *name)
{
    ++*(unsigned *)arg;
    return strcmp(name, "vbd-2-51712") == 0;
}

static void sweep_removes_what_nobody_wants(void **state)
{
    struct journal one, two;
    char other[80];
    unsigned nr = 0;
    int fd;

    (void)state;
    assert_int_equal(journal_open(&one, dir, "vbd-1-51712", 4096), 0);
    assert_int_equal(journal_open(&two, dir, "vbd-2-51712", 4096), 0);
    snprintf(other, sizeof(other), "%s/guests.sock", dir);
    fd = open(other, O_CREAT | O_RDWR, 0600);
    assert_true(fd >= 0);
    close(fd);
    journals_sweep(dir, is_second, &nr);
    assert_int_equal(nr, 2);
    assert_int_equal(access(one.path, F_OK), -1);
    assert_int_equal(access(two.path, F_OK), 0);
    assert_int_equal(access(other, F_OK), 0);
    journal_close(&one, false);
    journal_close(&two, false);
    assert_int_equal(unlink(other), 0);
    journals_sweep("/nowhere", is_second, &nr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_there_again),
        cmocka_unit_test(file_of_another_size_is_emptied),
        cmocka_unit_test(place_that_is_none_is_refused),
        cmocka_unit_test(sweep_removes_what_nobody_wants),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
