/* SPDX-License-Identifier: BSD-2-Clause */
/* Making or taking a TAP interface. */
#include "tap.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLAGS       (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
#define MTU_DEFAULT 1500u

/* Where to say why something is not possible. */
struct tap_reason {
    const char *name;
    char *text;
    size_t bytes;
};

static int say(const struct tap_reason *r, const char *why, int err)
{
    if (r->bytes)
        snprintf(r->text, r->bytes, "interface %s: %s", r->name, why);
    return err;
}

static int say_errno(const struct tap_reason *r)
{
    switch (errno) {
    case ENOENT:
    case ENODEV:
        return say(r, "the kernel has no TAP; load the module tun",
                   SPLITIO_ENOENT);
    case EACCES:
    case EPERM:
        return say(r,
                   "no permission; run as root, give CAP_NET_ADMIN, or make it "
                   "with: ip tuntap add mode tap user ...",
                   SPLITIO_EACCES);
    case EBUSY:
        return say(r, "in use by another process; choose another name",
                   SPLITIO_EBUSY);
    case EINVAL:
        return say(r, "not a TAP interface, and no name for a new one",
                   SPLITIO_EINVAL);
    default:
        return say(r, strerror(errno), SPLITIO_EIO);
    }
}

/* Attach a descriptor to the interface; 0 or -1 with errno. One that was made
 * for several queues is taken with one. */
static int join(int fd, const char *name)
{
    struct ifreq request;

    memset(&request, 0, sizeof(request));
    memcpy(request.ifr_name, name, strlen(name));
    request.ifr_flags = FLAGS;
    if (ioctl(fd, TUNSETIFF, &request) == 0)
        return 0;
    if (errno != EINVAL)
        return -1;
    request.ifr_flags = FLAGS | IFF_MULTI_QUEUE;
    return ioctl(fd, TUNSETIFF, &request);
}

static int set_up(int fd, const struct splitio_tap_config *cfg)
{
    int header_bytes = sizeof(struct virtio_net_hdr);
    unsigned offloads = 0;

    if (!cfg->no_csum)
        offloads |= TUN_F_CSUM;
    if (!cfg->no_csum && !cfg->no_gso)
        offloads |= TUN_F_TSO4 | TUN_F_TSO6;
    if (ioctl(fd, TUNSETVNETHDRSZ, &header_bytes))
        return -1;
    return ioctl(fd, TUNSETOFFLOAD, offloads);
}

static uint32_t read_mtu(const char *name)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request;
    int err;

    memset(&request, 0, sizeof(request));
    memcpy(request.ifr_name, name, strlen(name));
    err = fd < 0 || ioctl(fd, SIOCGIFMTU, &request);
    if (fd >= 0)
        close(fd);
    return err || request.ifr_mtu <= 0 ? MTU_DEFAULT
                                       : (uint32_t)request.ifr_mtu;
}

static int open_new(struct splitio_tap *t, const struct splitio_tap_config *cfg,
                    const struct tap_reason *r)
{
    int err;

    if (!cfg->name || *cfg->name == '\0' || strlen(cfg->name) >= IFNAMSIZ)
        return say(r, "the name must have 1 to 15 characters", SPLITIO_EINVAL);
    t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (t->fd < 0)
        return say_errno(r);
    if (join(t->fd, cfg->name) || set_up(t->fd, cfg)) {
        err = say_errno(r);
        close(t->fd);
        return err;
    }
    t->mtu = read_mtu(cfg->name);
    return 0;
}

/* A descriptor that somebody else has opened and joined to an interface. */
static int take_over(struct splitio_tap *t,
                     const struct splitio_tap_config *cfg,
                     const struct tap_reason *r)
{
    struct ifreq request;
    int flags = fcntl(cfg->fd, F_GETFL);

    memset(&request, 0, sizeof(request));
    if (ioctl(cfg->fd, TUNGETIFF, &request))
        return say(r, "the descriptor is not joined to a TAP interface",
                   SPLITIO_EINVAL);
    if ((request.ifr_flags & FLAGS) != FLAGS)
        return say(r,
                   "the descriptor must have IFF_TAP, IFF_NO_PI and "
                   "IFF_VNET_HDR",
                   SPLITIO_EINVAL);
    if (set_up(cfg->fd, cfg) || flags < 0 ||
        fcntl(cfg->fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return say_errno(r);
    t->fd = cfg->fd;
    request.ifr_name[IFNAMSIZ - 1] = '\0';
    t->mtu = read_mtu(request.ifr_name);
    return 0;
}

int splitio_tap_open_config(struct splitio_tap **tap,
                            const struct splitio_tap_config *cfg, char *reason,
                            size_t reason_bytes)
{
    const struct tap_reason r = {cfg->name ? cfg->name : "(no name)", reason,
                                 reason_bytes};
    struct splitio_tap *t = calloc(1, sizeof(*t));
    int err;

    if (!t)
        return say(&r, "out of memory", SPLITIO_ENOMEM);
    err = cfg->use_fd ? take_over(t, cfg, &r) : open_new(t, cfg, &r);
    if (err)
        free(t);
    else
        *tap = t;
    return err;
}

int splitio_tap_open(struct splitio_tap **tap, const char *name, char *reason,
                     size_t reason_bytes)
{
    const struct splitio_tap_config cfg = {.name = name};

    return splitio_tap_open_config(tap, &cfg, reason, reason_bytes);
}
