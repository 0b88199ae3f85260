/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many guests, each with a disk, in one process. What do they cost the daemon?
 *
 * load_scale cpu SOCKET PID GUESTS RATE SECONDS [IDLE]
 *     RATE requests of 4 KiB a second, one at a time, at the next guest each
 *     time; IDLE more guests do nothing. Prints the daemon's processor time for
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
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define BYTES 4096u
/* Memory of a guest. */
#define PAGES 96u

struct guest {
    struct splitio_shm_guest *shm;
    struct splitio_blkfront front;
    void *buffer;
};

static struct guest *guests;
static unsigned nr_guests;
static uint64_t nr_done;

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
    struct splitio_guest_port port;

    snprintf(name, sizeof(name), "g%u", i);
    g->shm = join(&cfg);
    connect_disk(g);
    port = splitio_shm_guest_port(g->shm);
    g->buffer = port.ops->pages_alloc(port.ctx, 1);
    if (!g->buffer)
        die(name, "too few pages");
}

static void join_all(const char *socket, unsigned nr)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
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

static void on_done(struct splitio_blk_io *io, int status)
{
    (void)io;
    must("request", status);
    nr_done++;
}

static void request(struct guest *g)
{
    const struct splitio_iovec iov = {g->buffer, BYTES};
    struct splitio_blk_io io = {
        .op = SPLITIO_BLK_READ, .iov = &iov, .nr_iov = 1, .done = on_done};
    uint64_t before = nr_done;

    must("submit", splitio_blkfront_submit(&g->front, &io));
    splitio_blkfront_kick(&g->front);
    while (nr_done == before)
        turn_or_wait(g);
    settle(g);
}

/* What is late is not made up for: it would come in one go. */
static void run(double rate, double seconds)
{
    double next = now(), end = next + seconds;
    unsigned i = 0;

    (void)prctl(PR_SET_TIMERSLACK, 1);
    while (now() < end) {
        struct timespec pause = {0, 0};
        double left;

        request(&guests[i++ % nr_guests]);
        next += 1 / rate;
        left = next - now();
        if (left > 0) {
            pause.tv_nsec = (long)(left * 1e9);
            (void)nanosleep(&pause, NULL);
        } else {
            next = now();
        }
    }
}

/* ---- what is measured ---- */

static void measure_cpu(const char *pid, double rate, double seconds)
{
    clockid_t clock = clock_of(pid);
    double before;

    /* What is used for the first time. */
    for (unsigned i = 0; i < 2 * nr_guests; i++)
        request(&guests[i % nr_guests]);
    nr_done = 0;
    before = seconds_of(clock);
    run(rate, seconds);
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
    else if (strcmp(what, "cpu") == 0 && argc > 6)
        measure_cpu(argv[3], strtod(argv[5], NULL), strtod(argv[6], NULL));
    leave_all(nr_all);
    return 0;
}
