/* SPDX-License-Identifier: BSD-2-Clause */
/* TAP without a kernel: the linker puts the calls below in place of the
 * system's (-Wl,--wrap), so that headers can say what they like. */
#include "cm.h"

#include <splitio/nic.h>
#include <splitio/proto/packet.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

int __wrap_ioctl(int fd, unsigned long request, ...);
ssize_t __wrap_readv(int fd, const struct iovec *iov, int nr);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int nr);

/* The next frame of the kernel, and what it says to ours. */
static struct {
    struct virtio_net_hdr header;
    uint8_t bytes[70000];
    size_t len;
    int read_errno, write_errno;
    unsigned offloads;
} kernel;

static struct virtio_net_hdr sent;

int __wrap_ioctl(int fd, unsigned long request, ...)
{
    va_list args;

    (void)fd;
    va_start(args, request);
    if (request == TUNGETIFF) {
        struct ifreq *r = va_arg(args, struct ifreq *);

        memset(r, 0, sizeof(*r));
        r->ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    } else if (request == TUNSETOFFLOAD) {
        kernel.offloads = va_arg(args, unsigned);
    }
    va_end(args);
    return 0;
}

ssize_t __wrap_readv(int fd, const struct iovec *iov, int nr)
{
    size_t len = kernel.len;

    (void)fd;
    assert_int_equal(nr, 2);
    if (kernel.read_errno == EINTR) {
        errno = EINTR;
        kernel.read_errno = 0;
        return -1;
    }
    if (len == 0) {
        errno = EAGAIN;
        return -1;
    }
    if (len > iov[1].iov_len)
        len = iov[1].iov_len;
    memcpy(iov[0].iov_base, &kernel.header, sizeof(kernel.header));
    memcpy(iov[1].iov_base, kernel.bytes, len);
    kernel.len = 0;
    return (ssize_t)(sizeof(kernel.header) + len);
}

ssize_t __wrap_writev(int fd, const struct iovec *iov, int nr)
{
    (void)fd;
    assert_true(nr >= 2);
    if (kernel.write_errno) {
        errno = kernel.write_errno;
        return -1;
    }
    memcpy(&sent, iov[0].iov_base, sizeof(sent));
    return 1;
}

static struct splitio_tap *tap;
static struct splitio_nic nic;
static struct splitio_frame got;
static uint8_t got_bytes[70000];
static unsigned nr_got;

static int receive(void *receiver, const struct splitio_frame *frame)
{
    (void)receiver;
    got = *frame;
    memcpy(got_bytes, frame->iov[0].base, frame->len_bytes);
    nr_got++;
    return 0;
}

/* A frame of TCP or UDP with @p payload bytes; the length. */
static size_t make(uint8_t version, uint8_t protocol, size_t payload)
{
    size_t ip = version == 4 ? 20 : 40;
    size_t l4 = protocol == SPLITIO_PACKET_TCP ? 20 : 8;
    uint8_t *p = kernel.bytes;

    memset(p, 0x11, sizeof(kernel.bytes));
    p[12] = version == 4 ? 0x08 : 0x86;
    p[13] = version == 4 ? 0x00 : 0xdd;
    p[14] = version == 4 ? 0x45 : 0x60;
    if (version == 4)
        p[20] = p[21] = 0; /* no fragment */
    p[version == 4 ? 23 : 20] = protocol;
    if (protocol == SPLITIO_PACKET_TCP)
        p[14 + ip + 12] = 0x50;
    return 14 + ip + l4 + payload;
}

