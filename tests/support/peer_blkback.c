/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer_blkback.h"

#include "cm.h"

#include <stdlib.h>
#include <string.h>

void peer_back_defaults(struct peer_back *b)
{
    memset(b, 0, sizeof(*b));
    b->cfg = (struct splitio_blkfront_config){
        .max_queues = 1, .max_segs = 64, .pool_pages = 32};
    b->info = (struct splitio_blkfront_info){
        .nr_sectors = PEER_BACK_SECTORS,
        .sector_size = 512,
        .flags = SPLITIO_BLKFRONT_FLUSHES | SPLITIO_BLKFRONT_DISCARDS,
        .max_indirect = 64,
    };
}

static void on_event(void *arg)
{
    struct peer_back *b = arg;

    b->nr_events++;
    b->port.ops->event_unmask(b->port.ctx, b->evtchn);
}

void peer_back_open(struct peer_back *b)
{
    const struct splitio_fake_config cfg = {.heap_pages = 1024,
                                            .nr_grant_frames = 1};
    size_t bytes;

    b->fake = splitio_fake_new(&cfg);
    assert_non_null(b->fake);
    while (splitio_fake_step(b->fake))
        ;
    b->port = splitio_host_port(splitio_fake_host(b->fake));
    b->guest = splitio_guest_port(splitio_fake_guest(b->fake, 1));
    b->cfg.port = b->guest;
    bytes = splitio_blkfront_mem_bytes(&b->cfg);
    b->front_mem = aligned_alloc(64, (bytes + 63) / 64 * 64);
    memset(b->front_mem, 0xA5, bytes);
    assert_int_equal(
        splitio_blkfront_init(&b->front, &b->cfg, b->front_mem, bytes), 0);
}

void peer_back_connect(struct peer_back *b)
{
    struct splitio_event_handler handler = {on_event, b};

    assert_int_equal(splitio_blkfront_offer(&b->front, 0, 1, 0, &b->rings), 0);
    assert_int_equal(b->port.ops->map_ring(
                         b->port.ctx, 1, b->rings.queues[0].grefs, 1, &b->map),
                     0);
    b->sring = b->map.va;
    b->nr_slots = 32;
    b->req_cons = b->rsp_prod = 0;
    assert_int_equal(b->port.ops->event_bind(b->port.ctx, 1,
                                             b->rings.queues[0].evtchn, handler,
                                             &b->evtchn),
                     0);
    assert_int_equal(splitio_blkfront_start(&b->front, &b->info), 0);
}

void peer_back_leave(struct peer_back *b)
{
    b->port.ops->event_close(b->port.ctx, b->evtchn);
    b->port.ops->unmap_ring(b->port.ctx, &b->map);
    splitio_blkfront_stop(&b->front);
    assert_true(splitio_blkfront_is_valid(&b->front));
}

static uint8_t *slot_at(struct peer_back *b, uint32_t index)
{
    size_t bytes = b->cfg.abi == SPLITIO_BLKIF_ABI_X86_32
                       ? splitio_blkif_ring_x86_32_slot_bytes
                       : splitio_blkif_ring_x86_64_slot_bytes;

    return (uint8_t *)(b->sring + 1) + (index & (b->nr_slots - 1)) * bytes;
}

/* From the ring's byte order to the machine's. */
static void to_native(union splitio_blkif_slot *s)
{
    s->x86_64.id = splitio_le64(s->x86_64.id);
    s->x86_64.sector_number = splitio_le64(s->x86_64.sector_number);
    if (s->x86_64.operation == SPLITIO_BLKIF_OP_DISCARD) {
        s->discard_x86_64.nr_sectors =
            splitio_le64(s->discard_x86_64.nr_sectors);
    } else if (s->x86_64.operation == SPLITIO_BLKIF_OP_INDIRECT) {
        s->indirect_x86_64.nr_segments =
            splitio_le16(s->indirect_x86_64.nr_segments);
        for (unsigned i = 0; i < SPLITIO_BLKIF_MAX_INDIRECT_PAGES; i++)
            s->indirect_x86_64.indirect_grefs[i] =
                splitio_le32(s->indirect_x86_64.indirect_grefs[i]);
    } else {
        for (unsigned i = 0; i < SPLITIO_BLKIF_MAX_SEGMENTS; i++)
            s->x86_64.seg[i].gref = splitio_le32(s->x86_64.seg[i].gref);
    }
}

const void *peer_back_slot(struct peer_back *b)
{
    if (b->req_cons == splitio_load_acquire_le32(&b->sring->req_prod))
        return NULL;
    return slot_at(b, b->req_cons++);
}

int peer_back_take(struct peer_back *b, struct splitio_blkif_request_x86_64 *r)
{
    const void *slot = peer_back_slot(b);

    if (!slot)
        return 0;
    memcpy(r, slot, sizeof(*r));
    to_native((union splitio_blkif_slot *)(void *)r);
    return 1;
}

void peer_back_put(struct peer_back *b, uint64_t id, uint8_t op, int16_t status)
{
    const struct splitio_blk_response rsp = {id, op, status};
    union splitio_blkif_answer answer;

    splitio_blkif_put_response(b->cfg.abi, &rsp, &answer);
    if (b->cfg.abi == SPLITIO_BLKIF_ABI_X86_32)
        memcpy(slot_at(b, b->rsp_prod++), &answer.x86_32,
               sizeof(answer.x86_32));
    else
        memcpy(slot_at(b, b->rsp_prod++), &answer.x86_64,
               sizeof(answer.x86_64));
}

void peer_back_publish(struct peer_back *b)
{
    splitio_store_release_le32(&b->sring->rsp_prod, b->rsp_prod);
    b->port.ops->event_send(b->port.ctx, b->evtchn);
}

void peer_back_run(struct peer_back *b)
{
    unsigned idle = 0;

    for (unsigned i = 0; i < 5000 && idle < 2; i++) {
        unsigned n = splitio_fake_step(b->fake);

        n += (unsigned)splitio_blkfront_poll(&b->front, 16);
        assert_true(splitio_blkfront_is_valid(&b->front));
        idle = n ? 0 : idle + 1;
    }
    assert_int_equal(idle, 2);
}

unsigned peer_back_serve(struct peer_back *b)
{
    struct splitio_blkif_request_x86_64 r;
    unsigned n = 0;

    while (peer_back_take(b, &r)) {
        uint8_t op = r.operation == SPLITIO_BLKIF_OP_INDIRECT ? r.nr_segments
                                                              : r.operation;

        peer_back_put(b, r.id, op, 0);
        n++;
    }
    if (n)
        peer_back_publish(b);
    return n;
}

void peer_back_close(struct peer_back *b)
{
    const struct splitio_fake_usage none = {0};
    struct splitio_fake_usage usage;

    assert_int_equal(splitio_blkfront_fini(&b->front), 0);
    assert_int_equal(b->front.stats.nr_in_flight, 0);
    assert_int_equal(b->front.stats.nr_replays, 0);
    assert_int_equal(b->front.stats.nr_grants, 0);
    assert_int_equal(b->front.stats.nr_pages, 0);
    assert_int_equal(b->front.stats.nr_rings, 0);
    while (splitio_fake_step(b->fake))
        ;
    splitio_fake_usage(b->fake, &usage);
    assert_memory_equal(&usage, &none, sizeof(usage));
    splitio_fake_delete(b->fake);
    free(b->front_mem);
}
