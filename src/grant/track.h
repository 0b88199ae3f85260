/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain's mappings: handles, and what they stand for. */
#ifndef SPLITIO_SRC_GRANT_TRACK_H
#define SPLITIO_SRC_GRANT_TRACK_H

#include <splitio/grant_engine.h>

#include "stack.h"

/*
 * A track word, from the top: generation 12 bits, live 1, writable 1,
 * 2 unused, domain 16, reference 32. Unmapping is one compare-and-swap from
 * live to free, so a handle works once whoever calls how often.
 */
#define TRACK_LIVE      (UINT64_C(1) << 51)
#define TRACK_WRITE     (UINT64_C(1) << 50)
#define TRACK_GEN_SHIFT 52
#define HANDLE_GEN      20
#define LINK_STRIDE     (sizeof(struct splitio_grant_track) / sizeof(uint32_t))

static inline splitio_domid_t track_domid(uint64_t word)
{
    return (splitio_domid_t)(word >> 32);
}

static inline splitio_gref_t track_gref(uint64_t word)
{
    return (splitio_gref_t)word;
}

static inline enum splitio_grant_pin track_kind(uint64_t word)
{
    return word & TRACK_WRITE ? SPLITIO_PIN_MAP_WRITE : SPLITIO_PIN_MAP_READ;
}

/* The generation alone, in place. */
static inline uint64_t track_gen(uint64_t word)
{
    return word >> TRACK_GEN_SHIFT << TRACK_GEN_SHIFT;
}

static inline uint32_t track_index(splitio_grant_handle_t handle)
{
    return handle & (SPLITIO_GRANT_TRACK_MAX - 1);
}

static inline void track_free(struct splitio_grant_domain *d, uint32_t index)
{
    stack_push(&d->track_head, index, &d->track[index].next);
}

/* The live word of a handle, 0 if it is not one. */
static inline uint64_t track_live_word(struct splitio_grant_domain *d,
                                       splitio_grant_handle_t handle)
{
    uint32_t index = track_index(handle);
    uint64_t word;

    if (index >= d->nr_track)
        return 0;
    word = splitio_load_acquire_u64(&d->track[index].word);
    if (!(word & TRACK_LIVE) || word >> TRACK_GEN_SHIFT != handle >> HANDLE_GEN)
        return 0;
    return word;
}

#endif /* SPLITIO_SRC_GRANT_TRACK_H */
