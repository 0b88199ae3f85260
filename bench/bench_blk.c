/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What does a disk request cost on its way through blkfront, the rings, the
 * grant engine and blkback, with both halves on one processor and a disk that
 * does nothing?
 *
 * blk_<op>/<how>/<bytes>/<n>: n requests a batch. How pages are lent:
 *   keep    bounced by the front, kept mapped by the back (persistent grants)
 *   map     bounced by the front, mapped for each request
 *   copy    bounced by the front, copied by the back
 *   direct  the caller's own pages, mapped for each request
 *
 * Time is for one request; bytes are the requests'. The counters are what one
 * request cost in notifications, both ways together.
 */
#include "gbench.h"

#include <splitio/binding/fake.h>
#include <splitio/blkback.h>
#include <splitio/blkfront.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32u

enum how {
    KEEP,
    MAP,
    COPY,
    DIRECT,
    NR_HOW,
};

static struct splitio_fake *fake;
static struct splitio_blkback backs[NR_HOW];
static struct splitio_blkfront fronts[NR_HOW];
static uint8_t *buffers[DEPTH_MAX];
static struct splitio_iovec pieces[DEPTH_MAX];
static struct splitio_blk_io ios[DEPTH_MAX];
static unsigned nr_done;

/* ---- the disk that does nothing ---- */

static struct splitio_disk_io *held[512];
static unsigned nr_held;

static int disk_info(void *ctx, struct splitio_disk_info *info)
{
    (void)ctx;
    *info =
        (struct splitio_disk_info){.nr_sectors = 1 << 24, .sector_size = 512};
    return 0;
}

static int disk_submit(void *ctx, struct splitio_disk_io *io)
{
    (void)ctx;
    if (nr_held == SPLITIO_ARRAY_LEN(held))
        return SPLITIO_EAGAIN;
    held[nr_held++] = io;
    return 0;
}

static void disk_kick(void *ctx)
{
    (void)ctx;
}

static int disk_poll(void *ctx, unsigned budget)
{
    unsigned n = 0;

    (void)ctx;
    (void)budget;
    while (n < nr_held) {
        held[n]->done(held[n], 0);
        n++;
    }
    nr_held = 0;
    return (int)n;
}

static const struct splitio_disk_ops disk_ops = {
    .info = disk_info,
    .submit = disk_submit,
    .kick = disk_kick,
    .poll = disk_poll,
};

/* ---- the machine ---- */

static void die(const char *what)
{
    fprintf(stderr, "bench_blk: %s\n", what);
    exit(1);
}

static void *memory(size_t bytes)
{
    void *mem = aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);

    if (!mem)
        die("out of memory");
    return mem;
}

static void join(enum how how)
{
    struct splitio_blkback *back = &backs[how];
    struct splitio_blkfront *front = &fronts[how];
    struct splitio_blkback_config b = {
        .disk = {&disk_ops, NULL}, .max_queues = 1, .max_indirect = 256};
    struct splitio_blkfront_config f = {
        .max_queues = 1, .max_segs = 256, .pool_pages = 1024};
    const struct splitio_blkfront_info info = {
        .nr_sectors = 1 << 24, .sector_size = 512, .max_indirect = 256};
    struct splitio_blkfront_rings rings;
    struct splitio_blkback_peer peer = {.domid = 1, .nr_queues = 1};

    b.port = splitio_host_port(splitio_fake_host(fake));
    f.port = splitio_guest_port(splitio_fake_guest(fake, 1));
    b.max_persistent = how == KEEP ? 1056 : 0;
    b.copy_pages = how == COPY ? 256 : 0;
    f.direct = how == DIRECT;
    if (splitio_blkback_init(back, &b, memory(splitio_blkback_mem_bytes(&b)),
                             splitio_blkback_mem_bytes(&b)) ||
        splitio_blkfront_init(front, &f, memory(splitio_blkfront_mem_bytes(&f)),
                              splitio_blkfront_mem_bytes(&f)) ||
        splitio_blkfront_offer(front, 0, 1, 0, &rings))
        die("no device");
    peer.persistent = rings.persistent;
    peer.queues[0].evtchn = rings.queues[0].evtchn;
    peer.queues[0].grefs[0] = rings.queues[0].grefs[0];
    if (splitio_blkback_connect(back, &peer) ||
        splitio_blkfront_start(front, &info))
        die("no connection");
}

