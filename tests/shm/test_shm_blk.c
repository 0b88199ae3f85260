/* SPDX-License-Identifier: BSD-2-Clause */
/* Block devices between processes: every sector read is checked. */
#include <stdlib.h>
#include <string.h>

#include <splitio/blkback.h>
#include <splitio/blkfront.h>
#include <splitio/toolstack.h>

#include "blk_disk.h"
#include "harness.h"

#define REQUESTS 500000u /* of each of two guests */

#define DEVID      51712u
#define NR_SECTORS 16384u
#define SECTOR     512u

/* --- the guest: requests in regions that do not overlap --- */

#define REGIONS        128u /* requests in flight */
#define REGION_SECTORS (NR_SECTORS / REGIONS)

struct tester;

struct region {
    struct splitio_blk_io io;
    struct splitio_iovec iov[3];
    struct tester *t;
    uint32_t first_version; /* of a write */
    uint8_t *buf;      /* page-aligned, and guest memory if it is to be lent */
    bool chosen, busy; /* what to do is; it is being done */
};

struct tester {
    struct splitio_shm_guest *g;
    struct splitio_blkfront front;
    void *front_mem;
    char dir[SPLITIO_TOOLSTACK_PATH_MAX];
    bool direct;
    uint32_t random;
    uint32_t version[NR_SECTORS]; /* of what was written last; 0: never */
    uint32_t next_version;
    uint32_t nr_left, nr_done, nr_busy;
    struct region regions[REGIONS];
};

static void fill(uint8_t *to, uint32_t sector, uint32_t version)
{
    uint64_t x =
        ((uint64_t)version << 32 | sector) * UINT64_C(0x9E3779B97F4A7C15);
    uint64_t words[SECTOR / 8];

    for (unsigned i = 0; i < SECTOR / 8; i++)
        words[i] = version ? x + i : 0;
    memcpy(to, words, SECTOR);
}

static void check(const uint8_t *bytes, uint32_t sector, uint32_t version)
{
    uint8_t want[SECTOR];

    fill(want, sector, version);
    CHECK(memcmp(bytes, want, SECTOR) == 0);
}

static void on_done(struct splitio_blk_io *io, int status)
{
    struct region *r = SPLITIO_CONTAINER_OF(io, struct region, io);
    struct tester *t = r->t;
    uint32_t sector = (uint32_t)io->sector;
    uint32_t nr = 0;

    CHECK(status == 0);
    for (unsigned i = 0; i < io->nr_iov; i++)
        nr += (uint32_t)io->iov[i].len_bytes / SECTOR;
    if (io->op == SPLITIO_BLK_READ)
        for (uint32_t i = 0; i < nr; i++)
            check(r->buf + i * SECTOR, sector + i, t->version[sector + i]);
    r->busy = r->chosen = false;
    t->nr_busy--;
    t->nr_done++;
}

/* Cut the buffer in up to three pieces, at whole sectors. */
static uint32_t cut(struct region *r, uint32_t nr, uint32_t random)
{
    uint32_t pieces = 1 + random % 3, at = 0;

    for (uint32_t i = 0; i < pieces && at < nr; i++) {
        uint32_t n = i + 1 == pieces ? nr - at : 1 + (nr - at) / 2;

        r->iov[i].base = r->buf + at * SECTOR;
        r->iov[i].len_bytes = n * SECTOR;
        at += n;
        if (at == nr)
            return i + 1;
    }
    return pieces;
}

/* Choose what to do in a region, not yet do it. */
static void prepare(struct tester *t, struct region *r)
{
    uint32_t x = blk_random(&t->random), y = blk_random(&t->random);
    uint32_t nr = x % 16 ? 1 + x / 16 % 8 : 1 + x / 16 % REGION_SECTORS;
    uint32_t first = (uint32_t)(r - t->regions) * REGION_SECTORS +
                     y % (REGION_SECTORS - nr + 1);

    r->chosen = true;
    memset(&r->io, 0, sizeof(r->io));
    r->io.op = y >> 16 & 1 ? SPLITIO_BLK_WRITE : SPLITIO_BLK_READ;
    r->io.queue = (uint16_t)(y >> 8);
    r->io.sector = first;
    r->io.iov = r->iov;
    r->io.nr_iov = cut(r, nr, x >> 20);
    r->io.done = on_done;
    if (r->io.op == SPLITIO_BLK_READ) {
        memset(r->buf, 0xA5, nr * SECTOR);
        return;
    }
    r->first_version = t->next_version + 1;
    t->next_version += nr;
    for (uint32_t i = 0; i < nr; i++)
        fill(r->buf + i * SECTOR, first + i, r->first_version + i);
}

