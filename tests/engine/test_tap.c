/* SPDX-License-Identifier: BSD-2-Clause */
/* TAP: frames to and from the kernel's own stack, with real offloads, in a
 * network namespace of the test's own. */
#include "cm.h"

#include <splitio/nic.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct splitio_tap *tap;
static struct splitio_nic nic;

/* The last IPv4 UDP frame that the kernel sent. */
static uint8_t got[2048];
static struct splitio_frame got_frame;
static unsigned nr_got;
static int answer;

static int receive(void *receiver, const struct splitio_frame *frame)
{
    const uint8_t *bytes = frame->iov[0].base;

    (void)receiver;
    if (answer)
        return answer;
    if (frame->len_bytes < 42 || bytes[12] != 8 || bytes[13] != 0 ||
        bytes[23] != 17)
        return 0;
    memcpy(got, bytes, frame->len_bytes);
    got_frame = *frame;
    nr_got++;
    return 0;
}

static void configure(const char *name)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq r = {0};
    struct sockaddr_in *a = (struct sockaddr_in *)(void *)&r.ifr_addr;

    strcpy(r.ifr_name, name);
    a->sin_family = AF_INET;
    assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &a->sin_addr), 1);
    assert_int_equal(ioctl(fd, SIOCSIFADDR, &r), 0);
    assert_int_equal(inet_pton(AF_INET, "255.255.255.0", &a->sin_addr), 1);
    assert_int_equal(ioctl(fd, SIOCSIFNETMASK, &r), 0);
    r.ifr_flags = IFF_UP;
    assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &r), 0);
    close(fd);
}

static uint16_t sum(const uint8_t *p, unsigned len, uint32_t s)
{
    for (unsigned i = 0; i + 1 < len; i += 2)
        s += (uint32_t)p[i] << 8 | p[i + 1];
    if (len & 1)
        s += (uint32_t)p[len - 1] << 8;
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return (uint16_t)s;
}

static void tap_gives_the_kernels_frames_with_offloads(void **state)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct pollfd p = {.fd = splitio_tap_fd(tap), .events = POLLIN};

    (void)state;
    to.sin_addr.s_addr = htonl(0xc00002ff); /* broadcast: no ARP needed */
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)),
                     0);
    nr_got = 0;
    assert_int_equal(
        sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
    while (nr_got == 0) {
        assert_int_equal(poll(&p, 1, -1), 1);
        (void)nic.ops->poll(nic.ctx, 8);
    }
    assert_int_equal(got_frame.len_bytes, 14 + 20 + 8 + 5);
    assert_memory_equal(got + 42, "hello", 5);
    /* The kernel left the checksum to us, since the interface offers that. */
    assert_true(got_frame.flags & SPLITIO_FRAME_CSUM_PARTIAL);
    assert_int_equal(got_frame.csum_start, 34);
    assert_int_equal(got_frame.csum_offset, 6);
    close(fd);
}

/* A UDP datagram to the kernel, with its checksum left open or filled in. */
static int send_udp(bool partial, bool break_sum)
{
    static const uint8_t pseudo[] = {192, 0, 2, 2, 192, 0, 2, 1, 0, 17, 0, 12};
    uint8_t f[14 + 20 + 8 + 4] = {0};
    struct splitio_iovec iov[] = {{f, 20}, {f + 20, sizeof(f) - 20}};
    struct splitio_frame frame = {
        .iov = iov, .nr_iov = 2, .len_bytes = sizeof(f)};
    uint16_t s;

    memset(f, 0xff, 6);
    f[6] = 2;
    f[12] = 8;
    f[14] = 0x45;
    f[17] = 32;
    f[22] = 64;
    f[23] = 17;
    memcpy(f + 26, pseudo, 8);
    s = (uint16_t)~sum(f + 14, 20, 0);
    f[24] = (uint8_t)(s >> 8);
    f[25] = (uint8_t)s;
    f[35] = 9;
    f[36] = 0x30; /* port 12345 */
    f[37] = 0x39;
    f[39] = 12;
    memcpy(f + 42, "pong", 4);
    s = sum(pseudo, 12, 0);
    if (partial) {
        frame.flags = SPLITIO_FRAME_CSUM_PARTIAL;
        frame.csum_start = 34;
        frame.csum_offset = 6;
    } else {
        s = (uint16_t)~sum(f + 34, 12, s);
    }
    if (break_sum)
        s ^= 1;
    f[40] = (uint8_t)(s >> 8);
    f[41] = (uint8_t)s;
    return nic.ops->send(nic.ctx, &frame);
}

