/* SPDX-License-Identifier: BSD-2-Clause */
/* Headers, checksums and segments of TCP and UDP frames. */
#include "cm.h"
#include "frames.h"

#include <string.h>

static void parse_finds_tcp_and_udp_of_both_versions(void **state)
{
    static const unsigned protocols[] = {SPLITIO_PACKET_TCP,
                                         SPLITIO_PACKET_UDP};
    struct splitio_packet_info info;
    unsigned v, p;

    (void)state;
    for (v = 4; v <= 6; v += 2) {
        for (p = 0; p < 2; p++) {
            struct kept k = make_ip(v, protocols[p], 200, false);

            assert_int_equal(splitio_packet_parse(k.bytes, 200, &info), 0);
            assert_int_equal(info.ip_version, v);
            assert_int_equal(info.protocol, protocols[p]);
            assert_int_equal(info.l4_offset, v == 4 ? 34 : 54);
            assert_int_equal(info.csum_offset, p == 0 ? 16 : 6);
            assert_int_equal(info.payload_offset,
                             info.l4_offset + (p == 0 ? 32 : 8));
            kept_free(&k);
        }
    }
}

/* Every length that is too short must be refused, and none read beyond. */
static void parse_of_cut_headers_is_refused(void **state)
{
    struct splitio_packet_info info;
    unsigned v, n, need;

    (void)state;
    for (v = 4; v <= 6; v += 2) {
        struct kept k = make_ip(v, SPLITIO_PACKET_TCP, 200, false);

        need = (v == 4 ? 34 : 54) + 32;
        for (n = 0; n < 200; n++) {
            uint8_t *exact = test_malloc(n ? n : 1);

            memcpy(exact, k.bytes, n);
            assert_int_equal(splitio_packet_parse(exact, n, &info),
                             n < need ? SPLITIO_EOPNOTSUPP : 0);
            test_free(exact);
        }
        kept_free(&k);
    }
}

static void parse_steps_over_vlan_tags(void **state)
{
    struct kept k = make_ip(4, SPLITIO_PACKET_TCP, 200, false);
    struct splitio_packet_info info;
    uint8_t tagged[256];
    unsigned tags;

    (void)state;
    for (tags = 1; tags <= 3; tags++) {
        unsigned i;

        memcpy(tagged, k.bytes, 12);
        for (i = 0; i < tags; i++)
            memcpy(tagged + 12 + 4 * i, "\x81\x00\x00\x07", 4);
        memcpy(tagged + 12 + 4 * tags, k.bytes + 12, 188);
        assert_int_equal(splitio_packet_parse(tagged, 200 + 4 * tags, &info),
                         tags <= 2 ? 0 : SPLITIO_EOPNOTSUPP);
        if (tags <= 2)
            assert_int_equal(info.l4_offset, 34 + 4 * tags);
    }
    kept_free(&k);
}

static void parse_of_fragments_is_refused(void **state)
{
    struct kept k = make_ip(4, SPLITIO_PACKET_TCP, 200, false);
    struct splitio_packet_info info;

    (void)state;
    k.bytes[20] = 0x20; /* more fragments */
    assert_int_equal(splitio_packet_parse(k.bytes, 200, &info),
                     SPLITIO_EOPNOTSUPP);
    k.bytes[20] = 0x40; /* do not fragment */
    assert_int_equal(splitio_packet_parse(k.bytes, 200, &info), 0);
    k.bytes[21] = 1; /* offset 8 */
    assert_int_equal(splitio_packet_parse(k.bytes, 200, &info),
                     SPLITIO_EOPNOTSUPP);
    kept_free(&k);
    k = make_ip(6, SPLITIO_PACKET_TCP, 200, false);
    k.bytes[20] = 44;
    assert_int_equal(splitio_packet_parse(k.bytes, 200, &info),
                     SPLITIO_EOPNOTSUPP);
    kept_free(&k);
}

static void parse_of_ipv6_extensions_is_bounded(void **state)
{
    struct splitio_packet_info info;
    unsigned exts, i;

    (void)state;
    for (exts = 0; exts <= 10; exts++) {
        uint32_t len = 54 + exts * 8 + 60;
        struct kept k = make_ip(6, SPLITIO_PACKET_TCP, 300, false);

        memmove(k.bytes + 54 + exts * 8, k.bytes + 54, 60);
        if (exts)
            k.bytes[20] = 60;
        for (i = 0; i < exts; i++) {
            k.bytes[54 + i * 8] = i + 1 < exts ? 60 : SPLITIO_PACKET_TCP;
            k.bytes[54 + i * 8 + 1] = 0;
        }
        assert_int_equal(splitio_packet_parse(k.bytes, len, &info),
                         exts <= 8 ? 0 : SPLITIO_EOPNOTSUPP);
        if (exts <= 8)
            assert_int_equal(info.l4_offset, 54 + exts * 8);
        kept_free(&k);
    }
}

