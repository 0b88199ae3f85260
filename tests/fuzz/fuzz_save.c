/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blobs, as anybody may write them: the first byte says whose, what follows are
 * the records. The sum is put right, or nothing behind it would ever be read. No
 * ring can be mapped here, so whatever a blob says, nothing may be held after.
 */
#include <splitio/blkback.h>
#include <splitio/blkfront.h>
#include <splitio/netback.h>
#include <splitio/netfront.h>
#include <splitio/save.h>

#include <stdlib.h>
#include <string.h>

#include "blk_disk.h"
#include "frames.h"

#define RECORDS_MAX 8192u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t blob[SPLITIO_SAVE_HEAD_BYTES + RECORDS_MAX];
static size_t blob_bytes;

static void require(int holds)
{
    if (!holds)
        abort();
}

static void put_u32(unsigned at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        blob[at + i] = (uint8_t)(value >> 8 * i);
}

static void make_blob(uint32_t kind, const uint8_t *data, size_t size)
{
    uint32_t crc = UINT32_MAX;

    if (size > RECORDS_MAX)
        size = RECORDS_MAX;
    blob_bytes = SPLITIO_SAVE_HEAD_BYTES + size;
    memset(blob, 0, SPLITIO_SAVE_HEAD_BYTES);
    memcpy(blob, "SPLS", 4);
    blob[4] = SPLITIO_SAVE_MAJOR;
    put_u32(8, kind);
    put_u32(12, (uint32_t)blob_bytes);
    memcpy(blob + SPLITIO_SAVE_HEAD_BYTES, data, size);
    for (size_t i = 0; i < blob_bytes; i++) {
        crc ^= blob[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    put_u32(16, ~crc);
}

static void expect_refused(int err)
{
    require(err == SPLITIO_EPROTO || err == SPLITIO_EOPNOTSUPP ||
            err == SPLITIO_EACCES);
}

/* ---- ports that have nothing ---- */

static int map_nothing(void *ctx, splitio_domid_t domid,
                       const splitio_gref_t *grefs, unsigned nr,
                       struct splitio_ring_map *map)
{
    (void)ctx;
    (void)domid;
    (void)map;
    for (unsigned i = 0; i < nr; i++)
        (void)splitio_read_once_u32(&grefs[i]); /* all can be read */
    require(nr >= 1 && nr <= SPLITIO_RING_PAGES_MAX);
    return SPLITIO_EACCES;
}

static const struct splitio_host_ops host_ops = {.map_ring = map_nothing};
static const struct splitio_guest_ops guest_ops = {0};

/* ---- the halves ---- */

static void *memory(size_t bytes)
{
    void *mem = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);

    require(mem != NULL);
    return mem;
}

static void fuzz_blkback(void)
{
    struct blk_disk disk;
    struct splitio_blkback dev;
    struct splitio_blkback_config cfg = {.port = {&host_ops, NULL},
                                         .max_queues = 4,
                                         .max_ring_order = 2,
                                         .max_indirect = 64,
                                         .max_persistent = 16};
    size_t bytes;
    void *mem;

    blk_disk_init(&disk, 64, 512);
    cfg.disk = blk_disk_disk(&disk);
    bytes = splitio_blkback_mem_bytes(&cfg);
    mem = memory(bytes);
    require(splitio_blkback_init(&dev, &cfg, mem, bytes) == 0);
    expect_refused(splitio_blkback_restore(&dev, blob, blob_bytes));
    require(!dev.connected && !dev.saved && dev.stats.nr_in_flight == 0);
    require(splitio_blkback_fini(&dev) == 0);
    free(mem);
    blk_disk_fini(&disk);
}

static struct splitio_blk_io *no_io(void *arg, uint64_t token)
{
    (void)arg;
    (void)token;
    return NULL;
}

static void fuzz_blkfront(void)
{
    struct splitio_blkfront dev;
    struct splitio_blkfront_config cfg = {.port = {&guest_ops, NULL},
                                          .max_queues = 2,
                                          .max_segs = 11,
                                          .pool_pages = 2};
    size_t bytes = splitio_blkfront_mem_bytes(&cfg);
    void *mem = memory(bytes);
    int err;

    require(splitio_blkfront_init(&dev, &cfg, mem, bytes) == 0);
    err = splitio_blkfront_restore(&dev, no_io, NULL, blob, blob_bytes);
    require(err == 0 || err == SPLITIO_EPROTO || err == SPLITIO_EOPNOTSUPP);
    require(dev.stats.nr_ios == 0);
    free(mem);
}

static void fuzz_netback(void)
{
    static struct test_nic nic;
    static struct splitio_netback dev;
    struct splitio_netback_config cfg = {.port = {&host_ops, NULL},
                                         .features = SPLITIO_NETIF_F_ALL,
                                         .max_queues = 2,
                                         .staged_pages = 64};
    size_t bytes;
    void *mem;

    cfg.nic = test_nic(&nic);
    bytes = splitio_netback_mem_bytes(&cfg);
    mem = memory(bytes);
    require(splitio_netback_init(&dev, &cfg, mem, bytes) == 0);
    expect_refused(splitio_netback_restore(&dev, blob, blob_bytes));
    require(!dev.connected && !dev.saved);
    free(mem);
}

static void fuzz_netfront(void)
{
    static struct splitio_netfront dev;
    struct splitio_netfront_config cfg = {.port = {&guest_ops, NULL},
                                          .features = SPLITIO_NETIF_F_ALL};
    size_t bytes = splitio_netfront_mem_bytes(&cfg);
    void *mem = memory(bytes);
    int err;

    require(splitio_netfront_init(&dev, &cfg, mem, bytes) == 0);
    err = splitio_netfront_restore(&dev, blob, blob_bytes);
    require(err == 0 || err == SPLITIO_EPROTO || err == SPLITIO_EOPNOTSUPP);
    require(splitio_netfront_is_valid(&dev));
    free(mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct splitio_save_info info;

    if (size == 0)
        return 0;
    (void)splitio_save_inspect(data, size, &info);
    make_blob(1 + data[0] % 4, data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        fuzz_blkback();
        break;
    case 1:
        fuzz_blkfront();
        break;
    case 2:
        fuzz_netback();
        break;
    default:
        fuzz_netfront();
        break;
    }
    return 0;
}
