/* SPDX-License-Identifier: BSD-2-Clause */
#include "blk_pair.h"

#include "cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_PAGES 48u /* of each pair_io */

static void wake(void *arg)
{
    struct blk_pair *p = arg;

    p->nr_wakes++;
}

static void wake_back(void *arg)
{
    struct blk_pair *p = arg;

    p->nr_wakes++;
    p->back_due = true;
}

static void changed(void *arg)
{
    struct blk_pair *p = arg;

    p->nr_changes++;
}

void pair_defaults(struct blk_pair *p)
{
    memset(p, 0, sizeof(*p));
    p->random = 12345;
    p->device = (struct splitio_toolstack_device){
        .kind = "vbd", .devid = 51712, .front = 1, .back = 0};
    p->front_cfg = (struct splitio_blkfront_config){
        .wake = {wake, p},
        .changed = {changed, p},
        .max_queues = 1,
        .max_segs = 64,
        .pool_pages = 128,
    };
    p->back_cfg = (struct splitio_blkback_config){
        .wake = {wake_back, p},
        .max_queues = 1,
        .max_indirect = 64,
        .max_persistent = 256,
    };
    blk_disk_init(&p->disk, PAIR_SECTORS, 512);
    p->model = calloc(PAIR_SECTORS, 512);
    p->locked = calloc(PAIR_SECTORS, 1);
    assert_non_null(p->model);
    assert_non_null(p->locked);
}

void pair_machine(struct blk_pair *p)
{
    const struct splitio_fake_config cfg = {
        .heap_pages = 8192,
        .nr_grant_frames = 32,
        .grant_v2_guests = getenv("SPLITIO_TEST_GRANT_V2") != NULL};
    struct splitio_guest_port port;

    p->fake = splitio_fake_new(&cfg);
    assert_non_null(p->fake);
    while (splitio_fake_step(p->fake))
        ;
    splitio_toolstack_front_path(&p->device, p->front_dir);
    splitio_toolstack_back_path(&p->device, p->back_dir);
    assert_int_equal(splitio_toolstack_device_add(splitio_fake_server(p->fake),
                                                  &p->device, NULL, 0, NULL, 0),
                     0);
    port = splitio_guest_port(splitio_fake_guest(p->fake, 1));
    for (unsigned i = 0; i < PAIR_IOS; i++) {
        p->ios[i].pair = p;
        p->ios[i].buf = port.ops->pages_alloc(port.ctx, BUF_PAGES);
        assert_non_null(p->ios[i].buf);
    }
}

int pair_store_set(struct blk_pair *p, const char *dir, const char *key,
                   const char *value)
{
    char path[SPLITIO_TOOLSTACK_PATH_MAX + 64];

    snprintf(path, sizeof(path), "%s/%s", dir, key);
    return splitio_store_server_write_text(splitio_fake_server(p->fake), path,
                                           value);
}

const char *pair_store_get(struct blk_pair *p, const char *dir, const char *key)
{
    static char text[256];
    char path[SPLITIO_TOOLSTACK_PATH_MAX + 64];
    const void *found;
    size_t len;

    snprintf(path, sizeof(path), "%s/%s", dir, key);
    text[0] = '\0';
    if (splitio_store_server_read(splitio_fake_server(p->fake), path, &found,
                                  &len) == 0 &&
        len < sizeof(text)) {
        memcpy(text, found, len);
        text[len] = '\0';
    }
    return text;
}

void pair_nodes_anew(struct blk_pair *p)
{
    struct splitio_store_server *server = splitio_fake_server(p->fake);

    splitio_toolstack_device_remove(server, &p->device);
    assert_int_equal(
        splitio_toolstack_device_add(server, &p->device, NULL, 0, NULL, 0), 0);
}

void pair_store_rename(struct blk_pair *p, const char *dir, const char *from,
                       const char *to)
{
    struct splitio_store_server *server = splitio_fake_server(p->fake);
    char path[SPLITIO_TOOLSTACK_PATH_MAX + 64], value[64];
    const void *found;
    size_t len;

    snprintf(path, sizeof(path), "%s/%s", dir, from);
    assert_int_equal(splitio_store_server_read(server, path, &found, &len), 0);
    assert_true(len < sizeof(value));
    memcpy(value, found, len);
    value[len] = '\0';
    assert_int_equal(splitio_store_server_rm(server, path), 0);
    assert_int_equal(pair_store_set(p, dir, to, value), 0);
}

