/* SPDX-License-Identifier: BSD-2-Clause */
/* What the block halves agree on through the store: rings, queues, the kind of
 * disk, its size; and in which order they may come, go and come again. */
#include "cm.h"

#include "blk_pair.h"

#include <splitio/proto/xs.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct blk_pair pair;

static const char *front_key(const char *key)
{
    return pair_store_get(&pair, pair.front_dir, key);
}

static const char *back_key(const char *key)
{
    return pair_store_get(&pair, pair.back_dir, key);
}

static void expect_up_and_working(void)
{
    pair_run(&pair, 2000);
    assert_true(splitio_blkfront_is_up(&pair.front));
    pair_traffic(&pair, 60, 64 * 1024);
    assert_int_equal(pair.nr_bad, 0);
}

/* ---- rings and queues ---- */

/* Under which keys the front has told its rings. */
static void expect_ring_keys(unsigned nr_queues, unsigned order)
{
    char key[64], text[16];

    for (unsigned q = 0; q < nr_queues; q++) {
        char dir[32] = "";

        if (nr_queues > 1)
            snprintf(dir, sizeof(dir), "queue-%u/", q);
        snprintf(key, sizeof(key), "%sevent-channel", dir);
        assert_string_not_equal(front_key(key), "");
        snprintf(key, sizeof(key), "%sring-ref", dir);
        assert_int_equal(*front_key(key) != '\0', order == 0);
        for (unsigned i = 0; i < 17; i++) {
            bool there = order != 0 && i < 1u << order;

            snprintf(key, sizeof(key), "%sring-ref%u", dir, i);
            assert_int_equal(*front_key(key) != '\0', there);
        }
    }
    snprintf(text, sizeof(text), "%u", order);
    assert_string_equal(front_key("ring-page-order"), order ? text : "");
    snprintf(text, sizeof(text), "%u", 1u << order);
    assert_string_equal(front_key("num-ring-pages"), order ? text : "");
    if (nr_queues > 1) {
        assert_string_equal(front_key("event-channel"), "");
        assert_string_equal(front_key("ring-ref"), "");
        assert_string_equal(front_key("ring-ref0"), "");
    } else {
        assert_string_equal(front_key("queue-0/event-channel"), "");
    }
}

static void queues_and_ring_pages_go_together(void **state)
{
    static const uint8_t queues[] = {1, 2, 4, 16}, orders[] = {0, 1, 4};

    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        uint8_t nr = queues[i / 3], order = orders[i % 3];

        pair_defaults(&pair);
        pair.front_cfg.max_queues = pair.back_cfg.max_queues = nr;
        pair.front_cfg.max_ring_order = pair.back_cfg.max_ring_order = order;
        pair.front_cfg.pool_pages = 32;
        pair.back_cfg.max_persistent = 16;
        pair_connect(&pair);
        assert_int_equal(pair.back.nr_queues, nr);
        assert_int_equal(pair.back.peer.ring_order, order);
        expect_ring_keys(nr, order);
        expect_up_and_working();
        /* The next back finds the same rings under the same keys. */
        pair_back_crash(&pair);
        pair_back_new(&pair);
        expect_up_and_working();
        assert_int_equal(pair.front.xb.nr_connects, 1);
        pair_close(&pair);
    }
}

/* Old fronts write one of the two keys; the back reads either. */
static void either_key_tells_the_back_how_many_pages(void **state)
{
    static const char *const keys[] = {"ring-page-order", "num-ring-pages"};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        pair_defaults(&pair);
        pair.front_cfg.max_queues = pair.back_cfg.max_queues = i / 2 ? 3 : 1;
        pair.front_cfg.max_ring_order = pair.back_cfg.max_ring_order = 2;
        pair_connect(&pair);
        pair_back_crash(&pair);
        pair_store_rename(&pair, pair.front_dir, keys[i % 2], "gone");
        pair_back_new(&pair);
        expect_up_and_working();
        assert_int_equal(pair.front.xb.nr_connects, 1);
        assert_int_equal(pair.back.peer.ring_order, 2);
        pair_close(&pair);
    }
}

