/* SPDX-License-Identifier: BSD-2-Clause */
/* The NIC: whoever asks is answered. */
#include "unikernel.h"

#define FRAME_MAX 2048u

static uint8_t memory[65536] __attribute__((aligned(64)));

/* The pieces of a frame, in one; 0: it is longer than any that is answered. */
static uint32_t gather(const struct splitio_frame *frame, uint8_t *to)
{
    uint32_t len = 0;

    if (frame->len_bytes > FRAME_MAX)
        return 0;
    for (uint32_t i = 0; i < frame->nr_iov; i++) {
        __builtin_memcpy(to + len, frame->iov[i].base, frame->iov[i].len_bytes);
        len += (uint32_t)frame->iov[i].len_bytes;
    }
    return len;
}

static void tell(const struct net *n, enum wire_kind kind)
{
    static const char *const names[WIRE_KINDS] = {
        [WIRE_ARP] = "ARP", [WIRE_PING] = "ping", [WIRE_UDP] = "UDP echo"};
    struct line l = {0};

    add_text(&l, "nic: answered ");
    add_text(&l, names[kind]);
    add_text(&l, " number ");
    add_number(&l, n->answered[kind]);
    say(n->bm, &l);
}

/* An answer for which there is no room is one that got lost. */
static void on_frame(void *arg, const struct splitio_frame *frame)
{
    struct net *n = arg;
    uint8_t bytes[FRAME_MAX];
    uint32_t len = gather(frame, bytes);
    enum wire_kind kind = wire_answer(&n->me, bytes, &len);
    const struct splitio_iovec iov = {bytes, len};
    const struct splitio_frame answer = {
        .iov = &iov, .nr_iov = 1, .len_bytes = len};

    if (kind == WIRE_NOTHING || splitio_netfront_send(&n->front, &answer))
        return;
    /* The first of each, and then one in a thousand. */
    if (n->answered[kind]++ % 1000 == 0)
        tell(n, kind);
}

int net_open(struct net *n, struct splitio_baremetal *bm, const uint8_t ip[4])
{
    char dir[SPLITIO_XENBUS_DIR_MAX];
    const struct splitio_netfront_config cfg = {
        .port = splitio_baremetal_port(bm),
        .store = splitio_baremetal_store(bm),
        .dir = dir,
        .nr_tx_pages = 64,
        .nr_rx_pages = 64,
        .receive = on_frame,
        .arg = n,
    };
    int err = ask_device(bm, "vif", dir);

    n->bm = bm;
    __builtin_memcpy(n->me.ip, ip, sizeof(n->me.ip));
    if (err == SPLITIO_ENOENT) {
        say_text(bm, "nic: there is none");
        return 0;
    }
    n->exists = !err;
    return err ? err
               : splitio_netfront_init(&n->front, &cfg, memory, sizeof(memory));
}

int net_poll(struct net *n)
{
    struct line l = {0};
    int done;

    if (!n->exists)
        return 0;
    done = splitio_netfront_poll(&n->front, 64);
    if (splitio_netfront_is_up(&n->front) && !n->was_up) {
        n->was_up = true;
        __builtin_memcpy(n->me.mac, splitio_netfront_mac(&n->front), 6);
        add_text(&l, "nic: ");
        add_bytes(&l, n->me.mac, 6, ':');
        add_text(&l, " at ");
        add_bytes(&l, n->me.ip, 4, '.');
        add_text(&l, ", connected ");
        add_age(&l, n->bm);
        say(n->bm, &l);
    }
    return done;
}
