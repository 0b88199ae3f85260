/* SPDX-License-Identifier: BSD-2-Clause */
/* A lock-free stack of indices, for free lists. */
#ifndef SPLITIO_SRC_GRANT_STACK_H
#define SPLITIO_SRC_GRANT_STACK_H

#include <splitio/arch.h>

#define STACK_END UINT32_MAX

/*
 * The head is one word, tag in the upper half and index in the lower. Every
 * push changes the tag, so that an index that went and came back is not taken
 * for one that stayed (ABA).
 */

static inline uint64_t stack_empty(void)
{
    return STACK_END;
}

/* Push an index whose link word is @p next. */
static inline void stack_push(uint64_t *head, uint32_t index, uint32_t *next)
{
    uint64_t old = splitio_load_acquire_u64(head);

    do
        splitio_write_once_u32(next, (uint32_t)old);
    while (!splitio_cas_u64(head, &old,
                            ((old >> 32) + 1) << 32 | (uint64_t)index));
}

/* The index popped, or STACK_END. Link words are @p stride_words apart. */
static inline uint32_t stack_pop(uint64_t *head, const uint32_t *links,
                                 size_t stride_words)
{
    uint64_t old = splitio_load_acquire_u64(head);

    for (;;) {
        uint32_t index = (uint32_t)old;
        uint32_t next;

        if (index == STACK_END)
            return STACK_END;
        next = splitio_read_once_u32(links + index * stride_words);
        if (splitio_cas_u64(head, &old, (old >> 32 << 32) | next))
            return index;
    }
}

/* All of it at once; the indices hang together by their links. */
static inline uint32_t stack_take_all(uint64_t *head)
{
    uint64_t old = splitio_load_acquire_u64(head);

    while ((uint32_t)old != STACK_END &&
           !splitio_cas_u64(head, &old, (old >> 32 << 32) | STACK_END))
        ;
    return (uint32_t)old;
}

#endif /* SPLITIO_SRC_GRANT_STACK_H */
