/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests that do not mean well, beside one that is served all the while. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

#define PAGES 32
#define GOOD  (F_SEAL_SHRINK | F_SEAL_GROW)

/* No single poll may take this long: it would have waited for somebody. */
#define POLL_MS 2000

/* --- roles --- */

/* Talk to the store until told to stop. */
static int role_honest(int argc, char **argv)
{
    struct splitio_shm_guest *g = must_connect(argv[0], "honest", 64);
    char value[16] = "", path[32];

    (void)argc;
    snprintf(path, sizeof(path), "/local/domain/%u/data/stop",
             splitio_shm_guest_domid(g));
    must_write(g, "data/turn", "0");
    must_read(g, path, value, sizeof(value));
    splitio_shm_guest_close(g);
    return 0;
}

/* Write all over its memory, as fast as it can, and ring. */
static int role_scribbler(int argc, char **argv)
{
    struct splitio_shm_hello hello = raw_hello(PAGES);
    int memfd = raw_memory(PAGES, 0), fd = raw_connect(argv[0]);
    uint64_t *words =
        mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
    uint64_t x = strtoull(argv[1], NULL, 0), one = 1;
    struct splitio_shm_welcome w;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = &w, .iov_len = sizeof(w)};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control)};
    int fds[2];

    CHECK(argc == 2 && words != MAP_FAILED);
    CHECK(fcntl(memfd, F_ADD_SEALS, GOOD) == 0);
    CHECK(raw_send(fd, &hello, sizeof(hello), &memfd, 1));
    CHECK(recvmsg(fd, &msg, 0) == sizeof(w));
    CHECK(w.type == SPLITIO_SHM_WELCOME);
    memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fds));
    for (unsigned i = 0; i < 300000; i++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        /* Mostly the pages that mean something. */
        __atomic_store_n(&words[(x >> 33) % (512 * 4)],
                         x & 1 ? x : (uint64_t)(x >> 56), __ATOMIC_RELAXED);
        if (i % 64 == 0)
            CHECK(write(fds[0], &one, 8) == 8);
    }
    return 0;
}

/* Try to join until it is let in. */
static int role_trier(int argc, char **argv)
{
    const struct splitio_shm_guest_config cfg = {
        .path = argv[0], .name = "trier", .nr_pages = 64};
    struct splitio_shm_guest *g;
    char text[SPLITIO_SHM_TEXT_MAX];

    (void)argc;
    while (splitio_shm_guest_connect(&g, &cfg, text, sizeof(text)) != 0)
        CHECK(strcmp(text, "the daemon does not answer") != 0);
    splitio_shm_guest_close(g);
    return 0;
}

const struct role roles[] = {{"trier", role_trier},
                             {"honest", role_honest},
                             {"scribbler", role_scribbler},
                             {0}};

/* --- a machine with an honest guest on it --- */

struct bed {
    struct harness h;
    struct child honest;
    int64_t longest_ms;
};

static void timed_poll(struct bed *b)
{
    int64_t begin = clock_ms(), took;

    splitio_shm_machine_poll(b->h.m, 64);
    took = clock_ms() - begin;
    if (took > b->longest_ms)
        b->longest_ms = took;
}

static void bed_open(struct bed *b)
{
    memset(b, 0, sizeof(*b));
    harness_open(&b->h);
    b->honest = spawn(&b->h, "honest", (char *)NULL);
    assert_string_equal(serve_node(&b->h, 1, "turn"), "0");
}

/* The honest one is still served, and then nothing is left. */
static void bed_close(struct bed *b)
{
    assert_int_equal(splitio_store_server_write_text(
                         splitio_shm_machine_store_server(b->h.m),
                         "/local/domain/1/data/stop", "now"),
                     0);
    serve_all(&b->h, &b->honest, 1);
    assert_true(b->longest_ms < POLL_MS);
    harness_close(&b->h);
}

/* --- hellos --- */

/* What is answered to a hello; "" for a welcome. */
static const char *answer_to(struct harness *h, const void *hello, size_t len,
                             const int *fds, unsigned nr)
{
    static struct splitio_shm_welcome w;
    int fd = raw_connect(h->path), got[2];

    assert_true(raw_send(fd, hello, len, fds, nr));
    raw_answer(h, fd, &w, got);
    if (w.type == SPLITIO_SHM_REFUSED) {
        assert_true(w.status < 0);
        assert_true(raw_is_gone(fd));
    } else {
        close(got[0]);
        close(got[1]);
    }
    close(fd);
    return w.text;
}

