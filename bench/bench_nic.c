/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What does a frame cost in the switch: to one port that is known, to all of
 * them, from a locked port, and when the table is full?
 *
 * switch_<how>/<ports>/<addresses>: so many addresses behind each port, all of
 * them in use in turn. Receivers do nothing. Time is for one frame sent.
 */
#include "gbench.h"

#include <splitio/nic.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORTS_MAX 64u

static struct splitio_nic nics[PORTS_MAX];
static uint64_t nr_received;

static void die(const char *what)
{
    fprintf(stderr, "bench_nic: %s\n", what);
    exit(1);
}

static int receive(void *receiver, const struct splitio_frame *frame)
{
    (void)receiver;
    (void)frame;
    nr_received++;
    return 0;
}

/* Address `i` behind port `port`. */
static void put_address(uint8_t mac[6], unsigned port, unsigned i)
{
    const uint8_t bytes[6] = {2,          0, (uint8_t)(i >> 8),
                              (uint8_t)i, 0, (uint8_t)port};

    memcpy(mac, bytes, 6);
}

static struct splitio_switch *make(unsigned nr_ports, bool locked)
{
    struct splitio_switch *sw = splitio_switch_new(nr_ports);
    struct splitio_switch_port *port;

    for (unsigned i = 0; i < nr_ports; i++) {
        struct splitio_switch_port_config cfg = {.locked = locked};

        put_address(cfg.mac, i, 0);
        if (splitio_switch_port_add(sw, &cfg, &port))
            die("no port");
        nics[i] = splitio_switch_port_nic(port);
        nics[i].ops->attach(nics[i].ctx, receive, NULL);
    }
    return sw;
}

static void frame_from(uint8_t *bytes, unsigned to, unsigned from,
                       unsigned address, bool everybody)
{
    put_address(bytes, to, address);
    put_address(bytes + 6, from, address);
    if (everybody)
        memset(bytes, 0xff, 6);
}

static void run(struct gbench *b, unsigned nr_ports, unsigned nr_addresses,
                bool locked, bool everybody)
{
    struct splitio_switch *sw = make(nr_ports, locked);
    uint8_t bytes[60] = {0};
    struct splitio_iovec iov = {bytes, sizeof(bytes)};
    const struct splitio_frame frame = {
        .iov = &iov, .nr_iov = 1, .len_bytes = sizeof(bytes)};
    unsigned n = 0;
    int64_t total = 0;

    nr_received = 0;
    while (gbench_more(b, 64))
        for (unsigned i = 0; i < 64; i++, n++, total++) {
            const struct splitio_nic *nic = &nics[n % nr_ports];

            frame_from(bytes, (n + 1) % nr_ports, n % nr_ports,
                       n / nr_ports % nr_addresses, everybody);
            if (nic->ops->send(nic->ctx, &frame))
                die("not sent");
        }
    gbench_counter(b, "received", (double)nr_received / (double)total);
    splitio_switch_free(sw);
}

static void known(struct gbench *b, int64_t arg)
{
    run(b, (unsigned)(arg >> 16), (unsigned)(arg & 0xffff), false, false);
}

static void locked_port(struct gbench *b, int64_t arg)
{
    run(b, (unsigned)arg, 1, true, false);
}

static void everybody(struct gbench *b, int64_t arg)
{
    run(b, (unsigned)arg, 1, false, true);
}

void gbench_setup(void)
{
    static const unsigned ports[] = {2, 8, 64};
    char name[64];

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(ports); i++) {
        unsigned addresses[] = {1, SPLITIO_SWITCH_ADDRESSES_MAX,
                                SPLITIO_SWITCH_ADDRESSES_MAX * 2};

        for (unsigned a = 0; a < SPLITIO_ARRAY_LEN(addresses); a++) {
            snprintf(name, sizeof(name), "switch_unicast/%u/%u", ports[i],
                     addresses[a]);
            gbench_register(name, known,
                            (int64_t)ports[i] << 16 | addresses[a]);
        }
        snprintf(name, sizeof(name), "switch_locked/%u/1", ports[i]);
        gbench_register(name, locked_port, ports[i]);
        snprintf(name, sizeof(name), "switch_broadcast/%u/1", ports[i]);
        gbench_register(name, everybody, ports[i]);
    }
}
