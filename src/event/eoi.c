/* SPDX-License-Identifier: BSD-2-Clause */
/* Late end of interrupt: see splitio/event_eoi.h. */
#include <splitio/event_eoi.h>

#include "lock.h"

/* Events without work that are not held against a port: a peer may be late with
 * the event for what was found already. */
#define IDLE_FREE 1u
/* With so many in a row the last delay is reached. */
#define IDLE_MAX 12u
/* Ports unmasked between two holds of the lock. */
#define DUE_BATCH 32u

void splitio_event_eoi_init(struct splitio_event_eoi *eoi,
                            struct splitio_event_eoi_port *ports,
                            uint32_t nr_ports)
{
    __builtin_memset(eoi, 0, sizeof(*eoi));
    eoi->ports = ports;
    eoi->nr_ports = ports ? nr_ports : 0;
    eoi->first_ns = UINT64_MAX;
    if (ports)
        __builtin_memset(ports, 0, nr_ports * sizeof(*ports));
}

static uint64_t delay_of(unsigned nr_idle)
{
    uint64_t delay = SPLITIO_EVENT_EOI_FIRST_NS << (nr_idle - IDLE_FREE - 1);

    return delay < SPLITIO_EVENT_EOI_LAST_NS ? delay
                                             : SPLITIO_EVENT_EOI_LAST_NS;
}

/* Lock held. */
static void set_first(struct splitio_event_eoi *eoi, uint64_t first_ns)
{
    splitio_write_once_u64(&eoi->first_ns, first_ns);
}

/* Lock held. */
static void add(struct splitio_event_eoi *eoi, splitio_evtchn_t port,
                uint64_t delay)
{
    struct splitio_event_eoi_port *p = &eoi->ports[port];

    p->due_ns = splitio_read_once_u64(&eoi->now_ns) + delay;
    if (!p->waits) {
        p->waits = 1;
        p->next = eoi->first;
        eoi->first = port;
    }
    if (p->due_ns < eoi->first_ns)
        set_first(eoi, p->due_ns);
    splitio_write_once_u64(&eoi->nr_delayed, eoi->nr_delayed + 1);
}

/* Lock held. It need not be in the list. */
static void take_out(struct splitio_event_eoi *eoi, splitio_evtchn_t port)
{
    uint32_t *at = &eoi->first;

    if (!eoi->ports[port].waits)
        return;
    while (*at != port)
        at = &eoi->ports[*at].next;
    *at = eoi->ports[port].next;
    eoi->ports[port].waits = 0;
    if (eoi->first == 0)
        set_first(eoi, UINT64_MAX);
}

void splitio_event_eoi_forget(struct splitio_event_eoi *eoi,
                              splitio_evtchn_t port)
{
    if (port >= eoi->nr_ports)
        return;
    spin_lock(&eoi->lock);
    take_out(eoi, port);
    eoi->ports[port].nr_idle = 0;
    spin_unlock(&eoi->lock);
}

bool splitio_event_eoi_end(struct splitio_event_eoi *eoi, splitio_evtchn_t port,
                           bool idle)
{
    struct splitio_event_eoi_port *p;
    bool now = true;

    if (port >= eoi->nr_ports)
        return true;
    p = &eoi->ports[port];
    if (!idle) {
        if (p->nr_idle)
            splitio_event_eoi_forget(eoi, port);
        return true;
    }
    if (splitio_read_once_u32(&eoi->ticks) == 0)
        return true;
    spin_lock(&eoi->lock);
    if (p->nr_idle < IDLE_MAX)
        p->nr_idle++;
    if (p->nr_idle > IDLE_FREE) {
        add(eoi, port, delay_of(p->nr_idle));
        now = false;
    }
    spin_unlock(&eoi->lock);
    return now;
}

/* Lock held. Up to so many of those that are due leave the list. */
static unsigned take_due(struct splitio_event_eoi *eoi, uint64_t now_ns,
                         splitio_evtchn_t due[DUE_BATCH])
{
    uint64_t first_ns = UINT64_MAX;
    uint32_t *at = &eoi->first;
    unsigned nr = 0;

    while (*at) {
        struct splitio_event_eoi_port *p = &eoi->ports[*at];

        if (p->due_ns <= now_ns && nr < DUE_BATCH) {
            due[nr++] = *at;
            *at = p->next;
            p->waits = 0;
            continue;
        }
        if (p->due_ns < first_ns)
            first_ns = p->due_ns;
        at = &p->next;
    }
    set_first(eoi, first_ns);
    return nr;
}

uint64_t splitio_event_eoi_tick(struct splitio_event_eoi *eoi, uint64_t now_ns,
                                void (*unmask)(void *arg,
                                               splitio_evtchn_t port),
                                void *arg)
{
    splitio_evtchn_t due[DUE_BATCH];

    splitio_write_once_u64(&eoi->now_ns, now_ns);
    splitio_write_once_u32(&eoi->ticks, 1);
    while (now_ns >= splitio_read_once_u64(&eoi->first_ns)) {
        unsigned nr;

        spin_lock(&eoi->lock);
        nr = take_due(eoi, now_ns, due);
        spin_unlock(&eoi->lock);
        for (unsigned i = 0; i < nr; i++)
            unmask(arg, due[i]);
    }
    return splitio_read_once_u64(&eoi->first_ns);
}
