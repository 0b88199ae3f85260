/* SPDX-License-Identifier: BSD-2-Clause */
/* A learning switch whose ports are NICs. */
#include "fdb.h"

#include <splitio/nic.h>

#include <stdlib.h>
#include <string.h>

#define PORTS_MAX 1024u
#define HEADER    12u /* destination and source */

struct splitio_switch_port {
    struct splitio_switch *sw;
    uint16_t index;
    struct splitio_switch_port_config cfg;
    struct fdb_port addresses;
    struct splitio_switch_port_stats stats;
    splitio_nic_receive_fn receive;
    void *receiver;
};

struct splitio_switch {
    struct splitio_switch_port **ports;
    unsigned max_ports;
    struct fdb fdb;
    bool delivering;
};

/* The two addresses, from the first bytes of a frame in pieces. */
static bool read_header(const struct splitio_frame *frame, uint8_t to[HEADER])
{
    size_t have = 0;

    if (frame->len_bytes < SPLITIO_FRAME_BYTES_MIN)
        return false;
    for (uint32_t i = 0; i < frame->nr_iov && have < HEADER; i++) {
        size_t n = frame->iov[i].len_bytes;

        if (n > HEADER - have)
            n = HEADER - have;
        memcpy(to + have, frame->iov[i].base, n);
        have += n;
    }
    return have == HEADER;
}

static bool may_talk(const struct splitio_switch_port *from,
                     const struct splitio_switch_port *to)
{
    if (from == to)
        return false;
    if (from->cfg.isolated || to->cfg.isolated)
        return from->cfg.uplink || to->cfg.uplink;
    return true;
}

static void deliver(const struct splitio_switch_port *from,
                    struct splitio_switch_port *to,
                    const struct splitio_frame *frame)
{
    if (!to || !to->receive || !may_talk(from, to))
        return;
    if (to->receive(to->receiver, frame) != 0) {
        to->stats.dropped++;
        return;
    }
    to->stats.received_frames++;
    to->stats.received_bytes += frame->len_bytes;
}

static void forward(struct splitio_switch_port *from,
                    const struct splitio_frame *frame, const uint8_t *dst)
{
    struct splitio_switch *sw = from->sw;
    const struct fdb_port *to = dst[0] & 1 ? NULL : fdb_find(&sw->fdb, dst);

    sw->delivering = true;
    if (to)
        deliver(from, sw->ports[to->index], frame);
    else
        for (unsigned i = 0; i < sw->max_ports; i++)
            deliver(from, sw->ports[i], frame);
    sw->delivering = false;
}

/* The address of one station: not of a group, not of nobody. */
static bool is_station(const uint8_t *mac)
{
    static const uint8_t none[6];

    return !(mac[0] & 1) && memcmp(mac, none, 6) != 0;
}

/* True if the frame may have come from this port, which is then learnt. */
static bool source_ok(struct splitio_switch_port *p, const uint8_t *src)
{
    if (!is_station(src))
        return false;
    if (p->cfg.locked && memcmp(src, p->cfg.mac, 6) != 0)
        return false;
    return fdb_learn(&p->sw->fdb, src, &p->addresses);
}

/* IEEE 802.1Q reserves these for talk between neighbours: spanning tree, pause,
 * LLDP. A bridge never forwards them, lest a guest rearrange the network. */
static bool is_link_local(const uint8_t *dst)
{
    static const uint8_t prefix[5] = {0x01, 0x80, 0xc2, 0x00, 0x00};

    return memcmp(dst, prefix, 5) == 0 && dst[5] < 0x10;
}

static int port_send(void *ctx, const struct splitio_frame *frame)
{
    struct splitio_switch_port *p = ctx;
    uint8_t header[HEADER];

    if (p->sw->delivering)
        return SPLITIO_EAGAIN;
    if (!read_header(frame, header)) {
        p->stats.refused++;
        return SPLITIO_EINVAL;
    }
    if (is_link_local(header) || !source_ok(p, header + 6)) {
        p->stats.refused++;
        return 0;
    }
    p->stats.sent_frames++;
    p->stats.sent_bytes += frame->len_bytes;
    forward(p, frame, header);
    return 0;
}

static void port_info(void *ctx, struct splitio_nic_info *info)
{
    (void)ctx;
    info->mtu = 65535;
    info->flags =
        SPLITIO_NIC_CSUM | SPLITIO_NIC_GSO_TCPV4 | SPLITIO_NIC_GSO_TCPV6;
}

static void port_attach(void *ctx, splitio_nic_receive_fn receive,
                        void *receiver)
{
    struct splitio_switch_port *p = ctx;

    p->receive = receive;
    p->receiver = receiver;
}

/* Frames are delivered by whoever sends them. */
static int port_poll(void *ctx, unsigned budget)
{
    (void)ctx;
    (void)budget;
    return 0;
}

static const struct splitio_nic_ops port_ops = {
    .info = port_info,
    .send = port_send,
    .attach = port_attach,
    .poll = port_poll,
};

struct splitio_switch *splitio_switch_new(unsigned max_ports)
{
    struct splitio_switch *sw;

    if (max_ports == 0 || max_ports > PORTS_MAX)
        return NULL;
    sw = calloc(1, sizeof(*sw));
    if (!sw)
        return NULL;
    sw->max_ports = max_ports;
    sw->ports = calloc(max_ports, sizeof(struct splitio_switch_port *));
    if (sw->ports && fdb_init(&sw->fdb, max_ports) == 0)
        return sw;
    free(sw->ports);
    free(sw);
    return NULL;
}

void splitio_switch_free(struct splitio_switch *sw)
{
    if (!sw)
        return;
    for (unsigned i = 0; i < sw->max_ports; i++)
        if (sw->ports[i])
            splitio_switch_port_remove(sw->ports[i]);
    fdb_fini(&sw->fdb);
    free(sw->ports);
    free(sw);
}

int splitio_switch_port_add(struct splitio_switch *sw,
                            const struct splitio_switch_port_config *cfg,
                            struct splitio_switch_port **port)
{
    struct splitio_switch_port *p;
    unsigned i = 0;
    int err;

    if (cfg->locked && !is_station(cfg->mac))
        return SPLITIO_EINVAL;
    while (i < sw->max_ports && sw->ports[i])
        i++;
    if (i == sw->max_ports)
        return SPLITIO_ENOSPC;
    p = calloc(1, sizeof(*p));
    if (!p)
        return SPLITIO_ENOMEM;
    p->sw = sw;
    p->index = (uint16_t)i;
    p->cfg = *cfg;
    err = fdb_port_init(&sw->fdb, &p->addresses, p->index,
                        cfg->uplink ? SPLITIO_SWITCH_UPLINK_ADDRESSES_MAX
                                    : SPLITIO_SWITCH_ADDRESSES_MAX,
                        cfg->locked ? cfg->mac : NULL);
    if (err) {
        free(p);
        return err;
    }
    sw->ports[i] = p;
    *port = p;
    return 0;
}

void splitio_switch_port_remove(struct splitio_switch_port *port)
{
    fdb_port_fini(&port->sw->fdb, &port->addresses);
    port->sw->ports[port->index] = NULL;
    free(port);
}

struct splitio_nic splitio_switch_port_nic(struct splitio_switch_port *port)
{
    return (struct splitio_nic){.ops = &port_ops, .ctx = port};
}

const struct splitio_switch_port_stats *
splitio_switch_port_stats(const struct splitio_switch_port *port)
{
    return &port->stats;
}
