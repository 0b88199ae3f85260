/* SPDX-License-Identifier: BSD-2-Clause */
/* Events and grants between processes: no wake-up is lost, no byte. */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define ROUND_TRIPS 100000u
#define THREADS     2u
#define SENDS       20000u
#define LENT        64u
#define WRITES      20000u

/* A page that both sides see; one counter each, written by one side. */
struct counters {
    uint32_t asked;
    uint32_t answered;
};

/* --- the guest's side of a channel --- */

struct channel {
    struct splitio_shm_guest *g;
    struct splitio_guest_port port;
    struct counters *page;
    splitio_gref_t gref;
    splitio_evtchn_t evtchn;
};

static void on_event(void *arg)
{
    struct channel *c = arg;

    c->port.ops->event_unmask(c->port.ctx, c->evtchn);
}

static void channel_open(struct channel *c, struct splitio_shm_guest *g,
                         unsigned index)
{
    struct splitio_event_handler handler = {on_event, c};
    char path[32], value[32];

    c->g = g;
    c->port = splitio_shm_guest_port(g);
    c->page = c->port.ops->pages_alloc(c->port.ctx, 1);
    CHECK(c->page);
    CHECK(c->port.ops->grant(c->port.ctx, 0, c->page, false, &c->gref) == 0);
    CHECK(c->port.ops->event_open(c->port.ctx, 0, handler, &c->evtchn) == 0);
    snprintf(path, sizeof(path), "data/channel%u", index);
    snprintf(value, sizeof(value), "%u %u", c->gref, c->evtchn);
    must_write(g, path, value);
}

static void channel_close(struct channel *c)
{
    c->port.ops->event_close(c->port.ctx, c->evtchn);
    while (c->port.ops->revoke(c->port.ctx, c->gref) == SPLITIO_EBUSY)
        CHECK(!"the host has it still");
    c->port.ops->pages_free(c->port.ctx, c->page, 1);
}

static void channel_ask(struct channel *c, uint32_t what)
{
    splitio_store_release_u32(&c->page->asked, what);
    c->port.ops->event_send(c->port.ctx, c->evtchn);
}

/* Waits each time, and never asks has_work(): the descriptor knows all. */
static void channel_await(struct channel *c, uint32_t what)
{
    struct pollfd p = {.fd = splitio_shm_guest_fd(c->g), .events = POLLIN};

    while (splitio_load_acquire_u32(&c->page->answered) != what) {
        CHECK(poll(&p, 1, WATCHDOG_MS) == 1);
        /* One handler a time: more are due, and must not be forgotten. */
        CHECK(splitio_shm_guest_poll(c->g, 1) >= 0);
    }
}

/* Let some time pass, so that the other side is now here, now there. */
static void dawdle(uint32_t random)
{
    uint32_t most = random & 0x1000 ? 127 : 1023;

    for (uint32_t n = random & most; n > 0; n--)
        splitio_cpu_relax();
}

static void say_done(struct splitio_shm_guest *g)
{
    char path[32], value[8];

    snprintf(path, sizeof(path), "/local/domain/%u/data/end",
             splitio_shm_guest_domid(g));
    must_write(g, "data/done", "1");
    must_read(g, path, value, sizeof(value));
}

/* --- roles --- */

/* Ask, wait for the answer; later several times before waiting. */
static int role_asker(int argc, char **argv)
{
    struct splitio_shm_guest *g = must_connect(argv[0], "asker", 64);
    uint32_t what = 0, x = 1, rounds = (uint32_t)atoi(argv[1]);
    struct channel c;

    CHECK(argc == 2);
    channel_open(&c, g, 0);
    for (uint32_t i = 0; i < rounds; i++) {
        unsigned burst = 1;

        x = x * 1103515245u + 12345u;
        if (i > rounds / 2)
            burst += x >> 16 & 7;
        while (burst-- > 0) {
            channel_ask(&c, ++what);
            x = x * 1103515245u + 12345u;
            dawdle(i > rounds / 2 ? x >> 16 : 0);
        }
        channel_await(&c, what);
    }
    say_done(g);
    channel_close(&c);
    splitio_shm_guest_close(g);
    return 0;
}

static void spin_until(const uint32_t *word, uint32_t value)
{
    int64_t end = clock_ms() + WATCHDOG_MS;

    while ((int32_t)(splitio_load_acquire_u32(word) - value) < 0) {
        CHECK(clock_ms() < end);
        sched_yield();
    }
}

static uint32_t nr_arrived;

/*
 * In rounds: all send at about the same time, and nobody sends again before
 * all have been answered, so that no later event makes up for a lost one.
 */
