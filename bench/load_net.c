/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that sends frames as fast as its NIC takes them, or counts those that
 * come.
 *
 * load_net SOCKET GUEST send BYTES SECONDS
 *     Prints how many a second the back has taken. They go to the address
 *     02:00:00:00:00:02, wherever that is. More than 1514 bytes are one TCP
 *     segment that somebody else may cut.
 * load_net SOCKET GUEST receive SECONDS
 *     Prints how many a second have come, counted from the first.
 */
#include "load.h"

#include <splitio/netfront.h>

#include <string.h>

/* Frames put between two looks at what has been done. */
#define BURST 32u

static struct load {
    struct splitio_shm_guest *guest;
    struct splitio_netfront front;
    struct splitio_iovec piece;
    struct splitio_frame frame;
    uint8_t bytes[65536];
    uint64_t nr_received;
} load;

static void on_receive(void *arg, const struct splitio_frame *frame)
{
    (void)arg;
    (void)frame;
    load.nr_received++;
}

static int turn(void)
{
    int n = splitio_shm_guest_poll(load.guest, BUDGET), moved;

    if (n < 0)
        die("guest", "the daemon is gone");
    moved = splitio_netfront_poll(&load.front, BUDGET);
    if (moved < 0)
        die("nic", splitio_strerror(moved));
    return n + moved;
}

static void turn_or_wait(void)
{
    if (turn() == 0)
        wait_for(load.guest);
}

static void connect_nic(const char *socket, const char *name)
{
    const struct splitio_shm_guest_config cfg = {
        .path = socket, .name = name, .nr_pages = 4096, .nr_frames = 8};
    struct splitio_netfront_config f = {.features = SPLITIO_NETIF_F_ALL,
                                        .max_queues = 1,
                                        .receive = on_receive};
    char dir[SPLITIO_TOOLSTACK_PATH_MAX];
    size_t bytes;

    load.guest = join(&cfg);
    find_dir(load.guest, "vif", 0, dir);
    f.port = splitio_shm_guest_port(load.guest);
    f.store = splitio_shm_guest_store(load.guest);
    f.dir = dir;
    bytes = splitio_netfront_mem_bytes(&f);
    must("front", splitio_netfront_init(&load.front, &f, memory(bytes), bytes));
    while (!splitio_netfront_is_up(&load.front))
        turn_or_wait();
}

/* TCP over IPv4, its checksum blank. */
static void make_frame(uint32_t bytes)
{
    static const uint8_t to[6] = {2, 0, 0, 0, 0, 2};

    memcpy(load.bytes, to, 6);
    memcpy(load.bytes + 6, splitio_netfront_mac(&load.front), 6);
    load.bytes[12] = 8;
    load.bytes[14] = 0x45;
    load.bytes[23] = 6;
    load.bytes[46] = 0x80;
    load.piece = (struct splitio_iovec){load.bytes, bytes};
    load.frame = (struct splitio_frame){
        .iov = &load.piece, .nr_iov = 1, .len_bytes = bytes};
    if (bytes <= 1514)
        return;
    load.frame.gso_type = SPLITIO_GSO_TCPV4;
    load.frame.gso_size = 1448;
    load.frame.flags = SPLITIO_FRAME_CSUM_PARTIAL;
    load.frame.csum_start = 34;
    load.frame.csum_offset = 16;
}

/* So that the switch knows where this address is. */
static void announce(void)
{
    make_frame(60);
    memset(load.bytes, 0xff, 6);
    must("announcing", splitio_netfront_send(&load.front, &load.frame));
    splitio_netfront_kick(&load.front);
}

static void run_send(uint32_t bytes, double seconds)
{
    double began, ended;
    uint64_t before;

    make_frame(bytes);
    before = splitio_netfront_stats(&load.front)->tx_frames;
    began = ended = now();
    while (ended < began + seconds) {
        unsigned n = 0;

        while (n < BURST &&
               splitio_netfront_send(&load.front, &load.frame) == 0)
            n++;
        splitio_netfront_kick(&load.front);
        if (n == BURST)
            (void)turn();
        else
            turn_or_wait();
        ended = now();
    }
    printf("%.0f\n",
           (double)(splitio_netfront_stats(&load.front)->tx_frames - before) /
               (ended - began));
}

static void run_receive(double seconds)
{
    double began, ended;

    announce();
    while (load.nr_received == 0)
        turn_or_wait();
    load.nr_received = 0;
    began = ended = now();
    while (ended < began + seconds) {
        turn_or_wait();
        ended = now();
    }
    printf("%.0f\n", (double)load.nr_received / (ended - began));
}

static void leave(void)
{
    splitio_netfront_close(&load.front);
    while (!splitio_netfront_is_closed(&load.front))
        turn_or_wait();
    (void)splitio_netfront_fini(&load.front);
    splitio_shm_guest_close(load.guest);
}

int main(int argc, char **argv)
{
    bool send = argc == 6 && strcmp(argv[3], "send") == 0;
    uint32_t bytes = send ? (uint32_t)strtoul(argv[4], NULL, 0) : 0;

    if (!send && (argc != 5 || strcmp(argv[3], "receive") != 0))
        die("usage", "see the head of its source");
    if (send && (bytes < 60 || bytes > 65000))
        die("usage", "the frame is too short or too long");
    connect_nic(argv[1], argv[2]);
    if (send)
        run_send(bytes, strtod(argv[5], NULL));
    else
        run_receive(strtod(argv[4], NULL));
    leave();
    return 0;
}
