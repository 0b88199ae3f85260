/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many guests, each with a disk, in one process. What do they cost the daemon?
 *
 * load_scale cpu SOCKET PID GUESTS DEPTH SECONDS [IDLE]
 *     Requests of 4 KiB go round: DEPTH are in flight, however many guests there
 *     are; IDLE more guests do nothing. Prints the daemon's processor time for
 *     one request, in nanoseconds.
 * load_scale memory SOCKET PID GUESTS
 *     Prints the KiB of its own that the daemon has more for each guest whose
 *     disk is connected.
 * load_scale idle SOCKET PID GUESTS SECONDS
 *     Prints the daemon's processor time in microseconds a second while all of
 *     them do nothing.
 *
 * Guests are called g0, g1, ...
 */
#include "load.h"

#include <splitio/blkfront.h>

#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define DEPTH_MAX 32u
#define BYTES     4096u
/* Memory of a guest. */
#define PAGES 96u

struct guest {
    struct splitio_shm_guest *shm;
    struct splitio_blkfront front;
    void *buffers;
};

/* A request that goes from guest to guest. */
struct traveller {
    struct splitio_blk_io io;
    struct splitio_iovec iov;
    unsigned number, at;
};

static struct guest *guests;
static unsigned nr_guests, depth;
static struct traveller travellers[DEPTH_MAX];
static uint64_t nr_done;
static unsigned nr_left;
static bool ending;
static int all_fds;

static clockid_t clock_of(const char *pid)
{
    clockid_t clock;

    if (clock_getcpuclockid((pid_t)strtol(pid, NULL, 10), &clock))
        die(pid, "no such process");
    return clock;
}

/* Its own pages, not those that it shares with guests. */
static double own_kib(const char *pid)
{
    char path[64], line[128];
    unsigned long kib = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%s/status", pid);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "RssAnon: %lu kB", &kib) == 1)
            break;
    if (!f || kib == 0)
        die(path, "cannot be read");
    fclose(f);
    return (double)kib;
}

/* ---- guests ---- */

static int turn(struct guest *g)
{
    int n = splitio_shm_guest_poll(g->shm, BUDGET);

    if (n < 0)
        die("guest", "the daemon is gone");
    n += splitio_blkfront_poll(&g->front, BUDGET);
    splitio_blkfront_kick(&g->front);
    return n;
}

static void settle(struct guest *g)
{
    while (turn(g) || splitio_shm_guest_has_work(g->shm))
        ;
}

static void turn_or_wait(struct guest *g)
{
    if (!turn(g))
        wait_for(g->shm);
}

static void connect_disk(struct guest *g)
{
    struct splitio_blkfront_config f = {.port = splitio_shm_guest_port(g->shm),
                                        .store =
                                            splitio_shm_guest_store(g->shm),
                                        .direct = true,
                                        .max_queues = 1,
                                        .max_segs = 11,
                                        .pool_pages = 2};
    size_t bytes;
    char dir[SPLITIO_TOOLSTACK_PATH_MAX];

    find_dir(g->shm, "vbd", VDEV, dir);
    f.dir = dir;
    bytes = splitio_blkfront_mem_bytes(&f);
    must("front", splitio_blkfront_init(&g->front, &f, memory(bytes), bytes));
    while (!splitio_blkfront_is_up(&g->front))
        turn_or_wait(g);
    settle(g);
}

static void add_guest(unsigned i, const char *socket)
{
    char name[16];
    const struct splitio_shm_guest_config cfg = {.path = socket,
                                                 .name = name,
                                                 .nr_pages = PAGES,
                                                 .nr_frames = 1,
                                                 .nr_ports = 16};
    struct guest *g = &guests[i];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = g};
    struct splitio_guest_port port;

    snprintf(name, sizeof(name), "g%u", i);
    g->shm = join(&cfg);
    connect_disk(g);
    port = splitio_shm_guest_port(g->shm);
    g->buffers = port.ops->pages_alloc(port.ctx, DEPTH_MAX);
    if (!g->buffers ||
        epoll_ctl(all_fds, EPOLL_CTL_ADD, splitio_shm_guest_fd(g->shm), &event))
        die(name, "too few pages or descriptors");
}

