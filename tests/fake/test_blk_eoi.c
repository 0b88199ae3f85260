/* SPDX-License-Identifier: BSD-2-Clause */
/* T32: a back whose loop tells the time, and a front that storms. */
#include "cm.h"

#include "peer_blkfront.h"

#include <string.h>

#define PORTS 1024u
#define MS    UINT64_C(1000000)

static struct peer_front peer;
static struct splitio_event_eoi_port ports[PORTS];
static struct splitio_host *host;
static uint64_t now;

static int setup(void **state)
{
    (void)state;
    peer_front_defaults(&peer);
    peer_front_open(&peer, 0, SPLITIO_BLKIF_ABI_X86_64, 0);
    assert_int_equal(peer_front_connect(&peer), 0);
    host = splitio_fake_host(peer.fake);
    splitio_host_use_backoff(host, ports, PORTS);
    now = 12345 * MS;
    (void)splitio_host_tick(host, now);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    peer_front_close(&peer);
    return 0;
}

static void send(void)
{
    peer.port.ops->event_send(peer.port.ctx, peer.peer.queues[0].evtchn);
}

/* Some time passes; the loop goes round. */
static void pass(uint64_t ns)
{
    now += ns;
    (void)splitio_host_tick(host, now);
    peer_front_run(&peer);
}

static void storm_without_work_is_looked_at_less_and_less(void **state)
{
    struct peer_answer a;
    uint64_t delayed, since;

    (void)state;
    for (unsigned i = 0; i < 50000; i++) {
        send();
        pass(MS / 10);
    }
    /* 5 s: 1, 2, 4 ... 512 ms, then one a second. */
    delayed = splitio_event_eoi_nr_delayed(&host->eoi);
    assert_in_range(delayed, 12, 16);
    assert_int_equal(peer.back.stats.nr_requests, 0);
    /* A request now is answered within a second, and all is forgiven. */
    peer_front_rw(&peer, SPLITIO_BLKIF_OP_READ, 7, 0, 0, 1);
    peer_front_publish(&peer);
    for (since = now; now - since <= 1000 * MS; pass(MS))
        if (peer_front_take(&peer, &a))
            break;
    assert_in_range(now - since, 0, 1000 * MS);
    assert_int_equal(a.id, 7);
    delayed = splitio_event_eoi_nr_delayed(&host->eoi);
    for (unsigned i = 0; i < 100; i++)
        peer_front_prove_alive(&peer); /* at once: no time passes */
    assert_int_equal(splitio_event_eoi_nr_delayed(&host->eoi), delayed);
}

static void storm_of_one_front_does_not_delay_another_port(void **state)
{
    uint64_t next;

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        send(), peer_front_run(&peer);
    next = splitio_host_tick(host, now);
    assert_in_range(next - now, 1, 1000 * MS);
    assert_true(splitio_event_eoi_end(&host->eoi, PORTS - 1, true));
}

static void close_while_waiting_leaves_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        send(), peer_front_run(&peer);
    splitio_blkback_disconnect(&peer.back);
    assert_int_equal(splitio_host_tick(host, now), UINT64_MAX);
    assert_int_equal(peer_front_connect(&peer), 0);
    peer_front_prove_alive(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        CASE(storm_without_work_is_looked_at_less_and_less),
        CASE(storm_of_one_front_does_not_delay_another_port),
        CASE(close_while_waiting_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
