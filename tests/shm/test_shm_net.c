/* SPDX-License-Identifier: BSD-2-Clause */
/* Network interfaces between processes: two guests on one switch. */
#include <stdlib.h>
#include <string.h>

#include <splitio/netback.h>
#include <splitio/netfront.h>
#include <splitio/toolstack.h>

#include "harness.h"

#define ECHOES 500000u /* two frames each */

#define WINDOW    96u /* frames under way: fewer than any queue drops */
#define FRAME_MIN 60u
#define FRAME_MAX 1514u

/* --- frames: addresses, a type of our own, a number, and what follows --- */

struct head {
    uint8_t to[6], from[6];
    uint8_t type[2]; /* 0x88B5: for experiments */
    uint8_t pad[2];
    uint32_t seq;
    uint32_t back; /* 1: an echo */
};

static const uint8_t caller_mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t echo_mac[6] = {2, 0, 0, 0, 0, 2};

static uint32_t frame_len(uint32_t seq)
{
    uint32_t x = seq * 2654435761u >> 8;

    return x % 4 ? FRAME_MIN + x % 64 : FRAME_MIN + x % (FRAME_MAX - FRAME_MIN);
}

static void frame_make(uint8_t *bytes, uint32_t seq, bool back)
{
    struct head h = {.type = {0x88, 0xB5}, .seq = seq, .back = back};
    uint32_t len = frame_len(seq);

    memcpy(h.to, back ? caller_mac : echo_mac, 6);
    memcpy(h.from, back ? echo_mac : caller_mac, 6);
    memcpy(bytes, &h, sizeof(h));
    for (uint32_t i = sizeof(h); i < len; i++)
        bytes[i] = (uint8_t)(seq * 31 + i * 7 + (i >> 8));
}

/* Copy out what was received: the peer can change it. */
static uint32_t frame_take(const struct splitio_frame *frame, uint8_t *bytes)
{
    uint32_t len = 0;

    CHECK(frame->len_bytes <= FRAME_MAX);
    for (uint32_t i = 0; i < frame->nr_iov; i++) {
        memcpy(bytes + len, frame->iov[i].base, frame->iov[i].len_bytes);
        len += (uint32_t)frame->iov[i].len_bytes;
    }
    CHECK(len == frame->len_bytes);
    return len;
}

/* --- roles --- */

struct station {
    struct splitio_shm_guest *g;
    struct splitio_netfront front;
    void *mem;
    char dir[SPLITIO_TOOLSTACK_PATH_MAX];
    bool caller;
    uint16_t grant_version; /* 0: 1 */
    bool fifo_events;
    uint32_t next_in;   /* what must come next */
    uint32_t next_out;  /* what goes out next */
    uint32_t nr_echoes; /* echo: as many as have come */
};

/* Frames of one flow come in order, and none is missing. */
static void on_receive(void *arg, const struct splitio_frame *frame)
{
    struct station *s = arg;
    uint8_t got[FRAME_MAX], want[FRAME_MAX];
    uint32_t len = frame_take(frame, got);

    if (len < sizeof(struct head) || got[12] != 0x88 || got[13] != 0xB5)
        return;
    frame_make(want, s->next_in, s->caller);
    CHECK(len == frame_len(s->next_in));
    CHECK(memcmp(got, want, len) == 0);
    s->next_in++;
}

static void send_up_to(struct station *s, uint32_t end)
{
    uint8_t bytes[FRAME_MAX];

    while (s->next_out < end) {
        struct splitio_iovec iov = {bytes, frame_len(s->next_out)};
        struct splitio_frame frame = {
            .iov = &iov, .nr_iov = 1, .len_bytes = (uint32_t)iov.len_bytes};
        int err;

        frame_make(bytes, s->next_out, !s->caller);
        if (s->caller) { /* which takes another slot */
            frame.hash_type = (uint8_t)(1 + s->next_out % 4);
            frame.hash = s->next_out;
        }
        err = splitio_netfront_send(&s->front, &frame);
        if (err == SPLITIO_EAGAIN)
            break;
        CHECK(err == 0);
        s->next_out++;
    }
    splitio_netfront_kick(&s->front);
}