static void *run_sender(void *arg)
{
    struct channel *c = arg;

    for (uint32_t i = 1; i <= SENDS; i++) {
        (void)splitio_fetch_add_u32(&nr_arrived, 1);
        spin_until(&nr_arrived, i * THREADS);
        dawdle((i + c->evtchn) * 2654435761u >> 12);
        channel_ask(c, i);
        spin_until(&c->page->answered, i);
    }
    return NULL;
}

/* Many threads send, one polls. */
static int role_threads(int argc, char **argv)
{
    struct splitio_shm_guest *g = must_connect(argv[0], "threads", 64);
    struct channel c[THREADS];
    pthread_t threads[THREADS];

    (void)argc;
    for (unsigned i = 0; i < THREADS; i++)
        channel_open(&c[i], g, i);
    must_write(g, "data/ready", "1");
    for (unsigned i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, run_sender, &c[i]) == 0);
    for (unsigned i = 0; i < THREADS; i++)
        channel_await(&c[i], SENDS);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    say_done(g);
    for (unsigned i = 0; i < THREADS; i++)
        channel_close(&c[i]);
    splitio_shm_guest_close(g);
    return 0;
}

static uint64_t pattern(unsigned page, unsigned word)
{
    return (page * 512u + word) * UINT64_C(0x9E3779B97F4A7C15);
}

/* Lend pages; the last one for reading only. */
static int role_lender(int argc, char **argv)
{
    struct splitio_shm_guest *g = must_connect(argv[0], "lender", 256);
    struct splitio_guest_port port = splitio_shm_guest_port(g);
    uint64_t *pages[LENT];
    splitio_gref_t grefs[LENT];
    char path[32], value[16], local;

    (void)argc;
    CHECK(port.ops->grant(port.ctx, 0, &local, false, grefs) == SPLITIO_EINVAL);
    for (unsigned i = 0; i < LENT; i++) {
        pages[i] = port.ops->pages_alloc(port.ctx, 1);
        CHECK(pages[i]);
        for (unsigned w = 0; w < 512; w++)
            pages[i][w] = pattern(i, w);
        CHECK(port.ops->grant(port.ctx, 0, pages[i], i == LENT - 1,
                              &grefs[i]) == 0);
        snprintf(path, sizeof(path), "data/gref%u", i);
        snprintf(value, sizeof(value), "%u", grefs[i]);
        must_write(g, path, value);
    }
    say_done(g);
    for (unsigned i = 0; i < LENT; i++) {
        for (unsigned w = 0; w < 512; w++)
            CHECK(pages[i][w] ==
                  (i == LENT - 1 ? pattern(i, w) : ~pattern(i, w)));
        CHECK(port.ops->revoke(port.ctx, grefs[i]) == 0);
        port.ops->pages_free(port.ctx, pages[i], 1);
    }
    CHECK(splitio_guest_nr_lent(splitio_shm_guest_of(g)) == 0);
    splitio_shm_guest_close(g);
    return 0;
}

/* Write to the store, over and over. */
static int role_writer(int argc, char **argv)
{
    struct splitio_shm_guest *g = must_connect(argv[0], "writer", 64);
    char value[16];

    (void)argc;
    for (unsigned i = 0; i < WRITES; i++) {
        snprintf(value, sizeof(value), "%u", i);
        must_write(g, "data/value", value);
    }
    splitio_shm_guest_close(g);
    return 0;
}

/* Send on a channel without ever asking anything, until the host says enough. */
static int role_stormer(int argc, char **argv)
{
    struct splitio_shm_guest *g = must_connect(argv[0], "stormer", 64);
    struct channel c;

    (void)argc;
    channel_open(&c, g, 0);
    while (splitio_load_acquire_u32(&c.page->answered) == 0) {
        c.port.ops->event_send(c.port.ctx, c.evtchn);
        dawdle(1023);
    }
    say_done(g);
    channel_close(&c);
    splitio_shm_guest_close(g);
    return 0;
}

const struct role roles[] = {{"asker", role_asker},   {"stormer", role_stormer},
                             {"writer", role_writer}, {"threads", role_threads},
                             {"lender", role_lender}, {0}};

/* --- the host's side --- */

struct host_channel {
    struct splitio_host_port port;
    struct splitio_ring_map map;
    struct counters *page;
    splitio_evtchn_t evtchn;
    bool event;
    uint32_t nr_events;
};

static struct host_channel channels[THREADS];
static unsigned nr_channels;

static void on_host_event(void *arg)
{
    struct host_channel *c = arg;

    c->event = true;
    c->nr_events++;
}

static void (*channel_handler)(void *arg) = on_host_event;

