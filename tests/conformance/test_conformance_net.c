/* SPDX-License-Identifier: BSD-2-Clause */
/* Net over the fake machine: every feature against every other. */
#include "cm.h"

#include "matrix.h"
#include "world_fake.h"

#include <stdio.h>

static void run(unsigned i)
{
    const struct matrix m = {.binding = &bindings_fake[i],
                             .protocol = &net_protocol,
                             .nr_random = matrix_nr_random(1)};

    assert_int_equal(matrix_run(&m), 0);
}

static void every_pair_of_sets_connects_or_is_refused(void **state)
{
    (void)state;
    run(0);
}

/* The first and the last kind of machine have all there is between them. */
static void run_or_skip(unsigned i)
{
    if (matrix_is_short()) {
        printf("emulated: only the first and the last kind of machine\n");
        fflush(stdout);
        skip();
    }
    run(i);
}

static void every_pair_connects_with_grants_of_version_2(void **state)
{
    (void)state;
    run_or_skip(1);
}

static void every_pair_connects_with_fifo_events(void **state)
{
    (void)state;
    run_or_skip(2);
}

static void every_pair_connects_with_both(void **state)
{
    (void)state;
    run(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_sets_connects_or_is_refused),
        cmocka_unit_test(every_pair_connects_with_grants_of_version_2),
        cmocka_unit_test(every_pair_connects_with_fifo_events),
        cmocka_unit_test(every_pair_connects_with_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
