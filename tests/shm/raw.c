/* SPDX-License-Identifier: BSD-2-Clause */
/* A client that says what it likes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"

int raw_connect(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    strcpy(addr.sun_path, path);
    CHECK(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
    return fd;
}

bool raw_send(int fd, const void *bytes, size_t len, const int *fds,
              unsigned nr)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(253 * sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    struct cmsghdr *c;

    if (nr > 0) {
        memset(&control, 0, sizeof(control));
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(nr * sizeof(int));
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(nr * sizeof(int));
        memcpy(CMSG_DATA(c), fds, nr * sizeof(int));
    }
    return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
}

struct splitio_shm_hello raw_hello(uint32_t nr_pages)
{
    return (struct splitio_shm_hello){
        .magic = SPLITIO_SHM_MAGIC,
        .version = SPLITIO_SHM_VERSION,
        .type = SPLITIO_SHM_HELLO,
        .abi = SPLITIO_SHM_ABI_64,
        .nr_pages = nr_pages,
        .nr_grant_frames = 1,
        .nr_ports = 64,
        .name = "raw",
    };
}

int raw_memory(uint32_t nr_pages, int seals)
{
    static const char zeroes[4096];
    int fd = memfd_create("raw", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    CHECK(fd >= 0);
    for (uint32_t i = 0; i < nr_pages; i++)
        CHECK(write(fd, zeroes, sizeof(zeroes)) == sizeof(zeroes));
    if (seals)
        CHECK(fcntl(fd, F_ADD_SEALS, seals) == 0);
    return fd;
}

void raw_answer(struct harness *h, int fd, struct splitio_shm_welcome *w,
                int fds[2])
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = w, .iov_len = sizeof(*w)};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control)};
    ssize_t n;

    do {
        splitio_shm_machine_poll(h->m, 64);
        n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && (errno == EAGAIN || errno == ECONNRESET));
    assert_int_equal(n, sizeof(*w));
    if (w->type == SPLITIO_SHM_WELCOME) {
        assert_non_null(CMSG_FIRSTHDR(&msg));
        memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&msg)), 2 * sizeof(int));
    }
}

int raw_join(struct harness *h, int memfd, uint32_t nr_pages,
             struct splitio_shm_welcome *w, int fds[2])
{
    struct splitio_shm_hello hello = raw_hello(nr_pages);
    int fd = raw_connect(h->path);

    assert_true(raw_send(fd, &hello, sizeof(hello), &memfd, 1));
    raw_answer(h, fd, w, fds);
    assert_int_equal(w->type, SPLITIO_SHM_WELCOME);
    return fd;
}

bool raw_is_gone(int fd)
{
    char c[256];
    ssize_t n;

    do
        n = recv(fd, c, sizeof(c), MSG_DONTWAIT);
    while (n > 0);
    return n == 0 || (n < 0 && errno != EAGAIN);
}