/* Old backs write one of the two, or none, and may not know of queues. */
static void front_takes_what_the_back_has_words_for(void **state)
{
    static const struct {
        const char *gone[3];
        unsigned order, nr_queues;
    } cases[] = {
        {{"max-ring-pages"}, 2, 3},
        {{"max-ring-page-order"}, 2, 3},
        {{"max-ring-pages", "max-ring-page-order"}, 0, 3},
        {{"multi-queue-max-queues"}, 2, 1},
        {{"multi-queue-max-queues", "max-ring-pages", "max-ring-page-order"},
         0,
         1},
    };

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(cases); i++) {
        pair_defaults(&pair);
        pair.front_cfg.max_queues = pair.back_cfg.max_queues = 3;
        pair.front_cfg.max_ring_order = pair.back_cfg.max_ring_order = 2;
        pair_machine(&pair);
        pair_back_new(&pair);
        pair_run(&pair, 100);
        assert_string_equal(back_key("state"), "2");
        for (unsigned k = 0; k < 3 && cases[i].gone[k]; k++)
            pair_store_rename(&pair, pair.back_dir, cases[i].gone[k], "gone");
        pair_front_new(&pair);
        expect_up_and_working();
        assert_int_equal(pair.front.ring_order, cases[i].order);
        assert_int_equal(pair.front.nr_queues, cases[i].nr_queues);
        expect_ring_keys(cases[i].nr_queues, cases[i].order);
        pair_close(&pair);
    }
}

/* One wrong number in the front's keys: no connection, and nothing held. */
static void ring_keys_without_sense_are_refused(void **state)
{
    static const char *const bad[][2] = {
        {"num-ring-pages", "3"},
        {"num-ring-pages", "0"},
        {"num-ring-pages", "8"},
        {"ring-page-order", "3"},
        {"ring-page-order", "-1"},
        {"multi-queue-num-queues", "0"},
        {"multi-queue-num-queues", "3"},
        {"multi-queue-num-queues", "4294967297"},
        {"protocol", "sparc-abi"},
        {"queue-1/ring-ref1", "x"},
        {"queue-1/event-channel", "0"},
    };

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
        pair_defaults(&pair);
        pair.front_cfg.max_queues = pair.back_cfg.max_queues = 2;
        pair.front_cfg.max_ring_order = pair.back_cfg.max_ring_order = 2;
        pair_connect(&pair);
        pair_back_crash(&pair);
        if (i < 3)
            pair_store_rename(&pair, pair.front_dir, "ring-page-order", "gone");
        assert_int_equal(
            pair_store_set(&pair, pair.front_dir, bad[i][0], bad[i][1]), 0);
        pair_back_new(&pair);
        for (unsigned n = 0; n < 1000 && pair.back.xb.nr_errors == 0; n++)
            (void)pair_step(&pair);
        assert_int_equal(pair.back.xb.nr_errors, 1);
        assert_int_equal(pair.back.stats.nr_rings, 0);
        pair_close(&pair);
    }
}

static void slots_of_32_bit_x86_move_the_bytes(void **state)
{
    (void)state;
    for (unsigned direct = 0; direct < 2; direct++) {
        pair_defaults(&pair);
        pair.front_cfg.abi = SPLITIO_BLKIF_ABI_X86_32;
        pair.front_cfg.direct = direct;
        pair.front_cfg.max_ring_order = pair.back_cfg.max_ring_order = 1;
        pair_connect(&pair);
        assert_string_equal(front_key("protocol"), "x86_32-abi");
        assert_int_equal(pair.back.params.abi, SPLITIO_BLKIF_ABI_X86_32);
        expect_up_and_working();
        pair_traffic(&pair, 300, 160 * 1024);
        pair_close(&pair);
    }
}

/* ---- the disk ---- */

static void toolstacks_keys_make_it_a_cdrom(void **state)
{
    uint32_t flags;

    (void)state;
    pair_defaults(&pair);
    pair.disk.info.sector_size = 2048;
    pair_machine(&pair);
    assert_int_equal(
        pair_store_set(&pair, pair.back_dir, "device-type", "cdrom"), 0);
    assert_int_equal(pair_store_set(&pair, pair.back_dir, "removable", "1"), 0);
    assert_int_equal(pair_store_set(&pair, pair.back_dir, "mode", "r"), 0);
    pair_back_new(&pair);
    pair_front_new(&pair);
    pair_run(&pair, 1000);
    assert_string_equal(back_key("info"), "7");
    assert_string_equal(back_key("feature-discard"), "");
    flags = pair.front.info.flags;
    assert_true(flags & SPLITIO_BLKFRONT_CDROM);
    assert_true(flags & SPLITIO_BLKFRONT_REMOVABLE);
    assert_true(flags & SPLITIO_BLKFRONT_READ_ONLY);
    expect_up_and_working();
    pair_close(&pair);
}

