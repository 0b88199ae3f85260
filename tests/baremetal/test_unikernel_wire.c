/* SPDX-License-Identifier: BSD-2-Clause */
/* The unikernel's answers: what is right in them, and what gets none. */
#include "cm.h"

#include "wire.h"

#include <string.h>

#define ETHER 14u
#define IP    20u

static const struct wire_host me = {{2, 0, 0, 0, 0, 7}, {10, 0, 0, 7}};
static const uint8_t peer_mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t peer_ip[4] = {10, 0, 0, 1};

static uint8_t frame[2048];
static uint32_t len;

static void put16(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

/* The sum of a right header or message is 0. */
static uint16_t sum(const uint8_t *at, uint32_t nr, uint32_t start)
{
    for (uint32_t i = 0; i < nr; i += 2)
        start += (uint32_t)(at[i] << 8) | (i + 1 < nr ? at[i + 1] : 0);
    while (start >> 16)
        start = (start & 0xFFFF) + (start >> 16);
    return (uint16_t)~start;
}

static void make_ether(const uint8_t *to, unsigned type)
{
    memset(frame, 0, sizeof(frame));
    memcpy(frame, to, 6);
    memcpy(frame + 6, peer_mac, 6);
    put16(frame + 12, type);
}

static void make_arp(void)
{
    static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
    static const uint8_t head[] = {0, 1, 8, 0, 6, 4, 0, 1};
    uint8_t *a = frame + ETHER;

    make_ether(all, 0x0806);
    memcpy(a, head, sizeof(head));
    memcpy(a + 8, peer_mac, 6);
    memcpy(a + 14, peer_ip, 4);
    memcpy(a + 24, me.ip, 4);
    len = 60;
}

static uint8_t *make_ip(unsigned proto, uint32_t payload)
{
    uint8_t *h = frame + ETHER;

    make_ether(me.mac, 0x0800);
    h[0] = 0x45;
    put16(h + 2, IP + payload);
    h[8] = 64;
    h[9] = (uint8_t)proto;
    memcpy(h + 12, peer_ip, 4);
    memcpy(h + 16, me.ip, 4);
    put16(h + 10, sum(h, IP, 0));
    len = ETHER + IP + payload;
    return h + IP;
}

static void make_ping(uint32_t bytes, unsigned fill)
{
    uint8_t *p = make_ip(1, 8 + bytes);

    p[0] = 8;
    put16(p + 4, 0x1234);
    put16(p + 6, fill);
    memset(p + 8, (int)fill, bytes);
    put16(p + 2, sum(p, 8 + bytes, 0));
}

static void make_udp(unsigned from, unsigned to)
{
    uint8_t *p = make_ip(17, 8 + 5);

    put16(p, from);
    put16(p + 2, to);
    put16(p + 4, 8 + 5);
    memcpy(p + 8, "hello", 5);
    put16(p + 6, 0x1111);
}

static void assert_turned_around(void)
{
    assert_memory_equal(frame, peer_mac, 6);
    assert_memory_equal(frame + 6, me.mac, 6);
}

static void arp_for_us_gets_our_address(void **state)
{
    (void)state;
    make_arp();
    assert_int_equal(wire_answer(&me, frame, &len), WIRE_ARP);
    assert_turned_around();
    assert_int_equal(len, 42);
    assert_int_equal(frame[ETHER + 7], 2);
    assert_memory_equal(frame + ETHER + 8, me.mac, 6);
    assert_memory_equal(frame + ETHER + 14, me.ip, 4);
    assert_memory_equal(frame + ETHER + 18, peer_mac, 6);
    assert_memory_equal(frame + ETHER + 24, peer_ip, 4);
}

static void pings_get_the_same_with_right_sums(void **state)
{
    (void)state;
    for (unsigned fill = 0; fill < 256; fill++) {
        uint32_t was;

        make_ping(fill % 2 ? 1400 : 57, fill);
        was = len;
        len += 4; /* padding of the wire's */
        assert_int_equal(wire_answer(&me, frame, &len), WIRE_PING);
        assert_turned_around();
        assert_int_equal(len, was);
        assert_int_equal(frame[ETHER + IP], 0);
        assert_memory_equal(frame + ETHER + 12, me.ip, 4);
        assert_memory_equal(frame + ETHER + 16, peer_ip, 4);
        assert_int_equal(sum(frame + ETHER, IP, 0), 0);
        assert_int_equal(sum(frame + ETHER + IP, len - ETHER - IP, 0), 0);
    }
}

static void udp_echo_goes_back(void **state)
{
    (void)state;
    make_udp(5000, 7);
    assert_int_equal(wire_answer(&me, frame, &len), WIRE_UDP);
    assert_int_equal(frame[ETHER + IP] << 8 | frame[ETHER + IP + 1], 7);
    assert_int_equal(frame[ETHER + IP + 2] << 8 | frame[ETHER + IP + 3], 5000);
    assert_memory_equal(frame + ETHER + IP + 8, "hello", 5);
    make_udp(5000, 8);
    assert_int_equal(wire_answer(&me, frame, &len), WIRE_NOTHING);
    make_udp(7, 7); /* two that echo would never end */
    assert_int_equal(wire_answer(&me, frame, &len), WIRE_NOTHING);
}

static void frame_for_others_gets_no_answer(void **state)
{
    (void)state;
    make_arp();
    frame[ETHER + 27] ^= 1;
    assert_int_equal(wire_answer(&me, frame, &len), WIRE_NOTHING);
    make_ping(10, 1);
    frame[ETHER + 19] ^= 1;
    assert_int_equal(wire_answer(&me, frame, &len), WIRE_NOTHING);
    make_ping(10, 1);
    frame[5] ^= 1;
    assert_int_equal(wire_answer(&me, frame, &len), WIRE_NOTHING);
    make_ping(10, 1);
    frame[6] |= 1; /* from a group */
    assert_int_equal(wire_answer(&me, frame, &len), WIRE_NOTHING);
    make_ping(10, 1);
    put16(frame + 12, 0x86DD);
    assert_int_equal(wire_answer(&me, frame, &len), WIRE_NOTHING);
}

static void frame_that_lies_gets_no_answer(void **state)
{
    (void)state;
    make_ping(10, 1);
    frame[ETHER] = 0x44; /* shorter than a header */
    assert_int_equal(wire_answer(&me, frame, &len), WIRE_NOTHING);
    make_ping(10, 1);
    frame[ETHER] = 0x4F; /* longer than all */
    put16(frame + ETHER + 2, 40);
    assert_int_equal(wire_answer(&me, frame, &len), WIRE_NOTHING);
    make_ping(10, 1);
    put16(frame + ETHER + 2, 39); /* longer than the frame */
    assert_int_equal(wire_answer(&me, frame, &len), WIRE_NOTHING);
    make_ping(10, 1);
    frame[ETHER + 6] = 0x20; /* a fragment */
    assert_int_equal(wire_answer(&me, frame, &len), WIRE_NOTHING);
}

static void frame_cut_anywhere_gets_no_answer(void **state)
{
    (void)state;
    for (uint32_t cut = 0; cut < ETHER + 28; cut++) {
        make_arp();
        len = cut;
        assert_int_equal(wire_answer(&me, frame, &len), WIRE_NOTHING);
        make_ping(0, 1);
        len = cut;
        assert_int_equal(wire_answer(&me, frame, &len), WIRE_NOTHING);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arp_for_us_gets_our_address),
        cmocka_unit_test(pings_get_the_same_with_right_sums),
        cmocka_unit_test(udp_echo_goes_back),
        cmocka_unit_test(frame_for_others_gets_no_answer),
        cmocka_unit_test(frame_that_lies_gets_no_answer),
        cmocka_unit_test(frame_cut_anywhere_gets_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