static void expect_refusal(struct bed *b, const struct splitio_shm_hello *hello,
                           int memfd, const char *why)
{
    const char *text = answer_to(&b->h, hello, sizeof(*hello), &memfd, 1);

    if (!strstr(text, why))
        fail_msg("\"%s\" instead of \"%s\"", text, why);
    assert_int_equal(strchr(text, '\n') == NULL, 1);
}

#define WITH(field, value, why)                                                \
    do {                                                                       \
        struct splitio_shm_hello bad = raw_hello(PAGES);                       \
        bad.field = value;                                                     \
        expect_refusal(&b, &bad, memfd, why);                                  \
    } while (0)

static void hello_with_a_bad_field_is_refused(void **state)
{
    struct bed b;
    int memfd;

    (void)state;
    bed_open(&b);
    memfd = raw_memory(PAGES, GOOD);
    WITH(magic, 1, "magic");
    WITH(version, 1, "version 1");
    WITH(type, SPLITIO_SHM_EVENT_ALLOC, "before the hello");
    WITH(abi, 7, "layout 7");
    WITH(nr_ports, 1, "1 event ports");
    WITH(nr_ports, UINT32_MAX, "event ports");
    WITH(nr_grant_frames, 0, "grant frames");
    WITH(nr_grant_frames, 33, "33 grant frames");
    WITH(nr_grant_frames, UINT32_MAX, "grant frames");
    WITH(max_grant_frames, 33, "may become 33");
    WITH(max_grant_frames, UINT32_MAX, "may become");
    WITH(grant_version, 3, "version 3");
    WITH(grant_version, UINT32_MAX, "grant table of version");
    WITH(nr_pages, 4, "4 pages");
    WITH(nr_pages, 65537, "65537 pages");
    WITH(nr_pages, UINT32_MAX, "pages");
    WITH(nr_pages, PAGES + 1, "were announced");
    WITH(nr_pages, PAGES - 1, "were announced");
    WITH(name[0], '\0', "bad name");
    WITH(name[0], '/', "bad name");
    WITH(name[1], '\n', "bad name");
    {
        struct splitio_shm_hello bad = raw_hello(PAGES);

        bad.nr_grant_frames = 2;
        bad.max_grant_frames = 1;
        expect_refusal(&b, &bad, memfd, "may become 1");
        /* Tables and status frames leave no page free. */
        bad = raw_hello(3 + 8 + 1);
        bad.max_grant_frames = 8;
        bad.grant_version = 2;
        expect_refusal(&b, &bad, memfd, "12 pages: 13 to");
        bad = raw_hello(PAGES);
        memset(bad.name, 'a', sizeof(bad.name));
        expect_refusal(&b, &bad, memfd, "bad name");
    }
    assert_int_equal(stats_of(&b.h).nr_refused, 24);
    close(memfd);
    bed_close(&b);
}

static void hello_of_wrong_size_is_refused(void **state)
{
    uint8_t bytes[4096] = {0};
    struct splitio_shm_hello hello = raw_hello(PAGES);
    struct bed b;
    int memfd;

    (void)state;
    memcpy(bytes, &hello, sizeof(hello));
    bed_open(&b);
    memfd = raw_memory(PAGES, GOOD);
    assert_non_null(strstr(answer_to(&b.h, bytes, 1, &memfd, 1), "size"));
    assert_non_null(
        strstr(answer_to(&b.h, bytes, sizeof(hello) - 1, &memfd, 1), "size"));
    assert_non_null(
        strstr(answer_to(&b.h, bytes, sizeof(bytes), &memfd, 1), "size"));
    assert_non_null(strstr(answer_to(&b.h, bytes, 0, &memfd, 1), "size"));
    assert_non_null(strstr(answer_to(&b.h, bytes, 0, NULL, 0), "size"));
    close(memfd);
    bed_close(&b);
}

