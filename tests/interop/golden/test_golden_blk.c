/* SPDX-License-Identifier: BSD-2-Clause */
/* Every message of blkif as splitio's halves write and read it, beside the same
 * message made from Xen's headers. */
#include "cm.h"

#include "golden.h"
#include "peer_blkback.h"
#include "peer_blkfront.h"

#include <inttypes.h>
#include <string.h>

static struct cpu {
    const char *name, *program;
    enum splitio_blkif_abi abi;
} cpus[] = {
    {"x86_64", GOLDEN_X86_64, SPLITIO_BLKIF_ABI_X86_64},
    {"x86_32", GOLDEN_X86_32, SPLITIO_BLKIF_ABI_X86_32},
};

/* ---- what the front writes ---- */

static struct golden golden;
static struct peer_back peer;
static struct splitio_blk_io io;
static struct splitio_iovec iov;
static uint8_t data[64 * 4096];

static void on_done(struct splitio_blk_io *done, int status)
{
    (void)done;
    assert_int_equal(status, 0);
}

/* A request as it lies in the ring, and what the front alone decides of it. */
struct asked {
    union splitio_blkif_slot slot;
    size_t bytes;
    uint64_t id;
    unsigned handle;
    const struct splitio_blkif_segment *segs;
    splitio_gref_t page; /* of an indirect one: the first */
};

static void dissect(struct asked *a, bool is_32)
{
    union splitio_blkif_slot *s = &a->slot;
    bool indirect = s->x86_64.operation == SPLITIO_BLKIF_OP_INDIRECT;
    bool discard = s->x86_64.operation == SPLITIO_BLKIF_OP_DISCARD;

#define OF(layout)                                                             \
    do {                                                                       \
        memcpy(&a->id,                                                         \
               indirect  ? (const void *)&s->indirect_##layout.id              \
               : discard ? (const void *)&s->discard_##layout.id               \
                         : (const void *)&s->layout.id,                        \
               sizeof(a->id));                                                 \
        a->handle = indirect  ? s->indirect_##layout.handle                    \
                    : discard ? s->discard_##layout.handle                     \
                              : s->layout.handle;                              \
        a->segs = s->layout.seg;                                               \
        a->page = s->indirect_##layout.indirect_grefs[0];                      \
        a->bytes = sizeof(s->layout);                                          \
    } while (0)
    if (is_32)
        OF(x86_32);
    else
        OF(x86_64);
#undef OF
}

/* Has the front write one request. */
static struct asked *asked(struct splitio_blk_io what, size_t len)
{
    static struct asked a;
    bool is_32 = peer.cfg.abi == SPLITIO_BLKIF_ABI_X86_32;
    const void *slot;

    iov = (struct splitio_iovec){data, len};
    io = what;
    io.done = on_done;
    io.iov = &iov;
    io.nr_iov = len ? 1 : 0;
    assert_int_equal(splitio_blkfront_submit(&peer.front, &io), 0);
    splitio_blkfront_kick(&peer.front);
    slot = peer_back_slot(&peer);
    assert_non_null(slot);
    memcpy(&a.slot, slot, is_32 ? sizeof(a.slot.x86_32) : sizeof(a.slot));
    dissect(&a, is_32);
    return &a;
}

static void answer(uint64_t id, uint8_t op)
{
    peer_back_put(&peer, id, op, SPLITIO_BLKIF_RSP_OKAY);
    peer_back_publish(&peer);
    peer_back_run(&peer);
}

static void front_open(const struct cpu *cpu)
{
    golden_open(&golden, cpu->name, cpu->program);
    peer_back_defaults(&peer);
    peer.cfg.abi = cpu->abi;
    peer.info.flags |= SPLITIO_BLKFRONT_SECURE | SPLITIO_BLKFRONT_BARRIERS;
    peer_back_open(&peer);
    peer_back_connect(&peer);
}

static void front_close(void)
{
    peer_back_leave(&peer);
    peer_back_close(&peer);
    golden_close(&golden);
}

/* The segments of a request of whole pages but for the last one's end. */
static void list_segments(char *text, size_t size,
                          const struct splitio_blkif_segment *segs, unsigned nr,
                          size_t len)
{
    size_t at = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < nr; i++) {
        size_t part = len < 4096 ? len : 4096;

        at += (size_t)snprintf(text + at, size - at, " %u 0 %zu", segs[i].gref,
                               part / 512 - 1);
        len -= part;
    }
}