static void tap_takes_frames_with_open_and_with_filled_checksums(void **state)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(12345)};
    char text[8];

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(send_udp(false, true), 0); /* wrong: the kernel drops it */
    assert_int_equal(send_udp(true, false), 0);
    assert_int_equal(recv(fd, text, sizeof(text), 0), 4);
    assert_memory_equal(text, "pong", 4);
    assert_int_equal(send_udp(false, false), 0);
    assert_int_equal(recv(fd, text, sizeof(text), 0), 4);
    assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), -1);
    close(fd);
}

static void tap_holds_a_frame_while_the_receiver_has_no_room(void **state)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct pollfd p = {.fd = splitio_tap_fd(tap), .events = POLLIN};

    (void)state;
    to.sin_addr.s_addr = htonl(0xc00002ff);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)),
                     0);
    while (nic.ops->poll(nic.ctx, 8) > 0)
        ;
    nr_got = 0;
    answer = SPLITIO_EAGAIN;
    assert_true(splitio_tap_wants_read(tap));
    assert_int_equal(
        sendto(fd, "wait", 4, 0, (struct sockaddr *)&to, sizeof(to)), 4);
    assert_int_equal(poll(&p, 1, -1), 1);
    assert_int_equal(nic.ops->poll(nic.ctx, 8), 0);
    assert_false(splitio_tap_wants_read(tap));
    answer = 0;
    while (nr_got == 0)
        assert_true(nic.ops->poll(nic.ctx, 8) > 0);
    assert_memory_equal(got + 42, "wait", 4);
    assert_true(splitio_tap_wants_read(tap));
    close(fd);
}

static void tap_bad_names_are_refused_with_a_reason(void **state)
{
    struct splitio_tap *t;
    char reason[256];

    (void)state;
    assert_int_equal(splitio_tap_open(&t, "", reason, sizeof(reason)),
                     SPLITIO_EINVAL);
    assert_int_equal(
        splitio_tap_open(&t, "sixteen-letters!", reason, sizeof(reason)),
        SPLITIO_EINVAL);
    assert_int_equal(splitio_tap_open(&t, "t0", reason, sizeof(reason)),
                     SPLITIO_EBUSY);
    assert_non_null(strstr(reason, "t0: in use"));
}

/* A TAP or TUN of the test's own, not the engine's; -1. */
static int join(const char *name, short flags)
{
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    struct ifreq r = {.ifr_flags = flags};

    strcpy(r.ifr_name, name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &r))
        return -1;
    return fd;
}

static void tap_interface_of_another_kind_is_refused_with_a_reason(void **state)
{
    int fd = join("tun0", IFF_TUN | IFF_NO_PI);
    struct splitio_tap *t;
    char reason[256];

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(splitio_tap_open(&t, "lo", reason, sizeof(reason)),
                     SPLITIO_EINVAL);
    assert_non_null(strstr(reason, "lo: not a TAP"));
    assert_int_equal(splitio_tap_open(&t, "tun0", reason, sizeof(reason)),
                     SPLITIO_EINVAL);
    close(fd);
}