static void hello_with_other_than_one_descriptor_is_refused(void **state)
{
    struct splitio_shm_hello hello = raw_hello(PAGES);
    int memfd, many[253];
    struct bed b;

    (void)state;
    bed_open(&b);
    memfd = raw_memory(PAGES, GOOD);
    for (unsigned i = 0; i < 253; i++)
        many[i] = memfd;
    assert_non_null(
        strstr(answer_to(&b.h, &hello, sizeof(hello), NULL, 0), "0 desc"));
    assert_non_null(
        strstr(answer_to(&b.h, &hello, sizeof(hello), many, 2), "2 desc"));
    assert_non_null(
        strstr(answer_to(&b.h, &hello, sizeof(hello), many, 253), "253 desc"));
    close(memfd);
    bed_close(&b);
}

static void refuse_memory(struct bed *b, int fd, const char *why)
{
    struct splitio_shm_hello hello = raw_hello(PAGES);

    assert_true(fd >= 0);
    expect_refusal(b, &hello, fd, why);
    close(fd);
}

static int huge_memory(void)
{
    int fd = memfd_create("huge", MFD_ALLOW_SEALING | MFD_HUGETLB);

    if (fd >= 0 &&
        (ftruncate(fd, 2 << 20) < 0 || fcntl(fd, F_ADD_SEALS, GOOD) < 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void memory_that_could_fail_is_refused(void **state)
{
    char path[] = "/tmp/splitio-shm-mem-XXXXXX";
    int file, ends[2], huge, memfd;
    struct bed b;

    (void)state;
    bed_open(&b);
    file = mkstemp(path);
    huge = huge_memory();
    assert_int_equal(ftruncate(file, PAGES * 4096), 0);
    refuse_memory(&b, file, "mem"); /* what is wrong depends on /tmp's kind */
    unlink(path);
    assert_int_equal(pipe(ends), 0);
    close(ends[1]);
    refuse_memory(&b, ends[0], "memfd");
    refuse_memory(&b, open("/dev/zero", O_RDWR), "memfd");
    refuse_memory(&b, raw_memory(PAGES, 0), "not sealed");
    refuse_memory(&b, raw_memory(PAGES, F_SEAL_GROW), "not sealed");
    refuse_memory(&b, raw_memory(PAGES, F_SEAL_SHRINK), "not sealed");
    refuse_memory(&b, raw_memory(PAGES, GOOD | F_SEAL_SEAL), "cannot work");
    refuse_memory(&b, raw_memory(PAGES, GOOD | F_SEAL_WRITE), "cannot work");
    refuse_memory(&b, raw_memory(PAGES, GOOD | F_SEAL_FUTURE_WRITE),
                  "cannot be mapped");
    refuse_memory(&b, raw_memory(PAGES + 1, GOOD), "were announced");
    /* Pages that the daemon would have to find: anywhere, beyond the end. */
    memfd = raw_memory(PAGES, 0);
    assert_int_equal(fallocate(memfd,
                               FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                               (PAGES - 1) * 4096, 4096),
                     0);
    assert_int_equal(fallocate(memfd, FALLOC_FL_KEEP_SIZE, PAGES * 4096, 4096),
                     0);
    assert_int_equal(fcntl(memfd, F_ADD_SEALS, GOOD), 0);
    refuse_memory(&b, memfd, "has holes");
    if (huge >= 0)
        refuse_memory(&b, huge, "huge pages");
    /* Open for reading only. */
    memfd = raw_memory(PAGES, GOOD);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
    refuse_memory(&b, open(path, O_RDONLY), "cannot be");
    close(memfd);
    bed_close(&b);
}

static void memory_cannot_be_taken_back(void **state)
{
    int memfd, fds[2], fd;
    struct splitio_shm_welcome w;
    struct bed b;

    (void)state;
    bed_open(&b);
    memfd = raw_memory(PAGES, GOOD);
    fd = raw_join(&b.h, memfd, PAGES, &w, fds);
    assert_int_equal(ftruncate(memfd, 0), -1);
    assert_int_equal(ftruncate(memfd, (PAGES + 1) * 4096), -1);
    assert_int_equal(fallocate(memfd,
                               FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                               PAGES * 4096),
                     -1);
    /* The same memory for a second guest. */
    refuse_memory(&b, memfd, "cannot work");
    close(fd);
    close(fds[0]);
    close(fds[1]);
    bed_close(&b);
}

static void silent_connections_are_few_and_short(void **state)
{
    struct harness h = {.cfg.hello_ms = 100};
    struct pollfd p = {.events = POLLIN};
    int fds[40];

    (void)state;
    harness_open(&h);
    for (unsigned i = 0; i < 40; i++)
        fds[i] = raw_connect(h.path);
    p.fd = splitio_shm_machine_fd(h.m);
    /* The machine's own timer ends the wait. */
    while (stats_of(&h).nr_refused < 16) {
        assert_int_equal(poll(&p, 1, WATCHDOG_MS), 1);
        splitio_shm_machine_poll(h.m, 64);
        assert_true(stats_of(&h).nr_pending <= 16);
    }
    serve_idle(&h);
    for (unsigned i = 0; i < 40; i++) {
        assert_true(raw_is_gone(fds[i]));
        close(fds[i]);
    }
    assert_true(h.nr_logs <= 20);
    assert_true(stats_of(&h).nr_unlogged > 0);
    harness_close(&h);
}

static unsigned nr_awaited;

static bool many_refused(struct harness *h)
{
    return stats_of(h).nr_refused >= nr_awaited ||
           strstr(h->last_log, "cannot accept");
}

/* As many more descriptors as that. */
static void allow_descriptors(unsigned more, struct rlimit *old)
{
    int top = dup(STDERR_FILENO);
    struct rlimit now;

    assert_true(top >= 0);
    close(top);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, old), 0);
    now = *old;
    now.rlim_cur = (rlim_t)top + more;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
}

static void running_out_of_descriptors_refuses_guests_for_a_while(void **state)
{
    struct child c;
    struct bed b;

    (void)state;
    for (unsigned more = 0; more < 6; more++) {
        struct rlimit old;

        bed_open(&b);
        c = spawn(&b.h, "trier", (char *)NULL);
        allow_descriptors(more, &old);
        nr_awaited = 3;
        /* Four are enough: socket, doorbell, both ends of the pipe. */
        if (more < 4)
            serve_until(&b.h, &c, 1, many_refused);
        else
            serve_all(&b.h, &c, 1);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
        serve_all(&b.h, &c, 1);
        bed_close(&b);
    }
}

/* --- after joining --- */

static void send_nonsense(struct bed *b, const void *bytes, size_t len,
                          int stray)
{
    int memfd = raw_memory(PAGES, GOOD), fds[2], fd;
    struct splitio_shm_welcome w;
    uint64_t before = stats_of(&b->h).nr_nonsense;

    fd = raw_join(&b->h, memfd, PAGES, &w, fds);
    assert_true(raw_send(fd, bytes, len, &stray, stray >= 0));
    while (!raw_is_gone(fd))
        timed_poll(b);
    assert_int_equal(stats_of(&b->h).nr_nonsense, before + 1);
    close(fd);
    close(fds[0]);
    close(fds[1]);
    close(memfd);
}

static void nonsense_on_the_socket_ends_that_guest_only(void **state)
{
    struct splitio_shm_call c = {.type = SPLITIO_SHM_EVENT_ALLOC};
    char bytes[300] = {1};
    struct bed b;

    (void)state;
    bed_open(&b);
    send_nonsense(&b, "x", 1, -1);
    send_nonsense(&b, bytes, sizeof(bytes), -1);
    send_nonsense(&b, "", 0, -1);
    send_nonsense(&b, &c, sizeof(c), STDERR_FILENO);
    c.status = 1;
    send_nonsense(&b, &c, sizeof(c), -1);
    c.status = 0;
    c.type = SPLITIO_SHM_HELLO;
    send_nonsense(&b, &c, sizeof(c), -1);
    c.type = UINT32_MAX;
    send_nonsense(&b, &c, sizeof(c), -1);
    assert_non_null(strstr(b.h.last_log, "guest"));
    assert_int_equal(stats_of(&b.h).nr_guests, 1);
    bed_close(&b);
}

/* Calls with arguments that make no sense, in good form. */
static void calls_with_bad_arguments_are_answered(void **state)
{
    static const struct splitio_shm_call calls[] = {
        {SPLITIO_SHM_EVENT_ALLOC, 1, 65535, 0},
        {SPLITIO_SHM_EVENT_ALLOC, 2, UINT32_MAX, 0},
        {SPLITIO_SHM_EVENT_CLOSE, 3, 0, 0},
        {SPLITIO_SHM_EVENT_CLOSE, 4, 63, 0},
        {SPLITIO_SHM_EVENT_CLOSE, 5, UINT32_MAX, 0},
        {SPLITIO_SHM_GRANT_VERSION, 6, 0, 0},
        {SPLITIO_SHM_GRANT_VERSION, 7, UINT32_MAX, 0},
        {SPLITIO_SHM_GRANT_GROW, 8, 0, 0},
        {SPLITIO_SHM_GRANT_SWAP, 9, UINT32_MAX, 0},
        {SPLITIO_SHM_GRANT_SWAP, 10, 511 << 16 | 512, 0},
        {SPLITIO_SHM_EVENT_CONTROL, 11, PAGES, 0},
        {SPLITIO_SHM_EVENT_CONTROL, 12, UINT32_MAX, 0},
        {SPLITIO_SHM_EVENT_EXPAND, 13, PAGES, 0},
    };
    static const struct splitio_shm_call fifo_calls[] = {
        {SPLITIO_SHM_EVENT_PRIORITY, SPLITIO_EOPNOTSUPP, 1, 0},
        {SPLITIO_SHM_EVENT_EXPAND, SPLITIO_EOPNOTSUPP, 1, 0},
        {SPLITIO_SHM_EVENT_CONTROL, 0, 1, 0},
        {SPLITIO_SHM_EVENT_CONTROL, SPLITIO_EINVAL, 1, 0},
        {SPLITIO_SHM_EVENT_EXPAND, 0, 2, 0},
        {SPLITIO_SHM_EVENT_EXPAND, SPLITIO_ENOSPC, 2, 0},
        {SPLITIO_SHM_EVENT_PRIORITY, 0, 15 << 24 | 1, 0},
        {SPLITIO_SHM_EVENT_PRIORITY, SPLITIO_EINVAL, 16 << 24 | 1, 0},
        {SPLITIO_SHM_EVENT_PRIORITY, SPLITIO_EINVAL, 63, 0},
    };
    int memfd, fds[2], fd;
    struct splitio_shm_call c;
    struct splitio_shm_welcome w;
    unsigned ports = 0;
    struct bed b;

    (void)state;
    bed_open(&b);
    memfd = raw_memory(PAGES, GOOD);
    fd = raw_join(&b.h, memfd, PAGES, &w, fds);
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(calls); i++) {
        assert_true(raw_send(fd, &calls[i], sizeof(c), NULL, 0));
        timed_poll(&b);
        assert_int_equal(recv(fd, &c, sizeof(c), MSG_DONTWAIT), sizeof(c));
        assert_int_equal(c.type, SPLITIO_SHM_REPLY);
        assert_int_equal(c.seq, i + 1);
        assert_int_equal(c.status, SPLITIO_EINVAL);
    }
    /* Here, seq is what the call is to be answered with. */
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(fifo_calls); i++) {
        assert_true(raw_send(fd, &fifo_calls[i], sizeof(c), NULL, 0));
        timed_poll(&b);
        assert_int_equal(recv(fd, &c, sizeof(c), MSG_DONTWAIT), sizeof(c));
        assert_int_equal(c.status, (int)c.seq);
    }
    do {
        c = (struct splitio_shm_call){.type = SPLITIO_SHM_EVENT_ALLOC};
        assert_true(raw_send(fd, &c, sizeof(c), NULL, 0));
        timed_poll(&b);
        assert_int_equal(recv(fd, &c, sizeof(c), MSG_DONTWAIT), sizeof(c));
        ports += c.status == 0;
    } while (c.status == 0);
    assert_int_equal(c.status, SPLITIO_ENOSPC);
    assert_int_equal(ports, 62);
    close(fd);
    close(fds[0]);
    close(fds[1]);
    close(memfd);
    bed_close(&b);
}