static int begin(void **state)
{
    struct splitio_tap_config cfg = {.use_fd = true};
    char reason[128];

    (void)state;
    memset(&kernel, 0, sizeof(kernel));
    memset(&got, 0, sizeof(got));
    nr_got = 0;
    cfg.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (splitio_tap_open_config(&tap, &cfg, reason, sizeof(reason)))
        return -1;
    nic = splitio_tap_nic(tap);
    nic.ops->attach(nic.ctx, receive, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    splitio_tap_close(tap);
    return 0;
}

/* The kernel has a frame of @p len bytes, with a header. 1: it was delivered. */
static unsigned give(size_t len, uint8_t flags, uint16_t start, uint16_t offset,
                     uint8_t gso_type, uint16_t gso_size)
{
    unsigned before = nr_got;
    uint64_t dropped = splitio_tap_stats(tap)->dropped;

    kernel.header = (struct virtio_net_hdr){.flags = flags,
                                            .csum_start = start,
                                            .csum_offset = offset,
                                            .gso_type = gso_type,
                                            .gso_size = gso_size};
    kernel.len = len;
    assert_int_equal(nic.ops->poll(nic.ctx, 8), 1);
    assert_int_equal(splitio_tap_stats(tap)->dropped - dropped,
                     1 - (nr_got - before));
    return nr_got - before;
}

#define NEEDS VIRTIO_NET_HDR_F_NEEDS_CSUM
#define TCPV4 VIRTIO_NET_HDR_GSO_TCPV4
#define TCPV6 VIRTIO_NET_HDR_GSO_TCPV6

static void header_blank_checksum_is_passed_on(void **state)
{
    (void)state;
    assert_int_equal(give(make(4, SPLITIO_PACKET_UDP, 9), NEEDS, 34, 6, 0, 0),
                     1);
    assert_int_equal(got.flags, SPLITIO_FRAME_CSUM_PARTIAL);
    assert_int_equal(got.csum_start, 34);
    assert_int_equal(got.csum_offset, 6);
    assert_int_equal(give(make(6, SPLITIO_PACKET_TCP, 9), NEEDS, 54, 16, 0, 0),
                     1);
    assert_int_equal(got.flags, SPLITIO_FRAME_CSUM_PARTIAL);
    assert_int_equal(give(make(4, SPLITIO_PACKET_TCP, 9),
                          VIRTIO_NET_HDR_F_DATA_VALID, 0, 0, 0, 0),
                     1);
    assert_int_equal(got.flags, SPLITIO_FRAME_CSUM_VALID);
    assert_int_equal(give(make(4, SPLITIO_PACKET_TCP, 9), 0, 0, 0, 0, 0), 1);
    assert_int_equal(got.flags, 0);
}

/* Of a tunnel's inner packet, or of a protocol that the bytes do not show. */
static void header_checksum_in_another_place_is_filled_in(void **state)
{
    static const struct {
        uint8_t protocol;
        uint16_t start, offset;
    } places[] = {
        {SPLITIO_PACKET_UDP, 42, 6},  {SPLITIO_PACKET_UDP, 34, 8},
        {SPLITIO_PACKET_TCP, 0, 0},   {47, 70, 16},
        {SPLITIO_PACKET_UDP, 130, 5},
    };

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(places); i++) {
        size_t len = make(4, places[i].protocol, 0) < 137 ? 137 : 0;
        uint16_t at = places[i].start + places[i].offset, sum;
        struct splitio_iovec iov = {kernel.bytes, len};

        sum = splitio_packet_csum(&iov, 1, places[i].start,
                                  (uint32_t)len - places[i].start);
        assert_int_equal(
            give(len, NEEDS, places[i].start, places[i].offset, 0, 0), 1);
        assert_int_equal(got.flags, SPLITIO_FRAME_CSUM_VALID);
        assert_memory_equal(got_bytes + at, &sum, 2);
        memcpy(kernel.bytes + at, &sum, 2);
        assert_memory_equal(got_bytes, kernel.bytes, len);
    }
}

static void header_checksum_beyond_the_frame_is_dropped(void **state)
{
    size_t len = make(4, SPLITIO_PACKET_UDP, 2);

    (void)state;
    assert_int_equal(give(len, NEEDS, (uint16_t)len - 1, 0, 0, 0), 0);
    assert_int_equal(give(len, NEEDS, (uint16_t)len - 2, 1, 0, 0), 0);
    assert_int_equal(give(len, NEEDS, 34, (uint16_t)(len - 35), 0, 0), 0);
    assert_int_equal(give(len, NEEDS, 65535, 65535, 0, 0), 0);
    assert_int_equal(give(len, NEEDS, (uint16_t)len - 2, 0, 0, 0), 1);
}

