/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits that are the host's: carrier, rate. */
#include "netback_impl.h"

/* ---- carrier ---- */

void splitio_netback_set_carrier(struct splitio_netback *dev, bool up)
{
    if (dev->no_carrier == !up)
        return;
    dev->no_carrier = !up;
    if (dev->config.store)
        splitio_xenbus_publish(&dev->xb);
}

/* ---- rate ---- */

/* So that no sum of credits overflows. */
#define RATE_BYTES_MAX ((uint64_t)1 << 40)

void splitio_netback_set_rate(struct splitio_netback *dev, uint64_t bytes,
                              uint64_t period_ns)
{
    struct splitio_netback_rate *r = &dev->rate;

    if (bytes > RATE_BYTES_MAX)
        bytes = RATE_BYTES_MAX;
    if (bytes == 0 || period_ns == 0)
        bytes = period_ns = 0;
    if (bytes == r->bytes && period_ns == r->period_ns)
        return;
    r->bytes = bytes;
    r->period_ns = period_ns;
    r->start_ns = r->now_ns;
    r->credit = (int64_t)bytes;
}

bool splitio_netback_has_credit(const struct splitio_netback *dev)
{
    const struct splitio_netback_rate *r = &dev->rate;

    return r->bytes == 0 || !r->told || r->credit > 0;
}

bool splitio_netback_waits(struct splitio_netback *dev)
{
    if (splitio_netback_has_credit(dev))
        return false;
    dev->rate.waiting = true;
    dev->stats.tx_waits++;
    return true;
}

void splitio_netback_spend(struct splitio_netback *dev, uint32_t len_bytes)
{
    if (dev->rate.bytes != 0 && dev->rate.told)
        dev->rate.credit -= len_bytes;
}

/* Periods until there is something to spend. */
static uint64_t periods_owed(const struct splitio_netback_rate *r)
{
    return r->credit > 0 ? 0 : (uint64_t)-r->credit / r->bytes + 1;
}

void splitio_netback_set_time(struct splitio_netback *dev, uint64_t now_ns)
{
    struct splitio_netback_rate *r = &dev->rate;
    uint64_t nr;

    if (!r->told)
        r->start_ns = now_ns;
    r->told = true;
    if (now_ns < r->now_ns)
        return;
    r->now_ns = now_ns;
    if (r->bytes == 0)
        return;
    nr = (now_ns - r->start_ns) / r->period_ns;
    r->start_ns += nr * r->period_ns;
    /* More than what a period gives is never kept. */
    if (nr > periods_owed(r))
        r->credit = (int64_t)r->bytes;
    else
        r->credit += (int64_t)(nr * r->bytes);
}

static uint64_t credit_wait_ns(const struct splitio_netback *dev)
{
    const struct splitio_netback_rate *r = &dev->rate;
    uint64_t nr;

    if (!r->waiting || splitio_netback_has_credit(dev))
        return 0;
    nr = periods_owed(r);
    if (nr > UINT64_MAX / 2 / r->period_ns)
        return UINT64_MAX / 2;
    return r->start_ns + nr * r->period_ns - r->now_ns;
}

/* Frames wait for a front that says nothing when it lends pages. */
static bool must_look(const struct splitio_netback *dev)
{
    uint32_t i;

    for (i = 0; dev->no_rx_notify && i < dev->nr_queues; i++)
        if (dev->queues[i]->backlog_head != dev->queues[i]->backlog_tail)
            return true;
    return false;
}

uint64_t splitio_netback_wait_ns(const struct splitio_netback *dev)
{
    uint64_t wait = credit_wait_ns(dev);

    if (must_look(dev) && (wait == 0 || wait > SPLITIO_NETBACK_LOOK_NS))
        wait = SPLITIO_NETBACK_LOOK_NS;
    return wait;
}
