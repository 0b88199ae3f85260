/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest behind a window: joining, polling, leaving. */
#include "guest_int.h"

/* Handlers run by a wait. */
#define WAIT_BUDGET 64

#define ALIGNED(bytes) (((bytes) + 7) & ~(size_t)7)

/* --- memory --- */

static uint32_t pages_of(const struct splitio_ivshmem_guest_config *cfg)
{
    uint64_t pages = cfg->window_bytes / SPLITIO_PAGE_SIZE;

    return pages > 1 && cfg->window_bytes <= SPLITIO_IVSHMEM_WINDOW_MAX
               ? (uint32_t)pages - 1
               : 0;
}

size_t
splitio_ivshmem_guest_mem_bytes(const struct splitio_ivshmem_guest_config *cfg)
{
    return ALIGNED(SPLITIO_GUEST_MAP_MEM(pages_of(cfg))) +
           ALIGNED(SPLITIO_GRANT_TABLE_MEM(cfg->nr_grant_frames)) +
           cfg->nr_ports * sizeof(struct splitio_event_handler);
}

static void *frame(const struct splitio_ivshmem_guest *g, uint32_t gfn)
{
    return g->base + (size_t)gfn * SPLITIO_PAGE_SIZE;
}

/* --- joining --- */

static int make_guest(struct splitio_ivshmem_guest *g)
{
    const struct splitio_ivshmem_guest_config *cfg = &g->cfg;
    uint32_t heap = SPLITIO_SHM_FRAME_GRANTS + cfg->nr_grant_frames;
    uint8_t *map = cfg->mem;
    uint8_t *grants = map + ALIGNED(SPLITIO_GUEST_MAP_MEM(pages_of(cfg)));
    uint8_t *handlers =
        grants + ALIGNED(SPLITIO_GRANT_TABLE_MEM(cfg->nr_grant_frames));
    const struct splitio_guest_config guest = {
        .ops = &splitio_ivshmem_hypercalls,
        .ops_ctx = g,
        .heap = frame(g, heap),
        .heap_gfn = heap,
        .heap_pages = g->nr_pages - heap,
        .heap_map = (uint64_t *)(void *)map,
        .grant_frames = frame(g, SPLITIO_SHM_FRAME_GRANTS),
        .nr_grant_frames = cfg->nr_grant_frames,
        .grant_mem = (uint32_t *)(void *)grants,
        .shared_info = frame(g, SPLITIO_SHM_FRAME_SHARED_INFO),
        .abi = &splitio_event_abi_x86_64,
        .handlers = (struct splitio_event_handler *)(void *)handlers,
        .nr_handlers = cfg->nr_ports,
    };

    g->handlers = guest.handlers;
    return splitio_guest_init(&g->guest, &guest);
}

static void notify_store(void *ctx)
{
    struct splitio_ivshmem_guest *g = ctx;

    splitio_ivshmem_hypercalls.event_send(g, g->store_port);
}

static int make_ring(struct splitio_ivshmem_guest *g)
{
    void *page = frame(g, SPLITIO_SHM_FRAME_STORE);

    __builtin_memset(page, 0, SPLITIO_PAGE_SIZE);
    return splitio_store_ring_init(&g->ring, page, notify_store, g);
}

static void on_store_event(void *guest)
{
    struct splitio_ivshmem_guest *g = guest;

    g->store_event = true;
}

static int take_welcome(struct splitio_ivshmem_guest *g,
                        const struct splitio_shm_welcome *w, const char **why)
{
    if (w->magic == SPLITIO_SHM_MAGIC && w->type == SPLITIO_SHM_REFUSED) {
        __builtin_memcpy(g->text, w->text, sizeof(g->text));
        g->text[sizeof(g->text) - 1] = '\0';
        *why = g->text;
        return SPLITIO_EACCES;
    }
    if (w->magic != SPLITIO_SHM_MAGIC || w->type != SPLITIO_SHM_WELCOME ||
        w->store_port == 0 || w->store_port >= g->cfg.nr_ports) {
        *why = "the daemon's answer makes no sense";
        return SPLITIO_EPROTO;
    }
    g->domid = (splitio_domid_t)w->domid;
    g->store_port = w->store_port;
    return 0;
}

