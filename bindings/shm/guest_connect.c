/* SPDX-License-Identifier: BSD-2-Clause */
/* How a process becomes a guest, and ceases to be one. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "guest_int.h"
#include "text.h"

#define MAX_PORTS 4096

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

static uint8_t *frame(const struct splitio_shm_guest *g, uint32_t gfn)
{
    return g->base + (size_t)gfn * SPLITIO_PAGE_SIZE;
}

static uint32_t status_gfn(const struct splitio_shm_guest *g)
{
    return SPLITIO_SHM_FRAME_GRANTS + g->max_frames;
}

static uint32_t heap_gfn(const struct splitio_shm_guest *g)
{
    return status_gfn(g) + (g->grant_version == 2
                                ? SPLITIO_GRANT_STATUS_FRAMES(g->max_frames)
                                : 0);
}

static size_t mem_bytes(const struct splitio_shm_guest *g)
{
    return (size_t)g->nr_pages * SPLITIO_PAGE_SIZE;
}

static bool take_config(struct splitio_shm_guest *g,
                        const struct splitio_shm_guest_config *c)
{
    g->nr_pages = or_default(c->nr_pages, 4096);
    g->nr_frames = or_default(c->nr_frames, 8);
    g->max_frames = or_default(c->max_frames, g->nr_frames);
    g->grant_version = or_default(c->grant_version, 1);
    g->nr_ports = or_default(c->nr_ports, 64);
    g->timeout_ms = or_default(c->timeout_ms, 10000);
    return c->path &&
           strlen(c->path) < sizeof(((struct sockaddr_un *)0)->sun_path) &&
           c->name && *c->name && strlen(c->name) < SPLITIO_SHM_NAME_MAX &&
           g->nr_frames <= g->max_frames &&
           g->max_frames <= SPLITIO_GRANT_FRAMES_MAX && g->grant_version <= 2 &&
           g->nr_ports >= 2 && g->nr_ports <= MAX_PORTS &&
           g->nr_pages > heap_gfn(g) && g->timeout_ms <= INT32_MAX;
}

static bool make_memory(struct splitio_shm_guest *g, const char *name)
{
    uint32_t heap_pages = g->nr_pages - heap_gfn(g);

    g->memfd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (g->memfd < 0 || ftruncate(g->memfd, (off_t)mem_bytes(g)) < 0)
        return false;
    /* The daemon wants every page to be there. */
    g->base = mmap(NULL, mem_bytes(g), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_POPULATE, g->memfd, 0);
    if (g->base == MAP_FAILED) {
        g->base = NULL;
        return false;
    }
    if (fcntl(g->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
        return false;
    g->doorbell = (struct splitio_shm_doorbell *)(void *)frame(
        g, SPLITIO_SHM_FRAME_DOORBELL);
    g->heap_map = malloc(SPLITIO_GUEST_MAP_MEM(heap_pages));
    g->grant_mem = malloc(SPLITIO_GRANT_TABLE_MEM(g->max_frames));
    g->handlers = calloc(g->nr_ports, sizeof(*g->handlers));
    return g->heap_map && g->grant_mem && g->handlers;
}

static int make_guest(struct splitio_shm_guest *g)
{
    const struct splitio_guest_config cfg = {
        .ops = &splitio_shm_hypercalls,
        .ops_ctx = g,
        .heap = frame(g, heap_gfn(g)),
        .heap_gfn = heap_gfn(g),
        .heap_pages = g->nr_pages - heap_gfn(g),
        .heap_map = g->heap_map,
        .grant_frames = frame(g, SPLITIO_SHM_FRAME_GRANTS),
        .nr_grant_frames = g->nr_frames,
        .max_grant_frames = g->max_frames,
        .grant_version = g->grant_version,
        .grant_status = g->grant_version == 2 ? frame(g, status_gfn(g)) : NULL,
        .grant_mem = g->grant_mem,
        .shared_info = frame(g, SPLITIO_SHM_FRAME_SHARED_INFO),
        .abi = &splitio_event_abi_x86_64,
        .handlers = g->handlers,
        .nr_handlers = g->nr_ports,
        .fifo_ops = &splitio_shm_fifo_calls,
    };

    return splitio_guest_init(&g->guest, &cfg);
}

static void notify_store(void *ctx)
{
    struct splitio_shm_guest *g = ctx;

    splitio_shm_hypercalls.event_send(g, g->store_port);
}

static int make_store(struct splitio_shm_guest *g)
{
    int err = splitio_store_ring_init(
        &g->ring,
        (struct splitio_xs_page *)(void *)frame(g, SPLITIO_SHM_FRAME_STORE),
        notify_store, g);

    if (err)
        return err;
    return splitio_store_init(&g->store,
                              splitio_store_ring_transport(&g->ring));
}

static int dial(struct splitio_shm_guest *g, const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    strcpy(addr.sun_path, path);
    g->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (g->sock < 0)
        return -1;
    return connect(g->sock, (struct sockaddr *)&addr, sizeof(addr));
}

static bool send_hello(struct splitio_shm_guest *g, const char *name)
{
    struct splitio_shm_hello hello = {
        .magic = SPLITIO_SHM_MAGIC,
        .version = SPLITIO_SHM_VERSION,
        .type = SPLITIO_SHM_HELLO,
        .abi = SPLITIO_SHM_ABI_64,
        .nr_pages = g->nr_pages,
        .nr_grant_frames = g->nr_frames,
        .nr_ports = g->nr_ports,
        .max_grant_frames = g->max_frames,
        .grant_version = g->grant_version,
    };
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec iov = {.iov_base = &hello, .iov_len = sizeof(hello)};
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

    strcpy(hello.name, name);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &g->memfd, sizeof(int));
    return sendmsg(g->sock, &msg, MSG_NOSIGNAL) == (ssize_t)sizeof(hello);
}

