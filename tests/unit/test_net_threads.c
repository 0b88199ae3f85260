/* SPDX-License-Identifier: BSD-2-Clause */
/* netfront and netback in threads of their own that really sleep: no frame and
 * no wakeup is lost (R07). */
#include "cm.h"
#include "net_rig.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WATCHDOG_MS 20000
#define FRAMES      8000u
#define MOST_BYTES  9000u

/* One direction: numbered frames, whose length and bytes follow from it. */
struct stream {
    uint32_t sent;
    uint32_t got;
    bool wrong;
};

struct run {
    struct net_rig *rig;
    int fds[2]; /* by domain: its upcall */
    struct stream out, in;
    uint32_t done; /* streams that are complete */
    bool lost;
    splitio_nic_receive_fn to_guest;
    void *guest;
};

static uint32_t length_of(uint32_t n)
{
    uint32_t r = n * 2654435761u >> 7;

    return r % 8 ? 60 + r % 200 : 60 + r % (MOST_BYTES - 60);
}

static void fill(uint8_t *bytes, uint32_t n)
{
    uint32_t len = length_of(n), i;

    memset(bytes, 0, 16);
    for (i = 16; i + 4 <= len; i += 4) {
        uint32_t word = n * 31 + i;

        memcpy(bytes + i, &word, 4);
    }
    for (; i < len; i++)
        bytes[i] = 0;
}

static bool is_frame(const struct splitio_frame *f, uint32_t n)
{
    uint8_t want[MOST_BYTES], got[MOST_BYTES];

    if (f->len_bytes != length_of(n))
        return false;
    fill(want, n);
    splitio_packet_gather(f->iov, f->nr_iov, 0, got, f->len_bytes);
    return memcmp(want, got, f->len_bytes) == 0;
}

static void arrived(struct run *run, struct stream *s,
                    const struct splitio_frame *f)
{
    if (!is_frame(f, s->got))
        s->wrong = true;
    s->got++;
    if (s->got == FRAMES && splitio_fetch_add_u32(&run->done, 1) == 1) {
        uint64_t one = 1;

        (void)!write(run->fds[0], &one, sizeof(one));
        (void)!write(run->fds[1], &one, sizeof(one));
    }
}

/* ---- the NIC of the back: a source and a sink ---- */

static void nic_info(void *ctx, struct splitio_nic_info *info)
{
    (void)ctx;
    info->mtu = 9000;
    info->flags = 0;
}

static int nic_send(void *ctx, const struct splitio_frame *f)
{
    struct run *run = ctx;

    arrived(run, &run->out, f);
    return 0;
}

static void nic_attach(void *ctx, splitio_nic_receive_fn receive,
                       void *receiver)
{
    struct run *run = ctx;

    run->to_guest = receive;
    run->guest = receiver;
}

static int nic_poll(void *ctx, unsigned budget)
{
    struct run *run = ctx;
    uint8_t bytes[MOST_BYTES];
    struct splitio_iovec iov = {bytes, 0};
    struct splitio_frame f = {.iov = &iov, .nr_iov = 1};
    unsigned n = 0;

    while (n < budget && run->in.sent < FRAMES) {
        fill(bytes, run->in.sent);
        iov.len_bytes = f.len_bytes = length_of(run->in.sent);
        if (run->to_guest(run->guest, &f))
            break;
        run->in.sent++;
        n++;
    }
    return (int)n;
}

static const struct splitio_nic_ops nic_ops = {
    .info = nic_info,
    .send = nic_send,
    .attach = nic_attach,
    .poll = nic_poll,
};

/* ---- the two threads ---- */

static void on_upcall(void *arg, splitio_domid_t domid)
{
    struct run *run = arg;
    uint64_t one = 1;

    (void)!write(run->fds[domid], &one, sizeof(one));
}

static void on_receive(void *arg, const struct splitio_frame *f)
{
    struct run *run = arg;

    arrived(run, &run->in, f);
}

