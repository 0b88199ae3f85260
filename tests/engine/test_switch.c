/* SPDX-License-Identifier: BSD-2-Clause */
/* The switch: who hears what. */
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
static void address(uint8_t mac[6], unsigned i)
{
    const uint8_t base[6] = {2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};

    memcpy(mac, base, 6);
}

static int send(struct end *from, const uint8_t dst[6], const uint8_t src[6],
                uint8_t payload)
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

static int receive(void *receiver, const struct splitio_frame *frame)
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

static void add(unsigned i, const struct splitio_switch_port_config *cfg)
{
    memset(&ends[i], 0, sizeof(ends[i]));
    assert_int_equal(splitio_switch_port_add(sw, cfg, &ends[i].port), 0);
    ends[i].nic = splitio_switch_port_nic(ends[i].port);
    ends[i].nic.ops->attach(ends[i].nic.ctx, receive, &ends[i]);
}

static int set_up(void **state)
{
    const struct splitio_switch_port_config plain = {0};

    (void)state;
    sw = splitio_switch_new(PORTS);
    for (unsigned i = 0; i < PORTS; i++)
        add(i, &plain);
    return sw ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    splitio_switch_free(sw);
    return 0;
}

/* End @p i becomes another kind of port. */
static void change(unsigned i, const struct splitio_switch_port_config *cfg)
{
    splitio_switch_port_remove(ends[i].port);
    add(i, cfg);
}

/* From end @p from with its own address to address @p to. */
static void say(unsigned from, unsigned to)
{
    uint8_t dst[6], src[6];

    address(dst, to);
    address(src, from);
    assert_int_equal(send(&ends[from], dst, src, (uint8_t)from), 0);
}

static void shout(unsigned from)
{
    uint8_t src[6];

    address(src, from);
    assert_int_equal(send(&ends[from], broadcast, src, (uint8_t)from), 0);
}

static void assert_heard(unsigned a, unsigned b, unsigned c, unsigned d)
{
    assert_int_equal(ends[0].heard, a);
    assert_int_equal(ends[1].heard, b);
    assert_int_equal(ends[2].heard, c);
    assert_int_equal(ends[3].heard, d);
}

static void switch_unknown_address_reaches_all_known_one_only(void **state)
{
    (void)state;
    say(0, 1);
    assert_heard(0, 1, 1, 1);
    say(1, 0);
    assert_heard(1, 1, 1, 1);
    say(0, 1);
    assert_heard(1, 2, 1, 1);
    assert_int_equal(ends[1].last, 0);
}

static void switch_broadcast_reaches_all_but_the_sender(void **state)
{
    (void)state;
    shout(2);
    assert_heard(1, 1, 0, 1);
}

static void switch_address_that_moves_is_followed(void **state)
{
    uint8_t dst[6], src[6];

    (void)state;
    say(1, 9);
    address(src, 1);
    address(dst, 9);
    assert_int_equal(send(&ends[3], dst, src, 0), 0); /* 1 is behind 3 now */
    for (unsigned i = 0; i < PORTS; i++)
        ends[i].heard = 0;
    say(0, 1);
    assert_heard(0, 0, 0, 1);
}

static void switch_frame_to_its_own_port_goes_nowhere(void **state)
{
    uint8_t a[6], b[6];

    (void)state;
    say(0, 9);
    address(a, 0);
    address(b, 8);
    for (unsigned i = 0; i < PORTS; i++)
        ends[i].heard = 0;
    assert_int_equal(send(&ends[0], a, b, 0), 0);
    assert_heard(0, 0, 0, 0);
}

static void switch_isolated_port_talks_to_the_uplink_only(void **state)
{
    const struct splitio_switch_port_config isolated = {.isolated = true},
                                            uplink = {.uplink = true};

    (void)state;
    change(2, &isolated);
    change(3, &uplink);
    shout(0);
    assert_heard(0, 1, 0, 1);
    shout(2);
    assert_heard(0, 1, 0, 2);
    shout(3);
    assert_heard(1, 2, 1, 2);
    say(0, 2); /* its address is known now, and still out of reach */
    assert_heard(1, 2, 1, 2);
    say(3, 2);
    assert_heard(1, 2, 2, 2);
    say(2, 0);
    assert_heard(1, 2, 2, 2);
}

static void switch_two_isolated_ports_do_not_hear_each_other(void **state)
{
    const struct splitio_switch_port_config isolated = {.isolated = true};

    (void)state;
    change(1, &isolated);
    change(2, &isolated);
    shout(1);
    assert_heard(0, 0, 0, 0);
}

static void switch_locked_port_cannot_use_another_address(void **state)
{
    struct splitio_switch_port_config locked = {.locked = true};
    uint8_t dst[6], src[6];

    (void)state;
    address(locked.mac, 1);
    change(1, &locked);
    shout(1);
    assert_heard(1, 0, 1, 1);
    address(src, 0);
    address(dst, 2);
    say(0, 9);
    for (unsigned i = 0; i < PORTS; i++)
        ends[i].heard = 0;
    assert_int_equal(send(&ends[1], dst, src, 0), 0); /* says it is 0 */
    assert_heard(0, 0, 0, 0);
    assert_int_equal(splitio_switch_port_stats(ends[1].port)->refused, 1);
    say(2, 0); /* still behind its own port */
    assert_heard(1, 0, 0, 0);
}

