/* SPDX-License-Identifier: BSD-2-Clause */
#include "harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Sanitizers keep memory that was freed. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Growth of the process that is not a leak of a guest's megabytes. */
#define KIB_SLACK 4096

int64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool run_role(int argc, char **argv, int *status)
{
    if (argc < 2)
        return false;
    /* Nobody outlives the test. */
    alarm(120);
    for (const struct role *r = roles; r->name; r++) {
        if (strcmp(argv[1], r->name) == 0) {
            *status = r->run(argc - 2, argv + 2);
            return true;
        }
    }
    return false;
}

/* --- roles --- */

struct splitio_shm_guest *
must_connect_with(const struct splitio_shm_guest_config *cfg)
{
    struct splitio_shm_guest *g = NULL;
    char text[SPLITIO_SHM_TEXT_MAX] = "";

    if (splitio_shm_guest_connect(&g, cfg, text, sizeof(text)) != 0) {
        fprintf(stderr, "%s: %s\n", cfg->name, text);
        exit(1);
    }
    return g;
}

struct splitio_shm_guest *must_connect(const char *path, const char *name,
                                       uint32_t nr_pages)
{
    const struct splitio_shm_guest_config cfg = {
        .path = path,
        .name = name,
        .nr_pages = nr_pages,
        .fifo_events = getenv(FIFO_ENV) != NULL,
        .timeout_ms = WATCHDOG_MS,
    };

    return must_connect_with(&cfg);
}

void must_wait(struct splitio_shm_guest *g)
{
    struct pollfd p = {.fd = splitio_shm_guest_fd(g), .events = POLLIN};

    if (!splitio_shm_guest_has_work(g))
        CHECK(poll(&p, 1, WATCHDOG_MS) == 1);
    CHECK(splitio_shm_guest_poll(g, 64) >= 0);
}

struct answer {
    struct splitio_store_call call;
    char body[256];
    size_t len;
};

static void on_answer(struct splitio_store_call *call, int status,
                      const char *body, size_t len)
{
    struct answer *a = SPLITIO_CONTAINER_OF(call, struct answer, call);

    a->len = 0;
    if (status == 0 && len < sizeof(a->body)) {
        memcpy(a->body, body, len);
        a->len = len;
    }
    a->body[a->len] = '\0';
}

void must_write(struct splitio_shm_guest *g, const char *path,
                const char *value)
{
    struct answer a = {.call.done = on_answer};
    struct splitio_store *s = splitio_shm_guest_store(g);

    CHECK(splitio_store_write(s, &a.call, 0, path, value, strlen(value)) == 0);
    CHECK(splitio_store_wait(s, &a.call, splitio_shm_guest_wait, g) == 0);
}

static bool changed;

static void on_watch(struct splitio_store_watch *watch, const char *path)
{
    (void)watch;
    (void)path;
    changed = true;
}

void must_read(struct splitio_shm_guest *g, const char *path, char *value,
               size_t len_bytes)
{
    struct answer a = {.call.done = on_answer};
    struct splitio_store *s = splitio_shm_guest_store(g);
    struct splitio_store_watch w = {.fired = on_watch, .path = path};
    int err;

    CHECK(splitio_store_watch(s, &w) == 0);
    for (;;) {
        changed = false;
        CHECK(splitio_store_read(s, &a.call, 0, path) == 0);
        err = splitio_store_wait(s, &a.call, splitio_shm_guest_wait, g);
        if (err == 0 && a.len > 0)
            break;
        CHECK(err == 0 || err == SPLITIO_ENOENT);
        while (!changed)
            must_wait(g);
    }
    splitio_store_forget(s, &w);
    snprintf(value, len_bytes, "%s", a.body);
}

/* --- the machine --- */

static int count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static long resident_kib(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long size = 0, pages = 0;

    (void)malloc_trim(0);
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &size, &pages), 2);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int guest_joined(void *arg, const struct splitio_shm_guest_info *info,
                        char *text, size_t len)
{
    struct harness *h = arg;

    if (h->refuse) {
        snprintf(text, len, "not today, %s", info->name);
        return h->refuse;
    }
    h->nr_joined++;
    h->last_domid = info->domid;
    if (h->on_join)
        h->on_join(h, info);
    return 0;
}

static void guest_left(void *arg, const struct splitio_shm_guest_info *info)
{
    struct harness *h = arg;

    h->nr_left++;
    assert_true(info->leaving);
    if (h->on_leave)
        h->on_leave(h, info);
}

static void log_line(void *arg, const char *line)
{
    struct harness *h = arg;

    snprintf(h->last_log, sizeof(h->last_log), "%s", line);
    h->nr_logs++;
    if (getenv("SHM_TEST_LOG"))
        fprintf(stderr, "log: %s\n", line);
}

void harness_open(struct harness *h)
{
    static unsigned nr;
    char text[SPLITIO_SHM_TEXT_MAX] = "";

    h->fds_before = count_fds();
    h->kib_before = resident_kib();
    snprintf(h->path, sizeof(h->path), "/tmp/splitio-shm-%d-%u", (int)getpid(),
             nr++);
    h->ops = (struct splitio_shm_machine_ops){
        .guest_joined = guest_joined,
        .guest_left = guest_left,
        .log = log_line,
    };
    h->cfg.path = h->path;
    h->cfg.ops = &h->ops;
    h->cfg.arg = h;
    if (splitio_shm_machine_open(&h->m, &h->cfg, text, sizeof(text)))
        fail_msg("%s", text);
}

struct splitio_shm_machine_stats stats_of(struct harness *h)
{
    struct splitio_shm_machine_stats s;

    splitio_shm_machine_get_stats(h->m, &s);
    return s;
}

