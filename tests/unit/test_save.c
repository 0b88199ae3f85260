/* SPDX-License-Identifier: BSD-2-Clause */
/* The form of blobs: the same bytes from every build, and nothing else read. */
#include "cm.h"

#include <splitio/save.h>

#include <string.h>

/* A blob of a kind of its own: written by hand, its sum by another program. */
static const uint8_t golden[] = {
    'S', 'P',  'L',  'S',  1,    0, 0,   0, 4, 0, 0, 0, 44, 0,  0,
    0,   0xd2, 0xfc, 0xda, 0x47, 0, 0,   0, 0, 1, 0, 0, 0,  12, 0,
    0,   0,    1,    0,    0,    0, 128, 0, 0, 0, 0, 0, 0,  0,
};

static uint8_t blob[sizeof(golden)];

static void head_is_read(void **state)
{
    struct splitio_save_info info;

    (void)state;
    assert_int_equal(splitio_save_inspect(golden, sizeof(golden), &info), 0);
    assert_int_equal(info.kind, SPLITIO_SAVE_NETFRONT);
    assert_int_equal(info.major, 1);
    assert_int_equal(info.minor, 0);
    assert_int_equal(info.bytes, sizeof(golden));
}

static void every_change_of_a_bit_is_noticed(void **state)
{
    struct splitio_save_info info;

    (void)state;
    for (size_t bit = 0; bit < 8 * sizeof(golden); bit++) {
        memcpy(blob, golden, sizeof(golden));
        blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(splitio_save_inspect(blob, sizeof(blob), &info),
                         SPLITIO_EPROTO);
    }
}

static void every_cut_is_noticed(void **state)
{
    struct splitio_save_info info;

    (void)state;
    for (size_t n = 0; n < sizeof(golden); n++)
        assert_int_equal(splitio_save_inspect(golden, n, &info),
                         SPLITIO_EPROTO);
    assert_int_equal(splitio_save_inspect(NULL, 0, &info), SPLITIO_EPROTO);
}

/* The sum of the bytes as they are now: CRC-32 as in IEEE 802.3. */
static void seal(void)
{
    uint32_t crc = UINT32_MAX;

    memset(blob + 16, 0, 4);
    for (size_t i = 0; i < sizeof(blob); i++) {
        crc ^= blob[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    for (unsigned i = 0; i < 4; i++)
        blob[16 + i] = (uint8_t)(~crc >> 8 * i);
}

static void versions_are_kept_apart(void **state)
{
    struct splitio_save_info info;

    (void)state;
    memcpy(blob, golden, sizeof(golden));
    blob[4] = 2; /* major: cannot be understood */
    seal();
    assert_int_equal(splitio_save_inspect(blob, sizeof(blob), &info),
                     SPLITIO_EOPNOTSUPP);
    assert_int_equal(info.major, 2);
    memcpy(blob, golden, sizeof(golden));
    blob[6] = 9; /* minor: can */
    seal();
    assert_int_equal(splitio_save_inspect(blob, sizeof(blob), &info), 0);
    assert_int_equal(info.minor, 9);
}

static void record_beyond_the_end_is_damage(void **state)
{
    struct splitio_save_info info;

    (void)state;
    for (unsigned len = 0; len < 256; len++) {
        memcpy(blob, golden, sizeof(golden));
        blob[28] = (uint8_t)len;
        seal();
        /* 12 is the whole; 4 leaves room for another one's head, of 0 bytes. */
        assert_int_equal(splitio_save_inspect(blob, sizeof(blob), &info),
                         len == 12 || len == 4 ? 0 : SPLITIO_EPROTO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_is_read),
        cmocka_unit_test(every_change_of_a_bit_is_noticed),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(versions_are_kept_apart),
        cmocka_unit_test(record_beyond_the_end_is_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
