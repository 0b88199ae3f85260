/* SPDX-License-Identifier: BSD-2-Clause */
/* Bits and words of a shared info page, in the guest's word size. */
#ifndef SPLITIO_SRC_EVENT_ABI_H
#define SPLITIO_SRC_EVENT_ABI_H

#include <splitio/event.h>

/*
 * A bit lies in a little-endian word of the guest's size, and is operated on in
 * words of that size, as the guest does.
 */

static inline void *word_at(const struct splitio_event_abi *abi, uint8_t *array,
                            uint32_t port)
{
    return array + (size_t)(port / abi->word_bits) * (abi->word_bits / 8u);
}

/*
 * Each returns the bit before, and is written so that compilers find the one
 * instruction for it: a loop could be prolonged by who writes to the same word.
 */

static inline bool bit_set(const struct splitio_event_abi *abi, uint8_t *array,
                           uint32_t port)
{
    unsigned bit = port % abi->word_bits;
    void *word = word_at(abi, array, port);
    uint32_t narrow;

    if (abi->word_bits == 64) {
        const uint64_t wide = UINT64_C(1) << bit;

        return (splitio_fetch_or_le64(word, wide) & wide) != 0;
    }
    narrow = UINT32_C(1) << bit;
    return (splitio_fetch_or_le32(word, narrow) & narrow) != 0;
}

static inline bool bit_clear(const struct splitio_event_abi *abi,
                             uint8_t *array, uint32_t port)
{
    unsigned bit = port % abi->word_bits;
    void *word = word_at(abi, array, port);
    uint32_t narrow;

    if (abi->word_bits == 64) {
        const uint64_t wide = UINT64_C(1) << bit;

        return (splitio_fetch_and_le64(word, ~wide) & wide) != 0;
    }
    narrow = UINT32_C(1) << bit;
    return (splitio_fetch_and_le32(word, ~narrow) & narrow) != 0;
}

/* A whole word, ordered after every totally ordered operation before it. */
static inline uint64_t word_read(const struct splitio_event_abi *abi,
                                 uint8_t *array, unsigned index)
{
    uint8_t *word = array + (size_t)index * (abi->word_bits / 8u);

    if (abi->word_bits == 64)
        return splitio_le64(__atomic_load_n((splitio_atomic_u64 *)(void *)word,
                                            __ATOMIC_SEQ_CST));
    return splitio_le32(
        __atomic_load_n((uint32_t *)(void *)word, __ATOMIC_SEQ_CST));
}

static inline bool bit_test(const struct splitio_event_abi *abi, uint8_t *array,
                            uint32_t port)
{
    return word_read(abi, array, port / abi->word_bits) >>
               (port % abi->word_bits) &
           1;
}

/* Take a word and leave 0. */
static inline uint64_t word_take(const struct splitio_event_abi *abi,
                                 uint8_t *word)
{
    if (abi->word_bits == 64)
        return splitio_xchg_le64((uint64_t *)(void *)word, 0);
    return splitio_xchg_le32((uint32_t *)(void *)word, 0);
}

static inline uint8_t *vcpu_info(const struct splitio_event_abi *abi,
                                 uint8_t *shared_info, unsigned vcpu)
{
    return shared_info + (size_t)vcpu * abi->vcpu_stride;
}

/*
 * Make a pending port known to a vcpu, whose info is at v. True if the vcpu had no upcall pending,
 * that is, if it must be interrupted.
 */
static inline bool mark_vcpu(const struct splitio_event_abi *abi, uint8_t *v,
                             uint32_t port)
{
    if (bit_set(abi, v + abi->selector, port / abi->word_bits))
        return false;
    return splitio_xchg_u8(v + abi->upcall_pending, 1) == 0;
}

#endif /* SPLITIO_SRC_EVENT_ABI_H */