static bool over(struct run *run)
{
    return splitio_load_acquire_u32(&run->done) >= 2;
}

static void wait_for(struct run *run, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint64_t n;

    if (over(run))
        return;
    if (poll(&p, 1, WATCHDOG_MS) != 1) {
        run->lost = true;
        (void)splitio_fetch_add_u32(&run->done, 2);
        on_upcall(run, 0);
        on_upcall(run, 1);
    }
    (void)!read(fd, &n, sizeof(n));
}

static void *back_thread(void *arg)
{
    struct run *run = arg;
    struct splitio_netback *back = &run->rig->back;

    while (!over(run)) {
        unsigned n = splitio_host_poll(&run->rig->pair->host, 64);
        int moved = splitio_netback_poll(back, 16);

        if (n == 0 && moved < 16 &&
            (run->in.sent == FRAMES || !splitio_netback_wants_frames(back)) &&
            !splitio_host_has_upcall(&run->rig->pair->host))
            wait_for(run, run->fds[0]);
    }
    return NULL;
}

/* Sends until the ring is full; true if there is more to send. */
static bool send_some(struct run *run)
{
    uint8_t bytes[MOST_BYTES];
    struct splitio_iovec iov = {bytes, 0};
    struct splitio_frame f = {.iov = &iov, .nr_iov = 1};
    unsigned n;

    for (n = 0; n < 20 && run->out.sent < FRAMES; n++) {
        fill(bytes, run->out.sent);
        iov.len_bytes = f.len_bytes = length_of(run->out.sent);
        if (splitio_netfront_send(&run->rig->front, &f))
            return false;
        run->out.sent++;
    }
    return run->out.sent < FRAMES;
}

static void *front_thread(void *arg)
{
    struct run *run = arg;

    while (!over(run)) {
        unsigned n = splitio_guest_poll(&run->rig->pair->guest, 64);
        bool more = send_some(run);
        int moved;

        splitio_netfront_kick(&run->rig->front);
        moved = splitio_netfront_poll(&run->rig->front, 16);
        if (n == 0 && !more && moved < 16 &&
            !splitio_guest_has_upcall(&run->rig->pair->guest))
            wait_for(run, run->fds[1]);
    }
    return NULL;
}

static void run_streams(uint32_t pages, uint32_t index)
{
    static struct run run;
    pthread_t threads[2];

    memset(&run, 0, sizeof(run));
    run.rig = rig_new();
    run.fds[0] = eventfd(0, EFD_CLOEXEC);
    run.fds[1] = eventfd(0, EFD_CLOEXEC);
    assert_true(run.fds[0] >= 0 && run.fds[1] >= 0);
    run.rig->pair->on_upcall = on_upcall;
    run.rig->pair->on_upcall_arg = &run;
    run.rig->back_config.nic = (struct splitio_nic){&nic_ops, &run};
    run.rig->front_config.nr_tx_pages = run.rig->front_config.nr_rx_pages =
        pages;
    run.rig->front_config.ring_index = index;
    run.rig->front_config.receive = on_receive;
    run.rig->front_config.arg = &run;
    run.rig->front_config.tx_room = NULL;
    run.rig->front_config.wake.fn = NULL;
    run.rig->back_config.wake.fn = NULL;
    rig_join(run.rig);
    assert_int_equal(pthread_create(&threads[0], NULL, back_thread, &run), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, front_thread, &run), 0);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    assert_false(run.lost);
    assert_int_equal(run.out.got, FRAMES);
    assert_int_equal(run.in.got, FRAMES);
    assert_false(run.out.wrong || run.in.wrong);
    rig_delete(run.rig);
    close(run.fds[0]);
    close(run.fds[1]);
}

static void frames_cross_threads_with_full_rings(void **state)
{
    (void)state;
    run_streams(256, 0);
}

static void frames_cross_threads_with_little_room(void **state)
{
    (void)state;
    run_streams(32, 0xfffffffeu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_cross_threads_with_full_rings),
        cmocka_unit_test(frames_cross_threads_with_little_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
