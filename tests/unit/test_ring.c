/* SPDX-License-Identifier: BSD-2-Clause */
/* The request/response ring: every geometry, every start, lying peers. */
#include "cm.h"

#include <splitio/ring.h>

#include <stdlib.h>
#include <string.h>

/* Index 0, and two where signed and unsigned arithmetic part. */
static const uint32_t starts[] = {0, INT32_MAX, UINT32_MAX - 1};

static _Alignas(4096) uint8_t area[SPLITIO_RING_PAGES_MAX][4096];

struct pair {
    struct splitio_ring_front front;
    struct splitio_ring_back back;
    struct splitio_sring *sring;
};

/* Both halves over nr_pages, idle, with all indices at `start`. */
static struct pair pair_at(uint32_t nr_pages, uint32_t slot_bytes,
                           uint32_t start)
{
    struct pair p;

    memset(area, 0xA5, sizeof(area));
    p.sring = (struct splitio_sring *)(void *)area;
    assert_int_equal(
        splitio_ring_front_init(&p.front, area, nr_pages, slot_bytes), 0);
    if (start != 0) {
        p.sring->req_prod = p.sring->rsp_prod = splitio_le32(start);
        p.sring->req_event = p.sring->rsp_event = splitio_le32(start + 1);
        assert_int_equal(splitio_ring_front_attach(&p.front, area, nr_pages,
                                                   slot_bytes, start),
                         0);
    }
    assert_int_equal(
        splitio_ring_back_attach(&p.back, area, nr_pages, slot_bytes), 0);
    return p;
}

static void assert_valid(const struct pair *p)
{
    assert_true(splitio_ring_front_is_valid(&p->front));
    assert_true(splitio_ring_back_is_valid(&p->back));
}

/* Reserve n slots, each filled with its own byte, and publish. */
static bool send(struct pair *p, unsigned n, uint8_t fill)
{
    for (unsigned i = 0; i < n; i++) {
        void *slot = splitio_ring_front_reserve(&p->front);

        assert_non_null(slot);
        memset(slot, fill + (int)i, p->front.slot_bytes);
    }
    return splitio_ring_front_publish(&p->front);
}

/* Take n requests and answer each with its own bytes, inverted. */
static bool answer(struct pair *p, unsigned n)
{
    uint32_t bytes = p->back.slot_bytes;
    uint8_t slot[4096];

    for (; n > 0; n--) {
        assert_int_equal(splitio_ring_back_take(&p->back, slot, bytes), 1);
        for (uint32_t i = 0; i < bytes; i++)
            slot[i] = (uint8_t)~slot[i];
        assert_int_equal(splitio_ring_back_put(&p->back, slot, bytes), 0);
    }
    return splitio_ring_back_publish(&p->back);
}

static void collect(struct pair *p, unsigned n, uint8_t fill)
{
    uint32_t bytes = p->front.slot_bytes;
    uint8_t slot[4096];

    for (; n > 0; n--, fill++) {
        assert_int_equal(splitio_ring_front_take(&p->front, slot, bytes), 1);
        for (uint32_t i = 0; i < bytes; i++)
            assert_int_equal(slot[i], (uint8_t)~fill);
    }
}

static void nr_slots_of_known_protocols_are_theirs(void **state)
{
    (void)state;
    assert_int_equal(splitio_ring_nr_slots(1, 112), 32); /* blkif, 64-bit */
    assert_int_equal(splitio_ring_nr_slots(1, 108), 32); /* blkif, 32-bit */
    assert_int_equal(splitio_ring_nr_slots(16, 112), 512);
    assert_int_equal(splitio_ring_nr_slots(1, 12), 256); /* netif tx */
    assert_int_equal(splitio_ring_nr_slots(1, 8), 256);  /* netif rx */
    assert_int_equal(splitio_ring_nr_slots(1, 4032), 1);
    assert_int_equal(splitio_ring_nr_slots(1, 2016), 2);
    assert_int_equal(splitio_ring_nr_slots(1, 2017), 1);
}