/* It has been submitted: from here on it counts. */
static void submitted(struct tester *t, struct region *r)
{
    uint32_t version = r->first_version, sector = (uint32_t)r->io.sector;

    r->busy = true;
    t->nr_busy++;
    t->nr_left--;
    if (r->io.op != SPLITIO_BLK_WRITE)
        return;
    for (uint32_t i = 0; i < r->io.nr_iov; i++)
        for (size_t n = r->iov[i].len_bytes / SECTOR; n > 0; n--)
            t->version[sector++] = version++;
}

static void submit_some(struct tester *t)
{
    for (unsigned i = 0; i < REGIONS && t->nr_left > 0; i++) {
        struct region *r = &t->regions[i];
        int err;

        if (r->busy)
            continue;
        if (!r->chosen)
            prepare(t, r);
        err = splitio_blkfront_submit(&t->front, &r->io);
        if (err == SPLITIO_EAGAIN)
            break;
        CHECK(err == 0);
        submitted(t, r);
    }
    splitio_blkfront_kick(&t->front);
}

/* Poll everything once; wait if there is nothing to do. */
static void turn(struct tester *t)
{
    CHECK(splitio_shm_guest_poll(t->g, 64) >= 0);
    if (splitio_blkfront_poll(&t->front, 64) == 0 &&
        !splitio_shm_guest_has_work(t->g))
        must_wait(t->g);
}

static void run_requests(struct tester *t, uint32_t nr)
{
    t->nr_left = nr;
    while (t->nr_left > 0 || t->nr_busy > 0) {
        submit_some(t);
        turn(t);
    }
}

/* Read what every sector holds in the end. */
static void check_all(struct tester *t)
{
    for (unsigned i = 0; i < REGIONS; i++) {
        struct region *r = &t->regions[i];

        r->chosen = true;
        memset(&r->io, 0, sizeof(r->io));
        r->io.op = SPLITIO_BLK_READ;
        r->io.sector = i * REGION_SECTORS;
        r->iov[0] = (struct splitio_iovec){r->buf, REGION_SECTORS * SECTOR};
        r->io.iov = r->iov;
        r->io.nr_iov = 1;
        r->io.done = on_done;
    }
    run_requests(t, REGIONS);
}

static void tester_open(struct tester *t, const char *path, bool direct)
{
    struct splitio_toolstack_device dev = {.kind = "vbd", .devid = DEVID};
    struct splitio_blkfront_config cfg = {
        .dir = t->dir,
        .direct = direct,
        .max_queues = direct ? 2 : 1,
        .max_ring_order = direct ? 2 : 0,
        .max_segs = direct ? 32 : 11,
        .pool_pages = direct ? 64 : 352,
    };
    struct splitio_guest_port port;
    size_t bytes;

    t->direct = direct;
    t->random = direct ? 77 : 1;
    /* One of each version; that of version 2 begins small and grows. */
    t->g = must_connect_with(
        &(struct splitio_shm_guest_config){.path = path,
                                           .name = direct ? "direct" : "bounce",
                                           .nr_pages = 8192,
                                           .nr_frames = direct ? 1 : 8,
                                           .max_frames = 8,
                                           .grant_version = direct ? 2 : 1,
                                           .fifo_events = direct,
                                           .timeout_ms = WATCHDOG_MS});
    port = splitio_shm_guest_port(t->g);
    dev.front = splitio_shm_guest_domid(t->g);
    splitio_toolstack_front_path(&dev, t->dir);
    cfg.port = port;
    cfg.store = splitio_shm_guest_store(t->g);
    bytes = (splitio_blkfront_mem_bytes(&cfg) + 63) & ~(size_t)63;
    t->front_mem = aligned_alloc(64, bytes);
    CHECK(t->front_mem);
    CHECK(splitio_blkfront_init(&t->front, &cfg, t->front_mem, bytes) == 0);
    for (unsigned i = 0; i < REGIONS; i++) {
        struct region *r = &t->regions[i];

        r->t = t;
        r->buf = direct ? port.ops->pages_alloc(port.ctx, 16)
                        : malloc(REGION_SECTORS * SECTOR);
        CHECK(r->buf);
    }
    while (!splitio_blkfront_is_up(&t->front))
        turn(t);
    CHECK(splitio_blkfront_get_info(&t->front)->nr_sectors == NR_SECTORS);
}

