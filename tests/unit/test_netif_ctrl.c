/* SPDX-License-Identifier: BSD-2-Clause */
/* The Toeplitz hash against the published values, and hashes of frames. */
#include "cm.h"
#include "frames.h"

#include <splitio/proto/netif_ctrl.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* Microsoft, "Verifying the RSS Hash Calculation". */
static const uint8_t key[SPLITIO_TOEPLITZ_KEY_BYTES] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
    0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
    0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
    0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct vector {
    int family;
    const char *dst;
    uint16_t dst_port;
    const char *src;
    uint16_t src_port;
    uint32_t ip, tcp;
} vectors[] = {
    {AF_INET, "161.142.100.80", 1766, "66.9.149.187", 2794, 0x323e8fc2,
     0x51ccc178},
    {AF_INET, "65.69.140.83", 4739, "199.92.111.2", 14230, 0xd718262a,
     0xc626b0ea},
    {AF_INET, "12.22.207.184", 38024, "24.19.198.95", 12898, 0xd2d0a5de,
     0x5c2b394a},
    {AF_INET, "209.142.163.6", 2217, "38.27.205.30", 48228, 0x82989176,
     0xafc7327f},
    {AF_INET, "202.188.127.2", 1303, "153.39.163.191", 44251, 0x5d1809c5,
     0x10e828a2},
    {AF_INET6, "3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794,
     0x2cc18cd5, 0x40207d3d},
    {AF_INET6, "ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230,
     0x0f0c461c, 0xdde51bbf},
    {AF_INET6, "fe80::200:f8ff:fe21:67cf", 38024,
     "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, 0x4b61e985, 0x02d1feef},
};

/* Addresses and ports in the order in which they are hashed; bytes of the
 * addresses. */
static unsigned make_data(const struct vector *v, uint8_t *data)
{
    unsigned each = v->family == AF_INET ? 4 : 16;

    assert_int_equal(inet_pton(v->family, v->src, data), 1);
    assert_int_equal(inet_pton(v->family, v->dst, data + each), 1);
    data[2 * each] = (uint8_t)(v->src_port >> 8);
    data[2 * each + 1] = (uint8_t)v->src_port;
    data[2 * each + 2] = (uint8_t)(v->dst_port >> 8);
    data[2 * each + 3] = (uint8_t)v->dst_port;
    return 2 * each;
}

static void toeplitz_gives_the_published_values(void **state)
{
    uint8_t data[36];
    unsigned i, n;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(vectors); i++) {
        n = make_data(&vectors[i], data);
        assert_int_equal(splitio_toeplitz(key, sizeof(key), data, n),
                         vectors[i].ip);
        assert_int_equal(splitio_toeplitz(key, sizeof(key), data, n + 4),
                         vectors[i].tcp);
    }
}

static void toeplitz_takes_what_is_missing_of_a_key_as_zero(void **state)
{
    uint8_t data[36], shorter[SPLITIO_TOEPLITZ_KEY_BYTES];
    unsigned n, bytes;

    (void)state;
    n = make_data(&vectors[5], data) + 4;
    for (bytes = 0; bytes <= sizeof(key); bytes++) {
        memset(shorter, 0, sizeof(shorter));
        memcpy(shorter, key, bytes);
        assert_int_equal(splitio_toeplitz(key, bytes, data, n),
                         splitio_toeplitz(shorter, sizeof(shorter), data, n));
    }
    assert_int_equal(splitio_toeplitz(NULL, 0, data, n), 0);
}

/* A frame with these addresses and ports. */
static struct kept make_frame(const struct vector *v, unsigned protocol)
{
    unsigned version = v->family == AF_INET ? 4 : 6;
    struct kept k = make_ip(version, protocol, 100, false);
    uint8_t data[36], *ip = k.bytes + 14;
    unsigned n = make_data(v, data);

    if (version == 4) {
        memcpy(ip + 12, data, n);
        memcpy(ip + (ip[0] & 15) * 4, data + n, 4);
    } else {
        memcpy(ip + 8, data, n);
        memcpy(ip + 40, data + n, 4);
    }
    return k;
}

