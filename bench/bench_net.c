/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What does a frame cost on its way through netfront, the rings, the grant
 * engine and netback, with both halves on one processor?
 *
 * net_tx/<bytes>/<n>: out of the guest into a NIC that swallows it, n frames a
 * batch. net_rx/<bytes>/<n>: from a NIC into the guest. net_staged_...: the same
 * with the front's pages kept mapped at the back. Frames of 65226 bytes
 * are TCP frames to be cut by the NIC (45 segments of 1448 bytes).
 *
 * Time is for one frame; bytes are the frames'.
 */
#include "gbench.h"

#include <splitio/binding/fake.h>
#include <splitio/netback.h>
#include <splitio/netfront.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 32u

static struct splitio_fake *fake;
static struct splitio_netback back;
static struct splitio_netfront front;
static struct splitio_iovec piece;
static struct splitio_frame frame = {.iov = &piece, .nr_iov = 1};
static unsigned to_deliver;
static splitio_nic_receive_fn receive;
static void *receiver;
static uint64_t received;

static void nic_info(void *ctx, struct splitio_nic_info *info)
{
    (void)ctx;
    info->mtu = 1500;
    info->flags =
        SPLITIO_NIC_CSUM | SPLITIO_NIC_GSO_TCPV4 | SPLITIO_NIC_GSO_TCPV6;
}

static int nic_send(void *ctx, const struct splitio_frame *f)
{
    (void)ctx;
    gbench_use(f->iov->base);
    return 0;
}

static void nic_attach(void *ctx, splitio_nic_receive_fn fn, void *arg)
{
    (void)ctx;
    receive = fn;
    receiver = arg;
}

static int nic_poll(void *ctx, unsigned budget)
{
    unsigned done = 0;

    (void)ctx;
    while (done < budget && to_deliver != 0 && receive(receiver, &frame) == 0) {
        to_deliver--;
        done++;
    }
    return (int)done;
}

static const struct splitio_nic_ops nic_ops = {
    .info = nic_info,
    .send = nic_send,
    .attach = nic_attach,
    .poll = nic_poll,
};

static void on_receive(void *arg, const struct splitio_frame *f)
{
    (void)arg;
    gbench_use(f->iov->base);
    received++;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_net: %s\n", what);
    exit(1);
}

static void *memory(size_t bytes)
{
    void *mem = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

    if (!mem)
        die("out of memory");
    return mem;
}

static void join(void)
{
    static const struct splitio_fake_config cfg = {.nr_guests = 1};
    struct splitio_netback_config b = {.nic = {&nic_ops, NULL},
                                       .features = SPLITIO_NETIF_F_ALL,
                                       .staged_pages = 512};
    struct splitio_netfront_config f = {.features = SPLITIO_NETIF_F_ALL,
                                        .ctrl_ring = true,
                                        .receive = on_receive};
    struct splitio_netif_offer offer;
    struct splitio_netif_link link;

    fake = splitio_fake_new(&cfg);
    if (!fake)
        die("no machine");
    b.port = splitio_host_port(splitio_fake_host(fake));
    f.port = splitio_guest_port(splitio_fake_guest(fake, 1));
    if (splitio_netback_init(&back, &b, memory(splitio_netback_mem_bytes(&b)),
                             splitio_netback_mem_bytes(&b)) ||
        splitio_netfront_init(&front, &f,
                              memory(splitio_netfront_mem_bytes(&f)),
                              splitio_netfront_mem_bytes(&f)))
        die("no device");
    splitio_netback_offer(&back, &offer);
    if (splitio_netfront_connect(&front, 0, &offer, &link) ||
        splitio_netback_connect(&back, 1, &link))
        die("no connection");
}

/* A TCP frame over IPv4, its checksum blank; the long one to be cut. */
static void make_frame(uint32_t len_bytes)
{
    static uint8_t bytes[65536];

    memset(bytes, 0, 66);
    bytes[12] = 8;
    bytes[14] = 0x45;
    bytes[23] = 6;
    bytes[46] = 0x80;
    piece.base = bytes;
    piece.len_bytes = frame.len_bytes = len_bytes;
    frame.gso_type = len_bytes > 1514 ? SPLITIO_GSO_TCPV4 : SPLITIO_GSO_NONE;
    frame.gso_size = len_bytes > 1514 ? 1448 : 0;
    frame.flags = len_bytes >= 66 ? SPLITIO_FRAME_CSUM_PARTIAL : 0;
    frame.csum_start = 34;
    frame.csum_offset = 16;
}

static void turn(void)
{
    splitio_fake_step(fake);
    while (splitio_netback_poll(&back, 64) == 64)
        ;
    while (splitio_netfront_poll(&front, 64) == 64)
        ;
}

static unsigned batch(void)
{
    return frame.len_bytes > 4096 ? 8 : BATCH;
}

static void run_tx(struct gbench *b, int64_t len_bytes)
{
    int64_t frames = 0;

    make_frame((uint32_t)len_bytes);
    while (gbench_more(b, batch())) {
        for (unsigned i = 0; i < batch(); i++)
            if (splitio_netfront_send(&front, &frame))
                die("ring full");
        splitio_netfront_kick(&front);
        turn();
        frames += batch();
    }
    gbench_bytes(b, frames * len_bytes);
}

static void run_rx(struct gbench *b, int64_t len_bytes)
{
    int64_t frames = 0;
    uint64_t before = received;

    make_frame((uint32_t)len_bytes);
    while (gbench_more(b, batch())) {
        to_deliver = batch();
        turn();
        frames += batch();
    }
    if (received - before != (uint64_t)frames)
        die("frames are missing");
    gbench_bytes(b, frames * len_bytes);
}

/* The front's pages mapped at the back, or not any more. */
static void stage(bool on)
{
    if (splitio_netfront_set_staging(&front, on))
        die("no control ring");
    do
        turn();
    while (splitio_netfront_nr_staged(&front) == SPLITIO_EAGAIN);
    if (splitio_netfront_nr_staged(&front) != (on ? 512 : 0))
        die("pages are not staged");
}

static void run_staged_tx(struct gbench *b, int64_t len_bytes)
{
    stage(true);
    run_tx(b, len_bytes);
    stage(false);
}

static void run_staged_rx(struct gbench *b, int64_t len_bytes)
{
    stage(true);
    run_rx(b, len_bytes);
    stage(false);
}

void gbench_setup(void)
{
    join();
    gbench_register("net_tx/60/32", run_tx, 60);
    gbench_register("net_tx/1514/32", run_tx, 1514);
    gbench_register("net_tx/65226/8", run_tx, 65226);
    gbench_register("net_rx/60/32", run_rx, 60);
    gbench_register("net_rx/1514/32", run_rx, 1514);
    gbench_register("net_rx/65226/8", run_rx, 65226);
    gbench_register("net_staged_tx/60/32", run_staged_tx, 60);
    gbench_register("net_staged_tx/1514/32", run_staged_tx, 1514);
    gbench_register("net_staged_tx/65226/8", run_staged_tx, 65226);
    gbench_register("net_staged_rx/60/32", run_staged_rx, 60);
    gbench_register("net_staged_rx/1514/32", run_staged_rx, 1514);
    gbench_register("net_staged_rx/65226/8", run_staged_rx, 65226);
}