static void guest_that_takes_no_replies_is_disconnected(void **state)
{
    struct splitio_shm_call c = {.type = SPLITIO_SHM_EVENT_CLOSE};
    int memfd, fds[2], fd;
    struct splitio_shm_welcome w;
    uint64_t sent = 0;
    struct bed b;

    (void)state;
    bed_open(&b);
    memfd = raw_memory(PAGES, GOOD);
    fd = raw_join(&b.h, memfd, PAGES, &w, fds);
    while (stats_of(&b.h).nr_guests == 2) {
        while (raw_send(fd, &c, sizeof(c), NULL, 0))
            sent++;
        timed_poll(&b);
        assert_true(sent < 100000);
    }
    assert_non_null(strstr(b.h.last_log, "does not take"));
    close(fd);
    close(fds[0]);
    close(fds[1]);
    close(memfd);
    bed_close(&b);
}

static void set_blocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    assert_true(flags >= 0);
    assert_int_equal(fcntl(fd, F_SETFL, flags & ~O_NONBLOCK), 0);
}

/* A guest whose memory the test writes to. */
struct wild {
    int memfd, fd, fds[2], writer;
    char *memory;
    splitio_evtchn_t evtchn, host_evtchn;
};

static void *wild_frame(struct wild *w, unsigned gfn)
{
    return w->memory + gfn * 4096;
}

