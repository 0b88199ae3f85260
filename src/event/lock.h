/* SPDX-License-Identifier: BSD-2-Clause */
/* Locks that are held for a few steps and never while somebody is called. */
#ifndef SPLITIO_SRC_EVENT_LOCK_H
#define SPLITIO_SRC_EVENT_LOCK_H

#include <splitio/arch.h>

static inline void spin_lock(uint32_t *lock)
{
    uint32_t nobody = 0;

    while (!splitio_cas_u32(lock, &nobody, 1)) {
        nobody = 0;
        splitio_cpu_relax();
    }
}

static inline void spin_unlock(uint32_t *lock)
{
    splitio_store_release_u32(lock, 0);
}

#endif /* SPLITIO_SRC_EVENT_LOCK_H */
