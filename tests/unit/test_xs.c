/* SPDX-License-Identifier: BSD-2-Clause */
/* xenstore's wire format: paths, strings, numbers, permissions, errors. */
#include "cm.h"

#include <splitio/proto/xs.h>

#include <string.h>

static int check(const char *path, unsigned flags)
{
    return splitio_xs_path_check(path, strlen(path), flags);
}

static void xs_path_good_is_accepted(void **state)
{
    static const char *const good[] = {"/", "/a", "/local/domain/0/x-y_Z@1",
                                       "/a/b/c/d"};

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(good); i++)
        assert_int_equal(check(good[i], 0), 0);
    assert_int_equal(check("device/vbd", SPLITIO_XS_PATH_RELATIVE), 0);
    assert_int_equal(check("@releaseDomain", SPLITIO_XS_PATH_SPECIAL), 0);
}

static void xs_path_bad_is_refused(void **state)
{
    static const char *const bad[] = {"",     "//",       "/a//b", "/a/",
                                      "/a b", "/a.b",     "/a:",   "/\xc3",
                                      "/a\n", "relative", "@x",    "/a/b//"};

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++)
        assert_int_equal(check(bad[i], 0), SPLITIO_EINVAL);
    assert_int_equal(check("a/", SPLITIO_XS_PATH_RELATIVE), SPLITIO_EINVAL);
    assert_int_equal(check("@x", SPLITIO_XS_PATH_RELATIVE), SPLITIO_EINVAL);
    assert_int_equal(splitio_xs_path_check("/a\0b", 4, 0), SPLITIO_EINVAL);
}

static void xs_path_length_is_bounded(void **state)
{
    char path[4096];

    (void)state;
    memset(path, 'a', sizeof(path));
    assert_int_equal(splitio_xs_path_check(path, SPLITIO_XS_REL_PATH_MAX,
                                           SPLITIO_XS_PATH_RELATIVE),
                     0);
    assert_int_equal(splitio_xs_path_check(path, SPLITIO_XS_REL_PATH_MAX + 1,
                                           SPLITIO_XS_PATH_RELATIVE),
                     SPLITIO_EINVAL);
    path[0] = '/';
    assert_int_equal(splitio_xs_path_check(path, SPLITIO_XS_ABS_PATH_MAX, 0),
                     0);
    assert_int_equal(
        splitio_xs_path_check(path, SPLITIO_XS_ABS_PATH_MAX + 1, 0),
        SPLITIO_EINVAL);
}

static void xs_strings_are_split(void **state)
{
    const char *s[3];

    (void)state;
    assert_int_equal(splitio_xs_strings("a\0bc\0", 5, s, 3), 2);
    assert_string_equal(s[0], "a");
    assert_string_equal(s[1], "bc");
    assert_int_equal(splitio_xs_strings("", 0, s, 3), 0);
    assert_int_equal(splitio_xs_strings("\0\0\0", 3, s, 3), 3);
    assert_int_equal(splitio_xs_strings("\0\0\0\0", 4, s, 3), SPLITIO_E2BIG);
    assert_int_equal(splitio_xs_strings("ab", 2, s, 3), SPLITIO_EINVAL);
    assert_int_equal(splitio_xs_strings("a\0b", 3, s, 3), SPLITIO_EINVAL);
}

static void xs_numbers_out_of_range_are_refused(void **state)
{
    static const char *const bad[] = {"",   "-1",  "+1",         " 1",
                                      "1 ", "0x1", "4294967296", "1e3"};
    uint32_t v = 7;
    uint64_t w;

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++)
        assert_int_equal(splitio_xs_parse_u32(bad[i], strlen(bad[i]), &v),
                         SPLITIO_EINVAL);
    assert_int_equal(v, 7);
    assert_int_equal(splitio_xs_parse_u32("4294967295", 10, &v), 0);
    assert_int_equal(v, UINT32_MAX);
    assert_int_equal(splitio_xs_parse_u64("18446744073709551615", 20, &w), 0);
    assert_true(w == UINT64_MAX);
    assert_int_equal(splitio_xs_parse_u64("18446744073709551616", 20, &w),
                     SPLITIO_EINVAL);
}