void pair_front_new(struct blk_pair *p)
{
    size_t bytes;

    p->front_cfg.port = splitio_guest_port(splitio_fake_guest(p->fake, 1));
    p->front_cfg.store = splitio_fake_guest_store(p->fake, 1);
    p->front_cfg.dir = p->front_dir;
    bytes = splitio_blkfront_mem_bytes(&p->front_cfg);
    assert_true(bytes != 0);
    p->front_mem = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    memset(p->front_mem, 0xA5, bytes);
    assert_int_equal(
        splitio_blkfront_init(&p->front, &p->front_cfg, p->front_mem, bytes),
        0);
    p->front_up = true;
}

/* ---- the back's process ---- */

static int conn_recv(void *ctx, void *buf, size_t len)
{
    int n = splitio_store_conn_output(ctx, buf, len);

    return n == 0 ? SPLITIO_EAGAIN : n;
}

static int conn_send(void *ctx, const void *buf, size_t len)
{
    struct blk_pair *p = SPLITIO_CONTAINER_OF(ctx, struct blk_pair, conn);
    int n = splitio_store_conn_input(ctx, buf, len);

    if (n > 0 && p->on_send)
        p->on_send(p->arg, buf, (size_t)n);
    return n == 0 ? SPLITIO_EAGAIN : n;
}

static const struct splitio_store_transport_ops conn_ops = {
    .recv = conn_recv,
    .send = conn_send,
};

void pair_back_new(struct blk_pair *p)
{
    struct splitio_store_transport transport = {&conn_ops, &p->conn};
    size_t bytes;

    assert_int_equal(
        splitio_store_conn_init(&p->conn, splitio_fake_server(p->fake), 0), 0);
    assert_int_equal(splitio_store_init(&p->store, transport), 0);
    p->back_cfg.port =
        host_spy_port(&p->spy, splitio_host_port(splitio_fake_host(p->fake)));
    p->back_cfg.disk = blk_disk_disk(&p->disk);
    p->back_cfg.store = &p->store;
    p->back_cfg.dir = p->back_dir;
    bytes = splitio_blkback_mem_bytes(&p->back_cfg);
    assert_true(bytes != 0);
    p->back_mem = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    memset(p->back_mem, 0xA5, bytes);
    assert_int_equal(
        splitio_blkback_init(&p->back, &p->back_cfg, p->back_mem, bytes), 0);
    p->back_up = true;
}

static void back_is_gone(struct blk_pair *p)
{
    p->back_up = false;
    splitio_store_fini(&p->store);
    splitio_store_conn_fini(&p->conn);
    free(p->back_mem);
    p->back_mem = NULL;
}

void pair_back_crash(struct blk_pair *p)
{
    host_spy_release_all(&p->spy);
    blk_disk_forget(&p->disk);
    back_is_gone(p);
    memset(&p->back, 0xA5, sizeof(p->back));
}

static void back_fini(struct blk_pair *p)
{
    while (splitio_blkback_fini(&p->back) == SPLITIO_EAGAIN) {
        (void)splitio_store_poll(&p->store, 64);
        (void)splitio_fake_step(p->fake);
    }
    assert_int_equal(p->back.stats.nr_in_flight, 0);
    assert_int_equal(p->back.stats.nr_mapped, 0);
    assert_int_equal(p->back.stats.nr_kept, 0);
    assert_int_equal(p->back.stats.nr_rings, 0);
    assert_int_equal(p->back.stats.nr_unmap_errors, 0);
    assert_int_equal(p->spy.nr_live + p->spy.nr_rings + p->spy.nr_channels, 0);
    back_is_gone(p);
}

/* Requests in flight stand for the wake of a disk, which this one has not. */
static unsigned poll_back(struct blk_pair *p)
{
    int n;

    if (p->lazy && !p->back_due && p->back.stats.nr_in_flight == 0 &&
        splitio_xenbus_is_settled(&p->back.xb))
        return 0;
    p->back_due = false;
    n = splitio_blkback_poll(&p->back, 8);
    assert_true(n >= 0);
    if (n > 0)
        p->back_due = true;
    return (unsigned)n;
}

unsigned pair_step(struct blk_pair *p)
{
    unsigned n = splitio_fake_step(p->fake);
    int got;

    if (p->back_up) {
        got = splitio_store_poll(&p->store, 64);
        assert_true(got >= 0);
        n += (unsigned)got + poll_back(p);
        assert_true(p->nr_steps % 8 || splitio_blkback_is_valid(&p->back));
    }
    if (p->front_up) {
        got = splitio_blkfront_poll(&p->front, 8);
        assert_true(got >= 0);
        n += (unsigned)got;
        assert_true(p->nr_steps % 8 || splitio_blkfront_is_valid(&p->front));
    }
    p->nr_steps++;
    return n;
}

