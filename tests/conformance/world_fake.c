/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake machine, in one variant for each way that it can be set up. */
#include "world_fake.h"

#include <splitio/binding/fake.h>

static bool is_as_wished(const struct splitio_guest *g,
                         const struct splitio_fake_config *cfg)
{
    unsigned version = cfg->grant_v2_guests ? 2 : 1;

    return splitio_grant_table_version(&g->grants) == version &&
           (splitio_guest_nr_fifo_pages(g) != 0) == (cfg->fifo_guests != 0);
}

static bool open_with(struct world *w, const struct splitio_fake_config *cfg)
{
    struct splitio_fake *fake = splitio_fake_new(cfg);

    if (!fake)
        return false;
    w->impl = fake;
    if (!is_as_wished(splitio_fake_guest(fake, WORLD_GUEST), cfg))
        return false;
    w->guest = splitio_guest_port(splitio_fake_guest(fake, WORLD_GUEST));
    w->host = splitio_host_port(splitio_fake_host(fake));
    w->front_store = splitio_fake_guest_store(fake, WORLD_GUEST);
    w->back_store = splitio_fake_host_store(fake);
    w->server = splitio_fake_server(fake);
    return true;
}

#define OPENS(name, ...)                                                       \
    static bool open_##name(struct world *w)                                   \
    {                                                                          \
        const struct splitio_fake_config cfg = {.heap_pages =                  \
                                                    WORLD_GUEST_PAGES,         \
                                                .nr_grant_frames = 16,         \
                                                __VA_ARGS__};                  \
                                                                               \
        return open_with(w, &cfg);                                             \
    }

OPENS(plain, .fifo_guests = 0)
OPENS(v2, .grant_v2_guests = 1)
OPENS(fifo, .fifo_guests = 1)
OPENS(v2_fifo, .grant_v2_guests = 1, .fifo_guests = 1)

static void close_fake(struct world *w)
{
    splitio_fake_delete(w->impl);
}

static unsigned step(struct world *w)
{
    return splitio_fake_step(w->impl);
}

static void nothing(struct world *w)
{
    (void)w;
}

static uint64_t usage(struct world *w)
{
    struct splitio_store_stats store;
    struct splitio_fake_usage u;

    splitio_fake_usage(w->impl, &u);
    splitio_store_server_stats(w->server, &store);
    return ((uint64_t)u.mapped + u.pins + u.lent + u.pages + u.guest_ports +
            u.host_ports)
               << 32 |
           (store.watches + store.transactions);
}

#define FAKE(text, opens)                                                      \
    {                                                                          \
        .name = text, .open = opens, .close = close_fake, .step = step,        \
        .guest_begin = nothing, .guest_end = nothing, .usage = usage           \
    }

const struct binding bindings_fake[NR_FAKES] = {
    FAKE("fake", open_plain),
    FAKE("fake-grants-v2", open_v2),
    FAKE("fake-fifo", open_fifo),
    FAKE("fake-grants-v2-fifo", open_v2_fifo),
};