static void join_all(const char *socket, unsigned nr)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    all_fds = epoll_create1(EPOLL_CLOEXEC);
    guests = calloc(nr, sizeof(*guests));
    for (unsigned i = 0; i < nr; i++)
        add_guest(i, socket);
}

static void leave_all(unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        splitio_blkfront_close(&guests[i].front);
        while (!splitio_blkfront_is_closed(&guests[i].front))
            turn_or_wait(&guests[i]);
        (void)splitio_blkfront_fini(&guests[i].front);
        splitio_shm_guest_close(guests[i].shm);
    }
}

/* ---- requests ---- */

static void start(struct traveller *t)
{
    struct guest *g = &guests[t->at % nr_guests];

    t->iov.base = (uint8_t *)g->buffers + (size_t)t->number * BYTES;
    t->at += depth;
    must("submit", splitio_blkfront_submit(&g->front, &t->io));
    splitio_blkfront_kick(&g->front);
    nr_left++;
}

static void on_done(struct splitio_blk_io *io, int status)
{
    must("request", status);
    nr_done++;
    nr_left--;
    if (!ending)
        start(SPLITIO_CONTAINER_OF(io, struct traveller, io));
}

static void turn_all(void)
{
    struct epoll_event events[DEPTH_MAX];
    int n = epoll_wait(all_fds, events, DEPTH_MAX, -1);

    for (int i = 0; i < n; i++)
        settle(events[i].data.ptr);
}

static void run(double seconds)
{
    double end = now() + seconds;

    for (unsigned i = 0; i < depth; i++) {
        travellers[i] = (struct traveller){.number = i, .at = i};
        travellers[i].iov.len_bytes = BYTES;
        travellers[i].io = (struct splitio_blk_io){.op = SPLITIO_BLK_READ,
                                                   .iov = &travellers[i].iov,
                                                   .nr_iov = 1,
                                                   .done = on_done};
        start(&travellers[i]);
    }
    while (now() < end)
        turn_all();
    ending = true;
    while (nr_left)
        turn_all();
}

/* ---- what is measured ---- */

static void measure_cpu(const char *pid, double seconds)
{
    clockid_t clock = clock_of(pid);
    double before = seconds_of(clock);

    run(seconds);
    printf("%.0f\n", (seconds_of(clock) - before) * 1e9 / (double)nr_done);
}

static void measure_idle(const char *pid, unsigned seconds)
{
    clockid_t clock = clock_of(pid);
    double before;

    sleep(1); /* what joining left to do */
    before = seconds_of(clock);
    sleep(seconds);
    printf("%.0f\n", (seconds_of(clock) - before) * 1e6 / seconds);
}

int main(int argc, char **argv)
{
    const char *what = argc > 4 ? argv[1] : "";
    unsigned nr_all = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 0) : 0;
    double before;

    if (argc < 5 || nr_all == 0)
        die("usage", "see the head of its source");
    nr_guests = nr_all;
    before = own_kib(argv[3]);
    if (argc > 7)
        nr_all += (unsigned)strtoul(argv[7], NULL, 0);
    join_all(argv[2], nr_all);
    if (strcmp(what, "memory") == 0)
        printf("%.1f\n", (own_kib(argv[3]) - before) / nr_all);
    else if (strcmp(what, "idle") == 0 && argc > 5)
        measure_idle(argv[3], (unsigned)strtoul(argv[5], NULL, 0));
    else if (strcmp(what, "cpu") == 0 && argc > 6) {
        depth = (unsigned)strtoul(argv[5], NULL, 0);
        if (depth == 0 || depth > DEPTH_MAX)
            die("usage", "the depth is out of bounds");
        measure_cpu(argv[3], strtod(argv[6], NULL));
    }
    leave_all(nr_all);
    return 0;
}