static void header_long_frame_is_passed_on(void **state)
{
    (void)state;
    assert_int_equal(
        give(make(4, SPLITIO_PACKET_TCP, 9000), NEEDS, 34, 16, TCPV4, 1448), 1);
    assert_int_equal(got.gso_type, SPLITIO_GSO_TCPV4);
    assert_int_equal(got.gso_size, 1448);
    assert_int_equal(give(make(6, SPLITIO_PACKET_TCP, 9000), NEEDS, 54, 16,
                          TCPV6 | VIRTIO_NET_HDR_GSO_ECN, 1428),
                     1);
    assert_int_equal(got.gso_type, SPLITIO_GSO_TCPV6);
    assert_int_equal(
        give(make(4, SPLITIO_PACKET_TCP, 1448), NEEDS, 34, 16, TCPV4, 1448), 1);
    assert_int_equal(got.gso_type, SPLITIO_GSO_NONE); /* one segment */
}

static void
header_long_frame_that_contradicts_its_bytes_is_dropped(void **state)
{
    size_t tcp4 = make(4, SPLITIO_PACKET_TCP, 9000);

    (void)state;
    assert_int_equal(give(tcp4, NEEDS, 34, 16, TCPV6, 1448), 0);
    assert_int_equal(give(tcp4, NEEDS, 34, 16, TCPV4, 0), 0);
    assert_int_equal(give(tcp4, NEEDS, 34, 16, TCPV4, 7), 0);
    assert_int_equal(give(tcp4, 0, 0, 0, TCPV4, 1448), 0);
    assert_int_equal(give(tcp4, NEEDS, 36, 16, TCPV4, 1448), 0);
    assert_int_equal(give(tcp4, NEEDS, 34, 16, VIRTIO_NET_HDR_GSO_UDP, 1448),
                     0);
    assert_int_equal(give(tcp4, NEEDS, 34, 16, 77, 1448), 0);
    assert_int_equal(
        give(make(4, SPLITIO_PACKET_UDP, 9000), NEEDS, 34, 6, TCPV4, 1448), 0);
    assert_int_equal(give(tcp4, NEEDS, 34, 16, TCPV4, 1448), 0); /* UDP now */
    assert_int_equal(
        give(make(4, SPLITIO_PACKET_TCP, 9000), NEEDS, 34, 16, TCPV4, 1448), 1);
}

static void header_frame_of_odd_length_is_dropped(void **state)
{
    (void)state;
    assert_int_equal(give(13, 0, 0, 0, 0, 0), 0);
    assert_int_equal(give(14, 0, 0, 0, 0, 0), 1);
    assert_int_equal(give(SPLITIO_FRAME_BYTES_MAX, 0, 0, 0, 0, 0), 1);
    assert_int_equal(give(SPLITIO_FRAME_BYTES_MAX + 1, 0, 0, 0, 0, 0), 0);
    assert_int_equal(give(69999, 0, 0, 0, 0, 0), 0);
}

/* Any header over any frame: what comes out agrees with the bytes. */
static void
header_of_noise_gives_frames_that_agree_with_their_bytes(void **state)
{
    uint32_t random = 5;

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        uint8_t h[sizeof(kernel.header)];
        struct splitio_packet_info info;
        unsigned before = nr_got;
        size_t len = make(i & 1 ? 4 : 6, i & 2 ? 6 : 17, i % 301);

        for (unsigned k = 0; k < sizeof(h); k++) {
            random = random * 1664525u + 1013904223u;
            h[k] = (uint8_t)(random >> 24) & (i & 4 << k % 3 ? 0x3f : 1);
        }
        memcpy(&kernel.header, h, sizeof(h));
        kernel.len = len;
        assert_int_equal(nic.ops->poll(nic.ctx, 8), 1);
        if (nr_got == before || !(got.flags & SPLITIO_FRAME_CSUM_PARTIAL)) {
            assert_true(nr_got == before || got.gso_type == 0);
            continue;
        }
        assert_int_equal(splitio_packet_parse(got_bytes, got.len_bytes, &info),
                         0);
        assert_int_equal(got.csum_start, info.l4_offset);
        assert_int_equal(got.csum_offset, info.csum_offset);
        if (got.gso_type)
            assert_true(got.gso_size >= 8 && info.protocol == 6);
    }
    assert_true(splitio_tap_stats(tap)->dropped > 1000);
    assert_true(nr_got > 1000);
}