static void host_channel_open(struct harness *h, splitio_domid_t domid,
                              unsigned index)
{
    struct host_channel *c = &channels[index];
    struct splitio_event_handler handler = {channel_handler, c};
    char name[16];
    splitio_gref_t gref;
    unsigned evtchn;

    memset(c, 0, sizeof(*c));
    snprintf(name, sizeof(name), "channel%u", index);
    assert_int_equal(
        sscanf(serve_node(h, domid, name), "%u %u", &gref, &evtchn), 2);
    c->port = splitio_shm_machine_host_port(h->m);
    assert_int_equal(
        c->port.ops->map_ring(c->port.ctx, domid, &gref, 1, &c->map), 0);
    c->page = c->map.va;
    assert_int_equal(c->port.ops->event_bind(c->port.ctx, domid, evtchn,
                                             handler, &c->evtchn),
                     0);
    nr_channels = index + 1;
}

static void host_channels_close(struct harness *h)
{
    h->work = NULL;
    for (unsigned i = 0; i < nr_channels; i++) {
        struct host_channel *c = &channels[i];

        c->port.ops->event_close(c->port.ctx, c->evtchn);
        c->port.ops->unmap_ring(c->port.ctx, &c->map);
    }
    nr_channels = 0;
}

/* Answer what was asked: as a back does, note, work, unmask. */
static unsigned answer(struct harness *h)
{
    unsigned n = 0;

    (void)h;
    for (unsigned i = 0; i < nr_channels; i++) {
        struct host_channel *c = &channels[i];

        if (!c->event)
            continue;
        c->event = false;
        n++;
        splitio_store_release_u32(&c->page->answered,
                                  splitio_load_acquire_u32(&c->page->asked));
        c->port.ops->event_send(c->port.ctx, c->evtchn);
        c->port.ops->event_unmask(c->port.ctx, c->evtchn);
    }
    return n;
}

static void let_go(struct harness *h, splitio_domid_t domid)
{
    char path[48];

    snprintf(path, sizeof(path), "/local/domain/%u/data/end", domid);
    assert_int_equal(splitio_store_server_write_text(
                         splitio_shm_machine_store_server(h->m), path, "now"),
                     0);
}

/* --- an owner thread of the host --- */

static pthread_t worker;
static sem_t worker_sem;
static uint32_t worker_stops;

static void wake_worker(void *arg)
{
    struct host_channel *c = arg;

    c->nr_events++;
    sem_post(&worker_sem);
}

/* Answer, and let the next event through, which belongs to another thread. */
static void *run_worker(void *arg)
{
    struct host_channel *c = arg;

    for (;;) {
        while (sem_wait(&worker_sem) != 0)
            continue;
        if (splitio_load_acquire_u32(&worker_stops))
            return NULL;
        splitio_store_release_u32(&c->page->answered,
                                  splitio_load_acquire_u32(&c->page->asked));
        c->port.ops->event_send(c->port.ctx, c->evtchn);
        dawdle(c->nr_events * 2654435761u >> 12);
        c->port.ops->event_unmask(c->port.ctx, c->evtchn);
    }
}

static void worker_start(struct host_channel *c)
{
    assert_int_equal(sem_init(&worker_sem, 0, 0), 0);
    worker_stops = 0;
    assert_int_equal(pthread_create(&worker, NULL, run_worker, c), 0);
}

static void worker_end(void)
{
    splitio_store_release_u32(&worker_stops, 1);
    sem_post(&worker_sem);
    pthread_join(worker, NULL);
    sem_destroy(&worker_sem);
}

/* --- cases --- */

static void events_both_ways_are_never_lost(void **state)
{
    struct harness h = {.work = answer, .blind = true};
    struct splitio_shm_guest_info info;
    char rounds[16];
    struct child c;

    (void)state;
    snprintf(rounds, sizeof(rounds), "%u", ROUND_TRIPS);
    harness_open(&h);
    c = spawn(&h, "asker", rounds, (char *)NULL);
    host_channel_open(&h, 1, 0);
    (void)serve_node(&h, 1, "done");
    assert_true(channels[0].nr_events >= ROUND_TRIPS);
    assert_int_equal(splitio_shm_machine_guest_info(h.m, 1, &info), 0);
    assert_true(info.nr_doorbells > 0);
    host_channels_close(&h);
    let_go(&h, 1);
    serve_all(&h, &c, 1);
    harness_close(&h);
}