static void frames_get_the_largest_hash_that_is_meant_for_them(void **state)
{
    struct splitio_netif_hash h = {.algorithm = SPLITIO_NETIF_HASH_TOEPLITZ,
                                   .key_bytes = sizeof(key)};
    unsigned i, tcp;

    (void)state;
    memcpy(h.key, key, sizeof(key));
    for (i = 0; i < SPLITIO_ARRAY_LEN(vectors); i++) {
        const struct vector *v = &vectors[i];
        uint32_t shift = v->family == AF_INET ? 0 : 2;

        for (tcp = 0; tcp < 2; tcp++) {
            struct kept k =
                make_frame(v, tcp ? SPLITIO_PACKET_TCP : SPLITIO_PACKET_UDP);

            for (h.kinds = 0; h.kinds <= SPLITIO_NETIF_HASH_ALL; h.kinds++) {
                uint32_t value = 1, kinds = h.kinds >> shift & 3;
                uint8_t kind =
                    splitio_netif_hash_frame(&h, k.bytes, k.len_bytes, &value);

                if (tcp && (kinds & 2)) {
                    assert_int_equal(kind, SPLITIO_HASH_IPV4_TCP + shift);
                    assert_int_equal(value, v->tcp);
                } else if (kinds & 1) {
                    assert_int_equal(kind, SPLITIO_HASH_IPV4 + shift);
                    assert_int_equal(value, v->ip);
                } else {
                    assert_int_equal(kind, SPLITIO_HASH_NONE);
                    assert_int_equal(value, 0);
                }
            }
            kept_free(&k);
        }
    }
}

static struct splitio_netif_hash all_kinds(void)
{
    struct splitio_netif_hash h = {.algorithm = SPLITIO_NETIF_HASH_TOEPLITZ,
                                   .kinds = SPLITIO_NETIF_HASH_ALL,
                                   .key_bytes = sizeof(key)};

    memcpy(h.key, key, sizeof(key));
    return h;
}

/* Only the first fragment has ports; so none is hashed with them. */
static void fragments_are_hashed_by_their_addresses(void **state)
{
    struct splitio_netif_hash h = all_kinds();
    static const uint8_t parts[][2] = {{0x20, 0}, {0x20, 9}, {0, 9}};
    struct kept k = make_frame(&vectors[0], SPLITIO_PACKET_TCP);
    struct kept k6 = make_frame(&vectors[5], SPLITIO_PACKET_TCP);
    uint32_t value;
    unsigned i;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(parts); i++) {
        memcpy(k.bytes + 14 + 6, parts[i], 2);
        assert_int_equal(
            splitio_netif_hash_frame(&h, k.bytes, k.len_bytes, &value),
            SPLITIO_HASH_IPV4);
        assert_int_equal(value, vectors[0].ip);
    }
    k6.bytes[14 + 6] = 44;
    assert_int_equal(
        splitio_netif_hash_frame(&h, k6.bytes, k6.len_bytes, &value),
        SPLITIO_HASH_IPV6);
    assert_int_equal(value, vectors[5].ip);
    kept_free(&k);
    kept_free(&k6);
}

/* Wherever a frame is cut off, nothing behind the cut is looked at. */
static void frames_that_are_cut_off_are_hashed_by_what_is_there(void **state)
{
    struct splitio_netif_hash h = all_kinds();
    unsigned i, n;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(vectors); i += 5) {
        struct kept k = make_frame(&vectors[i], SPLITIO_PACKET_TCP);
        bool v4 = vectors[i].family == AF_INET;
        unsigned l4 = 14 + (v4 ? (k.bytes[14] & 15u) * 4 : 40), ip_bytes;

        ip_bytes = 14 + (v4 ? 20 : 40);
        for (n = 0; n < k.len_bytes; n++) {
            uint8_t *cut = malloc(n ? n : 1);
            uint32_t value;
            uint8_t kind;

            memcpy(cut, k.bytes, n);
            kind = splitio_netif_hash_frame(&h, cut, n, &value);
            if (n < ip_bytes)
                assert_int_equal(kind, SPLITIO_HASH_NONE);
            else if (n < l4 + 4)
                assert_int_equal(kind,
                                 v4 ? SPLITIO_HASH_IPV4 : SPLITIO_HASH_IPV6);
            else
                assert_int_equal(value, vectors[i].tcp);
            free(cut);
        }
        kept_free(&k);
    }
}

static void mapping_picks_the_queue_and_else_the_remainder(void **state)
{
    struct splitio_netif_hash h = all_kinds();
    uint32_t i;

    (void)state;
    for (i = 0; i < 100; i++)
        assert_int_equal(splitio_netif_hash_queue(&h, i * 977, 3), i * 977 % 3);
    h.nr_mapping = 5;
    memcpy(h.mapping, "\x02\x01\x00\x02\x01", 5);
    for (i = 0; i < 100; i++)
        assert_int_equal(splitio_netif_hash_queue(&h, i * 977, 3),
                         h.mapping[i * 977 % 5]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(toeplitz_gives_the_published_values),
        cmocka_unit_test(toeplitz_takes_what_is_missing_of_a_key_as_zero),
        cmocka_unit_test(frames_get_the_largest_hash_that_is_meant_for_them),
        cmocka_unit_test(fragments_are_hashed_by_their_addresses),
        cmocka_unit_test(frames_that_are_cut_off_are_hashed_by_what_is_there),
        cmocka_unit_test(mapping_picks_the_queue_and_else_the_remainder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
