/* SPDX-License-Identifier: BSD-2-Clause */
/* Late end of interrupt: events without work wait longer and longer. */
#ifndef SPLITIO_EVENT_EOI_H
#define SPLITIO_EVENT_EOI_H

/**
 * @file
 * @brief Back-off of events that bring no work (layer 1).
 *
 * **What it is.** A port stays masked from its handler until its owner has
 * worked: a peer that sends without end costs one handler call for each look at
 * the ring. A peer that sends without ever having put work there still makes its
 * victim look as fast as it can. So the owner says whether there was work, and
 * after the second event in a row without, the port is unmasked late: after 1 ms,
 * then 2, 4, and so on up to a second. Work ends that at once.
 *
 * **Who calls what.** The ready-made host port of hypervisor.h does this for the
 * backs: the owner of a device calls the port's event_unmask() or
 * event_unmask_idle(), the embedder's loop splitio_host_tick(). Whoever writes a
 * port may use this module in the same way.
 *
 * **Typical loop.**
 *
 *     next = splitio_event_eoi_tick(eoi, now_ns, unmask, arg)
 *     run handlers, poll devices, which end their interrupts:
 *         if (splitio_event_eoi_end(eoi, port, idle))
 *             unmask the port
 *         else
 *             make the loop tick again before it sleeps
 *     wait for an upcall, until next at most
 *
 * **Memory order.** A lock of its own for the list of those that wait.
 *
 * **Trust.** Which events bring work is the peer's choice; the delay is not.
 *
 * **Errors.** None.
 */

#include <splitio/arch.h>
#include <splitio/port.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The first delay, and the last. */
#define SPLITIO_EVENT_EOI_FIRST_NS UINT64_C(1000000)
#define SPLITIO_EVENT_EOI_LAST_NS  UINT64_C(1000000000)

/** What is known of a port. Fields are private, not ABI. */
struct splitio_event_eoi_port {
    uint64_t due_ns;
    uint32_t next;    /* in the list of those that wait */
    uint16_t nr_idle; /* events in a row without work */
    uint16_t waits;
};

/** All ports of a domain. Fields are private, not ABI. */
struct splitio_event_eoi {
    struct splitio_event_eoi_port *ports; /* NULL: no back-off */
    uint32_t nr_ports;
    uint32_t lock;     /* of the list */
    uint32_t first;    /* port that waits; 0: none */
    uint32_t ticks;    /* 0: nobody tells the time, nothing waits */
    uint64_t now_ns;   /* at the last tick */
    uint64_t first_ns; /* when the first is due; UINT64_MAX: none waits */
    uint64_t nr_delayed;
};

/**
 * @brief Begin with no port waiting. Until the first tick, none will.
 * @param[in] ports one for each port, kept; NULL: every end is at once.
 *
 * Caller: owner, before any port is open. Order: none. Peer: nothing.
 */
void splitio_event_eoi_init(struct splitio_event_eoi *eoi,
                            struct splitio_event_eoi_port *ports,
                            uint32_t nr_ports);

/**
 * @brief The owner of a port has handled its event.
 * @param[in] idle there was no work.
 * @return true: unmask it now; false: a tick will say when. Make the ticking
 * thread look again at how long it may sleep.
 *
 * Caller: the port's owner thread. Order: none. Peer: whether there was work.
 */
bool splitio_event_eoi_end(struct splitio_event_eoi *eoi, splitio_evtchn_t port,
                           bool idle);

/**
 * @brief A port is opened or closed: it waits no longer, nothing is held
 * against it. A tick that runs at this moment may unmask it still.
 *
 * Caller: owner, any thread. Order: none. Peer: nothing.
 */
void splitio_event_eoi_forget(struct splitio_event_eoi *eoi,
                              splitio_evtchn_t port);

/**
 * @brief Tell the time, and unmask what is due.
 * @param[in] now_ns any clock that does not go back.
 * @return when the next is due; UINT64_MAX: none waits.
 *
 * Caller: one thread, before it runs handlers. Order: none. Peer: how many of
 * its ports wait; a call goes through those that wait only if one is due.
 */
uint64_t splitio_event_eoi_tick(struct splitio_event_eoi *eoi, uint64_t now_ns,
                                void (*unmask)(void *arg,
                                               splitio_evtchn_t port),
                                void *arg);

/** @brief Ends of interrupt that were put off, ever. */
static inline uint64_t
splitio_event_eoi_nr_delayed(const struct splitio_event_eoi *eoi)
{
    return splitio_read_once_u64(&eoi->nr_delayed);
}

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_EVENT_EOI_H */
