/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's side of the bed. */
#include "bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cm.h"

/* --- the disk --- */

static int on_joined(void *arg, const struct splitio_shm_guest_info *info,
                     char *text, size_t bytes)
{
    struct bed *b = arg;
    struct bed_device *d = &b->device;
    struct splitio_blkback_config cfg = {
        .native_abi = SPLITIO_BLKIF_ABI_X86_64,
        .max_queues = 2,
        .max_ring_order = 2,
        .max_indirect = 32,
        .max_persistent = 128,
    };
    size_t size;

    if (b->refuse) {
        snprintf(text, bytes, "not today");
        return SPLITIO_EACCES;
    }
    assert_false(d->used);
    memset(d, 0, sizeof(*d));
    d->used = true;
    d->dev =
        (struct splitio_toolstack_device){"vbd", BED_DEVID, info->domid, 0};
    splitio_toolstack_back_path(&d->dev, d->dir);
    assert_int_equal(splitio_toolstack_device_add(
                         splitio_shm_machine_store_server(b->machine), &d->dev,
                         NULL, 0, NULL, 0),
                     0);
    cfg.port = splitio_shm_machine_host_port(b->machine);
    cfg.store = splitio_shm_machine_store(b->machine);
    cfg.dir = d->dir;
    cfg.disk = blk_disk_disk(&b->disk);
    size = (splitio_blkback_mem_bytes(&cfg) + 4095) & ~(size_t)4095;
    d->mem = aligned_alloc(4096, size);
    assert_non_null(d->mem);
    assert_int_equal(splitio_blkback_init(&d->back, &cfg, d->mem, size), 0);
    return 0;
}

static void on_left(void *arg, const struct splitio_shm_guest_info *info)
{
    struct bed *b = arg;

    assert_int_equal(info->domid, b->device.dev.front);
    b->device.leaving = true;
}

static unsigned poll_device(struct bed *b)
{
    struct bed_device *d = &b->device;
    int n;

    if (!d->used)
        return 0;
    n = splitio_blkback_poll(&d->back, 64);
    if (!d->leaving || splitio_blkback_fini(&d->back) == SPLITIO_EAGAIN)
        return n > 0 ? (unsigned)n : 0;
    assert_int_equal(d->back.stats.nr_mapped, 0);
    assert_int_equal(d->back.stats.nr_rings, 0);
    splitio_toolstack_device_remove(
        splitio_shm_machine_store_server(b->machine), &d->dev);
    free(d->mem);
    d->used = false;
    return 1;
}

/* --- the daemon --- */

static void on_changed(void *arg, struct splitio_ivshmem *slot)
{
    struct bed *b = arg;

    (void)slot;
    b->nr_changes++;
}

static void on_log(void *arg, const char *line)
{
    struct bed *b = arg;

    snprintf(b->log, sizeof(b->log), "%s", line);
}

void bed_daemon_open(struct bed *b)
{
    static const struct splitio_shm_machine_ops ops = {
        .guest_joined = on_joined,
        .guest_left = on_left,
        .log = on_log,
    };
    const struct splitio_shm_machine_config machine = {.ops = &ops, .arg = b};
    struct splitio_ivshmem_config slot = {
        .path = b->path,
        .name = "web",
        .window_bytes = BED_WINDOW,
        .changed = on_changed,
        .log = on_log,
        .arg = b,
    };
    char text[160] = "";

    assert_int_equal(
        splitio_shm_machine_open(&b->machine, &machine, text, sizeof(text)), 0);
    slot.machine = b->machine;
    assert_int_equal(splitio_ivshmem_open(&b->slot, &slot, text, sizeof(text)),
                     0);
}

static void daemon_close(struct bed *b)
{
    struct splitio_shm_machine_stats stats;

    while (splitio_ivshmem_close(b->slot) == SPLITIO_EBUSY)
        (void)bed_turn(b);
    b->slot = NULL;
    bed_settle(b);
    assert_false(b->device.used);
    splitio_shm_machine_get_stats(b->machine, &stats);
    assert_int_equal(stats.nr_guests + stats.nr_leaving, 0);
    assert_int_equal(stats.nr_mapped, 0);
    assert_int_equal(stats.nr_windows, 0);
    assert_int_equal(stats.nr_fds, 0);
    assert_int_equal(stats.nr_bytes, 0);
    assert_int_equal(splitio_shm_machine_close(b->machine), 0);
}

void bed_daemon_kill(struct bed *b, int fds[SPLITIO_IVSHMEM_FDS])
{
    int theirs[SPLITIO_IVSHMEM_FDS];
    uint8_t *window, *copy = malloc(BED_WINDOW);

    assert_true(splitio_ivshmem_get_fds(b->slot, theirs));
    for (unsigned i = 0; i < SPLITIO_IVSHMEM_FDS; i++) {
        fds[i] = dup(theirs[i]);
        assert_true(fds[i] >= 0);
    }
    /* Its end must leave no trace in the window. */
    window = vm_map(fds[SPLITIO_IVSHMEM_FD_WINDOW]);
    assert_non_null(copy);
    memcpy(copy, window, BED_WINDOW);
    b->disk.stuck = false;
    daemon_close(b);
    memcpy(window, copy, BED_WINDOW);
    vm_unmap(window);
    free(copy);
}

unsigned bed_turn(struct bed *b)
{
    unsigned n = b->slot ? splitio_ivshmem_poll(b->slot) : 0;

    n += splitio_shm_machine_poll(b->machine, 64);
    return n + poll_device(b) + splitio_shm_machine_has_work(b->machine);
}

void bed_settle(struct bed *b)
{
    while (bed_turn(b) > 0)
        continue;
}

void bed_open(struct bed *b)
{
    memset(b, 0, sizeof(*b));
    snprintf(b->path, sizeof(b->path), "/tmp/splitio-ivshmem-%ld",
             (long)getpid());
    blk_disk_init(&b->disk, BED_SECTORS, 512);
    b->disk.depth = BLK_DISK_DEPTH_MAX;
    bed_daemon_open(b);
}

void bed_close(struct bed *b)
{
    daemon_close(b);
    blk_disk_fini(&b->disk);
    assert_int_equal(access(b->path, F_OK), -1);
}
