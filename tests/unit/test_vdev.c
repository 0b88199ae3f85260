/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers of virtual disks, beside the table of xen-vbd-interface(7). */
#include "cm.h"

#include <splitio/proto/vdev.h>

#include <string.h>

static const struct {
    const char *name;
    uint32_t number;
} table[] = {
    {"xvda", 202 << 8},
    {"xvda1", 202 << 8 | 1},
    {"xvdb", 202 << 8 | 1 << 4},
    {"xvdp15", 202 << 8 | 15 << 4 | 15},
    {"xvda16", 1 << 28 | 16},
    {"xvdq", 1 << 28 | 16 << 8},
    {"xvdz255", 1 << 28 | 25 << 8 | 255},
    {"xvdaa", 1 << 28 | 26 << 8},
    {"xvdzz7", 1 << 28 | 701 << 8 | 7},
    {"xvdaaa", 1 << 28 | 702 << 8},
    {"xvdbgqcv", 1 << 28 | 0xFFFFF << 8},
    {"sda", 8 << 8},
    {"sdp15", 8 << 8 | 15 << 4 | 15},
    {"hda", 3 << 8},
    {"hdb63", 3 << 8 | 1 << 6 | 63},
    {"hdc", 22 << 8},
    {"hdd1", 22 << 8 | 1 << 6 | 1},
};

static void vdev_names_have_the_numbers_of_the_table(void **state)
{
    char name[SPLITIO_VDEV_NAME_MAX];
    uint32_t number;

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(table); i++) {
        assert_int_equal(splitio_vdev_parse(table[i].name, &number), 0);
        assert_int_equal(number, table[i].number);
        assert_int_equal(splitio_vdev_name(number, name),
                         strlen(table[i].name));
        assert_string_equal(name, table[i].name);
    }
}

static void vdev_plain_names_and_numbers_are_taken(void **state)
{
    uint32_t number;

    (void)state;
    assert_int_equal(splitio_vdev_parse("d0", &number), 0);
    assert_int_equal(number, 202 << 8);
    assert_int_equal(splitio_vdev_parse("d5p2", &number), 0);
    assert_int_equal(number, 202 << 8 | 5 << 4 | 2);
    assert_int_equal(splitio_vdev_parse("d536p37", &number), 0);
    assert_int_equal(number, 1 << 28 | 536 << 8 | 37);
    assert_int_equal(splitio_vdev_parse("51712", &number), 0);
    assert_int_equal(number, 51712);
    assert_int_equal(splitio_vdev_parse("4294967295", &number), 0);
    assert_int_equal(number, UINT32_MAX);
}

static void vdev_texts_that_name_nothing_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "xvd",
                                      "xvdA",
                                      "xvd1",
                                      "xvda256",
                                      "xvda1x",
                                      "xvdbgqcw",
                                      "xvdzzzzzzzzzz",
                                      "sdq",
                                      "sda16",
                                      "hde",
                                      "hda64",
                                      "d",
                                      "d5p",
                                      "d5p2x",
                                      "d1048576",
                                      "dp1",
                                      "-1",
                                      "0x10",
                                      "sd",
                                      "4294967296",
                                      "xvda99999999999",
                                      "d99999999999"};
    uint32_t number = 77;

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++)
        assert_int_equal(splitio_vdev_parse(bad[i], &number), SPLITIO_EINVAL);
    assert_int_equal(number, 77);
}

/* Every number either has a name, which leads back to it, or none. */
static void vdev_numbers_and_names_are_one_to_one(void **state)
{
    char name[SPLITIO_VDEV_NAME_MAX];
    unsigned nr_named = 0;

    (void)state;
    for (uint32_t i = 0; i < 70000; i++) {
        uint32_t number = i < 66000 ? i : i * 2654435761u, again;

        if (splitio_vdev_name(number, name) < 0)
            continue;
        nr_named++;
        assert_int_equal(splitio_vdev_parse(name, &again), 0);
        /* Small disks have a short form as well, which is the one made. */
        if (number >> 28 != 1 || (number >> 8 & 0xFFFFF) > 15 ||
            (number & 255) > 15)
            assert_int_equal(again, number);
    }
    assert_in_range(nr_named, 2 * 256 + 4 * 64, 70000);
    assert_int_equal(splitio_vdev_name(0, name), SPLITIO_EINVAL);
    assert_int_equal(splitio_vdev_name(UINT32_C(2) << 28, name),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_vdev_name(3 << 8 | 2 << 6, name), SPLITIO_EINVAL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(vdev_names_have_the_numbers_of_the_table),
        cmocka_unit_test(vdev_plain_names_and_numbers_are_taken),
        cmocka_unit_test(vdev_texts_that_name_nothing_are_refused),
        cmocka_unit_test(vdev_numbers_and_names_are_one_to_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