static void ordinary_disk_has_no_info_bits(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair_machine(&pair);
    assert_int_equal(
        pair_store_set(&pair, pair.back_dir, "device-type", "disk"), 0);
    assert_int_equal(pair_store_set(&pair, pair.back_dir, "removable", "0"), 0);
    pair_back_new(&pair);
    pair_front_new(&pair);
    pair_run(&pair, 1000);
    assert_string_equal(back_key("info"), "0");
    assert_string_equal(back_key("feature-barrier"), "1");
    assert_string_equal(back_key("feature-flush-cache"), "1");
    expect_up_and_working();
    pair_close(&pair);
}

static void discard_keys_are_told_to_the_byte(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.disk.info.discard_granularity = 1048576;
    pair.disk.info.discard_alignment = 31744;
    pair_connect(&pair);
    assert_string_equal(back_key("discard-granularity"), "1048576");
    assert_string_equal(back_key("discard-alignment"), "31744");
    assert_string_equal(back_key("discard-secure"), "1");
    assert_int_equal(pair.front.info.discard_granularity, 1048576);
    assert_int_equal(pair.front.info.discard_alignment, 31744);
    pair_close(&pair);
}

/* Some backs leave them out. */
static void discard_keys_that_are_absent_have_defaults(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.disk.info.sector_size = 4096;
    pair.disk.info.discard_granularity = 1048576;
    pair.disk.info.discard_alignment = 4096;
    pair_machine(&pair);
    pair_back_new(&pair);
    pair_run(&pair, 100);
    pair_store_rename(&pair, pair.back_dir, "discard-granularity", "gone");
    pair_store_rename(&pair, pair.back_dir, "discard-alignment", "gone");
    pair_front_new(&pair);
    expect_up_and_working();
    assert_int_equal(pair.front.info.discard_granularity, 4096);
    assert_int_equal(pair.front.info.discard_alignment, 0);
    pair_close(&pair);
}

/* ---- a new size ---- */

/* The messages that the back sends, cut out of the bytes. */
static struct {
    uint8_t bytes[4096];
    size_t len;
    unsigned nr_states, nr_sectors, nr_other, nr_commits;
    uint32_t tx_id;
} sent;

static void look_at(const struct splitio_xs_msg *h, const char *body)
{
    const char *name = strrchr(body, '/');

    if (h->type == SPLITIO_XS_TRANSACTION_END) {
        assert_int_equal(h->tx_id, sent.tx_id);
        assert_string_equal(body, "T");
        sent.nr_commits++;
    }
    if (h->type != SPLITIO_XS_WRITE)
        return;
    assert_true(h->tx_id != 0);
    assert_true(sent.tx_id == 0 || sent.tx_id == h->tx_id);
    sent.tx_id = h->tx_id;
    assert_non_null(name);
    sent.nr_states += strcmp(name, "/state") == 0;
    sent.nr_sectors += strcmp(name, "/sectors") == 0;
}

static void on_send(void *arg, const void *bytes, size_t len)
{
    struct splitio_xs_msg h;

    (void)arg;
    assert_true(sent.len + len <= sizeof(sent.bytes));
    memcpy(sent.bytes + sent.len, bytes, len);
    sent.len += len;
    while (sent.len >= sizeof(h)) {
        size_t all;

        memcpy(&h, sent.bytes, sizeof(h));
        all = sizeof(h) + h.len;
        if (sent.len < all)
            return;
        look_at(&h, (const char *)sent.bytes + sizeof(h));
        memmove(sent.bytes, sent.bytes + all, sent.len - all);
        sent.len -= all;
    }
}

