/* SPDX-License-Identifier: BSD-2-Clause */
/* The four functions of bare metal, against those of the C library. */
#include "cm.h"

#include <string.h>

#define MAX 70u

void *bare_memcpy(void *to, const void *from, size_t nr);
void *bare_memmove(void *to, const void *from, size_t nr);
void *bare_memset(void *to, int c, size_t nr);
int bare_memcmp(const void *a, const void *b, size_t nr);

static uint8_t ours[3 * MAX], theirs[3 * MAX];

static void fill(void)
{
    for (unsigned i = 0; i < sizeof(ours); i++)
        ours[i] = theirs[i] = (uint8_t)(i * 37 + 11);
}

static void copies_are_as_the_librarys(void **state)
{
    (void)state;
    for (unsigned nr = 0; nr < MAX; nr++) {
        fill();
        assert_ptr_equal(bare_memcpy(ours + 1, ours + 2 * MAX, nr), ours + 1);
        memcpy(theirs + 1, theirs + 2 * MAX, nr);
        assert_memory_equal(ours, theirs, sizeof(ours));
    }
}

static void moves_of_any_overlap_are_as_the_librarys(void **state)
{
    (void)state;
    for (unsigned nr = 0; nr < MAX; nr++)
        for (unsigned to = 0; to < 2 * MAX; to += 7) {
            fill();
            assert_ptr_equal(bare_memmove(ours + to, ours + MAX, nr),
                             ours + to);
            memmove(theirs + to, theirs + MAX, nr);
            assert_memory_equal(ours, theirs, sizeof(ours));
        }
}

static void sets_are_as_the_librarys(void **state)
{
    (void)state;
    for (unsigned nr = 0; nr < MAX; nr++) {
        fill();
        assert_ptr_equal(bare_memset(ours + 3, (int)(nr + 0x1280), nr),
                         ours + 3);
        memset(theirs + 3, (int)(nr + 0x1280), nr);
        assert_memory_equal(ours, theirs, sizeof(ours));
    }
}

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void comparisons_have_the_librarys_sign(void **state)
{
    (void)state;
    for (unsigned nr = 0; nr < MAX; nr++)
        for (unsigned at = 0; at < MAX; at++)
            for (unsigned change = 0; change < 256; change += 85) {
                fill();
                ours[at] = (uint8_t)(ours[at] + change);
                assert_int_equal(sign(bare_memcmp(ours, theirs, nr)),
                                 sign(memcmp(ours, theirs, nr)));
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_as_the_librarys),
        cmocka_unit_test(moves_of_any_overlap_are_as_the_librarys),
        cmocka_unit_test(sets_are_as_the_librarys),
        cmocka_unit_test(comparisons_have_the_librarys_sign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
