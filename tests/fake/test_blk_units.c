/* SPDX-License-Identifier: BSD-2-Clause */
/* Disks with sectors of more than 512 bytes, beside peers that count as drivers
 * in the wild do. */
#include "cm.h"

#include "blk_convention.h"
#include "blk_pair.h"
#include "peer_blkback.h"
#include "peer_blkfront.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const uint32_t sizes[] = {512, 1024, 2048, 4096};

#define FOR_EACH_CASE(c, size)                                                 \
    for (unsigned i_ = 0; i_ < CONVENTIONS; i_++)                              \
        for (unsigned k_ = 0; k_ < SPLITIO_ARRAY_LEN(sizes); k_++)             \
            if ((c = &blk_conventions[i_], size = sizes[k_], true))

/* ---- a front by hand ---- */

static struct peer_front front;

static void open_front(const struct blk_convention *c, uint32_t size)
{
    peer_front_defaults(&front);
    front.disk.info.sector_size = size;
    front.cfg.units = c->units;
    peer_front_open(&front, 0, SPLITIO_BLKIF_ABI_X86_64, 0);
    assert_int_equal(peer_front_connect(&front), 0);
}

/* As that front writes it: one page, and one sector of another. */
static void put_rw(const struct blk_convention *c, uint32_t size, uint8_t op,
                   uint64_t at, struct splitio_blkif_segment *last)
{
    union splitio_blkif_slot *slot = peer_front_slot(&front);
    struct splitio_blkif_segment *seg = slot->x86_64.seg;

    slot->x86_64.operation = op;
    slot->x86_64.nr_segments = 2;
    slot->x86_64.id = splitio_le64(at);
    slot->x86_64.sector_number = splitio_le64(convention_number(c, size, at));
    seg[0] = convention_segment(c, size, front.grefs[1], 0, 4096);
    seg[1] = convention_segment(c, size, front.grefs[2], 4096 - size, size);
    if (last)
        seg[1] = *last;
}

static void expect_status(int status)
{
    struct peer_answer a = peer_front_only_answer(&front);

    assert_int_equal(a.status, status);
}

static void back_moves_the_bytes_of_each_kind_of_front(void **state)
{
    const struct blk_convention *c;
    uint32_t size;

    (void)state;
    FOR_EACH_CASE(c, size)
    {
        uint64_t at = 5 * 4096;

        open_front(c, size);
        put_rw(c, size, SPLITIO_BLKIF_OP_READ, at, NULL);
        expect_status(0);
        assert_memory_equal(front.pages[1], front.disk.bytes + at, 4096);
        assert_memory_equal(front.pages[2] + 4096 - size,
                            front.disk.bytes + at + 4096, size);
        memset(front.pages[1], 0x11, 4096);
        memset(front.pages[2], 0x22, 4096);
        at = 17 * 4096;
        put_rw(c, size, SPLITIO_BLKIF_OP_WRITE, at, NULL);
        expect_status(0);
        assert_memory_equal(front.disk.bytes + at, front.pages[1], 4096);
        assert_memory_equal(front.disk.bytes + at + 4096, front.pages[2], size);
        assert_int_not_equal(front.disk.bytes[at + 4096 + size], 0x22);
        peer_front_close(&front);
    }
}

static void back_discards_what_each_kind_of_front_means(void **state)
{
    const struct blk_convention *c;
    uint32_t size;

    (void)state;
    FOR_EACH_CASE(c, size)
    {
        union splitio_blkif_slot *slot;
        uint64_t at = 8 * 4096, len = 3 * 4096;
        uint8_t before, after;

        open_front(c, size);
        before = front.disk.bytes[at - 1];
        after = front.disk.bytes[at + len];
        slot = peer_front_slot(&front);
        slot->x86_64.operation = SPLITIO_BLKIF_OP_DISCARD;
        slot->x86_64.sector_number =
            splitio_le64(convention_number(c, size, at));
        slot->discard_x86_64.nr_sectors =
            splitio_le64(convention_number(c, size, len));
        expect_status(0);
        for (uint64_t i = 0; i < len; i++)
            assert_int_equal(front.disk.bytes[at + i], 0);
        assert_int_equal(front.disk.bytes[at - 1], before);
        assert_int_equal(front.disk.bytes[at + len], after);
        peer_front_close(&front);
    }
}

