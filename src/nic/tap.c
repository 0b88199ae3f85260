/* SPDX-License-Identifier: BSD-2-Clause */
/* A TAP interface as a NIC: frames with virtio-net headers. */
#include <splitio/nic.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#define IOV_MAX_FRAME 64u

struct splitio_tap {
    int fd;
    splitio_nic_receive_fn receive;
    void *receiver;
    struct splitio_frame held; /* none if its length is 0 */
    struct splitio_iovec held_iov;
    struct virtio_net_hdr header;
    uint8_t bytes[SPLITIO_FRAME_BYTES_MAX];
};

static int say(char *reason, size_t bytes, const char *name, const char *why,
               int err)
{
    snprintf(reason, bytes, "interface %s: %s", name, why);
    return err;
}

static int say_errno(char *reason, size_t bytes, const char *name)
{
    switch (errno) {
    case ENOENT:
    case ENODEV:
        return say(reason, bytes, name,
                   "the kernel has no TAP; load the module tun",
                   SPLITIO_ENOENT);
    case EACCES:
    case EPERM:
        return say(reason, bytes, name,
                   "no permission; run as root or give CAP_NET_ADMIN",
                   SPLITIO_EACCES);
    case EBUSY:
        return say(reason, bytes, name,
                   "in use by another process; choose another name",
                   SPLITIO_EBUSY);
    default:
        return say(reason, bytes, name, strerror(errno), SPLITIO_EIO);
    }
}

/* Attach a descriptor to the interface; 0 or -1 with errno. */
static int set_up(int fd, const char *name)
{
    int header_bytes = sizeof(struct virtio_net_hdr);
    struct ifreq request;

    memset(&request, 0, sizeof(request));
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    memcpy(request.ifr_name, name, strlen(name));
    if (ioctl(fd, TUNSETIFF, &request) ||
        ioctl(fd, TUNSETVNETHDRSZ, &header_bytes))
        return -1;
    return ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6);
}

int splitio_tap_open(struct splitio_tap **tap, const char *name, char *reason,
                     size_t reason_bytes)
{
    struct splitio_tap *t;
    int err;

    if (*name == '\0' || strlen(name) >= IFNAMSIZ)
        return say(reason, reason_bytes, name,
                   "the name must have 1 to 15 characters", SPLITIO_EINVAL);
    t = calloc(1, sizeof(*t));
    if (!t)
        return say(reason, reason_bytes, name, "out of memory", SPLITIO_ENOMEM);
    t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (t->fd >= 0 && set_up(t->fd, name) == 0) {
        *tap = t;
        return 0;
    }
    err = say_errno(reason, reason_bytes, name);
    if (t->fd >= 0)
        close(t->fd);
    free(t);
    return err;
}

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
    return tap->held.len_bytes == 0;
}

static void tap_info(void *ctx, struct splitio_nic_info *info)
{
    (void)ctx;
    info->mtu = 65535;
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

/* Where the payload of a GSO frame begins, for the kernel to copy: it may be
 * any bound below the frame's length; the headers end soon after the TCP
 * checksum. */
static uint16_t header_length(const struct splitio_frame *f)
{
    uint32_t end = (uint32_t)f->csum_start + 20;

    return (uint16_t)(end < f->len_bytes ? end : f->len_bytes);
}

static void header_from_frame(struct virtio_net_hdr *h,
                              const struct splitio_frame *f)
{
    memset(h, 0, sizeof(*h));
    if (f->flags & SPLITIO_FRAME_CSUM_PARTIAL) {
        h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        h->csum_start = f->csum_start;
        h->csum_offset = f->csum_offset;
    } else if (f->flags & SPLITIO_FRAME_CSUM_VALID) {
        h->flags = VIRTIO_NET_HDR_F_DATA_VALID;
    }
    if (f->gso_type == SPLITIO_GSO_NONE)
        return;
    h->gso_type = f->gso_type == SPLITIO_GSO_TCPV4 ? VIRTIO_NET_HDR_GSO_TCPV4
                                                   : VIRTIO_NET_HDR_GSO_TCPV6;
    h->gso_size = f->gso_size;
    h->hdr_len = header_length(f);
}

static int tap_send(void *ctx, const struct splitio_frame *frame)
{
    struct splitio_tap *t = ctx;
    struct virtio_net_hdr header;
    struct iovec iov[IOV_MAX_FRAME + 1];

    if (frame->len_bytes < SPLITIO_FRAME_BYTES_MIN ||
        frame->nr_iov > IOV_MAX_FRAME)
        return SPLITIO_EINVAL;
    header_from_frame(&header, frame);
    iov[0] = (struct iovec){&header, sizeof(header)};
    for (uint32_t i = 0; i < frame->nr_iov; i++)
        iov[i + 1] =
            (struct iovec){frame->iov[i].base, frame->iov[i].len_bytes};
    while (writev(t->fd, iov, (int)frame->nr_iov + 1) < 0) {
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == ENOBUFS)
            return SPLITIO_EAGAIN;
        return errno == EINVAL ? SPLITIO_EINVAL : SPLITIO_EIO;
    }
    return 0;
}

static void frame_from_header(struct splitio_frame *f,
                              const struct virtio_net_hdr *h)
{
    if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        f->flags |= SPLITIO_FRAME_CSUM_PARTIAL;
        f->csum_start = h->csum_start;
        f->csum_offset = h->csum_offset;
    } else if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
        f->flags |= SPLITIO_FRAME_CSUM_VALID;
    }
    switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_TCPV4:
        f->gso_type = SPLITIO_GSO_TCPV4;
        break;
    case VIRTIO_NET_HDR_GSO_TCPV6:
        f->gso_type = SPLITIO_GSO_TCPV6;
        break;
    default:
        return;
    }
    f->gso_size = h->gso_size;
}

/* Read one frame into `held`; false: there is none. */
static bool read_frame(struct splitio_tap *t)
{
    struct iovec iov[] = {{&t->header, sizeof(t->header)},
                          {t->bytes, sizeof(t->bytes)}};
    ssize_t n;

    do
        n = readv(t->fd, iov, 2);
    while (n < 0 && errno == EINTR);
    if (n < (ssize_t)(sizeof(t->header) + SPLITIO_FRAME_BYTES_MIN))
        return false;
    t->held_iov =
        (struct splitio_iovec){t->bytes, (size_t)n - sizeof(t->header)};
    t->held = (struct splitio_frame){
        .iov = &t->held_iov,
        .nr_iov = 1,
        .len_bytes = (uint32_t)t->held_iov.len_bytes,
    };
    frame_from_header(&t->held, &t->header);
    return true;
}

static int tap_poll(void *ctx, unsigned budget)
{
    struct splitio_tap *t = ctx;
    int n = 0;

    while ((unsigned)n < budget && t->receive) {
        if (t->held.len_bytes == 0 && !read_frame(t))
            break;
        if (t->receive(t->receiver, &t->held) == SPLITIO_EAGAIN)
            break;
        t->held.len_bytes = 0;
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