static void turn(struct station *s)
{
    CHECK(splitio_shm_guest_poll(s->g, 64) >= 0);
    if (splitio_netfront_poll(&s->front, 64) == 0 &&
        !splitio_shm_guest_has_work(s->g))
        must_wait(s->g);
}

/* The caller's pages stay mapped at the back, which hashes what it sends. */
static void use_ctrl_ring(struct station *s)
{
    const struct splitio_netif_hash hash = {
        .algorithm = SPLITIO_NETIF_HASH_TOEPLITZ,
        .kinds = SPLITIO_NETIF_HASH_ALL,
        .key_bytes = 8,
        .key = "no key!!",
    };

    CHECK(splitio_netfront_set_hash(&s->front, &hash) == 0);
    while (splitio_netfront_hash_status(&s->front) != 0 ||
           splitio_netfront_nr_staged(&s->front) != 512)
        turn(s);
}

static void station_open(struct station *s, const char *path, const char *name)
{
    struct splitio_toolstack_device dev = {.kind = "vif"};
    struct splitio_netfront_config cfg = {
        .features = SPLITIO_NETIF_F_ALL,
        .receive = on_receive,
        .dir = s->dir,
        .arg = s,
    };
    size_t bytes;

    s->caller = cfg.stage_pages = strcmp(name, "caller") == 0;
    s->g = must_connect_with(
        &(struct splitio_shm_guest_config){.path = path,
                                           .name = name,
                                           .nr_pages = 4096,
                                           .grant_version = s->grant_version,
                                           .fifo_events = s->fifo_events,
                                           .timeout_ms = WATCHDOG_MS});
    dev.front = splitio_shm_guest_domid(s->g);
    splitio_toolstack_front_path(&dev, s->dir);
    cfg.port = splitio_shm_guest_port(s->g);
    cfg.store = splitio_shm_guest_store(s->g);
    bytes = (splitio_netfront_mem_bytes(&cfg) + 63) & ~(size_t)63;
    s->mem = aligned_alloc(64, bytes);
    CHECK(s->mem);
    CHECK(splitio_netfront_init(&s->front, &cfg, s->mem, bytes) == 0);
    while (!splitio_netfront_is_up(&s->front))
        turn(s);
    if (s->caller)
        use_ctrl_ring(s);
}

static void station_close(struct station *s)
{
    const struct splitio_guest *g = splitio_shm_guest_of(s->g);

    CHECK(splitio_netfront_stats(&s->front)->rx_errors == 0);
    CHECK(splitio_netfront_stats(&s->front)->tx_errors == 0);
    splitio_netfront_close(&s->front);
    while (!splitio_netfront_is_closed(&s->front))
        turn(s);
    while (splitio_netfront_fini(&s->front) != 0)
        must_wait(s->g);
    CHECK(splitio_guest_nr_lent(g) == 0);
    CHECK(splitio_guest_nr_free_pages(g) == 4096 - 3 - 8 -
                                                (s->grant_version == 2) -
                                                splitio_guest_nr_fifo_pages(g));
    CHECK((splitio_guest_nr_fifo_pages(g) > 0) == s->fifo_events);
    free(s->mem);
    splitio_shm_guest_close(s->g);
}

/* PATH COUNT: send so many frames and wait for the echo of each. */
static int role_caller(int argc, char **argv)
{
    static struct station s;
    uint32_t nr = (uint32_t)strtoul(argv[1], NULL, 0);
    char value[16];

    CHECK(argc == 2);
    station_open(&s, argv[0], "caller");
    must_read(s.g, "data/go", value, sizeof(value));
    while (s.next_in < nr) {
        uint32_t end = s.next_in + WINDOW;

        send_up_to(&s, end < nr ? end : nr);
        turn(&s);
    }
    station_close(&s);
    return 0;
}

