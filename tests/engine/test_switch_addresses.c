/* SPDX-License-Identifier: BSD-2-Clause */
/* The switch: which address is behind which port, and who says so. */
#include "switch_ends.h"

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

static void switch_address_of_a_locked_port_cannot_be_taken_over(void **state)
{
    struct splitio_switch_port_config locked = {.locked = true};
    const struct splitio_switch_port_config uplink = {.uplink = true};
    struct splitio_switch_port *p;
    uint8_t victim[6];

    (void)state;
    say(0, 9); /* the thief is there first */
    address(victim, 1);
    assert_int_equal(send(&ends[0], broadcast, victim, 0), 0);
    memcpy(locked.mac, victim, 6);
    change(1, &locked);
    change(3, &uplink);
    for (unsigned i = 0; i < PORTS; i++)
        ends[i].heard = 0;
    assert_int_equal(send(&ends[0], broadcast, victim, 0), 0);
    assert_int_equal(send(&ends[3], broadcast, victim, 0), 0);
    assert_heard(0, 0, 0, 0);
    assert_int_equal(splitio_switch_port_stats(ends[0].port)->refused, 1);
    say(2, 1); /* though it has said nothing yet */
    assert_heard(0, 1, 0, 0);
    splitio_switch_port_remove(ends[2].port);
    assert_int_equal(splitio_switch_port_add(sw, &locked, &p), SPLITIO_EEXIST);
    ends[2].port = NULL;
    splitio_switch_port_remove(ends[1].port); /* now it can be had */
    say(0, 9);
    assert_int_equal(send(&ends[0], broadcast, victim, 0), 0);
    assert_heard(0, 1, 0, 2);
}

static void switch_locked_to_no_station_is_refused(void **state)
{
    struct splitio_switch_port_config locked = {.locked = true};
    struct splitio_switch_port *p;

    (void)state;
    splitio_switch_port_remove(ends[0].port);
    assert_int_equal(splitio_switch_port_add(sw, &locked, &p), SPLITIO_EINVAL);
    memcpy(locked.mac, broadcast, 6);
    assert_int_equal(splitio_switch_port_add(sw, &locked, &p), SPLITIO_EINVAL);
}

static void switch_source_that_is_no_station_is_dropped(void **state)
{
    static const uint8_t none[6];

    (void)state;
    assert_int_equal(send(&ends[0], broadcast, broadcast, 0), 0);
    assert_int_equal(send(&ends[0], broadcast, none, 0), 0);
    assert_heard(0, 0, 0, 0);
    assert_int_equal(splitio_switch_port_stats(ends[0].port)->refused, 2);
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

/* What the switch ought to remember: for each port, its addresses from newest
 * to oldest. */
static struct {
    unsigned mac[SPLITIO_SWITCH_ADDRESSES_MAX], nr;
} model[PORTS];

static void model_forget(unsigned mac)
{
    for (unsigned p = 0; p < PORTS; p++)
        for (unsigned i = 0; i < model[p].nr; i++)
            if (model[p].mac[i] == mac) {
                memmove(&model[p].mac[i], &model[p].mac[i + 1],
                        (--model[p].nr - i) * sizeof(mac));
                return;
            }
}

static void model_learn(unsigned port, unsigned mac)
{
    model_forget(mac);
    if (model[port].nr == SPLITIO_SWITCH_ADDRESSES_MAX)
        model[port].nr--;
    memmove(&model[port].mac[1], &model[port].mac[0],
            model[port].nr++ * sizeof(mac));
    model[port].mac[0] = mac;
}

static unsigned model_find(unsigned mac)
{
    for (unsigned p = 0; p < PORTS; p++)
        for (unsigned i = 0; i < model[p].nr; i++)
            if (model[p].mac[i] == mac)
                return p;
    return PORTS;
}

static void
switch_remembers_the_addresses_that_each_port_used_last(void **state)
{
    const struct splitio_switch_port_config plain = {0};
    uint32_t random = 1;

    (void)state;
    memset(model, 0, sizeof(model));
    for (unsigned n = 0; n < 50000; n++) {
        unsigned from, to, at, own;
        uint8_t dst[6], src[6];

        random = random * 1664525u + 1013904223u;
        from = random >> 8 & 3;
        to = 1 + (random >> 10) % 400;
        own = 1 + (random >> 20) % 400;
        address(dst, to);
        address(src, own);
        for (unsigned i = 0; i < PORTS; i++)
            ends[i].heard = 0;
        model_learn(from, own);
        at = model_find(to);
        assert_int_equal(send(&ends[from], dst, src, 0), 0);
        for (unsigned i = 0; i < PORTS; i++)
            assert_int_equal(ends[i].heard,
                             i != from && (at == PORTS || at == i));
        if (n % 5000 == 4999) {
            change(from, &plain);
            model[from].nr = 0;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(switch_address_that_moves_is_followed),
        TEST(switch_locked_port_cannot_use_another_address),
        TEST(switch_address_of_a_locked_port_cannot_be_taken_over),
        TEST(switch_locked_to_no_station_is_refused),
        TEST(switch_source_that_is_no_station_is_dropped),
        TEST(switch_port_with_many_addresses_does_not_push_out_others),
        TEST(switch_remembers_the_addresses_that_each_port_used_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