static void wild_open(struct bed *b, struct wild *w)
{
    struct splitio_shm_welcome welcome;

    w->memfd = raw_memory(PAGES, GOOD);
    w->memory = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
                     w->memfd, 0);
    assert_ptr_not_equal(w->memory, MAP_FAILED);
    w->fd = raw_join(&b->h, w->memfd, PAGES, &welcome, w->fds);
    w->writer = -1;
}

static void wild_close(struct wild *w)
{
    close(w->fd);
    close(w->fds[0]);
    close(w->fds[1]);
    if (w->writer >= 0)
        close(w->writer);
    munmap(w->memory, PAGES * 4096);
    close(w->memfd);
}

static void do_nothing(void *arg)
{
    (void)arg;
}

/* A channel to the host. */
static void wild_bind(struct bed *b, struct wild *w)
{
    struct splitio_shm_call c = {.type = SPLITIO_SHM_EVENT_ALLOC};
    struct splitio_host_port port = splitio_shm_machine_host_port(b->h.m);
    struct splitio_event_handler handler = {do_nothing, NULL};

    assert_true(raw_send(w->fd, &c, sizeof(c), NULL, 0));
    timed_poll(b);
    assert_int_equal(recv(w->fd, &c, sizeof(c), MSG_DONTWAIT), sizeof(c));
    assert_int_equal(c.status, 0);
    w->evtchn = c.value;
    assert_int_equal(
        port.ops->event_bind(port.ctx, 2, w->evtchn, handler, &w->host_evtchn),
        0);
}