static void size_and_state_are_written_in_one_transaction(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    assert_string_equal(front_key("feature-online-resize"), "1");
    memset(&sent, 0, sizeof(sent));
    pair.on_send = on_send;
    pair.disk.info.nr_sectors = PAIR_SECTORS / 2;
    assert_int_equal(splitio_blkback_resized(&pair.back), 0);
    pair_run(&pair, 100);
    assert_int_equal(sent.nr_sectors, 1);
    assert_int_equal(sent.nr_states, 1);
    assert_int_equal(sent.nr_commits, 1);
    assert_string_equal(back_key("sectors"), "2048");
    assert_string_equal(back_key("state"), "4");
    assert_int_equal(pair.front.info.nr_sectors, PAIR_SECTORS / 2);
    assert_int_equal(pair.nr_changes, 2); /* connected; another size */
    /* The same size again is no change. */
    memset(&sent, 0, sizeof(sent));
    assert_int_equal(splitio_blkback_resized(&pair.back), 0);
    pair_run(&pair, 100);
    assert_int_equal(pair.nr_changes, 2);
    pair.on_send = NULL;
    pair.disk.info.nr_sectors = PAIR_SECTORS;
    pair_close(&pair);
}

/* What the toolstack forbids stays forbidden. */
static void new_size_leaves_all_else_as_it_was(void **state)
{
    uint32_t flags;

    (void)state;
    pair_defaults(&pair);
    pair_machine(&pair);
    assert_int_equal(pair_store_set(&pair, pair.back_dir, "mode", "r"), 0);
    assert_int_equal(
        pair_store_set(&pair, pair.back_dir, "discard-enable", "0"), 0);
    pair_back_new(&pair);
    pair_front_new(&pair);
    pair_run(&pair, 1000);
    flags = pair.back.params.flags;
    assert_true(flags & SPLITIO_BLKIF_READ_ONLY);
    pair.disk.info.nr_sectors = PAIR_SECTORS / 2;
    pair.disk.info.sector_size = 4096; /* cannot be told any more */
    assert_int_equal(splitio_blkback_resized(&pair.back), 0);
    assert_int_equal(pair.back.params.flags, flags);
    assert_int_equal(pair.back.params.sector_mask, 0);
    pair.disk.info_error = SPLITIO_EIO;
    assert_int_equal(splitio_blkback_resized(&pair.back), SPLITIO_EIO);
    pair.disk.info_error = 0;
    pair.disk.info.sector_size = 512;
    pair.disk.info.nr_sectors = PAIR_SECTORS;
    pair_close(&pair);
}

/* ---- who comes first ---- */

static void halves_connect_whichever_is_late(void **state)
{
    (void)state;
    for (unsigned steps = 0; steps < 60; steps++) {
        for (unsigned back_first = 0; back_first < 2; back_first++) {
            pair_defaults(&pair);
            pair_machine(&pair);
            if (back_first)
                pair_back_new(&pair);
            else
                pair_front_new(&pair);
            for (unsigned i = 0; i < steps; i++)
                (void)pair_step(&pair);
            if (back_first)
                pair_front_new(&pair);
            else
                pair_back_new(&pair);
            pair_run(&pair, 1000);
            assert_true(splitio_blkfront_is_up(&pair.front));
            if (steps % 20 == 0)
                expect_up_and_working();
            pair_close(&pair);
        }
    }
}

/* A front that went ahead: its rings are there before any back is. */
static void front_that_is_initialised_waits_for_its_back(void **state)
{
    (void)state;
    for (unsigned steps = 1; steps < 80; steps++) {
        pair_defaults(&pair);
        pair_machine(&pair);
        pair_back_new(&pair);
        pair_front_new(&pair);
        for (unsigned i = 0; i < steps; i++)
            (void)pair_step(&pair);
        pair_back_crash(&pair);
        (void)pair_step(&pair);
        pair_back_new(&pair);
        pair_run(&pair, 2000);
        assert_true(splitio_blkfront_is_up(&pair.front));
        if (steps % 20 == 0)
            expect_up_and_working();
        pair_close(&pair);
    }
}

/* ---- another machine ---- */

static void begin_some(unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        for (unsigned n = blk_random(&pair.random) % 6; n-- > 0;)
            (void)pair_begin(&pair, 64 * 1024);
        splitio_blkfront_kick(&pair.front);
        (void)pair_step(&pair);
    }
}

