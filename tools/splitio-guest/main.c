/* SPDX-License-Identifier: BSD-2-Clause */
/* splitio-guest: a splitio NIC as an interface of this kernel. */
#include "nic.h"

#include "../common/log.h"
#include "../common/loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define CONNECT_SECONDS 10

static struct {
    struct options options;
    struct nic nic;
    struct loop loop;
    struct source guest, tap, signals, deadline;
    bool plugged, tap_watched, stopping, failed;
} self;

/* Every turn of the loop moves everything; being ready is enough. */
static void just_turn(struct source *s, uint32_t events)
{
    (void)s;
    (void)events;
}

static void on_signal(struct source *s, uint32_t events)
{
    (void)s;
    (void)events;
    self.stopping = true;
}

static void on_deadline(struct source *s, uint32_t events)
{
    (void)s;
    (void)events;
    if (self.plugged) {
        loop_remove(&self.loop, &self.deadline);
        return;
    }
    log_line(LOG_ERROR, "the back does not connect the NIC; see its log");
    self.failed = self.stopping = true;
}

static int watch(struct source *s, int fd,
                 void (*ready)(struct source *s, uint32_t events))
{
    *s = (struct source){.fd = fd, .ready = ready};
    return fd < 0 ? -1 : loop_add(&self.loop, s, EPOLLIN);
}

static int open_loop(void)
{
    const struct itimerspec once = {.it_value.tv_sec = CONNECT_SECONDS};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (loop_init(&self.loop) || timer < 0 ||
        timerfd_settime(timer, 0, &once, NULL) ||
        watch(&self.deadline, timer, on_deadline) ||
        watch(&self.signals, signalfd(-1, &set, SFD_CLOEXEC), on_signal) ||
        watch(&self.guest, guest_fd(&self.nic.guest), just_turn)) {
        log_line(LOG_ERROR, "cannot make the event loop: %s", strerror(errno));
        return -1;
    }
    return 0;
}

static void plug(void)
{
    if (nic_plug(&self.nic, &self.options) ||
        watch(&self.tap, splitio_tap_fd(self.nic.tap), just_turn)) {
        self.failed = self.stopping = true;
        return;
    }
    self.plugged = self.tap_watched = true;
    log_line(LOG_INFO, "guest %s is joined to %s",
             self.options.xen ? "of Xen" : self.options.guest,
             self.options.tap);
    log_notify("READY=1");
    if (self.options.ready_fd >= 0) {
        if (write(self.options.ready_fd, "ready\n", 6) != 6)
            log_line(LOG_WARNING, "nobody reads --ready-fd");
        close(self.options.ready_fd);
    }
}

/* While the front has no room, the interface's frames must wait. */
static void watch_tap(void)
{
    bool want = splitio_tap_wants_read(self.nic.tap);

    if (want == self.tap_watched)
        return;
    self.tap_watched = want;
    (void)loop_change(&self.loop, &self.tap, want ? EPOLLIN : 0);
}

static int run(void)
{
    int n = 1;

    while (!self.stopping) {
        if (loop_run_once(&self.loop, n > 0 || guest_has_work(&self.nic.guest)))
            return -1;
        n = nic_turn(&self.nic);
        if (n < 0) {
            log_line(LOG_ERROR, "the daemon is gone");
            return -1;
        }
        if (!self.plugged && splitio_netfront_is_up(&self.nic.front))
            plug();
        if (self.plugged)
            watch_tap();
    }
    return self.failed ? -1 : 0;
}

int main(int argc, char **argv)
{
    int err;

    log_init("splitio-guest", false);
    err = options_parse(&self.options, argc, argv);
    if (err)
        return err < 0 ? 2 : 0;
    if (nic_open(&self.nic, &self.options))
        return 1;
    err = open_loop();
    if (!err)
        err = run();
    nic_close(&self.nic);
    loop_fini(&self.loop);
    return err ? 1 : 0;
}
