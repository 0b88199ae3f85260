/* SPDX-License-Identifier: BSD-2-Clause */
/* Block requests in both layouts: what passes, and what must not. */
#include "cm.h"

#include <splitio/proto/blkif.h>

#include <string.h>

#define SECTORS 1000u

static const struct splitio_blkif_params everything = {
    .nr_sectors = SECTORS,
    .flags = SPLITIO_BLKIF_OFFERS_FLUSH | SPLITIO_BLKIF_OFFERS_BARRIER |
             SPLITIO_BLKIF_OFFERS_DISCARD | SPLITIO_BLKIF_OFFERS_SECURE,
    .max_indirect = 256,
};

/* A request before it is laid out. */
struct draft {
    uint8_t op, byte1; /* byte1: segments, flag or inner operation */
    uint64_t id, sector, nr_sectors;
    uint16_t nr_indirect;
    struct splitio_blkif_segment segs[SPLITIO_BLKIF_MAX_SEGMENTS];
};

static void words(uint32_t out[2], uint64_t v)
{
    v = splitio_le64(v);
    memcpy(out, &v, sizeof(v));
}

static void segments(struct splitio_blkif_segment *to, const struct draft *d)
{
    memcpy(to, d->segs, sizeof(d->segs));
    for (unsigned i = 0; i < SPLITIO_BLKIF_MAX_SEGMENTS; i++)
        to[i].gref = splitio_le32(d->segs[i].gref);
}

static void lay_out_64(const struct draft *d, union splitio_blkif_slot *s)
{
    s->x86_64.operation = d->op;
    s->x86_64.nr_segments = d->byte1;
    s->x86_64.id = splitio_le64(d->id);
    s->x86_64.sector_number = splitio_le64(d->sector);
    segments(s->x86_64.seg, d);
    if (d->op == SPLITIO_BLKIF_OP_DISCARD)
        s->discard_x86_64.nr_sectors = splitio_le64(d->nr_sectors);
    if (d->op == SPLITIO_BLKIF_OP_INDIRECT) {
        s->indirect_x86_64.nr_segments = splitio_le16(d->nr_indirect);
        for (uint32_t i = 0; i < SPLITIO_BLKIF_MAX_INDIRECT_PAGES; i++)
            s->indirect_x86_64.indirect_grefs[i] = splitio_le32(100 + i);
    }
}

static void lay_out_32(const struct draft *d, union splitio_blkif_slot *s)
{
    s->x86_32.operation = d->op;
    s->x86_32.nr_segments = d->byte1;
    words(s->x86_32.id, d->id);
    words(s->x86_32.sector_number, d->sector);
    segments(s->x86_32.seg, d);
    if (d->op == SPLITIO_BLKIF_OP_DISCARD)
        words(s->discard_x86_32.nr_sectors, d->nr_sectors);
    if (d->op == SPLITIO_BLKIF_OP_INDIRECT) {
        s->indirect_x86_32.nr_segments = splitio_le16(d->nr_indirect);
        for (uint32_t i = 0; i < SPLITIO_BLKIF_MAX_INDIRECT_PAGES; i++)
            s->indirect_x86_32.indirect_grefs[i] = splitio_le32(100 + i);
    }
}

/* Parses the draft in both layouts, which must agree. */
static int parse(const struct splitio_blkif_params *p, const struct draft *d,
                 struct splitio_blk_request *req)
{
    struct splitio_blkif_params params = *p;
    struct splitio_blk_request other;
    union splitio_blkif_slot slot;
    int status;

    memset(req, 0xA5, sizeof(*req));
    memset(&other, 0xA5, sizeof(other));
    memset(&slot, 0, sizeof(slot));
    lay_out_64(d, &slot);
    params.abi = SPLITIO_BLKIF_ABI_X86_64;
    status = splitio_blkif_parse(&params, &slot, req);
    memset(&slot, 0, sizeof(slot));
    lay_out_32(d, &slot);
    params.abi = SPLITIO_BLKIF_ABI_X86_32;
    assert_int_equal(splitio_blkif_parse(&params, &slot, &other), status);
    assert_memory_equal(req, &other, sizeof(other));
    assert_int_equal(req->id, d->id);
    return status;
}