/* Say hello; tables and ring are in order, and nothing is bound. */
static int join(struct splitio_ivshmem_guest *g, const char **why)
{
    const struct splitio_shm_hello hello = {
        .magic = SPLITIO_SHM_MAGIC,
        .version = SPLITIO_SHM_VERSION,
        .type = SPLITIO_SHM_HELLO,
        .abi = SPLITIO_SHM_ABI_64,
        .nr_pages = g->nr_pages,
        .nr_grant_frames = g->cfg.nr_grant_frames,
        .nr_ports = g->cfg.nr_ports,
    };
    struct splitio_event_handler handler = {on_store_event, g};
    /* Before the hello: should it change from here on, this is over already. */
    uint32_t session = splitio_load_acquire_u32(&g->mailbox->session);
    struct splitio_shm_welcome w;
    int err;

    g->joined = false;
    __builtin_memset(g->doorbell, 0, sizeof(*g->doorbell));
    err = splitio_ivshmem_exchange(g, &hello, sizeof(hello), &w, sizeof(w));
    if (err) {
        *why = "the daemon does not answer: is splitiod there?";
        return err;
    }
    err = take_welcome(g, &w, why);
    if (err)
        return err;
    g->session = session;
    g->joined = true;
    g->store_event = g->store_full = false;
    if (splitio_event_guest_bind(&g->guest.events, g->store_port, handler))
        g->cfg.ops->wake(g->cfg.ctx);
    return 0;
}

static int look_at_window(struct splitio_ivshmem_guest *g, const char **why)
{
    const struct splitio_ivshmem_guest_config *cfg = &g->cfg;

    *why = "bad configuration";
    if (!cfg->window || !cfg->ops || !cfg->mem ||
        cfg->mem_bytes < splitio_ivshmem_guest_mem_bytes(cfg) ||
        cfg->nr_grant_frames == 0 ||
        cfg->nr_grant_frames > SPLITIO_GRANT_FRAMES_MAX || cfg->nr_ports < 2 ||
        cfg->nr_ports > 4096)
        return SPLITIO_EINVAL;
    *why = "the window is too small";
    if (pages_of(cfg) <= SPLITIO_SHM_FRAME_GRANTS + cfg->nr_grant_frames)
        return SPLITIO_ENOSPC;
    g->mailbox = cfg->window;
    *why = "there is no daemon of splitio behind the window";
    if (splitio_read_once_u64(&g->mailbox->magic) != SPLITIO_SHM_MAGIC)
        return SPLITIO_EPROTO;
    *why = "the daemon behind the window is of another version";
    if (splitio_read_once_u32(&g->mailbox->version) != SPLITIO_IVSHMEM_VERSION)
        return SPLITIO_EPROTO;
    g->nr_pages = splitio_read_once_u32(&g->mailbox->nr_pages);
    *why = "the window is smaller than its daemon says";
    return g->nr_pages <= pages_of(cfg) &&
                   g->nr_pages > SPLITIO_SHM_FRAME_GRANTS + cfg->nr_grant_frames
               ? 0
               : SPLITIO_ENOSPC;
}

int splitio_ivshmem_guest_open(struct splitio_ivshmem_guest *g,
                               const struct splitio_ivshmem_guest_config *cfg,
                               const char **why)
{
    int err;

    __builtin_memset(g, 0, sizeof(*g));
    g->cfg = *cfg;
    err = look_at_window(g, why);
    if (err)
        return err;
    g->base = (uint8_t *)cfg->window + SPLITIO_PAGE_SIZE;
    g->doorbell = frame(g, SPLITIO_SHM_FRAME_DOORBELL);
    *why = "no guest can be made of that";
    /* Whoever was here before may have left anything. */
    __builtin_memset(frame(g, SPLITIO_SHM_FRAME_SHARED_INFO), 0,
                     SPLITIO_PAGE_SIZE);
    err = make_guest(g);
    if (!err)
        err = make_ring(g);
    if (!err)
        err = splitio_store_init(&g->store,
                                 splitio_store_ring_transport(&g->ring));
    return err ? err : join(g, why);
}

