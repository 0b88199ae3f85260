/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of the handshake pair by pair, and values as text. */
#include "cm.h"

#include <limits.h>
#include <string.h>

#include <splitio/proto/xenbus.h>

#define FRONT SPLITIO_XENBUS_FRONT
#define BACK  SPLITIO_XENBUS_BACK

static enum splitio_xenbus_action next(enum splitio_xenbus_role role,
                                       unsigned local, unsigned remote)
{
    struct splitio_xenbus_view v = {.role = role,
                                    .local = local,
                                    .remote = remote,
                                    .online = true,
                                    .attached = local == 3 || local == 4};

    return splitio_xenbus_next(&v);
}

static void pair_any_has_one_action(void **state)
{
    static const unsigned odd[] = {9, 10, 99, 255, 256, UINT_MAX};
    struct splitio_xenbus_view v;
    unsigned bits, role, i;

    (void)state;
    for (bits = 0; bits < 16; bits++)
        for (role = 0; role < 2; role++)
            for (i = 0; i < 10 * 16; i++) {
                enum splitio_xenbus_action a;
                unsigned after;

                v = (struct splitio_xenbus_view){
                    .role = (enum splitio_xenbus_role)role,
                    .local = i / 16,
                    .remote = i % 16 < 10 ? i % 16 : odd[i % 16 - 10],
                    .online = bits & 1,
                    .closing = bits & 2,
                    .attached = bits & 4,
                    .stale = bits & 8};
                a = splitio_xenbus_next(&v);
                assert_true(a <= SPLITIO_XENBUS_DO_FINISH);
                after = splitio_xenbus_after(v.role, v.local, a);
                /* What changes no state is WAIT, FINISH or lets go. */
                if (after == v.local && a != SPLITIO_XENBUS_DO_RELEASE &&
                    !(a == SPLITIO_XENBUS_DO_CLOSED && v.attached) &&
                    !(role == 1 && v.local == 2))
                    assert_true(a == SPLITIO_XENBUS_DO_WAIT ||
                                a == SPLITIO_XENBUS_DO_FINISH);
                /* A back never takes the actions of a front. */
                if (v.role == BACK)
                    assert_true(a != SPLITIO_XENBUS_DO_RELEASE &&
                                a != SPLITIO_XENBUS_DO_REOPEN);
            }
}

/* Each row: what to do for the peer's states 0 to 8. */
static void rules_are_as_written_down(void **state)
{
    static const struct {
        enum splitio_xenbus_role role;
        unsigned local;
        const char *actions;
    } rows[] = {
        /* w wait, o offer, c connect, 5 Closing, 6 Closed, r release, i
         * Initialising */
        {FRONT, 1, "wwoo55w55"}, {FRONT, 3, "55wwc55ww"},
        {FRONT, 4, "5555w55ww"}, {FRONT, 5, "66ww666ww"},
        {FRONT, 6, "wiiiwwiww"}, {BACK, 1, "ooooooooo"},
        {BACK, 2, "wwwcc66ww"},  {BACK, 4, "666ww56ww"},
        {BACK, 5, "666www6ww"},  {BACK, 6, "woooowwww"},
    };
    static const char letters[] = "woc56ri";
    size_t i, remote;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(rows); i++)
        for (remote = 0; remote < 9; remote++)
            assert_int_equal(
                letters[next(rows[i].role, rows[i].local, (unsigned)remote)],
                rows[i].actions[remote]);
}

static void rings_are_held_while_the_peer_may_use_them(void **state)
{
    struct splitio_xenbus_view v = {.online = true, .attached = true};
    unsigned bits, remote;

    (void)state;
    for (bits = 0; bits < 4; bits++)
        for (remote = 0; remote < 9; remote++) {
            bool alive = remote >= 3 && remote != 6;

            v.closing = bits & 1;
            v.stale = bits & 2;
            v.remote = remote;
            /* A back stops serving, a front takes back, only then. */
            v.role = BACK;
            for (v.local = 4; v.local <= 5; v.local++)
                if (splitio_xenbus_next(&v) == SPLITIO_XENBUS_DO_CLOSED)
                    assert_false(alive);
            v.role = FRONT;
            v.local = 6;
            assert_int_equal(splitio_xenbus_next(&v),
                             alive ? SPLITIO_XENBUS_DO_WAIT
                                   : SPLITIO_XENBUS_DO_RELEASE);
        }
}

static void remote_garbage_counts_as_unknown(void **state)
{
    unsigned local;

    (void)state;
    for (local = 0; local < 9; local++) {
        assert_int_equal(next(FRONT, local, 99), next(FRONT, local, 0));
        assert_int_equal(next(BACK, local, 9), next(BACK, local, 0));
    }
    assert_int_equal(next(FRONT, 4, 99), SPLITIO_XENBUS_DO_CLOSE);
    assert_int_equal(next(BACK, 4, 99), SPLITIO_XENBUS_DO_CLOSED);
}

