/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer_blkfront.h"

#include "cm.h"

#include <stdlib.h>
#include <string.h>

void peer_front_defaults(struct peer_front *f)
{
    memset(f, 0, sizeof(*f));
    blk_disk_init(&f->disk, PEER_SECTORS, 512);
    for (size_t i = 0; i < PEER_SECTORS * 512u; i++)
        f->disk.bytes[i] = (uint8_t)(i / 512 * 7 + i);
    f->cfg = (struct splitio_blkback_config){
        .max_queues = 1,
        .max_ring_order = 4,
        .max_indirect = 1200,
        .max_persistent = 64,
    };
}

static void on_event(void *arg)
{
    struct peer_front *f = arg;

    f->nr_events++;
}

static void make_ring(struct peer_front *f, uint32_t order, uint32_t start)
{
    unsigned nr_pages = 1u << order;
    uint8_t *pages = f->port.ops->pages_alloc(f->port.ctx, nr_pages);

    assert_non_null(pages);
    f->sring = (struct splitio_sring *)pages;
    f->nr_slots = splitio_ring_nr_slots(nr_pages, f->slot_bytes);
    f->req_prod = f->rsp_cons = start;
    f->sring->req_prod = f->sring->rsp_prod = splitio_le32(start);
    f->sring->req_event = f->sring->rsp_event = splitio_le32(start + 1);
    for (unsigned i = 0; i < nr_pages; i++)
        assert_int_equal(f->port.ops->grant(f->port.ctx, 0,
                                            pages + i * SPLITIO_PAGE_SIZE,
                                            false, &f->peer.queues[0].grefs[i]),
                         0);
}

void peer_front_open(struct peer_front *f, uint32_t order,
                     enum splitio_blkif_abi abi, uint32_t start)
{
    const struct splitio_fake_config cfg = {.heap_pages = 2048};
    struct splitio_event_handler handler = {on_event, f};
    size_t bytes;

    f->fake = splitio_fake_new(&cfg);
    assert_non_null(f->fake);
    f->port = splitio_guest_port(splitio_fake_guest(f->fake, 1));
    f->slot_bytes = abi == SPLITIO_BLKIF_ABI_X86_32
                        ? splitio_blkif_ring_x86_32_slot_bytes
                        : splitio_blkif_ring_x86_64_slot_bytes;
    f->peer.domid = 1;
    f->peer.abi = abi;
    f->peer.nr_queues = 1;
    f->peer.ring_order = order;
    make_ring(f, order, start);
    assert_int_equal(f->port.ops->event_open(f->port.ctx, 0, handler,
                                             &f->peer.queues[0].evtchn),
                     0);
    for (unsigned i = 0; i < PEER_PAGES; i++) {
        f->pages[i] = f->port.ops->pages_alloc(f->port.ctx, 1);
        assert_int_equal(f->port.ops->grant(f->port.ctx, 0, f->pages[i], false,
                                            &f->grefs[i]),
                         0);
    }
    f->cfg.port =
        host_spy_port(&f->spy, splitio_host_port(splitio_fake_host(f->fake)));
    f->cfg.disk = blk_disk_disk(&f->disk);
    bytes = splitio_blkback_mem_bytes(&f->cfg);
    f->back_mem = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    assert_int_equal(
        splitio_blkback_init(&f->back, &f->cfg, f->back_mem, bytes), 0);
}

int peer_front_connect(struct peer_front *f)
{
    return splitio_blkback_connect(&f->back, &f->peer);
}

static uint8_t *slot_at(struct peer_front *f, uint32_t index)
{
    return (uint8_t *)(f->sring + 1) +
           (size_t)(index & (f->nr_slots - 1)) * f->slot_bytes;
}

void *peer_front_slot(struct peer_front *f)
{
    void *slot = slot_at(f, f->req_prod++);

    memset(slot, 0, f->slot_bytes);
    return slot;
}

void peer_front_publish(struct peer_front *f)
{
    splitio_store_release_le32(&f->sring->req_prod, f->req_prod);
    f->port.ops->event_send(f->port.ctx, f->peer.queues[0].evtchn);
}

void peer_front_run(struct peer_front *f)
{
    unsigned idle = 0;

    for (unsigned i = 0; i < 5000 && idle < 2; i++) {
        unsigned n = splitio_fake_step(f->fake);

        n += (unsigned)splitio_blkback_poll(&f->back, 16);
        assert_true(splitio_blkback_is_valid(&f->back));
        idle = n ? 0 : idle + 1;
    }
    assert_int_equal(idle, 2);
}