static void on_done(struct splitio_blk_io *io, int status)
{
    (void)io;
    if (status)
        die("a request failed");
    nr_done++;
}

static void prepare(enum splitio_blk_op op, size_t bytes)
{
    for (unsigned i = 0; i < DEPTH_MAX; i++) {
        pieces[i] = (struct splitio_iovec){buffers[i], bytes};
        ios[i] = (struct splitio_blk_io){.op = op,
                                         .sector = i * 2048,
                                         .iov = &pieces[i],
                                         .nr_iov = 1,
                                         .done = on_done};
    }
}

static void turn(struct splitio_blkfront *front, struct splitio_blkback *back)
{
    splitio_fake_step(fake);
    while (splitio_blkback_poll(back, 64))
        ;
    splitio_fake_step(fake);
    while (splitio_blkfront_poll(front, 64))
        ;
}

struct job {
    enum how how;
    enum splitio_blk_op op;
    unsigned bytes, depth;
};

static struct job jobs[64];
static unsigned nr_jobs;

static void run(struct gbench *b, int64_t arg)
{
    const struct job *j = &jobs[arg];
    struct splitio_blkfront *front = &fronts[j->how];
    struct splitio_blkback *back = &backs[j->how];
    uint64_t events = front->stats.nr_notifies + back->stats.nr_notifies;
    int64_t requests = 0;

    prepare(j->op, j->bytes);
    while (gbench_more(b, j->depth)) {
        nr_done = 0;
        for (unsigned i = 0; i < j->depth; i++)
            if (splitio_blkfront_submit(front, &ios[i]))
                die("ring full");
        splitio_blkfront_kick(front);
        turn(front, back);
        if (nr_done != j->depth)
            die("requests are missing");
        requests += j->depth;
    }
    gbench_bytes(b, requests * j->bytes);
    events = front->stats.nr_notifies + back->stats.nr_notifies - events;
    gbench_counter(b, "events", (double)events / (double)requests);
}

static void job(enum how how, enum splitio_blk_op op, unsigned bytes,
                unsigned depth)
{
    static const char *const hows[] = {"keep", "map", "copy", "direct"};
    char name[64];

    snprintf(name, sizeof(name), "blk_%s/%s/%u/%u",
             op == SPLITIO_BLK_READ ? "read" : "write", hows[how], bytes,
             depth);
    jobs[nr_jobs] = (struct job){how, op, bytes, depth};
    gbench_register(name, run, nr_jobs++);
}

void gbench_setup(void)
{
    static const struct splitio_fake_config cfg = {
        .nr_guests = 1, .heap_pages = 16384, .nr_grant_frames = 32};
    struct splitio_guest_port port;

    fake = splitio_fake_new(&cfg);
    if (!fake)
        die("no machine");
    port = splitio_guest_port(splitio_fake_guest(fake, 1));
    for (unsigned i = 0; i < DEPTH_MAX; i++) {
        buffers[i] = port.ops->pages_alloc(port.ctx, 64);
        if (!buffers[i])
            die("no pages");
    }
    for (enum how how = KEEP; how < NR_HOW; how++) {
        join(how);
        job(how, SPLITIO_BLK_READ, 4096, 1);
        job(how, SPLITIO_BLK_READ, 4096, 32);
        job(how, SPLITIO_BLK_WRITE, 4096, 32);
        job(how, SPLITIO_BLK_READ, 32768, 16);
        job(how, SPLITIO_BLK_READ, 262144, 8);
    }
}
