/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames and their answers: headers are turned around where they are. */
#include "wire.h"

#include <stdbool.h>

#define ETHER       14u
#define ARP         28u
#define IP_MIN      20u
#define ICMP_MIN    8u
#define UDP_MIN     8u
#define PROTO_ICMP  1u
#define PROTO_UDP   17u
#define PORT_ECHO   7u
#define IP_FRAGMENT 0x3FFFu /* more of them, or not the first */

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static bool same(const uint8_t *a, const uint8_t *b, unsigned nr)
{
    return __builtin_memcmp(a, b, nr) == 0;
}

static void swap(uint8_t *a, uint8_t *b, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        uint8_t old = a[i];

        a[i] = b[i];
        b[i] = old;
    }
}

/* Who asked gets it; it comes from here. */
static void turn_ether(const struct wire_host *me, uint8_t *frame)
{
    __builtin_memcpy(frame, frame + 6, 6);
    __builtin_memcpy(frame + 6, me->mac, 6);
}

static enum wire_kind arp(const struct wire_host *me, uint8_t *frame,
                          uint32_t *len)
{
    static const uint8_t who_has[] = {0, 1, 8, 0, 6, 4, 0, 1};
    uint8_t *a = frame + ETHER;

    if (*len < ETHER + ARP || !same(a, who_has, sizeof(who_has)) ||
        !same(a + 24, me->ip, 4))
        return WIRE_NOTHING;
    turn_ether(me, frame);
    a[7] = 2; /* is at */
    swap(a + 8, a + 18, 10);
    __builtin_memcpy(a + 8, me->mac, 6);
    *len = ETHER + ARP;
    return WIRE_ARP;
}

/* The type becomes less by 8 in a high byte: its sum more by as much. */
static bool icmp(uint8_t *at, uint32_t len)
{
    uint32_t sum;

    if (len < ICMP_MIN || at[0] != 8 || at[1] != 0)
        return false;
    at[0] = 0;
    sum = get16(at + 2) + 0x0800u;
    sum = (sum & 0xFFFF) + (sum >> 16);
    at[2] = (uint8_t)(sum >> 8);
    at[3] = (uint8_t)sum;
    return true;
}

/* Sums do not change when what they sum up changes places. */
static bool udp(uint8_t *at, uint32_t len)
{
    if (len < UDP_MIN || get16(at + 2) != PORT_ECHO || get16(at) == PORT_ECHO)
        return false;
    swap(at, at + 2, 2);
    return true;
}

static enum wire_kind ip(const struct wire_host *me, uint8_t *frame,
                         uint32_t *len)
{
    uint8_t *h = frame + ETHER;
    uint32_t header, total;
    enum wire_kind kind = WIRE_NOTHING;

    if (*len < ETHER + IP_MIN || (h[0] >> 4) != 4 || !same(frame, me->mac, 6) ||
        !same(h + 16, me->ip, 4))
        return WIRE_NOTHING;
    header = (h[0] & 15u) * 4;
    total = get16(h + 2);
    if (header < IP_MIN || total < header || total > *len - ETHER ||
        (get16(h + 6) & IP_FRAGMENT) != 0)
        return WIRE_NOTHING;
    if (h[9] == PROTO_ICMP && icmp(h + header, total - header))
        kind = WIRE_PING;
    else if (h[9] == PROTO_UDP && udp(h + header, total - header))
        kind = WIRE_UDP;
    if (kind == WIRE_NOTHING)
        return kind;
    turn_ether(me, frame);
    swap(h + 12, h + 16, 4);
    *len = ETHER + total;
    return kind;
}

enum wire_kind wire_answer(const struct wire_host *me, uint8_t *frame,
                           uint32_t *len)
{
    if (*len < ETHER || (frame[6] & 1) != 0)
        return WIRE_NOTHING;
    switch (get16(frame + 12)) {
    case 0x0806:
        return arp(me, frame, len);
    case 0x0800:
        return ip(me, frame, len);
    default:
        return WIRE_NOTHING;
    }
}
