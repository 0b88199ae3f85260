/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake machine, in one variant for each way that it can be set up. */
#include "world_fake.h"

#include <splitio/binding/fake.h>

static bool open_with(struct world *w, const struct splitio_fake_config *cfg)
{
    struct splitio_fake *fake = splitio_fake_new(cfg);

    if (!fake)
        return false;
    w->impl = fake;
    w->guest = splitio_guest_port(splitio_fake_guest(fake, WORLD_GUEST));
    w->host = splitio_host_port(splitio_fake_host(fake));
    w->front_store = splitio_fake_guest_store(fake, WORLD_GUEST);
    w->back_store = splitio_fake_host_store(fake);
    w->server = splitio_fake_server(fake);
    return true;
}

static bool open_plain(struct world *w)
{
    const struct splitio_fake_config cfg = {.heap_pages = WORLD_GUEST_PAGES,
                                            .nr_grant_frames = 8};

    return open_with(w, &cfg);
}

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

const struct binding binding_fake = {
    .name = "fake",
    .open = open_plain,
    .close = close_fake,
    .step = step,
    .guest_begin = nothing,
    .guest_end = nothing,
    .usage = usage,
};