static void back_knows_the_end_in_each_kinds_units(void **state)
{
    const struct blk_convention *c;
    uint32_t size;

    (void)state;
    FOR_EACH_CASE(c, size)
    {
        uint64_t end = (uint64_t)PEER_SECTORS * 512;
        struct splitio_blkif_segment wide;

        open_front(c, size);
        put_rw(c, size, SPLITIO_BLKIF_OP_READ, end - 4096 - size, NULL);
        expect_status(0);
        put_rw(c, size, SPLITIO_BLKIF_OP_READ, end - 4096, NULL);
        expect_status(SPLITIO_BLKIF_RSP_ERROR);
        put_rw(c, size, SPLITIO_BLKIF_OP_READ, end, NULL);
        expect_status(SPLITIO_BLKIF_RSP_ERROR);
        /* A segment of more than a page. */
        wide = convention_segment(c, size, front.grefs[2], 0, 4096 + size);
        put_rw(c, size, SPLITIO_BLKIF_OP_READ, 0, &wide);
        expect_status(SPLITIO_BLKIF_RSP_ERROR);
        peer_front_close(&front);
    }
}

/* ---- a back by hand ---- */

static struct peer_back back;
static struct splitio_blk_io io;
static struct splitio_iovec iov;
static uint8_t buf[40 * 4096];
static int last_status;
static unsigned nr_done;

static void on_done(struct splitio_blk_io *done, int status)
{
    (void)done;
    last_status = status;
    nr_done++;
}

static void submit(enum splitio_blk_op op, uint64_t at, size_t len)
{
    iov = (struct splitio_iovec){buf, len};
    io = (struct splitio_blk_io){.op = op,
                                 .sector = at / 512,
                                 .iov = &iov,
                                 .nr_iov = 1,
                                 .done = on_done};
    if (op == SPLITIO_BLK_DISCARD) {
        io.nr_sectors = len / 512;
        io.nr_iov = 0;
    }
    nr_done = 0;
    assert_int_equal(splitio_blkfront_submit(&back.front, &io), 0);
    splitio_blkfront_kick(&back.front);
}

static void answer(uint64_t id, uint8_t op)
{
    peer_back_put(&back, id, op, 0);
    peer_back_publish(&back);
    peer_back_run(&back);
    assert_int_equal(nr_done, 1);
    assert_int_equal(last_status, 0);
}

static void open_back(const struct blk_convention *c, uint32_t size)
{
    peer_back_defaults(&back);
    back.cfg.units = c->units;
    back.info.sector_size = size;
    peer_back_open(&back);
    peer_back_connect(&back);
}

static void close_back(void)
{
    peer_back_leave(&back);
    peer_back_close(&back);
}

/* The pieces are what lies in their pages, one after the other. */
static void expect_pieces(const struct blk_convention *c, uint32_t size,
                          const struct splitio_blkif_segment *segs, unsigned nr,
                          size_t len)
{
    size_t at = 0;

    for (unsigned i = 0; i < nr; i++) {
        static uint8_t page[4096];
        struct splitio_grant_copy copy = {
            .src = {.domid = 1, .gref = segs[i].gref},
            .dst = {.local = page},
            .len_bytes = 4096};
        uint32_t offset, bytes;

        convention_piece(c, size, &segs[i], &offset, &bytes);
        assert_int_equal(back.port.ops->copy(back.port.ctx, &copy, 1), 0);
        assert_memory_equal(page + offset, buf + at, bytes);
        at += bytes;
    }
    assert_int_equal(at, len);
}

static void front_writes_what_each_kind_of_back_expects(void **state)
{
    const struct blk_convention *c;
    uint32_t size;

    (void)state;
    for (size_t i = 0; i < sizeof(buf); i++)
        buf[i] = (uint8_t)(i * 7 + i / 512);
    FOR_EACH_CASE(c, size)
    {
        struct splitio_blkif_request_x86_64 r;

        open_back(c, size);
        submit(SPLITIO_BLK_WRITE, 24 * 4096, 3 * 4096 + size);
        assert_int_equal(peer_back_take(&back, &r), 1);
        assert_true(r.sector_number == convention_number(c, size, 24 * 4096));
        expect_pieces(c, size, r.seg, r.nr_segments, 3 * 4096 + size);
        answer(r.id, r.operation);
        close_back();
    }
}

static void front_lists_what_each_kind_of_back_expects(void **state)
{
    const struct blk_convention *c;
    uint32_t size;

    (void)state;
    FOR_EACH_CASE(c, size)
    {
        static struct splitio_blkif_segment segs[512];
        struct splitio_grant_copy copy = {.dst = {.local = segs},
                                          .len_bytes = sizeof(segs)};
        struct splitio_blkif_request_x86_64 r;
        struct splitio_blkif_indirect_x86_64 ind;

        open_back(c, size);
        submit(SPLITIO_BLK_WRITE, 8 * 4096, 20 * 4096 + size);
        assert_int_equal(peer_back_take(&back, &r), 1);
        memcpy(&ind, &r, sizeof(ind));
        assert_int_equal(ind.operation, SPLITIO_BLKIF_OP_INDIRECT);
        assert_true(ind.sector_number == convention_number(c, size, 8 * 4096));
        copy.src = (struct splitio_grant_end){.domid = 1,
                                              .gref = ind.indirect_grefs[0]};
        assert_int_equal(back.port.ops->copy(back.port.ctx, &copy, 1), 0);
        for (unsigned i = 0; i < ind.nr_segments; i++)
            segs[i].gref = splitio_le32(segs[i].gref);
        expect_pieces(c, size, segs, ind.nr_segments, 20 * 4096 + size);
        answer(r.id, ind.indirect_op);
        close_back();
    }
}

