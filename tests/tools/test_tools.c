/* SPDX-License-Identifier: BSD-2-Clause */
/* The programs' values, and how they tell a service manager. */
#include "cm.h"

#include <common/log.h>
#include <common/values.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void value_numbers_are_digits_within_bounds(void **state)
{
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "1x", "0x1", "11", "18446744073709551616"};
    uint64_t v = 77;

    (void)state;
    assert_int_equal(value_number("10", 1, 10, &v), 0);
    assert_int_equal(v, 10);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(value_number(bad[i], 1, 10, &v), -1);
    assert_int_equal(v, 10);
}

static void value_sizes_have_units(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"512", 512},
                {"1K", 1024},
                {"10m", 10 << 20},
                {"2G", 2ull << 30},
                {"1T", 1ull << 40}};
    static const char *const bad[] = {"",   "K",   "0",   "1",          "511",
                                      "1P", "1KB", "-1K", "9999999999T"};
    uint64_t v;

    (void)state;
    for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(value_size(good[i].text, &v), 0);
        assert_int_equal(v, good[i].bytes);
    }
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(value_size(bad[i], &v), -1);
}

static void value_bools_are_words(void **state)
{
    bool v = false;

    (void)state;
    assert_int_equal(value_bool("YES", &v), 0);
    assert_true(v);
    assert_int_equal(value_bool("off", &v), 0);
    assert_false(v);
    assert_int_equal(value_bool("perhaps", &v), -1);
}

static void value_macs_are_of_one_station(void **state)
{
    static const uint8_t expect[] = {0x52, 0x54, 0, 0xab, 0xCD, 0xef};
    static const char *const bad[] = {"",
                                      "52:54:00:ab:cd",
                                      "52:54:00:ab:cd:ef:",
                                      "52-54-00-ab-cd-ef",
                                      "5g:54:00:ab:cd:ef",
                                      "01:00:5e:00:00:01",
                                      "52:54:0:ab:cd:ef0"};
    uint8_t mac[6];

    (void)state;
    assert_int_equal(value_mac("52:54:00:AB:cd:ef", mac), 0);
    assert_memory_equal(mac, expect, 6);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(value_mac(bad[i], mac), -1);
}

static void value_vdevs_have_xens_numbers(void **state)
{
    static const struct {
        const char *text;
        uint32_t number;
    } good[] = {{"xvda", 51712},     {"xvdb", 51728},     {"xvdp", 51952},
                {"xvdq", 268439552}, {"xvdz", 268441856}, {"xvdaa", 268442112},
                {"51712", 51712}};
    static const char *const bad[] = {"", "xvd", "xvdA", "xvd1", "nvme0", "-1"};
    uint32_t v;

    (void)state;
    for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(value_vdev(good[i].text, &v), 0);
        assert_int_equal(v, good[i].number);
    }
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(value_vdev(bad[i], &v), -1);
}

static void notify_reaches_the_service_manager(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    char text[32];

    (void)state;
    snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/splitio-notify-%d",
             (int)getpid());
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    setenv("NOTIFY_SOCKET", at.sun_path, 1);
    log_notify("READY=1");
    assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), 7);
    assert_memory_equal(text, "READY=1", 7);
    unsetenv("NOTIFY_SOCKET");
    log_notify("READY=1"); /* nobody to tell: nothing happens */
    assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), -1);
    unlink(at.sun_path);
    close(fd);
}

static void log_floods_are_cut_off(void **state)
{
    int pipe_fds[2], saved = dup(STDERR_FILENO);
    static char text[65536];
    unsigned lines = 0;
    ssize_t n;

    (void)state;
    assert_int_equal(pipe(pipe_fds), 0);
    dup2(pipe_fds[1], STDERR_FILENO);
    log_init("test", false);
    for (unsigned i = 0; i < 500; i++)
        log_line(LOG_WARNING, "line %u", i);
    log_line(LOG_DEBUG, "not shown");
    dup2(saved, STDERR_FILENO);
    close(pipe_fds[1]);
    n = read(pipe_fds[0], text, sizeof(text) - 1);
    assert_true(n > 0);
    text[n] = '\0';
    for (char *p = text; (p = strchr(p, '\n')) != NULL; p++)
        lines++;
    /* 20 a second, and the second may have changed meanwhile. */
    assert_in_range(lines, 20, 41);
    assert_int_equal(strncmp(text, "test: line 0\n", 13), 0);
    close(pipe_fds[0]);
    close(saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_numbers_are_digits_within_bounds),
        cmocka_unit_test(value_sizes_have_units),
        cmocka_unit_test(value_bools_are_words),
        cmocka_unit_test(value_macs_are_of_one_station),
        cmocka_unit_test(value_vdevs_have_xens_numbers),
        cmocka_unit_test(notify_reaches_the_service_manager),
        cmocka_unit_test(log_floods_are_cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
