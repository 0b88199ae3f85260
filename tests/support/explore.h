/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walks all situations that a small model can get into. A situation is a block
 * of bytes without padding; the moves of a model change it. Fails the test that
 * runs if somebody can get nowhere any more, or can go in circles for ever.
 */
#ifndef SPLITIO_TESTS_EXPLORE_H
#define SPLITIO_TESTS_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>

#define EXPLORE_BYTES_MAX 32u

/** A model. */
struct explore {
    size_t bytes;      /**< of a situation */
    unsigned nr_moves; /**< moves from each */
    /** Of these, the first are expected to happen; the others (crashes) may,
     *  and need not. */
    unsigned nr_sure;
    /** Make a move; false: it is not possible here, or changes nothing. */
    bool (*move)(void *situation, unsigned nr);
    /** A situation without a sure move: assert that it is a good one. */
    void (*check_end)(const void *situation);
    /** Tell what it looks like, on one line. */
    void (*show)(const void *situation);
    /** Circles are an error in this situation; otherwise it is enough that
     *  there is a way out. */
    bool (*no_circles)(const void *situation);
    /* private */
    struct explore_node *set, **stack;
    unsigned nr_seen, nr_ends;
};

void explore_init(struct explore *e);
/** Explore all that follows from a situation. */
void explore_from(struct explore *e, const void *situation);
/** After all explore_from(): from everywhere there must be a way to an end. */
void explore_check_ways(struct explore *e);
void explore_fini(struct explore *e);

#endif /* SPLITIO_TESTS_EXPLORE_H */