static struct draft rw(uint8_t op, uint8_t nr_segs, uint64_t sector)
{
    struct draft d = {.op = op, .byte1 = nr_segs, .sector = sector};

    d.id = UINT64_C(0x1122334455667788);
    for (unsigned i = 0; i < SPLITIO_BLKIF_MAX_SEGMENTS; i++) {
        d.segs[i].gref = 8 + i;
        d.segs[i].last_sect = 7;
    }
    return d;
}

static void request_within_the_disk_passes(void **state)
{
    struct splitio_blk_request req;

    (void)state;
    for (uint8_t op = 0; op <= 1; op++) {
        for (uint8_t n = 1; n <= SPLITIO_BLKIF_MAX_SEGMENTS; n++) {
            struct draft d = rw(op, n, SECTORS - n * 8u);

            assert_int_equal(parse(&everything, &d, &req), 0);
            assert_int_equal(req.op, op);
            assert_int_equal(req.nr_sectors, n * 8u);
            assert_int_equal(req.nr_segs, n);
            assert_int_equal(req.nr_indirect_pages, 0);
            assert_int_equal(req.segs[n - 1].gref, 8 + n - 1);
        }
    }
}

static void segment_count_out_of_range_is_an_error(void **state)
{
    static const uint8_t counts[] = {0, 12, 13, 127, 128, 255};
    struct splitio_blk_request req;

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(counts); i++) {
        for (uint8_t op = 0; op <= 1; op++) {
            struct draft d = rw(op, counts[i], 0);

            assert_int_equal(parse(&everything, &d, &req),
                             SPLITIO_BLKIF_RSP_ERROR);
        }
    }
}

static void segment_bounds_are_checked_one_by_one(void **state)
{
    struct splitio_blk_request req;

    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned last = 0; last < 256; last++) {
            struct draft d = rw(SPLITIO_BLKIF_OP_READ, 3, 0);
            bool good = first <= last && last <= 7;

            d.segs[1].first_sect = (uint8_t)first;
            d.segs[1].last_sect = (uint8_t)last;
            assert_int_equal(parse(&everything, &d, &req),
                             good ? 0 : SPLITIO_BLKIF_RSP_ERROR);
            if (good)
                assert_int_equal(req.nr_sectors, 16 + last - first + 1);
        }
    }
}

static void range_past_the_end_is_an_error(void **state)
{
    static const uint64_t sectors[] = {
        SECTORS - 7,    SECTORS,   SECTORS + 1,      UINT64_MAX,
        UINT64_MAX - 7, INT64_MAX, UINT64_C(1) << 63};
    struct splitio_blk_request req;

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(sectors); i++) {
        struct draft d = rw(SPLITIO_BLKIF_OP_READ, 1, sectors[i]);

        assert_int_equal(parse(&everything, &d, &req), SPLITIO_BLKIF_RSP_ERROR);
        d.op = SPLITIO_BLKIF_OP_DISCARD;
        d.byte1 = 0;
        d.nr_sectors = 8;
        assert_int_equal(parse(&everything, &d, &req), SPLITIO_BLKIF_RSP_ERROR);
        d.sector = 8;
        d.nr_sectors = sectors[i];
        assert_int_equal(parse(&everything, &d, &req), SPLITIO_BLKIF_RSP_ERROR);
    }
}

static void large_sectors_demand_alignment(void **state)
{
    struct splitio_blkif_params p = everything;
    struct splitio_blk_request req;
    struct draft d;

    (void)state;
    p.sector_mask = 7;
    d = rw(SPLITIO_BLKIF_OP_READ, 2, 16);
    assert_int_equal(parse(&p, &d, &req), 0);
    d.sector = 17;
    assert_int_equal(parse(&p, &d, &req), SPLITIO_BLKIF_RSP_ERROR);
    d = rw(SPLITIO_BLKIF_OP_READ, 2, 16);
    d.segs[0].first_sect = 1;
    assert_int_equal(parse(&p, &d, &req), SPLITIO_BLKIF_RSP_ERROR);
    d = rw(SPLITIO_BLKIF_OP_READ, 2, 16);
    d.segs[0].last_sect = 3;
    d.segs[1].last_sect = 3; /* the sum is aligned, the pieces are not */
    assert_int_equal(parse(&p, &d, &req), SPLITIO_BLKIF_RSP_ERROR);
}

