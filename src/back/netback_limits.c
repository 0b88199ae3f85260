/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits that are the host's: MTU, carrier, rate. */
#include "netback_impl.h"

/* ---- MTU ---- */

/* The same for whole frames, however many tags they have. */
static uint32_t longest(const struct splitio_netback *dev, const uint8_t *head)
{
    uint32_t l2 = SPLITIO_FRAME_BYTES_MIN;
    unsigned i;

    for (i = 0; i < 2; i++) {
        unsigned type = (unsigned)head[l2 - 2] << 8 | head[l2 - 1];

        if (type != 0x8100 && type != 0x88a8)
            break;
        l2 += 4;
    }
    return l2 + dev->mtu;
}

bool splitio_netback_is_short(const struct splitio_netback *dev,
                              const struct splitio_frame *f)
{
    uint8_t head[SPLITIO_PACKET_HEAD_BYTES];
    struct splitio_packet_info info;
    uint32_t n;

    if (dev->mtu == 0 || f->len_bytes <= dev->mtu + SPLITIO_FRAME_BYTES_MIN)
        return true;
    n = splitio_packet_gather(f->iov, f->nr_iov, 0, head, sizeof(head));
    if (n < SPLITIO_FRAME_BYTES_MIN + 8)
        return false;
    if (f->gso_type == SPLITIO_GSO_NONE)
        return f->len_bytes <= longest(dev, head);
    return splitio_packet_parse(head, n, &info) == 0 &&
           (uint32_t)info.payload_offset + f->gso_size <= longest(dev, head);
}

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

uint64_t splitio_netback_wait_ns(const struct splitio_netback *dev)
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
