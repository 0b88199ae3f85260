/* SPDX-License-Identifier: BSD-2-Clause */
/* What an architecture's folder supplies, and what the files beside this share. */
#ifndef BAREMETAL_MACHINE_H
#define BAREMETAL_MACHINE_H

#include <splitio/binding/baremetal.h>

/* ---- <architecture>/ ---- */

/** A call to the hypervisor, as Xen numbers them; negative: -errno of Xen's. */
SPLITIO_INTERNAL int64_t splitio_bm_call(unsigned nr, uint64_t a, uint64_t b,
                                         uint64_t c);
/** Have upcalls end splitio_bm_halt(). 0; SPLITIO_EOPNOTSUPP, SPLITIO_EIO. */
SPLITIO_INTERNAL int splitio_bm_upcalls(void);
/** Sleep until the next upcall, or one that came since splitio_bm_upcalls() and
 *  has not ended a sleep; with interrupts off before and after. */
SPLITIO_INTERNAL void splitio_bm_halt(void);
/** Layout of the shared info page. */
SPLITIO_INTERNAL const struct splitio_event_abi *splitio_bm_event_abi(void);
/** For a fault: what to call, with a line of text, before the machine ends. */
SPLITIO_INTERNAL void
splitio_bm_on_fault(void (*say)(void *arg, const char *text, uint32_t len),
                    void *arg);

/* ---- call.c ---- */

/** As SPLITIO_E*. */
SPLITIO_INTERNAL int splitio_bm_error(int64_t xens);
/** A page of the hypervisor's appears at an address. */
SPLITIO_INTERNAL int splitio_bm_show(unsigned space, uint64_t index,
                                     void *page);
SPLITIO_INTERNAL int splitio_bm_param(uint32_t index, uint64_t *value);
SPLITIO_INTERNAL int splitio_bm_bind_virq(uint32_t virq,
                                          splitio_evtchn_t *port);
/** 0: none. */
SPLITIO_INTERNAL void splitio_bm_set_timer(uint64_t deadline_ns);
SPLITIO_INTERNAL int splitio_bm_upcall_vector(uint8_t vector);
SPLITIO_INTERNAL extern const struct splitio_hypercall_ops splitio_bm_ops;

/* ---- console.c ---- */

SPLITIO_INTERNAL int splitio_bm_console_open(struct splitio_baremetal *bm);

/* Spaces of splitio_bm_show() (XENMAPSPACE_*). */
#define SPACE_SHARED_INFO 0u
#define SPACE_GRANT_TABLE 1u

/* Parameters (HVM_PARAM_*). */
#define PARAM_STORE_PFN      1u
#define PARAM_STORE_EVTCHN   2u
#define PARAM_CONSOLE_PFN    17u
#define PARAM_CONSOLE_EVTCHN 18u

#endif /* BAREMETAL_MACHINE_H */
