/* SPDX-License-Identifier: BSD-2-Clause */
#include "world_shm.h"

#include <splitio/binding/shm.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct shm {
    struct splitio_shm_machine *machine;
    struct splitio_shm_guest *guest;
    pthread_t thread;
    /* Whoever touches the daemon's side has it: the thread while it serves,
     * the test at all other times but in calls of the guest. */
    pthread_mutex_t lock;
    int stop; /* readable: the thread ends */
    unsigned nr_served;
};

static void *serve(void *arg)
{
    struct shm *s = arg;
    struct pollfd fds[2] = {
        {.fd = splitio_shm_machine_fd(s->machine), .events = POLLIN},
        {.fd = s->stop, .events = POLLIN},
    };

    for (;;) {
        (void)poll(fds, 2, -1);
        if (fds[1].revents)
            return NULL;
        (void)pthread_mutex_lock(&s->lock);
        s->nr_served += splitio_shm_machine_poll(s->machine, 64);
        (void)pthread_mutex_unlock(&s->lock);
    }
}

static bool open_machine(struct shm *s, char *path, size_t len_bytes)
{
    const struct splitio_shm_machine_config cfg = {.path = path};
    static unsigned nr;

    snprintf(path, len_bytes, "/tmp/splitio-conform-%d-%u", (int)getpid(),
             nr++);
    return splitio_shm_machine_open(&s->machine, &cfg, NULL, 0) == 0;
}

static bool is_as_wished(const struct splitio_guest *g, unsigned grant_version,
                         bool fifo)
{
    return splitio_grant_table_version(&g->grants) == grant_version &&
           (splitio_guest_nr_fifo_pages(g) != 0) == fifo;
}

static bool open_with(struct world *w, unsigned grant_version, bool fifo)
{
    char path[100];
    const struct splitio_shm_guest_config cfg = {
        .path = path,
        .name = "conform",
        .nr_pages = WORLD_GUEST_PAGES,
        .nr_frames = (uint16_t)(8 * grant_version),
        .grant_version = (uint16_t)grant_version,
        .fifo_events = fifo};
    struct shm *s = calloc(1, sizeof(*s));
    char text[SPLITIO_SHM_TEXT_MAX] = "";
    int err;

    w->impl = s;
    if (!s || !open_machine(s, path, sizeof(path)))
        return false;
    s->stop = eventfd(0, EFD_CLOEXEC);
    if (s->stop < 0 || pthread_mutex_init(&s->lock, NULL) ||
        pthread_create(&s->thread, NULL, serve, s))
        return false;
    err = splitio_shm_guest_connect(&s->guest, &cfg, text, sizeof(text));
    (void)pthread_mutex_lock(&s->lock);
    if (err) {
        printf("# the guest cannot join: %s\n", text);
        return false;
    }
    w->guest = splitio_shm_guest_port(s->guest);
    w->host = splitio_shm_machine_host_port(s->machine);
    w->front_store = splitio_shm_guest_store(s->guest);
    w->back_store = splitio_shm_machine_store(s->machine);
    w->server = splitio_shm_machine_store_server(s->machine);
    return splitio_shm_guest_domid(s->guest) == WORLD_GUEST &&
           is_as_wished(splitio_shm_guest_of(s->guest), grant_version, fifo);
}

static bool open_v1(struct world *w)
{
    return open_with(w, 1, false);
}

static bool open_v2_fifo(struct world *w)
{
    return open_with(w, 2, true);
}

static void guest_begin(struct world *w)
{
    struct shm *s = w->impl;

    (void)pthread_mutex_unlock(&s->lock);
}

static void guest_end(struct world *w)
{
    struct shm *s = w->impl;

    (void)pthread_mutex_lock(&s->lock);
}

static void close_shm(struct world *w)
{
    struct shm *s = w->impl;
    const uint64_t one = 1;

    (void)pthread_mutex_unlock(&s->lock);
    splitio_shm_guest_close(s->guest);
    (void)!write(s->stop, &one, sizeof(one));
    (void)pthread_join(s->thread, NULL);
    if (splitio_shm_machine_close(s->machine))
        printf("# the machine cannot be closed\n");
    (void)close(s->stop);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

static bool is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 0) > 0;
}

/* All that was sent can be read at once: what is not seen here and now does not
 * come later. */
static unsigned step(struct world *w)
{
    struct shm *s = w->impl;
    unsigned n = splitio_shm_machine_poll(s->machine, 64);
    int got;

    n += s->nr_served;
    s->nr_served = 0;
    guest_begin(w);
    got = splitio_shm_guest_poll(s->guest, 64);
    guest_end(w);
    n += got > 0 ? (unsigned)got : 0;
    return n + s->nr_served + splitio_shm_machine_has_work(s->machine) +
           splitio_shm_guest_has_work(s->guest) +
           is_readable(splitio_shm_guest_fd(s->guest)) +
           is_readable(splitio_shm_machine_fd(s->machine));
}

static uint64_t usage(struct world *w)
{
    struct shm *s = w->impl;
    const struct splitio_guest *g = splitio_shm_guest_of(s->guest);
    struct splitio_shm_machine_stats m;
    struct splitio_shm_guest_info info = {0};
    struct splitio_store_stats store;

    splitio_shm_machine_get_stats(s->machine, &m);
    splitio_store_server_stats(w->server, &store);
    (void)splitio_shm_machine_guest_info(s->machine, WORLD_GUEST, &info);
    return ((uint64_t)m.nr_mapped + m.nr_windows + m.nr_ports + info.nr_open +
            info.nr_pins + splitio_guest_nr_lent(g) + WORLD_GUEST_PAGES -
            splitio_guest_nr_free_pages(g))
               << 32 |
           (store.watches + store.transactions);
}

#define SHM(text, opens)                                                       \
    {                                                                          \
        .name = text, .open = opens, .close = close_shm, .step = step,         \
        .guest_begin = guest_begin, .guest_end = guest_end, .usage = usage     \
    }

const struct binding bindings_shm[NR_SHMS] = {
    SHM("shm", open_v1),
    SHM("shm-grants-v2-fifo", open_v2_fifo),
};
