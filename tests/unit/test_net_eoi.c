/* SPDX-License-Identifier: BSD-2-Clause */
/* T32: a network back whose loop tells the time. */
#include "cm.h"

#include "net_rig.h"

#define MS UINT64_C(1000000)

static struct splitio_event_eoi_port ports[PAIR_PORTS];
static uint64_t now;

static struct net_rig *join(bool split)
{
    struct net_rig *r = rig_new();
    struct splitio_netif_offer offer;

    rig_init_back(r);
    rig_init_front(r);
    splitio_netback_offer(&r->back, &offer);
    offer.split_evtchn = split;
    assert_int_equal(splitio_netfront_connect(&r->front, 0, &offer, &r->link),
                     0);
    assert_int_equal(splitio_netback_connect(&r->back, PAIR_GUEST, &r->link),
                     0);
    rig_run(r);
    splitio_host_use_backoff(&r->pair->host, ports, PAIR_PORTS);
    now = 5 * MS;
    (void)splitio_host_tick(&r->pair->host, now);
    return r;
}

static uint64_t nr_delayed(const struct net_rig *r)
{
    return splitio_event_eoi_nr_delayed(&r->pair->host.eoi);
}

static void out_and_in(struct net_rig *r, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        struct kept k = make_noise(60 + i % 1000);
        struct splitio_iovec iov;
        struct splitio_frame f = kept_frame(&k, &iov, 1);

        rig_send(r, &k);
        queue_put(&r->nic.in, &f);
        rig_run(r);
        assert_int_equal(queue_len(&r->nic.out), 1);
        assert_int_equal(queue_len(&r->received), 1);
        queue_clear(&r->nic.out);
        queue_clear(&r->received);
        kept_free(&k);
    }
}

static void traffic_is_never_put_off(bool split)
{
    struct net_rig *r = join(split);

    out_and_in(r, 3000);
    assert_int_equal(nr_delayed(r), 0);
    rig_delete(r);
}

static void traffic_over_one_channel_is_never_put_off(void **state)
{
    (void)state;
    traffic_is_never_put_off(false);
}

static void traffic_over_two_channels_is_never_put_off(void **state)
{
    (void)state;
    traffic_is_never_put_off(true);
}

static void storm_is_put_off(bool split, bool rx)
{
    struct net_rig *r = join(split);
    const struct splitio_netif_queue_link *q = &r->link.queues[0];
    struct splitio_guest_port *g = &r->pair->real_guest;

    for (unsigned i = 0; i < 20000; i++) {
        g->ops->event_send(g->ctx, rx ? q->rx_evtchn : q->tx_evtchn);
        now += MS / 10;
        (void)splitio_host_tick(&r->pair->host, now);
        rig_run(r);
    }
    assert_in_range(nr_delayed(r), 8, 16); /* of 20000, in 2 s */
    now += 1000 * MS;
    (void)splitio_host_tick(&r->pair->host, now);
    out_and_in(r, 10);
    rig_delete(r);
}

static void storm_without_frames_is_looked_at_less_and_less(void **state)
{
    (void)state;
    storm_is_put_off(false, false);
    storm_is_put_off(true, false);
    storm_is_put_off(true, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traffic_over_one_channel_is_never_put_off),
        cmocka_unit_test(traffic_over_two_channels_is_never_put_off),
        cmocka_unit_test(storm_without_frames_is_looked_at_less_and_less),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
