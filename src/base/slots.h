/* SPDX-License-Identifier: BSD-2-Clause */
/* Registered domains: entered without a lock, left before they are forgotten. */
#ifndef SPLITIO_SRC_SLOTS_H
#define SPLITIO_SRC_SLOTS_H

#include <splitio/arch.h>
#include <splitio/port.h>

/*
 * enter() counts itself in and then looks; the registering thread marks the
 * pointer and then counts. All four are totally ordered, so one side sees the
 * other: once a slot is marked and idle, no call that minds the mark is inside
 * its domain and none will come. Calls that are refused anyway do not count
 * themselves in, or a crowd of them would keep the slot busy for ever.
 */
#define SLOT_SHUT  ((uintptr_t)1) /* nobody enters */
#define SLOT_DYING ((uintptr_t)2) /* only who ends something enters */
#define SLOT_MARKS (SLOT_SHUT | SLOT_DYING)

static inline void *slot_enter_despite(struct splitio_domain_slot *slots,
                                       unsigned nr_slots, splitio_domid_t domid,
                                       uintptr_t marks)
{
    uintptr_t domain;

    if (domid >= nr_slots)
        return NULL;
    domain = __atomic_load_n(&slots[domid].domain, __ATOMIC_RELAXED);
    if (domain == 0 || (domain & SLOT_MARKS & ~marks) != 0)
        return NULL;
    splitio_fetch_add_u32(&slots[domid].users, 1);
    domain = __atomic_load_n(&slots[domid].domain, __ATOMIC_SEQ_CST);
    if (domain == 0 || (domain & SLOT_MARKS & ~marks) != 0) {
        splitio_fetch_add_u32(&slots[domid].users, UINT32_MAX);
        return NULL;
    }
    return (void *)(domain & ~SLOT_MARKS);
}

/* The domain in a slot, held until slot_leave(); NULL if there is none. */
static inline void *slot_enter(struct splitio_domain_slot *slots,
                               unsigned nr_slots, splitio_domid_t domid)
{
    return slot_enter_despite(slots, nr_slots, domid, 0);
}

/* The same for calls that only end what was begun, or look. */
static inline void *slot_enter_dying(struct splitio_domain_slot *slots,
                                     unsigned nr_slots, splitio_domid_t domid)
{
    return slot_enter_despite(slots, nr_slots, domid, SLOT_DYING);
}

static inline void slot_leave(struct splitio_domain_slot *slots,
                              splitio_domid_t domid)
{
    splitio_fetch_add_u32(&slots[domid].users, UINT32_MAX);
}

/* The domain in a slot, marked or not, for its one registering thread. */
static inline void *slot_peek(struct splitio_domain_slot *slots,
                              unsigned nr_slots, splitio_domid_t domid)
{
    if (domid >= nr_slots)
        return NULL;
    return (void *)(__atomic_load_n(&slots[domid].domain, __ATOMIC_SEQ_CST) &
                    ~SLOT_MARKS);
}

/* 0, SPLITIO_EEXIST. */
static inline int slot_fill(struct splitio_domain_slot *slots,
                            splitio_domid_t domid, void *domain)
{
    uintptr_t none = 0;

    return __atomic_compare_exchange_n(&slots[domid].domain, &none,
                                       (uintptr_t)domain, false,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
               ? 0
               : SPLITIO_EEXIST;
}

/* Set what a slot holds: the domain, with or without a mark, or 0. */
static inline void slot_set(struct splitio_domain_slot *slots,
                            splitio_domid_t domid, uintptr_t value)
{
    __atomic_store_n(&slots[domid].domain, value, __ATOMIC_SEQ_CST);
}

static inline bool slot_is_idle(struct splitio_domain_slot *slots,
                                splitio_domid_t domid)
{
    return __atomic_load_n(&slots[domid].users, __ATOMIC_SEQ_CST) == 0;
}

#endif /* SPLITIO_SRC_SLOTS_H */