/* Fill the pipe, by the back door. */
static void wild_fill_pipe(struct wild *w)
{
    char path[32], junk[4096] = {0};

    snprintf(path, sizeof(path), "/proc/self/fd/%d", w->fds[1]);
    w->writer = open(path, O_WRONLY | O_NONBLOCK);
    assert_true(w->writer >= 0);
    while (write(w->writer, junk, sizeof(junk)) > 0)
        continue;
    while (write(w->writer, junk, 1) > 0)
        continue;
}

/*
 * Clear O_NONBLOCK wherever it can be reached, fill the eventfd's counter and
 * the pipe, and let events go both ways.
 */
static void blocking_descriptors_do_not_block_the_daemon(void **state)
{
    struct splitio_host_port port;
    struct splitio_shm_doorbell *bell;
    uint64_t full = UINT64_MAX - 1;
    struct wild w;
    struct bed b;

    (void)state;
    bed_open(&b);
    port = splitio_shm_machine_host_port(b.h.m);
    wild_open(&b, &w);
    wild_bind(&b, &w);
    bell = wild_frame(&w, SPLITIO_SHM_FRAME_DOORBELL);
    timed_poll(&b);
    assert_int_equal(write(w.fds[0], &full, 8), 8);
    wild_fill_pipe(&w);
    set_blocking(w.fds[0]);
    set_blocking(w.fds[1]);
    set_blocking(w.writer);
    for (unsigned i = 0; i < 1000; i++) {
        memset(bell->ports, 0xFF, sizeof(bell->ports));
        __atomic_store_n(&bell->selector, UINT64_MAX, __ATOMIC_SEQ_CST);
        /* The counter is full: take it out, put it in. */
        assert_int_equal(read(w.fds[0], &full, 8), 8);
        full = UINT64_MAX - 1;
        assert_int_equal(write(w.fds[0], &full, 8), 8);
        /* Nothing masked, nothing pending: every event is an upcall. */
        memset(wild_frame(&w, SPLITIO_SHM_FRAME_SHARED_INFO), 0, 4096);
        port.ops->event_send(port.ctx, w.host_evtchn);
        port.ops->event_unmask(port.ctx, w.host_evtchn);
        timed_poll(&b);
    }
    port.ops->event_close(port.ctx, w.host_evtchn);
    wild_close(&w);
    bed_close(&b);
}

