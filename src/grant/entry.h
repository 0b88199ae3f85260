/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of a domain's table, and who is at work on one. */
#ifndef SPLITIO_SRC_GRANT_ENTRY_H
#define SPLITIO_SRC_GRANT_ENTRY_H

#include <splitio/grant_engine.h>

/* Turns to wait for another call on the same entry. */
#define OWNER_TURNS 4096

#define IN_USE (SPLITIO_GTF_READING | SPLITIO_GTF_WRITING)

static inline struct splitio_grant_entry_v1 *
entry_v1(struct splitio_grant_domain *d, splitio_gref_t gref)
{
    return (struct splitio_grant_entry_v1 *)
               d->frames[gref / SPLITIO_GRANTS_PER_FRAME_V1] +
           gref % SPLITIO_GRANTS_PER_FRAME_V1;
}

static inline union splitio_grant_entry_v2 *
entry_v2(struct splitio_grant_domain *d, splitio_gref_t gref)
{
    return (union splitio_grant_entry_v2 *)
               d->frames[gref / SPLITIO_GRANTS_PER_FRAME_V2] +
           gref % SPLITIO_GRANTS_PER_FRAME_V2;
}

static inline splitio_grant_status_t *
entry_status(struct splitio_grant_domain *d, splitio_gref_t gref)
{
    return &d->status[gref / SPLITIO_GRANT_STATUS_PER_FRAME]
                     [gref % SPLITIO_GRANT_STATUS_PER_FRAME];
}

static inline uint32_t refs_per_frame(unsigned version)
{
    return version == 1 ? SPLITIO_GRANTS_PER_FRAME_V1
                        : SPLITIO_GRANTS_PER_FRAME_V2;
}

/* Of the word that holds the flags in its lower half. */
static inline splitio_domid_t entry_domid(uint32_t word)
{
    return (splitio_domid_t)(word >> 16);
}

SPLITIO_STATIC_ASSERT((SPLITIO_PIN_MAP_WRITE & SPLITIO_PIN_COPY_WRITE &
                       ~SPLITIO_PIN_MAP_READ & ~SPLITIO_PIN_COPY_READ) == 1,
                      "the lowest bit says that it writes");

static inline bool pin_is_write(enum splitio_grant_pin kind)
{
    return (kind & 1) != 0;
}

static inline bool pin_is_copy(enum splitio_grant_pin kind)
{
    return kind >= SPLITIO_PIN_COPY_READ;
}

static inline bool has_pins(const struct splitio_grant_active *a)
{
    uint64_t all;

    SPLITIO_STATIC_ASSERT(sizeof(all) == sizeof(a->pins), "four counters");
    __builtin_memcpy(&all, a->pins, sizeof(all));
    return all != 0;
}

static inline bool has_writers(const struct splitio_grant_active *a)
{
    return (a->pins[SPLITIO_PIN_MAP_WRITE] | a->pins[SPLITIO_PIN_COPY_WRITE]) !=
           0;
}

/* The in-use bits that the pins amount to. */
static inline uint16_t in_use_bits(const struct splitio_grant_active *a)
{
    if (!has_pins(a))
        return 0;
    return has_writers(a) ? IN_USE : SPLITIO_GTF_READING;
}

static inline bool try_own(struct splitio_grant_active *a)
{
    for (unsigned i = 0; i < OWNER_TURNS; i++) {
        uint32_t nobody = 0;

        if (splitio_cas_u32(&a->owner, &nobody, 1))
            return true;
        splitio_cpu_relax();
    }
    return false;
}

/* Waits only for calls of this process, each some instructions long. */
static inline void own(struct splitio_grant_active *a)
{
    while (!try_own(a))
        ;
}

static inline void disown(struct splitio_grant_active *a)
{
    splitio_store_release_u32(&a->owner, 0);
}

#endif /* SPLITIO_SRC_GRANT_ENTRY_H */
