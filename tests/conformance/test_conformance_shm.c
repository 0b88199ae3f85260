/* SPDX-License-Identifier: BSD-2-Clause */
/* Both protocols between processes: each feature against all of the others. */
#include "cm.h"

#include "matrix.h"
#include "world_shm.h"

static void run(unsigned i, const struct protocol *p)
{
    const struct matrix m = {.binding = &bindings_shm[i],
                             .protocol = p,
                             .nr_random = matrix_nr_random(1) / (i + 1)};

    assert_int_equal(matrix_run(&m), 0);
}

static void every_pair_of_block_sets_connects_or_is_refused(void **state)
{
    (void)state;
    run(0, &blk_protocol);
}

static void every_pair_of_net_sets_connects_or_is_refused(void **state)
{
    (void)state;
    run(0, &net_protocol);
}

static void every_block_pair_connects_with_grants_v2_and_fifo(void **state)
{
    (void)state;
    run(1, &blk_protocol);
}

static void every_net_pair_connects_with_grants_v2_and_fifo(void **state)
{
    (void)state;
    run(1, &net_protocol);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_block_sets_connects_or_is_refused),
        cmocka_unit_test(every_pair_of_net_sets_connects_or_is_refused),
        cmocka_unit_test(every_block_pair_connects_with_grants_v2_and_fifo),
        cmocka_unit_test(every_net_pair_connects_with_grants_v2_and_fifo),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