/* PATH COUNT: send back what comes. */
static int role_echo(int argc, char **argv)
{
    static struct station s;
    uint32_t nr = (uint32_t)strtoul(argv[1], NULL, 0);
    char value[16];

    CHECK(argc == 2);
    s.grant_version = 2;  /* the caller has version 1 */
    s.fifo_events = true; /* and bits */
    station_open(&s, argv[0], "echo");
    must_write(s.g, "data/up", "1");
    for (;;) {
        send_up_to(&s, s.next_in);
        if (s.next_out == nr)
            break;
        turn(&s);
    }
    /* The last ones are on their way until the caller has them. */
    must_read(s.g, "data/end", value, sizeof(value));
    station_close(&s);
    return 0;
}

const struct role roles[] = {{"caller", role_caller}, {"echo", role_echo}, {0}};

/* --- the daemon --- */

#define MAX_DEVICES 4u

struct device {
    bool used, leaving;
    struct splitio_toolstack_device dev;
    char dir[SPLITIO_TOOLSTACK_PATH_MAX];
    struct splitio_netback back;
    struct splitio_switch_port *port;
    void *mem;
};

static struct device devices[MAX_DEVICES];
static struct splitio_switch *sw;
static uint64_t nr_frames, nr_lost, nr_staged_copies;

static void device_open(struct harness *h,
                        const struct splitio_shm_guest_info *info)
{
    const struct splitio_switch_port_config plain = {.isolated = false};
    struct splitio_netback_config cfg = {.features = SPLITIO_NETIF_F_ALL,
                                         .staged_pages = 512,
                                         .nic_full_polls = 100};
    struct device *d = devices;
    size_t bytes;

    while (d->used)
        d++;
    assert_true(d < devices + MAX_DEVICES);
    memset(d, 0, sizeof(*d));
    d->used = true;
    d->dev = (struct splitio_toolstack_device){"vif", 0, info->domid, 0};
    splitio_toolstack_back_path(&d->dev, d->dir);
    assert_int_equal(
        splitio_toolstack_device_add(splitio_shm_machine_store_server(h->m),
                                     &d->dev, NULL, 0, NULL, 0),
        0);
    assert_int_equal(splitio_switch_port_add(sw, &plain, &d->port), 0);
    cfg.port = splitio_shm_machine_host_port(h->m);
    cfg.store = splitio_shm_machine_store(h->m);
    cfg.dir = d->dir;
    cfg.nic = splitio_switch_port_nic(d->port);
    bytes = (splitio_netback_mem_bytes(&cfg) + 63) & ~(size_t)63;
    d->mem = aligned_alloc(64, bytes);
    assert_non_null(d->mem);
    assert_int_equal(splitio_netback_init(&d->back, &cfg, d->mem, bytes), 0);
}

static void device_leave(struct harness *h,
                         const struct splitio_shm_guest_info *info)
{
    (void)h;
    for (unsigned i = 0; i < MAX_DEVICES; i++)
        if (devices[i].used && devices[i].dev.front == info->domid)
            devices[i].leaving = true;
}

static unsigned device_end(struct harness *h, struct device *d)
{
    const struct splitio_netback_stats *s = splitio_netback_stats(&d->back);

    if (splitio_netback_fini(&d->back) == SPLITIO_EAGAIN)
        return 1;
    nr_frames += s->rx_frames;
    nr_staged_copies += s->staged_copies;
    nr_lost += s->rx_dropped + s->tx_dropped + s->tx_bad + s->rx_stalled +
               splitio_switch_port_stats(d->port)->dropped;
    splitio_switch_port_remove(d->port);
    splitio_toolstack_device_remove(splitio_shm_machine_store_server(h->m),
                                    &d->dev);
    free(d->mem);
    d->used = false;
    return 1;
}