static void read_only_disk_refuses_changes_and_allows_flush(void **state)
{
    struct splitio_blkif_params p = everything;
    struct splitio_blk_request req;
    struct draft d = rw(SPLITIO_BLKIF_OP_READ, 1, 0);

    (void)state;
    p.flags |= SPLITIO_BLKIF_READ_ONLY;
    assert_int_equal(parse(&p, &d, &req), 0);
    d.op = SPLITIO_BLKIF_OP_WRITE;
    assert_int_equal(parse(&p, &d, &req), SPLITIO_BLKIF_RSP_ERROR);
    d.op = SPLITIO_BLKIF_OP_FLUSH_DISKCACHE; /* with data */
    assert_int_equal(parse(&p, &d, &req), SPLITIO_BLKIF_RSP_ERROR);
    d.byte1 = 0;
    d.sector = UINT64_MAX; /* has no meaning there */
    assert_int_equal(parse(&p, &d, &req), 0);
    d = rw(SPLITIO_BLKIF_OP_DISCARD, 0, 0);
    d.nr_sectors = 8;
    assert_int_equal(parse(&p, &d, &req), SPLITIO_BLKIF_RSP_ERROR);
    d = rw(SPLITIO_BLKIF_OP_INDIRECT, SPLITIO_BLKIF_OP_WRITE, 0);
    d.nr_indirect = 12;
    assert_int_equal(parse(&p, &d, &req), SPLITIO_BLKIF_RSP_ERROR);
}

static void operation_not_offered_is_not_supported(void **state)
{
    struct splitio_blkif_params p = {.nr_sectors = SECTORS};
    struct splitio_blk_request req;

    (void)state;
    for (unsigned op = 2; op < 256; op++) {
        struct draft d = rw((uint8_t)op, 1, 0);

        d.nr_sectors = 8;
        d.nr_indirect = 1;
        assert_int_equal(parse(&p, &d, &req), SPLITIO_BLKIF_RSP_EOPNOTSUPP);
        assert_int_equal(req.op, op);
        if (op > SPLITIO_BLKIF_OP_INDIRECT)
            assert_int_equal(parse(&everything, &d, &req),
                             SPLITIO_BLKIF_RSP_EOPNOTSUPP);
    }
}

static void discard_is_secure_only_if_that_was_offered(void **state)
{
    struct splitio_blkif_params p = everything;
    struct splitio_blk_request req;
    struct draft d = rw(SPLITIO_BLKIF_OP_DISCARD, 1, 3);

    (void)state;
    d.nr_sectors = SECTORS - 3;
    assert_int_equal(parse(&p, &d, &req), 0);
    assert_true(req.secure);
    assert_int_equal(req.nr_sectors, SECTORS - 3);
    p.flags &= ~SPLITIO_BLKIF_OFFERS_SECURE;
    assert_int_equal(parse(&p, &d, &req), 0);
    assert_false(req.secure);
    d.nr_sectors = 0;
    assert_int_equal(parse(&p, &d, &req), SPLITIO_BLKIF_RSP_ERROR);
}

static void indirect_is_bounded_by_what_was_offered(void **state)
{
    struct splitio_blkif_params p = everything;
    struct splitio_blk_request req;
    struct draft d = rw(SPLITIO_BLKIF_OP_INDIRECT, SPLITIO_BLKIF_OP_READ, 0);

    (void)state;
    p.max_indirect = 4096;
    for (unsigned n = 0; n < 65536; n += n < 4200 ? 1 : 997) {
        d.nr_indirect = (uint16_t)n;
        if (n == 0 || n > 4096) {
            assert_int_equal(parse(&p, &d, &req), SPLITIO_BLKIF_RSP_ERROR);
            continue;
        }
        assert_int_equal(parse(&p, &d, &req), 0);
        assert_int_equal(req.op, SPLITIO_BLKIF_OP_READ);
        assert_int_equal(req.nr_segs, n);
        assert_int_equal(req.nr_indirect_pages, (n + 511) / 512);
        assert_int_equal(req.indirect_grefs[req.nr_indirect_pages - 1],
                         100 + req.nr_indirect_pages - 1);
    }
}

