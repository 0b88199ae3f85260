/* SPDX-License-Identifier: BSD-2-Clause */
/* Raising an eventfd that somebody else has, too. */
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "slot.h"

/*
 * A write() waits while the counter is full, and whoever shares an eventfd can
 * fill it and clear O_NONBLOCK. The kernel itself adds to it without waiting: when
 * an asynchronous request is done. The request here is to wait for a descriptor
 * that is readable already.
 */
#define REQUESTS 64

bool splitio_ivshmem_alarm_open(struct alarm *a)
{
    a->aio = 0;
    a->ready = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    return a->ready >= 0 && syscall(SYS_io_setup, REQUESTS, &a->aio) == 0;
}

void splitio_ivshmem_alarm_close(struct alarm *a)
{
    if (a->aio)
        (void)syscall(SYS_io_destroy, a->aio);
    if (a->ready >= 0)
        (void)close(a->ready);
}

void splitio_ivshmem_alarm_raise(struct alarm *a, int eventfd)
{
    struct io_event done[REQUESTS];
    struct iocb request = {
        .aio_lio_opcode = IOCB_CMD_POLL,
        .aio_fildes = (uint32_t)a->ready,
        .aio_buf = POLLIN,
        .aio_flags = IOCB_FLAG_RESFD,
        .aio_resfd = (uint32_t)eventfd,
    };
    struct iocb *requests[1] = {&request};

    /* Requests are done at once: there is room as soon as they are taken. */
    while (syscall(SYS_io_submit, a->aio, 1, requests) < 0 && errno == EAGAIN)
        if (syscall(SYS_io_getevents, a->aio, 0, REQUESTS, done, NULL) < 0)
            return;
}
