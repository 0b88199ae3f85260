/* SPDX-License-Identifier: BSD-2-Clause */
/* The partition that uses the disk, by a front. */
#include "partition.h"

enum { GFN_SHARED_INFO, GFN_GRANTS, GFN_HEAP };

#define IO_BYTES 65536u

static splitio_domid_t self = USER;
static struct splitio_guest guest;
static uint64_t heap_map[SPLITIO_GUEST_MAP_MEM(REGION_PAGES) / 8];
static uint32_t grant_mem[SPLITIO_GRANT_TABLE_MEM(1) / 4];
static struct splitio_event_handler handlers[NR_PORTS];
static struct splitio_blkfront front;
static uint8_t memory[65536] __attribute__((aligned(SPLITIO_PAGE_SIZE)));
static uint8_t buffer[IO_BYTES];
static const struct splitio_iovec iov = {buffer, IO_BYTES};
static struct splitio_blk_io io;
static bool io_done;
static int io_status;

int user_start(void)
{
    const struct splitio_guest_config cfg = {
        .ops = &hypercalls,
        .ops_ctx = &self,
        .heap = hypervisor_page(USER, GFN_HEAP),
        .heap_gfn = GFN_HEAP,
        .heap_pages = REGION_PAGES - GFN_HEAP,
        .heap_map = heap_map,
        .grant_frames = hypervisor_page(USER, GFN_GRANTS),
        .nr_grant_frames = 1,
        .grant_mem = grant_mem,
        .shared_info = hypervisor_page(USER, GFN_SHARED_INFO),
        .abi = &splitio_event_abi_x86_64,
        .handlers = handlers,
        .nr_handlers = NR_PORTS,
    };
    const struct splitio_blkfront_config blk = {
        .port = splitio_guest_port(&guest),
        .max_queues = 1,
        .max_segs = 11,
        .pool_pages = 32,
    };
    int err = splitio_guest_init(&guest, &cfg);

    return err ? err
               : splitio_blkfront_init(&front, &blk, memory, sizeof(memory));
}

int user_connect(void)
{
    struct splitio_blkfront_rings rings;
    struct splitio_blkback_peer *told = &static_store.rings;
    int err = splitio_blkfront_offer(&front, DRIVER, 1, 0, &rings);

    if (err)
        return err;
    *told = (struct splitio_blkback_peer){
        .domid = USER,
        .persistent = rings.persistent,
        .abi = SPLITIO_BLKIF_ABI_X86_64,
        .nr_queues = 1,
    };
    told->queues[0].grefs[0] = rings.queues[0].grefs[0];
    told->queues[0].evtchn = rings.queues[0].evtchn;
    return 0;
}

int user_poll(void)
{
    return (int)splitio_guest_poll(&guest, 16) +
           splitio_blkfront_poll(&front, 16);
}

static void on_done(struct splitio_blk_io *which, int status)
{
    (void)which;
    io_done = true;
    io_status = status;
}

int user_submit(enum splitio_blk_op op, uint8_t byte)
{
    int err;

    if (!splitio_blkfront_is_up(&front)) {
        err = splitio_blkfront_start(&front, &static_store.disk);
        if (err)
            return err;
    }
    __builtin_memset(buffer, byte, sizeof(buffer));
    io = (struct splitio_blk_io){
        .op = op, .sector = 8, .iov = &iov, .nr_iov = 1, .done = on_done};
    io_done = false;
    err = splitio_blkfront_submit(&front, &io);
    if (!err)
        splitio_blkfront_kick(&front);
    return err;
}

bool user_is_done(int *status)
{
    *status = io_status;
    return io_done;
}

bool user_has_read(uint8_t byte)
{
    for (uint32_t i = 0; i < IO_BYTES; i++)
        if (buffer[i] != byte)
            return false;
    return true;
}

splitio_gref_t user_lie(void)
{
    splitio_gref_t gref = 0;

    /* The first frame behind its region: in memory, the neighbour's begins. */
    (void)splitio_grant_table_grant(&guest.grants, DRIVER, REGION_PAGES, false,
                                    &gref);
    return gref;
}

uint32_t user_nr_lent(void)
{
    return splitio_guest_nr_lent(&guest);
}

int user_stop(void)
{
    splitio_blkfront_stop(&front);
    return splitio_blkfront_fini(&front);
}