void pair_run(struct blk_pair *p, unsigned rounds)
{
    unsigned idle = 0;

    for (unsigned i = 0; i < rounds && idle < 2; i++)
        idle = pair_step(p) ? 0 : idle + 1;
}

void pair_connect(struct blk_pair *p)
{
    pair_machine(p);
    pair_back_new(p);
    pair_front_new(p);
    pair_run(p, 1000);
    assert_true(splitio_blkfront_is_up(&p->front));
}

/* ---- checked I/O ---- */

static void lock(struct blk_pair *p, uint64_t sector, uint64_t nr, uint8_t on)
{
    memset(p->locked + sector, on, nr);
}

static void gather(struct pair_io *x, uint8_t *out)
{
    for (unsigned i = 0; i < x->io.nr_iov; i++) {
        memcpy(out, x->iov[i].base, x->iov[i].len_bytes);
        out += x->iov[i].len_bytes;
    }
}

static void verify(struct pair_io *x)
{
    struct blk_pair *p = x->pair;
    uint8_t *model = p->model + x->io.sector * 512;

    if (x->io.op == SPLITIO_BLK_WRITE) {
        gather(x, model);
    } else if (x->io.op == SPLITIO_BLK_DISCARD) {
        memset(model, 0, x->io.nr_sectors * 512);
    } else if (x->io.op == SPLITIO_BLK_READ) {
        uint8_t *got = malloc(x->len_bytes);

        gather(x, got);
        assert_memory_equal(got, model, x->len_bytes);
        free(got);
    }
}

static void on_done(struct splitio_blk_io *io, int status)
{
    struct pair_io *x = SPLITIO_CONTAINER_OF(io, struct pair_io, io);

    assert_true(x->busy);
    x->busy = false;
    x->status = status;
    x->nr_done++;
    lock(x->pair, io->sector,
         io->op == SPLITIO_BLK_FLUSH     ? 0
         : io->op == SPLITIO_BLK_DISCARD ? io->nr_sectors
                                         : x->len_bytes / 512,
         0);
    if (status == 0) {
        x->pair->nr_ok++;
        verify(x);
    } else {
        x->pair->nr_bad++;
    }
}

/* Cut the buffer into pieces, most of them not aligned to anything. */
static void cut(struct pair_io *x, size_t len)
{
    struct blk_pair *p = x->pair;
    bool aligned = blk_random(&p->random) % 2;
    uint8_t *at = x->buf + (aligned ? 0 : blk_random(&p->random) % 512);
    unsigned n = 0;

    x->len_bytes = len;
    while (len) {
        size_t piece = len;

        if (n < 7 && blk_random(&p->random) % 2)
            piece = 1 + blk_random(&p->random) % len;
        if (aligned && piece != len)
            piece = (piece + 511) / 512 * 512;
        x->iov[n].base = at;
        x->iov[n++].len_bytes = piece;
        at += piece;
        len -= piece;
        if (!aligned && (size_t)(at - x->buf) + len + 1 < BUF_PAGES * 4096u)
            at++;
    }
    x->io.iov = x->iov;
    x->io.nr_iov = n;
}

static bool place(struct blk_pair *p, uint64_t nr, uint64_t *sector)
{
    uint32_t unit = p->disk.info.sector_size / 512;

    for (unsigned tries = 0; tries < 20; tries++) {
        *sector = blk_random(&p->random) % (PAIR_SECTORS - nr + 1);
        *sector -= *sector % unit;
        if (!memchr(p->locked + *sector, 1, nr))
            return true;
    }
    return false;
}

static enum splitio_blk_op pick_op(struct blk_pair *p)
{
    uint32_t flags = splitio_blkfront_get_info(&p->front)->flags;
    uint32_t r = blk_random(&p->random) % 16;

    if (r == 0 && (flags & SPLITIO_BLKFRONT_FLUSHES))
        return SPLITIO_BLK_FLUSH;
    if (r == 1 && (flags & SPLITIO_BLKFRONT_DISCARDS))
        return SPLITIO_BLK_DISCARD;
    if (flags & SPLITIO_BLKFRONT_READ_ONLY)
        return SPLITIO_BLK_READ;
    return r % 2 ? SPLITIO_BLK_READ : SPLITIO_BLK_WRITE;
}

