/* SPDX-License-Identifier: BSD-2-Clause */
#include "net_rig.h"

#include "cm.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void on_receive(void *arg, const struct splitio_frame *frame)
{
    struct net_rig *r = arg;

    queue_put(&r->received, frame);
}

static void on_room(void *arg)
{
    struct net_rig *r = arg;

    r->room++;
}

static void on_back_wake(void *arg)
{
    struct net_rig *r = arg;

    r->back_wakes++;
}

static void on_front_wake(void *arg)
{
    struct net_rig *r = arg;

    r->front_wakes++;
}

struct net_rig *rig_new(void)
{
    struct net_rig *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    r->pair = pair_new();
    r->nic.send_room = UINT_MAX;
    r->nic.flags =
        SPLITIO_NIC_CSUM | SPLITIO_NIC_GSO_TCPV4 | SPLITIO_NIC_GSO_TCPV6;
    r->back_config = (struct splitio_netback_config){
        .port = r->pair->host_port,
        .nic = test_nic(&r->nic),
        .features = SPLITIO_NETIF_F_ALL,
        .wake = {on_back_wake, r},
    };
    r->front_config = (struct splitio_netfront_config){
        .port = r->pair->guest_port,
        .features = SPLITIO_NETIF_F_ALL,
        .receive = on_receive,
        .tx_room = on_room,
        .wake = {on_front_wake, r},
        .arg = r,
    };
    return r;
}

static void *get_mem(size_t bytes)
{
    void *mem;

    assert_true(bytes != 0);
    mem = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    assert_non_null(mem);
    memset(mem, 0xa5, bytes);
    return mem;
}

void rig_init_back(struct net_rig *r)
{
    size_t bytes = splitio_netback_mem_bytes(&r->back_config);

    free(r->back_mem);
    r->back_mem = get_mem(bytes);
    assert_int_equal(
        splitio_netback_init(&r->back, &r->back_config, r->back_mem, bytes), 0);
}

void rig_init_front(struct net_rig *r)
{
    size_t bytes = splitio_netfront_mem_bytes(&r->front_config);

    free(r->front_mem);
    r->front_mem = get_mem(bytes);
    assert_int_equal(
        splitio_netfront_init(&r->front, &r->front_config, r->front_mem, bytes),
        0);
}

void rig_join(struct net_rig *r)
{
    struct splitio_netif_offer offer;

    rig_init_back(r);
    rig_init_front(r);
    splitio_netback_offer(&r->back, &offer);
    assert_int_equal(splitio_netfront_connect(&r->front, 0, &offer, &r->link),
                     0);
    assert_int_equal(splitio_netback_connect(&r->back, PAIR_GUEST, &r->link),
                     0);
}

void rig_delete(struct net_rig *r)
{
    splitio_netback_disconnect(&r->back);
    splitio_netfront_disconnect(&r->front);
    queue_clear(&r->nic.in);
    queue_clear(&r->nic.out);
    queue_clear(&r->received);
    pair_delete(r->pair);
    free(r->back_mem);
    free(r->front_mem);
    free(r);
}

void rig_run(struct net_rig *r)
{
    unsigned turns, work;

    for (turns = 0; turns < 10000; turns++) {
        work = pair_step(r->pair);
        if (r->back_wakes || (queue_len(&r->nic.in) != 0 &&
                              splitio_netback_wants_frames(&r->back))) {
            r->back_wakes = 0;
            while (splitio_netback_poll(&r->back, 16) == 16)
                ;
            work++;
        }
        if (r->front_wakes) {
            r->front_wakes = 0;
            while (splitio_netfront_poll(&r->front, 16) == 16)
                ;
            work++;
        }
        assert_true(splitio_netback_is_valid(&r->back));
        assert_true(splitio_netfront_is_valid(&r->front));
        if (work == 0)
            return;
    }
    fail_msg("no rest");
}

void rig_send(struct net_rig *r, const struct kept *k)
{
    struct splitio_iovec iov[6];
    struct splitio_frame f = kept_frame(k, iov, 1 + rnd() % 6);

    assert_int_equal(splitio_netfront_send(&r->front, &f), 0);
    splitio_netfront_kick(&r->front);
    rig_run(r);
}
