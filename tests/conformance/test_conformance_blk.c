/* SPDX-License-Identifier: BSD-2-Clause */
/* Block over the fake machine: every feature against every other. */
#include "cm.h"

#include "matrix.h"
#include "world_fake.h"

static void every_pair_of_sets_connects_or_is_refused(void **state)
{
    const struct matrix m = {.binding = &binding_fake,
                             .protocol = &blk_protocol,
                             .nr_random = matrix_nr_random(1)};

    (void)state;
    assert_int_equal(matrix_run(&m), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_sets_connects_or_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
