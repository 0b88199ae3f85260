/* SPDX-License-Identifier: BSD-2-Clause */
/* The partition that has the disk, and a back for it. */
#include "partition.h"

#define NR_SECTORS 512u

static uint8_t bytes[NR_SECTORS * SPLITIO_DISK_SECTOR_SIZE];
static uint8_t memory[524288] __attribute__((aligned(SPLITIO_PAGE_SIZE)));
static struct splitio_blkback back;

/* --- the disk: memory, at once --- */

static struct splitio_disk_io *done[64];
static unsigned nr_done;

static int disk_info(void *ctx, struct splitio_disk_info *info)
{
    (void)ctx;
    *info = (struct splitio_disk_info){
        .nr_sectors = NR_SECTORS,
        .sector_size = SPLITIO_DISK_SECTOR_SIZE,
        .physical_sector_size = SPLITIO_DISK_SECTOR_SIZE,
    };
    return 0;
}

static int disk_submit(void *ctx, struct splitio_disk_io *io)
{
    uint8_t *at = bytes + io->sector * SPLITIO_DISK_SECTOR_SIZE;

    (void)ctx;
    if (nr_done == SPLITIO_ARRAY_LEN(done))
        return SPLITIO_EAGAIN;
    for (uint32_t i = 0; i < io->nr_iov; i++) {
        const struct splitio_iovec *piece = &io->iov[i];

        if (io->op == SPLITIO_DISK_WRITE)
            __builtin_memcpy(at, piece->base, piece->len_bytes);
        else
            __builtin_memcpy(piece->base, at, piece->len_bytes);
        at += piece->len_bytes;
    }
    done[nr_done++] = io;
    return 0;
}

static void disk_kick(void *ctx)
{
    (void)ctx;
}

static int disk_poll(void *ctx, unsigned budget)
{
    int n = 0;

    (void)ctx;
    for (; nr_done > 0 && budget > 0; budget--, n++) {
        struct splitio_disk_io *io = done[--nr_done];

        io->done(io, 0);
    }
    return n;
}

static const struct splitio_disk_ops disk_ops = {
    .info = disk_info,
    .submit = disk_submit,
    .kick = disk_kick,
    .poll = disk_poll,
};

/* --- the back --- */

int driver_start(void)
{
    const struct splitio_blkback_config cfg = {
        .port = splitio_host_port(hypervisor_host()),
        .disk = {.ops = &disk_ops},
        .max_queues = 1,
        .max_persistent = 64,
    };

    static_store.disk = (struct splitio_blkfront_info){
        .nr_sectors = NR_SECTORS,
        .sector_size = SPLITIO_DISK_SECTOR_SIZE,
        .physical_sector_size = SPLITIO_DISK_SECTOR_SIZE,
        .flags = SPLITIO_BLKFRONT_PERSISTENT,
    };
    return splitio_blkback_init(&back, &cfg, memory, sizeof(memory));
}

int driver_connect(void)
{
    /* The other partition may write there at any time: once into a copy. */
    const struct splitio_blkback_peer peer = static_store.rings;

    return splitio_blkback_connect(&back, &peer);
}

int driver_poll(void)
{
    return (int)splitio_host_poll(hypervisor_host(), 16) +
           splitio_blkback_poll(&back, 16);
}

int driver_try_map(splitio_gref_t gref)
{
    struct splitio_host_port port = splitio_host_port(hypervisor_host());
    struct splitio_grant_map map = {.domid = USER, .gref = gref};

    if (port.ops->map(port.ctx, &map, 1) == 0) {
        struct splitio_grant_unmap unmap = {.handle = map.handle};

        (void)port.ops->unmap(port.ctx, &unmap, 1);
    }
    return map.status;
}

int driver_stop(void)
{
    return splitio_blkback_disconnect(&back);
}
