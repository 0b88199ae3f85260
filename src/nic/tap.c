/* SPDX-License-Identifier: BSD-2-Clause */
/* A TAP interface as a NIC: frames with virtio-net headers. */
#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#define IOV_MAX_FRAME 64u

void splitio_tap_close(struct splitio_tap *tap)
{
    if (!tap)
        return;
    close(tap->fd);
    free(tap);
}

int splitio_tap_fd(const struct splitio_tap *tap)
{
    return tap->fd;
}

bool splitio_tap_wants_read(const struct splitio_tap *tap)
{
    return tap->held.len_bytes == 0 && !tap->gone;
}

bool splitio_tap_is_gone(const struct splitio_tap *tap)
{
    return tap->gone;
}

const struct splitio_tap_stats *splitio_tap_stats(const struct splitio_tap *tap)
{
    return &tap->stats;
}

static void tap_info(void *ctx, struct splitio_nic_info *info)
{
    const struct splitio_tap *t = ctx;

    info->mtu = t->mtu;
    info->flags =
        SPLITIO_NIC_CSUM | SPLITIO_NIC_GSO_TCPV4 | SPLITIO_NIC_GSO_TCPV6;
}

static void tap_attach(void *ctx, splitio_nic_receive_fn receive,
                       void *receiver)
{
    struct splitio_tap *t = ctx;

    t->receive = receive;
    t->receiver = receiver;
    t->held.len_bytes = 0;
}

/* Somebody has deleted the interface. The descriptor would call for attention
 * for ever: one that never does takes its place and its number. */
static void bury(struct splitio_tap *t)
{
    int silent = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    t->gone = true;
    if (silent < 0)
        return;
    (void)dup3(silent, t->fd, O_CLOEXEC);
    close(silent);
}

static int send_failed(struct splitio_tap *t)
{
    if (errno == EAGAIN || errno == ENOBUFS)
        return SPLITIO_EAGAIN;
    if (errno == EINVAL)
        return SPLITIO_EINVAL;
    if (errno == EBADFD)
        bury(t);
    return SPLITIO_EIO;
}

static int tap_send(void *ctx, const struct splitio_frame *frame)
{
    struct splitio_tap *t = ctx;
    struct virtio_net_hdr header;
    struct iovec iov[IOV_MAX_FRAME + 1];

    if (t->gone)
        return SPLITIO_EIO;
    if (frame->len_bytes < SPLITIO_FRAME_BYTES_MIN ||
        frame->nr_iov > IOV_MAX_FRAME)
        return SPLITIO_EINVAL;
    tap_header_from_frame(&header, frame);
    iov[0] = (struct iovec){&header, sizeof(header)};
    for (uint32_t i = 0; i < frame->nr_iov; i++)
        iov[i + 1] =
            (struct iovec){frame->iov[i].base, frame->iov[i].len_bytes};
    while (writev(t->fd, iov, (int)frame->nr_iov + 1) < 0)
        if (errno != EINTR)
            return send_failed(t);
    t->stats.sent_frames++;
    t->stats.sent_bytes += frame->len_bytes;
    return 0;
}

/* Read one frame into `held`; false: there is none. What is read but cannot be
 * passed on leaves `held` empty. */
static bool read_frame(struct splitio_tap *t)
{
    struct iovec iov[] = {{&t->header, sizeof(t->header)},
                          {t->bytes, sizeof(t->bytes)}};
    ssize_t n;

    do
        n = readv(t->fd, iov, 2);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EBADFD)
        bury(t);
    if (n <= 0)
        return false;
    t->held_iov.base = t->bytes;
    t->held_iov.len_bytes =
        (size_t)n < sizeof(t->header) ? 0 : (size_t)n - sizeof(t->header);
    t->held = (struct splitio_frame){
        .iov = &t->held_iov,
        .nr_iov = 1,
        .len_bytes = (uint32_t)t->held_iov.len_bytes,
    };
    if (!tap_frame_from_header(&t->held, &t->header, t->bytes)) {
        t->held.len_bytes = 0;
        t->stats.dropped++;
    }
    return true;
}

/* Offer what is held; false: the receiver has no room now. */
static bool offer(struct splitio_tap *t)
{
    int err = t->receive(t->receiver, &t->held);

    if (err == SPLITIO_EAGAIN)
        return false;
    if (err) {
        t->stats.dropped++;
    } else {
        t->stats.received_frames++;
        t->stats.received_bytes += t->held.len_bytes;
    }
    t->held.len_bytes = 0;
    return true;
}

static int tap_poll(void *ctx, unsigned budget)
{
    struct splitio_tap *t = ctx;
    int n = 0;

    while ((unsigned)n < budget && t->receive) {
        if (t->held.len_bytes == 0 && (t->gone || !read_frame(t)))
            break;
        if (t->held.len_bytes != 0 && !offer(t))
            break;
        n++;
    }
    return n;
}

static const struct splitio_nic_ops tap_ops = {
    .info = tap_info,
    .send = tap_send,
    .attach = tap_attach,
    .poll = tap_poll,
};

struct splitio_nic splitio_tap_nic(struct splitio_tap *tap)
{
    return (struct splitio_nic){.ops = &tap_ops, .ctx = tap};
}