static void front_writes_requests_as_xen_does(void **state)
{
    static const struct {
        enum splitio_blk_op op;
        unsigned xen;
    } ops[] = {{SPLITIO_BLK_READ, 0},
               {SPLITIO_BLK_WRITE, 1},
               {SPLITIO_BLK_BARRIER, 2}};
    char segs[1024];

    front_open(*state);
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(ops); i++) {
        for (unsigned nr = 1; nr <= 11; nr++) {
            size_t len = nr * 4096 - (nr % 8) * 512;
            struct asked *a = asked(
                (struct splitio_blk_io){.op = ops[i].op, .sector = 5 * nr},
                len);

            list_segments(segs, sizeof(segs), a->segs, nr, len);
            golden_make(&golden, "blk_request %u %u %u %" PRIu64 " %u%s",
                        ops[i].xen, nr, a->handle, a->id, 5 * nr, segs);
            golden_same(&golden, &a->slot, a->bytes, "read or write");
            answer(a->id, (uint8_t)ops[i].xen);
        }
    }
    front_close();
}

static void front_writes_flush_and_discards_as_xen_does(void **state)
{
    struct asked *a;

    front_open(*state);
    a = asked((struct splitio_blk_io){.op = SPLITIO_BLK_FLUSH}, 0);
    golden_make(&golden, "blk_request 3 0 %u %" PRIu64 " 0", a->handle, a->id);
    golden_same(&golden, &a->slot, a->bytes, "flush");
    answer(a->id, SPLITIO_BLKIF_OP_FLUSH_DISKCACHE);
    for (unsigned secure = 0; secure < 2; secure++) {
        a = asked((struct splitio_blk_io){.op = SPLITIO_BLK_DISCARD,
                                          .secure = secure,
                                          .sector = 77,
                                          .nr_sectors = 1234},
                  0);
        golden_make(&golden, "blk_discard %u %u %" PRIu64 " 77 1234", secure,
                    a->handle, a->id);
        golden_same(&golden, &a->slot, a->bytes, "discard");
        answer(a->id, SPLITIO_BLKIF_OP_DISCARD);
    }
    front_close();
}

static void front_writes_indirect_as_xen_does(void **state)
{
    struct splitio_blkif_segment list[32];
    struct splitio_ring_map page;
    struct asked *a;
    char segs[1024];

    front_open(*state);
    a = asked((struct splitio_blk_io){.op = SPLITIO_BLK_WRITE, .sector = 640},
              24 * 4096);
    golden_make(&golden, "blk_indirect 1 24 %u %" PRIu64 " 640 %u", a->handle,
                a->id, a->page);
    golden_same(&golden, &a->slot, a->bytes, "indirect");
    assert_int_equal(
        peer.port.ops->map_ring(peer.port.ctx, 1, &a->page, 1, &page), 0);
    memcpy(list, page.va, sizeof(list));
    peer.port.ops->unmap_ring(peer.port.ctx, &page);
    list_segments(segs, sizeof(segs), list, 24, 24 * 4096);
    golden_make(&golden, "blk_segments%s", segs);
    golden_same(&golden, list, 24 * sizeof(list[0]), "segments");
    answer(a->id, SPLITIO_BLKIF_OP_WRITE);
    front_close();
}

/* ---- what the back reads, and writes ---- */

static struct peer_front guest;

/* Puts the message made last into the ring; what comes back is checked. */
static void back_answers(uint64_t id, unsigned op, int status)
{
    uint8_t response[16];
    struct peer_answer a;
    size_t len = guest.peer.abi == SPLITIO_BLKIF_ABI_X86_32 ? 12 : 16;
    uint8_t *slot = peer_front_slot(&guest);

    assert_in_range(golden.len, 1, guest.slot_bytes);
    memcpy(slot, golden.bytes, golden.len);
    peer_front_publish(&guest);
    peer_front_run(&guest);
    memcpy(response, slot, len);
    assert_int_equal(peer_front_take(&guest, &a), 1);
    assert_int_equal(a.id, id);
    golden_make(&golden, "blk_response %" PRIu64 " %u %d", id, op, status);
    golden_same(&golden, response, len, "response");
}

