/* SPDX-License-Identifier: BSD-2-Clause */
/* Each atomic operation of each width changes its own bytes and no others. */
#include "cm.h"
#include <splitio/arch.h>
#include <string.h>

/* What is around the operand, at all places in a word of 8 bytes. */
struct room {
    uint64_t words[3];
};

static void fill(struct room *room)
{
    memset(room, 0x5a, sizeof(*room));
}

static void check_around(struct room *room, void *p, size_t len)
{
    struct room plain;

    fill(&plain);
    memset(p, 0x5a, len);
    assert_memory_equal(room, &plain, sizeof(plain));
}

#define ARCH_TEST(sfx, type)                                                   \
    static void one_##sfx(struct room *room, type *p)                          \
    {                                                                          \
        const type top = (type)((type)1 << (sizeof(type) * 8 - 1));            \
        type expected = 1;                                                     \
                                                                               \
        splitio_store_release_##sfx(p, (type)(top | 3));                       \
        assert_true(splitio_load_acquire_##sfx(p) == (type)(top | 3));         \
        assert_false(splitio_cas_##sfx(p, &expected, 9));                      \
        assert_true(expected == (type)(top | 3));                              \
        assert_true(splitio_cas_##sfx(p, &expected, (type)(top | 6)));         \
        assert_true(splitio_read_once_##sfx(p) == (type)(top | 6));            \
        assert_true(splitio_fetch_or_##sfx(p, 1) == (type)(top | 6));          \
        assert_true(splitio_fetch_and_##sfx(p, (type) ~(top | 2)) ==           \
                    (type)(top | 7));                                          \
        assert_true(splitio_xchg_##sfx(p, (type)-1) == 5);                     \
        assert_true(splitio_fetch_add_##sfx(p, 2) == (type)-1);                \
        assert_true(splitio_read_once_##sfx(p) == 1);                          \
        check_around(room, p, sizeof(type));                                   \
    }                                                                          \
    static void operations_of_##sfx##_keep_the_neighbours(void **state)        \
    {                                                                          \
        struct room room;                                                      \
        size_t at;                                                             \
                                                                               \
        (void)state;                                                           \
        for (at = 8; at < 16; at += sizeof(type)) {                            \
            fill(&room);                                                       \
            one_##sfx(&room, (void *)((uint8_t *)room.words + at));            \
        }                                                                      \
    }

ARCH_TEST(u8, uint8_t)
ARCH_TEST(u16, uint16_t)
ARCH_TEST(u32, uint32_t)
ARCH_TEST(u64, uint64_t)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_of_u8_keep_the_neighbours),
        cmocka_unit_test(operations_of_u16_keep_the_neighbours),
        cmocka_unit_test(operations_of_u32_keep_the_neighbours),
        cmocka_unit_test(operations_of_u64_keep_the_neighbours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