static unsigned poll_devices(struct harness *h)
{
    unsigned n = 0;

    for (unsigned i = 0; i < MAX_DEVICES; i++) {
        struct device *d = &devices[i];
        int got;

        if (!d->used)
            continue;
        got = splitio_netback_poll(&d->back, 64);
        n += got > 0 ? (unsigned)got : 0;
        if (d->leaving)
            n += device_end(h, d);
    }
    return n;
}

static void bed_open(struct harness *h)
{
    *h = (struct harness){
        .work = poll_devices,
        .on_join = device_open,
        .on_leave = device_leave,
    };
    nr_frames = nr_lost = nr_staged_copies = 0;
    harness_open(h);
    sw = splitio_switch_new(MAX_DEVICES);
    assert_non_null(sw);
}

static void bed_close(struct harness *h)
{
    struct splitio_store_stats store;

    harness_check_idle(h);
    for (unsigned i = 0; i < MAX_DEVICES; i++)
        assert_false(devices[i].used);
    splitio_store_server_stats(splitio_shm_machine_store_server(h->m), &store);
    assert_int_equal(store.watches, 0);
    splitio_switch_free(sw);
    harness_close(h);
}

static bool both_joined(struct harness *h)
{
    return h->nr_joined == 2;
}

static void tell(struct harness *h, splitio_domid_t domid, const char *name)
{
    char path[48];

    snprintf(path, sizeof(path), "/local/domain/%u/data/%s", domid, name);
    assert_int_equal(splitio_store_server_write_text(
                         splitio_shm_machine_store_server(h->m), path, "1"),
                     0);
}

/* Echo is guest 1, caller guest 2. */
static void start_both(struct harness *h, struct child cs[2], const char *nr)
{
    cs[0] = spawn(h, "echo", nr, (char *)NULL);
    (void)serve_node(h, 1, "up");
    cs[1] = spawn(h, "caller", nr, (char *)NULL);
    serve_until(h, cs, 2, both_joined);
    tell(h, 2, "go");
}

/* --- cases --- */

static void a_million_frames_arrive_in_order(void **state)
{
    struct harness h;
    struct child cs[2];
    char nr[16];

    (void)state;
    bed_open(&h);
    snprintf(nr, sizeof(nr), "%u", ECHOES);
    start_both(&h, cs, nr);
    serve_all(&h, &cs[1], 1);
    tell(&h, 1, "end");
    serve_all(&h, cs, 2);
    bed_close(&h);
    assert_int_equal(nr_lost, 0);
    assert_int_equal(nr_frames, 2 * ECHOES);
    assert_int_equal(nr_staged_copies, 2 * ECHOES); /* to and from the caller */
}

static uint64_t frames_of_last(struct harness *h)
{
    for (unsigned i = 0; i < MAX_DEVICES; i++)
        if (devices[i].used && devices[i].dev.front == h->last_domid)
            return splitio_netback_stats(&devices[i].back)->rx_frames;
    return 0;
}

static bool many_came(struct harness *h)
{
    return frames_of_last(h) > 5000;
}

static bool one_left(struct harness *h)
{
    return h->nr_left > 0;
}

/* The caller dies while frames go both ways; so does, later, the echo. */
static void guests_killed_in_mid_traffic_leave_nothing(void **state)
{
    struct harness h;
    struct child cs[2];

    (void)state;
    for (unsigned victim = 0; victim < 2; victim++) {
        bed_open(&h);
        start_both(&h, cs, "1000000000");
        serve_until(&h, cs, 2, many_came);
        child_kill(&cs[victim]);
        cs[victim].status = 0;
        serve_until(&h, cs, 2, one_left);
        serve_idle(&h);
        assert_int_equal(stats_of(&h).nr_guests, 1);
        child_kill(&cs[1 - victim]);
        while (h.nr_left < 2)
            (void)splitio_shm_machine_poll(h.m, 64);
        bed_close(&h);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_frames_arrive_in_order),
        cmocka_unit_test(guests_killed_in_mid_traffic_leave_nothing),
    };
    int status;

    if (run_role(argc, argv, &status))
        return status;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