static struct pair_io *free_io(struct blk_pair *p)
{
    for (unsigned i = 0; i < PAIR_IOS; i++)
        if (!p->ios[i].busy)
            return &p->ios[i];
    return NULL;
}

int pair_begin(struct blk_pair *p, size_t max_bytes)
{
    struct pair_io *x = free_io(p);
    uint32_t unit = p->disk.info.sector_size;
    uint64_t nr =
        (1 + blk_random(&p->random) % (max_bytes / unit)) * (unit / 512);
    int err;

    if (!x)
        return SPLITIO_EAGAIN;
    x->io = (struct splitio_blk_io){.op = pick_op(p), .done = on_done};
    x->io.queue = (uint16_t)blk_random(&p->random);
    x->len_bytes = 0;
    if (x->io.op != SPLITIO_BLK_FLUSH && !place(p, nr, &x->io.sector))
        return SPLITIO_EAGAIN;
    if (x->io.op == SPLITIO_BLK_READ || x->io.op == SPLITIO_BLK_WRITE)
        cut(x, nr * 512);
    if (x->io.op == SPLITIO_BLK_DISCARD)
        x->io.nr_sectors = nr;
    if (x->io.op == SPLITIO_BLK_WRITE)
        for (size_t i = 0; i < BUF_PAGES * 4096u; i += 4)
            memcpy(x->buf + i, &p->random, 4), p->random += 0x9E3779B9u;
    x->busy = true;
    err = splitio_blkfront_submit(&p->front, &x->io);
    if (err)
        x->busy = false;
    else if (x->io.op != SPLITIO_BLK_FLUSH)
        lock(p, x->io.sector, nr, 1);
    return err;
}

unsigned pair_nr_busy(const struct blk_pair *p)
{
    unsigned n = 0;

    for (unsigned i = 0; i < PAIR_IOS; i++)
        n += p->ios[i].busy;
    return n;
}

void pair_traffic(struct blk_pair *p, unsigned nr, size_t max_bytes)
{
    unsigned idle = 0;

    while (nr) {
        int err = pair_begin(p, max_bytes);

        assert_true(err == 0 || err == SPLITIO_EAGAIN);
        nr -= err == 0;
        idle = err ? idle + 1 : 0;
        assert_true(idle < 10000);
        if (err || blk_random(&p->random) % 4 == 0) {
            splitio_blkfront_kick(&p->front);
            (void)pair_step(p);
        }
    }
    splitio_blkfront_kick(&p->front);
    pair_run(p, 10000);
    assert_int_equal(pair_nr_busy(p), 0);
    assert_memory_equal(p->model, p->disk.bytes, PAIR_SECTORS * 512u);
}

/* ---- end ---- */

static void assert_nothing_left(struct blk_pair *p)
{
    const struct splitio_fake_usage none = {0};
    struct splitio_fake_usage usage;

    splitio_fake_usage(p->fake, &usage);
    assert_memory_equal(&usage, &none, sizeof(usage));
}

static void free_buffers(struct blk_pair *p)
{
    struct splitio_guest_port port =
        splitio_guest_port(splitio_fake_guest(p->fake, 1));

    for (unsigned i = 0; i < PAIR_IOS; i++)
        port.ops->pages_free(port.ctx, p->ios[i].buf, BUF_PAGES);
}

void pair_close(struct blk_pair *p)
{
    if (p->front_up)
        splitio_blkfront_close(&p->front);
    pair_run(p, 1000);
    if (p->front_up) {
        assert_true(splitio_blkfront_is_closed(&p->front));
        while (splitio_blkfront_fini(&p->front) == SPLITIO_EAGAIN)
            (void)splitio_fake_step(p->fake);
        assert_int_equal(p->front.stats.nr_grants, 0);
        assert_int_equal(p->front.stats.nr_pages, 0);
        assert_int_equal(p->front.stats.nr_rings, 0);
    }
    free_buffers(p);
    if (p->back_up)
        back_fini(p);
    while (splitio_fake_step(p->fake))
        ;
    assert_nothing_left(p);
    pair_drop(p);
}

void pair_drop(struct blk_pair *p)
{
    if (p->back_up)
        back_fini(p);
    splitio_fake_delete(p->fake);
    blk_disk_fini(&p->disk);
    free(p->front_mem);
    free(p->model);
    free(p->locked);
}