int splitio_ivshmem_guest_rejoin(struct splitio_ivshmem_guest *g,
                                 const char **why)
{
    void *shared_info = frame(g, SPLITIO_SHM_FRAME_SHARED_INFO);
    int err;

    *why = "a front has not closed its channel";
    for (uint32_t port = 1; port < g->cfg.nr_ports; port++)
        if (port != g->store_port && g->handlers[port].fn)
            return SPLITIO_EBUSY;
    __builtin_memset(shared_info, 0, SPLITIO_PAGE_SIZE);
    splitio_event_guest_init(&g->guest.events, &splitio_event_abi_x86_64,
                             shared_info, g->handlers, g->cfg.nr_ports);
    *why = "the store's page cannot be used";
    err = make_ring(g);
    if (err)
        return err;
    splitio_store_reconnect(&g->store, splitio_store_ring_transport(&g->ring));
    return join(g, why);
}

void splitio_ivshmem_guest_forget(struct splitio_ivshmem_guest *g)
{
    g->joined = false;
}

int splitio_ivshmem_guest_close(struct splitio_ivshmem_guest *g)
{
    const struct splitio_shm_call leave = {.type = SPLITIO_IVSHMEM_LEAVE};
    struct splitio_shm_call reply;
    int err = 0;

    splitio_store_fini(&g->store);
    if (!splitio_ivshmem_is_over(g))
        err = splitio_ivshmem_exchange(g, &leave, sizeof(leave), &reply,
                                       sizeof(reply));
    g->joined = false;
    return err == SPLITIO_ECLOSED ? 0 : err;
}

/* --- polling --- */

static void unmask_store(struct splitio_ivshmem_guest *g)
{
    struct splitio_guest_port port = splitio_guest_port(&g->guest);

    port.ops->event_unmask(port.ctx, g->store_port);
}

static bool store_has_output(const struct splitio_ivshmem_guest *g)
{
    bool want_write = false;

    (void)splitio_store_has_work(&g->store, &want_write);
    return want_write;
}

static int poll_store(struct splitio_ivshmem_guest *g, unsigned budget)
{
    bool event = g->store_event;
    int n;

    if (!event && (g->store_full || !store_has_output(g)))
        return 0;
    g->store_event = false;
    n = splitio_store_poll(&g->store, budget);
    /* What did not fit waits for the server's event. */
    g->store_full = store_has_output(g);
    if (n > 0 && (unsigned)n == budget)
        g->store_event = event;
    if (event && !g->store_event)
        unmask_store(g);
    return n > 0 ? n : 0;
}

int splitio_ivshmem_guest_poll(struct splitio_ivshmem_guest *g, unsigned budget)
{
    int n;

    if (splitio_ivshmem_is_over(g))
        return SPLITIO_ECLOSED;
    n = (int)splitio_guest_poll(&g->guest, budget);
    return n + poll_store(g, budget);
}

bool splitio_ivshmem_guest_has_work(const struct splitio_ivshmem_guest *g)
{
    return splitio_ivshmem_is_over(g) || g->store_event ||
           splitio_guest_has_upcall(&g->guest) ||
           (!g->store_full && store_has_output(g));
}

int splitio_ivshmem_guest_wait(void *guest)
{
    struct splitio_ivshmem_guest *g = guest;
    int err =
        splitio_ivshmem_guest_has_work(g) ? 0 : g->cfg.ops->wait(g->cfg.ctx);

    if (splitio_ivshmem_is_over(g))
        return SPLITIO_ECLOSED;
    (void)splitio_guest_poll(&g->guest, WAIT_BUDGET);
    if (g->store_event) {
        /* The caller is about to look at the store. */
        g->store_event = g->store_full = false;
        unmask_store(g);
    }
    return err;
}

struct splitio_guest_port
splitio_ivshmem_guest_port(struct splitio_ivshmem_guest *g)
{
    return splitio_guest_port(&g->guest);
}

struct splitio_store *
splitio_ivshmem_guest_store(struct splitio_ivshmem_guest *g)
{
    return &g->store;
}