static void front_discards_as_each_kind_of_back_expects(void **state)
{
    const struct blk_convention *c;
    uint32_t size;

    (void)state;
    FOR_EACH_CASE(c, size)
    {
        struct splitio_blkif_request_x86_64 r;
        struct splitio_blkif_discard_x86_64 d;

        open_back(c, size);
        submit(SPLITIO_BLK_DISCARD, 4096, 5 * 4096);
        assert_int_equal(peer_back_take(&back, &r), 1);
        memcpy(&d, &r, sizeof(d));
        assert_true(d.sector_number == convention_number(c, size, 4096));
        assert_true(d.nr_sectors == convention_number(c, size, 5 * 4096));
        answer(r.id, SPLITIO_BLKIF_OP_DISCARD);
        close_back();
    }
}

/* ---- the keys ---- */

static struct blk_pair pair;

static void sectors_key_is_written_and_read_in_each_kinds_units(void **state)
{
    const struct blk_convention *c;
    uint32_t size;

    (void)state;
    FOR_EACH_CASE(c, size)
    {
        char text[32];

        pair_defaults(&pair);
        pair.disk.info.sector_size = size;
        pair.disk.info.discard_granularity = 65536;
        pair.disk.info.discard_alignment = 4096;
        pair.front_cfg.units = pair.back_cfg.units = c->units;
        pair_connect(&pair);
        snprintf(text, sizeof(text), "%" PRIu64,
                 convention_key(c, size, PAIR_SECTORS * 512u));
        assert_string_equal(pair_store_get(&pair, pair.back_dir, "sectors"),
                            text);
        snprintf(text, sizeof(text), "%u", size);
        assert_string_equal(pair_store_get(&pair, pair.back_dir, "sector-size"),
                            text);
        assert_true(pair.front.info.nr_sectors == PAIR_SECTORS);
        /* Bytes, whoever it is. */
        assert_int_equal(pair.front.info.discard_granularity, 65536);
        assert_int_equal(pair.front.info.discard_alignment, 4096);
        pair_traffic(&pair, 60, 64 * 1024);
        assert_int_equal(pair.nr_bad, 0);
        /* A new size is told in the same unit. */
        pair.disk.info.nr_sectors = PAIR_SECTORS / 2;
        assert_int_equal(splitio_blkback_resized(&pair.back), 0);
        pair_run(&pair, 100);
        assert_true(pair.front.info.nr_sectors == PAIR_SECTORS / 2);
        pair.disk.info.nr_sectors = PAIR_SECTORS;
        pair_close(&pair);
    }
}

/* A size that is no multiple of the sector is told without the rest. */
static void rest_of_a_sector_at_the_end_is_not_told(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.disk.info.sector_size = 4096;
    pair.disk.info.nr_sectors = PAIR_SECTORS - 3;
    pair.front_cfg.units = pair.back_cfg.units = SPLITIO_BLKIF_UNITS_QEMU;
    pair_connect(&pair);
    assert_true(pair.front.info.nr_sectors == PAIR_SECTORS - 8);
    pair_close(&pair);
}

/* The key is the back's: what overflows in bytes is refused. */
static void sectors_that_overflow_are_refused_by_the_front(void **state)
{
    (void)state;
    pair_defaults(&pair);
    pair.disk.info.sector_size = 4096;
    pair.front_cfg.units = pair.back_cfg.units = SPLITIO_BLKIF_UNITS_QEMU;
    pair_connect(&pair);
    assert_int_equal(
        pair_store_set(&pair, pair.back_dir, "sectors", "18014398509481984"),
        0);
    assert_int_equal(pair_store_set(&pair, pair.back_dir, "state", "4"), 0);
    pair_run(&pair, 1000);
    assert_true(pair.front.info.nr_sectors == PAIR_SECTORS);
    assert_true(pair.front.xb.nr_errors > 0);
    pair_close(&pair);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(back_moves_the_bytes_of_each_kind_of_front),
        cmocka_unit_test(back_discards_what_each_kind_of_front_means),
        cmocka_unit_test(back_knows_the_end_in_each_kinds_units),
        cmocka_unit_test(front_writes_what_each_kind_of_back_expects),
        cmocka_unit_test(front_lists_what_each_kind_of_back_expects),
        cmocka_unit_test(front_discards_as_each_kind_of_back_expects),
        cmocka_unit_test(sectors_key_is_written_and_read_in_each_kinds_units),
        cmocka_unit_test(rest_of_a_sector_at_the_end_is_not_told),
        cmocka_unit_test(sectors_that_overflow_are_refused_by_the_front),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
