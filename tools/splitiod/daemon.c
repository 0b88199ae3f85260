/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon: opening, the loop, closing. */
#include "daemon.h"

#include "../common/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BUDGET        64u
#define TICK_SECONDS  2
#define STALL_NS      UINT64_C(10000000000)
#define PAGES_PER_MIB 256u
/* The store's arena; pages of it that are not in use take no memory. */
#define STORE_BYTES     ((size_t)4 << 20)
#define STORE_PER_GUEST ((size_t)32 << 10)

/* The machine is polled by every turn of the loop; being ready is enough. */
static void machine_ready(struct source *s, uint32_t events)
{
    (void)s;
    (void)events;
}

static void signal_ready(struct source *s, uint32_t events)
{
    struct daemon *d = s->user;
    struct signalfd_siginfo info;

    (void)events;
    if (read(s->fd, &info, sizeof(info)) != sizeof(info))
        return;
    log_line(LOG_INFO, "stopping: %s", strsignal((int)info.ssi_signo));
    d->stopping = true;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* True if the device has something to do now. */
static bool tick(struct device *p, uint64_t now)
{
    char text[SPLITIO_XENBUS_TEXT_MAX];
    bool work = p->kind->tick(p);

    if (splitio_xenbus_check(p->kind->xenbus(p), now, STALL_NS) == 0)
        return work;
    splitio_xenbus_describe(p->kind->xenbus(p), text, sizeof(text));
    log_line(LOG_WARNING, "%s of domain %u does not get on: %s", p->name,
             p->nodes.front, text);
    return true;
}

static void timer_ready(struct source *s, uint32_t events)
{
    struct daemon *d = s->user;
    uint64_t count, now = now_ns();
    bool work = false;

    (void)events;
    if (read(s->fd, &count, sizeof(count)) < 0)
        return;
    for (struct device *p = d->devices; p; p = p->next)
        if (!p->ending && tick(p, now)) {
            device_wake(p);
            work = true;
        }
    if (d->store)
        store_socket_tick(d->store);
    if (d->xen)
        xen_side_tick(d->xen);
    /* The timer must not make up for a wakeup that was lost. */
    d->only_tick = !work;
}

static int add_source(struct daemon *d, struct source *s, int fd,
                      void (*ready)(struct source *s, uint32_t events))
{
    *s = (struct source){.fd = fd, .ready = ready, .user = d};
    return fd < 0 ? -1 : loop_add(&d->loop, s, EPOLLIN);
}

static int open_signals(struct daemon *d)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return add_source(d, &d->signals,
                      signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
                      signal_ready);
}

static int open_timer(struct daemon *d)
{
    const struct itimerspec every = {{TICK_SECONDS, 0}, {TICK_SECONDS, 0}};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

    if (fd >= 0)
        timerfd_settime(fd, 0, &every, NULL);
    return add_source(d, &d->timer, fd, timer_ready);
}

/* That the time has come is all there is to know: the devices are polled. */
static void alarm_ready(struct source *s, uint32_t events)
{
    uint64_t count;

    (void)events;
    if (read(s->fd, &count, sizeof(count)) < 0)
        return;
}

static int open_alarm(struct daemon *d)
{
    return add_source(
        d, &d->alarm,
        timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
        alarm_ready);
}

/* For the device that waits for the shortest time; none: it stays as it is. Those
 * that wait are always ready. */
static void set_alarm(struct daemon *d)
{
    uint64_t soonest = 0;
    struct itimerspec at = {{0, 0}, {0, 0}};

    for (struct device *p = d->ready.first; p; p = p->next_ready) {
        uint64_t wait =
            p->ending || !p->kind->wait_ns ? 0 : p->kind->wait_ns(p);

        if (wait != 0 && (soonest == 0 || wait < soonest))
            soonest = wait;
    }
    if (soonest == 0)
        return;
    at.it_value.tv_sec = (time_t)(soonest / 1000000000u);
    at.it_value.tv_nsec = (long)(soonest % 1000000000u);
    timerfd_settime(d->alarm.fd, 0, &at, NULL);
}

static int open_machine(struct daemon *d, char *reason, unsigned bytes)
{
    const struct splitio_shm_machine_config cfg = {
        .path = d->options->socket,
        .max_guests = (uint16_t)d->options->max_guests,
        .max_pages = d->options->max_guest_mib * PAGES_PER_MIB,
        .store_bytes = STORE_BYTES + d->options->max_guests * STORE_PER_GUEST,
        .ops = &daemon_machine_ops,
        .arg = d,
    };

    if (splitio_shm_machine_open(&d->machine, &cfg, reason, bytes))
        return -1;
    if (add_source(d, &d->machine_source, splitio_shm_machine_fd(d->machine),
                   machine_ready) == 0)
        return 0;
    snprintf(reason, bytes, "cannot watch the guests' socket");
    return -1;
}