static void indirect_inside_indirect_is_refused(void **state)
{
    struct splitio_blk_request req;

    (void)state;
    for (unsigned inner = 2; inner < 256; inner++) {
        struct draft d = rw(SPLITIO_BLKIF_OP_INDIRECT, (uint8_t)inner, 0);

        d.nr_indirect = 1;
        assert_int_equal(parse(&everything, &d, &req),
                         SPLITIO_BLKIF_RSP_EOPNOTSUPP);
    }
}

static void indirect_segments_are_checked_like_direct_ones(void **state)
{
    struct splitio_blkif_segment segs[256] = {{0}};
    struct draft d = rw(SPLITIO_BLKIF_OP_INDIRECT, SPLITIO_BLKIF_OP_READ, 0);
    struct splitio_blk_request req;

    (void)state;
    d.nr_indirect = 256;
    d.sector = SECTORS - 256;
    assert_int_equal(parse(&everything, &d, &req), 0);
    assert_int_equal(splitio_blkif_check_segments(&everything, &req, segs), 0);
    assert_int_equal(req.nr_sectors, 256);
    segs[255].last_sect = 1;
    assert_int_equal(splitio_blkif_check_segments(&everything, &req, segs),
                     SPLITIO_BLKIF_RSP_ERROR);
    segs[255].last_sect = 8;
    req.sector = 0;
    assert_int_equal(splitio_blkif_check_segments(&everything, &req, segs),
                     SPLITIO_BLKIF_RSP_ERROR);
}

static void protocol_key_selects_the_layout(void **state)
{
    static const char *const unknown[] = {"", "x86_64-ab", "x86_64-abi ",
                                          "riscv64-abi"};
    enum splitio_blkif_abi abi;

    (void)state;
    assert_int_equal(splitio_blkif_abi_of(NULL, SPLITIO_BLKIF_ABI_X86_32, &abi),
                     0);
    assert_int_equal(abi, SPLITIO_BLKIF_ABI_X86_32);
    assert_int_equal(splitio_blkif_abi_of("x86_64-abi", 1, &abi), 0);
    assert_int_equal(abi, SPLITIO_BLKIF_ABI_X86_64);
    assert_int_equal(splitio_blkif_abi_of("arm-abi", 1, &abi), 0);
    assert_int_equal(abi, SPLITIO_BLKIF_ABI_X86_64);
    assert_int_equal(splitio_blkif_abi_of("riscv-abi", 1, &abi), 0);
    assert_int_equal(abi, SPLITIO_BLKIF_ABI_X86_64);
    assert_int_equal(splitio_blkif_abi_of("x86_32-abi", 0, &abi), 0);
    assert_int_equal(abi, SPLITIO_BLKIF_ABI_X86_32);
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(unknown); i++)
        assert_int_equal(splitio_blkif_abi_of(unknown[i], 0, &abi),
                         SPLITIO_EOPNOTSUPP);
}

static void rings_have_the_number_of_slots_of_the_abi(void **state)
{
    (void)state;
    assert_int_equal(
        splitio_ring_nr_slots(1, splitio_blkif_ring_x86_64_slot_bytes), 32);
    assert_int_equal(
        splitio_ring_nr_slots(1, splitio_blkif_ring_x86_32_slot_bytes), 32);
    assert_int_equal(
        splitio_ring_nr_slots(16, splitio_blkif_ring_x86_64_slot_bytes), 512);
    assert_int_equal(
        splitio_ring_nr_slots(16, splitio_blkif_ring_x86_32_slot_bytes), 512);
}

