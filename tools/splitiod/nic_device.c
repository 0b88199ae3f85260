/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's NIC: netback over a port of a switch. */
#include "device.h"

#include <splitio/netback.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A limit is kept to in steps of so long, as Xen's toolstack has it. */
#define RATE_STEP_USEC 50000u

/* Turns that a guest's frame waits for a NIC without room. */
#define NIC_FULL_POLLS 64u

struct nic_device {
    struct device device; /* first: freed as one */
    struct splitio_netback back;
    struct splitio_switch_port *port;
    const struct nic_options *options;
    void *mem;
};

static struct nic_device *of(struct device *d)
{
    return SPLITIO_CONTAINER_OF(d, struct nic_device, device);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int nic_poll(struct device *d, unsigned budget)
{
    splitio_netback_set_time(&of(d)->back, now_ns());
    return splitio_netback_poll(&of(d)->back, budget);
}

static uint64_t nic_wait_ns(struct device *d)
{
    return splitio_netback_wait_ns(&of(d)->back);
}

static bool nic_tick(struct device *d)
{
    return splitio_netback_tick(&of(d)->back) != 0;
}

static int nic_end(struct device *d)
{
    int err = splitio_netback_fini(&of(d)->back);

    if (err == 0) {
        splitio_switch_port_remove(of(d)->port);
        free(of(d)->mem);
    }
    return err;
}

static struct splitio_xenbus *nic_xenbus(struct device *d)
{
    return &of(d)->back.xb;
}

/* The configured address; else one of our own range, made of domain and index,
 * the same each time that the guest gets the same domain. */
static void choose_mac(const struct nic_options *o, splitio_domid_t front,
                       unsigned index, char text[18])
{
    uint8_t own[6] = {0x00,           0x16,
                      0x3e,           (uint8_t)(front >> 8),
                      (uint8_t)front, (uint8_t)index};
    const uint8_t *mac = o->has_mac ? o->mac : own;

    snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
             mac[3], mac[4], mac[5]);
}

static int write_nodes(struct nic_device *d, const struct nic_options *o,
                       unsigned index)
{
    char mac[18], number[16], mtu[16], rate[32];
    struct splitio_toolstack_key front[4] = {
        {"handle", number}, {"mac", mac}, {NULL, mtu}, {NULL, NULL}};
    struct splitio_toolstack_key back[3] = {
        {"handle", number}, {"mac", mac}, {NULL, NULL}};
    unsigned nr_front = 2, nr_back = 2;

    if (!d->device.venue.server)
        return 0;
    snprintf(number, sizeof(number), "%u", index);
    snprintf(mtu, sizeof(mtu), "%u", o->mtu);
    snprintf(rate, sizeof(rate), "%" PRIu64 ",%u",
             o->rate_bytes * RATE_STEP_USEC / 1000000, RATE_STEP_USEC);
    choose_mac(o, d->device.nodes.front, index, mac);
    if (o->mtu != 0)
        front[nr_front++].key = "mtu";
    if (o->untrusted)
        front[nr_front++] = (struct splitio_toolstack_key){"trusted", "0"};
    if (o->rate_bytes != 0)
        back[nr_back++] = (struct splitio_toolstack_key){"rate", rate};
    return splitio_toolstack_device_add(d->device.venue.server,
                                        &d->device.nodes, front, nr_front, back,
                                        nr_back);
}

static int make_back(struct nic_device *d, const struct venue *venue,
                     const struct nic_options *o)
{
    char dir[SPLITIO_TOOLSTACK_PATH_MAX];
    const struct splitio_netback_config cfg = {
        .port = venue->port,
        .nic = splitio_switch_port_nic(d->port),
        .store = venue->store,
        .dir = dir,
        .features = SPLITIO_NETIF_F_ALL,
        .max_queues = o->queues,
        .mtu = o->mtu,
        .nic_full_polls = NIC_FULL_POLLS,
    };
    size_t bytes = splitio_netback_mem_bytes(&cfg);

    splitio_toolstack_back_path(&d->device.nodes, dir);
    bytes = (bytes + SPLITIO_PAGE_MASK) & ~(size_t)SPLITIO_PAGE_MASK;
    d->mem = aligned_alloc(SPLITIO_PAGE_SIZE, bytes);
    if (!d->mem)
        return SPLITIO_ENOMEM;
    return splitio_netback_init(&d->back, &cfg, d->mem, bytes);
}

/* ---- another back in its place ---- */

static int nic_pause(struct device *d)
{
    return splitio_netback_pause(&of(d)->back);
}

static void nic_go_on(struct device *d)
{
    splitio_netback_go_on(&of(d)->back);
}

static int nic_save(struct device *d, void *blob, size_t size, size_t *bytes)
{
    return splitio_netback_save(&of(d)->back, blob, size, bytes);
}

static int nic_abandon(struct device *d)
{
    return splitio_netback_fini(&of(d)->back);
}

static int nic_revive(struct device *d, const void *blob, size_t bytes)
{
    int err;

    free(of(d)->mem);
    of(d)->mem = NULL;
    err = make_back(of(d), &d->venue, of(d)->options);
    /* A back that cannot do what the last one did connects anew. */
    if (!err)
        (void)splitio_netback_restore(&of(d)->back, blob, bytes);
    return err;
}

static const struct device_kind nic_kind = {
    .poll = nic_poll,
    .wait_ns = nic_wait_ns,
    .tick = nic_tick,
    .end = nic_end,
    .xenbus = nic_xenbus,
    .pause = nic_pause,
    .save = nic_save,
    .abandon = nic_abandon,
    .go_on = nic_go_on,
    .revive = nic_revive,
};

static int set_up(struct nic_device *d, const struct venue *venue,
                  struct lan *lan, const struct nic_options *o, unsigned index)
{
    struct splitio_switch_port_config cfg = {.isolated = o->isolated,
                                             .locked = o->has_mac};
    int err;

    for (unsigned i = 0; i < sizeof(cfg.mac); i++)
        cfg.mac[i] = o->mac[i];
    err = splitio_switch_port_add(lan->sw, &cfg, &d->port);
    if (err)
        return err;
    err = write_nodes(d, o, index);
    if (!err) {
        err = make_back(d, venue, o);
        if (err && venue->server)
            splitio_toolstack_device_remove(venue->server, &d->device.nodes);
    }
    if (err)
        splitio_switch_port_remove(d->port);
    return err;
}

struct device *nic_device_new(const struct venue *venue, struct lan *lan,
                              const struct nic_options *o, unsigned index,
                              splitio_domid_t front, char *reason,
                              size_t reason_bytes)
{
    struct nic_device *d = calloc(1, sizeof(*d));
    int err = SPLITIO_ENOMEM;

    if (d) {
        d->options = o;
        d->device = (struct device){
            .kind = &nic_kind,
            .name = o->name,
            .nodes = {"vif", index, front, 0},
            .venue = *venue,
        };
        err = set_up(d, venue, lan, o, index);
    }
    if (!err)
        return &d->device;
    snprintf(reason, reason_bytes, "nic %s: %s", o->name,
             splitio_strerror(err));
    if (d)
        free(d->mem);
    free(d);
    return NULL;
}