/* Grants of what is not the guest's. */
static void frames_beyond_its_memory_cannot_be_granted(void **state)
{
    static const uint32_t frames[] = {PAGES, PAGES + 1, 0x7FFFFFFF, UINT32_MAX};
    struct splitio_grant_entry_v1 *entries;
    struct splitio_grant_map map = {.domid = 2, .gref = 8};
    struct splitio_grant_unmap unmap;
    struct splitio_host_port port;
    struct wild w;
    struct bed b;

    (void)state;
    bed_open(&b);
    port = splitio_shm_machine_host_port(b.h.m);
    wild_open(&b, &w);
    entries = wild_frame(&w, SPLITIO_SHM_FRAME_GRANTS);
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(frames); i++) {
        entries[8] = (struct splitio_grant_entry_v1){SPLITIO_GTF_PERMIT_ACCESS,
                                                     0, frames[i]};
        assert_int_equal(port.ops->map(port.ctx, &map, 1), 1);
        assert_null(map.va);
    }
    entries[8] = (struct splitio_grant_entry_v1){SPLITIO_GTF_PERMIT_ACCESS, 0,
                                                 PAGES - 1};
    assert_int_equal(port.ops->map(port.ctx, &map, 1), 0);
    *(char *)map.va = 'x';
    assert_int_equal(*(char *)wild_frame(&w, PAGES - 1), 'x');
    unmap.handle = map.handle;
    assert_int_equal(port.ops->unmap(port.ctx, &unmap, 1), 0);
    wild_close(&w);
    bed_close(&b);
}

/* --- closing what they sent --- */

/* A TCP socket whose closing waits for a minute, and the one it waits for. */
static bool make_lingering(int *lingering, int *other)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct linger linger = {.l_onoff = 1, .l_linger = 60};
    socklen_t len = sizeof(at);
    char junk[65536] = {0};
    bool good;

    *lingering = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *other = -1;
    good = bind(listener, (struct sockaddr *)&at, len) == 0 &&
           listen(listener, 1) == 0 &&
           getsockname(listener, (struct sockaddr *)&at, &len) == 0 &&
           connect(*lingering, (struct sockaddr *)&at, len) == 0 &&
           (*other = accept(listener, NULL, NULL)) >= 0 &&
           setsockopt(*lingering, SOL_SOCKET, SO_LINGER, &linger,
                      sizeof(linger)) == 0;
    close(listener);
    while (good && send(*lingering, junk, sizeof(junk), MSG_DONTWAIT) > 0)
        continue;
    return good;
}

static void closing_a_strange_file_does_not_block_the_daemon(void **state)
{
    struct splitio_shm_hello hello = raw_hello(PAGES);
    struct bed b;

    (void)state;
    bed_open(&b);
    /* In a hello; in an empty message; unread when the guest is dropped. */
    for (unsigned how = 0; how < 3; how++) {
        int fd = raw_connect(b.h.path), lingering, other;

        if (!make_lingering(&lingering, &other))
            skip();
        assert_true(how == 0 || raw_send(fd, "", 0, NULL, 0));
        assert_true(
            raw_send(fd, &hello, how == 1 ? 0 : sizeof(hello), &lingering, 1));
        /* The daemon has the last one. */
        close(lingering);
        while (!raw_is_gone(fd))
            timed_poll(&b);
        close(fd);
        timed_poll(&b);
        assert_true(b.longest_ms < POLL_MS);
        assert_true(stats_of(&b.h).nr_foreign > 0);
        /* Its other end goes, and with it the reason to wait. */
        close(other);
        while (stats_of(&b.h).nr_foreign > 0)
            timed_poll(&b);
    }
    bed_close(&b);
}

/* As above, by a guest that has joined. */
static void calling_with_a_strange_file_does_not_block_the_daemon(void **state)
{
    struct splitio_shm_call c = {.type = SPLITIO_SHM_EVENT_ALLOC};
    int lingering, other;
    struct wild w;
    struct bed b;

    (void)state;
    bed_open(&b);
    if (!make_lingering(&lingering, &other))
        skip();
    wild_open(&b, &w);
    assert_true(raw_send(w.fd, &c, sizeof(c), &lingering, 1));
    close(lingering);
    while (!raw_is_gone(w.fd))
        timed_poll(&b);
    wild_close(&w);
    timed_poll(&b);
    assert_true(stats_of(&b.h).nr_foreign > 0);
    close(other);
    bed_close(&b);
}