static void nr_slots_of_impossible_rings_is_zero(void **state)
{
    (void)state;
    assert_int_equal(splitio_ring_nr_slots(0, 64), 0);
    assert_int_equal(splitio_ring_nr_slots(17, 64), 0);
    assert_int_equal(splitio_ring_nr_slots(1, 0), 0);
    assert_int_equal(splitio_ring_nr_slots(1, 4033), 0);
    assert_int_equal(splitio_ring_nr_slots(1, UINT32_MAX), 0);
    assert_int_equal(splitio_ring_nr_slots(UINT32_MAX, 64), 0);
}

static void init_with_bad_arguments_is_refused(void **state)
{
    struct splitio_ring_front f;
    struct splitio_ring_back b;

    (void)state;
    assert_int_equal(splitio_ring_front_init(&f, NULL, 1, 64), SPLITIO_EINVAL);
    assert_int_equal(splitio_ring_front_init(&f, area[0] + 64, 1, 64),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_ring_front_init(&f, area, 17, 64), SPLITIO_EINVAL);
    assert_int_equal(splitio_ring_front_attach(&f, area, 1, 5000, 0),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_ring_back_attach(&b, area, 0, 64), SPLITIO_EINVAL);
    assert_int_equal(splitio_ring_back_attach(&b, area[0] + 8, 1, 64),
                     SPLITIO_EINVAL);
}

static void init_on_dirty_pages_leaves_no_old_byte(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= SPLITIO_RING_PAGES_MAX; n++) {
        struct pair p = pair_at(n, 112, 0);
        struct splitio_sring expected = {.req_event = splitio_le32(1),
                                         .rsp_event = splitio_le32(1)};
        const uint8_t *bytes = area[0];

        assert_memory_equal(p.sring, &expected, sizeof(expected));
        for (size_t i = sizeof(expected); i < n * sizeof(area[0]); i++)
            assert_int_equal(bytes[i], 0);
        if (n < SPLITIO_RING_PAGES_MAX) /* and not one byte beyond */
            assert_int_equal(area[n][0], 0xA5);
    }
}

/* ---- carrying ---- */

static void carry(uint32_t nr_pages, uint32_t slot_bytes, uint32_t start)
{
    struct pair p = pair_at(nr_pages, slot_bytes, start);
    uint32_t size = p.front.nr_slots;
    uint8_t fill = 0;

    for (unsigned round = 0; round < 40; round++) {
        uint32_t n = 1 + (uint32_t)rand() % size;

        if (n > 64)
            n = size - n % 64; /* near the end of a large ring */
        send(&p, n, fill);
        assert_valid(&p);
        answer(&p, n);
        assert_valid(&p);
        collect(&p, n, fill);
        assert_valid(&p);
        fill = (uint8_t)(fill + n);
        assert_int_equal(splitio_ring_front_room(&p.front), size);
        assert_int_equal(splitio_ring_back_in_flight(&p.back), 0);
    }
}

static void ring_of_any_geometry_and_start_carries_content(void **state)
{
    static const uint32_t sizes[] = {1, 8, 12, 16, 64, 108, 112, 2016, 4032};
    static const uint32_t nr_pages[] = {1, 2, 3, 4, 8, 16};

    (void)state;
    for (unsigned k = 0; k < SPLITIO_ARRAY_LEN(starts); k++)
        for (unsigned s = 0; s < SPLITIO_ARRAY_LEN(sizes); s++)
            for (unsigned n = 0; n < SPLITIO_ARRAY_LEN(nr_pages); n++)
                carry(nr_pages[n], sizes[s], starts[k]);
}

static void full_ring_is_not_empty(void **state)
{
    (void)state;
    for (unsigned k = 0; k < SPLITIO_ARRAY_LEN(starts); k++) {
        struct pair p = pair_at(1, 112, starts[k]);

        send(&p, 32, 1);
        assert_int_equal(splitio_ring_front_room(&p.front), 0);
        assert_null(splitio_ring_front_reserve(&p.front));
        assert_int_equal(splitio_ring_back_pending(&p.back), 32);
        answer(&p, 32);
        assert_int_equal(splitio_ring_back_pending(&p.back), 0);
        assert_null(splitio_ring_front_reserve(&p.front));
        assert_int_equal(splitio_ring_front_pending(&p.front), 32);
        collect(&p, 1, 1);
        assert_non_null(splitio_ring_front_reserve(&p.front));
        assert_null(splitio_ring_front_reserve(&p.front));
    }
}

