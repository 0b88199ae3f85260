/* SPDX-License-Identifier: BSD-2-Clause */
/* The bytes of block messages, which are the same on every machine, and what
 * the peers of the wild count in. */
#include "cm.h"

#include <splitio/proto/blkif.h>

#include <stdio.h>
#include <string.h>

/* Bytes as text: two digits each, spaces between. */
static void expect_bytes(const void *have, const char *text)
{
    const uint8_t *at = have;
    unsigned byte;

    for (; *text; text += text[2] ? 3 : 2) {
        assert_int_equal(sscanf(text, "%2x", &byte), 1);
        assert_int_equal(*at++, byte);
    }
}

static void from_bytes(void *to, const char *text)
{
    uint8_t *at = to;
    unsigned byte;

    for (; *text; text += text[2] ? 3 : 2) {
        assert_int_equal(sscanf(text, "%2x", &byte), 1);
        *at++ = (uint8_t)byte;
    }
}

static const struct splitio_blkif_shifts plain;

static const struct splitio_blkif_segment two_segs[] = {
    {.gref = 0x01020304, .first_sect = 1, .last_sect = 6},
    {.gref = 0xA0B0C0D0, .first_sect = 0, .last_sect = 7},
};

static const splitio_gref_t lists[] = {0x11121314, 0x21222324};

#define ID     UINT64_C(0x8877665544332211)
#define SECTOR UINT64_C(0x0102030405060708)

static const struct splitio_blkif_message rw = {
    .id = ID,
    .sector = SECTOR,
    .op = SPLITIO_BLKIF_OP_WRITE,
    .nr_segs = 2,
    .segs = two_segs,
};
static const struct splitio_blkif_message discard = {
    .id = ID,
    .sector = SECTOR,
    .nr_sectors = 0x1234567890,
    .op = SPLITIO_BLKIF_OP_DISCARD,
    .flag = SPLITIO_BLKIF_DISCARD_SECURE,
};
static const struct splitio_blkif_message indirect = {
    .id = ID,
    .sector = SECTOR,
    .op = SPLITIO_BLKIF_OP_READ,
    .nr_segs = 0x0203,
    .nr_indirect = 2,
    .indirect_grefs = lists,
};

static const char rw_64[] = "01 02 00 00 00 00 00 00 11 22 33 44 55 66 77 88 "
                            "08 07 06 05 04 03 02 01 04 03 02 01 01 06 00 00 "
                            "d0 c0 b0 a0 00 07 00 00 00 00 00 00 00 00 00 00";
static const char rw_32[] =
    "01 02 00 00 11 22 33 44 55 66 77 88 08 07 06 05 04 03 02 01 "
    "04 03 02 01 01 06 00 00 d0 c0 b0 a0 00 07 00 00 00 00 00 00";
static const char discard_64[] =
    "05 01 00 00 00 00 00 00 11 22 33 44 55 66 77 88 "
    "08 07 06 05 04 03 02 01 90 78 56 34 12 00 00 00";
static const char discard_32[] = "05 01 00 00 11 22 33 44 55 66 77 88 "
                                 "08 07 06 05 04 03 02 01 90 78 56 34 12 00 "
                                 "00 00";
static const char indirect_64[] =
    "06 00 03 02 00 00 00 00 11 22 33 44 55 66 77 88 "
    "08 07 06 05 04 03 02 01 00 00 00 00 14 13 12 11 24 23 22 21 "
    "00 00 00 00 00 00 00 00";
static const char indirect_32[] =
    "06 00 03 02 11 22 33 44 55 66 77 88 08 07 06 05 04 03 02 01 "
    "00 00 00 00 14 13 12 11 24 23 22 21 00 00 00 00 00 00 00 00";

static void expect_slot(enum splitio_blkif_abi abi,
                        const struct splitio_blkif_message *msg,
                        const char *text)
{
    union splitio_blkif_slot slot;

    memset(&slot, 0xA5, sizeof(slot));
    splitio_blkif_put_request(abi, plain, msg, &slot);
    expect_bytes(&slot, text);
    for (size_t i = (strlen(text) + 1) / 3; i < sizeof(slot); i++)
        assert_int_equal(((uint8_t *)&slot)[i], 0);
}

static void requests_are_little_endian_on_every_machine(void **state)
{
    (void)state;
    expect_slot(SPLITIO_BLKIF_ABI_X86_64, &rw, rw_64);
    expect_slot(SPLITIO_BLKIF_ABI_X86_32, &rw, rw_32);
    expect_slot(SPLITIO_BLKIF_ABI_X86_64, &discard, discard_64);
    expect_slot(SPLITIO_BLKIF_ABI_X86_32, &discard, discard_32);
    expect_slot(SPLITIO_BLKIF_ABI_X86_64, &indirect, indirect_64);
    expect_slot(SPLITIO_BLKIF_ABI_X86_32, &indirect, indirect_32);
}

static void parse(enum splitio_blkif_abi abi, const char *text,
                  struct splitio_blk_request *req)
{
    const struct splitio_blkif_params p = {
        .nr_sectors = UINT64_MAX,
        .flags = SPLITIO_BLKIF_OFFERS_DISCARD | SPLITIO_BLKIF_OFFERS_SECURE,
        .max_indirect = 4096,
        .abi = abi,
    };
    union splitio_blkif_slot slot = {.x86_64 = {.operation = 0}};

