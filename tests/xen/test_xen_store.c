/* SPDX-License-Identifier: BSD-2-Clause */
/* The way to xenstored: a pipe stands for the kernel's device, which acts on a
 * message when it is complete and drops what was written behind it. */
#include "cm.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "xen_int.h"

static struct {
    struct xen_link link;
    char path[64];
    uint8_t bytes[64]; /* two messages, of 5 bytes and of none, and one more */
    size_t len;
} self;

static void add(uint32_t body_bytes)
{
    const struct splitio_xs_msg head = {.type = 2, .len = body_bytes};

    memcpy(self.bytes + self.len, &head, sizeof(head));
    self.len += sizeof(head) + body_bytes;
}

static int setup(void **state)
{
    (void)state;
    memset(&self, 0, sizeof(self));
    snprintf(self.path, sizeof(self.path), "/tmp/splitio-xen-store-%d",
             (int)getpid());
    unlink(self.path);
    self.link.epoll = epoll_create1(EPOLL_CLOEXEC);
    self.link.store_fd = -1;
    self.link.store_path = self.path;
    add(5);
    add(0);
    add(3);
    return self.link.epoll < 0;
}

static int teardown(void **state)
{
    (void)state;
    splitio_xen_store_disconnect(&self.link);
    close(self.link.epoll);
    return unlink(self.path);
}

static int send_from(size_t at, size_t len)
{
    struct splitio_store_transport t = splitio_xen_store_transport(&self.link);

    return t.ops->send(t.ctx, self.bytes + at, len);
}

static void connect_device(void)
{
    assert_int_equal(mkfifo(self.path, 0600), 0);
    assert_int_equal(splitio_xen_store_connect(&self.link), 0);
}

/* What was sent is in the pipe: the answer, if it has the right type. */
static void receive(uint32_t len)
{
    struct splitio_store_transport t = splitio_xen_store_transport(&self.link);
    uint8_t buf[64];

    while (len) {
        int n = t.ops->recv(t.ctx, buf, len);

        assert_in_range(n, 1, len);
        len -= (uint32_t)n;
    }
}

static void device_gets_a_message_when_the_last_is_answered(void **state)
{
    (void)state;
    connect_device();
    assert_int_equal(send_from(0, self.len), 16);
    assert_int_equal(send_from(16, self.len - 16), 5);
    assert_int_equal(send_from(21, self.len - 21), SPLITIO_EAGAIN);
    receive(20);
    assert_int_equal(send_from(21, self.len - 21), SPLITIO_EAGAIN);
    receive(1);
    assert_int_equal(send_from(21, self.len - 21), 16);
    assert_int_equal(send_from(37, self.len - 37), SPLITIO_EAGAIN);
    receive(16);
    assert_int_equal(send_from(37, self.len - 37), 16);
    assert_int_equal(send_from(53, self.len - 53), 3);
    assert_int_equal(self.len, 56);
}

static void device_gets_nothing_for_an_event_that_is_no_answer(void **state)
{
    const struct splitio_xs_msg event = {.type = SPLITIO_XS_WATCH_EVENT,
                                         .len = 1};

    (void)state;
    connect_device();
    assert_int_equal(write(self.link.store_fd, &event, sizeof(event)), 16);
    assert_int_equal(write(self.link.store_fd, "", 1), 1);
    assert_int_equal(send_from(21, self.len - 21), 16);
    receive(17);
    assert_int_equal(send_from(37, self.len - 37), SPLITIO_EAGAIN);
    receive(16);
    assert_int_equal(send_from(37, self.len - 37), 16);
}

static void device_gets_parts_of_a_head_as_they_come(void **state)
{
    (void)state;
    connect_device();
    assert_int_equal(send_from(0, 10), 10);
    assert_int_equal(send_from(10, self.len - 10), 6);
    assert_int_equal(send_from(16, 2), 2);
    /* A new connection begins with a new message. */
    splitio_xen_store_disconnect(&self.link);
    assert_int_equal(splitio_xen_store_connect(&self.link), 0);
    assert_int_equal(send_from(0, self.len), 16);
    assert_int_equal(send_from(16, self.len - 16), 5);
    splitio_xen_store_disconnect(&self.link);
    assert_int_equal(splitio_xen_store_connect(&self.link), 0);
    assert_int_equal(send_from(0, self.len), 16);
}

static void socket_gets_everything_at_once(void **state)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    memcpy(addr.sun_path, self.path, strlen(self.path));
    assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(splitio_xen_store_connect(&self.link), 0);
    assert_int_equal(send_from(0, self.len), (int)self.len);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            device_gets_a_message_when_the_last_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(
            device_gets_nothing_for_an_event_that_is_no_answer, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            device_gets_parts_of_a_head_as_they_come, setup, teardown),
        cmocka_unit_test_setup_teardown(socket_gets_everything_at_once, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