static void tap_descriptor_of_a_helper_is_taken_over(void **state)
{
    struct splitio_tap_config cfg = {
        .name = "t1", .use_fd = true, .fd = join("t1", IFF_TAP | IFF_NO_PI)};
    struct splitio_tap *t;
    char reason[256];

    (void)state;
    assert_true(cfg.fd >= 0);
    assert_int_equal(splitio_tap_open_config(&t, &cfg, reason, sizeof(reason)),
                     SPLITIO_EINVAL);
    assert_non_null(strstr(reason, "IFF_VNET_HDR"));
    close(cfg.fd);
    cfg.fd = join("t1", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
    assert_true(cfg.fd >= 0);
    assert_int_equal(splitio_tap_open_config(&t, &cfg, reason, sizeof(reason)),
                     0);
    assert_int_equal(splitio_tap_fd(t), cfg.fd);
    assert_true(fcntl(cfg.fd, F_GETFL) & O_NONBLOCK);
    splitio_tap_close(t);
    cfg.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_int_equal(splitio_tap_open_config(&t, &cfg, reason, sizeof(reason)),
                     SPLITIO_EINVAL);
    assert_int_equal(close(cfg.fd), 0); /* still ours */
}

static void tap_made_for_several_queues_is_taken_with_one(void **state)
{
    int fd = join("mq0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE);
    struct splitio_tap *t;
    char reason[256];

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(splitio_tap_open(&t, "mq0", reason, sizeof(reason)), 0);
    splitio_tap_close(t);
    close(fd);
}

static void tap_tells_the_mtu_of_the_interface(void **state)
{
    struct splitio_nic_info info;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq r = {.ifr_mtu = 9000};
    struct splitio_tap *t;
    char reason[256];
    int keep =
        join("big0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE);

    (void)state;
    nic.ops->info(nic.ctx, &info);
    assert_int_equal(info.mtu, 1500);
    strcpy(r.ifr_name, "big0");
    assert_true(keep >= 0);
    assert_int_equal(ioctl(fd, SIOCSIFMTU, &r), 0);
    assert_int_equal(splitio_tap_open(&t, "big0", reason, sizeof(reason)), 0);
    splitio_tap_nic(t).ops->info(t, &info);
    assert_int_equal(info.mtu, 9000);
    splitio_tap_close(t);
    close(keep);
    close(fd);
}

static void delete_interface(const char *name)
{
    int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    struct ifreq r = {0};
    struct {
        struct nlmsghdr header;
        struct ifinfomsg link;
    } m = {{sizeof(m), RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0}, {0}};
    int inet = socket(AF_INET, SOCK_DGRAM, 0);
    char answer_bytes[256];

    strcpy(r.ifr_name, name);
    assert_int_equal(ioctl(inet, SIOCGIFINDEX, &r), 0);
    m.link.ifi_index = r.ifr_ifindex;
    assert_int_equal(send(fd, &m, sizeof(m), 0), sizeof(m));
    assert_true(recv(fd, answer_bytes, sizeof(answer_bytes), 0) > 0);
    close(inet);
    close(fd);
}

static void tap_deleted_interface_keeps_quiet(void **state)
{
    uint8_t bytes[60] = {0};
    struct splitio_iovec iov = {bytes, sizeof(bytes)};
    struct splitio_frame frame = {
        .iov = &iov, .nr_iov = 1, .len_bytes = sizeof(bytes)};
    struct pollfd p = {.events = POLLIN};
    struct splitio_nic other;
    struct splitio_tap *t;
    char reason[256];

    (void)state;
    for (unsigned by_send = 0; by_send < 2; by_send++) {
        assert_int_equal(splitio_tap_open(&t, "del0", reason, sizeof(reason)),
                         0);
        other = splitio_tap_nic(t);
        other.ops->attach(other.ctx, receive, NULL);
        p.fd = splitio_tap_fd(t);
        delete_interface("del0");
        assert_int_equal(poll(&p, 1, 0), 1); /* it calls for attention */
        if (by_send)
            assert_int_equal(other.ops->send(other.ctx, &frame), SPLITIO_EIO);
        else
            assert_int_equal(other.ops->poll(other.ctx, 8), 0);
        assert_true(splitio_tap_is_gone(t));
        assert_false(splitio_tap_wants_read(t));
        assert_int_equal(poll(&p, 1, 0), 0);
        assert_int_equal(other.ops->poll(other.ctx, 8), 0);
        assert_int_equal(other.ops->send(other.ctx, &frame), SPLITIO_EIO);
        splitio_tap_close(t);
    }
}

static void tap_short_frame_is_refused(void **state)
{
    uint8_t bytes[13] = {0};
    struct splitio_iovec iov = {bytes, 13};
    struct splitio_frame frame = {.iov = &iov, .nr_iov = 1, .len_bytes = 13};

    (void)state;
    assert_int_equal(nic.ops->send(nic.ctx, &frame), SPLITIO_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tap_gives_the_kernels_frames_with_offloads),
        cmocka_unit_test(tap_takes_frames_with_open_and_with_filled_checksums),
        cmocka_unit_test(tap_holds_a_frame_while_the_receiver_has_no_room),
        cmocka_unit_test(tap_bad_names_are_refused_with_a_reason),
        cmocka_unit_test(
            tap_interface_of_another_kind_is_refused_with_a_reason),
        cmocka_unit_test(tap_descriptor_of_a_helper_is_taken_over),
        cmocka_unit_test(tap_made_for_several_queues_is_taken_with_one),
        cmocka_unit_test(tap_tells_the_mtu_of_the_interface),
        cmocka_unit_test(tap_deleted_interface_keeps_quiet),
        cmocka_unit_test(tap_short_frame_is_refused),
    };
    char reason[256];
    int rc;

    if (unshare(CLONE_NEWNET)) {
        printf("skip: no network namespace: %s\n", strerror(errno));
        return 77;
    }
    if (splitio_tap_open(&tap, "t0", reason, sizeof(reason))) {
        printf("skip: %s\n", reason);
        return 77;
    }
    nic = splitio_tap_nic(tap);
    nic.ops->attach(nic.ctx, receive, NULL);
    configure("t0");
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    splitio_tap_close(tap);
    return rc;
}