static int take(uint32_t flags, uint8_t gso_type, uint16_t gso_size)
{
    static uint8_t bytes[3000];
    struct splitio_iovec iov[65] = {{bytes, sizeof(bytes)}};
    struct splitio_frame frame = {.iov = iov,
                                  .nr_iov = gso_size == 65 ? 65 : 1,
                                  .len_bytes = sizeof(bytes),
                                  .flags = flags,
                                  .csum_start = 34,
                                  .csum_offset = 16,
                                  .gso_size = gso_size,
                                  .gso_type = gso_type};

    return nic.ops->send(nic.ctx, &frame);
}

static void header_says_to_the_kernel_what_the_frame_says(void **state)
{
    (void)state;
    assert_int_equal(take(SPLITIO_FRAME_CSUM_PARTIAL, SPLITIO_GSO_TCPV6, 1000),
                     0);
    assert_int_equal(sent.flags, NEEDS);
    assert_int_equal(sent.csum_start, 34);
    assert_int_equal(sent.csum_offset, 16);
    assert_int_equal(sent.gso_type, TCPV6);
    assert_int_equal(sent.gso_size, 1000);
    assert_int_equal(sent.hdr_len, 54);
    assert_int_equal(take(SPLITIO_FRAME_CSUM_VALID, 0, 0), 0);
    assert_int_equal(sent.flags, VIRTIO_NET_HDR_F_DATA_VALID);
    assert_int_equal(sent.gso_type, 0);
    assert_int_equal(sent.csum_start, 0);
    assert_int_equal(take(0, 0, 65), SPLITIO_EINVAL); /* too many pieces */
}

static void header_errors_of_the_kernel_are_told_apart(void **state)
{
    static const struct {
        int from, to;
    } map[] = {
        {EAGAIN, SPLITIO_EAGAIN}, {ENOBUFS, SPLITIO_EAGAIN},
        {EINVAL, SPLITIO_EINVAL}, {EIO, SPLITIO_EIO},
        {ENOMEM, SPLITIO_EIO},
    };

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(map); i++) {
        kernel.write_errno = map[i].from;
        assert_int_equal(take(0, 0, 0), map[i].to);
    }
    kernel.read_errno = EINTR;
    assert_int_equal(give(60, 0, 0, 0, 0, 0), 1);
    assert_int_equal(splitio_tap_stats(tap)->sent_frames, 0);
    kernel.write_errno = 0;
    assert_int_equal(take(0, 0, 0), 0);
    assert_int_equal(splitio_tap_stats(tap)->sent_frames, 1);
}

static void header_offloads_can_be_switched_off(void **state)
{
    struct splitio_tap_config cfg = {.use_fd = true};
    struct splitio_tap *t;
    char reason[128];

    (void)state;
    assert_int_equal(kernel.offloads, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6);
    for (unsigned i = 0; i < 2; i++) {
        cfg.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        cfg.no_gso = i == 0;
        cfg.no_csum = i == 1;
        assert_int_equal(
            splitio_tap_open_config(&t, &cfg, reason, sizeof(reason)), 0);
        assert_int_equal(kernel.offloads, i == 0 ? TUN_F_CSUM : 0);
        splitio_tap_close(t);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(header_blank_checksum_is_passed_on),
        TEST(header_checksum_in_another_place_is_filled_in),
        TEST(header_checksum_beyond_the_frame_is_dropped),
        TEST(header_long_frame_is_passed_on),
        TEST(header_long_frame_that_contradicts_its_bytes_is_dropped),
        TEST(header_frame_of_odd_length_is_dropped),
        TEST(header_of_noise_gives_frames_that_agree_with_their_bytes),
        TEST(header_says_to_the_kernel_what_the_frame_says),
        TEST(header_errors_of_the_kernel_are_told_apart),
        TEST(header_offloads_can_be_switched_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