static void events_of_many_threads_are_never_lost(void **state)
{
    struct harness h = {.work = answer, .blind = true};
    struct child c;

    (void)state;
    harness_open(&h);
    c = spawn(&h, "threads", (char *)NULL);
    for (unsigned i = 0; i < THREADS; i++)
        host_channel_open(&h, 1, i);
    (void)serve_node(&h, 1, "done");
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(channels[i].page->answered, SENDS);
    host_channels_close(&h);
    let_go(&h, 1);
    serve_all(&h, &c, 1);
    harness_close(&h);
}

static void events_unmasked_by_another_thread_are_never_lost(void **state)
{
    struct harness h = {.blind = true};
    struct child c;

    (void)state;
    harness_open(&h);
    c = spawn(&h, "asker", "20000", (char *)NULL);
    channel_handler = wake_worker;
    host_channel_open(&h, 1, 0);
    worker_start(&channels[0]);
    (void)serve_node(&h, 1, "done");
    worker_end();
    channel_handler = on_host_event;
    host_channels_close(&h);
    let_go(&h, 1);
    serve_all(&h, &c, 1);
    harness_close(&h);
}

/* As a back that finds no work, each time. */
static unsigned find_nothing(struct harness *h)
{
    struct host_channel *c = &channels[0];

    (void)h;
    if (nr_channels == 0 || !c->event)
        return 0;
    c->event = false;
    splitio_host_port_unmask(&c->port, c->evtchn, true);
    return 1;
}

static int64_t enough_at;

static bool is_enough(struct harness *h)
{
    (void)h;
    return clock_ms() >= enough_at;
}

/* T32: 2 at once, then after 1, 2, 4 ... ms; the machine's timer wakes it. */
static void storm_without_work_is_handled_less_and_less(void **state)
{
    struct harness h = {.work = find_nothing, .blind = true};
    struct splitio_shm_machine_stats stats;
    struct child c;

    (void)state;
    harness_open(&h);
    c = spawn(&h, "stormer", (char *)NULL);
    host_channel_open(&h, 1, 0);
    enough_at = clock_ms() + 400;
    serve_until(&h, &c, 1, is_enough);
    stats = stats_of(&h);
    assert_in_range(channels[0].nr_events, 4, 12);
    assert_in_range(stats.nr_delayed, channels[0].nr_events - 2,
                    channels[0].nr_events);
    splitio_store_release_u32(&channels[0].page->answered, 1);
    (void)serve_node(&h, 1, "done");
    host_channels_close(&h);
    let_go(&h, 1);
    serve_all(&h, &c, 1);
    harness_close(&h);
}

static void store_requests_are_never_left_lying(void **state)
{
    struct harness h = {.blind = true};
    struct child cs[2];

    (void)state;
    harness_open(&h);
    cs[0] = spawn(&h, "writer", (char *)NULL);
    cs[1] = spawn(&h, "writer", (char *)NULL);
    serve_all(&h, cs, 2);
    harness_close(&h);
}

static void invert_mapped(struct splitio_host_port port,
                          const splitio_gref_t *grefs, unsigned from,
                          unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        struct splitio_grant_map map = {.domid = 1, .gref = grefs[i]};
        struct splitio_grant_unmap unmap;
        uint64_t *words;

        assert_int_equal(port.ops->map(port.ctx, &map, 1), 0);
        words = map.va;
        for (unsigned w = 0; w < 512; w++) {
            assert_int_equal(words[w], pattern(i, w));
            words[w] = ~words[w];
        }
        unmap.handle = map.handle;
        assert_int_equal(port.ops->unmap(port.ctx, &unmap, 1), 0);
    }
}

static void invert_copied(struct splitio_host_port port,
                          const splitio_gref_t *grefs, unsigned from,
                          unsigned to)
{
    uint64_t words[512];

    for (unsigned i = from; i < to; i++) {
        struct splitio_grant_copy in = {
            .src = {.domid = 1, .gref = grefs[i]},
            .dst = {.local = words},
            .len_bytes = 4096,
        };
        struct splitio_grant_copy out = {
            .src = {.local = words},
            .dst = {.domid = 1, .gref = grefs[i]},
            .len_bytes = 4096,
        };

        assert_int_equal(port.ops->copy(port.ctx, &in, 1), 0);
        for (unsigned w = 0; w < 512; w++) {
            assert_int_equal(words[w], pattern(i, w));
            words[w] = ~words[w];
        }
        assert_int_equal(port.ops->copy(port.ctx, &out, 1), 0);
    }
}