    from_bytes(&slot, text);
    assert_int_equal(splitio_blkif_parse(&p, &slot, req), 0);
    assert_true(req->id == ID);
}

static void little_endian_requests_are_read_on_every_machine(void **state)
{
    static const char *const texts[][2] = {
        {rw_64, rw_32}, {discard_64, discard_32}, {indirect_64, indirect_32}};
    struct splitio_blk_request req;

    (void)state;
    for (unsigned abi = 0; abi < 2; abi++) {
        parse((enum splitio_blkif_abi)abi, texts[1][abi], &req);
        assert_true(req.sector == SECTOR);
        assert_true(req.nr_sectors == discard.nr_sectors);
        assert_true(req.secure);
        parse((enum splitio_blkif_abi)abi, texts[2][abi], &req);
        assert_int_equal(req.nr_segs, indirect.nr_segs);
        assert_int_equal(req.nr_indirect_pages, 2);
        assert_int_equal(req.indirect_grefs[0], lists[0]);
        assert_int_equal(req.indirect_grefs[1], lists[1]);
        parse((enum splitio_blkif_abi)abi, texts[0][abi], &req);
        assert_true(req.sector == SECTOR);
        assert_int_equal(req.nr_sectors, 6 + 8);
        assert_memory_equal(req.segs, two_segs, sizeof(two_segs));
    }
}

static void responses_are_little_endian_on_every_machine(void **state)
{
    static const char *const texts[] = {
        "11 22 33 44 55 66 77 88 05 00 fe ff 00 00 00 00",
        "11 22 33 44 55 66 77 88 05 00 fe ff"};
    const struct splitio_blk_response rsp = {ID, SPLITIO_BLKIF_OP_DISCARD,
                                             SPLITIO_BLKIF_RSP_EOPNOTSUPP};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        enum splitio_blkif_abi abi = (enum splitio_blkif_abi)i;
        union splitio_blkif_answer answer;
        struct splitio_blk_response read;

        memset(&answer, 0xA5, sizeof(answer));
        splitio_blkif_put_response(abi, &rsp, &answer);
        expect_bytes(&answer, texts[i]);
        memset(&answer, 0xA5, sizeof(answer));
        from_bytes(&answer, texts[i]);
        read = splitio_blkif_get_response(abi, &answer);
        assert_true(read.id == ID);
        assert_int_equal(read.op, rsp.op);
        assert_int_equal(read.status, rsp.status);
    }
}

static void ring_indices_are_little_endian_on_every_machine(void **state)
{
    static uint8_t page[4096] __attribute__((aligned(4096)));
    struct splitio_blkif_ring_x86_64_front front;
    struct splitio_blkif_ring_x86_64_back back;
    struct splitio_blkif_request_x86_64 r;

    (void)state;
    assert_int_equal(splitio_blkif_ring_x86_64_front_init(&front, page, 1), 0);
    expect_bytes(page, "00 00 00 00 01 00 00 00 00 00 00 00 01 00 00 00");
    from_bytes(page, "fd fe 00 00 fe fe 00 00 fd fe 00 00 fe fe 00 00");
    assert_int_equal(
        splitio_blkif_ring_x86_64_front_attach(&front, page, 1, 0xFEFD), 0);
    assert_int_equal(splitio_blkif_ring_x86_64_back_attach(&back, page, 1), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_non_null(splitio_blkif_ring_x86_64_front_reserve(&front));
    assert_true(splitio_ring_front_publish(&front.ring));
    expect_bytes(page, "00 ff 00 00 fe fe 00 00");
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(splitio_blkif_ring_x86_64_back_take(&back, &r), 1);
    assert_int_equal(splitio_ring_back_rearm(&back.ring, 1), 0);
    expect_bytes(page + 4, "01 ff 00 00");
}

/* ---- what peers count in ---- */

static void units_of_each_peer_are_those_of_the_table(void **state)
{
    static const struct {
        enum splitio_blkif_units units;
        bool key, request, segment; /* counts sectors, not 512 bytes */
    } table[] = {
        {SPLITIO_BLKIF_UNITS_SPEC, false, false, false},
        {SPLITIO_BLKIF_UNITS_FREEBSD, true, true, false},
        {SPLITIO_BLKIF_UNITS_QEMU, true, true, true},
        {SPLITIO_BLKIF_UNITS_MINIOS, true, false, false},
        {(enum splitio_blkif_units)77, false, false, false},
    };

    (void)state;
    for (unsigned shift = 0; shift < 4; shift++) {
        for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(table); i++) {
            struct splitio_blkif_shifts s =
                splitio_blkif_shifts_of(table[i].units, 512u << shift);

            assert_int_equal(s.key, table[i].key ? shift : 0);
            assert_int_equal(s.request, table[i].request ? shift : 0);
            assert_int_equal(s.segment, table[i].segment ? shift : 0);
        }
    }
}