static void tester_close(struct tester *t)
{
    struct splitio_guest_port port = splitio_shm_guest_port(t->g);
    const struct splitio_guest *g = splitio_shm_guest_of(t->g);

    splitio_blkfront_close(&t->front);
    while (!splitio_blkfront_is_closed(&t->front))
        turn(t);
    while (splitio_blkfront_fini(&t->front) != 0)
        must_wait(t->g);
    for (unsigned i = 0; i < REGIONS; i++) {
        if (t->direct)
            port.ops->pages_free(port.ctx, t->regions[i].buf, 16);
        else
            free(t->regions[i].buf);
    }
    CHECK(splitio_guest_nr_lent(g) == 0);
    /* Shared pages, the grant table, and in version 2 its status page. */
    CHECK(splitio_guest_nr_free_pages(g) ==
          8192u - 3 - 8 - t->direct - splitio_guest_nr_fifo_pages(g));
    CHECK(g->cfg.nr_grant_frames > 1);
    free(t->front_mem);
    splitio_shm_guest_close(t->g);
}

/* PATH direct|bounce REQUESTS */
static int role_disk(int argc, char **argv)
{
    static struct tester t;
    uint32_t nr = (uint32_t)strtoul(argv[2], NULL, 0);

    CHECK(argc == 3);
    tester_open(&t, argv[0], strcmp(argv[1], "direct") == 0);
    run_requests(&t, nr);
    CHECK(t.nr_done == nr);
    check_all(&t);
    tester_close(&t);
    return 0;
}

const struct role roles[] = {{"disk", role_disk}, {0}};

/* --- the daemon: a disk and a back for each guest --- */

#define MAX_DEVICES 8u

struct device {
    bool used, leaving;
    struct splitio_toolstack_device dev;
    char dir[SPLITIO_TOOLSTACK_PATH_MAX];
    struct splitio_blkback back;
    void *mem;
    struct blk_disk disk;
};

static struct device devices[MAX_DEVICES];
static uint64_t nr_served; /* requests of devices that are no more */

static void device_open(struct harness *h,
                        const struct splitio_shm_guest_info *info)
{
    struct device *d = devices;
    struct splitio_blkback_config cfg = {
        .native_abi = SPLITIO_BLKIF_ABI_X86_64,
        .max_queues = 4,
        .max_ring_order = 4,
        .max_indirect = 256,
        .max_persistent = 1056,
    };
    size_t bytes;

    while (d->used)
        d++;
    assert_true(d < devices + MAX_DEVICES);
    memset(d, 0, sizeof(*d));
    d->used = true;
    d->dev = (struct splitio_toolstack_device){"vbd", DEVID, info->domid, 0};
    splitio_toolstack_back_path(&d->dev, d->dir);
    assert_int_equal(
        splitio_toolstack_device_add(splitio_shm_machine_store_server(h->m),
                                     &d->dev, NULL, 0, NULL, 0),
        0);
    blk_disk_init(&d->disk, NR_SECTORS, SECTOR);
    d->disk.depth = BLK_DISK_DEPTH_MAX;
    d->disk.shuffled = h->arg != NULL;
    cfg.port = splitio_shm_machine_host_port(h->m);
    cfg.store = splitio_shm_machine_store(h->m);
    cfg.dir = d->dir;
    cfg.disk = blk_disk_disk(&d->disk);
    bytes = (splitio_blkback_mem_bytes(&cfg) + 4095) & ~(size_t)4095;
    d->mem = aligned_alloc(4096, bytes);
    assert_non_null(d->mem);
    assert_int_equal(splitio_blkback_init(&d->back, &cfg, d->mem, bytes), 0);
}

static void device_leave(struct harness *h,
                         const struct splitio_shm_guest_info *info)
{
    (void)h;
    for (unsigned i = 0; i < MAX_DEVICES; i++)
        if (devices[i].used && devices[i].dev.front == info->domid)
            devices[i].leaving = true;
}