/* Pages of guests that are mapped, whoever has forgotten them. */
static unsigned count_mapped(void)
{
    FILE *f = fopen("/proc/self/maps", "r");
    char line[512];
    unsigned n = 0;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        n += strstr(line, "/memfd:") != NULL;
    fclose(f);
    return n;
}

void harness_check_idle(struct harness *h)
{
    struct splitio_shm_machine_stats s;
    struct splitio_store_stats store;

    int64_t end = clock_ms() + WATCHDOG_MS;

    /* A thread closes what guests should not have sent. */
    do {
        serve_idle(h);
        s = stats_of(h);
        assert_true(clock_ms() < end);
    } while (s.nr_foreign > 0);
    assert_int_equal(s.nr_guests, 0);
    assert_int_equal(s.nr_leaving, 0);
    assert_int_equal(s.nr_pending, 0);
    assert_int_equal(s.nr_mapped, 0);
    assert_int_equal(s.nr_windows, 0);
    assert_int_equal(s.nr_ports, 0);
    assert_int_equal(s.nr_fds, 0);
    assert_int_equal(s.nr_bytes, 0);
    assert_int_equal(s.nr_joined, s.nr_left);
    splitio_store_server_stats(splitio_shm_machine_store_server(h->m), &store);
    assert_int_equal(store.conns, 1);
    assert_int_equal(store.transactions, 0);
    assert_true(
        splitio_store_server_is_valid(splitio_shm_machine_store_server(h->m)));
}

void harness_close(struct harness *h)
{
    harness_check_idle(h);
    assert_int_equal(splitio_shm_machine_close(h->m), 0);
    assert_int_equal(access(h->path, F_OK), -1);
    assert_int_equal(count_fds(), h->fds_before);
    assert_int_equal(count_mapped(), 0);
    if (!SANITIZED)
        assert_true(resident_kib() < h->kib_before + KIB_SLACK);
}

/* --- processes --- */

struct child spawn(struct harness *h, const char *role, ...)
{
    char *argv[12] = {(char *)(uintptr_t) "shm", (char *)(uintptr_t)role,
                      h->path};
    struct child c;
    unsigned n = 3;
    va_list args;
    char *arg;

    va_start(args, role);
    while (n < 11 && (arg = va_arg(args, char *)))
        argv[n++] = arg;
    va_end(args);
    c.pid = fork();
    assert_true(c.pid >= 0);
    if (c.pid == 0) {
        execv("/proc/self/exe", argv);
        _exit(127);
    }
    c.status = -1;
    c.pidfd = (int)syscall(SYS_pidfd_open, c.pid, 0);
    assert_true(c.pidfd >= 0);
    return c;
}

/* True if it has ended. */
static bool reap(struct child *c)
{
    if (c->pidfd < 0)
        return true;
    if (waitpid(c->pid, &c->status, WNOHANG) != c->pid)
        return false;
    close(c->pidfd);
    c->pidfd = -1;
    return true;
}

void child_kill(struct child *c)
{
    if (c->pidfd < 0)
        return;
    assert_int_equal(kill(c->pid, SIGKILL), 0);
    assert_int_equal(waitpid(c->pid, &c->status, 0), c->pid);
    close(c->pidfd);
    c->pidfd = -1;
}

static unsigned poll_once(struct harness *h)
{
    unsigned n = splitio_shm_machine_poll(h->m, 64);

    return n + (h->work ? h->work(h) : 0);
}

/* Poll, and wait if there was nothing to do. */
static void step(struct harness *h, struct child *cs, unsigned nr)
{
    struct pollfd p[1 + 16] = {{.events = POLLIN}};
    unsigned n = poll_once(h);

    assert_true(nr <= 16);
    if (!h->blind && (n > 0 || splitio_shm_machine_has_work(h->m)))
        return;
    p[0].fd = splitio_shm_machine_fd(h->m);
    for (unsigned i = 0; i < nr; i++)
        p[1 + i] = (struct pollfd){.fd = cs[i].pidfd, .events = POLLIN};
    if (poll(p, 1 + nr, WATCHDOG_MS) == 0)
        fail_msg("nothing happens any more");
}

void serve_until(struct harness *h, struct child *cs, unsigned nr,
                 bool (*done)(struct harness *h))
{
    while (!done(h)) {
        step(h, cs, nr);
        for (unsigned i = 0; i < nr; i++)
            if (reap(&cs[i]) && cs[i].status != 0)
                fail_msg("a guest ended with %#x", cs[i].status);
    }
}

void serve_all(struct harness *h, struct child *cs, unsigned nr)
{
    for (;;) {
        unsigned alive = 0;

        for (unsigned i = 0; i < nr; i++)
            alive += !reap(&cs[i]);
        if (alive == 0)
            break;
        step(h, cs, nr);
    }
    for (unsigned i = 0; i < nr; i++)
        if (cs[i].status != 0)
            fail_msg("guest %u ended with %#x", i, cs[i].status);
}

const char *serve_node(struct harness *h, splitio_domid_t domid,
                       const char *name)
{
    static char value[256];
    const void *v;
    char path[128];
    size_t len;

    snprintf(path, sizeof(path), "/local/domain/%u/data/%s", domid, name);
    while (splitio_store_server_read(splitio_shm_machine_store_server(h->m),
                                     path, &v, &len) ||
           len == 0)
        step(h, NULL, 0);
    assert_true(len < sizeof(value));
    memcpy(value, v, len);
    value[len] = '\0';
    return value;
}

void serve_idle(struct harness *h)
{
    struct pollfd p = {.fd = splitio_shm_machine_fd(h->m), .events = POLLIN};

    while (poll_once(h) > 0 || splitio_shm_machine_has_work(h->m) ||
           poll(&p, 1, 0) > 0)
        continue;
}