static void front_usual_way_connects(void **state)
{
    (void)state;
    assert_int_equal(next(FRONT, 1, 0), SPLITIO_XENBUS_DO_WAIT);
    assert_int_equal(next(FRONT, 1, 1), SPLITIO_XENBUS_DO_WAIT);
    assert_int_equal(next(FRONT, 1, 2), SPLITIO_XENBUS_DO_OFFER);
    assert_int_equal(next(FRONT, 3, 2), SPLITIO_XENBUS_DO_WAIT);
    assert_int_equal(next(FRONT, 3, 4), SPLITIO_XENBUS_DO_CONNECT);
    assert_int_equal(next(FRONT, 4, 4), SPLITIO_XENBUS_DO_WAIT);
}

static void front_back_in_earlier_life_closes_first(void **state)
{
    (void)state;
    assert_int_equal(next(FRONT, 1, 4), SPLITIO_XENBUS_DO_CLOSE);
    assert_int_equal(next(FRONT, 5, 3), SPLITIO_XENBUS_DO_WAIT);
    assert_int_equal(next(FRONT, 5, 4), SPLITIO_XENBUS_DO_CLOSED);
    assert_int_equal(next(FRONT, 5, 5), SPLITIO_XENBUS_DO_CLOSED);
    assert_int_equal(next(FRONT, 6, 6), SPLITIO_XENBUS_DO_REOPEN);
}

static void front_back_starts_again_closes(void **state)
{
    (void)state;
    assert_int_equal(next(FRONT, 4, 1), SPLITIO_XENBUS_DO_CLOSE);
    assert_int_equal(next(FRONT, 4, 2), SPLITIO_XENBUS_DO_CLOSE);
    assert_int_equal(next(FRONT, 4, 6), SPLITIO_XENBUS_DO_CLOSE);
}

static void back_windows_close_cycle_answers(void **state)
{
    (void)state;
    assert_int_equal(next(BACK, 2, 5), SPLITIO_XENBUS_DO_CLOSED);
    assert_int_equal(next(BACK, 6, 5), SPLITIO_XENBUS_DO_WAIT);
    assert_int_equal(next(BACK, 6, 6), SPLITIO_XENBUS_DO_WAIT);
    assert_int_equal(next(BACK, 6, 1), SPLITIO_XENBUS_DO_OFFER);
    assert_int_equal(next(BACK, 2, 4), SPLITIO_XENBUS_DO_CONNECT);
}

static void back_front_jumps_still_connects(void **state)
{
    (void)state;
    assert_int_equal(next(BACK, 1, 4), SPLITIO_XENBUS_DO_OFFER);
    assert_int_equal(next(BACK, 6, 4), SPLITIO_XENBUS_DO_OFFER);
    assert_int_equal(next(BACK, 4, 1), SPLITIO_XENBUS_DO_CLOSED);
}

static void back_offline_finishes(void **state)
{
    struct splitio_xenbus_view v = {
        .role = BACK, .local = 6, .remote = 1, .online = false};

    (void)state;
    assert_int_equal(splitio_xenbus_next(&v), SPLITIO_XENBUS_DO_FINISH);
    v.online = true;
    assert_int_equal(splitio_xenbus_next(&v), SPLITIO_XENBUS_DO_OFFER);
}

static void start_after_crash_closes_or_adopts(void **state)
{
    struct splitio_xenbus_begin b;

    (void)state;
    b = splitio_xenbus_start(FRONT, 4, 4, false);
    assert_int_equal(b.action, SPLITIO_XENBUS_DO_CLOSE);
    b = splitio_xenbus_start(BACK, 4, 4, false);
    assert_int_equal(b.action, SPLITIO_XENBUS_DO_CLOSED);
    b = splitio_xenbus_start(BACK, 4, 4, true);
    assert_int_equal(b.action, SPLITIO_XENBUS_DO_CONNECT);
    b = splitio_xenbus_start(BACK, 4, 3, true);
    assert_int_equal(b.action, SPLITIO_XENBUS_DO_CLOSED);
    b = splitio_xenbus_start(BACK, 1, 4, false);
    assert_int_equal(b.action, SPLITIO_XENBUS_DO_OFFER);
    b = splitio_xenbus_start(FRONT, 1, 0, false);
    assert_int_equal(b.action, SPLITIO_XENBUS_DO_REOPEN);
}

static unsigned state_of(const char *text)
{
    return splitio_xenbus_parse_state(text, text ? strlen(text) : 0);
}

static void state_text_odd_is_unknown(void **state)
{
    static const char *const odd[] = {"",   "0",  "9",          "99", "-1",
                                      "4x", " 4", "4294967300", "x",  NULL};
    unsigned i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(odd); i++)
        assert_int_equal(state_of(odd[i]), 0);
    assert_int_equal(state_of("1"), 1);
    assert_int_equal(state_of("8"), 8);
    assert_string_equal(splitio_xenbus_state_name(4), "Connected");
    assert_string_equal(splitio_xenbus_state_name(77), "Unknown");
}

static int u32(const char *text, uint32_t min, uint32_t max, uint32_t *v)
{
    return splitio_xenbus_parse_u32(text, strlen(text), min, max, v);
}