int daemon_open(struct daemon *d, const struct options *o, char *reason,
                unsigned reason_bytes)
{
    memset(d, 0, sizeof(*d));
    d->options = o;
    d->loop.fd = d->signals.fd = d->timer.fd = d->media.wake.fd = -1;
    d->alarm.fd = -1;
    if (loop_init(&d->loop) || open_signals(d) || open_timer(d) ||
        open_alarm(d)) {
        snprintf(reason, reason_bytes, "cannot make the event loop: %s",
                 strerror(errno));
        goto out_close;
    }
    if (media_open(&d->media, &d->loop, o, reason, reason_bytes))
        goto out_close;
    if (o->check_only)
        return 0;
    if ((o->socket || o->nr_slots > 0) && open_machine(d, reason, reason_bytes))
        goto out_close;
    if (o->nr_slots > 0) {
        d->slots = slots_open(&d->loop, d->machine, o, reason, reason_bytes);
        if (!d->slots)
            goto out_close;
    }
    if (o->xen) {
        d->xen = xen_side_open(d, reason, reason_bytes);
        if (!d->xen)
            goto out_close;
    }
    if (o->store_socket) {
        d->store = store_socket_open(
            &d->loop, splitio_shm_machine_store_server(d->machine),
            o->store_socket, reason, reason_bytes);
        if (!d->store)
            goto out_close;
    }
    return 0;

out_close:
    daemon_close(d);
    return -1;
}

void daemon_add(struct daemon *d, struct device *device)
{
    device->next = d->devices;
    d->devices = device;
    device_wake(device);
}

static void remove_device(struct daemon *d, const struct device *device)
{
    struct device **p = &d->devices;

    while (*p != device)
        p = &(*p)->next;
    *p = device->next;
}

/* One step of its end. Things done; what is not over is ready for the next. */
static unsigned end_device(struct daemon *d, struct device *device)
{
    remove_device(d, device);
    device->is_ready = true; /* nobody puts one into the list that is freed */
    if (device_end(device))
        return 1;
    device->is_ready = false;
    daemon_add(d, device);
    return 0;
}

/* Things done. One that is left out from here on will be woken. */
static unsigned poll_device(struct device *device)
{
    int done = device_poll(device, BUDGET);

    if (done > 0 || device->renewal != RENEWAL_NONE ||
        !device->kind->is_settled || !device->kind->is_settled(device))
        device_wake(device);
    return done > 0 ? (unsigned)done : 0;
}

/* Poll the devices that are ready; end those that are ending. Things done. */
static unsigned poll_devices(struct daemon *d)
{
    struct device *p = d->ready.first;
    unsigned n = 0;

    d->ready = (struct ready_list){NULL, NULL};
    while (p) {
        struct device *next = p->next_ready;

        p->is_ready = false;
        n += p->ending ? end_device(d, p) : poll_device(p);
        p = next;
    }
    return n;
}

static unsigned turn(struct daemon *d)
{
    unsigned n = 0;

    if (d->machine)
        n += splitio_shm_machine_poll(d->machine, BUDGET);
    if (d->xen)
        n += xen_side_poll(d->xen, BUDGET);
    return n + poll_devices(d);
}

static bool has_work(struct daemon *d)
{
    return (d->machine && splitio_shm_machine_has_work(d->machine)) ||
           (d->xen && xen_side_has_work(d->xen));
}

int daemon_run(struct daemon *d, char *reason, unsigned reason_bytes)
{
    bool busy = true;

    while (!d->stopping) {
        int err;

        if (!busy)
            set_alarm(d);
        err = loop_run_once(&d->loop, busy);
        if (err) {
            snprintf(reason, reason_bytes, "waiting for events: %s",
                     strerror(-err));
            return -1;
        }
        if (!d->only_tick || busy)
            busy = turn(d) != 0 || has_work(d);
        d->only_tick = false;
    }
    return 0;
}

static void end_devices(struct daemon *d)
{
    for (struct device *p = d->devices; p; p = p->next) {
        p->ending = true;
        device_wake(p);
    }
    /* Waits for the disks: what they have been asked to do is finished. */
    while (d->devices) {
        if (turn(d) == 0 && d->devices)
            (void)loop_run_once(&d->loop, false);
    }
}

static void close_machine(struct daemon *d)
{
    store_socket_close(d->store);
    slots_close(d->slots);
    loop_remove(&d->loop, &d->machine_source);
    if (splitio_shm_machine_close(d->machine))
        log_line(LOG_ERROR, "pages of guests are still mapped");
}

void daemon_close(struct daemon *d)
{
    end_devices(d);
    if (d->machine)
        close_machine(d);
    xen_side_close(d->xen);
    if (d->media.wake.fd >= 0)
        media_close(&d->media);
    if (d->timer.fd >= 0)
        close(d->timer.fd);
    if (d->alarm.fd >= 0)
        close(d->alarm.fd);
    if (d->signals.fd >= 0)
        close(d->signals.fd);
    loop_fini(&d->loop);
}
