/* SPDX-License-Identifier: BSD-2-Clause */
/* Block front and back together: every byte of random traffic is checked. */
#include "cm.h"

#include "blk_pair.h"

static struct blk_pair pair;

static void traffic_over(struct blk_pair *p, unsigned nr, size_t max_bytes)
{
    pair_connect(p);
    pair_traffic(p, nr, max_bytes);
    assert_int_equal(p->nr_bad, 0);
    pair_close(p);
}

static void blk_bounced_and_persistent_moves_the_bytes(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    assert_true(splitio_blkfront_info(&pair.front)->flags &
                SPLITIO_BLKFRONT_PERSISTENT);
    pair_traffic(&pair, 1500, 160 * 1024);
    assert_int_equal(pair.nr_bad, 0);
    assert_true(pair.back.stats.nr_kept > 0);
    pair_close(&pair);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(blk_bounced_and_persistent_moves_the_bytes),
    };

    (void)traffic_over;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