static void number_bad_is_refused(void **state)
{
    uint32_t v = 7;
    uint64_t w = 7;

    (void)state;
    assert_int_equal(u32("", 0, 9, &v), SPLITIO_EINVAL);
    assert_int_equal(u32("4x", 0, 9, &v), SPLITIO_EINVAL);
    assert_int_equal(u32("-1", 0, 9, &v), SPLITIO_EINVAL);
    assert_int_equal(u32("+1", 0, 9, &v), SPLITIO_EINVAL);
    assert_int_equal(u32(" 1", 0, 9, &v), SPLITIO_EINVAL);
    assert_int_equal(u32("0x1", 0, 9, &v), SPLITIO_EINVAL);
    assert_int_equal(u32("0", 1, 9, &v), SPLITIO_E2BIG);
    assert_int_equal(u32("10", 1, 9, &v), SPLITIO_E2BIG);
    assert_int_equal(u32("4294967296", 0, UINT32_MAX, &v), SPLITIO_E2BIG);
    assert_int_equal(u32("99999999999999999999999", 0, UINT32_MAX, &v),
                     SPLITIO_E2BIG);
    assert_int_equal(splitio_xenbus_parse_u32("1\0", 2, 0, 9, &v),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_xenbus_parse_u32(NULL, 0, 0, 9, &v),
                     SPLITIO_ENOENT);
    assert_int_equal(v, 7);
    assert_int_equal(
        splitio_xenbus_parse_u64("18446744073709551616", 20, 0, UINT64_MAX, &w),
        SPLITIO_E2BIG);
    assert_int_equal(w, 7);
}

static void number_good_is_taken(void **state)
{
    uint32_t v;
    uint64_t w;

    (void)state;
    assert_int_equal(u32("4294967295", 0, UINT32_MAX, &v), 0);
    assert_int_equal(v, UINT32_MAX);
    assert_int_equal(u32("007", 0, 9, &v), 0);
    assert_int_equal(v, 7);
    assert_int_equal(
        splitio_xenbus_parse_u64("18446744073709551615", 20, 0, UINT64_MAX, &w),
        0);
    assert_true(w == UINT64_MAX);
}

static void flag_and_literal_compare_whole_text(void **state)
{
    (void)state;
    assert_true(splitio_xenbus_parse_flag("1", 1, false));
    assert_false(splitio_xenbus_parse_flag("0", 1, true));
    assert_false(splitio_xenbus_parse_flag("yes", 3, true));
    assert_true(splitio_xenbus_parse_flag(NULL, 0, true));
    assert_true(splitio_xenbus_is("x86_64-abi", 10, "x86_64-abi"));
    assert_false(splitio_xenbus_is("x86_64-abi", 9, "x86_64-abi"));
    assert_false(splitio_xenbus_is("x86_64-abi\0", 11, "x86_64-abi"));
    assert_false(splitio_xenbus_is(NULL, 0, ""));
    assert_true(splitio_xenbus_is("", 0, ""));
}

static void print_fits_or_leaves_nothing(void **state)
{
    char out[32];
    char tiny[4] = "zzz";
    const char *unknown = "%d"; /* not a literal: the compiler would object */

    (void)state;
    assert_int_equal(
        splitio_xenbus_print(out, sizeof(out), "queue-%u/ring-ref%u", 15u, 0u),
        18);
    assert_string_equal(out, "queue-15/ring-ref0");
    splitio_xenbus_print(out, sizeof(out), "%s=%llu%%", "a",
                         18446744073709551615ull);
    assert_string_equal(out, "a=18446744073709551615%");
    splitio_xenbus_print(out, sizeof(out), "%lu %zu", 5ul, (size_t)6);
    assert_string_equal(out, "5 6");
    assert_int_equal(splitio_xenbus_print(tiny, sizeof(tiny), "abc"), 3);
    assert_int_equal(splitio_xenbus_print(tiny, sizeof(tiny), "abcd"),
                     SPLITIO_E2BIG);
    assert_string_equal(tiny, "");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    assert_int_equal(splitio_xenbus_print(out, sizeof(out), unknown, 1),
                     SPLITIO_EINVAL);
#pragma GCC diagnostic pop
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pair_any_has_one_action),
        cmocka_unit_test(rules_are_as_written_down),
        cmocka_unit_test(rings_are_held_while_the_peer_may_use_them),
        cmocka_unit_test(remote_garbage_counts_as_unknown),
        cmocka_unit_test(front_usual_way_connects),
        cmocka_unit_test(front_back_in_earlier_life_closes_first),
        cmocka_unit_test(front_back_starts_again_closes),
        cmocka_unit_test(back_windows_close_cycle_answers),
        cmocka_unit_test(back_front_jumps_still_connects),
        cmocka_unit_test(back_offline_finishes),
        cmocka_unit_test(start_after_crash_closes_or_adopts),
        cmocka_unit_test(state_text_odd_is_unknown),
        cmocka_unit_test(number_bad_is_refused),
        cmocka_unit_test(number_good_is_taken),
        cmocka_unit_test(flag_and_literal_compare_whole_text),
        cmocka_unit_test(print_fits_or_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
