/* SPDX-License-Identifier: BSD-2-Clause */
/* A netfront joined to a TAP interface. */
#include "nic.h"

#include "../common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUDGET 64

static int find_dir(struct nic *n, const struct options *o,
                    char dir[SPLITIO_TOOLSTACK_PATH_MAX])
{
    int err = guest_device_dir(&n->guest, "vif", o->nic, dir);

    if (err == SPLITIO_ENOENT && o->xen)
        log_line(LOG_ERROR,
                 "this domain has no NIC number %u; see xl's vif=", o->nic);
    else if (err == SPLITIO_ENOENT)
        log_line(
            LOG_ERROR,
            "guest %s has no NIC number %u; see the daemon's --nic options",
            o->guest, o->nic);
    else if (err)
        log_line(LOG_ERROR, "asking the store: %s", splitio_strerror(err));
    return err ? -1 : 0;
}

static int make_front(struct nic *n, const struct options *o)
{
    char dir[SPLITIO_TOOLSTACK_PATH_MAX];
    const struct splitio_netfront_config cfg = {
        .port = guest_port(&n->guest),
        .store = guest_store(&n->guest),
        .dir = dir,
        .features = SPLITIO_NETIF_F_ALL,
        .max_queues = 1,
    };
    size_t bytes = splitio_netfront_mem_bytes(&cfg);
    int err;

    if (find_dir(n, o, dir))
        return -1;
    n->mem = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    err = n->mem ? splitio_netfront_init(&n->front, &cfg, n->mem, bytes)
                 : SPLITIO_ENOMEM;
    if (err)
        log_line(LOG_ERROR, "making the net front: %s", splitio_strerror(err));
    return err ? -1 : 0;
}

int nic_open(struct nic *n, const struct options *o)
{
    const struct guest_config cfg = {
        .xen = o->xen,
        .socket = o->socket,
        .name = o->guest,
        .memory_mib = o->memory_mib,
        .grant_version = o->grant_version,
    };
    char text[GUEST_TEXT_MAX];

    memset(n, 0, sizeof(*n));
    if (guest_open(&n->guest, &cfg, text, sizeof(text))) {
        log_line(LOG_ERROR, "%s", text);
        return -1;
    }
    if (make_front(n, o) == 0)
        return 0;
    guest_close(&n->guest);
    free(n->mem);
    return -1;
}

/* This thread works in another network namespace from now on. */
static int enter_netns(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int err = fd < 0 || setns(fd, CLONE_NEWNET) ? errno : 0;

    if (fd >= 0)
        close(fd);
    if (err)
        log_line(LOG_ERROR, "network namespace %s: %s; see ip netns", path,
                 strerror(err));
    return err ? -1 : 0;
}

static int ask_kernel(const char *name, unsigned long what,
                      struct ifreq *request, const char *setting)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int err;

    memcpy(request->ifr_name, name, strlen(name));
    err = fd < 0 || ioctl(fd, what, request) ? errno : 0;
    if (fd >= 0)
        close(fd);
    if (err)
        log_line(LOG_ERROR, "interface %s: setting its %s: %s", name, setting,
                 strerror(err));
    return err ? -1 : 0;
}

/* Give the interface the front's address, and its MTU. */
static int set_link(struct nic *n, const char *name)
{
    struct ifreq mac = {.ifr_hwaddr.sa_family = ARPHRD_ETHER};
    struct ifreq mtu = {.ifr_mtu = (int)splitio_netfront_mtu(&n->front)};

    memcpy(mac.ifr_hwaddr.sa_data, splitio_netfront_mac(&n->front), 6);
    if (ask_kernel(name, SIOCSIFHWADDR, &mac, "address"))
        return -1;
    return ask_kernel(name, SIOCSIFMTU, &mtu, "MTU");
}

int nic_plug(struct nic *n, const struct options *o)
{
    char reason[256];

    if (o->netns && enter_netns(o->netns))
        return -1;
    if (splitio_tap_open(&n->tap, o->tap, reason, sizeof(reason))) {
        log_line(LOG_ERROR, "%s", reason);
        return -1;
    }
    splitio_nic_join(&n->cable, splitio_tap_nic(n->tap),
                     splitio_netfront_nic(&n->front));
    return set_link(n, o->tap);
}

int nic_turn(struct nic *n)
{
    int done = guest_poll(&n->guest, BUDGET);
    int moved;

    if (done < 0)
        return done;
    moved = splitio_netfront_poll(&n->front, BUDGET);
    done += moved > 0 ? moved : 0;
    if (n->tap) {
        struct splitio_nic tap = splitio_tap_nic(n->tap);

        moved = tap.ops->poll(tap.ctx, BUDGET);
        done += moved;
        if (moved)
            splitio_netfront_kick(&n->front);
    }
    return done;
}

void nic_close(struct nic *n)
{
    if (n->tap)
        splitio_nic_part(&n->cable);
    while (splitio_netfront_fini(&n->front) == SPLITIO_EAGAIN &&
           guest_poll(&n->guest, BUDGET) >= 0)
        ;
    splitio_tap_close(n->tap);
    guest_close(&n->guest);
    free(n->mem);
}