static void sector_sizes_are_powers_of_two_within_a_page(void **state)
{
    static const uint32_t bad[] = {0, 1, 256, 513, 1536, 8192, UINT32_MAX};

    (void)state;
    for (uint32_t size = 512; size <= 4096; size *= 2)
        assert_true(splitio_blkif_sector_size_ok(size));
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
        assert_false(splitio_blkif_sector_size_ok(bad[i]));
        assert_int_equal(
            splitio_blkif_shifts_of(SPLITIO_BLKIF_UNITS_QEMU, bad[i]).key, 0);
    }
}

static struct splitio_blkif_params large(enum splitio_blkif_units units)
{
    return (struct splitio_blkif_params){
        .nr_sectors = 8000,
        .sector_mask = 7,
        .flags = SPLITIO_BLKIF_OFFERS_DISCARD,
        .shifts = splitio_blkif_shifts_of(units, 4096),
    };
}

/* Sectors of 4096 bytes: the place and the pieces in each peer's units. */
static void what_is_put_for_a_peer_is_parsed_as_meant(void **state)
{
    static const struct splitio_blkif_segment segs[] = {
        {.gref = 8, .last_sect = 7}, {.gref = 9, .last_sect = 7}};

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct splitio_blkif_params p =
            large((enum splitio_blkif_units)(i % 4));
        struct splitio_blkif_message msg = {
            .id = i, .sector = 80, .nr_segs = 2, .segs = segs};
        union splitio_blkif_slot slot;
        struct splitio_blk_request req;

        p.abi = (enum splitio_blkif_abi)(i / 4);
        splitio_blkif_put_request(p.abi, p.shifts, &msg, &slot);
        assert_int_equal(splitio_blkif_parse(&p, &slot, &req), 0);
        assert_true(req.sector == 80 && req.nr_sectors == 16);
        assert_memory_equal(req.segs, segs, sizeof(segs));
        msg.op = SPLITIO_BLKIF_OP_DISCARD;
        msg.nr_sectors = 800;
        splitio_blkif_put_request(p.abi, p.shifts, &msg, &slot);
        assert_int_equal(splitio_blkif_parse(&p, &slot, &req), 0);
        assert_true(req.sector == 80 && req.nr_sectors == 800);
    }
}

/* Large numbers in large units must not come round to small ones. */
static void numbers_that_overflow_their_unit_are_refused(void **state)
{
    static const uint64_t sectors[] = {UINT64_C(1) << 61, UINT64_C(1) << 62,
                                       UINT64_MAX, (UINT64_MAX >> 3) + 1, 1000};
    struct splitio_blkif_params p = large(SPLITIO_BLKIF_UNITS_QEMU);

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(sectors); i++) {
        struct splitio_blk_request req;
        union splitio_blkif_slot slot = {.x86_64 = {.nr_segments = 1}};

        slot.x86_64.sector_number = splitio_le64(sectors[i]);
        assert_int_equal(splitio_blkif_parse(&p, &slot, &req),
                         SPLITIO_BLKIF_RSP_ERROR);
        memset(&slot, 0, sizeof(slot));
        slot.x86_64.operation = SPLITIO_BLKIF_OP_DISCARD;
        slot.discard_x86_64.nr_sectors = splitio_le64(sectors[i] + 1);
        assert_int_equal(splitio_blkif_parse(&p, &slot, &req),
                         SPLITIO_BLKIF_RSP_ERROR);
    }
}

static void segments_that_overflow_their_unit_are_refused(void **state)
{
    (void)state;
    for (unsigned size = 1024; size <= 4096; size *= 2) {
        struct splitio_blkif_params p = {
            .nr_sectors = 8000,
            .sector_mask = size / 512 - 1,
            .shifts = splitio_blkif_shifts_of(SPLITIO_BLKIF_UNITS_QEMU, size),
        };

        for (unsigned i = 0; i < 65536; i++) {
            unsigned first = i & 255, last = i >> 8;
            bool good = first <= last && last < 4096 / size;
            union splitio_blkif_slot slot = {.x86_64 = {.nr_segments = 1}};
            struct splitio_blk_request req;

            slot.x86_64.seg[0].first_sect = (uint8_t)first;
            slot.x86_64.seg[0].last_sect = (uint8_t)last;
            assert_int_equal(splitio_blkif_parse(&p, &slot, &req),
                             good ? 0 : SPLITIO_BLKIF_RSP_ERROR);
            if (good)
                assert_true(req.nr_sectors == (last - first + 1) * size / 512);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_little_endian_on_every_machine),
        cmocka_unit_test(little_endian_requests_are_read_on_every_machine),
        cmocka_unit_test(responses_are_little_endian_on_every_machine),
        cmocka_unit_test(ring_indices_are_little_endian_on_every_machine),
        cmocka_unit_test(units_of_each_peer_are_those_of_the_table),
        cmocka_unit_test(sector_sizes_are_powers_of_two_within_a_page),
        cmocka_unit_test(what_is_put_for_a_peer_is_parsed_as_meant),
        cmocka_unit_test(numbers_that_overflow_their_unit_are_refused),
        cmocka_unit_test(segments_that_overflow_their_unit_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