int peer_front_take(struct peer_front *f, struct peer_answer *a)
{
    const uint8_t *slot = slot_at(f, f->rsp_cons);

    if (f->rsp_cons == splitio_load_acquire_le32(&f->sring->rsp_prod))
        return 0;
    memcpy(&a->id, slot, 8);
    a->id = splitio_le64(a->id);
    a->op = slot[8];
    a->status = (int16_t)(slot[10] | slot[11] << 8);
    assert_int_equal(slot[9], 0);
    f->rsp_cons++;
    f->sring->rsp_event = splitio_le32(f->rsp_cons + 1);
    return 1;
}

/* Operation and the second byte are the same in both layouts. */
static void head(struct peer_front *f, uint8_t *slot, uint64_t id,
                 uint64_t sector)
{
    unsigned at = f->peer.abi == SPLITIO_BLKIF_ABI_X86_32 ? 4 : 8;

    id = splitio_le64(id);
    sector = splitio_le64(sector);
    memcpy(slot + at, &id, 8);
    memcpy(slot + at + 8, &sector, 8);
}

static void fill(struct peer_front *f, struct splitio_blkif_segment *segs,
                 unsigned page, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++)
        segs[i] = (struct splitio_blkif_segment){
            .gref = splitio_le32(f->grefs[page + i]),
            .first_sect = 0,
            .last_sect = 7};
}

void peer_front_rw(struct peer_front *f, uint8_t op, uint64_t id,
                   uint64_t sector, unsigned page, unsigned nr)
{
    unsigned at = f->peer.abi == SPLITIO_BLKIF_ABI_X86_32 ? 20 : 24;
    uint8_t *slot = peer_front_slot(f);

    slot[0] = op;
    slot[1] = (uint8_t)nr;
    head(f, slot, id, sector);
    fill(f, (struct splitio_blkif_segment *)(void *)(slot + at), page, nr);
}

void peer_front_indirect(struct peer_front *f, uint8_t op, uint64_t id,
                         uint64_t sector, unsigned page, unsigned nr,
                         unsigned list)
{
    unsigned at = f->peer.abi == SPLITIO_BLKIF_ABI_X86_32 ? 24 : 28;
    uint8_t *slot = peer_front_slot(f);
    uint16_t nr_segments = splitio_le16((uint16_t)nr);

    slot[0] = SPLITIO_BLKIF_OP_INDIRECT;
    slot[1] = op;
    memcpy(slot + 2, &nr_segments, 2);
    head(f, slot, id, sector);
    for (unsigned i = 0; i * 512 < nr; i++) {
        unsigned n = nr - i * 512 < 512 ? nr - i * 512 : 512;

        uint32_t gref = splitio_le32(f->grefs[list + i]);

        memcpy(slot + at + 4 * i, &gref, 4);
        for (unsigned j = 0; j < n; j++)
            fill(f,
                 (struct splitio_blkif_segment *)(void *)f->pages[list + i] + j,
                 page + (i * 512 + j) % (PEER_PAGES - page - 8), 1);
    }
}

struct peer_answer peer_front_only_answer(struct peer_front *f)
{
    struct peer_answer a, more;

    peer_front_publish(f);
    peer_front_run(f);
    assert_int_equal(peer_front_take(f, &a), 1);
    assert_int_equal(peer_front_take(f, &more), 0);
    return a;
}

void peer_front_prove_alive(struct peer_front *f)
{
    struct peer_answer a;

    memset(f->pages[0], 0xEE, 4096);
    peer_front_rw(f, SPLITIO_BLKIF_OP_READ, 4711, 16, 0, 1);
    a = peer_front_only_answer(f);
    assert_int_equal(a.id, 4711);
    assert_int_equal(a.op, SPLITIO_BLKIF_OP_READ);
    assert_int_equal(a.status, 0);
    assert_memory_equal(f->pages[0], f->disk.bytes + 16 * 512, 4096);
}

void peer_front_close(struct peer_front *f)
{
    struct splitio_fake_usage usage;

    while (splitio_blkback_disconnect(&f->back) == SPLITIO_EAGAIN)
        ;
    assert_int_equal(f->back.stats.nr_in_flight, 0);
    assert_int_equal(f->back.stats.nr_mapped, 0);
    assert_int_equal(f->back.stats.nr_kept, 0);
    assert_int_equal(f->back.stats.nr_rings, 0);
    assert_int_equal(f->back.stats.nr_unmap_errors, 0);
    assert_int_equal(f->spy.nr_live + f->spy.nr_rings + f->spy.nr_channels, 0);
    splitio_fake_usage(f->fake, &usage);
    assert_int_equal(usage.mapped, 0);
    assert_int_equal(usage.pins, 0);
    assert_int_equal(splitio_blkback_fini(&f->back), 0);
    splitio_fake_delete(f->fake);
    blk_disk_fini(&f->disk);
    free(f->back_mem);
}
