/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread that polls a machine and the fronts on it. */
#include "splitio_linux.h"

#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/pci.h>

#define BUDGET 64
/* For an answer of the daemon, and between two attempts to join it. */
#define ANSWER_JIFFIES (2 * HZ)
#define RETRY_JIFFIES  HZ

/* --- waking --- */

void splitio_wake(struct splitio_machine *m)
{
    WRITE_ONCE(m->woken, true);
    wake_up(&m->wait);
}
EXPORT_SYMBOL_GPL(splitio_wake);

static bool take_wake(struct splitio_machine *m)
{
    return xchg(&m->woken, false);
}

static void op_ring(void *ctx)
{
    splitio_ring(ctx);
}

static void op_wake(void *ctx)
{
    splitio_wake(ctx);
}

static int op_wait(void *ctx)
{
    struct splitio_machine *m = ctx;

    return wait_event_timeout(m->wait, take_wake(m), ANSWER_JIFFIES)
               ? 0
               : SPLITIO_EAGAIN;
}

const struct splitio_ivshmem_guest_ops splitio_guest_ops = {
    .ring = op_ring,
    .wake = op_wake,
    .wait = op_wait,
};

/* --- one turn --- */

void splitio_done(struct splitio_device *sd)
{
    list_del_init(&sd->bound);
    complete(&sd->done);
}
EXPORT_SYMBOL_GPL(splitio_done);

static int poll_devices(struct splitio_machine *m)
{
    struct splitio_device *sd, *next;
    int n = 0;

    list_for_each_entry_safe(sd, next, &m->devices, bound) n +=
        to_splitio_driver(sd->dev.driver)->poll(sd);
    return n;
}

static void begin_anew(struct splitio_machine *m)
{
    struct splitio_device *sd;

    dev_notice(&m->pci->dev, "the daemon is another now: connecting anew\n");
    list_for_each_entry(sd, &m->devices, bound)
        to_splitio_driver(sd->dev.driver)
            ->resume(sd);
    m->over = true;
}

/* True if it has joined. Fronts close their channels meanwhile. */
static bool rejoin(struct splitio_machine *m)
{
    const char *why;
    int err = splitio_ivshmem_guest_rejoin(&m->guest, &why);

    if (err == 0) {
        m->over = false;
        dev_info(&m->pci->dev, "joined again as domain %u\n",
                 splitio_ivshmem_guest_domid(&m->guest));
    } else if (err != SPLITIO_EBUSY) {
        dev_warn_ratelimited(&m->pci->dev, "%s\n", why);
    }
    return err == 0;
}

/* The first time: the daemon may not have been there when the driver came. */
static bool join(struct splitio_machine *m)
{
    const char *why;

    return splitio_machine_join(m, &why) == 0;
}

/* True if there is more to do at once. */
static bool turn(struct splitio_machine *m)
{
    int n = 0;

    if (!m->open)
        return join(m);
    if (!m->over && !m->gone) {
        n = splitio_ivshmem_guest_poll(&m->guest, BUDGET);
        if (n == SPLITIO_ECLOSED)
            begin_anew(m);
    }
    n = max(n, 0) + poll_devices(m);
    if (m->gone)
        return n > 0;
    if (m->over)
        return rejoin(m) || n > 0;
    return n > 0 || splitio_ivshmem_guest_has_work(&m->guest);
}

static int run(void *arg)
{
    struct splitio_machine *m = arg;

    while (!kthread_should_stop()) {
        bool more, over;

        if (kthread_should_park())
            kthread_parkme();
        take_wake(m);
        mutex_lock(&m->lock);
        more = turn(m);
        over = m->over || !m->open;
        mutex_unlock(&m->lock);
        if (more)
            cond_resched();
        else
            wait_event_interruptible_timeout(
                m->wait,
                READ_ONCE(m->woken) || kthread_should_stop() ||
                    kthread_should_park(),
                over ? RETRY_JIFFIES : MAX_SCHEDULE_TIMEOUT);
    }
    return 0;
}

int splitio_thread_start(struct splitio_machine *m)
{
    m->thread = kthread_run(run, m, "splitio/%s", pci_name(m->pci));
    return PTR_ERR_OR_ZERO(m->thread);
}

void splitio_thread_stop(struct splitio_machine *m)
{
    (void)kthread_stop(m->thread);
}
