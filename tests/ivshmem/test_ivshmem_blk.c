/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk through a window, under a daemon that dies. */
#include <stdlib.h>
#include <string.h>

#include <splitio/blkfront.h>

#include "bed.h"

#include "cm.h"

#define NR_IOS   64u
#define IO_BYTES 8192u

struct io {
    struct splitio_blk_io io;
    struct splitio_iovec iov;
    uint8_t bytes[IO_BYTES];
    bool submitted, done;
};

struct disk {
    struct vm_side *vm;
    struct splitio_blkfront front;
    void *mem;
    struct io ios[NR_IOS];
    unsigned nr_done;
};

static void on_done(struct splitio_blk_io *io, int status)
{
    struct io *i = SPLITIO_CONTAINER_OF(io, struct io, io);

    assert_int_equal(status, 0);
    assert_false(i->done);
    i->done = true;
}

static void disk_open(struct disk *d, struct vm_side *vm, bool direct)
{
    struct splitio_blkfront_config cfg = {
        .port = splitio_ivshmem_guest_port(&vm->guest),
        .store = splitio_ivshmem_guest_store(&vm->guest),
        .dir = BED_DIR,
        .direct = direct,
        .max_queues = 2,
        .max_ring_order = 1,
        .max_segs = 11,
        .pool_pages = 64,
    };
    size_t bytes = (splitio_blkfront_mem_bytes(&cfg) + 63) & ~(size_t)63;

    memset(d, 0, sizeof(*d));
    d->vm = vm;
    d->mem = aligned_alloc(64, bytes);
    assert_non_null(d->mem);
    assert_int_equal(splitio_blkfront_init(&d->front, &cfg, d->mem, bytes), 0);
}

/* One turn of all; ECLOSED if the daemon is another now. */
static int turn(struct disk *d)
{
    int n = vm_turn(d->vm);

    (void)splitio_blkfront_poll(&d->front, 64);
    return n;
}

static void prepare(struct disk *d, enum splitio_blk_op op)
{
    for (unsigned i = 0; i < NR_IOS; i++) {
        struct io *io = &d->ios[i];

        io->submitted = io->done = false;
        io->iov = (struct splitio_iovec){io->bytes, IO_BYTES};
        memset(&io->io, 0, sizeof(io->io));
        memset(io->bytes, op == SPLITIO_BLK_WRITE ? (int)i + 1 : 0, IO_BYTES);
        io->io.op = op;
        io->io.queue = (uint16_t)i;
        io->io.sector = i * (IO_BYTES / 512u);
        io->io.iov = &io->iov;
        io->io.nr_iov = 1;
        io->io.done = on_done;
    }
}

static void submit(struct disk *d)
{
    for (unsigned i = 0; i < NR_IOS; i++)
        if (!d->ios[i].submitted)
            d->ios[i].submitted =
                splitio_blkfront_submit(&d->front, &d->ios[i].io) == 0;
    splitio_blkfront_kick(&d->front);
}

static bool is_done(const struct disk *d)
{
    for (unsigned i = 0; i < NR_IOS; i++)
        if (!d->ios[i].done)
            return false;
    return true;
}

static void run(struct disk *d)
{
    while (!is_done(d)) {
        submit(d);
        assert_true(turn(d) >= 0);
    }
}

static void wait_up(struct disk *d)
{
    while (!splitio_blkfront_is_up(&d->front))
        assert_true(turn(d) >= 0);
}

static void check_disk(const struct bed *b)
{
    for (unsigned i = 0; i < NR_IOS; i++)
        for (unsigned k = 0; k < IO_BYTES; k++)
            assert_int_equal(b->disk.bytes[i * IO_BYTES + k], i + 1);
}

static void check_read(const struct disk *d)
{
    for (unsigned i = 0; i < NR_IOS; i++)
        for (unsigned k = 0; k < IO_BYTES; k++)
            assert_int_equal(d->ios[i].bytes[k], i + 1);
}