static void back_open(const struct cpu *cpu)
{
    golden_open(&golden, cpu->name, cpu->program);
    peer_front_defaults(&guest);
    guest.disk.info.flags |= SPLITIO_DISK_FLUSHES | SPLITIO_DISK_DISCARDS |
                             SPLITIO_DISK_DISCARDS_SECURELY;
    peer_front_open(&guest, 0, cpu->abi, 0);
    assert_int_equal(peer_front_connect(&guest), 0);
}

static void back_close(void)
{
    peer_front_close(&guest);
    golden_close(&golden);
}

static void back_reads_and_writes_as_xen_does(void **state)
{
    const uint64_t id = UINT64_C(0xfedcba9876543210);

    back_open(*state);
    memset(guest.pages[0], 0, 4096);
    golden_make(&golden, "blk_request 0 2 0 %" PRIu64 " 9 %u 1 7 %u 0 2", id,
                guest.grefs[0], guest.grefs[1]);
    back_answers(id, SPLITIO_BLKIF_OP_READ, 0);
    assert_memory_equal(guest.pages[0] + 512, guest.disk.bytes + 9 * 512,
                        7 * 512);
    assert_memory_equal(guest.pages[1], guest.disk.bytes + 16 * 512, 3 * 512);
    memset(guest.pages[2], 0x5a, 4096);
    golden_make(&golden, "blk_request 1 1 0 %" PRIu64 " 99 %u 3 4", id + 1,
                guest.grefs[2]);
    back_answers(id + 1, SPLITIO_BLKIF_OP_WRITE, 0);
    assert_memory_equal(guest.disk.bytes + 99 * 512, guest.pages[2], 1024);
    golden_make(&golden, "blk_request 2 1 0 %" PRIu64 " 120 %u 0 7", id + 5,
                guest.grefs[2]);
    back_answers(id + 5, SPLITIO_BLKIF_OP_WRITE_BARRIER, 0);
    assert_memory_equal(guest.disk.bytes + 120 * 512, guest.pages[2], 4096);
    golden_make(&golden, "blk_request 3 0 0 %" PRIu64 " 0", id + 2);
    back_answers(id + 2, SPLITIO_BLKIF_OP_FLUSH_DISKCACHE, 0);
    golden_make(&golden, "blk_request 7 0 0 %" PRIu64 " 0", id + 3);
    back_answers(id + 3, 7, -2);
    golden_make(&golden, "blk_request 0 1 0 %" PRIu64 " %u %u 0 7", id + 4,
                PEER_SECTORS, guest.grefs[0]);
    back_answers(id + 4, SPLITIO_BLKIF_OP_READ, -1);
    back_close();
}

static void back_discards_as_xen_does(void **state)
{
    back_open(*state);
    for (unsigned secure = 0; secure < 2; secure++) {
        unsigned before = guest.disk.nr_discards;

        golden_make(&golden, "blk_discard %u 0 5 64 8", secure);
        back_answers(5, SPLITIO_BLKIF_OP_DISCARD, 0);
        assert_int_equal(guest.disk.nr_discards, before + 1);
    }
    back_close();
}

static void back_follows_indirect_as_xen_does(void **state)
{
    back_open(*state);
    golden_make(&golden, "blk_segments %u 2 5 %u 0 7", guest.grefs[1],
                guest.grefs[2]);
    memcpy(guest.pages[3], golden.bytes, golden.len);
    golden_make(&golden, "blk_indirect 0 2 0 12 200 %u", guest.grefs[3]);
    back_answers(12, SPLITIO_BLKIF_OP_READ, 0);
    assert_memory_equal(guest.pages[1] + 1024, guest.disk.bytes + 200 * 512,
                        2048);
    assert_memory_equal(guest.pages[2], guest.disk.bytes + 204 * 512, 4096);
    back_close();
}

/* A case for each processor. */
#define CASES(name)                                                            \
    {#name "_x86_64", name, NULL, NULL, &cpus[0]},                             \
    {                                                                          \
#name "_x86_32", name, NULL, NULL, &cpus[1]                            \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASES(front_writes_requests_as_xen_does),
        CASES(front_writes_flush_and_discards_as_xen_does),
        CASES(front_writes_indirect_as_xen_does),
        CASES(back_reads_and_writes_as_xen_does),
        CASES(back_discards_as_xen_does),
        CASES(back_follows_indirect_as_xen_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