/* Files queue up behind one that does not close: nobody new until it does. */
static void backlog_of_strange_files_lets_nobody_new_in(void **state)
{
    struct splitio_shm_hello hello = raw_hello(PAGES);
    int lingering, other, many[253], fd;
    struct child c;
    struct bed b;

    (void)state;
    bed_open(&b);
    if (!make_lingering(&lingering, &other))
        skip();
    fd = raw_connect(b.h.path);
    assert_true(raw_send(fd, &hello, sizeof(hello), &lingering, 1));
    /* The daemon has the last one. */
    close(lingering);
    while (!raw_is_gone(fd))
        timed_poll(&b);
    close(fd);
    for (unsigned i = 0; i < 253; i++)
        many[i] = STDERR_FILENO;
    (void)answer_to(&b.h, &hello, sizeof(hello), many, 253);
    (void)answer_to(&b.h, &hello, sizeof(hello), many, 253);
    assert_true(stats_of(&b.h).nr_foreign > 500);
    fd = raw_connect(b.h.path);
    assert_true(raw_send(fd, &hello, sizeof(hello), many, 253));
    serve_idle(&b.h);
    assert_int_equal(stats_of(&b.h).nr_pending, 0);
    assert_true(stats_of(&b.h).nr_foreign < 510);
    assert_int_equal(stats_of(&b.h).nr_guests, 1);
    close(fd);
    close(other);
    c = spawn(&b.h, "trier", (char *)NULL);
    serve_all(&b.h, &c, 1);
    bed_close(&b);
}

/* --- memory --- */

static unsigned poke_scribblers(struct harness *h)
{
    struct splitio_host_port port = splitio_shm_machine_host_port(h->m);
    static uint32_t x;
    struct splitio_ring_map ring;
    struct splitio_event_handler none = {0};
    splitio_gref_t grefs[2];
    splitio_evtchn_t evtchn;

    for (unsigned i = 0; i < 8; i++) {
        splitio_domid_t domid = (splitio_domid_t)(2 + x % 2);

        x = x * 1103515245u + 12345u;
        grefs[0] = x >> 16 & 511;
        grefs[1] = x >> 8 & 511;
        if (port.ops->map_ring(port.ctx, domid, grefs, 2, &ring) == 0)
            port.ops->unmap_ring(port.ctx, &ring);
        if (port.ops->event_bind(port.ctx, domid, x >> 12 & 63, none,
                                 &evtchn) == 0)
            port.ops->event_close(port.ctx, evtchn);
    }
    return 0;
}

static void guests_writing_everywhere_harm_nobody(void **state)
{
    struct child cs[2];
    struct bed b;

    (void)state;
    bed_open(&b);
    b.h.work = poke_scribblers;
    cs[0] = spawn(&b.h, "scribbler", "1", (char *)NULL);
    cs[1] = spawn(&b.h, "scribbler", "2", (char *)NULL);
    serve_all(&b.h, cs, 2);
    b.h.work = NULL;
    assert_true(b.h.nr_logs <= 200);
    bed_close(&b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_with_a_bad_field_is_refused),
        cmocka_unit_test(hello_of_wrong_size_is_refused),
        cmocka_unit_test(hello_with_other_than_one_descriptor_is_refused),
        cmocka_unit_test(memory_that_could_fail_is_refused),
        cmocka_unit_test(memory_cannot_be_taken_back),
        cmocka_unit_test(running_out_of_descriptors_refuses_guests_for_a_while),
        cmocka_unit_test(silent_connections_are_few_and_short),
        cmocka_unit_test(nonsense_on_the_socket_ends_that_guest_only),
        cmocka_unit_test(calls_with_bad_arguments_are_answered),
        cmocka_unit_test(guest_that_takes_no_replies_is_disconnected),
        cmocka_unit_test(blocking_descriptors_do_not_block_the_daemon),
        cmocka_unit_test(frames_beyond_its_memory_cannot_be_granted),
        cmocka_unit_test(closing_a_strange_file_does_not_block_the_daemon),
        cmocka_unit_test(calling_with_a_strange_file_does_not_block_the_daemon),
        cmocka_unit_test(backlog_of_strange_files_lets_nobody_new_in),
        cmocka_unit_test(guests_writing_everywhere_harm_nobody),
    };
    int status;

    if (run_role(argc, argv, &status))
        return status;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
