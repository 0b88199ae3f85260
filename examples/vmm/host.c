/* SPDX-License-Identifier: BSD-2-Clause */
/* The I/O thread: backs, store, consoles; and guests' lives. */
#include "host.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define BUDGET 64u

/* ---- what wakes it ---- */

/* The machine is polled in every turn of the loop. */
static void machine_ready(struct source *s, uint32_t events)
{
    (void)s;
    (void)events;
}

static void timer_ready(struct source *s, uint32_t events)
{
    uint64_t count;

    (void)events;
    if (read(s->fd, &count, sizeof(count)) > 0)
        devices_tick(s->user);
}

/* What is typed goes to the first guest. */
static void input_ready(struct source *s, uint32_t events)
{
    struct host *h = s->user;
    struct vm *vm = h->vms[0];
    char bytes[128];
    ssize_t n = read(s->fd, bytes, sizeof(bytes));

    (void)events;
    if (n <= 0)
        loop_remove(&h->loop, s);
    else if (vm && h->options->console == CONSOLE_SERIAL)
        serial_input(&vm->serial, bytes, (size_t)n);
    else if (vm)
        (void)splitio_kvm_guest_console_input(vm->guest, bytes, (size_t)n);
}

static int watch(struct host *h, struct source *s, int fd,
                 void (*ready)(struct source *s, uint32_t events))
{
    *s = (struct source){.fd = fd, .ready = ready, .user = h};
    return fd < 0 ? -1 : loop_add(&h->loop, s, EPOLLIN);
}

/* ---- guests ---- */

static int start(struct host *h, unsigned index, char *reason, unsigned bytes)
{
    const struct vm_options *o = &h->options->vms[index];
    struct vm *vm = vm_new(h->machine, o, reason, bytes);

    if (!vm)
        return -1;
    h->vms[index] = vm;
    h->nr_running++;
    if (devices_add(h, vm, reason, bytes))
        return -1;
    if (vm_run(vm)) {
        snprintf(reason, bytes, "%s: cannot make threads", o->name);
        return -1;
    }
    return 0;
}

static void report(const struct vm *vm, enum vm_end why)
{
    static const char *const text[] = {"runs", "powered off", "reboots",
                                       "crashed"};
    struct splitio_kvm_guest_stats s;

    splitio_kvm_guest_get_stats(vm->guest, &s);
    fprintf(stderr,
            "splitio-vmm: %s: %s; %llu hypercalls, %llu unknown (last %u, "
            "%u), %llu doorbells, %llu upcalls\n",
            vm->options->name, text[why], (unsigned long long)s.nr_hypercalls,
            (unsigned long long)s.nr_unknown, (unsigned)s.last_unknown,
            (unsigned)(s.last_unknown >> 32),
            (unsigned long long)s.nr_doorbells,
            (unsigned long long)s.nr_upcalls);
}

/* Its vcpus end first, then its devices, then its memory. True: it is gone. */
static bool bury(struct host *h, unsigned index)
{
    struct vm *vm = h->vms[index];
    enum vm_end why = vm_has_ended(vm);
    char reason[256];

    if (vm->cpus[0].has_thread) {
        report(vm, why);
        vm_stop(vm);
        devices_end(h, splitio_kvm_guest_domid(vm->guest));
    }
    if (devices_poll(h) > 0 || !vm_free(vm))
        return false;
    h->vms[index] = NULL;
    h->nr_running--;
    h->failed |= why == VM_CRASH;
    if (why == VM_REBOOT && start(h, index, reason, sizeof(reason))) {
        fprintf(stderr, "splitio-vmm: %s\n", reason);
        h->failed = true;
    }
    return true;
}

static unsigned bury_dead(struct host *h)
{
    unsigned n = 0;

    for (unsigned i = 0; i < h->options->nr_vms; i++)
        if (h->vms[i] && vm_has_ended(h->vms[i]) != VM_RUNS)
            n += bury(h, i);
    return n;
}

/* ---- the loop ---- */

int host_open(struct host *h, const struct vmm_options *o, char *reason,
              unsigned bytes)
{
    const struct splitio_kvm_machine_config cfg = {.max_guests = MAX_VMS};
    const struct itimerspec every = {{1, 0}, {1, 0}};
    int err;

    memset(h, 0, sizeof(*h));
    h->options = o;
    snprintf(reason, bytes, "cannot be set up");
    if (loop_init(&h->loop) ||
        media_open(&h->media, &h->loop, &o->devices, reason, bytes))
        return -1;
    err = splitio_kvm_machine_open(&h->machine, &cfg);
    if (!err)
        err = watch(h, &h->machine_source, splitio_kvm_machine_fd(h->machine),
                    machine_ready) ||
              watch(h, &h->timer, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC),
                    timer_ready);
    if (err)
        return -1;
    (void)timerfd_settime(h->timer.fd, 0, &every, NULL);
    (void)watch(h, &h->input, STDIN_FILENO, input_ready);
    if (o->control && control_open(h, o->control)) {
        snprintf(reason, bytes, "%s: cannot be a FIFO", o->control);
        return -1;
    }
    for (unsigned i = 0; i < o->nr_vms && !err; i++)
        err = start(h, i, reason, bytes);
    return err;
}

int host_run(struct host *h)
{
    bool busy = true;

    while (h->nr_running > 0) {
        if (loop_run_once(&h->loop, busy))
            return 1;
        busy = splitio_kvm_machine_poll(h->machine, BUDGET) != 0;
        busy |= devices_poll(h) != 0;
        busy |= bury_dead(h) != 0;
        busy |= splitio_kvm_machine_has_work(h->machine);
    }
    return h->failed;
}

void host_close(struct host *h)
{
    for (unsigned i = 0; i < h->options->nr_vms; i++)
        if (h->vms[i])
            vm_end(h->vms[i], VM_POWER_OFF);
    while (h->machine && h->nr_running > 0) {
        (void)splitio_kvm_machine_poll(h->machine, BUDGET);
        (void)bury_dead(h);
    }
    media_close(&h->media);
    if (h->machine)
        splitio_kvm_machine_close(h->machine);
    if (h->timer.fd > 0)
        close(h->timer.fd);
    loop_fini(&h->loop);
}
