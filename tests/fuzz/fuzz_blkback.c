/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fuzzer is the front, the disk's mood and the scheduler. Whatever it does,
 * a back that has disconnected holds nothing, and on the way it never holds more
 * than it is configured for.
 *
 * input: one byte of configuration, then operations with their arguments.
 */
#include "cm.h"

#include "peer_blkfront.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct peer_front peers[4];
static const uint8_t *input;
static size_t left;

static unsigned byte(void)
{
    if (left == 0)
        return 0;
    left--;
    return *input++;
}

/* One machine for each configuration, made when first wanted. */
static struct peer_front *machine(unsigned config)
{
    struct peer_front *f = &peers[config];

    if (f->fake)
        return f;
    peer_front_defaults(f);
    f->cfg.max_indirect = 64;
    f->cfg.max_persistent = 8;
    f->cfg.max_in_flight = 6;
    f->cfg.copy_pages = config & 1 ? 2 : 0;
    f->disk.depth = 4;
    peer_front_open(
        f, 0, config & 2 ? SPLITIO_BLKIF_ABI_X86_32 : SPLITIO_BLKIF_ABI_X86_64,
        0);
    return f;
}

static void begin(struct peer_front *f, unsigned how)
{
    static const uint32_t starts[] = {0, INT32_MAX, UINT32_MAX - 3, 77};
    uint32_t start = starts[how & 3];

    memset(f->sring + 1, 0, 4096 - 64);
    f->req_prod = f->rsp_cons = start;
    f->sring->req_prod = f->sring->rsp_prod = splitio_le32(start);
    f->sring->req_event = f->sring->rsp_event = splitio_le32(start + 1);
    f->peer.persistent = how & 4;
    f->disk.stuck = false;
    assert_int_equal(peer_front_connect(f), 0);
}

static void put(struct peer_front *f, unsigned kind)
{
    unsigned id = byte(), sector = byte() * 17, page = byte(), nr = byte();
    uint8_t *slot;

    if (f->req_prod - f->rsp_cons >= 40)
        return;
    if (kind & 1)
        peer_front_indirect(f, (uint8_t)(kind >> 1 & 1), id, sector, 8 + page,
                            1 + nr % 70, kind >> 2 & 3);
    else
        peer_front_rw(f, (uint8_t)(kind >> 1 & 7), id, sector, page, nr % 12);
    slot = (uint8_t *)(f->sring + 1) +
           (size_t)((f->req_prod - 1) & (f->nr_slots - 1)) * f->slot_bytes;
    for (unsigned n = kind >> 6; n > 0; n--)
        slot[byte() % f->slot_bytes] = (uint8_t)byte();
}

static void operate(struct peer_front *f)
{
    unsigned op = byte();

    switch (op % 8) {
    case 0:
    case 1:
        put(f, op >> 3 | (byte() & 0xC0));
        break;
    case 2:
        peer_front_publish(f);
        break;
    case 3:
        (void)splitio_fake_step(f->fake);
        (void)splitio_blkback_poll(&f->back, 1 + (op >> 5));
        assert_true(splitio_blkback_is_valid(&f->back));
        assert_true(f->back.stats.nr_in_flight <= f->cfg.max_in_flight);
        break;
    case 4:
        /* What it would read there may be its own scribbling. */
        f->rsp_cons = splitio_load_acquire_le32(&f->sring->rsp_prod);
        f->sring->rsp_event = splitio_le32(f->rsp_cons + 1);
        break;
    case 5:
        f->disk.stuck = op >> 3 & 1;
        f->disk.fail_ops = op >> 4;
        break;
    case 6:
        f->pages[byte() % 16][byte() * 16] = (uint8_t)byte();
        break;
    default:
        f->req_prod += byte() - 4u;
        f->sring->rsp_event = splitio_le32(byte());
        break;
    }
}

static void end(struct peer_front *f)
{
    f->disk.stuck = false;
    f->disk.fail_ops = 0;
    while (splitio_blkback_disconnect(&f->back) == SPLITIO_EAGAIN)
        ;
    assert_int_equal(f->back.stats.nr_in_flight + f->back.stats.nr_mapped +
                         f->back.stats.nr_kept + f->back.stats.nr_rings,
                     0);
    assert_int_equal(f->spy.nr_live + f->spy.nr_rings + f->spy.nr_channels, 0);
    assert_int_equal(f->disk.nr_held, 0);
    while (splitio_fake_step(f->fake))
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct peer_front *f;
    unsigned how;

    input = data;
    left = size;
    how = byte();
    f = machine(how & 3);
    begin(f, how >> 2);
    while (left)
        operate(f);
    end(f);
    return 0;
}
