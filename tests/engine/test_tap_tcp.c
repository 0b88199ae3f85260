/* SPDX-License-Identifier: BSD-2-Clause */
/* Two kernel stacks, in network namespaces of the test's own, joined by TAP,
 * switch and TAP: real TCP, with each offload on and off. */
#include "cm.h"

#include <splitio/nic.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES (4u << 20)
#define MTU   1500u

/* One stack: an interface, a socket, and what its frames ask for. */
struct side {
    int ns;
    struct splitio_tap *tap;
    struct splitio_nic nic, port;
    unsigned nr_long, nr_blank, nr_frames;
};

static struct side sides[2];
static struct splitio_switch *sw;

/* From the kernel to the switch, with a look at the frame. */
static int from_tap(void *receiver, const struct splitio_frame *frame)
{
    struct side *s = receiver;

    s->nr_frames++;
    s->nr_long += frame->gso_type != SPLITIO_GSO_NONE;
    s->nr_blank += (frame->flags & SPLITIO_FRAME_CSUM_PARTIAL) != 0;
    if (frame->gso_type == SPLITIO_GSO_NONE)
        assert_in_range(frame->len_bytes, 14, MTU + 14);
    return s->port.ops->send(s->port.ctx, frame);
}

static int to_tap(void *receiver, const struct splitio_frame *frame)
{
    struct side *s = receiver;

    return s->nic.ops->send(s->nic.ctx, frame);
}

static void write_file(const char *name, const char *text)
{
    int fd = open(name, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return; /* no IPv6: its test is skipped */
    assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
    close(fd);
}

static void set_address(int fd, const char *name, const char *text)
{
    struct ifreq r = {0};
    struct sockaddr_in *a = (struct sockaddr_in *)(void *)&r.ifr_addr;

    strcpy(r.ifr_name, name);
    a->sin_family = AF_INET;
    assert_int_equal(inet_pton(AF_INET, text, &a->sin_addr), 1);
    assert_int_equal(ioctl(fd, SIOCSIFADDR, &r), 0);
    assert_int_equal(inet_pton(AF_INET, "255.255.255.0", &a->sin_addr), 1);
    assert_int_equal(ioctl(fd, SIOCSIFNETMASK, &r), 0);
    r.ifr_flags = IFF_UP;
    assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &r), 0);
}

/* What the kernel wants for an IPv6 address; its header collides with libc's. */
struct address6 {
    struct in6_addr address;
    uint32_t prefix_bits;
    int index;
};

static void set_address6(const char *name, const char *text)
{
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    struct address6 a = {.prefix_bits = 64};
    struct ifreq r = {0};

    if (fd < 0)
        return;
    strcpy(r.ifr_name, name);
    assert_int_equal(ioctl(fd, SIOCGIFINDEX, &r), 0);
    a.index = r.ifr_ifindex;
    assert_int_equal(inet_pton(AF_INET6, text, &a.address), 1);
    assert_int_equal(ioctl(fd, SIOCSIFADDR, &a), 0);
    close(fd);
}

/* A new namespace, which the process is in until it enters another. */
static int add_side(unsigned i)
{
    char name[] = {'t', (char)('0' + i), 0}, text[32];
    int fd;

    if (unshare(CLONE_NEWNET))
        return -1;
    write_file("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
    sides[i].ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (splitio_tap_open(&sides[i].tap, name, text, sizeof(text)))
        return -1;
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    snprintf(text, sizeof(text), "192.0.2.%u", i + 1);
    set_address(fd, name, text);
    close(fd);
    snprintf(text, sizeof(text), "2001:db8::%u", i + 1);
    set_address6(name, text);
    return 0;
}

static int add_sides(void)
{
    const struct splitio_switch_port_config plain = {0};
    struct splitio_switch_port *port;

    sw = splitio_switch_new(2);
    for (unsigned i = 0; i < 2; i++) {
        struct side *s = &sides[i];

        if (add_side(i))
            return -1;
        assert_int_equal(splitio_switch_port_add(sw, &plain, &port), 0);
        s->port = splitio_switch_port_nic(port);
        s->port.ops->attach(s->port.ctx, to_tap, s);
    }
    return 0;
}

/* Take the interface again with other offloads; addresses stay, since the
 * descriptor that made it does. */
static void change_offloads(bool no_csum, bool no_gso)
{
    for (unsigned i = 0; i < 2; i++) {
        struct side *s = &sides[i];
        struct splitio_tap_config cfg = {
            .use_fd = true, .no_csum = no_csum, .no_gso = no_gso};
        struct splitio_tap *t;
        char reason[128];

        cfg.fd = dup(splitio_tap_fd(s->tap));
        assert_int_equal(
            splitio_tap_open_config(&t, &cfg, reason, sizeof(reason)), 0);
        splitio_tap_close(s->tap);
        s->tap = t;
        s->nic = splitio_tap_nic(t);
        s->nic.ops->attach(s->nic.ctx, from_tap, s);
    }
    /* What was queued before may still ask for what was on before. */
    while (sides[0].nic.ops->poll(sides[0].nic.ctx, 64) +
               sides[1].nic.ops->poll(sides[1].nic.ctx, 64) >
           0)
        ;
    for (unsigned i = 0; i < 2; i++)
        sides[i].nr_long = sides[i].nr_blank = sides[i].nr_frames = 0;
}

/* A socket of one side; sockets stay in the namespace that they were made in. */
static int new_socket(unsigned side, int family)
{
    assert_int_equal(setns(sides[side].ns, CLONE_NEWNET), 0);
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static socklen_t server_address(int family, struct sockaddr_storage *to)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)to;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)to;

    memset(to, 0, sizeof(*to));
    if (family == AF_INET) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(5001);
        assert_int_equal(inet_pton(AF_INET, "192.0.2.2", &v4->sin_addr), 1);
        return sizeof(*v4);
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(5001);
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::2", &v6->sin6_addr), 1);
    return sizeof(*v6);
}

