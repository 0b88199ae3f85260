/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What does a request cost in the disk engines, and how many threads does the
 * file engine want? The file is in memory (its page cache, or a tmpfs), so that
 * the engine is measured and not a device; the owner sleeps on an eventfd, as
 * owners do.
 *
 * disk_<op>/<engine>/<bytes>/<depth>: so many requests in flight. Engines:
 *   file1, file4, file16   with so many threads
 *   memory                 the memory engine
 *   pread                  no engine: the bare system call, one at a time
 *
 * Time is for one request. The counter is wakes for each request.
 */
#include "gbench.h"

#include <splitio/disk.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DISK_BYTES (64u << 20)
#define DEPTH_MAX  64u
#define BYTES_MAX  (64u << 10)

enum engine {
    FILE1,
    FILE4,
    FILE16,
    MEMORY,
    PREAD,
    NR_ENGINES,
};

static const char *const engine_names[] = {"file1", "file4", "file16", "memory",
                                           "pread"};
static char path[] = "/tmp/splitio-bench-XXXXXX";
static int file_fd, wake_fd;
static uint8_t *buffers;

/* What one run does. */
static struct {
    struct splitio_disk disk;
    struct splitio_disk_io ios[DEPTH_MAX];
    struct splitio_iovec pieces[DEPTH_MAX];
    uint32_t random;
    int64_t nr_done, nr_left;
    uint64_t nr_wakes;
} run;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void wake(void *arg)
{
    uint64_t one = 1;

    (void)arg;
    if (write(wake_fd, &one, sizeof(one)) != sizeof(one))
        die("eventfd");
}

static uint64_t next_sector(uint64_t nr_sectors)
{
    run.random = run.random * 1664525u + 1013904223u;
    return (run.random >> 8) % (DISK_BYTES / 512 / nr_sectors) * nr_sectors;
}

static void start(struct splitio_disk_io *io)
{
    io->sector = next_sector(io->nr_sectors);
    run.nr_left--;
    if (run.disk.ops->submit(run.disk.ctx, io))
        die("submit");
}

static void on_done(struct splitio_disk_io *io, int status)
{
    if (status)
        die("a request failed");
    run.nr_done++;
    if (run.nr_left > 0)
        start(io);
}

static void prepare(enum splitio_disk_op op, size_t bytes, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++) {
        run.pieces[i] = (struct splitio_iovec){buffers + i * BYTES_MAX, bytes};
        run.ios[i] = (struct splitio_disk_io){.op = op,
                                              .nr_sectors = bytes / 512,
                                              .iov = &run.pieces[i],
                                              .nr_iov = 1,
                                              .done = on_done};
    }
}

/* So many requests, of which `depth` are always in flight. */
static void carry_out(int64_t nr, unsigned depth)
{
    uint64_t count;

    run.nr_done = 0;
    run.nr_left = nr;
    for (unsigned i = 0; i < depth && run.nr_left > 0; i++)
        start(&run.ios[i]);
    while (run.nr_done < nr) {
        run.disk.ops->kick(run.disk.ctx);
        if (run.disk.ops->poll(run.disk.ctx, 64) > 0)
            continue;
        if (read(wake_fd, &count, sizeof(count)) != sizeof(count))
            die("eventfd");
        run.nr_wakes++;
    }
}

static void with_engine(struct gbench *b, size_t bytes, unsigned depth)
{
    int64_t total = 0;

    run.nr_wakes = 0;
    while (gbench_more(b, 256)) {
        carry_out(256, depth);
        total += 256;
    }
    gbench_bytes(b, total * (int64_t)bytes);
    gbench_counter(b, "wakes", (double)run.nr_wakes / (double)total);
}

static void with_pread(struct gbench *b, enum splitio_disk_op op, size_t bytes)
{
    int64_t total = 0;

    while (gbench_more(b, 1)) {
        off_t at = (off_t)next_sector(bytes / 512) * 512;
        ssize_t n = op == SPLITIO_DISK_READ
                        ? pread(file_fd, buffers, bytes, at)
                        : pwrite(file_fd, buffers, bytes, at);

        if (n != (ssize_t)bytes)
            die("pread");
        total++;
    }
    gbench_bytes(b, total * (int64_t)bytes);
}

/* arg: op, engine, log2 of bytes, depth; eight bits each. */
static void transfer(struct gbench *b, int64_t arg)
{
    static const unsigned threads[] = {1, 4, 16};
    enum splitio_disk_op op = (enum splitio_disk_op)(arg & 255);
    enum engine engine = (enum engine)(arg >> 8 & 255);
    size_t bytes = (size_t)1 << (arg >> 16 & 255);
    unsigned depth = (unsigned)(arg >> 24);
    struct splitio_disk_file_config cfg = {.path = path, .wake = wake};
    struct splitio_disk_memory *memory = NULL;
    struct splitio_disk_file *file = NULL;
    char reason[128];

    if (engine == PREAD) {
        with_pread(b, op, bytes);
        return;
    }
    if (engine == MEMORY) {
        memory = splitio_disk_memory_new(DISK_BYTES / 512, false);
        run.disk = splitio_disk_memory_disk(memory);
    } else {
        cfg.nr_threads = threads[engine];
        if (splitio_disk_file_open(&file, &cfg, reason, sizeof(reason)))
            die(reason);
        run.disk = splitio_disk_file_disk(file);
    }
    prepare(op, bytes, depth);
    with_engine(b, bytes, depth);
    splitio_disk_file_close(file);
    splitio_disk_memory_free(memory);
}

static void make_file(void)
{
    file_fd = mkstemp(path);
    wake_fd = eventfd(0, EFD_CLOEXEC);
    buffers = calloc(DEPTH_MAX, BYTES_MAX);
    if (file_fd < 0 || wake_fd < 0 || !buffers)
        die(path);
    for (unsigned at = 0; at < DISK_BYTES; at += BYTES_MAX)
        if (pwrite(file_fd, buffers, BYTES_MAX, at) != BYTES_MAX)
            die(path);
}

static void remove_file(void)
{
    unlink(path);
}

void gbench_setup(void)
{
    static const unsigned depths[] = {1, 32};
    static const unsigned sizes[] = {12, 16};

    make_file();
    atexit(remove_file);
    for (unsigned op = SPLITIO_DISK_READ; op <= SPLITIO_DISK_WRITE; op++)
        for (unsigned s = 0; s < 2; s++)
            for (unsigned d = 0; d < 2; d++)
                for (unsigned e = 0; e < NR_ENGINES; e++) {
                    char name[64];

                    if (e == PREAD && d > 0)
                        continue;
                    snprintf(name, sizeof(name), "disk_%s/%s/%u/%u",
                             op == SPLITIO_DISK_READ ? "read" : "write",
                             engine_names[e], 1u << sizes[s], depths[d]);
                    gbench_register(name, transfer,
                                    (int64_t)op | (int64_t)e << 8 |
                                        (int64_t)sizes[s] << 16 |
                                        (int64_t)depths[d] << 24);
                }
}