static void xs_numbers_are_written(void **state)
{
    char text[24];

    (void)state;
    assert_int_equal(splitio_xs_format_u32(text, 0), 1);
    assert_string_equal(text, "0");
    assert_int_equal(splitio_xs_format_u32(text, UINT32_MAX), 10);
    assert_string_equal(text, "4294967295");
    assert_int_equal(splitio_xs_format_u64(text, UINT64_MAX), 20);
    assert_string_equal(text, "18446744073709551615");
    assert_int_equal(splitio_xs_domain_path(text, 65535), 19);
    assert_string_equal(text, "/local/domain/65535");
}

static void xs_perms_go_both_ways(void **state)
{
    static const char *const good[] = {"n0", "r1", "w65535", "b42"};
    static const char *const bad[] = {"",   "n",   "x1", "r-1", "r65536",
                                      "1r", "r1 ", "rb", "R1"};
    struct splitio_xs_perm p;
    char text[SPLITIO_XS_PERM_TEXT_MAX];

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(good); i++) {
        assert_int_equal(splitio_xs_parse_perm(good[i], &p), 0);
        assert_int_equal(splitio_xs_format_perm(text, &p), strlen(good[i]));
        assert_string_equal(text, good[i]);
    }
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++)
        assert_int_equal(splitio_xs_parse_perm(bad[i], &p), SPLITIO_EINVAL);
}

static void xs_errors_go_both_ways(void **state)
{
    static const int errors[] = {
        SPLITIO_EINVAL, SPLITIO_EACCES, SPLITIO_EEXIST, SPLITIO_ENOENT,
        SPLITIO_ENOMEM, SPLITIO_ENOSPC, SPLITIO_EIO,    SPLITIO_EBUSY,
        SPLITIO_EROFS,  SPLITIO_EAGAIN, SPLITIO_E2BIG,  SPLITIO_EOPNOTSUPP};

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(errors); i++) {
        const char *name = splitio_xs_error_name(errors[i]);

        assert_int_equal(splitio_xs_error_value(name, strlen(name)), errors[i]);
        assert_int_equal(splitio_xs_error_value(name, strlen(name) + 1),
                         errors[i]);
    }
    assert_string_equal(splitio_xs_error_name(SPLITIO_EOPNOTSUPP), "ENOSYS");
    assert_string_equal(splitio_xs_error_name(SPLITIO_EPROTO), "EIO");
    assert_int_equal(splitio_xs_error_value("", 0), SPLITIO_EIO);
    assert_int_equal(splitio_xs_error_value("EINVALX", 7), SPLITIO_EIO);
}

static void xs_message_above_limit_is_a_protocol_error(void **state)
{
    struct splitio_xs_msg m = {.len = SPLITIO_XS_PAYLOAD_MAX};

    (void)state;
    assert_int_equal(splitio_xs_msg_check(&m), 0);
    m.len++;
    assert_int_equal(splitio_xs_msg_check(&m), SPLITIO_EPROTO);
    m.len = UINT32_MAX;
    assert_int_equal(splitio_xs_msg_check(&m), SPLITIO_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xs_path_good_is_accepted),
        cmocka_unit_test(xs_path_bad_is_refused),
        cmocka_unit_test(xs_path_length_is_bounded),
        cmocka_unit_test(xs_strings_are_split),
        cmocka_unit_test(xs_numbers_out_of_range_are_refused),
        cmocka_unit_test(xs_numbers_are_written),
        cmocka_unit_test(xs_perms_go_both_ways),
        cmocka_unit_test(xs_errors_go_both_ways),
        cmocka_unit_test(xs_message_above_limit_is_a_protocol_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
