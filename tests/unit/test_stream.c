/* SPDX-License-Identifier: BSD-2-Clause */
/* Byte rings: whole contents from every start index, and lying peers. */
#include "cm.h"

#include <splitio/stream.h>

#include <string.h>

#define SIZE 64u

static const uint32_t starts[] = {0, INT32_MAX, UINT32_MAX - 1};

struct ring {
    uint8_t bytes[SIZE];
    uint32_t prod, cons;
    struct splitio_stream out, in;
};

static void ring_at(struct ring *r, uint32_t index)
{
    memset(r, 0, sizeof(*r));
    r->prod = r->cons = splitio_le32(index);
    assert_int_equal(splitio_stream_init_producer(&r->out, r->bytes, SIZE,
                                                  &r->prod, &r->cons),
                     0);
    assert_int_equal(splitio_stream_init_consumer(&r->in, r->bytes, SIZE,
                                                  &r->prod, &r->cons),
                     0);
    assert_true(splitio_stream_is_valid(&r->out));
    assert_true(splitio_stream_is_valid(&r->in));
}

static void stream_any_start_carries_bytes_in_order(void **state)
{
    (void)state;
    for (unsigned k = 0; k < SPLITIO_ARRAY_LEN(starts); k++) {
        struct ring r;
        uint8_t next_in = 0, next_out = 0;

        ring_at(&r, starts[k]);
        for (unsigned i = 0; i < 1000; i++) {
            uint8_t buf[SIZE];
            uint32_t len = 1 + i % 50;
            int n;

            for (uint32_t j = 0; j < len; j++)
                buf[j] = (uint8_t)(next_in + j);
            n = splitio_stream_write(&r.out, buf, len);
            assert_in_range(n, 0, len);
            next_in = (uint8_t)(next_in + n);
            n = splitio_stream_read(&r.in, buf, 1 + i % 37);
            for (int j = 0; j < n; j++)
                assert_int_equal(buf[j], next_out++);
        }
    }
}

static void stream_full_is_not_empty(void **state)
{
    (void)state;
    for (unsigned k = 0; k < SPLITIO_ARRAY_LEN(starts); k++) {
        struct ring r;
        uint8_t buf[SIZE + 1] = {1};

        ring_at(&r, starts[k]);
        assert_int_equal(splitio_stream_pending(&r.in), 0);
        assert_int_equal(splitio_stream_write(&r.out, buf, SIZE + 1), SIZE);
        assert_int_equal(splitio_stream_room(&r.out), 0);
        assert_int_equal(splitio_stream_write(&r.out, buf, 1), 0);
        assert_int_equal(splitio_stream_pending(&r.in), SIZE);
        assert_int_equal(splitio_stream_read(&r.in, buf, SIZE + 1), SIZE);
        assert_int_equal(splitio_stream_read(&r.in, buf, 1), 0);
    }
}

static void stream_impossible_peer_index_breaks_it_for_good(void **state)
{
    struct ring r;
    uint8_t b = 0;

    (void)state;
    ring_at(&r, 0);
    r.prod = splitio_le32(SIZE + 1);
    assert_int_equal(splitio_stream_read(&r.in, &b, 1), SPLITIO_EPROTO);
    r.prod = splitio_le32(1);
    assert_int_equal(splitio_stream_read(&r.in, &b, 1), SPLITIO_EPROTO);

    ring_at(&r, 5);
    r.cons = splitio_le32(6); /* consumed what was never produced */
    assert_int_equal(splitio_stream_write(&r.out, &b, 1), SPLITIO_EPROTO);
    assert_int_equal(splitio_stream_room(&r.out), SPLITIO_EPROTO);
}

static void stream_bad_size_is_refused(void **state)
{
    struct ring r;
    struct splitio_stream s;

    (void)state;
    assert_int_equal(
        splitio_stream_init_producer(&s, r.bytes, 48, &r.prod, &r.cons),
        SPLITIO_EINVAL);
    assert_int_equal(
        splitio_stream_init_consumer(&s, r.bytes, 0, &r.prod, &r.cons),
        SPLITIO_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream_any_start_carries_bytes_in_order),
        cmocka_unit_test(stream_full_is_not_empty),
        cmocka_unit_test(stream_impossible_peer_index_breaks_it_for_good),
        cmocka_unit_test(stream_bad_size_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