static void disk_close(struct disk *d)
{
    const struct splitio_guest *g = &d->vm->guest.guest;

    splitio_blkfront_close(&d->front);
    while (!splitio_blkfront_is_closed(&d->front))
        assert_true(turn(d) >= 0);
    while (splitio_blkfront_fini(&d->front) != 0)
        assert_true(vm_turn(d->vm) >= 0);
    assert_int_equal(splitio_guest_nr_lent(g), 0);
    assert_int_equal(splitio_guest_nr_free_pages(g), g->cfg.heap_pages);
    assert_int_equal(splitio_ivshmem_guest_close(&d->vm->guest), 0);
    free(d->mem);
}

static void begin(struct bed *b, struct vm_side *vm, struct disk *d)
{
    const char *why = NULL;

    bed_open(b);
    assert_true(vm_connect(vm, b));
    assert_int_equal(vm_join(vm, &why), 0);
    disk_open(d, vm, false);
    wait_up(d);
}

static void every_byte_goes_through_the_window(void **state)
{
    static struct disk d;
    struct bed b;
    struct vm_side vm;

    (void)state;
    begin(&b, &vm, &d);
    prepare(&d, SPLITIO_BLK_WRITE);
    run(&d);
    check_disk(&b);
    prepare(&d, SPLITIO_BLK_READ);
    run(&d);
    check_read(&d);
    disk_close(&d);
    vm_kill(&vm);
    bed_close(&b);
}

static void rejoin(struct disk *d)
{
    const char *why = NULL;
    int err;

    splitio_blkfront_resume(&d->front);
    while ((err = splitio_ivshmem_guest_rejoin(&d->vm->guest, &why)) != 0) {
        assert_int_equal(err, SPLITIO_EBUSY);
        (void)splitio_blkfront_poll(&d->front, 64);
    }
}

static void daemon_that_dies_costs_no_request(void **state)
{
    static struct disk d;
    int fds[SPLITIO_IVSHMEM_FDS];
    struct bed b;
    struct vm_side vm;
    uint64_t nr_replayed = 0;

    (void)state;
    begin(&b, &vm, &d);
    for (unsigned round = 0; round < 5; round++) {
        prepare(&d, SPLITIO_BLK_WRITE);
        b.disk.stuck = true; /* what it has taken is never answered */
        submit(&d);
        for (unsigned i = 0; i < 20 + round; i++)
            (void)turn(&d);
        assert_false(is_done(&d));
        bed_daemon_kill(&b, fds);
        memset(b.disk.bytes, 0, NR_IOS * IO_BYTES);
        bed_daemon_open(&b);
        assert_int_equal(splitio_ivshmem_adopt(b.slot, fds, NULL, 0), 0);
        assert_true(vm_was_called(&vm));
        assert_int_equal(turn(&d), SPLITIO_ECLOSED);
        rejoin(&d);
        wait_up(&d);
        run(&d);
        check_disk(&b);
        assert_true(d.front.stats.nr_replayed > nr_replayed);
        nr_replayed = d.front.stats.nr_replayed;
        assert_int_equal(d.front.stats.nr_lost_pages, 0);
    }
    disk_close(&d);
    vm_kill(&vm);
    bed_close(&b);
}

static void vm_that_dies_with_requests_in_flight_leaves_nothing(void **state)
{
    static struct disk d;
    struct bed b;
    struct vm_side vm, next;

    (void)state;
    begin(&b, &vm, &d);
    prepare(&d, SPLITIO_BLK_READ);
    b.disk.stuck = true;
    submit(&d);
    for (unsigned i = 0; i < 20; i++)
        (void)turn(&d);
    vm_kill(&vm);
    bed_settle(&b);
    /* The next one waits at the door until the disk has let go of the window. */
    assert_false(vm_connect(&next, &b));
    assert_true(b.device.used);
    vm_kill(&next);
    b.disk.stuck = false;
    bed_settle(&b);
    assert_false(b.device.used);
    assert_true(vm_connect(&next, &b));
    vm_kill(&next);
    free(d.mem);
    bed_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_goes_through_the_window),
        cmocka_unit_test(daemon_that_dies_costs_no_request),
        cmocka_unit_test(vm_that_dies_with_requests_in_flight_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