/* Whatever the bytes, every offset is inside them. */
static void parse_of_garbage_stays_inside(void **state)
{
    struct splitio_packet_info info;
    unsigned i;

    (void)state;
    rnd_seed(7);
    for (i = 0; i < 20000; i++) {
        uint32_t len = 14 + rnd() % 140, n;
        struct kept k =
            make_ip(rnd() & 1 ? 4 : 6, rnd() & 1 ? 6 : 17, 160, false);
        uint8_t *exact = test_malloc(len);

        memcpy(exact, k.bytes, len);
        for (n = rnd() % 6; n > 0; n--)
            exact[12 + rnd() % (len - 12)] = (uint8_t)rnd();
        if (splitio_packet_parse(exact, len, &info) == 0) {
            assert_true(info.payload_offset <= len);
            assert_true(info.l4_offset + info.csum_offset + 2u <= len);
            assert_true(info.l3_offset < info.l4_offset);
            (void)splitio_packet_pseudo_sum(exact, &info, len - info.l4_offset);
        }
        (void)splitio_packet_flow(exact, len);
        test_free(exact);
        kept_free(&k);
    }
}

static void csum_over_pieces_equals_csum_over_whole(void **state)
{
    unsigned i;

    (void)state;
    rnd_seed(8);
    for (i = 0; i < 2000; i++) {
        struct kept k = make_noise(20 + rnd() % 300);
        struct splitio_iovec whole = {k.bytes, k.len_bytes}, iov[7];
        struct splitio_frame f = kept_frame(&k, iov, 1 + rnd() % 7);
        uint32_t at = rnd() % k.len_bytes;

        assert_int_equal(
            splitio_packet_csum(&whole, 1, at, k.len_bytes - at),
            splitio_packet_csum(f.iov, f.nr_iov, at, k.len_bytes - at));
        kept_free(&k);
    }
}

static void csum_filled_in_is_right(void **state)
{
    unsigned i;

    (void)state;
    rnd_seed(9);
    for (i = 0; i < 200; i++) {
        struct kept k = make_ip(rnd() & 1 ? 4 : 6, rnd() & 1 ? 6 : 17,
                                90 + rnd() % 1000, false);

        assert_true(csum_is_right(&k));
        k.bytes[k.len_bytes - 1] ^= 1;
        assert_false(csum_is_right(&k));
        kept_free(&k);
    }
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

static void gso_segments_carry_the_payload_once(void **state)
{
    static struct splitio_packet_gso g;
    unsigned v;

    (void)state;
    rnd_seed(10);
    for (v = 4; v <= 6; v += 2) {
        uint32_t hdr = (v == 4 ? 34 : 54) + 32, at = 0;
        struct kept k = make_gso(v, hdr + 10000, 1448);
        struct splitio_iovec iov[4];
        struct splitio_frame f = kept_frame(&k, iov, 4);
        int n = splitio_packet_gso_init(&g, f.iov, f.nr_iov, f.len_bytes, 1448);
        int i;

        assert_int_equal(n, 7);
        for (i = 0; i < n; i++) {
            struct kept s = {.len_bytes = splitio_packet_gso_bytes(&g, i)};
            uint32_t l4 = v == 4 ? 34 : 54;

            s.bytes = test_malloc(s.len_bytes);
            splitio_packet_gso_make(&g, i, f.iov, f.nr_iov, s.bytes);
            assert_int_equal(be32(s.bytes + l4 + 4),
                             be32(k.bytes + l4 + 4) + at);
            assert_memory_equal(s.bytes + hdr, k.bytes + hdr + at,
                                s.len_bytes - hdr);
            assert_int_equal(s.bytes[l4 + 13] & 9, i + 1 < n ? 0 : 9);
            if (v == 4)
                assert_int_equal(s.bytes[16] << 8 | s.bytes[17],
                                 s.len_bytes - 14);
            at += s.len_bytes - hdr;
            test_free(s.bytes);
        }
        assert_int_equal(at, 10000);
        kept_free(&k);
    }
}

static void gso_of_no_tcp_is_refused(void **state)
{
    static struct splitio_packet_gso g;
    struct kept k = make_ip(4, SPLITIO_PACKET_UDP, 3000, true);
    struct splitio_iovec iov = {k.bytes, k.len_bytes};

    (void)state;
    assert_int_equal(splitio_packet_gso_init(&g, &iov, 1, 3000, 1448),
                     SPLITIO_EOPNOTSUPP);
    kept_free(&k);
    k = make_gso(4, 3000, 1448);
    iov.base = k.bytes;
    assert_int_equal(splitio_packet_gso_init(&g, &iov, 1, 3000, 7),
                     SPLITIO_EOPNOTSUPP);
    kept_free(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_finds_tcp_and_udp_of_both_versions),
        cmocka_unit_test(parse_of_cut_headers_is_refused),
        cmocka_unit_test(parse_steps_over_vlan_tags),
        cmocka_unit_test(parse_of_fragments_is_refused),
        cmocka_unit_test(parse_of_ipv6_extensions_is_bounded),
        cmocka_unit_test(parse_of_garbage_stays_inside),
        cmocka_unit_test(csum_over_pieces_equals_csum_over_whole),
        cmocka_unit_test(csum_filled_in_is_right),
        cmocka_unit_test(gso_segments_carry_the_payload_once),
        cmocka_unit_test(gso_of_no_tcp_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