/* The daemon's answer. */
static int take_answer(struct splitio_shm_guest *g, char *text,
                       size_t len_bytes)
{
    struct splitio_shm_welcome w;
    int fds[2] = {-1, -1};
    int err = splitio_shm_receive(g, &w, sizeof(w), fds, 2);

    g->bell = fds[0];
    g->pipe = fds[1];
    if (err == SPLITIO_EIO)
        return explain(text, len_bytes, err, "the daemon does not answer");
    if (err || w.magic != SPLITIO_SHM_MAGIC || w.version != SPLITIO_SHM_VERSION)
        return explain(text, len_bytes, SPLITIO_EPROTO,
                       "no splitio daemon of this version answers");
    w.text[sizeof(w.text) - 1] = '\0';
    if (w.type == SPLITIO_SHM_REFUSED)
        return explain(text, len_bytes, SPLITIO_EACCES, "%s", w.text);
    if (w.type != SPLITIO_SHM_WELCOME || g->bell < 0 || g->pipe < 0 ||
        w.store_port == 0 || w.store_port >= g->nr_ports)
        return explain(text, len_bytes, SPLITIO_EPROTO,
                       "the daemon's answer makes no sense");
    g->domid = (splitio_domid_t)w.domid;
    g->store_port = w.store_port;
    return 0;
}

static bool watch(struct splitio_shm_guest *g, int fd, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.fd = fd};

    return epoll_ctl(g->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static bool open_wakeups(struct splitio_shm_guest *g)
{
    g->epoll = epoll_create1(EPOLL_CLOEXEC);
    /* Nobody else has this one; it need not be read either. */
    g->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return g->epoll >= 0 && g->wake >= 0 && watch(g, g->pipe, EPOLLIN) &&
           watch(g, g->sock, EPOLLIN) && watch(g, g->wake, EPOLLIN | EPOLLET);
}

static int fill(struct splitio_shm_guest *g,
                const struct splitio_shm_guest_config *cfg, char *text,
                size_t len_bytes)
{
    struct splitio_event_handler handler = {splitio_shm_on_store_event, g};
    int err;

    if (!take_config(g, cfg))
        return explain(text, len_bytes, SPLITIO_EINVAL, "bad configuration");
    if (!make_memory(g, cfg->name))
        return explain(text, len_bytes, SPLITIO_ENOMEM, "%u pages: %s",
                       g->nr_pages, strerror(errno));
    err = make_guest(g);
    if (!err)
        err = make_store(g);
    if (err)
        return explain(text, len_bytes, err, "%s", splitio_strerror(err));
    if (dial(g, cfg->path) < 0)
        return explain(text, len_bytes, error_of_errno(errno),
                       "no daemon at %s: %s", cfg->path, strerror(errno));
    if (!send_hello(g, cfg->name))
        return explain(text, len_bytes, SPLITIO_EIO, "%s: %s", cfg->path,
                       strerror(errno));
    err = take_answer(g, text, len_bytes);
    if (err)
        return err;
    if (!open_wakeups(g))
        return explain(text, len_bytes, SPLITIO_ENOMEM, "%s", strerror(errno));
    if (splitio_event_guest_bind(&g->guest.events, g->store_port, handler))
        splitio_shm_hypercalls.wake(g);
    if (!cfg->fifo_events)
        return 0;
    err = splitio_guest_use_fifo(&g->guest);
    return err ? explain(text, len_bytes, err, "FIFO events: %s",
                         splitio_strerror(err))
               : 0;
}

int splitio_shm_guest_connect(struct splitio_shm_guest **guest,
                              const struct splitio_shm_guest_config *config,
                              char *text, size_t len_bytes)
{
    struct splitio_shm_guest *g = calloc(1, sizeof(*g));
    int err;

    if (!g)
        return explain(text, len_bytes, SPLITIO_ENOMEM, "out of memory");
    g->memfd = g->sock = g->bell = g->pipe = g->wake = g->epoll = -1;
    err = fill(g, config, text, len_bytes);
    if (err)
        splitio_shm_guest_close(g);
    else
        *guest = g;
    return err;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

void splitio_shm_guest_close(struct splitio_shm_guest *g)
{
    if (g->store.transport.ops)
        splitio_store_fini(&g->store);
    close_fd(g->epoll);
    close_fd(g->wake);
    close_fd(g->pipe);
    close_fd(g->bell);
    close_fd(g->sock);
    close_fd(g->memfd);
    if (g->base)
        (void)munmap(g->base, mem_bytes(g));
    free(g->heap_map);
    free(g->grant_mem);
    free(g->handlers);
    free(g);
}
