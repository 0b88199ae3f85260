/* SPDX-License-Identifier: BSD-2-Clause */
/* The switch: who hears what. */
#include "switch_ends.h"

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

static void switch_reserved_group_addresses_are_not_forwarded(void **state)
{
    uint8_t dst[6] = {0x01, 0x80, 0xc2, 0, 0, 0}, src[6];

    (void)state;
    address(src, 0);
    for (dst[5] = 0; dst[5] < 0x10; dst[5]++)
        assert_int_equal(send(&ends[0], dst, src, 0), 0);
    assert_heard(0, 0, 0, 0);
    assert_int_equal(splitio_switch_port_stats(ends[0].port)->refused, 16);
    assert_int_equal(send(&ends[0], dst, src, 0), 0); /* :10 is not reserved */
    assert_heard(0, 1, 1, 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(switch_unknown_address_reaches_all_known_one_only),
        TEST(switch_broadcast_reaches_all_but_the_sender),
        TEST(switch_frame_to_its_own_port_goes_nowhere),
        TEST(switch_isolated_port_talks_to_the_uplink_only),
        TEST(switch_two_isolated_ports_do_not_hear_each_other),
        TEST(switch_reserved_group_addresses_are_not_forwarded),
        TEST(switch_short_frame_is_refused),
        TEST(switch_full_receiver_loses_its_frame_and_nobody_elses),
        TEST(switch_send_from_inside_a_receiver_is_put_off),
        TEST(switch_unplugged_and_removed_ports_hear_nothing),
        TEST(switch_ports_run_out),
        TEST(cable_joins_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
