/* SPDX-License-Identifier: BSD-2-Clause */
/* Two threads that really sleep: a wakeup that is lost ends in the watchdog. */
#include "cm.h"

#include <splitio/ring.h>

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WATCHDOG_MS 10000

static _Alignas(4096) uint8_t pages[4][4096];

struct message {
    uint64_t id;
    uint64_t check;
};

/* One run: how many slots, how the halves behave. */
struct run {
    uint32_t nr_pages;
    uint32_t slot_bytes;
    uint32_t start;    /* all indices */
    uint32_t count;    /* requests to carry */
    uint32_t batch;    /* requests in one publish */
    uint32_t distance; /* of re-arming, where there is enough in flight */
    uint32_t spin;     /* most pauses before going to sleep */
    int to_back;
    int to_front;
    uint32_t over;    /* one of them gave up */
    const char *lost; /* who waited in vain */
    const char *broken;
};

static void event_send(int fd)
{
    uint64_t one = 1;

    (void)!write(fd, &one, sizeof(one));
}

/* Sleep until the event comes; false if it never does, for either. */
static bool event_wait(struct run *run, int fd, const char *who)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint64_t n;

    if (poll(&p, 1, WATCHDOG_MS) != 1) {
        if (splitio_xchg_u32(&run->over, 1) == 0)
            run->lost = who;
        event_send(run->to_back);
        event_send(run->to_front);
        return false;
    }
    return read(fd, &n, sizeof(n)) == sizeof(n) &&
           splitio_load_acquire_u32(&run->over) == 0;
}

/* Stay awake for a random while, so that going to sleep meets a publish. */
static void stay_awake(const struct run *run, uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    for (uint32_t n = run->spin ? (*seed >> 8) % run->spin : 0; n > 0; n--)
        splitio_cpu_relax();
}

static uint64_t check_of(uint64_t id)
{
    return id * UINT64_C(0x9E3779B97F4A7C15) + 1;
}

/* Fill a batch; how many were sent. */
static uint32_t send_batch(struct run *run, struct splitio_ring_front *f,
                           uint32_t sent)
{
    uint32_t n = 0;
    struct message *m;

    while (n < run->batch && sent + n < run->count &&
           (m = splitio_ring_front_reserve(f)) != NULL) {
        m->id = sent + n;
        m->check = check_of(sent + n);
        n++;
    }
    if (splitio_ring_front_publish(f))
        event_send(run->to_back);
    return n;
}

static void *front_thread(void *arg)
{
    struct run *run = arg;
    struct splitio_ring_front f;
    struct message m;
    uint32_t sent = 0, done = 0, distance, seed = 1;

    splitio_ring_front_attach(&f, pages, run->nr_pages, run->slot_bytes,
                              run->start);
    while (done < run->count) {
        sent += send_batch(run, &f, sent);
        while (splitio_ring_front_take(&f, &m, sizeof(m)) == 1) {
            if (m.id != done || m.check != ~check_of(done))
                run->broken = "a response has another content";
            done++;
        }
        if (sent < run->count && splitio_ring_front_room(&f) != 0)
            continue;
        stay_awake(run, &seed);
        if (splitio_ring_front_pending(&f) > 0)
            continue;
        distance = run->distance <= sent - done ? run->distance : 1;
        if (sent != done && splitio_ring_front_rearm(&f, distance) == 0 &&
            !event_wait(run, run->to_front, "front"))
            break;
    }
    return NULL;
}

static void *back_thread(void *arg)
{
    struct run *run = arg;
    struct splitio_ring_back b;
    struct message m;
    uint32_t done = 0, seed = 2;

    splitio_ring_back_attach(&b, pages, run->nr_pages, run->slot_bytes);
    while (done < run->count) {
        uint32_t n = 0;

        while (n < run->batch &&
               splitio_ring_back_take(&b, &m, sizeof(m)) == 1) {
            if (m.id != done || m.check != check_of(done))
                run->broken = "a request has another content";
            m.check = ~m.check;
            splitio_ring_back_put(&b, &m, sizeof(m));
            n++;
            done++;
        }
        if (splitio_ring_back_publish(&b))
            event_send(run->to_front);
        if (n != 0)
            continue;
        stay_awake(run, &seed);
        if (splitio_ring_back_pending(&b) > 0)
            continue;
        if (splitio_ring_back_rearm(&b, 1) == 0 &&
            !event_wait(run, run->to_back, "back"))
            break;
    }
    return NULL;
}

static void run_it(struct run run)
{
    struct splitio_sring *sring = (struct splitio_sring *)(void *)pages;
    struct splitio_ring_front init;
    pthread_t front, back;

    run.to_back = eventfd(0, EFD_CLOEXEC);
    run.to_front = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(
        splitio_ring_front_init(&init, pages, run.nr_pages, run.slot_bytes), 0);
    sring->req_prod = sring->rsp_prod = splitio_le32(run.start);
    sring->req_event = sring->rsp_event = splitio_le32(run.start + 1);
    assert_int_equal(pthread_create(&back, NULL, back_thread, &run), 0);
    assert_int_equal(pthread_create(&front, NULL, front_thread, &run), 0);
    pthread_join(front, NULL);
    pthread_join(back, NULL);
    close(run.to_back);
    close(run.to_front);
    if (run.lost)
        fail_msg("lost wakeup: the %s sleeps for ever (%u slots)", run.lost,
                 splitio_ring_nr_slots(run.nr_pages, run.slot_bytes));
    if (run.broken)
        fail_msg("%s", run.broken);
}

static void ring_of_one_slot_loses_no_wakeup(void **state)
{
    (void)state;
    run_it((struct run){.nr_pages = 1,
                        .slot_bytes = 4032,
                        .start = UINT32_MAX - 1,
                        .count = 20000,
                        .batch = 1,
                        .distance = 1,
                        .spin = 400});
}

static void ring_of_two_slots_loses_no_wakeup(void **state)
{
    (void)state;
    run_it((struct run){.nr_pages = 1,
                        .slot_bytes = 2016,
                        .start = INT32_MAX,
                        .count = 40000,
                        .batch = 1,
                        .distance = 1,
                        .spin = 400});
}

static void ring_of_32_slots_loses_no_wakeup(void **state)
{
    (void)state;
    run_it((struct run){.nr_pages = 1,
                        .slot_bytes = 112,
                        .count = 200000,
                        .batch = 7,
                        .distance = 1,
                        .spin = 400});
}

static void ring_of_four_pages_loses_no_wakeup(void **state)
{
    (void)state;
    run_it((struct run){.nr_pages = 4,
                        .slot_bytes = 64,
                        .start = UINT32_MAX - 1000,
                        .count = 200000,
                        .batch = 100,
                        .distance = 1});
}

static void ring_with_hold_off_loses_no_wakeup(void **state)
{
    (void)state;
    run_it((struct run){.nr_pages = 1,
                        .slot_bytes = 112,
                        .start = UINT32_MAX - 5,
                        .count = 100000,
                        .batch = 16,
                        .distance = 8});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ring_of_one_slot_loses_no_wakeup),
        cmocka_unit_test(ring_of_two_slots_loses_no_wakeup),
        cmocka_unit_test(ring_of_32_slots_loses_no_wakeup),
        cmocka_unit_test(ring_of_four_pages_loses_no_wakeup),
        cmocka_unit_test(ring_with_hold_off_loses_no_wakeup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