static unsigned device_end(struct harness *h, struct device *d)
{
    if (splitio_blkback_fini(&d->back) == SPLITIO_EAGAIN)
        return 1;
    nr_served += d->back.stats.nr_requests;
    assert_int_equal(d->back.stats.nr_kept, 0);
    assert_int_equal(d->back.stats.nr_mapped, 0);
    assert_int_equal(d->back.stats.nr_rings, 0);
    /* What a dead guest asked for is refused; here none dies. */
    if (!h->arg)
        assert_int_equal(d->back.stats.nr_refused, 0);
    splitio_toolstack_device_remove(splitio_shm_machine_store_server(h->m),
                                    &d->dev);
    blk_disk_fini(&d->disk);
    free(d->mem);
    d->used = false;
    return 1;
}

static unsigned poll_devices(struct harness *h)
{
    unsigned n = 0;

    for (unsigned i = 0; i < MAX_DEVICES; i++) {
        struct device *d = &devices[i];

        if (!d->used)
            continue;
        n += (unsigned)splitio_blkback_poll(&d->back, 64);
        if (d->leaving)
            n += device_end(h, d);
    }
    return n;
}

static struct harness block_bed(void)
{
    struct harness h = {
        .work = poll_devices,
        .on_join = device_open,
        .on_leave = device_leave,
    };

    nr_served = 0;
    return h;
}

static void bed_close(struct harness *h)
{
    struct splitio_store_stats store;

    harness_check_idle(h);
    for (unsigned i = 0; i < MAX_DEVICES; i++)
        assert_false(devices[i].used);
    splitio_store_server_stats(splitio_shm_machine_store_server(h->m), &store);
    assert_int_equal(store.watches, 0);
    harness_close(h);
}

/* --- cases --- */

static void a_million_requests_move_every_byte(void **state)
{
    struct harness h = block_bed();
    char nr[16];
    struct child cs[2];

    (void)state;
    snprintf(nr, sizeof(nr), "%u", REQUESTS);
    harness_open(&h);
    cs[0] = spawn(&h, "disk", "bounce", nr, (char *)NULL);
    cs[1] = spawn(&h, "disk", "direct", nr, (char *)NULL);
    serve_all(&h, cs, 2);
    bed_close(&h);
    assert_true(nr_served >= 2 * REQUESTS);
}

static unsigned nr_awaited;

/* The device of the guest that joined last is in the middle of something. */
static bool last_is_busy(struct harness *h)
{
    if (h->nr_joined < nr_awaited)
        return false;
    for (unsigned i = 0; i < MAX_DEVICES; i++)
        if (devices[i].used && devices[i].dev.front == h->last_domid)
            return devices[i].back.stats.nr_requests > 300 &&
                   devices[i].disk.nr_held > 0;
    return false;
}

static void guests_killed_in_mid_io_do_not_disturb_the_others(void **state)
{
    struct harness h = block_bed();
    struct splitio_shm_machine_stats before, after;
    struct child cs[3];

    (void)state;
    h.arg = &h; /* disks that take their time */
    harness_open(&h);
    before = stats_of(&h);
    cs[0] = spawn(&h, "disk", "bounce", "20000", (char *)NULL);
    cs[1] = spawn(&h, "disk", "direct", "20000", (char *)NULL);
    for (unsigned i = 0; i < 8; i++) {
        unsigned left = h.nr_left;

        cs[2] = spawn(&h, "disk", i & 1 ? "direct" : "bounce", "100000000",
                      (char *)NULL);
        nr_awaited = i + 3;
        serve_until(&h, cs, 3, last_is_busy);
        child_kill(&cs[2]);
        cs[2].status = 0;
        while (h.nr_left == left)
            (void)splitio_shm_machine_poll(h.m, 64);
    }
    serve_all(&h, cs, 2);
    serve_idle(&h);
    after = stats_of(&h);
    assert_int_equal(after.nr_guests, before.nr_guests);
    assert_int_equal(after.nr_mapped, before.nr_mapped);
    assert_int_equal(after.nr_ports, before.nr_ports);
    assert_int_equal(after.nr_windows, before.nr_windows);
    assert_int_equal(after.nr_bytes, before.nr_bytes);
    assert_int_equal(h.nr_left, 10);
    assert_int_equal(h.nr_logs, 0);
    bed_close(&h);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_requests_move_every_byte),
        cmocka_unit_test(guests_killed_in_mid_io_do_not_disturb_the_others),
    };
    int status;

    if (run_role(argc, argv, &status))
        return status;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