static void switch_group_source_address_is_dropped(void **state)
{
    (void)state;
    assert_int_equal(send(&ends[0], broadcast, broadcast, 0), 0);
    assert_heard(0, 0, 0, 0);
}

static void switch_short_frame_is_refused(void **state)
{
    uint8_t bytes[13] = {0};
    struct splitio_iovec iov = {bytes, 13};
    struct splitio_frame frame = {.iov = &iov, .nr_iov = 1, .len_bytes = 13};

    (void)state;
    assert_int_equal(ends[0].nic.ops->send(ends[0].nic.ctx, &frame),
                     SPLITIO_EINVAL);
}

static void switch_full_receiver_loses_its_frame_and_nobody_elses(void **state)
{
    (void)state;
    ends[1].answer = SPLITIO_EAGAIN;
    shout(0);
    assert_heard(0, 1, 1, 1);
    assert_int_equal(splitio_switch_port_stats(ends[1].port)->dropped, 1);
    assert_int_equal(splitio_switch_port_stats(ends[2].port)->dropped, 0);
    assert_int_equal(splitio_switch_port_stats(ends[2].port)->received_frames,
                     1);
    assert_int_equal(splitio_switch_port_stats(ends[0].port)->sent_bytes, 60);
}

static void switch_send_from_inside_a_receiver_is_put_off(void **state)
{
    (void)state;
    ends[1].back_to = &ends[1];
    shout(0);
    assert_int_equal(ends[1].back_status, SPLITIO_EAGAIN);
    assert_heard(0, 1, 1, 1);
}

static void
switch_port_with_many_addresses_does_not_push_out_others(void **state)
{
    uint8_t dst[6], src[6];

    (void)state;
    say(1, 9);
    address(dst, 9);
    for (unsigned i = 0; i < 10000; i++) {
        address(src, 100 + i);
        assert_int_equal(send(&ends[0], dst, src, 0), 0);
    }
    for (unsigned i = 0; i < PORTS; i++)
        ends[i].heard = 0;
    say(2, 1);
    assert_heard(0, 1, 0, 0);
}

static void switch_unplugged_and_removed_ports_hear_nothing(void **state)
{
    (void)state;
    ends[1].nic.ops->attach(ends[1].nic.ctx, NULL, NULL);
    say(3, 9);
    splitio_switch_port_remove(ends[3].port);
    for (unsigned i = 0; i < PORTS; i++)
        ends[i].heard = 0;
    say(0, 3);
    assert_heard(0, 0, 1, 0);
}

static void switch_ports_run_out(void **state)
{
    const struct splitio_switch_port_config plain = {0};
    struct splitio_switch_port *p;

    (void)state;
    assert_int_equal(splitio_switch_port_add(sw, &plain, &p), SPLITIO_ENOSPC);
    assert_null(splitio_switch_new(0));
    assert_null(splitio_switch_new(100000));
}

static void cable_joins_both_ways(void **state)
{
    struct splitio_switch *other = splitio_switch_new(2);
    const struct splitio_switch_port_config plain = {0};
    struct splitio_switch_port *uplink, *far;
    struct splitio_nic_cable cable;
    struct end end = {0};

    (void)state;
    assert_int_equal(splitio_switch_port_add(other, &plain, &uplink), 0);
    assert_int_equal(splitio_switch_port_add(other, &plain, &far), 0);
    end.nic = splitio_switch_port_nic(far);
    end.nic.ops->attach(end.nic.ctx, receive, &end);
    splitio_nic_join(&cable, ends[3].nic, splitio_switch_port_nic(uplink));
    shout(0);
    assert_int_equal(end.heard, 1);
    assert_int_equal(send(&end, broadcast, (uint8_t[6]){2, 0, 0, 0, 0, 77}, 0),
                     0);
    assert_heard(1, 2, 2, 0);
    splitio_nic_part(&cable);
    shout(0);
    assert_int_equal(end.heard, 1);
    splitio_switch_free(other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(switch_unknown_address_reaches_all_known_one_only),
        TEST(switch_broadcast_reaches_all_but_the_sender),
        TEST(switch_address_that_moves_is_followed),
        TEST(switch_frame_to_its_own_port_goes_nowhere),
        TEST(switch_isolated_port_talks_to_the_uplink_only),
        TEST(switch_two_isolated_ports_do_not_hear_each_other),
        TEST(switch_locked_port_cannot_use_another_address),
        TEST(switch_group_source_address_is_dropped),
        TEST(switch_short_frame_is_refused),
        TEST(switch_full_receiver_loses_its_frame_and_nobody_elses),
        TEST(switch_send_from_inside_a_receiver_is_put_off),
        TEST(switch_port_with_many_addresses_does_not_push_out_others),
        TEST(switch_unplugged_and_removed_ports_hear_nothing),
        TEST(switch_ports_run_out),
        TEST(cable_joins_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
