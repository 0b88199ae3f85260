/* SPDX-License-Identifier: BSD-2-Clause */
/* Both protocols between processes: each feature against all of the others. */
#include "cm.h"

#include "matrix.h"
#include "world_shm.h"

static void run(const struct protocol *p)
{
    const struct matrix m = {.binding = &binding_shm,
                             .protocol = p,
                             .nr_random = matrix_nr_random(1)};

    assert_int_equal(matrix_run(&m), 0);
}

static void every_pair_of_block_sets_connects_or_is_refused(void **state)
{
    (void)state;
    run(&blk_protocol);
}

static void every_pair_of_net_sets_connects_or_is_refused(void **state)
{
    (void)state;
    run(&net_protocol);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_block_sets_connects_or_is_refused),
        cmocka_unit_test(every_pair_of_net_sets_connects_or_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