static void all_is_done_once(void)
{
    pair_run(&pair, 20000);
    assert_int_equal(pair_nr_busy(&pair), 0);
    assert_int_equal(pair.nr_bad, 0);
    assert_int_equal(pair.front.stats.nr_in_flight, 0);
    assert_int_equal(pair.front.stats.nr_replays, 0);
    assert_memory_equal(pair.model, pair.disk.bytes, PAIR_SECTORS * 512u);
}

/* Each request's done() checks that it is the first; its data is compared. */
static void restored_front_asks_the_next_back_for_the_rest(void **state)
{
    (void)state;
    for (unsigned direct = 0; direct < 2; direct++) {
        pair_defaults(&pair);
        pair.front_cfg.direct = direct;
        pair.front_cfg.max_queues = pair.back_cfg.max_queues = 2;
        pair.front_cfg.max_ring_order = pair.back_cfg.max_ring_order = 1;
        pair_connect(&pair);
        for (unsigned i = 0; i < 25; i++) {
            begin_some(blk_random(&pair.random) % 30);
            pair_back_crash(&pair); /* stays behind with its machine */
            pair_nodes_anew(&pair);
            splitio_blkfront_resume(&pair.front);
            assert_false(splitio_blkfront_is_up(&pair.front));
            begin_some(blk_random(&pair.random) % 3);
            pair_back_new(&pair);
            begin_some(150);
        }
        all_is_done_once();
        assert_true(pair.front.stats.nr_replayed > 0);
        assert_true(pair.front.xb.nr_connects > 20);
        pair_close(&pair);
    }
}

/* The back is there all the time: a guest that was only suspended. */
static void resumed_front_goes_on_with_the_same_back(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair_connect(&pair);
    for (unsigned i = 0; i < 25; i++) {
        begin_some(blk_random(&pair.random) % 30);
        splitio_blkfront_resume(&pair.front);
        begin_some(250);
    }
    all_is_done_once();
    assert_true(pair.front.xb.nr_connects > 20);
    pair_close(&pair);
}

/* What was answered before the machine stopped is not asked for again. */
static void answers_of_the_old_back_count(void **state)
{
    uint64_t requests;

    (void)state;
    pair_defaults(&pair);
    pair.disk.shuffled = false;
    pair_connect(&pair);
    for (unsigned i = 0; i < 8; i++)
        (void)pair_begin(&pair, 4096);
    splitio_blkfront_kick(&pair.front);
    assert_true(pair_nr_busy(&pair) > 4);
    /* The back alone goes on. */
    for (unsigned i = 0; i < 20; i++) {
        (void)splitio_fake_step(pair.fake);
        (void)splitio_blkback_poll(&pair.back, 64);
    }
    requests = pair.front.stats.nr_requests;
    pair_back_crash(&pair);
    pair_nodes_anew(&pair);
    splitio_blkfront_resume(&pair.front);
    assert_int_equal(pair_nr_busy(&pair), 0);
    pair_back_new(&pair);
    all_is_done_once();
    assert_int_equal(pair.front.stats.nr_replayed, 0);
    assert_int_equal(pair.front.stats.nr_requests, requests);
    expect_up_and_working();
    pair_close(&pair);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(queues_and_ring_pages_go_together),
        cmocka_unit_test(either_key_tells_the_back_how_many_pages),
        cmocka_unit_test(front_takes_what_the_back_has_words_for),
        cmocka_unit_test(ring_keys_without_sense_are_refused),
        cmocka_unit_test(slots_of_32_bit_x86_move_the_bytes),
        cmocka_unit_test(toolstacks_keys_make_it_a_cdrom),
        cmocka_unit_test(ordinary_disk_has_no_info_bits),
        cmocka_unit_test(discard_keys_are_told_to_the_byte),
        cmocka_unit_test(discard_keys_that_are_absent_have_defaults),
        cmocka_unit_test(size_and_state_are_written_in_one_transaction),
        cmocka_unit_test(new_size_leaves_all_else_as_it_was),
        cmocka_unit_test(halves_connect_whichever_is_late),
        cmocka_unit_test(front_that_is_initialised_waits_for_its_back),
        cmocka_unit_test(restored_front_asks_the_next_back_for_the_rest),
        cmocka_unit_test(resumed_front_goes_on_with_the_same_back),
        cmocka_unit_test(answers_of_the_old_back_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
