/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fuzzer is the back and the scheduler. Whatever it answers, each request
 * of the front's owner is done exactly once by the time the front has ended,
 * and no page or grant is left that the back does not keep.
 *
 * input: one byte of configuration, then operations with their arguments.
 */
#include "cm.h"

#include "peer_blkback.h"

#include <stdlib.h>
#include <string.h>

#define NR_IOS 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct peer_back peers[2];
static struct splitio_blk_io ios[NR_IOS];
static struct splitio_iovec iovs[NR_IOS];
static bool busy[NR_IOS];
static uint8_t *bufs[2];
static uint64_t ids[64];
static uint8_t ops[64];
static unsigned nr_ids;
static bool here;
static const uint8_t *input;
static size_t left;

static unsigned byte(void)
{
    if (left == 0)
        return 0;
    left--;
    return *input++;
}

static void on_done(struct splitio_blk_io *io, int status)
{
    assert_true(busy[io - ios]);
    assert_true(status <= 0);
    busy[io - ios] = false;
}

/* One machine for each way to lend pages, made when first wanted. */
static struct peer_back *machine(unsigned direct)
{
    struct peer_back *b = &peers[direct];

    if (b->fake)
        return b;
    peer_back_defaults(b);
    b->cfg.direct = direct;
    b->cfg.pool_pages = 12;
    peer_back_open(b);
    bufs[direct] = b->guest.ops->pages_alloc(b->guest.ctx, 32);
    assert_non_null(bufs[direct]);
    return b;
}

static void submit(struct peer_back *b, unsigned op)
{
    unsigned i = byte() % NR_IOS, bytes = (1 + byte() % 240) * 512;

    if (busy[i])
        return;
    iovs[i] = (struct splitio_iovec){
        bufs[b->cfg.direct] + (op & 64 ? byte() : 0), bytes};
    ios[i] = (struct splitio_blk_io){
        .op = (enum splitio_blk_op)(op >> 3 & 3),
        .sector = byte() * 8,
        .nr_sectors = 8,
        .iov = &iovs[i],
        .nr_iov = 1,
        .done = on_done,
    };
    busy[i] = true;
    if (splitio_blkfront_submit(&b->front, &ios[i]))
        busy[i] = false;
    splitio_blkfront_kick(&b->front);
}

/* Remember what was asked, so that some answers make sense. */
static void look(struct peer_back *b)
{
    struct splitio_blkif_request_x86_64 r;

    while (nr_ids < 64 && peer_back_take(b, &r)) {
        uint8_t inner = (uint8_t)(r.nr_segments);

        ids[nr_ids] = r.id;
        ops[nr_ids++] =
            r.operation == SPLITIO_BLKIF_OP_INDIRECT ? inner : r.operation;
    }
}

static void answer(struct peer_back *b, unsigned op)
{
    static const int16_t statuses[] = {0, -1, -2, 0};
    unsigned i = byte() % 64;

    if (op & 128 || i >= nr_ids) {
        peer_back_put(b, byte() | (uint64_t)byte() << 32, (uint8_t)byte(),
                      (int16_t)byte());
        return;
    }
    peer_back_put(b, ids[i], ops[i], statuses[op >> 3 & 3]);
    ids[i] = ids[--nr_ids];
    ops[i] = ops[nr_ids];
}

static void come_and_go(struct peer_back *b)
{
    nr_ids = 0;
    if (here) {
        peer_back_leave(b);
    } else {
        b->info.max_indirect = byte() % 80;
        b->info.flags = SPLITIO_BLKFRONT_FLUSHES | SPLITIO_BLKFRONT_DISCARDS;
        peer_back_connect(b);
    }
    here = !here;
}

static void operate(struct peer_back *b)
{
    unsigned op = byte();

    switch (op % 8) {
    case 0:
    case 1:
        submit(b, op);
        break;
    case 2:
        if (here)
            look(b);
        break;
    case 3:
    case 4:
        if (here)
            answer(b, op);
        break;
    case 5:
        if (here)
            peer_back_publish(b);
        break;
    case 6:
        (void)splitio_fake_step(b->fake);
        (void)splitio_blkfront_poll(&b->front, 1 + (op >> 5));
        assert_true(splitio_blkfront_is_valid(&b->front));
        break;
    default:
        if (op & 128)
            come_and_go(b);
        else if (here && op & 64)
            b->rsp_prod += byte() - 2u;
        break;
    }
}

/* A good back does what is left: nothing may be lost. */
static void end(struct peer_back *b)
{
    if (here)
        peer_back_leave(b);
    here = true;
    peer_back_connect(b);
    for (unsigned idle = 0; idle < 3; idle++) {
        if (peer_back_serve(b))
            idle = 0;
        (void)splitio_fake_step(b->fake);
        (void)splitio_blkfront_poll(&b->front, 64);
    }
    for (unsigned i = 0; i < NR_IOS; i++)
        assert_false(busy[i]);
    assert_int_equal(b->front.stats.nr_in_flight, 0);
    assert_int_equal(b->front.stats.nr_replays, 0);
    assert_int_equal(b->front.stats.nr_lost_pages, 0);
    assert_true(splitio_blkfront_is_valid(&b->front));
    peer_back_leave(b);
    here = false;
    nr_ids = 0;
    while (splitio_fake_step(b->fake))
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct peer_back *b;

    input = data;
    left = size;
    b = machine(byte() & 1);
    come_and_go(b);
    while (left)
        operate(b);
    end(b);
    return 0;
}