struct transfer {
    int client, listener, server;
    uint32_t sent, received;
};

static uint8_t byte_at(uint32_t i)
{
    return (uint8_t)(i * 2654435761u >> 24);
}

static void send_some(struct transfer *t)
{
    static uint8_t bytes[65536];
    uint32_t left = BYTES - t->sent;
    ssize_t n;

    if (left > sizeof(bytes))
        left = sizeof(bytes);
    for (uint32_t i = 0; i < left; i++)
        bytes[i] = byte_at(t->sent + i);
    n = send(t->client, bytes, left, MSG_NOSIGNAL);
    if (n > 0)
        t->sent += (uint32_t)n;
}

static void receive_some(struct transfer *t)
{
    static uint8_t bytes[65536];
    ssize_t n;

    if (t->server < 0)
        t->server = accept4(t->listener, NULL, NULL, SOCK_NONBLOCK);
    if (t->server < 0)
        return;
    while ((n = recv(t->server, bytes, sizeof(bytes), 0)) > 0)
        for (ssize_t i = 0; i < n; i++)
            if (bytes[i] != byte_at(t->received++))
                fail_msg("byte %u is wrong", t->received - 1);
}

/* Sleep until a stack or a socket has something to do. */
static void wait_for_work(const struct transfer *t)
{
    struct pollfd p[] = {
        {splitio_tap_fd(sides[0].tap), POLLIN, 0},
        {splitio_tap_fd(sides[1].tap), POLLIN, 0},
        {t->client, t->sent < BYTES ? POLLOUT : 0, 0},
        {t->server < 0 ? t->listener : t->server, POLLIN, 0},
    };

    assert_true(poll(p, 4, -1) > 0);
}

static void run(int family, struct transfer *t)
{
    struct sockaddr_storage to;
    socklen_t bytes = server_address(family, &to);

    *t = (struct transfer){.server = -1};
    t->listener = new_socket(1, family);
    assert_int_equal(setsockopt(t->listener, SOL_SOCKET, SO_REUSEADDR,
                                &(int){1}, sizeof(int)),
                     0);
    assert_int_equal(bind(t->listener, (struct sockaddr *)&to, bytes), 0);
    assert_int_equal(listen(t->listener, 1), 0);
    t->client = new_socket(0, family);
    assert_int_equal(connect(t->client, (struct sockaddr *)&to, bytes), -1);
    assert_int_equal(errno, EINPROGRESS);
    while (t->received < BYTES) {
        wait_for_work(t);
        for (unsigned i = 0; i < 2; i++)
            (void)sides[i].nic.ops->poll(sides[i].nic.ctx, 64);
        send_some(t);
        receive_some(t);
    }
    close(t->client);
    close(t->server);
    close(t->listener);
}

static void transfer_all_kinds(int family)
{
    static const struct {
        bool no_csum, no_gso;
    } kinds[] = {{false, false}, {false, true}, {true, false}, {true, true}};

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(kinds); i++) {
        struct transfer t;

        change_offloads(kinds[i].no_csum, kinds[i].no_gso);
        run(family, &t);
        assert_int_equal(t.received, BYTES);
        if (kinds[i].no_csum)
            assert_int_equal(sides[0].nr_blank, 0);
        else
            assert_true(sides[0].nr_blank > 0);
        if (kinds[i].no_csum || kinds[i].no_gso)
            assert_int_equal(sides[0].nr_long, 0);
        else
            assert_true(sides[0].nr_long > 0);
    }
}

static void tap_tcp_over_ipv4_arrives_whole_with_any_offload(void **state)
{
    (void)state;
    transfer_all_kinds(AF_INET);
}

static void tap_tcp_over_ipv6_arrives_whole_with_any_offload(void **state)
{
    int fd = new_socket(0, AF_INET6);

    (void)state;
    if (fd < 0)
        skip();
    close(fd);
    transfer_all_kinds(AF_INET6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tap_tcp_over_ipv4_arrives_whole_with_any_offload),
        cmocka_unit_test(tap_tcp_over_ipv6_arrives_whole_with_any_offload),
    };
    int rc;

    if (add_sides()) {
        printf("skip: no TAP in a network namespace: %s\n", strerror(errno));
        return 77;
    }
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    splitio_switch_free(sw);
    for (unsigned i = 0; i < 2; i++)
        splitio_tap_close(sides[i].tap);
    return rc;
}
