/* SPDX-License-Identifier: BSD-2-Clause */
/* A switch with a test at each of its ports. */
#ifndef SPLITIO_TESTS_SWITCH_ENDS_H
#define SPLITIO_TESTS_SWITCH_ENDS_H

#include "cm.h"

#include <splitio/nic.h>

#include <string.h>

#define PORTS 4u

struct end {
    struct splitio_switch_port *port;
    struct splitio_nic nic;
    unsigned heard;
    uint8_t last;        /* payload of the last frame */
    int answer;          /* of the receiver */
    struct end *back_to; /* send from inside the receiver */
    int back_status;
};

static struct splitio_switch *sw;
static struct end ends[PORTS];

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* Address i, behind end i unless a test says otherwise. */
static inline void address(uint8_t mac[6], unsigned i)
{
    const uint8_t base[6] = {2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};

    memcpy(mac, base, 6);
}

static inline int send(struct end *from, const uint8_t dst[6],
                       const uint8_t src[6], uint8_t payload)
{
    uint8_t bytes[60] = {0};
    /* In pieces, so that the header is not in one. */
    struct splitio_iovec iov[] = {{bytes, 3}, {bytes + 3, 0}, {bytes + 3, 57}};
    struct splitio_frame frame = {.iov = iov, .nr_iov = 3, .len_bytes = 60};

    memcpy(bytes, dst, 6);
    memcpy(bytes + 6, src, 6);
    bytes[20] = payload;
    return from->nic.ops->send(from->nic.ctx, &frame);
}

static inline int receive(void *receiver, const struct splitio_frame *frame)
{
    struct end *e = receiver;

    e->heard++;
    e->last = ((const uint8_t *)frame->iov[2].base)[17];
    if (e->back_to) {
        uint8_t src[6];

        address(src, 1);
        e->back_status = send(e->back_to, broadcast, src, 0);
    }
    return e->answer;
}

static inline void add(unsigned i, const struct splitio_switch_port_config *cfg)
{
    memset(&ends[i], 0, sizeof(ends[i]));
    assert_int_equal(splitio_switch_port_add(sw, cfg, &ends[i].port), 0);
    ends[i].nic = splitio_switch_port_nic(ends[i].port);
    ends[i].nic.ops->attach(ends[i].nic.ctx, receive, &ends[i]);
}

static inline int set_up(void **state)
{
    const struct splitio_switch_port_config plain = {0};

    (void)state;
    sw = splitio_switch_new(PORTS);
    for (unsigned i = 0; i < PORTS; i++)
        add(i, &plain);
    return sw ? 0 : -1;
}

static inline int tear_down(void **state)
{
    (void)state;
    splitio_switch_free(sw);
    return 0;
}

/* End @p i becomes another kind of port. */
static inline void change(unsigned i,
                          const struct splitio_switch_port_config *cfg)
{
    splitio_switch_port_remove(ends[i].port);
    add(i, cfg);
}

/* From end @p from with its own address to address @p to. */
static inline void say(unsigned from, unsigned to)
{
    uint8_t dst[6], src[6];

    address(dst, to);
    address(src, from);
    assert_int_equal(send(&ends[from], dst, src, (uint8_t)from), 0);
}

static inline void shout(unsigned from)
{
    uint8_t src[6];

    address(src, from);
    assert_int_equal(send(&ends[from], broadcast, src, (uint8_t)from), 0);
}

static inline void assert_heard(unsigned a, unsigned b, unsigned c, unsigned d)
{
    assert_int_equal(ends[0].heard, a);
    assert_int_equal(ends[1].heard, b);
    assert_int_equal(ends[2].heard, c);
    assert_int_equal(ends[3].heard, d);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif /* SPLITIO_TESTS_SWITCH_ENDS_H */
