/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that keeps its disk busy, and prints how many requests a second were
 * done.
 *
 * load_blk SOCKET GUEST read|write random|sequential BYTES DEPTH SECONDS
 *
 * The requests' buffers are pages of the guest, lent as they are.
 */
#include "load.h"

#include <splitio/blkfront.h>
#include <splitio/disk.h>

#include <string.h>

#define DEPTH_MAX 256u

static struct load {
    struct splitio_shm_guest *guest;
    struct splitio_blkfront front;
    enum splitio_blk_op op;
    bool random;
    unsigned bytes, depth;
    double seconds;
    uint64_t nr_places; /* where a request can begin */
    uint64_t at;        /* the last place, or a random number */
    uint64_t nr_done;
    unsigned nr_left; /* in flight */
    bool ending;
    struct splitio_iovec iov[DEPTH_MAX];
    struct splitio_blk_io io[DEPTH_MAX];
} load;

static uint64_t next_place(void)
{
    if (!load.random)
        return load.at++ % load.nr_places;
    load.at ^= load.at << 13;
    load.at ^= load.at >> 7;
    load.at ^= load.at << 17;
    return load.at % load.nr_places;
}

static void start(struct splitio_blk_io *io)
{
    io->sector = next_place() * (load.bytes >> SPLITIO_DISK_SECTOR_SHIFT);
    must("submit", splitio_blkfront_submit(&load.front, io));
    load.nr_left++;
}

static void on_done(struct splitio_blk_io *io, int status)
{
    must("request", status);
    load.nr_done++;
    load.nr_left--;
    if (!load.ending)
        start(io);
}

static void turn(void)
{
    int n = splitio_shm_guest_poll(load.guest, BUDGET);

    if (n < 0)
        die("guest", "the daemon is gone");
    n += splitio_blkfront_poll(&load.front, BUDGET);
    splitio_blkfront_kick(&load.front);
    if (n == 0)
        wait_for(load.guest);
}

static void connect_disk(const char *socket, const char *name)
{
    const struct splitio_shm_guest_config cfg = {
        .path = socket, .name = name, .nr_pages = 16384, .nr_frames = 32};
    struct splitio_blkfront_config f = {.direct = true,
                                        .max_queues = 1,
                                        .max_ring_order = 3,
                                        .max_segs = 64,
                                        .pool_pages = 256};
    char dir[SPLITIO_TOOLSTACK_PATH_MAX];
    size_t bytes;

    load.guest = join(&cfg);
    find_dir(load.guest, "vbd", VDEV, dir);
    f.port = splitio_shm_guest_port(load.guest);
    f.store = splitio_shm_guest_store(load.guest);
    f.dir = dir;
    bytes = splitio_blkfront_mem_bytes(&f);
    must("front", splitio_blkfront_init(&load.front, &f, memory(bytes), bytes));
    while (!splitio_blkfront_is_up(&load.front))
        turn();
}

static void prepare(void)
{
    struct splitio_guest_port port = splitio_shm_guest_port(load.guest);
    uint64_t bytes = splitio_blkfront_get_info(&load.front)->nr_sectors
                     << SPLITIO_DISK_SECTOR_SHIFT;

    load.nr_places = bytes / load.bytes;
    load.at = load.random ? 88172645463325252u : 0;
    for (unsigned i = 0; i < load.depth; i++) {
        void *base = port.ops->pages_alloc(
            port.ctx, (load.bytes + SPLITIO_PAGE_MASK) / SPLITIO_PAGE_SIZE);

        if (!base)
            die("memory", "too few pages");
        memset(base, (int)i, load.bytes);
        load.iov[i] = (struct splitio_iovec){base, load.bytes};
        load.io[i] = (struct splitio_blk_io){
            .op = load.op, .iov = &load.iov[i], .nr_iov = 1, .done = on_done};
    }
}

static void run(void)
{
    double began = now(), end = began + load.seconds, ended = began;
    uint64_t nr;

    for (unsigned i = 0; i < load.depth; i++)
        start(&load.io[i]);
    splitio_blkfront_kick(&load.front);
    while (ended < end) {
        turn();
        ended = now();
    }
    nr = load.nr_done;
    load.ending = true;
    while (load.nr_left)
        turn();
    printf("%.0f\n", (double)nr / (ended - began));
}

static void leave(void)
{
    splitio_blkfront_close(&load.front);
    while (!splitio_blkfront_is_closed(&load.front))
        turn();
    (void)splitio_blkfront_fini(&load.front);
    splitio_shm_guest_close(load.guest);
}

int main(int argc, char **argv)
{
    if (argc != 8)
        die("usage", "load_blk SOCKET GUEST read|write random|sequential "
                     "BYTES DEPTH SECONDS");
    load.op = strcmp(argv[3], "read") ? SPLITIO_BLK_WRITE : SPLITIO_BLK_READ;
    load.random = strcmp(argv[4], "random") == 0;
    load.bytes = (unsigned)strtoul(argv[5], NULL, 0);
    load.depth = (unsigned)strtoul(argv[6], NULL, 0);
    load.seconds = strtod(argv[7], NULL);
    if (load.bytes < 512 || load.bytes > 1 << 20 || load.depth == 0 ||
        load.depth > DEPTH_MAX)
        die("usage", "bytes or depth are out of bounds");
    connect_disk(argv[1], argv[2]);
    prepare();
    run();
    leave();
    return 0;
}