static uint32_t random_word(void)
{
    static uint64_t x = 88172645463325252;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (uint32_t)(x >> 16);
}

static void check_promises(const struct splitio_blkif_params *p,
                           const struct splitio_blk_request *r,
                           const struct splitio_blkif_segment *segs)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < r->nr_segs; i++) {
        assert_in_range(segs[i].last_sect, segs[i].first_sect, 7);
        sum += segs[i].last_sect - segs[i].first_sect + 1u;
    }
    if (r->nr_segs)
        assert_int_equal(sum, r->nr_sectors);
    assert_true(r->nr_sectors <= p->nr_sectors);
    assert_true(r->sector <= p->nr_sectors - r->nr_sectors);
    assert_int_equal((r->sector | r->nr_sectors) & p->sector_mask, 0);
    if (p->flags & SPLITIO_BLKIF_READ_ONLY)
        assert_true(r->op != SPLITIO_BLKIF_OP_WRITE &&
                    r->op != SPLITIO_BLKIF_OP_DISCARD);
    assert_true(r->op != SPLITIO_BLKIF_OP_INDIRECT);
}

/* Whatever the bytes are: what passes keeps the parser's promises. */
static void random_slots_that_pass_keep_the_promises(void **state)
{
    unsigned nr_passed = 0;

    (void)state;
    for (unsigned i = 0; i < 300000; i++) {
        struct splitio_blkif_segment segs[64] = {{0}};
        struct splitio_blkif_params p = everything;
        struct splitio_blk_request r;
        union splitio_blkif_slot slot;
        uint8_t *bytes = (uint8_t *)&slot;

        p.flags = random_word() % 32;
        p.sector_mask = random_word() % 4 ? 0 : 7;
        p.shifts = splitio_blkif_shifts_of(
            (enum splitio_blkif_units)(random_word() % 4),
            512 * (p.sector_mask + 1));
        p.max_indirect = random_word() % 2 ? 64 : 0;
        p.abi = (enum splitio_blkif_abi)(random_word() % 2);
        for (unsigned k = 0; k < sizeof(slot); k++)
            bytes[k] = (uint8_t)(random_word() % 4 ? 0 : random_word() % 12);
        bytes[0] = (uint8_t)(random_word() % 8);
        if (random_word() % 64 == 0)
            bytes[random_word() % sizeof(slot)] = 0xFF;
        if (splitio_blkif_parse(&p, &slot, &r))
            continue;
        if (r.nr_indirect_pages) {
            assert_in_range(r.nr_segs, 1, 64);
            for (unsigned k = 0; k < r.nr_segs; k++)
                segs[k].last_sect = (uint8_t)(random_word() % 8);
            if (splitio_blkif_check_segments(&p, &r, segs))
                continue;
            check_promises(&p, &r, segs);
        } else {
            assert_in_range(r.nr_segs, 0, SPLITIO_BLKIF_MAX_SEGMENTS);
            check_promises(&p, &r, r.segs);
        }
        nr_passed++;
    }
    assert_true(nr_passed > 1000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_within_the_disk_passes),
        cmocka_unit_test(segment_count_out_of_range_is_an_error),
        cmocka_unit_test(segment_bounds_are_checked_one_by_one),
        cmocka_unit_test(range_past_the_end_is_an_error),
        cmocka_unit_test(large_sectors_demand_alignment),
        cmocka_unit_test(read_only_disk_refuses_changes_and_allows_flush),
        cmocka_unit_test(operation_not_offered_is_not_supported),
        cmocka_unit_test(discard_is_secure_only_if_that_was_offered),
        cmocka_unit_test(indirect_is_bounded_by_what_was_offered),
        cmocka_unit_test(indirect_inside_indirect_is_refused),
        cmocka_unit_test(indirect_segments_are_checked_like_direct_ones),
        cmocka_unit_test(random_slots_that_pass_keep_the_promises),
        cmocka_unit_test(protocol_key_selects_the_layout),
        cmocka_unit_test(rings_have_the_number_of_slots_of_the_abi),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
