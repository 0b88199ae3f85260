/* SPDX-License-Identifier: BSD-2-Clause */
/* Front and back in threads of their own. A half works only when an event said
 * so: if one is lost, the test never ends. */
#include "cm.h"

#include "blk_disk.h"

#include <splitio/binding/fake.h>
#include <splitio/blkback.h>
#include <splitio/blkfront.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define NR_IOS      24u
#define NR_REQUESTS 20000u
#define IO_BYTES    2048u

static struct splitio_fake *fake;
static struct splitio_blkback back;
static struct splitio_blkfront front;
static struct blk_disk disk;
static uint32_t back_woken, over;

static struct splitio_blk_io ios[NR_IOS];
static struct splitio_iovec iovs[NR_IOS];
static uint8_t bufs[NR_IOS][IO_BYTES];
static bool busy[NR_IOS], front_woken;
static unsigned nr_done;

static void wake_back(void *arg)
{
    (void)arg;
    splitio_store_release_u32(&back_woken, 1);
}

static void wake_front(void *arg)
{
    (void)arg;
    front_woken = true;
}

static void *run_back(void *arg)
{
    struct splitio_host *host = splitio_fake_host(fake);

    (void)arg;
    splitio_store_release_u32(&back_woken, 1); /* as after any connect */
    while (!splitio_load_acquire_u32(&over)) {
        (void)splitio_host_poll(host, 16);
        if (!splitio_xchg_u32(&back_woken, 0)) {
            sched_yield();
            continue;
        }
        while (splitio_blkback_poll(&back, 7) > 0)
            ;
    }
    return NULL;
}

static void on_done(struct splitio_blk_io *io, int status)
{
    unsigned i = (unsigned)(io - ios);

    assert_int_equal(status, 0);
    assert_true(busy[i]);
    busy[i] = false;
    nr_done++;
    if (io->op == SPLITIO_BLK_READ)
        for (unsigned k = 0; k < IO_BYTES; k++)
            assert_int_equal(bufs[i][k], (uint8_t)(i * 3 + k));
}

/* Each request has sectors of its own: written first, then read for ever. */
static unsigned submit_idle(unsigned wanted)
{
    unsigned n = 0;

    for (unsigned i = 0; i < NR_IOS && n < wanted; i++) {
        bool first = ios[i].done == NULL;

        if (busy[i])
            continue;
        if (first)
            for (unsigned k = 0; k < IO_BYTES; k++)
                bufs[i][k] = (uint8_t)(i * 3 + k);
        else
            memset(bufs[i], 0, IO_BYTES);
        iovs[i] = (struct splitio_iovec){bufs[i], IO_BYTES};
        ios[i] = (struct splitio_blk_io){
            .op = first ? SPLITIO_BLK_WRITE : SPLITIO_BLK_READ,
            .sector = i * (IO_BYTES / 512),
            .iov = &iovs[i],
            .nr_iov = 1,
            .done = on_done,
        };
        assert_int_equal(splitio_blkfront_submit(&front, &ios[i]), 0);
        busy[i] = true;
        n++;
    }
    if (n)
        splitio_blkfront_kick(&front);
    return n;
}

static void run_front(void)
{
    struct splitio_guest *guest = splitio_fake_guest(fake, 1);
    unsigned submitted = 0;
    uint32_t random = 5;

    front_woken = true;
    while (nr_done < NR_REQUESTS) {
        (void)splitio_guest_poll(guest, 16);
        if (front_woken) {
            front_woken = false;
            while (splitio_blkfront_poll(&front, 5) > 0)
                ;
        }
        /* Sometimes wait until all is done, so that both halves go to sleep. */
        if (submitted < NR_REQUESTS &&
            (blk_random(&random) % 4 == 0 || nr_done == submitted)) {
            unsigned left = NR_REQUESTS - submitted;
            unsigned wanted = 1 + blk_random(&random) % NR_IOS;

            submitted += submit_idle(wanted < left ? wanted : left);
        } else {
            sched_yield();
        }
    }
}

static void *memory(size_t bytes)
{
    void *mem = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);

    assert_non_null(mem);
    return mem;
}

static void connect(void **back_mem, void **front_mem)
{
    const struct splitio_blkfront_info info = {.nr_sectors = 4096,
                                               .sector_size = 512};
    struct splitio_blkback_config b = {
        .port = splitio_host_port(splitio_fake_host(fake)),
        .disk = blk_disk_disk(&disk),
        .wake = {wake_back, NULL},
        .max_queues = 1,
        .max_persistent = 32};
    struct splitio_blkfront_config f = {
        .port = splitio_guest_port(splitio_fake_guest(fake, 1)),
        .wake = {wake_front, NULL},
        .max_queues = 1,
        .max_segs = 11,
        .pool_pages = 64};
    struct splitio_blkback_peer peer = {.domid = 1, .nr_queues = 1};
    struct splitio_blkfront_rings rings;
    size_t bytes = splitio_blkback_mem_bytes(&b);

    *back_mem = memory(bytes);
    assert_int_equal(splitio_blkback_init(&back, &b, *back_mem, bytes), 0);
    bytes = splitio_blkfront_mem_bytes(&f);
    *front_mem = memory(bytes);
    assert_int_equal(splitio_blkfront_init(&front, &f, *front_mem, bytes), 0);
    assert_int_equal(splitio_blkfront_offer(&front, 0, 1, 0, &rings), 0);
    peer.persistent = rings.persistent;
    peer.queues[0].grefs[0] = rings.queues[0].grefs[0];
    peer.queues[0].evtchn = rings.queues[0].evtchn;
    assert_int_equal(splitio_blkback_connect(&back, &peer), 0);
    assert_int_equal(splitio_blkfront_start(&front, &info), 0);
}

static void halves_in_threads_lose_no_wakeup(void **state)
{
    const struct splitio_fake_config cfg = {
        .nr_guests = 1,
        .grant_v2_guests = getenv("SPLITIO_TEST_GRANT_V2") != NULL};
    void *back_mem, *front_mem;
    pthread_t thread;

    (void)state;
    fake = splitio_fake_new(&cfg);
    assert_non_null(fake);
    blk_disk_init(&disk, 4096, 512);
    connect(&back_mem, &front_mem);
    assert_int_equal(pthread_create(&thread, NULL, run_back, NULL), 0);
    run_front();
    splitio_store_release_u32(&over, 1);
    pthread_join(thread, NULL);
    assert_int_equal(nr_done, NR_REQUESTS);
    assert_int_equal(back.stats.nr_requests, NR_REQUESTS);
    assert_int_equal(splitio_blkback_disconnect(&back), 0);
    assert_int_equal(splitio_blkfront_fini(&front), 0);
    splitio_fake_delete(fake);
    blk_disk_fini(&disk);
    free(back_mem);
    free(front_mem);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_in_threads_lose_no_wakeup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