/* Sixteen pages, last one first, as one. */
static void invert_window(struct harness *h, struct splitio_host_port port,
                          const splitio_gref_t *grefs, unsigned from)
{
    struct splitio_ring_map ring;
    splitio_gref_t backwards[16];
    uint64_t *words;

    for (unsigned i = 0; i < 16; i++)
        backwards[i] = grefs[from + 15 - i];
    assert_int_equal(port.ops->map_ring(port.ctx, 1, backwards, 16, &ring), 0);
    assert_int_equal(stats_of(h).nr_windows, 1);
    assert_int_equal(stats_of(h).nr_mapped, 16);
    words = ring.va;
    for (unsigned i = 0; i < 16 * 512; i++) {
        assert_int_equal(words[i], pattern(from + 15 - i / 512, i % 512));
        words[i] = ~words[i];
    }
    port.ops->unmap_ring(port.ctx, &ring);
    assert_int_equal(stats_of(h).nr_windows, 0);
}

static void lent_pages_are_read_and_written(void **state)
{
    struct harness h = {0};
    struct splitio_host_port port;
    splitio_gref_t grefs[LENT];
    struct splitio_grant_map map;
    struct child c;
    char name[16];

    (void)state;
    harness_open(&h);
    c = spawn(&h, "lender", (char *)NULL);
    (void)serve_node(&h, 1, "done");
    port = splitio_shm_machine_host_port(h.m);
    for (unsigned i = 0; i < LENT; i++) {
        snprintf(name, sizeof(name), "gref%u", i);
        grefs[i] = (splitio_gref_t)atoi(serve_node(&h, 1, name));
    }
    invert_mapped(port, grefs, 0, 24);
    invert_copied(port, grefs, 24, 47);
    invert_window(&h, port, grefs, 47);
    map = (struct splitio_grant_map){.domid = 1, .gref = grefs[LENT - 1]};
    assert_int_equal(port.ops->map(port.ctx, &map, 1), 1);
    map = (struct splitio_grant_map){.domid = 1, .gref = 4000};
    assert_int_equal(port.ops->map(port.ctx, &map, 1), 1);
    map = (struct splitio_grant_map){.domid = 2, .gref = grefs[0]};
    assert_int_equal(port.ops->map(port.ctx, &map, 1), 1);
    let_go(&h, 1);
    serve_all(&h, &c, 1);
    harness_close(&h);
}

/* A guest dies while the host has its pages: they stay until let go. */
static void pages_of_a_dead_guest_stay_until_unmapped(void **state)
{
    struct harness h = {0};
    struct splitio_shm_machine_stats s;
    struct splitio_shm_guest_info info;
    struct child c;

    (void)state;
    harness_open(&h);
    c = spawn(&h, "asker", "1", (char *)NULL);
    host_channel_open(&h, 1, 0);
    child_kill(&c);
    while (stats_of(&h).nr_guests)
        splitio_shm_machine_poll(h.m, 64);
    serve_idle(&h);
    s = stats_of(&h);
    assert_int_equal(s.nr_leaving, 1);
    assert_int_equal(s.nr_mapped, 1);
    assert_int_equal(s.nr_bytes, 64 * 4096);
    assert_int_equal(h.nr_left, 1);
    assert_int_equal(splitio_shm_machine_guest_info(h.m, 1, &info), 0);
    assert_true(info.leaving);
    assert_int_equal(info.nr_pins, 1);
    assert_int_equal(channels[0].page->asked <= 1, 1);
    channels[0].page->answered = 7;
    channels[0].port.ops->event_send(channels[0].port.ctx, channels[0].evtchn);
    assert_int_equal(splitio_shm_machine_close(h.m), SPLITIO_EBUSY);
    host_channels_close(&h);
    assert_true(splitio_shm_machine_has_work(h.m));
    assert_int_equal(splitio_shm_machine_close(h.m), 0);
}

static int fifo_on(void **state)
{
    (void)state;
    return setenv(FIFO_ENV, "1", 1);
}

static int fifo_off(void **state)
{
    (void)state;
    return unsetenv(FIFO_ENV);
}

#define FIFO(f)                                                                \
    {                                                                          \
#f ".fifo", f, fifo_on, fifo_off, NULL                                 \
    }

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_both_ways_are_never_lost),
        FIFO(events_both_ways_are_never_lost),
        cmocka_unit_test(events_of_many_threads_are_never_lost),
        FIFO(events_of_many_threads_are_never_lost),
        cmocka_unit_test(events_unmasked_by_another_thread_are_never_lost),
        FIFO(events_unmasked_by_another_thread_are_never_lost),
        cmocka_unit_test(storm_without_work_is_handled_less_and_less),
        cmocka_unit_test(store_requests_are_never_left_lying),
        cmocka_unit_test(lent_pages_are_read_and_written),
        cmocka_unit_test(pages_of_a_dead_guest_stay_until_unmapped),
    };
    int status;

    if (run_role(argc, argv, &status))
        return status;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