static void request_not_published_is_not_seen(void **state)
{
    struct pair p = pair_at(1, 64, 0);

    (void)state;
    assert_non_null(splitio_ring_front_reserve(&p.front));
    assert_int_equal(splitio_ring_back_pending(&p.back), 0);
    splitio_ring_front_unreserve(&p.front, 1);
    assert_false(splitio_ring_front_publish(&p.front));
    assert_int_equal(splitio_ring_back_pending(&p.back), 0);
    assert_int_equal(splitio_ring_front_room(&p.front), p.front.nr_slots);
}

static void response_without_request_is_refused(void **state)
{
    struct pair p = pair_at(1, 64, 0);
    uint8_t rsp[64] = {0};

    (void)state;
    assert_int_equal(splitio_ring_back_put(&p.back, rsp, sizeof(rsp)),
                     SPLITIO_EINVAL);
    send(&p, 1, 0);
    assert_int_equal(splitio_ring_back_put(&p.back, rsp, sizeof(rsp)),
                     SPLITIO_EINVAL);
    answer(&p, 1);
    assert_int_equal(splitio_ring_back_put(&p.back, rsp, sizeof(rsp)),
                     SPLITIO_EINVAL);
}

static void responses_put_are_counted_until_published(void **state)
{
    struct pair p = pair_at(1, 64, 0);
    uint8_t buf[64];

    (void)state;
    send(&p, 3, 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(splitio_ring_back_take(&p.back, buf, 64), 1);
    assert_int_equal(splitio_ring_back_in_flight(&p.back), 3);
    assert_int_equal(splitio_ring_back_put(&p.back, buf, 64), 0);
    assert_int_equal(splitio_ring_back_put(&p.back, buf, 64), 0);
    assert_int_equal(splitio_ring_back_unpublished(&p.back), 2);
    assert_int_equal(splitio_ring_back_in_flight(&p.back), 1);
    assert_int_equal(splitio_ring_front_pending(&p.front), 0);
    splitio_ring_back_publish(&p.back);
    assert_int_equal(splitio_ring_back_unpublished(&p.back), 0);
    assert_int_equal(splitio_ring_front_pending(&p.front), 2);
}

/* ---- notification ---- */

static void first_publish_notifies_and_later_ones_do_not(void **state)
{
    (void)state;
    for (unsigned k = 0; k < SPLITIO_ARRAY_LEN(starts); k++) {
        struct pair p = pair_at(1, 64, starts[k]);

        assert_true(send(&p, 1, 0));
        assert_false(send(&p, 1, 0)); /* the back has not armed again */
        assert_false(splitio_ring_front_publish(&p.front)); /* nothing new */
        assert_true(answer(&p, 1));
        assert_false(answer(&p, 1));
        assert_false(splitio_ring_back_publish(&p.back));
        assert_int_equal(splitio_ring_back_rearm(&p.back, 1), 0);
        assert_true(send(&p, 5, 0));
    }
}

static void rearm_of_distance_notifies_on_reaching_it(void **state)
{
    (void)state;
    for (unsigned k = 0; k < SPLITIO_ARRAY_LEN(starts); k++) {
        for (uint32_t d = 1; d <= 32; d++) {
            struct pair p = pair_at(1, 64, starts[k]);

            assert_int_equal(splitio_ring_back_rearm(&p.back, d), 0);
            for (uint32_t i = 1; i <= 32; i++)
                assert_int_equal(send(&p, 1, 0), i == d);
            assert_int_equal(splitio_ring_front_rearm(&p.front, d), 0);
            for (uint32_t i = 1; i <= 32; i++)
                assert_int_equal(answer(&p, 1), i == d);
        }
    }
}

static void rearm_that_comes_late_reports_what_waits(void **state)
{
    struct pair p = pair_at(1, 64, 0);

    (void)state;
    send(&p, 3, 0);
    assert_int_equal(splitio_ring_back_rearm(&p.back, 1), 3);
    answer(&p, 2);
    assert_int_equal(splitio_ring_front_rearm(&p.front, 1), 2);
    assert_int_equal(splitio_ring_back_rearm(&p.back, 1), 1);
}

static void event_index_of_peer_only_decides_about_notifying(void **state)
{
    static const uint32_t lies[] = {0, 5, 1000, INT32_MAX, UINT32_MAX};

    (void)state;
    for (unsigned k = 0; k < SPLITIO_ARRAY_LEN(lies); k++) {
        struct pair p = pair_at(1, 64, 0);

        p.sring->req_event = p.sring->rsp_event = splitio_le32(lies[k]);
        send(&p, 4, 9);
        answer(&p, 4);
        collect(&p, 4, 9);
        assert_valid(&p);
    }
}

/* ---- lies ---- */

static void requests_beyond_the_ring_break_the_back_for_good(void **state)
{
    (void)state;
    for (unsigned k = 0; k < SPLITIO_ARRAY_LEN(starts); k++) {
        struct pair p = pair_at(1, 112, starts[k]);
        uint8_t buf[112];

        p.sring->req_prod = splitio_le32(starts[k] + 32);
        assert_int_equal(splitio_ring_back_pending(&p.back), 32);
        p = pair_at(1, 112, starts[k]);
        p.sring->req_prod = splitio_le32(starts[k] + 33);
        assert_int_equal(splitio_ring_back_pending(&p.back), SPLITIO_EPROTO);
        p.sring->req_prod = splitio_le32(starts[k] + 1);
        assert_int_equal(splitio_ring_back_take(&p.back, buf, sizeof(buf)),
                         SPLITIO_EPROTO);
        assert_int_equal(splitio_ring_back_rearm(&p.back, 1), SPLITIO_EPROTO);
    }
}

static void requests_over_unanswered_ones_break_the_back(void **state)
{
    struct pair p = pair_at(1, 112, 0);
    uint8_t buf[112];

    (void)state;
    send(&p, 10, 0);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(splitio_ring_back_take(&p.back, buf, 112), 1);
    p.sring->req_prod = splitio_le32(32);
    assert_int_equal(splitio_ring_back_pending(&p.back), 22);
    p = pair_at(1, 112, 0);
    send(&p, 10, 0);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(splitio_ring_back_take(&p.back, buf, 112), 1);
    p.sring->req_prod =
        splitio_le32(33); /* would overwrite a slot that is in flight */
    assert_int_equal(splitio_ring_back_pending(&p.back), SPLITIO_EPROTO);
}

static void request_index_running_backwards_breaks_the_back(void **state)
{
    (void)state;
    for (unsigned k = 0; k < SPLITIO_ARRAY_LEN(starts); k++) {
        struct pair p = pair_at(1, 64, starts[k]);

        send(&p, 2, 0);
        answer(&p, 2);
        p.sring->req_prod = splitio_le32(starts[k] + 1);
        assert_int_equal(splitio_ring_back_pending(&p.back), SPLITIO_EPROTO);
    }
}

static void responses_beyond_the_requests_break_the_front(void **state)
{
    (void)state;
    for (unsigned k = 0; k < SPLITIO_ARRAY_LEN(starts); k++) {
        struct pair p = pair_at(1, 64, starts[k]);
        uint8_t buf[64];

        send(&p, 2, 0);
        assert_non_null(splitio_ring_front_reserve(&p.front));
        p.sring->rsp_prod =
            splitio_le32(starts[k] + 3); /* the third is not published */
        assert_int_equal(splitio_ring_front_pending(&p.front), SPLITIO_EPROTO);
        p.sring->rsp_prod = splitio_le32(starts[k] + 2);
        assert_int_equal(splitio_ring_front_take(&p.front, buf, sizeof(buf)),
                         SPLITIO_EPROTO);
        assert_int_equal(splitio_ring_front_rearm(&p.front, 1), SPLITIO_EPROTO);
    }
}

static void response_index_running_backwards_breaks_the_front(void **state)
{
    struct pair p = pair_at(1, 64, UINT32_MAX - 1);

    (void)state;
    send(&p, 3, 0);
    answer(&p, 3);
    collect(&p, 3, 0);
    send(&p, 3, 0);
    p.sring->rsp_prod = splitio_le32(UINT32_MAX);
    assert_int_equal(splitio_ring_front_pending(&p.front), SPLITIO_EPROTO);
}

static void index_checked_once_is_not_read_again(void **state)
{
    struct pair p = pair_at(1, 64, 0);
    uint8_t buf[64];

    (void)state;
    send(&p, 3, 0);
    assert_int_equal(splitio_ring_back_pending(&p.back), 3);
    p.sring->req_prod = splitio_le32(12345); /* the peer changes its mind */
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(splitio_ring_back_take(&p.back, buf, 64), 1);
    assert_int_equal(splitio_ring_back_take(&p.back, buf, 64), SPLITIO_EPROTO);
}

static void own_index_changed_by_the_peer_does_not_matter(void **state)
{
    struct pair p = pair_at(1, 64, 0);

    (void)state;
    send(&p, 3, 7);
    p.sring->rsp_prod = splitio_le32(77); /* the back's own word */
    answer(&p, 3);
    assert_int_equal(splitio_le32(p.sring->rsp_prod), 3);
    p.sring->req_prod = splitio_le32(99); /* the front's own word */
    collect(&p, 3, 7);
    send(&p, 1, 0);
    assert_int_equal(splitio_le32(p.sring->req_prod), 4);
}

static void slot_rewritten_after_take_leaves_the_copy(void **state)
{
    struct pair p = pair_at(1, 64, 0);
    uint8_t buf[64], expected[64];

    (void)state;
    memset(expected, 5, sizeof(expected));
    send(&p, 1, 5);
    assert_int_equal(splitio_ring_back_take(&p.back, buf, 64), 1);
    memset(p.sring + 1, 0xEE, 64);
    assert_memory_equal(buf, expected, 64);
}

/* ---- taking over ---- */

static void attach_of_back_finds_what_was_asked_before(void **state)
{
    (void)state;
    for (unsigned k = 0; k < SPLITIO_ARRAY_LEN(starts); k++) {
        struct pair p = pair_at(2, 64, starts[k]);
        uint8_t before[8192];

        send(&p, 9, 3);
        memcpy(before, area, sizeof(before));
        assert_int_equal(splitio_ring_back_attach(&p.back, area, 2, 64), 0);
        assert_memory_equal(before, area, sizeof(before));
        assert_int_equal(splitio_ring_back_pending(&p.back), 9);
        answer(&p, 9);
        collect(&p, 9, 3);
    }
}

static void attach_of_second_back_gets_the_unanswered_again(void **state)
{
    struct pair p = pair_at(1, 64, UINT32_MAX - 1);
    uint8_t buf[64];

    (void)state;
    send(&p, 8, 3);
    answer(&p, 3);
    assert_int_equal(splitio_ring_back_take(&p.back, buf, 64), 1);
    /* It dies here, with one taken and four not looked at. */
    assert_int_equal(splitio_ring_back_attach(&p.back, area, 1, 64), 0);
    assert_int_equal(splitio_ring_back_pending(&p.back), 5);
    assert_int_equal(splitio_ring_back_take(&p.back, buf, 64), 1);
    assert_valid(&p);
}

static void attach_to_impossible_indices_is_refused(void **state)
{
    (void)state;
    for (unsigned k = 0; k < SPLITIO_ARRAY_LEN(starts); k++) {
        struct pair p = pair_at(1, 112, starts[k]);

        p.sring->req_prod = splitio_le32(starts[k] + 33);
        assert_int_equal(splitio_ring_back_attach(&p.back, area, 1, 112),
                         SPLITIO_EPROTO);
        assert_int_equal(splitio_ring_back_pending(&p.back), SPLITIO_EPROTO);
        p.sring->req_prod = splitio_le32(starts[k] - 1);
        assert_int_equal(splitio_ring_back_attach(&p.back, area, 1, 112),
                         SPLITIO_EPROTO);
    }
}

static void attach_of_front_goes_on_at_its_index(void **state)
{
    struct pair p = pair_at(1, 64, 0);

    (void)state;
    send(&p, 5, 1);
    answer(&p, 5);
    collect(&p, 5, 1);
    assert_int_equal(splitio_ring_front_attach(&p.front, area, 1, 64, 5), 0);
    send(&p, 2, 4);
    answer(&p, 2);
    collect(&p, 2, 4);
    assert_valid(&p);
}

/* ---- typed wrappers ---- */

struct small {
    uint8_t b[3];
};
struct large {
    uint64_t v[2];
};
SPLITIO_RING_DEFINE(wide, struct small, struct large);

static void typed_ring_has_slots_of_the_larger_type(void **state)
{
    struct wide_front f;
    struct wide_back b;
    struct small req = {{0}};
    struct large rsp = {{0}};

    (void)state;
    assert_int_equal(wide_slot_bytes, 16);
    assert_int_equal(wide_front_init(&f, area, 1), 0);
    assert_int_equal(wide_back_attach(&b, area, 1), 0);
    for (uint8_t i = 0; i < 100; i++) {
        *wide_front_reserve(&f) = (struct small){{i, 1, 2}};
        splitio_ring_front_publish(&f.ring);
        assert_int_equal(wide_back_take(&b, &req), 1);
        assert_int_equal(req.b[0], i);
        rsp.v[1] = i;
        assert_int_equal(wide_back_put(&b, &rsp), 0);
        splitio_ring_back_publish(&b.ring);
        memset(&rsp, 0, sizeof(rsp));
        assert_int_equal(wide_front_take(&f, &rsp), 1);
        assert_int_equal(rsp.v[1], i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nr_slots_of_known_protocols_are_theirs),
        cmocka_unit_test(nr_slots_of_impossible_rings_is_zero),
        cmocka_unit_test(init_with_bad_arguments_is_refused),
        cmocka_unit_test(init_on_dirty_pages_leaves_no_old_byte),
        cmocka_unit_test(ring_of_any_geometry_and_start_carries_content),
        cmocka_unit_test(full_ring_is_not_empty),
        cmocka_unit_test(request_not_published_is_not_seen),
        cmocka_unit_test(response_without_request_is_refused),
        cmocka_unit_test(responses_put_are_counted_until_published),
        cmocka_unit_test(first_publish_notifies_and_later_ones_do_not),
        cmocka_unit_test(rearm_of_distance_notifies_on_reaching_it),
        cmocka_unit_test(rearm_that_comes_late_reports_what_waits),
        cmocka_unit_test(event_index_of_peer_only_decides_about_notifying),
        cmocka_unit_test(requests_beyond_the_ring_break_the_back_for_good),
        cmocka_unit_test(requests_over_unanswered_ones_break_the_back),
        cmocka_unit_test(request_index_running_backwards_breaks_the_back),
        cmocka_unit_test(responses_beyond_the_requests_break_the_front),
        cmocka_unit_test(response_index_running_backwards_breaks_the_front),
        cmocka_unit_test(index_checked_once_is_not_read_again),
        cmocka_unit_test(own_index_changed_by_the_peer_does_not_matter),
        cmocka_unit_test(slot_rewritten_after_take_leaves_the_copy),
        cmocka_unit_test(attach_of_back_finds_what_was_asked_before),
        cmocka_unit_test(attach_of_second_back_gets_the_unanswered_again),
        cmocka_unit_test(attach_to_impossible_indices_is_refused),
        cmocka_unit_test(attach_of_front_goes_on_at_its_index),
        cmocka_unit_test(typed_ring_has_slots_of_the_larger_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
