/* SPDX-License-Identifier: BSD-2-Clause */
/* Event pages: entries from every start index, full pages, lying peers. */
#include "cm.h"

#include <splitio/event_page.h>

#include <string.h>

static const struct splitio_event_page_layout *const layouts[] = {
    &splitio_event_page_64,      &splitio_event_page_kbd_in,
    &splitio_event_page_kbd_out, &splitio_event_page_fb_in,
    &splitio_event_page_fb_out,
};
static const uint32_t starts[] = {0, INT32_MAX, UINT32_MAX - 1};

static _Alignas(4096) uint8_t page[SPLITIO_PAGE_SIZE];
static struct splitio_event_page out, in;

static uint32_t *word(uint16_t offset)
{
    return (uint32_t *)(void *)(page + offset);
}

static void open_at(const struct splitio_event_page_layout *l, uint32_t index)
{
    memset(page, 0, sizeof(page));
    *word(l->cons) = *word(l->prod) = index;
    assert_int_equal(splitio_event_page_init_producer(&out, page, l), 0);
    assert_int_equal(splitio_event_page_init_consumer(&in, page, l), 0);
}

static void put(const struct splitio_event_page_layout *l, uint8_t n)
{
    uint8_t entry[64];

    memset(entry, n, l->entry_bytes);
    assert_int_equal(splitio_event_page_put(&out, entry), 0);
}

static void expect(const struct splitio_event_page_layout *l, uint8_t n)
{
    uint8_t entry[64], want[64];

    memset(want, n, sizeof(want));
    assert_int_equal(splitio_event_page_take(&in, entry), 1);
    assert_memory_equal(entry, want, l->entry_bytes);
}

static void entries_any_start_arrive_in_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(layouts); i++) {
        for (unsigned k = 0; k < SPLITIO_ARRAY_LEN(starts); k++) {
            uint8_t next_in = 0, next_out = 0;

            open_at(layouts[i], starts[k]);
            for (unsigned turn = 0; turn < 300; turn++) {
                int room = splitio_event_page_room(&out);
                unsigned nr = turn % layouts[i]->nr_entries;

                /* Only the page's end in the index's range is in the way. */
                assert_true(room > 0 || next_in != next_out);
                for (int j = 0; j < room && (unsigned)j < nr; j++)
                    put(layouts[i], next_in++);
                splitio_event_page_publish(&out);
                for (unsigned j = 0; next_out != next_in && j < 1 + turn % 60;
                     j++)
                    expect(layouts[i], next_out++);
            }
            assert_true(splitio_event_page_is_valid(&out));
            assert_true(splitio_event_page_is_valid(&in));
        }
    }
}

static void entries_unpublished_are_not_seen(void **state)
{
    uint8_t entry[64];

    (void)state;
    open_at(&splitio_event_page_64, 0);
    assert_false(splitio_event_page_publish(&out));
    put(&splitio_event_page_64, 1);
    assert_int_equal(splitio_event_page_take(&in, entry), 0);
    assert_true(splitio_event_page_publish(&out));
    assert_false(splitio_event_page_publish(&out));
    expect(&splitio_event_page_64, 1);
    assert_int_equal(splitio_event_page_take(&in, entry), 0);
}

static void full_page_takes_no_more(void **state)
{
    uint8_t entry[64] = {0};

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(layouts); i++) {
        const struct splitio_event_page_layout *l = layouts[i];

        open_at(l, 77 * l->nr_entries);
        for (unsigned j = 0; j < l->nr_entries; j++)
            put(l, (uint8_t)j);
        assert_int_equal(splitio_event_page_put(&out, entry), SPLITIO_EAGAIN);
        splitio_event_page_publish(&out);
        for (unsigned j = 0; j < l->nr_entries; j++)
            expect(l, (uint8_t)j);
        assert_int_equal(splitio_event_page_room(&out), l->nr_entries);
        /* Nothing beside the entries and the indices was touched. */
        for (unsigned b = 16; b < SPLITIO_PAGE_SIZE; b++)
            if (b < l->entries ||
                b >= l->entries + (unsigned)l->entry_bytes * l->nr_entries)
                assert_int_equal(page[b], 0);
    }
}

/* 2^32 is no multiple of 51: the slot after the wrap is not the next one. */
static void wrap_of_the_index_overwrites_nothing(void **state)
{
    const struct splitio_event_page_layout *l = &splitio_event_page_kbd_in;
    uint8_t entry[64] = {0};

    (void)state;
    open_at(l, UINT32_MAX - 2);
    for (uint8_t j = 0; j < 3; j++)
        put(l, j);
    assert_int_equal(splitio_event_page_put(&out, entry), SPLITIO_EAGAIN);
    splitio_event_page_publish(&out);
    for (uint8_t j = 0; j < 2; j++)
        expect(l, j);
    assert_int_equal(splitio_event_page_room(&out), 0);
    expect(l, 2);
    assert_int_equal(splitio_event_page_room(&out), l->nr_entries);
    put(l, 9);
    splitio_event_page_publish(&out);
    expect(l, 9);
}

static void impossible_index_breaks_the_page_for_good(void **state)
{
    static const uint32_t lies[] = {64, 1000, 0x80000000u, UINT32_MAX};
    const struct splitio_event_page_layout *l = &splitio_event_page_64;
    uint8_t entry[64] = {0};

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(lies); i++) {
        open_at(l, 5);
        *word(l->prod) = 5 + lies[i];
        assert_int_equal(splitio_event_page_take(&in, entry), SPLITIO_EPROTO);
        *word(l->prod) = 6;
        assert_int_equal(splitio_event_page_take(&in, entry), SPLITIO_EPROTO);
        *word(l->cons) = 5 - lies[i];
        assert_int_equal(splitio_event_page_put(&out, entry), SPLITIO_EPROTO);
        *word(l->cons) = 5;
        assert_int_equal(splitio_event_page_room(&out), SPLITIO_EPROTO);
    }
}

static void layout_out_of_the_page_is_refused(void **state)
{
    static const struct splitio_event_page_layout bad[] = {
        {0, 4, 64, 64, 64}, {0, 0, 64, 64, 1}, {0, 4, 64, 0, 10},
        {0, 4, 64, 64, 0},  {0, 2, 64, 64, 1}, {0, 64, 64, 64, 1},
        {64, 4, 64, 64, 1}, {0, 4, 4, 64, 1},
    };

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
        assert_int_equal(splitio_event_page_init_producer(&out, page, &bad[i]),
                         SPLITIO_EINVAL);
        assert_int_equal(splitio_event_page_init_consumer(&in, page, &bad[i]),
                         SPLITIO_EINVAL);
    }
    assert_int_equal(
        splitio_event_page_init_producer(&out, NULL, &splitio_event_page_64),
        SPLITIO_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_any_start_arrive_in_order),
        cmocka_unit_test(entries_unpublished_are_not_seen),
        cmocka_unit_test(full_page_takes_no_more),
        cmocka_unit_test(wrap_of_the_index_overwrites_nothing),
        cmocka_unit_test(impossible_index_breaks_the_page_for_good),
        cmocka_unit_test(layout_out_of_the_page_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
